//! Units to devices: whose each record is. It gathers numbers alone; what a device is like is made
//! of them where somebody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::SubjectId;

use super::bindings::Bindings;
use super::groups::Groups;
use super::joins::{Contested, Joined, Joins, Key, Reason};
use super::said::Said;
use super::snapshot::Snapshot;

/// Stands for no device.
const NOBODY: u32 = u32::MAX;

/// What belongs to which device. Devices are numbered by their first unit.
pub struct Folding {
    /// How many there are.
    pub count: u32,
    /// The device of each unit.
    pub device_of_unit: Vec<u32>,
    /// Units of each device.
    pub units: Groups,
    /// Subjects of each.
    pub subjects: Groups,
    /// Activities of each.
    pub activities: Groups,
    /// Edges that each opened.
    pub opened: Groups,
    /// Edges that were opened to each.
    pub answered: Groups,
    /// Who opened each edge, and to whom.
    ends: Vec<[u32; 2]>,
    /// Devices that report each, where any do.
    pub reporters: BTreeMap<u32, BTreeSet<u32>>,
    /// Devices that each reports by messages, besides itself.
    pub reports: BTreeMap<u32, BTreeSet<u32>>,
    /// Why the records of each are one device, where there are several.
    pub reasons: BTreeMap<u32, BTreeSet<Reason>>,
    /// Every join.
    pub joined: Vec<Joined>,
    /// Serial numbers that several machines bear.
    pub contested: BTreeMap<Key, Contested>,
}

impl Folding {
    /// Gathers what belongs together.
    pub fn new(
        snapshot: &Snapshot<'_>,
        bindings: &Bindings,
        said: &Said,
        mut joins: Joins<'_>,
    ) -> Self {
        let mut count = 0;
        let mut device_of_unit: Vec<u32> = Vec::with_capacity(bindings.units.len());
        for unit in 0..u32::try_from(bindings.units.len()).unwrap_or(u32::MAX) {
            let root = joins.sets.root(unit);
            // The smallest unit of a set stands for it.
            let known = device_of_unit.get(root as usize).copied();
            device_of_unit.push(known.unwrap_or(count));
            count += u32::from(known.is_none());
        }
        let of = |number: u32| number as usize;
        let owner = |id: SubjectId, times: (u64, u64)| {
            let unit = bindings.owner(snapshot, id, times)?;
            device_of_unit.get(of(unit)).copied()
        };
        let subjects: Vec<u32> = (0..)
            .zip(&snapshot.subjects)
            .map(|(place, seen)| {
                let times = (seen.subject.first_seen_ns, seen.subject.last_seen_ns);
                owner(SubjectId(place), times).unwrap_or(NOBODY)
            })
            .collect();
        let activities: Vec<u32> = snapshot
            .activities
            .iter()
            .map(|activity| {
                let times = (activity.first_seen_ns, activity.last_seen_ns);
                owner(activity.subject, times).unwrap_or(NOBODY)
            })
            .collect();
        let ends: Vec<[u32; 2]> = snapshot
            .edges
            .iter()
            .map(|(edge, _)| {
                let times = (edge.first_seen_ns, edge.last_seen_ns);
                let resp = edge.resp.and_then(|resp| owner(resp, times));
                [owner(edge.orig, times), resp].map(|end| end.unwrap_or(NOBODY))
            })
            .collect();
        let devices = of(count);
        let grouped = |owners: &[u32]| Groups::new(devices, owners.iter().copied().zip(0..));
        let mut this = Self {
            count,
            units: grouped(&device_of_unit),
            subjects: grouped(&subjects),
            activities: grouped(&activities),
            opened: Groups::new(devices, ends.iter().map(|ends| ends[0]).zip(0..)),
            answered: Groups::new(devices, ends.iter().map(|ends| ends[1]).zip(0..)),
            ends,
            reporters: BTreeMap::new(),
            reports: BTreeMap::new(),
            reasons: BTreeMap::new(),
            joined: std::mem::take(&mut joins.joined),
            contested: std::mem::take(&mut joins.contested),
            device_of_unit,
        };
        this.gather_joins(snapshot, said, &joins.reporters);
        this
    }

    /// The other end of an edge, for the one that opened it or for the one that it was opened to.
    pub fn other(&self, edge: u32, opened: bool) -> Option<u32> {
        let ends = self.ends.get(edge as usize)?;
        Some(ends[usize::from(opened)]).filter(|other| *other != NOBODY)
    }

    /// The device of a unit.
    pub fn device_of(&self, unit: u32) -> Option<u32> {
        self.device_of_unit.get(unit as usize).copied()
    }

    fn gather_joins(
        &mut self,
        snapshot: &Snapshot<'_>,
        said: &Said,
        reporters: &BTreeMap<u32, u32>,
    ) {
        for joined in &self.joined {
            if let Some(device) = self.device_of(joined.unit) {
                let reasons = self.reasons.entry(device).or_default();
                reasons.insert(joined.reason);
            }
        }
        for (report, reporter) in reporters {
            let (Some(about), Some(by)) = (self.device_of(*report), self.device_of(*reporter))
            else {
                continue;
            };
            if about == by {
                continue;
            }
            self.reporters.entry(about).or_default().insert(by);
            let of_message = |name: &str| {
                let mut protocols = ["hl7.", "astm.", "poct1."].iter();
                protocols.any(|protocol| name.starts_with(protocol))
            };
            let mut heads = said.heads(snapshot, *report);
            if heads.any(|(_, head)| of_message(head.field.name())) {
                self.reports.entry(by).or_default().insert(about);
            }
        }
    }
}
