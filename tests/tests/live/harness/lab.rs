//! Network namespaces: a switch with hosts, a mirror port and a recorder, or two ends of a cable.
//! Nothing in it has a way out, and all of it goes with the test.

use std::cell::RefCell;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use medtap_benches::live::sender::Sender;
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use super::Process;

/// The interface that the sensor listens on, in the namespace `sensor`.
pub const MONITOR: &str = "mon0";
/// The other end of it, in the namespace `switch`.
pub const FAR: &str = "far0";

/// Namespaces that end with the test.
pub struct Lab {
    name: String,
    hosts: RefCell<Vec<String>>,
    folder: TempDir,
    logs: RefCell<u32>,
}

impl Lab {
    /// The sensor and the switch with a cable between them, which has so many queues.
    pub fn new(queues: u32) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let lab = Self {
            name: format!("mtt{}x{number}", std::process::id()),
            hosts: RefCell::default(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            logs: RefCell::default(),
        };
        lab.add("sensor");
        lab.add("switch");
        lab.cable([MONITOR, FAR], queues);
        lab
    }

    /// Lays a cable between the sensor and the switch, whose ends have these names.
    pub fn cable(&self, [near, far]: [&str; 2], queues: u32) {
        let (sensor, switch) = (self.namespace("sensor"), self.namespace("switch"));
        let queues = queues.to_string();
        ip(&[
            "link",
            "add",
            near,
            "netns",
            &sensor,
            "numrxqueues",
            &queues,
            "numtxqueues",
            &queues,
            "type",
            "veth",
            "peer",
            "name",
            far,
            "netns",
            &switch,
            "numrxqueues",
            &queues,
            "numtxqueues",
            &queues,
        ]);
        self.whole("switch", far);
        self.whole("sensor", near);
        ip(&["-n", &switch, "link", "set", far, "up"]);
        ip(&["-n", &sensor, "link", "set", near, "up"]);
    }

    /// A switch, and a second mirror port `rec1` in the namespace `recorder`.
    pub fn hospital(queues: u32) -> Self {
        let lab = Self::new(queues);
        let switch = lab.namespace("switch");
        lab.add("recorder");
        let recorder = lab.namespace("recorder");
        ip(&[
            "link", "add", "rec0", "netns", &switch, "type", "veth", "peer", "name", "rec1",
            "netns", &recorder,
        ]);
        lab.whole("switch", "rec0");
        ip(&["-n", &switch, "link", "set", "rec0", "up"]);
        ip(&["-n", &recorder, "link", "set", "rec1", "up"]);
        ip(&[
            "-n",
            &switch,
            "link",
            "add",
            "br0",
            "type",
            "bridge",
            "stp_state",
            "0",
            "mcast_snooping",
            "0",
            "forward_delay",
            "0",
        ]);
        ip(&["-n", &switch, "link", "set", "br0", "up"]);
        for port in [FAR, "rec0"] {
            plug(&switch, port);
        }
        lab
    }

    /// A host on the switch, its link `eth0` down. What enters the switch from it is mirrored to
    /// the sensor and to the recorder.
    pub fn host(&self, host: &str, number: u8) {
        self.add(host);
        let (switch, namespace) = (self.namespace("switch"), self.namespace(host));
        let mac = format!("02:4d:54:00:00:{number:02x}");
        let port = format!("p{number}");
        ip(&[
            "link", "add", "eth0", "address", &mac, "netns", &namespace, "type", "veth", "peer",
            "name", &port, "netns", &switch,
        ]);
        self.whole(host, "eth0");
        self.whole("switch", &port);
        plug(&switch, &port);
    }

    /// Gives a host its address and takes its link up.
    pub fn address(&self, host: &str, address: &str) {
        let namespace = self.namespace(host);
        ip(&[
            "-n", &namespace, "addr", "add", address, "brd", "+", "dev", "eth0",
        ]);
        ip(&["-n", &namespace, "link", "set", "eth0", "up"]);
    }

    /// The full name of a namespace.
    pub fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    /// A folder that goes with the lab.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that runs in a namespace.
    pub fn command(&self, host: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]);
        command.arg(program);
        command
    }

    /// A shell script that runs in a namespace, with an empty `/run` of its own and the lab's
    /// folder as `$1`; with the other files of `/etc` that the folder holds.
    pub fn shell(&self, host: &str, script: &str) -> Command {
        let set_up = "mount -t tmpfs tmpfs /run && PATH=$PATH:/usr/sbin:/sbin && \
            if [ -f \"$1/resolv.conf\" ]; then \
            mount --bind \"$1/resolv.conf\" /etc/resolv.conf; fi;";
        let mut command = self.command(host, "sh");
        command.args(["-c", &format!("{set_up} {script}"), "sh"]);
        command.arg(self.folder());
        command
    }

    /// Starts a program that goes on until it is dropped.
    pub fn start(&self, command: Command) -> Process {
        *self.logs.borrow_mut() += 1;
        let log = format!("log{}", self.logs.borrow());
        Process::start(command, self.folder().join(log))
    }

    /// Sends frames out of the far end, all of them.
    pub fn send(&self, frames: &[Vec<u8>]) {
        self.send_by(FAR, frames);
    }

    /// The same out of this interface of the switch.
    pub fn send_by(&self, far: &str, frames: &[Vec<u8>]) {
        inside(&self.namespace("switch"), || send_all(far, frames));
    }

    /// The same from one processor.
    pub fn send_from(&self, processor: usize, far: &str, frames: &[Vec<u8>]) {
        inside(&self.namespace("switch"), || {
            let mut set = CpuSet::new();
            set.set(processor).expect("a processor's number");
            sched_setaffinity(Pid::from_raw(0), &set).expect("to run there");
            send_all(far, frames);
        });
    }

    /// What the system says of a link: `ip -details -statistics -json`.
    pub fn link(&self, host: &str, link: &str) -> Value {
        let text = ip(&[
            "-n",
            &self.namespace(host),
            "-d",
            "-s",
            "-j",
            "link",
            "show",
            link,
        ]);
        let links: Value = serde_json::from_str(&text).expect("JSON of ip");
        links[0].clone()
    }

    /// One number of a link's statistics, such as `rx`, `packets`.
    pub fn count(&self, host: &str, link: &str, way: &str, what: &str) -> u64 {
        let link = self.link(host, link);
        link["stats64"][way][what].as_u64().expect("a number")
    }

    /// True while a program is on the sensor's interface.
    pub fn is_attached(&self) -> bool {
        self.link("sensor", MONITOR).get("xdp").is_some()
    }

    /// Nothing came back out of the sensor's interface.
    pub fn assert_silent(&self) {
        let received = self.count("switch", FAR, "rx", "packets");
        assert_eq!(received, 0, "frames came out of the sensor's interface");
    }

    fn add(&self, host: &str) {
        let namespace = self.namespace(host);
        ip(&["netns", "add", &namespace]);
        self.hosts.borrow_mut().push(namespace.clone());
        let quiet =
            "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done";
        run(Command::new("ip").args(["netns", "exec", &namespace, "sh", "-c", quiet]));
        ip(&["-n", &namespace, "link", "set", "lo", "up"]);
    }

    /// No offloads: real checksums, and segments no longer than a frame.
    fn whole(&self, host: &str, link: &str) {
        let mut ethtool = self.command(host, "ethtool");
        run(ethtool.args([
            "-K", link, "tx", "off", "tso", "off", "gso", "off", "gro", "off", "sg", "off",
        ]));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for namespace in self.hosts.borrow().iter() {
            let _ = Command::new("ip")
                .args(["netns", "delete", namespace])
                .output();
        }
    }
}

fn send_all(far: &str, frames: &[Vec<u8>]) {
    let mut sender = Sender::open(far).expect("a sender");
    let mut rest = frames;
    while !rest.is_empty() {
        let sent = sender.send(rest).expect("frames that can be sent");
        rest = rest.get(sent..).unwrap_or_default();
    }
}

/// Puts a port on the switch, which learns no addresses: every frame goes to every port, once, as
/// to a mirror port. (Not every kernel has the classifiers that mirroring by `tc` needs.)
fn plug(switch: &str, port: &str) {
    ip(&["-n", switch, "link", "set", port, "master", "br0", "up"]);
    ip(&[
        "-n",
        switch,
        "link",
        "set",
        port,
        "type",
        "bridge_slave",
        "learning",
        "off",
    ]);
}

/// Runs a command to its end, which must be a good one; gives what it wrote.
pub fn run(command: &mut Command) -> String {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs `ip`.
pub fn ip(arguments: &[&str]) -> String {
    run(Command::new("ip").args(arguments))
}

/// Runs in a namespace, on a thread of its own.
pub fn inside<R: Send>(namespace: &str, work: impl FnOnce() -> R + Send) -> R {
    let run = || {
        let namespace = File::open(format!("/run/netns/{namespace}")).expect("a namespace");
        setns(namespace, CloneFlags::CLONE_NEWNET).expect("to enter it");
        work()
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|e| std::panic::resume_unwind(e))
}
