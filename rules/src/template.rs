//! A text with named captures in it: `"Windows ${version}"`. It knows no other syntax; a `$`
//! that does not begin `${name}` stands for itself.

use regex::bytes::{CaptureLocations, Regex};

/// What a rule gives for one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// Always the same text.
    Literal(Box<str>),
    /// One capture and nothing around it, by its group number: borrowed from the value.
    Capture(usize),
    /// Text and captures, joined.
    Joined(Box<[Part]>),
}

/// A piece of a joined template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Text(Box<str>),
    /// A capture, by its group number.
    Capture(usize),
}

impl Template {
    /// Parses a text against the names that the pattern captures; an error names the fault.
    pub fn parse(text: &str, pattern: Option<&Regex>) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, reference)) = rest.split_once("${") {
            let Some((name, after)) = reference.split_once('}') else {
                return Err(format!("\"{text}\" has \"${{\" without \"}}\""));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            parts.push(Part::Capture(group(name, pattern)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        Ok(match parts.as_slice() {
            [Part::Text(text)] => Self::Literal(text.clone()),
            [Part::Capture(group)] => Self::Capture(*group),
            _ => Self::Joined(parts.into()),
        })
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
            Self::Capture(group) => found.capture(*group),
            Self::Joined(parts) => {
                joined.clear();
                for part in parts {
                    joined.push_str(match part {
                        Part::Text(text) => text,
                        Part::Capture(group) => found.capture(*group)?,
                    });
                }
                Some(joined.trim()).filter(|text| !text.is_empty())
            }
        }
    }
}

/// The number of a named group.
fn group(name: &str, pattern: Option<&Regex>) -> Result<usize, String> {
    let Some(pattern) = pattern else {
        return Err(format!(
            "${{{name}}} needs a pattern; exact and prefix capture nothing"
        ));
    };
    let names = || pattern.capture_names().flatten();
    pattern
        .capture_names()
        .position(|known| known == Some(name))
        .ok_or_else(|| {
            let known: Vec<&str> = names().collect();
            match known.is_empty() {
                true => format!("${{{name}}} is not captured; write (?<{name}>…) in the pattern"),
                false => format!(
                    "${{{name}}} is not captured; allowed are {}",
                    known.join(", ")
                ),
            }
        })
}

/// Where a pattern's groups lie in a value.
pub struct Found<'a> {
    value: &'a str,
    groups: Option<CaptureLocations>,
}

impl<'a> Found<'a> {
    /// Looks the groups up; without a pattern there are none.
    pub fn new(value: &'a str, pattern: Option<&Regex>) -> Self {
        let groups = pattern.and_then(|pattern| {
            let mut groups = pattern.capture_locations();
            pattern
                .captures_read(&mut groups, value.as_bytes())
                .map(|_| groups)
        });
        Self { value, groups }
    }

    fn capture(&self, group: usize) -> Option<&'a str> {
        let (start, end) = self.groups.as_ref()?.get(group)?;
        let text = self.value.get(start..end)?.trim();
        Some(text).filter(|text| !text.is_empty())
    }
}
