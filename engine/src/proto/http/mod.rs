//! HTTP/1 (RFC 9110, RFC 9112): which software answers, which asks, under which name. It never
//! emits a target, a query, a cookie, a credential or a referrer, and reads no body but a page's
//! title; what rides on it reads its own, see [`application`].
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

pub mod application;
mod body;
mod framing;
mod gzip;
pub mod head;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use medtap_table::vocabulary::{Field, Protocol};

use self::application::{Application, Head};
use self::body::Body;
use self::framing::{Coding, Framing};
use self::head::Start;
use super::clock::{self, Clock};
use super::{APPLICATIONS, Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{HTTP_HEAD_BYTES_MAX, HTTP_PENDING_MAX, HTTP_QUIET_HEADS_MAX, HTTP_VALUES_MAX};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Http,
    transport: Transport::Tcp,
    ports: &[
        80, 591, 631, 3128, 5000, 5357, 5985, 8000, 8008, 8042, 8080, 8081, 8088, 8888,
    ],
    // Methods, and HTTP/.
    first: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    probe,
    session: || Box::new(Session::new(APPLICATIONS)),
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
    /// Which application claimed it, and the tag that it gave it.
    claim: Option<(u8, u8)>,
    is_head: bool,
    is_connect: bool,
    /// Sent to a proxy: the answer is not the receiver's own.
    is_proxied: bool,
    /// The page at this target says what the device is.
    is_front_page: bool,
}

/// What a body's bytes are followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// This many bytes, then the next head.
    Fixed(u64),
    /// This many bytes, then the next chunk.
    Chunk(u64),
    /// Whatever comes until the connection ends.
    Rest,
}

/// What a body is wanted for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Purpose {
    /// Nothing: it is stepped over.
    #[default]
    Pass,
    /// Its beginning may hold the page's title.
    Title,
    /// An application reads it.
    Read,
}

/// What one direction's next bytes are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// The head of a message.
    #[default]
    Head,
    /// The line before a chunk.
    ChunkLine(Purpose),
    /// The fields after the last chunk.
    Trailer,
    /// A body, or a chunk of it, that is wanted.
    Body(Extent, Purpose),
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
    /// The body that an application reads.
    body: Option<Body>,
}

/// What one connection has said so far.
struct Session {
    /// What may ride on it.
    applications: &'static [Application],
    client: Half,
    server: Half,
    /// Requests that wait for their answer: at most [`HTTP_PENDING_MAX`].
    pending: VecDeque<Request>,
    /// Hashes of what was said: at most [`HTTP_VALUES_MAX`].
    values: Vec<u64>,
    /// Bytes are missing, or an answer came first: which answer belongs to which request is not
    /// certain, and a title could be that of another page.
    is_unpaired: bool,
    /// What the server's clock shows, and the time of the head at hand.
    clock: Clock,
    time_ns: u64,
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
            Stage::ChunkLine(purpose) => self.chunk_line(from, segment.bytes, purpose),
            Stage::Trailer => self.trailer(from, segment.bytes, emit),
            Stage::Body(extent, Purpose::Read) => self.body(from, segment.bytes, extent, emit),
            Stage::Body(extent, _) => self.title(from, segment.bytes, extent, emit),
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

    fn gap(&mut self, from: Role, missing: u64) -> bool {
        let half = self.half(from);
        half.body = None;
        // A hole inside a body costs what was to be read of it and no more.
        if let Stage::Body(Extent::Fixed(left), _) = half.stage
            && missing <= left
        {
            half.stage = Stage::Body(Extent::Fixed(left - missing), Purpose::Read);
            return true;
        }
        if half.stage != Stage::Over {
            *half = Half {
                stage: Stage::Lost { segments: 0 },
                ..Half::default()
            };
        }
        self.pending.clear();
        self.is_unpaired = true;
        true
    }
}

impl Session {
    fn new(applications: &'static [Application]) -> Self {
        Self {
            applications,
            client: Half::default(),
            server: Half::default(),
            pending: VecDeque::new(),
            values: Vec::new(),
            is_unpaired: false,
            clock: Clock::default(),
            time_ns: 0,
            quiet: 0,
            confirmed: false,
        }
    }

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
        self.time_ns = segment.time_ns;
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
            Some((Extent::Rest, Purpose::Pass)) => Step::Done,
            Some((Extent::Fixed(bytes), Purpose::Pass)) => Step::Skip(len, bytes),
            Some((Extent::Chunk(_), purpose)) => {
                self.half(from).stage = Stage::ChunkLine(purpose);
                Step::Used(len)
            }
            Some((extent, purpose)) => {
                self.half(from).stage = Stage::Body(extent, purpose);
                Step::Used(len)
            }
        }
    }

    /// What a request says; its body and what it is wanted for, or `None` where nothing more can
    /// be learnt.
    fn request(
        &mut self,
        method: &[u8],
        target: &[u8],
        head: &[u8],
        emit: Emit<'_>,
    ) -> Option<(Extent, Purpose)> {
        let is_plain = target.starts_with(b"/");
        let mut request = Request {
            claim: None,
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
            return Some((Extent::Fixed(0), Purpose::Pass));
        }
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
        let shown = Head {
            is_direct: !is_forwarded && !request.is_proxied,
            ..Head::of_request(method, target, head)
        };
        let purpose = self.claim(&shown, head, &mut request, emit);
        self.pending.push_back(request);
        // An answer came first: picked up in the middle, or by another queue than its request.
        if self.is_unpaired {
            self.confirm(emit);
        }
        match Framing::of(head) {
            Framing::Broken => {
                emit(Observation::Malformed);
                None
            }
            Framing::Chunked => Some((Extent::Chunk(0), purpose)),
            Framing::Length(bytes) => Some((Extent::Fixed(bytes), purpose)),
            Framing::Unstated => Some((Extent::Fixed(0), Purpose::Pass)),
        }
    }

    /// Both ends have spoken.
    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    /// What an answer says; its body and what it is wanted for, or `None` where nothing more can
    /// be learnt.
    fn response(&mut self, status: u16, head: &[u8], emit: Emit<'_>) -> Option<(Extent, Purpose)> {
        // An interim answer leaves its request waiting: RFC 9110, 15.2.
        let request = match status {
            100..=199 => self.pending.front().copied(),
            _ => self.pending.pop_front(),
        };
        self.is_unpaired |= request.is_none();
        if request.is_some() {
            self.confirm(emit);
        }
        let mut request = request.unwrap_or_default();
        let has = |wanted: &[u8]| {
            let mut fields = head::fields(head);
            fields.any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let is_own = !request.is_proxied && !has(b"via");
        let mut is_html = false;
        for (name, value) in head::fields(head) {
            if name.eq_ignore_ascii_case(b"content-type") {
                is_html = value
                    .get(..9)
                    .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
            } else if name.eq_ignore_ascii_case(b"date") {
                // Of a copy that was kept, which has an age, it is the time of another: RFC 9111,
                // 5.1.
                if let Some(told) = clock::http_date(value).filter(|_| is_own && !has(b"age")) {
                    self.clock.read(Field::HttpOffset, told, self.time_ns, emit);
                }
            } else if is_own {
                self.server_field(name, value, emit);
            }
        }
        // The connection is now a tunnel or speaks something else: RFC 9110, 7.8 and 9.3.6.
        if status == 101 || request.is_connect && matches!(status, 200..=299) {
            return None;
        }
        if request.is_head || matches!(status, 100..=199 | 204 | 304) {
            return Some((Extent::Fixed(0), Purpose::Pass));
        }
        let shown = Head {
            is_direct: is_own,
            ..Head::of_answer(status, head)
        };
        let purpose = self.claim(&shown, head, &mut request, emit);
        let title = request.is_front_page
            && !self.is_unpaired
            && self.pending.is_empty()
            && is_own
            && is_html
            && Coding::of(head) == Coding::Identity
            && matches!(status, 200 | 401);
        let purpose = match purpose {
            Purpose::Pass if title => Purpose::Title,
            purpose => purpose,
        };
        match Framing::of(head) {
            Framing::Broken => {
                emit(Observation::Malformed);
                None
            }
            Framing::Chunked => Some((Extent::Chunk(0), purpose)),
            Framing::Length(0) => Some((Extent::Fixed(0), Purpose::Pass)),
            Framing::Length(bytes) => Some((Extent::Fixed(bytes), purpose)),
            Framing::Unstated => Some((Extent::Rest, purpose)),
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

    /// Shows a head to the applications; whether one of them reads the body.
    fn claim(
        &mut self,
        head: &Head<'_>,
        bytes: &[u8],
        request: &mut Request,
        emit: Emit<'_>,
    ) -> Purpose {
        let claimed = request.claim.map(|(index, _)| usize::from(index));
        let of_request = claimed.into_iter();
        let others = (0..self.applications.len()).filter(|index| Some(*index) != claimed);
        for index in of_request.chain(others) {
            let shown = Head {
                asked: request
                    .claim
                    .filter(|(known, _)| usize::from(*known) == index)
                    .map_or(0, |(_, tag)| tag),
                ..*head
            };
            let claim = self
                .applications
                .get(index)
                .and_then(|application| (application.claim)(&shown, emit));
            let Some(claim) = claim else {
                continue;
            };
            // What an application reads goes on owing events.
            self.quiet = 0;
            request.claim = u8::try_from(index).ok().map(|index| (index, claim.tag));
            let body = claim
                .body
                .and_then(|reader| Body::new(reader, Coding::of(bytes)));
            let half = self.half(head.from);
            half.body = body;
            return match half.body {
                Some(_) => Purpose::Read,
                None => Purpose::Pass,
            };
        }
        Purpose::Pass
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
