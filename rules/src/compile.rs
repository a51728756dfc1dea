//! From the text of rules to what the matcher runs: every promise of the schema is checked
//! here, once. It reads no file and matches no value.

use crate::error::RuleError;
use crate::limits::{
    AUTOMATON_BYTES_MAX, CONFIDENCE_MAX, EXAMPLES_MAX, FIELD_COMPILED_BYTES_MAX, PATTERN_BYTES_MAX,
    PATTERN_COMPILED_BYTES_MAX, PATTERN_NESTING_MAX, TEXT_BYTES_MAX, UNCONFIRMED_CONFIDENCE_MAX,
};
use crate::schema;
use crate::template::Template;
use medtap_table::vocabulary::{Attribute, Category, Field};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// One rule, ready to run.
#[derive(Debug)]
pub struct Rule {
    pub id: u32,
    pub name: Box<str>,
    pub source: Box<str>,
    pub field: Field,
    pub confidence: u8,
    pub unconfirmed: bool,
    pub key: Key,
    pub gives: Box<[(Attribute, Template)]>,
    pub cpe: Option<Cpe>,
    /// Finds the captures; only where a template or the version refers to one.
    pub captures: Option<Regex>,
}

/// Which values a rule knows.
#[derive(Debug)]
pub enum Key {
    /// The whole value.
    Exact { text: Box<str>, ignore_case: bool },
    /// Its beginning.
    Prefix { text: Box<str>, ignore_case: bool },
    /// A pattern, as handed to the set of its field.
    Pattern(Box<str>),
}

/// The software that wrote the value.
#[derive(Debug)]
pub struct Cpe {
    pub part: char,
    pub vendor: Box<str>,
    pub product: Box<str>,
    pub version: Option<Template>,
}

/// Compiles one rule of a file; the error names file and rule.
pub fn rule(file: &str, field: Field, text: &schema::Rule) -> Result<Rule, RuleError> {
    let fault = |reason: String| RuleError::Rule {
        file: file.to_owned(),
        id: text.id,
        reason,
    };
    check_texts(text).map_err(fault)?;
    let (key, pattern) = key(text).map_err(fault)?;
    let mut gives = Vec::new();
    for (attribute, value) in text.attributes() {
        gives.push((
            attribute,
            given(attribute, value, pattern.as_ref()).map_err(fault)?,
        ));
    }
    let cpe = text
        .cpe
        .as_ref()
        .map(|cpe| product(cpe, pattern.as_ref()))
        .transpose();
    let cpe = cpe.map_err(fault)?;
    let version = cpe.as_ref().and_then(|cpe: &Cpe| cpe.version.as_ref());
    let mut templates = gives.iter().map(|(_, template)| template).chain(version);
    let captures = if templates.any(Template::captures) {
        pattern
    } else {
        None
    };
    Ok(Rule {
        id: text.id,
        name: text.name.as_str().into(),
        source: text.source.as_str().into(),
        field,
        confidence: text.confidence,
        unconfirmed: text.unconfirmed,
        key,
        gives: gives.into(),
        cpe,
        captures,
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

fn key(rule: &schema::Rule) -> Result<(Key, Option<Regex>), String> {
    let ignore_case = rule.ignore_case;
    match (&rule.exact, &rule.prefix, &rule.pattern) {
        (Some(text), None, None) => Ok((
            Key::Exact {
                text: text.as_str().into(),
                ignore_case,
            },
            None,
        )),
        (None, Some(text), None) => Ok((
            Key::Prefix {
                text: text.as_str().into(),
                ignore_case,
            },
            None,
        )),
        (None, None, Some(pattern)) => {
            let (source, regex) = compile_pattern(pattern, ignore_case)?;
            Ok((Key::Pattern(source.into()), Some(regex)))
        }
        _ => Err("expected exactly one of exact, prefix and pattern".into()),
    }
}

/// Compiles a pattern, anchored at both ends, with ASCII classes. Case folding is written into
/// the text, since a set has one setting for all.
fn compile_pattern(pattern: &str, ignore_case: bool) -> Result<(String, Regex), String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        let length = pattern.len();
        return Err(format!(
            "pattern has {length} bytes; allowed are {PATTERN_BYTES_MAX}"
        ));
    }
    let flags = if ignore_case { "i" } else { "" };
    let source = format!(r"\A(?{flags}:{pattern})\z");
    let regex = RegexBuilder::new(&source)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(PATTERN_COMPILED_BYTES_MAX)
        .dfa_size_limit(AUTOMATON_BYTES_MAX)
        .nest_limit(PATTERN_NESTING_MAX)
        .build()
        .map_err(|error| pattern_fault(&error))?;
    if regex.is_match(b"") {
        return Err("pattern matches the empty text; expected one that needs a character".into());
    }
    Ok((source, regex))
}

/// One line from the regex crate's picture of the fault.
fn pattern_fault(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!(
            "pattern is larger than {PATTERN_COMPILED_BYTES_MAX} bytes once compiled; \
             allowed are smaller repetitions"
        ),
        _ => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim().trim_start_matches("error: ");
            format!(
                "pattern is not a regular expression: {reason}; allowed is the syntax of the regex crate, ASCII classes"
            )
        }
    }
}

fn given(attribute: Attribute, text: &str, pattern: Option<&Regex>) -> Result<Template, String> {
    if attribute == Attribute::Category {
        let known = Category::from_name(text).filter(|category| *category != Category::Unknown);
        known.ok_or_else(|| {
            let names = Category::ALL.iter().skip(1).map(|category| category.name());
            let names: Vec<&str> = names.collect();
            format!(
                "category \"{text}\" is not known; allowed are {}",
                names.join(", ")
            )
        })?;
    }
    Template::parse(text, pattern).map_err(|reason| format!("{}: {reason}", attribute.name()))
}

fn product(cpe: &schema::Cpe, pattern: Option<&Regex>) -> Result<Cpe, String> {
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
            let parsed = Template::parse(text, pattern);
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

/// The patterns of one field as one automaton, in the order of `rules`.
pub fn pattern_set(patterns: &[&str]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(FIELD_COMPILED_BYTES_MAX)
        .dfa_size_limit(AUTOMATON_BYTES_MAX)
        .nest_limit(PATTERN_NESTING_MAX + 2)
        .build()
}
