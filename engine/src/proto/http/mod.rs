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
pub mod fields;
mod framing;
mod gzip;
pub mod h2;
pub mod head;
mod heads;
pub mod known;
mod stage;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use medtap_table::vocabulary::Protocol;

use self::application::Application;
use self::body::Body;
use self::framing::{Coding, Framing};
use self::head::Start;
use self::heads::{Heads, Request};
use self::known::Known;
use super::{APPLICATIONS, Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{HTTP_HEAD_BYTES_MAX, HTTP_PENDING_MAX};
use crate::observe::{Emit, Fault, Observation, Role};
use crate::proto::kept;

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Http,
    transport: Transport::Tcp,
    ports: &[
        80, 591, 631, 3128, 5000, 5357, 5985, 8000, 8008, 8042, 8080, 8081, 8088, 8888,
    ],
    // Methods, and HTTP/.
    first: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    marks: &[],
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
    heads: Heads,
    client: Half,
    server: Half,
    /// Requests that wait for their answer: at most [`HTTP_PENDING_MAX`].
    pending: VecDeque<Request>,
    /// What reads both directions since they agreed on HTTP/2.
    upgraded: Option<Box<h2::Connection>>,
    /// Bytes are missing, or an answer came first: which answer belongs to which request is not
    /// certain, and a title could be that of another page.
    is_unpaired: bool,
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
    /// A head, or the line before a chunk, is longer than what is read.
    Endless,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(connection) = &mut self.upgraded {
            return connection.observe(segment, emit);
        }
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
            Step::Endless => {
                emit(Observation::Faulty(Fault::OverLimit));
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
        if let Some(connection) = &mut self.upgraded {
            return connection.gap(from, missing);
        }
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

    fn kept_bytes(&self) -> usize {
        let bodies = [&self.client.body, &self.server.body];
        let upgraded = self.upgraded.as_deref();
        self.heads.kept_bytes()
            + kept::queue(&self.pending)
            + bodies
                .into_iter()
                .flatten()
                .map(Body::kept_bytes)
                .sum::<usize>()
            + upgraded.map_or(0, |upgraded| size_of_val(upgraded) + upgraded.kept_bytes())
    }
}

impl Session {
    fn new(applications: &'static [Application]) -> Self {
        Self {
            heads: Heads::new(applications),
            client: Half::default(),
            server: Half::default(),
            pending: VecDeque::new(),
            upgraded: None,
            is_unpaired: false,
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
        self.heads.are_exhausted(self.pending.is_empty())
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
            _ => return Step::Endless,
        };
        self.half(from).searched = 0;
        self.heads.time_ns = segment.time_ns;
        let head = segment.bytes.get(..len).unwrap_or_default();
        let line = head::split(head, b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let body = match (Start::parse(line), from) {
            (Some(Start::Request { method, target }), Role::Client | Role::Peer) => {
                self.request(method, target, &Known::of(head), emit)
            }
            (Some(Start::Response { status }), Role::Server | Role::Peer) => {
                self.response(status, &Known::of(head), emit)
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
        fields: &Known<'_>,
        emit: Emit<'_>,
    ) -> Option<(Extent, Purpose)> {
        // With so many answers missing, which belongs to which is of no use any more; the
        // client has said what it is.
        if self.pending.len() >= HTTP_PENDING_MAX {
            self.is_unpaired = true;
            self.client.stage = Stage::Over;
            return Some((Extent::Fixed(0), Purpose::Pass));
        }
        let (mut request, body) = self.heads.request(method, target, fields, emit);
        request.is_front_page &= self.pending.is_empty();
        let purpose = self.reads(Role::Client, body);
        self.pending.push_back(request);
        // An answer came first: picked up in the middle, or by another queue than its request.
        if self.is_unpaired {
            self.heads.confirm(emit);
        }
        match Framing::of(fields) {
            Framing::Broken => {
                emit(Observation::Malformed);
                None
            }
            Framing::Chunked => Some((Extent::Chunk(0), purpose)),
            Framing::Length(bytes) => Some((Extent::Fixed(bytes), purpose)),
            Framing::Unstated => Some((Extent::Fixed(0), Purpose::Pass)),
        }
    }

    /// What an answer says; its body and what it is wanted for, or `None` where nothing more can
    /// be learnt.
    fn response(
        &mut self,
        status: u16,
        fields: &Known<'_>,
        emit: Emit<'_>,
    ) -> Option<(Extent, Purpose)> {
        // An interim answer leaves its request waiting: RFC 9110, 15.2.
        let request = match status {
            100..=199 => self.pending.front().copied(),
            _ => self.pending.pop_front(),
        };
        self.is_unpaired |= request.is_none();
        if request.is_some() {
            self.heads.confirm(emit);
        }
        let mut request = request.unwrap_or_default();
        let answer = self.heads.answer(status, &request, fields, emit);
        if status == 101 && answer.is_http2 {
            let heads = std::mem::take(&mut self.heads);
            emit(Observation::Becomes(Protocol::Http2));
            self.upgraded = Some(Box::new(h2::Connection::upgraded(heads, request)));
            return Some((Extent::Fixed(0), Purpose::Pass));
        }
        // The connection is now a tunnel or speaks something else: RFC 9110, 7.8 and 9.3.6.
        if status == 101 || request.is_connect && matches!(status, 200..=299) {
            return None;
        }
        if request.is_head || matches!(status, 100..=199 | 204 | 304) {
            return Some((Extent::Fixed(0), Purpose::Pass));
        }
        let body = self
            .heads
            .claim_answer(status, &answer, fields, &mut request, emit);
        let purpose = self.reads(Role::Server, body);
        let title = request.is_front_page
            && !self.is_unpaired
            && self.pending.is_empty()
            && answer.is_own
            && answer.is_html
            && Coding::of(fields) == Coding::Identity
            && matches!(status, 200 | 401);
        let purpose = match purpose {
            Purpose::Pass if title => Purpose::Title,
            purpose => purpose,
        };
        match Framing::of(fields) {
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

    /// Keeps the body that an application reads; what it is wanted for.
    fn reads(&mut self, from: Role, body: Option<Body>) -> Purpose {
        let half = self.half(from);
        half.body = body;
        match half.body {
            Some(_) => Purpose::Read,
            None => Purpose::Pass,
        }
    }
}
