use super::*;

/// `a.test A?`, recursion desired, and its answer 10.0.0.1.
const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01";
const ANSWER: &[u8] = b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x04test\x00\
    \x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01";

fn segment(bytes: &[u8], from: Role) -> Segment<'_> {
    Segment {
        bytes,
        from,
        time_ns: 0,
        ports: (40_000, 53),
        cut: false,
    }
}

/// Away from the port.
fn probe(bytes: &[u8]) -> Verdict {
    let mut segment = segment(bytes, Role::Client);
    segment.ports = (40_000, 9_053);
    probe_datagram(&segment)
}

fn probe_at_port(bytes: &[u8]) -> Verdict {
    probe_datagram(&segment(bytes, Role::Client))
}

/// What a session says of these messages: `c` confirmed, `s` a server, `m` malformed.
fn say(session: &mut dyn Session, bytes: &[u8], from: Role) -> (String, Progress) {
    let mut said = String::new();
    let progress = session.observe(&segment(bytes, from), &mut |seen| match seen {
        Observation::Confirmed => said.push('c'),
        Observation::Malformed => said.push('m'),
        Observation::Fact { field, value, .. } => match field {
            Field::DnsQueryName => assert!(matches!(value, b"a.test" | b"b.test")),
            _ => {
                assert_eq!((field, value), (Field::DnsServer, &b"answers"[..]));
                said.push('s');
            }
        },
        other => panic!("{other:?}"),
    });
    (said, progress)
}

fn framed(messages: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend_from_slice(&(message.len() as u16).to_be_bytes());
        bytes.extend_from_slice(message);
    }
    bytes
}

#[test]
fn a_probe_wants_the_whole_message() {
    assert_eq!(probe(QUERY), Verdict::Match(Role::Client));
    assert_eq!(probe(ANSWER), Verdict::Match(Role::Server));
    for len in 0..ANSWER.len() {
        assert_eq!(probe(&ANSWER[..len]), Verdict::Reject);
    }
    assert_eq!(probe(&[ANSWER, b"x"].concat()), Verdict::Reject);
    let mut cut = segment(&ANSWER[..30], Role::Server);
    cut.cut = true;
    cut.ports = (9_053, 40_000);
    assert_eq!(probe_datagram(&cut), Verdict::Match(Role::Server));
    cut.bytes = &ANSWER[..20];
    assert_eq!(probe_datagram(&cut), Verdict::Reject);
    // At the port a label and what stands before it are enough; less is not, nor what is no text.
    cut.ports = (53, 40_000);
    assert_eq!(probe_datagram(&cut), Verdict::Match(Role::Server));
    cut.bytes = &ANSWER[..13];
    assert_eq!(probe_datagram(&cut), Verdict::Reject);
    let noise = [&ANSWER[..13], b"\x07\x04test"].concat();
    cut.bytes = &noise;
    assert_eq!(probe_datagram(&cut), Verdict::Reject);
    let mut counts = ANSWER[..20].to_vec();
    counts[4] = 0x5a;
    cut.bytes = &counts;
    assert_eq!(probe_datagram(&cut), Verdict::Reject);
}

#[test]
fn at_the_port_header_and_question_are_enough() {
    assert_eq!(probe_at_port(&ANSWER[..30]), Verdict::Match(Role::Server));
    let longer = [ANSWER, b"x"].concat();
    assert_eq!(probe_at_port(&longer), Verdict::Match(Role::Server));
    let refused = [b"\x12\x34\x81\x85", &[0; 8][..]].concat();
    assert_eq!(probe_at_port(&refused), Verdict::Match(Role::Server));
    for bytes in [&ANSWER[..20], &[0; 40], b"\x12\x34\x81\x80\0\0\0\0\0\0\0\0"] {
        assert_eq!(probe_at_port(bytes), Verdict::Reject);
    }
    let mut unknown = QUERY.to_vec();
    unknown[20] = 9;
    assert_eq!(probe_at_port(&unknown), Verdict::Reject);
    for (at, value, why) in [
        (3, 0x40, "the reserved bit"),
        (3, 0x80, "a question with a bit of answers"),
        (5, 2, "two questions"),
        (7, 2, "answers that are not there"),
    ] {
        let mut odd = QUERY.to_vec();
        odd[at] = value;
        assert_eq!(probe(&odd), Verdict::Reject, "{why}");
        assert_eq!(probe_at_port(&odd), Verdict::Match(Role::Client), "{why}");
    }
    for (at, value) in [(2, 0x19), (4, 1), (5, 5)] {
        let mut wrong = QUERY.to_vec();
        wrong[at] = value;
        assert_eq!(probe_at_port(&wrong), Verdict::Reject);
    }
    let mut goes_on = [&ANSWER[..12], &ANSWER[24..]].concat();
    goes_on[5] = 0;
    goes_on[12..14].copy_from_slice(&[0, 0]);
    goes_on.remove(13);
    assert_eq!(probe_at_port(&goes_on), Verdict::Match(Role::Server));
}

#[test]
fn an_inverse_query_asks_by_an_answer() {
    let ask = b"\x77\xfc\x09\0\0\0\0\x01\0\0\0\0\x011\x010\0\0\x01\0\x01\0\0\0\0\0\0";
    assert_eq!(probe(ask), Verdict::Match(Role::Client));
    let mut two = ask.to_vec();
    two[7] = 2;
    assert_eq!(probe(&two), Verdict::Reject);
}

#[test]
fn a_probe_refuses_what_only_looks_alike() {
    for (at, value, why) in [
        (2, 0x19, "opcode 3"),
        (3, 0x40, "the reserved bit"),
        (2, 0x05, "a question with authority"),
        (5, 2, "two questions"),
        (7, 1, "an answer that is not there"),
        (20, 9, "an unknown type"),
        (22, 9, "an unknown class"),
    ] {
        let mut bytes = QUERY.to_vec();
        bytes[at] = value;
        assert_eq!(probe(&bytes), Verdict::Reject, "{why}");
    }
    let mut private = QUERY.to_vec();
    private[20..22].copy_from_slice(&65_534_u16.to_be_bytes());
    assert_eq!(probe(&private), Verdict::Match(Role::Client));
    let name = [b"\x20".as_slice(), &[b'C'; 32], b"\0"].concat();
    let netbios = [&QUERY[..12], &name, b"\0\x20\0\x01"].concat();
    assert_eq!(probe(&netbios), Verdict::Reject);
    let mut multicast = segment(QUERY, Role::Client);
    multicast.ports = (5353, 5353);
    assert_eq!(probe_datagram(&multicast), Verdict::Reject);
}

#[test]
fn an_answer_to_a_question_confirms() {
    let mut session = Datagrams::default();
    assert_eq!(say(&mut session, QUERY, Role::Client).0, "");
    assert_eq!(say(&mut session, ANSWER, Role::Server).0, "cs");
    assert_eq!(say(&mut session, ANSWER, Role::Server).0, "");
    assert_eq!(say(&mut session, b"junk", Role::Client).0, "m");
    let bare = [b"\x12\x35\x81\x01", &[0; 8][..]].concat();
    assert_eq!(say(&mut session, &bare, Role::Server).0, "");
    let mut then = Then::More;
    for _ in 0..DNS_MESSAGES_AFTER_ANSWER {
        then = say(&mut session, QUERY, Role::Client).1.then;
    }
    assert_eq!(then, Then::Done);
}

#[test]
fn an_answer_without_its_question_confirms_nothing() {
    let mut session = Datagrams::default();
    assert_eq!(say(&mut session, ANSWER, Role::Server).0, "s");
    assert_eq!(say(&mut session, ANSWER, Role::Server).0, "");
    let mut other = QUERY.to_vec();
    other[13] = b'b';
    say(&mut session, &other, Role::Client);
    assert_eq!(
        say(&mut session, ANSWER, Role::Server).0,
        "",
        "another name"
    );
    say(&mut session, QUERY, Role::Client);
    assert_eq!(say(&mut session, ANSWER, Role::Server).0, "cs");
}

#[test]
fn a_stream_cut_anywhere_says_the_same() {
    let queries = framed(&[QUERY, QUERY]);
    let answers = framed(&[ANSWER, ANSWER]);
    assert_eq!(
        probe_stream(&segment(&queries, Role::Client)),
        Verdict::Match(Role::Client)
    );
    for cut in 0..answers.len() {
        if cut < 2 + ANSWER.len() {
            let mut part = segment(&answers[..cut], Role::Server);
            let at_port = match cut {
                // Length, header and question.
                26.. => Verdict::Match(Role::Server),
                _ => Verdict::NeedMore,
            };
            assert_eq!(probe_stream(&part), at_port, "{cut}");
            part.ports = (9_053, 40_000);
            assert_eq!(probe_stream(&part), Verdict::NeedMore, "{cut}");
        }
        let mut session = Stream::default();
        feed(&mut session, &queries, Role::Client, queries.len());
        let said = feed(&mut session, &answers, Role::Server, cut);
        assert_eq!(said, "cs", "{cut}");
    }
}

/// Feeds a stream in two pieces, as the worker does: what is left comes again with more.
fn feed(session: &mut Stream, bytes: &[u8], from: Role, cut: usize) -> String {
    let (mut said, mut at) = (String::new(), 0);
    for end in [cut, bytes.len()] {
        while at < end {
            let (more, progress) = say(session, &bytes[at..end], from);
            said.push_str(&more);
            at += progress.consumed;
            match progress.then {
                Then::Skip(missing) => at += missing as usize,
                Then::More if progress.consumed == 0 => break,
                _ => {}
            }
        }
    }
    assert_eq!(at, bytes.len());
    said
}

#[test]
fn a_long_message_is_skipped_after_its_question() {
    let mut long = ANSWER.to_vec();
    long.resize(4000, 0);
    let bytes = framed(&[&long]);
    let mut session = Stream::default();
    let (said, progress) = say(&mut session, &bytes[..100], Role::Server);
    assert_eq!((said.as_str(), progress.consumed), ("s", 100));
    assert_eq!(progress.then, Then::Skip(3902));
}

#[test]
fn streams_that_are_no_dns_are_refused() {
    let get = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n";
    assert_eq!(probe_stream(&segment(get, Role::Client)), Verdict::Reject);
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00\x00";
    assert_eq!(probe_stream(&segment(tls, Role::Client)), Verdict::Reject);
    assert_eq!(
        probe_stream(&segment(&[0, 16], Role::Client)),
        Verdict::Reject
    );
    let bytes = framed(&[QUERY]);
    let mut of_a_sibling = segment(&bytes, Role::Client);
    of_a_sibling.ports = (40_000, 5355);
    assert_eq!(probe_stream(&of_a_sibling), Verdict::Reject);
    let (said, progress) = say(&mut Stream::default(), &[0, 3, 1, 2, 3], Role::Client);
    assert_eq!((said.as_str(), progress.then), ("m", Then::Done));
}

#[test]
fn any_bytes() {
    bolero::check!()
        .with_iterations(2_000)
        .with_max_len(512)
        .for_each(|bytes: &[u8]| {
            for bytes in [bytes, &framed(&[&[&QUERY[..12], bytes].concat()])] {
                let segment = segment(bytes, Role::Client);
                probe_datagram(&segment);
                probe_stream(&segment);
                Datagrams::default().observe(&segment, &mut |_| {});
                let progress = Stream::default().observe(&segment, &mut |_| {});
                assert!(progress.consumed <= bytes.len());
            }
        });
}
