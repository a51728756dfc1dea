//! When somebody lately said that an address is its own. Two of them show whether two machines
//! claim one address by turns. It keeps no more than a few minutes, and merges in any order.

/// Seconds of one place.
const PLACE_SECONDS: u64 = 4;
/// Places that are kept: about eight minutes.
const PLACES: u64 = 128;
/// Turns and common places from which on two claim by turns: one that takes over from another and
/// gives it back makes four.
const CLASHES_MIN: u32 = 5;

/// The latest claims of one binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The place of the last claim, counted from the epoch; 0 for none.
    last: u64,
    /// Bit n: a claim n places before.
    places: u128,
}

impl Claims {
    /// One claim.
    pub const fn at(time_ns: u64) -> Self {
        Self {
            last: time_ns / (PLACE_SECONDS * 1_000_000_000) + 1,
            places: 1,
        }
    }

    /// No claim.
    pub const fn is_empty(&self) -> bool {
        self.last == 0
    }

    /// Adds others: what is left are those shortly before the last one of all.
    pub fn merge(&mut self, other: Self) {
        let last = self.last.max(other.last);
        *self = Self {
            last,
            places: self.until(last) | other.until(last),
        };
    }

    /// The claims as seen from a place.
    fn until(&self, place: u64) -> u128 {
        match place.checked_sub(self.last) {
            Some(distance) if distance < PLACES => self.places << distance,
            _ => 0,
        }
    }

    /// True where both claim by turns: each goes on after the other claimed.
    pub fn clashes(&self, other: &Self) -> bool {
        if self.is_empty() || other.is_empty() {
            return false;
        }
        let end = self.last.max(other.last);
        let (ours, theirs) = (self.until(end), other.until(end));
        let mut clashes = (ours & theirs).count_ones();
        let mut holder = None;
        for place in 0..PLACES {
            let is_ours = ours >> place & 1 != 0;
            if is_ours != (theirs >> place & 1 != 0) {
                clashes += u32::from(holder.is_some_and(|holder| holder != is_ours));
                holder = Some(is_ours);
            }
        }
        clashes >= CLASHES_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;
    const START_NS: u64 = 1_700_000_000 * SECOND_NS;

    fn claims(seconds: &[u64]) -> Claims {
        let mut claims = Claims::default();
        for second in seconds {
            claims.merge(Claims::at(START_NS + second * SECOND_NS));
        }
        claims
    }

    #[test]
    fn those_who_take_turns_clash() {
        let ours = claims(&[0, 20, 40, 60, 80]);
        assert!(ours.clashes(&claims(&[10, 30, 50, 70])));
        assert!(
            ours.clashes(&claims(&[0, 20, 40, 60, 80])),
            "each time both"
        );
        assert!(
            !ours.clashes(&claims(&[10, 30])),
            "twice is a failover and its end"
        );
        assert!(!ours.clashes(&Claims::default()));
    }

    #[test]
    fn one_that_takes_over_clashes_with_nobody() {
        let first = claims(&[0, 10, 20, 30]);
        assert!(!first.clashes(&claims(&[30, 40, 50, 60])), "for good");
        let back = claims(&[0, 10, 20, 60, 70, 80]);
        assert!(
            !back.clashes(&claims(&[20, 30, 40, 60])),
            "and back, seen with both"
        );
        let later = claims(&[3000, 3010, 3020]);
        assert!(!first.clashes(&later), "a lease that another got");
    }

    #[test]
    fn any_order_leaves_the_same() {
        bolero::check!()
            .with_iterations(2_000)
            .with_type::<Vec<u16>>()
            .for_each(|seconds| {
                let seconds: Vec<u64> = seconds.iter().take(40).map(|it| u64::from(*it)).collect();
                let mut turned: Vec<u64> = seconds.clone();
                turned.reverse();
                let (left, right) = seconds.split_at(seconds.len() / 2);
                let mut parts = claims(right);
                parts.merge(claims(left));
                assert_eq!(claims(&seconds), claims(&turned));
                assert_eq!(claims(&seconds), parts);
            });
    }
}
