//! The engine under test: its ports on one interface, each with a whole worker on a processor
//! of its own. What the workers hand over is taken and dropped; no frame is sent.

use std::hint::spin_loop;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use hdrhistogram::Histogram;
use medtap_engine::capture::Frame;
use medtap_engine::capture::port::{Mode, Taker};
use medtap_engine::capture::xdp::{self, Ask, Attachment, Port, Steering};
use medtap_engine::config::BURST_FRAMES;
use medtap_engine::worker::Worker;

use super::engine::now_ns;
use super::probe;
use super::rig;
use super::round::{latencies, pin};
use crate::replay::Sink;

/// Bytes of a chunk, and chunks of a queue, as the engine has them without a configuration.
const FRAME_BYTES: u32 = 2048;
const FRAMES: u32 = 8192;

/// After the generator's end, frames that do not come for so long do not come.
const QUIET: Duration = Duration::from_millis(50);

/// Workers on an interface.
pub struct Crew {
    members: Vec<Member>,
    mode: Mode,
    /// Why better ways to receive were not taken.
    refused: Vec<String>,
    _attachment: Attachment,
}

/// One worker with its port and its processor.
struct Member {
    port: Port,
    worker: Worker,
    sink: Sink,
    processor: usize,
}

/// What a crew received in a trial.
pub struct Received {
    /// Frames.
    pub frames: u64,
    /// Of all probes: from being sent to being analysed, with the burst that they came in.
    pub latency: Histogram<u64>,
}

impl Crew {
    /// Opens an interface in the best way that it has, with a worker on each processor.
    ///
    /// # Errors
    ///
    /// What the engine says.
    pub fn open(interface: &str, processors: &[usize]) -> Result<Self> {
        let ask = Ask {
            interface,
            place: 0,
            workers: processors.len(),
            steering: Steering::Hash,
            modes: &Mode::ALL,
            frames: FRAMES,
            frame_bytes: FRAME_BYTES,
            own: &[],
            busy_poll: None,
            shunt: false,
        };
        let mut refused = Vec::new();
        let opened = xdp::open(&ask, &mut |attempt| {
            let (attach, delivery) = (attempt.mode.attach.name(), attempt.mode.delivery.name());
            if let Err(why) = attempt.result {
                refused.push(format!("not by {attach} program, {delivery}: {why}"));
            }
        })?;
        let members = opened
            .ports
            .into_iter()
            .zip(processors)
            .map(|(port, processor)| {
                Ok(Member {
                    port,
                    worker: rig::worker()?,
                    sink: Sink::default(),
                    processor: *processor,
                })
            });
        Ok(Self {
            members: members.collect::<Result<_>>()?,
            mode: opened.mode,
            refused,
            _attachment: opened.attachment,
        })
    }

    /// How frames come, and why not in a better way.
    pub fn mode(&self) -> (String, &[String]) {
        let (attach, delivery) = (self.mode.attach.name(), self.mode.delivery.name());
        (format!("{attach} program, {delivery}"), &self.refused)
    }

    /// The socket of the only worker.
    pub fn socket(&self) -> Option<RawFd> {
        let [member] = self.members.as_slice() else {
            return None;
        };
        member.port.fds().next().map(|fd| fd.as_raw_fd())
    }

    /// New workers, which know no flow of the last load.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory.
    pub fn forget(&mut self) -> Result<()> {
        for member in &mut self.members {
            member.worker = rig::worker()?;
        }
        Ok(())
    }

    /// Receives while `offer` runs on the calling thread, and what is left afterwards.
    ///
    /// # Errors
    ///
    /// What `offer` says, or a processor that cannot be used.
    pub fn receive<T>(&mut self, offer: impl FnOnce() -> Result<T>) -> Result<(T, Received)> {
        let over = AtomicBool::new(false);
        let ready = AtomicBool::new(false);
        let mut received = Received {
            frames: 0,
            latency: latencies()?,
        };
        let offered = thread::scope(|scope| {
            let work = |member| {
                let (over, ready) = (&over, &ready);
                scope.spawn(move || take(member, over, ready))
            };
            let threads = self.members.iter_mut().map(work).collect::<Vec<_>>();
            while !ready.load(Ordering::Acquire)
                && !threads.iter().all(ScopedJoinHandle::is_finished)
            {
                spin_loop();
            }
            let offered = offer();
            over.store(true, Ordering::Release);
            for thread in threads {
                let part = thread.join().map_err(|_| anyhow!("a worker died"))??;
                received.frames += part.frames;
                received.latency.add(&part.latency).context("latencies")?;
            }
            offered
        })?;
        Ok((offered, received))
    }
}

/// Takes frames until the generator is at its end and none comes any more.
fn take(member: &mut Member, over: &AtomicBool, ready: &AtomicBool) -> Result<Received> {
    pin(member.processor)?;
    let mut latency = latencies()?;
    let before = member.port.delivered();
    ready.store(true, Ordering::Release);
    let mut quiet: Option<Instant> = None;
    loop {
        let mut burst = Burst {
            worker: &mut member.worker,
            sink: &mut member.sink,
            sent_ns: [0; BURST_FRAMES],
            probes: 0,
        };
        if member.port.burst(now_ns(), &mut burst) {
            let (sent_ns, probes) = (burst.sent_ns, burst.probes);
            if probes > 0 {
                let now = probe::now_ns()?;
                for sent in sent_ns.iter().take(probes) {
                    latency.saturating_record(now.saturating_sub(*sent).max(1));
                }
            }
            quiet = None;
        } else if over.load(Ordering::Acquire) {
            if quiet.get_or_insert_with(Instant::now).elapsed() > QUIET {
                break;
            }
        } else {
            spin_loop();
        }
    }
    Ok(Received {
        frames: member.port.delivered() - before,
        latency,
    })
}

/// A burst on its way to the worker: the times of its probes are kept.
struct Burst<'a> {
    worker: &'a mut Worker,
    sink: &'a mut Sink,
    sent_ns: [u64; BURST_FRAMES],
    probes: usize,
}

impl Taker for Burst<'_> {
    #[inline]
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        let (sent_ns, probes) = (&mut self.sent_ns, &mut self.probes);
        let seen = frames.inspect(|frame| {
            if let Some(sent) = probe::sent_ns(frame.bytes)
                && let Some(place) = sent_ns.get_mut(*probes)
            {
                *place = sent;
                *probes += 1;
            }
        });
        self.worker.burst(seen, self.sink);
    }
}
