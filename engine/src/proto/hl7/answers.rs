//! Which message an acknowledgement answers, by a digest of its control id, and how that message
//! fared, MSA-1. It keeps no control id, and never reads the text beside it (MSA-3).

use medtap_table::vocabulary::{Event, Field};

use super::header::MessageCode;
use crate::config::HL7_OUTSTANDING_MAX;
use crate::observe::{Emit, Observation, Subject, says};
use crate::proto::kept;

/// How a message fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    event: Event,
    /// No other answer follows.
    last: bool,
}

impl Answer {
    /// Reads MSA-1, HL7 table 0008.
    pub fn parse(code: &[u8]) -> Option<Self> {
        let (event, last) = match code {
            b"AA" => (Event::Hl7Accept, true),
            b"CA" => (Event::Hl7Accept, false),
            b"AE" | b"CE" => (Event::Hl7Error, true),
            b"AR" | b"CR" => (Event::Hl7Reject, true),
            _ => return None,
        };
        Some(Self { event, last })
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fared {
    event: Event,
    /// What was accepted, by a message that was seen.
    code: Option<MessageCode>,
    /// It is no repetition.
    counted: bool,
}

impl Fared {
    /// All of it in a word, of which the highest byte is free.
    pub fn word(&self) -> u64 {
        let [a, b, c] = self.code.map_or([0; 3], |code| code.0);
        let (event, counted) = (self.event.number() as u8, u8::from(self.counted));
        u64::from_le_bytes([1, event, counted, a, b, c, 0, 0])
    }

    /// Says it: the event belongs to the one that sent the message.
    pub fn tell(&self, emit: Emit<'_>) {
        if let Some(code) = self.code {
            says(Field::Hl7Role, &code.role(b"_receiver"), emit);
        }
        if self.counted {
            emit(Observation::Event {
                subject: Subject::Receiver,
                event: self.event,
            });
        }
    }
}

/// A message that waits for its acknowledgement.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Of its MSH-10, which is kept nowhere.
    id: u64,
    code: Option<MessageCode>,
    /// It was accepted once; what follows is the same acceptance.
    accepted: bool,
}

/// The messages of one direction that wait, in their order: few.
#[derive(Debug, Default)]
pub struct Outstanding(Vec<Sent>);

impl Outstanding {
    /// A message was sent whose control id has this digest. The oldest gives way.
    pub fn push(&mut self, id: u64, code: Option<MessageCode>) {
        if self.0.len() >= HL7_OUTSTANDING_MAX {
            self.0.remove(0);
        }
        self.0.push(Sent {
            id,
            code,
            accepted: false,
        });
    }

    /// How the message with this control id fared, and whether it was seen. Of one that was not
    /// seen an answer counts where no message was: `unseen`.
    pub fn answered(&mut self, answer: Answer, id: u64, unseen: bool) -> (Fared, bool) {
        let Answer { event, last } = answer;
        let at = self.0.iter().position(|sent| sent.id == id);
        let Some((at, sent)) = at.and_then(|at| Some((at, self.0.get_mut(at)?))) else {
            let fared = Fared {
                event,
                code: None,
                counted: unseen,
            };
            return (fared, false);
        };
        let accepted = event == Event::Hl7Accept;
        let repeated = sent.accepted && accepted;
        sent.accepted = true;
        let fared = Fared {
            event,
            code: sent.code.filter(|_| accepted),
            counted: !repeated,
        };
        if last {
            self.0.remove(at);
        }
        (fared, true)
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_counts_once() {
        let mut sent = Outstanding::default();
        for id in 0..=HL7_OUTSTANDING_MAX as u64 {
            sent.push(id, Some(MessageCode(*b"oru")));
        }
        let taken = Answer::parse(b"CA").unwrap();
        let applied = Answer::parse(b"AA").unwrap();
        assert!(!sent.answered(applied, 0, false).1, "the oldest gave way");
        let (first, seen) = sent.answered(taken, 5, false);
        assert!(seen && first.counted && first.code == Some(MessageCode(*b"oru")));
        let (second, seen) = sent.answered(applied, 5, false);
        assert!(seen && !second.counted);
        assert_ne!(first.word(), second.word());
        assert!(!sent.answered(applied, 5, false).1, "it was the last");
        assert!(sent.answered(applied, 99, true).0.counted);
        assert_eq!(Answer::parse(b"AX"), None);
    }
}
