//! A text with named captures in it: `"Windows ${version}"`. It knows no other syntax; a `$`
//! that does not begin `${name}` stands for itself.

use regex::bytes::{Captures, Regex};

/// What a rule gives for one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// Always the same text.
    Literal(Box<str>),
    /// One capture and nothing around it, by its name: borrowed from the value.
    Capture(Box<str>),
    /// Text and captures, joined.
    Joined(Box<[Part]>),
}

/// A piece of a joined template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Text(Box<str>),
    /// A capture, by its name.
    Capture(Box<str>),
}

impl Template {
    /// Parses a text against the names that the pattern captures (`None`: there is no pattern);
    /// an error names the fault.
    pub fn parse(text: &str, names: Option<&[String]>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, reference)) = rest.split_once("${") {
            let Some((name, after)) = reference.split_once('}') else {
                return Err(format!("\"{text}\" has \"${{\" without \"}}\""));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            check_name(name, names)?;
            parts.push(Part::Capture(name.into()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(match parts.as_slice() {
            [Part::Text(text)] => Self::Literal(text.clone()),
            [Part::Capture(name)] => Self::Capture(name.clone()),
            _ => Self::Joined(parts.into()),
        })
    }

    /// The text, where it is always the same.
    pub fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            _ => None,
        }
    }

    /// True when the text depends on the value.
    pub fn captures(&self) -> bool {
        !matches!(self, Self::Literal(_))
    }

    /// The text for a value, trimmed: `None` where a capture took no part, is empty, or is not
    /// UTF-8. `joined` holds the text of joined templates and is overwritten.
    pub fn text<'a>(&'a self, found: &Found<'a>, joined: &'a mut String) -> Option<&'a str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Capture(name) => found.capture(name),
            Self::Joined(parts) => {
                joined.clear();
                for part in parts {
                    joined.push_str(match part {
                        Part::Text(text) => text,
                        Part::Capture(name) => found.capture(name)?,
                    });
                }
                Some(joined.trim()).filter(|text| !text.is_empty())
            }
        }
    }
}

/// Refuses a name that nothing captures.
fn check_name(name: &str, names: Option<&[String]>) -> Result<(), String> {
    match names {
        None => Err(format!(
            "${{{name}}} needs a pattern; exact and prefix capture nothing"
        )),
        Some(names) if names.iter().any(|known| known == name) => Ok(()),
        Some([]) => Err(format!(
            "${{{name}}} is not captured; write (?<{name}>…) in the pattern"
        )),
        Some(names) => {
            let known = names.join(", ");
            Err(format!("${{{name}}} is not captured; allowed are {known}"))
        }
    }
}

/// What a pattern captures of a value.
pub struct Found<'a> {
    value: &'a str,
    captures: Option<Captures<'a>>,
}

impl<'a> Found<'a> {
    /// Looks the captures up; without a pattern there are none.
    pub fn new(value: &'a str, pattern: Option<&Regex>) -> Self {
        let captures = pattern.and_then(|pattern| pattern.captures(value.as_bytes()));
        Self { value, captures }
    }

    fn capture(&self, name: &str) -> Option<&'a str> {
        let range = self.captures.as_ref()?.name(name)?.range();
        let text = self.value.get(range)?.trim();
        Some(text).filter(|text| !text.is_empty())
    }
}
