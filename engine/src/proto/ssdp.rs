//! SSDP, the discovery of UPnP (UPnP Device Architecture 2.0 section 1; port 1900): which devices
//! and services a host announces. It reads no friendly name, never says that a host has what it
//! only searches for, and keeps no query or log-in of a URL.

use medtap_table::vocabulary::{Field, Protocol};

use super::clock::start_number;
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::SSDP_LINES_MAX;
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Ssdp,
    transport: Transport::Udp,
    ports: &[1900],
    first: b"NMH",
    marks: &[],
    probe,
    session: || Box::new(Announcer::default()),
};

/// What a message is, by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// "I am here" or "I leave".
    Notify,
    /// "Who is there?"
    Search,
    /// "I am", to one who searched.
    Answer,
}

/// The first lines, UPnP Device Architecture 2.0 sections 1.2.2, 1.3.2, 1.3.3.
const FIRST_LINES: [(&[u8], Kind); 3] = [
    (b"NOTIFY * HTTP/1.", Kind::Notify),
    (b"M-SEARCH * HTTP/1.", Kind::Search),
    (b"HTTP/1.1 200", Kind::Answer),
];

/// The header fields that are read; the last of its name counts.
#[derive(Default)]
struct Headers<'a> {
    nt: Option<&'a [u8]>,
    nts: Option<&'a [u8]>,
    st: Option<&'a [u8]>,
    man: Option<&'a [u8]>,
    usn: Option<&'a [u8]>,
    server: Option<&'a [u8]>,
    location: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    boot_id: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Reads lines up to the empty one; a line that the capture cut is not read.
    fn parse(lines: &'a [u8]) -> Self {
        let mut headers = Self::default();
        let mut lines = lines.split_inclusive(|byte| *byte == b'\n');
        for line in lines.by_ref().take(SSDP_LINES_MAX) {
            let Some(line) = line.strip_suffix(b"\n") else {
                break;
            };
            let line = line.trim_ascii_end();
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).map(<[u8]>::trim_ascii);
            if let Some(place) = headers.place(name.trim_ascii()) {
                *place = value;
            }
        }
        headers
    }

    fn place(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is(b"NT") => Some(&mut self.nt),
            2 if is(b"ST") => Some(&mut self.st),
            3 if is(b"NTS") => Some(&mut self.nts),
            3 if is(b"MAN") => Some(&mut self.man),
            3 if is(b"USN") => Some(&mut self.usn),
            6 if is(b"SERVER") => Some(&mut self.server),
            8 if is(b"LOCATION") => Some(&mut self.location),
            10 if is(b"USER-AGENT") => Some(&mut self.user_agent),
            15 if is(b"BOOTID.UPNP.ORG") => Some(&mut self.boot_id),
            _ => None,
        }
    }

    /// Are the fields there that the message needs in order to be one?
    fn suit(&self, kind: Kind) -> bool {
        match kind {
            Kind::Notify => self.nt.is_some() && self.usn.is_some() && self.nts_is_ssdp(),
            Kind::Search => self.st.is_some() && self.man.is_some(),
            Kind::Answer => self.st.is_some() && self.usn.is_some(),
        }
    }

    fn nts_is_ssdp(&self) -> bool {
        self.nts.is_some_and(|nts| nts.starts_with(b"ssdp:"))
    }
}

/// The message; a cut one needs its first line alone.
fn read<'a>(segment: &Segment<'a>) -> Option<(Kind, Headers<'a>)> {
    let begins = |first: &&(&[u8], Kind)| segment.bytes.starts_with(first.0);
    let (first, kind) = FIRST_LINES.iter().find(begins)?;
    let rest = segment.bytes.get(first.len()..)?;
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let headers = Headers::parse(rest.get(end + 1..)?);
    (headers.suit(*kind) || (segment.cut && *kind != Kind::Answer)).then_some((*kind, headers))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        Some(_) => Verdict::Match(Role::Peer),
        None => Verdict::Reject,
    }
}

/// One speaker. Searches and announcements go to a group, so nobody answers in the same
/// conversation: a message with all that it needs is its own proof.
#[derive(Default)]
struct Announcer {
    confirmed: bool,
}

impl Session for Announcer {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match read(segment) {
            Some((kind, headers)) => {
                if !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                announce(kind, &headers, emit);
            }
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

fn announce(kind: Kind, headers: &Headers<'_>, emit: Emit<'_>) {
    let mut fact = |field, value: Option<&[u8]>| {
        if let Some(value) = value.and_then(printable) {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field,
                value,
            });
        }
    };
    if kind == Kind::Search {
        fact(Field::SsdpUserAgent, headers.user_agent);
        return;
    }
    let target = match kind {
        Kind::Notify => headers.nt,
        _ => headers.st,
    };
    fact(Field::SsdpServer, headers.server);
    fact(Field::SsdpServiceType, target.filter(|t| is_type(t)));
    fact(Field::SsdpUsn, headers.usn.and_then(uuid));
    fact(Field::SsdpLocation, headers.location.and_then(bare_url));
    if let (Some(id), Some(number)) = (headers.usn.and_then(uuid), headers.boot_id) {
        let start = start_number::<SSDP_BOOT_BYTES>(id, number);
        fact(Field::SsdpBootId, start.as_ref().map(StackText::as_bytes));
    }
}

/// The longest UUID and number that are told, in bytes.
const SSDP_BOOT_BYTES: usize = 80;

/// A type of device or service. The rest says what every device says: that it is a root device,
/// and its UUID, which is read elsewhere.
fn is_type(target: &[u8]) -> bool {
    let begins = |start: &[u8]| {
        let head = target.get(..start.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    !begins(b"uuid:") && !begins(b"upnp:") && !begins(b"ssdp:")
}

/// The device's UUID, the part of its unique service name that all its services share.
fn uuid(usn: &[u8]) -> Option<&[u8]> {
    let head = usn.get(..5)?;
    let end = usn.windows(2).position(|pair| pair == b"::");
    let uuid = usn.get(..end.unwrap_or(usn.len()))?;
    (head.eq_ignore_ascii_case(b"uuid:") && uuid.len() > head.len()).then_some(uuid)
}

/// An HTTP URL up to its query or fragment; none that holds a log-in.
fn bare_url(url: &[u8]) -> Option<&[u8]> {
    let end = url.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let url = url.get(..end.unwrap_or(url.len()))?;
    let is_http = url.starts_with(b"http://") || url.starts_with(b"https://");
    (is_http && !url.contains(&b'@')).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: &[u8] = b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\
        CACHE-CONTROL: max-age=1800\r\nLocation: http://10.0.0.9:80/desc.xml?user=x\r\n\
        SERVER: Linux/2.6.21, UPnP/1.0, Acme Cam/1.2\r\nNTS: ssdp:alive\r\n\
        USN: uuid:2f402f80-da50-11e1-9b23-001b2c030405::urn:schemas-upnp-org:device:Printer:1\r\n\
        NT: urn:schemas-upnp-org:device:Printer:1\r\n\r\n";

    const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\
        Man: \"ssdp:discover\"\r\nMX: 3\r\nST: ssdp:all\r\nUser-Agent: Acme Browser/86\r\n\r\n";

    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nST:upnp:rootdevice\r\nUSN:uuid:42::upnp:rootdevice\r\n\
        Server:Acme/1\r\nLOCATION: http://a:b@10.0.0.9/\r\n\r\n";

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (1900, 1900),
            cut: false,
        }
    }

    fn say(bytes: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        Announcer::default().observe(&segment(bytes), &mut |seen| {
            said.push(match seen {
                Observation::Fact { field, value, .. } => {
                    format!("{} {}", field.name(), value.escape_ascii())
                }
                other => format!("{other:?}"),
            });
        });
        said
    }

    #[test]
    fn an_announcement() {
        assert_eq!(probe(&segment(ALIVE)), Verdict::Match(Role::Peer));
        assert_eq!(
            say(ALIVE),
            [
                "Confirmed",
                "ssdp.server Linux/2.6.21, UPnP/1.0, Acme Cam/1.2",
                "ssdp.nt urn:schemas-upnp-org:device:Printer:1",
                "ssdp.usn uuid:2f402f80-da50-11e1-9b23-001b2c030405",
                "ssdp.location http://10.0.0.9:80/desc.xml",
            ]
        );
    }

    #[test]
    fn a_search_says_only_who_searches() {
        assert_eq!(
            say(SEARCH),
            ["Confirmed", "ssdp.user_agent Acme Browser/86"]
        );
    }

    #[test]
    fn an_answer_without_its_log_in() {
        assert_eq!(
            say(ANSWER),
            ["Confirmed", "ssdp.server Acme/1", "ssdp.usn uuid:42"]
        );
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..],
            b"NOTIFY sip:a@b SIP/2.0\r\n\r\n",
            b"NOTIFY * HTTP/1.1\r\nNT: x\r\n\r\n",
            b"M-SEARCH * HTTP/1.1",
            b"",
        ] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
        let mut cut = segment(&ALIVE[..150]);
        assert_eq!(probe(&cut), Verdict::Reject);
        cut.cut = true;
        assert_eq!(probe(&cut), Verdict::Match(Role::Peer));
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        for whole in [ALIVE, SEARCH, ANSWER] {
            for len in 0..whole.len() {
                probe(&segment(&whole[..len]));
                say(&whole[..len]);
            }
        }
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|bytes: &[u8]| {
                say(bytes);
                say(&[&ALIVE[..19], bytes, b"\n", &ALIVE[19..]].concat());
            });
    }
}
