//! Shares one input out among the workers of an offline run: whoever has little left to do reads
//! the next batch and deals it to all, so that no thread only reads, each frame is read once, and
//! nobody waits while one reads. It keeps the order of the input for every worker.
//!
//! ```text
//! turn    read the records of a batch ─► hand it to all      one worker at a time
//! then    summaries of its frames, whose each is             each its own batch, side by side
//! then    its own frames of every batch                      once that is known
//! ```

use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, TryLockError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::capture::Frame;
use crate::capture::pcap::{Batch, Part, Pcap};
use crate::config::{
    BATCH_FRAMES_MAX, BATCHES_AHEAD, BATCHES_READY, BURST_FRAMES, SUMMARIES_AHEAD,
};
use crate::flow::Summary;
use crate::prefetch::prefetch_whole;
use crate::worker::{Burst, Options, shard_of};

/// Who is told of every batch that was read.
pub type Watcher<'a> = &'a mut (dyn FnMut(&Pcap) + Send);

/// A batch, and whose its frames are.
#[derive(Debug, Default)]
pub struct Deal {
    batch: Batch,
    /// The summaries of its frames; nothing where there is one worker alone.
    summaries: Vec<Summarized>,
    /// Where each worker's frames are; nothing in the same way.
    places: Vec<Vec<u16>>,
}

/// The summary of a frame.
#[derive(Clone, Copy, Debug, Default)]
struct Summarized {
    summary: Summary,
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
        let places = self.places.get(seat.number)?;
        let bursts = places.chunks(BURST_FRAMES);
        Some(bursts.map(move |places| Own { deal: self, places }))
    }

    /// Notes whose each frame is.
    fn assign(&mut self, workers: usize, options: &Options) {
        if workers == 1 {
            return;
        }
        let Self {
            batch,
            summaries,
            places,
        } = self;
        summaries.resize_with(BATCH_FRAMES_MAX, Summarized::default);
        places.resize_with(workers, Vec::new);
        places.iter_mut().for_each(Vec::clear);
        // Written where they stay: what is copied just after it was written in parts waits.
        for (place, (frame, one)) in batch.frames().zip(summaries).enumerate() {
            one.is_plain = options.summarize(&frame, &mut one.summary);
            let shard = match one.is_plain {
                true => one.summary.shard.into(),
                false => shard_of(&frame),
            };
            if let Some(places) = places.get_mut(shard % workers) {
                places.push(place as u16);
            }
        }
    }
}

impl Burst for Part<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn frame(&self, at: usize) -> Frame<'_> {
        self.frame(at).unwrap_or(Frame::EMPTY)
    }
}

/// A burst of a worker's own frames.
pub struct Own<'a> {
    deal: &'a Deal,
    places: &'a [u16],
}

impl Burst for Own<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.places.len()
    }

    #[inline]
    fn frame(&self, at: usize) -> Frame<'_> {
        let place = self.places.get(at);
        let frame = place.and_then(|place| self.deal.batch.frame((*place).into()));
        frame.unwrap_or(Frame::EMPTY)
    }

    #[inline(always)]
    fn summarize(&self, at: usize, _: &Options, summary: &mut Summary) -> bool {
        let summaries = &self.deal.summaries;
        if let Some(ahead) = self.places.get(at + SUMMARIES_AHEAD)
            && let Some(one) = summaries.get(usize::from(*ahead))
        {
            // Another processor wrote it.
            prefetch_whole(one);
        }
        let place = self.places.get(at);
        match place.and_then(|place| summaries.get(usize::from(*place))) {
            Some(one) if one.is_plain => {
                *summary = one.summary;
                true
            }
            _ => false,
        }
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

    /// True unless it would have to be waited for.
    fn is_filled(&self) -> bool {
        !matches!(self.0.try_read(), Err(TryLockError::WouldBlock))
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
    /// Every batch that was dealt: those that nobody holds are filled again.
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
    /// another does; so does one whose next is not filled yet. Waits while there is nothing yet;
    /// nothing at the end of the input.
    pub fn next(&self, seat: &Seat) -> Option<Hand> {
        if seat.deals.len() < BATCHES_READY {
            self.deal(seat.deals.is_empty());
        }
        // Who reads deals to everybody, and at the end takes the places away. One who reads and
        // panics takes them along.
        let hand = seat.deals.recv().ok()?;
        while !hand.is_filled() && self.deal(false) {}
        Some(hand)
    }

    /// Reads a batch and deals it to all, unless another reads, or somebody would have to be waited
    /// for and may not be; then false. False, too, at the end of the input, where it takes the
    /// places away.
    fn deal(&self, may_wait: bool) -> bool {
        let Ok(mut turn) = self.turn.try_lock() else {
            return false;
        };
        if !may_wait && !turn.has_room() {
            return false;
        }
        let hand = turn.spare();
        // Those who get it wait until it is filled: while this worker finds out whose the frames
        // are, another reads on.
        let Ok(mut deal) = hand.0.write() else {
            turn.places.clear();
            return false;
        };
        if !turn.deal(&hand, &mut deal.batch) {
            return false;
        }
        drop(turn);
        deal.assign(self.workers, &self.options);
        true
    }
}

impl Turn<'_> {
    /// True if nobody would have to be waited for.
    fn has_room(&self) -> bool {
        !self.places.iter().any(Sender::is_full)
    }

    /// Reads the next batch into a hand and gives it to all. False at the end of the input, and
    /// nobody gets anything any more.
    fn deal(&mut self, hand: &Hand, batch: &mut Batch) -> bool {
        // However this ends, nobody waits for ever: only who has dealt puts them back.
        let places = std::mem::take(&mut self.places);
        if !self.read(batch) {
            return false;
        }
        (self.watcher)(self.pcap);
        for place in &places {
            // A worker that is gone has panicked, which the run reports.
            let _ = place.send(hand.clone());
        }
        self.hands.push(hand.clone());
        self.places = places;
        true
    }

    /// A batch that nobody holds. There are hardly more than a place has room for.
    fn spare(&mut self) -> Hand {
        let spare = self.hands.iter().position(Hand::is_free);
        spare
            .map(|at| self.hands.swap_remove(at))
            .unwrap_or_default()
    }

    /// Reads the next batch, from the start again as long as it is to. False at the end of the
    /// input.
    fn read(&mut self, batch: &mut Batch) -> bool {
        while self.left > 0 {
            if self.pcap.read(batch) {
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
