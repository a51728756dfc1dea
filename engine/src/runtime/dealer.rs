//! Shares one input out among the workers of an offline run: whoever has little left to do reads
//! the next batch and deals it to all, so that no thread only reads, each frame is read once, and
//! nobody waits while one reads. It keeps the order of the input for every worker.
//!
//! ```text
//! turn    read the records of a batch ─► hand it to all      one worker at a time
//! then    summaries of its frames, whose each is             each its own batch, side by side
//! then    its own frames of every batch                      once that is known
//! ```

use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::capture::Frame;
use crate::capture::pcap::{Batch, Part, Pcap};
use crate::config::{BATCH_FRAMES_MAX, BATCHES_AHEAD, BATCHES_READY, BURST_FRAMES};
use crate::flow::Summary;
use crate::worker::{Burst, Options, shard_of};

/// Who is told of every batch that was read.
pub type Watcher<'a> = &'a mut (dyn FnMut(&Pcap) + Send);

/// A batch, and whose its frames are.
#[derive(Debug, Default)]
pub struct Deal {
    batch: Batch,
    /// Each worker's frames, in order; nothing where there is one worker alone.
    hands: Vec<Vec<Dealt>>,
}

/// A frame that was dealt.
#[derive(Clone, Copy, Debug, Default)]
struct Dealt {
    summary: Summary,
    /// Where it is in the batch.
    place: u16,
    /// It is a plain packet, and this its summary.
    is_plain: bool,
}

const _: () = assert!(BATCH_FRAMES_MAX <= u16::MAX as usize + 1);

impl Deal {
    /// All frames, in order, in bursts.
    pub fn all(&self) -> impl Iterator<Item = Part<'_>> {
        self.batch.parts(BURST_FRAMES)
    }

    /// The frames of one worker, in order, in bursts; nothing where there is one worker alone.
    pub fn own(&self, seat: &Seat) -> Option<impl Iterator<Item = Own<'_>>> {
        let (batch, own) = (&self.batch, self.hands.get(seat.number)?);
        let bursts = own.chunks(BURST_FRAMES);
        Some(bursts.map(move |dealt| Own { batch, dealt }))
    }

    /// Notes whose each frame is.
    fn assign(&mut self, workers: usize, options: &Options) {
        if workers == 1 {
            return;
        }
        self.hands.resize_with(workers, Vec::new);
        self.hands.iter_mut().for_each(Vec::clear);
        let mut dealt = Dealt::default();
        for (place, frame) in self.batch.frames().enumerate() {
            dealt.place = place as u16;
            dealt.is_plain = options.summarize(&frame, &mut dealt.summary);
            let shard = match dealt.is_plain {
                true => dealt.summary.shard.into(),
                false => shard_of(&frame),
            };
            if let Some(hand) = self.hands.get_mut(shard % workers) {
                hand.push(dealt);
            }
        }
    }
}

/// A burst of a worker's own frames.
pub struct Own<'a> {
    batch: &'a Batch,
    dealt: &'a [Dealt],
}

impl Burst for Own<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.dealt.len()
    }

    #[inline]
    fn frame(&self, at: usize) -> Frame<'_> {
        let dealt = self.dealt.get(at);
        let frame = dealt.and_then(|dealt| self.batch.frame(dealt.place.into()));
        frame.unwrap_or(Frame::EMPTY)
    }

    #[inline(always)]
    fn summarize(&self, at: usize, _: &Options, summary: &mut Summary) -> bool {
        let dealt = self.dealt.get(at).filter(|dealt| dealt.is_plain);
        dealt.is_some_and(|dealt| {
            *summary = dealt.summary;
            true
        })
    }
}

/// A deal on its way: whoever reads it first knows all of it, since who fills it lets go of it
/// only then.
#[derive(Clone, Debug, Default)]
pub struct Hand(Arc<RwLock<Deal>>);

impl Hand {
    /// The deal, once it is filled; nothing if who filled it panicked.
    pub fn open(&self) -> Option<RwLockReadGuard<'_, Deal>> {
        self.0.read().ok()
    }

    /// True if nobody else holds it.
    fn is_free(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// One worker's place.
pub struct Seat {
    number: usize,
    deals: Receiver<Hand>,
}

/// The input, and the places of those who share it.
pub struct Dealer<'a> {
    turn: Mutex<Turn<'a>>,
    workers: usize,
    options: Options,
}

/// What the one who reads needs.
struct Turn<'a> {
    pcap: &'a mut Pcap,
    watcher: Watcher<'a>,
    /// How often the input is still to be read; 0 at its end.
    left: u32,
    /// Every batch there is: those that nobody holds are filled again.
    hands: Vec<Hand>,
    /// The ways to all places; none at the end of the input.
    places: Vec<Sender<Hand>>,
}

impl<'a> Dealer<'a> {
    /// Shares an input that is read so often out among so many workers, which are set up so.
    pub fn new(
        pcap: &'a mut Pcap,
        repeat: u32,
        workers: usize,
        options: Options,
        watcher: Watcher<'a>,
    ) -> (Self, Vec<Seat>) {
        let (places, seats) = (0..workers)
            .map(|number| {
                let (sender, deals) = bounded(BATCHES_AHEAD);
                (sender, Seat { number, deals })
            })
            .unzip();
        let turn = Mutex::new(Turn {
            pcap,
            watcher,
            left: repeat,
            hands: Vec::new(),
            places,
        });
        let dealer = Self {
            turn,
            workers,
            options,
        };
        (dealer, seats)
    }

    /// What comes next for a worker. One that has little before it reads for all first, unless
    /// another does. Waits while there is nothing yet; nothing at the end of the input.
    pub fn next(&self, seat: &Seat) -> Option<Hand> {
        if seat.deals.len() < BATCHES_READY
            && let Ok(turn) = self.turn.try_lock()
            && (seat.deals.is_empty() || turn.has_room())
        {
            self.deal(turn);
        }
        // Who reads deals to everybody, and at the end takes the places away. One who reads and
        // panics takes them along.
        seat.deals.recv().ok()
    }

    /// Reads a batch and deals it to all. At the end of the input it takes the places away.
    fn deal(&self, mut turn: MutexGuard<'_, Turn<'a>>) {
        let hand = turn.spare();
        // Those who get it wait until it is filled: while this worker finds out whose the frames
        // are, another reads on.
        let Ok(mut deal) = hand.0.write() else {
            turn.places.clear();
            return;
        };
        if turn.read(&mut deal.batch) {
            turn.hand_out(&hand);
        }
        drop(turn);
        deal.assign(self.workers, &self.options);
    }
}

impl Turn<'_> {
    /// True if nobody would have to be waited for.
    fn has_room(&self) -> bool {
        !self.places.iter().any(Sender::is_full)
    }

    /// Hands a batch to all.
    fn hand_out(&mut self, hand: &Hand) {
        (self.watcher)(self.pcap);
        for place in &self.places {
            // A worker that is gone has panicked, which the run reports.
            let _ = place.send(hand.clone());
        }
        self.hands.push(hand.clone());
    }

    /// A batch that nobody holds. There are never more than places have room for.
    fn spare(&mut self) -> Hand {
        let spare = self.hands.iter().position(Hand::is_free);
        spare
            .map(|at| self.hands.swap_remove(at))
            .unwrap_or_default()
    }

    /// Reads the next batch, from the start again as long as it is to. False at the end of the
    /// input, and nobody gets anything any more.
    fn read(&mut self, batch: &mut Batch) -> bool {
        // However this ends, nobody waits for ever: only who has read puts them back.
        let places = std::mem::take(&mut self.places);
        while self.left > 0 {
            if self.pcap.read(batch) {
                self.places = places;
                return true;
            }
            self.left -= 1;
            if self.left > 0 && !self.pcap.rewind() {
                self.left = 0;
            }
        }
        false
    }
}
