//! What is asked of memory: devices, one device with everything about it, what happened, sources.
//! It changes nothing.

use std::collections::BTreeMap;

use medtap_table::vocabulary::{Attribute, Field};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::HistoryError;
use super::change::{Change, ChangeKind};
use super::hours::{ONLINE, Weeks, unpack};
use super::listing::{DeviceRow, row_of};
use super::store::Store;
use crate::model::Time;
use crate::trace::KeyKind;

/// A value and while it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValueRow {
    /// The attribute.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// 0–100.
    pub confidence: u8,
    /// From when.
    pub from: Time,
    /// When it was last read.
    pub last: Time,
}

/// What was stated, where, and while it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactRow {
    /// What it says about the device.
    pub attribute: &'static str,
    /// Where it was read.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// As it was sent.
    pub raw: String,
    /// The rule that gave the value, 0 none.
    pub rule: u32,
    /// 0–100.
    pub confidence: u8,
    /// From when.
    pub from: Time,
    /// When it was last read.
    pub last: Time,
}

/// An address and while it was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AddressRow {
    /// The site.
    pub site: String,
    /// The address space.
    pub scope: u16,
    /// The VLAN, 0 untagged.
    pub vlan: u16,
    /// The MAC address; null behind a router.
    pub mac: Option<String>,
    /// The IP address; null for the link alone.
    pub address: Option<String>,
    /// From when.
    pub from: Time,
    /// When it was last used.
    pub last: Time,
}

/// A protocol that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceRow {
    /// The protocol.
    pub protocol: String,
    /// IP protocol number.
    pub transport: u8,
    /// The port.
    pub port: u16,
    /// Its payload is encrypted.
    pub encrypted: bool,
    /// From when.
    pub from: Time,
    /// When it was last served.
    pub last: Time,
}

/// Conversations with another device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LinkRow {
    /// The other device; null where that is none alone.
    pub peer: Option<String>,
    /// This device opens them.
    pub opens: bool,
    /// The protocol; null where it is not known.
    pub protocol: Option<String>,
    /// IP protocol number.
    pub transport: u8,
    /// The responder's port.
    pub port: u16,
    /// The payload is encrypted.
    pub encrypted: bool,
    /// The other side answered.
    pub answered: bool,
    /// Packets in both directions.
    pub packets: u64,
    /// Bytes in both directions.
    pub bytes: u64,
    /// From when.
    pub from: Time,
    /// When last.
    pub last: Time,
}

/// A key of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// Its kind.
    pub kind: &'static str,
    /// Its text.
    pub key: String,
    /// When the record that has it was first seen.
    pub first: Time,
    /// When it was last seen.
    pub last: Time,
    /// A person said whose it is.
    pub by_hand: bool,
}

/// Why something belongs to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JoinRow {
    /// When it was found.
    pub time: Time,
    /// The kind of key, or `by hand`.
    pub reason: String,
    /// The key that both have, or what the person said.
    pub key: String,
    /// What was joined.
    pub other: String,
    /// Who said so; empty where keys did.
    pub person: String,
}

/// What a device is known by, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// Ids that lead to it as well.
    pub aliases: Vec<String>,
    /// Its keys, the strongest kind first.
    pub keys: Vec<KeyRow>,
    /// Why what belongs to it does.
    pub joins: Vec<JoinRow>,
}

/// Everything that is remembered of one device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceRow,
    /// Every value that held.
    pub values: Vec<ValueRow>,
    /// Its addresses.
    pub bindings: Vec<AddressRow>,
    /// What it serves.
    pub services: Vec<ServiceRow>,
    /// With whom it speaks.
    pub links: Vec<LinkRow>,
    /// What happened to it, the latest last.
    pub changes: Vec<Change>,
    /// Hours in which it was seen.
    pub hours_seen: u32,
    /// Packets and bytes that it sent and received.
    pub traffic: [u64; 4],
}

/// A source of what is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceRow {
    /// What tells it from all others.
    pub uid: String,
    /// What it is.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// Its site.
    pub site: String,
    /// Its first packet.
    pub first: Time,
    /// Its last packet.
    pub last: Time,
    /// When it was last looked at.
    pub looked: Time,
    /// Packets of its latest run.
    pub packets: u64,
}

/// How much was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Flows seen in one direction alone.
    pub one_way_flows: u64,
    /// Flows whose payload is encrypted.
    pub encrypted_flows: u64,
    /// Flows that no classifier knows.
    pub unknown_flows: u64,
    /// Records that limits refused.
    pub limits_hit: u64,
    /// Times in which nobody looked: source, from, to.
    pub gaps: Vec<(String, Time, Time)>,
}

/// Weeks that are looked at: 20 years; a clock that was wrong makes no endless search.
const WEEKS_MAX: u64 = 1_040;

impl Store {
    /// Everything about one device.
    ///
    /// # Errors
    /// When it is not known.
    pub fn device(&self, wanted: &str) -> Result<Record, HistoryError> {
        let number = self.number(wanted)?;
        self.read(|db| {
            let device = row_of(db, number)?;
            let traffic = db
                .prepare_cached(
                    "SELECT coalesce(sum(packets_sent), 0), coalesce(sum(packets_received), 0),
                         coalesce(sum(bytes_sent), 0), coalesce(sum(bytes_received), 0)
                     FROM totals WHERE device = ?1",
                )?
                .query_row([number], |row| {
                    Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
                })?;
            Ok(Record {
                device,
                values: values(db, number)?,
                bindings: bindings(db, number)?,
                services: services(db, number)?,
                links: links(db, number)?,
                changes: changes(db, "device = ?1 ORDER BY at_ns, changes.number", [number])?,
                hours_seen: hours_seen(db, number)?,
                traffic,
            })
        })
    }

    /// What was stated about one device.
    ///
    /// # Errors
    /// When it is not known.
    pub fn facts(&self, wanted: &str) -> Result<Vec<FactRow>, HistoryError> {
        let number = self.number(wanted)?;
        self.read(|db| {
            db.prepare_cached(
                "SELECT attribute, field, value, raw, rule, confidence, from_ns, last_ns
                     FROM facts WHERE device = ?1",
            )?
            .query_map([number], |row| {
                let attribute = Attribute::from_number(row.get(0)?);
                let field = Field::from_number(row.get(1)?);
                Ok(FactRow {
                    attribute: attribute.map_or("unknown", Attribute::name),
                    field: field.map_or("unknown", Field::name),
                    value: row.get(2)?,
                    raw: row.get(3)?,
                    rule: row.get(4)?,
                    confidence: row.get(5)?,
                    from: Time(row.get(6)?),
                    last: Time(row.get(7)?),
                })
            })?
            .collect()
        })
    }

    /// What one device is known by, and why.
    ///
    /// # Errors
    /// When it is not known.
    pub fn identity(&self, wanted: &str) -> Result<Identity, HistoryError> {
        let number = self.number(wanted)?;
        self.read(|db| {
            let aliases = db
                .prepare("SELECT id FROM aliases WHERE device = ?1 ORDER BY id")?
                .query_map([number], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let keys = db
                .prepare(
                    "SELECT kind, key, first_ns, last_ns, pinned FROM keys WHERE device = ?1
                     ORDER BY kind, key",
                )?
                .query_map([number], |row| {
                    let kind = KeyKind::from_number(row.get(0)?);
                    Ok(KeyRow {
                        kind: kind.map_or("unknown", KeyKind::name),
                        key: row.get(1)?,
                        first: Time(row.get(2)?),
                        last: Time(row.get(3)?),
                        by_hand: row.get(4)?,
                    })
                })?
                .collect::<Result<_, _>>()?;
            let joins = db
                .prepare(
                    "SELECT at_ns, reason, key, other, person FROM joins WHERE device = ?1
                     ORDER BY at_ns, number",
                )?
                .query_map([number], |row| {
                    Ok(JoinRow {
                        time: Time(row.get(0)?),
                        reason: row.get(1)?,
                        key: row.get(2)?,
                        other: row.get(3)?,
                        person: row.get(4)?,
                    })
                })?
                .collect::<Result<_, _>>()?;
            Ok(Identity {
                id: super::join::id(db, number)?,
                aliases,
                keys,
                joins,
            })
        })
    }

    /// What happened from one time to another, by time; of one device, or of all.
    ///
    /// # Errors
    /// When the device is not known.
    pub fn changes(
        &self,
        from: Time,
        to: Time,
        device: Option<&str>,
        kind: Option<ChangeKind>,
    ) -> Result<Vec<Change>, HistoryError> {
        let number = device.map(|wanted| self.number(wanted)).transpose()?;
        // Of one device by its own index, of all by time.
        let chosen = match number {
            Some(_) => "device = ?3",
            None => "?3 IS NULL",
        };
        let condition = format!(
            "{chosen} AND at_ns >= ?1 AND at_ns <= ?2 AND (?4 IS NULL OR kind = ?4)
             ORDER BY at_ns, changes.number"
        );
        self.read(|db| {
            changes(
                db,
                &condition,
                params![from.0, to.0, number, kind.map(ChangeKind::name)],
            )
        })
    }

    /// Where what is remembered came from.
    ///
    /// # Errors
    /// What the database said.
    pub fn sources(&self) -> Result<Vec<SourceRow>, HistoryError> {
        self.read(|db| {
            db.prepare(
                "SELECT uid, kind, name, site, first_ns, last_ns, look_ns, packets
                 FROM sources ORDER BY number",
            )?
            .query_map([], |row| {
                Ok(SourceRow {
                    uid: row.get(0)?,
                    kind: row.get(1)?,
                    name: row.get(2)?,
                    site: row.get(3)?,
                    first: Time(row.get(4)?),
                    last: Time(row.get(5)?),
                    looked: Time(row.get(6)?),
                    packets: row.get(7)?,
                })
            })?
            .collect()
        })
    }

    /// True where a source was added before.
    ///
    /// # Errors
    /// What the database said.
    pub fn has_source(&self, uid: &str) -> Result<bool, HistoryError> {
        self.read(|db| {
            db.prepare_cached("SELECT EXISTS (SELECT 1 FROM sources WHERE uid = ?1)")?
                .query_row([uid], |row| row.get(0))
        })
    }

    /// How much of the traffic could be understood, and when nobody looked.
    ///
    /// # Errors
    /// What the database said.
    pub fn seen(&self) -> Result<Coverage, HistoryError> {
        self.read(|db| {
            let mut coverage = db.query_row(
                "SELECT coalesce(sum(one_way_flows), 0), coalesce(sum(encrypted_flows), 0),
                     coalesce(sum(unknown_flows), 0), coalesce(sum(limits_hit), 0) FROM sources",
                [],
                |row| {
                    Ok(Coverage {
                        one_way_flows: row.get(0)?,
                        encrypted_flows: row.get(1)?,
                        unknown_flows: row.get(2)?,
                        limits_hit: row.get(3)?,
                        gaps: Vec::new(),
                    })
                },
            )?;
            coverage.gaps = db
                .prepare(
                    "SELECT name, from_ns, to_ns FROM gaps
                     JOIN sources ON sources.number = gaps.source ORDER BY from_ns, name",
                )?
                .query_map([], |row| {
                    Ok((row.get(0)?, Time(row.get(1)?), Time(row.get(2)?)))
                })?
                .collect::<Result<_, _>>()?;
            Ok(coverage)
        })
    }
}

fn values(db: &Connection, number: i64) -> rusqlite::Result<Vec<ValueRow>> {
    db.prepare_cached(
        "SELECT attribute, value, confidence, from_ns, last_ns FROM attributes
         WHERE device = ?1 ORDER BY attribute, from_ns",
    )?
    .query_map([number], |row| {
        Ok(ValueRow {
            attribute: row.get(0)?,
            value: row.get(1)?,
            confidence: row.get(2)?,
            from: Time(row.get(3)?),
            last: Time(row.get(4)?),
        })
    })?
    .collect()
}

fn bindings(db: &Connection, number: i64) -> rusqlite::Result<Vec<AddressRow>> {
    let text = |text: String| (!text.is_empty()).then_some(text);
    db.prepare_cached(
        "SELECT site, scope, vlan, mac, ip, from_ns, last_ns FROM addresses
         WHERE device = ?1 ORDER BY from_ns, site, scope, vlan, mac, ip",
    )?
    .query_map([number], |row| {
        Ok(AddressRow {
            site: row.get(0)?,
            scope: row.get(1)?,
            vlan: row.get(2)?,
            mac: text(row.get(3)?),
            address: text(row.get(4)?),
            from: Time(row.get(5)?),
            last: Time(row.get(6)?),
        })
    })?
    .collect()
}

fn services(db: &Connection, number: i64) -> rusqlite::Result<Vec<ServiceRow>> {
    db.prepare_cached(
        "SELECT protocol, transport, port, encrypted, from_ns, last_ns FROM services
         WHERE device = ?1",
    )?
    .query_map([number], |row| {
        Ok(ServiceRow {
            protocol: row.get(0)?,
            transport: row.get(1)?,
            port: row.get(2)?,
            encrypted: row.get(3)?,
            from: Time(row.get(4)?),
            last: Time(row.get(5)?),
        })
    })?
    .collect()
}

pub(crate) fn links(db: &Connection, number: i64) -> rusqlite::Result<Vec<LinkRow>> {
    let mut links = Vec::new();
    for (own, other, opens) in [("device", "peer", true), ("peer", "device", false)] {
        let text = format!(
            "SELECT devices.id, protocol, transport, port, max(encrypted), max(answered),
                 sum(packets), sum(bytes), min(from_ns), max(links.last_ns)
             FROM links LEFT JOIN devices ON devices.number = links.{other}
             WHERE links.{own} = ?1 GROUP BY links.{other}, protocol, transport, port"
        );
        let mut get = db.prepare_cached(&text)?;
        let rows = get.query_map([number], |row| {
            let protocol: String = row.get(1)?;
            Ok(LinkRow {
                peer: row.get(0)?,
                opens,
                protocol: (!protocol.is_empty()).then_some(protocol),
                transport: row.get(2)?,
                port: row.get(3)?,
                encrypted: row.get(4)?,
                answered: row.get(5)?,
                packets: row.get(6)?,
                bytes: row.get(7)?,
                from: Time(row.get(8)?),
                last: Time(row.get(9)?),
            })
        })?;
        for row in rows {
            links.push(row?);
        }
    }
    links.sort_unstable();
    Ok(links)
}

fn changes(
    db: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Change>> {
    let text = format!(
        "SELECT at_ns, kind, devices.id, subject, old, new FROM changes
         LEFT JOIN devices ON devices.number = changes.device WHERE {condition}"
    );
    let mut get = db.prepare_cached(&text)?;
    let rows = get.query_map(parameters, |row| {
        let kind: String = row.get(1)?;
        let kind = ChangeKind::from_name(&kind);
        Ok((
            kind,
            Change {
                time: Time(row.get(0)?),
                change: kind.unwrap_or(ChangeKind::Changed),
                device: row.get(2)?,
                subject: row.get(3)?,
                old: row.get(4)?,
                new: row.get(5)?,
            },
        ))
    })?;
    let mut found = Vec::new();
    for row in rows {
        // A kind that this version has no name for is left out.
        if let (Some(_), change) = row? {
            found.push(change);
        }
    }
    Ok(found)
}

/// Hours by week of one kind or of every kind, all sources together.
pub(crate) fn weeks(
    db: &Connection,
    number: i64,
    only: Option<u16>,
    from_week: u64,
) -> rusqlite::Result<BTreeMap<u16, Weeks>> {
    let mut kinds: BTreeMap<u16, Weeks> = BTreeMap::new();
    // One place of the index for each week, wherever its device is.
    let (first, last): (Option<u64>, Option<u64>) = db
        .prepare_cached("SELECT (SELECT min(week) FROM hours), (SELECT max(week) FROM hours)")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(kinds);
    };
    let last = last.min(first.saturating_add(WEEKS_MAX));
    let mut get = db.prepare_cached(
        "SELECT what, bins FROM hours WHERE week = ?1 AND device = ?2
             AND (?3 IS NULL OR what = ?3)",
    )?;
    for week in first.max(from_week)..=last {
        let mut rows = get.query(params![week, number, only])?;
        while let Some(row) = rows.next()? {
            let what = row.get(0)?;
            let weeks = kinds.entry(what).or_default();
            let bins = weeks.entry(week).or_insert([0; 168]);
            for (sum, bin) in bins.iter_mut().zip(unpack(&row.get::<_, Vec<u8>>(1)?)) {
                *sum = match what {
                    ONLINE => (*sum).max(bin),
                    _ => sum.saturating_add(bin),
                };
            }
        }
    }
    Ok(kinds)
}

/// The hours in which a device was seen.
pub(crate) fn online(db: &Connection, number: i64) -> rusqlite::Result<Weeks> {
    let mut kinds = weeks(db, number, Some(ONLINE), 0)?;
    Ok(kinds.remove(&ONLINE).unwrap_or_default())
}

fn hours_seen(db: &Connection, number: i64) -> rusqlite::Result<u32> {
    Ok(online(db, number)?.values().flatten().sum())
}
