//! Clusters and their labels on devices that are made for it.

use std::collections::BTreeMap;

use medtap_inventory::Attributes;
use medtap_inventory::model::{Device, ProtocolUse, Risk, Said};
use medtap_rules::{Label, Rules};
use medtap_table::vocabulary::Field;

use super::cluster::{clusters, is_unknown};
use super::label::{telling, write};

fn device(id: &str, mac: &str, list: Option<&str>) -> Device {
    let said = list.map(|raw| Said {
        field: Field::DhcpParameterList.name(),
        raw: raw.to_owned(),
    });
    Device {
        id: id.to_owned(),
        macs: vec![mac.to_owned()],
        addresses: Vec::new(),
        vlans: Vec::new(),
        class: "unknown",
        category: "unknown",
        category_confidence: 0,
        reported_by: Vec::new(),
        first_seen: None,
        last_seen: None,
        packets_sent: 0,
        packets_received: 0,
        bytes_sent: 0,
        bytes_received: 0,
        attributes: Attributes::default(),
        protocols: vec![ProtocolUse {
            name: "http",
            role: "client",
            port: Some(80),
            encrypted: false,
        }],
        peers: Vec::new(),
        activity: BTreeMap::new(),
        findings: Vec::new(),
        vulnerabilities: Vec::new(),
        risk: Risk::default(),
        recognised: Vec::new(),
        unnamed: said.into_iter().collect(),
    }
}

/// Three pumps of one maker, and a device of another that asks for the usual.
fn devices() -> Vec<Device> {
    let mut all = vec![
        device("pump0001", "00:1b:2c:00:00:01", Some("1,3,42,66")),
        device("pump0002", "00:1b:2c:00:00:02", Some("1,3,42,66")),
        device("pump0003", "00:1b:2c:00:00:03", Some("1,3,42,66,67")),
        device("other004", "00:aa:bb:00:00:04", Some("1,3,6")),
    ];
    let mut known = device("known005", "00:cc:dd:00:00:05", Some("1,3,6"));
    known.category = "printer";
    all.push(known);
    all
}

#[test]
fn devices_that_are_alike_are_one_cluster() {
    let mut devices = devices();
    let found = clusters(&devices);
    let sizes: Vec<usize> = found.iter().map(|cluster| cluster.devices.len()).collect();
    assert_eq!(sizes, [2, 1, 1], "{found:#?}");
    assert_eq!(found[0].devices, ["pump0001", "pump0002"]);
    assert!(devices.iter().filter(|it| is_unknown(it)).count() == 4);
    // The order in which devices come does not show.
    devices.reverse();
    let again = clusters(&devices);
    assert_eq!(found[0].id, again[0].id);
    assert_eq!(found[0].common, again[0].common);
}

#[test]
fn a_label_names_all_of_a_cluster_and_nobody_else() {
    let devices = devices();
    let found = clusters(&devices);
    let folder = tempfile::tempdir().expect("a folder");
    let label = Label {
        category: Some("infusion_pump".to_owned()),
        manufacturer: Some("Acme".to_owned()),
        model: None,
    };
    let written = write(&found[0], &devices, &label, folder.path()).expect("written");
    assert_eq!((written.files.len(), written.named), (1, 2));
    let rules = Rules::load(Some(folder.path())).expect("it loads");
    let mut said = Vec::new();
    let matcher = rules.matcher();
    matcher.matches(Field::DhcpParameterList, "1,3,42,66", &mut |claim| {
        said.push(format!("{}={}", claim.attribute.name(), claim.value));
    });
    assert_eq!(said, ["manufacturer=Acme", "category=infusion_pump"]);
    // A second label gets numbers of its own.
    let third = found
        .iter()
        .find(|it| it.devices == ["pump0003"])
        .expect("a cluster");
    write(third, &devices, &label, folder.path()).expect("written");
    let again = Rules::load(Some(folder.path())).expect("it loads");
    assert_eq!(again.len(), rules.len() + 1);
}

#[test]
fn what_a_named_device_says_too_names_no_cluster() {
    let devices = devices();
    let found = clusters(&devices);
    let other = found
        .iter()
        .find(|it| it.devices == ["other004"])
        .expect("a cluster");
    assert_eq!(telling(other, &devices).0, []);
    let folder = tempfile::tempdir().expect("a folder");
    let refused = write(other, &devices, &Label::default(), folder.path());
    assert!(refused.is_err_and(|it| it.to_string().contains("say nothing that a rule")));
}

/// Two clocks that are wrong by the same are no kind of device.
#[test]
fn a_clock_makes_nobody_alike() {
    let mut all = devices();
    let offset = Said {
        field: Field::HttpOffset.name(),
        raw: "-60".to_owned(),
    };
    all.truncate(1);
    all[0].unnamed = vec![offset];
    let cluster = &clusters(&all)[0];
    let common: Vec<String> = cluster.common.iter().map(ToString::to_string).collect();
    assert!(!common.iter().any(|it| it.contains("offset")), "{common:?}");
    assert_eq!(telling(cluster, &all), (Vec::new(), 0));
}
