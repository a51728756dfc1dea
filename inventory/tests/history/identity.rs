use medtap_inventory::history::{ChangeKind, Person};
use medtap_inventory::model::Time;
use medtap_table::vocabulary::Field;

use crate::memory::{DAY_NS, Memory, NOON_NS};
use crate::sample::{BRAUN, CISCO, LOCAL, LOCAL2, Sample, binding, proven};

const OTHER: [u8; 6] = [0x00, 0x12, 0x21, 0x20, 0x01, 0x99];

fn person() -> Person {
    Person {
        name: "biomed".to_owned(),
        why: "looked at it".to_owned(),
        at_ns: NOON_NS + 30 * DAY_NS,
    }
}

fn scanner(mac: [u8; 6], ip: &str, serial: &str) -> Sample {
    let mut sample = Sample::default();
    let host = sample.add(proven(mac, ip));
    sample.image(host, "Acme Medical", "Scan 64", serial);
    sample
}

#[test]
fn an_address_change_keeps_the_device() {
    let mut memory = Memory::new();
    for (day, ip) in [(0, "10.0.0.5"), (1, "10.0.0.9")] {
        let mut sample = Sample::default();
        sample.add(proven(BRAUN, ip));
        memory.capture(&sample, day);
    }
    let devices = memory.devices();
    assert_eq!(devices.len(), 1);
    let told = memory.told(ChangeKind::NewAddress);
    assert_eq!(
        told,
        [("address".into(), "10.0.0.5".into(), "10.0.0.9".into())]
    );
    let record = memory.store.device("10.0.0.5").unwrap();
    assert_eq!(record.bindings.len(), 2, "both intervals stay");
    // Another device gets the old address: it is another device, and the address is its.
    let mut sample = Sample::default();
    sample.add(proven(OTHER, "10.0.0.5"));
    memory.capture(&sample, 3);
    assert_eq!(memory.devices().len(), 2);
    let now = memory.store.device("10.0.0.5").unwrap();
    assert_ne!(now.device.id, record.device.id);
}

#[test]
fn dual_stack_and_privacy_addresses_are_one_device() {
    let mut memory = Memory::new();
    for day in 0..5 {
        let mut sample = Sample::default();
        sample.add(proven(BRAUN, "10.0.0.5"));
        sample.add(proven(BRAUN, "fe80::212:21ff:fe20:131"));
        sample.add(proven(BRAUN, &format!("2001:db8::{}", day + 1)));
        memory.capture(&sample, day);
    }
    assert_eq!(memory.devices().len(), 1);
    assert!(
        memory.told(ChangeKind::NewAddress).is_empty(),
        "privacy addresses are no news"
    );
}

#[test]
fn a_second_network_card_is_joined_by_the_serial_number() {
    let mut memory = Memory::new();
    memory.capture(&scanner(BRAUN, "10.0.0.5", "SN4711"), 0);
    memory.capture(&scanner(OTHER, "10.9.0.5", "SN4711"), 1);
    let devices = memory.devices();
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0].macs.len(), 2);
    let identity = memory.store.identity(&devices[0].id).unwrap();
    let join = identity
        .joins
        .iter()
        .find(|join| join.reason == "serial")
        .unwrap();
    assert!(join.key.contains("sn4711"), "{join:?}");
    assert!(join.other.contains("00:12:21:20:01:99"), "{join:?}");
    // The card alone, without images, is known from now on.
    let mut sample = Sample::default();
    sample.add(proven(OTHER, "10.9.0.6"));
    memory.capture(&sample, 2);
    assert_eq!(memory.devices().len(), 1);
}

#[test]
fn two_records_that_turn_out_to_be_one_keep_the_elder_id() {
    let mut memory = Memory::new();
    memory.capture(&scanner(BRAUN, "10.0.0.5", "SN4711"), 0);
    let elder = memory.devices()[0].id.clone();
    let mut sample = Sample::default();
    sample.add(proven(OTHER, "10.9.0.5"));
    memory.capture(&sample, 1);
    assert_eq!(memory.devices().len(), 2);
    let younger = memory.store.find("10.9.0.5").unwrap();
    memory.capture(&scanner(OTHER, "10.9.0.5", "SN4711"), 2);
    let devices = memory.devices();
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0].id, elder);
    assert_eq!(
        memory.store.find(&younger).unwrap(),
        elder,
        "the younger id is an alias"
    );
    let told = memory.told(ChangeKind::Joined);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].1, younger);
}

#[test]
fn a_network_card_in_another_machine_is_another_device() {
    let mut memory = Memory::new();
    memory.capture(&scanner(BRAUN, "10.0.0.5", "SN1"), 0);
    memory.capture(&scanner(BRAUN, "10.0.0.5", "SN20"), 1);
    let devices = memory.devices();
    assert_eq!(devices.len(), 2, "two serial numbers are two machines");
    assert_eq!(memory.told(ChangeKind::KeyMoved).len(), 1);
    // The machine is found again by its serial number, behind a new card.
    memory.capture(&scanner(OTHER, "10.0.0.7", "SN1"), 2);
    assert_eq!(memory.devices().len(), 2);
}

#[test]
fn two_that_bear_one_serial_number_are_two_and_told() {
    let model = |mac, ip, model: &str| {
        let mut sample = Sample::default();
        let host = sample.add(proven(mac, ip));
        sample.image(host, "Acme Medical", model, "SN4711");
        sample
    };
    // One after the other, and again: the elder keeps the number, nobody is multiplied.
    let mut memory = Memory::new();
    for day in 0..2 {
        memory.capture(&model(BRAUN, "10.0.0.5", "Scan 64"), 2 * day);
        memory.capture(&model(OTHER, "10.0.0.6", "Scan 128"), 2 * day + 1);
    }
    let devices = memory.devices();
    assert_eq!(devices.len(), 2, "{devices:#?}");
    let bearer = memory.store.find("10.0.0.5").unwrap();
    let keys = memory.store.identity(&bearer).unwrap().keys;
    assert!(keys.iter().any(|key| key.kind == "serial"), "{keys:?}");
    assert!(memory.told(ChangeKind::KeyMoved).is_empty());
    // Both at once, in the table of a running engine: named otherwise, of one model.
    let mut both = Sample::default();
    for (mac, ip, name) in [(BRAUN, "10.0.0.5", "ct-1"), (OTHER, "10.0.0.6", "ct-2")] {
        let host = both.add(proven(mac, ip));
        both.image(host, "Acme Medical", "Scan 64", "SN4711");
        both.say(host, Field::DhcpHostname, name);
    }
    let mut live = Memory::new();
    live.live(&both, 7, NOON_NS);
    assert_eq!(live.devices().len(), 2);
    // A card that was changed, though both were named: the one is gone when the other comes.
    let mut later = Memory::new();
    for (day, (mac, ip, name)) in [(BRAUN, "10.0.0.5", "ct-1"), (OTHER, "10.0.0.6", "ct-2")]
        .into_iter()
        .enumerate()
    {
        let mut sample = scanner(mac, ip, "SN4711");
        sample.say(0, Field::DhcpHostname, name);
        later.capture(&sample, day as u64);
    }
    assert_eq!(later.devices().len(), 1);
    for told in [&memory, &live] {
        let findings = told.store.findings(Time(NOON_NS)).unwrap();
        let mut twins = findings.iter().filter(|f| f.finding == "duplicate_serial");
        let first = twins.next().unwrap();
        assert!(first.evidence.contains("sn4711 of acme"), "{first:?}");
        assert_eq!(twins.count(), 1, "the other as well");
    }
    let findings = later.store.findings(Time(NOON_NS)).unwrap();
    assert!(findings.iter().all(|f| f.finding != "duplicate_serial"));
}

#[test]
fn a_merged_history_joins_no_twins() {
    for (model, devices) in [("Scan 64", 1), ("Scan 128", 2)] {
        let mut one = Memory::new();
        one.capture(&scanner(BRAUN, "10.0.0.5", "SN4711"), 0);
        let mut other = Memory::new();
        other.site = "north";
        let mut sample = Sample::default();
        let host = sample.add(proven(OTHER, "10.0.0.6"));
        sample.image(host, "Acme Medical", model, "SN4711");
        other.capture(&sample, 1);
        one.store.merge(&other.store, NOON_NS).unwrap();
        assert_eq!(one.devices().len(), devices, "{model}");
    }
}

#[test]
fn placeholder_serial_numbers_never_join() {
    let mut memory = Memory::new();
    memory.capture(&scanner(BRAUN, "10.0.0.5", "12345"), 0);
    memory.capture(&scanner(OTHER, "10.0.0.6", "12345"), 0);
    assert_eq!(memory.devices().len(), 2);
}

fn phone(mac: [u8; 6], ip: &str) -> Sample {
    let mut sample = Sample::default();
    let phone = sample.add(proven(mac, ip));
    sample.say(phone, Field::DhcpHostname, "personal-5d41402abc4b");
    sample.say(phone, Field::DhcpParameterList, "1,121,3,6,15,119,252");
    sample
}

#[test]
fn randomised_addresses_are_flagged_and_not_multiplied() {
    let mut memory = Memory::new();
    for (day, last) in [(0, 1), (1, 2), (2, 3)] {
        memory.capture(
            &phone([0x7a, 1, 2, 3, 4, last], &format!("10.0.7.{last}")),
            day,
        );
    }
    let devices = memory.devices();
    assert_eq!(devices.len(), 1);
    assert!(devices[0].local_macs);
    assert_eq!(devices[0].macs.len(), 3);
    // Two with one name at the same time are two.
    let mut two = phone([0x7a, 1, 2, 3, 4, 8], "10.0.7.8");
    let other = phone([0x7a, 1, 2, 3, 4, 9], "10.0.7.9");
    let host = two.add(other.subjects[0]);
    two.say(host, Field::DhcpHostname, "personal-5d41402abc4b");
    two.say(host, Field::DhcpParameterList, "1,121,3,6,15,119,252");
    memory.capture(&two, 4);
    assert_eq!(memory.devices().len(), 2);
}

#[test]
fn a_move_is_told_once() {
    let mut memory = Memory::new();
    for (day, vlan) in [(0, 100), (2, 200), (3, 200)] {
        let mut sample = Sample::default();
        let mut host = proven(BRAUN, "10.0.0.5");
        host.vlan = vlan;
        sample.add(host);
        memory.capture(&sample, day);
    }
    let told = memory.told(ChangeKind::Moved);
    assert_eq!(
        told,
        [("network".into(), "main/0/100".into(), "main/0/200".into())]
    );
    // A trunk, in both VLANs at once, did not move.
    let mut memory = Memory::new();
    let mut sample = Sample::default();
    for vlan in [10, 20] {
        let mut host = proven(CISCO, &format!("10.{vlan}.0.1"));
        host.vlan = vlan;
        sample.add(host);
    }
    memory.capture(&sample, 0);
    assert!(memory.told(ChangeKind::Moved).is_empty());
}

#[test]
fn a_portable_device_at_two_sites_stays_one() {
    let mut memory = Memory::new();
    memory.capture(&scanner(BRAUN, "10.0.0.5", "SN4711"), 0);
    // The other site has the same addresses for other machines.
    memory.site = "north";
    let mut sample = scanner(BRAUN, "10.0.0.77", "SN4711");
    sample.add(proven(OTHER, "10.0.0.5"));
    memory.capture(&sample, 2);
    assert_eq!(memory.devices().len(), 2);
    let told = memory.told(ChangeKind::Moved);
    assert_eq!(
        told,
        [("network".into(), "main/0/0".into(), "north/0/0".into())]
    );
}

#[test]
fn local_addresses_of_two_sites_are_two_devices() {
    let mut memory = Memory::new();
    let mut sample = Sample::default();
    sample.add(proven(LOCAL, "10.0.0.5"));
    memory.capture(&sample, 0);
    memory.site = "north";
    memory.capture(&sample, 0);
    assert_eq!(
        memory.devices().len(),
        2,
        "what software made up, it made up twice"
    );
}

/// What building controllers count as their own, another site counts anew.
#[test]
fn one_number_of_two_internetworks_is_two_devices() {
    let mut memory = Memory::new();
    let behind = |router| {
        let mut sample = Sample::default();
        let router = sample.add(proven(router, "10.0.0.5"));
        let row = sample.report(router, "bacnet|4711|5|07");
        sample.say(row, Field::BacnetModel, "FX-7");
        sample
    };
    memory.capture(&behind(BRAUN), 0);
    memory.capture(&behind(OTHER), 1);
    assert_eq!(memory.devices().len(), 3, "two routers to one device");
    memory.site = "north";
    memory.capture(&behind(CISCO), 2);
    assert_eq!(memory.devices().len(), 5);
}

#[test]
fn behind_a_router_the_address_names_the_device() {
    let remote = |ip: &str, name: &str| {
        let mut sample = Sample::default();
        for (at, ttl) in [(1, 63), (2, 127)] {
            sample.add(binding(CISCO, &format!("10.7.0.{at}"), ttl));
        }
        let host = sample.add(binding(CISCO, ip, 63));
        sample.say(host, Field::DhcpHostname, name);
        sample
    };
    let mut memory = Memory::new();
    memory.capture(&remote("10.7.0.50", "pump-1"), 0);
    let count = memory.devices().len();
    memory.capture(&remote("10.7.0.50", "pump-1"), 1);
    assert_eq!(memory.devices().len(), count, "the same again");
    memory.capture(&remote("10.7.0.50", "printer-9"), 2);
    assert_eq!(
        memory.devices().len(),
        count + 1,
        "another machine has the address"
    );
    memory.capture(&remote("10.7.0.50", "pump-1"), 3);
    assert_eq!(memory.devices().len(), count + 1, "the first one is back");
    // Much later the address alone says nothing.
    memory.capture(&remote("10.7.0.50", "pump-1"), 40);
    assert_eq!(memory.devices().len(), count + 4);
}

#[test]
fn what_a_gateway_reports_has_no_address_and_stays_itself() {
    let mut memory = Memory::new();
    for day in 0..3 {
        let mut sample = Sample::default();
        let gateway = sample.add(proven(BRAUN, "10.0.0.5"));
        for serial in ["P100", "P200"] {
            let pump = sample.report(gateway, &format!("hl7:serial|Acme|Pump|{serial}"));
            sample.say(pump, Field::Hl7DeviceManufacturer, "Acme");
            sample.say(pump, Field::Hl7DeviceSerial, serial);
        }
        memory.capture(&sample, day);
    }
    let devices = memory.devices();
    assert_eq!(devices.len(), 3);
    let gateway = memory.store.find("10.0.0.5").unwrap();
    let pumps: Vec<_> = devices.iter().filter(|d| d.addresses.is_empty()).collect();
    assert_eq!(pumps.len(), 2);
    assert!(
        pumps
            .iter()
            .all(|pump| pump.reported_by == [gateway.clone()])
    );
}

#[test]
fn a_split_by_hand_sticks() {
    let mut memory = Memory::new();
    let mut sample = scanner(BRAUN, "10.0.0.5", "SN4711");
    let second = sample.add(proven(OTHER, "10.0.0.6"));
    sample.image(second, "Acme Medical", "Scan 64", "SN4711");
    memory.capture(&sample, 0);
    assert_eq!(memory.devices().len(), 1);
    let id = memory.devices()[0].id.clone();
    let key = ["mac:00:12:21:20:01:99".to_owned()];
    let new = memory.store.split_by_hand(&id, &key, &person()).unwrap();
    assert_eq!(memory.store.find("10.0.0.6").unwrap(), new);
    for day in 1..4 {
        memory.capture(&sample, day);
        assert_eq!(memory.devices().len(), 2, "day {day}");
        assert_eq!(memory.store.find("10.0.0.6").unwrap(), new);
        assert_eq!(memory.store.find("10.0.0.5").unwrap(), id);
    }
    let audit = memory.store.audit().unwrap();
    assert_eq!(
        (audit[0].act.as_str(), audit[0].person.as_str()),
        ("split", "biomed")
    );
    let none = memory
        .store
        .split_by_hand(&id, &["mac:99".to_owned()], &person());
    assert!(none.unwrap_err().to_string().contains("no key mac:99"));
}

#[test]
fn a_join_by_hand_sticks() {
    let mut memory = Memory::new();
    let mut sample = Sample::default();
    sample.add(proven(LOCAL, "10.0.0.5"));
    sample.add(proven(LOCAL2, "10.0.0.6"));
    memory.capture(&sample, 0);
    assert_eq!(memory.devices().len(), 2);
    let id = memory
        .store
        .join_by_hand("10.0.0.5", "10.0.0.6", &person())
        .unwrap();
    for day in 1..3 {
        memory.capture(&sample, day);
        assert_eq!(memory.devices().len(), 1);
    }
    let identity = memory.store.identity(&id).unwrap();
    assert!(
        identity
            .joins
            .iter()
            .any(|join| join.reason == "by hand" && join.person == "biomed")
    );
}

#[test]
fn a_changed_version_is_told_with_its_time() {
    let mut memory = Memory::new();
    for (day, version) in [(0, "1.0"), (5, "1.1"), (2, "1.0"), (9, "1.1")] {
        let mut sample = scanner(BRAUN, "10.0.0.5", "SN4711");
        sample.say(0, Field::DicomSoftwareVersions, version);
        memory.capture(&sample, day);
    }
    let changes = memory.changes();
    let changed: Vec<_> = changes
        .iter()
        .filter(|c| c.change == ChangeKind::Changed)
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(
        (changed[0].old.as_str(), changed[0].new.as_str()),
        ("1.0", "1.1")
    );
    assert_eq!(changed[0].time.0, NOON_NS + 5 * DAY_NS);
    let record = memory.store.device("10.0.0.5").unwrap();
    let held = record
        .values
        .iter()
        .filter(|v| v.attribute == "software_version");
    let held: Vec<(&str, u64)> = held.map(|v| (&*v.value, v.from.0)).collect();
    assert_eq!(held, [("1.0", NOON_NS), ("1.1", NOON_NS + 5 * DAY_NS)]);
    assert!(record.hours_seen >= 8, "two hours on each of four days");
}
