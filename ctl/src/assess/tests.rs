//! Feeds of a few lines over devices made by hand.

use medtap_inventory::model::Time;

use super::*;
use crate::render::samples;

const KEV: &str = r#"{"title":"CISA Catalog of Known Exploited Vulnerabilities",
"catalogVersion":"2026.08.07","dateReleased":"2026-08-07T17:00:00.0000Z","count":1,
"vulnerabilities":[{"cveID":"CVE-2026-1001","vendorProject":"Acme","product":"Scan 64",
"vulnerabilityName":"Acme Scan 64 Something","dateAdded":"2026-08-01",
"shortDescription":"Something.","requiredAction":"Mend it.","dueDate":"2026-08-22",
"knownRansomwareCampaignUse":"Known","notes":"","cwes":[]}]}"#;

const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-08-16T00:00:00+0000\n\
                    cve,epss,percentile\nCVE-2026-1001,0.5,0.97\n";

const CSAF: &str = r#"{"document":{"category":"csaf_security_advisory","csaf_version":"2.0",
"title":"Acme Scan 64","publisher":{"category":"coordinator","name":"CISA",
"namespace":"https://www.cisa.gov/"},"tracking":{"id":"ICSMA-26-001-01","status":"final",
"version":"1","initial_release_date":"2026-08-01T00:00:00Z",
"current_release_date":"2026-08-01T00:00:00Z","revision_history":[{"number":"1",
"date":"2026-08-01T00:00:00Z","summary":"Initial"}]}},
"product_tree":{"branches":[{"category":"vendor","name":"Acme","branches":[{
"category":"product_name","name":"Scan 64","branches":[{"category":"product_version_range",
"name":"<3.0","product":{"product_id":"P1","name":"Acme Scan 64 <3.0"}}]}]}]},
"vulnerabilities":[{"cve":"CVE-2026-1001","product_status":{"known_affected":["P1"]},
"remediations":[{"category":"vendor_fix","details":"Update to 3.0.","product_ids":["P1"]}],
"scores":[{"products":["P1"],"cvss_v3":{"version":"3.1","baseScore":9.8,
"baseSeverity":"CRITICAL","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]}]}"#;

/// What the samples are judged by: a vulnerability of the scanner that is exploited.
pub fn basis() -> Basis {
    let files = [
        ("kev.json", KEV.as_bytes()),
        ("epss.csv", EPSS.as_bytes()),
        ("icsma.json", CSAF.as_bytes()),
    ];
    let feeds = Feeds::read_bytes(files);
    assert!(feeds.refused.is_empty(), "{:?}", feeds.refused);
    Basis {
        policy: Policy::default(),
        feeds,
        verdicts: Verdicts::default(),
    }
}

fn judged(basis: Basis) -> (Inventory, Assessed) {
    let mut inventory = samples::inventory();
    let rules = Rules::load(None).unwrap();
    let assessed = Assessed::new(&mut inventory, &rules, basis, &Known::default());
    (inventory, assessed)
}

#[test]
fn a_match_reaches_the_inventory() {
    let (inventory, assessed) = judged(basis());
    let scanner = &inventory.devices[0];
    let [found] = scanner.vulnerabilities.as_slice() else {
        panic!("{:?}", scanner.vulnerabilities);
    };
    assert_eq!(found.cve, "CVE-2026-1001");
    assert_eq!(found.component, "Acme Scan 64 2.9");
    assert!(found.in_kev && found.epss == Some(0.5));
    let clocks = found.bod_26_04.as_deref().unwrap();
    assert!(
        clocks.contains("3 days and forensic investigation"),
        "{clocks}"
    );
    assert!(clocks.ends_with("used by ransomware"), "{clocks}");
    assert_eq!(
        found.remediation.as_deref(),
        Some("vendor_fix: Update to 3.0.")
    );
    assert!(
        found.matched.contains("ICSMA-26-001-01"),
        "{}",
        found.matched
    );
    assert!(
        found.matched.contains("dicom.software_versions"),
        "{}",
        found.matched
    );
    let risk = &scanner.risk;
    assert!(risk.assessed && risk.low <= risk.score && risk.score <= risk.high);
    assert!(risk.score.unwrap() > 10.0 && !risk.drivers.is_empty());
    // What is not identified has no score, and is not called safe.
    let hostile = &inventory.devices[3];
    assert!(!hostile.risk.assessed && hostile.risk.score.is_none());
    assert!(hostile.risk.high.unwrap() > 0.0);
    let work = assessed.work();
    let patch = work
        .iter()
        .find(|item| item.fix.key().starts_with("patch:"));
    assert_eq!(patch.unwrap().tasks[0].device, scanner.id);
}

/// A probability of a half within 30 days, day after day, is more than a half in the end.
#[test]
fn days_of_epss_make_lev() {
    let score = |use_lev: f64, days: usize, model: &str| {
        let files = [
            ("epss.csv", EPSS.as_bytes()),
            ("icsma.json", CSAF.as_bytes()),
        ];
        let mut basis = Basis {
            feeds: Feeds::read_bytes(files),
            ..basis()
        };
        basis.policy.exploitation.use_lev = use_lev;
        let days = vec![(model.to_owned(), 0.5); days];
        let known = Known {
            epss: [("CVE-2026-1001".to_owned(), days)].into(),
            ..Known::default()
        };
        let rules = Rules::load(None).unwrap();
        let mut inventory = samples::inventory();
        let assessed = Assessed::new(&mut inventory, &rules, basis, &known);
        let [exploit] = assessed.devices[0].exploits.as_slice() else {
            panic!("{:?}", assessed.devices[0].exploits);
        };
        (
            exploit.lev.map(|lev| lev.get()),
            inventory.devices[0].risk.score.unwrap(),
        )
    };
    let (none, without) = score(0.0, 90, "v2025.03.14");
    assert_eq!(none, None);
    let (lev, with) = score(1.0, 90, "v2025.03.14");
    // 91 daily roots of one half: three times 30 days, and today.
    assert!(
        (lev.unwrap() - (1.0 - 0.5_f64.powf(91.0 / 30.0))).abs() < 1e-9,
        "{lev:?}"
    );
    assert!(with > without, "{with} {without}");
    // Less than EPSS itself adds nothing; another model does not compound.
    assert_eq!(score(1.0, 3, "v2025.03.14").1, without);
    assert_eq!(score(1.0, 90, "v3").1, without);
}

/// What was in sight is kept; what was not is left as it was kept before.
#[test]
fn grades_are_kept_of_what_was_in_sight() {
    let (_, mut assessed) = judged(basis());
    let judged = &mut assessed.devices[0];
    assert_eq!(kept::score(judged), None);
    judged.remembered = Some("one".to_owned());
    judged.assessment.flags = vec![medtap_risk::score::Flag::UseOutOfSight];
    let score = kept::score(judged).unwrap();
    assert_eq!(score.score, judged.rounded_score());
    assert_eq!(score.effectiveness, None);
    assert_eq!(score.data, Some(judged.assessment.impact.data));
}

#[test]
fn a_verdict_clears_a_match() {
    let mut basis = basis();
    let text = "[[verdict]]\ncve = \"CVE-2026-1001\"\ndevice = \"3f9a61c2d4e5b607\"\n\
                opinion = \"not_affected\"\nauthor = \"a biomedical engineer\"\n\
                date = \"2026-08-17\"\nreason = \"the service is not installed\"\n";
    basis.verdicts = Verdicts::parse_toml(text).unwrap();
    let (inventory, _) = judged(basis);
    let scanner = &inventory.devices[0];
    let found = &scanner.vulnerabilities[0];
    assert_eq!(found.applicability, "not_affected");
    assert_eq!(
        (found.bod_26_04.as_ref(), found.ssvc.as_ref()),
        (None, None)
    );
    assert!(
        found
            .matched
            .starts_with("a biomedical engineer decided on 2026-08-17")
    );
    assert_eq!(scanner.risk.score, Some(0.0));
}

#[test]
fn without_anything_given_nothing_is_judged() {
    let mut inventory = samples::inventory();
    let rules = Rules::load(None).unwrap();
    let basis = || Basis {
        policy: Policy::default(),
        feeds: Feeds::default(),
        verdicts: Verdicts::default(),
    };
    assert!(judge(&mut inventory, &rules, basis(), &Known::default(), false).is_none());
    assert_eq!(inventory, samples::inventory());
    let assessed = samples::assessed();
    inventory.devices[0].findings = assessed.devices[0].findings.clone();
    assert!(judge(&mut inventory, &rules, basis(), &Known::default(), false).is_none());
    assert_eq!(inventory.devices[0].findings[0].weight, Some(0.3));
    assert!(!inventory.devices[0].risk.assessed);
}

#[test]
fn an_empty_inventory_is_no_fault() {
    let mut inventory = samples::inventory();
    inventory.devices.clear();
    inventory.as_of = Some(Time(0));
    let rules = Rules::load(None).unwrap();
    let assessed = Assessed::new(&mut inventory, &rules, basis(), &Known::default());
    assert!(assessed.devices.is_empty() && assessed.work().is_empty());
}

const STIX: &str = r#"{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d",
"objects":[{"type":"indicator","spec_version":"2.1",
"id":"indicator--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f","created":"2026-08-01T00:00:00.000Z",
"modified":"2026-08-01T00:00:00.000Z","name":"A command server","pattern_type":"stix",
"pattern":"[ipv4-addr:value = '192.0.2.32']","valid_from":"2026-08-01T00:00:00Z"}]}"#;

const SBOM: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,
"metadata":{"component":{"type":"device","name":"Scan 64","version":"2.9",
"supplier":{"name":"Acme"}}},"components":[{"type":"library","name":"zlib",
"version":"1.2.11","bom-ref":"a"}]}"#;

/// A contact with a listed address is a sign of an attack; a bill tells what runs inside.
#[test]
fn lists_and_bills_are_told() {
    let mut basis = basis();
    let files = [("stix", STIX.as_bytes()), ("sbom", SBOM.as_bytes())];
    basis.feeds = Feeds::read_bytes(files);
    assert!(basis.feeds.refused.is_empty(), "{:?}", basis.feeds.refused);
    let mut inventory = samples::inventory();
    let as_of = inventory.as_of.unwrap();
    for peer in &mut inventory.devices[0].peers {
        peer.conversations = vec![model::Conversation {
            protocol: None,
            port: Some(443),
            opened: true,
            answered: true,
            times: 3,
            first_seen: as_of,
            last_seen: as_of,
        }];
    }
    let rules = Rules::load(None).unwrap();
    let assessed = Assessed::new(&mut inventory, &rules, basis, &Known::default());
    let scanner = &inventory.devices[0];
    assert_eq!(scanner.findings[0].id, "indicator_contact");
    assert_eq!(scanner.findings[0].evidence, "192.0.2.32: A command server");
    assert_eq!(scanner.findings[0].weight, Some(0.8));
    assert!(scanner.risk.score.unwrap() > 20.0);
    let parts = &assessed.devices[0].subject.components;
    assert!(
        parts
            .iter()
            .any(|part| part.product == "zlib" && part.field == "sbom")
    );
}
