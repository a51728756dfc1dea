use super::super::samples::*;
use super::*;

fn parse(frame: &[u8]) -> Result<Headers, WireError> {
    Headers::parse(frame, frame.len() as u32, LinkType::Ethernet)
}

#[test]
fn ethernet_ipv4_tcp_literal() {
    // A SYN from 192.0.2.1:49152 to 192.0.2.2:104 with MSS 1460, padded to 64 bytes less FCS.
    let frame = [
        0x00, 0x09, 0xfb, 1, 2, 3, 0x00, 0x1b, 0x21, 4, 5, 6, 0x08, 0x00, // Ethernet
        0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, // IPv4
        0xc0, 0, 0, 104, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0xc2, 0xff, 0xff, 0, 9, 0, 0, // TCP
        2, 4, 5, 0xb4, 0xee, 0xee,
    ];
    let headers = read(&frame);
    assert_eq!(headers.dst_mac, [0x00, 0x09, 0xfb, 1, 2, 3]);
    assert_eq!(headers.src_mac, [0x00, 0x1b, 0x21, 4, 5, 6]);
    assert_eq!((headers.vlan, headers.ether_type), (0, 0x0800));
    assert_eq!(headers.src_address(), "192.0.2.1".parse().ok());
    assert_eq!(headers.dst_address(), "192.0.2.2".parse().ok());
    assert_eq!(headers.transport, TransportKind::Tcp);
    assert_eq!((headers.src_port, headers.dst_port), (49152, 104));
    // The flags of congestion notification are not among those kept.
    assert_eq!((headers.seq, headers.tcp_flags), (1, 2));
    assert_eq!(headers.transport_start, 34);
    assert_eq!(headers.payload, Span { start: 58, len: 0 });
    assert_eq!((headers.payload_wire_len, headers.cut), (0, false));
}

#[test]
fn tags() {
    for (outer, control, vlan) in [(0x8100, 0x60d2, 210), (0x88a8, 7, 7), (0x9100, 0, 33)] {
        let inner = tag(33, 0x0800, &packet());
        let bytes = ethernet(OUTER_MACS, outer, &tag(control, 0x8100, &inner));
        let headers = read(&bytes);
        assert_packet(&headers, &bytes);
        assert_eq!((headers.vlan, headers.ether_type), (vlan, 0x0800));
    }
    let mut payload = packet();
    for n in 1..=TAGS_MAX as u16 + 1 {
        payload = tag(n, if n == 1 { 0x0800 } else { 0x8100 }, &payload);
        let result = parse(&ethernet(OUTER_MACS, 0x8100, &payload));
        match usize::from(n) > TAGS_MAX {
            false => assert_eq!(result.unwrap().vlan, n),
            true => assert_eq!(result.err(), Some(WireError::Malformed)),
        }
    }
}

#[test]
fn switch_tags() {
    let metadata = [&[1, 1, 0, 1, 0, 100, 8, 0][..], &packet()].concat();
    let bytes = ethernet(OUTER_MACS, 0x8100, &tag(210, 0x8909, &metadata));
    let headers = read(&bytes);
    assert_packet(&headers, &bytes);
    assert_eq!((headers.vlan, headers.ether_type), (210, 0x0800));

    let inside = tag(11, 0x0800, &packet());
    let bytes = ethernet(
        OUTER_MACS,
        0x8926,
        &[&[0, 0, 0, 0, 0x81, 0][..], &inside].concat(),
    );
    let headers = read(&bytes);
    assert_packet(&headers, &bytes);
    assert_eq!(headers.vlan, 11);

    // Metadata of another kind stays what it is.
    let bytes = ethernet(OUTER_MACS, 0x8909, &[9; 30]);
    assert_eq!(read(&bytes).ether_type, 0x8909);
}

#[test]
fn frames_without_network_header() {
    let arp = [0, 1, 8, 0, 6, 4, 0, 1];
    let bytes = ethernet(OUTER_MACS, 0x8100, &tag(9, 0x0806, &arp));
    let headers = read(&bytes);
    assert_eq!((headers.ether_type, headers.vlan), (0x0806, 9));
    assert_eq!(headers.payload.of(&bytes), arp);
    assert_eq!(
        (headers.network, headers.src_address()),
        (Network::None, None)
    );

    // CDP, with padding behind the 802.3 length.
    let cdp = snap([0, 0, 0x0c], 0x2000, &[2, 0xb4]);
    let bytes = ethernet(OUTER_MACS, 10, &[&cdp[..], &[0; 36]].concat());
    let headers = read(&bytes);
    assert_eq!((headers.snap_oui, headers.ether_type), (0x0c, 0x2000));
    assert_eq!(headers.payload.of(&bytes), [2, 0xb4]);
    assert_eq!((headers.payload_wire_len, headers.cut), (2, false));

    let bytes = ethernet(OUTER_MACS, 4, &[0x42, 0x42, 3, 0, 0, 0]);
    let headers = read(&bytes);
    assert_eq!((headers.snap_oui, headers.ether_type), (0, 0));
    assert_eq!(headers.payload.of(&bytes), [0x42, 0x42, 3, 0]);
}

#[test]
fn snap_with_ether_type() {
    let inside = snap([0, 0, 0], 0x0800, &packet());
    let bytes = ethernet(OUTER_MACS, inside.len() as u16, &inside);
    let headers = read(&bytes);
    assert_packet(&headers, &bytes);
    assert_eq!((headers.snap_oui, headers.ether_type), (0, 0x0800));
}

#[test]
fn ipv4_options_and_fragments() {
    let mut bytes = ethernet(OUTER_MACS, 0x0800, &packet());
    bytes.splice(34..34, [0x94, 4, 0, 0]);
    bytes[14] = 0x46;
    bytes[17] += 4;
    assert_packet(&read(&bytes), &bytes);

    for (field, offset, more) in [(0x2000, 0, true), (0x2002, 16, true), (0x0005, 40, false)] {
        let mut bytes = ethernet(OUTER_MACS, 0x0800, &packet());
        bytes[20..22].copy_from_slice(&u16::to_be_bytes(field));
        let headers = read(&bytes);
        let id = 0xabcd;
        assert_eq!(headers.fragment, Some(Fragment { id, offset, more }));
        assert_eq!(headers.transport, TransportKind::None);
        assert_eq!((headers.src_port, headers.transport_start), (0, 0));
        assert_eq!(headers.payload.of(&bytes), tcp(b"data"));
    }
}

#[test]
fn cut_is_no_error() {
    let bytes = ethernet(OUTER_MACS, 0x0800, &ipv4(17, &udp(1, 2, &[7; 100])));
    let headers = Headers::parse(&bytes[..60], 142, LinkType::Ethernet).unwrap();
    assert_eq!(headers.payload, Span { start: 42, len: 18 });
    assert_eq!((headers.payload_wire_len, headers.cut), (100, true));
    // The packet says more than the frame had, whatever the reason.
    let headers = Headers::parse(&bytes[..60], 60, LinkType::Ethernet).unwrap();
    assert_eq!((headers.payload_wire_len, headers.cut), (100, true));
    // TCP options cut off: the ports are there.
    let bytes = [&ethernet(OUTER_MACS, 0x0800, &packet())[..], &[1, 1, 1, 1]].concat();
    let mut bytes = bytes;
    bytes[17] = 60;
    bytes[46] = 0xa0;
    let headers = Headers::parse(&bytes, 74, LinkType::Ethernet).unwrap();
    assert_eq!(headers.dst_port, 104);
    assert_eq!((headers.payload_wire_len, headers.cut), (0, false));
}

#[test]
fn errors_tell_capture_from_sender() {
    let bytes = ethernet(OUTER_MACS, 0x0800, &packet());
    for len in 0..54 {
        let prefix = &bytes[..len];
        let error = Headers::parse(prefix, 58, LinkType::Ethernet).err();
        assert_eq!(error, Some(WireError::Truncated), "{len}");
        let expected = match len {
            // The IP header is there and says that more was sent.
            34.. => WireError::Truncated,
            _ => WireError::Malformed,
        };
        assert_eq!(parse(prefix).err(), Some(expected), "{len}");
    }
    let mut short = bytes.clone();
    short[17] = 39;
    assert_eq!(parse(&short).err(), Some(WireError::Malformed));
    let mut options = bytes.clone();
    options[46] = 0xf0;
    assert_eq!(parse(&options).err(), Some(WireError::Malformed));
    let mut version = bytes;
    version[14] = 0x55;
    assert_eq!(parse(&version).err(), Some(WireError::Malformed));
    let error = Headers::parse(&[0; 60], 60, LinkType::Unknown(147)).err();
    assert_eq!(error, Some(WireError::UnknownLink));
}

#[test]
fn segmentation_offload() {
    let mut bytes = ethernet(OUTER_MACS, 0x0800, &packet());
    bytes[16..18].fill(0);
    assert_packet(&read(&bytes), &bytes);
    let headers = Headers::parse(&bytes, 9054, LinkType::Ethernet).unwrap();
    assert_eq!((headers.payload_wire_len, headers.cut), (9000, true));
}

#[test]
fn udp_lengths() {
    let with_len = |len: u16| {
        let mut bytes = over_udp(53, b"query");
        bytes[38..40].copy_from_slice(&len.to_be_bytes());
        bytes.extend([0xee; 9]);
        bytes
    };
    for (len, payload) in [
        (13, &b"query"[..]),
        (0, b"query"),
        (99, b"query"),
        (10, b"qu"),
    ] {
        let bytes = with_len(len);
        let headers = read(&bytes);
        assert_eq!(headers.payload.of(&bytes), payload);
        assert_eq!(headers.payload_wire_len as usize, payload.len());
        assert_eq!((headers.src_port, headers.dst_port), (50000, 53));
        assert_eq!(
            (headers.checksum, headers.transport),
            (0xbeef, TransportKind::Udp)
        );
    }
    assert_eq!(parse(&with_len(7)).err(), Some(WireError::Malformed));
}

#[test]
fn ipv6_extensions() {
    let plain = ethernet(OUTER_MACS, 0x86dd, &ipv6(6, &tcp(b"data")));
    let headers = read(&plain);
    assert_eq!(headers.src_address(), "fd00::1".parse().ok());
    assert_eq!(headers.dst_address(), "fd00::2".parse().ok());
    assert_eq!((headers.ttl, headers.ip_id, headers.dst_port), (63, 0, 104));

    let header = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
    let authentication = [135, 4, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3];
    let chain = [
        &header(60)[..],                          // hop-by-hop
        &header(43),                              // destination
        &[51, 2, 0, 0, 0, 0, 0, 0],               // routing, 24 bytes
        &[0; 16],                                 //
        &[&authentication[..], &[0; 8]].concat(), // authentication, 24 bytes
        &header(44),                              // mobility
        &[17, 0, 0, 0, 9, 9, 9, 9],               // atomic fragment
        &udp(546, 547, b"solicit"),
    ]
    .concat();
    let bytes = ethernet(OUTER_MACS, 0x86dd, &ipv6(0, &chain));
    let headers = read(&bytes);
    assert_eq!((headers.src_port, headers.dst_port), (546, 547));
    assert_eq!((headers.ip_protocol, headers.fragment), (17, None));
    assert_eq!(headers.payload.of(&bytes), b"solicit");

    for stop in [50, 59, 58] {
        let bytes = ethernet(
            OUTER_MACS,
            0x86dd,
            &ipv6(60, &[&header(stop)[..], b"x"].concat()),
        );
        let headers = read(&bytes);
        assert_eq!(
            (headers.ip_protocol, headers.payload.of(&bytes)),
            (stop, &b"x"[..])
        );
    }

    let endless = header(60).repeat(IPV6_EXTENSIONS_MAX + 1);
    let error = parse(&ethernet(OUTER_MACS, 0x86dd, &ipv6(60, &endless))).err();
    assert_eq!(error, Some(WireError::Malformed));
}

#[test]
fn ipv6_fragment_and_its_datagram() {
    let datagram = [&[17, 0, 1, 4, 0, 0, 0, 0][..], &udp(5, 6, b"whole")].concat();
    let piece = [&[60, 0, 0, 1, 0, 0, 0, 7][..], &datagram[..16]].concat();
    let bytes = ethernet(OUTER_MACS, 0x86dd, &ipv6(44, &piece));
    let headers = read(&bytes);
    let fragment = Fragment {
        id: 7,
        offset: 0,
        more: true,
    };
    assert_eq!(
        (headers.fragment, headers.ip_protocol),
        (Some(fragment), 60)
    );
    assert_eq!(headers.payload.of(&bytes), &datagram[..16]);

    let whole = headers.reassembled(&datagram, 0).unwrap();
    assert_eq!((whole.fragment, whole.ip_protocol), (None, 17));
    assert_eq!((whole.src_port, whole.dst_port), (5, 6));
    assert_eq!((whole.src_mac, whole.src), (headers.src_mac, headers.src));
    assert_eq!(whole.transport_start, 8);
    assert_eq!(whole.payload.of(&datagram), b"whole");

    let again = [&[17, 0, 0, 1, 0, 0, 0, 7][..], &datagram].concat();
    let nested = Headers {
        ip_protocol: 44,
        ..headers
    };
    assert_eq!(
        nested.reassembled(&again, 0).err(),
        Some(WireError::Malformed)
    );
}

#[test]
fn ipv4_datagram_with_tunnel() {
    let datagram = udp(
        50000,
        4789,
        &[&[8, 0, 0, 0, 0, 0, 1, 0][..], &frame()].concat(),
    );
    let mut bytes = over_ip(17, &datagram[..24]);
    bytes[20] = 0x20;
    let headers = read(&bytes);
    assert!(headers.fragment.is_some());
    let whole = headers.reassembled(&datagram, 0).unwrap();
    assert_packet(&whole, &datagram);
    assert_eq!(whole.tunnels, 1);
    assert_eq!(
        headers.reassembled(&[], 0).err(),
        Some(WireError::Malformed)
    );
    // A piece that was cut is read as far as it goes.
    let cut = headers.reassembled(&datagram[..12], 24).unwrap();
    assert_eq!((cut.tunnels, cut.dst_port, cut.cut), (0, 4789, true));
    assert_eq!((cut.payload.len, cut.payload_wire_len), (4, 16));
    assert_eq!(
        headers.reassembled(&datagram[..7], 24).err(),
        Some(WireError::Truncated)
    );
    assert!(Headers::default().reassembled(&datagram, 0).is_err());
}

#[test]
fn authentication_over_ipv4() {
    let inside = [&[6, 4, 0, 0][..], &[0; 20], &tcp(b"data")].concat();
    let headers = read(&over_ip(51, &inside));
    assert_eq!((headers.ip_protocol, headers.dst_port), (6, 104));
    // Any number of them costs neither stack nor time.
    let endless = [51, 0, 0, 0, 0, 0, 0, 0].repeat(5000);
    assert_eq!(
        parse(&over_ip(51, &endless)).err(),
        Some(WireError::Malformed)
    );
}

#[test]
fn other_links() {
    for (family, inside) in [
        ([0, 0, 0, 2], packet()),
        ([2, 0, 0, 0], packet()),
        ([0, 0, 0, 30], ipv6(6, &tcp(b"data"))),
        ([10, 0, 0, 0], ipv6(6, &tcp(b"data"))),
    ] {
        let bytes = [&family[..], &inside].concat();
        let headers = read_as(&bytes, LinkType::Null);
        assert_eq!(
            (headers.dst_port, headers.payload.of(&bytes)),
            (104, &b"data"[..])
        );
        let network_order = read_as(&bytes, LinkType::Loop).transport == TransportKind::Tcp;
        assert_eq!(network_order, family[0] == 0);
    }

    let v1 = [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0x81, 0][..]].concat();
    let bytes = [&v1[..], &tag(5, 0x0800, &packet())].concat();
    let headers = read_as(&bytes, LinkType::LinuxSll);
    assert_packet(&headers, &bytes);
    assert_eq!(
        (headers.src_mac, headers.dst_mac),
        ([2, 0, 0, 0, 0, 9], [0; 6])
    );
    assert_eq!((headers.vlan, headers.ether_type), (5, 0x0800));

    let v2 = [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0];
    let bytes = [&v2[..], &packet()].concat();
    let headers = read_as(&bytes, LinkType::LinuxSll2);
    assert_packet(&headers, &bytes);
    assert_eq!(headers.src_mac, [2, 0, 0, 0, 0, 9]);

    for link in [LinkType::Raw, LinkType::Ipv4] {
        let headers = read_as(&packet(), link);
        assert_packet(&headers, &packet());
        assert_eq!((headers.src_mac, headers.ether_type), ([0; 6], 0));
    }
    for link in [LinkType::Raw, LinkType::Ipv6] {
        assert_eq!(read_as(&ipv6(6, &tcp(b"")), link).network, Network::V6);
    }
    let error = Headers::parse(&packet(), 44, LinkType::Ipv6).err();
    assert_eq!(error, Some(WireError::Malformed));
}

#[test]
fn cooked_llc() {
    let v1 = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 0, 4];
    let bytes = [&v1[..], &snap([0, 0, 0x0c], 0x2000, &[2])].concat();
    let headers = read_as(&bytes, LinkType::LinuxSll);
    assert_eq!((headers.snap_oui, headers.ether_type), (0x0c, 0x2000));
}

#[test]
fn in_place_forgets_what_was_there() {
    let mut headers = read(&over_udp(53, b"query"));
    let bytes = ethernet(OUTER_MACS, 0x88cc, &[2, 7]);
    headers.parse_into(&bytes, 16, LinkType::Ethernet).unwrap();
    assert_eq!(headers.network, Network::None);
    assert_eq!((headers.src, headers.dst_port), ([0; 16], 0));
}

#[test]
fn fuzz_every_link() {
    const LINKS: [LinkType; 18] = [
        LinkType::Ethernet,
        LinkType::Null,
        LinkType::Raw,
        LinkType::Loop,
        LinkType::LinuxSll,
        LinkType::Ipv4,
        LinkType::Ipv6,
        LinkType::LinuxSll2,
        LinkType::Ppp,
        LinkType::Fddi,
        LinkType::Llc,
        LinkType::Hdlc,
        LinkType::Dot11,
        LinkType::Radiotap,
        LinkType::Ppi,
        LinkType::Nflog,
        LinkType::NetAnalyzer,
        LinkType::Unknown(7),
    ];
    bolero::check!()
        .with_iterations(4_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            for link in LINKS {
                for wire_len in [0, bytes.len() as u32, u32::MAX] {
                    if let Ok(headers) = Headers::parse(bytes, wire_len, link) {
                        check_spans(&headers, bytes);
                        if let Ok(whole) = headers.reassembled(headers.payload.of(bytes), wire_len)
                        {
                            check_spans(&whole, headers.payload.of(bytes));
                        }
                    }
                }
            }
        });
}

#[test]
fn fuzz_behind_a_good_start() {
    // Random bytes rarely reach the depths, so they begin where the layers fork.
    bolero::check!()
        .with_iterations(4_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            let starts = [
                ethernet(
                    OUTER_MACS,
                    0x86dd,
                    &ipv6(bytes.first().copied().unwrap_or(0), bytes),
                ),
                ethernet(OUTER_MACS, 0x8847, &[&[0, 1, 1, 64][..], bytes].concat()),
                ethernet(OUTER_MACS, 0x8100, bytes),
                over_ip(47, bytes),
                over_ip(
                    47,
                    &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], bytes].concat(),
                ),
                over_udp(4789, &[&[8, 0, 0, 0, 0, 0, 1, 0][..], bytes].concat()),
                over_udp(6081, bytes),
                over_udp(5247, bytes),
                over_udp(2152, &[&[0x34, 255, 0, 60, 0, 0, 0, 1][..], bytes].concat()),
                over_udp(1701, &[&[0, 2, 0, 1, 0, 1][..], bytes].concat()),
                over_udp(1701, &[&[0, 3, 0, 0][..], bytes].concat()),
                over_udp(3544, bytes),
                over_udp(4754, bytes),
                over_udp(4790, &[&[12, 0, 0, 4, 0, 0, 1, 0][..], bytes].concat()),
                over_udp(6635, bytes),
                over_udp(37008, &[&[1, 0, 0, 1][..], bytes].concat()),
                over_ip(47, &[&[0x20, 1, 0x88, 0x0b][..], bytes].concat()),
                over_ip(47, &[&[0, 0, 0x82, 0, 0x88, 1][..], bytes].concat()),
                over_ip(97, &[&[0x30, 0][..], bytes].concat()),
                over_ip(115, bytes),
                over_ip(137, bytes),
            ];
            for frame in starts {
                if let Ok(headers) = parse(&frame) {
                    check_spans(&headers, &frame);
                }
            }
        });
}
