//! Link-local multicast name resolution (RFC 4795; port 5355): the name that a host answers to,
//! which is its own. It reads no name that is asked for. Who asks for the name of an address, or
//! got a short answer, asks again over TCP, where a message follows its length in two bytes.

use medtap_table::vocabulary::{Field, Protocol};

use super::dns::message::{CLASS_IN, Extent, Message, TYPE_A, TYPE_AAAA};
use super::stack_text::printable;
use super::{Classifier, Mark, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol in datagrams.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Llmnr,
    transport: Transport::Udp,
    ports: &[PORT],
    // A number that its sender makes up.
    first: super::ANY,
    marks: &[Mark::Port],
    probe,
    session: || Box::new(Names),
};

/// The row of this protocol in a stream.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Llmnr,
    transport: Transport::Tcp,
    ports: &[PORT],
    first: super::ANY,
    marks: &[Mark::Port],
    probe: probe_stream,
    session: || Box::new(Stream),
};

const PORT: u16 = 5355;

/// The length before each message of a stream, in bytes.
const PREFIX_LEN: usize = 2;
/// A longer message than any host has names and addresses for, bytes.
const MESSAGE_LEN_MAX: usize = 4096;

/// Bits that are zero, section 2.1.1: the kind of question, and four that are reserved.
const ZERO: u16 = 0x78f0;

/// The message, if all of it has the form of this protocol: DNS tells it from others by the port.
fn read<'a>(segment: &Segment<'a>) -> Option<Message<'a>> {
    let (src, dst) = segment.ports;
    if src != PORT && dst != PORT {
        return None;
    }
    let message = Message::parse(segment.bytes)?;
    let [questions, answers, authorities, _] = message.counts();
    let is_sound = message.flags() & ZERO == 0
        && questions == 1
        && authorities == 0
        && (message.is_response() || answers == 0)
        && message.question()?.class == CLASS_IN;
    let is_whole = match message.check().ok()? {
        Extent::Whole(end) => end == segment.bytes.len(),
        Extent::Short(_) => segment.cut,
    };
    (is_sound && is_whole).then_some(message)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        Some(message) if message.is_response() => Verdict::Match(Role::Server),
        Some(_) => Verdict::Match(Role::Client),
        None => Verdict::Reject,
    }
}

/// The first message of a stream, if it is there to its end, or whether more of it may come.
fn message<'a>(segment: &Segment<'a>) -> Result<Segment<'a>, Verdict> {
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    let (prefix, rest) = segment.bytes.split_first_chunk().ok_or(undecided)?;
    let len = usize::from(u16::from_be_bytes(*prefix));
    if len > MESSAGE_LEN_MAX {
        return Err(Verdict::Reject);
    }
    let bytes = rest.get(..len).ok_or(undecided)?;
    Ok(Segment { bytes, ..*segment })
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    message(segment).map_or_else(|undecided| undecided, |message| probe(&message))
}

/// Questions go to a group and answers come from others: each message stands for itself.
struct Names;

impl Session for Names {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            Some(message) => {
                emit(Observation::Confirmed);
                if message.is_response() {
                    own(&message, emit);
                }
            }
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

/// One message after another, each behind its length.
struct Stream;

impl Session for Stream {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match message(segment) {
            Ok(message) => {
                Names.observe(&message, emit);
                Progress::consumed(PREFIX_LEN + message.bytes.len())
            }
            Err(Verdict::NeedMore) => Progress::consumed(0),
            Err(_) => Progress::DONE,
        }
    }
}

/// A name of one label with an address of its own.
fn own(message: &Message<'_>, emit: Emit<'_>) -> Option<()> {
    let question = message.question()?;
    let [label] = question.name.parts::<1>()?;
    let mut records = message.records();
    let has_address = records.any(|record| {
        matches!(record.kind, TYPE_A | TYPE_AAAA) && record.name.hash() == question.name.hash()
    });
    if has_address && message.rcode() == 0 {
        says(Field::LlmnrName, printable(label)?, emit);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, probe};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x06ward-7\0\0\x01\0\x01";
    const ANSWER: &[u8] = b"\x12\x34\x80\0\0\x01\0\x01\0\0\0\0\x06ward-7\0\0\x01\0\x01\
        \xc0\x0c\0\x01\0\x01\0\0\0\x1e\0\x04\x0a\0\0\x07";

    fn say(bytes: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        let segment = Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (PORT, 50_000),
            cut: false,
        };
        Names.observe(&segment, &mut |seen| {
            said.push(match seen {
                Observation::Fact { field, value, .. } => {
                    format!("{} {}", field.name(), value.escape_ascii())
                }
                other => format!("{other:?}"),
            });
        });
        said
    }

    #[test]
    fn who_answers_says_its_name() {
        assert_eq!(say(ASK), ["Confirmed"]);
        assert_eq!(say(ANSWER), ["Confirmed", "llmnr.name ward-7"]);
        let mut refused = ANSWER.to_vec();
        refused[3] = 2;
        assert_eq!(say(&refused), ["Confirmed"]);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_UDP, ASK, (50_000, PORT)), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&OVER_UDP, ANSWER, (PORT, 50_000)), server);
        assert_eq!(probe(&OVER_UDP, ASK, (50_000, 53)), Verdict::Reject);
        for (at, value) in [(2, 8), (3, 0x80), (5, 2), (7, 1), (23, 2)] {
            let mut bytes = ASK.to_vec();
            bytes[at] = value;
            let verdict = probe(&OVER_UDP, &bytes, (50_000, PORT));
            assert_eq!(verdict, Verdict::Reject, "{at}");
        }
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u16).to_be_bytes(), message].concat()
    }

    #[test]
    fn in_a_stream_each_message_follows_its_length() {
        let (ask, answer) = (framed(ASK), framed(ANSWER));
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_TCP, &ask, (50_000, PORT)), client);
        assert_eq!(
            probe(&OVER_TCP, &ask[..9], (50_000, PORT)),
            Verdict::NeedMore
        );
        assert_eq!(probe(&OVER_TCP, &ask, (50_000, 53)), Verdict::Reject);
        assert_eq!(
            probe(&OVER_TCP, &[0x20, 0, 1], (50_000, PORT)),
            Verdict::Reject
        );
        let mut said = Vec::new();
        for bytes in [&ask[..7], &ask, &answer] {
            let segment = Segment {
                bytes,
                from: Role::Peer,
                time_ns: 0,
                ports: (PORT, 50_000),
                cut: false,
            };
            let progress = Stream.observe(&segment, &mut |seen| match seen {
                Observation::Fact { field, value, .. } => {
                    said.push(format!("{} {}", field.name(), value.escape_ascii()));
                }
                other => said.push(format!("{other:?}")),
            });
            said.push(progress.consumed.to_string());
        }
        let expected = [
            "0",
            "Confirmed",
            "26",
            "Confirmed",
            "llmnr.name ward-7",
            "42",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(bytes);
            say(&[&ANSWER[..12], bytes].concat());
            check_any(&OVER_UDP, bytes, usize::MAX);
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
        });
    }
}
