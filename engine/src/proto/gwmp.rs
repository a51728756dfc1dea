//! Semtech's packet forwarder (protocol versions 1 and 2; port 1700): that a LoRa gateway is there,
//! by its EUI. It reads no radio packet, no position and no statistics.
//!
//! ```text
//! version u8 | token u16 | kind u8 | [gateway 8] | [JSON]
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::hex;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Gwmp,
    transport: Transport::Udp,
    ports: PORTS,
    first: &[1, 2],
    marks: &[],
    probe,
    session: || Box::new(Gateway::default()),
};

const PORTS: &[u16] = &[1700];

const PUSH: u8 = 0;
const PUSHED: u8 = 1;
const PULL: u8 = 2;
const SEND: u8 = 3;
const PULLED: u8 = 4;
const SENT: u8 = 5;

/// How the JSON of a gateway and of a server begins.
const OF_GATEWAY: [&[u8]; 2] = [br#"{"rxpk":"#, br#"{"stat":"#];
const OF_SERVER: &[u8] = br#"{"txpk":"#;

/// One datagram.
struct Message {
    kind: u8,
    token: u16,
    gateway: Option<[u8; 8]>,
    /// The JSON begins as only this protocol's does.
    is_told: bool,
}

fn parse(bytes: &[u8]) -> Option<Message> {
    let mut reader = Reader(bytes);
    let (version, token, kind) = (reader.u8()?, reader.u16()?, reader.u8()?);
    if !matches!(version, 1 | 2) {
        return None;
    }
    let gateway = match kind {
        PUSH | PULL | SENT => Some(*reader.take(8)?.first_chunk::<8>()?),
        _ => None,
    };
    let begins = |known: &&[u8]| reader.0.starts_with(known);
    let (is_told, fits) = match kind {
        PUSH => {
            let is_told = OF_GATEWAY.iter().any(begins);
            (is_told, is_told)
        }
        SEND => {
            let is_told = begins(&OF_SERVER);
            (is_told, is_told)
        }
        PUSHED | PULL | PULLED => (false, reader.0.is_empty()),
        SENT => (false, reader.0.first().is_none_or(|byte| *byte == b'{')),
        _ => return None,
    };
    let is_sound = fits && gateway.is_none_or(|gateway| gateway != [0; 8] && gateway != [0xff; 8]);
    is_sound.then_some(Message {
        kind,
        token,
        gateway,
        is_told,
    })
}

/// Without JSON twelve bytes prove nothing, but for the port.
fn probe(segment: &Segment<'_>) -> Verdict {
    let (src, dst) = segment.ports;
    let hinted = PORTS.contains(&src) || PORTS.contains(&dst);
    match parse(segment.bytes) {
        Some(message) if message.is_told || (hinted && message.kind == PULL) => {
            Verdict::Match(match message.gateway {
                Some(_) => Role::Client,
                None => Role::Server,
            })
        }
        _ => Verdict::Reject,
    }
}

/// A gateway and its server.
#[derive(Default)]
struct Gateway {
    confirmed: bool,
    /// What the gateway sent last: an answer repeats its token.
    asked: Option<(u8, u16)>,
    told: Option<[u8; 8]>,
}

impl Session for Gateway {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let done = Progress::consumed(segment.bytes.len());
        let Some(message) = parse(segment.bytes) else {
            emit(Observation::Malformed);
            return done;
        };
        match message.gateway {
            Some(gateway) => {
                self.asked = Some((message.kind, message.token));
                if self.told != Some(gateway) {
                    self.told = Some(gateway);
                    says(
                        Field::GwmpGateway,
                        hex::<16>(&gateway, b"").as_bytes(),
                        emit,
                    );
                }
            }
            None => {
                let question = message.kind.checked_sub(PUSHED - PUSH);
                let question = match message.kind {
                    PULLED => Some(PULL),
                    _ => question,
                };
                let answers = self
                    .asked
                    .is_some_and(|(kind, token)| Some(kind) == question && token == message.token);
                if answers && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS as PLAYED, check_datagrams, datagrams, probe};
    use super::*;

    const PULL_DATA: &[u8] = b"\x02\x12\x34\x02\xaa\x55\x5a\0\0\0\x01\x01";
    const PULL_ACK: &[u8] = b"\x02\x12\x34\x04";
    const PUSH_DATA: &[u8] = b"\x02\x12\x35\0\xaa\x55\x5a\0\0\0\x01\x01{\"rxpk\":[{\"data\":\"\
        CANARY\"}]}";
    const PUSH_ACK: &[u8] = b"\x02\x12\x35\x01";

    #[test]
    fn a_gateway_is_there() {
        let expected = ["sender gwmp.gateway_eui=aa555a0000000101", "confirmed"];
        for (ask, answer) in [(PULL_DATA, PULL_ACK), (PUSH_DATA, PUSH_ACK)] {
            let said = datagrams(&CLASSIFIER, &[(Role::Client, ask), (Role::Server, answer)]);
            assert_eq!(said, expected);
        }
        let said = datagrams(
            &CLASSIFIER,
            &[(Role::Client, PULL_DATA), (Role::Server, PUSH_ACK)],
        );
        assert_eq!(said.len(), 1);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, PUSH_DATA, PLAYED), client);
        assert_eq!(probe(&CLASSIFIER, PULL_DATA, (50_000, 1700)), client);
        for bytes in [
            PULL_DATA,
            PULL_ACK,
            b"\x02\x12\x35\0\xaa\x55\x5a\0\0\0\x01\x01{\"other\":1}",
            b"\x03\x12\x35\0\xaa\x55\x5a\0\0\0\x01\x01{\"rxpk\":[]}",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_datagrams(&CLASSIFIER, bytes));
    }
}
