//! Conversations made for these tests, whole and cut at every byte; no person in them, but for
//! the names that must never come out.

use std::io::Write as _;

use crate::observe::Role::{self, Client, Server};
use crate::proto::replay::{Replay, Script, changed_however_cut, however_cut, whole};
use crate::proto::{Segment, Transport, Verdict};

use super::CLASSIFIER;

mod documents;
mod services;

/// Stands for every person; must never be said.
const CANARY: &[u8] = b"MUST^NOT^LEAK";

fn item(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut item = vec![kind, 0];
    item.extend((content.len() as u16).to_be_bytes());
    item.extend(content);
    item
}

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut pdu = vec![kind, 0];
    pdu.extend((body.len() as u32).to_be_bytes());
    pdu.extend(body);
    pdu
}

fn padded(title: &[u8]) -> Vec<u8> {
    let mut title = title.to_vec();
    title.resize(16, b' ');
    title
}

fn fixed(called: &[u8], calling: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend(padded(called));
    body.extend(padded(calling));
    body.extend([0; 32]);
    body.extend(item(0x10, b"1.2.840.10008.3.1.1.1"));
    body
}

fn user(version: &[u8]) -> Vec<u8> {
    let mut user = item(0x51, &16384u32.to_be_bytes());
    user.extend(item(0x52, b"1.2.3.4.5.6"));
    user.extend(item(0x55, version));
    // A user's name and pass code (58): never read.
    user.extend(item(0x58, b"\x01\x00\x00\x0dMUST^NOT^LEAK\x00\x00"));
    item(0x50, &user)
}

fn request(contexts: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
    let mut body = fixed(b"ARCHIVE_X", b"CT01_TEST");
    for (id, class, syntax) in contexts {
        let mut context = vec![*id, 0, 0, 0];
        context.extend(item(0x30, class));
        context.extend(item(0x40, syntax));
        body.extend(item(0x20, &context));
    }
    body.extend(user(b"TESTVEND_1.0"));
    pdu(1, &body)
}

fn accept(contexts: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let mut body = fixed(b"NOT_TESTED", b"NOT_TESTED");
    for (id, result, syntax) in contexts {
        let mut context = vec![*id, 0, *result, 0];
        context.extend(item(0x40, syntax));
        body.extend(item(0x21, &context));
    }
    body.extend(user(b"ARCHIVE_2"));
    pdu(2, &body)
}

fn implicit(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut element = ((tag >> 16) as u16).to_le_bytes().to_vec();
    element.extend((tag as u16).to_le_bytes());
    element.extend((value.len() as u32).to_le_bytes());
    element.extend(value);
    element
}

fn even(text: &[u8], pad: u8) -> Vec<u8> {
    let mut text = text.to_vec();
    if text.len() % 2 == 1 {
        text.push(pad);
    }
    text
}

/// Writes elements with explicit VRs.
struct Explicit {
    big: bool,
    bytes: Vec<u8>,
}

impl Explicit {
    fn head(&mut self, tag: u32) {
        let (group, element) = ((tag >> 16) as u16, tag as u16);
        for half in [group, element] {
            self.bytes.extend(if self.big {
                half.to_be_bytes()
            } else {
                half.to_le_bytes()
            });
        }
    }

    fn long(&mut self, len: u32) {
        self.bytes.extend(if self.big {
            len.to_be_bytes()
        } else {
            len.to_le_bytes()
        });
    }

    fn short(&mut self, tag: u32, vr: &[u8; 2], value: &[u8]) {
        let value = even(value, if vr == b"UI" { 0 } else { b' ' });
        self.head(tag);
        self.bytes.extend(vr);
        let len = value.len() as u16;
        self.bytes.extend(if self.big {
            len.to_be_bytes()
        } else {
            len.to_le_bytes()
        });
        self.bytes.extend(value);
    }

    fn begin(&mut self, tag: u32, vr: &[u8; 2], len: u32) {
        self.head(tag);
        self.bytes.extend(vr);
        self.bytes.extend([0, 0]);
        self.long(len);
    }

    fn item(&mut self, tag: u32, len: u32) {
        self.head(tag);
        self.long(len);
    }
}

/// A CT's object: every kept element, persons around them, undefined lengths, pixels.
fn object(big: bool) -> Vec<u8> {
    let mut set = Explicit {
        big,
        bytes: Vec::new(),
    };
    set.short(0x0008_0005, b"CS", b"ISO_IR 100");
    set.short(0x0008_0055, b"AE", b"CT01_TEST");
    set.short(0x0008_0060, b"CS", b"CT");
    set.short(0x0008_0070, b"LO", b"TESTVENDOR");
    set.short(0x0008_0080, b"LO", b"TEST HOSPITAL");
    set.short(0x0008_0090, b"PN", CANARY);
    set.short(0x0008_1010, b"SH", b"CTSTN01");
    set.short(0x0008_1040, b"LO", b"RADIOLOGY");
    set.short(0x0008_1070, b"PN", CANARY);
    set.short(0x0008_1090, b"LO", b"MODEL X");
    // A sequence of undefined length with a nested one, a private one as UN, a long private value.
    set.begin(0x0008_1140, b"SQ", u32::MAX);
    set.item(0xfffe_e000, u32::MAX);
    set.short(0x0008_0070, b"LO", CANARY);
    set.begin(0x0008_2112, b"SQ", u32::MAX);
    set.item(0xfffe_e000, 0);
    set.item(0xfffe_e0dd, 0);
    set.item(0xfffe_e00d, 0);
    set.item(0xfffe_e0dd, 0);
    set.begin(0x0009_1010, b"OB", 400);
    set.bytes.extend([0xfe; 400]);
    set.short(0x0010_0010, b"PN", CANARY);
    set.short(0x0018_1000, b"LO", b"SN0001");
    set.short(0x0018_1002, b"UI", b"1.2.3.4.5");
    set.short(0x0018_1008, b"LO", b"G1");
    set.begin(0x0018_100a, b"SQ", u32::MAX);
    set.item(0xfffe_e000, u32::MAX);
    set.begin(0x0018_1009, b"UT", 28);
    set.bytes.extend(b"(01)09521234543213(21)SN0001");
    set.begin(0x0050_0020, b"UT", 14);
    set.bytes.extend(b"MUST^NOT^LEAK ");
    set.item(0xfffe_e00d, 0);
    set.item(0xfffe_e0dd, 0);
    set.short(0x0018_1020, b"LO", b"V1.2\\FW 3");
    set.short(0x0018_1030, b"LO", CANARY);
    set.short(0x0018_1200, b"DA", b"20260101");
    set.short(0x0018_700a, b"SH", b"DET-1");
    set.short(0x0020_4000, b"LT", CANARY);
    set.begin(0x7fe0_0010, b"OB", u32::MAX);
    set.item(0xfffe_e000, 900);
    set.bytes.extend(CANARY.iter().cycle().take(900));
    set.item(0xfffe_e0dd, 0);
    set.bytes
}

/// The same machine's object with implicit VRs.
fn implicit_object() -> Vec<u8> {
    let mut set = Vec::new();
    for (tag, value) in [
        (0x0008_0055, &b"CT01_TEST"[..]),
        (0x0008_0060, b"CT"),
        (0x0008_0070, b"TESTVENDOR"),
        (0x0008_0080, b"TEST HOSPITAL"),
        (0x0008_1010, b"CTSTN01"),
        (0x0008_1040, b"RADIOLOGY"),
        (0x0008_1090, b"MODEL X"),
        (0x0010_0010, CANARY),
        (0x0018_1000, b"SN0001"),
        (0x0018_1002, b"1.2.3.4.5"),
        (0x0018_1008, b"G1"),
    ] {
        set.extend(implicit(tag, &even(value, b' ')));
    }
    let udi = implicit(0x0018_1009, b"(01)09521234543213(21)SN0001");
    set.extend(implicit(0x0018_100a, &implicit(0xfffe_e000, &udi)));
    for (tag, value) in [
        (0x0018_1020, &b"V1.2\\FW 3"[..]),
        (0x0018_1200, b"20260101"),
        (0x0018_700a, b"DET-1"),
        (0x0020_4000, CANARY),
    ] {
        set.extend(implicit(tag, &even(value, b' ')));
    }
    set
}

const CT: &[u8] = b"1.2.840.10008.5.1.4.1.1.2";
const VERIFICATION: &[u8] = b"1.2.840.10008.1.1";
const WORKLIST: &[u8] = b"1.2.840.10008.5.1.4.31";
const MPPS: &[u8] = b"1.2.840.10008.3.1.2.3.3";
const IMPLICIT: &[u8] = b"1.2.840.10008.1.2";
const EXPLICIT: &[u8] = b"1.2.840.10008.1.2.1";
const JPEG: &[u8] = b"1.2.840.10008.1.2.4.70";
const BIG: &[u8] = b"1.2.840.10008.1.2.2";
const DEFLATED: &[u8] = b"1.2.840.10008.1.2.1.99";

fn us(tag: u32, value: u16) -> Vec<u8> {
    implicit(tag, &value.to_le_bytes())
}

/// A command set: field, class, message id, whether data follow, more elements.
fn command(field: u16, class: &[u8], id: u16, data: bool, more: &[Vec<u8>]) -> Vec<u8> {
    let mut body = implicit(0x0000_0002, &even(class, 0));
    body.extend(us(0x0000_0100, field));
    let id_tag = if field & 0x8000 == 0 {
        0x0000_0110
    } else {
        0x0000_0120
    };
    body.extend(us(id_tag, id));
    body.extend(us(0x0000_0800, if data { 0 } else { 0x0101 }));
    body.extend(more.concat());
    let mut set = implicit(0x0000_0000, &(body.len() as u32).to_le_bytes());
    set.extend(body);
    set
}

/// A message: its command and its data set, in PDVs of at most `size` bytes, each in its PDU.
fn message(context: u8, command: &[u8], data: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (part, control) in [(command, 1u8), (data, 0)] {
        let pieces = part.chunks(size).count();
        for (index, piece) in part.chunks(size).enumerate() {
            let last = if index + 1 == pieces { 2 } else { 0 };
            let mut pdv = (piece.len() as u32 + 2).to_be_bytes().to_vec();
            pdv.extend([context, control | last]);
            pdv.extend(piece);
            bytes.extend(pdu(4, &pdv));
        }
    }
    bytes
}

fn answer(context: u8, field: u16, class: &[u8], id: u16, status: u16) -> Vec<u8> {
    let command = command(field | 0x8000, class, id, false, &[us(0x0000_0900, status)]);
    message(context, &command, &[], 16384)
}

fn store(syntax: &[u8], set: &[u8], size: usize) -> Vec<String> {
    let request = request(&[(1, VERIFICATION, IMPLICIT), (3, CT, syntax)]);
    let accept = accept(&[(1, 0, IMPLICIT), (3, 0, syntax)]);
    let store = message(3, &command(1, CT, 7, true, &[]), set, size);
    let stored = answer(3, 1, CT, 7, 0);
    however_cut_some(&[
        (Client, &request),
        (Server, &accept),
        (Client, &store),
        (Server, &stored),
    ])
}

/// As [`however_cut`], and nothing of a person in it.
fn however_cut_some(script: Script<'_>) -> Vec<String> {
    let seen = however_cut(CLASSIFIER.session, script);
    assert!(!seen.concat().contains("LEAK"), "{seen:#?}");
    seen
}

fn object_lines() -> Vec<String> {
    let device = "client>[dicom:serial|testvendor|model x|sn0001]";
    [
        "dicom.station_ae_title=CT01_TEST",
        "dicom.modality=CT",
        "dicom.manufacturer=TESTVENDOR",
        "dicom.institution_name=TEST HOSPITAL",
        "dicom.station_name=CTSTN01",
        "dicom.institutional_department_name=RADIOLOGY",
        "dicom.manufacturer_model_name=MODEL X",
        "dicom.device_serial_number=SN0001",
        "dicom.device_uid=1.2.3.4.5",
        "dicom.gantry_id=G1",
        "dicom.unique_device_identifier=(01)09521234543213(21)SN0001",
        "dicom.software_versions=V1.2\\\\FW 3",
        "dicom.date_of_last_calibration=20260101",
        "dicom.detector_id=DET-1",
    ]
    .iter()
    .map(|fact| format!("{device} {fact}"))
    .collect()
}

fn store_lines() -> Vec<String> {
    let mut lines: Vec<String> = [
        "client dicom.actx=1.2.840.10008.3.1.1.1",
        "client dicom.pctx.abss.syntax=1.2.840.10008.1.1",
        "client dicom.pctx.abss.syntax=1.2.840.10008.5.1.4.1.1.2",
        "client dicom.max_pdu_len=16384",
        "client dicom.userinfo.uid=1.2.3.4.5.6",
        "client dicom.userinfo.version=TESTVEND_1.0",
        "Confirmed",
        "client dicom.ae_title=CT01_TEST",
        "server dicom.ae_title=ARCHIVE_X",
        "event client dicom_association",
        "server dicom.actx=1.2.840.10008.3.1.1.1",
        "server dicom.accepted_sop_class=1.2.840.10008.1.1",
        "server dicom.accepted_sop_class=1.2.840.10008.5.1.4.1.1.2",
        "server dicom.max_pdu_len=16384",
        "server dicom.userinfo.uid=1.2.3.4.5.6",
        "server dicom.userinfo.version=ARCHIVE_2",
        "client dicom.sop_class=1.2.840.10008.5.1.4.1.1.2",
        "client dicom.role=storage_scu",
        "event client dicom_store",
    ]
    .map(String::from)
    .to_vec();
    lines.extend(object_lines());
    lines.push("server dicom.role=storage_scp".into());
    lines
}

#[test]
fn a_store_in_every_encoding() {
    for size in [128, 1024] {
        assert_eq!(store(EXPLICIT, &object(false), size), store_lines());
    }
    assert_eq!(store(JPEG, &object(false), 300), store_lines());
    assert_eq!(store(BIG, &object(true), 300), store_lines());
    assert_eq!(store(IMPLICIT, &implicit_object(), 100), store_lines());
}

#[test]
fn a_store_deflated() {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&object(false)).unwrap();
    let deflated = encoder.finish().unwrap();
    assert_eq!(store(DEFLATED, &deflated, 100), store_lines());
}

#[test]
fn an_answer_before_the_request_was_seen() {
    let echo = message(1, &command(0x30, VERIFICATION, 9, false, &[]), &[], 16384);
    let echoed = answer(1, 0x30, VERIFICATION, 9, 0);
    // The capture begins in the middle of the client's pixels.
    let middle = [&[7u8; 333][..], &echo].concat();
    let seen = however_cut_some(&[(Server, &echoed), (Client, &middle), (Server, &echoed)]);
    assert_eq!(
        seen,
        [
            "server dicom.role=echo_scp",
            "client dicom.sop_class=1.2.840.10008.1.1",
            "client dicom.role=echo_scu",
            "event client dicom_echo",
            "Confirmed",
            "server dicom.role=echo_scp",
        ]
    );
}

#[test]
fn an_object_whose_association_was_not_seen() {
    for set in [object(false), object(true), implicit_object()] {
        let store = message(3, &command(1, CT, 7, true, &[]), &set, 300);
        let seen = however_cut_some(&[(Client, &store)]);
        assert_eq!(seen[3..], object_lines());
    }
}

#[test]
fn a_rejection_binds_no_title_that_is_not_recognised() {
    let request = request(&[(1, VERIFICATION, IMPLICIT)]);
    let seen = however_cut_some(&[(Client, &request), (Server, &pdu(3, &[0, 1, 1, 7]))]);
    assert_eq!(
        seen[5..],
        [
            "Confirmed",
            "client dicom.assoc.reject.reason=1.1.7",
            "event client dicom_reject"
        ]
    );
    let seen = however_cut_some(&[(Client, &request), (Server, &pdu(3, &[0, 2, 3, 1]))]);
    assert_eq!(seen[6], "client dicom.ae_title=CT01_TEST");
}

#[test]
fn one_way_traffic_stands_without_the_answer() {
    let request = request(&[(1, CT, IMPLICIT)]);
    let store = message(1, &command(1, CT, 7, true, &[]), &implicit_object(), 4096);
    let seen = however_cut_some(&[(Client, &request), (Client, &store)]);
    assert!(seen.contains(&"server dicom.ae_title=ARCHIVE_X".into()));
    assert!(!seen.contains(&"Confirmed".into()));
    assert!(seen.ends_with(&object_lines()));
}

#[test]
fn what_breaks_gives_nothing_of_the_object() {
    let mut deep = Vec::new();
    for _ in 0..20 {
        deep.extend(implicit(0x0008_1140, &[]).iter().take(4));
        deep.extend([0xff; 4]);
        deep.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    let head = implicit_object();
    let descending = [&head[..], &head].concat();
    let deep = [&head[..110], &deep].concat();
    for set in [
        &deep[..],
        &descending[..90],
        b"\x08\x00\x70\x00\xff\xff\xff\xfeX",
    ] {
        let store = message(1, &command(1, CT, 7, true, &[]), set, 4096);
        let request = request(&[(1, CT, IMPLICIT)]);
        let accept = accept(&[(1, 0, IMPLICIT)]);
        let seen = however_cut_some(&[(Client, &request), (Server, &accept), (Client, &store)]);
        let reported = seen.iter().filter(|line| line.contains('>')).count();
        assert_eq!(reported, 0, "{seen:#?}");
    }
    // A data set that ends inside an element.
    let cut = &object(false)[..400];
    assert!(!store(EXPLICIT, cut, 300).concat().contains('>'));
    // Explicit VRs that are none; an even context; a PDV longer than its PDU; too many contexts.
    let mut dots = object(false);
    dots[4..6].copy_from_slice(b"..");
    let seen = store(EXPLICIT, &dots, 300);
    assert!(seen.contains(&"Malformed".into()));
    let echo = command(0x30, VERIFICATION, 9, false, &[]);
    for broken in [
        message(2, &echo, &[], 16384),
        pdu(4, &[0, 0, 0, 99, 1, 3, 1, 2]),
        pdu(4, &[0, 0, 0, 1, 1]),
    ] {
        let good = message(1, &echo, &[], 16384);
        let script: Vec<u8> = [&good[..], &broken, &good].concat();
        let seen = however_cut_some(&[(Client, &script)]);
        let is_fault = |line: &&String| *line == "Malformed" || *line == "Faulty(Truncated)";
        assert_eq!(seen.iter().filter(is_fault).count(), 1);
        assert_eq!(seen.iter().filter(|line| line.contains("event")).count(), 2);
    }
    let contexts: Vec<_> = (0..=255u8).map(|id| (id, CT, IMPLICIT)).collect();
    assert!(
        whole(CLASSIFIER.session, &[(Client, &request(&contexts))]).contains(&"Malformed".into())
    );
}

#[test]
fn a_hole_costs_one_object_and_no_more() {
    let store = message(3, &command(1, CT, 7, true, &[]), &object(false), 1024);
    let mut replay = Replay::new((CLASSIFIER.session)());
    replay.feed(Client, &store[..200]);
    assert!(replay.lose(Client, 200));
    replay.feed(Client, &store[400..]);
    replay.feed(Client, &store);
    let facts = replay.seen.iter().filter(|line| line.contains('>')).count();
    assert_eq!(facts, object_lines().len());
    // A hole over many PDUs, which ends anywhere: the next command is found.
    assert!(replay.lose(Client, 99_999));
    replay.feed(Client, &store[1000..]);
    replay.feed(Client, &store);
    let facts = replay.seen.iter().filter(|line| line.contains('>')).count();
    assert_eq!(facts, 2 * object_lines().len());
}

/// A command of which a part is missing says nothing, wherever the hole ends; the next one does.
#[test]
fn half_a_command_is_none() {
    let echo = command(0x30, VERIFICATION, 9, false, &[]);
    let (good, parts) = (message(1, &echo, &[], 16384), message(1, &echo, &[], 40));
    let begin = 20;
    for lost in 1..=parts.len() - begin {
        let mut replay = Replay::new((CLASSIFIER.session)());
        replay.feed(Client, &good);
        replay.feed(Client, &parts[..begin]);
        assert!(replay.lose(Client, lost as u64));
        replay.feed(Client, &parts[begin + lost..]);
        replay.feed(Client, &good);
        let count = |what| {
            replay
                .seen
                .iter()
                .filter(|line| line.contains(what))
                .count()
        };
        assert_eq!(
            (count("event"), count("Malformed")),
            (2, 0),
            "{lost}: {:#?}",
            replay.seen
        );
    }
}

fn probe(bytes: &[u8]) -> Verdict {
    assert_eq!(CLASSIFIER.transport, Transport::Tcp);
    (CLASSIFIER.probe)(&Segment {
        bytes,
        from: Role::Client,
        time_ns: 0,
        ports: (50000, 3306),
        cut: false,
    })
}

/// Bytes that another implementation of the standard wrote, made for this project: `## name`,
/// then hexadecimal lines.
const VECTORS: &str = include_str!("vectors.txt");

fn vector(name: &str) -> Vec<u8> {
    let mut parts = VECTORS.split("## ");
    let part = parts.find(|part| part.starts_with(name)).unwrap();
    let digits: Vec<u8> = part
        .lines()
        .skip(1)
        .flat_map(str::chars)
        .map(|digit| digit.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] * 16 + pair[1])
        .collect()
}

#[test]
fn vectors_of_another_implementation() {
    let seen = however_cut_some(&[
        (Client, &vector("A-ASSOCIATE-RQ")),
        (Server, &vector("A-ASSOCIATE-AC")),
        (Client, &vector("C-ECHO-RQ")),
        (Client, &vector("C-STORE-RQ")),
        (Client, &vector("A-RELEASE-RQ")),
        (Server, &vector("A-RELEASE-RP")),
        (Server, &vector("A-ABORT")),
    ]);
    // This store has one more service and fewer elements than the one made above.
    let mut expected = store_lines();
    expected.pop();
    let absent = ["station_ae_title", "device_uid", "gantry_id", "detector_id"];
    expected.retain(|line| !absent.iter().any(|field| line.contains(field)));
    for line in &mut expected {
        *line = line.replace("ARCHIVE_2", "TESTVEND_1.0");
    }
    let echo = [
        "client dicom.sop_class=1.2.840.10008.1.1",
        "client dicom.role=echo_scu",
        "event client dicom_echo",
    ];
    expected.splice(16..16, echo.map(String::from));
    expected.push("server dicom.abort.reason=2.2".into());
    expected.push("event server dicom_abort".into());
    assert_eq!(seen, expected);
    for (from, name) in [(Server, "MWL"), (Client, "MPPS")] {
        let seen = however_cut_some(&[(from, &vector(name))]);
        for fact in [
            "modality=CT",
            "station_ae_title=CT01_TEST",
            "performed_location=ROOM 7",
        ] {
            let fact = format!(">[dicom:ae|ct01_test] dicom.{fact}");
            assert!(
                seen.iter().any(|line| line.contains(&fact)),
                "{fact}: {seen:#?}"
            );
        }
    }
}

#[test]
fn a_probe_proves() {
    let request = request(&[(1, CT, IMPLICIT)]);
    let accept = accept(&[(1, 0, IMPLICIT)]);
    let store = message(3, &command(1, CT, 7, true, &[]), &object(false), 1024);
    let stored = answer(3, 1, CT, 7, 0);
    for (bytes, role) in [
        (request, Client),
        (accept, Server),
        (store, Client),
        (stored, Server),
        (pdu(3, &[0, 1, 1, 7]), Server),
    ] {
        assert_eq!(probe(&bytes), Verdict::Match(role));
        let mut verdict = Verdict::NeedMore;
        for cut in 0..bytes.len() {
            let next = probe(&bytes[..cut]);
            assert!(next == verdict || verdict == Verdict::NeedMore, "{cut}");
            assert_ne!(next, Verdict::Reject, "{cut}");
            verdict = next;
        }
    }
    for other in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET / HTTP/1.1\r\n",
        // TPKT, SOCKS 4 and 5, Modbus-like, SMB's session header, zeros.
        b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00",
        b"\x04\x01\x00\x50\x0a\x00\x00\x01\x00",
        b"\x05\x01\x00",
        b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01",
        b"\x01\x00\x00\x00\x00\xcc\x00\x01\x00\x00\xff\xff",
        b"\x04\x00\x00\x00\x00\x0a\x00\x00\x00\x06\x01\x02\x00\x00\x00\x00",
        b"\x00\x00\x00\x00",
    ] {
        assert_eq!(probe(other), Verdict::Reject, "{}", other.escape_ascii());
    }
}

#[test]
fn any_bytes_in_any_pieces() {
    let request = request(&[(1, VERIFICATION, IMPLICIT), (3, CT, EXPLICIT)]);
    let accept = accept(&[(1, 0, IMPLICIT), (3, 0, EXPLICIT)]);
    bolero::check!()
        .with_type::<(Vec<u8>, Vec<u8>, u8)>()
        .with_iterations(500)
        .for_each(|(commands, data, size)| {
            let mut replay = Replay::new((CLASSIFIER.session)());
            for part in [&request, &accept] {
                replay.feed(Client, part);
            }
            replay.feed(Server, &accept);
            let store = message(3, &command(1, CT, 7, true, &[]), data, 50);
            for piece in store.chunks(usize::from(*size).max(1)) {
                replay.feed(Client, piece);
            }
            for piece in commands.chunks(usize::from(*size).max(1)) {
                replay.feed(Server, piece);
                replay.feed(Client, piece);
            }
            let _ = probe(commands);
        });
}

#[test]
fn changed_bytes_are_the_same_however_cut() {
    let echo = message(1, &command(0x30, VERIFICATION, 9, false, &[]), &[], 16384);
    let store = message(3, &command(1, CT, 7, true, &[]), &object(false), 300);
    let script = [&echo[..], &store, &echo, &store].concat();
    changed_however_cut(CLASSIFIER.session, &script);
}
