use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use medtap_table::vocabulary::{Category, FindingId};

use super::hygiene::{Question, departments};
use super::state::{Acceptance, AcceptanceError, Record, State, TaskKey, advance};
use super::*;
use crate::clock::Known;
use crate::clock::remedy::{Remedy, Statement};
use crate::policy::Policy;
use crate::score::{Exploit, Tier, assess};
use crate::subject::{Component, ComponentKind, Finding, Sight, Subject, Threat};

const TODAY: Date = date(2026, 9, 7);
const NOW: u64 = 1_788_782_400_000_000_000;

fn observed(id: &str, category: Category) -> Subject {
    let mut subject = Subject::new(id, category);
    subject.sight = Sight {
        identified: true,
        assessable: true,
        baseline: true,
        ..Sight::default()
    };
    subject.components.push(Component {
        kind: ComponentKind::OperatingSystem,
        vendor: Some("microsoft".into()),
        product: "windows 7".into(),
        version: None,
        build: None,
        field: "smb.native_os".into(),
        raw: "Windows 7".into(),
        seen: (NOW, NOW),
        confidence: 90,
    });
    subject
}

fn smbv1() -> Finding {
    Finding {
        id: FindingId::Smbv1,
        confidence: 100,
        evidence: "seen".into(),
        protocol: None,
    }
}

fn ms17_010() -> Exploit {
    Exploit {
        cve: "CVE-2017-0144".into(),
        component: 0,
        tier: Tier::Build,
        epss: None,
        lev: None,
        in_kev: true,
        vector: None,
        service: None,
    }
}

/// The work that several devices make, each with MS17-010.
fn work(subjects: &[Subject]) -> Vec<Item> {
    let policy = Policy::default();
    let exploits = [ms17_010()];
    let case = |subject| Case {
        subject,
        exploits: &exploits,
    };
    let known = Known {
        cve: "CVE-2017-0144".into(),
        kev_added: Some(date(2022, 2, 10)),
        ..Known::default()
    };
    let microsoft = [Statement {
        remedy: Remedy::VendorFix,
        by_manufacturer: false,
    }];
    let scored: Vec<_> = (subjects.iter())
        .map(|subject| {
            let deadline = Deadline::of(subject, &known, &policy, TODAY);
            let plan = Plan::of(&microsoft, subject.category);
            let assessment = assess(case(subject), &policy, NOW);
            (subject, assessment, [deadline], BTreeMap::from([(0, plan)]))
        })
        .collect();
    let devices = scored
        .iter()
        .map(|(subject, assessment, deadlines, plans)| Device {
            case: case(subject),
            assessment,
            deadlines,
            plans,
        });
    items(devices, TODAY)
}

#[test]
fn one_fix_is_one_item_for_all_devices_of_a_kind() {
    let mut pumps: Vec<Subject> = (0..3)
        .map(|n| observed(&format!("pump-{n}"), Category::InfusionPump))
        .collect();
    for pump in &mut pumps {
        pump.findings.push(smbv1());
        pump.upkeep.owner = Some("biomed".into());
    }
    let items = work(&pumps);
    let harden = (items.iter())
        .find(|item| item.fix == Fix::Harden(FindingId::Smbv1))
        .expect("work");
    assert_eq!(harden.tasks.len(), 3);
    let gains = harden.tasks.iter().map(|task| task.before - task.after);
    assert!((harden.closes - gains.sum::<f64>()).abs() < 1e-9);
    assert_eq!(harden.roles, [Role::BiomedicalEngineering]);
    assert_eq!(harden.owners, BTreeSet::from(["biomed".to_owned()]));
    assert!(items.is_sorted_by(|a, b| a.closes >= b.closes));
}

/// Microsoft's patch is work for the desktop's keepers, and none for the pump's.
#[test]
fn the_same_product_is_other_work_on_a_medical_device() {
    let items = work(&[
        observed("pc", Category::Workstation),
        observed("pump", Category::InfusionPump),
    ]);
    let patches = (items.iter())
        .filter(|item| item.fix == Fix::Patch("microsoft windows 7".into()))
        .collect::<Vec<_>>();
    assert_eq!(patches.len(), 2);
    let of = |id: &str| {
        let has = |item: &&&Item| item.tasks[0].device == id;
        patches.iter().find(has).expect("work")
    };
    assert_eq!(of("pc").roles, [Role::Security]);
    assert_eq!(
        of("pc").words,
        "microsoft windows 7: install the maker's fix"
    );
    assert_eq!(of("pump").roles[0], Role::NetworkEngineering);
    assert!(of("pump").roles.contains(&Role::ClinicalUnit));
    assert!(of("pump").words.contains("none is approved"));
    assert_eq!(of("pump").due, Some(date(2026, 6, 13)));
    assert!(of("pump").is_overdue(TODAY));
    let security = of_role(&items, Role::Security).collect::<Vec<_>>();
    assert!(
        security
            .iter()
            .all(|item| item.roles.contains(&Role::Security))
    );
    assert_eq!(security.len(), 1);
}

#[test]
fn an_attack_is_due_today() {
    let mut subject = observed("pump", Category::InfusionPump);
    subject.threats.push(Threat {
        id: FindingId::IndicatorContact,
        seen: NOW,
        closed: None,
        evidence: "seen".into(),
    });
    let items = work(&[subject]);
    assert_eq!(items[0].fix, Fix::Contain(FindingId::IndicatorContact));
    assert_eq!(items[0].due, Some(TODAY));
    assert!(!items[0].is_overdue(TODAY));
}

#[test]
fn what_is_not_assessed_is_to_be_found_out() {
    let mut subject = observed("what", Category::Unknown);
    subject.sight.identified = false;
    let items = work(&[subject]);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].fix, Fix::Identify);
    assert_eq!(items[0].roles, [Role::NetworkEngineering]);
}

#[test]
fn every_finding_has_its_advice() {
    for id in FindingId::ALL {
        assert!(advice(*id).len() > 10, "{}", id.name());
        let words = Fix::Harden(*id).roles(Category::Ct, None);
        assert!(!words.is_empty());
    }
    assert_eq!(Fix::Harden(FindingId::Smbv1).key(), "harden:smbv1");
}

#[test]
fn an_acceptance_needs_a_name_a_reason_and_an_end() {
    let end = date(2026, 12, 1);
    let accept = |approver, reason, end| Acceptance::new(approver, reason, end, TODAY);
    assert!(accept("CISO", "replaced in November", end).is_ok());
    assert_eq!(accept(" ", "why", end), Err(AcceptanceError::Approver));
    assert_eq!(accept("CISO", "", end), Err(AcceptanceError::Reason));
    assert_eq!(
        accept("CISO", "why", TODAY).map_err(|error| error.to_string()),
        Err("an acceptance ends on 2026-09-07, which is not after 2026-09-07".to_owned())
    );
}

#[test]
fn a_task_closes_when_traffic_shows_the_fix_and_opens_when_it_does_not_hold() {
    let task: TaskKey = ("pump".into(), "harden:smbv1".into());
    let there = [task.clone()];
    let mut records = BTreeMap::new();
    let days = |n: i8| date(2026, 9, n);
    let mut step = |there: &[TaskKey], seen: bool, day: i8| {
        let changes = advance(&mut records, there, |_| seen, days(day - 1), days(day));
        let record: &Record = &records[&task];
        (record.state(days(day)), changes.len())
    };
    assert_eq!(step(&there, true, 7), (State::Open, 1));
    assert_eq!(step(&there, true, 8), (State::Open, 0));
    assert_eq!(
        step(&[], false, 9),
        (State::Open, 0),
        "silence closes nothing"
    );
    assert_eq!(step(&[], true, 10), (State::Closed, 1));
    assert_eq!(step(&[], true, 11), (State::Closed, 0));
    assert_eq!(step(&there, true, 12), (State::Reopened, 1));
    assert_eq!(records[&task].reopened, 1);
}

#[test]
fn an_acceptance_ends() {
    let end = date(2026, 9, 9);
    let mut record = Record::new(TODAY);
    record.acceptance = Acceptance::new("CISO", "replaced soon", end, TODAY).ok();
    assert_eq!(record.state(date(2026, 9, 8)), State::Accepted);
    assert_eq!(record.state(end), State::Open);
}

#[test]
fn hygiene_counts_what_is_entered() {
    let mut ct = observed("ct", Category::Ct);
    ct.unit = Some("radiology".into());
    ct.upkeep.owner = Some("biomed".into());
    ct.upkeep.location = Some("room 3".into());
    ct.upkeep.approved = Some(true);
    ct.upkeep.maintenance_due = Some(NOW - 86_400_000_000_000);
    let pc = observed("pc", Category::Workstation);
    let units = departments([&ct, &pc], |subject| subject.id == "pc", TODAY);
    assert_eq!(units[0].unit, None);
    // Nothing entered, something overdue; no MDS2 is asked of a desktop.
    assert_eq!(units[0].score(), Some(0.0));
    assert!(!units[0].answers.contains_key(&Question::Mds2));
    assert_eq!(units[1].answers[&Question::Owner], (1, 1));
    assert_eq!(units[1].answers[&Question::Maintenance], (0, 1));
    assert_eq!(units[1].score(), Some(100.0 * 4.0 / 6.0));
}
