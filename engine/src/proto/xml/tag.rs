//! The inside of a start tag, and the references in values and text (XML 1.0, 3.1 and 4.6). It
//! knows the five references that every document has, and no other.

use memchr::{memchr, memchr2};

use super::XmlError;
use crate::config::XML_NAME_BYTES_MAX;

/// Where a tag ends, if it does so in these bytes; `quote` is the one that they begin in, or 0,
/// and becomes the one that they end in.
pub fn end(bytes: &[u8], quote: &mut u8) -> Result<Option<usize>, XmlError> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let next = match *quote {
            0 => rest
                .iter()
                .position(|byte| matches!(byte, b'<' | b'>' | b'"' | b'\'')),
            quote => memchr2(quote, b'<', rest),
        };
        let Some(next) = next else {
            return Ok(None);
        };
        at += next;
        match bytes.get(at) {
            Some(b'<') | None => return Err(XmlError::Malformed),
            Some(b'>') => return Ok(Some(at)),
            Some(_) if *quote != 0 => *quote = 0,
            Some(byte) => *quote = *byte,
        }
        at += 1;
    }
    Ok(None)
}

/// A start tag: what stands between `<` and `>`.
#[derive(Clone, Copy)]
pub struct Tag<'a> {
    /// The element's name with its prefix.
    pub name: &'a [u8],
    /// The element ends here: `/>`.
    pub is_empty: bool,
    /// It declares a namespace.
    declares: bool,
    attributes: &'a [u8],
}

impl<'a> Tag<'a> {
    /// Reads a tag and makes sure that all its attributes can be read.
    pub fn parse(markup: &'a [u8]) -> Result<Self, XmlError> {
        let (markup, is_empty) = match markup.strip_suffix(b"/") {
            Some(markup) => (markup, true),
            None => (markup, false),
        };
        let end = markup.iter().position(u8::is_ascii_whitespace);
        let (name, attributes) = markup.split_at(end.unwrap_or(markup.len()));
        check_name(name)?;
        let mut tag = Self {
            name,
            is_empty,
            declares: false,
            attributes,
        };
        for attribute in tag.attributes() {
            let (name, _) = attribute?;
            tag.declares |= prefix_of(name).is_some();
        }
        Ok(tag)
    }

    /// The prefixes that it declares, `""` for none, and the namespaces that they stand for.
    pub fn declared(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        // Most tags declare none: their attributes are not looked at once more.
        let attributes = match self.declares {
            true => self.attributes,
            false => &[],
        };
        let attributes = Attributes(attributes).flatten();
        attributes.filter_map(|(name, value)| Some((prefix_of(name)?, value)))
    }

    /// Names, with their prefixes, and values, as they were sent.
    pub fn attributes(self) -> Attributes<'a> {
        Attributes(self.attributes)
    }
}

/// The prefix that an attribute of this name declares.
fn prefix_of(name: &[u8]) -> Option<&[u8]> {
    match name.strip_prefix(b"xmlns")? {
        [] => Some(&[]),
        [b':', prefix @ ..] => Some(prefix),
        _ => None,
    }
}

/// True for the bytes that a name may begin with.
const fn starts_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// True at the bytes that a name may go on with.
static NAME: [bool; 256] = {
    let mut name = [false; 256];
    let mut at = 0;
    while at < name.len() {
        let byte = at as u8;
        name[at] = starts_name(byte) || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':');
        at += 1;
    }
    name
};

fn check_name(name: &[u8]) -> Result<(), XmlError> {
    let goes_on = |byte: &u8| NAME[usize::from(*byte)];
    match name {
        [first, rest @ ..] if starts_name(*first) && rest.iter().all(goes_on) => {
            match name.len() <= XML_NAME_BYTES_MAX {
                true => Ok(()),
                false => Err(XmlError::OverLimit),
            }
        }
        _ => Err(XmlError::Malformed),
    }
}

/// The attributes that are left.
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), XmlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        // Blanks stand before each attribute.
        let apart = rest.len() < self.0.len();
        self.0 = &[];
        let Some((name, value, rest)) = split(rest).filter(|_| apart) else {
            return Some(Err(XmlError::Malformed));
        };
        if let Err(error) = check_name(name) {
            return Some(Err(error));
        }
        self.0 = rest;
        Some(Ok((name, value)))
    }
}

/// The first attribute's name and value, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let equals = memchr(b'=', bytes)?;
    let name = bytes.get(..equals)?.trim_ascii_end();
    let value = bytes.get(equals + 1..)?.trim_ascii_start();
    let (quote, value) = value.split_first()?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let end = memchr(*quote, value)?;
    Some((name, value.get(..end)?, value.get(end + 1..)?))
}

/// Appends `raw` with its references resolved; false where one is unknown or forbidden.
pub fn unescape(raw: &[u8], text: &mut Vec<u8>) -> bool {
    let mut parts = raw.split(|byte| *byte == b'&');
    text.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        let Some(end) = part.iter().position(|byte| *byte == b';') else {
            return false;
        };
        let (name, rest) = part.split_at(end);
        match name {
            b"amp" => text.push(b'&'),
            b"lt" => text.push(b'<'),
            b"gt" => text.push(b'>'),
            b"apos" => text.push(b'\''),
            b"quot" => text.push(b'"'),
            [b'#', number @ ..] => match character(number) {
                Some(found) => {
                    let mut bytes = [0; 4];
                    text.extend_from_slice(found.encode_utf8(&mut bytes).as_bytes());
                }
                None => return false,
            },
            _ => return false,
        }
        text.extend_from_slice(rest.get(1..).unwrap_or_default());
    }
    true
}

/// The character of a numeric reference.
fn character(number: &[u8]) -> Option<char> {
    let (digits, radix) = match number {
        [b'x', digits @ ..] => (digits, 16),
        digits => (digits, 10),
    };
    let digits = std::str::from_utf8(digits).ok()?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let found = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
    (!found.is_control() || found.is_ascii_whitespace()).then_some(found)
}
