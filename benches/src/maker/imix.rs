//! The Internet mix: frames of 64, 594 and 1518 bytes, 7 to 4 to 1 (RFC 6985 records this as
//! the simple IMIX), as conversations that hold: TLS, HTTP and opaque UDP, with handshakes and
//! right numbers. Conversations never end.
//!
//! ```text
//! step      0    1    2    3    4     5    6    7    8    9   10   11
//! opening  SYN  SYN  ACK  594  ACK  1518  ACK  594  ACK  594  ACK  594
//! bulk     ACK 1518  ACK  594  ACK   594  ACK  ACK  594  ACK  594  ACK
//! ```

use super::device::{Device, End};
use super::frame::{ETHERNET_LEN, Frame, UDP_LEN};
use super::random::Random;
use super::tcp::{ORIG, RESP, Tcp};
use super::{Order, Plan, Traffic, http, tls};

/// Frames of one turn of the pattern.
const CYCLE: u32 = 12;

/// Captured bytes of the middle frame, without its frame check sequence.
const FRAME_LEN_MIDDLE: usize = 590;

/// Captured bytes of the longest frame.
const FRAME_LEN_LONG: usize = 1514;

/// Captured bytes of the shortest frame.
const FRAME_LEN_SHORT: usize = 60;

/// Cycles that the body of a response takes: about 160 kB.
const BODY_CYCLES: u32 = 40;

/// First port of the clients.
const ORIG_PORT_MIN: u32 = 10_000;

/// Bytes of noise that payloads are cut from.
const NOISE_LEN: usize = 1 << 16;

/// First bytes of opaque datagrams: the magic of no protocol.
const MARK: [u8; 8] = *b"\xd7opaque\n";

#[derive(Clone, Debug)]
enum Talk {
    Tls(Tcp),
    Http(Tcp),
    Udp { ends: [End; 2], ip_id: [u16; 2] },
}

/// The mix.
pub struct Imix {
    plan: Plan,
    random: Random,
    noise: Vec<u8>,
    flows: Vec<(Talk, u32)>,
    packet: u64,
}

impl Imix {
    /// Flows that a number of devices suffices for.
    pub fn flows_max(devices: u32) -> u32 {
        (devices - servers(devices)).saturating_mul(65_536 - ORIG_PORT_MIN)
    }

    /// A mix by plan.
    pub fn new(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let mut noise = vec![0; NOISE_LEN];
        random.fill(&mut noise);
        let flows = (0..plan.flows)
            .map(|flow| (talk(plan, flow, &mut random), 0))
            .collect();
        Self {
            plan: *plan,
            random,
            noise,
            flows,
            packet: 0,
        }
    }
}

/// The first devices are the servers: one in ten.
fn servers(devices: u32) -> u32 {
    (devices / 10).max(1)
}

/// Of ten flows five are TLS, two HTTP, three opaque UDP.
fn talk(plan: &Plan, flow: u32, random: &mut Random) -> Talk {
    let servers = servers(plan.devices);
    let clients = plan.devices - servers;
    let client = Device {
        number: servers + flow % clients,
    };
    let server = Device {
        number: flow % servers,
    };
    let ipv6 = plan.is_ipv6(flow);
    let orig = client.end(ipv6, (ORIG_PORT_MIN + flow / clients) as u16);
    match random.below(10) {
        0..5 => Talk::Tls(Tcp::new(orig, server.end(ipv6, 443), random)),
        5..7 => Talk::Http(Tcp::new(orig, server.end(ipv6, 80), random)),
        _ => {
            let ids = random.bits();
            let ends = [orig, server.end(ipv6, 9_998)];
            Talk::Udp {
                ends,
                ip_id: [ids as u16, (ids >> 16) as u16],
            }
        }
    }
}

/// The length and the sender of a frame of the bulk.
fn bulk(step: u32) -> (usize, usize) {
    match step {
        1 => (FRAME_LEN_LONG, RESP),
        3 | 5 | 8 => (FRAME_LEN_MIDDLE, RESP),
        10 => (FRAME_LEN_MIDDLE, ORIG),
        11 => (FRAME_LEN_SHORT, RESP),
        _ => (FRAME_LEN_SHORT, ORIG),
    }
}

impl Traffic for Imix {
    fn next(&mut self, frame: &mut Frame) {
        let flow = match self.plan.order {
            Order::RoundRobin => (self.packet % u64::from(self.plan.flows)) as u32,
            Order::Random => self.random.below(self.plan.flows),
        };
        self.packet += 1;
        let (talk, packet) = &mut self.flows[flow as usize];
        let (cycle, step) = (*packet / CYCLE, *packet % CYCLE);
        *packet = packet.wrapping_add(1);
        let mut source = Source {
            noise: &self.noise,
            random: &mut self.random,
            flow,
        };
        match talk {
            Talk::Tls(tcp) if cycle == 0 => source.open_tls(tcp, step, frame),
            Talk::Tls(tcp) => source.bulk_tls(tcp, step, frame),
            Talk::Http(tcp) if cycle == 0 => source.open_http(tcp, step, frame),
            Talk::Http(tcp) => source.bulk_http(tcp, cycle, step, frame),
            Talk::Udp { ends, ip_id } => source.udp(ends, ip_id, step, frame),
        }
    }
}

/// What one frame is made from.
struct Source<'a> {
    noise: &'a [u8],
    random: &'a mut Random,
    flow: u32,
}

impl Source<'_> {
    fn noise(&mut self, len: usize) -> &[u8] {
        let start = self.random.below((NOISE_LEN - FRAME_LEN_LONG) as u32) as usize;
        &self.noise[start..start + len]
    }

    fn record(&mut self, tcp: &mut Tcp, from: usize, frame_len: usize, frame: &mut Frame) {
        let mut payload = [0; FRAME_LEN_LONG];
        let payload = &mut payload[..tcp.payload_len(frame_len)];
        let header = tls::application_header(payload.len() - 5);
        payload[..5].copy_from_slice(&header);
        let body_len = payload.len() - 5;
        payload[5..].copy_from_slice(self.noise(body_len));
        tcp.data(from, payload, frame);
    }

    fn body(&mut self, tcp: &mut Tcp, frame_len: usize, frame: &mut Frame) {
        let len = tcp.payload_len(frame_len);
        tcp.data(RESP, self.noise(len), frame);
    }

    fn open_tls(&mut self, tcp: &mut Tcp, step: u32, frame: &mut Frame) {
        match step {
            0 => tcp.syn(ORIG, frame),
            1 => tcp.syn(RESP, frame),
            3 => {
                let name = format!("service-{}.hospital.example", self.flow % 200);
                let len = tcp.payload_len(FRAME_LEN_MIDDLE);
                tcp.data(ORIG, &tls::client_hello(&name, len, self.random), frame);
            }
            5 => {
                let len = tcp.payload_len(FRAME_LEN_LONG);
                tcp.data(RESP, &tls::server_flight(len, self.random), frame);
            }
            7 | 11 => self.record(tcp, RESP, FRAME_LEN_MIDDLE, frame),
            9 => self.record(tcp, ORIG, FRAME_LEN_MIDDLE, frame),
            4 | 10 => tcp.ack(RESP, frame),
            _ => tcp.ack(ORIG, frame),
        }
    }

    fn bulk_tls(&mut self, tcp: &mut Tcp, step: u32, frame: &mut Frame) {
        match bulk(step) {
            (FRAME_LEN_SHORT, from) => tcp.ack(from, frame),
            (len, from) => self.record(tcp, from, len, frame),
        }
    }

    fn request(&mut self, tcp: &mut Tcp, frame: &mut Frame) {
        let host = format!("images-{}.hospital.example", self.flow % 200);
        let len = tcp.payload_len(FRAME_LEN_MIDDLE);
        tcp.data(ORIG, &http::request(&host, "MakerViewer/1.0", len), frame);
    }

    /// The first long frame of a response; `cycles` of the bulk follow, then a request.
    fn response(&mut self, tcp: &mut Tcp, first: bool, frame: &mut Frame) {
        let (long, middle) = (
            tcp.payload_len(FRAME_LEN_LONG),
            tcp.payload_len(FRAME_LEN_MIDDLE),
        );
        let cycles = BODY_CYCLES as usize;
        let opening = if first { long + 3 * middle } else { 0 };
        let whole = opening + cycles * (long + 3 * middle) + (cycles - 1) * middle;
        let mut payload = http::response("MakerServer/1.0", 0);
        // The head's own length depends on the digits of the body's.
        let digits = (whole - payload.len()).to_string().len();
        payload = http::response("MakerServer/1.0", whole - payload.len() - (digits - 1));
        let rest = long - payload.len();
        payload.extend_from_slice(self.noise(rest));
        tcp.data(RESP, &payload, frame);
    }

    fn open_http(&mut self, tcp: &mut Tcp, step: u32, frame: &mut Frame) {
        match step {
            0 => tcp.syn(ORIG, frame),
            1 => tcp.syn(RESP, frame),
            3 => self.request(tcp, frame),
            5 => self.response(tcp, true, frame),
            7 | 9 | 11 => self.body(tcp, FRAME_LEN_MIDDLE, frame),
            4 => tcp.ack(RESP, frame),
            _ => tcp.ack(ORIG, frame),
        }
    }

    fn bulk_http(&mut self, tcp: &mut Tcp, cycle: u32, step: u32, frame: &mut Frame) {
        let (len, _) = bulk(step);
        match step {
            10 if cycle.is_multiple_of(BODY_CYCLES) => self.request(tcp, frame),
            11 if cycle.is_multiple_of(BODY_CYCLES) => tcp.ack(RESP, frame),
            1 if cycle > BODY_CYCLES && cycle % BODY_CYCLES == 1 => {
                self.response(tcp, false, frame);
            }
            _ if len == FRAME_LEN_SHORT => tcp.ack(ORIG, frame),
            _ => self.body(tcp, len, frame),
        }
    }

    fn udp(&mut self, ends: &[End; 2], ip_id: &mut [u16; 2], step: u32, frame: &mut Frame) {
        let (frame_len, from) = bulk(step);
        ip_id[from] = ip_id[from].wrapping_add(1);
        let headers = ETHERNET_LEN + ends[from].ip_header_len() + UDP_LEN;
        let mut payload = [0; FRAME_LEN_LONG];
        let payload = &mut payload[..frame_len.saturating_sub(headers).max(MARK.len())];
        payload[..MARK.len()].copy_from_slice(&MARK);
        let rest = payload.len() - MARK.len();
        payload[MARK.len()..].copy_from_slice(self.noise(rest));
        frame.udp(&ends[from], &ends[1 - from], ip_id[from], payload);
    }
}
