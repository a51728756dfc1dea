//! HTTP/2 in clear text (RFC 9113, RFC 7541): known beforehand, or agreed on by an upgrade of
//! HTTP/1. It says what heads say in HTTP/1, and what rides on it reads its bodies the same way;
//! all that holds there is never emitted here. Server push is not read.
//!
//! The fields of one direction share a table, so a hole in anything but a body ends the reading of
//! that direction: what would follow could be read wrongly.

mod frame;
mod hpack;
mod huffman;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use medtap_table::vocabulary::Protocol;

use self::frame::{Frame, HEADER_BYTES, Kind, PREFACE};
use self::hpack::Table;
use super::application::Wants;
use super::body::Body;
use super::heads::{Heads, Request};
use super::known::Known;
use crate::config::{HTTP2_BLOCK_BYTES_MAX, HTTP2_SETTINGS_BYTES_MAX, HTTP2_STREAMS_MAX};
use crate::observe::{Emit, Fault, Observation, Role};
use crate::proto::kept;
use crate::proto::{
    APPLICATIONS, Classifier, Progress, Segment, Session, Then, Transport, Verdict,
};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Http2,
    transport: Transport::Tcp,
    ports: &[80, 8080, 50051],
    // The preface, and the length of a server's settings.
    first: b"P\0",
    marks: &[],
    probe,
    session: || Box::new(Connection::new(Heads::new(APPLICATIONS))),
};

/// A client's preface proves it; a server's settings could be chance.
fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let seen = bytes.len().min(PREFACE.len());
    if bytes.get(..seen) == PREFACE.get(..seen) {
        return if seen == PREFACE.len() {
            Verdict::Match(Role::Client)
        } else {
            Verdict::NeedMore
        };
    }
    let Some(header) = bytes.first_chunk() else {
        return match bytes {
            [0, 0, rest @ ..] if rest.get(1).is_none_or(|kind| *kind == 4) => Verdict::NeedMore,
            [0] => Verdict::NeedMore,
            _ => Verdict::Reject,
        };
    };
    match Frame::parse(header) {
        Some(frame) if frame.begins() && frame.len <= HTTP2_SETTINGS_BYTES_MAX => {
            Verdict::Possible(Role::Server)
        }
        _ => Verdict::Reject,
    }
}

/// What one direction's next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client's preface.
    Preface,
    /// The settings that a direction begins with.
    Settings,
    /// A frame.
    Frame,
    /// So many bytes of a body, the last of it or not, then so many of padding.
    Data {
        stream: u32,
        left: usize,
        padding: usize,
        ends: bool,
    },
    /// Nothing of use.
    Over,
}

/// A head of which more comes.
struct Block {
    stream: u32,
    /// Whether the stream ends with it; nothing where it is none that is read.
    ends: Option<bool>,
    bytes: Vec<u8>,
}

/// One direction.
struct Half {
    stage: Stage,
    table: Table,
    block: Option<Block>,
}

impl Half {
    fn new(stage: Stage) -> Self {
        Self {
            stage,
            table: Table::default(),
            block: None,
        }
    }

    fn kept_bytes(&self) -> usize {
        let block = self.block.as_ref();
        self.table.kept_bytes() + block.map_or(0, |block| kept::list(&block.bytes))
    }
}

/// A request, and its answer.
struct Stream {
    id: u32,
    request: Request,
    /// The answer's head came.
    answered: bool,
    /// The bodies that an application reads: the request's and the answer's.
    bodies: [Option<Body>; 2],
}

impl Stream {
    fn body(&mut self, from: Role) -> &mut Option<Body> {
        let [request, answer] = &mut self.bodies;
        match from {
            Role::Server => answer,
            Role::Client | Role::Peer => request,
        }
    }
}

/// One connection.
pub struct Connection {
    heads: Heads,
    client: Half,
    server: Half,
    /// At most [`HTTP2_STREAMS_MAX`]; the oldest gives way.
    streams: VecDeque<Stream>,
}

/// A head with its pseudo-fields apart, as HTTP/1 would write it.
#[derive(Default)]
struct Head {
    method: Vec<u8>,
    path: Vec<u8>,
    status: Vec<u8>,
    /// An empty line, then the fields.
    text: Vec<u8>,
}

impl Head {
    fn add(&mut self, name: &[u8], value: &[u8]) {
        let kept = match name {
            b":method" => &mut self.method,
            b":path" => &mut self.path,
            b":status" => &mut self.status,
            b":authority" => return self.line(b"host", value),
            _ => return self.line(name, value),
        };
        kept.clear();
        kept.extend_from_slice(value);
    }

    /// Adds a field; one that could be more than one line is none.
    fn line(&mut self, name: &[u8], value: &[u8]) {
        let ends = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
        if !name.iter().chain(value).any(ends) {
            for part in [name, b": ", value, b"\r\n"] {
                self.text.extend_from_slice(part);
            }
        }
    }

    /// The status code.
    fn status(&self) -> Option<u16> {
        let text = std::str::from_utf8(&self.status).ok()?;
        let code = text.parse().ok()?;
        (text.len() == 3 && (100..600).contains(&code)).then_some(code)
    }
}

impl Session for Connection {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        self.heads.time_ns = segment.time_ns;
        let (from, bytes) = (segment.from, segment.bytes);
        let step = match self.half(from).stage {
            Stage::Preface => self.preface(from, bytes),
            Stage::Settings | Stage::Frame => self.frame(from, bytes, emit),
            Stage::Data { .. } => Ok(Some(self.data(from, bytes, emit))),
            Stage::Over => Ok(Some((bytes.len(), 0))),
        };
        let (consumed, then) = match step {
            // Nothing will follow what a capture cut off.
            Ok(None) if segment.cut => {
                self.leave(from);
                (0, Then::DoneDirection)
            }
            Ok(None) => (0, Then::More),
            Ok(Some((consumed, 0))) => (consumed, Then::More),
            Ok(Some((consumed, skip))) => (consumed, Then::Skip(skip)),
            Err(fault) => {
                emit(fault.map_or(Observation::Malformed, Observation::Faulty));
                self.leave(from);
                (0, Then::DoneDirection)
            }
        };
        let over = [&self.client, &self.server].map(|half| half.stage == Stage::Over);
        let then = match over {
            [true, true] => Then::Done,
            _ if self.half(from).stage == Stage::Over => Then::DoneDirection,
            _ if self.heads.are_exhausted(self.streams.is_empty()) => Then::Done,
            _ => then,
        };
        Progress { consumed, then }
    }

    fn gap(&mut self, from: Role, missing: u64) -> bool {
        let Stage::Data {
            stream,
            left,
            padding,
            ends,
        } = self.half(from).stage
        else {
            self.leave(from);
            return true;
        };
        // A hole inside a body costs that body and no more.
        if let Some(body) = self.stream(stream).map(|stream| stream.body(from)) {
            *body = None;
        }
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        match left.checked_sub(missing) {
            Some(0) if padding == 0 => self.half(from).stage = Stage::Frame,
            Some(left) if left > 0 => {
                self.half(from).stage = Stage::Data {
                    stream,
                    left,
                    padding,
                    ends,
                };
            }
            _ => self.leave(from),
        }
        true
    }

    fn kept_bytes(&self) -> usize {
        let bodies = self.streams.iter().flat_map(|stream| &stream.bodies);
        self.heads.kept_bytes()
            + self.client.kept_bytes()
            + self.server.kept_bytes()
            + kept::queue(&self.streams)
            + bodies.flatten().map(Body::kept_bytes).sum::<usize>()
    }
}

/// Bytes that were used, and how many after them are not needed; nothing where more are needed.
type Step = Result<Option<(usize, u64)>, Option<Fault>>;

impl Connection {
    /// A connection whose preface is still to come.
    pub fn new(heads: Heads) -> Self {
        Self {
            heads,
            client: Half::new(Stage::Preface),
            server: Half::new(Stage::Settings),
            streams: VecDeque::new(),
        }
    }

    /// One that an upgrade began: its first stream holds the request that asked for it.
    pub fn upgraded(heads: Heads, request: Request) -> Self {
        let mut connection = Self::new(heads);
        connection.open(1, request, None);
        connection
    }

    fn half(&mut self, from: Role) -> &mut Half {
        match from {
            Role::Server => &mut self.server,
            Role::Client | Role::Peer => &mut self.client,
        }
    }

    fn stream(&mut self, id: u32) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| stream.id == id)
    }

    fn open(&mut self, id: u32, request: Request, body: Option<Body>) {
        if self.streams.len() >= HTTP2_STREAMS_MAX {
            self.streams.pop_front();
        }
        self.streams.push_back(Stream {
            id,
            request,
            answered: false,
            bodies: [body, None],
        });
    }

    /// Nothing more of this direction can be read.
    fn leave(&mut self, from: Role) {
        *self.half(from) = Half::new(Stage::Over);
        for stream in &mut self.streams {
            *stream.body(from) = None;
        }
    }

    fn preface(&mut self, from: Role, bytes: &[u8]) -> Step {
        let seen = bytes.len().min(PREFACE.len());
        if bytes.get(..seen) != PREFACE.get(..seen) {
            return Err(None);
        }
        if seen < PREFACE.len() {
            return Ok(None);
        }
        self.half(from).stage = Stage::Settings;
        Ok(Some((seen, 0)))
    }

    /// Reads the header of a frame, and the whole frame where it holds a head.
    fn frame(&mut self, from: Role, bytes: &[u8], emit: Emit<'_>) -> Step {
        let Some((header, payload)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let frame = Frame::parse(header).ok_or(None)?;
        let half = self.half(from);
        // Nothing may stand between the pieces of a head.
        let follows = match &half.block {
            Some(block) => frame.kind == Kind::Continuation && frame.stream == block.stream,
            None => frame.kind != Kind::Continuation,
        };
        if !follows || half.stage == Stage::Settings && !frame.begins() {
            return Err(None);
        }
        match frame.kind {
            Kind::Data => return self.begin_data(from, &frame, payload, emit),
            Kind::Headers | Kind::Promise | Kind::Continuation => {
                if frame.len > HTTP2_BLOCK_BYTES_MAX {
                    return Err(Some(Fault::OverLimit));
                }
                let Some(payload) = payload.get(..frame.len) else {
                    return Ok(None);
                };
                self.block(from, &frame, frame.block(payload).ok_or(None)?, emit)?;
            }
            Kind::Reset => self.streams.retain(|stream| stream.id != frame.stream),
            Kind::Settings => {
                half.stage = Stage::Frame;
                let begun = |half: &Half| !matches!(half.stage, Stage::Preface | Stage::Settings);
                if begun(&self.client) && begun(&self.server) {
                    self.heads.confirm(emit);
                }
            }
            Kind::Other => {}
        }
        let here = payload.len().min(frame.len);
        Ok(Some((HEADER_BYTES + here, (frame.len - here) as u64)))
    }

    /// A piece of a head; the head, once it is whole.
    fn block(
        &mut self,
        from: Role,
        frame: &Frame,
        piece: &[u8],
        emit: Emit<'_>,
    ) -> Result<(), Option<Fault>> {
        let half = self.half(from);
        let block = half.block.get_or_insert_with(|| Block {
            stream: frame.stream,
            ends: (frame.kind == Kind::Headers).then_some(frame.ends_stream()),
            bytes: Vec::new(),
        });
        if block.bytes.len() + piece.len() > HTTP2_BLOCK_BYTES_MAX {
            return Err(Some(Fault::OverLimit));
        }
        block.bytes.extend_from_slice(piece);
        if !frame.ends_head() {
            return Ok(());
        }
        let Some(block) = half.block.take() else {
            return Ok(());
        };
        let mut head = Head {
            text: b"\r\n".to_vec(),
            ..Head::default()
        };
        half.table
            .read(&block.bytes, &mut |name, value| head.add(name, value))
            .map_err(Some)?;
        let Some(ends) = block.ends else {
            return Ok(());
        };
        match from {
            Role::Server => self.answer(block.stream, &head, emit)?,
            Role::Client | Role::Peer => self.request(block.stream, &head, emit)?,
        }
        if ends {
            self.end(from, block.stream, emit);
        }
        Ok(())
    }

    fn request(&mut self, id: u32, head: &Head, emit: Emit<'_>) -> Result<(), Option<Fault>> {
        // The fields after a body.
        if self.stream(id).is_some() {
            return Ok(());
        }
        if head.method.is_empty() || id.is_multiple_of(2) {
            return Err(None);
        }
        let (request, body) =
            self.heads
                .request(&head.method, &head.path, &Known::of(&head.text), emit);
        self.open(id, request, body);
        Ok(())
    }

    fn answer(&mut self, id: u32, head: &Head, emit: Emit<'_>) -> Result<(), Option<Fault>> {
        let known = self.streams.iter_mut().find(|stream| stream.id == id);
        if known.as_ref().is_some_and(|stream| stream.answered) {
            return Ok(());
        }
        let status = head.status().ok_or(None)?;
        // A promised answer, or one whose request is not known, says what its fields say.
        let mut unknown = Request::default();
        let is_known = known.is_some();
        let (request, answered) = match known {
            Some(stream) => (
                &mut stream.request,
                Some((&mut stream.answered, &mut stream.bodies)),
            ),
            None => (&mut unknown, None),
        };
        if is_known {
            self.heads.confirm(emit);
        }
        let fields = Known::of(&head.text);
        let answer = self.heads.answer(status, request, &fields, emit);
        // An interim answer leaves its request waiting: RFC 9113, 8.1.
        let Some((answered, [_, body])) = answered.filter(|_| status >= 200) else {
            return Ok(());
        };
        *answered = true;
        if !request.is_head && !request.is_connect && !matches!(status, 204 | 304) {
            *body = self
                .heads
                .claim_answer(status, &answer, &fields, request, emit);
        }
        Ok(())
    }

    /// The sender says no more in this stream.
    fn end(&mut self, from: Role, id: u32, emit: Emit<'_>) {
        if let Some(mut body) = self.stream(id).and_then(|stream| stream.body(from).take()) {
            body.end(emit);
        }
        if from == Role::Server {
            self.streams.retain(|stream| stream.id != id);
        }
    }

    fn begin_data(&mut self, from: Role, frame: &Frame, payload: &[u8], emit: Emit<'_>) -> Step {
        let (used, padding) = match (frame.is_padded(), payload.first()) {
            (false, _) => (0, 0),
            (true, Some(padding)) => (1, usize::from(*padding)),
            (true, None) => return Ok(None),
        };
        let left = frame.len.checked_sub(used + padding).ok_or(None)?;
        self.half(from).stage = Stage::Data {
            stream: frame.stream,
            left,
            padding,
            ends: frame.ends_stream(),
        };
        if left == 0 {
            let (_, skip) = self.data(from, &[], emit);
            return Ok(Some((HEADER_BYTES + used, skip)));
        }
        Ok(Some((HEADER_BYTES + used, 0)))
    }

    /// Shows an application the next bytes of the body that it reads; steps over one that none
    /// does.
    fn data(&mut self, from: Role, bytes: &[u8], emit: Emit<'_>) -> (usize, u64) {
        let Stage::Data {
            stream,
            left,
            padding,
            ends,
        } = self.half(from).stage
        else {
            return (0, 0);
        };
        let here = left.min(bytes.len());
        let shown = bytes.get(..here).unwrap_or_default();
        let mut left = left - here;
        let mut skip = 0;
        if let Some(slot) = self.stream(stream).map(|stream| stream.body(from)) {
            let wants = match slot {
                Some(body) if here > 0 => body.read(shown, emit),
                Some(_) => Wants::More,
                None => Wants::Nothing,
            };
            match (wants, slot.as_mut()) {
                (Wants::More, _) => {}
                (Wants::Skip(bytes), Some(body)) => {
                    skip = usize::try_from(bytes).unwrap_or(usize::MAX).min(left);
                    body.skip(bytes - skip as u64);
                }
                _ => {
                    *slot = None;
                    skip = left;
                }
            }
        } else {
            skip = left;
        }
        left -= skip;
        let half = self.half(from);
        if left > 0 {
            half.stage = Stage::Data {
                stream,
                left,
                padding,
                ends,
            };
            return (here, skip as u64);
        }
        half.stage = Stage::Frame;
        if ends {
            self.end(from, stream, emit);
        }
        (here, (skip + padding) as u64)
    }
}
