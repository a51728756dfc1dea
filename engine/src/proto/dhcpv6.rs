//! DHCP for IPv6 (RFC 8415; ports 546 and 547): what a client says of itself, and who serves. It
//! reads no address that is given, no identifier (it holds the client's MAC address for good) and
//! nothing that a relay passes on: such a message gets its name alone.
//!
//! ```text
//! type u8 | transaction u24 | options: code u16, length u16, value
//! relays: type u8 | hops u8 | link 16 bytes | peer 16 bytes | options, a message in one of them
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::{Reader, words};
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::{DHCPV6_OPTIONS_MAX, DHCPV6_RELAYS_MAX};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Dhcpv6,
    transport: Transport::Udp,
    ports: &[546, 547],
    first: &[
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        RELAY_FORWARD,
        RELAY_REPLY,
    ],
    marks: &[],
    probe,
    session: || Box::new(Speaker),
};

/// Types of messages, RFC 8415 section 7.3: those of servers; all others up to 11 are clients'.
const ADVERTISE: u8 = 2;
const REPLY: u8 = 7;
const RECONFIGURE: u8 = 10;
/// What relays pass on to a server and back, section 9.
const RELAY_FORWARD: u8 = 12;
const RELAY_REPLY: u8 = 13;

/// Lengths of what stands before the options.
const HEADER_LEN: usize = 4;
const RELAY_HEADER_LEN: usize = 34;

/// Options, section 21; RFC 4704 for the name.
const CLIENT_ID: u16 = 1;
const SERVER_ID: u16 = 2;
const REQUESTED: u16 = 6;
const RELAYED: u16 = 9;
const VENDOR_CLASS: u16 = 16;
const NAME: u16 = 39;

/// Kinds of identifiers, section 11, and their longest form.
const ID_KIND_MAX: u16 = 4;
const ID_LEN_MAX: usize = 130;

/// The options of a message that is whole; `None` where one is not.
fn options(bytes: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    let header_len = if is_relayed(bytes) {
        RELAY_HEADER_LEN
    } else {
        HEADER_LEN
    };
    let mut reader = Reader(bytes.get(header_len..).unwrap_or_default());
    let mut is_broken = false;
    std::iter::from_fn(move || {
        if reader.0.is_empty() || is_broken {
            return None;
        }
        let option = reader.u16().zip(reader.block16());
        is_broken = option.is_none();
        Some(option)
    })
}

/// Passed on by a relay, there or back.
fn is_relayed(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(&(RELAY_FORWARD | RELAY_REPLY)))
}

/// Who sent it, if it is sound: of what relays passed on, the message inside has to be.
fn role(bytes: &[u8]) -> Option<Role> {
    let mut message = bytes;
    for _ in 0..=DHCPV6_RELAYS_MAX {
        if !is_relayed(message) {
            let inside = role_of_message(message)?;
            let sender = match *bytes.first()? {
                RELAY_FORWARD => Role::Client,
                RELAY_REPLY => Role::Server,
                _ => inside,
            };
            return (sender == inside).then_some(sender);
        }
        let hops = usize::from(*message.get(1)?);
        if hops > DHCPV6_RELAYS_MAX || message.first() != bytes.first() {
            return None;
        }
        message = relayed(message)?;
    }
    None
}

/// The message that a relay passes on, if the options around it are whole.
fn relayed(bytes: &[u8]) -> Option<&[u8]> {
    let mut inside = None;
    for (index, option) in options(bytes).enumerate() {
        let (code, value) = option?;
        if index >= DHCPV6_OPTIONS_MAX {
            return None;
        }
        if code == RELAYED {
            inside = Some(value);
        }
    }
    inside
}

/// Who sent it, if its options are whole and one of them is an identifier that is sound.
fn role_of_message(bytes: &[u8]) -> Option<Role> {
    let kind = *bytes.first()?;
    let mut has_id = false;
    let mut count = 0;
    for option in options(bytes) {
        let (code, value) = option?;
        count += 1;
        if count > DHCPV6_OPTIONS_MAX {
            return None;
        }
        if matches!(code, CLIENT_ID | SERVER_ID) {
            let id_kind = Reader(value).u16()?;
            if !(1..=ID_KIND_MAX).contains(&id_kind) || !(4..=ID_LEN_MAX).contains(&value.len()) {
                return None;
            }
            has_id = true;
        }
    }
    if !has_id {
        return None;
    }
    Some(match kind {
        ADVERTISE | REPLY | RECONFIGURE => Role::Server,
        _ => Role::Client,
    })
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match role(segment.bytes) {
        Some(role) => Verdict::Match(role),
        None => Verdict::Reject,
    }
}

/// Questions go to a group and answers come from one server: each message stands for itself.
struct Speaker;

impl Session for Speaker {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match role(segment.bytes) {
            // A relay is neither the client nor the server.
            Some(_) if is_relayed(segment.bytes) => emit(Observation::Confirmed),
            Some(Role::Server) => {
                emit(Observation::Confirmed);
                says(Field::Dhcpv6Server, b"server", emit);
            }
            Some(_) => {
                emit(Observation::Confirmed);
                for (code, value) in options(segment.bytes).flatten() {
                    option(code, value, emit);
                }
            }
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

/// What a client says of itself.
fn option(code: u16, value: &[u8], emit: Emit<'_>) -> Option<()> {
    match code {
        REQUESTED => {
            let mut text = StackText::<128>::new();
            for (index, code) in words(value).enumerate() {
                let comma = if index > 0 { "," } else { "" };
                write!(text, "{comma}{code}").ok()?;
            }
            says(Field::Dhcpv6Requested, text.as_bytes(), emit);
        }
        VENDOR_CLASS => {
            let mut reader = Reader(value);
            reader.u32()?;
            let class = printable(reader.block16()?)?;
            says(Field::Dhcpv6VendorClass, class, emit);
        }
        NAME => {
            let mut reader = Reader(value);
            reader.u8()?;
            let mut text = StackText::<255>::new();
            while let Some(label) = reader.block8().filter(|label| !label.is_empty()) {
                if !text.push_item(b".", label) {
                    return None;
                }
            }
            says(Field::Dhcpv6Name, printable(text.as_bytes())?, emit);
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    const SOLICIT: &[u8] = b"\x01\x12\x34\x56\0\x01\0\x0a\0\x03\0\x01\0\x1b\x2c\x03\x04\x05\
        \0\x06\0\x04\0\x17\0\x18\0\x10\0\x0e\0\0\x01\x37\0\x08MSFT 5.0\
        \0\x27\0\x0c\0\x06ward-7\x02de\0";

    #[test]
    fn a_client_says_what_it_is() {
        assert_eq!(
            run(&CLASSIFIER, &[(Role::Client, SOLICIT)]),
            [
                "confirmed",
                "sender dhcpv6.requested_option_codes=23,24",
                "sender dhcpv6.vendorclass.data=MSFT 5.0",
                "sender dhcpv6.client_fqdn=ward-7.de",
            ]
        );
    }

    #[test]
    fn a_server_says_only_that_it_is_one() {
        let mut advertise = SOLICIT.to_vec();
        advertise[0] = ADVERTISE;
        let said = run(&CLASSIFIER, &[(Role::Server, &advertise)]);
        assert_eq!(said, ["confirmed", "sender dhcpv6.server=server"]);
    }

    /// Inside a relay's: hops, the addresses of link and peer, another option, and option 9.
    fn relay(kind: u8, hops: u8, message: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, hops];
        bytes.extend(b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
        bytes.extend(b"\xfe\x80\0\0\0\0\0\0\x02\x1b\x2c\xff\xfe\x03\x04\x05");
        bytes.extend(b"\0\x12\0\x05Gi0/7\0\x09");
        bytes.extend((message.len() as u16).to_be_bytes());
        bytes.extend(message);
        bytes
    }

    #[test]
    fn what_relays_pass_on_gets_its_name_alone() {
        let ask = relay(RELAY_FORWARD, 1, &relay(RELAY_FORWARD, 0, SOLICIT));
        let mut advertise = SOLICIT.to_vec();
        advertise[0] = ADVERTISE;
        let answer = relay(RELAY_REPLY, 0, &advertise);
        let said = run(
            &CLASSIFIER,
            &[(Role::Client, &ask), (Role::Server, &answer)],
        );
        assert_eq!(said, ["confirmed", "confirmed"]);
        let probe = |bytes: &[u8]| probe(&CLASSIFIER, bytes, PORTS);
        assert_eq!(probe(&ask), Verdict::Match(Role::Client));
        assert_eq!(probe(&answer), Verdict::Match(Role::Server));
        for wrong in [
            relay(RELAY_FORWARD, 0, &advertise),
            relay(RELAY_REPLY, 0, SOLICIT),
            relay(RELAY_FORWARD, 9, SOLICIT),
            relay(RELAY_FORWARD, 0, &SOLICIT[..20]),
            relay(RELAY_FORWARD, 0, &relay(RELAY_REPLY, 0, SOLICIT)),
            ask[..ask.len() - 1].to_vec(),
            ask[..40].to_vec(),
        ] {
            assert_eq!(probe(&wrong), Verdict::Reject, "{}", wrong.escape_ascii());
        }
        let deep = (0..=DHCPV6_RELAYS_MAX + 1).fold(SOLICIT.to_vec(), |inside, _| {
            relay(RELAY_FORWARD, 0, &inside)
        });
        assert_eq!(probe(&deep), Verdict::Reject);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, SOLICIT, PORTS), client);
        for (at, value) in [(5, 9), (7, 3), (9, 7), (21, 200)] {
            let mut bytes = SOLICIT.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, PORTS), Verdict::Reject, "{at}");
        }
        let short = probe(&CLASSIFIER, &SOLICIT[..20], PORTS);
        assert_eq!(short, Verdict::Reject);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, usize::MAX);
            let framed = [&SOLICIT[..18], bytes].concat();
            run(&CLASSIFIER, &[(Role::Client, &framed)]);
            let inside = bytes.get(..1000).unwrap_or(bytes);
            run(
                &CLASSIFIER,
                &[(Role::Client, &relay(RELAY_FORWARD, 0, inside))],
            );
        });
    }
}
