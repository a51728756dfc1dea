//! An interface's own counters, from `/proc/…/net/dev`. It keeps the descriptor that it was opened
//! with, so it needs no permission later.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Read at a time.
const READ_BYTES: usize = 16 * 1024;

/// Longest list that is believed: some 8,000 interfaces.
const LIST_BYTES_MAX: usize = 1 << 20;

/// What an interface has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceCounts {
    /// Frames received.
    pub packets: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Frames that the interface or the kernel had no room for.
    pub drops: u64,
    /// Frames that were damaged.
    pub errors: u64,
    /// Frames sent.
    pub sent: u64,
}

/// The counters of all interfaces of one network namespace.
#[derive(Debug)]
pub struct Counts {
    file: File,
    list: Vec<u8>,
}

impl Counts {
    /// Opens the list of the calling thread's network namespace; empty until [`Self::refresh`].
    ///
    /// # Errors
    ///
    /// What the system says: no `/proc`, for instance.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            file: File::open("/proc/thread-self/net/dev")?,
            list: Vec::new(),
        })
    }

    /// Reads the counters anew.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn refresh(&mut self) -> io::Result<()> {
        let mut filled = 0;
        while filled < LIST_BYTES_MAX {
            if self.list.len() < filled + READ_BYTES {
                self.list.resize(filled + READ_BYTES, 0);
            }
            let room = self.list.get_mut(filled..).unwrap_or_default();
            match self.file.read_at(room, filled as u64) {
                Ok(0) => break,
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.list.truncate(filled);
        Ok(())
    }

    /// An interface's counters at the last refresh. None when it was not there.
    pub fn of(&self, interface: &str) -> Option<InterfaceCounts> {
        find(&self.list, interface)
    }
}

/// The line of `interface`: after the name and a colon, eight columns received (bytes, packets,
/// errors, drops, …) and eight sent (bytes, packets, …).
fn find(list: &[u8], interface: &str) -> Option<InterfaceCounts> {
    list.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line
            .trim_ascii_start()
            .strip_prefix(interface.as_bytes())?
            .strip_prefix(b":")?;
        let columns = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let mut numbers = columns.map(|column| column.parse::<u64>().ok());
        let mut next = || numbers.next().flatten();
        let (bytes, packets, errors, drops) = (next()?, next()?, next()?, next()?);
        // Left of the sent packets: fifo, frame, compressed, multicast, bytes sent.
        for _ in 0..5 {
            next()?;
        }
        Some(InterfaceCounts {
            packets,
            bytes,
            drops,
            errors,
            sent: next()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = b"Inter-|   Receive                            |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n    \
        lo:     120       2    0    0    0     0          0         0      120       2    0\n  \
        eth0:99 7 5 6 1 2 3 4 88 9 0 0 0 0 0 0\nshort0: 1 2 3\n";

    #[test]
    fn finds_a_line_by_its_name() {
        let eth0 = InterfaceCounts {
            packets: 7,
            bytes: 99,
            drops: 6,
            errors: 5,
            sent: 9,
        };
        assert_eq!(find(LIST, "eth0"), Some(eth0));
        assert_eq!(
            find(LIST, "lo").map(|it| (it.packets, it.sent)),
            Some((2, 2))
        );
        for missing in ["eth", "th0", "eth00", "short0", "face", ""] {
            assert_eq!(find(LIST, missing), None, "{missing}");
        }
    }

    #[test]
    fn the_machine_has_a_loopback() {
        let mut counts = Counts::open().unwrap();
        assert_eq!(counts.of("lo"), None);
        for _ in 0..2 {
            counts.refresh().unwrap();
            assert!(counts.of("lo").is_some());
            assert_eq!(counts.of("nosuch0"), None);
        }
    }

    /// Any text: no panic.
    #[test]
    fn fuzz_find() {
        bolero::check!().for_each(|bytes: &[u8]| {
            find(bytes, "e");
            let line = [b"e: ", bytes].concat();
            find(&line, "e");
        });
    }
}
