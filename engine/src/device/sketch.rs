//! How many different things there were, about: 64 registers, after HyperLogLog (Flajolet and
//! others, 2007). It keeps none of the things, and merges in any order.

/// Registers: the estimate is off by an eighth, mostly.
const REGISTERS: usize = 64;
/// The least number that is told.
const LEVEL_MIN: u64 = 128;
/// Registers that are still empty when so many different things came.
const EMPTY_AT_LEVEL_MIN: usize = 8;
/// 0.709 times the square of the registers: what the mean of the method is multiplied by.
const FACTOR: u64 = 2904;
/// One, in the fixed-point numbers of the estimate.
const ONE: u64 = 1 << 32;

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sketch([u8; REGISTERS]);

impl Default for Sketch {
    fn default() -> Self {
        Self([0; REGISTERS])
    }
}

impl Sketch {
    /// One thing, by its hash.
    pub fn of(hash: u32) -> Self {
        let mut this = Self::default();
        let rank = (hash / REGISTERS as u32).trailing_zeros().min(25) + 1;
        if let Some(register) = this.0.get_mut(hash as usize % REGISTERS) {
            *register = rank as u8;
        }
        this
    }

    /// Adds the things of another.
    pub fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            *ours = (*ours).max(theirs);
        }
    }

    /// Registers that something came into: of few things, as many.
    pub fn filled(&self) -> usize {
        self.0.iter().filter(|register| **register != 0).count()
    }

    /// A power of two, at least 128, that the number of different things reaches.
    pub fn level(&self) -> Option<u64> {
        if REGISTERS - self.filled() > EMPTY_AT_LEVEL_MIN {
            return None;
        }
        let sum: u64 = self.0.iter().map(|register| ONE >> register).sum();
        let estimate = FACTOR.saturating_mul(ONE) / sum.max(1);
        Some((1 << estimate.max(LEVEL_MIN).ilog2()).max(LEVEL_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sketch of so many different things.
    fn sketch(number: u32) -> Sketch {
        let mut sketch = Sketch::default();
        for thing in 0..number {
            let hash = (thing.wrapping_add(7)).wrapping_mul(0x9e37_79b1);
            sketch.merge(&Sketch::of((hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca6b)));
        }
        sketch
    }

    #[test]
    fn a_number_is_told_within_an_octave() {
        assert_eq!(sketch(0).level(), None);
        assert_eq!(sketch(60).level(), None);
        for number in [300_u64, 1_000, 5_000, 60_000, 500_000] {
            let level = sketch(number as u32).level().unwrap();
            assert!(
                (number / 3..=number * 3 / 2).contains(&level),
                "{number} {level}"
            );
        }
    }

    #[test]
    fn what_comes_again_is_counted_once() {
        let once = sketch(1_000);
        let mut twice = once;
        twice.merge(&sketch(1_000));
        twice.merge(&sketch(500));
        assert_eq!(once, twice);
        assert_eq!(Sketch::of(9).filled(), 1);
    }
}
