//! The Community ID of a flow, version 1 with seed 0: a hash by which flow logs of different
//! tools are joined (<https://github.com/corelight/community-id-spec>). It keeps no state and
//! knows nothing of what the flow carried.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;

/// ICMP types of which one answers the other (RFC 792, 950, 1256).
const ICMP_PAIRS: &[[u16; 2]] = &[[8, 0], [13, 14], [15, 16], [17, 18], [10, 9]];
/// The same of ICMPv6 (RFC 2710, 4443, 4620, 4861, 6275).
const ICMPV6_PAIRS: &[[u16; 2]] = &[
    [128, 129],
    [133, 134],
    [135, 136],
    [130, 131],
    [139, 140],
    [144, 145],
];

/// The Community ID of a flow with this IP protocol number and these ends; the originator first,
/// which matters for ICMP messages without an answer alone. Ports are in host order; of ICMP,
/// the originator's is the message's type, and the responder's the type that answers it, else
/// the code. None where ports belong to the protocol and are not known: both are zero.
pub fn community_id(protocol: u8, orig: (IpAddr, u16), resp: (IpAddr, u16)) -> Option<String> {
    let ported = matches!(protocol, TCP | UDP | ICMP | ICMPV6 | SCTP);
    if protocol == SCTP && orig.1 == 0 && resp.1 == 0 {
        return None;
    }
    let pairs = match protocol {
        ICMP => ICMP_PAIRS,
        ICMPV6 => ICMPV6_PAIRS,
        _ => &[],
    };
    let paired = pairs.iter().any(|pair| pair.contains(&orig.1));
    let one_way = matches!(protocol, ICMP | ICMPV6) && !paired;
    let (first, second) = match (octets(orig.0), octets(resp.0)) {
        (a, b) if one_way || (&a, orig.1) <= (&b, resp.1) => ((a, orig.1), (b, resp.1)),
        (a, b) => ((b, resp.1), (a, orig.1)),
    };
    let mut hash = Sha1::new();
    hash.update(0u16.to_be_bytes());
    hash.update(&first.0);
    hash.update(&second.0);
    hash.update([protocol, 0]);
    if ported {
        hash.update(first.1.to_be_bytes());
        hash.update(second.1.to_be_bytes());
    }
    Some(format!("1:{}", STANDARD.encode(hash.finalize())))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(protocol: u8, orig: (&str, u16), resp: (&str, u16)) -> String {
        let end = |(address, port): (&str, u16)| (address.parse().unwrap(), port);
        community_id(protocol, end(orig), end(resp)).unwrap()
    }

    /// Values of the specification's own reference implementation (PyPI `communityid` 1.5).
    #[test]
    fn reference_values() {
        let cases = [
            (6, ("128.232.110.120", 34855), ("66.35.250.204", 80)),
            (17, ("192.168.1.52", 54585), ("8.8.8.8", 53)),
            (132, ("192.168.170.8", 7), ("192.168.170.56", 7)),
        ];
        let expected = [
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
            "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
        ];
        for ((protocol, orig, resp), expected) in cases.into_iter().zip(expected) {
            assert_eq!(id(protocol, orig, resp), expected);
            assert_eq!(id(protocol, resp, orig), expected);
        }
        let v6 = id(
            6,
            ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
            ("2607:f8b0:400c:c03::1a", 25),
        );
        assert_eq!(v6, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=");
        let neighbours = id(
            58,
            ("fe80::200:86ff:fe05:80da", 135),
            ("fe80::260:97ff:fe07:69ea", 136),
        );
        assert_eq!(neighbours, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    }

    /// A message that nobody answers keeps its direction, an exchange does not have one.
    #[test]
    fn icmp_without_answer_keeps_its_direction() {
        let (a, b) = ("192.0.2.1", "192.0.2.9");
        assert_eq!(id(1, (a, 8), (b, 0)), id(1, (b, 0), (a, 8)));
        assert_ne!(id(1, (a, 3), (b, 1)), id(1, (b, 3), (a, 1)));
        assert_ne!(id(1, (a, 3), (b, 1)), id(1, (b, 1), (a, 3)));
    }

    #[test]
    fn unknown_ports_give_no_id() {
        let end = ("192.0.2.1".parse().unwrap(), 0);
        assert_eq!(community_id(132, end, end), None);
        assert!(community_id(47, end, end).is_some());
    }
}
