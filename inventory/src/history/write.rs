//! One device into memory: what it is, what was stated about it, its addresses, services,
//! conversations and counts. It compares with what is remembered and notes what changed.

use std::collections::{BTreeMap, HashMap};

use medtap_table::layout::HOURS_OF_WEEK;
use rusqlite::{Connection, params};

use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::hours;
use super::identify::{FLAG_LOCAL_MACS, FLAG_ROUTES, FLAG_SHARED, FLAG_VIRTUAL};
use super::interval::{Interval, Update, update};
use super::join::{self, Reason};
use super::look::{Look, SourceKind, Sourced};
use super::{LINKS_MAX, SETTLE_NS, address, follow, reign};
use crate::model::Device;
use crate::resolve::{Join, Resolution};
use crate::trace::{Detail, Link, Statement};

/// What one look tells of one remembered device: one device of the table, or several.
pub(crate) struct Group<'a> {
    pub(crate) number: i64,
    pub(crate) look: &'a Look,
    pub(crate) source: Sourced,
    /// What the look tells: devices of the table.
    pub(crate) parts: &'a [(Device, Detail)],
    /// All that the look shows, and the remembered device of each of its devices.
    pub(crate) shown: &'a Resolution<'a>,
    pub(crate) numbers: &'a [i64],
}

impl<'a> Group<'a> {
    pub(crate) fn details(&self) -> impl Iterator<Item = &'a Detail> {
        self.parts.iter().map(|part| &part.1)
    }

    /// The part that is known best.
    fn best(&self) -> Option<&'a Device> {
        let parts = self.parts.iter().map(|part| &part.0);
        parts.max_by_key(|device| device.category_confidence)
    }

    pub(crate) fn update(&self, known: &[Interval], seen: Interval) -> Update {
        let live = self.look.kind == SourceKind::Live;
        // A capture shows nothing of the time before it.
        let covered_ns = if live {
            self.source.covered_ns
        } else {
            u64::MAX
        };
        update(known, seen, covered_ns, live)
    }
}

/// Every time at which a device is known to have been seen.
pub(crate) fn times(detail: &Detail) -> impl Iterator<Item = u64> + '_ {
    let bindings = detail
        .bindings
        .iter()
        .map(|b| (b.first_seen_ns, b.last_seen_ns));
    let said = detail
        .statements
        .iter()
        .map(|s| (s.first_seen_ns, s.last_seen_ns));
    let opened = detail.links.iter().filter(|link| link.opened);
    let links = opened.map(|l| (l.first_seen_ns, l.last_seen_ns));
    let all = bindings.chain(said).chain(links);
    all.flat_map(|(first, last)| [first, last])
}

/// Writes what changes seldom.
pub(crate) fn device(db: &Connection, group: &Group<'_>, fresh: bool) -> Step<()> {
    let first_ns: u64 = db
        .prepare_cached("SELECT first_ns FROM devices WHERE number = ?1")?
        .query_row([group.number], |row| row.get(0))?;
    let settled_ns = first_ns.saturating_add(SETTLE_NS);
    itself(db, group)?;
    facts(db, group)?;
    follow::follow(db, group)?;
    reign::attributes(db, group)?;
    address::addresses(db, group, settled_ns)?;
    services(db, group, settled_ns)?;
    links(db, group, fresh, settled_ns)
}

fn itself(db: &Connection, group: &Group<'_>) -> Step<()> {
    let Some(best) = group.best() else {
        return Ok(());
    };
    let local = group.details().all(Detail::has_only_local_macs);
    let routes = group.details().any(|detail| detail.routes);
    let shared = group.details().any(|detail| detail.shared);
    let virtual_machine = group.details().all(Detail::has_only_virtual_cards);
    let flags = i64::from(local) * FLAG_LOCAL_MACS
        + i64::from(routes) * FLAG_ROUTES
        + i64::from(shared) * FLAG_SHARED
        + i64::from(virtual_machine) * FLAG_VIRTUAL;
    let ids = best
        .reported_by
        .iter()
        .filter_map(|id| group.numbers.get(group.shown.place(id)?));
    let mut reporters: Vec<String> = Vec::new();
    for number in ids {
        reporters.push(join::id(db, *number)?);
    }
    reporters.sort_unstable();
    reporters.dedup();
    let reported_by = reporters.join(" ");
    db.prepare_cached(
        "UPDATE devices SET class = ?2, category = ?3, category_confidence = ?4, reported_by = ?5,
             flags = ?6
         WHERE number = ?1 AND (category_confidence <= ?4 OR category = ?3)
           AND (class, category, category_confidence, reported_by, flags)
               IS NOT (?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        group.number,
        best.class,
        best.category,
        best.category_confidence,
        reported_by,
        flags
    ])?;
    Ok(())
}

/// The intervals of a query of begins and ends.
pub(crate) fn intervals(
    get: &mut rusqlite::CachedStatement<'_>,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Interval>> {
    get.query_map(parameters, |row| {
        Ok(Interval {
            from_ns: row.get(0)?,
            last_ns: row.get(1)?,
        })
    })?
    .collect()
}

/// What tells statements of one device apart.
type Said = (u8, u16, String, String, u32);

/// Since when which statements about a device are remembered.
fn remembered(db: &Connection, number: i64) -> rusqlite::Result<HashMap<Said, Vec<Interval>>> {
    let mut get = db.prepare_cached(
        "SELECT attribute, field, value, raw, rule, from_ns, last_ns FROM facts WHERE device = ?1",
    )?;
    let mut known: HashMap<Said, Vec<Interval>> = HashMap::new();
    let mut rows = get.query([number])?;
    while let Some(row) = rows.next()? {
        let said = (
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
        );
        known.entry(said).or_default().push(Interval {
            from_ns: row.get(5)?,
            last_ns: row.get(6)?,
        });
    }
    Ok(known)
}

fn facts(db: &Connection, group: &Group<'_>) -> Step<()> {
    let known = remembered(db, group.number)?;
    // Several units may say the same: what the first of them left is known to the next.
    let mut written: HashMap<Said, Vec<Interval>> = HashMap::new();
    for said in group.details().flat_map(|detail| &detail.statements) {
        let key: Said = (
            said.attribute.number(),
            said.field.number(),
            said.value.clone(),
            said.raw.clone(),
            said.rule,
        );
        let before = written.get(&key).or_else(|| known.get(&key));
        let mut times = before.cloned().unwrap_or_default();
        let seen = Interval::new(said.first_seen_ns, said.last_seen_ns);
        let Update::Replace(gone, now) = group.update(&times, seen) else {
            continue;
        };
        replace(db, group.number, said, &gone, now)?;
        times.retain(|time| !gone.contains(&time.from_ns));
        match times.iter_mut().find(|time| time.from_ns == now.from_ns) {
            Some(same) => same.last_ns = same.last_ns.max(now.last_ns),
            None => times.push(now),
        }
        written.insert(key, times);
    }
    Ok(())
}

/// Writes since when a statement holds, in the place of what is gone.
fn replace(
    db: &Connection,
    number: i64,
    said: &Statement,
    gone: &[u64],
    now: Interval,
) -> Step<()> {
    let mut delete = db.prepare_cached(
        "DELETE FROM facts WHERE device = ?1 AND attribute = ?2 AND field = ?3
             AND value = ?4 AND raw = ?5 AND rule = ?6 AND from_ns = ?7",
    )?;
    let mut insert = db.prepare_cached(
        "INSERT INTO facts(device, attribute, field, value, raw, rule, from_ns, last_ns,
             confidence, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET last_ns = max(last_ns, ?8)",
    )?;
    let (attribute, field) = (said.attribute.number(), said.field.number());
    for from_ns in gone {
        delete.execute(params![
            number, attribute, field, said.value, said.raw, said.rule, from_ns
        ])?;
    }
    insert.execute(params![
        number,
        attribute,
        field,
        said.value,
        said.raw,
        said.rule,
        now.from_ns,
        now.last_ns,
        said.confidence,
        said.count
    ])?;
    Ok(())
}

fn services(db: &Connection, group: &Group<'_>, settled_ns: u64) -> Step<()> {
    let mut served: BTreeMap<(&str, u8, u16, bool), Interval> = BTreeMap::new();
    let links = group.details().flat_map(|detail| &detail.links);
    for link in links.filter(|link| !link.opened && link.answered && link.port != 0) {
        let Some(protocol) = link.protocol else {
            continue;
        };
        let key = (protocol.name(), link.transport, link.port, link.encrypted);
        let seen = Interval::new(link.first_seen_ns, link.last_seen_ns);
        let known = served.entry(key).or_insert(seen);
        known.from_ns = known.from_ns.min(seen.from_ns);
        known.last_ns = known.last_ns.max(seen.last_ns);
    }
    let mut insert = db.prepare_cached(
        "INSERT OR IGNORE INTO services(device, protocol, transport, port, encrypted, from_ns,
             last_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut move_on = db.prepare_cached(
        "UPDATE services SET from_ns = min(from_ns, ?6), last_ns = max(last_ns, ?7)
         WHERE device = ?1 AND protocol = ?2 AND transport = ?3 AND port = ?4 AND encrypted = ?5
           AND (from_ns > ?6 OR last_ns + ?8 < ?7)",
    )?;
    for ((protocol, transport, port, encrypted), time) in served {
        let row = params![
            group.number,
            protocol,
            transport,
            port,
            encrypted,
            time.from_ns,
            time.last_ns
        ];
        if insert.execute(row)? == 0 {
            move_on.execute(params![
                group.number,
                protocol,
                transport,
                port,
                encrypted,
                time.from_ns,
                time.last_ns,
                super::REFRESH_NS
            ])?;
        } else if time.from_ns > settled_ns {
            let port = port.to_string();
            let news = News {
                kind: ChangeKind::NewService,
                subject: protocol,
                old: "",
                new: &port,
            };
            note(db, group.number, time.from_ns, group.source.at_ns, &news)?;
        }
    }
    Ok(())
}

/// What conversations of one kind with one device sum up to.
#[derive(Clone, Copy)]
struct Sum {
    time: Interval,
    encrypted: bool,
    answered: bool,
    packets: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, link: &Link) {
        self.time.from_ns = self.time.from_ns.min(link.first_seen_ns);
        self.time.last_ns = self.time.last_ns.max(link.last_seen_ns);
        self.encrypted |= link.encrypted;
        self.answered |= link.answered;
        self.packets = self.packets.saturating_add(link.packets);
        self.bytes = self.bytes.saturating_add(link.bytes);
    }
}

fn links(db: &Connection, group: &Group<'_>, fresh: bool, settled_ns: u64) -> Step<()> {
    let mut sums: BTreeMap<(i64, &str, u8, u16), Sum> = BTreeMap::new();
    let mut met: BTreeMap<i64, u64> = BTreeMap::new();
    for link in group.details().flat_map(|detail| &detail.links) {
        let other = link
            .other
            .and_then(|other| group.numbers.get(other as usize));
        let other = other.copied().unwrap_or(0);
        if other == group.number {
            continue;
        }
        if other != 0 && link.answered {
            let first = met.entry(other).or_insert(link.first_seen_ns);
            *first = link.first_seen_ns.min(*first);
        }
        if !link.opened {
            continue;
        }
        let protocol = link
            .protocol
            .map_or("", medtap_table::vocabulary::Protocol::name);
        let key = (other, protocol, link.transport, link.port);
        let begin = Sum {
            time: Interval::new(link.first_seen_ns, link.last_seen_ns),
            encrypted: false,
            answered: false,
            packets: 0,
            bytes: 0,
        };
        if sums.len() < LINKS_MAX || sums.contains_key(&key) {
            sums.entry(key).or_insert(begin).add(link);
        }
    }
    if !fresh {
        new_peers(db, group, &met, settled_ns)?;
    }
    let mut set = db.prepare_cached(
        "INSERT INTO links(device, peer, protocol, transport, port, source, encrypted, answered,
             from_ns, last_ns, packets, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT DO UPDATE SET encrypted = ?7, answered = max(answered, ?8),
             from_ns = min(from_ns, ?9), last_ns = max(last_ns, ?10), packets = ?11, bytes = ?12
             WHERE bytes <> ?12 OR answered < ?8",
    )?;
    for ((peer, protocol, transport, port), sum) in sums {
        set.execute(params![
            group.number,
            peer,
            protocol,
            transport,
            port,
            group.source.number,
            sum.encrypted,
            sum.answered,
            sum.time.from_ns,
            sum.time.last_ns,
            sum.packets,
            sum.bytes
        ])?;
    }
    Ok(())
}

fn new_peers(
    db: &Connection,
    group: &Group<'_>,
    met: &BTreeMap<i64, u64>,
    settled_ns: u64,
) -> Step<()> {
    let mut known = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM links WHERE device = ?1 AND peer = ?2)
             OR EXISTS (SELECT 1 FROM links WHERE device = ?2 AND peer = ?1)",
    )?;
    for (peer, first_ns) in met {
        let pair = params![group.number, peer];
        if *first_ns <= settled_ns || known.query_row(pair, |row| row.get::<_, bool>(0))? {
            continue;
        }
        let id = join::id(db, *peer)?;
        let news = News {
            kind: ChangeKind::NewPeer,
            subject: "peer",
            old: "",
            new: &id,
        };
        note(db, group.number, *first_ns, group.source.at_ns, &news)?;
        // The other side meets a device as well, whoever is looked at first.
        let own = join::id(db, group.number)?;
        let news = News { new: &own, ..news };
        note(db, *peer, *first_ns, group.source.at_ns, &news)?;
    }
    Ok(())
}

/// Writes what is counted: packets, bytes, and what was done in which hour.
pub(crate) fn counts(db: &Connection, group: &Group<'_>) -> Step<()> {
    let mut sums = [0u64; 4];
    let mut last_ns = 0;
    for (device, _) in group.parts {
        last_ns = last_ns.max(device.last_seen.map_or(0, |time| time.0));
        let parts = [
            device.packets_sent,
            device.packets_received,
            device.bytes_sent,
            device.bytes_received,
        ];
        for (sum, part) in sums.iter_mut().zip(parts) {
            *sum = sum.saturating_add(part);
        }
    }
    db.prepare_cached(
        "INSERT INTO totals(device, source, last_ns, packets_sent, packets_received, bytes_sent,
             bytes_received) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET last_ns = max(last_ns, ?3), packets_sent = ?4,
             packets_received = ?5, bytes_sent = ?6, bytes_received = ?7
             WHERE packets_sent <> ?4 OR packets_received <> ?5 OR last_ns < ?3",
    )?
    .execute(params![
        group.number,
        group.source.number,
        last_ns,
        sums[0],
        sums[1],
        sums[2],
        sums[3]
    ])?;
    let mut doings: BTreeMap<u16, (hours::Bins, u64)> = BTreeMap::new();
    for doing in group.details().flat_map(|detail| &detail.doings) {
        let begin = ([0; HOURS_OF_WEEK], 0);
        let (bins, last) = doings.entry(doing.event.number()).or_insert(begin);
        *last = doing.last_seen_ns.max(*last);
        for (sum, bin) in bins.iter_mut().zip(doing.bins) {
            *sum = sum.saturating_add(bin);
        }
    }
    for (what, (bins, until_ns)) in doings {
        let (number, source) = (group.number, group.source.number);
        let more = hours::take_difference(db, number, source, what, &bins, until_ns)?;
        hours::add(db, number, what, source, &more)?;
    }
    Ok(())
}

/// Why the table made one device of several records.
pub(crate) fn reason(db: &Connection, number: i64, join: &Join, at_ns: u64) -> Step<()> {
    let reason = Reason {
        name: join.reason.name(),
        key: &join.key,
        person: "",
        at_ns,
    };
    join::remember(db, number, "records of one table", &reason)?;
    Ok(())
}
