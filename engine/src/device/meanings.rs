//! What values mean by the rules that hold: a value is judged once, whoever says it and however
//! often. It knows no subject, and weighs no meaning against another.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::fast::RandomState;
use medtap_rules::Matcher;
use medtap_table::vocabulary::{Attribute, Field};

use super::text::{Value, ValueRef};
use crate::config::{FACTS_PER_VALUE_MAX, MEANINGS_SLOTS};

/// One thing that a value says: by itself, or by a rule.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// What it says.
    pub attribute: Attribute,
    /// The rule that says so, 0 for none.
    pub rule: u32,
    /// How sure it is where the protocol is confirmed, 0–100.
    pub confidence: u8,
    /// What is said.
    pub value: Value,
}

/// A value of a field, and all that it means.
#[derive(Debug)]
struct Judged {
    field: Field,
    raw: Value,
    meanings: Arc<[Meaning]>,
}

/// What the values that were said lately mean.
pub struct Meanings {
    slots: Box<[Option<Box<Judged>>]>,
    /// Hashes of values that are not kept and that no rule knows; 0 for none.
    unknown: Box<[u64]>,
    hasher: RandomState,
}

impl std::fmt::Debug for Meanings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meanings").finish_non_exhaustive()
    }
}

impl Default for Meanings {
    fn default() -> Self {
        Self {
            slots: (0..MEANINGS_SLOTS).map(|_| None).collect(),
            unknown: vec![0; MEANINGS_SLOTS].into(),
            // Keyed per run: what shares a place with what is not for a sender to choose.
            hasher: RandomState::default(),
        }
    }
}

impl Meanings {
    /// Bytes that it takes at most: of a value with four meanings, which few have.
    pub const BYTES_MAX: u64 = {
        const MEANINGS: usize = 4;
        // A box, a shared slice with its two counts, and what the allocator adds to each.
        let value = size_of::<Judged>() + MEANINGS * size_of::<Meaning>() + 2 * 8 + 2 * 16;
        (MEANINGS_SLOTS * (size_of::<Option<Box<Judged>>>() + value + size_of::<u64>())) as u64
    };

    /// What a value means; rules are asked where it was not judged lately.
    pub fn of(&mut self, field: Field, raw: ValueRef<'_>, matcher: &Matcher) -> Arc<[Meaning]> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u16(field.number());
        raw.hash(&mut hasher);
        let at = hasher.finish() as usize % MEANINGS_SLOTS;
        let Some(slot) = self.slots.get_mut(at) else {
            return judge(field, raw.to_value(), matcher);
        };
        let known = slot.as_ref();
        if let Some(known) = known.filter(|known| known.field == field && known.raw.view() == raw) {
            return Arc::clone(&known.meanings);
        }
        let raw = raw.to_value();
        let meanings = judge(field, raw, matcher);
        *slot = Some(Box::new(Judged {
            field,
            raw,
            meanings: Arc::clone(&meanings),
        }));
        meanings
    }

    /// What a value that is not kept means by the rules of another field, and what the first of
    /// them is called; none where no rule knows it. That none does is remembered by a hash: where
    /// two values had the same, what the second one means would not be told.
    pub fn heard(
        &mut self,
        field: Field,
        rules: Field,
        raw: &[u8],
        matcher: &Matcher,
    ) -> Option<(Value, Arc<[Meaning]>)> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u16(rules.number());
        hasher.write(raw);
        let hash = hasher.finish() | 1;
        let slot = self
            .unknown
            .get_mut((hash >> 1) as usize % MEANINGS_SLOTS)?;
        if *slot == hash {
            return None;
        }
        let heard = heard(field, rules, raw, matcher);
        if heard.is_none() {
            *slot = hash;
        }
        heard
    }

    /// Forgets every judgement: other rules hold.
    pub fn clear(&mut self) {
        self.slots.fill_with(|| None);
        self.unknown.fill(0);
    }
}

/// What a value says: the attribute that it is by itself, and what rules make of it. What no
/// rule knows is kept as it was observed.
fn judge(field: Field, raw: Value, matcher: &Matcher) -> Arc<[Meaning]> {
    // Most values say one thing.
    let mut meanings = Vec::with_capacity(1);
    let by_itself = |attribute| Meaning {
        attribute,
        rule: 0,
        confidence: field.confidence(),
        value: raw,
    };
    if field.attribute() != Attribute::Observed {
        meanings.push(by_itself(field.attribute()));
    }
    matcher.matches(field, raw.as_str(), &mut |found| {
        if meanings.len() < FACTS_PER_VALUE_MAX {
            meanings.push(Meaning {
                attribute: found.attribute,
                rule: found.rule,
                confidence: found.confidence,
                value: Value::from_wire(found.value.as_bytes()),
            });
        }
    });
    if meanings.is_empty() {
        meanings.push(by_itself(Attribute::Observed));
    }
    meanings.into()
}

/// See [`Meanings::heard`].
fn heard(
    field: Field,
    rules: Field,
    raw: &[u8],
    matcher: &Matcher,
) -> Option<(Value, Arc<[Meaning]>)> {
    let text = std::str::from_utf8(raw).ok()?;
    let (mut known_as, mut meanings) = (Value::EMPTY, Vec::new());
    matcher.matches(rules, text, &mut |found| {
        if meanings.is_empty() {
            known_as = Value::from_wire(found.name.as_bytes());
        }
        if meanings.len() < FACTS_PER_VALUE_MAX {
            meanings.push(Meaning {
                attribute: found.attribute,
                rule: found.rule,
                confidence: found.confidence.min(field.confidence()),
                // A rule that gives nothing says the value itself.
                value: match found.attribute {
                    Attribute::Observed => known_as,
                    _ => Value::from_wire(found.value.as_bytes()),
                },
            });
        }
    });
    (!meanings.is_empty()).then(|| (known_as, meanings.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use medtap_rules::Rules;

    const RULE: &str = r#"field = "http.server"

[[rule]]
id = 1000001
name = "ward printer"
exact = "WardPrint"
manufacturer = "Acme"
confidence = 90
source = "label on the device"
matches = [{ value = "WardPrint" }]
"#;

    /// A judgement holds for one value of one field, until other rules do.
    #[test]
    fn a_value_is_judged_once_by_the_rules_that_hold() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ward.toml"), RULE).unwrap();
        let local = Rules::load(Some(folder.path())).unwrap().matcher();
        let shipped = Rules::embedded().matcher();
        let mut meanings = Meanings::default();
        let of = |meanings: &mut Meanings, field, text: &str, matcher| {
            let raw = Value::from_wire(text.as_bytes());
            let said = meanings.of(field, raw.view(), matcher);
            (said[0].rule, said[0].value.as_str().to_owned())
        };
        let (known, unknown) = ((1_000_001, "Acme".to_owned()), (0, "WardPrint".to_owned()));
        assert_eq!(
            of(&mut meanings, Field::HttpServer, "WardPrint", &local),
            known
        );
        assert_eq!(
            of(&mut meanings, Field::SsdpServer, "WardPrint", &local),
            unknown
        );
        assert_eq!(
            of(&mut meanings, Field::HttpServer, "WardPrint 2", &local).0,
            0
        );
        assert_eq!(
            of(&mut meanings, Field::HttpServer, "WardPrint", &shipped),
            known
        );
        meanings.clear();
        assert_eq!(
            of(&mut meanings, Field::HttpServer, "WardPrint", &shipped),
            unknown
        );
    }

    /// That no rule knows a name holds until other rules do, and for that name alone.
    #[test]
    fn a_name_that_no_rule_knows_is_known_by_its_hash() {
        let shipped = Rules::embedded().matcher();
        let mut meanings = Meanings::default();
        let mut heard = |name: String, matcher: &Matcher| {
            let (field, rules) = (Field::DnsQueryName, Field::ContactedName);
            let heard = meanings.heard(field, rules, name.as_bytes(), matcher);
            heard.map(|(known_as, _)| known_as.as_str().to_owned())
        };
        let tool = Some("TeamViewer".to_owned());
        for round in 0..2 * MEANINGS_SLOTS {
            let name = format!("host{}.example.org", round % 1000);
            assert_eq!(heard(name, &shipped), None);
            let name = format!("router{round}.teamviewer.com");
            assert_eq!(heard(name, &shipped), tool);
        }
        let folder = tempfile::tempdir().unwrap();
        let rule = RULE.replace("http.server", Field::ContactedName.name());
        std::fs::write(folder.path().join("ward.toml"), rule).unwrap();
        let local = Rules::load(Some(folder.path())).unwrap().matcher();
        let name = || "WardPrint".to_owned();
        assert_eq!(heard(name(), &shipped), None);
        assert_eq!(heard(name(), &local), None);
        meanings.clear();
        let heard = meanings.heard(
            Field::DnsQueryName,
            Field::ContactedName,
            name().as_bytes(),
            &local,
        );
        assert_eq!(heard.unwrap().0.as_str(), "ward printer");
    }
}
