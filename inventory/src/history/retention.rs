//! How long what is kept, and giving room back. Devices themselves, their values and what people
//! decided are kept for good; the audit is never touched.

use rusqlite::params;
use serde::Deserialize;

use super::HistoryError;
use super::hours::week;
use super::store::Store;

const DAY_NS: u64 = 24 * 3_600_000_000_000;

/// How long what is kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Sightings and doings by hour.
    pub hours_days: u64,
    /// Changes.
    pub changes_days: u64,
    /// Facts that are not stated any more; of each device the latest of each field stay.
    pub facts_days: u64,
    /// Addresses that are not used any more.
    pub addresses_days: u64,
    /// Conversations that are not held any more.
    pub links_days: u64,
    /// Devices with made-up MAC addresses that nothing but an address is known of.
    pub passing_days: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hours_days: 400,
            changes_days: 730,
            facts_days: 730,
            addresses_days: 400,
            links_days: 400,
            passing_days: 30,
        }
    }
}

/// Rows that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Of all tables.
    pub rows: usize,
    /// Devices among them.
    pub devices: usize,
}

/// Statements that forget a device's rows.
const OF_DEVICE: [&str; 12] = [
    "keys",
    "aliases",
    "joins",
    "facts",
    "attributes",
    "addresses",
    "services",
    "links",
    "totals",
    "hours",
    "marks",
    "changes",
];

impl Store {
    /// Removes what is older than the policy says, counted from a time.
    ///
    /// # Errors
    /// What the database said; then nothing is removed.
    pub fn retain(&mut self, policy: &Policy, now_ns: u64) -> Result<Removed, HistoryError> {
        let before = |days: u64| now_ns.saturating_sub(days.saturating_mul(DAY_NS));
        let removed = self.write(|step| {
            let mut removed = Removed::default();
            let mut delete = |text: &str, until: u64| -> rusqlite::Result<()> {
                removed.rows += step.execute(text, [until])?;
                Ok(())
            };
            delete(
                "DELETE FROM hours WHERE week < ?1",
                week(before(policy.hours_days)),
            )?;
            delete(
                "DELETE FROM changes WHERE at_ns < ?1",
                before(policy.changes_days),
            )?;
            let days = "DELETE FROM judgements WHERE at_ns < ?1";
            delete(days, before(policy.changes_days))?;
            delete(
                "DELETE FROM work WHERE closed_ns <> 0 AND closed_ns < ?1",
                before(policy.changes_days),
            )?;
            // The last of a device says what held since then.
            delete(
                "DELETE FROM scores WHERE from_day < ?1 AND EXISTS (
                     SELECT 1 FROM scores AS later WHERE later.device = scores.device
                         AND later.from_day > scores.from_day AND later.from_day <= ?1)",
                before(policy.changes_days) / DAY_NS,
            )?;
            delete(
                "DELETE FROM epss WHERE day < ?1",
                before(policy.changes_days) / DAY_NS,
            )?;
            delete(
                "DELETE FROM gaps WHERE to_ns < ?1",
                before(policy.hours_days),
            )?;
            delete(
                "DELETE FROM facts WHERE last_ns < ?1 AND last_ns < (
                     SELECT max(last_ns) FROM facts AS other WHERE other.device = facts.device
                         AND other.attribute = facts.attribute AND other.field = facts.field)",
                before(policy.facts_days),
            )?;
            delete(
                "DELETE FROM addresses WHERE last_ns < ?1 AND last_ns < (
                     SELECT max(last_ns) FROM addresses AS other
                     WHERE other.device = addresses.device)",
                before(policy.addresses_days),
            )?;
            delete(
                "DELETE FROM links WHERE last_ns < ?1",
                before(policy.links_days),
            )?;
            let passing: Vec<i64> = step
                .prepare(
                    "SELECT number FROM devices WHERE last_ns < ?1 AND flags & 1
                         AND category = 'unknown'
                         AND NOT EXISTS (SELECT 1 FROM keys WHERE device = number
                                         AND (pinned OR kind < 5))
                         AND NOT EXISTS (SELECT 1 FROM states WHERE device = number)
                         AND NOT EXISTS (SELECT 1 FROM assets WHERE device = number)",
                )?
                .query_map([before(policy.passing_days)], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for device in passing {
                for table in OF_DEVICE {
                    let text = format!("DELETE FROM {table} WHERE device = ?1");
                    removed.rows += step.prepare_cached(&text)?.execute([device])?;
                }
                step.execute("DELETE FROM links WHERE peer = ?1", params![device])?;
                for table in ["places", "work", "scores", "grades"] {
                    let text = format!("DELETE FROM {table} WHERE device = ?1");
                    step.prepare_cached(&text)?.execute([device])?;
                }
                step.execute("DELETE FROM devices WHERE number = ?1", params![device])?;
                removed.devices += 1;
            }
            Ok(removed)
        })?;
        self.shrink()?;
        Ok(removed)
    }
}
