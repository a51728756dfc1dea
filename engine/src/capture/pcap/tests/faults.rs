//! Everything that can be wrong with an input, and every place where it can be cut.

use super::*;
use crate::config::INTERFACES_MAX;

fn fault(bytes: &[u8]) -> (usize, Fault) {
    let (frames, faults) = read(bytes);
    let [fault] = faults.try_into().expect("one fault");
    assert_eq!(fault.frames, frames.len() as u64);
    (frames.len(), fault)
}

#[test]
fn what_is_no_capture_is_refused() {
    assert!(error(b"").starts_with("is empty; "));
    assert!(error(&gzip(b"")).starts_with("is empty; "));
    assert_eq!(
        error(b"GET / HTTP/1.1"),
        "is not a capture: it begins with 47 45 54 20 2f 20 48 54 54 50 2f 31; allowed are pcap, \
         pcapng, and either compressed with gzip or zstd"
    );
    assert!(error(b"\n").starts_with("is not a capture: it begins with 0a; "));
    let nested = error(&gzip(&zstandard(&pcap(&[]))));
    assert!(nested.starts_with("is not a capture: decompressed, it begins with 28 b5 2f fd"));
    let cut = error(&pcap(&[])[..23]);
    assert_eq!(
        cut,
        "is cut inside its file header: 24 bytes are needed, 23 are there"
    );
    assert!(error(&[0x1f, 0x8b, 8, 0]).starts_with("can't be decompressed: "));
    assert!(error(&[0x28, 0xb5, 0x2f, 0xfd, 0]).starts_with("can't be decompressed: "));
}

#[test]
fn what_can_not_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| Input::Path(folder.path().join(name));
    let error = |input: Input| Pcap::open(&[input]).unwrap_err();
    assert!(
        error(path("none.pcap"))
            .to_string()
            .ends_with("none.pcap: there is no such file")
    );
    assert!(matches!(error(path("")), OpenError::Directory { .. }));
    std::fs::write(folder.path().join("file"), "x").unwrap();
    assert!(matches!(
        error(path("file/x")),
        OpenError::Unreadable { .. }
    ));
    let twice = Pcap::open(&[Input::Stdin, Input::Stdin]).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "standard input is named twice; it can be read only once"
    );
    let many = vec![path("file"); INPUTS_MAX + 1];
    assert!(matches!(
        Pcap::open(&many),
        Err(OpenError::TooManyInputs { count: 65_535 })
    ));
}

/// A user without rights sees the reason; where tests run as root, nothing is unreadable.
#[test]
fn no_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[&pcap(&[])]);
    let Input::Path(path) = &folder.inputs[0] else {
        panic!("a path")
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
    match folder.open() {
        Ok(_) => eprintln!("skipped: these tests run with the right to read everything"),
        Err(error) => assert!(
            error
                .to_string()
                .contains("can't be read: Permission denied")
        ),
    }
}

/// Every prefix of every kind of small capture, mapped and streamed: refused, or read up to the
/// cut.
#[test]
fn every_truncation_is_survived() {
    let plain = pcap(&[(1, b"one"), (2, b"two")]);
    let ng = small_pcapng(Order::Big);
    let cases = [
        (plain, vec![24, 43]),
        (ng, vec![28, 60, 100, 136, 176, 200]),
    ];
    for (whole, ends) in cases {
        let frames = read(&whole).0;
        for (len, streamed) in (0..whole.len()).flat_map(|len| [(len, false), (len, true)]) {
            let Ok(mut pcap) = Pcap::open_bytes(&[(&whole[..len], streamed)]) else {
                assert!(len < 24, "{len}");
                continue;
            };
            assert!(frames.starts_with(&drain(&mut pcap)));
            assert_eq!(pcap.faults().is_empty(), ends.contains(&len), "{len}");
            assert!(pcap.bytes_read() <= len as u64);
        }
        for compressed in [gzip(&whole), zstandard(&whole)] {
            for len in 0..compressed.len() {
                let Ok(mut pcap) = Pcap::open_bytes(&[(&compressed[..len], len % 2 == 0)]) else {
                    continue;
                };
                assert!(frames.starts_with(&drain(&mut pcap)));
                // The checksum at the end of a gzip file is a part of it, too.
                assert_eq!(pcap.faults().len(), 1, "{len}");
            }
        }
    }
}

/// A cut gives the same fault whether the bytes are mapped or streamed.
#[test]
fn faults_are_the_same_in_streams() {
    let whole = small_pcapng(Order::Little);
    for len in 28..whole.len() {
        let [mapped, streamed] = [false, true].map(|streamed| {
            let mut pcap = Pcap::open_bytes(&[(&whole[..len], streamed)]).unwrap();
            drain(&mut pcap);
            pcap.faults().to_vec()
        });
        assert_eq!(mapped, streamed, "{len}");
    }
}

#[test]
fn a_cut_record_says_so() {
    let whole = pcap(&[(1, b"one"), (2, b"two")]);
    let (frames, fault) = fault(&whole[..whole.len() - 1]);
    assert_eq!((frames, fault.offset), (1, 43));
    let (_, text) = fault
        .to_string()
        .split_once(": ")
        .map(|(a, b)| (a.len(), b.to_owned()))
        .unwrap();
    assert_eq!(
        text,
        "is cut: the next record needs 19 bytes and 18 are left (at byte 43, after 1 packets); \
         the rest of this input was not read"
    );
}

#[test]
fn lengths_beyond_the_limit_are_faults() {
    let limit = RECORD_BYTES_MAX as u32;
    let file = |len: u32| {
        let file = PcapFile::new(Order::Big, MICRO, 1).frame(1, 0, b"x");
        file.record([1, 0, len, len], &[], &vec![0; RECORD_BYTES_MAX])
            .bytes
    };
    assert_eq!(read(&file(limit)).0.len(), 2);
    let (frames, fault) = fault(&file(limit + 1));
    assert_eq!(
        (frames, fault.kind),
        (1, FaultKind::RecordLength { len: limit + 1 })
    );
    assert_eq!(super::faults::fault(&file(u32::MAX)).0, 1);
}

#[test]
fn broken_blocks_are_faults() {
    let good = NgFile::new(Order::Little)
        .interface(1, 0, &[])
        .enhanced(0, 0, 1, b"x")
        .bytes;
    let with = |kind: u32, len: u32, rest: &[u8]| {
        let mut bytes = good.clone();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend(rest);
        let (frames, fault) = fault(&bytes);
        assert_eq!((frames, fault.offset), (1, good.len() as u64));
        fault.kind
    };
    let block_length = |len| FaultKind::BlockLength { len };
    assert_eq!(with(99, 0, &[0; 8]), block_length(0));
    assert_eq!(with(99, 13, &[0; 8]), block_length(13));
    assert_eq!(
        with(6, 28, &[0; 40]),
        block_length(28),
        "too short for its fields"
    );
    assert_eq!(with(6, 0x0020_0000, &[0; 40]), block_length(0x0020_0000));
    assert_eq!(
        with(99, 32, &[0; 8]),
        FaultKind::Cut {
            wanted: 32,
            there: 16
        }
    );
    assert_eq!(
        with(6, 36, &[0; 40]),
        FaultKind::BlockTrailer { head: 36, tail: 0 }
    );
    assert_eq!(
        with(6, 1000, &[0; 40]),
        FaultKind::Cut {
            wanted: 1000,
            there: 48
        }
    );
    let section = [0x1a, 0x2b, 0x3c, 0x4e, 0, 1, 0, 0];
    assert_eq!(
        with(0x0a0d_0d0a, 28, &section),
        FaultKind::ByteOrder { magic: 0x1a2b_3c4e }
    );
}

#[test]
fn blocks_that_contradict_themselves_are_faults() {
    let start = || {
        NgFile::new(Order::Little)
            .interface(1, 0, &[])
            .enhanced(0, 0, 1, b"x")
    };
    let kind = |file: NgFile| fault(&file.bytes).1.kind;
    assert_eq!(
        kind(start().enhanced(1, 0, 1, b"x")),
        FaultKind::Interface { id: 1, declared: 1 }
    );
    assert_eq!(
        kind(start().section(Order::Big).obsolete(0, 0, 1, b"x")),
        FaultKind::Interface { id: 0, declared: 0 },
        "a section knows only its own interfaces"
    );
    assert_eq!(
        kind(start().section(Order::Big).simple(1, b"x")),
        FaultKind::Interface { id: 0, declared: 0 }
    );
    assert_eq!(
        kind(start().simple(60, b"xxxx")),
        FaultKind::Overrun { len: 60, room: 4 }
    );
    let mut body = vec![0; 24];
    body[12] = 5;
    assert_eq!(
        kind(start().block(6, &body)),
        FaultKind::Overrun { len: 5, room: 4 }
    );
    let long = vec![0; RECORD_BYTES_MAX + 1];
    let len = long.len() as u32;
    assert_eq!(
        kind(start().enhanced(0, 0, 1, &long)),
        FaultKind::RecordLength { len }
    );
    let version = [0x4d, 0x3c, 0x2b, 0x1a, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(
        kind(start().block(0x0a0d_0d0a, &version)),
        FaultKind::SectionVersion { major: 2, minor: 1 }
    );
}

#[test]
fn interfaces_are_limited() {
    let mut file = NgFile::new(Order::Little);
    for _ in 0..INTERFACES_MAX {
        file = file.interface(1, 0, &[]);
    }
    let file = file.enhanced(65_535, 0, 1, b"x");
    assert_eq!(read(&file.bytes).1, []);
    let (frames, fault) = fault(&file.interface(1, 0, &[]).bytes);
    assert_eq!((frames, fault.kind), (1, FaultKind::TooManyInterfaces));
}

/// A decompressor's memory is bounded by a limit, not by what a frame asks for.
#[test]
fn large_windows_are_refused() {
    // RFC 8878, 3.1.1.1: no content size; window 2^(10 + 18); one raw block of one byte.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 18 << 3, 0x09, 0, 0, b'x'];
    let text = error(&frame);
    assert!(text.starts_with("can't be decompressed: "), "{text}");
    assert!(
        text.ends_with("; allowed is a window of 2^27 bytes"),
        "{text}"
    );
    let good = zstandard(&pcap(&[(1, b"x")]));
    let (frames, fault) = fault(&[&good, &frame[..]].concat());
    assert_eq!(frames, 1);
    assert!(fault.to_string().contains("can't be read on: "));
}

#[test]
fn a_damaged_stream_keeps_what_was_read() {
    let plain = pcap(&vec![(1, &[7; 1000][..]); 1000]);
    let mut random = plain.clone();
    let mut state = 1_u32;
    for byte in random.iter_mut().skip(24).filter(|byte| **byte == 7) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    for mut compressed in [gzip(&random), zstandard(&random)] {
        let middle = compressed.len() / 2;
        compressed.truncate(middle);
        compressed.extend([0xff; 100]);
        let folder = Folder::new(&[&compressed, &pcap(&[(9, b"other")])]);
        let mut pcap = folder.open().unwrap();
        let frames = drain(&mut pcap);
        assert!(frames.len() > 10);
        assert_eq!(
            frames.last().unwrap().bytes,
            b"other",
            "the other input goes on"
        );
        assert!(!pcap.faults().is_empty());
    }
}

/// Whatever the bytes are: no panic, an end that is reached, the same mapped and streamed.
fn survive(bytes: &[u8]) {
    let [mapped, streamed] = [false, true].map(|streamed| {
        let mut pcap = Pcap::open_bytes(&[(bytes, streamed)]).ok()?;
        let frames = drain(&mut pcap);
        assert!(pcap.faults().len() <= 1);
        Some((frames, pcap.faults().to_vec()))
    });
    assert!(mapped == streamed);
}

#[test]
fn fuzz_a_file() {
    bolero::check!()
        .with_iterations(300)
        .for_each(|bytes: &[u8]| survive(bytes));
}

/// Random bytes behind a good beginning get further in.
#[test]
fn fuzz_the_records() {
    let pcap = pcap(&[(1, b"x")]);
    bolero::check!()
        .with_iterations(300)
        .for_each(|bytes: &[u8]| {
            survive(&[&pcap, bytes].concat());
            for kind in [1, 2, 3, 6] {
                let file = NgFile::new(Order::Little).interface(1, 0, &[]);
                survive(&file.block(kind, bytes).enhanced(0, 1, 1, b"x").bytes);
            }
        });
}

/// A byte changed anywhere in a good file.
#[test]
fn fuzz_one_byte() {
    let files = [
        pcap(&[(1, b"one"), (2, b"two")]),
        small_pcapng(Order::Big),
        gzip(&small_pcapng(Order::Little)),
        zstandard(&small_pcapng(Order::Little)),
    ];
    for file in files {
        for at in 0..file.len() {
            for value in [0, 0x7f, 0xff] {
                let mut changed = file.clone();
                changed[at] = value;
                survive(&changed);
            }
        }
    }
}
