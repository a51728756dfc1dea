//! One HL7 v2 message under way: which of its rows can say something of software and devices. It
//! decides by structure and codes alone, and keeps no measured value and no row of a person.

use std::cmp::Ordering;
use std::sync::Arc;

use super::answers::Answer;
use super::code::Code;
use super::equipment::{Devices, level, number};
use super::forms::{Forms, Meaning, USUAL_ROWS};
use super::known::Known;
use super::repeats::Left;
use super::report::{self, Sure};
use super::rows::{Kind, Rows};
use super::session::{is_day, looks_like_day};
use super::syntax::{Delimiters, Marks};
use super::witness::Witnesses;
use crate::config::HL7_FORMS_MAX;
use crate::observe::{Emit, passage};
use crate::proto::digest::{Digest, digest};
use crate::proto::kept;

/// Where MSA-2, the control id that is answered, stands among the fields.
const MSA_ID: usize = 2;

/// LOINC: the unique device identifier of an implant, which is its bearer's.
const IMPLANT_UDI: &[u8] = b"74711-3";

/// Length of the kind of an admission, PV1-4 (HL7 table 0007).
const ADMISSION_BYTES_MAX: usize = 2;

/// Where a row stands in the containment tree, OBX-4 `MDS.VMD.CHAN.METRIC`: the first two levels.
pub type Level = (u32, u32);

/// The row that a participation (PRT) may belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Row {
    /// None, or one of no device.
    #[default]
    Other,
    /// A device's own.
    Device(Level),
    /// A value's, in this MDS.
    Value(u32),
    /// An implant's: what follows names it.
    Implant,
}

impl Row {
    fn bytes(self) -> [u8; 9] {
        let (kind, mds, vmd) = match self {
            Self::Other | Self::Implant => (0, 0, 0),
            Self::Device((mds, vmd)) => (1, mds, vmd),
            Self::Value(mds) => (2, mds, 0),
        };
        let ([a, b, c, d], [e, f, g, h]) = (mds.to_le_bytes(), vmd.to_le_bytes());
        [kind, a, b, c, d, e, f, g, h]
    }

    /// The row that was kept.
    pub fn read(bytes: &[u8]) -> Self {
        let Ok([kind, a, b, c, d, e, f, g, h]) = <[u8; 9]>::try_from(bytes) else {
            return Self::Other;
        };
        let (mds, vmd) = (
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        );
        match kind {
            1 => Self::Device((mds, vmd)),
            2 => Self::Value(mds),
            _ => Self::Other,
        }
    }
}

/// A message under way.
#[derive(Debug, Default)]
pub struct Message {
    /// Its separators.
    pub delimiters: Delimiters,
    names_devices: bool,
    result: bool,
    /// Of its separators and its sender's names.
    head: u64,
    /// Of its control id.
    id: u64,
    row: Row,
    /// Rows that came.
    count: usize,
    /// OBX-1 of the last OBX, and what was kept before it.
    last: (Option<u32>, usize),
    rows: Rows,
    forms: Forms,
    /// What was kept before its first row.
    start: usize,
    /// Nothing came after its header.
    is_fresh: bool,
    /// The fields that may differ of each row that came.
    holes: Vec<&'static [usize]>,
    /// What came can be known again by its bytes.
    is_plain: bool,
    /// What stands for the software that is told.
    software_left: Option<u64>,
    /// What it answers, where it answers one.
    answer: Option<Answer>,
    /// What messages of its direction said lately.
    pub witnesses: Witnesses,
    /// Rows besides places were kept.
    has_devices: bool,
    /// A patient came after a row: the end of a message may be missing.
    is_doubtful: bool,
    /// SFT segments, while nothing else came.
    software: Option<u32>,
    /// What was made of rows before those that are kept.
    devices: Option<Box<Devices>>,
}

impl Message {
    /// Another message begins, by its header and the digest of its control id.
    pub fn begin(&mut self, known: &Known, id: u64) {
        let reads = (known.delimiters, known.names_devices);
        if reads != (self.delimiters, self.names_devices) {
            self.forms.clear();
        }
        (self.delimiters, self.names_devices) = reads;
        self.result = known.is_result;
        self.head = known.head;
        self.id = id;
        self.row = Row::Other;
        self.count = 0;
        self.last = (None, 0);
        self.has_devices = false;
        self.is_doubtful = false;
        self.software = Some(0);
        self.software_left = None;
        self.answer = None;
        self.devices = None;
        self.rows.clear();
        // The first row has room.
        let _ = self.rows.push_again(&known.sender);
        self.start = self.rows.bytes().len();
        self.is_fresh = true;
        self.holes.clear();
        self.holes.reserve(USUAL_ROWS);
        self.is_plain = true;
    }

    /// A segment that is not read has passed: what follows belongs to no row before it, unless it
    /// is a note.
    pub fn pass(&mut self, name: [u8; 3], emit: Emit<'_>) {
        self.is_fresh = false;
        self.leave_software(emit);
        if name != *b"NTE" {
            self.row = Row::Other;
        }
        let is_person = matches!(&name, b"PID" | b"PD1" | b"NK1");
        self.is_doubtful |= is_person && self.has_devices;
    }

    /// Where a row ends that differs from the last one at its place only where nothing is read: it
    /// means the same.
    pub fn again(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<usize> {
        self.is_fresh = false;
        let (end, room) = self.forms.begins(self.count, bytes)?;
        if !self.rows.has_room(room) {
            return None;
        }
        if !bytes.starts_with(b"SFT") {
            self.leave_software(emit);
        } else if self.software == Some(0) {
            self.software = Some(1);
        } else {
            return None;
        }
        let Self {
            forms,
            rows,
            row,
            last,
            has_devices,
            ..
        } = self;
        let known = forms.last(self.count)?;
        take(known, rows, row, last, has_devices);
        let holes = known.holes;
        self.note(holes);
        self.count += 1;
        Some(end)
    }

    /// The fields of its rows that may differ.
    pub fn holes(&self) -> &[&'static [usize]] {
        &self.holes
    }

    /// What it leaves, whole, and what was kept of its rows; nothing where it can't be known again
    /// by its bytes.
    pub fn left(&self, known: &Arc<Known>) -> Option<(Left, &[u8])> {
        if !self.is_plain || self.devices.is_some() {
            return None;
        }
        let rows = self.rows.bytes().get(self.start..)?;
        let devices = self.has_devices.then(|| self.devices_digest(rows));
        let words = [self.software_left, devices].map(Option::unwrap_or_default);
        let said = Digest::default().words(&[known.said]).words(&words);
        let left = Left {
            known: Arc::clone(known),
            said: said.finish(),
            software: self.software_left,
            devices,
            is_doubtful: self.is_doubtful,
            answer: self.answer,
        };
        Some((left, rows))
    }

    /// What stands for all that its rows tell of devices.
    fn devices_digest(&self, rows: &[u8]) -> u64 {
        report::devices(self.head, digest(rows), self.result)
    }

    /// It answers another message, in a way that is known or not. What answers several can't be
    /// known again by its bytes.
    pub fn answers(&mut self, answer: Option<Answer>) {
        self.note(&[MSA_ID]);
        self.is_plain &= answer.is_some() && self.answer.is_none();
        self.answer = answer;
    }

    /// Another row came whose fields with these numbers may differ.
    fn note(&mut self, holes: &'static [usize]) {
        self.is_plain &= self.holes.len() < HL7_FORMS_MAX;
        if self.is_plain {
            self.holes.push(holes);
        }
    }

    /// True while nothing came after its header.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// A segment that is read, whole.
    pub fn segment(&mut self, name: &[u8], segment: &[u8]) {
        let place = self.count;
        self.count += 1;
        if name != b"OBX" {
            self.note(&[]);
        }
        match name {
            b"PRT" => return self.participation(segment),
            b"EQU" => {
                let fields: [&[u8]; 4] = self.delimiters.fields(segment);
                // When that was is required: without it, this is the rest of something else.
                if !fields[2].is_empty() && is_day(self.delimiters.component(fields[2], 1)) {
                    self.keep(Kind::Equipment, &[fields[1], fields[3]]);
                }
                return;
            }
            b"INV" => {
                let fields: [&[u8]; 18] = self.delimiters.fields(segment);
                // A code, its name and its system; anything less may be a part of something else.
                if self
                    .delimiters
                    .components(fields[17])
                    .iter()
                    .all(|part| !part.is_empty())
                {
                    self.keep(Kind::Inventory, &[fields[17]]);
                }
                return;
            }
            // SFT follows the header; elsewhere it is none. The first alone can be the sender's.
            b"SFT" => match &mut self.software {
                Some(segments @ 0) => *segments = 1,
                Some(_) => return self.software = Some(2),
                None => return,
            },
            _ => {}
        }
        if let Some(known) = self.forms.find(segment)
            && self.rows.has_room(known.kept.len())
        {
            let holes = known.holes;
            let Self {
                rows,
                row,
                last,
                has_devices,
                ..
            } = self;
            take(known, rows, row, last, has_devices);
            if name == b"OBX" {
                self.note(holes);
            }
            return;
        }
        let mut before = self.rows.bytes().len();
        let (row, holes): (_, &[usize]) = match name {
            b"SFT" => (None, self.software(segment)),
            b"PV1" => (None, self.location(segment)),
            _ => {
                let fields: [&[u8]; 19] = self.delimiters.fields(segment);
                self.last = follow(&mut self.rows, self.last, number(fields[1]));
                before = self.rows.bytes().len();
                let holes = self.observation(&fields);
                (Some(self.row), holes)
            }
        };
        if row.is_some() {
            self.note(holes);
        }
        if let (Some(kept), None) = (self.rows.bytes().get(before..), &self.devices) {
            let meaning = Meaning {
                row,
                id: self.last.0.filter(|_| row.is_some()),
                is_device: row.is_some() && !kept.is_empty(),
                kept: kept.to_vec(),
                holes,
            };
            let separator = self.delimiters.field;
            self.forms.remember(place, segment, separator, meaning);
        }
    }

    /// A row was too long to be read.
    pub fn skip_row(&mut self) {
        self.row = Row::Other;
        self.last.0 = None;
        self.is_plain = false;
    }

    /// Keeps a row; where there is no room, what was kept is made into devices at once.
    fn keep(&mut self, kind: Kind, fields: &[&[u8]]) {
        self.has_devices |= !matches!(kind, Kind::Place | Kind::Software);
        if self.rows.push(kind, fields) {
            return;
        }
        let devices = self.devices.get_or_insert_default();
        devices.read(&self.delimiters, &self.rows);
        self.rows.clear();
        self.last = (None, 0);
        // A row is shorter than a segment: it fits now.
        let _ = self.rows.push(kind, fields);
    }

    fn software(&mut self, segment: &[u8]) -> &'static [usize] {
        let [_, names @ .., text, day]: [&[u8]; 7] = self.delimiters.fields(segment);
        let [vendor, version, product, binary] = names;
        // A day in the place of the free text before it: a separator is lost. After it is nothing.
        let mut after = Marks::new(segment, self.delimiters.field).skip(6);
        let rest = after.next().and_then(|at| segment.get(at..));
        let shifted = rest
            .is_some_and(|rest| rest.iter().any(|byte| *byte != self.delimiters.field))
            || match day {
                [] => looks_like_day(binary) || looks_like_day(text),
                day => !is_day(day),
            };
        if !shifted {
            self.keep(Kind::Software, &[vendor, version, product, binary, day]);
        }
        &[]
    }

    /// The last SFT has passed. Where there are several, a chain of programs handed the message
    /// on, and which of them is the sender is not told.
    pub fn leave_software(&mut self, emit: Emit<'_>) {
        if self.software.take() != Some(1) {
            return;
        }
        let rows = self.rows.bytes().get(self.start..).unwrap_or_default();
        let digest = report::software(self.head, digest(rows));
        self.software_left = Some(digest);
        let sure = self.witnesses.agree(digest, self.id);
        passage(digest ^ u64::from(sure), emit, |emit| {
            report::say_software(&self.rows, &self.delimiters, sure, emit);
        });
    }

    /// PV1-3, a PL, between PV1-2, a patient's class, and PV1-4, how it was admitted: of any other
    /// shape it is no PV1.
    fn location(&mut self, segment: &[u8]) -> &'static [usize] {
        let fields: [&[u8]; 5] = self.delimiters.fields(segment);
        let class = self.delimiters.component(fields[2], 1);
        let admission = self.delimiters.component(fields[4], 1);
        let place = match class {
            [class] if class.is_ascii_uppercase() && admission.len() <= ADMISSION_BYTES_MAX => {
                fields[3]
            }
            _ => &[],
        };
        self.keep(Kind::Place, &[place]);
        &[]
    }

    /// One OBX: a device's row, an identity value, an event, or a row that names its device. Gives
    /// the fields that do not count: OBX-5 of a value that is not read, and when that was, OBX-14.
    fn observation(&mut self, fields: &[&[u8]; 19]) -> &'static [usize] {
        const TIME: &[usize] = &[14];
        const VALUE_AND_TIME: &[usize] = &[5, 14];
        let delimiters = self.delimiters;
        let (code, place, value, status) = (fields[3], fields[4], fields[5], fields[11]);
        self.row = Row::Other;
        // Without a status, what stands there is something else.
        let instance = if self.names_devices && is_status(status) {
            fields[18]
        } else {
            &[]
        };
        let Some(parsed) = Code::parse(&delimiters, code) else {
            if delimiters.component(code, 1) == IMPLANT_UDI {
                self.row = Row::Implant;
            } else if !instance.is_empty() {
                self.keep(Kind::Named, &[b"", instance]);
            }
            return VALUE_AND_TIME;
        };
        let level = level(delimiters.component(place, 1));
        // Units, ranges and flags belong to what was measured.
        let is_bare = fields[6..=10].iter().all(|field| field.is_empty());
        if let Some((level, true)) = level
            && (status == b"X" || value.is_empty())
            && is_bare
        {
            self.row = Row::Device(level);
            self.keep(Kind::Device, &[code, place, instance]);
            return TIME;
        }
        if let Some((level, _)) = level {
            self.row = Row::Value(level.0);
        }
        if parsed.attribute().is_some() {
            if !is_bare {
                return TIME;
            }
            self.keep(Kind::Value, &[code, place, value, status, instance]);
            return TIME;
        }
        if !instance.is_empty() {
            let mds = level.map(|_| place.split(|byte| *byte == b'.').next());
            let mds = mds.flatten().unwrap_or_default();
            self.keep(Kind::Named, &[mds, instance]);
        }
        // Without a value, a row in the place of a device's is one.
        match level {
            Some((_, true)) => TIME,
            _ => VALUE_AND_TIME,
        }
    }

    /// One PRT (from v2.7) whose participant is equipment. One with a donation (PRT-21) is of
    /// blood or tissue: its identifiers are a person's, and so are an implant's.
    fn participation(&mut self, segment: &[u8]) {
        let delimiters = self.delimiters;
        let fields: [&[u8]; 23] = delimiters.fields(segment);
        // HL7 table 0912. A person's participation ends here, its other fields unread.
        let undated = |field: &[u8]| !(field.is_empty() || is_day(field));
        if delimiters.component(fields[4], 1) != b"EQUIP"
            || delimiters.repeats(fields[4])
            || !fields[21].is_empty()
            || undated(fields[17])
            || undated(fields[18])
            || self.row == Row::Implant
        {
            return;
        }
        // A person, an organisation or a place takes part by itself. Beside one, what has no type
        // may be its number: two rows that became one.
        let typed = !delimiters.component(fields[10], 4).is_empty();
        if !typed && fields[5..10].iter().any(|field| !field.is_empty()) {
            return;
        }
        let row = self.row.bytes();
        let [udi, made, expires, lot, serial] =
            [fields[16], fields[17], fields[18], fields[19], fields[20]];
        let kept = [
            &row[..],
            fields[10],
            udi,
            made,
            expires,
            lot,
            serial,
            fields[22],
        ];
        self.keep(Kind::Participation, &kept);
    }

    /// The message is over: says what waited for its end.
    pub fn end(&mut self, emit: Emit<'_>) {
        self.leave_software(emit);
        let (delimiters, result) = (self.delimiters, self.result);
        if let Some(mut devices) = self.devices.take() {
            devices.read(&delimiters, &self.rows);
            devices.emit(result, Sure::of(false, self.is_doubtful), emit);
        } else if self.has_devices {
            let rows = self.rows.bytes().get(self.start..).unwrap_or_default();
            let digest = self.devices_digest(rows);
            let is_witnessed = self.witnesses.agree(digest, self.id);
            let sure = Sure::of(is_witnessed, self.is_doubtful);
            passage(digest ^ sure as u64, emit, |emit| {
                report::say_devices(&self.rows, &delimiters, (result, sure), emit);
            });
        } else if result {
            report::say_result(emit);
        }
        self.rows.clear();
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let devices = self.devices.as_deref();
        self.rows.kept_bytes()
            + self.forms.kept_bytes()
            + kept::list(&self.holes)
            + self.witnesses.kept_bytes()
            + devices.map_or(0, |devices| size_of_val(devices) + devices.kept_bytes())
    }
}

/// What a row that is known adds to its message.
fn take(
    known: &Meaning,
    rows: &mut Rows,
    row: &mut Row,
    last: &mut (Option<u32>, usize),
    has_devices: &mut bool,
) {
    if let Some(meant) = known.row {
        *row = meant;
        *last = follow(rows, *last, known.id);
    }
    *has_devices |= known.is_device;
    // There is room.
    let _ = rows.push_again(&known.kept);
}

/// Another OBX follows: its number, and what is kept before it. One that skips numbers shows that
/// bytes are missing without a gap: the row before it may be made of two, and what it said is taken
/// back. One whose number follows shows that the row before it is one.
fn follow(rows: &mut Rows, last: (Option<u32>, usize), id: Option<u32>) -> (Option<u32>, usize) {
    if let ((Some(last), kept), Some(id)) = (last, id) {
        match id.cmp(&last.saturating_add(1)) {
            Ordering::Greater => rows.truncate(kept),
            Ordering::Equal => rows.follow(kept),
            Ordering::Less => {}
        }
    }
    (id, rows.bytes().len())
}

/// OBX-11, which every row must have: one letter, HL7 table 0085.
pub fn is_status(field: &[u8]) -> bool {
    matches!(field, [letter] if letter.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back() {
        for row in [Row::Other, Row::Device((7, 9)), Row::Value(u32::MAX)] {
            assert_eq!(Row::read(&row.bytes()), row);
        }
        assert_eq!(Row::read(b"x"), Row::Other);
    }
}
