//! Why a feed, or one record of it, was not taken. It never holds what the record says beyond a
//! short excerpt, so that a report stays readable whatever the feed holds.

use std::fmt;

use serde::Serialize;

/// Characters of a quoted value.
const QUOTED_CHARS_MAX: usize = 40;

/// A file that was not taken, and why: one sentence, with the line where one is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Refusal {
    /// The line, from 1, where the file has lines and one is to blame.
    pub line: Option<u64>,
    /// What is wrong, and what is allowed.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl Refusal {
    /// A file as a whole.
    pub fn of_file(reason: impl Into<String>) -> Self {
        Self {
            line: None,
            reason: reason.into(),
        }
    }

    /// One line is to blame.
    pub fn at(line: u64, reason: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            reason: reason.into(),
        }
    }

    /// What the JSON reader says of a text that begins at `line`.
    pub fn json(line: u64, error: &serde_json::Error) -> Self {
        let at = line + (error.line() as u64).saturating_sub(1);
        let mut reason = error.to_string();
        if let Some(end) = reason.rfind(" at line ") {
            reason.truncate(end);
        }
        if reason.chars().count() > 200 {
            reason = reason.chars().take(200).collect();
        }
        Self::at(at, reason)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Refusal>())
        {
            Some(refusal) => refusal.clone(),
            None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::of_file("it is cut short")
            }
            None => Self::of_file(error.to_string()),
        }
    }
}

/// A short, printable excerpt of a value, in quotes.
pub fn quoted(value: &str) -> String {
    let short: String = value.chars().take(QUOTED_CHARS_MAX).collect();
    let dots = if short.len() < value.len() { "…" } else { "" };
    format!("`{}{dots}`", short.escape_debug())
}
