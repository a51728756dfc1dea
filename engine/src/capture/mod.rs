//! Where frames come from.

use crate::wire::LinkType;

/// One frame of a capture, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// Its length on the wire; at least `bytes.len()`.
    pub wire_len: u32,
    /// Capture time, nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// What its first bytes are.
    pub link: LinkType,
    /// Interface number of the input, in the order of first use.
    pub interface: u16,
    /// Number of the frame in the whole input, from 0.
    pub number: u64,
}
