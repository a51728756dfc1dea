use medtap_engine::capture::{Batch, Frame, Input, Pcap};
use medtap_engine::device::ledger::Outbox;
use medtap_engine::device::{Aggregator, CountSighting, FactSighting};
use medtap_engine::worker::{Options, Worker};
use medtap_table::vocabulary::Field;
use medtap_table::{Capacity, Source, TableWriter};
use medtap_tests::{devices_text, matcher, replay, root};

/// What the worker hands over is merged at once.
pub struct Direct<'a>(pub &'a mut Aggregator);

impl Outbox for Direct<'_> {
    fn has_room(&self, _: usize) -> bool {
        true
    }

    fn fact(&mut self, fact: &FactSighting<'_>) {
        self.0.fact(fact);
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

/// What the stacks of both ends showed, and how often, where the frames of one of them come so many
/// places late: each in its order, as two queues give them.
fn openings(late: (bool, usize)) -> Vec<(Field, String, u64)> {
    /// One connection, and where in an Ethernet frame of IPv4 its sender's port is.
    const CAPTURE: (&str, usize) = ("pcaps/http/get.pcap", 12);
    const SENDERS_PORT: usize = 34;
    let mut order = Vec::new();
    frames_of(CAPTURE.0, |at, frame| {
        let from_server = frame.bytes[SENDERS_PORT..SENDERS_PORT + 2] == 80_u16.to_be_bytes();
        let places = if from_server == late.0 { late.1 } else { 0 };
        order.push((at + places, frame.bytes.to_vec()));
    });
    order.truncate(CAPTURE.1);
    order.sort_by_key(|(place, _)| *place);
    let mut aggregator = Aggregator::new(TableWriter::anonymous(Capacity::default()).unwrap());
    let mut worker = Worker::new(Options::offline(matcher())).unwrap();
    let mut frames = order.iter();
    frames_of(CAPTURE.0, |_, frame| {
        if let Some((_, bytes)) = frames.next() {
            let wire_len = bytes.len() as u32;
            let frame = Frame {
                bytes,
                wire_len,
                ..frame
            };
            worker.burst([frame].into_iter(), &mut Direct(&mut aggregator));
        }
    });
    assert!(worker.finish(&mut Direct(&mut aggregator)));
    aggregator.publish();
    let writer = aggregator.into_writer();
    let reader = writer.reader();
    let marks = reader.facts().map(|(_, fact)| fact);
    let marks = marks.filter(|fact| matches!(fact.field, Field::TcpSyn | Field::TcpSynAck));
    let mut openings: Vec<_> = marks
        .map(|fact| (fact.field, fact.raw.to_string(), fact.count))
        .collect();
    openings.sort_by_key(|(field, ..)| field.name());
    openings
}

/// A SYN, its answer and what proves them may come in any order of two queues: the opening is told
/// once.
#[test]
fn an_opening_out_of_order_is_told_once() {
    let in_order = openings((false, 0));
    assert!(in_order.iter().any(|(field, ..)| *field == Field::TcpSyn));
    assert!(
        in_order.iter().all(|(.., count)| *count == 1),
        "{in_order:?}"
    );
    for places in 1..6 {
        for from_server in [false, true] {
            let late = openings((from_server, places));
            assert_eq!(late, in_order, "{from_server} {places}");
        }
    }
}
