//! Telnet (RFC 854, RFC 855; port 23): that it is spoken, what the server says before anybody
//! answers, and that somebody logged in over a line that anybody can read. It reads no name, no
//! password and no text of a session.

mod banner;
mod dialogue;

use medtap_table::vocabulary::{Field, Protocol};

use banner::Banner;
use dialogue::Dialogue;

use super::{Classifier, Mark, Progress, Segment, Transport, Verdict, ports};
use crate::config::TELNET_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, Subject, both};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Telnet,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &[IAC],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// The row of servers that negotiate nothing.
pub const WITHOUT_OPTIONS: Classifier = Classifier {
    protocol: Protocol::Telnet,
    transport: Transport::Tcp,
    ports: dialogue::PORTS,
    first: super::ANY,
    marks: &[Mark::Port],
    probe: dialogue::probe,
    session: || {
        Box::new(Session {
            dialogue: Some(Dialogue::default()),
            ..Session::default()
        })
    },
};

const PORTS: &[u16] = &[23, 2323];

/// "Interpret as command", RFC 854.
const IAC: u8 = 255;
const SUBNEGOTIATION_END: u8 = 240;
const SUBNEGOTIATION: u8 = 250;
const WILL: u8 = 251;
const WONT: u8 = 252;
const DONT: u8 = 254;
/// The option that a server takes while a password is typed, and gives back after it, RFC 857.
const ECHO: u8 = 1;
/// Options that are assigned: IANA's list goes to 49, with a few from 138 on.
const OPTION_MAX: u8 = 49;

/// An offer or a request: three bytes.
fn is_negotiation(bytes: &[u8; 3]) -> bool {
    bytes[0] == IAC && (WILL..=DONT).contains(&bytes[1]) && bytes[2] <= OPTION_MAX
}

/// Telnet begins with offers and requests of options. One is three bytes that chance rarely
/// gives; where the port says nothing, two are needed.
fn probe(segment: &Segment<'_>) -> Verdict {
    let (src, dst) = segment.ports;
    let needed = match PORTS.contains(&src) || PORTS.contains(&dst) {
        true => 1,
        false => 2,
    };
    let (commands, rest) = segment.bytes.as_chunks::<3>();
    let seen = commands.iter().take(needed);
    if !seen.clone().all(is_negotiation) {
        return Verdict::Reject;
    }
    if commands.len() >= needed {
        return Verdict::Match(ports::role_of_sender(segment, PORTS));
    }
    let could = rest.first().is_none_or(|byte| *byte == IAC)
        && rest.get(1).is_none_or(|byte| (WILL..=DONT).contains(byte));
    if could && !segment.cut {
        Verdict::NeedMore
    } else {
        Verdict::Reject
    }
}

/// How far a log-in got.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum LogIn {
    #[default]
    None,
    /// The server asks for a password.
    Asked,
    /// The client sent a line.
    Answered,
}

/// Bytes of the end of what a server wrote; enough for a prompt.
const TAIL_BYTES: usize = 32;

/// The end of what the server wrote last, in small letters.
#[derive(Default)]
struct Tail {
    bytes: [u8; TAIL_BYTES],
}

impl Tail {
    fn push(&mut self, byte: u8) {
        self.bytes.rotate_left(1);
        if let Some(last) = self.bytes.last_mut() {
            *last = byte.to_ascii_lowercase();
        }
    }

    /// It ends with this, blanks aside.
    fn ends_with(&self, text: &[u8]) -> bool {
        self.bytes.trim_ascii_end().ends_with(text)
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    spoke: [bool; 2],
    confirmed: bool,
    /// What has to prove it where no options are negotiated.
    dialogue: Option<Dialogue>,
    log_in: LogIn,
    banner: Banner,
    tail: Tail,
    /// Bytes of text, both ways: a log-in comes at the start.
    read: usize,
    told: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let is_server = segment.from == Role::Server;
        self.spoke[usize::from(is_server)] = true;
        if self.spoke == [true, true] && self.dialogue.is_none() {
            self.confirm(is_server, emit);
        }
        let consumed = self.text(segment.bytes, is_server, emit);
        if self.confirmed {
            self.banner.tell(server(is_server), emit);
        }
        if self.dialogue == Some(Dialogue::None) {
            return Progress::DONE;
        }
        if self.told || self.read > TELNET_BYTES_MAX {
            return Progress::DONE;
        }
        // What is left is the beginning of a command.
        Progress::consumed(match segment.cut {
            true => segment.bytes.len(),
            false => consumed,
        })
    }

    fn gap(&mut self, _from: Role, _missing: u64) -> bool {
        self.log_in = LogIn::None;
        self.banner.close();
        self.tail = Tail::default();
        self.dialogue.is_none() || self.confirmed
    }
}

/// The server, seen from the end that speaks.
const fn server(is_server: bool) -> Subject<'static> {
    match is_server {
        true => Subject::Sender,
        false => Subject::Receiver,
    }
}

impl Session {
    fn confirm(&mut self, is_server: bool, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
            self.banner.tell(server(is_server), emit);
        }
    }

    /// Takes the commands out and reads what is left; gives how far it came.
    fn text(&mut self, bytes: &[u8], is_server: bool, emit: Emit<'_>) -> usize {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at += match (byte, bytes.get(at + 1)) {
                (IAC, None) => return at,
                (IAC, Some(&SUBNEGOTIATION)) => {
                    match end_of_subnegotiation(bytes.get(at..).unwrap_or_default()) {
                        Some(len) => len,
                        None if bytes.len() - at > TELNET_BYTES_MAX => return bytes.len(),
                        None => return at,
                    }
                }
                (IAC, Some(WILL..=DONT)) if at + 3 > bytes.len() => return at,
                (IAC, Some(command @ WILL..=DONT)) => {
                    // A password was typed, however late the capture began.
                    if is_server && *command == WONT && bytes.get(at + 2) == Some(&ECHO) {
                        self.banner.close();
                    }
                    3
                }
                (IAC, Some(_)) => 2,
                _ => {
                    self.byte(byte, is_server, emit);
                    1
                }
            };
        }
        at
    }

    fn byte(&mut self, byte: u8, is_server: bool, emit: Emit<'_>) {
        self.read += 1;
        match is_server {
            true => {
                self.banner.push(byte);
                self.tail.push(byte);
            }
            false => self.banner.close(),
        }
        if let Some(dialogue) = &mut self.dialogue {
            *dialogue = dialogue.after(byte, is_server, &self.tail);
            if *dialogue == Dialogue::Proved {
                self.confirm(is_server, emit);
            }
        }
        match (is_server, self.log_in) {
            (true, LogIn::Answered) => self.verdict(byte, emit),
            (true, _) => {
                let prompts: [&[u8]; 2] = [b"password:", b"passwort:"];
                if prompts.iter().any(|prompt| self.tail.ends_with(prompt)) {
                    self.log_in = LogIn::Asked;
                }
            }
            (false, LogIn::Asked) if matches!(byte, b'\r' | b'\n') => {
                self.log_in = LogIn::Answered;
                self.tail = Tail::default();
            }
            _ => {}
        }
    }

    /// The server's words after the password: a prompt, or that it was wrong.
    fn verdict(&mut self, byte: u8, emit: Emit<'_>) {
        let refusals: [&[u8]; 6] = [
            b"incorrect",
            b"invalid",
            b"denied",
            b"failed",
            b"login:",
            b"password:",
        ];
        if refusals.iter().any(|word| self.tail.ends_with(word)) {
            self.log_in = LogIn::None;
        } else if matches!(byte, b'$' | b'#' | b'>' | b'%') && !self.told {
            self.told = true;
            both(Field::TelnetLogin, b"password", emit);
        }
    }
}

/// The length of a subnegotiation that begins here: up to IAC SE; IAC IAC is a byte of it.
fn end_of_subnegotiation(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (&IAC, None) => return None,
            (&IAC, Some(&SUBNEGOTIATION_END)) => return Some(at + 2),
            (&IAC, Some(_)) => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests;
