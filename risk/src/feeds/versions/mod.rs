//! Versions as vendors really write them: dotted numbers, letters, service packs, builds, dates;
//! and their order. Two versions of different schemes have no order, and no order is made up.

use std::cmp::Ordering;

use jiff::civil::Date;

mod dates;
mod range;
#[cfg(test)]
mod tests;

pub use range::{Containment, Range, Versions};

/// Parts of one version.
const PARTS_MAX: usize = 24;
/// Bytes of one version.
const VERSION_BYTES_MAX: usize = 128;

/// Words before a version that are no part of it.
const LEADING: &[&str] = &[
    "version", "versions", "ver", "release", "rel", "revision", "rev", "firmware", "software",
    "sw", "fw",
];
/// Words that say that a version is not yet it, the earliest first.
const BEFORE: &[&str] = &[
    "dev", "snapshot", "nightly", "alpha", "beta", "preview", "pre", "rc",
];
/// Words that say that something was added to a version.
const AFTER: &[&str] = &[
    "sp", "sr", "mr", "hf", "hotfix", "cu", "patch", "update", "pl", "su", "fix", "fp",
];
/// Words of a text that is no version, though it has a number: `2nd Edition`.
const FOREIGN: &[&str] = &["st", "nd", "rd", "th", "edition", "model", "shipped"];
/// Words that add nothing to a version.
const NEUTRAL: &[&str] = &["final", "ga", "rtm", "official", "stable"];

/// A version that has an order with others of its scheme.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    parts: Vec<Part>,
    day: Option<Date>,
    /// Anything may follow: `12.2.x`.
    wild: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Number(u64),
    /// Letters glued to a number at the start: `HD23`, `L81`. Another series has no order.
    Series(Box<str>),
    Word(Box<str>),
}

impl Version {
    /// Reads a version; `None` for what is none, or is written in no known scheme.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > VERSION_BYTES_MAX {
            return None;
        }
        let lower = text.to_lowercase();
        if let Some(day) = dates::spelled(&lower) {
            return Some(Self {
                parts: Vec::new(),
                day: Some(day),
                wild: false,
            });
        }
        let lower = strip_leading(lower.trim());
        let (parts, wild) = parts(lower)?;
        if !parts.iter().any(|part| matches!(part, Part::Number(_))) && !is_letter(&parts) {
            return None;
        }
        // A revision of one letter means all of it: `N.01` is of revision `N`.
        let wild = wild || matches!(parts.as_slice(), [Part::Word(word)] if word.len() == 1);
        Some(Self {
            day: dates::numeric(lower),
            parts,
            wild,
        })
    }

    /// It stands for every version that begins like it.
    pub fn is_wild(&self) -> bool {
        self.wild
    }

    /// The order of two versions of one scheme. Where one is wild, equal means: begins like it.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if let (Some(day), Some(of_other)) = (self.day, other.day) {
            return Some(day.cmp(&of_other));
        }
        if self.parts.is_empty() || other.parts.is_empty() {
            return None;
        }
        let most = match (self.wild, other.wild) {
            (false, false) => self.parts.len().max(other.parts.len()),
            (true, false) => self.parts.len(),
            (false, true) => other.parts.len(),
            (true, true) => self.parts.len().min(other.parts.len()),
        };
        for at in 0..most {
            let order = match (self.parts.get(at), other.parts.get(at)) {
                (Some(part), Some(of_other)) => compare_parts(at, part, of_other)?,
                (Some(part), None) => compare_to_end(part)?,
                (None, Some(of_other)) => compare_to_end(of_other)?.reverse(),
                (None, None) => Ordering::Equal,
            };
            if order != Ordering::Equal {
                return Some(order);
            }
        }
        Some(Ordering::Equal)
    }
}

/// A revision of letters alone: `K`.
fn is_letter(parts: &[Part]) -> bool {
    matches!(parts, [Part::Word(word)] if word.len() <= 2)
}

/// Takes off `version`, `v`, `rev.` and the like.
fn strip_leading(text: &str) -> &str {
    let mut text = text;
    loop {
        let end = text
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let rest = rest.trim_start_matches(['.', ':', ' ', '-', '_']);
        let leads = LEADING.contains(&word)
            || (matches!(word, "v" | "r") && rest.starts_with(|c: char| c.is_ascii_digit()));
        if !leads || rest.is_empty() {
            return text;
        }
        text = rest;
    }
}

/// The parts of a version, and whether it is wild.
fn parts(text: &str) -> Option<(Vec<Part>, bool)> {
    let bytes = text.as_bytes();
    let mut found: Vec<Part> = Vec::new();
    let mut at = 0;
    let run = |from: usize, is: fn(&u8) -> bool| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|byte| is(byte)).count()
    };
    while let Some(&byte) = bytes.get(at) {
        if found.len() >= PARTS_MAX {
            return None;
        }
        let end = match byte {
            b'0'..=b'9' => run(at, u8::is_ascii_digit),
            b'a'..=b'z' => run(at, u8::is_ascii_alphabetic),
            b'*' => at + 1,
            b'.' | b'-' | b'_' | b' ' | b'(' | b')' | b'+' | b'~' | b':' | b'#' | b'\\' => {
                at += 1;
                continue;
            }
            _ => return None,
        };
        let token = text.get(at..end)?;
        let next_is_digit = bytes.get(end).is_some_and(u8::is_ascii_digit);
        let glued_before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let glued_to_digit = glued_before.is_some_and(u8::is_ascii_digit);
        at = end;
        match token {
            "x" | "xx" | "*" if !next_is_digit && !found.is_empty() => {
                let rest = text.get(end..)?;
                let only_wild = rest.chars().all(|c| matches!(c, 'x' | '*' | '.' | ' '));
                // `0x` is a part of a number: which one is not said.
                return (only_wild && !glued_to_digit).then_some((found, true));
            }
            "*" => return None,
            _ if FOREIGN.contains(&token) => return None,
            _ if byte.is_ascii_digit() => found.push(Part::Number(token.parse().ok()?)),
            _ if NEUTRAL.contains(&token) && !found.is_empty() => {}
            // `Service Pack 1` is `SP 1`.
            "service" => {
                let rest = text.get(end..)?.trim_start();
                let rest = rest.strip_prefix("pack")?;
                at = text.len() - rest.len();
                found.push(Part::Word("sp".into()));
            }
            _ if found.is_empty() && next_is_digit => found.push(Part::Series(token.into())),
            _ => found.push(Part::Word(token.into())),
        }
    }
    Some((found, false))
}

/// Where a word stands relative to nothing: before, after, or not known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Before(usize),
    Letter(u8),
    After,
}

fn place(word: &str) -> Option<Place> {
    if let Some(rank) = BEFORE.iter().position(|before| *before == word) {
        return Some(Place::Before(rank));
    }
    if AFTER.contains(&word) {
        return Some(Place::After);
    }
    match word.as_bytes() {
        [letter] => Some(Place::Letter(*letter)),
        _ => None,
    }
}

fn compare_parts(at: usize, part: &Part, other: &Part) -> Option<Ordering> {
    match (part, other) {
        (Part::Number(number), Part::Number(of_other)) => Some(number.cmp(of_other)),
        (Part::Series(series), Part::Series(of_other)) => {
            (series == of_other).then_some(Ordering::Equal)
        }
        (Part::Word(word), Part::Word(of_other)) if word == of_other => Some(Ordering::Equal),
        (Part::Word(word), Part::Word(of_other)) => match (place(word)?, place(of_other)?) {
            (Place::After, Place::After) => None,
            (place, of_other) => Some(place.cmp(&of_other)),
        },
        // `L` and `L81` are of one series; so are `B 02` and `B02`.
        (Part::Series(series), Part::Word(word)) | (Part::Word(word), Part::Series(series)) => {
            (series == word).then_some(Ordering::Equal)
        }
        (Part::Number(_), Part::Word(word)) if at > 0 => place(word).map(|_| Ordering::Greater),
        (Part::Word(word), Part::Number(_)) if at > 0 => place(word).map(|_| Ordering::Less),
        _ => None,
    }
}

/// The order of a part that is there against its absence.
fn compare_to_end(part: &Part) -> Option<Ordering> {
    match part {
        Part::Number(0) => Some(Ordering::Equal),
        Part::Number(_) => Some(Ordering::Greater),
        // A build that the other side does not tell is not known, not zero.
        Part::Word(word) => match place(word)? {
            Place::Before(_) => Some(Ordering::Less),
            Place::Letter(_) | Place::After => Some(Ordering::Greater),
        },
        Part::Series(_) => None,
    }
}
