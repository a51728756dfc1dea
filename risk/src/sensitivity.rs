//! How much the order of the devices hangs on each weight: every weight is halved and increased
//! by half, and the order is compared. It judges no weight: it shows which ones are worth a
//! discussion.

use rayon::prelude::*;

use crate::policy::Policy;
use crate::score::{Case, ScoreError, score};
use crate::subject::Nanoseconds;

/// Devices whose order is compared.
pub const TOP: usize = 50;

/// Devices that are scored again for each weight, the highest first. Those below would have to
/// pass as many others by one weight.
pub const CANDIDATES_MAX: usize = 1_000;

/// By what a weight is multiplied.
pub const FACTORS: [f64; 2] = [0.5, 1.5];

/// What a change of one weight does to the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The weight, as `section.key`.
    pub weight: String,
    /// What it was multiplied by.
    pub factor: f64,
    /// Kendall's tau-b of the first [`TOP`]: 1 for the same order, -1 for the reverse.
    pub tau: f64,
    /// How many of the first [`TOP`] are no longer among them.
    pub left: usize,
}

/// The effect of every weight, the one that changes most first. Weights that change no score of
/// the candidates are left out.
pub fn sensitivity(
    cases: &[Case<'_>],
    policy: &Policy,
    as_of: Nanoseconds,
) -> Result<Vec<Effect>, ScoreError> {
    if cases.is_empty() {
        return Err(ScoreError::Empty);
    }
    let scores = scores(cases, policy, as_of);
    let order: Vec<usize> = order(&scores).into_iter().take(CANDIDATES_MAX).collect();
    let candidates: Vec<Case<'_>> = order
        .iter()
        .filter_map(|at| cases.get(*at).copied())
        .collect();
    let base: Vec<f64> = order
        .iter()
        .filter_map(|at| scores.get(*at).copied())
        .collect();
    let numbers = policy.numbers();
    let weights = numbers.into_iter().filter(|(_, _, bounds)| bounds.weight);
    let changes: Vec<(String, f64)> = weights
        .flat_map(|(name, ..)| FACTORS.map(|factor| (name.clone(), factor)))
        .collect();
    let effect = |(name, factor): (String, f64)| {
        let changed = policy.scaled(&name, factor)?;
        let after: Vec<f64> = (candidates.iter())
            .map(|case| score(*case, &changed, as_of))
            .collect();
        (after != base).then(|| compare(name, factor, &base, &after))
    };
    let mut effects: Vec<Effect> = changes.into_par_iter().filter_map(effect).collect();
    effects.sort_by(|a, b| {
        let by_order = (a.tau.total_cmp(&b.tau)).then(b.left.cmp(&a.left));
        by_order.then_with(|| a.weight.cmp(&b.weight))
    });
    Ok(effects)
}

fn scores(cases: &[Case<'_>], policy: &Policy, as_of: Nanoseconds) -> Vec<f64> {
    let scores = cases.par_iter().map(|case| score(*case, policy, as_of));
    scores.collect()
}

/// The places of the scores, the highest first; of equal ones the first.
fn order(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<(usize, f64)> = scores.iter().copied().enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.into_iter().map(|(place, _)| place).collect()
}

fn compare(weight: String, factor: f64, base: &[f64], after: &[f64]) -> Effect {
    let top = TOP.min(base.len());
    let stay = order(after)
        .into_iter()
        .take(top)
        .filter(|place| *place < top);
    let left = top - stay.count();
    let pairs = base.iter().copied().zip(after.iter().copied());
    let tau = kendall(&pairs.take(top).collect::<Vec<_>>());
    Effect {
        weight,
        factor,
        tau,
        left,
    }
}

/// Kendall's tau-b of pairs; 1 where one side has no order that could change.
fn kendall(pairs: &[(f64, f64)]) -> f64 {
    let (mut agree, mut ties_a, mut ties_b, mut all) = (0_i64, 0_i64, 0_i64, 0_i64);
    for (place, one) in pairs.iter().enumerate() {
        for other in pairs.iter().skip(place + 1) {
            let a = one.0.total_cmp(&other.0) as i64;
            let b = one.1.total_cmp(&other.1) as i64;
            agree += a * b;
            ties_a += i64::from(a == 0);
            ties_b += i64::from(b == 0);
            all += 1;
        }
    }
    let orders = ((all - ties_a) as f64 * (all - ties_b) as f64).sqrt();
    match orders > 0.0 {
        true => agree as f64 / orders,
        false => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::{Finding, Sight, Subject};
    use medtap_table::vocabulary::{Category, FindingId};

    #[test]
    fn kendall_is_one_for_the_same_order() {
        let same = [(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)];
        assert_eq!(kendall(&same), 1.0);
        let reverse = [(1.0, 30.0), (2.0, 20.0), (3.0, 10.0)];
        assert_eq!(kendall(&reverse), -1.0);
        // One exchange of neighbours among four: 4 of 6 pairs agree more than not.
        let exchanged = [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)];
        assert!((kendall(&exchanged) - 4.0 / 6.0).abs() < 1e-12);
        // Ties on one side: (5 - 0) / sqrt(6 * 5).
        let tied = [(1.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0)];
        assert!((kendall(&tied) - 5.0 / 30.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(kendall(&[(1.0, 1.0), (1.0, 2.0)]), 1.0);
        assert_eq!(kendall(&[]), 1.0);
    }

    #[test]
    fn a_weight_that_orders_devices_shows() {
        let device = |id: &str, finding: FindingId| {
            let mut subject = Subject::new(id, Category::Ct);
            subject.sight = Sight {
                identified: true,
                assessable: true,
                ..Sight::default()
            };
            subject.findings.push(Finding {
                id: finding,
                confidence: 100,
                evidence: "seen".into(),
                protocol: None,
            });
            subject
        };
        let subjects = [
            device("a", FindingId::Smbv1),
            device("b", FindingId::EndOfSupport),
        ];
        let cases = subjects.each_ref().map(|subject| Case {
            subject,
            exploits: &[],
        });
        let effects = sensitivity(&cases, &Policy::default(), 0).expect("devices");
        // Halving 0.35 puts it below 0.30; every other change leaves the order.
        assert_eq!(effects[0].weight, "posture.end_of_support");
        assert_eq!((effects[0].factor, effects[0].tau), (1.5, -1.0));
        assert_eq!(effects[1].weight, "posture.smbv1");
        assert_eq!((effects[1].factor, effects[1].tau), (0.5, -1.0));
        assert!(effects[2..].iter().all(|effect| effect.tau == 1.0));
        assert!(effects.iter().all(|effect| effect.left == 0));
        assert!(
            !effects
                .iter()
                .any(|effect| effect.weight == "posture.weak_tls")
        );
    }

    #[test]
    fn nothing_is_no_order() {
        assert_eq!(
            sensitivity(&[], &Policy::default(), 0),
            Err(ScoreError::Empty)
        );
    }
}
