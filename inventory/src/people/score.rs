//! Scores over time, as somebody judged them: one judgement a day, and of each device the days on
//! which its score changed, what hung on it when that was last in sight, and what EPSS said of the
//! CVEs that were matched. It computes no score and compares none.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::history::{HistoryError, Stop, Store, find_number};
use crate::model::Time;

const DAY_NS: u64 = 24 * 3_600_000_000_000;
/// Days that are given at most: ten years.
const DAYS_MAX: u32 = 3_660;

/// How all devices were judged on one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// The day, UTC.
    pub day: String,
    /// The time that ages were counted to.
    pub at: Option<Time>,
    /// The version of the EPSS model; null where no EPSS was given.
    pub epss_model: Option<String>,
    /// What tells policies apart.
    pub policy: String,
    /// The CVEs of KEV that were matched.
    pub kev: Vec<String>,
    /// Devices by band, from very high to very low, and last those that were not assessed.
    pub bands: [u32; 6],
    /// All scores together.
    pub points: f64,
}

/// How one device was judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceScore {
    /// Its id in memory.
    pub device: String,
    /// Its score, 0–100; `None` where it was not assessed.
    pub score: Option<f64>,
    /// What its failure would do to care, 0–10, where its use was in sight.
    pub effectiveness: Option<f64>,
    /// What patient data it handles, 0–10, where its traffic was in sight.
    pub data: Option<f64>,
}

/// The probabilities of EPSS that were kept of each CVE: the version of the model and the
/// probability, the earliest day first.
pub type EpssDays = BTreeMap<String, Vec<(String, f64)>>;

/// The day of a time, as a number.
pub fn day_number(at: Time) -> u64 {
    at.0 / DAY_NS
}

fn named(day: u64) -> String {
    let ns = i128::from(day.saturating_mul(DAY_NS));
    let time = jiff::Timestamp::from_nanosecond(ns).unwrap_or(jiff::Timestamp::MAX);
    time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

impl Store {
    /// Keeps the scores of a day, in the place of others of the same day. Gives how many are of
    /// devices that memory does not know: they are left out.
    ///
    /// # Errors
    /// What the database said; then nothing is kept.
    pub fn keep_scores(
        &mut self,
        at: Time,
        judgement: &Judgement,
        scores: &[DeviceScore],
    ) -> Result<usize, HistoryError> {
        let day = day_number(at);
        self.write(|db| {
            db.prepare_cached(
                "INSERT OR REPLACE INTO judgements(day, at_ns, epss_model, policy, kev, bands,
                     points) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                day,
                at.0,
                judgement.epss_model.as_deref().unwrap_or_default(),
                judgement.policy,
                judgement.kev.join(" "),
                judgement.bands.map(|count| count.to_string()).join(" "),
                judgement.points,
            ])?;
            let mut unknown = 0;
            for one in scores {
                match find_number(db, &one.device) {
                    Ok(device) => {
                        keep(db, device, day, one.score)?;
                        grade(db, device, one)?;
                    }
                    Err(Stop::Request(_)) => unknown += 1,
                    Err(stop) => return Err(stop),
                }
            }
            Ok(unknown)
        })
    }

    /// Keeps what EPSS says of CVEs on a day, in the place of what it said of the same day.
    ///
    /// # Errors
    /// What the database said; then nothing is kept.
    pub fn keep_epss(
        &mut self,
        at: Time,
        model: &str,
        probabilities: &BTreeMap<&str, f64>,
    ) -> Result<(), HistoryError> {
        let day = day_number(at);
        self.write(|db| {
            db.execute("DELETE FROM epss WHERE day = ?1", [day])?;
            let mut put = db.prepare_cached("INSERT INTO epss VALUES (?1, ?2, ?3, ?4)")?;
            for (cve, probability) in probabilities {
                put.execute(params![cve, day, model, probability])?;
            }
            Ok(())
        })
    }

    /// What EPSS said of CVEs on the days before the one of a time.
    ///
    /// # Errors
    /// What the database said.
    pub fn epss_before(&self, at: Time) -> Result<EpssDays, HistoryError> {
        self.read(|db| {
            let mut days = EpssDays::new();
            let mut get = db.prepare(
                "SELECT cve, model, probability FROM epss WHERE day < ?1 ORDER BY cve, day",
            )?;
            let mut rows = get.query([day_number(at)])?;
            while let Some(row) = rows.next()? {
                let of_cve = days.entry(row.get(0)?).or_default();
                of_cve.push((row.get(1)?, row.get(2)?));
            }
            Ok(days)
        })
    }

    /// The judgements from a day on, the earliest first.
    ///
    /// # Errors
    /// What the database said.
    pub fn judgements(&self, since: Date) -> Result<Vec<Judgement>, HistoryError> {
        let mut judgements: Vec<Judgement> = self.read(|db| {
            db.prepare(
                "SELECT day, at_ns, epss_model, policy, kev, bands, points FROM judgements
                 ORDER BY day DESC LIMIT ?1",
            )?
            .query_map([DAYS_MAX], |row| {
                let (model, kev, bands): (String, String, String) =
                    (row.get(2)?, row.get(4)?, row.get(5)?);
                let mut counts = bands.split(' ').map(|count| count.parse().unwrap_or(0));
                Ok(Judgement {
                    day: named(row.get(0)?),
                    at: Some(Time(row.get(1)?)),
                    epss_model: (!model.is_empty()).then_some(model),
                    policy: row.get(3)?,
                    kev: kev.split_whitespace().map(str::to_owned).collect(),
                    bands: std::array::from_fn(|_| counts.next().unwrap_or(0)),
                    points: row.get(6)?,
                })
            })?
            .collect()
        })?;
        judgements.reverse();
        let since = since.to_string();
        judgements.retain(|one| one.day >= since);
        Ok(judgements)
    }

    /// The score of every device that had one on a day.
    ///
    /// # Errors
    /// What the database said.
    pub fn scores_on(&self, at: Time) -> Result<BTreeMap<String, f64>, HistoryError> {
        self.read(|db| {
            db.prepare(
                "SELECT devices.id, score FROM scores JOIN devices ON number = device
                 WHERE score IS NOT NULL AND from_day = (
                     SELECT max(from_day) FROM scores AS other
                     WHERE other.device = scores.device AND other.from_day <= ?1)",
            )?
            .query_map([day_number(at)], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })
    }
}

/// Keeps a score where it is another than the day before.
fn keep(db: &Connection, device: i64, day: u64, score: Option<f64>) -> rusqlite::Result<()> {
    let mut get = db.prepare_cached(
        "SELECT score FROM scores WHERE device = ?1 AND from_day < ?2
         ORDER BY from_day DESC LIMIT 1",
    )?;
    let mut rows = get.query(params![device, day])?;
    let before: Option<f64> = match rows.next()? {
        Some(row) => row.get(0)?,
        None => None,
    };
    match before == score {
        true => db
            .prepare_cached("DELETE FROM scores WHERE device = ?1 AND from_day = ?2")?
            .execute(params![device, day])?,
        false => db
            .prepare_cached("INSERT OR REPLACE INTO scores VALUES (?1, ?2, ?3)")?
            .execute(params![device, day, score])?,
    };
    Ok(())
}

/// Keeps what hangs on a device, where it was in sight: what was seen before stays else.
fn grade(db: &Connection, device: i64, seen: &DeviceScore) -> rusqlite::Result<()> {
    if seen.effectiveness.is_none() && seen.data.is_none() {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO grades VALUES (?1, ?2, ?3) ON CONFLICT(device) DO UPDATE SET
             effectiveness = ifnull(excluded.effectiveness, effectiveness),
             data = ifnull(excluded.data, data)",
    )?
    .execute(params![device, seen.effectiveness, seen.data])?;
    Ok(())
}
