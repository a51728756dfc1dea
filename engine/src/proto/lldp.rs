//! LLDP, IEEE 802.1AB, with the inventory of LLDP-MED, ANSI/TIA-1057: what a device on the wire
//! says of itself, for its neighbour. It reads no management address, no location and no policy,
//! and believes no frame that is not whole.
//!
//! ```text
//! a frame is a list of:    7 bits    9 bits     length bytes
//!                        +---------+----------+-------------+
//!                        |  type   |  length  |    value    |
//!                        +---------+----------+-------------+
//! chassis, port, time to live (in this order), any others, the end (0, 0)
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::{StackText, mac, printable};
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, Subject};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Lldp,
    layer: Layer::EtherType(0x88cc),
    observe,
};

/// Types, IEEE 802.1AB section 8.4.
const END: u8 = 0;
const CHASSIS_ID: u8 = 1;
const PORT_ID: u8 = 2;
const TIME_TO_LIVE: u8 = 3;
const PORT_DESCRIPTION: u8 = 4;
const SYSTEM_NAME: u8 = 5;
const SYSTEM_DESCRIPTION: u8 = 6;
const CAPABILITIES: u8 = 7;
const ORGANISATION: u8 = 127;

/// What a chassis identifier is, IEEE 802.1AB table 8-2.
const CHASSIS_COMPONENT: u8 = 1;
const CHASSIS_MAC: u8 = 4;
const CHASSIS_LOCAL: u8 = 7;

/// The Telecommunications Industry Association: LLDP-MED.
const MED: [u8; 3] = [0x00, 0x12, 0xbb];

/// Names of the system capabilities, from bit 0, IEEE 802.1AB table 8-4.
const CAPABILITY_NAMES: [&str; 11] = [
    "other",
    "repeater",
    "bridge",
    "wlan_access_point",
    "router",
    "telephone",
    "docsis",
    "station",
    "c_vlan",
    "s_vlan",
    "two_port_relay",
];

/// One element: its type, its value, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    let word = u16::from_be_bytes(*head);
    let (value, rest) = rest.split_at_checked(usize::from(word & 0x1ff))?;
    Some(((word >> 9) as u8, value, rest))
}

/// The seconds that the frame holds for, if the frame is well formed: three elements that must
/// be there, in this order and once; others, of which some only once; an end.
fn check(bytes: &[u8]) -> Option<u16> {
    let mut rest = bytes;
    for wanted in [CHASSIS_ID, PORT_ID] {
        let (kind, value, after) = element(rest)?;
        if kind != wanted || !(2..=256).contains(&value.len()) {
            return None;
        }
        rest = after;
    }
    let (kind, value, mut rest) = element(rest)?;
    let seconds = *value.first_chunk()?;
    if kind != TIME_TO_LIVE {
        return None;
    }
    let mut once = 0u8;
    loop {
        let (kind, value, after) = element(rest)?;
        match kind {
            END => return value.is_empty().then_some(u16::from_be_bytes(seconds)),
            CHASSIS_ID..=TIME_TO_LIVE => return None,
            PORT_DESCRIPTION..=CAPABILITIES if once & 1 << kind != 0 => return None,
            PORT_DESCRIPTION..=CAPABILITIES => once |= 1 << kind,
            _ => {}
        }
        rest = after;
    }
}

fn observe(bytes: &[u8], _context: &LinkContext, emit: Emit<'_>) -> bool {
    match check(bytes) {
        None => return false,
        // "Forget me": the device leaves and says nothing more.
        Some(0) => return true,
        Some(_) => {}
    }
    emit(Observation::Confirmed);
    let mut rest = bytes;
    while let Some((kind, value, after)) = element(rest) {
        match kind {
            END => break,
            CHASSIS_ID => chassis(value, emit),
            PORT_DESCRIPTION => fact(Field::LldpPortDescription, value, emit),
            SYSTEM_NAME => fact(Field::LldpSystemName, value, emit),
            SYSTEM_DESCRIPTION => fact(Field::LldpSystemDescription, value, emit),
            CAPABILITIES => capabilities(value, emit),
            ORGANISATION => organisation(value, emit),
            _ => {}
        }
        rest = after;
    }
    true
}

/// The chassis, where its identifier is a MAC address or a name; a network address is not an
/// identity.
fn chassis(value: &[u8], emit: Emit<'_>) {
    match *value {
        [CHASSIS_MAC, a, b, c, d, e, f] => {
            let text = mac(&[a, b, c, d, e, f]);
            fact(Field::LldpChassisId, text.as_bytes(), emit);
        }
        [CHASSIS_COMPONENT | CHASSIS_LOCAL, ref name @ ..] => {
            fact(Field::LldpChassisId, name, emit);
        }
        _ => {}
    }
}

/// The capabilities that are switched on, by name; those that merely exist say little.
fn capabilities(value: &[u8], emit: Emit<'_>) {
    let [_, _, high, low] = *value else { return };
    let enabled = u16::from_be_bytes([high, low]);
    let mut names = StackText::<128>::new();
    for (bit, name) in CAPABILITY_NAMES.iter().enumerate() {
        if enabled & 1 << bit != 0 {
            names.push_item(b",", name.as_bytes());
        }
    }
    fact(Field::LldpCapabilities, names.as_bytes(), emit);
}

/// The inventory of LLDP-MED, ANSI/TIA-1057 section 10.2.6.
fn organisation(value: &[u8], emit: Emit<'_>) {
    let Some((MED, [subtype, text @ ..])) = value
        .split_first_chunk()
        .map(|(organisation, rest)| (*organisation, rest))
    else {
        return;
    };
    let field = match subtype {
        5 => Field::LldpMedHardware,
        6 => Field::LldpMedFirmware,
        7 => Field::LldpMedSoftware,
        8 => Field::LldpMedSerial,
        9 => Field::LldpMedManufacturer,
        10 => Field::LldpMedModel,
        11 => Field::LldpMedAssetId,
        _ => return,
    };
    fact(field, text, emit);
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

    /// A telephone: chassis by MAC, port, 120 s, name, description, capabilities, MED inventory.
    const PHONE: &[u8] = b"\x02\x07\x04\x00\x1b\x2c\x03\x04\x05\x04\x03\x05p1\x06\x02\x00\x78\
        \x08\x02SW\x0a\x07phone-7\x0c\x0bAcme V1.2.3\x0e\x04\x00\x24\x00\x24\
        \xfe\x08\x00\x12\xbb\x05A-02\xfe\x09\x00\x12\xbb\x08S1234\
        \xfe\x09\x00\x12\xbb\x09Acme\x00\xfe\x08\x00\x12\xbb\x0aAX-1\
        \xfe\x06\x00\x80\xc2\x01\x00\x07\x00\x00\x00\x00\x00";

    fn context() -> LinkContext {
        LinkContext {
            src_mac: [0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05],
            dst_mac: [0x01, 0x80, 0xc2, 0, 0, 0x0e],
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
    fn a_telephone_tells_what_it_is() {
        let (good, facts) = read(PHONE);
        let facts: Vec<_> = facts.iter().map(|(f, v)| (*f, v.as_str())).collect();
        assert!(good);
        assert_eq!(
            facts,
            [
                (Field::LldpChassisId, "00:1b:2c:03:04:05"),
                (Field::LldpPortDescription, "SW"),
                (Field::LldpSystemName, "phone-7"),
                (Field::LldpSystemDescription, "Acme V1.2.3"),
                (Field::LldpCapabilities, "bridge,telephone"),
                (Field::LldpMedHardware, "A-02"),
                (Field::LldpMedSerial, "S1234"),
                (Field::LldpMedManufacturer, "Acme"),
                (Field::LldpMedModel, "AX-1"),
            ]
        );
    }

    #[test]
    fn chassis_identifiers_that_are_names() {
        let named = b"\x02\x05\x07plc1\x04\x02\x07p\x06\x02\x00\x14\x00\x00";
        let (good, facts) = read(named);
        assert!(good);
        assert_eq!(facts, [(Field::LldpChassisId, "plc1".to_owned())]);
        let network = b"\x02\x06\x05\x01\x0a\x00\x00\x01\x04\x02\x07p\x06\x02\x00\x14\x00\x00";
        assert_eq!(read(network), (true, vec![]));
    }

    #[test]
    fn a_device_that_leaves_says_nothing() {
        let mut leaving = PHONE.to_vec();
        leaving[17] = 0;
        assert_eq!(read(&leaving), (true, vec![]));
    }

    #[test]
    fn the_order_and_the_end_are_demanded() {
        let swapped = b"\x04\x02\x07p\x02\x05\x07plc1\x06\x02\x00\x14\x00\x00";
        assert_eq!(read(swapped), (false, vec![]));
        let twice = b"\x02\x05\x07plc1\x04\x02\x07p\x06\x02\x00\x14\x0a\x01a\x0a\x01b\x00\x00";
        assert_eq!(read(twice), (false, vec![]));
        // Three bytes of padding follow the end.
        for len in 0..PHONE.len() - 3 {
            assert_eq!(read(&PHONE[..len]), (false, vec![]), "{len}");
        }
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|bytes: &[u8]| {
                observe(bytes, &context(), &mut |_| {});
                let tail = [&PHONE[..18], bytes, &[0, 0]].concat();
                observe(&tail, &context(), &mut |_| {});
            });
    }
}
