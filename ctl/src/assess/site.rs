//! The files that a site gives with its traffic: its history, a spreadsheet of its systems, what it
//! declares of its network. They are read before anything is judged; what none of them can mean is
//! said.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use medtap_inventory::context::Sheet;
use medtap_inventory::history::Store;
use medtap_inventory::model::{Inventory, Time};
use medtap_inventory::people::EpssDays;
use medtap_risk::declared::Declared;

use super::Basis;
use crate::arguments::Assessing;
use crate::failure::{Code, Exit, Failure};
use crate::memory::context;
use crate::subject::Known;

/// Bytes of a file of declarations.
const DECLARED_BYTES_MAX: u64 = 16 << 20;

/// The files of a site, read.
pub struct SiteFiles {
    /// The history, opened to read.
    store: Option<Store>,
    sheet: Option<(PathBuf, Sheet)>,
    declared: Declared,
    declared_at: PathBuf,
}

impl SiteFiles {
    /// Reads what was named.
    ///
    /// # Errors
    /// When one can't be used.
    pub fn read(options: &Assessing, exit: &mut Exit) -> Result<Self, Failure> {
        let store = options.history.as_deref().map(Store::open_to_read);
        let sheet = match &options.context {
            Some(path) => Some((path.clone(), context::plain_sheet(path, exit)?)),
            None => None,
        };
        Ok(Self {
            store: store.transpose()?,
            sheet,
            declared: match &options.controls {
                Some(path) => declared(path)?,
                None => Declared::default(),
            },
            declared_at: options.controls.clone().unwrap_or_default(),
        })
    }

    /// What they say of the devices of an inventory; values that the network does not tell are
    /// added to it.
    ///
    /// # Errors
    /// What the history's database said.
    pub fn known(
        mut self,
        inventory: &mut Inventory,
        basis: &Basis,
        exit: &mut Exit,
    ) -> Result<Known, Failure> {
        let store = self.store.take();
        self.known_of(store.as_ref(), inventory, basis, exit)
    }

    /// The same, with a history that is open already.
    ///
    /// # Errors
    /// What its database said.
    pub fn known_of(
        self,
        store: Option<&Store>,
        inventory: &mut Inventory,
        basis: &Basis,
        exit: &mut Exit,
    ) -> Result<Known, Failure> {
        let as_of = inventory.as_of.unwrap_or(Time(0));
        let (memory, days) = match store {
            Some(store) => (store.remember(as_of)?, store.judgements(Date::MIN)?),
            None => Default::default(),
        };
        let epss = match store.filter(|_| basis.uses_lev()) {
            Some(store) => store.epss_before(basis.scored_at())?,
            None => EpssDays::default(),
        };
        if basis.uses_lev() && epss.is_empty() {
            // Silence would say that it is in the scores.
            let text = "policy: use_lev adds nothing: LEV needs the EPSS of earlier days, and no \
                        history that was given keeps any";
            exit.say(Code::Done, text);
        }
        let assets = match &self.sheet {
            Some((path, sheet)) => context::add(path, sheet, inventory, exit),
            None => Default::default(),
        };
        let known = Known {
            memory,
            assets,
            declared: self.declared,
            days,
            epss,
        };
        say_unused(&known, inventory, &self.declared_at, exit);
        Ok(known)
    }
}

fn declared(path: &Path) -> Result<Declared, Failure> {
    let text = crate::files::read_text(path, DECLARED_BYTES_MAX)?;
    let name = path.display();
    Declared::parse(&text).map_err(|error| Failure::new(format!("{name}: {error}")))
}

/// Says which controls are for nothing that was seen: a name may be misspelt.
fn say_unused(known: &Known, inventory: &Inventory, path: &Path, exit: &mut Exit) {
    let declared = &known.declared;
    if declared.controls.is_empty() && declared.serve_critical_rooms.is_empty() {
        return;
    }
    let devices = inventory.devices.iter();
    let names: std::collections::BTreeSet<String> =
        devices.flat_map(|device| known.names(device)).collect();
    for name in &declared.serve_critical_rooms {
        if !names.contains(name) {
            let path = path.display();
            let text = format!("{path}: serve_critical_rooms: no device is {name}");
            exit.say(Code::Done, &text);
        }
    }
    for one in &declared.controls {
        if !one.devices.iter().any(|name| names.contains(name)) {
            let (id, devices) = (&one.control.id, one.devices.join(", "));
            let text = format!(
                "{}: control {id} is for no device that was seen ({devices})",
                path.display()
            );
            exit.say(Code::Done, &text);
        }
    }
}
