//! The numbers of a table at one moment, and what two moments say: rates, and whether the numbers
//! add up. It measures by the engine's own clock, so that late publishing does no harm.

use medtap_table::vocabulary::{Attach, Counter, InterfaceCounter};
use medtap_table::{Interface, TableReader, WorkerStatus};
use serde::Serialize;

/// What the program saw is the sum of these.
const PROGRAM_SUM: &str = "xdp_redirected + xdp_no_socket + xdp_passed + xdp_shunted";

/// An interface at one moment.
pub struct InterfaceReading {
    /// How it is received from.
    pub interface: Interface,
    /// What was counted.
    pub counters: Vec<(InterfaceCounter, u64)>,
}

impl InterfaceReading {
    /// One of its counters.
    pub fn get(&self, counter: InterfaceCounter) -> u64 {
        let mut counters = self.counters.iter();
        counters.find(|(c, _)| *c == counter).map_or(0, |c| c.1)
    }

    /// The sum of several of its counters.
    fn sum(&self, counters: &[InterfaceCounter]) -> u64 {
        counters.iter().map(|&counter| self.get(counter)).sum()
    }
}

/// The numbers of a table at one moment.
pub struct Reading {
    /// The engine's time.
    pub heartbeat_ns: u64,
    /// The workers, by number; the last may be the aggregator's own counters.
    pub workers: Vec<WorkerStatus>,
    /// The interfaces.
    pub interfaces: Vec<InterfaceReading>,
    /// By cause.
    pub drops: Drops,
}

/// One counter of a worker.
pub fn counter(worker: &WorkerStatus, counter: Counter) -> u64 {
    let mut counters = worker.counters.iter();
    counters.find(|(c, _)| *c == counter).map_or(0, |c| c.1)
}

/// A thread that receives, and no mere account of the aggregator.
pub fn receives(worker: &WorkerStatus) -> bool {
    worker.beat_ns != 0 || worker.ring_capacity != 0 || counter(worker, Counter::Packets) != 0
}

/// What was lost, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drops {
    /// By the interface or its driver.
    pub nic: u64,
    /// By the steering program: a queue without a socket.
    pub xdp: u64,
    /// At the receive rings of the workers.
    pub ring: u64,
    /// By workers that could not hand over what they learnt.
    pub worker: u64,
    /// By any other limit.
    pub limits: u64,
}

impl Drops {
    /// Every cause with its name.
    pub const fn each(&self) -> [(&'static str, u64); 5] {
        [
            ("nic", self.nic),
            ("xdp", self.xdp),
            ("ring", self.ring),
            ("worker", self.worker),
            ("limits", self.limits),
        ]
    }

    fn read(table: &TableReader, interfaces: &[InterfaceReading]) -> Self {
        use InterfaceCounter as I;
        let sum = |counters: &[I]| interfaces.iter().map(|each| each.sum(counters)).sum();
        let of_workers = [Counter::LedgerRefused, Counter::PendingRefused];
        let limits = table.limits_hit();
        let part = |own: bool| {
            let chosen = limits.iter().filter(|(c, _)| of_workers.contains(c) == own);
            chosen.map(|(_, count)| count).sum()
        };
        Self {
            nic: sum(&[I::NicDropped, I::NicErrors]),
            xdp: sum(&[I::XdpNoSocket]),
            ring: sum(&[I::RingFull, I::RingDropped, I::RingInvalid]),
            worker: part(true),
            limits: part(false),
        }
    }
}

impl Reading {
    /// Reads all numbers of a table.
    pub fn take(table: &TableReader) -> Self {
        let heartbeat_ns = table.heartbeat_ns();
        let interfaces: Vec<InterfaceReading> = table
            .interfaces()
            .map(|(_, interface, counters)| InterfaceReading {
                interface,
                counters,
            })
            .collect();
        Self {
            heartbeat_ns,
            workers: table.workers().collect(),
            drops: Drops::read(table, &interfaces),
            interfaces,
        }
    }

    /// A counter of all workers.
    pub fn sum(&self, name: Counter) -> u64 {
        self.workers.iter().map(|each| counter(each, name)).sum()
    }

    /// What does not add up, read first and again later: counters are not read at one instant, so
    /// each side may be between its two values, and what was redirected may still be on its way.
    pub fn contradictions(first: &Self, second: &Self) -> Vec<String> {
        use InterfaceCounter as I;
        let mut found = Vec::new();
        let mut differ = |what: &str, left: [u64; 2], right: [u64; 2], on_the_way: u64| {
            let lost = left[0] > right[1].saturating_add(on_the_way);
            if lost || right[0] > left[1] {
                found.push(format!("{what}: {} is not {}", left[1], right[1]));
            }
        };
        for (a, b) in first.interfaces.iter().zip(&second.interfaces) {
            if a.interface.attach == Attach::None {
                continue;
            }
            let name = a.interface.name.as_str();
            let both = |counters: &[I]| [a.sum(counters), b.sum(counters)];
            differ(
                &format!("{name}: xdp_packets and {PROGRAM_SUM}"),
                both(&[I::XdpPackets]),
                both(&[
                    I::XdpRedirected,
                    I::XdpNoSocket,
                    I::XdpPassed,
                    I::XdpShunted,
                ]),
                0,
            );
            let way = u64::from(a.interface.frames).max(1);
            let sockets = u64::from(a.interface.sockets).max(1) * u64::from(a.interface.queues);
            differ(
                &format!("{name}: xdp_redirected and delivered + ring_full + ring_dropped"),
                both(&[I::XdpRedirected]),
                both(&[I::Delivered, I::RingFull, I::RingDropped]),
                way * sockets.max(1),
            );
        }
        let delivered = |reading: &Self| {
            let each = reading.interfaces.iter();
            each.map(|interface| interface.get(I::Delivered)).sum()
        };
        if !first.interfaces.is_empty() {
            differ(
                "delivered of all interfaces and packets of all workers",
                [delivered(first), delivered(second)],
                [first.sum(Counter::Packets), second.sum(Counter::Packets)],
                0,
            );
        }
        found
    }
}

/// Packets and bits in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Packets.
    pub packets_per_second: u64,
    /// Bits, of the lengths on the wire.
    pub bits_per_second: u64,
}

/// What grew in so many nanoseconds, by the second.
pub fn per_second(before: u64, after: u64, elapsed_ns: u64) -> u64 {
    let grown = u128::from(after.saturating_sub(before)) * 1_000_000_000;
    let rounded = (grown + u128::from(elapsed_ns / 2)).checked_div(elapsed_ns.into());
    u64::try_from(rounded.unwrap_or(0)).unwrap_or(u64::MAX)
}

/// How fast each worker is; one that did not report since keeps what was measured before.
#[derive(Default)]
pub struct Meter {
    /// Time, packets and bytes of each worker's report before, and the rate then.
    last: Vec<(u64, u64, u64, Rate)>,
}

impl Meter {
    /// The rates of the workers since the reading before; zero on the first.
    pub fn rates(&mut self, reading: &Reading) -> Vec<Rate> {
        for (place, worker) in reading.workers.iter().enumerate() {
            let now = (
                worker.beat_ns,
                counter(worker, Counter::Packets),
                counter(worker, Counter::Bytes),
            );
            match self.last.get_mut(place) {
                None => self.last.push((now.0, now.1, now.2, Rate::default())),
                Some(last) if now.0 > last.0 => {
                    let elapsed = now.0 - last.0;
                    let rate = Rate {
                        packets_per_second: per_second(last.1, now.1, elapsed),
                        bits_per_second: per_second(last.2, now.2, elapsed).saturating_mul(8),
                    };
                    *last = (now.0, now.1, now.2, rate);
                }
                Some(_) => {}
            }
        }
        self.last.iter().map(|last| last.3).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_rounded_and_never_divide_by_nothing() {
        assert_eq!(per_second(10, 25, 1_000_000_000), 15);
        assert_eq!(per_second(0, 1, 600_000_000), 2);
        assert_eq!(per_second(9, 3, 1_000_000_000), 0);
        assert_eq!(per_second(0, 7, 0), 0);
        assert_eq!(per_second(0, u64::MAX, 1), u64::MAX);
    }

    fn reading(xdp: [u64; 4], delivered: u64, packets: u64) -> Reading {
        use InterfaceCounter as I;
        let [seen, redirected, no_socket, passed] = xdp;
        let interface = Interface {
            name: medtap_table::Text::cut("mirror0"),
            attach: Attach::Native,
            queues: 1,
            sockets: 1,
            frames: 8,
            ..Interface::default()
        };
        let mut writer = medtap_table::TableWriter::anonymous(medtap_table::Capacity {
            heap_bytes: 64,
            ..Default::default()
        })
        .unwrap();
        let id = writer.add_interface(&interface).unwrap();
        let counters = [
            (I::XdpPackets, seen),
            (I::XdpRedirected, redirected),
            (I::XdpNoSocket, no_socket),
            (I::XdpPassed, passed),
            (I::Delivered, delivered),
        ];
        writer.set_interface_counters(id, counters);
        writer
            .set_counters(0, [(Counter::Packets, packets)])
            .unwrap();
        Reading::take(&writer.reader())
    }

    #[test]
    fn sums_are_checked_within_what_is_on_its_way() {
        let check = |first: &Reading, second: &Reading| Reading::contradictions(first, second);
        let sound = reading([10, 8, 1, 1], 6, 6);
        assert!(check(&sound, &sound).is_empty());
        // Counted in between.
        let later = reading([20, 19, 1, 1], 18, 18);
        assert!(check(&sound, &later).is_empty());

        let lost = reading([10, 7, 1, 1], 6, 6);
        assert_eq!(
            check(&lost, &lost),
            [format!(
                "mirror0: xdp_packets and {PROGRAM_SUM}: 10 is not 9"
            )]
        );
        let vanished = reading([30, 30, 0, 0], 6, 6);
        assert_eq!(check(&vanished, &vanished).len(), 1);
        let invented = reading([5, 5, 0, 0], 6, 6);
        assert_eq!(check(&invented, &invented).len(), 1);
        let unread = reading([6, 6, 0, 0], 6, 5);
        assert_eq!(
            check(&unread, &unread),
            ["delivered of all interfaces and packets of all workers: 6 is not 5"]
        );
    }
}
