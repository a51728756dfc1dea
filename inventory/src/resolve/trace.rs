//! What stands behind each device, gathered from the same records as the device itself. It
//! interprets nothing that the device's own modules have not.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::vocabulary::{Event, Field};
use medtap_table::{EdgeFlags, SubjectId};
use rayon::prelude::*;

use super::bindings::Unit;
use super::device::Folding;
use super::joins::Reason;
use super::{identity, mac};
use crate::trace::{Binding, Detail, Doing, Key, KeyKind, Link, Statement};

/// The strong keys of each unit, by unit number.
pub type StrongKeys = Vec<Vec<(Reason, String)>>;

impl Folding<'_> {
    /// What stands behind each device, in the order of their ids.
    pub fn details(&self, ids: &[String], strong: &StrongKeys) -> Vec<Detail> {
        let mut order: Vec<u32> = (0..u32::try_from(ids.len()).unwrap_or(u32::MAX)).collect();
        order.sort_unstable_by_key(|number| ids.get(*number as usize));
        let mut places = vec![0; ids.len()];
        for (place, number) in (0..).zip(&order) {
            if let Some(slot) = places.get_mut(*number as usize) {
                *slot = place;
            }
        }
        let mut details: Vec<Detail> = order
            .par_iter()
            .map(|number| self.said_of(*number, strong))
            .collect();
        self.trace_bindings(&places, &mut details);
        self.trace_edges(&places, &mut details);
        self.trace_doings(&places, &mut details);
        details.par_iter_mut().for_each(|detail| {
            detail.keys.sort_unstable();
            detail.bindings.sort_unstable();
            detail.statements.sort_unstable();
            detail.links.sort_unstable();
            detail.doings.sort_unstable_by_key(|doing| doing.event);
        });
        details
    }

    /// Keys and statements of one device.
    fn said_of(&self, number: u32, strong: &StrongKeys) -> Detail {
        let mut detail = Detail::default();
        let units = self.units_of(number);
        for unit in units {
            let index = *unit as usize;
            let (Some(kind), Some(state)) = (
                self.bindings.units.get(index),
                self.bindings.states.get(index),
            ) else {
                continue;
            };
            detail.routes |= state.routes;
            let record = identity::unit_key(self.snapshot, *kind).unwrap_or_default();
            let mut keys: BTreeSet<(KeyKind, String)> = BTreeSet::new();
            for (reason, text) in strong.get(index).into_iter().flatten() {
                let kind = match reason {
                    Reason::Serial => KeyKind::Serial,
                    Reason::Udi => KeyKind::Udi,
                    Reason::Identifier => KeyKind::Identifier,
                    Reason::Station => KeyKind::Station,
                    _ => continue,
                };
                keys.insert((kind, text.clone()));
            }
            keys.extend(self.own_keys(*kind, *unit));
            detail.keys.extend(keys.into_iter().map(|(kind, text)| Key {
                kind,
                text,
                first_seen_ns: state.first_seen_ns,
                last_seen_ns: state.last_seen_ns,
                record: record.clone(),
            }));
            let facts = self.facts.get(index).into_iter().flatten();
            detail.statements.extend(facts.map(|fact| Statement {
                attribute: fact.attribute,
                field: fact.field,
                value: fact.value.clone().into_owned(),
                raw: fact.raw.clone().into_owned(),
                rule: fact.rule,
                confidence: fact.confidence,
                first_seen_ns: fact.first_seen_ns,
                last_seen_ns: fact.last_seen_ns,
                count: fact.count,
            }));
        }
        detail
    }

    /// The keys that a unit has by its addresses.
    fn own_keys(&self, unit: Unit, number: u32) -> Vec<(KeyKind, String)> {
        let mut keys = Vec::new();
        match unit {
            // A local address is its owner's only where it was given out.
            Unit::Mac(scope, own) if own[0] & 2 != 0 => {
                keys.push((KeyKind::Mac, format!("{scope}|{}", mac::text(&own))));
            }
            Unit::Mac(scope, own) if mac::is_shared(&own) => {
                keys.push((KeyKind::Mac, format!("{scope}|{}", mac::text(&own))));
            }
            Unit::Mac(_, own) => keys.push((KeyKind::Mac, mac::text(&own))),
            Unit::Ip(scope, address) => {
                keys.push((KeyKind::Address, format!("{scope}|{address}")));
            }
            Unit::Reported(_) => {
                let record = identity::unit_key(self.snapshot, unit);
                keys.extend(record.map(|record| (KeyKind::Identifier, record)));
            }
        }
        let Unit::Mac(scope, own) = unit else {
            return keys;
        };
        let facts = self.facts.get(number as usize).into_iter().flatten();
        let clients = facts.filter(|fact| fact.field == Field::DhcpClientId && !fact.raw_cut);
        let plain = mac::text(&own).replace(':', "");
        for fact in clients {
            let digits: String = fact
                .raw
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .collect();
            // Most clients say their MAC address again.
            if !digits.to_ascii_lowercase().contains(&plain) && digits.len() >= CLIENT_DIGITS_MIN {
                keys.push((KeyKind::Client, format!("{scope}|{}", fact.raw)));
            }
        }
        keys
    }

    fn trace_bindings(&self, places: &[u32], details: &mut [Detail]) {
        for (place, seen) in (0..).zip(&self.snapshot.subjects) {
            let (id, subject) = (SubjectId(place), &seen.subject);
            if !seen.was_active() && !subject.flags.on_link() {
                continue;
            }
            if subject.address.is_none() && subject.mac == [0; 6] {
                continue;
            }
            let times = (subject.first_seen_ns, subject.last_seen_ns);
            let on_its_link = self.bindings.is_own(id) && !mac::names_nobody(&subject.mac);
            let Some(detail) = self
                .place_of(id, times, places)
                .and_then(|place| details.get_mut(place as usize))
            else {
                continue;
            };
            detail.bindings.push(Binding {
                scope: subject.scope,
                vlan: if on_its_link { subject.vlan } else { 0 },
                mac: on_its_link.then_some(subject.mac),
                address: subject.address,
                proven: subject.flags.on_link(),
                first_seen_ns: subject.first_seen_ns,
                last_seen_ns: subject.last_seen_ns,
            });
        }
    }

    fn trace_edges(&self, places: &[u32], details: &mut [Detail]) {
        for (edge, volume) in &self.snapshot.edges {
            let times = (edge.first_seen_ns, edge.last_seen_ns);
            let orig = self.place_of(edge.orig, times, places);
            let resp = edge
                .resp
                .and_then(|resp| self.place_of(resp, times, places));
            let both = [(orig, resp, true), (resp, orig, false)];
            for (this, other, opened) in both {
                if opened && this == other && this.is_some() {
                    break;
                }
                let Some(detail) = this.and_then(|this| details.get_mut(this as usize)) else {
                    continue;
                };
                detail.links.push(Link {
                    other,
                    opened,
                    protocol: edge.protocol,
                    transport: edge.transport,
                    port: edge.port,
                    encrypted: edge.flags.contains(EdgeFlags::ENCRYPTED),
                    answered: edge.flags.contains(EdgeFlags::ANSWERED)
                        || edge.flags.contains(EdgeFlags::CONFIRMED),
                    first_seen_ns: edge.first_seen_ns,
                    last_seen_ns: edge.last_seen_ns,
                    packets: volume.packets,
                    bytes: volume.bytes,
                });
            }
        }
    }

    fn trace_doings(&self, places: &[u32], details: &mut [Detail]) {
        let mut doings: BTreeMap<(u32, Event), Doing> = BTreeMap::new();
        for activity in &self.snapshot.activities {
            let times = (activity.first_seen_ns, activity.last_seen_ns);
            let Some(place) = self.place_of(activity.subject, times, places) else {
                continue;
            };
            let key = (place, activity.event);
            let doing = doings.entry(key).or_insert_with(|| Doing {
                event: activity.event,
                first_seen_ns: activity.first_seen_ns,
                last_seen_ns: activity.last_seen_ns,
                bins: [0; 168],
            });
            doing.first_seen_ns = doing.first_seen_ns.min(activity.first_seen_ns);
            doing.last_seen_ns = doing.last_seen_ns.max(activity.last_seen_ns);
            for (sum, bin) in doing.bins.iter_mut().zip(activity.bins) {
                *sum = sum.saturating_add(bin);
            }
        }
        for ((place, _), doing) in doings {
            if let Some(detail) = details.get_mut(place as usize) {
                detail.doings.push(doing);
            }
        }
    }

    fn place_of(&self, id: SubjectId, times: (u64, u64), places: &[u32]) -> Option<u32> {
        let device = self.device_of(id, times)?;
        places.get(device as usize).copied()
    }
}

/// Characters of a DHCP client identifier that can be one machine's.
const CLIENT_DIGITS_MIN: usize = 12;
