//! Tables made by hand, in a few words.

use medtap_inventory::model::{Device, Inventory};
use medtap_inventory::{Options, resolve};
use medtap_table::vocabulary::{Field, Protocol};
use medtap_table::{
    Capacity, Edge, EdgeFlags, Fact, Subject, SubjectFlags, SubjectId, SubjectKind, TableReader,
    TableWriter, Text, Traffic, Volume,
};

/// 2026-03-02, a Monday, 00:00 UTC.
pub const MONDAY_NS: u64 = 1_772_409_600_000_000_000;
pub const SECOND_NS: u64 = 1_000_000_000;
pub const HOUR_NS: u64 = 3_600 * SECOND_NS;

/// Addresses of nobody, of no registered block, and of known blocks.
pub const CISCO: [u8; 6] = [0x00, 0x1b, 0x54, 0x20, 0x01, 0x01];
pub const BRAUN: [u8; 6] = [0x00, 0x12, 0x21, 0x20, 0x01, 0x31];
pub const LOCAL: [u8; 6] = [0x02, 0xac, 0x3e, 0, 0, 0x11];
pub const LOCAL2: [u8; 6] = [0x02, 0xac, 0x3e, 0, 0, 0x12];

pub const CAPACITY: Capacity = Capacity {
    subjects: 512,
    facts: 1024,
    edges: 256,
    activities: 64,
    workers: 2,
    interfaces: 1,
    heap_bytes: 64 * 1024,
};

/// A table in the making. Subjects are named by their numbers.
#[derive(Clone, Default)]
pub struct Sample {
    pub subjects: Vec<Subject>,
    pub facts: Vec<Fact<'static>>,
    pub edges: Vec<(Edge, u64)>,
}

/// A binding that sent at noon of the first day.
pub fn binding(mac: [u8; 6], ip: &str, ttl: u8) -> Subject {
    Subject {
        kind: SubjectKind::Binding,
        mac,
        address: (!ip.is_empty()).then(|| ip.parse().unwrap()),
        ttl_min: ttl,
        ttl_max: ttl,
        first_seen_ns: MONDAY_NS + 12 * HOUR_NS,
        last_seen_ns: MONDAY_NS + 13 * HOUR_NS,
        first_packet: 1,
        ..Subject::default()
    }
}

/// The same, with its address proven by ARP.
pub fn proven(mac: [u8; 6], ip: &str) -> Subject {
    Subject {
        flags: SubjectFlags::ARP,
        ..binding(mac, ip, 64)
    }
}

impl Sample {
    pub fn add(&mut self, subject: Subject) -> u32 {
        self.subjects.push(subject);
        u32::try_from(self.subjects.len() - 1).unwrap()
    }

    pub fn report(&mut self, reporter: u32, identifier: &str) -> u32 {
        let by = self.subjects[reporter as usize];
        self.add(Subject {
            kind: SubjectKind::Reported,
            mac: [0; 6],
            address: None,
            flags: SubjectFlags::default(),
            reporter: Some(SubjectId(reporter)),
            identifier: Text::new(identifier).unwrap(),
            first_packet: u64::MAX,
            ..by
        })
    }

    /// A value as the field says it.
    pub fn say(&mut self, subject: u32, field: Field, value: &str) -> &mut Fact<'static> {
        let about = self.subjects[subject as usize];
        self.facts.push(Fact {
            subject: SubjectId(subject),
            rule: 0,
            field,
            attribute: field.attribute(),
            confidence: field.confidence(),
            raw: value.to_owned().into(),
            value: value.to_owned().into(),
            raw_cut: false,
            value_cut: false,
            first_seen_ns: about.first_seen_ns,
            last_seen_ns: about.last_seen_ns,
            count: 1,
        });
        self.facts.last_mut().unwrap()
    }

    pub fn roles(&mut self, subject: u32, roles: &[&str]) {
        for role in roles {
            self.say(subject, Field::DicomRole, role);
        }
    }

    /// What an image says of its equipment.
    pub fn image(&mut self, subject: u32, maker: &str, model: &str, serial: &str) {
        self.say(subject, Field::DicomManufacturer, maker);
        self.say(subject, Field::DicomModel, model);
        self.say(subject, Field::DicomSerialNumber, serial);
    }

    pub fn talk(&mut self, orig: u32, resp: u32, protocol: Option<Protocol>, port: u16) {
        let about = self.subjects[orig as usize];
        let edge = Edge {
            orig: SubjectId(orig),
            resp: Some(SubjectId(resp)),
            protocol,
            port,
            transport: 6,
            flags: EdgeFlags::ANSWERED | EdgeFlags::CONFIRMED,
            confidence: 95,
            first_seen_ns: about.first_seen_ns,
            last_seen_ns: about.last_seen_ns,
        };
        self.edges.push((edge, 1000));
    }

    pub fn writer(&self) -> TableWriter {
        let mut writer = TableWriter::anonymous(CAPACITY).unwrap();
        for subject in &self.subjects {
            let id = writer.add_subject(subject).unwrap();
            let traffic = Traffic {
                packets_sent: 2,
                packets_received: 1,
                bytes_sent: 200,
                bytes_received: 100,
            };
            if subject.first_seen_ns != 0 && subject.kind == SubjectKind::Binding {
                writer.add_traffic(id, traffic);
            }
        }
        for fact in &self.facts {
            writer.add_fact(fact).unwrap();
        }
        for (edge, bytes) in &self.edges {
            let id = writer.add_edge(edge).unwrap();
            let volume = Volume {
                packets: 10,
                bytes: *bytes,
                conversations: 2,
            };
            writer.add_volume(id, volume);
        }
        writer
    }

    pub fn reader(&self) -> TableReader {
        self.writer().reader()
    }

    pub fn inventory(&self) -> Inventory {
        resolve(&self.reader(), &Options::default())
    }

    /// The same table with its records in another order: slots tell nothing.
    pub fn shuffled(&self, seed: u64) -> Self {
        let mut random = seed | 1;
        let mut next = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % bound as u64).unwrap()
        };
        let mut order: Vec<usize> = (0..self.subjects.len()).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, next(at + 1));
        }
        // A reporter has a smaller number than what it reports.
        order.sort_by_key(|&old| self.subjects[old].kind);
        let mut place = vec![SubjectId(0); order.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old] = SubjectId(u32::try_from(new).unwrap());
        }
        let moved = |id: SubjectId| place[id.index()];
        let subjects = order.iter().map(|&old| {
            let subject = self.subjects[old];
            let reporter = subject.reporter.map(moved);
            Subject {
                reporter,
                ..subject
            }
        });
        let mut facts: Vec<Fact<'static>> = self
            .facts
            .iter()
            .map(|fact| Fact {
                subject: moved(fact.subject),
                ..fact.clone()
            })
            .collect();
        for at in (1..facts.len()).rev() {
            facts.swap(at, next(at + 1));
        }
        let edges = self.edges.iter().rev().map(|(edge, bytes)| {
            let (orig, resp) = (moved(edge.orig), edge.resp.map(moved));
            (
                Edge {
                    orig,
                    resp,
                    ..*edge
                },
                *bytes,
            )
        });
        Self {
            subjects: subjects.collect(),
            facts,
            edges: edges.collect(),
        }
    }
}

/// The device with an address or a MAC address.
pub fn with<'a>(inventory: &'a Inventory, name: &str) -> &'a Device {
    let found = inventory.devices.iter().find(|device| {
        let mut addresses = device.addresses.iter().map(ToString::to_string);
        device.macs.iter().any(|mac| mac == name) || addresses.any(|address| address == name)
    });
    found.unwrap_or_else(|| panic!("no device {name} in {inventory:#?}"))
}

/// The value of an attribute, empty if there is none.
pub fn value<'a>(device: &'a Device, attribute: &str) -> &'a str {
    let value = device.attributes.get(attribute).unwrap();
    value.as_ref().map_or("", |value| &value.value)
}

/// The devices that are only reported.
pub fn reported(inventory: &Inventory) -> Vec<&Device> {
    let devices = inventory.devices.iter();
    devices
        .filter(|device| device.macs.is_empty() && device.addresses.is_empty())
        .collect()
}
