//! Times during which something held, and how a new sighting changes them. It knows no table.

/// Something not seen for longer begins anew.
pub const GAP_NS: u64 = 24 * 3_600_000_000_000;
/// An end that moves on by less is not written: it costs a page each time.
pub const REFRESH_NS: u64 = 3_600_000_000_000;

/// From the first to the last sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// First.
    pub from_ns: u64,
    /// Last.
    pub last_ns: u64,
}

impl Interval {
    /// From one time to another, whichever is first.
    pub fn new(a: u64, b: u64) -> Self {
        Self {
            from_ns: a.min(b),
            last_ns: a.max(b),
        }
    }
}

/// What to do with what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Nothing.
    Keep,
    /// These go, by their begin, and this one comes.
    Replace(Vec<u64>, Interval),
}

/// What a sighting changes. `covered_ns` is since when somebody looked without a gap: before, an
/// absence shows nothing. `patient`: small moves of the end may wait.
pub fn update(known: &[Interval], seen: Interval, covered_ns: u64, patient: bool) -> Update {
    // The same long sighting, seen again after an absence.
    let same = known
        .iter()
        .filter(|known| known.from_ns <= seen.last_ns)
        .max();
    if let Some(same) = same
        && seen.from_ns <= same.last_ns
        && seen.last_ns.saturating_sub(same.last_ns) > GAP_NS
        && covered_ns <= same.last_ns
    {
        return Update::Replace(Vec::new(), Interval::new(seen.last_ns, seen.last_ns));
    }
    let touches = |known: &&Interval| {
        known.from_ns <= seen.last_ns.saturating_add(GAP_NS)
            && seen.from_ns <= known.last_ns.saturating_add(GAP_NS)
    };
    let mut merged = seen;
    let mut gone = Vec::new();
    // The begin of a long sighting that was parted before is not told twice.
    let parted = known
        .iter()
        .any(|known| known.from_ns <= seen.from_ns && seen.from_ns <= known.last_ns)
        && known
            .iter()
            .max()
            .is_some_and(|last| last.from_ns <= seen.last_ns)
        && known.len() > 1;
    if parted && let Some(last) = known.iter().max() {
        merged = Interval::new(last.from_ns, seen.last_ns.max(last.last_ns));
        gone.push(last.from_ns);
    } else {
        for known in known.iter().filter(touches) {
            merged.from_ns = merged.from_ns.min(known.from_ns);
            merged.last_ns = merged.last_ns.max(known.last_ns);
            gone.push(known.from_ns);
        }
    }
    if let [only] = gone.as_slice()
        && let Some(known) = known.iter().find(|known| known.from_ns == *only)
    {
        let moved = merged.last_ns - known.last_ns;
        if merged.from_ns == known.from_ns && (moved == 0 || (patient && moved < REFRESH_NS)) {
            return Update::Keep;
        }
    }
    Update::Replace(gone, merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000_000;

    fn at(from: u64, last: u64) -> Interval {
        Interval::new(from * HOUR, last * HOUR)
    }

    #[test]
    fn what_goes_on_is_one() {
        let known = [at(10, 12)];
        assert_eq!(update(&known, at(10, 12), 0, true), Update::Keep);
        let longer = Update::Replace(vec![10 * HOUR], at(10, 14));
        assert_eq!(update(&known, at(10, 14), 0, true), longer);
        assert_eq!(update(&known, at(13, 14), 0, true), longer);
        let soon = Interval::new(10 * HOUR, 12 * HOUR + 60);
        assert_eq!(update(&known, soon, 0, true), Update::Keep);
        assert_ne!(update(&known, soon, 0, false), Update::Keep);
    }

    #[test]
    fn what_comes_back_begins_anew() {
        let known = [at(10, 12)];
        let back = Update::Replace(vec![], at(50, 50));
        // A cumulative sighting, with somebody looking all the time.
        assert_eq!(update(&known, at(10, 50), 5 * HOUR, true), back);
        // Nobody looked: no absence was seen.
        let long = Update::Replace(vec![10 * HOUR], at(10, 50));
        assert_eq!(update(&known, at(10, 50), 40 * HOUR, true), long);
        // Another capture, days later or earlier.
        let later = Update::Replace(vec![], at(90, 91));
        assert_eq!(update(&known, at(90, 91), 90 * HOUR, false), later);
        let earlier = Update::Replace(vec![], at(1000, 1001));
        assert_eq!(update(&[at(2000, 2001)], at(1000, 1001), 0, false), earlier);
    }

    #[test]
    fn what_was_parted_stays_parted() {
        let known = [at(10, 12), at(50, 50)];
        let longer = Update::Replace(vec![50 * HOUR], at(50, 53));
        assert_eq!(update(&known, at(10, 53), 5 * HOUR, true), longer);
    }

    #[test]
    fn what_lies_between_closes_the_gap() {
        let known = [at(10, 12), at(50, 60)];
        let all = Update::Replace(vec![10 * HOUR, 50 * HOUR], at(10, 60));
        assert_eq!(update(&known, at(20, 40), 100 * HOUR, false), all);
    }
}
