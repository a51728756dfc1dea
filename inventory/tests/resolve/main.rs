//! Tables in, devices out: every rule of `resolve` on a table made for it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod hostile;
mod hosts;
mod network;
mod reports;
mod sample;
mod values;
