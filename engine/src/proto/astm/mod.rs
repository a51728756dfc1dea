//! ASTM E1381 and E1394, today LIS01-A2 and LIS2-A2, over TCP: laboratory analysers and their
//! host, in frames with checksums or in bare records. It reads the header record and the letters
//! of the others; never a patient, an order, a result, a comment, a query, or a password.
//!
//! What it says, and of whom:
//!
//! * of the instrument that a header names, as a reported device: its sender field (H-5), which
//!   rules take apart; it is the sender where nobody else speaks through that one;
//! * of the sender: version (H-13), processing id (H-12), and of both its part by what is sent;
//! * events: a message that holds results belongs to the instrument.

mod frame;
mod header;
mod session;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::Protocol;

use super::ports::role_of_sender;
use super::{Classifier, Segment, Transport, Verdict};

/// Begins a frame.
const STX: u8 = 0x02;
/// Ends the last frame of a record's text.
const ETX: u8 = 0x03;
/// Ends a frame that another one continues.
const ETB: u8 = 0x17;
/// Begins a message of records without frames, as some blood gas analysers send it.
const SOH: u8 = 0x01;
/// Ends a transfer.
const EOT: u8 = 0x04;
/// Asks whether the other end will listen.
const ENQ: u8 = 0x05;
/// Good.
const ACK: u8 = 0x06;
/// Not good, send it again.
const NAK: u8 = 0x15;

/// Bytes of handshake that may come before the first frame of a stream.
const HANDSHAKE_BYTES_MAX: usize = 8;

/// Letters of records.
const RECORDS: &[u8] = b"HPORCQLMS";

/// The row of this protocol. No port is usual.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Astm,
    transport: Transport::Tcp,
    ports: &[],
    first: &[SOH, STX, EOT, ENQ, ACK, NAK, b'H'],
    marks: &[],
    probe,
    session: || Box::new(session::AstmSession::default()),
};

/// A header with its delimiters, in a frame or bare, after the handshake; or, in a stream picked
/// up in the middle, a frame whose checksum is right.
fn probe(segment: &Segment<'_>) -> Verdict {
    let is_handshake = |byte: &u8| matches!(*byte, ENQ | ACK | NAK | EOT);
    let bytes = segment.bytes;
    let start = bytes.iter().take_while(|byte| is_handshake(byte)).count();
    if start > HANDSHAKE_BYTES_MAX {
        return Verdict::Reject;
    }
    let found = match bytes.get(start..).unwrap_or_default() {
        [] | [STX] | [SOH] => None,
        [STX, b'0'..=b'7', text @ ..] => match header::begins(text) {
            Some(false) => sound_frame(bytes.get(start + 1..).unwrap_or_default()),
            found => found,
        },
        [SOH, text @ ..] | text => header::begins(text),
    };
    match found {
        Some(true) => Verdict::Match(role_of_sender(segment, &[])),
        Some(false) => Verdict::Reject,
        None => Verdict::NeedMore,
    }
}

/// Whether a frame, from its number on, holds a record and has the right checksum; nothing while
/// bytes are missing.
fn sound_frame(frame: &[u8]) -> Option<bool> {
    let letter = *frame.get(1)?;
    if !RECORDS.contains(&letter) || !frame.get(2)?.is_ascii_punctuation() {
        return Some(false);
    }
    let end = frame.iter().position(|byte| matches!(*byte, ETX | ETB))?;
    let check = frame.get(end + 1..end + 3)?;
    let summed = frame.get(..=end).unwrap_or_default();
    Some(frame::checksum(summed) == *check)
}
