//! A sample of the conversations that a worker opened: of the same conversations every worker
//! samples the same. It keeps their hashes alone, and judges nothing.

use super::Worker;
use crate::config::SPLIT_SAMPLE_FLOWS;

/// The least hashes of what was opened since the sample was last taken, in order.
#[derive(Debug)]
pub(super) struct OpenedSample(Vec<u32>);

impl OpenedSample {
    fn new() -> Self {
        Self(Vec::with_capacity(SPLIT_SAMPLE_FLOWS))
    }

    /// One conversation that was opened.
    pub(super) fn add(&mut self, hash: u32) {
        let hashes = &mut self.0;
        let Err(place) = hashes.binary_search(&hash) else {
            return;
        };
        if place < SPLIT_SAMPLE_FLOWS {
            hashes.truncate(SPLIT_SAMPLE_FLOWS - 1);
            hashes.insert(place, hash);
        }
    }
}

impl Worker {
    /// From now on a sample of the conversations that it opens is kept, to be compared with what
    /// other workers open. Their hashers must be the same.
    pub fn sample_opened(&mut self) {
        self.opened = Some(OpenedSample::new());
    }

    /// Hashes of conversations that were opened since this was last called, the least first; none
    /// where no sample is kept.
    pub fn take_opened(&mut self) -> Vec<u32> {
        let Some(OpenedSample(hashes)) = &mut self.opened else {
            return Vec::new();
        };
        let taken = hashes.clone();
        hashes.clear();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least of any order, each once; no more memory than at the start.
    #[test]
    fn the_least_hashes_are_kept_in_any_order() {
        let hashes = (0..10_000_u32).map(|it| it.wrapping_mul(0x9e37_79b1));
        let mut least: Vec<u32> = hashes.clone().collect();
        least.sort_unstable();
        least.truncate(SPLIT_SAMPLE_FLOWS);
        let mut there = OpenedSample::new();
        hashes.clone().for_each(|hash| there.add(hash));
        let mut back = OpenedSample::new();
        hashes.rev().for_each(|hash| {
            back.add(hash);
            back.add(hash);
        });
        assert_eq!(there.0, least);
        assert_eq!(back.0, least);
        assert_eq!(there.0.capacity(), SPLIT_SAMPLE_FLOWS);
    }
}
