//! Text that a parser makes itself: an address in print, a list of numbers, joined names. It
//! lives on the stack and refuses what does not fit, so nothing on the packet path allocates.

use std::fmt::{self, Write};

use medtap_table::vocabulary::Field;

use crate::observe::{Emit, MacAddr, says};

/// Up to `N` bytes.
pub struct StackText<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> StackText<N> {
    /// No text yet.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    /// Appends all of `more`, or nothing and false where it does not fit.
    pub fn push(&mut self, more: &[u8]) -> bool {
        let Some(room) = self.bytes.get_mut(self.len..self.len + more.len()) else {
            return false;
        };
        room.copy_from_slice(more);
        self.len += more.len();
        true
    }

    /// Appends ASCII letters as small ones, and all else as it is.
    pub fn push_lower(&mut self, more: &[u8]) -> bool {
        let at = self.len;
        let fits = self.push(more);
        if let Some(pushed) = self.bytes.get_mut(at..self.len) {
            pushed.make_ascii_lowercase();
        }
        fits
    }

    /// Appends a separator, unless the text is still empty, and then `item`.
    pub fn push_item(&mut self, separator: &[u8], item: &[u8]) -> bool {
        (self.is_empty() || self.push(separator)) && self.push(item)
    }

    /// What was appended.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Nothing was appended.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for StackText<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Write for StackText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.push(text.as_bytes()) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

/// `bytes` in lower-case hexadecimal, `separator` between two; as many as fit.
pub fn hex<const N: usize>(bytes: &[u8], separator: &[u8]) -> StackText<N> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = StackText::new();
    for byte in bytes {
        let pair = [
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ];
        if !text.push_item(separator, &pair) {
            break;
        }
    }
    text
}

/// A MAC address as IEEE 802 prints it, with colons and in lower case.
pub fn mac(address: &MacAddr) -> StackText<17> {
    hex(address, b":")
}

/// The sender says this number of itself, in decimal.
pub fn says_number(field: Field, number: u32, emit: Emit<'_>) {
    let mut text = StackText::<10>::new();
    if write!(text, "{number}").is_ok() {
        says(field, text.as_bytes(), emit);
    }
}

/// A value without its padding: zeros and blanks at the end, blanks at the start. `None` where
/// nothing is left, or where what is left holds control characters and so is no text. Which
/// character set it is in is the reader's to find out.
pub fn printable(value: &[u8]) -> Option<&[u8]> {
    let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let end = value.iter().rposition(|byte| !is_padding(byte))? + 1;
    let value = value.get(..end)?.trim_ascii_start();
    let odd = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    (!value.iter().any(odd)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_does_not_fit() {
        let mut text = StackText::<4>::new();
        assert!(text.push_item(b",", b"ab"));
        assert!(!text.push_item(b",", b"cd"));
        assert!(text.as_bytes().starts_with(b"ab"));
    }

    #[test]
    fn prints_a_mac_address() {
        let text = mac(&[0, 0x1b, 0x2c, 0xff, 4, 5]);
        assert_eq!(text.as_bytes(), b"00:1b:2c:ff:04:05");
    }

    #[test]
    fn strips_padding_and_refuses_binary() {
        assert_eq!(printable(b" ward-7 \0\0"), Some(&b"ward-7"[..]));
        assert_eq!(printable(b"\0\0"), None);
        assert_eq!(printable(b""), None);
        assert_eq!(printable(b"a\x01b"), None);
        assert_eq!(printable(b"B\xfcro 7"), Some(&b"B\xfcro 7"[..]));
    }
}
