//! What happened to devices, and how it is noted: once, whoever notes it again. It decides nothing
//! about devices.

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::model::Time;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A device was seen for the first time.
    NewDevice,
    /// It has an address that it had not before.
    NewAddress,
    /// An attribute of it has another value.
    Changed,
    /// It serves a protocol that it did not before.
    NewService,
    /// It exchanges packets with a device that it did not before.
    NewPeer,
    /// It is in another VLAN, scope, site or place, or attached to another port.
    Moved,
    /// It began anew, as it says itself.
    Restarted,
    /// It was not seen for long, while somebody looked.
    Silent,
    /// It was silent and was seen again.
    Returned,
    /// Records that were two devices turned out to be one.
    Joined,
    /// A person said that it is two devices.
    Split,
    /// A key that named one device names another now.
    KeyMoved,
    /// The clock of the source jumped back.
    ClockBack,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::NewDevice,
        Self::NewAddress,
        Self::Changed,
        Self::NewService,
        Self::NewPeer,
        Self::Moved,
        Self::Restarted,
        Self::Silent,
        Self::Returned,
        Self::Joined,
        Self::Split,
        Self::KeyMoved,
        Self::ClockBack,
    ];

    /// The name that people, programs and memory use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::NewAddress => "new_address",
            Self::Changed => "changed",
            Self::NewService => "new_service",
            Self::NewPeer => "new_peer",
            Self::Moved => "moved",
            Self::Restarted => "restarted",
            Self::Silent => "silent",
            Self::Returned => "returned",
            Self::Joined => "joined",
            Self::Split => "split",
            Self::KeyMoved => "key_moved",
            Self::ClockBack => "clock_back",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When.
    pub time: Time,
    /// What.
    pub change: ChangeKind,
    /// The device's id; null for what is about a source.
    pub device: Option<String>,
    /// What about it: an attribute, an address, a protocol, a device.
    pub subject: String,
    /// What it was before; empty where there is no before.
    pub old: String,
    /// What it is now.
    pub new: String,
}

/// What a change says besides when and whose it is.
pub(crate) struct News<'a> {
    pub(crate) kind: ChangeKind,
    pub(crate) subject: &'a str,
    pub(crate) old: &'a str,
    pub(crate) new: &'a str,
}

/// Notes a change, once.
pub(crate) fn note(
    db: &Connection,
    device: i64,
    at_ns: u64,
    noted_ns: u64,
    news: &News<'_>,
) -> rusqlite::Result<bool> {
    let kind = news.kind.name();
    let row = params![
        at_ns,
        noted_ns,
        device,
        kind,
        news.subject,
        news.old,
        news.new
    ];
    let changed = db
        .prepare_cached(
            "INSERT OR IGNORE INTO changes(at_ns, noted_ns, device, kind, subject, old, new)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(row)?;
    Ok(changed > 0)
}
