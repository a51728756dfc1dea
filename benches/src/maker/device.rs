//! The made hospital's devices: each number has its own MAC address and its own addresses, of
//! both families. None of them stands for a real one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Devices that the addresses suffice for: what 10.0.0.0/8 holds without first and last of /24.
pub const DEVICES_MAX: u32 = 254 << 16;

/// Organisation parts of the MAC addresses: unicast, globally administered.
const ORGANISATIONS: [[u8; 3]; 5] = [
    [0x00, 0x1b, 0x21],
    [0x00, 0x09, 0xfb],
    [0x00, 0x50, 0x56],
    [0x00, 0x80, 0x77],
    [0x00, 0x0c, 0x29],
];

/// One device, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// 0 to [`DEVICES_MAX`].
    pub number: u32,
}

impl Device {
    /// Its MAC address.
    pub fn mac(self) -> [u8; 6] {
        let [a, b, c] = ORGANISATIONS[self.number as usize % ORGANISATIONS.len()];
        let [_, d, e, f] = self.number.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// Its IPv4 address, in 10.0.0.0/8; never the first or last of a /24.
    pub fn v4(self) -> Ipv4Addr {
        let [_, _, b, c] = (self.number / 254).to_be_bytes();
        Ipv4Addr::new(10, b, c, (self.number % 254) as u8 + 1)
    }

    /// Its IPv6 address, in the documentation prefix of RFC 3849.
    pub fn v6(self) -> Ipv6Addr {
        let [high, low] = [(self.number + 1) >> 16, (self.number + 1) & 0xffff];
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, high as u16, low as u16)
    }

    /// One end of a conversation of this device.
    pub fn end(self, ipv6: bool, port: u16) -> End {
        let address = if ipv6 {
            self.v6().into()
        } else {
            self.v4().into()
        };
        End {
            mac: self.mac(),
            address,
            port,
        }
    }
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The frame's address.
    pub mac: [u8; 6],
    /// The packet's.
    pub address: IpAddr,
    /// The transport's.
    pub port: u16,
}

impl End {
    /// Bytes of the IP header of packets between such ends.
    pub fn ip_header_len(&self) -> usize {
        if self.address.is_ipv6() { 40 } else { 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn devices_share_no_address() {
        let numbers = (0..10_000)
            .chain(60_000..70_000)
            .chain(DEVICES_MAX - 10_000..DEVICES_MAX);
        let mut seen = HashSet::new();
        for number in numbers {
            let device = Device { number };
            assert!(seen.insert((0, u64::from(u32::from(device.v4())))));
            assert!(seen.insert((1, u128::from(device.v6()) as u64)));
            let mac = device.mac();
            assert_eq!(mac[0] & 3, 0, "unicast, globally administered");
            let mac = mac.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
            assert!(seen.insert((2, mac)));
            assert!(!matches!(device.v4().octets()[3], 0 | 255));
        }
    }
}
