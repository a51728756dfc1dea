//! The page of devices made by hand.

use medtap_rules::Rules;

use super::*;
use crate::render::samples;
use crate::subject::Known;

fn page_of(inventory: &Inventory) -> String {
    let rules = Rules::load(None).unwrap();
    let report = Report {
        inventory,
        assessed: None,
        rules: &rules,
        limits: vec![(Counter::FlowsRefused, 7)],
    };
    let mut out = Vec::new();
    write(&report, Format::Html, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The page without its style and script, which have their own files.
fn body(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (rest, _) = rest.split_once("<script>").unwrap();
    // The policy holds hashes of both.
    let head = head
        .lines()
        .filter(|line| !line.contains("Security-Policy"));
    head.chain(rest.lines()).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn pages() {
    let mut inventory = samples::assessed();
    inventory.source.limits_hit = 7;
    samples::expect("report.html", &body(&page_of(&inventory)));
    inventory.devices.clear();
    samples::expect("report_empty.html", &body(&page_of(&inventory)));
}

/// With the risk model's answers: work, evidence, sources.
#[test]
fn judged_pages() {
    let mut inventory = samples::inventory();
    let rules = Rules::load(None).unwrap();
    let assessed = Assessed::new(
        &mut inventory,
        &rules,
        crate::assess::tests::basis(),
        &Known::default(),
    );
    let report = Report {
        inventory: &inventory,
        assessed: Some(&assessed),
        rules: &rules,
        limits: Vec::new(),
    };
    let mut out = Vec::new();
    write(&report, Format::Html, &mut out).unwrap();
    let page = body(&String::from_utf8(out).unwrap());
    samples::expect("report_judged.html", &page);
    for grid in report.tables() {
        for row in &grid.rows {
            assert_eq!(row.len(), grid.columns.len(), "{}", grid.name);
        }
    }
}

/// Whatever devices say, the page has no more markup than with harmless names.
#[test]
fn names_are_no_markup() {
    let count = |page: &str| page.matches('<').count();
    let mut inventory = samples::assessed();
    for hostile in [false, true] {
        let name = match hostile {
            false => "harmless",
            true => "</td></script><script>alert(1)</script>\"'><img src=x onerror=y>",
        };
        for device in &mut inventory.devices {
            for value in device.attributes.values_mut().flatten() {
                value.value = name.to_owned();
                value
                    .sources
                    .iter_mut()
                    .for_each(|s| s.raw = format!("{name}!"));
            }
            for finding in &mut device.findings {
                finding.title = name.to_owned();
                finding.evidence = name.to_owned();
            }
            for vulnerability in &mut device.vulnerabilities {
                vulnerability.cve = name.to_owned();
                vulnerability.component = name.to_owned();
                vulnerability.matched = name.to_owned();
                vulnerability.remediation = Some(name.to_owned());
            }
            for driver in &mut device.risk.drivers {
                driver.name = name.to_owned();
            }
        }
        let page = page_of(&inventory);
        assert_eq!(page.matches("<script>").count(), 1);
        assert_eq!(page.matches("<img").count(), 0);
        assert_eq!(page.matches("harmless").count() > 10, !hostile);
        if hostile {
            assert!(page.matches("&lt;script&gt;").count() > 10);
            let mut harmless = inventory.clone();
            for device in &mut harmless.devices {
                for value in device.attributes.values_mut().flatten() {
                    value.value = "harmless".to_owned();
                }
            }
            assert_eq!(count(&page), count(&page_of(&harmless)));
        }
    }
}

fn bytes_of(inventory: &Inventory, format: Format) -> Vec<u8> {
    let rules = Rules::load(None).unwrap();
    let report = Report {
        inventory,
        assessed: None,
        rules: &rules,
        limits: Vec::new(),
    };
    let mut out = Vec::new();
    write(&report, format, &mut out).unwrap();
    out
}

#[test]
fn tables_have_full_rows() {
    let inventory = samples::assessed();
    let rules = Rules::load(None).unwrap();
    let report = Report {
        inventory: &inventory,
        assessed: None,
        rules: &rules,
        limits: Vec::new(),
    };
    let mut text = String::new();
    for table in report.tables() {
        assert!(!table.rows.is_empty(), "{}", table.name);
        for row in &table.rows {
            assert_eq!(row.len(), table.columns.len(), "{}", table.name);
        }
        let mut out = Vec::new();
        table.csv(&mut out).unwrap();
        text.push_str(&format!(
            "== {}\n{}",
            table.name,
            String::from_utf8(out).unwrap()
        ));
    }
    samples::expect("report_tables.txt", &text);
}

#[test]
fn every_format_is_the_same_twice() {
    let inventory = samples::assessed();
    for format in <Format as clap::ValueEnum>::value_variants() {
        let bytes = bytes_of(&inventory, *format);
        assert!(bytes.len() > 500);
        assert_eq!(bytes, bytes_of(&inventory, *format), "{format:?}");
    }
}

#[test]
fn the_manifest_has_the_hashes_of_all_files() {
    use sha2::{Digest, Sha256};
    use std::io::Read;
    let pack = bytes_of(&samples::assessed(), Format::Zip);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(pack)).unwrap();
    let mut manifest = String::new();
    let mut file = zip.by_name("MANIFEST.sha256").unwrap();
    file.read_to_string(&mut manifest).unwrap();
    drop(file);
    assert_eq!(manifest.lines().count(), zip.len() - 1);
    for line in manifest.lines() {
        let (hash, name) = line.split_once("  ").unwrap();
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        let digest = Sha256::digest(&bytes);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, hex, "{name}");
    }
}

/// A cell that looks like a formula is text in the workbook, with its apostrophe.
#[test]
fn no_cell_of_a_workbook_is_a_formula() {
    use std::io::Read;
    let mut inventory = samples::assessed();
    for value in inventory.devices[0].attributes.values_mut().flatten() {
        value.value = "=HYPERLINK(\"http://x\")".to_owned();
    }
    let book = bytes_of(&inventory, Format::Xlsx);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(book)).unwrap();
    let mut all = String::new();
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).unwrap();
        file.read_to_string(&mut all).unwrap();
    }
    assert!(all.contains("&#39;=HYPERLINK") || all.contains("'=HYPERLINK"));
    assert!(!all.contains("<f>"));
}

#[test]
fn the_name_says_the_format() {
    for (name, format) in [
        ("a.html", Format::Html),
        ("b.HTM", Format::Html),
        ("/tmp/x.y.xlsx", Format::Xlsx),
        ("c.csv", Format::Csv),
        ("d.json", Format::Json),
        ("e.zip", Format::Zip),
    ] {
        assert_eq!(Format::of("report", Path::new(name)).ok(), Some(format));
    }
    for name in ["a", "html", ".html", "a.pdf"] {
        let fault = Format::of("report", Path::new(name)).unwrap_err();
        let expected = format!("report {name}: expected");
        assert!(fault.to_string().starts_with(&expected));
    }
}
