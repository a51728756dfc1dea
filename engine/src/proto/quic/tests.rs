use super::super::driver::{check_any, probe, run};
use super::keys::VERSIONS;
use super::*;

const CLIENT_ID: &[u8] = b"\x01\x02\x03\x04";
const SERVER_ID: &[u8] = b"\xa1\xa2";
const FIRST_ID: &[u8] = b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";

/// A hello with a name, one protocol and one version.
fn client_hello() -> Vec<u8> {
    let mut extensions = b"\0\0\0\x0f\0\x0d\0\0\x0aexample.de".to_vec();
    extensions.extend(b"\0\x10\0\x05\0\x03\x02h3\0\x2b\0\x03\x02\x03\x04");
    let mut body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 0x01, 1, 0]].concat();
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    [&[CLIENT_HELLO, 0, 0, body.len() as u8][..], &body].concat()
}

fn server_hello() -> Vec<u8> {
    let mut body = [&[3, 3][..], &[9; 32], &[0, 0x13, 0x01, 0]].concat();
    body.extend(b"\0\x06\0\x2b\0\x02\x03\x04");
    [&[SERVER_HELLO, 0, 0, body.len() as u8][..], &body].concat()
}

fn crypto(at: u8, piece: &[u8]) -> Vec<u8> {
    let len = 0x4000 | piece.len() as u16;
    [&[CRYPTO as u8, at][..], &len.to_be_bytes(), piece].concat()
}

fn initial(version: usize, side: usize, ids: [&[u8]; 2], frames: &[u8]) -> Vec<u8> {
    let version = &VERSIONS[version];
    let keys = Keys::pair(version, FIRST_ID).unwrap();
    let mut text = frames.to_vec();
    text.resize(text.len().max(1200), 0);
    let mut header = vec![0xc3 | version.initial << 4];
    header.extend(version.number.to_be_bytes());
    for id in ids {
        header.push(id.len() as u8);
        header.extend(id);
    }
    header.push(0);
    header.extend((0x4000 | (text.len() + 20) as u16).to_be_bytes());
    header.extend([0, 0, 0, 1]);
    keys[side].seal(&header, &text)
}

fn conversation(version: usize) -> [Vec<u8>; 3] {
    let hello = client_hello();
    let (head, tail) = hello.split_at(20);
    let ids = [FIRST_ID, CLIENT_ID];
    let answer = [&[ACK as u8, 1, 0, 0, 0][..], &crypto(0, &server_hello())].concat();
    [
        // The end of the hello comes first.
        initial(version, 0, ids, &crypto(20, tail)),
        initial(version, 0, ids, &crypto(0, head)),
        initial(version, 1, [CLIENT_ID, SERVER_ID], &answer),
    ]
}

#[test]
fn hellos_of_both_ends_in_both_versions() {
    for version in 0..2 {
        let [tail, head, answer] = conversation(version);
        let said = run(
            &CLASSIFIER,
            &[
                (Role::Client, &tail),
                (Role::Client, &head),
                (Role::Server, &answer),
            ],
        );
        assert!(said[0].starts_with("sender tls.handshake.ja4=q13d0103h3_"));
        assert_eq!(said[2], "sender tls.handshake.extensions_alpn_str=h3");
        assert_eq!(
            said[3],
            "receiver tls.handshake.extensions_server_name=example.de"
        );
        assert_eq!(said[4], "sender tls.client_name=example.de");
        assert_eq!(said[5], "confirmed");
        assert_eq!(said[6], "sender tls.handshake.version=TLS 1.3");
        assert_eq!(said.last().unwrap(), "encrypted");
    }
}

#[test]
fn an_answer_to_another_confirms_nothing() {
    let [tail, head, _] = conversation(0);
    let other = initial(0, 1, [b"\x09\x09", SERVER_ID], &crypto(0, &server_hello()));
    let said = run(
        &CLASSIFIER,
        &[
            (Role::Client, &tail),
            (Role::Client, &head),
            (Role::Server, &other),
        ],
    );
    assert!(!said.contains(&"confirmed".to_owned()));
}

/// Packets of one datagram are for one connection; what is for another is none of it.
#[test]
fn packets_in_one_datagram() {
    let names = |ids: [&[u8]; 2]| {
        let hello = client_hello();
        let (head, tail) = hello.split_at(20);
        let [tail, head] = [
            initial(0, 0, [FIRST_ID, CLIENT_ID], &crypto(20, tail)),
            initial(0, 0, ids, &crypto(0, head)),
        ];
        let said = run(&CLASSIFIER, &[(Role::Client, &[tail, head].concat()[..])]);
        said.iter().any(|line| line.ends_with("=example.de"))
    };
    assert!(names([FIRST_ID, CLIENT_ID]));
    assert!(!names([b"\x83\x94\xc8\xf0\x3e\x51\x57\x09", CLIENT_ID]));
}

/// A version that is kept free has the form of version 1 and no keys; what no version has is told
/// by the ids of both ends.
#[test]
fn versions_that_are_not_known() {
    let [mut free, ..] = conversation(0);
    free[1..5].copy_from_slice(b"\x1a\x2a\x3a\x4a");
    let verdict = probe(&CLASSIFIER, &free, (50_000, 443));
    assert_eq!(verdict, Verdict::Match(Role::Client));
    let others = b"\x80\0\0\0\0\x04\x01\x02\x03\x04\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\0\0\0\x01";
    let verdict = probe(&CLASSIFIER, others, (443, 50_000));
    assert_eq!(verdict, Verdict::Match(Role::Server));
    let said = run(
        &CLASSIFIER,
        &[(Role::Client, &free), (Role::Server, others)],
    );
    assert_eq!(said, ["confirmed"]);
    let [mut unknown, ..] = conversation(0);
    unknown[1] = 9;
    let answer = b"\xe3\x09\0\0\x01\x04\x01\x02\x03\x04\x02\xa1\xa2 and what nobody can read";
    let conversation = [(Role::Client, &unknown[..]), (Role::Server, answer)];
    assert_eq!(run(&CLASSIFIER, &conversation), ["confirmed"]);
}

#[test]
fn probes() {
    let [tail, _, answer] = conversation(0);
    let client = probe(&CLASSIFIER, &tail, (50_000, 443));
    assert_eq!(client, Verdict::Match(Role::Client));
    let server = probe(&CLASSIFIER, &answer, (443, 50_000));
    assert_eq!(server, Verdict::Match(Role::Server));
    for (at, value) in [(0, 0x40), (5, 21), (14, 200)] {
        let mut bytes = tail.clone();
        bytes[at] = value;
        let verdict = probe(&CLASSIFIER, &bytes, (50_000, 443));
        assert_eq!(verdict, Verdict::Reject, "{at}");
    }
    let mut unknown = tail.clone();
    unknown[1] = 9;
    let verdict = probe(&CLASSIFIER, &unknown, (50_000, 443));
    assert_eq!(verdict, Verdict::Possible(Role::Client));
    let short = probe(&CLASSIFIER, &tail[..1000], (50_000, 443));
    assert_eq!(short, Verdict::Reject);
}

#[test]
fn fuzz_any_bytes() {
    let [tail, ..] = conversation(0);
    bolero::check!().for_each(|bytes: &[u8]| {
        check_any(&CLASSIFIER, bytes, usize::MAX);
        let framed = initial(0, 0, [FIRST_ID, CLIENT_ID], bytes);
        run(
            &CLASSIFIER,
            &[
                (Role::Client, &framed),
                (Role::Client, &tail),
                (Role::Server, bytes),
            ],
        );
    });
}
