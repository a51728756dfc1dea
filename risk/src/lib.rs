//! Meaning: how much a device endangers patients, why, and what to do about it in what order.
//! It knows no packet, no table and no inventory: it is given [`Subject`]s, and reads files of
//! feeds and policies that somebody put there; it downloads nothing.
//!
//! The rooms, from the ground up:
//!
//! - [`share`]: numbers that are in range, or do not exist.
//! - [`subject`]: what is known of one device, as the score needs it.
#![deny(unsafe_code)]

pub mod share;
pub mod subject;

pub use share::{Grade, RangeError, Share};
pub use subject::Subject;
