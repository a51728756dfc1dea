//! Time, processor time and memory of a piece of work. It knows nothing of packets but how many
//! there were.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::Pid;
use serde::Serialize;

/// How often the memory is looked at.
const SAMPLE: Duration = Duration::from_millis(20);

/// Keeps the calling thread on one processor.
///
/// # Errors
///
/// When there is no such processor, or this process may not use it.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Whose processor time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The calling thread's.
    Thread,
    /// All threads'.
    Process,
}

/// What one piece of work took, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// From start to end.
    pub wall_seconds: f64,
    /// Of processors, in the program.
    pub user_seconds: f64,
    /// Of processors, in the kernel.
    pub system_seconds: f64,
}

/// Does some work and says what it took.
///
/// # Errors
///
/// When the system does not tell.
pub fn cost<T>(who: Who, work: impl FnOnce() -> T) -> io::Result<(T, Cost)> {
    let who = match who {
        Who::Thread => UsageWho::RUSAGE_THREAD,
        Who::Process => UsageWho::RUSAGE_SELF,
    };
    let before = getrusage(who)?;
    let start = Instant::now();
    let result = work();
    let wall_seconds = start.elapsed().as_secs_f64();
    let after = getrusage(who)?;
    let between = |of: fn(&Usage) -> TimeVal| {
        let microseconds = of(&after).num_microseconds() - of(&before).num_microseconds();
        microseconds as f64 / 1e6
    };
    let user_seconds = between(Usage::user_time);
    let system_seconds = between(Usage::system_time);
    Ok((
        result,
        Cost {
            wall_seconds,
            user_seconds,
            system_seconds,
        },
    ))
}

/// One run over a capture.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Run {
    /// Frames.
    pub packets: u64,
    /// Their lengths, without frame check sequences.
    pub bytes: u64,
    /// What it took.
    #[serde(flatten)]
    pub cost: Cost,
    /// Million packets a second, by the clock on the wall.
    pub mpps_wall: f64,
    /// Million packets a second of processor time in the program: what one core does.
    pub mpps_user: f64,
    /// As `mpps_user`, with the kernel's part of the processor time.
    pub mpps_cpu: f64,
    /// Gigabits of frames a second, by the clock on the wall.
    pub gbit_per_second_wall: f64,
    /// Gigabits of frames a second of processor time in the program.
    pub gbit_per_second_user: f64,
}

impl Run {
    /// From counts and cost.
    pub fn new(packets: u64, bytes: u64, cost: Cost) -> Self {
        let rate = |amount: f64, seconds: f64| if seconds > 0.0 { amount / seconds } else { 0.0 };
        let (mega, giga_bits) = (packets as f64 / 1e6, bytes as f64 * 8.0 / 1e9);
        Self {
            packets,
            bytes,
            cost,
            mpps_wall: rate(mega, cost.wall_seconds),
            mpps_user: rate(mega, cost.user_seconds),
            mpps_cpu: rate(mega, cost.user_seconds + cost.system_seconds),
            gbit_per_second_wall: rate(giga_bits, cost.wall_seconds),
            gbit_per_second_user: rate(giga_bits, cost.user_seconds),
        }
    }
}

/// The run in the middle by processor time in the program; of an even number the slower one.
pub fn median(runs: &[Run]) -> Option<Run> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| a.cost.user_seconds.total_cmp(&b.cost.user_seconds));
    sorted.get(sorted.len() / 2).copied()
}

/// Bytes of memory of this process that no file holds, now (`RssAnon` and, for what could be
/// shared, `RssShmem` of /proc/self/status); pages of mapped files are not among them.
///
/// # Errors
///
/// When /proc does not tell.
pub fn anonymous_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    match (kilobytes("RssAnon:"), kilobytes("RssShmem:")) {
        (Some(private), Some(shared)) => Ok((private + shared) * 1024),
        _ => Err(io::Error::other(
            "/proc/self/status does not say RssAnon and RssShmem",
        )),
    }
}

/// Does some work and says how much anonymous memory the process had at most meanwhile.
///
/// # Errors
///
/// When /proc does not tell.
pub fn peak<T>(work: impl FnOnce() -> T) -> io::Result<(T, u64)> {
    let (over, peak) = (AtomicBool::new(false), AtomicU64::new(anonymous_bytes()?));
    let result = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Ok(bytes) = anonymous_bytes() {
                    peak.fetch_max(bytes, Ordering::Relaxed);
                }
                std::thread::park_timeout(SAMPLE);
            }
        });
        let result = work();
        over.store(true, Ordering::Relaxed);
        sampler.thread().unpark();
        result
    });
    Ok((result, peak.load(Ordering::Relaxed).max(anonymous_bytes()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_seen() {
        let (sum, peak) = peak(|| {
            let memory = vec![1u8; 64 << 20];
            std::thread::sleep(SAMPLE * 5);
            memory.iter().map(|byte| u64::from(*byte)).sum::<u64>()
        })
        .unwrap();
        assert_eq!(sum, 64 << 20);
        assert!(peak >= 64 << 20);
    }

    #[test]
    fn the_median_is_a_run() {
        let runs = [3.0, 1.0, 2.0].map(|user_seconds| {
            Run::new(
                6_000_000,
                0,
                Cost {
                    user_seconds,
                    ..Cost::default()
                },
            )
        });
        assert_eq!(median(&runs).unwrap().mpps_user, 3.0);
        assert!(median(&[]).is_none());
    }
}
