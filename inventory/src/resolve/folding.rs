//! Units to devices: whose each record is. It gathers numbers alone; what a device is like is made
//! of them where somebody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::SubjectId;
use rayon::slice::ParallelSliceMut;

use super::bindings::Bindings;
use super::groups::Groups;
use super::identity::{self, Id};
use super::joins::{Contested, Joined, Joins, Key, Reason};
use super::said::Said;
use super::sets::Sets;
use super::snapshot::Snapshot;

/// Stands for no device.
const NOBODY: u32 = u32::MAX;

/// What belongs to which device. Devices are numbered in the order of their ids.
pub struct Folding {
    /// What each is called.
    pub ids: Vec<Id>,
    /// The device of each unit.
    pub device_of_unit: Vec<u32>,
    /// Units of each device.
    pub units: Groups,
    /// Subjects of each.
    pub subjects: Groups,
    /// Activities of each.
    pub activities: Groups,
    /// Edges that each opened, in the order of whom to.
    pub opened: Groups,
    /// Edges that were opened to each, in the order of who did.
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
        let (ids, device_of_unit) = called(snapshot, bindings, &mut joins.sets);
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
        let devices = ids.len();
        let grouped = |owners: &[u32]| Groups::new(devices, owners.iter().copied().zip(0..));
        let (opened, answered) = both_ways(devices, &ends);
        let mut this = Self {
            ids,
            units: grouped(&device_of_unit),
            subjects: grouped(&subjects),
            activities: grouped(&activities),
            opened,
            answered,
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

/// What each device is called, in order, and the device of each unit.
fn called(snapshot: &Snapshot<'_>, bindings: &Bindings, sets: &mut Sets) -> (Vec<Id>, Vec<u32>) {
    let mut count = 0;
    let mut device_of_unit: Vec<u32> = Vec::with_capacity(bindings.units.len());
    for unit in 0..u32::try_from(bindings.units.len()).unwrap_or(u32::MAX) {
        let root = sets.root(unit);
        // The smallest unit of a set stands for it.
        let known = device_of_unit.get(root as usize).copied();
        device_of_unit.push(known.unwrap_or(count));
        count += u32::from(known.is_none());
    }
    let units = device_of_unit.iter().copied().zip(0..);
    let units = Groups::new(count as usize, units);
    let ids = identity::of_devices(snapshot, bindings, (count, &units)).into_iter();
    let mut order: Vec<(Id, u32)> = ids.zip(0..).collect();
    order.par_sort_unstable();
    let mut places = vec![0; order.len()];
    for (place, (_, number)) in (0..).zip(&order) {
        if let Some(slot) = places.get_mut(*number as usize) {
            *slot = place;
        }
    }
    for device in &mut device_of_unit {
        *device = places.get(*device as usize).copied().unwrap_or(NOBODY);
    }
    (
        order.into_iter().map(|(id, _)| id).collect(),
        device_of_unit,
    )
}

/// Edges by who opened them and by whom they were opened to, each in the order of the other end;
/// those without one are last. What is laid out in one order, and then again, is in both.
fn both_ways(devices: usize, ends: &[[u32; 2]]) -> (Groups, Groups) {
    let end = |edge: u32, of: usize| ends.get(edge as usize).map_or(NOBODY, |ends| ends[of]);
    let laid = |of: usize, order: &[u32]| {
        let mut order = order.to_vec();
        let nowhere = (0..).zip(ends).filter(|(_, ends)| ends[1 - of] == NOBODY);
        order.extend(nowhere.map(|(edge, _)| edge));
        let edges = order.iter().copied();
        Groups::new(devices, edges.map(|edge| (end(edge, of), edge)))
    };
    let answered = Groups::new(devices, ends.iter().map(|ends| ends[1]).zip(0..));
    let opened = laid(0, answered.numbers());
    let answered = laid(1, opened.numbers());
    (opened, answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_in_the_order_of_the_other_end() {
        let ends = [
            [0, 2],
            [1, 0],
            [0, NOBODY],
            [0, 1],
            [NOBODY, 1],
            [2, 0],
            [0, 2],
        ];
        let (opened, answered) = both_ways(3, &ends);
        assert_eq!(opened.of(0), [3, 0, 6, 2]);
        assert_eq!(opened.of(1), [1]);
        assert_eq!(opened.of(2), [5]);
        assert_eq!(answered.of(0), [1, 5]);
        assert_eq!(answered.of(1), [3, 4]);
        assert_eq!(answered.of(2), [0, 6]);
    }
}
