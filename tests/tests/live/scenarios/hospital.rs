//! Real clients and servers talk across a switch, and the engine on the mirror port learns what
//! the same packets give offline.

use std::fs;
use std::path::Path;

use medtap_table::vocabulary::InterfaceCounter as I;
use nix::sys::signal::Signal;

use super::Scenario;
use crate::harness::{
    Engine, Lab, MONITOR, Process, analyze, devices, eventually, ip, run, same_devices,
};

const PROGRAMS: &[&str] = &[
    "tcpdump",
    "dnsmasq",
    "udhcpc",
    "storescp",
    "storescu",
    "echoscu",
    "dump2dcm",
    "curl",
    "nginx",
    "openssl",
    "ssh",
    "sshd",
    "ssh-keygen",
    "avahi-daemon",
];

pub const TESTS: &[Scenario] = &[
    ("hospital::as_offline", PROGRAMS, || as_offline(&[], 1)),
    ("hospital::as_offline_copy", PROGRAMS, || {
        as_offline(&["--mode", "copy"], 1)
    }),
    ("hospital::as_offline_generic", PROGRAMS, || {
        as_offline(&["--mode", "generic"], 1)
    }),
    ("hospital::as_offline_packet", PROGRAMS, || {
        as_offline(&["--mode", "packet"], 1)
    }),
    ("hospital::as_offline_packet_two_workers", PROGRAMS, || {
        as_offline(&["--mode", "packet", "--workers", "2"], 1);
    }),
    ("hospital::as_offline_four_sockets", PROGRAMS, || {
        as_offline(&["--workers", "4"], 1)
    }),
    ("hospital::as_offline_four_queues", PROGRAMS, || {
        as_offline(&["--workers", "2"], 4)
    }),
];

/// The object that the CT stores. Nobody's.
const OBJECT: &str = "\
(0008,0016) UI =CTImageStorage
(0008,0018) UI [2.25.202601.1]
(0008,0060) CS [CT]
(0008,0070) LO [ACME MEDICAL]
(0008,1010) SH [CT_ROOM_1]
(0008,1090) LO [TOMOGRAPH 64]
(0010,0010) PN [CANARY^PERSON]
(0010,0020) LO [CANARY-MRN]
(0018,1000) LO [AM-CT-001977]
(0018,1020) LO [5.3.1]
(0020,000d) UI [2.25.202601.2]
(0020,000e) UI [2.25.202601.3]
";

const LEASE: &str = "#!/bin/sh
case $1 in bound|renew) ip addr replace $ip/24 brd + dev $interface ;; esac
";

const DNSMASQ: &str = "\
no-resolv
no-hosts
interface=eth0
bind-interfaces
no-ping
user=root
pid-file
dhcp-authoritative
dhcp-range=10.77.0.100,10.77.0.150,1h
domain=hospital.example
local=/hospital.example/
host-record=emr.hospital.example,10.77.0.30
";

const AVAHI: &str = "\
[server]
host-name=LaserStar-400
enable-dbus=no
use-ipv6=no
allow-interfaces=eth0
[publish]
publish-hinfo=no
publish-workstation=yes
";

const SSHD: &str = "UsePAM no\nPidFile none\nStrictModes no\nPasswordAuthentication no\n\
    KbdInteractiveAuthentication no\n";

const NGINX: &str = "\
pid nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path nb; proxy_temp_path np; fastcgi_temp_path nf;
  uwsgi_temp_path nu; scgi_temp_path ns;
  server { listen 80; root www; }
}
";

/// Host and place on the switch.
const HOSTS: [(&str, u8); 6] = [
    ("infra", 3),
    ("archive", 10),
    ("ct", 11),
    ("emr", 30),
    ("printer", 60),
    ("ward", 77),
];

fn as_offline(arguments: &[&str], queues: u32) {
    let lab = Lab::hospital(queues);
    write_files(&lab);
    for (host, number) in HOSTS {
        lab.host(host, number);
    }
    let capture = lab.folder().join("recorded.pcap");
    let mut tcpdump = lab.command("recorder", "tcpdump");
    // What tcpdump's ring holds when it is asked to end, it throws away uncounted: every frame
    // has to be in the file before.
    tcpdump.args(["-n", "-s", "2048", "-U", "--immediate-mode"]);
    tcpdump.args(["-Z", "root", "-i", "rec1", "-w"]);
    tcpdump.arg(&capture);
    let mut recorder = lab.start(tcpdump);
    recorder.says("listening on");
    let mut engine = Engine::start(&lab, arguments);
    let servers = talk(&lab);
    drop(servers);
    for (host, _) in HOSTS {
        ip(&["-n", &lab.namespace(host), "link", "set", "eth0", "down"]);
    }
    let sent = lab.count("switch", "far0", "tx", "packets");
    assert!(sent > 100, "only {sent} frames were mirrored");
    let reading = engine.reaches(I::Delivered, sent);
    assert_eq!(reading.get(I::Delivered), sent, "{reading:?}");
    engine.stop();
    eventually("every frame to be recorded", || {
        (recorded(&capture) >= sent).then_some(())
    });
    assert!(recorder.stop(Signal::SIGINT).success());
    assert!(
        recorder.said().contains("\n0 packets dropped by kernel"),
        "{}",
        recorder.said()
    );
    let live = devices(&engine.table);
    let found = live["devices"].as_array().map_or(0, Vec::len);
    assert!(found >= HOSTS.len(), "only {found} devices: {live}");
    same_devices(&live, &analyze(&capture));
    lab.assert_silent();
    assert!(!lab.is_attached(), "{}", lab.link("sensor", MONITOR));
}

/// Whole records in a capture that is being written, all of them in this machine's byte order.
fn recorded(capture: &Path) -> u64 {
    let bytes = fs::read(capture).unwrap_or_default();
    let mut rest = bytes.get(24..).unwrap_or_default();
    let mut count = 0;
    while let Some((header, after)) = rest.split_first_chunk::<16>() {
        let [.., a, b, c, d, _, _, _, _] = *header;
        let len = u32::from_ne_bytes([a, b, c, d]) as usize;
        let Some(next) = after.get(len..) else { break };
        rest = next;
        count += 1;
    }
    count
}

fn write_files(lab: &Lab) {
    let write = |name: &str, text: &str| {
        fs::write(lab.folder().join(name), text).expect("a file in the lab's folder");
    };
    write("object.dump", OBJECT);
    write("lease", LEASE);
    write("dnsmasq.conf", DNSMASQ);
    write("avahi.conf", AVAHI);
    write("sshd.conf", SSHD);
    write("nginx.conf", NGINX);
    write(
        "resolv.conf",
        "nameserver 10.77.0.3\noptions timeout:1 attempts:2\n",
    );
    for folder in ["www", "received"] {
        fs::create_dir(lab.folder().join(folder)).expect("a folder in the lab's folder");
    }
    write(
        "www/index.html",
        "<html><head><title>Example EMR 8.2</title></head></html>",
    );
    run(&mut lab.shell(
        "sensor",
        "cd \"$1\" && chmod 755 . lease && dump2dcm object.dump object.dcm 2>&1 && \
         ssh-keygen -q -t ed25519 -N '' -C '' -f ssh_host && \
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
         -subj '/O=EXAMPLE GENERAL HOSPITAL/CN=emr.hospital.example' -keyout emr.key \
         -out emr.pem 2>/dev/null",
    ));
}

/// What they say to each other; the servers that still run.
fn talk(lab: &Lab) -> Vec<Process> {
    for (host, number) in HOSTS.into_iter().filter(|(host, _)| *host != "ward") {
        lab.address(host, &format!("10.77.0.{number}/24"));
    }
    let daemons = [
        (
            "infra",
            "exec dnsmasq -k --conf-file=\"$1/dnsmasq.conf\" --dhcp-leasefile=\"$1/leases\"",
        ),
        (
            "archive",
            "exec storescp -aet ARCHIVE -od \"$1/received\" 11112",
        ),
        ("emr", "exec nginx -p \"$1\" -c nginx.conf -g 'daemon off;'"),
        (
            "emr",
            "cd \"$1\" && exec openssl s_server -quiet -accept 443 -cert emr.pem -key emr.key -www",
        ),
        (
            "emr",
            "mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f \"$1/sshd.conf\" -h \"$1/ssh_host\"",
        ),
        (
            "printer",
            "mkdir /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot \
            --no-rlimits -f \"$1/avahi.conf\"",
        ),
    ];
    let mut running: Vec<Process> = daemons
        .iter()
        .map(|(host, script)| lab.start(lab.shell(host, script)))
        .collect();
    for (host, port) in [
        ("infra", 53),
        ("archive", 11112),
        ("emr", 80),
        ("emr", 443),
        ("emr", 22),
    ] {
        listens(lab, host, port);
    }
    if let Some(avahi) = running.last_mut() {
        avahi.says("startup complete");
    }
    ip(&["-n", &lab.namespace("ward"), "link", "set", "eth0", "up"]);
    for (host, script) in [
        (
            "ward",
            "udhcpc -q -n -i eth0 -s \"$1/lease\" -x hostname:pump-0007 2>&1",
        ),
        (
            "ward",
            "curl -sS -m 10 -o \"$1/web\" http://emr.hospital.example/ 2>&1",
        ),
        (
            "ward",
            "curl -sS -m 10 -k -o \"$1/tls\" https://emr.hospital.example/ 2>&1",
        ),
        (
            "ct",
            "echoscu -aet CT_ROOM_1 -aec ARCHIVE 10.77.0.10 11112 2>&1",
        ),
        (
            "ct",
            "storescu -aet CT_ROOM_1 -aec ARCHIVE 10.77.0.10 11112 \"$1/object.dcm\" 2>&1",
        ),
        (
            "ct",
            "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no \
            -o UserKnownHostsFile=/dev/null -o IdentityFile=none -o IdentityAgent=none \
            -o ConnectTimeout=10 nobody@10.77.0.30 true; [ $? = 255 ]",
        ),
    ] {
        run(&mut lab.shell(host, script));
    }
    let received = fs::read_dir(lab.folder().join("received")).map_or(0, Iterator::count);
    assert_eq!(received, 1, "the archive holds no image");
    running
}

/// Waits until a server listens: /proc says so, and no packet is needed to know.
fn listens(lab: &Lab, host: &str, port: u16) {
    let wanted = format!(":{port:04X} ");
    eventually(&format!("port {port} of {host}"), || {
        let mut command = lab.command(host, "cat");
        let text = run(command.args(["/proc/self/net/tcp", "/proc/self/net/tcp6"]));
        text.contains(&wanted).then_some(())
    });
}
