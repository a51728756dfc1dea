//! Telnet (RFC 854, RFC 855; port 23): that it is spoken, what the server says before anybody
//! answers, and that somebody logged in over a line that anybody can read. It reads no name, no
//! password and no text of a session.

mod banner;

use medtap_table::vocabulary::{Field, Protocol};

use banner::Banner;

use super::{Classifier, Progress, Segment, Transport, Verdict, ports};
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

/// The end of what the server wrote last, in small letters; enough for a prompt.
#[derive(Default)]
struct Tail {
    bytes: [u8; 16],
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
        if self.spoke == [true, true] && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        let consumed = self.text(segment.bytes, is_server, emit);
        if self.confirmed {
            let server = match is_server {
                true => Subject::Sender,
                false => Subject::Receiver,
            };
            self.banner.tell(server, emit);
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
        true
    }
}

impl Session {
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
            true => self.banner.push(byte),
            false => self.banner.close(),
        }
        match (is_server, self.log_in) {
            (true, LogIn::Answered) => self.verdict(byte, emit),
            (true, _) => {
                self.tail.push(byte);
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
        self.tail.push(byte);
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
mod tests {
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

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
