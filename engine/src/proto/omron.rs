//! FINS (OMRON, manual W342; port 9600): the model and version that a controller answers to
//! "controller data read" (05 01). It reads no memory, no program and no clock.
//!
//! ```text
//! over TCP  "FINS" | length u32 | command u32 | error u32 | frame
//! frame     information u8 | 0 | gateways u8 | to 3 | from 3 | service u8 | command u16 | …
//! answer    result u16 | model 20 | version 20 | …
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict, ports};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Omron,
    transport: Transport::Udp,
    ports: PORTS,
    first: &FORMS,
    marks: &[],
    probe: probe_datagram,
    session: || Box::new(Controller::default()),
};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Omron,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &[MAGIC[0]],
    marks: &[],
    probe: probe_stream,
    session: || Box::new(Controller::default()),
};

const PORTS: &[u16] = &[9600];

/// How a message over TCP begins; its length counts what is behind it.
const MAGIC: &[u8] = b"FINS";
const TCP_HEADER_LEN: usize = 16;
const TCP_LENGTH: std::ops::RangeInclusive<usize> = 8..=2_048;
/// Commands over TCP: node addresses are asked for and told, a frame, and what ends it.
const TCP_ASK: u8 = 0;
const TCP_TELL: u8 = 1;
const TCP_FRAME: u8 = 2;

/// The first byte of a frame: a command or an answer, and whether an answer is wanted.
const FORMS: [u8; 4] = [0x80, 0x81, 0xc0, 0xc1];
const IS_ANSWER: u8 = 0x40;
const GATEWAYS_MAX: u8 = 7;
const CONTROLLER_DATA: [u8; 2] = [5, 1];
const TEXT_LEN: usize = 20;

/// One frame.
struct Fins<'a> {
    role: Role,
    service: u8,
    command: [u8; 2],
    body: &'a [u8],
}

impl<'a> Fins<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let (form, zero, gateways) = (reader.u8()?, reader.u8()?, reader.u8()?);
        reader.take(6)?;
        let service = reader.u8()?;
        let command = *reader.take(2)?.first_chunk::<2>()?;
        let fits = FORMS.contains(&form) && zero == 0 && gateways <= GATEWAYS_MAX;
        (fits && is_known(command)).then_some(Self {
            role: match form & IS_ANSWER {
                0 => Role::Client,
                _ => Role::Server,
            },
            service,
            command,
            body: reader.0,
        })
    }
}

/// Commands that the manual lists, section 5-1-2.
const fn is_known(command: [u8; 2]) -> bool {
    matches!(
        command,
        [1, 1..=5]
            | [2, 1..=4 | 20 | 21]
            | [3, 4..=7]
            | [4, 1..=3]
            | [5, 1..=3]
            | [6, 1 | 0x20]
            | [7, 1 | 2]
            | [8, 1..=3]
            | [9, 0x20]
            | [0x0c, 1..=3]
            | [0x21, 1..=3]
            | [0x22, 1..=0x20]
            | [0x23, 1..=10]
    )
}

/// A frame is little proof: without the port it must ask for the controller's data, and no more.
fn probe_datagram(segment: &Segment<'_>) -> Verdict {
    let (src, dst) = segment.ports;
    let hinted = PORTS.contains(&src) || PORTS.contains(&dst);
    match Fins::parse(segment.bytes) {
        Some(fins) => {
            let asks = fins.role == Role::Client
                && fins.command == CONTROLLER_DATA
                && fins.body.len() <= 1;
            match hinted || asks {
                true => Verdict::Match(fins.role),
                false => Verdict::Reject,
            }
        }
        None => Verdict::Reject,
    }
}

/// The command of a message over TCP and how much follows its header.
fn head(bytes: &[u8]) -> Option<(u8, usize)> {
    let (head, _) = bytes.split_first_chunk::<TCP_HEADER_LEN>()?;
    let [
        m0,
        m1,
        m2,
        m3,
        l0,
        l1,
        l2,
        l3,
        c0,
        c1,
        c2,
        command,
        e0,
        e1,
        e2,
        _,
    ] = *head;
    let len = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).ok()?;
    let fits = [m0, m1, m2, m3] == *MAGIC
        && TCP_LENGTH.contains(&len)
        && [c0, c1, c2, e0, e1, e2] == [0; 6]
        && command <= 6;
    fits.then_some((command, len - 8))
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    match head(bytes) {
        Some((TCP_ASK, _)) => Verdict::Match(Role::Client),
        Some((TCP_TELL, _)) => Verdict::Match(Role::Server),
        Some(_) => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        None if bytes.len() < TCP_HEADER_LEN
            && MAGIC.iter().zip(bytes).all(|(a, b)| a == b)
            && !segment.cut =>
        {
            Verdict::NeedMore
        }
        None => Verdict::Reject,
    }
}

/// A controller and who asks it.
#[derive(Default)]
struct Controller {
    confirmed: bool,
    over_tcp: Option<bool>,
    /// Service number and command of the last question: an answer repeats both.
    asked: Option<(u8, [u8; 2])>,
    /// A node's address was asked for.
    opened: bool,
}

impl Session for Controller {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let bytes = segment.bytes;
        let over_tcp = *self
            .over_tcp
            .get_or_insert_with(|| MAGIC.iter().zip(bytes).all(|(a, b)| a == b));
        if !over_tcp {
            self.frame(bytes, emit);
            return Progress::consumed(bytes.len());
        }
        if bytes.len() < TCP_HEADER_LEN && !segment.cut {
            return Progress::consumed(0);
        }
        let Some((command, len)) = head(bytes) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        let Some(body) = bytes.get(TCP_HEADER_LEN..TCP_HEADER_LEN + len) else {
            return match segment.cut {
                true => Progress::DONE,
                false => Progress::consumed(0),
            };
        };
        match command {
            TCP_ASK => self.opened = true,
            TCP_TELL if self.opened => self.confirm(emit),
            TCP_FRAME => self.frame(body, emit),
            _ => {}
        }
        Progress::consumed(TCP_HEADER_LEN + len)
    }
}

impl Controller {
    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    fn frame(&mut self, bytes: &[u8], emit: Emit<'_>) {
        let Some(fins) = Fins::parse(bytes) else {
            return emit(Observation::Malformed);
        };
        if fins.role == Role::Client {
            self.asked = Some((fins.service, fins.command));
            return;
        }
        if self.asked != Some((fins.service, fins.command)) {
            return;
        }
        self.confirm(emit);
        if fins.command == CONTROLLER_DATA {
            let _ = tell(Reader(fins.body), emit);
        }
    }
}

/// Model and version of the controller, section 5-3-18.
fn tell(mut body: Reader<'_>, emit: Emit<'_>) -> Option<()> {
    body.u16()?;
    for field in [Field::OmronModel, Field::OmronVersion] {
        let text = body.take(TEXT_LEN)?;
        // What stands behind the text is for the system.
        let text = text.split(|byte| *byte == 0).next()?;
        if let Some(text) = reported::text(text) {
            says(field, text, emit);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{
        PORTS as PLAYED, check_any, check_cuts, check_datagrams, datagrams, probe, run,
    };
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x80\0\x02\0\0\0\0\x63\0\xef\x05\x01\0";
    const ANSWER: &[u8] = b"\xc0\0\x02\0\x63\0\0\xc8\0\xef\x05\x01\0\0\
        CP1L-EL20DR-D\0\0\0    01.00\0\0\0\0\x0001.06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

    fn over_tcp(command: u8, body: &[u8]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend((body.len() as u32 + 8).to_be_bytes());
        out.extend([0, 0, 0, command, 0, 0, 0, 0]);
        out.extend(body);
        out
    }

    #[test]
    fn a_controller_says_what_it_is() {
        let expected = [
            "confirmed",
            "sender omron.controller.model=CP1L-EL20DR-D",
            "sender omron.controller.version=01.00",
        ];
        let said = datagrams(&OVER_UDP, &[(Role::Client, ASK), (Role::Server, ANSWER)]);
        assert_eq!(said, expected);
        let conversation = [
            (Role::Client, &over_tcp(TCP_ASK, &[0; 4])[..]),
            (Role::Server, &over_tcp(TCP_TELL, &[0; 8])[..]),
            (Role::Client, &over_tcp(TCP_FRAME, ASK)[..]),
            (Role::Server, &over_tcp(TCP_FRAME, ANSWER)[..]),
        ];
        assert_eq!(run(&OVER_TCP, &conversation), expected);
        check_cuts(&OVER_TCP, &conversation);
    }

    #[test]
    fn an_answer_to_another_question_says_nothing() {
        let mut other = ASK.to_vec();
        other[9] = 1;
        let said = datagrams(&OVER_UDP, &[(Role::Client, &other), (Role::Server, ANSWER)]);
        assert_eq!(said, [""; 0]);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_UDP, ASK, PLAYED), client);
        assert_eq!(probe(&OVER_UDP, ANSWER, PLAYED), Verdict::Reject);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&OVER_UDP, ANSWER, (9600, 50_000)), server);
        assert_eq!(probe(&OVER_TCP, &over_tcp(0, &[0; 4]), PLAYED), client);
        assert_eq!(probe(&OVER_TCP, b"FINS\0", PLAYED), Verdict::NeedMore);
        // RTP begins alike.
        let rtp = b"\x80\0\x02\x11\0\0\0\xa0\x12\x34\x05\x01\xff\xff";
        assert_eq!(probe(&OVER_UDP, rtp, PLAYED), Verdict::Reject);
        for bytes in [&b"FINE"[..], &over_tcp(9, &[])] {
            assert_eq!(probe(&OVER_TCP, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
            check_datagrams(&OVER_UDP, bytes);
            let answer = [&ANSWER[..12], bytes].concat();
            datagrams(&OVER_UDP, &[(Role::Client, ASK), (Role::Server, &answer)]);
        });
    }
}
