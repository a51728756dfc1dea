//! `--where` and `--fail-on` on real devices.

use super::program::{hospital, medtap};

#[test]
fn where_shows_what_matches() {
    let all = medtap(&["analyze", &hospital(), "-o", "json"]).json();
    let run = medtap(&[
        "analyze",
        &hospital(),
        "-o",
        "json",
        "--where",
        "class = medical",
    ]);
    assert_eq!(run.code, 0);
    let shown = run.json();
    let devices = shown["devices"].as_array().unwrap();
    assert!(!devices.is_empty());
    assert!(devices.len() < all["devices"].as_array().unwrap().len());
    assert!(devices.iter().all(|device| device["class"] == "medical"));
    // What is said of the whole stays the same.
    assert_eq!(shown["source"], all["source"]);
    assert_eq!(shown["coverage"], all["coverage"]);
    let none = medtap(&["analyze", &hospital(), "--where", "category = dialysis"]);
    assert!(none.stdout.starts_with("0 of "), "{}", none.stdout);
}

#[test]
fn fail_on_looks_at_every_device() {
    let run = medtap(&[
        "analyze",
        &hospital(),
        "-o",
        "jsonl",
        "--where",
        "category = dialysis",
        "--fail-on",
        "protocols.name = dicom and class = medical",
    ]);
    assert!(run.sentence(1).contains("matched --fail-on"));
    assert_eq!(run.stdout, "");
    let run = medtap(&["analyze", &hospital(), "--fail-on", "risk.score >= 70"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn a_bad_expression_is_wrong_usage() {
    for option in ["--where", "--fail-on"] {
        let run = medtap(&["analyze", &hospital(), option, "catagory = ct"]);
        assert_eq!(run.code, 2);
        assert_eq!(run.stdout, "");
        let first = run.stderr.lines().next().unwrap();
        assert!(first.contains("catagory is unknown"), "{first}");
        assert!(first.contains("(at character 1)"), "{first}");
    }
}
