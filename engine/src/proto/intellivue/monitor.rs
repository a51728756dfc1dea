//! What a monitor's attributes say: maker, model, serial number, revisions, type, place, what it
//! is doing. Whatever is not on this list, and so whatever is a patient's, is stepped over.

use medtap_table::vocabulary::Field;

use crate::config::{INTELLIVUE_LABEL_BYTES_MAX, MDER_ATTRIBUTES_MAX};
use crate::observe::{Emit, Fault, Observation, Subject};
use crate::proto::mder::{self, Specification, attribute};
use crate::proto::reader::{Reader, words};
use crate::proto::reported;

/// The label of a connect indication: fixed, without a length of its own.
const EQUIPMENT_LABEL: u16 = 0xf135;

/// Parts of a monitor, as production specifications number them: the product itself and its
/// application software; the main board.
const PRODUCT: u16 = 0x0008;
const APPLICATION: u16 = 0x0058;
const MAIN_BOARD: u16 = 0x0050;

/// Says what a list of attributes tells about the sender.
pub fn tell(mut list: Reader<'_>, emit: Emit<'_>) {
    let Some(attributes) = mder::attributes(&mut list) else {
        emit(Observation::Faulty(Fault::Truncated));
        return;
    };
    for (id, value) in attributes {
        tell_one(id, value, emit);
    }
}

/// Says what the answer to a poll of the monitor's own object tells.
pub fn tell_polled(mut objects: Reader<'_>, emit: Emit<'_>) {
    let contexts = objects.u16().map(usize::from).unwrap_or(0);
    let mut contexts_left = Reader(objects.block16().unwrap_or_default());
    for _ in 0..contexts.min(MDER_ATTRIBUTES_MAX) {
        let (Some(_), Some(count), Some(observations)) = (
            contexts_left.u16(),
            contexts_left.u16(),
            contexts_left.block16(),
        ) else {
            return;
        };
        let mut observations = Reader(observations);
        for _ in 0..usize::from(count).min(MDER_ATTRIBUTES_MAX) {
            let Some(_handle) = observations.u16() else {
                return;
            };
            let Some(attributes) = mder::attributes(&mut observations) else {
                return;
            };
            for (id, value) in attributes {
                tell_one(id, value, emit);
            }
        }
    }
}

fn tell_one(id: u16, value: &[u8], emit: Emit<'_>) {
    let mut fact = |field, value: Option<&[u8]>| {
        if let Some(value) = value {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field,
                value,
            });
        }
    };
    match id {
        attribute::ID_MODEL => {
            if let Some(known) = mder::model(value) {
                fact(Field::IntellivueManufacturer, known.manufacturer);
                fact(Field::IntellivueModel, known.model);
            }
        }
        attribute::ID_PRODUCTION => {
            for (kind, component, text) in mder::production(value) {
                let field = match (kind, component) {
                    (Specification::Serial, PRODUCT) => Field::IntellivueSerial,
                    (Specification::Part, PRODUCT) => Field::IntellivuePart,
                    (Specification::Software, APPLICATION | PRODUCT) => Field::IntellivueSoftware,
                    (Specification::Hardware, PRODUCT | MAIN_BOARD) => Field::IntellivueHardware,
                    (Specification::Firmware, PRODUCT | MAIN_BOARD) => Field::IntellivueFirmware,
                    _ => continue,
                };
                fact(field, Some(text));
            }
        }
        attribute::SYSTEM_TYPE => {
            let mut reader = Reader(value);
            if let (Some(partition), Some(code)) = (reader.u16(), reader.u16()) {
                let code = mder::code(partition, code);
                fact(Field::IntellivueType, Some(code.as_bytes()));
            }
        }
        attribute::BED_LABEL => {
            let text = Reader(value).block16().and_then(place);
            fact(Field::IntellivueBedLabel, text.as_deref());
        }
        EQUIPMENT_LABEL => fact(Field::IntellivueBedLabel, place(value).as_deref()),
        attribute::AREA => fact(Field::IntellivueArea, area(value)),
        attribute::MODE => fact(Field::IntellivueMode, mode(value)),
        _ => {}
    }
}

/// A label in UTF-16 as a place: short and plain, since people type all sorts of things in.
fn place(label: &[u8]) -> Option<Vec<u8>> {
    let label = label.get(..label.len().min(INTELLIVUE_LABEL_BYTES_MAX))?;
    let units = words(label).take_while(|unit| *unit != 0);
    let text = char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .ok()?;
    let text = reported::text(text.as_bytes())?;
    let plain = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b' ' | b'-' | b'_' | b'.' | b'/' | b'#')
            || *byte >= 0x80
    };
    let fits = text.iter().all(plain) && !reported::names_person(text);
    fits.then(|| text.to_vec())
}

/// Where the monitor is set up to work.
fn area(value: &[u8]) -> Option<&'static [u8]> {
    Some(match Reader(value).u16()? {
        1 => b"operating room",
        2 => b"intensive care",
        3 => b"neonatal intensive care",
        4 => b"cardiology",
        _ => return None,
    })
}

/// What the monitor is doing, by the bit that says so.
fn mode(value: &[u8]) -> Option<&'static [u8]> {
    let bits = Reader(value).u16()?;
    let modes: [(u16, &[u8]); 5] = [
        (0x2000, b"demonstration"),
        (0x1000, b"service"),
        (0x0002, b"standby"),
        (0x0001, b"configuration"),
        (0x4000, b"monitoring"),
    ];
    let set = modes.iter().find(|(bit, _)| bits & bit != 0);
    set.map(|(_, name)| *name)
}
