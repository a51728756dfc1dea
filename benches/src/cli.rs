//! The commands of `medtap bench` and `medtap-bench`: make traffic and measure. They measure what
//! they are told, once or often, and judge nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use medtap_engine::counters::Counters;
use medtap_table::vocabulary::Counter;
use serde::Serialize;

use crate::floor::{self, Counted};
use crate::maker::{self, Kind, Order, Plan};
use crate::measure::{self, Run, Who};
use crate::replay;

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a capture: the same bytes for the same options on every machine
    Make(Make),
    /// Measure the least that any engine must do with a capture
    Floor(Measure),
    /// Measure the engine, everything on, with a capture
    Replay(Replay),
    /// Measure the live receive path under a load that the kernel makes; needs root
    #[cfg(feature = "live")]
    Live(crate::live::report::Live),
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
    /// HL7 alone: results of monitors behind gateways, each acknowledged.
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
    /// The capture.
    file: PathBuf,
    /// How often the capture is read in one run.
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    measure: Measure,
    /// Workers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// Flows that each worker keeps at once; the engine's own limit without this.
    #[arg(long)]
    flows: Option<u32>,
    /// Measure the floor in turn with the engine, and say what share of it the engine reaches.
    #[arg(long)]
    with_floor: bool,
}

/// The result of a measurement.
#[derive(Serialize)]
struct Report {
    what: &'static str,
    file: String,
    flows: u64,
    workers: u32,
    /// How often the capture was read in each run.
    repeat: u32,
    packets: u64,
    bytes: u64,
    wall_seconds: f64,
    user_seconds: f64,
    system_seconds: f64,
    /// Million packets a second by the clock on the wall.
    mpps: f64,
    gbit_per_second: f64,
    /// Million packets a second of processor time in the program: what one core does.
    mpps_per_core: f64,
    gbit_per_second_per_core: f64,
    runs: Vec<Run>,
    peak_anonymous_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<FloorShare>,
    /// What the engine counted in its last run, without the zeros.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    counters: BTreeMap<&'static str, u64>,
}

/// How the engine compares with the floor in the same run.
#[derive(Serialize)]
struct FloorShare {
    runs: Vec<Run>,
    median: Option<Run>,
    /// By processor time in the program, in percent.
    share_user_percent: f64,
    /// By all processor time, in percent.
    share_cpu_percent: f64,
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
            print(&run_floor(measure)?, measure.output)
        }
        Command::Replay(replay) => {
            pin(replay.measure.cpu)?;
            print(&run_replay(replay)?, replay.measure.output)
        }
        #[cfg(feature = "live")]
        Command::Live(live) => crate::live::report::run(live),
    }
}

impl Report {
    /// The result of these runs, of which there is at least one.
    fn new(what: &'static str, file: &Path, workers: u32, runs: Vec<Run>) -> Self {
        let zero = || Run::new(0, 0, measure::Cost::default());
        let median = measure::median(&runs).unwrap_or_else(zero);
        Self {
            what,
            file: file.display().to_string(),
            flows: 0,
            workers,
            repeat: 1,
            packets: median.packets,
            bytes: median.bytes,
            wall_seconds: median.cost.wall_seconds,
            user_seconds: median.cost.user_seconds,
            system_seconds: median.cost.system_seconds,
            mpps: median.mpps_wall,
            gbit_per_second: median.gbit_per_second_wall,
            mpps_per_core: median.mpps_user,
            gbit_per_second_per_core: median.gbit_per_second_user,
            runs,
            peak_anonymous_bytes: 0,
            floor: None,
            counters: BTreeMap::new(),
        }
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
    let file = measure.file.as_path();
    // Warms the page cache, and says how large the tables must be.
    let seen = floor::survey(file).with_context(|| file.display().to_string())?;
    let once = || floor_once(file, &seen, measure.repeat);
    let (runs, peak_anonymous_bytes) =
        measure::peak(|| (0..measure.runs).map(|_| once()).collect::<io::Result<_>>())?;
    Ok(Report {
        repeat: measure.repeat,
        peak_anonymous_bytes,
        flows: flows(&seen),
        ..Report::new("floor", file, 1, runs?)
    })
}

fn flows(seen: &Counted) -> u64 {
    (seen.flows4 + seen.flows6) as u64
}

/// Brings a file into the page cache.
fn warm(file: &Path) -> io::Result<()> {
    io::copy(&mut File::open(file)?, &mut io::sink()).map(drop)
}

/// Reads the capture so often, each time with fresh tables.
fn floor_once(file: &Path, seen: &Counted, repeat: u32) -> io::Result<Run> {
    let work = || -> io::Result<(u64, u64)> {
        let (mut packets, mut bytes) = (0, 0);
        for _ in 0..repeat {
            let counted = floor::run(file, seen.flows4, seen.flows6)?;
            packets += counted.packets;
            bytes += counted.bytes;
        }
        Ok((packets, bytes))
    };
    let (counted, cost) = measure::cost(Who::Thread, work)?;
    counted.map(|(packets, bytes)| Run::new(packets, bytes, cost))
}

fn run_replay(replay: &Replay) -> Result<Report> {
    let Measure { repeat, runs, .. } = replay.measure;
    let file = replay.measure.file.as_path();
    let name = || file.display().to_string();
    // The floor reads one format alone, the engine every one: without a floor the page cache is
    // warmed by reading the file as bytes.
    let seen = match replay.with_floor {
        true => Some(floor::survey(file).with_context(name)?),
        false => warm(file).map(|()| None).with_context(name)?,
    };
    let matcher = replay::rules();
    let (mut measured, mut floors, mut peak) = (Vec::new(), Vec::new(), 0);
    let mut counters = Counters::default();
    for _ in 0..runs {
        if let Some(seen) = &seen {
            floors.push(floor_once(file, seen, repeat)?);
        }
        let work = || {
            replay::run(
                file,
                replay.workers as usize,
                replay.flows,
                repeat,
                &matcher,
            )
        };
        let (result, bytes) = measure::peak(|| measure::cost(Who::Process, work))?;
        let (counted, cost) = result?;
        counters = counted.with_context(name)?;
        peak = peak.max(bytes);
        measured.push(Run::new(
            counters.get(Counter::Packets),
            counters.get(Counter::Bytes),
            cost,
        ));
    }
    let counted = counters.iter().filter(|(_, count)| *count > 0);
    Ok(Report {
        repeat,
        peak_anonymous_bytes: peak,
        floor: share(floors, measure::median(&measured)),
        counters: counted
            .map(|(counter, count)| (counter.name(), count))
            .collect(),
        flows: seen.map_or(counters.get(Counter::FlowsOpened), |seen| flows(&seen)),
        ..Report::new("replay", file, replay.workers, measured)
    })
}

fn share(runs: Vec<Run>, engine: Option<Run>) -> Option<FloorShare> {
    let median = measure::median(&runs)?;
    let engine = engine?;
    Some(FloorShare {
        share_user_percent: 100.0 * engine.mpps_user / median.mpps_user,
        share_cpu_percent: 100.0 * engine.mpps_cpu / median.mpps_cpu,
        runs,
        median: Some(median),
    })
}

fn print(report: &Report, output: Output) -> Result<()> {
    let mut out = io::stdout().lock();
    if output == Output::Json {
        serde_json::to_writer_pretty(&mut out, report)?;
        return Ok(writeln!(out)?);
    }
    writeln!(
        out,
        "{} {}: {} flows",
        report.what, report.file, report.flows
    )?;
    writeln!(
        out,
        "   wall s   user s    sys s  Mpps wall  Mpps user  Gbit/s user"
    )?;
    for run in report.runs.iter().chain(&measure::median(&report.runs)) {
        let cost = run.cost;
        writeln!(
            out,
            "{:9.3}{:9.3}{:9.3}{:11.2}{:11.2}{:13.2}",
            cost.wall_seconds,
            cost.user_seconds,
            cost.system_seconds,
            run.mpps_wall,
            run.mpps_user,
            run.gbit_per_second_user,
        )?;
    }
    if let Some(floor) = &report.floor
        && let Some(median) = &floor.median
    {
        writeln!(
            out,
            "floor {:.2} Mpps user; share {:.1} % of it, {:.1} % by all processor time",
            median.mpps_user, floor.share_user_percent, floor.share_cpu_percent,
        )?;
    }
    for (counter, count) in &report.counters {
        writeln!(out, "{counter} {count}")?;
    }
    let mib = report.peak_anonymous_bytes as f64 / (1 << 20) as f64;
    Ok(writeln!(
        out,
        "last run: median; peak anonymous memory {mib:.1} MiB"
    )?)
}
