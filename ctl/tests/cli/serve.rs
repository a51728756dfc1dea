//! The running engine served with feeds: new feeds score again, days are written, work closes
//! itself and opens again.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use medtap_table::{Capacity, Region, TableReader, TableWriter};
use serde_json::Value;

use crate::live::now_ns;
use crate::program::{Folder, command, hospital, medtap};
use crate::risk::Site;

/// As long as a judgement may take on a machine that does other things: looks, 50 ms apart.
const LOOKS: usize = 1_200;

/// An engine's table that shows now what a saved one holds; `change` sets the texts of facts.
fn live(saved: &Path, path: &str, change: impl Fn(&str) -> String) -> TableWriter {
    let saved = TableReader::open(saved).expect("a saved table");
    let used = |region| saved.used(region) as u32;
    let capacity = Capacity {
        subjects: used(Region::Subjects),
        facts: used(Region::Facts),
        edges: used(Region::Edges),
        workers: 1,
        ..Capacity::default()
    };
    let mut writer = TableWriter::create(Path::new(path), capacity).expect("a table");
    let last = saved.subjects().map(|(_, subject, _)| subject.last_seen_ns);
    let last = last.max().expect("devices");
    let now = now_ns();
    let moved = |time: u64| now - (last - time.min(last));
    for (id, mut subject, traffic) in saved.subjects() {
        subject.first_seen_ns = moved(subject.first_seen_ns);
        subject.last_seen_ns = moved(subject.last_seen_ns);
        assert_eq!(writer.add_subject(&subject).expect("room"), id);
        writer.add_traffic(id, traffic);
    }
    for (_, mut fact) in saved.facts() {
        fact.value = change(&fact.value).into();
        fact.raw = change(&fact.raw).into();
        fact.first_seen_ns = moved(fact.first_seen_ns);
        fact.last_seen_ns = moved(fact.last_seen_ns);
        writer.add_fact(&fact).expect("room");
    }
    for (_, mut edge, volume) in saved.edges() {
        edge.first_seen_ns = moved(edge.first_seen_ns);
        edge.last_seen_ns = moved(edge.last_seen_ns);
        let id = writer.add_edge(&edge).expect("room");
        writer.add_volume(id, volume);
    }
    writer.heartbeat(now);
    writer
}

/// `medtap serve`, ended with the test.
struct Serve(Child);

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the history keeps.
struct Kept(String);

impl Kept {
    fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        let mut all = arguments.to_vec();
        all.extend(["--history", &self.0, "-o", "json"]);
        let run = medtap(&all);
        // Before the first day there is none to show.
        let rows = (run.code == 0).then(|| run.json().as_array().cloned());
        rows.flatten().unwrap_or_default()
    }

    /// The points of the last judged day.
    fn points(&self) -> f64 {
        let days = self.rows(&["risk", "trend"]);
        let last = days.last();
        last.map_or(0.0, |day| day["points"].as_f64().expect("points"))
    }

    /// What became of the analyser's advisory.
    fn acts(&self) -> Vec<String> {
        let audit = self.rows(&["approval", "audit"]);
        let of_patch = audit.iter().filter(|entry| {
            let subject = entry["subject"].as_str().unwrap_or_default();
            subject.starts_with("patch:") && subject.contains("CHEMLINE")
        });
        of_patch
            .map(|entry| entry["new"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never: {what}");
}

fn serve(table: &str, history: &str, feeds: &str) -> Serve {
    let arguments = [
        "serve",
        "--table",
        table,
        "--history",
        history,
        "--feeds",
        feeds,
        "--interval",
        "50ms",
    ];
    Serve(command(&arguments).spawn().expect("the program starts"))
}

#[test]
fn new_feeds_and_new_traffic_score_again() {
    let site = Site::new();
    let (table, history) = (
        site.folder.path("live.table"),
        site.folder.path("history.db"),
    );
    let saved = PathBuf::from(&site.table);
    let writer = live(&saved, &table, str::to_owned);
    let served = serve(&table, &history, &site.feeds);
    let kept = Kept(history.clone());
    eventually("a judged day", || kept.points() > 10.0);
    let before = kept.points();

    // The EPSS of today, in the place of yesterday's.
    let epss = Path::new(&site.feeds).join("epss");
    let text = std::fs::read_to_string(&epss).expect("feeds");
    let kev = Path::new(&site.feeds).join("kev");
    let listed = std::fs::read(&kev).expect("feeds");
    std::fs::remove_file(&kev).expect("feeds");
    std::fs::write(&epss, text.replace(",0.5,", ",0.25,")).expect("feeds");
    eventually("fewer points", || kept.points() < before - 1.0);
    std::fs::write(&kev, listed).expect("feeds");
    eventually("as many as before", || kept.points() == before);

    // A file that is only half there changes nothing: the last good judgement stays.
    let advisory = Path::new(&site.feeds).join("icsma");
    let whole = std::fs::read(&advisory).expect("feeds");
    std::fs::write(&advisory, &whole[..whole.len() / 2]).expect("feeds");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!((kept.points(), kept.acts()), (before, Vec::new()));

    // The advisory is withdrawn, and comes back.
    std::fs::remove_file(&advisory).expect("feeds");
    eventually("work that closed", || kept.acts() == ["closed"]);
    std::fs::write(&advisory, &whole).expect("feeds");
    eventually("work that opened", || kept.acts() == ["closed", "reopened"]);
    drop(served);

    // The analyser runs the version that mends it: the next engine's table shows that.
    drop(writer);
    let writer = live(&saved, &table, |text| text.replace("3.0.8", "3.1.0"));
    let served = serve(&table, &history, &site.feeds);
    let acts = ["closed", "reopened", "closed"];
    eventually("work that traffic closes", || kept.acts() == acts);
    drop((served, writer));
    let run = medtap(&["history", "check", "--history", &history]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// A saved table is served as well: looked at, judged, and looked at again at the end.
#[test]
fn a_saved_table_is_served() {
    let site = Site::new();
    let history = site.folder.path("history.db");
    for _ in 0..2 {
        let run = medtap(&[
            "serve",
            "--table",
            &site.table,
            "--history",
            &history,
            "--feeds",
            &site.feeds,
            "--count",
            "1",
        ]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let kept = Kept(history);
    assert!(kept.points() > 10.0);
    assert_eq!(kept.rows(&["history", "sources"]).len(), 1);
}

/// Feeds that nobody can use end the command before it begins.
#[test]
fn serve_refuses_what_is_no_feed() {
    let folder = Folder::new();
    let feeds = folder.path("feeds");
    std::fs::create_dir(&feeds).expect("a folder");
    let (table, history) = (hospital(), folder.path("history.db"));
    let run = medtap(&[
        "serve",
        "--table",
        &table,
        "--history",
        &history,
        "--feeds",
        &feeds,
        "--count",
        "1",
    ]);
    assert!(run.sentence(2).contains("holds no feed"));
}
