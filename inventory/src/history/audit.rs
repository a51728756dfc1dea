//! Who did what, when and why: a chain in which each entry holds a hash of all before it. Nothing
//! is ever changed or taken out; what was changed from outside no longer fits.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::HistoryError;
use super::error::Step;
use super::join::Person;
use super::store::Store;
use crate::model::Time;

/// The hash before the first entry.
const BEGIN: &str = "medtap audit 1";

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// When.
    pub time: Time,
    /// Who.
    pub person: String,
    /// What was done.
    pub act: String,
    /// To what.
    pub subject: String,
    /// What it was before.
    pub old: String,
    /// What it is since.
    pub new: String,
    /// Why.
    pub why: String,
    /// The hash of this entry and all before it.
    pub hash: String,
}

impl Entry {
    /// The hash that it must have after this one.
    fn expected(&self, before: &str) -> String {
        let mut hash = Sha256::new();
        let (number, time) = (self.number.to_string(), self.time.0.to_string());
        let parts = [
            before,
            &number,
            &time,
            &self.person,
            &self.act,
            &self.subject,
            &self.old,
            &self.new,
            &self.why,
        ];
        for part in parts {
            // Its length first, so that no two entries read alike.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Adds an entry.
pub(crate) fn append(
    db: &Connection,
    by: &Person,
    act: &str,
    subject: &str,
    old: &str,
    new: &str,
) -> Step<()> {
    let last: Option<(u64, String)> = db
        .prepare_cached("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (number, before) = last.unwrap_or((0, BEGIN.to_owned()));
    let mut entry = Entry {
        number: number + 1,
        time: Time(by.at_ns),
        person: by.name.clone(),
        act: act.to_owned(),
        subject: subject.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        why: by.why.clone(),
        hash: String::new(),
    };
    entry.hash = entry.expected(&before);
    db.prepare_cached(
        "INSERT INTO audit(number, at_ns, person, act, subject, old, new, why, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        entry.number,
        entry.time.0,
        entry.person,
        entry.act,
        entry.subject,
        entry.old,
        entry.new,
        entry.why,
        entry.hash
    ])?;
    Ok(())
}

impl Store {
    /// Every entry, the first first.
    ///
    /// # Errors
    /// What the database said.
    pub fn audit(&self) -> Result<Vec<Entry>, HistoryError> {
        self.read(|db| {
            db.prepare(
                "SELECT number, at_ns, person, act, subject, old, new, why, hash
                 FROM audit ORDER BY number",
            )?
            .query_map([], |row| {
                Ok(Entry {
                    number: row.get(0)?,
                    time: Time(row.get(1)?),
                    person: row.get(2)?,
                    act: row.get(3)?,
                    subject: row.get(4)?,
                    old: row.get(5)?,
                    new: row.get(6)?,
                    why: row.get(7)?,
                    hash: row.get(8)?,
                })
            })?
            .collect()
        })
    }

    /// Follows the chain; gives the number of entries and the last hash, to be noted elsewhere:
    /// a chain cut at its end still fits.
    ///
    /// # Errors
    /// With the first entry that does not fit.
    pub fn verify_audit(&self) -> Result<(u64, String), HistoryError> {
        let mut before = BEGIN.to_owned();
        let mut count = 0;
        for entry in self.audit()? {
            count += 1;
            if entry.number != count || entry.hash != entry.expected(&before) {
                let text = format!(
                    "{}: entry {} of the audit does not fit the entries before it: it was changed, \
                     or one was taken out",
                    self.path().display(),
                    entry.number
                );
                return Err(HistoryError::Request(text));
            }
            before = entry.hash;
        }
        Ok((count, before))
    }
}
