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

impl LinkType {
    /// The link type with this number in the registry of link-layer header types
    /// (<https://www.tcpdump.org/linktypes.html>). Where the number comes from a field that holds
    /// more, as in pcap's header, the caller takes the low 16 bits.
    pub fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 101 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
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
            (12, LinkType::Raw),
            (101, LinkType::Raw),
            (108, LinkType::Loop),
            (113, LinkType::LinuxSll),
            (228, LinkType::Ipv4),
            (229, LinkType::Ipv6),
            (276, LinkType::LinuxSll2),
            (127, LinkType::Unknown(127)),
            (u16::MAX, LinkType::Unknown(u16::MAX)),
        ];
        for (number, link) in known {
            assert_eq!(LinkType::from_number(number), link);
        }
    }
}
