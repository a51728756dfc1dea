//! `medtapd` and `medtap` as a user starts them, and what the engine's table says. It reads what
//! any user can read.

use std::path::{Path, PathBuf};
use std::process::Command;

use medtap_table::TableReader;
use medtap_table::vocabulary::{Counter, InterfaceCounter};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{Lab, MONITOR, Process, eventually, run};

/// A program of this workspace, which lies beside the tests: …/target/<profile>/deps/live-0123.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("a target folder");
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "{} is not built: run `cargo build --workspace --bins` before the live tests",
        program.display()
    );
    program
}

/// The running engine.
pub struct Engine {
    /// Its process.
    pub process: Process,
    /// Its table.
    pub table: PathBuf,
}

/// What the table counted, at one time.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    counters: Vec<(InterfaceCounter, u64)>,
    /// Packets by worker.
    pub workers: Vec<u64>,
    /// Fingerprints of the rules, one for each worker.
    pub generations: Vec<u64>,
    /// How the interface is received: attach and delivery.
    pub way: (&'static str, &'static str),
    /// The interface's MTU.
    pub mtu: u32,
}

impl Reading {
    /// One counter of the interface.
    pub fn get(&self, counter: InterfaceCounter) -> u64 {
        let found = self.counters.iter().find(|(it, _)| *it == counter);
        found.map_or(0, |(_, value)| *value)
    }
}

impl Engine {
    /// The command that starts it on the sensor's interface.
    pub fn command(lab: &Lab, table: &Path, arguments: &[&str]) -> Command {
        Self::command_on(lab, MONITOR, table, arguments)
    }

    /// The same on another interface.
    pub fn command_on(lab: &Lab, interface: &str, table: &Path, arguments: &[&str]) -> Command {
        let mut command = Self::command_of(lab, table);
        command.args(["--interface", interface]).args(arguments);
        command
    }

    /// The same without an interface: a configuration names it.
    pub fn command_of(lab: &Lab, table: &Path) -> Command {
        let mut command = lab.command("sensor", program("medtapd"));
        command.arg("--table").arg(table);
        command
    }

    /// Starts it and waits until it listens.
    pub fn start(lab: &Lab, arguments: &[&str]) -> Self {
        let table = lab.folder().join("live.table");
        Self::start_by(lab, Self::command(lab, &table, arguments))
    }

    /// The same by a command, which names the table `live.table` in the lab's folder.
    pub fn start_by(lab: &Lab, command: Command) -> Self {
        let table = lab.folder().join("live.table");
        let mut process = lab.start(command);
        process.says("listening with");
        Self { process, table }
    }

    /// What it counted until its last beat.
    pub fn reading(&self) -> Reading {
        let table = TableReader::open(&self.table).expect("a readable table");
        let mut reading = Reading::default();
        if let Some((_, interface, counters)) = table.interfaces().next() {
            reading.counters = counters;
            reading.way = (interface.attach.name(), interface.delivery.name());
            reading.mtu = interface.mtu;
        }
        for worker in table.workers().filter(|worker| worker.beat_ns != 0) {
            let packets = worker
                .counters
                .iter()
                .find(|(it, _)| *it == Counter::Packets);
            reading.workers.push(packets.map_or(0, |(_, value)| *value));
            reading.generations.push(worker.rules_generation);
        }
        reading
    }

    /// Waits until a counter of the interface has this value at least.
    pub fn reaches(&self, counter: InterfaceCounter, value: u64) -> Reading {
        let mut last = Reading::default();
        eventually(&format!("{} to be {value}", counter.name()), || {
            last = self.reading();
            (last.get(counter) >= value).then(|| last.clone())
        })
    }

    /// Asks it to end; it must end well.
    pub fn stop(&mut self) {
        let status = self.process.stop(Signal::SIGTERM);
        assert!(status.success(), "{status}: {}", self.process.said());
    }
}

/// The command `medtap` with these arguments.
pub fn reader(arguments: &[&str]) -> Command {
    let mut command = Command::new(program("medtap"));
    command.args(arguments);
    command
}

/// The devices of a table, as JSON. An engine that ended gives code 3, and its devices.
pub fn devices(table: &Path) -> Value {
    let table = table.to_str().expect("a path in UTF-8");
    let output = reader(&["devices", "--table", table, "--output", "json"]).output();
    let output = output.expect("medtap can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The devices of a capture, as JSON.
pub fn analyze(capture: &Path) -> Value {
    let mut command = reader(&["analyze"]);
    let text = run(command.arg(capture).args(["--output", "json"]));
    serde_json::from_str(&text).expect("JSON of medtap")
}
