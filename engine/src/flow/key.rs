//! The five-tuple of a conversation, with its scope, the same for both directions. VLAN, MAC
//! address and TTL are not part of it: a routed flow carries different ones on either side.

use std::hint::select_unpredictable;

use bytemuck::{Pod, Zeroable};

use super::hash::steer_words;
use crate::wire::Headers;

/// Which way a packet goes, relative to the order of the addresses in its [`FlowKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the lower end to the higher.
    Up,
    /// From the higher end to the lower.
    Down,
}

impl Direction {
    /// Both, in the order of [`Self::index`].
    pub const BOTH: [Self; 2] = [Self::Up, Self::Down];

    /// 0 for up, 1 for down.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The other way.
    #[inline]
    pub const fn other(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

/// One conversation: two ends in order, protocol, scope. 40 bytes, no padding.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Pod, Zeroable)]
pub struct FlowKey {
    /// Address of the lower end, two words in network order; IPv4 as `::ffff:a.b.c.d`.
    pub low: [u64; 2],
    /// Address of the higher end.
    pub high: [u64; 2],
    /// Port of the lower end.
    pub low_port: u16,
    /// Port of the higher end.
    pub high_port: u16,
    /// Configured address space, 0 where there is one.
    pub scope: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// 4 or 6.
    pub version: u8,
}

const _: () = assert!(size_of::<FlowKey>() == 40);

impl FlowKey {
    /// The key of a packet with a network header, and the way it goes.
    #[inline]
    pub fn of(headers: &Headers, scope: u16, version: u8) -> (Self, Direction) {
        let hosts = [words(&headers.src), words(&headers.dst)];
        let ports = [headers.src_port, headers.dst_port];
        Self::between(hosts, ports, scope, headers.ip_protocol, version)
    }

    /// The key of a packet from the first to the second of two hosts.
    #[inline(always)]
    pub(super) fn between(
        [src, dst]: [[u64; 2]; 2],
        [src_port, dst_port]: [u16; 2],
        scope: u16,
        protocol: u8,
        version: u8,
    ) -> (Self, Direction) {
        let up = match [src[0] ^ dst[0], src[1] ^ dst[1]] {
            [0, 0] => is_in_order(src_port, dst_port),
            _ => number(src) < number(dst),
        };
        // Which way a packet goes is as good as chance: nothing here branches on it.
        let low = select_unpredictable(up, src, dst);
        let high = select_unpredictable(up, dst, src);
        let low_port = u64::from(select_unpredictable(up, src_port, dst_port));
        let high_port = u64::from(select_unpredictable(up, dst_port, src_port));
        let tail = low_port
            | high_port << 16
            | u64::from(scope) << 32
            | u64::from(protocol) << 48
            | u64::from(version) << 56;
        // Whole words, as they are hashed and compared: what is written in parts and read as one
        // would have to be waited for.
        let key = bytemuck::must_cast([low[0], low[1], high[0], high[1], tail.to_le()]);
        let direction = select_unpredictable(up, Direction::Up, Direction::Down);
        (key, direction)
    }

    /// Equality as one comparison of words.
    #[inline]
    pub fn same(&self, other: &Self) -> bool {
        let (a, b): (&[u64; 5], &[u64; 5]) = (
            bytemuck::must_cast_ref(self),
            bytemuck::must_cast_ref(other),
        );
        let differ = (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]);
        differ == 0
    }

    /// What steers its packets, as [`steer`](super::steer).
    #[inline]
    pub fn steering(&self) -> u32 {
        steer_words(self.low, self.high)
    }

    /// What follows the addresses, as one word.
    #[inline]
    pub(super) fn tail(&self) -> u64 {
        let [.., tail]: [u64; 5] = bytemuck::must_cast(*self);
        u64::from_le(tail)
    }

    /// Address and port of the end that sends in this direction.
    #[inline]
    pub fn sender(&self, direction: Direction) -> ([u8; 16], u16) {
        match direction {
            Direction::Up => (bytes(self.low), self.low_port),
            Direction::Down => (bytes(self.high), self.high_port),
        }
    }

    /// The ports of the end that sends in this direction, and of the one that receives.
    #[inline]
    pub fn ports(&self, direction: Direction) -> (u16, u16) {
        match direction {
            Direction::Up => (self.low_port, self.high_port),
            Direction::Down => (self.high_port, self.low_port),
        }
    }

    /// The end that receives in this direction, alone.
    pub fn responder(&self, direction: Direction) -> Self {
        let (address, port) = match direction {
            Direction::Up => (self.high, self.high_port),
            Direction::Down => (self.low, self.low_port),
        };
        Self {
            low: [0; 2],
            high: address,
            low_port: 0,
            high_port: port,
            ..*self
        }
    }

    /// Address and port of the end that receives in this direction.
    #[inline]
    pub fn receiver(&self, direction: Direction) -> ([u8; 16], u16) {
        self.sender(direction.other())
    }
}

/// The order of two ends of one address: few packets are from a host to itself, and all others
/// need not wait for their ports.
#[cold]
#[inline(never)]
fn is_in_order(src_port: u16, dst_port: u16) -> bool {
    src_port <= dst_port
}

#[inline]
fn number([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

#[inline]
pub(super) fn words(address: &[u8; 16]) -> [u64; 2] {
    let word = u128::from_be_bytes(*address);
    [(word >> 64) as u64, word as u64]
}

fn bytes(words: [u64; 2]) -> [u8; 16] {
    number(words).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_the_key() {
        let there = Headers {
            src: [9; 16],
            dst: [1; 16],
            src_port: 5,
            dst_port: 6,
            ..Default::default()
        };
        let back = Headers {
            src: [1; 16],
            dst: [9; 16],
            src_port: 6,
            dst_port: 5,
            ..Default::default()
        };
        let (key, direction) = FlowKey::of(&there, 0, 6);
        assert_eq!(FlowKey::of(&back, 0, 6), (key, direction.other()));
        assert_eq!(key.sender(direction), ([9; 16], 5));
        assert_eq!(key.receiver(direction), ([1; 16], 6));
    }

    /// The lower end is that of the lower address, and of the lower port on one host.
    #[test]
    fn ends_are_in_order() {
        let ends = [
            ([0; 16], 9),
            ([0; 16], 10),
            ([7; 16], 0),
            ([7; 16], u16::MAX),
            ([0xff; 16], 3),
        ];
        for (at, low) in ends.iter().enumerate() {
            for (other, high) in ends.iter().enumerate() {
                let headers = Headers {
                    src: low.0,
                    dst: high.0,
                    src_port: low.1,
                    dst_port: high.1,
                    ..Default::default()
                };
                let (key, direction) = FlowKey::of(&headers, 0, 6);
                assert_eq!(direction == Direction::Up, at <= other);
                assert_eq!(key.sender(direction), *low);
                assert_eq!(key.receiver(direction), *high);
            }
        }
    }
}
