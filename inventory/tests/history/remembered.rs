//! What memory tells of devices to whoever judges them.

use medtap_inventory::context::{ColumnMap, read};
use medtap_inventory::history::Person;
use medtap_inventory::model::Time;
use medtap_inventory::people::Authorisation;
use medtap_table::vocabulary::{Field, Protocol};

use crate::memory::{DAY_NS, Memory, NOON_NS};
use crate::sample::{BRAUN, CISCO, Sample, proven};

fn person(day: u64) -> Person {
    Person {
        name: "biomed".to_owned(),
        why: "decided".to_owned(),
        at_ns: NOON_NS + day * DAY_NS,
    }
}

fn now(day: u64) -> Time {
    Time(NOON_NS + day * DAY_NS)
}

fn ward() -> Sample {
    let mut sample = Sample::default();
    let ct = sample.add(proven(BRAUN, "10.0.0.5"));
    sample.image(ct, "Acme Medical", "Scan 64", "SN4711");
    sample.say(ct, Field::DicomSoftwareVersions, "2.9");
    let pacs = sample.add(proven(CISCO, "10.0.0.9"));
    sample.talk(ct, pacs, Some(Protocol::Dicom), 104);
    sample
}

#[test]
fn what_memory_knows_is_told_by_any_id() {
    let mut memory = Memory::new();
    memory.capture(&ward(), 0);
    let sheet = "asset_tag,serial_number,manufacturer,criticality,next_maintenance\n\
                 CT-1,SN4711,Acme Medical,high,2025-01-01\n";
    let sheet = read(sheet.as_bytes(), &ColumnMap::plain()).unwrap();
    let by = person(0);
    memory
        .store
        .import_assets("cmms", &sheet.assets, &by, false)
        .unwrap();
    let known = memory.store.remember(now(1)).unwrap();
    assert!(!known.baseline && known.len() == 2 && !known.is_empty());
    let id = memory.store.find("10.0.0.5").unwrap();
    let ct = known.get(&id).unwrap();
    assert_eq!(ct.authorisation, Authorisation::New);
    assert_eq!(ct.asset.as_ref().unwrap().get("criticality"), Some("high"));
    let first = ct.first_seen.unwrap();
    assert!(first <= now(0));
    let key = ("model".to_owned(), "Scan 64".to_owned());
    assert_eq!(ct.since[&key], first);
    let found: Vec<&str> = ct.findings.iter().map(|f| f.finding).collect();
    assert_eq!(found, ["maintenance_overdue", "unapproved"]);
    assert!(known.get("0000000000000000").is_none());
    // Its other id leads to the device that it became.
    let pacs = memory.store.find("10.0.0.9").unwrap();
    memory.store.join_by_hand(&id, &pacs, &person(2)).unwrap();
    let known = memory.store.remember(now(2)).unwrap();
    assert_eq!(known.get(&id).unwrap().id, known.get(&pacs).unwrap().id);
}

#[test]
fn peers_count_where_somebody_looked_and_approved_them() {
    let mut memory = Memory::new();
    memory.capture(&ward(), 0);
    memory.store.baseline(&person(1)).unwrap();
    memory.capture(&ward(), 31);
    let alone = |memory: &Memory| {
        let known = memory.store.remember(now(32)).unwrap();
        assert!(known.baseline);
        let id = memory.store.find("10.0.0.5").unwrap();
        known.get(&id).unwrap().approved_peers_alone
    };
    // Two captures a month apart: nobody looked between.
    assert!(!alone(&memory));
    let db = rusqlite::Connection::open(memory.path()).unwrap();
    db.execute(
        "UPDATE sources SET first_ns = 0, covered_ns = ?1",
        [now(32).0],
    )
    .unwrap();
    assert!(alone(&memory));
    db.execute(
        "INSERT INTO gaps VALUES (1, ?1, ?2)",
        [now(20).0, now(25).0],
    )
    .unwrap();
    assert!(!alone(&memory), "a sixth of the time was missed");
    db.execute("DELETE FROM gaps", []).unwrap();
    let pacs = ["10.0.0.9".to_owned()];
    let by = person(32);
    memory
        .store
        .authorise(&pacs, Authorisation::Rejected, &by)
        .unwrap();
    assert!(!alone(&memory));
}

#[test]
fn peers_that_came_after_the_approval_are_told() {
    let mut memory = Memory::new();
    memory.capture(&ward(), 0);
    memory.store.baseline(&person(1)).unwrap();
    let mut sample = ward();
    let stranger = sample.add(proven([0, 0x12, 0x21, 9, 9, 9], "10.0.0.77"));
    sample.talk(0, stranger, Some(Protocol::Http), 80);
    memory.capture(&sample, 5);
    let known = memory.store.remember(now(6)).unwrap();
    let id = |address: &str| memory.store.find(address).unwrap();
    let ct = known.get(&id("10.0.0.5")).unwrap();
    let met: Vec<&String> = ct.new_peers.iter().map(|(_, id)| id).collect();
    assert_eq!(met, [&id("10.0.0.77")]);
    // Nobody approved the stranger: whom it meets is not told.
    assert!(known.get(&id("10.0.0.77")).unwrap().new_peers.is_empty());
    assert!(known.get(&id("10.0.0.9")).unwrap().new_peers.is_empty());
}
