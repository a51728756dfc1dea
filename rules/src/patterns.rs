//! The patterns of one field: which of them a value may match is told by the texts that they
//! need, in one pass over the value, so that rules which do not apply cost nothing. It compiles
//! no pattern and does not decide whether one matches.

use crate::compile::{Key, Rule};
use crate::outline;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::OnceLock;

/// The patterns of a field.
#[derive(Debug)]
pub struct Patterns {
    /// Places of their rules.
    rules: Box<[u32]>,
    /// Made for the first value of the field: most fields never see one.
    index: OnceLock<Index>,
}

/// By their sources, the patterns that ship with the texts that each needs. Found when the program
/// is built: to read the syntax of all of them takes longer than to read the rules.
const SHIPPED: &[(&str, &[&[u8]])] = include!(concat!(env!("OUT_DIR"), "/needles.rs"));

#[derive(Debug)]
struct Index {
    /// Finds the texts that patterns need.
    needles: Option<AhoCorasick>,
    /// By needle, the rule that needs it.
    owners: Box<[u32]>,
    /// Rules whose patterns need no text.
    always: Box<[u32]>,
}

impl Patterns {
    /// The patterns of these rules.
    pub fn new(rules: Vec<u32>) -> Self {
        Self {
            rules: rules.into(),
            index: OnceLock::new(),
        }
    }

    /// The rules whose patterns a value may match, in the order of the files. `all` are the rules
    /// that the places are of.
    pub fn candidates(&self, all: &[Rule], value: &[u8]) -> Vec<u32> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let index = self.index(all);
        let mut found = index.always.to_vec();
        if let Some(needles) = &index.needles {
            let owners = needles
                .find_overlapping_iter(value)
                .filter_map(|hit| index.owners.get(hit.pattern().as_usize()));
            found.extend(owners);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Makes the index now, so that the first value does not wait for it.
    pub fn prepare(&self, all: &[Rule]) {
        if !self.rules.is_empty() {
            self.index(all);
        }
    }

    fn index(&self, all: &[Rule]) -> &Index {
        self.index.get_or_init(|| Index::new(&self.rules, all))
    }
}

impl Index {
    fn new(places: &[u32], all: &[Rule]) -> Self {
        let (mut texts, mut owners, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for place in places {
            let needles = all
                .get(*place as usize)
                .map(|rule| &rule.key)
                .and_then(|key| match key {
                    Key::Pattern(source) => Some(needles(source)),
                    _ => None,
                })
                .unwrap_or_default();
            if needles.is_empty() {
                always.push(*place);
            }
            owners.extend(needles.iter().map(|_| *place));
            texts.extend(needles);
        }
        // Over short values a smaller searcher does not pay for being made of the first one.
        let built = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .prefilter(false)
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(&texts)
            .ok();
        match built {
            Some(needles) => Self {
                needles: Some(needles),
                owners: owners.into(),
                always: always.into(),
            },
            // Too many texts for one search: every pattern is asked.
            None => Self {
                needles: None,
                owners: Box::default(),
                always: places.into(),
            },
        }
    }
}

/// The texts of which every match of a pattern holds one; none where no such texts are known.
fn needles(source: &str) -> Vec<Vec<u8>> {
    match SHIPPED.binary_search_by_key(&source, |(source, _)| source) {
        Ok(place) => {
            let known = SHIPPED.get(place).map(|(_, needles)| *needles);
            let known = known.unwrap_or_default().iter();
            known.map(|needle| needle.to_vec()).collect()
        }
        Err(_) => outline::outline(source).map_or_else(|_| Vec::new(), |outline| outline.needles),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;

    /// What the build script found is what would be found now, of every pattern that ships.
    #[test]
    fn shipped_needles_are_those_of_the_rules() {
        let rules = Rules::embedded();
        let mut patterns = 0;
        for rule in rules.all() {
            let Key::Pattern(source) = &rule.key else {
                continue;
            };
            patterns += 1;
            let known = SHIPPED.binary_search_by_key(&&**source, |(source, _)| source);
            assert!(known.is_ok(), "rule {} is not among them", rule.id);
            assert_eq!(needles(source), outline::outline(source).unwrap().needles);
        }
        assert!(patterns > 1_000);
    }
}
