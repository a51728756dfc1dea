//! Approved texts. `BLESS=1` writes them again; whoever does reads the difference first.

use std::fs;
use std::path::Path;

use crate::relative;

/// Lines shown of a difference.
const LINES_SHOWN_MAX: usize = 40;

/// Compares a text with the approved one in the file. `Err` says where they differ, and how to
/// approve the new one.
///
/// # Errors
///
/// When the texts differ, or there is no approved one.
///
/// # Panics
///
/// When `BLESS=1` is set and the file can't be written.
pub fn expect(file: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        fs::write(file, text).expect("an expected text that can be written");
        return Ok(());
    }
    let name = relative(file);
    let Ok(approved) = fs::read_to_string(file) else {
        return Err(format!(
            "{name}: is missing; write it with `BLESS=1 cargo test -p medtap-tests` and \
             read it"
        ));
    };
    if approved == text {
        return Ok(());
    }
    Err(format!(
        "{name}: differs from what was approved\n{}if the new text is right, approve it with \
         `BLESS=1 cargo test -p medtap-tests`",
        difference(&approved, text)
    ))
}

/// Compares the part of a page between `<!-- mark -->` and `<!-- end of mark -->`, which is
/// derived and not written by hand, with what it is derived from.
///
/// # Errors
///
/// As [`expect`].
///
/// # Panics
///
/// When there is no such page, or not both marks.
pub fn expect_part(page: &Path, mark: &str, part: &str) -> Result<(), String> {
    let text = fs::read_to_string(page).expect("a page");
    let start = format!("<!-- {mark} -->\n");
    let begin = text.find(&start).expect("a mark where the part begins") + start.len();
    let end = text.find(&format!("<!-- end of {mark} -->"));
    let end = end.expect("a mark where the part ends");
    expect(page, &format!("{}{part}{}", &text[..begin], &text[end..]))
}

/// The lines that only one of two texts has, in order.
fn difference(approved: &str, text: &str) -> String {
    let mut shown = String::new();
    let lacks = |other: &str, line: &str| !other.lines().any(|l| l == line);
    let gone = approved.lines().filter(|line| lacks(text, line));
    let come = text.lines().filter(|line| lacks(approved, line));
    let lines = gone
        .map(|line| format!("  - {line}\n"))
        .chain(come.map(|line| format!("  + {line}\n")))
        .collect::<Vec<_>>();
    for line in lines.iter().take(LINES_SHOWN_MAX) {
        shown.push_str(line);
    }
    if lines.is_empty() {
        shown.push_str("  the same lines in another order or number\n");
    }
    if lines.len() > LINES_SHOWN_MAX {
        let more = lines.len() - LINES_SHOWN_MAX;
        shown.push_str(&format!("  and {more} lines more\n"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_lines() {
        assert_eq!(difference("a\nb\n", "a\nc\n"), "  - b\n  + c\n");
        assert!(difference("a\nb\n", "b\na\n").contains("another order"));
    }
}
