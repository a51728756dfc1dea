use medtap_tests::medtap;
use serde_json::Value;

/// MAC address, category, attributes with values.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// The truth of pcaps/README.md that the traffic gives away: MAC address, category, and values
/// that the inventory must give. An empty text: no value may be given.
const TRUTH: &[Row] = &[
    (
        "02:ac:3e:00:00:11",
        "ct",
        &[
            ("manufacturer", "ACME MEDICAL"),
            ("model", "TOMOGRAPH 64"),
            ("serial_number", "AM-CT-001977"),
            ("ae_title", "CT_ROOM1"),
            ("station_name", "CTSTN01"),
        ],
    ),
    (
        "02:ac:3e:00:00:12",
        "mr",
        &[
            ("manufacturer", "NORTHWIND IMAGING"),
            ("model", "MAGNETRON 3T"),
            ("serial_number", "NW300417"),
            ("ae_title", "MR_ROOM2"),
        ],
    ),
    // The prefix of its address is Esaote's; what DICOM says is true.
    (
        "00:e0:a4:20:01:13",
        "ultrasound",
        &[
            ("manufacturer", "FABRIKAM ULTRASOUND"),
            ("model", "SONO E9"),
            ("serial_number", "FU-E9-55012"),
        ],
    ),
    (
        "02:ac:3e:00:00:21",
        "device_gateway",
        &[("manufacturer", ""), ("serial_number", "")],
    ),
    (
        "02:ac:3e:00:00:22",
        "lab_analyzer",
        &[("manufacturer", "LITWARE DIAGNOSTICS")],
    ),
    // It forwards images of others, and is none of them.
    (
        "00:50:56:20:02:10",
        "pacs",
        &[
            ("ae_title", "ARCHIVE"),
            ("model", ""),
            ("serial_number", ""),
            ("station_name", ""),
        ],
    ),
    (
        "00:50:56:20:02:11",
        "worklist",
        &[("serial_number", ""), ("station_name", "")],
    ),
    (
        "00:50:56:20:02:20",
        "interface_engine",
        &[("serial_number", "")],
    ),
    ("02:ac:3e:00:03:18", "switch", &[("hostname", "floor-sw-3")]),
    (
        "3c:d9:2b:20:01:60",
        "printer",
        &[("manufacturer", "INKJOY"), ("model", "LaserStar 400")],
    ),
    (
        "18:66:da:20:01:50",
        "workstation",
        &[
            ("hostname", "WKS-RAD-01"),
            ("serial_number", ""),
            ("model", ""),
        ],
    ),
    (
        "00:1b:54:20:01:01",
        "router",
        &[("hostname", ""), ("ae_title", "")],
    ),
    (
        "00:1b:54:20:02:01",
        "router",
        &[("hostname", ""), ("ae_title", "")],
    ),
];

/// Devices behind the gateway: serial number and category.
const REPORTED: &[(&str, &str)] = &[
    ("AM-MON-0042", "patient_monitor"),
    ("AM-MON-0043", "patient_monitor"),
];

fn value<'a>(device: &'a Value, attribute: &str) -> &'a str {
    device["attributes"][attribute]["value"]
        .as_str()
        .unwrap_or("")
}

fn inventory() -> Value {
    medtap(&["analyze", "pcaps/hospital.pcapng", "--output", "json"]).json()
}

#[test]
fn devices_are_what_they_truly_are() {
    let json = inventory();
    let devices = json["devices"].as_array().expect("devices");
    let mut errors = Vec::new();
    for (mac, category, values) in TRUTH {
        let has_mac = |device: &&Value| {
            let macs = device["macs"].as_array().expect("addresses");
            macs.iter().any(|other| other == mac)
        };
        let found = devices.iter().filter(has_mac).collect::<Vec<_>>();
        let [device] = found[..] else {
            errors.push(format!("{mac}: {} devices", found.len()));
            continue;
        };
        if device["category"] != *category {
            errors.push(format!("{mac}: {} and not {category}", device["category"]));
        }
        for (attribute, expected) in *values {
            let found = value(device, attribute);
            if found != *expected {
                errors.push(format!("{mac}: {attribute} {found:?} and not {expected:?}"));
            }
        }
    }
    for (serial, category) in REPORTED {
        let found = devices
            .iter()
            .filter(|d| value(d, "serial_number") == *serial);
        let found = found.collect::<Vec<_>>();
        let [device] = found[..] else {
            errors.push(format!("{serial}: {} devices", found.len()));
            continue;
        };
        let reported = device["reported_by"]
            .as_array()
            .is_some_and(|by| !by.is_empty());
        if device["category"] != *category || !reported {
            errors.push(format!(
                "{serial}: {} {}",
                device["category"], device["reported_by"]
            ));
        }
    }
    assert!(errors.is_empty(), "\n{}", errors.join("\n"));
}

/// No two devices share a MAC address or an IP address, and each address of the truth that sent
/// something is somebody's.
#[test]
fn addresses_belong_to_one_device() {
    let json = inventory();
    let mut seen = std::collections::BTreeMap::new();
    for device in json["devices"].as_array().expect("devices") {
        for list in ["macs", "addresses"] {
            for address in device[list].as_array().expect("a list") {
                let address = address.as_str().expect("an address").to_owned();
                if let Some(other) = seen.insert(address.clone(), device["id"].clone()) {
                    panic!("{address} is {other}'s and {}'s", device["id"]);
                }
            }
        }
    }
    for address in [
        "10.20.1.11",
        "10.20.1.12",
        "10.20.1.13",
        "10.20.1.21",
        "10.20.1.22",
        "10.20.1.50",
        "10.20.1.60",
        "10.20.1.62",
        "10.20.1.3",
        "10.20.1.2",
        "10.20.1.1",
        "10.20.2.1",
        "10.20.2.10",
        "10.20.2.11",
        "10.20.2.12",
        "10.20.2.20",
        "10.20.2.30",
        "10.20.1.146",
        "10.20.1.115",
        "10.20.1.111",
    ] {
        assert!(seen.contains_key(address), "{address} is nobody's");
    }
}

/// Every pair that truly talked is a pair of peers, in both directions.
#[test]
fn peers_know_each_other() {
    let json = inventory();
    let devices = json["devices"].as_array().expect("devices");
    for device in devices {
        for peer in device["peers"].as_array().expect("peers") {
            let other = devices.iter().find(|other| other["id"] == peer["id"]);
            let back = other.expect("a device")["peers"].as_array().expect("peers");
            assert!(back.iter().any(|back| back["id"] == device["id"]), "{peer}");
        }
    }
}
