use super::frame::{HEADER_BYTES, PREFACE};
use super::*;
use crate::proto::driver::{PORTS, Player, check_any, check_cuts, probe as ask, run};
use crate::proto::http;

const C: Role = Role::Client;
const S: Role = Role::Server;

const DEVICE: &[u8] = br#"{"resourceType":"Device","manufacturer":"Acme","serialNumber":"SN1"}"#;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u32).to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    assert_eq!(frame.len(), HEADER_BYTES + payload.len());
    frame
}

/// Fields as literals that stay in no table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        for (first, text) in [(Some(0), name), (None, value)] {
            block.extend(first);
            block.push(text.len() as u8);
            block.extend(text.bytes());
        }
    }
    block
}

fn request(flags: u8, stream: u32) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "fhir.example:80"),
        (":path", "/Device/1?patient=SECRET"),
        ("accept", "application/fhir+json"),
        ("user-agent", "Viewer/1"),
    ];
    frame(1, flags, stream, &block(&fields))
}

fn answer(flags: u8, stream: u32) -> Vec<u8> {
    let fields = [
        (":status", "200"),
        ("content-type", "application/fhir+json"),
        ("server", "Store/2"),
    ];
    frame(1, flags, stream, &block(&fields))
}

fn settings() -> Vec<u8> {
    frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])
}

fn client() -> Vec<u8> {
    [PREFACE, &settings(), &frame(8, 0, 0, &[0, 1, 0, 0])].concat()
}

fn see(conversation: &[(Role, &[u8])]) -> Vec<String> {
    check_cuts(&CLASSIFIER, conversation);
    run(&CLASSIFIER, conversation)
}

#[test]
fn probe_asks_for_the_preface_or_settings() {
    let verdict = |bytes: &[u8]| ask(&CLASSIFIER, bytes, PORTS);
    assert_eq!(verdict(PREFACE), Verdict::Match(C));
    assert_eq!(verdict(&settings()), Verdict::Possible(S));
    for more in [
        &b""[..],
        b"PRI * HTTP",
        b"\0",
        b"\0\0",
        b"\0\0\x06",
        b"\0\0\x06\x04\0",
    ] {
        assert_eq!(verdict(more), Verdict::NeedMore, "{more:?}");
    }
    for none in [
        &b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"[..],
        b"\0\x01",
        b"\0\0\x06\x01",
        b"\0\0\x07\x04\0\0\0\0\0",
        b"\0\0\0\x04\x01\0\0\0\0",
        b"\0\0\xfc\x04\0\0\0\0\0",
    ] {
        assert_eq!(verdict(none), Verdict::Reject, "{none:?}");
    }
}

/// What is said over HTTP/2 is what is said over HTTP/1.
#[test]
fn it_says_what_http_1_says() {
    let body = [answer(4, 1), frame(0, 1, 1, DEVICE)].concat();
    let seen = see(&[
        (C, &[client(), request(5, 1)].concat()),
        (S, &[settings(), frame(4, 1, 0, &[]), body].concat()),
    ]);
    let len = DEVICE.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nServer: Store/2\r\n\
         Content-Length: {len}\r\n\r\n"
    );
    let ask = b"GET /Device/1?patient=SECRET HTTP/1.1\r\nHost: fhir.example:80\r\n\
                Accept: application/fhir+json\r\nUser-Agent: Viewer/1\r\n\r\n";
    let answer = [head.as_bytes(), DEVICE].concat();
    let first = run(&http::CLASSIFIER, &[(C, ask), (S, &answer)]);
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert!(first.len() > 6, "{first:?}");
    assert!(!first.concat().contains("SECRET"));
    assert_eq!(sorted(seen), sorted(first));
}

#[test]
fn heads_in_pieces_and_padding() {
    let fields = block(&[
        (":method", "GET"),
        (":path", "/"),
        ("user-agent", "Viewer/1"),
    ]);
    let (one, two) = fields.split_at(9);
    // Padded and with a priority, then the rest.
    let padded = [&[3], &[0; 5][..], one, &[0; 3]].concat();
    let head = [frame(1, 0x29, 1, &padded), frame(9, 4, 1, two)].concat();
    let (left, right) = DEVICE.split_at(20);
    let body = [
        answer(4, 1),
        frame(0, 8, 1, &[&[2], left, &[0; 2]].concat()),
        frame(6, 0, 0, &[0; 8]),
        frame(0, 9, 1, &[&[0], right].concat()),
    ];
    let seen = see(&[
        (C, &[client(), head].concat()),
        (S, &[settings(), body.concat()].concat()),
    ]);
    let seen = seen.concat();
    assert!(seen.contains("sender http.user_agent=Viewer/1"), "{seen}");
    assert!(
        seen.contains("reported fhir.device.manufacturer=Acme"),
        "{seen}"
    );
}

#[test]
fn an_upgrade_goes_on_as_http_2() {
    let ask = b"GET /Device/1 HTTP/1.1\r\nHost: fhir.example\r\nUpgrade: h2c\r\n\
                HTTP2-Settings: AAMAAABk\r\nAccept: application/fhir+json\r\n\r\n";
    let taken = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let conversation: &[(Role, &[u8])] = &[
        (C, ask),
        (S, &[&taken[..], &settings()].concat()),
        (C, &client()),
        (S, &[answer(4, 1), frame(0, 1, 1, DEVICE)].concat()),
        (C, &request(5, 3)),
    ];
    check_cuts(&http::CLASSIFIER, conversation);
    let seen = run(&http::CLASSIFIER, conversation).concat();
    for line in [
        "sender http.server=Store/2",
        "reported fhir.device.serial",
        "http.user_agent=Viewer",
        "Becomes(Http2)",
    ] {
        assert!(seen.contains(line), "{line}: {seen}");
    }
}

#[test]
fn a_hole_costs_a_body_or_the_direction() {
    let mut player = Player::new(&CLASSIFIER);
    player.play(
        C,
        &[client(), request(5, 1), request(5, 3), request(5, 5)].concat(),
        false,
    );
    let data = frame(0, 1, 1, DEVICE);
    let begun = [&settings()[..], &answer(4, 1), &data[..30]].concat();
    player.play(S, &begun, false);
    assert!(player.gap(S, 20));
    player.play(S, &data[50..], false);
    player.play(S, &[answer(4, 3), frame(0, 1, 3, DEVICE)].concat(), false);
    let reported = |seen: &[String]| seen.concat().matches("fhir.device.manufacturer").count();
    assert_eq!(reported(&player.seen), 1, "{:?}", player.seen);
    // In a head: what follows could be read by another table.
    assert!(player.gap(S, 5));
    player.play(S, &[answer(4, 5), frame(0, 1, 5, DEVICE)].concat(), false);
    assert_eq!(reported(&player.seen), 1);
}

#[test]
fn what_contradicts_itself_or_is_too_long() {
    let faulty = |from: Role, bytes: &[u8]| {
        let begin = [(C, &client()[..]), (S, &settings())];
        let seen = see(&[begin[0], begin[1], (from, bytes)]);
        seen.last().cloned().unwrap_or_default()
    };
    let long = vec![0; HTTP2_BLOCK_BYTES_MAX + 1];
    for (bytes, expected) in [
        (frame(0, 8, 1, &[9, 0]), "malformed"),
        (frame(9, 4, 1, &[]), "malformed"),
        ([frame(1, 0, 1, &[]), settings()].concat(), "malformed"),
        (frame(1, 4, 1, &[0x80]), "Faulty(Encoding)"),
        (frame(1, 4, 1, &[0x40, 3]), "Faulty(Truncated)"),
        (frame(1, 4, 1, &long), "Faulty(OverLimit)"),
    ] {
        assert_eq!(faulty(C, &bytes), expected, "{bytes:x?}");
    }
    let seen = see(&[(C, &[PREFACE, &request(5, 1)].concat())]);
    assert_eq!(seen, ["malformed"]);
}

#[test]
fn a_value_in_lines_is_no_second_field() {
    let fields = block(&[
        (":method", "GET"),
        (":path", "/"),
        ("x", "1\r\nuser-agent: Liar"),
    ]);
    let seen = see(&[(C, &[client(), frame(1, 5, 1, &fields)].concat())]);
    assert!(!seen.concat().contains("Liar"), "{seen:?}");
}

#[test]
fn fuzz_any_bytes() {
    bolero::check!()
        .with_iterations(2000)
        .for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, HTTP2_BLOCK_BYTES_MAX + 64));
}

/// Sound frames of any bytes in any order.
#[test]
fn fuzz_any_frames() {
    bolero::check!()
        .with_type::<Vec<(bool, u8, u8, u8, Vec<u8>)>>()
        .with_iterations(1000)
        .for_each(|frames| {
            let mut player = Player::new(&CLASSIFIER);
            player.play(C, &client(), false);
            player.play(S, &settings(), false);
            for (server, kind, flags, stream, payload) in frames {
                let bytes = frame(kind % 10, *flags, u32::from(stream % 5), payload);
                player.play(if *server { S } else { C }, &bytes, false);
            }
        });
}
