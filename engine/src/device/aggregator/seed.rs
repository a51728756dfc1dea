//! What the run before knew: a new engine begins with it, so that a restart forgets no device. It
//! takes over what was seen, never how the table lay.

use std::net::IpAddr;

use medtap_table::{Fact, Subject, SubjectId, SubjectKind, TableReader};

use super::{ActivityState, Aggregator, EdgeKey, EdgeState, NOBODY};
use crate::device::claims::Claims;
use crate::device::sighting::{FactSighting, SubjectSighting, Times};
use crate::device::subject::{BindingKey, Identifier, SubjectKey};
use crate::device::text::Value;

impl Aggregator {
    /// Takes over an earlier table: its subjects with their traffic, facts, edges and activity.
    /// Records that make no sense are left behind.
    pub fn seed(&mut self, table: &TableReader) {
        let mut keys: Vec<Option<SubjectKey>> = Vec::new();
        for (id, subject, traffic) in table.subjects() {
            let place = id.0 as usize;
            let key = key(&subject, &keys);
            keys.resize((place + 1).max(keys.len()), None);
            keys[place] = key;
            let Some(key) = key else { continue };
            self.subject(&SubjectSighting {
                key,
                flags: subject.flags,
                ttl_min: if subject.ttl_max == 0 {
                    u8::MAX
                } else {
                    subject.ttl_min
                },
                ttl_max: subject.ttl_max,
                times: times(subject.first_seen_ns, subject.last_seen_ns),
                claims: Claims::default(),
                first_packet: subject.first_packet,
                traffic,
            });
        }
        let key = |id: SubjectId| keys.get(id.0 as usize).copied().flatten();
        for (_, fact) in table.facts() {
            if let Some(key) = key(fact.subject) {
                self.seed_fact(key, &fact);
            }
        }
        self.seed_edges(table, key);
        self.seed_activity(table, key);
    }

    fn seed_fact(&mut self, key: SubjectKey, fact: &Fact<'_>) {
        let text = |text: &str, cut: bool| {
            let value = Value::from_wire(text.as_bytes());
            if cut { value.shortened() } else { value }
        };
        let raw = text(&fact.raw, fact.raw_cut);
        let value = text(&fact.value, fact.value_cut);
        self.fact(&FactSighting {
            key: &key,
            field: fact.field,
            attribute: fact.attribute,
            rule: fact.rule,
            confidence: fact.confidence,
            times: times(fact.first_seen_ns, fact.last_seen_ns),
            count: fact.count,
            raw: raw.view(),
            value: value.view(),
        });
    }

    fn seed_edges(&mut self, table: &TableReader, key: impl Fn(SubjectId) -> Option<SubjectKey>) {
        for (_, edge, volume) in table.edges() {
            let known = |id: SubjectId| key(id).and_then(|key| self.subjects.get(&key));
            let resp = edge.resp.map_or(Some(NOBODY), known);
            let (Some(orig), Some(resp)) = (known(edge.orig), resp) else {
                continue;
            };
            let key = EdgeKey {
                orig,
                resp,
                protocol: edge.protocol,
                transport: edge.transport,
                port: edge.port,
            };
            let Some(id) = self.edges.id(&key, EdgeState::new) else {
                continue;
            };
            let state = self.edges.owe(id);
            state.flags.insert(edge.flags);
            state.confidence = state.confidence.max(edge.confidence);
            state
                .times
                .merge(times(edge.first_seen_ns, edge.last_seen_ns));
            state.volume += volume;
        }
    }

    fn seed_activity(
        &mut self,
        table: &TableReader,
        key: impl Fn(SubjectId) -> Option<SubjectKey>,
    ) {
        for (_, activity) in table.activity() {
            let Some(key) = key(activity.subject) else {
                continue;
            };
            let Some(subject) = self.subject_id(&key, true) else {
                continue;
            };
            let Some(id) = self
                .activities
                .id(&(subject, activity.event), ActivityState::new)
            else {
                continue;
            };
            let state = self.activities.owe(id);
            for (bin, seen) in state.bins.iter_mut().zip(activity.bins) {
                *bin = bin.saturating_add(seen);
            }
            state.total += activity.total;
            let seen = times(activity.first_seen_ns, activity.last_seen_ns);
            state.times.merge(seen);
        }
    }
}

/// The key that made a subject; `None` where its reporter is not known.
fn key(subject: &Subject, keys: &[Option<SubjectKey>]) -> Option<SubjectKey> {
    match subject.kind {
        SubjectKind::Binding => {
            let (version, address) = match subject.address {
                Some(IpAddr::V4(address)) => (4, address.to_ipv6_mapped().octets()),
                Some(IpAddr::V6(address)) => (6, address.octets()),
                None => (0, [0; 16]),
            };
            Some(SubjectKey::Binding(BindingKey {
                scope: subject.scope,
                vlan: subject.vlan,
                mac: subject.mac,
                version,
                address,
            }))
        }
        SubjectKind::Reported => {
            let reporter = keys.get(subject.reporter?.0 as usize).copied().flatten()?;
            let SubjectKey::Binding(reporter) = reporter else {
                return None;
            };
            let identifier = Identifier::new(subject.identifier.as_str().as_bytes())?;
            Some(SubjectKey::Reported(reporter, identifier))
        }
    }
}

fn times(first_ns: u64, last_ns: u64) -> Times {
    if last_ns == 0 {
        return Times::NEVER;
    }
    Times { first_ns, last_ns }
}
