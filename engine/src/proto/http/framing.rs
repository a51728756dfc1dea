//! Where an HTTP/1 body ends (RFC 9112, 6) and how it is coded (RFC 9110, 8.4). It reads no body.

use super::known::{Known, Name};

/// How a head says that its body ends: RFC 9112, 6.
pub enum Framing {
    /// In chunks.
    Chunked,
    /// After this many bytes.
    Length(u64),
    /// It does not say.
    Unstated,
    /// It contradicts itself.
    Broken,
}

impl Framing {
    /// Reads the fields of a head.
    pub fn of(fields: &Known<'_>) -> Self {
        let mut length = None;
        let mut coding: Option<&[u8]> = None;
        for (name, value) in fields.iter() {
            if name == Name::TransferEncoding {
                coding = Some(value);
            } else if name == Name::ContentLength {
                let number = std::str::from_utf8(value)
                    .ok()
                    .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                    .and_then(|text| text.parse::<u64>().ok());
                match (number, length) {
                    (Some(number), None) => length = Some(number),
                    (Some(number), Some(earlier)) if number == earlier => {}
                    _ => return Self::Broken,
                }
            }
        }
        // A coding overrides a length: RFC 9112, 6.3. The last one counts.
        let last = coding.and_then(|value| value.rsplit(|byte| *byte == b',').next());
        match (last.map(<[u8]>::trim_ascii), length) {
            (Some(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => Self::Chunked,
            (Some(coding), Some(length)) if coding.eq_ignore_ascii_case(b"identity") => {
                Self::Length(length)
            }
            (Some(_), _) => Self::Unstated,
            (None, Some(length)) => Self::Length(length),
            (None, None) => Self::Unstated,
        }
    }
}

/// How a body's content is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls "deflate".
    Zlib,
    /// In a way that is not undone.
    Other,
}

impl Coding {
    /// Reads the fields of a head.
    pub fn of(fields: &Known<'_>) -> Self {
        let mut coding = Self::Identity;
        for (_, value) in fields
            .iter()
            .filter(|(name, _)| *name == Name::ContentEncoding)
        {
            coding = match coding {
                Self::Identity => Self::parse(value),
                _ => Self::Other,
            };
        }
        coding
    }

    fn parse(value: &[u8]) -> Self {
        let is = |name: &[u8]| value.eq_ignore_ascii_case(name);
        if is(b"identity") || value.is_empty() {
            Self::Identity
        } else if is(b"gzip") || is(b"x-gzip") {
            Self::Gzip
        } else if is(b"deflate") {
            Self::Zlib
        } else {
            Self::Other
        }
    }
}
