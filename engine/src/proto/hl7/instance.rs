//! An equipment instance identifier, HL7 v2 data type EI: what one machine is called in all of a
//! sender's messages. It takes nothing that has another shape: a person's XCN and an address look
//! alike from afar.

use super::syntax::Delimiters;
use crate::config::REPORTED_PART_BYTES_MAX;
use crate::proto::kept;
use crate::proto::reported::{self, Identifier};

/// Kinds of a universal identifier, HL7 table 0301, and how IHE profiles spell them.
const UNIVERSAL_TYPES: &[&[u8]] = &[
    b"EUI-64", b"EUI64", b"ISO", b"UUID", b"GUID", b"DNS", b"URI", b"CLIA", b"CLIP", b"CAP",
    b"HCD", b"HL7", b"L", b"M", b"N", b"RANDOM", b"X400", b"X500",
];

/// An equipment instance identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// All components, joined by `^` whatever the message's separator is.
    pub text: Vec<u8>,
    /// What two rows about one device share.
    pub key: Vec<u8>,
    /// What the machine is called, EI.1.
    pub entity: Vec<u8>,
    /// By whom, EI.2.
    pub namespace: Vec<u8>,
    /// Its form is that of no other field and of no rest of one: all four components, and the
    /// third of the kind that the fourth says, or the first again.
    pub is_proven: bool,
}

impl Instance {
    /// Reads a field. Nothing for one that repeats (a location is put in that way), for one whose
    /// entity is in no name space, and for one that could name a person.
    pub fn parse(delimiters: &Delimiters, field: &[u8]) -> Option<Self> {
        if field.is_empty() || delimiters.repeats(field) {
            return None;
        }
        let mut parts: [Vec<u8>; 4] = Default::default();
        for (n, part) in parts.iter_mut().enumerate() {
            let component = delimiters.component(field, n + 1);
            // Its components have no parts: this is what is left of two fields.
            if delimiters.subcomponent(component) != component {
                return None;
            }
            *part = reported::trim(&delimiters.text(component)).to_vec();
        }
        let [entity, namespace, universal, kind] = &parts;
        let sound = parts.iter().all(|part| {
            part.is_empty() || reported::text(part).is_some() && !reported::names_person(part)
        });
        // A person's name has a third component and no kind of identifier as its fourth.
        let typed = match (universal.is_empty(), kind.is_empty()) {
            (true, true) => !namespace.is_empty() || is_unique(entity),
            (false, false) => is_type(kind),
            _ => false,
        };
        let long = entity.len() > REPORTED_PART_BYTES_MAX;
        if reported::is_placeholder(entity) || long || !sound || !typed || !is_label(entity) {
            return None;
        }
        let space = if universal.is_empty() {
            namespace
        } else {
            universal
        };
        let key = Identifier::new(b"hl7:ei")
            .part(entity)
            .part(space)
            .finish()?;
        let is_proven = match &kind[..] {
            [_, ..] if universal == entity => true,
            b"EUI-64" => is_eui64(universal),
            b"ISO" => is_oid(universal),
            b"UUID" | b"GUID" => is_unique(universal),
            _ => false,
        };
        let mut text = parts.join(&b'^');
        while text.last() == Some(&b'^') {
            text.pop();
        }
        let [entity, namespace, ..] = parts;
        Some(Self {
            text,
            key,
            entity,
            namespace,
            is_proven,
        })
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let texts = [&self.text, &self.key, &self.entity, &self.namespace];
        texts.into_iter().map(kept::list).sum()
    }
}

/// True for the characters of labels and serial numbers: any other may have been a separator.
fn is_label(entity: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b" -_.:/+()".contains(byte);
    entity.iter().all(|byte| letter(byte) || !byte.is_ascii())
}

fn is_type(kind: &[u8]) -> bool {
    UNIVERSAL_TYPES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(kind))
}

/// True for an EUI-64 in its digits.
pub fn is_eui64(text: &[u8]) -> bool {
    text.len() == 16 && text.iter().all(u8::is_ascii_hexdigit)
}

/// True for an object identifier of some depth.
fn is_oid(text: &[u8]) -> bool {
    let dots = text.iter().filter(|byte| **byte == b'.').count();
    dots >= 3
        && text
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// True for an entity that needs no name space: an EUI-64 or a UUID.
fn is_unique(entity: &[u8]) -> bool {
    let digits = entity
        .iter()
        .filter(|byte| byte.is_ascii_hexdigit())
        .count();
    let dashes = entity.iter().filter(|byte| **byte == b'-').count();
    match entity.len() {
        16 => digits == 16,
        36 => digits == 32 && dashes == 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(field: &[u8]) -> Option<String> {
        let usual = Delimiters::parse(b"MSH|^~\\&|").flatten().unwrap();
        Instance::parse(&usual, field).map(|it| String::from_utf8(it.key).unwrap())
    }

    #[test]
    fn instances() {
        for (field, expected) in [
            (
                &b"P52814^^0012210000000000^EUI-64"[..],
                "hl7:ei|p52814|0012210000000000",
            ),
            (b"080019FFFE0B4020^B40_GE", "hl7:ei|080019fffe0b4020|b40_ge"),
            (b"080019FFFE0B4020", "hl7:ei|080019fffe0b4020|"),
            (
                b"0e10aa00-0000-4000-8000-00000000000a",
                "hl7:ei|0e10aa00-0000-4000-8000-00000000000a|",
            ),
        ] {
            assert_eq!(key(field).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_may_be_a_person_is_none() {
        for field in [
            &b"~~~Ward^^0012210000000000^EUI-64"[..],
            b"^^0012210000000000^EUI-64",
            b"0^^0012210000000000^EUI-64",
            b"anna@example^X",
            b"SURNAME&P52814^^0012210000000000^EUI-64",
            // XCN, XPN, CX, XAD, XTN, a day.
            b"N0001^SURNAME^GIVEN",
            b"SURNAME^GIVEN^SECOND^JR",
            b"4711^^^SITE^PI",
            b"1 STREET^^TOWN",
            b"555-0100",
            b"19000101",
        ] {
            assert_eq!(key(field), None, "{}", field.escape_ascii());
        }
    }
}
