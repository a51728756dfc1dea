//! Link-local multicast name resolution (RFC 4795; port 5355): the name that a host answers to,
//! which is its own. It reads no name that is asked for.

use medtap_table::vocabulary::{Field, Protocol};

use super::dns::message::{CLASS_IN, Extent, Message, TYPE_A, TYPE_AAAA};
use super::stack_text::printable;
use super::{Classifier, Mark, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Llmnr,
    transport: Transport::Udp,
    ports: &[PORT],
    // A number that its sender makes up.
    first: super::ANY,
    marks: &[Mark::Port],
    probe,
    session: || Box::new(Names),
};

const PORT: u16 = 5355;

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
        assert_eq!(probe(&CLASSIFIER, ASK, (50_000, PORT)), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, ANSWER, (PORT, 50_000)), server);
        assert_eq!(probe(&CLASSIFIER, ASK, (50_000, 53)), Verdict::Reject);
        for (at, value) in [(2, 8), (3, 0x80), (5, 2), (7, 1), (23, 2)] {
            let mut bytes = ASK.to_vec();
            bytes[at] = value;
            let verdict = probe(&CLASSIFIER, &bytes, (50_000, PORT));
            assert_eq!(verdict, Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(bytes);
            say(&[&ANSWER[..12], bytes].concat());
            check_any(&CLASSIFIER, bytes, usize::MAX);
        });
    }
}
