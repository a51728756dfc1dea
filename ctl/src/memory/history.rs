//! `medtap history`: captures and other histories in, questions answered, backups made. What is
//! added twice counts once.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use medtap_engine::capture::pcap::{Input, Pcap};
use medtap_engine::runtime::{self, Analysis};
use medtap_inventory::history::{
    Change, DeviceRow, Look, Observer, Record, SourceKind, SourceRow, Store,
};
use medtap_inventory::model::Time;
use medtap_inventory::{Options, Resolution};
use medtap_rules::Matcher;
use medtap_table::TableReader;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::arguments::{self, History};
use super::place;
use super::show::{self, Column, column};
use crate::devices;
use crate::failure::{Code, Exit, Failure};
use crate::live;
use crate::render;

/// Captures that are read at once when nothing is said.
const WORKERS_DEFAULT_MAX: usize = 8;

/// Runs one of the commands.
pub fn run(command: &History, exit: &mut Exit) -> Result<(), Failure> {
    match command {
        History::Add(command) => add(command, exit),
        History::Merge(command) => merge(command, exit),
        History::Devices(command) => list(command),
        History::Device(command) => one(command),
        History::Changes(command) => changes(command),
        History::Sources(command) => sources(command),
        History::Join(command) => {
            let by = place::person(&command.by)?;
            let mut store = place::open_to_write(&command.place)?;
            let id = store.join_by_hand(&command.one, &command.other, &by)?;
            exit.say(Code::Done, &format!("they are one device now: {id}"));
            Ok(())
        }
        History::Split(command) => {
            let by = place::person(&command.by)?;
            let mut store = place::open_to_write(&command.place)?;
            let id = store.split_by_hand(&command.device, &command.keys, &by)?;
            exit.say(Code::Done, &format!("a device of its own now: {id}"));
            Ok(())
        }
        History::Check(place) => {
            let store = place::open(place)?;
            store.check()?;
            let (entries, hash) = store.verify_audit()?;
            let entries = render::several(entries, "entry").replace("entrys", "entries");
            show::text(|out| writeln!(out, "the history is whole; audit: {entries}, {hash}"))
        }
        History::Backup(command) => {
            place::open(&command.place)?.backup(&command.file)?;
            Ok(())
        }
        History::Restore(command) => Ok(Store::restore(&command.file, &command.place.history)?),
        History::Vacuum(command) => {
            let policy = place::policy(command.retention.as_deref())?;
            let mut store = place::open_to_write(&command.place)?;
            let now = command.as_of.unwrap_or_else(live::now_ns);
            let removed = store.retain(&policy, now)?;
            let rows = render::several(removed.rows as u64, "row");
            let devices = render::several(removed.devices as u64, "device");
            let bytes = render::bytes(store.bytes()?);
            exit.say(
                Code::Done,
                &format!("forgot {rows} and {devices}; {bytes} in use"),
            );
            Ok(())
        }
    }
}

/// What one capture shows.
struct Reading {
    look: Look,
    table: TableReader,
    faults: Vec<String>,
}

fn add(command: &arguments::Add, exit: &mut Exit) -> Result<(), Failure> {
    let rules = devices::load_rules(command.rules.as_deref())?;
    let matcher = Arc::new(rules.matcher());
    let mut store = place::open_to_write(&command.place)?;
    let asked = command.workers.and_then(|n| usize::try_from(n).ok());
    let workers = asked.unwrap_or_else(|| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        processors.min(WORKERS_DEFAULT_MAX)
    });
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(workers)
        .build()
        .map_err(|error| Failure::new(format!("can't start {workers} threads: {error}")))?;
    let (mut added, mut known) = (0, 0);
    let paths: Vec<PathBuf> = command.files.iter().map(PathBuf::from).collect();
    for files in paths.chunks(workers) {
        let hashes: Vec<Result<String, Failure>> =
            pool.install(|| files.par_iter().map(|file| hash(file.as_path())).collect());
        let mut fresh: Vec<(&PathBuf, String)> = Vec::new();
        for (file, hash) in files.iter().zip(hashes) {
            match hash {
                Ok(uid) if fresh.iter().any(|(_, other)| *other == uid) => known += 1,
                Ok(uid) if store.has_source(&uid)? => known += 1,
                Ok(uid) => fresh.push((file, uid)),
                Err(failure) => exit.report(&failure),
            }
        }
        let rulings = store.rulings()?;
        let task = Task {
            matcher: &matcher,
            generation: rules.generation(),
            subjects: command.subjects,
            site: &command.site,
        };
        let mut read: Vec<Result<Reading, Failure>> = pool.install(|| {
            let read = |(file, uid): &(&PathBuf, String)| task.read(file, uid);
            fresh.par_iter().map(read).collect()
        });
        // By time, so that what is told first happened first.
        read.sort_by_key(|read| read.as_ref().map_or(0, |read| read.look.span.0));
        for read in read {
            match read {
                Ok(read) => {
                    for fault in &read.faults {
                        exit.say(Code::Partial, fault);
                    }
                    let shown = Resolution::new(&read.table, &Options::default(), &rulings);
                    Observer::default().observe(&mut store, &shown, &read.look)?;
                    added += 1;
                }
                Err(failure) => exit.report(&failure),
            }
        }
    }
    let added = render::several(added, "capture");
    let known = match known {
        0 => String::new(),
        known => format!("; {} known already", render::several(known, "capture")),
    };
    exit.say(Code::Done, &format!("added {added}{known}"));
    Ok(())
}

/// What a capture is called for good: its contents.
fn hash(path: &Path) -> Result<String, Failure> {
    let fault = |error: io::Error| Failure::io(format!("{}: {error}", path.display()), &error);
    let mut file = File::open(path).map_err(fault)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).map_err(fault)?;
        if count == 0 {
            break;
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
    let digits: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(format!("sha256:{digits}"))
}

struct Task<'a> {
    matcher: &'a Arc<Matcher>,
    generation: u64,
    subjects: u32,
    site: &'a str,
}

impl Task<'_> {
    fn read(&self, path: &Path, uid: &str) -> Result<Reading, Failure> {
        let pcap = Pcap::open(&[Input::Path(path.to_owned())])?;
        let analysis = Analysis {
            subjects: self.subjects,
            rules_generation: self.generation,
            ..Analysis::new(Arc::clone(self.matcher))
        };
        let report = runtime::analyze(pcap, &analysis, &mut |_| {})?;
        let table = report.table.reader();
        let name = path.display().to_string();
        let mut look = Look::at(&table, SourceKind::Capture, &name, self.site);
        look.uid = Some(uid.to_owned());
        let faults = report.faults.iter().map(ToString::to_string).collect();
        Ok(Reading {
            look,
            table,
            faults,
        })
    }
}

fn merge(command: &arguments::Merge, exit: &mut Exit) -> Result<(), Failure> {
    let mut store = place::open_to_write(&command.place)?;
    for other in &command.others {
        let other_store = Store::open_to_read(other)?;
        other_store.check()?;
        let merged = store.merge(&other_store, live::now_ns())?;
        let text = format!(
            "{}: {} of {}, {} new",
            other.display(),
            render::several(merged.devices as u64, "device"),
            render::several(merged.sources as u64, "source"),
            merged.new_devices
        );
        exit.say(Code::Done, &text);
    }
    Ok(())
}

/// A value, or nothing.
pub fn value(device: &DeviceRow, name: &str) -> String {
    device.attributes.get(name).cloned().unwrap_or_default()
}

/// Columns of a list of devices.
pub const DEVICES: &[Column<DeviceRow>] = &[
    column("id", |d| d.id.clone()),
    column("category", |d| d.category.clone()),
    column("manufacturer", |d| value(d, "manufacturer")),
    column("model", |d| value(d, "model")),
    column("serial_number", |d| value(d, "serial_number")),
    column("hostname", |d| value(d, "hostname")),
    column("addresses", |d| d.addresses.join(";")),
    column("macs", |d| d.macs.join(";")),
    column("first_seen", |d| render::time(d.first_seen)),
    column("last_seen", |d| render::time(d.last_seen)),
    column("notes", |d| {
        let notes = [
            (d.silent_since.is_some(), "silent"),
            (d.local_macs, "made-up MAC address"),
            (d.virtual_machine, "virtual machine"),
            (d.routes, "routes"),
            (d.shared, "several machines behind one address"),
            (!d.reported_by.is_empty(), "reported"),
        ];
        let notes: Vec<&str> = notes.iter().filter(|n| n.0).map(|n| n.1).collect();
        notes.join(", ")
    }),
];

fn list(command: &arguments::Devices) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let mut devices = store.devices()?;
    if let Some(kind) = &command.kind {
        devices.retain(|device| device.class == *kind || device.category == *kind);
    }
    if command.silent {
        devices.retain(|device| device.silent_since.is_some());
    }
    show::rows(&devices, DEVICES, command.shown.output)
}

const CHANGES: &[Column<Change>] = &[
    column("time", |c| render::time(c.time)),
    column("change", |c| c.change.name().to_owned()),
    column("device", |c| c.device.clone().unwrap_or_default()),
    column("subject", |c| c.subject.clone()),
    column("old", |c| c.old.clone()),
    column("new", |c| c.new.clone()),
];

fn changes(command: &arguments::Changes) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let from = Time(command.since.unwrap_or(0));
    let to = Time(command.until.unwrap_or(i64::MAX.cast_unsigned()));
    let changes = store.changes(from, to, command.device.as_deref(), command.kind)?;
    show::rows(&changes, CHANGES, command.shown.output)
}

const SOURCES: &[Column<SourceRow>] = &[
    column("kind", |s| s.kind.clone()),
    column("name", |s| s.name.clone()),
    column("site", |s| s.site.clone()),
    column("first", |s| render::time(s.first)),
    column("last", |s| render::time(s.last)),
    column("packets", |s| s.packets.to_string()),
    column("uid", |s| s.uid.clone()),
];

fn sources(command: &arguments::Listed) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    show::rows(&store.sources()?, SOURCES, command.shown.output)
}

fn one(command: &arguments::Device) -> Result<(), Failure> {
    let store = place::open(&command.place)?;
    let record = store.device(&command.id)?;
    let facts = match command.facts {
        true => store.facts(&command.id)?,
        false => Vec::new(),
    };
    show::one(&record, command.shown.output, |out| {
        describe(&record, out)?;
        if command.facts {
            writeln!(out, "\nStatements:")?;
        }
        for fact in &facts {
            let period = render::period(fact.from, fact.last);
            let raw = render::clean(&fact.raw).into_owned();
            writeln!(
                out,
                "  {}: {raw}  ({}, {period})",
                fact.field, fact.attribute
            )?;
        }
        Ok(())
    })
}

fn describe(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let device = &record.device;
    let clean = |text: &str| render::clean(text).into_owned();
    writeln!(
        out,
        "device {}: {} {}",
        device.id, device.class, device.category
    )?;
    let seen = render::period(device.first_seen, device.last_seen);
    writeln!(out, "seen {seen}, in {} hours", record.hours_seen)?;
    if let Some(since) = device.silent_since {
        writeln!(out, "silent since {}", render::time(since))?;
    }
    if !device.reported_by.is_empty() {
        writeln!(out, "reported by {}", device.reported_by.join(", "))?;
    }
    writeln!(out, "\nValues:")?;
    for value in &record.values {
        let period = render::period(value.from, value.last);
        writeln!(
            out,
            "  {}: {}  ({period})",
            value.attribute,
            clean(&value.value)
        )?;
    }
    writeln!(out, "\nAddresses:")?;
    for binding in &record.bindings {
        let mac = binding.mac.as_deref().unwrap_or("behind a router");
        let address = binding.address.as_deref().unwrap_or("no IP address");
        let period = render::period(binding.from, binding.last);
        let site = clean(&binding.site);
        writeln!(
            out,
            "  {address}  {mac}  {site} VLAN {}  ({period})",
            binding.vlan
        )?;
    }
    writeln!(out, "\nServes:")?;
    for service in &record.services {
        let lock = if service.encrypted { ", encrypted" } else { "" };
        let period = render::period(service.from, service.last);
        writeln!(
            out,
            "  {} on {}{lock}  ({period})",
            service.protocol, service.port
        )?;
    }
    writeln!(out, "\nSpeaks with:")?;
    for link in &record.links {
        let peer = link.peer.as_deref().unwrap_or("several at once");
        let protocol = link.protocol.as_deref().unwrap_or("unknown");
        let way = if link.opens { "to" } else { "from" };
        let bytes = render::bytes(link.bytes);
        writeln!(out, "  {way} {peer}: {protocol} on {}, {bytes}", link.port)?;
    }
    writeln!(out, "\nHappened:")?;
    for change in &record.changes {
        let time = render::time(change.time);
        let (subject, old, new) = (
            clean(&change.subject),
            clean(&change.old),
            clean(&change.new),
        );
        let from = if old.is_empty() {
            String::new()
        } else {
            format!("{old} -> ")
        };
        writeln!(
            out,
            "  {time}  {} {subject} {from}{new}",
            change.change.name()
        )?;
    }
    Ok(())
}
