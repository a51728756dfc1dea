//! Tables that nobody would write: any order, any contents, any number.

use medtap_inventory::{Options, resolve};
use medtap_table::vocabulary::{Attribute, Field, Protocol};
use medtap_table::{
    Capacity, Edge, EdgeFlags, Fact, Subject, SubjectFlags, SubjectId, SubjectKind, TableWriter,
    Text,
};

use crate::sample::{CISCO, LOCAL, LOCAL2, MONDAY_NS, Sample, binding, proven};

/// A small network with something of everything.
fn network() -> Sample {
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.1"));
    let ct = sample.add(proven(LOCAL, "10.0.0.5"));
    let shown = sample.add(binding(CISCO, "10.9.0.9", 63));
    let pacs = sample.add(proven(LOCAL2, "10.9.0.9"));
    sample.say(ct, Field::DicomAeTitle, "CT_ROOM1");
    sample.say(ct, Field::DhcpHostname, "ct-1");
    sample.say(ct, Field::MdnsHostname, "ct-2");
    sample.roles(ct, &["storage_scu", "worklist_scu"]);
    sample.roles(pacs, &["storage_scp", "query_scp", "forwarder"]);
    for reporter in [ct, shown] {
        let image = sample.report(reporter, "dicom:serial|acme|tomo|sn-77");
        sample.image(image, "ACME", "TOMO", "SN-77");
        sample.say(image, Field::DicomStationAeTitle, "CT_ROOM1");
    }
    for serial in ["0", "1"] {
        let row = sample.report(pacs, &format!("hl7:serial|x|y|{serial}"));
        sample.say(row, Field::Hl7DeviceSerial, serial);
    }
    sample.talk(ct, shown, Some(Protocol::Dicom), 104);
    sample.talk(ct, pacs, Some(Protocol::Dicom), 104);
    sample
}

#[test]
fn the_order_of_slots_tells_nothing() {
    let sample = network();
    let expected = sample.inventory();
    for seed in 1..40 {
        assert_eq!(
            sample.shuffled(seed * 7919).inventory(),
            expected,
            "seed {seed}"
        );
    }
}

#[test]
fn an_empty_table_is_an_empty_inventory() {
    let inventory = Sample::default().inventory();
    assert!(inventory.devices.is_empty());
    assert_eq!(inventory.as_of, None);
    assert!(
        inventory
            .coverage
            .attributes
            .values()
            .all(|share| *share == 0.0)
    );
}

#[test]
fn ids_are_unique_even_for_records_that_should_not_be() {
    let mut sample = Sample::default();
    let host = sample.add(proven(LOCAL, "10.0.0.1"));
    for _ in 0..200 {
        sample.report(host, "hl7:ei|0|x");
    }
    let inventory = sample.inventory();
    let mut ids: Vec<&str> = inventory.devices.iter().map(|d| &*d.id).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), 201);
}

/// Bytes as a table, as directly as they allow.
fn table(bytes: &[u8]) -> TableWriter {
    let capacity = Capacity {
        subjects: 64,
        facts: 64,
        edges: 64,
        activities: 8,
        workers: 1,
        heap_bytes: 4096,
    };
    let mut writer = TableWriter::anonymous(capacity).unwrap();
    let mut count = 1;
    writer.add_subject(&Subject::default()).unwrap();
    for record in bytes.chunks(8) {
        let byte = |at: usize| record.get(at).copied().unwrap_or(0);
        let time = |at: usize| match byte(at) {
            0 => 0,
            255 => u64::MAX,
            other => MONDAY_NS + u64::from(other),
        };
        let id = |at: usize| SubjectId(u32::from(byte(at)) % count);
        let texts = [
            "",
            "0",
            "SN-77",
            "CT_ROOM1",
            "pacs",
            "dicom:ae|CT_ROOM1",
            "ACME",
            "a.b",
        ];
        let text = |at: usize| texts[usize::from(byte(at)) % texts.len()];
        match byte(0) % 4 {
            0 | 1 => {
                let address = match byte(2) % 4 {
                    0 => None,
                    1 => Some([10, 0, 0, byte(3)].into()),
                    2 => Some([byte(3); 4].into()),
                    _ => Some([byte(3); 16].into()),
                };
                let reported = byte(2) > 200;
                let added = writer.add_subject(&Subject {
                    kind: if reported {
                        SubjectKind::Reported
                    } else {
                        SubjectKind::Binding
                    },
                    flags: SubjectFlags(byte(4).into()),
                    mac: [byte(1) & 7, 0, byte(1) >> 6, 0, 0, byte(1) & 3],
                    address,
                    ttl_max: byte(5),
                    reporter: reported.then(|| id(1)),
                    identifier: Text::cut(text(3)),
                    first_seen_ns: time(6),
                    last_seen_ns: time(7),
                    ..Subject::default()
                });
                count += u32::from(added.is_ok());
            }
            2 => {
                let field = Field::ALL[usize::from(byte(2)) % Field::ALL.len()];
                let attribute = Attribute::ALL[usize::from(byte(3)) % Attribute::ALL.len()];
                let _ = writer.add_fact(&Fact {
                    subject: id(1),
                    rule: byte(4).into(),
                    field,
                    attribute,
                    confidence: byte(5),
                    raw: text(6).into(),
                    value: text(7).into(),
                    raw_cut: byte(4) & 1 != 0,
                    value_cut: byte(4) & 2 != 0,
                    first_seen_ns: time(6),
                    last_seen_ns: time(7),
                    count: u64::MAX - u64::from(byte(4)),
                });
            }
            _ => {
                let _ = writer.add_edge(&Edge {
                    orig: id(1),
                    resp: (byte(2) & 1 == 0).then(|| id(3)),
                    protocol: Protocol::from_number(byte(4).into()),
                    port: u16::from(byte(5)) * 257,
                    transport: byte(5),
                    flags: EdgeFlags(byte(2)),
                    confidence: 200,
                    first_seen_ns: time(6),
                    last_seen_ns: time(7),
                });
            }
        }
    }
    writer
}

#[test]
fn fuzz_any_table() {
    bolero::check!()
        .with_test_time(std::time::Duration::from_millis(500))
        .with_max_len(512)
        .for_each(|bytes: &[u8]| {
            let inventory = resolve(&table(bytes).reader(), &Options::default());
            let ids: std::collections::BTreeSet<&str> =
                inventory.devices.iter().map(|device| &*device.id).collect();
            assert_eq!(ids.len(), inventory.devices.len());
            for device in &inventory.devices {
                assert!(device.category_confidence <= 100);
                let known = |id: &String| ids.contains(id.as_str());
                assert!(device.peers.iter().all(|peer| known(&peer.id)));
                assert!(device.reported_by.iter().all(known));
            }
        });
}
