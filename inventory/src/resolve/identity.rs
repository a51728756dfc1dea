//! What a device is called: a fixed hash of the key under which it was seen first. It hashes; what
//! the keys are is told to it.

use sha2::{Digest, Sha256};

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A name, once given, stays: whoever keeps an inventory relies on it.
    #[test]
    fn names_stay() {
        assert_eq!(
            id("mac|0|02:00:00:00:00:01", 0),
            id("mac|0|02:00:00:00:00:01", 0)
        );
        assert_ne!(id("a", 0), id("a", 1));
        assert_eq!(id("a", 0).len(), 16);
    }
}
