//! Where the history is, and who types: what every command of memory needs first.

use std::path::Path;

use medtap_inventory::history::{HistoryError, Person, Policy, Store};

use super::arguments::{By, Place};
use crate::failure::Failure;
use crate::live;

/// Opens the history to read it.
pub fn open(place: &Place) -> Result<Store, Failure> {
    Ok(Store::open_to_read(&place.history)?)
}

/// Opens the history to write it, with the folder of the default place.
pub fn open_to_write(place: &Place) -> Result<Store, Failure> {
    Ok(Store::open(&place.history)?)
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        match &error {
            HistoryError::Io { error: cause, .. } => Self::io(error.to_string(), cause),
            _ => Self::new(error.to_string()),
        }
    }
}

/// Who decides, and why.
pub fn person(by: &By) -> Result<Person, Failure> {
    let name = by.who.clone().or_else(|| std::env::var("USER").ok());
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
        return Err(Failure::new("nobody is named; expected --who NAME"));
    };
    if by.why.trim().is_empty() {
        return Err(Failure::new("--why is empty; expected a reason"));
    }
    Ok(Person {
        name,
        why: by.why.clone(),
        at_ns: live::now_ns(),
    })
}

/// How long what is kept.
pub fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else {
        return Ok(Policy::default());
    };
    let text = read(path)?;
    toml::from_str(&text).map_err(|error| {
        let text = error.to_string();
        let text = text.trim_end().replace('\n', " ");
        Failure::new(format!("{}: {text}", path.display()))
    })
}

/// A text file.
pub fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::io(format!("{}: {error}", path.display()), &error))
}
