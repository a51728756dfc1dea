//! CSAF 2.0, profile VEX: for each CVE, which devices are affected, may be, are not, or are
//! mended, and what to do. It states what was matched; the manufacturer's word stays theirs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use medtap_inventory::model::{Device, Inventory, Vulnerability};
use serde_json::{Value, json};

use super::Standing;
use super::names::{MEDTAP, millis, trimmed, uuid};
use crate::render::{json, label};

/// What is to be done where no feed says it.
const NO_FIX_KNOWN: &str = "No fix is recorded here. Ask the manufacturer, and until then limit \
                            who can reach the device.";
/// Why a device is not affected where no feed says it.
const NOT_AFFECTED: &str = "Declared not affected by the manufacturer or by a person.";

/// Writes the document.
///
/// # Errors
/// Those of the writer.
pub fn write(inventory: &Inventory, devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    let told: Vec<&Device> = devices
        .iter()
        .copied()
        .filter(|device| !device.vulnerabilities.is_empty())
        .collect();
    let time = millis(inventory.as_of);
    let ids: Vec<&str> = told.iter().map(|device| device.id.as_str()).collect();
    let id = uuid(&MEDTAP, &format!("csaf|{time}|{}", ids.join(",")));
    let version = env!("CARGO_PKG_VERSION");
    let document = json!({
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "lang": "en",
            "title": "Known vulnerabilities of the devices on one network",
            "publisher": {
                "category": "user", "name": "medtap at this site", "namespace": "urn:medtap:site",
            },
            "tracking": {
                "id": format!("medtap-{id}"),
                "status": "final",
                "version": "1",
                "initial_release_date": time,
                "current_release_date": time,
                "revision_history": [{
                    "number": "1", "date": time, "summary": "Made from observed traffic.",
                }],
                "generator": { "date": time, "engine": { "name": "medtap", "version": version } },
            },
        },
        "product_tree": {
            "full_product_names": told.iter().map(|d| product(d)).collect::<Vec<_>>(),
        },
        "vulnerabilities": vulnerabilities(&told),
    });
    json::pretty(&trimmed(document), out)
}

fn product(device: &Device) -> Value {
    let known = |name| super::known(device, name);
    let made = ["manufacturer", "model", "software_version"];
    let made: Vec<&str> = made.iter().filter_map(|name| known(name)).collect();
    let list = |name| known(name).map(|value| vec![value]);
    json!({
        "product_id": device.id,
        "name": format!("{} {}", label(device), made.join(" ")).trim_end(),
        "product_identification_helper": {
            "serial_numbers": list("serial_number"),
            "model_numbers": list("model"),
        },
    })
}

/// What is told of one CVE.
#[derive(Default)]
struct Told<'a> {
    /// Each device once, with the strongest that is said of it.
    devices: BTreeMap<&'a str, (Standing, &'a Vulnerability)>,
}

fn vulnerabilities(devices: &[&Device]) -> Vec<Value> {
    let mut cves: BTreeMap<&str, Told<'_>> = BTreeMap::new();
    for device in devices {
        for vulnerability in &device.vulnerabilities {
            let told = cves.entry(&vulnerability.cve).or_default();
            let standing = Standing::of(vulnerability);
            let before = told.devices.get(device.id.as_str());
            if before.is_none_or(|(before, _)| standing < *before) {
                told.devices.insert(&device.id, (standing, vulnerability));
            }
        }
    }
    cves.into_iter()
        .map(|(cve, told)| vulnerability(cve, &told))
        .collect()
}

fn vulnerability(cve: &str, told: &Told<'_>) -> Value {
    let of = |wanted: Standing| -> Vec<&str> {
        let devices = told.devices.iter();
        let wanted = devices.filter(|(_, (standing, _))| *standing == wanted);
        wanted.map(|(id, _)| *id).collect()
    };
    let mut remediations: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut notes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, (standing, vulnerability)) in &told.devices {
        notes.entry(&vulnerability.matched).or_default().push(id);
        let said = vulnerability.remediation.as_deref();
        if *standing == Standing::Affected || said.is_some() && *standing == Standing::Suspected {
            let key = remediation(said.unwrap_or(NO_FIX_KNOWN));
            remediations.entry(key).or_default().push(id);
        }
    }
    let remediations: Vec<Value> = remediations
        .into_iter()
        .map(|((category, details), ids)| {
            json!({ "category": category, "details": details, "product_ids": ids })
        })
        .collect();
    let unaffected = of(Standing::NotAffected);
    let threats = (!unaffected.is_empty()).then(
        || json!({ "category": "impact", "details": NOT_AFFECTED, "product_ids": unaffected }),
    );
    let any = told
        .devices
        .values()
        .next()
        .map(|(_, vulnerability)| *vulnerability);
    let mut text = format!(
        "Matched to {} device(s) seen in traffic.",
        told.devices.len()
    );
    if any.is_some_and(|vulnerability| vulnerability.in_kev) {
        text.push_str(" Known to be exploited (CISA KEV).");
    }
    if let Some(epss) = any.and_then(|vulnerability| vulnerability.epss) {
        text.push_str(&format!(" EPSS probability {epss}."));
    }
    let mut all = vec![json!({ "category": "summary", "title": "Match", "text": text })];
    all.extend(
        notes
            .into_iter()
            .filter(|(text, _)| !text.is_empty())
            .map(|(text, ids)| {
                let text = format!("{text} ({})", ids.join(", "));
                json!({ "category": "details", "title": "Why it was matched", "text": text })
            }),
    );
    json!({
        "cve": cve,
        "notes": all,
        "product_status": {
            "known_affected": of(Standing::Affected),
            "under_investigation": of(Standing::Suspected),
            "known_not_affected": unaffected,
            "fixed": of(Standing::Fixed),
        },
        "remediations": remediations,
        "threats": threats.into_iter().collect::<Vec<_>>(),
    })
}

/// The category that a remediation begins with, and the rest.
fn remediation(text: &str) -> (&'static str, &str) {
    const CATEGORIES: [&str; 5] = [
        "vendor_fix",
        "mitigation",
        "workaround",
        "none_available",
        "no_fix_planned",
    ];
    let (first, rest) = text.split_once(": ").unwrap_or((text, text));
    let known = CATEGORIES.iter().find(|category| **category == first);
    known.map_or(("mitigation", text), |category| (category, rest))
}
