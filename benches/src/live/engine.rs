//! The engine as a receiver: its port alone, and its port with a whole worker behind it. Nothing of
//! it is written anew here.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{SystemTime, UNIX_EPOCH};

pub use anyhow::{Context, Result};
use medtap_engine::capture::Frame;
use medtap_engine::capture::port::{Mode, Taker};
use medtap_engine::capture::xdp::{self, Ask, Attachment, Port, Steering};
use medtap_engine::worker::Worker;
use medtap_table::vocabulary::{Attach, Delivery};

use super::bare::Seen;
use super::receiver::Receiver;
use crate::replay::Sink;

/// Bytes of a chunk, as the bare receiver has them.
const FRAME_BYTES: u32 = 2048;

/// A port of the engine, opened as the engine opens it: native program, copy mode, one worker. Its
/// own steering program is attached, but the maker puts frames straight into its socket.
pub struct Opened {
    port: Port,
    _attachment: Attachment,
}

impl Opened {
    /// Opens the interface.
    ///
    /// # Errors
    ///
    /// What the engine says.
    pub fn new(interface: &str, frames: u32) -> Result<Self, xdp::OpenError> {
        let ask = Ask {
            interface,
            place: 0,
            workers: 1,
            steering: Steering::Hash,
            modes: &[Mode {
                attach: Attach::Native,
                delivery: Delivery::Copy,
            }],
            frames,
            frame_bytes: FRAME_BYTES,
            own: &[],
            busy_poll: None,
            shunt: false,
        };
        let mut opened = xdp::open(&ask, &mut |_| {})?;
        Ok(Self {
            port: opened.ports.remove(0),
            _attachment: opened.attachment,
        })
    }

    fn socket(&self) -> RawFd {
        self.port.fds().next().map_or(-1, |fd| fd.as_raw_fd())
    }

    fn lost(&self) -> io::Result<u64> {
        let losses = self.port.losses()?;
        Ok(losses.ring_full + losses.dropped + losses.invalid)
    }
}

/// The receive path alone: frames are counted as the bare receiver counts them.
pub struct Receiving {
    opened: Opened,
    seen: Seen,
}

impl Receiving {
    /// Around a port.
    pub fn new(opened: Opened) -> Self {
        let seen = Seen::default();
        Self { opened, seen }
    }
}

impl Receiver for Receiving {
    fn socket(&self) -> RawFd {
        self.opened.socket()
    }

    fn fill(&self) -> (u32, u32) {
        self.opened.port.ring_fill()
    }

    #[inline(never)]
    fn burst(&mut self) -> u32 {
        let mut burst = Count::default();
        // The clock is the worker's to read.
        self.opened.port.burst(1, &mut burst);
        self.seen.packets += u64::from(burst.packets);
        self.seen.bytes += burst.bytes;
        burst.packets
    }

    fn seen(&self) -> Seen {
        self.seen
    }

    fn dropped(&self) -> io::Result<u64> {
        self.opened.lost()
    }
}

/// Counts the frames of one burst.
#[derive(Default)]
struct Count {
    packets: u32,
    bytes: u64,
}

impl Taker for Count {
    #[inline]
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        // Sums in memory would cost more than what is counted.
        let (mut packets, mut bytes) = (0, 0);
        for frame in frames {
            packets += 1;
            bytes += u64::from(frame.wire_len);
        }
        self.packets += packets;
        self.bytes += bytes;
    }
}

/// The receive path with a whole worker; what it hands over is taken and dropped.
pub struct Analysing<'a> {
    opened: Opened,
    worker: &'a mut Worker,
    sink: Sink,
    seen: Seen,
}

impl<'a> Analysing<'a> {
    /// Around a port and a worker.
    pub fn new(opened: Opened, worker: &'a mut Worker) -> Self {
        Self {
            opened,
            worker,
            sink: Sink::default(),
            seen: Seen::default(),
        }
    }
}

impl Receiver for Analysing<'_> {
    fn socket(&self) -> RawFd {
        self.opened.socket()
    }

    fn fill(&self) -> (u32, u32) {
        self.opened.port.ring_fill()
    }

    #[inline(never)]
    fn burst(&mut self) -> u32 {
        let before = self.opened.port.delivered();
        let mut analysis = Analysis {
            worker: self.worker,
            sink: &mut self.sink,
            bytes: 0,
        };
        self.opened.port.burst(now_ns(), &mut analysis);
        self.seen.bytes += analysis.bytes;
        let packets = self.opened.port.delivered() - before;
        self.seen.packets += packets;
        packets as u32
    }

    fn seen(&self) -> Seen {
        self.seen
    }

    fn dropped(&self) -> io::Result<u64> {
        self.opened.lost()
    }
}

/// The worker, as the port sees it.
struct Analysis<'a> {
    worker: &'a mut Worker,
    sink: &'a mut Sink,
    bytes: u64,
}

impl Taker for Analysis<'_> {
    #[inline]
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        let bytes = &mut self.bytes;
        let counted = frames.inspect(|frame| *bytes += u64::from(frame.wire_len));
        self.worker.burst(counted, self.sink);
    }
}

/// Read once for a burst, as the engine does.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_nanos() as u64)
}
