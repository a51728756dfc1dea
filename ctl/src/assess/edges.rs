//! Findings that conversations show by who speaks with whom: remote control across segments,
//! contact with public addresses, a medical device that administers its neighbours. It looks at
//! conversations that were answered, and at nothing inside them.

use std::collections::{BTreeSet, HashMap};

use medtap_inventory::model::{Conversation, Device, Finding, Inventory, Time};
use medtap_table::vocabulary::FindingId;

use crate::render::label;
use crate::report::words::{INTERNET, NOWHERE, segments};
use crate::subject::Known;

#[cfg(test)]
#[path = "edges_tests.rs"]
mod tests;

/// How sure it is that two segments are two, 0–100, where VLANs or declarations tell them apart.
const SEGMENTS_SURE: u8 = 90;
/// Where only the first bits of addresses do: the real network may be larger.
const SEGMENTS_GUESSED: u8 = 50;
/// That an address outside all internal prefixes is public.
const PUBLIC_SURE: u8 = 95;
/// That a device that opens such a conversation administers.
const ADMINISTERS_SURE: u8 = 80;
/// Conversations that are told of one finding.
const TOLD_MAX: usize = 3;

/// Protocols by which one machine runs another. SSH carries files as well: it counts between
/// neighbours alone.
const ADMINISTRATION: [&str; 4] = ["ssh", "telnet", "rdp", "vnc"];

/// What one conversation shows.
struct Shown {
    id: FindingId,
    sure: u8,
    text: String,
    seen: (Time, Time),
}

/// Adds to each device what its conversations show.
pub fn add(inventory: &mut Inventory, known: &Known) {
    let devices = inventory.devices.iter();
    let by_id: HashMap<&str, &Device> = devices.clone().map(|d| (d.id.as_str(), d)).collect();
    let found: Vec<Vec<Finding>> = devices
        .map(|device| {
            let peers = device.peers.iter();
            let shown = peers.flat_map(|peer| {
                let other = by_id.get(peer.id.as_str()).copied();
                let answered = peer.conversations.iter().filter(|one| one.answered);
                answered.flat_map(move |one| {
                    other.map_or_else(Vec::new, |other| of(known, device, other, one))
                })
            });
            findings(shown.collect())
        })
        .collect();
    for (device, found) in inventory.devices.iter_mut().zip(found) {
        device.findings.extend(found);
    }
}

/// What one conversation shows of a device.
fn of(known: &Known, device: &Device, other: &Device, one: &Conversation) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut show = |id, sure, text: String| {
        let seen = (one.first_seen, one.last_seen);
        shown.push(Shown {
            id,
            sure,
            text,
            seen,
        });
    };
    let protocol = one.protocol.unwrap_or("not recognised");
    let (way, name) = (if one.opened { "to" } else { "from" }, label(other));
    let outside = known.is_outside(other);
    if outside && !known.is_outside(device) {
        let text = format!("{protocol} {way} {}{}", address(other), often(one.times));
        show(FindingId::PublicContact, PUBLIC_SURE, text);
    }
    let across = match protocol {
        "rdp" => Some(FindingId::RdpAcrossSegments),
        "vnc" => Some(FindingId::VncAcrossSegments),
        _ => None,
    };
    // Of the two, the one that can be taken over has the weakness.
    if let (Some(id), false) = (across, one.opened) {
        let apart = match outside {
            true => Some((SEGMENTS_SURE, INTERNET.to_owned())),
            false => apart(known, device, other),
        };
        if let Some((sure, from)) = apart {
            show(id, sure, format!("{protocol} from {name} in {from}"));
        }
    }
    if one.opened && device.class == "medical" && ADMINISTRATION.contains(&protocol) {
        let kind = matches!(other.class, "medical" | "iot" | "building");
        let neighbour = (kind || other.category == "workstation") && beside(device, other);
        if neighbour {
            let text = format!("{protocol} to {name}");
            show(FindingId::LateralAdministration, ADMINISTERS_SURE, text);
        }
    }
    shown
}

/// How often they spoke, where that was counted.
fn often(times: u64) -> String {
    match times {
        0 => String::new(),
        1 => " (once)".to_owned(),
        many => format!(" ({many} times)"),
    }
}

fn address(device: &Device) -> String {
    let address = device.addresses.first();
    address.map_or_else(|| device.id.clone(), ToString::to_string)
}

/// Whether two devices are in different segments, how sure that is, and where the other one is.
fn apart(known: &Known, device: &Device, other: &Device) -> Option<(u8, String)> {
    let declared = |device| -> BTreeSet<&str> { known.segments(device).map(|(n, _)| n).collect() };
    let (own, its) = (declared(device), declared(other));
    if let (false, Some(first)) = (own.is_empty(), its.first()) {
        return own
            .is_disjoint(&its)
            .then(|| (SEGMENTS_SURE, (*first).to_owned()));
    }
    let (own, its) = (segments(device), segments(other));
    let first = its.first().filter(|first| *first != NOWHERE)?.clone();
    let unknown = own.iter().any(|segment| segment == NOWHERE);
    // A VLAN on one side and a network on the other can't be compared.
    let comparable = device.vlans.is_empty() == other.vlans.is_empty();
    if unknown || !comparable || own.iter().any(|segment| its.contains(segment)) {
        return None;
    }
    let sure = match device.vlans.is_empty() {
        true => SEGMENTS_GUESSED,
        false => SEGMENTS_SURE,
    };
    Some((sure, first))
}

/// Two devices are in one segment.
fn beside(device: &Device, other: &Device) -> bool {
    let own = segments(device);
    let its = segments(other);
    own.iter()
        .any(|segment| segment != NOWHERE && its.contains(segment))
}

/// One finding for each kind, by the surest that shows it.
fn findings(mut shown: Vec<Shown>) -> Vec<Finding> {
    shown.sort_by(|a, b| (a.id, &a.text, a.seen).cmp(&(b.id, &b.text, b.seen)));
    let of_kind = shown.chunk_by(|a, b| a.id == b.id).map(|group| {
        let texts: BTreeSet<&str> = group.iter().map(|one| one.text.as_str()).collect();
        let mut evidence: Vec<&str> = texts.iter().copied().take(TOLD_MAX).collect();
        let more = format!("and {} more", texts.len().saturating_sub(TOLD_MAX));
        if texts.len() > TOLD_MAX {
            evidence.push(&more);
        }
        let id = group.first().map_or(FindingId::PublicContact, |one| one.id);
        Finding {
            id: id.name().to_owned(),
            title: id.title().to_owned(),
            confidence: group.iter().map(|one| one.sure).max().unwrap_or_default(),
            weight: None,
            evidence: evidence.join(", "),
            first_seen: group.iter().map(|one| one.seen.0).min(),
            last_seen: group.iter().map(|one| one.seen.1).max(),
        }
    });
    of_kind.collect()
}
