//! L2 to L4 formats: checked views, no state, no opinion. [`Headers::parse`] goes from the link
//! to the payload of the innermost transport in one pass.
//!
//! # The contract of a view
//!
//! After `parse` returned `Ok`, no accessor panics. A capture cut short is not an error: the
//! payload is what there is, and `cut` says so.

pub mod arp;
pub mod capwap;
pub mod cooked;
pub mod dot11;
pub mod erspan;
pub mod ethernet;
pub mod geneve;
pub mod gre;
pub mod gtp;
mod headers;
pub mod icmp;
pub mod icmpv6;
pub mod ipv4;
pub mod ipv6;
pub mod l2tp;
mod link;
pub mod llc;
pub mod mpls;
pub mod nflog;
pub mod nsh;
mod plain;
pub mod ppp;
pub mod pppoe;
pub mod radio;
#[cfg(test)]
pub(crate) mod samples;
pub mod stack;
pub mod tcp;
pub mod teredo;
mod tunnel;
pub mod tzsp;
pub mod udp;
pub mod vxlan;

pub(crate) use headers::mapped;
pub use headers::{TCP, UDP};
pub use plain::{Extent, PlainReader, read_plain};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::observe::MacAddr;

/// Why bytes are not the header they were taken for. Small and `Copy`: on the packet path errors
/// are counted by variant, never formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Fewer bytes than the smallest legal header.
    #[error("truncated")]
    Truncated,
    /// A field contradicts the format, for instance a length below the header's own.
    #[error("malformed")]
    Malformed,
    /// A link type that this engine does not read.
    #[error("unknown link type")]
    UnknownLink,
}

/// The link type of a capture, by its number in the registry of link-layer header types
/// (`LINKTYPE_…`, draft-ietf-opsawg-pcaplinktype).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// 0, BSD loopback: address family in the capturing host's byte order.
    Null,
    /// 1, Ethernet.
    Ethernet,
    /// 9, 50: PPP, with or without the framing of HDLC.
    Ppp,
    /// 10, FDDI.
    Fddi,
    /// 12, 101: IPv4 or IPv6 without link header.
    Raw,
    /// 100, LLC alone, as ATM carries it (RFC 2684).
    Llc,
    /// 104, Cisco's HDLC.
    Hdlc,
    /// 105, IEEE 802.11 without a radio header.
    Dot11,
    /// 108, OpenBSD loopback: address family in network byte order.
    Loop,
    /// 113, Linux cooked capture v1.
    LinuxSll,
    /// 127, IEEE 802.11 behind a radiotap header.
    Radiotap,
    /// 192, another link behind a per-packet information header.
    Ppi,
    /// 228, raw IPv4.
    Ipv4,
    /// 229, raw IPv6.
    Ipv6,
    /// 239, packets that Linux's filter logged.
    Nflog,
    /// 240, Ethernet behind the header of a netANALYZER tap.
    NetAnalyzer,
    /// 276, Linux cooked capture v2.
    LinuxSll2,
    /// Any other number: counted, not read.
    Unknown(u16),
}

/// The innermost network header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// None: ARP, LLDP and other protocols straight on the link.
    #[default]
    None = 0,
    /// IPv4.
    V4 = 4,
    /// IPv6.
    V6 = 6,
}

impl Network {
    /// The version in the header, 0 for none.
    #[inline]
    pub const fn version(self) -> u8 {
        self as u8
    }
}

/// The innermost transport header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransportKind {
    /// None that was read: not IP, a later fragment, or another protocol.
    #[default]
    None,
    /// TCP, with ports, numbers and flags.
    Tcp,
    /// UDP, with ports.
    Udp,
}

/// A fragment of an IP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification: 16 bits in IPv4, 32 in IPv6.
    pub id: u32,
    /// Offset of this piece in the datagram's payload, bytes.
    pub offset: u32,
    /// More pieces follow.
    pub more: bool,
}

/// A range of bytes in the frame that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Bytes there are.
    pub len: u32,
}

impl Span {
    /// The bytes, out of the frame that was parsed; empty for any other, shorter frame.
    #[inline]
    pub fn of(self, frame: &[u8]) -> &[u8] {
        let start = self.start as usize;
        frame.get(start..start + self.len as usize).unwrap_or(&[])
    }
}

/// What one pass over a frame found: the innermost frame, network and transport header.
///
/// MAC addresses and VLAN are those of the frame that carries the innermost network header
/// directly; zero where none does (raw IP, IP in IP, GRE with IP inside). MPLS labels and PPPoE
/// before IP are tags of that frame, not tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Sender, IPv4 as `::ffff:a.b.c.d`, in network byte order; zero without network header.
    pub src: [u8; 16],
    /// Receiver, as `src`.
    pub dst: [u8; 16],
    /// The frame's sender.
    pub src_mac: MacAddr,
    /// The frame's receiver.
    pub dst_mac: MacAddr,
    /// VLAN identifier of the outermost tag of that frame, 0 without tag. Priority tags, which
    /// have none, are passed over; the tag that a mirror took off into ERSPAN II counts.
    pub vlan: u16,
    /// EtherType after all tags (MPLS and PPPoE stay what they are); for 802.3 frames the SNAP
    /// protocol, and 0 without SNAP: then the payload begins with the LLC header.
    pub ether_type: u16,
    /// SNAP organisation (24 bits) when the frame is 802.3 with LLC/SNAP and the organisation
    /// is not zero.
    pub snap_oui: u32,
    /// Sender's port, 0 without transport.
    pub src_port: u16,
    /// Receiver's port.
    pub dst_port: u16,
    /// TCP sequence number.
    pub seq: u32,
    /// TCP acknowledgement number.
    pub ack: u32,
    /// TCP window, unscaled.
    pub window: u16,
    /// TCP or UDP checksum as sent.
    pub checksum: u16,
    /// IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// TCP flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    pub tcp_flags: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Protocol or last next header.
    pub ip_protocol: u8,
    /// Tunnels taken off.
    pub tunnels: u8,
    /// What network header there is.
    pub network: Network,
    /// What transport header there is.
    pub transport: TransportKind,
    /// Set when this is a fragment; then there is no transport, even for the first piece.
    pub fragment: Option<Fragment>,
    /// The capture holds less of the payload than was sent.
    pub cut: bool,
    /// A tunnel lies deeper than `TUNNEL_DEPTH_MAX` and was not opened.
    pub too_deep: bool,
    /// Start of the transport header in the frame, 0 without.
    pub transport_start: u32,
    /// Payload: of the transport; else of IP; else of the link. Padding is dropped.
    pub payload: Span,
    /// Length of the payload as sent; above `payload.len` when the frame is cut.
    pub payload_wire_len: u32,
}

impl Default for Headers {
    #[inline]
    fn default() -> Self {
        Self::NONE
    }
}

impl Headers {
    /// What is known of a frame before it is read.
    pub const NONE: Self = Self {
        src: [0; 16],
        dst: [0; 16],
        src_mac: [0; 6],
        dst_mac: [0; 6],
        vlan: 0,
        ether_type: 0,
        snap_oui: 0,
        src_port: 0,
        dst_port: 0,
        seq: 0,
        ack: 0,
        window: 0,
        checksum: 0,
        ip_id: 0,
        tcp_flags: 0,
        ttl: 0,
        ip_protocol: 0,
        tunnels: 0,
        network: Network::None,
        transport: TransportKind::None,
        fragment: None,
        cut: false,
        too_deep: false,
        transport_start: 0,
        payload: Span { start: 0, len: 0 },
        payload_wire_len: 0,
    };

    /// The sender's address.
    pub fn src_address(&self) -> Option<IpAddr> {
        self.address(&self.src)
    }

    /// The receiver's address.
    pub fn dst_address(&self) -> Option<IpAddr> {
        self.address(&self.dst)
    }

    fn address(&self, bytes: &[u8; 16]) -> Option<IpAddr> {
        match self.network {
            Network::None => None,
            Network::V4 => Some(Ipv4Addr::new(bytes[12], bytes[13], bytes[14], bytes[15]).into()),
            Network::V6 => Some(Ipv6Addr::from(*bytes).into()),
        }
    }
}
