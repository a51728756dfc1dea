//! Threads, start and end of a run: offline over captures, live over interfaces.

mod dealer;
#[cfg(feature = "live")]
pub mod live;
mod offline;

pub use offline::{Analysis, Report, RunError, analyze};
