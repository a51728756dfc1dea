//! WireGuard (its whitepaper, section 5.4; port 51820): that two ends have a tunnel. Nothing of it
//! can be read, and nothing is told of the ends but that.
//!
//! ```text
//! initiation 1, 0, 0, 0 | sender u32 | … 148 bytes
//! answer     2, 0, 0, 0 | sender u32 | receiver u32 | … 92 bytes
//! data       4, 0, 0, 0 | receiver u32 | counter u64 | sealed, a multiple of 16
//! ```

use medtap_table::vocabulary::Protocol;

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict, ports};
use crate::config::WG_DATAGRAMS_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Wg,
    transport: Transport::Udp,
    ports: PORTS,
    first: &[1, 2, 4],
    marks: &[],
    probe,
    session: || Box::new(Tunnel::default()),
};

const PORTS: &[u16] = &[51820];

const INITIATION_LEN: usize = 148;
const ANSWER_LEN: usize = 92;
const DATA_LEN_MIN: usize = 32;
/// Messages in a row of one end that prove a tunnel whose handshake was not seen.
const ROW: u8 = 3;

/// A message, as far as its length and its zeros make it one.
#[derive(Clone, Copy)]
enum Message {
    Initiation(u32),
    Answer(u32),
    /// The receiver's number and the counter.
    Data(u32, u64),
}

fn parse(bytes: &[u8]) -> Option<Message> {
    let mut reader = Reader(bytes);
    let kind = reader.u32()?.to_be_bytes();
    let first = reader.u32()?;
    match (kind, bytes.len()) {
        ([1, 0, 0, 0], INITIATION_LEN) => Some(Message::Initiation(first)),
        ([2, 0, 0, 0], ANSWER_LEN) => Some(Message::Answer(reader.u32()?)),
        ([4, 0, 0, 0], len) if len >= DATA_LEN_MIN && len % 16 == 0 => {
            let counter = u64::from_le_bytes(*reader.take(8)?.first_chunk()?);
            // Keys are renewed long before: section 6.1.
            (counter >> 60 == 0).then_some(Message::Data(first, counter))
        }
        _ => None,
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment.bytes) {
        Some(Message::Initiation(_)) => Verdict::Possible(Role::Client),
        Some(_) => Verdict::Possible(ports::role_of_sender(segment, PORTS)),
        None => Verdict::Reject,
    }
}

/// What a conversation has shown so far.
#[derive(Default)]
struct Tunnel {
    /// The number of the end that began a handshake, and who it is.
    begun: Option<(u32, Role)>,
    /// Of each end the receiver's number, the counter and how many came in a row.
    data: [Option<(u32, u64, u8)>; 2],
    datagrams: u16,
}

impl Session for Tunnel {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        self.datagrams += 1;
        let Some(message) = parse(segment.bytes) else {
            return Progress::DONE;
        };
        let is_proved = match message {
            Message::Initiation(number) => {
                self.begun = Some((number, segment.from));
                false
            }
            Message::Answer(to) => self
                .begun
                .is_some_and(|(number, by)| number == to && by != segment.from),
            Message::Data(to, counter) => {
                let side = usize::from(segment.from == Role::Server);
                self.follows(side, to, counter)
            }
        };
        if is_proved {
            emit(Observation::Confirmed);
            emit(Observation::Encrypted);
        }
        match is_proved || self.datagrams >= WG_DATAGRAMS_MAX {
            true => Progress::DONE,
            false => Progress::consumed(segment.bytes.len()),
        }
    }
}

impl Tunnel {
    /// True once enough messages of an end follow each other.
    fn follows(&mut self, side: usize, to: u32, counter: u64) -> bool {
        let Some(last) = self.data.get_mut(side) else {
            return false;
        };
        let row = match *last {
            Some((known, before, row)) if known == to && counter == before + 1 => row + 1,
            _ => 1,
        };
        *last = Some((to, counter, row));
        row >= ROW
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    fn message(kind: u8, words: &[u32], len: usize) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        for word in words {
            bytes.extend(word.to_le_bytes());
        }
        bytes.resize(len, 7);
        bytes
    }

    #[test]
    fn an_answer_to_the_initiation_proves_it() {
        let ask = message(1, &[5], INITIATION_LEN);
        let answer = message(2, &[9, 5], ANSWER_LEN);
        let talk = [(Role::Client, &ask[..]), (Role::Server, &answer[..])];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed", "encrypted"]);
        let other = message(2, &[9, 6], ANSWER_LEN);
        let talk = [(Role::Client, &ask[..]), (Role::Server, &other[..])];
        assert!(run(&CLASSIFIER, &talk).is_empty());
    }

    #[test]
    fn data_in_a_row_prove_it() {
        let data: Vec<_> = (4..7).map(|at| message(4, &[5, at, 0], 48)).collect();
        let talk: Vec<_> = data.iter().map(|data| (Role::Client, &data[..])).collect();
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed", "encrypted"]);
        let same = [talk[0], talk[0], talk[0]];
        assert!(run(&CLASSIFIER, &same).is_empty());
    }

    #[test]
    fn probes() {
        let ask = message(1, &[5], INITIATION_LEN);
        let client = Verdict::Possible(Role::Client);
        assert_eq!(probe(&CLASSIFIER, &ask, PORTS), client);
        for bytes in [
            message(1, &[5], 147),
            message(3, &[5], 64),
            message(4, &[5], 40),
            vec![1, 0, 0, 1],
        ] {
            assert_eq!(probe(&CLASSIFIER, &bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, usize::MAX));
    }
}
