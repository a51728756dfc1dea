//! The counters of one worker: plain numbers, one owner, no lock. Names and meaning are in
//! `medtap_table::vocabulary::Counter` and the README's glossary.

use medtap_table::vocabulary::{Counter, Protocol};

/// One more than the highest number of a [`Counter`]: between them some may be nobody's.
const PLACES: usize = {
    let mut places = 0;
    let mut at = 0;
    while at < Counter::ALL.len() {
        let place = Counter::ALL[at].number() as usize + 1;
        if place > places {
            places = place;
        }
        at += 1;
    }
    places
};

/// One number for each [`Counter`], and parse errors by protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    numbers: [u64; PLACES],
    parse_errors: [u64; Protocol::ALL.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            numbers: [0; PLACES],
            parse_errors: [0; Protocol::ALL.len()],
        }
    }
}

impl Counters {
    /// Adds one.
    #[inline]
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.numbers[usize::from(counter.number())] += n;
    }

    /// Counts bytes that are no good, by their cause and by the protocol that they were read as.
    pub fn count_parse_error(&mut self, cause: Counter, protocol: Option<Protocol>) {
        self.count(Counter::ParseErrors);
        self.count(cause);
        let place = Protocol::ALL
            .iter()
            .position(|known| Some(*known) == protocol);
        if let Some(number) = place.and_then(|place| self.parse_errors.get_mut(place)) {
            *number += 1;
        }
    }

    /// Parse errors of each protocol that had any.
    pub fn parse_errors(&self) -> impl Iterator<Item = (Protocol, u64)> + '_ {
        let all = Protocol::ALL.iter().copied().zip(self.parse_errors);
        all.filter(|(_, number)| *number > 0)
    }

    /// The number so far.
    pub fn get(&self, counter: Counter) -> u64 {
        self.numbers[usize::from(counter.number())]
    }

    /// Every counter with its number.
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL
            .iter()
            .map(|&counter| (counter, self.get(counter)))
    }

    /// Adds another worker's numbers.
    pub fn merge(&mut self, other: &Self) {
        for (sum, n) in self.numbers.iter_mut().zip(other.numbers) {
            *sum += n;
        }
        for (sum, n) in self.parse_errors.iter_mut().zip(other.parse_errors) {
            *sum += n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each parse error has one cause, and all causes are apart.
    #[test]
    fn parse_errors_are_counted_by_cause() {
        let causes = [
            Counter::ParseMalformed,
            Counter::ParseTruncated,
            Counter::ParseOverLimit,
            Counter::ParseChecksum,
            Counter::ParseEncoding,
            Counter::ParseInflation,
        ];
        let mut counters = Counters::default();
        for cause in causes {
            counters.count_parse_error(cause, Some(Protocol::Dicom));
            assert_eq!(counters.get(cause), 1, "{}", cause.name());
        }
        assert_eq!(counters.get(Counter::ParseErrors), 6);
        let by_protocol: Vec<_> = counters.parse_errors().collect();
        assert_eq!(by_protocol, [(Protocol::Dicom, 6)]);
    }
}
