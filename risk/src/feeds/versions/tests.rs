use std::cmp::Ordering;

use super::{Containment, Version, Versions};

fn compare(one: &str, other: &str) -> Option<Ordering> {
    let [one, other] = [one, other].map(|text| Version::parse(text).expect(text));
    assert_eq!(
        one.compare(&other),
        other.compare(&one).map(Ordering::reverse)
    );
    one.compare(&other)
}

#[test]
fn versions_have_the_order_of_their_vendors() {
    for (lower, higher) in [
        ("1.9", "1.10"),
        ("9.33", "9.33.1"),
        ("v2.1", "3.0"),
        ("B.06.17", "B.06.18"),
        ("B.06.18", "C.00.04"),
        ("K", "N"),
        ("L80", "L81"),
        ("HD16", "HD23"),
        ("012U000040", "012U000061"),
        ("1.8.4", "1.8.4 Service Pack 01"),
        ("1.8.4 SP1", "1.8.4 Service Pack 02"),
        ("1.3.0 Build 14", "1.3.1 Build 13"),
        ("1.3.1 Build 12", "1.3.1 Build 13"),
        ("2023.3_Build_9342", "2024.1"),
        ("1.0.2", "1.0.2k"),
        ("1.0.2k", "1.0.2u"),
        ("2.0-rc1", "2.0"),
        ("2.0-beta2", "2.0-rc1"),
        ("4.20", "4.20 SR1"),
        ("4.20 SR1", "4.30"),
        ("12.2(55)SE6", "12.2(55)SE7"),
        ("7.4p1", "7.5"),
        ("5.09.02", "5.89.05b"),
        ("2017-06-30", "July 1 2017"),
        ("8/29/2024", "8/30/2024"),
        ("R4.0", "R4.1L1"),
        ("10.0.17763.1234", "10.0.17763.3165"),
    ] {
        assert_eq!(
            compare(lower, higher),
            Some(Ordering::Less),
            "{lower} < {higher}"
        );
    }
    for (one, other) in [
        ("1.0", "1.0.0"),
        ("Version 2.1", "2.1"),
        ("Rev. B.02", "b.02"),
        ("12.2.x.x", "12.2.8.410"),
        ("20170701", "2017-07-01"),
    ] {
        assert_eq!(
            compare(one, other),
            Some(Ordering::Equal),
            "{one} = {other}"
        );
    }
}

#[test]
fn other_schemes_have_no_order() {
    for (one, other) in [
        ("L81", "U61"),
        ("L81", "012U000061"),
        ("1.0", "A.01"),
        ("HD23", "BT06"),
        ("2023.3", "2023.3_Build_9342"),
        ("1.2", "July 1 2017"),
        ("4.20 SR1", "4.20 SP1"),
        ("1.4.2.0", "1.4.2.0-git9"),
    ] {
        assert_eq!(compare(one, other), None, "{one} ? {other}");
    }
}

#[test]
fn what_is_no_version_is_none() {
    for text in [
        "",
        " ",
        "*",
        "Protiva Carestation View é",
        "1.0/2.0/3.0",
        "C.0x",
        &"1.".repeat(90),
    ] {
        assert_eq!(Version::parse(text), None, "{text}");
    }
}

fn contains(set: &str, version: &str) -> Containment {
    Versions::parse(set).contains(&Version::parse(version).expect(version))
}

/// Ranges as CISA's medical advisories write them, with a version just inside and just outside.
#[test]
fn ranges_of_advisories() {
    for (set, inside, outside) in [
        ("< 8.2.2", "8.2.1", "8.2.2"),
        ("<= 9.33", "9.33", "9.33.1"),
        (
            "<=2023.3_Build_9342",
            "2023.3 build 9342",
            "2023.3 build 9343",
        ),
        (">= 1.3.4 | < 1.5.3", "1.5.2", "1.5.3"),
        (">= 1.3.4 | < 1.5.3", "1.3.4", "1.3.3"),
        (">= 2018-1 | <= 2021-1", "2020-2", "2021-2"),
        ("<= R4.1L1", "4.1", "4.2"),
        ("1.1.7.333 | 2.1.1.3069", "2.1.1.3069", "2.1.1.3068"),
        ("B.02 | C.02 | C.03", "C.02", "C.01"),
        ("<= U61 |<= L81", "L80", "L82"),
        ("5.x.x", "5.7.1", "6.0"),
        ("<= 12.2.x.x", "12.2.99", "12.3"),
        ("2.3.6 and  below", "2.3.6", "2.3.7"),
        (">= 2.0", "2.0", "1.9"),
        ("A10 < A11", "A10", "A11"),
        ("5.0|5.1", "5.1", "5.2"),
        ("<8/30/2024", "2024-08-29", "2024-08-30"),
        ("<  july 1 2017", "2017-06-30", "2017-07-01"),
        ("All versions prior to 3.2", "3.1.9", "3.2"),
        ("Versions 3.1 and prior", "3.1", "3.2"),
        ("versions 1.0 through 2.0", "2.0", "2.0.1"),
        ("from 1.0 to 2.0", "1.0", "0.9"),
        ("1.0 - 2.0", "1.5", "2.1"),
        ("prior to 2.1", "2.0", "2.1"),
        ("(Release 1.3.2 1.4.0 1.4.1 1.4.3 1.4.5)", "1.4.3", "1.4.2"),
        (">= 1.0.0  | <= 1.3.1", "1.0.0", "1.3.2"),
        ("vers:generic/>=1.0|<2.0|3.5", "3.5", "2.0"),
        ("vers:semver/%3C2.0", "1.9", "2.0"),
        ("2131 and 2141", "2141", "2140"),
        ("up to and including 4.2", "4.2", "4.2.1"),
        ("Rev J-M", "K.21.42", "N.01"),
        ("Rev J-M", "M.04", "H.15"),
        (">=1.0 <2.0", "1.9", "2.0"),
    ] {
        let found = contains(set, inside);
        assert!(
            matches!(found, Containment::Named | Containment::Inside),
            "{inside} in {set}: {found:?}"
        );
        assert_eq!(
            contains(set, outside),
            Containment::Outside,
            "{outside} in {set}"
        );
    }
}

#[test]
fn named_and_inside_differ() {
    assert_eq!(contains("1.1 | 1.6", "1.6"), Containment::Named);
    assert_eq!(contains("<= 1.6", "1.6"), Containment::Inside);
    assert_eq!(contains("1.x", "1.6"), Containment::Inside);
    assert_eq!(contains("vers:all/*", "1.6"), Containment::Inside);
}

#[test]
fn unreadable_texts_match_nothing_exactly() {
    for set in [
        "distributed  < april 1, 2018",
        "* (end-of-life 2011)",
        "< august 28",
        "with wireless option (shipped between 2016-August 2018)",
        "A.01 <= C.0x | 4.0",
        "2nd Edition",
    ] {
        let found = contains(set, "9.0");
        assert_eq!(
            found,
            Containment::Unknown,
            "{set}: {:?}",
            Versions::parse(set)
        );
    }
    let conditional = "<=11.2 on Windows 8.1 with IIS 7.5";
    assert_eq!(contains(conditional, "11.0"), Containment::Unknown);
    assert_eq!(contains(conditional, "11.3"), Containment::Outside);
    assert_eq!(Versions::parse(""), Versions::Unstated);
    assert_eq!(Versions::parse("all versions"), Versions::All);
}

#[test]
fn fuzz_any_texts() {
    bolero::check!()
        .with_type::<(String, String)>()
        .for_each(|(set, text)| {
            let set = Versions::parse(set);
            if let Some(version) = Version::parse(text) {
                let _ = set.contains(&version);
                assert_eq!(version.compare(&version), Some(Ordering::Equal));
            }
        });
}
