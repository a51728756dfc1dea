//! The values of a device's attributes over time: which won, from when, until when, and what
//! changed between them. Who wins is decided by `resolve`.

use medtap_table::vocabulary::Attribute;
use rusqlite::{Connection, params};

use super::VALUES_MAX;
use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::interval::Interval;
use super::look::SourceKind;
use super::write::Group;

/// Attributes whose changes are told. What a browser calls itself changes with every program.
const TOLD: [Attribute; 13] = [
    Attribute::Manufacturer,
    Attribute::Model,
    Attribute::SerialNumber,
    Attribute::HardwareVersion,
    Attribute::FirmwareVersion,
    Attribute::SoftwareVersion,
    Attribute::Os,
    Attribute::OsVersion,
    Attribute::Hostname,
    Attribute::AeTitle,
    Attribute::StationName,
    Attribute::Department,
    Attribute::Location,
];

/// A value that won, and while it did.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reign {
    time: Interval,
    value: String,
    confidence: u8,
}

/// Writes who reigns.
pub(crate) fn attributes(db: &Connection, group: &Group<'_>) -> Step<()> {
    let mut get = db.prepare_cached(
        "SELECT from_ns, last_ns, value, confidence FROM attributes
         WHERE device = ?1 AND attribute = ?2 ORDER BY from_ns",
    )?;
    for attribute in Attribute::SHOWN {
        let name = attribute.name();
        let values = group
            .parts
            .iter()
            .filter_map(|part| part.0.attributes.get(name)?.as_ref());
        let Some(value) = values.max_by_key(|value| value.confidence) else {
            continue;
        };
        let first = value.sources.iter().map(|source| source.first_seen.0).min();
        let last = value.sources.iter().map(|source| source.last_seen.0).max();
        let now = Reign {
            time: Interval::new(first.unwrap_or(0), last.unwrap_or(0)),
            value: value.value.clone(),
            confidence: value.confidence,
        };
        let known: Vec<Reign> = get
            .query_map(params![group.number, name], |row| {
                Ok(Reign {
                    time: Interval {
                        from_ns: row.get(0)?,
                        last_ns: row.get(1)?,
                    },
                    value: row.get(2)?,
                    confidence: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        let live = group.look.kind == SourceKind::Live;
        let reigns = reign(&known, now, live.then_some(group.source.at_ns));
        if reigns != known {
            replace(db, group, name, &known, &reigns)?;
        }
    }
    Ok(())
}

/// The values in the order of their times, with one more. `at_ns`: a live look shows who reigns
/// now; what a capture shows is of its own time.
fn reign(known: &[Reign], now: Reign, at_ns: Option<u64>) -> Vec<Reign> {
    let mut reigns = known.to_vec();
    let mut now = now;
    if let (Some(at_ns), Some(last)) = (at_ns, reigns.last_mut()) {
        if last.value == now.value {
            let moved = now.time.last_ns.saturating_sub(last.time.last_ns);
            if moved >= super::REFRESH_NS || now.confidence != last.confidence {
                last.time.last_ns = last.time.last_ns.max(now.time.last_ns);
                last.confidence = now.confidence;
            }
            return reigns;
        }
        // Its rise is when it was first read, or now, where it was read before and lost.
        if now.time.from_ns <= last.time.from_ns {
            now.time = Interval::new(at_ns.max(last.time.from_ns + 1), at_ns);
        }
    }
    if reigns.len() >= VALUES_MAX {
        reigns.remove(0);
    }
    let at = reigns.partition_point(|reign| reign.time.from_ns <= now.time.from_ns);
    reigns.insert(at, now);
    let mut merged: Vec<Reign> = Vec::new();
    for next in reigns {
        match merged.last_mut() {
            Some(last) if last.value == next.value => {
                last.time.last_ns = last.time.last_ns.max(next.time.last_ns);
                last.confidence = last.confidence.max(next.confidence);
            }
            // Two at once: the surer one.
            Some(last) if last.time.from_ns == next.time.from_ns => {
                if next.confidence > last.confidence {
                    *last = next;
                }
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// Writes the values of an attribute again, and what changed between them.
fn replace(
    db: &Connection,
    group: &Group<'_>,
    name: &str,
    known: &[Reign],
    reigns: &[Reign],
) -> Step<()> {
    db.prepare_cached("DELETE FROM attributes WHERE device = ?1 AND attribute = ?2")?
        .execute(params![group.number, name])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO attributes(device, attribute, from_ns, last_ns, value, confidence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for reign in reigns {
        insert.execute(params![
            group.number,
            name,
            reign.time.from_ns,
            reign.time.last_ns,
            reign.value,
            reign.confidence
        ])?;
    }
    let told = TOLD.iter().any(|attribute| attribute.name() == name);
    let values = |reigns: &[Reign]| -> Vec<(u64, String)> {
        let pair = |reign: &Reign| (reign.time.from_ns, reign.value.clone());
        reigns.iter().map(pair).collect()
    };
    if !told || values(known) == values(reigns) {
        return Ok(());
    }
    db.prepare_cached(
        "DELETE FROM changes WHERE device = ?1 AND kind = 'changed' AND subject = ?2",
    )?
    .execute(params![group.number, name])?;
    for pair in reigns.windows(2) {
        let [old, new] = pair else { continue };
        let news = News {
            kind: ChangeKind::Changed,
            subject: name,
            old: &old.value,
            new: &new.value,
        };
        note(
            db,
            group.number,
            new.time.from_ns,
            group.source.at_ns,
            &news,
        )?;
        if name == Attribute::Location.name() {
            let news = News {
                kind: ChangeKind::Moved,
                ..news
            };
            note(
                db,
                group.number,
                new.time.from_ns,
                group.source.at_ns,
                &news,
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(from: u64, last: u64, value: &str) -> Reign {
        Reign {
            time: Interval::new(from, last),
            value: value.to_owned(),
            confidence: 90,
        }
    }

    fn told(reigns: &[Reign]) -> Vec<(u64, &str)> {
        let told = |reign: &Reign| (reign.time.from_ns, reign.value.as_str().to_owned());
        let told: Vec<(u64, String)> = reigns.iter().map(told).collect();
        told.into_iter()
            .map(|(from, value)| (from, &*value.leak()))
            .collect()
    }

    #[test]
    fn captures_are_ordered_by_their_own_time() {
        let known = [at(100, 110, "1.0")];
        let later = reign(&known, at(200, 210, "1.1"), None);
        assert_eq!(told(&later), [(100, "1.0"), (200, "1.1")]);
        let between = reign(&later, at(150, 160, "1.0"), None);
        assert_eq!(told(&between), [(100, "1.0"), (200, "1.1")]);
        let before = reign(&later, at(50, 60, "0.9"), None);
        assert_eq!(told(&before), [(50, "0.9"), (100, "1.0"), (200, "1.1")]);
        let back = reign(&later, at(300, 310, "1.0"), None);
        assert_eq!(told(&back), [(100, "1.0"), (200, "1.1"), (300, "1.0")]);
    }

    #[test]
    fn a_live_value_that_comes_back_reigns_from_now() {
        let known = [at(100, 110, "1.0"), at(200, 210, "1.1")];
        let back = reign(&known, at(100, 400, "1.0"), Some(400));
        assert_eq!(told(&back), [(100, "1.0"), (200, "1.1"), (400, "1.0")]);
        let same = reign(&known, at(200, 220, "1.1"), Some(220));
        assert_eq!(same, known);
    }

    #[test]
    fn values_are_bounded() {
        let mut reigns = Vec::new();
        for at_ns in 1..200 {
            let value = format!("{at_ns}");
            reigns = reign(&reigns, at(at_ns * 10, at_ns * 10, &value), None);
        }
        assert_eq!(reigns.len(), VALUES_MAX);
    }
}
