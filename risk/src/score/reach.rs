//! From where a device can be reached, as flows show it. Traffic that was not seen never proves
//! isolation: it is the declaration that counts, and only while nothing contradicts it.

use crate::control::Checked;
use crate::policy::Policy;
use crate::subject::{ControlKind, Subject};

/// `r_d`, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// In the score, 0–1.
    pub value: f64,
    /// In the high score, 0–1: 1 where too little was seen.
    pub high: f64,
    /// What it rests on, for people.
    pub why: &'static str,
    /// Too little was seen.
    pub unknown: bool,
}

impl Reached {
    /// From where the device can be reached.
    pub fn of(subject: &Subject, controls: &[Checked<'_>], policy: &Policy) -> Self {
        let (value, why) = observed(subject, policy);
        let unknown = subject.reach.coverage_low;
        let (mut value, mut high, mut why) = match unknown {
            true if value < policy.reach.unknown => {
                let why = "too little was seen to say from where it can be reached";
                (policy.reach.unknown, 1.0, why)
            }
            true => (value, 1.0, why),
            false => (value, value, why),
        };
        let cap = policy.control.segmentation;
        let segmented = |surely| {
            let mut counting = controls.iter().filter(|checked| checked.counts(surely));
            counting.any(|checked| matches!(checked.control.kind, ControlKind::Segmentation { .. }))
        };
        if segmented(false) && value > cap {
            (value, why) = (cap, "a segmentation that is declared for it");
        }
        if segmented(true) {
            high = high.min(cap);
        }
        Self {
            value,
            high: high.max(value),
            why,
            unknown,
        }
    }
}

/// The weight of what was seen: the highest of four that holds, else the first of three.
fn observed(subject: &Subject, policy: &Policy) -> (f64, &'static str) {
    let (reach, weights) = (&subject.reach, &policy.reach);
    let open = [
        (
            reach.answered_public,
            weights.answered_public,
            "it answered a connection from a public address",
        ),
        (
            reach.talks_public,
            weights.talks_public,
            "it talks to the internet",
        ),
        (
            reach.from_user_segment,
            weights.from_user_segment,
            "it was reached from a guest or user segment",
        ),
        (
            reach.shares_vlan_with_it,
            weights.shares_vlan_with_it,
            "it shares a VLAN with plain IT",
        ),
    ];
    let holding = open.into_iter().filter(|(holds, ..)| *holds);
    let highest = holding.max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((_, weight, why)) = highest {
        (weight, why)
    } else if reach.isolated_gateway_only {
        (
            weights.isolated,
            "its segment is isolated; only its gateway was seen",
        )
    } else if reach.approved_only_30_days {
        (
            weights.approved_only,
            "only approved peers were seen for 30 days",
        )
    } else {
        (weights.other, "from the hospital's network")
    }
}
