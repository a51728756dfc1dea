//! What each stage adds to a packet's cost: the same captures are read, then read and parsed, then
//! looked up in the flow table, then given to a whole worker, then to the whole engine. Each step
//! holds the ones before it, so a stage costs the difference; stages that overlap in the processor
//! can cost less together than one by one.

use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use medtap_engine::capture::Frame;
use medtap_engine::capture::pcap::{Batch, Pcap};
use medtap_engine::config::{BURST_FRAMES, FLOWS_MAX};
use medtap_engine::flow::{FlowHasher, FlowId, Summary, Table};
use medtap_engine::wire::{Headers, Network};
use medtap_rules::Matcher;
use serde::Serialize;

use crate::host::Host;
use crate::measure::{self, Run, Who};
use crate::replay::{self, Solo};
use crate::report::names;

/// How far a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Out of the file.
    Read,
    /// Its headers parsed, as far as its flow counts them.
    Parse,
    /// Its flow found, or added.
    LookUp,
    /// Through a whole worker: protocols, fingerprints, rules, debts.
    Work,
    /// Through the whole engine, into the table.
    Engine,
}

impl Stage {
    /// Every one, in order.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Parse,
        Self::LookUp,
        Self::Work,
        Self::Engine,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Parse => "parse",
            Self::LookUp => "look up",
            Self::Work => "work",
            Self::Engine => "engine",
        }
    }

    /// Every pass over the captures, and how many packets there were in all.
    fn run(self, files: &[PathBuf], repeat: u32, matcher: &Arc<Matcher>) -> io::Result<u64> {
        match self {
            Self::Read => read(&mut replay::open(files)?, repeat),
            Self::Parse => parse(&mut replay::open(files)?, repeat),
            Self::LookUp => look_up(&mut replay::open(files)?, repeat),
            Self::Work => work(&mut replay::open(files)?, repeat, matcher),
            Self::Engine => {
                let (counters, _) = replay::measured(files, 1, None, repeat, matcher)?;
                Ok(counters.get(medtap_table::vocabulary::Counter::Packets))
            }
        }
    }
}

/// What the stages cost.
#[derive(Serialize)]
pub struct Stages {
    what: &'static str,
    host: Host,
    /// The captures, with blanks between.
    file: String,
    stages: Vec<Row>,
}

/// One stage with those before it.
#[derive(Serialize)]
struct Row {
    stage: Stage,
    /// Processor time in the program, the run in the middle, in nanoseconds a packet.
    ns_per_packet: f64,
    /// Of this, what the stage added to the one before.
    added_ns: f64,
    runs: Vec<Run>,
}

/// Measures stages in turn, so often.
///
/// # Errors
///
/// A capture that cannot be opened or read again, or no memory.
pub fn measure(files: &[PathBuf], stages: &[Stage], runs: u32, repeat: u32) -> io::Result<Stages> {
    let matcher = replay::rules();
    let mut all: Vec<(Stage, Vec<Run>)> = stages.iter().map(|it| (*it, Vec::new())).collect();
    for _ in 0..runs {
        for (stage, measured) in &mut all {
            let once = || stage.run(files, repeat, &matcher);
            let (packets, cost) = measure::cost(Who::Process, once)?;
            measured.push(Run::new(packets?, 0, cost));
        }
    }
    let mut before = 0.0;
    let row = |(stage, runs): (Stage, Vec<Run>)| {
        let median = measure::median(&runs)?;
        let ns_per_packet = 1e9 * median.cost.user_seconds / median.packets.max(1) as f64;
        let added_ns = ns_per_packet - std::mem::replace(&mut before, ns_per_packet);
        Some(Row {
            stage,
            ns_per_packet,
            added_ns,
            runs,
        })
    };
    Ok(Stages {
        what: "stages",
        host: Host::here(),
        file: names(files),
        stages: all.into_iter().filter_map(row).collect(),
    })
}

/// The table of a result.
///
/// # Errors
///
/// Those of the output.
pub fn print(stages: &Stages, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", stages.host)?;
    writeln!(out, "stages of {}", stages.file)?;
    writeln!(out, "stage     ns/packet   added")?;
    for row in &stages.stages {
        let Row {
            ns_per_packet,
            added_ns,
            ..
        } = row;
        writeln!(
            out,
            "{:<8}{ns_per_packet:11.1}{added_ns:8.1}",
            row.stage.name()
        )?;
    }
    Ok(())
}

/// Every batch of every pass.
#[inline(always)]
fn passes(pcap: &mut Pcap, repeat: u32, mut take: impl FnMut(&Batch)) -> io::Result<u64> {
    let mut batch = Batch::default();
    let mut packets = 0;
    for pass in 0..repeat {
        if pass > 0 && !pcap.rewind() {
            return Err(io::Error::other("cannot be read again; leave out --repeat"));
        }
        while pcap.read(&mut batch) {
            packets += batch.len() as u64;
            take(&batch);
        }
    }
    Ok(packets)
}

// None of these is inlined: callgrind counts the instructions between start and end of one.
#[inline(never)]
fn read(pcap: &mut Pcap, repeat: u32) -> io::Result<u64> {
    passes(pcap, repeat, |batch| {
        let lengths = batch.frames().map(|frame| frame.bytes.len());
        black_box(lengths.sum::<usize>());
    })
}

#[inline(never)]
fn parse(pcap: &mut Pcap, repeat: u32) -> io::Result<u64> {
    let (mut summary, mut headers) = (Summary::default(), Headers::default());
    passes(pcap, repeat, |batch| {
        for frame in batch.frames() {
            black_box(summarize(&frame, &mut summary, &mut headers));
            black_box(&summary);
        }
    })
}

/// Reads what a flow counts of a packet, as a worker does. False for one of no flow.
#[inline(always)]
fn summarize(frame: &Frame<'_>, summary: &mut Summary, headers: &mut Headers) -> bool {
    let hasher = &FlowHasher::FIXED;
    if summary.read(frame.bytes, frame.link, |_| 0, hasher) {
        return true;
    }
    let parsed = headers.parse_into(frame.bytes, frame.wire_len, frame.link);
    let is_of_flow = parsed.is_ok() && headers.network != Network::None;
    if is_of_flow {
        summary.set(headers, 0, hasher);
    }
    is_of_flow
}

#[inline(never)]
fn look_up(pcap: &mut Pcap, repeat: u32) -> io::Result<u64> {
    let mut table = Table::new(FLOWS_MAX)?;
    let mut burst = Vec::with_capacity(BURST_FRAMES);
    passes(pcap, repeat, |batch| {
        let mut frames = batch.frames();
        while frames.len() > 0 {
            find(&mut table, frames.by_ref().take(BURST_FRAMES), &mut burst);
        }
    })
}

/// A packet between two stages.
#[derive(Default)]
struct Staged {
    summary: Summary,
    likely: FlowId,
}

/// Parses a burst, hashes it, asks for the memory, and looks the flows up, as a worker does.
#[inline]
fn find<'a>(table: &mut Table, frames: impl Iterator<Item = Frame<'a>>, burst: &mut Vec<Staged>) {
    let mut headers = Headers::default();
    burst.clear();
    for frame in frames {
        let mut staged = Staged::default();
        if summarize(&frame, &mut staged.summary, &mut headers) {
            table.prefetch_index(staged.summary.hash);
            burst.push(staged);
        }
    }
    for packet in &mut *burst {
        packet.likely = table.prefetch_flow(packet.summary.hash);
    }
    for Staged { summary, likely } in burst {
        let (key, hash) = (&summary.key, summary.hash);
        let found = table.find_likely(key, hash, *likely);
        if let Some(id) = found.or_else(|| table.insert(key, hash)) {
            black_box(table.flow_mut(id));
        }
    }
}

#[inline(never)]
fn work(pcap: &mut Pcap, repeat: u32, matcher: &Arc<Matcher>) -> io::Result<u64> {
    let mut solo = Solo::new(FLOWS_MAX, matcher)?;
    let packets = passes(pcap, repeat, |batch| solo.take_all(batch.frames()))?;
    solo.finish();
    Ok(packets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maker::{Kind, Plan, bytes};

    #[test]
    fn every_stage_sees_every_packet() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("imix.pcap");
        std::fs::write(&file, bytes(&Plan::new(Kind::Imix, 500)).unwrap()).unwrap();
        let files = [file.clone(), file];
        let measured = measure(&files, &Stage::ALL, 1, 2).unwrap();
        assert_eq!(measured.stages.len(), 5);
        for row in &measured.stages {
            assert_eq!(row.runs[0].packets, 2_000, "{:?}", row.stage);
        }
        let mut text = Vec::new();
        print(&measured, &mut text).unwrap();
        assert!(String::from_utf8(text).unwrap().contains("\nlook up "));
    }
}
