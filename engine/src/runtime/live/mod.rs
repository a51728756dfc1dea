//! A live run: set-up with all privileges, then threads without any, until it is to end.
//!
//! ```text
//! interfaces   set up, opened, watched          rules     read, and read again
//! station      one worker's thread              control   merges, publishes, answers signals
//! taken        what the system says of memory   splits    conversations that two workers have
//! ```

mod control;
mod interfaces;
mod near;
mod rules;
mod splits;
mod station;
mod taken;

use std::hash::{BuildHasher, RandomState};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;

use anyhow::{Context, bail};
use crossbeam_channel::{bounded, unbounded};
use crossbeam_utils::CachePadded;
use medtap_table::vocabulary::{Attach, Purpose};
use medtap_table::{Capacity, TableReader, TableWriter};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use rtrb::RingBuffer;

use super::facts;
use super::memory::Memory;
use crate::capture::Scopes;
use crate::capture::port::Port;
use crate::config::{COUNT_RING_SIGHTINGS, SHUNTS_MAX};
use crate::device::{Aggregator, PersonFilter};
use crate::flow::FlowHasher;
use crate::nic;
use crate::nic::counts::Counts;
use crate::nic::keeper::{self, Keeper};
use crate::notify::Notifier;
use crate::sandbox;
use crate::settings::{self, Settings};
use crate::worker::{Options, Shunts, Worker};

use control::{Control, End, Seat, Signals};
use interfaces::Interface;
use rules::RuleBook;
use station::{Rings, Shared, Shunting, Station, clock_ns};
use taken::Taken;

/// How many processors there may be: whoever reads a counter of every processor has to know.
const PROCESSORS: &str = "/sys/devices/system/cpu/possible";

/// Says something to who started the engine.
fn say(text: &str) {
    eprintln!("medtapd: {text}");
}

/// Listens until it is asked to end.
///
/// # Errors
///
/// Why it can't begin, or can't go on: one sentence with the remedy. Nothing stays attached.
pub fn run(settings: &Settings) -> anyhow::Result<()> {
    sandbox::kernel()?;
    privileged(settings)?;
    let held = Taken::open().context("the system does not count memory")?;
    let before = held.bytes();
    let rules = RuleBook::open(settings.rules.clone())?;
    let of_rules = held.bytes().zip(before);
    let persons = persons(settings);
    let notifier = Notifier::from_env();
    let signals = Signals::register().context("no handlers for signals")?;
    near::come_near(settings, &mut say);
    // Before anything is received: taking memory takes time, and no frame waits for it.
    let workers = workers(settings, &rules, &persons)?;
    let (interfaces, ports) = open(settings)?;
    // From here on whatever ends the run, an error too, puts the interfaces back.
    let keeper = keep(&interfaces)?;
    let memory = memory(settings, of_rules, &interfaces);
    say(&in_words(&room(settings), &memory));
    let mut aggregator = take_over(settings)?;
    let said = memory.parts().iter().copied();
    aggregator.writer_mut().set_memory_said(said);
    let counts = Counts::open().context("the system does not count frames")?;
    let shared = Arc::new(Shared {
        stop: AtomicBool::new(false),
        beats: (0..settings.workers)
            .map(|_| CachePadded::new(AtomicU64::new(clock_ns())))
            .collect(),
    });
    let (reports, taken) = bounded(settings.workers * 2);
    let (orders, ordered) = unbounded();
    let shunt_counts = interfaces.iter().filter_map(Interface::shunt_counts);
    let shunt_counts: Vec<_> = shunt_counts.collect();
    let mut crew = Vec::new();
    for (number, (ports, mut worker)) in ports.into_iter().zip(workers).enumerate() {
        let (facts, fact_end) = facts::ring();
        let (counts, count_end) = RingBuffer::new(COUNT_RING_SIGHTINGS);
        let (matching, new_rules) = unbounded();
        let (ending, ended) = unbounded();
        if !shunt_counts.is_empty() {
            let each = SHUNTS_MAX / settings.workers as u32;
            let first = number as u32 * each;
            let counts = shunt_counts.clone();
            worker.set_shunts(Shunts::new(
                counts,
                interfaces.len() as u16,
                first..first + each,
            ));
        }
        let shunting = Shunting {
            orders: orders.clone(),
            ended,
        };
        let station = Station::new(station::Parts {
            number,
            worker,
            ports,
            rings: Rings { facts, counts },
            matching: new_rules,
            shunting,
            generation: rules.generation(),
            reports: reports.clone(),
            shared: Arc::clone(&shared),
        })?;
        crew.push((station, fact_end, count_end, (matching, ending)));
    }
    // Threads inherit what they may do: the sandbox comes first.
    let mut read = vec![Path::new(PROCESSORS)];
    read.extend(settings.rules.as_deref());
    let report = sandbox::enter(&sandbox::Allowed {
        read: &read,
        shunt: settings.shunt,
    })?;
    say(&report.to_string());
    let mut seats = Vec::new();
    for (number, (station, facts, counts, (matching, ended))) in crew.into_iter().enumerate() {
        let cpu = settings.cpus.get(number).copied();
        let thread = thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || {
                pin(cpu);
                station.run()
            })
            .context("no thread for a worker")?;
        seats.push(Seat {
            facts,
            counts,
            matching,
            ended,
            cpu: cpu.map(u32::from),
            thread,
        });
    }
    leave(&settings.cpus);
    let mut control = Control::new(control::Parts {
        aggregator,
        seats,
        reports: taken,
        interfaces,
        counts,
        held,
        orders: ordered,
        rules,
        shared,
        notifier,
        signals,
    });
    say(&format!(
        "listening with {}; table {}",
        several(settings.workers, "worker"),
        settings.table.display()
    ));
    let end = control.run();
    drop(control.finish());
    if let Some(keeper) = keeper {
        // What could not be put back, it has said.
        let _ = keeper.restore();
    }
    match end {
        End::Asked => Ok(()),
        End::InterfacesGone => bail!(
            "{} gone; start medtapd again when it is back (systemd does so by itself)",
            names(settings)
        ),
    }
}

/// Checks for the rights that a receive path by AF_XDP needs, before anything is touched.
fn privileged(settings: &Settings) -> anyhow::Result<()> {
    let by_program = |interface: &settings::Interface| {
        let mode = interface.mode;
        mode.is_none_or(|mode| mode.attach != Attach::None)
    };
    let missing = sandbox::missing();
    // Without this one alone the limit of locked memory holds; whether it suffices is seen later.
    if missing.iter().all(|name| *name == "CAP_IPC_LOCK")
        || !settings.interfaces.iter().any(by_program)
    {
        return Ok(());
    }
    bail!(
        "no privilege: {} missing; start medtapd as root or by its systemd unit",
        match missing.as_slice() {
            [one] => format!("{one} is"),
            several => format!("{} are", several.join(", ")),
        }
    )
}

/// Opens every interface. Gives them, and for each worker its port of each.
fn open(settings: &Settings) -> anyhow::Result<(Vec<Interface>, Vec<Vec<Port>>)> {
    let mut interfaces = Vec::new();
    let mut ports: Vec<Vec<Port>> = (0..settings.workers).map(|_| Vec::new()).collect();
    for (place, wanted) in settings.interfaces.iter().enumerate() {
        let place = u16::try_from(place).context("too many interfaces")?;
        let result = Interface::open(wanted, place, (settings.workers, settings.shunt), &mut say);
        let (interface, opened) = result.inspect_err(|_| put_back(&interfaces))?;
        interfaces.push(interface);
        for (mine, port) in ports.iter_mut().zip(opened) {
            mine.push(port);
        }
    }
    Ok((interfaces, ports))
}

/// How much the table holds.
fn room(settings: &Settings) -> Capacity {
    let asked = settings.room;
    let subjects = asked.subjects;
    let mut room = subjects.map_or_else(Capacity::default, Capacity::of_subjects);
    if let Some(facts) = asked.facts {
        room = room.with_facts(facts);
    }
    Capacity {
        // One more for what the aggregator counts.
        workers: settings.workers as u32 + 1,
        edges: asked.conversations.unwrap_or(room.edges),
        ..room
    }
}

/// How much the table holds, and what it and the workers may take of memory: what rules and
/// interfaces take is known when they are read and opened.
pub fn room_in_words(settings: &Settings) -> String {
    let room = room(settings);
    let memory = Memory::of(settings.workers, settings.flows, &room);
    in_words(&room, &memory) + "\n"
}

fn in_words(room: &Capacity, memory: &Memory) -> String {
    format!(
        "room for {} subjects, {} facts, {} conversations; {memory}",
        room.subjects, room.facts, room.edges,
    )
}

/// What all of it may take of memory. `rules` is what the system counted after they were read, and
/// before.
fn memory(settings: &Settings, rules: Option<(u64, u64)>, interfaces: &[Interface]) -> Memory {
    let rules = rules.map_or(0, |(after, before)| after.saturating_sub(before));
    let frames = interfaces.iter().map(Interface::frame_memory_bytes);
    Memory::of(settings.workers, settings.flows, &room(settings))
        // While they are read again, the old ones hold.
        .with(Purpose::Rules, rules.saturating_mul(2))
        .with(Purpose::Frames, frames.sum())
}

/// The new table, with what the one before knew.
fn take_over(settings: &Settings) -> anyhow::Result<Aggregator> {
    let before = if settings.fresh || !settings.table.exists() {
        None
    } else {
        match TableReader::open(&settings.table) {
            Ok(table) => Some(table),
            Err(error) => {
                say(&format!("begins with an empty table: {error}"));
                None
            }
        }
    };
    let mut aggregator = Aggregator::new(TableWriter::create(&settings.table, room(settings))?);
    if let Some(table) = before {
        aggregator.seed(&table);
        let subjects = table.subjects().count();
        say(&format!(
            "took over {} of the table before",
            several(subjects, "record")
        ));
    }
    Ok(aggregator)
}

/// Starts the process that puts the interfaces back when this one is gone, if there is anything
/// to put back.
fn keep(interfaces: &[Interface]) -> anyhow::Result<Option<Keeper>> {
    let changes: Vec<_> = interfaces
        .iter()
        .flat_map(|interface| interface.changes().iter().cloned())
        .collect();
    keeper::start(&changes)
        .inspect_err(|_| put_back(interfaces))
        .context("no process to put the interfaces back when this one is gone")
}

/// Puts interfaces back that nobody keeps yet.
fn put_back(interfaces: &[Interface]) {
    for interface in interfaces.iter().rev() {
        // What could not be put back, it has said.
        nic::restore(interface.changes(), &mut say);
    }
}

/// All workers, each with its memory, which comes from the node of the processor it is to run on.
fn workers(
    settings: &Settings,
    rules: &RuleBook,
    persons: &PersonFilter,
) -> anyhow::Result<Vec<Worker>> {
    // Nobody outside can aim at one bucket of a flow table.
    let random = RandomState::new();
    let hasher = FlowHasher::new([1u8, 2, 3, 4].map(|word| random.hash_one(word)));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..settings.workers)
            .map(|number| {
                scope.spawn(move || {
                    pin(settings.cpus.get(number).copied());
                    let mut worker = worker(settings, hasher, rules, persons)?;
                    worker.populate();
                    std::io::Result::Ok(worker)
                })
            })
            .collect();
        let workers = threads.into_iter().map(|thread| {
            let worker = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            worker.context("no memory for the flows of a worker; ask for fewer flows or workers")
        });
        workers.collect()
    })
}

fn worker(
    settings: &Settings,
    hasher: FlowHasher,
    rules: &RuleBook,
    persons: &PersonFilter,
) -> std::io::Result<Worker> {
    let mut worker = Worker::new(Options {
        flows_max: settings.flows,
        matcher: Arc::clone(&rules.holding().matcher),
        persons: persons.clone(),
        hasher,
        flow_records: false,
        scopes: scopes(settings),
    })?;
    let by_queue = |it: &settings::Interface| it.steering == settings::Steering::Queues;
    if settings.workers > 1 && settings.interfaces.iter().any(by_queue) {
        worker.sample_opened();
    }
    Ok(worker)
}

fn scopes(settings: &Settings) -> Scopes {
    let mut scopes = Scopes::ONE;
    for (place, interface) in settings.interfaces.iter().enumerate() {
        scopes.push_interface(interface.scope);
        for vlan in &interface.vlans {
            scopes.set_vlan(place as u16, vlan.id, vlan.scope);
        }
    }
    scopes
}

fn persons(settings: &Settings) -> PersonFilter {
    let key = settings.person_key.as_ref();
    key.map_or(PersonFilter::FIXED, |key| PersonFilter::new(key.key))
}

/// Pins the calling thread. The settings have checked that the processor is there; one that was
/// taken away since then leaves the thread where it is.
fn pin(cpu: Option<u16>) {
    let Some(cpu) = cpu else { return };
    let mut set = CpuSet::new();
    if set.set(cpu.into()).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// Keeps the calling thread off the workers' processors, if there are others.
fn leave(cpus: &[u16]) {
    let own = Pid::from_raw(0);
    let Ok(mut set) = sched_getaffinity(own) else {
        return;
    };
    for &cpu in cpus {
        let _ = set.unset(cpu.into());
    }
    // With no processor left this is refused, and all stays as it was.
    let _ = sched_setaffinity(own, &set);
}

fn names(settings: &Settings) -> String {
    let names: Vec<&str> = settings
        .interfaces
        .iter()
        .map(|interface| interface.name.as_str())
        .collect();
    match names.as_slice() {
        [name] => format!("interface {name} is"),
        names => format!("interfaces {} are", names.join(", ")),
    }
}

fn several(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
