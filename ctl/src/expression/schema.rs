//! The paths that a device's JSON has, and what each holds. They are read off an example in
//! which nothing is missing, so a field of the model can't be forgotten here: it would not
//! compile.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use jiff::Timestamp;
use medtap_inventory::Attributes;
use medtap_inventory::model::{
    Activity, AttributeValue, Conflict, Device, DeviceId, Driver, Finding, Impact, Peer,
    ProtocolUse, Provenance, Risk, Time, Vulnerability,
};
use medtap_table::vocabulary::Event;
use serde_json::Value;

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Bool,
    Text,
    Time,
    Address,
}

impl Kind {
    /// For messages, with its article.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Text => "a text",
            Self::Time => "a time such as 2026-08-18T10:00:00Z or 2026-08-18",
            Self::Address => "an IP address",
        }
    }
}

static EXAMPLE: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(example()).unwrap_or_default());

/// What the path holds, or why there is no such path.
pub(super) fn kind(path: &[String]) -> Result<Kind, String> {
    let mut value = element(&EXAMPLE);
    for (depth, name) in path.iter().enumerate() {
        let known = value.as_object();
        let next = known.and_then(|fields| fields.get(name));
        let Some(next) = next else {
            let before = path.get(..depth).unwrap_or_default().join(".");
            return Err(match known {
                None => format!("{before} has no parts: expected an operator after it"),
                Some(fields) => {
                    format!("{} is unknown; {}", path.join("."), names(&before, fields))
                }
            });
        };
        value = element(next);
    }
    match value {
        Value::Number(_) => Ok(Kind::Number),
        Value::Bool(_) => Ok(Kind::Bool),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => Ok(Kind::Time),
        Value::String(text) if text.parse::<IpAddr>().is_ok() => Ok(Kind::Address),
        Value::Object(fields) => {
            let path = path.join(".");
            Err(format!("{path} has parts; {}", names(&path, fields)))
        }
        _ => Ok(Kind::Text),
    }
}

fn names(before: &str, fields: &serde_json::Map<String, Value>) -> String {
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    match before {
        "" => format!("a device has {}", names.join(", ")),
        _ => format!("{before} has {}", names.join(", ")),
    }
}

/// What a list is of.
fn element(value: &Value) -> &Value {
    match value {
        Value::Array(elements) => elements.first().map_or(value, element),
        _ => value,
    }
}

fn text() -> String {
    "text".to_owned()
}

/// A device of which everything is known.
fn example() -> Device {
    let time = Some(Time(0));
    let source = Provenance {
        field: "text",
        raw: text(),
        rule: 0,
        first_seen: Time(0),
        last_seen: Time(0),
        count: 0,
    };
    let attribute = AttributeValue {
        value: text(),
        confidence: 0,
        sources: vec![source.clone()],
        conflicts: vec![Conflict {
            value: text(),
            confidence: 0,
            sources: vec![source],
        }],
    };
    let mut attributes = Attributes::default();
    for value in attributes.values_mut() {
        *value = Some(attribute.clone());
    }
    let activity = Activity {
        total: 0,
        busiest_hour: Some(text()),
        quietest_window: Some(text()),
        hours: Vec::new(),
    };
    Device {
        id: text(),
        macs: vec![text()],
        addresses: vec![Ipv4Addr::UNSPECIFIED.into()],
        vlans: vec![0],
        class: "text",
        category: "text",
        category_confidence: 0,
        reported_by: vec![text()],
        first_seen: time,
        last_seen: time,
        packets_sent: 0,
        packets_received: 0,
        bytes_sent: 0,
        bytes_received: 0,
        attributes,
        protocols: vec![ProtocolUse {
            name: "text",
            role: "text",
            port: Some(0),
            encrypted: false,
        }],
        peers: vec![Peer {
            id: DeviceId::default(),
            protocols: vec!["text"],
            bytes: 0,
            conversations: Vec::new(),
        }],
        activity: Event::ALL
            .iter()
            .map(|event| (event.name(), activity.clone()))
            .collect(),
        findings: vec![Finding {
            id: text(),
            title: text(),
            confidence: 0,
            weight: Some(0.0),
            evidence: text(),
            first_seen: time,
            last_seen: time,
        }],
        vulnerabilities: vec![vulnerability()],
        risk: risk(),
        recognised: Vec::new(),
        unnamed: Vec::new(),
    }
}

fn vulnerability() -> Vulnerability {
    Vulnerability {
        cve: text(),
        component: text(),
        applicability: text(),
        matched: text(),
        in_kev: false,
        epss: Some(0.0),
        epss_model: Some(text()),
        bod_26_04: Some(text()),
        ssvc: Some(text()),
        remediation: Some(text()),
    }
}

fn risk() -> Risk {
    let number = Some(0.0);
    Risk {
        assessed: false,
        score: number,
        low: number,
        high: number,
        band: Some(text()),
        likelihood: number,
        impact: Impact {
            safety: number,
            effectiveness: number,
            data: number,
        },
        drivers: vec![Driver {
            name: text(),
            effect: 0.0,
        }],
    }
}
