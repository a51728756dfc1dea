//! `--flows`: one JSON object a flow, in an order that depends on the input alone. It says
//! nothing about devices.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

use medtap_engine::worker::FlowRecord;
use medtap_inventory::model::Time;
use serde::Serialize;

use crate::community_id::community_id;
use crate::render::json;

/// IP protocol numbers whose ports are ports (ICMP's types take their place in the flow key).
const PORTED: &[u8] = &[6, 17, 132];

/// One end of a flow.
#[derive(Serialize)]
struct End {
    ip: IpAddr,
    port: Option<u16>,
}

/// One flow, as it is written.
#[derive(Serialize)]
struct Flow {
    community_id: Option<String>,
    protocol: Option<&'static str>,
    confidence: u8,
    orig: End,
    resp: End,
    packets: u64,
    bytes: u64,
    first_seen: Time,
    last_seen: Time,
}

/// Writes the flows by Community ID, then by time, then by the number of the first packet.
pub fn write(records: &[FlowRecord], out: &mut dyn Write) -> io::Result<()> {
    let mut flows: Vec<(Option<String>, &FlowRecord)> = records
        .iter()
        .map(|record| {
            let (orig, resp) = ends(record);
            (community_id(record.key.protocol, orig, resp), record)
        })
        .collect();
    flows.sort_by(|(a_id, a), (b_id, b)| {
        let order = |record: &FlowRecord| (record.times.first_ns, record.first_packet);
        // The key comes last, for the two ends of one packet can't be two flows but a damaged
        // capture's numbers might.
        (a_id, order(a), a.key).cmp(&(b_id, order(b), b.key))
    });
    for (id, record) in flows {
        let (orig, resp) = ends(record);
        let ported = PORTED.contains(&record.key.protocol) && (orig.1 != 0 || resp.1 != 0);
        let end = |(ip, port)| End {
            ip,
            port: ported.then_some(port),
        };
        let flow = Flow {
            community_id: id,
            protocol: record.protocol.map(|protocol| protocol.name()),
            confidence: record.confidence,
            orig: end(orig),
            resp: end(resp),
            packets: record.packets,
            bytes: record.bytes,
            first_seen: Time(record.times.first_ns),
            last_seen: Time(record.times.last_ns),
        };
        json::line(&flow, out)?;
    }
    Ok(())
}

/// The two ends of a flow, the originator first.
fn ends(record: &FlowRecord) -> ((IpAddr, u16), (IpAddr, u16)) {
    let end = |(bytes, port): ([u8; 16], u16)| (address(bytes, record.key.version), port);
    let orig = record.key.sender(record.orig);
    (end(orig), end(record.key.receiver(record.orig)))
}

/// The address of a flow key: IPv4 addresses are kept as IPv6-mapped ones.
fn address(bytes: [u8; 16], version: u8) -> IpAddr {
    let address = Ipv6Addr::from(bytes);
    match address.to_ipv4_mapped() {
        Some(v4) if version == 4 => v4.into(),
        _ => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medtap_engine::device::sighting::Times;
    use medtap_engine::flow::{Direction, FlowKey};
    use medtap_engine::wire::Headers;
    use medtap_table::vocabulary::Protocol;

    fn record(first_packet: u64, ports: (u16, u16), ip_protocol: u8) -> FlowRecord {
        let mut src = [0; 16];
        src[10..].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 9]);
        let mut dst = src;
        dst[15] = 1;
        let headers = Headers {
            src,
            dst,
            src_port: ports.0,
            dst_port: ports.1,
            ip_protocol,
            ..Headers::default()
        };
        let (key, orig) = FlowKey::of(&headers, 0, 4);
        assert_eq!(orig, Direction::Down);
        FlowRecord {
            key,
            orig,
            protocol: (ip_protocol == 6).then_some(Protocol::Dicom),
            confidence: 95,
            packets: 3,
            bytes: 180,
            times: Times {
                first_ns: 1_500_000_000,
                last_ns: 2_000_000_000,
            },
            first_packet,
        }
    }

    fn text(records: &[FlowRecord]) -> String {
        let mut out = Vec::new();
        write(records, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_object_a_line() {
        let lines = text(&[record(0, (40000, 104), 6)]);
        assert_eq!(
            lines,
            "{\"community_id\":\"1:Ig8RVyoa+vp0/AMdu/mm5KdNBhg=\",\"protocol\":\"dicom\",\
             \"confidence\":95,\"orig\":{\"ip\":\"192.0.2.9\",\"port\":40000},\
             \"resp\":{\"ip\":\"192.0.2.1\",\"port\":104},\"packets\":3,\"bytes\":180,\
             \"first_seen\":\"1970-01-01T00:00:01.5Z\",\"last_seen\":\"1970-01-01T00:00:02Z\"}\n"
        );
    }

    #[test]
    fn the_order_of_the_records_does_not_matter() {
        let mut records: Vec<_> = (0..4).map(|n| record(n, (40000, 104), 6)).collect();
        records.push(record(9, (8, 0), 1));
        let forth = text(&records);
        records.reverse();
        assert_eq!(text(&records), forth);
        assert_eq!(forth.lines().count(), 5);
    }

    #[test]
    fn types_of_icmp_are_no_ports() {
        let line = text(&[record(0, (8, 0), 1)]);
        assert!(line.contains("\"orig\":{\"ip\":\"192.0.2.9\",\"port\":null}"));
        assert!(line.contains("\"protocol\":null"));
    }
}
