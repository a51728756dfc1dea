//! What the program costs in a large place: the hospital's capture as a table, many times over,
//! and feeds of one advisory. Prints time by the clock, time of the processors and sizes; it
//! asserts nothing.
//!
//! `cargo bench -p medtap-ctl --bench many` makes about 10,000 and 100,000 devices, or with
//! `copies N` so many hospitals; with `keep FOLDER` it leaves the files there. Without `--bench` it
//! runs on one copy.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use medtap_table::vocabulary::Attribute;
use medtap_table::{
    ActivityId, Capacity, Edge, Fact, Region, Subject, SubjectId, TableReader, TableWriter, Volume,
};

/// Copies of the hospital of the full run: each makes 38 devices, since addresses of one device
/// become several.
const COPIES: [u32; 2] = [263, 2_632];
const MEDTAP: &str = env!("CARGO_BIN_EXE_medtap");

/// An advisory about the hospital's analyser.
const ADVISORY: &str = r#"{"document":{"category":"csaf_security_advisory","csaf_version":"2.0",
"title":"x","publisher":{"category":"coordinator","name":"CISA","namespace":"https://cisa.gov/"},
"tracking":{"id":"ICSMA-26-001-01","status":"final","version":"1",
"initial_release_date":"2026-08-01T00:00:00Z","current_release_date":"2026-08-01T00:00:00Z",
"revision_history":[]}},"product_tree":{"branches":[{"category":"vendor",
"name":"Litware Diagnostics","branches":[{"category":"product_name","name":"ChemLine Control",
"branches":[{"category":"product_version_range","name":"<3.1","product":{"product_id":"P1",
"name":"ChemLine Control <3.1"}}]}]}]},"vulnerabilities":[{"cve":"CVE-2026-1001",
"product_status":{"known_affected":["P1"]}}]}"#;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let full = arguments.iter().any(|argument| argument == "--bench");
    let after = |word: &str| arguments.iter().skip_while(|text| *text != word).nth(1);
    let (kept, asked) = (after("keep"), after("copies"));
    let asked = asked.and_then(|number| number.parse().ok());
    let copies = match (asked, full) {
        (Some(copies), _) => vec![copies],
        (None, true) => COPIES.to_vec(),
        (None, false) => vec![1],
    };
    let own = tempfile::tempdir()?;
    let folder = kept.map_or(own.path(), |kept| Path::new(kept));
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/../pcaps/hospital.pcapng");
    let (one, feeds) = (folder.join("one.table"), folder.join("feeds.json"));
    std::fs::write(&feeds, ADVISORY)?;
    let (one, feeds) = (one.display().to_string(), feeds.display().to_string());
    run(&["analyze", capture, "--save-table", &one]);
    let one = TableReader::open(Path::new(&one)).map_err(std::io::Error::other)?;
    for copies in copies {
        let path = folder.join(format!("{copies}.table"));
        let table = path.display().to_string();
        multiply(&one, copies, &path);
        let history = folder.join(format!("{copies}.db")).display().to_string();
        let common = ["--table", &table, "--feeds", &feeds];
        for kind in ["html", "xlsx", "csv", "json"] {
            let out = folder
                .join(format!("{copies}.{kind}"))
                .display()
                .to_string();
            run(&[&["report", &out], &common[..]].concat());
            let size = std::fs::metadata(&out)?.len();
            println!("  {kind}: {:.1} MB", size as f64 / 1e6);
        }
        run(&[&["risk", "list", "--output", "csv"], &common[..]].concat());
        run(&[
            "serve",
            "--table",
            &table,
            "--history",
            &history,
            "--count",
            "1",
        ]);
        let kept = ["--history", &history];
        run(&[&["risk", "list", "--output", "csv"], &common[..], &kept].concat());
        run(&[&["work", "--output", "csv"], &common[..], &kept].concat());
    }
    Ok(())
}

/// Runs the program and prints what it cost.
fn run(arguments: &[&str]) {
    let (start, before) = (Instant::now(), processors());
    let done = Command::new(MEDTAP)
        .args(arguments)
        .stdout(Stdio::null())
        .status();
    let code = done.ok().and_then(|status| status.code());
    let words: Vec<&str> = arguments.iter().take(2).copied().collect();
    println!(
        "{}: {:.2} s, processors {:.2} s{}",
        words.join(" "),
        start.elapsed().as_secs_f64(),
        processors() - before,
        match code {
            Some(0) => String::new(),
            code => format!(", ended with {code:?}"),
        }
    );
}

/// Seconds of processor of the programs that ended.
fn processors() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(") ").next().unwrap_or_default();
    let ticks = fields.split(' ').skip(13).take(2);
    let ticks: f64 = ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Writes a table that holds another one many times, each copy with addresses, serial numbers and
/// names of its own.
fn multiply(one: &TableReader, copies: u32, path: &Path) {
    let times = |region| (one.used(region) as u32 + 1) * copies;
    let capacity = Capacity {
        subjects: times(Region::Subjects),
        facts: times(Region::Facts),
        edges: times(Region::Edges),
        activities: times(Region::Activity),
        workers: 1,
        interfaces: 1,
        heap_bytes: u64::from(copies) * 65_536,
    };
    let mut writer = TableWriter::anonymous(capacity).expect("a table");
    if let Some(source) = one.source() {
        writer.set_source(&source);
    }
    let subjects: Vec<_> = one.subjects().collect();
    let number = subjects.len() as u32;
    for copy in 0..copies {
        let moved = |id: SubjectId| SubjectId(id.0 + copy * number);
        for (id, subject, traffic) in &subjects {
            let id = moved(*id);
            let mut other = *subject;
            place(&mut other, copy, id.0 + copy * number);
            other.reporter = subject.reporter.map(moved);
            if subject.reporter.is_some() {
                let text = format!("{}-{copy}", subject.identifier.as_str());
                other.identifier = medtap_table::Text::cut(&text);
            }
            assert_eq!(writer.add_subject(&other).expect("room"), id);
            writer.add_traffic(id, *traffic);
        }
        for (_, fact) in one.facts() {
            add_fact(&mut writer, fact, moved, copy);
        }
        for (_, edge, volume) in one.edges() {
            add_edge(&mut writer, edge, volume, moved);
        }
        for (_, mut activity) in one.activity() {
            activity.subject = moved(activity.subject);
            let _: ActivityId = writer.add_activity(&activity).expect("room");
        }
    }
    writer.save(path).expect("a file");
}

/// An address of its own for a device of a copy.
fn place(subject: &mut Subject, copy: u32, host: u32) {
    if subject.mac != [0; 6] {
        let [_, a, b, c] = copy.to_be_bytes();
        // The maker's half stays: it is what the device is known by.
        let [.., last] = subject.mac;
        subject.mac[3..].copy_from_slice(&[a ^ b, c, last]);
    }
    if let Some(IpAddr::V4(_)) = subject.address {
        let own = 10 << 24 | host;
        subject.address = Some(Ipv4Addr::from(own).into());
    }
}

fn add_fact(
    writer: &mut TableWriter,
    mut fact: Fact<'_>,
    moved: impl Fn(SubjectId) -> SubjectId,
    copy: u32,
) {
    fact.subject = moved(fact.subject);
    let own = matches!(
        fact.attribute,
        Attribute::SerialNumber | Attribute::Hostname | Attribute::StationName | Attribute::Udi
    );
    if own {
        fact.value = format!("{}-{copy}", fact.value).into();
        fact.raw = format!("{}-{copy}", fact.raw).into();
    }
    writer.add_fact(&fact).expect("room");
}

fn add_edge(
    writer: &mut TableWriter,
    mut edge: Edge,
    volume: Volume,
    moved: impl Fn(SubjectId) -> SubjectId,
) {
    edge.orig = moved(edge.orig);
    edge.resp = edge.resp.map(moved);
    let id = writer.add_edge(&edge).expect("room");
    writer.add_volume(id, volume);
}
