//! Mail: SMTP (RFC 5321), IMAP (RFC 9051), POP3 (RFC 1939): the software that a server's greeting
//! names, that somebody logged in over a line that anybody can read, and the TLS that begins
//! inside. It reads no user, no password, no address, no command beyond its first word, and no
//! mail.

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::printable;
use super::upgrade::Upgrade;
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::config::LINE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, both, says};

/// The row of SMTP.
pub const SMTP: Classifier = Classifier {
    protocol: Protocol::Smtp,
    transport: Transport::Tcp,
    ports: KINDS[0].ports,
    first: b"2EeHhLl",
    marks: &[],
    probe: |segment| probe(segment, &KINDS[0]),
    session: || Box::new(Session::new(&KINDS[0])),
};

/// The row of IMAP.
pub const IMAP: Classifier = Classifier {
    protocol: Protocol::Imap,
    transport: Transport::Tcp,
    ports: KINDS[1].ports,
    first: b"*",
    marks: &[],
    probe: |segment| probe(segment, &KINDS[1]),
    session: || Box::new(Session::new(&KINDS[1])),
};

/// The row of POP3.
pub const POP: Classifier = Classifier {
    protocol: Protocol::Pop,
    transport: Transport::Tcp,
    ports: KINDS[2].ports,
    first: b"+",
    marks: &[],
    probe: |segment| probe(segment, &KINDS[2]),
    session: || Box::new(Session::new(&KINDS[2])),
};

/// What the three differ in.
struct Kind {
    ports: &'static [u16],
    /// How a server greets, and a word that only its greeting has.
    greetings: &'static [&'static [u8]],
    word: &'static [u8],
    /// A client's first commands, where they are nobody else's.
    hellos: &'static [&'static [u8]],
    start_tls: &'static [u8],
    /// Commands that send a password as it is; of SMTP and POP3 a second word says so.
    log_ins: &'static [&'static [u8]],
    /// A command's own tag stands before it, and before its answer.
    is_tagged: bool,
    banner: Field,
    log_in: Field,
}

static KINDS: [Kind; 3] = [
    Kind {
        ports: &[25, 587],
        greetings: &[b"220 ", b"220-"],
        word: b"SMTP",
        hellos: &[b"EHLO ", b"HELO ", b"LHLO "],
        start_tls: b"STARTTLS",
        log_ins: &[b"AUTH PLAIN", b"AUTH LOGIN"],
        is_tagged: false,
        banner: Field::SmtpBanner,
        log_in: Field::SmtpLogin,
    },
    Kind {
        ports: &[143],
        greetings: &[b"* OK", b"* PREAUTH"],
        word: b"IMAP",
        hellos: &[],
        start_tls: b"STARTTLS",
        log_ins: &[b"LOGIN ", b"AUTHENTICATE PLAIN", b"AUTHENTICATE LOGIN"],
        is_tagged: true,
        banner: Field::ImapBanner,
        log_in: Field::ImapLogin,
    },
    Kind {
        ports: &[110],
        greetings: &[b"+OK"],
        word: b"POP",
        hellos: &[],
        start_tls: b"STLS",
        log_ins: &[b"PASS ", b"AUTH PLAIN", b"AUTH LOGIN"],
        is_tagged: false,
        banner: Field::PopBanner,
        log_in: Field::PopLogin,
    },
];

/// A line that is whole, without its end, and the bytes that it takes.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

fn begins(line: &[u8], with: &[u8]) -> bool {
    line.get(..with.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(with))
}

fn names(line: &[u8], word: &[u8]) -> bool {
    let mut windows = line.windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word))
}

/// A greeting with the protocol's word, or from its port; or a hello that no other client says.
fn probe(segment: &Segment<'_>, kind: &Kind) -> Verdict {
    let bytes = segment.bytes;
    let mut openings = kind.greetings.iter().chain(kind.hellos);
    let Some((line, _)) = line(bytes) else {
        let could = openings.any(|words| begins(bytes, words) || begins(words, bytes));
        return match could && bytes.len() < LINE_BYTES_MAX && !segment.cut {
            true => Verdict::NeedMore,
            false => Verdict::Reject,
        };
    };
    if kind.hellos.iter().any(|hello| begins(line, hello)) {
        return Verdict::Match(Role::Client);
    }
    let is_greeting = kind.greetings.iter().any(|words| begins(line, words));
    let is_named = names(line, kind.word);
    let is_at_port = kind.ports.contains(&segment.ports.0);
    match is_greeting && (is_named || is_at_port && !names(line, b"FTP")) {
        true => Verdict::Match(Role::Server),
        false => Verdict::Reject,
    }
}

/// What the client asked last, as far as its answer matters.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Nothing,
    Other,
    Tls,
    LogIn,
}

/// What one connection has said so far.
struct Session {
    kind: &'static Kind,
    asked: Asked,
    tag: Vec<u8>,
    greeted: bool,
    confirmed: bool,
    tls: Upgrade,
}

/// The longest tag of a command that is compared.
const TAG_LEN_MAX: usize = 32;

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(progress) = self.tls.observe(segment, emit) {
            return progress;
        }
        let Some((line, len)) = line(segment.bytes) else {
            return match segment.bytes.len() > LINE_BYTES_MAX {
                true => Progress::DONE,
                false => Progress::consumed(0),
            };
        };
        let is_over = match segment.from {
            Role::Server => self.reply(line, emit),
            _ => self.command(line),
        };
        match is_over {
            true => Progress::DONE,
            false => Progress::consumed(len),
        }
    }

    fn kept_bytes(&self) -> usize {
        self.tls.kept_bytes()
    }
}

impl Session {
    fn new(kind: &'static Kind) -> Self {
        Self {
            kind,
            asked: Asked::Nothing,
            tag: Vec::new(),
            greeted: false,
            confirmed: false,
            tls: Upgrade::default(),
        }
    }

    /// Reads a command's first words; true where a mail follows.
    fn command(&mut self, line: &[u8]) -> bool {
        let mut words = line;
        if self.kind.is_tagged {
            let Some(end) = line.iter().position(|byte| *byte == b' ') else {
                return false;
            };
            let (tag, rest) = line.split_at_checked(end).unwrap_or_default();
            words = rest.get(1..).unwrap_or_default();
            self.tag.clear();
            self.tag
                .extend_from_slice(tag.get(..tag.len().min(TAG_LEN_MAX)).unwrap_or(tag));
        }
        // What follows a log-in's first line is no command: nothing of it is looked at.
        let is_log_in = self.kind.log_ins.iter().any(|log_in| begins(words, log_in));
        self.asked = if words.eq_ignore_ascii_case(self.kind.start_tls) {
            Asked::Tls
        } else if is_log_in || self.asked == Asked::LogIn {
            Asked::LogIn
        } else {
            Asked::Other
        };
        self.confirmed && begins(words, b"MAIL ")
    }

    /// Reads a reply; true where nothing more is to be learnt.
    fn reply(&mut self, line: &[u8], emit: Emit<'_>) -> bool {
        if !self.greeted {
            self.greeted = true;
            let mut greetings = self.kind.greetings.iter();
            if let Some(words) = greetings.find(|words| begins(line, words)) {
                let text = line.get(words.len()..).and_then(banner);
                if let Some(text) = text {
                    says(self.kind.banner, text, emit);
                }
                return false;
            }
        }
        let Some(is_good) = self.verdict(line) else {
            return false;
        };
        if self.asked != Asked::Nothing && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Tls if is_good => {
                self.tls.begin();
                false
            }
            Asked::LogIn if is_good => {
                both(self.kind.log_in, b"account", emit);
                true
            }
            _ => false,
        }
    }

    /// Whether a reply says that what was asked is done; nothing where it is not the last line.
    fn verdict(&self, line: &[u8]) -> Option<bool> {
        if self.kind.is_tagged {
            let rest = line.strip_prefix(&*self.tag)?.strip_prefix(b" ")?;
            return Some(begins(rest, b"OK"));
        }
        match line {
            [b'+', b'O', b'K', ..] => Some(true),
            [b'-', b'E', b'R', b'R', ..] => Some(false),
            // The server asks for the rest of a log-in.
            [b'3', _, _, b' ' | b'-', ..] => None,
            [first @ b'2'..=b'5', _, _, b' ', ..] => Some(*first == b'2'),
            _ => None,
        }
    }
}

/// The text of a greeting, without the capabilities that may stand in front.
fn banner(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start();
    let text = match text.first() {
        Some(b'[') => {
            let end = text.iter().position(|byte| *byte == b']')?;
            text.get(end + 1..)?
        }
        _ => text,
    };
    printable(lasting(text).trim_ascii())
}

/// What a greeting says every time: without the hour (RFC 5322, 3.3), or the stamp of a log-in
/// (RFC 1939, APOP), from which on it is another one each time.
fn lasting(text: &[u8]) -> &[u8] {
    const DAYS: [&[u8]; 7] = [
        b" Mon, ", b" Tue, ", b" Wed, ", b" Thu, ", b" Fri, ", b" Sat, ", b" Sun, ",
    ];
    let day = text.windows(6).position(|window| DAYS.contains(&window));
    let stamp = text.windows(2).position(|window| window == b" <");
    let end = [day, stamp].into_iter().flatten().min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const CLIENT: Role = Role::Client;
    const SERVER: Role = Role::Server;

    #[test]
    fn a_greeting_is_the_same_every_time() {
        for (kind, greeting, told) in [
            (
                &SMTP,
                &b"220 mx.example ESMTP Exim 4.96 Sun, 29 Nov 2026 09:26:16 +0000\r\n"[..],
                "sender smtp.banner=mx.example ESMTP Exim 4.96",
            ),
            (
                &SMTP,
                b"220 mx.example Microsoft ESMTP MAIL Service ready at Wed, 28 Nov 2018\r\n",
                "sender smtp.banner=mx.example Microsoft ESMTP MAIL Service ready at",
            ),
            (
                &POP,
                b"+OK POP3 server ready <1896.697170952@mx.example>\r\n",
                "sender pop.banner=POP3 server ready",
            ),
            (
                &SMTP,
                b"220 mx.example ESMTP Monday, Inc.\r\n",
                "sender smtp.banner=mx.example ESMTP Monday, Inc.",
            ),
        ] {
            assert_eq!(run(kind, &[(SERVER, greeting)]), [told]);
        }
    }

    #[test]
    fn smtp_before_and_in_tls() {
        let talk: &[(Role, &[u8])] = &[
            (SERVER, b"220 mx.example ESMTP Postfix (Debian)\r\n"),
            (CLIENT, b"EHLO ct-ws1\r\n"),
            (SERVER, b"250-mx.example\r\n250 STARTTLS\r\n"),
            (CLIENT, b"STARTTLS\r\n"),
            (SERVER, b"220 2.0.0 Ready\r\n"),
            (CLIENT, b"AUTH PLAIN CANARY\r\n"),
        ];
        assert_eq!(
            run(&SMTP, talk),
            [
                "sender smtp.banner=mx.example ESMTP Postfix (Debian)",
                "confirmed",
                // No record of TLS where one is due.
                "malformed",
            ]
        );
        check_cuts(&SMTP, &talk[..5]);
    }

    #[test]
    fn log_ins_in_clear_name_nobody() {
        let talk: &[(Role, &[u8])] = &[
            (SERVER, b"220 mx.example ESMTP\r\n"),
            (CLIENT, b"EHLO ct-ws1\r\n"),
            (SERVER, b"250 AUTH LOGIN\r\n"),
            (CLIENT, b"AUTH LOGIN\r\n"),
            (SERVER, b"334 VXNlcm5hbWU6\r\n"),
            (CLIENT, b"CANARY\r\n"),
            (SERVER, b"334 UGFzc3dvcmQ6\r\n"),
            (CLIENT, b"CANARY\r\n"),
            (SERVER, b"235 2.7.0 Authentication successful\r\n"),
        ];
        let said = run(&SMTP, talk);
        assert_eq!(
            said[1..],
            [
                "confirmed",
                "sender smtp.login=account",
                "receiver smtp.login=account"
            ]
        );
        let talk: &[(Role, &[u8])] = &[
            (
                SERVER,
                b"* OK [CAPABILITY IMAP4rev1 STARTTLS] Dovecot ready.\r\n",
            ),
            (CLIENT, b"a1 LOGIN CANARY CANARY\r\n"),
            (SERVER, b"* CAPABILITY IMAP4rev1\r\na1 OK Logged in\r\n"),
        ];
        assert_eq!(
            run(&IMAP, talk),
            [
                "sender imap.banner=Dovecot ready.",
                "confirmed",
                "sender imap.login=account",
                "receiver imap.login=account",
            ]
        );
        check_cuts(&IMAP, talk);
        let talk: &[(Role, &[u8])] = &[
            (SERVER, b"+OK Dovecot POP3 ready.\r\n"),
            (CLIENT, b"USER CANARY\r\n"),
            (SERVER, b"+OK\r\n"),
            (CLIENT, b"PASS CANARY\r\n"),
            (SERVER, b"-ERR no\r\n"),
        ];
        assert_eq!(
            run(&POP, talk),
            ["sender pop.banner=Dovecot POP3 ready.", "confirmed"]
        );
    }

    #[test]
    fn no_mail_is_read() {
        let talk: &[(Role, &[u8])] = &[
            (SERVER, b"220 mx.example ESMTP\r\n"),
            (CLIENT, b"HELO ct-ws1\r\n"),
            (SERVER, b"250 mx.example\r\n"),
            (CLIENT, b"MAIL FROM:<CANARY@example>\r\nSTARTTLS\r\n"),
            (SERVER, b"220 CANARY\r\n"),
        ];
        assert_eq!(run(&SMTP, talk).len(), 2);
    }

    #[test]
    fn probes() {
        let ports = (9_000, 50_000);
        let server = Verdict::Match(SERVER);
        assert_eq!(probe(&SMTP, b"220 a ESMTP\r\n", ports), server);
        assert_eq!(probe(&SMTP, b"220 ready\r\n", (25, 50_000)), server);
        assert_eq!(probe(&SMTP, b"ehlo me\r\n", ports), Verdict::Match(CLIENT));
        assert_eq!(probe(&SMTP, b"22", ports), Verdict::NeedMore);
        assert_eq!(probe(&IMAP, b"* OK IMAP4\r\n", ports), server);
        assert_eq!(probe(&POP, b"+OK POP3\r\n", ports), server);
        for bytes in [
            &b"220 ready\r\n"[..],
            b"220 ProFTPD\r\n",
            b"250 SMTP\r\n",
            b"Hello\r\n",
        ] {
            assert_eq!(probe(&SMTP, bytes, ports), Verdict::Reject);
        }
        assert_eq!(probe(&IMAP, b"*2\r\n", ports), Verdict::Reject);
        assert_eq!(probe(&POP, b"+OK\r\n", ports), Verdict::Reject);
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            for row in [&SMTP, &IMAP, &POP] {
                check_any(row, bytes, STREAM_BYTES_MAX);
            }
        });
    }
}
