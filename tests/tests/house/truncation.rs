use std::fs::{self, File};
use std::path::Path;

use medtap_engine::capture::{Batch, Input, Pcap};
use medtap_engine::runtime::Analysis;
use medtap_table::vocabulary::Counter;
use medtap_tests::{Run, captures, matcher, replay_with};
use rayon::prelude::*;

/// Captures below this size are cut at every byte, larger ones at record boundaries.
const EVERY_BYTE_BELOW: usize = 8 * 1024;
/// Of a larger capture, every how many records one cut is made.
const RECORDS_APART: usize = 61;
/// Every snapshot below this is tried: Ethernet, IPv6, TCP with options, the first of a payload.
const HEADERS_LEN: usize = 100;
/// Flows suffice for every committed capture; a table for a million would cost most of the time.
const FLOWS_MAX: u32 = 4096;

/// Where the records of a capture end, as the formats say: pcap (little-endian, as every
/// committed one is) and pcapng. The first boundary is where the first record begins.
fn boundaries(bytes: &[u8]) -> Vec<Boundary> {
    let u32_at = |at: usize| {
        let word = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(word) as usize)
    };
    let ng = bytes.starts_with(b"\x0a\x0d\x0d\x0a");
    let mut found = Vec::new();
    let (mut at, mut packets) = (if ng { 0 } else { 24 }, 0);
    loop {
        found.push(Boundary { at, packets });
        let (len, packet) = match (ng, u32_at(at), u32_at(at + 4), u32_at(at + 8)) {
            (true, Some(kind), Some(len), _) => (len, matches!(kind, 3 | 6)),
            (false, _, _, Some(len)) => (16 + len, true),
            _ => break,
        };
        at += len;
        packets += u64::from(packet);
        if at > bytes.len() {
            break;
        }
    }
    found
}

/// A place between two records.
struct Boundary {
    /// Bytes before it.
    at: usize,
    /// Packets before it.
    packets: u64,
}

fn analysis() -> Analysis {
    let mut analysis = Analysis::new(matcher());
    analysis.flows_max = FLOWS_MAX;
    analysis
}

/// A file that gets shorter and shorter.
struct Shrinking {
    folder: tempfile::TempDir,
    file: File,
}

impl Shrinking {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("cut");
        fs::write(&path, bytes).expect("a temporary file");
        let file = File::options().write(true).open(path);
        Self {
            folder,
            file: file.expect("a temporary file"),
        }
    }

    fn cut(&self, len: usize) -> std::path::PathBuf {
        self.file.set_len(len as u64).expect("a shorter file");
        self.folder.path().join("cut")
    }
}

/// Cut anywhere, a capture gives the packets before the cut, and says that something is missing.
#[test]
fn cut_files_give_the_packets_before_the_cut() {
    for capture in captures() {
        let bytes = fs::read(&capture).expect("a committed capture");
        if bytes.len() >= EVERY_BYTE_BELOW {
            continue;
        }
        let ends = boundaries(&bytes);
        assert_eq!(ends.last().map(|end| end.at), Some(bytes.len()));
        let file = Shrinking::new(&bytes);
        for len in (0..bytes.len()).rev() {
            let before = ends.iter().rev().find(|end| end.at <= len);
            check_cut(&capture, &file.cut(len), len, before);
        }
    }
}

fn check_cut(capture: &Path, cut: &Path, len: usize, before: Option<&Boundary>) {
    let name = format!("{} cut to {len} bytes", capture.display());
    let mut pcap = match (Pcap::open(&[Input::Path(cut.into())]), before) {
        (Ok(pcap), _) => pcap,
        (Err(_), None) => return,
        // A pcapng's first block says which format it is: without all of it there is none.
        (Err(error), Some(before)) => {
            assert_eq!(before.at, 0, "{name}: {error}");
            return;
        }
    };
    let mut batch = Batch::default();
    while pcap.read(&mut batch) {}
    let before = before.unwrap_or_else(|| panic!("{name}: opens without a header"));
    assert_eq!(pcap.frames(), before.packets, "{name}");
    let whole = before.at == len;
    assert_eq!(
        pcap.faults().is_empty(),
        whole,
        "{name}: {:?}",
        pcap.faults()
    );
    for fault in pcap.faults() {
        assert_eq!(fault.frames, before.packets, "{name}: {fault}");
        assert_eq!(fault.offset, before.at as u64, "{name}: {fault}");
    }
}

/// What comes before a cut goes through the whole engine: small captures record by record, cut
/// inside the next one; larger ones in steps.
#[test]
fn the_engine_survives_every_cut() {
    for capture in captures() {
        let bytes = fs::read(&capture).expect("a committed capture");
        let ends = boundaries(&bytes);
        let apart = if bytes.len() < EVERY_BYTE_BELOW {
            1
        } else {
            RECORDS_APART
        };
        let file = Shrinking::new(&bytes);
        for end in ends.iter().rev().step_by(apart) {
            if end.at == 0 || end.at == bytes.len() {
                continue;
            }
            let run = replay_with(&file.cut(end.at + 1), &analysis()).expect("a header");
            assert_eq!(run.packets(), end.packets);
            assert_eq!(run.faults.len(), 1, "{:?}", run.faults);
            let source = run.reader().source().expect("a source");
            assert!(source.partial && source.packets == end.packets);
        }
    }
}

/// Packets of which the capture holds only the beginning (`tcpdump -s`) are no fault: what there
/// is of them is read, whatever its length.
#[test]
fn short_snapshots_are_read() {
    let mut small = captures();
    small.retain(|capture| {
        capture
            .metadata()
            .is_ok_and(|f| f.len() < EVERY_BYTE_BELOW as u64)
    });
    small.par_iter().for_each(|capture| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("short.pcap");
        let bytes = fs::read(capture).expect("a committed capture");
        let packets = boundaries(&bytes).last().map_or(0, |end| end.packets);
        let malformed = |run: &Run| run.counters.get(Counter::ParseMalformed);
        let in_whole = malformed(&replay_with(capture, &analysis()).expect("a header"));
        for snapshot in (0..HEADERS_LEN).chain((HEADERS_LEN..1600).step_by(61)) {
            fs::write(&path, with_snapshot(&bytes, snapshot)).expect("a temporary file");
            let run = replay_with(&path, &analysis()).expect("a header");
            let name = format!("{} at {snapshot}", capture.display());
            assert_eq!(run.faults, [""; 0], "{name}");
            assert_eq!(run.packets(), packets, "{name}");
            let cut = run.counters.get(Counter::Truncated) + run.counters.get(Counter::Malformed);
            assert!(snapshot >= 14 || cut > 0, "{name}: nothing counted");
            // What the capture lacks is nobody's mistake.
            assert!(malformed(&run) <= in_whole, "{name}: {}", malformed(&run));
        }
    });
}

/// The same pcap with at most so many bytes of each packet.
fn with_snapshot(bytes: &[u8], snapshot: usize) -> Vec<u8> {
    let ends = boundaries(bytes);
    let mut short = bytes[..24].to_vec();
    for pair in ends.windows(2) {
        let record = &bytes[pair[0].at..pair[1].at];
        let len = (record.len() - 16).min(snapshot);
        short.extend(&record[..8]);
        short.extend((len as u32).to_le_bytes());
        short.extend(&record[12..16 + len]);
    }
    short
}
