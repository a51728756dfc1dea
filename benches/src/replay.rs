//! The whole engine over a capture, as `medtap analyze` runs it: everything on, nothing left out
//! but printing. It measures; it looks at no result but the counters.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use medtap_engine::capture::Frame;
use medtap_engine::capture::pcap::{Input, Pcap};
use medtap_engine::config::FLOWS_MAX;
use medtap_engine::counters::Counters;
use medtap_engine::device::ledger::Outbox;
use medtap_engine::device::{CountSighting, FactSighting};
use medtap_engine::runtime::{Analysis, Memory, analyze};
use medtap_engine::wire::LinkType;
use medtap_engine::worker::{Options, Worker};
use medtap_rules::{Matcher, Rules};
use medtap_table::vocabulary::Counter;

use crate::measure::{self, Run, Who};

/// The rules that ship, compiled: the same for every run. As a live engine's they are ready for
/// the first value of each field, so that what this costs once is in no packet's cost.
pub fn rules() -> Arc<Matcher> {
    let matcher = Rules::embedded().matcher();
    matcher.prepare();
    Arc::new(matcher)
}

/// Reads captures, as one input, so often with one real engine, from opening the files to the last
/// record of the table.
///
/// # Errors
///
/// A capture that cannot be opened or is read only in part, or no memory.
// Never inlined: callgrind counts the instructions between its start and its end.
#[inline(never)]
pub fn run(
    files: &[PathBuf],
    workers: usize,
    flows_max: Option<u32>,
    repeat: u32,
    matcher: &Arc<Matcher>,
) -> io::Result<Counters> {
    let pcap = open(files)?;
    let analysis = Analysis {
        repeat,
        ..analysis(workers, flows_max, matcher)
    };
    let report = analyze(pcap, &analysis, &mut |_| {}).map_err(io::Error::other)?;
    match report.faults.first() {
        Some(fault) => Err(io::Error::other(fault.to_string())),
        None => Ok(report.counters),
    }
}

/// What the engine says that it may take of memory, before it takes any.
pub fn memory(workers: usize, flows_max: Option<u32>, matcher: &Arc<Matcher>) -> Memory {
    analysis(workers, flows_max, matcher).memory()
}

fn analysis(workers: usize, flows_max: Option<u32>, matcher: &Arc<Matcher>) -> Analysis {
    Analysis {
        workers,
        flows_max: flows_max.unwrap_or(FLOWS_MAX),
        ..Analysis::new(Arc::clone(matcher))
    }
}

/// As [`run`], with what it cost.
///
/// # Errors
///
/// As [`run`].
pub fn measured(
    files: &[PathBuf],
    workers: u32,
    flows_max: Option<u32>,
    repeat: u32,
    matcher: &Arc<Matcher>,
) -> io::Result<(Counters, Run)> {
    let work = || run(files, workers as usize, flows_max, repeat, matcher);
    let (counters, cost) = measure::cost(Who::Process, work)?;
    let counters = counters?;
    let (packets, bytes) = (counters.get(Counter::Packets), counters.get(Counter::Bytes));
    Ok((counters, Run::new(packets, bytes, cost)))
}

/// Opens captures as one input.
///
/// # Errors
///
/// A capture that cannot be opened.
pub fn open(files: &[PathBuf]) -> io::Result<Pcap> {
    let inputs = files.iter().cloned().map(Input::Path);
    Pcap::open(&inputs.collect::<Vec<_>>()).map_err(io::Error::other)
}

/// A worker without threads around it: what it hands over is dropped.
pub struct Solo {
    worker: Worker,
    sink: Sink,
}

/// Takes everything, keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sink {
    /// Facts taken.
    pub facts: u64,
    /// Counts taken.
    pub counts: u64,
}

impl Outbox for Sink {
    fn has_room(&self, _: usize) -> bool {
        true
    }

    fn fact(&mut self, _: &FactSighting<'_>) {
        self.facts += 1;
    }

    fn count(&mut self, _: &CountSighting) -> bool {
        self.counts += 1;
        true
    }
}

impl Solo {
    /// A worker with room for so many flows.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory.
    pub fn new(flows_max: u32, matcher: &Arc<Matcher>) -> io::Result<Self> {
        let options = Options {
            flows_max,
            ..Options::offline(Arc::clone(matcher))
        };
        let worker = Worker::new(options)?;
        Ok(Self {
            worker,
            sink: Sink::default(),
        })
    }

    /// Takes frames, burst by burst.
    pub fn take(&mut self, frames: &[Frame<'_>]) {
        self.take_all(frames.iter().copied());
    }

    /// As [`Self::take`], from wherever they come.
    #[inline]
    pub fn take_all<'a>(&mut self, mut frames: impl ExactSizeIterator<Item = Frame<'a>>) {
        while frames.len() > 0 {
            self.worker.burst(frames.by_ref(), &mut self.sink);
        }
    }

    /// Ends every flow; afterwards nothing is left of them.
    pub fn finish(&mut self) {
        while !self.worker.finish(&mut self.sink) {}
    }

    /// What it counted.
    pub fn counters(&self) -> &Counters {
        self.worker.counters()
    }

    /// What it handed over.
    pub fn handed_over(&self) -> Sink {
        self.sink
    }
}

/// The frames of a pcap in memory, Ethernet, little-endian, nanoseconds: as the maker writes it.
/// Stops at the first record that is not whole.
pub fn frames(capture: &[u8]) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    let mut rest = capture.get(24..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_first_chunk::<16>() {
        let [seconds, nanoseconds, len, wire_len] = words(head);
        let Some((bytes, tail)) = tail.split_at_checked(len as usize) else {
            break;
        };
        frames.push(Frame {
            bytes,
            wire_len,
            time_ns: u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds),
            link: LinkType::Ethernet,
            interface: 0,
            number: frames.len() as u64,
        });
        rest = tail;
    }
    frames
}

fn words(head: &[u8; 16]) -> [u32; 4] {
    let (words, _) = head.as_chunks::<4>();
    [words[0], words[1], words[2], words[3]].map(u32::from_le_bytes)
}
