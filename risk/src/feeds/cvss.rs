//! CVSS vectors, version 2 to 4, reduced to what the risk model asks: from where, how hard, and
//! what is lost. It computes no score; the one that the feed states is kept for display.

use serde::Serialize;

/// From where an attacker must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackVector {
    /// Through any network.
    Network,
    /// From the same network segment or radio range.
    Adjacent,
    /// On the device itself.
    Local,
    /// With the device in hand.
    Physical,
}

/// What is lost, of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing.
    None,
    /// Something.
    Low,
    /// Everything.
    High,
}

/// A vector. `None` is what its version does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Cvss {
    /// Version in tenths: 20, 30, 31, 40.
    pub version: u8,
    /// From where.
    pub attack_vector: AttackVector,
    /// No special conditions are needed.
    pub low_complexity: bool,
    /// The attacker needs no account.
    pub no_privileges: bool,
    /// Nobody needs to be tricked. Version 2 does not say.
    pub no_interaction: Option<bool>,
    /// Loss of confidentiality.
    pub confidentiality: Loss,
    /// Loss of integrity.
    pub integrity: Loss,
    /// Loss of availability.
    pub availability: Loss,
    /// The base score that the feed states, in tenths.
    pub score_tenths: Option<u8>,
}

impl Cvss {
    /// An attack can be automated: AV:N/AC:L/PR:N/UI:N. Used where SSVC says nothing.
    pub fn automatable(&self) -> bool {
        self.attack_vector == AttackVector::Network
            && self.low_complexity
            && self.no_privileges
            && self.no_interaction == Some(true)
    }

    /// Everything is lost: C:H, I:H and A:H. Used where SSVC says nothing.
    pub fn total_impact(&self) -> bool {
        [self.confidentiality, self.integrity, self.availability] == [Loss::High; 3]
    }

    /// Which of two vectors of one vulnerability is used: 3.1, 3.0, 4.0, 2.0.
    pub(crate) fn rank(&self) -> u8 {
        match self.version {
            31 => 3,
            30 => 2,
            40 => 1,
            _ => 0,
        }
    }

    /// Reads a vector. `score` is the base score beside it; one outside 0–10 counts as not said.
    pub fn parse(vector: &str, score: Option<f64>) -> Option<Self> {
        let vector = vector.trim().trim_matches(['(', ')']);
        let (version, metrics) = match vector.strip_prefix("CVSS:") {
            Some(rest) => {
                let (version, metrics) = rest.split_once('/')?;
                let version = match version {
                    "3.0" => 30,
                    "3.1" => 31,
                    "4.0" => 40,
                    "2.0" => 20,
                    _ => return None,
                };
                (version, metrics)
            }
            None => (20, vector),
        };
        let metric = |name: &str| {
            let mut parts = metrics.split('/').filter_map(|part| part.split_once(':'));
            parts.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let loss = |name: &str| match metric(name)? {
            "N" => Some(Loss::None),
            "L" | "P" => Some(Loss::Low),
            "H" | "C" => Some(Loss::High),
            _ => None,
        };
        let attack_vector = match metric("AV")? {
            "N" => AttackVector::Network,
            "A" => AttackVector::Adjacent,
            "L" => AttackVector::Local,
            "P" if version != 20 => AttackVector::Physical,
            _ => return None,
        };
        let names = match version {
            40 => ["VC", "VI", "VA"],
            _ => ["C", "I", "A"],
        };
        let [confidentiality, integrity, availability] = names.map(loss);
        Some(Self {
            version,
            attack_vector,
            low_complexity: is_low(metric("AC")?, version, metric("AT"))?,
            no_privileges: match version {
                20 => metric("Au")? == "N",
                _ => metric("PR")? == "N",
            },
            no_interaction: match version {
                20 => None,
                _ => Some(metric("UI")? == "N"),
            },
            confidentiality: confidentiality?,
            integrity: integrity?,
            availability: availability?,
            score_tenths: score
                .filter(|score| (0.0..=10.0).contains(score))
                .map(|score| (score * 10.0).round() as u8),
        })
    }
}

/// Version 4 split the complexity: conditions of the target count as complexity here.
fn is_low(complexity: &str, version: u8, requirements: Option<&str>) -> Option<bool> {
    match (version, complexity) {
        (40, "L") => Some(requirements? == "N"),
        (_, "L") => Some(true),
        (_, "H") | (20, "M") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_every_version() {
        let three = Cvss::parse("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8)).unwrap();
        assert!(three.automatable() && three.total_impact());
        assert_eq!(three.score_tenths, Some(98));
        let local = Cvss::parse("CVSS:3.0/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", None).unwrap();
        assert!(!local.automatable() && local.attack_vector == AttackVector::Local);
        let two = Cvss::parse("AV:N/AC:M/Au:N/C:P/I:P/A:C", Some(7.5)).unwrap();
        assert_eq!(
            (two.version, two.low_complexity, two.no_interaction),
            (20, false, None)
        );
        assert_eq!(two.availability, Loss::High);
        let four = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:L/VA:N/SC:N/SI:N/SA:N";
        let four = Cvss::parse(four, Some(f64::NAN)).unwrap();
        assert!(four.automatable() && !four.total_impact());
        assert_eq!(four.score_tenths, None);
    }

    #[test]
    fn broken_vectors_are_none() {
        for vector in [
            "",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/C:H/I:H/A:H",
            "CVSS:9.9/AV:N",
            "AV:P",
        ] {
            assert_eq!(Cvss::parse(vector, None), None, "{vector}");
        }
    }

    #[test]
    fn fuzz_any_vector() {
        bolero::check!().with_type::<String>().for_each(|text| {
            let _ = Cvss::parse(text, None);
        });
    }
}
