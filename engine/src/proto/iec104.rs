//! IEC 60870-5-104 (port 2404): that a station is controlled over it, and the station's address. It
//! reads no value, no state and no command.
//!
//! ```text
//! 68 | length u8 | control 4 | unit: type u8 | number u8 | cause u8 u8 | station u16 | …   (LE)
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::says_number;
use super::{Classifier, Progress, Segment, Transport, Verdict, ports};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Iec104,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &[START],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const PORTS: &[u16] = &[2404];

const START: u8 = 0x68;
/// Start and length.
const HEADER_LEN: usize = 2;
const CONTROL_LEN: usize = 4;
const LENGTH_MAX: u8 = 253;
/// Type, number, cause, originator, station, and the address of one object.
const UNIT_LEN_MIN: usize = 9;

/// What a message without a number says, section 5.1: it begins, ends or tests the transfer.
const START_ACTIVATE: u8 = 0x07;
const START_CONFIRM: u8 = 0x0b;
const TEST_ACTIVATE: u8 = 0x43;
const UNNUMBERED: [u8; 6] = [
    START_ACTIVATE,
    START_CONFIRM,
    0x13,
    0x23,
    TEST_ACTIVATE,
    0x83,
];

/// One message.
#[derive(Clone, Copy)]
enum Message<'a> {
    /// It begins, ends or tests the transfer.
    Unnumbered(u8),
    /// It acknowledges.
    Supervisory,
    /// It carries a unit of data.
    Unit(&'a [u8]),
}

/// The first message and its length. `Some(None)`: the bytes so far are a beginning.
fn parse(bytes: &[u8]) -> Option<Option<(Message<'_>, usize)>> {
    let Some(&[start, len]) = bytes.first_chunk::<HEADER_LEN>() else {
        return bytes.iter().all(|byte| *byte == START).then_some(None);
    };
    let counted = usize::from(len);
    if start != START || !(CONTROL_LEN..=usize::from(LENGTH_MAX)).contains(&counted) {
        return None;
    }
    let Some(body) = bytes.get(HEADER_LEN..HEADER_LEN + counted) else {
        // Whatever it is, the lowest bit of its third control byte is 0.
        let could = bytes.get(HEADER_LEN + 2).is_none_or(|byte| byte & 1 == 0);
        return could.then_some(None);
    };
    let (&[a, b, c, d], unit) = body.split_first_chunk::<CONTROL_LEN>()?;
    let message = match (a & 3, unit) {
        (3, []) if UNNUMBERED.contains(&a) && [b, c, d] == [0; 3] => Message::Unnumbered(a),
        (1, []) if a == 1 && b == 0 && c & 1 == 0 => Message::Supervisory,
        (0 | 2, unit) if c & 1 == 0 && is_unit(unit) => Message::Unit(unit),
        _ => return None,
    };
    Some(Some((message, HEADER_LEN + counted)))
}

/// Types that are assigned, with objects, and a cause that is; section 7.2 of part 5-101.
fn is_unit(unit: &[u8]) -> bool {
    let Some([kind, number, cause, ..]) = unit.first_chunk::<UNIT_LEN_MIN>() else {
        return false;
    };
    let is_known =
        matches!(kind, 1..=40 | 45..=51 | 58..=64 | 70 | 100..=107 | 110..=113 | 120..=127);
    is_known && number & 0x7f != 0 && matches!(cause & 0x3f, 1..=13 | 20..=47)
}

/// A unit of data proves little by itself: without the port it needs a message of the other kinds.
fn probe(segment: &Segment<'_>) -> Verdict {
    let by_ports = || ports::role_of_sender(segment, PORTS);
    let (src, dst) = segment.ports;
    let hinted = PORTS.contains(&src) || PORTS.contains(&dst);
    match parse(segment.bytes) {
        Some(Some((Message::Unnumbered(START_ACTIVATE), _))) => Verdict::Match(Role::Client),
        Some(Some((Message::Unnumbered(START_CONFIRM), _))) => Verdict::Match(Role::Server),
        Some(Some((Message::Unnumbered(_), _))) => Verdict::Match(by_ports()),
        Some(Some(_)) if hinted => Verdict::Match(by_ports()),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    /// Both ends have spoken: the one that controls, the one that is controlled.
    spoke: [bool; 2],
    station: Option<u16>,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let (message, len) = match parse(segment.bytes) {
            Some(Some(found)) => found,
            Some(None) if !segment.cut => return Progress::consumed(0),
            Some(None) => return Progress::DONE,
            None => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        let is_controlled = segment.from == Role::Server;
        if let Some(spoke) = self.spoke.get_mut(usize::from(is_controlled)) {
            *spoke = true;
        }
        if !self.confirmed && self.spoke == [true; 2] {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if is_controlled {
            if self.station.is_none() {
                says(Field::Iec104Role, b"controlled_station", emit);
                self.station = Some(0);
            }
            self.told(message, emit);
        }
        Progress::consumed(len)
    }
}

impl Session {
    /// The station's own address, once each time it changes.
    fn told(&mut self, message: Message<'_>, emit: Emit<'_>) {
        let Message::Unit([_, _, _, _, low, high, ..]) = message else {
            return;
        };
        let station = u16::from_le_bytes([*low, *high]);
        // All stations at once.
        if station != u16::MAX && station != 0 && self.station != Some(station) {
            self.station = Some(station);
            says_number(Field::Iec104Address, station.into(), emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS as PLAYED, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ACTIVATE: &[u8] = b"\x68\x04\x07\0\0\0";
    const CONFIRM: &[u8] = b"\x68\x04\x0b\0\0\0";
    const VALUE: &[u8] = b"\x68\x1a\x9a\0\x28\0\x0d\x02\x01\0\x03\0\x14\x05\0\0\0\xf0\x41\0\x15\
        \x05\0\0\0\x31\x44\0";

    #[test]
    fn a_station_is_controlled() {
        let conversation = [
            (Role::Client, ACTIVATE),
            (Role::Server, CONFIRM),
            (Role::Server, VALUE),
            (Role::Server, VALUE),
            (Role::Client, &b"\x68\x04\x01\0\x9c\0"[..]),
        ];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "sender iec60870_104.role=controlled_station",
                "sender iec60870_asdu.addr=3",
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, ACTIVATE, PLAYED), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, VALUE, (2404, 50_000)), server);
        for bytes in [
            VALUE,
            b"\x68\x04\x08\0\0\0",
            b"\x68\x03\x07\0\0",
            b"\x68\x04\x07\0\0\x01",
            b"hello, world",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
