//! What it costs to score a hospital again: the feeds changed, the devices did not. The devices
//! are made here, by a rule, and are nobody's.

#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use medtap_risk::feeds::AttackVector;
use medtap_risk::score::{Case, Exploit, Tier, assess_all};
use medtap_risk::sensitivity::sensitivity;
use medtap_risk::subject::{Component, ComponentKind, Finding, Nanoseconds, Sight};
use medtap_risk::{Policy, Share, Subject};
use medtap_table::vocabulary::{Category, FindingId};

const DEVICES: usize = 100_000;
const CVES: usize = 20;
const NOW: Nanoseconds = 1_788_782_400_000_000_000;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn share(&mut self) -> Share {
        Share::new(self.below(1_000) as f64 / 1_000.0).unwrap_or(Share::ZERO)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

fn device(number: usize, numbers: &mut Numbers) -> (Subject, Vec<Exploit>) {
    let mut subject = Subject::new(format!("{number:016x}"), numbers.one_of(Category::ALL));
    subject.sight = Sight {
        identified: true,
        assessable: !number.is_multiple_of(20),
        leases: true,
        baseline: true,
        coverage: numbers.share(),
    };
    for kind in [
        ComponentKind::Firmware,
        ComponentKind::OperatingSystem,
        ComponentKind::Application,
    ] {
        subject.components.push(Component {
            kind,
            vendor: Some("vendor".into()),
            product: format!("product {}", numbers.below(100)),
            version: Some("1.2.3".into()),
            build: None,
            field: "dicom.software_versions".into(),
            raw: "1.2.3".into(),
            seen: (NOW, NOW),
            confidence: 95,
        });
    }
    for _ in 0..numbers.below(4) {
        subject.findings.push(Finding {
            id: numbers.one_of(FindingId::ALL),
            confidence: 90,
            evidence: "seen".into(),
            protocol: None,
        });
    }
    subject.reach.shares_vlan_with_it = number.is_multiple_of(3);
    subject.usage.utilisation = Some(numbers.share());
    subject.usage.alternatives = Some(vec![numbers.share(), numbers.share()]);
    subject.data.transmits = number.is_multiple_of(2);
    let exploits = (0..CVES).map(|_| Exploit {
        cve: format!("CVE-2020-{:04}", numbers.below(10_000)),
        component: numbers.below(3),
        tier: numbers.one_of(&[Tier::Affected, Tier::Exact, Tier::Model, Tier::Family]),
        epss: Some(numbers.share()),
        lev: None,
        in_kev: numbers.below(50) == 0,
        vector: numbers.one_of(&[Some(AttackVector::Network), Some(AttackVector::Local), None]),
        service: None,
    });
    let exploits = exploits.collect();
    (subject, exploits)
}

fn hospital(c: &mut Criterion) {
    let mut numbers = Numbers(1);
    let devices: Vec<_> = (0..DEVICES).map(|n| device(n, &mut numbers)).collect();
    let cases: Vec<_> = devices
        .iter()
        .map(|(subject, exploits)| Case { subject, exploits })
        .collect();
    let policy = Policy::default();
    let mut group = c.benchmark_group("score");
    group.sample_size(10);
    group.throughput(Throughput::Elements(DEVICES as u64));
    group.bench_function("100_000_devices", |b| {
        b.iter(|| assess_all(&cases, &policy, NOW));
    });
    group.bench_function("sensitivity", |b| {
        b.iter(|| sensitivity(&cases, &policy, NOW));
    });
    group.finish();
}

criterion_group!(benches, hospital);
criterion_main!(benches);
