//! S7 communication (Siemens, over ISO transport on TCP, RFC 1006; port 102): what a controller
//! says of itself in its system status lists. It reads no variable, no block and no password.
//!
//! ```text
//! TPKT    3 u8 | 0 u8 | length u16                                        RFC 1006 section 6
//! X.224   length u8 | E0 request, D0 confirm, F0 data | …
//! S7      32 | kind u8 | 0 u16 | reference u16 | parameters u16 | data u16 | [error u16]
//! list    FF 09 | length u16 | list u16 | index u16 | record bytes u16 | records u16 | …
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::stack_text::{StackText, says_number};
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::S7comm,
    transport: Transport::Tcp,
    ports: &[102],
    first: &[TPKT_VERSION],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const TPKT_VERSION: u8 = 3;
const TPKT_LEN: usize = 4;

/// Codes of X.224, section 13.
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
const DATA: u8 = 0xf0;
/// The last piece of what was sent.
const WHOLE: u8 = 0x80;

/// How an S7 message begins, and its kinds.
const MAGIC: u8 = 0x32;
const JOB: u8 = 1;
const ACKNOWLEDGE: u8 = 2;
const ANSWER: u8 = 3;
const USER_DATA: u8 = 7;

/// Functions of the CPU, and of them the reading of a list.
const OF_CPU: u8 = 4;
const READ_LIST: u8 = 1;
/// Lists by the number in their low byte: modules, components.
const MODULES: u16 = 0x11;
const COMPONENTS: u16 = 0x1c;
const MODULE_BYTES: usize = 28;
const COMPONENT_BYTES: usize = 34;

/// One unit of the transport.
struct Unit<'a> {
    code: u8,
    is_whole: bool,
    data: &'a [u8],
    len: usize,
}

/// The first unit. `Some(None)`: the bytes so far are a beginning.
fn unit(bytes: &[u8]) -> Option<Option<Unit<'_>>> {
    let Some((head, _)) = bytes.split_first_chunk::<TPKT_LEN>() else {
        let fits = [TPKT_VERSION, 0].iter().zip(bytes).all(|(a, b)| a == b);
        return fits.then_some(None);
    };
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if head[..2] != [TPKT_VERSION, 0] || len < TPKT_LEN + 2 {
        return None;
    }
    let Some(body) = bytes.get(TPKT_LEN..len) else {
        return Some(None);
    };
    let mut reader = Reader(body);
    let header = reader.block8()?;
    let (&code, rest) = header.split_first()?;
    Some(Some(Unit {
        code,
        is_whole: rest.first() == Some(&WHOLE),
        data: reader.0,
        len,
    }))
}

/// A message, whole: its lengths add up to the unit's.
struct Message<'a> {
    from: Role,
    reference: u16,
    parameters: &'a [u8],
    data: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(unit: &Unit<'a>) -> Option<Self> {
        let mut reader = Reader(unit.data);
        let (magic, kind, zero) = (reader.u8()?, reader.u8()?, reader.u16()?);
        if unit.code != DATA || !unit.is_whole || magic != MAGIC || zero != 0 {
            return None;
        }
        let reference = reader.u16()?;
        let (parameters, data) = (usize::from(reader.u16()?), usize::from(reader.u16()?));
        if matches!(kind, ACKNOWLEDGE | ANSWER) {
            reader.u16()?;
        }
        let parameters = reader.take(parameters)?;
        let data = reader.take(data)?;
        let from = match kind {
            JOB => Role::Client,
            ACKNOWLEDGE | ANSWER => Role::Server,
            // Type and group: 4 asks, 8 answers, 0 is sent unasked.
            USER_DATA => match parameters.get(5)? >> 4 {
                4 => Role::Client,
                0 | 8 => Role::Server,
                _ => return None,
            },
            _ => return None,
        };
        reader.0.is_empty().then_some(Self {
            from,
            reference,
            parameters,
            data,
        })
    }

    /// The list that is asked for or answered: its number, and what follows.
    fn list(&self) -> Option<(u16, Reader<'a>)> {
        let [0, 1, 0x12, _, _, group, READ_LIST, ..] = *self.parameters else {
            return None;
        };
        let mut reader = Reader(self.data);
        let (result, form) = (reader.u8()?, reader.u8()?);
        let mut body = Reader(reader.block16()?);
        let list = body.u16()?;
        body.u16()?;
        let is_list = group & 0x0f == OF_CPU && result == 0xff && form == 9;
        is_list.then_some((list, body))
    }
}

/// A connection is opened as by any protocol over ISO transport; the first message after it tells.
fn probe(segment: &Segment<'_>) -> Verdict {
    let mut bytes = segment.bytes;
    loop {
        match unit(bytes) {
            None => return Verdict::Reject,
            Some(None) if segment.cut => return Verdict::Reject,
            Some(None) => return Verdict::NeedMore,
            Some(Some(unit)) if matches!(unit.code, CONNECTION_REQUEST | CONNECTION_CONFIRM) => {
                bytes = bytes.get(unit.len..).unwrap_or_default();
            }
            Some(Some(unit)) => {
                return match Message::parse(&unit) {
                    Some(message) => Verdict::Match(message.from),
                    None => Verdict::Reject,
                };
            }
        }
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    /// Reference of the last question, and the list that it asks for.
    asked: Option<(u16, Option<u16>)>,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let unit = match unit(segment.bytes) {
            Some(Some(unit)) => unit,
            Some(None) if !segment.cut => return Progress::consumed(0),
            Some(None) => return Progress::DONE,
            None => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        if let Some(message) = Message::parse(&unit) {
            self.message(&message, emit);
        }
        Progress::consumed(unit.len)
    }
}

impl Session {
    fn message(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let list = message.list();
        if message.from == Role::Client {
            self.asked = Some((message.reference, list.map(|(number, _)| number)));
            return;
        }
        let Some((_, asked)) = self
            .asked
            .filter(|(reference, _)| *reference == message.reference)
        else {
            return;
        };
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if let Some((number, body)) = list
            && asked == Some(number)
        {
            let _ = records(number, body, emit);
        }
    }
}

/// The records of a list, as many as are whole.
fn records(list: u16, mut body: Reader<'_>, emit: Emit<'_>) -> Option<()> {
    let (len, count) = (usize::from(body.u16()?), body.u16()?);
    for _ in 0..count {
        let mut record = Reader(body.take(len)?);
        let index = record.u16()?;
        match (list & 0xff, len) {
            (MODULES, MODULE_BYTES) => module(index, record, emit)?,
            (COMPONENTS, COMPONENT_BYTES) => component(index, record.0, emit),
            _ => return None,
        }
    }
    Some(())
}

/// Index, order number of 20 characters, type, two words of version.
fn module(index: u16, mut record: Reader<'_>, emit: Emit<'_>) -> Option<()> {
    let order = reported::text(record.take(20)?);
    record.u16()?;
    let (first, second) = (record.u16()?, record.u16()?);
    match index {
        1 => {
            if let Some(order) = order {
                says(Field::S7OrderNumber, order, emit);
            }
        }
        6 if first != 0 => says_number(Field::S7Hardware, first.into(), emit),
        7 => {
            let ([v, major], [minor, patch]) = (first.to_be_bytes(), second.to_be_bytes());
            let mut text = StackText::<11>::new();
            if v == b'V' && write!(text, "{major}.{minor}.{patch}").is_ok() {
                says(Field::S7Firmware, text.as_bytes(), emit);
            }
        }
        _ => {}
    }
    Some(())
}

/// Names that the site gave and those of the maker; copyright and memory card are stepped over.
fn component(index: u16, text: &[u8], emit: Emit<'_>) {
    let field = match index {
        1 => Field::S7SystemName,
        2 => Field::S7ModuleName,
        3 => Field::S7PlantId,
        5 => Field::S7Serial,
        7 => Field::S7ModuleType,
        _ => return,
    };
    if let Some(text) = reported::text(text).filter(|text| !reported::names_person(text)) {
        says(field, text, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const CONNECT: &[u8] = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\
        \x01\x02";
    const AGREE: &[u8] = b"\x03\0\0\x16\x11\xd0\0\x01\0\x02\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\
        \x01\x02";
    const ASK: &[u8] = b"\x03\0\0\x21\x02\xf0\x80\x32\x07\0\0\x01\0\0\x08\0\x08\0\x01\x12\x04\
        \x11\x44\x01\0\xff\x09\0\x04\0\x11\0\0";

    fn answer(list: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut body = vec![0, list as u8, 0, 0, 0, records[0].len() as u8];
        body.extend([0, records.len() as u8]);
        body.extend(records.concat());
        let mut out = vec![
            3,
            0,
            0,
            (33 + body.len() - 4 + 4) as u8,
            2,
            0xf0,
            0x80,
            0x32,
            7,
        ];
        out.extend([0, 0, 1, 0, 0, 12, 0, 4 + body.len() as u8]);
        out.extend(b"\0\x01\x12\x08\x12\x84\x01\x01\0\0\0\0\xff\x09\0");
        out.push(body.len() as u8);
        out.extend(body);
        out[3] = out.len() as u8;
        out
    }

    #[test]
    fn a_controller_says_what_it_is() {
        let answer = answer(
            0x11,
            &[
                b"\0\x016ES7 315-2EH14-0AB0 \0\xc0\0\x04\0\x01",
                b"\0\x066ES7 315-2EH14-0AB0 \0\xc0\0\x04\0\x01",
                b"\0\x07                    \0\xc0V\x03\x02\x06",
                b"\0\x81Boot Loader         \0\0A \x09\x09",
            ],
        );
        let conversation = [
            (Role::Client, CONNECT),
            (Role::Server, AGREE),
            (Role::Client, ASK),
            (Role::Server, &answer[..]),
        ];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "sender s7comm.szl.order_number=6ES7 315-2EH14-0AB0",
                "sender s7comm.szl.hardware=4",
                "sender s7comm.szl.firmware=3.2.6",
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn components_are_named_and_no_person() {
        let mut ask = ASK.to_vec();
        ask[30] = 0x1c;
        let record = |index: u8, text: &str| {
            let mut record = vec![0, index];
            record.extend(text.as_bytes());
            record.resize(COMPONENT_BYTES, 0);
            record
        };
        let records = [
            record(1, "Dr. CANARY"),
            record(2, "CPU 315-2 PN/DP"),
            record(5, "S C-C2UR28922012"),
            record(8, "MMC 267FF11F"),
        ];
        let answer = answer(0x1c, &records.each_ref().map(|record| &record[..]));
        let said = run(
            &CLASSIFIER,
            &[(Role::Client, &ask), (Role::Server, &answer)],
        );
        assert_eq!(
            said,
            [
                "confirmed",
                "sender s7comm.szl.module_name=CPU 315-2 PN/DP",
                "sender s7comm.szl.serial=S C-C2UR28922012",
            ]
        );
    }

    #[test]
    fn probes() {
        let whole = [CONNECT, ASK].concat();
        assert_eq!(probe(&CLASSIFIER, CONNECT, PORTS), Verdict::NeedMore);
        assert_eq!(
            probe(&CLASSIFIER, &whole, PORTS),
            Verdict::Match(Role::Client)
        );
        // MMS over the same transport, a message that is longer than its unit, another version.
        let mms = b"\x03\0\0\x09\x02\xf0\x80\x0d\x01";
        let mut long = ASK.to_vec();
        long[16] = 9;
        let version = b"\x04\0\0\x16\x11\xe0";
        for bytes in [&mms[..], &long, version] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
