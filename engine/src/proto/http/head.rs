//! The head of an HTTP/1 message (RFC 9112): start line and fields. It keeps nothing and judges
//! nothing: what a field may say of a device is decided by who asks.

use memchr::{memchr, memchr_iter};

/// Methods that a request may begin with: RFC 9110, PATCH (RFC 5789), WebDAV (RFC 4918, 3253,
/// 5323), GENA (UPnP Device Architecture, 4) and the DLNA, IPP and RPC-over-HTTP clients' own.
const METHODS: &[&[u8]] = &[
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"NOTIFY",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"RPC_IN_DATA",
    b"RPC_OUT_DATA",
];

/// A target without an end that is this long is an HTTP target: nothing else begins like it.
const LONG_TARGET_BYTES: usize = 512;

/// The first line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start<'a> {
    /// A client's.
    Request {
        /// A known method.
        method: &'a [u8],
        /// Path and query, or a whole URI: never emitted.
        target: &'a [u8],
    },
    /// A server's.
    Response {
        /// The status code, 100 to 599.
        status: u16,
    },
}

impl<'a> Start<'a> {
    /// Reads a line without its end.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        if line.starts_with(b"HTTP/") {
            let rest = strip_version(line)?;
            let (code, rest) = rest.strip_prefix(b" ")?.split_first_chunk::<3>()?;
            if !matches!(rest.first(), None | Some(b' ')) {
                return None;
            }
            return status(code).map(|status| Self::Response { status });
        }
        let mut parts = line.splitn(2, |byte| *byte == b' ');
        let method = parts.next().filter(|method| METHODS.contains(method))?;
        let rest = parts.next()?.trim_ascii_start();
        // Careless clients leave spaces in the target: the version is after the last one.
        let space = rest.iter().rposition(|byte| *byte == b' ')?;
        let (target, version) = rest.split_at_checked(space)?;
        let version = version.trim_ascii();
        (strip_version(version)?.is_empty() && !target.is_empty())
            .then_some(Self::Request { method, target })
    }

    /// Whether these first bytes of a message are one, could become one, or are none: the line
    /// where it is whole, `Some(None)` where more bytes could decide, `None` where none can.
    pub fn probe(bytes: &'a [u8]) -> Option<Option<Self>> {
        const LONGEST: usize = 12;
        if let Some(end) = memchr(b'\n', bytes) {
            let line = bytes.get(..end)?;
            return Self::parse(line.strip_suffix(b"\r").unwrap_or(line)).map(Some);
        }
        if bytes.starts_with(b"HTTP/") || b"HTTP/".starts_with(bytes) {
            return probe_status(bytes);
        }
        let Some(space) = bytes.iter().take(LONGEST).position(|byte| *byte == b' ') else {
            let could =
                METHODS.iter().any(|method| method.starts_with(bytes)) || METHODS.contains(&bytes);
            return could.then_some(None);
        };
        let (method, target) = bytes.split_at_checked(space)?;
        let target = target.get(1..)?;
        if !METHODS.contains(&method) || !could_be_target(target) {
            return None;
        }
        let is_long =
            target.len() >= LONG_TARGET_BYTES && target.iter().all(|byte| byte.is_ascii_graphic());
        Some(is_long.then_some(Self::Request { method, target }))
    }
}

/// A path, a URI of HTTP's own, `*`, or a host to connect to: not one of SIP, RTSP or ICAP.
fn could_be_target(target: &[u8]) -> bool {
    let Some(colon) = target.windows(3).position(|part| part == b"://") else {
        return true;
    };
    let scheme = target.get(..colon).unwrap_or_default();
    target.starts_with(b"/")
        || [&b"http"[..], b"https"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme))
}

fn probe_status(bytes: &[u8]) -> Option<Option<Start<'_>>> {
    const PATTERN: &[u8; 13] = b"HTTP/1.x ### ";
    let fits = bytes
        .iter()
        .zip(PATTERN)
        .all(|(byte, expected)| match expected {
            b'x' => matches!(byte, b'0' | b'1'),
            b'#' => byte.is_ascii_digit(),
            b' ' => matches!(byte, b' ' | b'\r'),
            _ => byte == expected,
        });
    if !fits {
        return None;
    }
    match bytes.get(..PATTERN.len()) {
        Some(whole) => Start::parse(whole.trim_ascii_end()).map(Some),
        None => Some(None),
    }
}

/// What follows `HTTP/1.0` or `HTTP/1.1`.
fn strip_version(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"HTTP/1.0")
        .or_else(|| text.strip_prefix(b"HTTP/1.1"))
}

fn status(code: &[u8; 3]) -> Option<u16> {
    let [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = code else {
        return None;
    };
    let digit = |byte: &u8| u16::from(byte - b'0');
    Some(digit(a) * 100 + digit(b) * 10 + digit(c))
}

/// Where a head ends: the number of its bytes, with the empty line. `from` is where an earlier
/// look at fewer of the same bytes ended.
pub fn end(bytes: &[u8], from: usize) -> Option<usize> {
    // The end may have begun up to three bytes before.
    let from = from.saturating_sub(3);
    let rest = bytes.get(from..)?;
    let mut line_start = None;
    for at in memchr_iter(b'\n', rest) {
        let line = line_start.and_then(|start| rest.get(start..at));
        if line.is_some_and(|line| line.iter().all(|byte| *byte == b'\r')) {
            return Some(from + at + 1);
        }
        line_start = Some(at + 1);
    }
    None
}

/// The lines of a head after its first, without their ends: each may be a field.
pub fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    let lines = std::iter::from_fn(move || {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at_checked(end)?;
        rest = after.get(1..).unwrap_or_default();
        (!line.is_empty() || !after.is_empty()).then_some(line)
    });
    lines.skip(1)
}

/// The value of a line that is a field of this name, which is a token, without white space around
/// it. A line that continues one (RFC 9112, 5.2) begins with white space, as no name does.
pub fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (known, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    known.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// The fields of a head: names and values, without the white space around them. Lines that are
/// no field, and those that continue one, are stepped over.
pub fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(head).filter_map(|line| {
        let colon = memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let is_token = !name.is_empty() && name.iter().all(|byte| TOKEN[usize::from(*byte)]);
        is_token.then_some((name, value.get(1..)?.trim_ascii()))
    })
}

/// The value of the first field of this name, without white space around it.
pub fn field<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    lines(head).find_map(|line| value(line, name))
}

/// True at the bytes of a token: RFC 9110, 5.6.2.
static TOKEN: [bool; 256] = {
    let marks = b"-_.!#$%&'*+^`|~";
    let mut token = [false; 256];
    let mut at = 0;
    while at < token.len() {
        token[at] = (at as u8).is_ascii_alphanumeric();
        at += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        token[marks[mark] as usize] = true;
        mark += 1;
    }
    token
};

/// What stands between separators, as [`slice::split`] gives it.
pub fn split(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let all = rest?;
        let Some((part, after)) = memchr(separator, all).and_then(|at| all.split_at_checked(at))
        else {
            return rest.take();
        };
        rest = after.get(1..);
        Some(part)
    })
}

/// The media type in a Content-Type or Accept field, without its parameters: RFC 9110, 8.3.1.
pub fn media_type(value: &[u8]) -> &[u8] {
    let end = value.iter().position(|byte| matches!(byte, b';' | b','));
    value
        .get(..end.unwrap_or(value.len()))
        .unwrap_or_default()
        .trim_ascii()
}

/// A parameter of a media type, without its quotes; escapes are not undone.
pub fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value;
    while let Some(semicolon) = rest.iter().position(|byte| *byte == b';') {
        rest = rest.get(semicolon + 1..)?.trim_ascii_start();
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (known, after) = rest.split_at_checked(equals)?;
        let after = after.get(1..)?;
        let (found, after) = match after.strip_prefix(b"\"") {
            Some(quoted) => quoted.split_at_checked(quoted.iter().position(|b| *b == b'"')?)?,
            None => {
                let end = after.iter().position(|byte| matches!(byte, b';' | b','));
                after.split_at_checked(end.unwrap_or(after.len()))?
            }
        };
        if known.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(found.trim_ascii());
        }
        rest = after;
    }
    None
}

/// Schemes of challenges and log-ins: RFC 7617, RFC 7616.
const BASIC: &[u8] = b"basic ";
const DIGEST: &[u8] = b"digest ";

fn is_of_scheme(value: &[u8], scheme: &[u8]) -> bool {
    let start = value.get(..scheme.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// A log-in by a password that anybody can read: of the scheme Basic.
pub fn is_basic(authorization: &[u8]) -> bool {
    is_of_scheme(authorization, BASIC)
}

/// The realm of a challenge: RFC 9110, 11.5, of the schemes Basic and Digest.
pub fn realm(challenge: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"realm=\"";
    let is_known = is_of_scheme(challenge, BASIC) || is_of_scheme(challenge, DIGEST);
    let start = challenge
        .windows(NAME.len())
        .position(|part| part.eq_ignore_ascii_case(NAME))?;
    let before = challenge.get(start.checked_sub(1)?)?;
    let value = challenge.get(start + NAME.len()..)?;
    let end = value.iter().position(|byte| *byte == b'"')?;
    (is_known && matches!(before, b' ' | b',' | b'\t')).then_some(value.get(..end)?)
}

/// The name in a Host field (RFC 9110, 7.2) without the port. An address is no name, and that
/// of the local host (RFC 6761) names every host.
pub fn host_name(host: &[u8]) -> Option<&[u8]> {
    let end = host
        .iter()
        .position(|byte| *byte == b':')
        .unwrap_or(host.len());
    let name = host.get(..end)?;
    let is_name = (1..=255).contains(&name.len())
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
        // The last label of an IPv4 address is a number, that of a name is none: RFC 1123, 2.1.
        && name
            .rsplit(|byte| *byte == b'.')
            .find(|label| !label.is_empty())
            .is_some_and(|label| label.iter().any(u8::is_ascii_alphabetic))
        && !name.starts_with(b"0x")
        && !name.eq_ignore_ascii_case(b"localhost");
    is_name.then_some(name)
}

/// The text of the first title element: HTML, 4.2.2. Outside scripts and comments by position
/// only: a title is the first thing in a page's head.
pub fn title(page: &[u8]) -> Option<&[u8]> {
    let start = find(page, b"<title")? + b"<title".len();
    let rest = page.get(start..)?;
    let open = rest.iter().position(|byte| *byte == b'>')?;
    let text = rest.get(open + 1..)?;
    let text = text.get(..find(text, b"</title")?)?;
    Some(text.trim_ascii())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes
        .windows(what.len())
        .position(|part| part.eq_ignore_ascii_case(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_lines() {
        let request =
            |method: &'static [u8], target: &'static [u8]| Some(Start::Request { method, target });
        assert_eq!(Start::parse(b"GET / HTTP/1.1"), request(b"GET", b"/"));
        assert_eq!(
            Start::parse(b"POST /a b HTTP/1.0"),
            request(b"POST", b"/a b")
        );
        assert_eq!(
            Start::parse(b"HTTP/1.1 404 Not Found"),
            Some(Start::Response { status: 404 })
        );
        assert_eq!(
            Start::parse(b"HTTP/1.0 200"),
            Some(Start::Response { status: 200 })
        );
        for none in [
            &b"GET /"[..],
            b"GET  HTTP/1.1",
            b"GET / HTTP/2.0",
            b"PRI * HTTP/2.0",
            b"get / HTTP/1.1",
            b"OPTIONS rtsp://a RTSP/1.0",
            b"HTTP/1.1 2000",
            b"HTTP/1.1 900 x",
            b"HTTP/2.0 200 OK",
            b"",
        ] {
            assert_eq!(Start::parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn ends_of_heads_are_found_from_anywhere() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\nbody";
        for seen in 0..head.len() - 5 {
            assert_eq!(end(head, seen), Some(head.len() - 4), "{seen}");
        }
        assert_eq!(end(b"GET / HTTP/1.1\nA: b\n\nx", 0), Some(21));
        assert_eq!(end(b"GET / HTTP/1.1\r\nA: b\r\n", 0), None);
    }

    #[test]
    fn fields_realms_hosts_and_titles() {
        let head = b"GET / HTTP/1.1\r\nA:  b \r\n c: d\r\nbad line\r\nE:\r\n\r\n";
        let seen: Vec<_> = fields(head).collect();
        assert_eq!(seen, [(&b"A"[..], &b"b"[..]), (b"E", b"")]);
        assert_eq!(realm(b"Basic realm=\"Ward 3\""), Some(&b"Ward 3"[..]));
        assert_eq!(
            realm(b"Digest qop=\"auth\", Realm=\"cam\", nonce=\"1\""),
            Some(&b"cam"[..])
        );
        assert_eq!(realm(b"Basic xrealm=\"a\""), None);
        assert_eq!(realm(b"Negotiate"), None);
        assert_eq!(realm(b"realm=\"a\""), None);
        assert_eq!(host_name(b"pacs.example:8080"), Some(&b"pacs.example"[..]));
        for none in [
            &b"10.0.0.1"[..],
            b"10.0.0.1:80",
            b"[2001:db8::1]",
            b"",
            b"a b",
            b"user@host",
            b"localhost:8080",
        ] {
            assert_eq!(host_name(none), None, "{none:?}");
        }
        assert_eq!(
            title(b"<html><HEAD><Title lang=en>\n PUMP &amp; Co </TITLE>"),
            Some(&b"PUMP &amp; Co"[..])
        );
        assert_eq!(title(b"<title>half"), None);
    }

    #[test]
    fn fuzz_parts_and_ends() {
        bolero::check!()
            .with_iterations(2_000)
            .for_each(|bytes: &[u8]| {
                let bytes: Vec<u8> = bytes
                    .iter()
                    .map(|at| b"a\r\n\n"[usize::from(at % 4)])
                    .collect();
                let parts = bytes.split(|byte| *byte == b'\n');
                assert!(split(&bytes, b'\n').eq(parts));
                // The first line break after which a line holds nothing but carriage returns.
                let mut is_empty = false;
                let end_of_head = bytes.iter().position(|byte| {
                    let ends = is_empty && *byte == b'\n';
                    is_empty = *byte == b'\n' || is_empty && *byte == b'\r';
                    ends
                });
                assert_eq!(end(&bytes, 0), end_of_head.map(|at| at + 1));
            });
    }

    /// A field is found by its name as it is found among all.
    #[test]
    fn fuzz_fields_by_name() {
        bolero::check!()
            .with_iterations(2000)
            .for_each(|bytes: &[u8]| {
                // Few kinds of bytes, so that names come out often.
                let head: Vec<u8> = bytes
                    .iter()
                    .map(|at| b"aAb: \r\n\n"[usize::from(at % 8)])
                    .collect();
                for name in [&b"a"[..], b"ab", b"b"] {
                    let mut all = fields(&head);
                    let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
                    assert_eq!(field(&head, name), found.map(|(_, value)| value));
                }
            });
    }

    #[test]
    fn media_types_and_their_parameters() {
        let value = b"multipart/related; type=\"application/dicom\"; Boundary = b=1 ;x=\";\"";
        assert_eq!(media_type(value), b"multipart/related");
        assert_eq!(media_type(b" text/html"), b"text/html");
        assert_eq!(media_type(b"a/b, c/d"), b"a/b");
        assert_eq!(parameter(value, b"type"), Some(&b"application/dicom"[..]));
        assert_eq!(parameter(value, b"boundary"), Some(&b"b=1"[..]));
        assert_eq!(parameter(value, b"X"), Some(&b";"[..]));
        assert_eq!(parameter(value, b"y"), None);
        assert_eq!(parameter(b"a/b; q", b"q"), None);
        assert_eq!(parameter(b"a/b; q=\"", b"q"), None);
    }
}
