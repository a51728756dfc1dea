//! A code of IEEE 11073-10101 as OBX-3 has it, and the only codes whose value, OBX-5, may be
//! looked at. It knows no metric: no measured value has a code here.

use std::borrow::Cow;

use medtap_table::vocabulary::{Event, Field};

use super::syntax::Delimiters;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// The value of this field.
    Field(Field),
    /// `manufacturer=X model=Y`, or a model.
    Model,
    /// An equipment instance identifier.
    SystemId,
    /// A PL: the device's own place.
    Location,
    /// The phase of an alarm (IHE ACM): a word that is compared and never said.
    AlarmPhase,
    /// What happened (IHE IPEC): a code that is compared and never said.
    Condition,
}

/// A code of IEEE 11073-10101 (MDC).
pub struct Code<'a> {
    number: u32,
    name: Cow<'a, [u8]>,
}

impl<'a> Code<'a> {
    /// Reads a code; nothing for one of another system.
    pub fn parse(delimiters: &Delimiters, field: &'a [u8]) -> Option<Self> {
        let [first, second, system] = delimiters.components(field);
        let unnamed = system.is_empty() && second.starts_with(b"MDC");
        let mdc = system.eq_ignore_ascii_case(b"MDC") || unnamed;
        let name = delimiters.text(second);
        // Capitals, digits and underscores: anything else is none of its names.
        let letter =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        if !mdc || first.len() > 10 || !name.iter().all(letter) {
            return None;
        }
        Some(Self {
            number: number(first).unwrap_or(0),
            name,
        })
    }

    /// `<number>^<reference id>`.
    pub fn text(&self) -> Vec<u8> {
        let mut text = self.number.to_string().into_bytes();
        if !self.name.is_empty() {
            text.push(b'^');
            text.extend_from_slice(&self.name);
        }
        text
    }

    /// The only codes whose value may be read: by number, else by reference id.
    pub fn attribute(&self) -> Option<Attribute> {
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
            (68_481, _) | (_, b"MDC_ATTR_EVENT_PHASE") => Attribute::AlarmPhase,
            (68_487, _) | (_, b"MDC_ATTR_EVT_COND") => Attribute::Condition,
            _ => return None,
        })
    }
}

/// What the value of an event's code counts as; most count as nothing.
pub fn event(attribute: Attribute, delimiters: &Delimiters, value: &[u8]) -> Option<Event> {
    match attribute {
        // A new alarm, and one that has no length. What goes on or ends was raised before.
        Attribute::AlarmPhase => {
            matches!(value, b"start" | b"tpoint").then_some(Event::Hl7AlarmRaised)
        }
        Attribute::Condition => {
            let [first, second, _] = delimiters.components(value);
            match (number(first), second) {
                (Some(197_288), _) | (_, b"MDC_EVT_PUMP_DELIV_START") => {
                    Some(Event::Hl7InfusionStarted)
                }
                (_, b"MDC_EVT_PUMP_DELIV_STOP") => Some(Event::Hl7InfusionStopped),
                _ => None,
            }
        }
        _ => None,
    }
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
