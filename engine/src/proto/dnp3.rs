//! DNP3 (IEEE 1815; port 20000): that it is spoken, the link addresses, and what an outstation says
//! of itself in the attributes of group 0. It reads no point, no file and no key.
//!
//! ```text
//! link     05 64 | length u8 | control u8 | to u16 | from u16 | CRC   (LE), then 16 bytes | CRC …
//! above    transport u8 | control u8 | function u8 | [indications u16] | objects
//! object   0 u8 | variation u8 | 0 u8 | first u8 | last u8 | type u8 | length u8 | text
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::stack_text::says_number;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Dnp3,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &[START[0]],
    marks: &[],
    probe,
    session: || Box::new(Link::default()),
};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Dnp3,
    transport: Transport::Udp,
    ports: PORTS,
    first: &[START[0]],
    marks: &[],
    probe,
    session: || Box::new(Link::default()),
};

const PORTS: &[u16] = &[20_000, 19_999];

const START: [u8; 2] = [0x05, 0x64];
/// Start, length, control, two addresses, CRC.
const HEADER_LEN: usize = 10;
/// Control and addresses, which the length counts too.
const COUNTED: usize = 5;
const USER_BYTES_MAX: usize = 250;
const BLOCK_LEN: usize = 16;
const CRC_LEN: usize = 2;
/// Set where the master sends.
const FROM_MASTER: u8 = 0x80;

/// First and last piece of a message, in the transport's byte.
const WHOLE: u8 = 0xc0;
const RESPONSE: u8 = 0x81;
/// A text, among the types of an attribute.
const VISIBLE_STRING: u8 = 1;

/// One frame whose checks are right.
struct Frame {
    control: u8,
    to: u16,
    from: u16,
    user: [u8; USER_BYTES_MAX],
    user_len: usize,
    len: usize,
}

/// CRC-16/DNP.
fn crc(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 0 { 0 } else { 0xa6bc };
        }
    }
    !crc
}

/// The bytes without their CRC, if it is right.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (data, check) = bytes.split_last_chunk::<CRC_LEN>()?;
    (crc(data) == u16::from_le_bytes(*check)).then_some(data)
}

/// The first frame. `Some(None)`: the bytes so far are a beginning.
fn frame(bytes: &[u8]) -> Option<Option<Frame>> {
    let Some(header) = bytes.get(..HEADER_LEN) else {
        let fits = START.iter().zip(bytes).all(|(a, b)| a == b);
        return fits.then_some(None);
    };
    let [s0, s1, counted, control, t0, t1, f0, f1, ..] = *header.first_chunk::<8>()?;
    let user_len = usize::from(counted).checked_sub(COUNTED)?;
    if [s0, s1] != START || checked(header).is_none() {
        return None;
    }
    let len = HEADER_LEN + user_len + user_len.div_ceil(BLOCK_LEN) * CRC_LEN;
    let Some(blocks) = bytes.get(HEADER_LEN..len) else {
        return Some(None);
    };
    let mut user = [0; USER_BYTES_MAX];
    for (room, block) in user
        .chunks_mut(BLOCK_LEN)
        .zip(blocks.chunks(BLOCK_LEN + CRC_LEN))
    {
        let data = checked(block)?;
        room.get_mut(..data.len())?.copy_from_slice(data);
    }
    Some(Some(Frame {
        control,
        to: u16::from_le_bytes([t0, t1]),
        from: u16::from_le_bytes([f0, f1]),
        user,
        user_len,
        len,
    }))
}

impl Frame {
    fn role(&self) -> Role {
        match self.control & FROM_MASTER {
            0 => Role::Server,
            _ => Role::Client,
        }
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match frame(segment.bytes) {
        Some(Some(frame)) => Verdict::Match(frame.role()),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// A master and an outstation.
#[derive(Default)]
struct Link {
    confirmed: bool,
    /// The master's and the outstation's address, from the master's last frame.
    asked: Option<(u16, u16)>,
}

impl Session for Link {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let frame = match frame(segment.bytes) {
            Some(Some(frame)) => frame,
            Some(None) if !segment.cut => return Progress::consumed(0),
            Some(None) => return Progress::DONE,
            None => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        match frame.role() {
            Role::Server => {
                if self.asked == Some((frame.to, frame.from)) && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                    says_number(Field::Dnp3Address, frame.from.into(), emit);
                }
                let user = frame.user.get(..frame.user_len).unwrap_or_default();
                let _ = response(Reader(user), emit);
            }
            _ => self.asked = Some((frame.from, frame.to)),
        }
        Progress::consumed(frame.len)
    }
}

/// The attributes that stand at the beginning of a response in one piece.
fn response(mut reader: Reader<'_>, emit: Emit<'_>) -> Option<()> {
    let (transport, _control, function) = (reader.u8()?, reader.u8()?, reader.u8()?);
    reader.u16()?;
    if transport & WHOLE != WHOLE || function != RESPONSE {
        return None;
    }
    while !reader.0.is_empty() {
        let [group, variation, qualifier, first, last] = *reader.take(5)?.first_chunk::<5>()?;
        if (group, qualifier) != (0, 0) || first != last {
            return None;
        }
        let kind = reader.u8()?;
        let value = reader.block8()?;
        let field = match variation {
            242 => Field::Dnp3Software,
            243 => Field::Dnp3Hardware,
            245 => Field::Dnp3Location,
            248 => Field::Dnp3Serial,
            250 => Field::Dnp3Model,
            252 => Field::Dnp3Vendor,
            _ => continue,
        };
        let text = reported::text(value).filter(|text| !reported::names_person(text));
        if let Some(text) = text.filter(|_| kind == VISIBLE_STRING) {
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

    fn sealed(bytes: &[u8]) -> Vec<u8> {
        [bytes, &crc(bytes).to_le_bytes()].concat()
    }

    fn framed(control: u8, to: u16, from: u16, user: &[u8]) -> Vec<u8> {
        let mut head = vec![5, 0x64, (COUNTED + user.len()) as u8, control];
        head.extend(to.to_le_bytes());
        head.extend(from.to_le_bytes());
        let blocks = user.chunks(BLOCK_LEN).flat_map(sealed);
        sealed(&head).into_iter().chain(blocks).collect()
    }

    fn attribute(variation: u8, text: &str) -> Vec<u8> {
        let mut out = vec![0, variation, 0, 0, 0, VISIBLE_STRING, text.len() as u8];
        out.extend(text.as_bytes());
        out
    }

    fn conversation() -> [(Role, Vec<u8>); 2] {
        let ask = framed(0xc4, 4, 1, b"\xc0\xc0\x01\x00\xfe\x06");
        let mut user = b"\xc0\xc0\x81\0\0".to_vec();
        user.extend(attribute(252, "Acme"));
        user.extend(attribute(250, "RTU 7"));
        user.extend(attribute(242, "1.9"));
        user.extend(attribute(246, "CANARY"));
        user.extend(attribute(248, "ZZ-44"));
        [
            (Role::Client, ask),
            (Role::Server, framed(0x44, 1, 4, &user)),
        ]
    }

    #[test]
    fn an_outstation_says_what_it_is() {
        let conversation = conversation();
        let conversation = conversation
            .each_ref()
            .map(|(role, bytes)| (*role, &bytes[..]));
        let expected = [
            "confirmed",
            "sender dnp3.src=4",
            "sender dnp3.attribute.vendor=Acme",
            "sender dnp3.attribute.model=RTU 7",
            "sender dnp3.attribute.software=1.9",
            "sender dnp3.attribute.serial=ZZ-44",
        ];
        assert_eq!(run(&OVER_TCP, &conversation), expected);
        assert_eq!(datagrams(&OVER_UDP, &conversation), expected);
        check_cuts(&OVER_TCP, &conversation);
    }

    /// A frame of opendnp3's conformance tests.
    const RESET: &[u8] = b"\x05\x64\x05\xc0\0\x04\x01\0\xd7\xf7";

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_TCP, RESET, PLAYED), client);
        assert_eq!(probe(&OVER_TCP, &RESET[..6], PLAYED), Verdict::NeedMore);
        let mut wrong = RESET.to_vec();
        wrong[4] ^= 1;
        let short = sealed(b"\x05\x64\x04\xc0\x04\0\x01\0");
        for bytes in [&wrong[..], b"\x05\x65", &short] {
            assert_eq!(probe(&OVER_TCP, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
            check_datagrams(&OVER_UDP, bytes);
            let user = &bytes[..bytes.len().min(USER_BYTES_MAX)];
            let answer = framed(0x44, 1, 4, user);
            run(&OVER_TCP, &[(Role::Server, &answer)]);
        });
    }
}
