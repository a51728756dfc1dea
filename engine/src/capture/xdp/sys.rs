//! AF_XDP sockets: the system calls that make one, behind safe functions, and the memory of their
//! rings (`linux/if_xdp.h`). It receives nothing; what the words of a ring mean is the ring's.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytemuck::AnyBitPattern;
use libc::{c_int, c_void, socklen_t};

/// What a socket lost, as `XDP_STATISTICS` gives it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, AnyBitPattern)]
pub(super) struct Statistics {
    /// Found no free chunk, or was refused for another reason.
    pub(super) rx_dropped: u64,
    /// Wrong addresses in the fill ring.
    pub(super) rx_invalid: u64,
    tx_invalid: u64,
    /// Found the RX ring full.
    pub(super) rx_ring_full: u64,
    /// Times that the fill ring was empty; of the queue, not of the socket.
    pub(super) fill_empty: u64,
    tx_empty: u64,
}

#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct RingOffsets {
    producer: u64,
    consumer: u64,
    descriptors: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Clone, Copy, AnyBitPattern)]
struct Offsets {
    rx: RingOffsets,
    tx: RingOffsets,
    fill: RingOffsets,
    completion: RingOffsets,
}

/// Which ring of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RingKind {
    /// Free chunks, to the kernel: one word an entry.
    Fill,
    /// Frames, from the kernel: two words an entry.
    Rx,
}

impl RingKind {
    fn words(self) -> usize {
        match self {
            Self::Fill => 1,
            Self::Rx => 2,
        }
    }
}

/// A new socket, bound to nothing.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes numbers alone.
    let fd = unsafe { libc::socket(libc::AF_XDP, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, open and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set<T: Copy>(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let (value, bytes) = ((&raw const *value).cast(), size_of::<T>() as socklen_t);
    // SAFETY: pointer and length are those of a value that is borrowed for the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn get<T: AnyBitPattern>(socket: BorrowedFd<'_>, option: c_int) -> io::Result<T> {
    let mut value = T::zeroed();
    let mut bytes = size_of::<T>() as socklen_t;
    let place: *mut c_void = (&raw mut value).cast();
    // SAFETY: pointer and length are those of a value that is borrowed for the call; whatever the
    // kernel writes there is a valid one.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_XDP,
            option,
            place,
            &raw mut bytes,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(value)
}

/// Gives the kernel this memory for frames, in chunks of so many bytes.
///
/// # Safety
///
/// The memory must be the caller's, registered nowhere else, and be touched as
/// [`super::umem::Umem`] allows alone.
pub(super) unsafe fn register(
    socket: BorrowedFd<'_>,
    memory: NonNull<u8>,
    len: usize,
    chunk_bytes: u32,
) -> io::Result<()> {
    let umem = libc::xdp_umem_reg {
        addr: memory.as_ptr() as u64,
        len: len as u64,
        chunk_size: chunk_bytes,
        headroom: 0,
        flags: 0,
        tx_metadata_len: 0,
    };
    set(socket, libc::SOL_XDP, libc::XDP_UMEM_REG, &umem)
}

/// Sets the size of a ring, in entries.
pub(super) fn size_ring(socket: BorrowedFd<'_>, kind: RingKind, entries: u32) -> io::Result<()> {
    let option = match kind {
        RingKind::Fill => libc::XDP_UMEM_FILL_RING,
        RingKind::Rx => libc::XDP_RX_RING,
    };
    set(socket, libc::SOL_XDP, option, &entries)
}

/// Sets the size of the ring that a sender would need; the kernel binds no memory without it.
/// Nothing is ever sent, so it is as small as can be.
pub(super) fn size_completion(socket: BorrowedFd<'_>) -> io::Result<()> {
    let option = libc::XDP_UMEM_COMPLETION_RING;
    set(socket, libc::SOL_XDP, option, &1u32)
}

/// Lets the socket poll the device by itself.
pub(super) fn busy_poll(socket: BorrowedFd<'_>, usecs: u32, budget: u16) -> io::Result<()> {
    let level = libc::SOL_SOCKET;
    set(socket, level, libc::SO_PREFER_BUSY_POLL, &1u32)?;
    set(socket, level, libc::SO_BUSY_POLL, &usecs)?;
    set(socket, level, libc::SO_BUSY_POLL_BUDGET, &u32::from(budget))
}

/// Binds a socket to a queue. With `owner` it shares that socket's memory and fill ring.
pub(super) fn bind(
    socket: BorrowedFd<'_>,
    index: u32,
    queue: u32,
    flags: u16,
    owner: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as u16,
        sxdp_flags: flags,
        sxdp_ifindex: index,
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: owner.map_or(0, |owner| owner.as_raw_fd() as u32),
    };
    let bytes = size_of_val(&address) as socklen_t;
    // SAFETY: pointer and length are those of a value that is borrowed for the call.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), bytes) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// True if the driver writes frames straight into our memory.
pub(super) fn is_zero_copy(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let flags: u32 = get(socket, libc::XDP_OPTIONS)?;
    Ok(flags & libc::XDP_OPTIONS_ZEROCOPY != 0)
}

/// What the socket lost.
pub(super) fn statistics(socket: BorrowedFd<'_>) -> io::Result<Statistics> {
    get(socket, libc::XDP_STATISTICS)
}

/// Words that a program counts in and we read: the values of a map.
pub(super) struct CountsMap {
    base: NonNull<u8>,
    words: usize,
}

// SAFETY: the memory is read through shared atomics alone, from any thread.
unsafe impl Send for CountsMap {}
// SAFETY: as above.
unsafe impl Sync for CountsMap {}

impl CountsMap {
    /// Maps the values of a map that allows it, so many words.
    pub(super) fn new(map: BorrowedFd<'_>, words: usize) -> io::Result<Self> {
        // SAFETY: a new mapping of a descriptor that is open, at a place that the kernel chooses;
        // the kernel refuses one that is longer than the map.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                words * 8,
                libc::PROT_READ,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("no mapping"))?;
        Ok(Self { base, words })
    }

    /// One of them, 0 for one outside.
    pub(super) fn word(&self, at: usize) -> u64 {
        if at >= self.words {
            return 0;
        }
        // SAFETY: the word lies within the mapping, as just checked.
        let place = unsafe { self.base.add(at * 8) };
        // SAFETY: aligned, since the mapping is by pages, and mapped as long as `self`; the program
        // changes it by atomic operations and whole words.
        unsafe { place.cast::<AtomicU64>().as_ref() }.load(Ordering::Acquire)
    }
}

impl Drop for CountsMap {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's alone, and no reference to it outlives `self`.
        let _ = unsafe { libc::munmap(self.base.as_ptr().cast(), self.words * 8) };
    }
}

/// Waits until every program that runs now has run (`MEMBARRIER_CMD_GLOBAL` is a grace period of
/// RCU).
pub(super) fn wait_for_programs() -> io::Result<()> {
    // SAFETY: takes numbers alone.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A ring that the kernel and we have mapped both.
pub(super) struct RingMap {
    base: NonNull<u8>,
    len: usize,
    offsets: RingOffsets,
    words: usize,
}

// SAFETY: the memory is reached through shared atomics alone, from any thread.
unsafe impl Send for RingMap {}

impl RingMap {
    /// Maps a ring of so many entries, after its size was set.
    pub(super) fn new(socket: BorrowedFd<'_>, kind: RingKind, entries: u32) -> io::Result<Self> {
        let all: Offsets = get(socket, libc::XDP_MMAP_OFFSETS)?;
        let (offsets, place) = match kind {
            RingKind::Fill => (all.fill, libc::XDP_UMEM_PGOFF_FILL_RING as libc::off_t),
            RingKind::Rx => (all.rx, libc::XDP_PGOFF_RX_RING),
        };
        let words = entries as usize * kind.words();
        let len = usize::try_from(offsets.descriptors).map_err(io::Error::other)? + words * 8;
        // Every word must lie in the mapping, and where its type may.
        let cursors = [offsets.producer, offsets.consumer, offsets.flags];
        let sound = cursors
            .iter()
            .all(|at| at % 4 == 0 && *at + 4 <= len as u64);
        if !sound || offsets.descriptors % 8 != 0 {
            return Err(io::Error::other(
                "the kernel's ring has a layout that is not known",
            ));
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping of a descriptor that is open, at a place that the kernel chooses.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                protection,
                flags,
                socket.as_raw_fd(),
                place,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("no mapping"))?;
        Ok(Self {
            base,
            len,
            offsets,
            words,
        })
    }

    #[inline]
    fn word(&self, offset: u64) -> &AtomicU32 {
        // SAFETY: the offset lies within the mapping, checked by `new`.
        let place = unsafe { self.base.add(offset as usize) };
        // SAFETY: aligned and mapped as long as `self`, checked by `new`; both sides touch it by
        // atomic operations alone.
        unsafe { place.cast::<AtomicU32>().as_ref() }
    }
}

impl super::ring::Memory for RingMap {
    type Cursor = AtomicU32;
    type Word = AtomicU64;

    #[inline]
    fn producer(&self) -> &AtomicU32 {
        self.word(self.offsets.producer)
    }

    #[inline]
    fn consumer(&self) -> &AtomicU32 {
        self.word(self.offsets.consumer)
    }

    #[inline]
    fn flags(&self) -> &AtomicU32 {
        self.word(self.offsets.flags)
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the offset lies within the mapping, whose length `new` computed from it.
        let first = unsafe { self.base.add(self.offsets.descriptors as usize) };
        // SAFETY: so many aligned words follow it in the mapping, which lives as long as `self`;
        // ours and the kernel's accesses to them are ordered by the ring's cursors, and atomic.
        unsafe { std::slice::from_raw_parts(first.cast().as_ptr(), self.words) }
    }
}

impl Drop for RingMap {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's alone, and no reference to it outlives `self`.
        let _ = unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
