//! A port's sockets against a kernel that is played: whatever happens in whatever order, every
//! frame arrives once and whole, and no chunk is lost.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use rtrb::RingBuffer;

use super::super::ring::tests::{Bench, Kernel};
use super::super::socket::{Filling, Home, Returning};
use super::super::umem::{Geometry, Umem};
use super::*;
use crate::config::BURST_FRAMES;

const CHUNKS: u32 = 64;
const CHUNK_BYTES: u32 = 2048;
const RX_ENTRIES: usize = 32;
const CONTD: u32 = libc::XDP_PKT_CONTD;

/// One queue that workers share, and the kernel's side of it.
struct Queue {
    umem: Arc<Umem>,
    workers: Vec<Lanes<Arc<Bench>>>,
    fill: Kernel,
    rx: Vec<Kernel>,
    /// Chunks that the kernel has taken.
    held: Vec<u64>,
    /// Pieces that are on their way to each worker's ring.
    coming: Vec<VecDeque<(u64, u32, u32)>>,
    /// Frames that each worker is to get.
    expected: Vec<VecDeque<Vec<u8>>>,
    too_long: u64,
    number: u8,
}

impl Queue {
    fn new(workers: usize) -> Self {
        let (umem, chunks) = Umem::map(Geometry::new(CHUNKS, CHUNK_BYTES).unwrap()).unwrap();
        let umem = Arc::new(umem);
        let fill = Bench::new(CHUNKS as usize, u32::MAX - 20);
        let rings = || Bench::new(RX_ENTRIES * 2, u32::MAX - 5);
        let rx: Vec<Arc<Bench>> = (0..workers).map(|_| rings()).collect();
        let ends = (1..workers).map(|_| RingBuffer::new(CHUNKS as usize));
        let (givers, takers): (Vec<_>, Vec<_>) = ends.unzip();
        let filling = Filling::new(Arc::clone(&fill), &umem, chunks, takers);
        let ways = givers.into_iter().map(Returning::new);
        let shared = ways.map(Home::Shared);
        let homes = std::iter::once(Home::Own(filling)).chain(shared);
        let lanes = homes.zip(&rx).map(|(home, rx)| {
            let fd = File::open("/dev/null").unwrap().into();
            let socket = Socket::new(fd, Arc::clone(rx), home, Arc::clone(&umem));
            Lanes::new(vec![socket], 0, CHUNK_BYTES)
        });
        Self {
            workers: lanes.collect(),
            fill: Kernel(fill),
            rx: rx.into_iter().map(Kernel).collect(),
            held: Vec::new(),
            coming: vec![VecDeque::new(); workers],
            expected: vec![VecDeque::new(); workers],
            too_long: 0,
            number: 0,
            umem,
        }
    }

    /// The next chunk of the fill ring. Any address in it stands for it, as for the kernel.
    fn refilled(&self) -> Option<u64> {
        let address = self.fill.take()?;
        assert!(address < u64::from(CHUNKS * CHUNK_BYTES));
        Some(address & !u64::from(CHUNK_BYTES - 1))
    }

    /// A frame of so many pieces comes for a worker, if there are chunks for it.
    fn frame(&mut self, worker: usize, pieces: usize) {
        while self.held.len() < pieces {
            match self.refilled() {
                Some(address) => self.held.push(address),
                None => return,
            }
        }
        let mut frame = Vec::new();
        for left in (0..pieces).rev() {
            self.number = self.number.wrapping_add(1);
            let bytes = vec![self.number; usize::from(self.number) % 7 + 1];
            let address = self.held.pop().unwrap() + 256;
            self.umem.write(address, &bytes);
            frame.extend(&bytes);
            let options = if left > 0 { CONTD } else { 0 };
            self.coming[worker].push_back((address, bytes.len() as u32, options));
        }
        if pieces > XDP_FRAME_PIECES_MAX {
            self.too_long += 1;
        } else {
            self.expected[worker].push_back(frame);
        }
    }

    /// So many of the pieces that are coming get onto the worker's ring.
    fn publish(&mut self, worker: usize, pieces: usize) {
        for _ in 0..pieces {
            let Some(&(address, len, options)) = self.coming[worker].front() else {
                return;
            };
            if !self.rx[worker].put(address, len, options) {
                return;
            }
            self.coming[worker].pop_front();
        }
    }

    /// A worker takes a burst. True when it got some.
    fn burst(&mut self, worker: usize) -> bool {
        self.burst_of(worker, BURST_FRAMES)
    }

    /// The same, and it takes no more than so many frames of it.
    fn burst_of(&mut self, worker: usize, most: usize) -> bool {
        let expected = &mut self.expected[worker];
        self.workers[worker].burst(7, &mut Expecting { expected, most })
    }

    /// All that is under way arrives; then the kernel has every chunk, each once.
    fn settle(mut self) {
        while self.coming.iter().any(|coming| !coming.is_empty()) {
            for worker in 0..self.workers.len() {
                self.publish(worker, usize::MAX);
                self.burst(worker);
            }
        }
        for _ in 0..2 {
            // The others first, so that the owner fills with what they gave back.
            for worker in (0..self.workers.len()).rev() {
                while self.burst(worker) {}
            }
        }
        assert!(self.expected.iter().all(VecDeque::is_empty));
        let too_long: u64 = self.workers.iter().map(|lanes| lanes.too_long).sum();
        assert_eq!(too_long, self.too_long);
        while let Some(address) = self.refilled() {
            self.held.push(address);
        }
        self.held.sort_unstable();
        let all = (0..u64::from(CHUNKS)).map(|chunk| chunk * u64::from(CHUNK_BYTES));
        assert!(self.held.into_iter().eq(all));
    }
}

/// Takes bursts, up to so many frames of each, and compares.
struct Expecting<'a> {
    expected: &'a mut VecDeque<Vec<u8>>,
    most: usize,
}

impl Taker for Expecting<'_> {
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        let mut taken = Vec::new();
        for (place, frame) in frames.take(self.most).enumerate() {
            assert_eq!(frame.number, 7 + place as u64);
            assert!(place < BURST_FRAMES);
            taken.push(frame);
        }
        // All of them are lent until the burst is over.
        for frame in taken {
            assert_eq!(Some(frame.bytes), self.expected.pop_front().as_deref());
        }
    }
}

/// Any order of frames, pieces and bursts, with one to four workers.
#[test]
fn fuzz_no_chunk_is_lost() {
    bolero::check!()
        .with_type::<(u8, Vec<(u8, u8)>)>()
        .for_each(|(workers, steps)| {
            let workers = usize::from(workers % 4) + 1;
            let mut queue = Queue::new(workers);
            for &(step, size) in steps {
                let worker = usize::from(step >> 2) % workers;
                match step % 4 {
                    0 => queue.frame(worker, 1),
                    1 => queue.frame(worker, usize::from(size % 36) + 1),
                    2 => queue.publish(worker, usize::from(size % 8) + 1),
                    _ => drop(queue.burst_of(worker, usize::from(size) + 1)),
                }
            }
            queue.settle();
        });
}

/// The same, long, with numbers of a fixed generator.
#[test]
fn no_chunk_is_lost_in_a_long_run() {
    let mut state = 1u64;
    let mut next = |most: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 33) % most) as usize
    };
    for workers in 1..=4 {
        let mut queue = Queue::new(workers);
        for _ in 0..20_000 {
            let worker = next(workers as u64);
            match next(8) {
                0..3 => queue.frame(worker, 1),
                3 => {
                    let pieces = next(36) + 1;
                    queue.frame(worker, pieces);
                }
                4..6 => queue.publish(worker, 1 + next(40)),
                _ => drop(queue.burst(worker)),
            }
        }
        assert!(queue.workers.iter().all(|lanes| lanes.delivered > 100));
        queue.settle();
    }
}

/// What is not taken comes with the next burst, and its memory stays ours until then.
#[test]
fn a_burst_goes_on_where_the_last_one_ended() {
    let mut queue = Queue::new(2);
    for worker in [0, 1] {
        (0..7).for_each(|_| queue.frame(worker, 1));
        queue.publish(worker, 7);
        for _ in 0..3 {
            assert!(queue.burst_of(worker, 2));
        }
        assert_eq!(queue.workers[worker].delivered, 6);
        assert!(queue.burst_of(worker, 2));
        assert!(!queue.burst_of(worker, 2));
        assert_eq!(queue.workers[worker].delivered, 7);
    }
    queue.settle();
}

/// A frame whose pieces come one by one, each after a burst that found no end of it.
#[test]
fn a_frame_goes_on_after_a_burst() {
    let mut queue = Queue::new(2);
    for worker in [0, 1] {
        queue.frame(worker, 1);
        queue.frame(worker, 5);
        queue.frame(worker, 1);
        queue.publish(worker, 2);
        assert!(queue.burst(worker));
        for _ in 0..3 {
            assert!(!queue.burst(worker));
            queue.publish(worker, 1);
        }
        assert!(!queue.burst(worker));
        queue.publish(worker, 2);
        assert!(queue.burst(worker));
        assert!(queue.burst(worker));
        assert_eq!(queue.workers[worker].multi_buffer, 1);
        assert_eq!(queue.workers[worker].delivered, 3);
    }
    queue.settle();
}

/// As many pieces as there may be, and one more.
#[test]
fn frames_of_too_many_pieces_are_counted() {
    let mut queue = Queue::new(1);
    for pieces in [XDP_FRAME_PIECES_MAX, XDP_FRAME_PIECES_MAX + 1, 1] {
        queue.frame(0, pieces);
        while !queue.coming[0].is_empty() {
            queue.publish(0, 10);
            queue.burst(0);
        }
    }
    assert_eq!(queue.workers[0].too_long, 1);
    queue.settle();
}

/// A frame with a piece outside the memory does not come; those around it do.
#[test]
fn pieces_outside_spoil_their_frame() {
    let mut queue = Queue::new(1);
    queue.frame(0, 3);
    queue.expected[0].clear();
    queue.publish(0, 1);
    assert!(!queue.burst(0));
    assert!(queue.rx[0].put(1 << 40, 1, CONTD));
    queue.publish(0, 2);
    queue.frame(0, 2);
    queue.frame(0, 1);
    queue.publish(0, 3);
    while queue.burst(0) {}
    let lanes = &queue.workers[0];
    assert_eq!((lanes.delivered, lanes.too_long), (2, 1));
    queue.too_long = 1;
    queue.settle();
}
