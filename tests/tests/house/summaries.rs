use medtap_engine::capture::{Batch, Frame, Input, Pcap};
use medtap_engine::config::BURST_FRAMES;
use medtap_engine::device::Aggregator;
use medtap_engine::flow::Summary;
use medtap_engine::worker::{Burst, Options, Worker};
use medtap_table::vocabulary::Counter;
use medtap_table::{Capacity, TableWriter};
use medtap_tests::{captures, matcher, relative, table_text};

use super::tending::Direct;

/// Frames of which none is taken for a plain packet: all their headers are read.
struct Whole<'a>(&'a [Frame<'a>]);

impl Burst for Whole<'_> {
    fn len(&self) -> usize {
        Burst::len(self.0)
    }

    fn frame(&self, at: usize) -> Frame<'_> {
        self.0.frame(at)
    }

    fn summarize(&self, _: usize, _: &Options, _: &mut Summary) -> bool {
        false
    }
}

/// The table that a capture leaves, what was counted, and how many frames were plain.
fn table(capture: &std::path::Path, whole: bool) -> (String, Vec<(Counter, u64)>, usize) {
    let mut aggregator = Aggregator::new(TableWriter::anonymous(Capacity::default()).unwrap());
    let options = Options::offline(matcher());
    let mut worker = Worker::new(options.clone()).unwrap();
    let mut pcap = Pcap::open(&[Input::Path(capture.into())]).unwrap();
    let (mut batch, mut plain) = (Batch::default(), 0);
    while pcap.read(&mut batch) {
        let frames: Vec<_> = batch.frames().collect();
        for burst in frames.chunks(BURST_FRAMES) {
            let mut outbox = Direct(&mut aggregator);
            match whole {
                true => worker.take(&Whole(burst), &mut outbox),
                false => worker.take(burst, &mut outbox),
            }
        }
        let mut summary = Summary::default();
        let is_plain = |frame: &&Frame<'_>| options.summarize(frame, &mut summary);
        plain += frames.iter().filter(is_plain).count();
    }
    assert!(worker.finish(&mut Direct(&mut aggregator)));
    aggregator.publish();
    let counted = worker.counters().iter().collect();
    let writer = aggregator.into_writer();
    (table_text(&writer.reader()), counted, plain)
}

/// Nearly every packet is plain, and a flow that is done counts it by its summary. What is left at
/// the end is what is left where all headers of all packets are read.
#[test]
fn what_is_not_read_is_not_missed() {
    let (mut plain, mut packets) = (0, 0);
    for capture in captures() {
        let name = relative(&capture);
        let (quick, counted, found) = table(&capture, false);
        let (whole, counted_whole, _) = table(&capture, true);
        assert!(quick == whole, "{name}: another table");
        assert_eq!(counted, counted_whole, "{name}");
        plain += found;
        packets += counted
            .iter()
            .find(|(counter, _)| *counter == Counter::Packets)
            .map_or(0, |(_, count)| *count as usize);
    }
    assert!(plain * 10 > packets * 8, "{plain} of {packets} are plain");
}
