//! What the heads of a connection say of its two ends, whichever version of HTTP frames them. It
//! reads no body, and keeps no target and no field.

use std::hash::{DefaultHasher, Hash, Hasher};

use medtap_table::vocabulary::Field;

use super::application::{Application, Head};
use super::body::Body;
use super::framing::Coding;
use super::head;
use crate::config::{HTTP_QUIET_HEADS_MAX, HTTP_VALUES_MAX};
use crate::observe::{Emit, Observation, Subject, both};
use crate::proto::clock::{self, Clock};
use crate::proto::kept;

/// What is told of a log-in whose password anybody can read, RFC 7617.
const LOGIN_IN_CLEAR: &[u8] = b"basic";

/// What an answer's reading needs to know of its request.
#[derive(Clone, Copy, Default)]
pub struct Request {
    /// Which application claimed it, and the tag that it gave it.
    claim: Option<(u8, u8)>,
    /// The answer has no body.
    pub is_head: bool,
    /// It asks for a tunnel.
    pub is_connect: bool,
    /// Sent to a proxy: the answer is not the receiver's own.
    is_proxied: bool,
    /// The page at this target says what the device is.
    pub is_front_page: bool,
    /// It holds a password that anybody can read.
    logs_in: bool,
}

/// What an answer is.
pub struct Answer {
    /// No proxy stands between: the server speaks for itself.
    pub is_own: bool,
    /// Its body is a page.
    pub is_html: bool,
    /// It takes an offer of HTTP/2.
    pub is_http2: bool,
}

/// What one connection's heads have said so far.
#[derive(Default)]
pub struct Heads {
    /// What may ride on it.
    applications: &'static [Application],
    /// Hashes of what was said: at most [`HTTP_VALUES_MAX`].
    values: Vec<u64>,
    /// What the server's clock shows.
    clock: Clock,
    /// The time of the head at hand.
    pub time_ns: u64,
    /// Heads since something new was said.
    quiet: u8,
    confirmed: bool,
}

impl Heads {
    /// Nothing was said, and these may ride on it.
    pub fn new(applications: &'static [Application]) -> Self {
        Self {
            applications,
            ..Self::default()
        }
    }

    /// The last heads said nothing new, and no answer is owed that would be the first.
    pub const fn are_exhausted(&self, all_answered: bool) -> bool {
        self.quiet >= HTTP_QUIET_HEADS_MAX && (self.confirmed || all_answered)
    }

    /// Both ends have spoken.
    pub fn confirm(&mut self, emit: Emit<'_>) {
        if !std::mem::replace(&mut self.confirmed, true) {
            emit(Observation::Confirmed);
        }
    }

    /// What a request says, and its body where an application reads that.
    pub fn request(
        &mut self,
        method: &[u8],
        target: &[u8],
        head: &[u8],
        emit: Emit<'_>,
    ) -> (Request, Option<Body>) {
        self.quiet = self.quiet.saturating_add(1);
        let is_plain = target.starts_with(b"/");
        let mut request = Request {
            claim: None,
            is_head: method == b"HEAD",
            is_connect: method == b"CONNECT",
            is_proxied: !is_plain && target != b"*",
            is_front_page: method == b"GET"
                && (target == b"/" || target.starts_with(b"/index."))
                && !target.contains(&b'?'),
            logs_in: false,
        };
        let is_forwarded = head::lines(head).any(|line| {
            [&b"via"[..], b"forwarded", b"x-forwarded-for"]
                .iter()
                .any(|name| head::value(line, name).is_some())
        });
        for line in head::lines(head) {
            if !is_forwarded && let Some(value) = head::value(line, b"user-agent") {
                self.fact(Subject::Sender, Field::HttpUserAgent, value, emit);
            } else if !request.is_proxied
                && let Some(host) = head::value(line, b"host").and_then(head::host_name)
            {
                self.fact(Subject::Receiver, Field::HttpHost, host, emit);
            } else if let Some(value) = head::value(line, b"authorization") {
                request.logs_in = head::is_basic(value);
            }
        }
        let shown = Head {
            is_direct: !is_forwarded && !request.is_proxied,
            ..Head::of_request(method, target, head)
        };
        let body = self.claim(&shown, head, &mut request, emit);
        (request, body)
    }

    /// What an answer's fields say.
    pub fn answer(
        &mut self,
        status: u16,
        request: &Request,
        head: &[u8],
        emit: Emit<'_>,
    ) -> Answer {
        self.quiet = self.quiet.saturating_add(1);
        let has = |name: &[u8]| head::field(head, name).is_some();
        let mut answer = Answer {
            is_own: !request.is_proxied && !has(b"via"),
            is_html: false,
            is_http2: false,
        };
        for line in head::lines(head) {
            if let Some(value) = head::value(line, b"content-type") {
                answer.is_html = value
                    .get(..9)
                    .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
            } else if let Some(value) = head::value(line, b"upgrade") {
                answer.is_http2 = value.eq_ignore_ascii_case(b"h2c");
            } else if let Some(value) = head::value(line, b"date") {
                // Of a copy that was kept, which has an age, it is the time of another: RFC 9111,
                // 5.1.
                let told = clock::http_date(value);
                if let Some(told) = told.filter(|_| answer.is_own && !has(b"age")) {
                    self.clock.read(Field::HttpOffset, told, self.time_ns, emit);
                }
            } else if answer.is_own {
                self.server_field(line, emit);
            }
        }
        let is_let_in = request.logs_in && answer.is_own && matches!(status, 200..=299);
        if is_let_in && self.is_new(Field::HttpLogin, LOGIN_IN_CLEAR) {
            both(Field::HttpLogin, LOGIN_IN_CLEAR, emit);
        }
        answer
    }

    /// The answer's body, where an application reads it.
    pub fn claim_answer(
        &mut self,
        status: u16,
        answer: &Answer,
        head: &[u8],
        request: &mut Request,
        emit: Emit<'_>,
    ) -> Option<Body> {
        let shown = Head {
            is_direct: answer.is_own,
            ..Head::of_answer(status, head)
        };
        self.claim(&shown, head, request, emit)
    }

    fn server_field(&mut self, line: &[u8], emit: Emit<'_>) {
        let (field, value) = if let Some(value) = head::value(line, b"server") {
            (Field::HttpServer, value)
        } else if let Some(value) = head::value(line, b"x-powered-by") {
            (Field::HttpPoweredBy, value)
        } else if let Some(value) = head::value(line, b"www-authenticate").and_then(head::realm) {
            (Field::HttpRealm, value)
        } else {
            return;
        };
        self.fact(Subject::Sender, field, value, emit);
    }

    /// Shows a head to the applications; the body, where one of them reads it.
    fn claim(
        &mut self,
        head: &Head<'_>,
        bytes: &[u8],
        request: &mut Request,
        emit: Emit<'_>,
    ) -> Option<Body> {
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
            return claim
                .body
                .and_then(|reader| Body::new(reader, Coding::of(bytes)));
        }
        None
    }

    /// Says something once. A value with an `@` may be somebody's address and is left out.
    pub fn fact(&mut self, subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
        if !value.is_empty() && !value.contains(&b'@') && self.is_new(field, value) {
            emit(Observation::Fact {
                subject,
                field,
                value,
            });
        }
    }

    /// It was not said before, and is from now on.
    fn is_new(&mut self, field: Field, value: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        (field, value).hash(&mut hasher);
        let hash = hasher.finish();
        let is_new = self.values.len() < HTTP_VALUES_MAX && !self.values.contains(&hash);
        if is_new {
            self.values.push(hash);
            self.quiet = 0;
        }
        is_new
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.values)
    }
}
