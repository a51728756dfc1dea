//! Where a device is used: a PL, HL7 v2 chapter 2A, in the parts that name a place. It reads no
//! description and no identifier of the place, and nothing that could be a person's name: some
//! write the patient on the bed.

use medtap_table::vocabulary::Field;

use super::syntax::Delimiters;
use crate::config::REPORTED_PART_BYTES_MAX;
use crate::proto::kept;
use crate::proto::reported;

/// Longest name of a room or a bed, in bytes.
const LABEL_BYTES_MAX: usize = 16;

/// Longest one that proves itself, in bytes, and the letters in it.
const PROVEN_LABEL: (usize, usize) = (6, 3);

/// The parts of a PL that are read, and whether each is a short label.
const PARTS: [(usize, Field, bool); 6] = [
    (1, Field::Hl7DeviceLocation, false),
    (2, Field::Hl7DeviceRoom, true),
    (3, Field::Hl7DeviceBed, true),
    (4, Field::Hl7DeviceFacility, false),
    (7, Field::Hl7DeviceBuilding, false),
    (8, Field::Hl7DeviceFloor, false),
];

/// A place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<(Field, Vec<u8>)>);

impl Place {
    /// Reads a PL; nothing where a part has not the form of a place, since then it is none.
    pub fn parse(delimiters: &Delimiters, field: &[u8]) -> Option<Self> {
        let mut parts = Vec::new();
        for (n, field_of_part, label) in PARTS {
            let raw = delimiters.subcomponent(delimiters.component(field, n));
            if raw.is_empty() {
                continue;
            }
            let text = delimiters.text(raw);
            let text = reported::text(&text)
                .filter(|text| text.len() <= REPORTED_PART_BYTES_MAX)
                .filter(|text| !reported::names_person(text))
                .filter(|text| !label || is_label(text))?;
            parts.push((field_of_part, text.to_vec()));
        }
        (!parts.is_empty()).then_some(Self(parts))
    }

    /// True for a place whose every part stands between others that show where it ends: a room and
    /// a bed after the point of care, a floor after the building, and a facility that the sender
    /// names elsewhere. Anything else may be a place's beginning and the end of something else.
    pub fn is_proven(&self, is_named: impl Fn(&[u8]) -> bool) -> bool {
        let part = |field| self.0.iter().find(|part| part.0 == field);
        let part = |field| part(field).map(|(_, text)| &text[..]);
        let label = |field| part(field).is_some_and(is_short);
        label(Field::Hl7DeviceRoom)
            && label(Field::Hl7DeviceBed)
            && part(Field::Hl7DeviceFacility).is_none_or(is_named)
            && part(Field::Hl7DeviceBuilding).is_some() == part(Field::Hl7DeviceFloor).is_some()
            && part(Field::Hl7DeviceFloor).is_none_or(is_short)
    }

    /// Its parts.
    pub fn parts(&self) -> impl Iterator<Item = (Field, &[u8])> {
        self.0.iter().map(|(field, text)| (*field, &text[..]))
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::texts(&self.0)
    }
}

/// A room's or a bed's label: a digit in it, or one letter. Words may be names, even short ones.
fn is_label(text: &[u8]) -> bool {
    let digit = text.iter().any(u8::is_ascii_digit);
    text.len() <= LABEL_BYTES_MAX && (digit || text.len() == 1)
}

/// True for a label that has no room for anything else.
fn is_short(text: &[u8]) -> bool {
    let letters = text.iter().filter(|byte| !byte.is_ascii_digit()).count();
    text.len() <= PROVEN_LABEL.0 && letters <= PROVEN_LABEL.1 && letters < text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(field: &[u8]) -> Option<Vec<String>> {
        let usual = Delimiters::parse(b"MSH|^~\\&|").flatten().unwrap();
        let place = Place::parse(&usual, field)?;
        let line = |(field, text): (Field, &[u8])| {
            format!("{}={}", field.name(), String::from_utf8_lossy(text))
        };
        Some(place.parts().map(line).collect())
    }

    #[test]
    fn places() {
        let all = parts(b"ICU^R12^B 03^SITE&1.2.3&ISO^BED^D^MAIN^2^SECRET^SECRET");
        let expected = [
            "hl7.device.location=ICU",
            "hl7.device.room=R12",
            "hl7.device.bed=B 03",
            "hl7.device.facility=SITE",
            "hl7.device.building=MAIN",
            "hl7.device.floor=2",
        ];
        assert_eq!(all.unwrap(), expected);
        assert_eq!(parts(b"SURGERY^^V2").unwrap().len(), 2);
    }

    #[test]
    fn places_that_prove_themselves() {
        let usual = Delimiters::parse(b"MSH|^~\\&|").flatten().unwrap();
        let is_proven = |field: &[u8]| {
            let place = Place::parse(&usual, field).unwrap();
            place.is_proven(|facility| facility == b"SITE")
        };
        assert!(is_proven(b"ICU^R12^B03"));
        assert!(is_proven(b"ICU^R12^B03^SITE^^^MAIN^2"));
        for other in [
            &b"ICU"[..],
            b"ICU^R12",
            b"ICU^R12^B0NAME1",
            b"ICU^R12^B03^SITENAME",
            b"ICU^R12^B03^SITE^^^MAINNAME",
            b"ICU^R12^B03^SITE^^^MAIN^2NAME",
        ] {
            assert!(!is_proven(other), "{}", other.escape_ascii());
        }
    }

    #[test]
    fn what_may_be_a_person_is_no_place() {
        for field in [
            &b"SURNAME^GIVENNAME^X"[..],
            b"ICU^R1^SURNAME",
            b"N1^LEE^ANN",
            b"ICU^R1^Dr. X",
            b"a@b",
            b"^^^^BED",
            b"",
        ] {
            assert_eq!(parts(field), None, "{}", field.escape_ascii());
        }
    }
}
