//! Expressions against a device made by hand.

use super::*;
use crate::render::samples;

fn matches(text: &str) -> bool {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    expression.matches(&samples::scanner())
}

fn fault(text: &str) -> (usize, String) {
    let error = Expression::parse(text).expect_err(text);
    (error.position, error.message)
}

#[test]
fn comparisons() {
    for text in [
        "category = ct",
        "category != mr",
        "category='ct'",
        "category = \"ct\" and class = medical",
        "class = it or class = medical",
        "not class = it",
        "not (class = it or class = network)",
        "category_confidence >= 95",
        "category_confidence > 94.5 AND category_confidence <= 95",
        "packets_sent < 1e6",
        "protocols.name = dicom",
        "protocols.port = 104",
        "protocols.encrypted = false",
        "attributes.model.value = 'Scan 64'",
        "attributes.software_version.value < 2.10",
        "attributes.software_version.value >= 2.9",
        "attributes.manufacturer.conflicts.value = Other",
        "attributes.manufacturer.sources.field = dicom.manufacturer",
        "addresses = 192.0.2.10",
        "addresses = 2001:DB8:0::10",
        "macs = 02:00:00:00:00:10",
        "vlans = 20",
        "first_seen >= 2026-08-18",
        "last_seen = 2026-08-18T10:00:27.5Z",
        "last_seen > 2026-08-18T10:00:27Z",
        "last_seen < 2026-08-18T12:00:28+02:00",
        "activity.dicom_store.total = 12",
        "risk.assessed = false",
    ] {
        assert!(matches(text), "{text}");
    }
}

#[test]
fn null_and_empty_lists_match_nothing() {
    for text in [
        "risk.score >= 0",
        "risk.score != 5",
        "risk.score < 5",
        "findings.id = smbv1",
        "findings.id != smbv1",
        "attributes.udi.value != x",
        "attributes.udi.confidence >= 0",
        "activity.hl7_message.total >= 0",
        "risk.score >= 70 and category = infusion_pump",
    ] {
        assert!(!matches(text), "{text}");
        assert!(matches(&format!("not ({text})")), "{text}");
    }
}

/// `and` binds more tightly than `or`, `not` more tightly than both.
#[test]
fn precedence() {
    assert!(matches("class = medical or class = it and class = network"));
    assert!(!matches("(class = medical or class = it) and class = network"));
    assert!(matches("not class = it and class = medical"));
    assert!(!matches("not not class = it"));
}

#[test]
fn faults_say_where_and_what() {
    let cases: &[(&str, usize, &str)] = &[
        ("", 1, "expected a path"),
        ("category", 9, "expected =, !="),
        ("category ~ ct", 10, "expected =, !="),
        ("category = ", 12, "expected a value to compare category with"),
        ("category = and", 12, "expected a value"),
        ("category = 'ct", 12, "expected a closing quote"),
        ("category = ct ct", 15, "expected and, or, or the end"),
        ("(category = ct", 15, "expected )"),
        ("category = ct)", 14, "expected and, or"),
        ("category = ct and", 18, "expected a path"),
        ("catagory = ct", 1, "catagory is unknown; a device has "),
        ("risk.scor > 1", 1, "risk.scor is unknown; risk has "),
        ("risk > 1", 1, "risk has parts; risk has "),
        ("id.x = 1", 1, "id has no parts"),
        ("risk.score > high", 14, "risk.score is a number, and \"high\" is none"),
        ("risk.score > nan", 14, "risk.score is a number"),
        ("risk.assessed = yes", 17, "risk.assessed is true or false"),
        ("last_seen > soon", 13, "last_seen is a time"),
        ("addresses = ward", 13, "addresses is an IP address"),
        ("class = 'é' and é = 1", 17, "expected a path"),
    ];
    for (text, position, begin) in cases {
        let (at, message) = fault(text);
        assert_eq!(at, *position, "{text}: {message}");
        assert!(message.starts_with(begin), "{text}: {message}");
    }
}

#[test]
fn depth_and_length_are_limited() {
    let deep = format!("{}id = a{}", "(".repeat(31), ")".repeat(31));
    assert!(Expression::parse(&deep).is_ok());
    for opening in ["(", "not "] {
        let (_, message) = fault(&format!("{}id = a", opening.repeat(1000)));
        assert!(message.contains("levels"), "{message}");
    }
    let (_, message) = fault(&format!("id = {}", "a".repeat(EXPRESSION_BYTES_MAX)));
    assert!(message.contains("bytes"), "{message}");
}

/// Any text: no panic, and a fault lies inside the text or right behind it.
#[test]
fn fuzz_parse() {
    bolero::check!()
        .with_iterations(4000)
        .with_max_len(64)
        .for_each(|bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            match Expression::parse(&text) {
                Ok(expression) => {
                    let _ = expression.matches(&samples::scanner());
                }
                Err(error) => assert!(error.position <= text.chars().count() + 1),
            }
        });
}
