//! A terminal that offers no options (RFC 854 asks for none): the server greets with a prompt, the
//! client answers a line, and the server goes on. It proves nothing by a port or by a prompt alone,
//! and it keeps none of the text.

use super::super::{Segment, Verdict, ports};
use super::{TAIL_BYTES, Tail};
use crate::observe::Role;

/// Ports where a server may greet so: Telnet's, and the set-up of Lantronix's device servers.
pub const PORTS: &[u16] = &[23, 2323, 9999];

/// What a server ends its greeting with when it waits for somebody.
const PROMPTS: [&[u8]; 9] = [
    b"login:",
    b"logon:",
    b"name:",
    b"user:",
    b"account:",
    b"password:",
    b"passwort:",
    // Lantronix: `Press Enter for Setup Mode`, or `to go into`, with or without how to leave.
    b"setup mode",
    b"setup mode, wait to close",
];

const BELL: u8 = 0x07;
const FORM_FEED: u8 = 0x0c;
const ESCAPE: u8 = 0x1b;

/// Bytes that a terminal is sent and sends: all but the control characters that it has no use for.
const fn is_text(byte: u8) -> bool {
    matches!(byte, 0 | BELL..=FORM_FEED | b'\r' | ESCAPE | b' '..=0x7e | 0x80..)
}

/// The server spoke first, in text, and waits.
pub fn probe(segment: &Segment<'_>) -> Verdict {
    let may_be_server = PORTS.contains(&segment.ports.0)
        && ports::role_of_sender(segment, PORTS) == Role::Server
        && segment.bytes.iter().copied().all(is_text);
    if !may_be_server {
        return Verdict::Reject;
    }
    let mut tail = Tail::default();
    let last = segment.bytes.len().saturating_sub(TAIL_BYTES);
    for byte in segment.bytes.get(last..).unwrap_or_default() {
        tail.push(*byte);
    }
    match waits(&tail) {
        true => Verdict::Possible(Role::Server),
        false if segment.cut => Verdict::Reject,
        false => Verdict::NeedMore,
    }
}

fn waits(tail: &Tail) -> bool {
    PROMPTS.iter().any(|prompt| tail.ends_with(prompt))
}

/// How far the two ends came.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialogue {
    /// The server writes.
    #[default]
    Greets,
    /// What it wrote ends with a prompt.
    Waits,
    /// The client writes its line, which the server may repeat.
    Answers,
    /// The line is whole.
    Answered,
    /// The server went on.
    Proved,
    /// It is none.
    None,
}

impl Dialogue {
    /// The next byte of text of one end, and what the server wrote last with it.
    pub fn after(self, byte: u8, is_server: bool, tail: &Tail) -> Self {
        let ends_line = matches!(byte, b'\r' | b'\n');
        match (self, is_server) {
            (Self::None | Self::Proved, _) => self,
            _ if !is_text(byte) => Self::None,
            (Self::Greets | Self::Waits, true) if waits(tail) => Self::Waits,
            (Self::Greets | Self::Waits, true) => Self::Greets,
            (Self::Greets, false) => Self::None,
            (Self::Waits | Self::Answers, false) if ends_line => Self::Answered,
            (Self::Waits | Self::Answers, false) => Self::Answers,
            (Self::Answered, true) => Self::Proved,
            (Self::Answers, true) | (Self::Answered, false) => self,
        }
    }
}
