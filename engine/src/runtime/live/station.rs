//! One worker's thread: it takes frames from its ports, lets the worker look at them, and tells
//! the control thread once a second how it goes. It waits for nobody: what a ring does not take
//! stays owed.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, thread};

use crossbeam_channel::{Receiver, Sender};
use crossbeam_utils::CachePadded;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use medtap_rules::Matcher;
use rtrb::Producer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_error;

use crate::capture::Frame;
use crate::capture::port::{Losses, Port, Taker};
use crate::capture::shunt::ShuntOrder;
use crate::config::{
    DRAIN_QUIET_NS, DRAIN_WAIT_NS, IDLE_WAIT_NS, LATENCY_LEAST_NS, LATENCY_MOST_NS,
    PRESSURE_ROUNDS, PUBLISH_NS, SPIN_ROUNDS,
};
use crate::counters::Counters;
use crate::device::ledger::Outbox;
use crate::device::sighting::Times;
use crate::device::{CountSighting, FactSighting};
use crate::runtime::facts::FactSender;
use crate::worker::{Pressure, Worker};

/// Digits of a burst's latency that its histogram keeps.
const LATENCY_DIGITS: u8 = 2;

/// The worker's end of its two rings. Live a full ring refuses, and the debt stays.
pub struct Rings {
    /// Facts.
    pub facts: FactSender,
    /// Counts.
    pub counts: Producer<CountSighting>,
}

impl Outbox for Rings {
    fn has_room(&self, facts: usize) -> bool {
        self.facts.has_room(facts)
    }

    fn fact(&mut self, fact: &FactSighting<'_>) {
        let taken = self.facts.push(fact);
        debug_assert!(taken, "there was no room for it");
    }

    fn count(&mut self, count: &CountSighting) -> bool {
        self.counts.push(*count).is_ok()
    }
}

/// Rules to match with from now on.
#[derive(Clone)]
pub struct Matching {
    /// The rules.
    pub matcher: Arc<Matcher>,
    /// Their generation.
    pub generation: u64,
}

/// A worker's ends of what is said of flows that the program only counts: it gives orders, and is
/// told which places nothing counts at any more.
pub struct Shunting {
    /// The worker's number and its order.
    pub orders: Sender<(usize, ShuntOrder)>,
    /// Places.
    pub ended: Receiver<u32>,
}

/// What all threads of a run see.
pub struct Shared {
    /// The run is to end: take what is still there, and end.
    pub stop: AtomicBool,
    /// When each worker last went round, nanoseconds since the Unix epoch.
    pub beats: Vec<CachePadded<AtomicU64>>,
}

/// How a port does.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortReport {
    /// What it lost.
    pub losses: Losses,
    /// Frames that it handed to the worker.
    pub delivered: u64,
    /// Frames of those that came in several pieces.
    pub multi_buffer: u64,
    /// Times that the kernel found no free memory in the queues that this port owns.
    pub fill_empty: u64,
    /// Frames that wait, and room for them.
    pub ring: (u32, u32),
}

/// How a worker does.
pub struct Report {
    /// Its number.
    pub number: usize,
    /// What it counted.
    pub counters: Counters,
    /// First and last packet.
    pub times: Times,
    /// Serialized histogram of burst latency, nanoseconds.
    pub latency: Vec<u8>,
    /// Flows that it knows.
    pub flows: u32,
    /// Debts that it could not hand over yet.
    pub owed: u64,
    /// The generation of the rules it matches with.
    pub generation: u64,
    /// When it was written.
    pub at_ns: u64,
    /// Its ports, one for each interface.
    pub ports: Vec<PortReport>,
    /// A sample of the conversations that it opened since the report before, by their hashes.
    pub opened: Vec<u32>,
}

/// One worker with all that it owns.
pub struct Station {
    number: usize,
    worker: Worker,
    ports: Vec<Port>,
    /// Descriptors to sleep on.
    wakers: Vec<OwnedFd>,
    rings: Rings,
    matching: Receiver<Matching>,
    shunting: Shunting,
    generation: u64,
    reports: Sender<Report>,
    latency: Histogram<u64>,
    pressure: Pressure,
    shared: Arc<Shared>,
}

/// What a station is made of.
pub struct Parts {
    /// The worker's number, from 0.
    pub number: usize,
    /// The worker.
    pub worker: Worker,
    /// Its port of each interface, in the order of the run.
    pub ports: Vec<Port>,
    /// Its ends of the rings to the aggregator.
    pub rings: Rings,
    /// Where new rules come from.
    pub matching: Receiver<Matching>,
    /// What it and the control thread say of shunted flows.
    pub shunting: Shunting,
    /// The generation of the rules that it begins with.
    pub generation: u64,
    /// Where reports go; one that finds no room is left out.
    pub reports: Sender<Report>,
    /// What all threads see.
    pub shared: Arc<Shared>,
}

impl Station {
    /// Puts a station together.
    ///
    /// # Errors
    ///
    /// When the system grants no more descriptors.
    pub fn new(parts: Parts) -> io::Result<Self> {
        let mut wakers = Vec::new();
        for port in &parts.ports {
            for fd in port.fds() {
                wakers.push(fd.try_clone_to_owned()?);
            }
        }
        let latency = Histogram::new_with_bounds(LATENCY_LEAST_NS, LATENCY_MOST_NS, LATENCY_DIGITS);
        let Parts {
            number,
            worker,
            ports,
            rings,
            matching,
            shunting,
            generation,
            reports,
            shared,
        } = parts;
        Ok(Self {
            number,
            worker,
            ports,
            wakers,
            rings,
            matching,
            shunting,
            generation,
            reports,
            latency: latency.map_err(io::Error::other)?,
            pressure: Pressure::default(),
            shared,
        })
    }

    /// Works until the run ends, then takes what is still there. Gives the last report.
    pub fn run(mut self) -> Report {
        let mut now_ns = clock_ns();
        let mut report_ns = now_ns + PUBLISH_NS;
        let (mut idle, mut unlooked) = (0, 0);
        let mut drain = Drain::default();
        loop {
            unlooked += 1;
            if unlooked >= PRESSURE_ROUNDS || idle == 1 {
                unlooked = 0;
                self.look(now_ns);
                self.shunt();
            }
            let received = self.round(now_ns);
            let then_ns = clock_ns();
            self.beat(then_ns);
            if received {
                idle = 0;
                self.latency
                    .saturating_record(then_ns.saturating_sub(now_ns));
            } else {
                idle += 1;
            }
            if then_ns >= report_ns {
                report_ns = then_ns + PUBLISH_NS;
                self.take_rules();
                let report = self.report(then_ns);
                // The control thread is behind: it takes the next one.
                let _ = self.reports.try_send(report);
            }
            now_ns = then_ns;
            if self.shared.stop.load(Ordering::Acquire) {
                if drain.is_over(received, then_ns) {
                    break;
                }
            } else if idle > SPIN_ROUNDS {
                self.sleep();
                now_ns = clock_ns();
            }
        }
        while !self.worker.finish(&mut self.rings) {
            self.beat(clock_ns());
            thread::sleep(Duration::from_micros(50));
        }
        self.report(clock_ns())
    }

    /// One burst from each port. True when there were frames.
    fn round(&mut self, now_ns: u64) -> bool {
        let (worker, rings) = (&mut self.worker, &mut self.rings);
        let mut received = false;
        for port in &mut self.ports {
            received |= port.burst(now_ns, &mut Analysing { worker, rings });
        }
        worker.tend(now_ns, rings);
        received
    }

    /// Passes on what is to be done about shunted flows, and what was done.
    fn shunt(&mut self) {
        for order in self.worker.take_shunt_orders() {
            // A control thread that is gone ends the run.
            let _ = self.shunting.orders.send((self.number, order));
        }
        while let Ok(place) = self.shunting.ended.try_recv() {
            self.worker.shunt_ended(place);
        }
    }

    /// Tells the worker what to leave out, by how full its rings are.
    fn look(&mut self, now_ns: u64) {
        let fullest = self.ports.iter().map(Port::fullest_percent).max();
        let overload = self.pressure.look(fullest.unwrap_or(0), now_ns);
        self.worker.set_overload(overload);
    }

    fn beat(&self, now_ns: u64) {
        if let Some(beat) = self.shared.beats.get(self.number) {
            beat.store(now_ns, Ordering::Relaxed);
        }
    }

    fn take_rules(&mut self) {
        while let Ok(matching) = self.matching.try_recv() {
            self.worker.set_matcher(matching.matcher);
            self.generation = matching.generation;
        }
    }

    /// Until there are frames, for a moment at most: debts and silent flows want looking at, and
    /// other workers give back the memory of this one's queues.
    fn sleep(&self) {
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(self.wakers.len());
        let wakers = self.wakers.iter();
        fds.extend(wakers.map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)));
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: IDLE_WAIT_NS,
        };
        // An interface that went down answers at once; the pause then keeps the processor free.
        let answer = poll(&mut fds, Some(&moment));
        let failing = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        let failed = fds.iter().any(|fd| fd.revents().intersects(failing));
        if answer.is_err() || failed {
            for fd in &self.wakers {
                // Once it is taken, the next poll waits again.
                let _ = socket_error(fd);
            }
            thread::sleep(Duration::from_nanos(IDLE_WAIT_NS.unsigned_abs()));
        }
    }

    fn report(&mut self, at_ns: u64) -> Report {
        let mut latency = Vec::new();
        if V2Serializer::new()
            .serialize(&self.latency, &mut latency)
            .is_err()
        {
            latency.clear();
        }
        let ports = self.ports.iter().map(|port| PortReport {
            losses: port.losses().unwrap_or_default(),
            delivered: port.delivered(),
            multi_buffer: port.multi_buffer(),
            fill_empty: port.fill_empty().unwrap_or_default(),
            ring: port.ring_fill(),
        });
        Report {
            number: self.number,
            counters: self.worker.counters().clone(),
            times: self.worker.times(),
            latency,
            flows: self.worker.flows(),
            owed: self.worker.owed() as u64,
            generation: self.generation,
            at_ns,
            ports: ports.collect(),
            opened: self.worker.take_opened(),
        }
    }
}

/// The worker, as its ports see it.
struct Analysing<'a> {
    worker: &'a mut Worker,
    rings: &'a mut Rings,
}

impl Taker for Analysing<'_> {
    #[inline]
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        self.worker.burst(frames, self.rings);
    }
}

/// When a station that is to stop has taken all that there was.
#[derive(Default)]
struct Drain {
    begun_ns: u64,
    last_ns: u64,
}

impl Drain {
    fn is_over(&mut self, received: bool, now_ns: u64) -> bool {
        if self.begun_ns == 0 {
            (self.begun_ns, self.last_ns) = (now_ns, now_ns);
        }
        if received {
            self.last_ns = now_ns;
        }
        // A packet ring goes on receiving while it is open.
        let quiet = now_ns.saturating_sub(self.last_ns) > DRAIN_QUIET_NS;
        quiet || now_ns.saturating_sub(self.begun_ns) > DRAIN_WAIT_NS
    }
}

/// The time, nanoseconds since the Unix epoch.
pub fn clock_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    u64::try_from(now).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_ends_when_it_is_quiet_or_takes_too_long() {
        let mut drain = Drain::default();
        assert!(!drain.is_over(true, 1));
        assert!(!drain.is_over(true, DRAIN_QUIET_NS * 2));
        assert!(!drain.is_over(false, DRAIN_QUIET_NS * 3));
        assert!(drain.is_over(false, DRAIN_QUIET_NS * 3 + 1));
        let mut drain = Drain::default();
        assert!(!drain.is_over(true, 1));
        assert!(drain.is_over(true, DRAIN_WAIT_NS + 2));
    }
}
