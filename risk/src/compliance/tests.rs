use std::collections::BTreeMap;

use jiff::civil::date;
use medtap_table::vocabulary::{Category, FindingId};

use super::*;
use crate::policy::Policy;
use crate::score::{Case, assess};
use crate::subject::{self, Sight, Subject};

const NOW: Nanoseconds = 1_788_782_400_000_000_000;

fn seen(id: &str, category: Category) -> Subject {
    let mut subject = Subject::new(id, category);
    subject.sight = Sight {
        identified: true,
        assessable: true,
        ..Sight::default()
    };
    subject
}

fn by(pack: &Pack, subjects: &[Subject]) -> Report {
    let policy = Policy::default();
    let case = |subject| Case {
        subject,
        exploits: &[],
    };
    let assessments: Vec<_> = (subjects.iter())
        .map(|subject| assess(case(subject), &policy, NOW))
        .collect();
    let plans = BTreeMap::new();
    let devices: Vec<Device<'_>> = (subjects.iter().zip(&assessments))
        .map(|(subject, assessment)| Device {
            case: case(subject),
            assessment,
            deadlines: &[],
            plans: &plans,
        })
        .collect();
    report(pack, &devices, |_| false, (NOW - 1, NOW))
}

fn pack(framework: &str) -> Pack {
    let mut packs = Pack::embedded().into_iter();
    packs
        .find(|pack| pack.framework == framework)
        .unwrap_or_else(|| panic!("no pack of {framework}"))
}

/// A row that was held against nothing public says so.
#[test]
fn what_was_not_checked_is_told() {
    let told = |framework: &str, id: &str| {
        let report = by(&pack(framework), &[]);
        let row = report.rows.iter().find(|row| row.id == id);
        let note = row.and_then(|row| row.note.clone()).unwrap_or_default();
        note.contains("no public listing")
    };
    assert!(told("HHS 405(d) HICP, practice 9", "9.M.A"));
    assert!(told(
        "HHS HPH Cybersecurity Performance Goals",
        "enhanced-9"
    ));
    assert!(!told(
        "HHS HPH Cybersecurity Performance Goals",
        "enhanced-1"
    ));
    assert!(!told("IEC 62443", "3-3:SR-7.8"));
    assert!(!told("CIS Controls", "13.6"));
}

/// The rows that the risk model lists, for each framework.
#[test]
fn every_row_that_is_promised_is_there() {
    let promised = [
        (
            "NIST Cybersecurity Framework",
            "ID.AM-01 ID.AM-02 ID.AM-03 ID.AM-05 ID.AM-07 ID.AM-08 ID.RA-01 ID.RA-04 ID.RA-05 \
             ID.RA-06 DE.CM-01 DE.CM-09 PR.IR-01 PR.DS-02 PR.PS-02",
        ),
        (
            "HHS 405(d) HICP, practice 9",
            "9.M.A 9.M.B 9.M.C 9.M.D 9.M.E 9.L.A 9.L.B 9.L.C 9.L.D",
        ),
        ("IEC 80001-1", "safety effectiveness security"),
        (
            "HIPAA Security Rule",
            "164.308(a)(1)(ii)(A) 164.308(a)(1)(ii)(B) 164.308(a)(1)(ii)(D) 164.310(d)(2)(iii) \
             164.312(b) 164.312(d) 164.312(e)",
        ),
        ("CIS Controls", "1.1 1.2 1.4 1.5 2.1 2.2 12.4 13 13.3 13.6"),
        (
            "IEC 62443",
            "3-3:SR-7.8 3-3:SR-5.1 3-2:ZCR-1 3-2:ZCR-3 3-2:ZCR-5",
        ),
        ("FD&C Act section 524B", "(b)(1) (b)(2) (b)(3)"),
        (
            "HHS HPH Cybersecurity Performance Goals",
            "essential-1 essential-5 enhanced-1 enhanced-7",
        ),
    ];
    assert_eq!(promised.len(), Pack::EMBEDDED_COUNT);
    for (framework, rows) in promised {
        let pack = pack(framework);
        for id in rows.split_whitespace() {
            assert!(
                pack.rows.iter().any(|row| row.id == id),
                "{framework}: no row {id}"
            );
        }
    }
}

#[test]
fn a_row_is_evidenced_where_every_device_is() {
    let csf = pack("NIST Cybersecurity Framework");
    let finding = |report: &Report, id: &str| {
        let row = report.rows.iter().find(|row| row.id == id);
        row.expect("a row").finding.words()
    };
    let mut subjects = vec![seen("a", Category::Ct), seen("b", Category::Printer)];
    let report = by(&csf, &subjects);
    assert_eq!(finding(&report, "ID.AM-01"), "evidenced");
    assert_eq!(finding(&report, "ID.AM-02"), "not evidenced");
    assert_eq!(report.coverage, 1.0);
    assert_eq!(report.window, (date(2026, 9, 7), date(2026, 9, 7)));
    subjects[1].sight.identified = false;
    let report = by(&csf, &subjects);
    let row = report.rows.iter().find(|row| row.id == "ID.AM-01");
    let row = row.expect("a row");
    assert_eq!(row.finding, Finding::Partly);
    assert_eq!(row.shown[0].exceptions, ["b"]);
    assert_eq!((row.shown[0].asked, row.shown[0].shown), (2, 1));
}

#[test]
fn what_is_out_of_sight_is_no_evidence() {
    let mut subjects = [seen("a", Category::Ct)];
    let encryption = |subjects: &[Subject]| {
        let report = by(&pack("NIST Cybersecurity Framework"), subjects);
        let row = report.rows.into_iter().find(|row| row.id == "PR.DS-02");
        row.expect("a row").finding
    };
    assert_eq!(encryption(&subjects), Finding::Partly, "it serves partly");
    subjects[0].findings.push(subject::Finding {
        id: FindingId::CleartextClinical,
        confidence: 100,
        evidence: "seen".into(),
        protocol: None,
    });
    assert_eq!(encryption(&subjects), Finding::NotEvidenced);
    subjects[0].findings.clear();
    subjects[0].reach.coverage_low = true;
    assert_eq!(encryption(&subjects), Finding::NotEvidenced);
}

#[test]
fn without_devices_nothing_is_evidenced() {
    for pack in Pack::embedded() {
        let report = by(&pack, &[]);
        assert_eq!(report.coverage, 0.0);
        for row in report.rows {
            assert_eq!(row.finding, Finding::NotEvidenced, "{}", row.id);
        }
    }
}

#[test]
fn evidence_that_nobody_is_asked_for_shows_nothing() {
    let shown = |serves, asked, shown| Shown {
        evidence: Evidence::Mds2,
        serves,
        asked,
        shown,
        exceptions: Vec::new(),
    };
    use Serves::{Full, Partly};
    assert_eq!(judge(&[shown(Full, 0, 0)]), Finding::NotEvidenced);
    assert_eq!(judge(&[shown(Full, 2, 2)]), Finding::Evidenced);
    assert_eq!(judge(&[shown(Full, 2, 1)]), Finding::Partly);
    assert_eq!(judge(&[shown(Partly, 2, 2)]), Finding::Partly);
    assert_eq!(
        judge(&[shown(Full, 2, 2), shown(Partly, 2, 1)]),
        Finding::Partly
    );
}

#[test]
fn exceptions_are_counted_beyond_those_that_are_named() {
    let subjects: Vec<Subject> = (0..150)
        .map(|n| Subject::new(format!("{n:03}"), Category::Unknown))
        .collect();
    let report = by(&pack("CIS Controls"), &subjects);
    let shown = &report.rows[0].shown[0];
    assert_eq!(shown.exceptions.len(), EXCEPTIONS_MAX);
    assert_eq!(shown.exception_count(), 150);
}

/// No word of a report says that a framework is fulfilled.
#[test]
fn no_report_decides() {
    for pack in Pack::embedded() {
        let text = format!("{pack:?} {:?}", by(&pack, &[seen("a", Category::Ct)]));
        let text = text.to_lowercase();
        for word in ["compliant", "fulfilled", "certified"] {
            assert!(!text.contains(word), "{}: {word}", pack.framework);
        }
    }
}

/// A CVE of which only the family matches asks for nothing.
#[test]
fn only_what_is_scored_asks_for_a_response() {
    use crate::score::{Exploit, Tier};
    let subject = seen("a", Category::Ct);
    let exploit = |tier| Exploit {
        cve: "CVE-2020-0001".into(),
        component: 0,
        tier,
        epss: None,
        lev: None,
        in_kev: true,
        vector: None,
        service: None,
    };
    let answer = |tier| {
        let exploits = [exploit(tier)];
        let case = Case {
            subject: &subject,
            exploits: &exploits,
        };
        let device = Device {
            case,
            assessment: &assess(case, &Policy::default(), NOW),
            deadlines: &[],
            plans: &BTreeMap::new(),
        };
        Evidence::Response.of(&device, false)
    };
    assert_eq!(answer(Tier::Family), None);
    assert_eq!(answer(Tier::Exact), Some(false));
}
