use super::super::driver::{Player, check_any, check_cuts, probe, run};
use super::*;
use crate::config::STREAM_BYTES_MAX;

const LOG_IN: &[(Role, &[u8])] = &[
    (Role::Server, b"\xff\xfd\x18\xff\xfd\x20"),
    (
        Role::Client,
        b"\xff\xfb\x18\xff\xfc\x20\xff\xfa\x18\x00xterm\xff\xf0",
    ),
    (Role::Server, b"Acme Pump\r\nlogin: "),
    (Role::Client, b"CANARY\r\n"),
    (Role::Server, b"CANARY\r\nPassword: "),
    (Role::Client, b"CANARY\r\0"),
    (Role::Server, b"\r\nWelcome\r\n"),
    (Role::Server, b"pump$ "),
];

#[test]
fn a_log_in_is_told_of_both_and_nothing_else() {
    assert_eq!(
        run(&CLASSIFIER, LOG_IN),
        [
            "confirmed",
            "sender telnet.banner=Acme Pump",
            "sender telnet.login=password",
            "receiver telnet.login=password"
        ]
    );
    check_cuts(&CLASSIFIER, LOG_IN);
}

#[test]
fn a_wrong_password_is_no_log_in() {
    let mut refused = LOG_IN[..6].to_vec();
    refused.push((Role::Server, b"\r\nLogin incorrect\r\nlogin: "));
    refused.push((Role::Server, b"$"));
    assert_eq!(
        run(&CLASSIFIER, &refused),
        ["confirmed", "sender telnet.banner=Acme Pump"]
    );
}

/// What a server's words become where the client only negotiates.
fn banner(words: &[u8]) -> Vec<String> {
    let said = [
        OFFER,
        (Role::Client, b"\xff\xfd\x01"),
        (Role::Server, words),
    ];
    check_cuts(&CLASSIFIER, &said);
    let mut told = run(&CLASSIFIER, &said);
    assert_eq!(told.remove(0), "confirmed");
    told
}

const OFFER: (Role, &[u8]) = (Role::Server, b"\xff\xfb\x01\xff\xfb\x03");

#[test]
fn first_words_are_the_banner() {
    assert_eq!(
        banner(
            b"\x1b[2J\x1b[1;1H\x1b[1mAcme\x1b[0m Pump 7\r\n\
            \xff\xf1\r\0\nKernel\t2.6 (pts/2)\r\n\
            *****\r\nabc\r\nB\xc3\xbcro\r\n\xc3\x28 bad\r\nFour\x07th\r\nFifth\r\nlogin: "
        ),
        [
            "sender telnet.banner=Acme Pump 7",
            "sender telnet.banner=Kernel 2.6",
            "sender telnet.banner=Büro",
            "sender telnet.banner=Fourth",
        ]
    );
    let fits = [&[b'x'; 120][..], b"\r\n"].concat();
    assert_eq!(banner(&fits).len(), 1);
    let long = [b"x", &fits[..], b"Short\r\n"].concat();
    assert_eq!(banner(&long), ["sender telnet.banner=Short"]);
}

#[test]
fn prompts_and_persons_are_no_banner() {
    for words in [
        &b"Welcome"[..],
        b"Benutzer:\r\nrouter>\r\nrouter#\r\nhost$ \r\n",
        b"pump login: CANARY\r\nCANARY\r\n",
        b"\x1b[5;1HUser: CANARY\x1b[6;1HCANARY\x1b[7;1H",
        b"Last login: Sat from CANARY\r\nWelcome CANARY\r\n",
        b"\x1b]0;CANARY@pump\x07\r\nCANARY\r\n",
        b"Ask canary@example.org\r\nDr. Canary\r\n",
        // The capture began while a password was typed.
        b"\xff\xfc\x01\r\nCANARY is here\r\n",
    ] {
        assert_eq!(banner(words), [""; 0], "{}", words.escape_ascii());
    }
}

#[test]
fn nothing_after_an_answer_is_banner() {
    let words = (Role::Server, &b"Acme\r\nNa"[..]);
    let typed = (Role::Client, &b"x"[..]);
    let after = (Role::Server, &b"me\r\nCANARY\r\n"[..]);
    let told = ["confirmed", "receiver telnet.banner=Acme"];
    let said = [OFFER, words, typed, after];
    assert_eq!(run(&CLASSIFIER, &said), told);
    check_cuts(&CLASSIFIER, &said);
    // Where nobody is heard to answer, nothing is told, nor after bytes that were missed.
    assert_eq!(run(&CLASSIFIER, &[OFFER, words, after]), [""; 0]);
    let mut player = Player::new(&CLASSIFIER);
    player.play(Role::Server, b"\xff\xfb\x01Acme\r\n", false);
    player.play(Role::Client, b"\xff\xfd\x01", false);
    assert!(player.gap(Role::Client, 8));
    player.play(Role::Server, b"CANARY\r\n", false);
    assert_eq!(player.seen, told);
}

#[test]
fn probes() {
    let server = Verdict::Match(Role::Server);
    assert_eq!(probe(&CLASSIFIER, b"\xff\xfd\x18", (23, 50_000)), server);
    let two = b"\xff\xfd\x18\xff\xfd\x20";
    assert_eq!(probe(&CLASSIFIER, two, (9_000, 50_000)), server);
    let one = probe(&CLASSIFIER, &two[..3], (9_000, 50_000));
    assert_eq!(one, Verdict::NeedMore);
    // The head of an image, and options that nobody assigned.
    for bytes in [&b"\xff\xd8\xff\xe0"[..], b"\xff\xfb\xc8\xff\xfb\xc8"] {
        assert_eq!(probe(&CLASSIFIER, bytes, (23, 50_000)), Verdict::Reject);
    }
}

/// A device server's set-up, as those of Lantronix greet.
const SETUP: &[(Role, &[u8])] = &[
    (
        Role::Server,
        b"MAC address 00204A000731\r\nSoftware version V6.6.0.2 (080926) XPTEXE\r\n\r\n\
        Press Enter for Setup Mode \r\n",
    ),
    (Role::Client, b"\r\n"),
    (Role::Server, b"*** basic parameters\r\nCANARY\r\n"),
];

#[test]
fn a_dialogue_without_options_is_telnet() {
    assert_eq!(
        run(&WITHOUT_OPTIONS, SETUP),
        [
            "confirmed",
            "sender telnet.banner=MAC address 00204A000731",
            "sender telnet.banner=Software version V6.6.0.2 (080926) XPTEXE",
        ]
    );
    check_cuts(&WITHOUT_OPTIONS, SETUP);
    let log_in: &[(Role, &[u8])] = &[
        (Role::Server, b"\r\nAcme Pump\r\nlogin: "),
        (Role::Client, b"CA"),
        (Role::Server, b"CA"),
        (Role::Client, b"NARY\r\n"),
        (Role::Server, b"NARY\r\nPassword: "),
        (Role::Client, b"CANARY\r\n"),
        (Role::Server, b"\r\npump> "),
    ];
    let told = [
        "confirmed",
        "sender telnet.banner=Acme Pump",
        "sender telnet.login=password",
        "receiver telnet.login=password",
    ];
    assert_eq!(run(&WITHOUT_OPTIONS, log_in), told);
    check_cuts(&WITHOUT_OPTIONS, log_in);
    // A password alone is asked for; what follows it proves both.
    let password: &[(Role, &[u8])] = &[
        (Role::Server, b"Acme Pump\nPassword:"),
        (Role::Client, b"CANARY\r"),
        (Role::Server, b"> "),
    ];
    assert_eq!(run(&WITHOUT_OPTIONS, password), told);
    check_cuts(&WITHOUT_OPTIONS, password);
}

#[test]
fn what_is_no_dialogue_says_nothing() {
    let greeting = SETUP[0];
    let conversations: [&[(Role, &[u8])]; 7] = [
        &[greeting],
        // Nobody answers, or nobody answers that.
        &[greeting, greeting],
        &[greeting, (Role::Client, b"\r\n")],
        &[
            greeting,
            (Role::Client, b"CANARY"),
            (Role::Server, b"CANARY\r\n"),
        ],
        // Who is asked does not speak first, and not in such bytes.
        &[(Role::Client, b"GET / \r\n"), greeting, SETUP[1], SETUP[2]],
        &[greeting, (Role::Client, b"\x01\x02\r\n"), SETUP[2]],
        &[greeting, SETUP[1], (Role::Server, b"\x01\x02")],
    ];
    for conversation in conversations {
        assert_eq!(run(&WITHOUT_OPTIONS, conversation), [""; 0]);
        check_cuts(&WITHOUT_OPTIONS, conversation);
    }
    let mut player = Player::new(&WITHOUT_OPTIONS);
    player.play(Role::Server, greeting.1, false);
    assert!(
        !player.gap(Role::Server, 8),
        "what it waits for is not known"
    );
}

#[test]
fn a_prompt_is_asked_about_at_its_ports_alone() {
    let probe = |bytes: &[u8], ports| probe(&WITHOUT_OPTIONS, bytes, ports);
    let possible = Verdict::Possible(Role::Server);
    for port in [23, 2323, 9999] {
        assert_eq!(probe(b"Acme\r\nUsername: ", (port, 50_000)), possible);
        assert_eq!(probe(b"Acme\r\n", (port, 50_000)), Verdict::NeedMore);
        assert_eq!(probe(b"login: ", (50_000, port)), Verdict::Reject);
        assert_eq!(probe(b"\x01\x02login: ", (port, 50_000)), Verdict::Reject);
    }
    assert_eq!(probe(b"login: ", (9_000, 50_000)), Verdict::Reject);
    let setup = b"Press Enter to go into Setup Mode, wait to close\r\n";
    assert_eq!(probe(setup, (9999, 50_000)), possible);
}

#[test]
fn fuzz_any_bytes() {
    bolero::check!().for_each(|bytes: &[u8]| {
        check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX);
        check_any(&WITHOUT_OPTIONS, bytes, STREAM_BYTES_MAX);
    });
}
