//! A sequence lock over words: one writer, any number of readers, no locks. It knows no records,
//! and it never waits: a read that met a write says so and the caller bounds the retries.
//!
//! The words are atomics, so a racing read is a *torn value that is thrown away*, never undefined
//! behaviour. Readers use only relaxed loads and acquire fences, see [`Load`].

use crate::sync::{AtomicU64, Load, Ordering, fence};

/// What one attempt to read a cell gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// All words belong to one write.
    Whole,
    /// Nothing was ever written here.
    Empty,
    /// A write was under way: the words must be thrown away.
    Torn,
}

/// A view of one cell: a sequence word and the words that it guards.
///
/// Sequence even: stable. Odd: a write is under way. Zero: never written. Zeroed pages are
/// therefore empty cells.
#[derive(Clone, Copy)]
pub(crate) struct SeqCell<'a, W> {
    sequence: &'a W,
    words: &'a [W],
}

impl<'a, W: Load> SeqCell<'a, W> {
    /// The cell that begins a slot and guards `count` words; what follows is not guarded.
    #[inline]
    pub(crate) fn new(slot: &'a [W], count: usize) -> Option<Self> {
        let (sequence, rest) = slot.split_first()?;
        Some(Self {
            sequence,
            words: rest.get(..count)?,
        })
    }

    /// One attempt to read all words into `out`, which has the cell's length.
    #[inline]
    pub(crate) fn try_load(&self, out: &mut [u64]) -> Attempt {
        assert_eq!(out.len(), self.words.len());
        let before = self.sequence.load_relaxed();
        fence(Ordering::Acquire); // The words are not older than this sequence number.
        for (value, word) in out.iter_mut().zip(self.words) {
            *value = word.load_relaxed();
        }
        fence(Ordering::Acquire); // A newer word brings its odd sequence number into view.
        let after = self.sequence.load_relaxed();

        match (before == after && before.is_multiple_of(2), before) {
            (true, 0) => Attempt::Empty,
            (true, _) => Attempt::Whole,
            (false, _) => Attempt::Torn,
        }
    }
}

impl SeqCell<'_, AtomicU64> {
    /// Publishes `words` at the front of the cell; words behind them stay as they are.
    ///
    /// There must be one writer for each cell; a second would mix records, though never break
    /// memory safety.
    #[inline]
    pub(crate) fn store(&self, words: &[u64]) {
        assert!(words.len() <= self.words.len());
        self.write(|cells| {
            for (cell, word) in cells.iter().zip(words) {
                cell.store(*word, Ordering::Relaxed);
            }
        });
    }

    /// Runs `change` on the words while readers are kept out.
    #[inline]
    pub(crate) fn write(&self, change: impl FnOnce(&[AtomicU64])) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        assert!(
            sequence.is_multiple_of(2),
            "a second writer, or a writer that died mid-store"
        );

        self.sequence.store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release); // The odd number is visible before any new word.
        change(self.words);
        self.sequence.store(sequence + 2, Ordering::Release); // Every word before even.
    }
}

/// Makes `count` slots visible: whoever reads this number sees what was stored before.
#[inline]
pub(crate) fn publish(word: &AtomicU64, count: u64) {
    word.store(count, Ordering::Release);
}

/// The number that was published, with everything stored before it.
#[inline]
pub(crate) fn published<W: Load>(word: &W) -> u64 {
    let count = word.load_relaxed();
    fence(Ordering::Acquire); // Slots are read after their number.
    count
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;

    type Slot = [AtomicU64; 4];

    /// Every interleaving of one writer, which starts from `first`, and one reader. The reader
    /// is the spawned thread: loom 0.7 lets it see stale words only there, and with the roles
    /// changed it overlooks a missing first acquire fence.
    fn interleave(first: fn(&Slot), write: fn(&Slot), read: fn(&Slot)) {
        loom::model(move || {
            let slot: Arc<Slot> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
            first(&slot);
            let reader = {
                let slot = Arc::clone(&slot);
                loom::thread::spawn(move || read(&slot))
            };
            write(&slot);
            reader.join().unwrap();
        });
    }

    fn cell(slot: &Slot, count: usize) -> SeqCell<'_, AtomicU64> {
        SeqCell::new(&slot[..], count).unwrap()
    }

    /// All-old or all-new.
    #[test]
    fn readers_never_see_a_mix() {
        let write = |slot: &Slot| {
            cell(slot, 2).store(&[1, 1]);
            cell(slot, 2).store(&[2, 2]);
        };
        interleave(
            |_| {},
            write,
            |slot| {
                let mut words = [0; 2];
                match cell(slot, 2).try_load(&mut words) {
                    Attempt::Whole => assert!(words == [1, 1] || words == [2, 2]),
                    Attempt::Empty => assert_eq!(words, [0, 0]),
                    Attempt::Torn => {}
                }
            },
        );
    }

    /// A write of the front alone keeps the whole consistent.
    #[test]
    fn part_writes_are_whole_too() {
        let first = |slot: &Slot| cell(slot, 3).store(&[1, 1, 7]);
        let write = |slot: &Slot| cell(slot, 3).store(&[2, 2]);
        interleave(first, write, |slot| {
            let mut words = [0; 3];
            if cell(slot, 3).try_load(&mut words) == Attempt::Whole {
                assert!(words == [1, 1, 7] || words == [2, 2, 7]);
            }
        });
    }

    /// Who sees the count sees the record that it counts.
    #[test]
    fn counted_slots_are_written() {
        let write = |slot: &Slot| {
            cell(slot, 2).store(&[5, 5]);
            publish(&slot[3], 1);
        };
        interleave(
            |_| {},
            write,
            |slot| {
                if published(&slot[3]) == 1 {
                    let mut words = [0; 2];
                    assert_eq!(cell(slot, 2).try_load(&mut words), Attempt::Whole);
                    assert_eq!(words, [5, 5]);
                }
            },
        );
    }

    /// Words outside the lock are there when the record that refers to them is: the heap.
    #[test]
    fn records_bring_their_texts() {
        let write = |slot: &Slot| {
            slot[3].store(9, Ordering::Relaxed);
            cell(slot, 1).store(&[1]);
        };
        interleave(
            |_| {},
            write,
            |slot| {
                let mut words = [0; 1];
                if cell(slot, 1).try_load(&mut words) == Attempt::Whole {
                    assert_eq!(slot[3].load_relaxed(), 9);
                }
            },
        );
    }
}
