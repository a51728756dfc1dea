//! Who offers a load: frames by AF_XDP onto a named interface, or live frames that the kernel puts
//! into the receiver's socket. It keeps to the rate that it is told, and counts what it offered.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::maker::{self, LIVE_BYTES, Maker};
use super::probe::{self, PROBE_EVERY, Probes, STAMP_AT};
use super::traffic::Traffic;
use super::tx::Tx;

/// Frames that are offered at once, so that the rate holds over short times, too.
const TX_BATCH: u32 = 32;

/// The same of live frames: every call of the kernel sets up memory of its own.
const LIVE_BATCH: u32 = 256;

/// Bytes of the frame check sequence, which no frame in memory has.
pub const FCS_BYTES: u64 = 4;

/// Where frames come from.
pub enum Generator {
    /// Out of an interface.
    Tx(Box<Tx>),
    /// Out of the kernel.
    Live(Box<Maker>),
}

/// What was offered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Offered {
    /// Frames.
    pub frames: u64,
    /// Their lengths on the wire, with frame check sequences.
    pub wire_bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Offered {
    /// Frames a second.
    pub fn rate(&self) -> f64 {
        self.frames as f64 / self.seconds.max(1e-9)
    }
}

/// How much is to be offered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// For so long, at so many frames a second; without a rate, as fast as it goes.
    For(Duration, Option<f64>),
    /// So many frames, as fast as it goes.
    Burst(u64),
}

impl Amount {
    /// Frames that are due by now, without end where no rate is kept; none when it is over.
    fn due(self, since: Duration) -> Option<u64> {
        match self {
            Self::Burst(frames) => Some(frames),
            Self::For(time, _) if since >= time => None,
            Self::For(_, Some(rate)) => Some((since.as_secs_f64() * rate) as u64),
            Self::For(_, None) => Some(u64::MAX),
        }
    }

    fn is_over(self, offered: u64) -> bool {
        matches!(self, Self::Burst(frames) if offered >= frames)
    }
}

impl Generator {
    /// The longest frame that it can offer, without frame check sequence.
    pub fn len_max(&self) -> usize {
        match self {
            Self::Tx(tx) => tx.len_max(),
            Self::Live(_) => LIVE_BYTES,
        }
    }

    /// How it offers, for the report.
    pub fn mode(&self) -> String {
        match self {
            Self::Tx(tx) => format!("AF_XDP, {}", tx.mode()),
            Self::Live(_) => "BPF_PROG_RUN live frames".to_owned(),
        }
    }

    /// Offers a load on the calling thread.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn offer(
        &mut self,
        traffic: &mut Traffic,
        probes: &mut Probes,
        amount: Amount,
    ) -> Result<Offered> {
        let start = Instant::now();
        let batch = match self {
            Self::Tx(_) => TX_BATCH,
            Self::Live(_) => LIVE_BATCH.min(maker::FRAMES),
        };
        let mut offered = Offered::default();
        while let Some(due) = amount.due(start.elapsed()) {
            if amount.is_over(offered.frames) {
                break;
            }
            let count = due.saturating_sub(offered.frames).min(u64::from(batch));
            // A whole batch at a time of live frames: each call costs as much as many frames.
            let whole = matches!(amount, Amount::For(..)) && matches!(self, Self::Live(_));
            if count == 0 || (whole && count < u64::from(batch)) {
                spin_loop();
                continue;
            }
            self.batch(traffic, probes, count as u32, &mut offered)?;
        }
        if let Self::Tx(tx) = self {
            tx.drain()?;
        }
        offered.seconds = start.elapsed().as_secs_f64();
        Ok(offered)
    }

    fn batch(
        &mut self,
        traffic: &mut Traffic,
        probes: &mut Probes,
        count: u32,
        offered: &mut Offered,
    ) -> Result<()> {
        let len_max = self.len_max();
        for place in 0..count {
            let is_probe = offered.frames.is_multiple_of(PROBE_EVERY);
            let frame = match is_probe {
                true => probes.next_frame(),
                false => traffic.next_frame(),
            };
            ensure!(
                frame.len() <= len_max,
                "a frame is longer than {len_max} bytes"
            );
            offered.frames += 1;
            offered.wire_bytes += frame.len() as u64 + FCS_BYTES;
            match self {
                Self::Tx(tx) => {
                    if is_probe {
                        probe::stamp(frame, probe::now_ns()?);
                    }
                    tx.put(frame)?;
                }
                Self::Live(maker) => maker.list(place, frame, is_probe.then_some(STAMP_AT))?,
            }
        }
        match self {
            Self::Tx(tx) => Ok(tx.flush()?),
            Self::Live(maker) => maker.make(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_what_is_due() {
        let second = Duration::from_secs(1);
        let paced = Amount::For(2 * second, Some(1000.0));
        assert_eq!(paced.due(second / 2), Some(500));
        assert_eq!(paced.due(2 * second), None);
        assert_eq!(Amount::For(second, None).due(second / 2), Some(u64::MAX));
        let burst = Amount::Burst(64);
        assert_eq!(burst.due(9 * second), Some(64));
        assert!(burst.is_over(64) && !burst.is_over(63) && !paced.is_over(u64::MAX));
    }
}
