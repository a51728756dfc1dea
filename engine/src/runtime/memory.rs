//! What a run may take of memory, by what for: known from its configuration, before it takes any;
//! of a live run, with what its rules and its interfaces have taken. Not in it is the program.

use std::fmt;

use medtap_table::Capacity;
use medtap_table::vocabulary::Purpose;

use super::facts;
use crate::config::COUNT_RING_SIGHTINGS;
use crate::device::{Aggregator, CountSighting};
use crate::worker::Worker;

const MIB: u64 = 1 << 20;

/// Bytes at most, by what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    parts: Vec<(Purpose, u64)>,
}

impl Memory {
    /// Of so many workers with room for so many flows each, and a table with this room.
    pub fn of(workers: usize, flows_max: u32, room: &Capacity) -> Self {
        let count = workers as u64;
        let mut parts = Vec::new();
        for (purpose, bytes) in Worker::bytes(flows_max) {
            parts.push((purpose, bytes * count));
        }
        let rings = facts::BYTES + COUNT_RING_SIGHTINGS * size_of::<CountSighting>();
        parts.push((Purpose::Rings, rings as u64 * count));
        parts.push((Purpose::Aggregator, Aggregator::bytes_max(room)));
        parts.push((Purpose::Table, room.bytes().unwrap_or(u64::MAX)));
        Self { parts }
    }

    /// The same with so many bytes for something else.
    #[must_use]
    pub fn with(mut self, purpose: Purpose, bytes: u64) -> Self {
        self.parts.push((purpose, bytes));
        self
    }

    /// By what for.
    pub fn parts(&self) -> &[(Purpose, u64)] {
        &self.parts
    }

    /// All of it.
    pub fn bytes(&self) -> u64 {
        let parts = self.parts.iter().map(|(_, bytes)| *bytes);
        parts.fold(0, u64::saturating_add)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory at most {} MiB", self.bytes().div_ceil(MIB))?;
        for (place, (purpose, bytes)) in self.parts.iter().enumerate() {
            let before = if place == 0 { ": " } else { ", " };
            let what = purpose.name();
            write!(f, "{before}{what} {}", bytes.div_ceil(MIB))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flow_and_every_worker_counts() {
        let of = |workers, flows| Memory::of(workers, flows, &Capacity::default());
        let bytes = |workers, flows| of(workers, flows).bytes();
        let few = bytes(1, 1 << 16);
        assert!(bytes(1, 1 << 20) - few >= ((1 << 20) - (1 << 16)) * 188);
        assert!(bytes(2, 1 << 16) > few);
        let readers = |workers| {
            let memory = of(workers, 1 << 16);
            let mut parts = memory.parts().iter();
            parts.find(|part| part.0 == Purpose::Readers).unwrap().1
        };
        assert_eq!(readers(2), 2 * readers(1));
        let more = of(1, 1 << 16).with(Purpose::Frames, 3 * MIB);
        assert_eq!(more.bytes(), few + 3 * MIB);
        let text = more.to_string();
        assert!(
            text.starts_with("memory at most ")
                && text.contains(": flows ")
                && text.ends_with(", frames 3"),
            "{text}"
        );
    }
}
