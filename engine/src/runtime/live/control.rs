//! The control thread: it merges what the workers say, publishes once a second, answers signals
//! and watches over the workers. It never touches a frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use medtap_table::vocabulary::{Counter, InterfaceCounter as I};
use medtap_table::{Gauges, InterfaceId, Source, TableWriter};
use rtrb::Consumer;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::interfaces::Interface;
use super::rules::RuleBook;
use super::splits::Splits;
use super::station::{Matching, PortReport, Report, Shared, clock_ns};
use super::taken::Taken;
use crate::capture::shunt::ShuntOrder;
use crate::capture::xdp;
use crate::config::{BEAT_WAIT_NS, CONTROL_WAIT_NS, PUBLISH_NS};
use crate::device::sighting::Times;
use crate::device::{Aggregator, CountSighting};
use crate::nic::counts::Counts;
use crate::notify::Notifier;
use crate::runtime::facts::FactReceiver;
use crate::runtime::ring;

/// What the system asks of the engine.
pub struct Signals {
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Signals {
    /// From now on SIGTERM and SIGINT ask to stop, SIGHUP to read the rules again.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn register() -> std::io::Result<Self> {
        let (stop, reload) = (Arc::default(), Arc::default());
        signal_hook::flag::register(SIGTERM, Arc::clone(&stop))?;
        signal_hook::flag::register(SIGINT, Arc::clone(&stop))?;
        signal_hook::flag::register(SIGHUP, Arc::clone(&reload))?;
        Ok(Self { stop, reload })
    }
}

/// The aggregator's ends of one worker's rings and channels.
pub struct Seat {
    /// Facts.
    pub facts: FactReceiver,
    /// Counts.
    pub counts: Consumer<CountSighting>,
    /// Where new rules go.
    pub matching: Sender<Matching>,
    /// Where it is told which places nothing counts at any more.
    pub ended: Sender<u32>,
    /// The processor that it is pinned to.
    pub cpu: Option<u32>,
    /// Its thread.
    pub thread: thread::JoinHandle<Report>,
}

/// Why a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to.
    Asked,
    /// None of its interfaces is there any more.
    InterfacesGone,
}

/// The control thread's state.
pub struct Control {
    aggregator: Aggregator,
    seats: Vec<Seat>,
    reports: Receiver<Report>,
    latest: Vec<Option<Report>>,
    interfaces: Vec<(InterfaceId, Interface)>,
    counts: Counts,
    held: Taken,
    orders: Receiver<(usize, ShuntOrder)>,
    rules: RuleBook,
    shared: Arc<Shared>,
    splits: Splits,
    notifier: Notifier,
    signals: Signals,
}

/// What the control thread is made of.
pub struct Parts {
    /// The table.
    pub aggregator: Aggregator,
    /// The workers.
    pub seats: Vec<Seat>,
    /// Where their reports come from.
    pub reports: Receiver<Report>,
    /// The interfaces, in the order of the run.
    pub interfaces: Vec<Interface>,
    /// What the system counts of them.
    pub counts: Counts,
    /// What the system says that the run takes of memory.
    pub held: Taken,
    /// What the workers want of the programs.
    pub orders: Receiver<(usize, ShuntOrder)>,
    /// The rules.
    pub rules: RuleBook,
    /// What all threads see.
    pub shared: Arc<Shared>,
    /// Whom systemd is told by.
    pub notifier: Notifier,
    /// What the system asks.
    pub signals: Signals,
}

impl Control {
    /// Enters the interfaces into the table.
    pub fn new(mut parts: Parts) -> Self {
        let writer = parts.aggregator.writer_mut();
        let enter = |interface: Interface| {
            let id = writer.add_interface(&interface.record()).ok()?;
            Some((id, interface))
        };
        // The table has room for more interfaces than the settings allow.
        let interfaces = parts.interfaces.into_iter().filter_map(enter).collect();
        Self {
            latest: parts.seats.iter().map(|_| None).collect(),
            aggregator: parts.aggregator,
            seats: parts.seats,
            reports: parts.reports,
            interfaces,
            counts: parts.counts,
            held: parts.held,
            orders: parts.orders,
            rules: parts.rules,
            shared: parts.shared,
            splits: Splits::default(),
            notifier: parts.notifier,
            signals: parts.signals,
        }
    }

    /// Goes on until the run is to end.
    pub fn run(&mut self) -> End {
        self.publish();
        self.notifier.ready("listening");
        let mut publish_ns = clock_ns() + PUBLISH_NS;
        loop {
            let idle = !self.merge();
            self.shunt();
            let now_ns = clock_ns();
            // A clock that was set back must not stop the publishing.
            if now_ns >= publish_ns || publish_ns - now_ns > PUBLISH_NS {
                publish_ns = now_ns + PUBLISH_NS;
                self.publish();
                if self
                    .interfaces
                    .iter()
                    .all(|(_, interface)| interface.is_gone())
                {
                    return End::InterfacesGone;
                }
                self.watch(now_ns);
            }
            if self.signals.stop.load(Ordering::Acquire) {
                return End::Asked;
            }
            if self.signals.reload.swap(false, Ordering::AcqRel) {
                self.reload();
            }
            if idle {
                thread::sleep(Duration::from_nanos(CONTROL_WAIT_NS));
            }
        }
    }

    /// Lets the workers take what is left, and leaves a table that says that nobody writes it any
    /// more.
    pub fn finish(mut self) -> TableWriter {
        self.notifier.stopping();
        for (_, interface) in &mut self.interfaces {
            interface.detach();
        }
        self.shared.stop.store(true, Ordering::Release);
        while self.seats.iter().any(|seat| !seat.thread.is_finished()) {
            if !self.merge() {
                thread::sleep(Duration::from_nanos(CONTROL_WAIT_NS));
            }
        }
        while self.merge() {}
        while let Ok(report) = self.reports.try_recv() {
            self.keep(report);
        }
        for seat in std::mem::take(&mut self.seats) {
            match seat.thread.join() {
                Ok(report) => self.keep_last(report, seat.cpu),
                // A fault of the program: it goes on here.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        self.publish();
        let mut writer = self.aggregator.into_writer();
        writer.stop(clock_ns());
        writer
    }

    fn keep(&mut self, report: Report) {
        self.splits.add(report.number, &report.opened);
        if let Some(place) = self.latest.get_mut(report.number) {
            *place = Some(report);
        }
    }

    fn keep_last(&mut self, report: Report, cpu: Option<u32>) {
        self.enter(&report, cpu);
        self.keep(report);
    }

    /// Takes what the rings hold. False when they were empty.
    fn merge(&mut self) -> bool {
        let mut any = false;
        for seat in &mut self.seats {
            let aggregator = &mut self.aggregator;
            any |= ring::drain(&mut seat.counts, |count| aggregator.count(count));
            any |= seat.facts.drain(|fact| aggregator.fact(fact));
        }
        any
    }

    /// Tells the programs which flows they only count, and the workers where they count no more.
    fn shunt(&mut self) {
        let mut ended = Vec::new();
        while let Ok((worker, order)) = self.orders.try_recv() {
            let (ShuntOrder::Begin(_, key) | ShuntOrder::End(_, key)) = order;
            let mut interfaces = self.interfaces.iter_mut().map(|(_, interface)| interface);
            if let ShuntOrder::Begin(place, _) = order
                && interfaces.all(|interface| interface.shunt(&key, place))
            {
                continue;
            }
            // One that finds no room is left out; the worker sees that nothing is counted there,
            // and asks for its end.
            for (_, interface) in &mut self.interfaces {
                interface.unshunt(&key);
            }
            if let ShuntOrder::End(place, _) = order {
                ended.push((worker, place));
            }
        }
        if !ended.is_empty() {
            xdp::grace();
        }
        for (worker, place) in ended {
            if let Some(seat) = self.seats.get(worker) {
                // A worker that is gone ends the run elsewhere.
                let _ = seat.ended.send(place);
            }
        }
    }

    /// Writes down what changed, and that the engine lives.
    fn publish(&mut self) {
        self.aggregator.publish();
        while let Ok(report) = self.reports.try_recv() {
            self.keep(report);
        }
        let latest = std::mem::take(&mut self.latest);
        for report in latest.iter().flatten() {
            let seat = self.seats.get(report.number);
            let cpu = seat.and_then(|seat| seat.cpu);
            if seat.is_some() {
                self.enter(report, cpu);
            }
        }
        self.latest = latest;
        let own = self.aggregator.counters().clone();
        let place = self.shared.beats.len() as u32;
        let now_ns = clock_ns();
        let source = self.source(now_ns);
        let writer = self.aggregator.writer_mut();
        let _ = writer.set_counters(place, own.iter());
        writer.set_source(&source);
        if let Some(bytes) = self.held.bytes() {
            writer.set_memory_taken(bytes);
        }
        self.publish_interfaces();
        let writer = self.aggregator.writer_mut();
        writer.set_rules_generation(self.rules.generation());
        writer.heartbeat(now_ns);
    }

    /// Writes down how a worker does. The table was made with a place for each.
    fn enter(&mut self, report: &Report, cpu: Option<u32>) {
        let writer = self.aggregator.writer_mut();
        let worker = report.number as u32;
        let _ = writer.set_counters(worker, report.counters.iter());
        let _ = writer.set_parse_errors(worker, report.counters.parse_errors());
        let (fill, room) = report.ports.iter().fold((0, 0), |(fill, room), port| {
            (fill + u64::from(port.ring.0), room + u64::from(port.ring.1))
        });
        let gauges = Gauges {
            ring_fill: fill,
            ring_capacity: room,
            latency: &report.latency,
            rules_generation: report.generation,
            cpu,
            beat_ns: report.at_ns,
            flows: report.flows.into(),
            owed: report.owed,
        };
        let _ = writer.set_gauges(worker, &gauges);
    }

    fn publish_interfaces(&mut self) {
        // Numbers that can't be read stay what they were.
        let _ = self.counts.refresh();
        for (place, (id, interface)) in self.interfaces.iter_mut().enumerate() {
            let split = interface.set_split(self.splits.found());
            if split && self.splits.found() {
                eprintln!(
                    "medtapd: {}: the directions of conversations come to different workers; \
                     steer by hash, or make the card's hash symmetric",
                    interface.name()
                );
            }
            let changed = interface.look(&self.counts) || split;
            let ports = self.latest.iter().flatten();
            let ports: Vec<PortReport> = ports
                .filter_map(|report| report.ports.get(place).copied())
                .collect();
            let writer = self.aggregator.writer_mut();
            if changed {
                writer.set_interface(*id, &interface.record());
            }
            let sum = |get: fn(&PortReport) -> u64| ports.iter().map(get).sum::<u64>();
            let counters = interface.counters().into_iter().chain([
                (I::RingFull, sum(|port| port.losses.ring_full)),
                (I::RingDropped, sum(|port| port.losses.dropped)),
                (I::RingInvalid, sum(|port| port.losses.invalid)),
                (I::FillEmpty, sum(|port| port.fill_empty)),
                (I::Delivered, sum(|port| port.delivered)),
                (I::MultiBuffer, sum(|port| port.multi_buffer)),
            ]);
            writer.set_interface_counters(*id, counters);
        }
    }

    fn source(&self, now_ns: u64) -> Source {
        let mut times = Times::NEVER;
        let mut counters = self.aggregator.counters().clone();
        for report in self.latest.iter().flatten() {
            counters.merge(&report.counters);
            times.merge(report.times);
        }
        let seen = times.last_ns != 0;
        Source {
            files: 0,
            packets: counters.get(Counter::Packets) + counters.get(Counter::ShuntedPackets),
            bytes: counters.get(Counter::Bytes) + counters.get(Counter::ShuntedBytes),
            first_seen_ns: if seen { times.first_ns } else { 0 },
            last_seen_ns: times.last_ns,
            malformed: counters.get(Counter::Malformed),
            truncated: counters.get(Counter::Truncated),
            duplicates: counters.get(Counter::Duplicates),
            as_of_ns: now_ns,
            partial: self.lost(),
        }
    }

    /// True when an interface that should be listened to is not there.
    fn lost(&self) -> bool {
        let mut interfaces = self.interfaces.iter();
        interfaces.any(|(_, interface)| interface.is_gone())
    }

    /// Tells systemd that all is well, if every worker goes round; ends the run if one is gone.
    fn watch(&mut self, now_ns: u64) {
        if let Some(place) = self.seats.iter().position(|seat| seat.thread.is_finished()) {
            let seat = self.seats.swap_remove(place);
            if let Err(panic) = seat.thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        let late = |beat: u64| now_ns.saturating_sub(beat) > BEAT_WAIT_NS;
        let beats = self.shared.beats.iter();
        let stuck = beats
            .filter(|beat| late(beat.load(Ordering::Relaxed)))
            .count();
        if stuck == 0 {
            self.notifier.alive();
        }
    }

    /// Reads the rules again. Bad ones change nothing.
    fn reload(&mut self) {
        self.notifier.reloading();
        match self.rules.reload() {
            Ok(matching) => {
                for seat in &self.seats {
                    // A worker that is gone ends the run elsewhere.
                    let _ = seat.matching.send(matching.clone());
                }
                let generation = matching.generation;
                eprintln!("medtapd: rules read again, generation {generation:016x}");
            }
            Err(error) => eprintln!("medtapd: the rules stay as they are: {error}"),
        }
        self.notifier.ready("listening");
    }
}
