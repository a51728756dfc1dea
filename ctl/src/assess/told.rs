//! What feeds tell of devices besides vulnerabilities: contacts that are on a threat list, and
//! the bill of the software of a model. It adds what was seen to be so, and judges nothing.

use std::collections::HashMap;
use std::net::IpAddr;

use medtap_inventory::model::{Finding, Inventory, Time};
use medtap_risk::Subject;
use medtap_risk::feeds::{Indicators, Observable};
use medtap_risk::matching::Matcher;
use medtap_risk::subject::ComponentKind;
use medtap_table::vocabulary::FindingId;

/// How sure a contact with a listed address is, 0–100: lists age, and addresses are shared.
const CONTACT_CONFIDENCE: u8 = 80;
/// Contacts that are told of one device.
const CONTACTS_MAX: usize = 3;

/// Adds a finding to each device that exchanged packets with a listed address.
pub fn contacts(inventory: &mut Inventory, indicators: &Indicators) {
    if indicators.is_empty() {
        return;
    }
    let devices = inventory.devices.iter();
    let addresses: HashMap<String, Vec<IpAddr>> = devices
        .map(|device| (device.id.clone(), device.addresses.clone()))
        .collect();
    let found = FindingId::IndicatorContact;
    for device in &mut inventory.devices {
        let mut told: Vec<(String, Time, Time)> = Vec::new();
        for peer in &device.peers {
            let times = peer.conversations.iter();
            let first = times.clone().map(|c| c.first_seen).min().unwrap_or(Time(0));
            let last = times.map(|c| c.last_seen).max().unwrap_or(Time(0));
            let seconds = i64::try_from(last.0 / 1_000_000_000).unwrap_or(i64::MAX);
            for address in addresses.get(&peer.id).into_iter().flatten() {
                let listed = Observable::Address(*address);
                let named = indicators.find(&listed, seconds).next();
                told.extend(named.map(|one| (format!("{address}: {}", one.name), first, last)));
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

/// Adds to each device the software that the bill of its model lists.
pub fn bills(subjects: &mut [Subject], matcher: &Matcher<'_>) {
    for subject in subjects {
        let own = subject.components.iter();
        let mut models = own.filter(|one| one.kind == ComponentKind::Device);
        let parts = models.find_map(|one| Some(matcher.bill(one)?.components(one.seen)));
        subject.components.extend(parts.into_iter().flatten());
    }
}
