//! How a device is looked after: what the site's systems plan, and what was seen of it since:
//! restarts, versions that changed, visits from afar, how wrong its clock is. It names no person.

use medtap_table::vocabulary::{Event, Protocol};
use serde::Serialize;

use super::finding::day_ns;
use crate::clock;
use crate::history::{Change, ChangeKind, HOUR_NS, HistoryError, Store, begin_ns, held, week};
use crate::model::Time;

/// Days that are looked at.
const DAYS: u64 = 90;
const DAY_NS: u64 = 24 * HOUR_NS;

/// Versions whose change is somebody's work.
pub(super) const VERSIONS: [&str; 4] = [
    "firmware_version",
    "software_version",
    "hardware_version",
    "os_version",
];

/// How a device is looked after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Maintenance {
    /// The device.
    pub device: String,
    /// The last preventive maintenance, as the site's systems say.
    pub last_maintenance: Option<String>,
    /// The next one.
    pub next_maintenance: Option<String>,
    /// Its day is over.
    pub overdue: bool,
    /// By how many seconds its clock is fast; null where nothing showed it.
    pub clock_offset_seconds: Option<i64>,
    /// Where that was read.
    pub clock_source: Option<&'static str>,
    /// Starts after the first that was seen, in these days.
    pub restarts: Vec<Change>,
    /// Versions that changed, in these days.
    pub versions: Vec<Change>,
    /// Hours in which something was done, in these days.
    pub seen: Vec<Occasion>,
    /// Who worked on it from afar, in these days.
    pub visitors: Vec<Visitor>,
}

/// What was done how often, and in which hour last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Occasion {
    /// What.
    pub event: &'static str,
    /// How often.
    pub count: u64,
    /// When the hour began in which it was done last.
    pub last_hour: Time,
}

/// One that worked on it from afar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Visitor {
    /// The device; null for one outside.
    pub device: Option<String>,
    /// By what.
    pub protocol: String,
    /// When first.
    pub first_seen: Time,
    /// When last.
    pub last_seen: Time,
}

/// True for a protocol by which a device is worked on from afar.
pub(super) fn is_service(name: &str) -> bool {
    Protocol::from_name(name).is_some_and(Protocol::is_service)
}

impl Store {
    /// How a device is looked after.
    ///
    /// # Errors
    /// When it is not known.
    pub fn maintenance(&self, wanted: &str, now: Time) -> Result<Maintenance, HistoryError> {
        let number = self.number(wanted)?;
        let device = self.device_row(wanted)?.id;
        let from = Time(now.0.saturating_sub(DAYS * DAY_NS));
        let asset = self.asset_of_number(number)?;
        let plan = |name| Some(asset.as_ref()?.get(name)?.to_owned());
        let next = plan("next_maintenance");
        let clock = self.read(|db| held(db, number, &clock::FIELDS))?;
        let told = clock.iter();
        let clock = clock::offset_s(told.map(|held| (held.field, &*held.raw, held.last_ns)));
        let changes = |kind| self.changes(from, now, Some(&device), Some(kind));
        let mut versions = changes(ChangeKind::Changed)?;
        versions.retain(|change| VERSIONS.contains(&&*change.subject));
        let links = self.read(|db| crate::history::links_of(db, number))?;
        let visits = links.into_iter().filter(|link| {
            let service = link.protocol.as_deref().is_some_and(is_service);
            service && !link.opens && link.answered && link.last.0 >= from.0
        });
        Ok(Maintenance {
            last_maintenance: plan("last_maintenance"),
            overdue: next.as_deref().is_some_and(|day| is_over(day, now)),
            next_maintenance: next,
            clock_offset_seconds: clock.map(|(_, offset)| offset),
            clock_source: clock.map(|(field, _)| field.name()),
            restarts: changes(ChangeKind::Restarted)?,
            versions,
            seen: self.occasions(number, from.0)?,
            visitors: visits
                .map(|link| Visitor {
                    device: link.peer,
                    protocol: link.protocol.unwrap_or_default(),
                    first_seen: link.from,
                    last_seen: link.last,
                })
                .collect(),
            device,
        })
    }

    /// Visits and beginnings, by the hour.
    fn occasions(&self, number: i64, from_ns: u64) -> Result<Vec<Occasion>, HistoryError> {
        let kinds = self.read(|db| crate::history::weeks_of(db, number, None, week(from_ns)))?;
        let mut occasions = Vec::new();
        for event in [Event::ServiceSession, Event::ColdStart, Event::NetworkStart] {
            let weeks = kinds.get(&event.number()).into_iter().flatten();
            let hours = weeks.flat_map(|(week, bins)| {
                let begins = bins.iter().enumerate();
                begins.map(|(hour, bin)| (begin_ns(*week, hour), u64::from(*bin)))
            });
            let seen = hours.filter(|(begin, bin)| *bin > 0 && begin + HOUR_NS > from_ns);
            let (count, last) = seen.fold((0, 0), |(count, last): (u64, u64), (begin, bin)| {
                (count + bin, last.max(begin))
            });
            if count > 0 {
                occasions.push(Occasion {
                    event: event.name(),
                    count,
                    last_hour: Time(last),
                });
            }
        }
        Ok(occasions)
    }
}

/// True where a day is over, UTC: not before its end.
pub(super) fn is_over(day: &str, now: Time) -> bool {
    day_ns(day).is_some_and(|begin| begin + DAY_NS <= now.0)
}
