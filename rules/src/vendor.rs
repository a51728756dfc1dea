//! Who a MAC address block was assigned to, from the IEEE registries (MA-L, MA-M, MA-S and the
//! old IAB) as the `oui-data` crate embeds them. A hint about the maker of the network part: it
//! does not say who made the device, and reads no file and no network.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Bit of the first byte: the address is of a group.
const GROUP: u8 = 0x01;
/// Bit of the first byte: the address was chosen locally, nobody was assigned it.
const LOCAL: u8 = 0x02;
/// Hexadecimal digits of an MA-S or IAB block.
const DIGITS_SMALL: usize = 9;
/// Hexadecimal digits of an MA-M block.
const DIGITS_MEDIUM: usize = 7;
/// Hexadecimal digits of an MA-L block.
const DIGITS_LARGE: usize = 6;

/// Holders that tell nothing: blocks cut into smaller ones, and secret assignments.
const NOBODY: &[&str] = &["IEEE Registration Authority", "Private"];

/// Blocks that give no maker: IANA's, used by virtual routers (RFC 9542, 2.1); and two that the
/// registry lists for several organisations.
const AMBIGUOUS: &[[u8; 3]] = &[[0x00, 0x00, 0x5e], [0x08, 0x00, 0x30], [0x00, 0x01, 0xc8]];

/// The crate turns two spaces within a name into a line break; these are mended, once.
static MENDED: LazyLock<HashMap<&'static str, String>> = LazyLock::new(|| {
    let names = oui_data::OUI_ENTRIES
        .values()
        .map(oui_data::OuiData::organization);
    let broken = names.filter(|name| name.contains('\n'));
    broken
        .map(|name| (name, name.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect()
});

/// The organisation that the address block was assigned to by IEEE; `None` for group and locally
/// administered addresses, which nobody was assigned, and where the registry names nobody.
pub fn vendor_of_mac(mac: &[u8; 6]) -> Option<&'static str> {
    let [first, second, third, ..] = *mac;
    if first & (GROUP | LOCAL) != 0 || AMBIGUOUS.contains(&[first, second, third]) {
        return None;
    }
    let mut digits = [0; 12];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(mac) {
        if let [high, low] = pair {
            *high = hex(byte >> 4);
            *low = hex(byte & 0x0f);
        }
    }
    let digits = std::str::from_utf8(&digits).ok()?;
    let entry = [DIGITS_SMALL, DIGITS_MEDIUM, DIGITS_LARGE]
        .iter()
        .find_map(|length| oui_data::OUI_ENTRIES.get(digits.get(..*length)?))?;
    let name = entry.organization();
    let name = if name.contains('\n') {
        MENDED.get(name)?.as_str()
    } else {
        name
    };
    Some(name).filter(|name| !name.is_empty() && !NOBODY.contains(name))
}

/// A number below 16 as the registry writes it.
fn hex(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + (nibble - 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_block_wins() {
        assert_eq!(
            vendor_of_mac(&[0x00, 0x09, 0xfb, 1, 2, 3]),
            Some("Philips Patient Monitoring")
        );
        assert_eq!(
            vendor_of_mac(&[0x08, 0x00, 0x6f, 1, 2, 3]),
            Some("PHILIPS APELDOORN B.V.")
        );
        // MA-M 1C:87:74:0 and MA-S 70:B3:D5:20:C, both below blocks of the registry itself.
        let medium = vendor_of_mac(&[0x1c, 0x87, 0x74, 0x01, 2, 3]);
        assert_eq!(medium, Some("Philips Personal Health Solutions"));
        let small = vendor_of_mac(&[0x70, 0xb3, 0xd5, 0x20, 0xc1, 3]);
        assert_eq!(small, Some("Siemens Healthcare Diagnostics"));
    }

    #[test]
    fn nobody_is_named_where_nobody_was_assigned() {
        assert_eq!(vendor_of_mac(&[0xff; 6]), None, "broadcast");
        assert_eq!(
            vendor_of_mac(&[0x01, 0x00, 0x5e, 0, 0, 1]),
            None,
            "multicast"
        );
        assert_eq!(
            vendor_of_mac(&[0x02, 0x42, 0xac, 0x11, 0, 2]),
            None,
            "local"
        );
        assert_eq!(
            vendor_of_mac(&[0x00, 0x00, 0x5e, 0x00, 0x01, 0x0a]),
            None,
            "VRRP"
        );
        assert_eq!(
            vendor_of_mac(&[0x08, 0x00, 0x30, 1, 2, 3]),
            None,
            "assigned to several"
        );
    }

    /// Every name is one line, and no block that was cut up names the registry.
    #[test]
    fn names_are_clean() {
        let mut named = 0;
        for block in oui_data::OUI_ENTRIES.keys() {
            let mut digits = (*block).to_owned();
            while digits.len() < 12 {
                digits.push('0');
            }
            let number = u64::from_str_radix(&digits, 16).unwrap();
            let [_, _, mac @ ..] = number.to_be_bytes();
            if let Some(name) = vendor_of_mac(&mac) {
                named += 1;
                assert!(
                    !name.contains('\n') && !name.starts_with("IEEE Reg"),
                    "{block} {name}"
                );
            }
        }
        assert!(named > 50_000, "{named} blocks have a name");
    }

    #[test]
    fn fuzz_any_address() {
        bolero::check!().with_type::<[u8; 6]>().for_each(|mac| {
            let name = vendor_of_mac(mac);
            assert!(mac[0] & 3 == 0 || name.is_none());
        });
    }
}
