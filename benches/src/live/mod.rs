//! The receive path under load: live frames made by the kernel itself, and receivers to compare.
//! It sends only on interfaces that it made or was told to use.

pub mod bare;
pub mod engine;
pub mod link;
pub mod maker;
pub mod receiver;
pub mod report;
pub mod rig;
pub mod round;
pub mod sender;
pub mod traffic;
