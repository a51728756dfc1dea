//! What the FDA says: product classes, and recalls. It says nothing about vulnerabilities.

mod classes;
mod recalls;

pub use classes::{Classes, DeviceClass};
pub use recalls::{Recall, Recalls};

pub(super) use classes::read as read_classes;
pub(super) use recalls::read as read_recalls;
