//! How wrong a device's clock is, of what its messages showed. It corrects nothing.

use std::collections::BTreeMap;

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

/// An offset for people: `http.offset: 300 s slow`.
pub fn words(field: Field, offset_s: i64) -> String {
    let direction = if offset_s < 0 { "slow" } else { "fast" };
    format!(
        "{}: {} s {direction}",
        field.name(),
        offset_s.unsigned_abs()
    )
}

/// What a clock that bears no zone seems to be set to.
#[derive(Clone, Debug)]
pub struct Zoned {
    /// Whose it is.
    pub device: i64,
    /// Seconds east of UTC.
    pub zone_s: i64,
    /// When it was last told.
    pub last_ns: u64,
    /// The site.
    pub site: String,
}

/// A clock that is set to another zone than most of its site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odd {
    /// Whose it is.
    pub device: i64,
    /// Its zone, in seconds east of UTC.
    pub zone_s: i64,
    /// That of most.
    pub most_s: i64,
    /// How many those are.
    pub others: usize,
}

/// Clocks that must agree before another one is odd; they must also be two of three.
const AGREEING_MIN: usize = 3;

/// Clocks that are set to another zone than most of their site, of those told lately: when summer
/// time begins, all move. Ordered by device.
pub fn odd_zones(told: Vec<Zoned>) -> Vec<Odd> {
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for zoned in &told {
        let newest = newest.entry(zoned.site.clone()).or_default();
        *newest = zoned.last_ns.max(*newest);
    }
    let mut sites: BTreeMap<String, BTreeMap<i64, i64>> = BTreeMap::new();
    for zoned in told {
        let last_ns = newest.get(&zoned.site).copied().unwrap_or(0);
        if last_ns - zoned.last_ns <= RECENT_NS {
            // A message that waited makes a clock look slow, never fast.
            let zones = sites.entry(zoned.site).or_default();
            let known = zones.entry(zoned.device).or_insert(zoned.zone_s);
            *known = zoned.zone_s.max(*known);
        }
    }
    let mut odd = Vec::new();
    for zones in sites.into_values() {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        zones
            .values()
            .for_each(|zone| *counts.entry(*zone).or_default() += 1);
        let Some((&most_s, &others)) = counts.iter().max_by_key(|(_, count)| **count) else {
            continue;
        };
        if others < AGREEING_MIN || others * 3 < zones.len() * 2 {
            continue;
        }
        let strange = zones.into_iter().filter(|(_, zone_s)| *zone_s != most_s);
        odd.extend(strange.map(|(device, zone_s)| Odd {
            device,
            zone_s,
            most_s,
            others,
        }));
    }
    odd.sort_by_key(|odd| odd.device);
    odd
}

/// A zone as it is written: `UTC+05:45`.
pub fn zone(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_odd_where_most_agree_on_another() {
        let told = |zones: &[(i64, u64)]| {
            let zoned = |(device, (zone_s, last_ns)): (i64, &(i64, u64))| Zoned {
                device,
                zone_s: *zone_s,
                last_ns: *last_ns,
                site: "main".to_owned(),
            };
            odd_zones((1..).zip(zones).map(zoned).collect())
        };
        let now = 9 * RECENT_NS;
        let three = [(3600, now), (3600, now), (3600, now)];
        assert_eq!(told(&three), []);
        let odd = Odd {
            device: 4,
            zone_s: 0,
            most_s: 3600,
            others: 3,
        };
        assert_eq!(told(&[&three[..], &[(0, now)]].concat()), [odd]);
        // Too few, too divided, and of last winter.
        assert_eq!(told(&[&three[..2], &[(0, now)]].concat()), []);
        assert_eq!(told(&[&three[..], &[(0, now), (0, now)]].concat()), []);
        assert_eq!(
            told(&[&three[..], &[(0, now - 2 * RECENT_NS)]].concat()),
            []
        );
        // A message that waited says nothing against one that did not.
        let waited = Zoned {
            device: 1,
            zone_s: 2700,
            last_ns: now,
            site: String::new(),
        };
        let zones = (1..4).map(|device| Zoned {
            device,
            zone_s: 3600,
            ..waited.clone()
        });
        assert_eq!(odd_zones(zones.chain([waited.clone()]).collect()), []);
        assert_eq!(
            (zone(20_700), zone(-3_600)),
            ("UTC+05:45".to_owned(), "UTC-01:00".to_owned())
        );
    }

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
        assert_eq!(words(Field::HttpOffset, -300), "http.offset: 300 s slow");
        assert_eq!(words(Field::NtpOffset, 90), "ntp.offset: 90 s fast");
    }
}
