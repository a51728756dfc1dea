use medtap_table::vocabulary::Protocol;

use super::*;
use crate::subject::{Control, ControlKind, Fda, Service};

/// Reach 0.4: it shares a VLAN with plain IT.
fn beside_it(category: Category) -> Subject {
    let mut subject = observed(category);
    subject.reach.shares_vlan_with_it = true;
    subject
}

#[test]
fn a_pile_of_unsure_cves_stays_below_what_they_share() {
    let subject = beside_it(Category::PatientMonitor);
    let exploits: Vec<Exploit> = (0..200).map(|n| cve(n, Tier::Model, 0.02)).collect();
    let scored = scored(&subject, &exploits);
    printed(scored.likelihood.vulnerability, 3, "0.196");
    let alone = 1.0 - (1.0 - 0.4 * 0.5 * 0.02_f64).powi(200);
    printed(alone, 3, "0.551");
}

#[test]
fn a_patient_monitor_on_windows_7() {
    let mut subject = beside_it(Category::PatientMonitor);
    subject.findings = vec![finding(FindingId::Smbv1), finding(FindingId::EndOfSupport)];
    let mut ms17_010 = cve(1, Tier::Build, 0.9);
    ms17_010.in_kev = true;
    let scored = scored(&subject, &[ms17_010, cve(2, Tier::Build, 0.02)]);
    printed(scored.impact.safety, 1, "7.0");
    printed(scored.impact.effectiveness, 1, "8.0");
    printed(scored.impact.data, 1, "5.0");
    printed(scored.likelihood.vulnerability, 3, "0.200");
    printed(scored.likelihood.posture, 3, "0.545");
    printed(scored.likelihood.total, 3, "0.636");
    printed(scored.impact.total, 1, "7.2");
    printed(scored.score.expect("assessed"), 1, "45.8");
    assert_eq!(scored.band, Some(Level::Moderate));
    assert_eq!(scored.impact.worst, Property::Effectiveness);
}

/// Service 0.9 and utilisation 0.8 by the tables, slack 1/3: another ventilator of the unit is
/// used two thirds of the time.
fn ventilator() -> Subject {
    let mut subject = observed(Category::Ventilator);
    subject.usage.alternatives = Some(vec![share(2.0 / 3.0)]);
    subject
}

#[test]
fn a_ventilator_with_nothing_against_it() {
    let scored = scored(&ventilator(), &[]);
    printed(scored.impact.safety, 1, "10.0");
    printed(scored.impact.effectiveness, 1, "8.0");
    printed(scored.impact.data, 1, "5.0");
    assert_eq!(scored.score, Some(0.0));
    assert_eq!(scored.low, Some(0.0));
    assert_eq!(scored.high, 0.0);
    assert_eq!(scored.band, Some(Level::Low));
    assert_eq!(scored.drivers, []);
}

#[test]
fn a_ventilator_that_speaks_with_command_and_control() {
    let mut subject = ventilator();
    subject.threats = vec![threat(FindingId::IndicatorContact, None)];
    let policy = Policy::default();
    let at = |subject: &Subject, now| {
        let case = Case {
            subject,
            exploits: &[],
        };
        assess(case, &policy, now)
    };
    for now in [NOW, NOW + DAY / 24, NOW + 400 * DAY] {
        let scored = at(&subject, now);
        printed(scored.likelihood.total, 2, "0.80");
        printed(scored.score.expect("assessed"), 0, "80");
        assert_eq!(scored.band, Some(Level::VeryHigh));
    }
    subject.threats[0].closed = Some(NOW);
    for (days, score) in [(0, "80.0"), (7, "40.0"), (14, "20.0")] {
        let scored = at(&subject, NOW + days * DAY);
        printed(scored.score.expect("assessed"), 1, score);
    }
}

#[test]
fn one_confirmed_kev_outranks_a_pile_at_every_reach() {
    let pile: Vec<Exploit> = (0..1_000).map(|n| cve(n, Tier::Model, 0.005)).collect();
    let mut confirmed = cve(1, Tier::Exact, 0.0);
    confirmed.in_kev = true;
    let beside = beside_it(Category::PatientMonitor);
    let vulnerable = |subject: &Subject, exploits: &[Exploit]| {
        scored(subject, exploits).likelihood.vulnerability
    };
    printed(vulnerable(&beside, &pile), 3, "0.199");
    printed(vulnerable(&beside, &[confirmed.clone()]), 3, "0.380");
    let mut subject = observed(Category::PatientMonitor);
    for reach in reaches() {
        subject.reach = reach;
        let one = vulnerable(&subject, std::slice::from_ref(&confirmed));
        assert!(one > vulnerable(&subject, &pile), "{reach:?}");
    }
}

/// One for each weight of reach.
fn reaches() -> Vec<Reach> {
    let none = Reach::default();
    vec![
        Reach {
            answered_public: true,
            ..none
        },
        Reach {
            talks_public: true,
            ..none
        },
        Reach {
            from_user_segment: true,
            ..none
        },
        Reach {
            shares_vlan_with_it: true,
            ..none
        },
        none,
        Reach {
            approved_only_30_days: true,
            ..none
        },
        Reach {
            isolated_gateway_only: true,
            ..none
        },
        Reach {
            coverage_low: true,
            ..none
        },
    ]
}

#[test]
fn reach_is_the_highest_that_holds() {
    let mut subject = observed(Category::Ct);
    let weights = [1.0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.5];
    for (reach, weight) in reaches().into_iter().zip(weights) {
        subject.reach = reach;
        let reached = scored(&subject, &[]).reached;
        assert_eq!(reached.value, weight, "{reach:?}");
        assert_eq!(reached.high, if reach.coverage_low { 1.0 } else { weight });
    }
    subject.reach = Reach {
        isolated_gateway_only: true,
        shares_vlan_with_it: true,
        talks_public: true,
        ..Reach::default()
    };
    assert_eq!(scored(&subject, &[]).reached.value, 0.6);
}

#[test]
fn every_weight_is_the_models() {
    let policy = Policy::default();
    let posture = |id| policy.posture.of(id);
    use FindingId as F;
    for (weight, ids) in [
        (
            0.35,
            &[
                F::CleartextCredential,
                F::DefaultCredential,
                F::Smbv1,
                F::RogueDhcp,
            ][..],
        ),
        (
            0.30,
            &[
                F::EndOfSupport,
                F::TelnetLogin,
                F::RshLogin,
                F::RdpAcrossSegments,
                F::VncAcrossSegments,
            ],
        ),
        (0.25, &[F::SnmpDefaultCommunity, F::NotApproved]),
        (0.20, &[F::RemoteAccessTool, F::FtpLogin]),
        (
            0.15,
            &[F::AnonymousBind, F::GatewayAnomaly, F::AddressConflict],
        ),
        (0.10, &[F::WeakSsh, F::WeakTls, F::CertificateExpired]),
        (0.05, &[F::CertificateSelfSigned, F::CleartextClinical]),
    ] {
        for id in ids {
            assert_eq!(posture(*id), weight, "{}", id.name());
        }
    }
    let threat = |id| policy.threat.of(id);
    assert_eq!(threat(F::IndicatorContact), 0.8);
    assert_eq!(threat(F::LateralAdministration), 0.6);
    assert_eq!(threat(F::Scanning), 0.4);
    assert_eq!(threat(F::NewPeer), 0.15);
}

/// A log-in over Telnet and the credential that it shows are one cause; one over FTP is another.
#[test]
fn one_cause_counts_once() {
    let over = |id, protocol| Finding {
        protocol,
        ..finding(id)
    };
    let posture = |findings: Vec<Finding>| {
        let mut subject = observed(Category::Ct);
        subject.findings = findings;
        scored(&subject, &[]).likelihood.posture
    };
    let credential = FindingId::CleartextCredential;
    let telnet = || over(FindingId::TelnetLogin, Some(Protocol::Ssh));
    let ftp = || over(FindingId::FtpLogin, Some(Protocol::Http));
    printed(posture(vec![telnet()]), 3, "0.300");
    printed(
        posture(vec![telnet(), over(credential, Some(Protocol::Ssh))]),
        3,
        "0.350",
    );
    printed(posture(vec![telnet(), over(credential, None)]), 3, "0.350");
    printed(posture(vec![telnet(), ftp()]), 3, "0.440");
    printed(
        posture(vec![ftp(), telnet(), over(credential, None)]),
        3,
        "0.480",
    );
    printed(
        posture(vec![
            finding(FindingId::Smbv1),
            Finding {
                confidence: 50,
                ..finding(FindingId::Smbv1)
            },
        ]),
        3,
        "0.350",
    );
}

#[test]
fn not_approved_counts_after_a_baseline() {
    let mut subject = observed(Category::Ct);
    subject.findings = vec![finding(FindingId::NotApproved)];
    printed(scored(&subject, &[]).likelihood.posture, 2, "0.25");
    subject.sight.baseline = false;
    let scored = scored(&subject, &[]);
    assert_eq!(scored.likelihood.posture, 0.0);
    assert!(scored.flags.contains(&Flag::NoBaseline));
}

#[test]
fn a_vector_and_a_service_that_never_answered_weigh_less() {
    let mut subject = beside_it(Category::Ct);
    let p = |subject: &Subject, vector, service: Option<Service>| {
        let exploit = Exploit {
            vector,
            service,
            ..cve(1, Tier::Affected, 0.5)
        };
        scored(subject, &[exploit]).likelihood.vulnerability
    };
    use AttackVector::{Adjacent, Local, Network, Physical};
    printed(p(&subject, Some(Network), None), 4, "0.2000");
    printed(p(&subject, None, None), 4, "0.2000");
    printed(p(&subject, Some(Adjacent), None), 4, "0.1200");
    printed(p(&subject, Some(Local), None), 4, "0.0300");
    printed(p(&subject, Some(Physical), None), 4, "0.0060");
    let http = Service {
        protocol: Some(Protocol::Http),
        port: None,
    };
    printed(p(&subject, Some(Network), Some(http.clone())), 4, "0.1000");
    subject.services.push(Service {
        port: Some(8080),
        ..http.clone()
    });
    printed(p(&subject, Some(Network), Some(http)), 4, "0.2000");
}

#[test]
fn bounds_follow_the_tiers() {
    let subject = beside_it(Category::Ct);
    let exploits = [
        cve(1, Tier::Exact, 0.1),
        cve(2, Tier::Model, 0.5),
        cve(3, Tier::Family, 0.9),
    ];
    let scored = scored(&subject, &exploits);
    let impact = scored.impact.total;
    let score = |p: f64| format!("{:.9}", 100.0 * 0.4 * p * impact / 10.0);
    let is = |value: Option<f64>| format!("{:.9}", value.expect("assessed"));
    assert_eq!(is(scored.low), score(0.095));
    assert_eq!(is(scored.score), score(0.5 * (1.0 - 0.9 * 0.5)));
    assert_eq!(is(Some(scored.high)), score(0.5 * (1.0 - 0.9 * 0.5)));
    assert!(scored.flags.contains(&Flag::FamilyOnly(1)));
    let component = DriverKind::Component(0);
    let driver = scored.drivers.iter().find(|one| one.kind == component);
    let name = driver.map(|driver| driver.name.as_str());
    assert_eq!(name, Some("Windows 7 6.1.7601: 2 CVEs"), "listed alone");
}

#[test]
fn a_device_that_is_hardly_seen_has_no_score_but_a_high_one() {
    let mut subject = observed(Category::Ventilator);
    subject.sight.assessable = false;
    let scored = scored(&subject, &[]);
    assert_eq!((scored.score, scored.low, scored.band), (None, None, None));
    assert_eq!(scored.high, 100.0);
    assert!(!scored.assessed);
}

#[test]
fn safety_follows_the_fda_where_the_code_is_known() {
    let safety = |subject: &Subject| scored(subject, &[]).impact.safety;
    let mut subject = observed(Category::MedicalOther);
    assert_eq!(safety(&subject), 6.0);
    for (class, expected) in [(1, 2.0), (2, 5.0), (3, 8.0), (9, 6.0)] {
        subject.fda = Some(Fda {
            class: Some(class),
            ..Fda::default()
        });
        assert_eq!(safety(&subject), expected, "class {class}");
    }
    let known = Fda {
        class: Some(2),
        ..Fda::default()
    };
    for (fda, expected) in [
        (
            Fda {
                life_sustaining: true,
                ..known.clone()
            },
            10.0,
        ),
        (
            Fda {
                programs_implants: true,
                ..known.clone()
            },
            8.0,
        ),
        (
            Fda {
                delivers_therapy: true,
                ..known.clone()
            },
            8.0,
        ),
        (
            Fda {
                alarms: true,
                ..known.clone()
            },
            7.0,
        ),
    ] {
        subject.fda = Some(fda);
        assert_eq!(safety(&subject), expected);
    }
    let mut pump = observed(Category::InfusionPump);
    pump.fda = Some(Fda {
        class: Some(2),
        ..Fda::default()
    });
    assert_eq!(safety(&pump), 8.0, "a pump delivers therapy by its kind");
    let mut air = observed(Category::Hvac);
    assert_eq!(safety(&air), 3.0);
    air.serves_critical_room = true;
    assert_eq!(safety(&air), 6.0);
}

#[test]
fn a_servers_service_is_who_depends_on_it() {
    let effectiveness = |dependants| {
        let mut subject = observed(Category::Pacs);
        subject.usage.dependants = Some(dependants);
        subject.usage.utilisation = Some(share(0.0));
        subject.usage.alternatives = Some(vec![share(0.0)]);
        scored(&subject, &[]).impact.effectiveness
    };
    printed(effectiveness(0), 2, "0.00");
    printed(effectiveness(9), 2, "2.00");
    printed(effectiveness(99), 2, "4.00");
    printed(effectiveness(100_000), 2, "4.00");
}

#[test]
fn patient_data_counts_by_what_was_seen() {
    let mut subject = observed(Category::Printer);
    let data = |subject: &Subject| scored(subject, &[]).impact.data;
    assert_eq!(data(&subject), 5.0);
    subject.data.stores = true;
    assert_eq!(data(&subject), 8.0);
    subject.data.privileged_logon = true;
    assert_eq!(data(&subject), 9.0);
    subject.data = crate::subject::Data::default();
    assert_eq!(data(&subject), 1.0);
    // Encrypting lowers nothing.
    subject.data.obscured = true;
    assert_eq!(data(&subject), 5.0);
    subject.data.last_sensitivity = Some(crate::share::Grade::new(9.0).expect("a grade"));
    assert_eq!(data(&subject), 9.0);
}

fn control(kind: ControlKind) -> Control {
    Control {
        id: "C-7".into(),
        kind,
        owner: "network engineering".into(),
        since: NOW - DAY,
        expires: NOW + DAY,
    }
}

#[test]
fn controls_change_what_they_control() {
    let http = Service {
        protocol: Some(Protocol::Http),
        port: Some(80),
    };
    let exploit = Exploit {
        service: Some(http.clone()),
        ..cve(1, Tier::Affected, 1.0)
    };
    let with = |kind: Option<ControlKind>| {
        let mut subject = beside_it(Category::Ct);
        subject.services.push(http.clone());
        subject.controls = kind.map(control).into_iter().collect();
        let likelihood = scored(&subject, std::slice::from_ref(&exploit)).likelihood;
        format!("{:.3}", likelihood.vulnerability)
    };
    assert_eq!(with(None), "0.400");
    let peers = vec!["gateway".to_owned()];
    assert_eq!(with(Some(ControlKind::Segmentation { peers })), "0.200");
    let cves = vec![exploit.cve.clone()];
    assert_eq!(with(Some(ControlKind::VirtualPatch { cves })), "0.200");
    let proxy = ControlKind::Proxy {
        service: http.clone(),
        through: "proxy".into(),
    };
    assert_eq!(with(Some(proxy)), "0.040");
}

#[test]
fn a_violated_control_stops_counting_and_is_a_finding() {
    let mut subject = beside_it(Category::Ct);
    subject.controls = vec![control(ControlKind::Segmentation {
        peers: vec!["gateway".into()],
    })];
    let exploits = [cve(1, Tier::Affected, 1.0)];
    assert_eq!(scored(&subject, &exploits).reached.value, 0.2);
    subject.peers.push(crate::subject::Peer {
        id: "laptop".into(),
        names: Vec::new(),
        service: Service::default(),
        serves: true,
        first_seen: NOW,
        last_seen: NOW,
    });
    let scored = scored(&subject, &exploits);
    assert_eq!(scored.reached.value, 0.4);
    assert_eq!(scored.raised.len(), 1);
    assert_eq!(scored.raised[0].id, FindingId::ControlViolated);
    assert_eq!(scored.raised[0].evidence, "control C-7: speaks with laptop");
}

#[test]
fn a_control_past_its_end_is_told_and_does_not_count() {
    let mut subject = beside_it(Category::Ct);
    subject.controls = vec![Control {
        since: 0,
        expires: 1_767_225_600_000_000_000,
        ..control(ControlKind::Segmentation { peers: Vec::new() })
    }];
    let scored = scored(&subject, &[cve(1, Tier::Affected, 1.0)]);
    assert_eq!(scored.reached.value, 0.4);
    assert_eq!(scored.raised[0].id, FindingId::ControlExpired);
    let evidence = "control C-7: it ended on 2026-01-01";
    assert_eq!(scored.raised[0].evidence, evidence);
}

/// The site's own word raises the service, and never lowers it.
#[test]
fn criticality_is_a_floor() {
    use crate::subject::Criticality;
    let effectiveness = |category, criticality| {
        let mut subject = beside_it(category);
        subject.usage.criticality = criticality;
        scored(&subject, &[]).impact.effectiveness
    };
    let camera = |criticality| effectiveness(Category::Camera, criticality);
    let plain = camera(None);
    assert_eq!(camera(Some(Criticality::Low)), plain);
    let higher = camera(Some(Criticality::Critical)) - plain;
    assert!((higher - 10.0 * 0.4 * (0.9 - 0.1)).abs() < 1e-9, "{higher}");
    let ventilator = effectiveness(Category::Ventilator, None);
    assert_eq!(
        effectiveness(Category::Ventilator, Some(Criticality::Medium)),
        ventilator
    );
}

#[test]
fn drivers_say_what_the_score_would_be_without_them() {
    let mut subject = beside_it(Category::PatientMonitor);
    subject.findings = vec![finding(FindingId::Smbv1), finding(FindingId::EndOfSupport)];
    let mut worst = cve(1, Tier::Build, 0.9);
    worst.in_kev = true;
    let exploits = [worst, cve(2, Tier::Build, 0.02)];
    let scored = scored(&subject, &exploits);
    let now = scored.score.expect("assessed");
    let first = &scored.drivers[0];
    assert_eq!(first.kind, DriverKind::Finding(FindingId::Smbv1));
    subject.findings.remove(0);
    let without = super::scored(&subject, &exploits).score.expect("assessed");
    assert!((first.without - without).abs() < 1e-9);
    assert!((first.effect - (now - without)).abs() < 1e-9);
    let component = (scored.drivers.iter())
        .find(|driver| driver.kind == DriverKind::Component(0))
        .expect("a component");
    assert_eq!(
        component.name,
        "Windows 7 6.1.7601: 2 CVEs, 1 known to be exploited"
    );
    assert!(scored.drivers.is_sorted_by(|a, b| a.effect >= b.effect));
}

#[test]
fn lev_counts_where_it_is_enabled() {
    let subject = beside_it(Category::Ct);
    let exploit = Exploit {
        lev: Some(share(0.9)),
        ..cve(1, Tier::Affected, 0.1)
    };
    let case = Case {
        subject: &subject,
        exploits: &[exploit],
    };
    let off = assess(case, &Policy::default(), NOW).likelihood;
    printed(off.vulnerability, 3, "0.040");
    let on = Policy::parse("[exploitation]\nuse_lev = 1\n", "own.toml").expect("a policy");
    printed(assess(case, &on, NOW).likelihood.vulnerability, 3, "0.360");
}

/// Thirty days at one probability are that probability.
#[test]
fn lev_uses_the_daily_root() {
    let month = |model, p| std::iter::repeat_n((model, share(p)), 30);
    printed(lev(month("v4", 0.3)).get(), 9, "0.300000000");
    printed(daily(share(0.3)), 6, "0.011819");
    assert_eq!(lev([("v4", share(1.0))]).get(), 1.0);
    // Another model: what an older one said is on another scale.
    let both = month("v4", 0.9).chain(month("v5", 0.3));
    printed(lev(both).get(), 9, "0.300000000");
}

#[test]
fn an_empty_inventory_is_refused() {
    assert_eq!(
        assess_all(&[], &Policy::default(), NOW),
        Err(ScoreError::Empty)
    );
}

#[test]
fn groups_show_their_worst() {
    let mut icu = observed(Category::Ventilator);
    icu.unit = Some("ICU".into());
    icu.threats = vec![threat(FindingId::IndicatorContact, None)];
    let mut ward = observed(Category::Printer);
    ward.unit = Some("ward".into());
    let cases = [
        Case {
            subject: &ward,
            exploits: &[],
        },
        Case {
            subject: &icu,
            exploits: &[],
        },
        Case {
            subject: &ward,
            exploits: &[],
        },
    ];
    let assessments = assess_all(&cases, &Policy::default(), NOW).expect("devices");
    let groups = groups(&cases, &assessments, |subject| subject.unit.as_deref());
    let names: Vec<_> = groups.iter().map(|group| group.name.as_deref()).collect();
    assert_eq!(names, [Some("ICU"), Some("ward")]);
    assert_eq!(groups[1].devices, 2);
    assert_eq!(groups[0].bands, [0, 0, 0, 0, 1]);
}
