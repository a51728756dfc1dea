//! Hours of a week as they lie in memory: a bit for each hour in which a device was seen, a number
//! for each in which it did something. Bytes that make no sense count nothing.

use std::collections::BTreeMap;

use medtap_table::layout::HOURS_OF_WEEK;
use rusqlite::{Connection, OptionalExtension, params};

/// Nanoseconds of an hour.
pub const HOUR_NS: u64 = 3_600_000_000_000;
/// 1970-01-01 was a Thursday: hours from its Monday.
const HOURS_FROM_MONDAY: u64 = 3 * 24;
/// What lies in `hours` where it is no event: the hours in which a device was seen.
pub const ONLINE: u16 = 0;

/// Numbers by hour of a week.
pub type Bins = [u32; HOURS_OF_WEEK];

/// The week of a time, counted from the Monday before 1970.
pub const fn week(at_ns: u64) -> u64 {
    (at_ns / HOUR_NS + HOURS_FROM_MONDAY) / HOURS_OF_WEEK as u64
}

/// The hour of its week.
pub const fn hour(at_ns: u64) -> usize {
    ((at_ns / HOUR_NS + HOURS_FROM_MONDAY) % HOURS_OF_WEEK as u64) as usize
}

/// When an hour of a week begins.
pub const fn begin_ns(week: u64, hour: usize) -> u64 {
    let hours = week * HOURS_OF_WEEK as u64 + hour as u64;
    hours.saturating_sub(HOURS_FROM_MONDAY) * HOUR_NS
}

/// As they lie in memory: for each hour with a number, how many hours further it is, and the
/// number, in groups of seven bits.
pub fn pack(bins: &Bins) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut last = 0;
    for (hour, count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
        put(&mut bytes, u32::try_from(hour - last).unwrap_or(0));
        put(&mut bytes, *count);
        last = hour;
    }
    bytes
}

/// The numbers again.
pub fn unpack(bytes: &[u8]) -> Bins {
    let mut bins: Bins = [0; HOURS_OF_WEEK];
    let mut rest = bytes.iter().copied();
    let mut hour = 0usize;
    while let (Some(step), Some(count)) = (take(&mut rest), take(&mut rest)) {
        hour = hour.saturating_add(step as usize);
        match bins.get_mut(hour) {
            Some(bin) => *bin = bin.saturating_add(count),
            None => break,
        }
    }
    bins
}

fn put(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = bytes.next()?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Hours of one week, by week.
pub type Weeks = BTreeMap<u64, Bins>;

/// Notes the hours of these times.
pub fn mark(weeks: &mut Weeks, times: impl IntoIterator<Item = u64>) {
    for at_ns in times.into_iter().filter(|at_ns| *at_ns != 0) {
        let bins = weeks.entry(week(at_ns)).or_insert([0; HOURS_OF_WEEK]);
        if let Some(bin) = bins.get_mut(hour(at_ns)) {
            *bin = 1;
        }
    }
}

/// What was added since `before`, laid into the weeks in which it was: each hour is the last one
/// of its kind up to `until_ns`.
pub fn added(before: &Bins, now: &Bins, until_ns: u64) -> Weeks {
    let mut weeks = Weeks::new();
    let (last_week, last_hour) = (week(until_ns), hour(until_ns));
    for (hour, (old, new)) in before.iter().zip(now).enumerate() {
        let Some(more) = new.checked_sub(*old).filter(|more| *more > 0) else {
            continue;
        };
        let week = last_week.saturating_sub(u64::from(hour > last_hour));
        let bins = weeks.entry(week).or_insert([0; HOURS_OF_WEEK]);
        if let Some(bin) = bins.get_mut(hour) {
            *bin = more;
        }
    }
    weeks
}

/// Adds numbers to memory; of [`ONLINE`] an hour counts once.
pub fn add(
    db: &Connection,
    device: i64,
    what: u16,
    source: i64,
    weeks: &Weeks,
) -> rusqlite::Result<()> {
    let mut get = db.prepare_cached(
        "SELECT bins FROM hours WHERE week = ?1 AND device = ?2 AND what = ?3 AND source = ?4",
    )?;
    let mut set = db.prepare_cached(
        "INSERT OR REPLACE INTO hours(week, device, what, source, bins) VALUES (?1,?2,?3,?4,?5)",
    )?;
    for (week, more) in weeks {
        let key = params![week, device, what, source];
        let old: Option<Vec<u8>> = get.query_row(key, |row| row.get(0)).optional()?;
        let mut bins = old.as_deref().map_or([0; HOURS_OF_WEEK], unpack);
        let before = bins;
        for (sum, more) in bins.iter_mut().zip(more) {
            *sum = match what {
                ONLINE => (*sum).max(*more),
                _ => sum.saturating_add(*more),
            };
        }
        if old.is_none() || before != bins {
            set.execute(params![week, device, what, source, pack(&bins)])?;
        }
    }
    Ok(())
}

/// Takes the difference to what was counted before, and remembers what is counted now.
pub fn take_difference(
    db: &Connection,
    device: i64,
    source: i64,
    what: u16,
    now: &Bins,
    until_ns: u64,
) -> rusqlite::Result<Weeks> {
    let old: Option<Vec<u8>> = db
        .prepare_cached("SELECT bins FROM marks WHERE device = ?1 AND source = ?2 AND what = ?3")?
        .query_row(params![device, source, what], |row| row.get(0))
        .optional()?;
    let before = old.as_deref().map_or([0; HOURS_OF_WEEK], unpack);
    if old.is_some() && before == *now {
        return Ok(Weeks::new());
    }
    db.prepare_cached(
        "INSERT OR REPLACE INTO marks(device, source, what, bins) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![device, source, what, pack(now)])?;
    Ok(added(&before, now, until_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_come_back_as_they_went() {
        let mut bins = [0; HOURS_OF_WEEK];
        bins[0] = 1;
        bins[77] = 300;
        bins[167] = u32::MAX;
        assert_eq!(unpack(&pack(&bins)), bins);
        assert!(pack(&[0; HOURS_OF_WEEK]).is_empty());
        assert!(pack(&bins).len() < 12);
    }

    #[test]
    fn fuzz_unpack() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let bins = unpack(bytes);
            assert_eq!(unpack(&pack(&bins)), bins);
        });
    }

    #[test]
    fn an_hour_is_the_last_one_of_its_kind() {
        let now = begin_ns(3000, 10) + 5;
        assert_eq!((week(now), hour(now)), (3000, 10));
        let mut bins = [0; HOURS_OF_WEEK];
        bins[10] = 2;
        bins[11] = 7;
        let weeks = added(&[0; HOURS_OF_WEEK], &bins, now);
        assert_eq!(weeks.get(&3000).map(|bins| bins[10]), Some(2));
        assert_eq!(weeks.get(&2999).map(|bins| bins[11]), Some(7));
        assert!(added(&bins, &bins, now).is_empty());
    }
}
