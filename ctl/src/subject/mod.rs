//! Devices as the risk model wants them: plain values, each taken from the inventory and from
//! nothing else. It weighs nothing; where traffic can't tell, it says so instead of guessing.
//!
//! ```text
//! components   what runs on a device, with where it was read
//! exposure     from where it can be reached, by conversations
//! usage        how much it is used, and what patient data it handles
//! ```

mod components;
mod exposure;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::{BTreeSet, HashMap};

use medtap_inventory::model::{Conversation, Device, Inventory, Time};
use medtap_risk::Share;
use medtap_risk::subject::{Finding, Service, Sight, Subject, Threat, Upkeep};
use medtap_rules::Rules;
use medtap_table::vocabulary::{Category, FindingId, Protocol};

use crate::render::{attribute, is_hint, label};
use crate::report::words::{NOWHERE, segments, unit};

/// Packets of a device below which too little was seen of it to assess it.
const PACKETS_SEEN_MIN: u64 = 10;
/// Findings that are signs of an attack.
const THREATS: [FindingId; 4] = [
    FindingId::IndicatorContact,
    FindingId::LateralAdministration,
    FindingId::Scanning,
    FindingId::NewPeer,
];

/// What the subjects of one inventory have in common.
pub struct Site<'a> {
    /// Everything.
    pub inventory: &'a Inventory,
    /// The rules, for the products that values name.
    pub rules: &'a Rules,
    devices: HashMap<&'a str, &'a Device>,
    /// Segments that hold plain IT.
    with_it: Vec<String>,
    utilisation: HashMap<&'a str, Share>,
    /// By gateway: the medical devices that it reports.
    reported: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Site<'a> {
    /// Looks at the inventory as a whole.
    pub fn new(inventory: &'a Inventory, rules: &'a Rules) -> Self {
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
            devices: devices.map(|device| (device.id.as_str(), device)).collect(),
            with_it,
            utilisation: usage::utilisations(inventory),
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
        let sight = sight(device);
        let known = |name| attribute(device, name).map(str::to_owned);
        let vendor = known("manufacturer").filter(|_| !is_hint(device, "manufacturer"));
        Subject {
            name: label(device),
            category_confidence: device.category_confidence,
            sight,
            components: components::of(device, self.rules),
            findings: findings(device),
            threats: threats(device),
            reach: exposure::reach(self, device, sight),
            services: services(device),
            peers: exposure::peers(self, device),
            usage: usage::usage(self, device),
            data: usage::data(device),
            unit: Some(unit(device)).filter(|unit| unit != NOWHERE),
            site: known("institution"),
            vendor,
            upkeep: Upkeep {
                location: known("location"),
                ..Upkeep::default()
            },
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
        (!THREATS.contains(&id)).then(|| Finding {
            id,
            confidence: finding.confidence,
            evidence: finding.evidence.clone(),
            protocol: None,
        })
    });
    known.collect()
}

fn threats(device: &Device) -> Vec<Threat> {
    let known = device.findings.iter().filter_map(|finding| {
        let id = FindingId::from_name(&finding.id)?;
        THREATS.contains(&id).then(|| Threat {
            id,
            seen: finding.last_seen.map_or(0, |time: Time| time.0),
            closed: None,
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
