use super::*;
use crate::proto::driver;

/// An agent's request; its identifier is made of a locally administered number.
const AARQ: &[u8] = b"\xe2\0\0\x32\x80\0\0\0\0\x01\0\x2a\x50\x79\0\x26\x80\0\0\0\x80\0\x80\0\0\0\
    \0\0\0\0\0\x80\0\0\0\x08\x02\0\0\0\0\0\0\x01\x40\0\0\x01\x01\0\0\0\0\0";

/// A manager's answer: accepted, configuration unknown.
const AARE: &[u8] = b"\xe3\0\0\x2c\0\x03\x50\x79\0\x26\x80\0\0\0\x80\0\x80\0\0\0\0\0\0\0\x80\0\0\0\
    \0\x08\x02\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0";

const RELEASES: &[u8] = b"\xe4\0\0\x02\0\0";

fn data(message: u16, content: &[u8]) -> Vec<u8> {
    let content_len = content.len() as u16;
    let mut bytes = vec![0xe7, 0];
    bytes.extend_from_slice(&(content_len + 8).to_be_bytes());
    bytes.extend_from_slice(&(content_len + 6).to_be_bytes());
    bytes.extend_from_slice(&[0x12, 0x34]);
    bytes.extend_from_slice(&message.to_be_bytes());
    bytes.extend_from_slice(&content_len.to_be_bytes());
    bytes.extend_from_slice(content);
    bytes
}

fn block(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, &(body.len() as u16).to_be_bytes(), body].concat()
}

/// The attributes of object 0, and one of a person.
fn attributes() -> Vec<u8> {
    let model = block(&[0x09, 0x28], b"\0\x04ACME\0\x05OX-9\0");
    let serial = block(&[0, 1, 0, 0], b"SN-77");
    let software = block(&[0, 4, 0, 0], b"1.2");
    let production = block(&[0x09, 0x2d], &block(&[0, 2], &[serial, software].concat()));
    let specialisations = block(&[0x0a, 0x5a], b"\0\x01\0\x04\x10\x04\0\x01");
    let person = block(&[0x0a, 0x1e], b"CANARY");
    let all = [model, production, person, specialisations].concat();
    let list = block(&[0, 4], &all);
    [&[0, 0][..], &list].concat()
}

#[test]
fn an_agent_says_what_it_is_when_it_is_asked() {
    assert_eq!(
        driver::probe(&CLASSIFIER, AARQ, driver::PORTS),
        Verdict::Match(Role::Client)
    );
    assert_eq!(
        driver::probe(&CLASSIFIER, AARE, driver::PORTS),
        Verdict::Match(Role::Server)
    );
    let measured = data(
        0x0101,
        &[b"\0\0\0\0\0\0\x0d\x1c\0\x06", &b"CANARY"[..]].concat(),
    );
    let asked = data(0x0103, b"\0\0\0\0\0\0");
    let answered = data(ANSWER_GET, &attributes());
    let conversation = [
        (Role::Client, AARQ),
        (Role::Server, AARE),
        (Role::Client, measured.as_slice()),
        (Role::Server, asked.as_slice()),
        (Role::Client, answered.as_slice()),
        (Role::Client, RELEASES),
    ];
    driver::check_cuts(&CLASSIFIER, &conversation);
    assert_eq!(
        driver::run(&CLASSIFIER, &conversation),
        [
            "sender ieee11073.role=agent",
            "sender ieee11073.system_id=0200000000000001",
            "confirmed",
            "Event { subject: Receiver, event: Ieee11073Association }",
            "sender ieee11073.role=manager",
            "sender ieee11073.manufacturer=ACME",
            "sender ieee11073.model=OX-9",
            "sender ieee11073.serial_number=SN-77",
            "sender ieee11073.software=1.2",
            "sender ieee11073.specialisation=528388",
        ]
    );
}

#[test]
fn attributes_of_a_manager_or_another_object_are_not_read() {
    let mut other = attributes();
    other[1] = 1;
    let (own, other) = (data(ANSWER_GET, &attributes()), data(ANSWER_GET, &other));
    let said = driver::run(
        &CLASSIFIER,
        &[
            (Role::Client, AARQ),
            (Role::Server, AARE),
            (Role::Server, &own),
            (Role::Client, &other),
        ],
    );
    assert_eq!(said.len(), 5);
}

#[test]
fn what_only_looks_alike_is_refused() {
    let mut version = AARQ.to_vec();
    version[4] = 0x40;
    let mut protocol = AARQ.to_vec();
    protocol[12] = 0;
    for bytes in [
        &version,
        &protocol,
        b"\xe2\0\xff\xff\0\0".as_slice(),
        b"\xe7\0\0\x08",
    ] {
        assert_eq!(
            driver::probe(&CLASSIFIER, bytes, driver::PORTS),
            Verdict::Reject
        );
    }
    assert_eq!(
        driver::probe(&CLASSIFIER, &AARQ[..20], driver::PORTS),
        Verdict::NeedMore
    );
}

#[test]
fn fuzz_stream() {
    bolero::check!()
        .with_iterations(4_000)
        .with_max_len(512)
        .for_each(|input: &[u8]| {
            driver::check_any(&CLASSIFIER, input, 80 * 1024);
            let mut player = driver::Player::new(&CLASSIFIER);
            player.play(Role::Client, AARQ, false);
            player.play(Role::Server, AARE, false);
            player.play(Role::Client, input, false);
            player.play(Role::Client, &data(0x0101, b"CANARY"), false);
            assert!(!player.seen.concat().contains("CANARY"));
        });
}

#[test]
fn attributes_that_are_cut_are_told_as_such() {
    let attributes = attributes();
    let answered = data(ANSWER_GET, &attributes[..attributes.len() - 5]);
    let asked = data(0x0103, b"\0\0\0\0\0\0");
    let conversation = [
        (Role::Client, AARQ),
        (Role::Server, AARE),
        (Role::Server, &asked),
        (Role::Client, &answered),
    ];
    let said = driver::run(&CLASSIFIER, &conversation);
    assert!(said.contains(&"Faulty(Truncated)".to_owned()), "{said:?}");
}
