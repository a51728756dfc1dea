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
use super::message::{Level, Row, is_status};
use super::place::Place;
use super::report::Sure;
use super::rows::{Fields, Kind, Rows};
use super::software::is_version;
use super::syntax::Delimiters;
use crate::config::{
    HL7_DEVICE_EVENTS_MAX, HL7_DEVICE_VALUES_MAX, HL7_DEVICES_MAX, VALUE_BYTES_MAX,
};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::kept;
use crate::proto::reported::{self, Identifier};

/// A value of a device.
#[derive(Debug)]
struct Value {
    field: Field,
    text: Vec<u8>,
    /// What stands around it shows where it ends.
    is_proven: bool,
}

/// One device of a message.
#[derive(Debug, Default)]
struct Device {
    /// Where its own row stands, or its values where there is no such row.
    level: Option<Level>,
    /// In which MDS a row named it, where it has no row of its own.
    within: Option<u32>,
    instance: Option<Instance>,
    values: Vec<Value>,
    place: Option<Place>,
}

impl Device {
    /// Keeps a value; the first for a field stands.
    fn set(&mut self, field: Field, text: &[u8], is_proven: bool) {
        let known = self.values.iter().any(|known| known.field == field);
        if let Some(text) = reported::text(text)
            && !known
            && self.values.len() < HL7_DEVICE_VALUES_MAX
            && text.len() <= VALUE_BYTES_MAX
            && !text.contains(&b'@')
        {
            self.values.push(Value {
                field,
                text: text.to_vec(),
                is_proven,
            });
        }
    }

    fn value(&self, field: Field) -> &[u8] {
        self.values
            .iter()
            .find(|known| known.field == field)
            .map_or(&[], |known| &known.text)
    }

    /// True for a value that its place proves, its form, or what the device is called.
    fn proves(&self, value: &Value) -> bool {
        let called = |name: fn(&Instance) -> &[u8]| {
            let instance = self.instance.as_ref();
            instance.is_some_and(|instance| name(instance) == value.text)
        };
        value.is_proven
            || match value.field {
                Field::Hl7DeviceSerial => called(|instance| &instance.entity),
                Field::Hl7DeviceModel => called(|instance| &instance.namespace),
                Field::Hl7DeviceSoftware | Field::Hl7DeviceFirmware | Field::Hl7DeviceHardware => {
                    is_version(&value.text)
                }
                _ => false,
            }
    }

    /// Forgets what nothing proves.
    fn keep_proven(&mut self, names: &[Vec<u8>]) {
        let named = |text: &[u8]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
        let proven: Vec<bool> = self.values.iter().map(|value| self.proves(value)).collect();
        let mut proven = proven.into_iter();
        self.values.retain(|_| proven.next() == Some(true));
        self.instance = self
            .instance
            .take()
            .filter(|instance| instance.is_proven || named(&instance.namespace));
        self.place = self.place.take().filter(|place| place.is_proven(named));
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

/// The devices of a message so far.
#[derive(Debug, Default)]
pub struct Devices {
    list: Vec<Device>,
    /// What happened, and at which device.
    events: Vec<(Level, Event)>,
    /// PV1-3: where the devices at the patient are used.
    place: Option<Place>,
    /// There is more than one place: none is known to be a device's.
    places: bool,
    /// By what names the sender goes, and who made its software.
    names: Vec<Vec<u8>>,
}

impl Devices {
    /// Reads rows, in their order.
    pub fn read(&mut self, delimiters: &Delimiters, rows: &Rows) {
        for (kind, fields) in rows.iter() {
            match kind {
                Kind::Place => self.location(delimiters, &fields),
                Kind::Device => self.row(delimiters, &fields),
                Kind::Value => self.value(delimiters, &fields, false),
                Kind::Followed => self.value(delimiters, &fields, true),
                Kind::Named => self.named(delimiters, &fields),
                Kind::Participation => self.participation(delimiters, &fields),
                Kind::Equipment => self.equipment(delimiters, &fields),
                Kind::Inventory => self.inventory(delimiters, &fields),
                Kind::Sender => fields.iter().for_each(|name| self.name(delimiters, name)),
                Kind::Software => self.name(delimiters, fields[0]),
            }
        }
    }

    /// A name that the sender says elsewhere.
    fn name(&mut self, delimiters: &Delimiters, field: &[u8]) {
        let name = delimiters.subcomponent(delimiters.component(field, 1));
        if !name.is_empty() {
            self.names.push(delimiters.text(name).into_owned());
        }
    }

    /// Where the patient is.
    fn location(&mut self, delimiters: &Delimiters, [place, ..]: &Fields<'_>) {
        let place = Place::parse(delimiters, place);
        self.places |= self.place.is_some() && self.place != place;
        self.place = place;
    }

    /// A device's own row.
    fn row(&mut self, delimiters: &Delimiters, [code, place, instance, ..]: &Fields<'_>) {
        let code = Code::parse(delimiters, code);
        let level = level(delimiters.component(place, 1));
        let instance = Instance::parse(delimiters, instance);
        if let (Some(code), Some((level, _))) = (code, level)
            && let Some(device) = self.at_row(instance, level)
        {
            device.set(Field::Hl7DeviceType, &code.text(), true);
        }
    }

    /// A value that may be read: an identity value or an event. `followed`: the next row shows that
    /// this one is whole.
    fn value(&mut self, delimiters: &Delimiters, fields: &Fields<'_>, followed: bool) {
        let [code, place, value, status, instance, ..] = *fields;
        let level = level(delimiters.component(place, 1)).map(|(level, _)| level);
        let code = Code::parse(delimiters, code);
        let Some(attribute) = code.and_then(|code| code.attribute()) else {
            return;
        };
        let happened = code::event(attribute, delimiters, value);
        if let (Some(event), Some(level)) = (happened, level)
            && self.events.len() < HL7_DEVICE_EVENTS_MAX
        {
            self.events.push((level, event));
        }
        if !is_status(status) || matches!(attribute, Attribute::AlarmPhase | Attribute::Condition) {
            return;
        }
        let instance = Instance::parse(delimiters, instance);
        if let Some(device) = self.at_value(instance, level) {
            read(attribute, delimiters, value, followed, device);
        }
    }

    /// A row of a value: nothing of it is read but the device that it names, and in which MDS.
    fn named(&mut self, delimiters: &Delimiters, [mds, instance, ..]: &Fields<'_>) {
        if let Some(instance) = Instance::parse(delimiters, instance)
            && let Some(device) = self.with(instance)
        {
            device.within = device.within.or(number(mds));
        }
    }

    /// Equipment that takes part.
    fn participation(&mut self, delimiters: &Delimiters, fields: &Fields<'_>) {
        let [row, instance, udi, made, expires, lot, serial, code] = *fields;
        let Some(instance) = Instance::parse(delimiters, instance) else {
            return;
        };
        let (device, within) = match Row::read(row) {
            Row::Device(level) => (self.at_row(Some(instance), level), None),
            Row::Value(mds) => (self.with(instance), Some(mds)),
            Row::Other | Row::Implant => (self.with(instance), None),
        };
        let Some(device) = device else {
            return;
        };
        device.within = device.within.or(within);
        let udi = delimiters.text(delimiters.component(udi, 1));
        // What stands twice shows that all between is whole.
        let last = delimiters.text(serial);
        let entity = &device.instance.as_ref().map_or(&[][..], |it| &it.entity);
        let is_whole = !last.is_empty() && (last == *entity || ends_in_serial(&udi, &last));
        let is_marked = is_item(&udi) && (is_whole || ends_in_serial(&udi, entity));
        if is_udi(&udi) {
            device.set(Field::Hl7DeviceUdi, &udi, is_marked);
        }
        for (field, raw) in [
            (Field::Hl7DeviceManufactured, made),
            (Field::Hl7DeviceExpiry, expires),
            (Field::Hl7DeviceLot, lot),
            (Field::Hl7DeviceSerial, serial),
        ] {
            let text = delimiters.text(raw);
            if delimiters.component(raw, 1) == raw && !reported::names_person(&text) {
                device.set(field, &text, is_whole);
            }
        }
        if let Some(code) = Code::parse(delimiters, code) {
            device.set(Field::Hl7DeviceType, &code.text(), true);
        }
    }

    /// EQU-1 and EQU-3: the equipment that the message is about, and its state (table 0365).
    fn equipment(&mut self, delimiters: &Delimiters, [instance, state, ..]: &Fields<'_>) {
        let [state, _, system] = delimiters.components(state);
        let is_whole = system == b"HL70365";
        if let Some(mut instance) = Instance::parse(delimiters, instance)
            && let Some(device) = self.with({
                instance.is_proven |= is_whole;
                instance
            })
            && state.len() == 2
            && state.iter().all(u8::is_ascii_uppercase)
        {
            device.set(Field::Hl7EquipmentState, state, is_whole);
        }
    }

    /// INV-17: who makes what the equipment holds; of the equipment that was named last.
    fn inventory(&mut self, delimiters: &Delimiters, [maker, ..]: &Fields<'_>) {
        let [code, name, system] = delimiters.components(maker);
        // An organisation's name ends in a letter of its own (XON-2), so that alone is no proof.
        let is_whole = code.eq_ignore_ascii_case(name)
            || system.starts_with(b"99")
            || system.starts_with(b"HL7");
        let maker = delimiters.text(if name.is_empty() { code } else { name });
        if let Some(device) = self.list.last_mut()
            && !reported::names_person(&maker)
        {
            device.set(Field::Hl7SupplyManufacturer, &maker, is_whole);
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

    /// Says them all, as far as that is sure, at the end of the message, and what happened.
    /// `result`: the message is one.
    pub fn emit(&mut self, result: bool, sure: Sure, emit: Emit<'_>) {
        self.join();
        self.keep(sure);
        let mut named = false;
        for device in &self.list {
            let Some(identifier) = device.identifier() else {
                continue;
            };
            named = true;
            let subject = Subject::Reported(&identifier);
            let instance = device.instance.as_ref();
            let id = instance.map(|instance| (Field::Hl7DeviceId, &instance.text[..]));
            let values = device
                .values
                .iter()
                .map(|value| (value.field, &value.text[..]));
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

    /// Keeps what can be believed.
    fn keep(&mut self, sure: Sure) {
        match sure {
            Sure::Whole => {}
            Sure::Nothing => self.list.clear(),
            Sure::Proven => {
                let names = std::mem::take(&mut self.names);
                for device in &mut self.list {
                    device.keep_proven(&names);
                }
                let named = |text: &[u8]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
                self.place = self.place.take().filter(|place| place.is_proven(named));
            }
        }
    }

    /// The device with this identifier, an old or a new one.
    fn with(&mut self, instance: Instance) -> Option<&mut Device> {
        let is_proven = instance.is_proven;
        let known = self.list.iter().position(|device| {
            let known = device.instance.as_ref();
            known.is_some_and(|known| known.key == instance.key)
        });
        match known {
            Some(at) => {
                let device = self.list.get_mut(at)?;
                if let Some(known) = &mut device.instance {
                    known.is_proven |= is_proven;
                }
                Some(device)
            }
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

    /// Bytes that they keep.
    pub fn kept_bytes(&self) -> usize {
        let place = |place: &Option<Place>| place.as_ref().map_or(0, Place::kept_bytes);
        let of = |device: &Device| {
            kept::list(&device.values)
                + device
                    .values
                    .iter()
                    .map(|value| kept::list(&value.text))
                    .sum::<usize>()
                + device.instance.as_ref().map_or(0, Instance::kept_bytes)
                + place(&device.place)
        };
        kept::list(&self.list)
            + self.list.iter().map(of).sum::<usize>()
            + kept::list(&self.events)
            + kept::list(&self.names)
            + self.names.iter().map(kept::list).sum::<usize>()
            + place(&self.place)
    }
}

/// The beginning of a unique device identifier: GS1, HIBCC, ICCBBA.
fn is_udi(text: &[u8]) -> bool {
    let gs1 = text.starts_with(b"(01)") || text.starts_with(b"01") || text.starts_with(b"]");
    gs1 || text.starts_with(b"+") || text.starts_with(b"=/") || text.starts_with(b"=+")
}

/// True for GS1's item number, with its check digit, at the beginning.
fn is_item(udi: &[u8]) -> bool {
    let item = udi.strip_prefix(b"(01)").or(udi.strip_prefix(b"01"));
    let Some((digits, _)) = item.and_then(|item| item.split_first_chunk::<14>()) else {
        return false;
    };
    let weighted = digits.iter().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighted
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum();
    digits.iter().all(u8::is_ascii_digit) && sum.is_multiple_of(10)
}

/// True where a UDI ends in this serial number, GS1's application identifier 21.
fn ends_in_serial(udi: &[u8], serial: &[u8]) -> bool {
    let before = udi.strip_suffix(serial);
    !serial.is_empty()
        && before.is_some_and(|before| before.ends_with(b"(21)") || before.ends_with(b"21"))
}

/// Reads OBX-5 of an identity code.
fn read(
    attribute: Attribute,
    delimiters: &Delimiters,
    field: &[u8],
    is_whole: bool,
    device: &mut Device,
) {
    let value = delimiters.component(field, 1);
    let text = delimiters.text(value);
    // A value in components is not the plain text that these codes have.
    let plain = field == value && !reported::names_person(&text);
    match attribute {
        Attribute::Field(field) if plain => device.set(field, &text, is_whole),
        Attribute::Model if plain => match maker_and_model(&text) {
            Some((maker, model)) => {
                device.set(Field::Hl7DeviceManufacturer, maker, is_whole);
                device.set(Field::Hl7DeviceModel, model, is_whole);
            }
            None => device.set(Field::Hl7DeviceModel, &text, is_whole),
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
pub fn level(text: &[u8]) -> Option<(Level, bool)> {
    let mut levels = [0u32; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for level in &mut levels {
        *level = number(parts.next()?)?;
    }
    let [mds, vmd, channel, metric] = levels;
    let device = mds > 0 && channel == 0 && metric == 0 && parts.next().is_none();
    Some(((mds, vmd), device))
}

/// A number of up to nine digits.
pub fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    digits.iter().try_fold(0, |number: u32, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        Some(number * 10 + u32::from(digit))
    })
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
