//! The two addresses of a packet, at a glance: enough to tell whose it is, at a fraction of what
//! reading its headers takes. It answers only where no tunnel can hide other addresses, and says
//! nothing of whether the rest of the packet is well formed.

use super::ethernet::{self, EthernetFrame, VlanTag};
use super::headers::{TCP, UDP, mapped};
use super::ipv4::Ipv4Packet;
use super::ipv6::Ipv6Packet;
use super::{LinkType, tunnel};

/// Source and destination of an IP packet, straight in an Ethernet frame or behind one tag, that
/// [`Headers::parse`](super::Headers::parse) finds nothing inside: TCP, or UDP from and to ports
/// that no tunnel uses. Of any other frame nothing.
#[inline]
pub fn pair(frame: &[u8], link: LinkType) -> Option<([u8; 16], [u8; 16])> {
    if link != LinkType::Ethernet {
        return None;
    }
    let frame = EthernetFrame::parse(frame).ok()?;
    let (kind, packet) = match frame.type_or_length() {
        ethernet::VLAN => {
            let tag = VlanTag::parse(frame.payload()).ok()?;
            (tag.type_or_length(), tag.payload())
        }
        kind => (kind, frame.payload()),
    };
    match kind {
        ethernet::IPV4 => {
            let packet = Ipv4Packet::parse(packet).ok()?;
            let plain = is_plain(packet.protocol(), packet.payload());
            plain.then(|| (mapped(packet.src()), mapped(packet.dst())))
        }
        ethernet::IPV6 => {
            let packet = Ipv6Packet::parse(packet).ok()?;
            let plain = is_plain(packet.next_header(), packet.payload());
            plain.then(|| (packet.src(), packet.dst()))
        }
        _ => None,
    }
}

/// True for what is no tunnel, whatever it says. Of a later fragment the bytes in the place of
/// ports are none: they can only make it look like a tunnel.
#[inline]
fn is_plain(protocol: u8, payload: &[u8]) -> bool {
    match (protocol, payload) {
        (TCP, _) => true,
        (UDP, &[a, b, c, d, ..]) => {
            let (src, dst) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            !tunnel::is_port(src, dst)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Headers, Network};

    /// An IPv4 packet of this protocol from 10.0.0.1 to 10.0.0.2, behind so many tags.
    fn frame(tags: usize, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        for _ in 0..tags {
            frame.extend([0x81, 0, 0, 7]);
        }
        frame.extend([8, 0, 0x45, 0, 0, 20 + payload.len() as u8, 0, 1, 0, 0]);
        frame.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend(payload);
        frame
    }

    fn agrees(frame: &[u8], link: LinkType) {
        let read = Headers::parse(frame, frame.len() as u32, link);
        if let (Some(pair), Ok(headers)) = (pair(frame, link), read) {
            assert_eq!(pair, (headers.src, headers.dst));
            assert_ne!(headers.network, Network::None);
        }
    }

    #[test]
    fn plain_packets_are_told() {
        let dns = [0x14, 0xe9, 0, 53, 0, 8, 0, 0];
        let ends = Some((mapped([10, 0, 0, 1]), mapped([10, 0, 0, 2])));
        assert_eq!(pair(&frame(0, UDP, &dns), LinkType::Ethernet), ends);
        assert_eq!(pair(&frame(1, UDP, &dns), LinkType::Ethernet), ends);
        assert_eq!(pair(&frame(0, TCP, &[]), LinkType::Ethernet), ends);
    }

    #[test]
    fn what_may_be_a_tunnel_is_not() {
        let vxlan = [0x14, 0xe9, 0x12, 0xb5, 0, 8, 0, 0];
        assert_eq!(pair(&frame(0, UDP, &vxlan), LinkType::Ethernet), None);
        assert_eq!(pair(&frame(0, UDP, &[0, 1]), LinkType::Ethernet), None);
        for protocol in [4, 41, 47, 51] {
            assert_eq!(pair(&frame(0, protocol, &vxlan), LinkType::Ethernet), None);
        }
        assert_eq!(pair(&frame(2, TCP, &[]), LinkType::Ethernet), None);
        assert_eq!(pair(&frame(0, TCP, &[]), LinkType::Raw), None);
    }

    /// Whatever is answered is what reading all headers finds, if they can be read.
    #[test]
    fn fuzz_pair() {
        bolero::check!()
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                agrees(bytes, LinkType::Ethernet);
                for (tags, protocol) in [(0, UDP), (1, TCP), (0, 47)] {
                    agrees(
                        &frame(tags, protocol, &bytes[..bytes.len().min(64)]),
                        LinkType::Ethernet,
                    );
                }
            });
    }
}
