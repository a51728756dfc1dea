//! Input of the clinical protocols that is made to hurt: nested ten thousand deep, of a declared
//! length of 4 GiB, a bomb, separators and nothing between. Nothing is said of any device, little
//! is held, and the cause is counted. For tests alone; see `dicom` for data sets of commands.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use super::driver::Player;
use super::{
    Classifier, alaris, astm, dicom, dri, hl7, http, ieee11073, intellivue, masimo, medibus, poct1,
    syslog, tap, unity, wacp, wsd,
};
use crate::observe::Role::{Client, Server};

const DEPTH: usize = 10_000;
/// What a direction may hold back: the longest head, message or value, and a segment.
const HELD_MAX: usize = 128 * 1024;
const SEGMENT_BYTES: usize = 1448;

const JSON: &str = "application/fhir+json";
const XML: &str = "application/fhir+xml";
const SOAP: &str = "application/soap+xml";
const OBJECTS: &str = "application/dicom+json";
const OBJECT: &str = "application/dicom";
const OPEN: &str = "<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\">";

const MALFORMED: &str = "malformed";
const TRUNCATED: &str = "Faulty(Truncated)";
const OVER_LIMIT: &str = "Faulty(OverLimit)";
const INFLATION: &str = "Faulty(Inflation)";

/// What a session says of these bytes of its client, in segments.
fn said(classifier: &Classifier, bytes: &[u8]) -> Vec<String> {
    let mut player = Player::new(classifier);
    for segment in bytes.chunks(SEGMENT_BYTES) {
        player.play(Client, segment, false);
    }
    player.play(Server, b"\r\n", false);
    assert!(player.held_max <= HELD_MAX, "{} held", player.held_max);
    player.seen
}

/// Nothing of a device, and this cause where one is named.
fn assert_harmless(classifier: &Classifier, bytes: &[u8], cause: Option<&str>) {
    let seen = said(classifier, bytes);
    let shown = bytes.get(..bytes.len().min(90)).unwrap_or_default();
    let shown = shown.escape_ascii();
    assert!(!seen.concat().contains("reported"), "{shown}: {seen:?}");
    if let Some(cause) = cause {
        assert!(seen.iter().any(|line| line == cause), "{shown}: {seen:?}");
    }
}

/// A request with a body, or the beginning of one whose length is declared.
fn post(kind: &str, fields: &str, len: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /x/studies HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\n{fields}\
         Content-Length: {len}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn whole(kind: &str, body: &[u8]) -> Vec<u8> {
    post(kind, "", &body.len().to_string(), body)
}

/// An object as PS3.10 writes it, of this syntax, up to its data set.
fn file(syntax: &[u8]) -> Vec<u8> {
    let mut meta = b"\x02\0\x10\0UI".to_vec();
    meta.extend((syntax.len() as u16).to_le_bytes());
    meta.extend(syntax);
    let mut bytes = [&[0; 128][..], b"DICM\x02\0\0\0UL\x04\0"].concat();
    bytes.extend((meta.len() as u32).to_le_bytes());
    bytes.extend(meta);
    bytes
}

#[test]
fn nested_ten_thousand_deep() {
    let elements = "<a>".repeat(DEPTH);
    let lists = "[".repeat(DEPTH);
    let objects = "{\"a\":".repeat(DEPTH);
    let sequences = "[{\"00081140\":{\"vr\":\"SQ\",\"Value\":".repeat(DEPTH);
    for (kind, body) in [
        (JSON, &lists),
        (JSON, &objects),
        (OBJECTS, &lists),
        (OBJECTS, &sequences),
        (XML, &elements),
        (SOAP, &format!("{OPEN}{elements}")),
    ] {
        let request = whole(kind, body.as_bytes());
        assert_harmless(&http::CLASSIFIER, &request, Some(OVER_LIMIT));
    }
    let deep = |start: &str| format!("{start}{elements}").into_bytes();
    let audit = deep("<13>1 2026-01-01T00:00:00Z a b - - - <AuditMessage>");
    let counted = [format!("{} ", audit.len()).as_bytes(), &audit].concat();
    assert_harmless(&poct1::CLASSIFIER, &deep("<OBS.R01>"), Some(OVER_LIMIT));
    assert_harmless(&syslog::OVER_TCP, &counted, Some(OVER_LIMIT));
    let mut player = Player::new(&wsd::CLASSIFIER);
    player.play(Client, &deep(OPEN), false);
    assert_eq!(player.seen, [OVER_LIMIT]);
}

/// As many bytes as come are there, whatever is announced.
#[test]
fn lengths_of_four_gib() {
    let rest = vec![b'x'; 300_000];
    let four_gib = ["4294967295", "4294967296", "18446744073709551616"];
    for len in four_gib {
        for kind in [JSON, XML, OBJECTS, OBJECT] {
            assert_harmless(&http::CLASSIFIER, &post(kind, "", len, &rest), None);
        }
        let message = [format!("{len} <13>1 ").as_bytes(), &rest].concat();
        assert_harmless(&syslog::OVER_TCP, &message, None);
    }
    let chunks = [&b"POST /fhir/Device HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"[..]];
    for len in [
        &b"FFFFFFFF\r\n"[..],
        b"100000000\r\n",
        b"FFFFFFFFFFFFFFFFF\r\n",
    ] {
        let message = [chunks[0], len, &rest].concat();
        assert_harmless(&http::CLASSIFIER, &message, None);
    }
    // A PDU; a PDV; an association; an item of the user's.
    for head in [
        &b"\x04\0\xff\xff\xff\xff\0\0\0\x06\x01\x01"[..],
        b"\x04\0\xff\xff\xff\xff\xff\xff\xff\xfe\x01\0",
        b"\x01\0\xff\xff\xff\xff\0\x01\0\0",
        b"\x05\0\xff\xff\xff\xff",
    ] {
        assert_harmless(&dicom::CLASSIFIER, &[head, &rest].concat(), None);
    }
    // An element of a file; its group of meta elements.
    let explicit = file(b"1.2.840.10008.1.2.1\0");
    let element = [&explicit[..], b"\x08\0\x70\0UT\0\0\xfe\xff\xff\xff", &rest].concat();
    assert_harmless(&http::CLASSIFIER, &whole(OBJECT, &element), Some(TRUNCATED));
    let group = [
        &[0; 128][..],
        b"DICM\x02\0\0\0UL\x04\0\xff\xff\xff\xff",
        &rest,
    ]
    .concat();
    assert_harmless(&http::CLASSIFIER, &whole(OBJECT, &group), None);
    for (classifier, head) in [
        (
            &wacp::CLASSIFIER,
            &b"\x17\x01\x0c\xff\xff\xff\xff\x01\x19"[..],
        ),
        (&ieee11073::CLASSIFIER, b"\xe2\0\xff\xff"),
        (&hl7::CLASSIFIER, b"\x0bMSH|^~\\&|"),
        (&astm::CLASSIFIER, b"\x05\x021H|"),
        (&medibus::CLASSIFIER, b"\x1bQ"),
        (&dri::CLASSIFIER, b"\x7e\xff\xff"),
        (&alaris::CLASSIFIER, b"!INST_SERIALNO^"),
        (&masimo::CLASSIFIER, b"01/01/26 00:00:00 SN="),
        (&tap::CLASSIFIER, b"ID="),
    ] {
        assert_harmless(classifier, &[head, &rest].concat(), None);
    }
}

#[test]
fn bombs() {
    let zeros = vec![b' '; 12 << 20];
    let gzip = |start: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(start.as_bytes()).unwrap();
        encoder.write_all(&zeros).unwrap();
        encoder.finish().unwrap()
    };
    for (kind, start) in [(JSON, "{\"a\":["), (XML, "<Device>"), (SOAP, OPEN)] {
        let body = gzip(start);
        let request = post(
            kind,
            "Content-Encoding: gzip\r\n",
            &body.len().to_string(),
            &body,
        );
        assert_harmless(&http::CLASSIFIER, &request, Some(INFLATION));
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(b"\x09\0\x10\x10OB\0\0\0\0\0\x40")
        .unwrap();
    encoder.write_all(&zeros).unwrap();
    let deflated = [file(b"1.2.840.10008.1.2.1.99"), encoder.finish().unwrap()].concat();
    assert_harmless(
        &http::CLASSIFIER,
        &whole(OBJECT, &deflated),
        Some(INFLATION),
    );
}

/// Separators, delimiters and ends with nothing between them.
#[test]
fn separators_alone() {
    const ANY: &[&[u8]] = &[
        b"\r",
        b"\n",
        b"\r\n",
        b"|",
        b"^",
        b"~",
        b"\\",
        b"&",
        b"\0",
        b"\x0b\x1c\r",
        b"\x1c\r",
        b"\x0b",
        b"\x05\x02\x03\x04",
        b"\x06",
        b"\x15",
        b"\x02\x17",
        b"H|",
        b"MSH|",
        b"<",
        b">",
        b"<>",
        b"</>",
        b"/>",
        b"<?",
        b"<!",
        b"]]>",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"--",
        b"=",
        b";",
        b"?",
        b"\x1b",
        b"\x7e",
        b"!",
        b"\xfe\xff\x0d\xe0\0\0\0\0",
        b"\xfe\xff\xdd\xe0\0\0\0\0",
        b"\xfe\xff\0\xe0\xff\xff\xff\xff",
    ];
    let classifiers = [
        &alaris::CLASSIFIER,
        &astm::CLASSIFIER,
        &dicom::CLASSIFIER,
        &dri::CLASSIFIER,
        &hl7::CLASSIFIER,
        &http::CLASSIFIER,
        &ieee11073::CLASSIFIER,
        &intellivue::CLASSIFIER,
        &masimo::CLASSIFIER,
        &medibus::CLASSIFIER,
        &poct1::CLASSIFIER,
        &syslog::OVER_TCP,
        &syslog::OVER_UDP,
        &tap::CLASSIFIER,
        &unity::CLASSIFIER,
        &wacp::CLASSIFIER,
        &wsd::CLASSIFIER,
    ];
    for separator in ANY {
        let bytes = separator.repeat(1500);
        for classifier in classifiers {
            assert_harmless(classifier, &bytes, None);
        }
        for kind in [JSON, XML, SOAP, OBJECTS, OBJECT] {
            assert_harmless(&http::CLASSIFIER, &whole(kind, &bytes), None);
        }
        let parts = format!("multipart/related; type=\"{OBJECT}\"; boundary=b");
        assert_harmless(
            &http::CLASSIFIER,
            &whole(&parts, &b"--b\r\n".repeat(1500)),
            None,
        );
    }
    // The end of an item where none began.
    let lone = [
        &file(b"1.2.840.10008.1.2.1\0")[..],
        b"\xfe\xff\x0d\xe0\0\0\0\0",
    ]
    .concat();
    assert_harmless(&http::CLASSIFIER, &whole(OBJECT, &lone), Some(MALFORMED));
}

/// An element whose VR is not one of a text is not what its tag says, and costs itself alone.
#[test]
fn elements_of_another_vr() {
    let element = |tag: [u8; 4], vr: &[u8; 2], value: &[u8]| {
        let len = match vr {
            b"SQ" | b"OB" => [&[0, 0][..], &(value.len() as u32).to_le_bytes()].concat(),
            _ => (value.len() as u16).to_le_bytes().to_vec(),
        };
        [&tag[..], vr, &len, value].concat()
    };
    const MAKER: [u8; 4] = [8, 0, 0x70, 0];
    const MODEL: [u8; 4] = [8, 0, 0x90, 0x10];
    const SERIAL: [u8; 4] = [0x18, 0, 0, 0x10];
    let said_of = |vr: &[u8; 2]| {
        let set = [
            element(MAKER, vr, b"MUST^NOT"),
            element(MODEL, b"LO", b"MODEL 1 "),
            element(SERIAL, b"LO", b"SN-77 "),
        ];
        let body = [file(b"1.2.840.10008.1.2.1\0"), set.concat()].concat();
        said(&http::CLASSIFIER, &whole(OBJECT, &body)).concat()
    };
    for vr in [b"PN", b"US", b"OB", b"FD", b"SQ"] {
        let seen = said_of(vr);
        assert!(!seen.contains("dicom.manufacturer="), "{seen}");
        assert!(seen.contains("SN-77"), "{seen}");
    }
}
