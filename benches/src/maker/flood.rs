//! Floods: the smallest UDP frames, many flows, nothing to learn. The worst case for every
//! packet's fixed cost.

use super::device::{Device, End};
use super::frame::Frame;
use super::random::{Random, mix};
use super::{Order, Plan, Traffic};

/// Port of the receivers; no protocol of the product has it.
const RESP_PORT: u16 = 9_999;

/// First port of the senders; above [`RESP_PORT`], so that two flows never are one another's
/// reverse.
const ORIG_PORT_MIN: u32 = 10_000;

/// First bytes of the payload: the magic of no protocol.
const MARK: [u8; 8] = *b"\xd7flood\r\n";

/// One flood.
pub struct Flood {
    plan: Plan,
    random: Random,
    sent: Vec<u32>,
    packet: u64,
}

impl Flood {
    /// Flows that a number of devices suffices for.
    pub fn flows_max(devices: u32) -> u32 {
        devices.saturating_mul(65_536 - ORIG_PORT_MIN)
    }

    /// A flood by plan.
    pub fn new(plan: &Plan) -> Self {
        let random = Random::new(plan.seed);
        Self {
            plan: *plan,
            random,
            sent: vec![0; plan.flows as usize],
            packet: 0,
        }
    }

    fn ends(&self, flow: u32) -> [End; 2] {
        let devices = self.plan.devices;
        let (orig, round) = (flow % devices, flow / devices);
        let resp = (orig + 1 + round % (devices - 1)) % devices;
        let ipv6 = self.plan.is_ipv6(flow);
        let port = (ORIG_PORT_MIN + round) as u16;
        [
            Device { number: orig }.end(ipv6, port),
            Device { number: resp }.end(ipv6, RESP_PORT),
        ]
    }
}

impl Traffic for Flood {
    fn next(&mut self, frame: &mut Frame) {
        let flow = match self.plan.order {
            Order::RoundRobin => (self.packet % u64::from(self.plan.flows)) as u32,
            Order::Random => self.random.below(self.plan.flows),
        };
        self.packet += 1;
        let sent = &mut self.sent[flow as usize];
        *sent += 1;
        let number = *sent;
        let mut payload = [0; 18];
        payload[..8].copy_from_slice(&MARK);
        payload[8..12].copy_from_slice(&flow.to_be_bytes());
        payload[12..16].copy_from_slice(&number.to_be_bytes());
        let [orig, resp] = self.ends(flow);
        // Every packet of a flow has another identification: none is taken for a copy.
        let ip_id = (mix(self.plan.seed ^ u64::from(flow)) as u16).wrapping_add(number as u16);
        frame.udp(&orig, &resp, ip_id, &payload);
    }
}
