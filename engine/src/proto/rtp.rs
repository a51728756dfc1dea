//! RTP and RTCP (RFC 3550): that voice or pictures flow. It reads no name of a source (SDES), no
//! number of a call and nothing of what is sent.
//!
//! ```text
//! RTP    version 2 bits, padding, extension, sources 4 | marker, type 7 | sequence u16
//!        | time u32 | source u32
//! RTCP   version 2 bits, padding, count 5 | type u8 | words u16 | source u32 | … and again
//! ```

use medtap_table::vocabulary::Protocol;

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::RTP_DATAGRAMS_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of RTP.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Rtp,
    transport: Transport::Udp,
    ports: &[],
    first: &FIRST,
    marks: &[],
    probe: |segment| match Packet::parse(segment.bytes) {
        Some(_) => Verdict::Possible(Role::Peer),
        None => Verdict::Reject,
    },
    session: || Box::new(Stream::default()),
};

/// The row of RTCP.
pub const CONTROL: Classifier = Classifier {
    protocol: Protocol::Rtcp,
    transport: Transport::Udp,
    ports: &[],
    first: &FIRST,
    marks: &[],
    probe: probe_control,
    session: || Box::new(Control::default()),
};

/// Version 2.
const FIRST: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = 0x80 | at as u8;
        at += 1;
    }
    bytes
};

/// Packets in a row that prove a stream: numbers that count up by chance are rare enough.
const ROW: u8 = 5;

/// A packet of RTP with a type that is assigned or dynamic (RFC 3551).
#[derive(Clone, Copy)]
struct Packet {
    kind: u8,
    sequence: u16,
    source: u32,
}

impl Packet {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let first = reader.u8().filter(|first| first >> 6 == 2)?;
        let kind = reader.u8()? & 0x7f;
        let sequence = reader.u16()?;
        reader.u32()?;
        let source = reader.u32()?;
        reader.take(usize::from(first & 15) * 4)?;
        if first & 0x10 != 0 {
            reader.u16()?;
            let words = reader.u16()?;
            reader.take(usize::from(words) * 4)?;
        }
        let is_kind = kind <= 34 || kind >= 96;
        (is_kind && source != 0 && !reader.0.is_empty()).then_some(Self {
            kind,
            sequence,
            source,
        })
    }
}

/// The last packet of each end, and how many came in a row.
#[derive(Default)]
struct Stream {
    last: [Option<(Packet, u8)>; 2],
    /// Who sent first, by its port.
    port: u16,
    datagrams: u16,
}

impl Session for Stream {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if self.datagrams == 0 {
            self.port = segment.ports.0;
        }
        self.datagrams += 1;
        let side = usize::from(segment.ports.0 != self.port);
        // Control may share the ports (RFC 5761), and so may what opened them.
        if let Some(packet) = Packet::parse(segment.bytes)
            && let Some(last) = self.last.get_mut(side)
        {
            let row = match *last {
                Some((before, row))
                    if before.source == packet.source
                        && before.kind == packet.kind
                        && before.sequence.wrapping_add(1) == packet.sequence =>
                {
                    row + 1
                }
                _ => 1,
            };
            *last = Some((packet, row));
            if row >= ROW {
                emit(Observation::Confirmed);
                return Progress::DONE;
            }
        }
        match self.datagrams >= RTP_DATAGRAMS_MAX {
            true => Progress::DONE,
            false => Progress::consumed(segment.bytes.len()),
        }
    }
}

/// Types of RTCP, RFC 3550 section 12.1 and RFC 4585.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const KIND_MAX: u8 = 207;

/// The source of a datagram whose packets fill it, and whether a description follows the report,
/// as every such datagram must have it (section 6.1).
fn control(bytes: &[u8]) -> Option<(u32, bool)> {
    let mut reader = Reader(bytes);
    let mut source = None;
    let mut is_described = false;
    while !reader.0.is_empty() {
        let first = reader.u8().filter(|first| first >> 6 == 2)?;
        let kind = reader.u8()?;
        let words = usize::from(reader.u16()?);
        let body = reader.take(words * 4)?;
        let count = usize::from(first & 31);
        match (source, kind) {
            (None, SENDER_REPORT) if body.len() >= 24 + count * 24 => {}
            (None, RECEIVER_REPORT) if body.len() >= 4 + count * 24 => {}
            (None, _) => return None,
            (Some(_), SENDER_REPORT..=KIND_MAX) => is_described |= kind == DESCRIPTION,
            _ => return None,
        }
        source = source.or(Reader(body).u32());
    }
    Some((source?, is_described))
}

/// The source of a report of which all but the head is encrypted (RFC 3711, section 3.4): behind it
/// stand at least an index and a tag.
fn protected(bytes: &[u8]) -> Option<u32> {
    const TRAILER_LEN_MIN: usize = 8;
    let mut reader = Reader(bytes);
    let first = reader.u8().filter(|first| first >> 6 == 2)?;
    let kind = reader.u8()?;
    let words = usize::from(reader.u16()?);
    let count = usize::from(first & 31);
    let source = Reader(reader.0).u32().filter(|source| *source != 0)?;
    let least = match kind {
        SENDER_REPORT => 6,
        RECEIVER_REPORT => 1,
        _ => return None,
    };
    let fits = words >= least + 6 * count && reader.0.len() >= words * 4 + TRAILER_LEN_MIN;
    fits.then_some(source)
}

fn probe_control(segment: &Segment<'_>) -> Verdict {
    match control(segment.bytes) {
        Some((_, true)) => Verdict::Match(Role::Peer),
        Some(_) => Verdict::Possible(Role::Peer),
        None if protected(segment.bytes).is_some() => Verdict::Possible(Role::Peer),
        None => Verdict::Reject,
    }
}

/// The source of the last report.
#[derive(Default)]
struct Control(Option<u32>);

impl Session for Control {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let clear = control(segment.bytes);
        let hidden = || protected(segment.bytes).map(|source| (source, false));
        let Some((source, is_described)) = clear.or_else(hidden) else {
            return Progress::DONE;
        };
        if is_described || self.0 == Some(source) {
            emit(Observation::Confirmed);
            return Progress::DONE;
        }
        self.0 = Some(source);
        Progress::consumed(segment.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    fn packet(sequence: u16, source: u8) -> Vec<u8> {
        let mut bytes = vec![0x80, 8];
        bytes.extend(sequence.to_be_bytes());
        bytes.extend([0, 0, 0, 160, 1, 2, 3, source, b'v']);
        bytes
    }

    fn say(packets: &[Vec<u8>]) -> Vec<String> {
        let talk: Vec<_> = packets.iter().map(|p| (Role::Client, &p[..])).collect();
        run(&CLASSIFIER, &talk)
    }

    #[test]
    fn numbers_in_a_row_prove_a_stream() {
        let row: Vec<_> = (0..5)
            .map(|at| packet(65_533u16.wrapping_add(at), 4))
            .collect();
        assert_eq!(say(&row), ["confirmed"]);
        assert!(say(&row[..4]).is_empty());
        let mut hole = row.clone();
        hole.remove(2);
        assert!(say(&hole).is_empty());
        let sources: Vec<_> = (0..5).map(|at| packet(at, at as u8)).collect();
        assert!(say(&sources).is_empty());
    }

    const REPORT: &[u8] = b"\x80\xc9\0\x01\x01\x02\x03\x04";
    const DESCRIBED: &[u8] = b"\x80\xc9\0\x01\x01\x02\x03\x04\x81\xca\0\x04\x01\x02\x03\x04\
        \x01\x06CANARY\0\0\0\0";

    #[test]
    fn a_report_with_its_description_is_control() {
        let peer = Verdict::Match(Role::Peer);
        assert_eq!(probe(&CONTROL, DESCRIBED, PORTS), peer);
        let possible = Verdict::Possible(Role::Peer);
        assert_eq!(probe(&CONTROL, REPORT, PORTS), possible);
        let once = [(Role::Client, REPORT)];
        assert!(run(&CONTROL, &once).is_empty());
        let twice = [(Role::Client, REPORT), (Role::Client, REPORT)];
        assert_eq!(run(&CONTROL, &twice), ["confirmed"]);
        assert_eq!(run(&CONTROL, &[(Role::Client, DESCRIBED)]), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let possible = Verdict::Possible(Role::Peer);
        assert_eq!(probe(&CLASSIFIER, &packet(1, 1), PORTS), possible);
        for (at, value) in [(0, 0x40), (0, 0x8f), (1, 72), (0, 0x90)] {
            let mut bytes = packet(1, 1);
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, PORTS), Verdict::Reject, "{at}");
        }
        for (at, value) in [(1, 202), (0, 0x81)] {
            let mut bytes = DESCRIBED.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&CONTROL, &bytes, PORTS), Verdict::Reject, "{at}");
        }
        // Behind its first eight bytes a report may be encrypted.
        let mut hidden = DESCRIBED.to_vec();
        hidden[9] = 99;
        assert_eq!(probe(&CONTROL, &hidden, PORTS), possible);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, usize::MAX);
            check_any(&CONTROL, bytes, usize::MAX);
            run(&CONTROL, &[(Role::Client, &[REPORT, bytes].concat())]);
        });
    }
}
