//! One syslog message: RFC 5424, and the older form that RFC 3164 describes. It finds where things
//! are and reads no text.
//!
//! ```text
//! 5424  <PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG
//! 3164  <PRI>Mmm dd hh:mm:ss HOSTNAME TAG…
//! Cisco <PRI>… %FACILITY-SEVERITY-MNEMONIC: …     where no host is named
//! ```

use super::super::reported;

/// Length of a host's name: RFC 5424, 6.
const HOST_BYTES_MAX: usize = 255;
/// Length of a program's name: RFC 5424, 6.
const PROGRAM_BYTES_MAX: usize = 48;
/// Facilities of Cisco's firewalls, which name the product; those of routers name a part of it.
const FIREWALLS: [&[u8]; 4] = [b"ASA", b"FTD", b"FWSM", b"PIX"];
/// A number, a time and a zone may stand before the tag of Cisco's.
const CISCO_TAG_AT_MAX: usize = 64;
/// Bytes that decide whether it is one.
const PROOF_BYTES: usize = 24;

/// Message ids of the audit trail: IHE ITI-20 (3.20.4.1.2), DICOM PS3.15 A.6.
const AUDIT_IDS: &[&[u8]] = &[
    b"IHE+RFC-3881",
    b"IHE+DICOM",
    b"DICOM+RFC3881",
    b"DICOM+RFC-3881",
];

/// The parts of a message that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The host that the message comes from first.
    pub host: Option<&'a [u8]>,
    /// The program that made it.
    pub program: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    text: &'a [u8],
}

impl<'a> Message<'a> {
    /// Whether these first bytes are a message's; nothing while more could decide.
    pub fn probe(bytes: &[u8]) -> Option<bool> {
        match header(bytes) {
            Header::Of(..) => Some(true),
            Header::None => Some(false),
            Header::Unfinished if bytes.len() < PROOF_BYTES => None,
            Header::Unfinished => Some(false),
        }
    }

    /// Reads a message, of which only the text may be cut short.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let Header::Of(form, rest) = header(bytes) else {
            return None;
        };
        match form {
            Form::New => Self::parse_new(rest),
            Form::Old => Some(Self::parse_old(rest)),
            Form::Cisco => Some(Self {
                host: None,
                program: Some(rest).filter(|name| FIREWALLS.contains(name)),
                id: None,
                text: &[],
            }),
        }
    }

    /// After the time of the newer form.
    fn parse_new(rest: &'a [u8]) -> Option<Self> {
        let mut rest = rest;
        let mut field = || {
            let end = rest.iter().position(|byte| *byte == b' ')?;
            let (field, after) = rest.split_at_checked(end)?;
            rest = after.get(1..)?;
            Some(field)
        };
        let (host, program) = (field()?, field()?);
        let (_process, id) = (field()?, field()?);
        let given = |field: &'a [u8]| Some(field).filter(|field| *field != b"-");
        Some(Self {
            host: given(host).filter(|host| host.len() <= HOST_BYTES_MAX),
            program: given(program).filter(|name| is_program(name)),
            id: given(id),
            text: after_structured_data(rest),
        })
    }

    /// After the time of the older form: devices leave out the host, or the tag.
    fn parse_old(rest: &'a [u8]) -> Self {
        let word = |bytes: &'a [u8]| {
            let end = bytes.iter().position(|byte| *byte == b' ');
            let (word, rest) = bytes
                .split_at_checked(end.unwrap_or(bytes.len()))
                .unwrap_or_default();
            (word, rest.get(1..).unwrap_or_default())
        };
        let (first, after) = word(rest);
        let (host, tagged) = match first.last() {
            Some(b':') => (None, rest),
            _ => (Some(first), after),
        };
        let (tag, text) = word(tagged);
        let is_tag = tag.ends_with(b":");
        let name = tag
            .split(|byte| matches!(byte, b'[' | b':'))
            .next()
            .unwrap_or_default();
        Self {
            host: host.filter(|host| (1..=HOST_BYTES_MAX).contains(&host.len())),
            program: Some(name).filter(|name| is_tag && is_program(name)),
            id: None,
            text,
        }
    }

    /// The record of an audit trail that the message carries: an XML document of this root.
    pub fn audit_record(&self) -> Option<&'a [u8]> {
        let text = self.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.text);
        let is_named = self.id.is_some_and(|id| AUDIT_IDS.contains(&id));
        let begins = text.trim_ascii_start();
        let is_record = begins.starts_with(b"<AuditMessage")
            || begins.starts_with(b"<?xml") && (is_named || holds_root(begins));
        is_record.then_some(begins)
    }
}

/// True where an audit record's root stands in the first lines.
fn holds_root(text: &[u8]) -> bool {
    const ROOT: &[u8] = b"<AuditMessage";
    let first = text.get(..text.len().min(512)).unwrap_or_default();
    memchr::memmem::find(first, ROOT).is_some()
}

/// Which of the two forms it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    New,
    Old,
    Cisco,
}

/// What stands before the host.
enum Header<'a> {
    Of(Form, &'a [u8]),
    Unfinished,
    None,
}

/// Priority, version and time.
fn header(bytes: &[u8]) -> Header<'_> {
    let Some(digits) = bytes.get(1..) else {
        return Header::Unfinished;
    };
    if bytes.first() != Some(&b'<') {
        return Header::None;
    }
    let count = digits
        .iter()
        .take(4)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let number = digits.get(..count).unwrap_or_default();
    // Facility and severity: RFC 5424, 6.2.1.
    let priority = number
        .iter()
        .fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let is_priority =
        priority <= 191 && count <= 3 && (count == 1 || number.first() != Some(&b'0'));
    match digits.get(count) {
        None if is_priority => return Header::Unfinished,
        Some(b'>') if is_priority && count > 0 => {}
        _ => return Header::None,
    }
    let rest = digits.get(count + 1..).unwrap_or_default();
    match fits(rest, b"1 ") {
        Some(true) => new_time(rest.get(2..).unwrap_or_default()),
        None => Header::Unfinished,
        Some(false) => match fits(rest, b"Mmm _d dd:dd:dd ") {
            Some(true) if is_month(rest) => {
                Header::Of(Form::Old, rest.get(16..).unwrap_or_default())
            }
            None => Header::Unfinished,
            Some(_) => cisco(rest),
        },
    }
}

/// The tag of Cisco's messages, behind a number and a time that may be there: in place of the
/// rest, its facility.
fn cisco(rest: &[u8]) -> Header<'_> {
    let mark = rest
        .iter()
        .take(CISCO_TAG_AT_MAX)
        .position(|byte| *byte == b'%');
    let Some((before, [_, tag @ ..])) = mark.and_then(|at| rest.split_at_checked(at)) else {
        return Header::None;
    };
    if !before.is_empty() && !before.ends_with(b": ") {
        return Header::None;
    }
    let mut parts = tag.splitn(3, |byte| *byte == b'-');
    let (Some(facility), Some(severity), Some(rest)) = (parts.next(), parts.next(), parts.next())
    else {
        return Header::None;
    };
    let is_word = |word: &[u8]| {
        !word.is_empty()
            && word.len() <= PROGRAM_BYTES_MAX
            && word
                .iter()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    };
    let mnemonic = rest.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_tag = is_word(facility)
        && matches!(severity, [b'0'..=b'7'])
        && is_word(mnemonic)
        && rest.len() > mnemonic.len();
    match is_tag {
        true => Header::Of(Form::Cisco, facility),
        false => Header::None,
    }
}

/// The time of the newer form: RFC 3339, or none.
fn new_time(rest: &[u8]) -> Header<'_> {
    let of = |from: usize| Header::Of(Form::New, rest.get(from..).unwrap_or_default());
    match fits(rest, b"- ") {
        Some(true) => return of(2),
        None => return Header::Unfinished,
        Some(false) => {}
    }
    match fits(rest, b"dddd-dd-ddTdd:dd:dd") {
        Some(true) => match rest.iter().take(40).position(|byte| *byte == b' ') {
            Some(space) => of(space + 1),
            None if rest.len() < 40 => Header::Unfinished,
            None => Header::None,
        },
        Some(false) => Header::None,
        None => Header::Unfinished,
    }
}

/// Whether bytes begin like a pattern, in which `d` is a digit, `_` one or a space, `M` a capital
/// and `m` a small letter; nothing where they are too few.
fn fits(bytes: &[u8], pattern: &[u8]) -> Option<bool> {
    let is_so = |(byte, expected): (&u8, &u8)| match expected {
        b'd' => byte.is_ascii_digit(),
        b'_' => byte.is_ascii_digit() || *byte == b' ',
        b'M' => byte.is_ascii_uppercase(),
        b'm' => byte.is_ascii_lowercase(),
        expected => byte == expected,
    };
    match bytes.iter().zip(pattern).all(is_so) {
        false => Some(false),
        true if bytes.len() >= pattern.len() => Some(true),
        true => None,
    }
}

fn is_month(bytes: &[u8]) -> bool {
    const MONTHS: &[&[u8]] = &[
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    bytes.get(..3).is_some_and(|month| MONTHS.contains(&month))
}

/// What follows structured data, of which nothing is read: RFC 5424, 6.3.
fn after_structured_data(bytes: &[u8]) -> &[u8] {
    if let Some(rest) = bytes.strip_prefix(b"-") {
        return rest.trim_ascii_start();
    }
    let (mut is_open, mut is_quoted, mut is_escaped) = (false, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' if is_open => is_quoted = !is_quoted,
            b'[' if !is_quoted => is_open = true,
            b']' if !is_quoted => is_open = false,
            b' ' if !is_open => return bytes.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    &[]
}

/// A program's name: nothing that could be a sentence or a person's address.
fn is_program(name: &[u8]) -> bool {
    (1..=PROGRAM_BYTES_MAX).contains(&name.len())
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./%".contains(byte))
        && name.iter().any(u8::is_ascii_alphabetic)
}

/// A host's name, not its address.
pub fn is_name(host: &[u8]) -> bool {
    let is_text = host
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    is_text && last.iter().any(u8::is_ascii_alphabetic) && !reported::names_person(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let message = Message::parse(
            b"<85>1 2026-01-02T03:04:05.678Z ct01.example ARCHIVE 77 IHE+RFC-3881 \
              [a@1 b=\"\\\"] x\"][c] \xef\xbb\xbf<AuditMessage/>",
        )
        .unwrap();
        assert_eq!(message.host, Some(&b"ct01.example"[..]));
        assert_eq!(message.program, Some(&b"ARCHIVE"[..]));
        assert_eq!(message.audit_record(), Some(&b"<AuditMessage/>"[..]));
        let message = Message::parse(b"<13>Jan  2 03:04:05 sw-3 sshd[77]: x y").unwrap();
        assert_eq!(message.host, Some(&b"sw-3"[..]));
        assert_eq!(message.program, Some(&b"sshd"[..]));
        assert_eq!(message.audit_record(), None);
        let message = Message::parse(b"<13>Jan  2 03:04:05 sshd: x y").unwrap();
        assert_eq!((message.host, message.program), (None, Some(&b"sshd"[..])));
        let message = Message::parse(b"<13>1 - - - - - - text").unwrap();
        assert_eq!((message.host, message.program), (None, None));
        let message = Message::parse(b"<13>Jan  2 03:04:05 sw-3 Anna Example: x").unwrap();
        assert_eq!(message.program, None);
    }

    #[test]
    fn a_probe_asks_for_priority_and_time() {
        for yes in [
            &b"<0>1 - h"[..],
            b"<191>1 2026-01-02T03:04:05Z h",
            b"<7>Dec 31 23:59:59 h",
        ] {
            assert_eq!(Message::probe(yes), Some(true), "{}", yes.escape_ascii());
        }
        for no in [
            &b"<192>1 - "[..],
            b"<html>",
            b"<00>1 - ",
            b"<>1 - ",
            b"<13>2 - h",
            b"<13>Foo  1 00:00:00 h",
            b"<13>hello, here is a line",
            b"x",
        ] {
            assert_eq!(Message::probe(no), Some(false), "{}", no.escape_ascii());
        }
        for more in [&b"<"[..], b"<1", b"<13>", b"<13>1 20", b"<13>Jan  2 03"] {
            assert_eq!(Message::probe(more), None, "{}", more.escape_ascii());
        }
    }

    #[test]
    fn fuzz_parse() {
        bolero::check!()
            .with_iterations(3000)
            .for_each(|bytes: &[u8]| {
                for start in [&b""[..], b"<13>1 - ", b"<13>Jan  2 03:04:05 "] {
                    let bytes = [start, bytes].concat();
                    let _ = Message::probe(&bytes);
                    if let Some(message) = Message::parse(&bytes) {
                        let _ = message.audit_record();
                    }
                }
            });
    }
}
