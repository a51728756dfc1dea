//! LDAP version 3 (RFC 4511; port 389): who serves a directory, under which name, and how clients
//! bind. It reads no name, no password, no entry but the root's, and of that only what the
//! server says of itself.
//!
//! ```text
//! SEQUENCE { number, [APPLICATION n] { … } }
//! bind request 60 { version, name, [0] password | [3] SASL } · response 61 { result, … }
//! search entry 64 { name, SEQUENCE OF { attribute, SET OF value } }
//! extended 77, 78: StartTLS
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::ber::{self, Ber, Element};
use super::stack_text::printable;
use super::upgrade::Upgrade;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict, ntlmssp};
use crate::config::{LDAP_ATTRIBUTES_MAX, LDAP_MESSAGE_BYTES_MAX};
use crate::observe::{Emit, Observation, Role, both, refuses_logon, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Ldap,
    transport: Transport::Tcp,
    ports: &[389, 3268],
    first: &[ber::SEQUENCE],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// Operations, RFC 4511 section 4.2 and on.
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const UNBIND: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const REQUESTS: [u8; 4] = [BIND_REQUEST, SEARCH_REQUEST, EXTENDED_REQUEST, UNBIND];
const RESPONSES: [u8; 4] = [BIND_RESPONSE, SEARCH_ENTRY, SEARCH_DONE, EXTENDED_RESPONSE];

/// ENUMERATED 0: success.
const SUCCESS: &[u8] = &[0x0a, 1, 0];
/// ENUMERATED 49: invalidCredentials, RFC 4511 appendix A.2.
const INVALID_CREDENTIALS: &[u8] = &[0x0a, 1, 49];
/// StartTLS, RFC 4511 section 4.14.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// What the root's entry says of the server (RFC 3045; Active Directory, [MS-ADTS] 3.1.1.3.2).
const ROOT: [(&[u8], Field); 3] = [
    (b"vendorName", Field::LdapVendorName),
    (b"vendorVersion", Field::LdapVendorVersion),
    (b"dnsHostName", Field::LdapHostName),
];

/// One message: its number and operation. `Some(None)`: its beginning.
fn parse(bytes: &[u8]) -> Option<Option<(u64, Element<'_>)>> {
    let Some(message) = Ber(bytes).any() else {
        let is_beginning = bytes.len() < 6 && bytes.first() == Some(&ber::SEQUENCE);
        return is_beginning.then_some(None);
    };
    if message.tag != ber::SEQUENCE {
        return None;
    }
    let mut inside = Ber(message.content);
    let (Some(number), Some(operation)) = (inside.unsigned(), inside.any()) else {
        return (message.missing > 0 && message.content.len() < 12).then_some(None);
    };
    let is_known = REQUESTS.contains(&operation.tag) || RESPONSES.contains(&operation.tag);
    (is_known && number <= u64::from(u32::MAX / 2)).then_some(Some((number, operation)))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment.bytes) {
        Some(Some((_, operation))) => {
            // A bind names the version; the others have a result or a name where it belongs.
            let mut inside = Ber(operation.content);
            match operation.tag {
                BIND_REQUEST if matches!(inside.unsigned(), Some(2 | 3)) => {
                    Verdict::Match(Role::Client)
                }
                SEARCH_REQUEST | EXTENDED_REQUEST if !operation.content.is_empty() => {
                    Verdict::Match(Role::Client)
                }
                BIND_RESPONSE | SEARCH_DONE | EXTENDED_RESPONSE
                    if operation.content.starts_with(&SUCCESS[..2]) =>
                {
                    Verdict::Match(Role::Server)
                }
                SEARCH_ENTRY if operation.content.first() == Some(&ber::OCTET_STRING) => {
                    Verdict::Match(Role::Server)
                }
                _ => Verdict::Reject,
            }
        }
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// How a client tries to bind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bind {
    Anonymous,
    Password,
    Sasl,
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    asked: Option<u64>,
    bind: Option<Bind>,
    wants_tls: bool,
    tls: Upgrade,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(progress) = self.tls.observe(segment, emit) {
            return progress;
        }
        let bytes = segment.bytes;
        let mut rest = Ber(bytes);
        let Some(message) = rest.any() else {
            if bytes.len() < 6 && bytes.first() == Some(&ber::SEQUENCE) {
                return Progress::consumed(0);
            }
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        let size = bytes.len() - rest.0.len();
        let whole = size + message.missing;
        if message.missing > 0 && whole <= LDAP_MESSAGE_BYTES_MAX && !segment.cut {
            return Progress::consumed(0);
        }
        match parse(bytes) {
            Some(Some((number, operation))) => {
                if self.operation(number, &operation, emit) {
                    emit(Observation::Encrypted);
                    self.tls.begin();
                    return Progress::consumed(size);
                }
            }
            // Another operation, or wrapped by SASL: nothing of it is read.
            _ if message.tag == ber::SEQUENCE => {}
            _ => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        }
        Progress {
            consumed: size,
            then: match message.missing {
                0 => Then::More,
                missing => Then::Skip(missing as u64),
            },
        }
    }

    fn kept_bytes(&self) -> usize {
        self.tls.kept_bytes()
    }
}

impl Session {
    /// Reads one operation; true if TLS follows.
    fn operation(&mut self, number: u64, operation: &Element<'_>, emit: Emit<'_>) -> bool {
        if REQUESTS.contains(&operation.tag) {
            self.asked = Some(number);
            self.request(operation, emit);
            return false;
        }
        if !self.confirmed && self.asked == Some(number) {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        let is_success = operation.content.starts_with(SUCCESS);
        match operation.tag {
            BIND_RESPONSE => {
                ntlmssp::observe(operation.content, emit);
                if operation.content.starts_with(INVALID_CREDENTIALS) && self.bind.is_some() {
                    refuses_logon(emit);
                }
                if let Some(bind) = self.bind.take().filter(|_| is_success) {
                    let value: &[u8] = match bind {
                        Bind::Anonymous => b"anonymous",
                        Bind::Password => b"password",
                        Bind::Sasl => b"sasl",
                    };
                    both(Field::LdapBind, value, emit);
                }
            }
            SEARCH_ENTRY => root(operation.content, emit),
            EXTENDED_RESPONSE => return is_success && self.wants_tls,
            _ => {}
        }
        false
    }

    fn request(&mut self, operation: &Element<'_>, emit: Emit<'_>) {
        let mut inside = Ber(operation.content);
        match operation.tag {
            BIND_REQUEST => {
                let (_, name) = (inside.unsigned(), inside.expect(ber::OCTET_STRING));
                self.bind = match inside.next() {
                    // Only whether they are empty.
                    Some(Element {
                        tag: 0x80, content, ..
                    }) => {
                        let is_open = content.is_empty() || name.is_none_or(<[u8]>::is_empty);
                        Some(if is_open {
                            Bind::Anonymous
                        } else {
                            Bind::Password
                        })
                    }
                    Some(Element {
                        tag: 0xa3 | 0x89 | 0x8a,
                        content,
                        ..
                    }) => {
                        ntlmssp::observe(content, emit);
                        Some(Bind::Sasl)
                    }
                    _ => None,
                };
            }
            EXTENDED_REQUEST => self.wants_tls = inside.expect(0x80) == Some(START_TLS),
            _ => {}
        }
    }
}

/// The entry without a name is the server's own, RFC 4512 section 5.1.
fn root(entry: &[u8], emit: Emit<'_>) {
    let mut entry = Ber(entry);
    if entry.expect(ber::OCTET_STRING) != Some(b"") {
        return;
    }
    let Some(attributes) = entry.any() else {
        return;
    };
    let mut attributes = Ber(attributes.content);
    for _ in 0..LDAP_ATTRIBUTES_MAX {
        let Some(attribute) = attributes.expect(ber::SEQUENCE) else {
            return;
        };
        let mut attribute = Ber(attribute);
        let name = attribute.expect(ber::OCTET_STRING).unwrap_or_default();
        let known = ROOT
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        /// SET OF.
        const SET: u8 = 0x31;
        let values = attribute.expect(SET).map(Ber);
        let value = values.and_then(|mut values| values.expect(ber::OCTET_STRING));
        if let (Some((_, field)), Some(value)) = (known, value.and_then(printable)) {
            says(*field, value, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 128);
        [&[tag, content.len() as u8], content].concat()
    }

    fn message(number: u8, tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let operation = tlv(tag, &parts.concat());
        tlv(ber::SEQUENCE, &[&[2, 1, number], &operation[..]].concat())
    }

    fn bind(name: &str, password: &str) -> Vec<u8> {
        let parts = [
            vec![2, 1, 3],
            tlv(4, name.as_bytes()),
            tlv(0x80, password.as_bytes()),
        ];
        message(1, BIND_REQUEST, &parts)
    }

    fn bound() -> Vec<u8> {
        message(1, BIND_RESPONSE, &[vec![0x0a, 1, 0, 4, 0, 4, 0]])
    }

    #[test]
    fn binds_are_told_without_names() {
        let (ask, answer) = (bind("cn=CANARY", "CANARY"), bound());
        let conversation = [(Role::Client, &ask[..]), (Role::Server, &answer[..])];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "sender ldap.bind=password",
                "receiver ldap.bind=password"
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
        let ask = bind("", "");
        let conversation = [(Role::Client, &ask[..]), (Role::Server, &answer[..])];
        assert!(run(&CLASSIFIER, &conversation)[1].ends_with("anonymous"));
    }

    #[test]
    fn a_refused_bind_is_none() {
        let refused = message(1, BIND_RESPONSE, &[vec![0x0a, 1, 49, 4, 0, 4, 0]]);
        let ask = bind("cn=x", "y");
        let conversation = [(Role::Client, &ask[..]), (Role::Server, &refused[..])];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "Event { subject: Sender, event: LogonRefused }",
                "Event { subject: Receiver, event: LogonRefused }",
            ]
        );
    }

    #[test]
    fn the_root_s_entry_and_no_other() {
        let entry = |name: &str| {
            let value = tlv(0x31, &tlv(4, b"dc-1.example"));
            let host = tlv(0x30, &[tlv(4, b"dnsHostName"), value].concat());
            let person = tlv(0x31, &tlv(4, b"CANARY"));
            let person = tlv(0x30, &[tlv(4, b"cn"), person].concat());
            let list = tlv(0x30, &[person, host].concat());
            message(2, SEARCH_ENTRY, &[tlv(4, name.as_bytes()), list])
        };
        let seen = run(&CLASSIFIER, &[(Role::Server, &entry(""))]);
        assert_eq!(seen, ["sender ldap.dnshostname=dc-1.example"]);
        assert_eq!(run(&CLASSIFIER, &[(Role::Server, &entry("cn=x"))]), [""; 0]);
    }

    #[test]
    fn tls_ends_the_reading() {
        let ask = message(1, EXTENDED_REQUEST, &[tlv(0x80, START_TLS)]);
        let agree = message(1, EXTENDED_RESPONSE, &[vec![0x0a, 1, 0, 4, 0, 4, 0]]);
        let conversation = [(Role::Client, &ask[..]), (Role::Server, &agree[..])];
        assert_eq!(run(&CLASSIFIER, &conversation), ["confirmed", "encrypted"]);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, &bind("", ""), PORTS), client);
        assert_eq!(
            probe(&CLASSIFIER, &bound(), PORTS),
            Verdict::Match(Role::Server)
        );
        assert_eq!(probe(&CLASSIFIER, b"0\x84", PORTS), Verdict::NeedMore);
        // SNMP over TCP, and another sequence.
        for bytes in [
            &b"0\x0b\x02\x01\x01\x04\x06public"[..],
            b"0\x03\x02\x01\x01",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
