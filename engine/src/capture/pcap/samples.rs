//! Captures made of literal parts, for tests. Not a writer: it refuses nothing.

/// Byte order of a made capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn half(self, half: u16) -> [u8; 2] {
        match self {
            Self::Little => half.to_le_bytes(),
            Self::Big => half.to_be_bytes(),
        }
    }

    pub(super) fn word(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

/// Grows a pcap file.
pub(super) struct PcapFile {
    order: Order,
    pub(super) bytes: Vec<u8>,
}

impl PcapFile {
    pub(super) fn new(order: Order, magic: u32, link: u32) -> Self {
        Self::with_version(order, magic, 2, 4, link)
    }

    pub(super) fn with_version(
        order: Order,
        magic: u32,
        major: u16,
        minor: u16,
        link: u32,
    ) -> Self {
        let mut bytes = order.word(magic).to_vec();
        bytes.extend(order.half(major));
        bytes.extend(order.half(minor));
        bytes.extend([0; 8]);
        bytes.extend(order.word(262_144));
        bytes.extend(order.word(link));
        Self { order, bytes }
    }

    /// A record; `extra` stands between its header and its frame.
    pub(super) fn record(mut self, words: [u32; 4], extra: &[u8], frame: &[u8]) -> Self {
        for word in words {
            self.bytes.extend(self.order.word(word));
        }
        self.bytes.extend(extra);
        self.bytes.extend(frame);
        self
    }

    pub(super) fn frame(self, seconds: u32, fraction: u32, frame: &[u8]) -> Self {
        let len = frame.len() as u32;
        self.record([seconds, fraction, len, len], &[], frame)
    }
}

/// A little-endian microsecond pcap file of Ethernet with one frame for each `(time µs, frame)`.
pub(super) fn pcap(frames: &[(u64, &[u8])]) -> Vec<u8> {
    let mut file = PcapFile::new(Order::Little, 0xa1b2_c3d4, 1);
    for &(time_us, frame) in frames {
        file = file.frame(
            (time_us / 1_000_000) as u32,
            (time_us % 1_000_000) as u32,
            frame,
        );
    }
    file.bytes
}

/// Grows a pcapng file.
pub(super) struct NgFile {
    order: Order,
    pub(super) bytes: Vec<u8>,
}

impl NgFile {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            bytes: Vec::new(),
        }
        .section(order)
    }

    pub(super) fn section(mut self, order: Order) -> Self {
        self.order = order;
        let mut body = order.word(0x1a2b_3c4d).to_vec();
        body.extend(order.half(1));
        body.extend(order.half(0));
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let len = self.order.word(12 + body.len().next_multiple_of(4) as u32);
        self.bytes.extend(self.order.word(kind));
        self.bytes.extend(len);
        self.bytes.extend(body);
        let padding = body.len().next_multiple_of(4) - body.len();
        self.bytes.extend(std::iter::repeat_n(0, padding));
        self.bytes.extend(len);
        self
    }

    pub(super) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Self {
        let order = self.order;
        let mut body = order.half(link).to_vec();
        body.extend([0; 2]);
        body.extend(order.word(snaplen));
        for (code, value) in options {
            body.extend(order.half(*code));
            body.extend(order.half(value.len() as u16));
            body.extend(*value);
            let padding = value.len().next_multiple_of(4) - value.len();
            body.extend(std::iter::repeat_n(0, padding));
        }
        if !options.is_empty() {
            body.extend([0; 4]);
        }
        self.block(1, &body)
    }

    pub(super) fn enhanced(self, interface: u32, ticks: u64, wire_len: u32, frame: &[u8]) -> Self {
        let mut body = self.order.word(interface).to_vec();
        body.extend(self.times_and_lengths(ticks, wire_len, frame));
        self.block(6, &body)
    }

    pub(super) fn obsolete(self, interface: u16, ticks: u64, wire_len: u32, frame: &[u8]) -> Self {
        let mut body = self.order.half(interface).to_vec();
        body.extend(self.order.half(7));
        body.extend(self.times_and_lengths(ticks, wire_len, frame));
        self.block(2, &body)
    }

    pub(super) fn simple(self, wire_len: u32, frame: &[u8]) -> Self {
        let mut body = self.order.word(wire_len).to_vec();
        body.extend(frame);
        self.block(3, &body)
    }

    fn times_and_lengths(&self, ticks: u64, wire_len: u32, frame: &[u8]) -> Vec<u8> {
        let words = [
            (ticks >> 32) as u32,
            ticks as u32,
            frame.len() as u32,
            wire_len,
        ];
        let mut bytes: Vec<u8> = words.into_iter().flat_map(|w| self.order.word(w)).collect();
        bytes.extend(frame);
        bytes
    }
}

/// A pcapng file with several kinds of blocks and four frames, at 1, 2, 2 and 3 seconds.
pub(super) fn small_pcapng(order: Order) -> Vec<u8> {
    NgFile::new(order)
        .interface(1, 0, &[(2, b"eth0")])
        .enhanced(0, 1_000_000, 5, b"first")
        .block(0x0000_0bad, b"a block of another kind")
        .obsolete(0, 2_000_000, 100, b"second")
        .simple(5, b"third")
        .enhanced(0, 3_000_000, 6, b"fourth")
        .bytes
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}
