//! The Telocator Alphanumeric Protocol over TCP: how nurse call and alarm systems page staff. It
//! says that pages are sent and taken, and counts them; pager numbers and texts pass through a
//! running sum and are kept nowhere.

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol. Paging systems are set up with any port.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Tap,
    transport: Transport::Tcp,
    ports: &[],
    first: b"\r\x1bI",
    marks: &[],
    probe,
    session: || Box::new(Line::default()),
};

/// The terminal asks who is there; the sender logs in by this service and says no name.
const ASKS: &[u8] = b"ID=";
const LOG_IN: &[u8] = b"\x1bPG1";

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const CR: u8 = b'\r';

/// Characters of a block's sum.
const SUM_BYTES: u8 = 3;

/// Carriage returns by which a sender wakes the terminal, at most.
const WAKING_BYTES_MAX: usize = 16;

fn probe(segment: &Segment<'_>) -> Verdict {
    let waking = segment.bytes.iter().take_while(|byte| **byte == CR);
    let bytes = segment.bytes.get(waking.count()..).unwrap_or_default();
    if segment.bytes.len() - bytes.len() > WAKING_BYTES_MAX {
        return Verdict::Reject;
    }
    let begins = |whole: &[u8]| bytes.starts_with(whole);
    let could = |whole: &[u8]| whole.starts_with(bytes) && !segment.cut;
    match () {
        () if begins(LOG_IN) => match bytes.get(LOG_IN.len()) {
            Some(byte) if *byte == CR || byte.is_ascii_digit() => Verdict::Match(Role::Client),
            None if !segment.cut => Verdict::NeedMore,
            _ => Verdict::Reject,
        },
        () if begins(ASKS) => match bytes.get(ASKS.len()) {
            Some(&CR) => Verdict::Match(Role::Server),
            // The prompt may stand alone: the answer tells.
            None if !segment.cut => Verdict::NeedMore,
            _ => Verdict::Reject,
        },
        () if could(LOG_IN) || could(ASKS) => Verdict::NeedMore,
        () => Verdict::Reject,
    }
}

/// The block that is being sent, without its content.
#[derive(Clone, Copy, Default)]
enum Block {
    /// Between blocks.
    #[default]
    None,
    /// Inside, with the sum so far.
    Text(u32),
    /// After its end: the sum, how many characters of it came, and whether they were right.
    Sum(u32, u8, bool),
    /// Sent and sound: the terminal's answer is owed.
    Sent,
}

/// A sender of pages and a terminal that takes them.
#[derive(Default)]
struct Line {
    logged_in: bool,
    confirmed: bool,
    block: Block,
    /// What the client began with, to see the log-in.
    start: Vec<u8>,
}

impl Session for Line {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        for &byte in segment.bytes {
            match segment.from {
                Role::Server => self.answer(byte, emit),
                _ => self.send(byte),
            }
        }
        Progress::consumed(segment.bytes.len())
    }

    /// Blocks begin with a byte that no text holds.
    fn gap(&mut self, _from: Role, _missing: u64) -> bool {
        self.block = Block::None;
        true
    }
}

impl Line {
    fn send(&mut self, byte: u8) {
        let byte = byte & 0x7f;
        if !self.logged_in {
            self.start.push(byte);
            self.logged_in = self.start.ends_with(LOG_IN);
            let keep = self.start.len().min(LOG_IN.len());
            self.start.drain(..self.start.len() - keep);
            return;
        }
        self.block = match (self.block, byte) {
            (_, STX) => Block::Text(u32::from(STX)),
            (Block::Text(sum), ETX) => Block::Sum(sum.wrapping_add(u32::from(ETX)), 0, true),
            (Block::Text(sum), byte) => Block::Text(sum.wrapping_add(u32::from(byte))),
            (Block::Sum(sum, count, right), byte) if count < SUM_BYTES => {
                let shift = 4 * u32::from(SUM_BYTES - 1 - count);
                let digit = 0x30 + (sum >> shift & 15);
                Block::Sum(sum, count + 1, right && u32::from(byte) == digit)
            }
            (Block::Sum(_, _, true), CR) => Block::Sent,
            (Block::Sent, _) => Block::Sent,
            _ => Block::None,
        };
    }

    fn answer(&mut self, byte: u8, emit: Emit<'_>) {
        const ACKNOWLEDGED: u8 = 0x06;
        if self.logged_in && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
            for (subject, value) in [
                (Subject::Receiver, &b"sender"[..]),
                (Subject::Sender, b"terminal"),
            ] {
                emit(Observation::Fact {
                    subject,
                    field: Field::TapRole,
                    value,
                });
            }
        }
        if matches!(self.block, Block::Sent) && byte & 0x7f == ACKNOWLEDGED {
            self.block = Block::None;
            emit(Observation::Event {
                subject: Subject::Receiver,
                event: Event::TapPage,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver;

    fn block(text: &[u8]) -> Vec<u8> {
        let mut bytes = [&[STX], text, &[ETX]].concat();
        let sum = bytes.iter().map(|byte| u32::from(byte & 0x7f)).sum::<u32>();
        bytes.extend(
            (0..3)
                .rev()
                .map(|place| 0x30 + (sum >> (4 * place) & 15) as u8),
        );
        bytes.push(CR);
        bytes
    }

    #[test]
    fn pages_that_are_taken_are_counted() {
        // The sum of the example in the specification, version 1.8: `STX 123 CR ABC CR ETX`.
        assert!(block(b"123\rABC\r").ends_with(b"\x0317;\r"));
        let page = block(b"4711\rCANARY ROOM 5\r");
        let mut broken = page.clone();
        broken[3] ^= 1;
        let conversation = [
            (Role::Server, &b"ID=\r"[..]),
            (Role::Client, b"\x1bPG1\r"),
            (Role::Server, b"110 1.8\r\x06\r\x1b[p\r"),
            (Role::Client, &page),
            (Role::Server, b"\x06\r"),
            (Role::Client, &broken),
            (Role::Server, b"\x06\r"),
        ];
        driver::check_cuts(&CLASSIFIER, &conversation);
        assert_eq!(
            driver::run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "receiver tap.role=sender",
                "sender tap.role=terminal",
                "Event { subject: Receiver, event: TapPage }",
            ]
        );
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let probe = |bytes: &[u8]| driver::probe(&CLASSIFIER, bytes, driver::PORTS);
        assert_eq!(probe(b"\x1bPG1\r"), Verdict::Match(Role::Client));
        assert_eq!(probe(b"\x1bPG1000000\r"), Verdict::Match(Role::Client));
        assert_eq!(probe(b"ID=\r"), Verdict::Match(Role::Server));
        assert_eq!(probe(b"ID="), Verdict::NeedMore);
        assert_eq!(probe(b"\r"), Verdict::NeedMore);
        assert_eq!(probe(b"\r\r\x1bPG1\r"), Verdict::Match(Role::Client));
        assert_eq!(probe(&[CR; 17]), Verdict::Reject);
        for bytes in [&b"\x1bPX"[..], b"ID=5", b"IDLE", b"\x1bPG1x"] {
            assert_eq!(probe(bytes), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_line() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|input: &[u8]| {
                driver::check_any(&CLASSIFIER, input, 64);
                let mut player = driver::Player::new(&CLASSIFIER);
                player.play(Role::Client, b"\x1bPG1\r", false);
                player.play(Role::Client, &block(b"CANARY\r"), false);
                player.play(Role::Server, input, false);
                assert!(!player.seen.concat().contains("CANARY"));
            });
    }
}
