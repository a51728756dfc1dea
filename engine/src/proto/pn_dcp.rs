//! PROFINET's discovery and configuration protocol (IEC 61158-6-10; EtherType 8892): what a
//! station says of itself when it is looked for. It reads no cyclic data, no alarm and no address.
//!
//! ```text
//! frame u16 | service u8 | type u8 | transaction u32 | 0 u16 | length u16 | blocks
//! block   option u8 | suboption u8 | length u16 | information u16 | value | padding to even
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::stack_text::StackText;
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, says};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::PnDcp,
    layer: Layer::EtherType(0x8892),
    observe,
};

/// Frames that carry the protocol: hello, get and set, identify and its answer.
const FRAME_HELLO: u16 = 0xfefc;
const FRAME_ANSWER: u16 = 0xfeff;
/// Frames of the clock, of cyclic data and of alarms: another protocol of the same type.
const FRAME_LAST_OTHER: u16 = 0xfefb;

const GET: u8 = 3;
const SET: u8 = 4;
const IDENTIFY: u8 = 5;
const HELLO: u8 = 6;
const REQUEST: u8 = 0;
const SUCCESS: u8 = 1;
const NOT_SUPPORTED: u8 = 5;

/// The option that describes the device, and what of it is read.
const DEVICE: u8 = 2;

fn observe(bytes: &[u8], _context: &LinkContext, emit: Emit<'_>) -> bool {
    let mut reader = Reader(bytes);
    match reader.u16() {
        Some(0..=FRAME_LAST_OTHER) => true,
        Some(frame @ FRAME_HELLO..=FRAME_ANSWER) => message(frame, reader, emit).is_some(),
        // Fragments of cyclic data.
        Some(0xff00..) => true,
        None => false,
    }
}

fn message(frame: u16, mut reader: Reader<'_>, emit: Emit<'_>) -> Option<()> {
    let (service, kind) = (reader.u8()?, reader.u8()?);
    reader.take(4 + 2)?;
    let blocks = Reader(reader.block16()?);
    let fits = matches!(service, GET | SET | IDENTIFY | HELLO)
        && matches!(kind, REQUEST | SUCCESS | NOT_SUPPORTED);
    if !fits {
        return None;
    }
    emit(Observation::Confirmed);
    let describes = match service {
        HELLO => frame == FRAME_HELLO && kind == REQUEST,
        IDENTIFY => frame == FRAME_ANSWER && kind == SUCCESS,
        service => service == GET && kind == SUCCESS,
    };
    match describes {
        true => tell(blocks, emit),
        false => Some(()),
    }
}

/// What the sender says of itself.
fn tell(mut blocks: Reader<'_>, emit: Emit<'_>) -> Option<()> {
    while !blocks.0.is_empty() {
        let (option, suboption) = (blocks.u8()?, blocks.u8()?);
        let block = blocks.block16()?;
        if block.len() % 2 == 1 && !blocks.0.is_empty() {
            blocks.u8()?;
        }
        let Some((_, value)) = block.split_first_chunk::<2>() else {
            continue;
        };
        let field = match (option, suboption) {
            (DEVICE, 1) => Field::DcpType,
            (DEVICE, 2) => Field::DcpName,
            (DEVICE, 3) => {
                identity(value, emit)?;
                continue;
            }
            (DEVICE, 4) => {
                role(value, emit)?;
                continue;
            }
            _ => continue,
        };
        if let Some(text) = reported::text(value).filter(|text| !reported::names_person(text)) {
            says(field, text, emit);
        }
    }
    Some(())
}

/// Numbers of the maker and, by the maker, of the device.
fn identity(value: &[u8], emit: Emit<'_>) -> Option<()> {
    let mut value = Reader(value);
    for field in [Field::DcpVendorId, Field::DcpDeviceId] {
        let number = value.u16()?;
        let mut text = StackText::<6>::new();
        if write!(text, "0x{number:04x}").is_ok() {
            says(field, text.as_bytes(), emit);
        }
    }
    Some(())
}

/// Roles are bits.
fn role(value: &[u8], emit: Emit<'_>) -> Option<()> {
    let bits = Reader(value).u8()?;
    let mut names = StackText::<48>::new();
    for (bit, name) in ["device", "controller", "multidevice", "supervisor"]
        .iter()
        .enumerate()
    {
        if bits & 1 << bit != 0 {
            names.push_item(b",", name.as_bytes());
        }
    }
    if !names.as_bytes().is_empty() {
        says(Field::DcpRole, names.as_bytes(), emit);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::frame;
    use super::*;

    /// A station answers: options, type, name, identity, role, address.
    const FOUND: &[u8] = b"\xfe\xff\x05\x01\x01\0\0\x01\0\0\0\x3e\
        \x02\x05\0\x04\0\0\x02\x01\
        \x02\x01\0\x05\0\0ET2\0\
        \x02\x02\0\x08\0\0pump-7\
        \x02\x03\0\x06\0\0\0\x2a\x0a\x01\
        \x02\x04\0\x04\0\0\x01\0\
        \x01\x02\0\x04\0\x01\xc0\xa8";

    #[test]
    fn a_station_says_what_it_is() {
        let mut found = FOUND.to_vec();
        found[11] = (found.len() - 12) as u8;
        let expected = [
            "confirmed",
            "sender pn_dcp.type_of_station=ET2",
            "sender pn_dcp.name_of_station=pump-7",
            "sender pn_dcp.vendor_id=0x002a",
            "sender pn_dcp.device_id=0x0a01",
            "sender pn_dcp.role=device",
        ];
        assert_eq!(
            frame(&CLASSIFIER, &found).as_deref(),
            Some(&expected.map(String::from)[..])
        );
        // Padding of the frame is no block.
        found.extend([0; 12]);
        assert_eq!(frame(&CLASSIFIER, &found).map(|said| said.len()), Some(6));
    }

    #[test]
    fn questions_and_other_frames_say_nothing() {
        let ask = b"\xfe\xfe\x05\0\x01\0\0\x01\0\x01\0\x04\xff\xff\0\0";
        assert_eq!(frame(&CLASSIFIER, ask), Some(vec!["confirmed".to_owned()]));
        assert_eq!(frame(&CLASSIFIER, b"\x80\x01\0\0"), Some(vec![]));
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for bytes in [
            &b"\xfe"[..],
            b"\xfe\xff\x07\x01\x01\0\0\x01\0\0\0\0",
            b"\xfe\xff\x05\x01\x01\0\0\x01\0\0\0\x40\x02",
            b"\xfe\xff\x05\x01\x01\0\0\x01\0\0\0\x04\x02\x02\0\x08",
        ] {
            assert_eq!(frame(&CLASSIFIER, bytes), None);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            frame(&CLASSIFIER, bytes);
            let mut found = b"\xfe\xff\x05\x01\x01\0\0\x01\0\0\0".to_vec();
            found.push(bytes.len().min(255) as u8);
            found.extend(bytes);
            frame(&CLASSIFIER, &found);
        });
    }
}
