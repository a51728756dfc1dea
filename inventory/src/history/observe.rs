//! From a look at a table to memory: every device is recognised, and what is new about it is
//! written in one step, all or nothing. What did not change costs a comparison; the same table
//! seen twice changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::{Connection, params};

use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::hours::{self, HOUR_NS, ONLINE, Weeks};
use super::identify::{self, Seen};
use super::look::{Look, SourceKind, Sourced, enter};
use super::store::Store;
use super::write::{self, Group};
use super::{HistoryError, SILENCE_NS};
use crate::trace::Traced;

/// What is kept in mind of a device between two looks, by its id in the table.
#[derive(Clone, Copy)]
struct Known {
    device: i64,
    keys: u64,
    content: u64,
    hour: u64,
}

/// Who looks again and again, and remembers what it saw last: a few words for each device.
#[derive(Default)]
pub struct Observer {
    known: HashMap<String, Known>,
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
    /// Writes what a look shows. After an error nothing of it is written, and the next look
    /// brings it again.
    ///
    /// # Errors
    /// What the database said.
    pub fn observe(
        &mut self,
        store: &mut Store,
        traced: &Traced,
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
        let result = store.write(|step| self.step(step, traced, look));
        if result.is_err() {
            self.known.clear();
        }
        result
    }

    fn step(&mut self, db: &Connection, traced: &Traced, look: &Look) -> Step<Noted> {
        let before = count_changes(db)?;
        let source = enter(db, look)?;
        let mut noted = Noted {
            devices: traced.details.len(),
            ..Noted::default()
        };
        let (numbers, fresh) = self.recognise(db, traced, look, &mut noted)?;
        let mut groups: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (place, number) in numbers.iter().enumerate() {
            groups.entry(*number).or_default().push(place);
        }
        for (number, places) in &groups {
            let changed = self.changed(traced, places, *number, &numbers);
            let group = Group::new(traced, places, *number, &numbers, look, source);
            if changed || look.flush {
                write::device(db, &group, fresh.contains(number))?;
            }
            if look.flush {
                write::counts(db, &group)?;
            }
            self.mark_hours(db, traced, places, &group)?;
        }
        for join in &traced.joins {
            let places = &traced.inventory.devices;
            if let Ok(at) = places.binary_search_by(|device| device.id.cmp(&join.device))
                && let Some(number) = numbers.get(at)
            {
                write::reason(db, *number, join, source.at_ns)?;
            }
        }
        if look.kind == SourceKind::Live && look.flush {
            silences(db, source)?;
        }
        noted.changes = count_changes(db)?.saturating_sub(before);
        Ok(noted)
    }

    /// The remembered device of each; and those that are new.
    fn recognise(
        &mut self,
        db: &Connection,
        traced: &Traced,
        look: &Look,
        noted: &mut Noted,
    ) -> Step<(Vec<i64>, Vec<i64>)> {
        let mut numbers = Vec::with_capacity(traced.details.len());
        let mut fresh = Vec::new();
        // An id is not known a second time when it has gone from the table.
        let mut moved: HashMap<i64, i64> = HashMap::new();
        let mut claimed: HashSet<i64> = traced
            .inventory
            .devices
            .iter()
            .filter_map(|device| Some(self.known.get(&device.id)?.device))
            .collect();
        for (device, detail) in traced.inventory.devices.iter().zip(&traced.details) {
            let keys = hash(|state| {
                for key in &detail.keys {
                    (key.kind, &key.text).hash(state);
                }
            });
            if let Some(known) = self.known.get(&device.id)
                && known.keys == keys
            {
                numbers.push(known.device);
                continue;
            }
            let seen = Seen {
                device,
                detail,
                look,
                claimed: &claimed,
            };
            let found = identify::recognise(db, &seen)?;
            for gone in found.gone {
                moved.insert(gone, found.device);
            }
            claimed.insert(found.device);
            if found.is_new {
                noted.new_devices += 1;
                fresh.push(found.device);
            }
            let known = Known {
                device: found.device,
                keys,
                content: 0,
                hour: 0,
            };
            self.known.insert(device.id.clone(), known);
            numbers.push(found.device);
        }
        if !moved.is_empty() {
            let follow = |mut number: i64| {
                while let Some(next) = moved.get(&number) {
                    number = *next;
                }
                number
            };
            numbers
                .iter_mut()
                .for_each(|number| *number = follow(*number));
            for known in self.known.values_mut() {
                known.device = follow(known.device);
            }
        }
        fresh.sort_unstable();
        Ok((numbers, fresh))
    }

    /// True where something of a device is other than at the look before.
    fn changed(&mut self, traced: &Traced, places: &[usize], number: i64, numbers: &[i64]) -> bool {
        let mut changed = false;
        for place in places {
            let (Some(device), Some(detail)) = (
                traced.inventory.devices.get(*place),
                traced.details.get(*place),
            ) else {
                continue;
            };
            let content = hash(|state| {
                (number, device.class, device.category, &device.reported_by).hash(state);
                for (name, value) in &device.attributes {
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
                detail.routes.hash(state);
            });
            if let Some(known) = self.known.get_mut(&device.id)
                && known.content != content
            {
                known.content = content;
                changed = true;
            }
        }
        changed
    }

    /// Notes the hour in which a device was seen, the first time that it is seen in it.
    fn mark_hours(
        &mut self,
        db: &Connection,
        traced: &Traced,
        places: &[usize],
        group: &Group<'_>,
    ) -> Step<()> {
        let mut weeks = Weeks::new();
        let mut last_ns = 0;
        for place in places {
            let Some(device) = traced.inventory.devices.get(*place) else {
                continue;
            };
            let seen_ns = device.last_seen.map_or(0, |time| time.0);
            let Some(known) = self.known.get_mut(&device.id) else {
                continue;
            };
            if seen_ns == 0 || (known.hour == seen_ns / HOUR_NS && !group.look.flush) {
                continue;
            }
            if known.hour == 0 {
                // The first look of this observer: every time that the table tells.
                if let Some(detail) = traced.details.get(*place) {
                    hours::mark(&mut weeks, write::times(detail));
                }
            }
            known.hour = seen_ns / HOUR_NS;
            hours::mark(&mut weeks, [seen_ns]);
            last_ns = last_ns.max(seen_ns);
        }
        if last_ns == 0 {
            return Ok(());
        }
        hours::add(db, group.number, ONLINE, group.source.number, &weeks)?;
        seen(db, group, last_ns)
    }
}

/// Moves on when a device was last seen; one that was silent has returned.
fn seen(db: &Connection, group: &Group<'_>, last_ns: u64) -> Step<()> {
    let (silent_ns, old_ns): (u64, u64) = db
        .prepare_cached("SELECT silent_ns, last_ns FROM devices WHERE number = ?1")?
        .query_row([group.number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if silent_ns != 0 && last_ns > silent_ns {
        let news = News {
            kind: ChangeKind::Returned,
            subject: "",
            old: "",
            new: "",
        };
        note(db, group.number, last_ns, group.source.at_ns, &news)?;
        db.prepare_cached("UPDATE devices SET silent_ns = 0 WHERE number = ?1")?
            .execute([group.number])?;
    }
    let first_ns = group.first_ns();
    if last_ns > old_ns || first_ns != 0 {
        db.prepare_cached(
            "UPDATE devices SET last_ns = max(last_ns, ?2),
                 first_ns = CASE WHEN ?3 > 0 THEN min(first_ns, ?3) ELSE first_ns END
             WHERE number = ?1 AND (last_ns < ?2 OR (?3 > 0 AND first_ns > ?3))",
        )?
        .execute(params![group.number, last_ns, first_ns])?;
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
