//! Days, in UTC. It knows no time zone and no clock of its own: now is what the caller says.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::subject::Nanoseconds;

/// The day of a time; the last day that there is, for what lies beyond it.
pub fn day(time: Nanoseconds) -> Date {
    let time = Timestamp::from_nanosecond(time.into()).unwrap_or(Timestamp::MAX);
    time.to_zoned(TimeZone::UTC).date()
}

/// When a day begins; 0 for one before 1970.
pub fn begin(date: Date) -> Nanoseconds {
    let begun = date.to_zoned(TimeZone::UTC);
    let time = begun.map_or(0, |begun| begun.timestamp().as_nanosecond());
    Nanoseconds::try_from(time.max(0)).unwrap_or(Nanoseconds::MAX)
}

/// Some days later; the last day that there is, for what lies beyond it.
pub fn later(date: Date, days: f64) -> Date {
    // Within the bounds of the policy: at most ten years.
    let days = days.clamp(0.0, 36_500.0).ceil() as i32;
    date.saturating_add(Span::new().days(days))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_utc() {
        assert_eq!(day(0), date(1970, 1, 1));
        assert_eq!(day(86_400_000_000_000 - 1), date(1970, 1, 1));
        assert_eq!(day(u64::MAX), date(2554, 7, 21));
        assert_eq!(begin(date(1970, 1, 2)), 86_400_000_000_000);
        assert_eq!(begin(date(1960, 1, 1)), 0);
        assert_eq!(begin(date(9999, 12, 30)), u64::MAX);
        assert_eq!(later(date(2026, 2, 27), 3.0), date(2026, 3, 2));
        assert_eq!(later(date(9999, 12, 31), 14.0), date(9999, 12, 31));
    }
}
