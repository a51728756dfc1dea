//! Devices that nothing names, put together by what they have in common: the owner of their MAC
//! addresses, what they serve and use, and what they said that no rule knows. It names none.

use std::collections::BTreeSet;

use medtap_inventory::clock;
use medtap_inventory::model::Device;
use medtap_table::vocabulary::{Attribute, Category, Field};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Most clusters: a device that is like none of them is counted alone.
const CLUSTERS_MAX: usize = 4_096;
/// Features of one device that are compared.
const FEATURES_MAX: usize = 64;
/// Two devices are alike from this share of their common weight on, in percent.
const ALIKE_PERCENT: u32 = 50;

/// One thing that devices can have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Feature {
    /// The organisation of a MAC address, its first three bytes.
    Oui {
        /// Such as `00:1b:1b`.
        oui: String,
    },
    /// A service that it offers.
    Serves {
        /// Protocol, and port where it has one.
        service: String,
    },
    /// A service that it uses.
    Uses {
        /// Protocol, and port where it has one.
        service: String,
    },
    /// What it said.
    Says {
        /// Where it was read.
        field: &'static str,
        /// The value.
        value: String,
    },
}

impl Feature {
    /// What a common feature tells: a value more than a maker, a maker more than a service.
    fn weight(&self) -> u32 {
        match self {
            Self::Says { .. } => 4,
            Self::Oui { .. } => 3,
            Self::Serves { .. } => 2,
            Self::Uses { .. } => 1,
        }
    }
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Oui { oui } => write!(f, "addresses of {oui}"),
            Self::Serves { service } => write!(f, "serves {service}"),
            Self::Uses { service } => write!(f, "uses {service}"),
            Self::Says { field, value } => write!(f, "{field} \"{value}\""),
        }
    }
}

/// Devices that are alike.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster {
    /// Made of what its first device has: the same devices get the same.
    pub id: String,
    /// What all of them have in common.
    pub common: Vec<Feature>,
    /// Their identifiers.
    pub devices: Vec<String>,
    /// What the device that the others are compared with has.
    #[serde(skip)]
    leader: BTreeSet<Feature>,
}

/// True for a device that nothing names: its kind and its model are not known.
pub fn is_unknown(device: &Device) -> bool {
    let has_model = matches!(
        device.attributes.get(Attribute::Model.name()),
        Some(Some(_))
    );
    device.category == Category::Unknown.name() && !has_model
}

/// What a device has that others can have too. A serial number or a host name is its own.
pub fn features(device: &Device) -> BTreeSet<Feature> {
    let ouis = device.macs.iter().filter_map(|mac| {
        Some(Feature::Oui {
            oui: mac.get(..8)?.to_owned(),
        })
    });
    let services = device.protocols.iter().map(|use_| {
        let service = match use_.port {
            Some(port) => format!("{}/{port}", use_.name),
            None => use_.name.to_owned(),
        };
        match use_.role {
            "server" => Feature::Serves { service },
            _ => Feature::Uses { service },
        }
    });
    let values = device.unnamed.iter().filter(|said| is_shared(said.field));
    let values = values.map(|said| Feature::Says {
        field: said.field,
        value: said.raw.clone(),
    });
    // What tells most comes first.
    let mut all: Vec<Feature> = values.chain(ouis).chain(services).collect();
    all.truncate(FEATURES_MAX);
    all.into_iter().collect()
}

/// True for a field whose values devices of one kind share. How wrong its clock is, is a device's
/// own.
pub fn is_shared(field: &str) -> bool {
    let own = [
        Attribute::SerialNumber,
        Attribute::Hostname,
        Attribute::Location,
        Attribute::AeTitle,
        Attribute::StationName,
        Attribute::Institution,
        Attribute::Department,
        Attribute::Udi,
    ];
    Field::from_name(field).is_some_and(|field| {
        !field.is_at_patient()
            && !own.contains(&field.attribute())
            && !clock::FIELDS.contains(&field)
    })
}

/// Clusters of the devices that nothing names, the largest first. Each is compared with the first
/// device of each cluster; it joins the one that it is most like.
pub fn clusters(devices: &[Device]) -> Vec<Cluster> {
    let mut unknown: Vec<(BTreeSet<Feature>, &Device)> = devices
        .iter()
        .filter(|device| is_unknown(device))
        .map(|device| (features(device), device))
        .collect();
    // Who has most to say leads; the order does not depend on how devices came.
    unknown.sort_by(|(a, first), (b, second)| {
        b.len()
            .cmp(&a.len())
            .then_with(|| a.cmp(b))
            .then_with(|| first.id.cmp(&second.id))
    });
    let mut clusters: Vec<Cluster> = Vec::new();
    for (features, device) in unknown {
        let is_room = clusters.len() < CLUSTERS_MAX && !features.is_empty();
        let alike = clusters
            .iter_mut()
            .map(|cluster| (alike_percent(&cluster.leader, &features), cluster))
            .filter(|(percent, _)| *percent >= ALIKE_PERCENT)
            .max_by_key(|(percent, _)| *percent);
        match alike {
            Some((_, cluster)) => {
                cluster.common.retain(|feature| features.contains(feature));
                cluster.devices.push(device.id.clone());
            }
            None if is_room => {
                clusters.push(Cluster {
                    id: id(&features),
                    common: features.iter().cloned().collect(),
                    devices: vec![device.id.clone()],
                    leader: features,
                });
            }
            None => {}
        }
    }
    clusters.sort_by(|a, b| {
        b.devices
            .len()
            .cmp(&a.devices.len())
            .then_with(|| a.id.cmp(&b.id))
    });
    clusters
}

/// The common weight of all that either has, in percent.
fn alike_percent(one: &BTreeSet<Feature>, other: &BTreeSet<Feature>) -> u32 {
    let weight = |features: &mut dyn Iterator<Item = &Feature>| -> u32 {
        features.map(Feature::weight).sum()
    };
    let common = weight(&mut one.intersection(other));
    let all = weight(&mut one.union(other));
    (common * 100).checked_div(all).unwrap_or(0)
}

fn id(features: &BTreeSet<Feature>) -> String {
    let mut hash = Sha256::new();
    for feature in features {
        hash.update(feature.to_string());
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
