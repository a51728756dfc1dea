//! What the AF_XDP sockets of the benches share with the kernel: memory, rings, and the calls that
//! set them up. It decides nothing, and it touches no frame but those that it is told to write.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// A ring of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Frames that came: descriptors of two words.
    Rx,
    /// Frames to be sent: descriptors of two words.
    Tx,
    /// Free memory for frames that come: addresses.
    Fill,
    /// Memory of frames that were sent: addresses.
    Completion,
}

impl Which {
    /// The option that sizes it, where it is mapped, and words of 8 bytes of an entry.
    fn place(self) -> (libc::c_int, libc::off_t, u32) {
        match self {
            Self::Rx => (libc::XDP_RX_RING, libc::XDP_PGOFF_RX_RING, 2),
            Self::Tx => (libc::XDP_TX_RING, libc::XDP_PGOFF_TX_RING, 2),
            Self::Fill => {
                let page = libc::XDP_UMEM_PGOFF_FILL_RING as libc::off_t;
                (libc::XDP_UMEM_FILL_RING, page, 1)
            }
            Self::Completion => {
                let page = libc::XDP_UMEM_PGOFF_COMPLETION_RING as libc::off_t;
                (libc::XDP_UMEM_COMPLETION_RING, page, 1)
            }
        }
    }
}

/// An AF_XDP socket.
pub struct Socket(OwnedFd);

impl Socket {
    /// A new one, with this memory in chunks of so many bytes.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn open(memory: &Memory, chunk_bytes: u32) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made the descriptor, and nobody else knows it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        let registration = libc::xdp_umem_reg {
            addr: memory.0.start.as_ptr() as u64,
            len: memory.0.len as u64,
            chunk_size: chunk_bytes,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        // The kernel holds the pages as long as the socket lives, whoever unmaps them here.
        socket.set(libc::XDP_UMEM_REG, &registration)?;
        Ok(socket)
    }

    /// Sizes a ring, to a power of two.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn size(&self, which: Which, entries: u32) -> io::Result<()> {
        self.set(which.place().0, &entries)
    }

    /// Maps a ring that was sized so.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn map(&self, which: Which, entries: u32) -> io::Result<Ring> {
        let mut offsets = libc::xdp_mmap_offsets {
            rx: NOWHERE,
            tx: NOWHERE,
            fr: NOWHERE,
            cr: NOWHERE,
        };
        self.get(libc::XDP_MMAP_OFFSETS, &mut offsets)?;
        let offsets = match which {
            Which::Rx => &offsets.rx,
            Which::Tx => &offsets.tx,
            Which::Fill => &offsets.fr,
            Which::Completion => &offsets.cr,
        };
        let (_, page, words) = which.place();
        let slots = entries * words;
        let len = offsets.desc as usize + slots as usize * 8;
        let map = Mapping::new(self.as_raw_fd(), page, len, libc::MAP_SHARED)?;
        Ok(Ring {
            producer: map.at(offsets.producer, 4).cast(),
            consumer: map.at(offsets.consumer, 4).cast(),
            slots: map.at(offsets.desc, slots as usize * 8).cast(),
            mask: slots - 1,
            _map: map,
        })
    }

    /// Binds it to a queue of an interface.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn bind(&self, interface: u32, queue: u32, flags: u16) -> io::Result<()> {
        let address = libc::sockaddr_xdp {
            sxdp_family: libc::AF_XDP as u16,
            sxdp_flags: flags,
            sxdp_ifindex: interface,
            sxdp_queue_id: queue,
            sxdp_shared_umem_fd: 0,
        };
        let len = size_of_val(&address) as libc::socklen_t;
        let fd = self.as_raw_fd();
        // SAFETY: `address` is `len` bytes long and lives through the call.
        done(unsafe { libc::bind(fd, ptr::from_ref(&address).cast(), len) })
    }

    /// Tells the kernel that there is something to send.
    ///
    /// # Errors
    ///
    /// What the kernel says; EAGAIN, EBUSY and ENOBUFS when it has to be told again.
    pub fn kick(&self) -> io::Result<()> {
        let fd = self.as_raw_fd();
        // SAFETY: no bytes and no address: both pointers are null and their lengths 0.
        let sent = unsafe { libc::sendto(fd, ptr::null(), 0, libc::MSG_DONTWAIT, ptr::null(), 0) };
        done(sent.min(0) as i32)
    }

    /// What the kernel counted.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn statistics(&self) -> io::Result<libc::xdp_statistics> {
        let mut statistics = libc::xdp_statistics {
            rx_dropped: 0,
            rx_invalid_descs: 0,
            tx_invalid_descs: 0,
            rx_ring_full: 0,
            rx_fill_ring_empty_descs: 0,
            tx_ring_empty_descs: 0,
        };
        self.get(libc::XDP_STATISTICS, &mut statistics)?;
        Ok(statistics)
    }

    fn set<T>(&self, option: i32, value: &T) -> io::Result<()> {
        let (value, len) = (ptr::from_ref(value).cast(), size_of::<T>() as u32);
        let fd = self.as_raw_fd();
        // SAFETY: `value` is `len` bytes long and lives through the call.
        done(unsafe { libc::setsockopt(fd, libc::SOL_XDP, option, value, len) })
    }

    /// Only for structures of numbers, as the kernel fills them.
    fn get<T: Copy>(&self, option: i32, value: &mut T) -> io::Result<()> {
        let mut len = size_of::<T>() as libc::socklen_t;
        let value = ptr::from_mut(value).cast();
        let fd = self.as_raw_fd();
        // SAFETY: `value` has room for `len` bytes, and any bytes are numbers.
        done(unsafe { libc::getsockopt(fd, libc::SOL_XDP, option, value, &raw mut len) })
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Memory for frames.
pub struct Memory(Mapping);

impl Memory {
    /// So many bytes, all of them there.
    ///
    /// # Errors
    ///
    /// When the system does not grant it.
    pub fn new(len: usize) -> io::Result<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        Ok(Self(Mapping::new(-1, 0, len, flags)?))
    }

    /// Writes a frame, or a piece of it, where no frame is on its way.
    #[inline]
    pub fn put(&mut self, offset: u64, bytes: &[u8]) {
        let start = self.0.at(offset, bytes.len());
        // SAFETY: `at` checked that so many bytes lie in the mapping, which `bytes` does not
        // overlap: nobody is given a reference into it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), start.as_ptr(), bytes.len()) };
    }
}

/// One ring that is shared with the kernel.
pub struct Ring {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    slots: NonNull<AtomicU64>,
    /// Slots less one; their number is a power of two.
    mask: u32,
    _map: Mapping,
}

// SAFETY: the pointers lead into the mapping that the ring owns, and only to atomics.
unsafe impl Send for Ring {}

impl Ring {
    /// The cursor of who puts in.
    #[inline]
    pub fn producer(&self) -> &AtomicU32 {
        // SAFETY: within the mapping that `self` owns, aligned, and both sides use it atomically.
        unsafe { self.producer.as_ref() }
    }

    /// The cursor of who takes out.
    #[inline]
    pub fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as in `producer`.
        unsafe { self.consumer.as_ref() }
    }

    /// A word of the ring, counted from its beginning without end.
    #[inline]
    pub fn slot(&self, at: u32) -> &AtomicU64 {
        // SAFETY: the mask keeps the place within the slots, which `map` checked to be mapped.
        let slot = unsafe { self.slots.add((at & self.mask) as usize) };
        // SAFETY: within the mapping that `self` owns; the cursors say whose turn it is.
        unsafe { slot.as_ref() }
    }
}

/// Pages of this process.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it only owns the pages; it reads and writes none of them.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(fd: RawFd, page: libc::off_t, len: usize, flags: i32) -> io::Result<Self> {
        let (access, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            flags | libc::MAP_POPULATE,
        );
        // SAFETY: a new mapping wherever the kernel likes; it replaces nothing.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, fd, page) };
        match NonNull::new(start.cast()) {
            Some(start) if start.cast().as_ptr() != libc::MAP_FAILED => Ok(Self { start, len }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The place at an offset, with so many bytes after it.
    #[inline]
    fn at(&self, offset: u64, len: usize) -> NonNull<u8> {
        let offset = offset as usize;
        assert!(offset.is_multiple_of(4) && offset <= self.len && len <= self.len - offset);
        // SAFETY: within the mapping by the assert.
        unsafe { self.start.add(offset) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `new` mapped exactly this, and whoever points into it owns this mapping.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

const NOWHERE: libc::xdp_ring_offset = libc::xdp_ring_offset {
    producer: 0,
    consumer: 0,
    desc: 0,
    flags: 0,
};

fn done(result: i32) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
