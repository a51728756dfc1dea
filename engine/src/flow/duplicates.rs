//! Copies of one packet: a mirror port shows a packet when it enters and when it leaves, and
//! once more behind a router with another MAC, VLAN, TTL and checksum of the IP header. It
//! judges inside one flow and one direction, by what no hop changes.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};
use foldhash::fast::RandomState;
use medtap_table::vocabulary::Counter;

use super::key::Direction;
use super::table::FlowId;
use crate::config::{COPY_MEMORIES_MAX, DUPLICATE_WINDOW_NS};
use crate::counters::Counters;
use crate::wire::Headers;

/// Packets remembered for each flow: copies come interleaved with the packets that follow.
const REMEMBERED: usize = 3;

/// One unit of the remembered times: 2^20 ns, about a millisecond.
const TICK_SHIFT: u32 = 20;

/// The last few packets of a flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct Recent {
    signatures: [u32; REMEMBERED],
    /// Their times, a byte each, the last packet's lowest.
    ticks: u32,
}

impl Recent {
    /// True when this packet is a copy of a remembered one; otherwise it is remembered.
    /// `quiet_ns` is the time since the flow's last packet of any direction.
    #[inline]
    pub fn is_copy(&mut self, signature: u32, time_ns: u64, quiet_ns: u64) -> bool {
        // After a silence longer than the window nothing that is remembered can be a copy; this
        // also keeps the short ticks from being read after they went round.
        if self.knows(signature) && quiet_ns <= DUPLICATE_WINDOW_NS {
            let tick = (time_ns >> TICK_SHIFT) as u8;
            let window = (DUPLICATE_WINDOW_NS >> TICK_SHIFT) as u8;
            for (known, then) in self.signatures.iter().zip(self.ticks.to_le_bytes()) {
                if *known == signature && tick.wrapping_sub(then) <= window {
                    return true;
                }
            }
        }
        self.remember(signature, time_ns);
        false
    }

    /// True where a remembered packet has this signature, whenever it was.
    #[inline]
    pub fn knows(&self, signature: u32) -> bool {
        let [a, b, c] = self.signatures;
        (a == signature) | (b == signature) | (c == signature)
    }

    /// Remembers a packet, and forgets the one before the last two.
    #[inline]
    pub fn remember(&mut self, signature: u32, time_ns: u64) {
        let [a, b, _] = self.signatures;
        self.signatures = [signature, a, b];
        self.ticks = self.ticks << 8 | (time_ns >> TICK_SHIFT) as u32 & 0xff;
    }
}

/// Packets remembered of a flow that has shown copies: on a routed path a whole window of packets
/// may lie between a packet and its copy.
const REMEMBERED_LONG: usize = 128;

/// Places that one signature may take.
const WAYS: usize = 4;

/// The longer memory of one flow.
#[derive(Debug)]
struct LongMemory {
    signatures: [u32; REMEMBERED_LONG],
    times_ns: [u64; REMEMBERED_LONG],
}

/// The longer memories of the flows that have shown copies, bounded.
#[derive(Debug, Default)]
pub struct Copies {
    flows: HashMap<FlowId, Box<LongMemory>, RandomState>,
}

impl Copies {
    /// Bytes that all of them take at most, with the map that finds them.
    pub const BYTES_MAX: u64 = COPY_MEMORIES_MAX as u64 * (size_of::<LongMemory>() as u64 + 2 * 17);

    /// True when this packet is a copy of one that is remembered; otherwise it is remembered.
    /// A flow that finds no room goes on with its short memory alone.
    pub fn is_copy(
        &mut self,
        flow: FlowId,
        signature: u32,
        time_ns: u64,
        counters: &mut Counters,
    ) -> bool {
        if self.flows.len() >= COPY_MEMORIES_MAX && !self.flows.contains_key(&flow) {
            counters.count(Counter::CopiesRefused);
            return false;
        }
        let memory = self.flows.entry(flow).or_insert_with(|| {
            let (signatures, times_ns) = ([0; REMEMBERED_LONG], [0; REMEMBERED_LONG]);
            Box::new(LongMemory {
                signatures,
                times_ns,
            })
        });
        let first = (signature as usize >> 1) % (REMEMBERED_LONG / WAYS) * WAYS;
        let mut oldest = first;
        for place in first..first + WAYS {
            let age_ns = time_ns.saturating_sub(memory.times_ns[place]);
            if memory.signatures[place] == signature && age_ns <= DUPLICATE_WINDOW_NS {
                return true;
            }
            if memory.times_ns[place] < memory.times_ns[oldest] {
                oldest = place;
            }
        }
        memory.signatures[oldest] = signature;
        memory.times_ns[oldest] = time_ns;
        false
    }

    /// Forgets a flow that ended.
    pub fn forget(&mut self, flow: FlowId) {
        self.flows.remove(&flow);
    }
}

/// What no hop changes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// TCP sequence number.
    pub seq: u32,
    /// TCP acknowledgement number.
    pub ack: u32,
    /// IPv4 identification.
    pub ip_id: u16,
    /// TCP or UDP checksum.
    pub checksum: u16,
    /// Payload as sent, bytes.
    pub payload_len: u32,
    /// TCP flags.
    pub tcp_flags: u8,
}

impl Numbers {
    /// Those of headers.
    pub fn of(headers: &Headers) -> Self {
        Self {
            seq: headers.seq,
            ack: headers.ack,
            ip_id: headers.ip_id,
            checksum: headers.checksum,
            payload_len: headers.payload_wire_len,
            tcp_flags: headers.tcp_flags,
        }
    }
}

/// What tells a packet from all but its copies: its numbers and its direction in one. Never zero,
/// which is what an unused place holds.
#[inline(always)]
pub fn signature(numbers: &Numbers, direction: Direction) -> u32 {
    let first = u64::from(numbers.seq) << 32 | u64::from(numbers.ack);
    let second = u64::from(numbers.ip_id) << 48
        | u64::from(numbers.checksum) << 32
        | u64::from(numbers.payload_len & 0xffff) << 16
        | u64::from(numbers.tcp_flags) << 8
        | direction.index() as u64;
    let product =
        u128::from(first ^ 0x9e37_79b9_7f4a_7c15) * u128::from(second ^ 0xd1b5_4a32_d192_ed03);
    let mixed = (product as u64) ^ ((product >> 64) as u64);
    (mixed >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_copy_within_the_window_is_one() {
        let mut recent = Recent::default();
        assert!(!recent.is_copy(7, 1_000 * MS, u64::MAX));
        assert!(!recent.is_copy(8, 1_001 * MS, MS));
        assert!(recent.is_copy(7, 1_010 * MS, 9 * MS));
        assert!(
            !recent.is_copy(7, 1_040 * MS, 30 * MS),
            "later than the window"
        );
        assert!(
            recent.is_copy(7, 1_041 * MS, MS),
            "the later one is remembered"
        );
    }

    /// A window of packets is forwarded as one: every copy is told from every first packet.
    #[test]
    fn a_window_of_copies_is_told() {
        let mut copies = Copies::default();
        let mut counters = Counters::default();
        let mut is_copy = |packet, time_ns| copies.is_copy(1, packet, time_ns, &mut counters);
        let packets: Vec<u32> = (0..40u32)
            .map(|n| n.wrapping_mul(0x9e37_79b9) | 1)
            .collect();
        assert!(packets.iter().all(|&packet| !is_copy(packet, 5 * MS)));
        let told = packets
            .iter()
            .filter(|&&packet| is_copy(packet, 6 * MS))
            .count();
        assert!(told >= 38, "{told}: few share a place");
        assert!(!is_copy(packets[39], 90 * MS), "later than the window");
    }

    #[test]
    fn the_signature_sees_what_differs() {
        let base = Numbers {
            ip_id: 1,
            seq: 2,
            ack: 3,
            checksum: 4,
            payload_len: 5,
            tcp_flags: 16,
        };
        let there = signature(&base, Direction::Up);
        assert_ne!(there, signature(&base, Direction::Down));
        let others = [
            Numbers { ip_id: 2, ..base },
            Numbers { seq: 5, ..base },
            Numbers { ack: 5, ..base },
            Numbers {
                checksum: 5,
                ..base
            },
            Numbers {
                payload_len: 6,
                ..base
            },
            Numbers {
                tcp_flags: 17,
                ..base
            },
        ];
        for other in others {
            assert_ne!(there, signature(&other, Direction::Up), "{other:?}");
        }
    }

    #[test]
    fn what_a_hop_changes_is_not_in_it() {
        let base = Headers {
            ip_id: 1,
            ..Headers::NONE
        };
        let hopped = Headers {
            ttl: 9,
            vlan: 5,
            src_mac: [2; 6],
            ..base
        };
        assert_eq!(Numbers::of(&base), Numbers::of(&hopped));
    }
}
