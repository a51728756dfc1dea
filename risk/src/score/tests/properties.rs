use proptest::prelude::*;

use super::*;
use crate::subject::{Control, ControlKind, Data, Fda, Usage};

/// A failure is shown and not written into the tree.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What rounding may take.
const ROUNDING: f64 = 1e-9;

fn categories() -> impl Strategy<Value = Category> {
    prop::sample::select(Category::ALL)
}

fn finding_ids() -> impl Strategy<Value = FindingId> {
    prop::sample::select(FindingId::ALL)
}

prop_compose! {
    fn shares()(value in 0.0..=1.0_f64) -> Share {
        share(value)
    }
}

prop_compose! {
    fn exploits_of(component: std::ops::Range<usize>)(
        number in 0..40_usize,
        component in component,
        tier in prop::sample::select(&[
            Tier::Affected, Tier::Exact, Tier::Model, Tier::Build, Tier::Family,
        ][..]),
        epss in prop::option::of(shares()),
        in_kev in prop::bool::weighted(0.1),
        vector in prop::option::of(prop::sample::select(&[
            AttackVector::Network, AttackVector::Adjacent, AttackVector::Local,
            AttackVector::Physical,
        ][..])),
    ) -> Exploit {
        Exploit { epss, in_kev, vector, component, ..cve(number, tier, 0.0) }
    }
}

fn exploits() -> impl Strategy<Value = Vec<Exploit>> {
    prop::collection::vec(exploits_of(0..3), 0..20)
}

prop_compose! {
    fn findings()(id in finding_ids(), confidence in any::<u8>()) -> Finding {
        Finding { confidence, ..finding(id) }
    }
}

prop_compose! {
    fn threats()(
        id in prop::sample::select(crate::policy::THREATS),
        closed in prop::option::of(0..=2 * NOW),
    ) -> Threat {
        threat(id, closed)
    }
}

prop_compose! {
    fn reaches()(flags in any::<[bool; 7]>()) -> Reach {
        let [a, b, c, d, e, f, g] = flags;
        Reach {
            answered_public: a && b,
            talks_public: b && c,
            from_user_segment: c && d,
            shares_vlan_with_it: d,
            isolated_gateway_only: e,
            approved_only_30_days: f,
            behind_nat_or_proxy: g,
            coverage_low: a && g,
        }
    }
}

prop_compose! {
    fn usages()(
        utilisation in prop::option::of(shares()),
        alternatives in prop::option::of(prop::collection::vec(shares(), 0..4)),
        dependants in prop::option::of(any::<u32>()),
        obscured in any::<bool>(),
    ) -> Usage {
        Usage { utilisation, alternatives, dependants, obscured, ..Usage::default() }
    }
}

prop_compose! {
    fn subjects()(
        category in categories(),
        reach in reaches(),
        usage in usages(),
        flags in any::<[bool; 6]>(),
        findings in prop::collection::vec(findings(), 0..6),
        threats in prop::collection::vec(threats(), 0..3),
        class in prop::option::of(0..5_u8),
    ) -> Subject {
        let mut subject = observed(category);
        subject.reach = reach;
        subject.usage = usage;
        subject.data = Data {
            transmits: flags[0],
            stores: flags[1],
            privileged_logon: flags[2],
            obscured: flags[3],
            last_sensitivity: None,
        };
        subject.findings = findings;
        subject.threats = threats;
        subject.fda = class.map(|class| Fda { class: Some(class), ..Fda::default() });
        subject.serves_critical_room = flags[4];
        subject.sight.baseline = flags[5];
        subject
    }
}

/// Low, score, high.
fn three(subject: &Subject, exploits: &[Exploit]) -> [f64; 3] {
    let scored = scored(subject, exploits);
    [
        scored.low.expect("assessed"),
        scored.score.expect("assessed"),
        scored.high,
    ]
}

/// None of the three is lower.
fn not_lower(before: [f64; 3], after: [f64; 3]) -> Result<(), TestCaseError> {
    for (before, after) in before.into_iter().zip(after) {
        prop_assert!(after >= before - ROUNDING, "{before} became {after}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_stays_in_range(subject in subjects(), exploits in exploits()) {
        let [low, score, high] = three(&subject, &exploits);
        prop_assert!(0.0 <= low && low <= score + ROUNDING && score <= high + ROUNDING);
        prop_assert!(high <= 100.0 + ROUNDING);
        let scored = scored(&subject, &exploits);
        prop_assert!((0.0..=1.0).contains(&scored.likelihood.total));
        for grade in [scored.impact.safety, scored.impact.effectiveness, scored.impact.data] {
            prop_assert!((0.0..=10.0).contains(&grade));
        }
        for driver in &scored.drivers {
            prop_assert!(driver.effect > 0.0 && driver.without >= -ROUNDING);
        }
    }

    #[test]
    fn a_component_never_exceeds_its_surest_match(
        subject in subjects(),
        exploits in prop::collection::vec(exploits_of(0..1), 1..20),
    ) {
        let policy = Policy::default();
        let scored = scored(&subject, &exploits);
        let surest = exploits.iter().map(|one| one.applicability(&policy)).fold(0.0, f64::max);
        prop_assert!(scored.likelihood.vulnerability <= surest * scored.reached.value + ROUNDING);
    }

    #[test]
    fn adding_kev_lowers_nothing(subject in subjects(), mut exploits in exploits(), at: usize) {
        prop_assume!(!exploits.is_empty());
        let before = three(&subject, &exploits);
        let place = at % exploits.len();
        exploits[place].in_kev = true;
        not_lower(before, three(&subject, &exploits))?;
    }

    #[test]
    fn raising_epss_lowers_nothing(
        subject in subjects(), mut exploits in exploits(), at: usize, more in shares(),
    ) {
        prop_assume!(!exploits.is_empty());
        let before = three(&subject, &exploits);
        let place = at % exploits.len();
        let epss = exploits[place].epss.map_or(0.0, Share::get);
        exploits[place].epss = Some(share(epss.max(more.get())));
        not_lower(before, three(&subject, &exploits))?;
    }

    #[test]
    fn one_more_cve_lowers_nothing(
        subject in subjects(), mut exploits in exploits(), one in exploits_of(0..3),
    ) {
        // A second, less sure match of a CVE is the same CVE.
        prop_assume!(exploits.iter().all(|other| other.cve != one.cve));
        let before = three(&subject, &exploits);
        exploits.push(one);
        not_lower(before, three(&subject, &exploits))?;
    }

    #[test]
    fn more_reach_lowers_nothing(subject in subjects(), exploits in exploits(), which in 0..6) {
        let before = three(&subject, &exploits);
        let mut subject = subject;
        let reach = &mut subject.reach;
        match which {
            0 => reach.answered_public = true,
            1 => reach.talks_public = true,
            2 => reach.from_user_segment = true,
            3 => reach.shares_vlan_with_it = true,
            4 => reach.isolated_gateway_only = false,
            _ => {
                reach.isolated_gateway_only = false;
                reach.approved_only_30_days = false;
            }
        }
        not_lower(before, three(&subject, &exploits))?;
    }

    #[test]
    fn one_more_finding_lowers_nothing(
        subject in subjects(), exploits in exploits(), finding in findings(),
    ) {
        let before = three(&subject, &exploits);
        let mut subject = subject;
        subject.findings.push(finding);
        not_lower(before, three(&subject, &exploits))?;
    }

    #[test]
    fn one_more_threat_lowers_nothing(
        subject in subjects(), exploits in exploits(), threat in threats(),
    ) {
        let before = three(&subject, &exploits);
        let mut subject = subject;
        subject.threats.push(threat);
        not_lower(before, three(&subject, &exploits))?;
    }

    #[test]
    fn more_safety_lowers_nothing(subject in subjects(), exploits in exploits(), which in 0..4) {
        let before = three(&subject, &exploits);
        let mut subject = subject;
        match (&mut subject.fda, which) {
            (Some(fda), 0) => fda.life_sustaining = true,
            (Some(fda), 1) => fda.programs_implants = true,
            (Some(fda), 2) => fda.delivers_therapy = true,
            _ => subject.serves_critical_room = true,
        }
        not_lower(before, three(&subject, &exploits))?;
    }

    /// What is seen no longer: who it speaks with, what it answers, how it is used, what data.
    #[test]
    fn losing_sight_never_lowers_the_high_score(
        subject in subjects(), exploits in exploits(),
        service: bool, gone: bool, segmented: bool,
    ) {
        let mut exploits = exploits;
        if service {
            let http = crate::subject::Service { protocol: None, port: Some(80) };
            for exploit in &mut exploits {
                exploit.service = Some(http.clone());
            }
        }
        let mut subject = subject;
        if service && gone {
            subject.services.push(crate::subject::Service { protocol: None, port: Some(80) });
        }
        if segmented {
            subject.controls.push(segmentation());
        }
        let before = scored(&subject, &exploits);
        let lost = lose_sight(&subject, &before);
        let after = scored(&lost, &exploits);
        prop_assert!(after.high >= before.high - ROUNDING);
        let mut unknown = lost;
        unknown.sight.assessable = false;
        prop_assert!(scored(&unknown, &exploits).high >= before.high - ROUNDING);
    }

    #[test]
    fn the_order_of_what_is_known_does_not_matter(
        subject in subjects(), exploits in exploits(),
    ) {
        let before = three(&subject, &exploits);
        let (mut subject, mut exploits) = (subject, exploits);
        subject.findings.reverse();
        subject.threats.reverse();
        exploits.reverse();
        let after = three(&subject, &exploits);
        for (before, after) in before.into_iter().zip(after) {
            prop_assert!((after - before).abs() < ROUNDING);
        }
    }
}

/// Nobody may reach the device.
fn segmentation() -> Control {
    Control {
        id: "C-1".into(),
        kind: ControlKind::Segmentation { peers: Vec::new() },
        owner: "network engineering".into(),
        since: NOW,
        expires: NOW + DAY,
    }
}

/// The same device, once its traffic is hardly seen.
fn lose_sight(subject: &Subject, before: &Assessment) -> Subject {
    let grade = |value: f64| crate::share::Grade::new(value.clamp(0.0, 10.0)).ok();
    let mut lost = subject.clone();
    lost.reach = Reach {
        coverage_low: true,
        ..Reach::default()
    };
    lost.services.clear();
    lost.peers.clear();
    lost.usage = Usage {
        obscured: true,
        last_effectiveness: grade(before.impact.effectiveness),
        ..Usage::default()
    };
    lost.data = Data {
        obscured: true,
        last_sensitivity: grade(before.impact.data),
        ..Data::default()
    };
    lost
}
