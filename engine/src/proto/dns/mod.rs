//! DNS, [RFC 1035](https://www.rfc-editor.org/rfc/rfc1035), over UDP and TCP: who answers,
//! and, for rules alone, what is asked for: no such name is kept, since what a host looks up says
//! more of its user than of itself. It believes no record: an answer speaks of others.

pub mod dnscrypt;
pub mod message;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Field, Protocol};

use self::message::{DnsError, Extent, HEADER_LEN, Item, Message, NAME_LEN_MAX, Question};
use super::stack_text::StackText;
use super::{ANY, Classifier, Mark, Progress, Segment, Session, Then, Transport, Verdict};
use crate::config::{DNS_MESSAGES_AFTER_ANSWER, DNS_MESSAGES_MAX, DNS_QUESTIONS_MAX};
use crate::observe::{Emit, Observation, Role, Subject, says};

/// The row of DNS in datagrams.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Dns,
    transport: Transport::Udp,
    ports: &[PORT],
    first: ANY,
    // The operation; one question at most.
    marks: &[Mark::At(2, &OPERATIONS), Mark::At(4, &[0])],
    probe: probe_datagram,
    session: || Box::new(Datagrams::default()),
};

/// The row of DNS in a stream, RFC 7766: each message follows its length in two bytes.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Dns,
    transport: Transport::Tcp,
    ports: &[PORT],
    first: ANY,
    marks: &[Mark::At(4, &OPERATIONS)],
    probe: probe_stream,
    session: || Box::new(Stream::default()),
};

const PORT: u16 = 53;

/// Questions of one message, at the port: clients ask one; a few ask for addresses of both
/// families.
const QUESTIONS_MAX: u16 = 4;

/// Protocols with the same message on a port of their own: mDNS, LLMNR.
const SIBLING_PORTS: [u16; 2] = [5353, 5355];

/// The length before each message of a stream, in bytes.
const PREFIX_LEN: usize = 2;

/// The shortest question: header, root, type, class.
const MESSAGE_LEN_MIN: usize = HEADER_LEN + 5;

/// So much of a long message, all of it in order, proves it before the rest is there.
const PROOF_LEN: usize = 512;

/// Ordinary queries, inverse ones (obsolete since RFC 3425, and still asked), notifications
/// (RFC 1996), updates (RFC 2136).
const QUERY: u8 = 0;
const INVERSE: u8 = 1;
const NOTIFICATION: u8 = 4;
const UPDATE: u8 = 5;

/// The byte of the flags that holds the operation, as it can be.
const OPERATIONS: [u8; 64] = {
    let mut bytes = [0; 64];
    let (mut used, mut byte) = (0, 0);
    while byte <= u8::MAX as usize {
        if is_operation(byte as u8 >> 3 & 15) {
            bytes[used] = byte as u8;
            used += 1;
        }
        byte += 1;
    }
    bytes
};

const fn is_operation(code: u8) -> bool {
    matches!(code, QUERY | INVERSE | NOTIFICATION | UPDATE)
}

/// Do the header and its counts make sense for an ordinary query or its answer?
fn plausible(message: &Message<'_>) -> bool {
    let [questions, answers, authorities, additional] = message.counts();
    let opcode = is_operation(message.opcode());
    // The bit that must be zero, RFC 1035 section 4.1.1.
    let reserved = message.flags() & 0x0040 != 0;
    // An inverse query asks by an answer, RFC 1035 section 6.4.
    let asks = match message.opcode() {
        INVERSE if !message.is_response() => questions == 0 && answers == 1,
        _ => questions == 1,
    };
    if !opcode || reserved || !asks {
        return false;
    }
    if message.is_response() {
        return message.rcode() <= 10;
    }
    // A question decides nothing: AA, TC, RA and the result are clear. Its records are few:
    // EDNS and TSIG, the serial number of a zone transfer; an update brings its own.
    let clear = message.flags() & 0x068f == 0 || message.opcode() == NOTIFICATION;
    let is_update = message.opcode() == UPDATE;
    clear && (is_update || (answers <= 1 && authorities <= 1 && additional <= 2))
}

/// What is asked: the first question, or the answer that an inverse query asks by.
fn subject<'a>(message: &Message<'a>) -> Option<Question<'a>> {
    match message.items().next()?.ok()? {
        Item::Question(question) => Some(question),
        Item::Record(record) => Some(Question {
            name: record.name,
            kind: record.kind,
            class: record.class,
        }),
    }
}

/// Is this a type and class that the registry knows (IANA, DNS parameters) or leaves to private
/// use (BIND signs zones with 65534), and no NetBIOS name?
fn known(question: &Question<'_>) -> bool {
    let kind = matches!(
        question.kind,
        1..=65 | 99..=109 | 128 | 249..=262 | 32_768 | 32_769 | 65_280..=65_534
    );
    let class = matches!(question.class, 1 | 3 | 4 | 254 | 255);
    let netbios = question.name.labels().next().is_some_and(|label| {
        label.len() == 32 && label.iter().all(|byte| (b'A'..=b'P').contains(byte))
    });
    kind && class && !netbios
}

/// A server that could not read a question says so without repeating it.
fn is_bare_error(message: &Message<'_>) -> bool {
    let is_empty = message.counts() == [0; 4] && is_operation(message.opcode());
    message.is_response() && is_empty && (1..=10).contains(&message.rcode())
}

fn role(message: &Message<'_>) -> Role {
    if message.is_response() {
        Role::Server
    } else {
        Role::Client
    }
}

/// A message from or to the port of this protocol: a first question or record that is sound, of a
/// type and class that are known, is proof there, whatever the flags say and the rest. Answers are
/// cut to fit, and some senders get a bit, a count or a record wrong.
fn is_sound_at_port(message: &Message<'_>) -> bool {
    let [questions, answers, ..] = message.counts();
    let goes_on = questions == 0 && answers > 0 && message.is_response();
    let asks = plausible(message) || (1..=QUESTIONS_MAX).contains(&questions) || goes_on;
    let is_one = is_operation(message.opcode()) && asks;
    is_bare_error(message) || is_one && subject(message).is_some_and(|asked| known(&asked))
}

/// A message that was cut within its only question: header and labels so far are sound.
fn is_sound_up_to_a_name(message: &Message<'_>) -> bool {
    let [questions, ..] = message.counts();
    plausible(message) && questions == 1 && matches!(message.check(), Ok(Extent::Short(0)))
}

/// True for a name whose first label is there, and is text.
fn begins_a_name(bytes: &[u8]) -> bool {
    let label = bytes
        .split_first()
        .and_then(|(len, rest)| rest.get(..usize::from(*len)));
    label.is_some_and(|label| !label.is_empty() && label.iter().all(u8::is_ascii_graphic))
}

fn is_at_port(segment: &Segment<'_>) -> bool {
    segment.ports.0 == PORT || segment.ports.1 == PORT
}

fn is_of_a_sibling(segment: &Segment<'_>) -> bool {
    let (src, dst) = segment.ports;
    let is_theirs = SIBLING_PORTS.contains(&src) || SIBLING_PORTS.contains(&dst);
    is_theirs && !is_at_port(segment)
}

/// The verdict on the bytes of one message, of which `missing` bytes are not there.
fn probe_message(bytes: &[u8], missing: usize, proof: usize) -> Verdict {
    let Some(message) = Message::parse(bytes) else {
        return match missing {
            0 => Verdict::Reject,
            _ => Verdict::NeedMore,
        };
    };
    if !plausible(&message) {
        return Verdict::Reject;
    }
    match (subject(&message), message.check()) {
        (_, Err(_)) => Verdict::Reject,
        (Some(question), _) if !known(&question) => Verdict::Reject,
        (Some(_), Ok(Extent::Whole(end))) if end == bytes.len() && missing == 0 => {
            Verdict::Match(role(&message))
        }
        (_, Ok(Extent::Whole(_))) => Verdict::Reject,
        (_, Ok(Extent::Short(_))) if missing == 0 => Verdict::Reject,
        (Some(_), Ok(Extent::Short(_))) if bytes.len() >= proof => Verdict::Match(role(&message)),
        _ => Verdict::NeedMore,
    }
}

fn probe_datagram(segment: &Segment<'_>) -> Verdict {
    if is_of_a_sibling(segment) {
        return Verdict::Reject;
    }
    if is_at_port(segment)
        && let Some(message) = Message::parse(segment.bytes).filter(is_sound_at_port)
    {
        return Verdict::Match(role(&message));
    }
    if segment.cut
        && is_at_port(segment)
        && let Some(message) = Message::parse(segment.bytes).filter(is_sound_up_to_a_name)
        && begins_a_name(segment.bytes.get(HEADER_LEN..).unwrap_or_default())
    {
        return Verdict::Match(role(&message));
    }
    // A cut datagram proves itself by its header and question alone: there will be no more of it.
    match probe_message(segment.bytes, usize::from(segment.cut), 0) {
        Verdict::NeedMore => Verdict::Reject,
        verdict => verdict,
    }
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    let Some((prefix, rest)) = segment.bytes.split_first_chunk::<PREFIX_LEN>() else {
        return undecided;
    };
    let len = usize::from(u16::from_be_bytes(*prefix));
    if len < MESSAGE_LEN_MIN || is_of_a_sibling(segment) {
        return Verdict::Reject;
    }
    let bytes = rest.get(..len).unwrap_or(rest);
    if is_at_port(segment)
        && let Some(message) = Message::parse(bytes).filter(is_sound_at_port)
    {
        return Verdict::Match(role(&message));
    }
    let proof = if segment.cut { 0 } else { PROOF_LEN };
    match probe_message(bytes, len - bytes.len(), proof) {
        Verdict::NeedMore => undecided,
        verdict => verdict,
    }
}

/// A question that waits for its answer: its identifier, and its name, type and class hashed.
type Asked = (u16, u64);

/// What a conversation's messages have said, whatever carries them.
#[derive(Default)]
struct Exchange {
    asked: [Option<Asked>; DNS_QUESTIONS_MAX],
    next: usize,
    messages: u16,
    answered: bool,
    /// Each end was already named as a server: the one the probe called so, and the other.
    named: [bool; 2],
}

impl Exchange {
    /// Reads one message up to its question; true when nothing more can be learnt.
    fn message(&mut self, message: &Message<'_>, from: Role, emit: Emit<'_>) -> bool {
        self.messages = self.messages.saturating_add(1);
        if let Some(question) = subject(message) {
            let mixed = u64::from(question.kind) << 16 | u64::from(question.class);
            let asked = (message.id(), question.name.hash() ^ mixed);
            if message.is_response() {
                self.answer(asked, from, emit);
            } else {
                self.ask(asked);
                look_up(&question, emit);
            }
        }
        self.messages >= DNS_MESSAGES_MAX
    }

    fn ask(&mut self, asked: Asked) {
        if let Some(place) = self.asked.get_mut(self.next) {
            *place = Some(asked);
        }
        self.next = (self.next + 1) % DNS_QUESTIONS_MAX;
    }

    fn answer(&mut self, answer: Asked, from: Role, emit: Emit<'_>) {
        let question = self.asked.iter_mut().find(|asked| **asked == Some(answer));
        let newly = match question {
            Some(question) => {
                *question = None;
                !self.answered
            }
            None => false,
        };
        if newly {
            self.answered = true;
            self.messages = DNS_MESSAGES_MAX - DNS_MESSAGES_AFTER_ANSWER;
            emit(Observation::Confirmed);
        }
        let [server, other] = &mut self.named;
        let named = if from == Role::Server { server } else { other };
        if newly || !*named {
            *named = true;
            emit(Observation::Fact {
                subject: Subject::Sender,
                field: Field::DnsServer,
                value: b"answers",
            });
        }
    }
}

/// Lets rules hear which host is looked up: its address (A, AAAA), or how it serves (HTTPS).
fn look_up(question: &Question<'_>, emit: Emit<'_>) {
    const INTERNET: u16 = 1;
    let mut name = StackText::<NAME_LEN_MAX>::new();
    let is_host = matches!(question.kind, 1 | 28 | 65) && question.class == INTERNET;
    let fits = |name: &mut StackText<NAME_LEN_MAX>| {
        question
            .name
            .labels()
            .all(|label| (name.is_empty() || name.push(b".")) && name.push_lower(label))
    };
    if is_host && fits(&mut name) && !name.is_empty() {
        says(Field::DnsQueryName, name.as_bytes(), emit);
    }
}

/// DNS in datagrams.
#[derive(Default)]
struct Datagrams {
    exchange: Exchange,
}

impl Session for Datagrams {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let sound = |message: &Message<'_>| {
            plausible(message)
                || is_bare_error(message)
                || is_at_port(segment) && is_sound_at_port(message)
        };
        let done = match Message::parse(segment.bytes).filter(sound) {
            Some(message) => self.exchange.message(&message, segment.from, emit),
            None => {
                emit(Observation::Malformed);
                self.exchange.messages = self.exchange.messages.saturating_add(1);
                self.exchange.messages >= DNS_MESSAGES_MAX
            }
        };
        match done {
            true => Progress::DONE,
            false => Progress::consumed(segment.bytes.len()),
        }
    }
}

/// DNS in a stream. It waits for a message's question alone and skips the rest unread.
#[derive(Default)]
struct Stream {
    exchange: Exchange,
}

impl Session for Stream {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let Some((prefix, rest)) = segment.bytes.split_first_chunk::<PREFIX_LEN>() else {
            return Progress::consumed(0);
        };
        let len = usize::from(u16::from_be_bytes(*prefix));
        let bytes = rest.get(..len).unwrap_or(rest);
        let whole = bytes.len() == len || segment.cut;
        match Message::parse(bytes).map(|message| (message, message.items().next())) {
            Some((message, None | Some(Ok(_)))) if message.counts()[0] <= 1 => {
                if self.exchange.message(&message, segment.from, emit) {
                    return Progress::DONE;
                }
            }
            None | Some((_, Some(Err(DnsError::Short)))) if !whole => {
                return Progress::consumed(0);
            }
            _ => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        }
        let consumed = PREFIX_LEN + bytes.len();
        match len - bytes.len() {
            0 => Progress::consumed(consumed),
            missing => Progress {
                consumed,
                then: Then::Skip(missing as u64),
            },
        }
    }
}
