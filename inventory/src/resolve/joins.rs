//! Which units are one device: by strong keys, and by evidence that a host made what it reports.
//! A key that many machines share joins nothing, and what an object says about equipment belongs
//! to its sender only where the sender is seen to be that equipment.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::net::Ipv4Addr;

use foldhash::fast::RandomState;
use medtap_table::vocabulary::{Attribute, Field};
use medtap_table::{StoredFact, SubjectId};
use rayon::prelude::*;

use super::bindings::{Bindings, Unit};
use super::identity;
use super::mac::{self, Mac};
use super::originators::{Host, originated};
use super::said::{KEY_VALUES_MAX, Said, Words};
use super::sets::Sets;
use super::snapshot::Snapshot;
use super::text::{bare, company, folded, is_default_ae, is_placeholder, udi_with_serial};
use crate::trace::{Rulings, is_of_internetwork};
use crate::twin::Twin;

/// Why two units are one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The same maker and serial number.
    Serial,
    /// The same UDI, with its serial number.
    Udi,
    /// The same identifier in two reports.
    Identifier,
    /// The same AE title, station name and model.
    Station,
    /// The same LLDP chassis.
    Chassis,
    /// A report names the AE title of one device alone.
    AeTitle,
    /// A report names the address of a device that says the same number of itself.
    Address,
    /// The reporter has the AE title that its report names as the equipment's.
    OwnAeTitle,
    /// The reporter has the name of the station that it reports.
    OwnStation,
    /// The reporter works as a modality, and reports one device alone.
    OwnModality,
    /// The reporter is laboratory equipment that speaks of itself.
    OwnAnalyzer,
    /// The reporter is the instrument that greets through it, and nobody else does.
    OwnGreeting,
    /// A person said so.
    ByHand,
}

impl Reason {
    /// The name that memory and people use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Udi => "udi",
            Self::Identifier => "identifier",
            Self::Station => "station",
            Self::Chassis => "chassis",
            Self::AeTitle => "ae_title",
            Self::Address => "address",
            Self::OwnAeTitle => "own_ae_title",
            Self::OwnStation => "own_station",
            Self::OwnModality => "own_modality",
            Self::OwnAnalyzer => "own_analyzer",
            Self::OwnGreeting => "own_greeting",
            Self::ByHand => "by hand",
        }
    }
}

/// One join.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Joined {
    /// A unit of the device that came about.
    pub unit: u32,
    /// Why.
    pub reason: Reason,
    /// The value that both have.
    pub key: String,
}

/// A key that names one machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A text that several may bear, comparable, and what kind of key it is.
    Text(Reason, String),
    /// The MAC address of a chassis, in its scope. It is one of nearly every unit, so it becomes
    /// a text only where it joins.
    Chassis(u16, Mac),
}

impl Key {
    /// Why units that have it are one device.
    fn reason(&self) -> Reason {
        match self {
            Self::Text(reason, _) => *reason,
            Self::Chassis(..) => Reason::Chassis,
        }
    }

    /// For people.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(_, text) => text.into(),
            Self::Chassis(scope, mac) => format!("{scope}|{}", mac::text(mac)).into(),
        }
    }
}

/// A serial number that several machines bear: it is the key of none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// Units that bear it.
    pub units: Vec<u32>,
    /// How sure it is that they are several machines.
    pub confidence: u8,
}

/// Units of one key that are compared: more machines than that are told apart by the first.
const TWINS_MAX: usize = 8;

/// What units are joined by: who they are, and what they say.
#[derive(Clone, Copy)]
pub struct Grounds<'a> {
    /// The table.
    pub snapshot: &'a Snapshot<'a>,
    /// The units.
    pub bindings: &'a Bindings,
    /// What they say.
    pub said: &'a Said,
}

impl Grounds<'_> {
    /// What a unit says, as it lies in the table.
    fn stored(&self, unit: u32) -> Vec<StoredFact> {
        self.said.stored_for_joins(self.snapshot, unit)
    }

    fn words<'s>(&self, stored: &'s [StoredFact]) -> Words<'s> {
        Words::new(self.snapshot, stored)
    }

    /// What each of several units says, as it lies in the table.
    fn stored_of(&self, units: &[u32]) -> Vec<Vec<StoredFact>> {
        units.iter().map(|unit| self.stored(*unit)).collect()
    }

    fn words_of<'s>(&self, stored: &'s [Vec<StoredFact>]) -> Vec<Words<'s>> {
        stored.iter().map(|stored| self.words(stored)).collect()
    }

    fn unit(&self, number: u32) -> Option<Unit> {
        self.bindings.units.get(number as usize).copied()
    }

    /// The keys of a unit that name one machine, its chassis, and its station's.
    pub fn all_keys(&self, number: u32) -> Vec<Key> {
        let stored = self.stored(number);
        let words = self.words(&stored);
        let mut keys = self.keys(number, &words);
        keys.extend(station(&words).map(|key| Key::Text(Reason::Station, key)));
        keys
    }

    /// Keys that name one machine wherever they are read.
    fn keys(&self, number: u32, words: &Words<'_>) -> Vec<Key> {
        let mut keys = Vec::new();
        let serials = words.values(Attribute::SerialNumber);
        let serials: Vec<&str> = serials.filter(|serial| !is_placeholder(serial)).collect();
        // Few units say both.
        let makers: Vec<String> = words
            .values(Attribute::Manufacturer)
            .filter(|_| !serials.is_empty())
            .map(company)
            .filter(|maker| !is_placeholder(maker))
            .collect();
        for serial in serials {
            let serial = folded(serial);
            let key = |maker: &String| Key::Text(Reason::Serial, format!("{maker}|{serial}"));
            keys.extend(makers.iter().map(key));
        }
        let udis = words.values(Attribute::Udi);
        keys.extend(udis.filter_map(|udi| Some(Key::Text(Reason::Udi, udi_with_serial(udi)?))));
        match self.unit(number) {
            Some(Unit::Reported(id)) => {
                let machine = machine(self.snapshot, id);
                keys.extend(machine.map(|text| Key::Text(Reason::Identifier, text)));
            }
            // The ports of a switch have MAC addresses of their own, and one chassis.
            Some(Unit::Mac(scope, own)) => {
                let chassis = words.raw(Field::LldpChassisId);
                let macs = chassis.filter_map(mac::parse).take(KEY_VALUES_MAX);
                let single = macs.filter(|mac| !mac::names_nobody(mac));
                let all = single.chain([own]).filter(|mac| !mac::is_shared(mac));
                keys.extend(all.map(|mac| Key::Chassis(scope, mac)));
            }
            Some(Unit::Ip(..)) | None => {}
        }
        keys
    }

    /// What a unit says of itself, to be told from another with the same serial number.
    fn twin(&self, number: u32) -> Twin {
        let mac = match self.unit(number) {
            Some(Unit::Mac(_, mac)) => Some(mac::text(&mac)),
            _ => None,
        };
        let state = self.bindings.states.get(number as usize).copied();
        let state = state.unwrap_or_default();
        let times = (state.first_seen_ns, state.last_seen_ns);
        let macs: Vec<String> = mac.into_iter().collect();
        let stored = self.stored(number);
        Twin::new(self.words(&stored).sure(), &macs, times)
    }

    /// The serial numbers that several of these units bear, though they are several machines.
    fn contested(&self, sharing: &[(u32, Vec<Key>)]) -> BTreeMap<Key, Contested> {
        let mut bearers: BTreeMap<&Key, Vec<u32>> = BTreeMap::new();
        for (number, keys) in sharing {
            for key in keys {
                if matches!(key.reason(), Reason::Serial | Reason::Udi) {
                    bearers.entry(key).or_default().push(*number);
                }
            }
        }
        let contested = |(key, mut units): (&Key, Vec<u32>)| {
            units.dedup();
            let twins = units.iter().take(TWINS_MAX);
            let twins: Vec<Twin> = twins.map(|unit| self.twin(*unit)).collect();
            let pairs = twins.iter().enumerate().flat_map(|(at, one)| {
                let others = twins.iter().skip(at + 1);
                others.filter_map(|other| one.differs(other))
            });
            let confidence = pairs.max()?;
            Some((key.clone(), Contested { units, confidence }))
        };
        bearers.into_iter().filter_map(contested).collect()
    }

    /// Serial numbers of a unit.
    fn serials(&self, number: u32) -> BTreeSet<String> {
        let stored = self.stored(number);
        let words = self.words(&stored);
        let serials = words.values(Attribute::SerialNumber);
        let real = serials.filter(|serial| !is_placeholder(serial));
        real.map(folded).collect()
    }

    /// Units that have a key in common with another, in order, as far as hashes tell: the only
    /// ones whose keys need to be compared.
    fn sharing(&self) -> Vec<u32> {
        // What has the same hash by chance, or by somebody's design, is only compared in vain.
        let state = RandomState::default();
        let count = u32::try_from(self.bindings.units.len()).unwrap_or(u32::MAX);
        let mut hashes: Vec<(u64, u32)> = (0..count)
            .into_par_iter()
            .flat_map_iter(|unit| {
                let keys = self.all_keys(unit).into_iter();
                let state = &state;
                keys.map(move |key| (state.hash_one(&key), unit))
            })
            .collect();
        hashes.par_sort_unstable();
        hashes.dedup();
        let same = hashes.chunk_by(|a, b| a.0 == b.0);
        let several = same.filter(|same| same.len() > 1).flatten();
        let mut units: Vec<u32> = several.map(|(_, unit)| *unit).collect();
        units.sort_unstable();
        units.dedup();
        units
    }
}

/// AE title, station name and model of a unit.
fn station(words: &Words<'_>) -> Option<String> {
    let ae = words
        .values(Attribute::AeTitle)
        .find(|ae| !is_default_ae(ae))?;
    let named = |attribute| {
        let mut values = words.values(attribute);
        values.find(|name| !is_placeholder(name))
    };
    let station = named(Attribute::StationName)?;
    let model = named(Attribute::Model)?;
    Some(format!(
        "{}|{}|{}",
        folded(ae),
        folded(station),
        folded(model)
    ))
}

/// The joins under way.
pub struct Joins<'a> {
    grounds: Grounds<'a>,
    /// Units that are one device.
    pub sets: Sets,
    /// Why they are, in order.
    pub joined: Vec<Joined>,
    /// Serial numbers of each set that was looked at, by its root.
    serials: BTreeMap<u32, BTreeSet<String>>,
    /// What a person called each set, by its root.
    labels: BTreeMap<u32, String>,
    /// The unit of the reporter of each reported unit, by the unit.
    pub reporters: BTreeMap<u32, u32>,
    /// Serial numbers that join nothing.
    pub contested: BTreeMap<Key, Contested>,
}

impl<'a> Joins<'a> {
    /// Finds all joins.
    pub fn new(grounds: Grounds<'a>, rulings: &Rulings) -> Self {
        let mut this = Self {
            grounds,
            sets: Sets::new(grounds.bindings.units.len()),
            joined: Vec::new(),
            serials: BTreeMap::new(),
            labels: BTreeMap::new(),
            reporters: BTreeMap::new(),
            contested: BTreeMap::new(),
        };
        this.find_reporters();
        this.rule(rulings);
        this.join_keys();
        this.join_ae_titles();
        this.join_addresses();
        this.join_originators();
        this.joined.sort_unstable();
        this
    }

    fn units(&self) -> impl Iterator<Item = (u32, Unit)> + use<'a> {
        (0..).zip(self.grounds.bindings.units.iter().copied())
    }

    fn find_reporters(&mut self) {
        let Grounds {
            snapshot, bindings, ..
        } = self.grounds;
        for (number, unit) in self.units() {
            let Unit::Reported(id) = unit else { continue };
            let Some(seen) = snapshot.subjects.get(id.index()) else {
                continue;
            };
            let subject = &seen.subject;
            let times = (subject.first_seen_ns, subject.last_seen_ns);
            let reporter = subject
                .reporter
                .and_then(|reporter| bindings.owner(snapshot, reporter, times));
            if let Some(reporter) = reporter {
                self.reporters.insert(number, reporter);
            }
        }
    }

    /// Joins two units. What is no proof by itself does not join two different serial numbers.
    fn join(&mut self, a: u32, b: u32, reason: Reason, key: &str) -> bool {
        let (a, b) = (self.sets.root(a), self.sets.root(b));
        if a == b {
            return false;
        }
        if let (Some(a), Some(b)) = (self.labels.get(&a), self.labels.get(&b))
            && a != b
        {
            return false;
        }
        let proof = matches!(
            reason,
            Reason::Serial | Reason::Udi | Reason::Identifier | Reason::ByHand
        );
        let grounds = self.grounds;
        for root in [a, b] {
            // A set that was never joined is one unit.
            let serials = self.serials.entry(root);
            serials.or_insert_with(|| grounds.serials(root));
        }
        if !proof
            && let (Some(a), Some(b)) = (self.serials.get(&a), self.serials.get(&b))
            && !a.is_empty()
            && !b.is_empty()
            && a.is_disjoint(b)
        {
            return false;
        }
        self.sets.join(a, b);
        let gone = self.serials.remove(&a.max(b)).unwrap_or_default();
        self.serials.entry(a.min(b)).or_default().extend(gone);
        if let Some(label) = self.labels.remove(&a.max(b)) {
            self.labels.insert(a.min(b), label);
        }
        let (unit, key) = (a.min(b), key.to_owned());
        self.joined.push(Joined { unit, reason, key });
        true
    }

    /// What a person decided goes before everything else.
    fn rule(&mut self, rulings: &Rulings) {
        if rulings.labels.is_empty() {
            return;
        }
        let mut first: BTreeMap<&String, u32> = BTreeMap::new();
        for (number, unit) in self.units() {
            let key = identity::unit_key(self.grounds.snapshot, unit);
            let Some(label) = key.and_then(|key| rulings.labels.get(&key)) else {
                continue;
            };
            self.labels.insert(self.sets.root(number), label.clone());
            match first.get(label) {
                Some(&known) => {
                    self.join(known, number, Reason::ByHand, label);
                }
                None => {
                    first.insert(label, number);
                }
            }
        }
    }

    /// Joins what has a key in common, in the order of units: first those that name one machine
    /// wherever they are read, then AE title, station name and model together. What several
    /// machines bear joins nothing.
    fn join_keys(&mut self) {
        let grounds = self.grounds;
        let sharing = grounds.sharing().into_iter();
        let sharing: Vec<(u32, Vec<Key>)> =
            sharing.map(|unit| (unit, grounds.all_keys(unit))).collect();
        self.contested = self.grounds.contested(&sharing);
        for stations in [false, true] {
            let mut first: BTreeMap<&Key, u32> = BTreeMap::new();
            for (number, keys) in &sharing {
                let of_stage = keys
                    .iter()
                    .filter(|key| (key.reason() == Reason::Station) == stations);
                for key in of_stage {
                    if self.contested.contains_key(key) {
                        continue;
                    }
                    match first.get(key) {
                        Some(&known) => {
                            self.join(known, *number, key.reason(), &key.text());
                        }
                        None => {
                            first.insert(key, *number);
                        }
                    }
                }
            }
        }
    }

    /// A work list or a procedure step names an AE title alone: that of the one device whose
    /// station has it, or else of the one modality that calls itself so.
    fn join_ae_titles(&mut self) {
        let mut named: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut stations: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (number, unit) in self.units() {
            let Unit::Reported(id) = unit else { continue };
            let seen = self.grounds.snapshot.subjects.get(id.index());
            let identifier = seen.map(|seen| seen.subject.identifier).unwrap_or_default();
            if let Some(ae) = identifier.as_str().strip_prefix("dicom:ae|") {
                named.entry(folded(ae)).or_default().push(number);
                continue;
            }
            let stored = self.grounds.stored(number);
            let words = self.grounds.words(&stored);
            for ae in words.raw(Field::DicomStationAeTitle) {
                let root = self.sets.root(number);
                stations.entry(folded(ae)).or_default().insert(root);
            }
        }
        let modalities = match named.keys().all(|ae| stations.contains_key(ae)) {
            true => BTreeMap::new(),
            false => self.modalities(),
        };
        for (ae, numbers) in named {
            let known = stations.get(&ae).or_else(|| modalities.get(&ae));
            let mut known = known.into_iter().flatten();
            let (Some(&one), None) = (known.next(), known.next()) else {
                continue;
            };
            for number in numbers.iter().filter(|_| !is_default_ae(&ae)) {
                self.join(one, *number, Reason::AeTitle, &ae);
            }
        }
    }

    /// What a BBMD forwards names its maker's address: it is the device that has it and the maker's
    /// number, or the BBMD itself. What routers pass on is joined by none: who makes a message up
    /// may name any station.
    fn join_addresses(&mut self) {
        let Grounds {
            snapshot, bindings, ..
        } = self.grounds;
        // Many reports may name one address: what its holder says is looked up once.
        let mut numbers = BTreeMap::new();
        for (number, unit) in self.units() {
            let Unit::Reported(id) = unit else { continue };
            let subject = |id: SubjectId| Some(&snapshot.subjects.get(id.index())?.subject);
            let Some(report) = subject(id) else { continue };
            let name = report.identifier.as_str();
            let reporter = report.reporter.and_then(subject);
            let (Some(reporter), Some((device, address))) = (reporter, forwarded(name)) else {
                continue;
            };
            let times = (report.first_seen_ns, report.last_seen_ns);
            let Some(holder) = bindings.holder(reporter.scope, address.into(), times) else {
                continue;
            };
            let is_own = self.reporters.get(&number) == Some(&holder);
            let said = numbers
                .entry(holder)
                .or_insert_with(|| self.bacnet_numbers(holder));
            if is_own || said.contains(device) {
                self.join(holder, number, Reason::Address, &address.to_string());
            }
        }
    }

    /// The numbers that a unit says that it has as a BACnet device.
    fn bacnet_numbers(&self, unit: u32) -> BTreeSet<String> {
        let stored = self.grounds.stored(unit);
        let words = self.grounds.words(&stored);
        words
            .raw(Field::BacnetInstance)
            .map(str::to_owned)
            .collect()
    }

    /// Hosts that do what makers of images do, by what they call themselves.
    fn modalities(&mut self) -> BTreeMap<String, BTreeSet<u32>> {
        let grounds = self.grounds;
        // Who says nothing of a part in DICOM plays none.
        let players = grounds.said.players().iter();
        let players: BTreeSet<u32> = players.map(|unit| self.sets.root(*unit)).collect();
        let hosts = self.hosts_of(|root| players.contains(&root));
        let hosts: Vec<(u32, Vec<u32>)> = hosts.into_iter().collect();
        let titles = |(root, own): &(u32, Vec<u32>)| {
            let stored = grounds.stored_of(own);
            let own = grounds.words_of(&stored);
            let host = Host::new(&own);
            let titles = host.ae_titles.iter().filter(|_| host.is_modality());
            let titles: Vec<String> = titles.map(|ae| folded(ae)).collect();
            (*root, titles)
        };
        let titles: Vec<(u32, Vec<String>)> = hosts.par_iter().map(titles).collect();
        let mut modalities: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (root, titles) in titles {
            for ae in titles {
                modalities.entry(ae).or_default().insert(root);
            }
        }
        modalities
    }

    /// Reports to the reporters that made them.
    fn join_originators(&mut self) {
        // Reporter → the devices that it reports, each with the units that report them.
        let mut reports: BTreeMap<u32, BTreeMap<u32, Vec<u32>>> = BTreeMap::new();
        for (&report, &reporter) in &self.reporters {
            let (reporter, device) = (self.sets.root(reporter), self.sets.root(report));
            if reporter != device {
                let devices = reports.entry(reporter).or_default();
                devices.entry(device).or_default().push(report);
            }
        }
        let hosts = self.hosts_of(|root| reports.contains_key(&root));
        // Device → those that seem to be it, with the evidence.
        let mut claims: BTreeMap<u32, Vec<(u32, Reason, String)>> = BTreeMap::new();
        for (&reporter, devices) in &reports {
            let grounds = self.grounds;
            let own = hosts.get(&reporter).map(Vec::as_slice).unwrap_or_default();
            let own = grounds.stored_of(own);
            let own = grounds.words_of(&own);
            let host = Host::new(&own);
            let devices = devices.iter();
            let stored: Vec<(u32, Vec<Vec<StoredFact>>)> = devices
                .map(|(device, units)| (*device, grounds.stored_of(units)))
                .collect();
            let devices = stored.iter();
            let devices = devices.map(|(device, stored)| (*device, grounds.words_of(stored)));
            if let Some((device, reason, key)) = originated(&host, &devices.collect()) {
                claims
                    .entry(device)
                    .or_default()
                    .push((reporter, reason, key));
            }
        }
        for (device, mut claims) in claims {
            // Where two seem to be it, neither is sure to be.
            if let (Some((reporter, reason, key)), true) = (claims.pop(), claims.is_empty()) {
                self.join(reporter, device, reason, &key);
            }
        }
    }

    /// The units with addresses, by the set that they belong to.
    fn hosts_of(&mut self, wanted: impl Fn(u32) -> bool) -> BTreeMap<u32, Vec<u32>> {
        let mut hosts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (number, unit) in self.units() {
            let root = self.sets.root(number);
            if !matches!(unit, Unit::Reported(_)) && wanted(root) {
                hosts.entry(root).or_default().push(number);
            }
        }
        hosts
    }
}

/// What a reported device is called where that is one machine, whoever reports it: in one address
/// space, for a device of a BACnet internetwork.
pub fn machine(snapshot: &Snapshot<'_>, id: SubjectId) -> Option<String> {
    let subject = |id: SubjectId| Some(&snapshot.subjects.get(id.index())?.subject);
    let reported = subject(id)?;
    let identifier = reported.identifier.as_str();
    let strong = || is_strong_identifier(identifier).then(|| identifier.to_owned());
    match is_of_internetwork(identifier) {
        true => {
            let reporter = reported.reporter.and_then(subject)?;
            Some(format!("{}|{}", strong()?, reporter.scope))
        }
        false => strong(),
    }
}

/// The number and the address of a BACnet device whose broadcast was forwarded:
/// `bacnet|number|0|address and port`.
fn forwarded(identifier: &str) -> Option<(&str, Ipv4Addr)> {
    let (device, place) = identifier.strip_prefix("bacnet|")?.split_once('|')?;
    let place = place.strip_prefix("0|").filter(|place| place.len() == 12)?;
    let address = u32::from_str_radix(place.get(..8)?, 16).ok()?;
    Some((device, address.into()))
}

/// True for an identifier that is of one machine, whoever reports it.
fn is_strong_identifier(identifier: &str) -> bool {
    let mut parts = identifier.split('|');
    let scheme = parts.next().unwrap_or_default();
    let parts: Vec<&str> = parts.collect();
    let real = |text: &&str| !is_placeholder(text);
    match (scheme, parts.as_slice()) {
        ("dicom:serial" | "hl7:serial" | "fhir:serial" | "poct1:serial", [maker, .., serial]) => {
            real(serial) && !bare(maker).is_empty()
        }
        ("dicom:station", [maker, model, station]) => {
            real(station) && real(model) && !bare(maker).is_empty() && !is_default_ae(station)
        }
        ("dicom:ae", [ae]) => !is_default_ae(ae),
        ("bacnet", [_, _, _]) => true,
        ("hl7:ei", [entity, space]) => real(entity) && real(space),
        // Shortened, with a hash of the whole at its end: as good as the whole, but its parts
        // cannot be judged.
        _ => false,
    }
}
