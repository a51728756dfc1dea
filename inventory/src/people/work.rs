//! Work on devices, kept: what there is to do, whose it is, until when somebody took the risk upon
//! themselves, what traffic showed to be done. It finds no work and weighs none; who judges says
//! what there is, and people say the rest, each step in the audit.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use crate::history::{
    HistoryError, Person, Step, Stop, Store, append_audit, device_id, find_number,
};
use crate::model::Time;

/// Who closes what traffic shows to be done.
const NOBODY: &str = "medtap";
/// Kinds of work that are named in an error.
const NAMED_MAX: usize = 5;
/// What a person may close: whether an attack is over, traffic alone can't tell.
const BY_PERSON: &str = "contain:";

/// One thing to do on one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WorkRow {
    /// What, by a name that stays the same.
    pub fix: String,
    /// The device, by its id in memory.
    pub device: String,
    /// What, in words.
    pub words: String,
    /// Whose work it is by their role.
    pub roles: String,
    /// The day on which it is due; `None` where no clock runs.
    pub due: Option<String>,
    /// When it was first there.
    pub opened: Option<Time>,
    /// When traffic showed that it is done, or a person said so.
    pub closed: Option<Time>,
    /// Who closed it: empty while it is open.
    pub closed_by: String,
    /// How often it was there again.
    pub reopened: u32,
    /// Who does it; empty where nobody was named.
    pub owner: String,
    /// Who took the risk upon themselves; empty where nobody did.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// The day on which that ends.
    pub expires: Option<String>,
}

impl WorkRow {
    /// It closed without a person: traffic showed the fix.
    pub fn closed_itself(&self) -> bool {
        self.closed_by == NOBODY
    }
}

const COLUMNS: &str = "fix, devices.id, words, roles, due, opened_ns, closed_ns, closed_by,
     reopened, owner, approver, reason, expires";

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<WorkRow> {
    let text = |at| -> rusqlite::Result<Option<String>> {
        let text: String = row.get(at)?;
        Ok((!text.is_empty()).then_some(text))
    };
    let time = |at| -> rusqlite::Result<Option<Time>> {
        let ns: u64 = row.get(at)?;
        Ok((ns != 0).then_some(Time(ns)))
    };
    Ok(WorkRow {
        fix: row.get(0)?,
        device: row.get(1)?,
        words: row.get(2)?,
        roles: row.get(3)?,
        due: text(4)?,
        opened: time(5)?,
        closed: time(6)?,
        closed_by: row.get(7)?,
        reopened: row.get(8)?,
        owner: row.get(9)?,
        approver: row.get(10)?,
        reason: row.get(11)?,
        expires: text(12)?,
    })
}

fn keep(db: &Connection, kept: &WorkRow, device: i64) -> rusqlite::Result<()> {
    let ns = |time: Option<Time>| time.map_or(0, |time| time.0);
    db.prepare_cached(
        "INSERT INTO work(fix, device, words, roles, due, opened_ns, closed_ns, closed_by,
             reopened, owner, approver, reason, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT DO UPDATE SET words = ?3, roles = ?4, due = ?5, opened_ns = ?6,
             closed_ns = ?7, closed_by = ?8, reopened = ?9, owner = ?10, approver = ?11,
             reason = ?12, expires = ?13",
    )?
    .execute(params![
        kept.fix,
        device,
        kept.words,
        kept.roles,
        kept.due.as_deref().unwrap_or_default(),
        ns(kept.opened),
        ns(kept.closed),
        kept.closed_by,
        kept.reopened,
        kept.owner,
        kept.approver,
        kept.reason,
        kept.expires.as_deref().unwrap_or_default(),
    ])?;
    Ok(())
}

fn of(db: &Connection, fix: &str, device: i64) -> rusqlite::Result<Option<WorkRow>> {
    let text = format!(
        "SELECT {COLUMNS} FROM work JOIN devices ON devices.number = work.device
         WHERE fix = ?1 AND device = ?2"
    );
    let mut get = db.prepare_cached(&text)?;
    get.query_row(params![fix, device], row).optional()
}

impl Store {
    /// All work that is kept, by what and device.
    ///
    /// # Errors
    /// What the database said.
    pub fn work(&self) -> Result<Vec<WorkRow>, HistoryError> {
        self.read(|db| {
            let text = format!(
                "SELECT {COLUMNS} FROM work JOIN devices ON devices.number = work.device
                 ORDER BY fix, devices.id"
            );
            db.prepare(&text)?.query_map([], row)?.collect()
        })
    }

    /// Keeps what there is to do now: rows that are new, and those that changed. What closed by
    /// itself or opened again stands in the audit, row by row; what is new as a number. What is of
    /// a device that memory does not know is left out, and counted.
    ///
    /// # Errors
    /// What the database said; then nothing is kept.
    pub fn keep_work(&mut self, rows: &[WorkRow], at: Time) -> Result<usize, HistoryError> {
        self.write(|db| {
            let by = Person {
                name: NOBODY.to_owned(),
                why: "what traffic shows".to_owned(),
                at_ns: at.0,
            };
            let (mut new, mut unknown) = (0usize, 0usize);
            for kept in rows {
                let device = match find_number(db, &kept.device) {
                    Ok(device) => device,
                    Err(Stop::Request(_)) => {
                        unknown += 1;
                        continue;
                    }
                    Err(stop) => return Err(stop),
                };
                let before = of(db, &kept.fix, device)?;
                let mut kept = kept.clone();
                match &before {
                    None => new += 1,
                    Some(before) => {
                        let subject = format!("{} on {}", kept.fix, before.device);
                        match (before.closed, kept.closed) {
                            (None, Some(_)) => {
                                NOBODY.clone_into(&mut kept.closed_by);
                                append_audit(db, &by, "work", &subject, "open", "closed")?;
                            }
                            (Some(_), None) => {
                                kept.closed_by.clear();
                                append_audit(db, &by, "work", &subject, "closed", "reopened")?;
                            }
                            _ => {}
                        }
                    }
                }
                keep(db, &kept, device)?;
            }
            if new > 0 {
                let subject = format!("{new} new");
                append_audit(db, &by, "work", &subject, "", "open")?;
            }
            Ok(unknown)
        })
    }

    /// Says who does work. Without devices it is meant for all that it is on.
    ///
    /// # Errors
    /// When there is no such work, or it is closed.
    pub fn assign_work(
        &mut self,
        fix: &str,
        devices: &[String],
        owner: &str,
        by: &Person,
    ) -> Result<usize, HistoryError> {
        if owner.trim().is_empty() {
            let text = "the owner is empty; expected a department or role";
            return Err(HistoryError::Request(text.to_owned()));
        }
        self.change_work(fix, devices, by, "assign", |kept| {
            let before = std::mem::replace(&mut kept.owner, owner.trim().to_owned());
            Ok((before, kept.owner.clone()))
        })
    }

    /// Notes that a person takes the risk of work that is not done upon themselves, until a day.
    ///
    /// # Errors
    /// When there is no such work, or it is closed.
    pub fn accept_work(
        &mut self,
        fix: &str,
        devices: &[String],
        until: Date,
        by: &Person,
    ) -> Result<usize, HistoryError> {
        self.change_work(fix, devices, by, "accept", |kept| {
            let before = kept.expires.replace(until.to_string()).unwrap_or_default();
            kept.approver.clone_from(&by.name);
            kept.reason.clone_from(&by.why);
            Ok((before, until.to_string()))
        })
    }

    /// Takes an acceptance back.
    ///
    /// # Errors
    /// When there is no such work, it is closed, or nobody accepted it.
    pub fn withdraw_work(
        &mut self,
        fix: &str,
        devices: &[String],
        by: &Person,
    ) -> Result<usize, HistoryError> {
        self.change_work(fix, devices, by, "withdraw", |kept| {
            let Some(before) = kept.expires.take() else {
                return Err(format!("{fix} on {} was accepted by nobody", kept.device));
            };
            kept.approver.clear();
            kept.reason.clear();
            Ok((before, String::new()))
        })
    }

    /// Notes that a person holds an attack to be over.
    ///
    /// # Errors
    /// When there is no such work, it is closed, or it is such that traffic shows it.
    pub fn close_work(
        &mut self,
        fix: &str,
        devices: &[String],
        by: &Person,
    ) -> Result<usize, HistoryError> {
        if !fix.starts_with(BY_PERSON) {
            return Err(HistoryError::Request(format!(
                "{fix} closes itself when traffic shows that it is done; a person closes what \
                 begins with {BY_PERSON}, and accepts the rest for a time"
            )));
        }
        self.change_work(fix, devices, by, "close", |kept| {
            kept.closed = Some(Time(by.at_ns));
            kept.closed_by.clone_from(&by.name);
            Ok(("open".to_owned(), "closed".to_owned()))
        })
    }

    /// One step on all rows that are meant, or on none.
    fn change_work(
        &mut self,
        fix: &str,
        devices: &[String],
        by: &Person,
        act: &str,
        change: impl Fn(&mut WorkRow) -> Result<(String, String), String>,
    ) -> Result<usize, HistoryError> {
        self.write(|db| {
            let numbers = meant(db, fix, devices)?;
            for number in &numbers {
                let Some(mut kept) = of(db, fix, *number)? else {
                    let id = device_id(db, *number)?;
                    return Err(Stop::Request(format!("{fix} is no work on {id}")));
                };
                if let Some(closed) = kept.closed {
                    let text = format!("{fix} on {} is closed since {closed}", kept.device);
                    return Err(Stop::Request(text));
                }
                let subject = format!("{fix} on {}", kept.device);
                let (before, now) = change(&mut kept).map_err(Stop::Request)?;
                keep(db, &kept, *number)?;
                append_audit(db, by, act, &subject, &before, &now)?;
            }
            Ok(numbers.len())
        })
    }
}

/// The devices that are meant: those that are named, else all on which such work is open.
fn meant(db: &Connection, fix: &str, devices: &[String]) -> Step<Vec<i64>> {
    let known: Vec<i64> = db
        .prepare_cached("SELECT device FROM work WHERE fix = ?1 ORDER BY device")?
        .query_map([fix], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if known.is_empty() {
        let names: Vec<String> = db
            .prepare_cached("SELECT DISTINCT fix FROM work WHERE closed_ns = 0 ORDER BY fix")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let shown: Vec<&str> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
        let text = match shown.is_empty() {
            true => format!(
                "{fix} is no work that is kept; there is none: medtap work --history keeps it"
            ),
            false => format!(
                "{fix} is no work that is kept; there is {}{}",
                shown.join(", "),
                if names.len() > shown.len() {
                    " and more"
                } else {
                    ""
                }
            ),
        };
        return Err(Stop::Request(text));
    }
    if !devices.is_empty() {
        let numbers = devices.iter().map(|wanted| find_number(db, wanted));
        let mut numbers = numbers.collect::<Result<Vec<i64>, Stop>>()?;
        numbers.sort_unstable();
        numbers.dedup();
        return Ok(numbers);
    }
    let open: Vec<i64> = db
        .prepare_cached("SELECT device FROM work WHERE fix = ?1 AND closed_ns = 0")?
        .query_map([fix], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    match open.is_empty() {
        true => Err(Stop::Request(format!("{fix} is closed on every device"))),
        false => Ok(open),
    }
}
