//! How a sender counts and how far it is away: what TTL, IP identifications and TCP timestamps of
//! its openings show. It names no system, and says nothing where a count may be chance: what a
//! busy host counts between two segments can't be told from no order at all.

use super::hash::shard;
use super::key::{Direction, FlowKey};
use crate::config::{OPENINGS_PER_SHARD, SHARDS};
use crate::wire::stack::TTLS_INITIAL;

/// More hops than any path has: a TTL so far below what senders begin with says nothing.
const HOPS_MAX: u8 = 24;
/// Identifications that follow each other within so many steps are counted.
const STEPS_MAX: u16 = 8;

/// Nanoseconds in a second.
const SECOND_NS: u64 = 1_000_000_000;
/// Openings closer to each other say nothing of a clock, and neither do those further apart.
const APART_MIN_NS: u64 = SECOND_NS;
const APART_MAX_NS: u64 = 600 * SECOND_NS;
/// So many ticks give a rate to half a percent.
const TICKS_MIN: u64 = 200;
/// How far a rate may be off, as a part of itself: one in a hundred.
const RATE_PARTS: u64 = 100;
/// Faster than any clock of timestamps (RFC 7323 asks for at most 1 kHz), ticks in a second, with
/// time for a segment that was sent again.
const RATE_MAX: u64 = 2_000;
const SENT_AGAIN_NS: u64 = 60 * SECOND_NS;
/// Clocks of timestamps, ticks in a second.
const RATES: [(u64, &str); 12] = [
    (2, "2 Hz"),
    (10, "10 Hz"),
    (60, "60 Hz"),
    (64, "64 Hz"),
    (100, "100 Hz"),
    (128, "128 Hz"),
    (200, "200 Hz"),
    (250, "250 Hz"),
    (300, "300 Hz"),
    (500, "500 Hz"),
    (1000, "1000 Hz"),
    (1024, "1024 Hz"),
];

/// Routers on the way of a packet that arrived with this TTL: what is missing to the next value
/// that senders begin with. A guess.
pub fn distance(ttl: u8) -> Option<u8> {
    let initial = TTLS_INITIAL.iter().find(|initial| ttl <= **initial)?;
    Some(initial - ttl).filter(|hops| ttl != 0 && *hops <= HOPS_MAX)
}

/// How the identifications of two segments go on that one sender sent to one receiver, one right
/// after the other. None where the first or the second alone is zero.
pub fn id_order(first: u16, second: u16) -> Option<&'static str> {
    let step = second.wrapping_sub(first);
    let swapped = second.swap_bytes().wrapping_sub(first.swap_bytes());
    match (first, second) {
        (0, 0) => Some("zero"),
        (0, _) | (_, 0) => None,
        _ if step == 0 => Some("constant"),
        _ if step <= STEPS_MAX => Some("counting"),
        _ if swapped <= STEPS_MAX => Some("counting, bytes swapped"),
        _ => Some("irregular"),
    }
}

/// The same of the answers to two connections: other packets may lie between, so what shows no
/// order says nothing. Zero needs no other answer.
pub fn answer_id_order(earlier: Option<u16>, now: u16) -> Option<&'static str> {
    if now == 0 {
        return Some("zero");
    }
    id_order(earlier?, now).filter(|order| *order != "irregular")
}

/// The clock behind the timestamps of two openings, each with its time: how fast it runs, or that
/// each connection has its own (RFC 7323 section 7.1).
pub fn clock(earlier: (u64, u32), now: (u64, u32)) -> Option<&'static str> {
    let elapsed_ns = now.0.checked_sub(earlier.0)?;
    if !(APART_MIN_NS..=APART_MAX_NS).contains(&elapsed_ns) || earlier.1 == 0 || now.1 == 0 {
        return None;
    }
    let ticks = u64::from(now.1.wrapping_sub(earlier.1));
    let rate = RATES.iter().find(|(rate, _)| {
        let expected = rate * elapsed_ns / SECOND_NS;
        expected >= TICKS_MIN && ticks.abs_diff(expected) * RATE_PARTS <= expected
    });
    let fastest = RATE_MAX * (elapsed_ns + SENT_AGAIN_NS) / SECOND_NS;
    match rate {
        Some((_, text)) => Some(text),
        None => (ticks > fastest).then_some("each connection its own"),
    }
}

/// What the opening of one connection showed of both ends: first of who opened it, then of who
/// answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The two addresses, without ports.
    pair: FlowKey,
    opener: Direction,
    /// When the segments were sent that bear the timestamps.
    pub times_ns: [u64; 2],
    /// Timestamps, where both ends use them.
    pub stamps: Option<[u32; 2]>,
    /// Identification of the answer.
    pub answer_id: u16,
}

impl Opened {
    /// The opening of this flow.
    pub fn new(
        key: &FlowKey,
        opener: Direction,
        times_ns: [u64; 2],
        stamps: Option<[u32; 2]>,
        answer_id: u16,
    ) -> Self {
        let pair = FlowKey {
            low_port: 0,
            high_port: 0,
            ..*key
        };
        Self {
            pair,
            opener,
            times_ns,
            stamps,
            answer_id,
        }
    }

    /// The two addresses, without ports.
    pub const fn pair(&self) -> &FlowKey {
        &self.pair
    }

    /// The clock of one end, where an earlier opening shows it.
    pub fn clock_since(&self, earlier: &Self, end: usize) -> Option<&'static str> {
        let at = |opened: &Self| {
            let stamp = *opened.stamps.as_ref()?.get(end)?;
            Some((*opened.times_ns.get(end)?, stamp))
        };
        clock(at(earlier)?, at(self)?)
    }
}

/// The last opening of some pairs of addresses, of one worker.
pub struct Openings {
    slots: Box<[Option<Opened>]>,
}

impl Default for Openings {
    fn default() -> Self {
        Self {
            slots: vec![None; SHARDS * OPENINGS_PER_SHARD].into(),
        }
    }
}

impl Openings {
    /// Bytes that it takes.
    pub const BYTES: u64 = (SHARDS * OPENINGS_PER_SHARD * size_of::<Option<Opened>>()) as u64;

    /// Keeps this opening of a pair with this hash; gives the one before, if it is still known.
    pub fn replace(&mut self, opened: Opened, hash: u32) -> Option<Opened> {
        let shard = shard(opened.pair.steering());
        let place = shard * OPENINGS_PER_SHARD + hash as usize % OPENINGS_PER_SHARD;
        let before = self.slots.get_mut(place)?.replace(opened)?;
        (before.pair == opened.pair && before.opener == opened.opener).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_counted_from_the_next_value_that_senders_begin_with() {
        let told = [64, 61, 128, 117, 255, 250, 32, 30].map(distance);
        assert_eq!(told, [0, 3, 0, 11, 0, 5, 0, 2].map(Some));
        // A path that long is none: something else set these.
        assert_eq!([0, 1, 7, 39, 90, 200].map(distance), [None; 6]);
    }

    #[test]
    fn identifications_are_in_order_or_say_nothing() {
        assert_eq!(id_order(0, 0), Some("zero"));
        assert_eq!(id_order(0, 9), None);
        assert_eq!(id_order(7, 7), Some("constant"));
        assert_eq!(id_order(0xffff, 3), Some("counting"));
        assert_eq!(id_order(0x0100, 0x0300), Some("counting, bytes swapped"));
        assert_eq!(id_order(100, 109), Some("irregular"));
        assert_eq!(id_order(100, 99), Some("irregular"));
        assert_eq!(answer_id_order(None, 0), Some("zero"));
        assert_eq!(answer_id_order(None, 5), None);
        assert_eq!(answer_id_order(Some(5), 6), Some("counting"));
        assert_eq!(answer_id_order(Some(5), 600), None, "a busy host, or none");
    }

    #[test]
    fn a_clock_is_told_by_two_openings_that_fit_it() {
        let after = |seconds: u64, ticks: u32| {
            clock(
                (7, u32::MAX - 20),
                (7 + seconds * SECOND_NS, {
                    (u32::MAX - 20).wrapping_add(ticks)
                }),
            )
        };
        assert_eq!(after(2, 2_003), Some("1000 Hz"));
        assert_eq!(after(5, 499), Some("100 Hz"));
        assert_eq!(after(200, 401), Some("2 Hz"));
        assert_eq!(after(5, 10), None, "2 Hz, or anything about it");
        assert_eq!(after(5, 3_000), None, "no clock runs so");
        assert_eq!(after(5, 3_000_000_000), Some("each connection its own"));
        assert_eq!(after(700, 700_000), None, "too long ago");
        assert_eq!(clock((7, 9), (7, 2_000_000_000)), None, "at once");
    }

    #[test]
    fn only_the_same_ends_are_compared() {
        let key = |low: u64| FlowKey {
            low: [0, low],
            high: [0, 9],
            low_port: 4000,
            high_port: 80,
            scope: 0,
            protocol: 6,
            version: 4,
        };
        let opened =
            |low, opener, at| Opened::new(&key(low), opener, [at; 2], Some([at as u32; 2]), 0);
        let mut openings = Openings::default();
        let first = opened(1, Direction::Up, 5);
        assert_eq!(openings.replace(first, 3), None);
        assert_eq!(openings.replace(opened(1, Direction::Down, 6), 3), None);
        assert_eq!(openings.replace(opened(2, Direction::Down, 6), 3), None);
        openings.replace(first, 3);
        assert_eq!(
            openings.replace(opened(1, Direction::Up, 8), 3),
            Some(first)
        );
    }

    #[test]
    fn an_opening_is_as_small_as_limits_say() {
        assert_eq!(size_of::<Option<Opened>>(), 72);
    }

    #[test]
    fn any_numbers_are_taken() {
        bolero::check!()
            .with_type::<((u64, u32), (u64, u32), u16, u16, u8)>()
            .for_each(|(earlier, now, first, second, ttl)| {
                let told = clock(*earlier, *now);
                assert!(told.is_none() || now.0 > earlier.0);
                assert!(distance(*ttl).is_none_or(|hops| hops <= HOPS_MAX));
                let _ = id_order(*first, *second);
            });
    }
}
