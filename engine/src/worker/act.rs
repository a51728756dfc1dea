//! The last stage: what one packet does to its flow. For a flow of which nothing more can be
//! learnt, it counts and returns.

use medtap_table::vocabulary::Counter;

use super::conversation::Circumstances;
use super::overload::Overload;
use super::recorder::{Ends, Recorder};
use super::{Kind, Staged, Worker};
use crate::capture::Frame;
use crate::config::{PROBE_PACKETS_MAX, STREAMS_BYTES_MAX, TCP_IDLE_NS, UDP_IDLE_NS};
use crate::device::BindingKey;
use crate::flow::stream::{Arrival, Outcome};
use crate::flow::table::{Link, NO_SESSION, flag, state};
use crate::flow::{Direction, Flow, FlowId, Stream, Summary};
use crate::observe::Role;
use crate::proto::Decision;
use crate::wire::tcp::{ACK, FIN, RST, SYN};
use crate::wire::{Headers, Network, TCP, TransportKind};

/// A packet as its flow sees it: one frame, or a datagram put together from several.
#[derive(Clone, Copy)]
pub(super) struct Packet<'a> {
    pub headers: &'a Headers,
    pub direction: Direction,
    /// The flow table's hash of its flow.
    pub hash: u32,
    /// The bytes that the headers were parsed of.
    pub frame: &'a [u8],
    /// The payload of the transport.
    pub payload: &'a [u8],
    pub time_ns: u64,
    pub number: u64,
    /// Frames and bytes on the wire that it came in.
    pub count: (u32, u32),
}

impl Worker {
    /// Counts a packet of a flow of which nothing more can be learnt: the way of nearly every
    /// packet. False where there is more to it, or its flow is not where it most likely is.
    #[inline(always)]
    pub(super) fn count(&mut self, staged: &Staged) -> bool {
        let summary = &staged.summary;
        let clock = &mut self.clocks[usize::from(summary.shard)];
        *clock = (*clock).max(summary.time_ns);
        if staged.kind == Kind::Other {
            return false;
        }
        let Some(flow) = self.table.likely_mut(&summary.key, staged.likely) else {
            return false;
        };
        clock.saturating_sub(flow.last_ns) <= idle_ns(flow) && flow.count(summary)
    }

    /// What a packet does that is not only counted. `headers` are its own, unless it is a plain
    /// one: then they are read now.
    #[inline(never)]
    pub(super) fn act(&mut self, staged: &Staged, headers: &mut Headers, frame: &Frame<'_>) {
        let frame = &Frame {
            time_ns: staged.summary.time_ns,
            ..*frame
        };
        if staged.kind == Kind::Plain
            && headers
                .parse_into(frame.bytes, frame.wire_len, frame.link)
                .is_err()
        {
            // Its summary was read: somebody changes the file meanwhile.
            return;
        }
        if headers.network == Network::None {
            self.act_on_link(headers, frame);
        } else if let Some(fragment) = headers.fragment {
            self.act_on_fragment(staged, headers, fragment, frame);
        } else {
            let packet = Packet {
                headers,
                direction: staged.summary.direction,
                hash: staged.summary.hash,
                frame: frame.bytes,
                payload: headers.payload.of(frame.bytes),
                time_ns: frame.time_ns,
                number: frame.number,
                count: (1, frame.wire_len),
            };
            self.act_on_packet(staged, &packet);
        }
    }

    /// Finds the flow, or begins it; `None` when there is no room.
    fn flow_of(&mut self, staged: &Staged, packet: &Packet<'_>) -> Option<FlowId> {
        let clock = self.clocks[usize::from(staged.summary.shard)];
        let (key, hash) = (&staged.summary.key, staged.summary.hash);
        if let Some(id) = self.table.find_likely(key, hash, staged.likely) {
            let flow = self.table.flow(id);
            let is_silent = clock.saturating_sub(flow.last_ns) > idle_ns(flow);
            let opens = packet.headers.tcp_flags & (SYN | ACK) == SYN
                && (flow.has(flag::CLOSED) || flow.state != state::UNDECIDED)
                && flow.has_spoken(packet.direction);
            if !is_silent && !opens {
                return Some(id);
            }
            if is_silent {
                self.counters.count(Counter::FlowsExpired);
            }
            self.end_flow(id);
        }
        self.begin_flow(staged, packet)
    }

    /// Begins the flow of a packet; `None` when there is no room.
    fn begin_flow(&mut self, staged: &Staged, packet: &Packet<'_>) -> Option<FlowId> {
        if self.table.is_full() {
            self.evict();
        }
        let Some(id) = self.table.insert(&staged.summary.key, staged.summary.hash) else {
            self.counters.count(Counter::FlowsRefused);
            return None;
        };
        self.counters.count(Counter::FlowsOpened);
        if let Some(opened) = &mut self.opened {
            opened.add(staged.summary.hash);
        }
        let totals = self.table.totals_mut(id);
        totals.first_packet = packet.number;
        let flow = self.table.flow_mut(id);
        flow.last_ns = packet.time_ns;
        if packet.direction == Direction::Up {
            flow.probes |= 64;
        }
        flow.set_orig(first_orig(packet));
        if packet.headers.tcp_flags & SYN != 0 {
            flow.flags |= flag::ORIG_KNOWN;
        }
        Some(id)
    }

    /// What a packet does that is not only counted, or may not be.
    pub(super) fn act_on_packet(&mut self, staged: &Staged, packet: &Packet<'_>) {
        let Some(id) = self.flow_of(staged, packet) else {
            return;
        };
        let Summary {
            link, signature, ..
        } = staged.summary;
        let d = packet.direction.index();
        let flow = self.table.flow_mut(id);
        let quiet_ns = packet.time_ns.saturating_sub(flow.last_ns);
        let mut copy = flow.recent.is_copy(signature, packet.time_ns, quiet_ns);
        if flow.has(flag::DUPLICATES) {
            copy |= self
                .copies
                .is_copy(id, signature, packet.time_ns, &mut self.counters);
        }
        if copy {
            flow.flags |= flag::DUPLICATES;
            let elsewhere = flow.links[d] != link;
            self.unshunt(id);
            self.counters.count(Counter::Duplicates);
            if elsewhere {
                self.note_copy(packet, &link, staged.summary.key.scope);
            }
            return;
        }
        if flow.links[d] != link {
            self.relink(id, &link, packet);
        } else if flow.bytes[d].checked_add(packet.count.1).is_none() {
            self.flush(id);
        }
        let flow = self.table.flow_mut(id);
        let (frames, bytes) = packet.count;
        flow.bytes[d] += bytes;
        flow.packets[d] += frames;
        flow.touch(packet.direction, packet.time_ns);
        if flow.state != state::DONE || packet.headers.tcp_flags & (FIN | RST) != 0 {
            self.read(id, packet);
        }
    }

    /// Another frame is around the packets of a direction than before, or one for the first time.
    #[cold]
    fn relink(&mut self, id: FlowId, link: &Link, packet: &Packet<'_>) {
        let d = packet.direction.index();
        self.unshunt(id);
        let flow = self.table.flow(id);
        if flow.packets[d] != 0 {
            let other_end = flow.links[d].src_mac() != link.src_mac();
            let settled = flow.state != state::UNDECIDED;
            self.flush(id);
            // Several devices may share an address (0.0.0.0 asks for a lease): what each
            // exchanged is its own.
            if other_end && settled {
                self.flush_edge(id);
            }
        }
        if self.table.flow(id).links[d] == Link::default() {
            self.table.totals_mut(id).first_ns[d] = packet.time_ns;
        }
        self.table.flow_mut(id).links[d] = *link;
    }

    /// A copy of a packet with other frames around it: who forwarded it is seen, once more is not
    /// counted.
    fn note_copy(&mut self, packet: &Packet<'_>, link: &Link, scope: u16) {
        let headers = packet.headers;
        let (vlan, mac) = (link.vlan(), link.src_mac());
        let key = BindingKey::new(scope, vlan, mac, headers.network.version(), headers.src);
        self.note_forwarded(key, headers, packet);
    }

    /// What a flow that is not done still wants of a packet.
    fn read(&mut self, id: FlowId, packet: &Packet<'_>) {
        match packet.headers.transport {
            TransportKind::Tcp => self.read_tcp(id, packet),
            TransportKind::Udp => self.read_udp(id, packet),
            TransportKind::None => {
                self.read_ip(id, packet);
            }
        }
    }

    fn read_udp(&mut self, id: FlowId, packet: &Packet<'_>) {
        if packet.payload.is_empty() || self.leaves_unread(id) {
            return;
        }
        let mut begun = None;
        if self.table.flow(id).session == NO_SESSION {
            let decision = circumstances(self.table.flow(id), packet).recognise(packet.payload);
            if matches!(decision, Decision::NeedMore | Decision::Unknown) {
                // Each datagram stands alone: nothing is kept while the protocol is unknown.
                return self.count_probe(id);
            }
            if !self.open_conversation(id) {
                return;
            }
            begun = Some(decision);
        }
        let flow = self.table.flow(id);
        let Some(conversation) = self.conversations.get(flow.session) else {
            return;
        };
        let mut recorder = Recorder {
            ledger: &mut self.ledger,
            counters: &mut self.counters,
            matcher: &self.options.matcher,
            protocol: None,
        };
        let at = circumstances(flow, packet);
        let reader = &mut conversation.reader;
        match begun {
            Some(Decision::Known(classifier, role)) => {
                reader.begin(classifier, role, packet.direction);
            }
            Some(Decision::Possible(classifier, role)) => {
                reader.try_out(classifier, role, packet.direction);
            }
            _ => {}
        }
        reader.read_datagram(packet.payload, &at, &mut recorder);
        self.note_progress(id, packet);
    }

    /// Another datagram that no protocol knows.
    fn count_probe(&mut self, id: FlowId) {
        let flow = self.table.flow_mut(id);
        flow.count_probe();
        if flow.probed() >= PROBE_PACKETS_MAX {
            flow.state = state::DONE;
        }
    }

    fn read_tcp(&mut self, id: FlowId, packet: &Packet<'_>) {
        let headers = packet.headers;
        let flow = self.table.flow_mut(id);
        if headers.tcp_flags & SYN != 0 {
            self.read_syn(id, packet);
            return;
        }
        if flow.state != state::DONE {
            self.read_segment(id, packet);
        }
        if headers.tcp_flags & (FIN | RST) != 0 {
            if headers.tcp_flags & RST != 0 {
                self.note_refused(id, packet);
            }
            let flow = self.table.flow_mut(id);
            let both = flow.has(flag::CLOSED) || headers.tcp_flags & RST != 0;
            flow.flags |= flag::CLOSED;
            self.unshunt(id);
            let flow = self.table.flow_mut(id);
            if both && flow.state != state::DONE {
                self.end_conversation(id);
                self.table.flow_mut(id).state = state::DONE;
            }
        }
    }

    /// Reads what a segment carries; one that carries nothing may acknowledge something.
    fn read_segment(&mut self, id: FlowId, packet: &Packet<'_>) {
        let wanted = !packet.payload.is_empty() || packet.headers.payload_wire_len > 0;
        if wanted && self.leaves_unread(id) {
            return;
        }
        let flow = self.table.flow_mut(id);
        if wanted && flow.state == state::UNDECIDED {
            flow.count_probe();
        }
        let session = flow.session;
        let open = if session == NO_SESSION {
            wanted && self.open_conversation(id)
        } else {
            wanted || self.waits(session, packet.direction)
        };
        if open {
            self.read_stream(id, packet);
        }
    }

    /// True where a segment that carries nothing can still tell something: it proves the opening,
    /// or gives up a hole in what the other end said.
    fn waits(&mut self, session: u32, direction: Direction) -> bool {
        let conversation = self.conversations.get(session);
        conversation.is_some_and(|conversation| {
            let reverse = &conversation.streams[direction.other().index()];
            conversation.opening.waits() || reverse.has_hole()
        })
    }

    /// SYN says who opens; the answer to it is worth a conversation, SYN alone is not.
    fn read_syn(&mut self, id: FlowId, packet: &Packet<'_>) {
        let headers = packet.headers;
        let is_answer = headers.tcp_flags & ACK != 0;
        let flow = self.table.flow_mut(id);
        // Who opened a conversation that is being read is settled; its marks are still of use.
        let is_settled = flow.state != state::UNDECIDED;
        if !is_settled {
            flow.set_orig(match is_answer {
                true => packet.direction.other(),
                false => packet.direction,
            });
            flow.flags |= flag::ORIG_KNOWN;
        }
        if !is_answer {
            return self.keep_syn(id, packet);
        }
        if is_settled {
            return self.keep_answer(id, packet);
        }
        if flow.session == NO_SESSION && !self.open_conversation(id) {
            return;
        }
        let session = self.table.flow(id).session;
        if let Some(conversation) = self.conversations.get(session) {
            let d = packet.direction.index();
            conversation.streams[d].begin(headers.seq.wrapping_add(1));
            conversation.streams[1 - d].begin(headers.ack);
            self.keep_answer(id, packet);
        }
    }

    fn read_stream(&mut self, id: FlowId, packet: &Packet<'_>) {
        let headers = packet.headers;
        let session = self.table.flow(id).session;
        let Some(conversation) = self.conversations.get(session) else {
            return;
        };
        // What carries nothing is of use only where a hole waits for an acknowledgement.
        let is_idle = headers.payload_wire_len == 0
            && packet.payload.is_empty()
            && !conversation.streams[packet.direction.other().index()].has_hole();
        if conversation.opening.waits() {
            self.prove_handshake(id, packet);
        }
        if is_idle {
            return;
        }
        let at = circumstances(self.table.flow(id), packet);
        let Some(conversation) = self.conversations.get(session) else {
            return;
        };
        let mut recorder = Recorder {
            ledger: &mut self.ledger,
            counters: &mut self.counters,
            matcher: &self.options.matcher,
            protocol: None,
        };
        let [up, down] = &mut conversation.streams;
        let (there, reverse) = if at.direction == Direction::Up {
            (up, down)
        } else {
            (down, up)
        };
        let before = there.held_bytes() + reverse.held_bytes();
        let reader = &mut conversation.reader;
        let given_up = (headers.tcp_flags & ACK != 0 && reverse.has_hole()).then(|| {
            reverse.acknowledged(headers.ack, &mut |piece| {
                reader.read(piece, &at.turned(), &mut recorder)
            })
        });
        let arrival = Arrival {
            seq: headers.seq,
            bytes: packet.payload,
            wire_len: headers.payload_wire_len,
            time_ns: packet.time_ns,
            hurried: self.overload == Overload::Holes,
        };
        let undecided = reader.protocol.is_none();
        let outcome = there.push(&arrival, &mut |piece| {
            reader.read(piece, &at, &mut recorder)
        });
        if undecided && reader.protocol.is_some() && !reverse.is_stopped() {
            // What the other end said first was kept; now it can be read.
            reverse.reread(&mut |piece| reader.read(piece, &at.turned(), &mut recorder));
        }
        let mut held = there.held_bytes() + reverse.held_bytes();
        if held > before && self.held_bytes + held - before > STREAMS_BYTES_MAX {
            self.counters.count(Counter::ReassemblyRefused);
            there.stop();
            held = reverse.held_bytes();
        }
        self.held_bytes = (self.held_bytes + held).saturating_sub(before);
        self.count_outcome(outcome);
        given_up
            .into_iter()
            .for_each(|outcome| self.count_outcome(outcome));
        self.note_progress(id, packet);
    }

    pub(super) fn count_outcome(&mut self, outcome: Outcome) {
        if outcome == Outcome::default() {
            return;
        }
        self.counters.add(Counter::Gaps, u64::from(outcome.gaps));
        self.counters.add(Counter::GapBytes, outcome.gap_bytes);
        self.counters
            .add(Counter::Retransmissions, u64::from(outcome.retransmission));
        self.counters
            .add(Counter::ReassemblyRefused, u64::from(outcome.refused));
        self.counters
            .add(Counter::OverloadHoles, u64::from(outcome.hurried));
    }

    fn open_conversation(&mut self, id: FlowId) -> bool {
        match self.conversations.open() {
            Some(number) => {
                self.table.flow_mut(id).session = number;
                true
            }
            None => {
                self.counters.count(Counter::SessionsRefused);
                false
            }
        }
    }

    pub(super) fn close_conversation(&mut self, id: FlowId) {
        let flow = self.table.flow_mut(id);
        let session = std::mem::replace(&mut flow.session, NO_SESSION);
        if let Some(conversation) = self.conversations.get(session) {
            let held = conversation.streams.iter().map(Stream::held_bytes);
            self.held_bytes = self.held_bytes.saturating_sub(held.sum());
        }
        self.conversations.close(session);
    }

    /// Takes over into the flow what its conversation has become.
    fn note_progress(&mut self, id: FlowId, packet: &Packet<'_>) {
        let flow = self.table.flow_mut(id);
        if !self.conversations.weigh(flow.session) {
            self.counters.count(Counter::SessionsRefused);
        }
        let Some(conversation) = self.conversations.get(flow.session) else {
            return;
        };
        let reader = &conversation.reader;
        if reader.is_mistaken() && packet.headers.transport == TransportKind::Udp {
            // What comes next may be known after all.
            self.close_conversation(id);
            return self.count_probe(id);
        }
        if let Some(protocol) = reader.named() {
            flow.name(protocol, reader.is_suggested());
            if flow.state == state::UNDECIDED {
                flow.state = state::KNOWN;
                match reader.role(packet.direction) {
                    Some(Role::Client) => flow.set_orig(packet.direction),
                    Some(Role::Server) => flow.set_orig(packet.direction.other()),
                    _ => flow.flags |= flag::PEERS,
                }
                flow.flags |= flag::ORIG_KNOWN;
            }
            if reader.confirmed {
                flow.flags |= flag::CONFIRMED;
            }
            if reader.encrypted {
                flow.flags |= flag::ENCRYPTED;
            }
        }
        let unknown = flow.state == state::UNDECIDED && flow.probed() >= PROBE_PACKETS_MAX * 2;
        if reader.over || unknown {
            flow.state = state::DONE;
            self.close_conversation(id);
        }
    }
}

/// Silence after which a flow is over.
pub(super) fn idle_ns(flow: &Flow) -> u64 {
    if flow.key.protocol == TCP {
        TCP_IDLE_NS
    } else {
        UDP_IDLE_NS
    }
}

/// Who opened a flow, as far as its first packet tells: SYN, else the end with the higher port.
fn first_orig(packet: &Packet<'_>) -> Direction {
    let headers = packet.headers;
    match headers.tcp_flags & (SYN | ACK) {
        SYN => packet.direction,
        flags if flags == SYN | ACK => packet.direction.other(),
        _ if headers.src_port < 1024 && headers.dst_port >= 1024 => packet.direction.other(),
        _ => packet.direction,
    }
}

/// The binding of the end that sends in a direction: by its own frames, or else by the frames
/// that were sent to it.
#[inline]
pub(super) fn binding(flow: &Flow, direction: Direction) -> BindingKey {
    let own = &flow.links[direction.index()];
    let back = &flow.links[direction.other().index()];
    let (link, mac) = if own.is_none() {
        (back, back.dst_mac())
    } else {
        (own, own.src_mac())
    };
    let (address, _) = flow.key.sender(direction);
    BindingKey::new(flow.key.scope, link.vlan(), mac, flow.key.version, address)
}

pub(super) fn ends(flow: &Flow, packet: &Packet<'_>) -> Ends {
    circumstances(flow, packet).ends()
}

fn circumstances<'a>(flow: &'a Flow, packet: &Packet<'_>) -> Circumstances<'a> {
    Circumstances {
        flow,
        direction: packet.direction,
        time_ns: packet.time_ns,
        cut: packet.headers.cut,
    }
}
