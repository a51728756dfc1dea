//! `medtap` on a running engine, a stopped one, one that stands still, and none.

use std::path::Path;
use std::process::Output;

use medtap_table::vocabulary::InterfaceCounter as I;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::Scenario;
use super::life::frames;
use crate::harness::{Engine, Lab, MONITOR, eventually, reader};

pub const TESTS: &[Scenario] = &[
    ("commands::status_copy", &[], || {
        status("copy", "native", "copy")
    }),
    ("commands::status_generic", &[], || {
        status("generic", "generic", "copy")
    }),
    ("commands::status_packet", &[], || {
        status("packet", "none", "packet-ring")
    }),
    ("commands::follow", &[], follow),
    ("commands::exit_codes", &[], exit_codes),
];

fn medtap(arguments: &[&str], table: &Path) -> Output {
    let mut command = reader(arguments);
    let output = command.arg("--table").arg(table).output();
    output.expect("medtap can be started")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    format!("{}{said}", String::from_utf8_lossy(&output.stdout))
}

/// All adds up, and the mode that is named is the one that was asked for.
fn status(mode: &str, attach: &str, delivery: &str) {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", mode, "--workers", "2"]);
    lab.send(&frames(1000));
    engine.reaches(I::Delivered, 1000);
    let output = medtap(&["status"], &engine.table);
    let shown = text(&output);
    assert_eq!(code(&output), 0, "{shown}");
    let pid = engine.process.pid();
    // Those of a packet ring belong to no queue.
    let sockets = match attach {
        "none" => "2",
        _ => "1 × 2",
    };
    for words in [
        &format!("engine running, process {pid}\n"),
        &format!("interface {MONITOR} "),
        &format!("attach {attach}, delivery {delivery}, {sockets} sockets, MTU 1500"),
        ", all workers match with them\n",
        "nothing was lost\n",
        "everything adds up\n",
    ] {
        assert!(shown.contains(words), "no {words:?} in: {shown}");
    }
    let output = medtap(&["status", "--output", "json"], &engine.table);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let interface = &status["interfaces"][0];
    assert_eq!(
        (&interface["attach"], &interface["delivery"]),
        (&attach.into(), &delivery.into())
    );
    assert_eq!(interface["counters"]["delivered"], 1000, "{interface}");
    assert_eq!(status["contradictions"], Value::Array(Vec::new()));
    assert_eq!(status["losses"], Value::Array(Vec::new()));
    assert_eq!(status["engine"]["pid"], pid);
    engine.stop();
}

/// A device that appears is told to who waits for it, and so is the end of the engine.
fn follow() {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", "copy"]);
    let table = engine.table.to_str().expect("a path in UTF-8");
    let mut follower = lab.start(reader(&[
        "events", "--follow", "--output", "jsonl", "--table", table,
    ]));
    let told = |event: &str, subject: &str| {
        let written = follower.wrote();
        let mut lines = written.lines();
        lines
            .any(|line| line.contains(event) && line.contains(subject))
            .then_some(())
    };
    lab.send(&frames(100));
    for address in ["10.77.1.0", "10.77.2.49"] {
        eventually("the device to be told", || told("device_appeared", address));
    }
    assert!(told("device_appeared", "10.77.1.50").is_none());
    lab.send(&frames(102));
    eventually("the next one", || told("device_appeared", "10.77.1.50"));
    engine.stop();
    eventually("the end to be told", || told("engine_stopped", ""));
    follower.stop(Signal::SIGINT);
}

fn exit_codes() {
    let lab = Lab::new(1);
    // No engine was ever here: there is nothing in /dev/shm.
    let mut empty = lab.command("sensor", "sh");
    empty.args(["-c", "mount -t tmpfs tmpfs /dev/shm && exec \"$@\"", "sh"]);
    empty.arg(reader(&[]).get_program()).arg("devices");
    let output = empty.output().expect("medtap can be started");
    assert_eq!(code(&output), 3, "{}", text(&output));
    assert_eq!(text(&output).lines().count(), 1, "{}", text(&output));
    let mut engine = Engine::start(&lab, &["--mode", "copy"]);
    lab.send(&frames(100));
    engine.reaches(I::Delivered, 100);
    let codes = |expected: i32, table: &Path| {
        for command in ["devices", "status", "stats"] {
            let output = match command {
                "stats" => medtap(&["stats", "--count", "1"], table),
                _ => medtap(&[command], table),
            };
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(code(&output), expected, "{command}: {said}");
        }
    };
    codes(0, &engine.table);
    engine.process.signal(Signal::SIGSTOP);
    let stale = eventually("stale data", || {
        let output = medtap(&["devices"], &engine.table);
        (code(&output) != 0).then_some(output)
    });
    assert_eq!(code(&stale), 4, "{}", text(&stale));
    assert!(text(&stale).contains("10.77.1.0"), "what it knows is shown");
    codes(4, &engine.table);
    engine.process.signal(Signal::SIGCONT);
    eventually("fresh data", || {
        (code(&medtap(&["devices"], &engine.table)) == 0).then_some(())
    });
    let saved = lab.folder().join("saved.table");
    let mut save = reader(&["save", "--table"]);
    let output = save.arg(&engine.table).arg(&saved).output();
    let output = output.expect("medtap can be started");
    assert_eq!(code(&output), 0, "{}", text(&output));
    // An engine that says no word any more is believed in for as long as one that stands still.
    engine.process.stop(Signal::SIGKILL);
    eventually("the engine to be missed", || {
        (code(&medtap(&["devices"], &engine.table)) != 0).then_some(())
    });
    codes(3, &engine.table);
    let output = medtap(&["devices"], &saved);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let mut engine = Engine::start(&lab, &["--mode", "copy"]);
    engine.stop();
    codes(3, &engine.table);
}
