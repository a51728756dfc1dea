//! Plays a conversation to a classifier as the worker does, for tests: buffers, skips and ends of
//! directions of a stream; datagrams one by one. It knows no protocol.

use super::{Classifier, LinkClassifier, LinkContext, Segment, Session, Then, Transport, Verdict};
use crate::observe::{Observation, Role, Subject};

/// The ports that played conversations use unless a test says otherwise: client, server.
pub const PORTS: (u16, u16) = (50_000, 9_000);

/// One direction's buffer.
#[derive(Default)]
struct Half {
    held: Vec<u8>,
    skip: u64,
    done: bool,
}

/// A conversation being played.
pub struct Player {
    session: Box<dyn Session>,
    transport: Transport,
    halves: [Half; 2],
    /// What was observed, as text, in order.
    pub seen: Vec<String>,
    /// The session said that nothing more can be learnt.
    pub done: bool,
    /// The most bytes that one direction held back, or that the session kept.
    pub held_max: usize,
}

impl Player {
    /// Begins a conversation of this protocol.
    pub fn new(classifier: &Classifier) -> Self {
        Self {
            session: (classifier.session)(),
            transport: classifier.transport,
            halves: Default::default(),
            seen: Vec::new(),
            done: false,
            held_max: 0,
        }
    }

    /// Shows the next bytes of one direction; one datagram.
    pub fn play(&mut self, from: Role, mut bytes: &[u8], cut: bool) {
        let half = &mut self.halves[usize::from(from == Role::Server)];
        if self.done || half.done {
            return;
        }
        let skipped = usize::try_from(half.skip)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        half.skip -= skipped as u64;
        bytes = &bytes[skipped..];
        half.held.extend_from_slice(bytes);
        let ports = match from {
            Role::Server => (PORTS.1, PORTS.0),
            _ => PORTS,
        };
        while !half.held.is_empty() {
            let seen = &mut self.seen;
            let progress = self.session.observe(
                &Segment {
                    bytes: &half.held,
                    from,
                    time_ns: 0,
                    ports,
                    cut,
                },
                &mut |observation| {
                    if !observation.is_passage() {
                        seen.push(text(&observation));
                    }
                },
            );
            assert!(progress.consumed <= half.held.len());
            half.held.drain(..progress.consumed);
            match progress.then {
                Then::More => {}
                Then::Skip(bytes) => {
                    let now = usize::try_from(bytes)
                        .unwrap_or(usize::MAX)
                        .min(half.held.len());
                    half.held.drain(..now);
                    half.skip = bytes - now as u64;
                }
                Then::DoneDirection => {
                    half.done = true;
                    half.held.clear();
                }
                Then::Done => {
                    self.done = true;
                    return;
                }
            }
            if self.transport == Transport::Udp {
                half.held.clear();
            }
            if progress.consumed == 0 && progress.then == Then::More {
                break;
            }
        }
        let kept = self.session.kept_bytes();
        self.held_max = self.held_max.max(half.held.len()).max(kept);
    }

    /// Tells the session of a hole; true if it goes on.
    pub fn gap(&mut self, from: Role, missing: u64) -> bool {
        self.halves[usize::from(from == Role::Server)].held.clear();
        self.session.gap(from, missing)
    }
}

fn text(observation: &Observation<'_>) -> String {
    match observation {
        Observation::Fact {
            subject,
            field,
            value,
        } => {
            let subject = match subject {
                Subject::Sender => "sender",
                Subject::Receiver => "receiver",
                Subject::Mac(_) => "mac",
                Subject::Reported(_) => "reported",
                Subject::Station(_) => "station",
            };
            format!(
                "{subject} {}={}",
                field.name(),
                String::from_utf8_lossy(value)
            )
        }
        Observation::Fingerprint { field, basis, make } => {
            let value = make(basis);
            let value = String::from_utf8_lossy(value.as_bytes());
            format!("sender {}={value}", field.name())
        }
        Observation::Confirmed => "confirmed".to_owned(),
        Observation::Encrypted => "encrypted".to_owned(),
        Observation::Malformed => "malformed".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What a whole conversation lets one see.
pub fn run(classifier: &Classifier, conversation: &[(Role, &[u8])]) -> Vec<String> {
    let mut player = Player::new(classifier);
    for (from, bytes) in conversation {
        player.play(*from, bytes, false);
    }
    player.seen
}

/// What a conversation of datagrams lets one see.
pub fn datagrams(classifier: &Classifier, conversation: &[(Role, &[u8])]) -> Vec<String> {
    assert_eq!(classifier.transport, Transport::Udp);
    let mut session = (classifier.session)();
    let mut seen = Vec::new();
    for (from, bytes) in conversation {
        let ports = match from {
            Role::Server => (PORTS.1, PORTS.0),
            _ => PORTS,
        };
        let segment = Segment {
            bytes,
            from: *from,
            time_ns: 0,
            ports,
            cut: false,
        };
        let progress = session.observe(&segment, &mut |observation| seen.push(text(&observation)));
        assert!(progress.consumed <= bytes.len());
    }
    seen
}

/// Any bytes as a datagram of either end: nothing panics.
pub fn check_datagrams(classifier: &Classifier, input: &[u8]) {
    let _ = probe(classifier, input, PORTS);
    let (head, tail) = input.split_at(input.len() / 2);
    datagrams(classifier, &[(Role::Client, head), (Role::Server, tail)]);
    datagrams(classifier, &[(Role::Server, input), (Role::Peer, input)]);
}

/// What a frame of a protocol without ports lets one see; `None` where it is not well formed.
pub fn frame(classifier: &LinkClassifier, bytes: &[u8]) -> Option<Vec<String>> {
    let context = LinkContext {
        src_mac: [0, 0x1b, 0x2c, 3, 4, 5],
        dst_mac: [1, 0x0e, 0xcf, 0, 0, 0],
        src: None,
        dst: None,
        ttl: 0,
    };
    let mut seen = Vec::new();
    let sound = (classifier.observe)(bytes, &context, &mut |observation| {
        seen.push(text(&observation));
    });
    sound.then_some(seen)
}

/// What a probe says of a sender's first bytes.
pub fn probe(classifier: &Classifier, bytes: &[u8], ports: (u16, u16)) -> Verdict {
    (classifier.probe)(&Segment {
        bytes,
        from: Role::Peer,
        time_ns: 0,
        ports,
        cut: false,
    })
}

/// Cut anywhere, a conversation says the same; cut short, it says a beginning of it.
pub fn check_cuts(classifier: &Classifier, conversation: &[(Role, &[u8])]) {
    let whole = run(classifier, conversation);
    for (index, (from, bytes)) in conversation.iter().enumerate() {
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(at);
            let mut player = Player::new(classifier);
            for (from, bytes) in &conversation[..index] {
                player.play(*from, bytes, false);
            }
            player.play(*from, head, false);
            assert!(whole.starts_with(&player.seen), "cut short at {at}");
            player.play(*from, tail, false);
            for (from, bytes) in &conversation[index + 1..] {
                player.play(*from, bytes, false);
            }
            assert_eq!(player.seen, whole, "piece {index} cut at {at}");
        }
    }
    let mut player = Player::new(classifier);
    for (from, bytes) in conversation {
        for byte in bytes.chunks(1) {
            player.play(*from, byte, false);
        }
    }
    assert_eq!(player.seen, whole, "byte by byte");
}

/// Any bytes, in any pieces, from either end, with holes: nothing panics and nothing grows past
/// `held_max` (bytes that one direction holds back).
pub fn check_any(classifier: &Classifier, input: &[u8], held_max: usize) {
    let _ = probe(classifier, input, PORTS);
    let mut player = Player::new(classifier);
    let mut rest = input;
    while let Some((&control, after)) = rest.split_first() {
        let from = if control & 1 == 0 {
            Role::Client
        } else {
            Role::Server
        };
        let (piece, after) = after.split_at(after.len().min(usize::from(control >> 2)));
        if control & 2 != 0 && piece.len() < 2 && !player.gap(from, 100) {
            return;
        }
        player.play(from, piece, false);
        assert!(player.held_max <= held_max);
        rest = after;
    }
}
