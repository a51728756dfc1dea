use super::super::LinkType;
use super::super::samples::*;
use super::*;

const VXLAN: [u8; 8] = [8, 0, 0, 0, 0, 0x13, 0x89, 0];

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
        for port in [4789, 8472, 6081, 5247] {
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
    let pptp = [0x30, 1, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 0];
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
