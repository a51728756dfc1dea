//! The matching walked from end to end: schemes of versions, processors, people's verdicts over
//! updates of feeds, bills of models, and where the names come from.

use super::tests::{application, csaf, device, read, system, tiers};
use super::*;
use crate::feeds::Feeds;
use crate::subject::Component;

/// A range of each scheme, with a version just inside and one just outside, through the matcher.
#[test]
fn just_inside_and_just_outside_of_every_scheme() {
    for (scheme, versions, inside, outside) in [
        ("dotted", "< 8.2.2", "8.2.1.99", "8.2.2"),
        ("dotted, shorter", "<= 9.33", "9.33", "9.33.1"),
        ("letters first", "< B.06.18", "B.06.17", "B.06.18"),
        ("a letter alone", "<=N", "K.21.42", "P.01"),
        ("letters last", "< 1.0.2u", "1.0.2k", "1.0.2u"),
        ("a series", "<= L81", "L80", "L82"),
        (
            "service packs",
            "< 1.8.4 Service Pack 02",
            "1.8.4 SP1",
            "1.8.4 SP2",
        ),
        (
            "builds",
            "<= 2023.3_Build_9342",
            "2023.3 build 9342",
            "2023.3 build 9343",
        ),
        ("days", "< 8/30/2024", "2024-08-29", "2024-08-30"),
        ("words", "All versions prior to 3.2", "3.1.9", "3.2"),
        (
            "words of both ends",
            "versions 1.0 through 2.0",
            "2.0",
            "2.0.1",
        ),
        ("a list", "1.1 | 1.6", "1.6", "1.5"),
    ] {
        let text = csaf(
            "A-1",
            "csaf_security_advisory",
            "Acme",
            "Pump 9",
            versions,
            "",
        );
        let feeds = read(&[("a.json", &text)]);
        let of = |version: &str| tiers(&feeds, &[device("Acme", "Pump 9", version)]);
        let found = of(inside);
        let sure = found.first().is_some_and(|tier| {
            matches!(
                tier,
                Applicability::ExactVersionInRange | Applicability::KnownAffected
            )
        });
        assert!(sure, "{scheme}: {inside} in {versions}: {found:?}");
        assert_eq!(of(outside), [], "{scheme}: {outside} in {versions}");
        // A version of another scheme is never exact.
        let foreign = of("ZZ-Q/7");
        assert_eq!(foreign, [Applicability::ModelVersionUnknown], "{scheme}");
    }
}

/// A record for one processor is none for another; where none is told it is doubt.
#[test]
fn another_processor_is_another_product() {
    let nvd = |hardware: &str| {
        format!(
            r#"{{"resultsPerPage": 1, "startIndex": 0, "totalResults": 1, "format": "NVD_CVE",
            "version": "2.0", "timestamp": "2026-08-16T00:00:00.000", "vulnerabilities": [
            {{"cve": {{"id": "CVE-2020-0001", "published": "2020-01-01T00:00:00.000",
            "lastModified": "2020-01-01T00:00:00.000", "vulnStatus": "Analyzed",
            "descriptions": [{{"lang": "en", "value": "x"}}], "metrics": {{}},
            "configurations": [{{"nodes": [{{"operator": "OR", "negate": false, "cpeMatch": [
            {{"vulnerable": true, "criteria":
            "cpe:2.3:a:acme:viewer:*:*:*:*:*:*:{hardware}:*",
            "versionEndExcluding": "2.0"}}]}}]}}]}}}}]}}"#
        )
    };
    let viewer = |build: Option<&str>| Component {
        build: build.map(str::to_owned),
        ..application("acme", "viewer", "1.0")
    };
    for (record, seen, matches) in [
        ("x64", Some("x86"), false),
        ("x64", Some("amd64"), true),
        ("x86", Some("i686"), true),
        ("x86", Some("x86_64"), false),
        ("arm64", Some("armv7l"), false),
        ("arm64", Some("aarch64"), true),
        ("itanium", Some("x64"), false),
        ("x64", None, true),
        ("*", Some("arm64"), true),
    ] {
        let text = nvd(record);
        let feeds = read(&[("nvd.json", &text)]);
        let found = tiers(&feeds, &[viewer(seen)]);
        assert_eq!(
            !found.is_empty(),
            matches,
            "{record} on {seen:?}: {found:?}"
        );
    }
}

/// What a person decided holds over every update of the feeds, until the day that they set.
#[test]
fn verdicts_outlive_updates() {
    let verdicts = Verdicts::parse_toml(
        "[[verdict]]\ncve = \"CVE-2024-0001\"\nvendor = \"Acme\"\nproduct = \"Pump 9\"\n\
         opinion = \"not_affected\"\nauthor = \"biomedical engineering\"\ndate = \"2024-02-01\"\n\
         until = \"2026-12-31\"\nreason = \"The service is not installed.\"\n",
    )
    .unwrap();
    let pump = [device("Acme", "Pump 9", "1.5")];
    let advisory = |versions: &str, day: &str| {
        csaf(
            "A-1",
            "csaf_security_advisory",
            "Acme",
            "Pump 9",
            versions,
            "",
        )
        .replace("2024-01-02", day)
    };
    let second = advisory("< 2.0", "2024-01-02").replace("A-1", "B-7");
    let updates: [(&str, Vec<String>); 4] = [
        ("the advisory", vec![advisory("< 2.0", "2024-01-02")]),
        ("its revision", vec![advisory("<= 3.0", "2025-06-01")]),
        (
            "another publisher's",
            vec![advisory("< 2.0", "2024-01-02"), second],
        ),
        (
            "one that names the version",
            vec![advisory("1.5", "2026-01-01")],
        ),
    ];
    for (update, texts) in updates {
        let files: Vec<(String, &str)> = texts
            .iter()
            .enumerate()
            .map(|(place, text)| (format!("{place}.json"), text.as_str()))
            .collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
        let feeds = read(&files);
        let on = |day: &str| {
            let mut found = Matcher::new(&feeds).matches(&pump);
            verdicts.apply("d", &pump, &mut found, day.parse().unwrap());
            assert_eq!(found.len(), 1, "{update}");
            (found[0].applicability, found[0].verdict.is_some())
        };
        let decided = (Applicability::NotAffected, true);
        assert_eq!(on("2026-12-31"), decided, "{update}");
        let (after, by_person) = on("2027-01-01");
        assert!(after.is_scored() && !by_person, "{update}: {after:?}");
    }
}

/// Each model has the parts of its own bill and no other's.
#[test]
fn bills_are_of_one_model() {
    let bill = |model: &str, part: &str| {
        format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {{
            "timestamp": "2026-01-01T00:00:00Z", "supplier": {{"name": "Acme"}},
            "component": {{"type": "device", "name": "{model}"}}}}, "components": [
            {{"type": "library", "name": "{part}", "version": "1.0",
            "purl": "pkg:generic/{part}@1.0"}}]}}"#
        )
    };
    let (one, two) = (bill("Pump 9", "zlib"), bill("Pump 10", "curl"));
    let feeds = read(&[("one.json", &one), ("two.json", &two)]);
    let matcher = Matcher::new(&feeds);
    let parts = |component: &Component| -> Vec<String> {
        let bill = matcher.bill(component);
        let parts = bill.map(|bill| bill.components((1, 2))).unwrap_or_default();
        parts.into_iter().map(|part| part.product).collect()
    };
    assert_eq!(parts(&device("Acme", "Pump 9", "1.5")), ["zlib"]);
    assert_eq!(parts(&device("ACME Inc.", "pump 10", "")), ["curl"]);
    for other in [
        device("Acme", "Pump 91", ""),
        device("Acme", "Pump", ""),
        device("Other", "Pump 9", ""),
        device("", "Pump 9", ""),
        system("Pump 9", ""),
    ] {
        let found = parts(&other);
        assert!(found.is_empty() || other.product == "Pump 9", "{other:?}");
        if other.vendor.as_deref() == Some("Other") {
            assert!(found.is_empty(), "{other:?}: {found:?}");
        }
    }
}

/// Every product of the real advisories, as another vendor's: none of them matches.
#[test]
fn real_products_of_another_vendor_match_nothing() {
    let Some(folder) = std::env::var_os("MEDTAP_DATA") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder).join("feeds/csaf");
    if !folder.is_dir() {
        return;
    }
    let feeds = Feeds::read(&[folder]).unwrap();
    let matcher = Matcher::new(&feeds);
    let products = feeds.claims.products();
    assert!(products.len() > 300);
    for product in products {
        let other = device("Quite Another Company", &product.name, "1.0");
        let found = matcher.matches(std::slice::from_ref(&other));
        assert!(found.is_empty(), "{other:?}: {found:?}");
    }
}

/// A spelling that is not marked `unconfirmed` stands in a public feed.
#[test]
fn names_have_their_sources() {
    let Some(folder) = std::env::var_os("MEDTAP_DATA") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder).join("feeds");
    if !folder.is_dir() {
        return;
    }
    let feeds = Feeds::read(&[folder.join("kev"), folder.join("csaf")]).unwrap();
    let plain = |text: &str| -> String {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut quoted = std::collections::HashSet::new();
    for product in feeds.claims.products() {
        quoted.extend([plain(&product.vendor), plain(&product.name)]);
    }
    for entry in feeds.kev.entries.values() {
        quoted.extend([plain(&entry.vendor), plain(&entry.product)]);
    }
    let names: toml::Table = include_str!("../../data/names.toml").parse().unwrap();
    let mut missing = Vec::new();
    for row in ["vendor", "product"] {
        for row in names[row].as_array().unwrap() {
            let list = |key: &str| -> Vec<String> {
                let list = row.get(key).and_then(toml::Value::as_array);
                let texts = list.into_iter().flatten().filter_map(toml::Value::as_str);
                texts.map(plain).collect()
            };
            let unconfirmed = list("unconfirmed");
            let own = plain(row["name"].as_str().unwrap());
            let named = list("also").into_iter().chain([own]);
            let sure = named.filter(|name| !unconfirmed.contains(name));
            missing.extend(sure.filter(|name| !quoted.contains(name)));
        }
    }
    assert_eq!(missing, [""; 0]);
}
