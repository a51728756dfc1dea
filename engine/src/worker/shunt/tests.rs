use std::sync::Mutex;

use medtap_rules::Rules;
use medtap_table::Traffic;

use super::*;
use crate::capture::Frame;
use crate::config::TEND_ROUND_NS;
use crate::device::ledger::Outbox;
use crate::device::{CountSighting, FactSighting};
use crate::wire::LinkType;
use crate::worker::Options;

/// What a program counted, as the test says.
#[derive(Default)]
struct Made(Mutex<Counted>);

impl ShuntCounts for Made {
    fn read(&self, place: u32) -> Counted {
        assert_eq!(place, 8);
        *self.0.lock().unwrap()
    }
}

/// Adds up what was sent, by all subjects.
#[derive(Default)]
struct Sum(Traffic);

impl Outbox for Sum {
    fn has_room(&self, _: usize) -> bool {
        true
    }

    fn fact(&mut self, _: &FactSighting<'_>) {}

    fn count(&mut self, count: &CountSighting) -> bool {
        if let CountSighting::Subject(subject) = count {
            self.0.packets_sent += subject.traffic.packets_sent;
            self.0.bytes_sent += subject.traffic.bytes_sent;
            self.0.packets_received += subject.traffic.packets_received;
        }
        true
    }
}

/// A TCP segment with one byte between two hosts.
fn frame(number: u16, flags: u8, ttl: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0, 0, 41]);
    frame.extend(number.to_be_bytes());
    frame.extend([0, 0, ttl, 6, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1]);
    frame.extend([0x9c, 0x40, 0x9c, 0x41]);
    frame.extend(u32::from(number).to_be_bytes());
    frame.extend([0, 0, 0, 1, 0x50, flags, 16, 0, 0, 0, 0, 0, 0]);
    frame.resize(60, 0);
    frame
}

struct Lab {
    worker: Worker,
    made: Arc<Made>,
    sum: Sum,
    sent: u64,
    now_ns: u64,
}

const ACK: u8 = 16;
const FIN: u8 = 17;

impl Lab {
    fn new() -> Self {
        let matcher = Arc::new(Rules::embedded().matcher());
        let mut worker = Worker::new(Options::offline(matcher)).unwrap();
        let made = Arc::<Made>::default();
        let counts: Arc<dyn ShuntCounts> = Arc::clone(&made) as _;
        worker.set_shunts(Shunts::new(vec![counts], 1, 8..9));
        let (sum, sent, now_ns) = (Sum::default(), 0, TEND_ROUND_NS * 100);
        Self {
            worker,
            made,
            sum,
            sent,
            now_ns,
        }
    }

    fn send(&mut self, flags: u8, ttl: u8) {
        let bytes = frame(self.sent as u16, flags, ttl);
        let frame = Frame {
            bytes: &bytes,
            wire_len: bytes.len() as u32,
            time_ns: self.now_ns,
            link: LinkType::Ethernet,
            interface: 0,
            number: self.sent,
        };
        self.sent += 1;
        self.worker.burst([frame].into_iter(), &mut self.sum);
    }

    /// More than a round: the flow is heavy if it was sent enough before.
    fn round(&mut self) -> Vec<ShuntOrder> {
        for _ in 0..3 {
            self.now_ns += TEND_ROUND_NS;
            self.worker.tend(self.now_ns, &mut self.sum);
        }
        self.worker.take_shunt_orders()
    }

    fn counted(&mut self, packets: u64) {
        let mut counted = self.made.0.lock().unwrap();
        counted.packets += packets;
        counted.bytes += packets * 60;
        counted.last_ns = self.now_ns;
        self.sent += packets;
    }

    /// Shunted, after as many packets as that takes.
    fn shunted() -> (Self, ShuntKey) {
        let mut lab = Self::new();
        for _ in 0..SHUNT_PACKETS_MIN + 20 {
            lab.send(ACK, 64);
        }
        let orders = lab.round();
        let [ShuntOrder::Begin(8, key)] = orders[..] else {
            panic!("{orders:?}");
        };
        (lab, key)
    }

    /// Everything that was sent arrived at its subjects.
    fn adds_up(mut self) {
        while !self.worker.finish(&mut self.sum) {}
        let Traffic {
            packets_sent,
            bytes_sent,
            packets_received,
            ..
        } = self.sum.0;
        assert_eq!((packets_sent, packets_received), (self.sent, self.sent));
        assert_eq!(bytes_sent, self.sent * 60);
    }
}

#[test]
fn a_heavy_flow_is_counted_elsewhere_to_the_packet() {
    let (mut lab, _) = Lab::shunted();
    lab.counted(1_000_000);
    assert_eq!(lab.round(), []);
    lab.counted(123);
    lab.adds_up();
}

#[test]
fn a_light_one_and_one_with_copies_are_not_shunted() {
    let mut lab = Lab::new();
    for _ in 0..SHUNT_PACKETS_MIN - 1 {
        lab.send(ACK, 64);
    }
    assert_eq!(lab.round(), []);
    // The same packet again: a copy.
    lab.send(ACK, 64);
    lab.sent -= 1;
    lab.send(ACK, 63);
    for _ in 0..SHUNT_PACKETS_MIN {
        lab.send(ACK, 64);
    }
    assert_eq!(lab.round(), []);
    lab.adds_up();
}

/// What ends or changes a flow asks for it back, once; what was counted until then is not lost, nor
/// what is counted until nothing counts any more.
#[test]
fn what_ends_or_changes_a_flow_asks_for_it_back() {
    for (flags, ttl) in [(FIN, 64), (ACK, 63)] {
        let (mut lab, key) = Lab::shunted();
        lab.counted(5000);
        lab.send(flags, ttl);
        lab.send(flags, ttl);
        assert_eq!(lab.worker.take_shunt_orders(), [ShuntOrder::End(8, key)]);
        lab.counted(7);
        assert_eq!(lab.round(), []);
        lab.counted(3);
        lab.worker.shunt_ended(8);
        // The place is free; a flow that goes on may have it again, one that is over not.
        for _ in 0..SHUNT_PACKETS_MIN {
            lab.send(ACK, ttl);
        }
        assert_eq!(lab.round().is_empty(), flags == FIN);
        lab.adds_up();
    }
}

#[test]
fn a_silent_flow_comes_back() {
    let (mut lab, key) = Lab::shunted();
    assert_eq!(lab.round(), []);
    lab.now_ns += SHUNT_IDLE_NS;
    assert_eq!(lab.round(), [ShuntOrder::End(8, key)]);
    lab.adds_up();
}
