//! What follows of statements over time: that a device began anew, that it is attached elsewhere.
//! It is worked out of all that is remembered, so captures may come in any order; it decides
//! nothing about values that take turns.

use std::collections::BTreeSet;

use medtap_table::vocabulary::Field;
use rusqlite::{Connection, params};

use super::change::{ChangeKind, News, note};
use super::error::Step;
use super::write::Group;
use crate::succession::{self, ATTACHMENTS, Followed, Held, STARTS};

/// Notes restarts and moves of a device that a look tells of.
pub(crate) fn follow(db: &Connection, group: &Group<'_>) -> Step<()> {
    let mut said = group.details().flat_map(|detail| &detail.statements);
    if !said.any(|said| STARTS.contains(&said.field) || ATTACHMENTS.contains(&said.field)) {
        return Ok(());
    }
    let number = group.number;
    let restarts = succession::restarts(&held(db, number, &STARTS)?);
    replace(db, group, ChangeKind::Restarted, &restarts)?;
    let moves = succession::moves(&held(db, number, &ATTACHMENTS)?);
    replace(db, group, ChangeKind::Moved, &moves)
}

/// What is remembered of these fields.
pub(crate) fn held(db: &Connection, device: i64, fields: &[Field]) -> rusqlite::Result<Vec<Held>> {
    let mut get = db.prepare_cached(
        "SELECT from_ns, last_ns, raw FROM facts WHERE device = ?1 AND attribute = ?2
             AND field = ?3 ORDER BY from_ns, raw",
    )?;
    let mut held = Vec::new();
    for field in fields {
        let key = params![device, field.attribute().number(), field.number()];
        for row in get.query_map(key, |row| {
            Ok(Held {
                first_ns: row.get(0)?,
                last_ns: row.get(1)?,
                field: *field,
                raw: row.get(2)?,
            })
        })? {
            held.push(row?);
        }
    }
    Ok(held)
}

/// When, what, from what, to what.
type Row = (u64, String, String, String);

/// Writes what followed in the place of what was thought before.
fn replace(
    db: &Connection,
    group: &Group<'_>,
    kind: ChangeKind,
    followed: &[Followed],
) -> Step<()> {
    let mut get = db.prepare_cached(
        "SELECT at_ns, subject, old, new FROM changes WHERE device = ?1 AND kind = ?2",
    )?;
    let is_ours = |subject: &str| {
        let field = Field::from_name(subject);
        field.is_some_and(|field| STARTS.contains(&field) || ATTACHMENTS.contains(&field))
    };
    let mut known: BTreeSet<Row> = get
        .query_map(params![group.number, kind.name()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    known.retain(|(_, subject, _, _)| is_ours(subject));
    let now: BTreeSet<Row> = followed
        .iter()
        .map(|f| {
            (
                f.at_ns,
                f.field.name().to_owned(),
                f.old.clone(),
                f.new.clone(),
            )
        })
        .collect();
    let mut delete = db.prepare_cached(
        "DELETE FROM changes WHERE device = ?1 AND kind = ?2 AND at_ns = ?3 AND subject = ?4
             AND old = ?5 AND new = ?6",
    )?;
    for (at_ns, subject, old, new) in known.difference(&now) {
        delete.execute(params![group.number, kind.name(), at_ns, subject, old, new])?;
    }
    for (at_ns, subject, old, new) in now.difference(&known) {
        let news = News {
            kind,
            subject,
            old,
            new,
        };
        note(db, group.number, *at_ns, group.source.at_ns, &news)?;
    }
    Ok(())
}
