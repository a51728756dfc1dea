//! Times as feeds write them, as seconds since the Unix epoch. What is no time is `None`, never a
//! guess.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A date, a date with a time (UTC where no zone is said), or RFC 3339.
pub fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let civil = match text.parse::<DateTime>() {
        Ok(civil) => civil,
        Err(_) => text
            .parse::<Date>()
            .ok()?
            .to_datetime(jiff::civil::Time::midnight()),
    };
    let time = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp().as_second())
}

/// The day of a time, `2026-08-07`.
pub fn day(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => "9999-12-31".to_owned(),
    }
}

/// The day of a time in any of these forms, in UTC.
pub fn day_of(text: &str) -> Option<Date> {
    let time = Timestamp::from_second(seconds(text)?).ok()?;
    Some(time.to_zoned(TimeZone::UTC).date())
}

/// A calendar day, as catalogues write it and nothing else.
pub fn date(text: &str) -> Option<Date> {
    text.trim().parse::<Date>().ok()
}

/// Serializes a value as people read it.
pub fn shown<T: std::fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
