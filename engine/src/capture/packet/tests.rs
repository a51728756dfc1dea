use super::port::Port;
use super::ring::{HEAD_BYTES, Ring};
use super::walk::{Cursor, Packet, Walk};
use super::{BLOCK_BYTES_MIN, available_bytes};

use std::os::fd::OwnedFd;

const USER: u32 = libc::TP_STATUS_USER;
const VLAN: u32 = libc::TP_STATUS_VLAN_VALID;
const TPID: u32 = libc::TP_STATUS_VLAN_TPID_VALID;

/// Where the frame's bytes begin behind its header, as the kernel places them.
const MAC_OFFSET: usize = 86;

/// What a frame of a made-up block is.
#[derive(Clone, Copy)]
struct Made<'a> {
    bytes: &'a [u8],
    wire_len: u32,
    status: u32,
    tci: u32,
    tpid: u16,
}

impl<'a> Made<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            wire_len: bytes.len() as u32,
            status: USER,
            tci: 0,
            tpid: 0,
        }
    }
}

/// A block as the kernel leaves it, from its first byte on.
fn block(frames: &[Made<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for word in [3, 0, USER, frames.len() as u32, 48, 0, 0, 0, 0, 0, 0, 0] {
        block.extend(u32::to_ne_bytes(word));
    }
    for (at, made) in frames.iter().enumerate() {
        let room = (MAC_OFFSET + made.bytes.len()).next_multiple_of(16);
        let next = if at + 1 == frames.len() {
            0
        } else {
            room as u32
        };
        let begin = block.len();
        let captured = made.bytes.len() as u32;
        for word in [next, 7, 5 + at as u32, captured, made.wire_len, made.status] {
            block.extend(word.to_ne_bytes());
        }
        for half in [MAC_OFFSET as u16, MAC_OFFSET as u16 + 14] {
            block.extend(half.to_ne_bytes());
        }
        for word in [0xdead_beef, made.tci, u32::from(made.tpid)] {
            block.extend(word.to_ne_bytes());
        }
        block.resize(begin + MAC_OFFSET, 0xee);
        block.extend(made.bytes);
        block.resize(begin + room, 0xee);
    }
    block
}

fn walk(block: &[u8]) -> (Vec<(Vec<u8>, u32, u64)>, u64) {
    let mut lent = block[HEAD_BYTES..].to_vec();
    let cursor = Cursor::new(&lent).unwrap();
    let mut walk = Walk::new(&mut lent, cursor, usize::MAX);
    let own = |it: Packet<'_>| (it.bytes.to_vec(), it.wire_len, it.time_ns);
    let packets = walk.by_ref().map(own).collect();
    (packets, walk.invalid)
}

const FRAME: &[u8] = b"\x01\x01\x01\x01\x01\x01\x02\x02\x02\x02\x02\x02\x08\0payload";

#[test]
fn frames_come_as_they_are() {
    let cut = Made {
        wire_len: 9000,
        ..Made::new(FRAME)
    };
    let short = Made::new(b"runt");
    let (packets, invalid) = walk(&block(&[Made::new(FRAME), cut, short, Made::new(b"")]));
    let at = |ns: u64| 7_000_000_005 + ns;
    let expected = vec![
        (FRAME.to_vec(), FRAME.len() as u32, at(0)),
        (FRAME.to_vec(), 9000, at(1)),
        (b"runt".to_vec(), 4, at(2)),
        (Vec::new(), 0, at(3)),
    ];
    assert_eq!((packets, invalid), (expected, 0));
}

#[test]
fn tags_are_put_back() {
    let tagged = Made {
        status: USER | VLAN,
        tci: 0x2064,
        ..Made::new(FRAME)
    };
    let service = Made {
        status: tagged.status | TPID,
        tpid: 0x88a8,
        ..tagged
    };
    let (packets, invalid) = walk(&block(&[tagged, service, tagged]));
    let with = |tag: &[u8]| [&FRAME[..12], tag, &FRAME[12..]].concat();
    let bytes: Vec<_> = packets.iter().map(|(bytes, ..)| bytes.clone()).collect();
    let customer = with(b"\x81\0\x20\x64");
    assert_eq!(
        bytes,
        [customer.clone(), with(b"\x88\xa8\x20\x64"), customer]
    );
    assert!(
        packets
            .iter()
            .all(|(bytes, wire_len, _)| bytes.len() as u32 == *wire_len)
    );
    assert_eq!(invalid, 0);
}

#[test]
fn a_wrong_offset_ends_the_block() {
    let three = block(&[Made::new(FRAME); 3]);
    let second = 48 + (MAC_OFFSET + FRAME.len()).next_multiple_of(16);
    // Of the second frame: the step (too short, too long), the length, the begin.
    let wrongs = [
        (0, 0_u32),
        (0, 47),
        (0, u32::MAX),
        (12, 4096),
        (12, u32::MAX),
        (24, 47),
        (24, 0xffff),
    ];
    for (field, value) in wrongs {
        let mut block = three.clone();
        block[second + field..][..4].copy_from_slice(&value.to_ne_bytes());
        let (packets, invalid) = walk(&block);
        assert_eq!((packets.len(), invalid), (1, 2), "{field} {value}");
    }
    for first in [0, 11, 4096, u32::MAX] {
        let mut block = three.clone();
        block[16..20].copy_from_slice(&u32::to_ne_bytes(first));
        assert_eq!(walk(&block), (Vec::new(), 3), "{first}");
    }
}

/// Any block: no panic, and every frame lies inside.
#[test]
fn fuzz_walk() {
    let seed = block(
        &[Made {
            status: USER | VLAN,
            ..Made::new(FRAME)
        }; 2],
    );
    bolero::check!().for_each(|bytes: &[u8]| {
        // Half of the inputs change a block that is right, the others are blocks themselves.
        let mut lent = bytes.to_vec();
        if bytes.first().is_some_and(|byte| byte % 2 == 0) {
            lent = seed[HEAD_BYTES..].to_vec();
            for change in bytes[1..].as_chunks::<2>().0 {
                let at = usize::from(change[0]) % lent.len();
                lent[at] = change[1];
            }
        }
        let Some(cursor) = Cursor::new(&lent) else {
            return;
        };
        let inside = lent.as_ptr_range();
        let mut walk = Walk::new(&mut lent, cursor, usize::MAX);
        for packet in walk.by_ref() {
            let place = packet.bytes.as_ptr_range();
            assert!(inside.start <= place.start && place.end <= inside.end);
            assert!(packet.wire_len as usize >= packet.bytes.len());
        }
        assert_eq!(walk.walked + walk.invalid, u64::from(cursor.left));
    });
}

fn port(blocks: &[&[u8]]) -> Port {
    let nothing = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    Port::new(Ring::of(blocks, BLOCK_BYTES_MIN as usize), nothing, 3)
}

#[test]
fn bursts_share_a_block_and_lose_nothing() {
    let (hundred, one) = (
        block(&[Made::new(FRAME); 100]),
        block(&[Made::new(b"last")]),
    );
    let mut port = port(&[&hundred, &one]);
    assert_eq!(port.ring_fill(), (2, 2));
    let mut numbers = Vec::new();
    let take = |port: &mut Port, time_ns, most: usize, numbers: &mut Vec<u64>| {
        port.burst(time_ns, |frames| {
            let frames: Vec<_> = frames.take(most).collect();
            assert!(
                frames
                    .iter()
                    .all(|it| it.interface == 3 && it.bytes.len() == it.wire_len as usize)
            );
            numbers.extend(frames.iter().map(|it| it.number));
            frames.len()
        })
    };
    assert_eq!(take(&mut port, 1000, 64, &mut numbers), Some(64));
    // What is not taken comes again.
    assert_eq!(take(&mut port, 2000, 6, &mut numbers), Some(6));
    assert_eq!((port.ring_fill(), port.delivered()), ((2, 2), 70));
    assert_eq!(take(&mut port, 3000, 64, &mut numbers), Some(30));
    assert_eq!(port.ring_fill(), (1, 2));
    assert_eq!(take(&mut port, 4000, 64, &mut numbers), Some(1));
    assert_eq!((port.ring_fill(), port.delivered()), ((0, 2), 101));
    assert_eq!(take(&mut port, 5000, 64, &mut numbers), None);
    let expected = (1000..1064)
        .chain(2000..2006)
        .chain(3000..3030)
        .chain(4000..4001);
    assert_eq!(numbers, expected.collect::<Vec<_>>());
}

#[test]
fn a_block_without_frames_is_given_back() {
    let mut port = port(&[&block(&[]), &block(&[Made::new(FRAME)])]);
    let count = |port: &mut Port| port.burst(0, |frames| frames.count());
    assert_eq!(
        (count(&mut port), count(&mut port), count(&mut port)),
        (Some(0), Some(1), None)
    );
}

#[test]
fn available_memory_is_read() {
    let list = "MemTotal:       24681928 kB\nMemFree:  1 kB\nMemAvailable:   24128032 kB\n";
    assert_eq!(available_bytes(list), Some(24_128_032 * 1024));
    for none in [
        "",
        "MemAvailable: many kB",
        "MemAvailable: 3",
        "MemFree: 3 kB",
    ] {
        assert_eq!(available_bytes(none), None, "{none}");
    }
}
