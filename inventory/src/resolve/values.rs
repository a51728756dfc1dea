//! Which value of an attribute wins, how sure it is, and what speaks against it. It weighs what
//! was read of one device; which facts are that device's is decided elsewhere.

use std::cmp::Reverse;

use medtap_table::Fact;
use medtap_table::vocabulary::{Attribute, Field};

use super::Extent;
use super::text::{is_family, is_of_family, normal, same_company};
use crate::model::{AttributeValue, Conflict, Provenance, Time};

/// What several sources together cannot exceed: no agreement makes certain.
const CONFIDENCE_MAX: f64 = 99.0;

/// How far confidences that do not depend on each other carry together: the chance that not all
/// of them are wrong, at most 99 unless one alone is surer.
pub fn together(confidences: impl IntoIterator<Item = u8>) -> u8 {
    let (mut wrong, mut most) = (1.0, 0);
    for confidence in confidences {
        let confidence = confidence.min(100);
        wrong *= 1.0 - f64::from(confidence) / 100.0;
        most = most.max(confidence);
    }
    let sum = (100.0 * (1.0 - wrong)).round().min(CONFIDENCE_MAX);
    most.max(sum as u8)
}

/// Where a value was read, with its confidence.
pub struct Reading<'a> {
    /// The value.
    pub value: &'a str,
    /// Where.
    pub field: Field,
    /// The rule that gave the value, 0 none.
    pub rule: u32,
    /// As it was sent.
    pub raw: &'a str,
    /// 0–100.
    pub confidence: u8,
    /// First and last seen.
    pub times: (u64, u64),
    /// How often.
    pub count: u64,
}

impl<'a> From<&'a Fact<'a>> for Reading<'a> {
    fn from(fact: &'a Fact<'a>) -> Self {
        Self {
            value: &fact.value,
            field: fact.field,
            rule: fact.rule,
            raw: &fact.raw,
            confidence: fact.confidence,
            times: (fact.first_seen_ns, fact.last_seen_ns),
            count: fact.count,
        }
    }
}

/// A value with all that says it.
struct Candidate<'a> {
    /// What all of them have in common.
    key: String,
    readings: Vec<Reading<'a>>,
}

/// What decides between candidates, in this order.
type Rank<'a> = (u8, u64, u64, Reverse<&'a str>);

impl<'a> Candidate<'a> {
    /// Fields of one protocol are not independent of each other: one voice each.
    fn confidence(&self) -> u8 {
        if let [only] = self.readings.as_slice() {
            return together([only.confidence]);
        }
        let voice = |reading: &Reading<'_>| {
            let name = reading.field.name();
            let protocol = name.split_once('.').map_or(name, |(protocol, _)| protocol);
            (protocol, Reverse(reading.confidence))
        };
        let mut voices: Vec<(&str, Reverse<u8>)> = self.readings.iter().map(voice).collect();
        voices.sort_unstable();
        voices.dedup_by_key(|(protocol, _)| *protocol);
        together(voices.into_iter().map(|(_, Reverse(surest))| surest))
    }

    /// The value as its surest source spells it.
    fn value(&self) -> &'a str {
        let best = self
            .readings
            .iter()
            .max_by_key(|reading| (reading.confidence, reading.count, Reverse(reading.value)));
        best.map_or("", |reading| reading.value)
    }

    fn rank(&self) -> Rank<'a> {
        let count = self.readings.iter().map(|reading| reading.count);
        let last = self.readings.iter().map(|reading| reading.times.1).max();
        let count = count.fold(0, u64::saturating_add);
        (
            self.confidence(),
            count,
            last.unwrap_or(0),
            Reverse(self.value()),
        )
    }

    /// One entry for each field, raw text and rule, the surest first.
    fn sources(&self) -> Vec<Provenance> {
        if let [only] = self.readings.as_slice() {
            let source = merged(&[only]).map(|(_, source)| source);
            return source.into_iter().collect();
        }
        let key = |reading: &Reading<'a>| (reading.field.name(), reading.raw, reading.rule);
        let mut readings: Vec<&Reading<'a>> = self.readings.iter().collect();
        readings.sort_by_key(|reading| key(reading));
        let same = readings.chunk_by(|a, b| key(a) == key(b));
        let mut sources: Vec<(u8, Provenance)> = same.filter_map(merged).collect();
        sources.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        sources.into_iter().map(|(_, source)| source).collect()
    }
}

/// Readings of one field, raw text and rule as one source, with how sure the surest is.
fn merged(same: &[&Reading<'_>]) -> Option<(u8, Provenance)> {
    let (first, rest) = same.split_first()?;
    let mut confidence = first.confidence;
    let mut source = Provenance {
        field: first.field.name(),
        raw: first.raw.to_owned(),
        rule: first.rule,
        first_seen: Time(first.times.0),
        last_seen: Time(first.times.1),
        count: first.count,
    };
    for reading in rest {
        confidence = confidence.max(reading.confidence);
        source.first_seen = source.first_seen.min(Time(reading.times.0));
        source.last_seen = source.last_seen.max(Time(reading.times.1));
        source.count = source.count.saturating_add(reading.count);
    }
    Some((confidence, source))
}

/// Adds a reading to the candidates, which are in the order of their keys.
fn add<'a>(candidates: &mut Vec<Candidate<'a>>, key: String, reading: Reading<'a>) {
    match candidates.binary_search_by(|known| known.key.cmp(&key)) {
        Ok(at) => {
            if let Some(known) = candidates.get_mut(at) {
                known.readings.push(reading);
            }
        }
        Err(at) => {
            let readings = vec![reading];
            candidates.insert(at, Candidate { key, readings });
        }
    }
}

/// The value of one attribute, with what contradicts it.
pub fn decide<'a>(
    attribute: Attribute,
    readings: impl IntoIterator<Item = Reading<'a>>,
    hints: impl IntoIterator<Item = Reading<'a>>,
    extent: Extent,
) -> Option<AttributeValue> {
    let mut keyed = Vec::new();
    let mut families = Vec::new();
    for reading in readings {
        let key = normal(attribute, reading.value);
        if is_family(attribute, &key) {
            families.push((key, reading));
        } else if !key.is_empty() {
            keyed.push((key, reading));
        }
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut candidates: Vec<Candidate<'a>> = Vec::with_capacity(1);
    for (key, reading) in keyed {
        match candidates.last_mut().filter(|last| last.key == key) {
            Some(known) => known.readings.push(reading),
            None => candidates.push(Candidate {
                key,
                readings: vec![reading],
            }),
        }
    }
    for (key, family) in families {
        let members = candidates
            .iter_mut()
            .filter(|known| is_of_family(&known.key, &key));
        let member = members.max_by(|a, b| a.rank().cmp(&b.rank()));
        match member {
            // That it is one of the family says nothing of which.
            Some(known) => known.readings.push(Reading {
                confidence: 0,
                ..family
            }),
            None => add(&mut candidates, key, family),
        }
    }
    for hint in hints {
        let same = candidates
            .iter_mut()
            .filter(|known| same_company(known.value(), hint.value))
            .max_by(|a, b| a.rank().cmp(&b.rank()));
        match same {
            Some(known) => known.readings.push(hint),
            None => add(&mut candidates, normal(attribute, hint.value), hint),
        }
    }
    candidates.sort_by_cached_key(|candidate| Reverse(candidate.rank()));
    let mut ranked = candidates.into_iter();
    let winner = ranked.next()?;
    if extent == Extent::Listed {
        return Some(AttributeValue {
            value: winner.value().to_owned(),
            confidence: winner.confidence(),
            sources: Vec::new(),
            conflicts: Vec::new(),
        });
    }
    let conflict = |candidate: Candidate<'_>| Conflict {
        value: candidate.value().to_owned(),
        confidence: candidate.confidence(),
        sources: candidate.sources(),
    };
    Some(AttributeValue {
        value: winner.value().to_owned(),
        confidence: winner.confidence(),
        sources: winner.sources(),
        conflicts: ranked.map(conflict).collect(),
    })
}
