//! A reader that ends where a document may be no longer. For formats whose readers hold a whole
//! field in memory.

use std::io::{self, Read};

use super::limits::DOCUMENT_BYTES_MAX;
use super::refusal::Refusal;

/// `reader`, refused after [`DOCUMENT_BYTES_MAX`] bytes.
pub fn bounded(reader: impl Read) -> impl Read {
    Bounded {
        reader,
        left: DOCUMENT_BYTES_MAX,
    }
}

struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                let reason = format!("the document is longer than {DOCUMENT_BYTES_MAX} bytes");
                return Err(io::Error::other(Refusal::of_file(reason)));
            }
        }
        Ok(count)
    }
}
