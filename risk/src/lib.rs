//! Meaning: how much a device endangers patients, why, and what to do about it in what order.
//! It knows no packet, no table and no inventory: it is given [`Subject`]s, and reads files of
//! feeds and policies that somebody put there; it downloads nothing.
//!
//! The rooms, from the ground up:
//!
//! - [`share`]: numbers that are in range, or do not exist. [`date`]: days. [`role`]: whose work.
//! - [`subject`]: what is known of one device, as the score needs it.
//! - [`feeds`]: what the world knows of vulnerabilities, read from files.
//! - [`matching`]: which vulnerabilities a device's components have, how surely, and who says so.
//! - [`policy`]: every number of the model, by name, with a hospital's own in its place.
//! - [`declared`]: what a site declares of its network. [`control`]: whether a compensating
//!   control may count.
//! - [`score`]: likelihood, impact, score, its bounds, its band and what drives it.
//! - [`clock`]: by when a CVE is to be fixed, by whom, and in which hours.
//! - [`ssvc`]: how soon, by CERT/CC's decision table.
//! - [`work`]: what to do first, by role; what became of it; hygiene of departments.
//! - [`simulate`]: what if. [`sensitivity`]: what the order hangs on. [`trend`]: what changed.
//! - [`model`]: the risk that a model would bring before it is bought.
//! - [`compliance`]: what can be shown by which framework, and what cannot.
#![deny(unsafe_code)]

pub mod clock;
pub mod compliance;
pub mod control;
pub mod date;
pub mod declared;
pub mod feeds;
pub mod matching;
pub mod model;
pub mod policy;
pub mod role;
pub mod score;
pub mod sensitivity;
pub mod share;
pub mod simulate;
pub mod ssvc;
pub mod subject;
pub mod trend;
pub mod work;

pub use policy::Policy;
pub use share::{Grade, RangeError, Share};
pub use subject::Subject;
