//! One AF_XDP socket of one worker, and what it does with chunks that it is done with: they go
//! back to the kernel, at once where the socket owns its queue's fill ring, or by way of the
//! owner. It looks into no frame.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rtrb::{Consumer, Producer};
use rustix::net::{RecvFlags, recv};

use super::ring::{FillRing, Memory, RxRing};
use super::sys::{self, Statistics};
use super::umem::{Chunk, FrameHandle, Umem};

/// The owner's part of a queue: its fill ring, and the chunks that wait for room there.
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
        filling.refill(umem, &mut Vec::new());
        filling
    }

    /// Gives the kernel the chunks of a burst, what the other sockets gave back, and what found no
    /// room before. True when it has to be told.
    #[inline]
    fn refill(&mut self, umem: &Umem, burst: &mut Vec<FrameHandle>) -> bool {
        for returned in &mut self.returns {
            let waiting = returned.slots();
            if waiting > 0
                && let Ok(chunks) = returned.read_chunk(waiting)
            {
                self.free.extend(chunks);
            }
        }
        let geometry = umem.geometry();
        if self.free.is_empty() {
            let addresses = burst.iter().map(|frame| geometry.address(frame.chunk()));
            let added = self.ring.extend(addresses);
            burst.drain(..added);
        }
        if !burst.is_empty() || !self.free.is_empty() {
            self.refill_free(umem, burst);
        }
        self.ring.publish();
        self.ring.needs_wakeup()
    }

    /// At the start, and for what came back. The ring has room for every chunk of the UMEM.
    #[cold]
    fn refill_free(&mut self, umem: &Umem, burst: &mut Vec<FrameHandle>) {
        let geometry = umem.geometry();
        self.free
            .extend(burst.drain(..).map(FrameHandle::into_chunk));
        let addresses = self.free.iter().map(|chunk| geometry.address(chunk));
        let added = self.ring.extend(addresses);
        self.free.drain(..added);
    }
}

/// Where a socket's chunks go.
pub(super) enum Home<M> {
    /// Into the fill ring, which is this socket's.
    Own(Filling<M>),
    /// To the owner. The ring has room for all chunks of the UMEM.
    Shared(Producer<Chunk>),
}

/// One socket.
pub(super) struct Socket<M> {
    // The rings go before the socket, and the socket before its memory.
    rx: RxRing<M>,
    home: Home<M>,
    fd: OwnedFd,
    umem: Arc<Umem>,
    invalid: u64,
}

impl<M: Memory> Socket<M> {
    /// A socket that is bound, with its ring.
    pub(super) fn new(fd: OwnedFd, rx: M, home: Home<M>, umem: Arc<Umem>) -> Self {
        Self {
            rx: RxRing::new(rx),
            home,
            fd,
            umem,
            invalid: 0,
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

    /// Takes the next frames that lie in one chunk each, up to so many. False when the frame that
    /// comes next is in several pieces.
    #[inline]
    pub(super) fn receive(&mut self, most: usize, frames: &mut Vec<FrameHandle>) -> bool {
        let (umem, invalid) = (&self.umem, &mut self.invalid);
        let mut whole = true;
        self.rx.take(most as u32, |descriptor| {
            whole = !descriptor.goes_on();
            if whole {
                match umem.taken(descriptor) {
                    Some(frame) => frames.push(frame),
                    None => *invalid += 1,
                }
            }
            whole
        });
        self.rx.release();
        whole
    }

    /// Takes the next piece of a frame of several, and whether the frame goes on after it. A piece
    /// without a frame is not in the memory.
    pub(super) fn receive_piece(&mut self) -> Option<(Option<FrameHandle>, bool)> {
        let umem = &self.umem;
        let mut piece = None;
        self.rx.take(1, |descriptor| {
            let goes_on = descriptor.goes_on();
            piece = Some((umem.taken(descriptor), goes_on));
            true
        });
        self.rx.release();
        self.invalid += u64::from(matches!(piece, Some((None, _))));
        piece
    }

    /// Descriptors that were not in the memory: the kernel's fault, and nobody's chunk.
    pub(super) const fn invalid(&self) -> u64 {
        self.invalid
    }

    /// Gives these frames' memory back, and keeps the queue going: what is free goes to the
    /// kernel, which is told if it asks for that.
    #[inline]
    pub(super) fn give_back(&mut self, frames: &mut Vec<FrameHandle>) {
        match &mut self.home {
            Home::Own(filling) => {
                if filling.refill(&self.umem, frames) {
                    self.wake();
                }
            }
            Home::Shared(owner) => {
                for frame in frames.drain(..) {
                    // There is room for every chunk of the UMEM, and each is one.
                    let _ = owner.push(frame.into_chunk());
                }
            }
        }
    }

    /// Lets the driver look at the fill ring, or be polled. What it answers does not matter: it is asked again.
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
