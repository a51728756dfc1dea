//! Short text in place: what it holds is whole UTF-8, and what does not fit is said so. It knows
//! nothing of what the text means.

use std::fmt;

/// UTF-8 text of at most `N` bytes, in place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const N: usize> {
    pub(crate) bytes: [u8; N],
    pub(crate) len: u16,
}

impl<const N: usize> Text<N> {
    /// No text.
    pub const EMPTY: Self = {
        assert!(N <= u16::MAX as usize);
        Self {
            bytes: [0; N],
            len: 0,
        }
    };

    /// The text, where it fits.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(Self {
            bytes,
            len: u16::try_from(text.len()).ok()?,
        })
    }

    /// The text, or as many whole characters of it as fit. What is cut is no key any more.
    pub fn cut(text: &str) -> Self {
        Self::new(&text[..text.floor_char_boundary(N)]).unwrap_or(Self::EMPTY)
    }

    /// The text that `len` of these bytes are; none where there are not so many.
    pub(crate) fn from_bytes(bytes: [u8; N], len: u16) -> Option<Self> {
        (usize::from(len) <= N).then_some(Self { bytes, len })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }

    /// True where there is no text.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
