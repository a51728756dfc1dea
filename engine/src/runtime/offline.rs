//! Threads, start and end of an offline run: workers that each own their shards and read in turn,
//! and the aggregator, which sleeps in between. It looks at no frame itself.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam_utils::Backoff;
use medtap_rules::Matcher;
use medtap_table::vocabulary::Counter;
use medtap_table::{Capacity, CreateError, Source, TableWriter};
use rtrb::{Consumer, Producer, RingBuffer};

use super::dealer::{Dealer, Seat, Watcher};
use super::facts::{self, FactReceiver, FactSender};
use super::memory::Memory;
use super::ring;
use crate::capture::pcap::{Fault, Pcap};
use crate::config::{AGGREGATE_WAIT_NS, COUNT_RING_SIGHTINGS, FACT_RING_SIGHTINGS, FLOWS_MAX};
use crate::counters::Counters;
use crate::device::ledger::Outbox;
use crate::device::sighting::Times;
use crate::device::{Aggregator, CountSighting, FactSighting, PersonFilter};
use crate::worker::{FlowRecord, Options, Worker};

/// What an offline run is to do.
#[derive(Clone)]
pub struct Analysis {
    /// Workers; results do not depend on it.
    pub workers: usize,
    /// Flows that each worker keeps at once.
    pub flows_max: u32,
    /// Subjects that there is room for.
    pub subjects: u32,
    /// The rules that hold.
    pub matcher: Arc<Matcher>,
    /// What hides names of persons.
    pub persons: PersonFilter,
    /// Keep a record of every flow.
    pub flow_records: bool,
    /// Read the input this many times (a bench; only what is mapped can be read again).
    pub repeat: u32,
    /// Which rules the matcher is made of: their generation, kept in the table.
    pub rules_generation: u64,
    /// The time that ages are counted to, nanoseconds since the Unix epoch; `None` for the last
    /// packet's.
    pub as_of_ns: Option<u64>,
}

impl Analysis {
    /// One worker, once, with these rules.
    pub fn new(matcher: Arc<Matcher>) -> Self {
        Self {
            workers: 1,
            flows_max: FLOWS_MAX,
            subjects: Capacity::default().subjects,
            matcher,
            persons: PersonFilter::FIXED,
            flow_records: false,
            repeat: 1,
            rules_generation: 0,
            as_of_ns: None,
        }
    }

    /// What it may take of memory.
    pub fn memory(&self) -> Memory {
        Memory::of(self.workers.max(1), self.flows_max, &self.room())
    }

    /// How much its table holds.
    fn room(&self) -> Capacity {
        Capacity {
            // One more for what the aggregator counts.
            workers: self.workers.max(1) as u32 + 1,
            ..Capacity::of_subjects(self.subjects)
        }
    }
}

/// What an offline run found.
pub struct Report {
    /// The table.
    pub table: TableWriter,
    /// The flows, if they were asked for, in no order.
    pub flows: Vec<FlowRecord>,
    /// Why some of the input was not read.
    pub faults: Vec<Fault>,
    /// What all workers and the aggregator counted.
    pub counters: Counters,
    /// The first and the last packet's time.
    pub times: Times,
}

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The table.
    #[error(transparent)]
    Table(#[from] CreateError),
    /// The workers.
    #[error("no memory for {flows} flows: {error}; ask for fewer flows or workers")]
    Memory {
        /// Flows asked for.
        flows: u32,
        /// What the system said.
        error: std::io::Error,
    },
}

/// What one worker leaves.
struct Leavings {
    counters: Counters,
    flows: Vec<FlowRecord>,
    times: Times,
}

/// The worker's end of its two rings. Offline a full ring blocks; nothing is dropped.
struct Rings {
    facts: FactSender,
    counts: Producer<CountSighting>,
    unseen_facts: Unseen,
    unseen_counts: Unseen,
    aggregator: Thread,
}

impl Outbox for Rings {
    /// It waits for room.
    fn has_room(&self, _: usize) -> bool {
        true
    }

    fn fact(&mut self, fact: &FactSighting<'_>) {
        let backoff = Backoff::new();
        while !self.facts.push(fact) {
            if self.facts.is_abandoned() {
                return;
            }
            self.wait(&backoff);
        }
        self.unseen_facts.add(&self.aggregator);
    }

    fn count(&mut self, count: &CountSighting) -> bool {
        let backoff = Backoff::new();
        while self.counts.is_full() {
            if self.counts.is_abandoned() {
                return true;
            }
            self.wait(&backoff);
        }
        // There is room: it is copied once.
        let _ = self.counts.push(*count);
        self.unseen_counts.add(&self.aggregator);
        true
    }
}

/// What was pushed into a ring since the aggregator was last woken for it.
struct Unseen {
    pushed: usize,
    ring: usize,
}

impl Unseen {
    /// Nothing, in a ring of so many places.
    fn of(ring: usize) -> Self {
        Self { pushed: 0, ring }
    }

    /// One more; half a ring of them wakes the aggregator.
    fn add(&mut self, aggregator: &Thread) {
        self.pushed += 1;
        if self.pushed >= self.ring / 2 {
            self.pushed = 0;
            aggregator.unpark();
        }
    }
}

impl Rings {
    fn new((facts, counts): Way, aggregator: &Thread) -> Self {
        Self {
            facts,
            counts,
            unseen_facts: Unseen::of(FACT_RING_SIGHTINGS),
            unseen_counts: Unseen::of(COUNT_RING_SIGHTINGS),
            aggregator: aggregator.clone(),
        }
    }

    /// Waits for room. Without an aggregator there will never be any; its panic ends the run.
    #[cold]
    fn wait(&mut self, backoff: &Backoff) {
        self.aggregator.unpark();
        if backoff.is_completed() {
            thread::sleep(Duration::from_micros(50));
        } else {
            backoff.snooze();
        }
    }
}

/// The worker's ends of two rings, and the aggregator's.
type Way = (FactSender, Producer<CountSighting>);
type End = (FactReceiver, Consumer<CountSighting>);

fn rings() -> (End, Way) {
    let (facts, fact_end) = facts::ring();
    let (counts, count_end) = RingBuffer::new(COUNT_RING_SIGHTINGS);
    ((fact_end, count_end), (facts, counts))
}

/// Waits for a thread. Its panic is a fault of the program, and goes on here.
fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads a whole input. `watcher` is told of every batch, by whichever worker reads it.
///
/// # Errors
///
/// When the system does not grant the memory.
pub fn analyze(
    mut pcap: Pcap,
    analysis: &Analysis,
    watcher: Watcher<'_>,
) -> Result<Report, RunError> {
    let workers = analysis.workers.max(1);
    let mut aggregator = Aggregator::new(TableWriter::anonymous(analysis.room())?);
    let options = options(analysis);
    let crew = (0..workers).map(|_| worker(options.clone()));
    let crew = crew.collect::<Result<Vec<_>, _>>()?;
    let (dealer, seats) = Dealer::new(&mut pcap, analysis.repeat, workers, options, watcher);
    let leavings = thread::scope(|scope| {
        let (ends, ways): (Vec<_>, Vec<_>) = crew.iter().map(|_| rings()).unzip();
        let aggregation = scope.spawn(|| aggregate(&mut aggregator, ends));
        let dealer = &dealer;
        let mut crew = crew
            .into_iter()
            .zip(ways)
            .zip(seats)
            .map(|((worker, way), seat)| (worker, Rings::new(way, aggregation.thread()), seat));
        // One of them works here.
        let here = crew.next();
        let threads = crew
            .map(|(worker, rings, seat)| scope.spawn(move || work(worker, rings, dealer, &seat)));
        let threads = threads.collect::<Vec<_>>();
        let here = here.map(|(worker, rings, seat)| work(worker, rings, dealer, &seat));
        let leavings = here
            .into_iter()
            .chain(threads.into_iter().map(join))
            .collect::<Vec<_>>();
        join(aggregation);
        leavings
    });
    aggregator.publish();
    let aggregator_counters = aggregator.counters().clone();
    let files = pcap.inputs();
    let mut report = Report {
        flows: Vec::new(),
        faults: pcap.faults().to_vec(),
        counters: aggregator_counters.clone(),
        times: Times::NEVER,
        table: aggregator.into_writer(),
    };
    for (number, leaving) in leavings.into_iter().enumerate() {
        // The table was made with a place for each worker.
        let worker = number as u32;
        let _ = report.table.set_counters(worker, leaving.counters.iter());
        let errors = leaving.counters.parse_errors();
        let _ = report.table.set_parse_errors(worker, errors);
        report.counters.merge(&leaving.counters);
        report.flows.extend(leaving.flows);
        report.times.merge(leaving.times);
    }
    // What the aggregator refused has a place of its own, after the workers'.
    let own = aggregator_counters.iter();
    let _ = report.table.set_counters(workers as u32, own);
    report.table.set_rules_generation(analysis.rules_generation);
    report.table.set_source(&source(&report, analysis, files));
    Ok(report)
}

fn options(analysis: &Analysis) -> Options {
    Options {
        flows_max: analysis.flows_max,
        persons: analysis.persons.clone(),
        flow_records: analysis.flow_records,
        ..Options::offline(Arc::clone(&analysis.matcher))
    }
}

fn worker(options: Options) -> Result<Worker, RunError> {
    let flows = options.flows_max;
    Worker::new(options).map_err(|error| RunError::Memory { flows, error })
}

fn source(report: &Report, analysis: &Analysis, files: usize) -> Source {
    let count = |counter| report.counters.get(counter);
    let seen = report.times != Times::NEVER;
    let (first_seen_ns, last_seen_ns) = if seen {
        (report.times.first_ns, report.times.last_ns)
    } else {
        (0, 0)
    };
    Source {
        files: files as u64,
        packets: count(Counter::Packets),
        bytes: count(Counter::Bytes),
        first_seen_ns,
        last_seen_ns,
        malformed: count(Counter::Malformed) + count(Counter::UnknownLink),
        truncated: count(Counter::Truncated),
        duplicates: count(Counter::Duplicates),
        as_of_ns: analysis.as_of_ns.unwrap_or(last_seen_ns),
        partial: !report.faults.is_empty() || count(Counter::UnknownLink) > 0,
    }
}

/// Works until the input is over, and hands over all that is owed.
fn work(mut worker: Worker, mut rings: Rings, dealer: &Dealer<'_>, seat: &Seat) -> Leavings {
    while let Some(hand) = dealer.next(seat) {
        let Some(deal) = hand.open() else {
            break;
        };
        match deal.own(seat) {
            None => deal.all().for_each(|burst| worker.take(&burst, &mut rings)),
            Some(own) => own.for_each(|burst| worker.take(&burst, &mut rings)),
        }
    }
    while !worker.finish(&mut rings) {}
    let aggregator = rings.aggregator.clone();
    drop(rings);
    aggregator.unpark();
    Leavings {
        counters: worker.counters().clone(),
        times: worker.times(),
        flows: worker.take_records(),
    }
}

/// Merges until every worker is gone and every ring is empty. Sleeps until half a ring was pushed,
/// a worker waits for room, or one ends.
fn aggregate(aggregator: &mut Aggregator, mut ends: Vec<End>) {
    loop {
        let gone = ends
            .iter()
            .all(|(facts, counts)| facts.is_abandoned() && counts.is_abandoned());
        // What a worker pushed before it was gone is seen below.
        fence(Ordering::Acquire);
        let mut idle = true;
        for (facts, counts) in &mut ends {
            idle &= !ring::drain(counts, |count| aggregator.count(count));
            idle &= !facts.drain(|fact| aggregator.fact(fact));
        }
        if idle && gone {
            return;
        }
        if idle {
            thread::park_timeout(Duration::from_nanos(AGGREGATE_WAIT_NS));
        }
    }
}
