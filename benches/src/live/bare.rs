//! The bare AF_XDP receiver: the least that any receiver must do with a frame of its RX ring. It
//! counts descriptors and their lengths and gives the chunks back; it reads no byte of a frame.
//!
//! It stands alone by design and is frozen, as the floor is: it shares no code with the engine,
//! and a change to it changes every ratio that was ever reported. One socket, one queue, copy mode.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering;

use super::mapped::{Memory, Ring, Socket, Which};

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
    socket: Socket,
    rx: Ring,
    fill: Ring,
    seen: Seen,
    // Nobody looks at it here.
    _memory: Memory,
}

impl Bare {
    /// Opens a socket on one queue of an interface, with RX ring and UMEM of so many frames (a
    /// power of two). It receives nothing before it stands in the XSKMAP.
    ///
    /// # Errors
    ///
    /// What the kernel refused: the right to do it, the queue, the memory.
    pub fn open(interface: u32, queue: u32, frames: u32) -> io::Result<Self> {
        let memory = Memory::new(frames as usize * CHUNK_BYTES as usize)?;
        let socket = Socket::open(&memory, CHUNK_BYTES)?;
        socket.size(Which::Fill, frames)?;
        // Nothing is ever sent, but the kernel binds no UMEM without a completion ring.
        socket.size(Which::Completion, 2)?;
        socket.size(Which::Rx, frames)?;
        let rx = socket.map(Which::Rx, frames)?;
        let fill = socket.map(Which::Fill, frames)?;
        for chunk in 0..frames {
            let address = u64::from(chunk) * u64::from(CHUNK_BYTES);
            fill.slot(chunk).store(address, Ordering::Relaxed);
        }
        fill.producer().store(frames, Ordering::Release);
        socket.bind(interface, queue, libc::XDP_COPY)?;
        Ok(Self {
            socket,
            rx,
            fill,
            seen: Seen::default(),
            _memory: memory,
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
        let statistics = self.socket.statistics()?;
        Ok(statistics.rx_dropped + statistics.rx_ring_full + statistics.rx_invalid_descs)
    }
}

impl AsRawFd for Bare {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
