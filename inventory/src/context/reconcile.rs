//! What was seen against what the site's systems say, both ways. It says what differs, and which
//! of both is right only people know.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params_from_iter};
use serde::Serialize;

use super::name::Named;
use super::row::Asset;
use crate::history::{DeviceRow, HistoryError, Store};
use crate::model::Time;
use crate::resolve::comparable_serial;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// On the network, and in no system.
    Unlisted,
    /// In a system, and never seen.
    NeverSeen,
    /// In a system, and not seen for long.
    NotSeenLately,
    /// Seen elsewhere than the system says.
    Moved,
    /// With another serial number than the system says.
    OtherSerial,
    /// Two assets are one device.
    Twice,
}

impl DifferenceKind {
    /// The name that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unlisted => "unlisted",
            Self::NeverSeen => "never_seen",
            Self::NotSeenLately => "not_seen_lately",
            Self::Moved => "moved",
            Self::OtherSerial => "other_serial",
            Self::Twice => "twice",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What differs.
    pub difference: DifferenceKind,
    /// The asset; null for what is in no system.
    pub asset_tag: Option<String>,
    /// The device; null for what was never seen.
    pub device: Option<String>,
    /// What the system says.
    pub listed: String,
    /// What was seen.
    pub seen: String,
}

/// An asset in memory: its number, its system, the device that it is.
pub(crate) type Known = (i64, String, Option<i64>, Asset);

impl Store {
    /// Every asset that a system names.
    pub(crate) fn assets(&self) -> Result<Vec<Known>, HistoryError> {
        self.read(|db| assets(db, None))
    }

    /// The asset of each device that is one.
    pub(crate) fn asset_by_device(&self) -> Result<HashMap<i64, Asset>, HistoryError> {
        let mut by_device = HashMap::new();
        for (_, _, device, asset) in self.assets()? {
            if let Some(device) = device {
                by_device.entry(device).or_insert(asset);
            }
        }
        Ok(by_device)
    }

    /// The asset that a device is.
    pub(crate) fn asset_of_number(&self, device: i64) -> Result<Option<Asset>, HistoryError> {
        let assets = self.read(|db| assets(db, Some(device)))?;
        Ok(assets.into_iter().next().map(|known| known.3))
    }

    /// What the asset of a device says, by name; with its tag.
    ///
    /// # Errors
    /// When the device is not known.
    pub fn asset_of(&self, device: &str) -> Result<Option<Asset>, HistoryError> {
        let number = self.number(device)?;
        self.asset_of_number(number)
    }

    /// What differs between what was seen and what the systems say.
    ///
    /// # Errors
    /// What the database said.
    pub fn reconcile(&self, now: Time, silent_ns: u64) -> Result<Vec<Difference>, HistoryError> {
        let assets = self.assets()?;
        let numbers: BTreeMap<i64, DeviceRow> = self.numbered_devices()?;
        let mut differences = Vec::new();
        let mut of_device: BTreeMap<i64, Vec<&Asset>> = BTreeMap::new();
        for (_, _, device, asset) in &assets {
            match device.and_then(|number| Some((number, numbers.get(&number)?))) {
                Some((number, seen)) => {
                    of_device.entry(number).or_default().push(asset);
                    compare(asset, seen, now, silent_ns, &mut differences);
                }
                None => differences.push(Difference {
                    difference: DifferenceKind::NeverSeen,
                    asset_tag: Some(asset.tag.clone()),
                    device: None,
                    listed: listed(asset),
                    seen: String::new(),
                }),
            }
        }
        for (number, device) in &numbers {
            match of_device.get(number).map(Vec::as_slice) {
                None if is_asset(device) => differences.push(Difference {
                    difference: DifferenceKind::Unlisted,
                    asset_tag: None,
                    device: Some(device.id.clone()),
                    listed: String::new(),
                    seen: label(device),
                }),
                Some([first, rest @ ..]) if !rest.is_empty() => {
                    let tags: Vec<&str> = rest.iter().map(|asset| asset.tag.as_str()).collect();
                    differences.push(Difference {
                        difference: DifferenceKind::Twice,
                        asset_tag: Some(first.tag.clone()),
                        device: Some(device.id.clone()),
                        listed: tags.join(" "),
                        seen: label(device),
                    });
                }
                _ => {}
            }
        }
        differences.sort();
        Ok(differences)
    }
}

/// What a system should know: not what visitors carry, nor a router's virtual address.
fn is_asset(device: &DeviceRow) -> bool {
    !(device.local_macs && device.category == "unknown")
}

fn label(device: &DeviceRow) -> String {
    let names = ["manufacturer", "model", "serial_number", "hostname"];
    let named = names.iter().filter_map(|name| device.attributes.get(*name));
    let mut parts: Vec<&str> = named.map(String::as_str).collect();
    parts.extend(device.addresses.first().map(String::as_str));
    parts.join(" ")
}

fn listed(asset: &Asset) -> String {
    let names = ["manufacturer", "model", "serial_number", "location"];
    let parts: Vec<&str> = names.iter().filter_map(|name| asset.get(name)).collect();
    parts.join(" ")
}

fn compare(
    asset: &Asset,
    seen: &DeviceRow,
    now: Time,
    silent_ns: u64,
    differences: &mut Vec<Difference>,
) {
    let mut differs = |difference, listed: &str, seen_text: &str| {
        differences.push(Difference {
            difference,
            asset_tag: Some(asset.tag.clone()),
            device: Some(seen.id.clone()),
            listed: listed.to_owned(),
            seen: seen_text.to_owned(),
        });
    };
    if let (Some(listed), Some(read)) = (
        asset.get("serial_number"),
        seen.attributes.get("serial_number"),
    ) && comparable_serial(listed) != comparable_serial(read)
    {
        differs(DifferenceKind::OtherSerial, listed, read);
    }
    for name in ["location", "department"] {
        if let (Some(listed), Some(read)) = (asset.get(name), seen.attributes.get(name))
            && !same_place(listed, read)
        {
            differs(DifferenceKind::Moved, listed, read);
            break;
        }
    }
    if now.0.saturating_sub(seen.last_seen.0) > silent_ns {
        let last = seen.last_seen.to_string();
        differs(DifferenceKind::NotSeenLately, "", &last);
    }
}

/// True where one place is a part of the other: systems name more or less of it.
fn same_place(a: &str, b: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !c.is_alphanumeric());
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    let within = |a: &[String], b: &[String]| a.iter().all(|word| b.contains(word));
    within(&a, &b) || within(&b, &a)
}

/// The assets that systems name, by tag: all, or those that are one device.
fn assets(db: &Connection, device: Option<i64>) -> rusqlite::Result<Vec<Known>> {
    let (own, of_own) = match device {
        Some(_) => (
            "AND device = ?1",
            "WHERE asset IN (SELECT number FROM assets WHERE device = ?1)",
        ),
        None => ("", ""),
    };
    let mut values: HashMap<i64, BTreeMap<&'static str, String>> = HashMap::new();
    let text = format!("SELECT asset, name, value FROM asset_values {of_own}");
    let mut get = db.prepare_cached(&text)?;
    let mut rows = get.query(params_from_iter(device))?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        if let Some(named) = Named::find(&name) {
            let values = values.entry(row.get(0)?).or_default();
            values.insert(named.name, row.get(2)?);
        }
    }
    let text = format!(
        "SELECT number, source, device, tag FROM assets WHERE gone_ns = 0 {own} ORDER BY tag"
    );
    let mut get = db.prepare_cached(&text)?;
    let rows = get.query_map(params_from_iter(device), |row| {
        let number: i64 = row.get(0)?;
        let asset = Asset {
            tag: row.get(3)?,
            line: 0,
            values: values.remove(&number).unwrap_or_default(),
        };
        Ok((number, row.get(1)?, row.get(2)?, asset))
    })?;
    rows.collect()
}
