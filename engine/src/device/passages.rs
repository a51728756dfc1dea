//! What whole passages said lately, by their digests: a message that says of its ends what one
//! before it said is counted again, and not told again: at once as a whole, and one by one when
//! the ledger settles. It keeps no text and owns no fact.

use super::sighting::Times;
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

/// How often a passage was said again since it was last counted, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// How often.
    pub count: u64,
    /// First and last.
    pub times: Times,
    /// Once both sides had spoken the protocol.
    pub confirmed: bool,
}

impl Again {
    /// Once.
    #[inline]
    pub const fn once(time_ns: u64, confirmed: bool) -> Self {
        Self {
            count: 1,
            times: Times::at(time_ns),
            confirmed,
        }
    }

    /// Not at all.
    const NEVER: Self = Self {
        count: 0,
        times: Times::NEVER,
        confirmed: false,
    };
}

#[derive(Clone)]
struct Slot {
    passage: Option<Passage>,
    told: Vec<Told>,
    again: Again,
}

impl Slot {
    const EMPTY: Self = Self {
        passage: None,
        told: Vec::new(),
        again: Again::NEVER,
    };
}

/// What was said lately.
pub struct Passages {
    slots: Box<[Slot]>,
    /// The slot of the passage that is being told; `None` between passages, and for one that is
    /// not kept.
    telling: Option<usize>,
    /// Slots of what was said again: each once.
    owed: Vec<u32>,
}

impl std::fmt::Debug for Passages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passages").finish_non_exhaustive()
    }
}

impl Default for Passages {
    fn default() -> Self {
        Self {
            slots: vec![Slot::EMPTY; PASSAGE_SLOTS].into(),
            telling: None,
            owed: Vec::with_capacity(PASSAGE_SLOTS),
        }
    }
}

impl Passages {
    /// Bytes that they take at most.
    pub const BYTES_MAX: u64 = (PASSAGE_SLOTS
        * (size_of::<Slot>() + size_of::<u32>() + PASSAGE_TOLD_MAX * size_of::<Told>()))
        as u64;

    /// The places that a passage can have: several, since one that finds them taken by others that
    /// are said all the time is told anew each time. Its digest is keyed already; what the ends add
    /// keeps passages apart that many of them say.
    fn places(passage: &Passage) -> impl Iterator<Item = usize> + use<> {
        const BITS: u32 = PASSAGE_SLOTS.ilog2();
        let ends = passage.sender.word() ^ passage.receiver.word().rotate_left(29);
        let hash = passage.digest ^ ends.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..4).map(move |nth| (hash >> (nth * BITS)) as usize % PASSAGE_SLOTS)
    }

    /// Counts a passage once more and gives what it said when it was told; nothing where it has to
    /// be told.
    pub fn again(&mut self, passage: &Passage, at: (u64, bool)) -> Option<&[Told]> {
        let is_known = |at: &usize| {
            let slot = self.slots.get(*at);
            slot.is_some_and(|slot| slot.passage.as_ref() == Some(passage))
        };
        let place = Self::places(passage).find(is_known)?;
        let slot = self.slots.get_mut(place)?;
        if slot.again.count == 0 {
            self.owed.push(place as u32);
        }
        slot.again.count += 1;
        slot.again.times.merge(Times::at(at.0));
        slot.again.confirmed |= at.1;
        Some(&slot.told)
    }

    /// True when nothing waits to be counted one by one.
    pub fn is_settled(&self) -> bool {
        self.owed.is_empty()
    }

    /// Gives each thing that was said again, and how often.
    pub fn settle(&mut self, mut count: impl FnMut(Told, &Again)) {
        for at in self.owed.drain(..) {
            if let Some(slot) = self.slots.get_mut(at as usize) {
                let again = std::mem::replace(&mut slot.again, Again::NEVER);
                slot.told.iter().for_each(|told| count(*told, &again));
            }
        }
    }

    /// Where a new passage goes: to a place that is free, else to one of which nothing was said
    /// again lately, so that what is said all the time does not give way to what is said once.
    fn place(&self, passage: &Passage) -> usize {
        let now = (passage.hour, passage.generation);
        let worth = |at: usize| match self.slots.get(at) {
            Some(slot) => {
                let same = |old: &Passage| (old.hour, old.generation) == now;
                let is_taken = slot.passage.as_ref().is_some_and(same);
                u8::from(is_taken) + u8::from(slot.again.count > 0)
            }
            None => 0,
        };
        let best = Self::places(passage).min_by_key(|at| worth(*at));
        best.unwrap_or_default()
    }

    /// True where something that waits to be counted would give way to this passage.
    pub fn displaces(&self, passage: &Passage) -> bool {
        let slot = self.slots.get(self.place(passage));
        slot.is_some_and(|slot| slot.again.count > 0)
    }

    /// A passage begins to be told; what was in its place is forgotten, and must wait for nothing.
    pub fn begin(&mut self, passage: &Passage) {
        let at = self.place(passage);
        if let Some(slot) = self.slots.get_mut(at) {
            debug_assert!(slot.again.count == 0, "nothing said is forgotten");
            slot.passage = Some(*passage);
            slot.told.clear();
        }
        self.telling = Some(at);
    }

    /// Notes what is said, where a passage is being told. One that says too much is not kept.
    #[inline]
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
        assert_eq!(passages.again(&one, (5, false)), None);
        passages.begin(&one);
        passages.note(Told::Fact(1));
        passages.note(Told::Event(2));
        passages.end();
        passages.note(Told::Fact(3));
        assert_eq!(
            passages.again(&one, (9, true)),
            Some(&[Told::Fact(1), Told::Event(2)][..])
        );
        assert!(passages.again(&one, (7, false)).is_some());
        let mut counted = Vec::new();
        passages.settle(|told, again| counted.push((told, *again)));
        let again = Again {
            count: 2,
            times: Times {
                first_ns: 7,
                last_ns: 9,
            },
            confirmed: true,
        };
        assert_eq!(counted, [(Told::Fact(1), again), (Told::Event(2), again)]);
        assert!(passages.is_settled());
        for other in [
            Passage { digest: 8, ..one },
            Passage { hour: 1, ..one },
            Passage {
                generation: 1,
                ..one
            },
        ] {
            assert_eq!(passages.again(&other, (5, false)), None);
        }
    }

    /// What was said again since the last settlement stays where there is another place.
    #[test]
    fn what_is_said_again_does_not_give_way() {
        let mut passages = Passages::default();
        // Digests whose places are the same two, in this order or the other.
        let one = |first: u64, second: u64, more: u64| {
            let others = [1, 2, 3].map(|nth| second << (nth * PASSAGE_SLOTS.ilog2()));
            let digest = others.iter().fold(first, |all, place| all | place);
            Passage {
                digest: digest | more << 60,
                ..Passage::default()
            }
        };
        let tell = |passages: &mut Passages, passage: &Passage| {
            passages.begin(passage);
            passages.end();
        };
        let (often, once, other) = (one(1, 2, 0), one(1, 2, 1), one(2, 1, 0));
        tell(&mut passages, &often);
        tell(&mut passages, &once);
        assert!(passages.again(&often, (5, true)).is_some());
        assert!(!passages.displaces(&other));
        tell(&mut passages, &other);
        assert!(passages.again(&often, (6, true)).is_some());
        assert!(passages.again(&once, (6, true)).is_none());
        assert!(passages.again(&other, (7, true)).is_some());
        assert!(passages.displaces(&once));
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
        assert_eq!(passages.again(&one, (5, false)), None);
    }
}
