//! HTTP/1 (RFC 9110, RFC 9112): which software answers, which asks, under which name. It never
//! emits a target, a query, a cookie, a credential, a referrer or a body.
//!
//! | field | of |
//! |---|---|
//! | `Server`, `X-Powered-By`, realm of `WWW-Authenticate` | the server |
//! | `User-Agent` | the client |
//! | `Host`, where it is a name | the server |
//! | the title of the page at exactly `/` or `/index.*` | the server |
//!
//! A title may hold a patient's name in any page that a person has to log in for, so it is read
//! only where a device says what it is: GET of `/` or `/index.*` without a query, answered by 200
//! or 401 in plain HTML. What went through a proxy says nothing of the two ends: a request with a
//! whole URI gives no server, one with `Via` or `Forwarded` no client, an answer with `Via` no
//! server.

pub mod head;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use medtap_table::vocabulary::{Field, Protocol};

use self::head::Start;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{
    HTTP_CHUNK_LINE_BYTES_MAX, HTTP_HEAD_BYTES_MAX, HTTP_PENDING_MAX, HTTP_QUIET_HEADS_MAX,
    HTTP_RESYNC_SEGMENTS_MAX, HTTP_TITLE_BYTES_MAX, HTTP_VALUES_MAX,
};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Http,
    transport: Transport::Tcp,
    ports: &[
        80, 591, 631, 3128, 5000, 5357, 5985, 8000, 8008, 8042, 8080, 8081, 8088, 8888,
    ],
    probe,
    session: || Box::new(Session::default()),
};

/// Is it HTTP/1? Its first line says so, and which end sent it.
fn probe(segment: &Segment<'_>) -> Verdict {
    match Start::probe(segment.bytes) {
        Some(Some(Start::Request { .. })) => Verdict::Match(Role::Client),
        Some(Some(Start::Response { .. })) => Verdict::Match(Role::Server),
        Some(None) => Verdict::NeedMore,
        None => Verdict::Reject,
    }
}

/// Bytes of an unfinished head that are looked at again to see that it is one.
const START_BYTES_CHECKED: usize = 64;

/// What an answer's reading needs to know of its request.
#[derive(Clone, Copy, Default)]
struct Request {
    is_head: bool,
    is_connect: bool,
    /// Sent to a proxy: the answer is not the receiver's own.
    is_proxied: bool,
    /// The page at this target says what the device is.
    is_front_page: bool,
}

/// What a body's bytes are followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// This many bytes, then the next head.
    Fixed(u64),
    /// This many bytes, then the next chunk.
    Chunk(u64),
    /// Whatever comes until the connection ends.
    Rest,
}

/// What one direction's next bytes are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// The head of a message.
    #[default]
    Head,
    /// The line before a chunk; the first chunk may hold the title.
    ChunkLine { title: bool },
    /// The fields after the last chunk.
    Trailer,
    /// The beginning of a body that may hold the title.
    Title(Body),
    /// After a hole: segments are left over until one begins with a head.
    Lost { segments: u8 },
    /// Nothing of use.
    Over,
}

/// One direction.
#[derive(Default)]
struct Half {
    stage: Stage,
    /// Bytes of the unfinished head that were searched for its end.
    searched: usize,
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    client: Half,
    server: Half,
    /// Requests that wait for their answer: at most [`HTTP_PENDING_MAX`].
    pending: VecDeque<Request>,
    /// Hashes of what was said: at most [`HTTP_VALUES_MAX`].
    values: Vec<u64>,
    /// Bytes are missing, or an answer came first: which answer belongs to which request is not
    /// certain, and a title could be that of another page.
    is_unpaired: bool,
    /// Heads since something new was said.
    quiet: u8,
    confirmed: bool,
}

/// How a direction goes on.
enum Step {
    /// This many bytes were used.
    Used(usize),
    /// This many bytes were used; that many after them are not needed.
    Skip(usize, u64),
    /// More bytes are needed.
    Wait,
    /// Nothing more can be learnt from this flow.
    Done,
    /// The bytes contradict the format.
    Broken,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let from = segment.from;
        let step = match self.half(from).stage {
            Stage::Head => self.head(segment, emit),
            Stage::ChunkLine { title } => self.chunk_line(from, segment.bytes, title),
            Stage::Trailer => self.trailer(from, segment.bytes),
            Stage::Title(body) => self.title(from, segment.bytes, body, emit),
            Stage::Lost { segments } => self.lost(segment, segments, emit),
            Stage::Over => Step::Used(segment.bytes.len()),
        };
        let (consumed, then) = match step {
            Step::Used(consumed) => (consumed, Then::More),
            Step::Skip(consumed, 0) => (consumed, Then::More),
            Step::Skip(consumed, bytes) => (consumed, Then::Skip(bytes)),
            // Nothing will follow what a capture cut off.
            Step::Wait if segment.cut => {
                self.half(from).stage = Stage::Over;
                (0, Then::More)
            }
            Step::Wait => (0, Then::More),
            Step::Done => return Progress::DONE,
            Step::Broken => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        let then = match (self.client.stage, self.server.stage) {
            (Stage::Over, Stage::Over) => Then::Done,
            _ if self.half(from).stage == Stage::Over => Then::DoneDirection,
            _ if self.is_exhausted() => Then::Done,
            _ => then,
        };
        Progress { consumed, then }
    }

    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        self.pending.clear();
        self.is_unpaired = true;
        let half = self.half(from);
        if half.stage != Stage::Over {
            *half = Half {
                stage: Stage::Lost { segments: 0 },
                searched: 0,
            };
        }
        true
    }
}

impl Session {
    fn half(&mut self, from: Role) -> &mut Half {
        match from {
            Role::Server => &mut self.server,
            Role::Client | Role::Peer => &mut self.client,
        }
    }

    /// The last heads said nothing new, and no answer is owed that would be the first.
    fn is_exhausted(&self) -> bool {
        self.quiet >= HTTP_QUIET_HEADS_MAX && (self.confirmed || self.pending.is_empty())
    }

    /// Reads the head of a message and finds out how its body ends.
    fn head(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Step {
        let from = segment.from;
        // Empty lines before a message are allowed: RFC 9112, 2.2.
        let empty = segment
            .bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if empty > 0 {
            return Step::Used(empty);
        }
        let searched = self.half(from).searched;
        let len = match head::end(segment.bytes, searched) {
            Some(len) if len <= HTTP_HEAD_BYTES_MAX => len,
            None if segment.bytes.len() <= HTTP_HEAD_BYTES_MAX => {
                if searched < START_BYTES_CHECKED && Start::probe(segment.bytes).is_none() {
                    return Step::Broken;
                }
                if !segment.cut {
                    self.half(from).searched = segment.bytes.len();
                    return Step::Wait;
                }
                // The lines that the capture holds whole are still good.
                self.half(from).stage = Stage::Over;
                let last = segment.bytes.iter().rposition(|byte| *byte == b'\n');
                last.map_or(0, |last| last + 1)
            }
            _ => return Step::Broken,
        };
        self.half(from).searched = 0;
        let head = segment.bytes.get(..len).unwrap_or_default();
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.quiet = self.quiet.saturating_add(1);
        let body = match (Start::parse(line), from) {
            (Some(Start::Request { method, target }), Role::Client | Role::Peer) => {
                self.request(method, target, head, emit)
            }
            (Some(Start::Response { status }), Role::Server | Role::Peer) => {
                self.response(status, head, emit)
            }
            (None, _) if segment.cut => return Step::Used(len),
            _ => return Step::Broken,
        };
        match body {
            _ if self.half(from).stage == Stage::Over => Step::Used(len),
            None => Step::Done,
            Some((Body::Rest, false)) => Step::Done,
            Some((Body::Fixed(bytes), false)) => Step::Skip(len, bytes),
            Some((Body::Chunk(_), title)) => {
                self.half(from).stage = Stage::ChunkLine { title };
                Step::Used(len)
            }
            Some((body, true)) => {
                self.half(from).stage = Stage::Title(body);
                Step::Used(len)
            }
        }
    }

    /// What a request says; its body, or `None` where nothing more can be learnt.
    fn request(
        &mut self,
        method: &[u8],
        target: &[u8],
        head: &[u8],
        emit: Emit<'_>,
    ) -> Option<(Body, bool)> {
        let is_plain = target.starts_with(b"/");
        let request = Request {
            is_head: method == b"HEAD",
            is_connect: method == b"CONNECT",
            is_proxied: !is_plain && target != b"*",
            is_front_page: method == b"GET"
                && (target == b"/" || target.starts_with(b"/index."))
                && !target.contains(&b'?')
                && self.pending.is_empty(),
        };
        // With so many answers missing, which belongs to which is of no use any more; the
        // client has said what it is.
        if self.pending.len() >= HTTP_PENDING_MAX {
            self.is_unpaired = true;
            self.client.stage = Stage::Over;
            return Some((Body::Fixed(0), false));
        }
        self.pending.push_back(request);
        let is_forwarded = head::fields(head).any(|(name, _)| {
            [&b"via"[..], b"forwarded", b"x-forwarded-for"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        });
        for (name, value) in head::fields(head) {
            if name.eq_ignore_ascii_case(b"user-agent") && !is_forwarded {
                self.fact(Subject::Sender, Field::HttpUserAgent, value, emit);
            } else if name.eq_ignore_ascii_case(b"host")
                && !request.is_proxied
                && let Some(host) = head::host_name(value)
            {
                self.fact(Subject::Receiver, Field::HttpHost, host, emit);
            }
        }
        match framing(head) {
            Framing::Broken => {
                emit(Observation::Malformed);
                None
            }
            Framing::Chunked => Some((Body::Chunk(0), false)),
            Framing::Length(bytes) => Some((Body::Fixed(bytes), false)),
            Framing::Unstated => Some((Body::Fixed(0), false)),
        }
    }

    /// What an answer says; its body and whether the title is wanted, or `None` where nothing
    /// more can be learnt.
    fn response(&mut self, status: u16, head: &[u8], emit: Emit<'_>) -> Option<(Body, bool)> {
        // An interim answer leaves its request waiting: RFC 9110, 15.2.
        let request = match status {
            100..=199 => self.pending.front().copied(),
            _ => self.pending.pop_front(),
        };
        self.is_unpaired |= request.is_none();
        if request.is_some() && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        let request = request.unwrap_or_default();
        let is_own = !request.is_proxied
            && !head::fields(head).any(|(name, _)| name.eq_ignore_ascii_case(b"via"));
        let mut is_html = false;
        let mut is_coded = false;
        for (name, value) in head::fields(head) {
            if name.eq_ignore_ascii_case(b"content-type") {
                is_html = value
                    .get(..9)
                    .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
            } else if name.eq_ignore_ascii_case(b"content-encoding") {
                is_coded = !value.eq_ignore_ascii_case(b"identity");
            } else if is_own {
                self.server_field(name, value, emit);
            }
        }
        // The connection is now a tunnel or speaks something else: RFC 9110, 7.8 and 9.3.6.
        if status == 101 || request.is_connect && matches!(status, 200..=299) {
            return None;
        }
        if request.is_head || matches!(status, 100..=199 | 204 | 304) {
            return Some((Body::Fixed(0), false));
        }
        let title = request.is_front_page
            && !self.is_unpaired
            && self.pending.is_empty()
            && is_own
            && is_html
            && !is_coded
            && matches!(status, 200 | 401);
        match framing(head) {
            Framing::Broken => {
                emit(Observation::Malformed);
                None
            }
            Framing::Chunked => Some((Body::Chunk(0), title)),
            Framing::Length(0) => Some((Body::Fixed(0), false)),
            Framing::Length(bytes) => Some((Body::Fixed(bytes), title)),
            Framing::Unstated => Some((Body::Rest, title)),
        }
    }

    fn server_field(&mut self, name: &[u8], value: &[u8], emit: Emit<'_>) {
        let (field, value) = if name.eq_ignore_ascii_case(b"server") {
            (Field::HttpServer, value)
        } else if name.eq_ignore_ascii_case(b"x-powered-by") {
            (Field::HttpPoweredBy, value)
        } else if name.eq_ignore_ascii_case(b"www-authenticate")
            && let Some(realm) = head::realm(value)
        {
            (Field::HttpRealm, realm)
        } else {
            return;
        };
        self.fact(Subject::Sender, field, value, emit);
    }

    /// Reads the line before a chunk: its size in hexadecimal digits, RFC 9112, 7.1.
    fn chunk_line(&mut self, from: Role, bytes: &[u8], title: bool) -> Step {
        let Some(end) = bytes
            .iter()
            .take(HTTP_CHUNK_LINE_BYTES_MAX)
            .position(|byte| *byte == b'\n')
        else {
            return if bytes.len() >= HTTP_CHUNK_LINE_BYTES_MAX {
                Step::Broken
            } else {
                Step::Wait
            };
        };
        let line = bytes.get(..end).unwrap_or_default();
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(size.trim_ascii())
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|text| u64::from_str_radix(text, 16).ok());
        let Some(size) = size else {
            return Step::Broken;
        };
        let half = self.half(from);
        match size {
            0 => {
                half.stage = Stage::Trailer;
                Step::Used(end + 1)
            }
            // The chunk's own line end belongs to it.
            size if title => {
                half.stage = Stage::Title(Body::Chunk(size.saturating_add(2)));
                Step::Used(end + 1)
            }
            size => {
                half.stage = Stage::ChunkLine { title: false };
                Step::Skip(end + 1, size.saturating_add(2))
            }
        }
    }

    /// Steps over the fields after the last chunk, up to the empty line.
    fn trailer(&mut self, from: Role, bytes: &[u8]) -> Step {
        let limit = HTTP_CHUNK_LINE_BYTES_MAX;
        match bytes.iter().take(limit).position(|byte| *byte == b'\n') {
            None if bytes.len() >= limit => Step::Broken,
            None => Step::Wait,
            Some(end) => {
                if matches!(bytes.get(..end), Some(b"" | b"\r")) {
                    self.half(from).stage = Stage::Head;
                }
                Step::Used(end + 1)
            }
        }
    }

    /// Looks for the title in the beginning of a body, then leaves the body.
    fn title(&mut self, from: Role, bytes: &[u8], body: Body, emit: Emit<'_>) -> Step {
        let left = match body {
            Body::Fixed(left) | Body::Chunk(left) => left,
            Body::Rest => u64::MAX,
        };
        let limit = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(HTTP_TITLE_BYTES_MAX);
        let page = bytes.get(..limit.min(bytes.len())).unwrap_or_default();
        match head::title(page) {
            Some(title) => self.fact(Subject::Sender, Field::HttpTitle, title, emit),
            None if page.len() < limit => return Step::Wait,
            None => {}
        }
        self.half(from).stage = match body {
            Body::Fixed(_) => Stage::Head,
            Body::Chunk(_) => Stage::ChunkLine { title: false },
            Body::Rest => return Step::Done,
        };
        let used = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        Step::Skip(used, left.saturating_sub(used as u64))
    }

    /// Looks for a head at the beginning of a segment.
    fn lost(&mut self, segment: &Segment<'_>, segments: u8, emit: Emit<'_>) -> Step {
        let half = self.half(segment.from);
        let bytes = segment.bytes;
        match Start::probe(bytes) {
            Some(Some(_)) => {
                half.stage = Stage::Head;
                self.head(segment, emit)
            }
            Some(None) => Step::Wait,
            None if segments >= HTTP_RESYNC_SEGMENTS_MAX => {
                half.stage = Stage::Over;
                Step::Used(bytes.len())
            }
            None => {
                half.stage = Stage::Lost {
                    segments: segments + 1,
                };
                Step::Used(bytes.len())
            }
        }
    }

    /// Says something once. A value with an `@` may be somebody's address and is left out.
    fn fact(&mut self, subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
        if value.is_empty() || value.contains(&b'@') {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (field, value).hash(&mut hasher);
        let hash = hasher.finish();
        if self.values.len() >= HTTP_VALUES_MAX || self.values.contains(&hash) {
            return;
        }
        self.values.push(hash);
        self.quiet = 0;
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    }
}

/// How a head says that its body ends: RFC 9112, 6.
enum Framing {
    Chunked,
    Length(u64),
    Unstated,
    /// It contradicts itself.
    Broken,
}

fn framing(head: &[u8]) -> Framing {
    let mut length = None;
    let mut coding: Option<&[u8]> = None;
    for (name, value) in head::fields(head) {
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            coding = Some(value);
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let number = std::str::from_utf8(value)
                .ok()
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse::<u64>().ok());
            match (number, length) {
                (Some(number), None) => length = Some(number),
                (Some(number), Some(earlier)) if number == earlier => {}
                _ => return Framing::Broken,
            }
        }
    }
    // A coding overrides a length: RFC 9112, 6.3. The last one counts.
    let last = coding.and_then(|value| value.rsplit(|byte| *byte == b',').next());
    match (last.map(<[u8]>::trim_ascii), length) {
        (Some(coding), _) if coding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        (Some(coding), Some(length)) if coding.eq_ignore_ascii_case(b"identity") => {
            Framing::Length(length)
        }
        (Some(_), _) => Framing::Unstated,
        (None, Some(length)) => Framing::Length(length),
        (None, None) => Framing::Unstated,
    }
}
