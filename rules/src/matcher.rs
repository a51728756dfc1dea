//! Value in, claims out: the tiers of one field's rules. It does not weigh claims against each
//! other and keeps nothing between two values.

use crate::compile::{Key, Rule};
use crate::limits::VALUE_BYTES_MAX;
use crate::patterns::Patterns;
use crate::tables::Table;
use crate::template::Found;
use medtap_table::vocabulary::{Attribute, Field};
use std::cmp::Ordering;
use std::sync::Arc;

/// One claim of one rule about one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'a> {
    /// The rule's number, never 0.
    pub rule: u32,
    /// What the rule is called.
    pub name: &'a str,
    /// How sure the claim is where the protocol is confirmed, 0–100.
    pub confidence: u8,
    /// What is claimed; [`Attribute::Observed`] where the rule knows the value and gives nothing.
    pub attribute: Attribute,
    /// The claim: for [`Attribute::Category`] a category's name, for [`Attribute::Observed`]
    /// the value itself.
    pub value: &'a str,
}

/// All rules, sorted for matching. Cheap to clone; shared by threads.
#[derive(Clone)]
pub struct Matcher {
    pub(crate) rules: Arc<[Rule]>,
    /// By field number.
    fields: Arc<[Option<FieldRules>]>,
}

/// The rules of one field; numbers are places in `Matcher::rules`.
struct FieldRules {
    exact: Keys,
    prefixes: Keys,
    /// The distinct lengths of the prefixes, longest first.
    prefix_lengths: Box<[usize]>,
    patterns: Patterns,
    /// The rules of code lists whose rows know whole values: as specific as exact rules.
    exact_tables: Box<[u32]>,
    /// The rules of other code lists.
    tables: Box<[u32]>,
}

impl Matcher {
    /// Sorts rules by field and tier.
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        let mut sorted: Vec<Option<Tiers>> = Vec::new();
        for (place, rule) in (0..).zip(&rules) {
            for field in rule.also.iter().chain([&rule.field]) {
                let slot = usize::from(field.number());
                if sorted.len() <= slot {
                    sorted.resize_with(slot + 1, || None);
                }
                if let Some(slot) = sorted.get_mut(slot) {
                    slot.get_or_insert_default().add(place, &rule.key);
                }
            }
        }
        let sorted = sorted.into_iter();
        let fields: Vec<_> = sorted.map(|tiers| tiers.map(FieldRules::new)).collect();
        Self {
            rules: rules.into(),
            fields: fields.into(),
        }
    }

    /// Makes now what is otherwise made at first need, the search of each field and every pattern:
    /// for whoever may not wait then.
    pub fn prepare(&self) {
        for sorted in self.fields.iter().flatten() {
            sorted.patterns.prepare(&self.rules);
        }
        for rule in self.rules.iter() {
            rule.regex();
        }
    }

    /// Tells every claim about a value: one call per attribute given, rules of the most specific
    /// tier only (exact, longest prefix, all patterns in the order of the files). Costs time
    /// linear in the value's length, whatever the number of rules that do not apply.
    pub fn matches(&self, field: Field, value: &str, emit: &mut dyn FnMut(Match<'_>)) {
        self.for_each_rule(field, value, &mut |rule| claims(rule, value, emit));
    }

    /// True when a rule knows the value.
    pub fn knows(&self, field: Field, value: &str) -> bool {
        let mut known = false;
        self.for_each_rule(field, value, &mut |_| known = true);
        known
    }

    fn for_each_rule(&self, field: Field, value: &str, hit: &mut dyn FnMut(&Rule)) {
        let slot = self.fields.get(usize::from(field.number()));
        let Some(sorted) = slot.and_then(Option::as_ref) else {
            return;
        };
        if value.is_empty() || value.len() > VALUE_BYTES_MAX {
            return;
        }
        let mut confirmed = false;
        let mut report = |index: u32| {
            let rule = self
                .rules
                .get(index as usize)
                .filter(|rule| rule.knows_key(value));
            if let Some(rule) = rule {
                confirmed |= !rule.unconfirmed;
                hit(rule);
            }
            confirmed
        };
        let mut known = sorted.exact.find(value.as_bytes(), &mut report);
        for index in &sorted.exact_tables {
            known = report(*index);
        }
        if known {
            return;
        }
        for length in &sorted.prefix_lengths {
            let Some(head) = value.as_bytes().get(..*length) else {
                continue;
            };
            if sorted.prefixes.find(head, &mut report) {
                return;
            }
        }
        for index in &sorted.tables {
            report(*index);
        }
        for index in sorted.patterns.candidates(&self.rules, value.as_bytes()) {
            report(index);
        }
    }
}

/// The claims of one rule that knows the value.
pub fn claims(rule: &Rule, value: &str, emit: &mut dyn FnMut(Match<'_>)) {
    let mut confidence = rule.confidence;
    let row = match &rule.key {
        Key::Table(table) => table.find(value),
        _ => None,
    };
    if let Some(row) = row {
        confidence = confidence.min(row.confidence);
    }
    let mut claim = |attribute, value: &str| {
        emit(Match {
            rule: rule.id,
            name: &rule.name,
            confidence,
            attribute,
            value,
        });
    };
    let mut given = false;
    for (attribute, value) in row.into_iter().flat_map(Table::says) {
        given = true;
        claim(attribute, value);
    }
    if !rule.gives.is_empty() {
        let found = Found::new(value, rule.captures());
        let mut joined = String::new();
        for (attribute, template) in &rule.gives {
            if let Some(text) = template.text(&found, &mut joined) {
                given = true;
                claim(*attribute, text);
            }
        }
    }
    if !given {
        claim(Attribute::Observed, value);
    }
}

impl Rule {
    /// True when the value has the rule's key.
    pub(crate) fn knows_key(&self, value: &str) -> bool {
        let bytes = value.as_bytes();
        let same = |text: &str, ignore_case: bool, value: &[u8]| match ignore_case {
            true => text.as_bytes().eq_ignore_ascii_case(value),
            false => text.as_bytes() == value,
        };
        match &self.key {
            Key::Exact { text, ignore_case } => same(text, *ignore_case, bytes),
            Key::Prefix { text, ignore_case } => bytes
                .get(..text.len())
                .is_some_and(|head| same(text, *ignore_case, head)),
            Key::Pattern(_) => self.regex().is_some_and(|regex| regex.is_match(bytes)),
            Key::Table(table) => table.find(value).is_some(),
        }
    }
}

/// The rules of one field on the way into [`FieldRules`]: places of rules, by tier.
#[derive(Default)]
struct Tiers {
    exact: Vec<(String, u32)>,
    prefixes: Vec<(String, u32)>,
    patterns: Vec<u32>,
    exact_tables: Vec<u32>,
    tables: Vec<u32>,
}

impl Tiers {
    fn add(&mut self, place: u32, key: &Key) {
        match key {
            Key::Exact { text, .. } => self.exact.push((text.to_ascii_lowercase(), place)),
            Key::Prefix { text, .. } => self.prefixes.push((text.to_ascii_lowercase(), place)),
            Key::Pattern(_) => self.patterns.push(place),
            Key::Table(table) if table.is_exact() => self.exact_tables.push(place),
            Key::Table(_) => self.tables.push(place),
        }
    }
}

impl FieldRules {
    fn new(tiers: Tiers) -> Self {
        let lengths = tiers.prefixes.iter().map(|(text, _)| text.len());
        let mut lengths: Vec<usize> = lengths.collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Self {
            exact: Keys::new(tiers.exact),
            prefixes: Keys::new(tiers.prefixes),
            prefix_lengths: lengths.into(),
            patterns: Patterns::new(tiers.patterns),
            exact_tables: tiers.exact_tables.into(),
            tables: tiers.tables.into(),
        }
    }
}

/// Texts in lower case, sorted, each with its rule.
struct Keys(Box<[(String, u32)]>);

impl Keys {
    fn new(mut keys: Vec<(String, u32)>) -> Self {
        keys.sort();
        Self(keys.into())
    }

    /// Reports the rules whose text is this one but for its case; the last answer comes back.
    fn find(&self, text: &[u8], report: &mut dyn FnMut(u32) -> bool) -> bool {
        let first = self
            .0
            .partition_point(|(key, _)| compare(key, text) == Ordering::Less);
        let mut answer = false;
        for (key, index) in self.0.iter().skip(first) {
            if compare(key, text) != Ordering::Equal {
                break;
            }
            answer = report(*index);
        }
        answer
    }
}

/// Orders a lower-case key and a text whose case does not count.
fn compare(key: &str, text: &[u8]) -> Ordering {
    key.bytes().cmp(text.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
