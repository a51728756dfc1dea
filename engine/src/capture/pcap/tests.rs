//! The offline source as a whole: files in, frames and faults out.

mod corpus;
mod faults;
mod merge;

use super::samples::{NgFile, Order, PcapFile, gzip, pcap, small_pcapng, zstandard};
use super::*;
use crate::config::{BATCH_FRAMES_MAX, RECORD_BYTES_MAX};

const MICRO: u32 = 0xa1b2_c3d4;
const NANO: u32 = 0xa1b2_3c4d;
const SECOND_NS: u64 = 1_000_000_000;

/// A frame, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    time_ns: u64,
    bytes: Vec<u8>,
    wire_len: u32,
    link: LinkType,
    interface: u16,
    number: u64,
}

/// Captures in a folder that goes away with this.
struct Folder {
    _folder: tempfile::TempDir,
    inputs: Vec<Input>,
}

impl Folder {
    fn new(files: &[&[u8]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut inputs = Vec::new();
        for (index, bytes) in files.iter().enumerate() {
            let path = folder.path().join(format!("{index}.cap"));
            std::fs::write(&path, bytes).unwrap();
            inputs.push(Input::Path(path));
        }
        Self {
            _folder: folder,
            inputs,
        }
    }

    fn open(&self) -> Result<Pcap, OpenError> {
        Pcap::open(&self.inputs)
    }
}

fn drain(pcap: &mut Pcap) -> Vec<Owned> {
    let mut batch = Batch::default();
    let mut all = Vec::new();
    while pcap.read(&mut batch) {
        assert!(!batch.is_empty() && batch.len() <= BATCH_FRAMES_MAX);
        for (index, frame) in batch.frames().enumerate() {
            assert_eq!(batch.frame(index).unwrap().bytes, frame.bytes);
            assert!(frame.wire_len as usize >= frame.bytes.len());
            all.push(Owned {
                time_ns: frame.time_ns,
                bytes: frame.bytes.to_vec(),
                wire_len: frame.wire_len,
                link: frame.link,
                interface: frame.interface,
                number: frame.number,
            });
        }
    }
    assert!(batch.is_empty() && batch.frame(0).is_none());
    assert!(!pcap.read(&mut batch), "the end is the end");
    all
}

/// Every frame and every fault of one file, mapped.
fn read(bytes: &[u8]) -> (Vec<Owned>, Vec<Fault>) {
    let folder = Folder::new(&[bytes]);
    let mut pcap = folder.open().unwrap();
    let frames = drain(&mut pcap);
    (frames, pcap.faults().to_vec())
}

fn texts(frames: &[Owned]) -> Vec<&str> {
    let texts = frames.iter().map(|frame| std::str::from_utf8(&frame.bytes));
    texts.collect::<Result<_, _>>().unwrap()
}

fn error(bytes: &[u8]) -> String {
    let folder = Folder::new(&[bytes]);
    let error = folder.open().unwrap_err().to_string();
    let name = folder.inputs[0].to_string();
    error
        .strip_prefix(&format!("{name}: "))
        .expect("the file is named")
        .to_owned()
}

#[test]
fn pcap_in_both_byte_orders_and_units() {
    for order in [Order::Little, Order::Big] {
        for (magic, unit_ns) in [(MICRO, 1_000), (NANO, 1)] {
            let file = PcapFile::new(order, magic, 1)
                .frame(1, 999_999, b"one")
                .record([u32::MAX, u32::MAX, 3, 1514], &[], b"two")
                .record([7, 0, 5, 2], &[], b"three");
            let (frames, faults) = read(&file.bytes);
            assert_eq!(faults, []);
            assert_eq!(texts(&frames), ["one", "two", "three"]);
            assert_eq!(frames[0].time_ns, SECOND_NS + 999_999 * unit_ns);
            let absurd = u64::from(u32::MAX);
            assert_eq!(frames[1].time_ns, absurd * SECOND_NS + absurd * unit_ns);
            let wire_lens = frames.iter().map(|f| f.wire_len).collect::<Vec<_>>();
            assert_eq!(wire_lens, [3, 1514, 5], "never below what was captured");
            assert_eq!(
                frames.iter().map(|f| f.number).collect::<Vec<_>>(),
                [0, 1, 2]
            );
        }
    }
}

#[test]
fn pcap_by_literal_bytes() {
    let mut bytes = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([0, 0, 4, 0, 0x93, 0, 0, 0]);
    bytes.extend([1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 60, 0, 0, 0, 0xab, 0xcd]);
    let (frames, faults) = read(&bytes);
    assert_eq!(faults, []);
    let expected = Owned {
        time_ns: SECOND_NS + 2_000,
        bytes: vec![0xab, 0xcd],
        wire_len: 60,
        link: LinkType::Unknown(147),
        interface: 0,
        number: 0,
    };
    assert_eq!(frames, [expected]);
}

#[test]
fn pcap_link_type_is_the_low_half() {
    // With FCS: length 4 given, in units of 16 bits, and the bit that says so.
    let file = PcapFile::new(Order::Big, MICRO, 0x2400_0071).frame(1, 0, b"x");
    assert_eq!(read(&file.bytes).0[0].link, LinkType::LinuxSll);
}

#[test]
fn pcap_dialects() {
    let kuznetsov = PcapFile::new(Order::Little, 0xa1b2_cd34, 1)
        .record([1, 2, 3, 60], &[9; 8], b"one")
        .record([1, 3, 3, 3], &[9; 8], b"two");
    assert_eq!(texts(&read(&kuznetsov.bytes).0), ["one", "two"]);
    // Version 2.2 has the lengths the other way round, 2.3 in either order.
    let old = PcapFile::with_version(Order::Big, MICRO, 2, 2, 1).record([1, 2, 60, 3], &[], b"one");
    assert_eq!(
        (
            read(&old.bytes).0[0].wire_len,
            &*read(&old.bytes).0[0].bytes
        ),
        (60, &b"one"[..])
    );
    let mixed = PcapFile::with_version(Order::Big, MICRO, 2, 3, 1)
        .record([1, 2, 60, 3], &[], b"one")
        .record([1, 2, 3, 60], &[], b"two");
    assert_eq!(texts(&read(&mixed.bytes).0), ["one", "two"]);
    let future = PcapFile::with_version(Order::Big, MICRO, 3, 0, 1);
    assert_eq!(
        error(&future.bytes),
        "is a pcap file of version 3.0; allowed is 2"
    );
}

#[test]
fn pcapng_in_both_byte_orders() {
    for order in [Order::Little, Order::Big] {
        let (frames, faults) = read(&small_pcapng(order));
        assert_eq!(faults, []);
        assert_eq!(texts(&frames), ["first", "second", "third", "fourth"]);
        let times = frames
            .iter()
            .map(|f| f.time_ns / SECOND_NS)
            .collect::<Vec<_>>();
        assert_eq!(times, [1, 2, 2, 3], "a simple packet keeps its place");
        assert_eq!(frames[1].wire_len, 100);
    }
}

#[test]
fn pcapng_by_literal_bytes() {
    let bytes = [
        0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, //
        255, 255, 255, 255, 255, 255, 255, 255, 28, 0, 0, 0, // section
        1, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, // Ethernet
        9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, // nanoseconds
        6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, // 2^32 + 2
        3, 0, 0, 0, 64, 0, 0, 0, 7, 8, 9, 0, 36, 0, 0, 0,
    ];
    let (frames, faults) = read(&bytes);
    assert_eq!(faults, []);
    let expected = Owned {
        time_ns: (1 << 32) + 2,
        bytes: vec![7, 8, 9],
        wire_len: 64,
        link: LinkType::Ethernet,
        interface: 0,
        number: 0,
    };
    assert_eq!(frames, [expected]);
}

#[test]
fn pcapng_clocks() {
    let offset = (-2_i64).to_le_bytes();
    let far = i64::MAX.to_le_bytes();
    let past = i64::MIN.to_le_bytes();
    // Options, ticks, nanoseconds.
    type Case<'a> = (&'a [(u16, &'a [u8])], u64, u64);
    let clocks: &[Case] = &[
        (&[], 5, 5_000),
        (&[(9, &[6])], 5, 5_000),
        (&[(9, &[0])], 5, 5 * SECOND_NS),
        (&[(9, &[9])], 5, 5),
        (&[(9, &[12])], 5_999, 5),
        (&[(9, &[29])], u64::MAX, 0),
        (&[(9, &[127])], u64::MAX, 0),
        (&[(9, &[0x80])], 5, 5 * SECOND_NS),
        (&[(9, &[0x80 | 10])], 1536, 1_500_000_000),
        (&[(9, &[0xff])], u64::MAX, 0),
        (&[(9, &[0])], u64::MAX, u64::MAX),
        (&[(9, &[0x80])], u64::MAX, u64::MAX),
        (&[(14, &offset)], 3_000_000, SECOND_NS),
        (&[(14, &offset)], 3, 0),
        (&[(14, &far)], 3, u64::MAX),
        (&[(14, &past)], u64::MAX, 0),
        (&[(9, &[9, 9]), (14, &[1])], 5, 5_000),
        (&[(1, b"comment"), (0, b""), (9, &[9])], 5, 5_000),
    ];
    for &(options, ticks, time_ns) in clocks {
        let file = NgFile::new(Order::Little)
            .interface(1, 0, options)
            .enhanced(0, ticks, 1, b"x");
        assert_eq!(read(&file.bytes).0[0].time_ns, time_ns, "{options:?}");
    }
}

#[test]
fn pcapng_sections_and_interfaces() {
    let file = NgFile::new(Order::Little)
        .interface(1, 0, &[(2, b"never used")])
        .interface(113, 0, &[(2, b"a\x1bny\0tail")])
        .enhanced(1, 1, 1, b"a")
        .section(Order::Big)
        .interface(228, 4, &[(9, &[9])])
        .interface(147, 0, &[(2, &[b'n'; 300])])
        .enhanced(1, 2_000, 1, b"b")
        .enhanced(0, 3_000, 1, b"c")
        .simple(9, b"dddd");
    let folder = Folder::new(&[&file.bytes, &pcap(&[(0, b"e")])]);
    let mut pcap = folder.open().unwrap();
    let frames = drain(&mut pcap);
    assert_eq!(texts(&frames), ["e", "a", "b", "c", "dddd"]);
    let interfaces = frames.iter().map(|f| f.interface).collect::<Vec<_>>();
    assert_eq!(
        interfaces,
        [0, 1, 2, 3, 3],
        "numbered at their first frames"
    );
    let links = frames.iter().map(|f| f.link).collect::<Vec<_>>();
    let (ethernet, cooked) = (LinkType::Ethernet, LinkType::LinuxSll);
    assert_eq!(
        links,
        [
            ethernet,
            cooked,
            LinkType::Unknown(147),
            LinkType::Ipv4,
            LinkType::Ipv4
        ]
    );
    assert_eq!(frames[4].wire_len, 9);
    let times = frames.iter().map(|f| f.time_ns).collect::<Vec<_>>();
    assert_eq!(
        times,
        [0, 1_000, 2_000_000, 3_000, 3_000],
        "a file keeps its own order"
    );
    let seen = pcap.interfaces();
    assert_eq!(
        seen.iter().map(|i| i.input).collect::<Vec<_>>(),
        [1, 0, 0, 0]
    );
    assert_eq!(seen[1].name.as_deref(), Some("a\u{fffd}ny"));
    assert_eq!(
        seen[2].name.as_ref().unwrap().len(),
        256,
        "long names are cut"
    );
    assert_eq!(
        (seen[0].name.as_deref(), seen[3].name.as_deref()),
        (None, None)
    );
}

#[test]
fn compressed_by_content() {
    let plain = pcap(&[(1, b"one"), (2, b"two")]);
    let (head, tail) = plain.split_at(30);
    let members = [gzip(head), gzip(tail)].concat();
    let skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let frames = [&skippable[..], &zstandard(head), &zstandard(tail)].concat();
    let empty_first = [
        [gzip(b""), gzip(&plain)].concat(),
        [zstandard(b""), zstandard(&plain)].concat(),
    ];
    let others = [gzip(&plain), zstandard(&plain), members, frames];
    for compressed in others.into_iter().chain(empty_first) {
        let (frames, faults) = read(&compressed);
        assert_eq!(faults, []);
        assert_eq!(texts(&frames), ["one", "two"]);
    }
    let ng = small_pcapng(Order::Big);
    assert_eq!(read(&gzip(&ng)), read(&ng));
}

/// Enough and large enough frames that every buffer is refilled many times.
#[test]
fn streamed_is_what_mapped_is() {
    let mut file = NgFile::new(Order::Big).interface(1, 0, &[]);
    for number in 0..3_000_u32 {
        let frame = vec![number as u8; (number as usize * 37) % 3_000];
        file = file.enhanced(0, u64::from(number), 1, &frame);
        if number % 500 == 0 {
            file = file.block(0xbad, &vec![0; 300_000]);
            file = file.enhanced(0, u64::from(number), 1, &vec![1; RECORD_BYTES_MAX]);
        }
    }
    let mapped = read(&file.bytes);
    assert_eq!((mapped.0.len(), mapped.1.len()), (3_006, 0));
    assert!(read(&gzip(&file.bytes)) == mapped);
    assert!(read(&zstandard(&file.bytes)) == mapped);
}

#[test]
fn inputs_by_argument() {
    assert_eq!(Input::from_argument("-"), Input::Stdin);
    assert_eq!(Input::from_argument("a.pcap"), Input::Path("a.pcap".into()));
    assert_eq!(Input::Stdin.to_string(), "standard input");
}
