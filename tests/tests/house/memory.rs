//! Captures made for each situation that a network brings, through the whole engine into a
//! history: it must be the inventory that a person would draw.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use medtap_inventory::history::{Look, Observer, Person, SourceKind, Store};
use medtap_inventory::model::Time;
use medtap_inventory::people::Lifecycle;
use medtap_inventory::{Options, Resolution};
use medtap_tests::{expect, replay, root};

use crate::frames::{Capture, DAY_NS, MONDAY_NS, Nic};

const PUMP: Nic = Nic([0x00, 0x12, 0x21, 0x20, 0x01, 0x31]);
const SPARE: Nic = Nic([0x00, 0x12, 0x21, 0x20, 0x01, 0x32]);
const ROUTER: Nic = Nic([0x00, 0x1b, 0x54, 0x20, 0x01, 0x01]);
const SERVER: Nic = Nic([0x00, 0x50, 0x56, 0x20, 0x01, 0x10]);

/// A history that captures are put into.
struct Memory {
    folder: tempfile::TempDir,
    store: Store,
    captures: u32,
}

impl Memory {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("history.db")).expect("a history");
        Self {
            folder,
            store,
            captures: 0,
        }
    }

    fn add(&mut self, capture: &Capture) {
        self.captures += 1;
        let path = self.folder.path().join(format!("{}.pcap", self.captures));
        capture.write(&path);
        let run = replay(&path, 1).expect("a capture of ours");
        assert!(run.faults.is_empty(), "{:?}", run.faults);
        let table = run.reader();
        let name = format!("capture {}", self.captures);
        let mut look = Look::at(&table, SourceKind::Capture, &name, "main");
        look.uid = Some(name);
        let rulings = self.store.rulings().expect("rulings");
        let shown = Resolution::new(&table, &Options::default(), &rulings);
        Observer::default()
            .observe(&mut self.store, &shown, &look)
            .expect("room");
    }

    /// What a person would draw: devices with what they are known by, in time; what happened;
    /// what to look at.
    fn drawn(&self, day: u64) -> String {
        let mut text = String::new();
        let mut devices = self.store.devices().expect("devices");
        devices.sort_by_key(|device| (device.first_seen, device.macs.clone(), device.id.clone()));
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for (place, device) in devices.iter().enumerate() {
            names.insert(device.id.clone(), format!("D{}", place + 1));
        }
        let named = |text: &str| {
            let mut text = text.to_owned();
            for (id, name) in &names {
                text = text.replace(id, name);
            }
            text
        };
        for device in &devices {
            let record = self.store.device(&device.id).expect("a device");
            writeln!(text, "{}: {}", named(&device.id), device.category).expect("room");
            for value in &record.values {
                writeln!(text, "  {}: {}", value.attribute, value.value).expect("room");
            }
            for binding in &record.bindings {
                let mac = binding.mac.as_deref().unwrap_or("behind a router");
                let ip = binding.address.as_deref().unwrap_or("-");
                let days = (day_of(binding.from), day_of(binding.last));
                let vlan = binding.vlan;
                writeln!(text, "  {mac} {ip} VLAN {vlan}, days {}-{}", days.0, days.1)
                    .expect("room");
            }
            if !device.reported_by.is_empty() {
                let by = named(&device.reported_by.join(" "));
                writeln!(text, "  reported by {by}").expect("room");
            }
            for (is, note) in [
                (device.local_macs, "made-up MAC address"),
                (device.routes, "routes"),
            ] {
                if is {
                    writeln!(text, "  {note}").expect("room");
                }
            }
            let identity = self.store.identity(&device.id).expect("its identity");
            let strong = |kind: &str| !["mac", "ip", "client"].contains(&kind);
            for key in identity.keys.iter().filter(|key| strong(key.kind)) {
                writeln!(text, "  {}: {}", key.kind, key.key).expect("room");
            }
            for join in &identity.joins {
                let what = named(&join.other);
                writeln!(text, "  joined by {}: {what}", join.reason).expect("room");
            }
        }
        let all = (Time(0), Time(i64::MAX.cast_unsigned()));
        let changes = self
            .store
            .changes(all.0, all.1, None, None)
            .expect("changes");
        for change in changes {
            let device = named(change.device.as_deref().unwrap_or("-"));
            let mut line = format!(
                "day {}: {device} {}",
                day_of(change.time),
                change.change.name()
            );
            for (before, part) in [
                (" ", &change.subject),
                (" from ", &change.old),
                (" to ", &change.new),
            ] {
                if !part.is_empty() {
                    line = line + before + &named(part);
                }
            }
            writeln!(text, "{line}").expect("room");
        }
        let now = Time(MONDAY_NS + day * DAY_NS);
        for finding in self.store.findings(now).expect("findings") {
            if finding.finding != "unapproved" {
                let device = named(finding.device.as_deref().unwrap_or("-"));
                writeln!(text, "look at {device}: {}", finding.finding).expect("room");
            }
        }
        text
    }

    fn is_drawn(&self, case: &str, day: u64) {
        let file = root().join(format!("tests/memory/{case}.txt"));
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).expect("a folder");
        if let Err(difference) = expect(&file, &self.drawn(day)) {
            panic!("{difference}");
        }
    }
}

fn day_of(time: Time) -> u64 {
    time.0.saturating_sub(MONDAY_NS) / DAY_NS
}

fn on(day: u64) -> Capture {
    Capture::new(MONDAY_NS + day * DAY_NS + DAY_NS / 2)
}

#[test]
fn an_address_change() {
    let mut memory = Memory::new();
    for (day, ip) in [(0, [10, 20, 1, 5]), (1, [10, 20, 1, 9])] {
        let mut capture = on(day);
        capture.dhcp(PUMP, "pump-31", ip, SERVER, [10, 20, 1, 2]);
        capture.arp(PUMP, ip, SERVER, [10, 20, 1, 2]);
        memory.add(&capture);
    }
    memory.is_drawn("address_change", 2);
}

#[test]
fn a_second_network_card() {
    let mut memory = Memory::new();
    for (day, nic, ip) in [(0, PUMP, [10, 20, 1, 5]), (3, SPARE, [10, 20, 9, 5])] {
        let mut capture = on(day);
        capture.arp(nic, ip, SERVER, [10, 20, 1, 2]);
        capture.lldp(nic, "B. Braun", "Space", "SN-4711");
        memory.add(&capture);
    }
    memory.is_drawn("second_card", 4);
}

#[test]
fn a_router() {
    let mut memory = Memory::new();
    for day in 0..2 {
        let mut capture = on(day);
        capture.arp(ROUTER, [10, 20, 1, 1], SERVER, [10, 20, 1, 2]);
        for last in 1..4u8 {
            capture.udp(ROUTER, [10, 30, 0, last], SERVER, [10, 20, 1, 2], 63);
            capture.udp(SERVER, [10, 20, 1, 2], ROUTER, [10, 30, 0, last], 64);
        }
        memory.add(&capture);
    }
    memory.is_drawn("router", 2);
}

#[test]
fn a_gateway() {
    let mut memory = Memory::new();
    for day in 0..2 {
        let mut capture = on(day);
        capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
        capture.hl7(
            PUMP,
            [10, 20, 1, 5],
            SERVER,
            [10, 20, 1, 2],
            &["SN100", "SN200"],
        );
        memory.add(&capture);
    }
    memory.is_drawn("gateway", 2);
}

#[test]
fn a_clone() {
    let mut memory = Memory::new();
    let mut capture = on(0);
    capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
    for _ in 0..3 {
        capture.lldp(PUMP, "B. Braun", "Space", "SN-4711");
        capture.lldp(PUMP, "B. Braun", "Space", "SN-4712");
    }
    memory.add(&capture);
    memory.is_drawn("clone", 1);
}

#[test]
fn a_ghost() {
    let mut memory = Memory::new();
    let mut capture = on(0);
    capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
    memory.add(&capture);
    let by = Person {
        name: "biomed".to_owned(),
        why: "scrapped".to_owned(),
        at_ns: MONDAY_NS + 5 * DAY_NS,
    };
    let pump = memory.store.find("10.20.1.5").expect("the pump");
    memory
        .store
        .set_lifecycle(&pump, Lifecycle::Disposed, &by)
        .expect("room");
    assert!(!memory.drawn(6).contains("ghost"), "gone is gone");
    let mut capture = on(8);
    capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
    memory.add(&capture);
    memory.is_drawn("ghost", 9);
}

#[test]
fn a_gap() {
    let mut memory = Memory::new();
    for day in [0, 10] {
        let mut capture = on(day);
        capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
        memory.add(&capture);
    }
    memory.is_drawn("gap", 11);
}
