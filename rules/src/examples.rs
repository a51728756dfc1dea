//! A rule proves itself: what it must match, with what must come out, and what it must not
//! match. It judges one rule alone; how rules live together is tested over all of them.

use crate::compile::Rule;
use crate::matcher;
use crate::schema;
use crate::template::{Found, Template};
use medtap_table::vocabulary::Attribute;
use std::collections::BTreeMap;

/// Checks the examples of a rule; an error says which one fails and how.
pub fn check(rule: &Rule, text: &schema::Rule) -> Result<(), String> {
    let knows = |value: &str| rule.knows_key(value);
    for example in &text.matches {
        if !knows(&example.value) {
            return Err(format!("does not match its example \"{}\"", example.value));
        }
        check_result(rule, example)?;
    }
    match text.rejects.iter().find(|value| knows(value)) {
        Some(value) => Err(format!("matches \"{value}\", which it is to reject")),
        None => Ok(()),
    }
}

/// Compares what comes out of an example with what it says.
fn check_result(rule: &Rule, example: &schema::Example) -> Result<(), String> {
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    matcher::claims(rule, &example.value, &mut |claim| {
        if claim.attribute != Attribute::Observed {
            found.insert(claim.attribute.name(), claim.value.to_owned());
        }
    });
    let mut expected: BTreeMap<&str, String> = example
        .attributes()
        .map(|(attribute, text)| (attribute.name(), text.into()))
        .collect();
    for (attribute, template) in &rule.gives {
        // What a rule always gives need not be said again by each example.
        if let Template::Literal(text) = template {
            expected
                .entry(attribute.name())
                .or_insert_with(|| text.to_string());
        }
    }
    if let Some(version) = rule.cpe.as_ref().and_then(|cpe| cpe.version.as_ref()) {
        let places = Found::new(&example.value, rule.captures());
        let mut joined = String::new();
        if let Some(text) = version.text(&places, &mut joined) {
            found.insert("version", text.to_owned());
        }
        if let Template::Literal(text) = version {
            expected
                .entry("version")
                .or_insert_with(|| text.to_string());
        }
    }
    if let Some(version) = &example.version {
        expected.insert("version", version.clone());
    }
    match found == expected {
        true => Ok(()),
        false => Err(format!(
            "example \"{}\" gives {found:?}, but it says {expected:?}",
            example.value
        )),
    }
}
