//! Where frames come from. A source hands out [`Frame`]s that borrow its memory; it never looks
//! into them.

mod map;
#[cfg(feature = "live")]
pub mod packet;
pub mod pcap;
#[cfg(feature = "live")]
pub mod port;
mod scopes;
pub mod shunt;
#[cfg(feature = "live")]
pub mod xdp;

pub use pcap::{Batch, Fault, Input, OpenError, Pcap};
pub use scopes::Scopes;

use crate::wire::LinkType;

/// One frame of a capture, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length on the wire; at least `bytes.len()`.
    pub wire_len: u32,
    /// Capture time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// What its first bytes are.
    pub link: LinkType,
    /// Interface number of the input, in the order of first use.
    pub interface: u16,
    /// Number of the frame in the whole input, from 0.
    pub number: u64,
}

impl Frame<'_> {
    /// A frame of no bytes, for a place that holds none.
    pub const EMPTY: Self = Self {
        bytes: &[],
        wire_len: 0,
        time_ns: 0,
        link: LinkType::Ethernet,
        interface: 0,
        number: 0,
    };
}

impl LinkType {
    /// The link type with this number in the registry of link-layer header types
    /// (<https://www.tcpdump.org/linktypes.html>). Where the number comes from a field that holds
    /// more, as in pcap's header, the caller takes the low 16 bits.
    pub fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            9 | 50 => Self::Ppp,
            10 => Self::Fddi,
            12 | 101 => Self::Raw,
            100 => Self::Llc,
            104 => Self::Hdlc,
            105 => Self::Dot11,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            127 => Self::Radiotap,
            192 => Self::Ppi,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            239 => Self::Nflog,
            240 => Self::NetAnalyzer,
            276 => Self::LinuxSll2,
            other => Self::Unknown(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_by_number() {
        let known = [
            (0, LinkType::Null),
            (1, LinkType::Ethernet),
            (9, LinkType::Ppp),
            (50, LinkType::Ppp),
            (10, LinkType::Fddi),
            (12, LinkType::Raw),
            (100, LinkType::Llc),
            (104, LinkType::Hdlc),
            (105, LinkType::Dot11),
            (127, LinkType::Radiotap),
            (192, LinkType::Ppi),
            (239, LinkType::Nflog),
            (240, LinkType::NetAnalyzer),
            (101, LinkType::Raw),
            (108, LinkType::Loop),
            (113, LinkType::LinuxSll),
            (228, LinkType::Ipv4),
            (229, LinkType::Ipv6),
            (276, LinkType::LinuxSll2),
            (147, LinkType::Unknown(147)),
            (u16::MAX, LinkType::Unknown(u16::MAX)),
        ];
        for (number, link) in known {
            assert_eq!(LinkType::from_number(number), link);
        }
    }
}
