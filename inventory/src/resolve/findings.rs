//! Which weaknesses were seen of a device, or follow from a date, each with what showed it. It
//! looks at no clock but the inventory's own time, and weighs nothing: that is the risk model's.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::Fact;
use medtap_table::vocabulary::{Attribute, Field, FindingId};

use super::values::together;
use crate::clock;
use crate::model::{Finding, Time};

/// Values that are quoted as evidence of one finding, at most.
const EVIDENCE_MAX: usize = 3;

/// How sure it is that senders of two makes are two machines.
const SHARED_CONFIDENCE: u8 = 70;

/// What shows that.
const SHARED_EVIDENCE: &str = "by their TTLs, packets come from one address that several machines \
                               made, or that a router passed on";

/// The findings that rules made of what was read of a device, and those that follow from a date
/// that has passed, by name. `shared`: while several machines were seen to send from one address
/// of it; `together`: those that took other devices to see.
pub fn of(
    facts: &[&Fact<'_>],
    (shared, together): (Option<(u64, u64)>, &[Finding]),
    as_of: Option<Time>,
) -> Vec<Finding> {
    let mut shown: BTreeMap<FindingId, Shown<'_>> = BTreeMap::new();
    let mut show = |id: FindingId, fact| shown.entry(id).or_default().add(fact);
    for &fact in facts {
        if fact.attribute == Attribute::Finding
            && let Some(id) = FindingId::from_name(&fact.value)
        {
            show(id, fact);
        }
    }
    for fact in wrong_clock(facts) {
        show(FindingId::ClockOffset, fact);
    }
    if let Some(as_of) = as_of {
        unsupported(facts, as_of).for_each(|fact| show(FindingId::EndOfSupport, fact));
        expired(facts, as_of).for_each(|fact| show(FindingId::CertificateExpired, fact));
    }
    let mut findings: Vec<Finding> = shown
        .into_iter()
        .map(|(id, shown)| shown.finding(id))
        .collect();
    findings.extend(shared.map(|(first, last)| Finding {
        id: FindingId::AddressShared.name().to_owned(),
        title: FindingId::AddressShared.title().to_owned(),
        confidence: SHARED_CONFIDENCE,
        weight: None,
        evidence: SHARED_EVIDENCE.to_owned(),
        first_seen: Some(Time(first)),
        last_seen: Some(Time(last)),
    }));
    findings.extend_from_slice(together);
    findings.sort_by(|a, b| a.id.cmp(&b.id));
    findings
}

/// What shows that a clock is wrong.
fn wrong_clock<'a>(facts: &[&'a Fact<'a>]) -> Vec<&'a Fact<'a>> {
    let facts = facts.iter().copied();
    let mut told: Vec<&Fact<'_>> = facts
        .filter(|fact| clock::FIELDS.contains(&fact.field))
        .collect();
    // Few devices tell the time.
    if !told.is_empty() {
        let said = told.iter();
        let said = said.map(|fact| (fact.field, &*fact.raw, fact.last_seen_ns));
        let offset = clock::offset_s(said);
        let wrong = offset.filter(|(_, offset)| offset.abs() >= clock::OFFSET_MAX_S);
        told.retain(|fact| {
            wrong.is_some_and(|(field, offset)| {
                fact.field == field && fact.raw.parse() == Ok(offset)
            })
        });
    }
    told
}

/// What names a system that its maker no longer mends. Where sources disagree, the latest date
/// holds: a false alarm costs more trust than a late one.
fn unsupported<'a>(facts: &'a [&'a Fact<'a>], as_of: Time) -> impl Iterator<Item = &'a Fact<'a>> {
    let dated = || {
        let facts = facts.iter().copied();
        facts.filter(|fact| fact.attribute == Attribute::EndOfSupport)
    };
    let latest = dated().map(|fact| &*fact.value).max();
    // Dates of one form are in order as texts are.
    let is_over = latest.is_some_and(|latest| Some(latest) < as_of.to_string().get(..latest.len()));
    dated().filter(move |_| is_over)
}

/// Certificates that were still shown after their last day.
fn expired<'a>(facts: &'a [&'a Fact<'a>], as_of: Time) -> impl Iterator<Item = &'a Fact<'a>> {
    let facts = facts.iter().copied();
    let dates = facts.filter(|fact| fact.field == Field::TlsCertificateNotAfter);
    dates.filter(move |fact| {
        let last: Option<jiff::Timestamp> = fact.raw.parse().ok();
        let shown_ns = fact.last_seen_ns.min(as_of.0);
        last.is_some_and(|last| last.as_nanosecond() < i128::from(shown_ns))
    })
}

/// A finding, and what shows it.
#[derive(Default)]
struct Shown<'a> {
    /// How sure each field is: a field that says it twice says it once.
    fields: BTreeMap<&'static str, u8>,
    /// Field and raw value.
    evidence: BTreeSet<(Field, &'a str)>,
    /// First and last seen.
    times: Option<(u64, u64)>,
}

impl<'a> Shown<'a> {
    fn add(&mut self, fact: &'a Fact<'a>) {
        let field = fact.field.name();
        let surest = self.fields.entry(field).or_default();
        *surest = (*surest).max(fact.confidence);
        self.evidence.insert((fact.field, &fact.raw));
        let (first, last) = (fact.first_seen_ns, fact.last_seen_ns);
        let known = self.times.unwrap_or((first, last));
        self.times = Some((known.0.min(first), known.1.max(last)));
    }

    fn finding(self, id: FindingId) -> Finding {
        let more = self.evidence.len().saturating_sub(EVIDENCE_MAX);
        let mut evidence: Vec<String> = self
            .evidence
            .iter()
            .take(EVIDENCE_MAX)
            .map(|(field, raw)| match raw.parse() {
                Ok(offset) if id == FindingId::ClockOffset => clock::words(*field, offset),
                _ => format!("{} = {raw}", field.name()),
            })
            .collect();
        if more > 0 {
            evidence.push(format!("and {more} more"));
        }
        Finding {
            id: id.name().to_owned(),
            title: id.title().to_owned(),
            confidence: together(self.fields.into_values()),
            weight: None,
            evidence: evidence.join(", "),
            first_seen: self.times.map(|times| Time(times.0)),
            last_seen: self.times.map(|times| Time(times.1)),
        }
    }
}
