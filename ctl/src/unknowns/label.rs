//! A name for a whole cluster: the values that its devices share and no other device says, as
//! rules of the site's own. Where they share none, it says so and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use medtap_inventory::model::Device;
use medtap_rules::{Label, Rules};
use medtap_table::vocabulary::Field;

use super::cluster::{Cluster, is_shared};
use crate::failure::Failure;

/// Longest value that becomes a rule, in bytes.
const VALUE_BYTES_MAX: usize = 1_024;

/// What was written.
pub struct Written {
    /// The rule files.
    pub files: Vec<PathBuf>,
    /// How many devices of the cluster the rules name, from the next run on.
    pub named: usize,
    /// The values that the rules know.
    pub values: Vec<(Field, String)>,
}

/// Values that only devices of a cluster say, so many that they name as many devices as can be:
/// each time the one that names most of those that are left.
pub fn telling(cluster: &Cluster, devices: &[Device]) -> (Vec<(Field, String)>, usize) {
    let members: BTreeSet<&str> = cluster.devices.iter().map(String::as_str).collect();
    let mut said: BTreeMap<(Field, &str), BTreeSet<&str>> = BTreeMap::new();
    for device in devices {
        let named = device
            .recognised
            .iter()
            .map(|it| (it.source.field, it.source.raw.as_str()));
        let unnamed = device.unnamed.iter().map(|it| (it.field, it.raw.as_str()));
        for (field, raw) in named.chain(unnamed).filter(|(field, _)| is_shared(field)) {
            if let Some(field) = Field::from_name(field) {
                said.entry((field, raw)).or_default().insert(&device.id);
            }
        }
    }
    let fits = |raw: &str| {
        !raw.is_empty() && raw.len() <= VALUE_BYTES_MAX && !raw.chars().any(char::is_control)
    };
    said.retain(|(_, raw), ids| fits(raw) && ids.is_subset(&members));
    let mut left = members.clone();
    let mut chosen = Vec::new();
    while let Some((key, ids)) = said
        .iter()
        .max_by_key(|(key, ids)| (ids.intersection(&left).count(), std::cmp::Reverse(**key)))
    {
        if ids.intersection(&left).next().is_none() {
            break;
        }
        chosen.push((key.0, key.1.to_owned()));
        left.retain(|id| !ids.contains(id));
    }
    (chosen, members.len() - left.len())
}

/// Writes the rules that name a cluster into a folder of the site's own rules, one file for each
/// field; the folder is loaded before and after.
pub fn write(
    cluster: &Cluster,
    devices: &[Device],
    label: &Label,
    folder: &Path,
) -> Result<Written, Failure> {
    let (values, named) = telling(cluster, devices);
    if values.is_empty() {
        return Err(Failure::new(format!(
            "cluster {}: its devices say nothing that a rule could know and no other device \
             says; only their addresses and services are alike",
            cluster.id
        )));
    }
    std::fs::create_dir_all(folder).map_err(|error| fault(folder, &error))?;
    let mut next = Rules::next_local_id(folder).map_err(|error| Failure::rules(&error))?;
    let mut fields: BTreeMap<Field, Vec<&str>> = BTreeMap::new();
    for (field, value) in &values {
        fields.entry(*field).or_default().push(value);
    }
    let source = format!(
        "cluster {} of devices that nothing named, labelled by hand",
        cluster.id
    );
    let mut files = Vec::new();
    for (field, values) in fields {
        let text = label
            .file(field, &values, next, &source)
            .map_err(Failure::new)?;
        next = next.saturating_add(u32::try_from(values.len()).unwrap_or(u32::MAX));
        let path = folder.join(format!("label-{}-{}.toml", cluster.id, field.name()));
        std::fs::write(&path, text).map_err(|error| fault(&path, &error))?;
        files.push(path);
    }
    if let Err(error) = Rules::load(Some(folder)) {
        for path in &files {
            // What could not be written whole is taken back; the fault is what counts.
            let _ = std::fs::remove_file(path);
        }
        return Err(Failure::rules(&error));
    }
    Ok(Written {
        files,
        named,
        values,
    })
}

fn fault(path: &Path, error: &std::io::Error) -> Failure {
    Failure::io(format!("{}: {error}", path.display()), error)
}
