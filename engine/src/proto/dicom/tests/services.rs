//! Services beyond storing: who plays which part, what counts, and objects made to hurt.

use super::*;

#[test]
fn a_worklist_names_the_scheduled_station_alone() {
    let step = [
        implicit(0x0008_0060, b"CT"),
        implicit(0x0040_0001, b"CT01_TEST "),
        implicit(0x0040_0006, b"MUST^NOT^LEAK "),
        implicit(0x0040_0010, b"CTSTN01 "),
        implicit(0x0040_0011, b"ROOM 7"),
    ]
    .concat();
    let set = [
        implicit(0x0010_0010, b"MUST^NOT^LEAK "),
        implicit(0x0040_0100, &implicit(0xfffe_e000, &step)),
        implicit(0x0040_1001, b"MUST^NOT^LEAK "),
    ]
    .concat();
    let find = command(0x20, WORKLIST, 3, true, &[]);
    let find = message(5, &find, &implicit(0x0010_0010, CANARY), 16384);
    let found = command(0x8020, WORKLIST, 3, true, &[us(0x0000_0900, 0xff00)]);
    let found = message(5, &found, &set, 64);
    let end = answer(5, 0x20, WORKLIST, 3, 0);
    let seen = however_cut_some(&[(Client, &find), (Server, &found), (Server, &end)]);
    assert_eq!(
        seen,
        [
            "client dicom.sop_class=1.2.840.10008.5.1.4.31",
            "client dicom.role=worklist_scu",
            "event client dicom_find",
            "Confirmed",
            "server dicom.role=worklist_scp",
            "server>[dicom:ae|ct01_test] dicom.modality=CT",
            "server>[dicom:ae|ct01_test] dicom.station_ae_title=CT01_TEST",
            "server>[dicom:ae|ct01_test] dicom.station_name=CTSTN01",
            "server>[dicom:ae|ct01_test] dicom.performed_location=ROOM 7",
            "server dicom.role=worklist_scp",
            "event server dicom_query_answered",
        ]
    );
}

#[test]
fn a_procedure_step_starts_and_ends() {
    let set = [
        implicit(0x0008_0060, b"CT"),
        implicit(0x0010_0010, b"MUST^NOT^LEAK "),
        implicit(0x0040_0241, b"CT01_TEST "),
        implicit(0x0040_0242, b"CTSTN01 "),
        implicit(0x0040_0243, b"ROOM 7"),
        implicit(0x0040_0252, b"IN PROGRESS "),
        implicit(0x0040_0253, b"MUST^NOT^LEAK "),
    ]
    .concat();
    let create = message(7, &command(0x140, MPPS, 4, true, &[]), &set, 70);
    let created = answer(7, 0x140, MPPS, 4, 0);
    let status = implicit(0x0040_0252, b"COMPLETED ");
    let end = message(7, &command(0x120, MPPS, 5, true, &[]), &status, 70);
    let failed = answer(7, 0x120, MPPS, 5, 0x0110);
    let seen = however_cut_some(&[
        (Client, &create),
        (Server, &created),
        (Client, &end),
        (Server, &failed),
    ]);
    for line in [
        "client dicom.role=mpps_scu",
        "event client dicom_procedure_started",
        "client>[dicom:ae|ct01_test] dicom.station_ae_title=CT01_TEST",
        "client>[dicom:ae|ct01_test] dicom.performed_location=ROOM 7",
        "server dicom.role=mpps_scp",
    ] {
        assert!(seen.contains(&line.into()), "{line}: {seen:#?}");
    }
    assert!(!seen.contains(&"event client dicom_procedure_completed".into()));
    assert_eq!(
        seen.last().map(String::as_str),
        Some("event client dicom_failure")
    );
}

#[test]
fn who_hands_on_what_it_did_not_make() {
    let moved = [implicit(0x0000_1030, b"WORKST")];
    let store = message(3, &command(1, CT, 7, false, &moved), &[], 16384);
    let seen = however_cut_some(&[(Client, &store)]);
    assert!(seen.contains(&"client dicom.role=forwarder".into()));
    let get = command(0x10, b"1.2.840.10008.5.1.4.1.2.2.3", 1, false, &[]);
    let get = message(1, &get, &[], 16384);
    let store = message(3, &command(1, CT, 7, false, &[]), &[], 16384);
    let seen = however_cut_some(&[(Client, &get), (Server, &store)]);
    assert!(seen.contains(&"server dicom.role=storage_scu".into()));
    assert!(seen.contains(&"server dicom.role=forwarder".into()));
}

#[test]
fn storage_commitment_and_its_report() {
    const COMMITMENT: &[u8] = b"1.2.840.10008.1.20.1";
    let action = message(
        9,
        &command(0x130, COMMITMENT, 2, true, &[]),
        &[1; 40],
        16384,
    );
    let acted = answer(9, 0x130, COMMITMENT, 2, 0);
    let report = message(
        9,
        &command(0x100, COMMITMENT, 1, true, &[]),
        &[1; 40],
        16384,
    );
    let reported = answer(9, 0x100, COMMITMENT, 1, 0);
    let seen = however_cut_some(&[
        (Client, &action),
        (Server, &acted),
        (Server, &report),
        (Client, &reported),
    ]);
    let roles: Vec<_> = seen.iter().filter(|line| line.contains("role")).collect();
    assert_eq!(
        roles,
        [
            "client dicom.role=commitment_scu",
            "server dicom.role=commitment_scp",
            "server dicom.role=commitment_scp",
            "client dicom.role=commitment_scu",
        ]
    );
    assert!(seen.contains(&"event client dicom_storage_commitment".into()));
    assert!(seen.contains(&"event server dicom_commitment_report".into()));
}

#[test]
fn a_printer_speaks_of_itself() {
    const PRINTER: &[u8] = b"1.2.840.10008.5.1.1.16";
    let set = [
        implicit(0x0008_0070, b"ACME FILM "),
        implicit(0x0008_1090, b"DRY 5 "),
        implicit(0x0018_1000, b"00"),
        implicit(0x0018_1020, b"V2"),
        implicit(0x2110_0030, b"MUST^NOT^LEAK "),
    ]
    .concat();
    let get = message(1, &command(0x110, PRINTER, 4, false, &[]), &[], 16384);
    let got = command(0x8110, PRINTER, 4, true, &[us(0x0000_0900, 0)]);
    let got = message(1, &got, &set, 40);
    let action = message(1, &command(0x130, PRINTER, 5, false, &[]), &[], 16384);
    let seen = however_cut_some(&[(Client, &get), (Server, &got), (Client, &action)]);
    assert_eq!(
        seen[3..],
        [
            "server dicom.role=equipment_scp",
            "server dicom.manufacturer=ACME FILM",
            "server dicom.manufacturer_model_name=DRY 5",
            "server dicom.software_versions=V2",
            "client dicom.sop_class=1.2.840.10008.5.1.1.16",
            "client dicom.role=print_scu",
            "event client dicom_print",
        ]
    );
}

#[test]
fn an_abort_says_why() {
    let request = request(&[(1, VERIFICATION, IMPLICIT)]);
    for (body, said) in [([0, 0, 0, 9], "0"), ([0, 0, 2, 6], "2.6")] {
        let seen = however_cut_some(&[(Client, &request), (Client, &pdu(7, &body))]);
        let reason = format!("client dicom.abort.reason={said}");
        assert_eq!(seen[5..], [reason, "event client dicom_abort".to_owned()]);
    }
    let seen = however_cut_some(&[(Client, &request), (Client, &pdu(7, &[0, 0, 1, 1]))]);
    assert_eq!(seen[5..], ["Malformed"]);
}

/// Ten thousand sequences one in another, an element of 4 GiB, a bomb: nothing is said, nothing
/// grows, and the next object is read.
#[test]
fn what_is_made_to_hurt_does_not() {
    let mut nested = implicit_object()[..28].to_vec();
    for _ in 0..10_000 {
        nested.extend([0x08, 0x00, 0x15, 0x92, 0xff, 0xff, 0xff, 0xff]);
        nested.extend([0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff]);
    }
    let mut endless = implicit_object()[..28].to_vec();
    endless.extend([0x10, 0x00, 0x10, 0x00, 0xfe, 0xff, 0xff, 0xff]);
    endless.extend(CANARY);
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    let mut bomb = Explicit {
        big: false,
        bytes: Vec::new(),
    };
    bomb.short(0x0008_0060, b"CS", b"CT");
    bomb.begin(0x0009_1010, b"OB", 1 << 30);
    encoder.write_all(&bomb.bytes).unwrap();
    encoder.write_all(&vec![0; 64 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    for (syntax, set, cause) in [
        (IMPLICIT, &nested, "Faulty(OverLimit)"),
        (IMPLICIT, &endless, "Faulty(Truncated)"),
        (DEFLATED, &bomb, "Faulty(Inflation)"),
    ] {
        let mut replay = Replay::new((CLASSIFIER.session)());
        replay.feed(Client, &request(&[(1, CT, syntax), (3, CT, EXPLICIT)]));
        replay.feed(Server, &accept(&[(1, 0, syntax), (3, 0, EXPLICIT)]));
        let store = command(1, CT, 7, true, &[]);
        for piece in message(1, &store, set, 16_000).chunks(1448) {
            replay.feed(Client, piece);
        }
        assert!(!replay.seen.concat().contains('>'));
        assert!(
            replay.seen.contains(&cause.into()),
            "{cause}: {:?}",
            replay.seen
        );
        replay.feed(Client, &message(3, &store, &object(false), 16_000));
        let facts = replay.seen.iter().filter(|line| line.contains('>')).count();
        assert_eq!(facts, object_lines().len());
    }
}
