//! The page of devices made by hand.

use medtap_rules::Rules;

use super::*;
use crate::render::samples;

fn page_of(inventory: &Inventory) -> String {
    let rules = Rules::load(None).unwrap();
    let report = Report {
        inventory,
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

#[test]
fn the_name_says_the_format() {
    for name in ["a.html", "b.HTM", "/tmp/x.y.html"] {
        assert_eq!(
            Format::of("report", Path::new(name)).ok(),
            Some(Format::Html)
        );
    }
    for name in ["a", "html", ".html", "a.pdf"] {
        let fault = Format::of("report", Path::new(name)).unwrap_err();
        assert!(
            fault
                .to_string()
                .starts_with(&format!("report {name}: expected"))
        );
    }
}
