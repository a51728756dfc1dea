//! What lies inside tunnels, and when to believe it. A port or a protocol number is no proof: a
//! tunnel is opened if its own header and the headers inside are well formed and known; it
//! changes nothing otherwise.

use super::capwap::{self, CapwapData};
use super::dot11::ControlOrder;
use super::erspan::{self, ErspanII, ErspanIII};
use super::ethernet;
use super::geneve::{self, GenevePacket};
use super::gre::{self, GrePacket};
use super::headers::Piece;
use super::ipv4::Ipv4Packet;
use super::ipv6::{self, Ipv6Packet};
use super::llc;
use super::mpls::MplsStack;
use super::ppp;
use super::pppoe::PppoeSession;
use super::vxlan::{self, VxlanPacket};
use super::{Headers, Network, WireError};
use crate::config::TUNNEL_DEPTH_MAX;

/// Protocol: IPv4 in IP, RFC 2003.
const IPV4_IN_IP: u8 = 4;
/// Protocol: IPv6 in IP, RFC 4213.
const IPV6_IN_IP: u8 = 41;
/// Protocol: GRE.
const GRE: u8 = 47;
/// The word between labels and frame of a pseudowire, RFC 4448, bytes.
const CONTROL_WORD_LEN: usize = 4;
/// Bytes that stay over behind an IPv6 packet in a frame: padding to the smallest frame, which
/// labels and header almost fill, and a frame check sequence.
const SLACK_MAX: usize = 8;

/// True for the UDP ports that tunnels use. All but CAPWAP answer from any port to their own.
#[inline(always)]
pub(super) const fn is_port(src: u16, dst: u16) -> bool {
    // One comparison of each port turns nearly every datagram away.
    const SPAN: u16 = vxlan::PORT_LINUX - vxlan::PORT;
    let near = src.wrapping_sub(vxlan::PORT) <= SPAN || dst.wrapping_sub(vxlan::PORT) <= SPAN;
    near && is_exact_port(src, dst)
}

#[cold]
const fn is_exact_port(src: u16, dst: u16) -> bool {
    matches!(
        dst,
        vxlan::PORT | capwap::PORT | geneve::PORT | vxlan::PORT_LINUX
    ) || src == capwap::PORT
}

/// What a tunnel carries.
#[derive(Clone, Copy, Debug)]
enum Content {
    Ethernet,
    Ip,
    Ipv4,
    Ipv6,
    Mpls,
    Dot11(ControlOrder),
}

impl Content {
    fn of_ether_type(ether_type: u16) -> Option<Self> {
        match ether_type {
            ethernet::IPV4 => Some(Self::Ipv4),
            ethernet::IPV6 => Some(Self::Ipv6),
            ethernet::BRIDGED => Some(Self::Ethernet),
            ethernet::MPLS | ethernet::MPLS_UPSTREAM => Some(Self::Mpls),
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
            _ => false,
        };
    }

    /// Opens the tunnel in a UDP payload, if there is one.
    #[cold]
    pub(super) fn udp_tunnel(&mut self, piece: Piece<'_>) {
        // A header that is none leaves the datagram as it is.
        let _ = match self.dst_port {
            vxlan::PORT | vxlan::PORT_LINUX => VxlanPacket::parse(piece.bytes)
                .map(|_| self.open(piece.after(vxlan::HEADER_LEN), Content::Ethernet)),
            geneve::PORT => GenevePacket::parse(piece.bytes).map(|packet| {
                let content = Content::of_ether_type(packet.protocol());
                content.is_some_and(|content| self.open(piece.after(packet.header_len()), content))
            }),
            _ => self.capwap(piece),
        };
    }

    fn gre(&mut self, piece: Piece<'_>) -> Result<bool, WireError> {
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
            ether_type => Ok(Content::of_ether_type(ether_type)
                .is_some_and(|content| self.open(inside, content))),
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
            Content::Ethernet => self.ethernet(piece)?,
            Content::Dot11(order) => self.dot11(piece, order)?,
        }
        match self.is_known(piece) {
            true => Ok(()),
            false => Err(WireError::Malformed),
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
