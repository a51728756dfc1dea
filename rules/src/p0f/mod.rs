//! The TCP signatures of p0f (version 3, `p0f.fp`) as local rules: read from a file that the user
//! names, each proved by an example of itself, and left out with its line and a reason where it
//! cannot be used. It ships none of them.

mod signature;
#[cfg(test)]
mod tests;

use crate::error::RuleError;
use crate::expression;
use crate::imported::Imported;
use crate::limits::{P0F_FILE_BYTES_MAX, P0F_ID_MIN, P0F_RULES_MAX, PATTERN_BYTES_MAX};
use crate::rules::{file_name, read_up_to};
use crate::schema;
use medtap_table::vocabulary::{Attribute, Field};
use std::collections::BTreeMap;
use std::path::Path;

/// The sections that are read, and the fields that hold the same marks.
const SECTIONS: [(&str, Field); 2] = [
    ("tcp:request", Field::TcpSyn),
    ("tcp:response", Field::TcpSynAck),
];

/// How sure a rule is that was made of one system's signature, and of a family's, in percent: a
/// stack is no product.
const CONFIDENCE_OF_SYSTEM: u8 = 45;
const CONFIDENCE_OF_FAMILY: u8 = 30;

/// Systems that p0f calls otherwise.
const SYSTEMS: [(&str, &str); 2] = [("Mac OS X", "macOS"), ("MacOS X", "macOS")];

/// What a label says of the signatures that follow it.
struct Label {
    text: String,
    system: Result<String, String>,
    confidence: u8,
}

/// Reads a file of p0f's signatures.
///
/// # Errors
/// The file cannot be read, or it has no section of TCP signatures.
pub fn import(path: &Path) -> Result<Imported, RuleError> {
    let text = read_up_to(path, P0F_FILE_BYTES_MAX)?;
    let name = file_name(path);
    let mut imported = Imported::default();
    let rules = read(&name, &text, &mut imported)?;
    imported.write("p0f", rules)?;
    Ok(imported)
}

/// The rules of a file; their numbers follow its order.
fn read(
    name: &str,
    text: &str,
    imported: &mut Imported,
) -> Result<BTreeMap<Field, Vec<schema::Rule>>, RuleError> {
    let mut rules: BTreeMap<Field, Vec<schema::Rule>> = BTreeMap::new();
    let (mut section, mut label) = (None, None);
    let mut is_list = false;
    for (line, content) in (1..).zip(text.lines()) {
        let place = format!("{name}:{line}");
        let content = content.trim();
        if content.is_empty() || content.starts_with(';') {
            continue;
        }
        if let Some(title) = content
            .strip_prefix('[')
            .and_then(|it| it.strip_suffix(']'))
        {
            section = SECTIONS.iter().find(|(known, _)| *known == title);
            is_list |= section.is_some();
            label = None;
            continue;
        }
        let Some((_, field)) = section else {
            continue;
        };
        let Some((key, value)) = content.split_once('=') else {
            imported.skip(
                &place,
                content,
                "it is no line of p0f: expected is key = value".to_owned(),
            );
            continue;
        };
        match (key.trim(), value.trim()) {
            ("label", value) => label = Some(read_label(value)),
            ("sys", _) => {}
            ("sig", value) if imported.used < P0F_RULES_MAX => match rule(&place, value, &label) {
                Ok(mut rule) => {
                    rule.id = P0F_ID_MIN + imported.used as u32;
                    imported.used += 1;
                    imported.examples += 1;
                    rules.entry(*field).or_default().push(rule);
                }
                Err(reason) => imported.skip(&place, value, reason),
            },
            ("sig", value) => {
                imported.skip(&place, value, "more rules than are allowed".to_owned());
            }
            (key, _) => {
                imported.skip(&place, content, format!("its key \"{key}\" is not known"));
            }
        }
    }
    match is_list {
        true => Ok(rules),
        false => Err(RuleError::File {
            file: name.to_owned(),
            cause: "no list of p0f's signatures: it has neither [tcp:request] nor [tcp:response]"
                .to_owned(),
        }),
    }
}

/// `s:unix:Linux:3.11 and newer`: specific or general, class, name, flavour.
fn read_label(text: &str) -> Label {
    let parts: Vec<&str> = text.splitn(4, ':').map(str::trim).collect();
    let confidence = match parts.first() {
        Some(&"s") => CONFIDENCE_OF_SYSTEM,
        _ => CONFIDENCE_OF_FAMILY,
    };
    let system = match *parts {
        ["s" | "g", "!", ..] => Err("its label names a program, not a system".to_owned()),
        ["s" | "g", _, "", ..] => Err("its label names no system".to_owned()),
        ["s" | "g", _, system, _] => {
            let other = SYSTEMS.iter().find(|(known, _)| *known == system);
            Ok(other.map_or(system, |(_, ours)| ours).to_owned())
        }
        _ => Err("its label is not type:class:name:flavour with type s or g".to_owned()),
    };
    Label {
        text: text.chars().take(200).collect(),
        system,
        confidence,
    }
}

fn rule(place: &str, text: &str, label: &Option<Label>) -> Result<schema::Rule, String> {
    let label = label.as_ref().ok_or("no label stands before it")?;
    let system = label.system.clone()?;
    let (pattern, example) = signature::translate(text)?;
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!(
            "its pattern has {} bytes; allowed are {PATTERN_BYTES_MAX}",
            pattern.len()
        ));
    }
    let regex = expression::build(&format!(r"\A(?:{pattern})\z"))
        .map_err(|error| expression::fault(&error))?;
    if !regex.is_match(example.as_bytes()) {
        return Err("it does not know its own example".to_owned());
    }
    let mut rule = schema::Rule::default();
    rule.name = label.text.clone();
    rule.confidence = label.confidence;
    rule.source = format!("p0f, {place}");
    rule.pattern = Some(pattern);
    rule.set(Attribute::Os, system);
    let mut matches = schema::Example::default();
    matches.value = example;
    rule.matches = vec![matches];
    Ok(rule)
}
