//! Who said it: subjects, the debts of a worker, and the aggregator, sole owner of the table.

pub mod aggregator;
pub mod claims;
mod debts;
pub mod fingerprints;
pub mod ledger;
mod meanings;
pub mod memo;
pub mod passages;
pub mod person;
pub mod sighting;
pub mod sketch;
pub mod subject;
pub mod text;
pub mod texts;

pub use aggregator::Aggregator;
pub use ledger::Ledger;
pub use person::PersonFilter;
pub use sighting::{ActivitySighting, CountSighting, EdgeSighting, FactSighting, SubjectSighting};
pub use subject::{BindingKey, Identifier, SubjectKey};
pub use text::Value;
