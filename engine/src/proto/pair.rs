//! Can this MAC address, or this IP address, belong to one host? It says nothing about whether
//! the two belong together: the protocols that claim so do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::observe::MacAddr;

/// A MAC address of one station: neither a group's nor all zeros (IEEE 802).
pub fn is_host_mac(mac: &MacAddr) -> bool {
    mac[0] & 1 == 0 && *mac != [0; 6]
}

/// An IPv4 address of one host (RFC 6890): not "this network", loopback, multicast or reserved.
pub fn is_host_ipv4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 127 && first < 224
}

/// An IPv6 address of one host (RFC 4291): not unspecified, loopback, multicast, or in the
/// range that holds IPv4 addresses.
pub fn is_host_ipv6(address: Ipv6Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 0xff
}

/// An address of one host, see [`is_host_ipv4`] and [`is_host_ipv6`].
pub fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_host_ipv4(address),
        IpAddr::V6(address) => is_host_ipv6(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_groups() {
        assert!(is_host_mac(&[0x00, 0x1b, 0x2c, 3, 4, 5]));
        assert!(!is_host_mac(&[0x01, 0x00, 0x5e, 0, 0, 1]));
        assert!(!is_host_mac(&[0xff; 6]));
        assert!(!is_host_mac(&[0; 6]));
        for (text, host) in [
            ("10.0.0.1", true),
            ("169.254.3.4", true),
            ("0.0.0.0", false),
            ("127.0.0.1", false),
            ("224.0.0.251", false),
            ("255.255.255.255", false),
            ("fe80::1", true),
            ("2001:db8::1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_host(text.parse().unwrap()), host, "{text}");
        }
    }
}
