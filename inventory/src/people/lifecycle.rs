//! Where in its life a device is: by what people and the site's systems say, and by what was seen
//! since. A device that was disposed of and is seen again is a ghost.

use std::collections::HashMap;

use rusqlite::OptionalExtension;
use serde::Serialize;

use super::authorisation::set_lifecycle;
use super::finding::day_ns;
use crate::context::Asset;
use crate::history::{
    DeviceRow, HistoryError, Person, Store, append_audit, device_id, find_number,
};
use crate::model::Time;

/// The names of all states, in the order of a life.
pub const LIFECYCLES: &[&str] = &[
    "ordered",
    "received",
    "commissioning",
    "in_service",
    "spare",
    "under_repair",
    "dormant",
    "end_of_support",
    "retiring",
    "disposed",
];

/// A device that was not seen for longer is dormant.
pub const DORMANT_NS: u64 = 30 * 24 * 3_600_000_000_000;

/// Where in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// It is bought, and not there.
    Ordered,
    /// It is there, and not set up.
    Received,
    /// It is being set up.
    Commissioning,
    /// It works.
    InService,
    /// It is there in case another fails.
    Spare,
    /// It is being repaired.
    UnderRepair,
    /// It was not seen for long.
    Dormant,
    /// Its maker supports it no more.
    EndOfSupport,
    /// It is to be gone.
    Retiring,
    /// It is gone.
    Disposed,
}

impl Lifecycle {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Ordered,
        Self::Received,
        Self::Commissioning,
        Self::InService,
        Self::Spare,
        Self::UnderRepair,
        Self::Dormant,
        Self::EndOfSupport,
        Self::Retiring,
        Self::Disposed,
    ];

    /// The name that people, programs and memory use.
    pub fn name(self) -> &'static str {
        let place = Self::ALL.iter().position(|state| *state == self);
        place
            .and_then(|place| LIFECYCLES.get(place))
            .copied()
            .unwrap_or("in_service")
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Where in its life a device or an asset is, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LifeRow {
    /// The device; null for an asset that was never seen.
    pub device: Option<String>,
    /// The asset; null for a device that is in no system.
    pub asset_tag: Option<String>,
    /// Where in its life it is.
    pub lifecycle: Lifecycle,
    /// `person`, `context` or `observed`.
    pub said_by: &'static str,
    /// It was seen after it was disposed of.
    pub ghost: bool,
    /// When it was first seen.
    pub first_seen: Option<Time>,
    /// When it was last seen.
    pub last_seen: Option<Time>,
}

/// What people said, the system says, and was seen, together.
fn judge(
    said: Option<(Lifecycle, u64)>,
    asset: Option<&Asset>,
    seen: Option<&DeviceRow>,
    now: Time,
) -> (Lifecycle, &'static str, bool) {
    let listed = asset.and_then(|asset| Lifecycle::from_name(asset.get("lifecycle")?));
    let (state, by, since) = match (said, listed) {
        (Some((state, at_ns)), _) => (state, "person", at_ns),
        (None, Some(state)) => {
            let day = asset.and_then(|asset| day_ns(asset.get("sanitised")?));
            (state, "context", day.unwrap_or(u64::MAX))
        }
        (None, None) if seen.is_some() => (Lifecycle::InService, "observed", 0),
        (None, None) => (Lifecycle::Received, "context", 0),
    };
    let last_ns = seen.map_or(0, |seen| seen.last_seen.0);
    let is_gone = state == Lifecycle::Disposed;
    // Without a day of disposal, what was seen before it is no ghost: nobody knows.
    let ghost = is_gone && last_ns > since;
    if by == "person" || is_gone || matches!(state, Lifecycle::Retiring) {
        // Ordered and seen on the wire: it has arrived, whoever forgot to say so.
        let arrived = matches!(state, Lifecycle::Ordered | Lifecycle::Received) && last_ns > since;
        return match arrived {
            true => (Lifecycle::Commissioning, "observed", false),
            false => (state, by, ghost),
        };
    }
    let unsupported = asset.and_then(|asset| day_ns(asset.get("end_of_support")?));
    if unsupported.is_some_and(|end| end <= now.0) {
        return (Lifecycle::EndOfSupport, "context", false);
    }
    let works = matches!(state, Lifecycle::InService | Lifecycle::Commissioning);
    if works && last_ns != 0 && now.0.saturating_sub(last_ns) > DORMANT_NS {
        return (Lifecycle::Dormant, "observed", false);
    }
    if matches!(state, Lifecycle::Ordered | Lifecycle::Received) && last_ns != 0 {
        return (Lifecycle::Commissioning, "observed", false);
    }
    (state, by, false)
}

impl Store {
    /// Says where in its life a device is.
    ///
    /// # Errors
    /// When it is not known.
    pub fn set_lifecycle(
        &mut self,
        device: &str,
        state: Lifecycle,
        by: &Person,
    ) -> Result<(), HistoryError> {
        self.write_unless(false, |db| {
            let number = find_number(db, device)?;
            let old: Option<String> = db
                .query_row(
                    "SELECT lifecycle FROM states WHERE device = ?1",
                    [number],
                    |row| row.get(0),
                )
                .optional()?;
            set_lifecycle(db, number, &format!("{} {}", state.name(), by.at_ns), by)?;
            let id = device_id(db, number)?;
            let old = old.unwrap_or_default();
            let old = old.split(' ').next().unwrap_or_default();
            append_audit(db, by, "lifecycle", &id, old, state.name())
        })
    }

    /// Where in their lives all devices and assets are.
    ///
    /// # Errors
    /// What the database said.
    pub fn lives(&self, now: Time) -> Result<Vec<LifeRow>, HistoryError> {
        let devices = self.numbered_devices()?;
        let assets = self.assets()?;
        let said: std::collections::BTreeMap<i64, (Lifecycle, u64)> = self.read(|db| {
            let mut get = db.prepare("SELECT device, lifecycle FROM states")?;
            let rows = get.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
            let mut said = std::collections::BTreeMap::new();
            for row in rows {
                let (device, text) = row?;
                if let Some((name, at)) = text.split_once(' ')
                    && let (Some(state), Ok(at)) = (Lifecycle::from_name(name), at.parse())
                {
                    said.insert(device, (state, at));
                }
            }
            Ok(said)
        })?;
        let mut by_device: HashMap<i64, &Asset> = HashMap::new();
        for (_, _, device, asset) in &assets {
            if let Some(device) = device {
                by_device.entry(*device).or_insert(asset);
            }
        }
        let mut rows = Vec::new();
        for (number, device) in &devices {
            let asset = by_device.get(number).copied();
            let (lifecycle, said_by, ghost) =
                judge(said.get(number).copied(), asset, Some(device), now);
            rows.push(LifeRow {
                device: Some(device.id.clone()),
                asset_tag: asset.map(|asset| asset.tag.clone()),
                lifecycle,
                said_by,
                ghost,
                first_seen: Some(device.first_seen),
                last_seen: Some(device.last_seen),
            });
        }
        for (.., asset) in assets.iter().filter(|known| known.2.is_none()) {
            let (lifecycle, said_by, _) = judge(None, Some(asset), None, now);
            rows.push(LifeRow {
                device: None,
                asset_tag: Some(asset.tag.clone()),
                lifecycle,
                said_by,
                ghost: false,
                first_seen: None,
                last_seen: None,
            });
        }
        rows.sort_by(|a, b| (&a.device, &a.asset_tag).cmp(&(&b.device, &b.asset_tag)));
        Ok(rows)
    }
}
