//! The header record, ASTM E1394 and LIS2-A2: who sends, and in which version. Its password (H-4),
//! address, telephone number, comment and time are stepped over.

use crate::config::REPORTED_PART_BYTES_MAX;
use crate::proto::kept;
use crate::proto::reported::{self, Identifier};

/// Components of H-5 that are read.
const SENDER_COMPONENTS_MAX: usize = 8;

/// Longest version of the protocol, in bytes.
const VERSION_BYTES_MAX: usize = 12;

/// A header whose fields stand where they belong.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// H-5 without blanks around its components, joined by `^`.
    pub sender: Vec<u8>,
    /// The instrument's name in all its messages: H-5 without what is a version.
    pub identifier: Vec<u8>,
    /// H-12: P, T, D or Q.
    pub processing: Vec<u8>,
    /// H-13.
    pub version: Vec<u8>,
}

/// Whether a text begins with a header record: its letter, its four delimiters, and the first of
/// them again. Nothing while bytes are missing.
pub fn begins(text: &[u8]) -> Option<bool> {
    let mark = |at: usize| text.get(at).is_none_or(u8::is_ascii_punctuation);
    let same = |at: usize| match (text.get(at), text.get(1)) {
        (Some(one), Some(field)) => one == field,
        _ => false,
    };
    let letter = text.first().is_none_or(|byte| *byte == b'H');
    if !letter || !(1..5).all(mark) || (2..5).any(same) {
        return Some(false);
    }
    let end = *text.get(5)?;
    Some(same(5) || end == b'\r')
}

impl Header {
    /// Reads a record, without its end. Nothing for one with other delimiters than a header has,
    /// and for one whose processing id, version or day are elsewhere: there a field is missing
    /// or too many, and its neighbours would be taken for the sender.
    pub fn parse(record: &[u8]) -> Option<Self> {
        if begins(record) != Some(true) {
            return None;
        }
        let [_, field, repeat, component, escape] = *record.first_chunk()?;
        let mut fields = [&record[..0]; 14];
        for (field, part) in fields.iter_mut().zip(record.split(|byte| *byte == field)) {
            *field = reported::trim(part);
        }
        let [processing, version, day] = [fields[11], fields[12], fields[13]];
        let sound = match processing {
            [] => is_named_version(version),
            [b'P' | b'T' | b'D' | b'Q'] => {
                matches!(version, [] | [b'1'..=b'9']) || is_named_version(version)
            }
            _ => false,
        } && day.iter().all(u8::is_ascii_digit);
        if !sound {
            return None;
        }
        // One sender, in plain characters: anything else is what is left of two fields.
        if fields[4].contains(&repeat) || fields[4].contains(&escape) {
            return None;
        }
        let (sender, identifier) = sender(fields[4], component)?;
        Some(Self {
            sender,
            identifier,
            processing: processing.to_vec(),
            version: version.to_vec(),
        })
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let texts = [
            &self.sender,
            &self.identifier,
            &self.processing,
            &self.version,
        ];
        texts.into_iter().map(kept::list).sum()
    }
}

/// A version by the standard's name: `E1394-97`, `1394-97`, `LIS2-A2`.
fn is_named_version(version: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_digit() || b"ASTMELI.- ".contains(byte);
    // To its end: `LIS` alone is what is left of one.
    let lis = version.strip_prefix(b"LIS").is_some_and(|edition| {
        let digits = edition
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        digits > 0
            && edition
                .get(digits..)
                .is_some_and(|rest| rest.starts_with(b"-A"))
    });
    version.len() <= VERSION_BYTES_MAX
        && version.iter().all(plain)
        && (lis || version.windows(4).any(|part| part == b"1394"))
}

/// H-5 and the identifier that it gives; nothing where it could name a person.
fn sender(field: &[u8], component: u8) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut identifier = Identifier::new(b"lis:sender");
    let mut parts = Vec::new();
    for part in field
        .split(|byte| *byte == component)
        .take(SENDER_COMPONENTS_MAX)
    {
        let part = reported::trim(part);
        if part.is_empty() {
            parts.push(part);
            continue;
        }
        let part = reported::text(part)?;
        if part.len() > REPORTED_PART_BYTES_MAX || reported::names_person(part) {
            return None;
        }
        if !is_version(part) {
            identifier = identifier.part(part);
        }
        parts.push(part);
    }
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    if parts.is_empty() {
        return None;
    }
    Some((parts.join(&b'^'), identifier.finish()?))
}

/// `4.2.2.1730`, `00-24`, `04.04.00.00`, `2.2.2.2b`: what changes when software does.
fn is_version(part: &[u8]) -> bool {
    let mut groups = part.split(|byte| matches!(byte, b'.' | b'-'));
    let first = groups.next().unwrap_or_default();
    let number = (1..=3).contains(&first.len()) && first.iter().all(u8::is_ascii_digit);
    let mut more = 0;
    let rest = groups.all(|group| {
        more += 1;
        group.first().is_some_and(u8::is_ascii_digit) && group.iter().all(u8::is_ascii_alphanumeric)
    });
    number && more > 0 && rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: &[u8]) -> Option<(String, String)> {
        let header = Header::parse(record)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some((text(&header.sender), text(&header.identifier)))
    }

    #[test]
    fn senders_as_instruments_send_them() {
        for (record, sender, identifier) in [
            (
                &br"H|\^&|||    XM-550^00-24^22723^^^^BD634545||||||||E1394-97"[..],
                "XM-550^00-24^22723^^^^BD634545",
                "lis:sender|xm-550|22723|bd634545",
            ),
            (
                br"H|\^&|||c311^1|||||host|RSUPL^REAL|P|1",
                "c311^1",
                "lis:sender|c311|1",
            ),
            (
                br"H|@^\|CANARY||EGH^GeneXpert^4.8|||||LIS||P|1394-97|20250516125515",
                "EGH^GeneXpert^4.8",
                "lis:sender|egh|genexpert",
            ),
            (
                br"H|\^&|||DCA^04.04.00.00^S1|||||||P||20240820151746",
                "DCA^04.04.00.00^S1",
                "lis:sender|dca|s1",
            ),
        ] {
            let expected = (sender.to_owned(), identifier.to_owned());
            assert_eq!(read(record), Some(expected));
        }
    }

    #[test]
    fn what_is_out_of_place_is_no_header() {
        for record in [
            &br"H|\^&"[..],
            br"H|\^&|",
            // The end got lost: a patient follows.
            br"H|\^&|||P|1|CANARY-1|CANARY-2|CANARY-3|CANARY^PATIENT||19000101|F",
            br"H|\^&|P|1|CANARY-1|CANARY-2|CANARY-3|CANARY^PATIENT||19000101|F",
            br"H|\^&|||EXM^1.0^S1|||||LIS||P|1|20260101CANARY",
            // A separator became another delimiter.
            br"H|\^&|||EXM^1.0^S1\CANARY|||||LIS||P|LIS2-A2|20260101",
            br"H|\^&|||EXM^1.0^S1&CANARY|||||LIS||P|LIS2-A2|20260101",
            // One field too many, one missing.
            br"H|\^&|||CANARY|EXM^1.0^S1|||||LIS||P|LIS2-A2|20260101",
            br"H|\^&||EXM^1.0^S1|||||LIS||P|LIS2-A2|20260101",
            br"H|\^&|||Dr. CANARY|||||||P|1",
            br"H|||||X|||||||P|1",
            br"P|\^&|||X|||||||P|1",
        ] {
            assert_eq!(read(record), None, "{}", record.escape_ascii());
        }
    }
}
