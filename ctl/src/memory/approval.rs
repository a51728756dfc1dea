//! `medtap approval`: who may be on the network, who said so, and lists of it for other systems.
//! No cell of a list can become a formula.

use std::io::{self, Write};

use medtap_inventory::history::Entry;
use medtap_inventory::people::{Authorisation, Permitted};

use super::arguments::{self, Approval, ListFormat};
use super::history::value;
use super::place;
use super::show::{self, Column, column};
use crate::failure::{Code, Exit, Failure};
use crate::render;

/// Runs one of the commands.
pub fn run(command: &Approval, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        Approval::List(command) => list(command, exit),
        Approval::Pending(command) => decide(command, Authorisation::Pending),
        Approval::Approve(command) => decide(command, Authorisation::Approved),
        Approval::Reject(command) => decide(command, Authorisation::Rejected),
        Approval::Retire(command) => decide(command, Authorisation::Retired),
        Approval::Baseline(command) => {
            let by = place::person(&command.by)?;
            let done = place::open_to_write(&command.place)?.baseline(&by)?;
            let devices = render::several(done.devices as u64, "device");
            exit.say(Code::Done, &format!("approved {devices}, {}", done.hash));
            Ok(())
        }
        Approval::Audit(command) => {
            let store = place::open(&command.place)?;
            show::rows(&store.audit()?, AUDIT, command.shown.output)?;
            store.verify_audit()?;
            Ok(())
        }
        Approval::Export(command) => export(command),
    }
}

const AUDIT: &[Column<Entry>] = &[
    column("number", |e| e.number.to_string()),
    column("time", |e| render::time(e.time)),
    column("person", |e| e.person.clone()),
    column("act", |e| e.act.clone()),
    column("subject", |e| e.subject.clone()),
    column("old", |e| e.old.clone()),
    column("new", |e| e.new.clone()),
    column("why", |e| e.why.clone()),
    column("hash", |e| e.hash.clone()),
];

const PERMITTED: &[Column<Permitted>] = &[
    column("id", |p| p.device.id.clone()),
    column("state", |p| p.authorisation.name().to_owned()),
    column("category", |p| p.device.category.clone()),
    column("manufacturer", |p| value(&p.device, "manufacturer")),
    column("model", |p| value(&p.device, "model")),
    column("addresses", |p| p.device.addresses.join(";")),
    column("macs", |p| p.device.macs.join(";")),
    column("last_seen", |p| render::time(p.device.last_seen)),
    column("person", |p| p.person.clone()),
    column("why", |p| p.why.clone()),
];

fn list(command: &arguments::ApprovalList, exit: &mut Exit) -> Result<(), Failure> {
    let mut permitted = place::open(&command.place)?.permitted()?;
    let approved = |p: &Permitted| p.authorisation == Authorisation::Approved;
    let unapproved = permitted.iter().filter(|p| !approved(p)).count();
    if command.fail_on_unapproved && unapproved > 0 {
        let devices = render::several(unapproved as u64, "device");
        exit.say(Code::Matched, &format!("{devices} not approved"));
    }
    if let Some(state) = command.state {
        permitted.retain(|p| p.authorisation == state);
    }
    show::rows(&permitted, PERMITTED, command.shown.output)
}

fn decide(command: &arguments::Decide, next: Authorisation) -> Result<(), Failure> {
    let by = place::person(&command.by)?;
    Ok(place::open_to_write(&command.place)?.authorise(&command.devices, next, &by)?)
}

/// A network card of a device: what lists for access control are made of.
struct Card {
    mac: String,
    of: Permitted,
}

/// What an asset of pxGrid is called there.
const PXGRID: &[Column<Card>] = &[
    column("assetId", |c| c.of.device.id.clone()),
    column("assetName", |c| value(&c.of.device, "hostname")),
    column("assetMacAddress", |c| c.mac.to_uppercase()),
    column("assetIpAddress", |c| {
        c.of.device.addresses.first().cloned().unwrap_or_default()
    }),
    column("assetVendor", |c| value(&c.of.device, "manufacturer")),
    column("assetProductId", |c| value(&c.of.device, "model")),
    column("assetSerialNumber", |c| {
        value(&c.of.device, "serial_number")
    }),
    column("assetDeviceType", |c| c.of.device.category.clone()),
    column("assetSwRevision", |c| {
        value(&c.of.device, "software_version")
    }),
    column("assetHwRevision", |c| {
        value(&c.of.device, "hardware_version")
    }),
    column("medtapClass", |c| c.of.device.class.clone()),
    column("medtapAuthorisation", |c| {
        c.of.authorisation.name().to_owned()
    }),
];

const SERVICENOW: &[Column<Permitted>] = &[
    column("u_correlation_id", |p| p.device.id.clone()),
    column("u_name", |p| value(&p.device, "hostname")),
    column("u_manufacturer", |p| value(&p.device, "manufacturer")),
    column("u_model", |p| value(&p.device, "model")),
    column("u_serial_number", |p| value(&p.device, "serial_number")),
    column("u_firmware_version", |p| {
        value(&p.device, "firmware_version")
    }),
    column("u_os", |p| value(&p.device, "os")),
    column("u_category", |p| p.device.category.clone()),
    column("u_mac_address", |p| p.device.macs.join(",")),
    column("u_ip_address", |p| p.device.addresses.join(",")),
    column("u_department", |p| value(&p.device, "department")),
    column("u_location", |p| value(&p.device, "location")),
    column("u_first_discovered", |p| p.device.first_seen.to_string()),
    column("u_last_discovered", |p| p.device.last_seen.to_string()),
    column("u_authorisation", |p| p.authorisation.name().to_owned()),
];

fn export(command: &arguments::Lists) -> Result<(), Failure> {
    let mut permitted = place::open(&command.place)?.permitted()?;
    permitted.retain(|p| p.authorisation == command.state);
    show::text(|out| lists(command.format, permitted, out))
}

fn lists(format: ListFormat, permitted: Vec<Permitted>, out: &mut dyn Write) -> io::Result<()> {
    if format == ListFormat::Servicenow {
        return show::csv(&permitted, SERVICENOW, out);
    }
    let cards: Vec<Card> = permitted
        .iter()
        .flat_map(|of| {
            let card = |mac: &String| Card {
                mac: mac.clone(),
                of: of.clone(),
            };
            of.device.macs.iter().map(card)
        })
        .collect();
    match format {
        ListFormat::Macs => {
            let mut macs: Vec<&str> = cards.iter().map(|card| card.mac.as_str()).collect();
            macs.sort_unstable();
            macs.dedup();
            macs.iter().try_for_each(|mac| writeln!(out, "{mac}"))
        }
        _ => show::csv(&cards, PXGRID, out),
    }
}
