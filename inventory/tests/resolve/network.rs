//! What takes several devices to see, and what only looks like it.

use medtap_inventory::model::Inventory;
use medtap_table::vocabulary::{Field, Protocol};

use crate::sample::{LOCAL, LOCAL2, MONDAY_NS, SECOND_NS, Sample, binding, proven, with};

const NIGHT: [u8; 6] = [0x02, 0xac, 0x3e, 0x77, 0, 0x01];
const OTHER: [u8; 6] = [0x02, 0xac, 0x3e, 0x99, 0, 0x01];
const NOON_NS: u64 = MONDAY_NS + 12 * 3_600 * SECOND_NS;

fn found(inventory: &Inventory, name: &str) -> Vec<(String, u8)> {
    let findings = with(inventory, name).findings.iter();
    findings.map(|it| (it.id.clone(), it.confidence)).collect()
}

/// A client, and servers of one link whose offers it got: address, offer, seconds after noon.
fn offers(of: &[(&str, &str, u64)]) -> Inventory {
    let mut sample = Sample::default();
    let client = sample.add(binding(LOCAL, "", 0));
    for (place, (address, offer, seconds)) in (0..).zip(of) {
        let mac = [0x02, 0xac, 0x3e, 0x50 + place, 0, 1];
        sample.add(proven(mac, address));
        let fact = sample.say(
            client,
            Field::DhcpOffer,
            &format!("server {address} {offer}"),
        );
        fact.first_seen_ns = NOON_NS + seconds * SECOND_NS;
        fact.last_seen_ns = NOON_NS + 600 * SECOND_NS;
    }
    sample.inventory()
}

#[test]
fn a_second_server_with_another_way_out_is_rogue() {
    let ours = ("10.0.0.1", "router 10.0.0.254 dns 10.0.0.2", 0);
    let theirs = ("10.0.0.66", "router 10.0.0.66 dns 10.0.0.66", 300);
    let inventory = offers(&[ours, theirs]);
    assert_eq!(
        found(&inventory, "10.0.0.66"),
        [("rogue_dhcp".to_owned(), 70)]
    );
    assert_eq!(found(&inventory, "10.0.0.1"), []);
    let evidence = &with(&inventory, "10.0.0.66").findings[0].evidence;
    assert!(
        evidence.starts_with("10.0.0.66 gives router 10.0.0.66"),
        "{evidence}"
    );
    let at_once = offers(&[ours, (theirs.0, theirs.1, 10)]);
    assert_eq!(found(&at_once, "10.0.0.1"), [("rogue_dhcp".to_owned(), 40)]);
    assert_eq!(
        found(&at_once, "10.0.0.66"),
        [("rogue_dhcp".to_owned(), 40)]
    );
}

#[test]
fn servers_that_stand_in_for_each_other_are_none() {
    let pair = [
        ("10.0.0.1", "router 10.0.0.254 dns 10.0.0.2,10.0.0.3", 0),
        ("10.0.0.4", "router 10.0.0.254 dns 10.0.0.3,10.0.0.2", 300),
    ];
    let inventory = offers(&pair);
    assert_eq!(found(&inventory, "10.0.0.1"), []);
    assert_eq!(found(&inventory, "10.0.0.4"), []);
}

/// Two machines that claim an address by turns, since so many seconds after noon.
fn rivals(macs: [[u8; 6]; 2], address: &str, later: u64) -> Sample {
    let mut sample = Sample::default();
    for (place, mac) in macs.iter().enumerate() {
        let mut subject = proven(*mac, address);
        subject.first_seen_ns = NOON_NS + place as u64 * later * SECOND_NS;
        let number = sample.add(subject);
        let [a, b, c, d, e, f] = macs[1 - place];
        let rival = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        sample.say(number, Field::ArpRival, &rival);
    }
    sample
}

#[test]
fn two_holders_of_one_address_conflict() {
    let inventory = rivals([NIGHT, OTHER], "10.0.0.9", 300).inventory();
    let conflict = [("address_conflict".to_owned(), 70)];
    assert_eq!(found(&inventory, "02:ac:3e:77:00:01"), conflict);
    assert_eq!(found(&inventory, "02:ac:3e:99:00:01"), conflict);
}

#[test]
fn cards_of_one_machine_virtual_addresses_and_proxies_do_not() {
    let nothing = |sample: Sample| {
        let inventory = sample.inventory();
        let findings = inventory.devices.iter().flat_map(|it| &it.findings);
        assert_eq!(findings.count(), 0, "{inventory:#?}");
    };
    nothing(rivals([LOCAL, LOCAL2], "10.0.0.9", 300));
    nothing(rivals([NIGHT, [0, 0, 0x5e, 0, 1, 7]], "10.0.0.9", 300));
    let mut both = rivals([NIGHT, OTHER], "10.0.0.9", 300);
    both.add(proven(NIGHT, "10.0.0.10"));
    both.add(proven(OTHER, "10.0.0.10"));
    nothing(both);
    let mut proxy = rivals([NIGHT, OTHER], "10.0.0.9", 300);
    for host in 20..40 {
        proxy.add(proven(OTHER, &format!("10.0.0.{host}")));
    }
    nothing(proxy);
}

#[test]
fn who_comes_to_the_address_of_the_gateway_is_told() {
    let mut sample = rivals([NIGHT, OTHER], "10.0.0.254", 300);
    let client = sample.add(binding(LOCAL, "", 0));
    sample.say(
        client,
        Field::DhcpOffer,
        "server 10.0.0.1 router 10.0.0.254",
    );
    let inventory = sample.inventory();
    let anomaly = [("gateway_anomaly".to_owned(), 70)];
    assert_eq!(found(&inventory, "02:ac:3e:99:00:01"), anomaly);
    assert_eq!(found(&inventory, "02:ac:3e:77:00:01"), []);
}

#[test]
fn many_targets_in_vain_are_scanning_unless_more_answered() {
    let tried = |targets: &str, spoken: u16| {
        let mut sample = Sample::default();
        let source = sample.add(proven(NIGHT, "10.0.0.9"));
        let server = sample.add(proven(OTHER, "10.0.0.1"));
        sample.say(source, Field::TcpUnanswered, targets);
        for port in 0..spoken {
            sample.talk(source, server, Some(Protocol::Http), 1000 + port);
        }
        found(&sample.inventory(), "10.0.0.9")
    };
    assert_eq!(tried("128", 3), [("scanning".to_owned(), 70)]);
    assert_eq!(tried("4096", 100), [("scanning".to_owned(), 70)]);
    assert_eq!(tried("128", 100), [], "a monitor whose network is down");
}

#[test]
fn what_a_name_server_looks_up_is_no_habit_of_its_own() {
    let looked_up = |serves: bool| {
        let mut sample = Sample::default();
        let host = sample.add(proven(NIGHT, "10.0.0.9"));
        let fact = sample.say(host, Field::DnsQueryName, "TeamViewer");
        fact.attribute = medtap_table::vocabulary::Attribute::Finding;
        fact.value = "remote_access_tool".into();
        if serves {
            sample.say(host, Field::DnsServer, "answers");
        }
        found(&sample.inventory(), "10.0.0.9").len()
    };
    assert_eq!((looked_up(false), looked_up(true)), (1, 0));
}
