//! STIX 2.1: devices as infrastructure with their addresses and software, vulnerabilities, and
//! findings as notes. Identifiers come from what they name, so that two exports agree.

use std::collections::BTreeMap;
use std::io::{self, Write};

use medtap_inventory::model::{Device, Inventory};
use serde_json::{Value, json};

use super::names::{MEDTAP, STIX_OBSERVABLES, millis, trimmed, uuid};
use crate::render::{json, label};

/// Writes the bundle.
///
/// # Errors
/// Those of the writer.
pub fn write(inventory: &Inventory, devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    let mut bundle = Bundle {
        time: millis(inventory.as_of),
        objects: BTreeMap::new(),
    };
    bundle.domain(
        "identity",
        "medtap",
        json!({
            "name": "medtap",
            "description": "Passive engine that recognises devices on mirrored traffic",
            "identity_class": "system",
        }),
    );
    for device in devices {
        bundle.device(device);
    }
    let objects: Vec<Value> = bundle.objects.into_values().collect();
    let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
    let name = format!("stix|{}|{}", bundle.time, ids.join(","));
    let document = json!({
        "type": "bundle",
        "id": format!("bundle--{}", uuid(&MEDTAP, &name)),
        "objects": objects,
    });
    json::pretty(&trimmed(document), out)
}

struct Bundle {
    time: String,
    /// By identifier: what two devices share stands once.
    objects: BTreeMap<String, Value>,
}

impl Bundle {
    fn device(&mut self, device: &Device) {
        let known = |name| super::known(device, name);
        let made = ["manufacturer", "model"];
        let made: Vec<&str> = made.iter().filter_map(|name| known(name)).collect();
        let kind = device.category.replace('_', " ");
        let risk = match (device.risk.score, &device.risk.band) {
            (Some(score), Some(band)) if device.risk.assessed => {
                format!("; risk {score:.0} of 100 ({band})")
            }
            _ => "; risk not assessed".to_owned(),
        };
        let description = format!("{kind} {}{risk}", made.join(" "));
        let times = device.first_seen.is_some();
        let types: &[&str] = match device.category {
            "workstation" => &["workstation"],
            _ => &[],
        };
        let infrastructure = self.domain(
            "infrastructure",
            &device.id,
            json!({
                "name": label(device),
                "description": description,
                "infrastructure_types": types,
                "first_seen": times.then(|| millis(device.first_seen)),
                "last_seen": times.then(|| millis(device.last_seen)),
                "labels": [device.class, device.category],
            }),
        );
        for address in &device.addresses {
            let kind = if address.is_ipv4() {
                "ipv4-addr"
            } else {
                "ipv6-addr"
            };
            let id = self.observable(kind, json!({ "value": address.to_string() }));
            self.relation(&infrastructure, "consists-of", &id);
        }
        for mac in &device.macs {
            let id = self.observable("mac-addr", json!({ "value": mac }));
            self.relation(&infrastructure, "consists-of", &id);
        }
        for software in software(device) {
            let id = self.observable("software", software);
            self.relation(&infrastructure, "consists-of", &id);
        }
        self.vulnerabilities(device, &infrastructure);
        for finding in &device.findings {
            let name = format!("note|{}|{}", device.id, finding.id);
            self.domain(
                "note",
                &name,
                json!({
                    "abstract": finding.title,
                    "content": finding.evidence,
                    "object_refs": [infrastructure],
                    "labels": [finding.id.replace('_', "-")],
                }),
            );
        }
    }

    /// Those that apply or may; what is not affected has no such relation.
    fn vulnerabilities(&mut self, device: &Device, infrastructure: &str) {
        for vulnerability in super::acted_on(device) {
            let cve = &vulnerability.cve;
            let exploited = vulnerability.in_kev.then_some("known-exploited");
            let id = self.domain(
                "vulnerability",
                cve,
                json!({
                    "name": cve,
                    "labels": exploited.into_iter().collect::<Vec<_>>(),
                    "external_references": [{ "source_name": "cve", "external_id": cve }],
                }),
            );
            self.relation(infrastructure, "has", &id);
        }
    }

    /// A domain object: named by what it is of.
    fn domain(&mut self, kind: &str, name: &str, fields: Value) -> String {
        let id = format!("{kind}--{}", uuid(&MEDTAP, &format!("{kind}|{name}")));
        let mut object = json!({
            "type": kind,
            "spec_version": "2.1",
            "id": id,
            "created": self.time,
            "modified": self.time,
        });
        if kind != "identity" {
            let by = format!("identity--{}", uuid(&MEDTAP, "identity|medtap"));
            put(&mut object, json!({ "created_by_ref": by }));
        }
        put(&mut object, fields);
        self.objects.insert(id.clone(), object);
        id
    }

    /// An observable: the standard says how its identifier comes from its fields.
    fn observable(&mut self, kind: &str, fields: Value) -> String {
        let fields = trimmed(fields);
        let id = format!("{kind}--{}", uuid(&STIX_OBSERVABLES, &fields.to_string()));
        let mut object = json!({ "type": kind, "spec_version": "2.1", "id": id });
        put(&mut object, fields);
        self.objects.insert(id.clone(), object);
        id
    }

    fn relation(&mut self, from: &str, verb: &str, to: &str) {
        self.domain(
            "relationship",
            &format!("{from}|{verb}|{to}"),
            json!({
                "relationship_type": verb,
                "source_ref": from,
                "target_ref": to,
            }),
        );
    }
}

/// Adds the fields of one object to another.
fn put(object: &mut Value, fields: Value) {
    if let (Value::Object(object), Value::Object(fields)) = (object, fields) {
        object.extend(fields);
    }
}

fn software(device: &Device) -> Vec<Value> {
    let known = |name| super::known(device, name);
    let mut software = Vec::new();
    if let Some(os) = known("os") {
        software.push(json!({ "name": os, "version": known("os_version") }));
    }
    for name in ["software_version", "firmware_version"] {
        if let (Some(model), Some(version)) = (known("model"), known(name)) {
            software.push(json!({
                "name": model, "vendor": known("manufacturer"), "version": version,
            }));
        }
    }
    software
}
