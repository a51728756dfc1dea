//! Devices made by hand, for tests of what reads devices.

use std::collections::BTreeMap;

use medtap_inventory::Attributes;
use medtap_inventory::model::{
    Activity, AttributeValue, Conflict, Coverage, Device, DeviceId, Driver, Finding, Impact,
    Inventory, Peer, ProtocolUse, Provenance, Risk, SCHEMA_VERSION, Said, Source, Time,
    Vulnerability,
};
use medtap_table::vocabulary::Category;

/// 2026-08-18T10:00:00Z.
const BEGIN_NS: u64 = 1_787_047_200_000_000_000;
/// 27.5 seconds later.
const END_NS: u64 = BEGIN_NS + 27_500_000_000;

fn source(field: &'static str, raw: &str) -> Provenance {
    Provenance {
        field,
        raw: raw.to_owned(),
        rule: 0,
        first_seen: Time(BEGIN_NS),
        last_seen: Time(END_NS),
        count: 12,
    }
}

fn set(attributes: &mut Attributes, name: &str, value: Option<AttributeValue>) {
    *attributes.get_mut(name).unwrap() = value;
}

fn known(value: &str, field: &'static str, raw: &str) -> Option<AttributeValue> {
    Some(AttributeValue {
        value: value.to_owned(),
        confidence: 95,
        sources: vec![source(field, raw)],
        conflicts: Vec::new(),
    })
}

fn device(id: &str, category: Category, number: u8) -> Device {
    Device {
        id: id.to_owned(),
        macs: vec![format!("02:00:00:00:00:{number:02x}")],
        addresses: vec![[192, 0, 2, number].into()],
        vlans: vec![20],
        class: category.class().name(),
        category: category.name(),
        category_confidence: 95,
        reported_by: Vec::new(),
        first_seen: Some(Time(BEGIN_NS)),
        last_seen: Some(Time(END_NS)),
        packets_sent: 1_200,
        packets_received: 800,
        bytes_sent: 1_500_000,
        bytes_received: 64_000,
        attributes: Attributes::default(),
        protocols: Vec::new(),
        peers: Vec::new(),
        activity: BTreeMap::new(),
        findings: Vec::new(),
        vulnerabilities: Vec::new(),
        risk: Risk::default(),
        recognised: Vec::new(),
        unnamed: Vec::new(),
    }
}

/// A CT of which much is known.
pub fn scanner() -> Device {
    let mut device = device("3f9a61c2d4e5b607", Category::Ct, 0x10);
    device.addresses = vec![[192, 0, 2, 10].into(), "2001:db8::10".parse().unwrap()];
    let mut manufacturer = known("Acme", "dicom.manufacturer", "ACME Medical");
    if let Some(manufacturer) = &mut manufacturer {
        manufacturer.conflicts.push(Conflict {
            value: "Other".to_owned(),
            confidence: 30,
            sources: vec![source("eth.oui", "02:00:00")],
        });
    }
    let attributes = &mut device.attributes;
    set(attributes, "manufacturer", manufacturer);
    let model = known("Scan 64", "dicom.manufacturer_model_name", "Scan 64");
    set(attributes, "model", model);
    let serial = known("SN-0042", "dicom.device_serial_number", "SN-0042");
    set(attributes, "serial_number", serial);
    let version = known("2.9", "dicom.software_versions", "2.9");
    set(attributes, "software_version", version);
    set(
        attributes,
        "ae_title",
        known("CT1", "dicom.ae_title", "CT1"),
    );
    device.protocols.push(ProtocolUse {
        name: "dicom",
        role: "client",
        port: Some(104),
        encrypted: false,
    });
    device.peers.push(Peer {
        id: DeviceId::from(0xa01b_2c3d_4e5f_6071),
        protocols: vec!["dicom"],
        bytes: 1_560_000,
        conversations: Vec::new(),
    });
    let activity = Activity {
        total: 12,
        busiest_hour: Some("Tue 10:00".to_owned()),
        quietest_window: None,
        hours: Vec::new(),
    };
    device.activity.insert("dicom_store", activity);
    device.unnamed = [
        ("dicom.max_pdu_len", "16384"),
        ("ssh.client.version", "SSH-2.0-\u{1b}[2J"),
    ]
    .map(|(field, raw)| Said {
        field,
        raw: raw.to_owned(),
    })
    .to_vec();
    device
}

/// A scanner, an archive, a pump behind a gateway, and something hostile without a category.
pub fn inventory() -> Inventory {
    let mut archive = device("a01b2c3d4e5f6071", Category::Pacs, 0x20);
    let hostname = known("archive.example", "dhcp.option.hostname", "archive.example");
    set(&mut archive.attributes, "hostname", hostname);
    let mut pump = device("77aa00bb11cc22dd", Category::InfusionPump, 0x30);
    pump.macs.clear();
    pump.addresses.clear();
    pump.vlans.clear();
    pump.reported_by.push("a01b2c3d4e5f6071".to_owned());
    let mut hostile = device("e5e5e5e5e5e5e5e5", Category::Unknown, 0x66);
    hostile.category_confidence = 0;
    let name = known(
        "\u{1b}[2J=cmd\u{202e}",
        "mdns.hostname",
        "\u{1b}[2J=cmd\u{202e}",
    );
    set(&mut hostile.attributes, "hostname", name);
    Inventory {
        schema_version: SCHEMA_VERSION,
        as_of: Some(Time(END_NS)),
        partial: false,
        source: Source {
            files: 1,
            packets: 1_807,
            bytes: 1_234_567,
            first_seen: Some(Time(BEGIN_NS)),
            last_seen: Some(Time(END_NS)),
            duplicates: 42,
            ..Source::default()
        },
        coverage: Coverage {
            one_way_flows: 3,
            encrypted_flows: 1,
            unknown_flows: 2,
            attributes: [("manufacturer", 0.25), ("model", 0.25), ("os", 0.0)].into(),
        },
        devices: vec![scanner(), pump, archive, hostile],
    }
}

/// The same, assessed: the scanner has a finding and an exploited vulnerability, and works.
pub fn assessed() -> Inventory {
    let mut inventory = inventory();
    for device in &mut inventory.devices {
        match device.category {
            "ct" => {
                device.findings.push(scanner_finding());
                device.vulnerabilities.push(vulnerability());
                device.risk = risk(45.8, "moderate");
                let os = known("Windows 7", "nbns.name", "Windows 7");
                set(&mut device.attributes, "os", os);
                let activity = device.activity.entry("dicom_store");
                activity.and_modify(|activity| {
                    activity.hours = vec![0; 168];
                    activity.hours.splice(34..38, [3, 5, 3, 1]);
                });
            }
            "pacs" => device.risk = risk(3.0, "low"),
            _ => device.risk.high = Some(60.0),
        }
    }
    inventory
}

/// The finding of the scanner.
pub fn scanner_finding() -> Finding {
    Finding {
        id: "end_of_support".to_owned(),
        title: "Operating system past its end of support".to_owned(),
        confidence: 80,
        weight: Some(0.3),
        evidence: "nbns.name = Windows 7".to_owned(),
        first_seen: Some(Time(BEGIN_NS)),
        last_seen: Some(Time(END_NS)),
    }
}

fn vulnerability() -> Vulnerability {
    Vulnerability {
        cve: "CVE-2017-0144".to_owned(),
        component: "Windows 7".to_owned(),
        applicability: "os_build_patch_unknown".to_owned(),
        matched: "build: nbns.name \"Windows 7\" in CSAF \"<b>ICSMA</b>\"".to_owned(),
        in_kev: true,
        epss: Some(0.944),
        epss_model: Some("v2025.03.14".to_owned()),
        bod_26_04: Some("3 days".to_owned()),
        ssvc: Some("out-of-cycle".to_owned()),
        remediation: None,
    }
}

fn risk(score: f64, band: &str) -> Risk {
    Risk {
        assessed: true,
        score: Some(score),
        low: Some(score / 2.0),
        high: Some(score + 20.0),
        band: Some(band.to_owned()),
        likelihood: Some(0.636),
        impact: Impact {
            safety: Some(7.0),
            effectiveness: Some(8.0),
            data: Some(5.0),
        },
        drivers: vec![Driver {
            name: "Operating system past its end of support".to_owned(),
            effect: score / 3.0,
        }],
    }
}

/// Compares with a file in `goldens`; `BLESS=1` writes it.
#[track_caller]
pub fn expect(name: &str, actual: &str) {
    let path = format!("{}/src/render/goldens/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{name} is now:\n{actual}\nand was:\n{expected}"
    );
}
