//! One worker's sockets of one interface, taken in turn. A frame that lies in one chunk is lent as
//! it lies there; one that came in several pieces is put together in memory of the port's own.

use std::io;
use std::os::fd::BorrowedFd;

use super::ring::Memory;
use super::socket::{Burst, Socket};
use super::sys::RingMap;
use super::umem::FrameHandle;
use crate::capture::Frame;
use crate::capture::port::{Losses, Taker};
use crate::config::XDP_FRAME_PIECES_MAX;
use crate::wire::LinkType;

/// A socket, and the frame that it has delivered in part.
struct Lane<M: Memory> {
    socket: Socket<M>,
    /// Pieces of a frame that goes on.
    pieces: Vec<FrameHandle>,
    /// The frame has more pieces than fit, or one that can't be read: the rest of it is given back
    /// unread.
    is_spoilt: bool,
}

/// One worker's way to one interface.
pub struct Port {
    lanes: Lanes<RingMap>,
    /// The sockets poll the device when they are asked.
    busy_poll: bool,
}

/// Its sockets, whatever their rings are made of.
struct Lanes<M: Memory> {
    lanes: Vec<Lane<M>>,
    next: usize,
    place: u16,
    /// Room for a frame of several pieces.
    joined: Box<[u8]>,
    delivered: u64,
    multi_buffer: u64,
    too_long: u64,
}

impl Port {
    /// A port of these sockets, of the interface in this place of the run.
    pub(super) fn new(
        sockets: Vec<Socket<RingMap>>,
        place: u16,
        chunk_bytes: u32,
        busy_poll: bool,
    ) -> Self {
        Self {
            lanes: Lanes::new(sockets, place, chunk_bytes),
            busy_poll,
        }
    }

    /// Lends the next frames, up to a burst, of one socket; the sockets take turns. Afterwards the
    /// memory of those that were taken goes back to the kernel. False when none was.
    #[inline]
    pub fn burst(&mut self, time_ns: u64, taker: &mut impl Taker) -> bool {
        let some = self.lanes.burst(time_ns, taker);
        if !some && self.busy_poll {
            // The kernel polls the device when it is asked for frames, and not by itself.
            self.lanes.sockets().for_each(Socket::wake);
        }
        some
    }

    /// What was lost on the way so far.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn losses(&self) -> io::Result<Losses> {
        let mut losses = Losses {
            dropped: self.lanes.too_long,
            ..Losses::default()
        };
        for socket in self.lanes.sockets() {
            let statistics = socket.statistics()?;
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
        let owned = self.lanes.sockets().filter(|it| it.owns_queue());
        owned.map(|it| Ok(it.statistics()?.fill_empty)).sum()
    }

    /// Descriptors that are ready when there are frames.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.lanes.sockets().map(Socket::fd)
    }

    /// Frames that wait in each of its rings, and room for them.
    pub fn fills(&self) -> impl Iterator<Item = (u32, u32)> {
        self.lanes.sockets().map(Socket::fill)
    }

    /// Frames that wait, and room for them.
    pub fn ring_fill(&self) -> (u32, u32) {
        self.fills().fold((0, 0), |(fill, room), lane| {
            (fill.saturating_add(lane.0), room.saturating_add(lane.1))
        })
    }

    /// Frames handed out so far.
    pub const fn delivered(&self) -> u64 {
        self.lanes.delivered
    }

    /// Frames of those that came in several pieces.
    pub const fn multi_buffer(&self) -> u64 {
        self.lanes.multi_buffer
    }
}

impl<M: Memory> Lanes<M> {
    fn new(sockets: Vec<Socket<M>>, place: u16, chunk_bytes: u32) -> Self {
        let lanes = sockets.into_iter().map(|socket| Lane {
            socket,
            pieces: Vec::with_capacity(XDP_FRAME_PIECES_MAX),
            is_spoilt: false,
        });
        Self {
            lanes: lanes.collect(),
            next: 0,
            place,
            joined: vec![0; XDP_FRAME_PIECES_MAX * chunk_bytes as usize].into(),
            delivered: 0,
            multi_buffer: 0,
            too_long: 0,
        }
    }

    fn sockets(&self) -> impl Iterator<Item = &Socket<M>> {
        self.lanes.iter().map(|lane| &lane.socket)
    }

    #[inline]
    fn burst(&mut self, time_ns: u64, taker: &mut impl Taker) -> bool {
        for _ in 0..self.lanes.len() {
            let at = self.next;
            self.next = if at + 1 < self.lanes.len() { at + 1 } else { 0 };
            let Some(lane) = self.lanes.get_mut(at) else {
                break;
            };
            if !lane.is_whole() {
                lane.socket.keep_going();
                if self.burst_joined(at, time_ns, taker) {
                    return true;
                }
                continue;
            }
            let place = self.place;
            let Burst { frames, in_pieces } = lane.socket.burst(|lent| {
                let numbered = lent.zip(time_ns..);
                taker.take(numbered.map(|(bytes, number)| frame(bytes, time_ns, number, place)));
            });
            if frames > 0 {
                self.delivered += frames as u64;
                return true;
            }
            if in_pieces && self.burst_joined(at, time_ns, taker) {
                return true;
            }
        }
        false
    }

    /// A burst of the one frame that comes next in several pieces, if all are there.
    #[cold]
    fn burst_joined(&mut self, at: usize, time_ns: u64, taker: &mut impl Taker) -> bool {
        let lane = self.lanes.get_mut(at);
        let joined = lane.and_then(|lane| lane.join(&mut self.joined, &mut self.too_long));
        let bytes = joined.and_then(|len| self.joined.get(..len));
        let Some(bytes) = bytes else { return false };
        taker.take(std::iter::once(frame(bytes, time_ns, time_ns, self.place)));
        self.delivered += 1;
        self.multi_buffer += 1;
        true
    }
}

#[inline]
fn frame(bytes: &[u8], time_ns: u64, number: u64, place: u16) -> Frame<'_> {
    Frame {
        bytes,
        wire_len: bytes.len() as u32,
        time_ns,
        link: LinkType::Ethernet,
        interface: place,
        number,
    }
}

impl<M: Memory> Lane<M> {
    /// True while no frame is there in part.
    #[inline]
    fn is_whole(&self) -> bool {
        self.pieces.is_empty() && !self.is_spoilt
    }

    /// Takes the pieces of a frame of several. Its length, when all of them were there: the next
    /// burst goes on with it otherwise.
    #[cold]
    fn join(&mut self, room: &mut [u8], too_long: &mut u64) -> Option<usize> {
        while let Some((piece, goes_on)) = self.socket.receive_piece() {
            self.is_spoilt |= piece.is_none();
            self.pieces.extend(piece);
            if self.is_spoilt {
                self.socket.give_back_pieces(&mut self.pieces);
                self.is_spoilt = goes_on;
                *too_long += u64::from(!goes_on);
                continue;
            }
            if goes_on {
                if self.pieces.len() == XDP_FRAME_PIECES_MAX {
                    self.socket.give_back_pieces(&mut self.pieces);
                    self.is_spoilt = true;
                }
                continue;
            }
            let mut len = 0;
            for piece in &self.pieces {
                let bytes = self.socket.umem().bytes(piece);
                let end = len + bytes.len();
                if let Some(to) = room.get_mut(len..end) {
                    to.copy_from_slice(bytes);
                    len = end;
                }
            }
            self.socket.give_back_pieces(&mut self.pieces);
            return Some(len);
        }
        None
    }
}

#[cfg(test)]
mod tests;
