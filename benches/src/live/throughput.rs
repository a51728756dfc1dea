//! `medtap-bench live`: how much of a load the engine takes on this machine, over these interfaces.
//! It uses the interfaces that it was told to, and refuses one that a default route leads out of.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use medtap_engine::nic;
use medtap_engine::settings::Allowed;
use nix::unistd::Uid;

use super::crew::{Crew, Received};
use super::generator::{Amount, FCS_BYTES, Generator, Offered};
use super::link::{self, Link};
use super::maker::Maker;
use super::page;
use super::probe::Probes;
use super::result::{Burst, Curve, Load, Report, lines, print};
use super::route;
use super::search::{self, Point};
use super::traffic::Traffic;
use super::tx::Tx;
use crate::host::Host;
use crate::report::Output;

/// The generator that needs no interface.
const PROG_RUN: &str = "prog-run";

/// MTU of an own pair: room for the longest frame.
const OWN_MTU: u32 = 9_216;

/// Ethernet header and a VLAN tag, which the MTU does not count.
const LINK_BYTES: usize = 18;

/// Share of the loss-free rate at which latency is measured.
const LATENCY_LOAD: f64 = 0.9;

/// The longest burst that is tried, in frames.
const BURST_MAX: u64 = 1 << 20;

/// Nearer bounds of the longest burst are not told apart.
const BURST_RESOLUTION: f64 = 0.05;

/// Options of `live`.
#[derive(Debug, Args)]
pub struct Live {
    /// The interface that the engine listens on.
    #[arg(long, required_unless_present = "veth", conflicts_with = "veth")]
    interface: Option<String>,
    /// The interface that frames are sent on, or prog-run: the kernel makes frames and puts them
    /// into the receiver's socket, and nothing is sent. The other end of the pair with --veth.
    #[arg(long, value_name = "IFACE|prog-run", required_unless_present = "veth")]
    generator: Option<String>,
    /// Make a veth pair in a network namespace of its own, and listen on one end.
    #[arg(long)]
    veth: bool,
    /// Also an interface that this machine's default route leads out of.
    #[arg(long)]
    even_default_route: bool,
    /// Loads: sizes of frames on the wire, 64 to 9000 (prog-run: to 3404), imix, hospital, or the
    /// name of a capture, whose frames are sent in a loop.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "64,128,256,512,1024,1280,1518,imix,hospital"
    )]
    load: Vec<String>,
    /// Flows of the loads that are a size.
    #[arg(long, default_value_t = 1_000)]
    flows: u32,
    /// Losses that are allowed, in percent: a throughput for each.
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.5")]
    loss: Vec<f64>,
    /// Seconds of a trial.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Trials of a load that loses too much, before that counts.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// The search ends at bounds nearer than so many percent.
    #[arg(long, default_value_t = 1.0)]
    resolution: f64,
    /// Processor of the generator.
    #[arg(long, default_value_t = 0)]
    generator_cpu: u16,
    /// Processors of the engine, a worker each; one with prog-run.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    cpus: Vec<u16>,
    /// How to print.
    #[arg(long, default_value = "table")]
    output: Output,
    /// Also write a page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
///
/// One sentence: no right to do so, no such interface, a load that cannot be made.
pub fn run(asked: &Live) -> Result<()> {
    asked.check()?;
    // That the page can be written is seen before anything takes minutes, too.
    let page = asked.html.as_deref().map(create).transpose()?;
    let mut bench = Bench::open(asked)?;
    let mut loads = Vec::new();
    // What cannot be made is told before anything takes minutes.
    for name in &asked.load {
        bench.traffic(asked, name)?;
    }
    for name in &asked.load {
        eprintln!("medtap-bench: {name}");
        loads.push(bench.load(asked, name)?);
    }
    let report = bench.report(asked, loads);
    if let Some(mut page) = page {
        let written = page.write_all(page::page(&report).as_bytes());
        written.context("cannot write the page")?;
    }
    asked.output.print(&report, print)
}

fn create(file: &Path) -> Result<File> {
    File::create(file).with_context(|| format!("cannot write {}", file.display()))
}

impl Live {
    /// What is wrong with the options, before anything is opened.
    fn check(&self) -> Result<()> {
        ensure!(
            Uid::effective().is_root(),
            "the load test loads a BPF program and opens AF_XDP sockets; run it as root"
        );
        for loss in &self.loss {
            ensure!(
                (0.0..=100.0).contains(loss),
                "a loss is 0 to 100 percent, not {loss}"
            );
        }
        let is_time = (0.05..=3600.0).contains(&self.seconds);
        ensure!(
            is_time,
            "a trial takes 0.05 to 3600 seconds, not {}",
            self.seconds
        );
        let is_share = (0.1..=50.0).contains(&self.resolution);
        ensure!(
            is_share,
            "the resolution is 0.1 to 50 percent, not {}",
            self.resolution
        );
        let allowed = Allowed::of_this_process()?;
        allowed.check(&self.cpus, "--cpus")?;
        allowed.check(&[self.generator_cpu], "--generator-cpu")?;
        let distinct = self.cpus.iter().collect::<HashSet<_>>().len() == self.cpus.len();
        ensure!(distinct, "each worker needs a processor of its own");
        let alone = !self.cpus.contains(&self.generator_cpu);
        ensure!(alone, "generator and engine need processors of their own");
        if self.generator.as_deref() == Some(PROG_RUN) {
            ensure!(
                self.cpus.len() == 1,
                "prog-run feeds one worker; name one processor"
            );
        }
        if !self.even_default_route {
            for interface in self.interface.iter().chain(&self.generator) {
                route::refuse_default(interface, "name another, or add --even-default-route")?;
            }
        }
        Ok(())
    }
}

/// What is open: an engine that receives, and a generator.
struct Bench {
    crew: Crew,
    generator: Generator,
    /// Names of the two interfaces; of prog-run, its own.
    names: [String; 2],
    /// The longest frame that fits both, without frame check sequence.
    len_max: usize,
}

impl Bench {
    fn open(asked: &Live) -> Result<Self> {
        let link = match &asked.interface {
            Some(name) => Link::existing(name)?,
            None => {
                let link = Link::own()?;
                link.widen(OWN_MTU)?;
                link
            }
        };
        let far = asked.generator.as_deref().unwrap_or(link::FAR).to_owned();
        ensure!(
            far != link.name,
            "the engine cannot listen where the generator sends; name two"
        );
        let mut len_max = fits(&link.name)?;
        let cpus: Vec<_> = asked.cpus.iter().copied().map(usize::from).collect();
        let crew;
        let generator = match far.as_str() {
            PROG_RUN => {
                let mut maker = Maker::new(link.index, 0, link.parking)?;
                crew = Crew::open(&link.name, &cpus)?;
                maker.feed(
                    crew.socket()
                        .context("prog-run feeds one queue; this has more")?,
                )?;
                Generator::Live(Box::new(maker))
            }
            name => {
                let index = Link::existing(name)?.index;
                len_max = len_max.min(fits(name)?);
                crew = Crew::open(&link.name, &cpus)?;
                let tx = Tx::open(index, 0);
                Generator::Tx(Box::new(
                    tx.with_context(|| format!("cannot open a sending socket on {name}"))?,
                ))
            }
        };
        Ok(Self {
            len_max: len_max.min(generator.len_max()),
            crew,
            generator,
            names: [link.name, far],
        })
    }

    fn load(&mut self, asked: &Live, name: &str) -> Result<Load> {
        let (traffic, probe_len) = self.traffic(asked, name)?;
        self.crew.forget()?;
        let mut rounds = Rounds {
            crew: &mut self.crew,
            generator: &mut self.generator,
            traffic,
            probes: Probes::new(probe_len)?,
            processor: asked.generator_cpu.into(),
        };
        let time = Duration::from_secs_f64(asked.seconds);
        // Flows are opened before anything counts.
        rounds.trial(Amount::For(time / 4, None))?;
        let (offered, received) = rounds.trial(Amount::For(time, None))?;
        let frame_bytes = offered.wire_bytes as f64 / offered.frames.max(1) as f64;
        let highest = point(offered.rate(), &offered, &received);
        let losses = asked
            .loss
            .iter()
            .map(|percent| percent / 100.0)
            .collect::<Vec<_>>();
        let plan = search::Plan {
            losses: &losses,
            steps: 10,
            resolution: asked.resolution / 100.0,
            tries: asked.tries,
        };
        let (goals, points) = search::search(&plan, highest, |rate| {
            let (offered, received) = rounds.trial(Amount::For(time, Some(rate)))?;
            Ok(point(rate, &offered, &received))
        })?;
        let free = goals
            .iter()
            .filter(|goal| goal.loss_allowed == 0.0)
            .map(|goal| goal.rate);
        // Where nothing goes without loss, latency is that of the lowest load that was tried.
        let lowest = points.first().map_or(highest.asked, |point| point.asked);
        let rate = match free.fold(0.0, f64::max) * LATENCY_LOAD {
            0.0 => lowest,
            rate => rate,
        };
        let (_, received) = rounds.trial(Amount::For(time, Some(rate)))?;
        let burst = longest_burst(&mut rounds)?;
        let latency = Curve::of(rate, &received.latency);
        let reached = goals.first().map_or(0.0, |goal| goal.rate);
        Ok(Load {
            name: name.to_owned(),
            frame_bytes,
            highest,
            lines: lines(frame_bytes, reached / asked.cpus.len() as f64),
            goals,
            latency,
            burst,
            trials: points,
        })
    }

    /// The frames of a load by its name, and how long its probes are.
    fn traffic(&self, asked: &Live, name: &str) -> Result<(Traffic, usize)> {
        let fcs = FCS_BYTES as usize;
        match name.parse::<usize>() {
            Ok(size) => {
                let most = self.len_max.min(super::traffic::LEN_MAX) + fcs;
                ensure!(
                    (64..=most).contains(&size),
                    "frames here are 64 to {most} bytes on the wire, not {size}"
                );
                Ok((Traffic::flood(size as u32, asked.flows)?, size - fcs))
            }
            Err(_) if name == "imix" => Ok((Traffic::imix()?, 0)),
            Err(_) if name == "hospital" => Ok((Traffic::hospital()?, 0)),
            Err(_) => Ok((Traffic::captured(name.as_ref(), self.len_max)?, 0)),
        }
    }

    fn report(&self, asked: &Live, loads: Vec<Load>) -> Report {
        let driver = |name: &str| {
            let nic = nic::inspect::inspect(name).ok()?;
            Some((nic.driver, nic.queues)).filter(|(driver, _)| !driver.is_empty())
        };
        let [interface, far] = &self.names;
        let (mode, refused) = self.crew.mode();
        let (driver, queues) = driver(interface).unwrap_or_default();
        Report {
            what: "live",
            host: Host::here(),
            interface: interface.clone(),
            driver,
            queues,
            mode,
            better_modes_refused: refused.to_vec(),
            generator: far.clone(),
            generator_mode: self.generator.mode(),
            workers: asked.cpus.len(),
            seconds: asked.seconds,
            tries: asked.tries,
            loads,
        }
    }
}

/// The longest frame that an interface takes, without frame check sequence.
fn fits(interface: &str) -> Result<usize> {
    let mtu = nic::mtu(interface).with_context(|| format!("no interface {interface}"))?;
    Ok(mtu as usize + LINK_BYTES - 4)
}

/// All that trials of one load share.
struct Rounds<'a> {
    crew: &'a mut Crew,
    generator: &'a mut Generator,
    traffic: Traffic,
    probes: Probes,
    processor: usize,
}

impl Rounds<'_> {
    fn trial(&mut self, amount: Amount) -> Result<(Offered, Received)> {
        let Self {
            crew,
            generator,
            traffic,
            probes,
            processor,
        } = self;
        crew.receive(|| {
            super::round::pin(*processor)?;
            generator.offer(traffic, probes, amount)
        })
    }

    /// True when a burst of so many frames arrives as a whole.
    fn absorbs(&mut self, frames: u64) -> Result<bool> {
        let (offered, received) = self.trial(Amount::Burst(frames))?;
        Ok(received.frames >= offered.frames)
    }
}

/// What a trial says of its load.
fn point(asked: f64, offered: &Offered, received: &Received) -> Point {
    let lost = offered.frames.saturating_sub(received.frames);
    Point {
        asked,
        offered: offered.rate(),
        loss: lost as f64 / offered.frames.max(1) as f64,
    }
}

/// The longest burst, as fast as the generator can, of which nothing is lost.
fn longest_burst(rounds: &mut Rounds<'_>) -> Result<Burst> {
    let (mut low, mut high) = (0, 64);
    while high <= BURST_MAX && rounds.absorbs(high)? {
        (low, high) = (high, high * 2);
    }
    if high > BURST_MAX {
        return Ok(Burst {
            frames: low,
            is_longest_tried: true,
        });
    }
    while (high - low) as f64 > BURST_RESOLUTION * high as f64 {
        let middle = low.midpoint(high);
        if rounds.absorbs(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Burst {
        frames: low,
        is_longest_tried: false,
    })
}

impl Curve {
    fn of(rate: f64, latency: &Histogram<u64>) -> Self {
        const PERCENTILES: [f64; 11] = [
            0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0,
        ];
        let at = |percentile: f64| (percentile, latency.value_at_percentile(percentile));
        Self {
            rate,
            probes: latency.len(),
            percentiles_ns: PERCENTILES.map(at).to_vec(),
        }
    }
}
