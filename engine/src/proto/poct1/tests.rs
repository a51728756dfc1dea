//! Conversations in own documents, whole and cut at every byte; an invented device, and persons
//! that must never come out.

use crate::config::{XML_TAG_BYTES_MAX, XML_TEXT_BYTES_MAX};
use crate::observe::Role::{Client, Server};
use crate::proto::driver::{check_any, probe};
use crate::proto::replay::{Replay, Script, however_cut};
use crate::proto::{Verdict, damage};

use super::CLASSIFIER;

const HELLO: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
<HEL.R01><HDR><HDR.message_type V=\"HEL.R01\"/><HDR.control_id V=\"CANARY-17\"/>\
<HDR.version_id V=\"POCT1\"/><HDR.creation_dttm V=\"2026-01-01T00:00:00\"/></HDR>\
<DEV><DEV.device_id V=\"EXM^Model 9^ZZ0001\"/><DEV.vendor_id V=\"EXM\"/>\
<DEV.model_id V=\"Model &amp; 9\"/><DEV.serial_id V='ZZ0001'/>\
<DEV.manufacturer_name V=\"Example Diagnostics\"/><DEV.hw_version V=\"2\"/>\
<DEV.sw_version V=\"1.2.3\"/><DEV.device_name V=\"CANARY's meter\"/>\
<DCP><DCP.application_timeout V=\"60\"/></DCP>\
<DSC><DSC.connection_profile_cd V=\"SA\"/><DSC.topics_supported_cd V=\"DTV\"/></DSC>\
</DEV></HEL.R01>";

const ACCEPTED: &str = "<ACK.R01><HDR><HDR.control_id V=\"4001\"/><HDR.version_id V=\"POCT1\"/>\
</HDR><ACK><ACK.type_cd V=\"AA\"/><ACK.ack_control_id V=\"CANARY-17\"/></ACK></ACK.R01>";

const RESULT: &str = "<OBS.R01><HDR><HDR.control_id V=\"18\"/><HDR.version_id V=\"POCT1\"/></HDR>\
<SVC><SVC.role_cd V=\"OBS\"/><PT><PT.patient_id V=\"CANARY\"/><PT.name V=\"CANARY\"/>\
<OBS><OBS.value V=\"CANARY\"/></OBS></PT><OPR><OPR.operator_id V=\"CANARY\"/></OPR>\
<DEV><DEV.serial_id V=\"CANARY\"/></DEV></SVC></OBS.R01>";

const LISTS: &str = "<OPL.R01><HDR><HDR.control_id V=\"5\"/><HDR.version_id V=\"POCT1\"/></HDR>\
<OPR><OPR.operator_id V=\"CANARY\"/><OPR.name V=\"CANARY\"/></OPR></OPL.R01>\r\n\
<PTL.R01><HDR><HDR.control_id V=\"6\"/><HDR.version_id V=\"POCT1\"/></HDR>\
<PT><PT.patient_id V=\"CANARY\"/><DEV.serial_id V=\"CANARY\"/></PT></PTL.R01>";

fn observed(script: Script<'_>) -> Vec<String> {
    let seen = however_cut(CLASSIFIER.session, script);
    assert!(!seen.concat().contains("CANARY"), "{seen:#?}");
    seen
}

fn said() -> Vec<String> {
    let device = "client>[poct1:serial|example diagnostics|model & 9|zz0001]";
    let mut lines = vec![
        "client poct1.role=device".to_owned(),
        "server poct1.role=data_manager".into(),
    ];
    for fact in [
        "device_id=EXM^Model 9^ZZ0001",
        "vendor_id=EXM",
        "model_id=Model & 9",
        "serial_id=ZZ0001",
        "manufacturer_name=Example Diagnostics",
        "hw_version=2",
        "sw_version=1.2.3",
    ] {
        lines.push(format!("{device} poct1.dev.{fact}"));
    }
    lines.push(format!("{device} poct1.dsc.connection_profile=SA"));
    lines.push("Confirmed".into());
    lines.push(format!("event {device} poct1_result"));
    lines
}

#[test]
fn a_device_and_its_data_manager() {
    let seen = observed(&[
        (Client, HELLO.as_bytes()),
        (Server, ACCEPTED.as_bytes()),
        (Client, RESULT.as_bytes()),
        (Server, LISTS.as_bytes()),
    ]);
    assert_eq!(seen, said());
}

#[test]
fn documents_share_a_segment() {
    let client = [HELLO, RESULT].concat();
    let server = [LISTS, ACCEPTED].concat();
    let seen = observed(&[(Client, client.as_bytes()), (Server, server.as_bytes())]);
    let mut expected = said();
    let confirmed = expected.remove(10);
    expected.push(confirmed);
    assert_eq!(seen, expected);
}

/// What breaks a document costs that document.
#[test]
fn the_next_document_is_found() {
    let deep = "<A>".repeat(10_000);
    for broken in [
        "<OBS.R01><HDR></SVC>CANARY</OBS.R01>",
        "<OBS.R01><A V=\"<CANARY\"/></OBS.R01>",
        "<OBS.R01>CANARY & CANARY</A>",
        &format!("<OBS.R01>{deep}"),
    ] {
        let text = [broken, "junk", HELLO].concat();
        let seen = observed(&[(Client, text.as_bytes())]);
        assert!(
            seen.concat().contains("poct1.dev.serial_id=ZZ0001"),
            "{seen:#?}"
        );
    }
    let mut replay = Replay::new((CLASSIFIER.session)());
    replay.feed(Client, &RESULT.as_bytes()[..200]);
    assert!(replay.lose(Client, 50));
    replay.feed(Client, &RESULT.as_bytes()[250..]);
    replay.feed(Client, HELLO.as_bytes());
    assert!(replay.seen.concat().contains("poct1.dev.serial_id=ZZ0001"));
    assert!(!replay.seen.concat().contains("CANARY"));
}

#[test]
fn a_person_is_no_value() {
    for (field, value) in [
        ("DEV.device_id", "EXM^Dr. CANARY^ZZ0001"),
        ("DEV.manufacturer_name", "CANARY^PATIENT"),
        ("DEV.vendor_id", "canary@CANARY"),
    ] {
        let at = HELLO.find(&format!("<{field} ")).unwrap();
        let end = at + HELLO[at..].find("/>").unwrap();
        let text = format!("{}<{field} V=\"{value}\"{}", &HELLO[..at], &HELLO[end..]);
        let seen = observed(&[(Client, text.as_bytes())]);
        assert!(seen.concat().contains("zz0001"), "{seen:#?}");
    }
}

#[test]
fn a_probe_proves() {
    let ports = (50_000, 3_001);
    for text in [
        HELLO,
        ACCEPTED,
        RESULT,
        LISTS,
        &format!("\u{feff}\r\n{RESULT}"),
    ] {
        let bytes = text.as_bytes();
        assert!(matches!(
            probe(&CLASSIFIER, bytes, ports),
            Verdict::Match(_)
        ));
        for cut in 1..bytes.len() {
            let verdict = probe(&CLASSIFIER, &bytes[..cut], ports);
            assert!(verdict != Verdict::Reject, "cut at {cut}");
        }
    }
    for other in [
        &b"<34>1 2026-01-01T00:00:00Z host app"[..],
        b"<html><body V=\"POCT1\">",
        b"<?xml version=\"1.0\"?><soap:Envelope V=\"POCT1\">",
        b"<HEL-R01 V=\"POCT1\">",
        b"POCT1",
    ] {
        assert_eq!(
            probe(&CLASSIFIER, other, ports),
            Verdict::Reject,
            "{}",
            other.escape_ascii()
        );
    }
    assert_eq!(
        probe(&CLASSIFIER, b"<OBS.R01><HDR V=\"OTHER\"/>", ports),
        Verdict::NeedMore
    );
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(2000)
        .for_each(|input: &[u8]| {
            // A tag and a text of each end, in lists that grew by doubling.
            let end = 2 * (XML_TAG_BYTES_MAX + XML_TEXT_BYTES_MAX);
            check_any(&CLASSIFIER, input, 2 * end);
        });
}

/// Mark-up changed, and bytes that the capture does not hold: no person comes out.
#[test]
fn no_damage_lets_a_person_out() {
    let all = [RESULT, HELLO, LISTS, RESULT, HELLO].concat().into_bytes();
    bolero::check!()
        .with_type::<([(u16, u8); 3], u16, u16)>()
        .with_iterations(10_000)
        .for_each(|(changes, cut, lost)| {
            let mut bytes = all.clone();
            let len = bytes.len();
            for (at, value) in changes {
                let marks = b"<>/\"'= &;!-?[]";
                bytes[usize::from(*at) % len] = marks[usize::from(*value) % marks.len()];
            }
            let cut = usize::from(*cut) % len;
            let (head, tail) = bytes.split_at(cut);
            let lost = usize::from(*lost).min(tail.len());
            let mut replay = Replay::new((CLASSIFIER.session)());
            replay.feed(Client, head);
            assert!(replay.lose(Client, lost as u64));
            replay.feed(Client, &tail[lost..]);
            let seen = replay.seen.concat();
            assert!(
                !seen.contains("CANARY"),
                "{seen} of {}",
                bytes.escape_ascii()
            );
        });
}

/// Bytes that nobody misses: no document of a person becomes a greeting.
#[test]
fn no_document_of_a_person_becomes_a_greeting_however_much_is_missed() {
    let hello = HELLO.replace("<DEV.device_name V=\"CANARY's meter\"/>", "");
    let stream = [&hello, RESULT, LISTS, &hello, RESULT].concat();
    damage::check(
        CLASSIFIER.session,
        stream.as_bytes(),
        2,
        &damage::names_nobody,
    );
}
