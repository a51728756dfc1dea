//! RTSP 1.0 and 2.0 (RFC 2326, RFC 7826; port 554): the software of cameras and recorders, and of
//! those who watch, and that a password crossed the wire in clear. It reads no address of a
//! stream, no user, no password, no description and no picture.

use medtap_table::vocabulary::{Field, Protocol};

use super::http::head;
use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{HTTP_HEAD_BYTES_MAX, RTSP_MESSAGES_MAX};
use crate::observe::{Emit, Observation, Role, both, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Rtsp,
    transport: Transport::Tcp,
    ports: &[554, 8554],
    first: b"ODASPTGR",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// Methods, RFC 2326 section 10 and RFC 7826 section 13.
const METHODS: [&[u8]; 12] = [
    b"OPTIONS",
    b"DESCRIBE",
    b"ANNOUNCE",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"REDIRECT",
    b"RECORD",
    b"PLAY_NOTIFY",
];
const VERSIONS: [&[u8]; 2] = [b"RTSP/1.0", b"RTSP/2.0"];

/// A first line is shorter than this.
const LINE_LEN_MAX: usize = 1024;

/// A start line that is whole: true for an answer.
fn start(line: &[u8]) -> Option<bool> {
    let line = line.trim_ascii_end();
    let mut parts = line.split(|byte| *byte == b' ');
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next());
    if VERSIONS.contains(&first) {
        let is_code = second.len() == 3 && second.iter().all(u8::is_ascii_digit);
        return is_code.then_some(true);
    }
    let fits = METHODS.contains(&first) && third.is_some_and(|version| VERSIONS.contains(&version));
    (fits && parts.next().is_none()).then_some(false)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        return match start(bytes.get(..end).unwrap_or_default()) {
            Some(true) => Verdict::Match(Role::Server),
            Some(false) => Verdict::Match(Role::Client),
            None => Verdict::Reject,
        };
    }
    let begins = METHODS
        .iter()
        .chain(&VERSIONS)
        .any(|word| bytes.starts_with(word) || word.starts_with(bytes));
    match begins && bytes.len() < LINE_LEN_MAX && !segment.cut {
        true => Verdict::NeedMore,
        false => Verdict::Reject,
    }
}

/// What one connection has said so far. Either end may ask.
#[derive(Default)]
struct Session {
    asked: bool,
    confirmed: bool,
    /// The last request held a password that anybody can read.
    logs_in: bool,
    messages: u16,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let bytes = segment.bytes;
        // Media between messages: RFC 2326 section 10.12.
        if bytes.first() == Some(&b'$') {
            return match bytes.first_chunk::<4>() {
                None => Progress::consumed(0),
                Some([_, _, high, low]) => skip(bytes, 4, u16::from_be_bytes([*high, *low]).into()),
            };
        }
        let Some(end) = head::end(bytes, 0) else {
            if bytes.len() > HTTP_HEAD_BYTES_MAX {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
            return Progress::consumed(0);
        };
        let message = bytes.get(..end).unwrap_or_default();
        let line = message.split(|byte| *byte == b'\n').next();
        let Some(is_answer) = line.and_then(start) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        self.messages += 1;
        let body = self.message(message, is_answer, emit);
        if self.messages > RTSP_MESSAGES_MAX {
            return Progress::DONE;
        }
        skip(bytes, end, body)
    }
}

impl Session {
    /// Reads a head; gives the length of its body.
    fn message(&mut self, message: &[u8], is_answer: bool, emit: Emit<'_>) -> u64 {
        let mut body = 0;
        let is_good = message.get(9..12) == Some(b"200");
        if is_answer && self.asked && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        self.asked |= !is_answer;
        let mut logs_in = false;
        for (name, value) in head::fields(message) {
            let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
            let field = if is(b"Server") && is_answer {
                Some(Field::RtspServer)
            } else if is(b"User-Agent") && !is_answer {
                Some(Field::RtspUserAgent)
            } else {
                None
            };
            if let Some((field, value)) = field.zip(printable(value)) {
                says(field, value, emit);
            }
            if is(b"WWW-Authenticate")
                && is_answer
                && let Some(realm) = head::realm(value).and_then(printable)
            {
                says(Field::RtspRealm, realm, emit);
            }
            if is(b"Authorization") {
                logs_in = head::is_basic(value);
            }
            if is(b"Content-Length") {
                let digits = std::str::from_utf8(value).ok();
                body = digits
                    .and_then(|digits| digits.parse::<u32>().ok())
                    .unwrap_or(0)
                    .into();
            }
        }
        if !is_answer {
            self.logs_in = logs_in;
        } else if std::mem::take(&mut self.logs_in) && is_good {
            both(Field::RtspLogin, b"basic", emit);
        }
        body
    }
}

/// Steps over a head of `end` bytes and a body of `len`.
fn skip(bytes: &[u8], end: usize, len: u64) -> Progress {
    let there = (bytes.len() as u64 - end as u64).min(len);
    Progress {
        consumed: end + there as usize,
        then: match len - there {
            0 => Then::More,
            missing => Then::Skip(missing),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const TALK: &[(Role, &[u8])] = &[
        (
            Role::Client,
            b"DESCRIBE rtsp://CANARY/1 RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: LibVLC/3.0.18\r\n\r\n",
        ),
        (
            Role::Server,
            b"RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nServer: Acme Rtsp Server/2.0\r\n\
              WWW-Authenticate: Basic realm=\"Acme Cam 4\"\r\n\r\n",
        ),
        (
            Role::Client,
            b"DESCRIBE rtsp://CANARY/1 RTSP/1.0\r\nCSeq: 3\r\nAuthorization: Basic Q0FO\r\n\r\n",
        ),
        (
            Role::Server,
            b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 6\r\n\r\nCANARY$\0\0\x02xxRTSP/1.0 200 \
              OK\r\nCSeq: 4\r\n\r\n",
        ),
    ];

    #[test]
    fn software_of_both_and_that_a_password_was_clear() {
        assert_eq!(
            run(&CLASSIFIER, TALK),
            [
                "sender rtsp.user_agent=LibVLC/3.0.18",
                "confirmed",
                "sender rtsp.server=Acme Rtsp Server/2.0",
                "sender rtsp.realm=Acme Cam 4",
                "sender rtsp.login=basic",
                "receiver rtsp.login=basic",
            ]
        );
        check_cuts(&CLASSIFIER, TALK);
    }

    #[test]
    fn a_refused_password_is_no_log_in() {
        let talk = [TALK[2], TALK[1]];
        let said = run(&CLASSIFIER, &talk);
        assert!(!said.iter().any(|line| line.contains("login")));
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, TALK[0].1, ports), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, TALK[1].1, ports), server);
        assert_eq!(probe(&CLASSIFIER, b"DESCR", ports), Verdict::NeedMore);
        for bytes in [
            &b"OPTIONS * HTTP/1.1\r\n"[..],
            b"OPTIONS sip:a SIP/2.0\r\n",
            b"RTSP/1.0 OK\r\n",
            b"DELETE x RTSP/1.0\r\n",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
