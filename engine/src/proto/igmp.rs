//! IGMP, versions 1 to 3 (RFC 1112, 2236, 3376): who asks on a link which groups are wanted. It
//! reads no group: what somebody listens to is nobody's business.

use medtap_table::vocabulary::{Field, Protocol};

use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, says};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Igmp,
    layer: Layer::Ip(2),
    observe,
};

const MESSAGE_LEN_MIN: usize = 8;
const QUERY: u8 = 0x11;
const KINDS: [u8; 5] = [QUERY, 0x12, 0x16, 0x17, 0x22];

fn observe(bytes: &[u8], context: &LinkContext, emit: Emit<'_>) -> bool {
    let kind = bytes.first().copied().unwrap_or_default();
    // All versions have hop limit 1: nobody forwards such a message.
    let is_sound = bytes.len() >= MESSAGE_LEN_MIN
        && KINDS.contains(&kind)
        && sum(bytes) == 0xffff
        && context.ttl <= 1;
    if is_sound {
        emit(Observation::Confirmed);
        if kind == QUERY {
            says(Field::IgmpRole, b"querier", emit);
        }
    }
    is_sound
}

/// The sum of RFC 1071: all ones where the checksum in it is right.
fn sum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    let mut sum: u32 = words
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)))
        .fold(0, u32::wrapping_add);
    if let [last] = rest {
        sum = sum.wrapping_add(u32::from(*last) << 8);
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(bytes: &[u8], ttl: u8) -> (bool, Vec<String>) {
        let mut said = Vec::new();
        let context = LinkContext {
            src_mac: [0; 6],
            dst_mac: [1, 0, 0x5e, 0, 0, 1],
            src: None,
            dst: None,
            ttl,
        };
        let good = observe(bytes, &context, &mut |seen| {
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
    fn a_querier_and_a_listener() {
        let query = b"\x11\x64\xee\x9b\0\0\0\0";
        let querier = ["Confirmed", "igmp.role querier"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(say(query, 1), (true, querier));
        assert!(!say(query, 64).0, "it was forwarded");
        let report = b"\x16\0\xf9\x04\xef\xff\0\xfb";
        assert_eq!(say(report, 1), (true, vec!["Confirmed".to_owned()]));
        let wrong = b"\x16\0\xf9\x05\xef\xff\0\xfb";
        assert!(!say(wrong, 1).0);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(bytes, 1);
        });
    }
}
