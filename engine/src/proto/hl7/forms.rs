//! Segments that came before, by what stays the same in them: one that differs only where nothing
//! is read (a time, a measured value) is not cut up again. It keeps digests of segments, and of
//! what they said the equipment fields; no segment and no value.

use super::message::Row;
use super::syntax::{Marks, control, ends_in_segment, field_end};
use crate::config::{HL7_FORMS_MAX, HL7_SEGMENT_BYTES_MAX};
use crate::proto::digest::digest;
use crate::proto::kept;

/// Fields of a segment that may differ, at most.
const HOLES_MAX: usize = 3;

/// Memory that a form keeps for its fields, in bytes.
const KEPT_BYTES_MAX: usize = 256;

/// A segment without the fields that are new each time.
#[derive(Clone, Debug, Default)]
pub struct Form {
    separator: u8,
    /// How many fields may differ.
    holes: usize,
    /// Which of those asked for each is: an empty one stays empty.
    asked: [usize; HOLES_MAX],
    /// What stands between them: its length and its digest.
    pieces: [Whole; HOLES_MAX + 1],
}

impl Form {
    /// The form of a segment whose fields with these numbers, in their order, may differ, where
    /// there is something in them.
    pub fn new(segment: &[u8], separator: u8, holes: &[usize]) -> Option<Self> {
        let mut form = Self {
            separator,
            ..Self::default()
        };
        // Where the piece at hand and the field at hand begin.
        let (mut piece, mut start) = (0, 0);
        let ends = Marks::new(segment, separator).chain([segment.len()]);
        for (number, end) in ends.enumerate() {
            if let Some(asked) = holes.iter().position(|hole| *hole == number)
                && start < end
                && form.holes < HOLES_MAX
            {
                form.pieces[form.holes] = of(segment.get(piece..start)?);
                form.asked[form.holes] = asked;
                form.holes += 1;
                piece = end;
            }
            start = end + 1;
        }
        form.pieces[form.holes] = of(segment.get(piece..)?);
        Some(form)
    }

    /// Where a segment ends in CR that these bytes begin with and that differs only in the fields
    /// that may, and those fields, each where it was asked for.
    pub fn begins<'a>(&self, bytes: &'a [u8]) -> Option<(usize, [&'a [u8]; HOLES_MAX])> {
        let mut fields: [&[u8]; HOLES_MAX] = [&[]; HOLES_MAX];
        let [pieces @ .., _] = &self.pieces;
        let mut rest = bytes;
        for hole in 0..self.holes {
            let asked = *self.asked.get(hole)?;
            let (Some(field), Some(piece)) = (fields.get_mut(asked), pieces.get(hole)) else {
                break;
            };
            let after = stripped(rest, piece)?;
            let end = field_end(after, self.separator)?;
            (*field, rest) = after.split_at(end);
            if ends_in_segment(field) {
                return None;
            }
        }
        rest = stripped(rest, self.pieces.get(self.holes)?)?;
        let end = bytes.len() - rest.len();
        (rest.first() == Some(&b'\r') && end <= HL7_SEGMENT_BYTES_MAX).then_some((end, fields))
    }
}

/// What follows a piece that is known.
fn stripped<'a>(bytes: &'a [u8], (len, known): &Whole) -> Option<&'a [u8]> {
    let (piece, after) = bytes.split_at_checked(*len)?;
    (digest(piece) == *known).then_some(after)
}

/// The length and the digest of a piece.
pub fn of(piece: &[u8]) -> Whole {
    (piece.len(), digest(piece))
}

/// What a row meant.
#[derive(Clone, Debug, Default)]
pub struct Meaning {
    /// The row that what follows may belong to, where it is one.
    pub row: Option<Row>,
    /// OBX-1, where it is a number.
    pub id: Option<u32>,
    /// It is kept, as these bytes.
    pub kept: Vec<u8>,
    /// What is kept is of a device.
    pub is_device: bool,
    /// The fields that may differ.
    pub holes: &'static [usize],
}

/// The rows of the messages before: the last at each place of a message, and those without a
/// value by their digest too.
#[derive(Debug, Default)]
pub struct Forms {
    placed: Vec<Option<(Form, Meaning)>>,
    fixed: Vec<Option<(Whole, Meaning)>>,
    /// Bytes of what their meanings keep.
    kept_bytes: usize,
}

/// A row's length and its digest.
pub type Whole = (usize, u64);

impl Forms {
    /// Where the row at this place ends, if one like it was the last there, and how much is kept.
    pub fn begins(&self, place: usize, bytes: &[u8]) -> Option<(usize, usize)> {
        let Some(Some((form, meaning))) = self.placed.get(place % HL7_FORMS_MAX) else {
            return None;
        };
        let (end, _) = form.begins(bytes)?;
        Some((end, meaning.kept.len()))
    }

    /// What the last row at this place meant.
    pub fn last(&self, place: usize) -> Option<&Meaning> {
        let last = self.placed.get(place % HL7_FORMS_MAX)?;
        last.as_ref().map(|(_, meaning)| meaning)
    }

    /// What a row means without a value, if the same came before.
    pub fn find(&self, segment: &[u8]) -> Option<&Meaning> {
        let whole = of(segment);
        let at_place = |at: usize| match self.fixed.get(at) {
            Some(Some((known, meaning))) if *known == whole => Some(meaning),
            _ => None,
        };
        places(whole).into_iter().find_map(at_place)
    }

    /// Remembers a row.
    pub fn remember(&mut self, place: usize, segment: &[u8], separator: u8, meaning: Meaning) {
        // One that ends in another's name has lost its end; a control character ends a row or
        // not, by what follows it.
        let mut fields = segment.split(|byte| *byte == separator).skip(1);
        let Some(form) = Form::new(segment, separator, meaning.holes) else {
            return;
        };
        if fields.any(ends_in_segment)
            || control(segment).is_some()
            || meaning.kept.len() > KEPT_BYTES_MAX
        {
            return;
        }
        if form.holes == 0 {
            let whole = of(segment);
            let [first, second] = places(whole);
            let is_taken = matches!(self.fixed.get(first), Some(Some(_)));
            let at = if is_taken { second } else { first };
            self.kept_bytes += meaning.kept.len();
            let before = put(&mut self.fixed, at, (whole, meaning.clone()));
            self.kept_bytes -= before.map_or(0, |(_, meaning)| kept::list(&meaning.kept));
        }
        self.kept_bytes += kept::list(&meaning.kept);
        let before = put(&mut self.placed, place % HL7_FORMS_MAX, (form, meaning));
        self.kept_bytes -= before.map_or(0, |(_, meaning)| kept::list(&meaning.kept));
    }

    /// Bytes that they keep.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.placed) + kept::list(&self.fixed) + self.kept_bytes
    }

    /// Forgets all: rows are to be read in another way.
    pub fn clear(&mut self) {
        self.placed.clear();
        self.fixed.clear();
        self.kept_bytes = 0;
    }
}

/// Rows of a usual message: there is room for them at once.
pub const USUAL_ROWS: usize = 16;

/// Puts something in its place, and gives what was there.
fn put<T>(list: &mut Vec<Option<T>>, at: usize, entry: T) -> Option<T> {
    if list.len() <= at {
        list.reserve(USUAL_ROWS.saturating_sub(list.len()));
        list.resize_with(at + 1, || None);
    }
    list.get_mut(at)?.replace(entry)
}

/// The two places that a row can have: rows that share one need not push each other out.
fn places((_, digest): Whole) -> [usize; 2] {
    [digest, digest >> 32].map(|digest| digest as usize % HL7_FORMS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = b"OBX|2|NM|1^A^MDC|1.1.1.2|80||||||R|||2026";

    #[test]
    fn what_may_differ_is_given_back() {
        let form = Form::new(ROW, b'|', &[5, 14]).unwrap();
        let other = b"OBX|2|NM|1^A^MDC|1.1.1.2|1200||||||R|||2027\rOBX";
        let (end, fields) = form.begins(other).unwrap();
        assert_eq!((end, fields), (43, [&b"1200"[..], b"2027", b""]));
        for other in [
            &b"OBX|2|NM|1^A^MDC|1.1.1.2|80||||||R|||2026|"[..],
            b"OBX|2|NM|1^A^MDC|1.1.1.2|80||||||F|||2026",
            b"OBX|2|NM|1^A^MDC|1.1.1.3|80||||||R|||2026",
            b"OBX|2|NM|1^A^MDC|1.1.1.2|80|||||R|||2026",
            b"OBX|2|NM|1^A^MDC|1.1.1.2|80PID||||||R|||2026",
            b"OBX|2|NM|1^A^MDC|1.1.1.2|80|x|||||R|||2026",
            b"OBX|2|NM|1^A^MDC|1.1.1.2|8\n0||||||R|||2026",
            b"OBX|2|NM",
            b"",
        ] {
            let ended = [other, b"\r"].concat();
            assert_eq!(form.begins(&ended), None, "{}", other.escape_ascii());
        }
        // It may go on.
        assert_eq!(form.begins(ROW), None);
        // The last field, and one that is not there.
        let short = Form::new(b"OBX|2|3", b'|', &[2, 5]).unwrap();
        let fields = [&b"4"[..], b"", b""];
        assert_eq!(short.begins(b"OBX|2|4\r"), Some((7, fields)));
        assert_eq!(short.begins(b"OBX|2|4|\r"), None);
        let empty = Form::new(b"MSH||7|", b'|', &[1, 2, 3]).unwrap();
        let fields = [&b""[..], b"8", b""];
        assert_eq!(empty.begins(b"MSH||8|\r"), Some((7, fields)));
    }

    #[test]
    fn a_row_is_known_by_its_place_or_its_bytes() {
        let mut forms = Forms::default();
        let value = Meaning {
            row: Some(Row::Value(1)),
            id: Some(2),
            holes: &[5, 14],
            ..Meaning::default()
        };
        forms.remember(3, ROW, b'|', value);
        let fixed = b"PV1||I|ICU";
        let place = Meaning {
            kept: b"kept".to_vec(),
            ..Meaning::default()
        };
        forms.remember(1, fixed, b'|', place);
        let row = [ROW, b"\r"].concat();
        assert_eq!(forms.begins(3, &row), Some((ROW.len(), 0)));
        let known = forms.last(3).unwrap();
        assert_eq!((known.row, known.id), (Some(Row::Value(1)), Some(2)));
        assert_eq!(forms.begins(4, &row), None);
        let known = forms.find(fixed).unwrap();
        assert_eq!((&known.kept[..], known.row), (&b"kept"[..], None));
        assert_eq!(forms.begins(1, b"PV1||I|ICU\r"), Some((10, 4)));
        assert!(forms.find(b"PV1||I|ICU2").is_none());
        let lost = b"OBX|2|NM|1|1.1.1.2|80PID||R";
        forms.remember(5, lost, b'|', Meaning::default());
        assert!(forms.last(5).is_none());
        forms.clear();
        assert!(forms.last(3).is_none() && forms.find(fixed).is_none());
    }
}
