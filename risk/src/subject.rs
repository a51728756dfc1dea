//! What is known of one device, as the risk model needs it: plain values that the caller filled.
//! It holds no opinion: what a value weighs is policy, and nothing here is computed.
//!
//! Times are nanoseconds since the Unix epoch; shares are 0–1, grades 0–10, confidences 0–100.
//! [`Subject::new`] is a device of which nothing is known; a caller fills what it knows.

use medtap_table::vocabulary::{Category, FindingId, Protocol};

use crate::share::{Grade, Share};

/// A time, in nanoseconds since the Unix epoch.
pub type Nanoseconds = u64;

/// One device.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its id in the inventory.
    pub id: String,
    /// What people call it: host name, or manufacturer and model. For display alone.
    pub name: String,
    /// What kind of device it is.
    pub category: Category,
    /// How sure that is, 0–100.
    pub category_confidence: u8,
    /// How well it is known.
    pub sight: Sight,
    /// What runs on it.
    pub components: Vec<Component>,
    /// Weaknesses that were seen or concluded.
    pub findings: Vec<Finding>,
    /// Signs of an attack.
    pub threats: Vec<Threat>,
    /// From where it can be reached.
    pub reach: Reach,
    /// Services that it was seen answering on.
    pub services: Vec<Service>,
    /// With whom it speaks.
    pub peers: Vec<Peer>,
    /// How much care depends on it.
    pub usage: Usage,
    /// What patient data it handles.
    pub data: Data,
    /// What the FDA says of its product code, where the code is known.
    pub fda: Option<Fda>,
    /// Building equipment that serves an operating or isolation room.
    pub serves_critical_room: bool,
    /// The hospital unit that it stands in.
    pub unit: Option<String>,
    /// The site that it stands in.
    pub site: Option<String>,
    /// The manufacturer's name, where it is known: the receiver of a vendor's work.
    pub vendor: Option<String>,
    /// What people entered about its upkeep.
    pub upkeep: Upkeep,
    /// Compensating controls that were declared for it.
    pub controls: Vec<Control>,
}

impl Subject {
    /// A device of which nothing is known but that it exists.
    pub fn new(id: impl Into<String>, category: Category) -> Self {
        let id = id.into();
        Self {
            name: id.clone(),
            id,
            category,
            category_confidence: 0,
            sight: Sight::default(),
            components: Vec::new(),
            findings: Vec::new(),
            threats: Vec::new(),
            reach: Reach::default(),
            services: Vec::new(),
            peers: Vec::new(),
            usage: Usage::default(),
            data: Data::default(),
            fda: None,
            serves_critical_room: false,
            unit: None,
            site: None,
            vendor: None,
            upkeep: Upkeep::default(),
            controls: Vec::new(),
        }
    }
}

/// How well a device is known. Not identified, or not assessable: it gets no score, but a place
/// on the list of what is not assessed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sight {
    /// Its kind is known.
    pub identified: bool,
    /// Enough of its traffic was seen.
    pub assessable: bool,
    /// Its DHCP exchanges were seen.
    pub leases: bool,
    /// A baseline of what is normal exists: only then can it count that nobody approved it.
    pub baseline: bool,
    /// The share of its flows that was seen in both directions and understood, 0–1.
    pub coverage: Share,
}

/// What kind of thing can have a version, and a weakness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentKind {
    /// The device as its manufacturer sells it: the model.
    Device,
    /// The device's own firmware.
    Firmware,
    /// The operating system.
    OperatingSystem,
    /// One application.
    Application,
}

/// Something that runs on a device, as it showed itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What kind of thing it is.
    pub kind: ComponentKind,
    /// Who makes it.
    pub vendor: Option<String>,
    /// What it is called.
    pub product: String,
    /// Its version.
    pub version: Option<String>,
    /// A build, edition or service pack, where it is told apart from the version.
    pub build: Option<String>,
    /// Where it was read: `protocol.field`.
    pub field: String,
    /// As it was sent.
    pub raw: String,
    /// When first and last.
    pub seen: (Nanoseconds, Nanoseconds),
    /// How sure it is, 0–100.
    pub confidence: u8,
}

/// A weakness that was seen or concluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub id: FindingId,
    /// How sure it is, 0–100.
    pub confidence: u8,
    /// Why: field, value and time of the packet, for people.
    pub evidence: String,
    /// The protocol that it showed itself in, where there is one.
    pub protocol: Option<Protocol>,
}

/// A sign of an attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threat {
    /// Which one.
    pub id: FindingId,
    /// When it was last seen.
    pub seen: Nanoseconds,
    /// When a person closed it, or traffic verified that it was contained. Open until then.
    pub closed: Option<Nanoseconds>,
    /// Why, for people.
    pub evidence: String,
}

/// From where a device can be reached, by the flows that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// It answered a connection that came from a public address.
    pub answered_public: bool,
    /// It talks to the internet itself.
    pub talks_public: bool,
    /// It was reached from a segment that is declared guest or user.
    pub from_user_segment: bool,
    /// It shares a VLAN with devices of class `it`.
    pub shares_vlan_with_it: bool,
    /// Its segment is declared isolated, and it was seen speaking with its gateway alone.
    pub isolated_gateway_only: bool,
    /// It spoke with approved peers alone for 30 days.
    pub approved_only_30_days: bool,
    /// Address translation or a proxy stands between it and the sensor.
    pub behind_nat_or_proxy: bool,
    /// Too little was seen to say that something did not happen.
    pub coverage_low: bool,
}

/// A service, by what is known of it. Both unknown matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// What it speaks.
    pub protocol: Option<Protocol>,
    /// The server's port.
    pub port: Option<u16>,
}

/// Somebody that a device speaks with, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other device's id in the inventory, or its address where it is none.
    pub id: String,
    /// Other names of the peer that a control may use: addresses, segment.
    pub names: Vec<String>,
    /// The service between them.
    pub service: Service,
    /// The device is the server of that service.
    pub serves: bool,
    /// When they first spoke.
    pub first_seen: Nanoseconds,
    /// When they last spoke.
    pub last_seen: Nanoseconds,
}

/// What the failure of a device would do, by the site's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// Little.
    Low,
    /// Something.
    Medium,
    /// Much.
    High,
    /// Everything that it is for.
    Critical,
}

impl Criticality {
    /// The criticality of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// How much care depends on a device. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// What its failure would do.
    pub criticality: Option<Criticality>,
    /// The share of the time in which it is used, 0–1.
    pub utilisation: Option<Share>,
    /// The utilisation of every other device of the same type in the same unit.
    pub alternatives: Option<Vec<Share>>,
    /// Distinct medical devices that depend on it: it serves them.
    pub dependants: Option<u32>,
    /// Its payload is encrypted or out of sight, so that `utilisation` may be too small.
    pub obscured: bool,
    /// The effectiveness, 0–10, that was computed when its use was last in sight.
    pub last_effectiveness: Option<Grade>,
    /// Events by hour of the week, Monday 00:00 UTC first.
    pub hours: Option<Box<[u32; 168]>>,
    /// It is in use now.
    pub in_use: Option<bool>,
}

/// What patient data a device handles. That there is any is known; what it says never is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Data {
    /// A protocol that carries patient data was seen.
    pub transmits: bool,
    /// It keeps such data.
    pub stores: bool,
    /// Somebody logged on with privileges over the domain.
    pub privileged_logon: bool,
    /// Traffic is encrypted or out of sight, so that the above may be too little.
    pub obscured: bool,
    /// The data sensitivity, 0–10, that was computed when its traffic was last in sight.
    pub last_sensitivity: Option<Grade>,
}

/// What the FDA says of a product code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fda {
    /// The product code, three letters.
    pub product_code: String,
    /// Device class, 1–3.
    pub class: Option<u8>,
    /// Life-sustaining or life-supporting.
    pub life_sustaining: bool,
    /// It programs implants.
    pub programs_implants: bool,
    /// It delivers therapy.
    pub delivers_therapy: bool,
    /// It raises alarms about a patient's state.
    pub alarms: bool,
}

/// What people entered about the upkeep of a device. What nobody entered is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where it stands.
    pub location: Option<String>,
    /// Whether it may be on the network.
    pub approved: Option<bool>,
    /// When its maintenance is due.
    pub maintenance_due: Option<Nanoseconds>,
    /// Whether the manufacturer's MDS2 is at hand.
    pub mds2: Option<bool>,
    /// Whether a bill of its software is at hand.
    pub sbom: Option<bool>,
    /// Incidents with it that were reported.
    pub incidents: Option<u32>,
}

/// A compensating control that somebody declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its name in the hospital's books.
    pub id: String,
    /// What it does.
    pub kind: ControlKind,
    /// Who answers for it. A control without an owner does not count.
    pub owner: String,
    /// When it was declared: peers seen before do not violate it.
    pub since: Nanoseconds,
    /// When it ends. From then on it does not count.
    pub expires: Nanoseconds,
}

/// What a compensating control does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// Only these peers can reach the device: ids, addresses or names of segments.
    Segmentation {
        /// The peers that stay.
        peers: Vec<String>,
    },
    /// Something in the path stops the exploitation of these CVEs.
    VirtualPatch {
        /// The CVEs, as `CVE-2017-0144`.
        cves: Vec<String>,
    },
    /// Only a proxy speaks with this service.
    Proxy {
        /// The service behind it.
        service: Service,
        /// The proxy: id, address or name.
        through: String,
    },
}
