//! Conversations made for these tests, whole and cut at every byte; no person in them, but for
//! the names that must never come out.

use crate::observe::Role::{self, Client, Server};
use crate::proto::replay::{Replay, Script, changed_however_cut, however_cut, in_pieces, whole};
use crate::proto::{Segment, Verdict};

use super::CLASSIFIER;

mod again;
mod silent;

const DEVICES: &str = "\
MSH|^~\\&|TESTGW^0011220000000001^EUI-64|TEST HOSPITAL|EHR|TEST HOSPITAL|20260101120000+0000||\
ORU^R01^ORU_R01|MSG0001|P|2.6|||AL|NE||UNICODE UTF-8|||\
IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO
PID|||SECRET^^^TEST^PI||MUST^NOT^LEAK
PV1||I|ICU^R12^B03^TEST HOSPITAL&1.2.3&ISO^^^MAIN^2||||SECRET^LEAK
OBR|1|GWORD1^TESTGW|GWORD1^TESTGW|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||2026||SECRET^LEAK
OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X||||SECRET|LEAK||\
MON-SN-1^TESTMON^0011220000000001^EUI-64
OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|TESTVENDOR||||||R
OBX|3|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.2|MODEL\\T\\X||||||R
OBX|4|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|1.0.0.3|SN0001||||||R
OBX|5|ST|531972^LOCAL^L|1.0.0.3|SECRET||||||R
OBX|6||69854^MDC_DEV_METER_PRESS_BLD_VMD^MDC|1.1.0.0|||||||X
OBX|7|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.1.0.2|MODULE||||||R
OBX|8|NM|150033^MDC_PRESS_BLD_ART_SYS^MDC|1.1.1.1|999|266016^MDC_DIM_MMHG^MDC|||||R
NTE|1||SECRET
OBX|9||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|2.0.0.0|||||||X|||||||PUMP-7^^0011220000000001^EUI-64
OBX|10||69986^MDC_DEV_PUMP_INFUS_VMD^MDC|2.1.0.0|||||||X";

const PARTICIPATION: &str = "\
MSH|^~\\&|LABGW|TEST HOSPITAL|LIS|TEST HOSPITAL|20260101120000||ORU^R01^ORU_R01|MSG0002|P|2.8.2
SFT|TESTVENDOR^L|4.5.6|LAB MIDDLEWARE|BUILD77|SECRET|20250101
PID|||SECRET^^^TEST^PI||MUST^NOT^LEAK
PV1||I|ICU
OBR|1|||TEST
OBX|1|ST|TEST||SECRET||||||F
PRT||UC||RO^Observer^HL70912|SECRET^LEAK|||||DEV-9^LEAK
PRT||UC||EQUIP^Equipment^HL70912|SECRET^LEAK|||||DEV-1^TESTVENDOR^0011220000000001^EUI-64\
||||||(01)09521234543213(21)SN0001^GS1^2.51.1.1^ISO|20260101|||SN0001";

const ANALYSER: &str = "\
MSH|^~\\&|ANALYZER|TEST LAB|LAS|TEST LAB|20260101120000||ESU^U01^ESU_U01|MSG0003|P|2.5.1
EQU|AN-01^TESTVENDOR|20260101120000|OP^Normal Operation^HL70365";

const ACCEPTED: &str = "\
MSH|^~\\&|EHR|SITE 2|TESTGW|TEST HOSPITAL|20260101120001||ACK^R01^ACK|A1|P|2.6
MSA|AA|MSG0001|SECRET";

/// A message as it is on the wire.
fn block(text: &str) -> Vec<u8> {
    let mut block = vec![0x0b];
    block.extend(text.replace('\n', "\r").bytes());
    block.extend(b"\r\x1c\r");
    block
}

fn observed(script: Script<'_>) -> Vec<String> {
    let seen = however_cut(CLASSIFIER.session, script);
    let all = seen.concat();
    for secret in ["SECRET", "LEAK", "MSG000", "999", "202601011"] {
        assert!(!all.contains(secret), "{secret}: {seen:#?}");
    }
    seen
}

fn device_lines() -> Vec<String> {
    let monitor = "client>[hl7:ei|mon-sn-1|0011220000000001]";
    let pump = "client>[hl7:ei|pump-7|0011220000000001]";
    [
        "client hl7.msh.application=TESTGW".to_owned(),
        "client hl7.device.id=0011220000000001".into(),
        "client hl7.msh.facility=TEST HOSPITAL".into(),
        "server hl7.msh.receiving_application=EHR".into(),
        "server hl7.msh.receiving_facility=TEST HOSPITAL".into(),
        "client hl7.msh.version=2.6".into(),
        "client hl7.msh.message_type=ORU^R01".into(),
        "client hl7.role=oru_sender".into(),
        "client hl7.msh.processing_id=P".into(),
        "client hl7.msh.character_set=UNICODE UTF-8".into(),
        "client hl7.msh.profile=1.3.6.1.4.1.19376.1.6.1.1.1".into(),
        "event client hl7_message".into(),
        format!("{monitor} hl7.device.id=MON-SN-1^TESTMON^0011220000000001^EUI-64"),
        format!("{monitor} hl7.device.type=69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"),
        format!("{monitor} hl7.device.manufacturer=TESTVENDOR"),
        format!("{monitor} hl7.device.model=MODEL&X"),
        format!("{monitor} hl7.device.serial=SN0001"),
        format!("{monitor} hl7.device.location=ICU"),
        format!("{monitor} hl7.device.room=R12"),
        format!("{monitor} hl7.device.bed=B03"),
        format!("{monitor} hl7.device.facility=TEST HOSPITAL"),
        format!("{monitor} hl7.device.building=MAIN"),
        format!("{monitor} hl7.device.floor=2"),
        format!("event {monitor} hl7_result"),
        format!("{pump} hl7.device.id=PUMP-7^^0011220000000001^EUI-64"),
        format!("{pump} hl7.device.type=69985^MDC_DEV_PUMP_INFUS_MDS"),
        format!("{pump} hl7.device.location=ICU"),
        format!("{pump} hl7.device.room=R12"),
        format!("{pump} hl7.device.bed=B03"),
        format!("{pump} hl7.device.facility=TEST HOSPITAL"),
        format!("{pump} hl7.device.building=MAIN"),
        format!("{pump} hl7.device.floor=2"),
        format!("event {pump} hl7_result"),
    ]
    .to_vec()
}

#[test]
fn devices_behind_a_gateway_and_the_answer() {
    let seen = observed(&[(Client, &block(DEVICES)), (Server, &block(ACCEPTED))]);
    let mut expected = device_lines();
    expected.extend(
        [
            "server hl7.msh.application=EHR",
            "server hl7.msh.facility=SITE 2",
            "client hl7.msh.receiving_application=TESTGW",
            "client hl7.msh.receiving_facility=TEST HOSPITAL",
            "server hl7.msh.version=2.6",
            "Confirmed",
            "server hl7.role=oru_receiver",
            "event client hl7_accept",
        ]
        .map(String::from),
    );
    assert_eq!(seen, expected);
}

#[test]
fn equipment_takes_part_and_persons_are_stepped_over() {
    let seen = observed(&[(Client, &block(PARTICIPATION))]);
    let device = "client>[hl7:ei|dev-1|0011220000000001]";
    let expected = [
        "client hl7.sft.vendor=TESTVENDOR".to_owned(),
        "client hl7.sft.version=4.5.6".into(),
        "client hl7.sft.product=LAB MIDDLEWARE".into(),
        "client hl7.sft.binary_id=BUILD77".into(),
        "client hl7.sft.install_date=20250101".into(),
        format!("{device} hl7.device.id=DEV-1^TESTVENDOR^0011220000000001^EUI-64"),
        format!("{device} hl7.device.udi=(01)09521234543213(21)SN0001"),
        format!("{device} hl7.device.manufacture_date=20260101"),
        format!("{device} hl7.device.serial=SN0001"),
        format!("event {device} hl7_result"),
    ];
    assert_eq!(seen[9..], expected);
}

#[test]
fn an_identifier_on_a_value_is_the_devices() {
    let value = "|1.1.1.1|999|266016^MDC_DIM_MMHG^MDC|||||R";
    let on_value = format!("{value}|||||||MON-SN-1^TESTMON^0011220000000001^EUI-64");
    let rows = DEVICES.lines().filter(|line| !line.contains("|1.0.0.0|"));
    let moved = rows
        .collect::<Vec<_>>()
        .join("\n")
        .replace(value, &on_value);
    let seen = observed(&[(Client, &block(&moved))]);
    let mut expected = device_lines();
    expected.retain(|line| !line.contains("69965"));
    assert_eq!(seen, expected);
}

#[test]
fn an_analyser_reports_itself() {
    let seen = observed(&[(Client, &block(ANALYSER))]);
    let device = "client>[hl7:ei|an-01|testvendor]";
    let said = [
        format!("{device} hl7.device.id=AN-01^TESTVENDOR"),
        format!("{device} hl7.equ.state=OP"),
    ];
    assert!(seen.ends_with(&said), "{seen:#?}");
    assert!(seen.contains(&"client hl7.role=esu_sender".into()));
}

#[test]
fn every_way_to_end_a_segment_and_a_message() {
    let expected = device_lines();
    let text = DEVICES.to_owned();
    for variant in [
        text.replace('\n', "\r") + "\x1c",
        format!("\x0b{}\n\x1c\r", text),
        format!("\x0b{}\r\n\x1c\r\n", text.replace('\n', "\r\n")),
        format!("\x0b{}\r\x0b\r", text.replace('\n', "\r")),
        format!("hello\r\n\x0b\x0b{}\x1c\r", text.replace('\n', "\r\r")),
        format!(
            "\x0bFHS|^~\\&|X\rBHS|^~\\&|Y\r{}\rBTS|1\r\x1c\r",
            text.replace('\n', "\r")
        ),
        format!(
            "\x0b{}\x1c\r",
            text.replace("MSH|^~\\&|", "MSH|^~\\&#|")
                .replace('\n', "\r")
        ),
        format!(
            "\x0b{}\x1c\r",
            text.replace('|', "#").replace('^', "@").replace('\n', "\r")
        ),
    ] {
        let script: Script<'_> = &[(Client, variant.as_bytes())];
        let seen = whole(CLASSIFIER.session, script);
        for size in [1, 2, 3, 7] {
            assert_eq!(in_pieces(CLASSIFIER.session, script, size), seen);
        }
        let same: Vec<_> = seen.iter().map(|line| line.replace('@', "^")).collect();
        assert_eq!(same, expected, "{variant}");
    }
    // Two messages in one piece.
    let two = [block(DEVICES), block(ANALYSER)].concat();
    assert_eq!(observed(&[(Client, &two)])[..expected.len()], expected);
}

#[test]
fn a_line_feed_in_a_text_is_text() {
    let text = DEVICES
        .replace('\n', "\r")
        .replace("TESTVENDOR", "TEST\n vendor");
    let text = format!("\x0b{text}\x1c\r");
    let seen = observed(&[(Client, text.as_bytes())]);
    // The value holds a control character and is not said; all else is.
    assert_eq!(seen.len(), device_lines().len() - 1);
}

#[test]
fn answers_count_for_the_one_that_asked() {
    let message = block(ANALYSER);
    let answer = |text: &str| {
        block(&format!(
            "MSH|^~\\&|LAS|TEST LAB|||2026||ACK|Z|P|2.5.1\nMSA|{text}|SECRET"
        ))
    };
    let events = |script: Script<'_>| -> Vec<String> {
        let mut seen = observed(script);
        seen.retain(|line| line.starts_with("event") || line == "Confirmed");
        seen
    };
    let error = events(&[(Client, &message), (Server, &answer("AE|MSG0003"))]);
    assert_eq!(
        error,
        [
            "event client hl7_message",
            "Confirmed",
            "event client hl7_error"
        ]
    );
    let twice = events(&[
        (Client, &message),
        (Server, &answer("CA|MSG0003")),
        (Server, &answer("AA|MSG0003")),
    ]);
    assert_eq!(
        twice,
        [
            "event client hl7_message",
            "Confirmed",
            "event client hl7_accept"
        ]
    );
    let other = events(&[(Client, &message), (Server, &answer("AR|OTHER"))]);
    assert_eq!(other, ["event client hl7_message"]);
    // The client's direction is not in the capture.
    assert_eq!(
        events(&[(Server, &answer("AR|OTHER"))]),
        ["event client hl7_reject"]
    );
}

#[test]
fn an_answer_that_echoes_the_header_names_nobody() {
    let echo = ANALYSER
        .lines()
        .next()
        .unwrap()
        .replace("ESU^U01^ESU_U01", "ACK");
    let echo = block(&format!("{echo}\nMSA|AA|MSG0003"));
    let seen = observed(&[(Client, &block(ANALYSER)), (Server, &echo)]);
    assert!(
        !seen.contains(&"server hl7.msh.application=ANALYZER".into()),
        "{seen:#?}"
    );
    assert!(seen.contains(&"server hl7.role=esu_receiver".into()));
}

#[test]
fn a_chain_of_software_names_nobody() {
    let chain = PARTICIPATION.replace("\nPID", "\nSFT|OTHER|1|ENGINE|2\nPID");
    let seen = observed(&[(Client, &block(&chain))]);
    assert!(
        !seen.iter().any(|line| line.contains("hl7.sft")),
        "{seen:#?}"
    );
}

#[test]
fn long_segments_go_by() {
    let document = format!(
        "{ANALYSER}\nOBX|1|ED|PDF^^L||{}||||||F|||||||DEV-2^X\n\
         EQU|AN-02^TESTVENDOR|2026|OP^^HL70365",
        "A".repeat(40_000)
    );
    let bytes = block(&document);
    let script: Script<'_> = &[(Client, &bytes)];
    let expected = whole(CLASSIFIER.session, script);
    for size in [1, 1000, 1460, 17_000] {
        assert_eq!(in_pieces(CLASSIFIER.session, script, size), expected);
    }
    assert!(!expected.concat().contains("DEV-2"));
    assert!(expected.concat().contains("AN-02"));
}

#[test]
fn a_hole_costs_one_message_and_no_more() {
    let message = block(DEVICES);
    let mut replay = Replay::new((CLASSIFIER.session)());
    replay.feed(Client, &message[..300]);
    assert!(replay.lose(Client, 100));
    replay.feed(Client, &message[400..]);
    replay.feed(Client, &message);
    let devices = replay.seen.iter().filter(|line| line.contains('>')).count();
    assert_eq!(devices, 21);
}

fn probe(bytes: &[u8], cut: bool) -> Verdict {
    (CLASSIFIER.probe)(&Segment {
        bytes,
        from: Role::Client,
        time_ns: 0,
        ports: (50000, 443),
        cut,
    })
}

#[test]
fn a_probe_proves() {
    for (text, role) in [(DEVICES, Client), (ANALYSER, Client), (ACCEPTED, Server)] {
        let message = block(text);
        assert_eq!(probe(&message, false), Verdict::Match(role));
        assert_eq!(probe(&message[1..], false), Verdict::Match(role));
        assert_eq!(
            probe(&[b"junk ", &message[..]].concat(), false),
            Verdict::Match(role)
        );
        for cut in 0..message.len() {
            let verdict = probe(&message[..cut], false);
            assert!(matches!(verdict, Verdict::NeedMore) || verdict == Verdict::Match(role));
        }
    }
    let answer = ACCEPTED.replace("ACK^R01^ACK", "ORR^O02");
    assert_eq!(probe(&block(&answer), false), Verdict::Match(Server));
    assert_eq!(probe(&block(DEVICES)[..60], true), Verdict::Match(Client));
    assert_eq!(probe(b"\x0b\x06\x1c\r", false), Verdict::NeedMore);
    assert_eq!(probe(b"\x0bBHS|^~\\&|X", false), Verdict::Match(Client));
    for other in [
        &b"\x0bMSHA^~\\&A"[..],
        b"\x06",
        b"MSH hello world",
        b"MSH: what is it",
        b"GET / HTTP/1.1\r\n\r\nMSH|^~\\&|",
        b"\x0b<xml/>",
    ] {
        assert_eq!(
            probe(other, false),
            Verdict::Reject,
            "{}",
            other.escape_ascii()
        );
    }
}

#[test]
fn any_bytes_in_any_pieces() {
    bolero::check!()
        .with_type::<(Vec<u8>, Vec<u8>, u8)>()
        .with_iterations(500)
        .for_each(|(one, two, size)| {
            let mut replay = Replay::new((CLASSIFIER.session)());
            let message = block(DEVICES);
            let split = one.len().min(message.len());
            let bytes = [&message[..split], two, &message[split..], one].concat();
            for piece in bytes.chunks(usize::from(*size).max(1)) {
                replay.feed(Client, piece);
                replay.feed(Server, piece);
            }
            let _ = probe(one, false);
        });
}

#[test]
fn changed_bytes_are_the_same_however_cut() {
    let message = [block(PARTICIPATION), block(DEVICES)].concat();
    changed_however_cut(CLASSIFIER.session, &message);
}

/// A patient and a nurse wherever one can stand.
const PERSONS: &str = "\
MSH|^~\\&|TESTGW^0011220000000001^EUI-64|TEST HOSPITAL|EHR|TEST HOSPITAL|20260101120000+0000|\
CANARY|ORU^R01^ORU_R01|CANARY-10|P|2.6|||AL|NE||UNICODE UTF-8|||\
IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376^ISO
SFT|TESTVENDOR^L|4.5.6|LAB MIDDLEWARE|BUILD77|CANARY|20250101
EVN|A01|2026|||CANARY^CANARY
PID|1|CANARY-2|CANARY-3^^^CANARY^MR|CANARY-4|CANARY^PATIENT^HL7^CANARY|CANARY|CANARY|O|||1 CANARY \
STREET^^CANARYTOWN||CANARY-PHONE^PRN|CANARY-WORK|||||CANARY-SSN
NK1|1|CANARY^RELATIVE^HL7|SPO|1 CANARY STREET||CANARY-PHONE
PV1|1|I|ICU^R12^B03^TEST HOSPITAL^^^MAIN^2||||CANARY01^CANARY^ATTENDING|CANARY02^CANARY^REFERRING
OBR|1|CANARY-1|CANARY-2|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||2026|||CANARY03^CANARY^X
OBX|1||69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|1.0.0.0|||||||X||||CANARY|\
CANARY04^CANARY^NURSE||MON-SN-1^TESTMON^0011220000000001^EUI-64
OBX|2|ST|531970^MDC_ID_MODEL_MANUFACTURER^MDC|1.0.0.1|TESTVENDOR||||||R|||||CANARY05^CANARY^NURSE
OBX|3|ST|531972^MDC_ID_PROD_SPEC_SERIAL^MDC|1.0.0.3|SN0001||||||R
OBX|4|TX|1234^NOTE^L|1.0.0.4|CANARY note||||||F|||||CANARY06^CANARY^NURSE
NTE|1||CANARY
OBX|5||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|2.0.0.0|||||||X|||||CANARY07^CANARY^NURSE
PRT|1|UC||EQUIP^Equipment^HL70912|CANARY08^CANARY^NURSE|CANARY||CANARY^CLINIC|CANARY|\
FLOW-1^FLOW 2^0011220000000112^EUI-64||||CANARY STREET|CANARY-PHONE|\
(01)09521234543220(21)FLOW-1|20220115|||FLOW-1
PRT|2|UC||EQUIP^Equipment^HL70912||||||CANARY-DONOR^X^1.2.3^ISO||||||=/CANARY||||CANARY|CANARY^D
PRT|3|UC||RO^Observer^HL70912|CANARY09^CANARY|||||CANARY-9^CANARY
OBX|6|ST|74711-3^UDI^LN||(01)CANARY||||||F
PRT|4|UC||EQUIP^Equipment^HL70912||||||CANARY-IMPLANT^X^1.2.3^ISO||||||(01)CANARY||||CANARY
OBX|7|CWE|68487^MDC_ATTR_EVT_COND^MDC|2.1.0.1|197288^MDC_EVT_PUMP_DELIV_START^MDC||||||R
OBX|8|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.5|start||||||R
OBX|9|ST|68546^MDC_ATTR_ALERT_TEXT^MDC|1.0.0.6|CANARY||||||R
EQU|AN-1^TESTVENDOR|2026|OP^Normal^HL70365
INV|REAGENT^CANARY|OK|SR|||||||||||||LOT|MAKER^Maker^L
ZZZ|CANARY
MSH|^~\\&|X||||2026|CANARY|ACK|CANARY-11|P|2.6
MSA|AE|CANARY-12|CANARY text
ERR|||207|E||||CANARY";

#[test]
fn no_person_comes_out_and_equipment_does() {
    let seen = however_cut(CLASSIFIER.session, &[(Client, &block(PERSONS))]);
    let all = seen.concat();
    assert!(!all.to_lowercase().contains("canary"), "{seen:#?}");
    let pump = "client>[hl7:ei|flow-1|0011220000000112]";
    let monitor = "client>[hl7:ei|mon-sn-1|0011220000000001]";
    for line in [
        format!("{pump} hl7.device.type=69985^MDC_DEV_PUMP_INFUS_MDS"),
        format!("{pump} hl7.device.udi=(01)09521234543220(21)FLOW-1"),
        format!("event {pump} hl7_infusion_started"),
        format!("event {monitor} hl7_alarm_raised"),
        "client>[hl7:ei|an-1|testvendor] hl7.inv.manufacturer=Maker".into(),
    ] {
        assert!(seen.contains(&line), "{line} {seen:#?}");
    }
}

/// Separators changed, or bytes that the capture does not hold: no person comes out.
#[test]
fn no_damage_lets_a_person_out() {
    // Of an implant and a donation only an emptied field tells equipment apart: tested above.
    let unmistakable = PERSONS
        .lines()
        .filter(|line| !line.contains("IMPLANT") && !line.contains("DONOR"))
        .collect::<Vec<_>>();
    let message = block(&unmistakable.join("\n"));
    bolero::check!()
        .with_type::<([(u16, u8); 4], u16, u8, u8)>()
        .with_iterations(10_000)
        .for_each(|(changes, cut, lost, kind)| {
            let mut bytes = message.clone();
            let len = bytes.len();
            if kind & 1 != 0 {
                for (at, value) in changes {
                    let separators = b"|^~\\&\r\n\x0b\x1c#";
                    let value = separators[usize::from(*value) % separators.len()];
                    bytes[usize::from(*at) % len] = value;
                }
            }
            let mut replay = Replay::new((CLASSIFIER.session)());
            let (head, tail) = bytes.split_at(usize::from(*cut) % len);
            replay.feed(Client, head);
            if kind & 1 == 0 {
                let lost = usize::from(*lost).min(tail.len());
                assert!(replay.lose(Client, lost as u64));
                replay.feed(Client, &tail[lost..]);
            } else {
                replay.feed(Client, tail);
            }
            let seen = replay.seen;
            let all = seen.concat().to_lowercase();
            assert!(
                !all.contains("canary"),
                "{seen:#?} of {}",
                bytes.escape_ascii()
            );
        });
}

/// Bytes that are missing without a gap, as behind a serial line: of two rows one is made, whose
/// value is another's. The numbers of rows show it, and what that row said is taken back.
#[test]
fn rows_that_became_one_are_taken_back() {
    let text = |note: bool| {
        let (head, tail) = PERSONS.split_once("1.0.0.1|TESTVENDOR").unwrap();
        let (_, rest) = tail.split_once("1.0.0.4|CANARY note").unwrap();
        let value = if note { "CANARY note" } else { "TESTVENDOR" };
        format!("{head}1.0.0.1|{value}{rest}")
    };
    for note in [false, true] {
        let seen = observed_persons(&block(&text(note)));
        assert!(
            !seen.concat().contains("hl7.device.manufacturer"),
            "{seen:#?}"
        );
        assert!(seen.concat().contains("[hl7:ei|flow-1|"), "{seen:#?}");
    }
}

/// What damage makes of a row or a header has not their form.
#[test]
fn what_is_left_of_two_fields_says_nothing() {
    for (from, to) in [
        ("|ORU^R01^ORU_R01|CANARY-10|", "|ORU^CANARY|"),
        ("UNICODE UTF-8", "UNICODECANARY"),
        (
            "|4.5.6|LAB MIDDLEWARE|BUILD77|CANARY|",
            "|4.5.6^LAB|BUILD77|CANARY|",
        ),
        ("BUILD77|CANARY|2025", "BUILD77&CANARY|#2025"),
        ("CANARY|FLOW-1^", "CANARY#FLOW-1^"),
        ("AN-1^TESTVENDOR|2026", "AN-1^CANARY|"),
        ("MAKER^Maker^L", "CANARY"),
        ("I|ICU^R12^B03^", "I|ICU^CANARY^B03^"),
        (
            "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376^ISO",
            "IHE_PCD_001CANARY",
        ),
        (
            "CANARY-9^CANARY\n",
            "CANARY-9^CANARY\nPRT|4|UC||EQUIP|A^B|||||CANARY-9^CANARY\n",
        ),
    ] {
        assert!(PERSONS.contains(from), "{from}");
        observed_persons(&block(&PERSONS.replacen(from, to, 1)));
    }
}

/// What is said of a message in which every person is a canary: none of them.
fn observed_persons(bytes: &[u8]) -> Vec<String> {
    let seen = whole(CLASSIFIER.session, &[(Client, bytes)]);
    assert!(
        !seen.concat().to_lowercase().contains("canary"),
        "{seen:#?}"
    );
    seen
}

/// Every version, with the fields that it has.
#[test]
fn versions_and_their_fields() {
    for version in [
        "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8.2", "2.9",
    ] {
        let text = DEVICES.replace("|P|2.6|", &format!("|P|{version}|"));
        let seen = observed(&[(Client, &block(&text))]).concat();
        assert!(
            seen.contains(&format!("hl7.msh.version={version}")),
            "{version}"
        );
        // Before 2.4 there is no OBX-18: then the serial number names the monitor.
        let named = !version.starts_with("2.3") && !matches!(version, "2.1" | "2.2");
        assert_eq!(seen.contains("[hl7:ei|mon-sn-1"), named, "{version}");
        assert_eq!(
            seen.contains("[hl7:serial|testvendor|model&x|sn0001]"),
            !named
        );
    }
}

#[test]
fn a_header_out_of_place_says_nothing() {
    for (from, to) in [
        ("|EHR|", "|EHR||"),
        ("||ORU^R01", "|ORU^R01"),
        ("|P|2.6|", "|2.6|"),
        ("|P|2.6|", "|P|SECRET|"),
    ] {
        let text = DEVICES.replacen(from, to, 1);
        let seen = observed(&[(Client, &block(&text))]);
        assert_eq!(seen[0], "Malformed", "{to}");
        assert!(!seen.concat().contains("hl7.msh."), "{to}: {seen:#?}");
    }
}
