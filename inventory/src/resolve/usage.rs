//! What a device speaks, with whom, and when it works. It counts; why something matters is said
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::vocabulary::Protocol;
use medtap_table::{Edge, EdgeFlags, Volume};

use super::Extent;
use crate::model::{Activity, Conversation, DeviceId, Peer, ProtocolUse, Time};

/// Hours of a day.
const DAY_HOURS: usize = 24;
/// Hours of the window in which a device is used least.
const WINDOW_HOURS: usize = 4;
/// Days as their names begin, from Monday.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Time that must have been seen before anything is said about hours without use.
pub const QUIET_NS_MIN: u64 = 24 * 3_600_000_000_000;
/// IP protocols with ports: TCP, UDP, DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// What two devices do with each other, for one of them: over which edges, and whether that one
/// opened them.
pub fn peer<'a>(
    id: DeviceId,
    edges: impl Iterator<Item = (&'a Edge, Volume, bool)> + Clone,
    extent: Extent,
) -> Peer {
    let mut protocols: Vec<&'static str> = Vec::new();
    let mut bytes = 0u64;
    for (edge, volume, _) in edges.clone() {
        bytes = bytes.saturating_add(volume.bytes);
        protocols.extend(edge.protocol.map(Protocol::name));
    }
    protocols.sort_unstable();
    protocols.dedup();
    Peer {
        id,
        protocols,
        bytes,
        conversations: match extent {
            Extent::Whole => conversations(edges),
            Extent::Listed | Extent::Shown => Vec::new(),
        },
    }
}

/// What is told of conversations that are one.
#[derive(Clone, Copy)]
struct Held {
    answered: bool,
    often: u64,
    times: (u64, u64),
}

/// Conversations by protocol, port and who opened them, in order: whether they were answered, and
/// when they were seen.
fn conversations<'a>(edges: impl Iterator<Item = (&'a Edge, Volume, bool)>) -> Vec<Conversation> {
    let mut conversations = BTreeMap::new();
    for (edge, volume, opened) in edges {
        let port = match edge.protocol {
            Some(protocol) => port(edge, protocol),
            None => Some(edge.port).filter(|port| *port != 0),
        };
        let key = (edge.protocol.map(Protocol::name), port, opened);
        let times = (edge.first_seen_ns, edge.last_seen_ns);
        let held = conversations.entry(key).or_insert(Held {
            answered: false,
            often: 0,
            times,
        });
        held.answered |= edge.flags.contains(EdgeFlags::ANSWERED);
        held.often = held.often.saturating_add(volume.conversations);
        held.times = (held.times.0.min(times.0), held.times.1.max(times.1));
    }
    let told = conversations.into_iter();
    told.map(|((protocol, port, opened), held)| Conversation {
        protocol,
        port,
        opened,
        answered: held.answered,
        times: held.often,
        first_seen: Time(held.times.0),
        last_seen: Time(held.times.1),
    })
    .collect()
}

/// All that one device does.
#[derive(Default)]
pub struct Usage {
    /// What it speaks.
    pub protocols: BTreeSet<ProtocolUse>,
    /// By event: times in all, and by hour of the week.
    pub events: BTreeMap<&'static str, (u64, Vec<u64>)>,
    /// Devices that send HL7 messages to it.
    pub senders: BTreeSet<u32>,
    /// HTTP, TLS and SSH, where it serves them.
    pub serves: BTreeSet<Protocol>,
}

/// The port by which a protocol is known here; none on the link and where there are none.
fn port(edge: &Edge, protocol: Protocol) -> Option<u16> {
    match protocol {
        // An answer goes to whatever port the question came from.
        Protocol::Mdns => Some(5353),
        Protocol::Ssdp => Some(1900),
        _ => Some(edge.port).filter(|port| *port != 0 && WITH_PORTS.contains(&edge.transport)),
    }
}

impl Usage {
    /// Adds a conversation in which this device is the one that opened it, or the other.
    pub fn speak(&mut self, edge: &Edge, opened: bool, other: impl FnOnce() -> Option<u32>) {
        let Some(protocol) = edge.protocol else {
            return;
        };
        let peers = edge.flags.contains(EdgeFlags::PEERS);
        let answered =
            edge.flags.contains(EdgeFlags::ANSWERED) || edge.flags.contains(EdgeFlags::CONFIRMED);
        // Being asked does not show that one speaks it.
        if !opened && !answered {
            return;
        }
        let role = match (peers, opened) {
            (true, _) => "peer",
            (false, true) => "client",
            (false, false) => "server",
        };
        self.protocols.insert(ProtocolUse {
            name: protocol.name(),
            role,
            port: port(edge, protocol),
            encrypted: edge.flags.contains(EdgeFlags::ENCRYPTED),
        });
        if role == "server" {
            if matches!(protocol, Protocol::Http | Protocol::Tls | Protocol::Ssh) {
                self.serves.insert(protocol);
            }
            if protocol == Protocol::Hl7 {
                self.senders.extend(other());
            }
        }
    }

    /// Adds what was done.
    pub fn act(&mut self, activity: &medtap_table::Activity) {
        let (total, bins) = self.events.entry(activity.event.name()).or_default();
        *total = total.saturating_add(activity.total);
        bins.resize(activity.bins.len(), 0);
        for (sum, bin) in bins.iter_mut().zip(activity.bins) {
            *sum = sum.saturating_add(bin.into());
        }
    }
}

/// When something was done. `observed_ns` is how long anybody looked.
pub fn activity(total: u64, bins: Vec<u64>, observed_ns: u64) -> Activity {
    let most = bins.iter().copied().max().filter(|most| *most > 0);
    let busiest = most.and_then(|most| {
        let hour = bins.iter().position(|count| *count == most)?;
        let day = DAYS.get(hour / DAY_HOURS)?;
        Some(format!("{day} {:02}:00", hour % DAY_HOURS))
    });
    // An hour that nobody watched is not a quiet one.
    let quietest = (busiest.is_some() && observed_ns >= QUIET_NS_MIN).then(|| quietest(&bins));
    Activity {
        total,
        busiest_hour: busiest,
        quietest_window: quietest,
        hours: bins,
    }
}

/// The four hours of the day with the fewest events over all days; the earliest of several.
fn quietest(bins: &[u64]) -> String {
    let mut hours = [0u64; DAY_HOURS];
    for day in bins.chunks(DAY_HOURS) {
        for (sum, count) in hours.iter_mut().zip(day) {
            *sum = sum.saturating_add(*count);
        }
    }
    let window = |start: usize| {
        let window = (start..start + WINDOW_HOURS).map(|hour| hours[hour % DAY_HOURS]);
        window.fold(0u64, u64::saturating_add)
    };
    let start = (0..DAY_HOURS)
        .min_by_key(|start| window(*start))
        .unwrap_or(0);
    let end = (start + WINDOW_HOURS) % DAY_HOURS;
    format!("{start:02}:00-{end:02}:00")
}
