//! FTP (RFC 959, RFC 4217; port 21): which software serves, which system it is, and that somebody
//! logged in over a line that anybody can read, or the TLS that begins inside. It reads no user, no
//! password, no path and no file.

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::printable;
use super::upgrade::Upgrade;
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::config::LINE_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, both, refuses_logon, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Ftp,
    transport: Transport::Tcp,
    ports: &[CONTROL_PORT],
    first: b"2UuFfAa",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const CONTROL_PORT: u16 = 21;

const USER: &[u8] = b"USER ";

/// A line that is whole, without its end.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn begins(line: &[u8], with: &[u8]) -> bool {
    line.get(..with.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(with))
}

/// A greeting that names FTP, or the first commands that a client of FTP alone sends. A greeting
/// that does not is left to them: mail begins with 220 as well.
fn probe(segment: &Segment<'_>) -> Verdict {
    let Some(line) = line(segment.bytes) else {
        let bytes = segment.bytes;
        let could = bytes.len() < LINE_BYTES_MAX
            && !segment.cut
            && (b"220".starts_with(bytes) || bytes.starts_with(b"220") || is_command(bytes, true));
        return if could {
            Verdict::NeedMore
        } else {
            Verdict::Reject
        };
    };
    if begins(line, b"220") {
        let names = |word: &[u8]| {
            let mut windows = line.windows(word.len());
            windows.any(|window| window.eq_ignore_ascii_case(word))
        };
        let is_mail = names(b"SMTP") || names(b"mail");
        return if !is_mail && (names(b"FTP") || segment.ports.0 == CONTROL_PORT) {
            Verdict::Match(Role::Server)
        } else {
            Verdict::Reject
        };
    }
    // POP3 and IRC begin with USER as well.
    let is_shared = begins(line, USER) && segment.ports.1 != CONTROL_PORT;
    if is_command(line, false) && !is_shared {
        Verdict::Match(Role::Client)
    } else {
        Verdict::Reject
    }
}

/// A client's first commands; `partly` while the line has not ended.
fn is_command(line: &[u8], partly: bool) -> bool {
    const FIRST: [&[u8]; 4] = [USER, b"FEAT", b"AUTH TLS", b"AUTH SSL"];
    FIRST
        .iter()
        .any(|word| begins(line, word) || (partly && begins(word, line)))
}

/// What the client asked last, as far as its answer matters.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    Other,
    System,
    Protection,
}

/// What one control connection has said so far.
#[derive(Default)]
struct Session {
    asked: Asked,
    /// A log-in began; true where it is one of those that need no account.
    log_in: Option<bool>,
    confirmed: bool,
    greeted: bool,
    tls: Upgrade,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(progress) = self.tls.observe(segment, emit) {
            return progress;
        }
        let Some(end) = segment.bytes.iter().position(|byte| *byte == b'\n') else {
            if segment.bytes.len() > LINE_BYTES_MAX {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
            return Progress::consumed(0);
        };
        let line = line(segment.bytes).unwrap_or_default();
        match segment.from {
            Role::Server => self.reply(line, emit),
            _ => self.command(line),
        }
        Progress::consumed(end + 1)
    }

    fn kept_bytes(&self) -> usize {
        self.tls.kept_bytes()
    }
}

impl Session {
    fn command(&mut self, line: &[u8]) {
        self.asked = Asked::Other;
        if begins(line, b"USER ") {
            let user = line.get(5..).unwrap_or_default().trim_ascii();
            let is_anonymous = [&b"anonymous"[..], b"ftp"]
                .iter()
                .any(|name| user.eq_ignore_ascii_case(name));
            self.log_in = Some(is_anonymous);
        } else if begins(line, b"SYST") {
            self.asked = Asked::System;
        } else if begins(line, b"AUTH ") {
            self.asked = Asked::Protection;
        }
    }

    fn reply(&mut self, line: &[u8], emit: Emit<'_>) {
        let Some((code, text)) = line.split_first_chunk::<3>() else {
            return;
        };
        let is_last = text.first() == Some(&b' ');
        let text = text.get(1..).and_then(printable);
        match code {
            b"220" if !self.greeted => {
                self.greeted = true;
                if let Some(text) = text {
                    says(Field::FtpBanner, text, emit);
                }
            }
            b"331" | b"215" | b"211" | b"230" | b"234" if !self.confirmed => {
                self.confirmed = true;
                emit(Observation::Confirmed);
            }
            _ => {}
        }
        match (code, self.asked) {
            (b"234", Asked::Protection) => {
                emit(Observation::Encrypted);
                self.tls.begin();
            }
            (b"215", Asked::System) => {
                if let Some(text) = text {
                    says(Field::FtpSystem, text, emit);
                }
            }
            (b"230", _) if is_last => {
                if let Some(is_anonymous) = self.log_in.take() {
                    let value: &[u8] = match is_anonymous {
                        true => b"anonymous",
                        false => b"account",
                    };
                    both(Field::FtpLogin, value, emit);
                }
            }
            // Asked for before anybody tried, it refuses no log-on.
            (b"530", _) if is_last && self.log_in.take().is_some() => refuses_logon(emit),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const LOG_IN: &[(Role, &[u8])] = &[
        (Role::Server, b"220 (vsFTPd 3.0.3)\r\n"),
        (Role::Client, b"USER CANARY\r\n"),
        (Role::Server, b"331 Please specify the password.\r\n"),
        (Role::Client, b"PASS CANARY\r\n"),
        (
            Role::Server,
            b"230-Hello CANARY\r\n230 Login successful.\r\n",
        ),
        (Role::Client, b"SYST\r\n"),
        (Role::Server, b"215 UNIX Type: L8\r\n"),
    ];

    #[test]
    fn a_log_in_is_told_of_both_and_no_user() {
        assert_eq!(
            run(&CLASSIFIER, LOG_IN),
            [
                "sender ftp.banner=(vsFTPd 3.0.3)",
                "confirmed",
                "sender ftp.login=account",
                "receiver ftp.login=account",
                "sender ftp.system=UNIX Type: L8",
            ]
        );
        check_cuts(&CLASSIFIER, LOG_IN);
    }

    #[test]
    fn a_log_in_that_is_refused_is_none() {
        let mut refused = LOG_IN[..4].to_vec();
        refused.push((Role::Server, b"530 Login incorrect.\r\n"));
        refused.push((Role::Client, b"USER anonymous\r\n"));
        refused.push((Role::Server, b"230 Guest.\r\n"));
        // "Please log in" to somebody who did not try is no refusal.
        refused.push((Role::Server, b"530 Please login.\r\n"));
        assert_eq!(
            run(&CLASSIFIER, &refused)[2..],
            [
                "Event { subject: Sender, event: LogonRefused }",
                "Event { subject: Receiver, event: LogonRefused }",
                "sender ftp.login=anonymous",
                "receiver ftp.login=anonymous"
            ]
        );
    }

    #[test]
    fn what_is_encrypted_is_not_read() {
        let conversation: &[(Role, &[u8])] = &[
            (Role::Server, b"220 Acme FTP\r\n"),
            (Role::Client, b"AUTH TLS\r\n"),
            (Role::Server, b"234 Go on\r\n"),
            (Role::Client, b"USER x\r\n"),
            (Role::Server, b"230 in\r\n"),
        ];
        assert_eq!(
            run(&CLASSIFIER, conversation),
            // Nothing but TLS is taken from here on.
            [
                "sender ftp.banner=Acme FTP",
                "confirmed",
                "encrypted",
                "malformed"
            ]
        );
    }

    #[test]
    fn probes() {
        let ports = (9_000, 50_000);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, b"220 ProFTPD\r\n", ports), server);
        assert_eq!(probe(&CLASSIFIER, b"220 Welcome\r\n", (21, 50_000)), server);
        assert_eq!(probe(&CLASSIFIER, b"220 Welc", ports), Verdict::NeedMore);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, b"user x\r\n", (50_000, 21)), client);
        assert_eq!(probe(&CLASSIFIER, b"FEAT\r\n", (50_000, 9_000)), client);
        for bytes in [
            &b"220 mail.example ESMTP\r\n"[..],
            b"220 Welcome\r\n",
            b"250 ok\r\n",
            b"FETCH\r\n",
            b"AUTHOR x\r\n",
            b"USER ward 0 * :ward\r\n",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
