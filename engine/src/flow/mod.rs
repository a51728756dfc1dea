//! Which conversation a packet belongs to: the key, the hashes, the table, duplicates, streams
//! and fragments. It knows no protocol above TCP and UDP.

mod arena;
pub mod duplicates;
pub mod fragments;
pub mod habits;
pub mod handshakes;
pub mod hash;
mod hugepages;
mod index;
pub mod key;
pub mod stream;
mod summary;
pub mod table;

pub use fragments::Fragments;
pub use hash::{FlowHasher, shard, steer};
pub use key::{Direction, FlowKey};
pub use stream::Stream;
pub use summary::Summary;
pub use table::{Flow, FlowId, Table};
