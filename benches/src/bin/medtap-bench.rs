//! `medtap-bench`: makes traffic and measures. It measures what it is told, once or often, and
//! judges nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use medtap_benches::floor::{self, Counted};
use medtap_benches::maker::{self, Kind, Order, Plan};
use medtap_benches::measure::{self, Run, Who};
use medtap_benches::replay;
use medtap_engine::counters::Counters;
use medtap_table::vocabulary::Counter;
use serde::Serialize;

/// Make traffic and measure how fast it is read.
#[derive(Parser)]
#[command(name = "medtap-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a capture: the same bytes for the same options on every machine.
    Make(Make),
    /// Measure the least that any engine must do with a capture.
    Floor(Measure),
    /// Measure the engine, everything on, with a capture.
    Replay(Replay),
}

#[derive(Args)]
struct Make {
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

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    /// 64-byte UDP.
    Flood,
    /// 64, 594 and 1518 bytes, 7 to 4 to 1: TLS, HTTP, UDP.
    Imix,
    /// DICOM, HL7, DHCP, ARP, DNS, mDNS, TLS, HTTP, LLDP.
    Hospital,
}

#[derive(Clone, Copy, ValueEnum)]
enum OrderName {
    /// Each flow in turn.
    RoundRobin,
    /// Any flow, evenly.
    Random,
}

#[derive(Args)]
struct Measure {
    /// The capture.
    file: PathBuf,
    /// Runs; the one in the middle is the result.
    #[arg(long, default_value_t = 5)]
    repeat: u32,
    /// Processor that the worker is kept on.
    #[arg(long)]
    cpu: Option<usize>,
    /// How to print.
    #[arg(long, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Args)]
struct Replay {
    #[command(flatten)]
    measure: Measure,
    /// Workers.
    #[arg(long, default_value_t = 1)]
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
    runs: Vec<Run>,
    median: Option<Run>,
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

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Make(make) => run_make(&make),
        Command::Floor(measure) => {
            pin(measure.cpu)?;
            print(&run_floor(&measure.file, measure.repeat)?, measure.output)
        }
        Command::Replay(replay) => {
            pin(replay.measure.cpu)?;
            print(&run_replay(&replay)?, replay.measure.output)
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

fn run_floor(file: &Path, repeat: u32) -> Result<Report> {
    let name = file.display().to_string();
    // Warms the page cache, and says how large the tables must be.
    let seen = floor::survey(file).with_context(|| name.clone())?;
    let (runs, peak_anonymous_bytes) = measure::peak(|| {
        (0..repeat)
            .map(|_| floor_once(file, &seen))
            .collect::<io::Result<_>>()
    })?;
    let runs: Vec<Run> = runs?;
    Ok(Report {
        what: "floor",
        file: name,
        flows: (seen.flows4 + seen.flows6) as u64,
        workers: 1,
        median: measure::median(&runs),
        runs,
        peak_anonymous_bytes,
        floor: None,
        counters: BTreeMap::new(),
    })
}

fn floor_once(file: &Path, seen: &Counted) -> io::Result<Run> {
    let work = || floor::run(file, seen.flows4, seen.flows6);
    let (counted, cost) = measure::cost(Who::Thread, work)?;
    counted.map(|counted| Run::new(counted.packets, counted.bytes, cost))
}

fn run_replay(replay: &Replay) -> Result<Report> {
    let file = &replay.measure.file;
    let name = file.display().to_string();
    let seen = floor::survey(file).with_context(|| name.clone())?;
    let matcher = replay::rules();
    let (mut runs, mut floors, mut peak) = (Vec::new(), Vec::new(), 0);
    let mut counters = Counters::default();
    for _ in 0..replay.measure.repeat {
        if replay.with_floor {
            floors.push(floor_once(file, &seen)?);
        }
        let work = || replay::run(file, replay.workers as usize, replay.flows, &matcher);
        let (measured, bytes) = measure::peak(|| measure::cost(Who::Process, work))?;
        let (counted, cost) = measured?;
        counters = counted.with_context(|| name.clone())?;
        peak = peak.max(bytes);
        runs.push(Run::new(
            counters.get(Counter::Packets),
            counters.get(Counter::Bytes),
            cost,
        ));
    }
    let median = measure::median(&runs);
    let counted = counters.iter().filter(|(_, count)| *count > 0);
    Ok(Report {
        what: "replay",
        file: name,
        flows: (seen.flows4 + seen.flows6) as u64,
        workers: replay.workers,
        runs,
        median,
        peak_anonymous_bytes: peak,
        floor: share(floors, median),
        counters: counted
            .map(|(counter, count)| (counter.name(), count))
            .collect(),
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
    for run in report.runs.iter().chain(&report.median) {
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
