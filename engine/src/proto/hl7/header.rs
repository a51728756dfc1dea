//! The message header, MSH: who sends what to whom, in which version. It never says the control id
//! (MSH-10), the time (MSH-7, of which the clock's error alone is told) or the security field
//! (MSH-8).

use medtap_table::vocabulary::Field;

use super::instance::is_eui64;
use super::session::fit;
use super::syntax::Delimiters;
use crate::observe::{Emit, Observation, Subject};
use crate::proto::digest::Digest;
use crate::proto::reported;

/// Where the fields stand that something is said of, MSH-n at n - 1.
const SAID: [usize; 9] = [2, 3, 4, 5, 8, 10, 11, 17, 20];

/// Messages that are results: unsolicited ones, of a laboratory, of the point of care.
const RESULTS: &[&[u8; 3]] = &[b"oru", b"oul", b"opu"];

/// Events of such messages that are none: alarms (R40) and events of devices (R42).
const NO_RESULTS: &[&[u8]] = &[b"R40", b"R41", b"R42"];

/// Versions without OBX-18: it came with 2.4.
const NAMELESS_VERSIONS: &[&[u8]] = &[b"2.1", b"2.2", b"2.3", b"2.3.1"];

/// How names of character sets begin, HL7 table 0211.
const CHARACTER_SETS: &[&[u8]] = &[
    b"ASCII",
    b"8859/",
    b"UNICODE",
    b"ISO IR",
    b"GB 18030",
    b"KS X",
    b"CNS ",
    b"BIG-5",
    b"UTF-8",
];

/// A message code, MSH-9.1: letters and digits, in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCode(pub [u8; 3]);

impl MessageCode {
    fn parse(text: &[u8]) -> Option<Self> {
        let code: [u8; 3] = text.try_into().ok()?;
        code.iter()
            .all(u8::is_ascii_alphanumeric)
            .then(|| Self(code.map(|byte| byte.to_ascii_lowercase())))
    }

    /// The part that sending or receiving such messages gives: `oru_sender`.
    pub fn role(self, suffix: &[u8]) -> Vec<u8> {
        [&self.0[..], suffix].concat()
    }
}

/// A header, cut up.
pub struct Header<'a> {
    delimiters: Delimiters,
    /// MSH-n at n - 1.
    pub fields: [&'a [u8]; 21],
    /// MSH-9.1.
    pub code: Option<MessageCode>,
    trigger: &'a [u8],
    version: &'a [u8],
}

impl<'a> Header<'a> {
    /// Cuts a segment.
    pub fn read(delimiters: &Delimiters, segment: &'a [u8]) -> Self {
        let fields: [&[u8]; 21] = delimiters.header(segment);
        let [code, trigger, _] = delimiters.components(fields[8]);
        Self {
            delimiters: *delimiters,
            fields,
            code: MessageCode::parse(code),
            trigger,
            version: delimiters.component(fields[11], 1),
        }
    }

    /// True where type, processing id and version stand where they belong.
    pub fn is_sound(&self) -> bool {
        let mode = self.delimiters.component(self.fields[10], 1);
        let version = match self.version {
            [] => true,
            [b'2'] => true,
            [b'2', b'.', rest @ ..] => {
                rest.len() <= 4
                    && rest
                        .iter()
                        .all(|byte| byte.is_ascii_digit() || *byte == b'.')
            }
            _ => false,
        };
        // HL7 table 0003, and a site's own.
        let trigger = match self.trigger {
            [] => true,
            [b'A'..=b'Z', rest @ ..] if rest.len() == 2 => {
                rest.iter().all(u8::is_ascii_digit) || self.trigger.starts_with(b"Z")
            }
            _ => false,
        };
        self.code.is_some() && trigger && version && mode.len() <= 1
    }

    /// True for a message that is a result.
    pub fn is_result(&self) -> bool {
        let code = self.code.is_some_and(|code| RESULTS.contains(&&code.0));
        code && !NO_RESULTS.contains(&self.trigger)
    }

    /// True where this version's OBX names the device.
    pub fn has_instances(&self) -> bool {
        !NAMELESS_VERSIONS.contains(&self.version)
    }

    /// What stands for all that is said of this header.
    pub fn digest(&self) -> u64 {
        let begun = Digest::default().part(&self.delimiters.bytes());
        let said = |all: Digest, at: &usize| all.part(self.fields[*at]);
        SAID.iter().fold(begun, said).finish()
    }

    fn say(&self, subject: Subject<'_>, field: Field, raw: &[u8], emit: Emit<'_>) {
        let text = self.delimiters.text(self.delimiters.subcomponent(raw));
        if let Some(value) = fit(&text) {
            emit(Observation::Fact {
                subject,
                field,
                value,
            });
        }
    }

    /// Says who sends and for whom. `echoed`: the sender's names are the other end's.
    pub fn ends(&self, echoed: bool, emit: Emit<'_>) {
        let Self {
            delimiters, fields, ..
        } = self;
        if !echoed {
            let [application, id, kind] = delimiters.components(fields[2]);
            self.say(Subject::Sender, Field::Hl7Application, application, emit);
            if kind == b"EUI-64" && is_eui64(id) {
                self.say(Subject::Sender, Field::Hl7DeviceId, id, emit);
            }
            self.facility(Subject::Sender, Field::Hl7Facility, fields[3], emit);
            let application = delimiters.component(fields[4], 1);
            self.say(
                Subject::Receiver,
                Field::Hl7ReceivingApplication,
                application,
                emit,
            );
            self.facility(
                Subject::Receiver,
                Field::Hl7ReceivingFacility,
                fields[5],
                emit,
            );
        }
        self.say(Subject::Sender, Field::Hl7Version, self.version, emit);
    }

    /// A facility, unless it is a person's practice.
    fn facility(&self, subject: Subject<'_>, field: Field, raw: &[u8], emit: Emit<'_>) {
        let name = self.delimiters.component(raw, 1);
        if !reported::names_person(&self.delimiters.text(name)) {
            self.say(subject, field, name, emit);
        }
    }

    /// Says what kind of message it is.
    pub fn kind(&self, emit: Emit<'_>) {
        let Some(code) = self.code else {
            return;
        };
        let mut text = code.0.to_ascii_uppercase();
        if !self.trigger.is_empty() {
            text.push(b'^');
            text.extend_from_slice(self.trigger);
        }
        self.say(Subject::Sender, Field::Hl7MessageType, &text, emit);
        self.say(
            Subject::Sender,
            Field::Hl7Role,
            &code.role(b"_sender"),
            emit,
        );
        let mode = self.delimiters.component(self.fields[10], 1);
        if mode.iter().all(u8::is_ascii_uppercase) {
            self.say(Subject::Sender, Field::Hl7ProcessingId, mode, emit);
        }
        let set = self.delimiters.component(self.fields[17], 1);
        if is_character_set(set) {
            self.say(Subject::Sender, Field::Hl7CharacterSet, set, emit);
        }
        for profile in self.delimiters.repetitions(self.fields[20]) {
            if let Some(profile) = self.profile(profile) {
                self.say(Subject::Sender, Field::Hl7Profile, profile, emit);
            }
        }
    }

    /// A profile's object identifier, or else its name where that has the form of one.
    fn profile(&self, field: &'a [u8]) -> Option<&'a [u8]> {
        let [entity, _, universal] = self.delimiters.components(field);
        let is_oid = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let dots = universal.iter().filter(|byte| **byte == b'.').count();
        if dots >= 3 && universal.iter().all(is_oid) {
            return Some(universal);
        }
        // `IHE_PCD_001`, `IHE_PCD_ORU_R01`: of any other form it may be the beginning of a name and
        // the end of something else.
        let forms = [&b"IHE_PCD_ORU_R"[..], b"IHE_PCD_", b"IHE PCD-", b"PCD_"];
        let rest = forms.iter().find_map(|form| entity.strip_prefix(*form));
        let named = rest.is_some_and(|rest| {
            (1..=3).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit)
        });
        (named && universal.is_empty()).then_some(entity)
    }
}

/// A known name and its number or encoding, and nothing that stood after it.
fn is_character_set(text: &[u8]) -> bool {
    let number = |byte: &u8| byte.is_ascii_digit() || b" -UTF".contains(byte);
    CHARACTER_SETS
        .iter()
        .filter_map(|known| text.strip_prefix(*known))
        .any(|rest| rest.iter().all(number))
}
