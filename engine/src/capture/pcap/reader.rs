//! One input: its bytes, its format, how far it was read. It reads in the order of the file and
//! knows nothing of other inputs.

use std::fs::File;
use std::io;
use std::path::Path;

use super::batch::{Batch, Record};
use super::classic::{self, Classic, UnknownVersion};
use super::decode::{Declared, Decode, Raw, Step};
use super::fault::{Beginning, Fault, FaultKind, OpenError};
use super::ng::{self, Ng};
use super::source::{Compression, Stream};
use super::{Input, Interface};
use crate::capture::map::Mapping;
use crate::config::{CACHE_LINE_BYTES, READ_AHEAD_BYTES};
use crate::prefetch::prefetch;

/// One input.
pub(super) struct Reader {
    name: String,
    /// Place in the list of inputs.
    index: usize,
    source: Source,
    format: Format,
    /// Frames read since the start, or since the last rewind.
    frames: u64,
    /// Raw bytes of a file; `None` for a stream.
    bytes_total: Option<u64>,
    faulted: bool,
}

enum Source {
    Mapped(Position),
    Stream(Stream),
}

/// A place in one of the mappings that all readers share.
struct Position {
    /// Number of the mapping, plus one.
    origin: u16,
    at: usize,
    /// Where the first record is.
    begin: usize,
}

enum Format {
    Classic(Classic),
    Ng(Ng),
}

/// Up to which time a run may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) time_ns: u64,
    pub(super) inclusive: bool,
}

impl Bound {
    /// Any time.
    pub(super) const ALL: Self = Self {
        time_ns: u64::MAX,
        inclusive: true,
    };
    /// No time: a run with this bound finds out the time of the next frame.
    pub(super) const NOTHING: Self = Self {
        time_ns: 0,
        inclusive: false,
    };

    #[inline]
    fn admits(self, time_ns: u64) -> bool {
        time_ns < self.time_ns || (self.inclusive && time_ns == self.time_ns)
    }
}

/// Why a run stopped.
pub(super) enum Pause {
    /// The batch is full, or the stream would have to be waited for.
    Handed,
    /// The next frame's time lies beyond the bound.
    Beyond(u64),
    /// The input is at its end, for good or ill.
    Ended(Option<Fault>),
}

/// Where frames go.
pub(super) struct Sink<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) interfaces: &'a mut Vec<Interface>,
}

impl Sink<'_> {
    #[inline]
    fn record(&mut self, raw: &Raw, declared: &mut Declared, input: usize) -> Record {
        let interface = match declared.number {
            Some(number) => number,
            None => self.number(declared, input),
        };
        Record {
            time_ns: raw.time_ns,
            start: u64::from(raw.start),
            len: raw.len,
            wire_len: raw.wire_len,
            link: declared.link,
            interface,
            origin: 0,
        }
    }

    /// Numbers an interface at its first frame. When all numbers are given away, the last one
    /// stands for every further interface.
    #[cold]
    fn number(&mut self, declared: &mut Declared, input: usize) -> u16 {
        let number = u16::try_from(self.interfaces.len()).unwrap_or(u16::MAX);
        if self.interfaces.len() <= usize::from(u16::MAX) {
            let name = declared.name.clone();
            self.interfaces.push(Interface {
                input,
                name,
                link: declared.link,
            });
        }
        declared.number = Some(number);
        number
    }
}

impl Reader {
    /// Opens `input`, number `index`; a plain file's mapping is appended to `mappings`.
    pub(super) fn open(
        input: &Input,
        index: usize,
        mappings: &mut Vec<Mapping>,
    ) -> Result<Self, OpenError> {
        let name = input.to_string();
        let opened = match input {
            Input::Stdin => stream(&name, io::stdin())?,
            Input::Path(path) => {
                let file = open_file(path, &name)?;
                match map(&file) {
                    Some(mapping) => mapped(&name, mapping, mappings)?,
                    None => stream(&name, file)?,
                }
            }
        };
        Self::begin(name, index, opened, mappings)
    }

    /// As [`Self::open`], of bytes instead of a file: mapped, or as a stream.
    #[cfg(test)]
    pub(super) fn open_bytes(
        bytes: &[u8],
        streamed: bool,
        index: usize,
        mappings: &mut Vec<Mapping>,
    ) -> Result<Self, OpenError> {
        let name = index.to_string();
        let opened = if streamed {
            stream(&name, io::Cursor::new(bytes.to_vec()))?
        } else {
            mapped(&name, Mapping::of(bytes), mappings)?
        };
        Self::begin(name, index, opened, mappings)
    }

    fn begin(
        name: String,
        index: usize,
        mut opened: Opened,
        mappings: &[Mapping],
    ) -> Result<Self, OpenError> {
        let format = opened.format(&name, mappings)?;
        let Opened {
            source,
            bytes_total,
            ..
        } = opened;
        Ok(Self {
            name,
            index,
            source,
            format,
            frames: 0,
            bytes_total,
            faulted: false,
        })
    }

    /// Appends frames to the batch while their times are within `bound`.
    pub(super) fn run(&mut self, mappings: &[Mapping], sink: &mut Sink<'_>, bound: Bound) -> Pause {
        let before = sink.batch.len();
        let input = self.index;
        let stop = match (&mut self.source, &mut self.format) {
            (Source::Mapped(position), Format::Classic(format)) => {
                position.run(mappings, format, input, sink, bound)
            }
            (Source::Mapped(position), Format::Ng(format)) => {
                position.run(mappings, format, input, sink, bound)
            }
            (Source::Stream(stream), Format::Classic(format)) => {
                run_stream(stream, format, input, sink, bound)
            }
            (Source::Stream(stream), Format::Ng(format)) => {
                run_stream(stream, format, input, sink, bound)
            }
        };
        self.frames += (sink.batch.len() - before) as u64;
        match stop {
            Stop::Handed => Pause::Handed,
            Stop::Beyond(time_ns) => Pause::Beyond(time_ns),
            Stop::Ended(kind) => Pause::Ended(kind.and_then(|kind| self.fault(kind))),
        }
    }

    /// The fault to report; none when the same was reported before the last rewind.
    fn fault(&mut self, kind: FaultKind) -> Option<Fault> {
        if std::mem::replace(&mut self.faulted, true) {
            return None;
        }
        let offset = match &self.source {
            Source::Mapped(position) => position.at as u64,
            Source::Stream(stream) => stream.offset(),
        };
        Some(Fault {
            name: self.name.clone(),
            frames: self.frames,
            offset,
            kind,
        })
    }

    /// True when [`Self::rewind`] can be called.
    pub(super) fn can_rewind(&self) -> bool {
        matches!(self.source, Source::Mapped(_))
    }

    /// Goes back to the first record; does nothing to a stream.
    pub(super) fn rewind(&mut self) {
        if let Source::Mapped(position) = &mut self.source {
            position.at = position.begin;
            self.frames = 0;
            match &mut self.format {
                Format::Classic(format) => format.restart(),
                Format::Ng(format) => format.restart(),
            }
        }
    }

    /// Raw bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        match &self.source {
            Source::Mapped(position) => position.at as u64,
            Source::Stream(stream) => stream.taken(),
        }
    }

    /// Raw bytes there are, where that is known.
    pub(super) fn bytes_total(&self) -> Option<u64> {
        self.bytes_total
    }
}

/// Why a run over one source stopped.
enum Stop {
    Handed,
    Beyond(u64),
    Ended(Option<FaultKind>),
}

impl Position {
    /// The loop that every mapped frame goes through: nothing is copied or allocated.
    #[inline]
    fn run<D: Decode>(
        &mut self,
        mappings: &[Mapping],
        decoder: &mut D,
        input: usize,
        sink: &mut Sink<'_>,
        bound: Bound,
    ) -> Stop {
        let mapping = usize::from(self.origin).checked_sub(1);
        let bytes = mapping
            .and_then(|index| mappings.get(index))
            .map_or(&[][..], Mapping::bytes);
        let mut near = self.at;
        let mut window = bytes.get(self.at..).unwrap_or(&[]);
        let stop = loop {
            if sink.batch.is_full() {
                break Stop::Handed;
            }
            let at = bytes.len() - window.len();
            // Where a record begins is only known when the one before it has been read: without
            // this every long record would be waited for.
            near = near.max(at);
            while near < at + READ_AHEAD_BYTES {
                prefetch(bytes, near);
                near += CACHE_LINE_BYTES;
            }
            let len = match decoder.step(window) {
                Step::Frame(raw) => {
                    if !bound.admits(raw.time_ns) {
                        break Stop::Beyond(raw.time_ns);
                    }
                    let Some(declared) = decoder.interface(raw.interface) else {
                        break Stop::Ended(None);
                    };
                    let mut record = sink.record(&raw, declared, input);
                    record.start += at as u64;
                    record.origin = self.origin;
                    sink.batch.push(record);
                    raw.next
                }
                Step::Skip(len) => len,
                Step::Need(_) if window.is_empty() => break Stop::Ended(None),
                Step::Need(wanted) => break Stop::Ended(Some(cut(wanted, window))),
                Step::Fault(kind) => break Stop::Ended(Some(kind)),
            };
            match window.get(len as usize..) {
                Some(rest) => window = rest,
                None => break Stop::Ended(Some(cut(len as usize, window))),
            }
        };
        self.at = bytes.len() - window.len();
        stop
    }
}

fn cut(wanted: usize, window: &[u8]) -> FaultKind {
    FaultKind::Cut {
        wanted: wanted as u64,
        there: window.len() as u64,
    }
}

/// As [`Position::run`], over a window that moves; frames are copied into the batch. Once the
/// batch holds a frame, it is handed out rather than kept waiting for the stream.
fn run_stream<D: Decode>(
    stream: &mut Stream,
    decoder: &mut D,
    input: usize,
    sink: &mut Sink<'_>,
    bound: Bound,
) -> Stop {
    while !sink.batch.is_full() {
        let window = stream.window();
        let step = if stream.is_skipping() {
            Step::Need(1)
        } else {
            decoder.step(window)
        };
        match step {
            Step::Frame(raw) => {
                if !bound.admits(raw.time_ns) {
                    return Stop::Beyond(raw.time_ns);
                }
                let Some(declared) = decoder.interface(raw.interface) else {
                    return Stop::Ended(None);
                };
                let (start, len) = (raw.start as usize, raw.len as usize);
                let bytes = window.get(start..start + len).unwrap_or(&[]);
                let record = sink.record(&raw, declared, input);
                if !sink.batch.push_copy(record, bytes) {
                    return Stop::Handed;
                }
                stream.advance(raw.next);
            }
            Step::Skip(len) => stream.advance(len),
            Step::Need(wanted) if stream.is_ended() => return Stop::Ended(stream.ending(wanted)),
            Step::Need(_) if !sink.batch.is_empty() => return Stop::Handed,
            Step::Need(wanted) => stream.fill(wanted),
            Step::Fault(kind) => return Stop::Ended(Some(kind)),
        }
    }
    Stop::Handed
}

/// An input whose compression is known, and whose format is not yet.
struct Opened {
    source: Source,
    compression: Compression,
    bytes_total: Option<u64>,
}

impl Opened {
    /// Finds out the format by the first bytes, and goes to the first record.
    fn format(&mut self, name: &str, mappings: &[Mapping]) -> Result<Format, OpenError> {
        let name = || name.to_owned();
        let compressed = self.compression != Compression::None;
        let window = match &mut self.source {
            Source::Mapped(_) => mappings.last().map_or(&[][..], Mapping::bytes),
            Source::Stream(stream) => {
                stream.fill(classic::FILE_HEADER_LEN);
                if let Some(FaultKind::Read { text }) = stream.ending(0) {
                    let source = io::Error::other(text);
                    return Err(match compressed {
                        true => OpenError::Decompress {
                            name: name(),
                            source,
                        },
                        false => OpenError::Unreadable {
                            name: name(),
                            source,
                        },
                    });
                }
                stream.window()
            }
        };
        if ng::has_magic(window) {
            return Ok(Format::Ng(Ng::default()));
        }
        if window.is_empty() {
            return Err(OpenError::Empty { name: name() });
        }
        if !classic::has_magic(window) {
            let inside = if compressed { "decompressed, " } else { "" };
            let found = Beginning::of(window);
            return Err(OpenError::NotACapture {
                name: name(),
                inside,
                found,
            });
        }
        let Some(header) = window.first_chunk() else {
            let (wanted, there) = (classic::FILE_HEADER_LEN, window.len());
            return Err(OpenError::CutHeader {
                name: name(),
                wanted,
                there,
            });
        };
        let format =
            Classic::new(header).map_err(|UnknownVersion(major, minor)| OpenError::Version {
                name: name(),
                major,
                minor,
            })?;
        match &mut self.source {
            Source::Mapped(position) => {
                position.begin = classic::FILE_HEADER_LEN;
                position.at = position.begin;
            }
            Source::Stream(stream) => stream.advance(classic::FILE_HEADER_LEN as u32),
        }
        Ok(Format::Classic(format))
    }
}

fn open_file(path: &Path, name: &str) -> Result<File, OpenError> {
    let name = || name.to_owned();
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { name: name() },
        _ => OpenError::Unreadable {
            name: name(),
            source,
        },
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(OpenError::Directory { name: name() }),
        Ok(_) => Ok(file),
        Err(source) => Err(OpenError::Unreadable {
            name: name(),
            source,
        }),
    }
}

/// A regular file's mapping. Pipes and devices have none, nor have files without a length, which
/// the kernel makes up as they are read: those are streams.
fn map(file: &File) -> Option<Mapping> {
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return None;
    }
    Mapping::new(file).ok()
}

fn mapped(name: &str, mapping: Mapping, mappings: &mut Vec<Mapping>) -> Result<Opened, OpenError> {
    let compression = Compression::of(mapping.bytes());
    let bytes_total = Some(mapping.bytes().len() as u64);
    let source = if compression == Compression::None {
        mappings.push(mapping);
        // INPUTS_MAX keeps this below 2^16.
        let origin = mappings.len() as u16;
        Source::Mapped(Position {
            origin,
            at: 0,
            begin: 0,
        })
    } else {
        let stream = Stream::of_mapping(mapping, compression);
        let name = || name.to_owned();
        Source::Stream(stream.map_err(|source| OpenError::Decompress {
            name: name(),
            source,
        })?)
    };
    Ok(Opened {
        source,
        compression,
        bytes_total,
    })
}

fn stream(name: &str, reader: impl io::Read + Send + 'static) -> Result<Opened, OpenError> {
    let name = || name.to_owned();
    let (stream, compression) = Stream::new(reader).map_err(|source| OpenError::Unreadable {
        name: name(),
        source,
    })?;
    let source = Source::Stream(stream);
    Ok(Opened {
        source,
        compression,
        bytes_total: None,
    })
}
