//! Which units are one device: by strong keys, and by evidence that a host made what it reports.
//! A key that many machines share joins nothing, and what an object says about equipment belongs
//! to its sender only where the sender is seen to be that equipment.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::Fact;
use medtap_table::vocabulary::{Attribute, Field};

use super::bindings::{Bindings, Unit};
use super::sets::Sets;
use super::snapshot::Snapshot;
use super::text::{
    bare, company, folded, is_default_ae, is_placeholder, same_company, same_station,
    udi_with_serial,
};
use super::trace::StrongKeys;
use super::{identity, mac};
use crate::trace::Rulings;

/// What a value must be sure to, to be a key.
const KEY_CONFIDENCE_MIN: u8 = 60;
/// Different values of one attribute of one unit that are looked at for keys.
const KEY_VALUES_MAX: usize = 8;

/// Messages by which laboratory equipment speaks of itself (HL7 v2 chapter 13).
const EQUIPMENT_MESSAGES: &[&str] = &[
    "esu_sender",
    "esr_sender",
    "ssu_sender",
    "ssr_sender",
    "inu_sender",
    "inr_sender",
    "eac_sender",
    "ear_sender",
    "ean_sender",
    "eqq_sender",
    "tcu_sender",
    "lsu_sender",
    "nmd_sender",
];

/// Parts in DICOM and DICOMweb of what passes on the objects of others, and names their
/// equipment too.
const PASSING_ROLES: &[&str] = &[
    "forwarder",
    "query_scp",
    "move_scp",
    "get_scp",
    "worklist_scp",
    "mpps_scp",
    "qido_server",
    "wado_server",
];

/// Why two units are one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
type Key = (Reason, String);

/// What one unit says, for keys.
pub struct Said<'a> {
    /// The facts of each unit.
    pub facts: &'a [Vec<&'a Fact<'static>>],
}

impl<'a> Said<'a> {
    fn of(&self, unit: u32) -> &'a [&'a Fact<'static>] {
        let facts = self.facts.get(unit as usize);
        facts.map(Vec::as_slice).unwrap_or_default()
    }

    /// Values that may be part of a key.
    fn values(&self, unit: u32, attribute: Attribute) -> impl Iterator<Item = &'a str> {
        self.of(unit)
            .iter()
            .filter(move |fact| {
                fact.attribute == attribute
                    && !fact.value_cut
                    && fact.confidence >= KEY_CONFIDENCE_MIN
            })
            .take(KEY_VALUES_MAX)
            .map(|fact| &*fact.value)
    }

    /// Whole texts of a field, as they were sent.
    fn raw(&self, unit: u32, field: Field) -> impl Iterator<Item = &'a str> {
        self.of(unit)
            .iter()
            .filter(move |fact| fact.field == field && !fact.raw_cut)
            .map(|fact| &*fact.raw)
    }
}

/// The joins under way.
pub struct Joins<'a> {
    snapshot: &'a Snapshot,
    bindings: &'a Bindings,
    said: &'a Said<'a>,
    /// Units that are one device.
    pub sets: Sets,
    /// Why they are, in order.
    pub joined: Vec<Joined>,
    /// Serial numbers of each set, by its root.
    serials: BTreeMap<u32, BTreeSet<String>>,
    /// What a person called each set, by its root.
    labels: BTreeMap<u32, String>,
    /// The unit of the reporter of each reported unit, by the unit.
    pub reporters: BTreeMap<u32, u32>,
}

impl<'a> Joins<'a> {
    /// Finds all joins.
    pub fn new(
        snapshot: &'a Snapshot,
        bindings: &'a Bindings,
        said: &'a Said<'a>,
        rulings: &Rulings,
    ) -> Self {
        let mut this = Self {
            snapshot,
            bindings,
            said,
            sets: Sets::new(bindings.units.len()),
            joined: Vec::new(),
            serials: BTreeMap::new(),
            labels: BTreeMap::new(),
            reporters: BTreeMap::new(),
        };
        this.find_reporters();
        this.find_serials();
        this.rule(rulings);
        this.join_keys();
        this.join_stations();
        this.join_ae_titles();
        this.join_originators();
        this.joined.sort_unstable();
        this
    }

    fn units(&self) -> impl Iterator<Item = (u32, Unit)> + use<'a> {
        (0..).zip(self.bindings.units.iter().copied())
    }

    fn find_reporters(&mut self) {
        for (number, unit) in self.units() {
            let Unit::Reported(id) = unit else { continue };
            let Some(seen) = self.snapshot.subjects.get(id.index()) else {
                continue;
            };
            let subject = &seen.subject;
            let times = (subject.first_seen_ns, subject.last_seen_ns);
            let reporter = subject
                .reporter
                .and_then(|reporter| self.bindings.owner(self.snapshot, reporter, times));
            if let Some(reporter) = reporter {
                self.reporters.insert(number, reporter);
            }
        }
    }

    fn find_serials(&mut self) {
        for (number, _) in self.units() {
            let serials: BTreeSet<String> = self
                .said
                .values(number, Attribute::SerialNumber)
                .filter(|serial| !is_placeholder(serial))
                .map(folded)
                .collect();
            if !serials.is_empty() {
                self.serials.insert(number, serials);
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
        if !proof
            && let (Some(a), Some(b)) = (self.serials.get(&a), self.serials.get(&b))
            && a.is_disjoint(b)
        {
            return false;
        }
        self.sets.join(a, b);
        let gone = self.serials.remove(&a.max(b)).unwrap_or_default();
        if !gone.is_empty() {
            self.serials.entry(a.min(b)).or_default().extend(gone);
        }
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
            let key = identity::unit_key(self.snapshot, unit);
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

    /// The keys of every unit that name one machine, and its station's.
    pub fn strong_keys(&self) -> StrongKeys {
        let strong = |(number, unit)| {
            let mut keys = self.keys(number, unit);
            keys.retain(|key| key.0 != Reason::Chassis);
            keys.extend(self.station(number).map(|key| (Reason::Station, key)));
            keys
        };
        self.units().map(strong).collect()
    }

    /// Keys that name one machine wherever they are read.
    fn join_keys(&mut self) {
        let mut first: BTreeMap<Key, u32> = BTreeMap::new();
        for (number, unit) in self.units() {
            for key in self.keys(number, unit) {
                match first.get(&key) {
                    Some(&known) => {
                        self.join(known, number, key.0, &key.1);
                    }
                    None => {
                        first.insert(key, number);
                    }
                }
            }
        }
    }

    fn keys(&self, number: u32, unit: Unit) -> Vec<Key> {
        let mut keys = Vec::new();
        let makers: Vec<String> = self
            .said
            .values(number, Attribute::Manufacturer)
            .map(|maker| company(maker).join(" "))
            .filter(|maker| !is_placeholder(maker))
            .collect();
        for serial in self.said.values(number, Attribute::SerialNumber) {
            if !is_placeholder(serial) {
                let serial = folded(serial);
                let key = |maker: &String| (Reason::Serial, format!("{maker}|{serial}"));
                keys.extend(makers.iter().map(key));
            }
        }
        let udis = self.said.values(number, Attribute::Udi);
        keys.extend(udis.filter_map(|udi| Some((Reason::Udi, udi_with_serial(udi)?))));
        match unit {
            Unit::Reported(id) => {
                let seen = self.snapshot.subjects.get(id.index());
                let identifier = seen.map(|seen| seen.subject.identifier);
                let strong = identifier.filter(|text| is_strong_identifier(text.as_str()));
                keys.extend(strong.map(|text| (Reason::Identifier, text.as_str().to_owned())));
            }
            // The ports of a switch have MAC addresses of their own, and one chassis.
            Unit::Mac(scope, own) => {
                let chassis = self.said.raw(number, Field::LldpChassisId);
                let macs = chassis.filter_map(mac::parse).take(KEY_VALUES_MAX);
                let single = macs.filter(|mac| !mac::names_nobody(mac));
                let all = single.chain([own]).filter(|mac| !mac::is_shared(mac));
                keys.extend(
                    all.map(|mac| (Reason::Chassis, format!("{scope}|{}", mac::text(&mac)))),
                );
            }
            Unit::Ip(..) => {}
        }
        keys
    }

    /// AE title, station name and model of a unit.
    fn station(&self, number: u32) -> Option<String> {
        let values = |attribute| self.said.values(number, attribute);
        let ae = values(Attribute::AeTitle).find(|ae| !is_default_ae(ae))?;
        let station = values(Attribute::StationName).find(|name| !is_placeholder(name))?;
        let model = values(Attribute::Model).find(|model| !is_placeholder(model))?;
        Some(format!(
            "{}|{}|{}",
            folded(ae),
            folded(station),
            folded(model)
        ))
    }

    /// AE title, station name and model together.
    fn join_stations(&mut self) {
        let mut first: BTreeMap<String, u32> = BTreeMap::new();
        for (number, _) in self.units() {
            let Some(key) = self.station(number) else {
                continue;
            };
            match first.get(&key) {
                Some(&known) => {
                    self.join(known, number, Reason::Station, &key);
                }
                None => {
                    first.insert(key, number);
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
            let seen = self.snapshot.subjects.get(id.index());
            let identifier = seen.map(|seen| seen.subject.identifier).unwrap_or_default();
            if let Some(ae) = identifier.as_str().strip_prefix("dicom:ae|") {
                named.entry(folded(ae)).or_default().push(number);
                continue;
            }
            for ae in self.said.raw(number, Field::DicomStationAeTitle) {
                let root = self.sets.root(number);
                stations.entry(folded(ae)).or_default().insert(root);
            }
        }
        let mut modalities: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        for (root, own) in self.hosts_by_root() {
            let host = Host::new(self.said, &own);
            for ae in host.ae_titles.iter().filter(|_| host.is_modality()) {
                modalities.entry(folded(ae)).or_default().insert(root);
            }
        }
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
        let hosts = self.hosts_by_root();
        // Device → those that seem to be it, with the evidence.
        let mut claims: BTreeMap<u32, Vec<(u32, Reason, String)>> = BTreeMap::new();
        for (&reporter, devices) in &reports {
            let own = hosts.get(&reporter).map(Vec::as_slice).unwrap_or_default();
            let host = Host::new(self.said, own);
            if let Some((device, reason, key)) = originated(self.said, &host, devices) {
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
    fn hosts_by_root(&mut self) -> BTreeMap<u32, Vec<u32>> {
        let mut hosts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (number, unit) in self.units() {
            if !matches!(unit, Unit::Reported(_)) {
                hosts
                    .entry(self.sets.root(number))
                    .or_default()
                    .push(number);
            }
        }
        hosts
    }
}

/// What a host is known by, and what it does.
struct Host<'a> {
    /// AE titles of its own that no program came with.
    ae_titles: Vec<&'a str>,
    /// Names of its own.
    names: Vec<&'a str>,
    /// Identifiers by which its messages name their sender.
    ids: Vec<&'a str>,
    /// Makers of its software.
    vendors: Vec<&'a str>,
    /// It passes on objects of others, or serves them: what it sends tells nothing about it.
    passes_on: bool,
    /// It receives objects.
    stores: bool,
    /// It sends objects.
    sends: bool,
    /// It asks for its work or tells how it goes.
    works: bool,
    /// It is laboratory equipment that sends messages about equipment, and receives none.
    is_equipment: bool,
}

impl<'a> Host<'a> {
    fn new(said: &Said<'a>, own: &[u32]) -> Self {
        let texts = |field: Field| {
            let of = move |unit: &u32| said.raw(*unit, field);
            own.iter().flat_map(of)
        };
        let roles: BTreeSet<&str> = texts(Field::DicomRole)
            .chain(texts(Field::DicomwebRole))
            .collect();
        let plays = |any: &[&str]| any.iter().any(|role| roles.contains(role));
        let names = |unit: &u32| said.values(*unit, Attribute::Hostname);
        let mut messages = texts(Field::Hl7Role);
        let equipment = messages.any(|role| EQUIPMENT_MESSAGES.contains(&role));
        let receives = texts(Field::Hl7Role).any(|role| role.ends_with("_receiver"));
        Self {
            ae_titles: texts(Field::DicomAeTitle)
                .filter(|ae| !is_default_ae(ae))
                .take(KEY_VALUES_MAX)
                .collect(),
            names: own.iter().flat_map(names).take(KEY_VALUES_MAX).collect(),
            ids: texts(Field::Hl7DeviceId).take(KEY_VALUES_MAX).collect(),
            vendors: texts(Field::Hl7SoftwareVendor)
                .take(KEY_VALUES_MAX)
                .collect(),
            passes_on: plays(PASSING_ROLES),
            stores: plays(&["storage_scp", "stow_server"]),
            sends: plays(&["storage_scu", "stow_client"]),
            works: plays(&["worklist_scu", "mpps_scu"]),
            is_equipment: equipment && !receives,
        }
    }

    /// It does what equipment does that makes images, and nothing else.
    fn is_modality(&self) -> bool {
        self.works && !self.stores && !self.passes_on
    }
}

/// The one device that a reporter seems to be. `devices` are those that it reports.
fn originated(
    said: &Said<'_>,
    host: &Host<'_>,
    devices: &BTreeMap<u32, Vec<u32>>,
) -> Option<(u32, Reason, String)> {
    let mut best: Option<(u32, Reason, String)> = None;
    let mut several = false;
    for (&device, reports) in devices {
        let Some((reason, key)) = evidence(said, host, reports) else {
            continue;
        };
        match &best {
            Some((_, known, _)) if *known < reason => {}
            Some((_, known, _)) if *known == reason => several = true,
            _ => {
                several = false;
                best = Some((device, reason, key));
            }
        }
    }
    if best.is_some() {
        return best.filter(|_| !several);
    }
    let (Some((&device, reports)), 1) = (devices.first_key_value(), devices.len()) else {
        return None;
    };
    if host.is_modality()
        && host.sends
        && let Some(ae) = host.ae_titles.first()
    {
        return Some((device, Reason::OwnModality, (*ae).to_owned()));
    }
    if let Some(name) = speaks_alone(said, reports) {
        return Some((device, Reason::OwnGreeting, name));
    }
    let maker = speaks_of_itself(said, host, reports)?;
    Some((device, Reason::OwnAnalyzer, maker))
}

/// An instrument that greets its host by its own name (LIS2-A2, POCT1-A): these are spoken by the
/// instrument itself, so the one that a host speaks as is that host. A docking station or a
/// terminal server speaks as several.
fn speaks_alone(said: &Said<'_>, reports: &[u32]) -> Option<String> {
    let greetings = [
        Field::AstmSender,
        Field::Poct1DeviceId,
        Field::Poct1Serial,
        Field::Poct1Model,
    ];
    let mut names = reports.iter().flat_map(|unit| {
        let of = move |field| said.raw(*unit, field).next();
        greetings.into_iter().filter_map(of)
    });
    names.next().map(str::to_owned)
}

/// That a reporter has the AE title or the name of what it reports.
fn evidence(said: &Said<'_>, host: &Host<'_>, reports: &[u32]) -> Option<(Reason, String)> {
    if host.passes_on {
        return None;
    }
    let all = |field: Field| reports.iter().flat_map(move |unit| said.raw(*unit, field));
    for ae in all(Field::DicomStationAeTitle).filter(|ae| !is_default_ae(ae)) {
        if host.ae_titles.iter().any(|own| folded(own) == folded(ae)) {
            return Some((Reason::OwnAeTitle, ae.to_owned()));
        }
    }
    // The header names the sender by the identifier that the device has in its row.
    let entity = |id: &'_ str| id.split('^').next().unwrap_or_default().to_owned();
    let own = |id: &str| host.ids.iter().any(|own| own.eq_ignore_ascii_case(id));
    if let Some(id) = all(Field::Hl7DeviceId).map(entity).find(|id| own(id)) {
        return Some((Reason::OwnStation, id));
    }
    let names = || host.names.iter().chain(&host.ae_titles);
    let is_own = |station: &&str| names().any(|own| same_station(own, station));
    let station = all(Field::DicomStationName).find(is_own);
    station.map(|station| (Reason::OwnStation, station.to_owned()))
}

/// Laboratory equipment that names itself: it sends equipment messages, receives none, and its
/// software is of the equipment's maker. Gateways of other devices do not send these.
fn speaks_of_itself(said: &Said<'_>, host: &Host<'_>, reports: &[u32]) -> Option<String> {
    if !host.is_equipment {
        return None;
    }
    let makers = |unit: &u32| {
        let named = said.raw(*unit, Field::Hl7DeviceManufacturer);
        // Of an entity identifier, the namespace and the universal id may name the maker.
        let parts = said.raw(*unit, Field::Hl7DeviceId);
        named.chain(parts.flat_map(|id| id.split('^').skip(1)))
    };
    let is_vendor = |maker: &&str| {
        let mut vendors = host.vendors.iter();
        vendors.any(|vendor| same_company(vendor, maker))
    };
    let maker = reports.iter().flat_map(makers).find(is_vendor);
    maker.map(str::to_owned)
}

/// True for an identifier that is of one machine, whoever reports it.
pub fn is_strong_identifier(identifier: &str) -> bool {
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
        ("hl7:ei", [entity, space]) => real(entity) && real(space),
        // Shortened, with a hash of the whole at its end: as good as the whole, but its parts
        // cannot be judged.
        _ => false,
    }
}
