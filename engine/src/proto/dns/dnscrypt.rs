//! DNSCrypt (<https://dnscrypt.info/protocol>), versions 1 and 2, over UDP and TCP: that questions
//! of DNS are asked and answered encrypted. Nothing else of it can be read.
//!
//! ```text
//! question  magic of the resolver's key 8 | public key 32 | nonce 12 | sealed
//! answer    "r6fnvWj8" | nonce of the question 12 | nonce 12 | sealed
//! ```
//!
//! A question begins with what only its resolver knows: an answer proves the conversation.

use medtap_table::vocabulary::{Field, Protocol};

use super::PREFIX_LEN;
use crate::observe::{Emit, Observation, Role, Subject};
use crate::proto::reader::Reader;
use crate::proto::{Classifier, Mark, Progress, Segment, Session, Transport, Verdict};

/// The row of DNSCrypt in datagrams.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Dns,
    transport: Transport::Udp,
    ports: PORTS,
    first: &[MAGIC[0]],
    marks: &[Mark::At(2, &[MAGIC[2]]), Mark::At(4, &[MAGIC[4]])],
    probe: |segment| match is_answer(segment.bytes) {
        true => Verdict::Match(Role::Server),
        false => Verdict::Reject,
    },
    session: || Box::new(Exchange::default()),
};

/// The row of DNSCrypt in a stream: each message follows its length.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Dns,
    transport: Transport::Tcp,
    ports: PORTS,
    first: super::super::ANY,
    marks: &[
        Mark::At(2, &[MAGIC[0]]),
        Mark::At(3, &[MAGIC[1]]),
        Mark::At(4, &[MAGIC[2]]),
    ],
    probe: probe_stream,
    session: || {
        Box::new(Exchange {
            is_framed: true,
            ..Exchange::default()
        })
    },
};

const PORTS: &[u16] = &[443, 5353, 8443];

const MAGIC: &[u8; 8] = b"r6fnvWj8";
const NONCE_LEN: usize = 12;
/// What stands before the nonce of a question.
const KEYS_LEN: usize = 8 + 32;
/// Magic, both nonces, the seal of the answer and the shortest message of DNS.
const ANSWER_LEN_MIN: usize = 8 + 2 * NONCE_LEN + 16 + 12;

fn is_answer(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) && bytes.len() >= ANSWER_LEN_MIN
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let Some((len, message)) = segment.bytes.split_first_chunk::<PREFIX_LEN>() else {
        return waits(segment);
    };
    let len = usize::from(u16::from_be_bytes(*len));
    let there = message.len().min(MAGIC.len());
    if len < ANSWER_LEN_MIN || message.get(..there) != MAGIC.get(..there) {
        return Verdict::Reject;
    }
    match there == MAGIC.len() {
        true => Verdict::Match(Role::Server),
        false => waits(segment),
    }
}

fn waits(segment: &Segment<'_>) -> Verdict {
    match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    }
}

/// What one conversation has said so far.
#[derive(Default)]
struct Exchange {
    is_framed: bool,
    asked: Option<[u8; NONCE_LEN]>,
    said: bool,
}

impl Session for Exchange {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut reader = Reader(segment.bytes);
        let message = match self.is_framed {
            false => reader.take(segment.bytes.len()),
            true => reader.block16(),
        };
        let Some(message) = message else {
            return match segment.cut {
                true => Progress::DONE,
                false => Progress::consumed(0),
            };
        };
        match segment.from {
            Role::Server if self.answer(message, emit) => Progress::DONE,
            Role::Server => Progress::consumed(segment.bytes.len() - reader.0.len()),
            Role::Client | Role::Peer => {
                let nonce = message.get(KEYS_LEN..).and_then(|rest| rest.first_chunk());
                self.asked = nonce.copied().or(self.asked);
                Progress::consumed(segment.bytes.len() - reader.0.len())
            }
        }
    }
}

impl Exchange {
    /// True once the question that it answers was seen.
    fn answer(&mut self, message: &[u8], emit: Emit<'_>) -> bool {
        if !is_answer(message) {
            return false;
        }
        let nonce = message
            .get(MAGIC.len()..)
            .and_then(|rest| rest.first_chunk());
        let is_confirmed = nonce.is_some() && self.asked.as_ref() == nonce;
        if is_confirmed {
            emit(Observation::Confirmed);
        }
        if !self.said {
            self.said = true;
            emit(Observation::Encrypted);
            emit(Observation::Fact {
                subject: Subject::Sender,
                field: Field::DnsServer,
                value: b"answers",
            });
        }
        is_confirmed
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;

    const NONCE: &[u8] = b"twelve bytes";

    fn question(nonce: &[u8]) -> Vec<u8> {
        [&[7; KEYS_LEN][..], nonce, &[8; 80]].concat()
    }

    fn answer(nonce: &[u8]) -> Vec<u8> {
        [MAGIC, nonce, b"other twelve", &[9; 64]].concat()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u16).to_be_bytes()[..], message].concat()
    }

    #[test]
    fn an_answer_proves_it_and_its_nonce_confirms() {
        let (question, answer, other) = (question(NONCE), answer(NONCE), answer(b"another one."));
        assert_eq!(probe(&OVER_UDP, &question, PORTS), Verdict::Reject);
        assert_eq!(
            probe(&OVER_UDP, &answer, PORTS),
            Verdict::Match(Role::Server)
        );
        let server = "sender dns.server=answers";
        let said = |last: &[u8]| {
            let asked = (Role::Client, &question[..]);
            run(&OVER_UDP, &[asked, (Role::Server, last)])
        };
        assert_eq!(said(&answer), ["confirmed", "encrypted", server]);
        assert_eq!(said(&other), ["encrypted", server]);
        assert!(said(&answer[..ANSWER_LEN_MIN - 1]).is_empty());
    }

    #[test]
    fn a_stream_cut_anywhere_says_the_same() {
        let (question, answer) = (framed(&question(NONCE)), framed(&answer(NONCE)));
        let conversation = [(Role::Client, &question[..]), (Role::Server, &answer)];
        check_cuts(&OVER_TCP, &conversation);
        assert_eq!(run(&OVER_TCP, &conversation).len(), 3);
        for len in 1..answer.len() {
            let expected = match len {
                ..10 => Verdict::NeedMore,
                _ => Verdict::Match(Role::Server),
            };
            assert_eq!(probe(&OVER_TCP, &answer[..len], PORTS), expected, "{len}");
        }
        assert_eq!(probe(&OVER_TCP, &question, PORTS), Verdict::Reject);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let held_max = usize::from(u16::MAX) + PREFIX_LEN + 64;
            check_any(&OVER_TCP, bytes, held_max);
            check_any(&OVER_UDP, &[MAGIC, bytes].concat(), usize::MAX);
        });
    }
}
