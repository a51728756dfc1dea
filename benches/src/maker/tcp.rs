//! One made TCP connection: who talks, and the numbers of both directions. It keeps them right
//! and sends what it is told.

use super::device::End;
use super::frame::{Frame, TcpFields, tcp_flag};
use super::random::Random;

/// Maximum segment size on Ethernet with IPv4; IPv6 has 20 bytes less.
pub const SEGMENT_LEN_MAX: usize = 1460;

/// Number of the end that opened the connection, in arrays of both.
pub const ORIG: usize = 0;

/// Number of the end that was called.
pub const RESP: usize = 1;

/// A connection.
#[derive(Clone, Debug)]
pub struct Tcp {
    ends: [End; 2],
    seq: [u32; 2],
    ip_id: [u16; 2],
    window: u16,
}

impl Tcp {
    /// A connection that is not yet open.
    pub fn new(orig: End, resp: End, random: &mut Random) -> Self {
        let bits = random.bits();
        let ids = random.bits();
        Self {
            ends: [orig, resp],
            seq: [bits as u32, (bits >> 32) as u32],
            ip_id: [ids as u16, (ids >> 16) as u16],
            window: 0,
        }
    }

    /// Bytes of payload in a frame of this length.
    pub fn payload_len(&self, frame_len: usize) -> usize {
        frame_len.saturating_sub(14 + self.ends[ORIG].ip_header_len() + 20)
    }

    /// The first segment of a direction; SYN counts as one byte.
    pub fn syn(&mut self, from: usize, frame: &mut Frame) {
        let ack = if from == RESP { tcp_flag::ACK } else { 0 };
        // Maximum segment size, RFC 9293, 3.2.
        self.emit(from, tcp_flag::SYN | ack, &[2, 4, 0x05, 0xb4], &[], frame);
        self.seq[from] = self.seq[from].wrapping_add(1);
    }

    /// Data.
    pub fn data(&mut self, from: usize, payload: &[u8], frame: &mut Frame) {
        self.emit(from, tcp_flag::ACK | tcp_flag::PSH, &[], payload, frame);
        self.seq[from] = self.seq[from].wrapping_add(payload.len() as u32);
    }

    /// An acknowledgement of all there was.
    pub fn ack(&mut self, from: usize, frame: &mut Frame) {
        self.emit(from, tcp_flag::ACK, &[], &[], frame);
    }

    /// The last of a direction; FIN counts as one byte.
    pub fn fin(&mut self, from: usize, frame: &mut Frame) {
        self.emit(from, tcp_flag::FIN | tcp_flag::ACK, &[], &[], frame);
        self.seq[from] = self.seq[from].wrapping_add(1);
    }

    fn emit(&mut self, from: usize, flags: u8, options: &[u8], payload: &[u8], out: &mut Frame) {
        let to = 1 - from;
        self.ip_id[from] = self.ip_id[from].wrapping_add(1);
        self.window = self.window.wrapping_add(1);
        let ack = if flags & tcp_flag::ACK != 0 {
            self.seq[to]
        } else {
            0
        };
        let window = 0x7000 | self.window & 0x0fff;
        let fields = TcpFields {
            seq: self.seq[from],
            ack,
            flags,
            window,
            options,
        };
        out.tcp(
            &self.ends[from],
            &self.ends[to],
            self.ip_id[from],
            &fields,
            payload,
        );
    }
}
