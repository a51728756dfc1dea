//! The engine as a receiver: its port alone, and its port with a whole worker behind it. Nothing of
//! it is written anew here.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{SystemTime, UNIX_EPOCH};

pub use anyhow::{Context, Result};
use medtap_engine::capture::Frame;
use medtap_engine::capture::port::Mode;
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
        // The clock is the worker's to read.
        let counted = self.opened.port.burst(1, |frames| count(frames));
        let Some((packets, bytes)) = counted else {
            return 0;
        };
        self.seen.packets += u64::from(packets);
        self.seen.bytes += bytes;
        packets
    }

    fn seen(&self) -> Seen {
        self.seen
    }

    fn dropped(&self) -> io::Result<u64> {
        self.opened.lost()
    }
}

fn count<'a>(frames: impl Iterator<Item = Frame<'a>>) -> (u32, u64) {
    let (mut packets, mut bytes) = (0, 0);
    for frame in frames {
        packets += 1;
        bytes += u64::from(frame.wire_len);
    }
    (packets, bytes)
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
        let (worker, sink, seen) = (&mut self.worker, &mut self.sink, &mut self.seen);
        self.opened.port.burst(now_ns(), |frames| {
            let counted = frames.inspect(|frame| seen.bytes += u64::from(frame.wire_len));
            worker.burst(counted, sink);
        });
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

/// Read once for a burst, as the engine does.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |since| since.as_nanos() as u64)
}
