//! How the ends of a TCP connection open it: the marks of their stacks are kept from SYN and
//! answer, and told once a third segment proves that both are there; and that a SYN came to
//! nothing. It names no system, and calls nobody a scanner.

use medtap_table::vocabulary::Field;

use super::Worker;
use super::act::{Packet, binding, ends};
use super::recorder::Recorder;
use crate::flow::FlowId;
use crate::flow::handshakes::Handshakes;
use crate::flow::table::{NO_SESSION, flag, state};
use crate::observe::{Observation, Subject};
use crate::wire::stack::StackMarks;
use crate::wire::tcp::{ACK, RST, SYN};

impl Worker {
    /// Keeps what a SYN shows.
    pub(super) fn keep_syn(&mut self, id: FlowId, packet: &Packet<'_>) {
        let (place, first_packet) = self.handshake(id);
        let marks = StackMarks::read(packet.headers, packet.frame);
        self.handshakes.open(place, first_packet, marks);
    }

    /// Keeps what the answer to a SYN shows.
    pub(super) fn keep_answer(&mut self, id: FlowId, packet: &Packet<'_>) {
        let (place, first_packet) = self.handshake(id);
        let marks = StackMarks::read(packet.headers, packet.frame);
        let next = packet.headers.seq.wrapping_add(1);
        self.handshakes.answer(place, first_packet, marks, next);
    }

    /// The place of a flow's handshake, and what it is known by.
    fn handshake(&self, id: FlowId) -> (usize, u64) {
        let key = &self.table.flow(id).key;
        let place = Handshakes::place(key, self.options.hasher.hash(key));
        (place, self.table.totals(id).first_packet)
    }

    /// Tells the marks of both ends if this segment proves that both are there; each mark where
    /// the frames of its end still come as they did.
    #[cold]
    pub(super) fn prove_handshake(&mut self, id: FlowId, packet: &Packet<'_>) {
        let headers = packet.headers;
        if headers.tcp_flags & (SYN | RST | ACK) != ACK {
            return;
        }
        let (place, first_packet) = self.handshake(id);
        let flow = self.table.flow(id);
        let opener = flow.orig();
        let acknowledged = (opener == packet.direction).then_some(headers.ack);
        let Some(shown) = self.handshakes.prove(place, first_packet, acknowledged) else {
            return;
        };
        if let Some(conversation) = self.conversations.get(flow.session) {
            conversation.greeted = false;
        }
        let ends = ends(flow, packet);
        let mut recorder = Recorder {
            ledger: &mut self.ledger,
            counters: &mut self.counters,
            matcher: &self.options.matcher,
            protocol: None,
        };
        for (marks, from, field) in [
            (shown.syn, opener, Field::TcpSyn),
            (shown.answer, opener.other(), Field::TcpSynAck),
        ] {
            let Some(marks) = marks.filter(|it| it.ttl() == flow.links[from.index()].ttl()) else {
                continue;
            };
            let text = marks.text();
            let fact = Observation::Fact {
                subject: if from == packet.direction {
                    Subject::Sender
                } else {
                    Subject::Receiver
                },
                field,
                value: text.as_bytes(),
            };
            recorder.record(&fact, &ends, true);
        }
    }

    /// The other end refused the connection before it answered anything else.
    pub(super) fn note_refused(&mut self, id: FlowId, packet: &Packet<'_>) {
        let flow = self.table.flow(id);
        if flow.orig() != packet.direction && flow.state == state::UNDECIDED {
            self.note_unanswered(id);
        }
    }

    /// A flow of which nothing but SYNs of its opener was seen came to nothing.
    pub(super) fn note_unanswered(&mut self, id: FlowId) {
        const TCP: u8 = 6;
        let flow = self.table.flow(id);
        let is_bare = flow.session == NO_SESSION && flow.probed() == 0;
        if flow.key.protocol != TCP
            || !is_bare
            || !flow.has(flag::ORIG_KNOWN)
            || flow.has(flag::CLOSED)
        {
            return;
        }
        let opener = flow.orig();
        let (time_ns, source) = (flow.last_of(opener), binding(flow, opener));
        let target = self.options.hasher.hash(&flow.key.responder(opener));
        if source.is_unicast() && !source.is_empty() {
            self.ledger
                .unanswered(source, target, time_ns, &mut self.counters);
        }
    }
}
