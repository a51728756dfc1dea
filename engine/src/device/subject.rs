//! Whom a fact is about: an address binding on a link, or a device that another one reports.
//! Which subjects are one device is not decided here.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use super::memo::Said;
use crate::observe::MacAddr;

/// (scope, VLAN, MAC, address): one address of one interface, as the frames show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct BindingKey {
    /// Configured address space, 0 where there is one.
    pub scope: u16,
    /// VLAN identifier, 0 without tag.
    pub vlan: u16,
    /// MAC address; zero where the link has none.
    pub mac: MacAddr,
    /// 4 or 6; 0 for a binding without an address.
    pub version: u8,
    /// The address, IPv4 as `::ffff:a.b.c.d`; zero without.
    pub address: [u8; 16],
}

/// Three whole words: field by field costs several times as much.
impl Hash for BindingKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f] = self.mac;
        let [scope_low, scope_high] = self.scope.to_le_bytes();
        state.write_u64(u64::from_le_bytes([
            a, b, c, d, e, f, scope_low, scope_high,
        ]));
        state.write_u32(u32::from(self.vlan) << 8 | u32::from(self.version));
        state.write_u128(u128::from_le_bytes(self.address));
    }
}

/// Field by field.
impl Ord for BindingKey {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers().cmp(&other.numbers())
    }
}

impl PartialOrd for BindingKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl BindingKey {
    /// The binding of a frame's end. An unspecified address (0.0.0.0, ::) is none.
    #[inline]
    pub fn new(scope: u16, vlan: u16, mac: MacAddr, version: u8, address: [u8; 16]) -> Self {
        // A number, since arrays are compared by a call.
        let word = u128::from_le_bytes(address);
        let is_unspecified = match version {
            4 => word >> 96 == 0,
            _ => word == 0,
        };
        Self {
            scope,
            vlan,
            mac,
            version: if is_unspecified { 0 } else { version },
            address: if is_unspecified { [0; 16] } else { address },
        }
    }

    /// Its fields as two numbers in their order: arrays are compared by a call.
    #[inline]
    fn numbers(&self) -> (u128, u128) {
        let [a, b, c, d, e, f] = self.mac;
        let mac = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let link = u128::from(self.scope) << 80 | u128::from(self.vlan) << 64;
        (
            link | u128::from(mac) << 8 | u128::from(self.version),
            u128::from_be_bytes(self.address),
        )
    }

    /// The ends of its addresses as a word: which place it has, not whose it is.
    pub fn word(&self) -> u64 {
        let [.., a, b, c, d] = self.address;
        let [_, _, e, f, g, h] = self.mac;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// The same interface without an address.
    pub fn without_address(self) -> Self {
        Self {
            version: 0,
            address: [0; 16],
            ..self
        }
    }

    /// True if it says nothing at all: no MAC address and no address.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.version == 0 && self.mac == [0; 6]
    }

    /// True if it is a subject: a single device with an address of some kind.
    #[inline]
    pub fn is_subject(&self) -> bool {
        self.is_unicast() && !self.is_empty()
    }

    /// True if one device can have it: no group MAC address, no multicast or broadcast address.
    #[inline]
    pub fn is_unicast(&self) -> bool {
        let group_mac = self.mac[0] & 1 != 0;
        let group_address = match self.version {
            4 => self.address[12] >= 224,
            6 => self.address[0] == 0xff,
            _ => false,
        };
        !group_mac && !group_address
    }
}

/// Bytes of an identifier.
pub const IDENTIFIER_BYTES: usize = 64;

/// The name of a reported device, made of equipment fields: text, zero-padded. One that is too
/// long keeps its beginning and a hash of the whole, so that it stays one name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier([u8; IDENTIFIER_BYTES]);

impl Identifier {
    /// The identifier of this text; `None` for an empty one.
    pub fn new(raw: &[u8]) -> Option<Self> {
        let value = super::Value::from_wire(raw);
        let text = value.as_str();
        let mut bytes = [0; IDENTIFIER_BYTES];
        if text.is_empty() {
            return None;
        }
        if raw.len() <= IDENTIFIER_BYTES && text.len() <= IDENTIFIER_BYTES {
            bytes[..text.len()].copy_from_slice(text.as_bytes());
        } else {
            let digest = Sha256::digest(raw);
            let hash: String = digest[..8]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let mut end = (IDENTIFIER_BYTES - 17).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
            bytes[end] = b'#';
            bytes[end + 1..end + 17].copy_from_slice(hash.as_bytes());
        }
        Some(Self(bytes))
    }

    fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&byte| byte == 0);
        &self.0[..end.unwrap_or(self.0.len())]
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Identifier {
    /// True for the name that these very bytes are.
    fn is(&self, raw: &[u8]) -> bool {
        let (name, rest) = self.0.split_at(raw.len().min(IDENTIFIER_BYTES));
        name == raw && rest.first().is_none_or(|byte| *byte == 0)
    }
}

impl SubjectKey {
    /// The subject of something that was said; nothing for one that is no single device, and for
    /// an empty identifier.
    pub fn new(said: Said<'_>) -> Option<Self> {
        let binding = *said.binding;
        if !binding.is_subject() {
            return None;
        }
        Some(match said.reported {
            None => Self::Binding(binding),
            Some(identifier) => Self::Reported(binding, Identifier::new(identifier)?),
        })
    }

    /// Its place among those of its kind.
    pub fn order(&self) -> impl Ord {
        match self {
            Self::Binding(binding) => (binding.numbers(), None),
            Self::Reported(binding, identifier) => (binding.numbers(), Some(identifier)),
        }
    }

    /// What says it, in bytes.
    pub fn said(&self) -> Said<'_> {
        let (binding, reported) = match self {
            Self::Binding(binding) => (binding, None),
            Self::Reported(binding, identifier) => (binding, Some(identifier.as_bytes())),
        };
        Said { binding, reported }
    }

    /// True for the subject that is meant by these very bytes.
    #[inline]
    pub fn is(&self, said: Said<'_>) -> bool {
        match (self, said.reported) {
            (Self::Binding(binding), None) => binding == said.binding,
            (Self::Reported(binding, identifier), Some(raw)) => {
                binding == said.binding && identifier.is(raw)
            }
            _ => false,
        }
    }
}

/// Whom a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SubjectKey {
    /// One address of one interface.
    Binding(BindingKey),
    /// A device that this binding speaks of.
    Reported(BindingKey, Identifier),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_identifiers_stay_apart() {
        let (a, b) = ([b'a'; 100], [b'a'; 101]);
        let (a, b) = (Identifier::new(&a).unwrap(), Identifier::new(&b).unwrap());
        assert_ne!(a, b);
        assert!(a.as_str().starts_with("aaaa") && a.as_str().contains('#'));
        assert_eq!(Identifier::new(b"x|y").unwrap().as_str(), "x|y");
        assert_eq!(Identifier::new(b" \0"), None);
    }

    /// In the order of its fields.
    #[test]
    fn bindings_are_ordered_field_by_field() {
        let keys = [0, 1, 2, 0x100, 0x0102].map(|n: u16| {
            let [high, low] = n.to_be_bytes();
            let mac = [high, 0, 0, 0, 0, low];
            let mut address = [0; 16];
            (address[0], address[15]) = (high, low);
            (n, mac, low, address)
        });
        let all: Vec<BindingKey> = keys
            .iter()
            .flat_map(|a| keys.iter().map(move |b| (a, b)))
            .flat_map(|(a, b)| {
                let key = |scope, vlan, mac, version, address| BindingKey {
                    scope,
                    vlan,
                    mac,
                    version,
                    address,
                };
                [
                    key(a.0, b.0, [0; 6], 0, [0; 16]),
                    key(0, a.0, b.1, 0, [0; 16]),
                    key(0, 0, a.1, b.2, [0; 16]),
                    key(0, 0, [0; 6], a.2, b.3),
                ]
            })
            .collect();
        let fields = |key: &BindingKey| (key.scope, key.vlan, key.mac, key.version, key.address);
        for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
            assert_eq!(a.cmp(b), fields(a).cmp(&fields(b)), "{a:?} {b:?}");
        }
    }

    #[test]
    fn groups_are_no_devices() {
        let key = |mac, v4: [u8; 4]| {
            let mut address = [0; 16];
            address[12..].copy_from_slice(&v4);
            BindingKey::new(0, 0, mac, 4, address)
        };
        assert!(key([2, 0, 0, 0, 0, 1], [10, 0, 0, 1]).is_unicast());
        assert!(!key([1, 0, 0x5e, 0, 0, 1], [10, 0, 0, 1]).is_unicast());
        assert!(!key([2, 0, 0, 0, 0, 1], [224, 0, 0, 251]).is_unicast());
        assert_eq!(key([2, 0, 0, 0, 0, 1], [0; 4]).version, 0);
    }
}
