//! The receivers that are compared, behind one face: bare, the engine's receive path, and the same
//! with a whole worker. It measures nothing.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use super::bare::{Bare, Seen};

/// Something that takes frames off one queue.
pub trait Receiver: Send {
    /// The socket that frames come into.
    fn socket(&self) -> RawFd;
    /// Frames that wait, and how many may.
    fn fill(&self) -> (u32, u32);
    /// Takes what waits, up to 64 frames; says how many there were.
    fn burst(&mut self) -> u32;
    /// What was received so far.
    fn seen(&self) -> Seen;
    /// Frames that were made for it and lost.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    fn dropped(&self) -> io::Result<u64>;
}

/// The bare one.
pub struct Counting {
    bare: Bare,
    frames: u32,
}

impl Counting {
    /// Around a socket with rings of so many frames.
    pub fn new(bare: Bare, frames: u32) -> Self {
        Self { bare, frames }
    }
}

impl Receiver for Counting {
    fn socket(&self) -> RawFd {
        self.bare.as_raw_fd()
    }

    fn fill(&self) -> (u32, u32) {
        (self.bare.waiting(), self.frames)
    }

    fn burst(&mut self) -> u32 {
        self.bare.burst()
    }

    fn seen(&self) -> Seen {
        self.bare.seen()
    }

    fn dropped(&self) -> io::Result<u64> {
        self.bare.dropped()
    }
}
