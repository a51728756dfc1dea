//! OCSF events, one a line: a device inventory event for each device, a detection finding for
//! each finding, a vulnerability finding for each vulnerability that applies or may.

use std::io::{self, Write};

use medtap_inventory::model::{Device, Finding, Inventory, Vulnerability};
use medtap_table::vocabulary::FindingId;
use serde_json::{Value, json};

use super::names::{epoch_millis, trimmed};
use crate::render::{json, label};

/// The version of the schema that the events keep to.
const VERSION: &str = "1.5.0";

/// Severity by OCSF's numbers.
const INFORMATIONAL: u8 = 1;
const LOW: u8 = 2;
const MEDIUM: u8 = 3;
const HIGH: u8 = 4;
const CRITICAL: u8 = 5;

/// Writes the events.
///
/// # Errors
/// Those of the writer.
pub fn write(inventory: &Inventory, devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    let time = epoch_millis(inventory.as_of);
    for device in devices {
        json::line(&trimmed(inventory_info(device, time)), out)?;
        for finding in &device.findings {
            json::line(&trimmed(detection(device, finding, time)), out)?;
        }
        for vulnerability in super::acted_on(device) {
            json::line(&trimmed(weakness(device, vulnerability, time)), out)?;
        }
    }
    Ok(())
}

/// What every event has.
fn metadata() -> Value {
    json!({
        "version": VERSION,
        "product": {
            "name": "medtap", "vendor_name": "medtap", "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

fn inventory_info(device: &Device, time: u64) -> Value {
    json!({
        "activity_id": 2,
        "activity_name": "Collect",
        "category_uid": 5,
        "category_name": "Discovery",
        "class_uid": 5001,
        "class_name": "Device Inventory Info",
        "type_uid": 500_102,
        "severity_id": INFORMATIONAL,
        "time": time,
        "metadata": metadata(),
        "device": described(device),
    })
}

fn described(device: &Device) -> Value {
    let known = |name| super::known(device, name);
    let (kind, name) = kind(device.category);
    let os = known("os").map(|os| {
        let (number, kind) = os_kind(os);
        json!({ "name": os, "type_id": number, "type": kind, "version": known("os_version") })
    });
    let risk = (device.risk.score.filter(|_| device.risk.assessed))
        .map(|score| score.round().clamp(0.0, 100.0) as u64);
    let seen = |time: Option<_>| time.is_some().then(|| epoch_millis(time));
    json!({
        "uid": device.id,
        "name": label(device),
        "hostname": known("hostname"),
        "type_id": kind,
        "type": name,
        "subnet_uid": device.vlans.first().map(|vlan| format!("VLAN {vlan}")),
        "ip": device.addresses.first().map(ToString::to_string),
        "mac": device.macs.first(),
        "vendor_name": known("manufacturer"),
        "model": known("model"),
        "hw_info": { "serial_number": known("serial_number") },
        "os": os,
        "first_seen_time": seen(device.first_seen),
        "last_seen_time": seen(device.last_seen),
        "risk_score": risk,
        "risk_level_id": risk.is_some().then(|| level(device)),
        "desc": device.category.replace('_', " "),
    })
}

/// The nearest of OCSF's kinds of devices; most of a hospital is "other", by name.
fn kind(category: &str) -> (u8, String) {
    let number = match category {
        "unknown" => 0,
        "server" | "pacs" | "ris" | "lis" | "emr" | "worklist" | "interface_engine" | "nas" => 1,
        "workstation" => 2,
        "mobile" => 5,
        "camera" | "iot_sensor" | "media" => 7,
        "firewall" => 9,
        "switch" => 10,
        "router" => 12,
        _ => 99,
    };
    (number, category.replace('_', " "))
}

fn os_kind(os: &str) -> (u16, &'static str) {
    let os = os.to_ascii_lowercase();
    match os.as_str() {
        os if os.contains("windows") => (100, "Windows"),
        os if ["linux", "debian", "ubuntu", "red hat"]
            .iter()
            .any(|n| os.contains(n)) =>
        {
            (200, "Linux")
        }
        os if os.contains("android") => (201, "Android"),
        os if os.contains("macos") => (300, "macOS"),
        os if os.contains("ios") => (301, "iOS"),
        _ => (99, "Other"),
    }
}

/// OCSF's level of a band: 0 is informational, 4 critical.
fn level(device: &Device) -> u8 {
    let band = device.risk.band.as_deref().unwrap_or_default();
    match band.replace('_', " ").as_str() {
        "very high" => 4,
        "high" => 3,
        "moderate" => 2,
        "low" => 1,
        _ => 0,
    }
}

/// The device as what a finding is about.
fn resource(device: &Device) -> Value {
    json!([{
        "uid": device.id,
        "name": label(device),
        "type": device.category.replace('_', " "),
    }])
}

/// Signs of an attack weigh more than weaknesses.
fn severity(finding: &Finding) -> u8 {
    use FindingId as Id;
    match FindingId::from_name(&finding.id) {
        Some(Id::IndicatorContact) => CRITICAL,
        Some(Id::LateralAdministration | Id::Scanning) => HIGH,
        _ => match finding.weight {
            Some(weight) if weight >= 0.3 => HIGH,
            Some(weight) if weight < 0.1 => LOW,
            _ => MEDIUM,
        },
    }
}

fn detection(device: &Device, finding: &Finding, time: u64) -> Value {
    let seen = |time: Option<_>| time.is_some().then(|| epoch_millis(time));
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "type_uid": 200_401,
        "severity_id": severity(finding),
        "status_id": 1,
        "confidence_score": finding.confidence,
        "time": time,
        "metadata": metadata(),
        "finding_info": {
            "uid": format!("{}:{}", device.id, finding.id),
            "title": finding.title,
            "desc": finding.evidence,
            "types": [finding.id],
            "first_seen_time": seen(finding.first_seen),
            "last_seen_time": seen(finding.last_seen),
        },
        "resources": resource(device),
    })
}

fn weakness(device: &Device, vulnerability: &Vulnerability, time: u64) -> Value {
    let cve = &vulnerability.cve;
    let severity = match (vulnerability.in_kev, vulnerability.epss) {
        (true, _) => CRITICAL,
        (false, Some(epss)) if epss >= 0.1 => HIGH,
        _ => MEDIUM,
    };
    let epss = vulnerability
        .epss
        .map(|epss| json!({ "score": epss.to_string(), "version": vulnerability.epss_model }));
    let fix = vulnerability.remediation.as_deref();
    let fixed = fix.map(|fix| fix.starts_with("vendor_fix"));
    json!({
        "activity_id": 1,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2002,
        "class_name": "Vulnerability Finding",
        "type_uid": 200_201,
        "severity_id": severity,
        "status_id": 1,
        "time": time,
        "metadata": metadata(),
        "finding_info": {
            "uid": format!("{}:{}:{cve}", device.id, vulnerability.component),
            "title": format!("{cve} on {}", label(device)),
            "desc": vulnerability.matched,
        },
        "resources": resource(device),
        "vulnerabilities": [{
            "title": cve,
            "cve": { "uid": cve, "epss": epss },
            "is_exploit_available": vulnerability.in_kev.then_some(true),
            "is_fix_available": fixed,
            "remediation": fix.map(|fix| json!({ "desc": fix })),
        }],
    })
}
