//! The numbers of what was said lately, by the bytes that said it: a device that repeats itself
//! costs no second look at its text. It owns no fact: who asks compares the key behind a number,
//! so half of a hash is enough here, and four pairs of places fit into a cache line.

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

#[derive(Clone, Copy)]
struct Slot {
    /// The half of the hash that does not say the place.
    tag: u32,
    id: u32,
}

/// A slot that holds no number: the ledger gives none as high.
const EMPTY: Slot = Slot {
    tag: 0,
    id: u32::MAX,
};

/// Places that what was said can have, side by side: with one alone, two things that are said in
/// turn would drive each other out.
const WAYS: usize = 2;

/// What was said lately, in each set the latest first.
pub struct Memo {
    sets: Box<[[Slot; WAYS]]>,
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
            sets: vec![[EMPTY; WAYS]; MEMO_SLOTS / WAYS].into(),
            hasher: RandomState::default(),
        }
    }
}

impl Memo {
    /// Bytes that it takes.
    pub const BYTES: u64 = (MEMO_SLOTS * size_of::<Slot>()) as u64;

    /// What stands for a fact.
    #[inline]
    pub fn fact(&self, said: Said<'_>, field: Field, raw: &[u8]) -> u64 {
        let mut hasher = self.begin(said, u64::from(field.number()));
        hasher.write(raw);
        hasher.finish()
    }

    /// What stands for an event in an hour of the week.
    pub fn event(&self, said: Said<'_>, event: Event, hour: u8) -> u64 {
        let what = u64::from(event.number()) << 8 | u64::from(hour);
        self.begin(said, what).finish()
    }

    /// Whole words first: they are hashed as they come.
    #[inline]
    fn begin(&self, said: Said<'_>, what: u64) -> impl Hasher + use<> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(what);
        said.binding.hash(&mut hasher);
        if let Some(identifier) = said.reported {
            hasher.write(identifier);
        }
        hasher
    }

    /// The number under which this was said, or something with half its hash.
    #[inline]
    pub fn get(&self, hash: u64) -> Option<u32> {
        let set = self.sets.get(set(hash))?;
        let is = |slot: &&Slot| slot.tag == tag(hash) && slot.id != EMPTY.id;
        set.iter().find(is).map(|slot| slot.id)
    }

    /// Remembers a number; what was there longest in its set is forgotten.
    pub fn put(&mut self, hash: u64, id: u32) {
        if let Some([latest, before]) = self.sets.get_mut(set(hash)) {
            let tag = tag(hash);
            *before = std::mem::replace(latest, Slot { tag, id });
        }
    }

    /// Forgets every number: all become invalid.
    pub fn clear(&mut self) {
        self.sets.fill([EMPTY; WAYS]);
    }
}

fn set(hash: u64) -> usize {
    hash as usize % (MEMO_SLOTS / WAYS)
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_until_its_place_is_taken_or_all_are_forgotten() {
        let mut memo = Memo::default();
        let hash = |tag: u64| tag << 32 | 7;
        assert_eq!(memo.get(hash(5)), None);
        assert_eq!(memo.get(hash(0)), None, "an empty place has a tag, too");
        memo.put(hash(5), 0);
        assert_eq!(memo.get(hash(5)), Some(0));
        assert_eq!(memo.get(hash(6)), None, "another tag");
        assert_eq!(memo.get(hash(5) + 1), None, "another set");
        memo.put(hash(6), 9);
        assert_eq!((memo.get(hash(5)), memo.get(hash(6))), (Some(0), Some(9)));
        memo.put(hash(7), 3);
        assert_eq!(memo.get(hash(5)), None, "the one that came first gave way");
        assert_eq!((memo.get(hash(6)), memo.get(hash(7))), (Some(9), Some(3)));
        memo.clear();
        assert_eq!(memo.get(hash(6)), None);
    }
}
