//! A few frames by hand: ARP, DHCP, LLDP-MED, UDP, HL7 over TCP, at any time, from any card. It
//! makes what one situation needs and no more.

use std::fs::File;
use std::path::Path;

use medtap_benches::maker::{Writer, checksum_add, checksum_fold};

/// 2026-03-02, a Monday, 00:00 UTC.
pub const MONDAY_NS: u64 = 1_772_409_600_000_000_000;
pub const DAY_NS: u64 = 24 * 3_600_000_000_000;

const BROADCAST: [u8; 6] = [0xff; 6];
const LLDP: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x0e];

/// A network card.
#[derive(Clone, Copy)]
pub struct Nic(pub [u8; 6]);

type Ip = [u8; 4];

/// Frames, a second apart.
pub struct Capture {
    frames: Vec<(u64, Vec<u8>)>,
    time_ns: u64,
    /// The VLAN that frames are tagged with, 0 none.
    vlan: u16,
}

impl Capture {
    pub fn new(time_ns: u64) -> Self {
        Self {
            frames: Vec::new(),
            time_ns,
            vlan: 0,
        }
    }

    /// The same, tagged.
    pub fn in_vlan(time_ns: u64, vlan: u16) -> Self {
        Self {
            vlan,
            ..Self::new(time_ns)
        }
    }

    pub fn write(&self, path: &Path) {
        let file = File::create(path).expect("a file");
        let mut out = Writer::new(std::io::BufWriter::new(file)).expect("a header");
        for (time, frame) in &self.frames {
            out.write(*time, frame).expect("a frame");
        }
        out.finish().expect("an end");
    }

    fn push(&mut self, src: [u8; 6], dst: [u8; 6], kind: u16, payload: &[u8]) {
        let tag = [0x8100_u16.to_be_bytes(), self.vlan.to_be_bytes()].concat();
        let tag = tag.get(..if self.vlan == 0 { 0 } else { 4 });
        let tag = tag.unwrap_or_default();
        let mut frame = [&dst[..], &src, tag, &kind.to_be_bytes(), payload].concat();
        frame.resize(frame.len().max(60), 0);
        self.frames.push((self.time_ns, frame));
        self.time_ns += 1_000_000_000;
    }

    /// The one asks for the other, who answers.
    pub fn arp(&mut self, a: Nic, a_ip: Ip, b: Nic, b_ip: Ip) {
        for (op, from, from_ip, to, to_ip) in [(1, a, a_ip, b, b_ip), (2, b, b_ip, a, a_ip)] {
            let head = [0, 1, 8, 0, 6, 4, 0, op];
            let asked = if op == 1 { [0; 6] } else { to.0 };
            let packet = [&head[..], &from.0, &from_ip, &asked, &to_ip].concat();
            let dst = if op == 1 { BROADCAST } else { to.0 };
            self.push(from.0, dst, 0x0806, &packet);
        }
    }

    /// A host says which IPv6 address it has (RFC 4861, 4.4).
    pub fn neighbour(&mut self, nic: Nic, ip: std::net::Ipv6Addr) {
        let all: std::net::Ipv6Addr = "ff02::1".parse().expect("an address");
        let head = [136, 0, 0, 0, 0x20, 0, 0, 0];
        let mut message = [&head[..], &ip.octets(), &[2, 1], &nic.0].concat();
        let sum = checksum_add(58 + message.len() as u64, &ip.octets());
        let sum = checksum_fold(checksum_add(checksum_add(sum, &all.octets()), &message));
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let len = u16::try_from(message.len()).expect("a short message");
        let [a, b] = len.to_be_bytes();
        let packet = [
            &[0x60, 0, 0, 0, a, b, 58, 255],
            &ip.octets()[..],
            &all.octets(),
        ];
        let packet = [packet.concat(), message].concat();
        self.push(nic.0, [0x33, 0x33, 0, 0, 0, 1], 0x86dd, &packet);
    }

    fn ip(&mut self, from: (Nic, Ip), to: ([u8; 6], Ip), proto: u8, ttl: u8, rest: &[u8]) {
        let len = u16::try_from(20 + rest.len()).expect("a short packet");
        let [a, b] = len.to_be_bytes();
        let [c, d] = u16::try_from(self.frames.len() + 1)
            .expect("few frames")
            .to_be_bytes();
        let mut head = vec![0x45, 0, a, b, c, d, 0x40, 0, ttl, proto, 0, 0];
        head.extend_from_slice(&from.1);
        head.extend_from_slice(&to.1);
        let sum = checksum_fold(checksum_add(0, &head));
        head[10..12].copy_from_slice(&sum.to_be_bytes());
        head.extend_from_slice(rest);
        self.push(from.0.0, to.0, 0x0800, &head);
    }

    /// The sum that both transports begin with.
    fn pseudo(from: Ip, to: Ip, proto: u8, len: usize) -> u64 {
        let sum = checksum_add(u64::from(proto) + len as u64, &from);
        checksum_add(sum, &to)
    }

    /// A datagram of nobody's protocol.
    pub fn udp(&mut self, from: Nic, from_ip: Ip, to: Nic, to_ip: Ip, ttl: u8) {
        self.datagram(
            (from, from_ip, 40_000),
            (to.0, to_ip, 40_001),
            ttl,
            b"status ok",
        );
    }

    fn datagram(&mut self, from: (Nic, Ip, u16), to: ([u8; 6], Ip, u16), ttl: u8, payload: &[u8]) {
        let len = u16::try_from(8 + payload.len()).expect("a short datagram");
        let head = [
            from.2.to_be_bytes(),
            to.2.to_be_bytes(),
            len.to_be_bytes(),
            [0; 2],
        ];
        let mut rest = [&head.concat()[..], payload].concat();
        let sum = Self::pseudo(from.1, to.1, 17, rest.len());
        let sum = checksum_fold(checksum_add(sum, &rest));
        rest[6..8].copy_from_slice(&sum.to_be_bytes());
        self.ip((from.0, from.1), (to.0, to.1), 17, ttl, &rest);
    }

    /// Discover, offer, request, acknowledgement (RFC 2131).
    pub fn dhcp(&mut self, client: Nic, name: &str, ip: Ip, server: Nic, server_ip: Ip) {
        let nobody = [0; 4];
        for (op, kind, yours) in [(1, 1, nobody), (2, 2, ip), (1, 3, nobody), (2, 5, ip)] {
            let mut bytes = vec![op, 1, 6, 0, 9, 9, 9, ip[3], 0, 0, 0x80, 0, 0, 0, 0, 0];
            bytes.extend_from_slice(&yours);
            bytes.extend_from_slice(&[0; 8]);
            bytes.extend_from_slice(&client.0);
            bytes.resize(236, 0);
            bytes.extend_from_slice(&[0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
            if op == 1 {
                bytes.extend_from_slice(&[12, u8::try_from(name.len()).expect("a short name")]);
                bytes.extend_from_slice(name.as_bytes());
                bytes.extend_from_slice(&[55, 4, 1, 3, 6, 15, 50, 4]);
                bytes.extend_from_slice(&ip);
            } else {
                bytes.extend_from_slice(&[51, 4, 0, 1, 0x51, 0x80, 1, 4, 255, 255, 255, 0]);
            }
            bytes.extend_from_slice(&[54, 4]);
            bytes.extend_from_slice(&server_ip);
            bytes.push(255);
            bytes.resize(bytes.len().max(300), 0);
            let everyone = [255; 4];
            match op {
                1 => self.datagram((client, nobody, 68), (BROADCAST, everyone, 67), 64, &bytes),
                _ => self.datagram(
                    (server, server_ip, 67),
                    (BROADCAST, everyone, 68),
                    64,
                    &bytes,
                ),
            }
        }
    }

    /// A client looks for a server through a relay, which says by which port (RFC 3046).
    pub fn relayed(&mut self, client: Nic, relay: (Nic, Ip), server: (Nic, Ip), port: [&str; 2]) {
        let mut bytes = vec![1, 1, 6, 1, 9, 9, 9, 9, 0, 0, 0, 0];
        bytes.resize(24, 0);
        bytes.extend_from_slice(&relay.1);
        bytes.extend_from_slice(&client.0);
        bytes.resize(236, 0);
        bytes.extend_from_slice(&[0x63, 0x82, 0x53, 0x63, 53, 1, 1]);
        let mut information = Vec::new();
        for (code, text) in [(2, port[0]), (1, port[1])] {
            information.extend_from_slice(&[code, u8::try_from(text.len()).expect("a short name")]);
            information.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&[82, u8::try_from(information.len()).expect("short names")]);
        bytes.extend_from_slice(&information);
        bytes.push(255);
        bytes.resize(bytes.len().max(300), 0);
        self.datagram(
            (relay.0, relay.1, 67),
            (server.0.0, server.1, 67),
            64,
            &bytes,
        );
    }

    /// An agent answers how long it has run (RFC 3418, sysUpTime).
    pub fn up_time(&mut self, from: (Nic, Ip), to: (Nic, Ip), seconds: u32) {
        let ticks = (seconds * 100).to_be_bytes();
        let id = u8::try_from(self.frames.len() % 100).expect("a small number");
        let ask = |kind: u8, tag: u8, value: &[u8]| {
            let tlv = |tag: u8, content: &[u8]| {
                let len = u8::try_from(content.len()).expect("short content");
                [&[tag, len][..], content].concat()
            };
            let object = tlv(6, &[0x2b, 6, 1, 2, 1, 1, 3, 0]);
            let pair = tlv(0x30, &[&object[..], &tlv(tag, value)].concat());
            let list = tlv(0x30, &pair);
            let head = [2, 1, id, 2, 1, 0, 2, 1, 0];
            let pdu = tlv(kind, &[&head[..], &list].concat());
            tlv(0x30, &[&[2, 1, 1, 4, 1, b'x'][..], &pdu].concat())
        };
        let (own, other) = ((from.0, from.1, 161), (to.0, to.1, 50_161));
        self.datagram(other, (own.0.0, own.1, 161), 64, &ask(0xa0, 5, &[]));
        let answer = ask(0xa2, 0x43, &[&[0][..], &ticks].concat());
        self.datagram(own, (other.0.0, other.1, 50_161), 64, &answer);
    }

    /// A clock answers with its time, so many seconds off (RFC 5905).
    pub fn ntp(&mut self, from: (Nic, Ip), to: (Nic, Ip), fast_s: i64) {
        let message = |mode: u8, origin: [u8; 8], transmit: [u8; 8]| {
            let mut bytes = vec![0x20 | mode, 2, 6, 0xe9];
            bytes.resize(24, 0);
            bytes.extend_from_slice(&origin);
            bytes.extend_from_slice(&[0; 8]);
            bytes.extend_from_slice(&transmit);
            bytes
        };
        let now = i64::try_from(self.time_ns / 1_000_000_000).expect("a time");
        let stamp = u32::try_from(now + 1 + fast_s + 2_208_988_800).expect("an era");
        let asked = [7; 8];
        let mut told = [0; 8];
        told[..4].copy_from_slice(&stamp.to_be_bytes());
        let (own, other) = ((from.0, from.1, 123), (to.0, to.1, 50_123));
        let ask = message(3, [0; 8], asked);
        self.datagram(other, (own.0.0, own.1, 123), 64, &ask);
        self.datagram(
            own,
            (other.0.0, other.1, 50_123),
            64,
            &message(4, asked, told),
        );
    }

    /// An inventory by LLDP-MED (ANSI/TIA-1057, 10.2.6): maker, model, serial number.
    pub fn lldp(&mut self, nic: Nic, maker: &str, model: &str, serial: &str) {
        let mut bytes = Vec::new();
        let mut tlv = |kind: u16, value: &[u8]| {
            let len = u16::try_from(value.len()).expect("a short value");
            bytes.extend_from_slice(&(kind << 9 | len).to_be_bytes());
            bytes.extend_from_slice(value);
        };
        tlv(1, &[&[4][..], &nic.0].concat());
        tlv(2, &[&[3][..], &nic.0].concat());
        tlv(3, &[0, 120]);
        for (kind, text) in [(8, serial), (9, maker), (10, model)] {
            tlv(127, &[&[0, 0x12, 0xbb, kind][..], text.as_bytes()].concat());
        }
        tlv(0, &[]);
        self.push(nic.0, LLDP, 0x88cc, &bytes);
    }

    /// Results of several devices that one gateway sends (HL7 v2.8, PRT), each acknowledged.
    pub fn hl7(&mut self, from: Nic, from_ip: Ip, to: Nic, to_ip: Ip, serials: &[&str]) {
        let ends = [(from, from_ip, 50_000), (to, to_ip, 2575)];
        let mut talk = Talk {
            ends,
            seq: [1000, 5000],
        };
        talk.send(self, 0, SYN, b"");
        talk.send(self, 1, SYN | ACK, b"");
        talk.send(self, 0, ACK, b"");
        for (number, serial) in serials.iter().enumerate() {
            let message = format!(
                "\x0bMSH|^~\\&|GATEWAY^00122100002001FF^EUI-64|WARD|ENGINE|HOSPITAL|\
                 20260302120000+0000||ORU^R01^ORU_R01|M{number}|P|2.6|||||||||\
                 IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r\
                 OBR|1|A{number}^X|B{number}^X|182777000^monitoring^SCT|||20260302120000\r\
                 OBX|1||70001^MDC_DEV_PUMP_INFUS_VMD^MDC|1.0.0.0|||||||X|||20260302120000||||\
                 {serial}^^{serial}^EUI-64\r\
                 PRT|{number}|AD|PUB|EQUIP^Equipment^HL70912||||||{serial}^^^\
                 |||||||||{serial}\r\x1c\r"
            );
            talk.send(self, 0, PSH | ACK, message.as_bytes());
            talk.send(self, 1, ACK, b"");
            let answer = format!(
                "\x0bMSH|^~\\&|ENGINE|HOSPITAL|GATEWAY|WARD|20260302120000||ACK^R01^ACK|\
                 A{number}|P|2.6\rMSA|AA|M{number}\r\x1c\r"
            );
            talk.send(self, 1, PSH | ACK, answer.as_bytes());
            talk.send(self, 0, ACK, b"");
        }
    }
}

const SYN: u8 = 2;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A TCP connection.
struct Talk {
    ends: [(Nic, Ip, u16); 2],
    seq: [u32; 2],
}

impl Talk {
    fn send(&mut self, capture: &mut Capture, from: usize, flags: u8, payload: &[u8]) {
        let to = 1 - from;
        let ack = if flags & ACK != 0 { self.seq[to] } else { 0 };
        let (own, other) = (self.ends[from], self.ends[to]);
        let mut rest = [own.2.to_be_bytes(), other.2.to_be_bytes()].concat();
        rest.extend_from_slice(&self.seq[from].to_be_bytes());
        rest.extend_from_slice(&ack.to_be_bytes());
        rest.extend_from_slice(&[0x50, flags, 0x70, 0, 0, 0, 0, 0]);
        rest.extend_from_slice(payload);
        let sum = Capture::pseudo(own.1, other.1, 6, rest.len());
        let sum = checksum_fold(checksum_add(sum, &rest));
        rest[16..18].copy_from_slice(&sum.to_be_bytes());
        let len = u32::try_from(payload.len()).expect("a short message");
        self.seq[from] += len + u32::from(flags & SYN != 0);
        capture.ip((own.0, own.1), (other.0.0, other.1), 6, 64, &rest);
    }
}
