//! The receive path under load: live frames made by the kernel itself, and receivers to compare.
//! It sends only on interfaces that it made or was told to use.

pub mod bare;
pub mod comparison;
pub mod crew;
pub mod engine;
pub mod generator;
pub mod link;
pub mod maker;
pub mod mapped;
pub mod page;
pub mod plot;
pub mod probe;
pub mod receiver;
pub mod result;
pub mod rig;
pub mod round;
pub mod route;
pub mod search;
pub mod sender;
pub mod throughput;
pub mod traffic;
pub mod tx;
