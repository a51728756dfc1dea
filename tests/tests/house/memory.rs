//! Captures made for each situation that a network brings, through the whole engine into a
//! history: it must be the inventory that a person would draw.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use medtap_inventory::history::{Look, Observer, Person, SourceKind, Store};
use medtap_inventory::model::Time;
use medtap_inventory::people::{Lifecycle, PlaceFile};
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
                (device.virtual_machine, "virtual machine"),
                (device.routes, "routes"),
                (device.shared, "several machines behind one address"),
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

/// Two machines that bear one serial number at once, of two models: nobody is the other.
#[test]
fn twins() {
    let mut memory = Memory::new();
    for day in 0..2 {
        let mut capture = on(day);
        for (nic, ip, model) in [
            (PUMP, [10, 20, 1, 5], "Space"),
            (SPARE, [10, 20, 1, 6], "Outlook"),
        ] {
            capture.arp(nic, ip, SERVER, [10, 20, 1, 2]);
            capture.lldp(nic, "B. Braun", model, "SN-4711");
        }
        memory.add(&capture);
    }
    memory.is_drawn("twins", 2);
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

/// Two routers share an address, and one takes over from the other: two routers, and the address
/// is that of the one that has it.
#[test]
fn a_virtual_router() {
    let mut memory = Memory::new();
    let group = Nic([0x00, 0x00, 0x0c, 0x07, 0xac, 0x01]);
    let routers = [
        (ROUTER, [10, 20, 1, 252]),
        (Nic([0x00, 0x1b, 0x54, 0x20, 0x01, 0x02]), [10, 20, 1, 253]),
    ];
    for (day, active) in [(0, 0), (2, 1)] {
        let mut capture = on(day);
        for (nic, ip) in routers {
            capture.arp(nic, ip, SERVER, [10, 20, 1, 2]);
        }
        capture.arp(SERVER, [10, 20, 1, 2], group, [10, 20, 1, 1]);
        let (nic, ip) = routers[active];
        // The active one greets the others by the group's MAC address (RFC 2281, 5.1).
        capture.udp(group, ip, Nic([1, 0, 0x5e, 0, 0, 2]), [224, 0, 0, 2], 1);
        for last in 1..4u8 {
            capture.udp(nic, [10, 30, 0, last], SERVER, [10, 20, 1, 2], 63);
            capture.udp(SERVER, [10, 20, 1, 2], group, [10, 30, 0, last], 64);
        }
        memory.add(&capture);
    }
    memory.is_drawn("virtual_router", 3);
}

/// Two systems of different makes behind the one address of a small router.
#[test]
fn a_translated_network() {
    let mut memory = Memory::new();
    let mut capture = on(0);
    capture.arp(ROUTER, [10, 20, 1, 40], SERVER, [10, 20, 1, 2]);
    for ttl in [63, 127, 63, 127] {
        capture.udp(ROUTER, [10, 20, 1, 40], SERVER, [10, 20, 1, 2], ttl);
    }
    memory.add(&capture);
    memory.is_drawn("translated_network", 1);
}

/// The same where all systems behind it are of one make, and only the box itself shows what it is
/// by the hop that their packets have lost.
#[test]
fn a_translated_network_of_one_make() {
    let mut memory = Memory::new();
    let mut capture = on(0);
    capture.arp(ROUTER, [10, 20, 1, 40], SERVER, [10, 20, 1, 2]);
    for ttl in [63, 64, 63, 63] {
        capture.udp(ROUTER, [10, 20, 1, 40], SERVER, [10, 20, 1, 2], ttl);
    }
    memory.add(&capture);
    memory.is_drawn("translated_network_of_one_make", 1);
}

/// A pump is taken to another VLAN, where DHCP gives it another address.
#[test]
fn another_vlan() {
    let mut memory = Memory::new();
    for (day, vlan, net, server) in [
        (0, 120, 1, SERVER),
        (1, 120, 1, SERVER),
        (3, 130, 2, ROUTER),
    ] {
        let mut capture = Capture::in_vlan(MONDAY_NS + day * DAY_NS + DAY_NS / 2, vlan);
        let server_ip = [10, 20, net, 2];
        capture.dhcp(PUMP, "pump-31", [10, 20, net, 5], server, server_ip);
        capture.arp(PUMP, [10, 20, net, 5], server, server_ip);
        memory.add(&capture);
    }
    memory.is_drawn("another_vlan", 4);
}

/// A host with IPv4, its address of the link, one of its network, and one that is another each day.
#[test]
fn both_families() {
    let mut memory = Memory::new();
    for day in 0..3 {
        let mut capture = on(day);
        capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
        let passing = format!("2001:db8:20:1::{:x}", 0xa1 + day);
        for ip in ["fe80::212:21ff:fe20:131", "2001:db8:20:1::5", &passing] {
            capture.neighbour(PUMP, ip.parse().expect("an address"));
        }
        memory.add(&capture);
    }
    memory.is_drawn("both_families", 3);
}

/// A service's address stands on the balancer, beside its own; the servers have their own.
#[test]
fn a_load_balancer() {
    let mut memory = Memory::new();
    let balancer = Nic([0x00, 0x0a, 0x49, 0x20, 0x01, 0x01]);
    let servers = [(PUMP, [10, 20, 1, 61]), (SPARE, [10, 20, 1, 62])];
    let mut capture = on(0);
    for ip in [[10, 20, 1, 50], [10, 20, 1, 51]] {
        capture.arp(balancer, ip, SERVER, [10, 20, 1, 2]);
        capture.udp(SERVER, [10, 20, 1, 2], balancer, ip, 64);
        capture.udp(balancer, ip, SERVER, [10, 20, 1, 2], 64);
    }
    for (nic, ip) in servers {
        capture.arp(nic, ip, balancer, [10, 20, 1, 51]);
        capture.udp(balancer, [10, 20, 1, 51], nic, ip, 64);
    }
    memory.add(&capture);
    memory.is_drawn("load_balancer", 1);
}

/// Virtual machines are machines: their MAC addresses stay, though they bear the mark of those
/// that do not.
#[test]
fn a_hypervisor() {
    let mut memory = Memory::new();
    let mut capture = on(0);
    let host = Nic([0x00, 0x25, 0x90, 0x20, 0x01, 0x01]);
    capture.arp(host, [10, 20, 1, 70], SERVER, [10, 20, 1, 2]);
    for last in 1..4u8 {
        let machine = Nic([0x52, 0x54, 0x00, 0x20, 0x01, last]);
        capture.arp(machine, [10, 20, 1, 70 + last], SERVER, [10, 20, 1, 2]);
    }
    memory.add(&capture);
    memory.is_drawn("hypervisor", 1);
}

/// A telephone with another made-up MAC address each day.
#[test]
fn a_made_up_address() {
    let mut memory = Memory::new();
    for (day, last) in [(0, 1), (2, 2)] {
        let mut capture = on(day);
        let phone = Nic([0xda, 0xac, 0x3e, 0x20, 0x01, last]);
        let ip = [10, 20, 1, 80 + last];
        capture.dhcp(phone, "ward-phone-3", ip, SERVER, [10, 20, 1, 2]);
        capture.arp(phone, ip, SERVER, [10, 20, 1, 2]);
        memory.add(&capture);
    }
    memory.is_drawn("made_up_address", 3);
}

/// A pump is taken to another port, as the relay tells.
#[test]
fn another_port() {
    let mut memory = Memory::new();
    for (day, port) in [(0, "Gi1/0/7"), (1, "Gi1/0/7"), (3, "Gi2/0/1")] {
        let mut capture = on(day);
        let (relay, server) = ((ROUTER, [10, 20, 1, 1]), (SERVER, [10, 20, 1, 2]));
        capture.relayed(PUMP, relay, server, ["sw-icu3", port]);
        capture.arp(PUMP, [10, 20, 1, 5], SERVER, [10, 20, 1, 2]);
        memory.add(&capture);
    }
    memory.is_drawn("another_port", 4);
    let map = PlaceFile::parse("[[places]]\nport = \"sw-icu3 Gi2/0/1\"\nplace = \"ICU > 12\"\n");
    let pump = memory.store.find("10.20.1.5").expect("the pump");
    let placed = |map: &PlaceFile| {
        let places = memory.store.places(map).expect("places");
        let pump = places.into_iter().find(|placed| placed.device == pump);
        pump.expect("the pump is placed").place
    };
    assert_eq!(placed(&map.expect("a map")).as_deref(), Some("ICU > 12"));
    let unmapped = placed(&PlaceFile::default());
    assert_eq!(unmapped.as_deref(), Some("sw-icu3 Gi2/0/1"));
}

/// An agent that began anew between two looks, and whose clock is five minutes fast.
#[test]
fn a_restart_and_a_wrong_clock() {
    let mut memory = Memory::new();
    let (pump, server) = ((PUMP, [10, 20, 1, 5]), (SERVER, [10, 20, 1, 2]));
    for (day, up_s) in [(0, 86_400), (1, 2 * 86_400), (2, 7_200)] {
        let mut capture = on(day);
        capture.arp(PUMP, pump.1, SERVER, server.1);
        capture.up_time(pump, server, up_s);
        capture.ntp(pump, server, 300);
        memory.add(&capture);
    }
    memory.is_drawn("restart", 3);
    let id = memory.store.find("10.20.1.5").expect("the pump");
    let now = Time(MONDAY_NS + 3 * DAY_NS);
    let looked = memory.store.maintenance(&id, now).expect("known");
    assert_eq!(looked.restarts.len(), 1, "{looked:?}");
    assert_eq!(looked.clock_offset_seconds, Some(300));
    assert_eq!(looked.clock_source, Some("ntp.offset"));
}
