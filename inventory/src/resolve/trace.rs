//! What stands behind a device, gathered from the same records as the device itself. It
//! interprets nothing that the device's own modules have not.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::vocabulary::{Event, Field};
use medtap_table::{EdgeFlags, Fact, SubjectId};

use super::bindings::Unit;
use super::joins::Reason;
use super::{Resolution, identity, joins, mac};
use crate::trace::{Binding, Detail, Doing, Key, KeyKind, Link, Statement};

impl Resolution<'_> {
    /// What stands behind the device of a number.
    pub(super) fn detail_numbered(&self, number: u32) -> Detail {
        let mut detail = Detail::default();
        for unit in self.folding.units.of(number) {
            let stored = self.said.stored(&self.snapshot, *unit);
            let facts = self.snapshot.told(&stored);
            self.trace_keys(*unit, &facts, &mut detail);
            detail.statements.extend(facts.into_iter().map(statement));
        }
        self.trace_bindings(number, &mut detail);
        self.trace_edges(number, &mut detail);
        self.trace_doings(number, &mut detail);
        detail.keys.sort_unstable();
        detail.bindings.sort_unstable();
        detail.statements.sort_unstable();
        detail.links.sort_unstable();
        detail
    }

    /// Whether a unit routes, and its keys.
    fn trace_keys(&self, unit: u32, facts: &[Fact<'_>], detail: &mut Detail) {
        let index = unit as usize;
        let (Some(kind), Some(state)) = (
            self.bindings.units.get(index),
            self.bindings.states.get(index),
        ) else {
            return;
        };
        detail.routes |= state.routes;
        detail.shared |= state.shared;
        let record = identity::unit_key(&self.snapshot, *kind).unwrap_or_default();
        let mut keys: BTreeSet<(KeyKind, String)> = BTreeSet::new();
        let own = self.grounds().all_keys(unit).into_iter();
        for key in own.filter(|key| !self.folding.contested.contains_key(key)) {
            // A chassis is told by its MAC address.
            let joins::Key::Text(reason, text) = key else {
                continue;
            };
            let kind = match reason {
                Reason::Serial => KeyKind::Serial,
                Reason::Udi => KeyKind::Udi,
                Reason::Identifier => KeyKind::Identifier,
                Reason::Station => KeyKind::Station,
                _ => continue,
            };
            keys.insert((kind, text));
        }
        keys.extend(self.own_keys(*kind, facts));
        detail.keys.extend(keys.into_iter().map(|(kind, text)| Key {
            kind,
            text,
            first_seen_ns: state.first_seen_ns,
            last_seen_ns: state.last_seen_ns,
            record: record.clone(),
        }));
    }

    /// The keys that a unit has by its addresses.
    fn own_keys(&self, unit: Unit, facts: &[Fact<'_>]) -> Vec<(KeyKind, String)> {
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
                let record = identity::unit_key(&self.snapshot, unit);
                keys.extend(record.map(|record| (KeyKind::Identifier, record)));
            }
        }
        let Unit::Mac(scope, own) = unit else {
            return keys;
        };
        let clients = facts
            .iter()
            .filter(|fact| fact.field == Field::DhcpClientId && !fact.raw_cut);
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

    fn trace_bindings(&self, number: u32, detail: &mut Detail) {
        for place in self.folding.subjects.of(number) {
            let Some(seen) = self.snapshot.subjects.get(*place as usize) else {
                continue;
            };
            let subject = &seen.subject;
            if !seen.was_active() && !subject.flags.on_link() {
                continue;
            }
            if subject.address.is_none() && subject.mac == [0; 6] {
                continue;
            }
            let own = self.bindings.is_own(SubjectId(*place));
            let on_its_link = own && !mac::names_nobody(&subject.mac);
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

    fn trace_edges(&self, number: u32, detail: &mut Detail) {
        let groups = [
            (&self.folding.opened, true),
            (&self.folding.answered, false),
        ];
        for (edges, opened) in groups {
            for place in edges.of(number) {
                let Some((edge, volume)) = self.snapshot.edges.get(*place as usize) else {
                    continue;
                };
                let other = self.folding.other(*place, opened);
                if other == Some(number) {
                    continue;
                }
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

    fn trace_doings(&self, number: u32, detail: &mut Detail) {
        let mut doings: BTreeMap<Event, Doing> = BTreeMap::new();
        for place in self.folding.activities.of(number) {
            let Some(activity) = self.snapshot.activities.get(*place as usize) else {
                continue;
            };
            let doing = doings.entry(activity.event).or_insert_with(|| Doing {
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
        detail.doings.extend(doings.into_values());
    }
}

fn statement(fact: Fact<'_>) -> Statement {
    Statement {
        attribute: fact.attribute,
        field: fact.field,
        value: fact.value.into_owned(),
        raw: fact.raw.into_owned(),
        rule: fact.rule,
        confidence: fact.confidence,
        first_seen_ns: fact.first_seen_ns,
        last_seen_ns: fact.last_seen_ns,
        count: fact.count,
    }
}

/// Characters of a DHCP client identifier that can be one machine's.
const CLIENT_DIGITS_MIN: usize = 12;
