//! The sheet of paper between the engine, which records what was seen, and the control plane,
//! which says what it means. It imports nothing of ours.
//!
//! ```text
//! vocabulary          numbers and names that every side shares
//! record flags text   subjects, facts, edges, activity as both sides handle them
//! interface           interfaces, likewise
//! layout              where each of their bytes lies                (layout.txt prints it)
//! geometry            where the regions of one table lie, checked
//! seqlock sync        how a record is read while it is written      (loom checks it)
//! map                 the memory: anonymous or a file's pages       (the only unsafe)
//! writer file         one for each table: the engine's aggregator
//! reader              any number: live or saved, the same code
//! saved               a compact copy in a file
//! ```
#![deny(unsafe_code)]
// Loom's atomics are no words of memory: under loom the lock stands alone, without its users.
#![cfg_attr(loom, allow(dead_code))]

pub mod layout;
pub mod vocabulary;

mod error;
#[cfg(not(loom))]
mod file;
mod flags;
mod geometry;
mod interface;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod reader;
mod record;
#[cfg(not(loom))]
mod saved;
mod seqlock;
mod sync;
mod text;
#[cfg(not(loom))]
mod writer;

pub use error::{CreateError, Full, LayoutError, OpenError};
pub use flags::{EdgeFlags, InterfaceFlags, SubjectFlags};
pub use geometry::Capacity;
pub use interface::{Interface, InterfaceId};
pub use layout::{LAYOUT_VERSION, MAGIC, Region};
#[cfg(not(loom))]
pub use reader::{StoredFact, TableReader};
pub use record::{
    Activity, ActivityId, Edge, EdgeId, Fact, FactHead, FactId, FactTimes, Gauges, Source, Subject,
    SubjectId, SubjectKind, Traffic, Volume, WorkerStatus, hour_of_week,
};
pub use text::Text;
#[cfg(not(loom))]
pub use writer::TableWriter;

/// Where the table of a running engine is, unless its configuration says otherwise.
pub const PATH_DEFAULT: &str = "/dev/shm/medtap/medtap.table";
