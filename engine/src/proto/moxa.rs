//! Moxa device servers: the search of their configuration tools on UDP 4800. It says that a device
//! server is there; model and serial number stand in bytes that no public document explains, and
//! are not read.

use medtap_table::vocabulary::{Field, Protocol};

use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Moxa,
    transport: Transport::Udp,
    ports: &[4800],
    first: &[0x01, 0x81],
    marks: &[],
    probe,
    session: || Box::new(Server::default()),
};

/// A search: command, zero, length, zeros.
const SEARCH: [u8; 8] = [1, 0, 0, 8, 0, 0, 0, 0];

/// An answer is a search's command with the highest bit set, and its own length.
const ANSWER: [u8; 4] = [0x81, 0, 0, 24];
const ANSWER_BYTES: usize = 24;

/// Where the answer holds the MAC address, and how Moxa's begin.
const MAC_AT: usize = 14;
const MOXA: [u8; 3] = [0x00, 0x90, 0xe8];

/// Who sent it, if it is a message.
fn read(segment: &Segment<'_>) -> Option<Role> {
    let bytes = segment.bytes;
    let is_moxa = bytes.get(MAC_AT..MAC_AT + MOXA.len()) == Some(&MOXA);
    match () {
        () if bytes == SEARCH => Some(Role::Client),
        () if bytes.starts_with(&ANSWER) && bytes.len() == ANSWER_BYTES && is_moxa => {
            Some(Role::Server)
        }
        () => None,
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    read(segment).map_or(Verdict::Reject, Verdict::Match)
}

/// A device server and who searches. The search is a broadcast, so the answer is its own proof.
#[derive(Default)]
struct Server {
    confirmed: bool,
}

impl Session for Server {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            Some(Role::Server) => {
                if !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field: Field::MoxaRole,
                    value: b"device_server",
                });
            }
            Some(_) => {}
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &[u8] =
        b"\x81\0\0\x18\0\0\0\0\x11\x54\x80\0\x01\x23\0\x90\xe8\x01\x02\x03\x0a\x14\x1e\x28";

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (4800, 50_000),
            cut: false,
        }
    }

    #[test]
    fn a_device_server_answers() {
        assert_eq!(probe(&segment(&SEARCH)), Verdict::Match(Role::Client));
        assert_eq!(probe(&segment(FOUND)), Verdict::Match(Role::Server));
        let mut said = Vec::new();
        Server::default().observe(&segment(FOUND), &mut |seen| said.push(format!("{seen:?}")));
        assert_eq!(said.len(), 2);
        assert!(said[1].contains("MoxaRole"));
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let mut other = FOUND.to_vec();
        other[15] = 0x91;
        for bytes in [&other, &FOUND[..23].to_vec(), &SEARCH[..7].to_vec()] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_messages() {
        bolero::check!().with_max_len(32).for_each(|bytes: &[u8]| {
            let _ = probe(&segment(bytes));
            Server::default().observe(&segment(bytes), &mut |_| {});
        });
    }
}
