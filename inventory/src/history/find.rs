//! Which remembered device a person means: by its id, an earlier id, or the beginning of one, its
//! MAC or IP address, its serial number, name or asset tag. It never guesses between two.

use rusqlite::{Connection, params};

use super::HistoryError;
use super::error::{Step, Stop};
use super::store::Store;

/// Devices that are named when several are meant.
const NAMED_MAX: usize = 5;

/// Ways to name a device, what is exact first. Each gives the numbers of devices.
const WAYS: [&str; 6] = [
    "SELECT number FROM devices WHERE id = ?1
     UNION SELECT device FROM aliases WHERE id = ?1",
    "SELECT device AS number FROM addresses WHERE mac = ?2 AND last_ns = (
         SELECT max(last_ns) FROM addresses AS other
         WHERE other.mac = ?2 AND other.site = addresses.site AND other.scope = addresses.scope)",
    "SELECT device AS number FROM addresses WHERE ip = ?1 AND last_ns = (
         SELECT max(last_ns) FROM addresses AS other
         WHERE other.ip = ?1 AND other.site = addresses.site AND other.scope = addresses.scope)",
    "SELECT device AS number FROM attributes WHERE attribute IN
         ('hostname', 'station_name', 'ae_title', 'serial_number') AND value = ?1 COLLATE NOCASE",
    "SELECT device AS number FROM assets WHERE tag = ?1 AND device IS NOT NULL",
    "SELECT number FROM devices WHERE id >= ?1 AND id < ?1 || 'g'
     UNION SELECT device FROM aliases WHERE id >= ?1 AND id < ?1 || 'g'",
];

/// The number of the one device that is meant.
pub(crate) fn number(db: &Connection, wanted: &str) -> Step<i64> {
    let wanted = wanted.trim();
    let lower = wanted.to_ascii_lowercase();
    let mac = mac_text(&lower);
    let text = if lower.bytes().all(|b| b.is_ascii_hexdigit()) {
        &lower
    } else {
        wanted
    };
    if !wanted.is_empty() {
        for way in WAYS {
            let mut get = db.prepare_cached(&format!("SELECT DISTINCT number FROM ({way})"))?;
            let found: rusqlite::Result<Vec<i64>> = match get.parameter_count() {
                2 => get
                    .query_map(params![text, mac], |row| row.get(0))?
                    .collect(),
                _ => get.query_map([text], |row| row.get(0))?.collect(),
            };
            let found = found?;
            match found.as_slice() {
                [] => {}
                [one] => return Ok(*one),
                several => return Err(Stop::Request(ambiguous(db, wanted, several)?)),
            }
        }
    }
    Err(Stop::Request(format!(
        "no device in the history is {wanted}; expected an id or its beginning, a MAC address, an \
         IP address, a serial number, a name or an asset tag"
    )))
}

fn ambiguous(db: &Connection, wanted: &str, devices: &[i64]) -> Step<String> {
    let ids: Vec<String> = devices
        .iter()
        .take(NAMED_MAX)
        .map(|device| super::join::id(db, *device))
        .collect::<Result<_, _>>()?;
    let more = match devices.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let count = devices.len();
    Ok(format!(
        "{wanted} is {count} devices: {}{more}",
        ids.join(", ")
    ))
}

/// A MAC address in any usual spelling, as memory spells it; else something that none is.
fn mac_text(text: &str) -> String {
    let digits: String = text
        .chars()
        .filter(|c| !matches!(c, ':' | '-' | '.'))
        .collect();
    if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return "no address".to_owned();
    }
    let pairs: Vec<&str> = (0..12)
        .step_by(2)
        .filter_map(|at| digits.get(at..at + 2))
        .collect();
    pairs.join(":")
}

impl Store {
    /// The id of the one device that is meant.
    ///
    /// # Errors
    /// When it is none, or could be several.
    pub fn find(&self, wanted: &str) -> Result<String, HistoryError> {
        self.number(wanted)
            .and_then(|number| self.read(|db| super::join::id(db, number)))
    }

    /// The number of the one device that is meant.
    pub(crate) fn number(&self, wanted: &str) -> Result<i64, HistoryError> {
        match self.read(|db| Ok(number(db, wanted)))? {
            Ok(number) => Ok(number),
            Err(Stop::Database(error)) => Err(self.fault(error)),
            Err(Stop::Request(text)) => Err(HistoryError::Request(text)),
        }
    }
}
