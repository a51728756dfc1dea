//! Sets of versions as advisories write them: operators, `vers:`, lists, and the usual English.
//! A text that can't be read stays unreadable; it matches nothing exactly.

use std::cmp::Ordering;

use super::Version;
use crate::feeds::limits::{RANGES_MAX, TEXT_BYTES_MAX};

/// The versions that a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// Every version.
    All,
    /// The product alone was named.
    Unstated,
    /// Any of these.
    Some(Vec<Range>),
    /// Any of these, under a condition that traffic does not show: `<= 1.54 (in the gateway)`.
    Conditional(Vec<Range>),
    /// Something was said that can't be read.
    Unreadable,
}

/// A run of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    low: Option<(Version, bool)>,
    high: Option<(Version, bool)>,
}

/// Whether a version is in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containment {
    /// It is, and is named itself.
    Named,
    /// It lies in a range.
    Inside,
    /// It is not.
    Outside,
    /// That can't be told: another scheme, or a text that can't be read.
    Unknown,
}

impl Range {
    /// From `low` to `high`, each with whether it belongs to the range. `None` where the low end
    /// lies above the high one.
    pub fn new(low: Option<(Version, bool)>, high: Option<(Version, bool)>) -> Option<Self> {
        if let (Some((low, _)), Some((high, _))) = (&low, &high)
            && low.compare(high) == Some(Ordering::Greater)
        {
            return None;
        }
        Some(Self { low, high })
    }

    /// One version alone.
    pub fn exact(version: Version) -> Self {
        Self {
            low: Some((version.clone(), true)),
            high: Some((version, true)),
        }
    }

    fn is_exact(&self) -> bool {
        self.low == self.high && self.low.as_ref().is_some_and(|(low, _)| !low.is_wild())
    }

    fn contains(&self, version: &Version) -> Containment {
        let mut unknown = false;
        let ends = [(&self.low, Ordering::Less), (&self.high, Ordering::Greater)];
        for (end, beyond) in ends {
            let Some((end, included)) = end else {
                continue;
            };
            match version.compare(end) {
                None => unknown = true,
                Some(order) if order == beyond => return Containment::Outside,
                Some(Ordering::Equal) if !included => return Containment::Outside,
                Some(_) => {}
            }
        }
        match unknown {
            true => Containment::Unknown,
            false if self.is_exact() => Containment::Named,
            false => Containment::Inside,
        }
    }
}

impl Versions {
    /// Whether a version belongs to the set. What is comparable decides.
    pub fn contains(&self, version: &Version) -> Containment {
        let (ranges, conditional) = match self {
            Self::All => return Containment::Inside,
            Self::Unstated | Self::Unreadable => return Containment::Unknown,
            Self::Some(ranges) => (ranges, false),
            Self::Conditional(ranges) => (ranges, true),
        };
        let found: Vec<_> = ranges.iter().map(|range| range.contains(version)).collect();
        for decisive in [Containment::Named, Containment::Inside] {
            if found.contains(&decisive) {
                return if conditional {
                    Containment::Unknown
                } else {
                    decisive
                };
            }
        }
        match found.contains(&Containment::Outside) {
            true => Containment::Outside,
            false => Containment::Unknown,
        }
    }

    /// It has an end, so that a version can lie outside.
    pub fn is_bounded(&self) -> bool {
        matches!(self, Self::Some(_) | Self::Conditional(_))
    }

    /// Reads a set of versions.
    pub fn parse(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return Self::Unstated;
        }
        if text.len() > TEXT_BYTES_MAX {
            return Self::Unreadable;
        }
        if let Some(rest) = text.strip_prefix("vers:") {
            return match rest.split_once('/') {
                Some((_, "*")) => Self::All,
                Some((_, constraints)) => collect(&unescape(constraints)),
                None => Self::Unreadable,
            };
        }
        collect(&text)
    }
}

/// `%3C` and the like, as `vers:` escapes what its own syntax uses.
fn unescape(text: &str) -> String {
    let mut found = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        found.extend_from_slice(before.as_bytes());
        let code = escape
            .get(1..3)
            .map(|digits| u8::from_str_radix(digits, 16));
        let taken = match code {
            Some(Ok(code)) => {
                found.push(code);
                3
            }
            _ => {
                found.push(b'%');
                1
            }
        };
        rest = escape.get(taken..).unwrap_or_default();
    }
    found.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&found).into_owned()
}

/// Phrases and what they mean, longer ones first.
const PREFIXES: &[(&str, &str)] = &[
    ("prior to and including ", "<= "),
    ("up to and including ", "<= "),
    ("up to (including) ", "<= "),
    ("earlier than or equal to ", "<= "),
    ("all versions prior to ", "< "),
    ("all versions before ", "< "),
    ("all versions up to ", "<= "),
    ("versions prior to ", "< "),
    ("version prior to ", "< "),
    ("starting with ", ">= "),
    ("starting from ", ">= "),
    ("earlier than ", "< "),
    ("lower than ", "< "),
    ("less than ", "< "),
    ("older than ", "< "),
    ("prior to ", "< "),
    ("before ", "< "),
    ("below ", "< "),
    ("up to ", "<= "),
    ("through ", "<= "),
    ("since ", ">= "),
    ("≤", "<="),
    ("≥", ">="),
    ("=<", "<="),
    ("=>", ">="),
];

/// Endings and the operator that they mean.
const SUFFIXES: &[(&str, &str)] = &[
    ("and all prior versions", "<="),
    ("and all previous versions", "<="),
    ("and all earlier versions", "<="),
    ("and previous versions", "<="),
    ("and earlier versions", "<="),
    ("and prior versions", "<="),
    ("and earlier", "<="),
    ("and previous", "<="),
    ("and prior", "<="),
    ("and below", "<="),
    ("and lower", "<="),
    ("and older", "<="),
    ("or earlier", "<="),
    ("or prior", "<="),
    ("or below", "<="),
    ("or lower", "<="),
    ("or older", "<="),
    ("& earlier", "<="),
    ("& below", "<="),
    ("and later versions", ">="),
    ("and newer versions", ">="),
    ("and later", ">="),
    ("and newer", ">="),
    ("and above", ">="),
    ("and higher", ">="),
    ("and up", ">="),
    ("or later", ">="),
    ("or newer", ">="),
    ("or above", ">="),
    ("or higher", ">="),
];

/// Words after which a text speaks of something else than the version.
const CUTS: &[&str] = &[
    " on ",
    " with ",
    " running ",
    " when ",
    " used ",
    " installed ",
];

/// Texts that mean every version.
const ALL: &[&str] = &[
    "*",
    "all",
    "any",
    "all versions",
    "all version",
    "any version",
];

fn collect(text: &str) -> Versions {
    let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if ALL.contains(&squeezed.as_str()) {
        return Versions::All;
    }
    let (mut text, complete) = without_remarks(&squeezed);
    if ALL.contains(&text.as_str()) {
        // Every version, but under a condition that traffic does not show.
        return Versions::Conditional(Vec::new());
    }
    for (phrase, meaning) in PREFIXES {
        text = text.replace(phrase, meaning);
    }
    let mut builder = Builder::default();
    let mut pieces = text.split(['|', ',', ';']);
    let readable = pieces.all(|piece| builder.piece(piece.trim()));
    builder.end();
    match builder.ranges {
        ranges if !readable || ranges.is_empty() || ranges.len() > RANGES_MAX => {
            Versions::Unreadable
        }
        ranges if complete => Versions::Some(ranges),
        ranges => Versions::Conditional(ranges),
    }
}

/// The text without what stands in parentheses or behind a condition, and whether nothing was cut.
fn without_remarks(text: &str) -> (String, bool) {
    let whole = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let text = whole.unwrap_or(text);
    let mut kept = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut complete = true;
    for (at, c) in text.char_indices() {
        match c {
            // `12.2(55)SE7` is a version; `1.54 (integrated into …)` is a remark.
            '(' if depth > 0 || !follows_digit(text, at) => {
                depth += 1;
                complete = false;
            }
            ')' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    for cut in CUTS {
        if let Some(at) = kept.find(cut) {
            kept.truncate(at);
            complete = false;
        }
    }
    (kept.trim().to_owned(), complete)
}

fn follows_digit(text: &str, at: usize) -> bool {
    let before = text.get(..at).and_then(|text| text.chars().last());
    before.is_some_and(|c| c.is_ascii_digit())
}

/// Puts ranges together from operators and versions.
#[derive(Default)]
struct Builder {
    ranges: Vec<Range>,
    low: Option<(Version, bool)>,
}

impl Builder {
    /// Takes what stands between two separators; false where it can't be read.
    fn piece(&mut self, piece: &str) -> bool {
        if piece.is_empty() {
            return true;
        }
        if let Some((low, high)) = letters(piece) {
            return self.bound(">=", low) && self.bound("<=", high);
        }
        for (suffix, operator) in SUFFIXES {
            if let Some(version) = piece.strip_suffix(suffix) {
                return self.bound(operator, version);
            }
        }
        for infix in [" through ", " thru ", " to ", " - ", " and <", " <"] {
            let Some((low, high)) = piece.split_once(infix) else {
                continue;
            };
            let low = low
                .trim()
                .trim_start_matches("from ")
                .trim_start_matches("between ");
            if low.is_empty() || low.starts_with('<') {
                continue;
            }
            let operator = if low.starts_with('>') { "" } else { ">=" };
            let high = match infix.ends_with('<') {
                true => format!("<{high}"),
                false if high.trim().starts_with('<') => high.trim().to_owned(),
                false => format!("<={high}"),
            };
            return self.bound(operator, low) && self.bound("", &high);
        }
        if let Some((first, second)) = piece.split_once(" and ").or(piece.split_once(" or ")) {
            return self.piece(first.trim()) && self.piece(second.trim());
        }
        self.bound("", piece)
    }

    /// Takes one version with its operator.
    fn bound(&mut self, operator: &str, text: &str) -> bool {
        let text = text.trim();
        let (operator, text) = match operator {
            "" => ["<=", ">=", "==", "<", ">", "="]
                .iter()
                .find_map(|operator| Some((*operator, text.strip_prefix(operator)?)))
                .unwrap_or(("=", text)),
            _ => (operator, text),
        };
        let words = text.trim().trim_start_matches("all ");
        if let Some(list) = list_of_exact(operator, words) {
            return list.iter().all(|word| self.bound("", word));
        }
        let Some(version) = Version::parse(words) else {
            self.low = None;
            return false;
        };
        match operator {
            "<" | "<=" => {
                let range = Range::new(self.low.take(), Some((version, operator == "<=")));
                let Some(range) = range else { return false };
                self.ranges.push(range);
            }
            ">" | ">=" => {
                self.end();
                self.low = Some((version, operator == ">="));
            }
            _ => {
                self.end();
                self.ranges.push(Range::exact(version));
            }
        }
        true
    }

    /// A low end without a high one is a range of its own.
    fn end(&mut self) {
        if let Some(low) = self.low.take() {
            self.ranges.push(Range {
                low: Some(low),
                high: None,
            });
        }
    }
}

/// `release 1.3.2 1.4.0 1.4.1`: versions with nothing but blanks between them.
fn list_of_exact<'a>(operator: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let text = text.strip_prefix("release ").unwrap_or(text);
    let words: Vec<_> = text.split(' ').collect();
    let dotted = |word: &&str| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit());
    (operator == "=" && words.len() > 1 && words.iter().all(dotted)).then_some(words)
}

/// `rev b-m`: revisions of one letter, from one to another.
fn letters(piece: &str) -> Option<(&str, &str)> {
    let text = ["revision ", "rev. ", "rev "]
        .iter()
        .find_map(|word| piece.strip_prefix(word));
    let (low, high) = text.unwrap_or(piece).split_once('-')?;
    let is_letter =
        |text: &str| text.len() == 1 && text.starts_with(|c: char| c.is_ascii_lowercase());
    (is_letter(low) && is_letter(high)).then_some((low, high))
}
