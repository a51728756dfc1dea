//! The inventory as people and programs read it: the JSON of `medtap analyze --output json`,
//! field by field, in this order. What is not known is null or empty, never left out. It holds
//! values alone; how they came about is [`crate::resolve()`]'s business.

use std::collections::BTreeMap;
use std::fmt;

use medtap_table::Text;
use serde::Serialize;

use crate::attributes::Attributes;

/// A time, RFC 3339 in UTC; nanoseconds since the Unix epoch inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl fmt::Display for Time {
    /// Digits of a second only as many as there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(self.0.into()) {
            Ok(time) => time.fmt(f),
            Err(_) => f.write_str("9999-12-31T23:59:59Z"),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Version of this structure.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything that one table says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inventory {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The time that ages are counted to; null for an input without packets.
    pub as_of: Option<Time>,
    /// Part of the input could not be read.
    pub partial: bool,
    /// Where the packets came from.
    pub source: Source,
    /// How much of the traffic could be understood.
    pub coverage: Coverage,
    /// The devices, by id.
    pub devices: Vec<Device>,
}

/// Where the packets came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Capture files.
    pub files: u64,
    /// Packets seen.
    pub packets: u64,
    /// Their lengths on the wire.
    pub bytes: u64,
    /// Time of the first packet.
    pub first_seen: Option<Time>,
    /// Time of the last packet.
    pub last_seen: Option<Time>,
    /// Packets that contradict a format.
    pub malformed: u64,
    /// Packets too short to be read.
    pub truncated: u64,
    /// Copies of packets, counted once.
    pub duplicates: u64,
    /// How often any limit refused something; zero means that everything was kept.
    pub limits_hit: u64,
}

/// How much of the traffic could be understood.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Flows of which only one direction was seen.
    pub one_way_flows: u64,
    /// Flows whose payload is encrypted.
    pub encrypted_flows: u64,
    /// Flows with payload that no classifier knows.
    pub unknown_flows: u64,
    /// Share of the devices for which an attribute is known, 0–1.
    pub attributes: BTreeMap<&'static str, f64>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Device {
    /// Stable over runs: a hash of its strongest, earliest key.
    pub id: String,
    /// MAC addresses, `02:00:00:00:00:01`.
    pub macs: Vec<String>,
    /// Addresses.
    pub addresses: Vec<std::net::IpAddr>,
    /// VLAN identifiers; empty where no frame bore a tag.
    pub vlans: Vec<u16>,
    /// Class of the category.
    pub class: &'static str,
    /// What kind of device it is.
    pub category: &'static str,
    /// How sure that is, 0–100.
    pub category_confidence: u8,
    /// The devices that report it, for one without an address of its own.
    pub reported_by: Vec<String>,
    /// When it was first seen.
    pub first_seen: Option<Time>,
    /// When it was last seen.
    pub last_seen: Option<Time>,
    /// Packets it sent.
    pub packets_sent: u64,
    /// Packets it received.
    pub packets_received: u64,
    /// Bytes it sent, on the wire.
    pub bytes_sent: u64,
    /// Bytes it received, on the wire.
    pub bytes_received: u64,
    /// What is known of it, by attribute; every name is there.
    pub attributes: Attributes,
    /// What it speaks.
    pub protocols: Vec<ProtocolUse>,
    /// With whom.
    pub peers: Vec<Peer>,
    /// What it did, by event.
    pub activity: BTreeMap<&'static str, Activity>,
    /// Findings about it.
    pub findings: Vec<Finding>,
    /// Vulnerabilities of its components.
    pub vulnerabilities: Vec<Vulnerability>,
    /// How much it endangers patients.
    pub risk: Risk,
    /// What rules recognised of it, whatever they made of it. Not in the JSON.
    #[serde(skip)]
    pub recognised: Vec<Recognised>,
    /// What it said that no rule knows, and that is no attribute by itself. Not in the JSON.
    #[serde(skip)]
    pub unnamed: Vec<Said>,
}

/// A value that a device said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// Where it was read.
    pub field: &'static str,
    /// The value as it was read.
    pub raw: String,
}

/// A value that a rule recognised.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recognised {
    /// Where it was read, and by which rule it is known.
    pub source: Provenance,
    /// How sure that is, 0–100.
    pub confidence: u8,
}

/// The value of an attribute that won, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeValue {
    /// The value.
    pub value: String,
    /// 0–100.
    pub confidence: u8,
    /// Where it was read, the surest first.
    pub sources: Vec<Provenance>,
    /// Other values that were read.
    pub conflicts: Vec<Conflict>,
}

/// A value that did not win.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The value.
    pub value: String,
    /// 0–100.
    pub confidence: u8,
    /// Where it was read.
    pub sources: Vec<Provenance>,
}

/// Where a value was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Provenance {
    /// `protocol.field`.
    pub field: &'static str,
    /// As it was sent.
    pub raw: String,
    /// The rule that made the value of it; 0 if it is the value itself.
    pub rule: u32,
    /// When first.
    pub first_seen: Time,
    /// When last.
    pub last_seen: Time,
    /// How often.
    pub count: u64,
}

/// A protocol that a device speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ProtocolUse {
    /// Wireshark's display-filter name.
    pub name: &'static str,
    /// `client`, `server` or `peer`.
    pub role: &'static str,
    /// The server's port; null on the link.
    pub port: Option<u16>,
    /// Its payload is encrypted.
    pub encrypted: bool,
}

/// The id of another device, in place: it is said of every two that speak with each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(Text<16>);

impl DeviceId {
    /// The id, where it is no longer than ids are.
    pub fn new(id: &str) -> Option<Self> {
        Text::new(id).map(Self)
    }

    /// As it is shown.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<u64> for DeviceId {
    /// The sixteen hexadecimal digits of a number.
    fn from(number: u64) -> Self {
        let (mut digits, mut rest) = ([0; 16], number);
        for place in digits.iter_mut().rev() {
            let digit = (rest & 0xf) as u8;
            *place = digit + if digit < 10 { b'0' } else { b'a' - 10 };
            rest >>= 4;
        }
        let text = str::from_utf8(&digits).ok();
        text.and_then(Self::new).unwrap_or_default()
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DeviceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Another device that it exchanges packets with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Peer {
    /// The other device.
    pub id: DeviceId,
    /// What they speak.
    pub protocols: Vec<&'static str>,
    /// Bytes in both directions.
    pub bytes: u64,
    /// Their conversations, one for each service and direction. Not in the JSON.
    #[serde(skip)]
    pub conversations: Vec<Conversation>,
}

/// What two devices have with each other over one service, seen from one of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conversation {
    /// What they speak, where it was recognised.
    pub protocol: Option<&'static str>,
    /// The port of the one that was asked; null where there is none.
    pub port: Option<u16>,
    /// This device opened it.
    pub opened: bool,
    /// The one that was asked answered.
    pub answered: bool,
    /// How often; 0 where it is not counted.
    pub times: u64,
    /// When first.
    pub first_seen: Time,
    /// When last.
    pub last_seen: Time,
}

/// How often something was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// Times in all.
    pub total: u64,
    /// Hour of the week in UTC in which it was done most, such as `Mon 14:00`.
    pub busiest_hour: Option<String>,
    /// The four hours of the day in which it was done least, such as `02:00-06:00`.
    pub quietest_window: Option<String>,
    /// Times in each hour of the week, from Monday 00:00 UTC on. Not in the JSON.
    #[serde(skip)]
    pub hours: Vec<u64>,
}

/// A weakness that was seen or concluded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its name.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// How sure that is, 0–100.
    pub confidence: u8,
    /// Its weight in the risk model; null where no policy was applied.
    pub weight: Option<f64>,
    /// Why.
    pub evidence: String,
    /// When it was first seen.
    pub first_seen: Option<Time>,
    /// When it was last seen.
    pub last_seen: Option<Time>,
}

/// A vulnerability that a component may have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Vulnerability {
    /// CVE identifier.
    pub cve: String,
    /// The component.
    pub component: String,
    /// Whether it applies.
    pub applicability: String,
    /// How it was matched.
    #[serde(rename = "match")]
    pub matched: String,
    /// It is in CISA's catalogue of known exploited vulnerabilities.
    pub in_kev: bool,
    /// Probability of exploitation within 30 days.
    pub epss: Option<f64>,
    /// Version of the EPSS model.
    pub epss_model: Option<String>,
    /// Due date under BOD 26-04.
    pub bod_26_04: Option<String>,
    /// SSVC decision.
    pub ssvc: Option<String>,
    /// What its manufacturer says.
    pub remediation: Option<String>,
}

/// How much a device endangers patients. Not assessed: everything is null.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Risk {
    /// Whether a score was computed.
    pub assessed: bool,
    /// 0–100.
    pub score: Option<f64>,
    /// Its lower bound.
    pub low: Option<f64>,
    /// Its upper bound.
    pub high: Option<f64>,
    /// Its band.
    pub band: Option<String>,
    /// Likelihood.
    pub likelihood: Option<f64>,
    /// Impact.
    pub impact: Impact,
    /// What drives it, by effect.
    pub drivers: Vec<Driver>,
}

/// What a compromise would do to patients.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Impact {
    /// To their safety.
    pub safety: Option<f64>,
    /// To the effectiveness of care.
    pub effectiveness: Option<f64>,
    /// To their data.
    pub data: Option<f64>,
}

/// Something that drives a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Driver {
    /// Its name.
    pub name: String,
    /// Points of the score.
    pub effect: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_digits_of_their_numbers() {
        for number in [0, 0x0123_4567_89ab_cdef, u64::MAX, 0xa0] {
            let id = DeviceId::from(number);
            assert_eq!(id.to_string(), format!("{number:016x}"));
            assert_eq!(DeviceId::new(id.as_str()), Some(id));
        }
        assert_eq!(
            DeviceId::new("0123456789abcdef0"),
            None,
            "longer than ids are"
        );
    }
}
