//! The flow table of one worker: compact entries in one block of huge pages, found by an index
//! of tags. All of it is reserved at the start and never moves: a flow's number stays its own until
//! it ends. It knows nothing of what a flow says.
//!
//! ```text
//! index    8  [ hash | number + 1 ]             as small as the flows allow
//! flows  128  [ key 40 | last 8 | packets 8 | bytes 8 ][ other 8 | links 32 | recent 16 | … ]
//! totals  56  [ first 16 | first packet 8 | packets 8 | bytes 8 | edge 16 ]
//! ```

use std::io;

use bytemuck::{Pod, Zeroable};
use medtap_table::vocabulary::Protocol;

use super::arena::Arena;
use super::duplicates::Recent;
use super::index::Index;
use super::key::{Direction, FlowKey};
use super::summary::Summary;
use crate::observe::MacAddr;
use crate::prefetch::prefetch_whole;
use crate::wire::tcp::{FIN, RST, SYN};

/// What the frame around a packet said: compared for every packet, noted when it changes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Eq, Pod, Zeroable)]
pub struct Link([u64; 2]);

impl PartialEq for Link {
    /// Word by word: what was just made is in registers, and two words read back as one would
    /// wait until they are in memory.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        (self.0[0] ^ other.0[0]) | (self.0[1] ^ other.0[1]) == 0
    }
}

impl Link {
    /// The frame's two MAC addresses, its VLAN identifier (0 without tag), TTL or hop limit.
    #[inline]
    pub fn new(src_mac: MacAddr, dst_mac: MacAddr, vlan: u16, ttl: u8) -> Self {
        let word = |[a, b, c, d, e, f]: MacAddr, rest: u16| {
            u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) | u64::from(rest) << 48
        };
        Self([word(src_mac, vlan), word(dst_mac, ttl.into())])
    }

    /// As [`Self::new`], of the addresses in words, as the view of a frame gives them.
    #[inline]
    pub(super) fn of([src_mac, dst_mac]: [u64; 2], vlan: u16, ttl: u8) -> Self {
        Self([
            src_mac | u64::from(vlan) << 48,
            dst_mac | u64::from(ttl) << 48,
        ])
    }

    /// No frame was seen.
    #[inline]
    pub fn is_none(&self) -> bool {
        self.0[0] | self.0[1] == 0
    }

    /// The frame's sender.
    pub fn src_mac(&self) -> MacAddr {
        mac(self.0[0])
    }

    /// The frame's receiver.
    pub fn dst_mac(&self) -> MacAddr {
        mac(self.0[1])
    }

    /// VLAN identifier, 0 without tag.
    #[inline]
    pub fn vlan(&self) -> u16 {
        (self.0[0] >> 48) as u16
    }

    /// TTL or hop limit.
    pub fn ttl(&self) -> u8 {
        (self.0[1] >> 48) as u8
    }
}

fn mac(word: u64) -> MacAddr {
    // Copied as one: bytes that are written one by one can't be read as a word for a while.
    let [mac @ .., _, _] = word.to_le_bytes();
    mac
}

/// Bits of [`Flow::flags`].
pub mod flag {
    /// The lower end opened the conversation.
    pub const ORIG_LOW: u8 = 1;
    /// Who opened it is known, by SYN or by the protocol.
    pub const ORIG_KNOWN: u8 = 2;
    /// Both ends have spoken.
    pub const ANSWERED: u8 = 4;
    /// Both ends have spoken the protocol.
    pub const CONFIRMED: u8 = 8;
    /// The payload is encrypted.
    pub const ENCRYPTED: u8 = 16;
    /// Copies of its packets were seen.
    pub const DUPLICATES: u8 = 32;
    /// FIN or RST was seen.
    pub const CLOSED: u8 = 64;
    /// The protocol has no parts: both ends are peers.
    pub const PEERS: u8 = 128;
}

/// How far the engine is with a flow.
pub mod state {
    /// Which protocol it is may still be found out.
    pub const UNDECIDED: u8 = 0;
    /// A session reads it.
    pub const KNOWN: u8 = 1;
    /// Nothing more can be learnt and nothing is owed: packets only count.
    pub const DONE: u8 = 2;
}

/// No session.
pub const NO_SESSION: u32 = u32::MAX;

/// One conversation: two cache lines, no padding.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Flow {
    /// Who talks with whom.
    pub key: FlowKey,
    /// Time of the last packet of either direction.
    pub last_ns: u64,
    /// Packets since the last flush, by [`Direction`].
    pub packets: [u32; 2],
    /// Bytes on the wire since the last flush, by direction.
    pub bytes: [u32; 2],
    /// Time of the last packet of the direction that did not send the last one.
    pub other_ns: u64,
    /// The frames around the last packet of each direction.
    pub links: [Link; 2],
    /// Number of the session in the worker's sessions, or [`NO_SESSION`].
    pub session: u32,
    /// The last packets, to tell copies.
    pub recent: Recent,
    /// See [`state`].
    pub state: u8,
    /// See [`flag`].
    pub flags: u8,
    /// Number of the protocol in the vocabulary, 0 while unknown.
    pub protocol: u8,
    /// Bits 0–5: payloads shown to the classifiers; bit 6: the lower end sent the last packet;
    /// bit 7: the protocol is suggested, not shown.
    pub probes: u8,
}

const _: () = assert!(size_of::<Flow>() == 128);

const LAST_FROM_LOW: u8 = 64;
const SUGGESTED: u8 = 128;

impl Flow {
    /// True when this direction sent something: its SYN then opens another conversation. Over
    /// several queues the answers may be seen before the SYN that they answer.
    #[inline]
    pub fn has_spoken(&self, direction: Direction) -> bool {
        let last_from_low = self.probes & LAST_FROM_LOW != 0;
        self.has(flag::ANSWERED) || last_from_low == (direction == Direction::Up)
    }

    /// Counts a packet, if there is nothing else to be done with it: nothing more can be learnt of
    /// the flow, and the packet opens and ends nothing, is no copy of another as far as a glance
    /// tells, and the frame around it is as before. Otherwise false, and nothing is changed.
    #[inline]
    pub fn count(&mut self, packet: &Summary) -> bool {
        let d = packet.direction.index();
        let (sum, overflows) = self.bytes[d].overflowing_add(packet.bytes);
        let more = (self.state != state::DONE)
            | (self.flags & flag::DUPLICATES != 0)
            | (packet.tcp_flags & (SYN | FIN | RST) != 0)
            | (self.links[d] != packet.link)
            | self.recent.knows(packet.signature)
            | overflows;
        if more {
            return false;
        }
        self.recent.remember(packet.signature, packet.time_ns);
        self.bytes[d] = sum;
        self.packets[d] += 1;
        self.touch(packet.direction, packet.time_ns);
        true
    }

    /// Notes the time of a packet.
    #[inline]
    pub fn touch(&mut self, direction: Direction, time_ns: u64) {
        // Whether the other end spoke is as good as chance: nothing here branches on it.
        let from_low = u8::from(direction == Direction::Up) * LAST_FROM_LOW;
        let turn = (self.probes & LAST_FROM_LOW) ^ from_low;
        let turned = u64::from(turn / LAST_FROM_LOW);
        self.probes ^= turn;
        self.other_ns ^= (self.other_ns ^ self.last_ns) & turned.wrapping_neg();
        self.flags |= turned as u8 * flag::ANSWERED;
        self.last_ns = self.last_ns.max(time_ns);
    }

    /// Time of the last packet of a direction, 0 if there was none.
    pub fn last_of(&self, direction: Direction) -> u64 {
        let last_from_low = self.probes & LAST_FROM_LOW != 0;
        if (direction == Direction::Up) == last_from_low {
            self.last_ns
        } else {
            self.other_ns
        }
    }

    /// Payloads shown to the classifiers.
    pub fn probed(&self) -> u8 {
        self.probes & (LAST_FROM_LOW - 1)
    }

    /// Names the protocol; `suggested` where nothing but a port or a name says so.
    pub fn name(&mut self, protocol: Protocol, suggested: bool) {
        self.protocol = protocol.number() as u8;
        self.probes &= !SUGGESTED;
        if suggested {
            self.probes |= SUGGESTED;
        }
    }

    /// The protocol is suggested, not shown.
    pub fn is_suggested(&self) -> bool {
        self.probes & SUGGESTED != 0
    }

    /// Counts a payload shown to the classifiers.
    pub fn count_probe(&mut self) {
        if self.probed() < LAST_FROM_LOW - 1 {
            self.probes += 1;
        }
    }

    /// True for an entry that no flow has.
    #[inline]
    pub fn is_free(&self) -> bool {
        self.key.version == 0
    }

    /// True if all of these bits are set.
    #[inline]
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// The direction in which the originator sends.
    pub fn orig(&self) -> Direction {
        if self.has(flag::ORIG_LOW) {
            Direction::Up
        } else {
            Direction::Down
        }
    }

    /// Says who opened it.
    pub fn set_orig(&mut self, orig: Direction) {
        match orig {
            Direction::Up => self.flags |= flag::ORIG_LOW,
            Direction::Down => self.flags &= !flag::ORIG_LOW,
        }
    }
}

/// What a flow was in all, beside its hot entry.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct Totals {
    /// Time of the first packet of each direction, 0 while there was none.
    pub first_ns: [u64; 2],
    /// Number of the first packet.
    pub first_packet: u64,
    /// Packets until the last flush.
    pub packets: u64,
    /// Bytes on the wire until the last flush.
    pub bytes: u64,
    /// Packets that its edge already has.
    pub edge_packets: u64,
    /// Bytes that its edge already has.
    pub edge_bytes: u64,
}

impl Totals {
    /// Time of the first packet of either direction.
    pub fn first_ns(&self) -> u64 {
        match self.first_ns {
            [0, only] | [only, 0] => only,
            [up, down] => up.min(down),
        }
    }
}

/// The number of a flow in its worker's table.
pub type FlowId = u32;

/// Flows of the largest table: their numbers and their slots fit 32 bits.
const FLOWS_LIMIT: u32 = 1 << 30;

/// The number of no flow.
pub const NO_FLOW: FlowId = FlowId::MAX;

/// The flows of one worker.
pub struct Table {
    index: Index,
    flows: Arena<Flow, 16>,
    totals: Arena<Totals, 7>,
    free: Vec<FlowId>,
    fresh: u32,
    used: u32,
}

impl Table {
    /// A table for up to `flows_max` flows.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory.
    pub fn new(flows_max: u32) -> io::Result<Self> {
        let flows_max = flows_max.clamp(1, FLOWS_LIMIT);
        let mut free = Vec::new();
        free.try_reserve_exact(flows_max as usize)
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            index: Index::new(flows_max)?,
            flows: Arena::new(flows_max as usize)?,
            totals: Arena::new(flows_max as usize)?,
            free,
            fresh: 0,
            used: 0,
        })
    }

    /// Bytes that a table for so many flows takes: all that it will ever take.
    pub fn bytes(flows_max: u32) -> u64 {
        let flows = u64::from(flows_max.clamp(1, FLOWS_LIMIT));
        Index::bytes(flows_max.clamp(1, FLOWS_LIMIT))
            + Arena::<Flow, 16>::bytes(flows)
            + Arena::<Totals, 7>::bytes(flows)
            + flows * size_of::<FlowId>() as u64
    }

    /// Takes all memory from the system now, near the processor that asks: no packet waits for a
    /// page, and nothing grows afterwards.
    pub fn populate(&mut self) {
        self.index.populate();
        self.flows.populate();
        self.totals.populate();
    }

    /// Flows that are in the table now.
    pub fn len(&self) -> u32 {
        self.used
    }

    /// True while there is no flow.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// True when there is no room for another flow.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.used as usize >= self.flows.len()
    }

    /// One more than the highest number given so far; numbers below it may be free.
    pub fn end(&self) -> FlowId {
        self.fresh
    }

    /// Brings the index line of a hash near.
    #[inline]
    pub fn prefetch_index(&self, hash: u32) {
        self.index.prefetch(hash);
    }

    /// Brings the entry that a hash most likely means near, and says which: [`NO_FLOW`] for none.
    #[inline]
    pub fn prefetch_flow(&self, hash: u32) -> FlowId {
        let Some(likely) = self.index.likely(hash) else {
            return NO_FLOW;
        };
        if let Some(flow) = self.flows.checked(likely as usize) {
            prefetch_whole(flow);
        }
        likely
    }

    /// The session of the flow of this number, as far as its packets are read: [`NO_SESSION`] if
    /// it has none yet. Nothing where its packets are only counted.
    #[inline]
    pub fn likely_session(&self, likely: FlowId) -> Option<u32> {
        match self.flows.checked(likely as usize) {
            Some(flow) if flow.state == state::DONE => None,
            Some(flow) => Some(flow.session),
            None => Some(NO_SESSION),
        }
    }

    /// The flow of a key, if it is this one.
    #[inline]
    pub fn likely_mut(&mut self, key: &FlowKey, likely: FlowId) -> Option<&mut Flow> {
        let flow = self.flows.checked_mut(likely as usize)?;
        flow.key.same(key).then_some(flow)
    }

    /// The flow of a key, if it is this one, whatever the index says.
    #[inline]
    pub fn find_likely(&self, key: &FlowKey, hash: u32, likely: FlowId) -> Option<FlowId> {
        match self.flows.checked(likely as usize) {
            // A number that is free, or another flow's by now, has another key.
            Some(flow) if flow.key.same(key) => Some(likely),
            _ => self.find(key, hash),
        }
    }

    /// The flow of a key.
    pub fn find(&self, key: &FlowKey, hash: u32) -> Option<FlowId> {
        let flows = &self.flows;
        self.index
            .find(hash, |id| flows.get(id as usize).key.same(key))
    }

    /// Adds a flow whose key is not in the table; `None` when there is no room for it.
    pub fn insert(&mut self, key: &FlowKey, hash: u32) -> Option<FlowId> {
        let place = self.index.vacancy(hash, self.used)?;
        let id = match self.free.pop() {
            Some(id) => id,
            None if (self.fresh as usize) < self.flows.len() => {
                self.fresh += 1;
                self.fresh - 1
            }
            None => return None,
        };
        self.index.put(place, hash, id);
        self.used += 1;
        let mut flow = Flow::zeroed();
        flow.key = *key;
        flow.session = NO_SESSION;
        *self.flows.get_mut(id as usize) = flow;
        *self.totals.get_mut(id as usize) = Totals::default();
        Some(id)
    }

    /// Takes a flow out.
    pub fn remove(&mut self, id: FlowId, hash: u32) {
        self.index.remove(hash, id);
        self.flows.get_mut(id as usize).key.version = 0;
        self.free.push(id);
        self.used -= 1;
    }

    /// One flow.
    #[inline]
    pub fn flow(&self, id: FlowId) -> &Flow {
        self.flows.get(id as usize)
    }

    /// One flow, to change.
    #[inline]
    pub fn flow_mut(&mut self, id: FlowId) -> &mut Flow {
        self.flows.get_mut(id as usize)
    }

    /// What one flow was in all.
    pub fn totals(&self, id: FlowId) -> &Totals {
        self.totals.get(id as usize)
    }

    /// What one flow was in all, to change.
    pub fn totals_mut(&mut self, id: FlowId) -> &mut Totals {
        self.totals.get_mut(id as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::FlowHasher;

    fn key(n: u32) -> FlowKey {
        let mut key = FlowKey::zeroed();
        key.low[1] = u64::from(n);
        key.low_port = (n % 7) as u16;
        key.version = 4;
        key
    }

    /// Every key is found while it is there and no longer, whatever was removed before it.
    #[test]
    fn insert_find_remove_agree_with_a_map() {
        let mut table = Table::new(1000).unwrap();
        let mut model = std::collections::HashMap::new();
        let mut random = 12345u64;
        for _ in 0..20_000 {
            random = random
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let n = (random >> 40) as u32 % 1200;
            // Few distinct hashes: long runs in the index.
            let hash = FlowHasher::FIXED.hash(&key(n)) & 0x3fff_ff80;
            let likely = table.prefetch_flow(hash);
            let found = table.find(&key(n), hash);
            assert_eq!(table.find_likely(&key(n), hash, likely), found);
            // One that was likely once, and may be free or another's by now.
            let stale = (random >> 20) as u32 % 1000;
            assert_eq!(table.find_likely(&key(n), hash, stale), found);
            match found {
                Some(id) => {
                    assert_eq!(model.remove(&n), Some(id));
                    table.remove(id, hash);
                }
                None => {
                    assert!(!model.contains_key(&n));
                    if let Some(id) = table.insert(&key(n), hash) {
                        assert!(model.insert(n, id).is_none());
                    }
                }
            }
            assert_eq!(table.len() as usize, model.len());
        }
        for (n, id) in model {
            assert_eq!(table.flow(id).key, key(n));
        }
    }

    #[test]
    fn the_index_grows_with_the_flows() {
        let mut table = Table::new(100_000).unwrap();
        let hash = |n: u32| FlowHasher::FIXED.hash(&key(n));
        for n in 0..100_000 {
            table.insert(&key(n), hash(n)).unwrap();
        }
        assert!((0..100_000).all(|n| table.find(&key(n), hash(n)) == Some(n)));
        assert!(table.insert(&key(100_000), hash(100_000)).is_none());
    }

    #[test]
    fn a_full_table_refuses() {
        let mut table = Table::new(3).unwrap();
        for n in 0..3 {
            assert!(table.insert(&key(n), n * 7).is_some());
        }
        assert!(table.insert(&key(9), 9).is_none());
        let id = table.find(&key(1), 7).unwrap();
        table.remove(id, 7);
        assert!(table.insert(&key(9), 9).is_some());
    }

    /// A SYN opens another conversation only where its own direction spoke before: answers that
    /// were seen first are of the same one.
    #[test]
    fn a_direction_has_spoken_once_it_sent_something() {
        for first in Direction::BOTH {
            let mut flow = Flow::zeroed();
            // As a flow begins: by its first packet.
            if first == Direction::Up {
                flow.probes |= LAST_FROM_LOW;
            }
            for time_ns in [5, 6] {
                flow.touch(first, time_ns);
                assert!(flow.has_spoken(first));
                assert!(!flow.has_spoken(first.other()));
            }
            flow.touch(first.other(), 7);
            assert!(Direction::BOTH.iter().all(|it| flow.has_spoken(*it)));
            flow.touch(first, 8);
            assert!(Direction::BOTH.iter().all(|it| flow.has_spoken(*it)));
        }
    }

    /// A flow of which nothing more can be learnt counts a packet like those before it, and
    /// leaves every other one, and itself, as they are.
    #[test]
    fn only_what_changes_nothing_is_counted() {
        let link = |ttl| Link::new([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], 7, ttl);
        let mut flow = Flow::zeroed();
        flow.state = state::DONE;
        flow.links = [link(64), link(63)];
        let packet = Summary {
            link: link(64),
            time_ns: 50,
            signature: 9,
            bytes: 100,
            tcp_flags: 16,
            ..Summary::default()
        };
        assert!(flow.count(&packet));
        assert_eq!((flow.packets, flow.bytes), ([1, 0], [100, 0]));
        assert_eq!(flow.last_ns, 50);
        let answer = Summary {
            link: link(63),
            direction: Direction::Down,
            signature: 11,
            ..packet
        };
        assert!(flow.count(&answer));
        assert_eq!((flow.packets, flow.bytes), ([1, 1], [100, 100]));
        assert!(flow.has(flag::ANSWERED));

        let fresh = Summary {
            signature: 13,
            ..packet
        };
        let with = |change: fn(&mut Flow)| {
            let mut flow = flow;
            change(&mut flow);
            flow
        };
        let others = [
            (flow, packet),
            (flow, answer),
            (
                flow,
                Summary {
                    link: link(63),
                    ..fresh
                },
            ),
            (
                flow,
                Summary {
                    direction: Direction::Down,
                    ..fresh
                },
            ),
            (with(|flow| flow.state = state::KNOWN), fresh),
            (with(|flow| flow.state = state::UNDECIDED), fresh),
            (with(|flow| flow.flags |= flag::DUPLICATES), fresh),
            (with(|flow| flow.bytes[0] = u32::MAX - 99), fresh),
        ];
        let flags = [SYN, FIN, RST, SYN | 16, FIN | 16].map(|tcp_flags| {
            let packet = Summary { tcp_flags, ..fresh };
            (flow, packet)
        });
        for (mut flow, packet) in others.into_iter().chain(flags) {
            let before = flow;
            assert!(!flow.count(&packet), "{packet:?}");
            assert_eq!(bytemuck::bytes_of(&flow), bytemuck::bytes_of(&before));
        }
        assert!(with(|flow| flow.bytes[0] = u32::MAX - 100).count(&fresh));
    }

    #[test]
    fn times_of_both_directions_are_kept() {
        let mut flow = Flow::zeroed();
        flow.touch(Direction::Up, 5);
        flow.touch(Direction::Up, 6);
        assert_eq!(
            (flow.last_of(Direction::Up), flow.last_of(Direction::Down)),
            (6, 0)
        );
        flow.touch(Direction::Down, 9);
        assert_eq!(
            (flow.last_of(Direction::Up), flow.last_of(Direction::Down)),
            (6, 9)
        );
    }
}
