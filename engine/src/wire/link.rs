//! Links other than Ethernet, as captures have them: from their header to the network's. It reads
//! nothing that a radio, a serial line or a logging filter says of itself.

use super::cooked::{self, CookedFrame};
use super::dot11::{ControlOrder, Dot11Data};
use super::ethernet::{self, EthernetFrame};
use super::headers::Piece;
use super::{Headers, LinkType, WireError, nflog, ppp, radio};

/// FDDI: frame control, receiver, sender (RFC 1188).
const FDDI_LEN: usize = 13;
/// Cisco's HDLC: address, control, EtherType.
const HDLC_LEN: usize = 4;
/// Its addresses: one station, all of them.
const HDLC_ADDRESSES: [u8; 2] = [0x0f, 0x8f];
/// What a netANALYZER tap writes before a frame.
const NET_ANALYZER_LEN: usize = 4;

impl Headers {
    #[inline(never)]
    pub(super) fn other_link(&mut self, piece: Piece<'_>, link: LinkType) -> Result<(), WireError> {
        match link {
            LinkType::Ethernet => self.ethernet(piece),
            LinkType::Raw => self.ip(piece),
            LinkType::Ipv4 => self.ipv4(piece),
            LinkType::Ipv6 => self.ipv6(piece),
            LinkType::Null => self.loopback(piece, |family| match u32::from_be_bytes(family) {
                // Families are below 256, so a greater number was written by a host of the
                // other byte order.
                ..=0xff => u32::from_be_bytes(family),
                _ => u32::from_le_bytes(family),
            }),
            LinkType::Loop => self.loopback(piece, u32::from_be_bytes),
            LinkType::LinuxSll => self.cooked(piece, CookedFrame::parse(piece.bytes)),
            LinkType::LinuxSll2 => self.cooked(piece, CookedFrame::parse_v2(piece.bytes)),
            LinkType::Ppp => self.ppp(piece),
            LinkType::Hdlc => self.hdlc(piece),
            LinkType::Fddi => self.fddi(piece),
            LinkType::Llc => self.llc(piece),
            LinkType::Dot11 => self.wireless(piece),
            LinkType::Radiotap => {
                let len = radio::radiotap(piece.bytes).map_err(|error| piece.why(error))?;
                self.wireless(piece.after(len))
            }
            LinkType::Ppi => self.ppi(piece),
            LinkType::Nflog => {
                let (at, len) = nflog::packet(piece.bytes).map_err(|error| piece.why(error))?;
                self.ip(piece.after(at).limit(len))
            }
            LinkType::NetAnalyzer => self.ethernet(piece.after(NET_ANALYZER_LEN)),
            LinkType::Unknown(_) => Err(WireError::UnknownLink),
        }
    }

    fn loopback(&mut self, piece: Piece<'_>, number: fn([u8; 4]) -> u32) -> Result<(), WireError> {
        let family = piece.bytes.first_chunk().ok_or(WireError::Truncated);
        let family = number(*family.map_err(|error| piece.why(error))?);
        let inside = piece.after(4);
        match family {
            2 => self.ipv4(inside),
            // Linux, NetBSD, FreeBSD and Darwin number IPv6 differently.
            10 | 24 | 28 | 30 => self.ipv6(inside),
            _ => self.link_payload(inside),
        }
    }

    fn cooked(
        &mut self,
        piece: Piece<'_>,
        frame: Result<CookedFrame<'_>, WireError>,
    ) -> Result<(), WireError> {
        let frame = frame.map_err(|error| piece.why(error))?;
        self.src_mac = frame.src().unwrap_or_default();
        let inside = piece.after(frame.header_len());
        match frame.protocol() {
            cooked::LLC => self.llc(inside),
            ..=ethernet::LENGTH_MAX => self.link_payload(inside),
            ether_type => self.typed(inside, ether_type, 0),
        }
    }

    fn ppp(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let (protocol, len) = ppp::framed(piece.bytes).map_err(|error| piece.why(error))?;
        let inside = piece.after(len);
        match protocol {
            ppp::IPV4 => self.ipv4(inside),
            ppp::IPV6 => self.ipv6(inside),
            _ => self.nothing(inside),
        }
    }

    fn hdlc(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let header = piece.bytes.first_chunk::<HDLC_LEN>();
        let [address, _, high, low] = *header.ok_or_else(|| piece.why(WireError::Truncated))?;
        if !HDLC_ADDRESSES.contains(&address) {
            return self.ppp(piece);
        }
        match u16::from_be_bytes([high, low]) {
            // Its own keep-alives, and others that are no EtherType.
            ..=ethernet::LENGTH_MAX => self.nothing(piece),
            ether_type => self.typed(piece.after(HDLC_LEN), ether_type, 0),
        }
    }

    fn fddi(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let header = piece.bytes.first_chunk::<FDDI_LEN>();
        let [_, macs @ ..] = header.ok_or_else(|| piece.why(WireError::Truncated))?;
        let (macs, _) = macs.as_chunks::<6>();
        if let [dst, src] = macs {
            (self.dst_mac, self.src_mac) = (*dst, *src);
        }
        self.llc(piece.after(FDDI_LEN))
    }

    fn ppi(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        let (len, link) = radio::ppi(piece.bytes).map_err(|error| piece.why(error))?;
        let number = u16::try_from(link).map_err(|_| WireError::UnknownLink)?;
        match LinkType::from_number(number) {
            LinkType::Ppi => Err(WireError::Malformed),
            link => self.other_link(piece.after(len), link),
        }
    }

    /// A frame from the air. Most say nothing that is read: beacons, acknowledgements, and all
    /// that is encrypted.
    fn wireless(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        match self.dot11(piece, ControlOrder::Standard) {
            Err(WireError::Malformed) => self.nothing(piece),
            read => read.map_err(|error| piece.why(error)),
        }
    }

    /// A data frame of IEEE 802.11 up to what its LLC carries; of an aggregate the first frame.
    pub(super) fn dot11(&mut self, piece: Piece<'_>, order: ControlOrder) -> Result<(), WireError> {
        let frame = Dot11Data::parse(piece.bytes, order)?;
        self.dst_mac = frame.dst();
        self.src_mac = frame.src();
        let inside = piece.after(frame.header_len());
        if !frame.is_aggregate() {
            return self.llc(inside);
        }
        let first = EthernetFrame::parse(inside.bytes)?;
        self.dst_mac = first.dst();
        self.src_mac = first.src();
        match first.type_or_length() {
            len @ ..=ethernet::LENGTH_MAX => {
                self.llc(inside.after(ethernet::HEADER_LEN).limit(len.into()))
            }
            _ => Err(WireError::Malformed),
        }
    }

    /// A frame in which no network's header is: nobody reads the rest of it.
    fn nothing(&mut self, piece: Piece<'_>) -> Result<(), WireError> {
        self.link_payload(piece.limit(0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{packet, snap};
    use super::super::{Network, TransportKind};
    use super::*;

    fn read(bytes: &[u8], link: LinkType) -> Headers {
        Headers::parse(bytes, bytes.len() as u32, link).unwrap()
    }

    fn assert_read(before: &[u8], link: LinkType) -> Headers {
        let bytes = [before, &packet()].concat();
        let headers = read(&bytes, link);
        assert_eq!(headers.network, Network::V4, "{link:?}");
        assert_ne!(headers.transport, TransportKind::None, "{link:?}");
        for len in 0..before.len() {
            // Where the header ends early, nothing of a network was read.
            let cut = Headers::parse(&bytes[..len], bytes.len() as u32, link);
            assert!(cut.is_err() || cut.unwrap().network == Network::None);
        }
        headers
    }

    #[test]
    fn serial_lines() {
        assert_read(&[0xff, 3, 0, 0x21], LinkType::Ppp);
        assert_read(&[0, 0x21], LinkType::Ppp);
        assert_read(&[0x0f, 0, 8, 0], LinkType::Hdlc);
        assert_read(&[0xff, 3, 0, 0x21], LinkType::Hdlc);
        let negotiation = [0xff, 3, 0xc0, 0x21, 1, 1, 0, 4];
        let headers = read(&negotiation, LinkType::Ppp);
        assert_eq!((headers.network, headers.payload.len), (Network::None, 0));
        let alive = [0x8f, 0, 0x80, 0x35, 0, 0, 0, 2];
        let headers = read(&alive, LinkType::Hdlc);
        assert_eq!(headers.network, Network::None);
    }

    #[test]
    fn rings_cells_and_taps() {
        let llc = snap([0; 3], 0x0800, &[]);
        assert_read(&llc, LinkType::Llc);
        let ring = [&[0x50, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2][..], &llc].concat();
        let headers = assert_read(&ring, LinkType::Fddi);
        assert_eq!((headers.dst_mac, headers.src_mac), ([1; 6], [2; 6]));
        let tap = [&[0; 4][..], &[1; 6], &[2; 6], &[8, 0]].concat();
        assert_read(&tap, LinkType::NetAnalyzer);
        let logged = [2, 0, 0, 5, 0xff, 0, 9, 0];
        assert_read(&logged, LinkType::Nflog);
    }

    #[test]
    fn radios() {
        let mut frame = vec![8, 1, 0, 0];
        frame.extend([[3; 6], [2; 6], [1; 6]].concat());
        frame.extend([0x10, 0]);
        frame.extend(snap([0; 3], 0x0800, &[]));
        let headers = assert_read(&frame, LinkType::Dot11);
        assert_eq!((headers.dst_mac, headers.src_mac), ([1; 6], [2; 6]));
        let tap = [&[0, 0, 9, 0, 0, 0, 0, 0, 0][..], &frame].concat();
        assert_read(&tap, LinkType::Radiotap);
        let information = [&[0, 0, 8, 0, 105, 0, 0, 0][..], &frame].concat();
        assert_read(&information, LinkType::Ppi);
        assert_read(&[0, 0, 8, 0, 101, 0, 0, 0], LinkType::Ppi);
        let beacon = [0x80, 0, 0, 0].repeat(10);
        let headers = read(&beacon, LinkType::Dot11);
        assert_eq!((headers.network, headers.payload.len), (Network::None, 0));
        let again = [0, 0, 8, 0, 192, 0, 0, 0, 0, 0, 8, 0, 101, 0, 0, 0];
        let error = Headers::parse(&again, 16, LinkType::Ppi).err();
        assert_eq!(error, Some(WireError::Malformed));
    }
}
