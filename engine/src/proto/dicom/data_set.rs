//! A data set, DICOM PS3.5 section 7, read in pieces that may be cut at any byte. It keeps the
//! values of the allow-list and steps over all else without holding it; it never looks into
//! private sequences, pixels or documents.
//!
//! ```text
//! implicit       | group 2 | element 2 | length 4 | value
//! explicit       | group 2 | element 2 | VR 2 | length 2 | value
//! explicit, long | group 2 | element 2 | VR 2 | 0 2 | length 4 | value
//! item, end      | FFFE    | E000 …    | length 4 |            in every encoding
//! ```

use flate2::{Decompress, FlushDecompress, Status};

use super::equipment::{Equipment, Kind, Scope, Slot, Want, want};
use crate::config::{DICOM_DEPTH_MAX, DICOM_INFLATED_BYTES_MAX};
use crate::observe::{Fault, Observation};
use crate::proto::kept;

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Implicit VR Little Endian.
    ImplicitLittle,
    /// Explicit VR Little Endian.
    ExplicitLittle,
    /// Explicit VR Big Endian, retired.
    ExplicitBig,
}

/// A transfer syntax, as far as the elements before the pixels are concerned (PS3.5 annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// Elements as they are.
    Plain(Encoding),
    /// Elements in Explicit VR Little Endian inside raw deflate (RFC 1951).
    Deflated,
    /// Not known: the start of the association was not seen.
    Unknown,
}

impl Syntax {
    /// The syntax of a UID; nothing for one that is no data set of elements.
    pub fn of(uid: &[u8]) -> Option<Self> {
        match uid {
            // The second is a maker's own: big-endian pixels, elements as in the first.
            b"1.2.840.10008.1.2" | b"1.2.840.113619.5.2" | b"1.2.840.10008.1.20" => {
                Some(Self::Plain(Encoding::ImplicitLittle))
            }
            b"1.2.840.10008.1.2.2" => Some(Self::Plain(Encoding::ExplicitBig)),
            b"1.2.840.10008.1.2.1.99" | b"1.2.840.10008.1.2.4.95" | b"1.2.840.10008.1.2.4.205" => {
                Some(Self::Deflated)
            }
            _ if uid.starts_with(b"1.2.840.10008.1.2.6.")
                || uid.starts_with(b"1.2.840.10008.1.2.7.") =>
            {
                None
            }
            // All encapsulated syntaxes keep their elements in Explicit VR Little Endian.
            _ if uid.starts_with(b"1.2.840.10008.1.2.") => {
                Some(Self::Plain(Encoding::ExplicitLittle))
            }
            _ => None,
        }
    }
}

/// Where a reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In or before an element's header.
    Header,
    /// In a value that is kept.
    Keep { left: u64 },
    /// In a value that is not.
    Skip { left: u64 },
    /// All wanted elements have passed.
    Done,
    /// Not a data set in this encoding; what was kept is not to be trusted.
    Broken,
}

/// A sequence or item that is open.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// True for a sequence, whose children are items; false for an item.
    sequence: bool,
    /// Where it ends, counted from the data set's start; nothing if a delimiter ends it.
    end: Option<u64>,
    /// What is kept of it.
    scope: Scope,
    /// How its elements are written.
    encoding: Encoding,
}

/// An element's header.
struct Element {
    tag: u32,
    vr: Option<[u8; 2]>,
    /// Length of the value; nothing if a delimiter ends it.
    len: Option<u64>,
}

/// The undefined length.
const UNDEFINED: u32 = u32::MAX;
/// Item.
const ITEM: u32 = 0xfffe_e000;
/// Item delimitation.
const ITEM_END: u32 = 0xfffe_e00d;
/// Sequence delimitation.
const SEQUENCE_END: u32 = 0xfffe_e0dd;
/// The group of items and delimiters.
const ITEM_GROUP: u32 = 0xfffe;
/// The first group of pixel data; no equipment follows it.
const PIXELS: u32 = 0x7fe0_0000;

/// VRs with a 16-bit length, PS3.5 table 7.1-2; every other has 32 bits, new ones too.
const fn is_short(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"AE"
            | b"AS"
            | b"AT"
            | b"CS"
            | b"DA"
            | b"DS"
            | b"DT"
            | b"FL"
            | b"FD"
            | b"IS"
            | b"LO"
            | b"LT"
            | b"PN"
            | b"SH"
            | b"SL"
            | b"SS"
            | b"ST"
            | b"TM"
            | b"UI"
            | b"UL"
            | b"US"
    )
}

/// VRs with a 32-bit length, PS3.5 table 7.1-1.
const LONG_VRS: &[&[u8; 2]] = &[
    b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
];

/// VRs of texts that are kept, PS3.5 6.2, and UN, which any value may have. A value under another
/// is not what its tag says: a number, a sequence, a person's name.
const KEPT_VRS: &[&[u8; 2]] = &[
    b"AE", b"CS", b"DA", b"LO", b"SH", b"TM", b"UI", b"UN", b"UT",
];

/// Reads one data set.
#[derive(Debug)]
pub struct Reader {
    kind: Kind,
    /// Nothing until the first element has told it.
    encoding: Option<Encoding>,
    state: State,
    head: [u8; 12],
    head_len: usize,
    /// A level was refused.
    is_too_deep: bool,
    levels: Vec<Level>,
    /// Bytes read so far.
    position: u64,
    /// The last tag outside of any sequence: tags ascend.
    last_tag: Option<u32>,
}

impl Reader {
    /// Begins a data set. Without an encoding it is told by the first element.
    pub const fn new(kind: Kind, encoding: Option<Encoding>) -> Self {
        Self {
            kind,
            encoding,
            state: State::Header,
            head: [0; 12],
            head_len: 0,
            is_too_deep: false,
            levels: Vec::new(),
            position: 0,
            last_tag: None,
        }
    }

    /// True when nothing more will be kept.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done | State::Broken)
    }

    /// True where a data set can end: between two elements, with nothing open.
    pub fn is_whole(&self) -> bool {
        let between = match self.state {
            State::Header => self.head_len == 0,
            State::Skip { left } | State::Keep { left } => left == 0,
            State::Done => true,
            State::Broken => false,
        };
        let closed = |level: &Level| level.end == Some(self.position);
        between && (self.state == State::Done || self.levels.iter().all(closed))
    }

    /// Bytes that it needs not be shown.
    pub fn skippable(&self) -> u64 {
        match self.state {
            State::Skip { left } => left,
            State::Done | State::Broken => u64::MAX,
            State::Header | State::Keep { .. } => 0,
        }
    }

    /// Takes note of bytes that it was not shown, at most [`Self::skippable`].
    pub fn skip(&mut self, bytes: u64) {
        if let State::Skip { left } = &mut self.state {
            *left = left.saturating_sub(bytes);
            self.position = self.position.saturating_add(bytes);
        }
    }

    /// Reads the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8], equipment: &mut Equipment) {
        loop {
            bytes = match self.state {
                State::Done | State::Broken => return,
                State::Skip { left: 0 } | State::Keep { left: 0 } => {
                    self.state = State::Header;
                    bytes
                }
                State::Skip { left } => {
                    let (taken, rest) = self.take(bytes, left);
                    self.state = State::Skip {
                        left: left - taken.len() as u64,
                    };
                    rest
                }
                State::Keep { left } => {
                    let (taken, rest) = self.take(bytes, left);
                    equipment.push(taken);
                    self.state = State::Keep {
                        left: left - taken.len() as u64,
                    };
                    rest
                }
                State::Header => {
                    self.close_ended_levels();
                    if self.is_done() {
                        return;
                    }
                    let missing = self.header_len() - self.head_len;
                    let (taken, rest) = self.take(bytes, missing as u64);
                    let end = self.head_len + taken.len();
                    if let Some(room) = self.head.get_mut(self.head_len..end) {
                        room.copy_from_slice(taken);
                    }
                    self.head_len = end;
                    if self.head_len == self.header_len() {
                        self.head_len = 0;
                        self.state = self.element(equipment).unwrap_or(State::Broken);
                    }
                    rest
                }
            };
            let waiting = match self.state {
                State::Skip { left } | State::Keep { left } => left > 0,
                State::Header => true,
                State::Done | State::Broken => true,
            };
            if bytes.is_empty() && waiting {
                return;
            }
        }
    }

    /// Takes at most `most` bytes off the front.
    fn take<'a>(&mut self, bytes: &'a [u8], most: u64) -> (&'a [u8], &'a [u8]) {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let (taken, rest) = bytes
            .split_at_checked(most)
            .unwrap_or((bytes, Default::default()));
        self.position = self.position.saturating_add(taken.len() as u64);
        (taken, rest)
    }

    /// The encoding of the next element.
    fn encoding(&self) -> Option<Encoding> {
        self.levels
            .last()
            .map_or(self.encoding, |level| Some(level.encoding))
    }

    /// Length of the next header as far as its first bytes tell.
    fn header_len(&self) -> usize {
        let [g0, g1, _, _, v0, v1, ..] = self.head;
        let explicit = match self.encoding() {
            Some(Encoding::ImplicitLittle) | None => false,
            Some(Encoding::ExplicitLittle) => [g0, g1] != [0xfe, 0xff],
            Some(Encoding::ExplicitBig) => [g0, g1] != [0xff, 0xfe],
        };
        let long = self.head_len >= 8 && explicit && !is_short([v0, v1]);
        if long { 12 } else { 8 }
    }

    /// Closes what ends here by its length.
    fn close_ended_levels(&mut self) {
        if self.head_len > 0 {
            return;
        }
        while let Some(level) = self.levels.last() {
            if level.end.is_none_or(|end| end > self.position) {
                return;
            }
            self.close();
        }
    }

    /// Closes the innermost level.
    fn close(&mut self) {
        // One scheduled step is one station; a second would be another one's.
        if let Some(Level {
            scope: Scope::ScheduledStep,
            ..
        }) = self.levels.pop()
        {
            self.state = State::Done;
        }
    }

    /// The header that is complete now, in its encoding.
    fn header(&self) -> Option<Element> {
        let [g0, g1, e0, e1, a, b, c, d, l0, l1, l2, l3] = self.head;
        let big = self.encoding()? == Encoding::ExplicitBig;
        let tag = if big {
            u32::from_be_bytes([g0, g1, e0, e1])
        } else {
            u32::from_le_bytes([e0, e1, g0, g1])
        };
        let long = |bytes| {
            if big {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let bare = self.encoding()? == Encoding::ImplicitLittle || tag >> 16 == ITEM_GROUP;
        let (vr, len) = if bare {
            (None, long([a, b, c, d]))
        } else if is_short([a, b]) {
            let len = if big {
                u16::from_be_bytes([c, d])
            } else {
                u16::from_le_bytes([c, d])
            };
            (Some([a, b]), u32::from(len))
        } else {
            // An unknown VR is a new one, and those have the long form (PS3.5 6.2.2).
            let letters = a.is_ascii_uppercase() && b.is_ascii_uppercase();
            (Some([a, b]).filter(|_| letters), long([l0, l1, l2, l3]))
        };
        (bare || vr.is_some()).then_some(Element {
            tag,
            vr,
            len: (len != UNDEFINED).then_some(u64::from(len)),
        })
    }

    /// What follows the header that is complete now; nothing if it cannot be one.
    fn element(&mut self, equipment: &mut Equipment) -> Option<State> {
        if self.encoding.is_none() {
            self.encoding = Some(guess(&self.head)?);
            if self.header_len_after_guess() {
                return Some(State::Header);
            }
        }
        let element = self.header()?;
        let level = self.levels.last().copied();
        let end = element.len.map(|len| self.position.saturating_add(len));
        // Nothing reaches past what holds it.
        let limit = level.and_then(|level| level.end);
        if end.zip(limit).is_some_and(|(end, limit)| end > limit) {
            return None;
        }
        match level {
            Some(level) if level.sequence => self.in_sequence(level, &element, end),
            Some(level) if element.tag == ITEM_END => {
                (level.end.is_none() && element.len == Some(0)).then_some(())?;
                self.close();
                Some(self.after_close())
            }
            _ if element.tag >> 16 == ITEM_GROUP => None,
            Some(level) => self.enter(
                want(self.kind, level.scope, element.tag),
                &element,
                equipment,
            ),
            None => {
                if self.last_tag.is_some_and(|last| last >= element.tag) {
                    return None;
                }
                self.last_tag = Some(element.tag);
                if element.tag >= PIXELS {
                    return Some(State::Done);
                }
                self.enter(
                    want(self.kind, Scope::Root, element.tag),
                    &element,
                    equipment,
                )
            }
        }
    }

    /// True if the guess makes the header longer than what is held; then more is read.
    fn header_len_after_guess(&mut self) -> bool {
        self.head_len = 8;
        let longer = self.header_len() > 8;
        if !longer {
            self.head_len = 0;
        }
        longer
    }

    /// A child of a sequence: an item, or the sequence's end.
    fn in_sequence(&mut self, level: Level, element: &Element, end: Option<u64>) -> Option<State> {
        match (element.tag, element.len) {
            (SEQUENCE_END, Some(0)) if level.end.is_none() => {
                self.close();
                Some(self.after_close())
            }
            (ITEM, Some(len)) if level.scope == Scope::Nothing => Some(State::Skip { left: len }),
            (ITEM, _) => {
                self.open(Level {
                    sequence: false,
                    end,
                    ..level
                })?;
                Some(State::Header)
            }
            _ => None,
        }
    }

    /// Goes on after a level was closed, which may have been the last one wanted.
    fn after_close(&self) -> State {
        if self.state == State::Done {
            State::Done
        } else {
            State::Header
        }
    }

    /// An element outside of sequences or in an item.
    fn enter(&mut self, want: Want, element: &Element, equipment: &mut Equipment) -> Option<State> {
        let end = element.len.map(|len| self.position.saturating_add(len));
        let encoding = match element.vr {
            // UN of undefined length holds Implicit VR Little Endian, PS3.5 6.2.2 note 2.
            Some([b'U', b'N']) => Encoding::ImplicitLittle,
            _ => self.encoding()?,
        };
        let scope = match (want, element.len) {
            (Want::Stop, _) => return Some(State::Done),
            (Want::Keep(slot), Some(left)) if is_kept(element.vr) => {
                return Some(keep(slot, left, equipment));
            }
            (Want::Keep(_), Some(left)) => return Some(State::Skip { left }),
            (Want::Skip, Some(left)) => return Some(State::Skip { left }),
            (Want::Enter(scope), _) => {
                equipment.enter(scope);
                scope
            }
            (Want::Keep(_) | Want::Skip, None) => Scope::Nothing,
        };
        self.open(Level {
            sequence: true,
            end,
            scope,
            encoding,
        })?;
        Some(State::Header)
    }

    /// Opens a level, unless too many are open.
    fn open(&mut self, level: Level) -> Option<()> {
        let room = self.levels.len() < DICOM_DEPTH_MAX;
        self.is_too_deep |= !room;
        room.then(|| self.levels.push(level))
    }
}

/// True where a value that is wanted may be what its tag says.
fn is_kept(vr: Option<[u8; 2]>) -> bool {
    vr.is_none_or(|vr| KEPT_VRS.contains(&&vr))
}

/// Begins a value that is kept, if there is room.
fn keep(slot: Slot, left: u64, equipment: &mut Equipment) -> State {
    if left > 0 && equipment.begin(slot) {
        State::Keep { left }
    } else {
        State::Skip { left }
    }
}

/// The encoding that the first eight bytes of a data set show. A data set begins with group
/// 0008 in every message whose data set is read, or lower.
fn guess(head: &[u8; 12]) -> Option<Encoding> {
    let [g0, g1, e0, e1, a, b, c, d, ..] = *head;
    let vr = is_short([a, b]) || LONG_VRS.contains(&&[a, b]);
    match ([g0, g1], vr) {
        ([0x08, 0x00], true) => Some(Encoding::ExplicitLittle),
        ([0x00, 0x08], true) => Some(Encoding::ExplicitBig),
        ([0x08 | 0x10, 0x00], false) => {
            // The first elements of the two groups are short.
            let len = u32::from_le_bytes([a, b, c, d]);
            let element = u16::from_le_bytes([e0, e1]);
            (len <= 256 && element < 0x0100).then_some(Encoding::ImplicitLittle)
        }
        _ => None,
    }
}

/// A data set under way: the reader, what takes the deflate off before it, and what it kept.
pub struct DataSet {
    reader: Reader,
    inflate: Option<Box<Decompress>>,
    /// Why it could not be inflated.
    fault: Option<Fault>,
    /// What was kept.
    pub equipment: Equipment,
    /// It came with an N-CREATE.
    pub created: bool,
}

impl DataSet {
    /// Begins a data set.
    pub fn new(kind: Kind, syntax: Syntax, created: bool) -> Self {
        let encoding = match syntax {
            Syntax::Plain(encoding) => Some(encoding),
            Syntax::Deflated => Some(Encoding::ExplicitLittle),
            Syntax::Unknown => None,
        };
        Self {
            reader: Reader::new(kind, encoding),
            inflate: (syntax == Syntax::Deflated).then(|| Box::new(Decompress::new(false))),
            fault: None,
            equipment: Equipment::new(kind),
            created,
        }
    }

    /// True when nothing more will be kept.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    /// Why what was kept is not to be trusted, where the data set may not end.
    pub fn fault(&self) -> Option<Observation<'static>> {
        if self.reader.is_whole() {
            return None;
        }
        let deep = self.reader.is_too_deep.then_some(Fault::OverLimit);
        let short = (!self.is_done()).then_some(Fault::Truncated);
        let fault = self.fault.or(deep).or(short);
        Some(fault.map_or(Observation::Malformed, Observation::Faulty))
    }

    /// Bytes that it needs not be shown.
    pub fn skippable(&self) -> u64 {
        match self.inflate {
            Some(_) if !self.is_done() => 0,
            _ => self.reader.skippable(),
        }
    }

    /// Takes note of bytes that it was not shown.
    pub fn skip(&mut self, bytes: u64) {
        self.reader.skip(bytes);
    }

    /// Reads the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        let Some(inflate) = &mut self.inflate else {
            return self.reader.feed(bytes, &mut self.equipment);
        };
        let mut output = [0; 4096];
        while !self.reader.is_done() {
            let (taken, made) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(bytes, &mut output, FlushDecompress::None);
            let taken = usize::try_from(inflate.total_in() - taken).unwrap_or(usize::MAX);
            let made = usize::try_from(inflate.total_out() - made).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
            let inflated = output.get(..made).unwrap_or_default();
            self.reader.feed(inflated, &mut self.equipment);
            self.fault = match status {
                Err(_) => Some(Fault::Encoding),
                Ok(_) if inflate.total_out() > DICOM_INFLATED_BYTES_MAX => Some(Fault::Inflation),
                Ok(_) => None,
            };
            if self.fault.is_some() {
                self.reader.state = State::Broken;
            }
            if self.fault.is_some() || matches!(status, Ok(Status::StreamEnd)) || taken + made == 0
            {
                return;
            }
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let inflate = self.inflate.as_deref();
        kept::list(&self.reader.levels)
            + inflate.map_or(0, |inflate| size_of_val(inflate) + kept::INFLATE_BYTES)
            + self.equipment.kept_bytes()
    }
}
