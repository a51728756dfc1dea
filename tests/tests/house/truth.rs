use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use medtap_table::TableReader;
use medtap_table::vocabulary::{Attribute, Field};
use medtap_tests::{replay, root};

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

/// The truth by capture. A line without a blank before it names a capture, one with two a device,
/// one with four what is true of it.
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
            0 => capture = trimmed,
            2 => device = trimmed,
            _ => {
                let facts = captures.entry(capture.clone()).or_default();
                facts.entry(device.clone()).or_default().insert(trimmed);
            }
        }
    }
    captures
}

#[test]
fn every_fact_is_true_and_every_truth_is_a_fact() {
    let mut errors = Vec::new();
    let truth = truth();
    assert!(truth.len() >= 20, "{} captures", truth.len());
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
