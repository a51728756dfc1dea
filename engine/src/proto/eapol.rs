//! EAP over LAN (IEEE 802.1X): who wants to be let into the network, who decides, and by which
//! method. It reads no identity, no certificate and no key.
//!
//! ```text
//! version u8 | type u8 | length u16 | EAP: code u8, id u8, length u16, method u8, …
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::StackText;
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, says};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Eapol,
    layer: Layer::EtherType(0x888e),
    observe,
};

/// Types of frames, IEEE 802.1X-2020 table 11-3.
const EAP: u8 = 0;
const START: u8 = 1;
const TYPE_MAX: u8 = 8;

/// Codes of EAP, RFC 3748 section 4.
const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const FAILURE: u8 = 4;

/// The first methods are no methods: an identity, a notice, a refusal.
const METHOD_MIN: u8 = 4;

fn observe(bytes: &[u8], _context: &LinkContext, emit: Emit<'_>) -> bool {
    read(bytes, emit).is_some()
}

fn read(bytes: &[u8], emit: Emit<'_>) -> Option<()> {
    let mut reader = Reader(bytes);
    let (version, kind) = (reader.u8()?, reader.u8()?);
    let body = reader.block16()?;
    if !(1..=3).contains(&version) || kind > TYPE_MAX {
        return None;
    }
    let role: &[u8] = match kind {
        START => b"supplicant",
        EAP => {
            let mut eap = Reader(body);
            let code = eap.u8()?;
            eap.u8()?;
            let len = usize::from(eap.u16()?);
            if !(REQUEST..=FAILURE).contains(&code) || !(4..=body.len()).contains(&len) {
                return None;
            }
            let method = eap.u8().filter(|method| *method >= METHOD_MIN);
            if let Some(method) = method.filter(|_| code == RESPONSE) {
                let mut text = StackText::<3>::new();
                if write!(text, "{method}").is_ok() {
                    says(Field::EapMethod, text.as_bytes(), emit);
                }
            }
            match code {
                RESPONSE => b"supplicant",
                _ => b"authenticator",
            }
        }
        // A log-off, keys: either end sends them.
        _ => {
            emit(Observation::Confirmed);
            return Some(());
        }
    };
    emit(Observation::Confirmed);
    says(Field::EapolRole, role, emit);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(bytes: &[u8]) -> (bool, Vec<String>) {
        let mut said = Vec::new();
        let context = LinkContext {
            src_mac: [0; 6],
            dst_mac: [1, 0x80, 0xc2, 0, 0, 3],
            src: None,
            dst: None,
            ttl: 0,
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
    fn both_ends_and_no_identity() {
        let start = say(b"\x01\x01\0\0").1;
        assert_eq!(start, ["Confirmed", "eapol.role supplicant"]);
        let ask = say(b"\x02\0\0\x05\x01\x07\0\x05\x01").1;
        assert_eq!(ask, ["Confirmed", "eapol.role authenticator"]);
        let identity = say(b"\x02\0\0\x0b\x02\x07\0\x0b\x01CANARY").1;
        assert_eq!(identity, ["Confirmed", "eapol.role supplicant"]);
        let method = say(b"\x02\0\0\x06\x02\x08\0\x06\x19\0").1;
        assert_eq!(
            method,
            ["eap.type 25", "Confirmed", "eapol.role supplicant"]
        );
        assert_eq!(say(b"\x02\x03\0\x01\x02").1, ["Confirmed"]);
    }

    #[test]
    fn what_is_not_sound_is_refused() {
        for bytes in [
            &b"\x00\x01\0\0"[..],
            b"\x01\x09\0\0",
            b"\x01\x01\0\x01",
            b"\x01\0\0\x04\x05\x01\0\x04",
            b"\x01\0\0\x04\x01\x01\0\x05",
        ] {
            assert!(!say(bytes).0, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(bytes);
            let len = (bytes.len() as u16).to_be_bytes();
            say(&[&[2, 0][..], &len, bytes].concat());
        });
    }
}
