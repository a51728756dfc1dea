//! TPACKET_V3 and the set-up of interfaces over veth, each in two network namespaces of its own.

pub mod lab;
mod setup;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use medtap_engine::capture::packet::{self, Ask, Opened};
use medtap_engine::flow::{shard, steer};
use medtap_engine::nic::{self, Wish, keeper};
use medtap_engine::wire::{Headers, LinkType};

use lab::{Lab, SENDER, SENSOR, inside, ip, run, send_from, udp};

/// Arguments that make this program one of the helpers below.
const HOLD: &str = "--packet-hold";
const KEEP: &str = "--packet-keep";
const LISTEN: &str = "--packet-listen";

type Test = fn() -> Result<(), Failed>;

/// All tests of this file.
pub fn trials() -> Vec<Trial> {
    let is_root = File::open("/proc/self")
        .and_then(|it| it.metadata())
        .is_ok_and(|it| it.uid() == 0);
    let tests: [(&str, Test); 14] = [
        ("one_worker", one_worker),
        ("four_workers", four_workers),
        ("tags_are_put_back", tags_are_put_back),
        ("jumbo", jumbo),
        ("merged_frames_fit", merged_frames_fit),
        ("a_full_ring_is_counted", a_full_ring_is_counted),
        ("outgoing_is_not_seen", outgoing_is_not_seen),
        ("down_and_up", down_and_up),
        ("bad_input", bad_input),
        ("few_rights", few_rights),
        ("set_up_and_restore", setup::set_up_and_restore),
        ("kill_the_holder", setup::kill_the_holder),
        (
            "what_others_changed_stays",
            setup::what_others_changed_stays,
        ),
        ("promiscuous_while_held", setup::promiscuous_while_held),
    ];
    let trial = |(name, test): (&str, _)| {
        Trial::test(format!("packet::{name}"), test).with_ignored_flag(!is_root)
    };
    tests.into_iter().map(trial).collect()
}

/// Runs as a helper, if the arguments say so: `main` asks before all else.
pub fn helper() -> Option<ExitCode> {
    match std::env::args().nth(1)?.as_str() {
        HOLD => Some(setup::hold()),
        LISTEN => Some(listen()),
        KEEP => Some(keeper::keep(std::io::stdin())),
        _ => None,
    }
}

/// Tells what one worker and two can open, and whether the interface can be set up.
fn listen() -> ExitCode {
    for workers in [1, 2] {
        let opened = packet::open(ask(workers));
        println!(
            "{}",
            opened.map_or_else(|error| error.to_string(), |_| "opened".to_owned())
        );
    }
    let mtu = Wish {
        mtu: Some(1300),
        ..Wish::default()
    };
    for wish in [
        Wish {
            promiscuous: true,
            ..Wish::default()
        },
        mtu,
    ] {
        let prepared = nic::prepare(SENSOR, &wish, &mut |_| ());
        println!(
            "{}",
            prepared.map_or_else(|error| error.to_string(), |_| "set up".to_owned())
        );
    }
    ExitCode::SUCCESS
}

fn ask(workers: usize) -> Ask<'static> {
    Ask {
        interface: SENSOR,
        place: 1,
        workers,
        block_bytes: 1 << 18,
        blocks: 16,
    }
}

/// What each worker gets, until `count` frames came or none for long.
fn drain(opened: &mut Opened, count: usize) -> Vec<Vec<(Vec<u8>, u32, u64)>> {
    let mut got = vec![Vec::new(); opened.ports.len()];
    let mut quiet = Instant::now();
    while got.iter().map(Vec::len).sum::<usize>() < count
        && quiet.elapsed() < Duration::from_secs(2)
    {
        for (port, got) in opened.ports.iter_mut().zip(&mut got) {
            let taken = port.burst(0, |frames| {
                let own = |it: medtap_engine::capture::Frame<'_>| {
                    (it.bytes.to_vec(), it.wire_len, it.time_ns)
                };
                got.extend(frames.map(own));
            });
            if taken.is_some() {
                quiet = Instant::now();
            }
        }
        thread::sleep(Duration::from_micros(200));
    }
    // What comes beside is a fault too.
    thread::sleep(Duration::from_millis(40));
    for (port, got) in opened.ports.iter_mut().zip(&mut got) {
        while port
            .burst(0, |frames| {
                got.extend(frames.map(|it| (it.bytes.to_vec(), it.wire_len, it.time_ns)))
            })
            .is_some()
        {}
    }
    got
}

fn one_worker() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = lab.sensor(|| packet::open(ask(1)))?;
    assert_eq!(opened.mtu, 9000);
    let frame = |number: u16| {
        let payload = vec![number as u8; usize::from(number) % 1400];
        udp([10, 0, 0, 1], [10, 0, 0, 2], &payload)
    };
    let sent: Vec<_> = (0..1500).map(frame).collect();
    let begin = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)?
        .as_nanos() as u64;
    lab.send(&sent);
    let got = drain(&mut opened, sent.len()).remove(0);
    assert_eq!(got.len(), sent.len());
    for ((bytes, wire_len, time_ns), sent) in got.iter().zip(&sent) {
        assert_eq!((bytes, *wire_len as usize), (sent, sent.len()));
        assert!((begin..begin + 10_000_000_000).contains(time_ns));
    }
    assert!(got.is_sorted_by_key(|(.., time_ns)| *time_ns));
    assert_eq!(opened.ports[0].losses()?, Default::default());
    assert_eq!(
        (opened.ports[0].delivered(), opened.ports[0].ring_fill()),
        (1500, (0, 16))
    );
    assert_eq!(lab.counts(&lab.sensor, SENSOR).packets, 1500);
    // Nothing was sent, by either end's count.
    assert_eq!(lab.counts(&lab.sensor, SENSOR).sent, 0);
    assert_eq!(lab.counts(&lab.sender, SENDER).packets, 0);
    Ok(())
}

fn widened(address: [u8; 4]) -> [u8; 16] {
    std::net::Ipv4Addr::from(address).to_ipv6_mapped().octets()
}

fn four_workers() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = lab.sensor(|| packet::open(ask(4)))?;
    let hosts = |flow: u8| ([10, 1, 0, flow], [10, 2, flow, 7]);
    let mut sent = Vec::new();
    for round in 0..8 {
        for flow in 0..=255 {
            let (here, there) = hosts(flow);
            sent.push(udp(here, there, &[flow, round]));
            sent.push(udp(there, here, &[flow, round]));
        }
    }
    lab.send(&sent);
    let got = drain(&mut opened, sent.len());
    let mut workers = BTreeMap::<u8, BTreeSet<usize>>::new();
    for (worker, frames) in got.iter().enumerate() {
        for (bytes, ..) in frames {
            workers.entry(bytes[42]).or_default().insert(worker);
        }
    }
    assert_eq!(got.iter().map(Vec::len).sum::<usize>(), sent.len());
    assert_eq!(workers.len(), 256);
    for (flow, workers) in workers {
        let (here, there) = hosts(flow);
        let expected = shard(steer(&widened(here), &widened(there))) % 4;
        assert_eq!(workers, BTreeSet::from([expected]), "flow {flow}");
    }
    assert!(got.iter().all(|frames| frames.len() > sent.len() / 16));
    for port in &opened.ports {
        assert_eq!(port.losses()?, Default::default());
    }
    assert_eq!(lab.counts(&lab.sender, SENDER).packets, 0);
    Ok(())
}

fn tags_are_put_back() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = lab.sensor(|| packet::open(ask(1)))?;
    let plain = udp([10, 0, 0, 1], [10, 0, 0, 2], b"tagged");
    let with = |tags: &[u8]| [&plain[..12], tags, &plain[12..]].concat();
    let one = with(&[0x81, 0, 0x60, 100]);
    let two = with(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]);
    let none_of_a_net = with(&[0x81, 0, 0xe0, 0]);
    let long = with(&[&[0x81, 0, 0, 9], &[0; 0][..]].concat());
    let sent = vec![one, plain.clone(), two, none_of_a_net, long];
    lab.send(&sent);
    let got = drain(&mut opened, sent.len()).remove(0);
    let bytes: Vec<_> = got.iter().map(|(bytes, ..)| bytes.clone()).collect();
    assert_eq!(bytes, sent);
    assert!(
        got.iter()
            .all(|(bytes, wire_len, _)| bytes.len() == *wire_len as usize)
    );
    Ok(())
}

fn jumbo() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = lab.sensor(|| packet::open(ask(1)))?;
    let sent: Vec<_> = (0..200_u8)
        .map(|number| udp([10, 0, 0, 1], [10, 0, 0, number], &[number; 8972]))
        .collect();
    assert_eq!(sent[0].len(), 9014);
    lab.send(&sent);
    let got = drain(&mut opened, sent.len()).remove(0);
    assert!(got.iter().map(|(bytes, ..)| bytes).eq(&sent));
    Ok(())
}

/// What one end's kernel leaves in one piece for the other's: up to 64 KiB, without checksums.
fn merged_frames_fit() -> Result<(), Failed> {
    let lab = Lab::new();
    ip(&[
        "-n",
        &lab.sensor,
        "address",
        "add",
        "10.9.9.1/24",
        "dev",
        SENSOR,
    ]);
    ip(&[
        "-n",
        &lab.sender,
        "address",
        "add",
        "10.9.9.2/24",
        "dev",
        SENDER,
    ]);
    let mut opened = lab.sensor(|| packet::open(ask(1)))?;
    let listener = lab.sensor(|| TcpListener::bind("10.9.9.1:4000"))?;
    let stream = inside(&lab.sender, || TcpStream::connect("10.9.9.1:4000"))?;
    let (mut to, mut from) = (stream, listener.accept()?.0);
    thread::scope(|scope| {
        scope.spawn(move || to.write_all(&[9; 1 << 20]).unwrap());
        std::io::copy(&mut from, &mut std::io::sink()).unwrap();
    });
    let got = drain(&mut opened, usize::MAX).remove(0);
    for (bytes, wire_len, _) in &got {
        assert_eq!(bytes.len(), *wire_len as usize);
        assert!(Headers::parse(bytes, *wire_len, LinkType::Ethernet).is_ok());
    }
    let longest = got.iter().map(|(bytes, ..)| bytes.len()).max().unwrap_or(0);
    assert!(
        (20_000..opened.ports[0].frame_bytes_max()).contains(&longest),
        "{longest}"
    );
    assert_eq!(opened.ports[0].losses()?, Default::default());
    Ok(())
}

/// A worker that does not read: what it missed is told, and adds up.
fn a_full_ring_is_counted() -> Result<(), Failed> {
    let lab = Lab::new();
    let small = Ask {
        block_bytes: 1,
        blocks: 2,
        ..ask(1)
    };
    let mut opened = lab.sensor(|| packet::open(small))?;
    let sent = vec![udp([10, 0, 0, 1], [10, 0, 0, 2], &[7; 1400]); 2000];
    lab.send(&sent);
    thread::sleep(Duration::from_millis(50));
    let half = opened.ports[0].losses()?.ring_full;
    let got = drain(&mut opened, sent.len()).remove(0);
    let losses = opened.ports[0].losses()?;
    assert!(half > 0 && losses.ring_full == half, "{half} {losses:?}");
    assert_eq!(got.len() as u64 + losses.ring_full, sent.len() as u64);
    assert_eq!((losses.dropped, losses.invalid), (0, 0));
    Ok(())
}

fn outgoing_is_not_seen() -> Result<(), Failed> {
    let lab = Lab::new();
    for workers in [1, 4] {
        let mut opened = lab.sensor(|| packet::open(ask(workers)))?;
        let ours = vec![udp([10, 0, 0, 9], [10, 0, 0, 8], b"ours"); 20];
        lab.sensor(|| send_from(SENSOR, &ours));
        let theirs = vec![udp([10, 0, 0, 1], [10, 0, 0, 2], b"theirs")];
        lab.send(&theirs);
        let got = drain(&mut opened, 1).concat();
        assert!(got.iter().map(|(bytes, ..)| bytes).eq(&theirs));
    }
    Ok(())
}

fn down_and_up() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = lab.sensor(|| packet::open(ask(2)))?;
    ip(&["-n", &lab.sensor, "link", "set", SENSOR, "down"]);
    for port in &opened.ports {
        assert_eq!(
            port.take_error()?.and_then(|it| it.raw_os_error()),
            Some(nix::libc::ENETDOWN)
        );
        assert!(port.take_error()?.is_none());
    }
    ip(&["-n", &lab.sensor, "link", "set", SENSOR, "up"]);
    let sent = vec![udp([10, 0, 0, 1], [10, 0, 0, 2], b"again")];
    lab.send(&sent);
    let got = drain(&mut opened, 1).concat();
    assert!(got.iter().map(|(bytes, ..)| bytes).eq(&sent));
    ip(&["-n", &lab.sensor, "link", "delete", SENSOR]);
    assert!(opened.ports[0].burst(0, |_| ()).is_none());
    assert_eq!(opened.ports[0].losses()?, Default::default());
    Ok(())
}

fn available_mib() -> Result<u32, Failed> {
    let list = std::fs::read_to_string("/proc/meminfo")?;
    let line = list
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib: u32 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .ok_or("no line")?
        .parse()?;
    Ok(kib / 1024)
}

fn bad_input() -> Result<(), Failed> {
    let nosuch = packet::open(Ask {
        interface: "nosuch0",
        ..ask(1)
    })
    .unwrap_err()
    .to_string();
    assert!(
        nosuch.starts_with("there is no interface nosuch0;"),
        "{nosuch}"
    );
    let lab = Lab::new();
    let none = lab.sensor(|| packet::open(ask(0))).unwrap_err().to_string();
    assert!(
        none.starts_with("0 workers can't listen to mirror0"),
        "{none}"
    );
    // More than the half that may be taken, less than there is: were it not refused, it would fit.
    let much = Ask {
        block_bytes: 1 << 20,
        blocks: available_mib()? * 6 / 10,
        ..ask(1)
    };
    let much = lab.sensor(|| packet::open(much)).unwrap_err().to_string();
    assert!(much.starts_with("no memory for"), "{much}");
    ip(&["-n", &lab.sensor, "tuntap", "add", "tun0", "mode", "tun"]);
    let tun = lab
        .sensor(|| {
            packet::open(Ask {
                interface: "tun0",
                ..ask(1)
            })
        })
        .unwrap_err();
    assert_eq!(
        tun.to_string(),
        "tun0 is no Ethernet interface; a mirror port is"
    );
    // Nothing is left: no packet socket in the namespace.
    let left = inside(&lab.sensor, || {
        std::fs::read_to_string("/proc/thread-self/net/packet")
    })?;
    assert_eq!(left.lines().count(), 1, "{left}");
    Ok(())
}

/// With CAP_NET_RAW alone one worker listens; what else is asked for is refused with a sentence.
fn few_rights() -> Result<(), Failed> {
    let lab = Lab::new();
    let with = |rights: &str| -> Result<Vec<String>, Failed> {
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &lab.sensor,
            "setpriv",
            "--bounding-set",
            rights,
        ]);
        let told = run(command.arg(std::env::current_exe()?).arg(LISTEN));
        Ok(told.lines().map(str::to_owned).collect())
    };
    let raw = with("-all,+net_raw")?;
    assert_eq!((raw[0].as_str(), raw[2].as_str()), ("opened", "set up"));
    assert!(
        raw[1].contains("can't be shared among workers") && raw[1].contains("CAP_BPF"),
        "{raw:?}"
    );
    assert!(
        raw[3].starts_with("may not set mtu of mirror0: that needs CAP_NET_ADMIN;"),
        "{raw:?}"
    );
    let none = with("-all")?;
    for line in &none[..2] {
        assert!(
            line.starts_with("may not listen to mirror0: a packet socket needs CAP_NET_RAW;"),
            "{line}"
        );
    }
    assert!(
        none[2].contains("promiscuous mode of mirror0: that needs CAP_NET_RAW;"),
        "{none:?}"
    );
    assert_eq!(lab.mtu(), 9000);
    Ok(())
}
