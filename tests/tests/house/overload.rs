use std::collections::BTreeSet;

use medtap_engine::capture::Frame;
use medtap_engine::device::Aggregator;
use medtap_engine::worker::{Options, Overload, Worker};
use medtap_inventory::clock;
use medtap_table::vocabulary::{Counter, Event};
use medtap_table::{Capacity, TableReader, TableWriter};
use medtap_tests::matcher;

use crate::frames::DAY_NS;
use crate::tending::{Direct, frames_of};

/// What became of a capture that was shown several times, a day apart.
struct Seen {
    unread: u64,
    table: TableReader,
    /// It does not outlive the writer.
    _writer: TableWriter,
}

impl Seen {
    /// Packets and bytes of every subject.
    fn traffic(&self) -> BTreeSet<String> {
        let subjects = self.table.subjects();
        subjects
            .map(|(_, it, traffic)| {
                format!("{:?} {:?} {} {traffic:?}", it.mac, it.address, it.vlan)
            })
            .collect()
    }

    /// Without the errors of clocks: in a capture that is shown again a day later, all are a day
    /// slow.
    fn facts(&self) -> BTreeSet<String> {
        let facts = self.table.facts();
        let lasting = facts.filter(|(_, fact)| !clock::FIELDS.contains(&fact.field));
        let facts = lasting.map(|(_, fact)| {
            let subject = self
                .table
                .subject(fact.subject)
                .map(|it| (it.0.mac, it.0.address));
            format!("{subject:?} {:?} {} {}", fact.field, fact.raw, fact.value)
        });
        facts.collect()
    }

    fn events(&self, event: Event) -> u64 {
        let activity = self.table.activity();
        let of_it = activity.filter(|(_, it)| it.event == event);
        of_it.map(|(_, it)| it.total).sum()
    }
}

/// Shows a capture so often; `overload` says what is left out at a showing's frame.
fn show(capture: &str, showings: u64, overload: impl Fn(u64, usize) -> Overload) -> Seen {
    let writer = TableWriter::anonymous(Capacity::default()).unwrap();
    let mut aggregator = Aggregator::new(writer);
    let mut worker = Worker::new(Options::offline(matcher())).unwrap();
    for showing in 0..showings {
        frames_of(capture, |at, mut frame| {
            frame.time_ns += showing * DAY_NS;
            worker.set_overload(overload(showing, at));
            worker.burst([frame].into_iter(), &mut Direct(&mut aggregator));
        });
    }
    assert!(worker.finish(&mut Direct(&mut aggregator)));
    aggregator.publish();
    let writer = aggregator.into_writer();
    let counters = worker.counters();
    assert_eq!(
        counters.get(Counter::OverloadRaised) > 0,
        counters.get(Counter::OverloadUnread) > 0
    );
    Seen {
        unread: counters.get(Counter::OverloadUnread),
        table: writer.reader(),
        _writer: writer,
    }
}

const HOSPITAL: &str = "pcaps/hospital.pcapng";

fn calm(_: u64, _: usize) -> Overload {
    Overload::None
}

/// What a worker leaves out costs no device a packet or a byte, known or not.
#[test]
fn under_pressure_every_device_is_counted() {
    let pressed = show(HOSPITAL, 2, |_, _| Overload::Holes);
    assert!(pressed.unread > 500, "{}", pressed.unread);
    assert_eq!(pressed.traffic(), show(HOSPITAL, 2, calm).traffic());
}

/// What was left unread is learnt as soon as there is time: the same facts in the end.
#[test]
fn what_was_left_unread_is_learnt_later() {
    let at_first = |showing, _| match showing {
        0 => Overload::Unread,
        _ => Overload::None,
    };
    let calm = show(HOSPITAL, 2, calm).facts();
    let pressed = show(HOSPITAL, 1, at_first).facts();
    assert!(pressed.len() < calm.len(), "nothing was left out");
    let later = show(HOSPITAL, 2, at_first).facts();
    let missing: Vec<_> = calm.difference(&later).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// A conversation that goes on is read from the first message after the pressure on.
#[test]
fn a_conversation_is_read_from_the_end_of_the_pressure_on() {
    const MESSAGES: &str = "pcaps/hl7/oru_ack.pcap";
    let messages = |seen: &Seen| seen.events(Event::Hl7Message);
    let once = messages(&show(MESSAGES, 1, calm));
    assert_eq!(messages(&show(MESSAGES, 2, calm)), 2 * once);
    // The first of three messages and its answer, the second time.
    let pressed = show(MESSAGES, 2, |showing, at| match (showing, at) {
        (1, 0..7) => Overload::Unread,
        _ => Overload::None,
    });
    assert_eq!(pressed.unread, 2);
    assert_eq!(messages(&pressed), 2 * once - once / 3);
}

/// A frame of that time with these bytes.
fn with_bytes<'a>(frame: Frame<'a>, bytes: &'a [u8]) -> Frame<'a> {
    Frame {
        bytes,
        wire_len: bytes.len() as u32,
        ..frame
    }
}

/// The same two messages of a stream, the second first: with time they are put in order, without
/// it the hole is given up.
#[test]
fn holes_are_given_up_under_pressure_alone() {
    let swapped = |overload| {
        let mut worker = Worker::new(Options::offline(matcher())).unwrap();
        let mut aggregator = Aggregator::new(TableWriter::anonymous(Capacity::default()).unwrap());
        worker.set_overload(overload);
        let mut kept: Option<Vec<u8>> = None;
        frames_of("pcaps/hl7/oru_ack.pcap", |at, frame| match at {
            3 => kept = Some(frame.bytes.to_vec()),
            // What was acknowledged would be no hole to wait for.
            4..7 => {}
            _ => {
                worker.burst([frame].into_iter(), &mut Direct(&mut aggregator));
                if let (7, Some(first)) = (at, kept.take()) {
                    let late = with_bytes(frame, &first);
                    worker.burst([late].into_iter(), &mut Direct(&mut aggregator));
                }
            }
        });
        let counters = worker.counters();
        (
            counters.get(Counter::OverloadHoles),
            counters.get(Counter::Gaps),
        )
    };
    // The answer to the first is missing too, and the peer acknowledges it.
    assert_eq!(swapped(Overload::None), (0, 1));
    assert_eq!(swapped(Overload::Unread), (0, 1));
    assert_eq!(swapped(Overload::Holes), (2, 2));
}

/// The answers of a conversation may be seen before its SYN, over several queues: it is one.
#[test]
fn a_late_syn_joins_its_conversation() {
    let mut worker = Worker::new(Options::offline(matcher())).unwrap();
    let mut aggregator = Aggregator::new(TableWriter::anonymous(Capacity::default()).unwrap());
    let mut late: Vec<Vec<u8>> = Vec::new();
    frames_of("pcaps/http/get.pcap", |at, frame| {
        match at {
            // What the client says until the first answer.
            0 | 2 | 3 => return late.push(frame.bytes.to_vec()),
            12.. => return,
            _ => {
                worker.burst([frame].into_iter(), &mut Direct(&mut aggregator));
            }
        }
        if at == 5 {
            for bytes in late.drain(..) {
                let late = with_bytes(frame, &bytes);
                worker.burst([late].into_iter(), &mut Direct(&mut aggregator));
            }
        }
    });
    assert!(worker.finish(&mut Direct(&mut aggregator)));
    let counters = worker.counters();
    assert_eq!(counters.get(Counter::FlowsOpened), 1);
    assert_eq!(counters.get(Counter::OneWayFlows), 0);
    assert_eq!(counters.get(Counter::UnknownFlows), 0);
}
