use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::schema::{APPLICATION_ID, MIGRATIONS, VERSION, migrate_to, version};
use super::{HistoryError, Store};

/// A file as an earlier version left it, with something in it.
fn of_version(path: &Path, wanted: i64) {
    let mut db = Connection::open(path).unwrap();
    migrate_to(&mut db, wanted).unwrap();
    db.execute_batch(
        "INSERT INTO devices(id, first_ns, last_ns, class, category, category_confidence,
             reported_by, flags, silent_ns)
         VALUES ('3f9a61c2d4e5b607', 5, 9, 'medical', 'ct', 90, '', 0, 0);
         INSERT INTO attributes VALUES (1, 'model', 5, 9, 'Scan 64', 95);
         INSERT INTO changes(at_ns, noted_ns, device, kind, subject, old, new)
         VALUES (5, 5, 1, 'new_device', '', '', 'medical ct');",
    )
    .unwrap();
    assert_eq!(version(&db).unwrap(), wanted);
}

#[test]
fn every_earlier_version_is_led_to_the_newest() {
    assert_eq!(MIGRATIONS.len(), usize::try_from(VERSION).unwrap());
    for wanted in 1..=VERSION {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.db");
        of_version(&path, wanted);
        let store = Store::open(&path).unwrap();
        store.check().unwrap();
        let found = store.read(version).unwrap();
        assert_eq!(found, VERSION, "from {wanted}");
        let device = store.device("3f9a").unwrap();
        assert_eq!(device.device.attributes["model"], "Scan 64");
        assert_eq!(device.changes.len(), 1);
        assert!(store.audit().unwrap().is_empty());
        drop(store);
        // A reader alone leads an earlier version on too.
        let path = folder.path().join("again.db");
        of_version(&path, wanted);
        let store = Store::open_to_read(&path).unwrap();
        assert_eq!(store.read(version).unwrap(), VERSION);
    }
}

/// A migration and a file made new have the same tables.
#[test]
fn versions_lead_to_one_schema() {
    let tables = |path: &Path| -> Vec<(String, String)> {
        let db = Connection::open(path).unwrap();
        db.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    drop(Store::open(&new).unwrap());
    of_version(&old, 1);
    drop(Store::open(&old).unwrap());
    assert_eq!(tables(&new), tables(&old));
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(
        path("text"),
        "no database at all, but long enough to be one".repeat(50),
    )
    .unwrap();
    let other = Connection::open(path("other")).unwrap();
    other.execute_batch("CREATE TABLE a(b)").unwrap();
    drop(other);
    let newer = Connection::open(path("newer")).unwrap();
    newer
        .execute_batch(&format!(
            "CREATE TABLE a(b); PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {};",
            VERSION + 1
        ))
        .unwrap();
    drop(newer);
    for (name, expected) in [
        ("text", "is no history of medtap; it was left as it is"),
        ("other", "is no history of medtap; it was left as it is"),
        ("newer", "use the medtap that wrote it, or restore a backup"),
    ] {
        let before = fs::read(path(name)).unwrap();
        for error in [Store::open(&path(name)), Store::open_to_read(&path(name))] {
            let text = error.err().unwrap().to_string();
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(fs::read(path(name)).unwrap(), before, "{name}");
    }
    let missing = Store::open_to_read(&path("missing")).err().unwrap();
    assert!(matches!(missing, HistoryError::Missing(_)), "{missing}");
    let folder = Store::open(folder.path()).err().unwrap();
    assert!(matches!(folder, HistoryError::Foreign(_)), "{folder}");
}

/// A file with bytes that were overwritten is found out, and nothing puts it right in silence.
#[test]
fn damage_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    of_version(&path, VERSION);
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        let from = page * 4096 + if page == 0 { 100 } else { 0 };
        bytes[from..(page + 1) * 4096].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let checked = Store::open_to_read(&path).and_then(|store| store.check());
        if let Err(error) = checked {
            refused += 1;
            let text = error.to_string();
            assert!(
                text.contains("restore a backup") || text.contains("no history"),
                "{text}"
            );
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "page {page} was written");
    }
    assert!(refused * 10 > whole.len() / 4096 * 9, "{refused} pages");
}

#[test]
fn backups_come_back_and_never_over_something() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    of_version(&path("history.db"), VERSION);
    let store = Store::open(&path("history.db")).unwrap();
    store.backup(&path("backup.db")).unwrap();
    let again = store.backup(&path("backup.db")).unwrap_err().to_string();
    assert!(again.contains("exists"), "{again}");
    let over = Store::restore(&path("backup.db"), &path("history.db"));
    assert!(over.unwrap_err().to_string().contains("move it away"));
    Store::restore(&path("backup.db"), &path("restored.db")).unwrap();
    let restored = Store::open(&path("restored.db")).unwrap();
    assert_eq!(
        restored.device("3f9a").unwrap(),
        store.device("3f9a").unwrap()
    );
    // What is damaged is not put back.
    let mut bytes = fs::read(path("backup.db")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0);
    fs::write(path("backup.db"), &bytes).unwrap();
    assert!(Store::restore(&path("backup.db"), &path("no.db")).is_err());
    assert!(!path("no.db").exists());
}

#[test]
fn the_audit_tells_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let mut store = Store::open(&path).unwrap();
    let by = super::Person {
        name: "biomed".to_owned(),
        why: "arrived".to_owned(),
        at_ns: 7,
    };
    for number in 0..4 {
        let subject = format!("device {number}");
        store
            .write(|step| super::audit::append(step, &by, "approve", &subject, "", "approved"))
            .unwrap();
    }
    assert_eq!(store.verify_audit().unwrap().0, 4);
    // By the program nothing can be changed; by a person with an editor it shows.
    let db = Connection::open(&path).unwrap();
    assert!(db.execute("UPDATE audit SET why = 'x'", []).is_err());
    assert!(
        db.execute("DELETE FROM audit WHERE number = 4", [])
            .is_err()
    );
    db.execute_batch("DROP TRIGGER audit_stays; DROP TRIGGER audit_keeps;")
        .unwrap();
    db.execute("UPDATE audit SET person = 'nobody' WHERE number = 2", [])
        .unwrap();
    let text = store.verify_audit().unwrap_err().to_string();
    assert!(text.contains("entry 2"), "{text}");
    db.execute("UPDATE audit SET person = 'biomed' WHERE number = 2", [])
        .unwrap();
    store.verify_audit().unwrap();
    db.execute("DELETE FROM audit WHERE number = 3", [])
        .unwrap();
    assert!(
        store
            .verify_audit()
            .unwrap_err()
            .to_string()
            .contains("entry 4")
    );
}
