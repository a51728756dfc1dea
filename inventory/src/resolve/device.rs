//! One device, made of everything that belongs to it. It gathers and sums; what wins is decided by
//! the modules that it asks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use medtap_table::vocabulary::{Attribute, Field};
use medtap_table::{Fact, StoredFact, Traffic};

use super::bindings::Unit;
use super::category::{self, Part};
use super::joins::Reason;
use super::usage::{self, Usage};
use super::values::{self, Reading};
use super::{Extent, Resolution, findings, mac};
use crate::attributes::Attributes;
use crate::model::{Device, DeviceId, Finding, Peer, Provenance, Recognised, Risk, Said, Time};

/// Bytes of a MAC address that tell the holder of the block, as they are shown.
const OUI_BYTES: usize = 3;

/// Makers of network parts that are told of one device.
const HINTS_MAX: usize = 8;

/// What the records of one device add up to.
#[derive(Default)]
struct Gathered {
    addresses: BTreeSet<IpAddr>,
    vlans: BTreeSet<u16>,
    macs: BTreeSet<[u8; 6]>,
    times: Option<(u64, u64)>,
    traffic: Traffic,
    usage: Usage,
}

impl Resolution<'_> {
    fn gather(&self, number: u32, extent: Extent) -> Gathered {
        let mut gathered = Gathered::default();
        for unit in self.folding.units.of(number) {
            let unit = *unit as usize;
            if let Some(state) = self.bindings.states.get(unit) {
                gathered.see(state.first_seen_ns, state.last_seen_ns);
            }
            if let Some(Unit::Mac(_, mac)) = self.bindings.units.get(unit) {
                gathered.macs.insert(*mac);
            }
        }
        for place in self.folding.subjects.of(number) {
            self.add_subject(*place, &mut gathered);
        }
        let shown = extent >= Extent::Shown;
        for activity in self.folding.activities.of(number).iter().filter(|_| shown) {
            if let Some(activity) = self.snapshot.activities.get(*activity as usize) {
                gathered.usage.act(activity);
            }
        }
        for (opened, edge) in self.edges_of(number) {
            if let Some((told, _)) = self.snapshot.edges.get(edge as usize) {
                let other = || self.folding.other(edge, opened);
                gathered.usage.speak(told, opened, other);
            }
        }
        gathered
    }

    /// The edges of a device: whether it opened them, and where they lie.
    fn edges_of(&self, number: u32) -> impl Iterator<Item = (bool, u32)> {
        let opened = self.folding.opened.of(number).iter();
        let answered = self.folding.answered.of(number).iter();
        let opened = opened.map(|edge| (true, *edge));
        opened.chain(answered.map(|edge| (false, *edge)))
    }

    /// The others that a device exchanges packets with, by id.
    fn peers(&self, number: u32, extent: Extent) -> Vec<Peer> {
        let count = [&self.folding.opened, &self.folding.answered].map(|it| it.of(number).len());
        let mut edges: Vec<(u32, u32, bool)> = Vec::with_capacity(count.iter().sum());
        edges.extend(self.edges_of(number).filter_map(|(opened, edge)| {
            let other = self.folding.other(edge, opened)?;
            (other != number).then_some((other, edge, opened))
        }));
        // Those that it opened are in order, and so are those that were opened to it: sorting is
        // merging.
        edges.sort_by_key(|(other, ..)| *other);
        let peers = edges.chunk_by(|a, b| a.0 == b.0).filter_map(|same| {
            let (other, ..) = same.first()?;
            let told = same.iter().filter_map(|(_, edge, opened)| {
                let (edge, volume) = self.snapshot.edges.get(*edge as usize)?;
                Some((edge, *volume, *opened))
            });
            Some(usage::peer(self.name(*other), told, extent))
        });
        peers.collect()
    }

    fn add_subject(&self, place: u32, gathered: &mut Gathered) {
        let Some(seen) = self.snapshot.subjects.get(place as usize) else {
            return;
        };
        let subject = &seen.subject;
        add(&mut gathered.traffic, seen.traffic);
        if seen.was_active() || subject.flags.on_link() {
            gathered.see(subject.first_seen_ns, subject.last_seen_ns);
            gathered.addresses.extend(subject.address);
            let own = self.bindings.is_own(medtap_table::SubjectId(place));
            let on_its_link = own || mac::names_nobody(&subject.mac);
            if subject.vlan != 0 && on_its_link {
                gathered.vlans.insert(subject.vlan);
            }
        }
    }

    /// Everything that was said about a device, by unit, as it lies in the table.
    fn stored(&self, number: u32) -> Vec<Vec<StoredFact>> {
        let units = self.folding.units.of(number).iter();
        let stored = units.map(|unit| self.said.stored(&self.snapshot, *unit));
        stored.collect()
    }

    /// The device of a number.
    pub(super) fn device_numbered(&self, number: u32, extent: Extent) -> Device {
        let Gathered {
            addresses,
            vlans,
            macs,
            times,
            traffic,
            usage,
        } = self.gather(number, extent);
        let stored = self.stored(number);
        let mut facts = Vec::with_capacity(stored.iter().map(Vec::len).sum());
        for stored in &stored {
            self.snapshot.add_told(stored, &mut facts);
        }
        let mut facts: Vec<&Fact<'_>> = facts.iter().collect();
        // What a name server looks up, it looks up for others.
        if facts.iter().any(|fact| fact.field == Field::DnsServer) {
            facts.retain(|fact| fact.field != Field::DnsQueryName);
        }
        let part = self.part(number, &usage);
        let (category, category_confidence) = category::decide(&facts, &part);
        let reporters = self.folding.reporters.get(&number);
        let reporters = reporters.into_iter().flatten().filter(|_| part.reported);
        let acts = usage
            .events
            .into_iter()
            .map(|(name, (total, bins))| (name, usage::activity(total, bins, self.observed_ns)));
        let said = facts.iter();
        let said = said.map(|fact| (fact.field, fact.first_seen_ns, fact.last_seen_ns));
        let times = times.or_else(|| said_times(said));
        Device {
            id: self.name(number).as_str().to_owned(),
            macs: macs.iter().map(|mac| mac::text(mac)).collect(),
            addresses: addresses.into_iter().collect(),
            vlans: vlans.into_iter().collect(),
            class: category.class().name(),
            category: category.name(),
            category_confidence,
            reported_by: reporters
                .map(|by| self.name(*by).as_str().to_owned())
                .collect(),
            first_seen: times.map(|times| Time(times.0)),
            last_seen: times.map(|times| Time(times.1)),
            packets_sent: traffic.packets_sent,
            packets_received: traffic.packets_received,
            bytes_sent: traffic.bytes_sent,
            bytes_received: traffic.bytes_received,
            attributes: attributes(&facts, &self.hints(number), extent),
            activity: acts.collect(),
            protocols: usage.protocols.into_iter().collect(),
            peers: match extent {
                Extent::Shown | Extent::Whole => self.peers(number, extent),
                Extent::Listed => Vec::new(),
            },
            findings: match extent {
                Extent::Shown | Extent::Whole => self.findings(number, &facts),
                Extent::Listed => Vec::new(),
            },
            vulnerabilities: Vec::new(),
            risk: Risk::default(),
            recognised: match extent {
                Extent::Whole => recognised(&facts),
                Extent::Listed | Extent::Shown => Vec::new(),
            },
            unnamed: match extent {
                Extent::Whole => unnamed(&facts),
                Extent::Listed | Extent::Shown => Vec::new(),
            },
        }
    }

    /// When a device was first and last seen.
    pub(super) fn times_of(&self, number: u32) -> Option<(u64, u64)> {
        let mut gathered = Gathered::default();
        let units = self.folding.units.of(number).iter();
        for state in units.filter_map(|unit| self.bindings.states.get(*unit as usize)) {
            gathered.see(state.first_seen_ns, state.last_seen_ns);
        }
        for place in self.folding.subjects.of(number) {
            self.add_subject(*place, &mut gathered);
        }
        gathered.times.or_else(|| {
            let units = self.folding.units.of(number).iter();
            let heads = units.flat_map(|unit| self.said.heads(&self.snapshot, *unit));
            said_times(heads.map(|(_, head)| (head.field, head.first_seen_ns, head.last_seen_ns)))
        })
    }

    /// What a device is called.
    fn name(&self, number: u32) -> DeviceId {
        let name = self.names.get(number as usize).copied();
        name.unwrap_or_default()
    }

    fn findings(&self, number: u32, facts: &[&Fact<'_>]) -> Vec<Finding> {
        let mut units = self.folding.units.of(number).iter();
        let shared = units.find_map(|unit| {
            let state = self.bindings.states.get(*unit as usize)?;
            let times = (state.first_seen_ns, state.last_seen_ns);
            state.shared.then_some(times)
        });
        let together = self.network.get(&number).map_or(&[][..], Vec::as_slice);
        findings::of(facts, (shared, together), self.as_of)
    }

    fn part(&self, number: u32, usage: &Usage) -> Part {
        let units = || {
            let of = |unit: &u32| {
                let state = self.bindings.states.get(*unit as usize)?;
                Some((self.bindings.units.get(*unit as usize)?, state))
            };
            self.folding.units.of(number).iter().filter_map(of)
        };
        let reasons = self.folding.reasons.get(&number);
        let is_report = |unit: &Unit| matches!(unit, Unit::Reported(_));
        let reported = units().all(|(unit, _)| is_report(unit));
        Part {
            routes: units().any(|(_, state)| state.routes),
            originates: !reported && units().any(|(unit, _)| is_report(unit)),
            is_analyzer: reasons.is_some_and(|reasons| reasons.contains(&Reason::OwnAnalyzer)),
            reported,
            reports: self.folding.reports.get(&number).map_or(0, BTreeSet::len),
            senders: usage.senders.len(),
            serves: usage.serves.len(),
        }
    }

    /// Who made the network part of it, by its own MAC addresses.
    fn hints(&self, number: u32) -> Vec<Hint> {
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
        let hints = self.folding.units.of(number).iter().filter_map(hint);
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

/// What rules recognised, each field, value and rule once.
fn recognised(facts: &[&Fact<'_>]) -> Vec<Recognised> {
    let key = |fact: &Fact<'_>| (fact.field, fact.rule);
    let mut facts: Vec<&Fact<'_>> = facts.to_vec();
    facts.retain(|fact| fact.rule != 0);
    facts.sort_by(|a, b| (a.field, &a.raw, a.rule).cmp(&(b.field, &b.raw, b.rule)));
    let same = facts.chunk_by(|a, b| key(a) == key(b) && a.raw == b.raw);
    let reading = |same: &[&Fact<'_>]| {
        let first = same.first()?;
        let firsts = same.iter().map(|fact| fact.first_seen_ns).min();
        let lasts = same.iter().map(|fact| fact.last_seen_ns).max();
        Some(Recognised {
            source: Provenance {
                field: first.field.name(),
                raw: first.raw.clone().into_owned(),
                rule: first.rule,
                first_seen: Time(firsts?),
                last_seen: Time(lasts?),
                count: same.iter().map(|fact| fact.count).max()?,
            },
            confidence: same.iter().map(|fact| fact.confidence).max()?,
        })
    };
    same.filter_map(reading).collect()
}

/// What no rule knows and is no attribute, each value of a field once.
fn unnamed(facts: &[&Fact<'_>]) -> Vec<Said> {
    let is_unnamed = |fact: &&&Fact<'_>| {
        fact.rule == 0 && fact.attribute == Attribute::Observed && !fact.field.is_at_patient()
    };
    let said = facts.iter().filter(is_unnamed);
    let mut said: Vec<(&'static str, &str)> =
        said.map(|fact| (fact.field.name(), &*fact.raw)).collect();
    said.sort_unstable();
    said.dedup();
    let said = said.into_iter().map(|(field, raw)| Said {
        field,
        raw: raw.to_owned(),
    });
    said.collect()
}

/// When facts were said. A place at a patient is known to the hour alone, so it does not count.
fn said_times(said: impl Iterator<Item = (Field, u64, u64)>) -> Option<(u64, u64)> {
    let timed = said.filter(|(field, ..)| !field.is_at_patient());
    let times = timed.map(|(_, first, last)| (first, last));
    let times = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    (times.0 != 0).then_some(times)
}

fn attributes(facts: &[&Fact<'_>], hints: &[Hint], extent: Extent) -> Attributes {
    let shown = Attributes::shown();
    let place = |fact: &Fact<'_>| shown.iter().position(|(_, it)| *it == fact.attribute);
    let said = facts.iter().filter_map(|&fact| Some((place(fact)?, fact)));
    let mut said: Vec<(usize, &Fact<'_>)> = said.collect();
    said.sort_by_key(|(place, _)| *place);
    let mut said = said.as_slice();
    let mut values = Attributes::default();
    for ((place, value), (_, attribute)) in values.values_mut().enumerate().zip(shown) {
        let (same, rest) = said.split_at(said.partition_point(|(of, _)| *of <= place));
        said = rest;
        let hints: &[Hint] = match attribute {
            Attribute::Manufacturer => hints,
            _ => &[],
        };
        // Of most attributes nothing is said.
        if same.is_empty() && hints.is_empty() {
            continue;
        }
        let readings = same.iter().map(|&(_, fact)| Reading::from(fact));
        let hints = hints.iter().map(|hint| Reading {
            value: hint.vendor,
            field: Field::EthOui,
            rule: 0,
            raw: &hint.raw,
            confidence: Field::EthOui.confidence(),
            times: hint.times,
            count: 1,
        });
        *value = values::decide(*attribute, readings, hints, extent);
    }
    values
}
