//! Flows that the program only counts, from our side: the words that it counts in, and the wait
//! after which it counts no more for a key that was taken out. It chooses no flow.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::sys::{self, CountsMap};
use crate::capture::shunt::{Counted, ShuntCounts};
use crate::config::SHUNTS_MAX;

/// Words of one place: `struct shunt_count`.
const WORDS: usize = 3;

/// Where a program counts.
pub(super) struct Counts(CountsMap);

impl Counts {
    /// Maps the words of the map `shunted`.
    pub(super) fn new(map: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self(CountsMap::new(map, SHUNTS_MAX as usize * WORDS)?))
    }
}

impl ShuntCounts for Counts {
    fn read(&self, place: u32) -> Counted {
        let word = |at: usize| self.0.word(place as usize * WORDS + at);
        // Packets first: their bytes were added before them.
        let (packets, bytes, last_ns) = (word(0), word(1), word(2));
        Counted {
            packets,
            bytes,
            last_ns: wall_ns(last_ns),
        }
    }
}

/// A time of the system's monotonic clock as one since the Unix epoch; 0 stays never.
fn wall_ns(monotonic_ns: u64) -> u64 {
    if monotonic_ns == 0 {
        return 0;
    }
    let nanoseconds = |clock| {
        let now = clock_gettime(clock);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
    };
    let ago = nanoseconds(ClockId::Monotonic).saturating_sub(monotonic_ns);
    nanoseconds(ClockId::Realtime).saturating_sub(ago)
}

/// Returns when every run of a program that may have found a key before it was taken out is over.
pub fn grace() {
    /// No run is as long: it reads a few headers, and may not sleep.
    const RUN_MOST: Duration = Duration::from_millis(100);
    if sys::wait_for_programs().is_err() {
        // Not where processors were taken from the kernel's clock tick.
        std::thread::sleep(RUN_MOST);
    }
}
