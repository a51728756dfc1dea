//! Objects as PS3.10 files, alone or in the parts of a multipart body (RFC 2387): the file's meta
//! information is read for its class and transfer syntax, the data set as `dicom::data_set` reads
//! it. It keeps no name of a part, and steps over parts of other types.

use memchr::memchr;
use memchr::memmem::{self, Finder};

use medtap_table::vocabulary::Event;

use super::super::dicom::data_set::{DataSet, Syntax};
use super::super::dicom::document::Document;
use super::super::dicom::equipment::Kind;
use super::super::http::application::{BodyReader, Wants};
use super::super::http::head;
use super::super::reported;
use crate::config::{MULTIPART_BOUNDARY_BYTES_MAX, MULTIPART_HEAD_BYTES_MAX};
use crate::observe::{Emit, Fault, Observation, Subject};
use crate::proto::kept;

/// Bytes before a PS3.10 file's prefix.
const PREAMBLE_LEN: usize = 128;
/// The prefix: PS3.10, 7.1.
const PREFIX: &[u8] = b"DICM";
/// Length of a UID, and one more.
const UID_BYTES_KEPT: usize = 65;

/// An object was stored.
pub fn stored(emit: Emit<'_>) {
    emit(Observation::Event {
        subject: Subject::Sender,
        event: Event::DicomwebStore,
    });
}

/// Where in a multipart body the next byte is.
enum Stage {
    /// Before a delimiter.
    Between,
    /// After a delimiter, in the lines before a part.
    Head,
    /// In a part.
    Part(Option<File>),
}

/// Reads a body of parts.
pub struct Parts {
    /// Looks for `CR LF - - boundary`; that is empty where the body is one file.
    delimiter: Finder<'static>,
    stage: Stage,
    /// Bytes that may begin a delimiter, or lines that are not whole.
    held: Vec<u8>,
    is_sent: bool,
}

impl Parts {
    /// Of a body with this boundary; nothing where it is none.
    pub fn new(boundary: &[u8], is_sent: bool) -> Option<Self> {
        let is_boundary = (1..=MULTIPART_BOUNDARY_BYTES_MAX).contains(&boundary.len());
        is_boundary.then(|| Self {
            delimiter: Finder::new(&[b"\r\n--", boundary].concat()).into_owned(),
            stage: Stage::Between,
            // The first delimiter need not follow a line's end.
            held: b"\r\n".to_vec(),
            is_sent,
        })
    }

    /// Of a body that is one file.
    pub fn single(is_sent: bool) -> Self {
        Self {
            delimiter: Finder::new(b""),
            stage: Stage::Part(Some(File::new(is_sent))),
            held: Vec::new(),
            is_sent,
        }
    }

    /// Bytes up to the next delimiter belong to the part, or to nothing; how many were used.
    fn content(&mut self, bytes: &[u8], emit: Emit<'_>) -> usize {
        let delimiter_len = self.delimiter.needle().len();
        if delimiter_len == 0 {
            self.part(bytes, emit);
            return bytes.len();
        }
        match self.delimiter.find(bytes) {
            Some(at) => {
                self.part(bytes.get(..at).unwrap_or_default(), emit);
                if let Stage::Part(Some(file)) = &mut self.stage {
                    file.end(emit);
                }
                self.stage = Stage::Head;
                at + delimiter_len
            }
            None => {
                // What could begin one is looked at again with what follows.
                let sure = bytes.len().saturating_sub(delimiter_len - 1);
                let begins = bytes.get(sure..).unwrap_or_default();
                let could = memchr(b'\r', begins);
                let sure = could.map_or(bytes.len(), |at| sure + at);
                self.part(bytes.get(..sure).unwrap_or_default(), emit);
                sure
            }
        }
    }

    fn part(&mut self, bytes: &[u8], emit: Emit<'_>) {
        if let Stage::Part(file) = &mut self.stage
            && file.as_mut().is_some_and(|file| file.read(bytes, emit))
        {
            *file = None;
        }
    }

    /// The lines between a delimiter and a part: how many bytes were used, nothing where the
    /// body ends or is none.
    fn head(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<usize> {
        if bytes.starts_with(b"--") {
            return None;
        }
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            if bytes.len() > MULTIPART_HEAD_BYTES_MAX {
                emit(Observation::Faulty(Fault::OverLimit));
                return None;
            }
            return Some(0);
        };
        let lines = bytes.get(..end + 4).unwrap_or_default();
        let kind = head::field(lines, b"content-type").unwrap_or(b"application/dicom");
        let is_file = head::media_type(kind).eq_ignore_ascii_case(b"application/dicom");
        if is_file && self.is_sent {
            stored(emit);
        }
        self.stage = Stage::Part(is_file.then(|| File::new(self.is_sent)));
        Some(end + 4)
    }
}

impl BodyReader for Parts {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        // An object alone is wanted no further than its equipment.
        let mut joined = std::mem::take(&mut self.held);
        let mut rest = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        while !rest.is_empty() {
            let used = match self.stage {
                Stage::Head => self.head(rest, emit),
                Stage::Between | Stage::Part(_) => Some(self.content(rest, emit)),
            };
            match used {
                None => return Wants::Nothing,
                Some(0) => break,
                Some(used) => rest = rest.get(used..).unwrap_or_default(),
            }
        }
        self.held = rest.to_vec();
        let is_read = self.delimiter.needle().is_empty() && matches!(self.stage, Stage::Part(None));
        match is_read {
            true => Wants::Nothing,
            false => Wants::More,
        }
    }

    fn end(&mut self, emit: Emit<'_>) {
        if let Stage::Part(Some(file)) = &mut self.stage {
            file.end(emit);
        }
    }

    fn kept_bytes(&self) -> usize {
        let file = match &self.stage {
            Stage::Part(Some(file)) => file.kept_bytes(),
            Stage::Part(None) | Stage::Between | Stage::Head => 0,
        };
        kept::list(&self.held) + file
    }
}

/// Where in a file the next byte is.
enum At {
    /// In the preamble or the prefix: so many bytes were seen.
    Prefix(usize),
    /// In the header of an element of the meta information.
    Meta,
    /// In the value of this one: bytes left.
    Value { left: usize, element: u16 },
    /// In the data set.
    Data(Box<DataSet>),
    /// Nothing more is wanted.
    Over,
}

/// One PS3.10 file.
struct File {
    at: At,
    head: Vec<u8>,
    class: Vec<u8>,
    syntax: Vec<u8>,
    /// It is stored; else it is what was stored, told again.
    is_sent: bool,
}

/// Media Storage SOP Class UID (0002,0002).
const CLASS: u16 = 0x0002;
/// Transfer Syntax UID (0002,0010).
const SYNTAX: u16 = 0x0010;

impl File {
    fn new(is_sent: bool) -> Self {
        Self {
            at: At::Prefix(0),
            head: Vec::with_capacity(12),
            class: Vec::new(),
            syntax: Vec::new(),
            is_sent,
        }
    }

    /// Reads the next bytes; true when nothing more is wanted.
    fn read(&mut self, mut bytes: &[u8], emit: Emit<'_>) -> bool {
        while !bytes.is_empty() {
            let used = self.step(bytes);
            match used {
                Some(used) => bytes = bytes.get(used..).unwrap_or_default(),
                None => {
                    emit(Observation::Malformed);
                    self.at = At::Over;
                }
            }
            if let At::Data(data) = &self.at
                && data.is_done()
            {
                self.end(emit);
            }
            if matches!(self.at, At::Over) {
                return true;
            }
        }
        false
    }

    /// The file is over, or all of its equipment has passed: says what it is.
    fn end(&mut self, emit: Emit<'_>) {
        match std::mem::replace(&mut self.at, At::Over) {
            At::Data(mut data) => match data.fault() {
                None => data.equipment.emit(None, emit),
                Some(fault) => emit(fault),
            },
            At::Prefix(0) | At::Over => {}
            At::Prefix(_) | At::Meta | At::Value { .. } => {
                emit(Observation::Faulty(Fault::Truncated));
            }
        }
    }

    /// Uses some bytes; nothing where they are no file.
    fn step(&mut self, bytes: &[u8]) -> Option<usize> {
        match &mut self.at {
            At::Prefix(seen) if *seen < PREAMBLE_LEN => {
                let used = bytes.len().min(PREAMBLE_LEN - *seen);
                *seen += used;
                Some(used)
            }
            At::Prefix(seen) => {
                let expected = PREFIX.get(*seen - PREAMBLE_LEN)?;
                (bytes.first() == Some(expected)).then_some(())?;
                *seen += 1;
                if *seen == PREAMBLE_LEN + PREFIX.len() {
                    self.at = At::Meta;
                }
                Some(1)
            }
            At::Meta => {
                self.head.push(*bytes.first()?);
                self.meta()?;
                Some(1)
            }
            At::Value { left, element } => {
                let used = bytes.len().min(*left);
                let kept = match *element {
                    CLASS => Some(&mut self.class),
                    SYNTAX => Some(&mut self.syntax),
                    _ => None,
                };
                if let Some(uid) = kept {
                    let room = UID_BYTES_KEPT.saturating_sub(uid.len());
                    uid.extend(bytes.iter().take(used.min(room)));
                }
                *left -= used;
                if *left == 0 {
                    self.at = At::Meta;
                }
                Some(used)
            }
            At::Data(data) => {
                data.feed(bytes);
                Some(bytes.len())
            }
            At::Over => Some(bytes.len()),
        }
    }

    /// One more byte of an element's header: PS3.10, 7.1, always Explicit VR Little Endian. The
    /// first element of another group begins the data set.
    fn meta(&mut self) -> Option<()> {
        let [2, 0, ..] = self.head.as_slice() else {
            if self.head.len() < 2 {
                return Some(());
            }
            let syntax = Syntax::of(reported::trim(&self.syntax))?;
            let document = match self.is_sent {
                true => Document::of(reported::trim(&self.class)),
                false => Document::Other,
            };
            let mut data = Box::new(DataSet::new(Kind::Object(document), syntax, false));
            data.feed(&self.head);
            self.at = At::Data(data);
            return Some(());
        };
        let (element, len) = match *self.head.as_slice() {
            [_, _, e0, e1, b'O', b'B', _, _, l0, l1, l2, l3] => (
                u16::from_le_bytes([e0, e1]),
                usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?,
            ),
            [_, _, _, _, b'O', b'B', ..] => return Some(()),
            [_, _, e0, e1, _, _, l0, l1] => (
                u16::from_le_bytes([e0, e1]),
                usize::from(u16::from_le_bytes([l0, l1])),
            ),
            _ => return Some(()),
        };
        self.head.clear();
        self.at = match len {
            0 => At::Meta,
            left => At::Value { left, element },
        };
        Some(())
    }

    fn kept_bytes(&self) -> usize {
        let data = match &self.at {
            At::Data(data) => size_of_val(data.as_ref()) + data.kept_bytes(),
            _ => 0,
        };
        kept::list(&self.head) + kept::list(&self.class) + kept::list(&self.syntax) + data
    }
}
