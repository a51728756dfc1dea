//! The headers of nearly every packet, read in one straight line: an Ethernet frame with one tag
//! at most, IPv4 without options and in one piece, or IPv6 without extensions, then TCP, or UDP
//! from and to ports that no tunnel uses, captured to its end. It answers only where it finds what
//! reading layer by layer finds, and leaves everything else, faults too, to that.

use super::ethernet::{self, EthernetFrame, VlanTag};
use super::headers::{TCP, UDP};
use super::ipv4::{self, Ipv4Packet};
use super::ipv6::{self, Ipv6Packet};
use super::tcp::TcpSegment;
use super::udp::{self, UdpDatagram};
use super::{Headers, Span, tunnel};

impl Headers {
    /// Reads a frame of Ethernet, whatever was there, if it is a plain one. Otherwise false, and
    /// what had been read.
    #[inline(always)]
    pub(super) fn read_plain(&mut self, frame: &[u8]) -> bool {
        *self = Self::NONE;
        self.plain(frame).is_some()
    }

    /// Nothing for what is not plain. What was checked is written at once: until the end there
    /// are more values than a processor has registers.
    #[inline(always)]
    fn plain(&mut self, bytes: &[u8]) -> Option<()> {
        let frame = EthernetFrame::parse(bytes).ok()?;
        let (ether_type, start, packet) = match frame.type_or_length() {
            ethernet::VLAN => {
                let tag = VlanTag::parse(frame.payload()).ok()?;
                self.vlan = tag.id();
                let start = ethernet::HEADER_LEN + ethernet::TAG_LEN;
                (tag.type_or_length(), start, tag.payload())
            }
            ether_type => (ether_type, ethernet::HEADER_LEN, frame.payload()),
        };
        self.src_mac = frame.src();
        self.dst_mac = frame.dst();
        self.ether_type = ether_type;
        match ether_type {
            ethernet::IPV4 => self.plain_ipv4(start, packet),
            ethernet::IPV6 => self.plain_ipv6(start, packet),
            _ => None,
        }
    }

    #[inline(always)]
    fn plain_ipv4(&mut self, start: usize, bytes: &[u8]) -> Option<()> {
        let packet = Ipv4Packet::parse(bytes).ok()?;
        let is_whole = packet.payload_len() == Some(packet.payload().len());
        if !is_whole || packet.has_options() || packet.fragment().is_some() {
            return None;
        }
        self.set_ipv4(&packet);
        self.plain_transport(start + ipv4::HEADER_LEN, packet.payload())
    }

    #[inline(always)]
    fn plain_ipv6(&mut self, start: usize, bytes: &[u8]) -> Option<()> {
        let packet = Ipv6Packet::parse(bytes).ok()?;
        if packet.payload_len() != Some(packet.payload().len()) {
            return None;
        }
        self.set_ipv6(&packet);
        self.plain_transport(start + ipv6::HEADER_LEN, packet.payload())
    }

    #[inline(always)]
    fn plain_transport(&mut self, start: usize, bytes: &[u8]) -> Option<()> {
        let (header_len, payload_len) = match self.ip_protocol {
            TCP => self.plain_tcp(bytes)?,
            UDP => self.plain_udp(bytes)?,
            _ => return None,
        };
        self.transport_start = start as u32;
        self.payload = Span {
            start: (start + header_len) as u32,
            len: payload_len as u32,
        };
        self.payload_wire_len = payload_len as u32;
        Some(())
    }

    /// The lengths of header and payload.
    #[inline(always)]
    fn plain_tcp(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let segment = TcpSegment::parse(bytes).ok()?;
        let payload_len = bytes.len().checked_sub(segment.header_len())?;
        self.set_tcp(&segment);
        Some((segment.header_len(), payload_len))
    }

    /// As [`Self::plain_tcp`].
    #[inline(always)]
    fn plain_udp(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let datagram = UdpDatagram::parse(bytes).ok()?;
        let payload_len = datagram.payload().len();
        let is_whole = datagram.payload_len() == Some(payload_len);
        if !is_whole || tunnel::is_port(datagram.src_port(), datagram.dst_port()) {
            return None;
        }
        self.set_udp(&datagram);
        Some((udp::HEADER_LEN, payload_len))
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

    /// Frames that are read in one line.
    fn plain_frames() -> Vec<Vec<u8>> {
        let data = &b"data"[..];
        let packets = [
            (ethernet::IPV4, ipv4(TCP, &tcp(data))),
            (ethernet::IPV4, ipv4(UDP, &udp(50_000, 53, data))),
            // Bytes behind a datagram are not its own.
            (
                ethernet::IPV4,
                ipv4(UDP, &[&udp(50_000, 53, data)[..], data].concat()),
            ),
            (ethernet::IPV6, ipv6(TCP, &tcp(&[]))),
            (ethernet::IPV6, ipv6(UDP, &udp(68, 67, &[]))),
        ];
        let frames = packets.iter().flat_map(|(ether_type, packet)| {
            let tagged = tag(210, *ether_type, packet);
            [
                super::super::samples::ethernet(OUTER_MACS, *ether_type, packet),
                super::super::samples::ethernet(OUTER_MACS, ethernet::VLAN, &tagged),
            ]
        });
        frames.collect()
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
            // Padding changes nothing, a byte less does.
            frame.extend([0; 6]);
            assert!(is_plain(&frame), "{frame:?}");
            agrees(&frame);
            frame.truncate(frame.len() - 7);
            assert!(!is_plain(&frame), "{frame:?}");
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
            .for_each(|bytes: &[u8]| {
                agrees(bytes);
                let Some((which, changes)) = bytes.split_first() else {
                    return;
                };
                let mut frame = frames[usize::from(*which) % frames.len()].clone();
                for change in changes.chunks_exact(2) {
                    let at = usize::from(change[0]) % frame.len();
                    frame[at] = change[1];
                    agrees(&frame);
                }
            });
    }
}
