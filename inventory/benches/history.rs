//! What memory costs at the size that it is made for: a made inventory of 100,000 devices,
//! 3 million facts and 90 days of hours. It prints times and sizes; run it with
//! `just history-scale`.

use std::path::Path;
use std::time::Instant;

use medtap_inventory::history::{Look, Observer, SourceKind, Store};
use medtap_inventory::model::Time;
use medtap_inventory::trace::Rulings;
use medtap_inventory::{Extent, Options, Resolution};
use medtap_table::vocabulary::{Attribute, Field, Protocol};
use medtap_table::{
    Capacity, Edge, EdgeFlags, EdgeId, Fact, FactId, FactTimes, Subject, SubjectFlags, SubjectId,
    TableReader, TableWriter, Traffic, Volume,
};
use rusqlite::{Connection, params};

/// Devices of the made history.
const DEVICES: u32 = 100_000;
/// Facts of each.
const FACTS: u32 = 30;
/// Weeks of hours of each: 90 days.
const WEEKS: u64 = 13;
/// Changes of each.
const CHANGES: u64 = 5;
/// Devices of the made table.
const LIVE_DEVICES: u32 = 100_000;
/// Facts of each of those, as in an engine's table; [`FACTS`] is the other size.
const LIVE_FACTS: u32 = 4;
/// Conversations that each of those opened.
const LIVE_EDGES: u32 = 4;
/// What the site's system says of each.
const ASSET: [(&str, &str); 6] = [
    ("manufacturer", "Acme Medical"),
    ("model", "Pump 2"),
    ("department", "Intensive care"),
    ("location", "Main > A > 3 > ICU"),
    ("last_maintenance", "2026-01-12"),
    ("next_maintenance", "2027-01-12"),
];
/// 2026-03-02, a Monday.
const MONDAY_NS: u64 = 1_772_409_600_000_000_000;
const HOUR_NS: u64 = 3_600_000_000_000;
/// What a conversation carries in an hour.
const VOLUME: Volume = Volume {
    packets: 40,
    bytes: 30_000,
    conversations: 2,
};

fn main() {
    // `cargo test` and `cargo bench -- --list` only ask whether it is there.
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--scale") {
        return;
    }
    // Each part by its name; all of them where none is named. A part that measures memory is best
    // run alone: what another one gave back may still be counted.
    let parts = ["history", "list", "serve-4", "serve-30"];
    let named = |part: &str| arguments.iter().any(|argument| argument == part);
    let all = !parts.iter().any(|part| named(part));
    let asked = |part: &str| all || named(part);
    if named("table") {
        // For `medtap serve` and `medtap devices`, which are not part of this.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scale.table");
        drop(table(&path, FACTS));
        println!("{}", path.display());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    if asked("history") {
        history(&folder.path().join("history.db"));
    }
    if asked("list") {
        list(folder.path(), LIVE_FACTS);
        list(folder.path(), FACTS);
    }
    for facts in [LIVE_FACTS, FACTS] {
        if asked(&format!("serve-{facts}")) {
            serve(folder.path(), facts);
        }
    }
}

fn history(path: &Path) {
    drop(Store::open(path).expect("a history"));
    let ((), wall, _) = timed(|| fill(path));
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    println!("made in {:.0} s: {} MB", wall / 1e3, size / 1_000_000);
    questions(path);
}

fn fill(path: &Path) {
    let mut db = Connection::open(path).expect("the history");
    db.pragma_update(None, "synchronous", "OFF")
        .expect("a pragma");
    let step = db.transaction().expect("a step");
    {
        let mut device = step
            .prepare(
                "INSERT INTO devices VALUES (?1, ?2, ?3, ?4, 'medical', 'infusion_pump', 90, '', \
                 0, 0)",
            )
            .expect("sound");
        let mut key = step
            .prepare("INSERT INTO keys VALUES (5, ?1, ?2, ?3, ?4, '', 0)")
            .expect("sound");
        let mut fact = step
            .prepare("INSERT INTO facts VALUES (?1, ?2, ?3, ?4, ?4, 0, ?5, ?6, 90, 5)")
            .expect("sound");
        let mut value = step
            .prepare("INSERT INTO attributes VALUES (?1, ?2, ?3, ?4, ?5, 90)")
            .expect("sound");
        let mut address = step
            .prepare("INSERT INTO addresses VALUES (?1, 'main', 0, 100, ?2, ?3, ?4, ?5, 1)")
            .expect("sound");
        let mut link = step
            .prepare(
                "INSERT OR IGNORE INTO links VALUES (?1, ?2, 'hl7', 6, 2575, 1, 0, 1, ?3, ?4, 10, \
                 900)",
            )
            .expect("sound");
        let mut change = step
            .prepare(
                "INSERT INTO changes(at_ns, noted_ns, device, kind, subject, old, new)
                 VALUES (?1, ?1, ?2, 'changed', 'firmware_version', ?3, ?4)",
            )
            .expect("sound");
        let mut asset = step
            .prepare("INSERT INTO assets VALUES (?1, 'cmms', ?2, ?1, 'serial', ?3, 0)")
            .expect("sound");
        let mut said = step
            .prepare("INSERT INTO asset_values VALUES (?1, ?2, ?3)")
            .expect("sound");
        let last = MONDAY_NS + WEEKS * 168 * HOUR_NS;
        for number in 1..=DEVICES {
            asset
                .execute(params![number, format!("T{number:07}"), MONDAY_NS])
                .expect("room");
            for (name, value) in ASSET {
                said.execute(params![number, name, value]).expect("room");
            }
            let [_, a, b, c] = number.to_be_bytes();
            let mac = format!("00:12:21:{a:02x}:{b:02x}:{c:02x}");
            let id = format!(
                "{:016x}",
                u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            );
            device
                .execute(params![number, id, MONDAY_NS, last])
                .expect("room");
            key.execute(params![mac, number, MONDAY_NS, last])
                .expect("room");
            let ip = format!("10.{a}.{b}.{c}");
            address
                .execute(params![number, mac, ip, MONDAY_NS, last])
                .expect("room");
            for place in 0..FACTS {
                let text = format!("value {place} of device {number}");
                let field = 10 + place % 16;
                fact.execute(params![number, place % 17, field, text, MONDAY_NS, last])
                    .expect("room");
            }
            for name in [
                "hostname",
                "manufacturer",
                "model",
                "firmware_version",
                "location",
            ] {
                let text = format!("{name} {}", number % 977);
                value
                    .execute(params![number, name, MONDAY_NS, last, text])
                    .expect("room");
            }
            for day in 0..CHANGES {
                let at_ns = MONDAY_NS + day * 24 * HOUR_NS + u64::from(number);
                let versions = (format!("1.{day}"), format!("1.{}", day + 1));
                change
                    .execute(params![at_ns, number, versions.0, versions.1])
                    .expect("room");
            }
            for peer in [number % 50 + 1, number % 499 + 1] {
                link.execute(params![number, peer, MONDAY_NS, last])
                    .expect("room");
            }
        }
        let first = MONDAY_NS / HOUR_NS / 168;
        let mut hours = step
            .prepare("INSERT INTO hours VALUES (?1, ?2, ?3, 1, ?4)")
            .expect("sound");
        let online: Vec<u8> = [0, 1].into_iter().chain([1; 334]).collect();
        let busy: Vec<u8> = [7, 3].into_iter().chain([9, 4].repeat(16)).collect();
        for week in first..first + WEEKS {
            for number in 1..=DEVICES {
                hours
                    .execute(params![week, number, 0, online])
                    .expect("room");
                if number % 5 == 0 {
                    hours
                        .execute(params![week, number, 20, busy])
                        .expect("room");
                }
            }
        }
    }
    step.commit().expect("room");
    db.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")
        .expect("room");
}

/// The slowest and the middle of some runs, by the clock and in time of the processors: other
/// programs count in the one, and not in the other.
fn time(what: &str, limit_ms: f64, mut run: impl FnMut(u32)) {
    let mut runs: Vec<(f64, f64)> = (0..20)
        .map(|round| {
            let ((), wall, cpu) = timed(|| run(round * 4_801 % DEVICES + 1));
            (wall, cpu)
        })
        .collect();
    let mut middle_and_most = |by: fn(&(f64, f64)) -> f64| {
        runs.sort_by(|a, b| by(a).total_cmp(&by(b)));
        (by(&runs[runs.len() / 2]), by(&runs[runs.len() - 1]))
    };
    let (wall, cpu) = (middle_and_most(|run| run.0), middle_and_most(|run| run.1));
    let kept = if cpu.1 < limit_ms { "kept" } else { "MISSED" };
    println!(
        "{what:30} clock {:7.2} ms, most {:7.2}; processor {:6.2} ms, most {:6.2} ({kept})",
        wall.0, wall.1, cpu.0, cpu.1
    );
}

fn questions(path: &Path) {
    let store = Store::open_to_read(path).expect("the history");
    let name = |number: u32| {
        let [_, a, b, c] = number.to_be_bytes();
        format!("10.{a}.{b}.{c}")
    };
    let now = Time(MONDAY_NS + WEEKS * 168 * HOUR_NS);
    time("one device", 20.0, |n| {
        drop(store.device(&name(n)).expect("known"))
    });
    time("its statements", 20.0, |n| {
        drop(store.facts(&name(n)).expect("known"))
    });
    time("its identity", 20.0, |n| {
        drop(store.identity(&name(n)).expect("known"))
    });
    time("its use", 20.0, |n| {
        drop(store.utilisation(&name(n), now).expect("known"))
    });
    time("its changes", 20.0, |n| {
        let changes = store.changes(Time(0), now, Some(&name(n)), None);
        drop(changes.expect("known"));
    });
    time("how it is looked after", 20.0, |n| {
        drop(store.maintenance(&name(n), now).expect("known"));
    });
    time("its asset", 20.0, |n| {
        drop(store.asset_of(&name(n)).expect("known"));
    });
    time("what that rests on", 20.0, |n| {
        assert_eq!(store.basis(&name(n)).expect("known").devices, 1);
    });
    time("what it needs", 20.0, |n| {
        drop(store.requirement(&name(n)).expect("known"));
    });
    // The worst there is: each of fifty devices speaks with 2,200 others.
    let first = |n: u32| name(n % 50 + 1);
    time("one device with 2,200 peers", 20.0, |n| {
        drop(store.device(&first(n)).expect("known"))
    });
    time("how that one is looked after", 20.0, |n| {
        drop(store.maintenance(&first(n), now).expect("known"));
    });
    time("what that one needs", 20.0, |n| {
        drop(store.requirement(&first(n)).expect("known"));
    });
    let (all, wall, cpu) = timed(|| store.devices().expect("devices").len());
    println!("all {all} devices from the history: {wall:.0} ms, processors {cpu:.0} ms");
}

/// A time of the made week.
fn hour(number: u64) -> u64 {
    MONDAY_NS + number * HOUR_NS
}

/// What an engine knows after an hour: `facts` of each device, conversations with four others.
fn table(path: &Path, facts: u32) -> TableWriter {
    let capacity = Capacity {
        subjects: LIVE_DEVICES,
        facts: LIVE_DEVICES * facts,
        edges: LIVE_DEVICES * LIVE_EDGES * 2,
        activities: 16_384,
        workers: 2,
        interfaces: 1,
        heap_bytes: 16 << 20,
    };
    // As an engine's, a file that this process maps: none of its own memory.
    let mut writer = TableWriter::create(path, capacity).expect("memory");
    let (first, last) = (hour(2000), hour(2001));
    for number in 1..=LIVE_DEVICES {
        let subject = subject(number, (first, last));
        let id = writer.add_subject(&subject).expect("room");
        let traffic = Traffic {
            packets_sent: 10,
            ..Traffic::default()
        };
        writer.add_traffic(id, traffic);
        for place in 0..facts {
            let (attribute, field, text) = said(number, place);
            let fact = Fact {
                subject: id,
                rule: 0,
                field,
                attribute,
                confidence: 80,
                raw: text.clone().into(),
                value: text.into(),
                raw_cut: false,
                value_cut: false,
                first_seen_ns: first,
                last_seen_ns: last,
                count: 1,
            };
            writer.add_fact(&fact).expect("room");
        }
    }
    for number in 0..LIVE_DEVICES * LIVE_EDGES {
        let other = (number * 7 + number % LIVE_EDGES) % LIVE_DEVICES;
        add_edge(&mut writer, number / LIVE_EDGES, other, (first, last));
    }
    writer
}

fn subject(number: u32, times: (u64, u64)) -> Subject {
    let [_, a, b, c] = number.to_be_bytes();
    Subject {
        flags: SubjectFlags::ARP | SubjectFlags::TWO_WAY,
        mac: [0, 0x12, 0x21, a, b, c],
        address: Some([10, a, b, c].into()),
        vlan: 100,
        first_seen_ns: times.0,
        last_seen_ns: times.1,
        ..Subject::default()
    }
}

/// Of every device a name, a maker, a model and a serial number; then what is only observed.
fn said(number: u32, place: u32) -> (Attribute, Field, String) {
    match place {
        0 => (
            Attribute::Hostname,
            Field::DhcpHostname,
            format!("host-{number}"),
        ),
        1 => (
            Attribute::Manufacturer,
            Field::DicomManufacturer,
            format!("Maker {}", number % 97),
        ),
        2 => (
            Attribute::Model,
            Field::DicomModel,
            format!("Model {}", number % 977),
        ),
        3 => (
            Attribute::SerialNumber,
            Field::DicomSerialNumber,
            format!("SN{number:07}"),
        ),
        _ => {
            let field = Field::ALL[place as usize % 16 + 3];
            (
                Attribute::Observed,
                field,
                format!("value {place} of device {number}"),
            )
        }
    }
}

fn add_edge(writer: &mut TableWriter, orig: u32, resp: u32, times: (u64, u64)) {
    let edge = Edge {
        orig: SubjectId(orig),
        resp: Some(SubjectId(resp)),
        protocol: Some(Protocol::Hl7),
        port: 2575,
        transport: 6,
        flags: EdgeFlags::ANSWERED | EdgeFlags::CONFIRMED,
        confidence: 90,
        first_seen_ns: times.0,
        last_seen_ns: times.1,
    };
    let id = writer.add_edge(&edge).expect("room");
    writer.add_volume(id, VOLUME);
}

/// Kibibytes of memory of this process that is its own, now.
fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(0)
}

/// The most memory of its own while it runs, looked at every few milliseconds.
fn peak<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                most = own_memory().max(most);
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            most
        });
        let result = run();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (result, watcher.join().unwrap_or(0) / 1024)
    })
}

/// Time by the clock, and of all processors together.
fn timed<T>(run: impl FnOnce() -> T) -> (T, f64, f64) {
    let cpu = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let (begin, used) = (Instant::now(), cpu());
    let result = run();
    let wall = begin.elapsed().as_secs_f64() * 1e3;
    (result, wall, cpu() - used)
}

/// From a table to the devices that a list shows.
fn list(folder: &Path, facts: u32) {
    let path = folder.join("list.table");
    drop(table(&path, facts));
    let table = TableReader::open(&path).expect("the table");
    for (extent, what) in [(Extent::Listed, "listed"), (Extent::Whole, "whole")] {
        let (_, own) = peak(|| {
            let (found, wall, cpu) =
                timed(|| Resolution::new(&table, &Options::default(), &Rulings::default()));
            let count = found.len();
            println!(
                "{count} devices of {facts} facts found: {wall:.0} ms, processors {cpu:.0} ms"
            );
            let (_, wall, cpu) = timed(|| found.inventory(extent).devices.len());
            println!("made, {what}: {wall:.0} ms, processors {cpu:.0} ms");
        });
        println!("own memory for all of them: {own} MiB");
    }
}

/// As a sensor's `serve` sees it: looks at a table, an hour of a hospital between some.
fn serve(folder: &Path, facts: u32) {
    let path = folder.join(format!("served-{facts}.db"));
    let table_path = folder.join(format!("served-{facts}.table"));
    let mut writer = table(&table_path, facts);
    let reader = TableReader::open(&table_path).expect("the table");
    let mut store = Store::open(&path).expect("a history");
    let mut observer = Observer::default();
    println!("own memory before: {} MiB", own_memory() / 1024);
    let looks = [
        ("all is new", true, 2001, false),
        ("the same again", false, 2001, false),
        ("an hour later, nothing changed", true, 2001, false),
        ("an hour of the mix", true, 2002, true),
        ("within the hour", false, 2002, false),
        ("the next hour of the mix", true, 2003, true),
    ];
    for (round, (what, flush, at, mix)) in (0..).zip(looks) {
        if mix {
            mix_hour(&mut writer, facts, at);
        }
        let bytes = store.bytes().expect("bytes");
        let (((), wall, cpu), own) = peak(|| {
            timed(|| {
                let mut look = Look::at(&reader, SourceKind::Live, "live", "main");
                (look.run, look.at_ns) = (7, hour(at) + round * 1_000_000_000);
                look.flush = flush;
                let shown = Resolution::new(&reader, &Options::default(), &Rulings::default());
                observer.observe(&mut store, &shown, &look).expect("room");
            })
        });
        let more = store.bytes().expect("bytes").saturating_sub(bytes) / 1000;
        let (wall, cpu) = (wall / 1e3, cpu / 1e3);
        println!(
            "serve, {facts} facts, {what}: {wall:.1} s, processors {cpu:.1} s, own {own} MiB, \
             {more} kB more"
        );
    }
}

/// An hour of a hospital: see docs/inventory.md for what is assumed.
fn mix_hour(writer: &mut TableWriter, facts: u32, at: u64) {
    let (before, now) = (hour(at - 1), hour(at) - 1);
    for number in 0..LIVE_DEVICES {
        // Three of four are seen, and say half of what they say again.
        if number % 4 == 3 {
            continue;
        }
        let id = SubjectId(number);
        writer.add_traffic(
            id,
            Traffic {
                packets_sent: 1000,
                bytes_sent: 500_000,
                ..Traffic::default()
            },
        );
        writer.set_subject(id, &subject(number + 1, (hour(2000), now)));
        for place in (0..facts).step_by(2) {
            let times = FactTimes {
                first_seen_ns: hour(2000),
                last_seen_ns: now,
                count: 2,
                confidence: 80,
            };
            writer.set_fact_times(FactId(number * facts + place), times);
        }
        for edge in (0..LIVE_EDGES).step_by(2) {
            let id = EdgeId(number * LIVE_EDGES + edge);
            writer.add_volume(id, VOLUME);
        }
        // One of a hundred speaks with somebody new.
        if number % 100 == 0 {
            let other = (number * 13 + at as u32) % LIVE_DEVICES;
            add_edge(writer, number, other, (before, now));
        }
    }
}
