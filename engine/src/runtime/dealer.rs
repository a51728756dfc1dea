//! Shares one input out among the workers of an offline run: whoever has little left to do reads
//! the next batch and deals it to all, so that no thread only reads, each frame is read once, and
//! nobody waits while one reads. It keeps the order of the input for every worker, and looks at no
//! more of a frame than whose it is.

use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::capture::Frame;
use crate::capture::pcap::{Batch, Pcap};
use crate::config::{BATCH_FRAMES_MAX, BATCHES_AHEAD, BATCHES_READY, FRAMES_AHEAD};
use crate::worker::shard_of;

/// Who is told of every batch that was read.
pub type Watcher<'a> = &'a mut (dyn FnMut(&Pcap) + Send);

/// A batch, and whose its frames are.
#[derive(Debug, Default)]
pub struct Deal {
    batch: Batch,
    /// Where each worker's frames are; nothing where there is one worker alone.
    places: Vec<Vec<u16>>,
}

const _: () = assert!(BATCH_FRAMES_MAX <= u16::MAX as usize + 1);

impl Deal {
    /// All frames, in order.
    #[inline]
    pub fn all(&self) -> impl Iterator<Item = Frame<'_>> {
        self.batch.frames()
    }

    /// The frames of one worker, in order, where there are several.
    #[inline]
    pub fn own(&self, seat: &Seat) -> Option<impl Iterator<Item = Frame<'_>>> {
        let own = self.places.get(seat.number)?;
        Some(own.iter().enumerate().filter_map(|(number, place)| {
            if let Some(ahead) = own.get(number + FRAMES_AHEAD) {
                self.batch.prefetch((*ahead).into());
            }
            self.batch.frame((*place).into())
        }))
    }

    /// Notes whose each frame is.
    fn assign(&mut self, workers: usize) {
        if workers == 1 {
            return;
        }
        self.places.resize_with(workers, Vec::new);
        self.places.iter_mut().for_each(Vec::clear);
        for (at, frame) in self.batch.frames().enumerate() {
            if let Some(places) = self.places.get_mut(shard_of(&frame) % workers) {
                places.push(at as u16);
            }
        }
    }
}

/// One worker's place.
pub struct Seat {
    number: usize,
    deals: Receiver<Arc<Deal>>,
}

/// The input, and the places of those who share it.
pub struct Dealer<'a> {
    turn: Mutex<Turn<'a>>,
}

/// What the one who reads needs.
struct Turn<'a> {
    pcap: &'a mut Pcap,
    watcher: Watcher<'a>,
    /// How often the input is still to be read; 0 at its end.
    left: u32,
    /// Every batch there is: those that nobody holds are filled again.
    deals: Vec<Arc<Deal>>,
    /// The ways to all places; none at the end of the input.
    places: Vec<Sender<Arc<Deal>>>,
}

impl<'a> Dealer<'a> {
    /// Shares an input that is read so often out among so many workers.
    pub fn new(
        pcap: &'a mut Pcap,
        repeat: u32,
        workers: usize,
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
            deals: Vec::new(),
            places,
        });
        (Self { turn }, seats)
    }

    /// What comes next for a worker. One that has little before it reads for all first, unless
    /// another does. Waits while there is nothing yet; nothing at the end of the input.
    pub fn next(&self, seat: &Seat) -> Option<Arc<Deal>> {
        if seat.deals.len() < BATCHES_READY
            && let Ok(mut turn) = self.turn.try_lock()
            && (seat.deals.is_empty() || turn.has_room())
        {
            turn.deal();
        }
        // Who reads deals to everybody, and at the end takes the places away. One who reads and
        // panics takes them along.
        seat.deals.recv().ok()
    }
}

impl Turn<'_> {
    /// True if nobody would have to be waited for.
    fn has_room(&self) -> bool {
        !self.places.iter().any(Sender::is_full)
    }

    /// Reads a batch and deals it to all. At the end of the input it takes the places away.
    fn deal(&mut self) {
        // However this ends, nobody waits for ever: only who has dealt puts them back.
        let places = std::mem::take(&mut self.places);
        let mut deal = self.spare();
        let Some(own) = Arc::get_mut(&mut deal) else {
            return;
        };
        if !self.read(&mut own.batch) {
            return;
        }
        own.assign(places.len());
        (self.watcher)(self.pcap);
        for place in &places {
            // A worker that is gone has panicked, which the run reports.
            let _ = place.send(Arc::clone(&deal));
        }
        self.deals.push(deal);
        self.places = places;
    }

    /// A batch that nobody holds. There are never more than places have room for.
    fn spare(&mut self) -> Arc<Deal> {
        let mut deals = self.deals.iter();
        let spare = deals.position(|deal| Arc::strong_count(deal) == 1);
        spare
            .map(|at| self.deals.swap_remove(at))
            .unwrap_or_default()
    }

    /// Reads the next batch, from the start again as long as it is to.
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
