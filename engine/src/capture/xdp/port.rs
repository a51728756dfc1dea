//! One worker's sockets of one interface, taken in turn. A frame that lies in one chunk is lent as
//! it lies there; one that came in several pieces is put together in memory of the port's own.

use std::io;
use std::os::fd::BorrowedFd;

use super::socket::Socket;
use super::sys::RingMap;
use super::umem::{FrameHandle, Umem};
use crate::capture::Frame;
use crate::capture::port::Losses;
use crate::config::{BURST_FRAMES, XDP_FRAME_PIECES_MAX};
use crate::wire::LinkType;

/// One frame of a burst.
enum Lent {
    /// In its chunk.
    Chunk(FrameHandle),
    /// In the port's own memory, put together: from here, so many bytes.
    Joined(usize, usize),
}

/// A socket, and the frame that it has delivered in part.
struct Lane {
    socket: Socket<RingMap>,
    /// Pieces of a frame that goes on.
    pieces: Vec<FrameHandle>,
    /// The frame has more pieces than fit: the rest of it is given back unread.
    too_long: bool,
}

/// One worker's way to one interface.
pub struct Port {
    lanes: Vec<Lane>,
    next: usize,
    place: u16,
    /// The burst that is lent.
    lent: Vec<Lent>,
    joined: Box<[u8]>,
    delivered: u64,
    multi_buffer: u64,
    too_long: u64,
}

impl Port {
    /// A port of these sockets, of the interface in this place of the run.
    pub(super) fn new(sockets: Vec<Socket<RingMap>>, place: u16, chunk_bytes: u32) -> Self {
        let lanes = sockets.into_iter().map(|socket| Lane {
            socket,
            pieces: Vec::with_capacity(XDP_FRAME_PIECES_MAX),
            too_long: false,
        });
        // Pieces of one burst, and of a frame that began before it.
        let pieces = BURST_FRAMES + XDP_FRAME_PIECES_MAX;
        Self {
            lanes: lanes.collect(),
            next: 0,
            place,
            lent: Vec::with_capacity(BURST_FRAMES),
            joined: vec![0; pieces * chunk_bytes as usize].into(),
            delivered: 0,
            multi_buffer: 0,
            too_long: 0,
        }
    }

    /// Lends the next frames, up to a burst, of one socket; the sockets take turns. Afterwards
    /// their memory goes back to the kernel. None when no socket had any.
    #[inline]
    pub fn burst<R>(
        &mut self,
        time_ns: u64,
        take: impl FnOnce(&mut dyn Iterator<Item = Frame<'_>>) -> R,
    ) -> Option<R> {
        for _ in 0..self.lanes.len() {
            let at = self.next;
            self.next = if at + 1 < self.lanes.len() { at + 1 } else { 0 };
            let lane = self.lanes.get_mut(at)?;
            lane.receive(&mut self.lent, &mut self.joined, &mut self.too_long);
            if self.lent.is_empty() {
                lane.socket.tend();
                continue;
            }
            self.delivered += self.lent.len() as u64;
            let (umem, joined) = (lane.socket.umem(), &*self.joined);
            let place = self.place;
            let mut frames = self.lent.iter().zip(time_ns..).map(|(lent, number)| {
                let bytes = lent.bytes(umem, joined);
                Frame {
                    bytes,
                    wire_len: bytes.len() as u32,
                    time_ns,
                    link: LinkType::Ethernet,
                    interface: place,
                    number,
                }
            });
            let taken = take(&mut frames);
            for lent in self.lent.drain(..) {
                match lent {
                    Lent::Chunk(frame) => lane.socket.give_back(frame.into_chunk()),
                    Lent::Joined(..) => self.multi_buffer += 1,
                }
            }
            lane.socket.tend();
            return Some(taken);
        }
        None
    }

    /// What was lost on the way so far.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn losses(&self) -> io::Result<Losses> {
        let mut losses = Losses {
            dropped: self.too_long,
            ..Losses::default()
        };
        for lane in &self.lanes {
            let statistics = lane.socket.statistics()?;
            losses.ring_full += statistics.rx_ring_full;
            losses.dropped += statistics.rx_dropped;
            losses.invalid += statistics.rx_invalid;
        }
        Ok(losses)
    }

    /// Times that the kernel found no free chunk, in the queues that this port owns.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn fill_empty(&self) -> io::Result<u64> {
        let owned = self.lanes.iter().filter(|lane| lane.socket.owns_queue());
        owned
            .map(|lane| Ok(lane.socket.statistics()?.fill_empty))
            .sum()
    }

    /// Descriptors that are ready when there are frames.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.lanes.iter().map(|lane| lane.socket.fd())
    }

    /// Frames that wait, and room for them.
    pub fn ring_fill(&self) -> (u32, u32) {
        let lanes = self.lanes.iter().map(|lane| lane.socket.fill());
        lanes.fold((0, 0), |(fill, room), lane| {
            (fill.saturating_add(lane.0), room.saturating_add(lane.1))
        })
    }

    /// Frames handed out so far.
    pub const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Frames of those that came in several pieces.
    pub const fn multi_buffer(&self) -> u64 {
        self.multi_buffer
    }
}

impl Lent {
    #[inline]
    fn bytes<'a>(&'a self, umem: &'a Umem, joined: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Chunk(frame) => umem.bytes(frame),
            Self::Joined(start, len) => joined.get(*start..*start + *len).unwrap_or_default(),
        }
    }
}

impl Lane {
    /// Takes up to a burst of pieces off the ring, as frames.
    #[inline]
    fn receive(&mut self, lent: &mut Vec<Lent>, joined: &mut [u8], too_long: &mut u64) {
        let mut used = 0;
        for _ in 0..BURST_FRAMES {
            let Some((piece, goes_on)) = self.socket.receive() else {
                break;
            };
            if !goes_on && self.pieces.is_empty() && !self.too_long {
                lent.push(Lent::Chunk(piece));
                continue;
            }
            if let Some(len) = self.join(piece, goes_on, joined.get_mut(used..), too_long) {
                lent.push(Lent::Joined(used, len));
                used += len;
            }
        }
        self.socket.release();
    }

    /// Takes a piece of a frame of several; its length, when it was the last.
    #[cold]
    fn join(
        &mut self,
        piece: FrameHandle,
        goes_on: bool,
        room: Option<&mut [u8]>,
        too_long: &mut u64,
    ) -> Option<usize> {
        if self.too_long || self.pieces.len() == XDP_FRAME_PIECES_MAX {
            self.too_long = goes_on;
            *too_long += u64::from(!goes_on);
            self.socket.give_back(piece.into_chunk());
            for piece in self.pieces.drain(..) {
                self.socket.give_back(piece.into_chunk());
            }
            return None;
        }
        self.pieces.push(piece);
        if goes_on {
            return None;
        }
        let mut len = 0;
        let room = room.unwrap_or_default();
        for piece in self.pieces.drain(..) {
            let end = len + piece.len() as usize;
            if let Some(to) = room.get_mut(len..end) {
                to.copy_from_slice(self.socket.umem().bytes(&piece));
                len = end;
            }
            self.socket.give_back(piece.into_chunk());
        }
        Some(len)
    }
}
