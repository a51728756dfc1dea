//! The syntax of one pattern: what it captures, texts of which every match holds one, and how large
//! it can become, told without compiling it. The build script reads it too, for the patterns that
//! ship.

use crate::limits::{NEEDLES_MAX, PATTERN_NESTING_MAX};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The source of a pattern for the whole value.
pub fn whole(pattern: &str, ignore_case: bool) -> String {
    let flags = if ignore_case { "i" } else { "" };
    format!(r"\A(?{flags}:{pattern})\z")
}

/// What is known of a pattern before it is compiled.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The names that it captures.
    pub names: Vec<String>,
    /// Texts in lower case: every match holds one of them, in either case. Empty where no such
    /// texts are known.
    pub needles: Vec<Vec<u8>>,
    /// About how many states it has once compiled, never too few.
    pub states: usize,
}

/// Reads a pattern; an error is one sentence.
pub fn outline(source: &str) -> Result<Outline, String> {
    let parsed = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .dot_matches_new_line(true)
        .nest_limit(PATTERN_NESTING_MAX)
        .build()
        .parse(source)
        .map_err(|error| syntax_fault(&error.to_string()))?;
    if parsed.properties().minimum_len() == Some(0) {
        return Err("pattern matches the empty text; expected one that needs a character".into());
    }
    let mut outline = Outline {
        states: states(&parsed),
        needles: needles(&parsed).unwrap_or_default(),
        ..Outline::default()
    };
    names(&parsed, &mut outline.names);
    Ok(outline)
}

/// One line from the picture of a fault.
pub fn syntax_fault(text: &str) -> String {
    let reason = text.lines().last().unwrap_or_default();
    let reason = reason.trim().trim_start_matches("error: ");
    format!(
        "pattern is not a regular expression: {reason}; allowed is the syntax of the regex \
         crate, ASCII classes"
    )
}

fn names(hir: &Hir, found: &mut Vec<String>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            found.extend(capture.name.as_deref().map(str::to_owned));
            names(&capture.sub, found);
        }
        HirKind::Repetition(repetition) => names(&repetition.sub, found),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| names(part, found));
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() + 1,
        // A character outside ASCII is up to four bytes, each with its ranges.
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(16),
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1));
            states(&repetition.sub)
                .saturating_add(1)
                .saturating_mul(times as usize)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .map(states)
            .fold(parts.len(), usize::saturating_add),
    }
}

/// Texts of which every match holds one: of all places in a sequence, those whose shortest is the
/// longest.
fn needles(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Capture(capture) => needles(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needles(&repetition.sub),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(needles(part)?);
            }
            (all.len() <= NEEDLES_MAX).then_some(all)
        }
        HirKind::Concat(parts) => in_sequence(parts),
        _ => text(hir).map(|text| vec![text]),
    }
}

fn in_sequence(parts: &[Hir]) -> Option<Vec<Vec<u8>>> {
    let mut best: Vec<Vec<u8>> = Vec::new();
    let mut run = Vec::new();
    for part in parts {
        match text(part) {
            Some(text) => run.extend(text),
            None => {
                keep_better(&mut best, vec![std::mem::take(&mut run)]);
                keep_better(&mut best, needles(part).unwrap_or_default());
            }
        }
    }
    keep_better(&mut best, vec![run]);
    (!best.is_empty()).then_some(best)
}

fn keep_better(best: &mut Vec<Vec<u8>>, other: Vec<Vec<u8>>) {
    let shortest = |texts: &[Vec<u8>]| texts.iter().map(Vec::len).min().unwrap_or(0);
    if shortest(&other) > shortest(best) {
        *best = other;
    }
}

/// The one text that a part is, in lower case: nothing for an anchor.
fn text(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(Vec::new()),
        HirKind::Literal(literal) => Some(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => {
            let mut letters = class
                .ranges()
                .iter()
                .flat_map(|range| range.start()..=range.end())
                .map(|byte| byte.to_ascii_lowercase());
            let first = letters.next()?;
            letters.all(|letter| letter == first).then(|| vec![first])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::build;

    fn needles_of(source: &str) -> Vec<String> {
        let outline = outline(source).unwrap();
        let texts = outline.needles.into_iter().map(String::from_utf8);
        texts.map(Result::unwrap).collect()
    }

    #[test]
    fn a_text_that_every_match_holds_is_found() {
        for (source, expected) in [
            (r"\A(?:Apache/(?<version>\d+))\z", &["apache/"][..]),
            (r"\A(?i:hp (?:x|y) LaserJet.*)\z", &[" laserjet"]),
            (r"\A(?:[Cc]isco WS-C\w+)\z", &["cisco ws-c"]),
            (r"\A(?:(?:Zebra|ZTC) .*)\z", &["zebra", "ztc"]),
            (r"\A(?:(?:ab)+\d|c?)z\z", &["z"]),
            (r"\A(?:[0-9]{1,7})\z", &[]),
            (r"\A(?:.+)\z", &[]),
            (r"\A(?:a|[0-9]b)\z", &["a", "b"]),
            (r"\A(?:a|[0-9])\z", &[]),
        ] {
            assert_eq!(needles_of(source), expected, "{source}");
        }
    }

    /// The promise that lets a pattern be compiled late: what is counted small is small.
    #[test]
    fn few_states_are_few_bytes() {
        use crate::limits::PATTERN_STATES_SURE;
        for source in [
            "(?:[a-cx-z0-36-9]{3}|b){100}x",
            r"(?u:\pL){2}x",
            "(?i:abcdefghij){50}",
            r"(?:\d{1,3}\.){3}\d{1,3}",
        ] {
            let states = outline(source).unwrap().states;
            assert!(states > PATTERN_STATES_SURE || build(source).is_ok());
        }
        assert!(outline(r"(?:\d{1,999}){1,999}").unwrap().states > PATTERN_STATES_SURE);
    }

    /// Whatever matches holds one of the needles; whatever parses says its names.
    #[test]
    fn fuzz_outlines() {
        bolero::check!()
            .with_iterations(400)
            .for_each(|input: &[u8]| {
                let text: String = input.iter().map(|byte| alphabet(*byte)).collect();
                let (source, value) = text.split_at(text.len() / 2);
                let Ok(outline) = outline(source) else { return };
                let Ok(regex) = build(source) else { return };
                let lower = value.to_ascii_lowercase();
                let holds = |needle: &Vec<u8>| {
                    lower
                        .as_bytes()
                        .windows(needle.len().max(1))
                        .any(|it| it == needle)
                };
                if regex.is_match(value.as_bytes()) && !outline.needles.is_empty() {
                    assert!(outline.needles.iter().any(holds), "{source:?} {value:?}");
                }
                let names = regex.capture_names().flatten().count();
                assert_eq!(names, outline.names.len(), "{source:?}");
            });
    }

    /// Few characters, so that patterns parse and match often.
    fn alphabet(byte: u8) -> char {
        let all = b"abAB()[]|?*+.\\d-^ab<n>{1}";
        char::from(all[usize::from(byte) % all.len()])
    }
}
