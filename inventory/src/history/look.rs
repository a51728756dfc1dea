//! One look at a table: where it comes from, when it was taken, and how memory keeps sources
//! apart, so that what one of them counts is never counted twice.

use medtap_table::TableReader;
use medtap_table::vocabulary::Counter;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::change::{ChangeKind, News, note};
use super::error::Step;

/// Time without a look after which what was not seen is no absence.
pub const LOOK_GAP_NS: u64 = 10 * 60 * 1_000_000_000;
/// A clock that is set back by less is not told.
const CLOCK_BACK_NS: u64 = 2_000_000_000;

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A running engine, over its restarts.
    Live,
    /// Captures that were read.
    Capture,
    /// A saved table.
    Table,
}

impl SourceKind {
    /// The name that memory and people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Capture => "capture",
            Self::Table => "table",
        }
    }
}

/// One look.
#[derive(Clone, Debug)]
pub struct Look {
    /// What is looked at.
    pub kind: SourceKind,
    /// What people call it: a path.
    pub name: String,
    /// The site whose address space it sees.
    pub site: String,
    /// What tells this source from all others; of a live one, it is found by the run.
    pub uid: Option<String>,
    /// The engine's run, 0 offline.
    pub run: u64,
    /// The first thing that the table tells.
    pub origin_ns: u64,
    /// The time of the look; of a capture, that of its last packet.
    pub at_ns: u64,
    /// The first and the last packet's time.
    pub span: (u64, u64),
    /// Packets, bytes, one-way, encrypted and unknown flows, refusals.
    pub counts: [u64; 6],
    /// Write also what may wait: counts, and ends that moved on.
    pub flush: bool,
}

impl Look {
    /// A look at a table.
    pub fn at(table: &TableReader, kind: SourceKind, name: &str, site: &str) -> Self {
        let source = table.source().unwrap_or_default();
        let first = table
            .subjects()
            .map(|(_, subject, _)| subject.first_seen_ns)
            .filter(|ns| *ns != 0)
            .min();
        let last = table
            .subjects()
            .map(|(_, subject, _)| subject.last_seen_ns)
            .max();
        let span = (
            first.unwrap_or(source.first_seen_ns),
            last.unwrap_or(0).max(source.last_seen_ns),
        );
        let at_ns = match kind {
            SourceKind::Live => table.heartbeat_ns().max(table.started_ns()),
            _ => span.1.max(source.as_of_ns),
        };
        let refused = table.limits_hit();
        let refused = refused
            .iter()
            .fold(0u64, |sum, (_, n)| sum.saturating_add(*n));
        Self {
            kind,
            name: name.to_owned(),
            site: site.to_owned(),
            uid: None,
            run: table.run_id(),
            origin_ns: span.0,
            at_ns,
            span,
            counts: [
                table.counter(Counter::Packets).max(source.packets),
                table.counter(Counter::Bytes).max(source.bytes),
                table.counter(Counter::OneWayFlows),
                table.counter(Counter::EncryptedFlows),
                table.counter(Counter::UnknownFlows),
                refused,
            ],
            flush: true,
        }
    }

    fn live_uid(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.site.as_bytes(), self.name.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.run.to_be_bytes());
        hash.update(self.origin_ns.to_be_bytes());
        let digest = hash.finalize();
        let digits: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
        format!("live:{digits}")
    }
}

/// The number of a source that memory knows, with since when it was looked at without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sourced {
    pub(crate) number: i64,
    pub(crate) covered_ns: u64,
    /// Looks take their times from here: never earlier than the look before.
    pub(crate) at_ns: u64,
}

/// Finds the source of a look, or begins one, and notes the look.
pub(crate) fn enter(db: &Connection, look: &Look) -> Step<Sourced> {
    let known = match &look.uid {
        Some(uid) => by(db, "uid = ?1", params![uid])?,
        None => served(db, look)?,
    };
    let Some((number, run, covered_ns, last_look_ns)) = known else {
        return begin(db, look);
    };
    if last_look_ns > look.at_ns.saturating_add(CLOCK_BACK_NS) {
        let (old, new) = (last_look_ns.to_string(), look.at_ns.to_string());
        let news = News {
            kind: ChangeKind::ClockBack,
            subject: &look.name,
            old: &old,
            new: &new,
        };
        note(db, 0, look.at_ns, look.at_ns, &news)?;
    }
    // Memory's own time goes on from the latest look, whatever the clock says.
    let at_ns = look.at_ns.max(last_look_ns);
    let missed = at_ns - last_look_ns > LOOK_GAP_NS;
    let covered_ns = if missed { at_ns } else { covered_ns };
    if missed {
        db.prepare_cached("INSERT OR IGNORE INTO gaps(source, from_ns, to_ns) VALUES (?1,?2,?3)")?
            .execute(params![number, last_look_ns, at_ns])?;
    }
    // What a new run counts begins at nothing, even where what was seen goes on.
    let same = u64::from(run == look.run);
    db.prepare_cached(
        "UPDATE sources SET run = ?2, origin_ns = ?3, first_ns = min(first_ns, ?4),
             last_ns = max(last_ns, ?5), look_ns = ?6, covered_ns = ?7,
             packets = ?8, bytes = ?9, one_way_flows = ?10, encrypted_flows = ?11,
             unknown_flows = ?12, limits_hit = max(?13, limits_hit * (1 - ?14))
         WHERE number = ?1",
    )?
    .execute(params![
        number,
        look.run.cast_signed(),
        look.origin_ns,
        look.span.0,
        look.span.1,
        at_ns,
        covered_ns,
        look.counts[0],
        look.counts[1],
        look.counts[2],
        look.counts[3],
        look.counts[4],
        look.counts[5],
        same
    ])?;
    Ok(Sourced {
        number,
        covered_ns,
        at_ns,
    })
}

type Known = (i64, u64, u64, u64);

fn by(
    db: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Option<Known>> {
    let text = format!(
        "SELECT number, run, covered_ns, look_ns FROM sources WHERE {condition}
         ORDER BY number DESC LIMIT 1"
    );
    db.prepare_cached(&text)?
        .query_row(parameters, |row| {
            let run: i64 = row.get(1)?;
            Ok((row.get(0)?, run.cast_unsigned(), row.get(2)?, row.get(3)?))
        })
        .optional()
}

/// A source that is served goes on while its run does, and over a restart where the new engine took
/// over what the old one knew: then the first thing that both tell is the same. A table that was
/// saved is one too: it is looked at again at the end of serving.
fn served(db: &Connection, look: &Look) -> rusqlite::Result<Option<Known>> {
    let condition = "kind = ?5 AND site = ?1 AND name = ?2 AND (run = ?3 OR origin_ns = ?4)";
    let run = look.run.cast_signed();
    by(
        db,
        condition,
        params![look.site, look.name, run, look.origin_ns, look.kind.name()],
    )
}

fn begin(db: &Connection, look: &Look) -> Step<Sourced> {
    let uid = look.uid.clone().unwrap_or_else(|| look.live_uid());
    db.prepare_cached(
        "INSERT INTO sources(uid, kind, name, site, run, origin_ns, first_ns, last_ns, look_ns,
             covered_ns, packets, bytes, one_way_flows, encrypted_flows, unknown_flows, limits_hit)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?
    .execute(params![
        uid,
        look.kind.name(),
        look.name,
        look.site,
        look.run.cast_signed(),
        look.origin_ns,
        look.span.0,
        look.span.1,
        look.at_ns,
        look.span.0,
        look.counts[0],
        look.counts[1],
        look.counts[2],
        look.counts[3],
        look.counts[4],
        look.counts[5]
    ])?;
    Ok(Sourced {
        number: db.last_insert_rowid(),
        covered_ns: look.span.0,
        at_ns: look.at_ns,
    })
}
