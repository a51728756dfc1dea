//! What became of somebody else's collection of fingerprints: rule files, and what was left out and
//! why. It reads no collection.

use std::collections::BTreeMap;

use medtap_table::vocabulary::Field;

use crate::error::RuleError;
use crate::schema;

/// What became of a collection.
#[derive(Debug, Default)]
pub struct Imported {
    /// Rule files: their names and texts.
    pub files: Vec<(String, String)>,
    /// Fingerprints that became rules.
    pub used: usize,
    /// Examples that were run, and held.
    pub examples: usize,
    /// Fingerprints that did not, each with its reason.
    pub skipped: Vec<Skipped>,
}

/// A fingerprint that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file's name, with the line where lines are fingerprints.
    pub file: String,
    /// What the file calls it.
    pub description: String,
    /// Why.
    pub reason: String,
}

impl Imported {
    /// Leaves a fingerprint out.
    pub(crate) fn skip(&mut self, file: &str, description: &str, reason: String) {
        self.skipped.push(Skipped {
            file: file.to_owned(),
            description: description.to_owned(),
            reason,
        });
    }

    /// Makes a rule file for each field, named after the collection.
    pub(crate) fn write(
        &mut self,
        collection: &str,
        rules: BTreeMap<Field, Vec<schema::Rule>>,
    ) -> Result<(), RuleError> {
        for (field, rule) in rules {
            let field = field.name().to_owned();
            let name = format!("{collection}.{field}.toml");
            let file = schema::File {
                field,
                also: Vec::new(),
                rule,
            };
            let text = toml::to_string(&file).map_err(|error| RuleError::File {
                file: name.clone(),
                cause: error.to_string(),
            })?;
            self.files.push((name, text));
        }
        Ok(())
    }
}
