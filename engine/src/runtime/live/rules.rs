//! The rules of a run: where they are read from, and which ones hold.

use std::path::PathBuf;
use std::sync::Arc;

use medtap_rules::{RuleError, Rules};

use super::station::Matching;

/// The rules that hold.
pub struct RuleBook {
    folder: Option<PathBuf>,
    holding: Matching,
}

impl RuleBook {
    /// Reads the rules that ship, and a site's own over them.
    ///
    /// # Errors
    ///
    /// Which file is wrong, and why.
    pub fn open(folder: Option<PathBuf>) -> Result<Self, RuleError> {
        let holding = read(folder.as_deref())?;
        Ok(Self { folder, holding })
    }

    /// The rules that hold.
    pub fn holding(&self) -> &Matching {
        &self.holding
    }

    /// Their generation.
    pub fn generation(&self) -> u64 {
        self.holding.generation
    }

    /// Reads them again. Those that held go on holding when that fails.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn reload(&mut self) -> Result<Matching, RuleError> {
        self.holding = read(self.folder.as_deref())?;
        Ok(self.holding.clone())
    }
}

fn read(folder: Option<&std::path::Path>) -> Result<Matching, RuleError> {
    let rules = Rules::load(folder)?;
    let matcher = rules.matcher();
    // Workers find it made: none of them waits while packets arrive.
    matcher.prepare();
    Ok(Matching {
        generation: rules.generation(),
        matcher: Arc::new(matcher),
    })
}
