//! The sandbox from inside: a child enters it and tries what is forbidden. Nothing that it tries
//! would do harm if it succeeded, since then a test must say so and not the machine.

use std::env;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use medtap_engine::sandbox::{self, Allowed};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace;
use nix::sys::signal::kill;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{Pid, Uid, chroot, getppid, setuid};

/// Names the folder that a child uses, and makes it one.
const CHILD: &str = "MEDTAP_TEST_SANDBOX";

/// The last line of a child, which then waits for the end of its input.
const READY: &str = "ready";

/// What a child that was started here does; `None` in the test program itself.
pub fn helper() -> Option<ExitCode> {
    let folder = env::var_os(CHILD)?;
    inside(Path::new(&folder));
    Some(ExitCode::SUCCESS)
}

/// The tests.
pub fn trials() -> Vec<Trial> {
    let no_root = !Uid::effective().is_root();
    let no_setpriv = Command::new("setpriv").arg("--version").output().is_err();
    vec![
        Trial::test(
            "sandbox::forbids_all_but_its_work",
            forbids_all_but_its_work,
        )
        .with_ignored_flag(no_root),
        Trial::test(
            "sandbox::works_with_five_capabilities",
            works_with_five_capabilities,
        )
        .with_ignored_flag(no_root || no_setpriv),
        Trial::test("sandbox::says_what_is_missing", says_what_is_missing)
            .with_ignored_flag(no_root || no_setpriv),
    ]
}

/// Says on standard output how each attempt ended: `name: done` or `name: failed: why`.
fn inside(folder: &Path) {
    println!("missing: {}", sandbox::missing().join(" "));
    if let Err(error) = sandbox::kernel() {
        println!("kernel: failed: {error}");
    }
    let rules = folder.join("rules");
    let (near, far) = UnixDatagram::pair().unwrap();
    let opened = File::open(folder.join("secret")).unwrap();
    match sandbox::enter(&Allowed {
        read: &[&rules],
        shunt: false,
    }) {
        Ok(report) => println!("report: {report}"),
        Err(error) => {
            println!("enter: failed: {error}");
            return;
        }
    }
    attempt("list rules", fs::read_dir(&rules).map(Iterator::count));
    attempt("read rules", fs::read(rules.join("rule.toml")));
    attempt(
        "read what was open",
        (&opened).take(1).read_to_end(&mut Vec::new()),
    );
    attempt("receive", receive(&near, &far));
    forbidden_files(folder);
    forbidden_system_calls(folder);

    let (pinned, done) = mpsc::channel();
    let thread = thread::Builder::new().name("worker".to_owned());
    let sleeper = thread.spawn(move || {
        let _ = pinned.send(pin());
        attempt("socket of a thread", UnixDatagram::unbound());
        // Until the process ends.
        loop {
            thread::sleep(Duration::from_secs(60));
        }
    });
    attempt("start a thread", sleeper);
    attempt("pin a thread", done.recv().unwrap());
    // The thread's own attempt has its line before this.
    thread::sleep(Duration::from_millis(200));
    println!("{READY}");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn attempt<T, E: Display>(name: &str, result: Result<T, E>) {
    match result {
        Ok(_) => println!("{name}: done"),
        Err(error) => println!("{name}: failed: {error}"),
    }
}

fn receive(near: &UnixDatagram, far: &UnixDatagram) -> std::io::Result<()> {
    far.send(b"frame")?;
    let mut waiting = [PollFd::new(near.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::from(1000_u16))?;
    let length = near.recv(&mut [0; 16])?;
    assert_eq!(length, 5);
    Ok(())
}

fn pin() -> nix::Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu) == Ok(true));
    let mut set = CpuSet::new();
    set.set(first.unwrap_or(0))?;
    sched_setaffinity(this, &set)
}

fn forbidden_files(folder: &Path) {
    attempt("no: read a file", fs::read(folder.join("secret")));
    attempt("no: read a directory", fs::read_dir("/"));
    attempt("no: read /proc", fs::read("/proc/self/status"));
    attempt("no: make a file", File::create(folder.join("new")));
    attempt("no: make a rule", File::create(folder.join("rules/new")));
    let append = File::options()
        .append(true)
        .open(folder.join("rules/rule.toml"));
    attempt("no: change a rule", append);
    attempt(
        "no: remove",
        fs::remove_file(folder.join("rules/rule.toml")),
    );
    attempt(
        "no: rename",
        fs::rename(folder.join("secret"), folder.join("rules/secret")),
    );
    attempt("no: make a folder", fs::create_dir(folder.join("folder")));
    attempt(
        "no: link",
        fs::hard_link(folder.join("secret"), folder.join("link")),
    );
}

fn forbidden_system_calls(folder: &Path) {
    for family in [
        AddressFamily::Unix,
        AddressFamily::Inet,
        AddressFamily::Inet6,
        AddressFamily::Netlink,
        AddressFamily::Packet,
        AddressFamily::Vsock,
    ] {
        let made = socket(family, SockType::Datagram, SockFlag::empty(), None);
        attempt(&format!("no: socket {family:?}"), made);
        let made = socket(family, SockType::Raw, SockFlag::empty(), None);
        attempt(&format!("no: raw socket {family:?}"), made);
    }
    let map = aya::sys::is_map_supported(aya::maps::MapType::Array);
    let map = match map {
        Ok(true) => Ok(()),
        Ok(false) => Err("not supported".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    attempt("no: make a BPF map", map);
    attempt("no: be traced", ptrace::traceme());
    attempt("no: trace", ptrace::attach(getppid()));
    attempt("no: signal another process", kill(getppid(), None));
    attempt("no: become another user", setuid(Uid::from_raw(65534)));
    attempt("no: become oneself", setuid(Uid::current()));
    let nothing: Option<&str> = None;
    let bind = mount(Some(folder), folder, nothing, MsFlags::MS_BIND, nothing);
    attempt("no: mount", bind);
    attempt("no: chroot", chroot(folder));
    attempt("no: start a program", Command::new("/bin/true").spawn());
    let become_another = Command::new("/bin/echo").arg("no: exec: done").exec();
    attempt::<(), _>("no: exec", Err(become_another));
}

/// A child that has said [`READY`], and all its lines before.
struct Inside {
    child: Child,
    lines: Vec<String>,
    folder: tempfile::TempDir,
}

impl Inside {
    fn start(mut program: Command) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("rules"))?;
        fs::write(folder.path().join("rules/rule.toml"), "rule")?;
        fs::write(folder.path().join("secret"), "secret")?;
        let mut child = program
            .env(CHILD, folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = child.stdout.take().ok_or("no output")?;
        let mut text = Vec::new();
        let mut bytes = [0; 4096];
        while !text.ends_with(format!("{READY}\n").as_bytes()) {
            let length = output.read(&mut bytes)?;
            if length == 0 {
                let status = child.wait()?;
                let text = String::from_utf8_lossy(&text);
                return Err(format!("the child ended ({status}) after: {text}").into());
            }
            text.extend_from_slice(&bytes[..length]);
        }
        let text = String::from_utf8_lossy(&text);
        Ok(Self {
            lines: text.lines().map(str::to_owned).collect(),
            child,
            folder,
        })
    }

    /// The values of one key of /proc/PID/task/*/status.
    fn status(&self, key: &str) -> Result<Vec<String>, Failed> {
        let mut values = Vec::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("status"))?;
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(":\t"));
            values.push(line.ok_or("no such key")?.to_owned());
        }
        Ok(values)
    }

    fn expect_status(&self, key: &str, expected: &str) -> Result<(), Failed> {
        let found = self.status(key)?;
        if found == [expected, expected] {
            return Ok(());
        }
        Err(format!("{key} is {found:?}, not {expected} in two threads").into())
    }

    /// Every attempt ended as its name says.
    fn expect_attempts(&self) -> Result<(), Failed> {
        let outcomes = self.lines.iter().filter(|line| {
            !line.starts_with("report: ") && !line.starts_with("missing: ") && *line != READY
        });
        let wrong: Vec<&String> = outcomes
            .filter(|line| {
                let forbidden = line.starts_with("no: ") || line.starts_with("socket of");
                let expected = if forbidden { ": failed: " } else { ": done" };
                !line.contains(expected)
            })
            .collect();
        // As many as there are attempts above.
        if wrong.is_empty() && self.lines.len() >= 38 {
            return Ok(());
        }
        Err(format!("{} lines, wrong: {wrong:#?}", self.lines.len()).into())
    }

    fn end(mut self) -> Result<(), Failed> {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        let status = self.child.wait()?;
        if !status.success() || begun.elapsed() > Duration::from_secs(5) {
            return Err(format!("ended with {status}").into());
        }
        let left = fs::read_dir(self.folder.path())?.count();
        if left != 2 {
            return Err(format!("{left} files in the folder, not 2").into());
        }
        Ok(())
    }
}

fn forbids_all_but_its_work() -> Result<(), Failed> {
    let inside = Inside::start(Command::new(env::current_exe()?))?;
    inside.expect_attempts()?;
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        inside.expect_status(set, "0000000000000000")?;
    }
    inside.expect_status("NoNewPrivs", "1")?;
    inside.expect_status("Seccomp", "2")?;
    inside.expect_status("CoreDumping", "0")?;
    let limits = fs::read_to_string(format!("/proc/{}/limits", inside.child.id()))?;
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.unwrap_or_default().split_whitespace().collect();
    if core.get(4..6) != Some(&["0", "0"]) {
        return Err(format!("cores may be written: {core:?}").into());
    }
    let report = inside
        .lines
        .iter()
        .find(|line| line.starts_with("report: "));
    let report = report.ok_or("no report")?;
    if !report.starts_with("report: capabilities dropped, seccomp leaves ") {
        return Err(format!("not what a root's report says: {report}").into());
    }
    inside.end()
}

fn with_capabilities(names: &str) -> Result<Command, Failed> {
    let mut program = Command::new("setpriv");
    program
        .args(["--bounding-set", &format!("-all,{names}")])
        .arg(env::current_exe()?);
    Ok(program)
}

/// What the systemd unit gives: none to change the bounding set with.
fn works_with_five_capabilities() -> Result<(), Failed> {
    let five = "+net_raw,+net_admin,+bpf,+perfmon,+ipc_lock";
    let inside = Inside::start(with_capabilities(five)?)?;
    inside.expect_attempts()?;
    if !inside.lines.iter().any(|line| line == "missing: ") {
        return Err(format!("{:?}", inside.lines.first()).into());
    }
    for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        inside.expect_status(set, "0000000000000000")?;
    }
    // Kept, and worth nothing: see the report.
    inside.expect_status("CapBnd", "000000c000007000")?;
    let report = "report: capabilities dropped (bounding set kept: no CAP_SETPCAP), ";
    if !inside.lines.iter().any(|line| line.starts_with(report)) {
        return Err("the report does not say that the bounding set was kept".into());
    }
    inside.end()
}

fn says_what_is_missing() -> Result<(), Failed> {
    let inside = Inside::start(with_capabilities("+net_raw,+bpf")?)?;
    let expected = "missing: CAP_NET_ADMIN CAP_PERFMON CAP_IPC_LOCK";
    if inside.lines.first().map(String::as_str) != Some(expected) {
        return Err(format!("{:?}", inside.lines.first()).into());
    }
    inside.end()
}
