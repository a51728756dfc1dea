use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use medtap_table::TableReader;
use medtap_table::vocabulary::{Attribute, Field};
use medtap_tests::{medtap, replay, root};
use serde_json::Value;

/// Protocols by which clinical equipment says what it is.
const PROTOCOLS: &[&str] = &[
    "dicom", "dicomweb", "hl7", "fhir", "sdc", "dpws", "wsd", "astm", "poct1", "atna",
];

/// Fields that say what a machine is, besides those that are an attribute by themselves.
const SAY_WHAT_IT_IS: &[Field] = &[
    Field::DicomModality,
    Field::DicomDeviceUid,
    Field::DicomGantryId,
    Field::DicomCalibrationDate,
    Field::DicomManufactureDate,
    Field::DicomInstallationDate,
    Field::AstmSender,
    Field::SdcType,
    Field::WsdDeviceType,
    Field::Hl7DeviceId,
    Field::Hl7DeviceType,
    Field::Hl7DeviceRoom,
    Field::Hl7DeviceBed,
    Field::Hl7DeviceBuilding,
    Field::Hl7DeviceFloor,
    Field::Hl7DeviceManufactured,
    Field::Hl7EquipmentState,
    Field::Hl7SoftwareBinary,
    Field::Hl7SoftwareInstalled,
    Field::FhirDeviceType,
];

fn says_what_it_is(field: Field) -> bool {
    let protocol = field.name().split('.').next().unwrap_or_default();
    let identity = !matches!(field.attribute(), Attribute::Observed | Attribute::Finding);
    PROTOCOLS.contains(&protocol) && (identity || SAY_WHAT_IT_IS.contains(&field))
}

/// Whose fact it is: an address, or of a machine that another reports the identifier it gets.
type Facts = BTreeMap<String, BTreeSet<String>>;

fn reported(table: &TableReader) -> Facts {
    let names: BTreeMap<_, _> = table
        .subjects()
        .map(|(id, subject, _)| {
            let address = subject.address.map(|address| address.to_string());
            let name = address.unwrap_or_else(|| subject.identifier.as_str().to_owned());
            (id, name)
        })
        .collect();
    let mut facts = Facts::new();
    for (_, fact) in table
        .facts()
        .filter(|(_, fact)| says_what_it_is(fact.field))
    {
        let of = facts.entry(names[&fact.subject].clone()).or_default();
        of.insert(format!("{} = {}", fact.field.name(), fact.raw));
    }
    facts
}

/// The truth by capture. A line without a blank before it names a capture, of which nothing is true
/// that does not follow; one with two a device, one with four what is true of it.
fn truth() -> BTreeMap<String, Facts> {
    let text = fs::read_to_string(root().join("pcaps/truth.txt")).expect("the truth");
    let mut captures: BTreeMap<String, Facts> = BTreeMap::new();
    let (mut capture, mut device) = (String::new(), String::new());
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let trimmed = line.trim_start().to_owned();
        match line.len() - trimmed.len() {
            0 => {
                let before = captures.insert(trimmed.clone(), Facts::new());
                assert!(before.is_none(), "{trimmed} stands there twice");
                (capture, device) = (trimmed, String::new());
            }
            2 => device = trimmed,
            4 if !device.is_empty() => {
                let facts = captures
                    .get_mut(&capture)
                    .expect("a capture before its devices");
                facts.entry(device.clone()).or_default().insert(trimmed);
            }
            _ => panic!("neither a capture, a device nor a fact: {line}"),
        }
    }
    captures
}

#[test]
fn every_fact_is_true_and_every_truth_is_a_fact() {
    let mut errors = Vec::new();
    let truth = truth();
    assert!(truth.len() >= 25, "{} captures", truth.len());
    for (capture, expected) in truth {
        let path = root().join(format!("pcaps/{capture}.pcap"));
        let found = reported(&replay(&path, 1).expect("a capture opens").reader());
        let devices: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        for device in devices {
            let none = BTreeSet::new();
            let (true_facts, told) = (
                expected.get(device).unwrap_or(&none),
                found.get(device).unwrap_or(&none),
            );
            let missing = true_facts.difference(told).map(|fact| ("not told", fact));
            let wrong = told.difference(true_facts).map(|fact| ("not true", fact));
            errors.extend(
                missing
                    .chain(wrong)
                    .map(|(what, fact)| format!("{capture}: {what} of {device}: {fact}")),
            );
        }
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// Who passes on what others made: an archive by C-MOVE, by C-GET and over the web, gateways of
/// monitors, ventilators and pumps. Capture, address, and how many devices it tells of.
const PASS_ON: &[(&str, &str, usize)] = &[
    ("dicom/archive_forward", "10.20.2.10", 1),
    ("dicom/get_forward", "10.30.1.20", 2),
    ("dicomweb/orthanc", "10.30.1.20", 2),
    ("hl7/oru_ack", "10.20.1.21", 3),
    ("hl7/profiles", "10.30.1.10", 6),
];

/// What passes on is none of what it tells of: it has no model, no serial number and no station.
#[test]
fn who_passes_on_is_not_what_it_tells_of() {
    for (capture, address, count) in PASS_ON {
        let ran = medtap(&[
            "analyze",
            &format!("pcaps/{capture}.pcap"),
            "--output",
            "json",
        ]);
        let json = ran.json();
        let devices = json["devices"].as_array().expect("devices");
        let has = |device: &&Value| device["addresses"][0] == *address;
        let own = devices.iter().find(has).expect("the one that passes on");
        for attribute in [
            "model",
            "serial_number",
            "station_name",
            "software_version",
            "udi",
        ] {
            let told = &own["attributes"][attribute];
            assert!(
                told.is_null(),
                "{capture}: {attribute} of {address}: {told}"
            );
        }
        let by_it = |device: &&Value| {
            let mut reporters = device["reported_by"].as_array().into_iter().flatten();
            reporters.any(|reporter| *reporter == own["id"])
        };
        assert_eq!(devices.iter().filter(by_it).count(), *count, "{capture}");
    }
}
