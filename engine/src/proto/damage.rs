//! Damage that nobody tells of: bytes of a stream that are left out or said twice, as behind a
//! serial line. It shows the rest to a session, and judges nothing. For tests alone.
//!
//! The seed is printed where a test fails; `MEDTAP_SEED` begins with another, and
//! `MEDTAP_DAMAGE_S` goes on for so many seconds instead of [`USUAL`].

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Session;
use super::replay::Replay;
use crate::observe::Role;

/// How long one test goes on, where nobody says otherwise.
const USUAL: Duration = Duration::from_secs(2);

/// Chance that can be had again.
pub struct Chance(u64);

impl Chance {
    /// The next number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        // splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end.max(1) as u64) as usize
    }

    /// A piece of so many bytes: short ones are as likely as long ones.
    fn piece(&mut self, len: usize) -> std::ops::Range<usize> {
        let longest = [4, 40, 400, 4000][self.below(4)];
        let start = self.below(len);
        start..len.min(start + 1 + self.below(longest))
    }
}

/// Damages a stream once or more often.
fn damage(bytes: &mut Vec<u8>, most: usize, chance: &mut Chance) {
    for _ in 0..1 + chance.below(most) {
        let piece = chance.piece(bytes.len());
        if chance.below(4) == 0 {
            let again = bytes[piece.clone()].to_vec();
            bytes.splice(piece.end..piece.end, again);
        } else {
            bytes.drain(piece);
        }
    }
}

/// Shows copies of a client's stream, each damaged `most` times at most, to a session; `judge` says
/// what is wrong with what it then said.
pub fn check(
    session: fn() -> Box<dyn Session>,
    stream: &[u8],
    most: usize,
    judge: &dyn Fn(&[String]) -> Option<String>,
) {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let begun = Instant::now();
    let long = number("MEDTAP_DAMAGE_S").map_or(USUAL, Duration::from_secs);
    let mut seed = number("MEDTAP_SEED").unwrap_or(now.map_or(0, |now| now.as_nanos() as u64));
    while begun.elapsed() < long {
        let mut bytes = stream.to_vec();
        damage(&mut bytes, most, &mut Chance(seed));
        let mut replay = Replay::new(session());
        replay.feed(Role::Client, &bytes);
        if let Some(wrong) = judge(&replay.seen) {
            panic!(
                "{wrong}\nMEDTAP_SEED={seed}\n{}\nof {}",
                replay.seen.join("\n"),
                bytes.escape_ascii()
            );
        }
        seed += 1;
    }
}

/// No canary is said.
pub fn names_nobody(seen: &[String]) -> Option<String> {
    let named = seen
        .iter()
        .find(|line| line.to_lowercase().contains("canary"));
    named.map(|line| format!("a person: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_does_the_same_damage_again() {
        let damaged = |seed| {
            let mut bytes = b"0123456789".repeat(50);
            damage(&mut bytes, 2, &mut Chance(seed));
            bytes
        };
        assert_eq!(damaged(7), damaged(7));
        let kinds = (0..100).map(damaged);
        let kinds: Vec<usize> = kinds.map(|bytes| bytes.len()).collect();
        assert!(kinds.iter().any(|len| *len < 500) && kinds.iter().any(|len| *len > 500));
    }
}
