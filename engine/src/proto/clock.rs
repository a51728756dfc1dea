//! A device's clock against that of the capture: what a time in a message says of the clock that
//! it was read from. It tells the difference alone, never the time itself, which could be that of
//! a treatment.
//!
//! A message that was delayed makes a clock look slow, and nothing makes it look fast: of several
//! differences the greatest is the nearest to the truth.

use std::fmt::Write;

use medtap_table::vocabulary::Field;

use super::stack_text::StackText;
use crate::observe::{Emit, says};

const SECOND_NS: u64 = 1_000_000_000;
const DAY_S: i64 = 86_400;
/// Less than this, in seconds, is the way of a message and the grain of its time.
const GRAIN_S: i64 = 2;
/// More than this, in seconds, is no clock that runs wrong but a field that holds something else.
const OFFSET_S_MAX: i64 = 40 * 366 * DAY_S;
/// Zones are whole quarters of an hour, from -12:00 to +14:00.
const ZONE_S: i64 = 900;
const ZONE_S_MAX: i64 = 14 * 3_600;

/// Bytes of a time in digits, to the second.
const STAMP_LEN: usize = 14;

/// A time as a message tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Seconds since the Unix epoch, as if the zone were UTC where none is named.
    pub seconds: i64,
    /// The zone is known: UTC, or an offset from it.
    pub zoned: bool,
}

/// What one end of a conversation has shown of its clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// The greatest difference that was told.
    told: Option<i64>,
    /// The last that was read, to the second: clocks run on, and it is nearly always the same.
    last: Option<(i64, bool)>,
    /// The last time that was told in digits and nothing else, and what it says: many messages
    /// fall into one second.
    stamp: ([u8; STAMP_LEN], Option<Told>),
}

impl Clock {
    /// Takes a time in [`digits`], if it is one.
    pub fn read_digits(&mut self, field: Field, text: &[u8], time_ns: u64, emit: Emit<'_>) {
        let told = match <[u8; STAMP_LEN]>::try_from(text) {
            Ok(stamp) if stamp == self.stamp.0 => self.stamp.1,
            Ok(stamp) => {
                self.stamp = (stamp, digits(text));
                self.stamp.1
            }
            Err(_) => digits(text),
        };
        if let Some(told) = told {
            self.read(field, told, time_ns, emit);
        }
    }

    /// Takes a time that the sender read from its clock when it sent this.
    pub fn read(&mut self, field: Field, told: Told, time_ns: u64, emit: Emit<'_>) {
        let Some(exact) = exact_s(told, time_ns) else {
            return;
        };
        if self.last.replace((exact, told.zoned)) == Some((exact, told.zoned)) {
            return;
        }
        let Some((offset, zone)) = offset_s(exact, told.zoned) else {
            return;
        };
        if self.told.is_some_and(|known| offset <= known) {
            return;
        }
        self.told = Some(offset);
        let told = [(field, Some(offset)), (Field::ClockZone, zone)];
        for (field, seconds) in told {
            let mut text = StackText::<12>::new();
            if seconds.is_some_and(|seconds| write!(text, "{seconds}").is_ok()) {
                says(field, text.as_bytes(), emit);
            }
        }
    }
}

/// By how many seconds the time that was told is after that of the capture.
fn exact_s(told: Told, time_ns: u64) -> Option<i64> {
    let now = i64::try_from(time_ns / SECOND_NS).ok()?;
    told.seconds.checked_sub(now)
}

/// How many seconds a clock is fast, in one digit and zeros, so that few values are made of many
/// messages. Without a zone, what is left when the nearest zone is taken off, and that zone.
fn offset_s(mut offset: i64, zoned: bool) -> Option<(i64, Option<i64>)> {
    let mut zone = None;
    if !zoned && offset.abs() <= ZONE_S_MAX + ZONE_S / 2 {
        let nearest = (offset + ZONE_S / 2).div_euclid(ZONE_S) * ZONE_S;
        offset -= nearest;
        zone = Some(nearest);
    }
    if offset.abs() < GRAIN_S {
        return Some((0, zone));
    }
    if offset.abs() > OFFSET_S_MAX {
        return None;
    }
    let digits = offset.unsigned_abs().ilog10();
    let step = 10_i64.pow(digits);
    let half = step / 2;
    let rounded = (offset.abs() + half) / step * step * offset.signum();
    Some((rounded, zone))
}

/// A date and a time of digits: `YYYYMMDDHHMMSS`, then a fraction, then `+ZZZZ` or `-ZZZZ`: HL7's
/// and DICOM's form. Without seconds it is too coarse.
pub fn digits(text: &[u8]) -> Option<Told> {
    let (stamp, rest) = text.split_first_chunk::<STAMP_LEN>()?;
    let (date, time) = (stamp.first_chunk()?, stamp.last_chunk()?);
    let ([century, year, month, day], [_, hour, minute, second]) = (pairs(date)?, pairs(time)?);
    let days = days(century * 100 + year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * DAY_S + hour * 3_600 + minute * 60 + second;
    let fraction = rest.strip_prefix(b".").unwrap_or(rest);
    let end = fraction.iter().position(|byte| !byte.is_ascii_digit());
    let zone = fraction.get(end.unwrap_or(fraction.len())..)?;
    let unzoned = Told {
        seconds,
        zoned: false,
    };
    let (sign, zone) = match zone {
        [] => return Some(unzoned),
        [b'+', zone @ ..] => (1, zone),
        [b'-', zone @ ..] => (-1, zone),
        _ => return None,
    };
    let (hours, minutes) = (number(zone.get(..2)?)?, number(zone.get(2..4)?)?);
    (zone.len() == 4).then_some(Told {
        seconds: seconds - sign * (hours * 3_600 + minutes * 60),
        zoned: true,
    })
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: RFC 9110 section 5.6.7, the one form that may be made.
pub fn http_date(text: &[u8]) -> Option<Told> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let text: &[u8; 29] = text.try_into().ok()?;
    let part = |from: usize, len: usize| number(text.get(from..from + len)?);
    if !text.ends_with(b" GMT") || text[3..5] != *b", " || text[19] != b':' || text[22] != b':' {
        return None;
    }
    let name = &text[8..11];
    let month = MONTHS.chunks_exact(3).position(|known| known == name)?;
    let days = days(part(12, 4)?, month as i64 + 1, part(5, 2)?)?;
    let (hour, minute, second) = (part(17, 2)?, part(20, 2)?, part(23, 2)?);
    (hour < 24 && minute < 60 && second <= 60).then_some(Told {
        seconds: days * DAY_S + hour * 3_600 + minute * 60 + second,
        zoned: true,
    })
}

/// The seconds of an NTP time stamp, RFC 5905 section 6, in the era that a capture can be of.
pub fn ntp(stamp: [u8; 8]) -> Told {
    /// From 1900 to 1970.
    const EPOCH_S: i64 = 2_208_988_800;
    let [a, b, c, d, ..] = stamp;
    let seconds = i64::from(u32::from_be_bytes([a, b, c, d]));
    // The first era ends in 2036: what looks older than 1968 is of the second.
    let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
    Told {
        seconds: seconds + era - EPOCH_S,
        zoned: true,
    }
}

/// Which of its starts this is, as a device counts them or by the time of each: who, and the
/// number, which grows with every start. `uuid:42 1767600000`.
pub fn start_number<const N: usize>(who: &[u8], start: &[u8]) -> Option<StackText<N>> {
    let start = start.trim_ascii();
    let digits = (1..=10).contains(&start.len()) && start.iter().all(u8::is_ascii_digit);
    let mut text = StackText::new();
    (digits && text.push(who) && text.push_item(b" ", start)).then_some(text)
}

/// When a device began that has run for so long, to ten minutes: clocks that count from there do
/// not agree to the second. `2026-01-05T08:00:00Z`.
pub fn began(time_ns: u64, running_s: u64) -> Option<StackText<20>> {
    const GRAIN_S: i64 = 600;
    let now = i64::try_from(time_ns / SECOND_NS).ok()?;
    let began = now.checked_sub(i64::try_from(running_s).ok()?)?;
    let began = began.div_euclid(GRAIN_S) * GRAIN_S;
    let (days, rest) = (began.div_euclid(DAY_S), began.rem_euclid(DAY_S));
    let (year, month, day) = date(days);
    let mut text = StackText::new();
    let (hour, minute) = (rest / 3_600, rest / 60 % 60);
    write!(
        text,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z"
    )
    .ok()?;
    Some(text)
}

/// The day of the Gregorian calendar, so many days from the Unix epoch: the inverse of [`days`].
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let leaps = of_era / 1_460 - of_era / 36_524 + of_era / 146_096;
    let year = (of_era - leaps) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// Eight digits, two by two: all at once, since messages of some protocols have a time each.
fn pairs(digits: &[u8; 8]) -> Option<[i64; 4]> {
    const ZEROS: u64 = u64::from_le_bytes(*b"00000000");
    const SIXES: u64 = 0x0606_0606_0606_0606;
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let word = u64::from_le_bytes(*digits);
    // Six more makes of a nine an F, and of what is above one the next high digit.
    if word & HIGH != ZEROS || (word + SIXES) & HIGH != ZEROS {
        return None;
    }
    let values = word - ZEROS;
    // The tens come first: ten times each, and the one after it.
    let [a, _, b, _, c, _, d, _] = (values * 10 + (values >> 8)).to_le_bytes();
    Some([i64::from(a), i64::from(b), i64::from(c), i64::from(d)])
}

/// A number of decimal digits alone.
fn number(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number: i64, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        Some(number * 10 + digit)
    })
}

/// Days from the Unix epoch to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the odd day is the last; eras of 400 years.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Observation;

    /// 2026-01-05 08:00:00 UTC.
    const NOW_S: i64 = 1_767_600_000;

    fn exact(seconds: i64, zoned: bool) -> Option<i64> {
        exact_s(Told { seconds, zoned }, NOW_S as u64 * SECOND_NS)
    }

    fn offset(seconds: i64, zoned: bool) -> Option<i64> {
        Some(offset_s(exact(seconds, zoned)?, zoned)?.0)
    }

    #[test]
    fn times_are_read_in_every_form() {
        let told = |seconds, zoned| Some(Told { seconds, zoned });
        assert_eq!(digits(b"20260105080000"), told(NOW_S, false));
        assert_eq!(digits(b"20260105100000.123+0200"), told(NOW_S, true));
        assert_eq!(digits(b"20260105033000-0430"), told(NOW_S, true));
        assert_eq!(digits(b"202601050800"), None, "a minute is too coarse");
        assert_eq!(digits(b"20261305080000"), None);
        assert_eq!(digits(b"20260105080000Z"), None);
        assert_eq!(digits(b"20260105080000+02"), None);
        let date = b"Mon, 05 Jan 2026 08:00:00 GMT";
        assert_eq!(http_date(date), told(NOW_S, true));
        assert_eq!(http_date(b"Mon, 05 Jan 2026 08:00:00 CET"), None);
        assert_eq!(days(2000, 2, 29), Some(11_016));
        assert_eq!(days(1970, 1, 1), Some(0));
        let stamp = u32::try_from(NOW_S + 2_208_988_800).unwrap().to_be_bytes();
        let [a, b, c, d] = stamp;
        assert_eq!(Some(ntp([a, b, c, d, 9, 9, 9, 9])), told(NOW_S, true));
        assert_eq!(ntp([0; 8]).seconds, 2_085_978_496, "the era of 2036");
    }

    #[test]
    fn a_beginning_is_told_to_ten_minutes() {
        let began = |running_s| {
            let text = super::began(NOW_S as u64 * SECOND_NS, running_s).unwrap();
            String::from_utf8(text.as_bytes().to_vec()).unwrap()
        };
        assert_eq!(began(0), "2026-01-05T08:00:00Z");
        assert_eq!(began(599), "2026-01-05T07:50:00Z");
        assert_eq!(began(600), "2026-01-05T07:50:00Z");
        assert_eq!(began(677 * 86_400), "2024-02-28T08:00:00Z");
        assert!(super::began(0, 1).is_some());
        for day in (-800_000..800_000).step_by(17) {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
    }

    #[test]
    fn an_offset_has_one_digit() {
        assert_eq!(offset(NOW_S + 1, true), Some(0));
        assert_eq!(offset(NOW_S - 7, true), Some(-7));
        assert_eq!(offset(NOW_S + 314, true), Some(300));
        assert_eq!(offset(NOW_S - 3_651, true), Some(-4_000));
        assert_eq!(offset(NOW_S + 96, true), Some(100));
        assert_eq!(offset(0, true), None, "nothing was set");
    }

    #[test]
    fn an_unknown_zone_is_taken_off() {
        assert_eq!(offset(NOW_S + 3_600, false), Some(0));
        assert_eq!(offset(NOW_S - 4 * 3_600 - 240, false), Some(-200));
        assert_eq!(offset(NOW_S + 20_700 + 120, false), Some(100));
        assert_eq!(offset(NOW_S - 3 * DAY_S, false), Some(-300_000));
        let zone = |seconds, zoned| {
            let (_, zone) = offset_s(exact(seconds, zoned)?, zoned)?;
            zone
        };
        assert_eq!(zone(NOW_S + 3_600 + 9, false), Some(3_600));
        assert_eq!(zone(NOW_S + 20_700, false), Some(20_700));
        assert_eq!(zone(NOW_S + 3_600, true), None);
        assert_eq!(zone(NOW_S - 3 * DAY_S, false), None);
    }

    #[test]
    fn the_greatest_difference_is_told() {
        let mut clock = Clock::default();
        let mut said = Vec::new();
        for late in [40, 5, 30, 5, 0] {
            let told = Told {
                seconds: NOW_S + 300 - late,
                zoned: true,
            };
            let time_ns = NOW_S as u64 * SECOND_NS;
            clock.read(Field::HttpOffset, told, time_ns, &mut |seen| {
                if let Observation::Fact { value, .. } = seen {
                    said.push(String::from_utf8(value.to_vec()).unwrap());
                }
            });
        }
        assert_eq!(said, ["300"]);
    }

    #[test]
    fn a_time_that_came_before_says_the_same() {
        let mut clock = Clock::default();
        let mut said = Vec::new();
        let texts = ["20260105080500", "20260105080500", "00000000000000", "x"];
        for text in texts
            .into_iter()
            .chain(["20260105080600", "20260105081000+0000"])
        {
            let time_ns = NOW_S as u64 * SECOND_NS;
            clock.read_digits(Field::Hl7Offset, text.as_bytes(), time_ns, &mut |seen| {
                if let Observation::Fact { field, value, .. } = seen {
                    said.push((field, String::from_utf8(value.to_vec()).unwrap()));
                }
            });
        }
        let offsets = ["300", "400", "600"];
        let told: Vec<_> = said
            .iter()
            .filter(|(field, _)| *field == Field::Hl7Offset)
            .collect();
        assert_eq!(
            told.iter().map(|(_, value)| value).collect::<Vec<_>>(),
            offsets
        );
    }

    #[test]
    fn fuzz_times() {
        bolero::check!()
            .with_type::<(Vec<u8>, u64)>()
            .for_each(|(bytes, time_ns)| {
                for told in [digits(bytes), http_date(bytes)].into_iter().flatten() {
                    let _ = exact_s(told, *time_ns).map(|exact| offset_s(exact, told.zoned));
                }
            });
    }
}
