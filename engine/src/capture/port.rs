//! The words that all live sources share: how a frame comes from an interface to a worker, and
//! what was lost on the way.

use medtap_table::vocabulary::{Attach, Delivery};

/// How frames come from an interface to the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Where the steering program runs.
    pub attach: Attach,
    /// How frames get from there into our memory.
    pub delivery: Delivery,
}

impl Mode {
    /// The ways to receive, the best first. A live run takes the first that the interface can.
    pub const ALL: [Self; 4] = [
        Self::new(Attach::Native, Delivery::ZeroCopy),
        Self::new(Attach::Native, Delivery::Copy),
        Self::new(Attach::Generic, Delivery::Copy),
        Self::new(Attach::None, Delivery::Ring),
    ];

    const fn new(attach: Attach, delivery: Delivery) -> Self {
        Self { attach, delivery }
    }
}

/// What was lost between an interface and one worker, since the port was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Frames that found the worker's ring full: it did not keep up.
    pub ring_full: u64,
    /// Frames that found no free memory, or were refused for another reason.
    pub dropped: u64,
    /// Descriptors that the kernel found wrong: a fault of ours.
    pub invalid: u64,
}
