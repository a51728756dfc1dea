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

use medtap_table::vocabulary::Field;

use super::syntax::Delimiters;
use crate::config::{
    HL7_DEVICE_VALUES_MAX, HL7_DEVICES_MAX, REPORTED_PART_BYTES_MAX, VALUE_BYTES_MAX,
};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::reported::{self, Identifier};

/// Where a row stands in the containment tree, OBX-4 `MDS.VMD.CHAN.METRIC`: the first two levels.
type Place = (u32, u32);

/// An equipment instance identifier, HL7 v2 data type EI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// All components, joined by `^` whatever the message's separator is.
    text: Vec<u8>,
    /// What two rows about one device share.
    key: Vec<u8>,
}

impl Instance {
    /// Reads a field. Nothing for one that repeats (a location is put in that way) or that has no
    /// entity identifier, and for one that could name a person.
    pub fn parse(delimiters: &Delimiters, field: &[u8]) -> Option<Self> {
        if field.is_empty() || delimiters.repeats(field) {
            return None;
        }
        let mut parts: [Vec<u8>; 4] = Default::default();
        for (n, part) in parts.iter_mut().enumerate() {
            let component = delimiters.subcomponent(delimiters.component(field, n + 1));
            *part = reported::trim(&delimiters.text(component)).to_vec();
        }
        let [entity, namespace, universal, _] = &parts;
        let sound = parts.iter().all(|part| {
            part.is_empty() || reported::text(part).is_some() && !reported::names_person(part)
        });
        if reported::is_placeholder(entity) || entity.len() > REPORTED_PART_BYTES_MAX || !sound {
            return None;
        }
        let space = if universal.is_empty() {
            namespace
        } else {
            universal
        };
        let key = Identifier::new(b"hl7:ei")
            .part(entity)
            .part(space)
            .finish()?;
        let mut text = parts.join(&b'^');
        while text.last() == Some(&b'^') {
            text.pop();
        }
        Some(Self { text, key })
    }
}

/// One device of a message.
#[derive(Debug, Default)]
struct Device {
    /// Where its own row stands, or its values where there is no such row.
    place: Option<Place>,
    /// In which MDS a row named it, where it has no row of its own.
    within: Option<u32>,
    instance: Option<Instance>,
    values: Vec<(Field, Vec<u8>)>,
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

/// The devices of a message so far.
#[derive(Debug, Default)]
pub struct Devices {
    list: Vec<Device>,
    /// The unit of PV1-3: where the devices at the patient are used.
    unit: Vec<u8>,
    /// There is more than one unit: none is known to be a device's.
    units: bool,
}

impl Devices {
    /// PV1-3, a PL: its point of care alone. Room and bed are a patient's.
    pub fn location(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 4] = delimiters.fields(segment);
        let unit = delimiters.subcomponent(delimiters.component(fields[3], 1));
        let text = delimiters.text(unit);
        let unit = fit_location(&text);
        self.units |= !self.unit.is_empty() && self.unit != unit;
        self.unit = unit.to_vec();
    }

    /// One OBX: a device's row, an identity value, or a row that names its device.
    pub fn observation(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 19] = delimiters.fields(segment);
        let code = Code::parse(delimiters, fields[3]);
        let place = place(delimiters.component(fields[4], 1));
        let instance = Instance::parse(delimiters, fields[18]);
        let row = code
            .as_ref()
            .zip(place)
            .filter(|(_, (_, device))| *device && (fields[11] == b"X" || fields[5].is_empty()));
        if let Some((code, (place, _))) = row {
            if let Some(device) = self.at_row(instance, place) {
                device.set(Field::Hl7DeviceType, &code.text());
            }
        } else if let Some(attribute) = code.as_ref().and_then(Code::attribute) {
            if let Some(device) = self.at_value(instance, place.map(|place| place.0)) {
                read(attribute, delimiters, &fields, device);
            }
        } else if let Some(instance) = instance
            && let Some(device) = self.with(instance)
        {
            device.within = device.within.or(place.map(|((mds, _), _)| mds));
        }
    }

    /// One PRT (from v2.7) whose participant is equipment.
    pub fn participation(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 23] = delimiters.fields(segment);
        // HL7 table 0912. A person's participation ends here, its other fields unread.
        if delimiters.component(fields[4], 1) != b"EQUIP" || delimiters.repeats(fields[4]) {
            return;
        }
        let udi = delimiters.text(delimiters.component(fields[16], 1));
        let serial = delimiters.text(fields[20]);
        let device = match Instance::parse(delimiters, fields[10]) {
            Some(instance) => self.with(instance),
            None => None,
        };
        if let Some(device) = device {
            device.set(Field::Hl7DeviceUdi, &udi);
            device.set(Field::Hl7DeviceSerial, &serial);
            if let Some(code) = Code::parse(delimiters, fields[22]) {
                device.set(Field::Hl7DeviceType, &code.text());
            }
        }
    }

    /// EQU-1: the equipment that the message is about.
    pub fn equipment(&mut self, delimiters: &Delimiters, segment: &[u8]) {
        let fields: [&[u8]; 2] = delimiters.fields(segment);
        if let Some(instance) = Instance::parse(delimiters, fields[1]) {
            self.with(instance);
        }
    }

    /// Gives a device without an identifier the one that the rows of its MDS name, if they name
    /// one alone: some put it on every row but the device's own.
    fn join(&mut self) {
        for at in 0..self.list.len() {
            let Some(Device {
                place: Some((mds, 0)),
                instance: None,
                ..
            }) = self.list.get(at)
            else {
                continue;
            };
            let mds = *mds;
            let named = |device: &Device| device.place.is_none() && device.within == Some(mds);
            if self.list.iter().filter(|device| named(device)).count() == 1 {
                let from = self.list.iter_mut().find(|device| named(device));
                let instance = from.and_then(|device| device.instance.take());
                if let Some(device) = self.list.get_mut(at) {
                    device.instance = instance;
                }
            }
        }
    }

    /// Says them all, at the end of the message.
    pub fn emit(mut self, emit: Emit<'_>) {
        self.join();
        for device in &self.list {
            let Some(identifier) = device.identifier() else {
                continue;
            };
            let instance = device.instance.as_ref();
            let id = instance.map(|instance| (Field::Hl7DeviceId, &instance.text[..]));
            let values = device.values.iter().map(|value| (value.0, &value.1[..]));
            // A laboratory's analyser names itself too, and is not where the patient is: only a
            // device with a row of its own in the containment tree is at the patient.
            let at_patient = device.place.is_some()
                && device.value(Field::Hl7DeviceLocation).is_empty()
                && !(self.units || self.unit.is_empty());
            let unit = at_patient.then_some((Field::Hl7DeviceLocation, &self.unit[..]));
            for (field, value) in id.into_iter().chain(values).chain(unit) {
                emit(Observation::Fact {
                    subject: Subject::Reported(&identifier),
                    field,
                    value,
                });
            }
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

    fn find(&self, place: Place) -> Option<usize> {
        self.list
            .iter()
            .position(|device| device.place == Some(place))
    }

    /// The device whose row this is: by its identifier, else by its place.
    fn at_row(&mut self, instance: Option<Instance>, place: Place) -> Option<&mut Device> {
        let at = self.find(place);
        match (instance, at) {
            (Some(instance), Some(at)) if self.list.get(at)?.instance.is_none() => {
                let device = self.list.get_mut(at)?;
                device.instance = Some(instance);
                Some(device)
            }
            (Some(instance), _) => {
                let device = self.with(instance)?;
                device.place = device.place.or(Some(place));
                Some(device)
            }
            (None, Some(at)) => self.list.get_mut(at),
            (None, None) => self.add(Device {
                place: Some(place),
                ..Device::default()
            }),
        }
    }

    /// The device that a value belongs to: by the row's identifier, else the nearest above it.
    fn at_value(
        &mut self,
        instance: Option<Instance>,
        place: Option<Place>,
    ) -> Option<&mut Device> {
        if let Some(instance) = instance {
            return self.with(instance);
        }
        let place = place?;
        match self.find(place).or_else(|| self.find((place.0, 0))) {
            Some(at) => self.list.get_mut(at),
            None => self.add(Device {
                place: Some(place),
                ..Device::default()
            }),
        }
    }
}

/// What an identity value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    /// The value of this field.
    Field(Field),
    /// `manufacturer=X model=Y`, or a model.
    Model,
    /// An equipment instance identifier.
    SystemId,
    /// A PL: the device's own place.
    Location,
}

/// A code of IEEE 11073-10101 (MDC), as OBX-3 has it.
struct Code<'a> {
    number: u32,
    name: std::borrow::Cow<'a, [u8]>,
}

impl<'a> Code<'a> {
    /// Reads a code; nothing for one of another system.
    fn parse(delimiters: &Delimiters, field: &'a [u8]) -> Option<Self> {
        let name = delimiters.text(delimiters.component(field, 2));
        let system = delimiters.component(field, 3);
        let number = std::str::from_utf8(delimiters.component(field, 1)).ok();
        let mdc = system.eq_ignore_ascii_case(b"MDC") || name.starts_with(b"MDC");
        (mdc && delimiters.component(field, 1).len() <= 10).then(|| Self {
            number: number.and_then(|text| text.parse().ok()).unwrap_or(0),
            name,
        })
    }

    /// `<number>^<reference id>`.
    fn text(&self) -> Vec<u8> {
        let mut text = self.number.to_string().into_bytes();
        if !self.name.is_empty() {
            text.push(b'^');
            text.extend_from_slice(&self.name);
        }
        text
    }

    /// The only codes whose value may be read: by number, else by reference id.
    fn attribute(&self) -> Option<Attribute> {
        use Attribute::Field as Is;
        Some(match (self.number, &*self.name) {
            (531_970, _) | (0, b"MDC_ID_MODEL_MANUFACTURER") => Is(Field::Hl7DeviceManufacturer),
            (531_969, _) | (0, b"MDC_ID_MODEL_NUMBER") => Is(Field::Hl7DeviceModel),
            (531_972, _) | (0, b"MDC_ID_PROD_SPEC_SERIAL") => Is(Field::Hl7DeviceSerial),
            (531_974, _) | (0, b"MDC_ID_PROD_SPEC_HW") => Is(Field::Hl7DeviceHardware),
            (531_975, _) | (0, b"MDC_ID_PROD_SPEC_SW") => Is(Field::Hl7DeviceSoftware),
            (531_976, _) | (0, b"MDC_ID_PROD_SPEC_FW") => Is(Field::Hl7DeviceFirmware),
            (67_880, _) | (0, b"MDC_ATTR_ID_MODEL") => Attribute::Model,
            (67_972, _) | (0, b"MDC_ATTR_SYS_ID") => Attribute::SystemId,
            (0, b"MDCX_LS_ATTR_LOCATION") => Attribute::Location,
            _ => return None,
        })
    }
}

/// Reads OBX-5 of an identity code.
fn read(attribute: Attribute, delimiters: &Delimiters, fields: &[&[u8]; 19], device: &mut Device) {
    let value = delimiters.component(fields[5], 1);
    let text = delimiters.text(value);
    // A value in components is not the plain text that these codes have.
    let plain = fields[5] == value && !reported::names_person(&text);
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
            device.instance = Instance::parse(delimiters, fields[5]);
        }
        Attribute::Location => {
            let unit = delimiters.text(delimiters.subcomponent(value));
            device.set(Field::Hl7DeviceLocation, fit_location(&unit));
        }
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

/// A unit's name, or nothing for what is no short plain text.
fn fit_location(text: &[u8]) -> &[u8] {
    reported::text(text)
        .filter(|text| text.len() <= REPORTED_PART_BYTES_MAX && !reported::names_person(text))
        .unwrap_or_default()
}

/// OBX-4 as a place, and whether it is a device's own row: `n.0.0.0` or `n.m.0.0`.
fn place(text: &[u8]) -> Option<(Place, bool)> {
    let mut levels = [0u32; 4];
    let mut parts = std::str::from_utf8(text).ok()?.split('.');
    for level in &mut levels {
        *level = parts.next()?.parse().ok()?;
    }
    let [mds, vmd, channel, metric] = levels;
    let device = mds > 0 && channel == 0 && metric == 0 && parts.next().is_none();
    Some(((mds, vmd), device))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Delimiters {
        Delimiters::parse(b"MSH|^~\\&|").flatten().unwrap()
    }

    fn key(field: &[u8]) -> Option<String> {
        Instance::parse(&usual(), field).map(|it| String::from_utf8(it.key).unwrap())
    }

    #[test]
    fn instances() {
        assert_eq!(
            key(b"P52814^^0012210000000000^EUI-64").as_deref(),
            Some("hl7:ei|p52814|0012210000000000")
        );
        assert_eq!(
            key(b"080019FFFE0B4020^B40_GE").as_deref(),
            Some("hl7:ei|080019fffe0b4020|b40_ge")
        );
        assert_eq!(key(b"~~~Ward^^0012210000000000^EUI-64"), None);
        assert_eq!(key(b"^^0012210000000000^EUI-64"), None);
        assert_eq!(key(b"0^^0012210000000000^EUI-64"), None);
        assert_eq!(key(b"anna@example^X"), None);
    }

    #[test]
    fn places() {
        assert_eq!(place(b"1.0.0.0"), Some(((1, 0), true)));
        assert_eq!(place(b"1.2.0.0"), Some(((1, 2), true)));
        assert_eq!(place(b"1.2.0.1"), Some(((1, 2), false)));
        assert_eq!(place(b"1"), None);
        assert_eq!(place(b"LOC"), None);
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
