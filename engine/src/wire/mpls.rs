//! MPLS label stacks, [RFC 3032](https://www.rfc-editor.org/rfc/rfc3032). Nothing in a stack
//! says what it carries; it does not guess.
//!
//! ```text
//! | label 20 bits, class 3, bottom 1, time to live 8 | … | payload …
//! ```

use super::WireError;
use crate::config::TAGS_MAX;

/// The size of one entry, in bytes.
pub const ENTRY_LEN: usize = 4;
/// Destination port of MPLS in UDP, RFC 7510.
pub const PORT: u16 = 6635;

/// A view of one label stack.
#[derive(Clone, Copy, Debug)]
pub struct MplsStack<'a> {
    bottom: [u8; ENTRY_LEN],
    header_len: usize,
    payload: &'a [u8],
}

impl<'a> MplsStack<'a> {
    /// Finds the bottom of the stack; [`WireError::Malformed`] beyond [`TAGS_MAX`] entries.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut rest = bytes;
        for entries in 1..=TAGS_MAX {
            let (entry, after) = rest.split_first_chunk().ok_or(WireError::Truncated)?;
            if entry[2] & 1 != 0 {
                return Ok(Self {
                    bottom: *entry,
                    header_len: entries * ENTRY_LEN,
                    payload: after,
                });
            }
            rest = after;
        }
        Err(WireError::Malformed)
    }

    /// The label at the bottom, 20 bits.
    pub fn label(&self) -> u32 {
        u32::from_be_bytes(self.bottom) >> 12
    }

    /// All entries, bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// What follows.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_labels() {
        let bytes = [0, 1, 0x00, 64, 0, 1, 0x21, 63, 0x45];
        let stack = MplsStack::parse(&bytes).unwrap();
        assert_eq!((stack.label(), stack.header_len()), (18, 8));
        assert_eq!(stack.payload(), [0x45]);
        for len in 0..8 {
            let error = MplsStack::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn bottomless() {
        assert_eq!(
            MplsStack::parse(&[0; 100]).err(),
            Some(WireError::Malformed)
        );
    }
}
