//! VNC's remote framebuffer (RFC 6143; ports 5900 and up): versions of both ends, and whether a
//! password is asked. It reads no desktop's name, no key and no picture.

use medtap_table::vocabulary::{Field, Protocol};

use super::{Classifier, Progress, Segment, Transport, Verdict, ports};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Vnc,
    transport: Transport::Tcp,
    ports: PORTS,
    first: b"R",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const PORTS: &[u16] = &[5900, 5901, 5902, 5800];

/// `RFB 003.008\n`, section 7.1.1.
const VERSION_LEN: usize = 12;

/// Security type 1: nobody is asked for anything, section 7.2.1.
const SECURITY_NONE: u8 = 1;

/// The twelve bytes that both ends begin with.
fn version(bytes: &[u8]) -> Option<&[u8; VERSION_LEN]> {
    let version = bytes.first_chunk::<VERSION_LEN>()?;
    matches(version).then_some(version)
}

/// A version, or the beginning of one.
fn matches(bytes: &[u8]) -> bool {
    let pattern = b"RFB ###.###\n";
    let fits = |(byte, known): (&u8, &u8)| match known {
        b'#' => byte.is_ascii_digit(),
        known => byte == known,
    };
    bytes.iter().zip(pattern).all(fits)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match version(segment.bytes) {
        Some(_) => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        None if segment.bytes.len() < VERSION_LEN && matches(segment.bytes) && !segment.cut => {
            Verdict::NeedMore
        }
        None => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    /// The client's and the server's version was read.
    versions: [bool; 2],
    /// Version 3.3, where the server alone chooses.
    is_old: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let is_server = segment.from == Role::Server;
        let [client_done, server_done] = self.versions;
        if !self.versions[usize::from(is_server)] {
            let Some(version) = version(segment.bytes) else {
                if segment.bytes.len() < VERSION_LEN {
                    return Progress::consumed(0);
                }
                emit(Observation::Malformed);
                return Progress::DONE;
            };
            self.versions[usize::from(is_server)] = true;
            self.is_old |= version.ends_with(b"003.003\n");
            let text = version.get(4..VERSION_LEN - 1).unwrap_or_default();
            says(Field::VncVersion, text, emit);
            if client_done || server_done {
                emit(Observation::Confirmed);
            }
            return Progress::consumed(VERSION_LEN);
        }
        if !is_server {
            // The client's choice and its answer to a challenge.
            return Progress::consumed(segment.bytes.len());
        }
        self.security(segment.bytes, emit)
    }
}

impl Session {
    /// The kinds of security that a server offers, section 7.1.2.
    fn security(&self, bytes: &[u8], emit: Emit<'_>) -> Progress {
        let is_open = if self.is_old {
            let Some(word) = bytes.first_chunk::<4>() else {
                return Progress::consumed(0);
            };
            u32::from_be_bytes(*word) == u32::from(SECURITY_NONE)
        } else {
            let Some((&count, rest)) = bytes.split_first() else {
                return Progress::consumed(0);
            };
            let Some(kinds) = rest.get(..usize::from(count)) else {
                return Progress::consumed(0);
            };
            kinds.contains(&SECURITY_NONE)
        };
        let value: &[u8] = if is_open { b"none" } else { b"asked" };
        says(Field::VncSecurity, value, emit);
        Progress::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    #[test]
    fn versions_and_security() {
        let conversation: &[(Role, &[u8])] = &[
            (Role::Server, b"RFB 003.008\n"),
            (Role::Client, b"RFB 003.007\n"),
            (Role::Server, b"\x02\x02\x10"),
        ];
        let seen = run(&CLASSIFIER, conversation);
        assert_eq!(
            seen,
            [
                "sender vnc.version=003.008",
                "sender vnc.version=003.007",
                "confirmed",
                "sender vnc.security=asked"
            ]
        );
        check_cuts(&CLASSIFIER, conversation);
    }

    #[test]
    fn an_old_server_that_asks_nothing() {
        let conversation: &[(Role, &[u8])] = &[
            (Role::Server, b"RFB 003.003\n"),
            (Role::Client, b"RFB 003.003\n"),
            (Role::Server, b"\0\0\0\x01\0\0\0\0"),
        ];
        let seen = run(&CLASSIFIER, conversation);
        assert_eq!(seen.last().unwrap(), "sender vnc.security=none");
    }

    #[test]
    fn probes() {
        let ports = (5900, 50_000);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, b"RFB 003.889\n", ports), server);
        assert_eq!(probe(&CLASSIFIER, b"RFB 0", ports), Verdict::NeedMore);
        assert_eq!(
            probe(&CLASSIFIER, b"RFB 3.8\n\0\0\0\0", ports),
            Verdict::Reject
        );
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
