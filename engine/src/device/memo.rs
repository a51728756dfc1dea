//! The numbers of what was said lately, by the bytes that said it: a device that repeats itself
//! costs no second look at its text. It owns no fact: who asks compares the key behind a number.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;
use medtap_table::vocabulary::{Event, Field};

use super::subject::BindingKey;
use crate::config::MEMO_SLOTS;

/// Whom and what something was said of, as it came.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// The end that is meant, or that reports.
    pub binding: &'a BindingKey,
    /// The identifier of a reported device.
    pub reported: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u64,
    id: u32,
    /// One more than the ledger's generation; 0 for an empty slot.
    generation: u32,
}

/// What was said lately.
pub struct Memo {
    slots: Box<[Slot]>,
    hasher: RandomState,
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); MEMO_SLOTS].into(),
            hasher: RandomState::default(),
        }
    }
}

impl Memo {
    /// Bytes that it takes.
    pub const BYTES: u64 = (MEMO_SLOTS * size_of::<Slot>()) as u64;

    /// What stands for a fact.
    pub fn fact(&self, said: Said<'_>, field: Field, raw: &[u8]) -> u64 {
        let mut hasher = self.begin(said);
        hasher.write_u16(field.number());
        hasher.write(raw);
        hasher.finish()
    }

    /// What stands for an event in an hour of the week.
    pub fn event(&self, said: Said<'_>, event: Event, hour: u8) -> u64 {
        let mut hasher = self.begin(said);
        hasher.write_u32(u32::from(event.number()) << 8 | u32::from(hour));
        hasher.finish()
    }

    fn begin(&self, said: Said<'_>) -> impl Hasher + use<> {
        let mut hasher = self.hasher.build_hasher();
        said.binding.hash(&mut hasher);
        hasher.write(said.reported.unwrap_or_default());
        hasher
    }

    /// The number under which this was said, in this generation of the ledger.
    pub fn get(&self, hash: u64, generation: u32) -> Option<u32> {
        let slot = self.slots.get(hash as usize % self.slots.len())?;
        let known = slot.hash == hash && slot.generation == generation.wrapping_add(1);
        known.then_some(slot.id)
    }

    /// Remembers a number; what was in its place is forgotten.
    pub fn put(&mut self, hash: u64, generation: u32, id: u32) {
        let at = hash as usize % self.slots.len();
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot {
                hash,
                id,
                generation: generation.wrapping_add(1),
            };
        }
    }
}
