//! How devices are used: in which hours of the week they are on and work, when least, which stand
//! idle, and where their users meet obstacles. No person is in it.

use std::collections::BTreeMap;

use medtap_table::layout::HOURS_OF_WEEK;
use medtap_table::vocabulary::Event;
use serde::Serialize;

use crate::history::{Bins, HOUR_NS, HistoryError, ONLINE, Store, begin_ns, week, weeks_of};
use crate::model::Time;

/// Days that are looked at.
pub const DAYS: u64 = 90;
const DAY_NS: u64 = 24 * HOUR_NS;
/// Hours of the window in which a device is used least.
const WINDOW_HOURS: usize = 4;
/// A device that did something within this time is in use.
const IN_USE_NS: u64 = HOUR_NS;

/// Events that are obstacles.
const OBSTACLES: [Event; 17] = [
    Event::DicomReject,
    Event::DicomAbort,
    Event::DicomFailure,
    Event::DicomProcedureDiscontinued,
    Event::DicomQualityReject,
    Event::DicomSafetyReject,
    Event::DicomWorklistReject,
    Event::DicomAcquisitionRepeated,
    Event::DicomAcquisitionRejected,
    Event::Hl7Error,
    Event::Hl7Reject,
    Event::DicomwebFailure,
    Event::FhirFailure,
    Event::IntellivueRefusal,
    Event::IntellivueAbort,
    Event::Ieee11073Abort,
    Event::LogonRefused,
];
/// Events that say nothing about use: tests, answers, and that a machine is there.
const BESIDES: [Event; 7] = [
    Event::DicomEcho,
    Event::Hl7Accept,
    Event::WsdHello,
    Event::WsdBye,
    Event::NetworkStart,
    Event::ColdStart,
    Event::ServiceSession,
];

/// How one device is used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Utilisation {
    /// The device.
    pub device: String,
    /// What kind it is.
    pub category: String,
    /// Days of the last 90 since it is known.
    pub days_known: u64,
    /// Hours in which it was seen.
    pub hours_online: u32,
    /// Hours in which it did something.
    pub hours_active: u32,
    /// What it did, by event, in these days.
    pub events: BTreeMap<&'static str, u64>,
    /// What it did on an average day.
    pub events_per_day: f64,
    /// Procedures that were completed, or images sent where it tells of none.
    pub procedures: u64,
    /// What it did by hour of the week, UTC, Monday 00:00 first.
    pub histogram: Vec<u64>,
    /// The four hours of the day in which it did least; null before a week is known.
    pub quietest: Option<String>,
    /// It did something within the last hour.
    pub in_use: bool,
}

/// Devices of one kind in one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fleet {
    /// What kind.
    pub category: String,
    /// The unit; empty where it is not known.
    pub unit: String,
    /// How many there are.
    pub devices: usize,
    /// Of those, how many did something in the days asked for.
    pub used: usize,
    /// How many are in use.
    pub in_use: usize,
    /// Those that did nothing.
    pub idle: Vec<String>,
}

/// Obstacles that users of a model met in a unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Friction {
    /// The model.
    pub model: String,
    /// The unit.
    pub unit: String,
    /// Devices of it.
    pub devices: usize,
    /// What they did.
    pub events: u64,
    /// Of that, what was refused, aborted or failed, by event.
    pub obstacles: BTreeMap<&'static str, u64>,
    /// Obstacles of a hundred events.
    pub percent: f64,
}

impl Store {
    /// How one device is used.
    ///
    /// # Errors
    /// When it is not known.
    pub fn utilisation(&self, wanted: &str, now: Time) -> Result<Utilisation, HistoryError> {
        let number = self.number(wanted)?;
        let device = self.device_row(wanted)?;
        let from_ns = now.0.saturating_sub(DAYS * DAY_NS);
        let mut hours_of = self.hours_of(number, from_ns)?;
        let online = hours_of.remove(&ONLINE).unwrap_or_default();
        let mut histogram = vec![0u64; HOURS_OF_WEEK];
        let mut events = BTreeMap::new();
        let mut active: BTreeMap<u64, Bins> = BTreeMap::new();
        for event in Event::ALL {
            let weeks = hours_of.remove(&event.number()).unwrap_or_default();
            let total: u64 = weeks.values().flatten().map(|bin| u64::from(*bin)).sum();
            if total == 0 {
                continue;
            }
            events.insert(event.name(), total);
            if BESIDES.contains(event) {
                continue;
            }
            for (week, bins) in weeks {
                let sums = active.entry(week).or_insert([0; HOURS_OF_WEEK]);
                for (hour, bin) in bins.iter().enumerate() {
                    if let (Some(sum), Some(all)) = (sums.get_mut(hour), histogram.get_mut(hour)) {
                        *sum = sum.saturating_add(*bin);
                        *all += u64::from(*bin);
                    }
                }
            }
        }
        let hours =
            |weeks: &BTreeMap<u64, Bins>| weeks.values().flatten().filter(|bin| **bin > 0).count();
        let known_ns = now.0.saturating_sub(device.first_seen.0.max(from_ns));
        let days_known = known_ns.div_ceil(DAY_NS).clamp(1, DAYS);
        let sum: u64 = histogram.iter().sum();
        let procedures = events.get(Event::DicomProcedureCompleted.name()).copied();
        let stored = || events.get(Event::DicomStore.name()).copied();
        let in_use = active.iter().any(|(week, bins)| {
            let mut hours = bins.iter().enumerate().filter(|(_, bin)| **bin > 0);
            hours.any(|(hour, _)| begin_ns(*week, hour) + HOUR_NS + IN_USE_NS > now.0)
        });
        let whole_week = known_ns >= 7 * DAY_NS;
        Ok(Utilisation {
            device: device.id,
            category: device.category,
            days_known,
            hours_online: u32::try_from(hours(&online)).unwrap_or(u32::MAX),
            hours_active: u32::try_from(hours(&active)).unwrap_or(u32::MAX),
            events_per_day: sum as f64 / days_known as f64,
            procedures: procedures.or_else(stored).unwrap_or(0),
            quietest: (whole_week && sum > 0).then(|| quietest(&histogram)),
            events,
            histogram,
            in_use,
        })
    }

    /// Hours by kind and week, from a time on.
    fn hours_of(
        &self,
        number: i64,
        from_ns: u64,
    ) -> Result<BTreeMap<u16, BTreeMap<u64, Bins>>, HistoryError> {
        let mut kinds = self.read(|db| weeks_of(db, number, None, week(from_ns)))?;
        for (week, bins) in kinds.values_mut().flatten() {
            for (hour, bin) in bins.iter_mut().enumerate() {
                if begin_ns(*week, hour) + HOUR_NS <= from_ns {
                    *bin = 0;
                }
            }
        }
        Ok(kinds)
    }

    /// Which devices stand idle, by kind and unit. Devices whose work cannot be seen (no event of
    /// them is known) count as used where they were seen.
    ///
    /// # Errors
    /// What the database said.
    pub fn fleets(&self, now: Time, days: u64) -> Result<Vec<Fleet>, HistoryError> {
        let from_ns = now.0.saturating_sub(days.saturating_mul(DAY_NS));
        let last = self.last_active()?;
        let mut fleets: BTreeMap<(String, String), Fleet> = BTreeMap::new();
        for (number, device) in self.numbered_devices()? {
            if device.category == "unknown" {
                continue;
            }
            let unit = unit_of(&device);
            let fleet = fleets
                .entry((device.category.clone(), unit.clone()))
                .or_insert_with(|| Fleet {
                    category: device.category.clone(),
                    unit,
                    ..Fleet::default()
                });
            fleet.devices += 1;
            let last_ns = last.get(&number).copied();
            let used = last_ns.unwrap_or(device.last_seen.0) >= from_ns;
            fleet.used += usize::from(used);
            let in_use = last_ns.is_some_and(|last| last + HOUR_NS + IN_USE_NS > now.0);
            fleet.in_use += usize::from(in_use);
            if !used {
                fleet.idle.push(device.id);
            }
        }
        Ok(fleets.into_values().collect())
    }

    /// The last hour in which each device did something.
    fn last_active(&self) -> Result<BTreeMap<i64, u64>, HistoryError> {
        self.read(|db| {
            let mut get = db.prepare(
                "SELECT device, week, bins, what FROM hours WHERE what <> 0 ORDER BY week DESC",
            )?;
            let mut last: BTreeMap<i64, u64> = BTreeMap::new();
            let mut rows = get.query([])?;
            while let Some(row) = rows.next()? {
                let event = Event::from_number(row.get(3)?);
                if event.is_some_and(|event| BESIDES.contains(&event)) {
                    continue;
                }
                let device: i64 = row.get(0)?;
                let week: u64 = row.get(1)?;
                let bins = crate::history::unpack(&row.get::<_, Vec<u8>>(2)?);
                if let Some(hour) = bins.iter().rposition(|bin| *bin > 0) {
                    let known = last.entry(device).or_default();
                    *known = begin_ns(week, hour).max(*known);
                }
            }
            Ok(last)
        })
    }

    /// Obstacles by model and unit, the most first.
    ///
    /// # Errors
    /// What the database said.
    pub fn frictions(&self, now: Time) -> Result<Vec<Friction>, HistoryError> {
        let from_ns = now.0.saturating_sub(DAYS * DAY_NS);
        let sums: BTreeMap<(i64, u16), u64> = self.read(|db| {
            let mut sums = BTreeMap::new();
            let mut get =
                db.prepare("SELECT device, what, bins FROM hours WHERE what <> 0 AND week >= ?1")?;
            let mut rows = get.query([week(from_ns)])?;
            while let Some(row) = rows.next()? {
                let bins = crate::history::unpack(&row.get::<_, Vec<u8>>(2)?);
                let sum: u64 = bins.iter().map(|bin| u64::from(*bin)).sum();
                *sums.entry((row.get(0)?, row.get(1)?)).or_default() += sum;
            }
            Ok(sums)
        })?;
        let devices = self.numbered_devices()?;
        let mut frictions: BTreeMap<(String, String), Friction> = BTreeMap::new();
        let mut counted = std::collections::BTreeSet::new();
        for ((number, what), sum) in sums {
            let (Some(device), Some(event)) = (devices.get(&number), Event::from_number(what))
            else {
                continue;
            };
            let model = device.attributes.get("model").cloned();
            let model = model.unwrap_or_else(|| device.category.clone());
            let unit = unit_of(device);
            let friction = frictions
                .entry((model.clone(), unit.clone()))
                .or_insert_with(|| Friction {
                    model,
                    unit,
                    ..Friction::default()
                });
            friction.devices += usize::from(counted.insert(number));
            friction.events += match BESIDES.contains(&event) {
                true => 0,
                false => sum,
            };
            if OBSTACLES.contains(&event) {
                *friction.obstacles.entry(event.name()).or_default() += sum;
            }
        }
        let mut frictions: Vec<Friction> = frictions.into_values().collect();
        frictions.retain(|friction| !friction.obstacles.is_empty());
        for friction in &mut frictions {
            let sum: u64 = friction.obstacles.values().sum();
            friction.percent = sum as f64 * 100.0 / friction.events.max(1) as f64;
        }
        frictions.sort_by(|a, b| {
            b.percent
                .total_cmp(&a.percent)
                .then_with(|| a.model.cmp(&b.model))
        });
        Ok(frictions)
    }
}

fn unit_of(device: &crate::history::DeviceRow) -> String {
    let names = ["department", "location"];
    let mut known = names.iter().filter_map(|name| device.attributes.get(*name));
    known.next().cloned().unwrap_or_default()
}

/// The four hours of the day with the least, over all days; the earliest of several.
fn quietest(histogram: &[u64]) -> String {
    let mut hours = [0u64; 24];
    for (hour, count) in histogram.iter().enumerate() {
        if let Some(sum) = hours.get_mut(hour % 24) {
            *sum += count;
        }
    }
    let window =
        |start: usize| -> u64 { hours.iter().cycle().skip(start).take(WINDOW_HOURS).sum() };
    let start = (0..24).min_by_key(|start| window(*start)).unwrap_or(0);
    format!("{start:02}:00-{:02}:00", (start + WINDOW_HOURS) % 24)
}
