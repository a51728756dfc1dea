//! A running engine, asked; one that stopped, died or hangs; and one that is started again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use medtap_table::vocabulary::{
    Attach, Attribute, Counter, Delivery, Field, InterfaceCounter, Protocol, Purpose,
};
use medtap_table::{
    Capacity, Edge, EdgeFlags, Fact, Gauges, Interface, InterfaceFlags, Subject, SubjectFlags,
    SubjectId, TableWriter, Text,
};
use serde_json::Value;

use crate::program::{Folder, command, medtap};

const SECOND: u64 = 1_000_000_000;

pub fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_nanos() as u64
}

/// Something that looks like an engine: one interface, one worker, two devices.
pub fn engine(path: &str) -> TableWriter {
    let capacity = Capacity {
        subjects: 64,
        facts: 64,
        edges: 64,
        activities: 8,
        workers: 2,
        heap_bytes: 4096,
        ..Capacity::default()
    };
    let mut writer = TableWriter::create(Path::new(path), capacity).expect("a table");
    let interface = Interface {
        name: Text::cut("mirror0"),
        index: 3,
        attach: Attach::Native,
        delivery: Delivery::Copy,
        queues: 2,
        sockets: 1,
        mtu: 1500,
        frame_bytes: 2048,
        frames: 4096,
        flags: InterfaceFlags::UP | InterfaceFlags::PROMISCUOUS,
        note: Text::cut("zero-copy: the driver does not offer it"),
    };
    writer.add_interface(&interface).expect("room");
    device(&mut writer, 1, "ct-1");
    device(&mut writer, 2, "pacs");
    let dicom = Edge {
        orig: SubjectId(0),
        resp: Some(SubjectId(1)),
        protocol: Some(Protocol::Dicom),
        port: 104,
        transport: 6,
        flags: EdgeFlags::ANSWERED | EdgeFlags::CONFIRMED,
        confidence: 100,
        first_seen_ns: now_ns() - SECOND,
        last_seen_ns: now_ns(),
    };
    writer.add_edge(&dicom).expect("room");
    writer.set_rules_generation(0xabc);
    writer.set_memory_said([(Purpose::Flows, 7_000_000), (Purpose::Rules, 2_000_000)]);
    writer.set_memory_taken(5_000_000);
    write(&mut writer, 1000);
    writer
}

/// A device with a name.
pub fn device(writer: &mut TableWriter, last: u8, name: &str) {
    let now = now_ns();
    let subject = Subject {
        flags: SubjectFlags::ARP | SubjectFlags::TWO_WAY,
        mac: [2, 0, 0, 0, 0, last],
        address: Some([192, 0, 2, last].into()),
        first_seen_ns: now - 2 * SECOND,
        last_seen_ns: now,
        ..Subject::default()
    };
    let id = writer.add_subject(&subject).expect("room");
    let traffic = medtap_table::Traffic {
        packets_sent: 5,
        bytes_sent: 500,
        ..Default::default()
    };
    writer.add_traffic(id, traffic);
    writer.add_fact(&hostname(id, name)).expect("room");
}

fn hostname(subject: SubjectId, name: &str) -> Fact<'_> {
    Fact {
        subject,
        rule: 0,
        field: Field::DhcpHostname,
        attribute: Attribute::Hostname,
        confidence: 80,
        raw: name.into(),
        value: name.into(),
        raw_cut: false,
        value_cut: false,
        first_seen_ns: now_ns() - SECOND,
        last_seen_ns: now_ns(),
        count: 1,
    }
}

/// What an engine writes each second, after so many packets.
fn write(writer: &mut TableWriter, packets: u64) {
    let now = now_ns();
    let counters = [(Counter::Packets, packets), (Counter::Bytes, packets * 100)];
    writer.set_counters(0, counters).expect("room");
    // The aggregator's own.
    writer
        .set_counters(1, [(Counter::EdgesRefused, 0)])
        .expect("room");
    let mut histogram = Histogram::<u64>::new(3).expect("a histogram");
    histogram.record_n(2_000, 99).expect("in bounds");
    histogram.record(50_000).expect("in bounds");
    let mut latency = Vec::new();
    V2Serializer::new()
        .serialize(&histogram, &mut latency)
        .expect("bytes");
    let gauges = Gauges {
        ring_fill: 7,
        ring_capacity: 2048,
        owed: 2,
        rules_generation: 0xabc,
        cpu: Some(1),
        beat_ns: now,
        flows: 42,
        latency: &latency,
    };
    writer.set_gauges(0, &gauges).expect("room");
    let (id, ..) = writer.reader().interfaces().next().expect("an interface");
    let counters = [
        (InterfaceCounter::NicDropped, packets / 100),
        (InterfaceCounter::XdpPackets, packets + 3),
        (InterfaceCounter::XdpRedirected, packets + 1),
        (InterfaceCounter::XdpNoSocket, 2),
        (InterfaceCounter::RingFull, 1),
        (InterfaceCounter::Delivered, packets),
    ];
    writer.set_interface_counters(id, counters);
    writer.heartbeat(now);
}

/// An engine that goes on writing until it is ended.
struct Running {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<TableWriter>>,
}

impl Running {
    fn start(mut writer: TableWriter) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let thread = thread::spawn(move || {
            let mut packets = 1000;
            while !ended.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(20));
                packets += 100;
                write(&mut writer, packets);
            }
            writer
        });
        Self {
            end,
            thread: Some(thread),
        }
    }

    fn end(mut self) -> TableWriter {
        self.end.store(true, Ordering::Relaxed);
        self.thread
            .take()
            .expect("a thread")
            .join()
            .expect("an end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

/// Every command, on this table.
fn commands(table: &str) -> [Vec<String>; 6] {
    [
        "devices",
        "device ct-1",
        "status",
        "stats --count 1 --interval 50ms",
        "stats --all",
        "events",
    ]
    .map(|line| {
        let words = line.split(' ').map(str::to_owned);
        words
            .chain(["--table".to_owned(), table.to_owned()])
            .collect()
    })
}

fn run(arguments: &[String]) -> crate::program::Run {
    medtap(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_running_engine_is_asked() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let running = Running::start(engine(&table));
    for arguments in commands(&table) {
        let run = run(&arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(!run.stdout.is_empty(), "{arguments:?}");
    }

    let status = medtap(&["status", "--table", &table, "--output", "json"]).json();
    assert_eq!(status["engine"]["state"], "running");
    assert_eq!(status["engine"]["pid"], std::process::id());
    assert_eq!(status["engine"]["layout_version"], 3);
    assert_eq!(status["engine"]["rules_agree"], true);
    assert_eq!(status["contradictions"], Value::Array(vec![]));
    let workers = status["workers"].as_array().expect("a list");
    assert_eq!(workers.len(), 1, "the aggregator is no worker");
    assert_eq!(workers[0]["cpu"], 1);
    assert_eq!(workers[0]["burst_us"]["p50"], 2.0);
    assert_eq!(workers[0]["burst_us"]["max"], 50.0);
    let rate = workers[0]["packets_per_second"].as_u64().expect("a number");
    assert!((500..=5000).contains(&rate), "{rate}");
    assert_eq!(status["interfaces"][0]["delivery"], "copy");
    assert_eq!(status["interfaces"][0]["flags"][1], "promiscuous");
    assert_eq!(status["regions"][0]["used"], 2);
    assert_eq!(status["memory"]["said_bytes"], 9_000_000);
    assert_eq!(status["memory"]["said"][1]["purpose"], "rules");
    assert_eq!(status["memory"]["taken_bytes"], 5_000_000);

    let page = medtap(&["status", "--table", &table]).stdout;
    assert!(page.ends_with("everything adds up\n"), "{page}");
    for part in [
        "attach native, delivery copy, 2 × 1 sockets, MTU 1500",
        "why: zero-copy: the driver does not offer it",
        "lost: mirror0 xdp_no_socket 2",
        "7/2048",
        "at most 9.0 MB; taken 5.0 MB beside the table",
        "flows 7.0 MB, rules 2.0 MB",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }

    let stats = [
        "stats",
        "--table",
        &table,
        "--interval",
        "100ms",
        "--count",
        "3",
    ];
    let lines = medtap(&stats).stdout;
    assert_eq!(lines.lines().count(), 4, "{lines}");
    let lines = medtap(&[&stats[..], &["-o", "jsonl"]].concat()).stdout;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert!(line["packets_per_second"].as_u64() > Some(500), "{line}");
        assert!(line["drops_per_second"]["nic"].as_u64() > Some(0), "{line}");
        assert_eq!((&line["flows"], &line["devices"]), (&42.into(), &2.into()));
    }
    let all = medtap(&["stats", "--table", &table, "--all"]).stdout;
    for name in ["handovers_waited", "interface mirror0", "fill_empty"] {
        assert!(all.contains(name), "{name}\n{all}");
    }
    drop(running);
}

#[test]
fn a_copy_reads_like_the_engine() {
    let folder = Folder::new();
    let (table, copy) = (folder.path("live.table"), folder.path("copy.table"));
    let running = Running::start(engine(&table));
    let saved = medtap(&["save", &copy, "--table", &table]);
    assert_eq!((saved.code, saved.stderr.as_str()), (0, ""));
    let ids = |table: &str| {
        let devices = medtap(&["devices", "--table", table, "-o", "json"]).json();
        let devices = devices["devices"].as_array().expect("a list").clone();
        devices
            .into_iter()
            .map(|each| each["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&table), ids(&copy));
    assert_eq!(ids(&copy).len(), 2);
    // Never over the engine's own.
    let run = medtap(&["save", &table, "--table", &table]);
    assert!(run.sentence(2).contains("would be lost"), "{}", run.stderr);
    let run = medtap(&["events", "--follow", "--table", &copy]);
    assert!(
        run.sentence(2).contains("does not change"),
        "{}",
        run.stderr
    );
    let run = medtap(&["stats", "--table", &copy]);
    assert!(
        run.sentence(2).contains("does not change"),
        "{}",
        run.stderr
    );
    running.end();
}

#[test]
fn no_engine_is_code_three() {
    let folder = Folder::new();
    let table = folder.path("none");
    for arguments in [
        vec!["status"],
        vec!["stats"],
        vec!["events"],
        vec!["events", "--follow"],
        vec!["save", "x"],
    ] {
        let run = medtap(&[&arguments[..], &["--table", &table]].concat());
        let sentence = run.sentence(3);
        assert_eq!(
            sentence,
            format!("engine is not running: there is no table at {table}; start medtapd")
        );
    }
}

#[test]
fn what_an_engine_left_is_shown() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let mut writer = engine(&table);
    writer.stop(now_ns());
    drop(writer);
    for arguments in commands(&table) {
        let run = run(&arguments);
        let sentence = run.sentence(3);
        assert!(
            sentence.starts_with("engine is not running: it stopped at 20"),
            "{sentence}"
        );
        assert!(!run.stdout.is_empty(), "{arguments:?}");
    }
}

/// This process lives, and its heartbeat is old. Then the process of the table is none that lives.
#[test]
fn stale_data_are_code_four() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let writer = engine(&table);
    age(&table, 60 * SECOND);
    for arguments in commands(&table) {
        let run = run(&arguments);
        let sentence = run.sentence(4);
        assert!(
            sentence.starts_with("data are stale: the engine, process"),
            "{sentence}"
        );
        assert!(
            sentence.ends_with("1 min ago") || sentence.contains(" 1 min "),
            "{sentence}"
        );
    }
    drop(writer);
    let gone = u32::MAX - 7;
    patch(&table, 40, &gone.to_le_bytes());
    for arguments in commands(&table) {
        let run = run(&arguments);
        let sentence = run.sentence(3);
        assert!(sentence.contains("is gone without a word"), "{sentence}");
    }
}

/// Makes the table older: when it was made, and its heartbeat.
pub fn age(table: &str, by_ns: u64) {
    use medtap_table::layout::{HEADER_COUNTERS_OFFSET, Header};
    let then = (now_ns() - by_ns).to_le_bytes();
    patch(table, std::mem::offset_of!(Header, created_ns), &then);
    patch(table, HEADER_COUNTERS_OFFSET, &then);
}

fn patch(table: &str, offset: usize, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(table)
        .expect("the table");
    file.write_all_at(bytes, offset as u64).expect("written");
}

#[test]
fn events_tell_the_past() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let running = Running::start(engine(&table));
    let events = ["events", "--table", &table, "--output", "jsonl"];
    let lines = medtap(&events).stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let times: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["time"].as_str())
        .collect();
    assert_eq!(times.len(), lines.len());
    let number = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!(number("engine_started"), 1);
    assert_eq!(number("device_appeared"), 2);
    assert_eq!(number("address_appeared"), 2);
    assert_eq!(number("service_appeared"), 1);
    let name = lines
        .iter()
        .find(|line| line["event"] == "attribute_appeared" && line["subject"] == "hostname");
    assert_eq!(name.expect("a name")["old"], Value::Null);

    let chosen = medtap(&[&events[..], &["--where", "addresses = 192.0.2.2"]].concat());
    assert!(!chosen.stdout.contains("ct-1") && chosen.stdout.contains("\"pacs\""));
    running.end();
}

/// Everything that happens while one follows, the end of the engine and another one included.
#[test]
fn events_are_followed_over_a_restart() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let running = Running::start(engine(&table));
    let arguments = [
        "events",
        "--follow",
        "--interval",
        "50ms",
        "--output",
        "jsonl",
        "--table",
        &table,
    ];
    let mut child = command(&arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut wait_for = |event: &str, about: &str| {
        let found = lines.by_ref().find_map(|line| {
            let line = line.expect("a line");
            let hit = line.contains(&format!("\"event\":\"{event}\"")) && line.contains(about);
            hit.then_some(line)
        });
        found.unwrap_or_else(|| panic!("no {event} {about}"))
    };
    wait_for("service_appeared", "dicom");

    let mut writer = running.end();
    device(&mut writer, 3, "pump-3");
    write(&mut writer, 9000);
    wait_for("device_appeared", "pump-3");
    let surer = Fact {
        confidence: 95,
        field: Field::LldpSystemName,
        ..hostname(SubjectId(0), "ct-1b")
    };
    writer.add_fact(&surer).expect("room");
    write(&mut writer, 9100);
    let changed = wait_for("attribute_changed", "hostname");
    assert!(
        changed.contains("\"old\":\"ct-1\",\"new\":\"ct-1b\""),
        "{changed}"
    );
    writer.stop(now_ns());
    wait_for("engine_stopped", "process");
    drop(writer);
    let running = Running::start(engine(&table));
    wait_for("engine_restarted", "process");
    let mut writer = running.end();
    device(&mut writer, 4, "pump-4");
    // What the first engine saw does not appear again.
    let next = wait_for("device_appeared", "");
    assert!(next.contains("pump-4"), "{next}");

    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

/// A reader that has enough closes the pipe: no failure, and no endless run.
#[test]
fn closed_pipes_end_what_goes_on() {
    let folder = Folder::new();
    let table = folder.path("live.table");
    let running = Running::start(engine(&table));
    for arguments in [
        vec!["stats", "--interval", "20ms"],
        vec!["events", "--follow", "--interval", "20ms"],
    ] {
        let mut child = command(&[&arguments[..], &["--table", &table]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        lines.next().expect("a line").expect("text");
        drop(lines);
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }
    running.end();
}

#[test]
fn wrong_values_are_one_sentence() {
    for arguments in [
        vec!["stats", "--interval", "0s"],
        vec!["stats", "--interval", "soon"],
        vec!["stats", "--count", "0"],
        vec!["stats", "--all", "--count", "2"],
        vec!["events", "--where", "colour = red"],
        vec!["status", "--output", "csv"],
        vec!["save"],
    ] {
        let run = medtap(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}
