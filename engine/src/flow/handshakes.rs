//! What both ends showed as they opened a connection, until the connection is proved. It keeps a
//! fixed number of openings, and a new one takes the place of an older one: a flood of SYNs takes
//! no memory, only the occasion to learn the marks of a system, which comes again.

use super::hash::shard;
use super::key::FlowKey;
use crate::config::{HANDSHAKES_PER_SHARD, SHARDS};
use crate::wire::Headers;
use crate::wire::stack::StackMarks;

/// An acknowledgement this far above the first that is possible is not believed, bytes.
const ACKNOWLEDGED_MAX: u32 = 65_536;

/// What the first segment of one end showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The marks of its stack, where no router passed it on.
    pub marks: Option<StackMarks>,
    /// IPv4 identification.
    pub ip_id: u16,
    /// TTL that it arrived with.
    pub ttl: u8,
}

impl Shown {
    /// What the SYN shows, or the answer to one, that this frame holds.
    pub fn read(headers: &Headers, frame: &[u8]) -> Self {
        Self {
            marks: StackMarks::read(headers, frame),
            ip_id: headers.ip_id,
            ttl: headers.ttl,
        }
    }
}

/// What the two ends of one connection showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Number of the flow's first packet: no other flow has it.
    first_packet: u64,
    /// By the SYN.
    pub syn: Option<Shown>,
    /// By the answer.
    pub answer: Option<Shown>,
    /// What the opener acknowledges if it got the answer.
    next: u32,
}

/// The openings of one worker.
pub struct Handshakes {
    slots: Box<[Option<Handshake>]>,
}

impl Default for Handshakes {
    fn default() -> Self {
        Self {
            slots: vec![None; SHARDS * HANDSHAKES_PER_SHARD].into(),
        }
    }
}

impl Handshakes {
    /// Bytes that it takes.
    pub const BYTES: u64 = (SHARDS * HANDSHAKES_PER_SHARD * size_of::<Option<Handshake>>()) as u64;

    /// The place of a flow with this hash: one of those of its shard, so that no flow of another
    /// worker could ever have had it.
    pub fn place(key: &FlowKey, hash: u32) -> usize {
        let shard = shard(key.steering());
        shard * HANDSHAKES_PER_SHARD + hash as usize % HANDSHAKES_PER_SHARD
    }

    /// A flow began with a SYN, which over several queues may come after its answer; what a
    /// repeated one shows is not taken.
    pub fn open(&mut self, place: usize, first_packet: u64, syn: Option<Shown>) {
        match self.slots.get_mut(place) {
            Some(Some(known)) if known.first_packet == first_packet => {
                known.syn = known.syn.or(syn);
            }
            Some(slot) => {
                *slot = Some(Handshake {
                    first_packet,
                    syn,
                    answer: None,
                    next: 0,
                });
            }
            None => {}
        }
    }

    /// A SYN was answered; `next` follows the answer's own number.
    pub fn answer(&mut self, place: usize, first_packet: u64, answer: Option<Shown>, next: u32) {
        self.open(place, first_packet, None);
        if let Some(Some(slot)) = self.slots.get_mut(place) {
            (slot.answer, slot.next) = (answer, next);
        }
    }

    /// True while what a flow showed is kept: a later opening may have taken its place.
    pub fn holds(&self, place: usize, first_packet: u64) -> bool {
        let slot = self.slots.get(place).and_then(Option::as_ref);
        slot.is_some_and(|known| known.first_packet == first_packet)
    }

    /// What a flow showed, once: `acknowledged` is what its opener says it got, none where the
    /// other end goes on.
    pub fn prove(
        &mut self,
        place: usize,
        first_packet: u64,
        acknowledged: Option<u32>,
    ) -> Option<Handshake> {
        let slot = self.slots.get_mut(place)?;
        let known = slot.filter(|known| known.first_packet == first_packet)?;
        let is_right = |ack: u32| ack.wrapping_sub(known.next) < ACKNOWLEDGED_MAX;
        if !acknowledged.is_none_or(is_right) {
            return None;
        }
        *slot = None;
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_proved_once_and_by_the_right_number() {
        let mut handshakes = Handshakes::default();
        handshakes.open(5, 70, None);
        handshakes.answer(5, 70, None, u32::MAX);
        assert_eq!(handshakes.prove(5, 71, None), None, "another flow");
        assert_eq!(handshakes.prove(5, 70, Some(70_000)), None, "a guess");
        assert!(handshakes.prove(5, 70, Some(9)).is_some());
        assert_eq!(handshakes.prove(5, 70, None), None, "once");
    }

    #[test]
    fn a_handshake_is_as_small_as_limits_say() {
        assert_eq!(size_of::<Option<Handshake>>(), 80);
    }

    #[test]
    fn the_latest_opening_has_the_place() {
        let mut handshakes = Handshakes::default();
        handshakes.open(5, 70, None);
        handshakes.open(5, 71, None);
        handshakes.answer(5, 71, None, 1);
        handshakes.open(5, 71, None);
        assert_eq!(handshakes.prove(5, 70, None), None);
        assert!(!handshakes.holds(5, 70) && handshakes.holds(5, 71));
        assert_eq!(handshakes.prove(5, 71, Some(1)).map(|it| it.next), Some(1));
        handshakes.answer(9, 80, None, 4);
        assert!(
            handshakes.prove(9, 80, None).is_some(),
            "its SYN was not seen"
        );
    }
}
