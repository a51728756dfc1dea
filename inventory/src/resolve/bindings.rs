//! Bindings to hosts: on the local link a host is its MAC address; behind a router it is its IP
//! address, joined with the one that held that address on its own link at that time. It looks at
//! addresses, TTLs and proofs alone, never at what a device said.

use std::collections::BTreeSet;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use medtap_table::vocabulary::Field;
use medtap_table::{Subject, SubjectFlags, SubjectId, SubjectKind};

use super::mac::{self, Mac};
use super::snapshot::Snapshot;

/// Keys are short and many.
type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
type HashSet<K> = std::collections::HashSet<K, RandomState>;

/// IPv4 addresses without proof that one MAC address must carry to be a router's by their number.
const ADDRESSES_MANY: usize = 8;
/// Routers on the longest way that is taken for a way: TTLs further below an initial value are
/// taken for odd initial values.
const HOPS_MAX: u8 = 24;
/// Units that are remembered as holders of one address; more is no network but a flood.
const HOLDERS_MAX: usize = 64;
/// TTLs that senders begin with.
const TTLS_INITIAL: [u8; 4] = [32, 64, 128, 255];
/// TTLs that nearly all systems begin with.
const TTLS_OF_SYSTEMS: [u8; 2] = [64, 128];
/// Routers on the way of what an address on the link sends for others: what is further below is
/// taken for an odd initial value, or for a trace of a route.
const HOPS_HIDDEN_MAX: u8 = 3;
/// TTLs that few senders begin with: no sign of a router, nor of the contrary.
const TTLS_DOUBTFUL: [u8; 2] = [30, 60];

/// One host, as far as addresses tell, or one report of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A MAC address within a scope.
    Mac(u16, Mac),
    /// An IP address within a scope, where its own MAC address was not seen.
    Ip(u16, IpAddr),
    /// A reported subject.
    Reported(SubjectId),
}

/// What is known of a unit besides what it said.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnitState {
    /// It forwards packets for others.
    pub routes: bool,
    /// Several machines send from one address of it.
    pub shared: bool,
    /// When it was first seen, 0 never.
    pub first_seen_ns: u64,
    /// When it was last seen.
    pub last_seen_ns: u64,
}

/// To whom what a binding did belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To this unit.
    Unit(u32),
    /// To whoever held the address then.
    ByAddress,
    /// To nobody.
    Nobody,
}

/// A time during which a unit held an address.
#[derive(Clone, Copy, Debug)]
struct Holder {
    unit: u32,
    first_ns: u64,
    last_ns: u64,
    proven: bool,
}

/// The units of a table, and whose each subject is.
pub struct Bindings {
    /// Without repetition.
    pub units: Vec<Unit>,
    /// As `units`.
    pub states: Vec<UnitState>,
    by_unit: HashMap<Unit, u32>,
    places: Vec<Place>,
    holders: HashMap<(u16, IpAddr), Vec<Holder>>,
}

/// An address of an interface, over all VLANs.
#[derive(Default)]
struct Address {
    flags: SubjectFlags,
    ttl_min: u8,
    ttl_max: u8,
    sent: bool,
    first_ns: u64,
    last_ns: u64,
}

impl Address {
    fn low_ttl(&self) -> bool {
        let initial = TTLS_INITIAL
            .iter()
            .find(|initial| self.ttl_max <= **initial);
        let hops = initial.map_or(0, |initial| initial - self.ttl_max);
        self.ttl_max != 0
            && !TTLS_DOUBTFUL.contains(&self.ttl_max)
            && (1..=HOPS_MAX).contains(&hops)
    }

    /// Senders that begin with 64 and with 128 are so many hops behind it: systems of two makes
    /// behind one address. One system sends by one of the two.
    fn is_shared(&self) -> bool {
        self.ttl_min <= 64
            && self.ttl_max > 64
            && self.ttl_max < 128
            && self.ttl_min > 64 - HOPS_MAX
            && 64 - self.ttl_min == 128 - self.ttl_max
    }

    /// A packet that a router passed on came from it: an address that is held on the link sends
    /// such packets only for others, whatever they are made by.
    fn hides(&self) -> bool {
        [self.ttl_min, self.ttl_max].iter().any(|ttl| {
            let lost = |initial: &u8| initial.checked_sub(*ttl);
            let hops = TTLS_OF_SYSTEMS.iter().filter_map(lost);
            hops.into_iter()
                .any(|hops| (1..=HOPS_HIDDEN_MAX).contains(&hops))
        })
    }

    /// It cannot have been passed on. 32 is no sign: half the way from 64 looks the same.
    fn full_ttl(&self) -> bool {
        matches!(self.ttl_max, 64 | 128 | 255)
    }
}

/// What speaks for a MAC address to be a router's.
#[derive(Default)]
struct Signs {
    advertises: bool,
    low_ttls: usize,
    /// IPv4 addresses that it holds on the link.
    held: usize,
    unproven: usize,
    unproven_full: usize,
    prefixes: HashSet<[u8; 8]>,
}

impl Signs {
    fn routes(&self) -> bool {
        self.advertises
            || self.low_ttls > 0
            || self.unproven >= ADDRESSES_MANY
            || self.prefixes.len() >= ADDRESSES_MANY
    }
}

type Addresses = HashMap<(u16, Mac, IpAddr), Address>;

/// An address that one machine can have.
fn is_single(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified()),
        IpAddr::V6(v6) => !(v6.is_multicast() || v6.is_unspecified()),
    }
}

/// An address that no router passes on.
fn stays_on_link(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn address_of(subject: &Subject) -> Option<IpAddr> {
    subject.address.filter(is_single)
}

/// True for fields in which others speak of a device: they do not show that it is there.
pub fn is_hearsay(field: Field) -> bool {
    matches!(
        field,
        Field::HttpHost
            | Field::TlsServerName
            | Field::DicomAeTitle
            | Field::DnsQueryName
            | Field::DhcpOffer
    )
}

fn add_times(state: &mut UnitState, first_ns: u64, last_ns: u64) {
    if first_ns != 0 {
        let earlier = state.first_seen_ns == 0 || first_ns < state.first_seen_ns;
        state.first_seen_ns = if earlier {
            first_ns
        } else {
            state.first_seen_ns
        };
        state.last_seen_ns = state.last_seen_ns.max(last_ns).max(first_ns);
    }
}

impl Bindings {
    /// Finds the hosts.
    pub fn new(snapshot: &Snapshot<'_>) -> Self {
        let addresses = addresses(snapshot);
        let signs = signs(&addresses);
        let mut this = Self {
            units: Vec::new(),
            states: Vec::new(),
            by_unit: HashMap::default(),
            places: vec![Place::Nobody; snapshot.subjects.len()],
            holders: HashMap::default(),
        };
        this.place_own(snapshot, &addresses, &signs);
        this.place_remote(snapshot);
        this.place_links(snapshot);
        for (unit, state) in this.units.iter().zip(&mut this.states) {
            if let Unit::Mac(scope, mac) = unit {
                state.routes |= signs.get(&(*scope, *mac)).is_some_and(Signs::routes);
            }
        }
        this
    }

    /// Whose a record about a subject is: the unit that the subject belonged to at that time.
    pub fn owner(&self, snapshot: &Snapshot<'_>, id: SubjectId, times: (u64, u64)) -> Option<u32> {
        match *self.places.get(id.index())? {
            Place::Unit(unit) => Some(unit),
            Place::Nobody => None,
            Place::ByAddress => {
                let subject = &snapshot.subjects.get(id.index())?.subject;
                self.holder(subject.scope, address_of(subject)?, times)
            }
        }
    }

    /// True where the subject is its unit's own binding on the link, not what a router showed.
    pub fn is_own(&self, id: SubjectId) -> bool {
        matches!(self.places.get(id.index()), Some(Place::Unit(_)))
    }

    /// The unit of a MAC address.
    pub fn unit_of(&self, scope: u16, mac: &Mac) -> Option<u32> {
        self.by_unit.get(&Unit::Mac(scope, *mac)).copied()
    }

    /// Who held an address: the longest overlap with that time, else the nearest; then proof, then
    /// the latest.
    pub fn holder(&self, scope: u16, address: IpAddr, (first, last): (u64, u64)) -> Option<u32> {
        let holders = self.holders.get(&(scope, address))?;
        let best = holders.iter().max_by_key(|holder| {
            let overlap = last
                .min(holder.last_ns)
                .checked_sub(first.max(holder.first_ns));
            let gap = match overlap {
                Some(_) => 0,
                None => first.max(holder.first_ns) - last.min(holder.last_ns),
            };
            let order = (holder.last_ns, std::cmp::Reverse(holder.unit));
            (
                overlap.map(|ns| ns.saturating_add(1)),
                std::cmp::Reverse(gap),
                holder.proven,
                order,
            )
        });
        best.map(|holder| holder.unit)
    }

    fn unit(&mut self, unit: Unit) -> u32 {
        let next = u32::try_from(self.units.len()).unwrap_or(u32::MAX);
        let number = *self.by_unit.entry(unit).or_insert(next);
        if number == next {
            self.units.push(unit);
            self.states.push(UnitState::default());
        }
        number
    }

    fn set(&mut self, id: SubjectId, place: Place) {
        if let Some(slot) = self.places.get_mut(id.index()) {
            *slot = place;
        }
    }

    fn see(&mut self, unit: u32, first_ns: u64, last_ns: u64) {
        if let Some(state) = self.states.get_mut(unit as usize) {
            add_times(state, first_ns, last_ns);
        }
    }

    fn share(&mut self, unit: u32, shared: bool) {
        if let Some(state) = self.states.get_mut(unit as usize) {
            state.shared |= shared;
        }
    }

    /// As [`Self::share`], of an address that a router showed.
    fn share_behind(&mut self, unit: u32, subject: &Subject) {
        let seen = Address {
            ttl_min: subject.ttl_min,
            ttl_max: subject.ttl_max,
            ..Address::default()
        };
        self.share(unit, seen.is_shared());
    }

    /// Addresses that belong to the MAC address which carries them.
    fn place_own(
        &mut self,
        snapshot: &Snapshot<'_>,
        addresses: &Addresses,
        signs: &HashMap<(u16, Mac), Signs>,
    ) {
        let mut real: HashSet<(u16, IpAddr)> = HashSet::default();
        for (&(scope, mac, address), seen) in addresses {
            if seen.flags.on_link() && !mac::is_shared(&mac) {
                real.insert((scope, address));
            }
        }
        let groups = groups(addresses, &real);
        let mut held: BTreeSet<(u16, IpAddr, Mac)> = BTreeSet::new();
        for (id, subject) in each_binding(snapshot) {
            let (scope, mac) = (subject.scope, subject.mac);
            let Some(address) = address_of(subject) else {
                continue;
            };
            let Some(seen) = addresses.get(&(scope, mac, address)) else {
                continue;
            };
            let signs = signs.get(&(scope, mac));
            let routes = signs.filter(|signs| signs.routes());
            // With several addresses it may only answer for others (proxy ARP).
            let alone = routes.is_none() && signs.is_some_and(|signs| signs.held == 1);
            let host = *groups.get(&(scope, mac)).unwrap_or(&mac);
            let own = if mac::is_shared(&mac) {
                seen.flags.on_link() && !real.contains(&(scope, address))
            } else {
                is_own_address(&address, seen, routes)
            };
            // By the group's MAC address a router greets the others under an address of its own.
            let greets = host != mac
                && addresses
                    .get(&(scope, host, address))
                    .is_some_and(|seen| seen.flags.on_link());
            if greets {
                let unit = self.unit(Unit::Mac(scope, host));
                self.set(id, Place::Unit(unit));
            } else if own && !mac::names_nobody(&mac) {
                let unit = self.unit(Unit::Mac(scope, host));
                self.share(unit, seen.is_shared() || (alone && seen.hides()));
                self.set(id, Place::Unit(unit));
                held.insert((scope, address, mac));
            } else {
                self.set(id, Place::ByAddress);
                // Who forwards is there, whatever it forwards.
                if let Some(signs) = routes
                    && !mac::names_nobody(&mac)
                    && (!mac::is_shared(&mac) || signs.low_ttls > 0)
                {
                    let unit = self.unit(Unit::Mac(scope, host));
                    self.see(unit, subject.first_seen_ns, subject.last_seen_ns);
                }
            }
        }
        for (scope, address, mac) in held {
            if let Some(seen) = addresses.get(&(scope, mac, address)) {
                let host = *groups.get(&(scope, mac)).unwrap_or(&mac);
                let unit = self.unit(Unit::Mac(scope, host));
                self.see(unit, seen.first_ns, seen.last_ns);
                let holders = self.holders.entry((scope, address)).or_default();
                if holders.len() < HOLDERS_MAX {
                    holders.push(Holder {
                        unit,
                        first_ns: seen.first_ns,
                        last_ns: seen.last_ns,
                        proven: seen.flags.on_link(),
                    });
                }
            }
        }
    }

    /// Addresses of others: a host of their own where nobody held them on a link.
    fn place_remote(&mut self, snapshot: &Snapshot<'_>) {
        let mut found: BTreeSet<(u16, IpAddr)> = BTreeSet::new();
        for (id, subject) in each_binding(snapshot) {
            if self.places.get(id.index()) != Some(&Place::ByAddress) {
                continue;
            }
            let is_shown = snapshot
                .subjects
                .get(id.index())
                .is_some_and(|s| s.is_shown);
            let there = subject.first_seen_ns != 0 || subject.flags.on_link() || is_shown;
            let Some(address) = address_of(subject).filter(|_| there) else {
                continue;
            };
            let key = (subject.scope, address);
            if found.contains(&key) || !self.holders.contains_key(&key) {
                found.insert(key);
                let unit = self.unit(Unit::Ip(subject.scope, address));
                self.share_behind(unit, subject);
                self.see(unit, subject.first_seen_ns, subject.last_seen_ns);
                self.holders.entry(key).or_insert_with(|| {
                    vec![Holder {
                        unit,
                        first_ns: 0,
                        last_ns: u64::MAX,
                        proven: false,
                    }]
                });
            }
        }
    }

    /// Bindings of the link alone, and reported devices.
    fn place_links(&mut self, snapshot: &Snapshot<'_>) {
        for (place, seen) in (0..).zip(&snapshot.subjects) {
            let (id, subject) = (SubjectId(place), &seen.subject);
            let (first, last) = (subject.first_seen_ns, subject.last_seen_ns);
            if subject.kind == SubjectKind::Reported {
                let unit = self.unit(Unit::Reported(id));
                self.set(id, Place::Unit(unit));
                self.see(unit, first, last);
                continue;
            }
            let key = Unit::Mac(subject.scope, subject.mac);
            if subject.address.is_some() || mac::names_nobody(&subject.mac) {
                continue;
            }
            let there = seen.was_active() || seen.has_facts;
            let known = self.by_unit.contains_key(&key);
            if known || (there && !mac::is_shared(&subject.mac)) {
                let unit = self.unit(key);
                self.set(id, Place::Unit(unit));
                self.see(unit, first, last);
            }
        }
    }
}

/// Whose the MAC addresses of groups are: a router of the group sends by them under an address of
/// its own, which it also holds by a MAC address of its own; of several, the one that did so last.
fn groups(addresses: &Addresses, real: &HashSet<(u16, IpAddr)>) -> HashMap<(u16, Mac), Mac> {
    let mut speakers: HashMap<(u16, IpAddr), Vec<(Mac, u64)>> = HashMap::default();
    for (&(scope, mac, address), seen) in addresses {
        if mac::is_shared(&mac) && real.contains(&(scope, address)) {
            let speaker = (mac, seen.last_ns);
            speakers.entry((scope, address)).or_default().push(speaker);
        }
    }
    let mut owners: HashMap<(u16, Mac), (u64, Mac)> = HashMap::default();
    for (&(scope, mac, address), seen) in addresses {
        if !seen.flags.on_link() || mac::is_shared(&mac) || mac::names_nobody(&mac) {
            continue;
        }
        let said = speakers.get(&(scope, address)).into_iter().flatten();
        for (group, last_ns) in said {
            let owner = owners.entry((scope, *group)).or_default();
            *owner = (*last_ns, mac).max(*owner);
        }
    }
    owners
        .into_iter()
        .map(|(group, (_, mac))| (group, mac))
        .collect()
}

fn each_binding<'s>(snapshot: &'s Snapshot<'_>) -> impl Iterator<Item = (SubjectId, &'s Subject)> {
    (0..)
        .zip(&snapshot.subjects)
        .map(|(place, seen)| (SubjectId(place), &seen.subject))
        .filter(|(_, subject)| subject.kind == SubjectKind::Binding)
}

fn addresses(snapshot: &Snapshot<'_>) -> Addresses {
    let mut addresses = Addresses::default();
    for (_, subject) in each_binding(snapshot) {
        let Some(address) = address_of(subject) else {
            continue;
        };
        let key = (subject.scope, subject.mac, address);
        let seen = addresses.entry(key).or_default();
        seen.flags.insert(subject.flags);
        seen.ttl_max = seen.ttl_max.max(subject.ttl_max);
        seen.ttl_min = match seen.ttl_min {
            0 => subject.ttl_min,
            least => least.min(subject.ttl_min),
        };
        seen.sent |= subject.first_seen_ns != 0;
        let mut times = UnitState {
            first_seen_ns: seen.first_ns,
            last_seen_ns: seen.last_ns,
            ..UnitState::default()
        };
        add_times(&mut times, subject.first_seen_ns, subject.last_seen_ns);
        (seen.first_ns, seen.last_ns) = (times.first_seen_ns, times.last_seen_ns);
    }
    addresses
}

fn signs(addresses: &Addresses) -> HashMap<(u16, Mac), Signs> {
    let mut signs: HashMap<(u16, Mac), Signs> = HashMap::default();
    for ((scope, mac, address), seen) in addresses {
        if mac::names_nobody(mac) {
            continue;
        }
        let signs = signs.entry((*scope, *mac)).or_default();
        signs.advertises |= seen.flags.contains(SubjectFlags::ROUTER);
        let held = seen.flags.on_link() && address.is_ipv4() && !stays_on_link(address);
        signs.held += usize::from(held);
        if !seen.sent || seen.flags.on_link() || stays_on_link(address) {
            continue;
        }
        signs.low_ttls += usize::from(seen.low_ttl());
        match address {
            IpAddr::V4(_) => {
                signs.unproven += 1;
                signs.unproven_full += usize::from(seen.full_ttl());
            }
            // One interface has any number of addresses of one prefix, for privacy.
            IpAddr::V6(v6) => {
                if let Some(prefix) = v6.octets().first_chunk() {
                    signs.prefixes.insert(*prefix);
                }
            }
        }
    }
    signs
}

/// True where an address is that of the interface which carries it. `routes` are the signs of one
/// that forwards.
fn is_own_address(address: &IpAddr, seen: &Address, routes: Option<&Signs>) -> bool {
    if stays_on_link(address) || seen.flags.contains(SubjectFlags::ROUTER) {
        return seen.sent || seen.flags.on_link();
    }
    let Some(signs) = routes else {
        return seen.sent || seen.flags.on_link();
    };
    if seen.flags.on_link() {
        // A router that answers for others (proxy ARP) still lowers their TTL; one that hides
        // several behind its own address answers for itself.
        return !(seen.sent && seen.low_ttl()) || seen.is_shared();
    }
    // What it forwards has lost a hop; what has not is its own.
    seen.sent && signs.low_ttls > 0 && seen.full_ttl() && signs.unproven_full < ADDRESSES_MANY
}
