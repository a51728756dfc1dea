//! SNMP versions 1, 2c and 3 (RFC 1157, 3416, 3412; ports 161 and 162): what an agent answers
//! about its own identity. It reads exact objects of a list, never `sysContact`, no community but
//! the two that everybody knows, no user, and nothing that is encrypted.
//!
//! ```text
//! message   SEQUENCE { version 0|1, community, PDU }
//!           SEQUENCE { version 3, header, security parameters, data }
//! PDU       [A0..A8] { request id, error, index, SEQUENCE OF { object, value } }
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::ber::{self, Ber};
use super::clock;
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::SNMP_BINDINGS_MAX;
use crate::observe::{Emit, Observation, Role, Subject, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Snmp,
    transport: Transport::Udp,
    ports: &[161, 162],
    first: &[ber::SEQUENCE],
    marks: &[],
    probe,
    session: || Box::new(Agent::default()),
};

/// Kinds of PDU, RFC 3416 section 3.
const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const TRAP_V1: u8 = 0xa4;
const GET_BULK: u8 = 0xa5;
const INFORM: u8 = 0xa6;
const TRAP: u8 = 0xa7;
const REPORT: u8 = 0xa8;

/// Communities that devices come with: the value says nothing but that nobody changed it.
const DEFAULT_COMMUNITIES: [&[u8]; 2] = [b"public", b"private"];

/// 1.3.6.1.2.1, where all objects of the list are.
const MIB_2: &[u8] = &[0x2b, 6, 1, 2, 1];

/// The objects that are read, below [`MIB_2`], and the field of each.
const OBJECTS: &[(&[u8], Field)] = &[
    // SNMPv2-MIB (RFC 3418): system.
    (&[1, 1, 0], Field::SnmpSysDescr),
    (&[1, 5, 0], Field::SnmpSysName),
    (&[1, 6, 0], Field::SnmpSysLocation),
    // HOST-RESOURCES-MIB (RFC 2790): the first device, which of a printer is the printer.
    (&[25, 3, 2, 1, 3, 1], Field::SnmpDeviceDescr),
    // UPS-MIB (RFC 1628): upsIdent.
    (&[33, 1, 1, 1, 0], Field::SnmpUpsManufacturer),
    (&[33, 1, 1, 2, 0], Field::SnmpUpsModel),
    (&[33, 1, 1, 3, 0], Field::SnmpUpsFirmware),
    (&[33, 1, 1, 4, 0], Field::SnmpUpsSoftware),
    // Printer-MIB (RFC 3805): prtGeneralSerialNumber.
    (&[43, 5, 1, 1, 17, 1], Field::SnmpPrinterSerial),
    // ENTITY-MIB (RFC 6933): the first physical entity, which contains the others.
    (&[47, 1, 1, 1, 1, 8, 1], Field::SnmpEntityHardware),
    (&[47, 1, 1, 1, 1, 9, 1], Field::SnmpEntityFirmware),
    (&[47, 1, 1, 1, 1, 10, 1], Field::SnmpEntitySoftware),
    (&[47, 1, 1, 1, 1, 11, 1], Field::SnmpEntitySerial),
    (&[47, 1, 1, 1, 1, 12, 1], Field::SnmpEntityManufacturer),
    (&[47, 1, 1, 1, 1, 13, 1], Field::SnmpEntityModel),
];

/// sysObjectID below [`MIB_2`]: its value is an object identifier.
const SYS_OBJECT_ID: &[u8] = &[1, 2, 0];
/// sysUpTime: hundredths of a second since the agent began.
const SYS_UP_TIME: &[u8] = &[1, 3, 0];
/// TimeTicks, RFC 2578 section 7.1.8.
const TIME_TICKS: u8 = 0x43;

/// snmpTrapOID.0 and, as its value, coldStart: RFC 3418 section 2.
const TRAP_OBJECT: &[u8] = &[0x2b, 6, 1, 6, 3, 1, 1, 4, 1, 0];
const COLD_START: &[u8] = &[0x2b, 6, 1, 6, 3, 1, 1, 5, 1];
/// The same in version 1, RFC 1157 section 4.1.6.
const GENERIC_COLD_START: u64 = 0;

/// One message.
struct Message<'a> {
    body: Body<'a>,
}

/// What the version makes of it.
enum Body<'a> {
    /// Versions 1 and 2c.
    Community {
        version: u64,
        community: &'a [u8],
        kind: u8,
        pdu: &'a [u8],
    },
    /// Version 3: message id, flags, and the engine that answers for the message.
    Secure {
        id: u64,
        is_reportable: bool,
        engine: &'a [u8],
        /// How long it has run, in seconds.
        running_s: Option<u64>,
    },
}

impl<'a> Message<'a> {
    /// The whole datagram is one message; of a cut one, everything before its list of objects.
    fn parse(segment: &Segment<'a>) -> Option<Self> {
        let mut outer = Ber(segment.bytes);
        let message = outer.any()?;
        let whole = message.missing == 0 && outer.0.is_empty();
        if message.tag != ber::SEQUENCE || !(whole || segment.cut) {
            return None;
        }
        let mut ber = Ber(message.content);
        let body = match ber.unsigned()? {
            version @ 0..=1 => {
                let community = ber.expect(ber::OCTET_STRING)?;
                let pdu = ber.any()?;
                let is_known = (GET..=REPORT).contains(&pdu.tag);
                if !is_known || !(segment.cut || (pdu.missing == 0 && ber.0.is_empty())) {
                    return None;
                }
                Body::Community {
                    version,
                    community,
                    kind: pdu.tag,
                    pdu: pdu.content,
                }
            }
            3 => secure(&mut ber)?,
            _ => return None,
        };
        Some(Self { body })
    }

    fn role(&self) -> Role {
        match self.body {
            Body::Community {
                kind: RESPONSE | REPORT,
                ..
            } => Role::Server,
            // Only who asks wants reports, RFC 3412 section 6.4.
            Body::Secure {
                is_reportable: false,
                ..
            } => Role::Server,
            _ => Role::Client,
        }
    }
}

/// Header and security parameters of version 3, RFC 3412 section 6 and RFC 3414 section 2.4.
fn secure<'a>(ber: &mut Ber<'a>) -> Option<Body<'a>> {
    let mut header = Ber(ber.expect(ber::SEQUENCE)?);
    let id = header.unsigned()?;
    header.unsigned()?;
    let flags = header.expect(ber::OCTET_STRING)?;
    let model = header.unsigned()?;
    let [flags] = flags else { return None };
    let mut parameters = Ber(ber.expect(ber::OCTET_STRING)?);
    let (engine, running_s) = match model {
        // The user-based model; of it the engine alone, never the user's name behind it.
        3 => {
            let mut engine = Ber(parameters.expect(ber::SEQUENCE)?);
            let id = engine.expect(ber::OCTET_STRING)?;
            let boots = engine.unsigned().filter(|boots| *boots > 0);
            (id, boots.and_then(|_| engine.unsigned()))
        }
        _ => (&[][..], None),
    };
    Some(Body::Secure {
        id,
        is_reportable: flags & 4 != 0,
        engine,
        running_s,
    })
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match Message::parse(segment) {
        Some(message) => Verdict::Match(message.role()),
        None => Verdict::Reject,
    }
}

/// What a conversation of a manager and an agent has said.
#[derive(Default)]
struct Agent {
    confirmed: bool,
    /// The last request's number.
    asked: Option<u64>,
}

impl Session for Agent {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match Message::parse(segment) {
            Some(message) => self.message(&message, segment.time_ns, emit),
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Agent {
    fn message(&mut self, message: &Message<'_>, time_ns: u64, emit: Emit<'_>) {
        match message.body {
            Body::Community {
                version,
                community,
                kind,
                pdu,
            } => self.plain((version, community), (kind, pdu), time_ns, emit),
            Body::Secure {
                id,
                is_reportable: true,
                ..
            } => self.asked = Some(id),
            Body::Secure {
                id,
                engine,
                running_s,
                ..
            } => {
                self.answer(id, emit);
                if let Some(running_s) = running_s {
                    began(time_ns, running_s, emit);
                }
                says(Field::SnmpVersion, b"3", emit);
                if let Some(number) = enterprise(engine) {
                    let mut text = StackText::<10>::new();
                    if write!(text, "{number}").is_ok() {
                        says(Field::SnmpEngineEnterprise, text.as_bytes(), emit);
                    }
                }
            }
        }
    }

    fn plain(
        &mut self,
        (version, community): (u64, &[u8]),
        (kind, pdu): (u8, &[u8]),
        time_ns: u64,
        emit: Emit<'_>,
    ) {
        if kind == TRAP_V1 {
            trap(pdu, time_ns, emit);
            return;
        }
        let mut pdu = Ber(pdu);
        let Some(id) = pdu.expect(ber::INTEGER).map(number) else {
            return emit(Observation::Malformed);
        };
        match kind {
            GET | GET_NEXT | SET | GET_BULK => self.asked = Some(id),
            RESPONSE => {
                self.answer(id, emit);
                let name: &[u8] = if version == 0 { b"1" } else { b"2c" };
                says(Field::SnmpVersion, name, emit);
                if DEFAULT_COMMUNITIES.contains(&community) {
                    says(Field::SnmpCommunity, community, emit);
                }
                objects(pdu, time_ns, emit);
            }
            // Of what is announced: that the agent began, never an event's own objects.
            TRAP | INFORM => start(pdu, time_ns, emit),
            _ => {}
        }
    }

    /// An answer to what was asked: both sides spoke.
    fn answer(&mut self, id: u64, emit: Emit<'_>) {
        if !self.confirmed && self.asked == Some(id) {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

/// A request's number: signed on the wire, compared alone.
fn number(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0, |n: u64, byte| n << 8 | u64::from(*byte))
}

/// A version 1 trap, RFC 1157 section 4.1.6: its enterprise is the sender's sysObjectID.
fn trap(pdu: &[u8], time_ns: u64, emit: Emit<'_>) {
    let mut pdu = Ber(pdu);
    match pdu.expect(ber::OBJECT_IDENTIFIER) {
        Some(enterprise) => object_id(enterprise, emit),
        None => return emit(Observation::Malformed),
    }
    let (_agent, generic, _specific) = (pdu.next(), pdu.unsigned(), pdu.next());
    if generic == Some(GENERIC_COLD_START) {
        cold_start(emit);
    }
    if let Some(running_s) = pdu.expect(TIME_TICKS).and_then(seconds) {
        began(time_ns, running_s, emit);
    }
}

/// The first two objects of a notification, RFC 3416 section 4.2.6: how long the agent has run,
/// and what happened.
fn start(mut pdu: Ber<'_>, time_ns: u64, emit: Emit<'_>) {
    let list = pdu.next().and(pdu.next()).and(pdu.expect(ber::SEQUENCE));
    let mut list = Ber(list.unwrap_or_default());
    let mut object = || {
        let mut pair = Ber(list.expect(ber::SEQUENCE)?);
        Some((pair.expect(ber::OBJECT_IDENTIFIER)?, pair.next()?))
    };
    let up_time = object().filter(|(id, _)| id.strip_prefix(MIB_2) == Some(SYS_UP_TIME));
    if let Some(running_s) = up_time.and_then(|(_, ticks)| up_seconds(&ticks)) {
        began(time_ns, running_s, emit);
    }
    if object().is_some_and(|(id, what)| id == TRAP_OBJECT && what.content == COLD_START) {
        cold_start(emit);
    }
}

fn cold_start(emit: Emit<'_>) {
    emit(Observation::Event {
        subject: Subject::Sender,
        event: Event::ColdStart,
    });
}

fn up_seconds(value: &ber::Element<'_>) -> Option<u64> {
    (value.tag == TIME_TICKS)
        .then_some(value.content)
        .and_then(seconds)
}

/// Hundredths of a second as seconds.
fn seconds(ticks: &[u8]) -> Option<u64> {
    ber::unsigned(ticks).map(|ticks| ticks / 100)
}

fn began(time_ns: u64, running_s: u64, emit: Emit<'_>) {
    if let Some(text) = clock::began(time_ns, running_s) {
        says(Field::SnmpBootTime, text.as_bytes(), emit);
    }
}

/// The list of objects and values, RFC 3416 section 3.
fn objects(mut pdu: Ber<'_>, time_ns: u64, emit: Emit<'_>) {
    let (Some(error), Some(_)) = (pdu.unsigned(), pdu.unsigned()) else {
        return emit(Observation::Malformed);
    };
    let Some(list) = pdu.any().filter(|list| list.tag == ber::SEQUENCE) else {
        return emit(Observation::Malformed);
    };
    // With an error the values are the request's.
    if error != 0 {
        return;
    }
    let mut list = Ber(list.content);
    for _ in 0..SNMP_BINDINGS_MAX {
        let Some(pair) = list.expect(ber::SEQUENCE) else {
            return;
        };
        let mut pair = Ber(pair);
        let (Some(object), Some(value)) = (pair.expect(ber::OBJECT_IDENTIFIER), pair.next()) else {
            return emit(Observation::Malformed);
        };
        let Some(object) = object.strip_prefix(MIB_2) else {
            continue;
        };
        if object == SYS_OBJECT_ID && value.tag == ber::OBJECT_IDENTIFIER {
            object_id(value.content, emit);
        } else if object == SYS_UP_TIME {
            if let Some(running_s) = up_seconds(&value) {
                began(time_ns, running_s, emit);
            }
        } else if value.tag == ber::OCTET_STRING
            && let Some((_, field)) = OBJECTS.iter().find(|(known, _)| *known == object)
            && let Some(text) = printable(value.content)
        {
            says(*field, text, emit);
        }
    }
}

/// An object identifier as people write it, `1.3.6.1.4.1.9.1.516`.
fn object_id(content: &[u8], emit: Emit<'_>) {
    /// The longest that is kept: a registered one has some ten numbers.
    const TEXT_BYTES: usize = 128;
    let mut text = StackText::<TEXT_BYTES>::new();
    for arc in ber::arcs(content) {
        let Some(arc) = arc else { return };
        let dot = if text.is_empty() { "" } else { "." };
        if write!(text, "{dot}{arc}").is_err() {
            return;
        }
    }
    if !text.is_empty() {
        says(Field::SnmpSysObjectId, text.as_bytes(), emit);
    }
}

/// The enterprise that made an engine id, RFC 3411 section 5 (SnmpEngineID).
fn enterprise(engine: &[u8]) -> Option<u32> {
    let (head, rest) = engine.split_first_chunk::<4>()?;
    let number = u32::from_be_bytes(*head) & 0x7fff_ffff;
    (number != 0 && !rest.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let len = content.len();
        let mut out = vec![tag];
        match len {
            0..=127 => out.push(len as u8),
            _ => out.extend([0x82, (len >> 8) as u8, len as u8]),
        }
        out.extend(content);
        out
    }

    fn binding(object: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        let object = tlv(ber::OBJECT_IDENTIFIER, &[MIB_2, object]);
        tlv(ber::SEQUENCE, &[&object, &tlv(tag, &[value])])
    }

    fn message(version: u8, community: &[u8], kind: u8, bindings: &[Vec<u8>]) -> Vec<u8> {
        let list = tlv(ber::SEQUENCE, &[&bindings.concat()]);
        let pdu = tlv(kind, &[&[2, 2, 0x12, 0x34, 2, 1, 0, 2, 1, 0], &list]);
        let community = tlv(ber::OCTET_STRING, &[community]);
        tlv(ber::SEQUENCE, &[&[2, 1, version], &community, &pdu])
    }

    fn answer() -> Vec<u8> {
        message(
            1,
            b"public",
            RESPONSE,
            &[
                binding(
                    &[1, 1, 0],
                    ber::OCTET_STRING,
                    b"Acme Switch 24, version 1.2",
                ),
                binding(
                    &[1, 2, 0],
                    ber::OBJECT_IDENTIFIER,
                    &[0x2b, 6, 1, 4, 1, 9, 1, 0x84, 4],
                ),
                binding(&[1, 4, 0], ber::OCTET_STRING, b"CANARY CONTACT"),
                binding(&[1, 5, 0], ber::OCTET_STRING, b"sw-3"),
                binding(&[47, 1, 1, 1, 1, 11, 1], ber::OCTET_STRING, b"FOC1234"),
                binding(&[47, 1, 1, 1, 1, 11, 7], ber::OCTET_STRING, b"a module's"),
            ],
        )
    }

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 1_767_600_000_000_000_000,
            ports: (161, 50_000),
            cut: false,
        }
    }

    fn say(messages: &[&[u8]]) -> Vec<String> {
        let mut said = Vec::new();
        let mut agent = Agent::default();
        for bytes in messages {
            agent.observe(&segment(bytes), &mut |seen| {
                said.push(match seen {
                    Observation::Fact { field, value, .. } => {
                        format!("{} {}", field.name(), value.escape_ascii())
                    }
                    other => format!("{other:?}"),
                });
            });
        }
        said
    }

    #[test]
    fn an_agent_answers_who_it_is_and_no_contact() {
        let ask = message(1, b"public", GET, &[]);
        assert_eq!(probe(&segment(&ask)), Verdict::Match(Role::Client));
        assert_eq!(probe(&segment(&answer())), Verdict::Match(Role::Server));
        assert_eq!(
            say(&[&ask, &answer()]),
            [
                "Confirmed",
                "snmp.version 2c",
                "snmp.community public",
                "snmp.sysdescr Acme Switch 24, version 1.2",
                "snmp.sysobjectid 1.3.6.1.4.1.9.1.516",
                "snmp.sysname sw-3",
                "snmp.entphysical.serialnum FOC1234",
            ]
        );
    }

    #[test]
    fn another_community_is_nobodys_business() {
        let said = say(&[&message(0, b"CANARY-secret", RESPONSE, &[])]);
        assert_eq!(said, ["snmp.version 1"]);
    }

    #[test]
    fn a_refused_question_answers_nothing() {
        let mut refused = answer();
        // The error status: two integers after the request's number.
        let at = refused.windows(4).position(|w| w == [0x12, 0x34, 2, 1]);
        refused[at.unwrap() + 4] = 2;
        assert_eq!(
            say(&[&refused]),
            ["snmp.version 2c", "snmp.community public"]
        );
    }

    #[test]
    fn version_3_tells_its_engine_and_no_user() {
        let secure = |flags: u8| {
            let header = tlv(
                ber::SEQUENCE,
                &[&[2, 1, 9], &[2, 2, 5, 0xdc], &[4, 1, flags], &[2, 1, 3]],
            );
            let engine = tlv(ber::OCTET_STRING, &[&[0x80, 0, 0x1f, 0x88, 4, 1, 2]]);
            let user = tlv(ber::OCTET_STRING, &[b"CANARY"]);
            let usm = tlv(ber::SEQUENCE, &[&engine, &[2, 1, 1, 2, 1, 1], &user]);
            let usm = tlv(ber::OCTET_STRING, &[&usm]);
            let data = tlv(ber::OCTET_STRING, &[b"encrypted"]);
            tlv(ber::SEQUENCE, &[&[2, 1, 3], &header, &usm, &data])
        };
        assert_eq!(probe(&segment(&secure(7))), Verdict::Match(Role::Client));
        assert_eq!(
            say(&[&secure(7), &secure(3)]),
            [
                "Confirmed",
                "snmp.boot_time 2026-01-05T07:50:00Z",
                "snmp.version 3",
                "snmp.engineid.enterprise 8072"
            ]
        );
    }

    #[test]
    fn an_agent_tells_when_it_began() {
        // An hour and a day.
        let ticks = &[0, 0x89, 0x54, 0x40];
        let up = binding(SYS_UP_TIME, TIME_TICKS, ticks);
        let asked = message(1, b"x", RESPONSE, std::slice::from_ref(&up));
        let begins = "snmp.boot_time 2026-01-04T07:00:00Z";
        assert_eq!(say(&[&asked]), ["snmp.version 2c", begins]);
        let what = tlv(
            ber::SEQUENCE,
            &[
                &tlv(ber::OBJECT_IDENTIFIER, &[TRAP_OBJECT]),
                &tlv(ber::OBJECT_IDENTIFIER, &[COLD_START]),
            ],
        );
        let told = message(1, b"x", TRAP, &[up, what]);
        assert_eq!(say(&[&told])[0], begins);
        assert!(
            say(&[&told])[1].contains("ColdStart"),
            "{:?}",
            say(&[&told])
        );
        let pdu = tlv(
            TRAP_V1,
            &[
                &tlv(ber::OBJECT_IDENTIFIER, &[&[0x2b, 6, 1, 4, 1, 9]]),
                &[0x40, 4, 10, 0, 0, 1, 2, 1, 0, 2, 1, 0],
                &tlv(TIME_TICKS, &[&[0]]),
            ],
        );
        let community = tlv(ber::OCTET_STRING, &[b"x"]);
        let first = tlv(ber::SEQUENCE, &[&[2, 1, 0], &community, &pdu]);
        let said = say(&[&first]);
        assert!(said[1].contains("ColdStart"), "{said:?}");
        assert_eq!(said[2], "snmp.boot_time 2026-01-05T08:00:00Z");
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let whole = answer();
        let mut longer = whole.clone();
        longer.push(0);
        for bytes in [
            &whole[..whole.len() - 1],
            &longer,
            b"0\x03\x02\x01\x01",
            b"0",
            b"",
        ] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
        let mut cut = segment(&whole[..60]);
        cut.cut = true;
        assert_eq!(probe(&cut), Verdict::Match(Role::Server));
    }

    #[test]
    fn fuzz_any_bytes_and_no_contact() {
        let whole = answer();
        bolero::check!()
            .with_type::<(Vec<u8>, u16, u8)>()
            .for_each(|(bytes, at, byte)| {
                say(&[bytes]);
                let mut broken = whole.clone();
                let at = usize::from(*at) % broken.len();
                broken[at] = *byte;
                // Only another object's number may name the contact's text as its own.
                let spared = broken[..]
                    .windows(8)
                    .any(|w| w == [0x2b, 6, 1, 2, 1, 1, 4, 0]);
                let said = say(&[&broken]).concat();
                assert!(!spared || !said.contains("CANARY"), "{at} {byte}: {said}");
            });
    }
}
