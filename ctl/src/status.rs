//! `medtap status`: how the engine does: its interfaces, its workers, its room, its losses, and
//! whether its numbers add up. It reads the table twice and changes nothing.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use medtap_inventory::model::Time;
use medtap_table::vocabulary::{Counter, InterfaceCounter};
use medtap_table::{InterfaceFlags, LAYOUT_VERSION, Region, TableReader, WorkerStatus};
use serde::Serialize;

use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::live::{self, State};
use crate::reading::{InterfaceReading, Meter, Rate, Reading, counter, receives};
use crate::render;

/// Between looks whether the engine wrote again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long two new reports of the engine are waited for.
const WAIT_MAX: Duration = Duration::from_millis(2500);
/// Readings after which what does not add up is believed.
const ROUNDS_MAX: usize = 3;

/// All that is shown.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The engine.
    pub engine: Engine,
    /// Its interfaces.
    pub interfaces: Vec<InterfaceStatus>,
    /// Its workers.
    pub workers: Vec<Worker>,
    /// What it takes of memory; null where it did not say, as an offline run.
    pub memory: Option<Memory>,
    /// The regions of its table.
    pub regions: Vec<RegionStatus>,
    /// What was lost, where anything was.
    pub losses: Vec<Loss>,
    /// What contradicts itself; empty while everything adds up.
    pub contradictions: Vec<String>,
}

/// The engine.
#[derive(Debug, Serialize)]
pub struct Engine {
    /// How it does.
    pub state: State,
    /// Its table.
    pub table: String,
    /// Its process.
    pub pid: Option<u32>,
    /// Since when it runs.
    pub started: Option<Time>,
    /// When it last said that it lives.
    pub heartbeat: Option<Time>,
    /// When it ended.
    pub stopped: Option<Time>,
    /// Version of the table's layout.
    pub layout_version: u32,
    /// Bytes of shared memory that the table takes.
    pub table_bytes: u64,
    /// Fingerprint of the newest rules.
    pub rules_generation: String,
    /// Every worker matches with the newest rules.
    pub rules_agree: bool,
}

/// What the engine takes of memory, in bytes.
#[derive(Debug, Serialize)]
pub struct Memory {
    /// At most, as it said at its start.
    pub said_bytes: u64,
    /// The same by what for.
    pub said: Vec<Part>,
    /// What its process holds now, beside the table.
    pub taken_bytes: u64,
}

/// What memory is for, and how much.
#[derive(Debug, Serialize)]
pub struct Part {
    /// What for.
    pub purpose: &'static str,
    /// Bytes at most.
    pub bytes: u64,
}

impl Memory {
    fn of(table: &TableReader) -> Option<Self> {
        let said = table.memory_said();
        let bytes = said.iter().map(|(_, bytes)| *bytes);
        (!said.is_empty()).then(|| Self {
            said_bytes: bytes.fold(0, u64::saturating_add),
            said: said
                .iter()
                .map(|&(purpose, bytes)| Part {
                    purpose: purpose.name(),
                    bytes,
                })
                .collect(),
            taken_bytes: table.memory_taken(),
        })
    }
}

/// An interface.
#[derive(Debug, Serialize)]
pub struct InterfaceStatus {
    /// Its name.
    pub name: String,
    /// The kernel's number of it.
    pub index: u32,
    /// Where the steering program runs.
    pub attach: &'static str,
    /// How frames reach the engine.
    pub delivery: &'static str,
    /// Queues with sockets; of a packet ring all that there are.
    pub queues: u16,
    /// Sockets on each; of a packet ring in all.
    pub sockets: u16,
    /// Largest packet.
    pub mtu: u32,
    /// Bytes of a frame of its memory.
    pub frame_bytes: u32,
    /// Frames of its memory.
    pub frames: u32,
    /// How it is.
    pub flags: Vec<&'static str>,
    /// Why better modes were not taken.
    pub note: String,
    /// What was counted.
    pub counters: BTreeMap<&'static str, u64>,
}

/// A worker.
#[derive(Debug, Serialize)]
pub struct Worker {
    /// Its number.
    pub number: usize,
    /// The processor it is pinned to.
    pub cpu: Option<u32>,
    /// When it last went round.
    pub beat: Option<Time>,
    /// How fast it is.
    #[serde(flatten)]
    pub rate: Rate,
    /// Flows in its table.
    pub flows: u64,
    /// Entries that wait in its rings.
    pub ring_fill: u64,
    /// Room in its rings.
    pub ring_capacity: u64,
    /// Sightings that it could not hand over yet.
    pub owed: u64,
    /// How long a burst takes, in microseconds; null before the first.
    pub burst_us: Option<Latency>,
    /// Fingerprint of its rules.
    pub rules_generation: String,
    /// What was counted.
    pub counters: BTreeMap<&'static str, u64>,
}

/// How long a burst takes, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them, at most.
    pub p50: f64,
    /// 99 in 100.
    pub p99: f64,
    /// 999 in 1000.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// From a serialized histogram of nanoseconds; none where it is empty or none.
    fn read(bytes: &[u8]) -> Option<Self> {
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).ok()?;
        let at = |quantile| micros(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: micros(histogram.max()),
        })
    }
}

/// Nanoseconds as microseconds with one digit.
fn micros(ns: u64) -> f64 {
    (ns as f64 / 100.0).round() / 10.0
}

/// How full a region of the table is.
#[derive(Debug, Serialize)]
pub struct RegionStatus {
    /// Which.
    #[serde(skip)]
    pub region: Region,
    /// Its name.
    pub name: &'static str,
    /// Slots, or bytes of the heap, in use.
    pub used: u64,
    /// That there are.
    pub capacity: u64,
    /// What found no room.
    pub refused: u64,
}

impl RegionStatus {
    /// The setting of medtapd that it grows with; none where it is as large as the run needs.
    pub fn setting(&self) -> Option<&'static str> {
        match self.region {
            Region::Subjects | Region::Activity => Some("subjects"),
            Region::Facts | Region::Heap => Some("facts"),
            Region::Edges => Some("conversations"),
            Region::Workers | Region::Interfaces => None,
        }
    }
}

/// Something that was lost.
#[derive(Debug, Serialize)]
pub struct Loss {
    /// Where, for those of an interface.
    pub interface: Option<String>,
    /// The counter.
    pub counter: &'static str,
    /// How often.
    pub count: u64,
}

/// Shows how the engine does.
pub fn run(command: &arguments::Status, exit: &mut Exit) -> Result<(), Failure> {
    let path = live::path(command.table.as_deref());
    let table = live::open(&path)?;
    let status = gather(&table, path.display().to_string());
    live::say(&table, exit);
    render::status(&status, command.output)
}

/// Reads twice, and again while the numbers do not add up.
fn gather(table: &TableReader, name: String) -> Status {
    let running = State::of(table, live::now_ns()) == State::Running;
    let mut meter = Meter::default();
    let mut first = Reading::take(table);
    meter.rates(&first);
    let mut rounds = 0;
    let (second, rates, contradictions) = loop {
        if running {
            wait(table, first.heartbeat_ns);
        }
        let second = Reading::take(table);
        let rates = meter.rates(&second);
        let contradictions = Reading::contradictions(&first, &second);
        rounds += 1;
        if contradictions.is_empty() || !running || rounds >= ROUNDS_MAX {
            break (second, rates, contradictions);
        }
        first = second;
    };
    let newest = table.rules_generation();
    let threads = || {
        second
            .workers
            .iter()
            .enumerate()
            .filter(|(_, w)| receives(w))
    };
    let time = |ns| (ns != 0).then_some(Time(ns));
    Status {
        engine: Engine {
            state: State::of(table, live::now_ns()),
            table: name,
            pid: Some(table.pid()).filter(|&pid| pid != 0),
            started: time(table.started_ns()),
            heartbeat: time(table.heartbeat_ns()),
            stopped: time(table.stopped_ns()),
            layout_version: LAYOUT_VERSION,
            table_bytes: table.header().file_size,
            rules_generation: generation(newest),
            rules_agree: threads().all(|(_, worker)| worker.rules_generation == newest),
        },
        workers: threads()
            .map(|(number, status)| {
                worker(
                    number,
                    status,
                    rates.get(number).copied().unwrap_or_default(),
                )
            })
            .collect(),
        memory: Memory::of(table),
        regions: Region::ALL
            .into_iter()
            .map(|region| fill(table, region))
            .collect(),
        losses: losses(table, &second.interfaces),
        interfaces: second.interfaces.iter().map(interface).collect(),
        contradictions,
    }
}

/// Waits until the engine wrote twice: what it wrote first may have been half done.
fn wait(table: &TableReader, mut heartbeat_ns: u64) {
    let begin = Instant::now();
    let mut changes = 0;
    while changes < 2 && begin.elapsed() < WAIT_MAX {
        sleep(LOOK_EVERY);
        let now = table.heartbeat_ns();
        changes += usize::from(now != heartbeat_ns);
        heartbeat_ns = now;
    }
}

/// A fingerprint of rules, as the engine writes it.
fn generation(number: u64) -> String {
    format!("{number:016x}")
}

fn fill(table: &TableReader, region: Region) -> RegionStatus {
    RegionStatus {
        region,
        name: region.name(),
        used: table.used(region),
        capacity: table.capacity(region),
        refused: table.refused(region),
    }
}

fn worker(number: usize, worker: &WorkerStatus, rate: Rate) -> Worker {
    let counters = Counter::ALL.iter();
    Worker {
        number,
        cpu: worker.cpu,
        beat: (worker.beat_ns != 0).then_some(Time(worker.beat_ns)),
        rate,
        flows: worker.flows,
        ring_fill: worker.ring_fill,
        ring_capacity: worker.ring_capacity,
        owed: worker.owed,
        burst_us: Latency::read(&worker.latency),
        rules_generation: generation(worker.rules_generation),
        counters: counters.map(|&c| (c.name(), counter(worker, c))).collect(),
    }
}

/// The flags of an interface in words.
const FLAGS: [(InterfaceFlags, &str); 7] = [
    (InterfaceFlags::UP, "up"),
    (InterfaceFlags::MULTI_BUFFER, "multi-buffer"),
    (InterfaceFlags::HUGE_PAGES, "huge-pages"),
    (InterfaceFlags::BUSY_POLL, "busy-poll"),
    (InterfaceFlags::PROMISCUOUS, "promiscuous"),
    (InterfaceFlags::GONE, "gone"),
    (InterfaceFlags::ASYMMETRIC, "asymmetric"),
];

fn interface(reading: &InterfaceReading) -> InterfaceStatus {
    let interface = &reading.interface;
    let flags = FLAGS
        .iter()
        .filter(|(flag, _)| interface.flags.contains(*flag));
    InterfaceStatus {
        name: interface.name.as_str().to_owned(),
        index: interface.index,
        attach: interface.attach.name(),
        delivery: interface.delivery.name(),
        queues: interface.queues,
        sockets: interface.sockets,
        mtu: interface.mtu,
        frame_bytes: interface.frame_bytes,
        frames: interface.frames,
        flags: flags.map(|(_, name)| *name).collect(),
        note: interface.note.as_str().to_owned(),
        counters: reading
            .counters
            .iter()
            .map(|&(c, n)| (c.name(), n))
            .collect(),
    }
}

/// The counters of interfaces that say that packets were lost.
const LOSSES: [InterfaceCounter; 6] = [
    InterfaceCounter::NicDropped,
    InterfaceCounter::NicErrors,
    InterfaceCounter::XdpNoSocket,
    InterfaceCounter::RingFull,
    InterfaceCounter::RingDropped,
    InterfaceCounter::RingInvalid,
];

fn losses(table: &TableReader, interfaces: &[InterfaceReading]) -> Vec<Loss> {
    let of_interfaces = interfaces.iter().flat_map(|interface| {
        LOSSES.iter().map(|&counter| Loss {
            interface: Some(interface.interface.name.as_str().to_owned()),
            counter: counter.name(),
            count: interface.get(counter),
        })
    });
    let limits = table.limits_hit().into_iter().map(|(counter, count)| Loss {
        interface: None,
        counter: counter.name(),
        count,
    });
    let own = Loss {
        interface: None,
        counter: "interfaces refused",
        count: table.refused(Region::Interfaces),
    };
    let all = of_interfaces.chain(limits).chain([own]);
    all.filter(|loss| loss.count > 0).collect()
}
