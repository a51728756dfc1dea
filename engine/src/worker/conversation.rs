//! One conversation that is being read: its streams, the protocol once it is known, the session,
//! and what was said before the other side confirmed it.

use std::cell::LazyCell;

use medtap_table::vocabulary::{Counter, Event, Protocol};

use super::act::binding;
use super::greeting::Opening;
use super::recorder::{Ends, Recorder};
use crate::config::{PENDING_FACTS_MAX, PROBE_BYTES_MAX, SESSION_BYTES_MAX, SESSION_REST_BYTES};
use crate::counters::Counters;
use crate::device::ledger::FactId;
use crate::flow::stream::{Piece, Reply};
use crate::flow::table::flag;
use crate::flow::{Direction, Flow, Stream};
use crate::observe::{Observation, Role, Subject};
use crate::prefetch::prefetch_whole;
use crate::proto::{Classifier, Decision, Progress, Segment, Session, Then, Transport, classify};
use crate::wire::TCP;

/// A conversation: its two streams apart from who reads them, so that both can be used at once.
#[derive(Default)]
pub struct Conversation {
    /// The directions of a TCP connection; unused for datagrams.
    pub streams: [Stream; 2],
    /// Who reads them.
    pub reader: Reader,
    /// How far what its ends showed as they opened it is known.
    pub opening: Opening,
}

/// What reads the bytes of a conversation.
#[derive(Default)]
pub struct Reader {
    session: Option<Box<dyn Session>>,
    /// The protocol, once it is known.
    pub protocol: Option<Protocol>,
    /// The protocol that its session has yet to confirm; till then the flow has no name.
    possible: Option<Protocol>,
    /// The protocol that rides on it, once that is known: it names the flow.
    carried: Option<Protocol>,
    /// The protocol that it may be; named by that as long as none is known to ride on it.
    suggested: Option<Protocol>,
    roles: [Option<Role>; 2],
    rejected: [bool; 2],
    /// What nobody confirmed yet.
    facts: Vec<FactId>,
    /// Both sides spoke the protocol.
    pub confirmed: bool,
    /// The payload is encrypted from here on.
    pub encrypted: bool,
    /// Nothing more is wanted.
    pub over: bool,
    /// Bytes that [`Conversations`] counted for it, and bytes that it was shown since.
    weighed_bytes: usize,
    shown_bytes: usize,
}

/// The circumstances of a piece.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// What it is a piece of.
    pub flow: &'a Flow,
    /// Which way it goes.
    pub direction: Direction,
    /// Capture time.
    pub time_ns: u64,
    /// The capture cut it.
    pub cut: bool,
}

impl Circumstances<'_> {
    /// Those of what the other end sent meanwhile.
    pub fn turned(&self) -> Self {
        Self {
            direction: self.direction.other(),
            cut: false,
            ..*self
        }
    }

    /// Its sender and receiver.
    pub fn ends(&self) -> Ends {
        Ends {
            sender: binding(self.flow, self.direction),
            receiver: binding(self.flow, self.direction.other()),
            time_ns: self.time_ns,
        }
    }

    /// The direction in which the end that opened the conversation sends, if it was seen to do
    /// so: then the first bytes are there, too.
    fn opener(&self) -> Option<Direction> {
        let is_known = self.flow.has(flag::ORIG_KNOWN);
        is_known.then(|| self.flow.orig())
    }

    /// It, as a parser sees it.
    fn segment<'a>(&self, bytes: &'a [u8], from: Role) -> Segment<'a> {
        Segment {
            bytes,
            from,
            time_ns: self.time_ns,
            ports: self.flow.key.ports(self.direction),
            cut: self.cut,
        }
    }

    /// Asks the classifiers about it, the first bytes of one direction.
    pub fn recognise(&self, bytes: &[u8]) -> Decision {
        let from = match self.opener() {
            None => Role::Peer,
            Some(opener) if opener == self.direction => Role::Client,
            Some(_) => Role::Server,
        };
        let transport = if self.flow.key.protocol == TCP {
            Transport::Tcp
        } else {
            Transport::Udp
        };
        classify(&self.segment(bytes, from), transport)
    }
}

impl Reader {
    /// The role of the end that sends in this direction, once it is known.
    pub fn role(&self, direction: Direction) -> Option<Role> {
        self.roles[direction.index()]
    }

    /// The protocol by which the flow goes.
    pub fn named(&self) -> Option<Protocol> {
        self.carried.or(self.suggested).or(self.protocol)
    }

    /// The flow goes by the name of a protocol that it only may be.
    pub fn is_suggested(&self) -> bool {
        self.carried.is_none() && self.suggested.is_some()
    }

    /// Reads a piece of a stream.
    pub fn read(
        &mut self,
        piece: Piece<'_>,
        at: &Circumstances<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Reply {
        match piece {
            Piece::Gap(missing) => self.gap(missing, at),
            Piece::Bytes(bytes) => {
                if self.session.is_none()
                    && let Some(reply) = self.decide(bytes, at)
                {
                    return reply;
                }
                let progress = self.observe(bytes, at, recorder);
                self.reply(progress)
            }
        }
    }

    /// Reads one datagram of a protocol that is known.
    pub fn read_datagram(
        &mut self,
        bytes: &[u8],
        at: &Circumstances<'_>,
        recorder: &mut Recorder<'_>,
    ) {
        let progress = self.observe(bytes, at, recorder);
        let _ = self.reply(progress);
    }

    /// Asks the classifiers; the reply where the piece can't be read yet.
    fn decide(&mut self, bytes: &[u8], at: &Circumstances<'_>) -> Option<Reply> {
        let index = at.direction.index();
        match at.recognise(bytes) {
            Decision::Known(classifier, role) => {
                self.begin(classifier, role, at.direction);
                None
            }
            Decision::Possible(classifier, role) => {
                self.try_out(classifier, role, at.direction);
                None
            }
            Decision::NeedMore if bytes.len() < PROBE_BYTES_MAX && !at.cut => {
                Some(Reply::Consumed(0, 0))
            }
            Decision::NeedMore | Decision::Unknown => {
                // A conversation that was seen from its start says at once what it is. One that
                // was picked up in the middle may do so with a later message.
                self.rejected[index] |= at.opener().is_some();
                self.over = self.rejected == [true, true];
                let stop = self.rejected[index];
                Some(if stop {
                    Reply::Stop
                } else {
                    Reply::Consumed(bytes.len(), 0)
                })
            }
        }
    }

    /// Begins to read: the protocol is known, and what the end that sends this way is in it.
    pub fn begin(&mut self, classifier: &'static Classifier, role: Role, direction: Direction) {
        self.session = Some((classifier.session)());
        self.protocol = Some(classifier.protocol);
        self.roles[direction.index()] = Some(role);
        self.roles[direction.other().index()] = Some(role.other());
    }

    /// Begins to read what may be this protocol: it has no name before its session confirms it.
    pub fn try_out(&mut self, classifier: &'static Classifier, role: Role, direction: Direction) {
        self.begin(classifier, role, direction);
        self.possible = self.protocol.take();
    }

    /// The session gave up before it confirmed the protocol: the conversation is another's.
    pub fn is_mistaken(&self) -> bool {
        self.over && self.possible.is_some()
    }

    fn observe(
        &mut self,
        bytes: &[u8],
        at: &Circumstances<'_>,
        recorder: &mut Recorder<'_>,
    ) -> Progress {
        let role = self.role(at.direction).unwrap_or(Role::Peer);
        recorder.protocol = self.named();
        self.shown_bytes += bytes.len();
        let Self {
            session,
            protocol,
            possible,
            carried,
            suggested,
            facts,
            confirmed,
            encrypted,
            ..
        } = self;
        let Some(session) = session else {
            return Progress::DONE;
        };
        // Most segments say nothing of anybody.
        let ends = LazyCell::new(|| at.ends());
        session.observe(&at.segment(bytes, role), &mut |observation| {
            match observation {
                Observation::Passage { digest, known } => {
                    let mut told = |fact: FactId, counters: &mut Counters| {
                        wait(facts, fact, counters);
                    };
                    return known.set(recorder.again(digest, &ends, *confirmed, &mut told));
                }
                Observation::Confirmed if !*confirmed => {
                    *confirmed = true;
                    if let Some(proven) = possible.take() {
                        *protocol = Some(proven);
                        recorder.protocol = *protocol;
                    }
                    for fact in facts.drain(..) {
                        recorder.confirm(fact);
                    }
                    if protocol.is_some_and(Protocol::is_service) {
                        recorder.record(&serves(role), &ends, true);
                    }
                }
                Observation::Encrypted => *encrypted = true,
                Observation::Carries(protocol) if carried.is_none() => {
                    *carried = Some(protocol);
                    recorder.protocol = *carried;
                }
                Observation::Becomes(next) => {
                    *protocol = Some(next);
                    recorder.protocol = carried.or(*suggested).or(*protocol);
                }
                Observation::Suggests(protocol) => *suggested = Some(protocol),
                _ => {}
            }
            let observation = match observation {
                Observation::Malformed => Observation::malformed(at.cut),
                other => other,
            };
            if let Some(fact) = recorder.record(&observation, &ends, *confirmed) {
                wait(facts, fact, recorder.counters);
            }
        })
    }

    /// Bytes that it keeps of the conversation, beside itself.
    fn kept_bytes(&self) -> usize {
        let session = self.session.as_deref();
        session.map_or(0, |session| {
            size_of_val(session) + session.kept_bytes() + SESSION_REST_BYTES
        }) + self.facts.capacity() * size_of::<FactId>()
    }

    /// Reads no further, and keeps nothing but what it knows.
    fn give_up(&mut self) {
        self.session = None;
        self.facts = Vec::new();
        self.over = true;
    }

    fn reply(&mut self, progress: Progress) -> Reply {
        match progress.then {
            Then::More => Reply::Consumed(progress.consumed, 0),
            Then::Skip(n) => Reply::Consumed(progress.consumed, n),
            Then::DoneDirection => Reply::Stop,
            Then::Done => {
                self.over = true;
                Reply::Stop
            }
        }
    }

    fn gap(&mut self, missing: u64, at: &Circumstances<'_>) -> Reply {
        let role = self.role(at.direction).unwrap_or(Role::Peer);
        let lost = self
            .session
            .as_mut()
            .is_some_and(|session| !session.gap(role, missing));
        if lost {
            self.over = true;
            return Reply::Stop;
        }
        Reply::Consumed(0, 0)
    }
}

/// Facts that most conversations have before the other end answers.
const PENDING_FACTS: usize = 8;

/// Keeps a fact until the other end answers, in order. One that waits already is not kept again.
fn wait(facts: &mut Vec<FactId>, fact: FactId, counters: &mut Counters) {
    if facts.is_empty() {
        facts.reserve(PENDING_FACTS);
    }
    match facts.binary_search(&fact) {
        Ok(_) => {}
        Err(place) if facts.len() < PENDING_FACTS_MAX => facts.insert(place, fact),
        Err(_) => counters.count(Counter::PendingRefused),
    }
}

/// Somebody works on the end that serves, whoever sends this.
const fn serves(role: Role) -> Observation<'static> {
    Observation::Event {
        subject: match role {
            Role::Server => Subject::Sender,
            Role::Client | Role::Peer => Subject::Receiver,
        },
        event: Event::ServiceSession,
    }
}

/// What a reader keeps is told again once it was shown one part in so many of it.
const WEIGHED_PARTS: usize = 8;

/// The conversations of one worker, by number; numbers are used again.
pub struct Conversations {
    slots: Vec<Option<Box<Conversation>>>,
    free: Vec<u32>,
    max: usize,
    /// Bytes that their readers keep, and may keep.
    kept_bytes: usize,
    kept_bytes_max: usize,
}

impl Conversations {
    /// Room for `max` conversations, whose readers keep so many bytes together; memory is taken
    /// when they begin.
    pub fn new(max: usize, kept_bytes_max: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            max,
            kept_bytes: 0,
            kept_bytes_max,
        }
    }

    /// Counts what the reader of one keeps, once it was shown a part of that anew
    /// ([`WEIGHED_PARTS`]): it grows by what it is shown. False where there is no room for it: it
    /// reads no further.
    pub fn weigh(&mut self, number: u32) -> bool {
        let slot = self.slots.get_mut(number as usize);
        let Some(conversation) = slot.and_then(|slot| slot.as_deref_mut()) else {
            return true;
        };
        let reader = &mut conversation.reader;
        let before = reader.weighed_bytes;
        if reader.shown_bytes <= before / WEIGHED_PARTS {
            return true;
        }
        reader.shown_bytes = 0;
        let others = self.kept_bytes - before;
        let mut kept = reader.kept_bytes();
        let is_too_much = kept > SESSION_BYTES_MAX || others + kept > self.kept_bytes_max;
        let refused = kept > before && is_too_much;
        if refused {
            reader.give_up();
            kept = 0;
        }
        reader.weighed_bytes = kept;
        self.kept_bytes = others + kept;
        !refused
    }

    /// Begins one; `None` when there is no room for it.
    pub fn open(&mut self) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            self.slots[number as usize] = Some(Box::default());
            return Some(number);
        }
        if self.slots.len() >= self.max {
            return None;
        }
        self.slots.push(Some(Box::default()));
        Some(self.slots.len() as u32 - 1)
    }

    /// One of them.
    pub fn get(&mut self, number: u32) -> Option<&mut Conversation> {
        self.slots.get_mut(number as usize)?.as_deref_mut()
    }

    /// Brings one near.
    #[inline]
    pub fn prefetch(&self, number: u32) {
        if let Some(Some(conversation)) = self.slots.get(number as usize) {
            prefetch_whole(conversation.as_ref());
        }
    }

    /// Ends one and gives back its memory.
    pub fn close(&mut self, number: u32) {
        if let Some(slot) = self.slots.get_mut(number as usize)
            && let Some(conversation) = slot.take()
        {
            self.kept_bytes -= conversation.reader.weighed_bytes;
            self.free.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Emit;
    use crate::proto::{ANY, Verdict};

    /// What each of its sessions keeps: as many bytes as were shown to it.
    struct Hoard(usize);

    impl Session for Hoard {
        fn observe(&mut self, segment: &Segment<'_>, _emit: Emit<'_>) -> Progress {
            self.0 += segment.bytes.len();
            Progress::consumed(segment.bytes.len())
        }

        fn kept_bytes(&self) -> usize {
            self.0
        }
    }

    static HOARD: Classifier = Classifier {
        protocol: Protocol::Dicom,
        transport: Transport::Udp,
        ports: &[],
        first: ANY,
        marks: &[],
        probe: |_| Verdict::Match(Role::Client),
        session: || Box::new(Hoard(0)),
    };

    const ONE: usize = SESSION_REST_BYTES + size_of::<Hoard>();

    /// A conversation whose session keeps so many bytes.
    fn open(conversations: &mut Conversations, bytes: usize) -> u32 {
        let number = conversations.open().unwrap();
        let reader = &mut conversations.get(number).unwrap().reader;
        reader.begin(&HOARD, Role::Client, Direction::Up);
        read(conversations, number, bytes);
        number
    }

    fn read(conversations: &mut Conversations, number: u32, bytes: usize) {
        let reader = &mut conversations.get(number).unwrap().reader;
        let segment = Segment {
            bytes: &vec![0; bytes],
            from: Role::Client,
            time_ns: 0,
            ports: (0, 0),
            cut: false,
        };
        let session = reader.session.as_mut().unwrap();
        session.observe(&segment, &mut |_| {});
        reader.shown_bytes += bytes;
    }

    #[test]
    fn what_readers_keep_has_an_end() {
        let mut conversations = Conversations::new(8, 2 * ONE + 10_000);
        let first = open(&mut conversations, 6_000);
        let second = open(&mut conversations, 4_000);
        assert!(conversations.weigh(first) && conversations.weigh(second));
        assert_eq!(conversations.kept_bytes, 2 * ONE + 10_000);
        // More than there is room for, and that one is not read any further; the other is. A
        // little is told with what comes after it.
        read(&mut conversations, first, 1);
        assert!(conversations.weigh(first));
        read(&mut conversations, first, ONE);
        assert!(!conversations.weigh(first));
        let reader = &conversations.get(first).unwrap().reader;
        assert!(reader.over && reader.protocol == Some(Protocol::Dicom));
        read(&mut conversations, second, ONE);
        assert!(conversations.weigh(second));
        assert_eq!(conversations.kept_bytes, 2 * ONE + 4_000);
        // What a conversation kept is free again when it ends.
        conversations.close(first);
        conversations.close(second);
        assert_eq!(conversations.kept_bytes, 0);
        let third = open(&mut conversations, 9_000);
        assert!(conversations.weigh(third));
    }

    #[test]
    fn one_reader_has_no_more_than_its_own() {
        let mut conversations = Conversations::new(8, usize::MAX);
        let number = open(&mut conversations, SESSION_BYTES_MAX - ONE);
        assert!(conversations.weigh(number));
        read(&mut conversations, number, SESSION_BYTES_MAX);
        assert!(!conversations.weigh(number));
    }
}
