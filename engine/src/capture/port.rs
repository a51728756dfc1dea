//! The words that all live sources share: how a frame comes from an interface to a worker, and
//! what was lost on the way.

use std::io;
use std::os::fd::BorrowedFd;

use medtap_table::vocabulary::{Attach, Delivery};

use super::{Frame, packet, xdp};

/// How frames come from an interface to the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Where the steering program runs.
    pub attach: Attach,
    /// How frames get from there into our memory.
    pub delivery: Delivery,
}

impl Mode {
    /// The ways to receive, the best first. A live run takes the first that the interface can.
    pub const ALL: [Self; 4] = [
        Self::new(Attach::Native, Delivery::ZeroCopy),
        Self::new(Attach::Native, Delivery::Copy),
        Self::new(Attach::Generic, Delivery::Copy),
        Self::new(Attach::None, Delivery::Ring),
    ];

    const fn new(attach: Attach, delivery: Delivery) -> Self {
        Self { attach, delivery }
    }
}

/// What was lost between an interface and one worker, since the port was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Frames that found the worker's ring full: it did not keep up.
    pub ring_full: u64,
    /// Frames that found no free memory, or were refused for another reason.
    pub dropped: u64,
    /// Descriptors that the kernel found wrong: a fault of ours.
    pub invalid: u64,
}

/// Whoever looks at frames. Every kind of port has an iterator of its own, and a call for every
/// frame would cost as much as receiving it: so this is a trait, and no closure.
pub trait Taker {
    /// Looks at a burst, and takes one frame at least. What it does not take comes with the next.
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>);
}

/// One worker's way to one interface: all its sockets or its ring there.
pub enum Port {
    /// By AF_XDP.
    Xdp(xdp::Port),
    /// By a packet ring.
    Packet(packet::Port),
}

impl Port {
    /// Lends the next frames, up to a burst, and gives them back to the kernel afterwards. False
    /// when there was none.
    #[inline]
    pub fn burst(&mut self, time_ns: u64, taker: &mut impl Taker) -> bool {
        match self {
            Self::Xdp(port) => port.burst(time_ns, taker),
            Self::Packet(port) => {
                let burst = port.burst(time_ns, |frames| taker.take(frames));
                burst.is_some()
            }
        }
    }

    /// What was lost on the way so far.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn losses(&self) -> io::Result<Losses> {
        match self {
            Self::Xdp(port) => port.losses(),
            Self::Packet(port) => port.losses(),
        }
    }

    /// Descriptors that are ready when there are frames.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Xdp(port) => port.fds().collect(),
            Self::Packet(port) => port.fds().into(),
        }
    }

    /// Frames that wait (of a packet ring: blocks), and room for them.
    pub fn ring_fill(&self) -> (u32, u32) {
        match self {
            Self::Xdp(port) => port.ring_fill(),
            Self::Packet(port) => port.ring_fill(),
        }
    }

    /// How full the fullest of its rings is.
    pub fn fullest_percent(&self) -> u32 {
        let percent = |(fill, room): (u32, u32)| {
            let percent = u64::from(fill) * 100 / u64::from(room.max(1));
            u32::try_from(percent).unwrap_or(u32::MAX)
        };
        match self {
            Self::Xdp(port) => port.fills().map(percent).max().unwrap_or(0),
            Self::Packet(port) => percent(port.ring_fill()),
        }
    }

    /// Frames handed out so far.
    pub fn delivered(&self) -> u64 {
        match self {
            Self::Xdp(port) => port.delivered(),
            Self::Packet(port) => port.delivered(),
        }
    }

    /// Frames of those that came in several pieces.
    pub fn multi_buffer(&self) -> u64 {
        match self {
            Self::Xdp(port) => port.multi_buffer(),
            Self::Packet(_) => 0,
        }
    }

    /// Times that the kernel found no free memory in the queues that this port owns.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn fill_empty(&self) -> io::Result<u64> {
        match self {
            Self::Xdp(port) => port.fill_empty(),
            Self::Packet(_) => Ok(0),
        }
    }
}
