//! Whether the directions of conversations come to different workers, by what each of them opened.
//! It changes nothing about that, and knows no conversation by more than its hash.

use std::collections::HashMap;

use crate::config::{SPLIT_FLOWS_MIN, SPLIT_SHARE, SPLIT_WINDOW_FLOWS};

/// What the workers opened lately.
#[derive(Debug, Default)]
pub struct Splits {
    /// Who opened a conversation, by its hash; nobody alone, where several did.
    workers: HashMap<u32, Option<usize>>,
    /// Of these, so many were opened by another worker too.
    split: usize,
    /// Conversations are split.
    found: bool,
}

impl Splits {
    /// Takes the sample of one worker.
    pub fn add(&mut self, worker: usize, opened: &[u32]) {
        for hash in opened {
            let alone = self.workers.entry(*hash).or_insert(Some(worker));
            if alone.is_some_and(|other| other != worker) {
                *alone = None;
                self.split += 1;
            }
        }
        if self.split >= SPLIT_FLOWS_MIN && self.split * SPLIT_SHARE >= self.workers.len() {
            self.found = true;
        } else if self.workers.len() >= SPLIT_WINDOW_FLOWS {
            self.found = false;
        }
        if self.workers.len() >= SPLIT_WINDOW_FLOWS {
            self.workers.clear();
            self.split = 0;
        }
    }

    /// True while the directions of conversations come to different workers.
    pub fn found(&self) -> bool {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opened by one worker or by the other, as a symmetric hash shares out: nothing is found. By
    /// both, as another does with half of them: found, and over when it stops.
    #[test]
    fn conversations_of_two_workers_are_found() {
        let mut splits = Splits::default();
        for hash in 0..10_000_u32 {
            splits.add(hash as usize % 2, &[hash]);
        }
        assert!(!splits.found());
        for hash in 20_000..20_000 + 2 * SPLIT_WINDOW_FLOWS as u32 {
            splits.add(0, &[hash]);
            splits.add(hash as usize % 2, &[hash]);
        }
        assert!(splits.found());
        for hash in 30_000..30_000 + 2 * SPLIT_WINDOW_FLOWS as u32 {
            splits.add(hash as usize % 2, &[hash]);
        }
        assert!(!splits.found());
    }

    /// Two conversations with one hash are no reason, nor is one that is opened again and again.
    #[test]
    fn chance_is_no_reason() {
        let mut splits = Splits::default();
        for _ in 0..SPLIT_WINDOW_FLOWS {
            splits.add(0, &[70_000]);
            splits.add(1, &[70_000, 80_000]);
        }
        for hash in 0..SPLIT_FLOWS_MIN as u32 - 2 {
            splits.add(0, &[hash]);
            splits.add(1, &[hash]);
        }
        assert!(!splits.found());
    }
}
