//! Two network namespaces with a veth between, and what is sent there. It knows nothing of what
//! is tested.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use medtap_engine::nic;
use medtap_engine::nic::counts::{Counts, InterfaceCounts};
use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket};

/// The interface in the sensor's namespace.
pub const SENSOR: &str = "mirror0";
/// Its other end, in the sender's.
pub const SENDER: &str = "switch0";

/// Two namespaces with a veth between.
pub struct Lab {
    pub sensor: String,
    pub sender: String,
}

impl Lab {
    pub fn new() -> Self {
        Self::with_queues(1)
    }

    /// Both ends have so many queues.
    pub fn with_queues(queues: u32) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = |end| format!("mtp{}-{number}{end}", std::process::id());
        let lab = Self {
            sensor: name("a"),
            sender: name("b"),
        };
        for namespace in [&lab.sensor, &lab.sender] {
            ip(&["netns", "add", namespace]);
            // Nothing is to be sent that no test sends.
            let quiet =
                "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done";
            run(Command::new("ip").args(["netns", "exec", namespace, "sh", "-c", quiet]));
        }
        let queues = queues.to_string();
        let queues = ["numrxqueues", &queues, "numtxqueues", &queues];
        let mut add = vec!["link", "add", SENSOR, "netns", &lab.sensor];
        add.extend(queues);
        add.extend(["type", "veth", "peer", "name", SENDER]);
        add.extend(["netns", &lab.sender]);
        add.extend(queues);
        ip(&add);
        ip(&[
            "-n",
            &lab.sender,
            "link",
            "set",
            SENDER,
            "mtu",
            "9000",
            "up",
        ]);
        ip(&[
            "-n",
            &lab.sensor,
            "link",
            "set",
            SENSOR,
            "mtu",
            "9000",
            "up",
        ]);
        lab
    }

    /// Runs in the sensor's namespace.
    pub fn sensor<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        inside(&self.sensor, work)
    }

    /// Sends frames out of the other end.
    pub fn send(&self, frames: &[Vec<u8>]) {
        inside(&self.sender, || send_from(SENDER, frames));
    }

    pub fn ethtool(&self, arguments: &[&str]) -> String {
        let base = ["netns", "exec", &self.sensor, "ethtool"];
        run(Command::new("ip").args(base).args(arguments))
    }

    pub fn feature(&self, name: &str) -> bool {
        let line = format!("{name}: on");
        self.ethtool(&["-k", SENSOR])
            .lines()
            .any(|it| it.trim().starts_with(&line))
    }

    pub fn mtu(&self) -> u32 {
        self.sensor(|| nic::mtu(SENSOR).unwrap())
    }

    pub fn counts(&self, namespace: &str, interface: &str) -> InterfaceCounts {
        inside(namespace, || {
            let mut counts = Counts::open().unwrap();
            counts.refresh().unwrap();
            counts.of(interface).unwrap()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for namespace in [&self.sensor, &self.sender] {
            let _ = Command::new("ip")
                .args(["netns", "delete", namespace])
                .output();
        }
    }
}

pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

pub fn ip(arguments: &[&str]) -> String {
    run(Command::new("ip").args(arguments))
}

/// Runs in a namespace, on a thread of its own.
pub fn inside<R: Send>(namespace: &str, work: impl FnOnce() -> R + Send) -> R {
    let run = || {
        let namespace = File::open(format!("/run/netns/{namespace}")).unwrap();
        setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|e| std::panic::resume_unwind(e))
}

/// Sends frames out of an interface of the calling thread's namespace.
pub fn send_from(interface: &str, frames: &[Vec<u8>]) {
    let is_ours = |it: &nix::ifaddrs::InterfaceAddress| it.interface_name == interface;
    let mut addresses = getifaddrs()
        .unwrap()
        .filter(is_ours)
        .filter_map(|it| it.address);
    let link: LinkAddr = addresses.find_map(|it| it.as_link_addr().copied()).unwrap();
    let raw: OwnedFd = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    for frame in frames {
        let sent = sendto(raw.as_raw_fd(), frame, &link, MsgFlags::empty()).unwrap();
        assert_eq!(sent, frame.len());
    }
}

/// An Ethernet frame with IPv4 and UDP of these addresses.
pub fn udp(src: [u8; 4], dst: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, dst[3], 2, 0, 0, 0, 0, src[3], 8, 0];
    let len = (28 + payload.len()) as u16;
    frame.extend([0x45, 0]);
    frame.extend(len.to_be_bytes());
    frame.extend([0, 1, 0, 0, 64, 17, 0, 0]);
    frame.extend([src, dst].concat());
    let sum: u32 = frame[14..34]
        .as_chunks::<2>()
        .0
        .iter()
        .map(|it| u32::from(u16::from_be_bytes(*it)))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame.extend([0x10, 0, 0x20, 0]);
    frame.extend((len - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}
