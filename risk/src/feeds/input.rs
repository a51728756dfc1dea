//! One file on its way in: its digest, what it is inflated from, and the limits that hold for
//! every feed. It reads regular files alone and follows no compression but gzip.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::limits::{
    DOCUMENT_BYTES_MAX, FILE_BYTES_MAX, INFLATION_FREE_BYTES, INFLATION_MAX, SNIFF_BYTES,
};
use super::refusal::Refusal;

/// Bytes read from the file at once.
const BUFFER_BYTES: usize = 128 << 10;

/// A file whose beginning is known and whose content is still to be read.
pub struct Input {
    /// Digest of the file as it lies there.
    pub sha256: String,
    /// Its bytes as it lies there.
    pub bytes: u64,
    /// The beginning of its content, after inflation.
    pub beginning: Vec<u8>,
    rest: Box<dyn Read>,
}

impl Input {
    /// Opens a regular file.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(Refusal::of_file("it is no regular file"));
        }
        let (sha256, bytes) = digest(path)?;
        Self::of(File::open(path)?, sha256, bytes)
    }

    /// What `bytes` would be as a file.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let sha256 = hex(&Sha256::digest(bytes));
        Self::of(Cursor::new(bytes.to_vec()), sha256, bytes.len() as u64)
    }

    fn of(file: impl Read + 'static, sha256: String, bytes: u64) -> Result<Self, Refusal> {
        let packed = Rc::new(Cell::new(0));
        let mut reader = BufReader::with_capacity(
            BUFFER_BYTES,
            Counted {
                reader: file,
                bytes: Rc::clone(&packed),
            },
        );
        let mut magic = Vec::new();
        (&mut reader).take(4).read_to_end(&mut magic)?;
        let gzip = magic.starts_with(&[0x1f, 0x8b]);
        if magic.starts_with(b"PK") {
            return Err(Refusal::of_file(
                "it is a ZIP file (or XLSX): give the file inside, a spreadsheet saved as CSV",
            ));
        }
        let whole = Cursor::new(magic).chain(reader);
        let content: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(whole))
        } else {
            Box::new(whole)
        };
        let mut rest = Bounded {
            reader: content,
            packed,
            bytes: 0,
        };
        let mut beginning = Vec::new();
        (&mut rest)
            .take(SNIFF_BYTES as u64)
            .read_to_end(&mut beginning)?;
        if beginning.starts_with(&[0xef, 0xbb, 0xbf]) {
            beginning.drain(..3);
        }
        Ok(Self {
            sha256,
            bytes,
            beginning,
            rest: Box::new(rest),
        })
    }

    /// The content, from its first byte, without a byte order mark.
    pub fn into_reader(self) -> impl Read {
        Cursor::new(self.beginning).chain(self.rest)
    }

    /// The content as one document.
    pub fn into_document(self) -> Result<Vec<u8>, Refusal> {
        let mut text = Vec::new();
        let mut reader = self.into_reader().take(DOCUMENT_BYTES_MAX + 1);
        reader.read_to_end(&mut text)?;
        if text.len() as u64 > DOCUMENT_BYTES_MAX {
            let reason = format!("the document is longer than {DOCUMENT_BYTES_MAX} bytes");
            return Err(Refusal::of_file(reason));
        }
        Ok(text)
    }
}

/// SHA-256 of a file, in hexadecimal, and its length.
pub fn digest(path: &Path) -> Result<(String, u64), Refusal> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                hash.update(buffer.get(..count).unwrap_or_default());
                bytes += count as u64;
            }
        }
    }
    Ok((hex(&hash.finalize()), bytes))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Counts what is read from the file itself.
struct Counted<R> {
    reader: R,
    bytes: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

/// Ends a content that is longer, or inflates more, than any feed does.
struct Bounded<R> {
    reader: R,
    packed: Rc<Cell<u64>>,
    bytes: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self
            .reader
            .read(buffer)
            .map_err(|error| match error.kind() {
                // A gzip stream that is no gzip stream in its middle.
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => io::Error::other(
                    Refusal::of_file(format!("its compression is broken: {error}")),
                ),
                _ => error,
            })?;
        self.bytes += count as u64;
        let packed = self.packed.get().max(1);
        let refuse = |reason: String| Err(io::Error::other(Refusal::of_file(reason)));
        if self.bytes > FILE_BYTES_MAX {
            return refuse(format!("its content is longer than {FILE_BYTES_MAX} bytes"));
        }
        if self.bytes > INFLATION_FREE_BYTES && self.bytes / packed > INFLATION_MAX {
            return refuse(format!(
                "it inflates more than {INFLATION_MAX} times: a bomb, or no feed"
            ));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_packed_read_alike() {
        let text = b"\xef\xbb\xbfcve,epss,percentile\n";
        for bytes in [text.to_vec(), gzip(text)] {
            let input = Input::of_bytes(&bytes).unwrap();
            assert!(input.beginning.starts_with(b"cve,"));
            assert_eq!(input.into_document().unwrap(), &text[3..]);
        }
    }

    #[test]
    fn bombs_and_stumps_are_refused() {
        let bomb = gzip(&vec![b' '; 64 << 20]);
        let refusal = Input::of_bytes(&bomb).unwrap().into_document().unwrap_err();
        assert!(
            refusal.reason.contains("inflates more than 250 times"),
            "{refusal}"
        );
        let noise: Vec<u8> = (0..400_000_u32)
            .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
            .collect();
        let whole = gzip(&noise);
        let stump = &whole[..whole.len() - 100];
        let refusal = Input::of_bytes(stump).unwrap().into_document().unwrap_err();
        assert!(refusal.reason.contains("cut short"), "{refusal}");
        let Err(refusal) = Input::of_bytes(b"PK\x03\x04") else {
            panic!("a ZIP was taken")
        };
        assert!(refusal.reason.contains("XLSX"), "{refusal}");
    }

    #[test]
    fn digests_are_of_the_file_as_it_lies_there() {
        let input = Input::of_bytes(b"abc").unwrap();
        assert!(input.sha256.starts_with("ba7816bf8f01cfea"));
        assert_eq!(input.bytes, 3);
    }
}
