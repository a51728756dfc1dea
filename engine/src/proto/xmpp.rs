//! XMPP (RFC 6120; ports 5222 and 5269): that messages are exchanged, and the TLS that begins
//! inside. It reads no address, no log-in, no presence and no message.

use medtap_table::vocabulary::Protocol;

use super::upgrade::Upgrade;
use super::{Classifier, Progress, Segment, Transport, Verdict, ports};
use crate::config::XMPP_TAG_BYTES_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Xmpp,
    transport: Transport::Tcp,
    ports: PORTS,
    first: b"<",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const PORTS: &[u16] = &[5222, 5269];

const DECLARATION: &[u8] = b"<?xml";
const STREAM: &[u8] = b"<stream:stream";
/// The name space of streams, section 4.8.1.
const NAME_SPACE: &[u8] = b"http://etherx.jabber.org/streams";

/// The first element, once it is whole: is it a stream's head?
fn opens(bytes: &[u8]) -> Option<bool> {
    let mut rest = bytes;
    if rest.starts_with(DECLARATION) {
        let end = memchr::memchr(b'>', rest)?;
        rest = rest.get(end + 1..)?.trim_ascii_start();
    }
    if rest.len() < STREAM.len() {
        let could = STREAM.starts_with(rest) || DECLARATION.starts_with(rest);
        return if could { None } else { Some(false) };
    }
    if !rest.starts_with(STREAM) {
        return Some(false);
    }
    let end = memchr::memchr(b'>', rest)?;
    let head = rest.get(..end)?;
    Some(memchr::memmem::find(head, NAME_SPACE).is_some())
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match opens(segment.bytes) {
        Some(true) => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        None if segment.bytes.len() < XMPP_TAG_BYTES_MAX && !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    /// Each end has opened its stream: the client, the server.
    opened: [bool; 2],
    wants_tls: bool,
    tls: Upgrade,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(progress) = self.tls.observe(segment, emit) {
            return progress;
        }
        let Some(end) = memchr::memchr(b'>', segment.bytes) else {
            return match segment.bytes.len() > XMPP_TAG_BYTES_MAX {
                true => Progress::DONE,
                false => Progress::consumed(0),
            };
        };
        let tag = segment
            .bytes
            .get(..end)
            .unwrap_or_default()
            .trim_ascii_start();
        match self.tag(tag, segment.from, emit) {
            true => Progress::DONE,
            false => Progress::consumed(end + 1),
        }
    }

    fn kept_bytes(&self) -> usize {
        self.tls.kept_bytes()
    }
}

impl Session {
    /// Reads the name of an element; true where people begin to speak.
    fn tag(&mut self, tag: &[u8], from: Role, emit: Emit<'_>) -> bool {
        let is_server = from == Role::Server;
        if tag.starts_with(STREAM) {
            let side = usize::from(is_server);
            if let Some(opened) = self.opened.get_mut(side) {
                *opened = true;
            }
            if self.opened == [true, true] {
                emit(Observation::Confirmed);
            }
            return false;
        }
        match is_server {
            false if tag.starts_with(b"<starttls") => self.wants_tls = true,
            true if tag.starts_with(b"<proceed") && self.wants_tls => self.tls.begin(),
            false => {
                let is_declaration = tag.starts_with(DECLARATION);
                return !is_declaration && !tag.starts_with(b"</starttls");
            }
            true => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const OPEN: &[u8] = b"<?xml version='1.0'?><stream:stream to='example' xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

    #[test]
    fn both_open_a_stream_and_go_on_in_tls() {
        let talk: &[(Role, &[u8])] = &[
            (Role::Client, OPEN),
            (Role::Server, OPEN),
            (
                Role::Server,
                b"<stream:features><starttls xmlns='x'><required/></starttls></stream:features>",
            ),
            (Role::Client, b"<starttls xmlns='x'/>"),
            (Role::Server, b"<proceed xmlns='x'/>"),
        ];
        assert_eq!(run(&CLASSIFIER, talk), ["confirmed"]);
        check_cuts(&CLASSIFIER, talk);
        let mut broken = talk.to_vec();
        broken.push((Role::Client, b"<auth>CANARY</auth>"));
        assert_eq!(run(&CLASSIFIER, &broken), ["confirmed", "malformed"]);
        let mut clear = talk[..3].to_vec();
        clear.push((Role::Client, b"<auth>CANARY</auth>"));
        clear.push((Role::Client, b"<starttls/>"));
        clear.push((Role::Server, b"<proceed/>CANARY"));
        assert_eq!(run(&CLASSIFIER, &clear), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let server = (5222, 50_000);
        assert_eq!(
            probe(&CLASSIFIER, OPEN, server),
            Verdict::Match(Role::Server)
        );
        assert_eq!(probe(&CLASSIFIER, &OPEN[..30], ports), Verdict::NeedMore);
        for bytes in [
            &b"<html>"[..],
            b"<?xml version='1.0'?><soap:Envelope>",
            b"<stream:stream>",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX);
            run(&CLASSIFIER, &[(Role::Client, &[OPEN, bytes].concat())]);
        });
    }
}
