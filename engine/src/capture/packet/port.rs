//! One worker's end of a packet socket. It lends frames out of the ring and copies none.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::super::Frame;
use super::super::port::Losses;
use super::ring::Ring;
use super::sys;
use super::walk::{Cursor, Walk};
use crate::config::BURST_FRAMES;
use crate::wire::LinkType;

/// What one worker receives of one interface.
#[derive(Debug)]
pub struct Port {
    ring: Ring,
    socket: OwnedFd,
    /// The interface's place in the configuration.
    place: u16,
    /// Where the walk over the lent block goes on; none left: at the next block.
    cursor: Cursor,
    delivered: u64,
    invalid: u64,
    /// The kernel forgets what it has told, so the sum is kept here.
    ring_full: Cell<u64>,
}

impl Port {
    pub(super) fn new(ring: Ring, socket: OwnedFd, place: u16) -> Self {
        let cursor = Cursor::default();
        Self {
            ring,
            socket,
            place,
            cursor,
            delivered: 0,
            invalid: 0,
            ring_full: Cell::new(0),
        }
    }

    /// Lends up to [`BURST_FRAMES`] frames to `take`. What it does not take comes with the next
    /// burst; the memory of what it took goes back to the kernel with the rest of its block.
    /// None when no frame waits. Frames carry the kernel's time, and are numbered from `time_ns`.
    #[inline]
    pub fn burst<R>(
        &mut self,
        time_ns: u64,
        take: impl FnOnce(&mut dyn Iterator<Item = Frame<'_>>) -> R,
    ) -> Option<R> {
        let Self {
            ring,
            place,
            cursor,
            ..
        } = self;
        if cursor.left == 0 {
            *cursor = Cursor::new(ring.block()?).unwrap_or_default();
        }
        let mut walk = Walk::new(ring.block()?, *cursor, BURST_FRAMES);
        let mut number = time_ns;
        let mut frames = walk.by_ref().map(|packet| {
            let frame = Frame {
                bytes: packet.bytes,
                wire_len: packet.wire_len,
                time_ns: packet.time_ns,
                link: LinkType::Ethernet,
                interface: *place,
                number,
            };
            number = number.wrapping_add(1);
            frame
        });
        let taken = take(&mut frames);
        self.cursor = walk.cursor();
        self.delivered += walk.walked;
        self.invalid += walk.invalid;
        if self.cursor.left == 0 {
            self.ring.give_back();
        }
        Some(taken)
    }

    /// What was lost so far.
    ///
    /// # Errors
    ///
    /// What the system says when it can't be asked.
    pub fn losses(&self) -> io::Result<Losses> {
        let ring_full = self.ring_full.get() + u64::from(sys::dropped(self.socket.as_fd())?);
        self.ring_full.set(ring_full);
        Ok(Losses {
            ring_full,
            dropped: 0,
            invalid: self.invalid,
        })
    }

    /// The descriptor to poll. When the interface goes down or away, poll tells an error until
    /// [`Self::take_error`].
    pub fn fds(&self) -> [BorrowedFd<'_>; 1] {
        [self.socket.as_fd()]
    }

    /// Takes the error that poll told of, so that it can wait again: ENETDOWN after the
    /// interface went down. It goes on receiving when it is up again.
    ///
    /// # Errors
    ///
    /// What the system says when it can't be asked.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        sys::take_error(self.socket.as_fd())
    }

    /// Blocks that wait, and how many there are.
    pub fn ring_fill(&self) -> (u32, u32) {
        (self.ring.waiting() as u32, self.ring.blocks() as u32)
    }

    /// Frames lent so far.
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// The longest frame that comes whole, in bytes.
    pub fn frame_bytes_max(&self) -> usize {
        self.ring.block_bytes() - super::BLOCK_OVERHEAD_BYTES
    }
}
