//! What feeds, memory and the site tell of devices besides vulnerabilities: contacts that are on a
//! threat list, recalls and the bill of the software of a model, approval, what is overdue. It adds
//! what was seen or said to be so, and judges nothing.

use std::collections::{BTreeSet, HashMap};

use medtap_inventory::context::attach_one;
use medtap_inventory::model::{Device, Finding, Inventory, Time};
use medtap_risk::Subject;
use medtap_risk::feeds::{Indicators, Observable};
use medtap_risk::matching::Matcher;
use medtap_risk::subject::{Component, ComponentKind, Fda};
use medtap_table::vocabulary::FindingId;

use crate::subject::Known;

/// How sure a contact with a listed address is, 0–100: lists age, and addresses are shared.
const CONTACT_CONFIDENCE: u8 = 80;
/// How sure what people and the site's systems say is.
const MEMORY_CONFIDENCE: u8 = 100;
/// That a recall is of this very device: its lot and serial number are not compared.
const RECALL_CONFIDENCE: u8 = 50;
/// Contacts, peers or recalls that are told of one device.
const CONTACTS_MAX: usize = 3;

/// Adds a finding to each device that exchanged packets with a listed address or name.
pub fn contacts(inventory: &mut Inventory, indicators: &Indicators) {
    if indicators.is_empty() {
        return;
    }
    let devices = inventory.devices.iter();
    let looked_at: HashMap<String, Vec<(String, Observable)>> = devices
        .map(|device| (device.id.clone(), observables(device)))
        .collect();
    let found = FindingId::IndicatorContact;
    for device in &mut inventory.devices {
        let mut told: Vec<(String, Time, Time)> = Vec::new();
        for peer in &device.peers {
            let times = peer.conversations.iter();
            let first = times.clone().map(|c| c.first_seen).min().unwrap_or(Time(0));
            let last = times.map(|c| c.last_seen).max().unwrap_or(Time(0));
            let seconds = i64::try_from(last.0 / 1_000_000_000).unwrap_or(i64::MAX);
            let other = looked_at.get(peer.id.as_str());
            for (shown, observable) in other.into_iter().flatten() {
                let named = indicators.find(observable, seconds).next();
                told.extend(named.map(|one| (format!("{shown}: {}", one.name), first, last)));
            }
        }
        if told.is_empty() || device.findings.iter().any(|f| f.id == found.name()) {
            continue;
        }
        told.sort();
        let contacts: Vec<&str> = told.iter().map(|(text, ..)| text.as_str()).collect();
        let shown = contacts.iter().take(CONTACTS_MAX).copied();
        device.findings.push(Finding {
            id: found.name().to_owned(),
            title: found.title().to_owned(),
            confidence: CONTACT_CONFIDENCE,
            weight: None,
            evidence: shown.collect::<Vec<_>>().join(", "),
            first_seen: told.iter().map(|(_, first, _)| *first).min(),
            last_seen: told.iter().map(|(.., last)| *last).max(),
        });
    }
}

/// What can be on a list of a device that others speak with: its addresses, and the names that it
/// was asked by or gave itself.
fn observables(device: &Device) -> Vec<(String, Observable)> {
    let addresses = device.addresses.iter();
    let addresses = addresses.map(|address| (address.to_string(), Observable::Address(*address)));
    let named = device.attributes.get("hostname").and_then(Option::as_ref);
    let names: BTreeSet<String> = named
        .into_iter()
        .flat_map(|known| {
            let others = known.conflicts.iter().map(|other| &other.value);
            std::iter::once(&known.value).chain(others)
        })
        .map(|name| name.trim_end_matches('.').to_lowercase())
        .collect();
    let names = names.into_iter();
    addresses
        .chain(names.map(|name| (name.clone(), Observable::Domain(name))))
        .collect()
}

/// Adds to each device the software that the bill of its model lists.
pub fn bills(subjects: &mut [Subject], matcher: &Matcher<'_>) {
    for subject in subjects {
        let own = subject.components.iter();
        let mut models = own.filter(|one| one.kind == ComponentKind::Device);
        let parts = models.find_map(|one| Some(matcher.bill(one)?.components(one.seen)));
        subject.components.extend(parts.into_iter().flatten());
    }
}

/// Adds to each device what memory and the site's systems say of it.
pub fn remembered(inventory: &mut Inventory, known: &Known) {
    let as_of = inventory.as_of.unwrap_or(Time(0));
    for device in &mut inventory.devices {
        let Some(of_memory) = known.remembered(device) else {
            continue;
        };
        if let Some(asset) = &of_memory.asset {
            attach_one(device, asset, as_of);
        }
        for told in &of_memory.findings {
            let found = match told.finding {
                "unapproved" if !known.memory.baseline => None,
                "unapproved" | "rejected_present" | "retired_present" => {
                    Some(FindingId::NotApproved)
                }
                "ghost" => Some(FindingId::SeenAfterDisposal),
                name => FindingId::from_name(name),
            };
            if let Some(found) = found {
                let state = match found {
                    FindingId::NotApproved => format!("{}, ", of_memory.authorisation.name()),
                    _ => String::new(),
                };
                let evidence = format!("{state}{}", told.evidence);
                tell(device, found, MEMORY_CONFIDENCE, evidence, as_of);
            }
        }
        let met: Vec<&str> = of_memory
            .new_peers
            .iter()
            .map(|(_, id)| id.as_str())
            .collect();
        if let Some((last, _)) = of_memory.new_peers.last() {
            let shown: Vec<&str> = met.iter().rev().take(CONTACTS_MAX).copied().collect();
            let evidence = format!("since it was approved it met {}", shown.join(", "));
            tell(
                device,
                FindingId::NewPeer,
                MEMORY_CONFIDENCE,
                evidence,
                *last,
            );
        }
    }
}

/// Adds a finding, unless the device has it.
fn tell(device: &mut Device, id: FindingId, confidence: u8, evidence: String, seen: Time) {
    if device
        .findings
        .iter()
        .all(|finding| finding.id != id.name())
    {
        device.findings.push(Finding {
            id: id.name().to_owned(),
            title: id.title().to_owned(),
            confidence,
            weight: None,
            evidence,
            first_seen: Some(seen),
            last_seen: Some(seen),
        });
    }
}

/// What the FDA's recalls say of one model.
#[derive(Default)]
struct OfModel {
    told: Option<String>,
    fda: Option<Fda>,
    mds2: bool,
    bill: bool,
}

/// Adds to each device the recalls that go on of its model, the class of the product code that
/// they name, and whether answers and a bill of its model are at hand.
pub fn recalls(inventory: &mut Inventory, subjects: &mut [Subject], matcher: &Matcher<'_>) {
    let as_of = inventory.as_of.unwrap_or(Time(0));
    // Devices of one model are alike, and there are many of each.
    let mut models: HashMap<(Option<String>, String, Option<String>), OfModel> = HashMap::new();
    for (device, subject) in inventory.devices.iter_mut().zip(subjects) {
        let mut own = subject.components.iter();
        let Some(model) = own.find(|one| one.kind == ComponentKind::Device) else {
            continue;
        };
        let key = (
            model.vendor.clone(),
            model.product.clone(),
            model.version.clone(),
        );
        let of_model = models
            .entry(key)
            .or_insert_with(|| of_model(model, matcher));
        if let Some(told) = &of_model.told {
            tell(
                device,
                FindingId::Recalled,
                RECALL_CONFIDENCE,
                told.clone(),
                as_of,
            );
        }
        if subject.fda.is_none() {
            subject.fda = of_model.fda.clone();
        }
        if of_model.mds2 {
            subject.upkeep.mds2 = Some(true);
        }
        if of_model.bill {
            subject.upkeep.sbom = Some(true);
        }
    }
}

fn of_model(model: &Component, matcher: &Matcher<'_>) -> OfModel {
    let recalls = matcher.recalls(model);
    let going_on = recalls.iter().filter(|recall| recall.open);
    let told: Vec<String> = going_on
        .take(CONTACTS_MAX)
        .map(|recall| {
            let class = recall.class.as_deref().unwrap_or("not classified");
            let (number, day) = (&recall.number, &recall.initiated);
            format!("{number} of {day}, class {class}: {}", recall.reason)
        })
        .collect();
    let codes: BTreeSet<&str> = (recalls.iter())
        .filter_map(|recall| recall.product_code.as_deref())
        .collect();
    // Several codes: the model is sold as several devices, and which this is, nobody says.
    let code = codes.first().filter(|_| codes.len() == 1);
    let fda = code.and_then(|code| {
        let known = matcher.classes().get(code)?;
        Some(Fda {
            product_code: (*code).to_owned(),
            class: known.class,
            life_sustaining: known.life_sustaining,
            // What is on the network is not implanted: it works with what is.
            programs_implants: known.implant,
            ..Fda::default()
        })
    });
    OfModel {
        told: (!told.is_empty()).then(|| told.join("; ")),
        fda,
        mds2: matcher.mds2(model).is_some(),
        bill: matcher.bill(model).is_some(),
    }
}
