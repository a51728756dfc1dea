//! How much a device is used, who depends on it, and what patient data it handles. Hours that
//! nobody watched are no hours of rest: below a day of watching, nothing is said of use.

use std::collections::{BTreeSet, HashMap};

use medtap_inventory::model::{Device, Inventory};
use medtap_risk::Share;
use medtap_risk::subject::{Data, Usage};
use medtap_table::vocabulary::FindingId;

use super::Site;
use crate::report::words::unit;

/// Hours of a week.
const WEEK_HOURS: usize = 168;
/// Time that must have been watched before anything is said of utilisation.
const WATCHED_NS_MIN: u64 = 24 * HOUR_NS;
const HOUR_NS: u64 = 3_600_000_000_000;
/// Devices of a kind in a unit that are asked whether they could take over: each is asked for each.
const ALTERNATIVES_MAX: usize = 256;

/// Protocols whose messages carry data of patients.
const PATIENT_PROTOCOLS: &[&str] = &[
    "dicom",
    "hl7",
    "fhir",
    "astm",
    "poct1a",
    "intellivue",
    "sdc",
    "ieee11073",
];
/// Kinds of devices that keep such data by their nature.
const STORES: &[&str] = &[
    "central_station",
    "dispensing_cabinet",
    "ct",
    "mr",
    "xray",
    "ultrasound",
    "mammography",
    "nuclear_medicine",
    "endoscopy",
    "modality",
    "lab_analyzer",
    "pacs",
    "worklist",
    "ris",
    "lis",
    "emr",
    "interface_engine",
];

/// Utilisation by device, where it was watched for long enough and did something.
pub fn utilisations(inventory: &Inventory) -> HashMap<&str, Share> {
    let watched = watched_ns(inventory);
    if watched < WATCHED_NS_MIN {
        return HashMap::new();
    }
    let hours = usize::try_from(watched.div_ceil(HOUR_NS)).unwrap_or(WEEK_HOURS);
    let hours = hours.min(WEEK_HOURS);
    let share = |device| {
        let used = sum(device).iter().filter(|count| **count > 0).count();
        Share::new(used.min(hours) as f64 / hours as f64).ok()
    };
    let active = inventory.devices.iter().filter(|d| !d.activity.is_empty());
    active
        .filter_map(|device| Some((device.id.as_str(), share(device)?)))
        .collect()
}

fn watched_ns(inventory: &Inventory) -> u64 {
    let source = &inventory.source;
    let times = source.first_seen.zip(source.last_seen);
    times.map_or(0, |(first, last)| last.0.saturating_sub(first.0))
}

/// Events by hour of the week.
fn sum(device: &Device) -> [u32; WEEK_HOURS] {
    let mut hours = [0u32; WEEK_HOURS];
    for activity in device.activity.values() {
        for (sum, count) in hours.iter_mut().zip(&activity.hours) {
            *sum = sum.saturating_add(u32::try_from(*count).unwrap_or(u32::MAX));
        }
    }
    hours
}

/// The devices of each kind in each unit.
pub fn alike(inventory: &Inventory) -> HashMap<(&'static str, String), Vec<&str>> {
    let mut alike: HashMap<(&'static str, String), Vec<&str>> = HashMap::new();
    for device in &inventory.devices {
        let key = (device.category, unit(device));
        alike.entry(key).or_default().push(&device.id);
    }
    alike
}

/// How much care depends on a device.
pub fn usage(site: &Site<'_>, device: &Device) -> Usage {
    let utilisation = site.utilisation.get(device.id.as_str()).copied();
    let alternatives = utilisation.map(|_| {
        let alike = site.alike.get(&(device.category, unit(device)));
        let others = alike.into_iter().flatten().filter(|id| **id != device.id);
        let shares = others.filter_map(|id| site.utilisation.get(id));
        shares.take(ALTERNATIVES_MAX).copied().collect()
    });
    let watched = watched_ns(site.inventory) >= WATCHED_NS_MIN;
    Usage {
        criticality: site.known.criticality(device),
        utilisation,
        alternatives,
        dependants: Some(dependants(site, device)),
        obscured: is_obscured(device),
        last_effectiveness: site.known.last(device, |known| known.effectiveness),
        hours: (watched && !device.activity.is_empty()).then(|| Box::new(sum(device))),
        in_use: in_use(site, device),
    }
}

/// Whether it spoke of patients within the hour; `None` where it never did.
fn in_use(site: &Site<'_>, device: &Device) -> Option<bool> {
    let as_of = site.inventory.as_of?.0;
    let spoke = device.peers.iter().flat_map(|peer| &peer.conversations);
    let spoke = spoke.filter(|one| {
        let carries = |name: &str| PATIENT_PROTOCOLS.contains(&name);
        one.answered && one.protocol.is_some_and(carries)
    });
    let last = spoke.map(|one| one.last_seen.0).max()?;
    Some(as_of.saturating_sub(last) < HOUR_NS)
}

/// Medical devices that it serves, and those that reach the network through it.
fn dependants(site: &Site<'_>, device: &Device) -> u32 {
    let mut ids: BTreeSet<&str> = BTreeSet::new();
    for peer in &device.peers {
        let served = peer.conversations.iter().any(|c| c.answered && !c.opened);
        let other = site.devices.get(peer.id.as_str());
        if served && other.is_some_and(|other| other.class == "medical") {
            ids.insert(peer.id.as_str());
        }
    }
    let reported = site.reported.get(device.id.as_str());
    ids.extend(reported.into_iter().flatten().copied());
    u32::try_from(ids.len()).unwrap_or(u32::MAX)
}

/// What patient data it handles, as far as protocols show it.
pub fn data(site: &Site<'_>, device: &Device) -> Data {
    let mut protocols = device.protocols.iter().map(|protocol| protocol.name);
    let transmits = protocols.any(|name| PATIENT_PROTOCOLS.contains(&name));
    Data {
        transmits,
        stores: transmits && STORES.contains(&device.category),
        privileged_logon: (device.findings.iter())
            .any(|finding| finding.id == FindingId::PrivilegedLogon.name()),
        obscured: is_obscured(device),
        last_sensitivity: site.known.last(device, |known| known.data),
    }
}

/// True where what it does may be hidden: something is encrypted, or nothing was understood.
fn is_obscured(device: &Device) -> bool {
    let mut protocols = device.protocols.iter();
    device.protocols.is_empty() || protocols.any(|protocol| protocol.encrypted)
}
