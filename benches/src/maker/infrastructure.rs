//! Made exchanges of the infrastructure, each a few whole frames: ARP (RFC 826), DHCP (RFC 2131),
//! DNS (RFC 1035), mDNS (RFC 6762), LLDP (IEEE 802.1AB).

use std::net::Ipv4Addr;

use super::Random;
use super::device::{Device, End};
use super::frame::Frame;

const BROADCAST: [u8; 6] = [0xff; 6];

/// Frames in their order.
pub type Exchange = Vec<Vec<u8>>;

/// Who has this address? It is here.
pub fn arp(asker: Device, asked: Device) -> Exchange {
    let packet = |operation: u8, from: Device, to_mac: [u8; 6], to: Device| {
        let mut bytes = vec![0, 1, 8, 0, 6, 4, 0, operation];
        bytes.extend_from_slice(&from.mac());
        bytes.extend_from_slice(&from.v4().octets());
        bytes.extend_from_slice(&to_mac);
        bytes.extend_from_slice(&to.v4().octets());
        bytes
    };
    let mut frame = Frame::new();
    frame.ethernet(
        asker.mac(),
        BROADCAST,
        0x0806,
        &packet(1, asker, [0; 6], asked),
    );
    let request = frame.bytes().to_vec();
    frame.ethernet(
        asked.mac(),
        asker.mac(),
        0x0806,
        &packet(2, asked, asker.mac(), asker),
    );
    vec![request, frame.bytes().to_vec()]
}

/// Discover, offer, request, acknowledgement.
pub fn dhcp(client: Device, server: Device, random: &mut Random) -> Exchange {
    let transaction = random.bits() as u32;
    let message = |operation: u8, kind: u8, yours: Ipv4Addr| {
        let mut bytes = vec![operation, 1, 6, 0];
        bytes.extend_from_slice(&transaction.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0x80, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(&yours.octets());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&client.mac());
        bytes.resize(236, 0);
        bytes.extend_from_slice(&[0x63, 0x82, 0x53, 0x63, 53, 1, kind]);
        if operation == 1 {
            let name = format!("device-{}", client.number);
            option(&mut bytes, 12, name.as_bytes());
            option(&mut bytes, 60, b"MakerOS 1.0");
            option(&mut bytes, 55, &[1, 3, 6, 15, 42, 119]);
            option(&mut bytes, 50, &client.v4().octets());
        } else {
            option(&mut bytes, 51, &86_400u32.to_be_bytes());
            option(&mut bytes, 1, &[255, 0, 0, 0]);
        }
        option(&mut bytes, 54, &server.v4().octets());
        bytes.push(255);
        bytes.resize(bytes.len().max(300), 0);
        bytes
    };
    let nobody = Ipv4Addr::UNSPECIFIED;
    let from = End {
        mac: client.mac(),
        address: nobody.into(),
        port: 68,
    };
    let everyone = |port| End {
        mac: BROADCAST,
        address: Ipv4Addr::BROADCAST.into(),
        port,
    };
    let server = server.end(false, 67);
    let id = random.bits() as u16;
    let mut frame = Frame::new();
    let mut packet = |from: &End, to: &End, id: u16, payload: &[u8]| {
        frame.udp(from, to, id, payload);
        frame.bytes().to_vec()
    };
    vec![
        packet(&from, &everyone(67), id, &message(1, 1, nobody)),
        packet(
            &server,
            &everyone(68),
            id ^ 0x5555,
            &message(2, 2, client.v4()),
        ),
        packet(
            &from,
            &everyone(67),
            id.wrapping_add(1),
            &message(1, 3, nobody),
        ),
        packet(
            &server,
            &everyone(68),
            id ^ 0xaaaa,
            &message(2, 5, client.v4()),
        ),
    ]
}

fn option(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend_from_slice(&[kind, value.len() as u8]);
    out.extend_from_slice(value);
}

/// A question and its answer.
pub fn dns(client: End, server: End, asked: Device, random: &mut Random) -> Exchange {
    let id = random.bits() as u16;
    let [high, low] = id.to_be_bytes();
    let mut query = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    name(
        &mut query,
        &format!("device-{}.hospital.example", asked.number),
    );
    query.extend_from_slice(&[0, 1, 0, 1]);
    let mut answer = query.clone();
    answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
    answer.extend_from_slice(&asked.v4().octets());
    let mut frame = Frame::new();
    frame.udp(&client, &server, id ^ 0x1111, &query);
    let question = frame.bytes().to_vec();
    frame.udp(&server, &client, id ^ 0x2222, &answer);
    vec![question, frame.bytes().to_vec()]
}

/// A device announces its service.
pub fn mdns(device: Device, random: &mut Random) -> Exchange {
    let host = format!("device-{}.local", device.number);
    let service = "_dicom._tcp.local";
    let instance = format!("viewer-{}.{service}", device.number);
    let mut bytes = vec![0, 0, 0x84, 0, 0, 0, 0, 3, 0, 0, 0, 0];
    let mut pointed = Vec::new();
    name(&mut pointed, &instance);
    record(&mut bytes, service, 12, 1, &pointed);
    let mut target = vec![0, 0, 0, 0, 0x2b, 0x66];
    name(&mut target, &host);
    record(&mut bytes, &instance, 33, 0x8001, &target);
    record(&mut bytes, &host, 1, 0x8001, &device.v4().octets());
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let to = End {
        mac: [1, 0, 0x5e, 0, 0, 251],
        address: group.into(),
        port: 5353,
    };
    let mut frame = Frame::new();
    frame.udp(&device.end(false, 5353), &to, random.bits() as u16, &bytes);
    vec![frame.bytes().to_vec()]
}

fn name(out: &mut Vec<u8>, name: &str) {
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}

fn record(out: &mut Vec<u8>, owner: &str, kind: u16, class: u16, data: &[u8]) {
    name(out, owner);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&class.to_be_bytes());
    out.extend_from_slice(&120u32.to_be_bytes());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}

/// A device tells its neighbour what it is.
pub fn lldp(device: Device) -> Exchange {
    let mut bytes = Vec::new();
    let mut chassis = vec![4];
    chassis.extend_from_slice(&device.mac());
    tlv(&mut bytes, 1, &chassis);
    tlv(&mut bytes, 2, b"\x05port1");
    tlv(&mut bytes, 3, &[0, 120]);
    tlv(
        &mut bytes,
        5,
        format!("device-{}", device.number).as_bytes(),
    );
    tlv(&mut bytes, 6, b"Maker Works Gateway, software 1.0");
    tlv(&mut bytes, 7, &[0, 0x80, 0, 0x80]);
    tlv(&mut bytes, 0, &[]);
    let mut frame = Frame::new();
    frame.ethernet(device.mac(), [1, 0x80, 0xc2, 0, 0, 14], 0x88cc, &bytes);
    vec![frame.bytes().to_vec()]
}

fn tlv(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&(kind << 9 | value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
}
