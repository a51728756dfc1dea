//! The devices inside an HL7 v2 message: equipment identifiers, containment and the identity codes
//! of IEEE 11073-10101. It reads no measured value and no participation of a person.
//!
//! # The identifier
//!
//! The first of these forms that can be made, so that a device has one in all of its messages:
//!
//! * `hl7:ei|<EI.1>|<EI.3, or EI.2>` from an equipment instance identifier (OBX-18, PRT-10, EQU-1):
//!   EI.1 alone is a pump's label, EI.3 alone a maker's constant;
//! * `hl7:serial|<manufacturer>|<model>|<serial>` where the serial number is no placeholder.
//!
//! With none of them nothing is said: a type of device is no device.

use medtap_table::vocabulary::{Event, Field};

use super::code::{self, Attribute, Code};
use super::instance::Instance;
use super::place::Place;
use super::session::is_day;
use super::syntax::Delimiters;
use crate::config::{
    HL7_DEVICE_EVENTS_MAX, HL7_DEVICE_VALUES_MAX, HL7_DEVICES_MAX, VALUE_BYTES_MAX,
};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::reported::{self, Identifier};

/// LOINC: the unique device identifier of an implant, which is its bearer's.
const IMPLANT_UDI: &[u8] = b"74711-3";

/// Where a row stands in the containment tree, OBX-4 `MDS.VMD.CHAN.METRIC`: the first two levels.
type Level = (u32, u32);

/// One device of a message.
#[derive(Debug, Default)]
struct Device {
    /// Where its own row stands, or its values where there is no such row.
    level: Option<Level>,
    /// In which MDS a row named it, where it has no row of its own.
    within: Option<u32>,
    instance: Option<Instance>,
    values: Vec<(Field, Vec<u8>)>,
    place: Option<Place>,
}

impl Device {
    /// Keeps a value; the first for a field stands.
    fn set(&mut self, field: Field, value: &[u8]) {
        let known = self.values.iter().any(|known| known.0 == field);
        if let Some(value) = reported::text(value)
            && !known
            && self.values.len() < HL7_DEVICE_VALUES_MAX
            && value.len() <= VALUE_BYTES_MAX
            && !value.contains(&b'@')
        {
            self.values.push((field, value.to_vec()));
        }
    }

    fn value(&self, field: Field) -> &[u8] {
        self.values
            .iter()
            .find(|known| known.0 == field)
            .map_or(&[], |known| &known.1)
    }

    fn identifier(&self) -> Option<Vec<u8>> {
        if let Some(instance) = &self.instance {
            return Some(instance.key.clone());
        }
        let serial = self.value(Field::Hl7DeviceSerial);
        if reported::is_placeholder(serial) {
            return None;
        }
        let maker = self.value(Field::Hl7DeviceManufacturer);
        let model = self.value(Field::Hl7DeviceModel);
        // A serial number alone is unique for its maker only.
        if maker.is_empty() && model.is_empty() {
            return None;
        }
        Identifier::new(b"hl7:serial")
            .part(maker)
            .part(model)
            .part(serial)
            .finish()
    }
}

/// The row that a participation (PRT) may belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Row {
    /// None, or one of no device.
    #[default]
    Other,
    /// A device's own.
    Device(Level),
    /// A value's, in this MDS.
    Value(u32),
    /// An implant's: what follows names it.
    Implant,
}

/// The devices of a message so far.
#[derive(Debug, Default)]
pub struct Devices {
    list: Vec<Device>,
    /// What happened, and at which device.
    events: Vec<(Level, Event)>,
    row: Row,
    /// PV1-3: where the devices at the patient are used.
    place: Option<Place>,
    /// There is more than one place: none is known to be a device's.
    places: bool,
}

impl Devices {
    /// PV1-3, a PL, after PV1-2, a patient's class: of any other shape it is no PV1.
    pub fn location(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 4] = delimiters.fields(segment);
        let class =
            matches!(delimiters.component(fields[2], 1), [class] if class.is_ascii_uppercase());
        let place = Place::parse(delimiters, fields[3]).filter(|_| class);
        self.places |= self.place.is_some() && self.place != place;
        self.place = place;
    }

    /// A segment that is not read has passed: what follows belongs to no row before it.
    pub fn leave_row(&mut self) {
        self.row = Row::Other;
    }

    /// One OBX: a device's row, an identity value, an event, or a row that names its device.
    /// `named` where the version of the message has OBX-18.
    pub fn observation(&mut self, delimiters: &Delimiters, segment: &[u8], named: bool) {
        let fields: [&[u8]; 19] = delimiters.fields(segment);
        self.row = Row::Other;
        let Some(code) = Code::parse(delimiters, fields[3]) else {
            if delimiters.component(fields[3], 1) == IMPLANT_UDI {
                self.row = Row::Implant;
                return;
            }
            return self.named_by(delimiters, &fields, named, None);
        };
        let level = level(delimiters.component(fields[4], 1));
        if let Some((level, true)) = level
            && (fields[11] == b"X" || fields[5].is_empty())
        {
            self.row = Row::Device(level);
            let instance = instance(delimiters, &fields, named);
            if let Some(device) = self.at_row(instance, level) {
                device.set(Field::Hl7DeviceType, &code.text());
            }
            return;
        }
        if let Some((level, _)) = level {
            self.row = Row::Value(level.0);
        }
        let Some(attribute) = code.attribute() else {
            return self.named_by(delimiters, &fields, named, level);
        };
        let happened = code::event(attribute, delimiters, fields[5]);
        if let (Some(event), Some((level, _))) = (happened, level)
            && self.events.len() < HL7_DEVICE_EVENTS_MAX
        {
            self.events.push((level, event));
        }
        if !is_status(fields[11])
            || matches!(attribute, Attribute::AlarmPhase | Attribute::Condition)
        {
            return;
        }
        let instance = instance(delimiters, &fields, named);
        if let Some(device) = self.at_value(instance, level.map(|level| level.0)) {
            read(attribute, delimiters, fields[5], device);
        }
    }

    /// A row of a value: nothing of it is read but the device that it names.
    fn named_by(
        &mut self,
        delimiters: &Delimiters,
        fields: &[&[u8]; 19],
        named: bool,
        level: Option<(Level, bool)>,
    ) {
        if let Some(instance) = instance(delimiters, fields, named)
            && let Some(device) = self.with(instance)
        {
            device.within = device.within.or(level.map(|((mds, _), _)| mds));
        }
    }

    /// One PRT (from v2.7) whose participant is equipment. One with a donation (PRT-21) is of
    /// blood or tissue: its identifiers are a person's, and so are an implant's.
    pub fn participation(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 23] = delimiters.fields(segment);
        // HL7 table 0912. A person's participation ends here, its other fields unread.
        let undated = |field: &[u8]| !(field.is_empty() || is_day(field));
        if delimiters.component(fields[4], 1) != b"EQUIP"
            || delimiters.repeats(fields[4])
            || !fields[21].is_empty()
            || undated(fields[17])
            || undated(fields[18])
            || self.row == Row::Implant
        {
            return;
        }
        let Some(instance) = Instance::parse(delimiters, fields[10]) else {
            return;
        };
        let (device, within) = match self.row {
            Row::Device(level) => (self.at_row(Some(instance), level), None),
            Row::Value(mds) => (self.with(instance), Some(mds)),
            Row::Other | Row::Implant => (self.with(instance), None),
        };
        let Some(device) = device else {
            return;
        };
        device.within = device.within.or(within);
        let udi = delimiters.text(delimiters.component(fields[16], 1));
        if is_udi(&udi) {
            device.set(Field::Hl7DeviceUdi, &udi);
        }
        for (field, raw) in [
            (Field::Hl7DeviceManufactured, fields[17]),
            (Field::Hl7DeviceExpiry, fields[18]),
            (Field::Hl7DeviceLot, fields[19]),
            (Field::Hl7DeviceSerial, fields[20]),
        ] {
            let text = delimiters.text(raw);
            if delimiters.component(raw, 1) == raw && !reported::names_person(&text) {
                device.set(field, &text);
            }
        }
        if let Some(code) = Code::parse(delimiters, fields[22]) {
            device.set(Field::Hl7DeviceType, &code.text());
        }
    }

    /// EQU-1 and EQU-3: the equipment that the message is about, and its state (table 0365).
    pub fn equipment(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 4] = delimiters.fields(segment);
        let state = delimiters.component(fields[3], 1);
        if let Some(instance) = Instance::parse(delimiters, fields[1])
            && let Some(device) = self.with(instance)
            && state.len() == 2
            && state.iter().all(u8::is_ascii_uppercase)
        {
            device.set(Field::Hl7EquipmentState, state);
        }
    }

    /// INV-17: who makes what the equipment holds; of the equipment that was named last.
    pub fn inventory(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 18] = delimiters.fields(segment);
        let [code, name, _] = delimiters.components(fields[17]);
        let maker = delimiters.text(if name.is_empty() { code } else { name });
        if let Some(device) = self.list.last_mut()
            && !reported::names_person(&maker)
        {
            device.set(Field::Hl7SupplyManufacturer, &maker);
        }
    }

    /// Gives a device without an identifier the one that the rows of its MDS name, if they name
    /// one alone: some put it on every row but the device's own.
    fn join(&mut self) {
        for at in 0..self.list.len() {
            let Some(Device {
                level: Some((mds, 0)),
                instance: None,
                ..
            }) = self.list.get(at)
            else {
                continue;
            };
            let mds = *mds;
            let named = |device: &Device| device.level.is_none() && device.within == Some(mds);
            if self.list.iter().filter(|device| named(device)).count() == 1 {
                let from = self.list.iter_mut().find(|device| named(device));
                let instance = from.and_then(|device| device.instance.take());
                if let Some(device) = self.list.get_mut(at) {
                    device.instance = instance;
                }
            }
        }
    }

    /// Says them all, at the end of the message, and what happened. `result`: the message is one.
    pub fn emit(mut self, result: bool, emit: Emit<'_>) {
        self.join();
        let mut named = false;
        for device in &self.list {
            let Some(identifier) = device.identifier() else {
                continue;
            };
            named = true;
            let subject = Subject::Reported(&identifier);
            let instance = device.instance.as_ref();
            let id = instance.map(|instance| (Field::Hl7DeviceId, &instance.text[..]));
            let values = device.values.iter().map(|value| (value.0, &value.1[..]));
            // A laboratory's analyser names itself too, and is not where the patient is: only a
            // device with a row of its own in the containment tree is at the patient.
            let at_patient = (device.level.is_some() && !self.places).then_some(&self.place);
            let place = device
                .place
                .as_ref()
                .or(at_patient.and_then(Option::as_ref));
            let place = place.into_iter().flat_map(Place::parts);
            for (field, value) in id.into_iter().chain(values).chain(place) {
                emit(Observation::Fact {
                    subject,
                    field,
                    value,
                });
            }
            if result {
                emit(Observation::Event {
                    subject,
                    event: Event::Hl7Result,
                });
            }
        }
        // A result of no device that has a name is the sender's own.
        if result && !named {
            emit(Observation::Event {
                subject: Subject::Sender,
                event: Event::Hl7Result,
            });
        }
        for (level, event) in &self.events {
            let device = self.find(*level).or_else(|| self.find((level.0, 0)));
            let identifier = device
                .and_then(|at| self.list.get(at))
                .and_then(Device::identifier);
            emit(Observation::Event {
                subject: identifier
                    .as_deref()
                    .map_or(Subject::Sender, Subject::Reported),
                event: *event,
            });
        }
    }

    /// The device with this identifier, an old or a new one.
    fn with(&mut self, instance: Instance) -> Option<&mut Device> {
        let known = self.list.iter().position(|device| {
            let known = device.instance.as_ref();
            known.is_some_and(|known| known.key == instance.key)
        });
        match known {
            Some(at) => self.list.get_mut(at),
            None => self.add(Device {
                instance: Some(instance),
                ..Device::default()
            }),
        }
    }

    fn add(&mut self, device: Device) -> Option<&mut Device> {
        if self.list.len() >= HL7_DEVICES_MAX {
            return None;
        }
        self.list.push(device);
        self.list.last_mut()
    }

    fn find(&self, level: Level) -> Option<usize> {
        self.list
            .iter()
            .position(|device| device.level == Some(level))
    }

    /// The device whose row this is: by its identifier, else by its place in the tree.
    fn at_row(&mut self, instance: Option<Instance>, level: Level) -> Option<&mut Device> {
        let at = self.find(level);
        match (instance, at) {
            (Some(instance), Some(at)) if self.list.get(at)?.instance.is_none() => {
                let device = self.list.get_mut(at)?;
                device.instance = Some(instance);
                Some(device)
            }
            (Some(instance), _) => {
                let device = self.with(instance)?;
                device.level = device.level.or(Some(level));
                Some(device)
            }
            (None, Some(at)) => self.list.get_mut(at),
            (None, None) => self.add(Device {
                level: Some(level),
                ..Device::default()
            }),
        }
    }

    /// The device that a value belongs to: by the row's identifier, else the nearest above it.
    fn at_value(
        &mut self,
        instance: Option<Instance>,
        level: Option<Level>,
    ) -> Option<&mut Device> {
        if let Some(instance) = instance {
            return self.with(instance);
        }
        let level = level?;
        match self.find(level).or_else(|| self.find((level.0, 0))) {
            Some(at) => self.list.get_mut(at),
            None => self.add(Device {
                level: Some(level),
                ..Device::default()
            }),
        }
    }
}

/// OBX-18 of a row with a status: without one, what stands there is something else.
fn instance(delimiters: &Delimiters, fields: &[&[u8]; 19], named: bool) -> Option<Instance> {
    (named && is_status(fields[11]))
        .then(|| Instance::parse(delimiters, fields[18]))
        .flatten()
}

/// OBX-11, which every row must have: one letter, HL7 table 0085.
fn is_status(field: &[u8]) -> bool {
    matches!(field, [letter] if letter.is_ascii_uppercase())
}

/// The beginning of a unique device identifier: GS1, HIBCC, ICCBBA.
fn is_udi(text: &[u8]) -> bool {
    let gs1 = text.starts_with(b"(01)") || text.starts_with(b"01") || text.starts_with(b"]");
    gs1 || text.starts_with(b"+") || text.starts_with(b"=/") || text.starts_with(b"=+")
}

/// Reads OBX-5 of an identity code.
fn read(attribute: Attribute, delimiters: &Delimiters, field: &[u8], device: &mut Device) {
    let value = delimiters.component(field, 1);
    let text = delimiters.text(value);
    // A value in components is not the plain text that these codes have.
    let plain = field == value && !reported::names_person(&text);
    match attribute {
        Attribute::Field(field) if plain => device.set(field, &text),
        Attribute::Model if plain => match maker_and_model(&text) {
            Some((maker, model)) => {
                device.set(Field::Hl7DeviceManufacturer, maker);
                device.set(Field::Hl7DeviceModel, model);
            }
            None => device.set(Field::Hl7DeviceModel, &text),
        },
        Attribute::SystemId if device.instance.is_none() => {
            device.instance = Instance::parse(delimiters, field);
        }
        Attribute::Location => device.place = Place::parse(delimiters, field),
        _ => {}
    }
}

/// `manufacturer=X model=Y` in its parts.
fn maker_and_model(text: &[u8]) -> Option<(&[u8], &[u8])> {
    const MODEL: &[u8] = b" model=";
    let rest = text.strip_prefix(b"manufacturer=")?;
    let at = rest.windows(MODEL.len()).position(|part| part == MODEL)?;
    Some((rest.get(..at)?, rest.get(at + MODEL.len()..)?))
}

/// OBX-4 as a place in the tree, and whether it is a device's own row: `n.0.0.0` or `n.m.0.0`.
fn level(text: &[u8]) -> Option<(Level, bool)> {
    let mut levels = [0u32; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for level in &mut levels {
        let digits = parts.next()?;
        if digits.is_empty() || digits.len() > 9 {
            return None;
        }
        for digit in digits {
            let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
            *level = *level * 10 + u32::from(digit);
        }
    }
    let [mds, vmd, channel, metric] = levels;
    let device = mds > 0 && channel == 0 && metric == 0 && parts.next().is_none();
    Some(((mds, vmd), device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        assert_eq!(level(b"1.0.0.0"), Some(((1, 0), true)));
        assert_eq!(level(b"1.2.0.0"), Some(((1, 2), true)));
        assert_eq!(level(b"1.2.0.1"), Some(((1, 2), false)));
        assert_eq!(level(b"1.3.1.150456.3"), Some(((1, 3), false)));
        assert_eq!(level(b"1"), None);
        assert_eq!(level(b"LOC"), None);
        assert_eq!(level(b"1.99999999999.0.0"), None);
    }

    #[test]
    fn a_model_with_its_maker() {
        assert_eq!(
            maker_and_model(b"manufacturer=ACME model=P 1"),
            Some((&b"ACME"[..], &b"P 1"[..]))
        );
        assert_eq!(maker_and_model(b"B Model"), None);
    }
}
