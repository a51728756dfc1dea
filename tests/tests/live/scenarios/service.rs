//! The engine as a service: what systemd hears of it, and what is left of it on the interface.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use medtap_table::vocabulary::InterfaceCounter as I;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::Scenario;
use super::life::frames;
use crate::harness::{Engine, FAR, Lab, MONITOR, eventually, ip, run};

pub const TESTS: &[Scenario] = &[
    ("service::notifies", &[], notifies),
    ("service::a_worker_that_hangs", &[], a_worker_that_hangs),
    ("service::restored_after_stop", &[], || {
        restored(Signal::SIGTERM, "copy")
    }),
    ("service::restored_after_interrupt", &[], || {
        restored(Signal::SIGINT, "copy")
    }),
    ("service::restored_after_abort", &[], || {
        restored(Signal::SIGABRT, "copy")
    }),
    ("service::restored_after_kill", &[], || {
        restored(Signal::SIGKILL, "copy")
    }),
    ("service::restored_after_error", &[], restored_after_error),
    ("service::restored_after_kill_packet", &[], || {
        restored(Signal::SIGKILL, "packet")
    }),
];

/// Longer than the engine waits for a worker.
const LATE: Duration = Duration::from_secs(7);

/// What is told to the service manager.
struct Manager(UnixDatagram);

impl Manager {
    /// It, and an engine of two workers that tells it.
    fn start(lab: &Lab) -> (Self, Engine) {
        let path = lab.folder().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        let wait = socket.set_read_timeout(Some(Duration::from_millis(50)));
        wait.expect("a socket that waits");
        let table = lab.folder().join("live.table");
        let mut command = Engine::command(lab, &table, &["--mode", "copy", "--workers", "2"]);
        command.env("NOTIFY_SOCKET", path);
        command.env("WATCHDOG_USEC", "30000000");
        (Self(socket), Engine::start_by(lab, command))
    }

    fn heard(&self) -> Option<String> {
        let mut bytes = [0; 1024];
        let len = self.0.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..len]).into_owned())
    }

    /// Waits for a message with this line, whatever else is told before.
    fn hears(&self, line: &str) {
        eventually(line, || {
            self.heard()?.lines().any(|it| it == line).then_some(())
        });
    }

    /// How often it is told within this time that all is well.
    fn signs_of_life(&self, during: Duration) -> usize {
        let begin = Instant::now();
        let mut signs = 0;
        while begin.elapsed() < during {
            signs += usize::from(self.heard().as_deref() == Some("WATCHDOG=1"));
        }
        signs
    }
}

fn notifies() {
    let lab = Lab::new(1);
    let (manager, mut engine) = Manager::start(&lab);
    let first = manager.heard();
    assert_eq!(first.as_deref(), Some("READY=1\nSTATUS=listening"));
    assert!(manager.signs_of_life(Duration::from_secs(3)) >= 2);
    engine.process.signal(Signal::SIGHUP);
    eventually("RELOADING=1", || {
        manager.heard()?.starts_with("RELOADING=1\n").then_some(())
    });
    manager.hears("READY=1");
    engine.stop();
    manager.hears("STOPPING=1");
    assert_eq!(manager.heard(), None);
}

/// One worker of two stands still, as a debugger makes it: nobody says that all is well.
fn a_worker_that_hangs() {
    let lab = Lab::new(1);
    let (manager, mut engine) = Manager::start(&lab);
    manager.hears("WATCHDOG=1");
    let worker = thread_of(&engine, "worker-1");
    ptrace::seize(worker, ptrace::Options::empty()).expect("to trace a worker");
    ptrace::interrupt(worker).expect("to stop it");
    waitpid(worker, Some(WaitPidFlag::__WALL)).expect("it to stand still");
    manager.signs_of_life(LATE);
    assert_eq!(manager.signs_of_life(Duration::from_secs(3)), 0);
    ptrace::detach(worker, None).expect("to let it go");
    manager.hears("WATCHDOG=1");
    lab.send(&frames(100));
    engine.reaches(I::Delivered, 100);
    engine.stop();
}

fn thread_of(engine: &Engine, name: &str) -> Pid {
    let tasks = format!("/proc/{}/task", engine.process.pid());
    let mut tasks = fs::read_dir(tasks).expect("its threads").flatten();
    let task = tasks.find(|task| {
        let comm = fs::read_to_string(task.path().join("comm"));
        comm.is_ok_and(|comm| comm.trim() == name)
    });
    let number = task.expect("a thread of this name").file_name();
    let number = number.to_string_lossy().parse();
    Pid::from_raw(number.expect("a number"))
}

/// What the engine may change of the sensor's interface, as the system's own tools show it.
fn settings(lab: &Lab) -> Vec<String> {
    let says = |program, arguments: &[&str]| run(lab.command("sensor", program).args(arguments));
    let file = |name| says("cat", &[&format!("/sys/class/net/{MONITOR}/{name}")]);
    vec![
        says("ethtool", &["-k", MONITOR]),
        says("ethtool", &["-l", MONITOR]),
        file("mtu"),
        file("napi_defer_hard_irqs"),
        file("gro_flush_timeout"),
        file("flags"),
    ]
}

/// Settings that all differ from what [`disturbed`] leaves.
const CHANGED: &str = "mtu = 3000\nup = true\nchannels = 1\nnapi_defer_hard_irqs = 2\n\
    gro_flush_timeout_ns = 150000\n";

/// A lab whose interface is set in no way as the engine would have it.
fn disturbed() -> Lab {
    let lab = Lab::new(2);
    // A program takes no fewer queues than the other end sends by.
    run(lab
        .command("switch", "ethtool")
        .args(["-L", FAR, "tx", "1"]));
    run(lab
        .command("sensor", "ethtool")
        .args(["-K", MONITOR, "gro", "on", "rxvlan", "on"]));
    ip(&[
        "-n",
        &lab.namespace("sensor"),
        "link",
        "set",
        MONITOR,
        "down",
    ]);
    lab
}

fn configured(lab: &Lab, text: &str) -> Command {
    let config = lab.folder().join("medtapd.toml");
    fs::write(&config, text).expect("a configuration");
    let mut command = Engine::command_of(lab, &lab.folder().join("live.table"));
    command.arg("--config").arg(&config);
    command
}

/// An engine that can't begin leaves the interface as it was, too, though it had set it up.
fn restored_after_error() {
    let lab = disturbed();
    let before = settings(&lab);
    let text = format!(
        "[[interface]]\nname = \"{MONITOR}\"\n{CHANGED}[[interface]]\nname = \"nosuch0\"\n"
    );
    let mut engine = lab.start(configured(&lab, &text));
    assert_eq!(engine.end().code(), Some(2), "{}", engine.said());
    assert!(
        engine.said().contains("no interface nosuch0"),
        "{}",
        engine.said()
    );
    assert!(
        engine.said().contains("native program"),
        "{}",
        engine.said()
    );
    assert_eq!(settings(&lab), before);
    assert!(!lab.is_attached());
}

/// The interface is as it was, however the engine ended: a process beside it, which may do that and
/// nothing else, puts it back.
fn restored(signal: Signal, mode: &str) {
    let lab = disturbed();
    let before = settings(&lab);
    let text = format!("[[interface]]\nname = \"{MONITOR}\"\nmode = \"{mode}\"\n{CHANGED}");
    let mut engine = Engine::start_by(&lab, configured(&lab, &text));
    let during = settings(&lab);
    for (before, during) in before.iter().zip(&during) {
        assert_ne!(before, during, "not set up: {}", engine.process.said());
    }
    assert_eq!(during[2..5], ["3000\n", "2\n", "150000\n"]);
    let pid = engine.process.pid();
    let keepers = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let keeper = keepers.expect("its children").trim().to_owned();
    let status = fs::read_to_string(format!("/proc/{keeper}/status"));
    let status = status.expect("one child, the keeper");
    for line in [
        "CapPrm:\t0000000000001000",
        "CapEff:\t0000000000001000",
        "CapInh:\t0000000000000000",
        "CapAmb:\t0000000000000000",
    ] {
        assert!(status.contains(line), "no {line:?} in {status}");
    }
    lab.send(&frames(100));
    engine.reaches(I::Delivered, 100);
    engine.process.stop(signal);
    eventually("the settings of before", || {
        (settings(&lab) == before).then_some(())
    });
    assert!(!lab.is_attached());
    let proc = format!("/proc/{keeper}");
    eventually("the keeper's end", || {
        (!fs::exists(&proc).unwrap_or(true)).then_some(())
    });
    lab.assert_silent();
}
