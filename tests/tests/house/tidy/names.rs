use medtap_engine::proto::{CLASSIFIERS, LINK_CLASSIFIERS};
use medtap_table::vocabulary::{Attribute, Counter, Field, InterfaceCounter};
use medtap_tests::{captures, expect_part, root};

use super::{none, read};

/// The names of every protocol that the engine reads.
fn protocols() -> Vec<&'static str> {
    let over_ip = CLASSIFIERS.iter().map(|row| row.protocol.name());
    let of_link = LINK_CLASSIFIERS.iter().map(|row| row.protocol.name());
    let mut names = over_ip.chain(of_link).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn protocols_have_captures_and_lines() {
    let mut errors = Vec::new();
    let (readme, docs) = (read("README.md"), read("docs/protocols.md"));
    let captures = captures();
    for name in protocols() {
        let folder = root().join("pcaps").join(name);
        if !captures.iter().any(|capture| capture.starts_with(&folder)) {
            errors.push(format!("{name}: no capture in pcaps/{name}/"));
        }
        if !readme.contains(&format!("| `{name}` |")) {
            errors.push(format!("{name}: no row in README.md's table of protocols"));
        }
        if !docs.contains(&format!("## `{name}`")) {
            errors.push(format!("{name}: no section in docs/protocols.md"));
        }
    }
    none(&errors);
}

/// What a capture in `pcaps/<protocol>/` is for: the protocol is recognised in it, by both the
/// edge and, where it has fields, a fact.
#[test]
fn captures_show_their_protocols() {
    let mut errors = Vec::new();
    for name in protocols() {
        let folder = root().join("pcaps").join(name);
        for capture in captures().iter().filter(|path| path.starts_with(&folder)) {
            let run = medtap_tests::replay(capture, 1).expect("a committed capture opens");
            let table = run.reader();
            let mut edges = table.edges();
            if !edges.any(|(_, edge, _)| edge.protocol.is_some_and(|p| p.name() == name)) {
                errors.push(format!("{}: shows no {name}", capture.display()));
            }
        }
    }
    none(&errors);
}

#[test]
fn counters_are_in_the_glossary() {
    let readme = read("README.md");
    let of_workers = Counter::ALL.iter().map(|counter| counter.name());
    let of_interfaces = InterfaceCounter::ALL.iter().map(|counter| counter.name());
    let names = of_workers.chain(of_interfaces);
    let missing = names.filter(|name| !readme.contains(&format!("| `{name}` |")));
    let errors = missing.map(|name| format!("README.md's glossary lacks {name}"));
    none(&errors.collect::<Vec<_>>());
}

/// What the glossary explains exists.
#[test]
fn the_glossary_has_no_strangers() {
    let readme = read("README.md");
    let glossary = readme
        .split("\n## ")
        .find(|part| part.starts_with("Counters"));
    for line in glossary.expect("the glossary").lines() {
        if let Some(name) = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split('`').next())
        {
            assert!(
                Counter::from_name(name).is_some() || InterfaceCounter::from_name(name).is_some(),
                "there is no counter {name}"
            );
        }
    }
}

fn derived(page: &str, mark: &str, lines: &str) {
    none(
        &expect_part(&root().join(page), mark, lines)
            .err()
            .into_iter()
            .collect::<Vec<_>>(),
    );
}

#[test]
fn fields_are_documented() {
    let mut lines = "| field | gives by itself | confidence |\n|---|---|---|\n".to_owned();
    for field in Field::ALL {
        let attribute = match field.attribute() {
            Attribute::Observed => "what rules say",
            attribute => attribute.name(),
        };
        let (name, confidence) = (field.name(), field.confidence());
        lines += &format!("| `{name}` | {attribute} | {confidence} |\n");
    }
    derived("docs/protocols.md", "fields", &lines);
}

/// Every limit, with the value that holds and the words of its declaration.
#[test]
fn limits_are_documented() {
    let mut lines = "| limit | value | what it bounds |\n|---|---|---|\n".to_owned();
    let mut words = Vec::new();
    for line in read("engine/src/config.rs").lines() {
        if let Some(comment) = line.strip_prefix("///") {
            words.push(comment.trim().replace("[`", "`").replace("`]", "`"));
        } else if let Some(declared) = line.strip_prefix("pub const ") {
            let (name, rest) = declared.split_once(": ").expect("a type");
            let value = rest
                .split_once(" = ")
                .expect("a value")
                .1
                .trim_end_matches(';');
            lines += &format!("| `{name}` | {value} | {} |\n", words.join(" "));
            words.clear();
        }
    }
    derived("docs/limits.md", "limits", &lines);
}
