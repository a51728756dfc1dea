//! What lies inside tunnels, and when to believe it. A port or a protocol number is no proof: a
//! tunnel is opened if its own header and the headers inside are well formed and known; it
//! changes nothing otherwise.

use super::capwap::{self, CapwapData};
use super::dot11::ControlOrder;
use super::erspan::{self, ErspanII, ErspanIII};
use super::ethernet;
use super::geneve::{self, GenevePacket};
use super::gre::{self, GrePacket, PptpPacket};
use super::gtp::{self, GtpPacket};
use super::headers::Piece;
use super::ipv4::Ipv4Packet;
use super::ipv6::{self, Ipv6Packet};
use super::l2tp::{self, L2tpData};
use super::llc;
use super::mpls::{self, MplsStack};
use super::nsh;
use super::ppp;
use super::pppoe::PppoeSession;
use super::teredo;
use super::tzsp;
use super::vxlan::{self, VxlanPacket};
use super::{Headers, Network, WireError};
use crate::config::TUNNEL_DEPTH_MAX;

/// Protocol: IPv4 in IP, RFC 2003.
const IPV4_IN_IP: u8 = 4;
/// Protocol: IPv6 in IP, RFC 4213.
const IPV6_IN_IP: u8 = 41;
/// Protocol: GRE.
const GRE: u8 = 47;
/// Protocol: an Ethernet frame, RFC 3378.
const ETHER_IP: u8 = 97;
/// Protocol: MPLS labels, RFC 4023.
const MPLS_IN_IP: u8 = 137;
/// Version 3 and nothing else, before the frame of [`ETHER_IP`].
const ETHER_IP_HEADER: [u8; 2] = [0x30, 0];
/// The word between labels and frame of a pseudowire, RFC 4448, bytes.
const CONTROL_WORD_LEN: usize = 4;
/// Bytes that stay over behind an IPv6 packet in a frame: padding to the smallest frame, which
/// labels and header almost fill, and a frame check sequence.
const SLACK_MAX: usize = 8;

/// True for the UDP ports that tunnels use.
#[inline(always)]
pub(super) const fn is_port(src: u16, dst: u16) -> bool {
    // A comparison or two of each port turn nearly every datagram away.
    const SPAN: u16 = vxlan::PORT_LINUX - l2tp::PORT;
    let near = src.wrapping_sub(l2tp::PORT) <= SPAN || dst.wrapping_sub(l2tp::PORT) <= SPAN;
    (near || dst == tzsp::PORT) && is_exact_port(src, dst)
}

#[cold]
const fn is_exact_port(src: u16, dst: u16) -> bool {
    is_each_ends(dst) || is_servers(dst) || is_servers(src)
}

/// Ports that both ends receive on, and send from any.
const fn is_each_ends(port: u16) -> bool {
    matches!(
        port,
        gtp::PORT
            | gre::PORT
            | vxlan::PORT
            | vxlan::PORT_GENERIC
            | geneve::PORT
            | mpls::PORT
            | vxlan::PORT_LINUX
            | tzsp::PORT
    )
}

/// Ports that one end receives on and answers from.
const fn is_servers(port: u16) -> bool {
    matches!(port, l2tp::PORT | teredo::PORT | capwap::PORT)
}

/// What a tunnel carries.
#[derive(Clone, Copy, Debug)]
enum Content {
    Ethernet,
    Ip,
    Ipv4,
    Ipv6,
    Mpls,
    Nsh,
    Ppp,
    Dot11(ControlOrder),
}

impl Content {
    fn of_ether_type(ether_type: u16) -> Option<Self> {
        match ether_type {
            ethernet::IPV4 => Some(Self::Ipv4),
            ethernet::IPV6 => Some(Self::Ipv6),
            ethernet::BRIDGED => Some(Self::Ethernet),
            ethernet::MPLS | ethernet::MPLS_UPSTREAM => Some(Self::Mpls),
            ethernet::NSH => Some(Self::Nsh),
            gre::PPP => Some(Self::Ppp),
            _ => None,
        }
    }

    fn of_next_protocol(next: u8) -> Option<Self> {
        match next {
            nsh::IPV4 => Some(Self::Ipv4),
            nsh::IPV6 => Some(Self::Ipv6),
            nsh::ETHERNET => Some(Self::Ethernet),
            nsh::NSH => Some(Self::Nsh),
            nsh::MPLS => Some(Self::Mpls),
            _ => None,
        }
    }
}

impl Headers {
    /// Opens the tunnel in an IP payload, if there is one.
    #[inline(never)]
    pub(super) fn ip_tunnel(&mut self, piece: Piece<'_>, protocol: u8) {
        match protocol {
            IPV4_IN_IP => self.open(piece, Content::Ipv4),
            IPV6_IN_IP => self.open(piece, Content::Ipv6),
            GRE => self.gre(piece).unwrap_or(false),
            ETHER_IP if piece.bytes.starts_with(&ETHER_IP_HEADER) => {
                self.open(piece.after(ETHER_IP_HEADER.len()), Content::Ethernet)
            }
            MPLS_IN_IP => self.open(piece, Content::Mpls),
            l2tp::PROTOCOL => L2tpData::in_ip(piece.bytes)
                .map(|data| self.l2tp(piece, data))
                .unwrap_or(false),
            _ => false,
        };
    }

    /// Opens the tunnel in a UDP payload, if there is one.
    #[cold]
    pub(super) fn udp_tunnel(&mut self, piece: Piece<'_>) {
        let port = match is_each_ends(self.dst_port) || is_servers(self.dst_port) {
            true => self.dst_port,
            false => self.src_port,
        };
        // A header that is none leaves the datagram as it is.
        let _ = match port {
            vxlan::PORT | vxlan::PORT_LINUX => VxlanPacket::parse(piece.bytes)
                .map(|_| self.open(piece.after(vxlan::HEADER_LEN), Content::Ethernet)),
            vxlan::PORT_GENERIC => VxlanPacket::parse(piece.bytes).map(|packet| {
                let content = packet.next_protocol().and_then(Content::of_next_protocol);
                self.open_known(piece.after(vxlan::HEADER_LEN), content)
            }),
            geneve::PORT => GenevePacket::parse(piece.bytes).map(|packet| {
                let content = Content::of_ether_type(packet.protocol());
                self.open_known(piece.after(packet.header_len()), content)
            }),
            gtp::PORT => self.gtp(piece),
            gre::PORT => self.gre(piece),
            mpls::PORT => Ok(self.open(piece, Content::Mpls)),
            l2tp::PORT => L2tpData::parse(piece.bytes).map(|data| self.l2tp(piece, data)),
            teredo::PORT => self.teredo(piece),
            tzsp::PORT => self.tzsp(piece),
            _ => self.capwap(piece),
        };
    }

    fn gtp(&mut self, piece: Piece<'_>) -> Result<bool, WireError> {
        let packet = GtpPacket::parse(piece.bytes)?;
        let inside = piece.after(packet.header_len());
        if !inside.had(packet.payload_len()) {
            return Err(WireError::Malformed);
        }
        Ok(self.open(inside.limit(packet.payload_len()), Content::Ip))
    }

    fn l2tp(&mut self, piece: Piece<'_>, data: L2tpData) -> bool {
        match data {
            L2tpData::Ppp(len) => self.open(piece.after(len), Content::Ppp),
            // Only the two ends know what stands before the frame.
            L2tpData::Shimmed(len) => l2tp::SHIMS
                .iter()
                .any(|shim| self.open(piece.after(len + shim), Content::Ethernet)),
        }
    }

    fn teredo(&mut self, piece: Piece<'_>) -> Result<bool, WireError> {
        let inside = piece.after(teredo::header_len(piece.bytes)?);
        Ok(is_surely_ip(inside) && self.open(inside, Content::Ipv6))
    }

    fn tzsp(&mut self, piece: Piece<'_>) -> Result<bool, WireError> {
        let (protocol, len) = tzsp::parse(piece.bytes)?;
        let content = match protocol {
            tzsp::ETHERNET => Some(Content::Ethernet),
            tzsp::DOT11 => Some(Content::Dot11(ControlOrder::Standard)),
            _ => None,
        };
        Ok(self.open_known(piece.after(len), content))
    }

    fn gre(&mut self, piece: Piece<'_>) -> Result<bool, WireError> {
        if let Ok(packet) = PptpPacket::parse(piece.bytes) {
            let inside = piece.after(packet.header_len());
            return Ok(self.open(inside.limit(packet.payload_len()), Content::Ppp));
        }
        let packet = GrePacket::parse(piece.bytes)?;
        let inside = piece.after(packet.header_len());
        match packet.protocol() {
            // Without sequence number: type I, which has no header of its own.
            gre::ERSPAN if packet.sequence().is_none() => Ok(self.open(inside, Content::Ethernet)),
            gre::ERSPAN => {
                let header = ErspanII::parse(packet.payload())?;
                let opened = self.open(inside.after(erspan::II_LEN), Content::Ethernet);
                if let (true, 0, Some(vlan)) = (opened, self.vlan, header.removed_vlan()) {
                    self.vlan = vlan;
                }
                Ok(opened)
            }
            gre::ERSPAN_III => {
                let header = ErspanIII::parse(packet.payload())?;
                let content = match header.frame_type() {
                    0 => Content::Ethernet,
                    2 => Content::Ip,
                    _ => return Ok(false),
                };
                Ok(self.open(inside.after(header.header_len()), content))
            }
            protocol if gre::ARUBA.contains(&protocol) => {
                Ok(self.open(inside, Content::Dot11(ControlOrder::Standard)))
            }
            ether_type => Ok(self.open_known(inside, Content::of_ether_type(ether_type))),
        }
    }

    fn capwap(&mut self, piece: Piece<'_>) -> Result<bool, WireError> {
        let packet = CapwapData::parse(piece.bytes)?;
        let inside = piece.after(packet.header_len());
        if !packet.is_native() {
            return Ok(self.open(inside, Content::Ethernet));
        }
        Ok(self.open(inside, Content::Dot11(ControlOrder::Standard))
            || self.open(inside, Content::Dot11(ControlOrder::Swapped)))
    }

    /// What a label stack carries: IP keeps the frame's link (labels are tags, not a tunnel);
    /// an Ethernet pseudowire is opened. False if it is neither.
    pub(super) fn mpls(&mut self, piece: Piece<'_>) -> bool {
        let Ok(stack) = MplsStack::parse(piece.bytes) else {
            return false;
        };
        let inside = piece.after(stack.header_len());
        let Some(first) = inside.bytes.first() else {
            return false;
        };
        // Nothing says what follows; the first four bits tell IP from a control word, but a MAC
        // address may begin with any. So the surest reading goes first.
        match first >> 4 {
            4 | 6 if is_surely_ip(inside) => self.behind_shim(inside, Content::Ip),
            4 | 6 => self.open(inside, Content::Ethernet) || self.behind_shim(inside, Content::Ip),
            0 => {
                self.open(inside.after(CONTROL_WORD_LEN), Content::Ethernet)
                    || self.open(inside, Content::Ethernet)
            }
            _ => self.open(inside, Content::Ethernet),
        }
    }

    /// An Ethernet frame straight in another. False for anything else.
    pub(super) fn frame_in_frame(&mut self, piece: Piece<'_>) -> bool {
        self.open(piece, Content::Ethernet)
    }

    /// The IP packet of a PPPoE session, which keeps the frame's link. False for anything else.
    pub(super) fn pppoe(&mut self, piece: Piece<'_>) -> bool {
        let Ok(packet) = PppoeSession::parse(piece.bytes) else {
            return false;
        };
        let inside = piece.after(packet.header_len()).limit(packet.payload_len());
        match packet.protocol() {
            ppp::IPV4 => self.behind_shim(inside, Content::Ipv4),
            ppp::IPV6 => self.behind_shim(inside, Content::Ipv6),
            _ => false,
        }
    }

    /// Reads on in the same frame; true, or unchanged.
    fn behind_shim(&mut self, piece: Piece<'_>, content: Content) -> bool {
        let mut inner = *self;
        let read = inner.read(piece, content).is_ok();
        if read {
            *self = inner;
        }
        read
    }

    /// Takes a tunnel off: true and all headers those inside, or unchanged.
    fn open(&mut self, piece: Piece<'_>, content: Content) -> bool {
        if self.tunnels >= TUNNEL_DEPTH_MAX {
            self.too_deep = true;
            return false;
        }
        let mut inner = Self {
            tunnels: self.tunnels + 1,
            ..Self::default()
        };
        let read = inner.read(piece, content).is_ok();
        if read {
            *self = inner;
        }
        read
    }

    /// The same for a content that a number names; false for one that is not read.
    fn open_known(&mut self, piece: Piece<'_>, content: Option<Content>) -> bool {
        content.is_some_and(|content| self.open(piece, content))
    }

    fn read(&mut self, piece: Piece<'_>, content: Content) -> Result<(), WireError> {
        match content {
            Content::Ipv4 => return self.ipv4(piece),
            Content::Ipv6 => return self.ipv6(piece),
            Content::Ip => return self.ip(piece),
            Content::Mpls => {
                return match self.mpls(piece) {
                    true => Ok(()),
                    false => Err(WireError::Malformed),
                };
            }
            Content::Ppp => {
                let (protocol, len) = ppp::framed(piece.bytes)?;
                let inside = piece.after(len);
                return match protocol {
                    ppp::IPV4 | ppp::IPV6 if is_surely_ip(inside) => self.ip(inside),
                    _ => Err(WireError::Malformed),
                };
            }
            Content::Nsh => return self.nsh(piece),
            Content::Ethernet => self.ethernet(piece)?,
            Content::Dot11(order) => self.dot11(piece, order)?,
        }
        match self.is_known(piece) {
            true => Ok(()),
            false => Err(WireError::Malformed),
        }
    }

    /// A service chain's header, which is a tag of what follows, as labels are. No other follows.
    fn nsh(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let (next, len) = nsh::parse(piece.bytes)?;
        match Content::of_next_protocol(next) {
            Some(Content::Nsh) | None => Err(WireError::Malformed),
            Some(content) => self.read(piece.after(len), content),
        }
    }

    /// True if the frame that was read from `piece` has IP or another known protocol in it.
    fn is_known(&self, piece: Piece<'_>) -> bool {
        if self.network != Network::None || self.snap_oui != 0 {
            return true;
        }
        if self.ether_type != 0 {
            return ethernet::is_known(self.ether_type);
        }
        let start = (self.payload.start as usize).saturating_sub(piece.start);
        llc::is_known(piece.bytes.get(start..).unwrap_or(&[]))
    }
}

/// True for an IP packet that more speaks for than its first four bits: a right checksum, or a
/// length that leaves no more over than padding and a frame check sequence.
fn is_surely_ip(piece: Piece<'_>) -> bool {
    if let Ok(packet) = Ipv4Packet::parse(piece.bytes) {
        return packet.checksum_is_right();
    }
    Ipv6Packet::parse(piece.bytes)
        .ok()
        .and_then(|packet| packet.payload_len())
        .map(|len| ipv6::HEADER_LEN + len)
        .is_some_and(|len| piece.had(len) && !piece.had(len + SLACK_MAX))
}

#[cfg(test)]
mod tests;
