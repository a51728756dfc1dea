//! LLDP, IEEE 802.1AB, with the inventory and the location of LLDP-MED, ANSI/TIA-1057: what a
//! device on the wire says of itself, for its neighbour. It reads no management address, no
//! policy and no neighbour's location, and believes no frame that is not whole.
//!
//! ```text
//! a frame is a list of:    7 bits    9 bits     length bytes
//!                        +---------+----------+-------------+
//!                        |  type   |  length  |    value    |
//!                        +---------+----------+-------------+
//! chassis, port, time to live (in this order), any others, the end (0, 0)
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reported;
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

/// Device types of LLDP-MED, ANSI/TIA-1057 table 11: three classes of endpoints, and a network
/// connectivity device, which mostly tells its neighbour where the neighbour is.
const ENDPOINT_MAX: u8 = 3;
const CONNECTIVITY: u8 = 4;

/// Whose location it is, RFC 4776 section 3.1.
const OF_NETWORK_ELEMENT: u8 = 1;
const OF_CLIENT: u8 = 2;

/// The elements of a civic address that are told, in this order, RFC 4776 section 3.4: building,
/// floor, unit, room, seat. Never who lives there (23), nor any other text.
const PLACES: [u8; 5] = [25, 27, 26, 28, 33];

/// Bits behind the point of a latitude or longitude, and all its bits, RFC 6225 section 2.2.
const FRACTION_BITS: u32 = 25;
const COORDINATE_BITS: u32 = 34;

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
    let (mut rest, mut device_type) = (bytes, 0);
    while let Some((kind, value, after)) = element(rest) {
        match kind {
            END => break,
            CHASSIS_ID => chassis(value, emit),
            PORT_DESCRIPTION => fact(Field::LldpPortDescription, value, emit),
            SYSTEM_NAME => fact(Field::LldpSystemName, value, emit),
            SYSTEM_DESCRIPTION => fact(Field::LldpSystemDescription, value, emit),
            CAPABILITIES => capabilities(value, emit),
            ORGANISATION => {
                if let Some((MED, [subtype, value @ ..])) = value
                    .split_first_chunk()
                    .map(|(organisation, rest)| (*organisation, rest))
                {
                    med(*subtype, value, &mut device_type, emit);
                }
            }
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

/// An element of LLDP-MED, ANSI/TIA-1057 section 10.2: the device's type, which must come first
/// of them, its location, its inventory.
fn med(subtype: u8, value: &[u8], device_type: &mut u8, emit: Emit<'_>) {
    let field = match subtype {
        1 => {
            if let [_, _, kind] = *value {
                *device_type = kind;
            }
            return;
        }
        3 => return location(value, *device_type, emit),
        5 => Field::LldpMedHardware,
        6 => Field::LldpMedFirmware,
        7 => Field::LldpMedSoftware,
        8 => Field::LldpMedSerial,
        9 => Field::LldpMedManufacturer,
        10 => Field::LldpMedModel,
        11 => Field::LldpMedAssetId,
        _ => return,
    };
    fact(field, value, emit);
}

/// Where the sender itself is: an endpoint tells its own place, a switch its neighbour's unless
/// it says otherwise. A telephone number for emergencies is no place.
fn location(value: &[u8], device_type: u8, emit: Emit<'_>) {
    let is_endpoint = (1..=ENDPOINT_MAX).contains(&device_type);
    match *value {
        [1, ref coordinates @ ..] if is_endpoint => position(coordinates, emit),
        [2, len, whose, _, _, ref places @ ..] if usize::from(len) == places.len() + 3 => {
            let is_own = match whose {
                OF_CLIENT => is_endpoint,
                OF_NETWORK_ELEMENT => device_type == CONNECTIVITY,
                _ => false,
            };
            if is_own {
                civic(places, emit);
            }
        }
        _ => {}
    }
}

/// A civic address: the allowed parts, where every part is whole and none names a person.
fn civic(places: &[u8], emit: Emit<'_>) {
    let mut told = [None; PLACES.len()];
    let mut rest = places;
    while let [kind, len, after @ ..] = rest {
        let Some((text, after)) = after.split_at_checked(usize::from(*len)) else {
            return;
        };
        if let Some(place) = PLACES.iter().position(|wanted| wanted == kind)
            && let Some(slot) = told.get_mut(place)
        {
            *slot = reported::text(text).filter(|text| !reported::names_person(text));
        }
        rest = after;
    }
    let mut text = StackText::<128>::new();
    for part in told.iter().flatten() {
        text.push_item(b"/", part);
    }
    fact(Field::LldpMedCivic, text.as_bytes(), emit);
}

/// Latitude and longitude in degrees, RFC 6225 section 2.2; nothing where either is not known.
fn position(coordinates: &[u8], emit: Emit<'_>) {
    let Some((degrees, [_, _, _, _, _, _])) = coordinates.split_first_chunk::<10>() else {
        return;
    };
    let (degrees, _) = degrees.as_chunks::<5>();
    let [latitude, longitude] = degrees else {
        return;
    };
    let mut text = StackText::<32>::new();
    for (coordinate, degrees_max) in [(latitude, 90.0), (longitude, 180.0)] {
        let [a, b, c, d, e] = *coordinate;
        let word = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        let resolution = (word >> COORDINATE_BITS) as u32;
        let unused = u64::BITS - COORDINATE_BITS;
        let fixed = (word << unused).cast_signed() >> unused;
        let degrees = fixed as f64 / f64::from(1u32 << FRACTION_BITS);
        let comma = if text.is_empty() { "" } else { "," };
        if !(1..=COORDINATE_BITS).contains(&resolution)
            || degrees.abs() > degrees_max
            || write!(text, "{comma}{degrees:.5}").is_err()
        {
            return;
        }
    }
    fact(Field::LldpMedCoordinates, text.as_bytes(), emit);
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

    /// A frame of a device of this type with this location.
    fn placed(device_type: u8, location: &[u8]) -> Vec<(Field, String)> {
        let len = u8::try_from(location.len() + 4).unwrap();
        let head = b"\x02\x06\x05\x01\x0a\x00\x00\x01\x04\x02\x07p\x06\x02\x00\x14";
        let capabilities = [0xfe, 7, 0x00, 0x12, 0xbb, 1, 0, 0x33, device_type];
        let place = [&[0xfe, len, 0x00, 0x12, 0xbb, 3][..], location].concat();
        let (good, facts) = read(&[&head[..], &capabilities, &place, &[0, 0]].concat());
        assert!(good);
        facts
    }

    #[test]
    fn a_place_is_told_of_the_sender_alone() {
        // Street, who lives there, room, floor, building, a unit that names somebody.
        let parts = b"\x06\x05Ringx\x17\x06CANARY\x1c\x032.7\x1b\x012\x19\x04East\
            \x1a\x0aDr. CANARY";
        let of = |whose| {
            let len = u8::try_from(parts.len() + 3).unwrap();
            [&[2, len, whose, b'D', b'E'][..], parts].concat()
        };
        let told = [(Field::LldpMedCivic, "East/2/2.7".to_owned())];
        for (device_type, whose, is_own) in [
            (1, OF_CLIENT, true),
            (3, OF_CLIENT, true),
            (CONNECTIVITY, OF_NETWORK_ELEMENT, true),
            (CONNECTIVITY, OF_CLIENT, false),
            (3, OF_NETWORK_ELEMENT, false),
            (3, 0, false),
            (0, OF_CLIENT, false),
        ] {
            let expected = if is_own { &told[..] } else { &[] };
            assert_eq!(
                placed(device_type, &of(whose)),
                expected,
                "{device_type} {whose}"
            );
        }
        let mut cut = of(OF_CLIENT);
        *cut.last_chunk_mut::<11>().unwrap().first_mut().unwrap() += 1;
        assert_eq!(placed(1, &cut), [], "a part that is not whole");
        cut[1] += 1;
        assert_eq!(placed(1, &cut), [], "another length");
        assert_eq!(placed(1, b"\x03CANARY"), [], "a telephone number");
    }

    #[test]
    fn coordinates_are_degrees() {
        // 48.5 north, 122.25 west, both to 9 bits.
        let lci = b"\x01\x24\x61\x00\x00\x00\x27\x0b\x80\x00\x00\x10\0\0\0\0\x01";
        let told = [(Field::LldpMedCoordinates, "48.50000,-122.25000".to_owned())];
        assert_eq!(placed(1, lci), told);
        assert_eq!(placed(CONNECTIVITY, lci), [], "the neighbour's");
        assert_eq!(placed(1, &lci[..16]), [], "cut");
        let mut unknown = *lci;
        unknown[1] &= 3;
        assert_eq!(placed(1, &unknown), [], "not known");
        unknown[1] = 0x25;
        assert_eq!(placed(1, &unknown), [], "beyond the pole");
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
                location(bytes, 1, &mut |_| {});
            });
    }
}
