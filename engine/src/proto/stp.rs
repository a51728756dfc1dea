//! The spanning tree (IEEE 802.1D, 802.1Q) and Cisco's for each VLAN: which frame comes from a
//! switch, and which switch is the root. It reads no timer and no topology.
//!
//! ```text
//! 0 u16 | version u8 | kind u8 | flags u8 | root 8 | cost u32 | bridge 8 | port u16 | times
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::pair::is_host_mac;
use super::reader::Reader;
use super::stack_text::{StackText, mac};
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, says};

/// The row of this protocol, by its own service access point.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Stp,
    layer: Layer::Llc(ACCESS_POINT),
    observe: |bytes, context, emit| {
        bytes
            .strip_prefix(&[ACCESS_POINT, ACCESS_POINT, 3])
            .is_some_and(|bytes| observe(bytes, context, emit))
    },
};

/// The row of Cisco's spanning tree for each VLAN.
pub const PER_VLAN: LinkClassifier = LinkClassifier {
    protocol: Protocol::Stp,
    layer: Layer::Snap(0x00_000c, 0x010b),
    observe,
};

const ACCESS_POINT: u8 = 0x42;

/// Kinds of messages: a configuration, of the rapid tree, and a change.
const CONFIGURATION: u8 = 0;
const RAPID: u8 = 2;
const CHANGE: u8 = 0x80;
/// Versions: the first, rapid, multiple, shortest path.
const VERSIONS: [u8; 4] = [0, 2, 3, 4];

fn observe(bytes: &[u8], _context: &LinkContext, emit: Emit<'_>) -> bool {
    read(bytes, emit).is_some()
}

fn read(bytes: &[u8], emit: Emit<'_>) -> Option<()> {
    let mut reader = Reader(bytes);
    let (protocol, version, kind) = (reader.u16()?, reader.u8()?, reader.u8()?);
    if protocol != 0 || !VERSIONS.contains(&version) {
        return None;
    }
    match kind {
        CHANGE => {
            emit(Observation::Confirmed);
            return Some(());
        }
        CONFIGURATION | RAPID => {}
        _ => return None,
    }
    reader.u8()?;
    let root = reader.take(8)?.first_chunk::<8>()?;
    reader.u32()?;
    let bridge = reader.take(8)?.first_chunk::<8>()?;
    // Port, age, maximum age, hello time, delay.
    reader.take(10)?;
    let [high, low, own @ ..] = *bridge;
    if !is_host_mac(&own) {
        return None;
    }
    emit(Observation::Confirmed);
    let mut text = StackText::<32>::new();
    let priority = u16::from_be_bytes([high, low]) & 0xf000;
    let is_whole = write!(text, "{priority}/").is_ok() && text.push(mac(&own).as_bytes());
    if is_whole {
        says(Field::StpBridge, text.as_bytes(), emit);
    }
    let role: &[u8] = match root == bridge {
        true => b"root",
        false => b"bridge",
    };
    says(Field::StpRole, role, emit);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &[u8] = b"\x42\x42\x03\0\0\0\0\0\x80\x01\0\x1b\x2c\x03\x04\x05\0\0\0\0\
        \x80\x01\0\x1b\x2c\x03\x04\x05\x80\x02\0\0\x14\0\x02\0\x0f\0";

    fn say(row: &LinkClassifier, bytes: &[u8]) -> (bool, Vec<String>) {
        let mut said = Vec::new();
        let context = LinkContext {
            src_mac: [0; 6],
            dst_mac: [1, 0x80, 0xc2, 0, 0, 0],
            src: None,
            dst: None,
            ttl: 0,
        };
        let good = (row.observe)(bytes, &context, &mut |seen| {
            said.push(match seen {
                Observation::Fact { field, value, .. } => {
                    format!("{} {}", field.name(), value.escape_ascii())
                }
                other => format!("{other:?}"),
            });
        });
        (good, said)
    }

    #[test]
    fn a_root_and_another_switch() {
        let bridge = "stp.bridge 32768/00:1b:2c:03:04:05".to_owned();
        let (good, said) = say(&CLASSIFIER, ROOT);
        assert!(good);
        assert_eq!(said, ["Confirmed", &bridge, "stp.role root"]);
        let mut other = ROOT.to_vec();
        other[15] = 9;
        assert_eq!(
            say(&CLASSIFIER, &other).1,
            ["Confirmed", &bridge, "stp.role bridge"]
        );
        assert_eq!(say(&PER_VLAN, &ROOT[3..]).1.len(), 3);
        let change = b"\x42\x42\x03\0\0\0\x80";
        assert_eq!(
            say(&CLASSIFIER, change),
            (true, vec!["Confirmed".to_owned()])
        );
    }

    #[test]
    fn what_is_not_sound_is_refused() {
        for (at, value) in [(2, 0), (3, 1), (5, 1), (6, 9), (22, 1)] {
            let mut bytes = ROOT.to_vec();
            bytes[at] = value;
            assert!(!say(&CLASSIFIER, &bytes).0, "{at}");
        }
        for len in 0..ROOT.len() {
            assert!(!say(&CLASSIFIER, &ROOT[..len]).0);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(&PER_VLAN, bytes);
            say(&CLASSIFIER, &[&ROOT[..3], bytes].concat());
        });
    }
}
