//! What can't be done is said in one line with its remedy, and leaves nothing behind.

use std::fs;
use std::process::Command;

use super::Scenario;
use crate::harness::{Engine, Lab, MONITOR, run};

pub const TESTS: &[Scenario] = &[
    ("wrong::no_such_interface", &[], no_such_interface),
    ("wrong::no_rights", &["setpriv"], no_rights),
    ("wrong::unknown_key", &[], unknown_key),
    (
        "wrong::small_shared_memory",
        &["mount"],
        small_shared_memory,
    ),
    ("wrong::no_zero_copy", &[], no_zero_copy),
    ("wrong::unreadable_rules", &[], unreadable_rules),
];

/// Runs the engine, which must not begin; gives the one line that it says at its end.
fn refused(lab: &Lab, command: Command, words: &[&str]) -> String {
    let mut process = lab.start(command);
    let status = process.end();
    let said = process.said();
    assert!(!status.success(), "it began: {said}");
    let last = said.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("medtapd: "), "{said}");
    for word in words {
        assert!(last.contains(word), "no {word:?} in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(!lab.is_attached(), "{}", lab.link("sensor", MONITOR));
    said
}

/// The same, and it says nothing else.
fn refused_in_one_line(lab: &Lab, command: Command, words: &[&str]) {
    let said = refused(lab, command, words);
    assert_eq!(said.lines().count(), 1, "{said}");
}

fn no_such_interface() {
    let lab = Lab::new(1);
    let table = lab.folder().join("live.table");
    let mut command = Engine::command(&lab, &table, &[]);
    command.args(["--interface", "mon7"]);
    refused(&lab, command, &["mon7", "no interface"]);
    assert!(!table.exists(), "a table was left");
}

/// The same command, run by nobody.
fn no_rights() {
    let lab = Lab::new(1);
    run(Command::new("chmod").arg("777").arg(lab.folder()));
    for mode in ["copy", "packet"] {
        let table = lab.folder().join("live.table");
        let engine = Engine::command(&lab, &table, &["--mode", mode]);
        let mut command = Command::new("ip");
        let arguments: Vec<_> = engine.get_args().collect();
        let (namespace, program) = arguments.split_at(3);
        command.args(namespace);
        command.args([
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ]);
        command.args(["--inh-caps=-all", "--bounding-set=-all"]);
        // The target folder may be closed to others; the copy beside the table is not.
        let copy = lab.folder().join("medtapd");
        let (original, rest) = program.split_first().expect("a program");
        fs::copy(original, &copy).expect("a copy of the program");
        command.arg(&copy).args(rest);
        refused_in_one_line(&lab, command, &["CAP_"]);
        assert!(!table.exists(), "a table was left");
    }
}

fn unknown_key() {
    let lab = Lab::new(1);
    let config = lab.folder().join("medtapd.toml");
    fs::write(&config, "worker = 2\n").expect("a configuration");
    let mut command = Engine::command(&lab, &lab.folder().join("live.table"), &[]);
    command.arg("--config").arg(&config);
    refused_in_one_line(&lab, command, &["line 1", "`worker`", "workers"]);
}

fn small_shared_memory() {
    let lab = Lab::new(1);
    let engine = Engine::command(&lab, "/dev/shm/medtap.table".as_ref(), &[]);
    let arguments: Vec<_> = engine.get_args().skip(3).collect();
    let mut command = lab.command("sensor", "sh");
    command.args([
        "-c",
        "mount -t tmpfs -o size=1m tmpfs /dev/shm && exec \"$@\"",
        "sh",
    ]);
    command.args(arguments);
    refused(&lab, command, &["/dev/shm"]);
}

/// veth has none: asked for alone, it is not replaced by another mode in silence.
fn no_zero_copy() {
    let lab = Lab::new(1);
    let table = lab.folder().join("live.table");
    let command = Engine::command(&lab, &table, &["--mode", "zero-copy"]);
    refused(&lab, command, &[MONITOR]);
    assert!(!table.exists(), "a table was left");
}

fn unreadable_rules() {
    let lab = Lab::new(1);
    let rules = lab.folder().join("rules");
    fs::create_dir(&rules).expect("a folder");
    fs::write(rules.join("bad.toml"), "field = \n").expect("a file");
    let mut command = Engine::command(&lab, &lab.folder().join("live.table"), &[]);
    command.arg("--rules").arg(&rules);
    refused_in_one_line(&lab, command, &["bad.toml"]);
}
