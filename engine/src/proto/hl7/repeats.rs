//! Whole messages that came before, by what stays the same in them: one that differs only where
//! nothing is read says the same, in whatever order messages come. It keeps digests of what stays,
//! and what rows said; no value and nothing of a row that is not read.
//!
//! They are a tree of pieces: what may come first, and after each piece, and what differs between
//! them, what may come next. So what many messages have in common is looked at once.

use std::ops::Range;
use std::sync::Arc;

use super::answers::Answer;
use super::forms::{Whole, of};
use super::known::Known;
use super::rows::USUAL_BYTES;
use super::session::is_read;
use super::syntax::{Marks, control, ends_in_segment, field_end};
use crate::config::{HL7_REPEATS_BYTES_MAX, HL7_SEGMENT_BYTES_MAX};
use crate::proto::digest::digest;
use crate::proto::kept;

/// Bytes of a row's name and of the separator after it.
const NAME_LEN: usize = 4;

/// Rows and values of one message that may differ.
const HOLES_MAX: usize = 128;

/// Lengths of pieces that may stand in one place: each is a digest of what comes. A gateway has a
/// few; who sends ever other ones is not remembered beyond these.
const LENGTHS_MAX: usize = 16;

/// Messages of a direction before one is remembered: most conversations are short.
const FIRST: u64 = 32;

/// Messages that are remembered before one comes again.
const ADDED_MAX: u64 = 32;

/// Further ones for each that comes again: where none does, none is worth it.
const ADDED_PER_AGAIN: u64 = 4;

/// One in so many is remembered all the same, and so many in a row that did not come before show
/// that those that fill the memory do not come any more.
const NEW_STEP: u64 = 64;

/// What differs after a piece that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    /// A field.
    Field,
    /// MSH-7.
    Time,
    /// MSH-10.
    Id,
    /// MSA-2, the control id that is answered.
    Answered,
    /// The rest of a row.
    Row,
    /// Nothing: the message ends.
    End,
}

/// What a message said.
#[derive(Clone, Debug)]
pub struct Left {
    /// Of its header.
    pub known: Arc<Known>,
    /// What stands for all of it.
    pub said: u64,
    /// What stands for what is said of software, where some is told.
    pub software: Option<u64>,
    /// What stands for what is said of devices, where rows besides places were kept.
    pub devices: Option<u64>,
    /// A patient came after a row.
    pub is_doubtful: bool,
    /// What it answers.
    pub answer: Option<Answer>,
}

/// A message that came again.
#[derive(Debug)]
pub struct Again<'a> {
    /// Where it ends.
    pub end: usize,
    /// MSH-7.
    pub time: &'a [u8],
    /// MSH-10.
    pub id: &'a [u8],
    /// MSA-2.
    pub answered: &'a [u8],
    /// What it says.
    pub left: &'a Left,
    /// What was kept of its rows.
    pub rows: &'a [u8],
}

/// A piece that stays, and what differs after it.
#[derive(Debug)]
struct Piece {
    digest: u64,
    len: u32,
    hole: Hole,
    /// The first piece that may follow; where the message ends, what it said.
    after: u32,
    /// Another piece that may stand here.
    other: Option<u32>,
}

/// What a message said, and where its rows stand in [`Repeats::rows`].
type Kept = (Left, Range<usize>);

/// What one direction said lately.
#[derive(Debug, Default)]
pub struct Repeats {
    pieces: Vec<Piece>,
    left: Vec<Kept>,
    /// What was kept of rows, one message's after the other's.
    rows: Vec<u8>,
    /// Those of the message at hand.
    cut: Vec<(Whole, Hole)>,
    /// Bytes that these take, with the headers that they share.
    bytes: usize,
    /// Bytes of those headers.
    headers_bytes: usize,
    /// Messages that came again.
    again: u64,
    /// Messages that did not come before.
    new: u64,
    /// Of these, the ones since the last that did.
    in_a_row: u64,
    /// Messages that were remembered.
    added: u64,
}

impl Repeats {
    /// The message that these bytes begin with, if it is here whole and came before.
    pub fn find<'a>(&'a self, bytes: &'a [u8]) -> Option<Again<'a>> {
        // Known with the first piece.
        let separator = *bytes.get(NAME_LEN - 1)?;
        let (mut time, mut id, mut answered) = Default::default();
        let (mut rest, mut first) = (bytes, 0);
        loop {
            let (piece, after) = self.piece(first, rest)?;
            first = piece.after;
            let len = match piece.hole {
                Hole::End => {
                    let end = bytes.len() - after.len();
                    let (left, rows) = self.left.get(piece.after as usize)?;
                    return (end <= HL7_SEGMENT_BYTES_MAX).then_some(Again {
                        end,
                        time,
                        id,
                        answered,
                        left,
                        rows: self.rows.get(rows.clone())?,
                    });
                }
                Hole::Row => control(after)?,
                _ => field_end(after, separator)?,
            };
            let (field, next) = after.split_at(len);
            rest = next;
            match piece.hole {
                Hole::Row | Hole::End => continue,
                Hole::Time => time = field,
                Hole::Id => id = field,
                Hole::Answered => answered = field,
                Hole::Field => {}
            }
            if ends_in_segment(field) {
                return None;
            }
        }
    }

    /// The piece that these bytes begin with, and what follows it.
    fn piece<'a>(&self, first: u32, bytes: &'a [u8]) -> Option<(&Piece, &'a [u8])> {
        // Pieces of one length stand together.
        let (mut len, mut known) = (0, None);
        let mut next = Some(first);
        while let Some(piece) = next.and_then(|at| self.pieces.get(at as usize)) {
            if piece.len != len {
                len = piece.len;
                known = bytes.get(..len as usize).map(digest);
            }
            if known == Some(piece.digest) {
                return Some((piece, bytes.get(len as usize..)?));
            }
            next = piece.other;
        }
        None
    }

    /// A message came again.
    pub fn came_again(&mut self) {
        self.again += 1;
        self.in_a_row = 0;
    }

    /// A message came that did not before: true where it is worth to be remembered.
    pub fn is_wanted(&mut self) -> bool {
        self.new += 1;
        self.in_a_row += 1;
        let usual = self.added < ADDED_MAX + ADDED_PER_AGAIN.saturating_mul(self.again);
        self.new > FIRST && (usual || self.new.is_multiple_of(NEW_STEP))
    }

    /// Remembers a message; `holes` of each row that is read after its header. Where there is no
    /// room for it, all others give way, if none of them has come again for long.
    pub fn remember(&mut self, bytes: &[u8], holes: &[&[usize]], (left, rows): (Left, &[u8])) {
        let mut cut = std::mem::take(&mut self.cut);
        cut.clear();
        cut.reserve(2 * holes.len() + NAME_LEN);
        if pieces(bytes, left.known.delimiters.field, holes, &mut cut).is_some() {
            self.add(bytes.len(), &cut, (left, rows));
        }
        self.cut = cut;
    }

    fn add(&mut self, len: usize, pieces: &[(Whole, Hole)], (left, rows): (Left, &[u8])) {
        // The messages of one header share it.
        let is_shared = |(last, _): &Kept| Arc::ptr_eq(&last.known, &left.known);
        let mut header = match self.left.last().is_some_and(is_shared) {
            true => 0,
            false => left.known.kept_bytes(),
        };
        let more = pieces.len() * size_of::<Piece>() + size_of::<Kept>() + rows.len();
        if len > HL7_SEGMENT_BYTES_MAX || more + header > HL7_REPEATS_BYTES_MAX {
            return;
        }
        self.added += 1;
        if self.bytes + more + header > HL7_REPEATS_BYTES_MAX {
            if self.in_a_row < NEW_STEP {
                return;
            }
            self.pieces.clear();
            self.left.clear();
            self.rows.clear();
            (self.bytes, self.headers_bytes) = (0, 0);
            header = left.known.kept_bytes();
        }
        // What the first ones need, at once: conversations begin and end all the time.
        if self.left.is_empty() {
            self.rows.reserve(USUAL_BYTES * 4);
            self.left.reserve(ADDED_MAX as usize);
            self.pieces.reserve(ADDED_MAX as usize * 4);
        }
        self.bytes += more + header;
        self.headers_bytes += header;
        let mut parent = None;
        for (whole, hole) in pieces {
            let Some(at) = self.child(parent, *whole, *hole) else {
                return;
            };
            parent = Some(at);
        }
        let number = self.left.len() as u32;
        if let Some(end) = parent.and_then(|at| self.pieces.get_mut(at as usize)) {
            end.after = number;
            let start = self.rows.len();
            self.rows.extend_from_slice(rows);
            self.left.push((left, start..self.rows.len()));
        }
    }

    /// The piece that stands after another, or first: an old or a new one. None where pieces of too
    /// many lengths stand there.
    fn child(&mut self, parent: Option<u32>, (len, digest): Whole, hole: Hole) -> Option<u32> {
        let len = len as u32;
        let first = match parent {
            Some(at) => self.pieces.get(at as usize).map_or(0, |piece| piece.after),
            None => 0,
        };
        let (mut last, mut next) = (None, (first < self.pieces.len() as u32).then_some(first));
        let (mut beside, mut lengths, mut length) = (None, 0, None);
        while let Some(at) = next
            && let Some(piece) = self.pieces.get(at as usize)
        {
            if (piece.len, piece.digest, piece.hole) == (len, digest, hole) {
                return Some(at);
            }
            if length.replace(piece.len) != Some(piece.len) {
                lengths += 1;
            }
            if piece.len == len {
                beside = Some(at);
            }
            (last, next) = (Some(at), piece.other);
        }
        if beside.is_none() && lengths >= LENGTHS_MAX {
            return None;
        }
        let at = self.pieces.len() as u32;
        let mut new = Piece {
            digest,
            len,
            hole,
            after: u32::MAX,
            other: None,
        };
        match beside
            .or(last)
            .and_then(|at| self.pieces.get_mut(at as usize))
        {
            Some(before) => new.other = before.other.replace(at),
            None => {
                let parent = parent.and_then(|at| self.pieces.get_mut(at as usize));
                parent.into_iter().for_each(|parent| parent.after = at);
            }
        }
        self.pieces.push(new);
        Some(at)
    }

    /// Bytes that they keep, with room for more.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.pieces)
            + kept::list(&self.left)
            + kept::list(&self.rows)
            + kept::list(&self.cut)
            + self.headers_bytes
    }
}

/// What stays of a message, and what differs after each piece.
fn pieces(
    bytes: &[u8],
    separator: u8,
    holes: &[&[usize]],
    pieces: &mut Vec<(Whole, Hole)>,
) -> Option<()> {
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
        let holes = match (start, is_read(name) && after == separator) {
            (0, _) => Some(Known::NEW_EACH_TIME),
            (_, true) => Some(*holes.next()?),
            (_, false) => None,
        };
        let Some(holes) = holes else {
            leave(piece, start + NAME_LEN, Hole::Row)?;
            piece = start + len;
            start += len + 1;
            continue;
        };
        let mut field = 0;
        let ends = Marks::new(row, separator).chain([len]);
        for (number, end) in ends.enumerate() {
            if holes.contains(&number) && field < end {
                let hole = match (start, number) {
                    (0, Known::TIME) => Hole::Time,
                    (0, Known::ID) => Hole::Id,
                    _ if name == *b"MSA" => Hole::Answered,
                    _ => Hole::Field,
                };
                leave(piece, start + field, hole)?;
                piece = start + end;
            }
            field = end + 1;
        }
        start += len + 1;
    }
    leave(piece, bytes.len(), Hole::End)?;
    holes.next().is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "MSH|^~\\&|A|B|C|D|2026||ORU^R01|7|P|2.6\r";
    const ROWS: &str = "PID|1|NAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|80||R\r";

    fn remember(repeats: &mut Repeats, header: &str, rows: &str, holes: &[&[usize]], mark: u64) {
        let (known, ..) = Known::read(header.trim_end().as_bytes()).unwrap();
        let left = Left {
            known: Arc::new(known),
            said: mark,
            software: None,
            devices: None,
            is_doubtful: false,
            answer: None,
        };
        repeats.remember(format!("{header}{rows}").as_bytes(), holes, (left, b""));
    }

    fn found(repeats: &Repeats, message: &str) -> Option<u64> {
        let bytes = [message.as_bytes(), b"\x1c\r"].concat();
        let again = repeats.find(&bytes)?;
        assert_eq!(again.end, message.len());
        Some(again.left.said)
    }

    #[test]
    fn what_may_differ_does_not_count() {
        let mut repeats = Repeats::default();
        remember(&mut repeats, HEADER, ROWS, &[&[], &[5]], 1);
        for (other, known) in [
            (ROWS, true),
            ("PID|2|OTHER NAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|120||R\r", true),
            (
                "PID|2|OTHER NAME\rPV1|1|I|ICV\rOBX|1|NM|A|1|120||R\r",
                false,
            ),
            (
                "PD1|2|OTHER NAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|120||R\r",
                false,
            ),
            (
                "PID|2|OTHER\nNAME\rPV1|1|I|ICU\rOBX|1|NM|A|1|120||R\r",
                false,
            ),
            ("PID|2|X\rPV1|1|I|ICU\rOBX|1|NM|A|1|12PID||R\r", false),
            ("PID|2|X\rPV1|1|I|ICU\rOBX|1|NM|A|1|12||R", false),
        ] {
            let message = format!("{HEADER}{other}");
            assert_eq!(found(&repeats, &message).is_some(), known, "{other:?}");
        }
        let header = HEADER
            .replace("|2026|", "|20270101|")
            .replace("|7|", "|8888|");
        let message = format!("{header}{ROWS}");
        let again = repeats.find(message.as_bytes()).unwrap();
        assert_eq!((again.time, again.id), (&b"20270101"[..], &b"8888"[..]));
        for (from, to) in [("|A|", "|E|"), ("|P|", "|T|"), ("|7|", "|7PID|")] {
            let message = format!("{}{ROWS}", HEADER.replace(from, to));
            assert_eq!(found(&repeats, &message), None, "{to}");
        }
        for cut in 0..message.len() {
            assert!(repeats.find(&message.as_bytes()[..cut]).is_none());
        }
    }

    #[test]
    fn what_an_answer_answers_is_given_back() {
        let mut repeats = Repeats::default();
        remember(&mut repeats, HEADER, "MSA|AA|M1\r", &[&[2]], 1);
        let message = format!("{HEADER}MSA|AA|M20\r");
        let again = repeats.find(message.as_bytes()).unwrap();
        assert_eq!(again.answered, b"M20");
        assert_eq!(found(&repeats, &message.replace("|AA|", "|AE|")), None);
    }

    #[test]
    fn in_whatever_order_they_come() {
        let mut repeats = Repeats::default();
        let header = |n: usize| HEADER.replace("|B|", ["|B|", "|LONGER|"][n % 2]);
        let rows = |n: usize| format!("PID|1|{n}\rPV1|1|I|BED {n}\rOBX|1|NM|A|1|80||R\r");
        for n in 0..40 {
            remember(&mut repeats, &header(n), &rows(n), &[&[], &[5]], n as u64);
        }
        for n in [39, 0, 7, 7, 12, 0, 8, 9, 10, 11] {
            let message = format!("{}{}", header(n), rows(n));
            assert_eq!(found(&repeats, &message), Some(n as u64));
            let other = format!("{}{}", header(n + 1), rows(n));
            assert_eq!(found(&repeats, &other), None);
        }
        // What they have in common is kept once: of most, the pieces from the bed on.
        assert!(
            repeats.pieces.len() < 40 * 3 + 10,
            "{}",
            repeats.pieces.len()
        );
        // The same again takes no other piece.
        let before = repeats.pieces.len();
        remember(&mut repeats, &header(3), &rows(3), &[&[], &[5]], 77);
        assert_eq!(repeats.pieces.len(), before);
        let message = format!("{}{}", header(3), rows(3));
        assert_eq!(found(&repeats, &message), Some(77));
    }

    /// Looking for a message costs no more digests than a few, whoever sends what.
    #[test]
    fn few_lengths_stand_in_one_place() {
        let mut repeats = Repeats::default();
        let rows = |n: usize| format!("PID|1|X\rPV1|1|I|{}\r", "B".repeat(n));
        for n in 0..100 {
            remember(&mut repeats, HEADER, &rows(n), &[&[]], n as u64);
        }
        for n in 0..100 {
            let known = found(&repeats, &format!("{HEADER}{}", rows(n)));
            assert_eq!(known.is_some(), n < LENGTHS_MAX, "{n}");
        }
        // Others of a length that stands there are not left out.
        let other = rows(3).replace("BBB", "BED");
        remember(&mut repeats, HEADER, &other, &[&[]], 1000);
        assert_eq!(found(&repeats, &format!("{HEADER}{other}")), Some(1000));
    }

    #[test]
    fn they_take_no_more_than_their_bytes() {
        let mut repeats = Repeats::default();
        let message = |n: u64| format!("PV1|1|I|{n}\rOBX|1|NM|A|1|80||R\r");
        let mut last = 0;
        for n in 0..10_000 {
            let rows = message(n);
            let _ = repeats.is_wanted();
            remember(&mut repeats, HEADER, &rows, &[&[], &[5]], n);
            let taken =
                repeats.pieces.len() * size_of::<Piece>() + repeats.left.len() * size_of::<Kept>();
            assert!(taken <= repeats.bytes && repeats.bytes <= HL7_REPEATS_BYTES_MAX);
            if found(&repeats, &format!("{HEADER}{rows}")).is_some() {
                last = n;
            }
        }
        assert!(last > 9_000, "others gave way: {last}");
        // As long as one comes again, none gives way.
        let kept = repeats.left.len();
        for n in 10_000..12_000 {
            let _ = repeats.is_wanted();
            remember(&mut repeats, HEADER, &message(n), &[&[], &[5]], n);
            repeats.came_again();
        }
        assert!(repeats.left.len() >= kept);
        assert!(found(&repeats, &format!("{HEADER}{}", message(last))).is_some());
    }

    #[test]
    fn where_all_are_new_few_are_wanted() {
        let mut repeats = Repeats::default();
        let wanted = |repeats: &mut Repeats, count: u64| {
            let one = |_| {
                let wanted = repeats.is_wanted();
                repeats.added += u64::from(wanted);
                u64::from(wanted)
            };
            (0..count).map(one).sum::<u64>()
        };
        assert_eq!(wanted(&mut repeats, FIRST), 0);
        assert_eq!(wanted(&mut repeats, 40), ADDED_MAX);
        assert_eq!(wanted(&mut repeats, 6400), 100);
        for _ in 0..100 {
            repeats.came_again();
        }
        assert!((250..=310).contains(&wanted(&mut repeats, 320)));
    }
}
