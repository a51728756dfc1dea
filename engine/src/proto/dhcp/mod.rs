//! DHCP for IPv4, [RFC 2131](https://www.rfc-editor.org/rfc/rfc2131), and BOOTP with options:
//! what a host says of itself when it asks for an address, and which it gets. It believes a
//! client about itself and a server about the lease; what a relay passes on is not the relay's.

mod classes;
pub mod message;
mod relay;

use std::fmt::Write as _;
use std::net::IpAddr;

use medtap_table::vocabulary::{Event, Field, Protocol};

use self::message::{Message, Op, VALUE_LEN_MAX};
use super::digest::digest;
use super::pair::{is_host_ipv4, is_host_mac};
use super::stack_text::{StackText, hex, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::DHCP_REQUESTS_MAX;
use crate::observe::{Emit, MacAddr, Observation, Proof, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Dhcp,
    transport: Transport::Udp,
    ports: &[67, 68],
    first: &[1, 2],
    marks: &[],
    probe,
    session: || Box::new(Lease::default()),
};

/// The server's port, RFC 2131 section 4.1; relays receive there too.
const SERVER_PORT: u16 = 67;

/// Options, RFC 2132.
const ROUTER: u8 = 3;
const NAME_SERVER: u8 = 6;
const HOST_NAME: u8 = 12;
const DOMAIN_NAME: u8 = 15;
const MESSAGE_TYPE: u8 = 53;
const SERVER_IDENTIFIER: u8 = 54;
const PARAMETER_LIST: u8 = 55;
const VENDOR_CLASS: u8 = 60;
const CLIENT_IDENTIFIER: u8 = 61;
/// RFC 4702.
const CLIENT_FQDN: u8 = 81;
const REQUESTED_ADDRESS: u8 = 50;

/// Routers, and name servers, of an offer that are told.
const OFFER_ADDRESSES_MAX: usize = 3;
/// Longest text of an offer, in bytes: seven addresses and three words.
const OFFER_BYTES_MAX: usize = 160;

/// Message types, RFC 2132 section 9.6; the highest that is assigned (RFC 7724).
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const NAK: u8 = 6;
const MESSAGE_TYPE_MAX: u8 = 18;

/// Could a message of this type come from this end? Later types (leases in bulk, forced
/// renewals) are not told apart.
fn fits(kind: u8, op: Op) -> bool {
    match kind {
        OFFER | ACK | NAK => op == Op::Reply,
        1 | 3 | 4 | 7 | 8 => op == Op::Request,
        _ => (1..=MESSAGE_TYPE_MAX).contains(&kind),
    }
}

/// The message, if its options are sound and its type, where it has one, fits its sender.
fn read<'a>(segment: &Segment<'a>) -> Option<(Message<'a>, Option<u8>)> {
    let message = Message::parse(segment.bytes)?;
    if !message.options_are_sound(segment.cut) {
        return None;
    }
    let kind = message.byte_option(MESSAGE_TYPE);
    let sound = kind.is_none_or(|kind| fits(kind, message.op()));
    sound.then_some((message, kind))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment).map(|(message, _)| message.op()) {
        Some(Op::Request) => Verdict::Match(Role::Client),
        Some(Op::Reply) => Verdict::Match(Role::Server),
        None => Verdict::Reject,
    }
}

/// A conversation. Requests are broadcast and answers often not, so the two may be different
/// conversations, and many clients may share one: each message stands for itself.
#[derive(Default)]
struct Lease {
    confirmed: bool,
    /// The exchange that began last: a client asks until it is answered.
    began: Option<Exchange>,
    /// By which circuit the last requests came, as a digest; the latest before `next`.
    asked: [Option<(Exchange, Option<u64>)>; DHCP_REQUESTS_MAX],
    next: usize,
}

/// A client, and the number of its exchange.
type Exchange = (MacAddr, u32);

fn exchange(message: &Message<'_>) -> Option<Exchange> {
    let mac = message.chaddr().filter(is_host_mac)?;
    Some((mac, message.xid()))
}

impl Session for Lease {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            Some((message, kind)) => {
                // A cookie and a type that fits are proof enough: see above.
                if kind.is_some() && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                match message.op() {
                    Op::Request => {
                        self.start(&message, kind, emit);
                        self.keep(&message);
                        request(&message, emit);
                    }
                    Op::Reply => {
                        reply(&message, kind, segment.ports.1, emit);
                        self.attached(&message, kind, emit);
                    }
                }
            }
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Lease {
    /// A client that begins: it looks for servers, or asks whether the address of its last run
    /// is still good (RFC 2131 section 4.3.2, INIT-REBOOT).
    fn start(&mut self, message: &Message<'_>, kind: Option<u8>, emit: Emit<'_>) {
        let mut buffer = [0; VALUE_LEN_MAX];
        let mut has = |code| message.option(code, &mut buffer).is_some();
        let begins = match kind {
            Some(DISCOVER) => true,
            Some(REQUEST) => {
                let bound = !message.ciaddr().is_unspecified() || has(SERVER_IDENTIFIER);
                has(REQUESTED_ADDRESS) && !bound
            }
            _ => false,
        };
        let Some(exchange) = exchange(message) else {
            return;
        };
        if begins && self.began != Some(exchange) {
            self.began = Some(exchange);
            emit(Observation::Event {
                subject: client(message, exchange.0),
                event: Event::NetworkStart,
            });
        }
    }

    /// Keeps what a request says of its circuit, in the place of the oldest.
    fn keep(&mut self, message: &Message<'_>) {
        let Some(exchange) = exchange(message) else {
            return;
        };
        let circuit = relay::circuit(message).map(|text| digest(text.as_bytes()));
        let same = |kept: &Option<(Exchange, _)>| kept.is_some_and(|(known, _)| known == exchange);
        let place = self.asked.iter().position(same).unwrap_or_else(|| {
            self.next = (self.next + 1) % DHCP_REQUESTS_MAX;
            self.next
        });
        if let Some(kept) = self.asked.get_mut(place) {
            *kept = Some((exchange, circuit));
        }
    }

    /// A server gives back what the relay said of the client's circuit (RFC 3046, section 2.2): the
    /// request may have gone another way. Of a request that was seen it has to say the same.
    fn attached(&self, message: &Message<'_>, kind: Option<u8>, emit: Emit<'_>) {
        let (Some(exchange), Some(circuit)) = (exchange(message), relay::circuit(message)) else {
            return;
        };
        let told = digest(circuit.as_bytes());
        let mut asked = self.asked.iter().flatten();
        let differs = asked.any(|(known, said)| *known == exchange && *said != Some(told));
        if matches!(kind, Some(OFFER | ACK)) && !differs {
            emit(Observation::Fact {
                subject: client(message, exchange.0),
                field: Field::DhcpCircuitId,
                value: circuit.as_bytes(),
            });
        }
    }
}

/// A client is on the link of who speaks for it, unless a relay does.
fn client(message: &Message<'_>, mac: MacAddr) -> Subject<'static> {
    match message.giaddr().is_unspecified() {
        true => Subject::Mac(mac),
        false => Subject::Station(mac),
    }
}

/// What a client says of itself.
fn request(message: &Message<'_>, emit: Emit<'_>) {
    let Some(mac) = message.chaddr().filter(is_host_mac) else {
        return;
    };
    let subject = client(message, mac);
    let mut fact = |field, value: &[u8]| {
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    };
    let mut buffer = [0; VALUE_LEN_MAX];
    for (code, field) in [
        (HOST_NAME, Field::DhcpHostname),
        (VENDOR_CLASS, Field::DhcpVendorClass),
    ] {
        if let Some(value) = message.option(code, &mut buffer).and_then(printable) {
            fact(field, value);
        }
    }
    classes::say(message, &mut fact);
    if let Some(list) = message.option(PARAMETER_LIST, &mut buffer) {
        let text = numbers(list);
        if !text.is_empty() {
            fact(Field::DhcpParameterList, text.as_bytes());
        }
    }
    if let Some(id) = message.option(CLIENT_IDENTIFIER, &mut buffer)
        && !is_copy(id, mac)
    {
        fact(
            Field::DhcpClientId,
            hex::<{ 2 * VALUE_LEN_MAX }>(id, b"").as_bytes(),
        );
    }
    if let Some(option) = message.option(CLIENT_FQDN, &mut buffer)
        && let Some(name) = fqdn(option)
        && let Some(name) = printable(name.as_bytes())
    {
        fact(Field::DhcpClientFqdn, name);
    }
    if let Some(circuit) = relay::circuit(message) {
        fact(Field::DhcpCircuitId, circuit.as_bytes());
    }
}

/// What a server says: of the lease always, of itself where it is the sender.
fn reply(message: &Message<'_>, kind: Option<u8>, dst_port: u16, emit: Emit<'_>) {
    let mut buffer = [0; VALUE_LEN_MAX];
    // A boot server answers beside the server that gives the address (Intel's PXE 2.1,
    // section 2.2): it leases nothing.
    let class = message.option(VENDOR_CLASS, &mut buffer);
    let boots = class.is_some_and(|class| class.starts_with(b"PXEClient"));
    if boots && message.yiaddr().is_unspecified() {
        return;
    }
    if kind == Some(ACK) {
        bind(message, emit);
    }
    offer(message, kind, emit);
    // A relay keeps its own address in the answers that it passes on to clients, whereas the
    // server sends to the relay's server port.
    let relayed = !message.giaddr().is_unspecified() && dst_port != SERVER_PORT;
    if relayed || !matches!(kind, Some(OFFER | ACK | NAK)) {
        return;
    }
    if let Some(server) = message.address_option(SERVER_IDENTIFIER)
        && is_host_ipv4(server)
    {
        let mut text = StackText::<15>::new();
        if write!(text, "{server}").is_ok() {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field: Field::DhcpServer,
                value: text.as_bytes(),
            });
        }
    }
    if let Some(value) = message.option(DOMAIN_NAME, &mut buffer).and_then(printable) {
        emit(Observation::Fact {
            subject: Subject::Sender,
            field: Field::DhcpDomain,
            value,
        });
    }
}

/// What a server of the client's own link gives a client beside its address: it is told of the
/// client, so that two servers that answer one client can be compared.
fn offer(message: &Message<'_>, kind: Option<u8>, emit: Emit<'_>) {
    let local = message.giaddr().is_unspecified() && !message.yiaddr().is_unspecified();
    let (Some(server), Some(mac)) = (
        message.address_option(SERVER_IDENTIFIER),
        message.chaddr().filter(is_host_mac),
    ) else {
        return;
    };
    if !local || !matches!(kind, Some(OFFER | ACK)) || !is_host_ipv4(server) {
        return;
    }
    let mut text = StackText::<OFFER_BYTES_MAX>::new();
    let mut fits = write!(text, "server {server}").is_ok();
    let mut buffer = [0; VALUE_LEN_MAX];
    for (code, name) in [(ROUTER, "router"), (NAME_SERVER, "dns")] {
        let addresses = message.option(code, &mut buffer).unwrap_or_default();
        let (addresses, _) = addresses.as_chunks::<4>();
        for (place, address) in addresses.iter().take(OFFER_ADDRESSES_MAX).enumerate() {
            let address = std::net::Ipv4Addr::from(*address);
            fits &= match place {
                0 => write!(text, " {name} {address}"),
                _ => write!(text, ",{address}"),
            }
            .is_ok();
        }
    }
    if fits {
        emit(Observation::Fact {
            subject: client(message, mac),
            field: Field::DhcpOffer,
            value: text.as_bytes(),
        });
    }
}

/// The lease that an acknowledgement grants; or, without one, the address that the client already
/// had (an INFORM), but not from behind a relay: there the client's word alone stands for it.
fn bind(message: &Message<'_>, emit: Emit<'_>) {
    let address = match message.yiaddr() {
        none if none.is_unspecified() && message.giaddr().is_unspecified() => message.ciaddr(),
        leased => leased,
    };
    if let Some(mac) = message.chaddr().filter(is_host_mac)
        && is_host_ipv4(address)
    {
        emit(Observation::Binding {
            mac,
            address: IpAddr::V4(address),
            proof: Proof::Dhcp,
        });
    }
}

/// `1,3,6`: the order that a client asks in is a mark of its software.
fn numbers(list: &[u8]) -> StackText<{ 4 * VALUE_LEN_MAX }> {
    let mut text = StackText::new();
    for number in list {
        let mut digits = StackText::<3>::new();
        let fits = write!(digits, "{number}").is_ok();
        if !(fits && text.push_item(b",", digits.as_bytes())) {
            break;
        }
    }
    text
}

/// An identifier that only repeats the hardware address, with or without its type.
fn is_copy(id: &[u8], mac: MacAddr) -> bool {
    id.is_empty() || id == mac || matches!(id, [0 | 1 | 6, rest @ ..] if *rest == mac)
}

/// The name of RFC 4702: flags, two result codes, then labels (flag E) or, as once, text.
fn fqdn(option: &[u8]) -> Option<StackText<PIECE_TEXT_LEN>> {
    const CANONICAL: u8 = 0x04;
    let ([flags, _, _], mut name) = option.split_first_chunk()?;
    let mut text = StackText::new();
    if flags & CANONICAL == 0 {
        let name = name.strip_suffix(b".").unwrap_or(name);
        return text.push(name).then_some(text);
    }
    // A name may be partial: then no empty label ends it.
    while let [len @ 1..64, ref rest @ ..] = *name {
        let (label, rest) = rest.split_at_checked(usize::from(len))?;
        if label.contains(&b'.') || !text.push_item(b".", label) {
            return None;
        }
        name = rest;
    }
    matches!(name, [] | [0]).then_some(text)
}

/// The longest name as text, in bytes.
const PIECE_TEXT_LEN: usize = message::PIECE_LEN_MAX;

#[cfg(test)]
mod tests {
    use super::message::tests::message;
    use super::*;

    const HOST: MacAddr = [0x00, 0x1b, 0x2c, 3, 4, 5];

    const DISCOVER: &[u8] = b"\x35\x01\x01\x3d\x07\x01\x00\x1b\x2c\x03\x04\x05\x0c\x06pump-7\
        \x3c\x0cudhcp 1.22.1\x37\x04\x01\x03\x06\x0f\
        \x51\x0f\x04\x00\x00\x04pump\x05local\x00\xff";

    const OFFERED: &[u8] = b"\x35\x01\x02\x36\x04\x0a\x00\x00\x01\x0f\x05local\xff";

    fn segment(bytes: &[u8], ports: (u16, u16)) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Client,
            time_ns: 0,
            ports,
            cut: false,
        }
    }

    /// Everything that a message says, in print.
    fn say(bytes: &[u8], ports: (u16, u16)) -> Vec<String> {
        let mut said = Vec::new();
        Lease::default().observe(&segment(bytes, ports), &mut |seen| {
            said.push(match seen {
                Observation::Confirmed => "confirmed".to_owned(),
                Observation::Malformed => "malformed".to_owned(),
                Observation::Fact {
                    subject,
                    field,
                    value,
                } => {
                    let who = match subject {
                        Subject::Mac(HOST) => "client",
                        Subject::Station(HOST) => "station",
                        Subject::Sender => "sender",
                        other => panic!("{other:?}"),
                    };
                    format!("{who} {} {}", field.name(), value.escape_ascii())
                }
                Observation::Event { event, .. } => event.name().to_owned(),
                Observation::Binding {
                    mac: HOST,
                    address,
                    proof: Proof::Dhcp,
                } => format!("bound {address}"),
                other => panic!("{other:?}"),
            });
        });
        said
    }

    #[test]
    fn a_client_says_what_it_is() {
        let bytes = message(1, [0; 4], DISCOVER);
        assert_eq!(
            probe(&segment(&bytes, (68, 67))),
            Verdict::Match(Role::Client)
        );
        assert_eq!(
            say(&bytes, (68, 67)),
            [
                "confirmed",
                "network_start",
                "client dhcp.option.hostname pump-7",
                "client dhcp.option.vendor_class_id udhcp 1.22.1",
                "client dhcp.option.request_list 1,3,6,15",
                "client dhcp.fqdn.name pump.local",
            ]
        );
    }

    #[test]
    fn a_client_identifier_that_is_no_copy() {
        let bytes = message(1, [0; 4], b"\x35\x01\x01\x3d\x05\xff\x01\x02\x03\x04\xff");
        let said = say(&bytes, (68, 67));
        assert_eq!(said[2], "client dhcp.option.client_id ff01020304");
        let mut odd = bytes.clone();
        odd[28] = 0x01;
        assert_eq!(say(&odd, (68, 67)), ["confirmed"], "no MAC of a host");
    }

    /// A client that asks again is the one that began; one that goes on with its lease did not.
    #[test]
    fn a_client_begins_once() {
        let starts = |options: &[&[u8]]| {
            let mut lease = Lease::default();
            let mut starts = 0;
            for options in options {
                let bytes = message(1, [0; 4], options);
                lease.observe(&segment(&bytes, (68, 67)), &mut |seen| {
                    starts += usize::from(matches!(seen, Observation::Event { .. }));
                });
            }
            starts
        };
        let discover = &b"\x35\x01\x01\xff"[..];
        let known = &b"\x35\x01\x03\x32\x04\x0a\0\0\x09\xff"[..];
        let chosen = &b"\x35\x01\x03\x32\x04\x0a\0\0\x09\x36\x04\x0a\0\0\x01\xff"[..];
        assert_eq!(starts(&[discover, discover, chosen]), 1);
        assert_eq!(starts(&[known]), 1);
        assert_eq!(starts(&[chosen, b"\x35\x01\x03\xff"]), 0);
        let mut relayed = message(1, [0; 4], DISCOVER);
        relayed[24..28].copy_from_slice(&[10, 0, 0, 2]);
        let said = say(&relayed, (67, 67));
        assert_eq!(said[2], "station dhcp.option.hostname pump-7");
    }

    #[test]
    fn a_name_in_text_and_a_broken_one() {
        let text = message(1, [0; 4], b"\x51\x0b\x00\x00\x00pump.lan\xff");
        assert_eq!(say(&text, (68, 67)), ["client dhcp.fqdn.name pump.lan"]);
        let broken = message(1, [0; 4], b"\x51\x06\x04\x00\x00\x09ab\xff");
        assert!(say(&broken, (68, 67)).is_empty());
    }

    #[test]
    fn a_server_offers_and_acknowledges() {
        let mut bytes = message(2, [10, 0, 0, 9], OFFERED);
        let server = [
            "confirmed",
            "client dhcp.offer server 10.0.0.1",
            "sender dhcp.server 10.0.0.1",
            "sender dhcp.option.domain_name local",
        ];
        assert_eq!(
            probe(&segment(&bytes, (67, 68))),
            Verdict::Match(Role::Server)
        );
        assert_eq!(say(&bytes, (67, 68)), server);
        bytes[242] = ACK;
        let said = say(&bytes, (67, 68));
        assert_eq!(said[1], "bound 10.0.0.9");
        assert_eq!(said.len(), 5);
    }

    #[test]
    fn an_offer_tells_the_way_out_and_the_name_servers() {
        let given = b"\x35\x01\x02\x36\x04\x0a\x00\x00\x01\x03\x04\x0a\x00\x00\xfe\
            \x06\x10\x0a\x00\x00\x02\x0a\x00\x00\x03\x0a\x00\x00\x04\x0a\x00\x00\x05\xff";
        let said = say(&message(2, [10, 0, 0, 9], given), (67, 68));
        let offer =
            "client dhcp.offer server 10.0.0.1 router 10.0.0.254 dns 10.0.0.2,10.0.0.3,10.0.0.4";
        assert_eq!(said[1], offer);
        let mut relayed = message(2, [10, 0, 0, 9], given);
        relayed[24..28].copy_from_slice(&[10, 0, 0, 2]);
        assert!(!say(&relayed, (67, 68)).contains(&offer.to_owned()));
        assert!(!say(&message(2, [0; 4], given), (67, 68)).contains(&offer.to_owned()));
    }

    #[test]
    fn a_relay_is_no_server() {
        let mut bytes = message(2, [10, 0, 0, 9], OFFERED);
        bytes[242] = ACK;
        bytes[24..28].copy_from_slice(&[10, 0, 0, 2]);
        assert_eq!(say(&bytes, (67, 68)), ["confirmed", "bound 10.0.0.9"]);
        let to_relay = say(&bytes, (67, 67));
        assert!(to_relay.contains(&"sender dhcp.server 10.0.0.1".to_owned()));
    }

    /// What follows from messages of one conversation about the circuit.
    fn circuits(messages: &[&[u8]]) -> Vec<String> {
        let mut lease = Lease::default();
        let mut said = Vec::new();
        for bytes in messages {
            lease.observe(&segment(bytes, (67, 67)), &mut |seen| {
                if let Observation::Fact {
                    subject,
                    field: Field::DhcpCircuitId,
                    value,
                } = seen
                {
                    said.push(format!("{subject:?} {}", value.escape_ascii()));
                }
            });
        }
        said
    }

    #[test]
    fn an_answer_gives_the_circuit_back() {
        let with = |op: u8, kind: u8, exchange: u8, circuit: &[u8]| {
            let len = circuit.len() as u8;
            let options = [
                &[0x35, 1, kind, 0x36, 4, 10, 0, 0, 1, 82, len][..],
                circuit,
                &[255],
            ]
            .concat();
            let mut bytes = message(op, [10, 0, 0, 9], &options);
            bytes[7] = exchange;
            bytes[24..28].copy_from_slice(&[10, 0, 0, 2]);
            bytes
        };
        let (port, other) = (b"\x01\x03p-7", b"\x01\x03p-8");
        let told = [format!("{:?} 10.0.0.2 p-7", Subject::Station(HOST))];
        let answer = with(2, ACK, 1, port);
        assert_eq!(circuits(&[&answer]), told, "the request was not seen");
        assert_eq!(circuits(&[&with(2, OFFER, 1, port)]), told);
        assert_eq!(circuits(&[&with(2, NAK, 1, port)]), [""; 0]);
        let asked = |exchange, circuit| with(1, REQUEST, exchange, circuit);
        assert_eq!(circuits(&[&asked(1, port), &answer]).len(), 2, "the same");
        assert_eq!(circuits(&[&asked(1, other), &answer]).len(), 1, "another");
        assert_eq!(circuits(&[&asked(1, b""), &answer]).len(), 0, "none");
        assert_eq!(circuits(&[&asked(2, other), &answer]).len(), 2);
        // Others ask before it is answered: too many, and it is as one that was not seen.
        for (others, facts) in [(DHCP_REQUESTS_MAX - 1, 1), (DHCP_REQUESTS_MAX, 2)] {
            let mut messages = vec![asked(1, other)];
            messages.extend((0..others).map(|number| asked(2 + number as u8, b"")));
            messages.push(answer.clone());
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            assert_eq!(circuits(&messages).len(), facts, "{others}");
        }
        // A switch between client and server adds it, and no relay is there.
        let mut snooped = with(2, ACK, 1, b"\x01\x03p-7\x02\x04sw-3");
        snooped[24..28].fill(0);
        let told = [format!("{:?} sw-3 p-7", Subject::Mac(HOST))];
        assert_eq!(circuits(&[&snooped]), told);
    }

    #[test]
    fn a_boot_server_is_no_server() {
        let boots = [b"\x3c\x09PXEClient", OFFERED].concat();
        let bytes = message(2, [0; 4], &boots);
        assert_eq!(say(&bytes, (67, 68)), ["confirmed"]);
        let leases = message(2, [10, 0, 0, 9], &boots);
        assert_eq!(say(&leases, (67, 68)).len(), 4);
    }

    #[test]
    fn an_inform_binds_only_on_the_link() {
        let mut bytes = message(2, [0; 4], OFFERED);
        bytes[242] = ACK;
        bytes[12..16].copy_from_slice(&[10, 0, 0, 8]);
        assert_eq!(say(&bytes, (67, 68))[1], "bound 10.0.0.8");
        bytes[24..28].copy_from_slice(&[10, 0, 0, 2]);
        assert_eq!(say(&bytes, (67, 68)), ["confirmed"]);
        bytes[242] = NAK;
        bytes[24..28].fill(0);
        assert_eq!(say(&bytes, (67, 68))[1], "sender dhcp.server 10.0.0.1");
    }

    #[test]
    fn what_is_not_sound_is_refused() {
        let wrong = message(1, [0; 4], OFFERED);
        assert_eq!(probe(&segment(&wrong, (68, 67))), Verdict::Reject);
        let over = message(1, [0; 4], b"\x35\x01\x01\x0c\x40ab");
        assert_eq!(probe(&segment(&over, (68, 67))), Verdict::Reject);
        assert_eq!(say(&over, (68, 67)), ["malformed"]);
        let mut cut = segment(&over, (68, 67));
        cut.cut = true;
        assert_eq!(probe(&cut), Verdict::Match(Role::Client));
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        let whole = message(1, [0; 4], DISCOVER);
        for len in 0..whole.len() {
            probe(&segment(&whole[..len], (68, 67)));
            Lease::default().observe(&segment(&whole[..len], (68, 67)), &mut |_| {});
        }
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(600)
            .for_each(|bytes: &[u8]| {
                probe(&segment(bytes, (68, 67)));
                for op in [1, 2] {
                    let bytes = message(op, [10, 0, 0, 9], bytes);
                    Lease::default().observe(&segment(&bytes, (67, 68)), &mut |_| {});
                }
            });
    }
}
