//! The patterns of one field: which of them a value may match is told by the texts that they
//! need, in one pass over the value, so that rules which do not apply cost nothing. It compiles
//! no pattern and does not decide whether one matches.

use crate::compile::{Key, Rule};
use crate::expression;
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
                    Key::Pattern(source) => expression::outline(source).ok(),
                    _ => None,
                })
                .map(|outline| outline.needles)
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
