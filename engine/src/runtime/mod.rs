//! Threads, start and end of a run: offline over captures, live over interfaces.

mod dealer;
mod facts;
#[cfg(feature = "live")]
pub mod live;
mod memory;
mod offline;
mod ring;

pub use memory::Memory;
pub use offline::{Analysis, Report, RunError, analyze};
