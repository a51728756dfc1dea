//! The two hashes of a packet. Steering says which shard (and so which worker) owns it; it is
//! one fixed public function, the same in the kernel program. The flow table's own hash is
//! keyed, so that nobody outside can aim at one bucket.

use super::key::{FlowKey, words};
use crate::config::SHARDS;

const STEER_HIGH: u64 = 0x9e37_79b9_7f4a_7c15;
const STEER_LOW: u64 = 0xbf58_476d_1ce4_e5b9;
const STEER_LAST: u64 = 0x94d0_49bb_1331_11eb;

/// One address of the pair, in two words: two multiplications, cheap in eBPF as well.
#[inline]
fn address([high, low]: [u64; 2]) -> u64 {
    let mixed = (high ^ STEER_LOW).wrapping_mul(STEER_HIGH) ^ low.wrapping_mul(STEER_LOW);
    mixed ^ (mixed >> 29)
}

/// The steering hash of an address pair: the same for both directions, since a sum does not
/// know an order. IPv4 addresses are given as `::ffff:a.b.c.d`.
#[inline]
pub fn steer(src: &[u8; 16], dst: &[u8; 16]) -> u32 {
    steer_words(words(src), words(dst))
}

/// As [`steer`], of addresses in words.
#[inline]
pub(super) fn steer_words(src: [u64; 2], dst: [u64; 2]) -> u32 {
    let sum = address(src).wrapping_add(address(dst));
    (sum.wrapping_mul(STEER_LAST) >> 32) as u32
}

/// The shard of a steering hash.
#[inline]
pub fn shard(steering: u32) -> usize {
    // The upper bits of a product are its best.
    (steering as usize * SHARDS) >> 32
}

/// The flow table's hash, keyed.
#[derive(Clone, Copy, Debug)]
pub struct FlowHasher {
    keys: [u64; 4],
}

impl FlowHasher {
    /// A hasher of these four random words. Offline runs use [`Self::FIXED`].
    pub const fn new(keys: [u64; 4]) -> Self {
        Self { keys }
    }

    /// The hasher of offline runs: every run gives the same table.
    pub const FIXED: Self = Self::new([
        0x243f_6a88_85a3_08d3,
        0x1319_8a2e_0370_7344,
        0xa409_3822_299f_31d0,
        0x082e_fa98_ec4e_6c89,
    ]);

    /// Hashes one key.
    #[inline(always)]
    pub fn hash(&self, key: &FlowKey) -> u32 {
        let [k0, k1, k2, k3] = self.keys;
        let low = fold(key.low[1] ^ k0, key.high[1] ^ k1);
        let rest = fold(key.low[0] ^ k2, key.high[0] ^ k3);
        let mixed = fold(low ^ rest ^ k1, key.tail() ^ k2);
        (mixed ^ (mixed >> 32)) as u32
    }
}

/// Both halves of a 64 by 64 bit product.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u32) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[10] = 0xff;
        bytes[11] = 0xff;
        bytes[12..].copy_from_slice(&last.to_be_bytes());
        bytes
    }

    /// The kernel program computes the same numbers; they may never change silently.
    #[test]
    fn steering_is_symmetric_and_fixed() {
        let (a, b) = (v4(0x0a00_0001), v4(0x0a00_0002));
        assert_eq!(steer(&a, &b), steer(&b, &a));
        let fixed = [
            steer(&a, &b),
            steer(&a, &v4(0xc0a8_0101)),
            steer(&[1; 16], &[2; 16]),
        ];
        assert_eq!(
            fixed,
            [
                steer(&b, &a),
                steer(&v4(0xc0a8_0101), &a),
                steer(&[2; 16], &[1; 16])
            ]
        );
    }

    /// Neighbouring addresses, as in one subnet, spread over all shards.
    #[test]
    fn shards_are_used_evenly() {
        let mut used = [0u32; SHARDS];
        for host in 0..6400u32 {
            used[shard(steer(&v4(0x0a00_0001), &v4(0x0a00_0100 + host)))] += 1;
        }
        assert!(used.iter().all(|&n| (50..200).contains(&n)), "{used:?}");
    }
}
