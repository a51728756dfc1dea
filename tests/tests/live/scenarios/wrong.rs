//! What can't be done is said in one line with its remedy, and leaves nothing behind.

use std::fs;
use std::process::Command;

use super::Scenario;
use crate::harness::{Engine, Lab, MONITOR, eventually, run};

pub const TESTS: &[Scenario] = &[
    ("wrong::no_such_interface", &[], no_such_interface),
    ("wrong::no_rights", &["setpriv"], no_rights),
    ("wrong::locked_memory", &["setpriv"], locked_memory),
    ("wrong::unknown_key", &[], unknown_key),
    (
        "wrong::small_shared_memory",
        &["mount"],
        small_shared_memory,
    ),
    ("wrong::no_zero_copy", &[], no_zero_copy),
    ("wrong::unreadable_rules", &[], unreadable_rules),
];

/// Runs the engine, which must not begin. The last line is why, in one sentence; those before, if
/// any, tell of an interface which ways were tried, or of the memory that is taken. Gives all that
/// it said.
fn refused(lab: &Lab, command: Command, words: &[&str]) -> String {
    let mut process = lab.start(command);
    let status = process.end();
    let said = process.said();
    assert_eq!(status.code(), Some(2), "{said}");
    let attempt = format!("medtapd: {MONITOR}: ");
    let mut lines: Vec<_> = said.lines().collect();
    let last = lines.pop().unwrap_or_default();
    assert!(
        last.starts_with("medtapd: ") && !last.starts_with(&attempt),
        "{said}"
    );
    let told = |it: &str| it.starts_with(&attempt) || it.starts_with("medtapd: room for ");
    assert!(lines.iter().all(|it| told(it)), "{said}");
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

/// The engine, run by nobody: with these capabilities, and after these words of a shell.
fn as_nobody(lab: &Lab, engine: &Command, capabilities: &str, before: &str) -> Command {
    run(Command::new("chmod").arg("777").arg(lab.folder()));
    let mut program = engine.get_args().skip(3);
    // The target folder may be closed to others; the copy beside the table is not.
    let copy = lab.folder().join("medtapd");
    fs::copy(program.next().expect("a program"), &copy).expect("a copy of the program");
    let mut command = lab.command("sensor", "sh");
    command.args(["-c", &format!("{before} exec \"$@\""), "sh", "setpriv"]);
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(format!("--bounding-set=-all{capabilities}"));
    command.arg(format!("--inh-caps=-all{capabilities}"));
    command.arg(format!("--ambient-caps=-all{capabilities}"));
    command.arg(&copy).args(program);
    command
}

fn no_rights() {
    let lab = Lab::new(1);
    let table = lab.folder().join("live.table");
    let all_but_one = ",+net_raw,+net_admin,+perfmon,+ipc_lock";
    for (mode, capabilities, words) in [
        (
            "copy",
            "",
            "no privilege: CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF",
        ),
        ("packet", "", "CAP_NET_RAW"),
        ("copy", all_but_one, "no privilege: CAP_BPF is missing"),
    ] {
        let engine = Engine::command(&lab, &table, &["--mode", mode]);
        let command = as_nobody(&lab, &engine, capabilities, "");
        refused_in_one_line(&lab, command, &[words]);
        assert!(!table.exists(), "a table was left");
    }
}

/// Without CAP_IPC_LOCK the limit of locked memory holds: too little is refused, enough is enough.
fn locked_memory() {
    let lab = Lab::new(1);
    let table = lab.folder().join("live.table");
    let four = ",+net_raw,+net_admin,+bpf,+perfmon";
    for mode in ["auto", "copy"] {
        let engine = Engine::command(&lab, &table, &["--mode", mode]);
        let command = as_nobody(&lab, &engine, four, "ulimit -l 4096;");
        refused_in_one_line(
            &lab,
            command,
            &["locked memory", "ulimit -l", "CAP_IPC_LOCK"],
        );
        assert!(!table.exists(), "a table was left");
    }
    let config = lab.folder().join("medtapd.toml");
    let text = format!("[[interface]]\nname = \"{MONITOR}\"\nmode = \"copy\"\nframes = 1024\n");
    fs::write(&config, text).expect("a configuration");
    let mut engine = Engine::command_of(&lab, &table);
    engine.arg("--config").arg(&config);
    let command = as_nobody(&lab, &engine, four, "ulimit -l 4096;");
    Engine::start_by(&lab, command).stop();
}

fn unknown_key() {
    let lab = Lab::new(1);
    let config = lab.folder().join("medtapd.toml");
    fs::write(&config, "worker = 2\n").expect("a configuration");
    let mut command = Engine::command(&lab, &lab.folder().join("live.table"), &[]);
    command.arg("--config").arg(&config);
    refused_in_one_line(&lab, command, &["line 1", "`worker`", "workers"]);
}

/// The interface was set up by then, and is put back.
fn small_shared_memory() {
    let lab = Lab::new(1);
    let features = || run(lab.command("sensor", "ethtool").args(["-k", MONITOR]));
    let before = features();
    assert!(before.contains("rx-vlan-offload: on"), "{before}");
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
    eventually("the interface to be put back", || {
        (features() == before).then_some(())
    });
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
