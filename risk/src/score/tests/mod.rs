mod figures;
mod properties;

use medtap_table::vocabulary::{Category, FindingId};

use super::*;
use crate::feeds::AttackVector;
use crate::subject::{Component, ComponentKind, Reach, Sight, Threat};

/// Monday 2026-09-07, noon.
const NOW: Nanoseconds = 1_788_782_400_000_000_000;
const DAY: Nanoseconds = 86_400_000_000_000;

fn share(value: f64) -> Share {
    Share::new(value).expect("a share")
}

/// A device that is well observed, with nothing against it.
fn observed(category: Category) -> Subject {
    let mut subject = Subject::new("device", category);
    subject.sight = Sight {
        identified: true,
        assessable: true,
        leases: true,
        baseline: true,
        coverage: share(0.9),
    };
    subject.usage.utilisation = Some(share(0.8));
    subject.usage.alternatives = Some(vec![share(0.8)]);
    subject.data.transmits = true;
    subject.components.push(Component {
        kind: ComponentKind::OperatingSystem,
        vendor: Some("microsoft".into()),
        product: "Windows 7".into(),
        version: Some("6.1.7601".into()),
        build: None,
        field: "smb.native_os".into(),
        raw: "Windows 7 Professional 7601".into(),
        seen: (NOW - DAY, NOW),
        confidence: 90,
    });
    subject
}

fn cve(number: usize, tier: Tier, epss: f64) -> Exploit {
    Exploit {
        cve: format!("CVE-2020-{number:04}"),
        component: 0,
        tier,
        epss: Some(share(epss)),
        lev: None,
        in_kev: false,
        vector: Some(AttackVector::Network),
        service: None,
    }
}

fn finding(id: FindingId) -> Finding {
    Finding {
        id,
        confidence: 100,
        evidence: "seen".into(),
        protocol: None,
    }
}

fn threat(id: FindingId, closed: Option<Nanoseconds>) -> Threat {
    Threat {
        id,
        seen: NOW,
        closed,
        evidence: "seen".into(),
    }
}

fn scored(subject: &Subject, exploits: &[Exploit]) -> Assessment {
    assess(Case { subject, exploits }, &Policy::default(), NOW)
}

/// Equal in the digits that are printed.
#[track_caller]
fn printed(value: f64, digits: usize, expected: &str) {
    assert_eq!(format!("{value:.digits$}"), expected);
}
