//! Import sheets of asset registers: ServiceNow's CMDB and Nuvolo, as CSV. No cell of them can
//! become a formula. A site maps the columns once; their names are fixed here.

use std::io::{self, Write};

use medtap_inventory::model::Device;

use crate::render::{csv, label};

/// A column of a sheet.
type Column = (&'static str, fn(&Device) -> String);

/// What ServiceNow's import sets map to `cmdb_ci`, by the names of its fields.
const SERVICENOW: &[Column] = &[
    ("correlation_id", |d| d.id.clone()),
    ("name", label),
    ("sys_class_name", servicenow_class),
    ("manufacturer", |d| known(d, "manufacturer")),
    ("model_id", |d| known(d, "model")),
    ("serial_number", |d| known(d, "serial_number")),
    ("ip_address", address),
    ("mac_address", mac),
    ("fqdn", |d| known(d, "hostname")),
    ("os", |d| known(d, "os")),
    ("os_version", |d| known(d, "os_version")),
    ("firmware_version", |d| known(d, "firmware_version")),
    ("department", |d| known(d, "department")),
    ("location", |d| known(d, "location")),
    ("category", |d| d.class.to_owned()),
    ("subcategory", |d| d.category.to_owned()),
    ("discovery_source", |_| "medtap".to_owned()),
    ("first_discovered", |d| time(d.first_seen)),
    ("last_discovered", |d| time(d.last_seen)),
    ("u_risk_score", score),
    ("u_risk_band", |d| d.risk.band.clone().unwrap_or_default()),
    ("u_vulnerabilities", cves),
    ("u_findings", findings),
];

/// What Nuvolo's asset import takes for clinical and OT devices.
const NUVOLO: &[Column] = &[
    ("External ID", |d| d.id.clone()),
    ("Name", label),
    ("Device Class", |d| d.class.to_owned()),
    ("Device Type", |d| d.category.to_owned()),
    ("Manufacturer", |d| known(d, "manufacturer")),
    ("Model", |d| known(d, "model")),
    ("Serial Number", |d| known(d, "serial_number")),
    ("UDI", |d| known(d, "udi")),
    ("IP Address", address),
    ("MAC Address", mac),
    ("VLAN", |d| {
        let vlans: Vec<String> = d.vlans.iter().map(u16::to_string).collect();
        vlans.join(";")
    }),
    ("Host Name", |d| known(d, "hostname")),
    ("AE Title", |d| known(d, "ae_title")),
    ("Operating System", |d| known(d, "os")),
    ("OS Version", |d| known(d, "os_version")),
    ("Software Version", |d| known(d, "software_version")),
    ("Firmware Version", |d| known(d, "firmware_version")),
    ("Department", |d| known(d, "department")),
    ("Location", |d| known(d, "location")),
    ("First Seen", |d| time(d.first_seen)),
    ("Last Seen", |d| time(d.last_seen)),
    ("Risk Score", score),
    ("Risk Band", |d| d.risk.band.clone().unwrap_or_default()),
    ("Vulnerabilities", cves),
    ("Findings", findings),
];

/// Writes ServiceNow's sheet.
///
/// # Errors
/// Those of the writer.
pub fn servicenow(devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    sheet(SERVICENOW, devices, out)
}

/// Writes Nuvolo's sheet.
///
/// # Errors
/// Those of the writer.
pub fn nuvolo(devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    sheet(NUVOLO, devices, out)
}

fn sheet(columns: &[Column], devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Rows::begin(out, columns.iter().map(|(name, _)| *name))?;
    for device in devices {
        rows.row(columns.iter().map(|(_, cell)| cell(device)))?;
    }
    rows.end()
}

fn known(device: &Device, name: &str) -> String {
    super::known(device, name).unwrap_or_default().to_owned()
}

/// The first address: registers hold one.
fn address(device: &Device) -> String {
    let address = device.addresses.first().map(ToString::to_string);
    address.unwrap_or_default()
}

fn mac(device: &Device) -> String {
    device.macs.first().cloned().unwrap_or_default()
}

fn time(time: Option<medtap_inventory::model::Time>) -> String {
    time.map(crate::render::time).unwrap_or_default()
}

fn score(device: &Device) -> String {
    let score = device.risk.score.filter(|_| device.risk.assessed);
    score.map(|score| score.to_string()).unwrap_or_default()
}

fn cves(device: &Device) -> String {
    let mut cves: Vec<&str> = super::acted_on(device).map(|v| v.cve.as_str()).collect();
    cves.sort_unstable();
    cves.dedup();
    cves.join(";")
}

fn findings(device: &Device) -> String {
    let ids: Vec<&str> = device.findings.iter().map(|f| f.id.as_str()).collect();
    ids.join(";")
}

/// The class of the base system that comes nearest; medical devices have none there.
fn servicenow_class(device: &Device) -> String {
    let class = match device.category {
        "server" | "pacs" | "ris" | "lis" | "emr" | "worklist" | "interface_engine" => {
            "cmdb_ci_server"
        }
        "workstation" => "cmdb_ci_computer",
        "printer" => "cmdb_ci_printer",
        "switch" => "cmdb_ci_ip_switch",
        "router" => "cmdb_ci_ip_router",
        "firewall" => "cmdb_ci_ip_firewall",
        "ups" => "cmdb_ci_ups",
        _ => "cmdb_ci_hardware",
    };
    class.to_owned()
}
