//! What memory knows of devices beyond one table, for whoever judges them: since when, whether
//! they may be there, what the site's systems say, with whom they spoke. It judges nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, params};

use super::authorisation::Authorisation;
use super::finding::MemoryFinding;
use crate::context::Asset;
use crate::history::{ChangeKind, HistoryError, Store};
use crate::model::Time;

/// How far back it is asked with whom a device spoke.
pub const PEERS_NS: u64 = 30 * 24 * 3_600_000_000_000;
/// Percent of that time that somebody must have looked, for silence to mean something.
const LOOKED_PERCENT_MIN: u128 = 90;
/// New peers of one device that are told.
const PEERS_MAX: usize = 16;

/// One device, as memory knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// Its id in memory, for good.
    pub id: String,
    /// When it was first seen; `None` where memory does not tell.
    pub first_seen: Option<Time>,
    /// Whether it may be there.
    pub authorisation: Authorisation,
    /// What the site's systems say of it.
    pub asset: Option<Asset>,
    /// Since when each of its values holds, by attribute and value.
    pub since: BTreeMap<(String, String), Time>,
    /// For 30 days it was looked at, and spoke with approved devices alone.
    pub approved_peers_alone: bool,
    /// Devices that it met after it was approved, and when, the latest last.
    pub new_peers: Vec<(Time, String)>,
    /// When work on it was closed, by what there was to do.
    pub closed: BTreeMap<String, Time>,
    /// What its failure would do to care, 0–10, when its use was last in sight.
    pub effectiveness: Option<f64>,
    /// What patient data it handles, 0–10, when its traffic was last in sight.
    pub data: Option<f64>,
    /// What memory finds about it.
    pub findings: Vec<MemoryFinding>,
}

/// Every device, as memory knows it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Somebody approved a device: only then does it mean anything that others are not.
    pub baseline: bool,
    devices: Vec<Remembered>,
    places: HashMap<String, usize>,
}

impl Memory {
    /// What is known of a device, by its id or one that it had in another table.
    pub fn get(&self, id: &str) -> Option<&Remembered> {
        self.devices.get(*self.places.get(id)?)
    }

    /// Devices that are known.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// None is known.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

/// What leads from the numbers of the database to devices.
struct Numbers {
    devices: Vec<Remembered>,
    places: HashMap<i64, usize>,
}

impl Numbers {
    fn get(&mut self, number: i64) -> Option<&mut Remembered> {
        let place = *self.places.get(&number)?;
        self.devices.get_mut(place)
    }
}

impl Store {
    /// What is known of every device at a time.
    ///
    /// # Errors
    /// What the database said.
    pub fn remember(&self, now: Time) -> Result<Memory, HistoryError> {
        let mut numbers = self.read(devices)?;
        let approved = self.read(|db| approvals(db, &mut numbers))?;
        self.read(|db| values(db, &mut numbers))?;
        if self.read(|db| looked_ns(db, now))? * 100 >= u128::from(PEERS_NS) * LOOKED_PERCENT_MIN {
            self.read(|db| peers(db, &mut numbers, &approved, now))?;
        }
        self.read(|db| met(db, &mut numbers, &approved, now))?;
        for (_, _, device, asset) in self.assets()? {
            if let Some(known) = device.and_then(|number| numbers.get(number)) {
                known.asset.get_or_insert(asset);
            }
        }
        self.read(|db| closed(db, &mut numbers))?;
        self.read(|db| grades(db, &mut numbers))?;
        let aliases: Vec<(String, i64)> = self.read(|db| {
            db.prepare("SELECT id, device FROM aliases")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        let aliases = aliases.into_iter();
        let mut places: HashMap<String, usize> = aliases
            .filter_map(|(id, number)| Some((id, *numbers.places.get(&number)?)))
            .collect();
        let own = numbers.devices.iter().enumerate();
        places.extend(own.map(|(place, known)| (known.id.clone(), place)));
        let mut devices = numbers.devices;
        for finding in self.findings(now)? {
            let place = finding.device.as_ref().and_then(|id| places.get(id));
            if let Some(known) = place.and_then(|place| devices.get_mut(*place)) {
                known.findings.push(finding);
            }
        }
        Ok(Memory {
            baseline: !approved.is_empty(),
            devices,
            places,
        })
    }
}

fn devices(db: &Connection) -> rusqlite::Result<Numbers> {
    let mut numbers = Numbers {
        devices: Vec::new(),
        places: HashMap::new(),
    };
    let mut get = db.prepare("SELECT number, id, first_ns FROM devices ORDER BY id")?;
    let mut rows = get.query([])?;
    while let Some(row) = rows.next()? {
        numbers.places.insert(row.get(0)?, numbers.devices.len());
        numbers.devices.push(Remembered {
            id: row.get(1)?,
            first_seen: Some(Time(row.get(2)?)),
            ..Remembered::default()
        });
    }
    Ok(numbers)
}

/// Notes whether devices may be there; gives those that may, and since when.
fn approvals(db: &Connection, numbers: &mut Numbers) -> rusqlite::Result<HashMap<i64, u64>> {
    let mut approved = HashMap::new();
    let mut get = db.prepare("SELECT device, authorisation, at_ns FROM states")?;
    let mut rows = get.query([])?;
    while let Some(row) = rows.next()? {
        let (number, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let state = Authorisation::from_name(&name).unwrap_or_default();
        if let Some(known) = numbers.get(number) {
            known.authorisation = state;
        }
        if state == Authorisation::Approved {
            approved.insert(number, row.get(2)?);
        }
    }
    Ok(approved)
}

/// Since when what runs on devices does.
fn values(db: &Connection, numbers: &mut Numbers) -> rusqlite::Result<()> {
    let mut get = db.prepare(
        "SELECT device, attribute, value, min(from_ns) FROM attributes WHERE attribute IN
             ('model', 'firmware_version', 'software_version', 'os', 'os_version')
         GROUP BY device, attribute, value",
    )?;
    let mut rows = get.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(known) = numbers.get(row.get(0)?) {
            let key = (row.get(1)?, row.get(2)?);
            known.since.insert(key, Time(row.get(3)?));
        }
    }
    Ok(())
}

/// How much of the 30 days before a time somebody looked.
fn looked_ns(db: &Connection, now: Time) -> rusqlite::Result<u128> {
    let begin = now.0.saturating_sub(PEERS_NS);
    let clip = |from: u64, to: u64| (from.clamp(begin, now.0), to.clamp(begin, now.0));
    let spans = |text: &str| -> rusqlite::Result<Vec<(u64, u64)>> {
        db.prepare(text)?
            .query_map([], |row| Ok(clip(row.get(0)?, row.get(1)?)))?
            .collect()
    };
    let mut spans_seen = spans("SELECT first_ns, max(covered_ns, last_ns) FROM sources")?;
    spans_seen.sort_unstable();
    let mut looked = 0u128;
    let mut until = begin;
    for (from, to) in spans_seen {
        let from = from.max(until);
        looked += u128::from(to.saturating_sub(from));
        until = until.max(to);
    }
    // What one sensor missed another may have seen: to be counted as missed is the safe side.
    let gaps = spans("SELECT from_ns, to_ns FROM gaps")?;
    let missed: u128 = gaps
        .iter()
        .map(|(from, to)| u128::from(to.saturating_sub(*from)))
        .sum();
    Ok(looked.saturating_sub(missed))
}

/// Notes which devices spoke with approved ones alone.
fn peers(
    db: &Connection,
    numbers: &mut Numbers,
    approved: &HashMap<i64, u64>,
    now: Time,
) -> rusqlite::Result<()> {
    let begin = now.0.saturating_sub(PEERS_NS);
    let mut spoke: BTreeSet<i64> = BTreeSet::new();
    let mut others: BTreeSet<i64> = BTreeSet::new();
    let mut get =
        db.prepare("SELECT device, peer FROM links WHERE answered = 1 AND last_ns >= ?1")?;
    let mut rows = get.query([begin])?;
    while let Some(row) = rows.next()? {
        let (device, peer): (i64, i64) = (row.get(0)?, row.get(1)?);
        for (own, other) in [(device, peer), (peer, device)] {
            spoke.insert(own);
            if !approved.contains_key(&other) {
                others.insert(own);
            }
        }
    }
    for number in spoke.difference(&others) {
        if let Some(known) = numbers.get(*number) {
            // A device that came later was not looked at for 30 days.
            known.approved_peers_alone = known.first_seen.is_some_and(|first| first.0 <= begin);
        }
    }
    Ok(())
}

/// Notes which work is closed.
fn closed(db: &Connection, numbers: &mut Numbers) -> rusqlite::Result<()> {
    let mut get = db.prepare("SELECT device, fix, closed_ns FROM work WHERE closed_ns <> 0")?;
    let mut rows = get.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(known) = numbers.get(row.get(0)?) {
            known.closed.insert(row.get(1)?, Time(row.get(2)?));
        }
    }
    Ok(())
}

/// What hung on devices when that was last in sight.
fn grades(db: &Connection, numbers: &mut Numbers) -> rusqlite::Result<()> {
    let mut get = db.prepare("SELECT device, effectiveness, data FROM grades")?;
    let mut rows = get.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(known) = numbers.get(row.get(0)?) {
            (known.effectiveness, known.data) = (row.get(1)?, row.get(2)?);
        }
    }
    Ok(())
}

/// Notes whom approved devices met after they were approved.
fn met(
    db: &Connection,
    numbers: &mut Numbers,
    approved: &HashMap<i64, u64>,
    now: Time,
) -> rusqlite::Result<()> {
    let mut get = db.prepare(
        "SELECT device, new, at_ns FROM changes WHERE kind = ?1 AND at_ns <= ?2 ORDER BY at_ns",
    )?;
    let mut rows = get.query(params![ChangeKind::NewPeer.name(), now.0])?;
    while let Some(row) = rows.next()? {
        let (number, at_ns): (i64, u64) = (row.get(0)?, row.get(2)?);
        let after = approved.get(&number).is_some_and(|since| at_ns > *since);
        if let Some(known) = numbers.get(number).filter(|_| after) {
            if known.new_peers.len() >= PEERS_MAX {
                known.new_peers.remove(0);
            }
            known.new_peers.push((Time(at_ns), row.get(1)?));
        }
    }
    Ok(())
}
