//! The computer interface of Datex-Ohmeda S/5 monitors and GE CARESCAPE B (DRI) through a terminal
//! server: that a monitor sends records, its plug number and the level of the interface. Records
//! are never looked into: they hold parameters, waves, alarms.
//!
//! The monitor is a device that the terminal server reports: the address is the server's.
//!
//! `7E`, a record, the sum of its bytes, `7E`; `7D` before a byte with bit 5 cleared stands for
//! that byte. Little endian. A record begins with 40 bytes that say its length, its sender's plug,
//! its kind and which parts follow.

use medtap_table::vocabulary::{Field, Protocol};

use super::reported::{self, Identifier};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::DRI_RECORD_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol. Terminal servers are set up with any port.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Dri,
    transport: Transport::Tcp,
    ports: &[],
    first: &[FLAG],
    marks: &[],
    probe,
    session: || Box::new(Line::default()),
};

const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;
const ESCAPED: u8 = 0x20;

/// Bytes before the parts of a record.
const HEADER_BYTES: usize = 40;

/// Kinds of records: physiological data, waves, alarms, the network.
const KINDS: [u16; 4] = [0, 1, 4, 8];

/// The first part of a record that asks; the others carry data.
const ASKS: u8 = 0;

/// The header of a record.
#[derive(Clone, Copy)]
struct Header {
    level: u8,
    plug: u16,
    asks: bool,
}

/// A record in the making, without flags and escapes: its header, its length and its sum.
#[derive(Clone, Default)]
struct Record {
    header: Vec<u8>,
    len: usize,
    sum: u8,
    last: u8,
    escaped: bool,
}

impl Record {
    /// Takes a byte between two flags.
    fn push(&mut self, byte: u8) {
        if byte == ESCAPE && !self.escaped {
            self.escaped = true;
            return;
        }
        let byte = match std::mem::take(&mut self.escaped) {
            true => byte | ESCAPED,
            false => byte,
        };
        if self.header.len() < HEADER_BYTES {
            self.header.push(byte);
        }
        self.len = self.len.saturating_add(1);
        self.sum = self.sum.wrapping_add(byte);
        self.last = byte;
    }

    /// The header, if length and sum are right and the kind is known.
    fn finish(&self) -> Option<Header> {
        let header: &[u8; HEADER_BYTES] = self.header.as_slice().try_into().ok()?;
        let stated = usize::from(u16::from_le_bytes([header[0], header[1]]));
        let kind = u16::from_le_bytes([header[14], header[15]]);
        let sum = self.sum.wrapping_sub(self.last);
        let sound = stated == self.len - 1 && sum == self.last && KINDS.contains(&kind);
        sound.then(|| Header {
            level: header[3],
            plug: u16::from_le_bytes([header[4], header[5]]),
            asks: header[18] == ASKS,
        })
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let Some(rest) = segment.bytes.strip_prefix(&[FLAG]) else {
        return Verdict::Reject;
    };
    let mut record = Record::default();
    for &byte in rest {
        if byte == FLAG && record.len > 0 {
            return match record.finish() {
                Some(_) => Verdict::Match(segment.from),
                None => Verdict::Reject,
            };
        }
        if byte != FLAG {
            record.push(byte);
        }
    }
    // A record's length is known before its end; a wrong one need not be waited for.
    let stated = match record.header.as_slice() {
        [low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
        _ => HEADER_BYTES,
    };
    let kind = match record.header.get(14..16) {
        Some([low, high]) => u16::from_le_bytes([*low, *high]),
        _ => KINDS[0],
    };
    let possible = (HEADER_BYTES..=DRI_RECORD_BYTES_MAX).contains(&stated)
        && record.len <= stated
        && KINDS.contains(&kind);
    match possible && !segment.cut {
        true => Verdict::NeedMore,
        false => Verdict::Reject,
    }
}

/// A monitor and who asks it.
#[derive(Default)]
struct Line {
    records: [Record; 2],
    spoke: [bool; 2],
    confirmed: bool,
    told: bool,
}

fn index(role: Role) -> usize {
    usize::from(role == Role::Server)
}

impl Session for Line {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        for &byte in segment.bytes {
            let record = &mut self.records[index(segment.from)];
            if byte != FLAG {
                record.push(byte);
            } else if record.len > 0 {
                let record = std::mem::take(record);
                match record.finish() {
                    Some(header) => self.record(header, segment, emit),
                    None => emit(Observation::Malformed),
                }
            }
        }
        Progress::consumed(segment.bytes.len())
    }

    /// The next flag begins a record.
    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        self.records[index(from)] = Record::default();
        true
    }
}

impl Line {
    fn record(&mut self, header: Header, segment: &Segment<'_>, emit: Emit<'_>) {
        self.spoke[index(segment.from)] = true;
        if self.spoke == [true, true] && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if header.asks || self.told {
            return;
        }
        self.told = true;
        let (plug, level) = (header.plug.to_string(), header.level.to_string());
        let identifier = Identifier::new(b"dri")
            .part(reported::line(segment).as_bytes())
            .part(plug.as_bytes())
            .finish();
        let Some(identifier) = identifier else { return };
        for (field, value) in [
            (Field::DriRole, "monitor"),
            (Field::DriPlug, &plug),
            (Field::DriLevel, &level),
        ] {
            emit(Observation::Fact {
                subject: Subject::Reported(&identifier),
                field,
                value: value.as_bytes(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver;

    /// A record of this kind and first part, framed.
    fn record(plug: u16, kind: u16, part: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER_BYTES + data.len()) as u16).to_le_bytes().to_vec();
        bytes.extend_from_slice(&[1, 6]);
        bytes.extend_from_slice(&plug.to_le_bytes());
        bytes.extend_from_slice(&[0x7e, 0x7d, 2, 3, 0, 0, 0, 0]);
        bytes.extend_from_slice(&kind.to_le_bytes());
        bytes.extend_from_slice(&[0, 0, part]);
        bytes.extend_from_slice(&[0, 0, 0xff]);
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend_from_slice(data);
        let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.push(sum);
        let mut framed = vec![FLAG];
        for byte in bytes {
            match byte {
                FLAG | ESCAPE => framed.extend_from_slice(&[ESCAPE, byte & !ESCAPED]),
                byte => framed.push(byte),
            }
        }
        framed.push(FLAG);
        framed
    }

    #[test]
    fn a_monitor_sends_records() {
        let asks = record(0, 0, ASKS, &[1, 0, 5, 0]);
        let sends = record(17, 0, 1, b"CANARY");
        let conversation = [
            (Role::Client, asks.as_slice()),
            (Role::Server, &sends),
            (Role::Server, &sends),
        ];
        driver::check_cuts(&CLASSIFIER, &conversation);
        assert_eq!(
            driver::run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "reported dri.role=monitor",
                "reported dri.plug_id=17",
                "reported dri.level=6",
            ]
        );
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let probe = |bytes: &[u8]| driver::probe(&CLASSIFIER, bytes, driver::PORTS);
        let mut sum = record(1, 0, 1, b"x");
        let at = sum.len() - 2;
        sum[at] ^= 1;
        assert_eq!(probe(&sum), Verdict::Reject);
        assert_eq!(probe(&record(1, 9, 1, b"x")), Verdict::Reject);
        assert_eq!(probe(&record(1, 0, 1, b"x")[..20]), Verdict::NeedMore);
        // Point-to-point frames have the same flag.
        assert_eq!(probe(b"~\xff\x7f\xc0\x21\x01"), Verdict::Reject);
    }

    #[test]
    fn fuzz_line() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(512)
            .for_each(|input: &[u8]| driver::check_any(&CLASSIFIER, input, 1024));
    }
}
