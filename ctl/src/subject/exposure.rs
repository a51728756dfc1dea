//! From where a device can be reached, and with whom it speaks, by the conversations that were
//! seen. What was not seen proves no wall: nothing here says "isolated".

use medtap_inventory::model::Device;
use medtap_risk::subject::{Peer, Reach, Sight};

use super::{Site, service};
use crate::report::words::{is_public, segments};

/// Share of understood conversations below which it can't be said what did not happen.
const COVERAGE_MIN: f64 = 0.5;

/// From where it can be reached.
pub fn reach(site: &Site<'_>, device: &Device, sight: Sight) -> Reach {
    let mut reach = Reach {
        shares_vlan_with_it: segments(device).iter().any(|s| site.with_it.contains(s)),
        coverage_low: sight.coverage.get() < COVERAGE_MIN,
        ..Reach::default()
    };
    for peer in &device.peers {
        let other = site.devices.get(peer.id.as_str());
        if !other.is_some_and(|other| is_outside(other)) {
            continue;
        }
        for conversation in peer.conversations.iter().filter(|c| c.answered) {
            match conversation.opened {
                true => reach.talks_public = true,
                false => reach.answered_public = true,
            }
        }
    }
    reach
}

/// True for a device that has public addresses alone: it is on the internet.
fn is_outside(device: &Device) -> bool {
    !device.addresses.is_empty() && device.addresses.iter().all(is_public)
}

/// With whom it speaks, a peer for each service and direction.
pub fn peers(site: &Site<'_>, device: &Device) -> Vec<Peer> {
    let of = |peer: &medtap_inventory::model::Peer| {
        let other = site.devices.get(peer.id.as_str());
        let names: Vec<String> = other.map_or_else(Vec::new, |other| {
            let addresses = other.addresses.iter().map(ToString::to_string);
            addresses.chain(segments(other)).collect()
        });
        let id = peer.id.clone();
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
