//! Findings that take more than one device to see: two DHCP servers that contradict each other, two
//! machines that claim one address, one that claims the gateway's, one that tries many in vain. It
//! tells of each device what was seen of it, and leaves out what clusters, proxies and pairs of
//! servers do by design.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use medtap_table::vocabulary::{Field, FindingId};
use medtap_table::{EdgeFlags, Fact, SubjectKind};

use super::bindings::Bindings;
use super::folding::Folding;
use super::identity;
use super::mac::{self, Mac};
use super::snapshot::Snapshot;
use crate::model::{Finding, Time};

/// What was there so much earlier is what was there before.
const BEFORE_NS: u64 = 60 * 1_000_000_000;
/// Two servers answer one client on one link where their answers lie so near each other.
const TOGETHER_NS: u64 = 60 * 1_000_000_000;
/// Addresses that one machine claims besides, to be one that answers for others.
const ADDRESSES_MANY: usize = 8;
/// Addresses that two cards claim together, to be of one machine.
const ADDRESSES_COMMON: usize = 2;
/// Numbers between the cards of one machine, which come from one box.
const CARDS_NEAR: u64 = 16;
/// Targets tried in vain for each that was spoken with, to be scanning.
const VAIN_SHARE: u64 = 4;
/// Others with the same serial number that are named.
const TWINS_NAMED_MAX: usize = 3;
/// How sure it is where it is clear who came later, and where it is not.
const CLEAR: u8 = 70;
const UNCLEAR: u8 = 40;

/// The findings of each device, by its number.
pub type Findings = BTreeMap<u32, Vec<Finding>>;

/// What the findings are concluded from.
pub struct Network<'a> {
    pub snapshot: &'a Snapshot<'a>,
    pub bindings: &'a Bindings,
    pub folding: &'a Folding,
}

/// What a DHCP server gave a client.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    server: IpAddr,
    routers: Vec<IpAddr>,
    names: Vec<IpAddr>,
}

impl Offer {
    /// `server 10.0.0.1 router 10.0.0.254 dns 10.0.0.2,10.0.0.3`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut this = None;
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            let addresses: Option<Vec<IpAddr>> = value
                .split(',')
                .map(|address| address.parse().ok())
                .collect();
            let addresses = addresses?;
            match (key, &mut this) {
                ("server", None) => {
                    this = Some(Self {
                        server: *addresses.first()?,
                        routers: Vec::new(),
                        names: Vec::new(),
                    });
                }
                ("router", Some(this)) => this.routers = addresses,
                ("dns", Some(this)) => this.names = addresses,
                _ => {}
            }
        }
        this
    }

    /// Another way out, or other name servers altogether: a pair that stands in for each other
    /// gives the same.
    fn contradicts(&self, other: &Self) -> bool {
        let routers = |offer: &Self| offer.routers.iter().copied().collect::<BTreeSet<IpAddr>>();
        let share = self.names.iter().any(|name| other.names.contains(name));
        let names_differ = !self.names.is_empty() && !other.names.is_empty() && !share;
        routers(self) != routers(other) || names_differ
    }

    fn describe(&self) -> String {
        let list = |addresses: &[IpAddr]| match addresses {
            [] => "none".to_owned(),
            some => {
                let texts: Vec<String> = some.iter().map(ToString::to_string).collect();
                texts.join(" and ")
            }
        };
        format!(
            "{} gives router {} and name server {}",
            self.server,
            list(&self.routers),
            list(&self.names)
        )
    }
}

/// A link of clients, and one server on it.
type Link = (u16, u16);
type Times = (u64, u64);

impl Network<'_> {
    /// Everything that is seen of several devices together.
    pub fn findings(&self) -> Findings {
        let offers = self.snapshot.facts_of(Field::DhcpOffer);
        let gateways = self.gateways(&offers);
        let mut findings = Findings::new();
        self.rogue_servers(&offers, &mut findings);
        self.rivals(&gateways, &mut findings);
        self.scanners(&mut findings);
        self.twins(&mut findings);
        findings
    }

    /// Machines that bear one serial number, each with some of the others.
    fn twins(&self, findings: &mut Findings) {
        for (key, contested) in &self.folding.contested {
            let of = |unit: &u32| {
                let record = *self.bindings.units.get(*unit as usize)?;
                let name = identity::unit_key(self.snapshot, record)?;
                let state = self.bindings.states.get(*unit as usize)?;
                let times = (state.first_seen_ns, state.last_seen_ns);
                Some((self.folding.device_of(*unit)?, name, times))
            };
            let key = key.text();
            let units: Vec<(u32, String, Times)> = contested.units.iter().filter_map(of).collect();
            for (device, _, times) in &units {
                let others = units.iter().filter(|other| other.0 != *device);
                let mut names: Vec<&str> = others.map(|other| other.1.as_str()).collect();
                let more = names.len().saturating_sub(TWINS_NAMED_MAX);
                names.truncate(TWINS_NAMED_MAX);
                let names = names.join(", ");
                let evidence = match more {
                    0 => format!("{key} is also of {names}"),
                    more => format!("{key} is also of {names} and {more} more"),
                };
                if !names.is_empty() {
                    let found = (FindingId::DuplicateSerial, contested.confidence);
                    add(findings, *device, found, evidence, *times);
                }
            }
        }
    }

    /// The routers that DHCP servers name, in each scope.
    fn gateways(&self, offers: &[Fact<'static>]) -> BTreeSet<(u16, IpAddr)> {
        let mut gateways = BTreeSet::new();
        for fact in offers {
            let scope = self.subject(fact).map(|subject| subject.scope);
            if let (Some(scope), Some(offer)) = (scope, Offer::parse(&fact.raw)) {
                gateways.extend(offer.routers.iter().map(|router| (scope, *router)));
            }
        }
        gateways
    }

    fn subject(&self, fact: &Fact<'_>) -> Option<&medtap_table::Subject> {
        let seen = self.snapshot.subjects.get(fact.subject.index())?;
        Some(&seen.subject)
    }

    /// Servers of which one client got contradicting offers at one time.
    fn rogue_servers(&self, offers: &[Fact<'static>], findings: &mut Findings) {
        let mut clients: BTreeMap<(Link, Mac), Vec<(Offer, Times)>> = BTreeMap::new();
        let mut servers: BTreeMap<(Link, IpAddr), Times> = BTreeMap::new();
        for fact in offers {
            let (Some(client), Some(offer)) = (self.subject(fact), Offer::parse(&fact.raw)) else {
                continue;
            };
            let link = (client.scope, client.vlan);
            let times = (fact.first_seen_ns, fact.last_seen_ns);
            let seen = servers.entry((link, offer.server)).or_insert(times);
            *seen = (seen.0.min(times.0), seen.1.max(times.1));
            clients
                .entry((link, client.mac))
                .or_default()
                .push((offer, times));
        }
        let mut told: BTreeSet<(Link, IpAddr, IpAddr)> = BTreeSet::new();
        for ((link, _), offers) in &clients {
            for (ours, our_times) in offers {
                for (theirs, their_times) in offers {
                    let pair = (*link, ours.server, theirs.server);
                    if ours.server != theirs.server
                        && ours.contradicts(theirs)
                        && are_together(*our_times, *their_times)
                        && told.insert(pair)
                    {
                        self.rogue_server(*link, (ours, theirs), &servers, findings);
                    }
                }
            }
        }
    }

    /// `ours` contradicts `theirs`: it is not expected unless it was there before.
    fn rogue_server(
        &self,
        link: Link,
        (ours, theirs): (&Offer, &Offer),
        servers: &BTreeMap<(Link, IpAddr), Times>,
        findings: &mut Findings,
    ) {
        let times = |offer: &Offer| servers.get(&(link, offer.server)).copied();
        let (Some(own), Some(other)) = (times(ours), times(theirs)) else {
            return;
        };
        let device = |offer: &Offer, times| self.holder(link.0, offer.server, times);
        let (holder, other_holder) = (device(ours, own), device(theirs, other));
        let (Some(confidence), Some(holder)) = (lateness(own.0, other.0), holder) else {
            return;
        };
        if Some(holder) != other_holder {
            let evidence = format!("{}; {}", ours.describe(), theirs.describe());
            add(
                findings,
                holder,
                (FindingId::RogueDhcp, confidence),
                evidence,
                own,
            );
        }
    }

    fn holder(&self, scope: u16, address: IpAddr, times: Times) -> Option<u32> {
        let unit = self.bindings.holder(scope, address, times)?;
        self.folding.device_of(unit)
    }

    /// Machines that claim one address by turns.
    fn rivals(&self, gateways: &BTreeSet<(u16, IpAddr)>, findings: &mut Findings) {
        let facts = self.snapshot.facts_of(Field::ArpRival);
        if facts.is_empty() {
            return;
        }
        let claims = self.claims();
        for fact in &facts {
            let (Some(subject), Some(rival)) = (self.subject(fact), mac::parse(&fact.raw)) else {
                continue;
            };
            let Some(address) = subject.address else {
                continue;
            };
            let (scope, link) = (subject.scope, (subject.scope, subject.vlan));
            let device = |mac: &Mac| self.folding.device_of(self.bindings.unit_of(scope, mac)?);
            let (Some(ours), Some(theirs)) = (device(&subject.mac), device(&rival)) else {
                continue;
            };
            let claims = |mac: &Mac| claims.get(&(link, *mac));
            let (Some(own), Some(other)) = (claims(&subject.mac), claims(&rival)) else {
                continue;
            };
            if ours == theirs || is_one_machine(&subject.mac, &rival) || common(own, other) {
                continue;
            }
            let times = (fact.first_seen_ns, fact.last_seen_ns);
            let routes = |device: u32| self.routes(device);
            let is_gateway = gateways.contains(&(scope, address)) || routes(ours) || routes(theirs);
            if !is_gateway {
                if own.len() < ADDRESSES_MANY && other.len() < ADDRESSES_MANY {
                    let evidence = format!("{} also claims {address}", mac::text(&rival));
                    let id = FindingId::AddressConflict;
                    add(findings, ours, (id, CLEAR), evidence, times);
                }
                continue;
            }
            let first = |claims: &Claimed| claims.get(&address).copied().unwrap_or_default();
            let routes = (routes(ours), routes(theirs));
            if let (Some(confidence), false) =
                (lateness(first(own), first(other)), routes.0 && !routes.1)
            {
                let evidence = format!("claims the gateway {address} beside {}", mac::text(&rival));
                let id = FindingId::GatewayAnomaly;
                add(findings, ours, (id, confidence), evidence, times);
            }
        }
    }

    fn routes(&self, device: u32) -> bool {
        let units = self.folding.units.of(device).iter();
        let mut states = units.filter_map(|unit| self.bindings.states.get(*unit as usize));
        states.any(|state| state.routes)
    }

    /// What each card of a link claims, and since when.
    fn claims(&self) -> HashMap<(Link, Mac), Claimed> {
        let mut claims: HashMap<(Link, Mac), Claimed> = HashMap::new();
        for seen in &self.snapshot.subjects {
            let subject = &seen.subject;
            if let (SubjectKind::Binding, Some(address)) = (subject.kind, subject.address)
                && subject.flags.on_link()
            {
                let key = ((subject.scope, subject.vlan), subject.mac);
                let claimed = claims.entry(key).or_default();
                claimed.insert(address, subject.first_seen_ns);
            }
        }
        claims
    }

    /// Devices that tried many targets in vain within an hour, and spoke with few.
    fn scanners(&self, findings: &mut Findings) {
        let mut tried: BTreeMap<u32, (u64, Times)> = BTreeMap::new();
        for fact in self.snapshot.facts_of(Field::TcpUnanswered) {
            let times = (fact.first_seen_ns, fact.last_seen_ns);
            let unit = self.bindings.owner(self.snapshot, fact.subject, times);
            let device = unit.and_then(|unit| self.folding.device_of(unit));
            if let (Some(device), Ok(targets)) = (device, fact.raw.parse::<u64>()) {
                let most = tried.entry(device).or_insert((targets, times));
                *most = (*most).max((targets, times));
            }
        }
        for (device, (targets, times)) in tried {
            let spoken = self.spoken_with(device);
            if targets >= spoken.saturating_mul(VAIN_SHARE) {
                let evidence = format!(
                    "at least {targets} addresses and ports did not answer or refused within an \
                     hour; it spoke with {spoken}"
                );
                add(
                    findings,
                    device,
                    (FindingId::Scanning, CLEAR),
                    evidence,
                    times,
                );
            }
        }
    }

    /// Addresses and ports that a device spoke with, in a protocol that was confirmed.
    fn spoken_with(&self, device: u32) -> u64 {
        let mut targets = BTreeSet::new();
        for place in self.folding.opened.of(device) {
            if let Some((edge, _)) = self.snapshot.edges.get(*place as usize)
                && edge.protocol.is_some()
                && edge.flags.contains(EdgeFlags::CONFIRMED)
            {
                targets.insert((edge.resp, edge.transport, edge.port));
            }
        }
        targets.len() as u64
    }
}

/// The addresses that a card claims, and when it was first seen with each.
type Claimed = BTreeMap<IpAddr, u64>;

/// Cards of one machine answer for each other's addresses.
fn common(own: &Claimed, other: &Claimed) -> bool {
    let both = own.keys().filter(|address| other.contains_key(*address));
    both.count() >= ADDRESSES_COMMON
}

/// True for virtual addresses, and for cards with numbers next to each other.
fn is_one_machine(a: &Mac, b: &Mac) -> bool {
    let number = |mac: &Mac| {
        mac.iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let is_virtual = |mac: &Mac| mac::is_shared(mac) || mac::names_nobody(mac);
    is_virtual(a) || is_virtual(b) || number(a).abs_diff(number(b)) <= CARDS_NEAR
}

/// True where both were seen at one time, or nearly.
fn are_together(a: Times, b: Times) -> bool {
    a.0 <= b.1.saturating_add(TOGETHER_NS) && b.0 <= a.1.saturating_add(TOGETHER_NS)
}

/// How sure it is that the one that was first seen at `own` came to the other; none where it was
/// there before.
fn lateness(own: u64, other: u64) -> Option<u8> {
    if own >= other.saturating_add(BEFORE_NS) {
        Some(CLEAR)
    } else if other >= own.saturating_add(BEFORE_NS) {
        None
    } else {
        Some(UNCLEAR)
    }
}

fn add(
    findings: &mut Findings,
    device: u32,
    (id, confidence): (FindingId, u8),
    evidence: String,
    times: Times,
) {
    let known = findings.entry(device).or_default();
    // The surest of several stands for all.
    match known.iter_mut().find(|it| it.id == id.name()) {
        Some(same) if same.confidence >= confidence => {}
        Some(same) => (same.confidence, same.evidence) = (confidence, evidence),
        None => known.push(Finding {
            id: id.name().to_owned(),
            title: id.title().to_owned(),
            confidence,
            weight: None,
            evidence,
            first_seen: Some(Time(times.0)),
            last_seen: Some(Time(times.1)),
        }),
    }
}
