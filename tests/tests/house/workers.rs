use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use medtap_engine::capture::pcap::{Batch, Input, Pcap};
use medtap_engine::flow::{FlowHasher, Summary, shard, steer};
use medtap_engine::runtime::{Analysis, analyze};
use medtap_engine::wire::{Headers, Network};
use medtap_engine::worker::shard_of;
use medtap_tests::{Capture, captures, matcher, replay, table_text};

/// The number of workers changes no byte: state lives in fixed shards, merges are commutative.
#[test]
fn workers_do_not_show() {
    for capture in captures() {
        let one = replay(&capture, 1).expect("a committed capture opens");
        assert!(!one.hit_a_limit(), "{}", capture.display());
        let expected = table_text(&one.reader());
        for workers in [2, 7] {
            let more = replay(&capture, workers).expect("a committed capture opens");
            let text = table_text(&more.reader());
            assert!(text == expected, "{} at {workers}", capture.display());
        }
    }
}

/// More workers than shards: those without a shard have nothing to do, and do no harm.
#[test]
fn workers_without_shards_are_idle() {
    let capture = &captures()[0];
    let one = replay(capture, 1).expect("a committed capture opens");
    let many = replay(capture, 70).expect("a committed capture opens");
    assert_eq!(table_text(&many.reader()), table_text(&one.reader()));
}

/// Who is told of every batch may panic: the run ends with that, and nobody waits for what he was
/// told of.
#[test]
fn a_watcher_that_panics_ends_the_run() {
    for workers in [1, 2, 5] {
        let mut analysis = Analysis::new(matcher());
        analysis.workers = workers;
        let pcap = Pcap::open(&[Input::Path(captures()[0].clone())]).expect("a capture opens");
        let run = catch_unwind(AssertUnwindSafe(|| {
            analyze(pcap, &analysis, &mut |_| panic!("a watcher")).map(|_| ())
        }));
        let panic = run.expect_err("it went on without its watcher");
        assert_eq!(panic.downcast_ref(), Some(&"a watcher"));
    }
}

/// An input that can only be read once is shared out as well.
#[test]
fn a_stream_is_shared_out_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream.pcap.gz");
    let capture = captures()
        .into_iter()
        .max_by_key(|path| fs::metadata(path).map(|file| file.len()).unwrap_or(0))
        .expect("there are captures");
    let mut packed = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    io::copy(&mut File::open(&capture).unwrap(), &mut packed).unwrap();
    packed.finish().unwrap();
    let one = replay(&capture, 1).expect("a committed capture opens");
    for workers in [1, 3] {
        let more = replay(&path, workers).expect("what was packed opens");
        assert_eq!(table_text(&more.reader()), table_text(&one.reader()));
    }
}

/// Whoever shares frames out knows their shard as the worker that reads them, in tunnels too.
#[test]
fn the_shard_that_deals_is_the_shard_of_the_headers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inside.pcap");
    let (mut frames, mut plain, mut tunnels) = (0, 0, 0);
    for capture in captures() {
        let compared = compare_shards(&capture);
        frames += compared.0;
        plain += compared.2;
        if let Some(capture) = Capture::read(&capture) {
            capture.in_erspan().write(&path);
            tunnels += compare_shards(&path).1;
        }
    }
    assert!(
        frames > 4_000 && plain > 4_000 && tunnels > 2_000,
        "{frames}, {plain} plain, {tunnels} in tunnels"
    );
}

/// Compares the shards of a capture's frames; gives how many were compared, and how many of those
/// were in tunnels, and plain.
fn compare_shards(capture: &Path) -> (u32, u32, u32) {
    let (mut frames, mut tunnels, mut plain) = (0, 0, 0);
    let mut pcap = Pcap::open(&[Input::Path(capture.into())]).expect("a capture opens");
    let mut batch = Batch::default();
    while pcap.read(&mut batch) {
        for frame in batch.frames() {
            let Ok(headers) = Headers::parse(frame.bytes, frame.wire_len, frame.link) else {
                continue;
            };
            if headers.network != Network::None {
                let told = shard(steer(&headers.src, &headers.dst));
                let name = capture.display();
                assert_eq!(shard_of(&frame), told, "{name}, frame {}", frame.number);
                let mut summary = Summary::default();
                if summary.read(frame.bytes, frame.link, |_| 0, &FlowHasher::FIXED) {
                    assert_eq!(usize::from(summary.shard), told, "{name}, {}", frame.number);
                    plain += 1;
                }
                frames += 1;
                tunnels += u32::from(headers.tunnels > 0);
            }
        }
    }
    (frames, tunnels, plain)
}
