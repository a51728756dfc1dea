//! What whole passages said lately, by their digests: a message that says of its ends what one
//! before it said is counted again, and not told again. It keeps no text and owns no fact.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::RandomState;

use super::subject::BindingKey;
use crate::config::{PASSAGE_SLOTS, PASSAGE_TOLD_MAX};

/// Which passage, of whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// What stands for all that it says.
    pub digest: u64,
    /// Who says it.
    pub sender: BindingKey,
    /// To whom.
    pub receiver: BindingKey,
    /// The hour of the week: events are counted by it.
    pub hour: u8,
    /// The ledger's generation: the numbers of another one mean nothing.
    pub generation: u32,
}

/// One thing that a passage said, by its number in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A fact.
    Fact(u32),
    /// An event in this hour of the week.
    Event(u32),
}

#[derive(Clone, Default)]
struct Slot {
    passage: Option<Passage>,
    told: Vec<Told>,
}

/// What was said lately.
pub struct Passages {
    slots: Box<[Slot]>,
    hasher: RandomState,
    /// The slot of the passage that is being told; `None` between passages, and for one that is
    /// not kept.
    telling: Option<usize>,
}

impl std::fmt::Debug for Passages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passages").finish_non_exhaustive()
    }
}

impl Default for Passages {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); PASSAGE_SLOTS].into(),
            hasher: RandomState::default(),
            telling: None,
        }
    }
}

impl Passages {
    /// Bytes that they take at most.
    pub const BYTES_MAX: u64 =
        (PASSAGE_SLOTS * (size_of::<Slot>() + PASSAGE_TOLD_MAX * size_of::<Told>())) as u64;

    /// The two places that a passage can have.
    fn places(&self, passage: &Passage) -> [usize; 2] {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(passage.digest);
        passage.sender.hash(&mut hasher);
        passage.receiver.hash(&mut hasher);
        let hash = hasher.finish();
        [hash, hash >> 32].map(|hash| hash as usize % PASSAGE_SLOTS)
    }

    /// What this passage said when it was told; nothing where it has to be told.
    pub fn get(&self, passage: &Passage) -> Option<&[Told]> {
        let slots = self.places(passage).into_iter();
        let mut slots = slots.filter_map(|at| self.slots.get(at));
        let known = slots.find(|slot| slot.passage.as_ref() == Some(passage))?;
        Some(&known.told)
    }

    /// A passage begins to be told, in the first place if it is free, else in the second: what was
    /// there is forgotten.
    pub fn begin(&mut self, passage: &Passage) {
        let [first, second] = self.places(passage);
        let is_taken = |slot: &Slot| {
            let now = (passage.hour, passage.generation);
            slot.passage
                .is_some_and(|old| (old.hour, old.generation) == now)
        };
        let taken = self.slots.get(first).is_some_and(is_taken);
        let at = if taken { second } else { first };
        if let Some(slot) = self.slots.get_mut(at) {
            slot.passage = Some(*passage);
            slot.told.clear();
        }
        self.telling = Some(at);
    }

    /// Notes what is said, where a passage is being told. One that says too much is not kept.
    pub fn note(&mut self, told: Told) {
        if let Some(slot) = self.telling.and_then(|at| self.slots.get_mut(at)) {
            if slot.told.len() < PASSAGE_TOLD_MAX {
                slot.told.push(told);
            } else {
                self.refuse();
            }
        }
    }

    /// The passage that is being told can't be told again by numbers.
    pub fn refuse(&mut self) {
        if let Some(slot) = self.telling.take().and_then(|at| self.slots.get_mut(at)) {
            slot.passage = None;
        }
    }

    /// The passage is told.
    pub fn end(&mut self) {
        self.telling = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_is_known_once_it_was_told_whole() {
        let mut passages = Passages::default();
        let one = Passage {
            digest: 7,
            ..Passage::default()
        };
        assert_eq!(passages.get(&one), None);
        passages.begin(&one);
        passages.note(Told::Fact(1));
        passages.note(Told::Event(2));
        passages.end();
        passages.note(Told::Fact(3));
        assert_eq!(
            passages.get(&one),
            Some(&[Told::Fact(1), Told::Event(2)][..])
        );
        for other in [
            Passage { digest: 8, ..one },
            Passage { hour: 1, ..one },
            Passage {
                generation: 1,
                ..one
            },
        ] {
            assert_eq!(passages.get(&other), None);
        }
    }

    #[test]
    fn one_that_says_too_much_is_told_each_time() {
        let mut passages = Passages::default();
        let one = Passage::default();
        passages.begin(&one);
        for number in 0..=PASSAGE_TOLD_MAX as u32 {
            passages.note(Told::Fact(number));
        }
        passages.end();
        assert_eq!(passages.get(&one), None);
    }
}
