use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const KEV_HEAD: &str = r#""catalogVersion": "1", "dateReleased": "2026-08-07T16:45:47.0648Z""#;

fn kev_row(cve: &str) -> String {
    format!(
        r#"{{"cveID": "{cve}", "vendorProject": "v", "product": "p", "dateAdded": "2026-08-07",
        "dueDate": "2026-08-10", "knownRansomwareCampaignUse": "Known"}}"#
    )
}

fn one(text: &str) -> Feeds {
    Feeds::read_bytes([("feed", text.as_bytes())])
}

fn refusal(text: &str) -> String {
    let feeds = one(text);
    assert_eq!(feeds.list, [], "nothing of it is kept");
    assert!(feeds.kev.entries.is_empty() && feeds.epss.is_empty());
    assert!(feeds.claims.all().is_empty() && feeds.weaknesses.is_empty());
    feeds.refused.first().expect("refused").refusal.to_string()
}

fn rejects(text: &str) -> Vec<String> {
    let feeds = one(text);
    assert_eq!(feeds.refused, []);
    let rejects = feeds.list[0].rejects.iter();
    rejects
        .map(|one| format!("{:?} {}: {}", one.line, one.index, one.reason))
        .collect()
}

#[test]
fn wrong_scores_are_rejected_with_their_line() {
    let rows = ["NaN", "-0.1", "1.1", "inf", "", "0x1", "1e309", "0.5"];
    let mut text = "#model_version:v5,score_date:2026-08-16\ncve,epss,percentile\n".to_owned();
    for (number, probability) in rows.iter().enumerate() {
        text += &format!("CVE-2024-{number:04},{probability},0.5\n");
    }
    text += "CVE-2024-0007,0.6,0.5\nCVE-24-1,0.1,0.1\n";
    let found = rejects(&text);
    assert_eq!(found.len(), 9, "{found:?}");
    assert_eq!(found[0], "Some(3) 0: epss `NaN` is not between 0 and 1");
    assert_eq!(found[7], "Some(11) 8: CVE-2024-0007 stands there twice");
    let feeds = one(&text);
    assert_eq!(feeds.epss.len(), 1);
    assert_eq!(feeds.list[0].rejected, 9);
    // Where most of a file is wrong, none of it is believed.
    let mut bad = "#model_version:v5,score_date:2026-08-16\ncve,epss,percentile\n".to_owned();
    for number in 0..500 {
        let probability = if number < 11 { "NaN" } else { "0.5" };
        bad += &format!("CVE-2024-{number:04},{probability},0.5\n");
    }
    assert!(refusal(&bad).starts_with("line 3: 11 of 500 records are wrong"));
    assert!(refusal("cve,epss,percentile\nCVE-2024-0001,0.1,0.1\n").contains("model_version"));
}

#[test]
fn a_catalogue_is_whole_or_refused() {
    let row = kev_row("CVE-2024-0001");
    for (text, reason) in [
        (
            format!(r#"{{{KEV_HEAD}, "count": 2, "vulnerabilities": [{row}]}}"#),
            "states 2 records",
        ),
        (
            format!(r#"{{{KEV_HEAD}, "vulnerabilities": [{row}]}}"#),
            "`count`",
        ),
        (
            format!(r#"{{{KEV_HEAD}, "count": 1, "vulnerabilities": [{row}"#),
            "cut short",
        ),
        (
            format!(r#"{{{KEV_HEAD}, "count": 0, "vulnerabilities": []}}"#),
            "no entry",
        ),
        (
            format!(r#"{{"catalogVersion": "1", "count": 1, "vulnerabilities": [{row}]}}"#),
            "date",
        ),
    ] {
        let found = refusal(&text);
        assert!(found.contains(reason), "{found}");
    }
    let twice = format!(
        r#"{{{KEV_HEAD}, "count": 2, "vulnerabilities": [{row},
        {row}]}}"#
    );
    assert_eq!(rejects(&twice).len(), 1);
    assert!(rejects(&twice)[0].contains("stands there twice"));
}

/// A record with a text of a gigabyte is given up after the limit, in constant memory.
#[test]
fn endless_texts_are_given_up() {
    let start = format!(r#"{{{KEV_HEAD}, "vulnerabilities": [{{"cveID": ""#);
    let text = std::io::repeat(b'x').take(1 << 30);
    let endless = Cursor::new(start.into_bytes()).chain(text);
    let mut feed = Feed::new(Kind::KevJson, "x".to_owned(), String::new(), 0);
    let refusal = kev::read_json(endless, &mut feed).unwrap_err();
    assert!(refusal.reason.contains("longer than"), "{refusal}");
}

#[test]
fn bombs_are_refused() {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer
        .write_all(format!(r#"{{{KEV_HEAD}, "vulnerabilities": ["#).as_bytes())
        .unwrap();
    let row = kev_row("CVE-2024-0001") + ",";
    for _ in 0..300_000 {
        packer.write_all(row.as_bytes()).unwrap();
    }
    let bomb = packer.finish().unwrap();
    let feeds = Feeds::read_bytes([("bomb.json.gz", bomb.as_slice())]);
    assert!(
        feeds.refused[0].refusal.reason.contains("inflates more"),
        "{:?}",
        feeds.refused
    );
}

#[test]
fn other_versions_are_refused() {
    for (text, reason) in [
        (
            r#"{"document": {"category": "a", "csaf_version": "1.9", "publisher": {"category": "v",
            "name": "n"}, "tracking": {"id": "i", "version": "1",
            "current_release_date": "2024-01-01"}}}"#,
            "2.0 is read",
        ),
        (
            r#"{"format": "NVD_CVE", "version": "1.0", "vulnerabilities": []}"#,
            "2.0 is read",
        ),
        (
            r#"{"dataType": "CVE_RECORD", "dataVersion": "4.0", "cveMetadata": {"cveId": "x",
            "state": "PUBLISHED"}, "containers": {"cna": {}}}"#,
            "5.x is read",
        ),
        (
            r#"{"bomFormat": "CycloneDX", "specVersion": "2.0"}"#,
            "1.x is read",
        ),
        (
            r#"{"spdxVersion": "SPDX-3.0", "name": "n", "creationInfo": {"created": "x"}}"#,
            "SPDX-2.x is read",
        ),
        (
            r#"{"@context": "https://openvex.dev/ns/v0.2.0"}"#,
            "missing field",
        ),
    ] {
        let found = refusal(text);
        assert!(found.contains(reason), "{found}");
    }
}

#[test]
fn deep_documents_are_refused() {
    let deep = "[".repeat(200_000);
    for text in [
        format!(r#"{{"catalogVersion": {deep}"#),
        format!(r#"{{"format": "NVD_CVE", "vulnerabilities": [{deep}"#),
        format!(r#"{{"document": {{"csaf_version": "2.0", "x": {deep}"#),
        format!(r#"{{"bomFormat": "CycloneDX", "components": {deep}"#),
    ] {
        refusal(&text);
    }
    let nested = r#"{"category": "a", "name": "b", "branches": ["#.repeat(100);
    let text = format!(
        r#"{{"document": {{"csaf_version": "2.0"}}, "product_tree": {{"branches":
        [{nested}"#
    );
    refusal(&text);
}

/// Every reader of a whole document, on any bytes behind its own beginning.
#[test]
fn fuzz_documents() {
    const BEGINNINGS: &[&str] = &[
        r#"{"document": {"csaf_version": "2.0", "category": "csaf_vex""#,
        r#"{"dataType": "CVE_RECORD", "dataVersion": "5.1""#,
        r#"{"@context": "https://openvex.dev/ns/v0.2.0""#,
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.6""#,
        r#"{"spdxVersion": "SPDX-2.3""#,
        r#"{"type": "bundle", "objects": ["#,
        r#"{"format": "NVD_CVE", "version": "2.0", "vulnerabilities": ["#,
        r#"{"mds2": "2019""#,
        "#model_version:v5,score_date:2026-08-16\ncve,epss,percentile\n",
        "cveID,vendorProject,product,dateAdded,dueDate\n",
        "PRODUCTCODE|DEVICENAME|DEVICECLASS|IMPLANT_FLAG|LIFE_SUSTAIN_SUPPORT_FLAG\n",
        "MDS2,DOC-1\n",
    ];
    bolero::check!().for_each(|bytes: &[u8]| {
        for beginning in BEGINNINGS {
            let file = [beginning.as_bytes(), bytes].concat();
            let feeds = Feeds::read_bytes([("f", file.as_slice())]);
            assert!(feeds.list.len() + feeds.refused.len() + feeds.strangers.len() == 1);
        }
    });
}

/// Cut anywhere, a document is refused or whole, and never half there.
#[test]
fn documents_cut_anywhere() {
    let row = kev_row("CVE-2024-0001");
    let text = format!(r#"{{{KEV_HEAD}, "count": 1, "vulnerabilities": [{row}]}}"#);
    for end in 0..text.len() {
        let feeds = Feeds::read_bytes([("f", &text.as_bytes()[..end])]);
        assert_eq!(feeds.list, [], "cut at {end}");
        assert!(feeds.kev.entries.is_empty());
    }
}
