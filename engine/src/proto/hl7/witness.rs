//! What messages said before, by its digest: what proves itself by nothing is believed once another
//! message said the same. It keeps no text.

use crate::config::HL7_WITNESSES_MAX;

/// What was said, in which message first, and whether another one said it too.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    digest: u64,
    message: u64,
    repeated: bool,
}

/// What one direction of a conversation said lately.
#[derive(Debug, Default)]
pub struct Witnesses(Vec<Word>);

impl Witnesses {
    /// True where another message said the same before this one. Messages are told apart by the
    /// digests of their control ids: a message that is there twice is one.
    pub fn agree(&mut self, digest: u64, message: u64) -> bool {
        if self.0.is_empty() {
            self.0.resize(HL7_WITNESSES_MAX, Word::default());
        }
        let Some(word) = self.0.get_mut(digest as usize % HL7_WITNESSES_MAX) else {
            return false;
        };
        if word.digest != digest {
            *word = Word {
                digest,
                message,
                repeated: false,
            };
        }
        word.repeated |= word.message != message;
        word.repeated
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
        // Another in its place.
        assert!(!witnesses.agree(7 + HL7_WITNESSES_MAX as u64, 3));
        assert!(!witnesses.agree(7, 4));
    }
}
