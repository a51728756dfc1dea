//! Expressions over a device's JSON, for `--where` and `--fail-on`: comparisons of paths joined
//! by `and`, `or`, `not` and parentheses. They only read, and know no path that a device's JSON
//! does not have: a misspelt name is an error and no silent "never".
//!
//! ```text
//! expression = all { "or" all }        all = term { "and" term }
//! term       = "not" term | "(" expression ")" | path operator literal
//! path       = name { "." name }       operator = "=" "!=" "<" "<=" ">" ">="
//! literal    = 'text' | "text" | a word, number, time or address without spaces
//! ```

mod evaluate;
mod parse;
mod schema;

use std::net::IpAddr;

use jiff::Timestamp;
use medtap_inventory::model::Device;

/// Bytes of an expression.
const EXPRESSION_BYTES_MAX: usize = 4096;
/// `not` and parentheses inside each other.
const DEPTH_MAX: usize = 32;

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    root: Node,
}

/// Why a text is not an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {position})")]
pub struct ExpressionError {
    /// Place of the fault in characters, from 1.
    pub position: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison),
}

/// `path operator literal`.
#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    path: Vec<String>,
    operator: Operator,
    literal: Literal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is compared with; its kind is the path's.
#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Number(f64),
    Bool(bool),
    Text(String),
    Time(Timestamp),
    Address(IpAddr),
}

impl Expression {
    /// Checks a text against the grammar and the paths of a device's JSON.
    ///
    /// # Errors
    /// The first fault, and where it is.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        parse::parse(text).map(|root| Self { root })
    }

    /// True when the device matches. A path over a list matches with any of its elements; null
    /// matches nothing.
    pub fn matches(&self, device: &Device) -> bool {
        // A device is made of strings, numbers and lists: it always has a JSON form.
        serde_json::to_value(device).is_ok_and(|value| evaluate::matches(&self.root, &value))
    }
}

/// A time as people type it: RFC 3339, or a date, which means its midnight in UTC.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let whole = text.parse::<Timestamp>().ok();
    whole.or_else(|| format!("{text}T00:00:00Z").parse().ok())
}

#[cfg(test)]
mod tests;
