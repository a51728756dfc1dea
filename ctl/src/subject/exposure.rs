//! From where a device can be reached, and with whom it speaks, by the conversations that were
//! seen. What was not seen proves no wall: nothing here says "isolated".

use std::net::IpAddr;

use medtap_inventory::model::Device;
use medtap_risk::declared::{Declared, SegmentKind};
use medtap_risk::subject::{Control, Peer, Reach, Sight};
use medtap_table::vocabulary::{Category, FindingId};

use super::{Site, service};
use crate::report::words;

/// Share of understood conversations below which it can't be said what did not happen.
const COVERAGE_MIN: f64 = 0.5;

/// From where it can be reached.
pub fn reach(site: &Site<'_>, device: &Device, sight: Sight, controls: &[Control]) -> Reach {
    let mut reach = Reach {
        behind_nat_or_proxy: hides_others(device),
        shares_vlan_with_it: words::segments(device)
            .iter()
            .any(|s| site.with_it.contains(s)),
        coverage_low: sight.coverage.get() < COVERAGE_MIN,
        ..Reach::default()
    };
    let is = |kind: SegmentKind| move |(_, other): (&str, SegmentKind)| other == kind;
    let mut gateways_alone = true;
    for peer in &device.peers {
        let Some(other) = site.devices.get(peer.id.as_str()) else {
            gateways_alone = false;
            continue;
        };
        let outside = site.known.is_outside(other);
        let of_users = site.known.segments(other).any(is(SegmentKind::Guest))
            || site.known.segments(other).any(is(SegmentKind::User));
        for conversation in peer.conversations.iter().filter(|c| c.answered) {
            gateways_alone &= other.class == "network";
            match conversation.opened {
                true => reach.talks_public |= outside,
                false => {
                    reach.answered_public |= outside;
                    reach.from_user_segment |= of_users;
                    // Who stands behind it and opened the conversation, traffic does not show.
                    reach.behind_nat_or_proxy |=
                        hides_others(other) || site.known.is_proxy_of(other, controls);
                }
            }
        }
    }
    let isolated = site.known.segments(device).any(is(SegmentKind::Isolated));
    reach.isolated_gateway_only = isolated && gateways_alone;
    let remembered = site.known.remembered(device);
    reach.approved_only_30_days = remembered.is_some_and(|known| known.approved_peers_alone);
    reach
}

/// True where others may stand behind its address: several devices were seen there, or it is a
/// firewall, which speaks for others where it opens a conversation.
fn hides_others(device: &Device) -> bool {
    let shared = FindingId::AddressShared.name();
    device.category == Category::Firewall.name()
        || device.findings.iter().any(|finding| finding.id == shared)
}

/// True for an address of the internet that the site does not call its own.
pub fn is_public(declared: &Declared, address: &IpAddr) -> bool {
    words::is_public(address) && !declared.is_internal(*address)
}

/// With whom it speaks, a peer for each service and direction.
pub fn peers(site: &Site<'_>, device: &Device) -> Vec<Peer> {
    let of = |peer: &medtap_inventory::model::Peer| {
        let other = site.devices.get(peer.id.as_str());
        let names: Vec<String> = other.map_or_else(Vec::new, |other| {
            let names = site.known.names(other).into_iter();
            names.filter(|name| *name != other.id).collect()
        });
        let id = peer.id.to_string();
        let answered = peer.conversations.iter().filter(|c| c.answered);
        let peers = answered.map(move |conversation| Peer {
            id: id.clone(),
            names: names.clone(),
            service: service(conversation),
            serves: !conversation.opened,
            first_seen: conversation.first_seen.0,
            last_seen: conversation.last_seen.0,
        });
        peers.collect::<Vec<_>>()
    };
    device.peers.iter().flat_map(of).collect()
}
