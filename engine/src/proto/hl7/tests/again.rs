//! What came before must not change what is said: neither rows whose form is remembered, nor
//! passages that are told by their digest.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{ACCEPTED, ANALYSER, DEVICES, PARTICIPATION, PERSONS, block};
use crate::observe::Observation;
use crate::observe::Role::{self, Client, Server};
use crate::proto::hl7::CLASSIFIER;
use crate::proto::replay::{Replay, in_pieces, whole};
use crate::proto::{Segment, Session};

/// So many messages later the next like them is remembered, and the one after it known again.
const LATER: usize = 34;

/// Bytes put in the place of others: separators, digits, names of segments' letters.
const BYTES: &[u8] = b"|^~\\&\r\n#019.XFPID\"";

fn changed(message: &[u8], changes: &[(u16, u8)]) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for (at, value) in changes {
        let at = usize::from(*at) % bytes.len();
        bytes[at] = BYTES[usize::from(*value) % BYTES.len()];
    }
    bytes
}

/// MSH-10. Another message that says the same is a witness: what it says is believed then.
fn id(message: &[u8]) -> Option<&[u8]> {
    let separator = message.get(4)?;
    message.split(|byte| byte == separator).nth(9)
}

/// A message after others says what it says as the first.
#[test]
fn what_came_before_changes_nothing() {
    let messages = [DEVICES, PARTICIPATION, PERSONS, ACCEPTED].map(block);
    bolero::check!()
        .with_type::<(u8, [(u16, u8); 3], [(u16, u8); 2])>()
        .with_iterations(2_000)
        .for_each(|(which, first, second)| {
            let message = &messages[usize::from(*which) % messages.len()];
            let (between, last) = (changed(message, first), changed(message, second));
            if [&between, &last]
                .iter()
                .any(|other| id(other) != id(message))
            {
                return;
            }
            let mut before = Replay::new((CLASSIFIER.session)());
            before.feed(Client, &message.repeat(LATER));
            for bytes in [&between, message] {
                before.feed(Client, bytes);
            }
            let seen = before.seen.len();
            // What the damage left open ends here, in both.
            let end = b"\x1c\r";
            before.feed(Client, &last);
            before.feed(Client, end);
            let mut fresh = Replay::new((CLASSIFIER.session)());
            fresh.feed(Client, &last);
            fresh.feed(Client, end);
            assert_eq!(before.seen[seen..], fresh.seen, "{}", last.escape_ascii());
        });
}

/// Passages with one digest say one thing, in whatever message they stand.
#[test]
fn a_digest_stands_for_what_is_said() {
    let messages = [DEVICES, PARTICIPATION, PERSONS, ACCEPTED].map(block);
    let told = Mutex::new(HashMap::<u64, Vec<String>>::new());
    bolero::check!()
        .with_type::<(u8, [(u16, u8); 2])>()
        .with_iterations(3_000)
        .for_each(|(which, changes)| {
            let message = &messages[usize::from(*which) % messages.len()];
            let bytes = [message.repeat(LATER), changed(message, changes)].concat();
            let mut known = told.lock().unwrap();
            let mut session = (CLASSIFIER.session)();
            let mut passage: Option<(u64, Vec<String>)> = None;
            let segment = Segment {
                bytes: &bytes,
                from: Client,
                time_ns: 0,
                ports: (0, 0),
                cut: false,
            };
            session.observe(&segment, &mut |observation| match observation {
                Observation::Passage { digest, .. } => {
                    assert!(passage.is_none(), "one passage at a time");
                    passage = Some((digest, Vec::new()));
                }
                Observation::PassageEnd => {
                    let (digest, lines) = passage.take().expect("a passage that began");
                    let before = known.entry(digest).or_insert_with(|| lines.clone());
                    assert_eq!(*before, lines);
                }
                other => {
                    if let Some((_, lines)) = &mut passage {
                        lines.push(format!("{other:?}"));
                    }
                }
            });
            assert!(passage.is_none(), "a passage ends");
        });
    assert!(told.into_inner().unwrap().len() > 100, "passages differ");
}

/// Messages of several devices in any order and their answers: known again as a whole where they
/// are there whole, row by row where they come in pieces, and what is said is the same.
#[test]
fn what_is_known_as_a_whole_is_what_its_rows_say() {
    let messages = [DEVICES, PARTICIPATION, PERSONS, ANALYSER].map(String::from);
    let beds = (0..12).map(|bed| DEVICES.replace("MON-SN-1", &format!("MON-{bed}")));
    let headers = messages[..2]
        .iter()
        .map(|text| text.replacen("GW", "OTHER", 1));
    let all: Vec<String> = messages
        .iter()
        .cloned()
        .chain(beds)
        .chain(headers)
        .collect();
    bolero::check!()
        .with_type::<[(u8, u8, bool); 32]>()
        .with_iterations(100)
        .for_each(|picks| {
            let talk = |at: usize, (which, value, answered): (u8, u8, bool)| {
                let text = &all[usize::from(which) % all.len()];
                let text = text.replace("MSG000", &format!("ID-{at}-"));
                let text = text.replace("|999|", &format!("|{value}|"));
                let answer = ACCEPTED.replace("MSG0001", &format!("ID-{at}-1"));
                let answer = answered.then(|| (Server, block(&answer)));
                [(Client, block(&text))].into_iter().chain(answer)
            };
            let often = picks.iter().cycle().take(96).copied().enumerate();
            let script: Vec<(Role, Vec<u8>)> =
                often.flat_map(|(at, pick)| talk(at, pick)).collect();
            let script: Vec<(Role, &[u8])> = script
                .iter()
                .map(|(from, bytes)| (*from, &bytes[..]))
                .collect();
            let seen = whole(CLASSIFIER.session, &script);
            assert_eq!(seen, in_pieces(CLASSIFIER.session, &script, 61));
        });
}

/// What is known again is told in one passage, and an empty time is no control id.
#[test]
fn a_message_that_came_before_is_one_passage() {
    let untimed = DEVICES.replace("|20260101120000+0000|", "||");
    for text in [DEVICES, &untimed] {
        let mut session = (CLASSIFIER.session)();
        let mut told = Vec::new();
        for at in 0..2 * LATER {
            let text = text.replace("MSG0001", &format!("2026010112{at:04}"));
            told.push(passages(&mut *session, Client, &block(&text)));
            let answer = ACCEPTED.replace("MSG0001", &format!("2026010112{at:04}"));
            told.push(passages(&mut *session, Server, &block(&answer)));
        }
        let [first, answer, .., last, last_answer] = &told[..] else {
            panic!("messages were shown");
        };
        assert_eq!((first.0, answer.0, last.0, last_answer.0), (2, 2, 1, 1));
        let is_accepted = |line: &String| line.contains("Hl7Accept");
        assert!(last_answer.1.iter().any(is_accepted), "{last_answer:?}");
        let offsets = told
            .iter()
            .filter(|(_, lines)| lines.concat().contains("Hl7Offset"));
        assert_eq!(offsets.count(), 1 + usize::from(*text != untimed));
    }
}

/// How many passages a piece of a conversation is told in, and what it says.
fn passages(session: &mut dyn Session, from: Role, bytes: &[u8]) -> (usize, Vec<String>) {
    let segment = Segment {
        bytes,
        from,
        time_ns: 1_767_268_800_000_000_000,
        ports: (0, 0),
        cut: false,
    };
    let (mut count, mut lines) = (0, Vec::new());
    session.observe(&segment, &mut |observation| {
        count += usize::from(matches!(observation, Observation::Passage { .. }));
        lines.push(format!("{observation:?}"));
    });
    (count, lines)
}
