//! What takes several devices to see, on captures of real stacks: each finding where it belongs,
//! and on no other capture.

use std::collections::BTreeSet;

use medtap_inventory::resolve;
use medtap_tests::{captures, replay, root};

/// The findings of behaviour.
const BEHAVIOUR: [&str; 4] = [
    "address_conflict",
    "gateway_anomaly",
    "rogue_dhcp",
    "scanning",
];

/// Where each is shown, and the first MAC addresses of those who show it.
const SHOWN: [(&str, &str, &[&str]); 4] = [
    ("dhcp/rogue.pcap", "rogue_dhcp", &["00:1d:7e:40:00:66"]),
    (
        "arp/gateway.pcap",
        "gateway_anomaly",
        &["00:1d:7e:40:00:66"],
    ),
    (
        "arp/conflict.pcap",
        "address_conflict",
        &["18:66:da:40:00:20", "3c:d9:2b:40:00:30"],
    ),
    ("tcp/scan.pcap", "scanning", &["18:66:da:40:00:20"]),
];

/// Who shows which finding of behaviour on a capture.
fn found(capture: &std::path::Path) -> BTreeSet<(String, String)> {
    let run = replay(capture, 1).expect("a committed capture opens");
    let inventory = resolve(&run.reader(), &medtap_inventory::Options::default());
    let mut found = BTreeSet::new();
    for device in &inventory.devices {
        let behaviour = |it: &&medtap_inventory::model::Finding| BEHAVIOUR.contains(&&*it.id);
        for finding in device.findings.iter().filter(behaviour) {
            let mac = device.macs.first().cloned().unwrap_or_default();
            found.insert((finding.id.clone(), mac));
        }
    }
    found
}

#[test]
fn behaviour_is_found_where_it_is_and_nowhere_else() {
    for capture in captures() {
        let name = capture
            .strip_prefix(root().join("pcaps"))
            .expect("below pcaps");
        let name = name.to_string_lossy().replace('\\', "/");
        let shown = SHOWN.iter().filter(|(of, ..)| *of == name);
        let expected: BTreeSet<(String, String)> = shown
            .flat_map(|(_, id, macs)| macs.iter().map(|mac| ((*id).to_owned(), (*mac).to_owned())))
            .collect();
        assert_eq!(found(&capture), expected, "{name}");
    }
}
