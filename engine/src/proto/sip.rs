//! SIP (RFC 3261; port 5060) over UDP and TCP: which software a telephone, a nurse call or a
//! switchboard runs. It reads no address, no name, no number, no call and no body.

use medtap_table::vocabulary::{Field, Protocol};

use super::http::head;
use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Session, Then, Transport, Verdict};
use crate::config::{HTTP_HEAD_BYTES_MAX, SIP_LINES_MAX};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Sip,
    transport: Transport::Udp,
    ports: &[5060],
    first: b"IRAOBCSPMNU",
    marks: &[],
    probe,
    session: || Box::new(Agent::default()),
};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    transport: Transport::Tcp,
    probe: probe_stream,
    session: || Box::new(Stream::default()),
    ..OVER_UDP
};

/// Methods, RFC 3261 section 7.1 and the RFCs that add to it.
const METHODS: [&[u8]; 14] = [
    b"INVITE",
    b"REGISTER",
    b"ACK",
    b"OPTIONS",
    b"BYE",
    b"CANCEL",
    b"SUBSCRIBE",
    b"PUBLISH",
    b"PRACK",
    b"MESSAGE",
    b"NOTIFY",
    b"UPDATE",
    b"INFO",
    b"REFER",
];

const VERSION: &[u8] = b"SIP/2.0";

/// A message's kind and its header fields.
struct Message<'a> {
    is_answer: bool,
    /// Name of the method, or the status.
    software: Option<(Field, &'a [u8])>,
    /// The number that a request and its answers share, with the method.
    sequence: Option<&'a [u8]>,
}

fn parse<'a>(segment: &Segment<'a>) -> Option<Message<'a>> {
    let mut lines = segment.bytes.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next()?.strip_suffix(b"\n")?.trim_ascii_end();
    let is_answer = first.starts_with(b"SIP/2.0 ");
    if !is_answer {
        let end = first.iter().position(|byte| *byte == b' ')?;
        let method = first.get(..end)?;
        let target = first.strip_suffix(VERSION)?.strip_suffix(b" ")?;
        if !METHODS.contains(&method) || target.len() <= end {
            return None;
        }
    }
    let mut message = Message {
        is_answer,
        software: None,
        sequence: None,
    };
    for line in lines.take(SIP_LINES_MAX) {
        // A line that the capture cut is not read.
        let Some(line) = line.strip_suffix(b"\n") else {
            break;
        };
        let line = line.trim_ascii_end();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            break;
        };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let is = |known: &[u8]| name.trim_ascii().eq_ignore_ascii_case(known);
        if is(b"User-Agent") {
            message.software = Some((Field::SipUserAgent, value));
        } else if is(b"Server") {
            message.software = Some((Field::SipServer, value));
        } else if is(b"CSeq") {
            message.sequence = Some(value);
        }
    }
    // Every message has it, section 8.1.1.
    (message.sequence.is_some() || segment.cut).then_some(message)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment) {
        Some(message) if message.is_answer => Verdict::Match(Role::Server),
        Some(_) => Verdict::Match(Role::Client),
        None => Verdict::Reject,
    }
}

/// As [`probe`], once the head is there.
fn probe_stream(segment: &Segment<'_>) -> Verdict {
    if head::end(segment.bytes, 0).is_some() {
        return probe(segment);
    }
    let bytes = segment.bytes;
    let begins = METHODS
        .iter()
        .chain(&[VERSION])
        .any(|word| bytes.starts_with(word) || word.starts_with(bytes));
    let line = bytes.split(|byte| *byte == b'\n').next();
    let is_whole = line.is_some_and(|line| line.len() < bytes.len());
    let is_other = is_whole
        && line.is_some_and(|line| {
            let line = line.trim_ascii_end();
            !line.starts_with(VERSION) && !line.ends_with(VERSION)
        });
    match begins && !is_other && !segment.cut {
        true => Verdict::NeedMore,
        false => Verdict::Reject,
    }
}

/// Messages one after another, each with the length of its body.
#[derive(Default)]
struct Stream(Agent);

impl Session for Stream {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let blanks = segment.bytes.len() - segment.bytes.trim_ascii_start().len();
        if blanks > 0 {
            return Progress::consumed(blanks);
        }
        let Some(end) = head::end(segment.bytes, 0) else {
            if segment.bytes.len() > HTTP_HEAD_BYTES_MAX {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
            return Progress::consumed(0);
        };
        let bytes = segment.bytes.get(..end).unwrap_or_default();
        let Some(message) = parse(&Segment { bytes, ..*segment }) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        self.0.message(&message, emit);
        // Over a stream every message has it, section 18.3; `l` is its short form.
        let len = head::fields(bytes)
            .find(|(name, _)| {
                name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l")
            })
            .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse::<u32>().ok())
            .unwrap_or(0);
        let there = (segment.bytes.len() - end).min(len as usize);
        Progress {
            consumed: end + there,
            then: match len as usize - there {
                0 => Then::More,
                missing => Then::Skip(missing as u64),
            },
        }
    }
}

/// What a conversation has said. Either end asks and answers.
#[derive(Default)]
struct Agent {
    confirmed: bool,
    /// The last request's number: a few digits and a method.
    asked: [u8; 24],
    asked_len: usize,
}

impl Session for Agent {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match parse(segment) {
            Some(message) => self.message(&message, emit),
            // Keep-alives between messages: RFC 5626 section 3.5.1.
            None if segment.bytes.trim_ascii().is_empty() => {}
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Agent {
    fn message(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let sequence = message.sequence.unwrap_or_default();
        if !message.is_answer {
            let len = sequence.len().min(self.asked.len());
            if let (Some(place), Some(head)) = (self.asked.get_mut(..len), sequence.get(..len)) {
                place.copy_from_slice(head);
            }
            self.asked_len = len;
        } else if !self.confirmed
            && self.asked_len > 0
            && self.asked.get(..self.asked_len) == sequence.get(..self.asked_len)
        {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if let Some((field, value)) = message.software
            && let Some(value) = printable(value)
        {
            says(field, value, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver;
    use super::*;

    const ASK: &[u8] = b"REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9\r\n\
        From: \"CANARY\" <sip:CANARY@10.0.0.1>\r\nCSeq: 7 REGISTER\r\n\
        User-Agent: Acme Nurse Call 2.1\r\nContent-Length: 0\r\n\r\n";
    const ANSWER: &[u8] = b"SIP/2.0 200 OK\r\nTo: <sip:CANARY@10.0.0.1>\r\n\
        cseq: 7 REGISTER\r\nServer: Acme PBX 13\r\n\r\nUser-Agent: CANARY\r\n";

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (5060, 5060),
            cut: false,
        }
    }

    fn say(messages: &[&[u8]]) -> Vec<String> {
        let mut said = Vec::new();
        let mut agent = Agent::default();
        for bytes in messages {
            agent.observe(&segment(bytes), &mut |seen| {
                said.push(match seen {
                    Observation::Fact { field, value, .. } => {
                        format!("{} {}", field.name(), value.escape_ascii())
                    }
                    other => format!("{other:?}"),
                });
            });
        }
        said
    }

    #[test]
    fn software_of_both_and_nobody_s_name() {
        assert_eq!(
            say(&[ASK, b"\r\n\r\n", ANSWER]),
            [
                "sip.user_agent Acme Nurse Call 2.1",
                "Confirmed",
                "sip.server Acme PBX 13"
            ]
        );
    }

    #[test]
    fn a_stream_cut_anywhere_says_the_same() {
        let answer = [ASK, b"\r\n", ANSWER].concat();
        let talk: [(Role, &[u8]); 2] = [
            (Role::Client, ASK),
            (Role::Server, answer.get(ASK.len()..).unwrap()),
        ];
        // What stands after the head of the answer is no message.
        assert_eq!(
            driver::run(&OVER_TCP, &talk)[..3],
            [
                "sender sip.user_agent=Acme Nurse Call 2.1",
                "confirmed",
                "sender sip.server=Acme PBX 13"
            ]
        );
        driver::check_cuts(&OVER_TCP, &talk[..1]);
        let part = driver::probe(&OVER_TCP, &ASK[..50], (5060, 5060));
        assert_eq!(part, Verdict::NeedMore);
        let other = b"OPTIONS rtsp://a RTSP/1.0\r\nCSeq: 1\r\n";
        let verdict = driver::probe(&OVER_TCP, other, (5060, 5060));
        assert_eq!(verdict, Verdict::Reject);
    }

    #[test]
    fn probes() {
        assert_eq!(probe(&segment(ASK)), Verdict::Match(Role::Client));
        assert_eq!(probe(&segment(ANSWER)), Verdict::Match(Role::Server));
        for bytes in [
            &b"NOTIFY * HTTP/1.1\r\nNT: x\r\n\r\n"[..],
            b"INVITE SIP/2.0\r\nCSeq: 1 INVITE\r\n",
            b"INVITE sip:a SIP/2.0\r\n\r\n",
            b"SIP/2.0 200 OK",
        ] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        for len in 0..ASK.len() {
            assert!(!say(&[&ASK[..len]]).concat().contains("CANARY"));
        }
        bolero::check!().for_each(|bytes: &[u8]| {
            say(&[bytes]);
            say(&[&ASK[..31], bytes, b"\r\nCSeq: 1 REGISTER\r\n"]
                .concat()
                .chunks(400)
                .collect::<Vec<_>>());
        });
    }
}
