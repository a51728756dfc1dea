//! How wrong a device's clock is, of what its messages showed. It corrects nothing.

use medtap_table::vocabulary::Field;

/// A clock that is wrong by this many seconds is told: records of one patient no longer fit
/// together, and log-ins with tickets begin to fail at five minutes.
pub const OFFSET_MAX_S: i64 = 60;
/// What was shown longer before the last than this says nothing of the clock as it is.
const RECENT_NS: u64 = 24 * 3_600_000_000_000;

/// Fields that tell an offset in seconds, the surest first: the later ones bear no zone.
pub const FIELDS: [Field; 4] = [
    Field::NtpOffset,
    Field::HttpOffset,
    Field::Hl7Offset,
    Field::DicomOffset,
];

/// By how many seconds a clock is fast, and what shows it. Told: field, value, last seen. A
/// message that waited makes a clock look slow: of what was shown lately the greatest counts.
pub fn offset_s<'a>(
    told: impl Iterator<Item = (Field, &'a str, u64)> + Clone,
) -> Option<(Field, i64)> {
    FIELDS.into_iter().find_map(|wanted| {
        let of_field = || told.clone().filter(|(field, ..)| *field == wanted);
        let last_ns = of_field().map(|(_, _, last_ns)| last_ns).max()?;
        let recent = of_field().filter(|(_, _, at_ns)| last_ns - at_ns <= RECENT_NS);
        let offset = recent
            .filter_map(|(_, value, _)| value.parse::<i64>().ok())
            .max();
        Some((wanted, offset?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_NS: u64 = RECENT_NS;

    #[test]
    fn the_fastest_of_what_was_shown_lately_counts() {
        let told = [
            (Field::HttpOffset, "600", 1),
            (Field::HttpOffset, "-900", 3 * DAY_NS),
            (Field::HttpOffset, "-300", 3 * DAY_NS - 7),
            (Field::Hl7Offset, "50", 3 * DAY_NS),
        ];
        let offset = |told: &[(Field, &'static str, u64)]| offset_s(told.iter().copied());
        assert_eq!(offset(&told), Some((Field::HttpOffset, -300)));
        assert_eq!(offset(&told[3..]), Some((Field::Hl7Offset, 50)));
        assert_eq!(offset(&[(Field::HttpOffset, "x", 1)]), None);
        assert_eq!(offset(&[]), None);
    }
}
