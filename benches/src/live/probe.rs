//! Frames that carry the time at which they were sent, among those of a load: what latency is
//! measured with. They are UDP of one flow of their own and know nothing of the load.

use anyhow::Result;
use nix::time::{ClockId, clock_gettime};

use crate::maker::{Endless, Frame, Kind, Plan};

/// One frame of so many is a probe.
pub const PROBE_EVERY: u64 = 16;

/// First bytes of the payload: the magic of no protocol.
const MARK: [u8; 8] = *b"\xd7probe\r\n";

/// Where the payload begins: Ethernet, IPv4 without options, UDP.
const MARK_AT: usize = 42;

/// Where the time is.
pub const STAMP_AT: usize = MARK_AT + MARK.len();

/// Where the port of the receiver is, and which it is: the flood's is another.
const PORT_AT: usize = 36;
const PORT: u16 = 9_998;

/// Where the checksum is; a zero says that there is none.
const CHECKSUM_AT: usize = 40;

/// Probes without end.
pub struct Probes {
    source: Endless,
    frame: Frame,
    bytes: Vec<u8>,
}

impl Probes {
    /// Of at least so many bytes each, without frame check sequence.
    ///
    /// # Errors
    ///
    /// None with this plan.
    pub fn new(len_min: usize) -> Result<Self> {
        let plan = Plan {
            flows: 1,
            devices: 2,
            ..Plan::new(Kind::Flood, 0)
        };
        Ok(Self {
            source: Endless::new(&plan)?,
            frame: Frame::new(),
            bytes: vec![0; len_min],
        })
    }

    /// The next one, without its time: `STAMP_AT` is where it belongs.
    pub fn next_frame(&mut self) -> &mut [u8] {
        self.source.next(&mut self.frame);
        let made = self.frame.bytes();
        if self.bytes.len() < made.len() {
            self.bytes.resize(made.len(), 0);
        }
        for (place, byte) in self.bytes.iter_mut().zip(made) {
            *place = *byte;
        }
        let mut write = |at: usize, bytes: &[u8]| {
            if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        write(PORT_AT, &PORT.to_be_bytes());
        write(CHECKSUM_AT, &[0, 0]);
        write(MARK_AT, &MARK);
        &mut self.bytes
    }
}

/// Writes the time into a probe.
pub fn stamp(frame: &mut [u8], now_ns: u64) {
    if let Some(place) = frame.get_mut(STAMP_AT..STAMP_AT + 8) {
        place.copy_from_slice(&now_ns.to_ne_bytes());
    }
}

/// The time that a probe was sent at; none where a frame is no probe.
#[inline]
pub fn sent_ns(frame: &[u8]) -> Option<u64> {
    let (mark, rest) = frame.get(MARK_AT..)?.split_first_chunk::<8>()?;
    let time = rest.first_chunk::<8>()?;
    (*mark == MARK).then(|| u64::from_ne_bytes(*time))
}

/// The clock that the kernel's program reads, too.
///
/// # Errors
///
/// When the system does not tell.
pub fn now_ns() -> Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_carries_its_time() {
        let mut probes = Probes::new(124).unwrap();
        let first = probes.next_frame().to_vec();
        let second = probes.next_frame();
        assert_eq!((first.len(), second.len()), (124, 124));
        assert_ne!(first[18..20], second[18..20], "another identification each");
        stamp(second, 7);
        assert_eq!(sent_ns(second), Some(7));
        assert_eq!(sent_ns(&second[..57]), None);
        second[MARK_AT] ^= 1;
        assert_eq!(sent_ns(second), None);
        assert!(now_ns().unwrap() <= now_ns().unwrap());
    }
}
