//! Builds frames: Ethernet, IPv4 and IPv6, TCP and UDP, with valid checksums. It knows no
//! conversation.

use std::net::IpAddr;

use super::device::End;

/// Bytes of an Ethernet header.
pub const ETHERNET_LEN: usize = 14;

/// Bytes of a TCP header without options.
pub const TCP_LEN: usize = 20;

/// Bytes of a UDP header.
pub const UDP_LEN: usize = 8;

/// The smallest frame, without its frame check sequence of 4 bytes: shorter ones are padded.
pub const FRAME_LEN_MIN: usize = 60;

/// Bits of the flags byte of a TCP header, RFC 9293.
pub mod tcp_flag {
    /// No more data.
    pub const FIN: u8 = 1;
    /// First of a direction.
    pub const SYN: u8 = 2;
    /// Deliver now.
    pub const PSH: u8 = 8;
    /// The acknowledgement counts.
    pub const ACK: u8 = 16;
}

/// What a TCP header says beside the ports.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpFields<'a> {
    /// Number of the first byte.
    pub seq: u32,
    /// Number of the byte expected.
    pub ack: u32,
    /// See [`tcp_flag`].
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// Options, a multiple of four bytes, at most 40.
    pub options: &'a [u8],
}

/// One frame, reused for the next.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    bytes: Vec<u8>,
}

impl Frame {
    /// An empty frame.
    pub fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(2048),
        }
    }

    /// The frame as captured.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes bytes made before.
    pub fn copy_from(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }

    /// A frame with any content, padded to the least length of a frame.
    pub fn ethernet(&mut self, src: [u8; 6], dst: [u8; 6], ether_type: u16, payload: &[u8]) {
        self.link(src, dst, ether_type);
        self.bytes.extend_from_slice(payload);
        self.pad();
    }

    /// A UDP datagram. `ip_id` is used by IPv4 alone.
    pub fn udp(&mut self, from: &End, to: &End, ip_id: u16, payload: &[u8]) {
        let len = UDP_LEN + payload.len();
        let sum = self.network(from, to, 17, ip_id, len);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&from.port.to_be_bytes());
        self.bytes.extend_from_slice(&to.port.to_be_bytes());
        self.bytes.extend_from_slice(&(len as u16).to_be_bytes());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(payload);
        let checksum = match fold(add(sum, &self.bytes[start..])) {
            0 => 0xffff,
            other => other,
        };
        self.bytes[start + 6..start + 8].copy_from_slice(&checksum.to_be_bytes());
        self.pad();
    }

    /// A TCP segment. `ip_id` is used by IPv4 alone.
    pub fn tcp(&mut self, from: &End, to: &End, ip_id: u16, tcp: &TcpFields<'_>, payload: &[u8]) {
        let header_len = TCP_LEN + tcp.options.len();
        let sum = self.network(from, to, 6, ip_id, header_len + payload.len());
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&from.port.to_be_bytes());
        self.bytes.extend_from_slice(&to.port.to_be_bytes());
        self.bytes.extend_from_slice(&tcp.seq.to_be_bytes());
        self.bytes.extend_from_slice(&tcp.ack.to_be_bytes());
        self.bytes
            .extend_from_slice(&[(header_len as u8 / 4) << 4, tcp.flags]);
        self.bytes.extend_from_slice(&tcp.window.to_be_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(tcp.options);
        self.bytes.extend_from_slice(payload);
        let checksum = fold(add(sum, &self.bytes[start..]));
        self.bytes[start + 16..start + 18].copy_from_slice(&checksum.to_be_bytes());
        self.pad();
    }

    fn link(&mut self, src: [u8; 6], dst: [u8; 6], ether_type: u16) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&dst);
        self.bytes.extend_from_slice(&src);
        self.bytes.extend_from_slice(&ether_type.to_be_bytes());
    }

    /// Link and network header; the sum of the pseudo-header.
    fn network(&mut self, from: &End, to: &End, protocol: u8, ip_id: u16, len: usize) -> u64 {
        let sum = u64::from(protocol) + len as u64;
        match (from.address, to.address) {
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                self.link(from.mac, to.mac, 0x86dd);
                let [a, b] = (len as u16).to_be_bytes();
                self.bytes
                    .extend_from_slice(&[0x60, 0, 0, 0, a, b, protocol, 64]);
                self.bytes.extend_from_slice(&src.octets());
                self.bytes.extend_from_slice(&dst.octets());
                add(add(sum, &src.octets()), &dst.octets())
            }
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                self.link(from.mac, to.mac, 0x0800);
                let start = self.bytes.len();
                let [a, b] = (20 + len as u16).to_be_bytes();
                let [c, d] = ip_id.to_be_bytes();
                self.bytes
                    .extend_from_slice(&[0x45, 0, a, b, c, d, 0x40, 0, 64, protocol, 0, 0]);
                self.bytes.extend_from_slice(&src.octets());
                self.bytes.extend_from_slice(&dst.octets());
                let checksum = fold(add(0, &self.bytes[start..]));
                self.bytes[start + 10..start + 12].copy_from_slice(&checksum.to_be_bytes());
                add(add(sum, &src.octets()), &dst.octets())
            }
            _ => panic!("both ends of a packet have addresses of one family"),
        }
    }

    fn pad(&mut self) {
        if self.bytes.len() < FRAME_LEN_MIN {
            self.bytes.resize(FRAME_LEN_MIN, 0);
        }
    }
}

/// Adds bytes to an Internet checksum, RFC 1071. All but the last call give an even count.
pub fn add(sum: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words
        .iter()
        .fold(sum, |sum, word| sum + u64::from(u32::from_be_bytes(*word)));
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    sum + u64::from(u32::from_be_bytes(last))
}

/// The checksum of a sum; 0 where the sum already held a valid one.
pub fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 1071, section 3.
    #[test]
    fn checksum_of_rfc_1071() {
        assert_eq!(
            fold(add(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])),
            !0xddf2
        );
        assert_eq!(fold(add(0, &[0x12, 0x34, 0x56])), !(0x1234 + 0x5600));
    }
}
