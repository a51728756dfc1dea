//! Units to devices: everything that belongs to a set of units, folded into one record. It gathers
//! and sums; what wins is decided by the modules that it asks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use medtap_table::vocabulary::{Attribute, Field};
use medtap_table::{Fact, SubjectId, Traffic};
use rayon::prelude::*;

use super::bindings::{Bindings, Unit};
use super::category::{self, Part};
use super::joins::{Joined, Joins, Reason};
use super::snapshot::Snapshot;
use super::usage::{self, Usage};
use super::values::{self, Reading};
use super::{Join, findings, identity, mac};
use crate::model::{AttributeValue, Device, Peer, Provenance, Recognised, Risk, Time};

/// Bytes of a MAC address that tell the holder of the block, as they are shown.
const OUI_BYTES: usize = 3;

/// Makers of network parts that are told of one device.
const HINTS_MAX: usize = 8;

/// What belongs to one device.
#[derive(Default)]
struct Gathered {
    units: Vec<u32>,
    addresses: BTreeSet<IpAddr>,
    vlans: BTreeSet<u16>,
    times: Option<(u64, u64)>,
    traffic: Traffic,
    usage: Usage,
    /// Devices that report it.
    reporters: BTreeSet<u32>,
    /// Devices that it reports by HL7, besides itself.
    reports: BTreeSet<u32>,
    reasons: BTreeSet<Reason>,
}

/// The devices in the making.
pub struct Folding<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) bindings: &'a Bindings,
    pub(super) facts: &'a [Vec<&'a Fact<'static>>],
    gathered: Vec<Gathered>,
    joined: Vec<Joined>,
    /// The device of each unit.
    device_of_unit: Vec<u32>,
}

impl<'a> Folding<'a> {
    /// Gathers what belongs together.
    pub fn new(
        snapshot: &'a Snapshot,
        bindings: &'a Bindings,
        facts: &'a [Vec<&'a Fact<'static>>],
        mut joins: Joins<'_>,
    ) -> Self {
        let mut devices: BTreeMap<u32, u32> = BTreeMap::new();
        let mut device_of_unit = Vec::with_capacity(bindings.units.len());
        for unit in 0..u32::try_from(bindings.units.len()).unwrap_or(u32::MAX) {
            let next = u32::try_from(devices.len()).unwrap_or(u32::MAX);
            device_of_unit.push(*devices.entry(joins.sets.root(unit)).or_insert(next));
        }
        let mut gathered: Vec<Gathered> = Vec::new();
        gathered.resize_with(devices.len(), Gathered::default);
        let mut this = Self {
            snapshot,
            bindings,
            facts,
            gathered,
            joined: std::mem::take(&mut joins.joined),
            device_of_unit,
        };
        this.gather_units(&joins.reporters);
        this.gather_subjects();
        this.gather_edges();
        this
    }

    /// The units of a device.
    pub(super) fn units_of(&self, number: u32) -> &[u32] {
        let gathered = self.gathered.get(number as usize);
        gathered.map_or(&[], |gathered| gathered.units.as_slice())
    }

    /// The device that a record belongs to.
    pub(super) fn device_of(&self, id: SubjectId, times: (u64, u64)) -> Option<u32> {
        let unit = self.bindings.owner(self.snapshot, id, times)?;
        self.device_of_unit.get(unit as usize).copied()
    }

    fn gather_units(&mut self, reporters: &BTreeMap<u32, u32>) {
        for ((number, device), state) in (0..).zip(&self.device_of_unit).zip(&self.bindings.states)
        {
            if let Some(gathered) = self.gathered.get_mut(*device as usize) {
                gathered.units.push(number);
                gathered.see(state.first_seen_ns, state.last_seen_ns);
            }
        }
        for joined in &self.joined {
            let device = self.device_of_unit.get(joined.unit as usize).copied();
            let device = device.and_then(|device| self.gathered.get_mut(device as usize));
            if let Some(gathered) = device {
                gathered.reasons.insert(joined.reason);
            }
        }
        for (report, reporter) in reporters {
            let device = |unit: &u32| self.device_of_unit.get(*unit as usize).copied();
            let (Some(about), Some(by)) = (device(report), device(reporter)) else {
                continue;
            };
            if about == by {
                continue;
            }
            if let Some(gathered) = self.gathered.get_mut(about as usize) {
                gathered.reporters.insert(by);
            }
            let by_message = self.facts.get(*report as usize).is_some_and(|facts| {
                let mut fields = facts.iter().map(|fact| fact.field.name());
                let of_message = |name: &str| {
                    ["hl7.", "astm.", "poct1."]
                        .iter()
                        .any(|protocol| name.starts_with(protocol))
                };
                fields.any(of_message)
            });
            if by_message && let Some(gathered) = self.gathered.get_mut(by as usize) {
                gathered.reports.insert(about);
            }
        }
    }

    fn gather_subjects(&mut self) {
        for (place, seen) in (0..).zip(&self.snapshot.subjects) {
            let (id, subject) = (SubjectId(place), &seen.subject);
            let times = (subject.first_seen_ns, subject.last_seen_ns);
            let own = self.bindings.is_own(id);
            let device = self.device_of(id, times);
            let Some(gathered) = device.and_then(|device| self.gathered.get_mut(device as usize))
            else {
                continue;
            };
            add(&mut gathered.traffic, seen.traffic);
            if seen.was_active() || subject.flags.on_link() {
                gathered.see(times.0, times.1);
                gathered.addresses.extend(subject.address);
                let on_its_link = own || mac::names_nobody(&subject.mac);
                if subject.vlan != 0 && on_its_link {
                    gathered.vlans.insert(subject.vlan);
                }
            }
        }
        for activity in &self.snapshot.activities {
            let times = (activity.first_seen_ns, activity.last_seen_ns);
            let device = self.device_of(activity.subject, times);
            if let Some(gathered) = device.and_then(|device| self.gathered.get_mut(device as usize))
            {
                gathered.usage.act(activity);
            }
        }
    }

    fn gather_edges(&mut self) {
        for (edge, volume) in &self.snapshot.edges {
            let times = (edge.first_seen_ns, edge.last_seen_ns);
            let orig = self.device_of(edge.orig, times);
            let resp = edge.resp.and_then(|resp| self.device_of(resp, times));
            for (this, other, opened) in [(orig, resp, true), (resp, orig, false)] {
                let Some(gathered) = this.and_then(|this| self.gathered.get_mut(this as usize))
                else {
                    continue;
                };
                gathered.usage.speak(edge, opened, other);
                if let Some(other) = other
                    && this != Some(other)
                {
                    gathered.usage.exchange(other, edge, opened, volume.bytes);
                }
            }
        }
    }

    /// The devices, by id, and why records were joined.
    pub fn devices(
        &self,
        ids: &[String],
        observed_ns: u64,
        as_of: Option<Time>,
    ) -> (Vec<Device>, Vec<Join>) {
        let mut devices: Vec<Device> = (0..self.gathered.len())
            .into_par_iter()
            .filter_map(|number| self.device(number, ids, observed_ns, as_of))
            .collect();
        devices.par_sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut joins: Vec<Join> = self
            .joined
            .iter()
            .filter_map(|joined| {
                let device = *self.device_of_unit.get(joined.unit as usize)?;
                Some(Join {
                    device: ids.get(device as usize)?.clone(),
                    reason: joined.reason,
                    key: joined.key.clone(),
                })
            })
            .collect();
        joins.sort_unstable();
        (devices, joins)
    }

    /// What each device is called.
    pub fn ids(&self) -> Vec<String> {
        let keys: Vec<String> = self.gathered.par_iter().map(|g| self.key(g)).collect();
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by(|a, b| keys.get(*a).cmp(&keys.get(*b)).then(a.cmp(b)));
        let mut taken: HashSet<String> = HashSet::new();
        let mut ids = vec![String::new(); keys.len()];
        let (mut last, mut again) = ("", 0);
        for place in order {
            let key = keys.get(place).map_or("", String::as_str);
            again = if key == last { again } else { 0 };
            last = key;
            let id = loop {
                let id = identity::id(key, again);
                again += 1;
                if taken.insert(id.clone()) {
                    break id;
                }
            };
            if let Some(slot) = ids.get_mut(place) {
                *slot = id;
            }
        }
        ids
    }

    /// The key of its unit that was seen first.
    fn key(&self, gathered: &Gathered) -> String {
        let keys = gathered.units.iter().filter_map(|&unit| {
            let state = self.bindings.states.get(unit as usize)?;
            let seen = match state.first_seen_ns {
                0 => u64::MAX,
                first => first,
            };
            let unit = *self.bindings.units.get(unit as usize)?;
            Some((seen, identity::unit_key(self.snapshot, unit)?))
        });
        keys.min().map_or_else(String::new, |(_, key)| key)
    }

    fn device(
        &self,
        number: usize,
        ids: &[String],
        observed_ns: u64,
        as_of: Option<Time>,
    ) -> Option<Device> {
        let gathered = self.gathered.get(number)?;
        let facts: Vec<&Fact<'static>> = gathered
            .units
            .iter()
            .filter_map(|unit| self.facts.get(*unit as usize))
            .flatten()
            .copied()
            .collect();
        let macs: BTreeSet<[u8; 6]> = gathered
            .units
            .iter()
            .filter_map(|unit| match self.bindings.units.get(*unit as usize)? {
                Unit::Mac(_, mac) => Some(*mac),
                _ => None,
            })
            .collect();
        let id = |device: &u32| ids.get(*device as usize).cloned();
        let part = self.part(gathered);
        let (category, category_confidence) = category::decide(&facts, &part);
        let mut reported_by: Vec<String> = match part.reported {
            true => gathered.reporters.iter().filter_map(id).collect(),
            false => Vec::new(),
        };
        reported_by.sort_unstable();
        let usage = &gathered.usage;
        let mut peers: Vec<Peer> = usage
            .peers
            .iter()
            .filter_map(|(other, peer)| {
                Some(Peer {
                    id: id(other)?,
                    protocols: peer.protocols.iter().copied().collect(),
                    bytes: peer.bytes,
                    conversations: peer.conversations(),
                })
            })
            .collect();
        peers.sort_unstable();
        let acts = usage
            .events
            .iter()
            .map(|(name, (total, bins))| (*name, usage::activity(*total, bins, observed_ns)));
        let times = gathered.times.or_else(|| fact_times(&facts));
        Some(Device {
            id: ids.get(number)?.clone(),
            macs: macs.iter().map(|mac| mac::text(mac)).collect(),
            addresses: gathered.addresses.iter().copied().collect(),
            vlans: gathered.vlans.iter().copied().collect(),
            class: category.class().name(),
            category: category.name(),
            category_confidence,
            reported_by,
            first_seen: times.map(|times| Time(times.0)),
            last_seen: times.map(|times| Time(times.1)),
            packets_sent: gathered.traffic.packets_sent,
            packets_received: gathered.traffic.packets_received,
            bytes_sent: gathered.traffic.bytes_sent,
            bytes_received: gathered.traffic.bytes_received,
            attributes: attributes(&facts, &self.hints(gathered)),
            protocols: usage.protocols.iter().cloned().collect(),
            peers,
            activity: acts.collect(),
            findings: findings::of(&facts, as_of),
            vulnerabilities: Vec::new(),
            risk: Risk::default(),
            recognised: recognised(&facts),
        })
    }

    fn part(&self, gathered: &Gathered) -> Part {
        let units = || {
            let of = |unit: &u32| {
                let state = self.bindings.states.get(*unit as usize)?;
                Some((self.bindings.units.get(*unit as usize)?, state))
            };
            gathered.units.iter().filter_map(of)
        };
        let is_report = |unit: &Unit| matches!(unit, Unit::Reported(_));
        let reported = units().all(|(unit, _)| is_report(unit));
        Part {
            routes: units().any(|(_, state)| state.routes),
            originates: !reported && units().any(|(unit, _)| is_report(unit)),
            is_analyzer: gathered.reasons.contains(&Reason::OwnAnalyzer),
            reported,
            reports: gathered.reports.len(),
            senders: gathered.usage.senders.len(),
            serves: gathered.usage.serves.len(),
        }
    }

    /// Who made the network part of it, by its own MAC addresses.
    fn hints(&self, gathered: &Gathered) -> Vec<Hint> {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let hint = |unit: &u32| match *self.bindings.units.get(*unit as usize)? {
            Unit::Mac(_, mac) => {
                let state = self.bindings.states.get(*unit as usize)?;
                Some(Hint {
                    vendor: mac::vendor(&mac)?,
                    raw: mac::text(mac.get(..OUI_BYTES)?),
                    times: (state.first_seen_ns, state.last_seen_ns),
                })
            }
            _ => None,
        };
        let hints = gathered.units.iter().filter_map(hint);
        hints
            .filter(|hint| known.insert(hint.vendor))
            .take(HINTS_MAX)
            .collect()
    }
}

impl Gathered {
    fn see(&mut self, first_ns: u64, last_ns: u64) {
        if first_ns != 0 {
            let (first, last) = self.times.unwrap_or((first_ns, last_ns));
            self.times = Some((first.min(first_ns), last.max(last_ns)));
        }
    }
}

/// The maker of a network part.
struct Hint {
    vendor: &'static str,
    raw: String,
    times: (u64, u64),
}

fn add(sum: &mut Traffic, more: Traffic) {
    sum.packets_sent = sum.packets_sent.saturating_add(more.packets_sent);
    sum.packets_received = sum.packets_received.saturating_add(more.packets_received);
    sum.bytes_sent = sum.bytes_sent.saturating_add(more.bytes_sent);
    sum.bytes_received = sum.bytes_received.saturating_add(more.bytes_received);
}

/// When facts were said. A place at a patient is known to the hour alone, so it does not count.
/// What rules recognised, each field, value and rule once.
fn recognised(facts: &[&Fact<'static>]) -> Vec<Recognised> {
    let mut readings: BTreeMap<(Field, &str, u32), Recognised> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.rule != 0) {
        let (first, last) = (Time(fact.first_seen_ns), Time(fact.last_seen_ns));
        let key = (fact.field, fact.raw.as_ref(), fact.rule);
        let reading = readings.entry(key).or_insert_with(|| Recognised {
            source: Provenance {
                field: fact.field.name(),
                raw: fact.raw.clone().into_owned(),
                rule: fact.rule,
                first_seen: first,
                last_seen: last,
                count: 0,
            },
            confidence: 0,
        });
        let source = &mut reading.source;
        source.first_seen = source.first_seen.min(first);
        source.last_seen = source.last_seen.max(last);
        source.count = source.count.max(fact.count);
        reading.confidence = reading.confidence.max(fact.confidence);
    }
    readings.into_values().collect()
}

fn fact_times(facts: &[&Fact<'static>]) -> Option<(u64, u64)> {
    let timed = || facts.iter().filter(|fact| !fact.field.is_at_patient());
    let first = timed().map(|fact| fact.first_seen_ns).min()?;
    let last = timed().map(|fact| fact.last_seen_ns).max()?;
    (first != 0).then_some((first, last))
}

fn attributes(
    facts: &[&Fact<'static>],
    hints: &[Hint],
) -> BTreeMap<&'static str, Option<AttributeValue>> {
    let mut by_attribute: BTreeMap<Attribute, Vec<Reading<'_>>> = BTreeMap::new();
    for &fact in facts {
        by_attribute
            .entry(fact.attribute)
            .or_default()
            .push(fact.into());
    }
    let value = |attribute: Attribute| {
        let readings = by_attribute.remove(&attribute).unwrap_or_default();
        let hints = hints.iter().map(|hint| Reading {
            value: hint.vendor,
            field: Field::EthOui,
            rule: 0,
            raw: &hint.raw,
            confidence: Field::EthOui.confidence(),
            times: hint.times,
            count: 1,
        });
        let maker = attribute == Attribute::Manufacturer;
        let hints = hints.filter(|_| maker);
        (attribute.name(), values::decide(attribute, readings, hints))
    };
    Attribute::SHOWN.iter().copied().map(value).collect()
}
