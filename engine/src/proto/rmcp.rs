//! RMCP (IPMI 2.0 section 13, DSP0136; port 623): management controllers of servers, by presence
//! pings (ASF) and by what IPMI says before a log-in: maker, firmware, and that a log-in without
//! a password is offered. It reads no user, no key and nothing of a session that is encrypted.
//!
//! ```text
//! RMCP   6 u8 | 0 u8 | sequence u8 | class u8
//! ASF    4542 u32 | type u8 | tag u8 | 0 u8 | length u8 | data
//! IPMI   authentication u8 | sequence u32 | session u32 | [code 16] | length u8 | message
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::StackText;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Rmcp,
    transport: Transport::Udp,
    ports: &[623],
    first: &[6],
    marks: &[],
    probe,
    session: || Box::new(Controller::default()),
};

/// Classes of messages.
const ASF: u8 = 6;
const IPMI: u8 = 7;
/// An acknowledgement: the class with its top bit, and nothing else.
const ACKNOWLEDGEMENT: u8 = 0x80;

/// The Alerting Specifications Forum, and its two messages of presence.
const ASF_ENTERPRISE: u32 = 4542;
const PONG: u8 = 0x40;
const PING: u8 = 0x80;

/// The format of sessions of IPMI 2.0.
const RMCP_PLUS: u8 = 6;
/// Kinds of authentication that a session header can name: none, MD2, MD5, password, OEM.
const AUTHENTICATION_MAX: u8 = 5;

/// Functions, and commands of the application function: IPMI 2.0 appendix G.
const APPLICATION_ANSWER: u8 = 7;
const GET_DEVICE_ID: u8 = 0x01;
const GET_AUTHENTICATION: u8 = 0x38;

/// A message of IPMI in the clear.
struct Message<'a> {
    function: u8,
    sequence: u8,
    command: u8,
    data: &'a [u8],
}

/// What a datagram holds.
enum Content<'a> {
    Ping(u8),
    Pong(u8, &'a [u8]),
    Message(Message<'a>),
    /// A session, an acknowledgement.
    Other,
}

fn parse(bytes: &[u8]) -> Option<Content<'_>> {
    let mut reader = Reader(bytes);
    let (version, reserved) = (reader.u8()?, reader.u8()?);
    reader.u8()?;
    let class = reader.u8()?;
    if version != 6 || reserved != 0 {
        return None;
    }
    match class {
        ASF => asf(reader),
        IPMI => ipmi(reader),
        _ if class & ACKNOWLEDGEMENT != 0 => {
            let acknowledged = class & !ACKNOWLEDGEMENT;
            let fits = matches!(acknowledged, ASF | IPMI) && reader.0.is_empty();
            fits.then_some(Content::Other)
        }
        _ => None,
    }
}

fn asf(mut reader: Reader<'_>) -> Option<Content<'_>> {
    if reader.u32()? != ASF_ENTERPRISE {
        return None;
    }
    let (kind, tag) = (reader.u8()?, reader.u8()?);
    reader.u8()?;
    let data = reader.block8()?;
    match kind {
        PING if data.is_empty() => Some(Content::Ping(tag)),
        PONG if data.len() >= 16 => Some(Content::Pong(tag, data)),
        _ => Some(Content::Other),
    }
}

fn ipmi(mut reader: Reader<'_>) -> Option<Content<'_>> {
    let authentication = reader.u8()?;
    if authentication == RMCP_PLUS {
        let kind = reader.u8()?;
        reader.take(8)?;
        let [low, high] = *reader.take(2)?.first_chunk()?;
        let len = usize::from(u16::from_le_bytes([low, high]));
        let fits = kind & 0x3f <= 0x15 && len <= reader.0.len();
        return fits.then_some(Content::Other);
    }
    if authentication > AUTHENTICATION_MAX {
        return None;
    }
    reader.take(8)?;
    if authentication != 0 {
        reader.take(16)?;
    }
    let message = reader.block8()?;
    // A pad byte may follow, for the sake of old network cards.
    if reader.0.len() > 1 {
        return None;
    }
    let [to, function, check, _, sequence, command, ..] = *message else {
        return None;
    };
    let sums = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) == 0;
    if !sums(&[to, function, check]) || !sums(message.get(3..)?) {
        return None;
    }
    Some(Content::Message(Message {
        function: function >> 2,
        sequence,
        command,
        data: message.get(6..message.len().checked_sub(1)?)?,
    }))
}

/// Functions of answers are odd.
fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment.bytes) {
        Some(Content::Ping(_)) => Verdict::Match(Role::Client),
        Some(Content::Pong(..)) => Verdict::Match(Role::Server),
        Some(Content::Message(message)) if message.function & 1 == 0 => {
            Verdict::Match(Role::Client)
        }
        Some(Content::Message(_)) => Verdict::Match(Role::Server),
        Some(Content::Other) => Verdict::Match(super::ports::role_of_sender(segment, &[623])),
        None => Verdict::Reject,
    }
}

/// What one conversation has said so far.
#[derive(Default)]
struct Controller {
    ping: Option<u8>,
    /// Number and command of the last question.
    asked: Option<(u8, u8)>,
    confirmed: bool,
}

impl Session for Controller {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match parse(segment.bytes) {
            Some(Content::Ping(tag)) => self.ping = Some(tag),
            Some(Content::Pong(tag, data)) => {
                if self.ping == Some(tag) {
                    self.confirm(emit);
                }
                if let Some(maker) = Reader(data).u32() {
                    enterprise(maker, emit);
                }
            }
            Some(Content::Message(message)) if message.function & 1 == 0 => {
                self.asked = Some((message.sequence, message.command));
            }
            Some(Content::Message(message)) => {
                if self.asked == Some((message.sequence, message.command)) {
                    self.confirm(emit);
                }
                answer(&message, emit);
            }
            Some(Content::Other) => {}
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Controller {
    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
            says(Field::IpmiRole, b"controller", emit);
        }
    }
}

fn enterprise(number: u32, emit: Emit<'_>) {
    let mut text = StackText::<10>::new();
    if number != 0 && number != ASF_ENTERPRISE && write!(text, "{number}").is_ok() {
        says(Field::IpmiManufacturer, text.as_bytes(), emit);
    }
}

/// Reads the answers to two questions that need no log-in; `None` where they are cut or refused.
fn answer(message: &Message<'_>, emit: Emit<'_>) -> Option<()> {
    let (done, data) = message.data.split_first()?;
    if message.function != APPLICATION_ANSWER || *done != 0 {
        return None;
    }
    match (message.command, data) {
        (GET_DEVICE_ID, [_, _, major, minor, _, _, a, b, c, ..]) => {
            let mut text = StackText::<8>::new();
            // The minor part is in decimal digits of four bits each.
            if write!(text, "{}.{minor:02x}", major & 0x7f).is_ok() {
                says(Field::IpmiFirmware, text.as_bytes(), emit);
            }
            enterprise(u32::from_le_bytes([*a, *b, *c & 0x0f, 0]), emit);
        }
        (GET_AUTHENTICATION, [_, kinds, ..]) if kinds & 1 != 0 => {
            says(Field::IpmiLogin, b"none", emit);
        }
        _ => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    const PING_BYTES: &[u8] = b"\x06\0\xff\x06\0\0\x11\xbe\x80\x09\0\0";
    const PONG_BYTES: &[u8] =
        b"\x06\0\xff\x06\0\0\x11\xbe\x40\x09\0\x10\0\0\x02\xa2\0\0\0\0\x81\0\0\0\0\0\0\0";

    fn message(function: u8, command: u8, data: &[u8]) -> Vec<u8> {
        let sum = |bytes: &[u8]| 0u8.wrapping_sub(bytes.iter().fold(0, |a, b| a.wrapping_add(*b)));
        let mut body = vec![0x20, function << 2];
        body.push(sum(&body));
        body.extend([0x81, 0x04, command]);
        body.extend(data);
        body.push(sum(&body[3..]));
        let head = b"\x06\0\xff\x07\0\0\0\0\0\0\0\0\0";
        [&head[..], &[body.len() as u8], &body].concat()
    }

    #[test]
    fn a_pong_names_the_maker() {
        let talk = [(Role::Client, PING_BYTES), (Role::Server, PONG_BYTES)];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "confirmed",
                "sender ipmi.role=controller",
                "sender ipmi.manufacturer_id=674",
            ]
        );
    }

    #[test]
    fn a_controller_tells_its_firmware_and_that_it_asks_for_nothing() {
        let ask = message(6, GET_DEVICE_ID, &[]);
        let id = [0, 0x20, 1, 2, 0x65, 2, 0xbf, 0xa2, 2, 0, 0, 1];
        let answer = message(7, GET_DEVICE_ID, &id);
        let kinds = message(7, GET_AUTHENTICATION, &[0, 1, 0x15, 0]);
        let talk: [(Role, &[u8]); 3] = [
            (Role::Client, &ask),
            (Role::Server, &answer),
            (Role::Server, &kinds),
        ];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "confirmed",
                "sender ipmi.role=controller",
                "sender ipmi.firmware=2.65",
                "sender ipmi.manufacturer_id=674",
                "sender ipmi.login=none",
            ]
        );
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, PING_BYTES, PORTS), client);
        let ask = message(6, GET_DEVICE_ID, &[]);
        assert_eq!(probe(&CLASSIFIER, &ask, PORTS), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, PONG_BYTES, PORTS), server);
        for (at, value) in [(0, 5), (1, 1), (3, 9), (14, 1), (19, 2), (4, 7)] {
            let mut bytes = ask.clone();
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, PORTS), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, usize::MAX));
    }
}
