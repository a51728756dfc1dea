//! TFTP (RFC 1350, RFC 2347; port 69): that files are asked for and sent without any log-in. It
//! reads no name of a file and no byte of one.
//!
//! A request goes to the port; the data come from another one, in another conversation.

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Tftp,
    transport: Transport::Udp,
    ports: &[69],
    first: &[0],
    marks: &[],
    probe,
    session: || Box::new(Transfer::default()),
};

/// Kinds of packets, RFC 1350 section 5, RFC 2347.
const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACKNOWLEDGEMENT: u16 = 4;
const OPTIONS: u16 = 6;

/// The longest request: a file's name, a mode, a few options (RFC 2347).
const REQUEST_LEN_MAX: usize = 512;
/// The largest block, RFC 2348.
const BLOCK_LEN_MAX: usize = 65_464;

/// A packet, as far as it is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packet {
    Request,
    Data(u16),
    Acknowledgement(u16),
    Options,
}

fn parse(bytes: &[u8]) -> Option<Packet> {
    let mut reader = Reader(bytes);
    let kind = reader.u16()?;
    match kind {
        READ | WRITE => is_request(reader.0).then_some(Packet::Request),
        DATA if reader.0.len() <= BLOCK_LEN_MAX + 2 => Some(Packet::Data(reader.u16()?)),
        ACKNOWLEDGEMENT if bytes.len() == 4 => Some(Packet::Acknowledgement(reader.u16()?)),
        OPTIONS => are_options(reader.0).then_some(Packet::Options),
        _ => None,
    }
}

/// A name, a mode and options, each with its 0, up to the end.
fn is_request(bytes: &[u8]) -> bool {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let (Some(name), Some(mode), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let modes: [&[u8]; 3] = [b"octet", b"netascii", b"mail"];
    bytes.len() <= REQUEST_LEN_MAX
        && !name.is_empty()
        && !name.iter().any(u8::is_ascii_control)
        && modes.iter().any(|known| mode.eq_ignore_ascii_case(known))
        && (rest.is_empty() || are_options(rest))
}

fn are_options(bytes: &[u8]) -> bool {
    let Some(bytes) = bytes.strip_suffix(&[0]) else {
        return false;
    };
    let mut count = 0;
    let mut are_text = true;
    for part in bytes.split(|byte| *byte == 0) {
        count += 1;
        are_text &= !part.is_empty() && part.iter().all(u8::is_ascii_graphic);
    }
    are_text && count % 2 == 0 && bytes.len() <= REQUEST_LEN_MAX
}

/// A request proves itself. Of a transfer, a first packet alone does not.
fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment.bytes) {
        Some(Packet::Request) => Verdict::Match(Role::Client),
        Some(Packet::Data(1) | Packet::Options) => Verdict::Possible(Role::Peer),
        Some(Packet::Acknowledgement(0)) => Verdict::Possible(Role::Peer),
        _ => Verdict::Reject,
    }
}

/// One conversation: a request, or a transfer.
#[derive(Default)]
struct Transfer {
    /// What came before, and who sent it by its port.
    last: Option<(Packet, u16)>,
}

impl Session for Transfer {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let Some(packet) = parse(segment.bytes) else {
            return Progress::DONE;
        };
        if packet == Packet::Request {
            // Nobody answers in this conversation, and its form is proof.
            emit(Observation::Confirmed);
            says(Field::TftpRole, b"client", emit);
            return Progress::DONE;
        }
        let sender = segment.ports.0;
        let answers = match (self.last, packet) {
            (Some((Packet::Data(sent), by)), Packet::Acknowledgement(taken)) => {
                sent == taken && by != sender
            }
            (Some((Packet::Options, by)), Packet::Acknowledgement(0) | Packet::Data(1)) => {
                by != sender
            }
            (Some((Packet::Acknowledgement(0), by)), Packet::Data(1)) => by != sender,
            (None, _) => {
                self.last = Some((packet, sender));
                return Progress::consumed(segment.bytes.len());
            }
            _ => false,
        };
        if answers {
            emit(Observation::Confirmed);
        }
        Progress::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    #[test]
    fn a_request_is_told_and_no_file() {
        let ask = b"\0\x01CANARY.cfg\0octet\0blksize\x001428\0";
        let said = run(&CLASSIFIER, &[(Role::Client, ask)]);
        assert_eq!(said, ["confirmed", "sender tftp.role=client"]);
    }

    #[test]
    fn a_transfer_is_proved_by_its_answer() {
        let data = b"\0\x03\0\x01CANARY";
        let talk: [(Role, &[u8]); 2] = [(Role::Server, data), (Role::Client, b"\0\x04\0\x01")];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed"]);
        let talk: [(Role, &[u8]); 2] = [(Role::Server, data), (Role::Client, b"\0\x04\0\x02")];
        assert!(run(&CLASSIFIER, &talk).is_empty());
        let talk: [(Role, &[u8]); 2] = [
            (Role::Server, b"\0\x06blksize\x001428\0"),
            (Role::Client, b"\0\x04\0\0"),
        ];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let ask = probe(&CLASSIFIER, b"\0\x02a\0NetASCII\0", PORTS);
        assert_eq!(ask, Verdict::Match(Role::Client));
        let data = probe(&CLASSIFIER, b"\0\x03\0\x01x", PORTS);
        assert_eq!(data, Verdict::Possible(Role::Peer));
        for bytes in [
            &b"\0\x01\0octet\0"[..],
            b"\0\x01a\0binary\0",
            b"\0\x01a\0octet",
            b"\0\x01a\0octet\0x\0",
            b"\0\x04\0\0\0",
            b"\0\x05\0\0",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, usize::MAX));
    }
}
