//! What happens to a sensor in its life: links go down, engines are killed, readers stop, rules
//! change.

use std::fs;

use medtap_table::TableReader;
use medtap_table::vocabulary::InterfaceCounter as I;
use nix::sys::signal::Signal;

use super::{Scenario, accounting::frame};
use crate::harness::{Engine, Lab, MONITOR, devices, eventually, ip, reader};

pub const TESTS: &[Scenario] = &[
    ("life::down_and_up", &[], || down_and_up("copy")),
    ("life::down_and_up_packet", &[], || down_and_up("packet")),
    ("life::interface_removed", &[], interface_removed),
    ("life::second_engine", &[], second_engine),
    ("life::kill_and_restart", &[], kill_and_restart),
    ("life::a_reader_that_stops", &[], a_reader_that_stops),
    ("life::new_rules", &[], new_rules),
];

pub fn frames(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(frame).collect()
}

fn down_and_up(mode: &str) {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", mode]);
    lab.send(&frames(100));
    engine.reaches(I::Delivered, 100);
    let sensor = lab.namespace("sensor");
    ip(&["-n", &sensor, "link", "set", MONITOR, "down"]);
    ip(&["-n", &sensor, "link", "set", MONITOR, "up"]);
    eventually("the carrier", || {
        (lab.link("switch", crate::harness::FAR)["operstate"] == "UP").then_some(())
    });
    lab.send(&frames(100));
    let reading = engine.reaches(I::Delivered, 200);
    assert_eq!(reading.get(I::Delivered), 200, "{reading:?}");
    engine.stop();
    lab.assert_silent();
}

fn interface_removed() {
    for mode in ["copy", "packet"] {
        let lab = Lab::new(1);
        let mut engine = Engine::start(&lab, &["--mode", mode]);
        lab.send(&frames(100));
        engine.reaches(I::Delivered, 100);
        ip(&["-n", &lab.namespace("sensor"), "link", "delete", MONITOR]);
        let status = engine.process.end();
        let said = engine.process.said();
        assert!(!status.success(), "{said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.contains(MONITOR) && last.contains("gone"), "{said}");
        let table = TableReader::open(&engine.table).expect("a readable table");
        assert_ne!(table.stopped_ns(), 0, "not marked as stopped");
        assert_eq!(table.source().map(|source| source.packets), Some(100));
    }
}

/// A second engine is refused in one sentence, and the first goes on.
fn second_engine() {
    let lab = Lab::new(1);
    let mut first = Engine::start(&lab, &["--mode", "copy"]);
    let refused = |command, words: &[&str]| {
        let mut second = lab.start(command);
        let status = second.end();
        let said = second.said();
        assert_eq!(status.code(), Some(2), "{said}");
        let last = said.lines().last().unwrap_or_default();
        for word in words {
            assert!(last.contains(word), "no {word:?} in: {said}");
        }
    };
    let other = lab.folder().join("other.table");
    for (table, mode) in [(&other, "auto"), (&first.table, "generic")] {
        let command = Engine::command(&lab, table, &["--mode", mode]);
        refused(command, &[MONITOR, "is in use", "another medtapd"]);
    }
    assert!(!other.exists(), "a table was left");
    // Another interface, the same table.
    let sensor = lab.namespace("sensor");
    ip(&[
        "-n", &sensor, "link", "add", "mon1", "type", "veth", "peer", "name", "far1",
    ]);
    ip(&["-n", &sensor, "link", "set", "mon1", "up"]);
    let command = Engine::command_on(&lab, "mon1", &first.table, &[]);
    refused(command, &["live.table"]);
    assert!(lab.link("sensor", "mon1").get("xdp").is_none());
    lab.send(&frames(100));
    let reading = first.reaches(I::Delivered, 100);
    assert_eq!(reading.get(I::Delivered), 100, "{reading:?}");
    first.stop();
}

/// After kill -9 nothing is attached; the next engine knows what the last one knew.
fn kill_and_restart() {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", "copy"]);
    lab.send(&frames(2048));
    engine.reaches(I::Delivered, 2048);
    let known = |engine: &Engine| {
        let found = devices(&engine.table);
        let found = found["devices"].as_array().expect("devices").clone();
        let ids: Vec<_> = found.iter().map(|it| it["id"].to_string()).collect();
        (!ids.is_empty()).then_some(ids)
    };
    // What was delivered is in the table one beat later.
    let before = eventually("devices", || known(&engine).filter(|ids| ids.len() >= 512));
    engine.process.stop(Signal::SIGKILL);
    eventually("nothing to be attached", || {
        (!lab.is_attached()).then_some(())
    });
    let mut next = Engine::start(&lab, &["--mode", "copy"]);
    assert!(
        next.process.said().contains("took over"),
        "{}",
        next.process.said()
    );
    let after = eventually("devices after the restart", || known(&next));
    assert_eq!(before, after);
    lab.send(&frames(100));
    next.reaches(I::Delivered, 100);
    next.stop();
}

/// A reader that maps the table and then stands still holds nobody up.
fn a_reader_that_stops() {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", "copy"]);
    let table = engine.table.to_str().expect("a path in UTF-8").to_owned();
    let stopped = lab.start(reader(&["stats", "--table", &table]));
    let maps = format!("/proc/{}/maps", stopped.pid());
    eventually("the reader to map the table", || {
        fs::read_to_string(&maps)
            .is_ok_and(|maps| maps.contains("live.table"))
            .then_some(())
    });
    stopped.signal(Signal::SIGSTOP);
    for round in 1..=3 {
        lab.send(&frames(1000));
        engine.reaches(I::Delivered, round * 1000);
    }
    engine.stop();
}

/// SIGHUP: new rules are taken by every worker; broken ones change nothing, in one sentence.
fn new_rules() {
    let lab = Lab::new(1);
    let rules = lab.folder().join("rules");
    fs::create_dir(&rules).expect("a folder");
    let folder = rules.to_str().expect("a path in UTF-8").to_owned();
    let mut engine = Engine::start(
        &lab,
        &["--rules", &folder, "--workers", "2", "--mode", "copy"],
    );
    let generations = |engine: &Engine| {
        let found = engine.reading().generations;
        (found.len() == 2 && found.iter().all(|it| *it == found[0] && *it != 0)).then(|| found[0])
    };
    let first = eventually("the first rules", || generations(&engine));
    let file = rules.join("ssh.server.version.toml");
    fs::write(&file, RULE).expect("a rule");
    engine.process.signal(Signal::SIGHUP);
    engine.process.says("rules read again");
    let second = eventually("the new rules of every worker", || {
        generations(&engine).filter(|it| *it != first)
    });
    // Examples are proved by `medtap rules check`; that a pattern is one, at a start too.
    let pattern = RULE.replace("[0-9.]+)", "[0-9.]+");
    for (number, broken) in (1..).zip(["field = \n", &pattern]) {
        let lines = engine.process.said().lines().count();
        fs::write(&file, broken).expect("a broken rule");
        engine.process.signal(Signal::SIGHUP);
        let said = eventually("the broken rules to be refused", || {
            let said = engine.process.said();
            (said.matches("the rules stay as they are").count() == number).then_some(said)
        });
        let new: Vec<_> = said.lines().skip(lines).collect();
        assert!(
            new.len() == 1 && new[0].contains("ssh.server.version.toml"),
            "{new:?}"
        );
    }
    lab.send(&frames(100));
    engine.reaches(I::Delivered, 100);
    assert_eq!(generations(&engine), Some(second));
    fs::remove_file(&file).expect("a file to remove");
    engine.process.signal(Signal::SIGHUP);
    eventually("the first rules again", || {
        generations(&engine).filter(|it| *it == first)
    });
    engine.stop();
}

/// A rule of an operator's own.
const RULE: &str = r#"
field = "ssh.server.version"

[[rule]]
id = 1000001
name = "Acme SSH"
pattern = 'SSH-2\.0-AcmeSSH_(?<version>[0-9.]+)'
os = "AcmeOS"
os_version = "${version}"
confidence = 85
source = "made up for a test"
matches = [{ value = "SSH-2.0-AcmeSSH_1.2", os_version = "1.2" }]
rejects = ["SSH-2.0-Acme"]
"#;
