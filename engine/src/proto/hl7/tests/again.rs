//! What came before must not change what is said: neither rows whose form is remembered, nor
//! passages that are told by their digest.

use std::collections::HashMap;
use std::sync::Mutex;

use super::{ACCEPTED, DEVICES, PARTICIPATION, PERSONS, block};
use crate::observe::Observation;
use crate::observe::Role::Client;
use crate::proto::Segment;
use crate::proto::hl7::CLASSIFIER;
use crate::proto::replay::Replay;

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
            for bytes in [message, &between, message] {
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
            let bytes = changed(message, changes);
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
