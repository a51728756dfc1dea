//! Shows the bytes of a conversation to a session as the flow table would, in pieces of any
//! size, and writes down what it said. For tests alone.

use std::collections::VecDeque;

use crate::observe::{Observation, Role, Subject};

use super::{Segment, Session, Then};

/// A conversation: who sent what, in order.
pub type Script<'a> = &'a [(Role, &'a [u8])];

/// One session and the bytes that it has not consumed.
pub struct Replay {
    session: Box<dyn Session>,
    held: [VecDeque<u8>; 2],
    skip: [u64; 2],
    closed: [bool; 2],
    /// What was observed, one line each.
    pub seen: Vec<String>,
}

impl Replay {
    /// Begins a conversation.
    pub fn new(session: Box<dyn Session>) -> Self {
        Self {
            session,
            held: Default::default(),
            skip: [0; 2],
            closed: [false; 2],
            seen: Vec::new(),
        }
    }

    /// Shows the next bytes of one direction.
    pub fn feed(&mut self, from: Role, mut bytes: &[u8]) {
        let side = usize::from(from == Role::Server);
        loop {
            let skipped = usize::try_from(self.skip[side])
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            self.skip[side] -= skipped as u64;
            bytes = &bytes[skipped..];
            self.held[side].extend(bytes);
            bytes = &[];
            if self.closed[side] || self.held[side].is_empty() {
                return;
            }
            let shown: Vec<u8> = self.held[side].iter().copied().collect();
            let segment = Segment {
                bytes: &shown,
                from,
                time_ns: 0,
                ports: (0, 0),
                cut: false,
            };
            let seen = &mut self.seen;
            let progress = self.session.observe(&segment, &mut |observation| {
                if !observation.is_passage() {
                    seen.push(line(from, observation));
                }
            });
            assert!(
                progress.consumed <= shown.len(),
                "consumed what was not there"
            );
            self.held[side].drain(..progress.consumed);
            match progress.then {
                Then::More => {}
                Then::Skip(bytes) => {
                    let held = self.held[side].len() as u64;
                    let now = bytes.min(held);
                    self.held[side].drain(..now as usize);
                    self.skip[side] = bytes - now;
                }
                Then::DoneDirection => self.closed[side] = true,
                Then::Done => self.closed = [true; 2],
            }
            if progress.consumed == 0 {
                return;
            }
        }
    }

    /// Loses bytes of one direction; true if the session goes on.
    pub fn lose(&mut self, from: Role, missing: u64) -> bool {
        let side = usize::from(from == Role::Server);
        let skipped = self.skip[side].min(missing);
        self.skip[side] -= skipped;
        if skipped == missing {
            return true;
        }
        self.held[side].clear();
        self.session.gap(from, missing - skipped)
    }
}

/// Everything that a session says of a conversation shown whole.
pub fn whole(session: fn() -> Box<dyn Session>, script: Script<'_>) -> Vec<String> {
    in_pieces(session, script, usize::MAX)
}

/// Everything that a session says of a conversation shown in pieces of `size` bytes.
pub fn in_pieces(
    session: fn() -> Box<dyn Session>,
    script: Script<'_>,
    size: usize,
) -> Vec<String> {
    let mut replay = Replay::new(session());
    for (from, bytes) in script {
        for piece in bytes.chunks(size) {
            replay.feed(*from, piece);
        }
    }
    replay.seen
}

/// Asserts that what a client says, with some bytes changed, gives the same wherever it is cut.
pub fn changed_however_cut(session: fn() -> Box<dyn Session>, said: &[u8]) {
    bolero::check!()
        .with_type::<([(u16, u8); 3], u8)>()
        .with_iterations(300)
        .for_each(|(changes, size)| {
            let mut bytes = said.to_vec();
            for (at, value) in changes {
                let at = usize::from(*at) % bytes.len();
                bytes[at] = *value;
            }
            let size = usize::from(*size).max(1);
            let script: Script<'_> = &[(Role::Client, &bytes)];
            let expected = whole(session, script);
            assert_eq!(in_pieces(session, script, size), expected);
        });
}

/// Asserts that a conversation gives the same wherever its bytes are cut, and that no prefix
/// of it does any harm; returns what it gives.
pub fn however_cut(session: fn() -> Box<dyn Session>, script: Script<'_>) -> Vec<String> {
    let expected = whole(session, script);
    for size in [1, 2, 3, 5, 7, 16, 61] {
        assert_eq!(
            in_pieces(session, script, size),
            expected,
            "pieces of {size}"
        );
    }
    for (index, (from, bytes)) in script.iter().enumerate() {
        // One cut at a time; pieces of one byte have cut it everywhere already.
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
            let (head, tail) = bytes.split_at(cut);
            let mut parts = script[..index].to_vec();
            parts.extend([(*from, head), (*from, tail)]);
            parts.extend(&script[index + 1..]);
            assert_eq!(
                whole(session, &parts),
                expected,
                "cut at {cut} of part {index}"
            );
        }
    }
    expected
}

/// An observation as a line: `client dicom.ae_title=CT01`, `event server dicom_store`.
fn line(from: Role, observation: Observation<'_>) -> String {
    match observation {
        Observation::Fact {
            subject,
            field,
            value,
        } => format!(
            "{} {}={}",
            name(from, subject),
            field.name(),
            value.escape_ascii()
        ),
        Observation::Fingerprint { field, basis, make } => format!(
            "{} {}={}",
            name(from, Subject::Sender),
            field.name(),
            make(basis).as_bytes().escape_ascii()
        ),
        Observation::Event { subject, event } => {
            format!("event {} {}", name(from, subject), event.name())
        }
        other => format!("{other:?}"),
    }
}

fn name(from: Role, subject: Subject<'_>) -> String {
    let role = |role| match role {
        Role::Client => "client",
        Role::Server => "server",
        Role::Peer => "peer",
    };
    match subject {
        Subject::Sender => role(from).to_owned(),
        Subject::Receiver => role(from.other()).to_owned(),
        Subject::Mac(mac) | Subject::Station(mac) => format!("{mac:02x?}"),
        Subject::Reported(id) => format!("{}>[{}]", role(from), id.escape_ascii()),
    }
}
