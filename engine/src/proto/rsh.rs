//! rsh and rlogin (RFC 1282; ports 514 and 513): that somebody gets in by the word of a machine
//! alone. It reads no user, no command and no text of a session.
//!
//! ```text
//! rsh      port in digits, 0 | user, 0 | user, 0 | command, 0           the server: 0
//! rlogin   0 | user, 0 | user, 0 | terminal/speed, 0                    the server: 0
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::config::LINE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, both};

/// The row of rsh.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Rsh,
    transport: Transport::Tcp,
    ports: &[514],
    first: b"\x000123456789",
    marks: &[],
    probe: |segment| probe(segment, is_shell),
    session: || {
        Box::new(Session {
            field: Field::RshLogin,
            asked: false,
        })
    },
};

/// The row of rlogin.
pub const RLOGIN: Classifier = Classifier {
    protocol: Protocol::Rlogin,
    transport: Transport::Tcp,
    ports: &[513],
    first: &[0],
    marks: &[],
    probe: |segment| probe(segment, is_login),
    session: || {
        Box::new(Session {
            field: Field::RloginLogin,
            asked: false,
        })
    },
};

/// A client must come from such a port: only a machine's administrator can take it.
const PRIVILEGED_PORTS: std::ops::RangeInclusive<u16> = 512..=1023;

/// Four texts, each with its 0; `None` where there are other bytes, `Some(None)` where they have
/// not ended.
fn texts(bytes: &[u8]) -> Option<Option<[&[u8]; 4]>> {
    if bytes.len() > LINE_BYTES_MAX || bytes.iter().any(|byte| *byte != 0 && *byte < b' ') {
        return None;
    }
    let mut parts = bytes.split(|byte| *byte == 0);
    let mut next = || parts.next();
    let (Some(a), Some(b), Some(c), Some(d), Some(rest)) = (next(), next(), next(), next(), next())
    else {
        return Some(None);
    };
    (rest.is_empty() && parts.next().is_none()).then_some(Some([a, b, c, d]))
}

/// The port for errors, or none, two users, a command.
fn is_shell([port, local, remote, command]: [&[u8]; 4]) -> bool {
    port.len() <= 5
        && port.iter().all(u8::is_ascii_digit)
        && ![local, remote, command].iter().any(|text| text.is_empty())
}

/// Nothing, two users, and a terminal with its speed.
fn is_login([empty, local, remote, terminal]: [&[u8]; 4]) -> bool {
    let mut parts = terminal.rsplitn(2, |byte| *byte == b'/');
    let has_speed = parts.next().is_some_and(|speed| {
        (2..=6).contains(&speed.len()) && speed.iter().all(u8::is_ascii_digit)
    });
    empty.is_empty()
        && has_speed
        && parts.next().is_some_and(|name| !name.is_empty())
        && !local.is_empty()
        && !remote.is_empty()
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| (b' '..0x7f).contains(byte))
}

fn probe(segment: &Segment<'_>, fits: fn([&[u8]; 4]) -> bool) -> Verdict {
    if !PRIVILEGED_PORTS.contains(&segment.ports.0) || segment.from == Role::Server {
        return Verdict::Reject;
    }
    match texts(segment.bytes) {
        Some(Some(texts)) if fits(texts) => Verdict::Possible(Role::Client),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// One connection: the server takes it by a zero.
struct Session {
    field: Field,
    asked: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.from != Role::Server {
            self.asked = true;
            return Progress::consumed(segment.bytes.len());
        }
        match segment.bytes {
            [0, ..] if self.asked => {
                emit(Observation::Confirmed);
                both(self.field, b"host_trust", emit);
            }
            // Refused, and why.
            [1, text @ .., b'\n'] if self.asked && is_text(text) => emit(Observation::Confirmed),
            _ => {}
        }
        Progress::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const SHELL: &[u8] = b"1021\0CANARY\0CANARY\0ls CANARY\0";
    const LOGIN: &[u8] = b"\0CANARY\0CANARY\0xterm/38400\0";

    #[test]
    fn a_zero_lets_in() {
        let talk = [(Role::Client, SHELL), (Role::Server, &b"\0CANARY"[..])];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "confirmed",
                "sender rsh.login=host_trust",
                "receiver rsh.login=host_trust",
            ]
        );
        let talk = [(Role::Client, LOGIN), (Role::Server, &b"\0"[..])];
        assert_eq!(run(&RLOGIN, &talk)[1], "sender rlogin.login=host_trust");
        let refused = [(Role::Client, SHELL), (Role::Server, &b"\x01no\n"[..])];
        assert_eq!(run(&CLASSIFIER, &refused), ["confirmed"]);
        let noise = [(Role::Client, SHELL), (Role::Server, &b"\x01\x02\n"[..])];
        assert!(run(&CLASSIFIER, &noise).is_empty());
    }

    #[test]
    fn probes() {
        let ports = (1022, 514);
        let possible = Verdict::Possible(Role::Client);
        assert_eq!(probe(&CLASSIFIER, SHELL, ports), possible);
        assert_eq!(probe(&RLOGIN, LOGIN, ports), possible);
        assert_eq!(probe(&CLASSIFIER, &SHELL[..9], ports), Verdict::NeedMore);
        assert_eq!(probe(&CLASSIFIER, SHELL, (50_000, 514)), Verdict::Reject);
        for bytes in [
            &b"1021\0CANARY\0\0ls\0"[..],
            b"10x1\0CANARY\0CANARY\0ls\0",
            b"\0CANARY\0CANARY\0xterm\0",
            b"\x01\x02\x03",
        ] {
            assert_eq!(probe(&RLOGIN, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX);
            check_any(&RLOGIN, bytes, STREAM_BYTES_MAX);
            let _ = probe(&CLASSIFIER, bytes, (1022, 514));
            let _ = probe(&RLOGIN, bytes, (1022, 513));
        });
    }
}
