//! A small table with something of everything.

use medtap_table::vocabulary::{
    Attach, Attribute, Counter, Delivery, Event, Field, InterfaceCounter, Protocol, Purpose,
};
use medtap_table::{
    Activity, Capacity, Edge, EdgeFlags, Fact, Gauges, Interface, InterfaceFlags, Source, Subject,
    SubjectFlags, SubjectId, SubjectKind, TableReader, TableWriter, Text, Traffic, Volume,
    WorkerStatus,
};

/// Room for little.
pub const CAPACITY: Capacity = Capacity {
    subjects: 8,
    facts: 8,
    edges: 4,
    activities: 4,
    workers: 2,
    interfaces: 2,
    heap_bytes: 1024,
};

/// 2026-03-02, a Monday, 00:00 UTC.
pub const MONDAY_NS: u64 = 1_772_409_600_000_000_000;

/// What memory is for.
pub const MEMORY: [(Purpose, u64); 2] = [(Purpose::Flows, 7 << 20), (Purpose::Frames, 9)];

pub fn binding(last: u8) -> Subject {
    Subject {
        kind: SubjectKind::Binding,
        flags: SubjectFlags::ARP | SubjectFlags::TWO_WAY,
        scope: 1,
        vlan: 20,
        mac: [0, 1, 2, 3, 4, last],
        address: Some([10, 0, 0, last].into()),
        ttl_min: 63,
        ttl_max: 64,
        first_seen_ns: MONDAY_NS,
        last_seen_ns: MONDAY_NS + u64::from(last),
        first_packet: 7,
        ..Subject::default()
    }
}

pub fn reported(reporter: SubjectId) -> Subject {
    Subject {
        kind: SubjectKind::Reported,
        mac: [0; 6],
        address: None,
        reporter: Some(reporter),
        identifier: Text::new("Acme|Pump 3000|SN-1").unwrap(),
        ..binding(0)
    }
}

pub fn fact<'a>(subject: SubjectId, raw: &'a str, value: &'a str) -> Fact<'a> {
    Fact {
        subject,
        rule: 17,
        field: Field::DicomModel,
        attribute: Attribute::Model,
        confidence: 95,
        raw: raw.into(),
        value: value.into(),
        raw_cut: false,
        value_cut: false,
        first_seen_ns: MONDAY_NS,
        last_seen_ns: MONDAY_NS + 5,
        count: 3,
    }
}

pub fn edge(orig: SubjectId, resp: SubjectId) -> Edge {
    Edge {
        orig,
        resp: Some(resp),
        protocol: Some(Protocol::Dicom),
        port: 104,
        transport: 6,
        flags: EdgeFlags::ANSWERED | EdgeFlags::CONFIRMED,
        confidence: 100,
        first_seen_ns: MONDAY_NS,
        last_seen_ns: MONDAY_NS + 9,
    }
}

pub fn source() -> Source {
    Source {
        files: 2,
        packets: 1000,
        bytes: 64_000,
        first_seen_ns: MONDAY_NS,
        last_seen_ns: MONDAY_NS + 9,
        malformed: 1,
        truncated: 2,
        duplicates: 3,
        as_of_ns: MONDAY_NS + 10,
        partial: true,
    }
}

pub fn interface() -> Interface {
    Interface {
        name: Text::new("enp3s0f1").unwrap(),
        index: 4,
        attach: Attach::Native,
        delivery: Delivery::Copy,
        queues: 4,
        sockets: 2,
        mtu: 9000,
        frame_bytes: 4096,
        frames: 16_384,
        flags: InterfaceFlags::UP | InterfaceFlags::MULTI_BUFFER,
        note: Text::cut("zero-copy: the driver does not offer it (EOPNOTSUPP)"),
    }
}

pub const LONG: &str = "A text that is longer than the place that a record has for it: \
    it lies in the heap, with its ümlauts, and a reader finds it there all the same, \
    whether it is live or saved.";

/// Something of everything.
pub fn writer() -> TableWriter {
    let mut writer = TableWriter::anonymous(CAPACITY).unwrap();
    let ct = writer.add_subject(&binding(1)).unwrap();
    let pacs = writer.add_subject(&binding(2)).unwrap();
    let v6 = Subject {
        address: Some("2001:db8::7".parse().unwrap()),
        ..binding(3)
    };
    writer.add_subject(&v6).unwrap();
    writer.add_subject(&reported(pacs)).unwrap();
    writer
        .add_subject(&Subject {
            address: None,
            ..binding(4)
        })
        .unwrap();
    let traffic = Traffic {
        packets_sent: 1,
        packets_received: 2,
        bytes_sent: 60,
        bytes_received: 120,
    };
    writer.add_traffic(ct, traffic);
    writer.add_traffic(ct, traffic);

    writer
        .add_fact(&fact(ct, "SOMATOM Go", "somatom_go"))
        .unwrap();
    writer.add_fact(&fact(ct, LONG, LONG)).unwrap();
    writer.add_fact(&fact(pacs, "", "")).unwrap();

    let dicom = writer.add_edge(&edge(ct, pacs)).unwrap();
    writer.add_volume(
        dicom,
        Volume {
            packets: 10,
            bytes: 9_000,
            conversations: 3,
        },
    );
    writer
        .add_edge(&Edge {
            protocol: None,
            ..edge(pacs, ct)
        })
        .unwrap();

    let stores = writer
        .add_activity(&Activity::new(ct, Event::DicomStore))
        .unwrap();
    writer.count_event(stores, MONDAY_NS + 3_600_000_000_000, 2);
    writer.count_event(stores, MONDAY_NS, 1);

    writer
        .set_counters(1, [(Counter::Packets, 1000), (Counter::FlowsRefused, 4)])
        .unwrap();
    writer.set_parse_errors(1, [(Protocol::Hl7, 5)]).unwrap();
    let latency = [1, 2, 3];
    let gauges = Gauges {
        ring_fill: 6,
        ring_capacity: 4096,
        owed: 3,
        rules_generation: 77,
        cpu: Some(0),
        beat_ns: MONDAY_NS + 1,
        flows: 12,
        latency: &latency,
    };
    writer.set_gauges(1, &gauges).unwrap();
    let port = writer.add_interface(&interface()).unwrap();
    writer.set_interface_counters(port, [(InterfaceCounter::MultiBuffer, 8)]);
    writer.set_source(&source());
    writer.set_memory_said(MEMORY);
    writer.set_memory_taken(5 << 20);
    writer.set_rules_generation(77);
    writer.heartbeat(MONDAY_NS);
    writer
}

/// Counters of one interface.
pub type Counts = Vec<(InterfaceCounter, u64)>;

/// All that a reader says.
#[derive(Debug, PartialEq)]
pub struct Contents {
    pub subjects: Vec<(u32, Subject, Traffic)>,
    pub facts: Vec<(u32, Fact<'static>)>,
    pub edges: Vec<(u32, Edge, Volume)>,
    pub activity: Vec<(u32, Activity)>,
    pub workers: Vec<WorkerStatus>,
    pub interfaces: Vec<(u32, Interface, Counts)>,
    pub source: Option<Source>,
    pub memory: (Vec<(Purpose, u64)>, u64),
    pub rules_generation: u64,
    pub limits_hit: Vec<(Counter, u64)>,
}

pub fn contents(reader: &TableReader) -> Contents {
    Contents {
        subjects: reader.subjects().map(|(id, s, t)| (id.0, s, t)).collect(),
        facts: reader.facts().map(|(id, fact)| (id.0, fact)).collect(),
        edges: reader
            .edges()
            .map(|(id, edge, volume)| (id.0, edge, volume))
            .collect(),
        activity: reader
            .activity()
            .map(|(id, activity)| (id.0, activity))
            .collect(),
        workers: reader.workers().collect(),
        interfaces: reader.interfaces().map(|(id, i, c)| (id.0, i, c)).collect(),
        source: reader.source(),
        memory: (reader.memory_said(), reader.memory_taken()),
        rules_generation: reader.rules_generation(),
        limits_hit: reader.limits_hit(),
    }
}
