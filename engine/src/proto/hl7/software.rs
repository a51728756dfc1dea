//! What a message says of the software that sent it, SFT: vendor, version, product, binary and day.
//! It reads no free text about it, and nothing of a row of another shape.

use medtap_table::vocabulary::Field;

use super::rows::Fields;
use super::session::fit;
use super::syntax::Delimiters;
use crate::observe::{Emit, says};
use crate::proto::reported;

/// Length of the kind of a name, XON-2 (HL7 table 0204).
const KIND_BYTES_MAX: usize = 4;

/// Letters of a version that is a number, and its length.
const VERSION_LETTERS_MAX: usize = 3;
const VERSION_BYTES_MAX: usize = 24;

/// SFT: vendor, version, product, binary and day. The first four are required, a version has a
/// digit, and only the vendor has components: of any other shape this is no SFT. `sure`: another
/// message said the same; else a version is a number, and so is what ends the row.
pub fn say(delimiters: &Delimiters, fields: &Fields<'_>, sure: bool, emit: Emit<'_>) {
    let [vendor, version, product, binary, day, ..] = *fields;
    let [name, kind, _] = delimiters.components(vendor);
    let plain = [version, product, binary]
        .iter()
        .all(|field| !field.is_empty() && delimiters.is_plain(field));
    let numbered = if sure {
        version.iter().any(u8::is_ascii_digit)
    } else {
        let ends = !day.is_empty() || binary.iter().all(|byte| is_digit_or_dot(*byte));
        is_version(version) && ends
    };
    if name.is_empty() || kind.len() > KIND_BYTES_MAX || !plain || !numbered {
        return;
    }
    // Without the day after it, free text may stand in its place.
    let binary = if day.is_empty() && !is_number(binary) {
        &[]
    } else {
        binary
    };
    for (field, value) in [
        (Field::Hl7SoftwareVendor, vendor),
        (Field::Hl7SoftwareVersion, version),
        (Field::Hl7SoftwareProduct, product),
        (Field::Hl7SoftwareBinary, binary),
        (Field::Hl7SoftwareInstalled, day),
    ] {
        let text = delimiters.text(delimiters.component(value, 1));
        if let Some(text) = fit(&text).filter(|text| !reported::names_person(text)) {
            says(field, text, emit);
        }
    }
}

fn is_digit_or_dot(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

/// True for a version that is a number with a letter or two: `4.11.2`, `B-118`.
pub fn is_version(text: &[u8]) -> bool {
    let letters = text
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    text.len() <= VERSION_BYTES_MAX
        && letters <= VERSION_LETTERS_MAX
        && text.iter().any(u8::is_ascii_digit)
        && text.iter().all(known)
}

/// True for what a number of a build looks like: one word with a digit.
fn is_number(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    text.iter().all(letter) && text.iter().any(u8::is_ascii_digit)
}
