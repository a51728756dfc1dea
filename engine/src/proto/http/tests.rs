use super::application::{BodyReader, Claim, Wants};
use medtap_table::vocabulary::Field;

use super::*;
use crate::observe::Subject;
use crate::proto::driver::{PORTS, Player, check_any, check_cuts, probe as ask, run};

const C: Role = Role::Client;
const S: Role = Role::Server;

fn see(conversation: &[(Role, &[u8])]) -> Vec<String> {
    check_cuts(&CLASSIFIER, conversation);
    run(&CLASSIFIER, conversation)
}

#[test]
fn probe_asks_for_a_first_line() {
    let verdict = |bytes: &[u8]| ask(&CLASSIFIER, bytes, PORTS);
    assert_eq!(verdict(b"GET / HTTP/1.1\r\n"), Verdict::Match(C));
    assert_eq!(verdict(b"HTTP/1.1 200 OK\r\n"), Verdict::Match(S));
    assert_eq!(verdict(b"HTTP/1.0 404 "), Verdict::Match(S));
    let mut long = b"POST /".to_vec();
    long.resize(600, b'a');
    assert_eq!(verdict(&long), Verdict::Match(C));
    for more in [
        &b""[..],
        b"G",
        b"GET",
        b"GET /a HTTP",
        b"HTTP/1.1 20",
        b"PROPFIND",
        b"OPTIONS ",
    ] {
        assert_eq!(verdict(more), Verdict::NeedMore, "{more:?}");
    }
    for none in [
        &b"INVITE sip:a SIP/2.0\r\n"[..],
        b"OPTIONS rtsp://cam/1",
        b"OPTIONS sip:a@b SIP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GETX / HTTP/1.1\r\n",
        b"GET /\r\n",
        b"HTTP/1.1 abc",
        b"ICY 200 OK\r\n",
        b"\x16\x03\x01\x00\x10",
        b"MSH|^~\\&|",
    ] {
        assert_eq!(verdict(none), Verdict::Reject, "{none:?}");
    }
}

#[test]
fn a_date_shows_the_clock_unless_it_is_a_copys() {
    let answer = |more: &str| {
        let head = format!("HTTP/1.1 204 No\r\nDate: Thu, 01 Jan 1970 00:05:00 GMT\r\n{more}\r\n");
        let said = see(&[(C, b"GET / HTTP/1.1\r\n\r\n"), (S, head.as_bytes())]);
        said.iter().any(|line| line == "sender http.offset=300")
    };
    assert!(answer(""));
    assert!(!answer("Age: 7\r\n"));
    assert!(!answer("Via: 1.1 proxy\r\n"));
}

#[test]
fn a_login_page_names_the_device_and_nobody_else() {
    let seen = see(&[
        (
            C,
            b"GET / HTTP/1.1\r\nHost: pump7.example:80\r\nUser-Agent: Agent/1.0\r\n\
              Authorization: Basic YW5uYTpzZWNyZXQ=\r\nCookie: patient=Doe\r\n\
              Referer: http://x/patient/Doe\r\n\r\n",
        ),
        (
            S,
            b"HTTP/1.1 401 Unauthorized\r\nServer: lighttpd/1.4.35\r\nX-Powered-By: PHP/5.4\r\n\
              WWW-Authenticate: Basic realm=\"Infusion Pump\"\r\nContent-Type: text/html\r\n\
              Set-Cookie: user=anna\r\nContent-Length: 37\r\n\r\n\
              <html><title> Pump 7 </title></html>\n",
        ),
        (C, b"GET /patients?name=Doe HTTP/1.1\r\n\r\n"),
        (
            S,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n\
              <title>Doe, John</title>",
        ),
    ]);
    assert_eq!(
        seen,
        [
            "receiver http.host=pump7.example",
            "sender http.user_agent=Agent/1.0",
            "confirmed",
            "sender http.server=lighttpd/1.4.35",
            "sender http.x_powered_by=PHP/5.4",
            "sender http.www_authenticate.realm=Infusion Pump",
            "sender http.title=Pump 7",
        ]
    );
}

#[test]
fn a_log_in_in_clear_is_told_of_both_ends_once() {
    let ask = |scheme: &str| format!("GET /a HTTP/1.1\r\nAuthorization: {scheme} eDp5\r\n\r\n");
    let answer = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
    let told = |scheme: &str, status: &str| {
        let (ask, answer) = (ask(scheme), answer(status));
        let (ask, answer) = ((C, ask.as_bytes()), (S, answer.as_bytes()));
        see(&[ask, answer, ask, answer])
    };
    assert_eq!(
        told("Basic", "200 OK"),
        [
            "confirmed",
            "sender http.login=basic",
            "receiver http.login=basic"
        ]
    );
    // Refused, sent elsewhere, and a password that is not to be read.
    for (scheme, status) in [
        ("Basic", "401 Unauthorized"),
        ("Basic", "302 Found"),
        ("Digest", "200 OK"),
        ("Bearer", "200 OK"),
    ] {
        assert_eq!(told(scheme, status), ["confirmed"], "{scheme} {status}");
    }
}

#[test]
fn bodies_are_stepped_over() {
    let seen = see(&[
        (
            C,
            b"POST /a HTTP/1.1\r\nContent-Length: 26\r\n\r\nGET / HTTP/1.1\r\nServer: x\r\n\
              HEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ),
        (S, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (
            S,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              5;x=y\r\nHTTP/\r\nA\r\n0123456789\r\n0\r\nServer: trailer\r\n\r\n",
        ),
        (
            S,
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\nServer: one\r\n\r\n",
        ),
        (S, b"HTTP/1.1 304 Not Modified\r\nServer: two\r\n\r\n"),
        (S, b"HTTP/1.1 204 No Content\r\nServer: three\r\n\r\n"),
    ]);
    assert_eq!(
        seen,
        [
            "confirmed",
            "sender http.server=one",
            "sender http.server=two",
            "sender http.server=three",
        ]
    );
}

#[test]
fn titles_come_from_chunks_and_unbounded_bodies_too() {
    let chunked = see(&[
        (C, b"GET /index.html HTTP/1.1\r\n\r\n"),
        (
            S,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\
              Transfer-Encoding: chunked\r\n\r\n19\r\n<title>Printer 9</title>\n\r\n0\r\n\r\n",
        ),
    ]);
    assert_eq!(chunked, ["confirmed", "sender http.title=Printer 9"]);
    let unbounded = see(&[
        (C, b"GET / HTTP/1.0\r\n\r\n"),
        (
            S,
            b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<TITLE>Cam</TITLE>more",
        ),
    ]);
    assert_eq!(unbounded, ["confirmed", "sender http.title=Cam"]);
}

#[test]
fn titles_of_other_pages_are_left() {
    let page: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 18\r\n\r\n\
                        <title>Doe</title>";
    for request in [
        &b"GET /?id=Doe HTTP/1.1\r\n\r\n"[..],
        b"GET /list HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"GET http://a/ HTTP/1.1\r\n\r\n",
        // Pipelined: a lost answer would give the title of another page.
        b"GET /a HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(see(&[(C, request), (S, page), (S, page)]), ["confirmed"]);
    }
    // The request was not seen; then the next pair is not trusted either.
    let front: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(see(&[(S, page), (C, front), (S, page)]), ["confirmed"]);
    let compressed: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\
        Content-Encoding: gzip\r\nContent-Length: 18\r\n\r\n<title>Doe</title>";
    assert_eq!(see(&[(C, front), (S, compressed)]), ["confirmed"]);
}

#[test]
fn what_passed_a_proxy_says_nothing_of_the_ends() {
    let seen = see(&[
        (
            C,
            b"GET http://far.example/ HTTP/1.1\r\nHost: far.example\r\nUser-Agent: A\r\n\r\n",
        ),
        (
            S,
            b"HTTP/1.1 200 OK\r\nServer: far\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            C,
            b"GET /a HTTP/1.1\r\nHost: near.example\r\nUser-Agent: B\r\nVia: 1.1 p\r\n\r\n",
        ),
        (
            S,
            b"HTTP/1.1 200 OK\r\nServer: far\r\nVia: 1.1 q\r\nContent-Length: 0\r\n\r\n",
        ),
    ]);
    assert_eq!(
        seen,
        [
            "sender http.user_agent=A",
            "confirmed",
            "receiver http.host=near.example",
        ]
    );
}

#[test]
fn tunnels_and_upgrades_end_the_flow() {
    for (request, answer) in [
        (
            &b"CONNECT far.example:443 HTTP/1.1\r\nHost: far.example\r\n\r\n"[..],
            &b"HTTP/1.1 200 Connection established\r\n\r\n"[..],
        ),
        (
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ),
    ] {
        let mut player = Player::new(&CLASSIFIER);
        player.play(C, request, false);
        player.play(S, answer, false);
        assert!(player.done);
        assert_eq!(player.seen, ["confirmed"]);
    }
}

#[test]
fn a_flow_that_repeats_itself_is_done() {
    let mut player = Player::new(&CLASSIFIER);
    let mut transactions = 0;
    while !player.done {
        player.play(C, b"GET /a HTTP/1.1\r\nUser-Agent: A\r\n\r\n", false);
        player.play(
            S,
            b"HTTP/1.1 200 OK\r\nServer: B\r\nContent-Length: 2\r\n\r\nok",
            false,
        );
        transactions += 1;
        assert!(transactions < 100);
    }
    assert_eq!(transactions, 9);
    let wanted = [
        "sender http.user_agent=A",
        "confirmed",
        "sender http.server=B",
    ];
    assert_eq!(player.seen, wanted);
}

#[test]
fn many_requests_end_the_client_and_not_the_server() {
    let mut player = Player::new(&CLASSIFIER);
    player.play(
        C,
        &b"GET /a HTTP/1.1\r\n\r\n".repeat(HTTP_PENDING_MAX + 1),
        false,
    );
    player.play(C, b"GET /a HTTP/1.1\r\nUser-Agent: late\r\n\r\n", false);
    assert!(!player.done);
    player.play(
        S,
        b"HTTP/1.1 200 OK\r\nServer: B\r\nContent-Length: 0\r\n\r\n",
        false,
    );
    assert_eq!(player.seen, ["confirmed", "sender http.server=B"]);
}

#[test]
fn after_a_hole_the_next_head_is_found() {
    let mut player = Player::new(&CLASSIFIER);
    player.play(C, b"GET /a HTTP/1.1\r\n\r\n", false);
    player.play(S, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n", false);
    assert!(player.gap(S, 1000));
    player.play(S, b"middle of something", false);
    player.play(S, b"HTTP/1.1 200 OK\r\nServer: B\r\n\r\n", false);
    assert_eq!(player.seen, ["sender http.server=B"]);
}

#[test]
fn a_capture_cut_short_still_says_what_its_lines_say() {
    let mut player = Player::new(&CLASSIFIER);
    player.play(C, b"GET / HTTP/1.1\r\nUser-Agent: A\r\nHost: b.exam", true);
    player.play(S, b"HTTP/1.1 200 OK\r\nServer: B\r\nX-Pow", true);
    assert!(player.done);
    let wanted = [
        "sender http.user_agent=A",
        "confirmed",
        "sender http.server=B",
    ];
    assert_eq!(player.seen, wanted);
}

#[test]
fn contradictions_end_the_flow() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x16\x03\x01 not this",
    ] {
        let mut player = Player::new(&CLASSIFIER);
        player.play(C, bytes, false);
        assert!(player.done);
        assert_eq!(player.seen, ["malformed"]);
    }
    let mut player = Player::new(&CLASSIFIER);
    player.play(C, b"GET / HTTP/1.1\r\n", false);
    for _ in 0..20 {
        player.play(C, &[b'a'; 1000], false);
    }
    assert!(player.done);
    assert_eq!(player.seen, ["Faulty(OverLimit)"]);
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(3_000)
        .with_max_len(4096)
        .for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, HTTP_HEAD_BYTES_MAX + 64));
}

/// Bytes that look like HTTP most of the time reach further than any bytes do.
#[test]
fn any_words() {
    const WORDS: [&[u8]; 16] = [
        b"GET / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"Content-Length: 7\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Type: text/html\r\n",
        b"\r\n",
        b"5\r\n12345\r\n",
        b"0\r\n\r\n",
        b"<title>a</title>",
        b"WWW-Authenticate: Basic realm=\"a\"\r\n",
        b"HEAD /index.htm HTTP/1.0\r\n",
        b"POST /echo?a HTTP/1.1\r\n",
        b"Content-Encoding: gzip\r\n",
        b"ffffffffffffffff\r\n",
        b"Content-Length: 18446744073709551615\r\n",
        b"a",
    ];
    bolero::check!()
        .with_iterations(2_000)
        .with_max_len(256)
        .for_each(|bytes: &[u8]| {
            let mut player = Player::new(&WITH_ECHO);
            for byte in bytes {
                let from = if byte & 0x80 == 0 { C } else { S };
                if byte & 0x70 == 0x70 && !player.gap(from, 10) {
                    return;
                }
                let word = WORDS[usize::from(byte & 0x0f)];
                player.play(from, word, false);
            }
        });
}

/// An application for tests: it reads what is of its type, and says what it was shown.
const ECHO: Application = Application {
    claim: |head, emit| {
        if head.from == C && head.path == b"/echo" {
            let body: Option<Box<dyn BodyReader>> = match head.query {
                b"" => None,
                query => Some(Box::new(Echo {
                    skip_from: query.first().copied(),
                })),
            };
            return Some(Claim { tag: 7, body });
        }
        (head.asked == 7 || head.is_of_type(b"text/echo")).then(|| {
            emit(Observation::Carries(Protocol::Dicom));
            let body: Box<dyn BodyReader> = Box::new(Echo { skip_from: None });
            Claim {
                tag: 8,
                body: Some(body),
            }
        })
    },
};

/// Says each byte by itself, so that it does not matter how bytes are cut; steps over five bytes
/// after a certain one, and leaves at a `!`.
struct Echo {
    skip_from: Option<u8>,
}

impl BodyReader for Echo {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        for (index, byte) in bytes.iter().enumerate() {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field: Field::HttpTitle,
                value: &[*byte],
            });
            let after = (bytes.len() - index - 1) as u64;
            if *byte == b'!' {
                return Wants::Nothing;
            }
            if Some(*byte) == self.skip_from.take_if(|from| *from == *byte) {
                if after >= 5 {
                    let rest = bytes.get(index + 6..).unwrap_or_default();
                    return match rest.is_empty() {
                        true => Wants::More,
                        false => self.read(rest, emit),
                    };
                }
                return Wants::Skip(5 - after);
            }
        }
        Wants::More
    }

    fn end(&mut self, emit: Emit<'_>) {
        emit(Observation::Encrypted);
    }
}

const WITH_ECHO: Classifier = Classifier {
    session: || Box::new(Session::new(&[ECHO])),
    ..CLASSIFIER
};

/// What the echo said: its bytes, and a full stop where it was told of the end.
fn echoed(conversation: &[(Role, &[u8])]) -> String {
    check_cuts(&WITH_ECHO, conversation);
    run(&WITH_ECHO, conversation)
        .iter()
        .filter_map(|line| match line.as_str() {
            "encrypted" => Some("."),
            "malformed" | "Faulty(Encoding)" | "Faulty(Inflation)" => Some("?"),
            line => line.strip_prefix("sender http.title="),
        })
        .collect()
}

#[test]
fn applications_read_bodies_without_their_framing() {
    let plain: &[u8] = b"POST /echo?x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    let chunked: &[u8] = b"POST /echo?x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n";
    assert_eq!(echoed(&[(C, plain), (C, chunked)]), "hello.hello.");
    let stepped: &[u8] = b"POST /echo?l HTTP/1.1\r\nContent-Length: 12\r\n\r\nhel12345lo!x\
        POST /echo?e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nhe1\r\n2\r\n23\r\n6\r\n45llo.\r\n0\r\n\r\n";
    assert_eq!(echoed(&[(C, stepped), (C, plain)]), "hello!hello..hello.");
    // What the application does not claim is not read, nor is a coding that is not undone.
    let other: &[u8] = b"POST /other HTTP/1.1\r\nContent-Length: 2\r\n\r\nno\
        POST /echo?x HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nno";
    assert_eq!(echoed(&[(C, other), (C, plain)]), "hello.");
}

#[test]
fn an_answer_is_known_by_its_request() {
    let asked: &[u8] = b"GET /echo HTTP/1.1\r\n\r\n";
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let typed: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Echo;a=b\r\n\r\nuntil the end";
    assert_eq!(echoed(&[(S, answer)]), "");
    assert_eq!(
        echoed(&[(C, asked), (S, answer), (S, typed)]),
        "ok.until the end"
    );
    let seen = run(&WITH_ECHO, &[(C, asked), (S, answer)]);
    assert!(seen.contains(&"Carries(Dicom)".to_owned()), "{seen:?}");
}

/// A body in the coding of this name.
fn coded(coding: &str, body: &[u8]) -> Vec<u8> {
    let bytes = match coding {
        "gzip" => {
            let mut encoder = flate2::GzBuilder::new()
                .filename("CANARY")
                .write(Vec::new(), flate2::Compression::best());
            std::io::Write::write_all(&mut encoder, body).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            std::io::Write::write_all(&mut encoder, body).unwrap();
            encoder.finish().unwrap()
        }
    };
    let length = bytes.len();
    let head = format!(
        "POST /echo?l HTTP/1.1\r\nContent-Encoding: {coding}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &bytes].concat()
}

#[test]
fn codings_are_taken_off_within_limits() {
    for coding in ["gzip", "deflate"] {
        let whole = coded(coding, b"hel12345lo");
        assert_eq!(echoed(&[(C, &whole), (C, &whole)]), "hello.hello.");
        let left = coded(coding, b"he!llo");
        assert_eq!(echoed(&[(C, &left), (C, &whole)]), "he!hello.");
    }
    let mut broken = coded("gzip", b"hello");
    let at = broken.len() - 14;
    broken[at] ^= 0xff;
    let head = broken
        .windows(4)
        .position(|part| part == b"\r\n\r\n")
        .unwrap()
        + 4;
    broken[head] = 0;
    assert_eq!(echoed(&[(C, &broken), (C, &coded("gzip", b"ok"))]), "?ok.");
    // A bomb: bytes that make a thousand times as many are left behind.
    let bomb = coded("gzip", &vec![b'a'; 64 * 1024 * 1024]);
    let mut player = Player::new(&WITH_ECHO);
    for piece in bomb.chunks(1460) {
        player.play(C, piece, false);
    }
    assert!(player.seen.len() < 1_000_000, "{}", player.seen.len());
    let last = player.seen.last().map(String::as_str);
    assert_eq!(last, Some("Faulty(Inflation)"));
}

#[test]
fn a_hole_in_a_body_costs_that_body_alone() {
    let mut player = Player::new(&WITH_ECHO);
    player.play(
        C,
        b"POST /echo?x HTTP/1.1\r\nContent-Length: 10\r\n\r\nab",
        false,
    );
    assert!(player.gap(C, 3));
    player.play(
        C,
        b"fghijPOST /echo?x HTTP/1.1\r\nContent-Length: 1\r\n\r\nz",
        false,
    );
    assert_eq!(
        player.seen,
        [
            "sender http.title=a",
            "sender http.title=b",
            "sender http.title=z",
            "encrypted"
        ]
    );
}

/// Live, the two directions may come by different queues: an answer is seen before its request.
#[test]
fn an_answer_that_comes_first_confirms_what_its_request_says() {
    let request = b"GET /x HTTP/1.1\r\nUser-Agent: Acme/1\r\n\r\n";
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    let seen = run(
        &CLASSIFIER,
        &[(Role::Server, answer), (Role::Client, request)],
    );
    assert_eq!(seen, ["sender http.user_agent=Acme/1", "confirmed"]);
}
