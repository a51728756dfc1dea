//! Two remembered devices become one, or one becomes two. What was counted is added up, what was
//! seen is kept, and the reason stands beside it. It decides neither: keys do, or a person.

use medtap_table::layout::HOURS_OF_WEEK;
use rusqlite::{Connection, OptionalExtension, params};

use super::change::{ChangeKind, News, note};
use super::error::{Step, Stop};
use super::hours::{ONLINE, pack, unpack};
use super::identify::free_id;
use super::store::Store;
use super::{HistoryError, audit, find};
use crate::resolve::id_of;
use crate::trace::{KeyKind, Rulings};

/// Why records are one device.
pub(crate) struct Reason<'a> {
    /// The kind of key, or `by hand`.
    pub(crate) name: &'a str,
    /// The key that both have.
    pub(crate) key: &'a str,
    /// Who said so; empty where nobody did.
    pub(crate) person: &'a str,
    /// When it was found.
    pub(crate) at_ns: u64,
}

/// The id of a device.
pub(crate) fn id(db: &Connection, device: i64) -> rusqlite::Result<String> {
    let mut get = db.prepare_cached("SELECT id FROM devices WHERE number = ?1")?;
    Ok(get
        .query_row([device], |row| row.get(0))
        .optional()?
        .unwrap_or_default())
}

/// A person decided about this device.
pub(crate) fn is_pinned(db: &Connection, device: i64) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM keys WHERE device = ?1 AND pinned)")?
        .query_row([device], |row| row.get(0))
}

/// Remembers why something belongs to a device.
pub(crate) fn remember(
    db: &Connection,
    device: i64,
    other: &str,
    reason: &Reason<'_>,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO joins(device, at_ns, reason, key, other, person)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        device,
        reason.at_ns,
        reason.name,
        reason.key,
        other,
        reason.person
    ])?;
    Ok(())
}

/// Makes `gone` a part of `keep`: its id becomes an alias.
pub(crate) fn join(db: &Connection, keep: i64, gone: i64, reason: &Reason<'_>) -> Step<()> {
    let gone_id = id(db, gone)?;
    for table in ["keys", "aliases", "joins", "assets"] {
        let text = format!("UPDATE OR IGNORE {table} SET device = ?1 WHERE device = ?2");
        db.prepare_cached(&text)?.execute([keep, gone])?;
    }
    for table in [
        "facts",
        "attributes",
        "addresses",
        "services",
        "places",
        "states",
        "work",
        "scores",
        "grades",
    ] {
        let text = format!("UPDATE OR IGNORE {table} SET device = ?1 WHERE device = ?2");
        db.prepare_cached(&text)?.execute([keep, gone])?;
        let text = format!("DELETE FROM {table} WHERE device = ?1");
        db.prepare_cached(&text)?.execute([gone])?;
    }
    db.prepare_cached("DELETE FROM joins WHERE device = ?1")?
        .execute([gone])?;
    add_counts(db, keep, gone)?;
    add_hours(db, "hours", "week", keep, gone)?;
    add_hours(db, "marks", "0", keep, gone)?;
    db.prepare_cached("DELETE FROM changes WHERE device = ?1 AND kind = 'new_device'")?
        .execute([gone])?;
    db.prepare_cached("UPDATE OR IGNORE changes SET device = ?1 WHERE device = ?2")?
        .execute([keep, gone])?;
    db.prepare_cached("DELETE FROM changes WHERE device = ?1")?
        .execute([gone])?;
    db.prepare_cached(
        "UPDATE devices SET
             first_ns = min(first_ns, (SELECT first_ns FROM devices WHERE number = ?2)),
             last_ns = max(last_ns, (SELECT last_ns FROM devices WHERE number = ?2))
         WHERE number = ?1",
    )?
    .execute([keep, gone])?;
    db.prepare_cached("DELETE FROM devices WHERE number = ?1")?
        .execute([gone])?;
    db.prepare_cached("INSERT OR REPLACE INTO aliases(id, device) VALUES (?1, ?2)")?
        .execute(params![gone_id, keep])?;
    remember(db, keep, &format!("device {gone_id}"), reason)?;
    let news = News {
        kind: ChangeKind::Joined,
        subject: reason.name,
        old: &gone_id,
        new: reason.key,
    };
    note(db, keep, reason.at_ns, reason.at_ns, &news)?;
    Ok(())
}

/// Adds up what was counted for each.
fn add_counts(db: &Connection, keep: i64, gone: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO totals SELECT ?1, source, last_ns, packets_sent, packets_received,
                                   bytes_sent, bytes_received FROM totals WHERE device = ?2
         ON CONFLICT DO UPDATE SET last_ns = max(last_ns, excluded.last_ns),
             packets_sent = packets_sent + excluded.packets_sent,
             packets_received = packets_received + excluded.packets_received,
             bytes_sent = bytes_sent + excluded.bytes_sent,
             bytes_received = bytes_received + excluded.bytes_received",
    )?
    .execute([keep, gone])?;
    db.prepare_cached("DELETE FROM totals WHERE device = ?1")?
        .execute([gone])?;
    for (device, peer, side) in [("?1", "peer", "device"), ("device", "?1", "peer")] {
        db.prepare_cached(&format!(
            "INSERT INTO links SELECT {device}, {peer}, protocol, transport, port, source,
                 encrypted, answered, from_ns, last_ns, packets, bytes
             FROM links WHERE {side} = ?2
             ON CONFLICT DO UPDATE SET from_ns = min(from_ns, excluded.from_ns),
                 last_ns = max(last_ns, excluded.last_ns),
                 packets = packets + excluded.packets, bytes = bytes + excluded.bytes,
                 encrypted = max(encrypted, excluded.encrypted),
                 answered = max(answered, excluded.answered)"
        ))?
        .execute([keep, gone])?;
        db.prepare_cached(&format!("DELETE FROM links WHERE {side} = ?1"))?
            .execute([gone])?;
    }
    db.prepare_cached("DELETE FROM links WHERE device = peer AND device = ?1")?
        .execute([keep])?;
    Ok(())
}

fn add_hours(
    db: &Connection,
    table: &str,
    week: &str,
    keep: i64,
    gone: i64,
) -> rusqlite::Result<()> {
    type Row = (i64, u16, i64, Vec<u8>);
    let rows = |device: i64| -> rusqlite::Result<Vec<Row>> {
        let text = format!("SELECT {week}, what, source, bins FROM {table} WHERE device = ?1");
        db.prepare_cached(&text)?
            .query_map([device], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect()
    };
    let theirs = rows(gone)?;
    if theirs.is_empty() {
        return Ok(());
    }
    let ours = rows(keep)?;
    let (column, value) = match table {
        "hours" => ("week, ", "?5, "),
        _ => ("", ""),
    };
    let mut set = db.prepare_cached(&format!(
        "INSERT OR REPLACE INTO {table}({column}device, what, source, bins)
         VALUES ({value}?1, ?2, ?3, ?4)"
    ))?;
    for (week, what, source, bins) in theirs {
        let same = |row: &&Row| (row.0, row.1, row.2) == (week, what, source);
        let mut sum = unpack(&bins);
        let old = ours.iter().find(same);
        let old = old.map_or([0; HOURS_OF_WEEK], |row| unpack(&row.3));
        for (sum, old) in sum.iter_mut().zip(old) {
            *sum = match what {
                ONLINE => (*sum).max(old),
                _ => sum.saturating_add(old),
            };
        }
        let bins = pack(&sum);
        match table {
            "hours" => set.execute(params![keep, what, source, bins, week])?,
            _ => set.execute(params![keep, what, source, bins])?,
        };
    }
    db.execute(&format!("DELETE FROM {table} WHERE device = ?1"), [gone])?;
    Ok(())
}

/// Who decides, and why.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub name: String,
    /// Why.
    pub why: String,
    /// When.
    pub at_ns: u64,
}

impl Store {
    /// Says that two devices are one. The older one's id stays.
    ///
    /// # Errors
    /// When one of them is not known, or it cannot be written.
    pub fn join_by_hand(&mut self, a: &str, b: &str, by: &Person) -> Result<String, HistoryError> {
        self.write(|step| {
            let (a, b) = (find::number(step, a)?, find::number(step, b)?);
            if a == b {
                return Err(Stop::Request(
                    "expected two devices; these are one".to_owned(),
                ));
            }
            let first = |device: i64| {
                step.query_row(
                    "SELECT first_ns FROM devices WHERE number = ?1",
                    [device],
                    |r| r.get::<_, u64>(0),
                )
            };
            let (keep, gone) = match (first(a)?, a) <= (first(b)?, b) {
                true => (a, b),
                false => (b, a),
            };
            let (keep_id, gone_id) = (id(step, keep)?, id(step, gone)?);
            let reason = Reason {
                name: "by hand",
                key: &by.why,
                person: &by.name,
                at_ns: by.at_ns,
            };
            join(step, keep, gone, &reason)?;
            pin(step, keep)?;
            audit::append(step, by, "join", &keep_id, &gone_id, &keep_id)?;
            Ok(keep_id)
        })
    }

    /// Says that the records with these keys (`mac:…`, `ip:…`, `serial:…`) are a device of their
    /// own.
    ///
    /// # Errors
    /// When the device has no such key, or no other key.
    pub fn split_by_hand(
        &mut self,
        device: &str,
        keys: &[String],
        by: &Person,
    ) -> Result<String, HistoryError> {
        self.write(|step| {
            let old = find::number(step, device)?;
            let old_id = id(step, old)?;
            let wanted = keys
                .iter()
                .map(|key| key_of(step, old, key))
                .collect::<Step<Vec<(u8, String)>>>()?;
            let count: usize = step.query_row(
                "SELECT count(*) FROM keys WHERE device = ?1",
                [old],
                |row| row.get(0),
            )?;
            if wanted.len() >= count {
                let text = format!("{device} has no key besides these; nothing to split off");
                return Err(Stop::Request(text));
            }
            let new_id = free_id(step, &id_of(&keys.join("|"), 1))?;
            step.execute(
                "INSERT INTO devices(id, first_ns, last_ns, class, category,
                     category_confidence, reported_by, flags, silent_ns)
                 SELECT ?1, first_ns, last_ns, class, category, category_confidence, '', flags, 0
                 FROM devices WHERE number = ?2",
                params![new_id, old],
            )?;
            let new = step.last_insert_rowid();
            for (kind, text) in &wanted {
                move_key(step, old, new, *kind, text)?;
            }
            pin(step, new)?;
            pin(step, old)?;
            let news = News {
                kind: ChangeKind::Split,
                subject: "by hand",
                old: &old_id,
                new: &new_id,
            };
            note(step, new, by.at_ns, by.at_ns, &news)?;
            let reason = Reason {
                name: "split by hand",
                key: &by.why,
                person: &by.name,
                at_ns: by.at_ns,
            };
            remember(step, new, &format!("device {old_id}"), &reason)?;
            audit::append(step, by, "split", &old_id, &old_id, &new_id)?;
            Ok(new_id)
        })
    }

    /// What people decided about identity, for `resolve`.
    ///
    /// # Errors
    /// What the database said.
    pub fn rulings(&self) -> Result<Rulings, HistoryError> {
        self.read(|db| {
            let mut get = db.prepare_cached(
                "SELECT record, id FROM keys JOIN devices ON devices.number = keys.device
                 WHERE pinned AND record <> '' AND kind IN (3, 5, 7)",
            )?;
            let labels = get
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(Rulings { labels })
        })
    }
}

fn pin(db: &Connection, device: i64) -> rusqlite::Result<()> {
    db.execute("UPDATE keys SET pinned = 1 WHERE device = ?1", [device])?;
    Ok(())
}

/// The key of a device that a person means.
fn key_of(db: &Connection, device: i64, typed: &str) -> Step<(u8, String)> {
    let parts = typed.split_once(':');
    let kind = parts.and_then(|(kind, _)| KeyKind::from_name(kind));
    let (Some(kind), Some((_, text))) = (kind, parts) else {
        let kinds = KeyKind::ALL.map(KeyKind::name).join(", ");
        let text = format!("{typed}: expected a key such as mac:00:12:21:00:00:01; kinds: {kinds}");
        return Err(Stop::Request(text));
    };
    let mut get = db.prepare("SELECT key FROM keys WHERE device = ?1 AND kind = ?2")?;
    let keys: Vec<String> = get
        .query_map(params![device, kind as u8], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    // Scope and site need not be typed.
    let found = keys
        .into_iter()
        .find(|key| key == text || key.rsplit('|').next() == Some(text));
    match found {
        Some(key) => Ok((kind as u8, key)),
        None => Err(Stop::Request(format!(
            "the device has no key {typed}; medtap explain --identity shows its keys"
        ))),
    }
}

/// Moves a key, with the addresses that it names, to another device.
fn move_key(db: &Connection, old: i64, new: i64, kind: u8, key: &str) -> rusqlite::Result<()> {
    let record: String = db.query_row(
        "SELECT record FROM keys WHERE kind = ?1 AND key = ?2",
        params![kind, key],
        |row| row.get(0),
    )?;
    db.execute(
        "UPDATE keys SET device = ?1 WHERE kind = ?2 AND key = ?3",
        params![new, kind, key],
    )?;
    let tail = key.rsplit('|').next().unwrap_or(key);
    let column = match KeyKind::from_number(kind) {
        Some(KeyKind::Mac) => "mac",
        Some(KeyKind::Address) => "ip",
        _ => return Ok(()),
    };
    // What the same record alone says goes with it.
    db.execute(
        "UPDATE keys SET device = ?1 WHERE device = ?2 AND record = ?3 AND kind >= 5",
        params![new, old, record],
    )?;
    db.execute(
        &format!("UPDATE addresses SET device = ?1 WHERE device = ?2 AND {column} = ?3"),
        params![new, old, tail],
    )?;
    Ok(())
}
