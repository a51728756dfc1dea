//! Frames, ASTM E1381: what is text and what goes around it. It knows no record.

use super::{ACK, ENQ, EOT, ETB, ETX, NAK, SOH, STX};

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Between frames.
    #[default]
    Idle,
    /// The frame's number.
    Number,
    /// Its text.
    Text,
    /// The two digits of its checksum.
    Check(Option<u8>),
    /// Records without a frame.
    Bare,
}

/// What a piece of the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text of records.
    Text(&'a [u8]),
    /// A record ends here.
    RecordEnd,
    /// The frame's checksum is right: what it said counts.
    Sound,
    /// It was sent before, and taken.
    Again,
    /// The frame is damaged: what it said does not count.
    Damaged,
    /// The next one begins before it ends.
    Cut,
    /// So says its checksum.
    Unsound,
    /// The sender asks whether it may speak.
    Enquiry,
    /// An answer to an enquiry or a frame.
    Answer,
    /// The transfer is over.
    End,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub struct Deframer {
    stage: Stage,
    sum: u8,
    number: u8,
    /// The number of the last frame that was sound.
    taken: Option<u8>,
}

impl Deframer {
    /// Takes the next part off the front of a piece that is not empty: the bytes it used, and
    /// what they are.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> (usize, Option<Part<'a>>) {
        let Some(&first) = bytes.first() else {
            return (0, None);
        };
        match self.stage {
            Stage::Idle => (usize::from(!self.begins_bare(first)), self.idle(first)),
            Stage::Number => {
                self.number = first;
                self.sum = first;
                let sound = (b'0'..=b'7').contains(&first);
                self.stage = if sound { Stage::Text } else { Stage::Idle };
                (1, (!sound).then_some(Part::Damaged))
            }
            Stage::Text | Stage::Bare => self.text(bytes, first),
            Stage::Check(None) => {
                self.stage = Stage::Check(Some(first));
                (1, None)
            }
            Stage::Check(Some(high)) => {
                self.stage = Stage::Idle;
                (1, Some(self.judge([high, first])))
            }
        }
    }

    /// Bytes are missing: the next ones belong to no known frame.
    pub fn lose(&mut self) {
        self.stage = Stage::Idle;
    }

    /// True where frames are used; records without them are taken as they come.
    pub fn is_framed(&self) -> bool {
        self.stage != Stage::Bare
    }

    fn begins_bare(&self, byte: u8) -> bool {
        byte.is_ascii_uppercase()
    }

    /// A byte between frames.
    fn idle(&mut self, byte: u8) -> Option<Part<'static>> {
        match byte {
            STX => self.stage = Stage::Number,
            SOH => self.stage = Stage::Bare,
            byte if byte.is_ascii_uppercase() => self.stage = Stage::Bare,
            ENQ => {
                self.taken = None;
                return Some(Part::Enquiry);
            }
            EOT => return Some(Part::End),
            ACK | NAK => return Some(Part::Answer),
            _ => {}
        }
        None
    }

    /// Text up to what ends a record or a frame.
    fn text<'a>(&mut self, bytes: &'a [u8], first: u8) -> (usize, Option<Part<'a>>) {
        let framed = self.stage == Stage::Text;
        let control = |byte: &u8| matches!(*byte, b'\r' | ETX | ETB | STX | EOT | ENQ | SOH);
        let end = bytes.iter().position(control).unwrap_or(bytes.len());
        if end > 0 {
            let text = bytes.get(..end).unwrap_or_default();
            self.add(text);
            return (end, Some(Part::Text(text)));
        }
        self.add(&[first]);
        match first {
            b'\r' => (1, Some(Part::RecordEnd)),
            ETX | ETB if framed => {
                self.stage = Stage::Check(None);
                (1, (first == ETX).then_some(Part::RecordEnd))
            }
            ETX | ETB => {
                self.stage = Stage::Idle;
                (1, Some(Part::RecordEnd))
            }
            // A frame that is cut short by the next: that one is read anew.
            _ => {
                self.stage = Stage::Idle;
                (0, Some(if framed { Part::Cut } else { Part::RecordEnd }))
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.sum = bytes
            .iter()
            .fold(self.sum, |sum, byte| sum.wrapping_add(*byte));
    }

    fn judge(&mut self, check: [u8; 2]) -> Part<'static> {
        if digits(self.sum) != check.map(|digit| digit.to_ascii_uppercase()) {
            return Part::Unsound;
        }
        if self.taken.replace(self.number) == Some(self.number) {
            return Part::Again;
        }
        Part::Sound
    }
}

/// The checksum of a frame, from its number to ETX or ETB: two hexadecimal digits.
pub fn checksum(bytes: &[u8]) -> [u8; 2] {
    digits(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)))
}

fn digits(sum: u8) -> [u8; 2] {
    let digit = |half: u8| match half {
        0..=9 => b'0' + half,
        _ => b'A' + half - 10,
    };
    [digit(sum >> 4), digit(sum & 15)]
}
