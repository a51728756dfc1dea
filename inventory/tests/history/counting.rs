use medtap_inventory::history::{ChangeKind, Store};
use medtap_table::vocabulary::Protocol;

use crate::memory::{DAY_NS, Memory, NOON_NS};
use crate::sample::{BRAUN, CISCO, HOUR_NS, SECOND_NS, Sample, proven};

fn pair() -> Sample {
    let mut sample = Sample::default();
    let pump = sample.add(proven(BRAUN, "10.0.0.5"));
    let server = sample.add(proven(CISCO, "10.0.0.9"));
    sample.talk(pump, server, Some(Protocol::Hl7), 2575);
    sample
}

fn packets(memory: &Memory, name: &str) -> u64 {
    memory.store.device(name).unwrap().traffic[0]
}

#[test]
fn the_same_capture_twice_changes_nothing() {
    let mut memory = Memory::new();
    memory.capture_as(&pair(), 0, "one").unwrap();
    let before = memory.dump();
    let noted = memory.capture_as(&pair(), 0, "one").unwrap();
    assert_eq!((noted.new_devices, noted.changes), (0, 0));
    assert_eq!(memory.dump(), before);
}

#[test]
fn captures_give_the_same_in_any_order() {
    let version = |version: &str| {
        let mut sample = pair();
        sample.say(
            0,
            medtap_table::vocabulary::Field::DicomSoftwareVersions,
            version,
        );
        sample
    };
    let days = [(0, "1.0"), (1, "1.0"), (2, "1.1"), (40, "2.0")];
    let tell = |order: &[usize]| {
        let mut memory = Memory::new();
        for at in order {
            let (day, text) = days[*at];
            memory
                .capture_as(&version(text), day, &format!("day {day}"))
                .unwrap();
        }
        let changed = memory.told(ChangeKind::Changed);
        let record = memory.store.device("10.0.0.5").unwrap();
        let values = serde_json::to_string(&record.values).unwrap();
        (changed, values, record.traffic, record.hours_seen)
    };
    let first = tell(&[0, 1, 2, 3]);
    assert_eq!(first.0.len(), 2);
    for order in [[3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        assert_eq!(tell(&order), first, "{order:?}");
    }
}

#[test]
fn a_restart_that_took_over_counts_once() {
    let mut memory = Memory::new();
    memory.live(&pair(), 1, NOON_NS + HOUR_NS);
    let counted = packets(&memory, "10.0.0.5");
    assert!(counted > 0);
    // The new engine began with what the old one knew: the first thing it tells is the same.
    memory.live(
        &pair().until(NOON_NS + 2 * HOUR_NS),
        2,
        NOON_NS + 2 * HOUR_NS,
    );
    assert_eq!(packets(&memory, "10.0.0.5"), counted);
    assert_eq!(memory.store.sources().unwrap().len(), 1);
    // One that knew nothing counts from the beginning, beside what was counted.
    let fresh = pair().shifted(3 * HOUR_NS);
    memory.live(&fresh, 3, NOON_NS + 4 * HOUR_NS);
    assert_eq!(packets(&memory, "10.0.0.5"), 2 * counted);
    memory.live(&fresh, 3, NOON_NS + 5 * HOUR_NS);
    assert_eq!(packets(&memory, "10.0.0.5"), 2 * counted);
    assert_eq!(memory.devices().len(), 2);
    let new = memory.told(ChangeKind::NewDevice);
    assert_eq!(new.len(), 2, "a restart makes nothing new");
}

#[test]
fn silence_needs_somebody_who_looked() {
    let mut memory = Memory::new();
    let hours = |n: u64| NOON_NS + n * HOUR_NS;
    let mut sample = pair();
    for step in 1..300 {
        // A look every five minutes; the pump sent its last packet at one.
        sample.subjects[1].last_seen_ns = NOON_NS + step * 300 * SECOND_NS;
        memory
            .live_step(&sample, 1, NOON_NS + step * 300 * SECOND_NS, step % 12 == 0)
            .unwrap();
    }
    assert!(
        memory.told(ChangeKind::Silent).is_empty(),
        "23 hours and more are not a day"
    );
    for step in 300..330 {
        sample.subjects[1].last_seen_ns = NOON_NS + step * 300 * SECOND_NS;
        memory.live(&sample, 1, NOON_NS + step * 300 * SECOND_NS);
    }
    assert_eq!(memory.told(ChangeKind::Silent).len(), 1);
    let pump = memory.store.device("10.0.0.5").unwrap();
    assert_eq!(
        pump.device.silent_since.map(|t| t.0),
        Some(hours(1) + DAY_NS)
    );
    sample.subjects[0].last_seen_ns = hours(28);
    memory.live(&sample, 1, hours(28));
    assert_eq!(memory.told(ChangeKind::Returned).len(), 1);
    assert!(
        memory
            .store
            .device("10.0.0.5")
            .unwrap()
            .device
            .silent_since
            .is_none()
    );

    // The sensor was off for two days: that shows nothing about anybody.
    let mut memory = Memory::new();
    memory.live(&pair(), 1, hours(1));
    memory.live(&pair(), 1, hours(50));
    memory.live(&pair(), 1, hours(51));
    assert!(memory.told(ChangeKind::Silent).is_empty());
    let gaps = memory.store.seen().unwrap().gaps;
    assert_eq!(gaps.len(), 2, "{gaps:?}");
}

#[test]
fn a_clock_that_jumps_back_is_told_and_moves_nothing_back() {
    let mut memory = Memory::new();
    let sample = pair().until(NOON_NS + 5 * HOUR_NS);
    memory.live(&sample, 1, NOON_NS + 5 * HOUR_NS);
    let last = memory.devices()[0].last_seen;
    let early = pair().until(NOON_NS + 2 * HOUR_NS);
    memory.live(&early, 1, NOON_NS + 2 * HOUR_NS);
    assert_eq!(memory.devices()[0].last_seen, last);
    assert_eq!(memory.told(ChangeKind::ClockBack).len(), 1);
    // Its run goes on under the same source, whatever its first time is now.
    let mut earlier = early.clone();
    earlier.subjects[0].first_seen_ns -= HOUR_NS;
    memory.live(&earlier, 1, NOON_NS + 3 * HOUR_NS);
    assert_eq!(memory.store.sources().unwrap().len(), 1);
    assert_eq!(memory.devices().len(), 2);
}

#[test]
fn new_services_and_peers_are_told_after_the_beginning() {
    let mut memory = Memory::new();
    memory.live(&pair(), 1, NOON_NS + HOUR_NS);
    assert!(memory.told(ChangeKind::NewService).is_empty());
    let mut sample = pair();
    sample.talk(1, 0, Some(Protocol::Http), 80);
    let at = NOON_NS + 2 * HOUR_NS;
    let (edge, _) = sample.edges.last_mut().unwrap();
    (edge.first_seen_ns, edge.last_seen_ns) = (at, at);
    memory.live(&sample, 1, at + HOUR_NS);
    let told = memory.told(ChangeKind::NewService);
    assert_eq!(told, [("http".into(), String::new(), "80".into())]);
    assert!(memory.told(ChangeKind::NewPeer).is_empty(), "they had met");
    let stranger = sample.add(proven([0, 0x12, 0x21, 9, 9, 9], "10.0.0.66"));
    let at = at + 5 * HOUR_NS;
    sample.subjects[2].first_seen_ns = at;
    sample.subjects[2].last_seen_ns = at;
    sample.talk(stranger, 0, Some(Protocol::Ssh), 22);
    memory.live(&sample, 1, at + HOUR_NS);
    let id = memory.store.find("10.0.0.66").unwrap();
    let told = memory.told(ChangeKind::NewPeer);
    assert!(told.iter().any(|(_, _, new)| *new == id), "{told:?}");
}

#[test]
fn histories_merge_and_count_once() {
    let mut north = Memory::new();
    north.site = "north";
    north.capture(&pair(), 0);
    let mut main = Memory::new();
    let mut sample = Sample::default();
    // The pump came from the other site.
    sample.add(proven(BRAUN, "10.1.0.5"));
    main.capture(&sample, 3);
    let other = Store::open_to_read(&north.path()).unwrap();
    let merged = main.store.merge(&other, NOON_NS).unwrap();
    assert_eq!(
        (merged.sources, merged.devices, merged.new_devices),
        (1, 2, 1)
    );
    assert_eq!(main.devices().len(), 2);
    let pump = main.store.device("10.1.0.5").unwrap();
    assert_eq!(pump.bindings.len(), 2);
    assert_eq!(pump.device.first_seen.0, NOON_NS);
    let before = main.dump();
    main.store.merge(&other, NOON_NS).unwrap();
    assert_eq!(main.dump(), before, "a second time adds nothing");
}

#[test]
fn what_is_old_is_forgotten_by_policy() {
    let mut memory = Memory::new();
    memory.capture(&pair(), 0);
    memory.capture(&pair(), 500);
    let mut phone = Sample::default();
    phone.add(proven([0x7a, 1, 2, 3, 4, 5], "10.0.0.77"));
    memory.capture(&phone, 400);
    assert_eq!(memory.devices().len(), 3);
    let policy = medtap_inventory::history::Policy::default();
    let removed = memory
        .store
        .retain(&policy, NOON_NS + 501 * DAY_NS)
        .unwrap();
    assert_eq!(removed.devices, 1, "the phone that passed by");
    assert!(removed.rows > 0);
    let pump = memory.store.device("10.0.0.5").unwrap();
    assert_eq!(pump.bindings.len(), 1);
    assert_eq!(pump.hours_seen, 2);
    memory.store.check().unwrap();
}
