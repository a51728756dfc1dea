//! Waiting that Ctrl-C ends, or a reader that went away: a command that goes on for ever stops
//! between two of its steps, with all it wrote. It ends nothing by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::failure::Failure;

/// Between looks whether Ctrl-C was typed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Who waits.
pub struct Pause {
    ended: Arc<AtomicBool>,
}

impl Pause {
    /// From now on, Ctrl-C ends a wait and not the program; typed twice, the program.
    ///
    /// # Errors
    /// When the system does not let signals be caught.
    pub fn new() -> Result<Self, Failure> {
        let ended = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&ended))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&ended)))
                .map_err(|error| Failure::io(format!("can't wait for Ctrl-C: {error}"), &error))?;
        }
        Ok(Self { ended })
    }

    /// Waits; false when that was ended, or nobody reads standard output any more.
    pub fn wait(&self, time: Duration) -> bool {
        let begin = Instant::now();
        while !self.ended.load(Ordering::Relaxed) && is_read() {
            let left = time.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return true;
            }
            sleep(left.min(LOOK_EVERY));
        }
        false
    }
}

/// False for a pipe whose reader went away, which is only noticed by writing otherwise.
fn is_read() -> bool {
    let stdout = std::io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let polled = poll(&mut asked, Some(&Timespec::default()));
    let gone = PollFlags::ERR | PollFlags::HUP;
    polled.is_err() || !asked.iter().any(|fd| fd.revents().intersects(gone))
}
