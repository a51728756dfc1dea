//! The text of a value: owned, of fixed size, fit to be shown. It repairs what senders do to
//! text (padding, Latin-1, control characters) and interprets nothing.

use crate::config::VALUE_BYTES_MAX;

/// A value without the room that it does not need: its bytes, wherever they lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueRef<'a> {
    bytes: &'a [u8],
    is_cut: bool,
}

impl<'a> ValueRef<'a> {
    /// A value as it was kept or sent on.
    #[inline]
    pub(crate) const fn of(bytes: &'a [u8], is_cut: bool) -> Self {
        Self { bytes, is_cut }
    }

    /// What was sent, where it is a value as it stands and needs no repair.
    #[inline]
    pub fn plain(raw: &'a [u8]) -> Option<Self> {
        is_plain(raw).then_some(Self::of(raw, false))
    }

    /// Its bytes.
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.bytes).unwrap_or_default()
    }

    /// True when there is nothing to show.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// True when the sender's text was longer: such a value never joins devices.
    #[inline]
    pub const fn is_cut(self) -> bool {
        self.is_cut
    }

    /// True for a text that is these very bytes.
    #[inline]
    pub fn is(self, raw: &[u8]) -> bool {
        !self.is_cut && self.bytes == raw
    }

    /// The same with room of its own.
    pub fn to_value(self) -> Value {
        let mut value = Value::EMPTY;
        if let Some(target) = value.bytes.get_mut(..self.bytes.len()) {
            target.copy_from_slice(self.bytes);
            (value.len, value.cut) = (self.bytes.len() as u16, self.is_cut);
        }
        value
    }
}

impl std::fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

impl std::hash::Hash for ValueRef<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

/// Valid UTF-8 of at most [`VALUE_BYTES_MAX`] bytes, without control characters, trimmed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value {
    len: u16,
    cut: bool,
    bytes: [u8; VALUE_BYTES_MAX],
}

impl Value {
    /// No text.
    pub const EMPTY: Self = Self {
        len: 0,
        cut: false,
        bytes: [0; VALUE_BYTES_MAX],
    };

    /// What was sent, as text: UTF-8, or else ISO 8859-1, which every byte is valid in. Padding
    /// (spaces and NULs) goes, control characters become one space.
    pub fn from_wire(raw: &[u8]) -> Self {
        if let Some(plain) = ValueRef::plain(raw) {
            return plain.to_value();
        }
        let mut value = Self::EMPTY;
        // Longer input is cut here first, so that the work is bounded.
        let limit = VALUE_BYTES_MAX * 2;
        let (raw, long) = (&raw[..raw.len().min(limit)], raw.len() > limit);
        let mut push = |c: char| {
            let c = if c.is_control() || c == '\u{fffd}' {
                ' '
            } else {
                c
            };
            if c == ' ' && (value.len == 0 || value.as_bytes().ends_with(b" ")) {
                return;
            }
            value.push(c);
        };
        match std::str::from_utf8(raw) {
            Ok(text) => text.chars().for_each(&mut push),
            // A character that the limit above cut in two is no reason to doubt the rest.
            Err(e) if e.error_len().is_none() => {
                std::str::from_utf8(&raw[..e.valid_up_to()])
                    .unwrap_or_default()
                    .chars()
                    .for_each(&mut push);
            }
            Err(_) => raw.iter().map(|&byte| char::from(byte)).for_each(&mut push),
        }
        value.cut |= long;
        while value.as_bytes().ends_with(b" ") {
            value.len -= 1;
        }
        value
    }

    fn push(&mut self, c: char) {
        let mut utf8 = [0; 4];
        let utf8 = c.encode_utf8(&mut utf8).as_bytes();
        let at = usize::from(self.len);
        match self.bytes.get_mut(at..at + utf8.len()) {
            Some(target) if !self.cut => {
                target.copy_from_slice(utf8);
                self.len += utf8.len() as u16;
            }
            _ => self.cut = true,
        }
    }

    /// The same text, known to be the beginning of a longer one.
    pub const fn shortened(self) -> Self {
        Self { cut: true, ..self }
    }

    /// Its bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The same without its room.
    #[inline]
    pub fn view(&self) -> ValueRef<'_> {
        ValueRef::of(self.as_bytes(), self.cut)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// True when there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when the sender's text was longer: such a value never joins devices.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

/// True for a text that needs no repair: short, ASCII, no control characters, no blanks to take
/// out.
fn is_plain(raw: &[u8]) -> bool {
    let (Some(first), Some(last)) = (raw.first(), raw.last()) else {
        return false;
    };
    if raw.len() > VALUE_BYTES_MAX || *first == b' ' || *last == b' ' {
        return false;
    }
    // Eight bytes at a time; the last eight once more where some are left over. Fewer than
    // eight are filled up with others.
    let (words, _) = raw.as_chunks::<8>();
    let end = match raw.last_chunk::<8>() {
        Some(end) => u64::from_le_bytes(*end),
        None => raw
            .iter()
            .fold(u64::from_le_bytes([b'!'; 8]), |word, byte| {
                word << 8 | u64::from(*byte)
            }),
    };
    let (others, blanks) = plain_word(end);
    let mut faults = others | blanks & blanks << 8;
    let mut before = 0;
    for word in words {
        let (others, blanks) = plain_word(u64::from_le_bytes(*word));
        faults |= others | blanks & (blanks << 8 | before >> 56);
        before = blanks;
    }
    faults == 0
}

/// Of eight bytes, the highest bit of each that is no printable ASCII character, and, where there
/// is none, of each that is a blank.
const fn plain_word(word: u64) -> (u64, u64) {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = 0x80 * EACH;
    let least = word.wrapping_add((0x80 - b' ' as u64) * EACH);
    // DEL is the one after the last.
    let most = word.wrapping_add(EACH);
    let others = (word | !least | most) & HIGHEST;
    let blanks = !(word ^ (b' ' as u64 * EACH)).wrapping_add(0x7f * EACH) & HIGHEST;
    (others, blanks)
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.as_bytes(), self.cut).cmp(&(other.as_bytes(), other.cut))
    }
}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_controls_go() {
        assert_eq!(Value::from_wire(b"  CT 01\0\0  ").as_str(), "CT 01");
        assert_eq!(Value::from_wire(b"a\r\n\tb").as_str(), "a b");
        assert_eq!(Value::from_wire("Dräger".as_bytes()).as_str(), "Dräger");
        assert_eq!(Value::from_wire(b"Dr\xe4ger").as_str(), "Dräger");
        assert!(Value::from_wire(b" \0 ").is_empty());
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let value = Value::from_wire("ä".repeat(500).as_bytes());
        assert!(value.is_cut());
        assert_eq!(value.as_str().len(), VALUE_BYTES_MAX);
        let odd = format!("x{}", "ä".repeat(500));
        assert_eq!(
            Value::from_wire(odd.as_bytes()).as_str().len(),
            VALUE_BYTES_MAX - 1
        );
    }

    /// What is taken as it stands is what repairing it would have left.
    #[test]
    fn fuzz_what_is_plain() {
        bolero::check!()
            .with_iterations(4000)
            .for_each(|raw: &[u8]| {
                // Few kinds of bytes, so that some are plain.
                let raw: Vec<u8> = raw
                    .iter()
                    .map(|byte| b"ab \x1f\x7f~\x80z"[usize::from(byte % 64).min(7)])
                    .collect();
                let is_plain = raw.iter().all(|byte| matches!(byte, b' '..=b'~'))
                    && !raw.windows(2).any(|pair| pair == b"  ")
                    && raw.trim_ascii() == raw
                    && (1..=VALUE_BYTES_MAX).contains(&raw.len());
                let plain = ValueRef::plain(&raw);
                assert_eq!(plain.map(ValueRef::as_bytes), is_plain.then_some(&raw[..]));
            });
    }

    #[test]
    fn fuzz_from_wire() {
        bolero::check!()
            .with_iterations(2000)
            .for_each(|raw: &[u8]| {
                let value = Value::from_wire(raw);
                assert!(!value.as_str().chars().any(char::is_control));
                assert_eq!(value.as_str().trim_matches(' '), value.as_str());
                assert_eq!(
                    Value::from_wire(value.as_str().as_bytes()).as_str(),
                    value.as_str()
                );
            });
    }
}
