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

/// True for attributes that joins ask for.
const fn is_key_attribute(attribute: Attribute) -> bool {
    use Attribute as A;
    matches!(
        attribute,
        A::Manufacturer
            | A::Model
            | A::SerialNumber
            | A::Udi
            | A::Hostname
            | A::AeTitle
            | A::StationName
    )
}

/// True for fields that joins ask for.
const fn is_key_field(field: Field) -> bool {
    use Field as F;
    is_part(field)
        || matches!(
            field,
            F::LldpChassisId
                | F::DicomAeTitle
                | F::DicomStationAeTitle
                | F::DicomStationName
                | F::Hl7Role
                | F::Hl7DeviceId
                | F::Hl7DeviceManufacturer
                | F::Hl7SoftwareVendor
                | F::AstmSender
                | F::Poct1DeviceId
                | F::Poct1Serial
                | F::Poct1Model
                | F::BacnetInstance
        )
}

/// True for fields that tell which part a host plays in DICOM.
const fn is_part(field: Field) -> bool {
    matches!(field, Field::DicomRole | Field::DicomwebRole)
}

/// What a fact is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// For the device alone.
    Device,
    /// For joins too.
    Joins,
    /// For joins too: which part a host plays in DICOM.
    Part,
}

/// Where the facts of each unit lie.
pub struct Said {
    all: Groups,
    for_joins: Groups,
    /// Units that say which part they play in DICOM, in order.
    players: Vec<u32>,
}

impl Said {
    /// Finds the facts about each unit: of what a router shows, those from the time at which it
    /// was theirs.
    pub fn new(snapshot: &Snapshot<'_>, bindings: &Bindings) -> Self {
        let chosen = snapshot.choose_facts(|subject, head| {
            let times = (head.first_seen_ns, head.last_seen_ns);
            let unit = bindings.owner(snapshot, subject, times)?;
            let use_of = match head.field {
                field if is_part(field) => Use::Part,
                field if is_key_field(field) => Use::Joins,
                _ if is_key_attribute(head.attribute) => Use::Joins,
                _ => Use::Device,
            };
            Some((unit, use_of))
        });
        let chosen = chosen.iter().flatten();
        let all = chosen.clone().map(|&((unit, _), slot)| (unit, slot));
        let for_joins = chosen.filter(|((_, use_of), _)| *use_of != Use::Device);
        let parts = for_joins
            .clone()
            .filter(|((_, use_of), _)| *use_of == Use::Part);
        let mut players: Vec<u32> = parts.map(|((unit, _), _)| *unit).collect();
        players.sort_unstable();
        players.dedup();
        let for_joins = for_joins.map(|&((unit, _), slot)| (unit, slot));
        Self {
            players,
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

    /// Units that say which part they play in DICOM, in order.
    pub fn players(&self) -> &[u32] {
        &self.players
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
        debug_assert!(is_key_attribute(attribute));
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
        debug_assert!(is_key_field(field));
        self.0
            .iter()
            .filter(move |fact| fact.field == field && !fact.raw_cut)
            .map(|fact| &*fact.raw)
    }
}
