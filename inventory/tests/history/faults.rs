use medtap_inventory::history::HistoryError;
use medtap_table::vocabulary::Field;

use crate::memory::{Memory, NOON_NS};
use crate::sample::{HOUR_NS, Sample, proven};

fn crowd(count: u8) -> Sample {
    let mut sample = Sample::default();
    for last in 1..count {
        let host = sample.add(proven(
            [0, 0x12, 0x21, 0, 1, last],
            &format!("10.0.0.{last}"),
        ));
        let fact = sample.say(host, Field::DhcpHostname, "");
        fact.value = format!("host-{last}-{}", "x".repeat(150)).into();
        fact.raw = fact.value.clone();
    }
    sample
}

/// A full disk: nothing of the look is written, and the next one, with room, brings all of it.
#[test]
fn a_full_disk_loses_nothing() {
    let mut memory = Memory::new();
    memory.live(&crowd(3), 1, NOON_NS + HOUR_NS);
    let before = memory.dump();
    let pages = memory.store.bytes().unwrap() / 4096;
    memory
        .store
        .limit_pages(u32::try_from(pages).unwrap() + 8)
        .unwrap();
    let error = memory
        .live_step(&crowd(250), 1, NOON_NS + 2 * HOUR_NS, true)
        .unwrap_err();
    assert!(matches!(error, HistoryError::Full(_)), "{error}");
    assert!(error.passes());
    assert_eq!(memory.dump(), before);
    memory.store.check().unwrap();
    memory.store.limit_pages(1 << 20).unwrap();
    memory.live(&crowd(250), 1, NOON_NS + 3 * HOUR_NS);
    assert_eq!(memory.devices().len(), 249);
    memory.store.check().unwrap();
}

/// Another writer holds the file for longer than anybody waits: said, and nothing is lost.
#[test]
fn two_writers_take_turns() {
    let mut memory = Memory::new();
    memory.live(&crowd(3), 1, NOON_NS + HOUR_NS);
    let path = memory.path();
    let other = std::thread::spawn(move || {
        let mut store = medtap_inventory::history::Store::open(&path).unwrap();
        for _ in 0..20 {
            store
                .retain(&medtap_inventory::history::Policy::default(), NOON_NS)
                .unwrap();
        }
    });
    for step in 0..20 {
        memory.live(&crowd(30), 1, NOON_NS + HOUR_NS + step);
    }
    other.join().unwrap();
    assert_eq!(memory.devices().len(), 29);
}
