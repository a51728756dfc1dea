//! Who claims one address besides others: what is told of a binding whose address another machine
//! claims by turns with it. Which of them is right is not decided here.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use medtap_table::vocabulary::{Attribute, Field};

use super::{Aggregator, NOBODY};
use crate::config::CLAIMANTS_MAX;
use crate::device::sighting::{FactSighting, Times};
use crate::device::subject::{BindingKey, SubjectKey};
use crate::device::text::Value;
use crate::observe::MacAddr;

/// Scope, VLAN, version and address.
type Address = (u16, u16, u8, [u8; 16]);

/// Who claims each address: the numbers of subjects. No more addresses than subjects.
#[derive(Debug, Default)]
pub struct Rivals {
    claimants: HashMap<Address, [u32; CLAIMANTS_MAX], RandomState>,
    /// Subjects that claimed since the last time, of addresses that several claim.
    contested: HashSet<u32, RandomState>,
}

impl Rivals {
    /// Bytes that are taken for so many subjects at most: tables are filled to a half at least.
    pub const fn bytes(subjects: u64) -> u64 {
        let entry = size_of::<(Address, [u32; CLAIMANTS_MAX])>() + size_of::<u32>() + 2;
        subjects * 2 * entry as u64
    }

    /// A subject claims its address; false where too many do.
    pub fn note(&mut self, key: &BindingKey, subject: u32) -> bool {
        let address = (key.scope, key.vlan, key.version, key.address);
        let claimants = self
            .claimants
            .entry(address)
            .or_insert([NOBODY; CLAIMANTS_MAX]);
        let place = claimants
            .iter()
            .position(|it| *it == subject || *it == NOBODY);
        let Some(place) = place.and_then(|place| claimants.get_mut(place)) else {
            return false;
        };
        *place = subject;
        if claimants.get(1).is_some_and(|second| *second != NOBODY) {
            self.contested.insert(subject);
        }
        true
    }

    /// The pairs of which one claimed since the last time, each pair once a claimant.
    fn take(&mut self, of: impl Fn(u32) -> Option<BindingKey>) -> Vec<(u32, u32)> {
        let mut pairs = Vec::new();
        for subject in std::mem::take(&mut self.contested) {
            let Some(key) = of(subject) else {
                continue;
            };
            let address = (key.scope, key.vlan, key.version, key.address);
            let others = self.claimants.get(&address).into_iter().flatten();
            let others = others.filter(|other| **other != NOBODY && **other != subject);
            for other in others {
                pairs.extend([(subject, *other), (*other, subject)]);
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

impl Aggregator {
    /// Tells of each binding which other machine claims its address by turns with it.
    pub(super) fn tell_rivals(&mut self) {
        let subjects = &self.subjects;
        let binding = |subject: u32| match subjects.key(subject) {
            SubjectKey::Binding(key) => Some(*key),
            SubjectKey::Reported(..) => None,
        };
        let told: Vec<(SubjectKey, Times, MacAddr)> = self
            .rivals
            .take(binding)
            .into_iter()
            .filter_map(|(subject, other)| {
                let (ours, theirs) = (subjects.value(subject), subjects.value(other));
                let rival = binding(other)?.mac;
                let times = Times {
                    first_ns: ours.times.first_ns.max(theirs.times.first_ns),
                    last_ns: ours.times.last_ns.min(theirs.times.last_ns),
                };
                let clashes = ours.claims.clashes(&theirs.claims);
                clashes.then(|| (*subjects.key(subject), times, rival))
            })
            .collect();
        for (key, times, rival) in told {
            let text = text(&rival);
            self.fact(&FactSighting {
                key: &key,
                field: Field::ArpRival,
                attribute: Attribute::Observed,
                rule: 0,
                confidence: Field::ArpRival.confidence(),
                times,
                count: 1,
                raw: text.view(),
                value: text.view(),
            });
        }
    }
}

/// A MAC address as IEEE 802 prints it, with colons and in lower case.
fn text([a, b, c, d, e, f]: &MacAddr) -> Value {
    Value::from_wire(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}").as_bytes())
}
