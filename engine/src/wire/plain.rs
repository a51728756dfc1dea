//! The headers of nearly every packet, read in one straight line: an Ethernet frame with one tag
//! at most, IPv4 without options and in one piece, or IPv6 without extensions, then TCP, or UDP
//! from and to ports that no tunnel uses, all of its headers captured. It answers only where it
//! finds what reading layer by layer finds, and leaves everything else, faults too, to that.

use super::ethernet::{self, EthernetFrame, VlanTag};
use super::headers::{TCP, UDP};
use super::ipv4::{self, Ipv4Packet};
use super::ipv6::{self, Ipv6Packet};
use super::tcp::TcpSegment;
use super::udp::{self, UdpDatagram};
use super::{Headers, Span, tunnel};

/// Who is told what a plain packet says, layer by layer. Of a packet that turns out not to be plain
/// it is told a part.
pub trait PlainReader {
    /// The frame, with the identifier of its tag (0 without) and the type behind that.
    fn link(&mut self, frame: &EthernetFrame<'_>, vlan: u16, ether_type: u16);
    /// IPv4.
    fn ipv4(&mut self, packet: &Ipv4Packet<'_>);
    /// IPv6.
    fn ipv6(&mut self, packet: &Ipv6Packet<'_>);
    /// TCP, where it starts in the frame, and its payload: the last that is told.
    fn tcp(&mut self, segment: &TcpSegment<'_>, start: usize, payload: Extent);
    /// UDP, in the same way.
    fn udp(&mut self, datagram: &UdpDatagram<'_>, start: usize, payload: Extent);
}

/// How long a payload is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// As captured.
    pub captured: usize,
    /// As sent; never less.
    pub sent: usize,
}

/// Tells a reader what a frame of Ethernet says, if it is a plain one; otherwise nothing. Each
/// layer is told at once: until the end there are more values than a processor has registers.
#[inline(always)]
pub fn read_plain(reader: &mut impl PlainReader, bytes: &[u8]) -> Option<()> {
    let frame = EthernetFrame::parse(bytes).ok()?;
    let (vlan, ether_type, start, packet) = match frame.type_or_length() {
        ethernet::VLAN => {
            let tag = VlanTag::parse(frame.payload()).ok()?;
            let start = ethernet::HEADER_LEN + ethernet::TAG_LEN;
            (tag.id(), tag.type_or_length(), start, tag.payload())
        }
        ether_type => (0, ether_type, ethernet::HEADER_LEN, frame.payload()),
    };
    reader.link(&frame, vlan, ether_type);
    match ether_type {
        ethernet::IPV4 => {
            let ip = Ipv4Packet::parse_plain(packet)?;
            reader.ipv4(&ip);
            let (start, sent) = (start + ipv4::HEADER_LEN, ip.payload_len()?);
            transport(reader, ip.protocol(), start, ip.payload(), sent)
        }
        ethernet::IPV6 => {
            let ip = Ipv6Packet::parse(packet).ok()?;
            reader.ipv6(&ip);
            let (start, sent) = (start + ipv6::HEADER_LEN, ip.payload_len()?);
            transport(reader, ip.next_header(), start, ip.payload(), sent)
        }
        _ => None,
    }
}

/// The transport that starts there: the bytes there are of it, and how many were sent.
#[inline(always)]
fn transport(
    reader: &mut impl PlainReader,
    protocol: u8,
    start: usize,
    bytes: &[u8],
    sent: usize,
) -> Option<()> {
    match protocol {
        TCP => {
            let segment = TcpSegment::parse(bytes).ok()?;
            let payload = Extent {
                captured: bytes.len().checked_sub(segment.header_len())?,
                sent: sent.checked_sub(segment.header_len())?,
            };
            reader.tcp(&segment, start, payload);
        }
        UDP => {
            let datagram = UdpDatagram::parse(bytes).ok()?;
            let payload = Extent {
                captured: datagram.payload().len(),
                sent: datagram.payload_len()?,
            };
            let is_within = usize::from(datagram.len()) <= sent;
            if !is_within || tunnel::is_port(datagram.src_port(), datagram.dst_port()) {
                return None;
            }
            reader.udp(&datagram, start, payload);
        }
        _ => return None,
    }
    Some(())
}

impl PlainReader for Headers {
    #[inline(always)]
    fn link(&mut self, frame: &EthernetFrame<'_>, vlan: u16, ether_type: u16) {
        self.src_mac = frame.src();
        self.dst_mac = frame.dst();
        self.vlan = vlan;
        self.ether_type = ether_type;
    }

    #[inline(always)]
    fn ipv4(&mut self, packet: &Ipv4Packet<'_>) {
        self.set_ipv4(packet);
    }

    #[inline(always)]
    fn ipv6(&mut self, packet: &Ipv6Packet<'_>) {
        self.set_ipv6(packet);
    }

    #[inline(always)]
    fn tcp(&mut self, segment: &TcpSegment<'_>, start: usize, payload: Extent) {
        self.set_tcp(segment);
        self.set_plain_payload(start, segment.header_len(), payload);
    }

    #[inline(always)]
    fn udp(&mut self, datagram: &UdpDatagram<'_>, start: usize, payload: Extent) {
        self.set_udp(datagram);
        self.set_plain_payload(start, udp::HEADER_LEN, payload);
    }
}

impl Headers {
    /// Reads a frame of Ethernet, whatever was there, if it is a plain one. Otherwise false, and
    /// what had been read.
    #[inline(always)]
    pub(super) fn read_plain(&mut self, frame: &[u8]) -> bool {
        *self = Self::NONE;
        read_plain(self, frame).is_some()
    }

    #[inline(always)]
    fn set_plain_payload(&mut self, start: usize, header_len: usize, payload: Extent) {
        self.transport_start = start as u32;
        self.payload = Span {
            start: (start + header_len) as u32,
            len: payload.captured as u32,
        };
        self.payload_wire_len = payload.sent as u32;
        self.cut = payload.captured != payload.sent;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::*;
    use super::*;
    use crate::wire::LinkType;

    fn is_plain(frame: &[u8]) -> bool {
        let mut headers = Headers::NONE;
        headers.read_plain(frame)
    }

    /// What is read in one line is what is read layer by layer, however long the frame was.
    fn agrees(frame: &[u8]) {
        let mut plain = Headers::NONE;
        if !plain.read_plain(frame) {
            return;
        }
        for wire_len in [0, frame.len(), frame.len() + 9] {
            let mut layered = Headers::NONE;
            let read = layered.read_frame(frame, wire_len as u32, LinkType::Ethernet);
            assert_eq!((read, layered), (Ok(()), plain));
        }
    }

    #[test]
    fn nearly_every_packet_is_plain() {
        for mut frame in plain_frames() {
            assert!(is_plain(&frame), "{frame:?}");
            agrees(&frame);
            // Neither padding nor a cut payload changes that.
            frame.extend([0; 6]);
            assert!(is_plain(&frame), "{frame:?}");
            agrees(&frame);
            while is_plain(&frame) {
                agrees(&frame);
                frame.pop();
            }
            // A cut header does.
            assert!(frame.len() < 14 + 4 + 40 + 20, "{frame:?}");
        }
    }

    #[test]
    fn what_is_not_plain_is_left() {
        let with = |change: fn(&mut [u8])| {
            let mut frame = over_ip(TCP, &tcp(b"data"));
            change(&mut frame);
            frame
        };
        let frames = [
            with(|frame| frame[14] = 0x46),                // options
            with(|frame| frame[14] = 0x55),                // another version
            with(|frame| frame[20] |= 0x20),               // more fragments
            with(|frame| frame[21] = 1),                   // a later fragment
            with(|frame| frame[23] = 47),                  // GRE
            with(|frame| frame[46] = 0x40),                // a header shorter than TCP's
            with(|frame| frame[46] = 0xf0),                // one longer than the packet
            with(|frame| (frame[16], frame[17]) = (0, 0)), // no length
            over_udp(4789, b"data"),                       // VXLAN's port
            over_ip(UDP, &udp(50_000, 53, b"data")[..7]),
            frame()[..20].to_vec(),
            Vec::new(),
        ];
        for frame in frames {
            assert!(!is_plain(&frame), "{frame:?}");
        }
    }

    /// Whatever is changed in a frame: it is read as before, or left.
    #[test]
    fn fuzz_plain() {
        let frames = plain_frames();
        bolero::check!()
            .with_iterations(20_000)
            .with_max_len(64)
            .for_each(|bytes: &[u8]| each_variant(bytes, &frames, agrees));
    }
}
