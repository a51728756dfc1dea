//! How the ends of a TCP connection open it: the marks of their stacks, and how they count, are
//! kept from SYN and answer, and told once a third segment proves that both are there; and that a
//! SYN came to nothing. It names no system, and calls nobody a scanner.

use std::fmt::Write;

use medtap_table::vocabulary::Field;

use super::Worker;
use super::act::{Packet, binding, ends};
use super::recorder::Recorder;
use crate::config::KNOWN_MARKS;
use crate::flow::habits::{Opened, answer_id_order, distance, id_order};
use crate::flow::handshakes::{Handshakes, Shown};
use crate::flow::table::{NO_SESSION, flag, state};
use crate::flow::{Direction, FlowId};
use crate::observe::{Observation, Subject};
use crate::proto::stack_text::StackText;
use crate::wire::stack::{MarksText, StackMarks};
use crate::wire::tcp::{ACK, RST, SYN, TcpOption, TcpSegment};
use crate::wire::{Headers, Network, TCP};

/// How far the opening of a connection is known.
#[derive(Default)]
pub struct Opening {
    /// The answer to its SYN was seen.
    is_answered: bool,
    /// What its ends showed gave way to a later opening.
    is_lost: bool,
    /// A segment proved that both ends are there.
    is_proved: bool,
    /// The marks of the SYN were told.
    is_syn_told: bool,
}

impl Opening {
    /// The next segment may prove it.
    pub fn waits(&self) -> bool {
        self.is_answered && !self.is_proved && !self.is_lost
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

/// Takes what is told of the end that sends in a direction.
type Say<'a> = &'a mut dyn FnMut(Direction, Field, &[u8]);

impl Worker {
    /// Keeps what a SYN shows. Over several queues it may come after its answer, and after the
    /// proof of it.
    pub(super) fn keep_syn(&mut self, id: FlowId, packet: &Packet<'_>) {
        let syn = Shown::read(packet.headers, packet.frame);
        let session = self.table.flow(id).session;
        if let Some(conversation) = self.conversations.get(session) {
            let opening = &mut conversation.opening;
            opening.is_lost = false;
            if opening.is_proved {
                if !std::mem::replace(&mut opening.is_syn_told, true) {
                    self.tell(id, packet, |known, say| {
                        tell_syn(&syn, packet.direction, known, say);
                    });
                }
                return;
            }
        }
        let (place, first_packet) = self.handshake(id, packet);
        self.handshakes.open(place, first_packet, Some(syn));
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
        conversation.opening.is_lost = false;
        let (place, first_packet) = self.handshake(id, packet);
        let answer = Shown::read(packet.headers, packet.frame);
        let next = packet.headers.seq.wrapping_add(1);
        self.handshakes
            .answer(place, first_packet, Some(answer), next);
    }

    /// The place of the handshake of a packet's flow, and what it is known by.
    fn handshake(&self, id: FlowId, packet: &Packet<'_>) -> (usize, u64) {
        let place = Handshakes::place(&self.table.flow(id).key, packet.hash);
        (place, self.table.totals(id).first_packet)
    }

    /// Tells what both ends showed if this segment proves that both are there.
    #[cold]
    pub(super) fn prove_handshake(&mut self, id: FlowId, packet: &Packet<'_>) {
        let headers = packet.headers;
        if headers.tcp_flags & (SYN | RST | ACK) != ACK {
            return;
        }
        let (place, first_packet) = self.handshake(id, packet);
        let flow = self.table.flow(id);
        let opener = flow.orig();
        let acknowledged = (opener == packet.direction).then_some(headers.ack);
        let Some(shown) = self.handshakes.prove(place, first_packet, acknowledged) else {
            let is_lost = !self.handshakes.holds(place, first_packet);
            if let Some(conversation) = self.conversations.get(flow.session) {
                conversation.opening.is_lost = is_lost;
            }
            return;
        };
        if let Some(conversation) = self.conversations.get(flow.session) {
            conversation.opening.is_proved = true;
            conversation.opening.is_syn_told = shown.syn.is_some();
        }
        // Where frames no longer come as they did, somebody else may send them.
        let links = self.table.flow(id).links;
        let same = |shown: Option<Shown>, end: Direction| {
            shown.filter(|it| it.ttl == links[end.index()].ttl())
        };
        let (syn, answer) = (same(shown.syn, opener), same(shown.answer, opener.other()));
        let opened = acknowledged.and(answer).map(|answer| {
            let answered_ns = self.table.totals(id).first_ns[opener.other().index()];
            let times_ns = [packet.time_ns, answered_ns];
            let key = &self.table.flow(id).key;
            Opened::new(key, opener, times_ns, stamps(packet), answer.ip_id)
        });
        let earlier = opened.and_then(|opened| {
            let hash = self.options.hasher.hash(opened.pair());
            self.openings.replace(opened, hash)
        });
        self.tell(id, packet, |known, say| {
            if let Some(syn) = &syn {
                tell_syn(syn, opener, known, say);
            }
            if let Some(answer) = &answer {
                tell_answer(answer, shown.syn.as_ref(), opener.other(), known, say);
            }
            if let Some(opened) = &opened {
                let syn_id = syn.map(|syn| syn.ip_id);
                tell_counts(opened, earlier.as_ref(), syn_id, (opener, headers), say);
            }
        });
    }

    /// Records what `tell` says of the ends of a flow.
    fn tell(
        &mut self,
        id: FlowId,
        packet: &Packet<'_>,
        tell: impl FnOnce(&mut KnownMarks, Say<'_>),
    ) {
        let ends = ends(self.table.flow(id), packet);
        let mut recorder = Recorder {
            ledger: &mut self.ledger,
            counters: &mut self.counters,
            matcher: &self.options.matcher,
            protocol: None,
        };
        tell(&mut self.known_marks, &mut |from, field, value| {
            let subject = if from == packet.direction {
                Subject::Sender
            } else {
                Subject::Receiver
            };
            let fact = Observation::Fact {
                subject,
                field,
                value,
            };
            recorder.record(&fact, &ends, true);
        });
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
        if source.is_subject() {
            self.ledger
                .unanswered(source, target, time_ns, &mut self.counters);
        }
    }
}

/// What the SYN alone shows of its sender.
fn tell_syn(syn: &Shown, from: Direction, known: &mut KnownMarks, say: Say<'_>) {
    tell_distance(syn, from, say);
    let Some(marks) = &syn.marks else {
        return;
    };
    if let Some(text) = known.text(marks) {
        say(from, Field::TcpSyn, text);
    }
    if let Some(clock) = marks.clock() {
        say(from, Field::TcpSynClock, clock.as_bytes());
    }
}

/// What the answer alone shows of its sender, which gives no timestamps where none are asked for.
fn tell_answer(
    answer: &Shown,
    syn: Option<&Shown>,
    from: Direction,
    known: &mut KnownMarks,
    say: Say<'_>,
) {
    tell_distance(answer, from, say);
    let Some(marks) = &answer.marks else {
        return;
    };
    if let Some(text) = known.text(marks) {
        say(from, Field::TcpSynAck, text);
    }
    let asked = syn.and_then(|syn| syn.marks);
    if let Some(clock) = marks.clock()
        && asked.is_some_and(|asked| asked.has_timestamps())
    {
        say(from, Field::TcpSynAckClock, clock.as_bytes());
    }
}

fn tell_distance(shown: &Shown, from: Direction, say: Say<'_>) {
    let mut text = StackText::<3>::new();
    if let Some(hops) = distance(shown.ttl)
        && write!(text, "{hops}").is_ok()
    {
        say(from, Field::IpDistance, text.as_bytes());
    }
}

/// What segments after each other, and connections after each other, show of how the ends count.
fn tell_counts(
    opened: &Opened,
    earlier: Option<&Opened>,
    syn_id: Option<u16>,
    (opener, proof): (Direction, &Headers),
    say: Say<'_>,
) {
    if proof.network == Network::V4 {
        if let Some(order) = syn_id.and_then(|syn_id| id_order(syn_id, proof.ip_id)) {
            say(opener, Field::TcpSynIpId, order.as_bytes());
        }
        let before = earlier.map(|earlier| earlier.answer_id);
        if let Some(order) = answer_id_order(before, opened.answer_id) {
            say(opener.other(), Field::TcpSynAckIpId, order.as_bytes());
        }
    }
    let ends = [
        (opener, Field::TcpSynClock),
        (opener.other(), Field::TcpSynAckClock),
    ];
    for (end, (from, field)) in ends.into_iter().enumerate() {
        if let Some(clock) = earlier.and_then(|earlier| opened.clock_since(earlier, end)) {
            say(from, field, clock.as_bytes());
        }
    }
}

/// The clock that a segment shows, and the one that it repeats of the other end.
fn stamps(packet: &Packet<'_>) -> Option<[u32; 2]> {
    let start = packet.headers.transport_start as usize;
    let segment = TcpSegment::parse(packet.frame.get(start..)?).ok()?;
    segment.options().find_map(|option| match option {
        TcpOption::Timestamps { value, echo } => Some([value, echo]),
        _ => None,
    })
}
