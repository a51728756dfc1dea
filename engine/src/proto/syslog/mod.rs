//! Syslog (RFC 5424, RFC 3164) over UDP (RFC 5426) and TCP (RFC 6587): which host speaks, which
//! programs run on it, and the audit trail of IHE ATNA that it carries (see `atna`). It never reads
//! a message's text, nor structured data.
//!
//! A relay passes on messages of others: a sender that names two hosts is believed about none.

mod atna;
mod message;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Field, Protocol};

use self::message::Message;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{SYSLOG_MESSAGE_BYTES_MAX, SYSLOG_NAMES_MAX};
use crate::observe::{Emit, Fault, Observation, Role, Subject};
use crate::proto::kept;

/// The row over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Syslog,
    transport: Transport::Udp,
    ports: &[514],
    first: b"<",
    marks: &[],
    probe: |segment| verdict(Message::probe(segment.bytes), segment),
    session: || Box::new(Session::default()),
};

/// The row over TCP, with octets counted or with messages that end in a line feed.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Syslog,
    transport: Transport::Tcp,
    ports: &[514, 601, 6514],
    first: b"<123456789",
    marks: &[],
    probe: probe_stream,
    session: || Box::new(Stream::default()),
};

/// Digits of the length before a message: RFC 6587, 3.4.1, and what is allowed of it here.
const LENGTH_DIGITS_MAX: usize = 5;

/// Messages without anything new after which a conversation is done.
const QUIET_MESSAGES_MAX: u8 = 32;

fn verdict(is_one: Option<bool>, segment: &Segment<'_>) -> Verdict {
    match is_one {
        Some(true) => Verdict::Match(Role::Client),
        Some(false) => Verdict::Reject,
        None if segment.cut || segment.bytes.is_empty() => Verdict::Reject,
        None => Verdict::NeedMore,
    }
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let message = match bytes.first() {
        Some(b'<') => Some(bytes),
        _ => match length(bytes) {
            Length::Of(_, digits) => bytes.get(digits..),
            Length::Unfinished => None,
            Length::None => return Verdict::Reject,
        },
    };
    verdict(message.and_then(Message::probe), segment)
}

/// What stands before a message whose octets are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// So many octets, after so many bytes.
    Of(usize, usize),
    Unfinished,
    None,
}

fn length(bytes: &[u8]) -> Length {
    let digits = bytes
        .iter()
        .take(LENGTH_DIGITS_MAX + 1)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let is_number = (1..=LENGTH_DIGITS_MAX).contains(&digits) && bytes.first() != Some(&b'0');
    match bytes.get(digits) {
        Some(b' ') if is_number => {
            let text = bytes.get(..digits).unwrap_or_default();
            let number = std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok());
            number.map_or(Length::None, |number| Length::Of(number, digits + 1))
        }
        None if digits <= LENGTH_DIGITS_MAX => Length::Unfinished,
        _ => Length::None,
    }
}

/// What one sender has said so far.
#[derive(Default)]
struct Session {
    /// The host that it names, and whether it did so twice.
    host: Option<(Box<[u8]>, bool)>,
    /// It names several.
    is_relay: bool,
    /// Programs that it names: at most [`SYSLOG_NAMES_MAX`].
    programs: Vec<Box<[u8]>>,
    /// Of those, so many were said.
    said: usize,
    confirmed: bool,
    /// It sends an audit trail: every record of it counts.
    audits: Option<Box<atna::Trail>>,
    /// Messages since something new was said.
    quiet: u8,
}

impl Session {
    /// Reads one message; false when nothing more can be learnt.
    fn message(&mut self, bytes: &[u8], is_stream: bool, emit: Emit<'_>) -> bool {
        let Some(message) = Message::parse(bytes) else {
            emit(Observation::Malformed);
            return true;
        };
        // The form of a whole message is proof enough: nobody answers.
        if !std::mem::replace(&mut self.confirmed, true) {
            emit(Observation::Confirmed);
        }
        self.quiet = self.quiet.saturating_add(1);
        self.names(&message, emit);
        if let Some(record) = message.audit_record() {
            self.quiet = 0;
            let trail = self.audits.get_or_insert_default();
            trail.record(record, is_stream, self.is_relay, emit);
        }
        self.audits.is_some() || self.quiet < QUIET_MESSAGES_MAX
    }

    /// Says which host this is once it has named itself twice and no other, and its programs.
    fn names(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        match (&mut self.host, message.host) {
            (None, Some(host)) => self.host = Some((host.into(), false)),
            (Some((known, is_twice)), Some(host)) if **known == *host => {
                if !*is_twice && !self.is_relay {
                    *is_twice = true;
                    self.quiet = 0;
                    if message::is_name(host) {
                        fact(Field::SyslogHostname, host, emit);
                    }
                }
            }
            (Some(_), Some(_)) => self.is_relay = true,
            (_, None) => {}
        }
        if let Some(program) = message.program
            && self.programs.len() < SYSLOG_NAMES_MAX
            && !self.programs.iter().any(|known| **known == *program)
        {
            self.programs.push(program.into());
        }
        let is_own = self.host.as_ref().is_some_and(|(_, is_twice)| *is_twice);
        if is_own && !self.is_relay {
            for program in self.programs.iter().skip(self.said) {
                self.quiet = 0;
                fact(Field::SyslogAppName, program, emit);
            }
            self.said = self.programs.len();
        }
    }

    fn kept(&self) -> usize {
        let host = self.host.as_ref();
        let audits = self.audits.as_deref();
        kept::list(&self.programs)
            + self.programs.iter().map(|name| name.len()).sum::<usize>()
            + host.map_or(0, |(host, _)| host.len())
            + audits.map_or(0, |audits| size_of_val(audits) + audits.kept_bytes())
    }
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let goes_on = segment.from == Role::Server || self.message(segment.bytes, false, emit);
        match goes_on {
            true => Progress::consumed(segment.bytes.len()),
            false => Progress::DONE,
        }
    }

    fn kept_bytes(&self) -> usize {
        self.kept()
    }
}

/// A stream of messages.
#[derive(Default)]
struct Stream {
    session: Session,
}

impl super::Session for Stream {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.from == Role::Server {
            return Progress {
                consumed: segment.bytes.len(),
                then: Then::DoneDirection,
            };
        }
        let (start, end, next) = match frame(segment.bytes) {
            Frame::Whole { start, end, next } => (start, end, next),
            Frame::Unfinished if segment.cut => {
                emit(Observation::Faulty(Fault::Truncated));
                return Progress::DONE;
            }
            Frame::Unfinished => return Progress::consumed(0),
            Frame::Skip(header, bytes) => {
                return Progress {
                    consumed: header,
                    then: Then::Skip(bytes),
                };
            }
            Frame::Endless => {
                emit(Observation::Faulty(Fault::OverLimit));
                return Progress::DONE;
            }
            Frame::None => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        let message = segment.bytes.get(start..end).unwrap_or_default();
        match self.session.message(message, true, emit) {
            true => Progress::consumed(next),
            false => Progress::DONE,
        }
    }

    fn gap(&mut self, _from: Role, _missing: u64) -> bool {
        // Nothing marks the next message for sure.
        false
    }

    fn kept_bytes(&self) -> usize {
        self.session.kept()
    }
}

/// The next message of a stream.
enum Frame {
    /// Where it lies, and where the one after it begins.
    Whole {
        start: usize,
        end: usize,
        next: usize,
    },
    Unfinished,
    /// One that is longer than what is read: its header, and what to step over after it.
    Skip(usize, u64),
    /// A line that is longer than what is read.
    Endless,
    None,
}

/// RFC 6587: counted octets, or a line.
fn frame(bytes: &[u8]) -> Frame {
    if bytes.first() == Some(&b'<') {
        let line = bytes.get(..SYSLOG_MESSAGE_BYTES_MAX.min(bytes.len()));
        let end = memchr::memchr(b'\n', line.unwrap_or_default());
        return match end {
            Some(end) => Frame::Whole {
                start: 0,
                end,
                next: end + 1,
            },
            None if bytes.len() < SYSLOG_MESSAGE_BYTES_MAX => Frame::Unfinished,
            None => Frame::Endless,
        };
    }
    match length(bytes) {
        Length::Of(octets, start) if octets > SYSLOG_MESSAGE_BYTES_MAX => {
            Frame::Skip(start, octets as u64)
        }
        Length::Of(octets, start) if bytes.len() >= start + octets => Frame::Whole {
            start,
            end: start + octets,
            next: start + octets,
        },
        Length::Of(..) | Length::Unfinished => Frame::Unfinished,
        Length::None => Frame::None,
    }
}

fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject: Subject::Sender,
        field,
        value,
    });
}
