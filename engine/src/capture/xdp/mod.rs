//! AF_XDP: frames straight from a queue of the interface into memory that we share with the kernel.
//! There is no sending side: no socket has a TX ring.
//!
//! ```text
//! open      the ways to receive, tried in turn        program   the kernel's half
//! port      one worker's sockets of an interface      socket    one of them, and its chunks
//! umem      the memory, and who may read it           ring      the rings shared with the kernel
//! sys       system calls, mapping of rings          needs     rights and kernel, asked first
//! error     why not, in one sentence             shunt     what the program only counts
//! ```

mod error;
mod needs;
mod open;
mod port;
mod program;
mod ring;
mod shunt;
mod socket;
mod sys;
mod umem;

pub use error::OpenError;
pub use open::{Ask, Attachment, Attempt, BusyPoll, Opened, Steering, open};
pub use port::Port;
pub use program::COUNTERS;
pub(in crate::capture) use program::OBJECT;
pub use shunt::grace;
