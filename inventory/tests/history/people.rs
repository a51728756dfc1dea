use medtap_inventory::context::{ColumnMap, DifferenceKind, read};
use medtap_inventory::history::Person;
use medtap_inventory::model::Time;
use medtap_inventory::people::{
    Authorisation, Declared, Lifecycle, Origin, PlaceFile, PlaceRow, Syntax,
};
use medtap_table::vocabulary::{Attribute, Event, Field, Protocol};
use medtap_table::{Activity, EdgeFlags, SubjectId};

use crate::memory::{DAY_NS, Memory, NOON_NS};
use crate::sample::{BRAUN, CISCO, HOUR_NS, Sample, proven};

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

/// A CT with a PACS.
fn ward() -> Sample {
    let mut sample = Sample::default();
    let ct = sample.add(proven(BRAUN, "10.0.0.5"));
    sample.image(ct, "Acme Medical", "Scan 64", "SN4711");
    sample.say(ct, Field::DicomDepartment, "Radiology");
    let kind = sample.say(ct, Field::DicomModality, "CT");
    (kind.attribute, kind.value) = (Attribute::Category, "ct".into());
    let pacs = sample.add(proven(CISCO, "10.0.0.9"));
    sample.talk(ct, pacs, Some(Protocol::Dicom), 104);
    sample
}

const SHEET: &str = "\
asset_tag,serial_number,manufacturer,model,department,next_maintenance,last_maintenance,\
lifecycle,mac
CT-1,SN4711,Acme Medical,Scan 64,Radiology,2026-03-01,2025-09-01,,
MR-1,SN9999,Acme Medical,Field 3,Radiology,2030-01-01,,ordered,
X-1,SN1,Acme Medical,Ray,Basement,,,,00:1b:54:20:01:01
";

fn imported() -> Memory {
    let mut memory = Memory::new();
    memory.capture(&ward(), 0);
    let sheet = read(SHEET.as_bytes(), &ColumnMap::plain()).unwrap();
    assert_eq!(sheet.rejected_count, 0, "{:?}", sheet.rejected);
    let before = memory.dump();
    let dry = memory
        .store
        .import_assets("cmms", &sheet.assets, &person(1), true)
        .unwrap();
    assert_eq!((dry.new, dry.matched), (3, 2));
    assert_eq!(memory.dump(), before, "a dry run does nothing");
    let done = memory
        .store
        .import_assets("cmms", &sheet.assets, &person(1), false)
        .unwrap();
    assert_eq!(done, dry);
    memory
}

#[test]
fn assets_meet_devices_both_ways() {
    let mut memory = imported();
    let differences = memory.store.reconcile(now(1), 30 * DAY_NS).unwrap();
    let kinds: Vec<(DifferenceKind, Option<&str>)> = differences
        .iter()
        .map(|d| (d.difference, d.asset_tag.as_deref()))
        .collect();
    assert_eq!(kinds, [(DifferenceKind::NeverSeen, Some("MR-1"))]);
    // Long after, elsewhere, and with a stranger.
    let mut sample = ward();
    sample
        .facts
        .retain(|fact| fact.field != Field::DicomDepartment);
    sample.say(0, Field::DicomDepartment, "Emergency");
    sample.add(proven([0, 0x12, 0x21, 9, 9, 9], "10.0.0.77"));
    memory.capture(&sample, 3);
    let differences = memory.store.reconcile(now(60), 30 * DAY_NS).unwrap();
    let of = |kind| differences.iter().filter(|d| d.difference == kind).count();
    assert_eq!(of(DifferenceKind::Unlisted), 1);
    assert_eq!(of(DifferenceKind::Moved), 1);
    assert_eq!(of(DifferenceKind::NotSeenLately), 2);
    // The same again changes nothing; what is not named any more is gone.
    let sheet = read(SHEET.as_bytes(), &ColumnMap::plain()).unwrap();
    let again = memory
        .store
        .import_assets("cmms", &sheet.assets[..1], &person(2), false)
        .unwrap();
    assert_eq!((again.new, again.same, again.gone), (0, 1, 2));
    let by_mac = memory.store.asset_of("10.0.0.9").unwrap();
    assert!(by_mac.is_none(), "gone");
}

#[test]
fn other_serial_numbers_are_told() {
    let mut memory = Memory::new();
    memory.capture(&ward(), 0);
    let text = "asset_tag,serial_number,mac\nCT-1,OTHER,00:12:21:20:01:31\n";
    let sheet = read(text.as_bytes(), &ColumnMap::plain()).unwrap();
    memory
        .store
        .import_assets("cmms", &sheet.assets, &person(1), false)
        .unwrap();
    let differences = memory.store.reconcile(now(1), 30 * DAY_NS).unwrap();
    let other = differences
        .iter()
        .find(|d| d.difference == DifferenceKind::OtherSerial)
        .unwrap();
    assert_eq!(
        (other.listed.as_str(), other.seen.as_str()),
        ("OTHER", "SN4711")
    );
}

#[test]
fn findings_say_what_they_rest_on() {
    let mut memory = imported();
    let mut sample = ward();
    sample.say(0, Field::DicomSoftwareVersions, "1.0");
    memory.capture(&sample, 1);
    let mut sample = ward();
    sample.say(0, Field::DicomSoftwareVersions, "2.0");
    memory.capture(&sample, 5);
    let by = person(6);
    memory
        .store
        .set_lifecycle("10.0.0.9", Lifecycle::Disposed, &by)
        .unwrap();
    memory.capture(&ward(), 8);
    let found = memory.store.findings(now(9)).unwrap();
    let of = |name: &str| {
        found
            .iter()
            .filter(move |f| f.finding == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("maintenance_overdue")[0].asset_tag.as_deref(),
        Some("CT-1")
    );
    let changed = of("changed_without_work_order");
    assert!(
        changed[0].evidence.contains("software_version: 1.0 -> 2.0"),
        "{changed:?}"
    );
    assert!(
        changed[0]
            .evidence
            .contains("the last work order is of another time")
    );
    assert_eq!(of("ghost").len(), 1);
    assert_eq!(of("unapproved").len(), 2);
    let lives = memory.store.lives(now(9)).unwrap();
    let life = |tag: &str| {
        let row = lives
            .iter()
            .find(|life| life.asset_tag.as_deref() == Some(tag))
            .unwrap();
        row.lifecycle
    };
    assert_eq!(life("CT-1"), Lifecycle::InService);
    assert_eq!(life("MR-1"), Lifecycle::Ordered);
    assert_eq!(life("X-1"), Lifecycle::Disposed);
    let later = memory.store.lives(now(80)).unwrap();
    let ct = later
        .iter()
        .find(|life| life.asset_tag.as_deref() == Some("CT-1"))
        .unwrap();
    assert_eq!(ct.lifecycle, Lifecycle::Dormant);
}

#[test]
fn nobody_is_approved_by_itself() {
    let mut memory = Memory::new();
    memory.capture(&ward(), 0);
    let ct = ["10.0.0.5".to_owned()];
    let wrong = memory
        .store
        .authorise(&ct, Authorisation::Retired, &person(1))
        .unwrap_err();
    assert!(
        wrong
            .to_string()
            .contains("is new; it can become pending or approved or rejected")
    );
    memory
        .store
        .authorise(&ct, Authorisation::Rejected, &person(1))
        .unwrap();
    let base = memory.store.baseline(&person(2)).unwrap();
    assert_eq!(base.devices, 1, "what was rejected stays so");
    assert_eq!(memory.store.baseline(&person(3)).unwrap().devices, 0);
    let permitted = memory.store.permitted().unwrap();
    let states: Vec<&str> = permitted.iter().map(|p| p.authorisation.name()).collect();
    assert!(states.contains(&"approved") && states.contains(&"rejected"));
    // One step that is not allowed takes back the others.
    let both = ["10.0.0.5".to_owned(), "10.0.0.9".to_owned()];
    let before = memory.dump();
    memory
        .store
        .authorise(&both, Authorisation::Retired, &person(4))
        .unwrap_err();
    assert_eq!(memory.dump(), before);
    let audit = memory.store.audit().unwrap();
    let acts: Vec<&str> = audit.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, ["authorise", "baseline", "baseline"]);
    assert_eq!(memory.store.verify_audit().unwrap().0, 3);
    // A device that appears later is new, and found.
    let mut sample = ward();
    sample.add(proven([0, 0x12, 0x21, 9, 9, 9], "10.0.0.77"));
    memory.capture(&sample, 5);
    let found = memory.store.findings(now(5)).unwrap();
    assert_eq!(
        found.iter().filter(|f| f.finding == "unapproved").count(),
        1
    );
    assert_eq!(
        found
            .iter()
            .filter(|f| f.finding == "rejected_present")
            .count(),
        1
    );
}

#[test]
fn places_have_an_order_of_trust() {
    let mut memory = imported();
    let map =
        PlaceFile::parse("[[places]]\nsubnet = \"10.0.0.0/24\"\nplace = \"Main > A\"\n").unwrap();
    let place = |memory: &Memory| {
        let placed = memory.store.places(&map).unwrap();
        let id = memory.store.find("10.0.0.5").unwrap();
        let own = placed
            .into_iter()
            .find(|placed| placed.device == id)
            .unwrap();
        (own.origin.unwrap(), own.place.unwrap(), own.conflicts.len())
    };
    assert_eq!(
        place(&memory),
        (Origin::Department, "Radiology".to_owned(), 1)
    );
    let rows = |text: &str| {
        vec![PlaceRow {
            mac: "00:12:21:20:01:31".to_owned(),
            place: text.to_owned(),
        }]
    };
    let at = |day| person(day);
    memory
        .store
        .import_places(Origin::Switch, &rows("Main > A > 3"), &at(2))
        .unwrap();
    assert_eq!(place(&memory).0, Origin::Switch);
    memory
        .store
        .import_places(Origin::Switch, &rows("Main > B > 1"), &at(3))
        .unwrap();
    let told = memory.told(medtap_inventory::history::ChangeKind::Moved);
    assert!(told.contains(&(
        "switch".into(),
        "Main > A > 3".into(),
        "Main > B > 1".into()
    )));
    memory
        .store
        .place_by_hand("10.0.0.5", "Main > C", &at(4))
        .unwrap();
    assert_eq!(place(&memory).0, Origin::Person);
}

/// A guest's host is the one machine behind the same port of a switch, and nobody where another
/// may be there.
#[test]
fn a_port_of_a_switch_shows_the_host_of_its_guests() {
    const VMWARE: [u8; 6] = [0x00, 0x50, 0x56, 0x20, 0x01, 0x01];
    const OTHER: [u8; 6] = [0x00, 0x12, 0x21, 0x20, 0x01, 0x99];
    let row = |mac: &str, port: &str| PlaceRow {
        mac: mac.to_owned(),
        place: format!("sw-1 {port}"),
    };
    let behind = |system: &str, others: &[&str]| {
        let mut sample = Sample::default();
        sample.add(proven(VMWARE, "10.0.0.7"));
        let host = sample.add(proven(BRAUN, "10.0.0.5"));
        sample
            .say(host, Field::TlsCertificateSubject, system)
            .attribute = Attribute::Os;
        sample.add(proven(OTHER, "10.0.0.9"));
        let mut memory = Memory::new();
        memory.capture(&sample, 0);
        let mut rows = vec![
            row("00:50:56:20:01:01", "Gi1/0/1"),
            row("00:12:21:20:01:31", "Gi1/0/1"),
        ];
        rows.extend(others.iter().map(|mac| row(mac, "Gi1/0/1")));
        let import = |memory: &mut Memory, rows: &[PlaceRow], day| {
            let by = person(day);
            memory
                .store
                .import_places(Origin::Switch, rows, &by)
                .unwrap();
        };
        let hosts = |memory: &Memory| -> Vec<(String, String)> {
            let placed = memory.store.places(&PlaceFile::default()).unwrap();
            let host = |p: medtap_inventory::people::Placed| Some((p.device, p.host?));
            placed.into_iter().filter_map(host).collect()
        };
        import(&mut memory, &rows, 1);
        let found = hosts(&memory);
        // It has gone to a port with nobody else: where it runs now, nobody knows.
        import(&mut memory, &[row("00:50:56:20:01:01", "Gi1/0/2")], 2);
        assert_eq!(hosts(&memory), []);
        let name = |ip: &str| memory.store.find(ip).unwrap();
        (found, name("10.0.0.7"), name("10.0.0.5"))
    };
    let (found, guest, host) = behind("VMware ESXi", &[]);
    assert_eq!(found, [(guest, host)]);
    // A machine of which nothing says that it may run others.
    assert_eq!(behind("Some firmware", &[]).0, []);
    // Another machine, or one that was never seen, is behind the port as well.
    assert_eq!(behind("VMware ESXi", &["00:12:21:20:01:99"]).0, []);
    assert_eq!(behind("VMware ESXi", &["00:12:21:55:55:55"]).0, []);
}

#[test]
fn use_is_counted_by_hour() {
    let mut memory = Memory::new();
    let sample = ward();
    let writer = {
        let mut writer = sample.writer();
        // Monday to Sunday, ten images at noon of each day; one morning of refusals.
        let mut stores = Activity::new(SubjectId(0), Event::DicomStore);
        for day in 0..7 {
            stores.count(NOON_NS + day * DAY_NS, 10);
        }
        let mut refusals = Activity::new(SubjectId(0), Event::DicomReject);
        refusals.count(NOON_NS, 7);
        writer.add_activity(&stores).unwrap();
        writer.add_activity(&refusals).unwrap();
        writer
    };
    let table = writer.reader();
    let mut look = medtap_inventory::history::Look::at(
        &table,
        medtap_inventory::history::SourceKind::Capture,
        "week",
        "main",
    );
    look.uid = Some("week".to_owned());
    for _ in 0..2 {
        let shown = medtap_inventory::Resolution::new(
            &table,
            &medtap_inventory::Options::default(),
            &medtap_inventory::trace::Rulings::default(),
        );
        medtap_inventory::history::Observer::default()
            .observe(&mut memory.store, &shown, &look)
            .unwrap();
    }
    let used = memory.store.utilisation("10.0.0.5", now(8)).unwrap();
    assert_eq!(
        used.events["dicom_store"], 70,
        "the same table twice counts once"
    );
    assert_eq!((used.procedures, used.hours_active), (70, 7));
    assert_eq!(used.histogram.iter().filter(|count| **count > 0).count(), 7);
    assert_eq!(used.quietest.as_deref(), Some("00:00-04:00"));
    assert!(!used.in_use);
    assert!(
        memory
            .store
            .utilisation("10.0.0.5", Time(NOON_NS + 6 * DAY_NS + HOUR_NS))
            .unwrap()
            .in_use
    );
    let friction = memory.store.frictions(now(8)).unwrap();
    assert_eq!(
        (friction[0].model.as_str(), friction[0].unit.as_str()),
        ("Scan 64", "Radiology")
    );
    assert_eq!(friction[0].obstacles["dicom_reject"], 7);
    let fleets = memory.store.fleets(now(8), 30).unwrap();
    assert!(fleets.iter().all(|fleet| fleet.idle.is_empty()));
    let fleets = memory.store.fleets(now(100), 30).unwrap();
    assert!(fleets.iter().any(|fleet| fleet.idle.len() == 1));
}

#[test]
fn coverage_names_what_is_missing() {
    let memory = imported();
    let declared = Declared::parse("subnets = [\"10.0.0.0/24\", \"10.99.0.0/16\"]\nvlans = [7]\n");
    let report = memory.store.coverage(&declared.unwrap()).unwrap();
    let seen: Vec<usize> = report.subnets.iter().map(|subnet| subnet.devices).collect();
    assert_eq!(seen, [2, 0]);
    assert_eq!((report.assets, report.assets_never_seen), (3, 1));
    assert!(
        report
            .vlans
            .iter()
            .any(|vlan| vlan.vlan == 7 && vlan.devices == 0)
    );
    let sentence = report.sentence();
    assert!(
        sentence.contains("1 of 2 declared subnets never seen"),
        "{sentence}"
    );
}

#[test]
fn a_clock_of_another_zone_is_told() {
    let mut memory = Memory::new();
    let mut sample = Sample::default();
    for (last, zone) in [(1, "7200"), (2, "7200"), (3, "3600"), (4, "7200")] {
        let device = sample.add(proven(
            [0, 0x12, 0x21, 9, 9, last],
            &format!("10.0.0.{last}"),
        ));
        sample.say(device, Field::ClockZone, zone);
    }
    memory.capture(&sample, 0);
    let findings = memory.store.findings(now(1)).unwrap();
    let odd: Vec<_> = findings
        .iter()
        .filter(|f| f.finding == "clock_zone")
        .collect();
    assert_eq!(odd.len(), 1, "{findings:?}");
    assert_eq!(odd[0].device, memory.store.find("10.0.0.3").ok());
    assert_eq!(
        odd[0].evidence,
        "it seems set to UTC+01:00, 3 others of its site to UTC+02:00"
    );
}

/// Bytes in a tunnel that stays closed are told apart from those that are only encrypted.
#[test]
fn coverage_tells_what_could_be_read() {
    let mut memory = Memory::new();
    let mut sample = Sample::default();
    let ct = sample.add(proven(BRAUN, "10.0.0.5"));
    let pacs = sample.add(proven(CISCO, "10.0.0.9"));
    for (protocol, port, bytes) in [
        (Some(Protocol::Dicom), 104, 600),
        (Some(Protocol::Tls), 443, 200),
        (Some(Protocol::Wg), 51_820, 100),
        (None, 9, 60),
        (None, 0, 40),
    ] {
        sample.talk(ct, pacs, protocol, port);
        let edge = sample.edges.last_mut().unwrap();
        edge.0.transport = if port == 0 { 50 } else { edge.0.transport };
        if protocol == Some(Protocol::Tls) {
            edge.0.flags.insert(EdgeFlags::ENCRYPTED);
        }
        edge.1 = bytes;
    }
    memory.capture(&sample, 0);
    let report = memory.store.coverage(&Declared::default()).unwrap();
    let read = (report.read.readable, report.read.encrypted);
    assert_eq!(read, (600, 200));
    assert_eq!((report.read.tunnelled, report.read.unknown), (140, 60));
    let sentence = report.sentence();
    assert!(
        sentence.contains("20 % of the bytes encrypted and 14 % in closed"),
        "{sentence}"
    );
    // Either end's conclusions rest on the same; those of somebody else on nothing.
    for ip in ["10.0.0.5", "10.0.0.9"] {
        let basis = memory.store.basis(ip).unwrap();
        assert_eq!((basis.conversations, basis.unanswered), (5, 0), "{ip}");
        assert_eq!(basis.read, report.read, "{ip}");
    }
    let mut lonely = Sample::default();
    lonely.add(proven([0, 0x12, 0x21, 9, 9, 9], "10.0.0.77"));
    memory.capture(&lonely, 1);
    assert_eq!(memory.store.basis("10.0.0.77").unwrap().conversations, 0);
}

#[test]
fn needs_are_learnt_and_marked_for_review() {
    let mut memory = Memory::new();
    let mut sample = ward();
    // A question that nobody answered is no need.
    let stranger = sample.add(proven([0, 0x12, 0x21, 9, 9, 9], "10.0.0.77"));
    sample.talk(0, stranger, Some(Protocol::Http), 80);
    sample.edges.last_mut().unwrap().0.flags = Default::default();
    memory.capture(&sample, 0);
    let of_model = memory.store.requirement("scan 64").unwrap();
    assert_eq!(
        (
            of_model.devices.len(),
            of_model.needs.len(),
            of_model.unanswered
        ),
        (1, 1, 1)
    );
    let basis = of_model.basis;
    assert_eq!((basis.conversations, basis.unanswered), (2, 1));
    let nft = of_model.write(Syntax::Nftables);
    assert!(nft.starts_with("# REVIEW BEFORE USE: "), "{nft}");
    let allow = "ip saddr { 10.0.0.5 } ip daddr { 10.0.0.9 } tcp dport 104 accept";
    assert!(nft.contains(allow), "{nft}");
    let cisco = of_model.write(Syntax::Cisco);
    assert!(
        cisco.contains(" permit tcp host 10.0.0.5 host 10.0.0.9 eq 104\n"),
        "{cisco}"
    );
    assert!(cisco.contains(" deny ip host 10.0.0.5 any log"), "{cisco}");
    let text = of_model.write(Syntax::Text);
    assert!(text.contains("tcp/104 dicom"), "{text}");
    let of_pacs = memory.store.requirement("10.0.0.9").unwrap();
    assert!(of_pacs.write(Syntax::Text).contains("from "));
    assert!(memory.store.requirement("nothing").is_err());
}

/// Events that only show that a machine is there are no use of it; plan, visits and the clock are
/// told together.
#[test]
fn maintenance_is_told_with_its_plan() {
    let mut memory = imported();
    let mut sample = ward();
    let at = NOON_NS + 2 * DAY_NS;
    for (raw, first) in [("2026-03-01T10:00:00Z", 0), ("2026-03-04T11:00:00Z", 2)] {
        let fact = sample.say(0, Field::SnmpBootTime, raw);
        fact.first_seen_ns = NOON_NS + first * DAY_NS;
        fact.last_seen_ns = fact.first_seen_ns + HOUR_NS;
    }
    let fact = sample.say(0, Field::HttpOffset, "-90");
    (fact.first_seen_ns, fact.last_seen_ns) = (at, at);
    sample.talk(1, 0, Some(Protocol::Ssh), 22);
    let mut writer = sample.writer();
    let mut visits = Activity::new(SubjectId(0), Event::ServiceSession);
    visits.count(at, 2);
    writer.add_activity(&visits).unwrap();
    let table = writer.reader();
    let mut look = medtap_inventory::history::Look::at(
        &table,
        medtap_inventory::history::SourceKind::Capture,
        "visits",
        "main",
    );
    look.uid = Some("visits".to_owned());
    let shown = medtap_inventory::Resolution::new(
        &table,
        &medtap_inventory::Options::default(),
        &medtap_inventory::trace::Rulings::default(),
    );
    medtap_inventory::history::Observer::default()
        .observe(&mut memory.store, &shown, &look)
        .unwrap();
    let looked = memory.store.maintenance("10.0.0.5", now(4)).unwrap();
    assert_eq!(looked.restarts.len(), 1, "{looked:?}");
    assert_eq!(looked.restarts[0].time.0, at);
    assert_eq!(looked.clock_offset_seconds, Some(-90));
    assert_eq!(looked.seen[0].event, "service_session");
    assert_eq!((looked.seen[0].count, looked.seen[0].last_hour.0), (2, at));
    assert_eq!(looked.visitors[0].protocol, "ssh");
    assert!(looked.overdue);
    let before = Time(NOON_NS - 2 * DAY_NS);
    let before = memory.store.maintenance("10.0.0.5", before).unwrap();
    assert!(!before.overdue);
    let findings = memory.store.findings(now(4)).unwrap();
    assert!(findings.iter().any(|found| found.finding == "clock_offset"));
    let used = memory.store.utilisation("10.0.0.5", now(4)).unwrap();
    assert_eq!((used.events["service_session"], used.hours_active), (2, 0));
}
