//! Whose connections came to nothing, by the hour, and how many addresses and ports that were.
//! Whether that is scanning is not decided here.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use medtap_table::vocabulary::{Attribute, Field};

use super::Aggregator;
use crate::config::UNANSWERED_MAX;
use crate::device::sighting::{FactSighting, Times, UnansweredKey, UnansweredSighting};
use crate::device::sketch::Sketch;
use crate::device::subject::SubjectKey;
use crate::device::text::Value;

/// Sources of so few targets are forgotten first: a flood of made-up addresses has one each.
const FEW: usize = 2;

/// The sources of each hour.
#[derive(Debug, Default)]
pub struct Unanswered {
    sources: HashMap<UnansweredKey, (Sketch, Times), RandomState>,
}

impl Unanswered {
    /// Bytes that it takes at most: its table is filled to a half at least.
    pub const BYTES_MAX: u64 =
        (UNANSWERED_MAX * 2 * (size_of::<(UnansweredKey, (Sketch, Times))>() + 1)) as u64;

    /// Adds what one worker saw; how many sources were refused or forgotten.
    pub fn add(&mut self, tried: &UnansweredSighting) -> u64 {
        let before = self.sources.len();
        if before >= UNANSWERED_MAX && !self.sources.contains_key(&tried.key) {
            let latest = self.sources.keys().map(|key| key.hour).max();
            let is_old = |key: &UnansweredKey| latest.is_some_and(|hour| key.hour + 1 < hour);
            self.sources
                .retain(|key, (targets, _)| targets.filled() > FEW && !is_old(key));
            if self.sources.len() >= UNANSWERED_MAX {
                return 1;
            }
        }
        let refused = before.saturating_sub(self.sources.len());
        let (targets, times) = self
            .sources
            .entry(tried.key)
            .or_insert((Sketch::default(), Times::NEVER));
        targets.merge(&tried.targets);
        times.merge(tried.times);
        refused as u64
    }
}

impl Aggregator {
    /// Tells of each source how many targets it tried in vain, where they were many.
    pub(super) fn tell_unanswered(&mut self) {
        let many = self.unanswered.sources.iter();
        let mut many: Vec<(UnansweredKey, u64, Times)> = many
            .filter_map(|(key, (targets, times))| Some((*key, targets.level()?, *times)))
            .collect();
        many.sort_unstable_by_key(|(key, ..)| *key);
        for (key, level, times) in many {
            let key = SubjectKey::Binding(key.orig);
            // One that nothing confirms gets no place by what it tried in vain.
            if self.subjects.get(&key).is_none() {
                continue;
            }
            let text = Value::from_wire(level.to_string().as_bytes());
            self.fact(&FactSighting {
                key: &key,
                field: Field::TcpUnanswered,
                attribute: Attribute::Observed,
                rule: 0,
                confidence: Field::TcpUnanswered.confidence(),
                times,
                count: 1,
                raw: text.view(),
                value: text.view(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::BindingKey;

    fn tried(source: u32, hour: u32, target: u32) -> UnansweredSighting {
        let mut address = [0; 16];
        address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 0]);
        address[12..].copy_from_slice(&source.to_be_bytes());
        UnansweredSighting {
            key: UnansweredKey {
                orig: BindingKey::new(0, 0, [2; 6], 4, address),
                hour,
            },
            targets: Sketch::of(target),
            times: Times::at(1),
        }
    }

    #[test]
    fn a_flood_of_sources_costs_the_busy_one_nothing() {
        let mut unanswered = Unanswered::default();
        let busy = |target: u32| tried(1, 5, target.wrapping_mul(0x9e37_79b1));
        (0..300).for_each(|target| assert_eq!(unanswered.add(&busy(target)), 0));
        let refused: u64 = (0..40_000)
            .map(|source| unanswered.add(&tried(9 + source, 5, 7)))
            .sum();
        assert!(refused > 0 && unanswered.sources.len() <= UNANSWERED_MAX);
        let (targets, _) = unanswered.sources[&busy(0).key];
        assert!(targets.level() >= Some(128));
    }

    #[test]
    fn hours_stand_apart() {
        let mut unanswered = Unanswered::default();
        for target in 0..60_u32 {
            for hour in [5, 6] {
                let half = target * 2 + hour;
                unanswered.add(&tried(1, hour, half.wrapping_mul(0x9e37_79b1)));
            }
        }
        assert!(
            unanswered
                .sources
                .values()
                .all(|(it, _)| it.level().is_none())
        );
    }
}
