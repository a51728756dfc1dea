//! Which weaknesses were seen of a device, each with what showed it. It concludes nothing from
//! time or history, and weighs nothing: weights are the risk model's.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::Fact;
use medtap_table::vocabulary::{Attribute, FindingId};

use super::values::together;
use crate::model::Finding;

/// Values that are quoted as evidence of one finding, at most.
const EVIDENCE_MAX: usize = 3;

/// The findings that rules made of what was read of a device, by name.
pub fn of(facts: &[&Fact<'static>]) -> Vec<Finding> {
    let mut shown: BTreeMap<&'static str, Shown<'_>> = BTreeMap::new();
    for &fact in facts {
        let known = || FindingId::from_name(&fact.value);
        if fact.attribute == Attribute::Finding
            && let Some(id) = known()
        {
            let shown = shown.entry(id.name()).or_insert_with(|| Shown::new(id));
            shown.add(fact);
        }
    }
    shown.into_values().map(Shown::finding).collect()
}

/// A finding, and what shows it.
struct Shown<'a> {
    id: FindingId,
    /// How sure each field is: a field that says it twice says it once.
    fields: BTreeMap<&'static str, u8>,
    /// Field and raw value.
    evidence: BTreeSet<(&'static str, &'a str)>,
    times: (u64, u64),
}

impl<'a> Shown<'a> {
    fn new(id: FindingId) -> Self {
        Self {
            id,
            fields: BTreeMap::new(),
            evidence: BTreeSet::new(),
            times: (u64::MAX, 0),
        }
    }

    fn add(&mut self, fact: &'a Fact<'static>) {
        let field = fact.field.name();
        let surest = self.fields.entry(field).or_default();
        *surest = (*surest).max(fact.confidence);
        self.evidence.insert((field, &fact.raw));
        let (first, last) = self.times;
        self.times = (first.min(fact.first_seen_ns), last.max(fact.last_seen_ns));
    }

    fn finding(self) -> Finding {
        let more = self.evidence.len().saturating_sub(EVIDENCE_MAX);
        let mut evidence: Vec<String> = self
            .evidence
            .iter()
            .take(EVIDENCE_MAX)
            .map(|(field, raw)| format!("{field} = {raw}"))
            .collect();
        if more > 0 {
            evidence.push(format!("and {more} more"));
        }
        Finding {
            id: self.id.name().to_owned(),
            title: self.id.title().to_owned(),
            confidence: together(self.fields.into_values()),
            weight: None,
            evidence: evidence.join(", "),
            first_seen: Some(crate::model::Time(self.times.0)),
            last_seen: Some(crate::model::Time(self.times.1)),
        }
    }
}
