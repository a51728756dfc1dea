//! Assets into memory, and to the devices that they are: by serial number, UDI, MAC address, name,
//! and never by an address alone. What a spreadsheet does not name any more is kept as gone.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::row::Asset;
use crate::history::{HistoryError, Person, Step, Store, append_audit};
use crate::model::{AttributeValue, Device, Finding, Inventory, Provenance, Time};
use crate::resolve::{comparable_company, comparable_serial};

/// What an import did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Assets that were not known.
    pub new: usize,
    /// Assets of which something is other than before.
    pub changed: usize,
    /// Assets as before.
    pub same: usize,
    /// Assets that are not in the spreadsheet any more.
    pub gone: usize,
    /// Assets that are a device that was seen.
    pub matched: usize,
}

/// Ways to find the device of an asset.
#[derive(Default)]
struct Index {
    /// By serial number: maker and device.
    serials: HashMap<String, Vec<(String, i64)>>,
    others: HashMap<(&'static str, String), Vec<i64>>,
}

impl Index {
    fn read(db: &Connection) -> rusqlite::Result<Self> {
        let mut index = Self::default();
        let mut get = db.prepare("SELECT kind, key, device FROM keys WHERE kind IN (1, 2, 5)")?;
        let rows = get.query_map([], |row| {
            Ok((
                row.get::<_, u8>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
            ))
        })?;
        for row in rows {
            let (kind, key, device) = row?;
            match kind {
                1 => {
                    if let Some((maker, serial)) = key.split_once('|') {
                        let known = index.serials.entry(serial.to_owned()).or_default();
                        known.push((maker.to_owned(), device));
                    }
                }
                2 => index.add("udi", key, device),
                _ => {
                    let mac = key.rsplit('|').next().unwrap_or(&key).to_owned();
                    index.add("mac", mac, device);
                }
            }
        }
        let mut get = db.prepare(
            "SELECT attribute, value, device FROM attributes
             WHERE attribute IN ('hostname', 'station_name', 'serial_number')",
        )?;
        let rows = get.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
            ))
        })?;
        for row in rows {
            let (attribute, value, device) = row?;
            match attribute.as_str() {
                "serial_number" => {
                    if let Some(serial) = comparable_serial(&value) {
                        let known = index.serials.entry(serial).or_default();
                        known.push((String::new(), device));
                    }
                }
                _ => index.add("hostname", value.to_lowercase(), device),
            }
        }
        Ok(index)
    }

    fn add(&mut self, name: &'static str, text: String, device: i64) {
        let known = self.others.entry((name, text)).or_default();
        if !known.contains(&device) {
            known.push(device);
        }
    }

    /// The one device that an asset is, and how that is known.
    fn find(&self, asset: &Asset) -> Option<(i64, &'static str)> {
        if let Some((maker, serial)) = asset.serial()
            && let Some(known) = self.serials.get(&serial)
        {
            let of_maker =
                |known: &&(String, i64)| maker.is_empty() || known.0.is_empty() || known.0 == maker;
            let mut found: Vec<i64> = known.iter().filter(of_maker).map(|k| k.1).collect();
            found.sort_unstable();
            found.dedup();
            if let [one] = found.as_slice() {
                return Some((*one, "serial_number"));
            }
        }
        let single = |name: &'static str, text: String| match self
            .others
            .get(&(name, text))
            .map(Vec::as_slice)
        {
            Some([one]) => Some((*one, name)),
            _ => None,
        };
        let udi = asset.get("udi").and_then(crate::resolve::comparable_udi);
        udi.and_then(|udi| single("udi", udi))
            .or_else(|| single("mac", asset.get("mac")?.to_owned()))
            .or_else(|| single("hostname", asset.get("hostname")?.to_lowercase()))
    }
}

impl Store {
    /// Takes over what a spreadsheet says. A dry run says what would be done, and does nothing.
    ///
    /// # Errors
    /// What the database said; then nothing is taken over.
    pub fn import_assets(
        &mut self,
        source: &str,
        assets: &[Asset],
        by: &Person,
        dry: bool,
    ) -> Result<Imported, HistoryError> {
        self.write_unless(dry, |db| {
            let index = Index::read(db)?;
            let mut imported = Imported::default();
            for asset in assets {
                take(db, source, asset, &index, by.at_ns, &mut imported)?;
            }
            imported.gone = db.execute(
                "UPDATE assets SET gone_ns = ?2
                 WHERE source = ?1 AND gone_ns = 0 AND imported_ns < ?2",
                params![source, by.at_ns],
            )?;
            let counts = format!(
                "{} new, {} changed, {} gone",
                imported.new, imported.changed, imported.gone
            );
            append_audit(db, by, "import", source, "", &counts)?;
            Ok(imported)
        })
    }

    /// Finds the devices of assets again: since the import, others were seen.
    ///
    /// # Errors
    /// What the database said.
    pub fn match_assets(&mut self) -> Result<(), HistoryError> {
        let known = self.assets()?;
        self.write_unless(false, |db| {
            let index = Index::read(db)?;
            for (number, _, device, asset) in &known {
                if let (None, Some((device, by))) = (device, index.find(asset)) {
                    db.prepare_cached(
                        "UPDATE assets SET device = ?2, matched_by = ?3 WHERE number = ?1",
                    )?
                    .execute(params![number, device, by])?;
                }
            }
            Ok(())
        })
    }
}

fn take(
    db: &Connection,
    source: &str,
    asset: &Asset,
    index: &Index,
    at_ns: u64,
    imported: &mut Imported,
) -> Step<()> {
    let known: Option<i64> = db
        .prepare_cached("SELECT number FROM assets WHERE source = ?1 AND tag = ?2")?
        .query_row(params![source, asset.tag], |row| row.get(0))
        .optional()?;
    let found = index.find(asset);
    imported.matched += usize::from(found.is_some());
    let (device, matched_by) = found.map_or((None, ""), |found| (Some(found.0), found.1));
    db.prepare_cached(
        "INSERT INTO assets(source, tag, device, matched_by, imported_ns, gone_ns)
         VALUES (?1, ?2, ?3, ?4, ?5, 0)
         ON CONFLICT DO UPDATE SET device = coalesce(?3, device),
             matched_by = CASE WHEN ?3 IS NULL THEN matched_by ELSE ?4 END,
             imported_ns = ?5, gone_ns = 0",
    )?
    .execute(params![source, asset.tag, device, matched_by, at_ns])?;
    let number: i64 = db
        .prepare_cached("SELECT number FROM assets WHERE source = ?1 AND tag = ?2")?
        .query_row(params![source, asset.tag], |row| row.get(0))?;
    let before: Vec<(String, String)> = db
        .prepare_cached("SELECT name, value FROM asset_values WHERE asset = ?1 ORDER BY name")?
        .query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let now: Vec<(String, String)> = asset
        .values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    match known {
        None => imported.new += 1,
        Some(_) if before == now => {
            imported.same += 1;
            return Ok(());
        }
        Some(_) => imported.changed += 1,
    }
    db.prepare_cached("DELETE FROM asset_values WHERE asset = ?1")?
        .execute([number])?;
    for (name, value) in &now {
        db.prepare_cached("INSERT INTO asset_values(asset, name, value) VALUES (?1, ?2, ?3)")?
            .execute(params![number, name, value])?;
    }
    Ok(())
}

/// What a value of an asset says where the network says nothing.
const ADDED: [(&str, &str); 5] = [
    ("manufacturer", "context.manufacturer"),
    ("model", "context.model"),
    ("serial_number", "context.serial_number"),
    ("department", "context.department"),
    ("location", "context.location"),
];
/// How far that can be trusted.
const CONFIDENCE: u8 = 70;
/// Day of a time in nanoseconds.
const DAY_NS: u64 = 24 * 3_600_000_000_000;

/// Adds what a spreadsheet says to the devices of one run: values that the network does not tell,
/// and findings. Gives the asset of each device that has one, by the device's id.
pub fn attach(inventory: &mut Inventory, assets: &[Asset]) -> HashMap<String, Asset> {
    let as_of = inventory.as_of.unwrap_or(Time(0));
    let mut matched = HashMap::new();
    let mut places: HashMap<(&str, String), Vec<usize>> = HashMap::new();
    for (place, device) in inventory.devices.iter().enumerate() {
        for key in keys_of(device) {
            places.entry(key).or_default().push(place);
        }
    }
    for asset in assets {
        let serial = asset.serial();
        let keys = [
            serial
                .as_ref()
                .map(|(maker, serial)| ("maker", format!("{maker}|{serial}"))),
            serial
                .as_ref()
                .map(|(_, serial)| ("serial", serial.clone())),
            asset.get("mac").map(|mac| ("mac", mac.to_owned())),
            asset
                .get("hostname")
                .map(|name| ("name", name.to_lowercase())),
        ];
        let mut found = keys
            .into_iter()
            .flatten()
            .filter_map(|key| places.get(&key));
        let Some([place]) = found.next().map(Vec::as_slice) else {
            continue;
        };
        if let Some(device) = inventory.devices.get_mut(*place) {
            attach_one(device, asset, as_of);
            matched.insert(device.id.clone(), asset.clone());
        }
    }
    matched
}

fn keys_of(device: &Device) -> Vec<(&'static str, String)> {
    let value = |name: &str| {
        device
            .attributes
            .get(name)?
            .as_ref()
            .map(|v| v.value.as_str())
    };
    let mut keys: Vec<(&'static str, String)> = Vec::new();
    if let Some(serial) = value("serial_number").and_then(comparable_serial) {
        let maker = value("manufacturer").map_or_else(String::new, comparable_company);
        keys.push(("maker", format!("{maker}|{serial}")));
        keys.push(("serial", serial));
    }
    keys.extend(device.macs.iter().map(|mac| ("mac", mac.clone())));
    keys.extend(value("hostname").map(|name| ("name", name.to_lowercase())));
    keys
}

/// Adds to one device what its asset says.
pub fn attach_one(device: &mut Device, asset: &Asset, as_of: Time) {
    for (name, field) in ADDED {
        let (Some(value), Some(slot)) = (asset.get(name), device.attributes.get_mut(name)) else {
            continue;
        };
        if slot.is_none() {
            *slot = Some(AttributeValue {
                value: value.to_owned(),
                confidence: CONFIDENCE,
                sources: vec![Provenance {
                    field,
                    raw: value.to_owned(),
                    rule: 0,
                    first_seen: as_of,
                    last_seen: as_of,
                    count: 1,
                }],
                conflicts: Vec::new(),
            });
        }
    }
    for (name, id, title) in [
        (
            "next_maintenance",
            "maintenance_overdue",
            "Preventive maintenance is overdue",
        ),
        (
            "end_of_support",
            "end_of_support",
            "Its maker supports it no more",
        ),
        (
            "staff_training_due",
            "training_overdue",
            "Training of its users is overdue",
        ),
    ] {
        if let Some(day) = asset.get(name).and_then(crate::people::day_ns)
            && day + DAY_NS <= as_of.0
            && !device.findings.iter().any(|finding| finding.id == id)
        {
            device.findings.push(Finding {
                id: id.to_owned(),
                title: title.to_owned(),
                weight: None,
                confidence: CONFIDENCE,
                first_seen: Some(as_of),
                last_seen: Some(as_of),
                evidence: format!(
                    "{}: {name} {}",
                    asset.tag,
                    asset.get(name).unwrap_or_default()
                ),
            });
        }
    }
}
