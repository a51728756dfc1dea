//! What was said about each unit: where its facts lie in the table, read again when they are asked
//! for, so that nobody holds the texts of a whole table. It decides nothing.

use medtap_table::vocabulary::{Attribute, Field};
use medtap_table::{Fact, FactHead, StoredFact};

use super::bindings::Bindings;
use super::groups::Groups;
use super::snapshot::Snapshot;

/// What a value must be sure to, to be a key.
const KEY_CONFIDENCE_MIN: u8 = 60;
/// Different values of one attribute of one unit that are looked at for keys.
pub const KEY_VALUES_MAX: usize = 8;

/// Attributes that joins ask for.
const KEY_ATTRIBUTES: &[Attribute] = &[
    Attribute::Manufacturer,
    Attribute::Model,
    Attribute::SerialNumber,
    Attribute::Udi,
    Attribute::Hostname,
    Attribute::AeTitle,
    Attribute::StationName,
];

/// Fields that joins ask for.
const KEY_FIELDS: &[Field] = &[
    Field::LldpChassisId,
    Field::DicomAeTitle,
    Field::DicomRole,
    Field::DicomStationAeTitle,
    Field::DicomStationName,
    Field::DicomwebRole,
    Field::Hl7Role,
    Field::Hl7DeviceId,
    Field::Hl7DeviceManufacturer,
    Field::Hl7SoftwareVendor,
    Field::AstmSender,
    Field::Poct1DeviceId,
    Field::Poct1Serial,
    Field::Poct1Model,
];

fn is_for_joins(head: &FactHead) -> bool {
    KEY_ATTRIBUTES.contains(&head.attribute) || KEY_FIELDS.contains(&head.field)
}

/// Where the facts of each unit lie.
pub struct Said {
    all: Groups,
    for_joins: Groups,
}

impl Said {
    /// Finds the facts about each unit: of what a router shows, those from the time at which it
    /// was theirs.
    pub fn new(snapshot: &Snapshot<'_>, bindings: &Bindings) -> Self {
        let chosen = snapshot.choose_facts(|subject, head| {
            let times = (head.first_seen_ns, head.last_seen_ns);
            let unit = bindings.owner(snapshot, subject, times)?;
            Some((unit, is_for_joins(head)))
        });
        let chosen = chosen.iter().flatten();
        let all = chosen.clone().map(|&((unit, _), slot)| (unit, slot));
        let for_joins = chosen.filter(|((_, joins), _)| *joins);
        let for_joins = for_joins.map(|&((unit, _), slot)| (unit, slot));
        Self {
            all: Groups::new(bindings.units.len(), all),
            for_joins: Groups::new(bindings.units.len(), for_joins),
        }
    }

    /// What was said about a unit, as it lies in the table.
    pub fn stored(&self, snapshot: &Snapshot<'_>, unit: u32) -> Vec<StoredFact> {
        snapshot.stored(self.all.of(unit))
    }

    /// Where the facts of a unit lie, and what they are about.
    pub fn heads(
        &self,
        snapshot: &Snapshot<'_>,
        unit: u32,
    ) -> impl Iterator<Item = (u32, FactHead)> {
        snapshot.heads(self.all.of(unit))
    }

    /// What joins ask for, of a unit, as it lies in the table.
    pub fn stored_for_joins(&self, snapshot: &Snapshot<'_>, unit: u32) -> Vec<StoredFact> {
        snapshot.stored(self.for_joins.of(unit))
    }
}

/// What one unit says, for joins.
pub struct Words<'a>(Vec<Fact<'a>>);

impl<'a> Words<'a> {
    /// What these facts say.
    pub fn new(snapshot: &Snapshot<'_>, stored: &'a [StoredFact]) -> Self {
        Self(snapshot.told(stored))
    }

    /// Values that may be part of a key.
    pub fn values(&self, attribute: Attribute) -> impl Iterator<Item = &str> {
        debug_assert!(KEY_ATTRIBUTES.contains(&attribute));
        self.0
            .iter()
            .filter(move |fact| {
                fact.attribute == attribute
                    && !fact.value_cut
                    && fact.confidence >= KEY_CONFIDENCE_MIN
            })
            .take(KEY_VALUES_MAX)
            .map(|fact| &*fact.value)
    }

    /// What it said that is sure enough for a key: of what, where, and the value.
    pub fn sure(&self) -> impl Iterator<Item = (Attribute, Field, &str)> {
        let sure = |fact: &&Fact<'_>| !fact.value_cut && fact.confidence >= KEY_CONFIDENCE_MIN;
        let facts = self.0.iter().filter(sure);
        facts.map(|fact| (fact.attribute, fact.field, &*fact.value))
    }

    /// Whole texts of a field, as they were sent.
    pub fn raw(&self, field: Field) -> impl Iterator<Item = &str> {
        debug_assert!(KEY_FIELDS.contains(&field));
        self.0
            .iter()
            .filter(move |fact| fact.field == field && !fact.raw_cut)
            .map(|fact| &*fact.raw)
    }
}
