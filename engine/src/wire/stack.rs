//! How a TCP stack opens a connection: the marks of a SYN or its answer, in the notation of p0f
//! (version 3). It names no system, and describes nothing that a router passed on: a time to
//! live that no sender begins with is no mark.
//!
//! ```text
//! version : initial TTL : length of IP options : MSS : window , scale : options : quirks : payload
//! 4:64:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0
//! ```

use super::ipv4;
use super::tcp::{ACK, HEADER_LEN, PSH, SYN, TcpOption, TcpSegment, URG};
use super::{Headers, Network};

/// Times to live that senders begin with.
pub const TTLS_INITIAL: [u8; 4] = [32, 64, 128, 255];

/// Most options that are told, each with its place; no system sends more.
pub const OPTIONS_MAX: usize = 16;

/// Longest text of a stack's marks, in bytes.
pub const TEXT_BYTES_MAX: usize = 240;

/// Options shorter than a timestamp leave that much more room in a segment, bytes.
const TIMESTAMP_LEN: u16 = 12;
/// The shortest headers of IPv4 and IPv6 with TCP, bytes.
const HEADERS_V4: u32 = 40;
const HEADERS_V6: u32 = 60;
/// Below this a window is no multiple of anything, bytes.
const MSS_MIN: u16 = 100;
/// The largest window scale that is allowed, RFC 7323.
const SCALE_MAX: u8 = 14;

/// Explicit congestion notification, RFC 3168, asked for by the flags or said by IP.
const ECN_FLAGS: u8 = 0xc0;
const ECN_BITS: u8 = 3;

/// What is odd about a segment, in the order of the text.
const QUIRKS: [&str; 16] = [
    "df", "id+", "id-", "ecn", "0+", "flow", "seq-", "ack+", "ack-", "uptr+", "urgf+", "pushf+",
    "ts1-", "ts2+", "opt+", "exws",
];
const DF: u16 = 1;
const ID_SET: u16 = 1 << 1;
const ID_ZERO: u16 = 1 << 2;
const ECN: u16 = 1 << 3;
const RESERVED: u16 = 1 << 4;
const FLOW_LABEL: u16 = 1 << 5;
const SEQ_ZERO: u16 = 1 << 6;
const ACK_SET: u16 = 1 << 7;
const ACK_ZERO: u16 = 1 << 8;
const URGENT_SET: u16 = 1 << 9;
const URGENT_FLAG: u16 = 1 << 10;
const PUSH_FLAG: u16 = 1 << 11;
const OWN_TIME_ZERO: u16 = 1 << 12;
const PEER_TIME_SET: u16 = 1 << 13;
const OPTIONS_TRAIL: u16 = 1 << 14;
const SCALE_TOO_LARGE: u16 = 1 << 15;

/// The marks of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackMarks {
    /// Kinds of the options.
    kinds: [u8; OPTIONS_MAX],
    options: u8,
    /// Bytes behind the end of the list.
    trailing: u8,
    /// 4 or 6.
    version: u8,
    ttl: u8,
    ip_options: u8,
    scale: u8,
    timestamps: bool,
    payload: bool,
    mss: u16,
    window: u16,
    quirks: u16,
}

impl StackMarks {
    /// Reads a SYN, or the answer to one, out of the frame (or datagram) that the headers were
    /// parsed of. None where a router passed it on, where it is cut, or where its options
    /// contradict themselves.
    pub fn read(headers: &Headers, frame: &[u8]) -> Option<Self> {
        if !TTLS_INITIAL.contains(&headers.ttl) {
            return None;
        }
        let start = headers.transport_start as usize;
        let tcp = TcpSegment::parse(frame.get(start..)?).ok()?;
        if HEADER_LEN + tcp.option_bytes().len() != tcp.header_len() {
            return None;
        }
        let mut this = Self {
            kinds: [0; OPTIONS_MAX],
            options: 0,
            trailing: 0,
            version: 4,
            ttl: headers.ttl,
            ip_options: 0,
            scale: 0,
            timestamps: false,
            payload: headers.payload_wire_len != 0,
            mss: 0,
            window: tcp.window(),
            quirks: 0,
        };
        let before = frame.get(..start)?;
        match headers.network {
            Network::V4 => this.read_v4(before, headers)?,
            Network::V6 => this.read_v6(before, headers)?,
            Network::None => return None,
        }
        this.read_header(&tcp);
        this.read_options(&tcp)?;
        Some(this)
    }

    /// The time to live that it was sent with.
    pub const fn ttl(&self) -> u8 {
        self.ttl
    }

    /// What it says of its clock by itself: that it shows none, or that it shows zero.
    pub const fn clock(&self) -> Option<&'static str> {
        match (self.timestamps, self.quirks & OWN_TIME_ZERO != 0) {
            (false, _) => Some("none"),
            (true, true) => Some("zero"),
            (true, false) => None,
        }
    }

    /// Asks for timestamps, or gives them.
    pub const fn has_timestamps(&self) -> bool {
        self.timestamps
    }

    fn quirk(&mut self, quirk: u16, is_there: bool) {
        if is_there {
            self.quirks |= quirk;
        }
    }

    /// The header that ends where the segment begins.
    fn read_v4(&mut self, before: &[u8], headers: &Headers) -> Option<()> {
        let words = (5..=15_u8).find(|words| {
            let start = before.len().checked_sub(usize::from(*words) * 4);
            let header = start.and_then(|start| before.get(start..));
            header.is_some_and(|header| {
                header.first() == Some(&(0x40 | words))
                    && header.get(12..16) == headers.src.get(12..)
            })
        })?;
        let len = usize::from(words) * 4;
        let header = before.get(before.len() - len..)?;
        let [_, service, _, _, _, _, flags, ..] = *header else {
            return None;
        };
        self.ip_options = (len - ipv4::HEADER_LEN) as u8;
        let unfragmented = flags & 0x40 != 0;
        self.quirk(DF, unfragmented);
        self.quirk(ID_SET, unfragmented && headers.ip_id != 0);
        self.quirk(ID_ZERO, !unfragmented && headers.ip_id == 0);
        self.quirk(RESERVED, flags & 0x80 != 0);
        self.quirk(ECN, service & ECN_BITS != 0);
        Some(())
    }

    /// Only a header without extensions: those that senders add are not about TCP.
    fn read_v6(&mut self, before: &[u8], headers: &Headers) -> Option<()> {
        const LEN: usize = 40;
        let header = before.get(before.len().checked_sub(LEN)?..)?;
        let [first, second, third, fourth, ..] = *header else {
            return None;
        };
        if first >> 4 != 6 || header.get(8..24) != Some(&headers.src[..]) {
            return None;
        }
        self.version = 6;
        self.quirk(FLOW_LABEL, [second & 0x0f, third, fourth] != [0; 3]);
        self.quirk(ECN, (second >> 4) & ECN_BITS != 0);
        Some(())
    }

    fn read_header(&mut self, tcp: &TcpSegment<'_>) {
        let flags = tcp.flags();
        let acknowledges = flags & ACK != 0;
        self.quirk(ECN, flags & ECN_FLAGS != 0);
        self.quirk(SEQ_ZERO, tcp.seq() == 0);
        self.quirk(ACK_SET, !acknowledges && tcp.ack() != 0);
        self.quirk(ACK_ZERO, acknowledges && tcp.ack() == 0);
        self.quirk(URGENT_SET, flags & URG == 0 && tcp.urgent() != 0);
        self.quirk(URGENT_FLAG, flags & URG != 0);
        self.quirk(PUSH_FLAG, flags & PSH != 0);
    }

    fn read_options(&mut self, tcp: &TcpSegment<'_>) -> Option<()> {
        let first = tcp.flags() & (SYN | ACK) == SYN;
        let mut rest = tcp.option_bytes();
        for option in tcp.options() {
            let (kind, len) = match option {
                TcpOption::End => (0, 1),
                TcpOption::NoOperation => (1, 1),
                TcpOption::MaximumSegmentSize(mss) => {
                    self.mss = mss;
                    (2, 4)
                }
                TcpOption::WindowScale(scale) => {
                    self.scale = scale;
                    self.quirk(SCALE_TOO_LARGE, scale > SCALE_MAX);
                    (3, 3)
                }
                TcpOption::SackPermitted => (4, 2),
                TcpOption::Sack(data) => (5, data.len() + 2),
                TcpOption::Timestamps { value, echo } => {
                    self.timestamps = true;
                    self.quirk(OWN_TIME_ZERO, value == 0);
                    self.quirk(PEER_TIME_SET, first && echo != 0);
                    (8, 10)
                }
                TcpOption::Other { kind, data } => (kind, data.len() + 2),
            };
            *self.kinds.get_mut(usize::from(self.options))? = kind;
            self.options += 1;
            rest = rest.get(len..)?;
            if option == TcpOption::End {
                self.trailing = rest.len() as u8;
                self.quirk(OPTIONS_TRAIL, rest.iter().any(|byte| *byte != 0));
                return Some(());
            }
        }
        // What is left contradicts itself.
        rest.is_empty().then_some(())
    }

    /// A number that differs where the marks of two stacks usually do.
    pub fn digest(&self) -> u32 {
        let near = u32::from(self.window) << 16 | u32::from(self.mss);
        let far = u32::from(self.quirks) << 16 | u32::from(self.options);
        let rest = u32::from_be_bytes([self.ttl, self.scale, self.version, self.trailing]);
        [near, far, rest].iter().fold(0, |digest: u32, part| {
            (digest.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b1)
        }) >> 16
    }

    /// The marks as text.
    pub fn text(&self) -> MarksText {
        let mut text = MarksText {
            bytes: [0; TEXT_BYTES_MAX],
            len: 0,
        };
        text.number(self.version.into());
        for number in [self.ttl.into(), self.ip_options.into(), u32::from(self.mss)] {
            text.push(b":");
            text.number(number);
        }
        text.push(b":");
        self.push_window(&mut text);
        text.push(b",");
        text.number(self.scale.into());
        text.push(b":");
        for (at, kind) in (0..self.options).zip(self.kinds) {
            if at != 0 {
                text.push(b",");
            }
            self.push_option(kind, &mut text);
        }
        let mut separator: &[u8] = b":";
        for (bit, name) in QUIRKS.iter().enumerate() {
            if self.quirks & (1 << bit) != 0 {
                text.push(separator);
                text.push(name.as_bytes());
                separator = b",";
            }
        }
        if self.quirks == 0 {
            text.push(b":");
        }
        text.push(if self.payload { b":+" } else { b":0" });
        text
    }

    /// A multiple of the largest segment, with or without timestamps in it; of the largest
    /// packet; or a number of bytes.
    fn push_window(&self, text: &mut MarksText) {
        let window = u32::from(self.window);
        let multiple = |of: u32| (of != 0 && window.is_multiple_of(of)).then(|| window / of);
        if window != 0 && self.mss >= MSS_MIN {
            let stamped = self.timestamps.then(|| self.mss - TIMESTAMP_LEN);
            let whole = multiple(self.mss.into());
            let segments = whole.or_else(|| multiple(stamped?.into()));
            let headers = if self.version == 4 {
                HEADERS_V4
            } else {
                HEADERS_V6
            };
            let packets = || multiple(u32::from(self.mss) + headers);
            if let Some(number) = segments {
                text.push(b"mss*");
                return text.number(number);
            }
            if let Some(number) = packets() {
                text.push(b"mtu*");
                return text.number(number);
            }
        }
        text.number(window);
    }

    fn push_option(&self, kind: u8, text: &mut MarksText) {
        let name: &[u8] = match kind {
            0 => {
                text.push(b"eol+");
                return text.number(self.trailing.into());
            }
            1 => b"nop",
            2 => b"mss",
            3 => b"ws",
            4 => b"sok",
            5 => b"sack",
            8 => b"ts",
            other => {
                text.push(b"?");
                return text.number(other.into());
            }
        };
        text.push(name);
    }
}

/// The text of a stack's marks.
#[derive(Clone)]
pub struct MarksText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl MarksText {
    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, more: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + more.len()) {
            room.copy_from_slice(more);
            self.len += more.len();
        }
    }

    fn number(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut at = digits.len();
        let mut rest = number;
        while let Some(place) = at.checked_sub(1) {
            at = place;
            if let Some(digit) = digits.get_mut(place) {
                *digit = b'0' + (rest % 10) as u8;
            }
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.push(digits.get(at..).unwrap_or_default());
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
