//! The sending socket of the benches: frames out of memory of its own, by AF_XDP, onto one queue of
//! one interface. It receives nothing, and no other program of ours has a ring to send with.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::mapped::{Memory, Ring, Socket, Which};

/// Bytes of a chunk: a longer frame takes several.
const CHUNK_BYTES: usize = 4096;

/// Chunks, and places of the rings.
const CHUNKS: u32 = 2048;

/// A card that takes nothing for so long is broken, or its link is down.
const STUCK: Duration = Duration::from_secs(2);

/// The ways to bind, the best first: with frames of several pieces, and without.
const WAYS: [(u16, &str); 4] = [
    (libc::XDP_ZEROCOPY | libc::XDP_USE_SG, "zero-copy"),
    (libc::XDP_ZEROCOPY, "zero-copy"),
    (libc::XDP_COPY | libc::XDP_USE_SG, "copy"),
    (libc::XDP_COPY, "copy"),
];

/// A socket that sends.
pub struct Tx {
    socket: Socket,
    memory: Memory,
    tx: Ring,
    completion: Ring,
    /// Chunks that no frame is in.
    free: Vec<u64>,
    /// Descriptors that are written; the kernel is told of them by [`Self::flush`].
    written: u32,
    mode: &'static str,
    in_pieces: bool,
}

impl Tx {
    /// Opens a socket on a queue of an interface.
    ///
    /// # Errors
    ///
    /// What the kernel refused in the last of the ways.
    pub fn open(interface: u32, queue: u32) -> io::Result<Self> {
        let mut last = io::ErrorKind::Unsupported.into();
        for (flags, mode) in WAYS {
            match Self::bound(interface, queue, flags, mode) {
                Err(error) => last = error,
                opened => return opened,
            }
        }
        Err(last)
    }

    fn bound(interface: u32, queue: u32, flags: u16, mode: &'static str) -> io::Result<Self> {
        let memory = Memory::new(CHUNKS as usize * CHUNK_BYTES)?;
        let socket = Socket::open(&memory, CHUNK_BYTES as u32)?;
        // Nothing is received, but the kernel binds no memory without a fill ring.
        socket.size(Which::Fill, 2)?;
        socket.size(Which::Completion, CHUNKS)?;
        socket.size(Which::Tx, CHUNKS)?;
        let tx = socket.map(Which::Tx, CHUNKS)?;
        let completion = socket.map(Which::Completion, CHUNKS)?;
        socket.bind(interface, queue, flags | libc::XDP_USE_NEED_WAKEUP)?;
        let chunks = (0..u64::from(CHUNKS)).map(|number| number * CHUNK_BYTES as u64);
        Ok(Self {
            socket,
            memory,
            tx,
            completion,
            free: chunks.collect(),
            written: 0,
            mode,
            in_pieces: flags & libc::XDP_USE_SG != 0,
        })
    }

    /// How frames get from our memory to the interface.
    pub fn mode(&self) -> &'static str {
        self.mode
    }

    /// The longest frame, in bytes without frame check sequence.
    pub fn len_max(&self) -> usize {
        // As many pieces as a socket buffer has in every kernel.
        CHUNK_BYTES * if self.in_pieces { 16 } else { 1 }
    }

    /// Puts a frame into the ring; waits for room. At most [`Self::len_max`] bytes.
    ///
    /// # Errors
    ///
    /// When the interface takes nothing any more.
    pub fn put(&mut self, frame: &[u8]) -> io::Result<()> {
        let pieces = frame.len().div_ceil(CHUNK_BYTES);
        if self.free.len() < pieces {
            self.wait(|free| free >= pieces)?;
        }
        let mut left = pieces;
        for piece in frame.chunks(CHUNK_BYTES) {
            left -= 1;
            let Some(address) = self.free.pop() else {
                return Err(io::ErrorKind::OutOfMemory.into());
            };
            self.memory.put(address, piece);
            let options = if left > 0 { libc::XDP_PKT_CONTD } else { 0 };
            let at = self.written.wrapping_mul(2);
            self.tx.slot(at).store(address, Ordering::Relaxed);
            // Length in the low half, options in the high one.
            let rest = piece.len() as u64 | u64::from(options) << 32;
            self.tx
                .slot(at.wrapping_add(1))
                .store(rest, Ordering::Relaxed);
            self.written = self.written.wrapping_add(1);
        }
        Ok(())
    }

    /// Hands over what was put in, and takes back the memory of what was sent.
    ///
    /// # Errors
    ///
    /// What the kernel says, except that it is busy.
    pub fn flush(&mut self) -> io::Result<()> {
        self.tx.producer().store(self.written, Ordering::Release);
        self.kick()?;
        self.reap();
        Ok(())
    }

    /// Waits until all that was put in is sent.
    ///
    /// # Errors
    ///
    /// When the interface takes nothing any more, or refused what it was given.
    pub fn drain(&mut self) -> io::Result<()> {
        self.wait(|free| free == CHUNKS as usize)?;
        match self.socket.statistics()?.tx_invalid_descs {
            0 => Ok(()),
            count => Err(io::Error::other(format!(
                "the kernel refused {count} frames; are they longer than the MTU allows?"
            ))),
        }
    }

    fn wait(&mut self, enough: impl Fn(usize) -> bool) -> io::Result<()> {
        let (mut before, mut since) = (self.free.len(), Instant::now());
        loop {
            self.flush()?;
            if enough(self.free.len()) {
                return Ok(());
            }
            if self.free.len() != before {
                (before, since) = (self.free.len(), Instant::now());
            } else if since.elapsed() > STUCK {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the interface sends nothing; is its link up?",
                ));
            }
        }
    }

    fn kick(&self) -> io::Result<()> {
        let busy = [libc::EAGAIN, libc::EBUSY, libc::ENOBUFS];
        match self.socket.kick() {
            Err(error)
                if error
                    .raw_os_error()
                    .is_some_and(|code| busy.contains(&code)) =>
            {
                Ok(())
            }
            done => done,
        }
    }

    fn reap(&mut self) {
        let produced = self.completion.producer().load(Ordering::Acquire);
        let mut consumed = self.completion.consumer().load(Ordering::Relaxed);
        while consumed != produced {
            self.free
                .push(self.completion.slot(consumed).load(Ordering::Relaxed));
            consumed = consumed.wrapping_add(1);
        }
        self.completion
            .consumer()
            .store(consumed, Ordering::Release);
    }
}
