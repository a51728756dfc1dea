//! What to do about a CVE of a device by SSVC: CERT/CC's decision table for those who deploy
//! software ("Deployer Patch Application Priority" 1.0.0, with "Human Impact" 2.0.2). It says how
//! soon; by when is the [clock](crate::clock)'s.
//!
//! Source: <https://github.com/CERTCC/SSVC>, `data/csv/ssvc`, read 2026-07.

use crate::clock::{Exposure as Reachable, Known};
use crate::policy::Policy;
use crate::score::{Impact, Reached};
use crate::subject::Subject;

/// Who exploits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exploitation {
    /// Nobody that is known of.
    None,
    /// How it is done is public.
    PublicPoc,
    /// Somebody does.
    Active,
}

/// From where an attacker reaches the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemExposure {
    /// From nearly nowhere.
    Small,
    /// From within the hospital.
    Controlled,
    /// From the internet.
    Open,
}

/// What it would do to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HumanImpact {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Very high.
    VeryHigh,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// Nothing for the present.
    Defer,
    /// With the next regular maintenance.
    Scheduled,
    /// Sooner than that.
    OutOfCycle,
    /// Now, whatever stands still for it.
    Immediate,
}

impl Decision {
    /// The name that people and JSON see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Defer => "defer",
            Self::Scheduled => "scheduled",
            Self::OutOfCycle => "out-of-cycle",
            Self::Immediate => "immediate",
        }
    }
}

/// The table: for exploitation, exposure and automatable, one letter for each human impact from
/// low to very high.
const fn row(exploitation: Exploitation, exposure: SystemExposure, automatable: bool) -> [u8; 4] {
    use Exploitation::{Active, None, PublicPoc};
    use SystemExposure::{Controlled, Open, Small};
    *match (exploitation, exposure, automatable) {
        (None, Small, false) => b"DDSS",
        (None, Small, true) => b"DSSS",
        (None, Controlled, false) => b"DSSS",
        (None, Controlled, true) => b"SSSS",
        (None, Open, false) => b"DSSS",
        (None, Open, true) => b"SSSO",
        (PublicPoc, Small, false) => b"DSSS",
        (PublicPoc, Small, true) => b"SSSS",
        (PublicPoc, Controlled, false) => b"DSSS",
        (PublicPoc, Controlled, true) => b"SSSO",
        (PublicPoc, Open, false) => b"SSSO",
        (PublicPoc, Open, true) => b"SSOO",
        (Active, Small, false) => b"SSOO",
        (Active, Small, true) => b"SOOO",
        (Active, Controlled, false) => b"SSOO",
        (Active, Controlled, true) => b"OOOO",
        (Active, Open, false) => b"SOOI",
        (Active, Open, true) => b"OOII",
    }
}

/// What the table says.
pub const fn decide(
    exploitation: Exploitation,
    exposure: SystemExposure,
    automatable: bool,
    impact: HumanImpact,
) -> Decision {
    let [low, medium, high, very_high] = row(exploitation, exposure, automatable);
    let letter = match impact {
        HumanImpact::Low => low,
        HumanImpact::Medium => medium,
        HumanImpact::High => high,
        HumanImpact::VeryHigh => very_high,
    };
    match letter {
        b'D' => Decision::Defer,
        b'S' => Decision::Scheduled,
        b'O' => Decision::OutOfCycle,
        _ => Decision::Immediate,
    }
}

/// Human impact: the safety of a patient times the mission of the hospital.
pub fn human_impact(safety: f64, effectiveness: f64, policy: &Policy) -> HumanImpact {
    use HumanImpact::{High, Low, Medium, VeryHigh};
    let from = &policy.ssvc;
    let steps = |grade: f64, from: [f64; 3]| from.iter().filter(|from| grade >= **from).count();
    let safety = steps(safety, [from.marginal, from.critical, from.catastrophic]);
    let mission = steps(
        effectiveness,
        [
            from.support_crippled,
            from.essential_function,
            from.mission_failure,
        ],
    );
    match (safety, mission) {
        // Negligible and marginal: degraded, support crippled, function fails, mission fails.
        (0 | 1, 0 | 1) => Low,
        (0 | 1, 2) => Medium,
        // Critical.
        (2, 0) => Medium,
        (2, 1 | 2) => High,
        // Catastrophic, or the mission fails.
        _ => VeryHigh,
    }
}

/// What SSVC says of a CVE of a device, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssvc {
    /// Who exploits it.
    pub exploitation: Exploitation,
    /// From where it is reached.
    pub exposure: SystemExposure,
    /// Too little was seen to say from where: open is assumed.
    pub exposure_assumed: bool,
    /// Every step can be automated.
    pub automatable: bool,
    /// What it would do.
    pub impact: HumanImpact,
    /// What to do.
    pub decision: Decision,
}

impl Ssvc {
    /// The decision about a CVE of a device. `exploitation` is what Vulnrichment says; that KEV
    /// lists a CVE counts as active whatever it says.
    pub fn of(
        subject: &Subject,
        known: &Known,
        exploitation: Option<Exploitation>,
        (impact, reached): (&Impact, &Reached),
        policy: &Policy,
    ) -> Self {
        let exploitation = match known.kev_added {
            Some(_) => Exploitation::Active,
            None => exploitation.unwrap_or(Exploitation::None),
        };
        let reachable = Reachable::of(subject);
        let exposure = match reachable {
            Reachable::Exposed | Reachable::Unknown => SystemExposure::Open,
            Reachable::NotExposed if reached.value <= policy.reach.approved_only => {
                SystemExposure::Small
            }
            Reachable::NotExposed => SystemExposure::Controlled,
        };
        let automatable = known.is_automatable().0;
        let impact = human_impact(impact.safety, impact.effectiveness, policy);
        Self {
            exploitation,
            exposure,
            exposure_assumed: reachable == Reachable::Unknown,
            automatable,
            impact,
            decision: decide(exploitation, exposure, automatable, impact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the published table, one of each kind, and its corners.
    #[test]
    fn decisions_are_the_tables() {
        use Decision::{Defer, Immediate, OutOfCycle, Scheduled};
        use Exploitation::{Active, None, PublicPoc};
        use HumanImpact::{High, Low, Medium, VeryHigh};
        use SystemExposure::{Controlled, Open, Small};
        for (exploitation, exposure, automatable, impact, decision) in [
            (None, Small, false, Low, Defer),
            (None, Small, false, Medium, Defer),
            (None, Small, true, Low, Defer),
            (None, Controlled, true, VeryHigh, Scheduled),
            (None, Open, true, VeryHigh, OutOfCycle),
            (PublicPoc, Controlled, true, VeryHigh, OutOfCycle),
            (PublicPoc, Open, false, VeryHigh, OutOfCycle),
            (PublicPoc, Open, true, High, OutOfCycle),
            (PublicPoc, Open, true, Low, Scheduled),
            (Active, Small, false, Low, Scheduled),
            (Active, Small, true, Medium, OutOfCycle),
            (Active, Controlled, false, High, OutOfCycle),
            (Active, Controlled, true, Low, OutOfCycle),
            (Active, Open, false, Low, Scheduled),
            (Active, Open, false, VeryHigh, Immediate),
            (Active, Open, true, High, Immediate),
            (Active, Open, true, VeryHigh, Immediate),
        ] {
            assert_eq!(
                decide(exploitation, exposure, automatable, impact),
                decision,
                "{exploitation:?} {exposure:?} {automatable} {impact:?}"
            );
        }
    }

    /// How often the published table says each.
    #[test]
    fn the_table_counts_up() {
        use Exploitation::{Active, None, PublicPoc};
        use SystemExposure::{Controlled, Open, Small};
        let mut counts = [0; 4];
        for exploitation in [None, PublicPoc, Active] {
            for exposure in [Small, Controlled, Open] {
                for automatable in [false, true] {
                    for letter in row(exploitation, exposure, automatable) {
                        let place = b"DSOI".iter().position(|one| *one == letter);
                        counts[place.expect("a letter of the table")] += 1;
                    }
                }
            }
        }
        assert_eq!(counts, [7, 42, 20, 3]);
    }

    /// A more dangerous answer never gives more time.
    #[test]
    fn worse_is_never_later() {
        use Exploitation::{Active, None, PublicPoc};
        use HumanImpact::{High, Low, Medium, VeryHigh};
        use SystemExposure::{Controlled, Open, Small};
        let impacts = [Low, Medium, High, VeryHigh];
        for (exploitation, worse) in [(None, PublicPoc), (PublicPoc, Active), (Active, Active)] {
            for (exposure, wider) in [(Small, Controlled), (Controlled, Open), (Open, Open)] {
                for impact in impacts {
                    let here = decide(exploitation, exposure, false, impact);
                    assert!(decide(worse, exposure, false, impact) >= here);
                    assert!(decide(exploitation, wider, false, impact) >= here);
                    assert!(decide(exploitation, exposure, true, impact) >= here);
                }
            }
        }
    }

    #[test]
    fn human_impact_is_safety_times_mission() {
        use HumanImpact::{High, Low, Medium, VeryHigh};
        let policy = Policy::default();
        let rows = [
            (0.5, [Low, Low, Medium, VeryHigh]),
            (5.0, [Low, Low, Medium, VeryHigh]),
            (7.0, [Medium, High, High, VeryHigh]),
            (9.0, [VeryHigh, VeryHigh, VeryHigh, VeryHigh]),
        ];
        for (safety, expected) in rows {
            for (effectiveness, expected) in [1.9, 2.0, 6.0, 9.0].into_iter().zip(expected) {
                assert_eq!(human_impact(safety, effectiveness, &policy), expected);
            }
        }
    }
}
