//! What `medtap serve` judges its devices by, once a day and whenever what they are judged by
//! changes: scores and work go into the history. What it cannot judge it says, and is tried again
//! the next day; the history is written all the same.

use std::collections::BTreeSet;
use std::path::PathBuf;

use medtap_inventory::history::Store;
use medtap_inventory::model::Time;
use medtap_inventory::{Options, resolve};
use medtap_risk::feeds::{Feeds, stamp};
use medtap_rules::Rules;
use medtap_table::TableReader;

use super::{Assessed, Basis, SiteFiles, kept};
use crate::arguments::Assessing;
use crate::devices;
use crate::failure::{Code, Exit, Failure};

const DAY_NS: u64 = 24 * 3_600_000_000_000;

/// The judge of a server.
pub struct Daily {
    options: Assessing,
    rules: Rules,
    /// The day, and the stamp of the files that were judged by.
    judged: Option<(u64, u64)>,
    /// The feeds that counted then.
    taken: BTreeSet<String>,
}

impl Daily {
    /// A judge, where feeds were named; what it reads is tried at once.
    ///
    /// # Errors
    /// When something that was named can't be used.
    pub fn new(options: Assessing, exit: &mut Exit) -> Result<Option<Self>, Failure> {
        if options.judging.feeds.is_none() {
            return Ok(None);
        }
        Basis::read(&options.judging, exit)?;
        SiteFiles::read(&options, exit)?;
        Ok(Some(Self {
            options,
            rules: devices::load_rules(None)?,
            judged: None,
            taken: BTreeSet::new(),
        }))
    }

    /// Judges what a table shows, the first time on each day and when a file changed.
    pub fn judge(&mut self, table: &TableReader, store: &mut Store, now: Time, exit: &mut Exit) {
        let day = now.0 / DAY_NS;
        let judging = &self.options.judging;
        let named = [
            &judging.feeds,
            &judging.policy,
            &judging.verdicts,
            &self.options.controls,
        ];
        let named: Vec<PathBuf> = named.into_iter().flatten().cloned().collect();
        // A folder that can't be looked through now is none that changed.
        let before = self.judged.map_or(0, |(_, stamp)| stamp);
        let due = (day, stamp(&named).unwrap_or(before));
        if self.judged.replace(due) == Some(due) {
            return;
        }
        if let Err(failure) = self.write(table, store, now, exit) {
            exit.say(
                Code::Done,
                &format!("the risk of today is not kept: {failure}"),
            );
        }
    }

    fn write(
        &mut self,
        table: &TableReader,
        store: &mut Store,
        now: Time,
        exit: &mut Exit,
    ) -> Result<(), Failure> {
        // Read anew: feeds change while a server runs.
        let basis = Basis::read(&self.options.judging, exit)?;
        self.take(&basis.feeds)?;
        let mut inventory = resolve(table, &Options { as_of: Some(now) });
        let site = SiteFiles::read(&self.options, exit)?;
        let known = site.known_of(Some(store), &mut inventory, &basis, exit)?;
        let assessed = Assessed::new(&mut inventory, &self.rules, basis, &known);
        kept::update(&assessed, store, exit);
        Ok(())
    }

    /// Notes what counts now. What counted before and is refused now, half written perhaps, would
    /// close work that is not done: then the last good judgement stays.
    fn take(&mut self, feeds: &Feeds) -> Result<(), Failure> {
        let broken = |path: &&String| self.taken.contains(*path);
        if let Some(path) = feeds.refused.iter().map(|one| &one.path).find(broken) {
            return Err(Failure::new(format!(
                "{path} can no longer be used; what was judged before stays"
            )));
        }
        self.taken = feeds.list.iter().map(|feed| feed.path.clone()).collect();
        Ok(())
    }
}
