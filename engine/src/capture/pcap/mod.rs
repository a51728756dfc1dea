//! The offline source: captures in files and streams, several of them as one input in time
//! order. It decides nothing about the frames, not even whether their link type is known.
//!
//! ```text
//! input ─► source: mapping, or stream (gzip, zstd) ─► classic | ng: one step over a window
//!       ─► reader: frames in the order of the file ─► Pcap: merged by time ─► Batch
//! ```
//!
//! Formats: pcap (micro- and nanoseconds, either byte order) and pcapng (several sections and
//! interfaces), each plain or compressed with gzip or zstd, recognised by content.
//!
//! The merge takes, again and again, the input whose *next* frame is the earliest, on equal
//! times the input that was named first. So the order within an input is always its own, and
//! the whole order depends on nothing but the inputs and their order.

mod batch;
mod classic;
mod decode;
mod fault;
mod ng;
mod reader;
#[cfg(test)]
mod samples;
mod source;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use batch::{Batch, Part};
pub use fault::{Beginning, Fault, FaultKind, OpenError};

use self::reader::{Bound, Pause, Reader, Sink};
use super::map::Mapping;
use crate::config::INPUTS_MAX;
use crate::wire::LinkType;

/// One input, as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file; also a named pipe, which is read as a stream.
    Path(PathBuf),
    /// Standard input, named `-`.
    Stdin,
}

impl Input {
    /// The input that a command-line argument names.
    pub fn from_argument(argument: impl AsRef<OsStr>) -> Self {
        let argument = argument.as_ref();
        if argument == "-" {
            Self::Stdin
        } else {
            Self::Path(argument.into())
        }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// An interface that frames were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its input's place in the list that was opened, from 0.
    pub input: usize,
    /// Its name, where the capture gives one (pcapng, `if_name`); at most
    /// [`VALUE_BYTES_MAX`](crate::config::VALUE_BYTES_MAX) bytes of it.
    pub name: Option<Box<str>>,
    /// What its frames begin with.
    pub link: LinkType,
}

/// Captures, opened, and how far they were read.
pub struct Pcap {
    readers: Vec<Reader>,
    /// Plain files, borrowed by the batches' frames.
    mappings: Arc<[Mapping]>,
    /// Inputs whose next frame's time is known: earliest first, then in the order of inputs.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    /// Inputs whose next frame's time is to be found out.
    unknown: Vec<usize>,
    interfaces: Vec<Interface>,
    faults: Vec<Fault>,
    /// Frames handed out.
    frames: u64,
}

impl fmt::Debug for Pcap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pcap")
            .field("inputs", &self.readers.len())
            .field("frames", &self.frames)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Pcap {
    /// Opens the inputs and reads their headers. Waits for the first bytes of streams.
    ///
    /// # Errors
    ///
    /// The first input that can't be opened or is not a capture, with the reason.
    pub fn open(inputs: &[Input]) -> Result<Self, OpenError> {
        if inputs.len() > INPUTS_MAX {
            return Err(OpenError::TooManyInputs {
                count: inputs.len(),
            });
        }
        let streams = inputs.iter().filter(|input| **input == Input::Stdin);
        if streams.count() > 1 {
            return Err(OpenError::StdinTwice);
        }
        let mut mappings = Vec::new();
        let mut readers = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            readers.push(Reader::open(input, index, &mut mappings)?);
        }
        Ok(Self::over(readers, mappings))
    }

    /// As [`Self::open`], of bytes instead of files; streamed where the flag says so.
    #[cfg(test)]
    fn open_bytes(inputs: &[(&[u8], bool)]) -> Result<Self, OpenError> {
        let mut mappings = Vec::new();
        let readers = inputs
            .iter()
            .enumerate()
            .map(|(index, &(bytes, streamed))| {
                Reader::open_bytes(bytes, streamed, index, &mut mappings)
            });
        let readers = readers.collect::<Result<_, _>>()?;
        Ok(Self::over(readers, mappings))
    }

    fn over(readers: Vec<Reader>, mappings: Vec<Mapping>) -> Self {
        Self {
            unknown: (0..readers.len()).collect(),
            heads: BinaryHeap::with_capacity(readers.len()),
            readers,
            mappings: mappings.into(),
            interfaces: Vec::new(),
            faults: Vec::new(),
            frames: 0,
        }
    }

    /// Replaces what is in `batch` by the next frames: at least one, at most
    /// [`BATCH_FRAMES_MAX`](crate::config::BATCH_FRAMES_MAX). False, and an empty batch, at the
    /// end of all inputs. Waits for a stream only while the batch is empty.
    pub fn read(&mut self, batch: &mut Batch) -> bool {
        batch.restart(self.frames, &self.mappings);
        let mut unknown = std::mem::take(&mut self.unknown);
        for index in unknown.drain(..) {
            self.advance(index, batch, Bound::NOTHING);
        }
        // The same memory again; the batch was empty, so nobody was left unknown.
        self.unknown = unknown;
        while let Some(Reverse((_, index))) = self.heads.pop() {
            let bound = match self.heads.peek() {
                None => Bound::ALL,
                Some(&Reverse((time_ns, other))) => Bound {
                    time_ns,
                    inclusive: index < other,
                },
            };
            self.advance(index, batch, bound);
            if !self.unknown.is_empty() {
                break;
            }
        }
        self.frames += batch.len() as u64;
        !batch.is_empty()
    }

    /// Runs one input up to `bound` and notes where it stands.
    fn advance(&mut self, index: usize, batch: &mut Batch, bound: Bound) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        let mut sink = Sink {
            batch,
            interfaces: &mut self.interfaces,
        };
        match reader.run(&self.mappings, &mut sink, bound) {
            Pause::Handed => self.unknown.push(index),
            Pause::Beyond(time_ns) => self.heads.push(Reverse((time_ns, index))),
            Pause::Ended(fault) => self.faults.extend(fault),
        }
    }

    /// What was wrong with inputs so far, in the order in which it was met. When there is one,
    /// what was read is only a part of what was to be read.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The interfaces that frames came from so far; [`Frame::interface`](super::Frame) is an
    /// index into them.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Inputs that were opened.
    pub fn inputs(&self) -> usize {
        self.readers.len()
    }

    /// Frames handed out so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes of the inputs read so far, as they are stored (compressed, where they are).
    pub fn bytes_read(&self) -> u64 {
        self.readers.iter().map(Reader::bytes_read).sum()
    }

    /// Bytes that all inputs hold, as they are stored; `None` when one is a stream.
    pub fn bytes_total(&self) -> Option<u64> {
        self.readers.iter().map(Reader::bytes_total).sum()
    }

    /// Goes back to the first frame, so that the inputs can be read once more; frame numbers go
    /// on counting, times are the same again, and a fault is reported only once. False, and
    /// nothing is changed, when an input is compressed or a stream.
    pub fn rewind(&mut self) -> bool {
        if !self.readers.iter().all(Reader::can_rewind) {
            return false;
        }
        for reader in &mut self.readers {
            reader.rewind();
        }
        self.interfaces.clear();
        self.heads.clear();
        self.unknown.clear();
        self.unknown.extend(0..self.readers.len());
        true
    }
}
