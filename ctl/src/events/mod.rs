//! `medtap events`: what happened, as the table tells it, and what happens from now on. It looks
//! again and again and compares; an engine that is started again is followed on.

mod known;

use std::path::{Path, PathBuf};
use std::time::Duration;

use medtap_inventory::model::Time;
use medtap_inventory::{Options, resolve};
use medtap_table::TableReader;
use serde::Serialize;

use self::known::Known;
use crate::arguments;
use crate::expression::Expression;
use crate::failure::{Exit, Failure};
use crate::live::{self, State};
use crate::pause::Pause;
use crate::render;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An engine began.
    EngineStarted,
    /// Another engine began.
    EngineRestarted,
    /// A device was seen for the first time.
    DeviceAppeared,
    /// A device has an address that it had not before.
    AddressAppeared,
    /// Something is known of a device that was not before.
    AttributeAppeared,
    /// Something else is known of it.
    AttributeChanged,
    /// A device serves a protocol that it did not before.
    ServiceAppeared,
    /// A device sent nothing for five minutes.
    Silent,
    /// A device that was silent sent something.
    Returned,
    /// The engine ended.
    EngineStopped,
}

impl Kind {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::EngineStarted => "engine started",
            Self::EngineRestarted => "engine restarted",
            Self::DeviceAppeared => "device appeared",
            Self::AddressAppeared => "address appeared",
            Self::AttributeAppeared => "attribute appeared",
            Self::AttributeChanged => "attribute changed",
            Self::ServiceAppeared => "service appeared",
            Self::Silent => "silent",
            Self::Returned => "returned",
            Self::EngineStopped => "engine stopped",
        }
    }
}

/// A device, as events name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub label: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Happening {
    /// When.
    pub time: Time,
    /// What.
    pub event: Kind,
    /// To which device; null for the engine.
    pub device: Option<Named>,
    /// The address, attribute or protocol; null where the event needs none.
    pub subject: Option<String>,
    /// The value before.
    pub old: Option<String>,
    /// The value now: an attribute's, a service's port, what a device is, the engine's process.
    pub new: Option<String>,
}

impl Happening {
    /// Something about the engine of a table.
    fn engine(event: Kind, time_ns: u64, pid: u32) -> Self {
        Self {
            time: Time(time_ns),
            event,
            device: None,
            subject: None,
            old: None,
            new: Some(format!("process {pid}")),
        }
    }
}

/// Shows what happened, and with `--follow` what happens.
pub fn run(command: &arguments::Events, exit: &mut Exit) -> Result<(), Failure> {
    let path = live::path(command.table.as_deref());
    let table = live::open(&path)?;
    let state = State::of(&table, live::now_ns());
    if command.follow && state == State::Saved {
        let text = "a saved table does not change; leave out --follow";
        return Err(Failure::new(format!("{}: {text}", path.display())));
    }
    let mut follower = Follower::new(path, table);
    let filter = command.filter.as_ref();
    let pause = if command.follow {
        Some(Pause::new()?)
    } else {
        live::say(&follower.table, exit);
        None
    };
    loop {
        let happenings = follower.look(filter);
        if !render::events(&happenings, command.output)? {
            return Ok(());
        }
        let Some(pause) = &pause else { return Ok(()) };
        if !pause.wait(Duration::from_nanos(command.interval)) {
            return Ok(());
        }
    }
}

/// Who looks again and again.
struct Follower {
    path: PathBuf,
    table: TableReader,
    known: Known,
    /// The run whose begin was told, none before the first look.
    told: Option<u64>,
    /// The end of the engine was told.
    ended: bool,
}

impl Follower {
    fn new(path: PathBuf, table: TableReader) -> Self {
        Self {
            path,
            table,
            known: Known::default(),
            told: None,
            ended: false,
        }
    }

    /// What happened since the look before, or ever; by time.
    fn look(&mut self, filter: Option<&Expression>) -> Vec<Happening> {
        let mut happenings = Vec::new();
        if let Some(next) = restarted(&self.path, &self.table) {
            // What the old one saw last.
            self.devices(filter, &mut happenings);
            self.table = next;
            self.ended = false;
        }
        let (run, pid) = (self.table.run_id(), self.table.pid());
        if self.told != Some(run) && run != 0 {
            let event = match self.told {
                None => Kind::EngineStarted,
                Some(_) => Kind::EngineRestarted,
            };
            happenings.push(Happening::engine(event, self.table.started_ns(), pid));
            self.told = Some(run);
        }
        self.devices(filter, &mut happenings);
        let stopped = match State::of(&self.table, live::now_ns()) {
            State::Stopped => Some(self.table.stopped_ns()),
            State::Gone => Some(live::changed_ns(&self.table)),
            State::Saved | State::Running | State::Stale => None,
        };
        if let Some(at) = stopped.filter(|_| !self.ended) {
            happenings.push(Happening::engine(Kind::EngineStopped, at, pid));
            self.ended = true;
        }
        happenings.sort();
        happenings
    }

    fn devices(&mut self, filter: Option<&Expression>, happenings: &mut Vec<Happening>) {
        let as_of = match State::of(&self.table, live::now_ns()) {
            State::Saved => None,
            _ => Some(Time(live::changed_ns(&self.table))),
        };
        let inventory = resolve(&self.table, &Options { as_of });
        self.known
            .learn(&self.table, &inventory, filter, happenings);
    }
}

/// The table of another engine, where there is one at this path.
fn restarted(path: &Path, table: &TableReader) -> Option<TableReader> {
    let next = TableReader::open(path).ok()?;
    (next.run_id() != table.run_id()).then_some(next)
}
