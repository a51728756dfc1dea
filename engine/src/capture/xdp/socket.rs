//! One AF_XDP socket of one worker, and what it does with chunks that it is done with: they go
//! back to the kernel, at once where the socket owns its queue's fill ring, or by way of the
//! owner. It looks into no frame.

use std::io;
use std::iter::Zip;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::slice;
use std::sync::Arc;

use rtrb::{Consumer, Producer};
use rustix::net::{RecvFlags, recv};

use super::ring::{Descriptor, Entry, FillRing, Memory, RxRing, Word};
use super::sys::{self, Statistics};
use super::umem::{Chunk, FrameHandle, Umem, Window};
use crate::config::BURST_FRAMES;

/// The owner's part of a queue: its fill ring, and the chunks that are on their way there.
pub(super) struct Filling<M> {
    ring: FillRing<M>,
    /// Chunks that are ours and not in the ring: never more than the UMEM has.
    free: Vec<Chunk>,
    /// What the other sockets of the queue give back.
    returns: Vec<Consumer<Chunk>>,
}

impl<M: Memory> Filling<M> {
    /// All chunks of a UMEM, which go to the kernel.
    pub(super) fn new(
        memory: M,
        umem: &Umem,
        chunks: Vec<Chunk>,
        returns: Vec<Consumer<Chunk>>,
    ) -> Self {
        let mut filling = Self {
            ring: FillRing::new(memory),
            free: chunks,
            returns,
        };
        filling.refill(umem);
        filling.ring.publish();
        filling
    }

    /// Takes what the other sockets gave back, and gives the kernel what is free.
    #[inline]
    fn refill(&mut self, umem: &Umem) {
        for returned in &mut self.returns {
            let waiting = returned.slots();
            if waiting > 0
                && let Ok(chunks) = returned.read_chunk(waiting)
            {
                self.free.extend(chunks);
            }
        }
        if !self.free.is_empty() {
            let geometry = umem.geometry();
            let addresses = self.free.iter().map(|chunk| geometry.address(chunk));
            // The ring has room for every chunk of the UMEM.
            let added = self.ring.extend(addresses);
            self.free.drain(..added);
        }
    }
}

/// Where a socket's chunks go.
pub(super) enum Home<M: Memory> {
    /// Into the fill ring, which is this socket's.
    Own(Filling<M>),
    /// To the owner.
    Shared(Returning<M>),
}

/// The way to the owner for the chunks of a socket that has no fill ring.
pub(super) struct Returning<M: Memory> {
    /// A place for each frame of a burst, as the fill ring of an owner has them.
    places: [M::Word; BURST_FRAMES],
    /// The ring has room for all chunks of the UMEM.
    owner: Producer<Chunk>,
}

impl<M: Memory> Returning<M> {
    /// The way that this ring is.
    pub(super) fn new(owner: Producer<Chunk>) -> Self {
        Self {
            places: std::array::from_fn(|_| M::Word::default()),
            owner,
        }
    }
}

/// Gives chunks to the owner, up to so many. There is room for every chunk of the UMEM, and each
/// is one.
#[inline]
fn give(owner: &mut Producer<Chunk>, count: usize, chunks: impl Iterator<Item = Chunk>) {
    if let Ok(room) = owner.write_chunk_uninit(count) {
        room.fill_from_iter(chunks);
    }
}

/// Frames that a socket lends, each in one chunk. What is taken of them is read once: its chunk's
/// address is written where it goes back from, and shown to nobody before the loan is over. What
/// is not taken is lent again.
pub(super) struct Frames<'a, M: Memory> {
    rows: Zip<slice::Iter<'a, Entry<M>>, slice::Iter<'a, M::Word>>,
    taken: usize,
    memory: Window<'a>,
}

impl<'a, M: Memory> Iterator for Frames<'a, M> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (entry, place) = self.rows.next()?;
        let descriptor = Descriptor::of(entry);
        if descriptor.goes_on() {
            self.rows = [].iter().zip(&[]);
            return None;
        }
        self.taken += 1;
        // The kernel takes any address in a chunk for the chunk.
        place.set(descriptor.address);
        let bytes = self.memory.lent(descriptor.address, descriptor.len);
        // An address outside the memory is the kernel's fault: a frame without bytes.
        Some(bytes.unwrap_or_default())
    }
}

/// What came of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Burst {
    /// Frames that were taken.
    pub(super) frames: usize,
    /// There was none, because the next is one in several pieces.
    pub(super) in_pieces: bool,
}

/// One socket.
pub(super) struct Socket<M: Memory> {
    // The rings go before the socket, and the socket before its memory.
    rx: RxRing<M>,
    home: Home<M>,
    fd: OwnedFd,
    umem: Arc<Umem>,
}

impl<M: Memory> Socket<M> {
    /// A socket that is bound, with its ring.
    pub(super) fn new(fd: OwnedFd, rx: M, home: Home<M>, umem: Arc<Umem>) -> Self {
        Self {
            rx: RxRing::new(rx),
            home,
            fd,
            umem,
        }
    }

    /// Its memory.
    #[inline]
    pub(super) fn umem(&self) -> &Umem {
        &self.umem
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Lends the next frames that lie in one chunk each, up to a burst, if there are any. The loan
    /// ends with the call: then the memory of those that were taken goes back.
    #[inline]
    pub(super) fn burst(&mut self, take: impl FnOnce(&mut Frames<'_, M>)) -> Burst {
        let places = match &mut self.home {
            Home::Own(filling) => filling.ring.row(BURST_FRAMES),
            Home::Shared(returning) => &returning.places,
        };
        let entries = self.rx.lent(places.len());
        let first = entries.first().map(Descriptor::of);
        let in_pieces = first.is_some_and(Descriptor::goes_on);
        let mut taken = 0;
        if first.is_some() && !in_pieces {
            let mut frames = Frames {
                rows: entries.iter().zip(places),
                taken,
                memory: self.umem.window(),
            };
            take(&mut frames);
            taken = frames.taken;
        }
        self.give_back(taken);
        Burst {
            frames: taken,
            in_pieces,
        }
    }

    /// Gives the first of the entries back whose addresses are written in their places, so many;
    /// the kernel is told if it asks for that. Of none it keeps the queue going.
    #[inline]
    fn give_back(&mut self, count: usize) {
        match &mut self.home {
            Home::Own(filling) => {
                filling.ring.add(count);
                filling.refill(&self.umem);
                filling.ring.publish();
                self.rx.release(count);
                if filling.ring.needs_wakeup() {
                    self.wake();
                }
            }
            Home::Shared(Returning { places, owner }) => {
                let addresses = places.iter().take(count).map(Word::get);
                let chunks = addresses.filter_map(|address| self.umem.given(address));
                give(owner, count, chunks);
                self.rx.release(count);
            }
        }
    }

    /// Keeps the queue going: what others gave back goes to the kernel, which is told if it asks.
    #[inline]
    pub(super) fn keep_going(&mut self) {
        self.give_back(0);
    }

    /// Takes the next piece of a frame of several, and whether the frame goes on after it. A piece
    /// outside the memory is the kernel's fault: it has no chunk.
    pub(super) fn receive_piece(&mut self) -> Option<(Option<FrameHandle>, bool)> {
        let descriptor = Descriptor::of(self.rx.lent(1).first()?);
        self.rx.release(1);
        let piece = self.umem.taken(descriptor.address, descriptor.len);
        Some((piece, descriptor.goes_on()))
    }

    /// Takes back pieces.
    pub(super) fn give_back_pieces(&mut self, pieces: &mut Vec<FrameHandle>) {
        let chunks = pieces.drain(..).map(FrameHandle::into_chunk);
        match &mut self.home {
            Home::Own(filling) => {
                filling.free.extend(chunks);
                filling.refill(&self.umem);
                filling.ring.publish();
            }
            Home::Shared(Returning { owner, .. }) => give(owner, chunks.len(), chunks),
        }
    }

    /// Lets the driver look at the fill ring, or be polled. What it answers does not matter: it is
    /// asked again.
    #[cold]
    pub(super) fn wake(&self) {
        let _ = recv(&self.fd, &mut [0u8; 0][..], RecvFlags::DONTWAIT);
    }

    /// True if it owns the fill ring of its queue.
    pub(super) const fn owns_queue(&self) -> bool {
        matches!(self.home, Home::Own(_))
    }

    /// What it lost.
    pub(super) fn statistics(&self) -> io::Result<Statistics> {
        sys::statistics(self.fd())
    }

    /// Frames that wait, and room for them.
    pub(super) fn fill(&self) -> (u32, u32) {
        (self.rx.waiting(), self.rx.capacity())
    }
}
