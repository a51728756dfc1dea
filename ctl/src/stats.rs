//! `medtap stats`: how much comes in, line by line, or every counter at once. It goes on when the
//! engine is started again, and changes nothing.

use std::path::Path;
use std::time::Duration;

use medtap_inventory::model::Time;
use medtap_inventory::{Options, resolve};
use medtap_table::vocabulary::{Counter, InterfaceCounter};
use medtap_table::{Region, TableReader};
use serde::Serialize;

use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::live::{self, State};
use crate::pause::Pause;
use crate::reading::{Drops, Meter, Rate, Reading, per_second};
use crate::render;

/// One interval.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Its end, by the engine's clock.
    pub time: Time,
    /// What all workers received.
    #[serde(flatten)]
    pub rate: Rate,
    /// Packets, or refusals, in a second by cause.
    pub drops_per_second: Drops,
    /// Flows that the workers know.
    pub flows: u64,
    /// Devices that the table tells.
    pub devices: u64,
}

/// A counter, with where it counts.
#[derive(Debug, Serialize)]
pub struct Counted {
    /// The interface; null for the workers' sum.
    pub interface: Option<String>,
    /// The counter, by its name in the README's glossary.
    pub counter: &'static str,
    /// How often.
    pub count: u64,
}

/// Shows rates, or all counters.
pub fn run(command: &arguments::Stats, exit: &mut Exit) -> Result<(), Failure> {
    let path = live::path(command.table.as_deref());
    let table = live::open(&path)?;
    if command.all {
        live::say(&table, exit);
        return render::counters(&all(&table), command.output);
    }
    if State::of(&table, live::now_ns()) == State::Saved {
        let name = path.display();
        let text =
            format!("{name}: a saved table does not change; expected --all, or a running engine's");
        return Err(Failure::new(text));
    }
    live::say(&table, exit);
    let pause = Pause::new()?;
    let interval = Duration::from_nanos(command.interval);
    let mut observer = Observer::new(table);
    for number in 0..command.count.unwrap_or(u64::MAX) {
        if !pause.wait(interval) {
            break;
        }
        let line = observer.line(&path);
        if !render::rates(&line, number, command.output)? {
            break;
        }
    }
    let now = live::now_ns();
    let state = State::of(&observer.table, now);
    if state != State::Running && exit.code() == crate::failure::Code::Done {
        live::say(&observer.table, exit);
    }
    Ok(())
}

/// Every counter, with its number.
fn all(table: &TableReader) -> Vec<Counted> {
    let of_workers = Counter::ALL.iter().map(|&counter| Counted {
        interface: None,
        counter: counter.name(),
        count: table.counter(counter),
    });
    let of_interfaces = table.interfaces().flat_map(|(_, interface, counters)| {
        let name = interface.name.as_str().to_owned();
        let counters: Vec<(InterfaceCounter, u64)> = counters;
        counters.into_iter().map(move |(counter, count)| Counted {
            interface: Some(name.clone()),
            counter: counter.name(),
            count,
        })
    });
    of_workers.chain(of_interfaces).collect()
}

/// Who looks again and again.
struct Observer {
    table: TableReader,
    meter: Meter,
    last: Reading,
    /// Devices, and how many subjects and facts there were when they were counted.
    devices: (u64, [u64; 2]),
}

impl Observer {
    fn new(table: TableReader) -> Self {
        let last = Reading::take(&table);
        let mut meter = Meter::default();
        meter.rates(&last);
        Self {
            devices: (0, [u64::MAX; 2]),
            table,
            meter,
            last,
        }
    }

    /// What happened since the line before.
    fn line(&mut self, path: &Path) -> Line {
        // A new engine writes a new file.
        if let Ok(table) = TableReader::open(path)
            && table.run_id() != self.table.run_id()
        {
            *self = Self::new(table);
        }
        let now = Reading::take(&self.table);
        let elapsed = now.heartbeat_ns.saturating_sub(self.last.heartbeat_ns);
        let rates = self.meter.rates(&now);
        let (old, new) = (self.last.drops, now.drops);
        let drops = |get: fn(&Drops) -> u64| per_second(get(&old), get(&new), elapsed);
        let running = State::of(&self.table, live::now_ns()) == State::Running;
        let sum = |get: fn(&Rate) -> u64| match running {
            true => rates.iter().map(get).fold(0, u64::saturating_add),
            false => 0,
        };
        let line = Line {
            time: Time(now.heartbeat_ns),
            rate: Rate {
                packets_per_second: sum(|rate| rate.packets_per_second),
                bits_per_second: sum(|rate| rate.bits_per_second),
            },
            drops_per_second: Drops {
                nic: drops(|drops| drops.nic),
                xdp: drops(|drops| drops.xdp),
                ring: drops(|drops| drops.ring),
                worker: drops(|drops| drops.worker),
                limits: drops(|drops| drops.limits),
            },
            flows: now.workers.iter().map(|worker| worker.flows).sum(),
            devices: self.count_devices(),
        };
        self.last = now;
        line
    }

    /// Counts the devices, where there is anything new.
    fn count_devices(&mut self) -> u64 {
        let used = [Region::Subjects, Region::Facts].map(|region| self.table.used(region));
        if self.devices.1 != used {
            let inventory = resolve(&self.table, &Options::default());
            self.devices = (inventory.devices.len() as u64, used);
        }
        self.devices.0
    }
}
