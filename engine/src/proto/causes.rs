//! Why bytes of the clinical protocols are no good: what each parser says of bytes that are cut,
//! too long, changed, in another encoding, or wrong. For tests alone.

use super::replay::whole;
use super::{Classifier, astm, dicom, hl7, http, poct1, syslog, wsd};
use crate::observe::Role::{Client, Server};

/// What is said of faults, each once.
fn faults(classifier: &Classifier, client: &[u8], server: &[u8]) -> Vec<String> {
    let said = whole(classifier.session, &[(Client, client), (Server, server)]);
    let is_fault = |line: &String| line == "Malformed" || line.starts_with("Faulty");
    let mut faults: Vec<_> = said.into_iter().filter(is_fault).collect();
    faults.dedup();
    faults
}

fn assert_cause(classifier: &Classifier, client: &[u8], cause: &str) {
    let found = faults(classifier, client, b"");
    let shown = client.get(..client.len().min(80)).unwrap_or_default();
    assert_eq!(found, [cause], "{}", shown.escape_ascii());
}

const MALFORMED: &str = "Malformed";
const TRUNCATED: &str = "Faulty(Truncated)";
const OVER_LIMIT: &str = "Faulty(OverLimit)";
const ENCODING: &str = "Faulty(Encoding)";
const CHECKSUM: &str = "Faulty(Checksum)";

#[test]
fn associations_and_commands() {
    let pdu = |kind: u8, body: &[u8]| {
        let len = (body.len() as u32).to_be_bytes();
        [&[kind, 0], &len[..], body].concat()
    };
    let release = pdu(5, &[0; 4]);
    let mut fixed = [0; 68];
    fixed[1] = 1;
    let short_item = [&fixed[..], &[0x10, 0, 0, 99, b'1']].concat();
    let command = |set: &[u8]| {
        let len = (set.len() as u32 + 2).to_be_bytes();
        pdu(4, &[&len[..], &[1, 3], set].concat())
    };
    for (bytes, cause) in [
        (pdu(7, &[0, 0, 9, 0]), MALFORMED),
        (pdu(1, &short_item), TRUNCATED),
        (pdu(4, &[0, 0, 0, 99, 1, 3]), TRUNCATED),
        (pdu(4, &[0, 0, 0]), TRUNCATED),
        (pdu(4, &[0, 0, 0, 3, 2, 3, 0]), MALFORMED),
        ([&release[..], &[1, 0, 0, 2, 0, 0]].concat(), OVER_LIMIT),
        (command(b"\0\0\0\x01\x02\0\0\0\x30"), TRUNCATED),
        (command(b"\x08\0\0\x01\x02\0\0\0\x30\0"), MALFORMED),
    ] {
        assert_cause(&dicom::CLASSIFIER, &[&release[..], &bytes].concat(), cause);
    }
}

/// A request with this body.
fn post(kind: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!(
        "POST /x/studies HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn bodies_of_http() {
    const JSON: &str = "application/fhir+json";
    const XML: &str = "application/fhir+xml";
    const SOAP: &str = "application/soap+xml";
    const OBJECT: &str = "application/dicom+json";
    const PARTS: &str = "multipart/related; type=\"application/dicom\"; boundary=b";
    let deep = |part: &[u8]| part.repeat(100);
    let long = [&b"\r\n--b\r\nX: "[..], &[b'x'; 5000]].concat();
    let meta = [&b"--b\r\n\r\n"[..], &[0; 128], b"DICM\x02\0\0\0UL\r\n--b--"].concat();
    for (kind, body, cause) in [
        (JSON, &b"{\"a\": [1"[..], TRUNCATED),
        (JSON, b"{\"a\" 1}", MALFORMED),
        (JSON, &deep(b"["), OVER_LIMIT),
        (OBJECT, b"[{\"00080060\": {", TRUNCATED),
        (XML, b"<Device><id", TRUNCATED),
        (XML, b"<Device></id>", MALFORMED),
        (XML, b"\xff\xfe<\0D\0", ENCODING),
        (XML, &deep(b"<a>"), OVER_LIMIT),
        (
            SOAP,
            b"<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\">",
            TRUNCATED,
        ),
        (PARTS, &long, OVER_LIMIT),
        (PARTS, &meta, TRUNCATED),
        (
            PARTS,
            &[&b"--b\r\n\r\n"[..], &[0; 128], b"DICX"].concat(),
            MALFORMED,
        ),
    ] {
        assert_cause(&http::CLASSIFIER, &post(kind, body), cause);
    }
    let coded = "application/fhir+json\r\nContent-Encoding: gzip";
    assert_cause(&http::CLASSIFIER, &post(coded, b"{\"a\": 1}"), ENCODING);
    let endless = [&b"GET / HTTP/1.1\r\nX: "[..], &[b'x'; 17_000]].concat();
    assert_cause(&http::CLASSIFIER, &endless, OVER_LIMIT);
}

#[test]
fn messages_and_records() {
    let header = b"\x0bMSH|^~\\&|A||||20260101||ORU^R01|1|P|2.6\r";
    let long = [&b"\x0bMSH|^~\\&|"[..], &[b'x'; 17_000], b"\r"].concat();
    for (bytes, cause) in [
        ([&header[..], b"MSA|XX|1\r\x1c\r"].concat(), MALFORMED),
        (b"\x0bMSH|^~\\&|A||||||X|1|P|9\r\x1c\r".to_vec(), MALFORMED),
        (long, OVER_LIMIT),
    ] {
        assert_cause(&hl7::CLASSIFIER, &bytes, cause);
    }
    let header = [&b"H|\\^&|||"[..], &[b'x'; 2000], b"\r"].concat();
    for (bytes, cause) in [
        (&b"\x05\x021H|\\^&|||A\r\x0300\r\n"[..], CHECKSUM),
        (b"\x05\x021H|\\^&|||A\x021", TRUNCATED),
        (b"\x05\x029H", MALFORMED),
        (&header, OVER_LIMIT),
    ] {
        assert_cause(&astm::CLASSIFIER, bytes, cause);
    }
    let deep = "<A>".repeat(40);
    for (inside, cause) in [("<A></B>", MALFORMED), (&deep, OVER_LIMIT)] {
        let text = format!("<OBS.R01><HDR>{inside}");
        assert_cause(&poct1::CLASSIFIER, text.as_bytes(), cause);
    }
}

#[test]
fn audit_and_discovery() {
    let endless = [&b"<13>1 "[..], &[b'x'; 70_000]].concat();
    let lines = &syslog::OVER_TCP;
    assert_cause(lines, b"<13>1 nonsense\n", MALFORMED);
    assert_cause(lines, &endless, OVER_LIMIT);
    let open = "<e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\">";
    for (text, cause) in [
        (open.to_owned(), TRUNCATED),
        (format!("{open}</e:Envelope>"), MALFORMED),
        (open.repeat(40), OVER_LIMIT),
    ] {
        assert_cause(&wsd::CLASSIFIER, text.as_bytes(), cause);
    }
}
