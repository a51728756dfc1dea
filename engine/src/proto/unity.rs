//! The network of GE CARESCAPE and Unity monitors (Marquette): heartbeats and time that every
//! monitor broadcasts, with the name of its place. It reads the header alone; the bodies, which
//! hold parameters and alarms, are never looked at.
//!
//! No public document describes the bodies, and one broadcast is answered by nobody: a monitor is
//! believed when it repeats itself.

use medtap_table::vocabulary::{Field, Protocol};

use super::{ANY, Classifier, Mark, Progress, Segment, Session, Transport, Verdict, reported};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Unity,
    transport: Transport::Udp,
    ports: &PORTS,
    first: ANY,
    marks: &[Mark::Port],
    probe,
    session: || Box::new(Monitor::default()),
};

/// Time, heartbeats, alarms. The header has no mark of its own, so the port is asked for, too.
const PORTS: [u16; 3] = [2000, 7000, 7001];

/// The header's length, and where its parts stand: the sender's address, the place, the number of
/// bytes that follow the header.
const HEADER_BYTES: usize = 60;
const SOURCE_AT: usize = 6;
const PLACE_AT: usize = 24;
const PLACE_BYTES: usize = 32;
const COUNT_AT: usize = 58;

/// The longest unit and bed.
const UNIT_BYTES_MAX: usize = 7;
const BED_BYTES_MAX: usize = 6;

/// Messages that say the same of the sender before they are believed.
const REPEATS: u8 = 3;

/// The sender's address and its unit and bed.
struct Header<'a> {
    source: [u8; 4],
    unit: &'a [u8],
    bed: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let source = bytes.get(SOURCE_AT..SOURCE_AT + 4)?.try_into().ok()?;
        let place = bytes.get(PLACE_AT..PLACE_AT + PLACE_BYTES)?;
        let count = bytes.get(COUNT_AT..HEADER_BYTES)?.try_into().ok()?;
        if usize::from(u16::from_be_bytes(count)) != bytes.len() - HEADER_BYTES {
            return None;
        }
        let end = place.iter().position(|byte| *byte == 0)?;
        let (text, padding) = place.split_at(end);
        let bar = text.iter().position(|byte| *byte == b'|')?;
        let (unit, bed) = (text.get(..bar)?, text.get(bar + 1..)?);
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" -_./#".contains(byte);
        let sound = padding.iter().all(|byte| *byte == 0)
            && (1..=UNIT_BYTES_MAX).contains(&unit.len())
            && (1..=BED_BYTES_MAX).contains(&bed.len())
            && unit.iter().chain(bed).all(plain)
            && source != [0; 4];
        sound.then_some(Self { source, unit, bed })
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let (src, dst) = segment.ports;
    let named = PORTS.contains(&dst) || PORTS.contains(&src);
    match named && !segment.cut && Header::parse(segment.bytes).is_some() {
        true => Verdict::Match(Role::Peer),
        false => Verdict::Reject,
    }
}

/// One monitor that broadcasts.
#[derive(Default)]
struct Monitor {
    source: [u8; 4],
    repeats: u8,
}

impl Session for Monitor {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let done = Progress::consumed(segment.bytes.len());
        let Some(header) = Header::parse(segment.bytes) else {
            emit(Observation::Malformed);
            return done;
        };
        if header.source != self.source {
            self.source = header.source;
            self.repeats = 0;
        }
        self.repeats = self.repeats.saturating_add(1);
        if self.repeats == REPEATS {
            emit(Observation::Confirmed);
        }
        let mut fact = |field, value: &[u8]| {
            if let Some(value) = reported::text(value) {
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field,
                    value,
                });
            }
        };
        fact(Field::UnityRole, b"monitor");
        let place = [header.unit, b"/", header.bed].concat();
        fact(Field::UnityLocation, &place);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &[u8] = b"\x0a\x14\x1e\xff\0\0\x0a\x14\x1e\x28\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\
        ICU2|BED07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\xed\0\x37\x80";

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (2000, 2000),
            cut: false,
        }
    }

    #[test]
    fn a_monitor_that_repeats_itself_is_believed() {
        assert_eq!(probe(&segment(TIME)), Verdict::Match(Role::Peer));
        let mut said = Vec::new();
        let mut monitor = Monitor::default();
        for _ in 0..3 {
            monitor.observe(&segment(TIME), &mut |seen| {
                said.push(match seen {
                    Observation::Fact { field, value, .. } => {
                        format!("{}={}", field.name(), value.escape_ascii())
                    }
                    other => format!("{other:?}"),
                });
            });
        }
        assert_eq!(
            said[..2],
            ["unity.role=monitor", "unity.location=ICU2/BED07"]
        );
        assert_eq!(said[4], "Confirmed");
        assert_eq!(said.len(), 7);
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let mut named = TIME.to_vec();
        named[PLACE_AT..PLACE_AT + 12].copy_from_slice(b"ICU2|MUELLER");
        let mut count = TIME.to_vec();
        count[59] = 5;
        for bytes in [&named, &count, &TIME[..60].to_vec()] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
        let mut elsewhere = segment(TIME);
        elsewhere.ports = (1, 2);
        assert_eq!(probe(&elsewhere), Verdict::Reject);
    }

    #[test]
    fn fuzz_messages() {
        bolero::check!().with_max_len(128).for_each(|bytes: &[u8]| {
            let _ = probe(&segment(bytes));
            let mixed = [&TIME[..24], bytes].concat();
            Monitor::default().observe(&segment(&mixed), &mut |_| {});
        });
    }
}
