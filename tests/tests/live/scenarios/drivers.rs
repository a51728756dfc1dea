//! Interfaces and kernels that can do less: each way that does not work is told, and the next one
//! is taken.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use medtap_table::vocabulary::InterfaceCounter as I;
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

use super::{Scenario, life::frames};
use crate::harness::{Engine, Lab, MONITOR, ip, reader, run};

pub const TESTS: &[Scenario] = &[
    (
        "drivers::no_program_in_the_driver",
        &[],
        no_program_in_the_driver,
    ),
    (
        "drivers::no_af_xdp_in_the_kernel",
        &[],
        no_af_xdp_in_the_kernel,
    ),
    ("drivers::no_ethernet", &[], no_ethernet),
];

/// Makes this program one that runs another as a kernel without AF_XDP would.
const WITHOUT_AF_XDP: &str = "--without-af-xdp";

/// Runs as a helper, if the arguments say so: `main` asks before all else.
pub fn helper() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != WITHOUT_AF_XDP {
        return None;
    }
    let filter = no_af_xdp().expect("a filter");
    seccompiler::apply_filter(&filter).expect("a filter that is taken");
    let program = arguments.next().expect("a program");
    let error = Command::new(program).args(arguments).exec();
    panic!("the program can't be run: {error}")
}

/// Sockets of the family fail as where the kernel was built without it.
fn no_af_xdp() -> Result<BpfProgram, Box<dyn std::error::Error>> {
    let family = libc::AF_XDP as u64;
    let is_xdp = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family)?;
    let rules = BTreeMap::from([(libc::SYS_socket, vec![SeccompRule::new(vec![is_xdp])?])]);
    let refused = SeccompAction::Errno(libc::EAFNOSUPPORT.unsigned_abs());
    let here = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, here)?;
    Ok(filter.try_into()?)
}

/// The lines that tell of an interface, in order.
fn told<'a>(said: &'a str, interface: &str) -> Vec<&'a str> {
    let begin = format!("medtapd: {interface}: ");
    said.lines()
        .filter_map(|line| line.strip_prefix(&begin))
        .collect()
}

/// What `medtap status` says.
fn status(engine: &Engine) -> String {
    let table = engine.table.to_str().expect("a path in UTF-8");
    run(&mut reader(&["status", "--table", table]))
}

/// A bridge takes programs behind the driver alone.
fn no_program_in_the_driver() {
    let lab = Lab::new(1);
    let sensor = lab.namespace("sensor");
    ip(&[
        "-n",
        &sensor,
        "link",
        "add",
        "tap0",
        "type",
        "bridge",
        "mcast_snooping",
        "0",
        "forward_delay",
        "0",
    ]);
    ip(&["-n", &sensor, "link", "set", MONITOR, "master", "tap0"]);
    ip(&["-n", &sensor, "link", "set", "tap0", "up"]);
    let table = lab.folder().join("live.table");
    let mut engine = Engine::start_by(&lab, Engine::command_on(&lab, "tap0", &table, &[]));
    assert_eq!(
        told(&engine.process.said(), "tap0"),
        [
            "not by native program, zero-copy: the driver has no zero-copy",
            "not by native program, copy: the driver runs no XDP program",
            "generic program, copy",
        ]
    );
    let sent = 100;
    lab.send(&frames(sent));
    let reading = engine.reaches(I::Delivered, sent as u64);
    assert_eq!(reading.way, ("generic", "copy"));
    assert_eq!(reading.get(I::Delivered), sent as u64, "{reading:?}");
    let status = status(&engine);
    assert!(
        status.contains("the driver runs no XDP program"),
        "{status}"
    );
    engine.stop();
    lab.assert_silent();
}

/// No way by a program works, so the packet ring is taken, and nothing stays attached.
fn no_af_xdp_in_the_kernel() {
    let lab = Lab::new(1);
    let table = lab.folder().join("live.table");
    let engine = Engine::command(&lab, &table, &[]);
    let this = std::env::current_exe().expect("the path of this test");
    let mut command = lab.command("sensor", this);
    command.arg(WITHOUT_AF_XDP).args(engine.get_args().skip(3));
    let mut engine = Engine::start_by(&lab, command);
    assert_eq!(
        told(&engine.process.said(), MONITOR),
        [
            "not by native program, zero-copy: this kernel has no AF_XDP",
            "not by native program, copy: this kernel has no AF_XDP",
            "not by generic program, copy: this kernel has no AF_XDP",
            "packet-ring",
        ]
    );
    assert!(!lab.is_attached());
    let sent = 100;
    lab.send(&frames(sent));
    let reading = engine.reaches(I::Delivered, sent as u64);
    assert_eq!(reading.get(I::Delivered), sent as u64, "{reading:?}");
    let status = status(&engine);
    assert!(status.contains("this kernel has no AF_XDP"), "{status}");
    engine.stop();
    lab.assert_silent();
}

/// What comes from a tunnel's interface are no Ethernet frames, and would be read as such.
fn no_ethernet() {
    let lab = Lab::new(1);
    ip(&[
        "-n",
        &lab.namespace("sensor"),
        "tuntap",
        "add",
        "dev",
        "tun0",
        "mode",
        "tun",
    ]);
    for mode in ["auto", "generic", "packet"] {
        let table = lab.folder().join("live.table");
        let command = Engine::command_on(&lab, "tun0", &table, &["--mode", mode]);
        let mut process = lab.start(command);
        assert_eq!(process.end().code(), Some(2), "{}", process.said());
        let last = "medtapd: tun0 is no Ethernet interface; a mirror port is\n";
        assert!(process.said().ends_with(last), "{}", process.said());
        assert!(!table.exists(), "a table was left");
        assert!(lab.link("sensor", "tun0").get("xdp").is_none());
    }
}
