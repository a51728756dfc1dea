//! One writer and several readers at once, over the pages of a file: all-old or all-new.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use medtap_table::{
    Capacity, FactId, FactTimes, Subject, SubjectId, TableReader, TableWriter, Traffic,
};

use crate::sample::{CAPACITY, LONG, binding, edge, fact};

const ROUNDS: u64 = 20_000;

/// A subject whose every field says the same number.
fn stamped(round: u64) -> Subject {
    let byte = round as u8;
    Subject {
        mac: [byte; 6],
        address: Some([byte; 4].into()),
        ttl_min: byte,
        ttl_max: byte,
        first_seen_ns: round,
        last_seen_ns: round,
        first_packet: round,
        ..binding(0)
    }
}

fn check(reader: &TableReader, seen_max: &mut u64) {
    for (id, subject, _) in reader.subjects() {
        assert_eq!(subject, stamped(subject.first_packet), "{id:?} is a mix");
        if id.0 == 0 {
            assert!(subject.first_packet >= *seen_max, "time runs backwards");
            *seen_max = subject.first_packet;
        }
    }
    for (_, fact) in reader.facts() {
        assert_eq!(fact.raw, LONG, "published before its text");
        assert_eq!(fact.count, fact.last_seen_ns);
        assert_eq!(u64::from(fact.confidence), fact.count % 100);
    }
    for (_, edge, _) in reader.edges() {
        assert!(reader.subject(edge.orig).is_some() || reader.torn() > 0);
    }
}

#[test]
fn readers_see_whole_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.table");
    let mut writer = TableWriter::create(
        &path,
        Capacity {
            heap_bytes: 4096,
            ..CAPACITY
        },
    )
    .unwrap();
    writer.add_subject(&stamped(0)).unwrap();
    let done = AtomicBool::new(false);
    let follow = |reader: TableReader| {
        let mut seen_max = 0;
        let mut passes = 0u64;
        while !done.load(Ordering::Relaxed) || passes == 0 {
            check(&reader, &mut seen_max);
            passes += 1;
        }
        assert_eq!(reader.skipped(), 0);
    };
    thread::scope(|scope| {
        scope.spawn(|| follow(TableReader::open(&path).unwrap()));
        let shared = writer.reader();
        scope.spawn(|| follow(shared));
        for round in 1..=ROUNDS {
            writer.set_subject(SubjectId(0), &stamped(round));
            writer.add_traffic(
                SubjectId(0),
                Traffic {
                    packets_sent: 1,
                    ..Traffic::default()
                },
            );
            if round % (ROUNDS / 6) == 0 {
                let id = writer.add_subject(&stamped(round)).unwrap();
                let mut fact = fact(id, LONG, "");
                (fact.last_seen_ns, fact.count, fact.confidence) = (1, 1, 1);
                let _ = writer.add_fact(&fact);
                let _ = writer.add_edge(&edge(id, SubjectId(0)));
            }
            if round >= ROUNDS / 6 {
                let confidence = (round % 100) as u8;
                let times = FactTimes {
                    first_seen_ns: 0,
                    last_seen_ns: round,
                    count: round,
                    confidence,
                };
                writer.set_fact_times(FactId(0), times);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let reader = TableReader::open(&path).unwrap();
    assert_eq!(reader.subject(SubjectId(0)).unwrap().1.packets_sent, ROUNDS);
}
