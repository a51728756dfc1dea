//! Every frame that was sent is received, or dropped by a named cause, to the packet; and none
//! comes back.

use std::fs;

use medtap_table::vocabulary::{Counter, InterfaceCounter as I};
use medtap_table::{EdgeFlags, InterfaceFlags, TableReader};
use nix::sys::signal::Signal;

use super::Scenario;
use crate::harness::{Engine, FAR, Lab, MONITOR, Reading, eventually, reader, run};

pub const TESTS: &[Scenario] = &[
    ("accounting::copy", &[], || adds_up("copy", "1", false)),
    ("accounting::generic", &[], || {
        adds_up("generic", "1", false)
    }),
    ("accounting::packet", &[], || adds_up("packet", "1", false)),
    ("accounting::two_workers", &[], || {
        adds_up("copy", "2", false)
    }),
    ("accounting::overload_copy", &[], || {
        adds_up("copy", "1", true)
    }),
    ("accounting::overload_generic", &[], || {
        adds_up("generic", "1", true)
    }),
    ("accounting::overload_packet", &[], || {
        adds_up("packet", "1", true)
    }),
    ("accounting::overload_four_workers", &[], || {
        adds_up("copy", "4", true)
    }),
    ("accounting::two_interfaces", &[], || {
        two_interfaces(["copy", "packet"])
    }),
    ("accounting::two_interfaces_by_program", &[], || {
        two_interfaces(["copy", "generic"])
    }),
    ("accounting::flows_stay_whole", &[], flows_stay_whole),
    (
        "accounting::split_conversations_are_told",
        &[],
        split_conversations_are_told,
    ),
    ("receive::shunted_adds_up", &[], shunted_adds_up),
];

/// Frames of the calm tests, and as many of them at once as every ring holds.
const CALM: usize = 4_000;
const PORTION: usize = 1_000;
/// More frames than any ring holds.
const FLOOD: usize = 120_000;

/// UDP over IPv4 between two of 256 pairs of hosts, both directions, padded to 600 bytes.
pub fn frame(number: usize) -> Vec<u8> {
    let host = (number / 2 % 256) as u8;
    let mut ends = [
        ([10, 77, 1, host], [0x27, 0x10]),
        ([10, 77, 2, host], [0x27, 0x11]),
    ];
    if number % 2 == 1 {
        ends.reverse();
    }
    let [(src, src_port), (dst, dst_port)] = ends;
    let mut frame = vec![
        2, 0x4d, 0x54, 1, dst[2], dst[3], 2, 0x4d, 0x54, 1, src[2], src[3], 8, 0,
    ];
    let mut header = vec![0x45, 0, 0x02, 0x4a];
    header.extend((number as u16).to_be_bytes());
    header.extend([0, 0, 64, 17, 0, 0]);
    header.extend([src, dst].concat());
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words
        .iter()
        .map(|word| u32::from(u16::from_be_bytes(*word)))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    header.splice(10..12, sum.to_be_bytes());
    frame.extend(header);
    frame.extend([src_port, dst_port, [0x02, 0x36], [0, 0]].concat());
    frame.resize(600, 0);
    frame
}

fn adds_up(mode: &str, workers: &str, overload: bool) {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--mode", mode, "--workers", workers]);
    let frames: Vec<_> = (0..if overload { FLOOD } else { CALM })
        .map(frame)
        .collect();
    if overload {
        engine.process.signal(Signal::SIGSTOP);
        lab.send(&frames);
        engine.process.signal(Signal::SIGCONT);
    } else {
        // A burst may be longer than a ring, and nothing is to be lost here.
        for (portion, frames) in (1..).zip(frames.chunks(PORTION)) {
            lab.send(frames);
            engine.reaches(I::Delivered, portion * PORTION as u64);
        }
    }
    let sent = frames.len() as u64;
    let mut reading = Reading::default();
    eventually(
        &format!("{sent} frames to be accounted for; {:?}", engine.reading()),
        || {
            reading = engine.reading();
            (accounted(&reading) + undelivered(&lab) >= sent).then_some(())
        },
    );
    if overload {
        recovers(&engine);
    }
    engine.stop();
    let reading = engine.reading();
    let lost = undelivered(&lab);
    assert_eq!(
        accounted(&reading) + lost,
        sent,
        "{lost} not by the cable; {reading:?}"
    );
    assert_eq!(
        reading.workers.iter().sum::<u64>(),
        reading.get(I::Delivered),
        "{reading:?}"
    );
    if mode == "packet" {
        assert_eq!(reading.get(I::NicPackets) + lost, sent, "{reading:?}");
    } else {
        let program = [I::XdpRedirected, I::XdpNoSocket, I::XdpPassed];
        let program: u64 = program.iter().map(|it| reading.get(*it)).sum();
        assert_eq!(program, reading.get(I::XdpPackets), "{reading:?}");
        assert_eq!(program + lost, sent, "{reading:?}");
        assert_eq!(
            reading.get(I::XdpNoSocket) + reading.get(I::XdpPassed),
            0,
            "{reading:?}"
        );
    }
    let dropped = [I::RingFull, I::RingDropped, I::RingInvalid];
    let dropped: u64 = dropped.iter().map(|it| reading.get(*it)).sum();
    assert_eq!(dropped > 0, overload, "{reading:?}");
    assert_eq!(reading.get(I::NicSent), 0);
    lab.assert_silent();
}

/// Every worker that left things out went back, step by step, by itself.
fn recovers(engine: &Engine) {
    eventually("the workers to leave nothing out", || {
        let table = TableReader::open(&engine.table).expect("a readable table");
        let [raised, eased] =
            [Counter::OverloadRaised, Counter::OverloadEased].map(|it| table.counter(it));
        (raised > 0 && eased == raised).then_some(())
    });
}

/// Delivered, or dropped by a cause that the table names.
fn accounted(reading: &Reading) -> u64 {
    let causes = [
        I::Delivered,
        I::RingFull,
        I::RingDropped,
        I::RingInvalid,
        I::XdpNoSocket,
        I::XdpPassed,
        I::XdpShunted,
    ];
    causes.iter().map(|it| reading.get(*it)).sum()
}

/// What the cable itself refused: the sender's own drops, before the sensor's interface.
fn undelivered(lab: &Lab) -> u64 {
    lab.count("switch", FAR, "tx", "dropped")
}

/// Two mirror ports of one engine, each received in a way of its own: each counts its own frames,
/// a conversation whose directions come by different ones is one, and the sums hold both.
fn two_interfaces(modes: [&str; 2]) {
    let lab = Lab::new(1);
    let ends = ["mon1", "far1"];
    lab.cable(ends, 1);
    let interfaces = [MONITOR, ends[0]].into_iter().zip(modes);
    let text: String = interfaces
        .map(|(name, mode)| format!("[[interface]]\nname = \"{name}\"\nmode = \"{mode}\"\n"))
        .collect();
    let config = lab.folder().join("medtapd.toml");
    fs::write(&config, text).expect("a configuration");
    let mut command = Engine::command_of(&lab, &lab.folder().join("live.table"));
    command
        .arg("--workers")
        .arg("2")
        .arg("--config")
        .arg(&config);
    let mut engine = Engine::start_by(&lab, command);
    // One direction of each conversation by each port, and more by the first.
    let (there, back): (Vec<_>, Vec<_>) = (0..1024).partition(|number| number % 2 == 0);
    let sent = [[there.as_slice(), &there].concat(), back];
    for (far, numbers) in [FAR, ends[1]].into_iter().zip(&sent) {
        let frames = numbers.iter().enumerate().map(|(at, number)| {
            let mut frame = frame(*number);
            // No copies of one another. The sum of the header is not looked at.
            frame[18..20].copy_from_slice(&(at as u16).to_be_bytes());
            frame
        });
        lab.send_by(far, &frames.collect::<Vec<_>>());
    }
    let delivered = |engine: &Engine| {
        let table = TableReader::open(&engine.table).expect("a readable table");
        let counters = table.interfaces().map(|(_, it, counters)| {
            let delivered = counters.iter().find(|(it, _)| *it == I::Delivered);
            (it.name.as_str().to_owned(), delivered.map_or(0, |it| it.1))
        });
        counters.collect::<Vec<_>>()
    };
    let expected = [(MONITOR, 1024), (ends[0], 512)].map(|(name, count)| (name.to_owned(), count));
    eventually("the frames of both interfaces", || {
        (delivered(&engine) == expected).then_some(())
    });
    let table = engine.table.to_str().expect("a path in UTF-8");
    let status = run(&mut reader(&[
        "status", "--table", table, "--output", "json",
    ]));
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON of medtap");
    assert_eq!(status["contradictions"], serde_json::json!([]));
    assert_eq!(status["losses"], serde_json::json!([]));
    for (place, (name, count)) in expected.iter().enumerate() {
        let interface = &status["interfaces"][place];
        assert_eq!(interface["name"], **name);
        assert_eq!(interface["counters"]["delivered"], *count);
    }
    engine.stop();
    let table = TableReader::open(&engine.table).expect("a readable table");
    assert_eq!(table.source().map(|source| source.packets), Some(1536));
    assert_eq!(table.counter(Counter::FlowsOpened), 256);
    assert_eq!(table.counter(Counter::Duplicates), 0);
    let edges = table.edges().map(|(_, edge, volume)| {
        assert!(edge.flags.contains(EdgeFlags::ANSWERED), "{edge:?}");
        volume.packets
    });
    assert_eq!(edges.sum::<u64>(), 1536);
    lab.assert_silent();
}

/// 256 conversations, both directions, over four workers: each is one edge with all its packets.
fn flows_stay_whole() {
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--workers", "4", "--mode", "copy"]);
    let frames: Vec<_> = (0..2048).map(frame).collect();
    lab.send(&frames);
    engine.reaches(I::Delivered, 2048);
    engine.stop();
    let reading = engine.reading();
    assert!(
        reading.workers.iter().all(|packets| *packets > 0),
        "{reading:?}"
    );
    let table = TableReader::open(&engine.table).expect("a readable table");
    let opened = table.counter(Counter::FlowsOpened);
    assert_eq!(opened, 256, "a conversation was split over workers");
    lab.assert_silent();
}

/// A card that puts the directions of conversations into different queues: where it chooses the
/// workers, the engine sees it and says so; where the program does, there is nothing to say.
fn split_conversations_are_told() {
    for (steering, expected) in [("queues", true), ("hash", false)] {
        let lab = Lab::new(2);
        let arguments = ["--mode", "copy", "--workers", "2", "--steering", steering];
        let mut engine = Engine::start(&lab, &arguments);
        // Each processor sends by a queue of its own, and each direction from another processor.
        for queue in 0..2 {
            let script = format!(
                "echo {} > /sys/class/net/{FAR}/queues/tx-{queue}/xps_cpus",
                1 << queue
            );
            run(lab.command("switch", "sh").args(["-c", &script]));
        }
        for direction in 0..2 {
            let frames: Vec<_> = (0..512).map(|pair| frame(pair * 2 + direction)).collect();
            lab.send_from(direction, FAR, &frames);
        }
        engine.reaches(I::Delivered, 1024);
        let table = engine.table.clone();
        let is_told = || {
            let table = TableReader::open(&table).expect("a readable table");
            let mut interfaces = table.interfaces();
            interfaces.any(|(_, it, _)| it.flags.contains(InterfaceFlags::ASYMMETRIC))
        };
        if expected {
            eventually("split conversations to be seen", || is_told().then_some(()));
        }
        engine.stop();
        assert_eq!(is_told(), expected, "{steering}");
        let told = "come to different workers";
        assert_eq!(
            engine.process.said().contains(told),
            expected,
            "{}",
            engine.process.said()
        );
    }
}

/// Heavy conversations are only counted by the program, and come back and are shunted again: their
/// TTL changes on the way. Every frame is in the totals, to the packet and the byte.
fn shunted_adds_up() {
    const ROUNDS: u8 = 8;
    const EACH: usize = 6_000;
    let lab = Lab::new(1);
    let mut engine = Engine::start(&lab, &["--workers", "2", "--mode", "copy", "--shunt"]);
    let mut sent = 0;
    for round in 0..ROUNDS {
        // Four directions; a number is never said twice within a moment.
        let frames: Vec<_> = (0..EACH)
            .map(|n| {
                let mut frame = frame(n % 4);
                frame[18..20].copy_from_slice(&(n as u16 + 7001 * u16::from(round)).to_be_bytes());
                // The sum of the header is not looked at.
                frame[22] = 64 - round / 4;
                frame
            })
            .collect();
        for portion in frames.chunks(EACH / 10) {
            lab.send(portion);
            std::thread::sleep(std::time::Duration::from_millis(60));
        }
        sent += EACH as u64;
    }
    let mut reading = Reading::default();
    eventually(&format!("{sent} frames to be accounted for"), || {
        reading = engine.reading();
        (accounted(&reading) + undelivered(&lab) >= sent).then_some(())
    });
    engine.stop();
    let reading = engine.reading();
    let shunted = reading.get(I::XdpShunted);
    assert_eq!(accounted(&reading) + undelivered(&lab), sent, "{reading:?}");
    assert!(shunted > sent / 4, "{shunted} of {sent} shunted");
    assert_eq!(reading.get(I::RingFull) + reading.get(I::RingDropped), 0);
    let table = TableReader::open(&engine.table).expect("a readable table");
    let counter = |counter| table.counter(counter);
    assert_eq!(counter(Counter::ShuntedPackets), shunted);
    assert_eq!(counter(Counter::ShuntedBytes), shunted * 600);
    let taken = sent - undelivered(&lab);
    assert_eq!(counter(Counter::Packets) + shunted, taken);
    assert_eq!(counter(Counter::Duplicates), 0);
    let traffic = table.subjects().map(|(_, _, traffic)| traffic);
    let sums = traffic.fold([0; 4], |sums, it| {
        [
            sums[0] + it.packets_sent,
            sums[1] + it.bytes_sent,
            sums[2] + it.packets_received,
            sums[3] + it.bytes_received,
        ]
    });
    assert_eq!(sums, [taken, taken * 600, taken, taken * 600]);
    let edges: u64 = table.edges().map(|(_, _, volume)| volume.packets).sum();
    assert_eq!(edges, taken);
    lab.assert_silent();
}
