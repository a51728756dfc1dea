use std::collections::BTreeSet;

use super::{Text, code, none, sources, texts};

/// Lines of one source, tests included. A file is one noun; a longer one is two.
const LINES_MAX: usize = 800;
/// Characters of one line of a source.
const COLUMNS_MAX: usize = 100;
/// Sources that may be longer, and why. Empty is best.
const LONGER: &[(&str, &str)] = &[];

/// Lines that may be longer: a table whose rows are read by column.
const WIDE_LINES: &[(&str, &str)] = &[
    // The vocabulary's macros name number, text, attribute and confidence on one line.
    ("table/src/vocabulary/mod.rs", "$"),
    ("table/src/vocabulary/mod.rs", "//"),
    ("table/src/vocabulary/field.rs", "$"),
    ("table/src/vocabulary/finding.rs", "$"),
    ("engine/src/config.rs", "///"),
];

/// Leftovers, split so that this file does not find itself.
const LEFTOVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("HA", "CK:"),
    concat!("unimplemen", "ted!("),
    concat!("to", "do!("),
    concat!("db", "g!("),
];

/// What belongs to one machine: its folders, and the hosts that packages come from.
const MACHINES: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/home", "/"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("/.car", "go/registry"),
];

#[test]
fn sources_are_short_and_narrow() {
    let mut errors = Vec::new();
    for file in sources() {
        let lines = file.text.lines().count();
        let longer = LONGER.iter().any(|(name, _)| *name == file.name);
        if lines > LINES_MAX && !longer {
            errors.push(format!("{}: {lines} lines", file.name));
        }
        for (number, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            let wide = |(name, part): &(&str, &str)| *name == file.name && line.contains(part);
            if columns > COLUMNS_MAX && !WIDE_LINES.iter().any(wide) {
                errors.push(format!("{}:{}: {columns} columns", file.name, number + 1));
            }
        }
    }
    none(&errors);
}

#[test]
fn nothing_is_left_over() {
    let mut errors = Vec::new();
    for Text { name, text } in texts() {
        if name == "Cargo.lock" {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for word in LEFTOVERS.iter().chain(MACHINES) {
                if line.contains(word) {
                    errors.push(format!("{name}:{}: {word}", number + 1));
                }
            }
            if line.ends_with([' ', '\t']) {
                errors.push(format!("{name}:{}: ends in blanks", number + 1));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            errors.push(format!("{name}: its last line has no end"));
        }
    }
    none(&errors);
}

/// Each source says first what it is.
#[test]
fn modules_say_what_they_are() {
    let mut errors = Vec::new();
    for file in sources() {
        let tests = file.name.contains("/tests/") || file.name.ends_with("tests.rs");
        // Modules of a test program are introduced where they are declared.
        if !tests && !file.text.starts_with("//!") {
            errors.push(format!("{}: has no module doc", file.name));
        }
    }
    none(&errors);
}

/// Modules that only tests have, by folder and name.
fn test_modules(sources: &[Text]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in sources {
        let folder = file.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut lines = file.text.lines();
        while let Some(line) = lines.next() {
            let module = match line.starts_with("#[cfg(") && line.contains("test") {
                true => lines.next().and_then(|line| line.strip_suffix(';')),
                false => None,
            };
            let name = module.and_then(|module| module.rsplit_once("mod "));
            found.extend(name.map(|(_, name)| format!("{folder}/{name}")));
        }
    }
    found
}

/// What a program is built of: the code before the module of its tests.
fn shipped(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(code).collect();
    let tests = lines.windows(2).position(|pair| {
        let is_for_tests = pair[0].starts_with("#[cfg(") && pair[0].contains("test");
        is_for_tests && pair[1].contains("mod ") && pair[1].ends_with('{')
    });
    lines[..tests.unwrap_or(lines.len())].join("\n")
}

/// A panic of what reads packets says where it was and what was expected, and no value: one could
/// be a person's.
#[test]
fn panics_show_no_value() {
    const PANICS: &[&str] = &[
        "panic!(",
        "unreachable!(",
        "assert!(",
        "assert_eq!(",
        "assert_ne!(",
    ];
    const CRATES: &[&str] = &["engine/src/", "table/src/", "rules/src/"];
    let sources = sources();
    let of_tests = test_modules(&sources);
    let mut errors = Vec::new();
    for file in &sources {
        let module = file.name.trim_end_matches(".rs").trim_end_matches("/mod");
        let is_test = of_tests.contains(module) || file.name.contains("tests");
        if is_test || !CRATES.iter().any(|known| file.name.starts_with(known)) {
            continue;
        }
        let text = shipped(&file.text);
        for panic in PANICS {
            for (at, _) in text.match_indices(panic) {
                let statement = text[at..].split(");").next().unwrap_or_default();
                if statement.contains('"') && statement.contains('{') {
                    errors.push(format!("{}: {statement}", file.name));
                }
            }
        }
        for reading in ["from_utf8(", "from_utf16("] {
            for (at, _) in text.match_indices(reading) {
                let statement = text[at..].split(';').next().unwrap_or_default();
                if statement.contains(".expect(") || statement.contains(".unwrap()") {
                    errors.push(format!("{}: {statement}", file.name));
                }
            }
        }
    }
    none(&errors);
}
