use super::super::http::CLASSIFIER;
use crate::observe::Role::{self, Client, Server};
use crate::proto::replay::{Script, however_cut, in_pieces};

/// What a conversation says, however it is cut; no person is in it.
fn see(script: Script<'_>) -> Vec<String> {
    let seen = however_cut(CLASSIFIER.session, script);
    assert!(!seen.concat().contains("CANARY"), "{seen:#?}");
    seen
}

fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind};charset=UTF-8\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

const DEVICE: &str = r#"{"id":"CANARY","manufacturer":"ACME","serialNumber":"SN-7",
    "deviceName":[{"name":"CANARYs pump","type":"user-friendly-name"},
        {"name":"FLOW 2","type":"model-name"}],
    "version":[{"value":"B-9","type":{"coding":[{"code":"531976"}]}},{"value":"4.1"},
        {"value":"no","type":{"coding":[{"code":"1"}]}}],
    "udiCarrier":[{"deviceIdentifier":"1","carrierHRF":"(01)1(21)SN-7"}],
    "type":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"69837"}],"text":"CANARY"},
    "owner":{"display":"CANARY"},"note":[{"text":"CANARY"}],"resourceType":"Device"}"#;

const DEVICE_LINES: [&str; 7] = [
    "fhir.device.manufacturer=ACME",
    "fhir.device.model_number=FLOW 2",
    "fhir.device.serial_number=SN-7",
    "fhir.device.software=4.1",
    "fhir.device.firmware=B-9",
    "fhir.device.udi=(01)1(21)SN-7",
    "fhir.device.type=69837",
];

fn device_lines(from: &str) -> Vec<String> {
    DEVICE_LINES
        .iter()
        .map(|line| format!("{from}>[fhir:serial|acme|flow 2|sn-7] {line}"))
        .collect()
}

const SEARCH: &[u8] = b"GET /fhir/Device?patient=CANARY HTTP/1.1\r\n\
    Accept: application/fhir+json;q=1.0, application/json+fhir;q=0.9\r\n\r\n";

#[test]
fn devices_are_read_and_no_other_resource() {
    let bundle = format!(
        r#"{{"resourceType":"Bundle","serialNumber":"CANARY","manufacturer":"CANARY","entry":[
        {{"resource":{{"resourceType":"Patient","serialNumber":"CANARY",
          "name":[{{"family":"CANARY"}}],"contained":[{DEVICE}]}}}},
        {{"fullUrl":"http://CANARY","resource":{DEVICE}}},
        {{"resource":{{"resourceType":"Device","serialNumber":"CANARY",
          "patient":{{"reference":"x"}}}}}},
        {{"resource":{{"resourceType":"Device","serialNumber":"CANARY",
          "category":[{{"coding":[{{"code":"implantable"}}]}}]}}}},
        {{"resource":{{"resourceType":"DeviceMetric",
          "type":{{"coding":[{{"code":"150456"}}]}}}}}}]}}"#
    );
    let answer = answer("application/fhir+json", bundle.as_bytes());
    let seen = see(&[(Client, SEARCH), (Server, &answer)]);
    let mut expected = vec![
        "Carries(Fhir)".to_owned(),
        "client fhir.role=fhir_client".to_owned(),
        "event client fhir_search".to_owned(),
        "Confirmed".to_owned(),
        "Carries(Fhir)".to_owned(),
        "server fhir.role=fhir_server".to_owned(),
    ];
    expected.extend(device_lines("server"));
    expected.push("server fhir.devicemetric.type=150456".to_owned());
    assert_eq!(seen, expected);
}

#[test]
fn a_client_reports_devices_too() {
    let body = DEVICE.as_bytes();
    let head = format!(
        "PUT /fhir/Device/CANARY HTTP/1.1\r\nContent-Type: application/fhir+json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let seen = see(&[(Client, &[head.as_bytes(), body].concat())]);
    assert_eq!(seen[2], "event client fhir_write");
    assert_eq!(seen[3..], device_lines("client"));
}

#[test]
fn the_server_names_its_software() {
    let statement = |kind: &str| {
        format!(
            r#"{{"resourceType":"CapabilityStatement","kind":"{kind}","name":"CANARY",
            "publisher":"CANARY","contact":[{{"name":"CANARY"}}],"fhirVersion":"4.0.1",
            "software":{{"name":"ACME FHIR","version":"6.2","releaseDate":"2024"}},
            "implementation":{{"description":"CANARY"}}}}"#
        )
    };
    let ask: &[u8] = b"GET /fhir/metadata HTTP/1.1\r\nAccept: application/json\r\n\r\n";
    let lines = [
        "server fhir.version=4.0.1",
        "server fhir.software.name=ACME FHIR",
        "server fhir.software.version=6.2",
    ];
    // A server that does not say that it speaks FHIR is known by what it says of itself.
    let plain = answer("application/json", statement("instance").as_bytes());
    let seen = see(&[(Client, ask), (Server, &plain)]);
    assert_eq!(
        seen[..4],
        [
            "Confirmed",
            "Carries(Fhir)",
            "server fhir.role=fhir_server",
            "client fhir.role=fhir_client"
        ]
    );
    assert_eq!(seen[4..], lines);
    let named = answer("application/fhir+json", statement("instance").as_bytes());
    let seen = see(&[(Client, ask), (Server, &named)]);
    assert_eq!(seen[4..], lines);
    // What a kind of servers can do is not of this one.
    let kind = answer(
        "application/fhir+json",
        statement("requirements").as_bytes(),
    );
    let seen = see(&[(Client, ask), (Server, &kind)]);
    assert_eq!(seen.len(), 4);
    let other = answer(
        "application/json",
        br#"{"fhirVersion":"4.0.1","software":{"name":"x"}}"#,
    );
    assert_eq!(see(&[(Client, ask), (Server, &other)]), ["Confirmed"]);
}

#[test]
fn xml_says_the_same() {
    let bundle = br#"<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><entry><resource>
        <Patient><name value="CANARY"/><serialNumber value="CANARY"/><contained><Device>
        <serialNumber value="CANARY"/></Device></contained></Patient></resource></entry>
        <entry><resource><Device><id value="CANARY"/>
        <udiCarrier><carrierHRF value="(01)1(21)SN-7"/></udiCarrier>
        <manufacturer value="ACME"/><serialNumber value="SN-7"/>
        <deviceName><name value="CANARY"/><type value="user-friendly-name"/></deviceName>
        <deviceName><name value="FLOW 2"/><type value="model-name"/></deviceName>
        <type><coding><code value="69837"/></coding><text value="CANARY"/></type>
        <version><type><coding><code value="531976"/></coding></type><value value="B-9"/></version>
        <version><value value="4.1"/></version></Device></resource></entry></Bundle>"#;
    let ask: &[u8] = b"GET /fhir/Device HTTP/1.1\r\nAccept: application/fhir+xml\r\n\r\n";
    let seen = see(&[
        (Client, ask),
        (Server, &answer("application/fhir+xml", bundle)),
    ]);
    assert_eq!(seen[6..], device_lines("server"));
    let statement = br#"<CapabilityStatement xmlns="http://hl7.org/fhir"><kind value="instance"/>
        <fhirVersion value="4.0.1"/><software><name value="A"/><version value="1"/></software>
        </CapabilityStatement>"#;
    let seen = see(&[
        (Client, ask),
        (Server, &answer("application/fhir+xml", statement)),
    ]);
    assert_eq!(
        seen[6..],
        [
            "server fhir.version=4.0.1",
            "server fhir.software.name=A",
            "server fhir.software.version=1"
        ]
    );
}

#[test]
fn smart_is_known_by_its_configuration() {
    let ask: &[u8] = b"GET /fhir/.well-known/smart-configuration HTTP/1.1\r\n\r\n";
    let body =
        br#"{"issuer":"CANARY","token_endpoint":"https://CANARY","capabilities":["launch"]}"#;
    let seen = see(&[(Client, ask), (Server, &answer("application/json", body))]);
    assert_eq!(
        seen,
        [
            "Confirmed",
            "Carries(Fhir)",
            "server fhir.role=smart_server"
        ]
    );
    let seen = see(&[
        (Client, ask),
        (Server, &answer("application/json", b"{\"issuer\":1}")),
    ]);
    assert_eq!(seen, ["Confirmed"]);
}

#[test]
fn failures_count_and_persons_do_not_come_out() {
    let failed: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/fhir+json\r\n\
        Content-Length: 33\r\n\r\n{\"resourceType\":\"OperationOutcome\"}";
    let seen = see(&[(Client, SEARCH), (Server, failed)]);
    assert!(seen.contains(&"event client fhir_failure".to_owned()));
    let person = br#"{"resourceType":"Device","manufacturer":"Dr. Example","modelNumber":"a@b",
        "serialNumber":"SN-7"}"#;
    let seen = see(&[
        (Client, SEARCH),
        (Server, &answer("application/fhir+json", person)),
    ]);
    assert_eq!(
        seen[6..],
        ["server>[fhir:serial|||sn-7] fhir.device.serial_number=SN-7"]
    );
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(500)
        .for_each(|bytes: &[u8]| {
            for kind in ["application/fhir+json", "application/fhir+xml"] {
                let start: &[u8] = match kind {
                    "application/fhir+json" => b"{\"resourceType\":\"Patient\",\"entry\":[{",
                    _ => b"<Bundle xmlns='http://hl7.org/fhir'><entry>",
                };
                let body = [start, bytes].concat();
                let script: [(Role, &[u8]); 2] = [(Client, SEARCH), (Server, &answer(kind, &body))];
                let _ = in_pieces(CLASSIFIER.session, &script, 5);
            }
        });
}
