//! From a look at a table to memory: every device is recognised, and what is new about it is
//! written in one step, all or nothing. What did not change costs a comparison; the same table
//! seen twice changes nothing.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;
use rusqlite::{Connection, params};

use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::hours::{self, HOUR_NS, ONLINE, Weeks};
use super::identify::{self, Seen};
use super::look::{Look, SourceKind, Sourced, enter};
use super::store::Store;
use super::write::{self, Group};
use super::{HistoryError, SILENCE_NS};
use crate::model::Device;
use crate::resolve::{Id, Resolution};
use crate::trace::Detail;

/// Devices that are made at once: few enough to hold, enough to share the work.
const DEVICES_AT_ONCE: usize = 512;

/// What is kept in mind of a device between two looks, by its id in the table.
#[derive(Clone, Copy, Default)]
struct Known {
    device: i64,
    keys: u64,
    /// As [`Resolution::stamp`].
    stamp: u64,
    /// What is written when it changes.
    content: u64,
    /// What may wait besides: times and counts.
    whole: u64,
    hour: u64,
}

/// Who looks again and again, and remembers what it saw last: a few words for each device.
#[derive(Default)]
pub struct Observer {
    known: HashMap<Id, Known>,
    run: Option<u64>,
    /// Pinned keys when `known` was made: what a person decides makes it stale.
    pinned: i64,
}

/// What a look brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Devices in the look.
    pub devices: usize,
    /// Devices that were not known before.
    pub new_devices: usize,
    /// Changes noted, those included.
    pub changes: u64,
}

impl Observer {
    /// As [`Resolution::stamp`], of a device of the last look.
    pub fn stamp(&self, id: Id) -> Option<u64> {
        self.known.get(&id).map(|known| known.stamp)
    }

    /// Writes what a look shows. After an error nothing of it is written, and the next look
    /// brings it again.
    ///
    /// # Errors
    /// What the database said.
    pub fn observe(
        &mut self,
        store: &mut Store,
        shown: &Resolution<'_>,
        look: &Look,
    ) -> Result<Noted, HistoryError> {
        let pinned = store.read(|db| {
            db.query_row("SELECT count(*) FROM keys WHERE pinned", [], |row| {
                row.get(0)
            })
        })?;
        if self.run != Some(look.run) || self.pinned != pinned {
            self.known.clear();
        }
        (self.run, self.pinned) = (Some(look.run), pinned);
        let result = store.write(|step| self.step(step, shown, look));
        if result.is_err() {
            self.known.clear();
        }
        result
    }

    fn step(&mut self, db: &Connection, shown: &Resolution<'_>, look: &Look) -> Step<Noted> {
        let before = count_changes(db)?;
        let source = enter(db, look)?;
        let mut noted = Noted {
            devices: shown.len(),
            ..Noted::default()
        };
        let mut round = Round {
            shown,
            look,
            source,
            numbers: Vec::with_capacity(shown.len()),
            fresh: Vec::new(),
            stamps: Vec::new(),
            moved: HashMap::new(),
        };
        self.recognise(db, &mut round)?;
        noted.new_devices = round.fresh.len();
        let numbers = round.numbers.iter().copied();
        let mut groups: Vec<(i64, usize)> = numbers.zip(0..).collect();
        groups.sort_unstable();
        let groups: Vec<&[(i64, usize)]> = groups.chunk_by(|a, b| a.0 == b.0).collect();
        for groups in groups.chunks(DEVICES_AT_ONCE) {
            let made: Vec<Vec<(Device, Detail)>> = groups
                .par_iter()
                .map(|group| self.made(&round, group))
                .collect();
            for (group, parts) in groups.iter().zip(&made) {
                self.write(db, &round, group, parts)?;
            }
        }
        for join in &shown.joins() {
            let place = shown.place(&join.device);
            if let Some(number) = place.and_then(|place| round.numbers.get(place)) {
                write::reason(db, *number, join, source.at_ns)?;
            }
        }
        if look.kind == SourceKind::Live && look.flush {
            silences(db, source)?;
        }
        noted.changes = count_changes(db)?.saturating_sub(before);
        Ok(noted)
    }

    /// Finds the remembered device of each.
    fn recognise(&mut self, db: &Connection, round: &mut Round<'_>) -> Step<()> {
        let shown = round.shown;
        let places: Vec<usize> = (0..shown.len()).collect();
        // An id is not known a second time when it has gone from the table.
        let known = |place: &usize| Some(self.known.get(&shown.id(*place)?)?.device);
        let mut claimed: HashSet<i64> = places.iter().filter_map(known).collect();
        for places in places.chunks(DEVICES_AT_ONCE) {
            let looked: Vec<(u64, Option<Strange>)> = places
                .par_iter()
                .map(|place| self.look_at(round, *place))
                .collect();
            for (place, (stamp, strange)) in places.iter().zip(looked) {
                round.stamps.push(stamp);
                let id = shown.id(*place).unwrap_or_default();
                let known = self.known.entry(id).or_default();
                if let Some(Strange {
                    device,
                    detail,
                    keys,
                }) = strange
                {
                    let seen = Seen {
                        device: &device,
                        detail: &detail,
                        look: round.look,
                        claimed: &claimed,
                    };
                    let found = identify::recognise(db, &seen)?;
                    for gone in found.gone {
                        round.moved.insert(gone, found.device);
                    }
                    claimed.insert(found.device);
                    if found.is_new {
                        round.fresh.push(found.device);
                    }
                    *known = Known {
                        device: found.device,
                        keys,
                        ..Known::default()
                    };
                }
                round.numbers.push(known.device);
            }
        }
        let moved = &round.moved;
        if !moved.is_empty() {
            let follow = |mut number: i64| {
                while let Some(next) = moved.get(&number) {
                    number = *next;
                }
                number
            };
            let numbers = round.numbers.iter_mut();
            numbers.for_each(|number| *number = follow(*number));
            for known in self.known.values_mut() {
                known.device = follow(known.device);
            }
        }
        round.fresh.sort_unstable();
        Ok(())
    }

    /// The stamp of a device; and all of it, where its keys are others than before.
    fn look_at(&self, round: &Round<'_>, place: usize) -> (u64, Option<Strange>) {
        let shown = round.shown;
        let stamp = shown.stamp(place).unwrap_or_default();
        let known = shown.id(place).and_then(|id| self.known.get(&id));
        if known.is_some_and(|known| known.stamp == stamp && stamp != 0) {
            return (stamp, None);
        }
        let Some(detail) = shown.detail(place) else {
            return (stamp, None);
        };
        let keys = hash(|state| {
            for key in &detail.keys {
                (key.kind, &key.text).hash(state);
            }
        });
        if known.is_some_and(|known| known.keys == keys) {
            return (stamp, None);
        }
        let strange = shown.device(place).map(|device| Strange {
            device,
            detail,
            keys,
        });
        (stamp, strange)
    }

    /// The devices of a group, where something of one may be other than at the look before.
    fn made(&self, round: &Round<'_>, group: &[(i64, usize)]) -> Vec<(Device, Detail)> {
        let shown = round.shown;
        let changed = |(_, place): &(i64, usize)| {
            let known = shown.id(*place).and_then(|id| self.known.get(&id));
            known.is_none_or(|known| Some(&known.stamp) != round.stamps.get(*place))
        };
        if !round.look.flush && round.moved.is_empty() && !group.iter().any(changed) {
            return Vec::new();
        }
        let part = |(_, place): &(i64, usize)| Some((shown.device(*place)?, shown.detail(*place)?));
        group.iter().filter_map(part).collect()
    }

    /// Writes what is other than at the look before.
    fn write(
        &mut self,
        db: &Connection,
        round: &Round<'_>,
        group: &[(i64, usize)],
        parts: &[(Device, Detail)],
    ) -> Step<()> {
        let Some(&(number, _)) = group.first() else {
            return Ok(());
        };
        let (mut changed, mut moved_on, mut first_look) = (false, false, false);
        for ((_, place), part) in group.iter().zip(parts) {
            let id = round.shown.id(*place).unwrap_or_default();
            let known = self.known.entry(id).or_default();
            let now = (content(part, number, &round.numbers), whole(part));
            changed |= known.content != now.0;
            moved_on |= round.look.flush && known.whole != now.1;
            first_look |= known.hour == 0;
            known.content = now.0;
            known.stamp = round.stamps.get(*place).copied().unwrap_or_default();
            if round.look.flush {
                known.whole = now.1;
            }
        }
        let written = Group {
            number,
            look: round.look,
            source: round.source,
            parts,
            shown: round.shown,
            numbers: &round.numbers,
        };
        if changed || moved_on {
            let fresh = round.fresh.binary_search(&number).is_ok();
            write::device(db, &written, fresh)?;
        }
        if moved_on {
            write::counts(db, &written)?;
        }
        let mut weeks = Weeks::new();
        if first_look {
            // The first look of this observer: every time that the table tells.
            for (_, detail) in parts {
                hours::mark(&mut weeks, write::times(detail));
            }
        }
        self.mark_hours(db, round, group, weeks)
    }

    /// Notes the hour in which a device was seen, the first time that it is seen in it.
    fn mark_hours(
        &mut self,
        db: &Connection,
        round: &Round<'_>,
        group: &[(i64, usize)],
        mut weeks: Weeks,
    ) -> Step<()> {
        let (mut first_ns, mut last_ns) = (u64::MAX, 0);
        let mut number = 0;
        for (device, place) in group {
            number = *device;
            let Some((first, seen_ns)) = round.shown.times(*place) else {
                continue;
            };
            first_ns = first_ns.min(first);
            let id = round.shown.id(*place).unwrap_or_default();
            let Some(known) = self.known.get_mut(&id) else {
                continue;
            };
            if seen_ns == 0 || (known.hour == seen_ns / HOUR_NS && !round.look.flush) {
                continue;
            }
            known.hour = seen_ns / HOUR_NS;
            hours::mark(&mut weeks, [seen_ns]);
            last_ns = last_ns.max(seen_ns);
        }
        if last_ns == 0 {
            return Ok(());
        }
        hours::add(db, number, ONLINE, round.source.number, &weeks)?;
        seen(db, number, (first_ns, last_ns), round.source.at_ns)
    }
}

/// One look while it is written.
struct Round<'a> {
    shown: &'a Resolution<'a>,
    look: &'a Look,
    source: Sourced,
    /// The remembered device of each device of the table.
    numbers: Vec<i64>,
    /// Those that were not known before, in order.
    fresh: Vec<i64>,
    /// As [`Resolution::stamp`], of each device of the table.
    stamps: Vec<u64>,
    /// Devices that turned out to be another one.
    moved: HashMap<i64, i64>,
}

/// A device whose keys are others than those known.
struct Strange {
    device: Device,
    detail: Detail,
    keys: u64,
}

/// What is written at once when it changes.
fn content((device, detail): &(Device, Detail), number: i64, numbers: &[i64]) -> u64 {
    hash(|state| {
        (number, device.class, device.category, &device.reported_by).hash(state);
        for (name, value) in device.attributes.iter() {
            (name, value.as_ref().map(|value| &value.value)).hash(state);
        }
        for binding in &detail.bindings {
            (binding.vlan, binding.mac, binding.address, binding.proven).hash(state);
        }
        for said in &detail.statements {
            (said.field, &said.value, &said.raw, said.rule).hash(state);
        }
        for link in &detail.links {
            let other = link.other.and_then(|other| numbers.get(other as usize));
            (other, link.protocol, link.port, link.transport).hash(state);
            (link.opened, link.answered, link.encrypted).hash(state);
        }
        (detail.routes, detail.shared).hash(state);
    })
}

/// What may wait for the hour: when and how often.
fn whole((device, detail): &(Device, Detail)) -> u64 {
    hash(|state| {
        let seen = [device.first_seen, device.last_seen].map(|time| time.map(|time| time.0));
        (seen, device.category_confidence).hash(state);
        (device.packets_sent, device.packets_received).hash(state);
        (device.bytes_sent, device.bytes_received).hash(state);
        for value in device.attributes.values().flatten() {
            value.confidence.hash(state);
        }
        for binding in &detail.bindings {
            (binding.first_seen_ns, binding.last_seen_ns).hash(state);
        }
        for said in &detail.statements {
            (said.first_seen_ns, said.last_seen_ns, said.confidence).hash(state);
        }
        for link in &detail.links {
            (link.first_seen_ns, link.last_seen_ns, link.bytes).hash(state);
        }
        for doing in &detail.doings {
            (doing.event, doing.bins).hash(state);
        }
    })
}

/// Moves on when a device was last seen; one that was silent has returned.
fn seen(db: &Connection, number: i64, (first_ns, last_ns): (u64, u64), noted_ns: u64) -> Step<()> {
    let (silent_ns, old_ns): (u64, u64) = db
        .prepare_cached("SELECT silent_ns, last_ns FROM devices WHERE number = ?1")?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if silent_ns != 0 && last_ns > silent_ns {
        let news = News {
            kind: ChangeKind::Returned,
            subject: "",
            old: "",
            new: "",
        };
        note(db, number, last_ns, noted_ns, &news)?;
        db.prepare_cached("UPDATE devices SET silent_ns = 0 WHERE number = ?1")?
            .execute([number])?;
    }
    if last_ns > old_ns || first_ns != 0 {
        db.prepare_cached(
            "UPDATE devices SET last_ns = max(last_ns, ?2),
                 first_ns = CASE WHEN ?3 > 0 THEN min(first_ns, ?3) ELSE first_ns END
             WHERE number = ?1 AND (last_ns < ?2 OR (?3 > 0 AND first_ns > ?3))",
        )?
        .execute(params![number, last_ns, first_ns])?;
    }
    Ok(())
}

/// Devices of a source that were not seen for long, though somebody looked all the time.
fn silences(db: &Connection, source: Sourced) -> Step<()> {
    let until_ns = source.at_ns.saturating_sub(SILENCE_NS);
    if source.covered_ns > until_ns {
        return Ok(());
    }
    let quiet: Vec<(i64, u64)> = db
        .prepare_cached(
            "SELECT number, devices.last_ns FROM devices
             JOIN totals ON totals.device = devices.number AND totals.source = ?1
             WHERE silent_ns = 0 AND devices.last_ns < ?2 AND devices.reported_by = ''",
        )?
        .query_map(params![source.number, until_ns], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (device, last_ns) in quiet {
        let at_ns = last_ns.max(source.covered_ns).saturating_add(SILENCE_NS);
        let news = News {
            kind: ChangeKind::Silent,
            subject: "",
            old: "",
            new: "",
        };
        note(db, device, at_ns, source.at_ns, &news)?;
        db.prepare_cached("UPDATE devices SET silent_ns = ?2 WHERE number = ?1")?
            .execute(params![device, at_ns])?;
    }
    Ok(())
}

fn count_changes(db: &Connection) -> rusqlite::Result<u64> {
    db.prepare_cached("SELECT coalesce(max(number), 0) FROM changes")?
        .query_row([], |row| row.get(0))
}

fn hash(write: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut state = DefaultHasher::new();
    write(&mut state);
    state.finish()
}
