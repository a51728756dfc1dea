use super::super::driver::{PORTS as PLAYED, check_any, check_cuts, probe, run};
use super::*;
use crate::config::STREAM_BYTES_MAX;

fn message(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = (HEADER_LEN + body.len()) as u32;
    [kind, &size.to_le_bytes()[..], body].concat()
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn service(request: u32, kind: u32, body: &[u8]) -> Vec<u8> {
    let mut out = [1_u32, 1, 51, request].map(u32::to_le_bytes).concat();
    out.extend([1, 0]);
    out.extend((kind as u16).to_le_bytes());
    out.extend(body);
    message(b"MSGF", &out)
}

fn hello() -> Vec<u8> {
    let mut body = [0_u32, 65_535, 65_535, 0, 0].map(u32::to_le_bytes).concat();
    body.extend(string("opc.tcp://10.0.0.1:4840/"));
    message(b"HELF", &body)
}

fn acknowledge() -> Vec<u8> {
    message(
        b"ACKF",
        &[0_u32, 65_535, 65_535, 0, 0].map(u32::to_le_bytes).concat(),
    )
}

fn open(policy: &str) -> Vec<u8> {
    let mut body = vec![1, 0, 0, 0];
    body.extend(string(&format!(
        "http://opcfoundation.org/UA/SecurityPolicy#{policy}"
    )));
    body.extend([0xff; 8]);
    body.extend([0; 12]);
    message(b"OPNF", &body)
}

/// A token that must not be kept, times, a log entry, an empty addition.
fn asking() -> Vec<u8> {
    let mut head = vec![5, 0, 0];
    head.extend(string("CANARY"));
    head.extend([0; 16]);
    head.extend(string("CANARY"));
    head.extend([0; 4]);
    head.extend([0, 0, 0]);
    head
}

fn answering() -> Vec<u8> {
    let mut head = vec![0; 16];
    head.push(0);
    head.extend([0xff; 4]);
    head.extend([0, 0, 0]);
    head
}

fn application(name: &str) -> Vec<u8> {
    [
        string("urn:CANARY:server"),
        string("urn:acme.example:ua"),
        vec![2],
        string(name),
    ]
    .concat()
}

fn read(nodes: &[u16]) -> Vec<u8> {
    let mut body = asking();
    body.extend([0; 12]);
    body.extend((nodes.len() as u32).to_le_bytes());
    for node in nodes {
        body.extend([1, 0]);
        body.extend(node.to_le_bytes());
        body.extend(13_u32.to_le_bytes());
        body.extend([0xff; 4]);
        body.extend([0, 0, 0xff, 0xff, 0xff, 0xff]);
    }
    service(7, id::READ, &body)
}

#[test]
fn a_server_says_what_it_is() {
    let ask = service(3, id::GET_ENDPOINTS, &asking());
    let mut endpoints = answering();
    endpoints.extend([1, 0, 0, 0]);
    endpoints.extend(string("opc.tcp://CANARY:4840"));
    endpoints.extend(application("Chiller plant"));
    let endpoints = service(3, id::ENDPOINTS, &endpoints);
    let read = read(&[2261, 2256]);
    let mut values = answering();
    values.extend([2, 0, 0, 0]);
    values.extend([5, 12]);
    values.extend(string("Plant server"));
    values.extend([0; 8]);
    values.extend([1, 22, 1, 0]);
    values.extend((id::SERVER_STATUS as u16).to_le_bytes());
    let mut status = vec![0; 20];
    for text in ["urn:acme.example:ua", "Acme", "Plant server", "2.4", "117"] {
        status.extend(string(text));
    }
    status.extend([0; 8]);
    values.push(1);
    values.extend((status.len() as u32).to_le_bytes());
    values.extend(status);
    let values = service(7, id::VALUES, &values);
    let conversation = [
        (Role::Client, &hello()[..]),
        (Role::Server, &acknowledge()[..]),
        (Role::Client, &open("None")[..]),
        (Role::Client, &ask[..]),
        (Role::Server, &endpoints[..]),
        (Role::Client, &read[..]),
        (Role::Server, &values[..]),
    ];
    let said = run(&CLASSIFIER, &conversation);
    assert_eq!(
        said,
        [
            "confirmed",
            "sender opcua.product_uri=urn:acme.example:ua",
            "sender opcua.application_name=Chiller plant",
            "sender opcua.build.product_name=Plant server",
            "sender opcua.product_uri=urn:acme.example:ua",
            "sender opcua.build.manufacturer_name=Acme",
            "sender opcua.build.product_name=Plant server",
            "sender opcua.build.software_version=2.4",
            "sender opcua.build.build_number=117",
        ]
    );
    check_cuts(&CLASSIFIER, &conversation);
}

#[test]
fn a_session_tells_whether_it_is_protected() {
    let activate = service(4, id::ACTIVATE_SESSION, &asking());
    let activated = service(4, id::SESSION_ACTIVATED, &answering());
    let play = |policy: &str| {
        run(
            &CLASSIFIER,
            &[
                (Role::Client, &hello()),
                (Role::Server, &acknowledge()),
                (Role::Client, &open(policy)),
                (Role::Client, &activate),
                (Role::Server, &activated),
            ],
        )
    };
    assert_eq!(
        play("None"),
        ["confirmed", "sender opcua.session=unprotected"]
    );
    assert_eq!(play("Basic256Sha256"), ["confirmed", "encrypted"]);
    // A refused one is none.
    let mut refused = answering();
    refused[12] = 1;
    let refused = service(4, id::SESSION_ACTIVATED, &refused);
    let said = run(
        &CLASSIFIER,
        &[(Role::Client, &activate), (Role::Server, &refused)],
    );
    assert_eq!(said, ["confirmed"]);
}

#[test]
fn a_client_tells_its_product_and_no_name() {
    let mut body = asking();
    body.extend(application("CANARY's laptop"));
    let said = run(
        &CLASSIFIER,
        &[(Role::Client, &service(1, id::CREATE_SESSION, &body))],
    );
    assert_eq!(said, ["sender opcua.product_uri=urn:acme.example:ua"]);
}

#[test]
fn probes() {
    let hello = hello();
    let client = Verdict::Match(Role::Client);
    assert_eq!(probe(&CLASSIFIER, &hello, PLAYED), client);
    assert_eq!(probe(&CLASSIFIER, &hello[..20], PLAYED), Verdict::NeedMore);
    let server = Verdict::Match(Role::Server);
    assert_eq!(probe(&CLASSIFIER, &acknowledge(), PLAYED), server);
    assert_eq!(probe(&CLASSIFIER, &open("None"), (4840, 50_000)), server);
    let mut other = hello.clone();
    other[32] = b'x';
    for bytes in [
        &other[..],
        b"HELLO world, this is text",
        b"MSGF\x20\0\0\0",
        b"ACKF\x1c\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        assert_eq!(probe(&CLASSIFIER, bytes, PLAYED), Verdict::Reject);
    }
}

#[test]
fn what_comes_in_pieces_is_stepped_over() {
    let mut first = service(7, id::VALUES, &answering());
    first[3] = b'C';
    let rest = service(7, id::VALUES, b"rest");
    let said = run(
        &CLASSIFIER,
        &[(Role::Server, &first), (Role::Server, &rest)],
    );
    assert_eq!(said, [""; 0]);
}

#[test]
fn fuzz_any_bytes() {
    bolero::check!().for_each(|bytes: &[u8]| {
        check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX);
        let asked = read(&[2256]);
        let answer = service(7, id::VALUES, bytes);
        run(
            &CLASSIFIER,
            &[(Role::Client, &asked), (Role::Server, &answer)],
        );
    });
}
