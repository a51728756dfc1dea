//! What a writer says, a reader hears.

use medtap_table::vocabulary::{Counter, Event, InterfaceCounter, Protocol};
use medtap_table::{
    Activity, FactTimes, Region, Subject, SubjectFlags, SubjectId, TableReader, Text, Traffic,
    Volume, hour_of_week,
};

use crate::sample::{self, LONG, MONDAY_NS, binding, contents, edge, fact, reported};

#[test]
fn everything_comes_back() {
    let writer = sample::writer();
    let reader = writer.reader();
    let read = contents(&reader);

    let subjects: Vec<Subject> = read
        .subjects
        .iter()
        .map(|(_, subject, _)| *subject)
        .collect();
    assert_eq!(subjects[0], binding(1));
    assert_eq!(subjects[1], binding(2));
    assert_eq!(subjects[2].address, Some("2001:db8::7".parse().unwrap()));
    assert_eq!(subjects[3], reported(SubjectId(1)));
    assert_eq!(subjects[3].identifier.as_str(), "Acme|Pump 3000|SN-1");
    assert_eq!(subjects[4].address, None);
    let doubled = Traffic {
        packets_sent: 2,
        packets_received: 4,
        bytes_sent: 120,
        bytes_received: 240,
    };
    assert_eq!(read.subjects[0].2, doubled);
    assert_eq!(read.subjects[1].2, Traffic::default());

    assert_eq!(
        read.facts[0].1,
        fact(SubjectId(0), "SOMATOM Go", "somatom_go")
    );
    assert_eq!(read.facts[1].1, fact(SubjectId(0), LONG, LONG));
    assert_eq!(read.facts[2].1, fact(SubjectId(1), "", ""));

    assert_eq!(read.edges[0].1, edge(SubjectId(0), SubjectId(1)));
    assert_eq!(
        read.edges[0].2,
        Volume {
            packets: 10,
            bytes: 9_000,
            conversations: 3,
        }
    );
    assert_eq!(read.edges[1].1.protocol, None);

    let activity = &read.activity[0].1;
    assert_eq!(
        (activity.total, activity.bins[0], activity.bins[1]),
        (3, 1, 2)
    );
    assert_eq!(activity.first_seen_ns, MONDAY_NS);
    assert_eq!(activity.last_seen_ns, MONDAY_NS + 3_600_000_000_000);

    assert_eq!(read.workers.len(), 2);
    let worker = &read.workers[1];
    assert!(worker.counters.contains(&(Counter::Packets, 1000)));
    assert_eq!(worker.parse_errors, [(Some(Protocol::Hl7), 5)]);
    assert_eq!((worker.ring_fill, worker.ring_capacity), (6, 4096));
    assert_eq!(worker.latency, [1, 2, 3]);
    assert_eq!((worker.owed, worker.flows, worker.cpu), (3, 12, Some(0)));
    assert_eq!(
        (worker.rules_generation, worker.beat_ns),
        (77, MONDAY_NS + 1)
    );
    assert_eq!((read.workers[0].cpu, read.workers[0].beat_ns), (None, 0));

    let [(0, interface, counters)] = &read.interfaces[..] else {
        panic!("{:?}", read.interfaces)
    };
    assert_eq!(*interface, sample::interface());
    assert_eq!(counters.len(), InterfaceCounter::ALL.len());
    let counted: Vec<_> = counters.iter().filter(|&&(_, number)| number > 0).collect();
    assert_eq!(counted, [&(InterfaceCounter::MultiBuffer, 8)]);

    assert_eq!(read.source, Some(sample::source()));
    assert_eq!(read.memory, (sample::MEMORY.to_vec(), 5 << 20));
    assert_eq!(read.rules_generation, 77);
    assert_eq!(read.limits_hit, [(Counter::FlowsRefused, 4)]);
    assert_eq!(reader.heartbeat_ns(), MONDAY_NS);
    assert_eq!(
        (reader.torn(), reader.skipped(), reader.run_id()),
        (0, 0, 0)
    );
}

#[test]
fn records_are_replaced_and_counters_stay() {
    let mut writer = sample::writer();
    let reader = writer.reader();
    let seen = Subject {
        last_seen_ns: MONDAY_NS + 99,
        flags: binding(1).flags | SubjectFlags::ROUTER,
        ..binding(1)
    };
    writer.set_subject(SubjectId(0), &seen);
    let (subject, traffic) = reader.subject(SubjectId(0)).unwrap();
    assert_eq!(subject, seen);
    assert_eq!(traffic.packets_sent, 2);

    let (id, _) = reader.facts().nth(1).unwrap();
    let times = FactTimes {
        first_seen_ns: 1,
        last_seen_ns: 2,
        count: 3_000_000_000_000,
        confidence: 50,
    };
    writer.set_fact_times(id, times);
    let (_, changed) = reader.facts().nth(1).unwrap();
    let mut expected = fact(SubjectId(0), LONG, LONG);
    (expected.first_seen_ns, expected.last_seen_ns) = (1, 2);
    (expected.count, expected.confidence) = (3_000_000_000_000, 50);
    assert_eq!(changed, expected);

    let (id, mut changed, _) = reader.edges().next().unwrap();
    changed.port = 11112;
    writer.set_edge(id, &changed);
    let (_, edge, volume) = reader.edges().next().unwrap();
    assert_eq!((edge, volume.bytes), (changed, 9_000));

    let (id, mut changed, _) = reader.interfaces().next().unwrap();
    changed.flags.insert(medtap_table::InterfaceFlags::GONE);
    writer.set_interface(id, &changed);
    let (_, interface, counters) = reader.interfaces().next().unwrap();
    assert_eq!((interface, counters[16].1), (changed, 8));

    let (id, _) = reader.activity().next().unwrap();
    let mut other = Activity::new(SubjectId(1), Event::Hl7Message);
    other.count(MONDAY_NS + 1, 5);
    writer.set_activity(id, &other);
    assert_eq!(reader.activity().next().unwrap().1, other);
}

#[test]
fn saved_tables_read_like_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    let writer = sample::writer();
    writer.save(&path).unwrap();
    let saved = TableReader::open(&path).unwrap();
    assert_eq!(contents(&saved), contents(&writer.reader()));
    assert!(saved.is_saved());
    assert_eq!(
        saved.used(Region::Subjects),
        saved.capacity(Region::Subjects)
    );

    // A saved table can be saved again, to the same bytes; so can the same run.
    let again = folder.path().join("b.table");
    saved.save(&again).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes, std::fs::read(&again).unwrap());
    sample::writer().save(&again).unwrap();
    assert_eq!(bytes, std::fs::read(&again).unwrap());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "no leftovers"
    );
}

#[test]
fn hours_begin_on_monday_in_utc() {
    assert_eq!(hour_of_week(0), 72); // 1970-01-01 00:00, a Thursday.
    assert_eq!(hour_of_week(MONDAY_NS), 0);
    assert_eq!(hour_of_week(MONDAY_NS - 1), 167);
    assert!(hour_of_week(u64::MAX) < 168);
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(Text::<4>::cut("aüüü").as_str(), "aü");
    assert_eq!(Text::<4>::new("aüüü"), None);
    assert_eq!(Text::<4>::new("aü").unwrap().as_str(), "aü");
    assert!(Text::<4>::default().is_empty());
}
