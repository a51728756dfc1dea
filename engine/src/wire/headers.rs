//! The one pass from the link to the payload of the innermost transport. It guesses nothing: a
//! tunnel is opened only where what it carries proves itself, and otherwise the outer headers
//! stand.

use super::ethernet::{self, EthernetFrame, SwitchTag, VlanTag};
use super::ipv4::Ipv4Packet;
use super::ipv6::{self, Extension, Ipv6Packet};
use super::llc::{self, Snap};
use super::tcp::TcpSegment;
use super::udp::{self, UdpDatagram};
use super::{Fragment, Headers, LinkType, Network, Span, TransportKind, WireError, tunnel};
use crate::config::{IPV6_EXTENSIONS_MAX, TAGS_MAX};

/// IP protocol: TCP.
pub const TCP: u8 = 6;
/// IP protocol: UDP.
pub const UDP: u8 = 17;

/// What is left of the frame at one layer: the bytes there are, where they begin in the frame,
/// and how many more there were on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: usize,
    missing: usize,
}

impl<'a> Piece<'a> {
    #[inline(always)]
    fn new(bytes: &'a [u8], wire_len: usize) -> Self {
        Self {
            bytes,
            start: 0,
            missing: wire_len.saturating_sub(bytes.len()),
        }
    }

    /// What follows a header of this length.
    #[inline(always)]
    pub(super) fn after(self, header_len: usize) -> Self {
        match self.bytes.get(header_len..) {
            Some(bytes) => Self {
                bytes,
                start: self.start + header_len,
                missing: self.missing,
            },
            None => self.after_cut(header_len),
        }
    }

    /// What follows a header that the capture does not hold to its end.
    #[cold]
    fn after_cut(self, header_len: usize) -> Self {
        Self {
            bytes: &[],
            start: self.start + self.bytes.len(),
            missing: (self.missing + self.bytes.len()).saturating_sub(header_len),
        }
    }

    /// The same, when a header says how much there is: padding is dropped.
    #[inline(always)]
    pub(super) fn limit(self, len: usize) -> Self {
        match self.bytes.get(..len) {
            Some(bytes) => Self {
                bytes,
                start: self.start,
                missing: 0,
            },
            None => Self {
                missing: len - self.bytes.len(),
                ..self
            },
        }
    }

    /// True if this many bytes were on the wire, captured or not.
    #[inline(always)]
    pub(super) fn had(&self, len: usize) -> bool {
        len <= self.bytes.len() + self.missing
    }

    /// A view knows only that bytes are missing. They are truncated if the capture lacks them,
    /// and malformed if they were never sent.
    #[cold]
    pub(super) fn why(&self, error: WireError) -> WireError {
        match error {
            WireError::Truncated if self.missing == 0 => WireError::Malformed,
            other => other,
        }
    }
}

impl Headers {
    /// Reads a frame of `wire_len` bytes of which `frame` was captured.
    ///
    /// [`WireError::Truncated`] if the capture ends within the headers, and
    /// [`WireError::Malformed`] if they contradict themselves. A frame whose payload is cut is
    /// no error.
    #[inline]
    pub fn parse(frame: &[u8], wire_len: u32, link: LinkType) -> Result<Self, WireError> {
        let mut headers = Self::NONE;
        headers.parse_into(frame, wire_len, link)?;
        Ok(headers)
    }

    /// As [`Self::parse`], in place, whatever was there: half the time, for it spares the copy
    /// of the result. After an error, what had been read.
    #[inline]
    pub fn parse_into(
        &mut self,
        frame: &[u8],
        wire_len: u32,
        link: LinkType,
    ) -> Result<(), WireError> {
        if link == LinkType::Ethernet && self.read_plain(frame) {
            return Ok(());
        }
        self.read_frame(frame, wire_len, link)
    }

    /// Reads the datagram that `self`, the headers of its first piece, began: `payload` is the
    /// IP payload, or what there is of `wire_len` bytes. Spans in the result lie in `payload`;
    /// addresses, link and tunnels are those of the piece.
    ///
    /// [`WireError::Malformed`] for a fragment within the payload itself, at the same level.
    pub fn reassembled(&self, payload: &[u8], wire_len: u32) -> Result<Self, WireError> {
        let mut headers = Self {
            fragment: None,
            cut: false,
            ..*self
        };
        let piece = Piece::new(payload, wire_len as usize);
        match self.network {
            Network::None => return Err(WireError::Malformed),
            Network::V4 => headers.transport(piece, self.ip_protocol)?,
            Network::V6 => headers.extensions(piece, self.ip_protocol)?,
        }
        match headers.fragment {
            Some(_) if headers.tunnels == self.tunnels => Err(WireError::Malformed),
            _ => Ok(headers),
        }
    }

    /// Reads any frame, layer by layer.
    #[inline(never)]
    pub(super) fn read_frame(
        &mut self,
        frame: &[u8],
        wire_len: u32,
        link: LinkType,
    ) -> Result<(), WireError> {
        *self = Self::NONE;
        let piece = Piece::new(frame, wire_len as usize);
        match link {
            LinkType::Ethernet => self.ethernet(piece),
            other => self.other_link(piece, other),
        }
    }

    pub(super) fn ethernet(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let frame = EthernetFrame::parse(piece.bytes).map_err(|error| piece.why(error))?;
        self.dst_mac = frame.dst();
        self.src_mac = frame.src();
        let inside = piece.after(ethernet::HEADER_LEN);
        self.typed(inside, frame.type_or_length(), 0)
    }

    /// What follows a type field that `tags` tags stood before, behind more of them or not.
    #[inline(never)]
    pub(super) fn typed(
        &mut self,
        piece: Piece<'_>,
        ether_type: u16,
        tags: usize,
    ) -> Result<(), WireError> {
        let (mut piece, mut ether_type, mut tags) = (piece, ether_type, tags);
        while !matches!(ether_type, ethernet::IPV4 | ethernet::IPV6) {
            let len = if ethernet::is_tag(ether_type) {
                let tag = VlanTag::parse(piece.bytes).map_err(|error| piece.why(error))?;
                if self.vlan == 0 {
                    self.vlan = tag.id();
                }
                ether_type = tag.type_or_length();
                ethernet::TAG_LEN
            } else {
                let Ok(tag) = SwitchTag::parse(ether_type, piece.bytes) else {
                    break;
                };
                ether_type = tag.type_or_length();
                tag.len()
            };
            piece = piece.after(len);
            tags += 1;
            if tags > TAGS_MAX {
                return Err(WireError::Malformed);
            }
        }
        self.ether_type = ether_type;
        match ether_type {
            ethernet::IPV4 => self.ipv4(piece),
            ethernet::IPV6 => self.ipv6(piece),
            _ => self.other_type(piece, ether_type),
        }
    }

    #[inline(never)]
    fn other_type(&mut self, piece: Piece<'_>, ether_type: u16) -> Result<(), WireError> {
        let opened = match ether_type {
            ethernet::MPLS | ethernet::MPLS_UPSTREAM => self.mpls(piece),
            ethernet::PPPOE_SESSION => self.pppoe(piece),
            ethernet::BACKBONE => self.frame_in_frame(piece.after(ethernet::BACKBONE_LEN)),
            ethernet::FABRIC => self.frame_in_frame(piece.after(ethernet::FABRIC_LEN)),
            len @ ..=ethernet::LENGTH_MAX => {
                self.ether_type = 0;
                return self.llc(piece.limit(len.into()));
            }
            _ => false,
        };
        match opened {
            true => Ok(()),
            false => self.link_payload(piece),
        }
    }

    /// LLC; behind SNAP an EtherType is followed to IP, and no further.
    pub(super) fn llc(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let Ok(snap) = Snap::parse(piece.bytes) else {
            return self.link_payload(piece);
        };
        let inside = piece.after(llc::SNAP_LEN);
        self.ether_type = snap.protocol();
        match (snap.oui(), snap.protocol()) {
            (llc::OUI_ETHER_TYPE, ethernet::IPV4) => self.ipv4(inside),
            (llc::OUI_ETHER_TYPE, ethernet::IPV6) => self.ipv6(inside),
            (oui, _) => {
                self.snap_oui = oui;
                self.link_payload(inside)
            }
        }
    }

    pub(super) fn link_payload(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        self.set_payload(piece);
        Ok(())
    }

    /// IP of the version that its first byte says.
    pub(super) fn ip(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        match piece.bytes.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(piece),
            Some(6) => self.ipv6(piece),
            Some(_) => Err(WireError::Malformed),
            None => Err(piece.why(WireError::Truncated)),
        }
    }

    pub(super) fn ipv4(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let packet = Ipv4Packet::parse(piece.bytes).map_err(|error| piece.why(error))?;
        self.set_ipv4(&packet);
        let inside = piece.after(packet.header_len());
        let inside = match packet.payload_len() {
            Some(len) => inside.limit(len),
            None => inside,
        };
        match packet.fragment() {
            Some(fragment) => self.fragment(inside, fragment),
            None => self.transport(inside, packet.protocol()),
        }
    }

    #[inline(never)]
    pub(super) fn ipv6(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let packet = Ipv6Packet::parse(piece.bytes).map_err(|error| piece.why(error))?;
        self.set_ipv6(&packet);
        let inside = piece.after(ipv6::HEADER_LEN);
        let inside = match packet.payload_len() {
            Some(len) => inside.limit(len),
            None => inside,
        };
        match packet.next_header() {
            next @ (TCP | UDP) => self.transport(inside, next),
            next => self.extensions(inside, next),
        }
    }

    /// Steps over extension headers: all of IPv6's; of IPv4 only authentication.
    #[inline(never)]
    pub(super) fn extensions(&mut self, piece: Piece<'_>, first: u8) -> Result<(), WireError> {
        let (mut piece, mut next) = (piece, first);
        for _ in 0..=IPV6_EXTENSIONS_MAX {
            self.ip_protocol = next;
            if !self.is_extension(next) {
                return self.transport(piece, next);
            }
            let extension =
                Extension::parse(next, piece.bytes).map_err(|error| piece.why(error))?;
            next = extension.next_header();
            piece = piece.after(extension.len());
            if let Some(fragment) = extension.fragment() {
                self.ip_protocol = next;
                return self.fragment(piece, fragment);
            }
        }
        Err(WireError::Malformed)
    }

    fn is_extension(&self, kind: u8) -> bool {
        match self.network {
            Network::V6 => Extension::is(kind),
            _ => kind == ipv6::AUTHENTICATION,
        }
    }

    #[cold]
    fn fragment(&mut self, piece: Piece<'_>, fragment: Fragment) -> Result<(), WireError> {
        self.fragment = Some(fragment);
        self.set_payload(piece);
        Ok(())
    }

    #[inline(always)]
    fn transport(&mut self, piece: Piece<'_>, protocol: u8) -> Result<(), WireError> {
        match protocol {
            TCP => self.tcp(piece),
            UDP => self.udp(piece),
            _ => self.other_transport(piece, protocol),
        }
    }

    #[inline(never)]
    fn other_transport(&mut self, piece: Piece<'_>, protocol: u8) -> Result<(), WireError> {
        if self.is_extension(protocol) {
            return self.extensions(piece, protocol);
        }
        self.set_payload(piece);
        self.ip_tunnel(piece, protocol);
        Ok(())
    }

    #[inline(always)]
    fn tcp(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let segment = TcpSegment::parse(piece.bytes).map_err(|error| piece.why(error))?;
        let header_len = segment.header_len();
        if !piece.had(header_len) {
            return Err(WireError::Malformed);
        }
        self.transport_start = piece.start as u32;
        self.set_tcp(&segment);
        self.set_payload(piece.after(header_len));
        Ok(())
    }

    #[inline(always)]
    fn udp(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let datagram = UdpDatagram::parse(piece.bytes).map_err(|error| piece.why(error))?;
        self.transport_start = piece.start as u32;
        self.set_udp(&datagram);
        let inside = piece.after(udp::HEADER_LEN);
        let inside = match datagram.payload_len() {
            // A datagram that says more than its packet has is read as far as the packet goes.
            Some(len) if inside.had(len) => inside.limit(len),
            _ => inside,
        };
        self.set_payload(inside);
        if tunnel::is_port(datagram.src_port(), datagram.dst_port()) {
            self.udp_tunnel(inside);
        }
        Ok(())
    }

    /// What the header of an IPv4 packet says.
    #[inline(always)]
    pub(super) fn set_ipv4(&mut self, packet: &Ipv4Packet<'_>) {
        self.network = Network::V4;
        self.src = mapped(packet.src());
        self.dst = mapped(packet.dst());
        self.ip_id = packet.id();
        self.ttl = packet.ttl();
        self.ip_protocol = packet.protocol();
    }

    /// What the header of an IPv6 packet says.
    #[inline(always)]
    pub(super) fn set_ipv6(&mut self, packet: &Ipv6Packet<'_>) {
        self.network = Network::V6;
        self.src = packet.src();
        self.dst = packet.dst();
        self.ttl = packet.hop_limit();
        self.ip_protocol = packet.next_header();
    }

    /// What the header of a TCP segment says.
    #[inline(always)]
    pub(super) fn set_tcp(&mut self, segment: &TcpSegment<'_>) {
        self.transport = TransportKind::Tcp;
        self.src_port = segment.src_port();
        self.dst_port = segment.dst_port();
        self.seq = segment.seq();
        self.ack = segment.ack();
        self.window = segment.window();
        self.checksum = segment.checksum();
        self.tcp_flags = segment.flags() & 0x3f;
    }

    /// What the header of a UDP datagram says.
    #[inline(always)]
    pub(super) fn set_udp(&mut self, datagram: &UdpDatagram<'_>) {
        self.transport = TransportKind::Udp;
        self.src_port = datagram.src_port();
        self.dst_port = datagram.dst_port();
        self.checksum = datagram.checksum();
    }

    #[inline(always)]
    fn set_payload(&mut self, piece: Piece<'_>) {
        let len = piece.bytes.len();
        self.payload = Span {
            start: piece.start as u32,
            len: len as u32,
        };
        self.payload_wire_len = (len + piece.missing) as u32;
        self.cut = piece.missing != 0;
    }
}

/// An IPv4 address as `::ffff:a.b.c.d`, RFC 4291, section 2.5.5.2.
#[inline]
pub(crate) fn mapped(address: [u8; 4]) -> [u8; 16] {
    // A number, since it is compared and hashed as words: bytes would be put together for that.
    (u128::from(u32::from_le_bytes(address)) << 96 | 0xffff << 80).to_le_bytes()
}

#[cfg(test)]
mod tests;
