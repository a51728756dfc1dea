//! The frames of one burst, wherever they are: a worker looks at most of them once, and again at
//! those of which somebody wants more than the summary.

use super::Options;
use crate::capture::Frame;
use crate::flow::Summary;

/// Frames, numbered from 0, in the order of the capture.
#[allow(clippy::len_without_is_empty)]
pub trait Burst {
    /// How many there are; at most [`BURST_FRAMES`](crate::config::BURST_FRAMES) are taken.
    fn len(&self) -> usize;

    /// The frame of this number; [`Frame::EMPTY`] where there is none.
    fn frame(&self, at: usize) -> Frame<'_>;

    /// Writes its summary, if it is a plain packet; otherwise false.
    #[inline(always)]
    fn summarize(&self, at: usize, options: &Options, summary: &mut Summary) -> bool {
        options.summarize(&self.frame(at), summary)
    }
}

impl Burst for [Frame<'_>] {
    #[inline]
    fn len(&self) -> usize {
        self.len()
    }

    #[inline]
    fn frame(&self, at: usize) -> Frame<'_> {
        self.get(at).copied().unwrap_or(Frame::EMPTY)
    }
}
