//! What a device is called: a fixed hash of the key under which it was seen first. It hashes; what
//! the keys are is told to it, but for
//! the keys that addresses are.

use std::collections::HashSet;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::bindings::{Bindings, Unit};
use super::groups::Groups;
use super::joins::machine;
use super::mac;
use super::snapshot::Snapshot;
use crate::model::DeviceId;

/// A name as a number: the beginning of the hash.
pub type Id = u64;

/// The number of the device with this key. `again` tells apart what would have the same.
pub fn number(key: &str, again: u32) -> Id {
    let mut hash = Sha256::new();
    hash.update(b"medtap device 1\0");
    hash.update(key.as_bytes());
    if again > 0 {
        hash.update([0]);
        hash.update(again.to_be_bytes());
    }
    let digest = hash.finalize();
    let shown = digest.first_chunk().copied();
    Id::from_be_bytes(shown.unwrap_or_default())
}

/// The name that a number is shown as.
pub fn text(id: Id) -> String {
    DeviceId::from(id).as_str().to_owned()
}

/// The name of the device with this key.
pub fn id(key: &str, again: u32) -> String {
    text(number(key, again))
}

/// The key of a unit by itself.
pub fn unit_key(snapshot: &Snapshot<'_>, unit: Unit) -> Option<String> {
    match unit {
        Unit::Mac(scope, mac) => Some(format!("mac|{scope}|{}", mac::text(&mac))),
        Unit::Ip(scope, address) => Some(format!("ip|{scope}|{address}")),
        Unit::Reported(id) => {
            if let Some(machine) = machine(snapshot, id) {
                return Some(format!("reported|{machine}"));
            }
            let subject = &snapshot.subjects.get(id.index())?.subject;
            let identifier = subject.identifier.as_str();
            // Others may report other devices by the same name.
            let by = subject
                .reporter
                .and_then(|reporter| snapshot.subjects.get(reporter.index()))
                .map_or(subject, |reporter| &reporter.subject);
            let address = by.address.map(|address| address.to_string());
            let place = format!("{}|{}|{}", by.scope, by.vlan, mac::text(&by.mac));
            let address = address.unwrap_or_default();
            Some(format!("reported|{identifier}|{place}|{address}"))
        }
    }
}

/// What each device is called, of as many as there are, by their units.
pub fn of_devices(
    snapshot: &Snapshot<'_>,
    bindings: &Bindings,
    (count, units): (u32, &Groups),
) -> Vec<Id> {
    let key = |device: u32| first_key(snapshot, bindings, units.of(device));
    let devices = (0..count).into_par_iter();
    let ids: Vec<Id> = devices.map(|device| number(&key(device), 0)).collect();
    let mut distinct = ids.clone();
    distinct.par_sort_unstable();
    distinct.dedup();
    if distinct.len() == ids.len() {
        return ids;
    }
    let keys: Vec<String> = (0..count).into_par_iter().map(key).collect();
    apart(&keys)
}

/// Names where several keys are the same, or have the same hash.
fn apart(keys: &[String]) -> Vec<Id> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by(|a, b| keys.get(*a).cmp(&keys.get(*b)).then(a.cmp(b)));
    let mut taken: HashSet<Id> = HashSet::new();
    let mut ids = vec![0; keys.len()];
    let (mut last, mut again) = ("", 0);
    for place in order {
        let key = keys.get(place).map_or("", String::as_str);
        again = if key == last { again } else { 0 };
        last = key;
        let id = loop {
            let id = number(key, again);
            again += 1;
            if taken.insert(id) {
                break id;
            }
        };
        if let Some(slot) = ids.get_mut(place) {
            *slot = id;
        }
    }
    ids
}

/// The key of the unit that was seen first.
fn first_key(snapshot: &Snapshot<'_>, bindings: &Bindings, units: &[u32]) -> String {
    let keys = units.iter().filter_map(|&unit| {
        let state = bindings.states.get(unit as usize)?;
        let seen = match state.first_seen_ns {
            0 => u64::MAX,
            first => first,
        };
        let unit = *bindings.units.get(unit as usize)?;
        Some((seen, unit_key(snapshot, unit)?))
    });
    keys.min().map_or_else(String::new, |(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name, once given, stays: whoever keeps an inventory relies on it.
    #[test]
    fn names_stay() {
        assert_eq!(id("mac|0|02:ac:3e:00:00:11", 0), "def4e6806aec6eef");
        assert_ne!(id("a", 0), id("a", 1));
        assert_eq!(id("a", 0).len(), 16);
    }

    #[test]
    fn what_has_the_same_key_is_told_apart() {
        let keys = ["b", "a", "a"].map(str::to_owned);
        assert_eq!(
            apart(&keys),
            [number("b", 0), number("a", 0), number("a", 1)]
        );
    }
}
