//! On which machine a virtual one runs, where the table of MAC addresses of a switch shows both
//! behind one port and nobody else. It guesses nothing from addresses, names or traffic: a guest's
//! frames bear no mark of its host.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::place::{PlaceRow, put};
use crate::history::{DeviceRow, row_of};

/// The origin under which the id of a guest's host is kept among its places.
const ORIGIN: &str = "host";

/// Categories of machines that may run others.
const MACHINES: [&str; 11] = [
    "server",
    "workstation",
    "nas",
    "pacs",
    "worklist",
    "ris",
    "lis",
    "emr",
    "interface_engine",
    "device_gateway",
    "central_station",
];
/// Parts of the names of systems that run others.
const HYPERVISORS: [&str; 6] = [
    "esx",
    "hyper-v",
    "proxmox",
    "xenserver",
    "xcp-ng",
    "nutanix",
];
/// Devices behind one port that are looked at: a port with more leads to a switch.
const BEHIND_PORT_MAX: usize = 256;

/// What is behind one port.
#[derive(Default)]
struct Port {
    devices: BTreeSet<i64>,
    /// Somebody is there of whom nothing else is known.
    stranger: bool,
}

/// Ports, by their names.
#[derive(Default)]
pub(super) struct Ports<'a>(BTreeMap<&'a str, Port>);

impl<'a> Ports<'a> {
    /// Takes a row of the switch's table, and the device that has the address.
    pub(super) fn add(&mut self, row: &'a PlaceRow, device: Option<i64>) {
        let port = self.0.entry(&row.place).or_default();
        match device {
            Some(device) if port.devices.len() < BEHIND_PORT_MAX => {
                port.devices.insert(device);
            }
            _ => port.stranger = true,
        }
    }

    /// Notes the host of each virtual machine that shares a port with one machine alone.
    pub(super) fn note_hosts(&self, db: &Connection, at_ns: u64) -> rusqlite::Result<()> {
        for port in self.0.values().filter(|port| !port.stranger) {
            let rows = port.devices.iter();
            let rows: Vec<(i64, DeviceRow)> = rows
                .map(|number| Ok((*number, row_of(db, *number)?)))
                .collect::<rusqlite::Result<_>>()?;
            let (guests, hosts): (Vec<_>, Vec<_>) =
                rows.iter().partition(|(_, row)| row.virtual_machine);
            let [(_, host)] = hosts.as_slice() else {
                continue;
            };
            if !may_host(host) {
                continue;
            }
            for (guest, _) in guests {
                put(db, *guest, ORIGIN, &host.id, at_ns)?;
            }
        }
        Ok(())
    }
}

/// True for a machine that may run others. What forwards for others may be what they are behind.
fn may_host(row: &DeviceRow) -> bool {
    let os = row.attributes.get("os").map(|os| os.to_ascii_lowercase());
    let runs = os.is_some_and(|os| HYPERVISORS.iter().any(|name| os.contains(name)));
    !row.routes && (runs || MACHINES.contains(&row.category.as_str()))
}

/// The host of a virtual machine, where the last table of its switch showed it.
pub(super) fn host_of(db: &Connection, guest: i64) -> rusqlite::Result<Option<String>> {
    db.prepare_cached(
        "SELECT place FROM places WHERE device = ?1 AND origin = ?2 AND last_ns >= (
             SELECT coalesce(max(last_ns), 0) FROM places WHERE device = ?1 AND origin = 'switch')
         ORDER BY last_ns DESC LIMIT 1",
    )?
    .query_row(params![guest, ORIGIN], |row| row.get(0))
    .optional()
}
