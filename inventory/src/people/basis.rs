//! What a conclusion about some devices rests on: how many conversations of theirs were seen, how
//! much of them could be read, how often nobody looked. It asks for those devices alone; what all
//! conclusions rest on is the coverage.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde::Serialize;

use super::coverage::{Read, read_kind};
use super::several;
use crate::history::{HistoryError, Store};

/// What a conclusion about some devices rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// Devices.
    pub devices: usize,
    /// Their conversations, by peer, protocol and port.
    pub conversations: u64,
    /// Of those, the ones that nobody was seen to answer.
    pub unanswered: u64,
    /// How much of what was said could be read.
    pub read: Read,
    /// Times in which a sensor that saw one of them did not look.
    pub gaps: u64,
}

impl Basis {
    /// One sentence about what the conclusion rests on.
    pub fn sentence(&self) -> String {
        format!(
            "rests on {} of {}; {} of them never answered, {} % of the bytes encrypted and {} % in \
             closed tunnels, {} without a sensor",
            several(self.conversations, "conversation"),
            several(self.devices as u64, "device"),
            self.unanswered,
            self.read.percent(self.read.encrypted),
            self.read.percent(self.read.tunnelled),
            several(self.gaps, "time")
        )
    }
}

impl Store {
    /// What conclusions about one device rest on.
    ///
    /// # Errors
    /// When it is not known.
    pub fn basis(&self, wanted: &str) -> Result<Basis, HistoryError> {
        let number = self.number(wanted)?;
        self.read(|db| basis_of(db, &[number]))
    }
}

/// What conclusions about devices rest on.
pub(super) fn basis_of(db: &Connection, devices: &[i64]) -> rusqlite::Result<Basis> {
    let mut basis = Basis {
        devices: devices.len(),
        ..Basis::default()
    };
    // Between two of them a conversation counts at both, as in a list of either.
    let mut links = db.prepare_cached(&format!(
        "SELECT {} AS kind, count(*), total(NOT answered), sum(bytes) FROM (
             SELECT protocol, transport, encrypted, answered, bytes FROM links WHERE device = ?1
             UNION ALL
             SELECT protocol, transport, encrypted, answered, bytes FROM links WHERE peer = ?1)
         GROUP BY kind",
        read_kind()
    ))?;
    let mut sources = db.prepare_cached("SELECT source FROM totals WHERE device = ?1")?;
    let mut looked: BTreeSet<i64> = BTreeSet::new();
    for device in devices {
        let mut rows = links.query([device])?;
        while let Some(row) = rows.next()? {
            basis.conversations += row.get::<_, u64>(1)?;
            basis.unanswered += row.get::<_, f64>(2)? as u64;
            basis.read.add(row.get(0)?, row.get(3)?);
        }
        let mut rows = sources.query([device])?;
        while let Some(row) = rows.next()? {
            looked.insert(row.get(0)?);
        }
    }
    let mut gaps = db.prepare_cached("SELECT count(*) FROM gaps WHERE source = ?1")?;
    for source in looked {
        basis.gaps += gaps.query_row([source], |row| row.get::<_, u64>(0))?;
    }
    Ok(basis)
}
