//! Shares one input out among the workers of an offline run: whoever has nothing left to do reads
//! the next batch and deals it to all, so that no thread only reads and each frame is read once.
//! It keeps the order of the input for every worker, and looks at no more of a frame than whose
//! it is.

use std::sync::{Arc, Mutex, TryLockError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::capture::Frame;
use crate::capture::pcap::{Batch, Pcap};
use crate::config::BATCHES_AHEAD;
use crate::worker::shard_of;

/// Who is told of every batch that was read.
pub type Watcher<'a> = &'a mut (dyn FnMut(&Pcap) + Send);

/// A batch, and whose its frames are.
#[derive(Debug, Default)]
pub struct Deal {
    batch: Batch,
    /// The worker of each frame; nothing where there is one worker alone.
    owners: Vec<u8>,
}

impl Deal {
    /// The frames of one worker, in order.
    #[inline]
    pub fn frames(&self, seat: &Seat) -> impl Iterator<Item = Frame<'_>> {
        let worker = seat.number;
        let all = (0..self.batch.len()).filter(move |at| {
            let owner = self.owners.get(*at);
            owner.is_none_or(|owner| usize::from(*owner) == worker)
        });
        all.filter_map(|at| self.batch.frame(at))
    }

    /// Notes whose each frame is.
    fn assign(&mut self, workers: usize) {
        self.owners.clear();
        if workers > 1 {
            let owner = |frame| (shard_of(&frame) % workers) as u8;
            self.owners.extend(self.batch.frames().map(owner));
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

    /// What comes next for a worker: a batch that was dealt to it, or one that it reads itself.
    /// Waits while another worker reads. Nothing at the end of the input.
    pub fn next(&self, seat: &Seat) -> Option<Arc<Deal>> {
        if let Ok(deal) = seat.deals.try_recv() {
            return Some(deal);
        }
        let mut turn = match self.turn.try_lock() {
            Ok(turn) => turn,
            // Who reads deals to everybody, and at the end takes the places away. One who reads
            // and panics takes them along.
            Err(TryLockError::WouldBlock) => return seat.deals.recv().ok(),
            Err(TryLockError::Poisoned(_)) => return None,
        };
        // Something may have been dealt before it was this worker's turn.
        match seat.deals.try_recv() {
            Ok(deal) => Some(deal),
            Err(_) => turn.deal(seat.number),
        }
    }
}

impl Turn<'_> {
    /// Reads a batch and deals it to all but the one who reads, who gets it at once.
    fn deal(&mut self, reader: usize) -> Option<Arc<Deal>> {
        // However this ends, nobody waits for ever: only who has dealt puts them back.
        let places = std::mem::take(&mut self.places);
        let mut deal = self.spare();
        let own = Arc::get_mut(&mut deal)?;
        if !self.read(&mut own.batch) {
            return None;
        }
        own.assign(places.len());
        (self.watcher)(self.pcap);
        for (number, place) in places.iter().enumerate() {
            if number != reader {
                // A worker that is gone has panicked, which the run reports.
                let _ = place.send(Arc::clone(&deal));
            }
        }
        self.deals.push(Arc::clone(&deal));
        self.places = places;
        Some(deal)
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
