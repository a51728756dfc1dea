//! AF_XDP over veth, each test in two network namespaces of its own.

mod faults;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use medtap_engine::capture::Frame;
use medtap_engine::capture::port::{Losses, Mode, Taker};
use medtap_engine::capture::xdp::{self, Ask, Attempt, OpenError, Opened, Port, Steering};
use medtap_engine::flow::{shard, steer};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::getsockopt;
use nix::unistd::Pid;
use nix::{getsockopt_impl, libc, sockopt_impl};

use crate::packet::lab::{Lab, SENDER, SENSOR, inside, ip, send_from, udp};

const ZERO_COPY: Mode = Mode::ALL[0];
const NATIVE: Mode = Mode::ALL[1];
const GENERIC: Mode = Mode::ALL[2];

sockopt_impl!(
    BusyPollMicros,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_BUSY_POLL,
    usize
);
sockopt_impl!(
    PrefersBusyPoll,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_PREFER_BUSY_POLL,
    bool
);

type Test = fn() -> Result<(), Failed>;

/// All tests of this file.
pub fn trials() -> Vec<Trial> {
    let is_root = File::open("/proc/self")
        .and_then(|it| it.metadata())
        .is_ok_and(|it| it.uid() == 0);
    let tests: [(&str, Test); 19] = [
        ("one_worker", one_worker),
        ("one_worker_generic", one_worker_generic),
        ("four_workers", four_workers),
        ("four_queues_by_hash", four_queues_by_hash),
        ("four_queues_by_queue", four_queues_by_queue),
        ("busy_poll", busy_poll),
        ("jumbo", jumbo),
        ("jumbo_generic", jumbo_generic),
        ("jumbo_for_four_workers", jumbo_for_four_workers),
        ("tags_stay", tags_stay),
        ("a_full_ring_is_counted", a_full_ring_is_counted),
        ("a_slow_worker_starves_nobody", a_slow_worker_starves_nobody),
        ("an_idle_owner_refills", an_idle_owner_refills),
        ("second_open", faults::second_open),
        ("nothing_stays_attached", faults::nothing_stays_attached),
        ("bad_input", faults::bad_input),
        ("down_and_up", faults::down_and_up),
        ("few_rights", faults::few_rights),
        (
            "without_rights_afterwards",
            faults::without_rights_afterwards,
        ),
    ];
    let trial = |(name, test): (&str, _)| {
        Trial::test(format!("receive::{name}"), test).with_ignored_flag(!is_root)
    };
    tests.into_iter().map(trial).collect()
}

fn ask(workers: usize) -> Ask<'static> {
    Ask {
        interface: SENSOR,
        place: 3,
        workers,
        steering: Steering::Hash,
        modes: &[NATIVE],
        frames: 4096,
        frame_bytes: 2048,
        own: &[],
        busy_poll: None,
        shunt: false,
    }
}

/// Opens in the sensor's namespace.
fn open(lab: &Lab, ask: &Ask<'_>) -> Result<Opened, OpenError> {
    lab.sensor(|| xdp::open(ask, &mut |_| ()))
}

/// A frame that was received.
type Got = Vec<u8>;

/// Keeps what frames hold.
struct Keep<'a>(&'a mut Vec<Got>);

impl Taker for Keep<'_> {
    fn take<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>) {
        for (place, frame) in frames.enumerate() {
            assert_eq!((frame.interface, frame.time_ns), (3, 1_000));
            assert_eq!(frame.number, 1_000 + place as u64);
            assert_eq!(frame.wire_len as usize, frame.bytes.len());
            self.0.push(frame.bytes.to_vec());
        }
    }
}

/// Takes one burst of a port.
fn take(port: &mut Port, got: &mut Vec<Got>) -> bool {
    port.burst(1_000, &mut Keep(got))
}

/// What each worker gets, until `count` frames came or none for long.
fn drain(ports: &mut [Port], count: usize) -> Vec<Vec<Got>> {
    let mut got = vec![Vec::new(); ports.len()];
    let mut quiet = Instant::now();
    while got.iter().map(Vec::len).sum::<usize>() < count
        && quiet.elapsed() < Duration::from_secs(1)
    {
        let mut some = false;
        for (port, got) in ports.iter_mut().zip(&mut got) {
            some |= take(port, got);
        }
        if some {
            quiet = Instant::now();
        } else {
            thread::sleep(Duration::from_micros(200));
        }
    }
    // What comes beside is a fault too.
    thread::sleep(Duration::from_millis(20));
    for (port, got) in ports.iter_mut().zip(&mut got) {
        while take(port, got) {}
    }
    got
}

fn losses(ports: &[Port]) -> Losses {
    let mut sum = Losses::default();
    for port in ports {
        let losses = port.losses().unwrap();
        sum.ring_full += losses.ring_full;
        sum.dropped += losses.dropped;
        sum.invalid += losses.invalid;
    }
    sum
}

/// Every frame that reached the program is where the counters say: none is lost unseen.
fn adds_up(lab: &Lab, opened: &Opened, sent: usize) {
    let [packets, redirected, no_socket, passed, ..] = opened.attachment.counters().unwrap();
    let losses = losses(&opened.ports);
    let delivered: u64 = opened.ports.iter().map(Port::delivered).sum();
    assert_eq!(packets, sent as u64);
    assert_eq!((no_socket, passed, redirected), (0, 0, packets));
    assert_eq!(delivered + losses.ring_full + losses.dropped, redirected);
    assert_eq!(losses.invalid, 0);
    // Nothing was sent, by either end's count.
    assert_eq!(lab.counts(&lab.sensor, SENSOR).sent, 0);
    assert_eq!(lab.counts(&lab.sender, SENDER).packets, 0);
}

fn mixed(count: u16) -> Vec<Vec<u8>> {
    let frame = |number: u16| {
        let payload = vec![number as u8; usize::from(number) % 1400];
        udp([10, 0, 0, 1], [10, 0, 0, 2], &payload)
    };
    (0..count).map(frame).collect()
}

fn receives(modes: &[Mode], expected: Mode, attempts: &[Mode]) -> Result<(), Failed> {
    let lab = Lab::new();
    let ask = Ask { modes, ..ask(1) };
    let mut tried: Vec<Attempt> = Vec::new();
    let mut opened = lab.sensor(|| xdp::open(&ask, &mut |attempt| tried.push(attempt)))?;
    let (last, failed) = tried.split_last().ok_or("no attempt")?;
    assert!(last.result.is_ok() && last.mode == expected);
    assert_eq!(
        failed.iter().map(|it| it.mode).collect::<Vec<_>>(),
        attempts
    );
    for attempt in failed {
        let why = attempt.result.clone().unwrap_err();
        assert!(why == "the driver has no zero-copy", "{why}");
    }
    assert_eq!(opened.mode, expected);
    assert_eq!((opened.queues, opened.ports.len()), (1, 1));
    assert_eq!(opened.ports[0].fds().count(), 1);
    let sent = mixed(1500);
    lab.send(&sent);
    assert_eq!(opened.ports[0].ring_fill(), (1500, 2048));
    let got = drain(&mut opened.ports, sent.len()).remove(0);
    assert_eq!(got, sent);
    assert_eq!(opened.ports[0].ring_fill(), (0, 2048));
    assert_eq!(opened.ports[0].delivered(), 1500);
    assert_eq!(losses(&opened.ports), Losses::default());
    assert_eq!(opened.ports[0].fill_empty()?, 0);
    adds_up(&lab, &opened, sent.len());
    // Many times what there is memory for.
    for _ in 0..10 {
        lab.send(&sent);
        assert_eq!(drain(&mut opened.ports, sent.len()).remove(0), sent);
    }
    adds_up(&lab, &opened, sent.len() * 11);
    Ok(())
}

/// veth has no zero-copy; it is asked for, and the next way taken.
fn one_worker() -> Result<(), Failed> {
    receives(&Mode::ALL, NATIVE, &[ZERO_COPY])
}

fn one_worker_generic() -> Result<(), Failed> {
    receives(&[GENERIC], GENERIC, &[])
}

fn widened(address: [u8; 4]) -> [u8; 16] {
    std::net::Ipv4Addr::from(address).to_ipv6_mapped().octets()
}

fn hosts(flow: u8) -> ([u8; 4], [u8; 4]) {
    ([10, 1, 0, flow], [10, 2, flow, 7])
}

/// 256 flows and their answers.
fn flows(rounds: u8) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for round in 0..rounds {
        for flow in 0..=255 {
            let (here, there) = hosts(flow);
            frames.push(udp(here, there, &[flow, round]));
            frames.push(udp(there, here, &[flow, round]));
        }
    }
    frames
}

/// The workers that saw each flow.
fn workers_of(got: &[Vec<Got>]) -> BTreeMap<u8, BTreeSet<usize>> {
    let mut workers = BTreeMap::<u8, BTreeSet<usize>>::new();
    for (worker, frames) in got.iter().enumerate() {
        for bytes in frames {
            workers.entry(bytes[42]).or_default().insert(worker);
        }
    }
    workers
}

fn are_steered(got: &[Vec<Got>]) {
    let workers = workers_of(got);
    assert_eq!(workers.len(), 256);
    for (flow, workers) in workers {
        let (here, there) = hosts(flow);
        let expected = shard(steer(&widened(here), &widened(there))) % got.len();
        assert_eq!(workers, BTreeSet::from([expected]), "flow {flow}");
    }
}

fn four_workers() -> Result<(), Failed> {
    let lab = Lab::new();
    let ask = Ask {
        frames: 8192,
        ..ask(4)
    };
    let mut opened = open(&lab, &ask)?;
    assert_eq!((opened.queues, opened.ports.len()), (1, 4));
    let sent = flows(4);
    // More than there is memory for.
    for round in 1..=6 {
        lab.send(&sent);
        let got = drain(&mut opened.ports, sent.len());
        assert_eq!(got.iter().map(Vec::len).sum::<usize>(), sent.len());
        are_steered(&got);
        adds_up(&lab, &opened, round * sent.len());
    }
    assert_eq!(losses(&opened.ports), Losses::default());
    Ok(())
}

/// Sends from each processor of this machine: the queue at the other end follows it.
fn send_from_everywhere(lab: &Lab, frames: &[Vec<u8>]) -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    for processor in 0..processors {
        inside(&lab.sender, || {
            let mut set = CpuSet::new();
            set.set(processor).unwrap();
            // One that is forbidden to us is sent for from another.
            let _ = sched_setaffinity(Pid::from_raw(0), &set);
            send_from(SENDER, frames);
        });
    }
    processors * frames.len()
}

fn four_queues(steering: Steering) -> Result<(), Failed> {
    let lab = Lab::with_queues(4);
    let workers = 2;
    let ask = Ask {
        steering,
        ..ask(workers)
    };
    let mut opened = open(&lab, &ask)?;
    assert_eq!((opened.queues, opened.ports.len()), (4, 2));
    let sockets = match steering {
        Steering::Hash => 4,
        Steering::Queues => 2,
    };
    assert!(opened.ports.iter().all(|it| it.fds().count() == sockets));
    let sent = flows(2);
    let mut all = 0;
    for _ in 0..3 {
        let count = send_from_everywhere(&lab, &sent);
        let got = drain(&mut opened.ports, count);
        assert_eq!(got.iter().map(Vec::len).sum::<usize>(), count);
        if steering == Steering::Hash {
            are_steered(&got);
        }
        all += count;
        adds_up(&lab, &opened, all);
    }
    assert_eq!(losses(&opened.ports), Losses::default());
    Ok(())
}

fn four_queues_by_hash() -> Result<(), Failed> {
    four_queues(Steering::Hash)
}

fn four_queues_by_queue() -> Result<(), Failed> {
    four_queues(Steering::Queues)
}

/// Every socket is told to poll, for as long as was asked for, and gets every frame by it. (The
/// kernel shows no socket's budget; one that it refuses would be an error.)
fn busy_poll() -> Result<(), Failed> {
    let lab = Lab::with_queues(4);
    let ask = Ask {
        busy_poll: Some(xdp::BusyPoll {
            usecs: 70,
            budget: 16,
        }),
        ..ask(2)
    };
    let mut opened = open(&lab, &ask)?;
    let mut sockets = 0;
    for fd in opened.ports.iter().flat_map(Port::fds) {
        assert_eq!(getsockopt(&fd, BusyPollMicros)?, 70);
        assert!(getsockopt(&fd, PrefersBusyPoll)?);
        sockets += 1;
    }
    assert_eq!(sockets, 8);
    let sent = flows(2);
    let count = send_from_everywhere(&lab, &sent);
    let got = drain(&mut opened.ports, count);
    assert_eq!(got.iter().map(Vec::len).sum::<usize>(), count);
    adds_up(&lab, &opened, count);
    Ok(())
}

/// Frames whose bytes all differ, so that none may stand in for another.
fn long(number: u8) -> Vec<u8> {
    let payload: Vec<u8> = (0..8000 - 42_u32)
        .map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ number)
        .collect();
    udp([10, 0, 0, 1], [10, 0, 0, number], &payload)
}

fn arrives_whole(modes: &[Mode], workers: usize) -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = open(
        &lab,
        &Ask {
            modes,
            ..ask(workers)
        },
    )?;
    assert!(opened.multi_buffer);
    let mut sent: Vec<_> = (0..=199).map(long).collect();
    // Short ones between, and some that just do and just don't fit a chunk.
    for (at, len) in [
        (20, 10),
        (60, 1750),
        (61, 1751),
        (62, 1792),
        (100, 1850),
        (150, 3600),
    ] {
        sent.insert(at, udp([10, 0, 0, 1], [10, 0, 0, 2], &vec![at as u8; len]));
    }
    assert_eq!(sent[0].len(), 8000);
    let mut all = 0;
    for _ in 0..8 {
        lab.send(&sent);
        let mut got = drain(&mut opened.ports, sent.len()).concat();
        let mut expected = sent.clone();
        if workers > 1 {
            got.sort();
            expected.sort();
        }
        assert!(got == expected, "{} of {}", got.len(), sent.len());
        all += sent.len();
    }
    let joined: u64 = opened.ports.iter().map(Port::multi_buffer).sum();
    assert!(joined >= 8 * 201, "{joined}");
    assert_eq!(losses(&opened.ports), Losses::default());
    adds_up(&lab, &opened, all);
    Ok(())
}

fn jumbo() -> Result<(), Failed> {
    arrives_whole(&[NATIVE], 1)
}

fn jumbo_generic() -> Result<(), Failed> {
    arrives_whole(&[GENERIC], 1)
}

fn jumbo_for_four_workers() -> Result<(), Failed> {
    arrives_whole(&[NATIVE], 4)
}

fn tags_stay() -> Result<(), Failed> {
    let lab = Lab::new();
    let plain = udp([10, 0, 0, 1], [10, 0, 0, 2], b"tagged");
    let with = |tags: &[u8]| [&plain[..12], tags, &plain[12..]].concat();
    let one = with(&[0x81, 0, 0x60, 100]);
    let two = with(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]);
    let none_of_a_net = with(&[0x81, 0, 0xe0, 0]);
    let sent = vec![one, plain.clone(), two, none_of_a_net];
    for mode in [NATIVE, GENERIC] {
        let mut opened = open(
            &lab,
            &Ask {
                modes: &[mode],
                ..ask(1)
            },
        )?;
        lab.send(&sent);
        assert_eq!(
            drain(&mut opened.ports, sent.len()).concat(),
            sent,
            "{mode:?}"
        );
    }
    Ok(())
}

/// A worker that does not read: what it missed is told, and adds up.
fn a_full_ring_is_counted() -> Result<(), Failed> {
    for mode in [NATIVE, GENERIC] {
        let lab = Lab::new();
        let small = Ask {
            frames: 1024,
            modes: &[mode],
            ..ask(1)
        };
        let mut opened = open(&lab, &small)?;
        let sent = vec![udp([10, 0, 0, 1], [10, 0, 0, 2], &[7; 600]); 2000];
        lab.send(&sent);
        let got = drain(&mut opened.ports, sent.len()).concat();
        let losses = losses(&opened.ports);
        assert_eq!(got.len(), 512);
        assert_eq!(losses.ring_full, 2000 - 512, "{losses:?}");
        adds_up(&lab, &opened, sent.len());
        // It goes on.
        lab.send(&sent[..500]);
        assert_eq!(drain(&mut opened.ports, 500).concat().len(), 500);
        adds_up(&lab, &opened, sent.len() + 500);
    }
    Ok(())
}

/// Two of four workers don't read. The other two lose nothing, however much comes.
fn a_slow_worker_starves_nobody() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = open(
        &lab,
        &Ask {
            frames: 8192,
            ..ask(4)
        },
    )?;
    let sent = flows(2);
    let mut all = 0;
    for _ in 0..10 {
        lab.send(&sent);
        all += sent.len();
        // Worker 0 owns the queue. It reads, as does 1.
        drain(&mut opened.ports[..2], usize::MAX);
    }
    for port in &opened.ports[..2] {
        assert_eq!(port.losses()?, Losses::default());
        assert!(port.delivered() > 0);
    }
    assert!(losses(&opened.ports[2..]).ring_full > 0);
    drain(&mut opened.ports, usize::MAX);
    adds_up(&lab, &opened, all);
    Ok(())
}

/// The owner has no frames, but it asks: the others go on.
fn an_idle_owner_refills() -> Result<(), Failed> {
    let lab = Lab::new();
    let mut opened = open(
        &lab,
        &Ask {
            frames: 1024,
            ..ask(2)
        },
    )?;
    // All of them are worker 1's.
    let is_second = |flow: &u8| {
        let (here, there) = hosts(*flow);
        shard(steer(&widened(here), &widened(there))) % 2 == 1
    };
    let flows: Vec<u8> = (0..=255).filter(is_second).collect();
    let frame = |flow: &u8| udp(hosts(*flow).0, hosts(*flow).1, &[*flow]);
    let sent: Vec<_> = flows.iter().map(frame).collect();
    for _ in 0..20 {
        lab.send(&sent);
        let got = drain(&mut opened.ports[1..], sent.len()).concat();
        assert!(got == sent);
        assert!(!take(&mut opened.ports[0], &mut Vec::new()));
    }
    assert_eq!(losses(&opened.ports), Losses::default());
    adds_up(&lab, &opened, 20 * sent.len());
    // Without it, they starve; that is counted.
    for _ in 0..8 {
        lab.send(&sent);
        drain(&mut opened.ports[1..], sent.len());
    }
    assert!(opened.ports[0].fill_empty()? > 0);
    assert!(losses(&opened.ports).dropped > 0);
    adds_up(&lab, &opened, 28 * sent.len());
    Ok(())
}
