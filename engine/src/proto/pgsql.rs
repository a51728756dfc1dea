//! PostgreSQL (the frontend/backend protocol's version 3; port 5432): the version that a server
//! names, and that a password crossed the wire in clear. It reads no user, no database, no
//! password and no query.
//!
//! ```text
//! start     length u32 | 3.0 or a request's number u32 | names and values, each with its 0 | 0
//! message   type u8 | length u32 | body
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::printable;
use super::upgrade::Upgrade;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{PGSQL_MESSAGE_BYTES_MAX, PGSQL_MESSAGES_MAX};
use crate::observe::{Emit, Observation, Role, both, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Pgsql,
    transport: Transport::Tcp,
    ports: &[5432],
    first: &[0],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// Numbers in place of a version, PostgreSQL's documentation section 55.7.
const VERSION_3: u32 = 3 << 16;
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// The longest start, as the server itself has it.
const START_LEN_MAX: u32 = 10_000;
/// Type and length.
const HEADER_LEN: usize = 5;

/// The number of a first message, if its length is one; `Some(None)`: a beginning of it.
fn start(bytes: &[u8]) -> Option<Option<(u32, usize)>> {
    let mut reader = Reader(bytes);
    let Some(len) = reader.u32() else {
        return bytes.iter().all(|byte| *byte == 0).then_some(None);
    };
    if !(8..=START_LEN_MAX).contains(&len) {
        return None;
    }
    let Some(number) = reader.u32() else {
        return Some(None);
    };
    let fits = match number {
        CANCEL => len == 16,
        TLS | GSS => len == 8,
        // The minor version may grow.
        number => number & !0xff == VERSION_3 && len > 8,
    };
    fits.then_some(Some((number, len as usize)))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match start(segment.bytes) {
        Some(Some(_)) => Verdict::Match(Role::Client),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What the client last asked before the start proper.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Start,
    Protection,
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    asked: Asked,
    is_started: bool,
    confirmed: bool,
    /// The server asked for the password itself; true once the client sent it.
    clear_password: Option<bool>,
    messages: u16,
    tls: Upgrade,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(progress) = self.tls.observe(segment, emit) {
            return progress;
        }
        let progress = match (segment.from, self.is_started) {
            (Role::Server, _) => self.answer(segment.bytes, emit),
            (_, false) => self.start(segment.bytes),
            (_, true) => self.message(segment.bytes),
        };
        progress.unwrap_or_else(|| {
            emit(Observation::Malformed);
            Progress::DONE
        })
    }

    fn kept_bytes(&self) -> usize {
        self.tls.kept_bytes()
    }
}

impl Session {
    fn start(&mut self, bytes: &[u8]) -> Option<Progress> {
        let Some((number, len)) = start(bytes)? else {
            return Some(Progress::consumed(0));
        };
        match number {
            CANCEL => return Some(Progress::DONE),
            TLS | GSS => self.asked = Asked::Protection,
            _ => {
                self.asked = Asked::Start;
                self.is_started = true;
            }
        }
        Some(skip(bytes.len(), len))
    }

    fn answer(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<Progress> {
        if self.asked == Asked::Protection {
            let answer = *bytes.first()?;
            self.confirm(emit);
            self.asked = Asked::Start;
            return match answer {
                b'S' => {
                    emit(Observation::Encrypted);
                    self.tls.begin();
                    Some(Progress::consumed(1))
                }
                b'G' => {
                    emit(Observation::Encrypted);
                    Some(Progress::DONE)
                }
                b'N' => Some(Progress::consumed(1)),
                _ => None,
            };
        }
        self.message_of_server(bytes, emit)
    }

    fn message_of_server(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<Progress> {
        let Some((kind, len, body)) = message(bytes)? else {
            return Some(Progress::consumed(0));
        };
        if !b"RSKZENvACDT123It".contains(&kind) {
            return None;
        }
        self.confirm(emit);
        // A value that is not whole waits for the rest; other messages are stepped over.
        if matches!(kind, b'R' | b'S') && body.len() + HEADER_LEN < len {
            return (len <= PGSQL_MESSAGE_BYTES_MAX).then_some(Progress::consumed(0));
        }
        match kind {
            b'R' => self.authentication(body, emit),
            b'S' => {
                let mut parts = body.split(|byte| *byte == 0);
                if let (Some(b"server_version"), Some(value)) = (parts.next(), parts.next())
                    && let Some(value) = printable(value)
                {
                    says(Field::PgsqlServerVersion, value, emit);
                }
            }
            // Ready for queries: all is said.
            b'Z' => return Some(Progress::DONE),
            _ => {}
        }
        self.messages += 1;
        if self.messages > PGSQL_MESSAGES_MAX {
            return Some(Progress::DONE);
        }
        Some(skip(bytes.len(), len))
    }

    /// What proof the server asks for, or that it is satisfied.
    fn authentication(&mut self, body: &[u8], emit: Emit<'_>) {
        match Reader(body).u32() {
            Some(3) => self.clear_password = Some(false),
            Some(0) if self.clear_password == Some(true) => {
                both(Field::PgsqlLogin, b"password", emit);
            }
            _ => {}
        }
    }

    fn message(&mut self, bytes: &[u8]) -> Option<Progress> {
        let Some((kind, len, _)) = message(bytes)? else {
            return Some(Progress::consumed(0));
        };
        if kind == b'p' && self.clear_password.is_some() {
            self.clear_password = Some(true);
        }
        Some(skip(bytes.len(), len))
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

/// A message's type, its whole length and what of its body is there; `Some(None)`: less than a
/// header.
fn message(bytes: &[u8]) -> Option<Option<(u8, usize, &[u8])>> {
    let mut reader = Reader(bytes);
    let (Some(kind), Some(len)) = (reader.u8(), reader.u32()) else {
        return Some(None);
    };
    let len = usize::try_from(len).ok()?;
    if !kind.is_ascii_alphanumeric() || len < 4 || len >> 30 != 0 {
        return None;
    }
    let body = reader.0.get(..len - 4).unwrap_or(reader.0);
    Some(Some((kind, len + 1, body)))
}

/// Steps over a message of `len` bytes, of which `there` are shown.
fn skip(there: usize, len: usize) -> Progress {
    Progress {
        consumed: there.min(len),
        then: match len.saturating_sub(there) {
            0 => Then::More,
            missing => Then::Skip(missing as u64),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const LOG_IN: &[(Role, &[u8])] = &[
        (Role::Client, b"\0\0\0\x08\x04\xd2\x16\x2f"),
        (Role::Server, b"N"),
        (Role::Client, b"\0\0\0\x16\0\x03\0\0user\0CANARY\0\0\0"),
        (Role::Server, b"R\0\0\0\x08\0\0\0\x03"),
        (Role::Client, b"p\0\0\0\x0bCANARY\0"),
        (
            Role::Server,
            b"R\0\0\0\x08\0\0\0\0S\0\0\0\x1aapplication_name\0psql\0\
              S\0\0\0\x18server_version\x0015.6\0Z\0\0\0\x05I",
        ),
    ];

    #[test]
    fn a_server_tells_its_version_and_no_user() {
        assert_eq!(
            run(&CLASSIFIER, LOG_IN),
            [
                "confirmed",
                "sender pgsql.login=password",
                "receiver pgsql.login=password",
                "sender pgsql.server_version=15.6",
            ]
        );
        check_cuts(&CLASSIFIER, LOG_IN);
    }

    #[test]
    fn what_is_encrypted_is_not_read() {
        let conversation = [LOG_IN[0], (Role::Server, &b"S\x16\x03"[..]), LOG_IN[5]];
        let said = run(&CLASSIFIER, &conversation);
        assert_eq!(said, ["confirmed", "encrypted", "malformed"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, LOG_IN[0].1, ports), client);
        assert_eq!(probe(&CLASSIFIER, LOG_IN[2].1, ports), client);
        let part = probe(&CLASSIFIER, &LOG_IN[2].1[..5], ports);
        assert_eq!(part, Verdict::NeedMore);
        for bytes in [
            &b"\0\0\0\x09\x04\xd2\x16\x2f"[..],
            b"\0\0\0\x16\0\x02\0\0",
            b"\0\x01\0\0\0\x03\0\0",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
