//! The risk of a unit or a site: its worst device, and how many are in which band. It averages
//! nothing: a hundred harmless printers make no ventilator safer.

use std::collections::BTreeMap;

use super::{Assessment, Case, Level};
use crate::subject::Subject;

/// The risk of several devices together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The unit or site; `None` holds the devices of which nobody entered it.
    pub name: Option<String>,
    /// Devices.
    pub devices: usize,
    /// Those that are not known well enough for a score.
    pub not_assessed: usize,
    /// The highest score, and whose it is.
    pub worst: Option<(f64, String)>,
    /// The highest high score.
    pub high: f64,
    /// All scores together: what could be gained here.
    pub sum: f64,
    /// How many devices are in which band, the lowest first.
    pub bands: [usize; Level::ALL.len()],
}

impl Group {
    fn add(&mut self, assessment: &Assessment) {
        self.devices += 1;
        self.high = self.high.max(assessment.high);
        let Some(score) = assessment.score else {
            self.not_assessed += 1;
            return;
        };
        self.sum += score;
        if self.worst.as_ref().is_none_or(|(worst, _)| score > *worst) {
            self.worst = Some((score, assessment.id.clone()));
        }
        let counted = Level::ALL.iter().zip(&mut self.bands);
        for (level, count) in counted {
            *count += usize::from(Some(*level) == assessment.band);
        }
    }
}

/// The groups of what `name` makes of each device (its unit, its site), the worst first. Cases
/// and assessments are in the same order.
pub fn groups(
    cases: &[Case<'_>],
    assessments: &[Assessment],
    name: impl Fn(&Subject) -> Option<&str>,
) -> Vec<Group> {
    let mut groups: BTreeMap<Option<&str>, Group> = BTreeMap::new();
    for (case, assessment) in cases.iter().zip(assessments) {
        groups
            .entry(name(case.subject))
            .or_default()
            .add(assessment);
    }
    let named = |(name, group): (Option<&str>, Group)| Group {
        name: name.map(str::to_owned),
        ..group
    };
    let mut groups: Vec<Group> = groups.into_iter().map(named).collect();
    let worst = |group: &Group| group.worst.as_ref().map_or(-1.0, |(worst, _)| *worst);
    groups.sort_by(|a, b| worst(b).total_cmp(&worst(a)));
    groups
}
