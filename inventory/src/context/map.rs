//! Which column of a spreadsheet is what: a TOML file that a site writes once. A column that no
//! name of ours knows is named in the error, with the nearest one.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::name::{NAMES, Named};

/// Which column is what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMap {
    /// What the spreadsheet's system is called; tags of two systems are told apart by it.
    #[serde(default = "source")]
    pub source: String,
    /// What parts cells; found out where it is not said.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// Formats of days besides 2026-08-18, such as `%d.%m.%Y`.
    #[serde(default)]
    pub days: Vec<String>,
    /// Our name to the column's.
    pub columns: BTreeMap<String, String>,
}

fn source() -> String {
    "cmms".to_owned()
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// It is no TOML, or holds what no map has.
    #[error("{0}")]
    Form(String),
    /// A name that we don't have.
    #[error(
        "columns.{name}: no such name; the nearest is {nearest}; known are {}",
        all()
    )]
    Name {
        /// The name.
        name: String,
        /// The nearest that we have.
        nearest: &'static str,
    },
    /// Nothing says what a device is called.
    #[error("columns.asset_tag is missing; expected the column that holds the site's own numbers")]
    NoTag,
}

fn all() -> String {
    let names: Vec<&str> = NAMES.iter().map(|named| named.name).collect();
    names.join(", ")
}

impl ColumnMap {
    /// Reads a map.
    ///
    /// # Errors
    /// With what is wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let map: Self = toml::from_str(text)
            .map_err(|error| MapError::Form(error.to_string().trim_end().replace('\n', " ")))?;
        for name in map.columns.keys() {
            if Named::find(name).is_none() {
                let nearest = NAMES.iter().min_by_key(|named| {
                    let same = named
                        .name
                        .chars()
                        .zip(name.chars())
                        .take_while(|(a, b)| a == b);
                    (
                        std::cmp::Reverse(same.count()),
                        named.name.len().abs_diff(name.len()),
                    )
                });
                let nearest = nearest.map_or("asset_tag", |named| named.name);
                let name = name.clone();
                return Err(MapError::Name { name, nearest });
            }
        }
        match map.columns.contains_key("asset_tag") {
            true => Ok(map),
            false => Err(MapError::NoTag),
        }
    }

    /// The map of a spreadsheet whose columns bear our own names.
    pub fn plain() -> Self {
        let own = |named: &Named| (named.name.to_owned(), named.name.to_owned());
        Self {
            source: source(),
            columns: NAMES.iter().map(own).collect(),
            ..Self::default()
        }
    }
}
