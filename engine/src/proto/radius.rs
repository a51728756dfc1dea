//! RADIUS (RFC 2865, 2866; ports 1812, 1813 and their elders 1645, 1646): at which port of which
//! switch or access point a station stands. It reads no user, no password, no address of a user
//! and no vendor's attribute: five attributes are looked at, by number. What a server asks of a
//! switch of its own accord (RFC 5176; port 3799) gets its name, and nothing of it is read.
//!
//! ```text
//!   0  code │ identifier │ length        4  authenticator (16)       20  attributes
//!      attribute:  type │ length (of all three) │ value
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::pair::is_host_mac;
use super::stack_text::{StackText, mac as mac_text, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, MacAddr, Observation, Role, Subject, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Radius,
    transport: Transport::Udp,
    ports: &PORTS,
    first: &[1, 2, 3, 4, 5, 11, 40, 41, 42, 43, 44, 45],
    marks: &[],
    probe,
    session: || Box::new(Access::default()),
};

const PORTS: [u16; 5] = [1812, 1813, 1645, 1646, DYNAMIC];
/// The port of requests that a server makes, RFC 5176 section 2.1.
const DYNAMIC: u16 = 3799;
const HEADER_LEN: usize = 20;
/// RFC 2865 section 3.
const PACKET_LEN_MAX: usize = 4096;

/// Codes, RFC 2865 section 3 and RFC 2866 section 3.
const ACCESS_REQUEST: u8 = 1;
const ACCOUNTING_REQUEST: u8 = 4;
const ANSWERS: [u8; 8] = [2, 3, 5, 11, 41, 42, 44, 45];

/// Codes of what a server asks, RFC 5176 section 2.3.
const DISCONNECT_REQUEST: u8 = 40;
const CHANGE_REQUEST: u8 = 43;

/// Attributes, RFC 2865 section 5; the last is RFC 2869's.
const NAS_ADDRESS: u8 = 4;
const CALLED_STATION: u8 = 30;
const CALLING_STATION: u8 = 31;
const NAS_IDENTIFIER: u8 = 32;
const NAS_PORT_ID: u8 = 87;

/// The longest that an attribute's value can be, in bytes.
const VALUE_LEN_MAX: usize = 253;

/// A packet whose attributes fill it.
struct Packet<'a> {
    code: u8,
    identifier: u8,
    attributes: &'a [u8],
}

impl<'a> Packet<'a> {
    /// RFC 2865 section 3: the length is the packet's; what follows is padding.
    fn parse(segment: &Segment<'a>) -> Option<Self> {
        let (src, dst) = segment.ports;
        let (header, _) = segment.bytes.split_first_chunk::<HEADER_LEN>()?;
        let [code, identifier, high, low, ..] = *header;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let port = if is_request(code) { dst } else { src };
        let sound = (HEADER_LEN..=PACKET_LEN_MAX).contains(&len)
            && (is_request(code) || ANSWERS.contains(&code))
            && PORTS.contains(&port)
            && (code >= DISCONNECT_REQUEST) == (port == DYNAMIC);
        let end = if segment.cut {
            segment.bytes.len().min(len)
        } else {
            len
        };
        let attributes = segment.bytes.get(HEADER_LEN..end)?;
        let packet = Self {
            code,
            identifier,
            attributes,
        };
        (sound && (segment.cut || packet.is_whole())).then_some(packet)
    }

    /// Attributes fill the packet; a request has some.
    fn is_whole(&self) -> bool {
        let mut len = 0;
        for (_, value) in attributes(self.attributes) {
            len += value.len() + 2;
        }
        len == self.attributes.len() && (len > 0 || !is_request(self.code))
    }

    /// The first attribute of a type.
    fn get(&self, wanted: u8) -> Option<&'a [u8]> {
        attributes(self.attributes)
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    }
}

fn is_request(code: u8) -> bool {
    matches!(
        code,
        ACCESS_REQUEST | ACCOUNTING_REQUEST | DISCONNECT_REQUEST | CHANGE_REQUEST
    )
}

/// Types and values, up to the first that does not fit.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[kind, len], _) = rest.split_first_chunk::<2>()?;
        let (attribute, after) = rest.split_at_checked(usize::from(len))?;
        rest = after;
        Some((kind, attribute.get(2..)?))
    })
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match Packet::parse(segment) {
        Some(packet) if is_request(packet.code) => Verdict::Match(Role::Client),
        Some(_) => Verdict::Match(Role::Server),
        None => Verdict::Reject,
    }
}

/// A conversation of an access server and the one that it asks.
#[derive(Default)]
struct Access {
    confirmed: bool,
    /// Code and identifier of the last request.
    asked: Option<(u8, u8)>,
}

impl Session for Access {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match Packet::parse(segment) {
            Some(packet) if is_request(packet.code) => {
                self.asked = Some((packet.code, packet.identifier));
                // What a server asks names the switch, which is not its sender.
                if packet.code < DISCONNECT_REQUEST {
                    request(&packet, emit);
                }
            }
            Some(packet) => {
                let code = match packet.code {
                    5 => ACCOUNTING_REQUEST,
                    41 | 42 => DISCONNECT_REQUEST,
                    44 | 45 => CHANGE_REQUEST,
                    _ => ACCESS_REQUEST,
                };
                if !self.confirmed && self.asked == Some((code, packet.identifier)) {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
            }
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

/// Where a station stands, and who says so.
fn request(packet: &Packet<'_>, emit: Emit<'_>) {
    let name = packet.get(NAS_IDENTIFIER).and_then(printable);
    if let Some(name) = name {
        says(Field::RadiusNas, name, emit);
    }
    // A user's name may stand where the address belongs: only an address is read.
    let station = packet.get(CALLING_STATION).and_then(station);
    let Some((mac, _)) = station.filter(|(mac, _)| is_host_mac(mac)) else {
        return;
    };
    let mut fact = |field, value: &[u8]| {
        emit(Observation::Fact {
            subject: Subject::Station(mac),
            field,
            value,
        });
    };
    if let Some((access_point, network)) = packet.get(CALLED_STATION).and_then(self::station) {
        let mut text = StackText::<VALUE_LEN_MAX>::new();
        let network = printable(network);
        if text.push(mac_text(&access_point).as_bytes())
            && network.is_none_or(|name| text.push_item(b":", name))
        {
            fact(Field::RadiusCalled, text.as_bytes());
        }
    }
    let mut text = StackText::<{ 2 * VALUE_LEN_MAX + 1 }>::new();
    let address = packet.get(NAS_ADDRESS).and_then(address);
    let port = packet.get(NAS_PORT_ID).and_then(printable);
    let nas = name.or(address.as_ref().map(StackText::as_bytes));
    if let (Some(nas), Some(port)) = (nas, port)
        && text.push(nas)
        && text.push_item(b" ", port)
    {
        fact(Field::RadiusPort, text.as_bytes());
    }
}

/// A MAC address in the spelling of RFC 3580 section 3.20 or another usual one, and the network
/// that may follow it after a colon.
fn station(text: &[u8]) -> Option<(MacAddr, &[u8])> {
    let mut mac = [0; 6];
    let (mut digits, mut end) = (0, 0);
    for byte in text {
        match char::from(*byte).to_digit(16) {
            Some(digit) if digits < 12 => {
                let place = mac.get_mut(digits / 2)?;
                *place = *place << 4 | u8::try_from(digit).ok()?;
                digits += 1;
            }
            None if digits < 12 && matches!(byte, b'-' | b':' | b'.') => {}
            _ => break,
        }
        end += 1;
    }
    let rest = text.get(end..)?;
    let rest = match rest {
        [] => rest,
        [b':', name @ ..] => name,
        _ => return None,
    };
    (digits == 12).then_some((mac, rest))
}

fn address(value: &[u8]) -> Option<StackText<15>> {
    use std::fmt::Write;
    let octets: [u8; 4] = value.try_into().ok()?;
    let mut text = StackText::new();
    write!(text, "{}", std::net::Ipv4Addr::from(octets)).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u8, identifier: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![code, identifier, 0, 0];
        bytes.extend([0x5a; 16]);
        for (kind, value) in attributes {
            bytes.extend([*kind, value.len() as u8 + 2]);
            bytes.extend_from_slice(value);
        }
        let len = (bytes.len() as u16).to_be_bytes();
        bytes[2..4].copy_from_slice(&len);
        bytes
    }

    fn ask() -> Vec<u8> {
        packet(
            ACCESS_REQUEST,
            7,
            &[
                (1, b"CANARY^ANNA"),
                (2, &[9; 16]),
                (NAS_ADDRESS, &[10, 0, 0, 2]),
                (CALLED_STATION, b"00-1B-54-20-01-07:Ward-WiFi"),
                (CALLING_STATION, b"00-12-21-20-01-31"),
                (NAS_PORT_ID, b"Gi1/0/7"),
                (18, b"CANARY reply"),
            ],
        )
    }

    fn segment(bytes: &[u8], ports: (u16, u16)) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports,
            cut: false,
        }
    }

    fn say(messages: &[(&[u8], (u16, u16))]) -> Vec<String> {
        let mut said = Vec::new();
        let mut access = Access::default();
        for (bytes, ports) in messages {
            access.observe(&segment(bytes, *ports), &mut |seen| {
                said.push(match seen {
                    Observation::Fact {
                        subject,
                        field,
                        value,
                    } => {
                        let who = match subject {
                            Subject::Station(mac) => format!("{:02x}", mac[5]),
                            _ => "sender".to_owned(),
                        };
                        format!("{who} {} {}", field.name(), value.escape_ascii())
                    }
                    other => format!("{other:?}"),
                });
            });
        }
        said
    }

    #[test]
    fn a_station_stands_at_a_port() {
        let answer = packet(2, 7, &[]);
        assert_eq!(
            say(&[(&ask(), (50_000, 1812)), (&answer, (1812, 50_000))]),
            [
                "31 radius.called_station_id 00:1b:54:20:01:07:Ward-WiFi",
                "31 radius.nas_port_id 10.0.0.2 Gi1/0/7",
                "Confirmed",
            ]
        );
        let named = packet(
            ACCOUNTING_REQUEST,
            8,
            &[
                (NAS_IDENTIFIER, b"sw-icu-3"),
                (NAS_PORT_ID, b"Gi1/0/8"),
                (CALLING_STATION, b"0012.2120.0132"),
            ],
        );
        let other = packet(5, 9, &[]);
        assert_eq!(
            say(&[(&named, (1646, 1813)), (&other, (1813, 1646))]),
            [
                "sender radius.nas_identifier sw-icu-3",
                "32 radius.nas_port_id sw-icu-3 Gi1/0/8",
            ],
            "an answer to something else confirms nothing"
        );
    }

    /// RFC 5176: a server cuts a session off. The switch that it names is the one it asks.
    #[test]
    fn a_server_asks_of_its_own_accord() {
        let attributes: [(u8, &[u8]); 3] = [
            (1, b"CANARY"),
            (NAS_IDENTIFIER, b"sw-icu-3"),
            (CALLING_STATION, b"00-12-21-20-01-31"),
        ];
        let cut_off = packet(DISCONNECT_REQUEST, 1, &attributes);
        let done = packet(41, 1, &[]);
        assert_eq!(
            say(&[(&cut_off, (12_345, 3799)), (&done, (3799, 12_345))]),
            ["Confirmed"]
        );
        let change = packet(CHANGE_REQUEST, 4, &attributes);
        let refused = packet(45, 4, &[(101, &[0, 0, 1, 0xf7])]);
        assert_eq!(
            say(&[(&change, (12_345, 3799)), (&refused, (3799, 12_345))]),
            ["Confirmed"]
        );
        let other = packet(45, 1, &[]);
        let nothing: [&str; 0] = [];
        let crossed = [(&cut_off[..], (12_345, 3799)), (&other, (3799, 12_345))];
        assert_eq!(say(&crossed), nothing, "an answer to something else");
        let probe = |bytes: &[u8], ports| super::probe(&segment(bytes, ports));
        assert_eq!(probe(&cut_off, (5, 3799)), Verdict::Match(Role::Client));
        assert_eq!(probe(&refused, (3799, 5)), Verdict::Match(Role::Server));
        assert_eq!(probe(&cut_off, (5, 1812)), Verdict::Reject, "its own port");
        assert_eq!(probe(&ask(), (5, 3799)), Verdict::Reject, "its own port");
    }

    #[test]
    fn a_user_is_no_station() {
        for name in [&b"CANARY"[..], b"0012212001", b"00-12-21-20-01-31-07", b""] {
            let asked = packet(1, 1, &[(CALLING_STATION, name), (NAS_PORT_ID, b"1")]);
            assert!(say(&[(&asked, (50_000, 1812))]).is_empty());
        }
    }

    #[test]
    fn probes() {
        let ask = ask();
        let probe = |bytes: &[u8], ports| super::probe(&segment(bytes, ports));
        assert_eq!(probe(&ask, (5, 1812)), Verdict::Match(Role::Client));
        assert_eq!(probe(&ask, (1812, 5)), Verdict::Reject, "the wrong way");
        assert_eq!(probe(&ask, (5, 6)), Verdict::Reject);
        assert_eq!(probe(&ask[..ask.len() - 1], (5, 1812)), Verdict::Reject);
        let answer = packet(11, 7, &[(79, b"\x01\x02\0\x04")]);
        assert_eq!(probe(&answer, (1812, 5)), Verdict::Match(Role::Server));
        let mut odd = ask.clone();
        odd[21] = 1;
        assert_eq!(probe(&odd, (5, 1812)), Verdict::Reject);
        let empty = packet(1, 7, &[]);
        assert_eq!(probe(&empty, (5, 1812)), Verdict::Reject);
    }

    #[test]
    fn fuzz_any_bytes() {
        let ask = ask();
        for len in 0..ask.len() {
            say(&[(&ask[..len], (50_000, 1812))]);
        }
        bolero::check!().for_each(|bytes: &[u8]| {
            let inside = packet(
                1,
                7,
                &[(CALLING_STATION, bytes.get(..200).unwrap_or(bytes))],
            );
            let said = say(&[(bytes, (50_000, 1812)), (&inside, (50_000, 1812))]);
            assert!(!said.concat().contains("CANARY"));
        });
    }
}
