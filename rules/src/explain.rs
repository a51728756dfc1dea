//! A rule as a person reads it: what it knows, what it gives, where it stands, what it replaces.
//! It runs no rule.

use crate::compile::Origin;
use crate::embedded;
use crate::error::RuleError;
use crate::rules::{Rules, files_of, parse, read};
use crate::schema;
use std::path::Path;

/// A rule and where it comes from.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The file that holds it.
    pub file: String,
    /// The field that it reads.
    pub field: String,
    /// The shipped file whose rule it replaces.
    pub replaces: Option<String>,
    /// Number.
    pub id: u32,
    /// What a person calls it.
    pub name: String,
    /// Which values it knows: exact, prefix, pattern or table, and the text.
    pub key: (&'static str, String),
    /// Attributes and what is given for each.
    pub gives: Vec<(&'static str, String)>,
    /// The software that it names, by CPE.
    pub cpe: Option<String>,
    /// How sure it is.
    pub confidence: u8,
    /// It is a hypothesis.
    pub unconfirmed: bool,
    /// Where the knowledge comes from.
    pub source: String,
    /// Values that it must know.
    pub matches: Vec<String>,
    /// Values that it must not know.
    pub rejects: Vec<String>,
}

impl Rules {
    /// The rule with a number, a folder's own before the one that ships.
    ///
    /// # Errors
    /// A file of the folder cannot be read, or is no rule file.
    pub fn explain(folder: Option<&Path>, id: u32) -> Result<Option<Explained>, RuleError> {
        let mut found: Option<(Explained, Origin)> = None;
        let mut look = |file: &str, text: &str, origin: Origin| {
            let parsed = parse(file, text)?;
            if let Some(rule) = parsed.rule.iter().find(|rule| rule.id == id) {
                let mut explained = explained(file, &parsed, rule);
                let shipped = found
                    .take()
                    .filter(|(_, origin)| *origin == Origin::Embedded);
                explained.replaces = shipped.map(|(shipped, _)| shipped.file);
                found = Some((explained, origin));
            }
            Ok(())
        };
        for (file, text) in embedded::FILES {
            look(file, text, Origin::Embedded)?;
        }
        for path in folder.map(files_of).transpose()?.unwrap_or_default() {
            look(&path.display().to_string(), &read(&path)?, Origin::Local)?;
        }
        Ok(found.map(|(explained, _)| explained))
    }
}

fn explained(file: &str, parsed: &schema::File, rule: &schema::Rule) -> Explained {
    let keys = [
        ("exact", &rule.exact),
        ("prefix", &rule.prefix),
        ("pattern", &rule.pattern),
        ("table", &rule.table),
    ];
    let mut keys = keys
        .into_iter()
        .filter_map(|(kind, text)| text.clone().map(|text| (kind, text)));
    let cpe = rule.cpe.as_ref().map(|cpe| {
        let version = cpe.version.as_deref().unwrap_or("*");
        format!(
            "cpe:2.3:{}:{}:{}:{version}",
            cpe.part, cpe.vendor, cpe.product
        )
    });
    Explained {
        file: file.to_owned(),
        field: parsed.fields().collect::<Vec<_>>().join(", "),
        replaces: None,
        id: rule.id,
        name: rule.name.clone(),
        key: keys.next().unwrap_or(("no key", String::new())),
        gives: rule
            .attributes()
            .map(|(attribute, text)| (attribute.name(), text.to_owned()))
            .collect(),
        cpe,
        confidence: rule.confidence,
        unconfirmed: rule.unconfirmed,
        source: rule.source.clone(),
        matches: rule
            .matches
            .iter()
            .map(|example| example.value.clone())
            .collect(),
        rejects: rule.rejects.clone(),
    }
}
