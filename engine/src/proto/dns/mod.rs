//! DNS, [RFC 1035](https://www.rfc-editor.org/rfc/rfc1035), over UDP and TCP: who answers,
//! and, for rules alone, what is asked for: no such name is kept, since what a host looks up says
//! more of its user than of itself. It believes no record: an answer speaks of others.

pub mod dnscrypt;
pub mod message;

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
    ports: &[53],
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
    ports: &[53],
    first: ANY,
    marks: &[Mark::At(4, &OPERATIONS)],
    probe: probe_stream,
    session: || Box::new(Stream::default()),
};

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
    message.is_response() && message.counts() == [0; 4] && (1..=10).contains(&message.rcode())
}

fn role(message: &Message<'_>) -> Role {
    if message.is_response() {
        Role::Server
    } else {
        Role::Client
    }
}

/// The verdict on a datagram from or to the port of this protocol: header and question, which hold
/// some forty bits that chance would have to meet, are proof without all of the rest. Answers are
/// cut to fit, and some senders get a record wrong or send more than they count.
fn probe_at_port(message: &Message<'_>) -> bool {
    let answers_badly = is_bare_error(message);
    answers_badly || plausible(message) && subject(message).is_some_and(|asked| known(&asked))
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
    let (src, dst) = segment.ports;
    let sibling = SIBLING_PORTS.contains(&src) || SIBLING_PORTS.contains(&dst);
    if sibling && src != 53 && dst != 53 {
        return Verdict::Reject;
    }
    if (src == 53 || dst == 53)
        && let Some(message) = Message::parse(segment.bytes).filter(probe_at_port)
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
    if len < MESSAGE_LEN_MIN {
        return Verdict::Reject;
    }
    let bytes = rest.get(..len).unwrap_or(rest);
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
        let sound = |message: &Message<'_>| plausible(message) || is_bare_error(message);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `a.test A?`, recursion desired, and its answer 10.0.0.1.
    const QUERY: &[u8] =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01";
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x04test\x00\
        \x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01";

    fn segment(bytes: &[u8], from: Role) -> Segment<'_> {
        Segment {
            bytes,
            from,
            time_ns: 0,
            ports: (40_000, 53),
            cut: false,
        }
    }

    /// Away from the port.
    fn probe(bytes: &[u8]) -> Verdict {
        let mut segment = segment(bytes, Role::Client);
        segment.ports = (40_000, 9_053);
        probe_datagram(&segment)
    }

    fn probe_at_port(bytes: &[u8]) -> Verdict {
        probe_datagram(&segment(bytes, Role::Client))
    }

    /// What a session says of these messages: `c` confirmed, `s` a server, `m` malformed.
    fn say(session: &mut dyn Session, bytes: &[u8], from: Role) -> (String, Progress) {
        let mut said = String::new();
        let progress = session.observe(&segment(bytes, from), &mut |seen| match seen {
            Observation::Confirmed => said.push('c'),
            Observation::Malformed => said.push('m'),
            Observation::Fact { field, value, .. } => match field {
                Field::DnsQueryName => assert!(matches!(value, b"a.test" | b"b.test")),
                _ => {
                    assert_eq!((field, value), (Field::DnsServer, &b"answers"[..]));
                    said.push('s');
                }
            },
            other => panic!("{other:?}"),
        });
        (said, progress)
    }

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
            bytes.extend_from_slice(message);
        }
        bytes
    }

    #[test]
    fn a_probe_wants_the_whole_message() {
        assert_eq!(probe(QUERY), Verdict::Match(Role::Client));
        assert_eq!(probe(ANSWER), Verdict::Match(Role::Server));
        for len in 0..ANSWER.len() {
            assert_eq!(probe(&ANSWER[..len]), Verdict::Reject);
        }
        assert_eq!(probe(&[ANSWER, b"x"].concat()), Verdict::Reject);
        let mut cut = segment(&ANSWER[..30], Role::Server);
        cut.cut = true;
        cut.ports = (9_053, 40_000);
        assert_eq!(probe_datagram(&cut), Verdict::Match(Role::Server));
        cut.bytes = &ANSWER[..20];
        assert_eq!(probe_datagram(&cut), Verdict::Reject);
    }

    #[test]
    fn at_the_port_header_and_question_are_enough() {
        assert_eq!(probe_at_port(&ANSWER[..30]), Verdict::Match(Role::Server));
        let longer = [ANSWER, b"x"].concat();
        assert_eq!(probe_at_port(&longer), Verdict::Match(Role::Server));
        let refused = [b"\x12\x34\x81\x85", &[0; 8][..]].concat();
        assert_eq!(probe_at_port(&refused), Verdict::Match(Role::Server));
        for bytes in [&ANSWER[..20], &[0; 40], b"\x12\x34\x81\x80\0\0\0\0\0\0\0\0"] {
            assert_eq!(probe_at_port(bytes), Verdict::Reject);
        }
        let mut unknown = QUERY.to_vec();
        unknown[20] = 9;
        assert_eq!(probe_at_port(&unknown), Verdict::Reject);
    }

    #[test]
    fn an_inverse_query_asks_by_an_answer() {
        let ask = b"\x77\xfc\x09\0\0\0\0\x01\0\0\0\0\x011\x010\0\0\x01\0\x01\0\0\0\0\0\0";
        assert_eq!(probe(ask), Verdict::Match(Role::Client));
        let mut two = ask.to_vec();
        two[7] = 2;
        assert_eq!(probe(&two), Verdict::Reject);
    }

    #[test]
    fn a_probe_refuses_what_only_looks_alike() {
        for (at, value, why) in [
            (2, 0x19, "opcode 3"),
            (3, 0x40, "the reserved bit"),
            (2, 0x05, "a question with authority"),
            (5, 2, "two questions"),
            (7, 1, "an answer that is not there"),
            (20, 9, "an unknown type"),
            (22, 9, "an unknown class"),
        ] {
            let mut bytes = QUERY.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&bytes), Verdict::Reject, "{why}");
        }
        let mut private = QUERY.to_vec();
        private[20..22].copy_from_slice(&65_534_u16.to_be_bytes());
        assert_eq!(probe(&private), Verdict::Match(Role::Client));
        let name = [b"\x20".as_slice(), &[b'C'; 32], b"\0"].concat();
        let netbios = [&QUERY[..12], &name, b"\0\x20\0\x01"].concat();
        assert_eq!(probe(&netbios), Verdict::Reject);
        let mut multicast = segment(QUERY, Role::Client);
        multicast.ports = (5353, 5353);
        assert_eq!(probe_datagram(&multicast), Verdict::Reject);
    }

    #[test]
    fn an_answer_to_a_question_confirms() {
        let mut session = Datagrams::default();
        assert_eq!(say(&mut session, QUERY, Role::Client).0, "");
        assert_eq!(say(&mut session, ANSWER, Role::Server).0, "cs");
        assert_eq!(say(&mut session, ANSWER, Role::Server).0, "");
        assert_eq!(say(&mut session, b"junk", Role::Client).0, "m");
        let bare = [b"\x12\x35\x81\x01", &[0; 8][..]].concat();
        assert_eq!(say(&mut session, &bare, Role::Server).0, "");
        let mut then = Then::More;
        for _ in 0..DNS_MESSAGES_AFTER_ANSWER {
            then = say(&mut session, QUERY, Role::Client).1.then;
        }
        assert_eq!(then, Then::Done);
    }

    #[test]
    fn an_answer_without_its_question_confirms_nothing() {
        let mut session = Datagrams::default();
        assert_eq!(say(&mut session, ANSWER, Role::Server).0, "s");
        assert_eq!(say(&mut session, ANSWER, Role::Server).0, "");
        let mut other = QUERY.to_vec();
        other[13] = b'b';
        say(&mut session, &other, Role::Client);
        assert_eq!(
            say(&mut session, ANSWER, Role::Server).0,
            "",
            "another name"
        );
        say(&mut session, QUERY, Role::Client);
        assert_eq!(say(&mut session, ANSWER, Role::Server).0, "cs");
    }

    #[test]
    fn a_stream_cut_anywhere_says_the_same() {
        let queries = framed(&[QUERY, QUERY]);
        let answers = framed(&[ANSWER, ANSWER]);
        assert_eq!(
            probe_stream(&segment(&queries, Role::Client)),
            Verdict::Match(Role::Client)
        );
        for cut in 0..answers.len() {
            if cut < 2 + ANSWER.len() {
                let verdict = probe_stream(&segment(&answers[..cut], Role::Server));
                assert_eq!(verdict, Verdict::NeedMore, "{cut}");
            }
            let mut session = Stream::default();
            feed(&mut session, &queries, Role::Client, queries.len());
            let said = feed(&mut session, &answers, Role::Server, cut);
            assert_eq!(said, "cs", "{cut}");
        }
    }

    /// Feeds a stream in two pieces, as the worker does: what is left comes again with more.
    fn feed(session: &mut Stream, bytes: &[u8], from: Role, cut: usize) -> String {
        let (mut said, mut at) = (String::new(), 0);
        for end in [cut, bytes.len()] {
            while at < end {
                let (more, progress) = say(session, &bytes[at..end], from);
                said.push_str(&more);
                at += progress.consumed;
                match progress.then {
                    Then::Skip(missing) => at += missing as usize,
                    Then::More if progress.consumed == 0 => break,
                    _ => {}
                }
            }
        }
        assert_eq!(at, bytes.len());
        said
    }

    #[test]
    fn a_long_message_is_skipped_after_its_question() {
        let mut long = ANSWER.to_vec();
        long.resize(4000, 0);
        let bytes = framed(&[&long]);
        let mut session = Stream::default();
        let (said, progress) = say(&mut session, &bytes[..100], Role::Server);
        assert_eq!((said.as_str(), progress.consumed), ("s", 100));
        assert_eq!(progress.then, Then::Skip(3902));
    }

    #[test]
    fn streams_that_are_no_dns_are_refused() {
        let get = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n";
        assert_eq!(probe_stream(&segment(get, Role::Client)), Verdict::Reject);
        let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00\x00";
        assert_eq!(probe_stream(&segment(tls, Role::Client)), Verdict::Reject);
        assert_eq!(
            probe_stream(&segment(&[0, 16], Role::Client)),
            Verdict::Reject
        );
        let (said, progress) = say(&mut Stream::default(), &[0, 3, 1, 2, 3], Role::Client);
        assert_eq!((said.as_str(), progress.then), ("m", Then::Done));
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(512)
            .for_each(|bytes: &[u8]| {
                for bytes in [bytes, &framed(&[&[&QUERY[..12], bytes].concat()])] {
                    let segment = segment(bytes, Role::Client);
                    probe_datagram(&segment);
                    probe_stream(&segment);
                    Datagrams::default().observe(&segment, &mut |_| {});
                    let progress = Stream::default().observe(&segment, &mut |_| {});
                    assert!(progress.consumed <= bytes.len());
                }
            });
    }
}
