//! CycloneDX 1.6: a bill of devices, what runs on each, and which known vulnerabilities apply
//! (VEX). A vulnerability stands once for each standing that devices have towards it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use medtap_inventory::model::{Device, Inventory, Vulnerability};
use serde_json::{Value, json};

use super::Standing;
use super::names::{MEDTAP, millis, trimmed, uuid};
use crate::render::{json, label};

/// Writes the document.
///
/// # Errors
/// Those of the writer.
pub fn write(inventory: &Inventory, devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    let time = millis(inventory.as_of);
    let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
    let serial = uuid(&MEDTAP, &format!("cyclonedx|{time}|{}", ids.join(",")));
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
        "metadata": {
            "timestamp": time,
            "tools": { "components": [{
                "type": "application", "name": "medtap", "version": env!("CARGO_PKG_VERSION"),
            }] },
            "lifecycles": [{ "phase": "operations" }],
        },
        "components": devices.iter().map(|device| component(device)).collect::<Vec<_>>(),
        "vulnerabilities": vulnerabilities(devices),
    });
    json::pretty(&trimmed(document), out)
}

fn reference(device: &Device) -> String {
    format!("device-{}", device.id)
}

fn component(device: &Device) -> Value {
    let known = |name| super::known(device, name);
    let mut properties = vec![
        ("medtap:id", device.id.clone()),
        ("medtap:name", label(device)),
        ("medtap:class", device.class.to_owned()),
        ("medtap:category", device.category.to_owned()),
    ];
    let serial = known("serial_number").map(|serial| ("medtap:serial_number", serial.to_owned()));
    properties.extend(serial);
    let addresses = device.addresses.iter();
    properties.extend(addresses.map(|address| ("medtap:address", address.to_string())));
    properties.extend(device.macs.iter().map(|mac| ("medtap:mac", mac.clone())));
    if let Some(score) = device.risk.score.filter(|_| device.risk.assessed) {
        properties.push(("medtap:risk_score", score.to_string()));
    }
    let findings = device.findings.iter();
    properties.extend(findings.map(|finding| ("medtap:finding", finding.id.clone())));
    let properties: Vec<Value> = properties
        .into_iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let maker = known("manufacturer").map(|maker| json!({ "name": maker }));
    json!({
        "type": "device",
        "bom-ref": reference(device),
        "manufacturer": maker,
        "name": known("model").map_or_else(|| label(device), str::to_owned),
        "version": known("hardware_version"),
        "components": parts(device),
        "properties": properties,
    })
}

/// What runs on a device.
fn parts(device: &Device) -> Vec<Value> {
    let known = |name| super::known(device, name);
    let model = known("model").map_or_else(|| label(device), str::to_owned);
    let part = |kind: &str, name: String, version: Option<&str>| {
        json!({
            "type": kind,
            "bom-ref": format!("{}-{kind}", reference(device)),
            "name": name,
            "version": version,
        })
    };
    let os = known("os").map(|os| part("operating-system", os.to_owned(), known("os_version")));
    let firmware = known("firmware_version");
    let firmware = firmware.map(|v| part("firmware", format!("{model} firmware"), Some(v)));
    let software = known("software_version");
    let software = software.map(|v| part("application", format!("{model} software"), Some(v)));
    [os, firmware, software].into_iter().flatten().collect()
}

fn vulnerabilities(devices: &[&Device]) -> Vec<Value> {
    let mut told: BTreeMap<(&str, Standing), (&Vulnerability, BTreeSet<String>)> = BTreeMap::new();
    for device in devices {
        for vulnerability in &device.vulnerabilities {
            let key = (vulnerability.cve.as_str(), Standing::of(vulnerability));
            let (_, refs) = told.entry(key).or_insert((vulnerability, BTreeSet::new()));
            refs.insert(reference(device));
        }
    }
    told.into_iter()
        .map(|((cve, standing), (vulnerability, refs))| {
            let state = match standing {
                Standing::Affected => "exploitable",
                Standing::Suspected => "in_triage",
                Standing::NotAffected => "not_affected",
                Standing::Fixed => "resolved",
            };
            let model = vulnerability.epss_model.as_ref();
            let model = model.map(|model| format!("model {model}"));
            let page = format!("https://nvd.nist.gov/vuln/detail/{cve}");
            let rating = vulnerability.epss.map(|epss| {
                json!({
                    "source": { "name": "FIRST EPSS" },
                    "score": epss,
                    "method": "other",
                    "justification": model,
                })
            });
            let kev = json!({
                "name": "medtap:in_kev", "value": vulnerability.in_kev.to_string(),
            });
            let affects: Vec<Value> = refs.iter().map(|r| json!({ "ref": r })).collect();
            json!({
                "bom-ref": format!("{cve}-{state}"),
                "id": cve,
                "source": { "name": "NVD", "url": page },
                "ratings": rating.into_iter().collect::<Vec<_>>(),
                "recommendation": vulnerability.remediation,
                "analysis": { "state": state, "detail": vulnerability.matched },
                "affects": affects,
                "properties": [kev],
            })
        })
        .collect()
}
