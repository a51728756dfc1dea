//! Kerberos 5 (RFC 4120; port 88) over UDP and TCP: who hands out tickets, and for which realm. It
//! reads no principal, no ticket and no address.
//!
//! ```text
//! over TCP: length u32, then as over UDP
//! message   APPLICATION 10 to 30 { SEQUENCE { [n] version 5, [n + 1] type, … } }
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::ber::{Ber, SEQUENCE};
use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Transport, Verdict, reported};
use crate::config::KERBEROS_MESSAGE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, refuses_logon, says};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Kerberos,
    transport: Transport::Udp,
    ports: &[88],
    first: &[AS_REQUEST, AS_ANSWER, TGS_REQUEST, TGS_ANSWER, ERROR],
    marks: &[],
    probe: |segment| match Message::parse(segment.bytes) {
        Some(message) => Verdict::Match(message.role()),
        None => Verdict::Reject,
    },
    session: || Box::new(Session::default()),
};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Kerberos,
    transport: Transport::Tcp,
    ports: &[88],
    first: &[0],
    marks: &[],
    probe: probe_stream,
    session: || {
        Box::new(Session {
            is_framed: true,
            ..Session::default()
        })
    },
};

/// Tags of the messages between a client and a key centre: APPLICATION, constructed.
const AS_REQUEST: u8 = 0x6a;
const AS_ANSWER: u8 = 0x6b;
const TGS_REQUEST: u8 = 0x6c;
const TGS_ANSWER: u8 = 0x6d;
const ERROR: u8 = 0x7e;
/// Errors by which a client's log-on fails, RFC 4120 section 7.5.9: unknown principal, revoked,
/// expired key, wrong key.
const REFUSALS: [u64; 4] = [6, 18, 23, 24];

/// A string of a realm.
const GENERAL_STRING: u8 = 0x1b;

/// Context-specific, constructed, of this number.
const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// The parts of a message that count.
struct Message<'a> {
    tag: u8,
    /// The realm that the key centre answers for.
    realm: Option<&'a [u8]>,
    /// The key centre refuses the client by its account.
    refuses: bool,
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Ber(bytes);
        let element = outer.next()?;
        let tag = element.tag;
        if !matches!(
            tag,
            AS_REQUEST | AS_ANSWER | TGS_REQUEST | TGS_ANSWER | ERROR
        ) {
            return None;
        }
        let mut fields = Ber(Ber(element.content).expect(SEQUENCE)?);
        // Requests count their fields from one, all others from zero.
        let first = u8::from(matches!(tag, AS_REQUEST | TGS_REQUEST));
        let version = Ber(fields.expect(context(first))?).unsigned()?;
        let kind = Ber(fields.expect(context(first + 1))?).unsigned()?;
        if version != 5 || kind != u64::from(tag & 0x1f) || !outer.0.is_empty() {
            return None;
        }
        let realm_at = match tag {
            AS_ANSWER | TGS_ANSWER => Some(context(3)),
            ERROR => Some(context(9)),
            _ => None,
        };
        let (mut realm, mut refuses) = (None, false);
        while let Some(field) = fields.next() {
            if Some(field.tag) == realm_at {
                realm = Ber(field.content).expect(GENERAL_STRING);
            }
            if tag == ERROR && field.tag == context(6) {
                let code = Ber(field.content).unsigned();
                refuses = code.is_some_and(|code| REFUSALS.contains(&code));
            }
        }
        Some(Self {
            tag,
            realm,
            refuses,
        })
    }

    fn role(&self) -> Role {
        match self.tag {
            AS_REQUEST | TGS_REQUEST => Role::Client,
            _ => Role::Server,
        }
    }
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    let Some((prefix, message)) = segment.bytes.split_first_chunk::<4>() else {
        return match segment.bytes.get(1) {
            Some(byte) if *byte != 0 => Verdict::Reject,
            _ => undecided,
        };
    };
    let Some(len) = length(*prefix) else {
        return Verdict::Reject;
    };
    let tags = [AS_REQUEST, AS_ANSWER, TGS_REQUEST, TGS_ANSWER, ERROR];
    if message.first().is_some_and(|tag| !tags.contains(tag)) {
        return Verdict::Reject;
    }
    // The first bytes of a message say as much as all of it: tag, version and type.
    match message.get(..len) {
        Some(message) => match Message::parse(message) {
            Some(message) => Verdict::Match(message.role()),
            None => Verdict::Reject,
        },
        None => undecided,
    }
}

fn length(prefix: [u8; 4]) -> Option<usize> {
    let len = usize::try_from(u32::from_be_bytes(prefix)).ok()?;
    (16..=KERBEROS_MESSAGE_BYTES_MAX)
        .contains(&len)
        .then_some(len)
}

/// What a conversation has said so far.
#[derive(Default)]
struct Session {
    is_framed: bool,
    /// The tag of the last question.
    asked: Option<u8>,
    confirmed: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if !self.is_framed {
            self.message(segment.bytes, emit);
            return Progress::consumed(segment.bytes.len());
        }
        let Some((prefix, rest)) = segment.bytes.split_first_chunk::<4>() else {
            return Progress::consumed(0);
        };
        let Some(len) = length(*prefix) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        match rest.get(..len) {
            Some(message) => {
                self.message(message, emit);
                Progress::consumed(4 + len)
            }
            None => Progress::consumed(0),
        }
    }
}

impl Session {
    fn message(&mut self, bytes: &[u8], emit: Emit<'_>) {
        let Some(message) = Message::parse(bytes) else {
            return emit(Observation::Malformed);
        };
        if message.role() == Role::Client {
            self.asked = Some(message.tag);
            return;
        }
        let answers = match self.asked {
            Some(asked) => message.tag == ERROR || message.tag == asked + 1,
            None => false,
        };
        if answers && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
            says(Field::KerberosRole, b"kdc", emit);
        }
        if answers && message.refuses {
            refuses_logon(emit);
        }
        let realm = message.realm.and_then(printable);
        if let Some(realm) = realm.filter(|realm| !reported::names_person(realm)) {
            says(Field::KerberosRealm, realm, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x6a\x1a\x30\x18\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\
        \xa4\x0c\x30\x0a\xa2\x08\x1b\x06CANARY";
    const REFUSAL: &[u8] = b"\x7e\x20\x30\x1e\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\
        \xa6\x03\x02\x01\x19\xa9\x0d\x1b\x0bHOSP.DE.ORG";

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u32).to_be_bytes()[..], message].concat()
    }

    #[test]
    fn a_key_centre_tells_its_realm() {
        let expected = [
            "confirmed",
            "sender kerberos.role=kdc",
            "sender kerberos.realm=HOSP.DE.ORG",
        ];
        let talk = [(Role::Client, ASK), (Role::Server, REFUSAL)];
        assert_eq!(run(&OVER_UDP, &talk), expected);
        let (ask, refusal) = (framed(ASK), framed(REFUSAL));
        let talk: [(Role, &[u8]); 2] = [(Role::Client, &ask), (Role::Server, &refusal)];
        assert_eq!(run(&OVER_TCP, &talk), expected);
        check_cuts(&OVER_TCP, &talk);
        // Nobody asked.
        let said = run(&OVER_UDP, &[(Role::Server, REFUSAL)]);
        assert_eq!(said, ["sender kerberos.realm=HOSP.DE.ORG"]);
    }

    #[test]
    fn a_wrong_password_is_an_obstacle_and_a_question_for_one_is_none() {
        let wrong: Vec<u8> = REFUSAL
            .iter()
            .map(|b| if *b == 0x19 { 0x18 } else { *b })
            .collect();
        let said = run(&OVER_UDP, &[(Role::Client, ASK), (Role::Server, &wrong)]);
        let obstacle = [
            "Event { subject: Sender, event: LogonRefused }",
            "Event { subject: Receiver, event: LogonRefused }",
        ];
        assert_eq!(said[2..4], obstacle);
        let unasked = run(&OVER_UDP, &[(Role::Server, &wrong)]);
        assert_eq!(unasked, ["sender kerberos.realm=HOSP.DE.ORG"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_UDP, ASK, ports), client);
        assert_eq!(probe(&OVER_TCP, &framed(ASK), ports), client);
        let part = probe(&OVER_TCP, &framed(ASK)[..9], ports);
        assert_eq!(part, Verdict::NeedMore);
        for (at, value) in [(0, 0x61), (2, 0x31), (8, 4), (13, 11), (1, 9)] {
            let mut bytes = ASK.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&OVER_UDP, &bytes, ports), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_UDP, bytes, usize::MAX);
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
        });
    }
}
