//! Another history into this one: its devices are recognised by their keys, and each of its
//! sources counts once, however often it is merged. The other is read and not changed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::HistoryError;
use super::error::Step;
use super::find;
use super::identify::{free_id, remembered_twin};
use super::join::{self, Reason};
use super::store::Store;
use crate::trace::KeyKind;

/// What a merge brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Sources of the other.
    pub sources: usize,
    /// Devices of the other.
    pub devices: usize,
    /// Of those, devices that were not known here.
    pub new_devices: usize,
}

/// A key of the other: kind, text, first, last, record.
type Key = (u8, String, u64, u64, String);

impl Store {
    /// Adds what another history remembers.
    ///
    /// # Errors
    /// When either can't be read or written; then nothing is added.
    pub fn merge(&mut self, other: &Store, now_ns: u64) -> Result<Merged, HistoryError> {
        let mut fault = None;
        let result = self.write(|step| {
            let mut merge = Merge {
                db: step,
                other,
                now_ns,
                merged: Merged::default(),
                sources: BTreeMap::new(),
                devices: BTreeMap::new(),
            };
            match merge.run() {
                Ok(()) => Ok(merge.merged),
                Err(Fault::Here(stop)) => Err(stop),
                Err(Fault::There(error)) => {
                    fault = Some(error);
                    Err(super::error::Stop::Request(String::new()))
                }
            }
        });
        match fault {
            Some(error) => Err(error),
            None => result,
        }
    }
}

/// Which of the two histories failed.
enum Fault {
    Here(super::error::Stop),
    There(HistoryError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Here(error.into())
    }
}

impl From<super::error::Stop> for Fault {
    fn from(stop: super::error::Stop) -> Self {
        Self::Here(stop)
    }
}

struct Merge<'a> {
    db: &'a Connection,
    other: &'a Store,
    now_ns: u64,
    merged: Merged,
    /// Numbers here, by numbers there.
    sources: BTreeMap<i64, i64>,
    devices: BTreeMap<i64, i64>,
}

/// Rows that follow a device as they are: table, columns after the device.
const FOLLOWING: [(&str, &str, usize); 5] = [
    (
        "facts",
        "attribute, field, value, raw, rule, from_ns, last_ns, confidence, count",
        9,
    ),
    (
        "addresses",
        "site, scope, vlan, mac, ip, from_ns, last_ns, proven",
        8,
    ),
    (
        "attributes",
        "attribute, from_ns, last_ns, value, confidence",
        5,
    ),
    (
        "services",
        "protocol, transport, port, encrypted, from_ns, last_ns",
        6,
    ),
    ("changes", "at_ns, noted_ns, kind, subject, old, new", 6),
];

impl Merge<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        self.take_sources()?;
        self.take_devices()?;
        for (table, columns, count) in FOLLOWING {
            self.follow(table, columns, count)?;
        }
        self.take_counts()?;
        self.take_links()?;
        Ok(())
    }

    /// Reads all rows of a query there.
    fn there<T>(
        &self,
        text: &str,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        self.other
            .read(|db| db.prepare(text)?.query_map([], row)?.collect())
            .map_err(Fault::There)
    }

    fn take_sources(&mut self) -> Result<(), Fault> {
        const COLUMNS: &str = "uid, kind, name, site, run, origin_ns, first_ns, last_ns, look_ns,
            covered_ns, packets, bytes, one_way_flows, encrypted_flows, unknown_flows, limits_hit";
        let text = format!("SELECT number, {COLUMNS} FROM sources");
        let rows = self.there(&text, |row| {
            let values = (1..17)
                .map(|at| row.get(at))
                .collect::<rusqlite::Result<Vec<rusqlite::types::Value>>>()?;
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, values))
        })?;
        let places: Vec<String> = (1..17).map(|at| format!("?{at}")).collect();
        let text = format!(
            "INSERT INTO sources({COLUMNS}) VALUES ({})
             ON CONFLICT(uid) DO UPDATE SET last_ns = max(last_ns, excluded.last_ns),
                 look_ns = max(look_ns, excluded.look_ns), packets = excluded.packets,
                 bytes = excluded.bytes",
            places.join(", ")
        );
        for (number, uid, values) in rows {
            self.db
                .prepare_cached(&text)?
                .execute(rusqlite::params_from_iter(values))?;
            let here = self
                .db
                .prepare_cached("SELECT number FROM sources WHERE uid = ?1")?
                .query_row([uid], |row| row.get(0))?;
            self.sources.insert(number, here);
            self.merged.sources += 1;
        }
        Ok(())
    }

    fn take_devices(&mut self) -> Result<(), Fault> {
        let rows = self.there(
            "SELECT number, id, first_ns, last_ns, class, category, category_confidence, flags
             FROM devices ORDER BY number",
            |row| {
                let values = (2..8)
                    .map(|at| row.get(at))
                    .collect::<rusqlite::Result<Vec<rusqlite::types::Value>>>()?;
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, values))
            },
        )?;
        let mut keys: BTreeMap<i64, Vec<Key>> = BTreeMap::new();
        let all = self.there(
            "SELECT device, kind, key, first_ns, last_ns, record FROM keys ORDER BY kind, key",
            |row| {
                let key = (
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                );
                Ok((row.get(0)?, key))
            },
        )?;
        for (device, key) in all {
            keys.entry(device).or_default().push(key);
        }
        for (number, id, values) in rows {
            let keys = keys.remove(&number).unwrap_or_default();
            let here = match self.known(number, &id, &keys)? {
                Some(here) => here,
                None => self.begin(&id, &values)?,
            };
            self.db
                .prepare_cached(
                    "UPDATE devices SET first_ns = min(first_ns, ?2), last_ns = max(last_ns, ?3),
                         class = CASE WHEN category_confidence < ?6 THEN ?4 ELSE class END,
                         category = CASE WHEN category_confidence < ?6 THEN ?5 ELSE category END,
                         category_confidence = max(category_confidence, ?6)
                     WHERE number = ?1",
                )?
                .execute(params![
                    here,
                    values.first(),
                    values.get(1),
                    values.get(2),
                    values.get(3),
                    values.get(4)
                ])?;
            self.take_keys(here, &id, keys)?;
            self.devices.insert(number, here);
            self.merged.devices += 1;
        }
        Ok(())
    }

    /// The device here that the other's is: merged before, or one with a key of it.
    fn known(&self, there: i64, id: &str, keys: &[Key]) -> Result<Option<i64>, Fault> {
        let mut get = self
            .db
            .prepare_cached("SELECT device FROM keys WHERE kind = ?1 AND key = ?2")?;
        for (kind, key, ..) in keys {
            let found: Option<i64> = get
                .query_row(params![kind, key], |row| row.get(0))
                .optional()?;
            let Some(here) = found else { continue };
            let is_serial = [KeyKind::Serial as u8, KeyKind::Udi as u8].contains(kind);
            if !is_serial || !self.are_twins(here, there)? {
                return Ok(found);
            }
        }
        match keys.is_empty() {
            true => Ok(find::number(self.db, id).ok()),
            false => Ok(None),
        }
    }

    /// True where the two that bear one serial number are two machines.
    fn are_twins(&self, here: i64, there: i64) -> Result<bool, Fault> {
        let (ours, macs) = remembered_twin(self.db, here)?;
        let there = self.other.read(|db| remembered_twin(db, there));
        let (theirs, own) = there.map_err(Fault::There)?;
        let one = own.iter().any(|mac| macs.contains(mac));
        Ok(!one && ours.differs(&theirs).is_some())
    }

    fn begin(&mut self, id: &str, values: &[rusqlite::types::Value]) -> Result<i64, Fault> {
        let id = free_id(self.db, id)?;
        self.db
            .prepare_cached(
                "INSERT INTO devices(id, first_ns, last_ns, class, category,
                     category_confidence, flags, reported_by, silent_ns)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', 0)",
            )?
            .execute(params![
                id,
                values.first(),
                values.get(1),
                values.get(2),
                values.get(3),
                values.get(4),
                values.get(5)
            ])?;
        self.merged.new_devices += 1;
        Ok(self.db.last_insert_rowid())
    }

    fn take_keys(&self, here: i64, id: &str, keys: Vec<Key>) -> Step<()> {
        for (kind, key, first_ns, last_ns, record) in keys {
            self.db
                .prepare_cached(
                    "INSERT INTO keys(kind, key, device, first_ns, last_ns, record, pinned)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
                     ON CONFLICT DO UPDATE SET first_ns = min(first_ns, ?4),
                         last_ns = max(last_ns, ?5)",
                )?
                .execute(params![kind, key, here, first_ns, last_ns, record])?;
        }
        let own = join::id(self.db, here)?;
        if own != id {
            let changed = self
                .db
                .prepare_cached(
                    "INSERT OR IGNORE INTO aliases(id, device)
                     SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id = ?1)",
                )?
                .execute(params![id, here])?;
            if changed > 0 {
                let reason = Reason {
                    name: "same keys in another history",
                    key: &self.other.path().display().to_string(),
                    person: "",
                    at_ns: self.now_ns,
                };
                join::remember(self.db, here, &format!("device {id}"), &reason)?;
            }
        }
        Ok(())
    }

    /// Rows that mean the same wherever they are.
    fn follow(&self, table: &str, columns: &str, count: usize) -> Result<(), Fault> {
        let rows = self.there(&format!("SELECT device, {columns} FROM {table}"), |row| {
            let values = (1..=count)
                .map(|at| row.get(at))
                .collect::<rusqlite::Result<Vec<rusqlite::types::Value>>>()?;
            Ok((row.get::<_, i64>(0)?, values))
        })?;
        let places: Vec<String> = (1..=count + 1).map(|at| format!("?{at}")).collect();
        let moves_on = match table {
            "changes" => "DO NOTHING",
            _ => "DO UPDATE SET last_ns = max(last_ns, excluded.last_ns)",
        };
        let text = format!(
            "INSERT INTO {table}(device, {columns}) VALUES ({}) ON CONFLICT {moves_on}",
            places.join(", ")
        );
        let mut insert = self.db.prepare(&text)?;
        for (device, values) in rows {
            let Some(here) = self.devices.get(&device) else {
                continue;
            };
            let device = rusqlite::types::Value::Integer(*here);
            let row = std::iter::once(device).chain(values);
            insert.execute(rusqlite::params_from_iter(row))?;
        }
        Ok(())
    }

    /// What each source counted, as it counted it.
    fn take_counts(&self) -> Result<(), Fault> {
        let mut sums: BTreeMap<(i64, i64), [i64; 5]> = BTreeMap::new();
        let rows = self.there(
            "SELECT device, source, last_ns, packets_sent, packets_received, bytes_sent,
                 bytes_received FROM totals",
            |row| {
                let key = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
                let counts: [i64; 5] = [
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ];
                Ok((key, counts))
            },
        )?;
        for ((device, source), counts) in rows {
            let (Some(device), Some(source)) =
                (self.devices.get(&device), self.sources.get(&source))
            else {
                continue;
            };
            let sum = sums.entry((*device, *source)).or_default();
            sum[0] = sum[0].max(counts[0]);
            for (sum, count) in sum.iter_mut().zip(counts).skip(1) {
                *sum = sum.saturating_add(count);
            }
        }
        let mut set = self.db.prepare(
            "INSERT OR REPLACE INTO totals(device, source, last_ns, packets_sent,
                 packets_received, bytes_sent, bytes_received) VALUES (?1,?2,?3,?4,?5,?6,?7)",
        )?;
        for ((device, source), [last, a, b, c, d]) in sums {
            set.execute(params![device, source, last, a, b, c, d])?;
        }
        let hours = self.there(
            "SELECT week, device, what, source, bins FROM hours",
            |row| {
                let bins: Vec<u8> = row.get(4)?;
                let key: (u64, i64, u16, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((key, bins))
            },
        )?;
        let mut set = self.db.prepare(
            "INSERT OR REPLACE INTO hours(week, device, what, source, bins)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for ((week, device, what, source), bins) in hours {
            if let (Some(device), Some(source)) =
                (self.devices.get(&device), self.sources.get(&source))
            {
                set.execute(params![week, device, what, source, bins])?;
            }
        }
        Ok(())
    }

    fn take_links(&self) -> Result<(), Fault> {
        type Ends = (i64, i64, i64);
        let rows = self.there(
            "SELECT device, peer, source, protocol, transport, port, encrypted, answered, from_ns,
                 last_ns, packets, bytes FROM links",
            |row| {
                let ends: Ends = (row.get(0)?, row.get(1)?, row.get(2)?);
                let values = (3..12)
                    .map(|at| row.get(at))
                    .collect::<rusqlite::Result<Vec<rusqlite::types::Value>>>()?;
                Ok((ends, values))
            },
        )?;
        let mut set = self.db.prepare(
            "INSERT OR REPLACE INTO links(device, peer, source, protocol, transport, port,
                 encrypted, answered, from_ns, last_ns, packets, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        for ((device, peer, source), values) in rows {
            let peer = match peer {
                0 => Some(&0),
                peer => self.devices.get(&peer),
            };
            let ends = (self.devices.get(&device), peer, self.sources.get(&source));
            let (Some(device), Some(peer), Some(source)) = ends else {
                continue;
            };
            let ends = [*device, *peer, *source].map(rusqlite::types::Value::Integer);
            set.execute(rusqlite::params_from_iter(ends.into_iter().chain(values)))?;
        }
        Ok(())
    }
}
