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

/// One record of a made-up table: eight bytes that say what they can.
struct Noise<'a> {
    bytes: &'a [u8],
    /// Subjects so far.
    count: u32,
}

impl Noise<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn time(&self, at: usize) -> u64 {
        match self.byte(at) {
            0 => 0,
            255 => u64::MAX,
            other => MONDAY_NS + u64::from(other),
        }
    }

    fn id(&self, at: usize) -> SubjectId {
        SubjectId(u32::from(self.byte(at)) % self.count)
    }

    fn text(&self, at: usize) -> &'static str {
        const TEXTS: [&str; 9] = [
            "",
            "0",
            "SN-77",
            "CT_ROOM1",
            "pacs",
            "dicom:ae|CT_ROOM1",
            "ACME",
            "a.b",
            "storage_scu",
        ];
        TEXTS[usize::from(self.byte(at)) % TEXTS.len()]
    }

    fn subject(&self) -> Subject {
        let address = match self.byte(2) % 4 {
            0 => None,
            1 => Some([10, 0, 0, self.byte(3)].into()),
            2 => Some([self.byte(3); 4].into()),
            _ => Some([self.byte(3); 16].into()),
        };
        let reported = self.byte(2) > 200;
        Subject {
            kind: match reported {
                true => SubjectKind::Reported,
                false => SubjectKind::Binding,
            },
            flags: SubjectFlags(self.byte(4).into()),
            mac: [
                self.byte(1) & 7,
                0,
                self.byte(1) >> 6,
                0,
                0,
                self.byte(1) & 3,
            ],
            address,
            ttl_max: self.byte(5),
            reporter: reported.then(|| self.id(1)),
            identifier: Text::cut(self.text(3)),
            first_seen_ns: self.time(6),
            last_seen_ns: self.time(7),
            ..Subject::default()
        }
    }

    fn fact(&self) -> Fact<'static> {
        Fact {
            subject: self.id(1),
            rule: self.byte(4).into(),
            field: Field::ALL[usize::from(self.byte(2)) % Field::ALL.len()],
            attribute: Attribute::ALL[usize::from(self.byte(3)) % Attribute::ALL.len()],
            confidence: self.byte(5),
            raw: self.text(6).into(),
            value: self.text(7).into(),
            raw_cut: self.byte(4) & 1 != 0,
            value_cut: self.byte(4) & 2 != 0,
            first_seen_ns: self.time(6),
            last_seen_ns: self.time(7),
            count: u64::MAX - u64::from(self.byte(4)),
        }
    }

    fn edge(&self) -> Edge {
        Edge {
            orig: self.id(1),
            resp: (self.byte(2) & 1 == 0).then(|| self.id(3)),
            protocol: Protocol::from_number(self.byte(4).into()),
            port: u16::from(self.byte(5)) * 257,
            transport: self.byte(5),
            flags: EdgeFlags(self.byte(2)),
            confidence: 200,
            first_seen_ns: self.time(6),
            last_seen_ns: self.time(7),
        }
    }
}

/// Bytes as a table, as directly as they allow. What finds no room is left out.
fn table(bytes: &[u8]) -> TableWriter {
    let capacity = Capacity {
        subjects: 64,
        facts: 64,
        edges: 64,
        activities: 8,
        workers: 1,
        interfaces: 1,
        heap_bytes: 4096,
    };
    let mut writer = TableWriter::anonymous(capacity).unwrap();
    writer.add_subject(&Subject::default()).unwrap();
    let mut count = 1;
    for bytes in bytes.chunks(8) {
        let noise = Noise { bytes, count };
        match noise.byte(0) % 4 {
            0 | 1 => count += u32::from(writer.add_subject(&noise.subject()).is_ok()),
            2 => drop(writer.add_fact(&noise.fact())),
            _ => drop(writer.add_edge(&noise.edge())),
        }
    }
    writer
}

#[test]
fn fuzz_any_table() {
    bolero::check!()
        .with_test_time(std::time::Duration::from_millis(500))
        .with_max_len(1024)
        .for_each(|bytes: &[u8]| {
            let inventory = resolve(&table(bytes).reader(), &Options::default());
            let ids: std::collections::BTreeSet<&str> =
                inventory.devices.iter().map(|device| &*device.id).collect();
            assert_eq!(ids.len(), inventory.devices.len());
            for device in &inventory.devices {
                assert!(device.category_confidence <= 100);
                let known = |id: &str| ids.contains(id);
                assert!(device.peers.iter().all(|peer| known(peer.id.as_str())));
                assert!(device.reported_by.iter().all(|id| known(id)));
            }
        });
}
