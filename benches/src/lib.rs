//! What speed is measured with: traffic that is the same for the same seed, and the least that
//! any engine must do. It holds nothing that the product runs.
#![deny(unsafe_code)]

pub mod cli;
pub mod floor;
pub mod host;
#[cfg(feature = "live")]
pub mod live;
pub mod maker;
pub mod measure;
pub mod replay;
pub mod report;
pub mod scaling;
pub mod stages;
