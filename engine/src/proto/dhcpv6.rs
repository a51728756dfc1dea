//! DHCP for IPv6 (RFC 8415; ports 546 and 547): what a client says of itself, and who serves. It
//! reads no address that is given, no identifier (it holds the client's MAC address for good) and
//! nothing that a relay passes on.
//!
//! ```text
//! type u8 | transaction u24 | options: code u16, length u16, value
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::{Reader, words};
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::DHCPV6_OPTIONS_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Dhcpv6,
    transport: Transport::Udp,
    ports: &[546, 547],
    first: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    marks: &[],
    probe,
    session: || Box::new(Speaker),
};

/// Types of messages, RFC 8415 section 7.3: those of servers; all others up to 11 are clients'.
const ADVERTISE: u8 = 2;
const REPLY: u8 = 7;
const RECONFIGURE: u8 = 10;

/// Options, section 21; RFC 4704 for the name.
const CLIENT_ID: u16 = 1;
const SERVER_ID: u16 = 2;
const REQUESTED: u16 = 6;
const VENDOR_CLASS: u16 = 16;
const NAME: u16 = 39;

/// Kinds of identifiers, section 11, and their longest form.
const ID_KIND_MAX: u16 = 4;
const ID_LEN_MAX: usize = 130;

/// The options of a message that is whole; `None` where one is not.
fn options(bytes: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    let mut reader = Reader(bytes.get(4..).unwrap_or_default());
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

/// Who sent it, if its options are whole and one of them is an identifier that is sound.
fn role(bytes: &[u8]) -> Option<Role> {
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
        });
    }
}
