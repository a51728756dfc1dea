//! One conversation of an instrument and its host: frames to records, and what they say together.
//! It holds one header record at most; of every other record it looks at the letter alone.

use medtap_table::vocabulary::{Event, Field};

use super::frame::{Deframer, Part};
use super::header::Header;
use crate::config::ASTM_HEADER_BYTES_MAX;
use crate::observe::{Emit, Fault, Observation, Role, Subject};
use crate::proto::kept;
use crate::proto::{Progress, Segment, Session};

/// The record under way.
#[derive(Debug, Default)]
struct Record {
    /// Its letter, once its first byte was seen.
    letter: Option<u8>,
    /// Its bytes, if it is a header.
    bytes: Vec<u8>,
}

impl Record {
    fn push(&mut self, text: &[u8]) {
        let text = match self.letter {
            None => text.trim_ascii_start(),
            Some(_) => text,
        };
        let Some(&first) = text.first() else {
            return;
        };
        let letter = *self.letter.get_or_insert(first);
        // A longer one is no header, and its beginning is none either.
        if letter == b'H' && self.bytes.len() <= ASTM_HEADER_BYTES_MAX {
            let room = ASTM_HEADER_BYTES_MAX + 1 - self.bytes.len();
            self.bytes.extend(text.iter().take(room));
        }
    }
}

/// What records said that do not count yet: their frame's checksum is still to come.
#[derive(Debug, Default)]
struct Said {
    header: Option<Header>,
    results: u32,
    queries: u32,
    ended: bool,
    /// A header is none, or longer than any.
    malformed: bool,
    too_long: bool,
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    frames: Deframer,
    record: Record,
    said: Said,
    /// The instrument that the last header named.
    identifier: Option<Vec<u8>>,
    /// Results of the message under way.
    results: u32,
    /// An enquiry or a frame waits for its answer.
    waits: bool,
}

/// One conversation.
#[derive(Debug, Default)]
pub struct AstmSession {
    client: Direction,
    server: Direction,
    confirmed: bool,
}

impl Session for AstmSession {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut used = 0;
        while let Some(rest) = segment.bytes.get(used..)
            && !rest.is_empty()
        {
            let (direction, _) = self.directions(segment.from);
            let before = direction.frames.is_framed();
            let (bytes, part) = direction.frames.next(rest);
            used += bytes;
            if let Some(part) = part {
                self.part(part, before, segment.from, emit);
            }
        }
        Progress::consumed(used)
    }

    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        let (direction, _) = self.directions(from);
        direction.frames.lose();
        direction.record = Record::default();
        direction.said = Said::default();
        true
    }

    fn kept_bytes(&self) -> usize {
        let of = |direction: &Direction| {
            let Direction {
                record,
                said,
                identifier,
                ..
            } = direction;
            kept::list(&record.bytes)
                + said.header.as_ref().map_or(0, Header::kept_bytes)
                + identifier.as_ref().map_or(0, kept::list)
        };
        of(&self.client) + of(&self.server)
    }
}

impl AstmSession {
    fn directions(&mut self, from: Role) -> (&mut Direction, &mut Direction) {
        match from {
            Role::Server => (&mut self.server, &mut self.client),
            Role::Client | Role::Peer => (&mut self.client, &mut self.server),
        }
    }

    /// `framed`: the part stood in a frame.
    fn part(&mut self, part: Part<'_>, framed: bool, from: Role, emit: Emit<'_>) {
        let (direction, other) = self.directions(from);
        match part {
            Part::Text(text) => direction.record.push(text),
            Part::RecordEnd => {
                direction.end_record();
                if !framed {
                    direction.count(emit);
                }
            }
            Part::Sound => {
                direction.waits = true;
                direction.count(emit);
            }
            Part::Again => direction.forget(),
            Part::Damaged => {
                direction.forget();
                emit(Observation::Malformed);
            }
            Part::Cut => {
                direction.forget();
                emit(Observation::Faulty(Fault::Truncated));
            }
            Part::Unsound => {
                direction.forget();
                emit(Observation::Faulty(Fault::Checksum));
            }
            Part::Enquiry => {
                direction.forget();
                direction.waits = true;
            }
            Part::End => direction.end_message(emit),
            Part::Answer => {
                let answers = std::mem::take(&mut other.waits) && other.identifier.is_some();
                if answers && !std::mem::replace(&mut self.confirmed, true) {
                    emit(Observation::Confirmed);
                }
            }
        }
        // Without frames nobody answers with a byte: then both speak.
        let named = |direction: &Direction| direction.identifier.is_some();
        if named(&self.client) && named(&self.server) && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

impl Direction {
    /// A record is over: what it says, until its frame counts.
    fn end_record(&mut self) {
        let record = std::mem::take(&mut self.record);
        match record.letter {
            Some(b'H') => {
                let header = Header::parse(&record.bytes);
                let too_long = record.bytes.len() > ASTM_HEADER_BYTES_MAX;
                self.said.too_long |= too_long;
                self.said.malformed |= header.is_none() && !too_long;
                self.said.header = header;
            }
            Some(b'R') => self.said.results = self.said.results.saturating_add(1),
            Some(b'Q') => self.said.queries = self.said.queries.saturating_add(1),
            Some(b'L') => self.said.ended = true,
            _ => {}
        }
    }

    /// What was said counts.
    fn count(&mut self, emit: Emit<'_>) {
        let said = std::mem::take(&mut self.said);
        if said.malformed {
            emit(Observation::Malformed);
        }
        if said.too_long {
            emit(Observation::Faulty(Fault::OverLimit));
        }
        if let Some(header) = said.header {
            // A header without the end of the message before it: that one is over.
            self.end_message(emit);
            let device = Subject::Reported(&header.identifier);
            for (subject, field, value) in [
                (device, Field::AstmSender, &header.sender),
                (Subject::Sender, Field::AstmVersion, &header.version),
                (Subject::Sender, Field::AstmProcessingId, &header.processing),
            ] {
                say(subject, field, value, emit);
            }
            self.identifier = Some(header.identifier);
        }
        for (number, role, other) in [
            (said.results, &b"result_sender"[..], &b"result_receiver"[..]),
            (said.queries, b"query_sender", b"query_receiver"),
        ] {
            if number > 0 {
                say(Subject::Sender, Field::AstmRole, role, emit);
                say(Subject::Receiver, Field::AstmRole, other, emit);
            }
        }
        self.results = self.results.saturating_add(said.results);
        if said.ended {
            self.end_message(emit);
        }
    }

    /// What was said does not count.
    fn forget(&mut self) {
        self.record = Record::default();
        self.said = Said::default();
    }

    /// The message is over.
    fn end_message(&mut self, emit: Emit<'_>) {
        if std::mem::take(&mut self.results) > 0 {
            let subject = self
                .identifier
                .as_deref()
                .map_or(Subject::Sender, Subject::Reported);
            emit(Observation::Event {
                subject,
                event: Event::LisResult,
            });
        }
    }
}

fn say(subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
    if !value.is_empty() {
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    }
}
