//! What a MAC address alone tells: whether it can name one machine, and whose block it is from.
//! It knows no packets.

use medtap_rules::vendor_of_mac;

/// A 48-bit MAC address.
pub type Mac = [u8; 6];

/// Prefixes of addresses that several routers share and pass on to each other, with the number
/// of bits that count: VRRP (RFC 9568, 7.3), HSRP 1 and 2 (RFC 2281, and version 2 for IPv4 and
/// IPv6), GLBP.
const SHARED: &[(Mac, u32)] = &[
    ([0x00, 0x00, 0x5e, 0x00, 0x01, 0], 40),
    ([0x00, 0x00, 0x5e, 0x00, 0x02, 0], 40),
    ([0x00, 0x00, 0x0c, 0x07, 0xac, 0], 40),
    ([0x00, 0x00, 0x0c, 0x9f, 0xf0, 0], 36),
    ([0x00, 0x05, 0x73, 0xa0, 0x00, 0], 36),
    ([0x00, 0x07, 0xb4, 0x00, 0x00, 0], 32),
];

/// True where a frame has no sender on the link, or a group of them.
pub fn names_nobody(mac: &Mac) -> bool {
    *mac == [0; 6] || mac[0] & 1 != 0
}

/// True for the address of a virtual router or cluster, which moves between machines.
pub fn is_shared(mac: &Mac) -> bool {
    let number = |mac: &Mac| {
        mac.iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    SHARED
        .iter()
        .any(|(prefix, bits)| (number(prefix) ^ number(mac)) >> (48 - bits) == 0)
}

/// Blocks from which hypervisors give their machines addresses: VMware, Microsoft, Xen, QEMU and
/// KVM, VirtualBox, Parallels, oVirt, Nutanix, Proxmox.
const VIRTUAL: [[u8; 3]; 12] = [
    [0x00, 0x05, 0x69],
    [0x00, 0x0c, 0x29],
    [0x00, 0x1c, 0x14],
    [0x00, 0x50, 0x56],
    [0x00, 0x15, 0x5d],
    [0x00, 0x16, 0x3e],
    [0x52, 0x54, 0x00],
    [0x08, 0x00, 0x27],
    [0x00, 0x1c, 0x42],
    [0x00, 0x1a, 0x4a],
    [0x50, 0x6b, 0x8d],
    [0xbc, 0x24, 0x11],
];

/// True for the address of a network card that a hypervisor made.
pub fn is_virtual(mac: &Mac) -> bool {
    VIRTUAL.iter().any(|block| mac.starts_with(block))
}

/// True for an address that a hypervisor gave to a machine for good, though it bears the mark of
/// those that are made up: QEMU's and KVM's.
pub fn is_of_virtual_machine(mac: &Mac) -> bool {
    mac.starts_with(&[0x52, 0x54, 0x00])
}

/// The organisation that the block of the address was assigned to, as a hint about the machine.
pub fn vendor(mac: &Mac) -> Option<&'static str> {
    if is_shared(mac) {
        return None;
    }
    vendor_of_mac(mac)
}

/// `02:00:00:00:00:01`.
pub fn text(mac: &[u8]) -> String {
    let mut text = String::with_capacity(mac.len() * 3);
    for byte in mac {
        if !text.is_empty() {
            text.push(':');
        }
        for nibble in [byte >> 4, byte & 0xf] {
            let letter = if nibble < 10 { b'0' } else { b'a' - 10 };
            text.push(char::from(letter + nibble));
        }
    }
    text
}

/// The address that a text spells, with colons, hyphens, dots or nothing between the digits.
pub fn parse(text: &str) -> Option<Mac> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b':' | b'-' | b'.'))
        .map(|byte| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        })
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit))
        .collect();
    (digits.len() == 12)
        .then(|| bytes.try_into().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_several_routers_are_known() {
        assert!(is_shared(&[0, 0, 0x5e, 0, 1, 7]));
        assert!(is_shared(&[0, 0, 0x0c, 7, 0xac, 1]));
        assert!(is_shared(&[0, 0, 0x0c, 0x9f, 0xf1, 2]));
        assert!(!is_shared(&[0, 0, 0x0c, 0x9f, 0xe1, 2]));
        assert!(!is_shared(&[0, 0, 0x5e, 0, 3, 7]));
        assert_eq!(vendor(&[0, 0, 0x0c, 7, 0xac, 1]), None);
    }

    #[test]
    fn addresses_are_read_as_written() {
        let mac = [2, 0xac, 0x3e, 0, 3, 0x18];
        assert_eq!(parse("02:ac:3e:00:03:18"), Some(mac));
        assert_eq!(parse("02AC.3E00.0318"), Some(mac));
        assert_eq!(parse("floor-sw-3"), None);
        assert_eq!(parse("02:ac:3e:00:03"), None);
        assert_eq!(parse(&text(&mac)), Some(mac));
    }
}
