//! The five-tuple of a frame, the same for both directions: Ethernet, at most two VLAN tags,
//! IPv4 or IPv6, TCP or UDP. Anything else has no key; fragments have ports of zero.

use bytemuck::{Pod, Zeroable};

use super::table::{Entry4, Entry6, Key};

/// An IPv4 conversation. Bytes are as on the wire: the order of the ends means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Key4 {
    /// Port (16 bits), address (32) of the end with the lower number; protocol (8).
    low: u64,
    /// Port and address of the other end.
    high: u64,
}

/// An IPv6 conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Key6 {
    low: [u64; 2],
    high: [u64; 2],
    /// Ports in the order of the addresses, protocol.
    tail: u64,
}

const SPREAD_A: u64 = 0x9e37_79b9_7f4a_7c15;
const SPREAD_B: u64 = 0xd1b5_4a32_d192_ed03;

/// Both halves of a product, folded: one multiplication for 128 bits of input.
#[inline(always)]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Key for Key4 {
    type Entry = Entry4;

    #[inline(always)]
    fn hash(&self) -> u64 {
        folded(self.low ^ SPREAD_A, self.high ^ SPREAD_B).wrapping_mul(SPREAD_A)
    }
}

impl Key for Key6 {
    type Entry = Entry6;

    #[inline(always)]
    fn hash(&self) -> u64 {
        let low = folded(self.low[0] ^ SPREAD_A, self.low[1] ^ SPREAD_B);
        let high = folded(self.high[0] ^ SPREAD_B, self.high[1] ^ self.tail ^ SPREAD_A);
        folded(low ^ SPREAD_A, high ^ SPREAD_B).wrapping_mul(SPREAD_A)
    }
}

/// What a frame is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKey {
    /// IPv4.
    V4(Key4),
    /// IPv6.
    V6(Key6),
    /// Neither, or too short.
    None,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const ETHERNET_LEN: usize = 14;

/// The key of an untagged IPv4 packet without options and not in pieces, which most are.
#[inline(always)]
pub fn plain4(frame: &[u8]) -> Option<Key4> {
    let head: &[u8; 38] = frame.first_chunk()?;
    let kind = u32::from_le_bytes([head[12], head[13], head[14], 0]);
    let pieces = u16::from_be_bytes([head[20], head[21]]) & 0x3fff;
    let protocol = head[23];
    let plain = kind == 0x45_0008 && pieces == 0 && (protocol == TCP || protocol == UDP);
    if !plain {
        return None;
    }
    let addresses = [&head[26..30], &head[30..34]].map(word4);
    let ports = [[head[34], head[35]], [head[36], head[37]]].map(u16::from_le_bytes);
    Some(key4(addresses, ports, protocol))
}

#[inline(always)]
fn word4(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

#[inline(always)]
fn key4(addresses: [u32; 2], ports: [u16; 2], protocol: u8) -> Key4 {
    let src = u64::from(addresses[0]) << 16 | u64::from(ports[0]);
    let dst = u64::from(addresses[1]) << 16 | u64::from(ports[1]);
    Key4 {
        low: src.min(dst) | u64::from(protocol) << 48,
        high: src.max(dst),
    }
}

/// The key of any frame.
#[inline(never)]
pub fn any(frame: &[u8]) -> FrameKey {
    let mut start = ETHERNET_LEN;
    for _ in 0..3 {
        let Some([a, b]) = frame.get(start - 2..start) else {
            return FrameKey::None;
        };
        match u16::from_be_bytes([*a, *b]) {
            0x8100 | 0x88a8 => start += 4,
            0x0800 => return any4(frame.get(start..).unwrap_or_default()),
            0x86dd => return any6(frame.get(start..).unwrap_or_default()),
            _ => return FrameKey::None,
        }
    }
    FrameKey::None
}

fn any4(packet: &[u8]) -> FrameKey {
    let Some(head) = packet.first_chunk::<20>() else {
        return FrameKey::None;
    };
    let header_len = usize::from(head[0] & 15) * 4;
    if head[0] >> 4 != 4 || header_len < 20 {
        return FrameKey::None;
    }
    let whole = u16::from_be_bytes([head[6], head[7]]) & 0x3fff == 0;
    let ports = ports(packet, header_len, head[9], whole);
    let addresses = [&head[12..16], &head[16..20]].map(word4);
    FrameKey::V4(key4(addresses, ports, head[9]))
}

fn any6(packet: &[u8]) -> FrameKey {
    let Some(head) = packet.first_chunk::<40>() else {
        return FrameKey::None;
    };
    if head[0] >> 4 != 6 {
        return FrameKey::None;
    }
    let word = |start: usize| {
        head[start..]
            .first_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let ports = ports(packet, 40, head[6], true);
    let src = ([word(8), word(16)], ports[0]);
    let dst = ([word(24), word(32)], ports[1]);
    let (low, high) = if src <= dst { (src, dst) } else { (dst, src) };
    let tail = u64::from(low.1) << 48 | u64::from(high.1) << 32 | u64::from(head[6]);
    FrameKey::V6(Key6 {
        low: low.0,
        high: high.0,
        tail,
    })
}

fn ports(packet: &[u8], start: usize, protocol: u8, whole: bool) -> [u16; 2] {
    match packet.get(start..start + 4) {
        Some([a, b, c, d]) if whole && (protocol == TCP || protocol == UDP) => {
            [u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])]
        }
        _ => [0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame4() -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend_from_slice(&[8, 0, 0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0]);
        frame.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2, 0x30, 0x39, 0, 53, 0, 8, 0, 0]);
        frame
    }

    #[test]
    fn the_short_way_and_the_long_way_agree() {
        let frame = frame4();
        let key = plain4(&frame).unwrap();
        assert_eq!(any(&frame), FrameKey::V4(key));
        let mut tagged = frame.clone();
        tagged.splice(12..12, [0x81, 0, 0, 7]);
        assert_eq!(plain4(&tagged), None);
        assert_eq!(any(&tagged), FrameKey::V4(key));
        let mut options = frame.clone();
        options[14] = 0x46;
        options.splice(34..34, [1, 1, 1, 0]);
        assert_eq!(any(&options), FrameKey::V4(key));
    }

    #[test]
    fn both_directions_have_one_key() {
        let there = frame4();
        let mut back = there.clone();
        back[26..34].copy_from_slice(&[10, 0, 0, 2, 10, 0, 0, 1]);
        back[34..38].copy_from_slice(&[0, 53, 0x30, 0x39]);
        assert_eq!(plain4(&there), plain4(&back));
    }

    #[test]
    fn no_bytes_are_too_odd() {
        bolero::check!()
            .with_max_len(96)
            .with_iterations(2_000)
            .for_each(|bytes: &[u8]| {
                let key = any(bytes);
                if let Some(plain) = plain4(bytes) {
                    assert_eq!(key, FrameKey::V4(plain));
                }
            });
        let frame = frame4();
        for end in 0..frame.len() {
            let _ = any(&frame[..end]);
        }
    }
}
