//! SOCKS, versions 4 and 5 (RFC 1928, RFC 1929; port 1080): that somebody speaks through a proxy,
//! and which protocol. It reads no user, no password and no target, and believes nothing that is
//! said through it: the ends of the conversation are not those who speak.
//!
//! ```text
//! 4   4 u8 | command u8 | port u16 | address 4 | user 0 | [name 0]     0 u8 | code u8 | 6
//! 5   5 u8 | count u8 | methods                                       5 u8 | method u8
//!     5 u8 | command u8 | 0 | kind u8 | address | port u16            5 u8 | code u8 | 0 | kind …
//! ```

use medtap_table::vocabulary::Protocol;

use super::reader::Reader;
use super::{Classifier, Decision, Progress, Segment, Transport, Verdict, classify};
use crate::config::PROBE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Socks,
    transport: Transport::Tcp,
    ports: &[1080],
    first: &[4, 5],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// The longest user or name that is stepped over.
const TEXT_LEN_MAX: usize = 255;
/// Methods, RFC 1928 section 3: those that IANA assigned, private ones, and that none fits.
const METHOD_ASSIGNED_MAX: u8 = 9;
const METHOD_PASSWORD: u8 = 2;
const METHODS_PRIVATE: std::ops::RangeInclusive<u8> = 0x80..=0xfe;
const METHOD_NONE: u8 = 0xff;

fn is_method(method: u8) -> bool {
    method <= METHOD_ASSIGNED_MAX || METHODS_PRIVATE.contains(&method)
}

/// The length of a text and the zero that ends it; `Some(None)`: it has not ended.
fn text(bytes: &[u8]) -> Option<Option<usize>> {
    match bytes.iter().position(|byte| *byte == 0) {
        Some(end) if end <= TEXT_LEN_MAX => Some(Some(end + 1)),
        None if bytes.len() <= TEXT_LEN_MAX => Some(None),
        _ => None,
    }
}

/// The length of a request of version 4; `Some(None)`: there is not all of it.
fn request_4(bytes: &[u8]) -> Option<Option<usize>> {
    const FIXED_LEN: usize = 8;
    if !matches!(bytes.get(1), None | Some(1 | 2)) {
        return None;
    }
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_LEN>() else {
        return Some(None);
    };
    let Some(user) = text(rest)? else {
        return Some(None);
    };
    // An address that is none says that a name follows.
    let [.., a, b, c, d] = *fixed;
    if [a, b, c] != [0, 0, 0] || d == 0 {
        return Some(Some(FIXED_LEN + user));
    }
    let name = text(rest.get(user..).unwrap_or_default())?;
    Some(name.map(|name| FIXED_LEN + user + name))
}

/// The length of a list of methods, a request or an answer of version 5.
fn methods(bytes: &[u8]) -> Option<Option<usize>> {
    let (Some(&count), methods) = (bytes.get(1), bytes.get(2..).unwrap_or_default()) else {
        return Some(None);
    };
    let count = usize::from(count);
    let is_sound = count > 0 && methods.iter().take(count).all(|method| is_method(*method));
    is_sound.then(|| (methods.len() >= count).then_some(2 + count))
}

/// A request or an answer of version 5: its code and its length.
fn relay(bytes: &[u8]) -> Option<Option<(u8, usize)>> {
    let mut reader = Reader(bytes);
    let mut read = || {
        reader.u8()?;
        let code = reader.u8()?;
        let (zero, kind) = (reader.u8()?, reader.u8()?);
        let is_there = match kind {
            1 => reader.take(4).is_some(),
            3 => reader.block8().is_some(),
            4 => reader.take(16).is_some(),
            _ => return Some(None),
        };
        let port = reader.u16();
        if zero != 0 {
            return Some(None);
        }
        Some((is_there && port.is_some()).then_some((code, reader.0.len())))
    };
    match (read(), bytes) {
        (Some(Some((code, rest))), _) => Some(Some((code, bytes.len() - rest))),
        // An address of a kind that is none, or reserved bits.
        (_, [_, _, zero, ..]) if *zero != 0 => None,
        (_, [_, _, _, kind, ..]) if !matches!(kind, 1 | 3 | 4) => None,
        _ => Some(None),
    }
}

/// A client's first bytes, which could be chance: the answer proves them.
fn probe(segment: &Segment<'_>) -> Verdict {
    let len = match segment.bytes.first() {
        Some(4) => request_4(segment.bytes),
        Some(5) => methods(segment.bytes),
        _ => None,
    };
    // More may be there where another probe waited for it: of version 5 a log-in or a request.
    let goes_on = |len: usize| match segment.bytes.get(len) {
        Some(next) => segment.bytes.first() == Some(&4) || matches!(next, 1 | 5),
        None => true,
    };
    match len {
        Some(Some(len)) if goes_on(len) && segment.from != Role::Server => {
            Verdict::Possible(Role::Client)
        }
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What an end says next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    First,
    LogIn,
    Relay,
    /// The proxy has agreed: what follows is another's.
    Through,
    /// The proxy has refused.
    Refused,
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    /// The client's, and the proxy's.
    stage: [Stage; 2],
    version: u8,
    confirmed: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if self.stage == [Stage::Through; 2] {
            return through(segment, emit);
        }
        let step = match segment.from {
            Role::Server => self.answer(segment.bytes, emit),
            _ => self.ask(segment.bytes),
        };
        match step {
            Some(Some(len)) => Progress::consumed(len),
            Some(None) => Progress::consumed(0),
            None => Progress::DONE,
        }
    }
}

impl Session {
    fn ask(&mut self, bytes: &[u8]) -> Option<Option<usize>> {
        let [stage, _] = &mut self.stage;
        let (next, len) = match (*stage, bytes.first()?) {
            (Stage::First, 4) => (Stage::Through, request_4(bytes)?),
            (Stage::First, 5) => (Stage::LogIn, methods(bytes)?),
            // User and password, RFC 1929.
            (Stage::LogIn, 1) => (Stage::Relay, password(bytes)),
            (Stage::LogIn | Stage::Relay, 5) => (Stage::Through, relay(bytes)?.map(|(_, len)| len)),
            // What goes through may come before the proxy's answer was seen.
            (Stage::Through, _) => return Some(None),
            _ => return None,
        };
        if len.is_some() {
            if *stage == Stage::First {
                self.version = *bytes.first()?;
            }
            *stage = next;
        }
        Some(len)
    }

    fn answer(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<Option<usize>> {
        /// Codes of version 4: granted, and three refusals.
        const GRANTED: u8 = 90;
        const REFUSED_MAX: u8 = 93;
        let [_, stage] = &mut self.stage;
        let (next, len) = match (self.version, *stage, bytes) {
            (4, Stage::First, [0, code @ GRANTED..=REFUSED_MAX, ..]) => {
                let next = if *code == GRANTED {
                    Stage::Through
                } else {
                    Stage::Refused
                };
                (next, (bytes.len() >= 8).then_some(8))
            }
            (5, Stage::First, [5, METHOD_NONE]) => (Stage::Refused, Some(2)),
            (5, Stage::First, [5, METHOD_PASSWORD, ..]) => (Stage::LogIn, Some(2)),
            (5, Stage::First, [5, method, ..]) if is_method(*method) => (Stage::Relay, Some(2)),
            (5, Stage::LogIn, [1, _, ..]) => (Stage::Relay, Some(2)),
            (5, Stage::Relay, [5, ..]) => match relay(bytes)? {
                Some((0, len)) => (Stage::Through, Some(len)),
                Some((_, len)) => (Stage::Refused, Some(len)),
                None => return Some(None),
            },
            (4 | 5, Stage::First | Stage::LogIn, [_]) => return Some(None),
            _ => return None,
        };
        if len.is_some() {
            *stage = next;
            if !self.confirmed {
                self.confirmed = true;
                emit(Observation::Confirmed);
            }
        }
        (next != Stage::Refused || len.is_none()).then_some(len)
    }
}

/// The length of a log-in, which is stepped over.
fn password(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader(bytes);
    reader.u8()?;
    reader.block8()?;
    reader.block8()?;
    Some(bytes.len() - reader.0.len())
}

/// Names what goes through, and nothing else of it.
fn through(segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
    match classify(segment, Transport::Tcp) {
        Decision::Known(row, _) => emit(Observation::Carries(row.protocol)),
        Decision::NeedMore if segment.bytes.len() < PROBE_BYTES_MAX && !segment.cut => {
            return Progress::consumed(0);
        }
        _ => {}
    }
    Progress::DONE
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const GET: &[u8] = b"GET /CANARY HTTP/1.1\r\nHost: CANARY\r\n\r\n";

    #[test]
    fn version_4_with_a_name() {
        let talk: &[(Role, &[u8])] = &[
            (
                Role::Client,
                b"\x04\x01\0\x50\0\0\0\x01CANARY\0CANARY.example\0",
            ),
            (Role::Server, b"\0\x5a\0\0\0\0\0\0"),
            (Role::Client, GET),
        ];
        assert_eq!(run(&CLASSIFIER, talk), ["confirmed", "Carries(Http)"]);
        check_cuts(&CLASSIFIER, talk);
    }

    #[test]
    fn version_5_with_a_password() {
        let talk: &[(Role, &[u8])] = &[
            (Role::Client, b"\x05\x02\0\x02"),
            (Role::Server, b"\x05\x02"),
            (Role::Client, b"\x01\x06CANARY\x06CANARY"),
            (Role::Server, b"\x01\0"),
            (Role::Client, b"\x05\x01\0\x03\x06CANARY\x01\xbb"),
            (Role::Server, b"\x05\0\0\x01\x0a\0\0\x01\x04\x38"),
            (Role::Client, GET),
        ];
        assert_eq!(run(&CLASSIFIER, talk), ["confirmed", "Carries(Http)"]);
        check_cuts(&CLASSIFIER, talk);
        let mut refused = talk[..5].to_vec();
        refused.push((Role::Server, b"\x05\x02\0\x01\0\0\0\0\0\0"));
        refused.push((Role::Client, GET));
        assert_eq!(run(&CLASSIFIER, &refused), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let possible = Verdict::Possible(Role::Client);
        assert_eq!(probe(&CLASSIFIER, b"\x05\x01\0", ports), possible);
        assert_eq!(probe(&CLASSIFIER, b"\x05\x02\0", ports), Verdict::NeedMore);
        for bytes in [
            &b"\x05\0"[..],
            b"\x05\x01\x40",
            b"\x04\x03",
            b"\x05\x01\0\0",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
