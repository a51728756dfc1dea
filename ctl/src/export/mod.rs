//! The inventory and its risk in the formats of other programs. Each says no more than the
//! inventory does; what a format has no place for is left out, never bent.
//!
//! ```text
//! cyclonedx   CycloneDX 1.6 with VEX         csaf   CSAF 2.0, profile VEX
//! stix        STIX 2.1                       ocsf   OCSF inventory and finding events
//! register    import sheets of ServiceNow and Nuvolo
//! names       identifiers that stay the same, times as the formats want them
//! ```

mod csaf;
mod cyclonedx;
mod names;
mod ocsf;
mod register;
mod stix;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use medtap_inventory::model::{Device, Inventory, Vulnerability};

use crate::arguments;
use crate::assess;
use crate::devices;
use crate::failure::{Exit, Failure};
use crate::files::Destination;
use crate::render::{self, attribute, is_hint};
use crate::report::words::is_scored;

/// Whom an export is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// CycloneDX 1.6: devices as components, vulnerabilities as VEX
    Cyclonedx,
    /// CSAF 2.0, profile VEX: which device is affected by what
    Csaf,
    /// STIX 2.1: infrastructure, software, vulnerabilities, notes
    Stix,
    /// OCSF 1.5: inventory and finding events, one a line
    Ocsf,
    /// ServiceNow CMDB import sheet (CSV)
    Servicenow,
    /// Nuvolo asset import sheet (CSV)
    Nuvolo,
}

/// `medtap export`: the devices of a table, for another program.
pub fn run(command: &arguments::Export, exit: &mut Exit) -> Result<(), Failure> {
    let to = command.to.as_deref();
    let to = to
        .map(|path| Destination::check("--to", path, &[]))
        .transpose()?;
    let rules = devices::load_rules(command.table.rules.as_deref())?;
    let (_, mut inventory, _) = devices::open(&command.table, exit)?;
    assess::always(&mut inventory, &rules, &command.assessing, exit)?;
    let wanted = |device: &&Device| {
        let filter = command.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(device))
    };
    let devices: Vec<&Device> = inventory.devices.iter().filter(wanted).collect();
    check(&devices, command.format)?;
    let write = |out: &mut dyn Write| write(&inventory, &devices, command.format, out);
    match to {
        Some(destination) => destination.write(write),
        None => render::print(write),
    }
}

/// Writes the devices in a format.
///
/// # Errors
/// Where the format can't hold what there is, as a sentence; and those of the writer.
pub fn write(
    inventory: &Inventory,
    devices: &[&Device],
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Cyclonedx => cyclonedx::write(inventory, devices, out),
        Format::Csaf => csaf::write(inventory, devices, out),
        Format::Stix => stix::write(inventory, devices, out),
        Format::Ocsf => ocsf::write(inventory, devices, out),
        Format::Servicenow => register::servicenow(devices, out),
        Format::Nuvolo => register::nuvolo(devices, out),
    }
}

/// Whether a format can hold what there is.
///
/// # Errors
/// What is missing.
pub fn check(devices: &[&Device], format: Format) -> Result<(), Failure> {
    let known = devices.iter().any(|d| !d.vulnerabilities.is_empty());
    match format {
        Format::Csaf if !known => Err(Failure::new(
            "no vulnerability was matched, and a CSAF VEX document needs at least one; expected \
             --feeds with a feed that names one of these devices",
        )),
        _ => Ok(()),
    }
}

/// What is known of a device: another program takes it for a fact, so a mere hint is left out.
fn known<'a>(device: &'a Device, name: &str) -> Option<&'a str> {
    attribute(device, name).filter(|_| !is_hint(device, name))
}

/// The vulnerabilities that another program is to act on: what nobody denies, and more than a
/// namesake's.
fn acted_on(device: &Device) -> impl Iterator<Item = &Vulnerability> {
    device.vulnerabilities.iter().filter(|one| is_scored(one))
}

/// Whether a vulnerability applies, as exchange formats tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// This very version is affected.
    Affected,
    /// It may be: the version or patch level is not known, or somebody still looks.
    Suspected,
    /// The manufacturer or a person says that it is not.
    NotAffected,
    /// It is mended.
    Fixed,
}

impl Standing {
    fn of(vulnerability: &Vulnerability) -> Self {
        match vulnerability.applicability.as_str() {
            "known_affected" | "exact_version_in_range" => Self::Affected,
            "not_affected" => Self::NotAffected,
            "fixed" => Self::Fixed,
            _ => Self::Suspected,
        }
    }
}
