//! What messages said before, by its digest: what proves itself by nothing is believed once another
//! message said the same. It keeps no text.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::config::HL7_WITNESSES_MAX;

/// Words for which there is room from the first one on.
const USUAL: usize = 28;

/// In which message it was said first, and whether another one said it too.
#[derive(Clone, Copy, Debug)]
struct Word {
    message: u64,
    repeated: bool,
}

/// Words by their digests, which nobody can choose.
type Words = HashMap<u64, Word, FixedState>;

/// What one direction of a conversation said lately: no word gives way before so many others were
/// said.
#[derive(Debug, Default)]
pub struct Witnesses {
    young: Words,
    /// Those that were young before, and were not said since.
    old: Words,
}

impl Witnesses {
    /// True where another message said the same before this one. Messages are told apart by the
    /// digests of their control ids: a message that is there twice is one.
    pub fn agree(&mut self, digest: u64, message: u64) -> bool {
        if let Some(word) = self.young.get_mut(&digest) {
            word.repeated |= word.message != message;
            return word.repeated;
        }
        let first = Word {
            message,
            repeated: false,
        };
        let mut word = self.old.remove(&digest).unwrap_or(first);
        word.repeated |= word.message != message;
        if self.young.len() >= HL7_WITNESSES_MAX {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        if self.young.is_empty() {
            self.young.reserve(USUAL);
        }
        self.young.insert(digest, word);
        word.repeated
    }

    /// Bytes that they take: of eight places of a map one is always free, and each has a byte.
    pub fn kept_bytes(&self) -> usize {
        let places = |words: &Words| words.capacity().div_ceil(7) * 8;
        let place = size_of::<(u64, Word)>() + 1;
        (places(&self.young) + places(&self.old)) * place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_another_message() {
        let mut witnesses = Witnesses::default();
        assert!(!witnesses.agree(7, 1));
        assert!(!witnesses.agree(7, 1));
        assert!(!witnesses.agree(8, 2));
        assert!(witnesses.agree(7, 2));
        assert!(witnesses.agree(7, 1));
    }

    /// Whatever their digests are.
    #[test]
    fn a_word_stays_while_so_many_others_are_said() {
        let max = HL7_WITNESSES_MAX as u64;
        for step in [1, max, 1 << 50] {
            let mut witnesses = Witnesses::default();
            let mut say =
                |number: u64, message| witnesses.agree(number.wrapping_mul(step), message);
            assert!(!say(1, 1));
            assert!((2..max + 1).all(|number| !say(number, number)));
            assert!(say(1, 2));
            assert!((2..4 * max).all(|number| say(number, 0) == (number <= max)));
            assert!(!say(1, 3), "it gave way");
            assert!(witnesses.young.len() <= HL7_WITNESSES_MAX);
            assert!(witnesses.old.len() <= HL7_WITNESSES_MAX);
        }
    }
}
