//! ICMPv6, [RFC 4443](https://www.rfc-editor.org/rfc/rfc4443), and the options of neighbour
//! discovery, [RFC 4861](https://www.rfc-editor.org/rfc/rfc4861). It does not check the hop limit
//! of 255 that discovery asks for: the IP header is not here.
//!
//! ```text
//! | type 1 | code 1 | checksum 2 | body …
//! discovery's body: reserved or flags 4 (RA: 12) | target 16 (NS, NA, redirect) | options …
//! ```

use std::net::Ipv6Addr;

use super::WireError;
use crate::observe::MacAddr;

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 4;
/// Type: router solicitation.
pub const ROUTER_SOLICITATION: u8 = 133;
/// Type: router advertisement.
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// Type: neighbour solicitation.
pub const NEIGHBOUR_SOLICITATION: u8 = 135;
/// Type: neighbour advertisement.
pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// Type: redirect.
pub const REDIRECT: u8 = 137;

/// A view of one message.
#[derive(Clone, Copy, Debug)]
pub struct Icmpv6Message<'a> {
    header: &'a [u8; HEADER_LEN],
    body: &'a [u8],
}

impl<'a> Icmpv6Message<'a> {
    /// Checks that the header is there.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, body) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self { header, body })
    }

    /// What kind of message.
    pub fn kind(&self) -> u8 {
        self.header[0]
    }

    /// What of that kind.
    pub fn code(&self) -> u8 {
        self.header[1]
    }

    /// The checksum as sent.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// What follows the header.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The address that a neighbour solicitation asks for or an advertisement announces.
    pub fn target(&self) -> Option<Ipv6Addr> {
        match self.kind() {
            NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT => {
                let bytes: &[u8; 16] = self.body.get(4..)?.first_chunk()?;
                Some(Ipv6Addr::from(*bytes))
            }
            _ => None,
        }
    }

    /// The options of a discovery message in their order; none for other types.
    pub fn nd_options(&self) -> NdOptions<'a> {
        let fixed = match self.kind() {
            ROUTER_SOLICITATION => 4,
            ROUTER_ADVERTISEMENT => 12,
            NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT => 20,
            REDIRECT => 36,
            _ => usize::MAX,
        };
        NdOptions {
            bytes: self.body.get(fixed..).unwrap_or(&[]),
        }
    }
}

/// One option of neighbour discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdOption<'a> {
    /// 1: the sender's link-layer address, on Ethernet.
    SourceLinkAddress(MacAddr),
    /// 2: the target's link-layer address, on Ethernet.
    TargetLinkAddress(MacAddr),
    /// Any other, and the above on links with longer addresses.
    Other {
        /// Its type.
        kind: u8,
        /// What follows its length byte.
        data: &'a [u8],
    },
}

/// The options in their order; it ends at the first that contradicts itself.
#[derive(Clone, Copy, Debug)]
pub struct NdOptions<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for NdOptions<'a> {
    type Item = NdOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = std::mem::take(&mut self.bytes);
        let [kind, units, rest @ ..] = bytes else {
            return None;
        };
        // Length counts units of 8 bytes, with type and length; zero is forbidden.
        let (data, rest) = rest.split_at_checked((usize::from(*units) * 8).checked_sub(2)?)?;
        self.bytes = rest;
        Some(match (kind, data.try_into()) {
            (1, Ok(mac)) => NdOption::SourceLinkAddress(mac),
            (2, Ok(mac)) => NdOption::TargetLinkAddress(mac),
            (&kind, _) => NdOption::Other { kind, data },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neighbour advertisement of fe80::1 at 00:1b:21:01:02:03, with a nonce before it.
    const ADVERTISEMENT: [u8; 40] = [
        136, 0, 0x12, 0x34, 0x60, 0, 0, 0, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        14, 1, 1, 2, 3, 4, 5, 6, 2, 1, 0, 0x1b, 0x21, 1, 2, 3,
    ];

    #[test]
    fn advertisement() {
        let icmp = Icmpv6Message::parse(&ADVERTISEMENT).unwrap();
        assert_eq!((icmp.kind(), icmp.code()), (NEIGHBOUR_ADVERTISEMENT, 0));
        assert_eq!((icmp.checksum(), icmp.body().len()), (0x1234, 36));
        assert_eq!(icmp.target(), Some("fe80::1".parse().unwrap()));
        let options: Vec<_> = icmp.nd_options().collect();
        let nonce = NdOption::Other {
            kind: 14,
            data: &[1, 2, 3, 4, 5, 6],
        };
        let link = NdOption::TargetLinkAddress([0, 0x1b, 0x21, 1, 2, 3]);
        assert_eq!(options, [nonce, link]);
    }

    #[test]
    fn every_truncation() {
        for len in 0..ADVERTISEMENT.len() {
            match Icmpv6Message::parse(&ADVERTISEMENT[..len]) {
                Ok(icmp) => {
                    assert_eq!(icmp.target().is_some(), len >= 24);
                    assert_eq!(icmp.nd_options().count(), usize::from(len >= 32));
                }
                Err(error) => assert_eq!((error, len < 4), (WireError::Truncated, true)),
            }
        }
    }

    #[test]
    fn other_types_have_no_options() {
        let mut bytes = ADVERTISEMENT;
        bytes[0] = 128;
        let icmp = Icmpv6Message::parse(&bytes).unwrap();
        assert_eq!((icmp.target(), icmp.nd_options().next()), (None, None));
    }

    #[test]
    fn zero_length_ends() {
        let mut options = NdOptions {
            bytes: &[1, 0, 1, 1, 1, 1, 1, 1],
        };
        assert_eq!(options.next(), None);
        assert_eq!(options.next(), None);
    }

    #[test]
    fn fuzz_parse() {
        bolero::check!()
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                if let Ok(icmp) = Icmpv6Message::parse(bytes) {
                    assert!(icmp.nd_options().count() * 8 <= bytes.len());
                    let _ = icmp.target();
                }
            });
    }
}
