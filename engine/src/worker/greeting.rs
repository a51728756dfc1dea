//! How the ends of a TCP connection open it: the marks of their stacks are kept from SYN and
//! answer, and told once a third segment proves that both are there; and that a SYN came to
//! nothing. It names no system, and calls nobody a scanner.

use medtap_table::vocabulary::Field;

use super::Worker;
use super::act::{Packet, binding, ends};
use super::recorder::Recorder;
use crate::config::KNOWN_MARKS;
use crate::flow::handshakes::Handshakes;
use crate::flow::table::{NO_SESSION, flag, state};
use crate::flow::{Direction, FlowId};
use crate::observe::{Observation, Subject};
use crate::wire::TCP;
use crate::wire::stack::{MarksText, StackMarks};
use crate::wire::tcp::{ACK, RST, SYN};

/// How far the opening of a connection is known.
#[derive(Default)]
pub struct Opening {
    /// The answer to its SYN was seen.
    is_answered: bool,
    /// A segment proved that both ends are there.
    is_proved: bool,
    /// The marks of the SYN were told.
    is_syn_told: bool,
}

impl Opening {
    /// The next segment may prove it.
    pub fn waits(&self) -> bool {
        self.is_answered && !self.is_proved
    }
}

/// Marks that were told before, with their text: a host opens its connections alike.
pub struct KnownMarks {
    slots: Box<[Option<(StackMarks, MarksText)>]>,
}

impl Default for KnownMarks {
    fn default() -> Self {
        Self {
            slots: vec![None; KNOWN_MARKS].into(),
        }
    }
}

impl KnownMarks {
    /// Bytes that it takes.
    pub const BYTES: u64 = (KNOWN_MARKS * size_of::<Option<(StackMarks, MarksText)>>()) as u64;

    /// The text of these marks, which is written where they are new.
    fn text(&mut self, marks: &StackMarks) -> Option<&[u8]> {
        let place = marks.digest() as usize % KNOWN_MARKS;
        let slot = self.slots.get_mut(place)?;
        if slot.as_ref().is_none_or(|(known, _)| known != marks) {
            *slot = Some((*marks, marks.text()));
        }
        slot.as_ref().map(|(_, text)| text.as_bytes())
    }
}

impl Worker {
    /// Keeps what a SYN shows. Over several queues it may come after its answer, and after the
    /// proof of it.
    pub(super) fn keep_syn(&mut self, id: FlowId, packet: &Packet<'_>) {
        let marks = StackMarks::read(packet.headers, packet.frame);
        let session = self.table.flow(id).session;
        if let Some(conversation) = self.conversations.get(session)
            && conversation.opening.is_proved
        {
            if !std::mem::replace(&mut conversation.opening.is_syn_told, true) {
                self.tell(id, packet, marks, packet.direction, Field::TcpSyn);
            }
            return;
        }
        let (place, first_packet) = self.handshake(id);
        self.handshakes.open(place, first_packet, marks);
    }

    /// Keeps what the answer to a SYN shows, until the opening is proved.
    pub(super) fn keep_answer(&mut self, id: FlowId, packet: &Packet<'_>) {
        let session = self.table.flow(id).session;
        let Some(conversation) = self.conversations.get(session) else {
            return;
        };
        if conversation.opening.is_proved {
            return;
        }
        conversation.opening.is_answered = true;
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

    /// Tells the marks of both ends if this segment proves that both are there.
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
            conversation.opening.is_proved = true;
            conversation.opening.is_syn_told = shown.syn.is_some();
        }
        self.tell(id, packet, shown.syn, opener, Field::TcpSyn);
        self.tell(id, packet, shown.answer, opener.other(), Field::TcpSynAck);
    }

    /// Tells the marks of one end, where its frames still come as they did.
    fn tell(
        &mut self,
        id: FlowId,
        packet: &Packet<'_>,
        marks: Option<StackMarks>,
        from: Direction,
        field: Field,
    ) {
        let flow = self.table.flow(id);
        let Some(marks) = marks.filter(|it| it.ttl() == flow.links[from.index()].ttl()) else {
            return;
        };
        let Some(value) = self.known_marks.text(&marks) else {
            return;
        };
        let fact = Observation::Fact {
            subject: if from == packet.direction {
                Subject::Sender
            } else {
                Subject::Receiver
            },
            field,
            value,
        };
        let ends = ends(flow, packet);
        let mut recorder = Recorder {
            ledger: &mut self.ledger,
            counters: &mut self.counters,
            matcher: &self.options.matcher,
            protocol: None,
        };
        recorder.record(&fact, &ends, true);
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
