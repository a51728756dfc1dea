//! Whole messages that came before, by what stays the same in them after their header: one that
//! differs only where nothing is read says the same, and its rows are not looked at one by one. It
//! keeps digests of what stays, and what rows said; no value and nothing of a row that is not read.

use super::forms::{Whole, of, stripped};
use super::session::is_read;
use super::syntax::{Marks, control, ends_in_segment};
use crate::config::{HL7_BODIES_MAX, HL7_SEGMENT_BYTES_MAX};

/// Bytes of a row's name and of the separator after it.
const NAME_LEN: usize = 4;

/// Rows and values of one body that may differ.
const HOLES_MAX: usize = 64;

/// Memory that a body keeps for what its rows said, in bytes.
const KEPT_BYTES_MAX: usize = 2048;

/// What may differ after a piece that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    /// A field.
    Field,
    /// The rest of a row.
    Row,
    /// Nothing: the body ends.
    End,
}

/// What a body left in its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// What was kept of its rows.
    pub rows: Box<[u8]>,
    /// How much of it, before any other row, was software, and how many such rows there were.
    pub software: (usize, u32),
    /// Rows besides places were kept.
    pub has_devices: bool,
    /// A patient came after a row.
    pub is_doubtful: bool,
}

#[derive(Debug)]
struct Body {
    pieces: Vec<(Whole, Hole)>,
    left: Left,
}

impl Body {
    /// The body of these rows; `holes` of each row that is read.
    fn new(bytes: &[u8], separator: u8, holes: &[&[usize]], left: Left) -> Option<Self> {
        // One allocation: no more pieces than rows and fields that may differ, and the end.
        let rows = bytes.iter().filter(|byte| **byte == b'\r').count();
        let fields: usize = holes.iter().map(|holes| holes.len()).sum();
        let mut pieces = Vec::with_capacity((rows + fields + 1).min(HOLES_MAX + 1));
        let mut holes = holes.iter();
        // Where the piece at hand and the row at hand begin.
        let (mut piece, mut start) = (0, 0);
        let mut leave = |from: usize, to: usize, hole: Hole| {
            pieces.push((of(bytes.get(from..to)?), hole));
            (pieces.len() <= HOLES_MAX).then_some(())
        };
        while start < bytes.len() {
            let rest = bytes.get(start..)?;
            let len = control(rest)?;
            let row = rest.get(..len)?;
            let [name @ .., after] = *row.first_chunk::<NAME_LEN>()?;
            if rest.get(len) != Some(&b'\r') {
                return None;
            }
            if is_read(name) && after == separator {
                let holes = holes.next()?;
                let mut field = 0;
                let ends = Marks::new(row, separator).chain([len]);
                for (number, end) in ends.enumerate() {
                    if holes.contains(&number) && field < end {
                        leave(piece, start + field, Hole::Field)?;
                        piece = start + end;
                    }
                    field = end + 1;
                }
            } else {
                leave(piece, start + NAME_LEN, Hole::Row)?;
                piece = start + len;
            }
            start += len + 1;
        }
        leave(piece, bytes.len(), Hole::End)?;
        holes.next().is_none().then_some(Self { pieces, left })
    }

    /// Where it ends in these bytes.
    fn end(&self, bytes: &[u8], separator: u8) -> Option<usize> {
        let mut rest = bytes;
        for (piece, hole) in &self.pieces {
            let after = stripped(rest, piece)?;
            let len = match hole {
                Hole::End => {
                    let end = bytes.len() - after.len();
                    return (end <= HL7_SEGMENT_BYTES_MAX).then_some(end);
                }
                Hole::Row => control(after)?,
                Hole::Field => after
                    .iter()
                    .position(|byte| *byte == separator || *byte < b' ')?,
            };
            let (field, next) = after.split_at(len);
            if *hole == Hole::Field && ends_in_segment(field) {
                return None;
            }
            rest = next;
        }
        None
    }
}

/// The bodies of the last messages of a direction, and which came after which.
#[derive(Debug, Default)]
pub struct Bodies {
    list: Vec<(Body, usize)>,
    /// The last one.
    last: usize,
    /// The next one to give way.
    oldest: usize,
    /// New ones since one was taken.
    refused: usize,
}

impl Bodies {
    /// Where the body that these bytes begin with ends: the one that came after the last one
    /// before, or the last one again. See [`Self::left`].
    pub fn again(&mut self, bytes: &[u8], separator: u8) -> Option<usize> {
        let (_, next) = self.list.get(self.last)?;
        let (at, end) = [*next, self.last].into_iter().find_map(|at| {
            let end = self.list.get(at)?.0.end(bytes, separator)?;
            Some((at, end))
        })?;
        self.last = at;
        Some(end)
    }

    /// What the last body left.
    pub fn left(&self) -> Option<&Left> {
        self.list.get(self.last).map(|(body, _)| &body.left)
    }

    /// Remembers a body, or that it came after the one before.
    pub fn remember(
        &mut self,
        bytes: &[u8],
        separator: u8,
        holes: &[&[usize]],
        left: impl FnOnce() -> Left,
    ) {
        let whole = Some(bytes.len());
        let mut list = self.list.iter();
        let known = list.position(|(body, _)| body.end(bytes, separator) == whole);
        let Some(at) = known.or_else(|| self.add(bytes, separator, holes, left)) else {
            return;
        };
        if let Some((_, next)) = self.list.get_mut(self.last) {
            *next = at;
        }
        self.last = at;
    }

    /// Adds a body: the more there are, the fewer of those that are new, since where many are, few
    /// come again. Where there is no place, the oldest gives way.
    fn add(
        &mut self,
        bytes: &[u8],
        separator: u8,
        holes: &[&[usize]],
        left: impl FnOnce() -> Left,
    ) -> Option<usize> {
        self.refused += 1;
        if bytes.len() > HL7_SEGMENT_BYTES_MAX || self.refused <= self.list.len() {
            return None;
        }
        self.refused = 0;
        let left = left();
        if left.rows.len() > KEPT_BYTES_MAX {
            return None;
        }
        let body = Body::new(bytes, separator, holes, left)?;
        let at = self.oldest;
        self.oldest = (at + 1) % HL7_BODIES_MAX;
        match self.list.get_mut(at) {
            Some(place) => *place = (body, at),
            None => self.list.push((body, at)),
        }
        Some(at)
    }

    /// Forgets all: rows are to be read in another way.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"PID|1|NAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|80||R\r";

    #[test]
    fn what_may_differ_does_not_count() {
        let mut bodies = Bodies::default();
        let left = Left {
            rows: b"kept"[..].into(),
            ..Left::default()
        };
        bodies.remember(BODY, b'|', &[&[], &[5]], || left.clone());
        for (other, known) in [
            (BODY, true),
            (
                b"PID|2|OTHER NAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|120||R\r\x1c",
                true,
            ),
            (
                b"PID|2|OTHER NAME\rPV1|1|I|ICV\rOBX|1|NM|A|1|120||R\r\x1c",
                false,
            ),
            (
                b"PD1|2|OTHER NAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|120||R\r\x1c",
                false,
            ),
            (
                b"PID|2|OTHER\nNAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|120||R\r\x1c",
                false,
            ),
            (b"PID|2|X\rPV1|1|I|ICU\rOBX|1|NM|A|1|12PID||R\r\x1c", false),
            (b"PID|2|X\rPV1|1|I|ICU\rOBX|1|NM|A|1|12||R", false),
        ] {
            let again = bodies.again(other, b'|');
            assert_eq!(again.is_some(), known, "{}", other.escape_ascii());
            assert_eq!(bodies.left(), Some(&left));
        }
    }

    #[test]
    fn what_came_next_comes_next() {
        let mut bodies = Bodies::default();
        let beds = ["A", "B", "C"].map(|bed| format!("PV1|1|I|{bed}\r").into_bytes());
        for _ in 0..6 {
            for bed in &beds {
                bodies.remember(bed, b'|', &[&[]], Left::default);
            }
        }
        assert_eq!(bodies.list.len(), 3);
        for bed in [2, 0, 1, 2, 0, 0, 1] {
            assert!(bodies.again(&beds[bed], b'|').is_some(), "{bed}");
        }
        assert!(bodies.again(&beds[0], b'|').is_none());
    }
}
