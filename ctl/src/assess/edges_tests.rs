//! Edges of devices made by hand.

use medtap_inventory::model::{DeviceId, Peer};
use medtap_risk::declared::Declared;

use super::*;
use crate::render::samples;

const SCANNER: usize = 0;
const ARCHIVE: usize = 2;

fn conversation(protocol: &'static str, opened: bool, answered: bool) -> Conversation {
    Conversation {
        protocol: Some(protocol),
        port: Some(3389),
        opened,
        answered,
        times: 3,
        first_seen: Time(1),
        last_seen: Time(2),
    }
}

/// The scanner speaks with the archive, after a change of both; what is then found about it.
fn found(
    one: Conversation,
    declared: &str,
    change: impl FnOnce(&mut [Device]),
) -> Vec<(String, u8, String)> {
    let mut inventory = samples::inventory();
    let archive = DeviceId::new(&inventory.devices[ARCHIVE].id).unwrap();
    inventory.devices[SCANNER].peers = vec![Peer {
        id: archive,
        protocols: Vec::new(),
        bytes: 1,
        conversations: vec![one],
    }];
    change(&mut inventory.devices);
    let known = Known {
        declared: Declared::parse(declared).unwrap(),
        ..Known::default()
    };
    add(&mut inventory, &known);
    let found = std::mem::take(&mut inventory.devices[SCANNER].findings);
    found
        .into_iter()
        .map(|finding| (finding.id, finding.confidence, finding.evidence))
        .collect()
}

#[test]
fn remote_control_across_segments_burdens_the_one_that_serves() {
    let served = || conversation("rdp", false, true);
    let other_vlan = |devices: &mut [Device]| devices[ARCHIVE].vlans = vec![30];
    let across = found(served(), "", other_vlan);
    let text = "rdp from archive.example in VLAN 30".to_owned();
    assert_eq!(across, [("rdp_across_segments".to_owned(), 90, text)]);
    let none: Vec<(String, u8, String)> = Vec::new();
    // In one VLAN; from the other end; not answered; a VLAN against a network.
    assert_eq!(found(served(), "", |_| {}), none);
    assert_eq!(found(conversation("rdp", true, true), "", other_vlan), none);
    assert_eq!(
        found(conversation("rdp", false, false), "", other_vlan),
        none
    );
    assert_eq!(
        found(served(), "", |devices| devices[ARCHIVE].vlans.clear()),
        none
    );
    // By networks alone it is a guess; a declaration makes it sure, or none.
    let untagged = |devices: &mut [Device]| {
        devices.iter_mut().for_each(|device| device.vlans.clear());
        devices[ARCHIVE].addresses = vec![[10, 0, 1, 9].into()];
        devices[SCANNER].addresses = vec![[10, 0, 0, 9].into()];
    };
    assert_eq!(found(served(), "", untagged)[0].1, 50);
    let one = "[[segment]]\nname = \"x\"\nsubnets = [\"10.0.0.0/23\"]\n";
    assert_eq!(found(served(), one, untagged), none);
    let two = "[[segment]]\nname = \"x\"\nsubnets = [\"10.0.0.0/24\"]\n\
               [[segment]]\nname = \"y\"\nsubnets = [\"10.0.1.0/24\"]\n";
    let across = found(conversation("vnc", false, true), two, untagged);
    assert_eq!(across[0].0, "vnc_across_segments");
    assert_eq!((across[0].1, across[0].2.ends_with("in y")), (90, true));
}

#[test]
fn public_addresses_are_told_unless_they_are_the_sites_own() {
    let public = |devices: &mut [Device]| devices[ARCHIVE].addresses = vec![[8, 8, 8, 8].into()];
    let one = || conversation("tls", true, true);
    let text = "tls to 8.8.8.8 (3 times)".to_owned();
    assert_eq!(
        found(one(), "", public),
        [("public_contact".to_owned(), 95, text)]
    );
    assert!(found(one(), "internal = [\"8.8.8.0/24\"]", public).is_empty());
    assert!(found(one(), "", |_| {}).is_empty());
}

#[test]
fn a_medical_device_that_administers_its_neighbours() {
    let neighbour = |devices: &mut [Device]| {
        devices[ARCHIVE].class = "medical";
        devices[ARCHIVE].category = "infusion_pump";
    };
    let one = || conversation("telnet", true, true);
    let shown = found(one(), "", neighbour);
    assert_eq!(shown[0].0, "lateral_administration");
    // A server is no neighbour; who is asked administers nobody; a web page is no administration.
    assert!(found(one(), "", |_| {}).is_empty());
    assert!(found(conversation("telnet", false, true), "", neighbour).is_empty());
    assert!(found(conversation("http", true, true), "", neighbour).is_empty());
    let far = |devices: &mut [Device]| {
        neighbour(devices);
        devices[ARCHIVE].vlans = vec![30];
    };
    assert!(found(one(), "", far).is_empty());
}
