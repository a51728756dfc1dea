//! `medtap unknowns`: devices that nothing names, in clusters of those that are alike, and one
//! label for all of a cluster. It becomes rules of the site's own; nothing that ships changes.

mod cluster;
mod label;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use medtap_rules::Label;
use medtap_table::vocabulary::Category;

use crate::arguments::{EXIT_CODES, Table};
use crate::devices;
use crate::failure::{Exit, Failure};
use crate::render::{self, StatusOutput, clean, several};
use cluster::{Cluster, clusters};

/// Devices of a cluster that are listed for people.
const DEVICES_SHOWN: usize = 8;

/// `medtap unknowns`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Unknowns {
    /// What to do with them
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub table: Table,
    /// How to show them
    #[arg(long, short, value_enum, default_value_t = StatusOutput::Table)]
    pub output: StatusOutput,
}

/// What can be done with a cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what all devices of a cluster are: writes rules into a folder, for --rules
    #[command(after_help = EXIT_CODES)]
    Label(LabelArguments),
}

/// `medtap unknowns label`.
#[derive(Debug, Args)]
pub struct LabelArguments {
    /// The cluster, or the beginning of its name
    #[arg(value_name = "CLUSTER")]
    pub cluster: String,
    /// What kind of device they are, such as infusion_pump
    #[arg(long, value_name = "NAME", value_parser = category)]
    pub category: Option<String>,
    /// Who made them
    #[arg(long, value_name = "NAME")]
    pub manufacturer: Option<String>,
    /// Their model
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Folder with rules of your own (.toml), where the label is written; made where it is not
    #[arg(long, value_name = "DIR")]
    pub rules: PathBuf,
    /// Table of an engine, or a saved one [default: the running engine's,
    /// /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
}

fn category(text: &str) -> Result<String, String> {
    match Category::from_name(text) {
        Some(category) if category != Category::Unknown => Ok(text.to_owned()),
        _ => {
            let names: Vec<_> = Category::ALL.iter().skip(1).map(|it| it.name()).collect();
            Err(format!("allowed are {}", names.join(", ")))
        }
    }
}

/// Lists the clusters, or labels one.
pub fn run(arguments: &Unknowns, exit: &mut Exit) -> Result<(), Failure> {
    if let Some(Command::Label(arguments)) = &arguments.command {
        return label(arguments, exit);
    }
    let (_, inventory, _) = devices::open(&arguments.table, exit)?;
    let clusters = clusters(&inventory.devices);
    render::print(|out| {
        if arguments.output == StatusOutput::Json {
            return render::pretty(&clusters, out);
        }
        for cluster in &clusters {
            write(cluster, out)?;
        }
        let unknown = inventory
            .devices
            .iter()
            .filter(|it| cluster::is_unknown(it))
            .count();
        let (unknown, clusters) = (
            several(unknown as u64, "device"),
            several(clusters.len() as u64, "cluster"),
        );
        writeln!(out, "{unknown} that nothing names, in {clusters}")
    })
}

fn write(cluster: &Cluster, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let number = several(cluster.devices.len() as u64, "device");
    writeln!(out, "cluster {}: {number}", cluster.id)?;
    for feature in &cluster.common {
        writeln!(out, "  {}", clean(&feature.to_string()))?;
    }
    let shown: Vec<&str> = cluster
        .devices
        .iter()
        .take(DEVICES_SHOWN)
        .filter_map(|id| id.get(..8))
        .collect();
    let more = match cluster.devices.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    writeln!(out, "  devices {}{more}\n", shown.join(" "))
}

fn label(arguments: &LabelArguments, exit: &mut Exit) -> Result<(), Failure> {
    let label = Label {
        category: arguments.category.clone(),
        manufacturer: arguments.manufacturer.clone(),
        model: arguments.model.clone(),
    };
    if label.category.is_none() && label.manufacturer.is_none() && label.model.is_none() {
        return Err(Failure::new(
            "a label says what the devices are: give --category, --manufacturer or --model",
        ));
    }
    let table = Table {
        table: arguments.table.clone(),
        as_of: None,
        rules: None,
    };
    let (_, inventory, _) = devices::open(&table, exit)?;
    let clusters = clusters(&inventory.devices);
    let wanted = &arguments.cluster;
    let mut found = clusters
        .iter()
        .filter(|cluster| cluster.id.starts_with(wanted));
    let cluster = match (found.next(), found.next()) {
        (Some(cluster), None) => cluster,
        (None, _) => {
            return Err(Failure::new(format!(
                "there is no cluster {wanted}; `medtap unknowns` lists them"
            )));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new(format!(
                "several clusters begin with {wanted}; give more of the name"
            )));
        }
    };
    let written = label::write(cluster, &inventory.devices, &label, &arguments.rules)?;
    render::print(|out| {
        for (field, value) in &written.values {
            writeln!(out, "{} \"{}\"", field.name(), clean(value))?;
        }
        for file in &written.files {
            writeln!(out, "wrote {}", clean(&file.display().to_string()))?;
        }
        let all = several(cluster.devices.len() as u64, "device");
        writeln!(
            out,
            "{} of {all} will be named; read again with --rules {}",
            written.named,
            clean(&arguments.rules.display().to_string())
        )
    })
}
