//! The data plane: frames in, sightings out. It records what was seen and says nothing of what
//! it means.
//!
//! One packet's way, and the floors (a module imports only from floors below its own):
//!
//! ```text
//! capture ─► wire ─► flow ─► proto ─► rules ─► device ─► table
//!
//! runtime                                  threads, start and end
//!   worker                                 one packet's way, from burst to debts
//!     flow · proto · device · rules        which conversation, what it says, who said it
//!       capture · wire · observe · counters · config
//! ```
#![deny(unsafe_code)]

pub mod capture;
pub mod config;
pub mod counters;
pub mod device;
pub mod flow;
#[cfg(feature = "nic")]
pub mod nic;
#[cfg(feature = "live")]
pub mod notify;
pub mod observe;
mod prefetch;
pub mod proto;
pub mod runtime;
#[cfg(feature = "live")]
pub mod sandbox;
#[cfg(feature = "live")]
pub mod settings;
pub mod wire;
pub mod worker;
