//! Every region is bounded: what finds no room is refused, counted and said.

use medtap_table::layout::{
    LATENCY_BYTES_MAX, RAW_BYTES_INLINE, TEXT_BYTES_MAX, VALUE_BYTES_INLINE,
};
use medtap_table::vocabulary::{Counter, Event};
use medtap_table::{Activity, Capacity, CreateError, Full, Gauges, Region, SubjectId, TableWriter};

use crate::sample::{CAPACITY, LONG, binding, edge, fact, interface};

#[test]
fn full_regions_refuse_and_count() {
    let mut writer = TableWriter::anonymous(CAPACITY).unwrap();
    let reader = writer.reader();
    for last in 0..8 {
        writer.add_subject(&binding(last)).unwrap();
    }
    let full = writer.add_subject(&binding(9)).unwrap_err();
    assert_eq!(
        full,
        Full {
            region: Region::Subjects
        }
    );
    assert_eq!(full.to_string(), "the table's region subjects is full");
    assert!(writer.add_subject(&binding(9)).is_err());

    let ct = SubjectId(0);
    for _ in 0..8 {
        writer.add_fact(&fact(ct, "a", "b")).unwrap();
    }
    assert_eq!(
        writer.add_fact(&fact(ct, LONG, LONG)),
        Err(Full {
            region: Region::Facts
        })
    );
    assert_eq!(
        reader.used(Region::Heap),
        0,
        "a refused fact leaves nothing in the heap"
    );
    for _ in 0..4 {
        writer.add_edge(&edge(ct, ct)).unwrap();
        writer
            .add_activity(&Activity::new(ct, Event::DicomEcho))
            .unwrap();
    }
    assert!(writer.add_edge(&edge(ct, ct)).is_err());
    assert!(
        writer
            .add_activity(&Activity::new(ct, Event::DicomEcho))
            .is_err()
    );
    assert!(writer.set_counters(2, [(Counter::Packets, 1)]).is_err());
    for _ in 0..2 {
        writer.add_interface(&interface()).unwrap();
    }
    let full = writer.add_interface(&interface()).unwrap_err();
    assert_eq!(full.region, Region::Interfaces);
    assert_eq!(reader.refused(Region::Interfaces), 1);

    assert_eq!(reader.subjects().count(), 8);
    assert_eq!(reader.facts().count(), 8);
    assert_eq!(reader.workers().count(), 0);
    let limits = [
        (Counter::SubjectsRefused, 2),
        (Counter::FactsRefused, 1),
        (Counter::EdgesRefused, 1),
        (Counter::ActivityRefused, 1),
    ];
    assert_eq!(reader.limits_hit(), limits);
}

#[test]
fn a_full_heap_cuts_texts_and_says_so() {
    let mut writer = TableWriter::anonymous(Capacity {
        heap_bytes: 256,
        ..CAPACITY
    })
    .unwrap();
    let ct = writer.add_subject(&binding(1)).unwrap();
    let text = "ü".repeat(TEXT_BYTES_MAX / 2);
    writer.add_fact(&fact(ct, &text, &text)).unwrap();
    let reader = writer.reader();
    let (_, read) = reader.facts().next().unwrap();
    assert_eq!((&*read.raw, read.raw_cut), (&*text, false));
    assert_eq!(read.value, "ü".repeat(VALUE_BYTES_INLINE / 2));
    assert!(read.value_cut);
    assert_eq!(reader.refused(Region::Heap), 1);
    assert_eq!(reader.limits_hit(), [(Counter::HeapRefused, 1)]);
}

#[test]
fn texts_of_every_length_come_back() {
    let capacity = Capacity {
        facts: 300,
        heap_bytes: 1 << 20,
        ..CAPACITY
    };
    let mut writer = TableWriter::anonymous(capacity).unwrap();
    let ct = writer.add_subject(&binding(1)).unwrap();
    let long = "abcdefghijklmnopqrstuvwxyz\0".repeat(12);
    for len in 0..300 {
        writer
            .add_fact(&fact(ct, &long[..len], &long[1..=len]))
            .unwrap();
    }
    for (id, fact) in writer.reader().facts() {
        let len = id.index().min(TEXT_BYTES_MAX);
        assert_eq!(fact.raw, long[..len]);
        assert_eq!(fact.value, long[1..=len]);
        assert_eq!(fact.raw_cut, id.index() > TEXT_BYTES_MAX);
    }
    const { assert!(RAW_BYTES_INLINE < TEXT_BYTES_MAX) };
}

/// A text that a sighting cut before stays cut.
#[test]
fn cuts_of_others_are_kept() {
    let mut writer = TableWriter::anonymous(CAPACITY).unwrap();
    let ct = writer.add_subject(&binding(1)).unwrap();
    let cut = medtap_table::Fact {
        raw_cut: true,
        value_cut: false,
        ..fact(ct, "a", "b")
    };
    writer.add_fact(&cut).unwrap();
    assert_eq!(writer.reader().facts().next().unwrap().1, cut);
}

#[test]
fn an_overlong_histogram_is_refused() {
    let mut writer = TableWriter::anonymous(CAPACITY).unwrap();
    let latency = vec![1; LATENCY_BYTES_MAX + 1];
    let long = Gauges {
        latency: &latency,
        ring_fill: 3,
        ring_capacity: 4,
        ..Gauges::default()
    };
    assert_eq!(
        writer.set_gauges(0, &long),
        Err(Full {
            region: Region::Workers
        })
    );
    let fits = Gauges {
        latency: &latency[1..],
        ..long
    };
    assert_eq!(writer.set_gauges(1, &fits), Ok(()));
    let workers: Vec<_> = writer.reader().workers().collect();
    assert_eq!((workers[0].latency.len(), workers[0].ring_fill), (0, 3));
    assert_eq!(workers[1].latency.len(), LATENCY_BYTES_MAX);
}

#[test]
fn impossible_capacities_are_errors() {
    let too_large = Capacity {
        heap_bytes: u64::MAX,
        ..CAPACITY
    };
    assert!(matches!(
        TableWriter::anonymous(too_large),
        Err(CreateError::Capacity)
    ));
    // 50 TiB: an error, or memory that is never touched, as the system likes.
    let immense = Capacity {
        workers: u32::MAX,
        ..CAPACITY
    };
    if let Err(error) = TableWriter::anonymous(immense) {
        assert!(matches!(error, CreateError::Memory { .. }), "{error}");
    }
}

#[test]
#[should_panic(expected = "no such slot")]
fn slots_that_were_never_given_are_mistakes() {
    let mut writer = TableWriter::anonymous(CAPACITY).unwrap();
    writer.set_subject(SubjectId(0), &binding(1));
}
