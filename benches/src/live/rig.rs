//! The maker and the receivers on one interface. Each round opens its receiver anew and closes it
//! afterwards: a queue has room for one, and memory lies elsewhere each time.

use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use medtap_engine::config::FLOWS_MAX;
use medtap_engine::worker::{Options, Worker};

use super::bare::Bare;
use super::engine::{Analysing, Opened, Receiving};
use super::link::Link;
use super::maker::Maker;
use super::receiver::{Counting, Receiver};
use super::round::{Processors, Round, round};
use super::traffic::Traffic;
use crate::replay::rules;

/// Frames of the rings.
pub const RING_FRAMES: u32 = 4096;

/// The queue that is received from.
const QUEUE: u32 = 0;

/// A closed socket leaves its queue a little later; longer than this somebody else has it.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// A receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The least that any receiver must do.
    Bare,
    /// The engine's receive path; it only counts.
    Receive,
    /// The engine's receive path and a whole worker.
    Worker,
}

impl Kind {
    /// Every one, in the order of a turn.
    pub const ALL: [Self; 3] = [Self::Bare, Self::Receive, Self::Worker];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Receive => "receive path",
            Self::Worker => "receive and analyse",
        }
    }
}

/// Everything that rounds share.
pub struct Rig {
    link: Link,
    processors: Processors,
    maker: Maker,
    worker: Worker,
}

impl Rig {
    /// On this interface, with these processors.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn new(link: Link, processors: Processors) -> Result<Self> {
        Ok(Self {
            maker: Maker::new(link.index, QUEUE, link.parking)?,
            worker: worker()?,
            link,
            processors,
        })
    }

    /// A new worker, which knows no flow of the last load.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory.
    pub fn forget(&mut self) -> Result<()> {
        self.worker = worker()?;
        Ok(())
    }

    /// One round of one receiver. Only the worker's bursts go into `latency`.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn round(
        &mut self,
        kind: Kind,
        traffic: &mut Traffic,
        time: Duration,
        latency: &mut Histogram<u64>,
    ) -> Result<Round> {
        let index = self.link.index;
        let mut run = |receiver: &mut dyn Receiver, latency| {
            self.maker.feed(receiver.socket())?;
            round(
                &mut self.maker,
                traffic,
                receiver,
                time,
                self.processors,
                latency,
            )
        };
        match kind {
            Kind::Bare => {
                let bare = patiently(|| Bare::open(index, QUEUE, RING_FRAMES))?;
                run(&mut Counting::new(bare, RING_FRAMES), None)
            }
            Kind::Receive => {
                let port = Opened::new(&self.link.name, RING_FRAMES)?;
                run(&mut Receiving::new(port), None)
            }
            Kind::Worker => {
                let port = Opened::new(&self.link.name, RING_FRAMES)?;
                run(&mut Analysing::new(port, &mut self.worker), Some(latency))
            }
        }
    }
}

/// A worker as an engine without a configuration has it.
///
/// # Errors
///
/// When the system does not grant the memory.
pub fn worker() -> Result<Worker> {
    let options = Options {
        flows_max: FLOWS_MAX,
        ..Options::offline(rules())
    };
    Worker::new(options).context("no memory for the flow table")
}

/// Opens a socket; waits while the last one still has the queue.
fn patiently<T>(mut open: impl FnMut() -> io::Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match open() {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < QUEUE_WAIT =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened.context("cannot open an AF_XDP socket on the queue"),
        }
    }
}
