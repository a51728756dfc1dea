//! Lantronix device servers: the query and set-up protocol on UDP 30718 (77FE). It says that a
//! device server is there, and that somebody changed its set-up; of a set-up record, which holds
//! a password, it reads nothing.

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Lantronix,
    transport: Transport::Udp,
    ports: &[PORT],
    first: &[0],
    marks: &[],
    probe,
    session: || Box::new(Server::default()),
};

const PORT: u16 = 30_718;

/// Lengths of the answer about firmware (UDS-10 User Guide chapter 8; newer ones add the MAC
/// address) and of a set-up record with its four bytes before it.
const FIRMWARE_BYTES: std::ops::RangeInclusive<usize> = 24..=30;
const SETUP_BYTES: std::ops::RangeInclusive<usize> = 120..=136;

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    /// A question, or a set-up that is to be taken.
    Ask,
    Set,
    /// An answer.
    Answer,
}

/// The message, by its command and the length that goes with it.
fn read(segment: &Segment<'_>) -> Option<Message> {
    let (src, dst) = segment.ports;
    let [0, 0, 0, command, rest @ ..] = segment.bytes else {
        return None;
    };
    let len = segment.bytes.len();
    let message = match command {
        0xf6 | 0xf8 if rest.is_empty() => Message::Ask,
        0xfa | 0xfd if SETUP_BYTES.contains(&len) => Message::Set,
        0xf7 if FIRMWARE_BYTES.contains(&len) => Message::Answer,
        0xf9 if SETUP_BYTES.contains(&len) => Message::Answer,
        0xfb if rest.is_empty() => Message::Answer,
        _ => return None,
    };
    // Four bytes are no proof: the port that they come from or go to must be the protocol's.
    let port = match message {
        Message::Answer => src,
        _ => dst,
    };
    (port == PORT && !segment.cut).then_some(message)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        Some(Message::Answer) => Verdict::Match(Role::Server),
        Some(_) => Verdict::Match(Role::Client),
        None => Verdict::Reject,
    }
}

/// A device server and who asks it.
#[derive(Default)]
struct Server {
    asked: bool,
    confirmed: bool,
}

impl Session for Server {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            Some(Message::Ask) => self.asked = true,
            Some(Message::Set) => {
                self.asked = true;
                emit(Observation::Event {
                    subject: Subject::Receiver,
                    event: Event::SerialServerConfigured,
                });
            }
            Some(Message::Answer) => {
                if self.asked && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field: Field::LantronixRole,
                    value: b"device_server",
                });
            }
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(bytes: &[u8], ports: (u16, u16)) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports,
            cut: false,
        }
    }

    const ASK: (u16, u16) = (50_000, PORT);
    const ANSWER: (u16, u16) = (PORT, 50_000);

    fn setup(command: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, command];
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(b"CANARY");
        bytes.resize(124, 0);
        bytes
    }

    #[test]
    fn a_device_server_answers_and_is_set_up() {
        let mut firmware = vec![0, 0, 0, 0xf7];
        firmware.resize(24, 1);
        let mut said = Vec::new();
        let mut server = Server::default();
        for (bytes, ports) in [
            (&[0, 0, 0, 0xf6][..], ASK),
            (&firmware, ANSWER),
            (&setup(0xf9), ANSWER),
            (&setup(0xfa), ASK),
        ] {
            server.observe(&segment(bytes, ports), &mut |seen| {
                said.push(format!("{seen:?}"));
            });
        }
        assert_eq!(said.len(), 4);
        assert_eq!(said[0], "Confirmed");
        assert!(said[1].contains("LantronixRole"));
        assert!(said[3].contains("SerialServerConfigured"));
        assert!(!said.concat().contains("67, 65, 78"));
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for (bytes, ports) in [
            (&[0, 0, 0, 0xf6][..], (1, 2)),
            (&[0, 0, 0, 0xf6], ANSWER),
            (&[0, 0, 0, 0xf7], ANSWER),
            (&[0, 0, 0, 0xf5], ASK),
            (&setup(0xf9)[..100], ANSWER),
        ] {
            assert_eq!(probe(&segment(bytes, ports)), Verdict::Reject);
        }
        assert_eq!(
            probe(&segment(&setup(0xfd), ASK)),
            Verdict::Match(Role::Client)
        );
    }

    #[test]
    fn fuzz_messages() {
        bolero::check!().with_max_len(160).for_each(|bytes: &[u8]| {
            for ports in [ASK, ANSWER] {
                let _ = probe(&segment(bytes, ports));
                let mixed = [&[0, 0, 0], bytes].concat();
                Server::default().observe(&segment(&mixed, ports), &mut |_| {});
            }
        });
    }
}
