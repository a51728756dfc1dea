//! What memory costs at the size that it is made for: a made inventory of 100,000 devices,
//! 3 million facts and 90 days of hours. It prints times and sizes; run it with
//! `just history-scale`.

use std::path::Path;
use std::time::Instant;

use medtap_inventory::history::{Look, Observer, SourceKind, Store};
use medtap_inventory::model::Time;
use medtap_inventory::trace::Rulings;
use medtap_inventory::{Options, resolve, resolve_traced};
use medtap_table::vocabulary::{Attribute, Field, Protocol};
use medtap_table::{
    Capacity, Edge, EdgeFlags, Fact, Subject, SubjectFlags, SubjectId, TableWriter, Traffic,
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
/// Facts of each of those.
const LIVE_FACTS: u32 = 4;
/// 2026-03-02, a Monday.
const MONDAY_NS: u64 = 1_772_409_600_000_000_000;
const HOUR_NS: u64 = 3_600_000_000_000;

fn main() {
    // `cargo test` and `cargo bench -- --list` only ask whether it is there.
    if !std::env::args().any(|argument| argument == "--scale") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    drop(Store::open(&path).expect("a history"));
    let begin = Instant::now();
    fill(&path);
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    println!(
        "made in {:.0} s: {} MB",
        begin.elapsed().as_secs_f64(),
        size / 1_000_000
    );
    questions(&path);
    live(&path);
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
        let last = MONDAY_NS + WEEKS * 168 * HOUR_NS;
        for number in 1..=DEVICES {
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

/// The slowest and the middle of some runs.
fn time(what: &str, limit_ms: f64, mut run: impl FnMut(u32)) {
    let mut times: Vec<f64> = (0..20)
        .map(|round| {
            let begin = Instant::now();
            run(round * 4_801 % DEVICES + 1);
            begin.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let (middle, most) = (times[times.len() / 2], times[times.len() - 1]);
    let kept = if most < limit_ms { "kept" } else { "MISSED" };
    println!("{what:40} median {middle:8.2} ms, most {most:8.2} ms (limit {limit_ms} ms, {kept})");
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
    time("what it needs", 20.0, |n| {
        drop(store.requirement(&name(n)).expect("known"));
    });
    // The worst there is: each of fifty devices speaks with 2,200 others.
    let first = |n: u32| name(n % 50 + 1);
    time("one device with 2,200 peers", 20.0, |n| {
        drop(store.device(&first(n)).expect("known"))
    });
    time("what that one needs", 20.0, |n| {
        drop(store.requirement(&first(n)).expect("known"));
    });
    let begin = Instant::now();
    let all = store.devices().expect("devices").len();
    println!(
        "all {all} devices from the history: {:.0} ms",
        begin.elapsed().as_secs_f64() * 1e3
    );
}

fn table() -> TableWriter {
    let capacity = Capacity {
        subjects: LIVE_DEVICES,
        facts: LIVE_DEVICES * LIVE_FACTS,
        edges: LIVE_DEVICES * 4,
        activities: 16_384,
        workers: 2,
        interfaces: 1,
        heap_bytes: 16 << 20,
    };
    let mut writer = TableWriter::anonymous(capacity).expect("memory");
    let (first, last) = (MONDAY_NS + 2000 * HOUR_NS, MONDAY_NS + 2001 * HOUR_NS);
    for number in 1..=LIVE_DEVICES {
        let [_, a, b, c] = number.to_be_bytes();
        let subject = Subject {
            flags: SubjectFlags::ARP | SubjectFlags::TWO_WAY,
            mac: [0, 0x12, 0x21, a, b, c],
            address: Some([10, a, b, c].into()),
            vlan: 100,
            first_seen_ns: first,
            last_seen_ns: last,
            ..Subject::default()
        };
        let id = writer.add_subject(&subject).expect("room");
        let traffic = Traffic {
            packets_sent: 10,
            ..Traffic::default()
        };
        writer.add_traffic(id, traffic);
        for place in 0..LIVE_FACTS {
            let text = format!("value {place} of device {number}");
            let field = Field::ALL[place as usize + 3];
            let fact = Fact {
                subject: id,
                rule: 0,
                field,
                attribute: Attribute::Observed,
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
    for number in 0..LIVE_DEVICES * 4 {
        let edge = Edge {
            orig: SubjectId(number / 4),
            resp: Some(SubjectId((number * 7 + number % 4) % LIVE_DEVICES)),
            protocol: Some(Protocol::Hl7),
            port: 2575,
            transport: 6,
            flags: EdgeFlags::ANSWERED | EdgeFlags::CONFIRMED,
            confidence: 90,
            first_seen_ns: first,
            last_seen_ns: last,
        };
        writer.add_edge(&edge).expect("room");
    }
    writer
}

/// Kibibytes of memory of this process that is its own, now.
fn own_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(0)
}

fn live(path: &Path) {
    let folder = path.parent().expect("a folder");
    let saved = folder.join("live.table");
    table().reader().save(&saved).expect("room");
    let table = medtap_table::TableReader::open(&saved).expect("the table");
    let begin = Instant::now();
    let devices = resolve(&table, &Options::default()).devices.len();
    println!(
        "resolve {devices} devices: {:.0} ms",
        begin.elapsed().as_secs_f64() * 1e3
    );
    let mut store = Store::open(path).expect("the history");
    let mut observer = Observer::default();
    for round in 0..3u64 {
        let bytes = store.bytes().expect("bytes");
        let mut look = Look::at(&table, SourceKind::Live, "live", "main");
        (look.run, look.at_ns) = (7, MONDAY_NS + (2001 + round) * HOUR_NS);
        look.flush = round != 1;
        let begin = Instant::now();
        let traced = resolve_traced(&table, &Options::default(), &Rulings::default());
        let resolved = begin.elapsed().as_secs_f64();
        let memory = own_memory();
        observer.observe(&mut store, &traced, &look).expect("room");
        let peak = own_memory().max(memory) / 1024;
        drop(traced);
        println!(
            "look {round}: resolve {resolved:.2} s, write {:.2} s, own {peak} MiB, {} kB more",
            begin.elapsed().as_secs_f64() - resolved,
            store.bytes().expect("bytes").saturating_sub(bytes) / 1000
        );
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    println!("most resident, with everything mapped: {most}");
}
