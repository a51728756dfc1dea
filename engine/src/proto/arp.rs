//! ARP, [RFC 826](https://www.rfc-editor.org/rfc/rfc826): which MAC address an IPv4 address has.
//! It believes a sender about itself alone: a pair whose MAC address is not the frame's own
//! sender is somebody's word about somebody else, and a probe (RFC 5227) claims nothing yet.
//!
//! ```text
//!  0    2      4    5    6         8        14       18       24       28
//! +----+------+----+----+---------+--------+--------+--------+--------+
//! |hard| proto|hlen|plen|operation| sha    | spa    | tha    | tpa    |
//! +----+------+----+----+---------+--------+--------+--------+--------+
//! ```

use std::net::{IpAddr, Ipv4Addr};

use medtap_table::vocabulary::Protocol;

use super::pair::{is_host_ipv4, is_host_mac};
use super::{Layer, LinkClassifier, LinkContext};
use crate::observe::{Emit, Observation, Proof};

/// The row of this protocol.
pub const CLASSIFIER: LinkClassifier = LinkClassifier {
    protocol: Protocol::Arp,
    layer: Layer::EtherType(0x0806),
    observe,
};

/// The size of a packet for IPv4 on Ethernet, in bytes; Ethernet pads behind it.
const PACKET_LEN: usize = 28;

/// Hardware whose addresses are the MAC addresses of frames: Ethernet, and IEEE 802 networks,
/// which senders of SNAP frames name (RFC 1042).
const HARDWARE: [[u8; 2]; 2] = [[0, 1], [0, 6]];
/// IPv4, six bytes of hardware address, four of protocol address.
const MAC_IPV4: [u8; 4] = [8, 0, 6, 4];

/// Operations of address resolution itself (RFC 5494 lists the others, which bind nothing here).
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

fn observe(bytes: &[u8], context: &LinkContext, emit: Emit<'_>) -> bool {
    let Some(packet) = bytes.first_chunk::<PACKET_LEN>() else {
        return false;
    };
    let [h0, h1, p0, p1, hlen, plen, o0, o1, rest @ ..] = packet;
    if !HARDWARE.contains(&[*h0, *h1]) || [*p0, *p1, *hlen, *plen] != MAC_IPV4 {
        return false;
    }
    let [a, b, c, d, e, f, i, j, k, l, ..] = *rest;
    let (mac, address) = ([a, b, c, d, e, f], Ipv4Addr::new(i, j, k, l));
    let operation = u16::from_be_bytes([*o0, *o1]);
    if matches!(operation, REQUEST | REPLY)
        && mac == context.src_mac
        && is_host_mac(&mac)
        && is_host_ipv4(address)
    {
        emit(Observation::Binding {
            mac,
            address: IpAddr::V4(address),
            proof: Proof::Arp,
        });
    }
    (1..=25).contains(&operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: [u8; 6] = [0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05];

    /// 10.1.2.3 at `HOST` asks for 10.1.2.1.
    const ASK: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 1, 0x00, 0x1b, 0x2c, 0x03, 0x04, 0x05, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0,
        10, 1, 2, 1,
    ];

    fn context(src_mac: [u8; 6]) -> LinkContext {
        LinkContext {
            src_mac,
            dst_mac: [0xff; 6],
            src: None,
            dst: None,
            ttl: 0,
        }
    }

    /// Whether it is well formed, and the address that it binds to `HOST`.
    fn read(bytes: &[u8], src_mac: [u8; 6]) -> (bool, Option<IpAddr>) {
        let mut bound = None;
        let good = observe(bytes, &context(src_mac), &mut |seen| {
            if let Observation::Binding {
                mac,
                address,
                proof,
            } = seen
            {
                assert_eq!((mac, proof), (HOST, Proof::Arp));
                bound = Some(address);
            }
        });
        (good, bound)
    }

    fn with(at: usize, bytes: &[u8]) -> [u8; 28] {
        let mut packet = ASK;
        packet[at..at + bytes.len()].copy_from_slice(bytes);
        packet
    }

    #[test]
    fn a_sender_binds_itself() {
        let address = Some("10.1.2.3".parse().unwrap());
        assert_eq!(read(&ASK, HOST), (true, address));
        assert_eq!(read(&with(7, &[2]), HOST), (true, address), "reply");
        assert_eq!(
            read(&with(24, &[10, 1, 2, 3]), HOST),
            (true, address),
            "gratuitous"
        );
        let padded = [&ASK[..], &[0; 18]].concat();
        assert_eq!(read(&padded, HOST), (true, address));
        assert_eq!(read(&with(0, &[0, 6]), HOST), (true, address), "IEEE 802");
    }

    #[test]
    fn nobody_binds_another() {
        assert_eq!(read(&ASK, [2; 6]), (true, None), "a frame of another MAC");
        assert_eq!(read(&with(14, &[0; 4]), HOST), (true, None), "probe");
        assert_eq!(
            read(&with(14, &[224, 0, 0, 1]), HOST),
            (true, None),
            "group"
        );
        assert_eq!(read(&with(14, &[255; 4]), HOST), (true, None), "everybody");
        assert_eq!(read(&with(8, &[0; 6]), [0; 6]), (true, None), "no MAC");
        assert_eq!(read(&with(8, &[255; 6]), [255; 6]), (true, None));
        assert_eq!(read(&with(7, &[8]), HOST), (true, None), "inverse ARP");
    }

    #[test]
    fn other_hardware_and_cut_packets_are_refused() {
        assert_eq!(read(&with(1, &[7]), HOST), (false, None), "ARCNET");
        assert_eq!(read(&with(0, &[6, 0]), HOST), (false, None));
        assert_eq!(read(&with(2, &[0x86, 0xdd]), HOST), (false, None));
        assert_eq!(read(&with(4, &[8]), HOST), (false, None));
        assert_eq!(read(&with(6, &[9, 9]), HOST), (false, None));
        for len in 0..ASK.len() {
            assert_eq!(read(&ASK[..len], HOST), (false, None));
        }
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(64)
            .for_each(|bytes: &[u8]| {
                observe(bytes, &context(HOST), &mut |_| {});
            });
    }
}
