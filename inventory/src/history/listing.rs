//! Devices with what holds of them now: one, or all in one pass over each table. What is remembered
//! of a device besides, it does not ask.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use super::HistoryError;
use super::identify::{FLAG_LOCAL_MACS, FLAG_ROUTES, FLAG_SHARED, FLAG_VIRTUAL};
use super::interval::GAP_NS;
use super::store::Store;
use crate::model::Time;

/// One device in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// Its id, for good.
    pub id: String,
    /// Class of the category.
    pub class: String,
    /// What kind of device it is.
    pub category: String,
    /// How sure that is, 0–100.
    pub category_confidence: u8,
    /// When it was first seen.
    pub first_seen: Time,
    /// When it was last seen.
    pub last_seen: Time,
    /// Since when it is silent.
    pub silent_since: Option<Time>,
    /// All its MAC addresses were made up by software.
    pub local_macs: bool,
    /// It forwards packets for others.
    pub routes: bool,
    /// Several machines send from one address of it.
    pub shared: bool,
    /// All its network cards were made by a hypervisor.
    pub virtual_machine: bool,
    /// Who reports it, for one without an address of its own.
    pub reported_by: Vec<String>,
    /// The values that hold now.
    pub attributes: BTreeMap<String, String>,
    /// Its latest addresses, and its MAC addresses.
    pub addresses: Vec<String>,
    /// Its MAC addresses.
    pub macs: Vec<String>,
}

/// Devices by their numbers.
type Numbered = BTreeMap<i64, DeviceRow>;

impl Store {
    /// Every device, by id.
    ///
    /// # Errors
    /// What the database said.
    pub fn devices(&self) -> Result<Vec<DeviceRow>, HistoryError> {
        let mut devices: Vec<DeviceRow> = self.numbered_devices()?.into_values().collect();
        devices.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(devices)
    }

    /// Every device by its number.
    ///
    /// # Errors
    /// What the database said.
    pub(crate) fn numbered_devices(&self) -> Result<Numbered, HistoryError> {
        self.read(|db| rows(db, Chosen::All))
    }

    /// The row of one device.
    ///
    /// # Errors
    /// When it is not known.
    pub fn device_row(&self, wanted: &str) -> Result<DeviceRow, HistoryError> {
        let number = self.number(wanted)?;
        self.read(|db| row_of(db, number))
    }
}

/// The row of one device.
pub(crate) fn row_of(db: &Connection, number: i64) -> rusqlite::Result<DeviceRow> {
    let row = rows(db, Chosen::One(number))?.remove(&number);
    row.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// A device that one speaks with: what it is and where, not what it says.
pub(crate) struct Peer {
    /// What kind of device it is.
    pub category: String,
    /// Its latest addresses.
    pub addresses: Vec<String>,
}

/// The devices that one speaks with. Each is looked up once, however many there are.
pub(crate) fn peers_of(db: &Connection, number: i64) -> rusqlite::Result<BTreeMap<i64, Peer>> {
    let mut get = db.prepare_cached(
        "SELECT devices.number, category, mac, ip, addresses.last_ns
         FROM (SELECT peer AS other FROM links WHERE device = ?1
               UNION SELECT device FROM links WHERE peer = ?1)
         CROSS JOIN devices ON devices.number = other
         LEFT JOIN addresses ON addresses.device = other",
    )?;
    let mut peers: BTreeMap<i64, (String, Vec<Used>)> = BTreeMap::new();
    let mut rows = get.query([number])?;
    while let Some(row) = rows.next()? {
        let device = row.get(0)?;
        let (_, used) = match peers.entry(device) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert((row.get(1)?, Vec::new())),
        };
        if let Some(last_ns) = row.get(4)? {
            used.push(Used {
                device,
                mac: row.get(2)?,
                ip: row.get(3)?,
                last_ns,
            });
        }
    }
    let peers = peers.into_iter().map(|(number, (category, used))| {
        let addresses = latest(&used);
        (
            number,
            Peer {
                category,
                addresses,
            },
        )
    });
    Ok(peers.collect())
}

/// Which devices are asked for.
#[derive(Clone, Copy)]
enum Chosen {
    All,
    One(i64),
}

impl Chosen {
    /// The condition that a column with a device's number must meet, and the number in it.
    fn condition(self, column: &str) -> (String, Option<i64>) {
        match self {
            Self::All => (String::new(), None),
            Self::One(number) => (format!("WHERE {column} = ?1"), Some(number)),
        }
    }
}

/// The devices that are asked for.
fn rows(db: &Connection, chosen: Chosen) -> rusqlite::Result<Numbered> {
    let mut devices = Numbered::new();
    let columns = "number, id, class, category, category_confidence, first_ns, last_ns, silent_ns,
         flags, reported_by";
    each(db, columns, "devices", "number", chosen, |number, row| {
        devices.insert(number, device_row(row)?);
        Ok(())
    })?;
    attributes(db, chosen, &mut devices)?;
    let mut used: Vec<Used> = Vec::new();
    let columns = "device, mac, ip, last_ns";
    each(db, columns, "addresses", "device", chosen, |device, row| {
        used.push(Used {
            device,
            mac: row.get(1)?,
            ip: row.get(2)?,
            last_ns: row.get(3)?,
        });
        Ok(())
    })?;
    let mut at = Walk::new(&mut devices);
    for used in used.chunk_by(|a, b| a.device == b.device) {
        if let Some(device) = used.first().and_then(|first| at.device(first.device)) {
            addresses(device, used);
        }
    }
    Ok(devices)
}

/// The values that hold now.
fn attributes(db: &Connection, chosen: Chosen, devices: &mut Numbered) -> rusqlite::Result<()> {
    let mut at = Walk::new(devices);
    let columns = "device, attribute, value";
    // The latest value stays.
    let order = "device, attribute, from_ns";
    each(db, columns, "attributes", order, chosen, |number, row| {
        if let Some(device) = at.device(number) {
            device.attributes.insert(row.get(1)?, row.get(2)?);
        }
        Ok(())
    })
}

/// The rows of a table whose first column is a device's number, of the devices that are asked for;
/// `order` begins with that number.
fn each(
    db: &Connection,
    columns: &str,
    table: &str,
    order: &str,
    chosen: Chosen,
    mut take: impl FnMut(i64, &Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let number = order.split(',').next().unwrap_or(order);
    let (condition, only) = chosen.condition(number);
    let text = format!("SELECT {columns} FROM {table} {condition} ORDER BY {order}");
    let mut get = db.prepare_cached(&text)?;
    let mut rows = get.query(params_from_iter(only))?;
    while let Some(row) = rows.next()? {
        take(row.get(0)?, row)?;
    }
    Ok(())
}

/// Devices one after the other, asked for in their order.
struct Walk<'a> {
    rest: std::collections::btree_map::IterMut<'a, i64, DeviceRow>,
    at: Option<(i64, &'a mut DeviceRow)>,
}

impl<'a> Walk<'a> {
    fn new(devices: &'a mut Numbered) -> Self {
        Self {
            rest: devices.iter_mut(),
            at: None,
        }
    }

    /// The device of a number that is no smaller than the one before.
    fn device(&mut self, number: i64) -> Option<&mut DeviceRow> {
        while self.at.as_ref().is_none_or(|at| at.0 < number) {
            let (next, device) = self.rest.next()?;
            self.at = Some((*next, device));
        }
        let at = self.at.as_mut().filter(|at| at.0 == number)?;
        Some(at.1)
    }
}

fn device_row(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    let silent: u64 = row.get(7)?;
    let flags: i64 = row.get(8)?;
    let reported: String = row.get(9)?;
    Ok(DeviceRow {
        id: row.get(1)?,
        class: row.get(2)?,
        category: row.get(3)?,
        category_confidence: row.get(4)?,
        first_seen: Time(row.get(5)?),
        last_seen: Time(row.get(6)?),
        silent_since: (silent != 0).then_some(Time(silent)),
        local_macs: flags & FLAG_LOCAL_MACS != 0,
        routes: flags & FLAG_ROUTES != 0,
        shared: flags & FLAG_SHARED != 0,
        virtual_machine: flags & FLAG_VIRTUAL != 0,
        reported_by: reported.split_whitespace().map(str::to_owned).collect(),
        attributes: BTreeMap::new(),
        addresses: Vec::new(),
        macs: Vec::new(),
    })
}

/// Addresses that a device had together.
struct Used {
    device: i64,
    mac: String,
    ip: String,
    last_ns: u64,
}

/// The MAC addresses of a device, and its latest addresses.
fn addresses(device: &mut DeviceRow, used: &[Used]) {
    let macs: BTreeSet<&str> = used.iter().map(|used| used.mac.as_str()).collect();
    let macs = macs.into_iter().filter(|mac| !mac.is_empty());
    device.macs = macs.map(str::to_owned).collect();
    device.addresses = latest(used);
}

/// The address that was used last, with what is used at the same time.
fn latest(used: &[Used]) -> Vec<String> {
    let latest = used.iter().map(|used| used.last_ns).max().unwrap_or(0);
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for used in used.iter().filter(|used| !used.ip.is_empty()) {
        if used.last_ns.saturating_add(GAP_NS) >= latest {
            let known = last.entry(&used.ip).or_default();
            *known = used.last_ns.max(*known);
        }
    }
    let mut last: Vec<(&str, u64)> = last.into_iter().collect();
    last.sort_by_key(|(ip, last_ns)| (std::cmp::Reverse(*last_ns), *ip));
    last.into_iter().map(|(ip, _)| ip.to_owned()).collect()
}
