//! Rule files that are wrong: one sentence each, and nothing is loaded. And local rules that
//! are right.

use super::*;
use crate::compile::Key;
use crate::tables::{TABLES, Table};
use crate::{Match, UNCONFIRMED_CONFIDENCE_MAX};
use medtap_table::vocabulary::Attribute;
use std::collections::BTreeMap;

/// A rule file of one rule, which `change` turns into the one that is meant.
fn file(change: (&str, &str)) -> String {
    let text = r#"field = "http.server"

[[rule]]
id = 1000001
name = "ward printer"
pattern = 'WardPrint/(?<version>\d+\.\d+)'
manufacturer = "Acme"
firmware_version = "${version}"
category = "printer"
confidence = 90
source = "label on the device"
matches = [{ value = "WardPrint/2.7", firmware_version = "2.7" }]
rejects = ["WardPrint"]
"#;
    assert!(
        text.contains(change.0),
        "{} is not in the example",
        change.0
    );
    text.replacen(change.0, change.1, 1)
}

/// Loads a folder with these files.
fn load(files: &[(&str, &str)]) -> Result<Rules, RuleError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Rules::load(Some(folder.path()))
}

/// The sentence about a single local file.
fn fault(text: &str) -> String {
    let faults = Loader::default()
        .proving()
        .add("ward.toml", text, Origin::Local);
    faults.first().expect("the file is wrong").to_string()
}

fn claims(rules: &Rules, field: Field, value: &str) -> Vec<(u32, u8, Attribute, String)> {
    let mut claims = Vec::new();
    rules
        .matcher()
        .matches(field, value, &mut |claim: Match<'_>| {
            claims.push((
                claim.rule,
                claim.confidence,
                claim.attribute,
                claim.value.to_owned(),
            ));
        });
    claims
}

#[test]
fn a_local_rule_is_heard() {
    let rules = load(&[("ward.toml", &file(("", "")))]).unwrap();
    let expected = [
        (1_000_001, 90, Attribute::Manufacturer, "Acme".to_owned()),
        (1_000_001, 90, Attribute::FirmwareVersion, "2.7".to_owned()),
        (1_000_001, 90, Attribute::Category, "printer".to_owned()),
    ];
    assert_eq!(claims(&rules, Field::HttpServer, "WardPrint/2.7"), expected);
    assert_eq!(claims(&rules, Field::SsdpServer, "WardPrint/2.7"), []);
    assert_eq!(rules.name(1_000_001), Some("ward printer"));
    assert_eq!(rules.source(1_000_001), Some("label on the device"));
    assert_eq!(rules.len(), Rules::embedded().len() + 1);
    assert_ne!(rules.generation(), Rules::embedded().generation());
}

#[test]
fn a_local_rule_replaces_the_one_with_its_number() {
    let embedded = Rules::embedded();
    let known = claims(&embedded, Field::HttpServer, "Caddy");
    let id = known.first().expect("Caddy is known").0;
    let text = file(("1000001", &id.to_string()));
    let rules = load(&[("ward.toml", &text)]).unwrap();
    assert_eq!(rules.len(), embedded.len());
    assert_eq!(rules.name(id), Some("ward printer"));
    assert_eq!(claims(&rules, Field::HttpServer, "Caddy"), []);
}

#[test]
fn what_is_wrong_is_said_in_one_sentence() {
    let cases: &[((&str, &str), &str)] = &[
        (
            ("http.server", "http.sever"),
            "rule file ward.toml: field \"http.sever\" is not known; allowed are the names of \
             observed fields, for instance \"http.server\"",
        ),
        (
            ("1000001", "999"),
            "rule file ward.toml, rule 999: no rule that ships has this number; a new local \
             rule has one from 1000000",
        ),
        (
            ("1000001", "0"),
            "rule file ward.toml, rule 0: id 0 means \"no rule\"; expected a number from 1",
        ),
        (
            ("confidence = 90", "confidence = 101"),
            "rule file ward.toml, rule 1000001: confidence 101; allowed is 0 to 100",
        ),
        (
            ("confidence = 90", "confidence = 90\nunconfirmed = true"),
            "rule file ward.toml, rule 1000001: confidence 90 of an unconfirmed rule; allowed \
             is 0 to 30",
        ),
        (
            ("pattern =", "exact = \"x\"\npattern ="),
            "rule file ward.toml, rule 1000001: expected exactly one of exact, prefix, pattern \
             and table",
        ),
        (
            ("${version}", "${verison}"),
            "rule file ward.toml, rule 1000001: firmware_version: ${verison} is not captured; \
             allowed are version",
        ),
        (
            ("${version}", "${version"),
            "rule file ward.toml, rule 1000001: firmware_version: \"${version\" has \"${\" \
             without \"}\"",
        ),
        (
            (
                r"pattern = 'WardPrint/(?<version>\d+\.\d+)'",
                "exact = 'WardPrint/2.7'",
            ),
            "rule file ward.toml, rule 1000001: firmware_version: ${version} needs a pattern; \
             exact and prefix capture nothing",
        ),
        (
            ("value = \"WardPrint/2.7\"", "value = \"WardPrint/x\""),
            "rule file ward.toml, rule 1000001: does not match its example \"WardPrint/x\"",
        ),
        (
            (
                "firmware_version = \"2.7\" }",
                "firmware_version = \"2.8\" }",
            ),
            "rule file ward.toml, rule 1000001: example \"WardPrint/2.7\" gives \
             {\"category\": \"printer\", \"firmware_version\": \"2.7\", \"manufacturer\": \
             \"Acme\"}, but it says {\"category\": \"printer\", \"firmware_version\": \"2.8\", \
             \"manufacturer\": \"Acme\"}",
        ),
        (
            ("[\"WardPrint\"]", "[\"WardPrint/1.0\"]"),
            "rule file ward.toml, rule 1000001: matches \"WardPrint/1.0\", which it is to reject",
        ),
        (
            ("source = \"label on the device\"", "source = \" \""),
            "rule file ward.toml, rule 1000001: source is empty; leave it out or give it a text",
        ),
        (
            (r"\d+\.\d+", r"(?:\d{1,999}){1,999}"),
            "rule file ward.toml, rule 1000001: pattern is larger than 262144 bytes once \
             compiled; allowed are smaller repetitions",
        ),
        (
            (r"WardPrint/(?<version>\d+\.\d+)", "(?<version>.*)"),
            "rule file ward.toml, rule 1000001: pattern matches the empty text; expected one \
             that needs a character",
        ),
    ];
    for (change, sentence) in cases {
        assert_eq!(fault(&file(*change)), *sentence);
    }
}

#[test]
fn what_is_not_of_the_schema_is_named_with_line_and_rule() {
    let text = fault(&file(("name =", "nmae = \"x\"\nname =")));
    assert!(text.starts_with("rule file ward.toml, line 5: rule 1000001: unknown field `nmae`"));
    assert!(text.contains("expected one of `id`, `name`"), "{text}");
    let text = fault(&file(("source =", "# source =")));
    assert!(
        text.contains("rule 1000001: missing field `source`"),
        "{text}"
    );
    let text = fault(&file(("confidence = 90", "confidence = 300")));
    assert!(
        text.starts_with("rule file ward.toml, line 10: rule 1000001: "),
        "{text}"
    );
    let text = fault("field = \"http.server\"\n[[rule\n");
    assert!(text.starts_with("rule file ward.toml, line 2: "), "{text}");
    let text = fault(&file(("category = \"printer\"", "category = \"toaster\"")));
    assert!(text.starts_with("rule file ward.toml, rule 1000001: category \"toaster\" is not"));
    assert!(text.contains("patient_monitor, central_station"), "{text}");
    let text = fault(&file((r"(?<version>\d+\.\d+)", r"(?<version>\d+")));
    assert!(text.contains("rule 1000001: pattern is not a regular expression: unclosed group"));
    let look_around = fault(&file((r"\d+\.\d+", r"(?=x)")));
    assert!(look_around.contains("look-around"), "{look_around}");
    assert!([text, look_around].iter().all(|text| !text.contains('\n')));
}

#[test]
fn folders_and_files_that_cannot_be_read_are_named() {
    let missing = Rules::load(Some(Path::new("/no/such/rules")))
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        missing,
        "rules folder /no/such/rules: No such file or directory (os error 2); expected a \
         readable folder of .toml files"
    );
    let twice = load(&[("a.toml", &file(("", ""))), ("b.toml", &file(("", "")))]);
    let twice = twice.err().unwrap().to_string();
    assert!(
        twice.contains("b.toml, rule 1000001: the number is used twice, also in "),
        "{twice}"
    );
    let binary = tempfile::tempdir().unwrap();
    std::fs::write(binary.path().join("x.toml"), [0xff, 0xfe]).unwrap();
    let binary = Rules::load(Some(binary.path())).err().unwrap().to_string();
    assert!(
        binary.ends_with("expected a readable UTF-8 text file"),
        "{binary}"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("x.toml")).unwrap();
    let folder = Rules::load(Some(folder.path())).err().unwrap().to_string();
    assert!(folder.contains("x.toml: not a regular file"), "{folder}");
    let large = "#".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
    let large = load(&[("x.toml", &large)]).err().unwrap().to_string();
    assert!(
        large.ends_with("4194305 bytes; at most 4194304 are allowed"),
        "{large}"
    );
    assert!(
        load(&[("README", "not a rule file")]).is_ok(),
        "only .toml files are read"
    );
}

#[test]
fn products_are_told_apart_from_devices() {
    let rules = Rules::embedded();
    let value = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3";
    let found = claims(&rules, Field::SshServerVersion, value);
    assert!(
        found.iter().any(|(_, _, attribute, value)| {
            *attribute == Attribute::OsVersion && value == "12"
        })
    );
    assert!(
        found
            .iter()
            .all(|(_, _, attribute, _)| *attribute != Attribute::SoftwareVersion)
    );
    let product = rules.product(found[0].0, value).unwrap();
    assert_eq!(
        (product.part, product.vendor, product.product),
        ('a', "openbsd", "openssh")
    );
    assert_eq!(product.version.as_deref(), Some("9.2p1"));
    assert_eq!(rules.product(0, value), None);
}

/// The example of the crate's documentation is a rule file that loads.
#[test]
fn the_documented_example_loads() {
    let text = include_str!("lib.rs");
    let example = text.split("```").nth(1).unwrap().trim_start_matches("toml");
    let lines = example.lines().map(|line| line.trim_start_matches("//!"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let faults = Loader::default()
        .proving()
        .add("lib.rs", &text, Origin::Local);
    assert_eq!(faults, []);
}

/// The shipped set is known, and hypotheses stay below the bar.
#[test]
fn the_embedded_rules_load() {
    let rules = Rules::embedded();
    assert!(rules.len() > 400 && !rules.is_empty());
    assert_eq!(rules.fingerprint(), Rules::embedded().fingerprint());
    for rule in rules.matcher.rules.iter() {
        assert!(!rule.unconfirmed || rule.confidence <= UNCONFIRMED_CONFIDENCE_MAX);
        assert_eq!(rules.unconfirmed(rule.id), Some(rule.unconfirmed));
        assert_eq!(rules.field(rule.id), Some(rule.field));
    }
}

/// Words at the end of a company's name that tell its legal form alone.
const LEGAL_FORMS: &[&str] = &[
    "inc",
    "corp",
    "corporation",
    "co",
    "ltd",
    "limited",
    "gmbh",
    "ag",
    "ab",
    "bv",
    "llc",
    "sa",
    "sas",
    "plc",
    "kg",
    "oy",
    "spa",
    "nv",
];

/// Makers that only sound like another: Contec of Osaka makes computers, AVTECH of Taipei cameras.
const OTHER_MAKERS: &[&str] = &["AVTECH Corporation", "Contec Co. Ltd.", "Extron Co."];

/// What is left of a maker's name without its spelling and its legal form.
fn spelling(maker: &str) -> String {
    let lower = maker.to_lowercase();
    let mut words: Vec<String> = lower
        .split([' ', ',', '&'])
        .map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    while words.len() > 1
        && words
            .last()
            .is_some_and(|it| LEGAL_FORMS.contains(&it.as_str()))
    {
        words.pop();
    }
    words.concat()
}

/// A maker under two names would be two makers in lists, and one of them without weaknesses.
#[test]
fn a_maker_has_one_name() {
    let rules = Rules::embedded();
    let gives = rules.all().flat_map(|rule| &rule.gives);
    let makers = gives
        .filter(|(attribute, _)| *attribute == Attribute::Manufacturer)
        .filter_map(|(_, name)| name.literal())
        .filter(|maker| !OTHER_MAKERS.contains(maker));
    let mut spellings = BTreeMap::new();
    for maker in makers {
        assert_eq!(*spellings.entry(spelling(maker)).or_insert(maker), maker);
    }
    assert!(spellings.len() > 100);
    let tables = TABLES.iter().filter_map(|(name, _)| Table::named(name));
    let listed = tables
        .flat_map(|table| table.rows())
        .filter_map(|row| row.manufacturer);
    for maker in listed.filter(|maker| !OTHER_MAKERS.contains(maker)) {
        let known = spellings.get(&spelling(maker));
        assert!(
            known.is_none_or(|name| *name == maker),
            "{maker}, not {known:?}"
        );
    }
}

/// A start reads rules and builds no pattern; a value builds those alone that it may match. Who may
/// not wait has all of them built.
#[test]
fn patterns_are_built_when_they_are_needed() {
    let built = |rules: &Rules| rules.all().filter(|rule| rule.is_built()).count();
    let rules = Rules::embedded();
    assert_eq!(built(&rules), 0);
    assert_eq!(claims(&rules, Field::HttpServer, "swoole 4.1"), []);
    assert_eq!(built(&rules), 0);
    let found = claims(&rules, Field::HttpServer, "nginx/1.14.0 (Ubuntu)");
    assert!(found.iter().any(|claim| claim.3 == "Ubuntu"));
    let now = built(&rules);
    assert!((1..10).contains(&now), "{now}");
    rules.matcher().prepare();
    let patterns = rules
        .all()
        .filter(|rule| matches!(rule.key, Key::Pattern(_)));
    assert_eq!(built(&rules), patterns.count());
}

/// At a start a pattern that is none is refused; an example that fails is told by the check.
#[test]
fn a_start_reads_and_a_check_proves() {
    let broken = file((r"(?<version>\d+\.\d+)", r"(?<version>\d+"));
    let error = load(&[("ward.toml", &broken)]).err().unwrap().to_string();
    assert!(
        error.contains("pattern is not a regular expression"),
        "{error}"
    );
    let large = file((r"\d+\.\d+", r"(?:\d{1,999}){1,999}"));
    let error = load(&[("ward.toml", &large)]).err().unwrap().to_string();
    assert!(error.contains("larger than 262144 bytes"), "{error}");
    let wrong = file(("value = \"WardPrint/2.7\"", "value = \"WardPrint/x\""));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ward.toml"), wrong).unwrap();
    assert!(Rules::load(Some(folder.path())).is_ok());
    let check = Rules::check(folder.path()).unwrap();
    assert_eq!(check.faults.len(), 1);
}

/// Any text as a rule file: an error or rules, never a panic; errors are one line.
#[test]
fn fuzz_rule_files() {
    let start = file(("", ""));
    bolero::check!()
        .with_iterations(300)
        .for_each(|input: &[u8]| {
            // Half of the inputs are small damages of a good file.
            let text = match input {
                [at, length, rest @ ..] => {
                    let mut bytes = start.clone().into_bytes();
                    let from = usize::from(*at) * bytes.len() / 256;
                    let to = (from + usize::from(*length % 8)).min(bytes.len());
                    bytes.splice(from..to, rest.iter().take(16).copied());
                    String::from_utf8_lossy(&bytes).into_owned()
                }
                _ => String::from_utf8_lossy(input).into_owned(),
            };
            for text in [&text, &*String::from_utf8_lossy(input)] {
                let mut loader = Loader::default().proving();
                for error in loader.add("x.toml", text, Origin::Local) {
                    let error = error.to_string();
                    assert!(!error.contains('\n'), "{error}");
                }
            }
        });
}

/// A site's own rule stands in the place of the one that ships, and nothing else changes.
#[test]
fn a_local_rule_wins() {
    let shipped = Rules::embedded();
    let before = claims(&shipped, Field::OpcuaSession, "unprotected");
    assert_eq!(before[0].2, Attribute::Finding);
    let own = r#"field = "opcua.session"
[[rule]]
id = 844001
name = "nothing to see"
exact = "unprotected"
model = "Test bench"
confidence = 10
source = "the site"
matches = [{ value = "unprotected" }]
"#;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.toml"), own).unwrap();
    let rules = Rules::load(Some(folder.path())).expect("it loads");
    let after = claims(&rules, Field::OpcuaSession, "unprotected");
    let expected = (844_001, 10, Attribute::Model, "Test bench".to_owned());
    assert_eq!(after, [expected]);
    assert_eq!(rules.len(), shipped.len());
    let check = Rules::check(folder.path()).expect("it can be read");
    assert_eq!((check.local, check.replaced), (1, vec![844_001]));
    let explained = Rules::explain(Some(folder.path()), 844_001).expect("it can be read");
    let explained = explained.expect("it is there");
    assert_eq!(explained.replaces.as_deref(), Some("opcua.session.toml"));
    assert_eq!(explained.key, ("exact", "unprotected".to_owned()));
}

#[test]
fn a_folder_tells_all_its_faults_and_conflicts() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("a.toml", &file(("confidence = 90", "confidence = 200")));
    write("b.toml", "field = ");
    let check = Rules::check(folder.path()).expect("it can be read");
    assert_eq!((check.faults.len(), check.conflicts.len()), (2, 0));
    // Two rules as sure of other makers; a third that a more specific one silences.
    write("a.toml", &file(("", "")));
    let second = file(("1000001", "1000002")).replace("Acme", "Other");
    write("b.toml", &second);
    let exact = file(("1000001", "1000003"))
        .replace(
            r"pattern = 'WardPrint/(?<version>\d+\.\d+)'",
            "exact = \"WardPrint/2.7\"",
        )
        .replace("firmware_version = \"${version}\"\n", "")
        .replace(", firmware_version = \"2.7\"", "");
    write("c.toml", &exact);
    let check = Rules::check(folder.path()).expect("it can be read");
    assert_eq!(check.faults, []);
    let texts: Vec<String> = check.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:#?}");
    assert!(texts[0].contains("rule 1000001 is not heard"), "{texts:#?}");
    write("c.toml", "field = \"http.server\"");
    let check = Rules::check(folder.path()).expect("it can be read");
    let texts: Vec<String> = check.conflicts.iter().map(ToString::to_string).collect();
    assert!(
        texts[0].contains("manufacturer is \"Acme\" or \"Other\""),
        "{texts:#?}"
    );
    let coverage = check.coverage;
    assert!(coverage.categories["printer"].confirmed >= 2);
    assert!(coverage.rules.unconfirmed > 0);
    let clinical = coverage.clinical.confirmed;
    assert!(
        clinical >= 400,
        "{clinical} confirmed rules of clinical devices"
    );
}
