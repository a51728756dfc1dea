//! What the throughput bench found, as a table and as JSON, beside the rates of lines. It measures
//! nothing; what it computes is marked so.

use std::io::{self, Write};

use serde::Serialize;

use super::search::{Goal, Point};
use crate::host::Host;

/// Lines, in Gbit/s.
pub const LINES_GBIT: [u32; 4] = [10, 25, 40, 100];

/// Bytes of preamble, start and gap that each frame takes of a line beside its own.
const LINE_BYTES: f64 = 20.0;

/// A whole run.
#[derive(Serialize)]
pub struct Report {
    /// Which result this is.
    pub what: &'static str,
    /// Where it ran.
    pub host: Host,
    /// The interface that was listened on.
    pub interface: String,
    /// Its driver, empty where it has none.
    pub driver: String,
    /// Its receive queues.
    pub queues: u32,
    /// How frames came to the engine.
    pub mode: String,
    /// Why no better way was taken.
    pub better_modes_refused: Vec<String>,
    /// Where frames came from.
    pub generator: String,
    /// And how.
    pub generator_mode: String,
    /// Workers, each on a processor of its own.
    pub workers: usize,
    /// Seconds of a trial.
    pub seconds: f64,
    /// Trials of a load that lost too much.
    pub tries: u32,
    /// The loads.
    pub loads: Vec<Load>,
}

/// What one load showed.
#[derive(Serialize)]
pub struct Load {
    /// Its name: a size on the wire, a mix, a capture.
    pub name: String,
    /// Bytes of a frame on the wire with frame check sequence, on average.
    pub frame_bytes: f64,
    /// As much as the generator can.
    pub highest: Point,
    /// Throughput at each loss that is allowed.
    pub goals: Vec<Goal>,
    /// The rates of lines for such frames, calculated.
    pub lines: Vec<Line>,
    /// Latency below the throughput without loss.
    pub latency: Curve,
    /// The longest burst of which nothing was lost.
    pub burst: Burst,
    /// Every trial, by its load.
    pub trials: Vec<Point>,
}

/// The rate of a line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its speed.
    pub gbit: u32,
    /// Frames a second, calculated from their length.
    pub calculated_rate: f64,
    /// How much of it one core takes at the first loss that is allowed, in percent, calculated.
    pub calculated_share_percent: f64,
}

/// Latency from being sent to being analysed.
#[derive(Serialize)]
pub struct Curve {
    /// Frames a second meanwhile.
    pub rate: f64,
    /// Frames that were timed.
    pub probes: u64,
    /// Percentiles, and nanoseconds.
    pub percentiles_ns: Vec<(f64, u64)>,
}

impl Curve {
    /// A percentile that is in the curve.
    pub fn at(&self, percentile: f64) -> u64 {
        let mut found = self
            .percentiles_ns
            .iter()
            .filter(|(of, _)| *of == percentile);
        found.next().map_or(0, |(_, ns)| *ns)
    }
}

/// A burst, sent as fast as the generator can.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Burst {
    /// Frames.
    pub frames: u64,
    /// Longer ones were not tried.
    pub is_longest_tried: bool,
}

impl Load {
    /// Gigabits a second of frames at a rate.
    pub fn gbit(&self, rate: f64) -> f64 {
        rate * self.frame_bytes * 8.0 / 1e9
    }
}

/// Every line, for frames of so many bytes, beside the rate that one core takes.
pub fn lines(frame_bytes: f64, rate: f64) -> Vec<Line> {
    LINES_GBIT
        .map(|gbit| line(gbit, frame_bytes, rate))
        .to_vec()
}

/// A line's rate for frames of so many bytes, and what share of it a rate is.
fn line(gbit: u32, frame_bytes: f64, rate: f64) -> Line {
    let calculated_rate = f64::from(gbit) * 1e9 / ((frame_bytes + LINE_BYTES) * 8.0);
    Line {
        gbit,
        calculated_rate,
        calculated_share_percent: 100.0 * rate / calculated_rate,
    }
}

/// The table of a result.
///
/// # Errors
///
/// Those of the output.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", report.host)?;
    let Report {
        interface,
        driver,
        mode,
        generator,
        generator_mode,
        workers,
        ..
    } = report;
    writeln!(out, "{interface} ({driver}): {mode}, {workers} workers")?;
    for refused in &report.better_modes_refused {
        writeln!(out, "  {refused}")?;
    }
    writeln!(out, "generator: {generator}, {generator_mode}")?;
    writeln!(
        out,
        "\nthroughput in Mpps at a loss of at most; (g): the generator offers no more"
    )?;
    write!(out, "{:<12}{:>8}", "load", "bytes")?;
    for goal in report.loads.first().map_or(&[][..], |load| &load.goals) {
        write!(out, "{:>11}", format!("{} %", goal.loss_allowed * 100.0))?;
    }
    writeln!(
        out,
        "{:>9}{:>10}{:>10}{:>10}{:>10}",
        "Gbit/s", "p50 us", "p99 us", "p99.9 us", "burst"
    )?;
    for load in &report.loads {
        write!(out, "{:<12}{:8.0}", short(&load.name), load.frame_bytes)?;
        for goal in &load.goals {
            let mark = if goal.is_limited_by_generator {
                "(g)"
            } else {
                ""
            };
            write!(out, "{:>11}", format!("{:.3}{mark}", goal.rate / 1e6))?;
        }
        let first = load.goals.first().map_or(0.0, |goal| goal.rate);
        let micros = |percentile| load.latency.at(percentile) as f64 / 1e3;
        let more = if load.burst.is_longest_tried { "+" } else { "" };
        writeln!(
            out,
            "{:9.2}{:10.1}{:10.1}{:10.1}{:>10}",
            load.gbit(first),
            micros(50.0),
            micros(99.0),
            micros(99.9),
            format!("{}{more}", load.burst.frames),
        )?;
    }
    writeln!(
        out,
        "\nline rate in Mpps, calculated, and what share of it one core takes"
    )?;
    write!(out, "{:<12}", "load")?;
    for gbit in LINES_GBIT {
        write!(out, "{:>18}", format!("{gbit} GbE"))?;
    }
    writeln!(out)?;
    for load in &report.loads {
        write!(out, "{:<12}", short(&load.name))?;
        for line in &load.lines {
            let share = line.calculated_share_percent;
            let text = format!("{:.3} {share:.1} %", line.calculated_rate / 1e6);
            write!(out, "{text:>18}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A name that fits a column: of a path its end.
pub fn short(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.char_indices()
        .nth(11)
        .map_or(name, |(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IEEE 802.3: 64 bytes and 20 of preamble and gap at 10 Gbit/s.
    #[test]
    fn line_rates_are_those_of_ethernet() {
        let small = line(10, 64.0, 1_488_095.0);
        assert_eq!(small.calculated_rate.round(), 14_880_952.0);
        assert_eq!(small.calculated_share_percent.round(), 10.0);
        assert_eq!(line(100, 1518.0, 0.0).calculated_rate.round(), 8_127_438.0);
    }

    #[test]
    fn names_are_cut() {
        assert_eq!(short("/a/b/c.pcap"), "c.pcap");
        assert_eq!(short("hospital-of-mine.pcapng"), "hospital-of");
    }
}
