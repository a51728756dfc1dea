//! The table from outside: what a writer says, a reader hears; live, saved, full and damaged.
#![cfg(not(loom))]

mod round_trip;
mod sample;
