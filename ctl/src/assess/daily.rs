//! What `medtap serve` judges its devices by, once a day: scores and work go into the history. What
//! it cannot judge it says, and is tried again the next day; the history is written all the same.

use medtap_inventory::history::Store;
use medtap_inventory::model::Time;
use medtap_inventory::{Options, resolve};
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
    day: Option<u64>,
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
            day: None,
        }))
    }

    /// Judges what a table shows, the first time on each day.
    pub fn judge(&mut self, table: &TableReader, store: &mut Store, now: Time, exit: &mut Exit) {
        let day = now.0 / DAY_NS;
        if self.day.replace(day) == Some(day) {
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
        &self,
        table: &TableReader,
        store: &mut Store,
        now: Time,
        exit: &mut Exit,
    ) -> Result<(), Failure> {
        // Read anew: feeds change while a server runs.
        let basis = Basis::read(&self.options.judging, exit)?;
        let mut inventory = resolve(table, &Options { as_of: Some(now) });
        let site = SiteFiles::read(&self.options, exit)?;
        let known = site.known_of(Some(store), &mut inventory, exit)?;
        let assessed = Assessed::new(&mut inventory, &self.rules, basis, &known);
        kept::update(&assessed, store, exit);
        Ok(())
    }
}
