//! What one worker owes to the aggregator: subjects, facts, edges, activity, each summed since
//! it was last handed over. A full ring loses time here, never truth. It decides nothing.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use medtap_rules::Matcher;
use medtap_table::vocabulary::{Counter, Event, Field};
use medtap_table::{EdgeFlags, SubjectFlags, Traffic, Volume, hour_of_week};

use super::claims::Claims;
use super::debts::Debts;
use super::fingerprints::Fingerprints;
use super::meanings::{Meaning, Meanings};
use super::memo::{Memo, Said};
use super::passages::{Again, Passage, Passages, Told};
use super::person::PersonFilter;
use super::sighting::{
    ActivitySighting, CountSighting, EdgeKey, EdgeSighting, FactSighting, SubjectSighting, Times,
    UnansweredKey, UnansweredSighting,
};
use super::sketch::Sketch;
use super::subject::{BindingKey, SubjectKey};
use super::text::{Value, ValueRef};
use super::texts::{Kept, Texts};
use crate::config::{
    LEDGER_ACTIVITIES_MAX, LEDGER_EDGES_MAX, LEDGER_FACTS_MAX, LEDGER_SUBJECTS_MAX,
    LEDGER_UNANSWERED_MAX,
};
use crate::counters::Counters;
use crate::observe::Fingerprint;

/// Nanoseconds of an hour: how finely the time of a place at a patient is known.
const HOUR_NS: u64 = 3_600_000_000_000;

/// The number of a fact in the ledger, valid until the ledger forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactId {
    generation: u32,
    id: u32,
}

#[derive(Clone, Copy, Debug)]
struct FactKey {
    subject: SubjectKey,
    field: Field,
    raw: Kept,
}

impl FactKey {
    /// True for the fact that these very bytes say.
    fn is(&self, texts: &Texts, said: Said<'_>, field: Field, raw: &[u8]) -> bool {
        self.field == field && texts.get(self.raw).is(raw) && self.subject.is(said)
    }
}

#[derive(Debug)]
struct FactDebt {
    meanings: Arc<[Meaning]>,
    confirmed: bool,
    times: Times,
    count: u64,
}

impl FactDebt {
    /// A value that was not said yet.
    fn new(meanings: Arc<[Meaning]>) -> Self {
        Self {
            meanings,
            confirmed: false,
            times: Times::NEVER,
            count: 0,
        }
    }

    /// It is said once more, or several times.
    fn say(&mut self, field: Field, said: &Again) {
        let hour = |time_ns| time_ns - time_ns % HOUR_NS;
        self.confirmed |= said.confirmed;
        self.times.merge(if field.is_at_patient() {
            Times {
                first_ns: hour(said.times.first_ns),
                last_ns: hour(said.times.last_ns),
            }
        } else {
            said.times
        });
        self.count += said.count;
    }
}

#[derive(Debug)]
struct SubjectDebt {
    flags: SubjectFlags,
    ttl_min: u8,
    ttl_max: u8,
    times: Times,
    claims: Claims,
    first_packet: u64,
    traffic: Traffic,
}

#[derive(Debug)]
struct EdgeDebt {
    flags: EdgeFlags,
    confidence: u8,
    times: Times,
    volume: Volume,
}

#[derive(Debug)]
struct UnansweredDebt {
    targets: Sketch,
    times: Times,
}

#[derive(Debug)]
struct ActivityDebt {
    count: u64,
    times: Times,
}

impl ActivityDebt {
    /// It happened once more, or several times.
    fn say(&mut self, said: &Again) {
        self.count += said.count;
        self.times.merge(said.times);
    }
}

/// What was seen of a subject, to be added.
#[derive(Clone, Copy, Debug, Default)]
pub struct SubjectNote {
    /// What was seen of it.
    pub flags: SubjectFlags,
    /// TTL of a packet that it sent to one receiver; 0 for none.
    pub ttl: u8,
    /// First and last time it sent; `None` if it did not.
    pub times: Option<Times>,
    /// When it said that its address is its own.
    pub claims: Claims,
    /// Number of a packet it sent.
    pub packet: u64,
    /// Its traffic.
    pub traffic: Traffic,
}

/// The debts of one worker.
#[derive(Debug)]
pub struct Ledger {
    subjects: Debts<SubjectKey, SubjectDebt>,
    facts: Debts<FactKey, FactDebt>,
    /// What those say.
    texts: Texts,
    /// Ends of which there is a fact: no more than facts.
    known: HashSet<BindingKey, RandomState>,
    /// The last of them: whoever speaks says several things.
    last_known: Option<BindingKey>,
    edges: Debts<EdgeKey, EdgeDebt>,
    activities: Debts<(SubjectKey, Event, u8), ActivityDebt>,
    unanswered: Debts<UnansweredKey, UnansweredDebt>,
    generation: u32,
    meanings: Meanings,
    fingerprints: Fingerprints,
    facts_memo: Memo,
    events_memo: Memo,
    passages: Passages,
    persons: PersonFilter,
}

/// Where debts go.
pub trait Outbox {
    /// True where so many facts more find room now.
    fn has_room(&self, facts: usize) -> bool;
    /// Takes a fact, for which there is room.
    fn fact(&mut self, fact: &FactSighting<'_>);
    /// Takes a count, or refuses it for now.
    fn count(&mut self, count: &CountSighting) -> bool;
}

impl Ledger {
    /// An empty ledger.
    pub fn new(persons: PersonFilter) -> Self {
        Self {
            subjects: Debts::reserved(LEDGER_SUBJECTS_MAX),
            facts: Debts::reserved(LEDGER_FACTS_MAX),
            texts: Texts::reserved(LEDGER_FACTS_MAX),
            known: HashSet::default(),
            last_known: None,
            edges: Debts::reserved(LEDGER_EDGES_MAX),
            activities: Debts::reserved(LEDGER_ACTIVITIES_MAX),
            unanswered: Debts::reserved(LEDGER_UNANSWERED_MAX),
            generation: 0,
            meanings: Meanings::default(),
            fingerprints: Fingerprints::default(),
            facts_memo: Memo::default(),
            events_memo: Memo::default(),
            passages: Passages::default(),
            persons,
        }
    }

    /// Bytes that a ledger takes at most: of a fact with four meanings, which few have.
    pub fn bytes() -> u64 {
        const MEANINGS: usize = 4;
        Debts::<SubjectKey, SubjectDebt>::bytes(LEDGER_SUBJECTS_MAX as u64)
            + Debts::<FactKey, FactDebt>::bytes(LEDGER_FACTS_MAX as u64)
            + Texts::bytes_max(LEDGER_FACTS_MAX as u64)
            + (LEDGER_FACTS_MAX * MEANINGS * size_of::<Meaning>()) as u64
            + (LEDGER_FACTS_MAX * 2 * (size_of::<BindingKey>() + 1)) as u64
            + Debts::<EdgeKey, EdgeDebt>::bytes(LEDGER_EDGES_MAX as u64)
            + Debts::<(SubjectKey, Event, u8), ActivityDebt>::bytes(LEDGER_ACTIVITIES_MAX as u64)
            + Debts::<UnansweredKey, UnansweredDebt>::bytes(LEDGER_UNANSWERED_MAX as u64)
            + 2 * Memo::BYTES
            + Meanings::BYTES_MAX
            + Fingerprints::BYTES_MAX
            + Passages::BYTES_MAX
    }

    /// True when it should be settled before more is added: one of its parts is nearly full.
    pub fn is_crowded(&self) -> bool {
        self.subjects.is_nearly_full()
            || self.facts.is_nearly_full()
            || self.edges.is_nearly_full()
            || self.activities.is_nearly_full()
            || self.unanswered.is_nearly_full()
    }

    /// True when nothing is owed.
    pub fn is_settled(&self) -> bool {
        self.subjects.is_settled()
            && self.facts.is_settled()
            && self.edges.is_settled()
            && self.activities.is_settled()
            && self.unanswered.is_settled()
            && self.passages.is_settled()
    }

    /// Sums that are not handed over yet.
    pub fn owed(&self) -> usize {
        self.subjects.owed().len()
            + self.facts.owed().len()
            + self.edges.owed().len()
            + self.activities.owed().len()
            + self.unanswered.owed().len()
    }

    /// Adds what was seen of the end of a flow, if that is a subject.
    pub fn end(&mut self, end: &BindingKey, note: &SubjectNote, counters: &mut Counters) {
        if end.is_subject() {
            self.subject(&SubjectKey::Binding(*end), note, counters);
        }
    }

    /// Adds what was seen of a subject.
    pub fn subject(&mut self, key: &SubjectKey, note: &SubjectNote, counters: &mut Counters) {
        let new = || SubjectDebt {
            flags: SubjectFlags::default(),
            ttl_min: u8::MAX,
            ttl_max: 0,
            times: Times::NEVER,
            claims: Claims::default(),
            first_packet: u64::MAX,
            traffic: Traffic::default(),
        };
        let Some(id) = self.subjects.id(key, new) else {
            counters.count(Counter::LedgerRefused);
            return;
        };
        let debt = self.subjects.owe(id);
        debt.flags.insert(note.flags);
        if note.ttl != 0 {
            debt.ttl_min = debt.ttl_min.min(note.ttl);
            debt.ttl_max = debt.ttl_max.max(note.ttl);
        }
        if let Some(times) = note.times {
            debt.times.merge(times);
            debt.first_packet = debt.first_packet.min(note.packet);
        }
        if !note.claims.is_empty() {
            debt.claims.merge(note.claims);
        }
        add(&mut debt.traffic, note.traffic);
    }

    /// Adds a fact, as it was sent. Rules are asked once for each new value; what was said before
    /// by the same bytes is only counted. Gives the fact where nobody confirmed it yet.
    pub fn fact(
        &mut self,
        said: Said<'_>,
        (field, raw): (Field, &[u8]),
        (time_ns, confirmed): (u64, bool),
        matcher: &Matcher,
        counters: &mut Counters,
    ) -> Option<FactId> {
        if let Some(rules) = field.heard_as() {
            return self.heard(
                said,
                (field, rules, raw),
                (time_ns, confirmed),
                matcher,
                counters,
            );
        }
        let hash = self.facts_memo.fact(said, field, raw);
        let known = self.facts_memo.get(hash);
        let same = |id: &u32| self.facts.key(*id).is(&self.texts, said, field, raw);
        let id = match known.filter(same) {
            Some(id) => id,
            None => {
                let id = self.new_fact(said, (field, raw, hash), matcher, counters)?;
                self.facts_memo.put(hash, id);
                id
            }
        };
        self.say(id, field, &Again::once(time_ns, confirmed))
    }

    /// A fact that is known is said once more. Gives it where nobody confirmed it yet.
    #[inline]
    fn say(&mut self, id: u32, field: Field, said: &Again) -> Option<FactId> {
        self.passages.note(Told::Fact(id));
        let debt = self.facts.owe(id);
        debt.say(field, said);
        let generation = self.generation;
        (!debt.confirmed).then_some(FactId { generation, id })
    }

    /// The fingerprint that follows from a basis; made where that was not done lately.
    pub fn fingerprint(
        &mut self,
        field: Field,
        basis: &[u8],
        make: fn(&[u8]) -> Fingerprint,
    ) -> Fingerprint {
        self.fingerprints.of(field, basis, make)
    }

    /// Adds what rules make of a value that is not kept: in its place stands what the first rule
    /// that knows it is called. Of a value that no rule knows, nothing.
    #[inline(never)]
    fn heard(
        &mut self,
        said: Said<'_>,
        (field, rules, raw): (Field, Field, &[u8]),
        at: (u64, bool),
        matcher: &Matcher,
        counters: &mut Counters,
    ) -> Option<FactId> {
        let (known_as, meanings) = self.meanings.heard(field, rules, raw, matcher)?;
        let subject = SubjectKey::new(said)?;
        let hash = self
            .facts_memo
            .fact(subject.said(), field, known_as.as_bytes());
        let known_as = known_as.view();
        let known = self.find_fact(hash, &subject, field, known_as);
        let id = known.or_else(|| self.add_fact(hash, subject, (field, known_as), meanings));
        let id = self.added(id, &subject, field, counters)?;
        self.say(id, field, &Again::once(at.0, at.1))
    }

    /// Counts all that a passage said when it was told, once more; false where it has to be told
    /// now, up to [`Self::end_passage`]. `told` gets the facts that nobody confirmed yet.
    pub fn again(
        &mut self,
        digest: u64,
        (sender, receiver): (BindingKey, BindingKey),
        at: (u64, bool),
        told: &mut dyn FnMut(FactId),
    ) -> bool {
        let generation = self.generation;
        let passage = Passage {
            digest,
            sender,
            receiver,
            hour: hour_of_week(at.0) as u8,
            generation,
        };
        if let Some(known) = self.passages.again(&passage, at) {
            if !at.1 {
                for one in known {
                    if let Told::Fact(id) = *one
                        && !self.facts.value(id).confirmed
                    {
                        told(FactId { generation, id });
                    }
                }
            }
            return true;
        }
        if self.passages.displaces(&passage) {
            self.settle_passages();
        }
        self.passages.begin(&passage);
        false
    }

    /// The passage that [`Self::again`] asked for is told.
    pub fn end_passage(&mut self) {
        self.passages.end();
    }

    /// Finds a fact or adds it. What stands for the bytes that say it (`hash`) stands for the
    /// fact, too, where nothing of them was repaired or replaced.
    #[inline(never)]
    fn new_fact(
        &mut self,
        said: Said<'_>,
        (field, raw, hash): (Field, &[u8], u64),
        matcher: &Matcher,
        counters: &mut Counters,
    ) -> Option<u32> {
        let subject = SubjectKey::new(said)?;
        let repaired;
        let text = match ValueRef::plain(raw) {
            Some(plain) => plain,
            None => {
                repaired = Value::from_wire(raw);
                repaired.view()
            }
        };
        let hidden = self.persons.hide(field, text);
        let text = hidden.as_ref().map_or(text, Value::view);
        if text.is_empty() {
            return None;
        }
        let hash = match text.is(raw) && subject.is(said) {
            true => hash,
            false => self.facts_memo.fact(subject.said(), field, text.as_bytes()),
        };
        let id = self.find_fact(hash, &subject, field, text).or_else(|| {
            let meanings = self.meanings.of(field, text, matcher);
            self.add_fact(hash, subject, (field, text), meanings)
        });
        self.added(id, &subject, field, counters)
    }

    /// A fact that is known.
    fn find_fact(
        &self,
        hash: u64,
        subject: &SubjectKey,
        field: Field,
        raw: ValueRef<'_>,
    ) -> Option<u32> {
        self.facts.find(hash, |known| {
            known.field == field && self.texts.get(known.raw) == raw && known.subject == *subject
        })
    }

    /// Adds a fact that is not known, if there is room.
    fn add_fact(
        &mut self,
        hash: u64,
        subject: SubjectKey,
        (field, raw): (Field, ValueRef<'_>),
        meanings: Arc<[Meaning]>,
    ) -> Option<u32> {
        if self.facts.is_full() {
            return None;
        }
        let raw = self.texts.keep(raw)?;
        let key = FactKey {
            subject,
            field,
            raw,
        };
        Some(self.facts.add(hash, key, FactDebt::new(meanings)))
    }

    /// Notes whom a fact is about, or that there was no room for it.
    fn added(
        &mut self,
        id: Option<u32>,
        subject: &SubjectKey,
        field: Field,
        counters: &mut Counters,
    ) -> Option<u32> {
        if id.is_none() {
            self.passages.refuse();
            counters.count(Counter::LedgerRefused);
        } else if let SubjectKey::Binding(end) = *subject
            && Some(end) != self.last_known
            && !is_of_openings(field)
            && field.heard_as().is_none()
        {
            // How its connections begin, and whom it looks up, is not what it says.
            self.known.insert(end);
            self.last_known = Some(end);
        }
        id
    }

    /// True when this end said something of itself, since the ledger last forgot.
    pub fn knows(&self, end: &BindingKey) -> bool {
        self.known.contains(end)
    }

    /// Both sides have now spoken the protocol in which this fact was said.
    pub fn confirm(&mut self, fact: FactId) {
        if fact.generation == self.generation {
            self.facts.owe(fact.id).confirmed = true;
        }
    }

    /// Adds to what two subjects exchanged.
    pub fn edge(&mut self, edge: &EdgeSighting, counters: &mut Counters) {
        let new = || EdgeDebt {
            flags: EdgeFlags::default(),
            confidence: 0,
            times: Times::NEVER,
            volume: Volume::default(),
        };
        let Some(id) = self.edges.id(&edge.key, new) else {
            counters.count(Counter::LedgerRefused);
            return;
        };
        let debt = self.edges.owe(id);
        debt.flags.insert(edge.flags);
        debt.confidence = debt.confidence.max(edge.confidence);
        debt.times.merge(edge.times);
        debt.volume += edge.volume;
    }

    /// Adds a connection that came to nothing; `target` stands for the address and port tried.
    pub fn unanswered(
        &mut self,
        orig: BindingKey,
        target: u32,
        time_ns: u64,
        counters: &mut Counters,
    ) {
        let hour = u32::try_from(time_ns / HOUR_NS).unwrap_or(u32::MAX);
        let new = || UnansweredDebt {
            targets: Sketch::default(),
            times: Times::NEVER,
        };
        let Some(id) = self.unanswered.id(&UnansweredKey { orig, hour }, new) else {
            counters.count(Counter::LedgerRefused);
            return;
        };
        let debt = self.unanswered.owe(id);
        debt.targets.merge(&Sketch::of(target));
        debt.times.merge(Times::at(time_ns));
    }

    /// Adds one event.
    pub fn event(&mut self, said: Said<'_>, event: Event, time_ns: u64, counters: &mut Counters) {
        let hour = hour_of_week(time_ns) as u8;
        let hash = self.events_memo.event(said, event, hour);
        let same = |id: &u32| {
            let (subject, known, of) = self.activities.key(*id);
            (*known, *of) == (event, hour) && subject.is(said)
        };
        let known = self.events_memo.get(hash).filter(same);
        let id = match known {
            Some(id) => id,
            None => {
                let Some(subject) = SubjectKey::new(said) else {
                    return;
                };
                let new = || ActivityDebt {
                    count: 0,
                    times: Times::NEVER,
                };
                let Some(id) = self.activities.id(&(subject, event, hour), new) else {
                    self.passages.refuse();
                    counters.count(Counter::LedgerRefused);
                    return;
                };
                self.events_memo.put(hash, id);
                id
            }
        };
        self.activities.owe(id).say(&Again::once(time_ns, false));
        self.passages.note(Told::Event(id));
    }

    /// Hands over what is owed; true when all of it was taken.
    pub fn settle(&mut self, outbox: &mut dyn Outbox) -> bool {
        self.settle_passages();
        self.settle_subjects(outbox)
            & self.settle_edges(outbox)
            & self.settle_activities(outbox)
            & self.settle_unanswered(outbox)
            & self.settle_facts(outbox)
    }

    /// Forgets what is settled, to make room. Nothing is lost: the aggregator knows it.
    pub fn forget(&mut self) {
        if self.is_settled() {
            self.subjects.clear();
            self.facts.clear();
            self.texts.clear();
            self.known.clear();
            self.last_known = None;
            self.edges.clear();
            self.activities.clear();
            self.unanswered.clear();
            self.facts_memo.clear();
            self.events_memo.clear();
            self.generation = self.generation.wrapping_add(1);
        }
    }

    /// Other rules hold: what is said from now on is judged by them.
    pub fn forget_meanings(&mut self) {
        self.meanings.clear();
    }

    /// Counts one by one what passages said again.
    fn settle_passages(&mut self) {
        let (facts, activities) = (&mut self.facts, &mut self.activities);
        self.passages.settle(|told, again| match told {
            Told::Fact(id) => {
                let field = facts.key(id).field;
                facts.owe(id).say(field, again);
            }
            Told::Event(id) => activities.owe(id).say(again),
        });
    }

    fn settle_subjects(&mut self, outbox: &mut dyn Outbox) -> bool {
        self.subjects.settle(|key, debt| {
            let taken = outbox.count(&CountSighting::Subject(SubjectSighting {
                key: *key,
                flags: debt.flags,
                ttl_min: debt.ttl_min,
                ttl_max: debt.ttl_max,
                times: debt.times,
                claims: debt.claims,
                first_packet: debt.first_packet,
                traffic: debt.traffic,
            }));
            if taken {
                debt.traffic = Traffic::default();
            }
            taken
        })
    }

    fn settle_edges(&mut self, outbox: &mut dyn Outbox) -> bool {
        self.edges.settle(|key, debt| {
            let taken = outbox.count(&CountSighting::Edge(EdgeSighting {
                key: *key,
                flags: debt.flags,
                confidence: debt.confidence,
                times: debt.times,
                volume: debt.volume,
            }));
            if taken {
                debt.volume = Volume::default();
            }
            taken
        })
    }

    fn settle_activities(&mut self, outbox: &mut dyn Outbox) -> bool {
        self.activities.settle(|&(key, event, hour), debt| {
            let taken = outbox.count(&CountSighting::Activity(ActivitySighting {
                key,
                event,
                hour,
                count: debt.count,
                times: debt.times,
            }));
            if taken {
                debt.count = 0;
            }
            taken
        })
    }

    fn settle_unanswered(&mut self, outbox: &mut dyn Outbox) -> bool {
        self.unanswered.settle(|key, debt| {
            outbox.count(&CountSighting::Unanswered(UnansweredSighting {
                key: *key,
                targets: debt.targets,
                times: debt.times,
            }))
        })
    }

    fn settle_facts(&mut self, outbox: &mut dyn Outbox) -> bool {
        let texts = &self.texts;
        self.facts.settle(|key, debt| {
            // All that a value means goes at once: counts and confirmation are one for all of it.
            if !outbox.has_room(debt.meanings.len()) {
                return false;
            }
            let raw = texts.get(key.raw);
            for meaning in debt.meanings.iter() {
                // What only one side ever said is worth half: nobody answered for it.
                let confidence = if debt.confirmed {
                    meaning.confidence
                } else {
                    meaning.confidence / 2
                };
                outbox.fact(&FactSighting {
                    key: &key.subject,
                    field: key.field,
                    attribute: meaning.attribute,
                    rule: meaning.rule,
                    confidence,
                    times: debt.times,
                    count: debt.count,
                    raw,
                    value: meaning.value.view(),
                });
            }
            debt.count = 0;
            true
        })
    }
}

/// Adds what was sent and received.
pub(crate) fn add(sum: &mut Traffic, more: Traffic) {
    sum.packets_sent += more.packets_sent;
    sum.packets_received += more.packets_received;
    sum.bytes_sent += more.bytes_sent;
    sum.bytes_received += more.bytes_received;
}

/// True for what the openings of a host's connections show.
const fn is_of_openings(field: Field) -> bool {
    matches!(
        field,
        Field::TcpSyn
            | Field::TcpSynAck
            | Field::IpDistance
            | Field::TcpSynIpId
            | Field::TcpSynAckIpId
            | Field::TcpSynClock
            | Field::TcpSynAckClock
    )
}

#[cfg(test)]
mod tests;
