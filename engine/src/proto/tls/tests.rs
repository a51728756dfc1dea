use super::fingerprint::{ja3, ja4};
use super::*;
use crate::observe::Fingerprint;
use crate::proto::driver::{PORTS as TEST_PORTS, Player, check_any, check_cuts, probe as ask, run};

const C: Role = Role::Client;
const S: Role = Role::Server;

/// A block after its length of two bytes.
fn block16(bytes: &[u8]) -> Vec<u8> {
    let mut block = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    block.extend_from_slice(bytes);
    block
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &block16(data)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &len[1..], body].concat()
}

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &block16(fragment)].concat()
}

/// TLS 1.3 with GREASE everywhere, a name, two protocols.
fn client_hello() -> Vec<u8> {
    message(1, &client_hello_body(0x11, 0x3a, b"pump.example"))
}

/// The same with another random and session, other grease, another name.
fn client_hello_body(random: u8, grease: u8, name: &[u8]) -> Vec<u8> {
    let grease = |plus: u8| [grease.wrapping_add(plus); 2];
    let extensions = [
        extension(u16::from_be_bytes(grease(0)), &[]),
        extension(0, &block16(&[&[0][..], &block16(name)].concat())),
        extension(16, &block16(b"\x02h2\x08http/1.1")),
        extension(10, &block16(&[&grease(0x30)[..], &[0, 29, 0, 23]].concat())),
        extension(11, &[1, 0]),
        extension(13, &block16(&[4, 3, 8, 4])),
        extension(43, &[&[6][..], &grease(0xd0), &[3, 4, 3, 3]].concat()),
    ]
    .concat();
    let ciphers = [&grease(0xf0)[..], &[0x13, 0x01, 0xc0, 0x2f, 0x00, 0x2f]].concat();
    [
        &[3, 3][..],
        &[random; 32],
        &[4, random, 1, 2, 3],
        &block16(&ciphers),
        &[1, 0],
        &block16(&extensions),
    ]
    .concat()
}

/// The JA4 and the JA3 of a hello over TCP.
fn fingerprints(hello: &ClientHello<'_>) -> [String; 2] {
    let basis = ClientBasis::of(hello, Transport::Tcp);
    let text = |print: Fingerprint| String::from_utf8(print.as_bytes().to_vec()).unwrap();
    [text(ja4(&basis.of_ja4())), text(ja3(basis.of_ja3()))]
}

fn server_hello(random: &[u8; 32], cipher: u16, extensions: &[u8]) -> Vec<u8> {
    let body = [
        &[3, 3][..],
        random,
        &[0],
        &cipher.to_be_bytes(),
        &[0],
        &block16(extensions),
    ]
    .concat();
    message(2, &body)
}

const CLIENT_SEEN: [&str; 6] = [
    "sender tls.handshake.ja4=t13d0306h2_54093f43ad55_fb71836bce29",
    "sender tls.handshake.ja3=413a32a6d3eb76f7c5bc40e2407fec60",
    "sender tls.handshake.extensions_alpn_str=h2",
    "sender tls.handshake.extensions_alpn_str=http/1.1",
    "receiver tls.handshake.extensions_server_name=pump.example",
    "sender tls.client_name=pump.example",
];

fn see(conversation: &[(Role, &[u8])]) -> Vec<String> {
    check_cuts(&CLASSIFIER, conversation);
    run(&CLASSIFIER, conversation)
}

fn after_client(more: &[&str]) -> Vec<String> {
    let all = CLIENT_SEEN.iter().chain(more);
    all.map(|text| (*text).to_owned()).collect()
}

#[test]
fn tls13_is_done_after_the_hellos() {
    let client = record(22, &client_hello());
    let server = [
        record(22, &server_hello(&[7; 32], 0x1301, &extension(43, &[3, 4]))),
        record(20, &[1]),
        record(23, &[0xaa; 100]),
    ]
    .concat();
    let seen = see(&[(C, &client), (S, &server), (C, &record(23, &[0xbb; 60]))]);
    let wanted = after_client(&[
        "sender tls.handshake.version=TLS 1.3",
        "sender tls.handshake.ciphersuite=TLS_AES_128_GCM_SHA256",
        "sender tls.handshake.ja3s=cce84e7a8b742462e40afb585a3e3ccc",
        "confirmed",
        "encrypted",
    ]);
    assert_eq!(seen, wanted);
}

#[test]
fn a_second_hello_on_request_says_nothing_twice() {
    let retry: [u8; 32] = {
        let hash = <sha2::Sha256 as sha2::Digest>::digest(b"HelloRetryRequest");
        hash.into()
    };
    let client = record(22, &client_hello());
    let first = [
        record(22, &server_hello(&retry, 0x1301, &extension(43, &[3, 4]))),
        record(20, &[1]),
    ]
    .concat();
    let again = [record(20, &[1]), client.clone()].concat();
    let second = record(22, &server_hello(&[7; 32], 0x1301, &extension(43, &[3, 4])));
    let seen = see(&[(C, &client), (S, &first), (C, &again), (S, &second)]);
    let wanted = after_client(&[
        "sender tls.handshake.version=TLS 1.3",
        "sender tls.handshake.ciphersuite=TLS_AES_128_GCM_SHA256",
        "confirmed",
        "encrypted",
        "sender tls.handshake.ja3s=cce84e7a8b742462e40afb585a3e3ccc",
    ]);
    assert_eq!(seen, wanted);
}

/// A value in the distinguished encoding: X.690.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let len = u16::try_from(value.len()).unwrap().to_be_bytes();
    let header: &[u8] = match len {
        [0, low @ 0..=0x7f] => &[tag, low],
        [0, low] => &[tag, 0x81, low],
        [high, low] => &[tag, 0x82, high, low],
    };
    [header, &value].concat()
}

/// One attribute of a name under 2.5.4, or that of an e-mail address (0).
fn attribute(kind: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    let email = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
    let kind = match kind {
        0 => der(6, &[&email]),
        kind => der(6, &[&[0x55, 4, kind]]),
    };
    der(0x31, &[&der(0x30, &[&kind, &der(tag, &[value])])])
}

fn certificate(subject: &[u8], issuer: &[u8], names: &[&[u8]], keys: [&[u8]; 2]) -> Vec<u8> {
    let algorithm = der(
        0x30,
        &[&der(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]])],
    );
    let dates = [
        der(0x17, &[b"240102030405Z"]),
        der(0x18, &[b"20510102030405Z"]),
    ];
    let extension =
        |kind: u8, value: &[u8]| der(0x30, &[&der(6, &[&[0x55, 0x1d, kind]]), &der(4, &[value])]);
    let extensions = [
        extension(17, &der(0x30, names)),
        extension(14, &der(4, &[keys[0]])),
        extension(35, &der(0x30, &[&der(0x80, &[keys[1]])])),
    ];
    let body = der(
        0x30,
        &[
            &der(0xa0, &[&[2, 1, 2]]),
            &[2, 1, 7],
            &algorithm,
            issuer,
            &der(0x30, &[&dates.concat()]),
            subject,
            &der(0x30, &[&algorithm, &der(3, &[&[0, 4, 1, 2]])]),
            &der(0xa3, &[&der(0x30, &[&extensions.concat()])]),
        ],
    );
    der(0x30, &[&body, &algorithm, &der(3, &[&[0, 1, 2, 3]])])
}

fn device_name() -> Vec<u8> {
    der(
        0x30,
        &[
            &attribute(6, 19, b"DE"),
            &attribute(10, 12, "Acme, Müller".as_bytes()),
            &attribute(11, 30, b"\0I\0C\0U"),
            &attribute(3, 20, b"pump-7"),
            &attribute(0, 22, b"anna@acme.example"),
        ],
    )
}

fn device_certificate() -> Vec<u8> {
    let names: [&[u8]; 4] = [
        b"\x82\x0epump-7.example",
        b"\x81\x03a@b",
        b"\x87\x04\x0a\0\0\x07",
        b"\x82\x05*.icu",
    ];
    certificate(&device_name(), &device_name(), &names, [b"key1", b"key1"])
}

fn certificate_message(leaf: &[u8]) -> Vec<u8> {
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..].to_vec();
    let list = [&len(leaf), leaf, &len(b"other"), b"other"].concat();
    message(11, &[&len(&list), &list[..]].concat())
}

fn observed(leaf: &[u8]) -> Vec<String> {
    let hello = record(22, &server_hello(&[7; 32], 0xc02f, &[]));
    let leaf = record(22, &certificate_message(leaf));
    let mut seen = run(&CLASSIFIER, &[(S, &hello), (S, &leaf)]);
    seen.drain(..4);
    seen
}

#[test]
fn tls12_shows_the_servers_certificate_and_never_the_clients() {
    let person = der(0x30, &[&attribute(3, 12, b"Anna Musterfrau")]);
    let client_certificate = certificate(&person, &person, &[], [b"a", b"a"]);
    let client = record(22, &client_hello());
    let hellos = [
        server_hello(&[7; 32], 0xc02f, &extension(16, &block16(b"\x08http/1.1"))),
        certificate_message(&device_certificate()),
        message(14, &[]),
    ]
    .concat();
    // Messages share records, and go on from one to the next.
    let server: Vec<u8> = hellos
        .chunks(200)
        .flat_map(|part| record(22, part))
        .collect();
    let answer = [
        record(22, &certificate_message(&client_certificate)),
        record(20, &[1]),
        record(22, &[0x55; 40]),
    ]
    .concat();
    let end = record(20, &[1]);
    let seen = see(&[(C, &client), (S, &server), (C, &answer), (S, &end)]);
    let wanted = after_client(&[
        "sender tls.handshake.version=TLS 1.2",
        "sender tls.handshake.ciphersuite=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "sender tls.handshake.ja3s=896415616b22361262d7a961b6325cfd",
        "sender tls.handshake.extensions_alpn_str=http/1.1",
        "confirmed",
        "encrypted",
        r"sender x509sat.subject=CN=pump-7,OU=ICU,O=Acme\, Müller,C=DE",
        r"sender x509sat.issuer=CN=pump-7,OU=ICU,O=Acme\, Müller,C=DE",
        "sender x509af.not_before=2024-01-02T03:04:05Z",
        "sender x509af.not_after=2051-01-02T03:04:05Z",
        "sender x509ce.dns_name=pump-7.example",
        "sender x509ce.dns_name=*.icu",
        "sender x509af.self_signed=true",
    ]);
    assert_eq!(seen, wanted);
}

#[test]
fn a_persons_certificate_gives_no_name() {
    let person = der(
        0x30,
        &[
            &attribute(4, 12, b"Musterfrau"),
            &attribute(3, 12, b"Anna Musterfrau"),
        ],
    );
    let mailbox = der(0x30, &[&attribute(3, 12, b"Anna Musterfrau")]);
    for (name, names) in [(&person, &[][..]), (&mailbox, &[&b"\x81\x03a@b"[..]])] {
        let seen = observed(&certificate(name, name, names, [b"a", b"a"]));
        let wanted = [
            "sender x509af.not_before=2024-01-02T03:04:05Z",
            "sender x509af.not_after=2051-01-02T03:04:05Z",
            "sender x509af.self_signed=true",
        ];
        assert_eq!(seen, wanted);
    }
    let seen = observed(&certificate(&person, &device_name(), &[], [b"a", b"b"]));
    assert!(seen.iter().all(|text| !text.contains("Musterfrau")));
    assert!(seen.contains(&"sender x509af.self_signed=false".to_owned()));
}

#[test]
fn another_key_of_the_same_name_is_not_self_signed() {
    let name = device_name();
    let seen = observed(&certificate(&name, &name, &[], [b"key1", b"key2"]));
    let ecdsa_with_sha256 = "sender x509af.algorithm_id=1.2.840.10045.4.3.2";
    assert!(seen.ends_with(&[
        "sender x509af.self_signed=false".into(),
        ecdsa_with_sha256.into()
    ]));
}

#[test]
fn certificates_survive_every_cut_and_every_flipped_byte() {
    let whole = device_certificate();
    for len in 0..whole.len() {
        certificate::observe(&whole[..len], &mut |_| {});
    }
    for index in 0..whole.len() {
        for value in [0, 0x7f, 0x80, 0xff, whole[index] ^ 1] {
            let mut bytes = whole.clone();
            bytes[index] = value;
            certificate::observe(&bytes, &mut |_| {});
        }
    }
}

#[test]
fn a_suite_without_encryption_is_not_called_encrypted() {
    let client = record(22, &client_hello());
    let server = record(22, &server_hello(&[7; 32], 0x0002, &[]));
    let seen = see(&[(C, &client), (S, &server), (S, &record(20, &[1]))]);
    assert!(seen.contains(&"confirmed".to_owned()));
    assert!(!seen.contains(&"encrypted".to_owned()));
}

#[test]
fn alerts_end_a_connection_unless_they_only_warn() {
    let client = record(22, &client_hello());
    let server = record(22, &server_hello(&[7; 32], 0xc02f, &[]));
    let fatal = see(&[(C, &client), (S, &record(21, &[2, 40])), (S, &server)]);
    assert_eq!(fatal, CLIENT_SEEN);
    let warning = see(&[(C, &client), (S, &record(21, &[1, 112])), (S, &server)]);
    assert!(warning.contains(&"confirmed".to_owned()));
}

#[test]
fn a_hello_in_the_old_format_is_stepped_over() {
    let old = [
        &[0x80, 9 + 3 + 16, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 4][..],
        &[9; 16],
    ]
    .concat();
    assert_eq!(ask(&CLASSIFIER, &old, TEST_PORTS), Verdict::Match(C));
    let server = record(22, &server_hello(&[7; 32], 4, &[]));
    let seen = see(&[(C, &old), (S, &server)]);
    assert_eq!(seen[0], "sender tls.handshake.version=TLS 1.2");
    assert_eq!(seen[3..], ["confirmed", "encrypted"]);
}

#[test]
fn probe_needs_a_hello_or_records_in_a_row() {
    let verdict = |bytes: &[u8]| ask(&CLASSIFIER, bytes, TEST_PORTS);
    let client = record(22, &client_hello());
    for len in 0..11 {
        assert_eq!(verdict(&client[..len]), Verdict::NeedMore, "{len}");
    }
    assert_eq!(verdict(&client), Verdict::Match(C));
    let server = record(22, &server_hello(&[7; 32], 4, &[]));
    assert_eq!(verdict(&server), Verdict::Match(S));
    let data = record(23, &[0; 50]);
    assert_eq!(verdict(&data[..54]), Verdict::NeedMore);
    let two = data.repeat(2);
    assert_eq!(verdict(&two[..109]), Verdict::NeedMore);
    for whole in [&data, &two, &data.repeat(3)] {
        assert_eq!(verdict(whole), Verdict::Match(C));
    }
    let reversed = ask(&CLASSIFIER, &data.repeat(3), (TEST_PORTS.1, TEST_PORTS.0));
    assert_eq!(reversed, Verdict::Match(S));
    for none in [
        &b"GET / HTTP/1.1"[..],
        b"SSH-2.0-",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x02",
        b"\x17\x03\x03\x00\x00",
        b"\x14\x03\x03\x00\x02",
        b"\x03\x00\x00\x13",
        b"\x0bMSH|",
    ] {
        assert_eq!(verdict(none), Verdict::Reject, "{none:?}");
    }
    assert_eq!(verdict(&[&data[..], b"nothing"].concat()), Verdict::Reject);
}

#[test]
fn a_stream_picked_up_in_the_middle_is_only_encrypted() {
    let data = record(23, &[0; 50]).repeat(3);
    let mut player = Player::new(&CLASSIFIER);
    player.play(C, &data, false);
    player.play(S, &data, false);
    assert!(player.done);
    assert_eq!(player.seen, ["encrypted"]);
}

#[test]
fn a_message_that_is_too_long_ends_the_flow() {
    let mut player = Player::new(&CLASSIFIER);
    player.play(C, &record(22, &[1, 0xff, 0, 0]), false);
    assert!(player.done);
    assert_eq!(player.seen, ["malformed"]);
    let mut player = Player::new(&CLASSIFIER);
    player.play(C, &record(22, &[1, 0, 0xff, 0xff]), false);
    for _ in 0..10_000 {
        player.play(C, &record(22, &[0; 32]), false);
    }
    assert!(player.done || player.seen == ["malformed"]);
}

#[test]
fn a_hello_without_extensions() {
    let body = [&[3, 3][..], &[0; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat();
    let hello = ClientHello::parse(&body).unwrap();
    assert_eq!(
        fingerprints(&hello),
        [
            "t12i010000_ba72b8082249_000000000000",
            "fde4273625b2ac63bd01d9c500dac91b"
        ]
    );
}

/// What hellos of one library differ in makes no other fingerprint, and is made once.
#[test]
fn hellos_of_one_library_have_one_basis() {
    let bases = |body: &[u8], carrier| {
        let basis = ClientBasis::of(&ClientHello::parse(body).unwrap(), carrier);
        [basis.of_ja4().to_vec(), basis.of_ja3().to_vec()]
    };
    let one = client_hello_body(0x11, 0x3a, b"pump.example");
    let known = bases(&one, Transport::Tcp);
    for grease in (0..16).map(|high: u8| high << 4 | 0x0a) {
        let other = client_hello_body(grease, grease, b"pacs.elsewhere.example");
        assert_eq!(bases(&other, Transport::Tcp), known, "{grease:x}");
    }
    let [over_quic, same] = bases(&one, Transport::Udp);
    assert!(over_quic != known[0] && same == known[1]);
    // Any other byte that makes another fingerprint makes another basis, and none makes another
    // basis without need.
    for at in 0..one.len() {
        let mut other = one.clone();
        other[at] ^= 4;
        let Some(hello) = ClientHello::parse(&other) else {
            continue;
        };
        let made = fingerprints(&hello);
        let expected = fingerprints(&ClientHello::parse(&one).unwrap());
        let found = bases(&other, Transport::Tcp);
        for ((made, expected), (found, known)) in
            made.iter().zip(&expected).zip(found.iter().zip(&known))
        {
            assert_eq!(made == expected, found == known, "{at}");
        }
    }
}

/// JA4 and JA3 as their authors describe them, made step by step of a hello's body.
fn as_described(body: &[u8]) -> [String; 2] {
    let hello = ClientHello::parse(body).unwrap();
    let numbers = |bytes: &[u8]| {
        let all = bytes
            .chunks_exact(2)
            .map(|n| u16::from_be_bytes([n[0], n[1]]));
        let kept = all.filter(|n| !hello::is_grease(*n));
        kept.collect::<Vec<_>>()
    };
    let hex4 = |list: &[u16]| {
        let text: Vec<_> = list.iter().map(|n| format!("{n:04x}")).collect();
        text.join(",")
    };
    let decimal = |list: &[u16]| {
        let text: Vec<_> = list.iter().map(u16::to_string).collect();
        text.join("-")
    };
    let hash12 = |text: String| match text.as_str() {
        "" => "0".repeat(12),
        text => format!("{:x}", <sha2::Sha256 as sha2::Digest>::digest(text))[..12].to_owned(),
    };
    let kinds: Vec<u8> = hello
        .extensions
        .iter()
        .flat_map(|(kind, _)| kind.to_be_bytes())
        .collect();
    let (ciphers, kinds) = (numbers(hello.ciphers), numbers(&kinds));
    let version = match hello.version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    };
    let name = hello.extensions.alpn().next().unwrap_or_default();
    let alpn = match (name.first(), name.last()) {
        (Some(a), Some(b)) if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() => {
            [char::from(*a), char::from(*b)].iter().collect()
        }
        (Some(a), Some(b)) => format!("{:x}{:x}", a >> 4, b & 15),
        _ => "00".to_owned(),
    };
    let (mut in_order, mut hashed) = (ciphers.clone(), kinds.clone());
    in_order.sort_unstable();
    hashed.retain(|kind| ![0, 16].contains(kind));
    hashed.sort_unstable();
    let mut third = hex4(&hashed);
    let signatures = numbers(hello.signature_algorithms());
    if !signatures.is_empty() {
        third = format!("{third}_{}", hex4(&signatures));
    }
    let ja4 = format!(
        "t{version}{}{:02}{:02}{alpn}_{}_{}",
        if kinds.contains(&0) { 'd' } else { 'i' },
        ciphers.len().min(99),
        kinds.len().min(99),
        hash12(hex4(&in_order)),
        hash12(third),
    );
    let formats = hello.point_formats().iter().map(|it| u16::from(*it));
    let ja3 = format!(
        "{},{},{},{},{}",
        hello.legacy_version,
        decimal(&ciphers),
        decimal(&kinds),
        decimal(&numbers(hello.groups())),
        decimal(&formats.collect::<Vec<_>>()),
    );
    let ja3 = format!("{:x}", <md5::Md5 as sha2::Digest>::digest(ja3));
    [ja4, ja3]
}

/// Whatever is in a hello (all grease, twice the same, nothing, as much as fits), its fingerprints
/// are those that the descriptions say.
#[test]
fn fuzz_fingerprints_are_as_described() {
    let kinds = [0, 5, 10, 11, 13, 16, 43, 51, 0x1a1a, 0xfafa, 0xff01, 65_037];
    let hello = |ciphers: &[u8], extensions: &[u8]| {
        let list = [&[3, 3][..], &[9; 32], &[0], &block16(ciphers), &[1, 0]];
        [&list.concat()[..], &block16(extensions)].concat()
    };
    bolero::check!()
        .with_iterations(3_000)
        .with_type::<(Vec<u8>, Vec<(u8, Vec<u8>)>)>()
        .for_each(|(ciphers, extensions)| {
            let ciphers = &ciphers[..ciphers.len() / 2 * 2];
            let extensions = extensions.iter().flat_map(|(kind, data)| {
                // Lists and names whose lengths are right are read further.
                let data = match kind & 0x30 {
                    0 => block16(data),
                    0x10 => block16(&[&[data.len() as u8][..], data].concat()),
                    0x20 => [&[data.len() as u8][..], data].concat(),
                    _ => data.clone(),
                };
                extension(kinds[usize::from(*kind) % kinds.len()], &data)
            });
            let body = hello(ciphers, &extensions.collect::<Vec<_>>());
            let parsed = ClientHello::parse(&body).unwrap();
            assert_eq!(fingerprints(&parsed), as_described(&body));
        });
    for long in [
        hello(&[0x2a; 65_534], &[]),
        hello(&[0x13; 65_534], &[0; 65_532]),
        hello(&[], &[0x1a, 0x1a, 0, 0].repeat(16_383)),
        hello(&[0x13, 1], &[0, 10, 0, 0].repeat(16_383)),
    ] {
        let parsed = ClientHello::parse(&long).unwrap();
        assert_eq!(fingerprints(&parsed), as_described(&long));
    }
}

#[test]
fn odd_protocol_names_are_written_in_hexadecimal() {
    for (name, wanted) in [
        (&b"\xab"[..], "ab"),
        (b"\xab\xcd", "ad"),
        (b"0\xab", "3b"),
        (b"h", "hh"),
        (b"0\xab\xcd1", "01"),
        (b"", "00"),
    ] {
        let mut list = vec![u8::try_from(name.len()).unwrap()];
        list.extend_from_slice(name);
        let extensions = extension(16, &block16(&list));
        let body = [
            &[3, 3][..],
            &[0; 32],
            &[0, 0, 2, 0, 0x2f, 1, 0],
            &block16(&extensions),
        ]
        .concat();
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!(fingerprints(&hello)[0][8..10], *wanted, "{name:?}");
    }
}

/// The hellos of the shared test data, where it is there: JA4 as measured by others.
#[test]
fn ja4_vectors() {
    let data = std::env::var("MEDTAP_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
    let path = format!("{data}/knowledge/hosts/ja4_vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {path}");
        return;
    };
    let value = |object: &str, key: &str| {
        let (_, rest) = object.split_once(&format!("\"{key}\": \""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let mut checked = 0;
    for object in text.split('{').skip(1) {
        let (Some(wanted), Some(hex)) = (value(object, "ja4"), value(object, "client_hello_hex"))
        else {
            continue;
        };
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|index| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).unwrap())
            .collect();
        let hello = ClientHello::parse(&bytes[4..]).unwrap();
        // Those from QUIC differ in the first letter alone: what carries them.
        assert_eq!(fingerprints(&hello)[0][1..], wanted[1..]);
        checked += 1;
    }
    assert!(checked >= 5, "{checked} vectors");
}

#[test]
fn any_bytes() {
    const HELD_MAX: usize = RECORD_HEADER_LEN + RECORD_LEN_MAX;
    bolero::check!()
        .with_iterations(3_000)
        .with_max_len(4096)
        .for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, HELD_MAX);
            certificate::observe(bytes, &mut |_| {});
        });
}

/// Whole conversations with a few bytes changed reach further than any bytes do.
#[test]
fn any_damage() {
    let client = record(22, &client_hello());
    let server = [
        record(22, &server_hello(&[7; 32], 0xc02f, &[])),
        record(22, &certificate_message(&device_certificate())),
    ]
    .concat();
    bolero::check!()
        .with_iterations(3_000)
        .with_max_len(24)
        .for_each(|damage: &[u8]| {
            let (mut client, mut server) = (client.clone(), server.clone());
            for (place, value) in damage
                .as_chunks::<3>()
                .0
                .iter()
                .map(|[a, b, c]| (usize::from(u16::from_be_bytes([*a, *b])), *c))
            {
                let bytes = if place & 1 == 0 {
                    &mut client
                } else {
                    &mut server
                };
                let index = (place >> 1) % bytes.len();
                bytes[index] = value;
            }
            run(&CLASSIFIER, &[(C, &client), (S, &server)]);
        });
}

/// The digests of the passages of a conversation's hellos.
fn digests(client: &[u8], server: &[u8]) -> Vec<u64> {
    let mut digests = Vec::new();
    let mut emit = |observation: Observation<'_>| {
        if let Observation::Passage { digest, .. } = observation {
            digests.push(digest);
        }
    };
    let client = ClientHello::parse(client).unwrap();
    offers(&client, Transport::Tcp, &mut emit);
    let server = ServerHello::parse(server).unwrap();
    for is_first in [true, false] {
        answers(&server, is_first, &mut emit);
    }
    digests
}

/// A hello is told again where something is in it that is said, and only there.
#[test]
fn hellos_that_say_the_same_are_one_passage() {
    let said = |(random, grease): (u8, u8), name: &[u8], cipher: u16, protocol: &[u8]| {
        let alpn = extension(16, &block16(protocol));
        let server = server_hello(&[random; 32], cipher, &alpn);
        let client = client_hello_body(random, grease, name);
        digests(&client, &server[MESSAGE_HEADER_LEN..])
    };
    let one = said((1, 0x3a), b"a.example", 0x1301, b"\x02h2");
    let same = said((2, 0x5a), b"a.example", 0x1301, b"\x02h2");
    assert_eq!(one, same);
    assert_ne!(one[1], one[2], "the first one says its version");
    let other = said((1, 0x3a), b"b.example", 0x1302, b"\x02h2");
    let protocol = said((1, 0x3a), b"a.example", 0x1301, b"\x02h3");
    assert_eq!(one[0], protocol[0]);
    assert!((0..3).all(|nth| one[nth] != other[nth]));
    assert!((1..3).all(|nth| one[nth] != protocol[nth]));
}
