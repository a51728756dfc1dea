//! Exports of devices made by hand, character for character.

use serde_json::Value;

use super::*;
use crate::render::samples;

fn text(inventory: &Inventory, format: Format) -> String {
    let devices: Vec<&Device> = inventory.devices.iter().collect();
    let mut out = Vec::new();
    write(inventory, &devices, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn exports() {
    let inventory = samples::assessed();
    for (format, name) in [
        (Format::Cyclonedx, "export_cyclonedx.json"),
        (Format::Csaf, "export_csaf.json"),
        (Format::Stix, "export_stix.json"),
        (Format::Ocsf, "export_ocsf.jsonl"),
        (Format::Servicenow, "export_servicenow.csv"),
        (Format::Nuvolo, "export_nuvolo.csv"),
    ] {
        samples::expect(name, &text(&inventory, format));
    }
}

#[test]
fn what_can_not_be_held_is_refused() {
    let inventory = samples::inventory();
    let devices: Vec<&Device> = inventory.devices.iter().collect();
    assert!(check(&devices, Format::Csaf).is_err());
    for format in [Format::Cyclonedx, Format::Stix, Format::Ocsf] {
        assert!(check(&devices, format).is_ok());
    }
}

/// Every reference of a bundle and of a bill leads to something in it.
#[test]
fn references_lead_somewhere() {
    let inventory = samples::assessed();
    let bundle: Value = serde_json::from_str(&text(&inventory, Format::Stix)).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    let ids: Vec<&Value> = objects.iter().map(|object| &object["id"]).collect();
    let mut references = 0;
    for object in objects {
        for name in ["source_ref", "target_ref", "created_by_ref"] {
            if let Some(reference) = object.get(name) {
                assert!(ids.contains(&reference), "{reference}");
                references += 1;
            }
        }
    }
    assert!(references > 10);
    let bill: Value = serde_json::from_str(&text(&inventory, Format::Cyclonedx)).unwrap();
    let components = bill["components"].as_array().unwrap();
    let refs: Vec<&Value> = components
        .iter()
        .map(|component| &component["bom-ref"])
        .collect();
    for vulnerability in bill["vulnerabilities"].as_array().unwrap() {
        for affected in vulnerability["affects"].as_array().unwrap() {
            assert!(refs.contains(&&affected["ref"]));
        }
    }
}

#[test]
fn no_cell_of_a_sheet_is_a_formula() {
    let mut inventory = samples::assessed();
    for value in inventory.devices[0].attributes.values_mut().flatten() {
        value.value = "=1+1".to_owned();
    }
    for format in [Format::Servicenow, Format::Nuvolo] {
        let sheet = text(&inventory, format);
        assert!(sheet.contains(",'=1+1,") && !sheet.contains(",=1+1"));
    }
}

/// What nothing proves, and what only bears a vulnerable name, is told to no other program as so.
#[test]
fn hints_and_namesakes_are_left_out() {
    let mut inventory = samples::assessed();
    let scanner = &mut inventory.devices[0];
    for name in ["manufacturer", "model"] {
        if let Some(value) = scanner.attributes.get_mut(name).and_then(Option::as_mut) {
            (value.confidence, value.value) = (20, "Somebody".to_owned());
        }
    }
    scanner.vulnerabilities[0].applicability = "family_only".to_owned();
    for format in [
        Format::Stix,
        Format::Ocsf,
        Format::Servicenow,
        Format::Nuvolo,
    ] {
        let text = text(&inventory, format);
        assert!(!text.contains("Somebody"), "{format:?}: {text}");
        assert!(!text.contains("CVE-2017-0144"), "{format:?}: {text}");
    }
    inventory.devices[0].vulnerabilities[0].applicability = "not_affected".to_owned();
    let sheet = text(&inventory, Format::Servicenow);
    assert!(!sheet.contains("CVE-2017-0144"));
}
