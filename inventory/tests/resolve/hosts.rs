//! Which bindings are one host.

use medtap_table::vocabulary::{Attribute, Field};
use medtap_table::{Subject, SubjectFlags};

use crate::sample::{
    BRAUN, CISCO, HOUR_NS, LOCAL, LOCAL2, MONDAY_NS, Sample, binding, proven, value, with,
};

const CISCO_TEXT: &str = "00:1b:54:20:01:01";
const LOCAL_TEXT: &str = "02:ac:3e:00:00:11";

#[test]
fn a_host_is_its_mac_address_in_all_vlans_and_with_all_addresses() {
    let mut sample = Sample::default();
    sample.add(proven(BRAUN, "10.0.0.5"));
    sample.add(Subject {
        vlan: 20,
        ..binding(BRAUN, "10.0.0.5", 64)
    });
    sample.add(Subject {
        vlan: 30,
        ..binding(BRAUN, "fe80::1", 255)
    });
    sample.add(binding(BRAUN, "2001:db8::aaaa", 64));
    sample.add(binding(BRAUN, "2001:db8::bbbb", 64));
    sample.add(binding(BRAUN, "", 0));
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 1);
    let device = &inventory.devices[0];
    assert_eq!(device.vlans, [20, 30]);
    assert_eq!(device.addresses.len(), 4);
    assert_eq!(device.packets_sent, 12);
    assert_eq!(device.category, "unknown", "a maker is no category");
    assert_eq!(value(device, "manufacturer"), "B.Braun Melsungen AG");
    assert_eq!(value(device, "model"), "");
}

#[test]
fn scopes_are_apart() {
    let mut sample = Sample::default();
    sample.add(proven(LOCAL, "10.0.0.5"));
    sample.add(Subject {
        scope: 1,
        ..proven(LOCAL, "10.0.0.5")
    });
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 2);
    assert_ne!(inventory.devices[0].id, inventory.devices[1].id);
}

#[test]
fn what_forwards_is_the_kind_that_it_says_it_is() {
    let forwards = |said: &[(&str, u8)]| {
        let mut sample = Sample::default();
        let router = sample.add(proven(CISCO, "10.0.0.1"));
        sample.add(binding(CISCO, "10.9.0.7", 63));
        for (category, confidence) in said {
            let fact = sample.say(router, Field::SnmpSysDescr, category);
            fact.attribute = Attribute::Category;
            fact.confidence = *confidence;
        }
        let inventory = sample.inventory();
        let device = with(&inventory, CISCO_TEXT);
        (device.category, device.category_confidence)
    };
    assert_eq!(forwards(&[]), ("router", 90));
    assert_eq!(forwards(&[("firewall", 85)]), ("firewall", 99));
    assert_eq!(forwards(&[("switch", 60), ("router", 50)]).0, "switch");
    assert_eq!(forwards(&[("access_point", 50)]).0, "access_point");
    // A router with a switch in it, and what only looks like one.
    assert_eq!(forwards(&[("switch", 70), ("router", 85)]).0, "router");
    assert_eq!(forwards(&[("switch", 30)]).0, "router");
    // Of two that it says, forwarding does not tell which.
    assert_eq!(forwards(&[("firewall", 60), ("switch", 60)]).0, "router");
    assert_eq!(forwards(&[("camera", 85)]).0, "router");
}

#[test]
fn what_is_behind_a_router_is_a_device_of_its_own_without_its_vendor() {
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.1"));
    sample.add(binding(CISCO, "10.9.0.7", 63));
    sample.add(binding(CISCO, "10.9.0.8", 125));
    // From far away: half of 64 is no initial value here.
    sample.add(binding(CISCO, "10.9.0.9", 32));
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 4);
    let router = with(&inventory, CISCO_TEXT);
    assert_eq!(router.category, "router");
    assert_eq!(router.class, "network");
    assert_eq!(router.addresses.len(), 1);
    assert_eq!(router.packets_sent, 2, "not what it forwards");
    for remote in ["10.9.0.7", "10.9.0.8", "10.9.0.9"] {
        let remote = with(&inventory, remote);
        assert!(remote.macs.is_empty());
        assert_eq!(value(remote, "manufacturer"), "");
        assert_eq!(remote.category, "unknown");
    }
}

#[test]
fn a_host_seen_on_both_sides_of_a_router_is_one() {
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.1"));
    sample.add(proven(BRAUN, "10.9.0.7"));
    let shown = sample.add(binding(CISCO, "10.9.0.7", 63));
    sample.say(shown, Field::DicomAeTitle, "CT_ROOM1");
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 2);
    let host = with(&inventory, "10.9.0.7");
    assert_eq!(host.macs, ["00:12:21:20:01:31"]);
    assert_eq!(value(host, "ae_title"), "CT_ROOM1");
    assert_eq!(value(host, "manufacturer"), "B.Braun Melsungen AG");
    assert_eq!(host.packets_sent, 4);
}

#[test]
fn many_addresses_without_proof_make_a_router() {
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.1"));
    for host in 1..=8 {
        sample.add(binding(CISCO, &format!("10.9.0.{host}"), 0));
    }
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 9);
    assert_eq!(with(&inventory, CISCO_TEXT).category, "router");
}

#[test]
fn a_few_proven_addresses_make_no_router() {
    let mut sample = Sample::default();
    for host in 1..=3 {
        sample.add(proven(LOCAL, &format!("10.0.0.{host}")));
    }
    // An odd initial TTL, and a low one of multicast.
    sample.add(binding(LOCAL2, "10.0.0.9", 60));
    sample.add(Subject {
        flags: SubjectFlags::MULTICAST_TTL,
        ..binding(BRAUN, "10.0.0.10", 1)
    });
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 3);
    assert!(
        inventory
            .devices
            .iter()
            .all(|device| device.category == "unknown")
    );
    assert_eq!(with(&inventory, LOCAL_TEXT).addresses.len(), 3);
}

#[test]
fn privacy_addresses_make_no_router() {
    let mut sample = Sample::default();
    for host in 0..40 {
        sample.add(binding(LOCAL, &format!("2001:db8::{host:x}:1"), 64));
    }
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 1);
    assert_eq!(inventory.devices[0].category, "unknown");
}

#[test]
fn router_advertisements_and_servers_on_a_router_leave_it_a_router() {
    let mut sample = Sample::default();
    let router = sample.add(Subject {
        flags: SubjectFlags::ROUTER | SubjectFlags::ND,
        ..binding(CISCO, "fe80::1", 255)
    });
    sample.add(proven(CISCO, "10.0.0.1"));
    sample.say(router, Field::DhcpServer, "10.0.0.1");
    sample.say(router, Field::DnsServer, "answers");
    // Its own packets, before anybody asked for its address.
    sample.add(binding(CISCO, "10.9.0.8", 63));
    sample.add(binding(CISCO, "10.0.1.1", 64));
    let inventory = sample.inventory();
    let router = with(&inventory, CISCO_TEXT);
    assert_eq!((router.category, router.addresses.len()), ("router", 3));
    assert_eq!(inventory.devices.len(), 2);
}

/// A router that answers ARP for others still lowers their TTL.
#[test]
fn proxy_arp_gives_a_router_no_addresses() {
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.1"));
    sample.add(binding(CISCO, "10.9.0.1", 63));
    sample.add(Subject {
        ttl_max: 63,
        ..proven(CISCO, "10.9.0.7")
    });
    let inventory = sample.inventory();
    assert!(with(&inventory, "10.9.0.7").macs.is_empty());
}

#[test]
fn addresses_of_virtual_routers_are_no_machines() {
    const VRRP: [u8; 6] = [0, 0, 0x5e, 0, 1, 7];
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.2"));
    // VRRP speaks from the virtual address with the router's own IP address.
    sample.add(binding(VRRP, "10.0.0.2", 0));
    sample.add(Subject {
        first_seen_ns: 0,
        last_seen_ns: 0,
        ..proven(VRRP, "10.0.0.1")
    });
    // Others send to it what is for far away.
    sample.add(Subject {
        first_seen_ns: 0,
        last_seen_ns: 0,
        ..binding(VRRP, "10.9.0.7", 0)
    });
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 1);
    let real = with(&inventory, "10.0.0.2");
    assert_eq!((real.macs.len(), real.category), (1, "unknown"));
    assert_eq!(with(&inventory, "10.0.0.1").id, real.id);
}

/// Of a group whose routers were never heard, the address alone is known: it is nobody else's.
#[test]
fn a_virtual_router_that_nobody_claims_keeps_its_address() {
    const VRRP: [u8; 6] = [0, 0, 0x5e, 0, 1, 7];
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.2"));
    sample.add(proven(VRRP, "10.0.0.1"));
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 2);
    assert_eq!(value(with(&inventory, "10.0.0.1"), "manufacturer"), "");
}

/// The router that greeted last by the group's address has it; TTLs of two systems mark an
/// address as several machines', equal ones do not.
#[test]
fn groups_follow_and_shared_addresses_are_marked() {
    const VRRP: [u8; 6] = [0, 0, 0x5e, 0, 1, 7];
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.2"));
    sample.add(proven(BRAUN, "10.0.0.3"));
    sample.add(proven(VRRP, "10.0.0.1"));
    for (ip, hour) in [("10.0.0.2", 1), ("10.0.0.3", 5)] {
        sample.add(Subject {
            last_seen_ns: MONDAY_NS + (12 + hour) * HOUR_NS,
            ..binding(VRRP, ip, 255)
        });
    }
    let marked = |ip: &str, ttls: (u8, u8)| {
        let mut sample = Sample::default();
        sample.add(Subject {
            ttl_min: ttls.0,
            ttl_max: ttls.1,
            ..proven(CISCO, ip)
        });
        let inventory = sample.inventory();
        assert_eq!(inventory.devices.len(), 1);
        let findings = &with(&inventory, ip).findings;
        findings.iter().any(|found| found.id == "address_shared")
    };
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 2);
    let owner = with(&inventory, "10.0.0.1");
    assert_eq!(owner.id, with(&inventory, "10.0.0.3").id);
    assert!(marked("10.0.0.9", (63, 127)) && marked("10.0.0.9", (60, 124)));
    // Systems of one make behind it, with and without packets of its own.
    for ttls in [(63, 63), (63, 64), (127, 127), (64, 127), (63, 128)] {
        assert!(marked("10.0.0.9", ttls), "{ttls:?}");
    }
    for ttls in [
        (64, 64),
        (60, 64),
        (64, 255),
        (1, 64),
        (64, 128),
        (128, 128),
    ] {
        assert!(!marked("10.0.0.9", ttls), "{ttls:?}");
    }
}

/// An address that one machine gave back and another got later.
#[test]
fn a_lease_that_is_used_again_is_another_device() {
    let at = |hour: u64, mut subject: Subject| {
        subject.first_seen_ns = MONDAY_NS + hour * HOUR_NS;
        subject.last_seen_ns = subject.first_seen_ns + HOUR_NS;
        subject
    };
    let mut sample = Sample::default();
    sample.add(proven(CISCO, "10.0.0.1"));
    sample.add(at(1, proven(LOCAL, "10.9.0.7")));
    sample.add(at(5, proven(LOCAL2, "10.9.0.7")));
    // The router's far side shows both under one binding.
    let shown = sample.add(Subject {
        last_seen_ns: MONDAY_NS + 6 * HOUR_NS,
        ..at(1, binding(CISCO, "10.9.0.7", 63))
    });
    for (hour, title) in [(1, "FIRST"), (5, "SECOND")] {
        let fact = sample.say(shown, Field::DicomAeTitle, title);
        fact.first_seen_ns = MONDAY_NS + hour * HOUR_NS;
        fact.last_seen_ns = fact.first_seen_ns;
    }
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 3);
    assert_eq!(value(with(&inventory, LOCAL_TEXT), "ae_title"), "FIRST");
    assert_eq!(
        value(with(&inventory, "02:ac:3e:00:00:12"), "ae_title"),
        "SECOND"
    );
}

#[test]
fn who_was_only_sent_to_is_no_device() {
    let mut sample = Sample::default();
    let never = |mac, ip| Subject {
        first_seen_ns: 0,
        last_seen_ns: 0,
        ..binding(mac, ip, 0)
    };
    let client = sample.add(proven(LOCAL, "10.0.0.5"));
    let gone = sample.add(never(CISCO, "10.9.0.7"));
    sample.say(gone, Field::TlsServerName, "somebody.example");
    sample.say(gone, Field::HttpHost, "somebody.example");
    sample.talk(client, gone, None, 443);
    // A proof or its own words are enough.
    sample.add(Subject {
        flags: SubjectFlags::DHCP,
        ..never(LOCAL2, "10.0.0.8")
    });
    let silent = sample.add(never(BRAUN, ""));
    sample.say(silent, Field::DhcpHostname, "pump-0007");
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 3);
    assert!(with(&inventory, "10.0.0.5").peers.is_empty());
    assert_eq!(
        value(with(&inventory, "00:12:21:20:01:31"), "hostname"),
        "pump-0007"
    );
}

#[test]
fn frames_without_mac_addresses_are_hosts_by_ip() {
    let mut sample = Sample::default();
    sample.add(binding([0; 6], "10.0.0.5", 64));
    sample.add(binding([0; 6], "10.0.0.6", 63));
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 2);
    assert!(
        inventory
            .devices
            .iter()
            .all(|d| d.macs.is_empty() && d.category == "unknown")
    );
}

#[test]
fn the_ports_of_a_switch_are_one_chassis() {
    let mut sample = Sample::default();
    let port = sample.add(binding(LOCAL2, "", 0));
    sample.say(port, Field::LldpChassisId, LOCAL_TEXT);
    sample.add(proven(LOCAL, "10.0.0.2"));
    let other = sample.add(binding(BRAUN, "", 0));
    sample.say(other, Field::LldpChassisId, "switch-7");
    let inventory = sample.inventory();
    assert_eq!(inventory.devices.len(), 2);
    assert_eq!(with(&inventory, "10.0.0.2").macs.len(), 2);
}
