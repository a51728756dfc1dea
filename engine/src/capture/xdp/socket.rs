//! One AF_XDP socket of one worker, and what it does with chunks that it is done with: they go
//! back to the kernel, at once where the socket owns its queue's fill ring, or by way of the
//! owner. It looks into no frame.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rtrb::{Consumer, Producer};
use rustix::net::{RecvFlags, recv};

use super::ring::{Descriptor, Entry, FillRing, Memory, RxRing};
use super::sys::{self, Statistics};
use super::umem::{Chunk, FrameHandle, Umem};

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
pub(super) enum Home<M> {
    /// Into the fill ring, which is this socket's.
    Own(Filling<M>),
    /// To the owner. The ring has room for all chunks of the UMEM.
    Shared(Producer<Chunk>),
}

/// Frames that a socket lent, each in one chunk: so many of its RX ring's entries. It can't be
/// copied, and giving it back ends the loan.
#[must_use]
pub(super) struct Loan(usize);

impl Loan {
    /// How many frames.
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.0
    }
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

    /// Lends the next frames that lie in one chunk each, up to so many. With none, true if the
    /// next frame is one in several pieces.
    #[inline]
    pub(super) fn lend(&mut self, most: usize) -> (Loan, bool) {
        let entries = self.rx.lent(most);
        let options = entries
            .iter()
            .fold(0, |options, entry| options | Descriptor::of(entry).options);
        if !Descriptor::goes_on(options) {
            return (Loan(entries.len()), false);
        }
        let first = entries
            .iter()
            .position(|entry| Descriptor::goes_on(Descriptor::of(entry).options));
        (Loan(first.unwrap_or_default()), first == Some(0))
    }

    /// The frames of a loan.
    #[inline]
    pub(super) fn frames(&self, loan: &Loan) -> impl Iterator<Item = &[u8]> {
        self.entries(loan).iter().map(|entry| {
            let descriptor = Descriptor::of(entry);
            let bytes = self.umem.lent(descriptor.address, descriptor.len);
            // An address outside the memory is the kernel's fault: a frame without bytes.
            bytes.unwrap_or_default()
        })
    }

    #[inline]
    fn entries(&self, loan: &Loan) -> &[Entry<M>] {
        self.rx.entries(loan.0)
    }

    /// Ends a loan: the memory goes back to the kernel, which is told if it asks for that. With a
    /// loan of nothing it keeps the queue going.
    #[inline]
    pub(super) fn give_back(&mut self, loan: Loan) {
        let entries = self.rx.entries(loan.0);
        let count = entries.len();
        match &mut self.home {
            Home::Own(filling) => {
                // The kernel takes any address in a chunk for the chunk.
                let addresses = entries.iter().map(|entry| Descriptor::of(entry).address);
                let added = filling.ring.extend(addresses);
                debug_assert_eq!(added, count, "the ring has room for every chunk");
                filling.refill(&self.umem);
                filling.ring.publish();
            }
            Home::Shared(owner) => {
                for entry in entries {
                    let Descriptor { address, len, .. } = Descriptor::of(entry);
                    if let Some(frame) = self.umem.taken(address, len) {
                        // There is room for every chunk of the UMEM, and each is one.
                        let _ = owner.push(frame.into_chunk());
                    }
                }
            }
        }
        self.rx.release(count);
        if let Home::Own(filling) = &self.home
            && filling.ring.needs_wakeup()
        {
            self.wake();
        }
    }

    /// Takes the next piece of a frame of several, and whether the frame goes on after it. A piece
    /// outside the memory is the kernel's fault: it has no chunk.
    pub(super) fn receive_piece(&mut self) -> Option<(Option<FrameHandle>, bool)> {
        let Descriptor {
            address,
            len,
            options,
        } = Descriptor::of(self.rx.lent(1).first()?);
        self.rx.release(1);
        let piece = self.umem.taken(address, len);
        Some((piece, Descriptor::goes_on(options)))
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
            Home::Shared(owner) => {
                for chunk in chunks {
                    let _ = owner.push(chunk);
                }
            }
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
