//! The score of a device: how likely it is attacked, what that would do, and both as one number
//! for ranking. It is never a calibrated probability that this hospital is breached.
//!
//! ```text
//! x_v  = max(EPSS, 1 if in KEV, LEV when enabled)        f_v = attack vector
//! p_c  = r_d · max over tiers t of a_t · (1 − Π_{v: a_v ≥ a_t} (1 − x_v · f_v))
//! L    = 1 − Π_c (1 − p_c) · Π_f (1 − w_f) · Π_t (1 − w_t · 0.5^(days closed / 7))
//! I    = max(S, 0.9·E, 0.8·D)           Score = 100 · L · I / 10
//! ```

mod band;
mod driver;
mod exploit;
mod flag;
mod group;
mod impact;
mod likelihood;
mod reach;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::FindingId;
use rayon::prelude::*;

use crate::control::{self, Checked, Standing};
use crate::date::day;
use crate::policy::Policy;
use crate::share::Share;
use crate::subject::{Finding, Nanoseconds, Subject};

pub use band::{Level, band};
pub use driver::{DRIVERS_MAX, Driver, DriverKind};
pub use exploit::{Exploit, Tier};
pub use flag::Flag;
pub use group::{Group, groups};
pub use impact::{Impact, Property};
pub use likelihood::{daily, lev};
pub use reach::Reached;

use likelihood::{Bound, Likelihood};

/// A device and the CVEs that its components may have.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The device.
    pub subject: &'a Subject,
    /// The CVEs.
    pub exploits: &'a [Exploit],
}

/// Why nothing is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// There is no device.
    #[error("no device to score; an empty inventory has no risk that could be told")]
    Empty,
}

/// How much a device endangers patients, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The device.
    pub id: String,
    /// It is known well enough for a score.
    pub assessed: bool,
    /// The score, 0–100.
    pub score: Option<f64>,
    /// The score of the surest matches alone.
    pub low: Option<f64>,
    /// The score of all matches, where what is unknown is taken for the worst.
    pub high: f64,
    /// The band of NIST SP 800-30r1.
    pub band: Option<Level>,
    /// `L`, 0–1, and what it is made of.
    pub likelihood: Chances,
    /// `I`, 0–10, and what it is made of.
    pub impact: Impact,
    /// The share of its flows that was seen in both directions and understood.
    pub coverage: Share,
    /// From where it can be reached.
    pub reached: Reached,
    /// What drives the score, by effect.
    pub drivers: Vec<Driver>,
    /// What makes it less sure.
    pub flags: Vec<Flag>,
    /// Findings that scoring itself raises: controls that traffic contradicts, or that ended.
    pub raised: Vec<Finding>,
}

/// `L` and what it is made of, each 0–1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chances {
    /// By CVEs.
    pub vulnerability: f64,
    /// By weaknesses.
    pub posture: f64,
    /// By signs of an attack.
    pub threat: f64,
    /// Together.
    pub total: f64,
}

/// Scores one device at a time.
pub fn assess(case: Case<'_>, policy: &Policy, as_of: Nanoseconds) -> Assessment {
    let Case { subject, exploits } = case;
    let controls = control::check(subject, as_of);
    let mut flags = Vec::new();
    let impact = Impact::of(subject, policy, &mut flags);
    let likelihood = Likelihood::of(subject, exploits, &controls, policy, as_of);
    let score = |likelihood: f64| points(likelihood, impact.total);
    let assessed = subject.sight.identified && subject.sight.assessable;
    let high = score(likelihood.total(Bound::High));
    let total = likelihood.total(Bound::Score);
    let level = Level::of_likelihood(total, policy);
    likelihood.flag(exploits, &mut flags);
    flag(subject, &controls, &mut flags);
    Assessment {
        id: subject.id.clone(),
        assessed,
        score: assessed.then(|| score(total)),
        low: assessed.then(|| score(likelihood.total(Bound::Low))),
        // Invisible is not safe.
        high: match assessed {
            true => high,
            false => high.max(score(policy.not_assessed.likelihood)),
        },
        band: assessed.then(|| band(level, Level::of_impact(impact.total, policy))),
        likelihood: Chances {
            vulnerability: likelihood.vulnerability(Bound::Score),
            posture: likelihood.posture(),
            threat: likelihood.threat(),
            total,
        },
        impact,
        coverage: subject.sight.coverage,
        reached: likelihood.reached,
        drivers: driver::drivers(subject, exploits, &likelihood, policy, &score),
        flags,
        raised: raised(&controls),
    }
}

/// The score alone: no bounds, no reasons. 0 where the device cannot be assessed.
pub fn score(case: Case<'_>, policy: &Policy, as_of: Nanoseconds) -> f64 {
    let Case { subject, exploits } = case;
    if !(subject.sight.identified && subject.sight.assessable) {
        return 0.0;
    }
    let controls = control::check(subject, as_of);
    let impact = Impact::of(subject, policy, &mut Vec::new());
    let likelihood = Likelihood::of(subject, exploits, &controls, policy, as_of);
    points(likelihood.total(Bound::Score), impact.total)
}

/// Scores every device, on all processors, in the order given.
pub fn assess_all(
    cases: &[Case<'_>],
    policy: &Policy,
    as_of: Nanoseconds,
) -> Result<Vec<Assessment>, ScoreError> {
    if cases.is_empty() {
        return Err(ScoreError::Empty);
    }
    let assess = |case: &Case<'_>| assess(*case, policy, as_of);
    Ok(cases.par_iter().map(assess).collect())
}

fn points(likelihood: f64, impact: f64) -> f64 {
    100.0 * likelihood * impact / 10.0
}

fn flag(subject: &Subject, controls: &[Checked<'_>], flags: &mut Vec<Flag>) {
    if subject.reach.coverage_low {
        flags.push(Flag::ReachUnknown);
    }
    if subject.reach.behind_nat_or_proxy {
        flags.push(Flag::BehindNatOrProxy);
    }
    let unapproved = |finding: &Finding| finding.id == FindingId::NotApproved;
    if !subject.sight.baseline && subject.findings.iter().any(unapproved) {
        flags.push(Flag::NoBaseline);
    }
    for checked in controls {
        if checked.standing != Standing::Holds {
            flags.push(Flag::Control {
                id: checked.control.id.clone(),
                standing: checked.standing.to_string(),
            });
        }
    }
}

fn raised(controls: &[Checked<'_>]) -> Vec<Finding> {
    let raised = |checked: &Checked<'_>| {
        let (id, evidence) = match &checked.standing {
            Standing::Violated { evidence } => (FindingId::ControlViolated, evidence.clone()),
            Standing::Expired => {
                let ended = day(checked.control.expires);
                (FindingId::ControlExpired, format!("it ended on {ended}"))
            }
            _ => return None,
        };
        Some(Finding {
            id,
            confidence: 100,
            evidence: format!("control {}: {evidence}", checked.control.id),
            protocol: None,
        })
    };
    controls.iter().filter_map(raised).collect()
}
