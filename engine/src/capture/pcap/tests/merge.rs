//! Several inputs as one, batches shared between threads, streams, rewinding.

use std::io::Write;
use std::sync::Arc;

use super::*;

/// The merge, told in the simplest way: again and again the earliest head, ties by order.
fn merged(inputs: &[Vec<(u64, Vec<u8>)>]) -> Vec<(u64, Vec<u8>)> {
    let mut heads = vec![0; inputs.len()];
    let mut all = Vec::new();
    loop {
        let next = (0..inputs.len())
            .filter(|&i| heads[i] < inputs[i].len())
            .min_by_key(|&i| (inputs[i][heads[i]].0, i));
        let Some(i) = next else { return all };
        all.push(inputs[i][heads[i]].clone());
        heads[i] += 1;
    }
}

#[test]
fn inputs_are_merged_by_their_heads() {
    let mut state = 7_u64;
    let mut random = |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % limit
    };
    for round in 0..40 {
        let inputs: Vec<Vec<(u64, Vec<u8>)>> = (0..random(6) + 1)
            .map(|input| {
                let frame = |number: u64| (random(50), format!("{input}.{number}").into_bytes());
                (0..[3, 2_000][round % 2]).map(frame).collect()
            })
            .collect();
        let files = inputs.iter().enumerate().map(|(index, frames)| {
            let frames: Vec<_> = frames
                .iter()
                .map(|(t, bytes)| (*t, bytes.as_slice()))
                .collect();
            let file = pcap(&frames);
            [file.clone(), gzip(&file), zstandard(&file)][index % 3].clone()
        });
        let files: Vec<Vec<u8>> = files.collect();
        let folder = Folder::new(&files.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let frames = drain(&mut folder.open().unwrap());
        assert!(frames.iter().map(|f| f.number).eq(0..frames.len() as u64));
        let frames: Vec<_> = frames
            .into_iter()
            .map(|f| (f.time_ns / 1_000, f.bytes))
            .collect();
        assert!(frames == merged(&inputs), "round {round}");
    }
}

#[test]
fn equal_times_go_by_the_order_of_inputs() {
    let folder = Folder::new(&[
        &pcap(&[(5, b"a"), (5, b"b"), (4, b"c")]),
        &pcap(&[(5, b"d"), (6, b"e")]),
        &pcap(&[(1, b"f"), (5, b"g")]),
        &pcap(&[]),
    ]);
    let mut pcap = folder.open().unwrap();
    assert_eq!(
        texts(&drain(&mut pcap)),
        ["f", "a", "b", "c", "d", "g", "e"]
    );
    assert_eq!(pcap.bytes_total(), Some(pcap.bytes_read()));
}

#[test]
fn no_inputs_are_no_frames() {
    let mut pcap = Pcap::open(&[]).unwrap();
    assert_eq!(drain(&mut pcap), []);
    assert_eq!(pcap.bytes_total(), Some(0));
}

#[test]
fn progress_is_counted_as_stored() {
    let frames = vec![(1, &[0; 1000][..]); 5_000];
    for file in [
        pcap(&frames),
        gzip(&pcap(&frames)),
        zstandard(&pcap(&frames)),
    ] {
        let folder = Folder::new(&[&file]);
        let mut pcap = folder.open().unwrap();
        assert_eq!(pcap.bytes_total(), Some(file.len() as u64));
        let mut batch = Batch::default();
        let mut before = 0;
        while pcap.read(&mut batch) {
            assert!(pcap.bytes_read() >= before);
            before = pcap.bytes_read();
        }
        assert_eq!(pcap.bytes_read(), file.len() as u64);
    }
}

#[test]
fn mapped_inputs_can_be_read_again() {
    let cut = &small_pcapng(Order::Big)[..220];
    let folder = Folder::new(&[cut, &pcap(&[(1_500_000, b"x")])]);
    let mut pcap = folder.open().unwrap();
    let first = drain(&mut pcap);
    let interfaces = pcap.interfaces().to_vec();
    assert!(pcap.rewind());
    let second = drain(&mut pcap);
    assert_eq!(texts(&first), ["first", "x", "second", "third"]);
    let renumbered = first.into_iter().map(|f| Owned {
        number: f.number + 4,
        ..f
    });
    assert_eq!(
        second,
        renumbered.collect::<Vec<_>>(),
        "only the numbers go on"
    );
    assert_eq!(pcap.interfaces(), interfaces);
    assert_eq!(pcap.faults().len(), 1, "reported once");
    assert_eq!(pcap.frames(), 8);

    let folder = Folder::new(&[&gzip(&small_pcapng(Order::Big))]);
    let mut pcap = folder.open().unwrap();
    assert!(!pcap.rewind());
    assert_eq!(drain(&mut pcap).len(), 4, "and nothing was changed");
}

#[test]
fn a_batch_is_shared_and_comes_back() {
    let file = pcap(&vec![(1, &b"frame"[..]); 5_000]);
    for file in [gzip(&file), file] {
        let folder = Folder::new(&[&file]);
        let mut pcap = folder.open().unwrap();
        let mut batch = Arc::new(Batch::default());
        let mut total = 0;
        while pcap.read(Arc::get_mut(&mut batch).expect("the workers gave it back")) {
            let workers = [0, 1].map(|_| {
                let batch = Arc::clone(&batch);
                std::thread::spawn(move || batch.frames().filter(|f| f.bytes == b"frame").count())
            });
            for worker in workers {
                assert_eq!(worker.join().unwrap(), batch.len());
            }
            total += batch.len();
        }
        assert_eq!(total, 5_000);
    }
}

/// Reading may happen on a thread of its own.
#[test]
fn threads_may_have_them() {
    fn sendable<T: Send>() {}
    fn shareable<T: Send + Sync>() {}
    sendable::<Pcap>();
    shareable::<Batch>();
}

/// A batch's frames outlive the reader that they came from.
#[test]
fn a_batch_keeps_its_mappings() {
    let folder = Folder::new(&[&pcap(&[(1, b"kept")])]);
    let mut pcap = folder.open().unwrap();
    let mut batch = Batch::default();
    assert!(pcap.read(&mut batch));
    drop((pcap, folder));
    assert_eq!(batch.frame(0).unwrap().bytes, b"kept");
}

/// Small frames fill a batch by number, large streamed ones by bytes.
#[test]
fn a_batch_is_bounded() {
    let large = vec![7; RECORD_BYTES_MAX];
    let file = pcap(&vec![(1, &large[..]); 9]);
    for (streamed, lens) in [(false, vec![9]), (true, vec![4, 4, 1])] {
        let mut pcap = Pcap::open_bytes(&[(&file, streamed)]).unwrap();
        let mut batch = Batch::default();
        let mut read = Vec::new();
        while pcap.read(&mut batch) {
            assert!(batch.frames().all(|frame| frame.bytes == large));
            read.push(batch.len());
        }
        // A stream hands out what it has: never more than a batch's bytes, perhaps less.
        assert_eq!(read.iter().sum::<usize>(), lens.iter().sum::<usize>());
        assert!(read.iter().max() <= lens.iter().max());
    }
}

/// A stream's frames are handed out as they come, not when a batch is full.
#[test]
fn a_pipe_is_a_stream() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let file = pcap(&[(1, b"one"), (2, b"two")]);
    writer.write_all(&file[..45]).unwrap();
    let mut pcap = Pcap::open(&[Input::Path(path.into())]).unwrap();
    assert_eq!(pcap.bytes_total(), None);
    assert!(!pcap.rewind());
    let mut batch = Batch::default();
    assert!(pcap.read(&mut batch));
    assert_eq!(batch.frame(0).unwrap().bytes, b"one");
    assert_eq!(batch.len(), 1);
    writer.write_all(&file[45..]).unwrap();
    drop(writer);
    assert!(pcap.read(&mut batch));
    assert_eq!(
        (
            batch.frame(0).unwrap().bytes,
            batch.frame(0).unwrap().number
        ),
        (&b"two"[..], 1)
    );
    assert!(!pcap.read(&mut batch));
    assert_eq!(
        (pcap.faults(), pcap.bytes_read()),
        (&[][..], file.len() as u64)
    );
}
