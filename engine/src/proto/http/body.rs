//! A body on its way to its reader: the content coding is taken off, within limits, and what the
//! reader does not want is counted past it. It knows no framing and no media type.

use flate2::{Decompress, FlushDecompress, Status};

use super::application::{BodyReader, Wants};
use super::framing::Coding;
use super::gzip::Header;
use crate::config::{
    HTTP_INFLATE_RATIO_MAX, HTTP_INFLATED_BYTES_MAX, HTTP_INFLATED_FREE_BYTES, SESSION_REST_BYTES,
};
use crate::observe::{Emit, Fault, Observation};
use crate::proto::kept;

/// What takes a deflated content coding off.
struct Inflate {
    header: Option<Header>,
    stream: Decompress,
}

/// A body that is being read.
pub struct Body {
    reader: Box<dyn BodyReader>,
    inflate: Option<Box<Inflate>>,
    /// Decoded bytes that the reader does not want to see.
    skip: u64,
}

impl Body {
    /// A body in this coding, for this reader; nothing if the coding is none that is undone.
    pub fn new(reader: Box<dyn BodyReader>, coding: Coding) -> Option<Self> {
        let inflate = match coding {
            Coding::Identity => None,
            Coding::Gzip => Some(Inflate {
                header: Some(Header::new()),
                stream: Decompress::new(false),
            }),
            Coding::Zlib => Some(Inflate {
                header: None,
                stream: Decompress::new(true),
            }),
            Coding::Other => return None,
        };
        Some(Self {
            reader,
            inflate: inflate.map(Box::new),
            skip: 0,
        })
    }

    /// Shows the next bytes to the reader; what of the body's own bytes it wants after these.
    pub fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        let Self {
            reader,
            inflate,
            skip,
        } = self;
        let reader = reader.as_mut();
        match inflate {
            Some(inflate) => inflate.read(bytes, emit, &mut |bytes, emit| {
                show(reader, skip, bytes, emit)
            }),
            None => match show(reader, skip, bytes, emit) {
                true if *skip > 0 => Wants::Skip(std::mem::take(skip)),
                true => Wants::More,
                false => Wants::Nothing,
            },
        }
    }

    /// So many bytes, of those that [`Wants::Skip`] named, are still to come.
    pub const fn skip(&mut self, left: u64) {
        self.skip = left;
    }

    /// The body is over, and whole.
    pub fn end(&mut self, emit: Emit<'_>) {
        if self.skip == 0 {
            self.reader.end(emit);
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let reader = self.reader.as_ref();
        let inflate = self.inflate.as_ref();
        size_of_val(reader)
            + reader.kept_bytes()
            + inflate.map_or(0, |inflate| {
                size_of_val(inflate.as_ref()) + kept::INFLATE_BYTES
            })
            + SESSION_REST_BYTES
    }
}

impl Inflate {
    /// Inflates in steps of a bounded size, and shows what each makes.
    fn read(
        &mut self,
        mut bytes: &[u8],
        emit: Emit<'_>,
        show: &mut dyn FnMut(&[u8], Emit<'_>) -> bool,
    ) -> Wants {
        if let Some(header) = &mut self.header {
            match header.strip(bytes) {
                Some(rest) => bytes = rest,
                None => {
                    emit(Observation::Faulty(Fault::Encoding));
                    return Wants::Nothing;
                }
            }
        }
        let mut output = [0; 4096];
        loop {
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let status = self
                .stream
                .decompress(bytes, &mut output, FlushDecompress::None);
            let (taken, made) = (
                usize::try_from(self.stream.total_in() - before_in).unwrap_or(usize::MAX),
                usize::try_from(self.stream.total_out() - before_out).unwrap_or(usize::MAX),
            );
            bytes = bytes.get(taken..).unwrap_or_default();
            let inflated = output.get(..made).unwrap_or_default();
            if !inflated.is_empty() && !show(inflated, emit) {
                return Wants::Nothing;
            }
            let fault = match status {
                Err(_) => Some(Fault::Encoding),
                Ok(_) => (self.stream.total_out() > self.bound()).then_some(Fault::Inflation),
            };
            if let Some(fault) = fault {
                emit(Observation::Faulty(fault));
                return Wants::Nothing;
            }
            // What follows the end of the coded content is its checksum.
            if matches!(status, Ok(Status::StreamEnd)) || taken + made == 0 {
                return Wants::More;
            }
        }
    }

    /// Bytes that may have been made of those that were taken.
    fn bound(&self) -> u64 {
        self.stream
            .total_in()
            .saturating_mul(HTTP_INFLATE_RATIO_MAX)
            .saturating_add(HTTP_INFLATED_FREE_BYTES)
            .min(HTTP_INFLATED_BYTES_MAX)
    }
}

/// Shows decoded bytes, without those that are not wanted; false when nothing more is.
fn show(reader: &mut dyn BodyReader, skip: &mut u64, bytes: &[u8], emit: Emit<'_>) -> bool {
    let skipped = usize::try_from(*skip)
        .unwrap_or(usize::MAX)
        .min(bytes.len());
    *skip -= skipped as u64;
    let bytes = bytes.get(skipped..).unwrap_or_default();
    if bytes.is_empty() {
        return true;
    }
    match reader.read(bytes, emit) {
        Wants::More => true,
        Wants::Skip(more) => {
            *skip = more;
            true
        }
        Wants::Nothing => false,
    }
}
