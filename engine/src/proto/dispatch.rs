//! Which rows are asked about a conversation's first bytes: the first byte, a few places after it
//! and the ports leave a handful of candidates, however many protocols there are. It proves
//! nothing: that is the probes' business.

use super::{CLASSIFIERS, Classifier, Mark, Segment, Transport, Verdict};
use crate::observe::Role;

/// What is known of a flow's protocol.
pub enum Decision {
    /// Settled, with the role of the end that sent these bytes; never asked again.
    Known(&'static Classifier, Role),
    /// As above, once its session confirms it.
    Possible(&'static Classifier, Role),
    /// Ask again when there are more bytes, within the limits.
    NeedMore,
    /// Every probe rejected.
    Unknown,
}

/// Rows of [`CLASSIFIERS`], a bit for each.
type Rows = u128;

const _: () = assert!(CLASSIFIERS.len() <= Rows::BITS as usize);

/// Who can have sent a first byte, by transport and byte: what an unknown conversation costs
/// does not grow with the protocols that begin otherwise.
static CANDIDATES: [[Rows; 256]; 2] = [candidates(Transport::Tcp), candidates(Transport::Udp)];

const fn candidates(transport: Transport) -> [Rows; 256] {
    let mut rows = [0; 256];
    let mut at = 0;
    while at < CLASSIFIERS.len() {
        let row = &CLASSIFIERS[at];
        if row.transport as u8 == transport as u8 {
            let mut byte = 0;
            while byte < rows.len() {
                if row.first.is_empty() || holds(row.first, byte) {
                    rows[byte] |= 1 << at;
                }
                byte += 1;
            }
        }
        at += 1;
    }
    rows
}

/// Where marks can stand, beside the first byte: what a conversation costs grows with these, not
/// with the rows that have a mark.
const PLACES: [usize; 4] = [2, 3, 4, 17];

/// The rows that a byte at each of the places leaves.
static MARKED: [(usize, [Rows; 256]); PLACES.len()] = marked();

const fn marked() -> [(usize, [Rows; 256]); PLACES.len()] {
    let mut left = [(0, [Rows::MAX; 256]); PLACES.len()];
    let mut place = 0;
    while place < PLACES.len() {
        left[place].0 = PLACES[place];
        place += 1;
    }
    let mut row = 0;
    while row < CLASSIFIERS.len() {
        let mut mark = 0;
        while mark < CLASSIFIERS[row].marks.len() {
            if let Mark::At(at, bytes) = CLASSIFIERS[row].marks[mark] {
                let mut place = 0;
                // A place that is none of them does not compile.
                while PLACES[place] != at {
                    place += 1;
                }
                let mut byte = 0;
                while byte < 256 {
                    if !holds(bytes, byte) {
                        left[place].1[byte] &= !(1 << row);
                    }
                    byte += 1;
                }
            }
            mark += 1;
        }
        row += 1;
    }
    left
}

/// The rows that are asked only where an end uses one of their ports.
const PORT_BOUND: Rows = {
    let (mut set, mut row) = (0, 0);
    while row < CLASSIFIERS.len() {
        let mut mark = 0;
        while mark < CLASSIFIERS[row].marks.len() {
            if matches!(CLASSIFIERS[row].marks[mark], Mark::Port) {
                set |= 1 << row;
            }
            mark += 1;
        }
        row += 1;
    }
    set
};

const fn holds(bytes: &[u8], byte: usize) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] as usize == byte {
            return true;
        }
        at += 1;
    }
    false
}

/// Ports that rows name, each as often as rows do.
const PORTS_NAMED: usize = {
    let (mut sum, mut at) = (0, 0);
    while at < CLASSIFIERS.len() {
        sum += CLASSIFIERS[at].ports.len();
        at += 1;
    }
    sum
};

/// The rows that name a port, in the order of ports. A port that several rows name stands there
/// for each of them.
static HINTS: [(u16, Rows); PORTS_NAMED] = hints();

const fn hints() -> [(u16, Rows); PORTS_NAMED] {
    let mut hints = [(0, 0); PORTS_NAMED];
    let (mut used, mut row) = (0, 0);
    while row < CLASSIFIERS.len() {
        let ports = CLASSIFIERS[row].ports;
        let mut at = 0;
        while at < ports.len() {
            let mut place = used;
            while place > 0 && hints[place - 1].0 > ports[at] {
                hints[place] = hints[place - 1];
                place -= 1;
            }
            hints[place] = (ports[at], 1 << row);
            used += 1;
            at += 1;
        }
        row += 1;
    }
    hints
}

/// A bit for each port that a row names: most ports of a conversation are nobody's, and cost no
/// further look.
static NAMED: [u64; 1 << 10] = {
    let mut named = [0; 1 << 10];
    let mut at = 0;
    while at < HINTS.len() {
        let port = HINTS[at].0;
        named[(port >> 6) as usize] |= 1 << (port & 63);
        at += 1;
    }
    named
};

/// The rows that name this port.
#[inline]
fn hinted(port: u16) -> Rows {
    let is_named = NAMED[usize::from(port >> 6)] >> (port & 63) & 1 != 0;
    if is_named { rows_that_name(port) } else { 0 }
}

fn rows_that_name(port: u16) -> Rows {
    let first = HINTS.partition_point(|(named, _)| *named < port);
    let from_first = HINTS.get(first..).unwrap_or_default();
    let same = from_first.iter().take_while(|(named, _)| *named == port);
    same.fold(0, |set, (_, row)| set | row)
}

/// The rows of a set, in their order.
fn rows(mut set: Rows) -> impl Iterator<Item = &'static Classifier> {
    std::iter::from_fn(move || {
        let row = CLASSIFIERS.get(set.trailing_zeros() as usize)?;
        set &= set.wrapping_sub(1);
        Some(row)
    })
}

/// The rows that could know these bytes between ports that `named` rows name; none without bytes.
fn candidates_of(bytes: &[u8], named: Rows, transport: Transport) -> Rows {
    let Some(first) = bytes.first() else {
        return 0;
    };
    let mut left = CANDIDATES[transport as usize][usize::from(*first)];
    for (place, marked) in &MARKED {
        if let Some(byte) = bytes.get(*place) {
            left &= marked[usize::from(*byte)];
        }
    }
    left & (!PORT_BOUND | named)
}

/// Asks each probe that the first bytes allow once, those that name one of the ports first. A
/// match wins even while a probe before it still waits: on a passive sensor the first bytes are
/// often all there will be.
pub fn classify(segment: &Segment<'_>, transport: Transport) -> Decision {
    if segment.bytes.is_empty() {
        return Decision::NeedMore;
    }
    let (src, dst) = segment.ports;
    let named = hinted(src) | hinted(dst);
    let all = candidates_of(segment.bytes, named, transport);
    let hinted = named & all;
    let mut undecided = false;
    let mut possible = None;
    for classifier in rows(hinted).chain(rows(all & !hinted)) {
        match (classifier.probe)(segment) {
            Verdict::Match(role) => return Decision::Known(classifier, role),
            Verdict::Possible(role) => possible = possible.or(Some((classifier, role))),
            Verdict::NeedMore => undecided = true,
            Verdict::Reject => {}
        }
    }
    // A datagram stands alone: nothing comes after it.
    match possible {
        Some((row, role)) if !undecided || transport == Transport::Udp => {
            Decision::Possible(row, role)
        }
        _ if undecided => Decision::NeedMore,
        _ => Decision::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that would know bytes with another first byte is never asked about them.
    #[test]
    fn fuzz_first_bytes_are_all_that_a_probe_knows() {
        bolero::check!()
            .with_type::<(Vec<u8>, u16, u16)>()
            .for_each(|(bytes, src, dst)| {
                for row in CLASSIFIERS.iter().filter(|row| !row.first.is_empty()) {
                    for first in (0..=u8::MAX).filter(|byte| !row.first.contains(byte)) {
                        let mut bytes = bytes.clone();
                        bytes.insert(0, first);
                        let segment = Segment {
                            bytes: &bytes,
                            from: Role::Peer,
                            time_ns: 0,
                            ports: (*src, *dst),
                            cut: false,
                        };
                        let verdict = (row.probe)(&segment);
                        let matches = matches!(verdict, Verdict::Match(_) | Verdict::Possible(_));
                        assert!(!matches, "{} {first}", row.protocol.name());
                    }
                }
            });
    }

    /// No row knows what its marks keep from it.
    #[test]
    fn fuzz_what_a_mark_excludes_no_probe_knows() {
        bolero::check!()
            .with_type::<(Vec<u8>, u8, bool)>()
            .for_each(|(bytes, byte, is_hinted)| {
                for row in CLASSIFIERS.iter().filter(|row| !row.marks.is_empty()) {
                    let port = row.ports.first().filter(|_| *is_hinted);
                    let ports = (50_000, port.copied().unwrap_or(50_001));
                    for mark in row.marks {
                        let mut bytes = bytes.clone();
                        match mark {
                            Mark::Port if ports.1 != 50_001 => continue,
                            Mark::Port => {}
                            Mark::At(_, known) if known.contains(byte) => continue,
                            Mark::At(at, _) => {
                                bytes.resize(bytes.len().max(at + 1), 0);
                                bytes[*at] = *byte;
                            }
                        }
                        let segment = Segment {
                            bytes: &bytes,
                            from: Role::Peer,
                            time_ns: 0,
                            ports,
                            cut: false,
                        };
                        let verdict = (row.probe)(&segment);
                        let knows = matches!(verdict, Verdict::Match(_) | Verdict::Possible(_));
                        assert!(!knows, "{} {mark:?}", row.protocol.name());
                    }
                }
            });
    }

    #[test]
    fn a_row_is_asked_where_its_marks_are() {
        let asked = |bytes: &[u8], port, transport| {
            let left = candidates_of(bytes, hinted(port), transport);
            let names = rows(left).filter(|row| row.first.is_empty());
            names.map(|row| row.protocol.name()).collect::<Vec<_>>()
        };
        let tcp = |bytes, port| asked(bytes, port, Transport::Tcp);
        assert_eq!(
            tcp(b"\x01\x02\0\0\0\x06\x01\x03", 502),
            ["hl7", "dns", "modbus"]
        );
        assert_eq!(tcp(b"\x01\x02\0\x01\x11\x06\x01\x03", 502), ["hl7"]);
        assert_eq!(
            tcp(b"\x01\x02", 502),
            ["hl7", "dns", "dns", "modbus"],
            "too few to tell"
        );
        let udp = |bytes, port| asked(bytes, port, Transport::Udp);
        assert!(udp(&[0x99; 40], 9).is_empty());
        assert_eq!(udp(&[0x99; 40], 5355), ["llmnr"]);
        let mut key_exchange = [0x99; 40];
        key_exchange[17] = 0x20;
        assert_eq!(udp(&key_exchange, 9), ["isakmp"]);
    }

    #[test]
    fn a_port_hints_at_the_rows_that_name_it() {
        for port in 0..=u16::MAX {
            let set = (0..).zip(CLASSIFIERS).fold(0, |set: Rows, (at, row)| {
                set | Rows::from(row.ports.contains(&port)) << at
            });
            assert_eq!(hinted(port), set, "{port}");
        }
    }

    #[test]
    fn a_row_is_asked_about_its_first_bytes_alone() {
        for (at, row) in CLASSIFIERS.iter().enumerate() {
            for byte in 0..=u8::MAX {
                let set = CANDIDATES[row.transport as usize][usize::from(byte)];
                let asked = set >> at & 1 == 1;
                assert_eq!(asked, row.first.is_empty() || row.first.contains(&byte));
            }
        }
    }
}
