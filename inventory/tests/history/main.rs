//! Looks in, memory out: every situation that a network brings, on tables made for it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod counting;
mod faults;
mod identity;
mod kill;
mod memory;
mod people;
mod remembered;
#[allow(dead_code)]
#[path = "../resolve/sample.rs"]
mod sample;
mod work;
