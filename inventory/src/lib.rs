//! Memory: from the table to devices. What was seen becomes what it means: which value wins,
//! what kind of device it is, which records are one device, and what it is called; and what was
//! seen before is kept.
#![deny(unsafe_code)]

mod attributes;
pub mod clock;
pub mod context;
pub mod history;
pub mod model;
pub mod people;
mod resolve;
mod succession;
pub mod trace;
mod twin;

pub use attributes::Attributes;
pub use resolve::{Extent, Id, Join, Options, Reason, Resolution, resolve, resolve_explained};
