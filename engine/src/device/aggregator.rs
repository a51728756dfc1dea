//! The sole owner of the table: it merges what the workers say and writes it down. Every merge is
//! commutative, so that the number of workers and the order of their words change nothing. It
//! resolves no identity and weighs no fact.

mod rivals;
mod seed;
mod unanswered;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use medtap_table::layout::HOURS_OF_WEEK;
use medtap_table::vocabulary::{Attribute, Counter, Event, Field, Protocol};
use medtap_table::{
    Activity, ActivityId, Capacity, Edge, EdgeFlags, EdgeId, Fact, FactId, FactTimes, Subject,
    SubjectFlags, SubjectId, SubjectKind, TableWriter, Text, Traffic, Volume,
};

use self::rivals::Rivals;
use self::unanswered::Unanswered;
use super::claims::Claims;
use super::debts::Debts;
use super::ledger::add;
use super::sighting::{
    ActivitySighting, CountSighting, EdgeSighting, FactSighting, SubjectSighting, Times,
};
use super::subject::{BindingKey, SubjectKey};
use super::text::ValueRef;
use super::texts::{Kept, Texts};
use crate::config::SUBJECTS_PER_PROBATION;
use crate::counters::Counters;

/// Signs that a subject is really there: proof on the link, or somebody who answered.
fn confirms(flags: SubjectFlags) -> bool {
    flags.on_link() || flags.contains(SubjectFlags::TWO_WAY)
}

#[derive(Debug)]
struct SubjectState {
    flags: SubjectFlags,
    ttl_min: u8,
    ttl_max: u8,
    times: Times,
    claims: Claims,
    first_packet: u64,
    traffic: Traffic,
    slot: Option<SubjectId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct FactKey {
    subject: u32,
    field: Field,
    attribute: Attribute,
    rule: u32,
    raw: u32,
    value: u32,
}

#[derive(Debug)]
struct FactState {
    confidence: u8,
    times: Times,
    count: u64,
    slot: Option<FactId>,
}

/// An edge between two subjects that are known, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct EdgeKey {
    orig: u32,
    /// [`NOBODY`] where the other end is no device.
    resp: u32,
    protocol: Option<Protocol>,
    transport: u8,
    port: u16,
}

/// A fact's raw text and its value.
const TEXTS_OF_FACT: usize = 2;

/// The number of no subject.
const NOBODY: u32 = u32::MAX;

#[derive(Debug)]
struct EdgeState {
    flags: EdgeFlags,
    confidence: u8,
    times: Times,
    volume: Volume,
    slot: Option<EdgeId>,
}

impl EdgeState {
    /// Of which nothing was seen yet.
    fn new() -> Self {
        Self {
            flags: EdgeFlags::default(),
            confidence: 0,
            times: Times::NEVER,
            volume: Volume::default(),
            slot: None,
        }
    }
}

#[derive(Debug)]
struct ActivityState {
    bins: Box<[u32; HOURS_OF_WEEK]>,
    total: u64,
    times: Times,
    slot: Option<ActivityId>,
}

impl ActivityState {
    /// Of which nothing was seen yet.
    fn new() -> Self {
        Self {
            bins: Box::new([0; HOURS_OF_WEEK]),
            total: 0,
            times: Times::NEVER,
            slot: None,
        }
    }
}

/// Merges sightings and writes the table.
pub struct Aggregator {
    writer: TableWriter,
    subjects: Debts<SubjectKey, SubjectState>,
    /// Whom the last fact was about: several in a row are about one.
    last_subject: Option<(SubjectKey, u32)>,
    facts: Debts<FactKey, FactState>,
    /// Texts of facts, each with its place among those that are being published.
    texts: Debts<Kept, u32>,
    /// What those are.
    kept: Texts,
    edges: Debts<EdgeKey, EdgeState>,
    activities: Debts<(u32, Event), ActivityState>,
    /// Subjects without any sign that they are really there.
    probation: usize,
    /// How many of those there may be.
    probation_max: usize,
    /// Who claims each address.
    rivals: Rivals,
    /// Whose connections came to nothing.
    unanswered: Unanswered,
    counters: Counters,
}

impl Aggregator {
    /// The owner of this table. It knows as much as the table has places for.
    pub fn new(writer: TableWriter) -> Self {
        let room = writer.capacity();
        let places = |number: u32| number as usize;
        Self {
            writer,
            subjects: Debts::new(places(room.subjects)),
            last_subject: None,
            facts: Debts::new(places(room.facts)),
            texts: Debts::new(places(room.facts) * TEXTS_OF_FACT),
            kept: Texts::default(),
            edges: Debts::new(places(room.edges)),
            activities: Debts::new(places(room.activities)),
            probation: 0,
            probation_max: places(room.subjects / SUBJECTS_PER_PROBATION),
            rivals: Rivals::default(),
            unanswered: Unanswered::default(),
            counters: Counters::default(),
        }
    }

    /// Bytes of memory that it takes beside a full table with this room.
    pub fn bytes_max(room: &Capacity) -> u64 {
        let bins = size_of::<[u32; HOURS_OF_WEEK]>() as u64;
        let facts = u64::from(room.facts);
        Debts::<SubjectKey, SubjectState>::bytes(room.subjects.into())
            + Debts::<FactKey, FactState>::bytes(facts)
            + Debts::<Kept, u32>::bytes(facts * TEXTS_OF_FACT as u64)
            + Texts::bytes_max(facts * TEXTS_OF_FACT as u64)
            // While facts are published: their texts in order, and the facts being put in order.
            + facts * TEXTS_OF_FACT as u64 * size_of::<(&str, bool)>() as u64
            + Debts::<FactKey, FactState>::sort_bytes(facts)
            + Debts::<EdgeKey, EdgeState>::bytes(room.edges.into())
            + Debts::<(u32, Event), ActivityState>::bytes(room.activities.into())
            + bins * u64::from(room.activities)
            + Rivals::bytes(room.subjects.into())
            + Unanswered::BYTES_MAX
    }

    /// What it refused.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The table.
    pub fn writer_mut(&mut self) -> &mut TableWriter {
        &mut self.writer
    }

    /// The table, when all is said.
    pub fn into_writer(self) -> TableWriter {
        self.writer
    }

    /// Takes a count.
    pub fn count(&mut self, count: &CountSighting) {
        match count {
            CountSighting::Subject(subject) => self.subject(subject),
            CountSighting::Edge(edge) => self.edge(edge),
            CountSighting::Activity(activity) => self.activity(activity),
            CountSighting::Unanswered(tried) => {
                let refused = self.unanswered.add(tried);
                self.counters.add(Counter::UnansweredRefused, refused);
            }
        }
    }

    /// Finds a subject or adds it. One that nothing confirms takes a place of the probation, so
    /// that a flood of made-up addresses costs no real device its own.
    fn subject_id(&mut self, key: &SubjectKey, confirmed: bool) -> Option<u32> {
        let before = self.subjects.len();
        let new = || SubjectState {
            flags: SubjectFlags::default(),
            ttl_min: u8::MAX,
            ttl_max: 0,
            times: Times::NEVER,
            claims: Claims::default(),
            first_packet: u64::MAX,
            traffic: Traffic::default(),
            slot: None,
        };
        let full = self.probation >= self.probation_max;
        if !confirmed && full && self.subjects.get(key).is_none() {
            self.counters.count(Counter::ProbationRefused);
            return None;
        }
        let Some(id) = self.subjects.id(key, new) else {
            self.counters.count(Counter::SubjectsRefused);
            return None;
        };
        if self.subjects.len() > before && !confirmed {
            self.probation += 1;
        }
        Some(id)
    }

    fn subject(&mut self, seen: &SubjectSighting) {
        let reported = matches!(seen.key, SubjectKey::Reported(..));
        let confirmed = confirms(seen.flags) || reported;
        let Some(id) = self.subject_id(&seen.key, confirmed) else {
            return;
        };
        let state = self.subjects.owe(id);
        if confirms(seen.flags) && !confirms(state.flags) && state.times != Times::NEVER {
            self.probation = self.probation.saturating_sub(1);
        }
        state.flags.insert(seen.flags);
        state.ttl_min = state.ttl_min.min(seen.ttl_min);
        state.ttl_max = state.ttl_max.max(seen.ttl_max);
        state.times.merge(seen.times);
        state.first_packet = state.first_packet.min(seen.first_packet);
        add(&mut state.traffic, seen.traffic);
        if !seen.claims.is_empty()
            && let SubjectKey::Binding(binding) = seen.key
        {
            state.claims.merge(seen.claims);
            if !self.rivals.note(&binding, id) {
                self.counters.count(Counter::ClaimantsRefused);
            }
        }
    }

    /// Takes a fact.
    pub fn fact(&mut self, fact: &FactSighting<'_>) {
        let last = self.last_subject.filter(|(key, _)| key == fact.key);
        let known = last.map(|(_, id)| id);
        let Some(subject) = known.or_else(|| self.subject_id(fact.key, true)) else {
            return;
        };
        self.last_subject = Some((*fact.key, subject));
        let state = self.subjects.owe(subject);
        // A time that is known to the hour alone is no sight of the device.
        if matches!(fact.key, SubjectKey::Reported(..)) && !fact.field.is_at_patient() {
            // Nobody sends for a device that is only spoken of: it was seen when it was named.
            state.times.merge(fact.times);
        }
        let raw = self.text_id(fact.raw);
        // What is no rule's word is said as it is meant.
        let value = match fact.value == fact.raw {
            true => raw,
            false => self.text_id(fact.value),
        };
        let (Some(raw), Some(value)) = (raw, value) else {
            self.counters.count(Counter::FactsRefused);
            return;
        };
        let FactSighting {
            field,
            attribute,
            rule,
            ..
        } = *fact;
        let key = FactKey {
            subject,
            field,
            attribute,
            rule,
            raw,
            value,
        };
        let new = || FactState {
            confidence: 0,
            times: Times::NEVER,
            count: 0,
            slot: None,
        };
        let Some(id) = self.facts.id(&key, new) else {
            self.counters.count(Counter::FactsRefused);
            return;
        };
        let state = self.facts.owe(id);
        state.confidence = state.confidence.max(fact.confidence);
        state.times.merge(fact.times);
        state.count += fact.count;
    }

    /// The number of a text, which is kept if it is new and there is room.
    fn text_id(&mut self, text: ValueRef<'_>) -> Option<u32> {
        let hash = self.texts.hash(&text);
        let known = self.texts.find(hash, |kept| self.kept.get(*kept) == text);
        if known.is_some() || self.texts.is_full() {
            return known;
        }
        let kept = self.kept.keep(text)?;
        Some(self.texts.add(hash, kept, 0))
    }

    fn edge(&mut self, seen: &EdgeSighting) {
        // A worker tells of both ends before it tells of the edge: one that is not known here
        // was refused.
        let known = |key: &BindingKey| self.subjects.get(&SubjectKey::Binding(*key));
        let orig = known(&seen.key.orig);
        let resp = seen.key.resp.as_ref().map_or(Some(NOBODY), known);
        let (Some(orig), Some(resp)) = (orig, resp) else {
            self.counters.count(Counter::EdgesRefused);
            return;
        };
        let key = EdgeKey {
            orig,
            resp,
            protocol: seen.key.protocol,
            transport: seen.key.transport,
            port: seen.key.port,
        };
        let Some(id) = self.edges.id(&key, EdgeState::new) else {
            self.counters.count(Counter::EdgesRefused);
            return;
        };
        let state = self.edges.owe(id);
        state.flags.insert(seen.flags);
        state.confidence = state.confidence.max(seen.confidence);
        state.times.merge(seen.times);
        state.volume += seen.volume;
    }

    fn activity(&mut self, seen: &ActivitySighting) {
        let Some(subject) = self.subject_id(&seen.key, true) else {
            return;
        };
        let state = self.subjects.owe(subject);
        if let SubjectKey::Reported(..) = seen.key {
            state.times.merge(seen.times);
        }
        let Some(id) = self
            .activities
            .id(&(subject, seen.event), ActivityState::new)
        else {
            self.counters.count(Counter::ActivityRefused);
            return;
        };
        let state = self.activities.owe(id);
        if let Some(bin) = state.bins.get_mut(usize::from(seen.hour)) {
            *bin = bin.saturating_add(u32::try_from(seen.count).unwrap_or(u32::MAX));
        }
        state.total += seen.count;
        state.times.merge(seen.times);
    }

    /// Writes down what changed. New records come in the order of their keys, so that a table
    /// that is written once is the same for the same input.
    pub fn publish(&mut self) {
        self.tell_rivals();
        self.tell_unanswered();
        self.publish_subjects();
        self.publish_facts();
        self.publish_edges();
        self.publish_activities();
    }

    fn publish_subjects(&mut self) {
        // A reported device refers to its reporter, which therefore comes first.
        for id in self.subjects.owed().to_vec() {
            if let SubjectKey::Reported(reporter, _) = *self.subjects.key(id)
                && let Some(id) = self.subject_id(&SubjectKey::Binding(reporter), true)
            {
                self.subjects.owe(id);
            }
        }
        // Bindings before reported devices, confirmed ones before those on probation.
        let kind = |key: &SubjectKey, state: &SubjectState| {
            let reported = matches!(key, SubjectKey::Reported(..));
            u32::from(reported) << 1 | u32::from(!confirms(state.flags))
        };
        self.subjects.sort_owed(kind, |key, _| key.order());
        for id in self.subjects.owed().to_vec() {
            self.publish_subject(id);
        }
        self.subjects.settle(|_, _| true);
    }

    fn publish_subject(&mut self, id: u32) {
        let key = *self.subjects.key(id);
        let reporter = match key {
            SubjectKey::Binding(_) => None,
            SubjectKey::Reported(reporter, _) => {
                let reporter = self.subjects.get(&SubjectKey::Binding(reporter));
                let slot = reporter.and_then(|id| self.subjects.value(id).slot);
                if slot.is_none() {
                    self.counters.count(Counter::SubjectsRefused);
                    return;
                }
                slot
            }
        };
        let state = self.subjects.value_mut(id);
        let subject = subject(&key, reporter, state);
        match state.slot {
            Some(slot) => self.writer.set_subject(slot, &subject),
            // What the table refuses, the table counts.
            None => state.slot = self.writer.add_subject(&subject).ok(),
        }
        if let Some(slot) = state.slot {
            self.writer
                .add_traffic(slot, std::mem::take(&mut state.traffic));
        }
    }

    fn publish_facts(&mut self) {
        let said = rank_texts(&self.facts, &mut self.texts, &self.kept);
        let (subjects, texts) = (&self.subjects, &self.texts);
        let of_subject = |key: &FactKey, _: &FactState| place(subjects.value(key.subject).slot);
        self.facts.sort_owed(of_subject, |key, _| {
            // Numbers, since a comparison part by part is a call.
            let kind = u64::from(key.field.number()) << 48
                | u64::from(key.attribute.number()) << 32
                | u64::from(key.rule);
            let rank = |text| u64::from(*texts.value(text));
            (kind, rank(key.raw) << 32 | rank(key.value))
        });
        let (writer, counters) = (&mut self.writer, &mut self.counters);
        self.facts.settle(|key, state| {
            let Some(subject) = subjects.value(key.subject).slot else {
                counters.count(Counter::FactsRefused);
                return true;
            };
            let times = FactTimes {
                first_seen_ns: state.times.first_ns,
                last_seen_ns: state.times.last_ns,
                count: state.count,
                confidence: state.confidence,
            };
            match state.slot {
                Some(slot) => writer.set_fact_times(slot, times),
                None => {
                    let text = |id| said.get(*texts.value(id) as usize).copied();
                    let (raw, raw_cut) = text(key.raw).unwrap_or_default();
                    let (value, value_cut) = text(key.value).unwrap_or_default();
                    let fact = Fact {
                        subject,
                        field: key.field,
                        attribute: key.attribute,
                        rule: key.rule,
                        confidence: times.confidence,
                        first_seen_ns: times.first_seen_ns,
                        last_seen_ns: times.last_seen_ns,
                        count: times.count,
                        raw_cut,
                        value_cut,
                        raw: raw.into(),
                        value: value.into(),
                    };
                    state.slot = writer.add_fact(&fact).ok();
                }
            }
            true
        });
    }

    fn publish_edges(&mut self) {
        let subjects = &self.subjects;
        // Numbers are given in the order in which subjects came; slots in the order of their keys.
        let slot = |id: u32| {
            if id == NOBODY {
                None
            } else {
                subjects.value(id).slot
            }
        };
        let of_orig = |key: &EdgeKey, _: &EdgeState| place(slot(key.orig));
        self.edges.sort_owed(of_orig, |key, _| {
            let protocol = key.protocol.map_or(0, Protocol::number);
            u128::from(place(slot(key.resp))) << 48
                | u128::from(protocol) << 32
                | u128::from(key.transport) << 16
                | u128::from(key.port)
        });
        let (writer, counters) = (&mut self.writer, &mut self.counters);
        self.edges.settle(|key, state| {
            let resp = slot(key.resp);
            let (Some(orig), true) = (slot(key.orig), resp.is_some() || key.resp == NOBODY) else {
                counters.count(Counter::EdgesRefused);
                return true;
            };
            let edge = Edge {
                orig,
                resp,
                protocol: key.protocol,
                port: key.port,
                transport: key.transport,
                flags: state.flags,
                confidence: state.confidence,
                first_seen_ns: state.times.first_ns,
                last_seen_ns: state.times.last_ns,
            };
            match state.slot {
                Some(slot) => writer.set_edge(slot, &edge),
                None => state.slot = writer.add_edge(&edge).ok(),
            }
            if let Some(slot) = state.slot {
                writer.add_volume(slot, std::mem::take(&mut state.volume));
            }
            true
        });
    }

    fn publish_activities(&mut self) {
        let subjects = &self.subjects;
        let of_subject = |key: &(u32, Event), _: &ActivityState| place(subjects.value(key.0).slot);
        self.activities.sort_owed(of_subject, |key, _| key.1);
        let (writer, counters) = (&mut self.writer, &mut self.counters);
        self.activities.settle(|&(subject, event), state| {
            let Some(subject) = subjects.value(subject).slot else {
                counters.count(Counter::ActivityRefused);
                return true;
            };
            let activity = Activity {
                subject,
                event,
                total: state.total,
                first_seen_ns: state.times.first_ns,
                last_seen_ns: state.times.last_ns,
                bins: *state.bins,
            };
            match state.slot {
                Some(slot) => writer.set_activity(slot, &activity),
                None => state.slot = writer.add_activity(&activity).ok(),
            }
            true
        });
    }
}

/// Numbers the texts of the facts that are owed, in their order: a text that many say is compared
/// once. Gives each by its number, and whether the sender's was longer.
fn rank_texts<'a>(
    facts: &Debts<FactKey, FactState>,
    texts: &mut Debts<Kept, u32>,
    kept: &'a Texts,
) -> Vec<(&'a str, bool)> {
    for id in facts.owed() {
        let key = facts.key(*id);
        texts.owe(key.raw);
        texts.owe(key.value);
    }
    let beginning = |text: &Kept, _: &u32| {
        let mut first = [0; 4];
        for (to, from) in first.iter_mut().zip(kept.as_bytes(*text)) {
            *to = *from;
        }
        u32::from_be_bytes(first)
    };
    texts.sort_owed(beginning, |text, _| kept.get(*text));
    let mut said = Vec::with_capacity(texts.owed().len());
    texts.settle(|text, rank| {
        let text = kept.get(*text);
        *rank = said.len() as u32;
        said.push((text.as_str(), text.is_cut()));
        true
    });
    said
}

/// A number in the order of slots; that of no slot comes first.
fn place(slot: Option<SubjectId>) -> u32 {
    slot.map_or(0, |slot| slot.0.saturating_add(1))
}

fn subject(key: &SubjectKey, reporter: Option<SubjectId>, state: &SubjectState) -> Subject {
    let (binding, identifier) = match key {
        SubjectKey::Binding(binding) => (*binding, Text::EMPTY),
        // A reported device has no address: the one in its key is the reporter's.
        SubjectKey::Reported(_, identifier) => {
            (BindingKey::default(), Text::cut(identifier.as_str()))
        }
    };
    let [.., a, b, c, d] = binding.address;
    let address: Option<IpAddr> = match binding.version {
        4 => Some(Ipv4Addr::new(a, b, c, d).into()),
        6 => Some(Ipv6Addr::from(binding.address).into()),
        _ => None,
    };
    let never = state.times == Times::NEVER;
    Subject {
        kind: if reporter.is_some() {
            SubjectKind::Reported
        } else {
            SubjectKind::Binding
        },
        flags: state.flags,
        scope: binding.scope,
        vlan: binding.vlan,
        mac: binding.mac,
        address,
        ttl_min: if state.ttl_max == 0 { 0 } else { state.ttl_min },
        ttl_max: state.ttl_max,
        reporter,
        identifier,
        first_seen_ns: if never { 0 } else { state.times.first_ns },
        last_seen_ns: state.times.last_ns,
        first_packet: state.first_packet,
    }
}
