//! What a flow leaves behind: counts for its two ends, an edge between them, and, when asked
//! for, a record of it.

use medtap_table::vocabulary::{Counter, Protocol};
use medtap_table::{EdgeFlags, SubjectFlags, Traffic, Volume};

use super::Worker;
use super::act::idle_ns;
use super::conversation::Circumstances;
use super::ends::FlowEnds;
use super::recorder::Recorder;
use crate::config::{FLOW_RECORDS_MAX, SWEEP_FLOWS};
use crate::device::claims::Claims;
use crate::device::ledger::SubjectNote;
use crate::device::sighting::{EdgeKey, EdgeSighting, Times};
use crate::flow::stream::Outcome;
use crate::flow::table::{NO_SESSION, flag, state};
use crate::flow::{Direction, Flow, FlowId, FlowKey, Stream, shard};
use crate::wire::{TCP, UDP};

/// One flow that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// Its ends.
    pub key: FlowKey,
    /// The direction in which its originator sends.
    pub orig: Direction,
    /// Its protocol, if it was recognised.
    pub protocol: Option<Protocol>,
    /// Confidence of the protocol, 0–100.
    pub confidence: u8,
    /// Packets in both directions.
    pub packets: u64,
    /// Bytes on the wire in both directions.
    pub bytes: u64,
    /// Its first and last packet.
    pub times: Times,
    /// Number of its first packet.
    pub first_packet: u64,
}

/// Confidence of a protocol that both sides spoke.
const CONFIRMED: u8 = 95;
/// Of one that was recognised, where both sides sent something.
const ANSWERED: u8 = 70;
/// Of one that a port or a name suggests, in what is encrypted.
const SUGGESTED: u8 = 40;
/// Of one that was recognised in a one-way flow.
const ONE_WAY: u8 = 50;

impl Worker {
    /// Moves what a flow counted since the last time to its two ends.
    pub(super) fn flush(&mut self, id: FlowId) {
        let flow = self.table.flow(id);
        if flow.packets != [0; 2] {
            let ends = FlowEnds::of(flow);
            self.flush_to(id, &ends);
        }
    }

    fn flush_to(&mut self, id: FlowId, ends: &FlowEnds) {
        let flow = self.table.flow_mut(id);
        let packets = std::mem::take(&mut flow.packets);
        let bytes = std::mem::take(&mut flow.bytes);
        if packets == [0; 2] {
            return;
        }
        let totals = self.table.totals_mut(id);
        totals.packets += u64::from(packets[0]) + u64::from(packets[1]);
        totals.bytes += u64::from(bytes[0]) + u64::from(bytes[1]);
        let (first_ns, first_packet) = (totals.first_ns, totals.first_packet);
        let flow = self.table.flow(id);
        let flags = match flow.has(flag::ANSWERED) {
            true => SubjectFlags::TWO_WAY,
            false => SubjectFlags::default(),
        };
        for direction in Direction::BOTH {
            let (d, back) = (direction.index(), direction.other().index());
            if packets[d] == 0 {
                continue;
            }
            let mut traffic = Traffic {
                packets_sent: packets[d].into(),
                bytes_sent: bytes[d].into(),
                ..Traffic::default()
            };
            // Nearly always the frames of an answer go to where those of the question came from:
            // then one note tells of both.
            if ends.answers_sender(direction.other()) {
                traffic.packets_received = packets[back].into();
                traffic.bytes_received = bytes[back].into();
            }
            let last_ns = flow.last_of(direction);
            let first_ns = match first_ns[d] {
                0 => last_ns,
                first_ns => first_ns,
            };
            let is_for_one = ends.receiver(direction).is_unicast();
            let note = SubjectNote {
                flags,
                ttl: if is_for_one { flow.links[d].ttl() } else { 0 },
                times: Some(Times { first_ns, last_ns }),
                claims: Claims::default(),
                packet: first_packet,
                traffic,
            };
            self.ledger
                .end(ends.sender(direction), &note, &mut self.counters);
            if packets[back] == 0 || !ends.answers_sender(direction) {
                let traffic = Traffic {
                    packets_received: packets[d].into(),
                    bytes_received: bytes[d].into(),
                    ..Traffic::default()
                };
                let note = SubjectNote {
                    traffic,
                    ..SubjectNote::default()
                };
                self.ledger
                    .end(ends.receiver(direction), &note, &mut self.counters);
            }
        }
    }

    /// Moves what a flow exchanged since the last time to the edge between its ends. Only for
    /// flows whose protocol is settled: until then the edge has no name.
    pub(super) fn flush_edge(&mut self, id: FlowId) {
        let totals = self.table.totals(id);
        if totals.packets != totals.edge_packets {
            let ends = FlowEnds::of(self.table.flow(id));
            self.flush_edge_to(id, &ends);
        }
    }

    fn flush_edge_to(&mut self, id: FlowId, ends: &FlowEnds) {
        let totals = self.table.totals_mut(id);
        let volume = Volume {
            packets: totals.packets - totals.edge_packets,
            bytes: totals.bytes - totals.edge_bytes,
            conversations: u64::from(totals.edge_packets == 0),
        };
        (totals.edge_packets, totals.edge_bytes) = (totals.packets, totals.bytes);
        if volume.packets == 0 {
            return;
        }
        let first_ns = totals.first_ns();
        let flow = self.table.flow(id);
        let orig = flow.orig();
        let (orig_end, resp_end) = (ends.sender(orig), ends.sender(orig.other()));
        if !orig_end.is_subject() {
            return;
        }
        let mut flags = EdgeFlags::default();
        for (bit, edge) in [
            (flag::ENCRYPTED, EdgeFlags::ENCRYPTED),
            (flag::CONFIRMED, EdgeFlags::CONFIRMED),
            (flag::PEERS, EdgeFlags::PEERS),
            (flag::ANSWERED, EdgeFlags::ANSWERED),
        ] {
            if flow.has(bit) {
                flags.insert(edge);
            }
        }
        let edge = EdgeSighting {
            key: EdgeKey {
                orig: *orig_end,
                resp: resp_end.is_subject().then_some(*resp_end),
                protocol: Protocol::from_number(flow.protocol.into()),
                transport: flow.key.protocol,
                port: if has_ports(flow.key.protocol) {
                    flow.key.ports(orig).1
                } else {
                    0
                },
            },
            flags,
            confidence: confidence(flow),
            times: Times {
                first_ns,
                last_ns: flow.last_ns,
            },
            volume,
        };
        self.ledger.edge(&edge, &mut self.counters);
    }

    /// Ends what is being read of a flow.
    pub(super) fn end_conversation(&mut self, id: FlowId) {
        if self.table.flow(id).session == NO_SESSION {
            return;
        }
        let flow = *self.table.flow(id);
        let mut outcomes = [Outcome::default(); 2];
        if let Some(conversation) = self.conversations.get(flow.session) {
            let held =
                |streams: &[Stream; 2]| -> usize { streams.iter().map(Stream::held_bytes).sum() };
            let before = held(&conversation.streams);
            let mut recorder = Recorder {
                ledger: &mut self.ledger,
                counters: &mut self.counters,
                matcher: &self.options.matcher,
                protocol: None,
            };
            for direction in Direction::BOTH {
                let at = Circumstances {
                    flow: &flow,
                    direction,
                    time_ns: flow.last_ns,
                    cut: false,
                };
                let reader = &mut conversation.reader;
                let stream = &mut conversation.streams[direction.index()];
                outcomes[direction.index()] =
                    stream.finish(&mut |piece| reader.read(piece, &at, &mut recorder));
            }
            let after = held(&conversation.streams);
            self.held_bytes = (self.held_bytes + after).saturating_sub(before);
            let reader = &conversation.reader;
            let flow = self.table.flow_mut(id);
            if let Some(protocol) = reader.named() {
                flow.name(protocol, reader.is_suggested());
            }
            if reader.confirmed {
                flow.flags |= flag::CONFIRMED;
            }
            if reader.encrypted {
                flow.flags |= flag::ENCRYPTED;
            }
        }
        outcomes
            .into_iter()
            .for_each(|outcome| self.count_outcome(outcome));
        self.close_conversation(id);
    }

    /// Keeps the record of a flow that ends, if there is room for it.
    fn keep_record(&mut self, id: FlowId) {
        if self.records.len() >= FLOW_RECORDS_MAX {
            return self.counters.count(Counter::FlowRecordsRefused);
        }
        let (flow, totals) = (self.table.flow(id), self.table.totals(id));
        self.records.push(FlowRecord {
            key: flow.key,
            orig: flow.orig(),
            protocol: Protocol::from_number(flow.protocol.into()),
            confidence: confidence(flow),
            packets: totals.packets,
            bytes: totals.bytes,
            times: Times {
                first_ns: totals.first_ns(),
                last_ns: flow.last_ns,
            },
            first_packet: totals.first_packet,
        });
    }

    /// Ends a flow: all that it owes is paid, and its entry is free.
    pub(super) fn end_flow(&mut self, id: FlowId) {
        let flow = self.table.flow(id);
        if !flow.has(flag::ANSWERED) && flow.state == state::UNDECIDED {
            self.note_unanswered(id);
        }
        self.end_conversation(id);
        self.unshunt(id);
        let ends = FlowEnds::of(self.table.flow(id));
        self.flush_to(id, &ends);
        self.flush_edge_to(id, &ends);
        let flow = self.table.flow(id);
        if !flow.has(flag::ANSWERED) && ends.receiver(flow.orig()).is_unicast() {
            self.counters.count(Counter::OneWayFlows);
        }
        if flow.has(flag::ENCRYPTED) {
            self.counters.count(Counter::EncryptedFlows);
        }
        if flow.protocol == 0 && flow.probed() > 0 {
            self.counters.count(Counter::UnknownFlows);
        }
        if self.options.flow_records {
            self.keep_record(id);
        }
        let flow = self.table.flow(id);
        if flow.has(flag::DUPLICATES) {
            self.copies.forget(id);
        }
        let hash = self.options.hasher.hash(&flow.key);
        self.table.remove(id, hash);
    }

    /// Looks at a few flows with every burst: those that fell silent end, the others pay what
    /// they owe. When it looks changes no result: a packet ends a silent flow by the same rule.
    pub(super) fn sweep(&mut self, packets: u32) {
        let end = self.table.end();
        for _ in 0..packets.min(SWEEP_FLOWS).min(end) {
            let id = if self.sweep < end { self.sweep } else { 0 };
            self.sweep = id + 1;
            if !self.table.flow(id).is_free() && self.is_silent(id) {
                self.counters.count(Counter::FlowsExpired);
                self.end_flow(id);
            }
        }
    }

    /// True when a flow has been silent for longer than flows of its kind may, by the clock of
    /// its shard.
    pub(super) fn is_silent(&self, id: FlowId) -> bool {
        let flow = self.table.flow(id);
        // No shard's clock is ahead of the latest: nearly every flow needs no other look.
        let latest_ns = self.latest_ns.max(self.now_ns);
        if latest_ns.saturating_sub(flow.last_ns) <= idle_ns(flow) {
            return false;
        }
        let clock = self.clocks[shard(flow.key.steering())].max(self.now_ns);
        clock.saturating_sub(flow.last_ns) > idle_ns(flow)
    }
}

/// True for the IP protocols whose ports say which service it is; ICMP's "ports" are its types.
fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP)
}

fn confidence(flow: &Flow) -> u8 {
    if flow.is_suggested() {
        return SUGGESTED;
    }
    match (
        flow.protocol,
        flow.has(flag::CONFIRMED),
        flow.has(flag::ANSWERED),
    ) {
        (0, _, _) => 0,
        (_, true, _) => CONFIRMED,
        (_, false, true) => ANSWERED,
        (_, false, false) => ONE_WAY,
    }
}
