use medtap_engine::capture::{Batch, Frame, Input, Pcap};
use medtap_engine::device::ledger::Outbox;
use medtap_engine::device::{Aggregator, CountSighting, FactSighting};
use medtap_engine::worker::{Options, Worker};
use medtap_table::{Capacity, Source, TableWriter};
use medtap_tests::{devices_text, matcher, replay, root};

/// What the worker hands over is merged at once.
pub struct Direct<'a>(pub &'a mut Aggregator);

impl Outbox for Direct<'_> {
    fn fact(&mut self, fact: &FactSighting) -> bool {
        self.0.fact(fact);
        true
    }

    fn count(&mut self, count: &CountSighting) -> bool {
        self.0.count(count);
        true
    }
}

/// Every frame of a capture, and its number.
pub fn frames_of(capture: &str, mut take: impl FnMut(usize, Frame<'_>)) {
    let mut pcap = Pcap::open(&[Input::Path(root().join(capture))]).unwrap();
    let (mut batch, mut number) = (Batch::default(), 0);
    while pcap.read(&mut batch) {
        for frame in batch.frames() {
            take(number, frame);
            number += 1;
        }
    }
}

/// The devices of the hospital's capture, frame by frame, as if it had taken so many times longer;
/// with the rounds of a live worker between the frames, or without.
fn devices(slower: u64, rounds: bool) -> String {
    const CAPTURE: &str = "pcaps/hospital.pcapng";
    let source: Source = replay(&root().join(CAPTURE), 1)
        .unwrap()
        .reader()
        .source()
        .unwrap();
    let writer = TableWriter::anonymous(Capacity::default()).unwrap();
    let mut aggregator = Aggregator::new(writer);
    let mut worker = Worker::new(Options::offline(matcher())).unwrap();
    frames_of(CAPTURE, |_, mut frame| {
        let since_ns = frame.time_ns - source.first_seen_ns;
        frame.time_ns = source.first_seen_ns + since_ns * slower;
        worker.burst([frame].into_iter(), &mut Direct(&mut aggregator));
        if rounds {
            worker.tend(frame.time_ns, &mut Direct(&mut aggregator));
            aggregator.publish();
        }
    });
    assert!(worker.finish(&mut Direct(&mut aggregator)));
    aggregator.publish();
    let mut writer = aggregator.into_writer();
    // Who runs the engine says where frames came from; here that is the test.
    writer.set_source(&source);
    devices_text(&writer.reader())
}

/// A live worker goes round its flows between bursts, and they pay what they owe while they go on.
/// What the table says at the end is what it says offline. Slower, rounds come in the middle of
/// handshakes.
#[test]
fn rounds_between_bursts_change_nothing() {
    for slower in [1, 30, 300, 1000] {
        let (live, offline) = (devices(slower, true), devices(slower, false));
        for (live, offline) in live.lines().zip(offline.lines()) {
            assert_eq!(live, offline, "{slower} times slower");
        }
        assert_eq!(live.len(), offline.len());
        assert!(live.len() > 10_000, "{}", live.len());
    }
}
