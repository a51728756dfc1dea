//! What follows upon what: values of one thing of which each was seen only after the one before it
//! had gone. So restarts are found, and moves from port to port. Values that take turns follow
//! nobody: two are behind one name, or one goes back and forth.

use std::collections::BTreeMap;

use medtap_table::vocabulary::Field;

/// Seconds by which what a device says of its own beginning may differ from look to look.
const BEGINNING_S: i64 = 1_200;
/// sysUpTime counts hundredths of a second in 32 bits: after so many seconds it begins anew.
const UP_TIME_S: i64 = 42_949_673;

/// A value, and while it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// When first.
    pub first_ns: u64,
    /// When last.
    pub last_ns: u64,
    /// Where it was read.
    pub field: Field,
    /// As it was sent.
    pub raw: String,
}

/// One value after another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Followed {
    /// When the new one was first seen.
    pub at_ns: u64,
    /// Where both were read.
    pub field: Field,
    /// What was.
    pub old: String,
    /// What is.
    pub new: String,
}

/// Fields that tell which of a device's starts it is.
pub const STARTS: [Field; 3] = [Field::SnmpBootTime, Field::WsdInstance, Field::SsdpBootId];

/// Fields that tell by what a device is attached to the network.
pub const ATTACHMENTS: [Field; 3] = [Field::DhcpCircuitId, Field::RadiusPort, Field::RadiusCalled];

/// The starts of a device after the first that was seen.
pub fn restarts(held: &[Held]) -> Vec<Followed> {
    // Who: several services of one device count their starts each.
    let mut by_teller: BTreeMap<(Field, &str), Vec<(i64, Held)>> = BTreeMap::new();
    for held in held {
        let (who, number) = match held.field {
            Field::SnmpBootTime => match held.raw.parse::<jiff::Timestamp>() {
                Ok(time) => ("", time.as_second()),
                Err(_) => continue,
            },
            _ => match held.raw.rsplit_once(' ').map(|(who, n)| (who, n.parse())) {
                Some((who, Ok(number))) => (who, number),
                _ => continue,
            },
        };
        let starts = by_teller.entry((held.field, who)).or_default();
        starts.push((number, held.clone()));
    }
    let mut followed = Vec::new();
    for ((field, _), mut starts) in by_teller {
        starts.sort();
        let mut merged: Vec<(i64, Held)> = Vec::new();
        for (number, next) in starts {
            match merged.last_mut() {
                Some((start, known)) if is_same(field, *start, number) => {
                    known.first_ns = known.first_ns.min(next.first_ns);
                    known.last_ns = known.last_ns.max(next.last_ns);
                    *start = number;
                }
                _ => merged.push((number, next)),
            }
        }
        follow(merged.into_iter().map(|(_, held)| held), &mut followed);
    }
    followed.sort();
    followed
}

/// True where two numbers are one start. A counter that is full begins anew, though nothing did.
fn is_same(field: Field, before: i64, after: i64) -> bool {
    if field != Field::SnmpBootTime {
        return before == after;
    }
    let between = after - before;
    let of_full = (between + UP_TIME_S / 2).rem_euclid(UP_TIME_S) - UP_TIME_S / 2;
    of_full.abs() <= BEGINNING_S
}

/// The ports and access points that a device went to after the first.
pub fn moves(held: &[Held]) -> Vec<Followed> {
    let mut followed = Vec::new();
    for field in ATTACHMENTS {
        let mut of_field: BTreeMap<&str, Held> = BTreeMap::new();
        for held in held.iter().filter(|held| held.field == field) {
            let known = of_field.entry(&held.raw).or_insert_with(|| held.clone());
            known.first_ns = known.first_ns.min(held.first_ns);
            known.last_ns = known.last_ns.max(held.last_ns);
        }
        let mut held: Vec<Held> = of_field.into_values().collect();
        held.sort();
        follow(held.into_iter(), &mut followed);
    }
    followed.sort();
    followed
}

fn follow(values: impl Iterator<Item = Held>, followed: &mut Vec<Followed>) {
    let mut last: Option<Held> = None;
    for next in values {
        if let Some(before) = &last
            && before.last_ns <= next.first_ns
        {
            followed.push(Followed {
                at_ns: next.first_ns,
                field: next.field,
                old: before.raw.clone(),
                new: next.raw.clone(),
            });
        }
        // Of values that take turns, the one that was seen last is what the next one follows.
        if last
            .as_ref()
            .is_none_or(|last| last.last_ns <= next.last_ns)
        {
            last = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    fn held(field: Field, raw: &str, hours: (u64, u64)) -> Held {
        Held {
            first_ns: hours.0 * HOUR_NS,
            last_ns: hours.1 * HOUR_NS,
            field,
            raw: raw.to_owned(),
        }
    }

    fn told(followed: &[Followed]) -> Vec<(u64, &str, &str)> {
        let told = followed.iter();
        told.map(|f| (f.at_ns / HOUR_NS, f.old.as_str(), f.new.as_str()))
            .collect()
    }

    #[test]
    fn a_later_beginning_is_a_restart_and_a_neighbouring_one_is_not() {
        let boot = |raw, hours| held(Field::SnmpBootTime, raw, hours);
        let found = restarts(&[
            boot("2026-01-05T08:00:00Z", (1, 5)),
            boot("2026-01-05T08:10:00Z", (2, 6)),
            boot("2026-01-05T15:00:00Z", (9, 10)),
            boot("nonsense", (9, 10)),
        ]);
        assert_eq!(
            told(&found),
            [(9, "2026-01-05T08:00:00Z", "2026-01-05T15:00:00Z")]
        );
        // The counter was full: 497 days later it begins anew.
        let full = restarts(&[
            boot("2024-08-26T05:30:00Z", (1, 5)),
            boot("2026-01-05T08:00:00Z", (6, 9)),
        ]);
        assert_eq!(told(&full), []);
        // Two agents answer by turns.
        let two = restarts(&[
            boot("2026-01-01T00:00:00Z", (1, 9)),
            boot("2026-01-05T08:00:00Z", (2, 8)),
        ]);
        assert_eq!(told(&two), []);
    }

    #[test]
    fn each_service_counts_its_own_starts() {
        let found = restarts(&[
            held(Field::WsdInstance, "urn:uuid:a 7", (1, 2)),
            held(Field::WsdInstance, "urn:uuid:b 3", (3, 4)),
            held(Field::WsdInstance, "urn:uuid:a 8", (5, 6)),
            held(Field::SsdpBootId, "uuid:c x", (5, 6)),
        ]);
        assert_eq!(told(&found), [(5, "urn:uuid:a 7", "urn:uuid:a 8")]);
    }

    #[test]
    fn who_roams_does_not_move() {
        let port = |raw, hours| held(Field::RadiusPort, raw, hours);
        let found = moves(&[port("sw 1", (1, 2)), port("sw 2", (5, 6))]);
        assert_eq!(told(&found), [(5, "sw 1", "sw 2")]);
        let by_turns = moves(&[
            port("sw 1", (1, 6)),
            port("sw 2", (2, 7)),
            port("sw 3", (8, 9)),
        ]);
        assert_eq!(told(&by_turns), [(8, "sw 2", "sw 3")]);
    }
}
