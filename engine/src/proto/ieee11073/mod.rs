//! IEEE 11073-20601 over TCP, personal health devices and their gateways: who the agent is, by
//! its association and the attributes of its own object. It reads no measurement, no
//! configuration's objects and no person's identifier.
//!
//! Messages are a choice, a length and a body; only associations and the answer to a question for
//! the attributes of object 0 are looked into, all else is skipped unseen.

#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::mder::{self, Specification, attribute};
use super::reader::Reader;
use super::stack_text::hex;
use super::{Classifier, Progress, Segment, Session, Then, Transport, Verdict};
use crate::config::IEEE11073_MESSAGE_BYTES_MAX;
use crate::observe::{Emit, Fault, Observation, Role, Subject};

/// The row of this protocol. No port is registered.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Ieee11073,
    transport: Transport::Tcp,
    ports: &[],
    first: &[0xe2, 0xe3],
    marks: &[],
    probe,
    session: || Box::new(Exchange::default()),
};

/// Choices of messages.
const REQUEST: u16 = 0xe200;
const RESPONSE: u16 = 0xe300;
const RELEASE: u16 = 0xe400;
const RELEASED: u16 = 0xe500;
const ABORT: u16 = 0xe600;
const DATA: u16 = 0xe700;

/// Association version 1, the only one.
const VERSION: u32 = 0x8000_0000;

/// The data protocol of this standard.
const PROTOCOL: u16 = 0x5079;

/// What an agent says of itself in the system type.
const AGENT: u32 = 0x0080_0000;

/// A confirmed answer to a question for attributes.
const ANSWER_GET: u16 = 0x0203;

/// Bytes of a data message up to its own body: choice, length, inner length, invoke id, message
/// and its length.
const DATA_HEAD: usize = 12;

/// One side of an association.
struct Party<'a> {
    is_agent: bool,
    system_id: &'a [u8],
}

/// Reads the block that a request offers and an answer takes.
fn party<'a>(reader: &mut Reader<'a>) -> Option<Party<'a>> {
    let mut block = Reader(reader.block16()?);
    let version = u32_of(&mut block)?;
    let _encoding = block.u16()?;
    let (_nomenclature, _units) = (u32_of(&mut block)?, u32_of(&mut block)?);
    let system_type = u32_of(&mut block)?;
    let system_id = block.block16()?;
    (version == VERSION).then_some(Party {
        is_agent: system_type & AGENT != 0,
        system_id,
    })
}

fn u32_of(reader: &mut Reader<'_>) -> Option<u32> {
    let (high, low) = (reader.u16()?, reader.u16()?);
    Some(u32::from(high) << 16 | u32::from(low))
}

/// The one who asks to be associated.
fn request<'a>(body: &'a [u8]) -> Option<Party<'a>> {
    let mut reader = Reader(body);
    if u32_of(&mut reader)? != VERSION {
        return None;
    }
    let count = reader.u16()?;
    let mut list = Reader(reader.block16()?);
    let protocol = list.u16()?;
    if !reader.0.is_empty() || count == 0 || protocol != PROTOCOL {
        return None;
    }
    party(&mut list)
}

/// The one who answers, and whether it accepts.
fn response<'a>(body: &'a [u8]) -> Option<(bool, Option<Party<'a>>)> {
    let mut reader = Reader(body);
    let result = reader.u16()?;
    let accepted = matches!(result, 0 | 3);
    if result > 8 {
        return None;
    }
    let protocol = reader.u16()?;
    let other = (protocol == PROTOCOL).then(|| party(&mut reader)).flatten();
    (!accepted || other.is_some()).then_some((accepted, other))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let mut reader = Reader(segment.bytes);
    let (Some(choice), Some(len)) = (reader.u16(), reader.u16()) else {
        let start = segment.bytes.first();
        return match start {
            None | Some(0xe2 | 0xe3) if !segment.cut => Verdict::NeedMore,
            _ => Verdict::Reject,
        };
    };
    if !matches!(choice, REQUEST | RESPONSE) || !(0x20..=0x200).contains(&len) {
        return Verdict::Reject;
    }
    let Some(body) = reader.take(usize::from(len)) else {
        return if segment.cut {
            Verdict::Reject
        } else {
            Verdict::NeedMore
        };
    };
    match choice {
        REQUEST if request(body).is_some() => Verdict::Match(Role::Client),
        RESPONSE if response(body).is_some() => Verdict::Match(Role::Server),
        _ => Verdict::Reject,
    }
}

/// One association after another. Its client is the one who asks for it: as a rule the agent.
#[derive(Default)]
struct Exchange {
    asked: bool,
    confirmed: bool,
    /// The end that is the device.
    agent: Option<Role>,
}

impl Session for Exchange {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut reader = Reader(segment.bytes);
        let (Some(choice), Some(len)) = (reader.u16(), reader.u16()) else {
            return Progress::consumed(0);
        };
        let len = usize::from(len);
        let whole = 4 + len;
        let skip = || Progress {
            consumed: segment.bytes.len().min(whole),
            then: Then::Skip(whole.saturating_sub(segment.bytes.len()) as u64),
        };
        match choice {
            REQUEST | RESPONSE if len <= IEEE11073_MESSAGE_BYTES_MAX => {
                let Some(body) = reader.take(len) else {
                    return Progress::consumed(0);
                };
                self.associate(choice, body, segment.from, emit);
                Progress::consumed(whole)
            }
            DATA => {
                let Some(head) = segment.bytes.get(..DATA_HEAD.min(whole)) else {
                    return Progress::consumed(0);
                };
                let is_answer = head.get(8..10) == Some(&ANSWER_GET.to_be_bytes());
                if !is_answer
                    || self.agent != Some(segment.from)
                    || len > IEEE11073_MESSAGE_BYTES_MAX
                {
                    return skip();
                }
                let Some(body) = reader.take(len) else {
                    return Progress::consumed(0);
                };
                answer(body, emit);
                Progress::consumed(whole)
            }
            ABORT => {
                event(Event::Ieee11073Abort, emit);
                skip()
            }
            RELEASE | RELEASED | REQUEST | RESPONSE => skip(),
            _ => {
                emit(Observation::Malformed);
                Progress::DONE
            }
        }
    }
}

impl Exchange {
    fn associate(&mut self, choice: u16, body: &[u8], from: Role, emit: Emit<'_>) {
        let (accepted, party) = match choice {
            REQUEST => (false, request(body)),
            _ => match response(body) {
                Some((accepted, party)) => (accepted, party),
                None => (false, None),
            },
        };
        let Some(party) = party else {
            if choice == REQUEST {
                emit(Observation::Malformed);
            }
            return;
        };
        if choice == REQUEST {
            self.asked = true;
        } else if self.asked && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if accepted && self.asked {
            emit(Observation::Event {
                subject: match party.is_agent {
                    true => Subject::Sender,
                    false => Subject::Receiver,
                },
                event: Event::Ieee11073Association,
            });
        }
        if party.is_agent {
            self.agent = Some(from);
        }
        fact(
            Field::Ieee11073Role,
            match party.is_agent {
                true => b"agent",
                false => b"manager",
            },
            emit,
        );
        if party.is_agent && party.system_id.len() == 8 {
            let id = hex::<16>(party.system_id, b"");
            fact(Field::Ieee11073SystemId, id.as_bytes(), emit);
        }
    }
}

/// The attributes of object 0 and nothing else.
fn answer(body: &[u8], emit: Emit<'_>) {
    let parts = |body| {
        let mut inner = Reader(Reader(body).block16()?);
        let (_invoke, choice) = (inner.u16()?, inner.u16()?);
        Some((choice, inner.block16()?))
    };
    let content = match parts(body) {
        Some((ANSWER_GET, content)) => content,
        Some(_) => return emit(Observation::Malformed),
        None => return emit(Observation::Faulty(Fault::Truncated)),
    };
    let mut content = Reader(content);
    if content.u16() != Some(0) {
        return;
    }
    let Some(attributes) = mder::attributes(&mut content) else {
        return emit(Observation::Faulty(Fault::Truncated));
    };
    for (id, value) in attributes {
        tell(id, value, emit);
    }
}

fn tell(id: u16, value: &[u8], emit: Emit<'_>) {
    match id {
        attribute::ID_MODEL => {
            if let Some(known) = mder::model(value) {
                let manufacturer = known.manufacturer.unwrap_or_default();
                fact(Field::Ieee11073Manufacturer, manufacturer, emit);
                fact(Field::Ieee11073Model, known.model.unwrap_or_default(), emit);
            }
        }
        attribute::ID_PRODUCTION => {
            for (kind, _, text) in mder::production(value) {
                let field = match kind {
                    Specification::Serial => Field::Ieee11073Serial,
                    Specification::Part => Field::Ieee11073Part,
                    Specification::Hardware => Field::Ieee11073Hardware,
                    Specification::Software => Field::Ieee11073Software,
                    Specification::Firmware => Field::Ieee11073Firmware,
                };
                fact(field, text, emit);
            }
        }
        attribute::TYPE_SPECIFICATIONS => {
            let mut reader = Reader(value);
            let count = reader.u16().unwrap_or(0);
            let mut list = Reader(reader.block16().unwrap_or_default());
            for _ in 0..count.min(16) {
                let (Some(code), Some(_version)) = (list.u16(), list.u16()) else {
                    break;
                };
                let code = mder::code(INFRASTRUCTURE, code);
                fact(Field::Ieee11073Specialisation, code.as_bytes(), emit);
            }
        }
        _ => {}
    }
}

/// The partition that device specialisations belong to.
const INFRASTRUCTURE: u16 = 8;

fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    if !value.is_empty() {
        emit(Observation::Fact {
            subject: Subject::Sender,
            field,
            value,
        });
    }
}

fn event(event: Event, emit: Emit<'_>) {
    emit(Observation::Event {
        subject: Subject::Sender,
        event,
    });
}
