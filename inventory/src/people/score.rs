//! Scores over time, as somebody judged them: one judgement a day, and of each device the days on
//! which its score changed. It computes no score and compares none.

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
        scores: &[(String, Option<f64>)],
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
            for (id, score) in scores {
                match find_number(db, id) {
                    Ok(device) => keep(db, device, day, *score)?,
                    Err(Stop::Request(_)) => unknown += 1,
                    Err(stop) => return Err(stop),
                }
            }
            Ok(unknown)
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
