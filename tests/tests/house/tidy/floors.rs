use super::{code, none, read, sources};

/// The rooms of the engine, and which other rooms each may import. A room is a module of the
/// crate's root.
const ROOMS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("counters", &[]),
    ("observe", &[]),
    ("prefetch", &["config"]),
    ("wire", &["config", "observe"]),
    // The link type of a frame is a word of the wire. Live sources ask what an interface is.
    ("capture", &["config", "nic", "prefetch", "wire"]),
    (
        "flow",
        &["config", "counters", "observe", "prefetch", "wire"],
    ),
    ("proto", &["config", "observe"]),
    ("device", &["config", "counters", "observe"]),
    (
        "worker",
        &[
            "capture", "config", "counters", "device", "flow", "observe", "prefetch", "proto",
            "wire",
        ],
    ),
    ("nic", &["config"]),
    ("sandbox", &["config"]),
    ("notify", &[]),
    ("settings", &["capture", "config", "nic"]),
    (
        "runtime",
        &[
            "capture", "config", "counters", "device", "flow", "nic", "notify", "prefetch",
            "sandbox", "settings", "worker",
        ],
    ),
    ("main", &["runtime", "settings"]),
    ("lib", &[]),
];

/// Rooms that may match rules. Formats and protocols know none.
const MATCH_RULES: &[&str] = &["device", "worker", "runtime"];

/// Rooms that may write to the table. The others know its vocabulary at most.
const KNOW_TABLE: &[&str] = &["device", "worker", "runtime"];

/// Packages, and which others each may depend on, for the program itself and for its tests.
const PACKAGES: &[(&str, &[&str])] = &[
    ("table", &[]),
    ("rules", &["table"]),
    ("engine", &["table", "rules"]),
    ("inventory", &["table", "rules"]),
    ("risk", &["table"]),
    (
        "ctl",
        &["table", "rules", "engine", "inventory", "risk", "benches"],
    ),
    ("benches", &["table", "rules", "engine", "inventory"]),
    (
        "tests",
        &[
            "table",
            "rules",
            "engine",
            "inventory",
            "risk",
            "ctl",
            "benches",
        ],
    ),
];

#[test]
fn rooms_of_the_engine_import_downwards() {
    let mut errors = Vec::new();
    for file in sources() {
        let Some(path) = file.name.strip_prefix("engine/src/") else {
            continue;
        };
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let room = path.split('/').next().unwrap_or(path);
        let depth = path.split('/').count();
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            errors.push(format!("{}: {room} has no floor; give it one", file.name));
            continue;
        };
        for (number, line) in file.text.lines().enumerate() {
            let at = format!("{}:{}", file.name, number + 1);
            let line = code(line);
            for used in imports(line) {
                if used != room && !allowed.contains(&used.as_str()) {
                    errors.push(format!("{at}: {room} may not import {used}"));
                }
            }
            // The way out of a room is written `crate::`, so that the check above sees it.
            let ups = line.matches("super::").count();
            if line.starts_with("use super::") && ups >= depth {
                errors.push(format!("{at}: leaves {room} by `super`; write `crate::`"));
            }
            if line.contains("medtap_rules") && !MATCH_RULES.contains(&room) {
                errors.push(format!("{at}: {room} may not know rules"));
            }
            let table = line.replace("medtap_table::vocabulary", "");
            if table.contains("medtap_table") && !KNOW_TABLE.contains(&room) {
                errors.push(format!(
                    "{at}: {room} may know the table's vocabulary alone"
                ));
            }
        }
    }
    none(&errors);
}

/// The `x` of every `crate::x`, also of `crate::{x, y}`.
fn imports(line: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for rest in line.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 0;
                let mut name = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' | ',' if depth == 0 => found.push(std::mem::take(&mut name)),
                        '}' => depth -= 1,
                        c if depth == 0 => name.push(c),
                        _ => {}
                    }
                }
            }
            None => found.push(rest.to_owned()),
        }
    }
    let names = found.iter().map(|path| {
        let path = path.trim_start();
        path.split(|c| !is_name(c))
            .next()
            .unwrap_or(path)
            .to_owned()
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn rules_know_only_the_vocabulary() {
    let mut errors = Vec::new();
    for file in sources() {
        if !file.name.starts_with("rules/src/") {
            continue;
        }
        for line in file.text.lines().map(code) {
            if line
                .replace("medtap_table::vocabulary", "")
                .contains("medtap_table")
            {
                errors.push(format!("{}: {line}", file.name));
            }
        }
    }
    none(&errors);
}

#[test]
fn packages_depend_downwards() {
    let mut errors = Vec::new();
    let workspace = read("Cargo.toml");
    let members = workspace
        .lines()
        .find(|line| line.starts_with("members = "));
    for member in members.expect("members").split('"').skip(1).step_by(2) {
        let Some((_, allowed)) = PACKAGES.iter().find(|(name, _)| *name == member) else {
            errors.push(format!("{member} has no floor; give it one"));
            continue;
        };
        for line in read(&format!("{member}/Cargo.toml")).lines() {
            let Some(rest) = line.strip_prefix("medtap-") else {
                continue;
            };
            let used = rest.split(['.', ' ', '=']).next().unwrap_or(rest);
            if !allowed.contains(&used) {
                errors.push(format!("{member}/Cargo.toml: {member} may not use {used}"));
            }
        }
    }
    none(&errors);
}

#[test]
fn groups_are_imports_too() {
    assert_eq!(imports("use crate::wire::X;"), ["wire"]);
    assert_eq!(
        imports("use crate::{flow::{A, B}, wire};"),
        ["flow", "wire"]
    );
    assert_eq!(imports("pub(crate) fn x()"), [""; 0]);
}
