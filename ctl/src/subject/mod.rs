//! Devices as the risk model wants them: plain values, each taken from the inventory, or from
//! what the site says. It weighs nothing; where traffic can't tell, it says so instead of guessing.
//!
//! ```text
//! components   what runs on a device, with where it was read
//! exposure     from where it can be reached, by conversations
//! usage        how much it is used, and what patient data it handles
//! known        what memory, the site's systems and its declarations say besides
//! ```

mod components;
mod exposure;
mod known;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::{BTreeSet, HashMap};

use medtap_inventory::model::{self, Conversation, Device, Inventory, Time};
use medtap_inventory::people::Remembered;
use medtap_risk::Share;
use medtap_risk::policy::THREATS;
use medtap_risk::subject::{Finding, Service, Sight, Subject, Threat};
use medtap_risk::work::Fix;
use medtap_rules::Rules;
use medtap_table::vocabulary::{Category, FindingId, Protocol};

use crate::render::{attribute, is_hint, label};
use crate::report::words::{NOWHERE, segments, unit};

pub use known::Known;

/// Packets of a device below which too little was seen of it to assess it.
const PACKETS_SEEN_MIN: u64 = 10;

/// Findings about how one side lets the other in.
const LOGINS: [FindingId; 7] = [
    FindingId::CleartextCredential,
    FindingId::DefaultCredential,
    FindingId::TelnetLogin,
    FindingId::RshLogin,
    FindingId::FtpLogin,
    FindingId::AnonymousBind,
    FindingId::SnmpDefaultCommunity,
];

/// What the subjects of one inventory have in common.
pub struct Site<'a> {
    /// Everything.
    pub inventory: &'a Inventory,
    /// The rules, for the products that values name.
    pub rules: &'a Rules,
    /// What is known besides the traffic.
    pub known: &'a Known,
    devices: HashMap<&'a str, &'a Device>,
    /// Segments that hold plain IT.
    with_it: Vec<String>,
    utilisation: HashMap<&'a str, Share>,
    /// By kind and unit.
    alike: HashMap<(&'static str, String), Vec<&'a str>>,
    /// By gateway: the medical devices that it reports.
    reported: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Site<'a> {
    /// Looks at the inventory as a whole.
    pub fn new(inventory: &'a Inventory, rules: &'a Rules, known: &'a Known) -> Self {
        let devices = inventory.devices.iter();
        let plain = devices.clone().filter(|device| device.class == "it");
        let mut with_it: Vec<String> = plain.flat_map(segments).collect();
        with_it.retain(|segment| segment != NOWHERE);
        with_it.sort_unstable();
        with_it.dedup();
        let mut reported: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for device in devices.clone().filter(|device| device.class == "medical") {
            for gateway in &device.reported_by {
                reported.entry(gateway).or_default().insert(&device.id);
            }
        }
        Self {
            inventory,
            rules,
            known,
            devices: devices.map(|device| (device.id.as_str(), device)).collect(),
            with_it,
            utilisation: usage::utilisations(inventory),
            alike: usage::alike(inventory),
            reported,
        }
    }

    /// Every device as a subject, in the inventory's order.
    pub fn subjects(&self) -> Vec<Subject> {
        let devices = self.inventory.devices.iter();
        devices.map(|device| self.subject(device)).collect()
    }

    fn subject(&self, device: &Device) -> Subject {
        let category = Category::from_name(device.category).unwrap_or(Category::Unknown);
        let sight = Sight {
            baseline: self.known.memory.baseline,
            ..sight(device)
        };
        let mut components = components::of(device, self.rules);
        self.known.date(device, &mut components);
        let controls = self.known.controls(device);
        let known = |name| attribute(device, name).map(str::to_owned);
        let vendor = known("manufacturer").filter(|_| !is_hint(device, "manufacturer"));
        Subject {
            name: label(device),
            category_confidence: device.category_confidence,
            sight,
            components,
            findings: findings(device),
            threats: threats(device, self.known.remembered(device)),
            reach: exposure::reach(self, device, sight, &controls),
            services: services(device),
            peers: exposure::peers(self, device),
            usage: usage::usage(self, device),
            data: usage::data(self, device),
            unit: Some(unit(device)).filter(|unit| unit != NOWHERE),
            site: known("institution"),
            vendor,
            upkeep: self.known.upkeep(device),
            controls,
            serves_critical_room: self.known.serves_critical_room(device),
            fda: self.known.fda(device),
            ..Subject::new(&device.id, category)
        }
    }
}

/// All conversations of a device.
fn conversations(device: &Device) -> impl Iterator<Item = &Conversation> {
    device.peers.iter().flat_map(|peer| &peer.conversations)
}

fn sight(device: &Device) -> Sight {
    let mut all = 0u32;
    let mut understood = 0u32;
    for conversation in conversations(device) {
        all += 1;
        understood += u32::from(conversation.answered && conversation.protocol.is_some());
    }
    let share = match all {
        0 => 0.0,
        all => f64::from(understood) / f64::from(all),
    };
    let both_ways = device.packets_sent > 0 && device.packets_received > 0;
    let packets = device.packets_sent.saturating_add(device.packets_received);
    Sight {
        identified: device.category != Category::Unknown.name(),
        assessable: both_ways && packets >= PACKETS_SEEN_MIN,
        // What is normal takes a history, which one table is not.
        baseline: false,
        leases: conversations(device).any(|c| c.protocol == Some(Protocol::Dhcp.name())),
        coverage: Share::new(share).unwrap_or_default(),
    }
}

fn findings(device: &Device) -> Vec<Finding> {
    let known = device.findings.iter().filter_map(|finding| {
        let id = FindingId::from_name(&finding.id)?;
        (!THREATS.contains(&id) && burdens(device, finding)).then(|| Finding {
            id,
            confidence: finding.confidence,
            evidence: finding.evidence.clone(),
            protocol: protocol_of(finding),
        })
    });
    known.collect()
}

/// The protocol that a finding showed itself in: the one of the field that its evidence names
/// first.
fn protocol_of(finding: &model::Finding) -> Option<Protocol> {
    let (protocol, _) = finding.evidence.split_once('.')?;
    Protocol::from_name(protocol)
}

/// False where a finding is told of a device that it does not weaken. A log-in is told of both
/// ends, and weakens the one that lets in: who saw the credential enters there.
pub fn burdens(device: &Device, finding: &model::Finding) -> bool {
    let is_login = FindingId::from_name(&finding.id).is_some_and(|id| LOGINS.contains(&id));
    let Some(protocol) = protocol_of(finding).filter(|_| is_login) else {
        return true;
    };
    let mut own = device
        .protocols
        .iter()
        .filter(|used| used.name == protocol.name())
        .peekable();
    own.peek().is_none() || own.any(|used| used.role != "client")
}

fn threats(device: &Device, remembered: Option<&Remembered>) -> Vec<Threat> {
    let known = device.findings.iter().filter_map(|finding| {
        let id = FindingId::from_name(&finding.id)?;
        let seen = finding.last_seen.map_or(0, |time: Time| time.0);
        let closed = || remembered?.closed.get(&Fix::Contain(id).key()).copied();
        THREATS.contains(&id).then(|| Threat {
            id,
            seen,
            // What was seen after it was closed goes on.
            closed: closed().map(|time| time.0).filter(|time| *time >= seen),
            evidence: finding.evidence.clone(),
        })
    });
    known.collect()
}

/// What it was seen answering on.
fn services(device: &Device) -> Vec<Service> {
    let answered = conversations(device).filter(|c| !c.opened && c.answered);
    let of_conversations = answered.map(service);
    let served = device
        .protocols
        .iter()
        .filter(|protocol| protocol.role != "client");
    let of_protocols = served.map(|protocol| Service {
        protocol: Protocol::from_name(protocol.name),
        port: protocol.port,
    });
    let mut services: Vec<Service> = of_conversations.chain(of_protocols).collect();
    services.sort_by_key(|service| (service.protocol, service.port));
    services.dedup();
    services
}

fn service(conversation: &Conversation) -> Service {
    Service {
        protocol: conversation.protocol.and_then(Protocol::from_name),
        port: conversation.port,
    }
}
