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
    /// All chunks of a UMEM, none of them with the kernel yet.
    pub(super) fn new(memory: M, chunks: Vec<Chunk>, returns: Vec<Consumer<Chunk>>) -> Self {
        Self {
            ring: FillRing::new(memory),
            free: chunks,
            returns,
        }
    }

    /// Gives the kernel every chunk that is free. True when it has to be told.
    pub(super) fn refill(&mut self, umem: &Umem) -> bool {
        for returned in &mut self.returns {
            while let Ok(chunk) = returned.pop() {
                self.free.push(chunk);
            }
        }
        if !self.free.is_empty() {
            while let Some(chunk) = self.free.pop() {
                if !self.ring.push(umem.geometry().address(&chunk)) {
                    self.free.push(chunk);
                    break;
                }
            }
            self.ring.publish();
        }
        self.ring.needs_wakeup()
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

    /// Takes the next piece of a frame, and whether the frame goes on in the next.
    #[inline]
    pub(super) fn receive(&mut self) -> Option<(FrameHandle, bool)> {
        loop {
            let descriptor = self.rx.pop()?;
            let place = self
                .umem
                .geometry()
                .place(descriptor.address, descriptor.len);
            // One that is not in the memory is the kernel's fault, and nobody's chunk.
            let Some(place) = place else { continue };
            return Some((self.umem.taken(place, descriptor.len), descriptor.goes_on()));
        }
    }

    /// Ends a burst: the ring's entries are the kernel's again. Their chunks are not yet.
    #[inline]
    pub(super) fn release(&mut self) {
        self.rx.release();
    }

    /// Takes back a chunk; [`Self::tend`] passes it on to the kernel.
    #[inline]
    pub(super) fn give_back(&mut self, chunk: Chunk) {
        match &mut self.home {
            Home::Own(filling) => filling.free.push(chunk),
            // There is room for every chunk of the UMEM, and each is one.
            Home::Shared(owner) => {
                let _ = owner.push(chunk);
            }
        }
    }

    /// Keeps the queue going: what is free goes to the kernel, which is told if it asks for that.
    #[inline]
    pub(super) fn tend(&mut self) {
        if let Home::Own(filling) = &mut self.home
            && filling.refill(&self.umem)
        {
            self.wake();
        }
    }

    /// Lets the driver look at the fill ring. What it answers does not matter: it is asked again.
    #[cold]
    fn wake(&self) {
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
