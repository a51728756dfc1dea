//! How likely a device is attacked, as an index for ranking: what its CVEs, its weaknesses and
//! the signs of an attack make of it. It is no probability that this hospital is breached.

use std::collections::BTreeMap;

use medtap_table::vocabulary::{FindingId, Protocol};

use super::exploit::Exploit;
use super::flag::Flag;
use super::reach::Reached;
use crate::control::Checked;
use crate::policy::{CAUSES, Policy};
use crate::share::Share;
use crate::subject::{ControlKind, Finding, Nanoseconds, Service, Subject};

const DAY_NANOSECONDS: f64 = 86_400e9;

/// Which matches count, and how what is unknown is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The surest matches alone.
    Low,
    /// The matches that are likely.
    Score,
    /// All matches; what is unknown is taken for the worst.
    High,
}

/// One CVE, weighed.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its place among the exploits.
    pub exploit: usize,
    /// Its component's place.
    pub component: usize,
    /// `a_v`.
    pub applicability: f64,
    /// `x_v · f_v` in the score.
    weight: f64,
    /// The same in the high score.
    weight_high: f64,
}

impl Part {
    fn weight(&self, bound: Bound) -> f64 {
        match bound {
            Bound::High => self.weight_high,
            Bound::Low | Bound::Score => self.weight,
        }
    }

    /// What it would be by itself, before reach.
    pub fn alone(&self) -> f64 {
        self.applicability * self.weight
    }
}

/// Findings that show one cause.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The finding that counts: the largest.
    pub id: FindingId,
    /// `w_f · confidence_f / 100`.
    pub weight: f64,
}

/// A sign of an attack, weighed.
#[derive(Clone, Copy, Debug)]
pub struct Sign {
    /// Which one.
    pub id: FindingId,
    /// What is left of its weight.
    pub weight: f64,
}

/// Everything that the likelihood is made of, weighed.
#[derive(Clone, Debug)]
pub struct Likelihood {
    /// By component, then the surest first.
    pub parts: Vec<Part>,
    /// Weaknesses.
    pub causes: Vec<Cause>,
    /// Signs of an attack.
    pub signs: Vec<Sign>,
    /// Reach.
    pub reached: Reached,
    /// From which applicability on a match counts: low, score.
    from: [f64; 2],
}

impl Likelihood {
    /// Weighs what is known of a device.
    pub fn of(
        subject: &Subject,
        exploits: &[Exploit],
        controls: &[Checked<'_>],
        policy: &Policy,
        as_of: Nanoseconds,
    ) -> Self {
        let reached = Reached::of(subject, controls, policy);
        Self {
            parts: parts(subject, exploits, controls, policy),
            causes: causes(subject, policy),
            signs: signs(subject, policy, as_of),
            reached,
            from: [
                policy.applicability.low_from,
                policy.applicability.score_from,
            ],
        }
    }

    /// `L`, 0–1.
    pub fn total(&self, bound: Bound) -> f64 {
        self.total_without(bound, &|_| true, &|_| true, &|_| true)
    }

    /// `L` of what the filters leave.
    pub fn total_without(
        &self,
        bound: Bound,
        part: &dyn Fn(&Part) -> bool,
        cause: &dyn Fn(&Cause) -> bool,
        sign: &dyn Fn(&Sign) -> bool,
    ) -> f64 {
        let vulnerable = self.vulnerability_of(bound, self.reach(bound), part);
        1.0 - (1.0 - vulnerable) * (1.0 - self.posture_of(cause)) * (1.0 - self.threat_of(sign))
    }

    /// `L` if the device were reached from elsewhere.
    pub fn total_at_reach(&self, reach: f64) -> f64 {
        let vulnerable = self.vulnerability_of(Bound::Score, reach, &|_| true);
        1.0 - (1.0 - vulnerable) * (1.0 - self.posture()) * (1.0 - self.threat())
    }

    /// `P_vuln`.
    pub fn vulnerability(&self, bound: Bound) -> f64 {
        self.vulnerability_of(bound, self.reach(bound), &|_| true)
    }

    /// `P_posture`.
    pub fn posture(&self) -> f64 {
        self.posture_of(&|_| true)
    }

    /// `P_threat`.
    pub fn threat(&self) -> f64 {
        self.threat_of(&|_| true)
    }

    fn reach(&self, bound: Bound) -> f64 {
        match bound {
            Bound::High => self.reached.high,
            Bound::Low | Bound::Score => self.reached.value,
        }
    }

    fn vulnerability_of(&self, bound: Bound, reach: f64, part: &dyn Fn(&Part) -> bool) -> f64 {
        let mut left = 1.0;
        for component in self.components() {
            let counting = component.iter().filter(|one| part(one));
            left *= 1.0 - reach * self.component(bound, counting);
        }
        1.0 - left
    }

    /// The parts of each component.
    pub fn components(&self) -> impl Iterator<Item = &[Part]> {
        self.parts.chunk_by(|a, b| a.component == b.component)
    }

    /// `p_c / r_d`: reach and whether the CVEs are there at all enter once. The parts come with
    /// the surest first.
    fn component<'a>(&self, bound: Bound, parts: impl Iterator<Item = &'a Part>) -> f64 {
        let from = match bound {
            Bound::Low => self.from[0],
            Bound::Score => self.from[1],
            Bound::High => 0.0,
        };
        let mut highest = 0.0_f64;
        // That none of the CVEs so far is exploited. At every CVE of a tier the product is that
        // of a part of the tier, so the largest value is reached at the tier's end.
        let mut none = 1.0;
        for part in parts.take_while(|part| part.applicability >= from) {
            none *= 1.0 - part.weight(bound);
            highest = highest.max(part.applicability * (1.0 - none));
        }
        highest
    }

    fn posture_of(&self, cause: &dyn Fn(&Cause) -> bool) -> f64 {
        let counting = self.causes.iter().filter(|one| cause(one));
        1.0 - counting.map(|cause| 1.0 - cause.weight).product::<f64>()
    }

    fn threat_of(&self, sign: &dyn Fn(&Sign) -> bool) -> f64 {
        let counting = self.signs.iter().filter(|one| sign(one));
        1.0 - counting.map(|sign| 1.0 - sign.weight).product::<f64>()
    }

    /// It counts in the score, and is not merely listed.
    pub fn scores(&self, part: &Part) -> bool {
        part.applicability >= self.from[1]
    }

    /// What a reader must know of the CVEs.
    pub fn flag(&self, exploits: &[Exploit], flags: &mut Vec<Flag>) {
        let listed = (self.parts.iter()).filter(|part| part.applicability < self.from[1]);
        let own = self
            .parts
            .iter()
            .filter_map(|part| exploits.get(part.exploit));
        let own: Vec<&Exploit> = own.collect();
        let vector = own.iter().filter(|exploit| exploit.vector.is_none());
        let exploited =
            (own.iter()).filter(|one| !one.in_kev && one.epss.is_none() && one.lev.is_none());
        for (count, flag) in [
            (vector.count(), Flag::VectorUnknown as fn(usize) -> Flag),
            (exploited.count(), Flag::ExploitationUnknown),
            (listed.count(), Flag::FamilyOnly),
        ] {
            if count > 0 {
                flags.push(flag(count));
            }
        }
    }
}

/// Every exploit, weighed, each CVE of a component once, by its surest match.
fn parts(
    subject: &Subject,
    exploits: &[Exploit],
    controls: &[Checked<'_>],
    policy: &Policy,
) -> Vec<Part> {
    let weigh = |(place, exploit): (usize, &Exploit)| Part {
        exploit: place,
        component: exploit.component,
        applicability: exploit.applicability(policy),
        weight: weight(subject, exploit, controls, policy, false),
        weight_high: weight(subject, exploit, controls, policy, true),
    };
    let mut parts: Vec<Part> = exploits.iter().enumerate().map(weigh).collect();
    let cve = |part: &Part| {
        exploits
            .get(part.exploit)
            .map(|exploit| exploit.cve.as_str())
    };
    let surest_first = |a: &Part, b: &Part| {
        let heaviest_first = b.weight_high.total_cmp(&a.weight_high);
        let by_applicability = b.applicability.total_cmp(&a.applicability);
        by_applicability.then(heaviest_first)
    };
    parts.sort_by(|a, b| {
        let by_cve = (a.component, cve(a)).cmp(&(b.component, cve(b)));
        by_cve.then_with(|| surest_first(a, b))
    });
    parts.dedup_by(|a, b| (a.component, cve(a)) == (b.component, cve(b)));
    parts.sort_by(|a, b| {
        let by_component = a.component.cmp(&b.component);
        by_component.then_with(|| surest_first(a, b))
    });
    parts
}

/// `x_v · f_v`, with the controls that count.
fn weight(
    subject: &Subject,
    exploit: &Exploit,
    controls: &[Checked<'_>],
    policy: &Policy,
    surely: bool,
) -> f64 {
    let mut exploited = exploit.exploited(policy);
    let mut vector = exploit.vector_weight(policy);
    if let Some(service) = &exploit.service {
        let answers = subject.services.iter().any(|seen| seen.meets(service));
        // Too little seen: that it never answered says nothing.
        if !answers && !subject.reach.coverage_low {
            vector *= policy.vector.service_not_seen;
        }
    }
    for checked in controls.iter().filter(|checked| checked.counts(surely)) {
        match &checked.control.kind {
            ControlKind::VirtualPatch { cves } if cves.contains(&exploit.cve) => {
                exploited *= policy.control.virtual_patch;
            }
            ControlKind::Proxy { service, .. } if names(exploit, service) => {
                vector = vector.min(policy.control.proxy);
            }
            _ => {}
        }
    }
    exploited * vector
}

fn names(exploit: &Exploit, service: &Service) -> bool {
    (exploit.service.as_ref()).is_some_and(|named| named.meets(service))
}

/// The weaknesses, one for each cause.
fn causes(subject: &Subject, policy: &Policy) -> Vec<Cause> {
    let mut causes: BTreeMap<(usize, Option<Protocol>), Cause> = BTreeMap::new();
    let mut unplaced: Vec<(usize, Cause)> = Vec::new();
    for finding in &subject.findings {
        if finding.id == FindingId::NotApproved && !subject.sight.baseline {
            continue;
        }
        let cause = Cause {
            id: finding.id,
            weight: policy.posture.of(finding.id) * confidence(finding),
        };
        let group = CAUSES.iter().position(|ids| ids.contains(&finding.id));
        match (group, finding.protocol) {
            (Some(group), None) => unplaced.push((group, cause)),
            (Some(group), protocol) => larger(&mut causes, (group, protocol), cause),
            (None, _) => {
                // A finding outside the groups is a cause by itself, however often it is told.
                let own = CAUSES.len() + usize::from(finding.id.number());
                larger(&mut causes, (own, None), cause);
            }
        }
    }
    // One that does not say in which protocol it showed itself joins the largest of its group.
    for (group, cause) in unplaced {
        let of_group = causes.iter().filter(|((of, _), _)| *of == group);
        let largest = of_group.max_by(|a, b| a.1.weight.total_cmp(&b.1.weight));
        let key = largest.map_or((group, None), |(key, _)| *key);
        larger(&mut causes, key, cause);
    }
    causes.into_values().collect()
}

fn larger<K: Ord>(causes: &mut BTreeMap<K, Cause>, key: K, cause: Cause) {
    let known = causes.entry(key).or_insert_with(|| cause.clone());
    if cause.weight > known.weight {
        *known = cause;
    }
}

fn confidence(finding: &Finding) -> f64 {
    f64::from(finding.confidence.min(100)) / 100.0
}

/// The signs of an attack, each kind once, by what is left of the weightiest.
fn signs(subject: &Subject, policy: &Policy, as_of: Nanoseconds) -> Vec<Sign> {
    let mut signs: BTreeMap<FindingId, Sign> = BTreeMap::new();
    for threat in &subject.threats {
        let days = (threat.closed).map_or(0.0, |closed| {
            as_of.saturating_sub(closed) as f64 / DAY_NANOSECONDS
        });
        let weight = policy.threat.of(threat.id) * 0.5_f64.powf(days / policy.half_life_days);
        let sign = signs.entry(threat.id).or_insert(Sign {
            id: threat.id,
            weight,
        });
        sign.weight = sign.weight.max(weight);
    }
    signs.into_values().collect()
}

/// `1 − (1 − p)^(1/30)`: the daily root of a probability within 30 days.
pub fn daily(probability: Share) -> f64 {
    1.0 - (1.0 - probability.get()).powf(1.0 / 30.0)
}

/// LEV of a CVE, from its EPSS probability of each day and the version of the model: that it was
/// exploited on one of the days. Another model has another scale, so the last one counts alone.
pub fn lev<'a>(history: impl IntoIterator<Item = (&'a str, Share)>) -> Share {
    let mut none = 1.0;
    let mut current = None;
    for (model, probability) in history {
        if current.replace(model) != Some(model) {
            none = 1.0;
        }
        none *= 1.0 - daily(probability);
    }
    Share::new((1.0 - none).clamp(0.0, 1.0)).unwrap_or(Share::MAX)
}
