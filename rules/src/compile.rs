//! From the text of rules to what the matcher runs: every promise of the schema is checked
//! here, once. It reads no file and matches no value.

use crate::error::RuleError;
use crate::expression;
use crate::limits::{
    CONFIDENCE_MAX, EXAMPLES_MAX, PATTERN_BYTES_MAX, PATTERN_STATES_SURE, TEXT_BYTES_MAX,
    UNCONFIRMED_CONFIDENCE_MAX,
};
use crate::outline::{self, Outline};
use crate::schema;
use crate::tables::{TABLES, Table};
use crate::template::Template;
use medtap_table::vocabulary::{Attribute, Category, Field, FindingId};
use regex::bytes::Regex;
use std::sync::{Arc, OnceLock};

/// One rule, ready to run.
#[derive(Debug)]
pub struct Rule {
    pub id: u32,
    pub name: Box<str>,
    pub source: Box<str>,
    pub field: Field,
    /// Fields with values of the same kind, which it reads too.
    pub also: Arc<[Field]>,
    pub confidence: u8,
    pub unconfirmed: bool,
    pub key: Key,
    pub gives: Box<[(Attribute, Template)]>,
    pub cpe: Option<Cpe>,
    /// Built for the first value that holds what the pattern needs: most rules never see one.
    regex: OnceLock<Option<Regex>>,
    /// True where a template or the version refers to a capture.
    needs_captures: bool,
}

/// Which values a rule knows.
#[derive(Debug)]
pub enum Key {
    /// The whole value.
    Exact { text: Box<str>, ignore_case: bool },
    /// Its beginning.
    Prefix { text: Box<str>, ignore_case: bool },
    /// A pattern, for the whole value.
    Pattern(Box<str>),
    /// The values of a code list, which also says what each gives.
    Table(&'static Table),
}

impl Key {
    /// What is looked for; a code list has no one text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Exact { text, .. } | Self::Prefix { text, .. } | Self::Pattern(text) => {
                Some(text)
            }
            Self::Table(_) => None,
        }
    }
}

/// The software that wrote the value.
#[derive(Debug)]
pub struct Cpe {
    pub part: char,
    pub vendor: Box<str>,
    pub product: Box<str>,
    pub version: Option<Template>,
}

/// How far a rule is checked when it is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It ships: a test of every build compiled its pattern and proved its examples.
    Embedded,
    /// A site's own: everything but its examples is checked now.
    Local,
}

impl Rule {
    /// The pattern, ready to run; `None` for a rule without one.
    pub fn regex(&self) -> Option<&Regex> {
        let Key::Pattern(source) = &self.key else {
            return None;
        };
        let build = || expression::build(source).ok();
        self.regex.get_or_init(build).as_ref()
    }

    /// True when the pattern was needed and built.
    #[cfg(test)]
    pub fn is_built(&self) -> bool {
        self.regex.get().is_some()
    }

    /// The pattern that finds the captures, where the rule refers to any.
    pub fn captures(&self) -> Option<&Regex> {
        self.regex().filter(|_| self.needs_captures)
    }
}

/// Compiles one rule of a file; the error names file and rule.
pub fn rule(
    file: &str,
    fields: (Field, &Arc<[Field]>),
    text: &schema::Rule,
    origin: Origin,
) -> Result<Rule, RuleError> {
    let fault = |reason: String| RuleError::Rule {
        file: file.to_owned(),
        id: text.id,
        reason,
    };
    check_texts(text).map_err(fault)?;
    let key = key(text).map_err(fault)?;
    let names = match &key {
        Key::Pattern(source) if origin == Origin::Local => {
            Some(outline(source).map_err(fault)?.names)
        }
        Key::Pattern(source) => Some(names_in(source)),
        _ => None,
    };
    let mut gives = Vec::new();
    for (attribute, value) in text.attributes() {
        gives.push((
            attribute,
            given(attribute, value, names.as_deref()).map_err(fault)?,
        ));
    }
    let cpe = text
        .cpe
        .as_ref()
        .map(|cpe| product(cpe, names.as_deref()))
        .transpose();
    let cpe = cpe.map_err(fault)?;
    let version = cpe.as_ref().and_then(|cpe: &Cpe| cpe.version.as_ref());
    let mut templates = gives.iter().map(|(_, template)| template).chain(version);
    let needs_captures = templates.any(Template::captures);
    Ok(Rule {
        id: text.id,
        name: text.name.as_str().into(),
        source: text.source.as_str().into(),
        field: fields.0,
        also: Arc::clone(fields.1),
        confidence: text.confidence,
        unconfirmed: text.unconfirmed,
        key,
        gives: gives.into(),
        cpe,
        regex: OnceLock::new(),
        needs_captures,
    })
}

/// The promises that need no pattern.
fn check_texts(rule: &schema::Rule) -> Result<(), String> {
    if rule.id == 0 {
        return Err("id 0 means \"no rule\"; expected a number from 1".into());
    }
    let keys = [("exact", &rule.exact), ("prefix", &rule.prefix)];
    let optional = keys
        .iter()
        .filter_map(|(key, text)| text.as_deref().map(|text| (*key, text)));
    let attributes = rule
        .attributes()
        .map(|(attribute, text)| (attribute.name(), text));
    for (key, text) in [
        ("name", rule.name.as_str()),
        ("source", rule.source.as_str()),
    ]
    .into_iter()
    .chain(optional)
    .chain(attributes)
    {
        check_text(key, text)?;
    }
    if rule.confidence > CONFIDENCE_MAX {
        return Err(format!(
            "confidence {}; allowed is 0 to {CONFIDENCE_MAX}",
            rule.confidence
        ));
    }
    if rule.unconfirmed && rule.confidence > UNCONFIRMED_CONFIDENCE_MAX {
        return Err(format!(
            "confidence {} of an unconfirmed rule; allowed is 0 to {UNCONFIRMED_CONFIDENCE_MAX}",
            rule.confidence
        ));
    }
    let examples = rule.matches.len().max(rule.rejects.len());
    if rule.matches.is_empty() || examples > EXAMPLES_MAX {
        return Err(format!(
            "expected 1 to {EXAMPLES_MAX} examples in matches and in rejects"
        ));
    }
    Ok(())
}

fn check_text(key: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{key} is empty; leave it out or give it a text"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!(
            "{key} has {} bytes; allowed are {TEXT_BYTES_MAX}",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!(
            "{key} holds a control character; expected one line of text"
        ));
    }
    Ok(())
}

fn key(rule: &schema::Rule) -> Result<Key, String> {
    let ignore_case = rule.ignore_case;
    match (&rule.exact, &rule.prefix, &rule.pattern, &rule.table) {
        (None, None, None, Some(name)) => table(rule, name),
        (Some(text), None, None, None) => Ok(Key::Exact {
            text: text.as_str().into(),
            ignore_case,
        }),
        (None, Some(text), None, None) => Ok(Key::Prefix {
            text: text.as_str().into(),
            ignore_case,
        }),
        (None, None, Some(pattern), None) if pattern.len() <= PATTERN_BYTES_MAX => {
            Ok(Key::Pattern(outline::whole(pattern, ignore_case).into()))
        }
        (None, None, Some(pattern), None) => {
            let length = pattern.len();
            Err(format!(
                "pattern has {length} bytes; allowed are {PATTERN_BYTES_MAX}"
            ))
        }
        _ => Err("expected exactly one of exact, prefix, pattern and table".into()),
    }
}

/// The key of a rule that hands a code list to a field; its rows say what they give.
fn table(rule: &schema::Rule, name: &str) -> Result<Key, String> {
    let Some(table) = Table::named(name) else {
        let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        let names = names.join(", ");
        return Err(format!(
            "table \"{name}\" is not known; allowed are {names}"
        ));
    };
    if rule.ignore_case || rule.cpe.is_some() || rule.attributes().next().is_some() {
        return Err(
            "a rule with a table gives what its rows say; leave out ignore_case, cpe and \
             attributes"
                .into(),
        );
    }
    Ok(Key::Table(table))
}

/// Reads a pattern; one that might be too large once compiled is compiled to see.
fn outline(source: &str) -> Result<Outline, String> {
    let outline = outline::outline(source)?;
    if outline.states > PATTERN_STATES_SURE {
        expression::build(source).map_err(|error| expression::fault(&error))?;
    }
    Ok(outline)
}

/// The names that a proven pattern captures, without reading its syntax.
fn names_in(source: &str) -> Vec<String> {
    let groups = source.split("(?<").skip(1);
    groups
        .filter_map(|rest| rest.split_once('>'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn given(attribute: Attribute, text: &str, names: Option<&[String]>) -> Result<Template, String> {
    let categories = Category::ALL.iter().skip(1).map(|category| category.name());
    let findings = FindingId::ALL.iter().map(|finding| finding.name());
    match attribute {
        Attribute::Category => check_name("category", text, categories)?,
        Attribute::Finding => check_name("finding", text, findings)?,
        Attribute::EndOfSupport => check_date(text)?,
        _ => {}
    }
    Template::parse(text, names).map_err(|reason| format!("{}: {reason}", attribute.name()))
}

/// A value that must be one of the vocabulary's names.
fn check_name(
    kind: &str,
    text: &str,
    names: impl Iterator<Item = &'static str>,
) -> Result<(), String> {
    let names: Vec<&str> = names.collect();
    match names.contains(&text) {
        true => Ok(()),
        false => Err(format!(
            "{kind} \"{text}\" is not known; allowed are {}",
            names.join(", ")
        )),
    }
}

/// A day as RFC 3339 writes it; whether the month has so many is left to who reads it.
fn check_date(text: &str) -> Result<(), String> {
    let fits = text.len() == 10
        && text
            .bytes()
            .zip(*b"0000-00-00")
            .all(|(byte, shape)| match shape {
                b'-' => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
    match fits {
        true => Ok(()),
        false => Err(format!(
            "end_of_support \"{text}\"; expected a date such as 2020-01-14"
        )),
    }
}

fn product(cpe: &schema::Cpe, names: Option<&[String]>) -> Result<Cpe, String> {
    if !matches!(cpe.part, 'a' | 'o' | 'h') {
        return Err(format!("cpe part \"{}\"; allowed are a, o and h", cpe.part));
    }
    for (key, text) in [("cpe vendor", &cpe.vendor), ("cpe product", &cpe.product)] {
        check_text(key, text)?;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.\\".contains(c);
        if !text.chars().all(good) {
            return Err(format!(
                "{key} \"{text}\"; allowed are lower-case letters, digits, _ - . and \\ \
                 as the CPE dictionary spells it"
            ));
        }
    }
    let version = match &cpe.version {
        None => None,
        Some(text) => {
            check_text("cpe version", text)?;
            let parsed = Template::parse(text, names);
            Some(parsed.map_err(|reason| format!("cpe version: {reason}"))?)
        }
    };
    Ok(Cpe {
        part: cpe.part,
        vendor: cpe.vendor.as_str().into(),
        product: cpe.product.as_str().into(),
        version,
    })
}
