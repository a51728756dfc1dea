//! A made hospital: conversations of its devices side by side, each from its first packet to its
//! last; where one ends another begins. Most bytes are images, as in a real one.

use std::collections::VecDeque;

use super::device::{Device, End};
use super::frame::Frame;
use super::random::Random;
use super::tcp::{ORIG, RESP, SEGMENT_LEN_MAX, Tcp};
use super::{Kind, Plan, Traffic, dicom, hl7, http, infrastructure, tls};

/// Conversations that the maker keeps at a time.
pub const CONVERSATIONS_MAX: u32 = 1 << 20;

/// First port of the clients.
const ORIG_PORT_MIN: u16 = 10_000;

/// Bytes of an image's pixels: 512 × 512, 16 bits each.
const PIXELS_LEN: u32 = 512 * 512 * 2;

/// The hospital.
pub struct Hospital {
    plan: Plan,
    random: Random,
    talks: Vec<Talk>,
    /// Conversations begun so far: the number of the next.
    begun: u32,
    /// Ports used by each device.
    ports: Vec<u16>,
}

/// Messages over one connection of a gateway.
const RESULTS_PER_CONNECTION: u32 = 10_000;

/// One conversation.
enum Talk {
    Frames(VecDeque<Vec<u8>>),
    Stream(Box<Stream>),
}

impl Hospital {
    /// A hospital by plan.
    pub fn new(plan: &Plan) -> Self {
        let random = Random::new(plan.seed);
        let ports = vec![0; plan.devices as usize];
        let mut hospital = Self {
            plan: *plan,
            random,
            talks: Vec::new(),
            begun: 0,
            ports,
        };
        for _ in 0..plan.flows {
            let talk = hospital.begin();
            hospital.talks.push(talk);
        }
        hospital
    }

    /// One in sixteen devices is a server: an archive, an engine, a name server, in turn.
    fn pair(&mut self) -> (Device, Device) {
        let devices = self.plan.devices;
        let servers = (devices / 16).max(1);
        let server = self.random.below(servers);
        let client = servers + self.random.below(devices - servers);
        (Device { number: client }, Device { number: server })
    }

    fn ends(&mut self, client: Device, server: Device, port: u16) -> [End; 2] {
        let used = &mut self.ports[client.number as usize];
        *used = used.wrapping_add(1) % (u16::MAX - ORIG_PORT_MIN);
        let ipv6 = self.plan.is_ipv6(self.begun);
        [
            client.end(ipv6, ORIG_PORT_MIN + *used),
            server.end(ipv6, port),
        ]
    }

    fn begin(&mut self) -> Talk {
        self.begun = self.begun.wrapping_add(1);
        let (client, server) = self.pair();
        if self.plan.kind == Kind::Results {
            let [orig, resp] = self.ends(client, server, 2575);
            let tcp = Tcp::new(orig, resp, &mut self.random);
            let script = Script::Results {
                messages: RESULTS_PER_CONNECTION,
            };
            return Talk::Stream(Box::new(Stream::new(tcp, script, client, server)));
        }
        let frames = match self.random.below(100) {
            0..8 => infrastructure::arp(client, server),
            8..14 => infrastructure::dhcp(client, server, &mut self.random),
            14..30 => {
                let [orig, resp] = self.ends(client, server, 53);
                infrastructure::dns(orig, resp, client, &mut self.random)
            }
            30..36 => infrastructure::mdns(client, &mut self.random),
            36..40 => infrastructure::lldp(client),
            other => {
                let (port, script) = match other {
                    40..52 => (
                        104,
                        Script::Dicom {
                            images: 1 + self.random.below(4) as u16,
                        },
                    ),
                    52..70 => (
                        2575,
                        Script::Hl7 {
                            messages: 1 + self.random.below(40),
                        },
                    ),
                    70..86 => (
                        443,
                        Script::Tls {
                            records: 1 + self.random.below(30),
                        },
                    ),
                    _ => (
                        80,
                        Script::Http {
                            requests: 1 + self.random.below(5),
                        },
                    ),
                };
                let [orig, resp] = self.ends(client, server, port);
                let tcp = Tcp::new(orig, resp, &mut self.random);
                return Talk::Stream(Box::new(Stream::new(tcp, script, client, server)));
            }
        };
        Talk::Frames(frames.into())
    }
}

impl Traffic for Hospital {
    fn next(&mut self, frame: &mut Frame) {
        loop {
            let index = self.random.below(self.plan.flows) as usize;
            let made = match &mut self.talks[index] {
                Talk::Frames(frames) => frames
                    .pop_front()
                    .map(|bytes| frame.copy_from(&bytes))
                    .is_some(),
                Talk::Stream(stream) => stream.next(&mut self.random, frame),
            };
            if made {
                return;
            }
            self.talks[index] = self.begin();
        }
    }
}

/// What is said over a connection, turn by turn.
#[derive(Clone, Copy, Debug)]
enum Script {
    Dicom { images: u16 },
    Hl7 { messages: u32 },
    Results { messages: u32 },
    Tls { records: u32 },
    Http { requests: u32 },
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Syn,
    SynAck,
    Opened,
    Talking,
    Fin,
    FinAck,
    LastAck,
    Over,
}

/// A connection that follows a script.
struct Stream {
    tcp: Tcp,
    script: Script,
    client: Device,
    server: Device,
    phase: Phase,
    turn: u32,
    /// What is being sent, by whom, and how much of it was.
    from: usize,
    bytes: Vec<u8>,
    sent: usize,
    /// Segments that were not acknowledged.
    owed: u8,
}

impl Stream {
    fn new(tcp: Tcp, script: Script, client: Device, server: Device) -> Self {
        Self {
            tcp,
            script,
            client,
            server,
            phase: Phase::Syn,
            turn: 0,
            from: ORIG,
            bytes: Vec::new(),
            sent: 0,
            owed: 0,
        }
    }

    /// Makes the next segment; false when the connection is over.
    fn next(&mut self, random: &mut Random, frame: &mut Frame) -> bool {
        let (tcp, phase) = (&mut self.tcp, self.phase);
        self.phase = match phase {
            Phase::Syn => {
                tcp.syn(ORIG, frame);
                Phase::SynAck
            }
            Phase::SynAck => {
                tcp.syn(RESP, frame);
                Phase::Opened
            }
            Phase::Opened => {
                tcp.ack(ORIG, frame);
                Phase::Talking
            }
            Phase::Talking => {
                if self.talk(random, frame) {
                    return true;
                }
                self.tcp.fin(ORIG, frame);
                Phase::Fin
            }
            Phase::Fin => {
                tcp.fin(RESP, frame);
                Phase::FinAck
            }
            Phase::FinAck => {
                tcp.ack(ORIG, frame);
                Phase::LastAck
            }
            Phase::LastAck | Phase::Over => Phase::Over,
        };
        self.phase != Phase::Over
    }

    /// The next segment of the script; false when it has ended.
    fn talk(&mut self, random: &mut Random, frame: &mut Frame) -> bool {
        let all_sent = self.sent == self.bytes.len();
        if self.owed == 2 || (all_sent && self.owed > 0 && !self.is_answered_at_once()) {
            self.owed = 0;
            self.tcp.ack(1 - self.from, frame);
            return true;
        }
        if all_sent {
            let Some((from, bytes)) = self.say(random) else {
                return false;
            };
            // Its answer acknowledges what the other end said.
            if from != self.from {
                self.owed = 0;
            }
            (self.from, self.bytes, self.sent) = (from, bytes, 0);
            self.turn += 1;
        }
        let len_max = self.tcp.payload_len(14 + 20 + 20 + SEGMENT_LEN_MAX);
        let end = (self.sent + len_max).min(self.bytes.len());
        self.tcp.data(self.from, &self.bytes[self.sent..end], frame);
        self.sent = end;
        self.owed += 1;
        true
    }

    /// Each message follows at once on the one before it, so that no acknowledgement has to travel
    /// alone (RFC 9293 section 3.8.6.3, delayed acknowledgements).
    fn is_answered_at_once(&self) -> bool {
        matches!(self.script, Script::Results { .. })
    }

    /// Who says what in this turn; nothing when all is said.
    fn say(&self, random: &mut Random) -> Option<(usize, Vec<u8>)> {
        match self.script {
            Script::Dicom { images } => self.say_dicom(images, random),
            Script::Hl7 { messages } => self.say_hl7(messages, random),
            Script::Results { messages } => self.say_results(messages, random),
            Script::Tls { records } => self.say_tls(records, random),
            Script::Http { requests } => self.say_http(requests),
        }
    }

    fn say_dicom(&self, images: u16, random: &mut Random) -> Option<(usize, Vec<u8>)> {
        let calling = format!("CT{}", self.client.number);
        let called = format!("ARCHIVE{}", self.server.number);
        match self.turn {
            0 => return Some((ORIG, dicom::request(&called, &calling))),
            1 => return Some((RESP, dicom::accept(&called, &calling))),
            _ => {}
        }
        // Of each image: the command, the data set with its first pixels, the rest of the
        // pixels, the answer.
        let fragments = PIXELS_LEN.div_ceil(dicom::FRAGMENT_LEN_MAX as u32);
        let turns = fragments + 3;
        let (image, turn) = ((self.turn - 2) / turns, (self.turn - 2) % turns);
        if image >= u32::from(images) {
            return match self.turn - 2 - u32::from(images) * turns {
                0 => Some((ORIG, dicom::release_request())),
                1 => Some((RESP, dicom::release_reply())),
                _ => None,
            };
        }
        let message = image as u16 + 1;
        let instance = format!(
            "1.2.826.0.1.3680043.2.9999.{}.{message}",
            self.client.number
        );
        let serial = format!("SN{:06}", self.client.number);
        let said = match turn {
            0 => (ORIG, dicom::store_request(message, &instance)),
            1 => {
                let equipment = dicom::Equipment {
                    station: &calling,
                    serial: &serial,
                };
                let set = dicom::data_set(&instance, &equipment, PIXELS_LEN);
                (ORIG, dicom::data_pdu(&set, false))
            }
            turn if turn < fragments + 2 => {
                let last = turn == fragments + 1;
                let done = (turn - 2) * dicom::FRAGMENT_LEN_MAX as u32;
                let len = (PIXELS_LEN - done).min(dicom::FRAGMENT_LEN_MAX as u32);
                let mut pixels = vec![0; len as usize];
                random.fill(&mut pixels);
                (ORIG, dicom::data_pdu(&pixels, last))
            }
            _ => (RESP, dicom::store_response(message, &instance)),
        };
        Some(said)
    }

    fn say_hl7(&self, messages: u32, random: &mut Random) -> Option<(usize, Vec<u8>)> {
        let application = format!("MONITOR{}", self.client.number);
        let number = self.turn / 2;
        if number == messages {
            return None;
        }
        if self.turn.is_multiple_of(2) {
            let observations = 1 + random.below(20);
            Some((
                ORIG,
                hl7::result(&application, number, observations, random),
            ))
        } else {
            Some((RESP, hl7::acknowledgement(&application, number)))
        }
    }

    /// As a gateway of monitors does: a device's row, three values, its answer.
    fn say_results(&self, messages: u32, random: &mut Random) -> Option<(usize, Vec<u8>)> {
        let number = self.turn / 2;
        if number == messages {
            return None;
        }
        let gateway = format!("GATEWAY{}", self.client.number);
        Some(if self.turn.is_multiple_of(2) {
            (ORIG, hl7::monitor(&gateway, number, random))
        } else {
            (RESP, hl7::acknowledgement(&gateway, number))
        })
    }

    fn say_tls(&self, records: u32, random: &mut Random) -> Option<(usize, Vec<u8>)> {
        let name = format!("service-{}.hospital.example", self.server.number);
        match self.turn {
            0 => Some((ORIG, tls::client_hello(&name, 517, random))),
            1 => Some((RESP, tls::server_flight(3_000, random))),
            turn if turn < records + 2 => {
                let len = 100 + random.below(8_000) as usize;
                Some((turn as usize % 2, tls::application_data(len, random)))
            }
            _ => None,
        }
    }

    fn say_http(&self, requests: u32) -> Option<(usize, Vec<u8>)> {
        if self.turn / 2 == requests {
            return None;
        }
        if self.turn.is_multiple_of(2) {
            let host = format!("device-{}.hospital.example", self.server.number);
            return Some((ORIG, http::request(&host, "MakerViewer/1.0", 300)));
        }
        let len = 1_000 + (self.client.number as usize * 997 % 50_000);
        let mut bytes = http::response("MakerServer/1.0", len);
        bytes.resize(bytes.len() + len, b'.');
        Some((RESP, bytes))
    }
}
