//! Both rings under loom: the interleavings of both sides in which a thread is interrupted up to
//! [`INTERRUPTIONS`] times, with every value that a processor may show for a load. A test on one
//! machine sees that machine's order of memory alone.

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use loom::thread;

use super::{Cursor, Descriptor, FillRing, Memory, RxRing, Word};

/// Beside those where a thread waits. With one more it takes minutes.
const INTERRUPTIONS: usize = 2;

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(INTERRUPTIONS);
    builder.check(run);
}

impl Cursor for AtomicU32 {
    fn get(&self) -> u32 {
        self.load(Ordering::Relaxed)
    }

    fn acquire(&self) -> u32 {
        self.load(Ordering::Acquire)
    }

    fn release(&self, value: u32) {
        self.store(value, Ordering::Release);
    }
}

/// A cursor that orders nothing: with it the tests must fail.
struct Lax(AtomicU32);

impl Cursor for Lax {
    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn acquire(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn release(&self, value: u32) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Word for AtomicU64 {
    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }
}

struct Model<C> {
    cursors: [C; 3],
    words: Vec<AtomicU64>,
}

impl<C> Model<C> {
    fn new(cursor: fn(u32) -> C, words: usize) -> Arc<Self> {
        // About to wrap.
        let start = u32::MAX;
        Arc::new(Self {
            cursors: [cursor(start), cursor(start), cursor(0)],
            words: (0..words).map(|_| AtomicU64::new(u64::MAX)).collect(),
        })
    }
}

impl<C: Cursor> Memory for Arc<Model<C>> {
    type Cursor = C;
    type Word = AtomicU64;

    fn producer(&self) -> &C {
        &self.cursors[0]
    }

    fn consumer(&self) -> &C {
        &self.cursors[1]
    }

    fn flags(&self) -> &C {
        &self.cursors[2]
    }

    fn words(&self) -> &[AtomicU64] {
        &self.words
    }
}

/// The kernel's side. Its cursors are always right: what is tested are ours.
struct Kernel<C>(Arc<Model<C>>);

impl<C: Cursor> Kernel<C> {
    /// Takes the next address from a fill ring, waiting for it.
    fn take(&self) -> u64 {
        let at = self.0.consumer().get();
        while self.0.producer().acquire() == at {
            thread::yield_now();
        }
        let address = self.0.words[at as usize & (self.0.words.len() - 1)].get();
        self.0.consumer().release(at.wrapping_add(1));
        address
    }

    /// Puts a frame on an RX ring, waiting for room.
    fn put(&self, address: u64) {
        let at = self.0.producer().get();
        let room = self.0.words.len() as u32 / 2;
        while at.wrapping_sub(self.0.consumer().acquire()) == room {
            thread::yield_now();
        }
        let place = (at as usize * 2) & (self.0.words.len() - 1);
        self.0.words[place].set(address);
        self.0.words[place + 1].set(address);
        self.0.producer().release(at.wrapping_add(1));
    }
}

/// Waits for a frame: its address and length. What is done with it comes before its place is
/// given back.
fn take<C: Cursor>(ring: &mut RxRing<Arc<Model<C>>>) -> (u64, u64) {
    loop {
        let taken = ring.lent(1).first().map(Descriptor::of);
        match taken {
            Some(taken) => {
                ring.release(1);
                return (taken.address, taken.len.into());
            }
            None => thread::yield_now(),
        }
    }
}

/// Three addresses through two places.
fn fill<C: Cursor + Send + Sync + 'static>(cursor: fn(u32) -> C) {
    model(move || {
        let model = Model::new(cursor, 2);
        let kernel = Kernel(Arc::clone(&model));
        let kernel = thread::spawn(move || [kernel.take(), kernel.take(), kernel.take()]);
        let mut ring = FillRing::new(model);
        for address in 0..3 {
            while ring.extend(std::iter::once(address)) == 0 {
                thread::yield_now();
            }
            ring.publish();
        }
        assert_eq!(kernel.join().unwrap(), [0, 1, 2]);
    });
}

/// Three frames through two places.
fn rx<C: Cursor + Send + Sync + 'static>(cursor: fn(u32) -> C) {
    model(move || {
        let model = Model::new(cursor, 4);
        let kernel = Kernel(Arc::clone(&model));
        let kernel = thread::spawn(move || (0..3).for_each(|address| kernel.put(address)));
        let mut ring = RxRing::new(model);
        for address in 0..3 {
            assert_eq!(take(&mut ring), (address, address));
        }
        kernel.join().unwrap();
    });
}

/// One chunk goes around twice: the kernel never writes it while we read it, although its address
/// stands in the fill ring by then. loom sees to that, and no value is needed for it.
fn around<C: Cursor + Send + Sync + 'static>(cursor: fn(u32) -> C) {
    model(move || {
        let (fill, rx) = (Model::new(cursor, 1), Model::new(cursor, 2));
        let chunk = Arc::new(UnsafeCell::new(()));
        let kernel = (Kernel(Arc::clone(&fill)), Kernel(Arc::clone(&rx)));
        let written = Arc::clone(&chunk);
        let kernel = thread::spawn(move || {
            for _ in 0..2 {
                let address = kernel.0.take();
                written.with_mut(|_| ());
                kernel.1.put(address);
            }
        });
        let (mut fill, mut rx) = (FillRing::new(fill), RxRing::new(rx));
        fill.extend(std::iter::once(0));
        fill.publish();
        for round in 0..2 {
            assert_eq!(take(&mut rx), (0, 0));
            if round == 0 {
                let [place] = fill.row(1) else {
                    panic!("no room")
                };
                place.set(0);
            }
            chunk.with(|_| ());
            if round == 0 {
                fill.add(1);
                fill.publish();
            }
        }
        kernel.join().unwrap();
    });
}

#[test]
fn fill_ring_in_every_order() {
    fill(AtomicU32::new);
}

#[test]
fn rx_ring_in_every_order() {
    rx(AtomicU32::new);
}

#[test]
fn a_chunk_has_one_holder_in_every_order() {
    around(AtomicU32::new);
}

fn lax(value: u32) -> Lax {
    Lax(AtomicU32::new(value))
}

#[test]
#[should_panic]
fn fill_ring_needs_its_order() {
    fill(lax);
}

#[test]
#[should_panic]
fn rx_ring_needs_its_order() {
    rx(lax);
}

#[test]
#[should_panic]
fn a_chunk_needs_the_rings_order() {
    around(lax);
}
