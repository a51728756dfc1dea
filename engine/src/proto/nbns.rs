//! The NetBIOS name service, [RFC 1002](https://www.rfc-editor.org/rfc/rfc1002) section 4.2: the
//! names that a host registers or lists as its own. It emits no user's name (suffix 03 and all
//! that is not known), no name that is asked for, and nothing that a name server says of others.

use medtap_table::vocabulary::{Field, Protocol};

use super::dns::message::{CLASS_IN, Extent, Message, Name, Record};
use super::stack_text::printable;
use super::{ANY, Classifier, Mark, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Nbns,
    transport: Transport::Udp,
    ports: &[137],
    first: ANY,
    // At most one question.
    marks: &[Mark::At(4, &[0])],
    probe,
    session: || Box::new(Names::default()),
};

/// Record types, RFC 1002 section 4.2.1.3: an address, a host's list of names.
const TYPE_NB: u16 = 0x20;
const TYPE_NBSTAT: u16 = 0x21;

/// Operations, RFC 1002 section 4.2.1.1 (a refresh is 8 there and 9 in section 4.2.4); 15 is the
/// registration of a host with several addresses.
const QUERY: u8 = 0;
const REGISTRATION: u8 = 5;
const RELEASE: u8 = 6;
const WAIT: u8 = 7;
const REFRESH: u8 = 8;
const REFRESH_TOO: u8 = 9;
const MULTIHOMED: u8 = 15;

/// Flags of a name, RFC 1002 section 4.2.18.
const GROUP: u16 = 0x8000;
const CONFLICT: u16 = 0x0800;
const ACTIVE: u16 = 0x0400;

/// A name in a list: 15 characters, the suffix, the flags; the same without flags.
const ENTRY_LEN: usize = 18;
const NAME_LEN: usize = 16;

/// The 16 bytes of a name, RFC 1001 section 14.1: two letters for each byte, A to P.
fn decode(name: &Name<'_>) -> Option<[u8; NAME_LEN]> {
    letters(name.labels().next()?.try_into().ok()?)
}

/// The same of a name's first label.
pub(super) fn letters(label: &[u8; 2 * NAME_LEN]) -> Option<[u8; NAME_LEN]> {
    if !label.iter().all(|letter| (b'A'..=b'P').contains(letter)) {
        return None;
    }
    let (pairs, _) = label.as_chunks::<2>();
    let mut decoded = [0; NAME_LEN];
    for (byte, [high, low]) in decoded.iter_mut().zip(pairs) {
        *byte = (high - b'A') << 4 | (low - b'A');
    }
    Some(decoded)
}

/// The message, if all of it has the form of this protocol.
fn read<'a>(segment: &Segment<'a>) -> Option<Message<'a>> {
    let message = Message::parse(segment.bytes)?;
    let operation = matches!(
        message.opcode(),
        QUERY | REGISTRATION | RELEASE | WAIT | REFRESH | REFRESH_TOO | MULTIHOMED
    );
    // The two bits between "recursion available" and "broadcast" are zero.
    let flags = message.flags() & 0x0060 == 0;
    let counts = message.counts().iter().all(|count| *count <= 1);
    if !operation || !flags || !counts {
        return None;
    }
    match message.check().ok()? {
        Extent::Whole(end) if end == segment.bytes.len() => {}
        Extent::Short(whole) if segment.cut && whole > 0 => {}
        _ => return None,
    }
    let (name, kind, class) = match message.question() {
        Some(question) => (question.name, question.kind, question.class),
        None => {
            let record = message.records().next()?;
            (record.name, record.kind, record.class)
        }
    };
    decode(&name)?;
    // A negative answer has the empty type 10, RFC 1002 section 4.2.14.
    let kind = matches!(kind, TYPE_NB | TYPE_NBSTAT) || (message.is_response() && kind == 10);
    (kind && class == CLASS_IN).then_some(message)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        Some(_) => Verdict::Match(Role::Peer),
        None => Verdict::Reject,
    }
}

/// One conversation; its ends are equal: each registers its names and answers for them.
#[derive(Default)]
struct Names {
    confirmed: bool,
    /// The identifier of the last question for a list of names.
    asked: Option<u16>,
}

impl Session for Names {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            Some(message) => self.message(&message, emit),
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Names {
    fn message(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let kind = message.question().map(|question| question.kind);
        match (message.is_response(), message.opcode()) {
            (false, REGISTRATION | REFRESH | REFRESH_TOO | MULTIHOMED) => {
                self.registration(message, emit);
            }
            (false, QUERY) if kind == Some(TYPE_NBSTAT) => self.asked = Some(message.id()),
            (true, QUERY) => self.list(message, emit),
            _ => {}
        }
    }

    /// Registrations are broadcast, or sent to a name server elsewhere: nobody need answer, and
    /// the format with its two copies of a name is proof enough.
    fn registration(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let (Some(question), Some(record)) = (message.question(), message.records().next()) else {
            return;
        };
        let [high, low, ..] = *record.data else {
            return;
        };
        let sound = record.data.len() == 6
            && record.kind == TYPE_NB
            && record.name.hash() == question.name.hash();
        let Some(name) = decode(&question.name).filter(|_| sound) else {
            emit(Observation::Malformed);
            return;
        };
        self.confirm(emit);
        own(&name, u16::from_be_bytes([high, low]), emit);
    }

    /// The names that a host lists when it is asked for its status, RFC 1002 section 4.2.18.
    fn list(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let is_list = |record: &Record<'_>| record.kind == TYPE_NBSTAT;
        let Some(record) = message.records().find(is_list) else {
            return;
        };
        let Some((count, rest)) = record.data.split_first() else {
            return;
        };
        let Some(entries) = rest.get(..usize::from(*count) * ENTRY_LEN) else {
            emit(Observation::Malformed);
            return;
        };
        if self.asked.take() == Some(message.id()) {
            self.confirm(emit);
        }
        let (entries, _) = entries.as_chunks::<ENTRY_LEN>();
        for entry in entries {
            let Some((name, [high, low])) = entry.split_first_chunk() else {
                continue;
            };
            let flags = u16::from_be_bytes([*high, *low]);
            if flags & (ACTIVE | CONFLICT) == ACTIVE {
                own(name, flags, emit);
            }
        }
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

/// What a name of the sender's own says, by its suffix (Microsoft's MS-NBTE section 2.2.1; names
/// of other suffixes may be users').
fn own(name: &[u8; NAME_LEN], flags: u16, emit: Emit<'_>) {
    let [text @ .., suffix] = name;
    // A web server's names ("IS~HOST", "INet~Services") take the suffixes of hosts and domains.
    if text.contains(&b'~') {
        return;
    }
    let unique = flags & GROUP == 0;
    let named = match (suffix, unique) {
        (0x00 | 0x20, true) => Some(Field::NbnsName),
        (0x00 | 0x1c, false) => Some(Field::NbnsGroup),
        _ => None,
    };
    let service: &[u8] = match (suffix, unique) {
        (0x20, true) => b"file_server",
        (0x1b, true) => b"domain_master_browser",
        (0x1c, false) => b"domain_controller",
        (0x1d, true) => b"master_browser",
        _ => b"",
    };
    let subject = Subject::Sender;
    if let (Some(field), Some(value)) = (named, printable(text)) {
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    }
    if !service.is_empty() {
        emit(Observation::Fact {
            subject,
            field: Field::NbnsService,
            value: service,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 34 bytes of a name on the wire.
    fn encode(name: &str, suffix: u8) -> Vec<u8> {
        let mut plain = [b' '; NAME_LEN];
        plain[..name.len()].copy_from_slice(name.as_bytes());
        plain[15] = suffix;
        let letters = plain
            .iter()
            .flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]);
        std::iter::once(32)
            .chain(letters)
            .chain(std::iter::once(0))
            .collect()
    }

    fn registration(name: &str, suffix: u8, flags: u16) -> Vec<u8> {
        let head = b"\x80\x01\x29\x10\x00\x01\x00\x00\x00\x00\x00\x01";
        let record = b"\x00\x20\x00\x01\xc0\x0c\x00\x20\x00\x01\x00\x04\x93\xe0\x00\x06";
        [
            &head[..],
            &encode(name, suffix),
            record,
            &flags.to_be_bytes(),
            &[10, 0, 0, 9],
        ]
        .concat()
    }

    const ASK: &[u8] = b"\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00";

    fn list() -> Vec<u8> {
        let mut bytes = b"\x00\x07\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00".to_vec();
        bytes.extend(encode("*", 0));
        let entries: [(&[u8; 16], u16); 5] = [
            (b"CT-WS1         \x00", 0x0400),
            (b"RADIOLOGY      \x00", 0x8400),
            (b"CT-WS1         \x20", 0x0400),
            (b"ANNA           \x03", 0x0400),
            (b"OLD            \x00", 0x0c00),
        ];
        let mut data = vec![5];
        for (name, flags) in entries {
            data.extend_from_slice(name);
            data.extend_from_slice(&flags.to_be_bytes());
        }
        data.extend_from_slice(&[0; 46]);
        bytes.extend_from_slice(b"\x00\x21\x00\x01\x00\x00\x00\x00");
        bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&data);
        bytes
    }

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (137, 137),
            cut: false,
        }
    }

    fn say(session: &mut Names, bytes: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        session.observe(&segment(bytes), &mut |seen| {
            said.push(match seen {
                Observation::Fact { field, value, .. } => {
                    format!("{} {}", field.name(), value.escape_ascii())
                }
                other => format!("{other:?}"),
            });
        });
        said
    }

    fn say_once(bytes: &[u8]) -> Vec<String> {
        say(&mut Names::default(), bytes)
    }

    #[test]
    fn a_host_registers_its_names() {
        let own = registration("CT-WS1", 0x20, 0);
        assert_eq!(probe(&segment(&own)), Verdict::Match(Role::Peer));
        assert_eq!(
            say_once(&own),
            ["Confirmed", "nbns.name CT-WS1", "nbns.service file_server"]
        );
        let group = registration("RADIOLOGY", 0x00, 0x8000);
        assert_eq!(say_once(&group), ["Confirmed", "nbns.group RADIOLOGY"]);
        let domain = registration("RADIOLOGY", 0x1c, 0xe000);
        assert_eq!(
            say_once(&domain),
            [
                "Confirmed",
                "nbns.group RADIOLOGY",
                "nbns.service domain_controller"
            ]
        );
    }

    #[test]
    fn users_are_never_named() {
        for suffix in [0x01, 0x03, 0x1e, 0x1f, 0xbe] {
            let user = registration("ANNA", suffix, 0);
            assert_eq!(say_once(&user), ["Confirmed"], "{suffix:x}");
        }
    }

    #[test]
    fn a_web_server_is_no_domain() {
        assert_eq!(
            say_once(&registration("INet~Services", 0x1c, 0x8000)),
            ["Confirmed"]
        );
        assert_eq!(say_once(&registration("IS~CT-WS1", 0x00, 0)), ["Confirmed"]);
    }

    #[test]
    fn a_host_lists_its_names() {
        let said = say_once(&list());
        assert_eq!(
            said,
            [
                "nbns.name CT-WS1",
                "nbns.group RADIOLOGY",
                "nbns.name CT-WS1",
                "nbns.service file_server"
            ]
        );
        let mut session = Names::default();
        let ask = [ASK, &encode("*", 0), b"\x00\x21\x00\x01"].concat();
        assert!(say(&mut session, &ask).is_empty());
        assert_eq!(say(&mut session, &list())[0], "Confirmed");
    }

    #[test]
    fn names_that_are_asked_for_are_not_emitted() {
        let ask = [ASK, &encode("SERVER", 0x20), b"\x00\x20\x00\x01"].concat();
        assert_eq!(probe(&segment(&ask)), Verdict::Match(Role::Peer));
        assert!(say_once(&ask).is_empty());
        let mut answer = registration("SERVER", 0x20, 0);
        answer[2] = 0x85;
        assert!(say_once(&answer).is_empty());
    }

    #[test]
    fn what_is_not_sound_is_refused() {
        let own = registration("CT-WS1", 0x20, 0);
        for (at, value) in [(2, 0x09), (3, 0x60), (5, 2), (13, b'Q'), (47, 1), (49, 9)] {
            let mut bad = own.clone();
            bad[at] = value;
            assert_eq!(probe(&segment(&bad)), Verdict::Reject, "{at}");
        }
        for len in 0..own.len() {
            assert_eq!(probe(&segment(&own[..len])), Verdict::Reject, "{len}");
        }
        let mut short = list();
        short[56] = 200;
        assert_eq!(say_once(&short), ["Malformed"]);
    }

    #[test]
    fn any_bytes() {
        let list = list();
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|bytes: &[u8]| {
                say_once(bytes);
                say_once(&[&list[..46], bytes].concat());
                let len = (bytes.len() as u16).to_be_bytes();
                say_once(&[&list[..54], &len, bytes].concat());
            });
    }
}
