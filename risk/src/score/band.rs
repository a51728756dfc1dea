//! Levels and the band, by table I-2 of NIST SP 800-30 revision 1. It has no numbers of its own:
//! where the levels begin is policy.

use crate::policy::Policy;

/// A level of likelihood, of impact, or of risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Very low.
    VeryLow,
    /// Low.
    Low,
    /// Moderate.
    Moderate,
    /// High.
    High,
    /// Very high.
    VeryHigh,
}

use Level::{High, Low, Moderate, VeryHigh, VeryLow};

/// What rounding may take from a number before it falls below its level.
const ROUNDING: f64 = 1e-9;

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Self; 5] = [VeryLow, Low, Moderate, High, VeryHigh];

    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            VeryLow => "very low",
            Low => "low",
            Moderate => "moderate",
            High => "high",
            VeryHigh => "very high",
        }
    }

    /// The level of a likelihood, 0–1.
    pub fn of_likelihood(likelihood: f64, policy: &Policy) -> Self {
        let from = &policy.likelihood_level;
        Self::of(
            likelihood,
            [from.low, from.moderate, from.high, from.very_high],
        )
    }

    /// The level of an impact, 0–10.
    pub fn of_impact(impact: f64, policy: &Policy) -> Self {
        let from = &policy.impact_level;
        Self::of(impact, [from.low, from.moderate, from.high, from.very_high])
    }

    fn of(number: f64, from: [f64; 4]) -> Self {
        let reached = from.iter().filter(|from| number >= *from - ROUNDING);
        match reached.count() {
            0 => VeryLow,
            1 => Low,
            2 => Moderate,
            3 => High,
            _ => VeryHigh,
        }
    }
}

/// The band of a risk: table I-2.
pub const fn band(likelihood: Level, impact: Level) -> Level {
    match (likelihood, impact) {
        (VeryHigh | High, impact) => impact,
        (Moderate, VeryHigh) => High,
        (Moderate, High) => Moderate,
        (Moderate, impact) => impact,
        (Low, VeryHigh) => Moderate,
        (Low, VeryLow) => VeryLow,
        (Low, _) => Low,
        (VeryLow, VeryHigh | High) => Low,
        (VeryLow, _) => VeryLow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row by row, from very high to very low likelihood.
    #[test]
    fn the_table_is_nists() {
        let rows = [
            (VeryHigh, [VeryLow, Low, Moderate, High, VeryHigh]),
            (High, [VeryLow, Low, Moderate, High, VeryHigh]),
            (Moderate, [VeryLow, Low, Moderate, Moderate, High]),
            (Low, [VeryLow, Low, Low, Low, Moderate]),
            (VeryLow, [VeryLow, VeryLow, VeryLow, Low, Low]),
        ];
        for (likelihood, bands) in rows {
            for (impact, expected) in Level::ALL.into_iter().zip(bands) {
                assert_eq!(band(likelihood, impact), expected);
            }
        }
    }

    #[test]
    fn levels_begin_where_the_policy_says() {
        let policy = Policy::default();
        let likelihoods = [
            (0.0, VeryLow),
            (0.049, VeryLow),
            (0.05, Low),
            (0.2099, Low),
            (0.21, Moderate),
            (0.7999, Moderate),
            (1.0 - (1.0 - 0.8), High),
            (0.96, VeryHigh),
            (1.0, VeryHigh),
        ];
        for (likelihood, level) in likelihoods {
            assert_eq!(
                Level::of_likelihood(likelihood, &policy),
                level,
                "{likelihood}"
            );
        }
        let impacts = [
            (0.49, VeryLow),
            (0.5, Low),
            (2.1, Moderate),
            (7.99, Moderate),
            (8.0, High),
            (9.6, VeryHigh),
        ];
        for (impact, level) in impacts {
            assert_eq!(Level::of_impact(impact, &policy), level, "{impact}");
        }
    }
}
