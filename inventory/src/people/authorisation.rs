//! Whether a device may be on the network: new, pending, approved, rejected, retired. Each step is
//! a person's, with a reason, in the audit; nothing is approved by itself.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::history::{
    DeviceRow, HistoryError, Person, Step, Stop, Store, append_audit, find_number,
};

/// Whether a device may be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Authorisation {
    /// Nobody looked at it yet.
    #[default]
    New,
    /// Somebody looks at it.
    Pending,
    /// It may.
    Approved,
    /// It may not.
    Rejected,
    /// It might, and is to be gone.
    Retired,
}

impl Authorisation {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Retired,
    ];

    /// The name that people, programs and memory use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Retired => "retired",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// True where a person may go from the one to the other.
    pub const fn leads_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::New, Self::Pending | Self::Approved | Self::Rejected)
                | (Self::Pending, Self::Approved | Self::Rejected)
                | (
                    Self::Approved,
                    Self::Retired | Self::Rejected | Self::Pending
                )
                | (
                    Self::Rejected | Self::Retired,
                    Self::Pending | Self::Approved
                )
        )
    }
}

/// A device with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permitted {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceRow,
    /// Whether it may be there.
    pub authorisation: Authorisation,
    /// Who said so.
    pub person: String,
    /// Why.
    pub why: String,
}

/// What a baseline approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Devices approved.
    pub devices: usize,
    /// Hash of their ids: the same devices, the same hash.
    pub hash: String,
}

/// The state of a device.
fn state(db: &Connection, device: i64) -> rusqlite::Result<Authorisation> {
    let name: Option<String> = db
        .prepare_cached("SELECT authorisation FROM states WHERE device = ?1")?
        .query_row([device], |row| row.get(0))
        .optional()?;
    Ok(name
        .and_then(|name| Authorisation::from_name(&name))
        .unwrap_or_default())
}

fn set(db: &Connection, device: i64, state: Authorisation, by: &Person) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO states(device, lifecycle, authorisation, at_ns, person, why)
         VALUES (?1, '', ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET authorisation = ?2, at_ns = ?3, person = ?4, why = ?5",
    )?
    .execute(params![device, state.name(), by.at_ns, by.name, by.why])?;
    Ok(())
}

impl Store {
    /// Says whether devices may be there; all of them, or none where one step is not allowed.
    ///
    /// # Errors
    /// When a device is not known, or cannot go from its state to that one.
    pub fn authorise(
        &mut self,
        devices: &[String],
        next: Authorisation,
        by: &Person,
    ) -> Result<(), HistoryError> {
        self.write_unless(false, |db| {
            for wanted in devices {
                let device = find_number(db, wanted)?;
                let now = state(db, device)?;
                if !now.leads_to(next) {
                    let can: Vec<&str> = Authorisation::ALL
                        .into_iter()
                        .filter(|next| now.leads_to(*next))
                        .map(Authorisation::name)
                        .collect();
                    return Err(Stop::Request(format!(
                        "{wanted} is {}; it can become {}, not {}",
                        now.name(),
                        can.join(" or "),
                        next.name()
                    )));
                }
                set(db, device, next, by)?;
                let id = crate::history::device_id(db, device)?;
                append_audit(db, by, "authorise", &id, now.name(), next.name())?;
            }
            Ok(())
        })
    }

    /// Approves every device at which nobody looked yet.
    ///
    /// # Errors
    /// What the database said.
    pub fn baseline(&mut self, by: &Person) -> Result<Baseline, HistoryError> {
        self.write_unless(false, |db| {
            let devices: Vec<(i64, String)> = db
                .prepare(
                    "SELECT number, id FROM devices WHERE NOT EXISTS (
                         SELECT 1 FROM states WHERE device = number
                             AND authorisation NOT IN ('', 'new', 'pending')) ORDER BY id",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let mut hash = Sha256::new();
            for (device, id) in &devices {
                set(db, *device, Authorisation::Approved, by)?;
                hash.update(id.as_bytes());
                hash.update(b"\n");
            }
            let hash: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
            let subject = format!("{} devices", devices.len());
            append_audit(db, by, "baseline", &subject, "", &hash)?;
            Ok(Baseline {
                devices: devices.len(),
                hash,
            })
        })
    }

    /// Every device with its state, by id.
    ///
    /// # Errors
    /// What the database said.
    pub fn permitted(&self) -> Result<Vec<Permitted>, HistoryError> {
        let mut states: BTreeMap<i64, (Authorisation, String, String)> = self.read(|db| {
            db.prepare("SELECT device, authorisation, person, why FROM states")?
                .query_map([], |row| {
                    let name: String = row.get(1)?;
                    let state = Authorisation::from_name(&name).unwrap_or_default();
                    Ok((row.get(0)?, (state, row.get(2)?, row.get(3)?)))
                })?
                .collect()
        })?;
        let devices = self.numbered_devices()?.into_iter();
        let mut permitted: Vec<Permitted> = devices
            .map(|(number, device)| {
                let (authorisation, person, why) = states.remove(&number).unwrap_or_default();
                Permitted {
                    device,
                    authorisation,
                    person,
                    why,
                }
            })
            .collect();
        permitted.sort_by(|a, b| a.device.id.cmp(&b.device.id));
        Ok(permitted)
    }
}

/// Sets where in its life a device is; the authorisation stays.
pub(super) fn set_lifecycle(
    db: &Connection,
    device: i64,
    lifecycle: &str,
    by: &Person,
) -> Step<()> {
    db.prepare_cached(
        "INSERT INTO states(device, lifecycle, authorisation, at_ns, person, why)
         VALUES (?1, ?2, 'new', ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET lifecycle = ?2",
    )?
    .execute(params![device, lifecycle, by.at_ns, by.name, by.why])?;
    Ok(())
}
