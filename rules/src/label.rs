//! A name that a person gives to values that nothing knew, as a rule file. It decides neither
//! which values nor which name.

use crate::error::RuleError;
use crate::rules::Rules;
use crate::schema;
use medtap_table::vocabulary::{Attribute, Field};
use std::path::Path;

/// What a person says that a device is.
#[derive(Debug, Clone, Default)]
pub struct Label {
    /// A name of [`medtap_table::vocabulary::Category`].
    pub category: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

/// How sure a person is taken to be, in percent.
const CONFIDENCE: u8 = 85;

impl Label {
    /// A rule file for one field: each of these values, exactly, is what the label says. The
    /// rules get the numbers from `first_id` on.
    ///
    /// # Errors
    /// Why no such file can be written.
    pub fn file(
        &self,
        field: Field,
        values: &[&str],
        first_id: u32,
        source: &str,
    ) -> Result<String, String> {
        let mut rules = Vec::new();
        for (id, value) in (first_id..).zip(values) {
            let mut example = schema::Example::default();
            example.value = (*value).to_owned();
            let mut rule = schema::Rule::default();
            rule.id = id;
            rule.name = format!("labelled by hand: {}", self.text());
            rule.exact = Some((*value).to_owned());
            rule.confidence = CONFIDENCE;
            rule.source = source.to_owned();
            rule.matches = vec![example];
            for (attribute, text) in [
                (Attribute::Category, &self.category),
                (Attribute::Manufacturer, &self.manufacturer),
                (Attribute::Model, &self.model),
            ] {
                if let Some(text) = text {
                    rule.set(attribute, text.clone());
                }
            }
            rules.push(rule);
        }
        let file = schema::File {
            field: field.name().to_owned(),
            also: Vec::new(),
            rule: rules,
        };
        toml::to_string(&file).map_err(|error| error.to_string())
    }

    fn text(&self) -> String {
        let parts = [&self.manufacturer, &self.model, &self.category];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join(" ")
    }
}

impl Rules {
    /// The first number that a new local rule of a folder can have.
    ///
    /// # Errors
    /// As [`Rules::load`].
    pub fn next_local_id(folder: &Path) -> Result<u32, RuleError> {
        let rules = Self::load(Some(folder))?;
        let last = rules.all().map(|rule| rule.id).max().unwrap_or(0);
        Ok(last.saturating_add(1).max(crate::LOCAL_ID_MIN))
    }
}
