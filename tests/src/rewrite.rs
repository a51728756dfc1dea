//! A capture as another mirror would have shown it: on other ports, in a VLAN, in an ERSPAN tunnel,
//! with segments out of order, in a file of the other byte order. It changes no payload. For
//! classic captures of Ethernet.

use std::fs;
use std::path::Path;

const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
const MAGICS: [u32; 2] = [0xa1b2_c3d4, 0xa1b2_3c4d];
const MACS_LEN: usize = 12;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// One packet: its time as it stands in the record, and its frame.
#[derive(Clone)]
struct Packet {
    time: [u8; 8],
    frame: Vec<u8>,
}

/// A capture in memory.
#[derive(Clone)]
pub struct Capture {
    header: Vec<u8>,
    packets: Vec<Packet>,
    big_endian: bool,
}

impl Capture {
    /// Reads a file; nothing where it is no classic capture in little-endian order.
    ///
    /// # Panics
    ///
    /// When the file can't be read, or ends inside a packet.
    pub fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).expect("a capture that can be read");
        let magic = u32::from_le_bytes(*bytes.first_chunk()?);
        if !MAGICS.contains(&magic) {
            return None;
        }
        let (header, mut rest) = bytes.split_at(FILE_HEADER_LEN);
        let mut packets = Vec::new();
        while let Some((record, after)) = rest.split_at_checked(RECORD_HEADER_LEN) {
            let len = u32::from_le_bytes(record[8..12].try_into().expect("four bytes"));
            let (frame, after) = after.split_at(len as usize);
            packets.push(Packet {
                time: record[..8].try_into().expect("eight bytes"),
                frame: frame.to_vec(),
            });
            rest = after;
        }
        Some(Self {
            header: header.to_vec(),
            packets,
            big_endian: false,
        })
    }

    /// Writes it as a file. Frames are as long as they were on the wire.
    ///
    /// # Panics
    ///
    /// When the file can't be written.
    pub fn write(&self, path: &Path) {
        let mut bytes = self.header.clone();
        // Tunnels make frames longer than any snap length that the file declared.
        bytes[16..20].copy_from_slice(&262_144u32.to_le_bytes());
        if self.big_endian {
            // The magic number, two parts of the version, then four words.
            for number in [0..4, 4..6, 6..8, 8..12, 12..16, 16..20, 20..24] {
                bytes[number].reverse();
            }
        }
        for packet in &self.packets {
            let len = (packet.frame.len() as u32).to_le_bytes();
            let mut record = [&packet.time[..], &len, &len].concat();
            if self.big_endian {
                record.chunks_exact_mut(4).for_each(<[u8]>::reverse);
            }
            bytes.extend(record);
            bytes.extend(&packet.frame);
        }
        fs::write(path, bytes).expect("a folder that can be written to");
    }

    /// The file's own numbers are written with their highest byte first.
    #[must_use]
    pub fn in_other_byte_order(mut self) -> Self {
        self.big_endian = true;
        self
    }

    /// Every port becomes another, each always the same one.
    #[must_use]
    pub fn on_other_ports(mut self) -> Self {
        for packet in &mut self.packets {
            let Some(at) = transport(&packet.frame) else {
                continue;
            };
            for port in packet.frame[at.ports..at.ports + 4].chunks_exact_mut(2) {
                let other = u16::from_be_bytes([port[0], port[1]]) ^ 0x5a5a;
                port.copy_from_slice(&other.to_be_bytes());
            }
        }
        self
    }

    /// Every frame gets this VLAN's tag.
    #[must_use]
    pub fn in_vlan(mut self, vlan: u16) -> Self {
        for Packet { frame, .. } in &mut self.packets {
            let tag = [0x81, 0x00, (vlan >> 8) as u8, vlan as u8];
            frame.splice(MACS_LEN..MACS_LEN, tag);
        }
        self
    }

    /// Every frame travels in ERSPAN type II, from one switch to one sensor.
    #[must_use]
    pub fn in_erspan(mut self) -> Self {
        for (number, packet) in self.packets.iter_mut().enumerate() {
            let number = number as u32;
            let mut outer = vec![0x02, 0, 0, 0, 0, 0xf1, 0x02, 0, 0, 0, 0, 0xf0, 0x08, 0x00];
            let total = (20 + 8 + 8 + packet.frame.len()) as u16;
            outer.extend([0x45, 0]);
            outer.extend(total.to_be_bytes());
            outer.extend((number as u16).to_be_bytes());
            outer.extend([0x00, 0x00, 64, 47, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
            // GRE with a sequence number, then ERSPAN II: version 1, session 7.
            outer.extend([0x10, 0x00, 0x88, 0xbe]);
            outer.extend(number.to_be_bytes());
            outer.extend([0x10, 0x00, 0x00, 0x07, 0, 0, 0, 0]);
            outer.append(&mut packet.frame);
            packet.frame = outer;
        }
        self
    }

    /// Neighbours of one direction of a TCP connection change places, pair by pair.
    #[must_use]
    pub fn out_of_order(mut self) -> Self {
        let mut at = 0;
        while at + 1 < self.packets.len() {
            let (here, next) = (&self.packets[at].frame, &self.packets[at + 1].frame);
            let swaps = matches!(
                (segment(here), segment(next)),
                (Some(one), Some(other)) if one == other
            );
            if swaps {
                // The times stay: only the frames came otherwise.
                let (head, tail) = self.packets.split_at_mut(at + 1);
                std::mem::swap(&mut head[at].frame, &mut tail[0].frame);
                at += 1;
            }
            at += 1;
        }
        self
    }
}

/// Where a frame's transport is.
struct Transport {
    protocol: u8,
    network: usize,
    ports: usize,
}

/// IPv4 straight on Ethernet, not a fragment behind the first.
fn transport(frame: &[u8]) -> Option<Transport> {
    let network = MACS_LEN + 2;
    if frame.get(MACS_LEN..network)? != [0x08, 0x00] {
        return None;
    }
    let header = frame.get(network..network + 20)?;
    let protocol = header[9];
    let ports = network + usize::from(header[0] & 15) * 4;
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    (matches!(protocol, TCP | UDP) && fragment == 0 && frame.len() >= ports + 8).then_some(
        Transport {
            protocol,
            network,
            ports,
        },
    )
}

/// The addresses and ports of a TCP segment that carries payload and neither opens nor ends.
fn segment(frame: &[u8]) -> Option<Vec<u8>> {
    let at = transport(frame).filter(|at| at.protocol == TCP)?;
    let tcp = frame.get(at.ports..)?;
    let total = u16::from_be_bytes([frame[at.network + 2], frame[at.network + 3]]);
    let headers = at.ports - at.network + usize::from(tcp.get(12)? >> 4) * 4;
    let flags = *tcp.get(13)?;
    let addresses = frame.get(at.network + 12..at.network + 20)?;
    (usize::from(total) > headers && flags & 7 == 0)
        .then(|| [addresses, tcp.get(..4).unwrap_or_default()].concat())
}
