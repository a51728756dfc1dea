//! Texts of values that are kept for long, each in as many bytes as it has: a value has room for
//! the longest, and most have a few. It knows no fact.

use super::text::ValueRef;
use crate::config::VALUE_BYTES_MAX;

/// Where a text is kept, valid until its [`Texts`] are cleared.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    start: u32,
    len: u16,
    is_cut: bool,
}

/// The texts, one after the other.
#[derive(Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
}

impl Texts {
    /// Of at most so many texts, which never move: their room is asked for at once, though no
    /// page of it is taken before it is used.
    pub fn reserved(max: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(max * VALUE_BYTES_MAX),
        }
    }

    /// Bytes that so many texts take at most.
    pub const fn bytes_max(texts: u64) -> u64 {
        texts * VALUE_BYTES_MAX as u64
    }

    /// Keeps a text; nothing beyond 4 GiB of them.
    pub fn keep(&mut self, text: ValueRef<'_>) -> Option<Kept> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.extend_from_slice(text.as_bytes());
        Some(Kept {
            start,
            len: text.as_bytes().len() as u16,
            is_cut: text.is_cut(),
        })
    }

    /// Its bytes.
    #[inline]
    pub fn as_bytes(&self, kept: Kept) -> &[u8] {
        let start = kept.start as usize;
        let bytes = self.bytes.get(start..start + usize::from(kept.len));
        bytes.unwrap_or_default()
    }

    /// The text.
    #[inline]
    pub fn get(&self, kept: Kept) -> ValueRef<'_> {
        ValueRef::of(self.as_bytes(kept), kept.is_cut)
    }

    /// Forgets every text.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Value;

    #[test]
    fn a_text_is_kept_as_it_is() {
        let mut texts = Texts::reserved(4);
        let said = ["CT 01", "Dräger", &"x".repeat(2 * VALUE_BYTES_MAX)];
        let values = said.map(|text| Value::from_wire(text.as_bytes()));
        let kept = values
            .each_ref()
            .map(|value| texts.keep(value.view()).unwrap());
        for (value, kept) in values.iter().zip(kept) {
            assert_eq!(texts.get(kept), value.view());
            assert_eq!(texts.get(kept).to_value(), *value);
            let shortened = value.shortened();
            assert_eq!(texts.get(kept) == shortened.view(), value.is_cut());
        }
        let [ct, _, long] = kept;
        assert!(texts.get(ct).is(b"CT 01") && !texts.get(ct).is(b"CT 0"));
        assert!(
            !texts.get(long).is(&[b'x'; VALUE_BYTES_MAX]),
            "it was longer"
        );
        assert!(texts.get(ct) < texts.get(long));
        texts.clear();
        assert!(texts.get(ct).is_empty());
    }
}
