//! Where flows are, by the hashes of their keys: open addressing, probes bounded, at most half
//! full. It begins small, so that it stays near, and grows within memory that it had from the
//! start; it knows no key.
//!
//! ```text
//! block   [ unused n ][ of n slots ][ of 2 n slots        ][ … to the most that flows need ]
//! ```

use std::io;

use bytemuck::{Pod, Zeroable};

use super::arena::Arena;
use super::table::FlowId;

/// Places looked at before a key is not in the index.
const PROBES_MAX: usize = 64;

/// Places looked at for a hint: nearly every key is found in them.
const PROBES_NEAR: usize = 8;

/// Slots that the index begins with.
const SLOTS_MIN: u64 = 16_384;

/// A place of the index: the flow's hash, and its number plus one; zero is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
struct Slot {
    hash: u32,
    number: u32,
}

const FREE: Slot = Slot { hash: 0, number: 0 };

/// The index of a flow table.
pub struct Index {
    /// One block for every size that it grows through: that of `n` slots lies from slot `n` on.
    block: Arena<Slot, 1>,
    /// Slots in use, a power of two.
    slots: usize,
}

impl Index {
    /// An index for up to so many flows.
    pub fn new(flows_max: u32) -> io::Result<Self> {
        let slots_max = usize::try_from(slots_max(flows_max)).map_err(io::Error::other)?;
        Ok(Self {
            block: Arena::new(slots_max * 2)?,
            slots: SLOTS_MIN as usize,
        })
    }

    /// Bytes that an index for so many flows takes.
    pub const fn bytes(flows_max: u32) -> u64 {
        Arena::<Slot, 1>::bytes(slots_max(flows_max) * 2)
    }

    /// Takes its memory now, and as many slots as it may ever have: nothing grows afterwards.
    pub fn populate(&mut self) {
        self.block.populate();
        while self.slots * 2 < self.block.len() {
            self.grow();
        }
    }

    #[inline]
    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.slots - 1)
    }

    #[inline]
    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.slots - 1)
    }

    #[inline]
    fn slot(&self, place: usize) -> Slot {
        *self.block.get(self.slots + place)
    }

    #[inline]
    fn set(&mut self, place: usize, slot: Slot) {
        *self.block.get_mut(self.slots + place) = slot;
    }

    /// Brings the line of a hash near.
    #[inline]
    pub fn prefetch(&self, hash: u32) {
        self.block.prefetch(self.slots + self.home(hash));
    }

    /// The flow that a hash most likely means.
    #[inline]
    pub fn likely(&self, hash: u32) -> Option<FlowId> {
        let mut place = self.home(hash);
        for _ in 0..PROBES_NEAR {
            let slot = self.slot(place);
            if slot.number == 0 {
                return None;
            }
            if slot.hash == hash {
                return Some(slot.number - 1);
            }
            place = self.next(place);
        }
        None
    }

    /// The flow of a hash that is the one.
    #[inline]
    pub fn find(&self, hash: u32, is_it: impl Fn(FlowId) -> bool) -> Option<FlowId> {
        let mut place = self.home(hash);
        for _ in 0..PROBES_MAX {
            let slot = self.slot(place);
            if slot.number == 0 {
                return None;
            }
            if slot.hash == hash && is_it(slot.number - 1) {
                return Some(slot.number - 1);
            }
            place = self.next(place);
        }
        None
    }

    /// A free place for a hash, when there are `used` flows; `None` when there is none near enough.
    pub fn vacancy(&mut self, hash: u32, used: u32) -> Option<usize> {
        if used as usize * 2 >= self.slots {
            self.grow();
        }
        let mut place = self.home(hash);
        for _ in 0..PROBES_MAX {
            if self.slot(place).number == 0 {
                return Some(place);
            }
            place = self.next(place);
        }
        None
    }

    /// Puts a flow into a place that is free.
    #[inline]
    pub fn put(&mut self, place: usize, hash: u32, id: FlowId) {
        let number = id + 1;
        self.set(place, Slot { hash, number });
    }

    /// Doubles the slots, as long as there is memory for them.
    #[cold]
    fn grow(&mut self) {
        let old = self.slots;
        if old * 4 > self.block.len() {
            return;
        }
        self.slots = old * 2;
        for place in old..old * 2 {
            let slot: Slot = *self.block.get(place);
            if slot.number == 0 {
                continue;
            }
            let mut place = self.home(slot.hash);
            while self.slot(place).number != 0 {
                place = self.next(place);
            }
            self.set(place, slot);
        }
    }

    /// Takes a flow out. Slots behind it move up, so that no search stops early.
    pub fn remove(&mut self, hash: u32, id: FlowId) {
        let number = id + 1;
        let wanted = Slot { hash, number };
        let mut hole = self.home(hash);
        for _ in 0..PROBES_MAX {
            if self.slot(hole) == wanted {
                break;
            }
            hole = self.next(hole);
        }
        assert!(
            self.slot(hole) == wanted,
            "a flow that is removed is in the index"
        );
        let mut place = hole;
        loop {
            place = self.next(place);
            let slot = self.slot(place);
            if slot.number == 0 {
                break;
            }
            // A slot may move into the hole if its home does not lie between the two.
            let from_home = place.wrapping_sub(self.home(slot.hash)) & (self.slots - 1);
            let from_hole = place.wrapping_sub(hole) & (self.slots - 1);
            if from_home >= from_hole {
                self.set(hole, slot);
                hole = place;
            }
        }
        self.set(hole, FREE);
    }
}

/// Slots for so many flows: twice as many, rounded up to a power of two.
const fn slots_max(flows_max: u32) -> u64 {
    let slots = (flows_max as u64 * 2).next_power_of_two();
    if slots < SLOTS_MIN { SLOTS_MIN } else { slots }
}
