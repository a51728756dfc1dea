//! The bare AF_XDP receiver: the least that any receiver must do with a frame of its RX ring. It
//! counts descriptors and their lengths and gives the chunks back; it reads no byte of a frame.
//!
//! It stands alone by design and is frozen, as the floor is: it shares no code with the engine,
//! and a change to it changes every ratio that was ever reported. One socket, one queue, copy mode.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Bytes of one chunk of the UMEM.
const CHUNK_BYTES: u32 = 2048;

/// Frames taken off the RX ring at once.
const BURST: u32 = 64;

/// What was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Frames.
    pub packets: u64,
    /// Their lengths.
    pub bytes: u64,
}

/// One socket with its memory.
pub struct Bare {
    socket: OwnedFd,
    rx: Ring,
    fill: Ring,
    seen: Seen,
    // The kernel keeps the pages as long as the socket lives; nobody looks at them here.
    _umem: Mapping,
}

impl Bare {
    /// Opens a socket on one queue of an interface, with RX ring and UMEM of so many frames (a
    /// power of two). It receives nothing before it stands in the XSKMAP.
    ///
    /// # Errors
    ///
    /// What the kernel refused: the right to do it, the queue, the memory.
    pub fn open(interface: u32, queue: u32, frames: u32) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made the descriptor, and nobody else knows it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let umem = Mapping::anonymous(frames as usize * CHUNK_BYTES as usize)?;
        let registration = libc::xdp_umem_reg {
            addr: umem.start.as_ptr() as u64,
            len: umem.len as u64,
            chunk_size: CHUNK_BYTES,
            headroom: 0,
            flags: 0,
            tx_metadata_len: 0,
        };
        set(fd, libc::XDP_UMEM_REG, &registration)?;
        set(fd, libc::XDP_UMEM_FILL_RING, &frames)?;
        // Nothing is ever sent, but the kernel binds no UMEM without a completion ring.
        set(fd, libc::XDP_UMEM_COMPLETION_RING, &2u32)?;
        set(fd, libc::XDP_RX_RING, &frames)?;
        let mut offsets = libc::xdp_mmap_offsets {
            rx: NOWHERE,
            tx: NOWHERE,
            fr: NOWHERE,
            cr: NOWHERE,
        };
        get(fd, libc::XDP_MMAP_OFFSETS, &mut offsets)?;
        let rx = Ring::map(fd, 0, &offsets.rx, frames, 2)?;
        let fill_page = libc::XDP_UMEM_PGOFF_FILL_RING as libc::off_t;
        let fill = Ring::map(fd, fill_page, &offsets.fr, frames, 1)?;
        for chunk in 0..frames {
            let address = u64::from(chunk) * u64::from(CHUNK_BYTES);
            fill.slot(chunk).store(address, Ordering::Relaxed);
        }
        fill.producer().store(frames, Ordering::Release);
        bind(fd, interface, queue)?;
        Ok(Self {
            socket,
            rx,
            fill,
            seen: Seen::default(),
            _umem: umem,
        })
    }

    /// Frames that wait in the RX ring.
    pub fn waiting(&self) -> u32 {
        let produced = self.rx.producer().load(Ordering::Acquire);
        produced.wrapping_sub(self.rx.consumer().load(Ordering::Relaxed))
    }

    /// Takes up to 64 frames, counts them and gives their chunks back; says how many there were.
    #[inline(never)]
    pub fn burst(&mut self) -> u32 {
        let consumed = self.rx.consumer().load(Ordering::Relaxed);
        let produced = self.rx.producer().load(Ordering::Acquire);
        let count = produced.wrapping_sub(consumed).min(BURST);
        if count == 0 {
            return 0;
        }
        // There are as many places in the fill ring as chunks: it has room for every one.
        let filled = self.fill.producer().load(Ordering::Relaxed);
        let mut bytes = 0;
        for place in 0..count {
            let at = consumed.wrapping_add(place).wrapping_mul(2);
            let address = self.rx.slot(at).load(Ordering::Relaxed);
            // Length in the low half, options in the high one.
            bytes += self.rx.slot(at.wrapping_add(1)).load(Ordering::Relaxed) & 0xffff_ffff;
            // The kernel masks a fill address down to its chunk itself.
            let entry = self.fill.slot(filled.wrapping_add(place));
            entry.store(address, Ordering::Relaxed);
        }
        let filled = filled.wrapping_add(count);
        self.fill.producer().store(filled, Ordering::Release);
        let consumed = consumed.wrapping_add(count);
        self.rx.consumer().store(consumed, Ordering::Release);
        self.seen.packets += u64::from(count);
        self.seen.bytes += bytes;
        count
    }

    /// What was received so far.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// Frames that the kernel could not deliver: the ring was full, or no chunk was free.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn dropped(&self) -> io::Result<u64> {
        let mut statistics = libc::xdp_statistics {
            rx_dropped: 0,
            rx_invalid_descs: 0,
            tx_invalid_descs: 0,
            rx_ring_full: 0,
            rx_fill_ring_empty_descs: 0,
            tx_ring_empty_descs: 0,
        };
        get(self.fd(), libc::XDP_STATISTICS, &mut statistics)?;
        Ok(statistics.rx_dropped + statistics.rx_ring_full + statistics.rx_invalid_descs)
    }

    fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsRawFd for Bare {
    fn as_raw_fd(&self) -> RawFd {
        self.fd()
    }
}

/// One ring that is shared with the kernel.
struct Ring {
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
    /// Maps a ring of so many entries, each of so many words of 8 bytes.
    fn map(
        fd: RawFd,
        page: libc::off_t,
        offsets: &libc::xdp_ring_offset,
        entries: u32,
        words: u32,
    ) -> io::Result<Self> {
        let slots = entries * words;
        let len = offsets.desc as usize + slots as usize * 8;
        let map = Mapping::of(fd, page, len)?;
        Ok(Self {
            producer: map.at(offsets.producer, 4).cast(),
            consumer: map.at(offsets.consumer, 4).cast(),
            slots: map.at(offsets.desc, slots as usize * 8).cast(),
            mask: slots - 1,
            _map: map,
        })
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: within the mapping that `self` owns, aligned, and both sides use it atomically.
        unsafe { self.producer.as_ref() }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as in `producer`.
        unsafe { self.consumer.as_ref() }
    }

    #[inline]
    fn slot(&self, at: u32) -> &AtomicU64 {
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
    fn anonymous(len: usize) -> io::Result<Self> {
        Self::new(-1, 0, len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS)
    }

    fn of(fd: RawFd, page: libc::off_t, len: usize) -> io::Result<Self> {
        Self::new(fd, page, len, libc::MAP_SHARED)
    }

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
    fn at(&self, offset: u64, len: usize) -> NonNull<u8> {
        let offset = offset as usize;
        assert!(offset + len <= self.len && offset.is_multiple_of(4));
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

fn bind(fd: RawFd, interface: u32, queue: u32) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as u16,
        sxdp_flags: libc::XDP_COPY,
        sxdp_ifindex: interface,
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: 0,
    };
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is `len` bytes long and lives through the call.
    done(unsafe { libc::bind(fd, ptr::from_ref(&address).cast(), len) })
}

fn set<T>(fd: RawFd, option: i32, value: &T) -> io::Result<()> {
    let (value, len) = (ptr::from_ref(value).cast(), size_of::<T>() as u32);
    // SAFETY: `value` is `len` bytes long and lives through the call.
    done(unsafe { libc::setsockopt(fd, libc::SOL_XDP, option, value, len) })
}

/// Only for structures of numbers, as the kernel fills them.
fn get<T: Copy>(fd: RawFd, option: i32, value: &mut T) -> io::Result<()> {
    let mut len = size_of::<T>() as libc::socklen_t;
    let value = ptr::from_mut(value).cast();
    // SAFETY: `value` has room for `len` bytes, and any bytes are numbers.
    done(unsafe { libc::getsockopt(fd, libc::SOL_XDP, option, value, &raw mut len) })
}

fn done(result: i32) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
