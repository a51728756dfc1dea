//! The counters of one worker: plain numbers, one owner, no lock. Names and meaning are in
//! `medtap_table::vocabulary::Counter` and the README's glossary.

use medtap_table::vocabulary::Counter;

/// One number for each [`Counter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters([u64; Counter::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Counter::ALL.len()])
    }
}

impl Counters {
    /// Adds one.
    #[inline]
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.0[usize::from(counter.number())] += n;
    }

    /// The number so far.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[usize::from(counter.number())]
    }

    /// Every counter with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL
            .iter()
            .map(|&counter| (counter, self.get(counter)))
    }

    /// Adds another worker's numbers.
    pub fn merge(&mut self, other: &Self) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }
}
