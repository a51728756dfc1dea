//! What drives a score, each with what the score would be without it. It proposes no fix: that
//! is [work](crate)'s.

use std::cmp::Ordering;

use medtap_table::vocabulary::FindingId;

use super::exploit::Exploit;
use super::likelihood::{Bound, Cause, Likelihood, Part, Sign};
use crate::policy::Policy;
use crate::subject::{Component, Subject};

/// CVEs of one device that are looked at one by one.
const CVES_MAX: usize = 8;

/// What is told of one device, at most.
pub const DRIVERS_MAX: usize = 16;

/// What a driver is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriverKind {
    /// All CVEs of one component, by its place.
    Component(usize),
    /// One CVE, of the component at a place.
    Cve(String, usize),
    /// A weakness.
    Finding(FindingId),
    /// A sign of an attack.
    Threat(FindingId),
    /// From where it can be reached: without it, only its gateway could.
    Reach,
}

/// Something that drives a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// What it is.
    pub kind: DriverKind,
    /// The same, for people.
    pub name: String,
    /// What the score would be without it.
    pub without: f64,
    /// How much less that is.
    pub effect: f64,
}

/// What drives a score, by effect. `score` makes a score of a likelihood.
pub fn drivers(
    subject: &Subject,
    exploits: &[Exploit],
    likelihood: &Likelihood,
    policy: &Policy,
    score: &dyn Fn(f64) -> f64,
) -> Vec<Driver> {
    let now = score(likelihood.total(Bound::Score));
    let mut drivers = Vec::new();
    let mut push = |kind, name: String, without: f64| {
        let effect = now - score(without);
        if effect > 0.0 {
            drivers.push(Driver {
                kind,
                name,
                without: now - effect,
                effect,
            });
        }
    };
    let without = |leave: &dyn Fn(&Part) -> bool| {
        likelihood.total_without(Bound::Score, leave, &|_| true, &|_| true)
    };
    for parts in likelihood.components() {
        if let Some(first) = parts.first() {
            let place = first.component;
            let scored = parts.iter().filter(|part| likelihood.scores(part));
            let cves: Vec<&Exploit> = scored
                .filter_map(|part| exploits.get(part.exploit))
                .collect();
            let name = component_name(subject.components.get(place), &cves);
            let left = without(&|part| part.component != place);
            push(DriverKind::Component(place), name, left);
        }
    }
    for part in foremost(&likelihood.parts) {
        if let Some(exploit) = exploits.get(part.exploit) {
            let left = without(&|other| other.exploit != part.exploit);
            let kind = DriverKind::Cve(exploit.cve.clone(), part.component);
            push(kind, cve_name(exploit), left);
        }
    }
    for cause in &likelihood.causes {
        let others = |other: &Cause| !std::ptr::eq(other, cause);
        let left = likelihood.total_without(Bound::Score, &|_| true, &others, &|_| true);
        push(
            DriverKind::Finding(cause.id),
            cause.id.title().to_owned(),
            left,
        );
    }
    for sign in &likelihood.signs {
        let others = |other: &Sign| other.id != sign.id;
        let left = likelihood.total_without(Bound::Score, &|_| true, &|_| true, &others);
        push(
            DriverKind::Threat(sign.id),
            sign.id.title().to_owned(),
            left,
        );
    }
    let isolated = policy.reach.isolated.min(likelihood.reached.value);
    push(
        DriverKind::Reach,
        format!("reachable: {}", likelihood.reached.why),
        likelihood.total_at_reach(isolated),
    );
    drivers.sort_by(by_effect);
    drivers.truncate(DRIVERS_MAX);
    drivers
}

fn by_effect(a: &Driver, b: &Driver) -> Ordering {
    let by_effect = b.effect.total_cmp(&a.effect);
    by_effect.then_with(|| a.kind.cmp(&b.kind))
}

/// The CVEs that weigh most by themselves.
fn foremost(parts: &[Part]) -> Vec<Part> {
    let mut parts = parts.to_vec();
    let heaviest_first = |a: &Part, b: &Part| b.alone().total_cmp(&a.alone());
    if parts.len() > CVES_MAX {
        parts.select_nth_unstable_by(CVES_MAX, heaviest_first);
        parts.truncate(CVES_MAX);
    }
    parts
}

/// `Windows 7 6.1.7601: 2 CVEs, 1 known to be exploited`.
fn component_name(component: Option<&Component>, cves: &[&Exploit]) -> String {
    let in_kev = cves.iter().filter(|exploit| exploit.in_kev).count();
    let mut name = match component {
        None => "unknown component".to_owned(),
        Some(Component {
            product, version, ..
        }) => match version {
            Some(version) => format!("{product} {version}"),
            None => format!("{product}, version unknown"),
        },
    };
    name += &match cves.len() {
        1 => ": 1 CVE".to_owned(),
        count => format!(": {count} CVEs"),
    };
    if in_kev > 0 {
        name += &format!(", {in_kev} known to be exploited");
    }
    name
}

fn cve_name(exploit: &Exploit) -> String {
    match (exploit.in_kev, exploit.epss) {
        (true, _) => format!("{}: known to be exploited", exploit.cve),
        (false, Some(epss)) => format!("{}: EPSS {:.3}", exploit.cve, epss.get()),
        (false, None) => exploit.cve.clone(),
    }
}
