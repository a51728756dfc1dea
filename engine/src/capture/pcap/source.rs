//! The bytes of one input: mapped, or a stream that is read (and decompressed) into a window.
//! It finds out the compression and knows no format of captures.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::fault::FaultKind;
use crate::capture::map::Mapping;
use crate::config::{STREAM_READ_BYTES, ZSTD_WINDOW_LOG_MAX};

/// Bytes that [`Compression::of`] looks at.
pub(super) const COMPRESSION_MAGIC_LEN: usize = 4;

/// How an input is compressed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// RFC 1952; any number of members.
    Gzip,
    /// RFC 8878; any number of frames, skippable ones too.
    Zstd,
}

impl Compression {
    pub(super) fn of(beginning: &[u8]) -> Self {
        match *beginning {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A window that moves over a stream.
pub(super) struct Stream {
    reader: Box<dyn Read + Send>,
    /// Raw bytes taken from the input, for progress.
    taken: Arc<AtomicU64>,
    buffer: Vec<u8>,
    /// The window is `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Bytes to drop before the window begins, left of `skip_len`.
    skip: u64,
    skip_len: u64,
    /// Where the window begins in the stream.
    offset: u64,
    ended: Option<Ended>,
}

/// Why a stream has no more bytes.
#[derive(Clone, Debug)]
enum Ended {
    Cleanly,
    Failed(FaultKind),
}

impl Stream {
    /// A stream of what `reader` holds, decompressed.
    ///
    /// # Errors
    ///
    /// What reading the first bytes, or setting up the decompressor, gave.
    pub(super) fn new(reader: impl Read + Send + 'static) -> io::Result<(Self, Compression)> {
        let taken = Arc::new(AtomicU64::new(0));
        let mut counted = Counted {
            reader,
            taken: Arc::clone(&taken),
        };
        // A pipe gives as little as its writer wrote at once: collect enough to decide.
        let mut beginning = Vec::with_capacity(COMPRESSION_MAGIC_LEN);
        (&mut counted)
            .take(COMPRESSION_MAGIC_LEN as u64)
            .read_to_end(&mut beginning)?;
        let compression = Compression::of(&beginning);
        let all = io::Cursor::new(beginning).chain(counted);
        let reader: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(all),
            _ => decompressor(
                compression,
                BufReader::with_capacity(STREAM_READ_BYTES, all),
            )?,
        };
        Ok((Self::over(reader, taken), compression))
    }

    /// A stream of the decompressed contents of a mapped file.
    ///
    /// # Errors
    ///
    /// When the decompressor can't be set up.
    pub(super) fn of_mapping(mapping: Mapping, compression: Compression) -> io::Result<Self> {
        let taken = Arc::new(AtomicU64::new(0));
        let bytes = MappedBytes {
            mapping,
            at: 0,
            taken: Arc::clone(&taken),
        };
        Ok(Self::over(decompressor(compression, bytes)?, taken))
    }

    fn over(reader: Box<dyn Read + Send>, taken: Arc<AtomicU64>) -> Self {
        Self {
            reader,
            taken,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            skip: 0,
            skip_len: 0,
            offset: 0,
            ended: None,
        }
    }

    /// Bytes at hand; none while a skip reaches beyond them.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Where the window, or the block that is being skipped, begins in the stream.
    pub(super) fn offset(&self) -> u64 {
        if self.skip > 0 {
            self.offset - self.skip_len
        } else {
            self.offset
        }
    }

    /// Raw bytes read so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// True while bytes are being skipped that were not read yet.
    #[inline]
    pub(super) fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// True when nothing more will come.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// What is wrong when the stream has ended and `wanted` bytes were needed; `None` when this
    /// is a clean end.
    pub(super) fn ending(&self, wanted: usize) -> Option<FaultKind> {
        if let Some(Ended::Failed(kind)) = &self.ended {
            return Some(kind.clone());
        }
        if self.skip > 0 {
            let there = self.skip_len - self.skip;
            return Some(FaultKind::Cut {
                wanted: self.skip_len,
                there,
            });
        }
        let there = self.window().len() as u64;
        (there > 0).then_some(FaultKind::Cut {
            wanted: wanted as u64,
            there,
        })
    }

    /// Moves the window's start on, also beyond what was read.
    #[inline]
    pub(super) fn advance(&mut self, len: u32) {
        let there = self.end - self.start;
        let step = there.min(len as usize);
        self.start += step;
        self.offset += u64::from(len);
        if step < len as usize {
            self.skip_len = u64::from(len);
            self.skip = u64::from(len) - step as u64;
        }
    }

    /// Reads until the window holds `wanted` bytes or the stream ends.
    pub(super) fn fill(&mut self, wanted: usize) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = wanted.max(STREAM_READ_BYTES);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        while self.ended.is_none() && (self.end < wanted || self.skip > 0) {
            match self
                .reader
                .read(self.buffer.get_mut(self.end..).unwrap_or(&mut []))
            {
                Ok(0) => self.ended = Some(Ended::Cleanly),
                Ok(len) => self.end += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.ended = Some(Ended::Failed(FaultKind::read(&error))),
            }
            self.drop_skipped();
        }
    }

    /// A skip begins with an empty window, so that all bytes at hand are its own.
    fn drop_skipped(&mut self) {
        if self.skip == 0 {
            return;
        }
        let dropped = self.skip.min(self.end as u64);
        self.skip -= dropped;
        self.buffer.copy_within(dropped as usize..self.end, 0);
        self.end -= dropped as usize;
    }
}

fn decompressor(
    compression: Compression,
    bytes: impl BufRead + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(bytes),
        Compression::Gzip => Box::new(MultiGzDecoder::new(bytes)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
    })
}

/// Counts what goes through.
struct Counted<R> {
    reader: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buffer)?;
        self.taken.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}

/// Reads a mapping from its start to its end.
struct MappedBytes {
    mapping: Mapping,
    at: usize,
    taken: Arc<AtomicU64>,
}

impl Read for MappedBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for MappedBytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.mapping.bytes().get(self.at..).unwrap_or(&[]))
    }

    fn consume(&mut self, len: usize) {
        self.at += len;
        self.taken.store(self.at as u64, Ordering::Relaxed);
    }
}
