//! What a device is called: a fixed hash of the key under which it was seen first. It hashes; what
//! the keys are is told to it, but for
//! the keys that addresses are.

use sha2::{Digest, Sha256};

use super::bindings::Unit;
use super::joins::is_strong_identifier;
use super::mac;
use super::snapshot::Snapshot;

/// Bytes of the hash that a name shows.
const ID_BYTES: usize = 8;

/// The name of the device with this key. `again` tells apart what would have the same name.
pub fn id(key: &str, again: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(b"medtap device 1\0");
    hash.update(key.as_bytes());
    if again > 0 {
        hash.update([0]);
        hash.update(again.to_be_bytes());
    }
    let digest = hash.finalize();
    let shown = digest.iter().take(ID_BYTES);
    shown.map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a unit by itself.
pub fn unit_key(snapshot: &Snapshot, unit: Unit) -> Option<String> {
    match unit {
        Unit::Mac(scope, mac) => Some(format!("mac|{scope}|{}", mac::text(&mac))),
        Unit::Ip(scope, address) => Some(format!("ip|{scope}|{address}")),
        Unit::Reported(id) => {
            let subject = &snapshot.subjects.get(id.index())?.subject;
            let identifier = subject.identifier.as_str();
            if is_strong_identifier(identifier) {
                return Some(format!("reported|{identifier}"));
            }
            // Others may report other devices by the same name.
            let by = subject
                .reporter
                .and_then(|reporter| snapshot.subjects.get(reporter.index()))
                .map_or(subject, |reporter| &reporter.subject);
            let address = by.address.map(|address| address.to_string());
            let place = format!("{}|{}|{}", by.scope, by.vlan, mac::text(&by.mac));
            let address = address.unwrap_or_default();
            Some(format!("reported|{identifier}|{place}|{address}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name, once given, stays: whoever keeps an inventory relies on it.
    #[test]
    fn names_stay() {
        assert_eq!(id("mac|0|02:ac:3e:00:00:11", 0), "def4e6806aec6eef");
        assert_ne!(id("a", 0), id("a", 1));
        assert_eq!(id("a", 0).len(), 16);
    }
}
