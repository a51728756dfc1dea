//! What the site's own systems say about its devices: rows of a CMMS or CMDB, mapped to names of
//! ours, matched with what was seen, compared both ways. It changes no observation, and believes
//! no row that contradicts itself.

mod decode;
mod import;
mod map;
mod name;
mod reconcile;
mod row;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use import::{Imported, attach, attach_one};
pub use map::{ColumnMap, MapError};
pub use name::{Kind, NAMES, Named};
pub use reconcile::{Difference, DifferenceKind};
pub use row::{Asset, Rejected, Sheet, read};

/// Rows of one file.
pub const ROWS_MAX: usize = 1_000_000;
/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = 1024;
/// Rejected rows that are kept with their reasons; all are counted.
pub const REJECTED_MAX: usize = 10_000;
