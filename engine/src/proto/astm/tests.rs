//! Conversations in own bytes, whole and cut at every byte; invented instruments, and persons that
//! must never come out.

use crate::config::ASTM_HEADER_BYTES_MAX;
use crate::observe::Role::{Client, Server};
use crate::proto::driver::{check_any, probe};
use crate::proto::replay::{Replay, Script, however_cut, whole};
use crate::proto::{Verdict, damage};

use super::CLASSIFIER;
use super::frame::checksum;

const RECORDS: &str = "\
H|\\^&||CANARY-PASSWORD|EXAMPLE-900^01.02.03^ZZ-0001|CANARY STREET||CANARY-PHONE||LIS|CANARY|P|\
LIS2-A2|20260101000000
P|1|CANARY-1|CANARY-2|CANARY-3|CANARY^PATIENT||19000101|F
C|1|L|CANARY comment|G
O|1|CANARY-SPECIMEN||^^^GLU|R||||||||||||||||||||F
R|1|^^^GLU|5.4|mmol/L||N||F||CANARY-OPERATOR||20260101000000
Q|1|^CANARY-SPECIMEN||ALL
M|1|CANARY
L|1|N";

const IDENTIFIER: &str = "lis:sender|example-900|zz-0001";

/// Text in one frame.
fn frame(number: u8, text: &str, last: bool) -> Vec<u8> {
    let mut summed = vec![b'0' + number];
    summed.extend(text.bytes());
    summed.push(if last { 0x03 } else { 0x17 });
    let check = checksum(&summed);
    [&[0x02][..], &summed, &check, b"\r\n"].concat()
}

/// The records, one a frame.
fn frames(records: &str) -> Vec<Vec<u8>> {
    (1u8..)
        .zip(records.lines())
        .map(|(number, record)| frame(number % 8, &format!("{record}\r"), true))
        .collect()
}

/// A transfer: enquiry, frames, end, and the host's answer to each.
fn transfer(frames: &[Vec<u8>]) -> Vec<(crate::observe::Role, Vec<u8>)> {
    let mut script = vec![(Client, vec![0x05]), (Server, vec![0x06])];
    for frame in frames {
        script.extend([(Client, frame.clone()), (Server, vec![0x06])]);
    }
    script.push((Client, vec![0x04]));
    script
}

fn observed(script: &[(crate::observe::Role, Vec<u8>)]) -> Vec<String> {
    let script: Vec<_> = script
        .iter()
        .map(|(from, bytes)| (*from, &bytes[..]))
        .collect();
    let seen = however_cut(CLASSIFIER.session, &script);
    let all = seen.concat();
    assert!(!all.to_lowercase().contains("canary"), "{seen:#?}");
    assert!(
        !all.contains("19000101") && !all.contains("5.4"),
        "{seen:#?}"
    );
    seen
}

fn said() -> Vec<String> {
    let device = format!("client>[{IDENTIFIER}]");
    [
        format!("{device} astm.sender=EXAMPLE-900^01.02.03^ZZ-0001"),
        "client astm.version=LIS2-A2".into(),
        "client astm.processing_id=P".into(),
        "Confirmed".into(),
        "client astm.role=result_sender".into(),
        "server astm.role=result_receiver".into(),
        "client astm.role=query_sender".into(),
        "server astm.role=query_receiver".into(),
        format!("event {device} lis_result"),
    ]
    .to_vec()
}

#[test]
fn an_instrument_and_its_host() {
    assert_eq!(observed(&transfer(&frames(RECORDS))), said());
}

/// All records in one frame; a record over two frames; the last CR left out.
#[test]
fn frames_and_records_need_not_agree() {
    let one = frame(1, &RECORDS.replace('\n', "\r"), true);
    let (head, tail) = RECORDS.split_at(40);
    let two = [
        frame(1, head, false),
        frame(2, &tail.replace('\n', "\r"), true),
    ];
    for frames in [&[one][..], &two] {
        let seen = observed(&transfer(frames));
        let mut expected = said();
        // The header is answered together with all the rest.
        expected.sort();
        let mut sorted = seen.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
    }
}

#[test]
fn records_without_frames() {
    let bare = RECORDS.replace('\n', "\r") + "\r";
    let host = "H|\\^&|||LIS-9^1.0.0|||||EXAMPLE-900||P|LIS2-A2|20260101\rL|1|N\r";
    let soh = [b"\x01", bare.as_bytes(), b"\x04"].concat();
    for bytes in [bare.into_bytes(), soh] {
        let seen = observed(&[(Client, bytes), (Server, host.into())]);
        assert!(seen.contains(&format!("event client>[{IDENTIFIER}] lis_result")));
        assert!(seen.contains(&"server>[lis:sender|lis-9] astm.sender=LIS-9^1.0.0".into()));
        assert!(seen.contains(&"Confirmed".into()), "{seen:#?}");
    }
}

#[test]
fn a_damaged_frame_says_nothing_and_one_sent_again_counts_once() {
    let good = frames(RECORDS);
    let mut bad = good.clone();
    let at = bad[0].len() - 6;
    bad[0][at] ^= 1;
    let seen = observed(&transfer(&bad));
    assert_eq!(seen[0], "Faulty(Checksum)");
    assert!(!seen.concat().contains("EXAMPLE-900"), "{seen:#?}");
    assert!(
        seen.contains(&"event client lis_result".into()),
        "{seen:#?}"
    );

    let mut again = good.clone();
    again.insert(5, good[4].clone());
    assert_eq!(observed(&transfer(&again)), said());
}

#[test]
fn a_hole_costs_the_frame_alone() {
    let script = transfer(&frames(RECORDS));
    let mut replay = Replay::new((CLASSIFIER.session)());
    for (at, (from, bytes)) in script.iter().enumerate() {
        if at == 4 {
            replay.feed(*from, &bytes[..10]);
            assert!(replay.lose(*from, 10));
            replay.feed(*from, &bytes[20..]);
        } else {
            replay.feed(*from, bytes);
        }
    }
    let event = format!("event client>[{IDENTIFIER}] lis_result");
    assert!(replay.seen.contains(&event), "{:#?}", replay.seen);
    assert!(!replay.seen.concat().contains("CANARY"));
}

#[test]
fn a_probe_proves() {
    let all = frames(RECORDS);
    let ports = (50_000, 9_000);
    let header = &all[0];
    for start in [&b""[..], b"\x05", b"\x04\x05", b"\x06"] {
        let bytes = [start, header].concat();
        assert!(matches!(
            probe(&CLASSIFIER, &bytes, ports),
            Verdict::Match(_)
        ));
        for cut in 1..bytes.len() {
            let verdict = probe(&CLASSIFIER, &bytes[..cut], ports);
            assert!(verdict != Verdict::Reject, "cut at {cut}");
        }
    }
    // Picked up in the middle: a frame proves itself by its checksum.
    assert!(matches!(
        probe(&CLASSIFIER, &all[1], ports),
        Verdict::Match(_)
    ));
    let mut damaged = all[1].clone();
    damaged[5] ^= 1;
    for other in [
        &damaged[..],
        b"H|||||",
        b"HTTP/1.1 200 OK\r\n",
        b"HELO x",
        b"\x02\x39H|\\^&|",
        b"\x05\x05\x05\x05\x05\x05\x05\x05\x05",
        b"\x01\x00\x00",
    ] {
        assert_eq!(
            probe(&CLASSIFIER, other, ports),
            Verdict::Reject,
            "{}",
            other.escape_ascii()
        );
    }
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(2000)
        .for_each(|input: &[u8]| {
            // One header of each end, in a list that grew by doubling.
            check_any(&CLASSIFIER, input, 2 * 2 * ASTM_HEADER_BYTES_MAX);
        });
}

/// Separators changed, bytes lost and pieces swapped: no person comes out.
#[test]
fn no_damage_lets_a_person_out() {
    let framed = frames(RECORDS).concat();
    let header = frames(RECORDS)[0].len();
    let sum = |bytes: &[u8]| {
        bytes[..header]
            .iter()
            .fold(0u8, |sum, b| sum.wrapping_add(*b))
    };
    let bare = (RECORDS.replace('\n', "\r") + "\r").into_bytes();
    bolero::check!()
        .with_type::<(bool, [(u16, u8); 4], u16, u8, u8)>()
        .with_iterations(20_000)
        .for_each(|(in_frames, changes, cut, lost, kind)| {
            let mut bytes = if *in_frames {
                framed.clone()
            } else {
                bare.clone()
            };
            let len = bytes.len();
            if kind & 1 != 0 {
                // A checksum finds faults; bare records have to stand one.
                let faults = if *in_frames { 4 } else { 1 };
                for (at, value) in changes.iter().take(faults) {
                    let separators = b"|^\\&\r\n\x02\x03\x17\x04\x05\x01H";
                    let value = separators[usize::from(*value) % separators.len()];
                    bytes[usize::from(*at) % len] = value;
                }
                // A sum of eight bits misses one header in 256 that is damaged in several places.
                if *in_frames && sum(&bytes) == sum(&framed) && bytes != framed {
                    return;
                }
            }
            if kind & 1 == 0 {
                let from = usize::from(*cut) % len;
                bytes.drain(from..(from + usize::from(*lost)).min(len));
            }
            let script: Script<'_> = &[(Client, &bytes)];
            let seen = whole(CLASSIFIER.session, script).concat().to_lowercase();
            assert!(
                !seen.contains("canary"),
                "{seen} of {}",
                bytes.escape_ascii()
            );
        });
}

/// Bytes that nobody misses: a record of a person becomes no header, in frames, which have sums,
/// and without them. There a record of a person that was said again in the middle of a header, and
/// cut at both ends, is a header like any other: only one damage can be stood.
#[test]
fn no_record_of_a_person_becomes_a_header_however_much_is_missed() {
    let header = "H|\\^&|||EXAMPLE-900^01.02.03^ZZ-0001|||||LIS||P|LIS2-A2|20260101000000";
    let (_, rest) = RECORDS.split_once('\n').unwrap();
    let records = format!("{header}\n{rest}");
    let framed: Vec<u8> = transfer(&frames(&records))
        .into_iter()
        .filter(|(from, _)| *from == Client)
        .flat_map(|(_, bytes)| bytes)
        .collect();
    let bare = records.replace('\n', "\r") + "\r";
    for (stream, most) in [(framed.repeat(2), 2), (bare.repeat(2).into_bytes(), 1)] {
        damage::check(CLASSIFIER.session, &stream, most, &damage::names_nobody);
    }
}
