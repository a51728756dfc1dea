//! LonWorks over IP (CEA-852, ISO/IEC 14908-4; ports 1628 and 1629): that a router or a
//! configuration server of such a network is there. It reads no packet that it tunnels.
//!
//! ```text
//! length u16 | version u8 | kind u8 | extension u8 | flags u8 | vendor u16 | session u32 |
//! sequence u32 | time u32 | …
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::says_number;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Cnip,
    transport: Transport::Udp,
    ports: PORTS,
    first: &[0, 1, 2, 3, 4, 5],
    marks: &[],
    probe,
    session: || Box::new(Channel::default()),
};

const PORTS: &[u16] = &[1628, 1629];

const VERSION: u8 = 1;
const HEADER_LEN: usize = 20;
/// Kinds of messages: data, registration, membership, routing, acknowledgement, requests and
/// answers of a set-up.
const fn is_known(kind: u8) -> bool {
    matches!(kind, 0x01 | 0x03..=0x08 | 0x60..=0x7f)
}

/// What a datagram says of who speaks: vendor, session, sequence. It is one message to its last
/// byte, or the first of several.
fn parse(segment: &Segment<'_>) -> Option<(u16, u32, u32)> {
    let (src, dst) = segment.ports;
    let mut reader = Reader(segment.bytes);
    let len = usize::from(reader.u16()?);
    let (version, kind, extension) = (reader.u8()?, reader.u8()?, reader.u8()?);
    reader.u8()?;
    let vendor = reader.u16()?;
    let mut number = || Some(u32::from(reader.u16()?) << 16 | u32::from(reader.u16()?));
    let (session, sequence, _time) = (number()?, number()?, number()?);
    let fits = len == segment.bytes.len() || (segment.cut && len > segment.bytes.len());
    let is_sound = PORTS.iter().any(|port| *port == src || *port == dst)
        && fits
        && version == VERSION
        && is_known(kind)
        && HEADER_LEN + 4 * usize::from(extension) <= len;
    is_sound.then_some((vendor, session, sequence))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    parse(segment).map_or(Verdict::Reject, |_| Verdict::Match(Role::Peer))
}

/// Routers of one channel. A session's number that stays and a sequence that goes on are no chance.
#[derive(Default)]
struct Channel {
    confirmed: bool,
    last: Option<(u16, u32, u32)>,
}

impl Session for Channel {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let done = Progress::consumed(segment.bytes.len());
        let Some((vendor, session, sequence)) = parse(segment) else {
            emit(Observation::Malformed);
            return done;
        };
        let goes_on = self.last.is_some_and(|(_, known, last)| {
            known == session && session != 0 && (1..=16).contains(&sequence.wrapping_sub(last))
        });
        if self.last.is_none_or(|(known, ..)| known != vendor) {
            says_number(Field::CnipVendor, vendor.into(), emit);
        }
        self.last = Some((vendor, session, sequence));
        if goes_on && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS as PLAYED, check_datagrams, probe};
    use super::*;

    fn message(sequence: u8) -> Vec<u8> {
        let mut out = vec![0, 24, VERSION, 1, 0, 0, 0, 1, 9, 9, 9, 9, 0, 0, 0, sequence];
        out.extend([0, 0, 0, 5]);
        out.extend(b"CNRY");
        out
    }

    fn say(messages: &[Vec<u8>]) -> Vec<String> {
        let mut channel = Channel::default();
        let mut said = Vec::new();
        for bytes in messages {
            let segment = Segment {
                bytes,
                from: Role::Peer,
                time_ns: 0,
                ports: (1628, 1628),
                cut: false,
            };
            channel.observe(&segment, &mut |seen| said.push(format!("{seen:?}")));
        }
        said
    }

    #[test]
    fn a_sequence_that_goes_on_is_believed() {
        assert_eq!(say(&[message(1)]).len(), 1);
        let said = say(&[message(1), message(2), message(3)]);
        assert_eq!(said[1..], ["Confirmed"]);
        assert!(said[0].contains("CnipVendor"));
        assert_eq!(say(&[message(1), message(1)]).len(), 1);
    }

    #[test]
    fn probes() {
        let peer = Verdict::Match(Role::Peer);
        assert_eq!(probe(&CLASSIFIER, &message(1), (1628, 1628)), peer);
        assert_eq!(probe(&CLASSIFIER, &message(1), PLAYED), Verdict::Reject);
        let mut version = message(1);
        version[2] = 2;
        for bytes in [&version[..], &message(1)[..23]] {
            assert_eq!(probe(&CLASSIFIER, bytes, (1628, 1628)), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_datagrams(&CLASSIFIER, bytes));
    }
}
