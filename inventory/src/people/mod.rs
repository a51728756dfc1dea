//! What people decide about devices and what follows of it: whether a device may be there, where
//! in its life it is, whether it is looked after, how it is used, where it is. It notes who
//! decided, when and why, and decides nothing in their place.

mod authorisation;
mod basis;
mod coverage;
mod finding;
mod host;
mod lifecycle;
mod maintenance;
mod place;
mod requirement;
mod score;
mod standing;
#[cfg(test)]
mod tests;
mod utilisation;
mod work;

pub use authorisation::{Authorisation, Baseline, Permitted};
pub use basis::Basis;
pub use coverage::{CoverageReport, Declared, Read, SubnetSeen, VlanSeen};
pub use finding::{MemoryFinding, day_ns};
pub use lifecycle::{LIFECYCLES, LifeRow, Lifecycle};
pub use maintenance::{Maintenance, Occasion, Visitor};
pub use place::{
    Origin, Place, PlaceColumns, PlaceFile, PlaceRow, Placed, read_mac_table, read_places,
};
pub use requirement::{Direction, Need, Requirement, Syntax};
pub use score::{DeviceScore, EpssDays, Judgement};
pub use standing::{Memory, PEERS_NS, Remembered};
pub use utilisation::{Fleet, Friction, Utilisation};
pub use work::WorkRow;

/// One thing or several: `1 device`, `2 devices`.
fn several(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
