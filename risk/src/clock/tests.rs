use jiff::civil::{Date, date};
use medtap_table::vocabulary::Category;

use super::remedy::{Plan, Remedy, Statement};
use super::*;
use crate::feeds::AttackVector;
use crate::role::Role;
use crate::subject::Sight;

const TODAY: Date = date(2026, 9, 7);

/// Every row of the directive's table: KEV, exposed, automatable, total, and what it says.
const TABLE: &[(bool, bool, bool, bool, &str)] = &[
    (false, false, false, false, "fix on system upgrade"),
    (true, false, false, false, "14 days"),
    (false, true, false, false, "60 days"),
    (false, false, true, false, "60 days"),
    (false, false, false, true, "fix on system upgrade"),
    (true, true, false, false, "14 days"),
    (true, false, true, false, "14 days"),
    (false, true, true, false, "14 days"),
    (true, false, false, true, "14 days"),
    (false, true, false, true, "14 days"),
    (false, false, true, true, "60 days"),
    (true, true, true, false, "3 days"),
    (true, true, false, true, "3 days and forensic investigation"),
    (true, false, true, true, "3 days and forensic investigation"),
    (false, true, true, true, "3 days"),
    (true, true, true, true, "3 days and forensic investigation"),
];

#[test]
fn clocks_are_the_directives() {
    let policy = Policy::default();
    for (in_kev, exposed, automatable, total, words) in TABLE.iter().copied() {
        let impact = match total {
            true => TechnicalImpact::Total,
            false => TechnicalImpact::Partial,
        };
        let clock = clock(in_kev, exposed, automatable, impact);
        assert_eq!(clock.words(&policy), words);
    }
    assert_eq!(TABLE.len(), 16);
}

fn observed() -> Subject {
    let mut subject = Subject::new("ct", Category::Ct);
    subject.sight = Sight {
        identified: true,
        assessable: true,
        ..Sight::default()
    };
    subject
}

fn eternalblue() -> Known {
    Known {
        cve: "CVE-2017-0144".into(),
        kev_added: Some(date(2022, 2, 10)),
        ransomware: true,
        cvss: Cvss::parse("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        published: Some(date(2017, 3, 16)),
        ..Known::default()
    }
}

fn of(subject: &Subject, known: &Known) -> Deadline {
    Deadline::of(subject, known, &Policy::default(), TODAY)
}

#[test]
fn what_is_absent_is_derived_or_assumed() {
    let deadline = of(&observed(), &eternalblue());
    assert_eq!(deadline.automatable, (true, Basis::Derived));
    assert_eq!(deadline.impact, (TechnicalImpact::Total, Basis::Derived));
    assert_eq!(deadline.clocks[0].clock, Clock::UrgentForensic);
    assert!(deadline.ransomware);
    let mut told = eternalblue();
    told.automatable = Some(false);
    told.impact = Some(TechnicalImpact::Partial);
    let deadline = of(&observed(), &told);
    assert_eq!(deadline.automatable, (false, Basis::Vulnrichment));
    assert_eq!(deadline.clocks[0].clock, Clock::Soon);
    let unknown = Known {
        cve: "CVE-2026-0001".into(),
        ..Known::default()
    };
    let deadline = of(&observed(), &unknown);
    assert_eq!(deadline.automatable, (true, Basis::Assumed));
    assert_eq!(deadline.clocks[0].clock, Clock::Later);
}

#[test]
fn a_vector_that_needs_a_user_is_not_automatable() {
    let mut known = eternalblue();
    let set: [fn(&mut Cvss); 4] = [
        |cvss| cvss.attack_vector = AttackVector::Adjacent,
        |cvss| cvss.low_complexity = false,
        |cvss| cvss.no_privileges = false,
        |cvss| cvss.no_interaction = Some(false),
    ];
    for change in set {
        known.cvss = eternalblue().cvss;
        known.cvss.iter_mut().for_each(change);
        assert_eq!(known.is_automatable(), (false, Basis::Derived));
    }
}

#[test]
fn a_clock_begins_when_all_was_known() {
    let began = |known: &Known| {
        let due = of(&observed(), known).clocks.remove(0);
        (due.start, due.began, due.due)
    };
    let mut known = eternalblue();
    assert_eq!(
        began(&known),
        (
            date(2026, 6, 10),
            "the directive was issued",
            Some(date(2026, 6, 13))
        )
    );
    known.first_seen = Some(date(2026, 9, 1));
    assert_eq!(
        began(&known),
        (
            date(2026, 9, 1),
            "the device was first seen with it",
            Some(date(2026, 9, 4))
        )
    );
    known.kev_added = Some(date(2026, 9, 2));
    assert_eq!(began(&known).0, date(2026, 9, 2));
    known.kev_added = Some(date(2099, 1, 1));
    assert_eq!(began(&known).0, TODAY, "the future stops no clock");
}

#[test]
fn where_exposure_is_unknown_both_clocks_are_told() {
    let mut subject = observed();
    let clocks = |subject: &Subject| {
        let known = Known {
            impact: Some(TechnicalImpact::Total),
            automatable: Some(false),
            ..eternalblue()
        };
        let deadline = of(subject, &known);
        let of = |due: &Due| (due.if_exposed, due.clock);
        let due = deadline.due();
        (deadline.clocks.iter().map(of).collect::<Vec<_>>(), due)
    };
    assert_eq!(clocks(&subject).0, [(false, Clock::Soon)]);
    subject.reach.behind_nat_or_proxy = true;
    let both = [(true, Clock::UrgentForensic), (false, Clock::Soon)];
    assert_eq!(clocks(&subject).0, both);
    assert_eq!(clocks(&subject).1, Some(date(2026, 6, 13)), "the earlier");
    subject.reach.behind_nat_or_proxy = false;
    subject.reach.coverage_low = true;
    assert_eq!(clocks(&subject).0, both);
    subject.reach.answered_public = true;
    assert_eq!(clocks(&subject).0, [(true, Clock::UrgentForensic)]);
}

#[test]
fn what_waits_for_an_upgrade_is_never_due() {
    let known = Known {
        kev_added: None,
        automatable: Some(false),
        impact: Some(TechnicalImpact::Total),
        ..eternalblue()
    };
    let deadline = of(&observed(), &known);
    assert_eq!(deadline.clocks[0].clock, Clock::OnUpgrade);
    assert_eq!(deadline.due(), None);
}

#[test]
fn only_its_manufacturer_patches_a_medical_device() {
    let microsoft = Statement {
        remedy: Remedy::VendorFix,
        by_manufacturer: false,
    };
    let plan = |statements: &[Statement], category| {
        let plan = Plan::of(statements, category);
        (plan.remedy, plan.roles[0])
    };
    use Category::{Ct, Pacs, Workstation};
    let it = (Remedy::VendorFix, Role::Security);
    assert_eq!(plan(std::slice::from_ref(&microsoft), Workstation), it);
    let contained = (Remedy::NoneAvailable, Role::NetworkEngineering);
    assert_eq!(plan(std::slice::from_ref(&microsoft), Ct), contained);
    assert_eq!(plan(std::slice::from_ref(&microsoft), Pacs), contained);
    assert_eq!(plan(&[], Ct), contained);
    let own = |remedy| Statement {
        remedy,
        by_manufacturer: true,
    };
    assert_eq!(
        plan(&[microsoft.clone(), own(Remedy::Mitigation)], Ct),
        (Remedy::Mitigation, Role::NetworkEngineering)
    );
    assert_eq!(
        plan(&[own(Remedy::Mitigation), own(Remedy::VendorFix)], Ct),
        (Remedy::VendorFix, Role::BiomedicalEngineering)
    );
    assert_eq!(
        plan(&[own(Remedy::NoFixPlanned), microsoft], Ct),
        (Remedy::NoFixPlanned, Role::NetworkEngineering)
    );
}

#[test]
fn remedies_have_csafs_names() {
    for remedy in [
        Remedy::VendorFix,
        Remedy::Mitigation,
        Remedy::Workaround,
        Remedy::NoneAvailable,
        Remedy::NoFixPlanned,
    ] {
        assert_eq!(Remedy::from_csaf(remedy.name()), Some(remedy));
    }
    assert_eq!(Remedy::from_csaf("VENDOR_FIX"), None);
}
