//! One round: the maker on one processor, a receiver on another, for a while.
//!
//! What counts is the processor time of the receiver's thread while it always has work. A receiver
//! is faster than the maker, so it waits until many frames lie in its ring, takes so many in full
//! bursts, and only these takings are timed, by the thread's own clock (time that other programs
//! had the processor is not in it). The wait between them is a spin and is not counted.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::maker::Maker;
use super::receiver::Receiver;
use super::traffic::Traffic;
use crate::measure;

/// Frames of a burst, as every receiver takes them.
const BURST: u32 = 64;

/// Frames that lie in the ring before they are taken, by every receiver; less where half the ring
/// is less. The engine's ring has half as many places as frames.
const GATHERED: u32 = 1024;

/// Pairs of readings that the clock's own time is taken from.
const CLOCK_READINGS: u32 = 1000;

/// The longest burst latency that is told apart, in nanoseconds.
const LATENCY_MAX_NS: u64 = 1_000_000_000;

/// Processors for the two sides.
#[derive(Clone, Copy, Debug)]
pub struct Processors {
    /// The maker's.
    pub maker: usize,
    /// The receiver's.
    pub receiver: usize,
}

/// What one round showed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Round {
    /// Frames that the maker made.
    pub made: u64,
    /// Frames that the receiver had.
    pub received: u64,
    /// Their lengths.
    pub bytes: u64,
    /// Frames that the kernel could not deliver.
    pub dropped: u64,
    /// Frames of the takings that were timed.
    pub timed: u64,
    /// Processor time of the receiver's thread in these takings, in the program and in the
    /// kernel, in nanoseconds a frame.
    pub ns_per_packet: f64,
    /// Of the thread's whole time, waiting included: what the kernel used, in nanoseconds a frame.
    pub system_ns_per_packet: f64,
    /// Million frames a second that came, by the clock on the wall.
    pub mpps: f64,
}

/// One round with one receiver; `latency` gets the time of every timed burst, in nanoseconds.
///
/// # Errors
///
/// What the kernel refused.
pub fn round(
    maker: &mut Maker,
    traffic: &mut Traffic,
    receiver: &mut dyn Receiver,
    time: Duration,
    processors: Processors,
    latency: Option<&mut Histogram<u64>>,
) -> Result<Round> {
    let (seen_before, dropped_before) = (receiver.seen(), receiver.dropped()?);
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let (made, taken) = std::thread::scope(|scope| {
        let taking = scope.spawn(|| take(receiver, &over, processors.receiver, latency));
        let made = pin(processors.maker).and_then(|()| {
            let mut made = 0;
            while start.elapsed() < time {
                made += maker.run(traffic)?;
            }
            Ok(made)
        });
        over.store(true, Ordering::Release);
        (made, taking.join())
    });
    let (made, taken) = (
        made?,
        taken.map_err(|_| anyhow::anyhow!("the receiver died"))??,
    );
    let seconds = start.elapsed().as_secs_f64();
    let seen = receiver.seen();
    let received = seen.packets - seen_before.packets;
    Ok(Round {
        made,
        received,
        bytes: seen.bytes - seen_before.bytes,
        dropped: receiver.dropped()? - dropped_before,
        timed: taken.timed,
        ns_per_packet: taken.busy.as_nanos() as f64 / taken.timed.max(1) as f64,
        system_ns_per_packet: taken.system_seconds * 1e9 / received.max(1) as f64,
        mpps: received as f64 / seconds / 1e6,
    })
}

/// What the receiver's thread did.
#[derive(Default)]
struct Taken {
    timed: u64,
    busy: Duration,
    system_seconds: f64,
}

fn take(
    receiver: &mut dyn Receiver,
    over: &AtomicBool,
    processor: usize,
    mut latency: Option<&mut Histogram<u64>>,
) -> Result<Taken> {
    pin(processor)?;
    let gathered = GATHERED.min(receiver.fill().1 / 2);
    let reading = clock_reading()?;
    let (mut timed, mut busy) = (0, Duration::ZERO);
    let (result, cost) = measure::cost(measure::Who::Thread, || -> Result<()> {
        while gather(receiver, over, gathered) {
            let before = thread_time()?;
            match &mut latency {
                None => {
                    for _ in 0..gathered / BURST {
                        timed += u64::from(receiver.burst());
                    }
                }
                Some(latency) => {
                    let mut last = Instant::now();
                    for _ in 0..gathered / BURST {
                        timed += u64::from(receiver.burst());
                        let now = Instant::now();
                        latency.saturating_record((now - last).as_nanos() as u64);
                        last = now;
                    }
                }
            }
            busy += thread_time()?.saturating_sub(before + reading);
        }
        while receiver.burst() > 0 {}
        Ok(())
    })?;
    result?;
    Ok(Taken {
        timed,
        busy,
        system_seconds: cost.system_seconds,
    })
}

/// Waits until so many frames lie in the ring; false when the maker has ended before.
fn gather(receiver: &dyn Receiver, over: &AtomicBool, gathered: u32) -> bool {
    loop {
        // The maker's end first: what it made before is then in the ring.
        let ended = over.load(Ordering::Acquire);
        if receiver.fill().0 >= gathered {
            return true;
        }
        if ended {
            return false;
        }
        // The producer's cursor is the kernel's to write: don't take its cache line all the time.
        for _ in 0..100 {
            spin_loop();
        }
    }
}

/// A histogram for burst latencies.
///
/// # Errors
///
/// None with these limits.
pub fn latencies() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)?)
}

/// What reading the thread's clock takes of its own: the least of many. Every taking has one.
fn clock_reading() -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..CLOCK_READINGS {
        let before = thread_time()?;
        least = least.min(thread_time()?.saturating_sub(before));
    }
    Ok(least)
}

fn thread_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Keeps the calling thread on a processor.
///
/// # Errors
///
/// When it cannot be used.
pub fn pin(processor: usize) -> Result<()> {
    measure::pin(processor).with_context(|| format!("cannot use processor {processor}"))
}
