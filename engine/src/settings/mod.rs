//! What a live engine is asked to do: command line over configuration file, checked. It changes
//! nothing and opens nothing but the configuration file and the site's key.

mod arguments;
mod cpus;
mod error;
mod file;
mod section;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use arguments::{Arguments, ModeWord, Steering};
pub use cpus::Allowed;
pub use error::{Place, SettingsError};

use crate::capture::port::Mode;
use crate::config::{FACTS_MAX, FLOWS_MAX, SUBJECTS_MAX};
use crate::nic::numa::spell;
use file::FileSettings;

/// Where the table of a running engine lies, unless told otherwise.
pub const TABLE: &str = "/dev/shm/medtap/medtap.table";
/// Shards are 64: more workers would own none.
pub const WORKERS_MAX: usize = 64;
/// Subjects that may be asked for.
const SUBJECTS: RangeInclusive<u64> = 1024..=SUBJECTS_MAX as u64;
/// Facts, and conversations, that may be asked for.
const FACTS: RangeInclusive<u64> = 1024..=FACTS_MAX as u64;
/// Flows that a worker may be told to keep.
const FLOWS: RangeInclusive<u64> = 1024..=1 << 30;
/// How long a configuration file may be.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A shorter key could be guessed.
const KEY_BYTES_MIN: usize = 16;
const KEY_BYTES_MAX: u64 = 1 << 16;

/// Everything a live run needs to know, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many workers, 1 to 64.
    pub workers: usize,
    /// Worker `n` runs on `cpus[n]`. Empty: workers are not pinned. Never shorter than `workers`
    /// otherwise.
    pub cpus: Vec<u16>,
    /// Flows that each worker keeps at once.
    pub flows: u32,
    /// Where the table is published.
    pub table: PathBuf,
    /// How much the table has room for.
    pub room: Room,
    /// The folder of rules; `None`: those built into the program.
    pub rules: Option<PathBuf>,
    /// True: begin with an empty table, whatever an earlier run left.
    pub fresh: bool,
    /// The steering program may only count heavy flows of which nothing more can be learnt.
    pub shunt: bool,
    /// True: say what would be done, and end.
    pub check: bool,
    /// The configuration file that was read.
    pub config: Option<PathBuf>,
    /// The site's key for names that look like a person's.
    pub person_key: Option<PersonKey>,
    /// What to listen on, at least one, in the order given.
    pub interfaces: Vec<Interface>,
}

/// How much the table is to have room for; what is not said follows from the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Subjects.
    pub subjects: Option<u32>,
    /// Facts.
    pub facts: Option<u32>,
    /// Conversations.
    pub conversations: Option<u32>,
}

/// One interface to listen on, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// As the kernel calls it.
    pub name: String,
    /// The way to receive; `None`: the best that the interface can.
    pub mode: Option<Mode>,
    /// Who chooses the worker of a frame.
    pub steering: Steering,
    /// Frames of memory for each queue, a power of two.
    pub frames: u32,
    /// The size of each, 2048 or 4096.
    pub frame_bytes: u32,
    /// The sensor's own addresses on this interface, which the kernel may answer for.
    pub own_addresses: Vec<IpAddr>,
    /// The MTU to set.
    pub mtu: Option<u32>,
    /// How many queues to set.
    pub channels: Option<u32>,
    /// True: make the card's hash symmetric, so that both directions come to one queue.
    pub symmetric_rss: bool,
    /// Over how many queues the card shall share frames out.
    pub rss_queues: Option<u32>,
    /// Where the interface's interrupts shall be served; empty: left as they are.
    pub irq_cpus: Vec<u16>,
    /// The kernel's `napi_defer_hard_irqs` to set.
    pub napi_defer_hard_irqs: Option<u32>,
    /// The kernel's `gro_flush_timeout` to set.
    pub gro_flush_timeout_ns: Option<u64>,
    /// How long a socket may poll busily (`SO_BUSY_POLL`).
    pub busy_poll_us: Option<u32>,
    /// How many frames it may take at once (`SO_BUSY_POLL_BUDGET`).
    pub busy_poll_budget: Option<u16>,
    /// True: set the interface up if it is down.
    pub up: bool,
    /// Which of a site's separate networks this is: the same address in two scopes is two hosts.
    pub scope: u16,
    /// Scopes of VLANs that differ from the interface's.
    pub vlans: Vec<Vlan>,
}

impl Interface {
    /// An interface with nothing said but its name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mode: None,
            steering: Steering::Hash,
            frames: 8192,
            frame_bytes: 2048,
            own_addresses: Vec::new(),
            mtu: None,
            channels: None,
            symmetric_rss: false,
            rss_queues: None,
            irq_cpus: Vec::new(),
            napi_defer_hard_irqs: None,
            gro_flush_timeout_ns: None,
            busy_poll_us: None,
            busy_poll_budget: None,
            up: true,
            scope: 0,
            vlans: Vec::new(),
        }
    }
}

/// The scope of one VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vlan {
    /// 1 to 4094.
    pub id: u16,
    /// Its scope.
    pub scope: u16,
}

/// A site's key for the person filter. Its `Debug` shows the path alone.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonKey {
    /// Where it was read.
    pub path: PathBuf,
    /// SHA-256 of what the file holds: keys have one length, files need not.
    pub key: [u8; 32],
}

impl std::fmt::Debug for PersonKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PersonKey({})", self.path.display())
    }
}

impl Settings {
    /// Reads the configuration file if one is named, lays the command line over it and checks
    /// the result against this machine.
    pub fn read(arguments: &Arguments) -> Result<Self, SettingsError> {
        let allowed = Allowed::of_this_process()?;
        let file = match &arguments.config {
            Some(path) => FileSettings::parse(path, &read_text(path)?)?,
            None => FileSettings::default(),
        };
        Self::merge(arguments, file, &allowed)
    }

    fn merge(
        arguments: &Arguments,
        file: FileSettings,
        allowed: &Allowed,
    ) -> Result<Self, SettingsError> {
        let cpus = match &arguments.cpus {
            Some(list) => cpus::parse(list, "cpus", &Place::CommandLine)?,
            None => file.cpus.clone().unwrap_or_default(),
        };
        allowed.check(&cpus, "cpus")?;
        let workers = workers(arguments, &file, &cpus)?;
        let room = room(arguments, &file)?;
        if let Some(flows) = arguments.flows {
            section::in_range(flows.into(), FLOWS, "flows", &Place::CommandLine)?;
        }
        let interfaces = interfaces(arguments, file.interfaces)?;
        for interface in &interfaces {
            allowed.check(&interface.irq_cpus, "irq_cpus")?;
        }
        Ok(Self {
            workers,
            cpus,
            room,
            flows: arguments.flows.or(file.flows).unwrap_or(FLOWS_MAX),
            table: (arguments.table.clone())
                .or(file.table)
                .unwrap_or_else(|| TABLE.into()),
            rules: arguments.rules.clone().or(file.rules),
            fresh: arguments.fresh || file.fresh,
            shunt: arguments.shunt || file.shunt,
            check: arguments.check,
            config: arguments.config.clone(),
            person_key: file.person_key.as_deref().map(read_key).transpose()?,
            interfaces,
        })
    }

    /// What `--check` prints: one line for the engine, one for each interface.
    pub fn summary(&self) -> String {
        let cpus = match self.cpus.as_slice() {
            [] => "not pinned".to_owned(),
            cpus => format!("on cpus {}", spell(cpus)),
        };
        let rules = match &self.rules {
            Some(folder) => folder.display().to_string(),
            None => "built in".to_owned(),
        };
        let mut text = format!(
            "workers {} {cpus}, {} flows each, table {}, rules {rules}{}\n",
            self.workers,
            self.flows,
            self.table.display(),
            if self.shunt {
                ", heavy flows shunted"
            } else {
                ""
            }
        );
        for interface in &self.interfaces {
            let mode = ModeWord::from(interface.mode).word();
            text += &format!(
                "interface {}: mode {mode}, {} frames of {} bytes per queue, scope {}\n",
                interface.name, interface.frames, interface.frame_bytes, interface.scope
            );
        }
        text
    }
}

fn room(arguments: &Arguments, file: &FileSettings) -> Result<Room, SettingsError> {
    let subjects = match arguments.subjects {
        Some(subjects) => {
            section::in_range(subjects, SUBJECTS, "subjects", &Place::CommandLine)?;
            u32::try_from(subjects).ok()
        }
        None => file.subjects,
    };
    Ok(Room {
        subjects,
        facts: file.facts,
        conversations: file.conversations,
    })
}

fn workers(
    arguments: &Arguments,
    file: &FileSettings,
    cpus: &[u16],
) -> Result<usize, SettingsError> {
    let workers = match arguments.workers {
        Some(workers) => {
            section::in_range(
                workers,
                1..=WORKERS_MAX as u64,
                "workers",
                &Place::CommandLine,
            )?;
            usize::try_from(workers).unwrap_or(WORKERS_MAX)
        }
        None => match file.workers {
            // A list on the command line replaces what the file said of both.
            Some(workers) if arguments.cpus.is_none() || workers <= cpus.len() => workers,
            _ if cpus.is_empty() => 1,
            _ => cpus.len(),
        },
    };
    if workers > WORKERS_MAX {
        return Err(SettingsError::TooManyWorkers { workers });
    }
    if !cpus.is_empty() && cpus.len() < workers {
        return Err(SettingsError::TooFewCpus {
            workers,
            cpus: cpus.len(),
        });
    }
    Ok(workers)
}

/// The interfaces of the command line, with what the file says of them; else the file's.
fn interfaces(
    arguments: &Arguments,
    file: Vec<Interface>,
) -> Result<Vec<Interface>, SettingsError> {
    let mut interfaces = file;
    if !arguments.interfaces.is_empty() {
        let mut named: Vec<Interface> = Vec::new();
        for name in &arguments.interfaces {
            section::interface_name(name, &Place::CommandLine)?;
            if named.iter().any(|other| other.name == *name) {
                return Err(SettingsError::DuplicateInterface {
                    place: Place::CommandLine,
                    name: name.clone(),
                });
            }
            let configured = interfaces.iter().find(|interface| interface.name == *name);
            named.push(
                configured
                    .cloned()
                    .unwrap_or_else(|| Interface::named(name)),
            );
        }
        interfaces = named;
    }
    if interfaces.is_empty() {
        return Err(SettingsError::NoInterface);
    }
    for interface in &mut interfaces {
        if let Some(word) = arguments.mode {
            interface.mode = word.mode();
        }
        if let Some(steering) = arguments.steering {
            interface.steering = steering;
        }
    }
    Ok(interfaces)
}

fn read_text(path: &Path) -> Result<String, SettingsError> {
    let bytes = read_bytes(path, FILE_BYTES_MAX)?;
    String::from_utf8(bytes).map_err(|_| SettingsError::NotText { path: path.into() })
}

fn read_key(path: &Path) -> Result<PersonKey, SettingsError> {
    let bytes = read_bytes(path, KEY_BYTES_MAX)?;
    if bytes.len() < KEY_BYTES_MIN {
        return Err(SettingsError::ShortKey {
            path: path.into(),
            found: bytes.len(),
        });
    }
    Ok(PersonKey {
        path: path.into(),
        key: Sha256::digest(&bytes).into(),
    })
}

fn read_bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>, SettingsError> {
    let unreadable = |error| SettingsError::unreadable(path, &error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // One byte more than may be, to know a file that is too long.
    let read = (file.take(bytes_max + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if read as u64 > bytes_max {
        return Err(SettingsError::TooLong {
            path: path.into(),
            bytes_max,
        });
    }
    Ok(bytes)
}
