//! What rides on HTTP: the rows that look at heads and say who reads a body. It reads no body and
//! judges no head by itself.
//!
//! The session shows every head to [`APPLICATIONS`](crate::proto::APPLICATIONS). The first that
//! claims it may hand over a [`BodyReader`]; that is shown the body in order, without the framing
//! of chunks and without its content coding, inflated within limits. What no row claims is stepped
//! over unread. An answer is shown first to the row that claimed its request, with the tag that
//! the row gave it: so a request's target need not be kept.

use memchr::memchr;

use super::head;
use super::known::{Known, Name};
use crate::observe::{Emit, Role};

/// A protocol that rides on HTTP. One row, in the order in which rows are asked.
pub struct Application {
    /// Looks at the head of a request or an answer; nothing where it is not this protocol's.
    pub claim: fn(&Head<'_>, Emit<'_>) -> Option<Claim>,
}

/// The head of a message.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The client sends requests, the server answers.
    pub from: Role,
    /// Of a request: its method; else empty.
    pub method: &'a [u8],
    /// Of a request: its target up to the query; else empty. It may name persons: never emitted.
    pub path: &'a [u8],
    /// Of a request: what follows the `?`; else empty. Never emitted.
    pub query: &'a [u8],
    /// Of an answer: its status; else 0.
    pub status: u16,
    /// Of an answer: the tag that this application gave its request; 0 if it claimed none.
    pub asked: u8,
    /// No proxy is known to stand between the two ends: the sender speaks for itself.
    pub is_direct: bool,
    /// The value of the field `content-type`; empty where there is none.
    pub content_type: &'a [u8],
    /// The media type in it, without its parameters.
    pub media_type: &'a [u8],
    /// Its fields.
    pub fields: &'a Known<'a>,
}

impl<'a> Head<'a> {
    /// The head of a request.
    pub fn of_request(method: &'a [u8], target: &'a [u8], fields: &'a Known<'a>) -> Self {
        let question = memchr(b'?', target);
        let (path, query) = question
            .and_then(|at| target.split_at_checked(at))
            .unwrap_or((target, b""));
        let content_type = fields.first(Name::ContentType).unwrap_or_default();
        Self {
            from: Role::Client,
            method,
            path,
            query: query.get(1..).unwrap_or_default(),
            status: 0,
            asked: 0,
            is_direct: true,
            content_type,
            media_type: head::media_type(content_type),
            fields,
        }
    }

    /// The head of an answer.
    pub fn of_answer(status: u16, fields: &'a Known<'a>) -> Self {
        let content_type = fields.first(Name::ContentType).unwrap_or_default();
        Self {
            from: Role::Server,
            method: b"",
            path: b"",
            query: b"",
            status,
            asked: 0,
            is_direct: true,
            content_type,
            media_type: head::media_type(content_type),
            fields,
        }
    }

    /// The value of the first field of this name, without white space around it.
    pub fn field(&self, name: Name) -> Option<&'a [u8]> {
        self.fields.first(name)
    }

    /// True where the body is of this media type, whatever its parameters: `application/json`.
    pub fn is_of_type(&self, media_type: &[u8]) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
    }
}

/// What an application has to do with a message.
pub struct Claim {
    /// Of a request: what the application wants to know of it when its answer comes; not 0.
    pub tag: u8,
    /// Who reads the body, if it is read.
    pub body: Option<Box<dyn BodyReader>>,
}

/// What a body's reader wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// The bytes after these.
    More,
    /// The bytes after so many that it need not be shown.
    Skip(u64),
    /// Nothing more of this body.
    Nothing,
}

/// Reads one body. It owns a bounded amount of memory.
pub trait BodyReader: Send {
    /// Reads the next bytes, all of them.
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants;

    /// The body ended where its head said that it would, and no byte of it was missing. Not told
    /// of a body that the end of the connection ends, nor after [`Wants::Nothing`].
    fn end(&mut self, _emit: Emit<'_>) {}

    /// Bytes at most that it keeps beside itself now, as
    /// [`Session::kept_bytes`](crate::proto::Session::kept_bytes).
    fn kept_bytes(&self) -> usize {
        0
    }
}
