use super::super::http::CLASSIFIER;
use crate::observe::Role::{Client, Server};
use crate::proto::driver::check_any;
use crate::proto::replay::{Script, however_cut};

/// What a conversation says, however it is cut; no person is in it.
fn see(script: Script<'_>) -> Vec<String> {
    let seen = however_cut(CLASSIFIER.session, script);
    assert!(!seen.concat().contains("CANARY"), "{seen:#?}");
    seen
}

fn short(tag: u32, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut element = ((tag >> 16) as u16).to_le_bytes().to_vec();
    element.extend((tag as u16).to_le_bytes());
    element.extend(vr);
    element.extend((value.len() as u16).to_le_bytes());
    element.extend(value);
    element
}

/// A PS3.10 file of a CT with pixels of this length.
fn file(serial: &[u8], pixels: usize) -> Vec<u8> {
    let mut file = vec![0xca; 128];
    file.extend(b"DICM");
    file.extend(short(0x0002_0000, b"UL", &[9, 0, 0, 0]));
    file.extend(b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01");
    file.extend(short(0x0002_0010, b"UI", b"1.2.840.10008.1.2.1\0"));
    file.extend(short(0x0002_0016, b"AE", b"CANARY"));
    file.extend(short(0x0008_0060, b"CS", b"CT"));
    file.extend(short(0x0008_0070, b"LO", b"ACME"));
    file.extend(short(0x0008_1090, b"LO", b"MODEL X "));
    file.extend(short(0x0010_0010, b"PN", b"CANARY^A"));
    file.extend(short(0x0018_1000, b"LO", serial));
    file.extend(short(0x0020_4000, b"LT", b"CANARY"));
    file.extend(b"\xe0\x7f\x10\x00OB\x00\x00");
    file.extend((pixels as u32).to_le_bytes());
    file.extend(b"\r\n--CANARY".iter().cycle().take(pixels));
    file
}

fn parts(files: &[Vec<u8>]) -> Vec<u8> {
    let mut body = b"preamble\r\n".to_vec();
    for file in files {
        body.extend(
            b"--b-1\r\nContent-Type: application/dicom\r\nContent-Location: CANARY\r\n\r\n",
        );
        body.extend(file);
        body.extend(b"\r\n");
    }
    body.extend(b"--b-1--\r\nCANARY");
    body
}

fn store(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /dicom-web/studies HTTP/1.1\r\nContent-Type: multipart/related; \
         type=\"application/dicom\"; boundary=b-1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn objects_are_stored() {
    let body = parts(&[file(b"SN-1", 40), file(b"SN-2", 90)]);
    let stored: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 2\r\n\r\n{}";
    let seen = see(&[(Client, &store(&body)), (Server, stored)]);
    assert_eq!(
        seen,
        [
            "Carries(Dicomweb)",
            "client dicomweb.role=stow_client",
            "event client dicomweb_store",
            "client>[dicom:serial|acme|model x|sn-1] dicom.modality=CT",
            "client>[dicom:serial|acme|model x|sn-1] dicom.manufacturer=ACME",
            "client>[dicom:serial|acme|model x|sn-1] dicom.manufacturer_model_name=MODEL X",
            "client>[dicom:serial|acme|model x|sn-1] dicom.device_serial_number=SN-1",
            "event client dicomweb_store",
            "client>[dicom:serial|acme|model x|sn-2] dicom.modality=CT",
            "client>[dicom:serial|acme|model x|sn-2] dicom.manufacturer=ACME",
            "client>[dicom:serial|acme|model x|sn-2] dicom.manufacturer_model_name=MODEL X",
            "client>[dicom:serial|acme|model x|sn-2] dicom.device_serial_number=SN-2",
            "Confirmed",
            "Carries(Dicomweb)",
            "server dicomweb.role=stow_server",
        ]
    );
}

/// A PS3.10 file of a rejection note for quality.
fn note() -> Vec<u8> {
    let mut file = vec![0xca; 128];
    file.extend(b"DICM");
    file.extend(short(
        0x0002_0002,
        b"UI",
        b"1.2.840.10008.5.1.4.1.1.88.59\0",
    ));
    file.extend(short(0x0002_0010, b"UI", b"1.2.840.10008.1.2.1\0"));
    file.extend(short(0x0010_0010, b"PN", b"CANARY^A"));
    let title = [
        short(0x0008_0100, b"SH", b"113001"),
        short(0x0008_0102, b"SH", b"DCM "),
        short(0x0008_0104, b"LO", b"CANARY"),
    ]
    .concat();
    for (head, len) in [
        (&b"\x40\x00\x43\xa0SQ\0\0"[..], title.len() + 8),
        (b"\xfe\xff\x00\xe0", title.len()),
    ] {
        file.extend(head);
        file.extend((len as u32).to_le_bytes());
    }
    file.extend(title);
    file.extend(short(0x0040_a050, b"CS", b"SEPARATE"));
    file
}

/// What is stored is counted; what is retrieved was counted when it was stored.
#[test]
fn a_rejection_note_is_counted_where_it_is_stored() {
    let event = "event client dicom_quality_reject".to_owned();
    let seen = see(&[(Client, &store(&parts(&[note()])))]);
    assert!(seen.contains(&event), "{seen:#?}");
    let body = parts(&[note()]);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/related; type=\"application/dicom\"; \
         boundary=b-1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let asked: &[u8] = b"GET /dicom-web/studies/1.2.3.4.5/series/1.2.3.4.6 HTTP/1.1\r\n\r\n";
    let seen = see(&[
        (Client, asked),
        (Server, &[head.as_bytes(), &body].concat()),
    ]);
    assert!(!seen.concat().contains("quality_reject"), "{seen:#?}");
    assert!(seen.concat().contains("wado_server"), "{seen:#?}");
}

#[test]
fn studies_are_searched_and_retrieved() {
    let search: &[u8] = b"GET /dcm4chee-arc/aets/ARC_1/rs/studies?PatientName=CANARY HTTP/1.1\r\n\
        Accept: application/dicom+json\r\n\r\n";
    let found = br#"[{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},
        "00100010":{"vr":"PN","Value":[{"Alphabetic":"CANARY"}]},
        "00080070":{"vr":"LO","Value":["ACME"]},"00081090":{"vr":"LO","Value":["MODEL X"]},
        "00081140":{"vr":"SQ","Value":[{"00181000":{"vr":"LO","Value":["CANARY"]}}]},
        "00181000":{"vr":"LO","Value":["SN-1"]},"00181020":{"vr":"LO","Value":["V1","V2"]},
        "0018100A":{"vr":"SQ","Value":[{"00181009":{"vr":"UT","Value":["(01)1"]}}]}},
        {"00080090":{"vr":"PN","Value":["CANARY"]}}]"#;
    let answer = [
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: {}\r\n\r\n",
            found.len()
        )
        .as_bytes(),
        found,
    ]
    .concat();
    let device = "server>[dicom:serial|acme|model x|sn-1]";
    let seen = see(&[(Client, search), (Server, &answer)]);
    assert_eq!(
        seen,
        [
            "Carries(Dicomweb)".to_owned(),
            "server dicomweb.ae_title=ARC_1".to_owned(),
            "client dicomweb.role=qido_client".to_owned(),
            "event client dicomweb_query".to_owned(),
            "Confirmed".to_owned(),
            "Carries(Dicomweb)".to_owned(),
            "server dicomweb.role=qido_server".to_owned(),
            format!("{device} dicom.manufacturer=ACME"),
            format!("{device} dicom.manufacturer_model_name=MODEL X"),
            format!("{device} dicom.device_serial_number=SN-1"),
            format!("{device} dicom.software_versions=V1\\\\V2"),
            format!("{device} dicom.unique_device_identifier=(01)1"),
        ]
    );
    // The request names no type; its answer does.
    let retrieve: &[u8] = b"GET /dicom-web/studies/1.2.3.4.5/series/1.2.3.4.6 HTTP/1.1\r\n\r\n";
    let body = parts(&[file(b"SN-1", 9)]);
    let answer = [
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/related; type=application/dicom; \
          boundary=\"b-1\"\r\nTransfer-Encoding: chunked\r\n\r\n",
        format!("{:x}\r\n", body.len()).as_bytes(),
        &body,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    let seen = see(&[(Client, retrieve), (Server, &answer)]);
    assert_eq!(
        seen[..5],
        [
            "Confirmed",
            "Carries(Dicomweb)",
            "client dicomweb.role=wado_client",
            "event client dicomweb_retrieve",
            "server dicomweb.role=wado_server",
        ]
    );
    assert!(seen[5].starts_with(device), "{seen:#?}");
    let uri: &[u8] = b"GET /wado?requestType=WADO&studyUID=1&objectUID=CANARY HTTP/1.1\r\n\r\n";
    let object = file(b"SN-1", 9);
    let answer = [
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\nContent-Length: {}\r\n\r\n",
            object.len()
        )
        .as_bytes(),
        &object,
    ]
    .concat();
    let seen = see(&[(Client, uri), (Server, &answer)]);
    assert!(seen.last().unwrap().starts_with(device), "{seen:#?}");
}

#[test]
fn what_is_not_dicomweb_is_not() {
    let other: &[u8] = b"GET /university/studies HTTP/1.1\r\nAccept: application/json\r\n\r\n\
        GET /studies/1.2.3.4.5 HTTP/1.1\r\nVia: 1.1 p\r\nAccept: application/dicom+json\r\n\r\n\
        GET /shop HTTP/1.1\r\nAccept: application/dicomx\r\n\r\n";
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
    let seen = see(&[(Client, other), (Server, answer)]);
    assert_eq!(seen, ["Confirmed"]);
    // A failure is one, and no part of a server.
    let search: &[u8] = b"GET /rs/studies HTTP/1.1\r\nAccept: application/dicom+json\r\n\r\n";
    let failed: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    let seen = see(&[(Client, search), (Server, failed)]);
    assert_eq!(seen[5..], ["event client dicomweb_failure"]);
}

#[test]
fn broken_bodies_say_nothing_of_the_object() {
    let whole = file(b"SN-1", 9);
    let mut wrong = whole.clone();
    wrong[128] = b'X';
    for body in [
        parts(&[whole[..200].to_vec()]),
        parts(&[wrong]),
        parts(&[]),
        b"CANARY".repeat(2000),
    ] {
        let seen = see(&[(Client, &store(&body))]);
        assert!(!seen.concat().contains('>'), "{seen:#?}");
    }
}

#[test]
fn any_bytes() {
    const HEAD: &[u8] = b"POST /studies HTTP/1.1\r\nContent-Type: multipart/related; \
        type=application/dicom; boundary=b\r\n\r\n";
    bolero::check!()
        .with_iterations(500)
        .for_each(|bytes: &[u8]| {
            let input = [HEAD, bytes].concat();
            check_any(&CLASSIFIER, &input, 17 * 1024);
            let body = [b"--b\r\n\r\n", &file(b"1", 9)[..], bytes].concat();
            let _ = see_any(&store(&body));
            let json = [b"[{\"00181000\":{\"Value\":[\"1\"", bytes].concat();
            let _ = see_any(&json);
        });
}

fn see_any(bytes: &[u8]) -> Vec<String> {
    crate::proto::replay::in_pieces(CLASSIFIER.session, &[(Client, bytes)], 7)
}
