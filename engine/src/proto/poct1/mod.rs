//! POCT1-A and POCT1-A2, the device messaging layer over TCP: one XML document after another,
//! between a point-of-care device and its data manager. It reads a device's greeting, and of all
//! other messages what kind they are; never a result, a patient, an operator, a list of them.
//!
//! What it says, and of whom:
//!
//! * of the device that a greeting (`HEL.R01`) describes, as a reported device: maker, model,
//!   serial number, versions; it is the sender where nobody else speaks through that one, since
//!   docking stations speak for many;
//! * of both ends: their part, `device` or `data_manager`;
//! * events: a message with results belongs to the device.

mod session;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::Protocol;

use super::ports::role_of_sender;
use super::{Classifier, Segment, Transport, Verdict};

/// What the header of every message says of the protocol.
const VERSION: &[u8] = b"POCT1";

/// Longest text before the root: a byte order mark, blanks, the XML declaration.
const PROLOGUE_BYTES_MAX: usize = 128;

/// The row of this protocol. No port is usual.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Poct1,
    transport: Transport::Tcp,
    ports: &[],
    first: b"<\xef \t\r\n",
    marks: &[],
    probe,
    session: || Box::new(session::Poct1Session::default()),
};

/// A root element of the form `ABC.R01`, and the protocol's version as a value after it.
fn probe(segment: &Segment<'_>) -> Verdict {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
    let bytes = segment.bytes;
    let start = bytes.iter().take_while(|byte| blank(byte)).count();
    let mut text = bytes.get(start..).unwrap_or_default();
    if start > PROLOGUE_BYTES_MAX {
        return Verdict::Reject;
    }
    if text.starts_with(b"<?xml") {
        let Some(end) = text.iter().position(|byte| *byte == b'>') else {
            return if text.len() > PROLOGUE_BYTES_MAX {
                Verdict::Reject
            } else {
                Verdict::NeedMore
            };
        };
        text = text.get(end + 1..).unwrap_or_default().trim_ascii_start();
    } else if b"<?xml".starts_with(text) {
        return Verdict::NeedMore;
    }
    if !may_be_root(text) {
        return Verdict::Reject;
    }
    // In quotes of either kind.
    let is_version = |window: &[u8]| {
        window.get(1..1 + VERSION.len()) == Some(VERSION)
            && matches!(window, [open @ (b'"' | b'\''), .., close] if open == close)
    };
    match text.windows(VERSION.len() + 2).any(is_version) {
        true => Verdict::Match(role_of_sender(segment, &[])),
        false => Verdict::NeedMore,
    }
}

/// Whether a text begins with `<ABC.R01`, as far as it goes.
fn may_be_root(text: &[u8]) -> bool {
    text.iter().take(8).enumerate().all(|(at, byte)| match at {
        0 => *byte == b'<',
        1..=3 => byte.is_ascii_uppercase(),
        4 => *byte == b'.',
        5 => *byte == b'R',
        _ => byte.is_ascii_digit(),
    })
}
