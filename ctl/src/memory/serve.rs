//! `medtap serve`: reads the running engine's table again and again, and writes what is new into
//! the history, and the list of devices beside the table. It holds no right but to read the one and
//! write the others; the engine never waits for it, and what could not be written is written by the
//! next look.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use medtap_inventory::history::{HistoryError, Look, Observer, Policy, SourceKind, Store};
use medtap_inventory::model::Time;
use medtap_inventory::{Options, Resolution};
use medtap_table::{OpenError, TableReader};

use super::arguments::Serve;
use super::place;
use crate::arguments::Assessing;
use crate::assess::daily::Daily;
use crate::failure::{Code, Exit, Failure};
use crate::live::{self, State};
use crate::pause::Pause;
use crate::roster::Keeper;

/// What may wait is written this often.
const FLUSH_NS: u64 = 3_600_000_000_000;
/// What is too old is forgotten this often.
const RETAIN_NS: u64 = 24 * 3_600_000_000_000;

/// Writes the history until it is ended.
pub fn run(command: &Serve, exit: &mut Exit) -> Result<(), Failure> {
    let pause = Pause::new()?;
    let policy = place::policy(command.retention.as_deref())?;
    let _alone = alone(&command.place.history)?;
    let mut server = Server {
        path: live::path(command.table.as_deref()),
        site: command.site.clone(),
        store: place::open_to_write(&command.place)?,
        policy,
        table: None,
        observer: Observer::default(),
        keeper: Keeper::default(),
        unlisted: false,
        flushed_ns: 0,
        retained_ns: 0,
        trouble: String::new(),
        daily: Daily::new(
            Assessing {
                judging: command.judging.clone(),
                controls: command.controls.clone(),
                ..Assessing::default()
            },
            exit,
        )?,
    };
    let mut looks = 0;
    loop {
        server.round(exit)?;
        looks += 1;
        let done = command.count.is_some_and(|count| looks >= count);
        if done || !pause.wait(Duration::from_nanos(command.interval)) {
            break;
        }
    }
    server.end()
}

/// The right to serve a history: a second one would look twice.
fn alone(history: &Path) -> Result<File, Failure> {
    use rustix::fs::{FlockOperation, flock};
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = history.as_os_str().to_owned();
    name.push(".serve");
    let name = PathBuf::from(name);
    let fault = |error: std::io::Error| Failure::io(format!("{}: {error}", name.display()), &error);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(&name)
        .map_err(fault)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Failure::new(format!(
            "{}: another medtap serve writes this history",
            history.display()
        ))),
        Err(error) => Err(fault(error.into())),
    }
}

struct Server {
    path: PathBuf,
    site: String,
    store: Store,
    policy: Policy,
    table: Option<TableReader>,
    observer: Observer,
    keeper: Keeper,
    /// The roster could not be written, and this was said.
    unlisted: bool,
    flushed_ns: u64,
    retained_ns: u64,
    /// What was said last: trouble is told when it begins, not at every look.
    trouble: String,
    /// Judges the devices, where feeds were named.
    daily: Option<Daily>,
}

impl Server {
    /// One look, at what is there.
    fn round(&mut self, exit: &mut Exit) -> Result<(), Failure> {
        let next = match TableReader::open(&self.path) {
            Ok(table) => Some(table),
            Err(error) => {
                let missing = matches!(&error, OpenError::Io { error, .. }
                    if error.kind() == std::io::ErrorKind::NotFound);
                if !missing && self.table.is_none() {
                    return Err(error.into());
                }
                None
            }
        };
        if let Some(next) = next {
            let run = self.table.as_ref().map(TableReader::run_id);
            if run.is_some_and(|run| run != next.run_id()) {
                // What the old engine wrote last is still mapped.
                self.look(true, exit)?;
            }
            if run != Some(next.run_id()) {
                self.table = Some(next);
                self.flushed_ns = 0;
            }
        }
        if self.table.is_none() {
            self.say(exit, "no engine is running yet; waiting for its table");
            return Ok(());
        }
        let now_ns = live::now_ns();
        let flush = now_ns / FLUSH_NS != self.flushed_ns / FLUSH_NS;
        let written = self.look(flush, exit)?;
        if written && flush {
            self.flushed_ns = now_ns;
        }
        if let (true, Some(daily), Some(table)) = (written, &mut self.daily, &self.table) {
            daily.judge(table, &mut self.store, Time(now_ns), exit);
        }
        if now_ns.saturating_sub(self.retained_ns) >= RETAIN_NS {
            self.retained_ns = now_ns;
            let retained = self.store.retain(&self.policy, now_ns);
            self.take(retained.map(drop), exit)?;
        }
        Ok(())
    }

    /// Writes what the table shows. False where it has to be tried again.
    fn look(&mut self, flush: bool, exit: &mut Exit) -> Result<bool, Failure> {
        let Some(table) = &self.table else {
            return Ok(false);
        };
        let kind = match State::of(table, live::now_ns()) {
            State::Saved => SourceKind::Table,
            _ => SourceKind::Live,
        };
        let rulings = match self.store.rulings() {
            Ok(rulings) => rulings,
            Err(error) => return self.take(Err(error), exit),
        };
        let name = self.path.display().to_string();
        let mut look = Look::at(table, kind, &name, &self.site);
        look.flush = flush || kind == SourceKind::Table;
        let as_of = Some(Time(look.at_ns));
        let shown = Resolution::new(table, &Options { as_of }, &rulings);
        let noted = self.observer.observe(&mut self.store, &shown, &look);
        let listed = match (kind, &noted) {
            (SourceKind::Live, Ok(_)) => {
                let place = (self.path.as_path(), table);
                let keeper = &mut self.keeper;
                keeper.keep(place, &shown, &self.observer, look.flush)
            }
            _ => Ok(()),
        };
        drop(shown);
        if let (Err(failure), false) = (&listed, self.unlisted) {
            exit.say(Code::Done, &failure.to_string());
        }
        self.unlisted = listed.is_err();
        self.take(noted.map(drop), exit)
    }

    /// What passes is said once and tried again; what does not ends the command.
    fn take(&mut self, result: Result<(), HistoryError>, exit: &mut Exit) -> Result<bool, Failure> {
        match result {
            Ok(()) => {
                if !self.trouble.is_empty() {
                    self.trouble.clear();
                    exit.say(Code::Done, "the history is written again");
                }
                Ok(true)
            }
            Err(error) if error.passes() => {
                self.say(exit, &error.to_string());
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn say(&mut self, exit: &mut Exit, sentence: &str) {
        if self.trouble != sentence {
            sentence.clone_into(&mut self.trouble);
            exit.say(Code::Done, sentence);
        }
    }

    /// Writes what waited.
    fn end(mut self) -> Result<(), Failure> {
        let mut exit = Exit::default();
        self.look(true, &mut exit)?;
        self.store.shrink()?;
        Ok(())
    }
}
