//! UMEM: the memory that the kernel writes frames to. It is divided into chunks of equal size,
//! and for each chunk there is one token, which is with us or with the kernel and never with both.
//!
//! Why that holds, also between threads: all tokens are made with the memory, and none can be
//! copied. A chunk goes to the kernel when its address is published on the fill ring, by the owner
//! of the queue alone; its token or loan is ended before that. (An owner writes the address while
//! the frame is lent; the kernel does not look at it before it is published.) The kernel then
//! writes the chunk, and names it in one entry of one RX ring. The worker that reads the entry
//! acquires the ring's cursor, and so sees what the kernel wrote; the entry is lent until its place
//! is released, or is made into the next token. A token that goes to the owner goes by a ring that
//! orders the worker's reads before the owner's publishing.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::slice;

use super::sys;

/// The right to one chunk. It can't be copied: whoever holds it may read the chunk, and giving it
/// to the kernel gives the right away.
#[derive(Debug)]
pub(super) struct Chunk(u32);

/// A frame that the kernel lent us: a chunk, and where in it the bytes are.
#[derive(Debug)]
pub(super) struct FrameHandle {
    chunk: Chunk,
    start: u32,
    len: u32,
}

impl FrameHandle {
    /// The chunk, when the frame is not needed any more.
    #[inline]
    pub(super) fn into_chunk(self) -> Chunk {
        self.chunk
    }
}

/// Where an address of the kernel's lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    chunk: u32,
    start: u32,
}

/// How a UMEM is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    chunks: u32,
    chunk_log2: u32,
}

impl Geometry {
    /// So many chunks of so many bytes, both powers of two.
    pub(super) fn new(chunks: u32, chunk_bytes: u32) -> Option<Self> {
        let sound = chunks.is_power_of_two() && matches!(chunk_bytes, 2048 | 4096);
        sound.then_some(Self {
            chunks,
            chunk_log2: chunk_bytes.trailing_zeros(),
        })
    }

    /// Chunks.
    pub(super) const fn chunks(self) -> u32 {
        self.chunks
    }

    /// Bytes of one.
    pub(super) const fn chunk_bytes(self) -> u32 {
        1 << self.chunk_log2
    }

    /// Bytes of all.
    pub(super) const fn len(self) -> usize {
        (self.chunks as usize) << self.chunk_log2
    }

    /// The address that stands for a chunk in the fill ring.
    #[inline]
    pub(super) const fn address(self, chunk: &Chunk) -> u64 {
        (chunk.0 as u64) << self.chunk_log2
    }

    /// The chunk that an address lies in; `None` for one outside, or for bytes that go beyond the
    /// chunk.
    #[inline]
    pub(super) fn place(self, address: u64, len: u32) -> Option<Place> {
        let chunk = u32::try_from(address >> self.chunk_log2).ok()?;
        let start = (address as u32) & (self.chunk_bytes() - 1);
        let fits = start
            .checked_add(len)
            .is_some_and(|end| end <= self.chunk_bytes());
        (chunk < self.chunks && fits).then_some(Place { chunk, start })
    }
}

/// The memory.
pub(super) struct Umem {
    base: NonNull<u8>,
    geometry: Geometry,
    huge: bool,
}

// SAFETY: the memory is read through frame handles alone, of which each chunk has at most one; who
// holds it may be any thread.
unsafe impl Send for Umem {}
// SAFETY: as above; no method writes to the memory.
unsafe impl Sync for Umem {}

impl Umem {
    /// Maps the memory, in huge pages where there are any, and touches all of it, so that no frame
    /// waits for a page. Gives it to the kernel through this socket. With it come the tokens of all
    /// its chunks.
    pub(super) fn new(
        geometry: Geometry,
        socket: BorrowedFd<'_>,
    ) -> io::Result<(Self, Vec<Chunk>)> {
        let (umem, chunks) = Self::map(geometry)?;
        let (base, len) = (umem.base, geometry.len());
        // SAFETY: the memory is registered once, here, so that the kernel lends each chunk once at
        // a time, and it is read through handles, which exist between RX and FILL alone. The
        // kernel pins the pages: they stay its own should the mapping go first.
        unsafe { sys::register(socket, base, len, geometry.chunk_bytes()) }?;
        Ok((umem, chunks))
    }

    /// Maps it. No kernel knows of it yet.
    pub(super) fn map(geometry: Geometry) -> io::Result<(Self, Vec<Chunk>)> {
        const HUGE_PAGE_BYTES: usize = 2 << 20;
        let huge = if geometry.len().is_multiple_of(HUGE_PAGE_BYTES) {
            map(geometry.len(), libc::MAP_HUGETLB).ok()
        } else {
            None
        };
        let base = match huge {
            Some(base) => base,
            None => map(geometry.len(), 0)?,
        };
        let umem = Self {
            base,
            geometry,
            huge: huge.is_some(),
        };
        Ok((umem, (0..geometry.chunks).map(Chunk).collect()))
    }

    /// How it is divided.
    #[inline]
    pub(super) const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// True when it lies in huge pages.
    pub(super) const fn is_huge(&self) -> bool {
        self.huge
    }

    /// The frame that a descriptor of the kernel's names: it hands the chunk to us. `None` for one
    /// outside the memory, or that goes beyond its chunk. To be called once for each entry of an
    /// RX ring, as [`super::socket::Socket`] does; the module is closed, so that nobody else can.
    #[inline]
    pub(super) fn taken(&self, address: u64, len: u32) -> Option<FrameHandle> {
        let place = self.geometry.place(address, len)?;
        Some(FrameHandle {
            chunk: Chunk(place.chunk),
            start: place.start,
            len,
        })
    }

    /// What a frame holds.
    #[inline]
    pub(super) fn bytes<'a>(&'a self, frame: &'a FrameHandle) -> &'a [u8] {
        let address = self.geometry.address(&frame.chunk) + u64::from(frame.start);
        self.window().lent(address, frame.len).unwrap_or_default()
    }

    /// The chunk that an address written back names, taken as [`Self::taken`] says; `None` for one
    /// outside the memory.
    #[inline]
    pub(super) fn given(&self, address: u64) -> Option<Chunk> {
        self.taken(address, 0).map(FrameHandle::into_chunk)
    }

    /// The view for whom descriptors are lent.
    #[inline]
    pub(super) const fn window(&self) -> Window<'_> {
        Window {
            base: self.base,
            len: self.geometry.len() as u64,
            umem: PhantomData,
        }
    }

    /// Writes as the kernel does, for tests.
    #[cfg(test)]
    pub(super) fn write(&self, address: u64, bytes: &[u8]) {
        let place = self.geometry.place(address, bytes.len() as u32);
        assert!(place.is_some(), "outside");
        // SAFETY: it lies within the memory, as was asked above.
        let first = unsafe { self.base.add(address as usize) };
        // SAFETY: as above; the test that plays the kernel has the chunk, and nobody a handle.
        unsafe { first.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    }
}

/// A view of the memory for one loan, small enough to stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    base: NonNull<u8>,
    len: u64,
    umem: PhantomData<&'a Umem>,
}

impl<'a> Window<'a> {
    /// The bytes that a descriptor of the kernel's names; `None` for one outside the memory. Only
    /// for descriptors whose chunk is lent to us and not given back as long as the bytes are
    /// borrowed, as [`super::socket::Socket::burst`] and [`Umem::bytes`] see to; the module is
    /// closed, so that nobody else can.
    #[inline]
    pub(super) fn lent(self, address: u64, len: u32) -> Option<&'a [u8]> {
        let end = address.checked_add(u64::from(len))?;
        if end > self.len {
            return None;
        }
        // SAFETY: the bytes lie within the memory, checked above, which is borrowed for 'a.
        let first = unsafe { self.base.add(address as usize) };
        // SAFETY: as above. The kernel does not write a chunk between handing it over on
        // RX and getting it back on FILL; a loan or a handle stands for that time.
        Some(unsafe { slice::from_raw_parts(first.as_ptr(), len as usize) })
    }
}

fn map(len: usize, extra: libc::c_int) -> io::Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE | extra;
    // SAFETY: new memory of nobody's, at a place that the kernel chooses.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::other("no mapping"))
}

impl Drop for Umem {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's alone; sockets that wrote to it are closed, and no
        // bytes of it are borrowed any more.
        let _ = unsafe { libc::munmap(self.base.as_ptr().cast(), self.geometry.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_in_their_chunk() {
        let geometry = Geometry::new(4, 2048).unwrap();
        let place = |chunk, start| Some(Place { chunk, start });
        assert_eq!(geometry.place(0, 2048), place(0, 0));
        assert_eq!(geometry.place(2048 + 256, 1792), place(1, 256));
        assert_eq!(geometry.place(2048 + 256, 1793), None);
        assert_eq!(geometry.place(3 * 2048 + 2047, 1), place(3, 2047));
        assert_eq!(geometry.place(4 * 2048, 0), None);
        assert_eq!(geometry.place(u64::MAX, 0), None);
        assert_eq!(geometry.place(0, u32::MAX), None);
        assert_eq!(Geometry::new(3, 2048), None);
        assert_eq!(Geometry::new(4, 1024), None);
    }

    #[test]
    fn fuzz_place() {
        let geometry = Geometry::new(1024, 4096).unwrap();
        bolero::check!()
            .with_type::<(u64, u32)>()
            .for_each(|&(address, len)| {
                if let Some(place) = geometry.place(address, len) {
                    let offset = u64::from(place.chunk) * 4096 + u64::from(place.start);
                    assert_eq!(offset, address);
                    assert!(offset + u64::from(len) <= geometry.len() as u64);
                }
            });
    }

    #[test]
    fn every_chunk_has_one_token() {
        let (umem, chunks) = Umem::map(Geometry::new(1024, 2048).unwrap()).unwrap();
        assert!(chunks.iter().map(|chunk| chunk.0).eq(0..1024));
        let addresses = chunks.iter().map(|chunk| umem.geometry().address(chunk));
        assert!(addresses.eq((0..1024).map(|number| number * 2048)));
    }
}
