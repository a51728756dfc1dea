//! What a flow counts of each of its packets: whose it is, what frame is around it, what tells it
//! from its copies. For a plain packet this is all that is read of it, unless somebody wants more.

use super::duplicates::{Numbers, signature};
use super::hash::{FlowHasher, shard};
use super::key::{Direction, FlowKey, words};
use super::table::Link;
use crate::wire::ethernet::EthernetFrame;
use crate::wire::ipv4::Ipv4Packet;
use crate::wire::ipv6::Ipv6Packet;
use crate::wire::tcp::TcpSegment;
use crate::wire::udp::UdpDatagram;
use crate::wire::{Extent, Headers, LinkType, Network, PlainReader, TCP, UDP, mapped, read_plain};

/// A packet with a network header, in the words that its flow holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The conversation.
    pub key: FlowKey,
    /// The frame around it.
    pub link: Link,
    /// When it was captured; who takes the frame knows.
    pub time_ns: u64,
    /// What no hop changes, see [`signature`].
    pub signature: u32,
    /// The flow table's hash of the key.
    pub hash: u32,
    /// Bytes on the wire, in the same way.
    pub bytes: u32,
    /// TCP flags, as in [`Headers`].
    pub tcp_flags: u8,
    /// Which way it goes.
    pub direction: Direction,
    /// The shard that it belongs to.
    pub shard: u8,
}

const _: () = assert!(size_of::<Summary>() == 80);

impl Default for Summary {
    fn default() -> Self {
        Self {
            key: bytemuck::Zeroable::zeroed(),
            link: Link::default(),
            time_ns: 0,
            signature: 0,
            hash: 0,
            bytes: 0,
            tcp_flags: 0,
            direction: Direction::Up,
            shard: 0,
        }
    }
}

impl Summary {
    /// Takes what headers with a network header say; time and length stay.
    pub fn set(&mut self, headers: &Headers, scope: u16, hasher: &FlowHasher) {
        let version = headers.network.version();
        let (key, direction) = FlowKey::of(headers, scope, version);
        self.key = key;
        self.link = Link::new(headers.src_mac, headers.dst_mac, headers.vlan, headers.ttl);
        self.signature = signature(&Numbers::of(headers), direction);
        self.hash = hasher.hash(&key);
        self.tcp_flags = headers.tcp_flags;
        self.direction = direction;
        self.shard = shard(key.steering()) as u8;
    }

    /// As [`Self::set`], straight from the bytes of a frame, if it is a plain one of Ethernet;
    /// otherwise false, and nothing of use. `scope` tells the address space of a VLAN identifier.
    #[inline(always)]
    pub fn read(
        &mut self,
        frame: &[u8],
        link: LinkType,
        scope: impl Fn(u16) -> u16,
        hasher: &FlowHasher,
    ) -> bool {
        if link != LinkType::Ethernet {
            return false;
        }
        let mut reading = Reading {
            summary: self,
            hasher,
            scope,
            macs: [0; 2],
            vlan: 0,
            hosts: [[0; 2]; 2],
            ip_id: 0,
            version: 0,
        };
        read_plain(&mut reading, frame).is_some()
    }
}

/// A summary that is being read.
struct Reading<'a, S> {
    summary: &'a mut Summary,
    hasher: &'a FlowHasher,
    scope: S,
    macs: [u64; 2],
    vlan: u16,
    hosts: [[u64; 2]; 2],
    ip_id: u16,
    version: u8,
}

impl<S: Fn(u16) -> u16> Reading<'_, S> {
    #[inline(always)]
    fn network(&mut self, version: Network, ttl: u8, src: &[u8; 16], dst: &[u8; 16]) {
        self.summary.link = Link::of(self.macs, self.vlan, ttl);
        self.hosts = [words(src), words(dst)];
        self.version = version.version();
    }

    #[inline(always)]
    fn transport(&mut self, protocol: u8, ports: [u16; 2], numbers: &Numbers) {
        let scope = (self.scope)(self.vlan);
        let (key, direction) = FlowKey::between(self.hosts, ports, scope, protocol, self.version);
        // Each by itself, as it is known: there are more than a processor has registers.
        self.summary.key = key;
        self.summary.signature = signature(numbers, direction);
        self.summary.hash = self.hasher.hash(&key);
        self.summary.tcp_flags = numbers.tcp_flags;
        self.summary.direction = direction;
        self.summary.shard = shard(key.steering()) as u8;
    }
}

impl<S: Fn(u16) -> u16> PlainReader for Reading<'_, S> {
    #[inline(always)]
    fn link(&mut self, frame: &EthernetFrame<'_>, vlan: u16, _: u16) {
        self.macs = frame.addresses();
        self.vlan = vlan;
    }

    #[inline(always)]
    fn ipv4(&mut self, packet: &Ipv4Packet<'_>) {
        self.ip_id = packet.id();
        let (src, dst) = (mapped(packet.src()), mapped(packet.dst()));
        self.network(Network::V4, packet.ttl(), &src, &dst);
    }

    #[inline(always)]
    fn ipv6(&mut self, packet: &Ipv6Packet<'_>) {
        let (src, dst) = (packet.src(), packet.dst());
        self.network(Network::V6, packet.hop_limit(), &src, &dst);
    }

    #[inline(always)]
    fn tcp(&mut self, segment: &TcpSegment<'_>, _: usize, payload: Extent) {
        let numbers = Numbers {
            seq: segment.seq(),
            ack: segment.ack(),
            ip_id: self.ip_id,
            checksum: segment.checksum(),
            payload_len: payload.sent as u32,
            tcp_flags: segment.flags() & 0x3f,
        };
        let ports = [segment.src_port(), segment.dst_port()];
        self.transport(TCP, ports, &numbers);
    }

    #[inline(always)]
    fn udp(&mut self, datagram: &UdpDatagram<'_>, _: usize, payload: Extent) {
        let numbers = Numbers {
            seq: 0,
            ack: 0,
            ip_id: self.ip_id,
            checksum: datagram.checksum(),
            payload_len: payload.sent as u32,
            tcp_flags: 0,
        };
        let ports = [datagram.src_port(), datagram.dst_port()];
        self.transport(UDP, ports, &numbers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::samples::{each_variant, plain_frames};

    /// What is read of a plain frame is what all of its headers say.
    fn agrees(frame: &[u8]) -> bool {
        let (scope, hasher) = (|vlan| vlan + 1, FlowHasher::FIXED);
        let mut read = Summary {
            time_ns: 7,
            bytes: 9,
            ..Summary::default()
        };
        let mut whole = read;
        if !read.read(frame, LinkType::Ethernet, scope, &hasher) {
            return false;
        }
        let headers = Headers::parse(frame, frame.len() as u32, LinkType::Ethernet).unwrap();
        whole.set(&headers, scope(headers.vlan), &hasher);
        assert_eq!(read, whole);
        true
    }

    #[test]
    fn plain_frames_have_the_summary_of_their_headers() {
        assert!(plain_frames().iter().all(|frame| agrees(frame)));
    }

    #[test]
    fn fuzz_summary() {
        let frames = plain_frames();
        bolero::check!()
            .with_iterations(20_000)
            .with_max_len(64)
            .for_each(|bytes: &[u8]| {
                each_variant(bytes, &frames, |frame| {
                    agrees(frame);
                });
            });
    }
}
