//! The tables of memory, version by version. A version, once shipped, is never edited: a new one
//! is appended, and every earlier one is migrated step by step in one transaction.

use rusqlite::Connection;

/// Marks the file as ours: "mtap".
pub const APPLICATION_ID: i64 = 0x6d74_6170;

/// The newest version.
pub const VERSION: i64 = MIGRATIONS.len() as i64;

/// What leads from each version to the next; the first from an empty file to version 1.
pub const MIGRATIONS: &[&str] = &[OBSERVED, PEOPLE, QUICK, JUDGED, GRADED];

/// Version 1: what was observed.
const OBSERVED: &str = "
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE sources(
    number INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, name TEXT NOT NULL,
    site TEXT NOT NULL, run INTEGER NOT NULL, origin_ns INTEGER NOT NULL,
    first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, look_ns INTEGER NOT NULL,
    covered_ns INTEGER NOT NULL, packets INTEGER NOT NULL, bytes INTEGER NOT NULL,
    one_way_flows INTEGER NOT NULL, encrypted_flows INTEGER NOT NULL,
    unknown_flows INTEGER NOT NULL, limits_hit INTEGER NOT NULL) STRICT;
CREATE TABLE gaps(
    source INTEGER NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,
    PRIMARY KEY(source, from_ns)) STRICT, WITHOUT ROWID;
CREATE TABLE devices(
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, class TEXT NOT NULL, category TEXT NOT NULL,
    category_confidence INTEGER NOT NULL, reported_by TEXT NOT NULL, flags INTEGER NOT NULL,
    silent_ns INTEGER NOT NULL) STRICT;
CREATE TABLE aliases(id TEXT PRIMARY KEY, device INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_device ON aliases(device);
CREATE TABLE keys(
    kind INTEGER NOT NULL, key TEXT NOT NULL, device INTEGER NOT NULL, first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, record TEXT NOT NULL, pinned INTEGER NOT NULL,
    PRIMARY KEY(kind, key)) STRICT, WITHOUT ROWID;
CREATE INDEX keys_device ON keys(device, kind);
CREATE TABLE joins(
    number INTEGER PRIMARY KEY, device INTEGER NOT NULL, at_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, key TEXT NOT NULL, other TEXT NOT NULL, person TEXT NOT NULL,
    UNIQUE(device, reason, key, other)) STRICT;
CREATE TABLE facts(
    device INTEGER NOT NULL, attribute INTEGER NOT NULL, field INTEGER NOT NULL,
    value TEXT NOT NULL, raw TEXT NOT NULL, rule INTEGER NOT NULL, from_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, confidence INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY(device, attribute, field, value, raw, rule, from_ns)) STRICT, WITHOUT ROWID;
CREATE TABLE attributes(
    device INTEGER NOT NULL, attribute TEXT NOT NULL, from_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, value TEXT NOT NULL, confidence INTEGER NOT NULL,
    PRIMARY KEY(device, attribute, from_ns)) STRICT, WITHOUT ROWID;
CREATE INDEX attributes_value ON attributes(attribute, value COLLATE NOCASE);
CREATE TABLE addresses(
    device INTEGER NOT NULL, site TEXT NOT NULL, scope INTEGER NOT NULL, vlan INTEGER NOT NULL,
    mac TEXT NOT NULL, ip TEXT NOT NULL, from_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    proven INTEGER NOT NULL,
    PRIMARY KEY(device, site, scope, vlan, mac, ip, from_ns)) STRICT, WITHOUT ROWID;
CREATE INDEX addresses_ip ON addresses(ip, site, scope);
CREATE INDEX addresses_mac ON addresses(mac);
CREATE TABLE services(
    device INTEGER NOT NULL, protocol TEXT NOT NULL, transport INTEGER NOT NULL,
    port INTEGER NOT NULL, encrypted INTEGER NOT NULL, from_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    PRIMARY KEY(device, protocol, transport, port, encrypted)) STRICT, WITHOUT ROWID;
CREATE TABLE links(
    device INTEGER NOT NULL, peer INTEGER NOT NULL, protocol TEXT NOT NULL,
    transport INTEGER NOT NULL, port INTEGER NOT NULL, source INTEGER NOT NULL,
    encrypted INTEGER NOT NULL, answered INTEGER NOT NULL, from_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, packets INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY(device, peer, protocol, transport, port, source)) STRICT, WITHOUT ROWID;
CREATE INDEX links_peer ON links(peer);
CREATE TABLE totals(
    device INTEGER NOT NULL, source INTEGER NOT NULL, last_ns INTEGER NOT NULL,
    packets_sent INTEGER NOT NULL, packets_received INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL, bytes_received INTEGER NOT NULL,
    PRIMARY KEY(device, source)) STRICT, WITHOUT ROWID;
CREATE TABLE hours(
    week INTEGER NOT NULL, device INTEGER NOT NULL, what INTEGER NOT NULL,
    source INTEGER NOT NULL, bins BLOB NOT NULL,
    PRIMARY KEY(week, device, what, source)) STRICT, WITHOUT ROWID;
CREATE TABLE marks(
    device INTEGER NOT NULL, source INTEGER NOT NULL, what INTEGER NOT NULL, bins BLOB NOT NULL,
    PRIMARY KEY(device, source, what)) STRICT, WITHOUT ROWID;
CREATE TABLE changes(
    number INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, noted_ns INTEGER NOT NULL,
    device INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, old TEXT NOT NULL,
    new TEXT NOT NULL, UNIQUE(device, kind, subject, old, new, at_ns)) STRICT;
CREATE INDEX changes_at ON changes(at_ns);
";

/// Version 2: what people say and decide.
const PEOPLE: &str = "
CREATE TABLE assets(
    number INTEGER PRIMARY KEY, source TEXT NOT NULL, tag TEXT NOT NULL, device INTEGER,
    matched_by TEXT NOT NULL, imported_ns INTEGER NOT NULL, gone_ns INTEGER NOT NULL,
    UNIQUE(source, tag)) STRICT;
CREATE INDEX assets_device ON assets(device);
CREATE TABLE asset_values(
    asset INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY(asset, name)) STRICT, WITHOUT ROWID;
CREATE INDEX asset_values_value ON asset_values(name, value);
CREATE TABLE places(
    device INTEGER NOT NULL, origin TEXT NOT NULL, place TEXT NOT NULL, from_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL, PRIMARY KEY(device, origin, place)) STRICT, WITHOUT ROWID;
CREATE TABLE states(
    device INTEGER PRIMARY KEY, lifecycle TEXT NOT NULL, authorisation TEXT NOT NULL,
    at_ns INTEGER NOT NULL, person TEXT NOT NULL, why TEXT NOT NULL) STRICT;
CREATE TABLE audit(
    number INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, person TEXT NOT NULL, act TEXT NOT NULL,
    subject TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, why TEXT NOT NULL,
    hash TEXT NOT NULL) STRICT;
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_keeps BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
";

/// Version 3: what is asked about one device is read in one place, however many others speak with
/// it, and an asset's tag is found whatever its source.
const QUICK: &str = "
DROP INDEX links_peer;
CREATE INDEX links_peer ON links(
    peer, device, protocol, transport, port, source, encrypted, answered, from_ns, last_ns,
    packets, bytes);
CREATE INDEX assets_tag ON assets(tag);
";

/// Version 4: work on devices, and how they were scored over time.
const JUDGED: &str = "
CREATE TABLE work(
    fix TEXT NOT NULL, device INTEGER NOT NULL, words TEXT NOT NULL, roles TEXT NOT NULL,
    due TEXT NOT NULL, opened_ns INTEGER NOT NULL, closed_ns INTEGER NOT NULL,
    closed_by TEXT NOT NULL, reopened INTEGER NOT NULL, owner TEXT NOT NULL,
    approver TEXT NOT NULL, reason TEXT NOT NULL, expires TEXT NOT NULL,
    PRIMARY KEY(fix, device)) STRICT, WITHOUT ROWID;
CREATE INDEX work_device ON work(device);
CREATE TABLE judgements(
    day INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, epss_model TEXT NOT NULL,
    policy TEXT NOT NULL, kev TEXT NOT NULL, bands TEXT NOT NULL, points REAL NOT NULL) STRICT;
CREATE TABLE scores(
    device INTEGER NOT NULL, from_day INTEGER NOT NULL, score REAL,
    PRIMARY KEY(device, from_day)) STRICT, WITHOUT ROWID;
";

/// Version 5: how much hung on devices when that was last in sight, and what EPSS said of CVEs day
/// by day.
const GRADED: &str = "
CREATE TABLE grades(
    device INTEGER PRIMARY KEY, effectiveness REAL, data REAL) STRICT;
CREATE TABLE epss(
    cve TEXT NOT NULL, day INTEGER NOT NULL, model TEXT NOT NULL, probability REAL NOT NULL,
    PRIMARY KEY(cve, day)) STRICT, WITHOUT ROWID;
CREATE INDEX epss_day ON epss(day);
";

/// The version of a file.
pub fn version(db: &Connection) -> rusqlite::Result<i64> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Leads a file to the newest version.
pub fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    migrate_to(db, VERSION)
}

/// Leads a file to a version.
pub fn migrate_to(db: &mut Connection, wanted: i64) -> rusqlite::Result<()> {
    let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found = usize::try_from(version(&step)?).unwrap_or(usize::MAX);
    let wanted = usize::try_from(wanted).unwrap_or(0);
    if found >= wanted {
        return Ok(());
    }
    for migration in MIGRATIONS.iter().take(wanted).skip(found) {
        step.execute_batch(migration)?;
    }
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", wanted as i64)?;
    step.commit()
}
