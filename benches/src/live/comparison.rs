//! What receiving costs: the bare receiver, the engine's receive path, and the same with a whole
//! worker, in turn under the same load, and what they cost. It says whether the ratio holds; that
//! it does not hold is a result and no failure.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use nix::unistd::Uid;
use serde::Serialize;

use super::link::Link;
use super::maker::FRAME_BYTES;
use super::rig::{Kind, Rig};
use super::round::{Processors, Round, latencies};
use super::route;
use super::traffic::Traffic;
use crate::host::Host;

/// What the engine's receive path may cost of the bare receiver's.
pub const RATIO_MAX: f64 = 1.3;

/// How the figures are to be read; printed with every result.
const NOTE: &str = "load by BPF_PROG_RUN: worker CPU, not line rate";

/// Options of `receive`.
#[derive(Debug, Args)]
pub struct Receive {
    /// Seconds of each round.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Rounds of each receiver; the one in the middle is the result.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Bytes of the flood's frames on the wire.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(64..=1518))]
    size: u32,
    /// Only a flood, of so many flows; without this floods of 1, 1,000 and 100,000, and the mix.
    #[arg(long)]
    flows: Option<u32>,
    /// Also the frames of a capture, in a loop.
    #[arg(long)]
    capture: Option<PathBuf>,
    /// An idle interface to receive on; without this a veth pair in a namespace of its own.
    #[arg(long)]
    interface: Option<String>,
    /// Processor of the load maker.
    #[arg(long, default_value_t = 0)]
    maker_cpu: usize,
    /// Processor of the receivers.
    #[arg(long, default_value_t = 1)]
    cpu: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One receiver under one load.
#[derive(Serialize)]
struct Row {
    receiver: &'static str,
    /// Its cost to that of the bare receiver.
    ratio: f64,
    /// The round in the middle by processor time.
    median: Round,
    rounds: Vec<Round>,
}

/// All receivers under one load.
#[derive(Serialize)]
struct Comparison {
    load: String,
    rows: Vec<Row>,
    /// Whether the receive path costs no more than it may.
    holds: bool,
    /// Of the whole worker.
    burst_latency_ns: Latency,
}

/// Times of bursts of 64 frames, in nanoseconds.
#[derive(Serialize)]
struct Latency {
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

#[derive(Serialize)]
struct Report {
    host: Host,
    interface: String,
    note: &'static str,
    ratio_max: f64,
    comparisons: Vec<Comparison>,
}

/// Does it.
///
/// # Errors
///
/// One sentence: no right to do so, no such interface or processor, a capture that can't be read.
pub fn run(asked: &Receive) -> Result<()> {
    ensure!(
        Uid::effective().is_root(),
        "the load test loads a BPF program and opens AF_XDP sockets; run it as root"
    );
    let (link, interface) = match &asked.interface {
        Some(name) => {
            route::refuse_default(name, "name an idle one")?;
            (Link::existing(name)?, format!("{name}, copy mode"))
        }
        None => (Link::own()?, "veth, copy mode".to_owned()),
    };
    let processors = Processors {
        maker: asked.maker_cpu,
        receiver: asked.cpu,
    };
    let mut rig = Rig::new(link, processors)?;
    let mut comparisons = Vec::new();
    for (load, traffic) in loads(asked)? {
        comparisons.push(compare(asked, &mut rig, load, traffic)?);
    }
    let report = Report {
        host: Host::here(),
        interface,
        note: NOTE,
        ratio_max: RATIO_MAX,
        comparisons,
    };
    let mut out = io::stdout().lock();
    if asked.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        return Ok(writeln!(out)?);
    }
    print(&report, &mut out)
}

fn loads(asked: &Receive) -> Result<Vec<(String, Traffic)>> {
    let flood = |flows: u32| -> Result<_> {
        let name = format!("{} B, {flows} flows", asked.size);
        Ok((name, Traffic::flood(asked.size, flows)?))
    };
    let mut loads = match asked.flows {
        Some(flows) => vec![flood(flows)?],
        None => vec![
            flood(1)?,
            flood(1_000)?,
            flood(100_000)?,
            ("mix".to_owned(), Traffic::imix()?),
        ],
    };
    if let Some(capture) = &asked.capture {
        loads.push((
            capture.display().to_string(),
            Traffic::captured(capture, FRAME_BYTES)?,
        ));
    }
    Ok(loads)
}

/// The receivers take turns, so that whatever else the machine does meets all of them.
fn compare(
    asked: &Receive,
    rig: &mut Rig,
    load: String,
    mut traffic: Traffic,
) -> Result<Comparison> {
    let time = Duration::from_secs(u64::from(asked.seconds));
    let mut latency = latencies()?;
    let mut rows = Kind::ALL.map(|kind| (kind, Vec::new()));
    rig.forget()?;
    for _ in 0..asked.rounds {
        for (kind, rounds) in &mut rows {
            rounds.push(rig.round(*kind, &mut traffic, time, &mut latency)?);
        }
    }
    let rows = rows.map(|(kind, rounds)| (kind, median(&rounds), rounds));
    let bare = rows[0].1.ns_per_packet;
    let ratio = |median: &Round| median.ns_per_packet / bare;
    let too_dear =
        |(kind, median, _): &(Kind, Round, _)| *kind == Kind::Receive && ratio(median) > RATIO_MAX;
    Ok(Comparison {
        load,
        holds: !rows.iter().any(too_dear),
        burst_latency_ns: Latency::of(&latency),
        rows: rows
            .into_iter()
            .map(|(kind, median, rounds)| Row {
                receiver: kind.name(),
                ratio: ratio(&median),
                median,
                rounds,
            })
            .collect(),
    })
}

/// The round in the middle by processor time; of an even number the slower one.
pub fn median(rounds: &[Round]) -> Round {
    let mut sorted = rounds.to_vec();
    sorted.sort_by(|a, b| a.ns_per_packet.total_cmp(&b.ns_per_packet));
    sorted.get(sorted.len() / 2).cloned().unwrap_or_default()
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}

fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{}", report.host)?;
    writeln!(out, "{}, {}", report.interface, report.note)?;
    for comparison in &report.comparisons {
        writeln!(out)?;
        writeln!(
            out,
            "{:<24}  received   dropped   ns/packet  x bare  kernel ns/packet   Mpps",
            comparison.load
        )?;
        for row in &comparison.rows {
            let median = &row.median;
            writeln!(
                out,
                "  {:<20}{:12}{:10}{:12.2}{:8.2}{:18.2}{:7.2}",
                row.receiver,
                median.received,
                median.dropped,
                median.ns_per_packet,
                row.ratio,
                median.system_ns_per_packet,
                median.mpps,
            )?;
        }
        let verdict = match comparison.holds {
            true => "holds",
            false => "does not hold",
        };
        let most = report.ratio_max;
        writeln!(out, "  receive path at most {most} x bare: {verdict}")?;
        let latency = &comparison.burst_latency_ns;
        writeln!(
            out,
            "  worker, burst of 64 in ns: p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
            latency.p50, latency.p90, latency.p99, latency.p999, latency.max
        )?;
    }
    Ok(())
}
