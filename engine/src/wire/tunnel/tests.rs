use super::super::LinkType;
use super::super::samples::*;
use super::*;

const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0x13, 0x89, 0];

/// Every port that a tunnel uses.
const PORTS: [u16; 11] = [
    1701, 2152, 3544, 4754, 4789, 4790, 5247, 6081, 6635, 8472, 37008,
];

/// Reads a tunnel that carries [`frame`]: everything must be the inner frame's.
fn assert_opens(bytes: &[u8]) -> Headers {
    let headers = read(bytes);
    assert_packet(&headers, bytes);
    assert_eq!(headers.tunnels, 1);
    headers
}

fn assert_opens_frame(bytes: &[u8]) {
    let headers = assert_opens(bytes);
    assert_eq!(headers.dst_mac, INNER_MACS[..6]);
    assert_eq!(headers.src_mac, INNER_MACS[6..]);
    assert_eq!((headers.vlan, headers.ether_type), (0, 0x0800));
}

fn assert_opens_packet(bytes: &[u8]) {
    let headers = assert_opens(bytes);
    assert_eq!((headers.dst_mac, headers.src_mac), ([0; 6], [0; 6]));
    assert_eq!((headers.vlan, headers.ether_type), (0, 0));
}

fn gre(header: &[u8], inside: &[u8]) -> Vec<u8> {
    over_ip(47, &[header, inside].concat())
}

#[test]
fn vxlan_carries_a_frame() {
    let inside = [&VXLAN[..], &frame()].concat();
    assert_opens_frame(&over_udp(4789, &inside));
    assert_opens_frame(&over_udp(8472, &inside));
    let tagged = ethernet(INNER_MACS, 0x8100, &tag(210, 0x0800, &packet()));
    let bytes = over_udp(4789, &[&VXLAN[..], &tagged].concat());
    assert_eq!(assert_opens(&bytes).vlan, 210);
}

#[test]
fn a_port_is_no_proof() {
    let noise = [0x5a; 60];
    let no_identifier = [&[0; 8][..], &frame()].concat();
    let unknown = [&VXLAN[..], &ethernet(INNER_MACS, 0x1234, &noise)].concat();
    let mut broken = [&VXLAN[..], &frame()].concat();
    broken[22] = 0x15;
    for payload in [&noise[..], &no_identifier, &unknown, &broken, &[]] {
        for port in PORTS {
            let bytes = over_udp(port, payload);
            let headers = read(&bytes);
            assert_eq!((headers.tunnels, headers.dst_port), (0, port));
            assert_eq!(headers.payload.of(&bytes), payload);
            assert_eq!(headers.src_mac, OUTER_MACS[6..]);
        }
    }
}

#[test]
fn frames_without_ip() {
    let lldp = ethernet(INNER_MACS, 0x88cc, &[2, 7, 4]);
    let bytes = over_udp(4789, &[&VXLAN[..], &lldp].concat());
    let headers = read(&bytes);
    assert_eq!((headers.tunnels, headers.ether_type), (1, 0x88cc));
    assert_eq!(headers.payload.of(&bytes), [2, 7, 4]);
    let tree = ethernet(INNER_MACS, 4, &[0x42, 0x42, 3, 0]);
    let bytes = over_udp(4789, &[&VXLAN[..], &tree].concat());
    assert_eq!(read(&bytes).tunnels, 1);
    let cdp = ethernet(INNER_MACS, 9, &snap([0, 0, 0x0c], 0x2000, &[2]));
    let bytes = over_udp(4789, &[&VXLAN[..], &cdp].concat());
    let headers = read(&bytes);
    assert_eq!((headers.tunnels, headers.snap_oui), (1, 0x0c));
}

#[test]
fn geneve() {
    let inside = [&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 9, 9, 9, 9][..], &frame()].concat();
    assert_opens_frame(&over_udp(6081, &inside));
    let inside = [&[0, 0, 8, 0, 0, 0, 7, 0][..], &packet()].concat();
    assert_opens_packet(&over_udp(6081, &inside));
}

#[test]
fn gre_with_ip_frames_and_labels() {
    assert_opens_packet(&gre(&[0, 0, 8, 0], &packet()));
    let header = [0xb0, 0, 8, 0, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3];
    assert_opens_packet(&gre(&header, &packet()));
    assert_opens_frame(&gre(&[0, 0, 0x65, 0x58], &frame()));
    // NVGRE, RFC 7637.
    assert_opens_frame(&gre(&[0x20, 0, 0x65, 0x58, 0, 0x13, 0x89, 0], &frame()));
    let labels = [&[0, 1, 1, 64][..], &packet()].concat();
    assert_opens_packet(&gre(&[0, 0, 0x88, 0x47], &labels));
    let v6 = ipv6(17, &udp(5, 6, b"x"));
    let bytes = gre(&[0, 0, 0x86, 0xdd], &v6);
    assert_eq!(read(&bytes).src_address(), "fd00::1".parse().ok());
}

#[test]
fn gre_that_is_not_opened() {
    let pptp = [0x30, 1, 0x88, 0x0b, 0, 40, 0, 1, 0, 0, 0, 0];
    let routed = [0x40, 0, 8, 0, 0, 0, 0, 0];
    for header in [&pptp[..], &routed, &[0, 0, 0, 0], &[0, 0, 8, 0]] {
        let bytes = gre(header, &[0x5a; 40]);
        let headers = read(&bytes);
        assert_eq!((headers.tunnels, headers.ip_protocol), (0, 47));
        assert_eq!(headers.payload.len as usize, header.len() + 40);
    }
}

#[test]
fn erspan() {
    assert_opens_frame(&gre(&[0, 0, 0x88, 0xbe], &frame()));

    let mut two = [
        0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0xd2, 0x18, 0x64, 0, 0, 0, 1,
    ];
    assert_opens_frame(&gre(&two, &frame()));
    two[10] = 0x10;
    assert_eq!(assert_opens(&gre(&two, &frame())).vlan, 210);
    let tagged = ethernet(INNER_MACS, 0x8100, &tag(9, 0x0800, &packet()));
    assert_eq!(assert_opens(&gre(&two, &tagged)).vlan, 9);

    let mut three = [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..], &[0; 12]].concat();
    three[8] = 0x20;
    assert_opens_frame(&gre(&three, &frame()));
    three[18] = 2 << 2;
    assert_opens_packet(&gre(&three, &packet()));
    three[18] = 0;
    three[19] = 1;
    let inside = [&[0; 8][..], &frame()].concat();
    assert_opens_frame(&gre(&three, &inside));
}

#[test]
fn labels() {
    let outer = |inside: &[u8]| {
        let stack = [0, 1, 0, 64, 0, 2, 1, 63];
        ethernet(OUTER_MACS, 0x8847, &[&stack[..], inside].concat())
    };
    for (inside, network) in [
        (packet(), Network::V4),
        (ipv6(6, &tcp(b"data")), Network::V6),
    ] {
        let bytes = outer(&inside);
        let headers = read(&bytes);
        assert_eq!((headers.network, headers.dst_port), (network, 104));
        assert_eq!((headers.tunnels, headers.ether_type), (0, 0x8847));
        assert_eq!(headers.src_mac, OUTER_MACS[6..]);
    }
    // A pseudowire with and without control word; and with addresses that look like IP.
    assert_opens_frame(&outer(&frame()));
    assert_opens_frame(&outer(&[&[0, 0, 0, 5][..], &frame()].concat()));
    for first in [0x46, 0x60] {
        let mut macs = INNER_MACS;
        macs[0] = first;
        let bytes = outer(&ethernet(macs, 0x0800, &packet()));
        let headers = assert_opens(&bytes);
        assert_eq!(headers.dst_mac[0], first);
    }
    let bytes = outer(&[0x5a; 30]);
    let headers = read(&bytes);
    assert_eq!((headers.tunnels, headers.network), (0, Network::None));
    assert_eq!(headers.payload.of(&bytes), &bytes[14..]);
}

#[test]
fn frames_in_frames() {
    for (ether_type, service) in [(0x88e7, &[0, 0, 0, 7][..]), (0x8903, &[0, 0x20])] {
        let outer = |inside: &[u8]| ethernet(OUTER_MACS, ether_type, &[service, inside].concat());
        assert_opens_frame(&outer(&frame()));
        let tagged = ethernet(
            OUTER_MACS,
            0x88a8,
            &tag(5, ether_type, &[service, &frame()].concat()),
        );
        assert_opens_frame(&tagged);
        let bytes = outer(&[0x5a; 60]);
        let headers = read(&bytes);
        assert_eq!((headers.tunnels, headers.ether_type), (0, ether_type));
        // Frame in frame in frame: as deep as any tunnel.
        let mut inside = frame();
        for _ in 0..200 {
            inside = outer(&inside);
        }
        let headers = Headers::parse(&inside, inside.len() as u32, LinkType::Ethernet).unwrap();
        assert!(headers.too_deep);
        assert_eq!(headers.tunnels, TUNNEL_DEPTH_MAX);
    }
}

#[test]
fn pppoe() {
    let outer = |protocol: u16, inside: &[u8]| {
        let len = inside.len() as u16 + 2;
        let header = [0x1100, 0x1234, len, protocol]
            .map(u16::to_be_bytes)
            .concat();
        ethernet(
            OUTER_MACS,
            0x8864,
            &[&header[..], inside, &[0xee; 4]].concat(),
        )
    };
    let bytes = outer(0x0021, &packet());
    let headers = read(&bytes);
    assert_packet(&headers, &bytes);
    assert_eq!((headers.tunnels, headers.ether_type), (0, 0x8864));
    assert_eq!(headers.src_mac, OUTER_MACS[6..]);
    assert_eq!(
        read(&outer(0x0057, &ipv6(6, &tcp(b"")))).network,
        Network::V6
    );
    assert_eq!(read(&outer(0xc021, &[1, 1, 0, 4])).network, Network::None);
}

#[test]
fn wireless_stations() {
    let bridged = [&[0, 0x10, 2, 0, 0, 0, 0, 0][..], &frame()].concat();
    assert_opens_frame(&over_udp(5247, &bridged));

    // From a station, through its access point, to the inner frame's receiver.
    let wireless = |control: [u8; 2]| {
        let mut frame = vec![control[0], control[1], 0, 0, 9, 9, 9, 9, 9, 9];
        frame.extend(&INNER_MACS[6..]);
        frame.extend(&INNER_MACS[..6]);
        frame.extend([0x10, 0]);
        frame.extend(snap([0, 0, 0], 0x0800, &packet()));
        [&[0, 0x10, 0x43, 0, 0, 0, 0, 0][..], &frame].concat()
    };
    assert_opens_frame(&over_udp(5247, &wireless([0x08, 0x01])));
    assert_opens_frame(&over_udp(5247, &wireless([0x01, 0x08])));
    let aruba = &wireless([0x08, 0x01])[8..];
    assert_opens_frame(&gre(&[0, 0, 0x82, 0], aruba));
    let from_controller = over_ip(17, &udp(5247, 50000, &wireless([0x08, 0x01])));
    assert_opens_frame(&from_controller);
    let encrypted = over_udp(5247, &wireless([0x08, 0x41]));
    assert_eq!(read(&encrypted).tunnels, 0);
}

#[test]
fn ip_in_ip() {
    assert_opens_packet(&over_ip(4, &packet()));
    let bytes = over_ip(41, &ipv6(17, &udp(5, 6, b"x")));
    let headers = read(&bytes);
    assert_eq!((headers.tunnels, headers.src_port), (1, 5));
    let bytes = ethernet(OUTER_MACS, 0x86dd, &ipv6(4, &packet()));
    assert_opens_packet(&bytes);
    assert_eq!(read(&over_ip(4, &[0x60; 40])).tunnels, 0);
}

/// IPv6 with UDP in it, from fd00::1 to fd00::2.
fn packet_v6() -> Vec<u8> {
    ipv6(17, &udp(5, 6, b"x"))
}

fn assert_opens_v6(bytes: &[u8]) {
    let headers = read(bytes);
    assert_eq!(headers.src_address(), "fd00::1".parse().ok());
    assert_eq!(
        (headers.src_port, headers.dst_port, headers.tunnels),
        (5, 6, 1)
    );
    assert_eq!(headers.payload.of(bytes), b"x");
}

/// Bytes that stay what they are: the outer datagram, and all of its payload.
fn assert_stands(bytes: &[u8]) {
    let headers = read(bytes);
    assert_eq!((headers.tunnels, headers.network), (0, Network::V4));
    assert_eq!(headers.src_mac, OUTER_MACS[6..]);
    let payload = headers.payload.of(bytes);
    let before = if headers.ip_protocol == 17 { 42 } else { 34 };
    assert_eq!(payload, &bytes[before..]);
}

#[test]
fn mobile_network() {
    let len = packet().len() as u16;
    let gtp = |flags: u8, kind: u8, len: u16, options: &[u8]| {
        let len = (len + options.len() as u16).to_be_bytes();
        let header = [flags, kind, len[0], len[1], 0, 0, 0, 9];
        over_udp(2152, &[&header[..], options, &packet()].concat())
    };
    assert_opens_packet(&gtp(0x30, 255, len, &[]));
    assert_opens_packet(&gtp(0x32, 255, len, &[0, 7, 0, 0]));
    assert_opens_packet(&gtp(0x34, 255, len, &[0, 0, 0, 0x85, 1, 0, 9, 0]));
    // Another message, GTP', a length beyond the datagram.
    assert_stands(&gtp(0x30, 1, len, &[]));
    assert_stands(&gtp(0x20, 255, len, &[]));
    assert_stands(&gtp(0x30, 255, len + 1, &[]));
}

#[test]
fn ppp_in_gre() {
    let ppp = [&[0xff, 3, 0, 0x21][..], &packet()].concat();
    assert_opens_packet(&gre(&[0, 0, 0x88, 0x0b], &ppp));
    let len = ppp.len() as u8;
    let pptp = [0x30, 0x81, 0x88, 0x0b, 0, len, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    assert_opens_packet(&gre(&pptp, &ppp));
    let short = [&[0x21][..], &packet()].concat();
    let header = [0x30, 1, 0x88, 0x0b, 0, short.len() as u8, 0, 1, 0, 0, 0, 1];
    assert_opens_packet(&gre(&header, &short));
    // Compressed or encrypted, a negotiation, an address that the checksum does not bear out.
    assert_stands(&gre(&pptp, &[&[0xff, 3, 0, 0xfd][..], &packet()].concat()));
    assert_stands(&gre(&pptp, &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]));
    let mut wrong = ppp;
    wrong[4 + 12] ^= 1;
    assert_stands(&gre(&pptp, &wrong));
}

#[test]
fn datagrams_with_gre_and_labels() {
    let inside = [&[0, 0, 8, 0][..], &packet()].concat();
    assert_opens_packet(&over_udp(4754, &inside));
    let inside = [&[0x20, 0, 0x65, 0x58, 0, 0, 0, 1][..], &frame()].concat();
    assert_opens_frame(&over_udp(4754, &inside));
    let inside = [&[0, 1, 1, 64][..], &packet()].concat();
    assert_opens_packet(&over_udp(6635, &inside));
    assert_opens_packet(&over_ip(137, &inside));
    assert_stands(&over_udp(6635, &[&[0, 1, 0, 64][..], &[0x5a; 60]].concat()));
}

#[test]
fn layer_two_tunnels() {
    let ppp = [&[0xff, 3, 0, 0x21][..], &packet()].concat();
    let two = [&[0, 2, 0, 7, 0, 9][..], &ppp].concat();
    assert_opens_packet(&over_udp(1701, &two));
    assert_opens_packet(&over_ip(17, &udp(1701, 50000, &two)));
    let v6 = [&[0, 2, 0, 7, 0, 9, 0, 0x57][..], &packet_v6()].concat();
    assert_opens_v6(&over_udp(1701, &v6));
    for shim in 0..4 {
        let shim = vec![0xc5; shim * 4];
        let three = [&[0, 0, 0, 5][..], &shim, &frame()].concat();
        assert_opens_frame(&over_ip(115, &three));
        let three = [&[0, 3, 0, 0][..], &three].concat();
        assert_opens_frame(&over_udp(1701, &three));
    }
    assert_opens_frame(&over_ip(97, &[&[0x30, 0][..], &frame()].concat()));
    // Control messages, another version, no frame.
    let control = [&[0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0][..], &ppp].concat();
    assert_stands(&over_udp(1701, &control));
    assert_stands(&over_ip(115, &[&[0; 4][..], &frame()].concat()));
    assert_stands(&over_ip(115, &[&[0, 0, 0, 5][..], &[0x5a; 80]].concat()));
    assert_stands(&over_ip(97, &[&[0x40, 0][..], &frame()].concat()));
    assert_stands(&over_ip(97, &[]));
}

#[test]
fn teredo() {
    let origin = [0, 0, 0xf2, 0x27, 0x3f, 0x57, 0xfe, 0xfd];
    let with_origin = [&origin[..], &packet_v6()].concat();
    assert_opens_v6(&over_udp(3544, &packet_v6()));
    assert_opens_v6(&over_ip(17, &udp(3544, 50000, &with_origin)));
    let authenticated = [&[0, 1, 0, 0][..], &[5; 8], &[0], &with_origin].concat();
    assert_opens_v6(&over_udp(3544, &authenticated));
    // IPv4, a length that leaves much over, and one beyond the datagram.
    assert_stands(&over_udp(3544, &packet()));
    assert_stands(&over_udp(3544, &[&packet_v6()[..], &[0; 9]].concat()));
    let mut long = packet_v6();
    long[5] += 1;
    assert_stands(&over_udp(3544, &long));
}

#[test]
fn generic_extension_and_service_chains() {
    let header = |flags: u8, next: u8| [flags, 0, 0, next, 0, 0x13, 0x89, 0];
    assert_opens_frame(&over_udp(4790, &[&header(8, 0)[..], &frame()].concat()));
    assert_opens_frame(&over_udp(4790, &[&header(12, 3)[..], &frame()].concat()));
    assert_opens_packet(&over_udp(4790, &[&header(12, 1)[..], &packet()].concat()));
    assert_opens_v6(&over_udp(
        4790,
        &[&header(12, 2)[..], &packet_v6()].concat(),
    ));
    let chain = |next: u8| [0x0f, 0xc2, 1, next, 0, 0, 1, 0xff];
    let framed = [&header(12, 4)[..], &chain(3), &frame()].concat();
    assert_opens_frame(&over_udp(4790, &framed));
    let framed = [&[0, 0, 0x89, 0x4f][..], &chain(3), &frame()].concat();
    assert_opens_frame(&over_ip(47, &framed));
    // A message of the operator's, an unknown content, a chain in a chain.
    assert_stands(&over_udp(4790, &[&header(13, 3)[..], &frame()].concat()));
    assert_stands(&over_udp(4790, &[&header(12, 9)[..], &frame()].concat()));
    let twice = [&header(12, 4)[..], &chain(4), &chain(3), &frame()].concat();
    assert_stands(&over_udp(4790, &twice));
}

#[test]
fn a_copy_from_the_air() {
    let tags = [10, 1, 0xb0, 1];
    assert_opens_frame(&over_udp(
        37008,
        &[&[1, 0, 0, 1][..], &tags, &frame()].concat(),
    ));
    assert_stands(&over_udp(
        37008,
        &[&[1, 4, 0, 1][..], &tags, &frame()].concat(),
    ));
    assert_stands(&over_udp(
        37008,
        &[&[1, 0, 0, 9][..], &tags, &frame()].concat(),
    ));
}

#[test]
fn aggregates_of_the_air() {
    // Two frames in one; the first is read, its padding is not.
    let inside = snap([0, 0, 0], 0x0800, &packet());
    let part = [
        &INNER_MACS[..],
        &(inside.len() as u16).to_be_bytes(),
        &inside,
        &[0; 2],
    ]
    .concat();
    let mut aggregate = vec![0x88, 0x01, 0, 0];
    aggregate.extend([9; 18]);
    aggregate.extend([0x10, 0, 0x80, 0]);
    aggregate.extend([&part[..], &part].concat());
    assert_opens_frame(&gre(&[0, 0, 0x82, 0], &aggregate));
    aggregate[38] = 8;
    assert_stands(&gre(&[0, 0, 0x82, 0], &aggregate));
}

#[test]
fn fragments_inside() {
    let mut inside = frame();
    inside[20] = 0x20;
    let bytes = over_udp(4789, &[&VXLAN[..], &inside].concat());
    let headers = read(&bytes);
    assert!(headers.fragment.is_some());
    assert_eq!(headers.payload.of(&bytes), tcp(b"data"));
    // A piece of the tunnel itself is not looked into.
    let mut bytes = over_udp(4789, &[&VXLAN[..], &frame()].concat());
    bytes[20] = 0x20;
    assert_eq!(read(&bytes).tunnels, 0);
}

#[test]
fn depth_has_a_limit() {
    let mut inside = packet();
    for depth in 0..=TUNNEL_DEPTH_MAX + 2 {
        let headers = read(&ethernet(OUTER_MACS, 0x0800, &inside));
        assert_eq!(headers.tunnels, depth.min(TUNNEL_DEPTH_MAX));
        assert_eq!(headers.too_deep, depth > TUNNEL_DEPTH_MAX);
        let protocol = if headers.too_deep { 4 } else { 6 };
        assert_eq!(headers.ip_protocol, protocol);
        inside = ipv4(4, &inside);
    }
}

#[test]
fn cut_inside() {
    let bytes = over_udp(4789, &[&VXLAN[..], &frame()].concat());
    let len = bytes.len();
    let headers = Headers::parse(&bytes[..len - 1], len as u32, LinkType::Ethernet).unwrap();
    assert_eq!((headers.tunnels, headers.cut), (1, true));
    assert_eq!((headers.payload.len, headers.payload_wire_len), (3, 4));
    // Without the inner transport the outer datagram stands, cut.
    let headers = Headers::parse(&bytes[..len - 5], len as u32, LinkType::Ethernet).unwrap();
    assert_eq!(
        (headers.tunnels, headers.cut, headers.dst_port),
        (0, true, 4789)
    );
}
