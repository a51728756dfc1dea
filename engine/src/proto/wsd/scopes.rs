//! Scopes: the words by which a device can be found (IEEE 11073-20701 section 9.4, ONVIF Core
//! section 7.3.2.2). Those of places, types and hardware are read; operators, patients, workflows
//! and what is not known are stepped over.

use medtap_table::vocabulary::Field;

use super::fact;
use crate::config::{REPORTED_PART_BYTES_MAX, WSD_SCOPES_MAX};
use crate::observe::Emit;
use crate::proto::reported;

/// The nomenclature of IEEE 11073-10101, as it stands before a code, its slashes escaped.
const NOMENCLATURE: &[u8] = b"urn:oid:1.2.840.10004.1.1.1.0.0.1";

/// The parts of a place that a location names, from the large to the small; the facility apart.
const PLACES: [&[u8]; 5] = [b"bldng", b"flr", b"poc", b"rm", b"bed"];

/// Says what a list of scopes tells about the sender.
pub fn tell(scopes: &[u8], emit: Emit<'_>) {
    let scopes = scopes.split(u8::is_ascii_whitespace);
    for scope in scopes
        .filter(|scope| !scope.is_empty())
        .take(WSD_SCOPES_MAX)
    {
        if let Some(rest) = scope.strip_prefix(b"sdc.ctxt.loc:") {
            location(rest, emit);
        } else if let Some(rest) = scope.strip_prefix(b"sdc.cdc.type:/") {
            device_type(rest, emit);
        } else if let Some(rest) = scope.strip_prefix(b"sdc.mds.pkp:") {
            if is_oid(rest) {
                fact(Field::WsdServiceRole, rest, emit);
            }
        } else if let Some(rest) = scope.strip_prefix(b"onvif://www.onvif.org/") {
            camera(rest, emit);
        }
    }
}

/// A place of the hospital. A part that could be a person's name is left out.
fn location(rest: &[u8], emit: Emit<'_>) {
    let Some(question) = rest.iter().position(|byte| *byte == b'?') else {
        return;
    };
    let query = rest.get(question + 1..).unwrap_or_default();
    let value = |key: &[u8]| {
        let mut pairs = query.split(|byte| *byte == b'&');
        pairs.find_map(|pair| label(pair.strip_prefix(key)?.strip_prefix(b"=")?))
    };
    if let Some(facility) = value(b"fac") {
        fact(Field::WsdFacility, &facility, emit);
    }
    let place = PLACES.iter().filter_map(|key| value(key));
    let place = place.collect::<Vec<_>>().join(&b'/');
    if !place.is_empty() {
        fact(Field::WsdLocation, &place, emit);
    }
}

/// `<nomenclature>/<version>/<code>`; without a nomenclature it is that of IEEE 11073-10101.
fn device_type(rest: &[u8], emit: Emit<'_>) {
    let mut parts = rest.split(|byte| *byte == b'/');
    let (Some(system), Some(_), Some(code), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    let system = unescape(system);
    let is_ours = system
        .as_deref()
        .is_some_and(|system| system.is_empty() || system == NOMENCLATURE);
    if is_ours && is_code(code) {
        fact(Field::WsdDeviceType, code, emit);
    }
}

/// What a camera says of itself: a word before the slash, the value after it.
fn camera(rest: &[u8], emit: Emit<'_>) {
    let Some(slash) = rest.iter().position(|byte| *byte == b'/') else {
        return;
    };
    let (word, value) = rest.split_at(slash);
    let field = match word.to_ascii_lowercase().as_slice() {
        b"name" => Field::WsdOnvifName,
        b"hardware" => Field::WsdOnvifHardware,
        b"location" => Field::WsdOnvifLocation,
        _ => return,
    };
    let value = value.get(1..).unwrap_or_default();
    if let Some(value) = label(value) {
        fact(field, &value, emit);
    }
}

/// A code of a nomenclature, context-free, in decimal.
pub fn is_code(code: &[u8]) -> bool {
    (1..=10).contains(&code.len()) && code.iter().all(u8::is_ascii_digit)
}

fn is_oid(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    (1..=64).contains(&text.len()) && text.iter().all(is_part)
}

/// A short plain text, unescaped, that has not the form of a person's name.
fn label(escaped: &[u8]) -> Option<Vec<u8>> {
    let text = unescape(escaped)?;
    let text = reported::text(&text)?;
    let fits = text.len() <= REPORTED_PART_BYTES_MAX && !reported::names_person(text);
    (fits && !text.contains(&b',')).then(|| text.to_vec())
}

/// Resolves percent escapes (RFC 3986, 2.1); nothing where one is broken.
fn unescape(escaped: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut rest = escaped;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            text.push(*first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        let digits = std::str::from_utf8(digits).ok()?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        text.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(text)
}

/// An HTTP URL up to its query or fragment; none that holds a log-in.
pub fn bare_url(url: &[u8]) -> Option<&[u8]> {
    let end = url.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let url = url.get(..end.unwrap_or(url.len()))?;
    let is_http = url.starts_with(b"http://") || url.starts_with(b"https://");
    (is_http && !url.contains(&b'@')).then_some(url)
}
