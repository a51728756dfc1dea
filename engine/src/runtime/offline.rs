//! Threads, start and end of an offline run: one reader, workers that each own their shards, and
//! the aggregator. With one worker, reading and working share a thread and nothing is handed over.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use crossbeam_utils::Backoff;
use medtap_rules::Matcher;
use medtap_table::vocabulary::Counter;
use medtap_table::{Capacity, CreateError, Source, TableWriter};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::capture::Scopes;
use crate::capture::pcap::{Batch, Fault, Pcap};
use crate::config::{
    BATCHES_AHEAD, BURST_FRAMES, COUNT_RING_SIGHTINGS, FACT_RING_SIGHTINGS, FLOWS_MAX,
};
use crate::counters::Counters;
use crate::device::ledger::Outbox;
use crate::device::sighting::Times;
use crate::device::{Aggregator, CountSighting, FactSighting, PersonFilter};
use crate::flow::FlowHasher;
use crate::worker::{FlowRecord, Options, Worker};

/// What an offline run is to do.
#[derive(Clone)]
pub struct Analysis {
    /// Workers; results do not depend on it.
    pub workers: usize,
    /// Flows that each worker keeps at once.
    pub flows_max: u32,
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
            matcher,
            persons: PersonFilter::FIXED,
            flow_records: false,
            repeat: 1,
            rules_generation: 0,
            as_of_ns: None,
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
    facts: Producer<FactSighting>,
    counts: Producer<CountSighting>,
}

impl Outbox for Rings {
    fn fact(&mut self, fact: &FactSighting) -> bool {
        push(&mut self.facts, *fact);
        true
    }

    fn count(&mut self, count: &CountSighting) -> bool {
        push(&mut self.counts, *count);
        true
    }
}

/// Waits for a thread. Its panic is a fault of the program, and goes on here.
fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Waits for room. Without an aggregator there will never be any; its panic ends the run.
fn push<T>(ring: &mut Producer<T>, mut item: T) {
    let backoff = Backoff::new();
    while let Err(rtrb::PushError::Full(back)) = ring.push(item) {
        item = back;
        if ring.is_abandoned() {
            return;
        }
        if backoff.is_completed() {
            thread::sleep(Duration::from_micros(50));
        } else {
            backoff.snooze();
        }
    }
}

/// Reads a whole input. `progress` is told of every batch.
///
/// # Errors
///
/// When the system does not grant the memory.
pub fn analyze(
    mut pcap: Pcap,
    analysis: &Analysis,
    progress: &mut dyn FnMut(&Pcap),
) -> Result<Report, RunError> {
    let workers = analysis.workers.max(1);
    let capacity = Capacity {
        // One more for what the aggregator counts.
        workers: workers as u32 + 1,
        ..Capacity::default()
    };
    let mut aggregator = Aggregator::new(TableWriter::anonymous(capacity)?);
    let mut crew = Vec::new();
    let mut ends = Vec::new();
    for number in 0..workers {
        let (facts, fact_end) = RingBuffer::new(FACT_RING_SIGHTINGS);
        let (counts, count_end) = RingBuffer::new(COUNT_RING_SIGHTINGS);
        let worker = Worker::new(Options {
            number,
            workers,
            flows_max: analysis.flows_max,
            matcher: Arc::clone(&analysis.matcher),
            persons: analysis.persons.clone(),
            hasher: FlowHasher::FIXED,
            flow_records: analysis.flow_records,
            scopes: Scopes::ONE,
        })
        .map_err(|error| RunError::Memory {
            flows: analysis.flows_max,
            error,
        })?;
        crew.push((worker, Rings { facts, counts }));
        ends.push((fact_end, count_end));
    }
    let leavings = thread::scope(|scope| {
        let aggregation = scope.spawn(|| aggregate(&mut aggregator, ends));
        let leavings = if workers == 1 {
            crew.pop().map(|(worker, rings)| {
                vec![read_alone(
                    &mut pcap,
                    worker,
                    rings,
                    analysis.repeat,
                    progress,
                )]
            })
        } else {
            let (senders, threads): (Vec<_>, Vec<_>) = crew
                .into_iter()
                .map(|(worker, rings)| {
                    let (sender, receiver) = bounded(BATCHES_AHEAD);
                    (sender, scope.spawn(move || work(worker, rings, &receiver)))
                })
                .unzip();
            read_for_all(&mut pcap, &senders, analysis.repeat, progress);
            drop(senders);
            Some(threads.into_iter().map(join).collect())
        };
        join(aggregation);
        leavings.unwrap_or_default()
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

/// Reads and works in one thread.
fn read_alone(
    pcap: &mut Pcap,
    mut worker: Worker,
    mut rings: Rings,
    repeat: u32,
    progress: &mut dyn FnMut(&Pcap),
) -> Leavings {
    let mut batch = Batch::default();
    let mut left = repeat;
    while left > 0 {
        while pcap.read(&mut batch) {
            take(&mut worker, &batch, &mut rings);
            progress(pcap);
        }
        left -= 1;
        if left > 0 && !pcap.rewind() {
            break;
        }
    }
    finish(worker, &mut rings)
}

/// Reads for several workers: each gets every batch and takes its own shards' frames.
fn read_for_all(
    pcap: &mut Pcap,
    senders: &[Sender<Arc<Batch>>],
    repeat: u32,
    progress: &mut dyn FnMut(&Pcap),
) {
    let mut pool: Vec<Arc<Batch>> = Vec::new();
    let mut left = repeat;
    while left > 0 {
        loop {
            let spare = pool.iter().position(|batch| Arc::strong_count(batch) == 1);
            let mut batch = spare.map(|at| pool.swap_remove(at)).unwrap_or_default();
            let Some(exclusive) = Arc::get_mut(&mut batch) else {
                continue;
            };
            if !pcap.read(exclusive) {
                break;
            }
            for sender in senders {
                // A worker that is gone has panicked, which the scope reports.
                let _ = sender.send(Arc::clone(&batch));
            }
            pool.push(batch);
            progress(pcap);
        }
        left -= 1;
        if left > 0 && !pcap.rewind() {
            break;
        }
    }
}

fn work(mut worker: Worker, mut rings: Rings, batches: &Receiver<Arc<Batch>>) -> Leavings {
    for batch in batches {
        take(&mut worker, &batch, &mut rings);
    }
    finish(worker, &mut rings)
}

fn take(worker: &mut Worker, batch: &Batch, rings: &mut Rings) {
    let mut start = 0;
    while start < batch.len() {
        let end = (start + BURST_FRAMES).min(batch.len());
        worker.burst((start..end).filter_map(|at| batch.frame(at)), rings);
        start = end;
    }
}

fn finish(mut worker: Worker, rings: &mut Rings) -> Leavings {
    while !worker.finish(rings) {}
    Leavings {
        counters: worker.counters().clone(),
        times: worker.times(),
        flows: worker.take_records(),
    }
}

/// Merges until every worker is gone and every ring is empty.
fn aggregate(
    aggregator: &mut Aggregator,
    mut ends: Vec<(Consumer<FactSighting>, Consumer<CountSighting>)>,
) {
    loop {
        let gone = ends
            .iter()
            .all(|(facts, counts)| facts.is_abandoned() && counts.is_abandoned());
        let mut idle = true;
        for (facts, counts) in &mut ends {
            while let Ok(count) = counts.pop() {
                aggregator.count(&count);
                idle = false;
            }
            while let Ok(fact) = facts.pop() {
                aggregator.fact(&fact);
                idle = false;
            }
        }
        if idle && gone {
            return;
        }
        if idle {
            thread::sleep(Duration::from_micros(500));
        }
    }
}
