//! CDP, the Cisco discovery protocol (Cisco's frame documentation; versions 1 and 2): what a
//! switch, telephone or access point says of itself. It reads neither addresses nor VLANs, and
//! believes no frame that is not whole.
//!
//! ```text
//!  0       1       2          4
//! +-------+-------+----------+    +--------+----------------------+-------+
//! |version|  ttl  | checksum |, n × | type:2 | length:2, with these | value |
//! +-------+-------+----------+    +--------+----------------------+-------+
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::{StackText, printable};
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, Subject};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Cdp,
    layer: Layer::Snap(0x00_000c, 0x2000),
    observe,
};

/// Version, time to live, checksum.
const HEADER_LEN: usize = 4;

/// Type and length of an element.
const ELEMENT_HEADER_LEN: usize = 4;

/// Element types that are read.
const DEVICE_ID: u16 = 0x0001;
const PORT_ID: u16 = 0x0003;
const CAPABILITIES: u16 = 0x0004;
const SOFTWARE_VERSION: u16 = 0x0005;
const PLATFORM: u16 = 0x0006;

/// Names of the capability bits, from bit 0; where LLDP has the same, by its name there.
const CAPABILITY_NAMES: [&str; 11] = [
    "router",
    "bridge",
    "source_route_bridge",
    "switch",
    "host",
    "igmp",
    "repeater",
    "telephone",
    "remotely_managed",
    "cast_port",
    "two_port_relay",
];

/// One element: its type, its value, and what follows it.
fn element(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let ([t0, t1, l0, l1], _) = bytes.split_first_chunk::<ELEMENT_HEADER_LEN>()?;
    let len = usize::from(u16::from_be_bytes([*l0, *l1]));
    let (whole, rest) = bytes.split_at_checked(len)?;
    let value = whole.get(ELEMENT_HEADER_LEN..)?;
    Some((u16::from_be_bytes([*t0, *t1]), value, rest))
}

/// The seconds that the frame holds for and its elements, if every element is well formed and
/// the device names itself. Zeros behind the last element are Ethernet's padding.
fn check(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let ([version, seconds, ..], elements) = bytes.split_first_chunk::<HEADER_LEN>()?;
    if !matches!(version, 1 | 2) {
        return None;
    }
    let (mut rest, mut named) = (elements, false);
    while rest.iter().any(|byte| *byte != 0) {
        let (kind, value, after) = element(rest)?;
        named |= kind == DEVICE_ID && !value.is_empty();
        rest = after;
    }
    named.then_some((*seconds, elements))
}

fn observe(bytes: &[u8], _context: &LinkContext, emit: Emit<'_>) -> bool {
    let (seconds, mut rest) = match check(bytes) {
        None => return false,
        Some(found) => found,
    };
    if seconds == 0 {
        return true;
    }
    emit(Observation::Confirmed);
    while let Some((kind, value, after)) = element(rest) {
        match kind {
            DEVICE_ID => fact(Field::CdpDeviceId, value, emit),
            PORT_ID => fact(Field::CdpPort, value, emit),
            CAPABILITIES => capabilities(value, emit),
            SOFTWARE_VERSION => fact(Field::CdpSoftwareVersion, value, emit),
            PLATFORM => fact(Field::CdpPlatform, value, emit),
            _ => {}
        }
        rest = after;
    }
    true
}

fn capabilities(value: &[u8], emit: Emit<'_>) {
    let Ok(bits) = <[u8; 4]>::try_from(value).map(u32::from_be_bytes) else {
        return;
    };
    let mut names = StackText::<128>::new();
    for (bit, name) in CAPABILITY_NAMES.iter().enumerate() {
        if bits & 1 << bit != 0 {
            names.push_item(b",", name.as_bytes());
        }
    }
    fact(Field::CdpCapabilities, names.as_bytes(), emit);
}

fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    if let Some(value) = printable(value) {
        emit(Observation::Fact {
            subject: Subject::Sender,
            field,
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A switch, 180 s, an address element that is stepped over.
    const SWITCH: &[u8] = b"\x02\xb4\xaa\xbb\x00\x01\x00\x08sw-1\x00\x05\x00\x0eAcme OS 15\
        \x00\x06\x00\x0bAX-2960\x00\x02\x00\x08\x00\x00\x00\x00\x00\x03\x00\x09Gi0/1\
        \x00\x04\x00\x08\x00\x00\x00\x29";

    fn context() -> LinkContext {
        LinkContext {
            src_mac: [0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05],
            dst_mac: [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc],
            src: None,
            dst: None,
            ttl: 0,
        }
    }

    fn read(bytes: &[u8]) -> (bool, Vec<(Field, String)>) {
        let mut facts = Vec::new();
        let good = observe(bytes, &context(), &mut |seen| {
            if let Observation::Fact { field, value, .. } = seen {
                facts.push((field, String::from_utf8(value.to_vec()).unwrap()));
            }
        });
        (good, facts)
    }

    #[test]
    fn a_switch_tells_what_it_is() {
        let padded = [SWITCH, &[0; 6]].concat();
        for bytes in [SWITCH, &padded] {
            let (good, facts) = read(bytes);
            let facts: Vec<_> = facts.iter().map(|(f, v)| (*f, v.as_str())).collect();
            assert!(good);
            assert_eq!(
                facts,
                [
                    (Field::CdpDeviceId, "sw-1"),
                    (Field::CdpSoftwareVersion, "Acme OS 15"),
                    (Field::CdpPlatform, "AX-2960"),
                    (Field::CdpPort, "Gi0/1"),
                    (Field::CdpCapabilities, "router,switch,igmp"),
                ]
            );
        }
    }

    #[test]
    fn broken_frames_say_nothing() {
        let mut bytes = SWITCH.to_vec();
        bytes[0] = 3;
        assert_eq!(read(&bytes), (false, vec![]), "version");
        bytes = SWITCH.to_vec();
        bytes[7] = 3;
        assert_eq!(read(&bytes), (false, vec![]), "an element without room");
        bytes = SWITCH.to_vec();
        bytes[1] = 0;
        assert_eq!(read(&bytes), (true, vec![]), "a device that leaves");
        assert_eq!(read(&SWITCH[..4]), (false, vec![]), "no name");
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        for len in 0..SWITCH.len() {
            read(&SWITCH[..len]);
        }
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|bytes: &[u8]| {
                observe(bytes, &context(), &mut |_| {});
                let tail = [&SWITCH[..12], bytes].concat();
                observe(&tail, &context(), &mut |_| {});
            });
    }
}
