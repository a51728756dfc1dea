//! One HL7 conversation: the stream cut into segments, the segments that are read, and which
//! acknowledgement answers which message. It holds one segment at most, and no message; segments
//! that are not read go by unseen, whatever their length.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use medtap_table::vocabulary::{Event, Field};

use super::equipment::Devices;
use super::header::{Header, MessageCode};
use super::syntax::Delimiters;
use super::{BLOCK_END, BLOCK_START};
use crate::config::{HL7_OUTSTANDING_MAX, HL7_SEGMENT_BYTES_MAX};
use crate::observe::{Emit, Observation, Role, Subject};
use crate::proto::reported;
use crate::proto::{Progress, Segment, Session};

/// Segments that begin a message or a batch of them.
const HEADERS: &[&[u8; 3]] = &[b"MSH", b"FHS", b"BHS"];

/// Segments that are read, besides the message header.
const READ: &[&[u8; 3]] = &[b"SFT", b"MSA", b"PV1", b"OBX", b"PRT", b"EQU", b"INV"];

/// Length of the kind of a name, XON-2 (HL7 table 0204).
const KIND_BYTES_MAX: usize = 4;

/// A message that waits for its acknowledgement.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Of its MSH-10, which is kept nowhere.
    id: u64,
    code: Option<MessageCode>,
    /// It was accepted once; what follows is the same acceptance.
    accepted: bool,
}

/// A message under way.
struct Message {
    delimiters: Delimiters,
    devices: Devices,
    /// Its version has OBX-18.
    names_devices: bool,
    /// It is a result.
    result: bool,
    /// What SFT says, if there is one.
    software: Vec<(Field, Vec<u8>)>,
    software_segments: u32,
}

/// One direction of the conversation.
#[derive(Default)]
struct Direction {
    /// In a segment that is stepped over.
    skipping: bool,
    /// Bytes of the segment at hand that were looked at and do not end it.
    scanned: usize,
    message: Option<Box<Message>>,
    sent: VecDeque<Sent>,
    /// Of MSH-3 of its last message.
    application: Option<u64>,
}

/// Where a segment ends.
enum End {
    /// Before this byte.
    At(usize),
    /// Not before this byte; more are needed.
    NotBefore(usize),
}

/// One conversation.
#[derive(Default)]
pub struct Hl7Session {
    client: Direction,
    server: Direction,
    confirmed: bool,
}

impl Session for Hl7Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut used = 0;
        while let Some(rest) = segment.bytes.get(used..)
            && let Some(bytes) = self.step(rest, segment.from, emit)
        {
            used += bytes;
        }
        Progress::consumed(used.min(segment.bytes.len()))
    }

    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        // What comes is the rest of a segment; the next separator ends it. What the message said
        // of devices is whole only if all of it was seen.
        let (direction, _) = self.directions(from);
        direction.message = None;
        direction.scanned = 0;
        direction.skipping = true;
        true
    }
}

impl Hl7Session {
    /// The sender's direction and the other.
    fn directions(&mut self, from: Role) -> (&mut Direction, &mut Direction) {
        match from {
            Role::Server => (&mut self.server, &mut self.client),
            Role::Client | Role::Peer => (&mut self.client, &mut self.server),
        }
    }

    /// Uses some bytes; nothing while more are needed.
    fn step(&mut self, rest: &[u8], from: Role, emit: Emit<'_>) -> Option<usize> {
        let (direction, _) = self.directions(from);
        let first = *rest.first()?;
        if direction.skipping {
            return match direction.end(rest, 0) {
                End::NotBefore(0) => None,
                End::NotBefore(bytes) => Some(bytes),
                End::At(bytes) => {
                    direction.skipping = false;
                    // The byte that ends it is used here, unless it ends or begins a message.
                    let ends_segment = rest.get(bytes).is_some_and(|byte| is_line_end(*byte));
                    Some(bytes + usize::from(ends_segment))
                }
            };
        }
        if is_line_end(first) {
            return Some(1);
        }
        if first == BLOCK_START || first == BLOCK_END {
            direction.end_message(emit);
            return Some(1);
        }
        let Some(start) = rest.first_chunk::<4>() else {
            let short = rest
                .iter()
                .any(|byte| is_line_end(*byte) || *byte == BLOCK_END);
            direction.skipping = short;
            return short.then_some(0);
        };
        if !direction.is_read(start) {
            direction.leave_software(emit);
            if let Some(message) = &mut direction.message
                && !start.starts_with(b"NTE")
            {
                message.devices.leave_row();
            }
            direction.skipping = true;
            return Some(0);
        }
        match direction.end(rest, direction.scanned) {
            End::At(end) if end <= HL7_SEGMENT_BYTES_MAX => {
                direction.scanned = 0;
                let segment = rest.get(..end).unwrap_or_default();
                self.segment(reported::trim(segment), from, emit);
                Some(end)
            }
            End::NotBefore(end) if end <= HL7_SEGMENT_BYTES_MAX => {
                direction.scanned = end;
                None
            }
            _ => {
                direction.scanned = 0;
                direction.skipping = true;
                Some(0)
            }
        }
    }

    /// A segment that is read, whole.
    fn segment(&mut self, segment: &[u8], from: Role, emit: Emit<'_>) {
        let (direction, _) = self.directions(from);
        let name = segment.get(..3).unwrap_or_default();
        if name == b"MSH" {
            direction.end_message(emit);
            return self.header(segment, from, emit);
        }
        if name != b"SFT" {
            direction.leave_software(emit);
        }
        let Some(message) = &mut direction.message else {
            return;
        };
        let delimiters = message.delimiters;
        match name {
            b"SFT" => message.software(segment),
            b"PV1" => message.devices.location(&delimiters, segment),
            b"OBX" => {
                let named = message.names_devices;
                message.devices.observation(&delimiters, segment, named);
            }
            b"PRT" => message.devices.participation(&delimiters, segment),
            b"EQU" => message.devices.equipment(&delimiters, segment),
            b"INV" => message.devices.inventory(&delimiters, segment),
            b"MSA" => self.acknowledgement(&delimiters, segment, from, emit),
            _ => {}
        }
    }

    /// MSH: who sends what. Field n is at n - 1. A header whose type or version has not its form
    /// has lost or gained a separator: nothing of it is said.
    fn header(&mut self, segment: &[u8], from: Role, emit: Emit<'_>) {
        let Some(Some(delimiters)) = Delimiters::parse(segment) else {
            emit(Observation::Malformed);
            return;
        };
        let (direction, other) = self.directions(from);
        let header = Header::read(&delimiters, segment);
        let acknowledges = header.code == Some(MessageCode(*b"ack"));
        if header.is_sound() {
            // Some acknowledge with the header that they got, and so do not name themselves.
            let echoed = acknowledges && other.application == Some(header.application_hash());
            header.ends(echoed, &mut |subject, field, value| {
                say(&delimiters, subject, field, value, emit);
            });
        } else {
            emit(Observation::Malformed);
        }
        if !acknowledges {
            if header.is_sound() {
                header.kind(&mut |subject, field, value| {
                    say(&delimiters, subject, field, value, emit);
                });
            }
            count(Subject::Sender, Event::Hl7Message, emit);
            direction.application = Some(header.application_hash());
            direction.sends(header.fields[9], header.code);
        }
        direction.message = Some(Box::new(Message {
            delimiters,
            devices: Devices::default(),
            names_devices: header.has_instances(),
            result: header.is_result(),
            software: Vec::new(),
            software_segments: 0,
        }));
    }

    /// MSA: how a message of the other end fared. The event belongs to the one that sent that
    /// message. Without sight of it, an answer counts only where no message was seen at all.
    fn acknowledgement(
        &mut self,
        delimiters: &Delimiters,
        segment: &[u8],
        from: Role,
        emit: Emit<'_>,
    ) {
        let fields: [&[u8]; 3] = delimiters.fields(segment);
        let (event, last) = match fields[1] {
            b"AA" => (Event::Hl7Accept, true),
            b"CA" => (Event::Hl7Accept, false),
            b"AE" | b"CE" => (Event::Hl7Error, true),
            b"AR" | b"CR" => (Event::Hl7Reject, true),
            _ => return emit(Observation::Malformed),
        };
        let (_, other) = self.directions(from);
        let id = hash(fields[2]);
        let at = other.sent.iter().position(|sent| sent.id == id);
        let counted = match at.and_then(|at| other.sent.get_mut(at)) {
            Some(sent) => {
                let repeated = sent.accepted && event == Event::Hl7Accept;
                sent.accepted = true;
                let code = sent.code;
                if let (true, Some(at)) = (last, at) {
                    other.sent.remove(at);
                }
                if !std::mem::replace(&mut self.confirmed, true) {
                    emit(Observation::Confirmed);
                }
                if let (Event::Hl7Accept, Some(code)) = (event, code) {
                    let role = code.role(b"_receiver");
                    say(delimiters, Subject::Sender, Field::Hl7Role, &role, emit);
                }
                !repeated
            }
            None => other.application.is_none(),
        };
        if counted {
            count(Subject::Receiver, event, emit);
        }
    }
}

impl Direction {
    /// True for a segment that is read: a header, or a known one in a message.
    fn is_read(&self, start: &[u8; 4]) -> bool {
        let [a, b, c, separator] = *start;
        let name = &[a, b, c];
        let known = self
            .message
            .as_ref()
            .is_some_and(|message| message.delimiters.field == separator && READ.contains(&name));
        known || name == b"MSH" && separator.is_ascii_punctuation()
    }

    /// Looks for the end of the segment at hand. CR ends it, and so does the end of the block; LF
    /// and the start of a block only where a segment follows, since text may hold them.
    fn end(&self, rest: &[u8], from: usize) -> End {
        let separator = self
            .message
            .as_ref()
            .map(|message| message.delimiters.field);
        let mut at = from;
        loop {
            let more = rest.get(at..).unwrap_or_default();
            let end = memchr::memchr3(b'\r', BLOCK_END, b'\n', more);
            let before = more.get(..end.unwrap_or(more.len())).unwrap_or_default();
            for start in memchr::memchr_iter(BLOCK_START, before) {
                match begins_header(more.get(start + 1..).unwrap_or_default()) {
                    Some(true) => return End::At(at + start),
                    Some(false) => {}
                    None => return End::NotBefore(at + start),
                }
            }
            let Some(end) = end else {
                return End::NotBefore(rest.len());
            };
            let next = more.get(end + 1..).unwrap_or_default();
            let ends = match more.get(end) {
                Some(b'\n') => begins_segment(next, separator),
                _ => Some(true),
            };
            match ends {
                Some(true) => return End::At(at + end),
                Some(false) => at += end + 1,
                None => return End::NotBefore(at + end),
            }
        }
    }

    /// The message is over: says what waited for its end.
    fn end_message(&mut self, emit: Emit<'_>) {
        self.leave_software(emit);
        if let Some(message) = self.message.take() {
            message.devices.emit(message.result, emit);
        }
    }

    /// The last SFT has passed. Where there are several, a chain of programs handed the message
    /// on, and which of them is the sender is not told.
    fn leave_software(&mut self, emit: Emit<'_>) {
        let Some(message) = &mut self.message else {
            return;
        };
        let software = std::mem::take(&mut message.software);
        if std::mem::take(&mut message.software_segments) == 1 {
            for (field, value) in &software {
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field: *field,
                    value,
                });
            }
        }
    }

    /// Remembers a message until it is acknowledged.
    fn sends(&mut self, id: &[u8], code: Option<MessageCode>) {
        if id.is_empty() {
            return;
        }
        if self.sent.len() >= HL7_OUTSTANDING_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent {
            id: hash(id),
            code,
            accepted: false,
        });
    }
}

impl Message {
    /// SFT: vendor, version, product, binary and day; SFT-5 is free text. The first three are
    /// required, and a version has a digit: without them this is no SFT.
    fn software(&mut self, segment: &[u8]) {
        let fields: [&[u8]; 7] = self.delimiters.fields(segment);
        self.software_segments = self.software_segments.saturating_add(1);
        self.software.clear();
        let [vendor, kind, _] = self.delimiters.components(fields[1]);
        let version = self.delimiters.component(fields[2], 1);
        // A day in the place of the free text before it: a separator is lost.
        let shifted = match fields[6] {
            [] => is_day(fields[4]) || is_day(fields[5]),
            day => !is_day(day),
        };
        let sound = !vendor.is_empty() && !fields[3].is_empty() && kind.len() <= KIND_BYTES_MAX;
        if !sound || shifted || !version.iter().any(u8::is_ascii_digit) {
            return;
        }
        for (field, value) in [
            (Field::Hl7SoftwareVendor, fields[1]),
            (Field::Hl7SoftwareVersion, fields[2]),
            (Field::Hl7SoftwareProduct, fields[3]),
            (Field::Hl7SoftwareBinary, fields[4]),
            (Field::Hl7SoftwareInstalled, fields[6]),
        ] {
            let text = self.delimiters.text(self.delimiters.component(value, 1));
            if let Some(text) = fit(&text).filter(|text| !reported::names_person(text)) {
                self.software.push((field, text.to_vec()));
            }
        }
    }
}

/// Says a fact, from a raw component.
fn say(delimiters: &Delimiters, subject: Subject<'_>, field: Field, raw: &[u8], emit: Emit<'_>) {
    if let Some(value) = fit(&delimiters.text(delimiters.subcomponent(raw))) {
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    }
}

/// Says that something was done.
fn count(subject: Subject<'_>, event: Event, emit: Emit<'_>) {
    emit(Observation::Event { subject, event });
}

/// The text, unless it is longer than any value: then it is no name.
fn fit(text: &[u8]) -> Option<&[u8]> {
    reported::text(text).filter(|text| text.len() <= crate::config::VALUE_BYTES_MAX)
}

/// What stands for a text that is compared and not kept.
pub(super) fn hash(text: &[u8]) -> u64 {
    foldhash::quality::FixedState::default().hash_one(text)
}

/// True for a day, with or without its time.
pub(super) fn is_day(text: &[u8]) -> bool {
    let (day, rest) = text.split_at(text.len().min(4));
    day.len() == 4
        && day.iter().all(u8::is_ascii_digit)
        && rest
            .iter()
            .all(|byte| byte.is_ascii_digit() || b"+-.".contains(byte))
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Whether these bytes begin a segment or end a block, after LF; nothing while they could.
fn begins_segment(bytes: &[u8], separator: Option<u8>) -> Option<bool> {
    for (at, byte) in bytes.iter().take(4).enumerate() {
        let fits = match at {
            0 if matches!(*byte, b'\r' | b'\n' | BLOCK_START | BLOCK_END) => return Some(true),
            0 => byte.is_ascii_uppercase(),
            1 | 2 => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            _ => separator.map_or(byte.is_ascii_punctuation(), |one| one == *byte),
        };
        if !fits {
            return Some(false);
        }
    }
    (bytes.len() >= 4).then_some(true)
}

/// Whether these bytes begin a message or a batch, after the start of a block; nothing while
/// they could.
fn begins_header(bytes: &[u8]) -> Option<bool> {
    let seen = bytes.len().min(3);
    let start = bytes.get(..seen);
    let fits = HEADERS.iter().any(|name| name.get(..seen) == start);
    match (fits, seen) {
        (false, _) => Some(false),
        (true, 3) => Some(true),
        (true, _) => None,
    }
}
