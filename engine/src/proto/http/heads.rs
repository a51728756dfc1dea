//! What the heads of a connection say of its two ends, whichever version of HTTP frames them. It
//! reads no body, and keeps no target and no field.

use medtap_table::vocabulary::Field;

use super::application::{Application, Head};
use super::body::Body;
use super::framing::Coding;
use super::head;
use super::known::{Known, Name};
use crate::config::{HTTP_QUIET_HEADS_MAX, HTTP_VALUES_MAX};
use crate::observe::{Emit, Observation, Subject, both};
use crate::proto::clock::{self, Clock};
use crate::proto::digest::Digest;
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
        fields: &Known<'_>,
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
        let is_forwarded = [Name::Via, Name::Forwarded, Name::XForwardedFor]
            .iter()
            .any(|name| fields.has(*name));
        for (name, value) in fields.iter() {
            match name {
                Name::UserAgent if !is_forwarded => {
                    self.fact(Subject::Sender, Field::HttpUserAgent, value, emit);
                }
                Name::Host if !request.is_proxied => {
                    if let Some(host) = head::host_name(value) {
                        self.fact(Subject::Receiver, Field::HttpHost, host, emit);
                    }
                }
                Name::Authorization => request.logs_in = head::is_basic(value),
                _ => {}
            }
        }
        let shown = Head {
            is_direct: !is_forwarded && !request.is_proxied,
            ..Head::of_request(method, target, fields)
        };
        let body = self.claim(&shown, &mut request, emit);
        (request, body)
    }

    /// What an answer's fields say.
    pub fn answer(
        &mut self,
        status: u16,
        request: &Request,
        fields: &Known<'_>,
        emit: Emit<'_>,
    ) -> Answer {
        self.quiet = self.quiet.saturating_add(1);
        let mut answer = Answer {
            is_own: !request.is_proxied && !fields.has(Name::Via),
            is_html: false,
            is_http2: false,
        };
        for (name, value) in fields.iter() {
            match name {
                Name::ContentType => {
                    answer.is_html = value
                        .get(..9)
                        .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"));
                }
                Name::Upgrade => answer.is_http2 = value.eq_ignore_ascii_case(b"h2c"),
                // Of a copy that was kept, which has an age, it is the time of another: RFC 9111,
                // 5.1.
                Name::Date if answer.is_own && !fields.has(Name::Age) => {
                    if let Some(told) = clock::http_date(value) {
                        self.clock.read(Field::HttpOffset, told, self.time_ns, emit);
                    }
                }
                _ if answer.is_own => self.server_field(name, value, emit),
                _ => {}
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
        fields: &Known<'_>,
        request: &mut Request,
        emit: Emit<'_>,
    ) -> Option<Body> {
        let shown = Head {
            is_direct: answer.is_own,
            ..Head::of_answer(status, fields)
        };
        self.claim(&shown, request, emit)
    }

    fn server_field(&mut self, name: Name, value: &[u8], emit: Emit<'_>) {
        let (field, value) = match name {
            Name::Server => (Field::HttpServer, Some(value)),
            Name::XPoweredBy => (Field::HttpPoweredBy, Some(value)),
            Name::WwwAuthenticate => (Field::HttpRealm, head::realm(value)),
            _ => return,
        };
        if let Some(value) = value {
            self.fact(Subject::Sender, field, value, emit);
        }
    }

    /// Shows a head to the applications; the body, where one of them reads it.
    fn claim(&mut self, head: &Head<'_>, request: &mut Request, emit: Emit<'_>) -> Option<Body> {
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
                .and_then(|reader| Body::new(reader, Coding::of(head.fields)));
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
        let field = [u64::from(field.number())];
        let hash = Digest::default().words(&field).part(value).finish();
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
