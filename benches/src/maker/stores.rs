//! C-STORE without end: scanners that send images of 1 MiB to archives, each over one association.
//! The worst case for whoever reads every byte of an image. The patient is a canary, the pixels
//! are noise.

use super::device::Device;
use super::dicom::{self, FRAGMENT_LEN_MAX};
use super::frame::Frame;
use super::random::Random;
use super::tcp::{ORIG, RESP, SEGMENT_LEN_MAX, Tcp};
use super::{Order, Plan, Traffic};

/// Bytes of an image's pixels.
pub const PIXELS_LEN: u32 = 1 << 20;

/// Port of DICOM, from which nobody asks.
const DICOM_PORT: u16 = 104;

/// First port of the scanners.
const ORIG_PORT_MIN: u32 = 49_152;

/// Associations that a number of devices suffices for.
pub fn flows_max(devices: u32) -> u32 {
    devices.saturating_mul(65_536 - ORIG_PORT_MIN)
}

/// What a scanner does next.
#[derive(Clone, Copy)]
enum Turn {
    Syn,
    SynAck,
    Ack,
    Request,
    Accept,
    /// The command of an image.
    Command,
    /// So many bytes of pixels were sent.
    Pixels(u32),
    Answer,
}

/// One association.
struct Association {
    tcp: Tcp,
    turn: Turn,
    /// Who speaks, and what is left of it.
    said: (usize, Vec<u8>),
    at: usize,
    scanner: u32,
    archive: u32,
    image: u16,
}

/// All of them.
pub struct Stores {
    plan: Plan,
    random: Random,
    associations: Vec<Association>,
    pixels: Vec<u8>,
    packet: u64,
}

impl Stores {
    /// Stores by plan.
    pub fn new(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let associations = (0..plan.flows)
            .map(|flow| {
                let (scanner, round) = (flow % plan.devices, flow / plan.devices);
                let archive = (scanner + 1 + round % (plan.devices - 1)) % plan.devices;
                let ipv6 = plan.is_ipv6(flow);
                let port = (ORIG_PORT_MIN + round) as u16;
                let orig = Device { number: scanner }.end(ipv6, port);
                let resp = Device { number: archive }.end(ipv6, DICOM_PORT);
                Association {
                    tcp: Tcp::new(orig, resp, &mut random),
                    turn: Turn::Syn,
                    said: (ORIG, Vec::new()),
                    at: 0,
                    scanner,
                    archive,
                    image: 0,
                }
            })
            .collect();
        let mut pixels = vec![0; FRAGMENT_LEN_MAX];
        random.fill(&mut pixels);
        Self {
            plan: *plan,
            random,
            associations,
            pixels,
            packet: 0,
        }
    }
}

impl Association {
    /// The next frame.
    fn step(&mut self, pixels: &[u8], frame: &mut Frame) {
        match self.turn {
            Turn::Syn => {
                self.tcp.syn(ORIG, frame);
                self.turn = Turn::SynAck;
                return;
            }
            Turn::SynAck => {
                self.tcp.syn(RESP, frame);
                self.turn = Turn::Ack;
                return;
            }
            Turn::Ack => {
                self.tcp.ack(ORIG, frame);
                self.turn = Turn::Request;
                return;
            }
            _ => {}
        }
        if self.at == self.said.1.len() {
            self.said = self.speak(pixels);
            self.at = 0;
        }
        let (from, said) = &self.said;
        let end = said.len().min(self.at + SEGMENT_LEN_MAX - 20);
        self.tcp.data(*from, &said[self.at..end], frame);
        self.at = end;
    }

    /// The next message, or the next piece of an image.
    fn speak(&mut self, pixels: &[u8]) -> (usize, Vec<u8>) {
        let calling = format!("CT{}", self.scanner);
        let called = format!("ARCHIVE{}", self.archive);
        let instance = format!("1.2.826.0.1.3680043.2.9999.{}.{}", self.scanner, self.image);
        let (next, said) = match self.turn {
            Turn::Request => (Turn::Accept, (ORIG, dicom::request(&called, &calling))),
            Turn::Accept => (Turn::Command, (RESP, dicom::accept(&called, &calling))),
            Turn::Command => {
                let command = dicom::store_request(self.image, &instance);
                (Turn::Pixels(0), (ORIG, command))
            }
            Turn::Pixels(0) => {
                let serial = format!("SN{:06}", self.scanner);
                let equipment = dicom::Equipment {
                    station: &calling,
                    serial: &serial,
                };
                let mut set = dicom::data_set(&instance, &equipment, PIXELS_LEN);
                let first = FRAGMENT_LEN_MAX - set.len();
                set.extend_from_slice(&pixels[..first]);
                let pdu = dicom::data_pdu(&set, false);
                (Turn::Pixels(first as u32), (ORIG, pdu))
            }
            Turn::Pixels(done) => {
                let len = (PIXELS_LEN - done).min(FRAGMENT_LEN_MAX as u32);
                let is_last = done + len == PIXELS_LEN;
                let pdu = dicom::data_pdu(&pixels[..len as usize], is_last);
                let next = match is_last {
                    true => Turn::Answer,
                    false => Turn::Pixels(done + len),
                };
                (next, (ORIG, pdu))
            }
            Turn::Syn | Turn::SynAck | Turn::Ack | Turn::Answer => {
                let answer = dicom::store_response(self.image, &instance);
                self.image = self.image.wrapping_add(1);
                (Turn::Command, (RESP, answer))
            }
        };
        self.turn = next;
        said
    }
}

impl Traffic for Stores {
    fn next(&mut self, frame: &mut Frame) {
        let flow = match self.plan.order {
            Order::RoundRobin => (self.packet % u64::from(self.plan.flows)) as usize,
            Order::Random => self.random.below(self.plan.flows) as usize,
        };
        self.packet += 1;
        self.associations[flow].step(&self.pixels, frame);
    }
}
