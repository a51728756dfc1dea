//! RESP, the protocol of Redis and its kin (port 6379): the version that a server names, and that
//! a password crossed the wire in clear. It reads no key, no value, no user and no password.
//!
//! ```text
//! a command     *parts CR LF, then each part: $length CR LF bytes CR LF; or words up to CR LF
//! an answer     + - : and so on, up to CR LF; $ as above; * % ~ > count the elements that follow
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{LINE_BYTES_MAX, RESP_ELEMENTS_MAX, RESP_INFO_BYTES_MAX};
use crate::observe::{Emit, Observation, Role, both, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Resp,
    transport: Transport::Tcp,
    ports: &[6379],
    first: b"*+-:$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// The longest name of a command, and of a version.
const WORD_LEN_MAX: usize = 32;

/// One element of an answer or a command.
enum Element<'a> {
    /// A number of elements, or of what a line says: kind and text.
    Line(u8, &'a [u8]),
    /// A string that is here.
    Text(&'a [u8]),
    /// A string of which this many bytes, with its end, are not looked at.
    Long(usize),
}

/// The next element and the bytes that it takes; `Some(None)`: it is not whole.
fn element(bytes: &[u8], wanted: usize) -> Option<Option<(Element<'_>, usize)>> {
    let kind = *bytes.first()?;
    if !b"*$+-:%~>_#,=(!|".contains(&kind) {
        return None;
    }
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return (bytes.len() <= LINE_BYTES_MAX).then_some(None);
    };
    let line = bytes.get(1..end)?.strip_suffix(b"\r")?;
    if !matches!(kind, b'$' | b'=' | b'!') || line == b"-1" {
        return Some(Some((Element::Line(kind, line), end + 1)));
    }
    let len = number(line)?;
    if len > wanted {
        return Some(Some((Element::Long(len + 2), end + 1)));
    }
    match bytes.get(end + 1..end + 1 + len + 2) {
        None => Some(None),
        Some(text) => {
            let text = text.strip_suffix(b"\r\n")?;
            Some(Some((Element::Text(text), end + 3 + len)))
        }
    }
}

/// A length: up to 512 MiB, as servers have it.
fn number(digits: &[u8]) -> Option<usize> {
    let is_sound = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_sound.then(|| {
        let add = |sum: usize, digit: &u8| sum * 10 + usize::from(digit - b'0');
        digits.iter().fold(0, add)
    })
}

/// Commands that people and simple clients send as bare words.
const BARE: [&[u8]; 14] = [
    b"AUTH", b"CLIENT", b"CONFIG", b"DBSIZE", b"ECHO", b"GET", b"HELLO", b"INFO", b"KEYS", b"PING",
    b"QUIT", b"ROLE", b"SELECT", b"SET",
];

/// The command of a line of bare words.
fn bare(line: &[u8]) -> Option<&'static [u8]> {
    let word = line.split(|byte| *byte == b' ').next()?;
    let mut known = BARE.iter().copied();
    known.find(|command| command.eq_ignore_ascii_case(word))
}

/// A line of bare words, without its end, and the bytes that it takes.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes.get(..end)?.strip_suffix(b"\r")?, end + 1))
}

/// Bare words could be anybody's: only at the port, and only until the server answers in kind.
fn probe_bare(segment: &Segment<'_>) -> Verdict {
    let is_asked = CLASSIFIER.ports.contains(&segment.ports.1);
    match line(segment.bytes) {
        Some((line, _)) if is_asked && bare(line).is_some() => Verdict::Possible(Role::Client),
        None if is_asked && segment.bytes.len() < WORD_LEN_MAX && !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// An answer alone is little proof: only from the port.
fn probe_answer(segment: &Segment<'_>) -> Verdict {
    if !CLASSIFIER.ports.contains(&segment.ports.0) || segment.from == Role::Client {
        return Verdict::Reject;
    }
    match element(segment.bytes, 0) {
        Some(Some((Element::Line(b'+', line), _))) if is_words(line) => {
            Verdict::Match(Role::Server)
        }
        Some(Some((Element::Line(b'-', line), _))) if is_error(line) => {
            Verdict::Match(Role::Server)
        }
        Some(Some((Element::Line(b':', number), _))) if self::number(number).is_some() => {
            Verdict::Match(Role::Server)
        }
        Some(Some((Element::Line(b'$', b"-1") | Element::Long(_), _))) => {
            Verdict::Match(Role::Server)
        }
        Some(None) if !segment.cut && segment.bytes.len() < LINE_BYTES_MAX => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// An error begins with a word in capitals.
fn is_error(line: &[u8]) -> bool {
    let word = line.split(|byte| *byte == b' ').next();
    word.is_some_and(|word| !word.is_empty() && word.iter().all(u8::is_ascii_uppercase))
}

/// The first part of a command is a word.
fn probe(segment: &Segment<'_>) -> Verdict {
    let could = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    if segment.bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        return probe_bare(segment);
    }
    if segment.bytes.first() != Some(&b'*') {
        return probe_answer(segment);
    }
    let Some(Some((Element::Line(b'*', parts), len))) = element(segment.bytes, 0) else {
        let digits = segment.bytes.get(1..).unwrap_or_default();
        let is_part = digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit);
        return if is_part { could } else { Verdict::Reject };
    };
    let rest = segment.bytes.get(len..).unwrap_or_default();
    if number(parts).is_none_or(|parts| parts == 0) {
        return Verdict::Reject;
    }
    if rest.is_empty() {
        return could;
    }
    match element(rest, WORD_LEN_MAX) {
        Some(Some((Element::Text(word), _))) if is_word(word) => Verdict::Match(Role::Client),
        Some(None) if rest.starts_with(b"$") => could,
        _ => Verdict::Reject,
    }
}

fn is_words(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_alphabetic)
}

fn is_word(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_alphabetic)
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_|".contains(byte))
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    /// The next part is a command's name.
    is_name: bool,
    /// A password was sent; the server has not yet said what it thinks of it.
    logs_in: bool,
    /// Which word of the greeting of version 3 came last.
    greeting: Greeting,
    elements: u16,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Greeting {
    #[default]
    Other,
    Version,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let is_server = segment.from == Role::Server;
        let wanted = match is_server {
            true => RESP_INFO_BYTES_MAX,
            false => WORD_LEN_MAX,
        };
        let mut at = 0;
        while let Some(rest) = segment.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if !is_server && let Some((line, len)) = line(rest).filter(|(line, _)| is_words(line)) {
                self.logs_in |= bare(line) == Some(b"AUTH");
                at += len;
                continue;
            }
            if !is_server && is_words(rest) && rest.len() <= LINE_BYTES_MAX {
                return Progress::consumed(at);
            }
            let Some(next) = element(rest, wanted) else {
                emit(Observation::Malformed);
                return Progress::DONE;
            };
            let Some((element, len)) = next else {
                return Progress::consumed(at);
            };
            at += len;
            self.elements += 1;
            if self.elements > RESP_ELEMENTS_MAX {
                return Progress::DONE;
            }
            if let Element::Long(missing) = element {
                self.is_name = false;
                return Progress {
                    consumed: at,
                    then: Then::Skip(missing as u64),
                };
            }
            match is_server {
                true => self.answer(&element, emit),
                false => self.command(&element),
            }
        }
        Progress::consumed(at)
    }
}

impl Session {
    fn command(&mut self, element: &Element<'_>) {
        match element {
            Element::Line(b'*', _) => self.is_name = true,
            Element::Text(word) if self.is_name => {
                self.is_name = false;
                self.logs_in |= word.eq_ignore_ascii_case(b"AUTH");
            }
            _ => {}
        }
    }

    fn answer(&mut self, element: &Element<'_>, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        match element {
            Element::Line(b'+', b"OK") if self.logs_in => {
                self.logs_in = false;
                both(Field::RespLogin, b"password", emit);
            }
            Element::Line(b'-', _) => self.logs_in = false,
            Element::Text(text) if text.starts_with(b"# Server\r\n") => information(text, emit),
            Element::Text(b"version") => self.greeting = Greeting::Version,
            Element::Text(version) if self.greeting == Greeting::Version => {
                self.greeting = Greeting::Other;
                tell_version(version, emit);
            }
            _ => {}
        }
    }
}

fn tell_version(version: &[u8], emit: Emit<'_>) {
    let is_version = version.len() <= WORD_LEN_MAX
        && version.first().is_some_and(u8::is_ascii_digit)
        && version.contains(&b'.');
    if let Some(version) = printable(version).filter(|_| is_version) {
        says(Field::RespVersion, version, emit);
    }
}

/// The answer to INFO: lines of a name and a value, of which two are read.
fn information(text: &[u8], emit: Emit<'_>) {
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(version) = line.strip_prefix(b"redis_version:") {
            tell_version(version, emit);
        } else if let Some(system) = line.strip_prefix(b"os:").and_then(printable) {
            says(Field::RespOs, system, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const TALK: &[(Role, &[u8])] = &[
        (Role::Client, b"*2\r\n$4\r\nAUTH\r\n$6\r\nCANARY\r\n"),
        (Role::Server, b"+OK\r\n"),
        (Role::Client, b"*1\r\n$4\r\nINFO\r\n"),
        (
            Role::Server,
            b"$66\r\n# Server\r\nredis_version:7.0.15\r\nos:Linux 6.1.0 x86_64\r\nuser:CANARY\r\n",
        ),
        (Role::Client, b"*3\r\n$3\r\nSET\r\n$6\r\nCANARY\r\n$40\r\n"),
    ];

    #[test]
    fn a_server_tells_its_version_and_nothing_it_keeps() {
        assert_eq!(
            run(&CLASSIFIER, TALK),
            [
                "confirmed",
                "sender redis.login=password",
                "receiver redis.login=password",
                "sender redis.version=7.0.15",
                "sender redis.os=Linux 6.1.0 x86_64",
            ]
        );
        check_cuts(&CLASSIFIER, TALK);
    }

    #[test]
    fn a_greeting_of_version_3() {
        let greeting = b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n";
        let talk: [(Role, &[u8]); 2] = [
            (Role::Client, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
            (Role::Server, greeting),
        ];
        let said = run(&CLASSIFIER, &talk);
        assert_eq!(said, ["confirmed", "sender redis.version=7.2.4"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, TALK[0].1, ports), client);
        for part in [&b"*"[..], b"*2\r\n", b"*2\r\n$4\r\nAU"] {
            assert_eq!(probe(&CLASSIFIER, part, ports), Verdict::NeedMore);
        }
        for bytes in [
            &b"*x\r\n"[..],
            b"*2\r\n+OK\r\n",
            b"*1\r\n$2\r\n\0\0\r\n",
            b"* OK IMAP ready\r\n",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
