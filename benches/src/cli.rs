//! The commands of `medtap bench` and `medtap-bench`: make traffic and measure. They measure what
//! they are told, once or often, and judge nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use medtap_engine::counters::Counters;
use medtap_table::vocabulary::Counter;

use crate::floor::{self, Counted};
use crate::maker::{self, Kind, Order, Plan};
use crate::measure::{self, Run, Who};
use crate::report::{self, Output, Report};
use crate::stages::{self, Stage};
use crate::{replay, scaling};

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a capture: the same bytes for the same options on every machine
    Make(Make),
    /// Measure the least that any engine must do with captures
    Floor(Measure),
    /// Measure the engine, everything on, with captures
    Replay(Replay),
    /// Measure what each stage of the engine adds to a packet's cost
    Stages(Stages),
}

/// Options of `make`.
#[derive(Debug, Args)]
pub struct Make {
    /// What to make.
    kind: KindName,
    /// Where to write it; `-` is the standard output.
    #[arg(short, long)]
    output: PathBuf,
    /// Frames.
    #[arg(long, default_value_t = 1_000_000)]
    packets: u64,
    /// Five-tuples; for the hospital, conversations at a time.
    #[arg(long)]
    flows: Option<u32>,
    /// Devices.
    #[arg(long)]
    devices: Option<u32>,
    /// Another seed makes other traffic of the same sort.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Packets per second of the capture's own time.
    #[arg(long)]
    rate: Option<u64>,
    /// Which flow comes next.
    #[arg(long)]
    order: Option<OrderName>,
    /// Share of the flows that are IPv6, in percent.
    #[arg(long, default_value_t = 0)]
    ipv6: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindName {
    /// 64-byte UDP.
    Flood,
    /// 64, 594 and 1518 bytes, 7 to 4 to 1: TLS, HTTP, UDP.
    Imix,
    /// DICOM, HL7, DHCP, ARP, DNS, mDNS, TLS, HTTP, LLDP.
    Hospital,
    /// C-STORE of 1 MiB images.
    Stores,
    /// HL7 alone: results of monitors behind gateways, each answered at once.
    Results,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OrderName {
    /// Each flow in turn.
    RoundRobin,
    /// Any flow, evenly.
    Random,
}

/// Options of a measurement.
#[derive(Debug, Args)]
pub struct Measure {
    /// The captures; several are one input.
    #[arg(required = true, value_name = "CAPTURE")]
    files: Vec<PathBuf>,
    /// How often the captures are read in one run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Runs; the one in the middle is the result.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Processor that the worker is kept on.
    #[arg(long)]
    cpu: Option<usize>,
    /// How to print.
    #[arg(long, default_value = "table")]
    output: Output,
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    measure: Measure,
    /// Workers: 1; with --scaling, as many as there are processors.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: Option<u32>,
    /// Measure 1, 2 … workers in turn, and say how the speed grows.
    #[arg(long, conflicts_with_all = ["with_floor", "cpu"])]
    scaling: bool,
    /// Flows that each worker keeps at once; the engine's own limit without this.
    #[arg(long)]
    flows: Option<u32>,
    /// Measure the floor in turn with the engine, and say what share of it the engine reaches.
    #[arg(long)]
    with_floor: bool,
}

/// Options of `stages`.
#[derive(Debug, Args)]
pub struct Stages {
    #[command(flatten)]
    measure: Measure,
    /// This stage alone, with those before it: for a profiler.
    #[arg(long)]
    only: Option<Stage>,
}

/// Does it.
///
/// # Errors
///
/// One sentence that names the file and what is wrong.
pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::Make(make) => run_make(make),
        Command::Floor(measure) => {
            pin(measure.cpu)?;
            measure.output.print(&run_floor(measure)?, report::print)
        }
        Command::Replay(replay) if replay.scaling => run_scaling(replay),
        Command::Replay(replay) => {
            let Measure { cpu, output, .. } = replay.measure;
            pin(cpu)?;
            output.print(&run_replay(replay)?, report::print)
        }
        Command::Stages(stages) => run_stages(stages),
    }
}

fn pin(cpu: Option<usize>) -> Result<()> {
    let Some(cpu) = cpu else { return Ok(()) };
    measure::pin(cpu).with_context(|| format!("cannot use processor {cpu}"))
}

fn run_make(make: &Make) -> Result<()> {
    let kind = match make.kind {
        KindName::Flood => Kind::Flood,
        KindName::Imix => Kind::Imix,
        KindName::Hospital => Kind::Hospital,
        KindName::Stores => Kind::Stores,
        KindName::Results => Kind::Results,
    };
    let usual = Plan::new(kind, make.packets);
    let order = match make.order {
        Some(OrderName::RoundRobin) => Order::RoundRobin,
        Some(OrderName::Random) => Order::Random,
        None => usual.order,
    };
    let plan = Plan {
        flows: make.flows.unwrap_or(usual.flows),
        devices: make.devices.unwrap_or(usual.devices),
        seed: make.seed,
        rate: make.rate.unwrap_or(usual.rate),
        order,
        ipv6_percent: make.ipv6,
        ..usual
    };
    let output: Box<dyn Write> = if make.output == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        let name = make.output.display();
        Box::new(File::create(&make.output).with_context(|| format!("cannot create {name}"))?)
    };
    let (made, _) = maker::write(&plan, BufWriter::with_capacity(1 << 20, output))?;
    eprintln!("{} packets, {} bytes of frames", made.packets, made.bytes);
    Ok(())
}

fn run_floor(measure: &Measure) -> Result<Report> {
    // Warms the page cache, and says how large the tables must be.
    let seen = survey(&measure.files)?;
    let once = || floor_once(&seen, measure.repeat);
    let (runs, peak_anonymous_bytes) =
        measure::peak(|| (0..measure.runs).map(|_| once()).collect::<io::Result<_>>())?;
    let mut report = Report::new("floor", &measure.files, 1, runs?);
    report.repeat = measure.repeat;
    report.peak_anonymous_bytes = peak_anonymous_bytes;
    report.flows = flows(&seen);
    Ok(report)
}

/// A capture, and what the floor must know of it.
type Surveyed<'a> = (&'a Path, Counted);

fn survey(files: &[PathBuf]) -> Result<Vec<Surveyed<'_>>> {
    let of = |file: &PathBuf| floor::survey(file).with_context(|| file.display().to_string());
    files
        .iter()
        .map(|file| Ok((file.as_path(), of(file)?)))
        .collect()
}

fn flows(seen: &[Surveyed<'_>]) -> u64 {
    let flows = seen.iter().map(|(_, seen)| seen.flows4 + seen.flows6);
    flows.sum::<usize>() as u64
}

/// Brings files into the page cache.
fn warm(files: &[PathBuf]) -> Result<()> {
    for file in files {
        let read = File::open(file).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
        read.with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Reads the captures so often, each time with fresh tables.
fn floor_once(seen: &[Surveyed<'_>], repeat: u32) -> io::Result<Run> {
    let work = || -> io::Result<(u64, u64)> {
        let (mut packets, mut bytes) = (0, 0);
        for _ in 0..repeat {
            for (file, seen) in seen {
                let counted = floor::run(file, seen.flows4, seen.flows6)?;
                packets += counted.packets;
                bytes += counted.bytes;
            }
        }
        Ok((packets, bytes))
    };
    let (counted, cost) = measure::cost(Who::Thread, work)?;
    counted.map(|(packets, bytes)| Run::new(packets, bytes, cost))
}

fn run_replay(replay: &Replay) -> Result<Report> {
    let Measure { repeat, runs, .. } = replay.measure;
    let files = replay.measure.files.as_slice();
    // The floor reads one format alone, the engine every one: without a floor the page cache is
    // warmed by reading the files as bytes.
    let seen = match replay.with_floor {
        true => Some(survey(files)?),
        false => warm(files).map(|()| None)?,
    };
    let matcher = replay::rules();
    let workers = replay.workers.unwrap_or(1);
    let (mut measured, mut floors, mut peak) = (Vec::new(), Vec::new(), 0);
    let mut counters = Counters::default();
    for _ in 0..runs {
        if let Some(seen) = &seen {
            floors.push(floor_once(seen, repeat)?);
        }
        let work = || replay::measured(files, workers, replay.flows, repeat, &matcher);
        let (result, bytes) = measure::peak(work)?;
        let run;
        (counters, run) = result.with_context(|| report::names(files))?;
        peak = peak.max(bytes);
        measured.push(run);
    }
    let counted = counters.iter().filter(|(_, count)| *count > 0);
    let floor = report::share(floors, measure::median(&measured));
    let mut report = Report::new("replay", files, workers, measured);
    report.repeat = repeat;
    report.peak_anonymous_bytes = peak;
    report.memory_bytes = replay::memory(workers as usize, replay.flows, &matcher).bytes();
    report.floor = floor;
    report.counters = counted
        .map(|(counter, count)| (counter.name(), count))
        .collect();
    report.flows = seen.map_or(counters.get(Counter::FlowsOpened), |seen| flows(&seen));
    Ok(report)
}

fn run_scaling(replay: &Replay) -> Result<()> {
    let Measure {
        repeat,
        runs,
        output,
        ref files,
        ..
    } = replay.measure;
    warm(files)?;
    let here = thread::available_parallelism().map_or(1, |count| count.get() as u32);
    let workers = replay.workers.unwrap_or(here);
    let once = |workers| {
        let counted = replay::measured(files, workers, replay.flows, repeat, &replay::rules());
        Ok(counted.with_context(|| report::names(files))?.1)
    };
    let scaling = scaling::measure(report::names(files), workers, runs, once)?;
    output.print(&scaling, scaling::print)
}

fn run_stages(stages: &Stages) -> Result<()> {
    let Measure {
        repeat,
        runs,
        cpu,
        output,
        ref files,
    } = stages.measure;
    pin(cpu)?;
    warm(files)?;
    let wanted = match stages.only {
        Some(stage) => &[stage],
        None => Stage::ALL.as_slice(),
    };
    let measured = stages::measure(files, wanted, runs, repeat);
    output.print(
        &measured.with_context(|| report::names(files))?,
        stages::print,
    )
}
