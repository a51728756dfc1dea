//! HL7 v2 over MLLP: `<0B>` message `<1C><0D>`, segments that end in CR. It reads the header, the
//! software, acknowledgements and equipment; never a patient, an order, a note or a value.
//!
//! What it says, and of whom:
//!
//! * of the sender of a message: application, facility, version, message type, processing id,
//!   character set, profile, software, and the role `<code>_sender`, e.g. `oru_sender`; of the
//!   one that accepted it the role `<code>_receiver`, and by what name it was called;
//! * of devices in the message, as reported devices: see `equipment`;
//! * events: a message belongs to its sender, and so does how it was answered; a result, an alarm
//!   and an infusion's start and stop belong to the device in the message where one has a name,
//!   else to the sender.

mod answers;
mod code;
mod equipment;
mod forms;
mod header;
mod instance;
mod known;
mod message;
mod place;
mod repeats;
mod report;
mod rows;
mod session;
mod software;
mod syntax;
#[cfg(test)]
mod tests;
mod witness;

use medtap_table::vocabulary::Protocol;

use super::{ANY, Classifier, Segment, Transport, Verdict};
use crate::observe::Role;
use syntax::Delimiters;

/// Starts a block, MLLP.
const BLOCK_START: u8 = 0x0b;

/// Ends a block, MLLP; CR follows.
const BLOCK_END: u8 = 0x1c;

/// Bytes before the first message that are stepped over by the probe, if they come with it.
const JUNK_BYTES_MAX: usize = 1024;

/// Bytes of a header segment that the probe waits for to tell its role.
const HEADER_BYTES_MAX: usize = 1024;

/// The row of this protocol. 2575 is registered, 6661 is usual.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Hl7,
    transport: Transport::Tcp,
    ports: &[2575, 6661],
    // Junk may come before the first message.
    first: ANY,
    marks: &[],
    probe,
    session: || Box::new(session::Hl7Session::default()),
};

/// A message header with its separators, at the start or after a little junk and `<0B>`.
fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let verdict = match bytes {
        // MLLP release 2 answers with one byte in a block: the other direction tells.
        [BLOCK_START, 0x06 | 0x15, rest @ ..] if [BLOCK_END, b'\r'].starts_with(rest) => {
            Verdict::NeedMore
        }
        [BLOCK_START, message @ ..] => message_start(message),
        _ => message_start(bytes),
    };
    let verdict = match verdict {
        Verdict::Reject => after_junk(bytes),
        verdict => verdict,
    };
    if segment.cut && verdict == Verdict::NeedMore {
        // What proves it may be there, and what tells the role not.
        proven(bytes.strip_prefix(&[BLOCK_START]).unwrap_or(bytes))
    } else {
        verdict
    }
}

/// The first message that begins with `<0B>`, if something else came before it.
fn after_junk(bytes: &[u8]) -> Verdict {
    let seen = bytes
        .get(..JUNK_BYTES_MAX.min(bytes.len()))
        .unwrap_or_default();
    // Every stream that nothing else knows comes here: the rare byte is looked for first.
    let mut blocks = memchr::memchr_iter(BLOCK_START, seen).filter_map(|at| bytes.get(at + 1..));
    match blocks.find(|message| message.starts_with(b"MSH")) {
        Some(message) => message_start(message),
        None => Verdict::Reject,
    }
}

/// A header's proof without its role.
fn proven(message: &[u8]) -> Verdict {
    let header = message.starts_with(b"MSH");
    match Delimiters::parse(message) {
        Some(Some(_)) if header => Verdict::Match(Role::Client),
        _ => Verdict::Reject,
    }
}

/// Whether a message, or a batch of them, begins here, and who sends it: an acknowledgement comes
/// from the end that serves.
fn message_start(message: &[u8]) -> Verdict {
    let seen = message.len().min(3);
    let names = [&b"MSH"[..], b"FHS", b"BHS"];
    let name = message.get(..seen);
    if !names.iter().any(|known| known.get(..seen) == name) {
        return Verdict::Reject;
    }
    let delimiters = match Delimiters::parse(message) {
        None => return Verdict::NeedMore,
        Some(None) => return Verdict::Reject,
        Some(Some(delimiters)) => delimiters,
    };
    if name != Some(b"MSH") {
        return Verdict::Match(Role::Client);
    }
    let end = message
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'));
    let (header, after) = match end {
        Some(end) => message.split_at(end),
        None if message.len() < HEADER_BYTES_MAX => return Verdict::NeedMore,
        None => (message, Default::default()),
    };
    let fields: [&[u8]; 9] = delimiters.fields(header);
    if delimiters.component(fields[8], 1) == b"ACK" {
        return Verdict::Match(Role::Server);
    }
    let after = after
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .and_then(|at| after.get(at..))
        .unwrap_or_default();
    match after {
        [b'M', b'S', b'A', ..] => Verdict::Match(Role::Server),
        [] | [b'M'] | [b'M', b'S'] if end.is_some() => Verdict::NeedMore,
        _ => Verdict::Match(Role::Client),
    }
}
