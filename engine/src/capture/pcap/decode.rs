//! What the two formats have in common: one step over a window of bytes. A decoder holds no
//! bytes and does no input.

use super::fault::FaultKind;
use crate::wire::LinkType;

/// What stands at the start of a window.
pub(super) enum Step {
    /// A frame.
    Frame(Raw),
    /// Something that holds no frame; the next record begins this many bytes on, which may lie
    /// beyond the window.
    Skip(u32),
    /// Undecided: a window of at least so many bytes is needed.
    Need(usize),
    /// Nothing that can be read, or stepped over.
    Fault(FaultKind),
}

/// A frame in a window.
pub(super) struct Raw {
    pub(super) time_ns: u64,
    /// Offset of the captured bytes in the window.
    pub(super) start: u32,
    /// Captured bytes; the window holds them all.
    pub(super) len: u32,
    pub(super) wire_len: u32,
    /// Index for [`Decode::interface`].
    pub(super) interface: u32,
    /// Where the next record begins; within the window.
    pub(super) next: u32,
}

/// An interface, as its input declares it.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) link: LinkType,
    pub(super) name: Option<Box<str>>,
    /// The number it got over all inputs, at its first frame.
    pub(super) number: Option<u16>,
}

/// A decoder of one input.
///
/// Deciding twice gives the same: after a `Frame` or a `Need`, the same window may be shown
/// again. After a `Skip` the caller goes on behind it.
pub(super) trait Decode {
    /// Decides what stands at the start of `window`, which ends where the bytes at hand end.
    fn step(&mut self, window: &[u8]) -> Step;

    /// Forgets what the records said; the next window begins with the first record again.
    fn restart(&mut self);

    /// The interface that a `Frame` of the last step named.
    fn interface(&mut self, index: u32) -> Option<&mut Declared>;
}
