//! The load test in small: live frames that the kernel makes come to the bare receiver and to the
//! engine, and each is received or counted as lost. What they cost is shown, not judged: the
//! machine does other things.

use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use medtap_benches::live::bare::Bare;
use medtap_benches::live::crew::Crew;
use medtap_benches::live::generator::{Amount, Generator};
use medtap_benches::live::link::{FAR, Link, NEAR};
use medtap_benches::live::maker::Maker;
use medtap_benches::live::probe::{PROBE_EVERY, Probes};
use medtap_benches::live::receiver::{Counting, Receiver};
use medtap_benches::live::rig::{Kind, Rig};
use medtap_benches::live::round::{Processors, latencies};
use medtap_benches::live::sender::Sender;
use medtap_benches::live::traffic::Traffic;
use medtap_benches::live::tx::Tx;
use nix::unistd::Uid;

/// How long each receiver is under load.
const TIME: Duration = Duration::from_millis(350);

/// The trials of this file.
pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "load/received_and_dropped_is_made",
            received_and_dropped_is_made,
        ),
        trial(
            "load/what_finds_no_room_is_dropped",
            what_finds_no_room_is_dropped,
        ),
        trial(
            "load/the_sender_sends_every_frame",
            the_sender_sends_every_frame,
        ),
        trial(
            "load/the_engine_has_what_is_sent",
            the_engine_has_what_is_sent,
        ),
        trial(
            "load/the_engine_has_what_is_made",
            the_engine_has_what_is_made,
        ),
    ]
}

fn trial(name: &str, run: fn() -> Result<(), Failed>) -> Trial {
    let trial = Trial::test(name, move || {
        // A thread of its own: it enters a network namespace and is kept on a processor.
        let outcome = thread::spawn(run).join();
        outcome.map_err(|_| Failed::from("the trial died"))?
    });
    trial.with_ignored_flag(!Uid::effective().is_root())
}

fn received_and_dropped_is_made() -> Result<(), Failed> {
    let processors = Processors {
        maker: 0,
        receiver: last_processor(),
    };
    let mut rig = Rig::new(Link::own()?, processors)?;
    let mut latency = latencies()?;
    let mut costs = Vec::new();
    for kind in Kind::ALL {
        let mut traffic = Traffic::flood(64, 1_000)?;
        let round = rig.round(kind, &mut traffic, TIME, &mut latency)?;
        let name = kind.name();
        println!("{name}: {round:?}");
        if round.made == 0 || round.received == 0 {
            return Err(format!("{name}: nothing came of {} frames", round.made).into());
        }
        if round.received + round.dropped != round.made {
            return Err(format!(
                "{name}: {} received + {} dropped, but {} made",
                round.received, round.dropped, round.made
            )
            .into());
        }
        if round.bytes != round.received * 60 {
            return Err(format!("{name}: {} bytes in {}", round.bytes, round.received).into());
        }
        costs.push(round.ns_per_packet);
    }
    if let [bare, receive, worker] = costs[..] {
        println!(
            "receive path {:.2} x bare, with analysis {:.2} x",
            receive / bare,
            worker / bare
        );
    }
    Ok(())
}

fn what_finds_no_room_is_dropped() -> Result<(), Failed> {
    let link = Link::own()?;
    let mut maker = Maker::new(link.index, 0, link.parking)?;
    let mut traffic = Traffic::flood(64, 1_000)?;
    let mut receiver = Counting::new(Bare::open(link.index, 0, 1024)?, 1024);
    maker.feed(receiver.socket())?;
    let mut made = 0;
    for _ in 0..3 {
        made += maker.run(&mut traffic)?;
    }
    while receiver.burst() > 0 {}
    let seen = receiver.seen();
    assert_eq!(seen.packets, 1024, "the ring holds so many");
    assert_eq!(seen.packets + receiver.dropped()?, made);
    // The memory came back: the same number fits again.
    made += maker.run(&mut traffic)?;
    while receiver.burst() > 0 {}
    assert_eq!(receiver.seen().packets, 2048);
    assert_eq!(receiver.seen().packets + receiver.dropped()?, made);
    Ok(())
}

fn the_sender_sends_every_frame() -> Result<(), Failed> {
    Link::own()?;
    let mut traffic = Traffic::imix()?;
    let frames = (0..1000).map(|_| traffic.next_frame().to_vec());
    let frames = frames.collect::<Vec<_>>();
    let before = received(NEAR)?;
    let accepted = Sender::open(FAR)?.send(&frames)?;
    assert_eq!(accepted, frames.len());
    // The other end's softirq may be a moment behind.
    let start = Instant::now();
    while received(NEAR)? - before < 1000 && start.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(received(NEAR)? - before, 1000);
    Ok(())
}

/// By AF_XDP over a cable, at a rate that any machine takes: sizes of one piece and of several.
fn the_engine_has_what_is_sent() -> Result<(), Failed> {
    let link = Link::own()?;
    link.widen(9_216)?;
    let mut crew = Crew::open(NEAR, &[last_processor()])?;
    let far = link.parking.ok_or("the far end")?;
    let mut generator = Generator::Tx(Box::new(Tx::open(far, 0)?));
    for size in [64, 1518, 4_100, 9_000] {
        offered_is_received(&mut crew, &mut generator, size, 3_000.0)?;
    }
    Ok(())
}

/// By live frames, without anything sent.
fn the_engine_has_what_is_made() -> Result<(), Failed> {
    let link = Link::own()?;
    link.widen(9_216)?;
    let mut maker = Maker::new(link.index, 0, link.parking)?;
    let mut crew = Crew::open(NEAR, &[last_processor()])?;
    maker.feed(crew.socket().ok_or("one socket")?)?;
    let mut generator = Generator::Live(Box::new(maker));
    for size in [64, 1518, 3_404] {
        offered_is_received(&mut crew, &mut generator, size, 3_000.0)?;
    }
    Ok(())
}

fn offered_is_received(
    crew: &mut Crew,
    generator: &mut Generator,
    size: u32,
    rate: f64,
) -> Result<(), Failed> {
    let mut traffic = Traffic::flood(size, 100)?;
    let mut probes = Probes::new(size as usize - 4)?;
    let amount = Amount::For(TIME, Some(rate));
    let (offered, received) =
        crew.receive(|| generator.offer(&mut traffic, &mut probes, amount))?;
    let mode = generator.mode();
    assert!(offered.frames > 100, "{mode}, {size} bytes: {offered:?}");
    assert_eq!(received.frames, offered.frames, "{mode}, {size} bytes");
    assert_eq!(
        offered.wire_bytes,
        offered.frames * u64::from(size),
        "{mode}"
    );
    let probed = offered.frames.div_ceil(PROBE_EVERY);
    assert_eq!(
        received.latency.len(),
        probed,
        "{mode}, {size} bytes: probes"
    );
    // Nothing takes less than no time, nor a second of a trial that is shorter.
    let (least, most) = (received.latency.min(), received.latency.max());
    assert!(
        least > 100 && most < 1_000_000_000,
        "{mode}: {least} to {most} ns"
    );
    Ok(())
}

fn last_processor() -> usize {
    thread::available_parallelism().map_or(0, |count| count.get() - 1)
}

/// Frames that an interface of this thread's namespace had.
fn received(interface: &str) -> Result<u64, Failed> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut counts = lines.filter(|(name, _)| name.trim() == interface);
    let counted = counts
        .next()
        .and_then(|(_, counts)| counts.split_whitespace().nth(1));
    let counted = counted.and_then(|count| count.parse().ok());
    counted.ok_or_else(|| format!("no count of {interface}").into())
}
