//! The sheet of paper between the engine, which records what was seen, and the control plane,
//! which says what it means. It imports nothing of ours.
//!
//! ```text
//! vocabulary   numbers and names that every side shares
//! record       subjects, facts, edges, activity as both sides handle them
//! layout       where each of their bytes lies                   (layout.txt prints it)
//! seqlock      how a record is read while it is written         (loom checks it)
//! map          the memory: anonymous or a file's pages          (the only unsafe)
//! writer       one for each table: the engine's aggregator
//! reader       any number: live or saved, the same code
//! saved        a compact copy in a file
//! ```
#![deny(unsafe_code)]

pub mod layout;
pub mod vocabulary;

mod error;
#[cfg(not(loom))]
mod map;
#[cfg(not(loom))]
mod reader;
mod record;
#[cfg(not(loom))]
mod saved;
#[cfg_attr(loom, allow(dead_code))]
mod seqlock;
mod sync;
#[cfg(not(loom))]
mod writer;

pub use error::{CreateError, Full, LayoutError, OpenError};
pub use layout::{Capacity, LAYOUT_VERSION, MAGIC, Region};
#[cfg(not(loom))]
pub use reader::TableReader;
pub use record::{
    Activity, ActivityId, Edge, EdgeFlags, EdgeId, Fact, FactId, FactTimes, Gauges, Source,
    Subject, SubjectFlags, SubjectId, SubjectKind, Text, Traffic, Volume, WorkerStatus,
    hour_of_week,
};
#[cfg(not(loom))]
pub use writer::TableWriter;
