//! Memory: what tables showed, kept over time in one file. It says which seen device is which
//! remembered one, since when what held, and what changed; it parses no packet, and never holds
//! up an engine.
//!
//! ```text
//! store       the file: opened, checked, copied, put back     schema    its tables, by version
//! look        one look at a table; sources                    observe   a look into memory
//! identify    which device it is          join   two become one, one becomes two
//! write       one device: reign, address  interval, hours   times as they lie in memory
//! change      what happened               audit      who did what
//! follow      restarts, moves from port to port
//! find query listing  what is asked       merge      another history
//! retention   how long what is kept
//! ```

mod address;
mod audit;
mod change;
mod error;
mod find;
mod follow;
mod hours;
mod identify;
mod interval;
mod join;
mod listing;
mod look;
mod merge;
mod observe;
mod query;
mod reign;
mod retention;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use audit::Entry;
pub use change::{Change, ChangeKind};
pub use error::HistoryError;
pub use join::Person;
pub use listing::DeviceRow;
pub use look::{LOOK_GAP_NS, Look, SourceKind};
pub use merge::Merged;
pub use observe::{Noted, Observer};
pub use query::{
    AddressRow, Coverage, FactRow, Identity, JoinRow, KeyRow, LinkRow, Record, ServiceRow,
    SourceRow, ValueRow,
};
pub use retention::{Policy, Removed};
pub use store::Store;

use interval::REFRESH_NS;

pub(crate) use audit::append as append_audit;
pub(crate) use change::{News, note};
pub(crate) use error::{Step, Stop};
pub(crate) use find::number as find_number;
pub(crate) use follow::held;
pub(crate) use hours::{Bins, HOUR_NS, ONLINE, begin_ns, unpack, week};
pub(crate) use join::id as device_id;
pub(crate) use listing::{Peer, peers_of, row_of};
pub(crate) use query::{links as links_of, online as online_of, weeks as weeks_of};

/// A device that was not seen for longer, while somebody looked, is silent.
pub const SILENCE_NS: u64 = 24 * 3_600_000_000_000;
/// What shows within this time after a device was first seen belongs to its coming.
pub const SETTLE_NS: u64 = 10 * 60 * 1_000_000_000;
/// Values of one attribute of one device that are remembered, the latest.
pub const VALUES_MAX: usize = 64;
/// Kinds of conversations of one device that one look writes.
pub const LINKS_MAX: usize = 16_384;
