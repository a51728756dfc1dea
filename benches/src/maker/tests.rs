//! What is made holds: checksums, numbers, shares, and the same bytes for the same plan. The
//! parser here is its own, so that maker and reader cannot err alike.

use std::collections::{HashMap, HashSet};

use super::{Kind, Order, Plan, bytes, checksum_add, checksum_fold};
use crate::floor::Floor;

const KINDS: [Kind; 4] = [Kind::Flood, Kind::Imix, Kind::Hospital, Kind::Stores];

fn frames(capture: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    let mut rest = &capture[24..];
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], rest[12..16]);
        frames.push(&rest[16..16 + len]);
        rest = &rest[16 + len..];
    }
    frames
}

/// Network packet, its protocol, its pseudo-header's sum, where the transport begins and ends.
fn network(frame: &[u8]) -> Option<(u8, u64, &[u8])> {
    let packet = &frame[14..];
    let (protocol, addresses, transport) = match frame[12..14] {
        [8, 0] => {
            assert_eq!(checksum_fold(checksum_add(0, &packet[..20])), 0);
            let len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            (packet[9], &packet[12..20], &packet[20..len])
        }
        [0x86, 0xdd] => {
            let len = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
            (packet[6], &packet[8..40], &packet[40..40 + len])
        }
        _ => return None,
    };
    let pseudo = checksum_add(u64::from(protocol) + transport.len() as u64, addresses);
    Some((protocol, pseudo, transport))
}

type End = (Vec<u8>, u16);

fn ends(frame: &[u8]) -> (End, End) {
    let (_, _, transport) = network(frame).unwrap();
    let (start, len) = if frame[12] == 8 { (26, 4) } else { (22, 16) };
    let port = |at: usize| u16::from_be_bytes([transport[at], transport[at + 1]]);
    let address = |at: usize| frame[at..at + len].to_vec();
    ((address(start), port(0)), (address(start + len), port(2)))
}

#[test]
fn checksums_hold() {
    for kind in KINDS {
        let plan = Plan {
            ipv6_percent: 30,
            flows: 300,
            ..Plan::new(kind, 6_000)
        };
        let capture = bytes(&plan).unwrap();
        let mut families = [0; 2];
        for frame in frames(&capture) {
            assert!((60..=1514).contains(&frame.len()));
            if let Some((protocol, pseudo, transport)) = network(frame) {
                assert!(protocol == 6 || protocol == 17);
                assert_eq!(
                    checksum_fold(checksum_add(pseudo, transport)),
                    0,
                    "{kind:?}"
                );
                families[usize::from(frame[12] == 8)] += 1;
            }
        }
        assert!(
            families.iter().all(|packets| *packets > 400),
            "{kind:?}: {families:?}"
        );
    }
}

#[test]
fn a_plan_is_all_that_decides() {
    for kind in KINDS {
        let plan = Plan::new(kind, 5_000);
        assert_eq!(bytes(&plan).unwrap(), bytes(&plan).unwrap());
        assert_ne!(
            bytes(&plan).unwrap(),
            bytes(&Plan { seed: 2, ..plan }).unwrap()
        );
    }
}

#[test]
fn sequence_numbers_follow_one_another() {
    for kind in [Kind::Imix, Kind::Hospital] {
        let plan = Plan {
            flows: 50,
            ipv6_percent: 20,
            ..Plan::new(kind, 60_000)
        };
        let capture = bytes(&plan).unwrap();
        let mut next = HashMap::new();
        let mut segments = 0;
        for frame in frames(&capture) {
            let Some((6, _, transport)) = network(frame) else {
                continue;
            };
            let (from, to) = ends(frame);
            let seq = u32::from_be_bytes(transport[4..8].try_into().unwrap());
            let ack = u32::from_be_bytes(transport[8..12].try_into().unwrap());
            let payload = transport.len() - usize::from(transport[12] >> 4) * 4;
            let flags = transport[13];
            let direction = (from.clone(), to.clone());
            if flags & 2 == 0 {
                assert_eq!(next.get(&direction), Some(&seq), "{kind:?}");
                assert_eq!(next.get(&(to, from)), Some(&ack), "{kind:?}");
            }
            let counts = payload as u32 + u32::from(flags & 3 != 0);
            next.insert(direction, seq.wrapping_add(counts));
            segments += 1;
        }
        assert!(segments > 20_000);
    }
}

/// A mirror's copies agree in these; no two packets made within one second may.
#[test]
fn no_packet_looks_like_a_copy() {
    for kind in KINDS {
        let capture = bytes(&Plan {
            flows: 100,
            ..Plan::new(kind, 30_000)
        })
        .unwrap();
        let mut seen = HashSet::new();
        for frame in frames(&capture) {
            if let (Some((17 | 6, _, transport)), [8, 0]) = (network(frame), &frame[12..14]) {
                let id = [frame[18], frame[19]];
                assert!(
                    seen.insert((ends(frame), id, transport[4..].to_vec())),
                    "{kind:?}"
                );
            }
        }
    }
}

#[test]
fn the_mix_is_seven_to_four_to_one() {
    let capture = bytes(&Plan {
        flows: 1000,
        ..Plan::new(Kind::Imix, 120_000)
    })
    .unwrap();
    let mut lens = HashMap::new();
    for frame in frames(&capture) {
        *lens.entry(frame.len()).or_insert(0u32) += 1;
    }
    assert_eq!(lens.len(), 3);
    for (len, share) in [(60, 70_000u32), (590, 40_000), (1514, 10_000)] {
        assert!(lens[&len].abs_diff(share) < share / 20, "{lens:?}");
    }
}

/// Each body is as long as its head says, so that a request follows where one is expected.
#[test]
fn http_bodies_have_the_length_they_claim() {
    let plan = Plan {
        flows: 8,
        devices: 20,
        ..Plan::new(Kind::Imix, 12 * 8 * 130)
    };
    let capture = bytes(&plan).unwrap();
    let mut streams: HashMap<(End, End), Vec<u8>> = HashMap::new();
    for frame in frames(&capture) {
        let Some((6, _, transport)) = network(frame) else {
            continue;
        };
        let (from, to) = ends(frame);
        if from.1 == 80 {
            let payload = &transport[usize::from(transport[12] >> 4) * 4..];
            streams
                .entry((from, to))
                .or_default()
                .extend_from_slice(payload);
        }
    }
    assert!(!streams.is_empty());
    for stream in streams.values() {
        let (mut at, mut responses) = (0, 0);
        while at < stream.len() {
            let rest = &stream[at..];
            assert!(rest.starts_with(b"HTTP/1.1 200 OK\r\n"));
            let end = rest
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .unwrap()
                + 4;
            let head = std::str::from_utf8(&rest[..end]).unwrap();
            let len = head
                .split("Content-Length: ")
                .nth(1)
                .unwrap()
                .split('\r')
                .next()
                .unwrap();
            at += end + len.parse::<usize>().unwrap();
            responses += 1;
        }
        assert!(responses > 2);
    }
}

#[test]
fn the_floor_counts_exactly() {
    for kind in KINDS {
        for order in [Order::RoundRobin, Order::Random] {
            let plan = Plan {
                flows: 300,
                ipv6_percent: 25,
                order,
                ..Plan::new(kind, 9_000)
            };
            let capture = bytes(&plan).unwrap();
            let mut expected: HashMap<(u8, End, End), (u64, u64)> = HashMap::new();
            let (mut other, mut total) = (0, 0);
            for frame in frames(&capture) {
                total += frame.len() as u64;
                let Some((protocol, _, _)) = network(frame) else {
                    other += 1;
                    continue;
                };
                let (from, to) = ends(frame);
                let (low, high) = if from < to { (from, to) } else { (to, from) };
                let counts = expected.entry((protocol, low, high)).or_default();
                *counts = (counts.0 + 1, counts.1 + frame.len() as u64);
            }
            let mut floor = Floor::new(expected.len(), expected.len()).unwrap();
            let counted = floor.count(&capture, |_, _| {}).unwrap();
            assert_eq!(
                (counted.packets, counted.bytes, counted.other),
                (9_000, total, other)
            );
            assert_eq!(counted.flows4 + counted.flows6, expected.len());
            if kind != Kind::Hospital {
                assert_eq!(expected.len(), 300);
            }
            let mut expected: Vec<_> = expected.into_values().collect();
            let mut found: Vec<_> = floor.flows().collect();
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn impossible_plans_are_refused() {
    let plan = Plan::new(Kind::Flood, 1);
    for wrong in [
        Plan { devices: 1, ..plan },
        Plan { flows: 0, ..plan },
        Plan {
            devices: 2,
            flows: 200_000,
            ..plan
        },
        Plan { rate: 0, ..plan },
        Plan {
            ipv6_percent: 101,
            ..plan
        },
    ] {
        let error = bytes(&wrong).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}
