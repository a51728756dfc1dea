//! EtherNet/IP (ODVA, CIP volume 2 chapter 2; port 44818): what a device answers to List
//! Identity, or for its identity object. It reads no tag, no program and no input, and nothing that
//! a device passes on for the modules behind it.
//!
//! ```text
//! command u16 | length u16 | session u32 | status u32 | context 8 | options u32   little endian
//! List Identity   count u16 | (000C u16 | length u16 | version u16 | socket 16 | vendor u16 |
//!                 type u16 | code u16 | revision u8 u8 | status u16 | serial u32 | name … | state)
//! Send RR Data    interface u32 | timeout u16 | 2 u16 | 0000 0000 | 00B2 u16 | length u16 | CIP
//!                 01 02 20 01 24 01 asks for all of the identity object; 81 00 00 00 vendor u16 …
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::{StackText, printable, says_number};
use super::{Classifier, Progress, Segment, Session, Then, Transport, Verdict, ports};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over UDP, where List Identity is broadcast.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Enip,
    transport: Transport::Udp,
    ports: PORTS,
    first: &COMMANDS,
    marks: &[],
    probe: probe_datagram,
    session: || Box::new(Encapsulation::default()),
};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Enip,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &COMMANDS,
    marks: &[],
    probe: probe_stream,
    session: || Box::new(Encapsulation::default()),
};

/// The row of inputs and outputs, which flow by themselves once a connection is open.
pub const IMPLICIT: Classifier = Classifier {
    protocol: Protocol::Enip,
    transport: Transport::Udp,
    ports: &[2222],
    first: &[2],
    marks: &[],
    probe: |segment| match is_implicit(segment) {
        true => Verdict::Match(Role::Peer),
        false => Verdict::Reject,
    },
    session: || Box::new(Inputs::default()),
};

const PORTS: &[u16] = &[44818];

const HEADER_LEN: usize = 24;
/// What a command's data can be long, volume 2 section 2-3.2.
const DATA_BYTES_MAX: usize = 65_511;

const LIST_IDENTITY: u8 = 0x63;
const SEND_RR_DATA: u8 = 0x6f;
/// All attributes of the first instance of the identity object, asked of the device itself: CIP
/// volume 1, appendix C-1.4.
const ASK_IDENTITY: [u8; 6] = [0x01, 2, 0x20, 1, 0x24, 1];
/// What stands before a message outside of any connection, bytes.
const ITEMS_LEN: usize = 16;
/// The largest answer to that: a name has 255 bytes at most.
const IDENTITY_BYTES_MAX: usize = 512;
/// No-operation, list services, identity and interfaces, register and unregister a session, send
/// data, and data of a unit. Their second byte is 0.
const COMMANDS: [u8; 8] = [0x00, 0x04, LIST_IDENTITY, 0x64, 0x65, 0x66, 0x6f, 0x70];
/// Commands that carry nothing when asked.
const WITHOUT_DATA: [u8; 3] = [0x04, LIST_IDENTITY, 0x64];

/// A header that makes sense, and the data that is there.
struct Header<'a> {
    command: u8,
    len: usize,
    /// What the sender knows its question by; an answer repeats it.
    context: [u8; 8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, data) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let len = usize::from(u16::from_le_bytes([head[2], head[3]]));
        // Status codes go to 0x69, options are none.
        let is_sound = COMMANDS.contains(&head[0])
            && head[1] == 0
            && len <= DATA_BYTES_MAX
            && head[9..12] == [0; 3]
            && head[20..24] == [0; 4];
        is_sound.then_some(Self {
            command: head[0],
            len,
            context: head[12..20].try_into().ok()?,
            data,
        })
    }

    fn role(&self) -> Option<Role> {
        WITHOUT_DATA
            .contains(&self.command)
            .then_some(if self.len == 0 {
                Role::Client
            } else {
                Role::Server
            })
    }
}

fn probe_datagram(segment: &Segment<'_>) -> Verdict {
    match Header::parse(segment.bytes) {
        Some(header) if header.len == header.data.len() || segment.cut => verdict(&header, segment),
        _ => Verdict::Reject,
    }
}

fn probe_stream(segment: &Segment<'_>) -> Verdict {
    match Header::parse(segment.bytes) {
        Some(header) => verdict(&header, segment),
        None if segment.bytes.len() < HEADER_LEN
            && segment.bytes.get(1).is_none_or(|byte| *byte == 0)
            && !segment.cut =>
        {
            Verdict::NeedMore
        }
        None => Verdict::Reject,
    }
}

/// A no-operation is all zeros, and a command without data nearly: they prove nothing.
fn verdict(header: &Header<'_>, segment: &Segment<'_>) -> Verdict {
    let is_register = header.command == 0x65 && header.len == 4 && header.data.starts_with(&[1, 0]);
    let (src, dst) = segment.ports;
    let hinted = PORTS.contains(&src) || PORTS.contains(&dst);
    match header.role() {
        Some(role) if hinted || role == Role::Server => Verdict::Match(role),
        None if is_register || (hinted && header.command != 0) => {
            Verdict::Match(ports::role_of_sender(segment, PORTS))
        }
        _ => Verdict::Reject,
    }
}

/// Two items, of which the first is an address with a sequence and the second data of a
/// connection to the end: volume 2, section 2-6.
fn is_implicit(segment: &Segment<'_>) -> bool {
    let mut rest = segment.bytes;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count)?;
        rest = tail;
        Some(head)
    };
    let fits = take(6) == Some(&[2, 0, 0x02, 0x80, 8, 0]) && take(8).is_some();
    match (take(2), take(2)) {
        (Some([0xb1, 0]), Some([low, high])) => {
            let len = usize::from(u16::from_le_bytes([*low, *high]));
            fits && (len == rest.len() || segment.cut)
        }
        _ => false,
    }
}

/// What flows through one connection.
#[derive(Default)]
struct Inputs {
    messages: u8,
}

impl Session for Inputs {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if !is_implicit(segment) {
            emit(Observation::Malformed);
            return Progress::DONE;
        }
        self.messages += 1;
        // Nobody answers: a second message of the same exact form is the proof.
        if self.messages == 2 {
            emit(Observation::Confirmed);
            return Progress::DONE;
        }
        Progress::consumed(segment.bytes.len())
    }
}

/// What one conversation has said so far.
#[derive(Default)]
struct Encapsulation {
    confirmed: bool,
    asked: Option<u8>,
    /// The context of a question for the identity object.
    asked_identity: Option<[u8; 8]>,
}

impl Session for Encapsulation {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let Some(header) = Header::parse(segment.bytes) else {
            if segment.bytes.len() < HEADER_LEN && !segment.cut {
                return Progress::consumed(0);
            }
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        let data = header.data.get(..header.len);
        let is_answer = match header.role() {
            Some(role) => role == Role::Server,
            None => segment.from == Role::Server,
        };
        let is_of_use = match header.command {
            LIST_IDENTITY => true,
            SEND_RR_DATA if is_answer => {
                header.len <= IDENTITY_BYTES_MAX && self.asked_identity == Some(header.context)
            }
            SEND_RR_DATA => header.len == ITEMS_LEN + ASK_IDENTITY.len(),
            _ => false,
        };
        if data.is_none() && is_of_use && !segment.cut {
            return Progress::consumed(0);
        }
        if !is_answer {
            self.asked = Some(header.command);
        } else if self.asked == Some(header.command) && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if let Some(data) = data {
            let told = match header.command {
                LIST_IDENTITY if is_answer => identity(data, emit),
                SEND_RR_DATA if is_answer => {
                    let is_it = self.asked_identity.take_if(|it| *it == header.context);
                    is_it.map_or(Some(()), |_| identity_object(data, emit))
                }
                SEND_RR_DATA => {
                    let asks = unconnected(data) == Some(&ASK_IDENTITY);
                    self.asked_identity = asks.then_some(header.context);
                    Some(())
                }
                _ => Some(()),
            };
            if told.is_none() {
                emit(Observation::Malformed);
            }
        }
        let here = header.len.min(header.data.len());
        Progress {
            consumed: HEADER_LEN + here,
            then: match header.len - here {
                0 => Then::More,
                missing => Then::Skip(missing as u64),
            },
        }
    }
}

/// The identity item, the first and only one.
fn identity(data: &[u8], emit: Emit<'_>) -> Option<()> {
    let [count, _, 0x0c, 0, item @ ..] = data else {
        return None;
    };
    let (len, item) = item.split_first_chunk::<2>()?;
    let item = item.get(..usize::from(u16::from_le_bytes(*len)))?;
    if *count != 1 {
        return None;
    }
    // Version and socket address.
    attributes(item.get(18..)?, emit)
}

/// What the device answers for its identity object; a refusal says nothing.
fn identity_object(data: &[u8], emit: Emit<'_>) -> Option<()> {
    match unconnected(data)? {
        [0x81, 0, 0, 0, rest @ ..] => attributes(rest, emit),
        _ => Some(()),
    }
}

/// The message to a device, or its answer, outside of any connection: volume 2 section 2-6.
fn unconnected(data: &[u8]) -> Option<&[u8]> {
    let [
        _,
        _,
        _,
        _,
        _,
        _,
        2,
        0,
        0,
        0,
        0,
        0,
        0xb2,
        0,
        low,
        high,
        message @ ..,
    ] = data
    else {
        return None;
    };
    message.get(..usize::from(u16::from_le_bytes([*low, *high])))
}

/// The attributes of the identity object in their order, CIP volume 1 section 5-2.
fn attributes(bytes: &[u8], emit: Emit<'_>) -> Option<()> {
    let (fixed, name) = bytes.split_first_chunk::<14>()?;
    let [v0, v1, t0, t1, _, _, major, minor, _, _, serial @ ..] = *fixed;
    let (&len, name) = name.split_first()?;
    let name = name.get(..usize::from(len))?;
    let vendor = u16::from_le_bytes([v0, v1]);
    let kind = u16::from_le_bytes([t0, t1]);
    says_number(Field::EnipVendorId, vendor.into(), emit);
    says_number(Field::EnipDeviceType, kind.into(), emit);
    if let Some(name) = printable(name) {
        says(Field::EnipProductName, name, emit);
    }
    let mut text = StackText::<8>::new();
    if write!(text, "{major}.{minor:03}").is_ok() {
        says(Field::EnipRevision, text.as_bytes(), emit);
    }
    let serial = u32::from_le_bytes(serial);
    let mut text = StackText::<8>::new();
    if serial != 0 && write!(text, "{serial:08X}").is_ok() {
        says(Field::EnipSerial, text.as_bytes(), emit);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS as PLAYED, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    fn message(command: u8, data: &[u8]) -> Vec<u8> {
        let mut out = vec![command, 0, data.len() as u8, 0];
        out.resize(HEADER_LEN, 0);
        out.extend(data);
        out
    }

    fn answer() -> Vec<u8> {
        let mut item = vec![1, 0];
        item.extend([0; 16]);
        item.extend([1, 0, 14, 0, 55, 0, 20, 11, 0, 0, 0xef, 0xbe, 0xad, 0xde]);
        item.push(6);
        item.extend(b"1756-L");
        item.push(3);
        let mut data = vec![1, 0, 0x0c, 0, item.len() as u8, 0];
        data.extend(item);
        message(LIST_IDENTITY, &data)
    }

    #[test]
    fn a_device_says_what_it_is() {
        let (ask, answer) = (message(LIST_IDENTITY, &[]), answer());
        let conversation = [(Role::Client, &ask[..]), (Role::Server, &answer[..])];
        assert_eq!(
            run(&OVER_TCP, &conversation),
            [
                "confirmed",
                "sender enip.vendor_id=1",
                "sender enip.device_type=14",
                "sender enip.product_name=1756-L",
                "sender enip.revision=20.011",
                "sender enip.serial=DEADBEEF",
            ]
        );
        check_cuts(&OVER_TCP, &conversation);
    }

    fn data(context: u8, cip: &[u8]) -> Vec<u8> {
        let mut data = vec![
            0,
            0,
            0,
            0,
            10,
            0,
            2,
            0,
            0,
            0,
            0,
            0,
            0xb2,
            0,
            cip.len() as u8,
            0,
        ];
        data.extend(cip);
        let mut out = message(SEND_RR_DATA, &data);
        out[12] = context;
        out
    }

    /// As a 1756-ENBT answers RSLinx.
    #[test]
    fn a_device_says_what_it_is_by_its_identity_object() {
        let mut told = vec![0x81, 0, 0, 0, 1, 0, 12, 0, 58, 0, 4, 7, 48, 0];
        told.extend([0xc3, 0xae, 0x51, 0, 11]);
        told.extend(b"1756-ENBT/A");
        let register = message(0x65, &[1, 0, 0, 0]);
        let (ask, answer) = (data(7, &ASK_IDENTITY), data(7, &told));
        let conversation = [
            (Role::Client, &register[..]),
            (Role::Server, &register[..]),
            (Role::Client, &ask[..]),
            (Role::Server, &answer[..]),
        ];
        let said = [
            "confirmed",
            "sender enip.vendor_id=1",
            "sender enip.device_type=12",
            "sender enip.product_name=1756-ENBT/A",
            "sender enip.revision=4.007",
            "sender enip.serial=0051AEC3",
        ];
        assert_eq!(run(&OVER_TCP, &conversation), said);
        check_cuts(&OVER_TCP, &conversation);
        // Passed on to a module behind it, an answer to another question, and a refusal.
        let mut passed_on = vec![0x52, 2, 0x20, 6, 0x24, 1, 10, 0, 6, 0];
        passed_on.extend(ASK_IDENTITY);
        for (ask, answer) in [
            (data(7, &passed_on), answer.clone()),
            (data(7, &ASK_IDENTITY), data(8, &told)),
            (data(7, &ASK_IDENTITY), data(7, &[0x81, 0, 5, 0])),
        ] {
            let conversation = [
                (Role::Client, &register[..]),
                (Role::Server, &register[..]),
                (Role::Client, &ask[..]),
                (Role::Server, &answer[..]),
            ];
            assert_eq!(run(&OVER_TCP, &conversation), ["confirmed"]);
        }
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        let question = message(LIST_IDENTITY, &[]);
        assert_eq!(probe(&OVER_UDP, &question, (50_000, 44_818)), client);
        assert_eq!(probe(&OVER_TCP, &question, PLAYED), Verdict::Reject);
        assert_eq!(
            probe(&OVER_UDP, &answer(), PLAYED),
            Verdict::Match(Role::Server)
        );
        let register = message(0x65, &[1, 0, 0, 0]);
        assert_eq!(probe(&OVER_TCP, &register, PLAYED), client);
        for bytes in [
            message(0x00, &[]),
            message(0x6f, &[1, 2]),
            message(0x63, &[])[..23].to_vec(),
            [message(0x63, &[]), vec![1]].concat(),
        ] {
            assert_eq!(probe(&OVER_UDP, &bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX));
    }
}
