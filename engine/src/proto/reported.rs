//! Text and identifiers of equipment that a message describes: what is fit to be emitted, and
//! which identifier the same machine gets each time. It decides nothing about who the machine is.

use super::Segment;
use crate::config::{REPORTED_PART_BYTES_MAX, VALUE_BYTES_MAX};
use crate::observe::Role;

/// Serial numbers that are no serial numbers: what forms are filled with. Compared without case.
const PLACEHOLDERS: &[&[u8]] = &[
    b"unknown",
    b"none",
    b"n/a",
    b"na",
    b"nil",
    b"null",
    b"undefined",
    b"default",
    b"not available",
    b"not applicable",
    b"no serial",
    b"serial",
    b"serial number",
    b"serialnumber",
    b"sn",
    b"s/n",
    b"tbd",
    b"test",
    b"1234",
    b"12345",
    b"123456",
    b"1234567",
    b"12345678",
    b"123456789",
    b"1234567890",
    b"0123456789",
    b"0123",
    b"01234",
    b"012345",
];

/// Words that make a name of an institution the name of a person's practice; each begins with
/// one of the letters that [`names_person`] looks for.
const PERSON_WORDS: &[&[u8]] = &[
    b"dr", b"dr.", b"dres", b"dres.", b"drs", b"drs.", b"prof", b"prof.", b"md", b"m.d.", b"mr.",
    b"mrs.", b"ms.", b"phd", b"ph.d.",
];

/// Takes the padding off both ends: spaces and NULs, and what ends a line.
pub fn trim(value: &[u8]) -> &[u8] {
    let padding = |byte: &u8| matches!(byte, 0 | b' ' | b'\t' | b'\r' | b'\n');
    let start = value.iter().position(|byte| !padding(byte));
    let end = value.iter().rposition(|byte| !padding(byte));
    match (start, end) {
        (Some(start), Some(end)) => value.get(start..=end).unwrap_or_default(),
        _ => &[],
    }
}

/// The text of a value without its padding, or nothing: an empty one, and one that holds control
/// characters (an escape switches to a character set that bytes alone do not tell).
pub fn text(value: &[u8]) -> Option<&[u8]> {
    let value = trim(value);
    let control = value.iter().any(|&byte| byte < b' ' || byte == 0x7f);
    (!value.is_empty() && !control).then_some(value)
}

/// True where a text has the form of a person's name or address: a name in components (`^`), a
/// mail address, or a title in front of a name.
pub fn names_person(value: &[u8]) -> bool {
    // Most words begin as none of the titles does.
    let may_be = |word: &[u8]| {
        let first = word.first().map(u8::to_ascii_lowercase);
        matches!(first, Some(b'd' | b'p' | b'm'))
    };
    let is_title = |word: &[u8]| {
        let mut titles = PERSON_WORDS.iter();
        may_be(word) && titles.any(|title| word.eq_ignore_ascii_case(title))
    };
    // "Dr.Name" and "Prof.Dr.Name": the title's own dot ends it.
    let is_joined =
        |part: &[u8]| part.eq_ignore_ascii_case(b"dr.") || part.eq_ignore_ascii_case(b"prof.");
    value.iter().any(|byte| matches!(byte, b'^' | b'@'))
        || value
            .split(|byte| matches!(byte, b' ' | b',' | b'(' | b')' | b'/' | b'-'))
            .any(|word| {
                let mut parts = word.split_inclusive(|byte| *byte == b'.');
                is_title(word) || parts.any(is_joined)
            })
}

/// True for a serial number that many machines share: a placeholder, or one character repeated.
pub fn is_placeholder(value: &[u8]) -> bool {
    let value = trim(value);
    let Some(first) = value.first() else {
        return true;
    };
    value.iter().all(|byte| byte == first)
        || PLACEHOLDERS
            .iter()
            .any(|placeholder| value.eq_ignore_ascii_case(placeholder))
}

/// Which line of a terminal server a device is on: the port that the server listens at. Where the
/// server opens the connection itself, its port says nothing.
pub fn line(segment: &Segment<'_>) -> String {
    match segment.from {
        Role::Server => segment.ports.0.to_string(),
        Role::Client | Role::Peer => String::new(),
    }
}

/// A device's identifier in the making: a scheme, then parts, joined by `|`. Parts are compared
/// as people read them: without case, and with one space where there are several.
#[derive(Debug)]
pub struct Identifier {
    bytes: Vec<u8>,
    /// A part was longer than an identifier holds: two machines could look like one.
    cut: bool,
}

impl Identifier {
    /// Begins with the scheme: which message named the device, and by what.
    pub fn new(scheme: &[u8]) -> Self {
        Self {
            bytes: scheme.to_vec(),
            cut: false,
        }
    }

    /// Adds a part.
    pub fn part(mut self, value: &[u8]) -> Self {
        let value = trim(value);
        self.cut |= value.len() > REPORTED_PART_BYTES_MAX;
        self.bytes.push(b'|');
        let mut space = false;
        for &byte in value.iter().take(REPORTED_PART_BYTES_MAX) {
            let blank = matches!(byte, b' ' | b'|');
            if !(blank && space) {
                self.bytes.push(if blank {
                    b' '
                } else {
                    byte.to_ascii_lowercase()
                });
            }
            space = blank;
        }
        self
    }

    /// The identifier, unless a part had to be cut.
    pub fn finish(self) -> Option<Vec<u8>> {
        (!self.cut && self.bytes.len() <= VALUE_BYTES_MAX).then_some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_and_control_characters_refuse() {
        assert_eq!(text(b" CT 1\0"), Some(&b"CT 1"[..]));
        assert_eq!(text(b" \0"), None);
        assert_eq!(text(b"\x1b$B"), None);
        assert_eq!(text("Köln".as_bytes()), Some("Köln".as_bytes()));
    }

    #[test]
    fn persons_are_seen() {
        for person in [
            &b"Dr. Example"[..],
            b"Praxis Dr.Example",
            b"EXAMPLE^ANNA",
            b"a@b",
            b"Jane Example, M.D.",
            b"Prof.Dr.Example",
        ] {
            assert!(names_person(person), "{}", person.escape_ascii());
        }
        for site in [
            &b"TEST HOSPITAL"[..],
            b"St. Mary",
            b"Drammen sykehus",
            b"Mdina",
        ] {
            assert!(!names_person(site), "{}", site.escape_ascii());
        }
    }

    #[test]
    fn placeholders_are_seen() {
        for serial in [
            &b"0"[..],
            b"0000",
            b"12345",
            b"XXXX",
            b"Unknown ",
            b"",
            b"N/A",
        ] {
            assert!(is_placeholder(serial), "{}", serial.escape_ascii());
        }
        assert!(!is_placeholder(b"SN0001"));
    }

    #[test]
    fn one_machine_one_identifier() {
        let one = Identifier::new(b"x")
            .part(b"ACME  Ltd ")
            .part(b"A|1")
            .finish();
        let two = Identifier::new(b"x")
            .part(b"Acme Ltd")
            .part(b"a 1")
            .finish();
        assert_eq!(one, two);
        assert_eq!(one.as_deref(), Some(&b"x|acme ltd|a 1"[..]));
        assert_eq!(Identifier::new(b"x").part(&[b'a'; 65]).finish(), None);
    }
}
