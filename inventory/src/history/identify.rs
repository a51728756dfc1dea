//! Which remembered device a seen one is: by the strongest key that is known, never against a
//! person's word, never by a weak key against a strong one. Every join leaves its reason.

use std::collections::HashSet;

use medtap_table::vocabulary::{Attribute, Field};
use rusqlite::{Connection, OptionalExtension, params};

use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::join;
use super::look::Look;
use crate::model::Device;
use crate::resolve::{id_of, mac_text};
use crate::trace::{Detail, Key, KeyKind, KeyKind as K, is_of_internetwork};
use crate::twin::Twin;

/// Its MAC addresses were all made up by software: it may have others tomorrow.
pub const FLAG_LOCAL_MACS: i64 = 1;
/// It forwards packets for others.
pub const FLAG_ROUTES: i64 = 2;
/// Several machines send from one address of it.
pub const FLAG_SHARED: i64 = 4;
/// All its network cards were made by a hypervisor: it is a virtual machine.
pub const FLAG_VIRTUAL: i64 = 8;

/// How long after its last packet an address is still taken for the same device's, where only
/// the address is seen.
const LEASE_NS: u64 = 7 * 24 * 3_600_000_000_000;
/// Devices that one weak sign may point at and are compared.
const CANDIDATES_MAX: u32 = 16;

/// Attributes that tell two machines apart where both have them.
const FINGERPRINT: [Attribute; 5] = [
    Attribute::SerialNumber,
    Attribute::Hostname,
    Attribute::Manufacturer,
    Attribute::Model,
    Attribute::Os,
];

/// A seen device, to be recognised.
pub(crate) struct Seen<'a> {
    pub(crate) device: &'a Device,
    pub(crate) detail: &'a Detail,
    pub(crate) look: &'a Look,
    /// Devices that others of the same look are: a weak sign does not make it one of them.
    pub(crate) claimed: &'a HashSet<i64>,
}

/// A remembered device that it may be.
#[derive(Clone, Debug)]
struct Candidate {
    device: i64,
    kind: KeyKind,
    key: String,
    pinned: bool,
    first_ns: u64,
    id: String,
}

/// A device that was recognised.
pub(crate) struct Recognised {
    pub(crate) device: i64,
    /// It was not known before.
    pub(crate) is_new: bool,
    /// Devices that are no more: they were this one.
    pub(crate) gone: Vec<i64>,
}

/// The text of a key as memory keeps it: what is of one address space alone names its site.
pub(crate) fn stored_text(key: &Key, site: &str) -> String {
    let local = match key.kind {
        KeyKind::Address | KeyKind::Client => true,
        KeyKind::Mac => key.text.contains('|'),
        KeyKind::Identifier => is_of_internetwork(&key.text),
        _ => false,
    };
    match local {
        true => format!("{site}|{}", key.text),
        false => key.text.clone(),
    }
}

/// Finds the device, or begins one.
pub(crate) fn recognise(db: &Connection, seen: &Seen<'_>) -> Step<Recognised> {
    let mut candidates = by_keys(db, seen)?;
    // What a person said of a record goes before what they said of a serial number.
    let of_record =
        |c: &Candidate| c.pinned && matches!(c.kind, K::Identifier | K::Mac | K::Address);
    let pinned = candidates.iter().position(of_record);
    if let Some(at) = pinned.or_else(|| candidates.iter().position(|c| c.pinned)) {
        let pinned = candidates.swap_remove(at);
        keep_keys(db, seen, &pinned, false)?;
        return Ok(found(pinned.device, Vec::new()));
    }
    let mut checked = Vec::new();
    for candidate in candidates {
        let other = match candidate.kind {
            K::Serial | K::Udi => is_twin(db, candidate.device, seen)?,
            K::Identifier => false,
            _ => other_serial(db, candidate.device, seen.detail)?,
        };
        if !other {
            checked.push(candidate);
        }
    }
    if checked.is_empty() {
        checked.extend(by_address(db, seen)?);
    }
    if checked.is_empty() && seen.detail.has_only_local_macs() {
        checked.extend(by_name(db, seen)?);
    }
    checked.sort_by(|a, b| {
        let order = |c: &Candidate| (c.kind, c.first_ns);
        order(a).cmp(&order(b)).then_with(|| a.id.cmp(&b.id))
    });
    let mut checked = checked.into_iter();
    let Some(best) = checked.next() else {
        return begin(db, seen);
    };
    let mut gone = Vec::new();
    for other in checked {
        let joins = other.device != best.device
            && other.kind < KeyKind::Client
            && !gone.contains(&other.device)
            && !join::is_pinned(db, other.device)?
            && (other.kind.is_proof() || !serials_differ(db, best.device, other.device)?);
        if joins {
            let reason = join::Reason {
                name: other.kind.name(),
                key: &other.key,
                person: "",
                at_ns: seen.look.at_ns,
            };
            join::join(db, best.device, other.device, &reason)?;
            gone.push(other.device);
        }
    }
    keep_keys(db, seen, &best, true)?;
    Ok(found(best.device, gone))
}

fn found(device: i64, gone: Vec<i64>) -> Recognised {
    Recognised {
        device,
        is_new: false,
        gone,
    }
}

fn by_keys(db: &Connection, seen: &Seen<'_>) -> Step<Vec<Candidate>> {
    let mut find = db.prepare_cached(
        "SELECT keys.device, keys.pinned, devices.first_ns, devices.id
         FROM keys JOIN devices ON devices.number = keys.device
         WHERE keys.kind = ?1 AND keys.key = ?2",
    )?;
    let mut candidates: Vec<Candidate> = Vec::new();
    for key in &seen.detail.keys {
        let text = stored_text(key, &seen.look.site);
        // An address alone is looked up with the times at which it was whose.
        if key.kind == KeyKind::Address {
            let pinned = find
                .query_row(params![key.kind as u8, text], |row| {
                    candidate(row, key.kind, &text)
                })
                .optional()?
                .filter(|candidate| candidate.pinned);
            candidates.extend(pinned);
            continue;
        }
        let known = find
            .query_row(params![key.kind as u8, text], |row| {
                candidate(row, key.kind, &text)
            })
            .optional()?;
        if let Some(known) = known
            && !candidates
                .iter()
                .any(|c| c.device == known.device && !known.pinned)
        {
            candidates.push(known);
        }
    }
    Ok(candidates)
}

fn candidate(row: &rusqlite::Row<'_>, kind: KeyKind, key: &str) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        device: row.get(0)?,
        pinned: row.get(1)?,
        first_ns: row.get(2)?,
        id: row.get(3)?,
        kind,
        key: key.to_owned(),
    })
}

/// Who had one of its addresses lately, and does not look like another machine.
fn by_address(db: &Connection, seen: &Seen<'_>) -> Step<Option<Candidate>> {
    let has_mac = seen.detail.bindings.iter().any(|b| b.mac.is_some());
    let mut find = db.prepare_cached(
        "SELECT devices.number, 0, devices.first_ns, devices.id, max(addresses.last_ns) AS last
         FROM addresses JOIN devices ON devices.number = addresses.device
         WHERE addresses.ip = ?1 AND addresses.site = ?2 AND addresses.scope = ?3
           AND addresses.last_ns >= ?4 AND addresses.from_ns <= ?5
           AND (?6 = 0 OR NOT EXISTS (SELECT 1 FROM keys WHERE keys.device = devices.number
                                      AND keys.kind = 5))
         GROUP BY devices.number ORDER BY last DESC, devices.number LIMIT ?7",
    )?;
    for binding in &seen.detail.bindings {
        let Some(address) = binding
            .address
            .filter(|_| binding.mac.is_none() || binding.proven)
        else {
            continue;
        };
        let text = address.to_string();
        let key = format!("{}|{}|{text}", seen.look.site, binding.scope);
        let near = (
            binding.first_seen_ns.saturating_sub(LEASE_NS),
            binding.last_seen_ns.saturating_add(LEASE_NS),
        );
        let rows = params![
            text,
            seen.look.site,
            binding.scope,
            near.0,
            near.1,
            has_mac,
            CANDIDATES_MAX
        ];
        let known: Vec<Candidate> = find
            .query_map(rows, |row| candidate(row, KeyKind::Address, &key))?
            .collect::<Result<_, _>>()?;
        for known in known {
            let free = !seen.claimed.contains(&known.device) && !join::is_pinned(db, known.device)?;
            if free && !looks_other(db, known.device, seen.device)? {
                return Ok(Some(known));
            }
        }
    }
    Ok(None)
}

/// A device with made-up MAC addresses that had the same name and asked for its address in the
/// same way, and was gone before this one came.
fn by_name(db: &Connection, seen: &Seen<'_>) -> Step<Option<Candidate>> {
    let Some(Some(name)) = seen.device.attributes.get(Attribute::Hostname.name()) else {
        return Ok(None);
    };
    let asks = asks_of(seen.detail);
    let first_ns = seen.device.first_seen.map_or(0, |time| time.0);
    if asks.is_empty() || first_ns == 0 {
        return Ok(None);
    }
    let mut find = db.prepare_cached(
        "SELECT devices.number, 0, devices.first_ns, devices.id
         FROM attributes JOIN devices ON devices.number = attributes.device
         WHERE attributes.attribute = 'hostname' AND attributes.value = ?1 COLLATE NOCASE
           AND devices.flags & 1 AND devices.last_ns < ?2
           AND EXISTS (SELECT 1 FROM addresses WHERE addresses.device = devices.number
                       AND addresses.site = ?3)
         ORDER BY devices.last_ns DESC LIMIT ?4",
    )?;
    let rows = params![name.value, first_ns, seen.look.site, CANDIDATES_MAX];
    let known: Vec<Candidate> = find
        .query_map(rows, |row| candidate(row, KeyKind::Client, &name.value))?
        .collect::<Result<_, _>>()?;
    for known in known {
        let free = !seen.claimed.contains(&known.device) && !join::is_pinned(db, known.device)?;
        if free && remembered_asks(db, known.device)? == asks {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// How it asks for an address: what tells one kind of machine from another.
fn asks_of(detail: &Detail) -> Vec<(u16, String)> {
    let mut asks: Vec<(u16, String)> = detail
        .statements
        .iter()
        .filter(|said| {
            matches!(
                said.field,
                Field::DhcpParameterList | Field::DhcpVendorClass
            )
        })
        .map(|said| (said.field.number(), said.raw.clone()))
        .collect();
    asks.sort_unstable();
    asks.dedup();
    asks
}

fn remembered_asks(db: &Connection, device: i64) -> rusqlite::Result<Vec<(u16, String)>> {
    let fields = [Field::DhcpParameterList, Field::DhcpVendorClass].map(Field::number);
    let mut get = db.prepare_cached(
        "SELECT DISTINCT field, raw FROM facts WHERE device = ?1 AND field IN (?2, ?3)
         ORDER BY field, raw",
    )?;
    get.query_map(params![device, fields[0], fields[1]], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?
    .collect()
}

/// True where both have serial numbers of the same maker's kind, and none in common.
fn other_serial(db: &Connection, device: i64, detail: &Detail) -> rusqlite::Result<bool> {
    let known = serials(db, device)?;
    let own = || detail.keys.iter().filter(|key| key.kind == KeyKind::Serial);
    let same = own().any(|key| known.contains(&key.text));
    Ok(!known.is_empty() && own().next().is_some() && !same)
}

/// True where the one that bears the same serial number is another machine. Bears a MAC address
/// both, they are one, whatever it calls itself now.
fn is_twin(db: &Connection, known: i64, seen: &Seen<'_>) -> rusqlite::Result<bool> {
    let own = seen
        .detail
        .bindings
        .iter()
        .filter_map(|binding| binding.mac);
    let own: Vec<String> = own.map(|mac| mac_text(&mac)).collect();
    let (remembered, macs) = remembered_twin(db, known)?;
    if own.iter().any(|mac| macs.contains(mac)) {
        return Ok(false);
    }
    let said = seen.detail.statements.iter();
    let said = said.map(|said| (said.attribute, said.field, said.value.as_str()));
    let times = [seen.device.first_seen, seen.device.last_seen];
    let times = times.map(|time| time.map_or(seen.look.at_ns, |time| time.0));
    let twin = Twin::new(said, &own, (times[0], times[1]));
    Ok(twin.differs(&remembered).is_some())
}

/// What a remembered device says of itself, to be told from another with the same serial number;
/// and its MAC addresses.
pub(crate) fn remembered_twin(
    db: &Connection,
    device: i64,
) -> rusqlite::Result<(Twin, Vec<String>)> {
    let mut get =
        db.prepare_cached("SELECT DISTINCT mac FROM addresses WHERE device = ?1 AND mac <> ''")?;
    let macs: Vec<String> = get
        .query_map([device], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut get =
        db.prepare_cached("SELECT attribute, field, value FROM facts WHERE device = ?1")?;
    let said: Vec<(u8, u16, String)> = get
        .query_map([device], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let said = said.iter().filter_map(|(attribute, field, value)| {
        let attribute = Attribute::from_number(*attribute)?;
        Some((attribute, Field::from_number(*field)?, value.as_str()))
    });
    let mut get = db.prepare_cached("SELECT first_ns, last_ns FROM devices WHERE number = ?1")?;
    let times = get.query_row([device], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((Twin::new(said, &macs, times), macs))
}

fn serials_differ(db: &Connection, a: i64, b: i64) -> rusqlite::Result<bool> {
    let (a, b) = (serials(db, a)?, serials(db, b)?);
    Ok(!a.is_empty() && !b.is_empty() && !a.iter().any(|serial| b.contains(serial)))
}

fn serials(db: &Connection, device: i64) -> rusqlite::Result<Vec<String>> {
    let mut get = db.prepare_cached("SELECT key FROM keys WHERE device = ?1 AND kind = 1")?;
    get.query_map([device], |row| row.get(0))?.collect()
}

/// True where what is known of both contradicts.
fn looks_other(db: &Connection, known: i64, device: &Device) -> rusqlite::Result<bool> {
    let mut get = db.prepare_cached(
        "SELECT value FROM attributes WHERE device = ?1 AND attribute = ?2
         ORDER BY from_ns DESC LIMIT 1",
    )?;
    for attribute in FINGERPRINT {
        let Some(Some(now)) = device.attributes.get(attribute.name()) else {
            continue;
        };
        let old: Option<String> = get
            .query_row(params![known, attribute.name()], |row| row.get(0))
            .optional()?;
        if old.is_some_and(|old| !old.eq_ignore_ascii_case(&now.value)) {
            return Ok(true);
        }
    }
    let mut get = db.prepare_cached("SELECT category FROM devices WHERE number = ?1")?;
    let category: String = get.query_row([known], |row| row.get(0))?;
    let unknown = "unknown";
    Ok(category != unknown && device.category != unknown && category != device.category)
}

/// A device that nobody remembers.
fn begin(db: &Connection, seen: &Seen<'_>) -> Step<Recognised> {
    let device = seen.device;
    let first_ns = device.first_seen.map_or(seen.look.at_ns, |time| time.0);
    let id = free_id(db, &device.id)?;
    db.prepare_cached(
        "INSERT INTO devices(id, first_ns, last_ns, class, category, category_confidence,
                             reported_by, flags, silent_ns)
         VALUES (?1, ?2, ?2, 'unknown', 'unknown', 0, '', 0, 0)",
    )?
    .execute(params![id, first_ns])?;
    let number = db.last_insert_rowid();
    let kind = [device.class, device.category];
    let kind: Vec<&str> = kind.into_iter().filter(|name| *name != "unknown").collect();
    let news = News {
        kind: ChangeKind::NewDevice,
        subject: "",
        old: "",
        new: &kind.join(" "),
    };
    note(db, number, first_ns, seen.look.at_ns, &news)?;
    let best = Candidate {
        device: number,
        kind: KeyKind::Address,
        key: String::new(),
        pinned: false,
        first_ns,
        id,
    };
    keep_keys(db, seen, &best, true)?;
    Ok(Recognised {
        device: number,
        is_new: true,
        gone: Vec::new(),
    })
}

/// The id that a table gave, or the next that nobody bears.
pub(crate) fn free_id(db: &Connection, wanted: &str) -> rusqlite::Result<String> {
    let mut taken = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM devices WHERE id = ?1)
             OR EXISTS (SELECT 1 FROM aliases WHERE id = ?1)",
    )?;
    let mut id = wanted.to_owned();
    for again in 1.. {
        if !taken.query_row([&id], |row| row.get::<_, bool>(0))? {
            break;
        }
        id = id_of(wanted, again);
    }
    Ok(id)
}

/// Remembers the keys of a device. `take`: a key of another device that contradicts comes over.
fn keep_keys(db: &Connection, seen: &Seen<'_>, best: &Candidate, take: bool) -> Step<()> {
    let mut get =
        db.prepare_cached("SELECT device, pinned, last_ns FROM keys WHERE kind = ?1 AND key = ?2")?;
    let mut set = db.prepare_cached(
        "INSERT INTO keys(kind, key, device, first_ns, last_ns, record, pinned)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)
         ON CONFLICT DO UPDATE SET device = ?3, last_ns = max(last_ns, ?5),
             first_ns = min(first_ns, ?4), record = ?6",
    )?;
    let at_ns = seen.look.at_ns;
    for key in &seen.detail.keys {
        let text = stored_text(key, &seen.look.site);
        let known: Option<(i64, bool, u64)> = get
            .query_row(params![key.kind as u8, text], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let row = params![
            key.kind as u8,
            text,
            best.device,
            key.first_seen_ns,
            key.last_seen_ns,
            key.record
        ];
        match known {
            Some((device, ..)) if device == best.device => {
                if known.is_some_and(|(.., last)| key.last_seen_ns > last + super::REFRESH_NS) {
                    set.execute(row)?;
                }
            }
            Some((_, true, _)) => {}
            // A strong key stays with its device; what moves between machines follows.
            Some(_) if !take || key.kind.is_proof() => {}
            Some((device, ..)) => {
                set.execute(row)?;
                let old = join::id(db, device)?;
                let news = News {
                    kind: ChangeKind::KeyMoved,
                    subject: key.kind.name(),
                    old: &old,
                    new: &text,
                };
                note(db, best.device, key.last_seen_ns, at_ns, &news)?;
            }
            None => {
                set.execute(row)?;
                if !best.key.is_empty() && key.kind >= KeyKind::Mac && text != best.key {
                    let reason = join::Reason {
                        name: best.kind.name(),
                        key: &best.key,
                        person: "",
                        at_ns,
                    };
                    let other = format!("{} {text}", key.kind.name());
                    join::remember(db, best.device, &other, &reason)?;
                }
            }
        }
    }
    alias(db, &seen.device.id, best)
}

/// The table's own name for the device leads to it, where nobody else bears it.
fn alias(db: &Connection, id: &str, best: &Candidate) -> Step<()> {
    if id != best.id {
        db.prepare_cached(
            "INSERT OR IGNORE INTO aliases(id, device)
             SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM devices WHERE id = ?1)",
        )?
        .execute(params![id, best.device])?;
    }
    Ok(())
}
