//! One HL7 conversation: the stream cut into segments, the segments that are read, and which
//! acknowledgement answers which message. It holds one segment at most, and of a message the rows
//! that name equipment; segments that are not read go by unseen, whatever their length.

use std::sync::Arc;

use medtap_table::vocabulary::{Event, Field};

use super::answers::{Answer, Fared, Outstanding};
use super::known::Known;
use super::message::Message;
use super::repeats::Repeats;
use super::report::Believed;
use super::syntax::{Delimiters, control};
use super::{BLOCK_END, BLOCK_START};
use crate::config::{HL7_SEGMENT_BYTES_MAX, VALUE_BYTES_MAX};
use crate::observe::{Emit, Fault, Observation, Role, Subject, passage};
use crate::proto::clock::Clock;
use crate::proto::digest::{Digest, digest};
use crate::proto::{Progress, Segment, Session, reported};

/// Segments that begin a message or a batch of them.
const HEADERS: &[&[u8; 3]] = &[b"MSH", b"FHS", b"BHS"];

/// True for the name of a segment that is read, besides the message header.
pub(super) fn is_read(name: [u8; 3]) -> bool {
    matches!(
        &name,
        b"SFT" | b"MSA" | b"PV1" | b"OBX" | b"PRT" | b"EQU" | b"INV"
    )
}

/// One direction of the conversation.
#[derive(Default)]
struct Direction {
    /// The last header that was read, and the messages that came before.
    known: Option<Arc<Known>>,
    repeats: Repeats,
    /// In a segment that is stepped over.
    skipping: bool,
    /// Bytes of the segment at hand that were looked at and do not end it.
    scanned: usize,
    /// The message under way, where `in_message`.
    message: Message,
    in_message: bool,
    sent: Outstanding,
    /// Of MSH-3 of its last message.
    application: Option<u64>,
    /// What MSH-7 shows of the sender's clock.
    clock: Clock,
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
    /// Capture time of the bytes at hand.
    time_ns: u64,
}

impl Session for Hl7Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut used = 0;
        self.time_ns = segment.time_ns;
        // Where the message begins that is here from its header on.
        let mut whole = None;
        while let Some(rest @ [_, ..]) = segment.bytes.get(used..) {
            if let Some(bytes) = self.repeat(rest, segment.from, emit) {
                used += bytes;
                continue;
            }
            let (direction, _) = self.directions(segment.from);
            if rest.first() == Some(&BLOCK_END)
                && let Some(message) = whole.take().and_then(|from| segment.bytes.get(from..used))
            {
                direction.remember(message);
            }
            let Some(bytes) = self.step(rest, segment.from, emit) else {
                break;
            };
            let (direction, _) = self.directions(segment.from);
            if rest.starts_with(b"MSH") && direction.begins_body() {
                whole = Some(used);
            }
            used += bytes;
        }
        Progress::consumed(used.min(segment.bytes.len()))
    }

    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        // What comes is the rest of a segment; the next separator ends it. What the message said
        // of devices is whole only if all of it was seen.
        let (direction, _) = self.directions(from);
        direction.in_message = false;
        direction.scanned = 0;
        direction.skipping = true;
        true
    }

    fn kept_bytes(&self) -> usize {
        self.client.kept_bytes() + self.server.kept_bytes()
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

    /// Uses a message in its block that is here whole, that differs from one before it only where
    /// nothing is read, and that says the same. Nothing of it is kept till its end, since it is
    /// there.
    fn repeat(&mut self, rest: &[u8], from: Role, emit: Emit<'_>) -> Option<usize> {
        let [BLOCK_START, message @ ..] = rest else {
            return None;
        };
        let time_ns = self.time_ns;
        let (direction, other) = match from {
            Role::Server => (&mut self.server, &mut self.client),
            Role::Client | Role::Peer => (&mut self.client, &mut self.server),
        };
        if direction.skipping {
            return None;
        }
        let again = direction.repeats.find(message)?;
        if message.get(again.end) != Some(&BLOCK_END) {
            return None;
        }
        if std::mem::take(&mut direction.in_message) {
            direction.message.end(emit);
        }
        let (left, known) = (again.left, &again.left.known);
        let acknowledges = known.acknowledges();
        let echoed = acknowledges && other.application == Some(known.application);
        if !echoed {
            let clock = &mut direction.clock;
            clock.read_digits(Field::Hl7Offset, again.time, time_ns, emit);
        }
        let id = digest(again.id);
        let believed = Believed::new(left, id, &mut direction.message.witnesses);
        let fared = left.answer.map(|answer| {
            let unseen = other.application.is_none();
            let (fared, seen) = other.sent.answered(answer, digest(again.answered), unseen);
            if seen && !std::mem::replace(&mut self.confirmed, true) {
                emit(Observation::Confirmed);
            }
            fared
        });
        // What differs between messages that leave the same, in bits of their own.
        let bits = u64::from(believed.bits() << 1 | u8::from(echoed)) << 56;
        let said = left.said ^ bits ^ fared.as_ref().map_or(0, Fared::word);
        passage(said, emit, |emit| {
            let header = control(message).and_then(|end| message.get(..end));
            known.tell(header.unwrap_or_default(), echoed, emit);
            let answer = |emit: Emit<'_>| fared.iter().for_each(|fared| fared.tell(emit));
            believed.tell((left, again.rows), answer, emit);
        });
        if !acknowledges {
            direction.application = Some(known.application);
            if !again.id.is_empty() {
                direction.sent.push(id, known.code);
            }
        }
        let used = 1 + again.end + 1;
        direction.repeats.came_again();
        let ends_line = rest.get(used) == Some(&b'\r');
        Some(used + usize::from(ends_line))
    }

    /// Uses some bytes; nothing while more are needed.
    fn step(&mut self, rest: &[u8], from: Role, emit: Emit<'_>) -> Option<usize> {
        let (direction, _) = self.directions(from);
        let first = *rest.first()?;
        if direction.skipping {
            return direction.skip(rest);
        }
        if is_line_end(first) {
            return Some(1);
        }
        if first == BLOCK_START || first == BLOCK_END {
            direction.end_message(emit);
            return Some(1);
        }
        if let Some(bytes) = self.step_again(rest, from, emit) {
            return Some(bytes);
        }
        let (direction, _) = self.directions(from);
        let Some(start) = rest.first_chunk::<4>() else {
            let short = rest
                .iter()
                .any(|byte| is_line_end(*byte) || *byte == BLOCK_END);
            direction.skipping = short;
            return short.then_some(0);
        };
        if !direction.is_read(start) {
            let [name @ .., _] = *start;
            if let Some(message) = direction.message() {
                message.pass(name, emit);
            }
            direction.skipping = true;
            // What is not there yet is skipped when it comes.
            return Some(direction.skip(rest).unwrap_or(0));
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
                // A document in a value is long; a header never is.
                if start.starts_with(b"MSH") {
                    direction.in_message = false;
                    emit(Observation::Faulty(Fault::OverLimit));
                }
                direction.message.skip_row();
                direction.scanned = 0;
                direction.skipping = true;
                Some(0)
            }
        }
    }

    /// Uses a segment that differs from one before it only where nothing is read of its kind.
    fn step_again(&mut self, rest: &[u8], from: Role, emit: Emit<'_>) -> Option<usize> {
        let (direction, _) = self.directions(from);
        let end = if matches!(rest, [b'M', b'S', b'H', ..]) {
            let (end, [time, id, _]) = direction.known.as_ref()?.form.begins(rest)?;
            direction.end_message(emit);
            let segment = rest.get(..end)?;
            self.known_header(segment, (time, id), from, emit);
            end
        } else {
            direction.message()?.again(rest, emit)?
        };
        let (direction, _) = self.directions(from);
        direction.scanned = 0;
        // The end of a block is used where it ends the message.
        let ends_row = rest.get(end).is_some_and(|byte| is_line_end(*byte));
        Some(end + usize::from(ends_row))
    }

    /// A segment that is read, whole.
    fn segment(&mut self, segment: &[u8], from: Role, emit: Emit<'_>) {
        let (direction, _) = self.directions(from);
        let name = segment.get(..3).unwrap_or_default();
        if name == b"MSH" {
            direction.end_message(emit);
            return self.header(segment, from, emit);
        }
        let Some(message) = direction.message() else {
            return;
        };
        if name != b"SFT" {
            message.leave_software(emit);
        }
        if name == b"MSA" {
            let delimiters = message.delimiters;
            self.acknowledgement(&delimiters, segment, from, emit);
        } else {
            message.segment(name, segment);
        }
    }

    /// MSH: who sends what. Field n is at n - 1. A header whose type or version has not its form
    /// has lost or gained a separator: nothing of it is said.
    fn header(&mut self, segment: &[u8], from: Role, emit: Emit<'_>) {
        let Some((known, time, id)) = Known::read(segment) else {
            return emit(Observation::Malformed);
        };
        let (direction, _) = self.directions(from);
        direction.known = Some(Arc::new(known));
        self.known_header(segment, (time, id), from, emit);
    }

    /// MSH whose form is known, its time and its control id.
    fn known_header(
        &mut self,
        segment: &[u8],
        (time, id): (&[u8], &[u8]),
        from: Role,
        emit: Emit<'_>,
    ) {
        let time_ns = self.time_ns;
        let (direction, other) = self.directions(from);
        let Some(known) = &direction.known else {
            return;
        };
        let acknowledges = known.acknowledges();
        if known.is_sound {
            // Some acknowledge with the header that they got, and so do not name themselves.
            let echoed = acknowledges && other.application == Some(known.application);
            if !echoed {
                let clock = &mut direction.clock;
                clock.read_digits(Field::Hl7Offset, time, time_ns, emit);
            }
            passage(known.said.wrapping_add(u64::from(echoed)), emit, |emit| {
                known.tell(segment, echoed, emit);
            });
        } else {
            emit(Observation::Malformed);
            if !acknowledges {
                emit(Observation::Event {
                    subject: Subject::Sender,
                    event: Event::Hl7Message,
                });
            }
        }
        let has_id = !id.is_empty();
        let id = digest(id);
        if !acknowledges {
            direction.application = Some(known.application);
            if has_id {
                direction.sent.push(id, known.code);
            }
        }
        direction.message.begin(known, id);
        direction.in_message = true;
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
        let (direction, other) = self.directions(from);
        let answer = Answer::parse(fields[1]);
        direction.message.answers(answer);
        let Some(answer) = answer else {
            return emit(Observation::Malformed);
        };
        let unseen = other.application.is_none();
        let (fared, seen) = other.sent.answered(answer, digest(fields[2]), unseen);
        if seen && !std::mem::replace(&mut self.confirmed, true) {
            emit(Observation::Confirmed);
        }
        let said = Digest::default().part(b"MSA").words(&[fared.word()]);
        passage(said.finish(), emit, |emit| fared.tell(emit));
    }
}

impl Direction {
    fn message(&mut self) -> Option<&mut Message> {
        self.in_message.then_some(&mut self.message)
    }

    /// True after a header and the CR that ends it.
    fn begins_body(&self) -> bool {
        self.in_message && !self.skipping && self.message.is_fresh()
    }

    /// The message at hand is whole: its bytes.
    fn remember(&mut self, bytes: &[u8]) {
        let known = self.known.as_ref().filter(|known| known.is_sound);
        if self.in_message
            && !self.skipping
            && let Some(known) = known
            && self.repeats.is_wanted()
            && let Some(left) = self.message.left(known)
        {
            self.repeats.remember(bytes, self.message.holes(), left);
        }
    }

    /// True for a segment that is read: a header, or a known one in a message.
    fn is_read(&self, start: &[u8; 4]) -> bool {
        let [name @ .., separator] = *start;
        let known = self.in_message && self.message.delimiters.field == separator && is_read(name);
        known || name == *b"MSH" && separator.is_ascii_punctuation()
    }

    /// Steps over the rest of a segment; nothing while more bytes are needed.
    fn skip(&mut self, rest: &[u8]) -> Option<usize> {
        match self.end(rest, 0) {
            End::NotBefore(0) => None,
            End::NotBefore(bytes) => Some(bytes),
            End::At(bytes) => {
                self.skipping = false;
                // The byte that ends it is used here, unless it ends or begins a message.
                let ends_segment = rest.get(bytes).is_some_and(|byte| is_line_end(*byte));
                Some(bytes + usize::from(ends_segment))
            }
        }
    }

    /// Looks for the end of the segment at hand. CR ends it, and so does the end of the block; LF
    /// and the start of a block only where a segment follows, since text may hold them.
    fn end(&self, rest: &[u8], from: usize) -> End {
        let separator = self.in_message.then_some(self.message.delimiters.field);
        let mut at = from;
        while let Some(control) = control(rest.get(at..).unwrap_or_default()) {
            at += control;
            let next = rest.get(at + 1..).unwrap_or_default();
            let ends = match rest.get(at) {
                Some(&b'\r' | &BLOCK_END) => Some(true),
                Some(&b'\n') => begins_segment(next, separator),
                Some(&BLOCK_START) => begins_header(next),
                _ => Some(false),
            };
            match ends {
                Some(true) => return End::At(at),
                Some(false) => at += 1,
                None => return End::NotBefore(at),
            }
        }
        End::NotBefore(rest.len())
    }

    /// The message is over.
    fn end_message(&mut self, emit: Emit<'_>) {
        if std::mem::take(&mut self.in_message) {
            self.message.end(emit);
        }
    }

    fn kept_bytes(&self) -> usize {
        self.known.as_ref().map_or(0, |known| known.kept_bytes())
            + self.repeats.kept_bytes()
            + self.message.kept_bytes()
            + self.sent.kept_bytes()
    }
}

/// The text, unless it is longer than any value: then it is no name.
pub(super) fn fit(text: &[u8]) -> Option<&[u8]> {
    reported::text(text).filter(|text| text.len() <= VALUE_BYTES_MAX)
}

/// True for a day, with or without its time: a DTM (HL7 chapter 2A), `YYYY[MM[DD[HH[MM[SS[.S]]]]]]`
/// and an offset, of this century or the last.
pub(super) fn is_day(text: &[u8]) -> bool {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let pair = |at: usize| match number.get(at..at + 2) {
        Some([tens, ones]) => Some((tens - b'0') * 10 + (ones - b'0')),
        _ => None,
    };
    let within = |at: usize, first: u8, last: u8| {
        pair(at).is_none_or(|number| (first..=last).contains(&number))
    };
    let fits = matches!(digits, 4 | 6 | 8 | 10 | 12 | 14)
        && matches!(pair(0), Some(19 | 20))
        && within(4, 1, 12)
        && within(6, 1, 31)
        && within(8, 0, 23)
        && within(10, 0, 59)
        && within(12, 0, 59);
    fits && is_time_end(rest, digits == 14)
}

/// True for what may follow the digits of a time: parts of its second, an offset.
fn is_time_end(rest: &[u8], has_seconds: bool) -> bool {
    let zone = rest.iter().position(|byte| b"+-".contains(byte));
    let (parts, zone) = rest.split_at(zone.unwrap_or(rest.len()));
    let all = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let is_part = match parts {
        [] => true,
        [b'.', digits @ ..] => has_seconds && (1..=4).contains(&digits.len()) && all(digits),
        _ => false,
    };
    is_part && (zone.is_empty() || zone.len() == 5 && zone.get(1..).is_some_and(all))
}

/// True for what could be a day, or the rest of one: it stands where none belongs.
pub(super) fn looks_like_day(text: &[u8]) -> bool {
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
