//! Identifiers and times for exchange formats: made of what they name, so that the same device
//! has the same name in every export. Nothing is drawn by chance, no clock is read.

use jiff::Timestamp;
use medtap_inventory::model::Time;
use serde_json::Value;
use sha1::{Digest, Sha1};

/// The namespace of STIX's own identifiers of observables, given by its standard.
pub const STIX_OBSERVABLES: [u8; 16] = [
    0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7,
];
/// The namespace of ours: version 5 of "medtap" in the namespace of names of domains.
pub const MEDTAP: [u8; 16] = [
    0x1b, 0x67, 0x6a, 0x1d, 0x3e, 0x5c, 0x5b, 0x0e, 0x8f, 0x5a, 0x6d, 0x65, 0x64, 0x74, 0x61, 0x70,
];

/// A UUID of version 5: of a name in a namespace.
pub fn uuid(namespace: &[u8; 16], name: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(namespace);
    hash.update(name.as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0u8; 16];
    for (byte, from) in bytes.iter_mut().zip(digest) {
        *byte = from;
    }
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// A time to the millisecond, always with its three digits.
pub fn millis(time: Option<Time>) -> String {
    let time = time.map_or(0, |time| time.0);
    match Timestamp::from_nanosecond(time.into()) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        Err(_) => "1970-01-01T00:00:00.000Z".to_owned(),
    }
}

/// A time as milliseconds since the epoch.
pub fn epoch_millis(time: Option<Time>) -> u64 {
    time.map_or(0, |time| time.0 / 1_000_000)
}

/// An object without what is null, empty text or an empty list: formats want absence.
pub fn trimmed(value: Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, trimmed(value)));
            Value::Object(fields.filter(|(_, value)| !is_nothing(value)).collect())
        }
        Value::Array(list) => {
            let list = list.into_iter().map(trimmed);
            Value::Array(list.filter(|value| !is_nothing(value)).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_those_of_the_standard() {
        // RFC 9562, appendix A.4: www.example.com in the namespace of domains.
        let dns = [
            0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4,
            0x30, 0xc8,
        ];
        assert_eq!(
            uuid(&dns, "www.example.com"),
            "2ed6657d-e927-568b-95e1-2665a8aea6a2"
        );
    }

    #[test]
    fn times_have_three_digits() {
        assert_eq!(millis(None), "1970-01-01T00:00:00.000Z");
        let time = Some(Time(1_787_047_227_500_000_000));
        assert_eq!(millis(time), "2026-08-18T10:00:27.500Z");
        assert_eq!(epoch_millis(time), 1_787_047_227_500);
    }
}
