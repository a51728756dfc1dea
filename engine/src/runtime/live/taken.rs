//! What this process holds of memory, as the system counts it. It keeps the descriptor that it was
//! opened with, so it needs no permission later; it does not say what the memory is for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Longest text that is read: it has some 1,500 bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Asks how much memory is held.
#[derive(Debug)]
pub struct Taken(File);

impl Taken {
    /// Opens what the system tells of this process.
    ///
    /// # Errors
    ///
    /// What the system says: no `/proc`, for instance.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/status").map(Self)
    }

    /// Bytes in memory that neither a file nor shared memory holds: the table is none of them.
    /// Nothing where the system does not tell.
    pub fn bytes(&self) -> Option<u64> {
        let mut text = [0; TEXT_BYTES_MAX];
        let len = self.0.read_at(&mut text, 0).ok()?;
        anonymous(text.get(..len)?)
    }
}

/// The line `RssAnon:     1234 kB`.
fn anonymous(text: &[u8]) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"RssAnon:"))?;
    let number = line.trim_ascii().strip_suffix(b" kB")?;
    let kilobytes: u64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_seen() {
        let text = b"Name:\tmedtapd\nVmRSS:\t   900 kB\nRssAnon:\t     700 kB\nRssFile:\t 9 kB\n";
        assert_eq!(anonymous(text), Some(700 << 10));
        assert_eq!(anonymous(b"RssAnon:\t\n"), None);
        assert_eq!(anonymous(b"RssAnon:\t99999999999999999999 kB\n"), None);
        assert_eq!(anonymous(b""), None);
        let taken = Taken::open().unwrap();
        let before = taken.bytes().unwrap();
        let held = vec![1u8; 64 << 20];
        let after = taken.bytes().unwrap();
        assert!(after >= before + (32 << 20), "{before} {after} {}", held[9]);
    }
}
