//! Memory: from the table to devices. What was seen becomes what it means: which value wins,
//! what kind of device it is, which records are one device, and what it is called.
#![deny(unsafe_code)]

pub mod model;
mod resolve;

pub use resolve::{Join, Options, Reason, resolve, resolve_explained};
