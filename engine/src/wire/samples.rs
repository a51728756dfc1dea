//! Frames for the tests, put together from literal headers. It makes nothing that a real stack
//! would not send, except where a test asks for it.

use super::{Headers, LinkType, Span, TCP, UDP, ethernet as types};

/// The outer frame's receiver and sender, and the inner frame's.
pub const OUTER_MACS: [u8; 12] = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
pub const INNER_MACS: [u8; 12] = [0x00, 0x1b, 0x21, 0, 0, 1, 0x00, 0x1b, 0x21, 0, 0, 2];

/// Ethernet header before `payload`.
pub fn ethernet(macs: [u8; 12], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&macs[..], &ether_type.to_be_bytes(), payload].concat()
}

/// A tag's control and the next type before `payload`.
pub fn tag(control: u16, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [
        &control.to_be_bytes()[..],
        &ether_type.to_be_bytes(),
        payload,
    ]
    .concat()
}

/// IPv4 from 10.0.0.1 to 10.0.0.2 with a right checksum.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len() as u16).to_be_bytes();
    let mut bytes = vec![
        0x45, 0, total[0], total[1], 0xab, 0xcd, 0x40, 0, 64, protocol, 0, 0,
    ];
    bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    let words = bytes.chunks(2);
    let sum: u32 = words
        .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])))
        .sum();
    let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// IPv6 from fd00::1 to fd00::2.
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    let mut bytes = vec![0x60, 0, 0, 0, len[0], len[1], next, 63];
    for last in [1, 2] {
        bytes.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    bytes.extend(payload);
    bytes
}

/// UDP with checksum 0xbeef.
pub fn udp(src: u16, dst: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let header = [src, dst, len, 0xbeef].map(u16::to_be_bytes).concat();
    [&header[..], payload].concat()
}

/// TCP from 40000 to 104, sequence 1000, acknowledgement 2000, PSH and ACK, window 501.
pub fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = [
        0x9c, 0x40, 0, 104, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 0x50, 0x18, 1, 0xf5, 0xca, 0xfe, 0, 0,
    ];
    [&header[..], payload].concat()
}

/// LLC and SNAP before `payload`.
pub fn snap(oui: [u8; 3], protocol: u16, payload: &[u8]) -> Vec<u8> {
    [&[0xaa, 0xaa, 3][..], &oui, &protocol.to_be_bytes(), payload].concat()
}

/// IPv4, TCP and four bytes.
pub fn packet() -> Vec<u8> {
    ipv4(6, &tcp(b"data"))
}

/// [`packet`] in an inner Ethernet frame.
pub fn frame() -> Vec<u8> {
    ethernet(INNER_MACS, 0x0800, &packet())
}

/// `payload` in UDP in IPv4 in an outer Ethernet frame.
pub fn over_udp(dst: u16, payload: &[u8]) -> Vec<u8> {
    over_ip(17, &udp(50000, dst, payload))
}

/// `payload` in IPv4 in an outer Ethernet frame.
pub fn over_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(OUTER_MACS, 0x0800, &ipv4(protocol, payload))
}

/// Reads a whole Ethernet frame that must be good, after all its truncations survived.
pub fn read(frame: &[u8]) -> Headers {
    read_as(frame, LinkType::Ethernet)
}

/// As [`read`], for any link.
pub fn read_as(frame: &[u8], link: LinkType) -> Headers {
    for len in 0..frame.len() {
        for wire_len in [len, frame.len()] {
            let prefix = &frame[..len];
            if let Ok(headers) = Headers::parse(prefix, wire_len as u32, link) {
                check_spans(&headers, prefix);
            }
        }
    }
    let headers = Headers::parse(frame, frame.len() as u32, link).unwrap();
    check_spans(&headers, frame);
    headers
}

/// Spans lie in the frame, and lengths agree.
pub fn check_spans(headers: &Headers, frame: &[u8]) {
    let Span { start, len } = headers.payload;
    assert!((start + len) as usize <= frame.len());
    assert!(headers.transport_start <= start);
    assert_eq!(headers.cut, len < headers.payload_wire_len);
    assert!(len <= headers.payload_wire_len);
    assert!(headers.tunnels <= crate::config::TUNNEL_DEPTH_MAX);
}

/// Asserts that these are [`packet`]'s headers.
pub fn assert_packet(headers: &Headers, frame: &[u8]) {
    let addresses = (headers.src_address(), headers.dst_address());
    let expected = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
    assert_eq!(addresses, expected);
    assert_eq!((headers.src_port, headers.dst_port), (40000, 104));
    assert_eq!((headers.seq, headers.ack), (1000, 2000));
    assert_eq!((headers.window, headers.tcp_flags), (501, 0x18));
    assert_eq!((headers.checksum, headers.ip_id), (0xcafe, 0xabcd));
    assert_eq!((headers.ttl, headers.ip_protocol), (64, 6));
    assert_eq!(headers.payload.of(frame), b"data");
    assert_eq!((headers.payload_wire_len, headers.cut), (4, false));
}

/// Frames that are read in one line.
pub fn plain_frames() -> Vec<Vec<u8>> {
    let data = &b"data"[..];
    let packets = [
        (types::IPV4, ipv4(TCP, &tcp(data))),
        (types::IPV4, ipv4(UDP, &udp(50_000, 53, data))),
        // Bytes behind a datagram are not its own.
        (
            types::IPV4,
            ipv4(UDP, &[&udp(50_000, 53, data)[..], data].concat()),
        ),
        (types::IPV6, ipv6(TCP, &tcp(&[]))),
        (types::IPV6, ipv6(UDP, &udp(68, 67, &[]))),
    ];
    let frames = packets.iter().flat_map(|(ether_type, packet)| {
        let tagged = tag(210, *ether_type, packet);
        [
            ethernet(OUTER_MACS, *ether_type, packet),
            ethernet(OUTER_MACS, types::VLAN, &tagged),
        ]
    });
    frames.collect()
}

/// Gives any bytes to a check, and what they make of a plain frame: the first says which, each pair
/// of the others what stands where.
pub fn each_variant(bytes: &[u8], frames: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    check(bytes);
    let Some((which, changes)) = bytes.split_first() else {
        return;
    };
    let mut frame = frames[usize::from(*which) % frames.len()].clone();
    for change in changes.chunks_exact(2) {
        let at = usize::from(change[0]) % frame.len();
        frame[at] = change[1];
        check(&frame);
    }
}
