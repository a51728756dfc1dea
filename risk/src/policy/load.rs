//! How a policy is read: a TOML file, each key with the line that it stands on. It takes no key
//! that it does not know, and no number that is out of bounds.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Bounds, Policy};

/// Size of a policy file, in bytes.
pub const POLICY_BYTES_MAX: u64 = 1 << 20;

/// Tables within tables of a policy.
const DEPTH_MAX: usize = 3;

/// Characters of a key or a value that a message quotes.
const QUOTED_MAX: usize = 40;

/// The defaults.
const EMBEDDED: &str = include_str!("../../data/policy.toml");

/// Why a policy is refused. Nothing of it counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("policy {file}: {cause}; expected a readable text file")]
    File {
        /// The file.
        file: String,
        /// The system's reason.
        cause: String,
    },
    /// A line cannot be accepted.
    #[error("policy {file}, line {line}: {reason}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is allowed.
        reason: String,
    },
    /// Two numbers that are well by themselves contradict each other.
    #[error("policy {file}: {reason}")]
    Contradiction {
        /// The file.
        file: String,
        /// What is wrong, and what is allowed.
        reason: String,
    },
}

impl Policy {
    /// The defaults with what a file overrides.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        let failed = |cause: String| PolicyError::File {
            file: name.clone(),
            cause,
        };
        let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
        let mut text = String::new();
        let mut bounded = file.take(POLICY_BYTES_MAX + 1);
        let read = bounded.read_to_string(&mut text);
        read.map_err(|error| failed(error.to_string()))?;
        if text.len() as u64 > POLICY_BYTES_MAX {
            return Err(failed(format!(
                "larger than {POLICY_BYTES_MAX} bytes, which is the most a policy may have"
            )));
        }
        Self::parse(&text, &name)
    }

    /// The defaults with what a text overrides. `file` is what messages call it.
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        policy.apply(text, file)?;
        policy.check(file)?;
        Ok(policy)
    }

    fn apply(&mut self, text: &str, file: &str) -> Result<(), PolicyError> {
        let refused = |offset: usize, reason: String| PolicyError::Line {
            file: file.to_owned(),
            line: line_of(text, offset),
            reason,
        };
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            refused(offset, error.message().to_owned())
        })?;
        let mut leaves = Vec::new();
        flatten("", table.get_ref(), 1, &mut leaves);
        leaves.sort_by_key(|leaf| leaf.key_at);
        let known = self.numbers();
        let mut numbers = BTreeMap::new();
        for leaf in leaves {
            let Some((name, _, bounds)) = known.iter().find(|(name, ..)| *name == leaf.name) else {
                let names = known.iter().map(|(name, ..)| name.as_str());
                return Err(refused(leaf.key_at, unknown(&leaf.name, names)));
            };
            let number = number(leaf.value.get_ref(), *bounds)
                .map_err(|reason| refused(leaf.value.span().start, format!("{name} {reason}")))?;
            numbers.insert(leaf.name, number);
        }
        self.visit(&mut |name, number, _| {
            if let Some(given) = numbers.get(name) {
                *number = *given;
            }
        });
        Ok(())
    }

    /// Refuses numbers that contradict each other.
    fn check(&self, file: &str) -> Result<(), PolicyError> {
        let refused = |reason: String| PolicyError::Contradiction {
            file: file.to_owned(),
            reason,
        };
        let (likelihood, impact) = (&self.likelihood_level, &self.impact_level);
        let ascending = [
            (
                "likelihood_level",
                vec![
                    likelihood.low,
                    likelihood.moderate,
                    likelihood.high,
                    likelihood.very_high,
                ],
            ),
            (
                "impact_level",
                vec![impact.low, impact.moderate, impact.high, impact.very_high],
            ),
            (
                "ssvc: marginal, critical, catastrophic",
                vec![
                    self.ssvc.marginal,
                    self.ssvc.critical,
                    self.ssvc.catastrophic,
                ],
            ),
            (
                "ssvc: support_crippled, essential_function, mission_failure",
                vec![
                    self.ssvc.support_crippled,
                    self.ssvc.essential_function,
                    self.ssvc.mission_failure,
                ],
            ),
            (
                "clock",
                vec![
                    self.clock.urgent_days,
                    self.clock.soon_days,
                    self.clock.later_days,
                ],
            ),
        ];
        for (name, numbers) in ascending {
            if !numbers.is_sorted() {
                return Err(refused(format!("{name} must ascend")));
            }
        }
        let weights = &self.effectiveness;
        let sum = weights.service + weights.utilisation + weights.slack;
        if sum > 1.0 + 1e-9 {
            return Err(refused(format!(
                "effectiveness: service, utilisation and slack add up to {sum}; \
                 at most 1 is allowed"
            )));
        }
        let (low, score) = (self.applicability.low_from, self.applicability.score_from);
        if low < score {
            return Err(refused(format!(
                "applicability: low_from {low} is below score_from {score}; \
                 the low score holds the surest matches"
            )));
        }
        Ok(())
    }
}

impl Default for Policy {
    /// The embedded file. A test proves that it holds every number and is accepted.
    fn default() -> Self {
        let mut policy = Self::unset();
        let applied = policy.apply(EMBEDDED, "policy.toml");
        debug_assert_eq!(applied, Ok(()));
        policy
    }
}

/// One key with a value.
struct Leaf<'a> {
    name: String,
    key_at: usize,
    value: &'a Spanned<DeValue<'a>>,
}

/// The values of nested tables by their whole names. A table too deep is a value, so refused.
fn flatten<'a>(prefix: &str, table: &'a DeTable<'a>, depth: usize, leaves: &mut Vec<Leaf<'a>>) {
    for (key, value) in table.iter() {
        let name = match prefix {
            "" => key.get_ref().to_string(),
            prefix => format!("{prefix}.{}", key.get_ref()),
        };
        match value.get_ref() {
            DeValue::Table(inner) if depth < DEPTH_MAX => flatten(&name, inner, depth + 1, leaves),
            _ => leaves.push(Leaf {
                name,
                key_at: key.span().start,
                value,
            }),
        }
    }
}

/// The number of a value, or what is wrong with it.
fn number(value: &DeValue<'_>, bounds: Bounds) -> Result<f64, String> {
    let Bounds { min, max, .. } = bounds;
    let written = match value {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        _ => return Err(format!("must be a decimal number from {min} to {max}")),
    };
    let number = written.parse::<f64>().unwrap_or(f64::NAN);
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    let quoted = shortened(written);
    Err(format!("= {quoted}: must be a number from {min} to {max}"))
}

/// That a key is unknown, and the one that was meant.
fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let name = shortened(name);
    let near = known
        .map(|known| (strsim::jaro_winkler(&name, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((similarity, known)) if similarity > 0.75 => {
            format!("unknown key `{name}`; did you mean `{known}`?")
        }
        _ => format!("unknown key `{name}`; the default policy lists all that there are"),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// What came from outside, at a length that can be shown on one line.
fn shortened(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control());
    visible.take(QUOTED_MAX).collect()
}
