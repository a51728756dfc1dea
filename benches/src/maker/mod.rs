//! The traffic maker: captures that are the same for the same plan on every machine. It sends
//! nothing and knows no real person: where a protocol carries patients, it writes `CANARY`.
//!
//! Lengths. A frame of "64 bytes" is 64 bytes on the wire with its frame check sequence of 4
//! bytes. Captures hold no such sequence, so that frame is 60 bytes in the file, the one of 594
//! is 590, and the one of 1518 is 1514; both lengths of a record say so. IPv6 has no room for
//! that: its shortest frames are 80 bytes in a flood, and 70 (UDP) and 74 (TCP) in the mix.

mod device;
mod dicom;
mod flood;
mod frame;
mod hl7;
mod hospital;
mod http;
mod imix;
mod infrastructure;
mod pcap;
mod random;
mod stores;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;

use std::io::{self, Write};

pub use device::{DEVICES_MAX, Device};
pub use frame::{Frame, add as checksum_add, fold as checksum_fold};
pub use pcap::{FILE_HEADER_LEN, LINK_ETHERNET, MAGIC_NS, RECORD_HEADER_LEN, Writer};
pub use random::Random;

/// Time of the first packet: 2026-01-01T00:00:00Z, in seconds since the Unix epoch.
pub const FIRST_SECOND: u64 = 1_767_225_600;

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The smallest UDP frames.
    Flood,
    /// Frames of 64, 594 and 1518 bytes, 7 to 4 to 1: TLS, HTTP and UDP.
    Imix,
    /// What a hospital's core switch shows: DICOM, HL7, DHCP, ARP, DNS, mDNS, TLS, HTTP, LLDP.
    Hospital,
    /// Images of 1 MiB, stored over DICOM without end.
    Stores,
    /// HL7 alone: results of monitors behind gateways, each answered at once.
    Results,
}

/// Which flow the next packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each flow in turn.
    RoundRobin,
    /// Any flow, evenly.
    Random,
}

/// All that decides what is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What.
    pub kind: Kind,
    /// Frames in all.
    pub packets: u64,
    /// Five-tuples; for the hospital, conversations at a time.
    pub flows: u32,
    /// Devices, at least 2.
    pub devices: u32,
    /// Another seed makes other traffic of the same sort.
    pub seed: u64,
    /// Packets per second of the capture's own time.
    pub rate: u64,
    /// Which flow comes next; the hospital's is always random.
    pub order: Order,
    /// Share of the flows that are IPv6, 0 to 100.
    pub ipv6_percent: u8,
}

impl Plan {
    /// The usual plan of a kind, for so many packets.
    pub fn new(kind: Kind, packets: u64) -> Self {
        let (flows, devices, rate, order) = match kind {
            Kind::Flood => (100_000, 1_000, 1_000_000, Order::RoundRobin),
            Kind::Imix => (20_000, 1_000, 1_000_000, Order::Random),
            Kind::Hospital => (500, 500, 20_000, Order::Random),
            Kind::Stores => (16, 32, 1_000_000, Order::Random),
            Kind::Results => (64, 500, 1_000_000, Order::Random),
        };
        Self {
            kind,
            packets,
            flows,
            devices,
            seed: 1,
            rate,
            order,
            ipv6_percent: 0,
        }
    }

    /// True for the share of the flows that is IPv6.
    fn is_ipv6(&self, flow: u32) -> bool {
        // Steps of 61 spread the share over flows that follow one another; 61 and 100 have no
        // common divisor.
        (u64::from(flow) * 61 % 100) < u64::from(self.ipv6_percent)
    }

    fn check(&self) -> io::Result<()> {
        let invalid = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if !(2..=DEVICES_MAX).contains(&self.devices) {
            return invalid(format!(
                "devices must be 2 to {DEVICES_MAX}, not {}",
                self.devices
            ));
        }
        let flows_max = match self.kind {
            Kind::Flood => flood::Flood::flows_max(self.devices),
            Kind::Imix => imix::Imix::flows_max(self.devices),
            Kind::Stores => stores::flows_max(self.devices),
            Kind::Hospital | Kind::Results => hospital::CONVERSATIONS_MAX,
        };
        if !(1..=flows_max).contains(&self.flows) {
            return invalid(format!(
                "flows must be 1 to {flows_max} for {} devices, not {}",
                self.devices, self.flows
            ));
        }
        if self.rate == 0 || self.rate > 1_000_000_000 {
            return invalid(format!(
                "rate must be 1 to 1000000000 a second, not {}",
                self.rate
            ));
        }
        if self.ipv6_percent > 100 {
            return invalid(format!(
                "the IPv6 share must be 0 to 100, not {}",
                self.ipv6_percent
            ));
        }
        Ok(())
    }
}

/// Something that never runs out of frames.
trait Traffic {
    /// Makes the next frame.
    fn next(&mut self, frame: &mut Frame);
}

/// Traffic by plan that never runs out; the plan's number of frames does not hold here.
pub struct Endless(Box<dyn Traffic + Send>);

impl Endless {
    /// Traffic by plan.
    ///
    /// # Errors
    ///
    /// A plan that cannot be carried out, in words.
    pub fn new(plan: &Plan) -> io::Result<Self> {
        plan.check()?;
        Ok(Self(match plan.kind {
            Kind::Flood => Box::new(flood::Flood::new(plan)),
            Kind::Imix => Box::new(imix::Imix::new(plan)),
            Kind::Stores => Box::new(stores::Stores::new(plan)),
            Kind::Hospital | Kind::Results => Box::new(hospital::Hospital::new(plan)),
        }))
    }

    /// Makes the next frame.
    pub fn next(&mut self, frame: &mut Frame) {
        self.0.next(frame);
    }
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Frames.
    pub packets: u64,
    /// Their lengths, without frame check sequences.
    pub bytes: u64,
}

/// Writes a capture by plan.
///
/// # Errors
///
/// A plan that cannot be carried out, in words; or those of the output.
pub fn write<W: Write>(plan: &Plan, out: W) -> io::Result<(Made, W)> {
    let mut traffic = Endless::new(plan)?;
    let mut writer = Writer::new(out)?;
    let mut frame = Frame::new();
    let mut made = Made::default();
    for number in 0..plan.packets {
        traffic.next(&mut frame);
        let past_ns = u128::from(number) * 1_000_000_000 / u128::from(plan.rate);
        writer.write(FIRST_SECOND * 1_000_000_000 + past_ns as u64, frame.bytes())?;
        made.packets += 1;
        made.bytes += frame.bytes().len() as u64;
    }
    Ok((made, writer.finish()?))
}

/// A capture by plan, in memory.
///
/// # Errors
///
/// A plan that cannot be carried out, in words.
pub fn bytes(plan: &Plan) -> io::Result<Vec<u8>> {
    write(plan, Vec::new()).map(|(_, bytes)| bytes)
}
