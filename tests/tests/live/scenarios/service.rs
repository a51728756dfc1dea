//! The engine as a service: what systemd hears of it, and what is left of it on the interface.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use medtap_table::vocabulary::InterfaceCounter as I;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::Scenario;
use super::life::frames;
use crate::harness::{Engine, Lab, MONITOR, eventually, run};

pub const TESTS: &[Scenario] = &[
    ("service::notifies", &[], notifies),
    ("service::a_worker_that_hangs", &[], a_worker_that_hangs),
    ("service::restored_after_stop", &[], || {
        restored(Signal::SIGTERM, "copy")
    }),
    ("service::restored_after_kill", &[], || {
        restored(Signal::SIGKILL, "copy")
    }),
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

/// The interface is as it was, however the engine ended: a process beside it, which may do that and
/// nothing else, puts it back.
fn restored(signal: Signal, mode: &str) {
    let lab = Lab::new(1);
    run(lab
        .command("sensor", "ethtool")
        .args(["-K", MONITOR, "gro", "on", "rxvlan", "on"]));
    let settings = || {
        let features = run(lab.command("sensor", "ethtool").args(["-k", MONITOR]));
        (features, lab.link("sensor", MONITOR)["mtu"].clone())
    };
    let before = settings();
    let config = lab.folder().join("medtapd.toml");
    let text = format!("[[interface]]\nname = \"{MONITOR}\"\nmode = \"{mode}\"\nmtu = 3000\n");
    fs::write(&config, text).expect("a configuration");
    let table = lab.folder().join("live.table");
    let mut command = Engine::command_of(&lab, &table);
    command.arg("--config").arg(&config);
    let mut engine = Engine::start_by(&lab, command);
    let during = settings();
    assert_ne!(during.0, before.0, "nothing was set up");
    assert_eq!(during.1, 3000);
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
        (settings() == before).then_some(())
    });
    assert!(!lab.is_attached());
    let proc = format!("/proc/{keeper}");
    eventually("the keeper's end", || {
        (!fs::exists(&proc).unwrap_or(true)).then_some(())
    });
    lab.assert_silent();
}
