//! Which reported device a reporter is itself: by names that both have, by what only equipment
//! does, and by how an instrument speaks. It joins nothing; where two seem to be it, that is not
//! its decision.

use std::collections::{BTreeMap, BTreeSet};

use medtap_table::vocabulary::{Attribute, Field};

use super::joins::Reason;
use super::said::{KEY_VALUES_MAX, Words};
use super::text::{folded, is_default_ae, same_company, same_station};

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

/// What a host is known by, and what it does.
pub struct Host<'a> {
    /// AE titles of its own that no program came with.
    pub ae_titles: Vec<&'a str>,
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
    /// What the units of a host say of it.
    pub fn new(own: &'a [Words<'_>]) -> Self {
        let texts = |field: Field| own.iter().flat_map(move |unit| unit.raw(field));
        let roles: BTreeSet<&str> = texts(Field::DicomRole)
            .chain(texts(Field::DicomwebRole))
            .collect();
        let plays = |any: &[&str]| any.iter().any(|role| roles.contains(role));
        let names = own.iter().flat_map(|unit| unit.values(Attribute::Hostname));
        let mut messages = texts(Field::Hl7Role);
        let equipment = messages.any(|role| EQUIPMENT_MESSAGES.contains(&role));
        let receives = texts(Field::Hl7Role).any(|role| role.ends_with("_receiver"));
        Self {
            ae_titles: texts(Field::DicomAeTitle)
                .filter(|ae| !is_default_ae(ae))
                .take(KEY_VALUES_MAX)
                .collect(),
            names: names.take(KEY_VALUES_MAX).collect(),
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
    pub fn is_modality(&self) -> bool {
        self.works && !self.stores && !self.passes_on
    }
}

/// The one device that a reporter seems to be. `devices` are those that it reports.
pub fn originated(
    host: &Host<'_>,
    devices: &BTreeMap<u32, Vec<Words<'_>>>,
) -> Option<(u32, Reason, String)> {
    let mut best: Option<(u32, Reason, String)> = None;
    let mut several = false;
    for (&device, reports) in devices {
        let Some((reason, key)) = evidence(host, reports) else {
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
    if let Some(name) = speaks_alone(reports) {
        return Some((device, Reason::OwnGreeting, name));
    }
    let maker = speaks_of_itself(host, reports)?;
    Some((device, Reason::OwnAnalyzer, maker))
}

/// An instrument that greets its host by its own name (LIS2-A2, POCT1-A): these are spoken by the
/// instrument itself, so the one that a host speaks as is that host. A docking station or a
/// terminal server speaks as several.
fn speaks_alone(reports: &[Words<'_>]) -> Option<String> {
    let greetings = [
        Field::AstmSender,
        Field::Poct1DeviceId,
        Field::Poct1Serial,
        Field::Poct1Model,
    ];
    let mut names = reports.iter().flat_map(|unit| {
        let of = move |field| unit.raw(field).next();
        greetings.into_iter().filter_map(of)
    });
    names.next().map(str::to_owned)
}

/// That a reporter has the AE title or the name of what it reports.
fn evidence(host: &Host<'_>, reports: &[Words<'_>]) -> Option<(Reason, String)> {
    if host.passes_on {
        return None;
    }
    let all = |field: Field| reports.iter().flat_map(move |unit| unit.raw(field));
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
fn speaks_of_itself(host: &Host<'_>, reports: &[Words<'_>]) -> Option<String> {
    if !host.is_equipment {
        return None;
    }
    let is_vendor = |maker: &&str| {
        let mut vendors = host.vendors.iter();
        vendors.any(|vendor| same_company(vendor, maker))
    };
    let maker = reports.iter().flat_map(makers).find(is_vendor);
    maker.map(str::to_owned)
}

/// Makers that a report names.
fn makers<'a>(unit: &'a Words<'_>) -> impl Iterator<Item = &'a str> {
    let named = unit.raw(Field::Hl7DeviceManufacturer);
    // Of an entity identifier, the namespace and the universal id may name the maker.
    let parts = unit.raw(Field::Hl7DeviceId);
    named.chain(parts.flat_map(|id| id.split('^').skip(1)))
}
