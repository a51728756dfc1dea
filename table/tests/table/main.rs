//! The table from outside: what a writer says, a reader hears; live, saved, full and damaged.
#![cfg(not(loom))]

mod concurrent;
mod files;
mod full;
mod hostile;
mod layout_snapshot;
mod round_trip;
mod sample;
