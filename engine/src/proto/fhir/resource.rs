//! What is kept of one FHIR resource until its end, where its type is known for sure, and what it
//! says then. A resource of any type but the three that are listed says nothing, and neither does
//! a Device that belongs to a patient or is made to be implanted: its numbers name a person.

use medtap_table::vocabulary::{Field, Protocol};

use super::super::json::At;
use super::super::reported::{self, Identifier};
use super::fact;
use crate::config::{FHIR_VALUES_MAX, VALUE_BYTES_MAX};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::kept;

/// Places in a resource: elements by their path, with lists counting as what they hold.
pub const RESOURCE: At = 1;
const TYPE_NAME: At = 2;
const MAKER: At = 3;
const MODEL: At = 4;
const SERIAL: At = 5;
const VERSION: At = 6;
const VERSION_VALUE: At = 7;
const VERSION_TYPE: At = 8;
const VERSION_CODING: At = 9;
const VERSION_CODE: At = 10;
const NAME: At = 11;
const NAME_TEXT: At = 12;
const NAME_TYPE: At = 13;
const UDI: At = 14;
const UDI_TEXT: At = 15;
const KIND: At = 16;
const KIND_CODING: At = 17;
const KIND_CODE: At = 18;
const CATEGORY: At = 19;
const CATEGORY_CODING: At = 20;
const CATEGORY_CODE: At = 21;
const SOFTWARE: At = 22;
const SOFTWARE_NAME: At = 23;
const SOFTWARE_VERSION: At = 24;
const FHIR_VERSION: At = 25;
const STATEMENT_KIND: At = 26;
const PATIENT: At = 27;
/// An entry of a Bundle.
pub const ENTRY: At = 28;

/// The elements that are entered: where they stand, their name, their place.
const ELEMENTS: &[(At, &str, At)] = &[
    (RESOURCE, "resourceType", TYPE_NAME),
    (RESOURCE, "manufacturer", MAKER),
    (RESOURCE, "modelNumber", MODEL),
    // STU3.
    (RESOURCE, "model", MODEL),
    (RESOURCE, "serialNumber", SERIAL),
    (RESOURCE, "version", VERSION),
    (RESOURCE, "deviceName", NAME),
    (RESOURCE, "udiCarrier", UDI),
    (RESOURCE, "type", KIND),
    (RESOURCE, "category", CATEGORY),
    (RESOURCE, "software", SOFTWARE),
    (RESOURCE, "fhirVersion", FHIR_VERSION),
    (RESOURCE, "kind", STATEMENT_KIND),
    (RESOURCE, "patient", PATIENT),
    (RESOURCE, "entry", ENTRY),
    (ENTRY, "resource", RESOURCE),
    (VERSION, "value", VERSION_VALUE),
    (VERSION, "type", VERSION_TYPE),
    (VERSION_TYPE, "coding", VERSION_CODING),
    (VERSION_CODING, "code", VERSION_CODE),
    // R4, R5.
    (NAME, "name", NAME_TEXT),
    (NAME, "value", NAME_TEXT),
    (NAME, "type", NAME_TYPE),
    (UDI, "carrierHRF", UDI_TEXT),
    (KIND, "coding", KIND_CODING),
    (KIND_CODING, "code", KIND_CODE),
    (CATEGORY, "coding", CATEGORY_CODING),
    (CATEGORY_CODING, "code", CATEGORY_CODE),
    (SOFTWARE, "name", SOFTWARE_NAME),
    (SOFTWARE, "version", SOFTWARE_VERSION),
];

/// The place of an element of this name at a place, if it is entered.
pub fn place(at: At, name: &[u8]) -> Option<At> {
    ELEMENTS
        .iter()
        .find(|(parent, known, _)| *parent == at && known.as_bytes() == name)
        .map(|(_, _, place)| *place)
}

/// IEEE 11073-10101: attributes MDC_ID_PROD_SPEC_HW, …_SW, …_FW.
const HARDWARE_CODE: &[u8] = b"531974";
const SOFTWARE_CODE: &[u8] = b"531975";
const FIRMWARE_CODE: &[u8] = b"531976";

/// Who sent what is read, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The client sends it.
    Sent,
    /// The server answers with it.
    Answered,
    /// The server answers with it, and nothing has shown yet that it speaks FHIR.
    Unproven,
}

/// What is kept of the resource that is read.
#[derive(Debug, Default)]
pub struct Draft {
    values: Vec<(At, Vec<u8>)>,
    /// It belongs to a patient.
    is_personal: bool,
}

impl Draft {
    /// Of a resource whose type is told by its element.
    pub fn of_type(name: &str) -> Self {
        Self {
            values: vec![(TYPE_NAME, name.into())],
            is_personal: false,
        }
    }

    /// An element begins.
    pub fn enter(&mut self, at: At) {
        self.is_personal |= at == PATIENT;
    }

    /// A value stands at a place.
    pub fn value(&mut self, at: At, value: &[u8]) {
        if self.values.len() < FHIR_VALUES_MAX && value.len() <= VALUE_BYTES_MAX {
            self.values.push((at, value.to_vec()));
        }
    }

    /// An element ends; true if it is the resource.
    pub fn leave(&mut self, at: At) -> bool {
        match at {
            VERSION => self.fold(VERSION_VALUE, VERSION_CODE, version_place),
            NAME => self.fold(NAME_TEXT, NAME_TYPE, name_place),
            _ => {}
        }
        at == RESOURCE
    }

    /// Takes a text and its kind, and leaves the text at the place that the kind means.
    fn fold(&mut self, text: At, kind_at: At, place: fn(&[u8]) -> Option<At>) {
        let mut take = |at: At| {
            let found = self.values.iter().position(|(known, _)| *known == at)?;
            Some(self.values.remove(found).1)
        };
        let (value, kind) = (take(text), take(kind_at));
        self.values.retain(|(at, _)| *at != text && *at != kind_at);
        if let Some(value) = value
            && let Some(at) = place(kind.as_deref().unwrap_or_default())
        {
            self.values.push((at, value));
        }
    }

    /// The first value at a place that is fit to be said: no person's, no control characters.
    fn text(&self, at: At) -> Option<&[u8]> {
        self.values
            .iter()
            .filter(|(known, _)| *known == at)
            .find_map(|(_, value)| reported::text(value))
            .filter(|value| !reported::names_person(value))
    }

    /// Says what the resource says.
    pub fn emit(&self, reading: Reading, emit: Emit<'_>) {
        let kind = self.values.iter().find(|(at, _)| *at == TYPE_NAME);
        match kind.map(|(_, name)| name.as_slice()) {
            Some(b"Device") => self.emit_device(emit),
            Some(b"DeviceMetric") => {
                if let Some(code) = self.text(KIND_CODE) {
                    fact(Subject::Sender, Field::FhirMetricType, code, emit);
                }
            }
            Some(b"CapabilityStatement" | b"Conformance") if reading != Reading::Sent => {
                self.emit_statement(reading, emit);
            }
            _ => {}
        }
    }

    fn emit_device(&self, emit: Emit<'_>) {
        let is_implanted = self
            .values
            .iter()
            .any(|(at, code)| *at == CATEGORY_CODE && code.starts_with(b"implantable"));
        let Some(serial) = self.text(SERIAL) else {
            return;
        };
        if self.is_personal || is_implanted || reported::is_placeholder(serial) {
            return;
        }
        let (maker, model) = (self.text(MAKER), self.text(MODEL));
        let identifier = Identifier::new(b"fhir:serial")
            .part(maker.unwrap_or_default())
            .part(model.unwrap_or_default())
            .part(serial)
            .finish();
        let Some(identifier) = identifier else {
            return;
        };
        for (at, field) in [
            (MAKER, Field::FhirDeviceManufacturer),
            (MODEL, Field::FhirDeviceModel),
            (SERIAL, Field::FhirDeviceSerial),
            (SOFTWARE_CODE_PLACE, Field::FhirDeviceSoftware),
            (FIRMWARE_CODE_PLACE, Field::FhirDeviceFirmware),
            (HARDWARE_CODE_PLACE, Field::FhirDeviceHardware),
            (UDI_TEXT, Field::FhirDeviceUdi),
            (KIND_CODE, Field::FhirDeviceType),
        ] {
            if let Some(value) = self.text(at) {
                fact(Subject::Reported(&identifier), field, value, emit);
            }
        }
    }

    fn emit_statement(&self, reading: Reading, emit: Emit<'_>) {
        let Some(version) = self.text(FHIR_VERSION) else {
            return;
        };
        // One of a kind of systems, or of what is wished for, is not of the sender.
        if self
            .text(STATEMENT_KIND)
            .is_some_and(|kind| kind != b"instance")
        {
            return;
        }
        if reading == Reading::Unproven {
            emit(Observation::Carries(Protocol::Fhir));
            fact(Subject::Sender, Field::FhirRole, b"fhir_server", emit);
            fact(Subject::Receiver, Field::FhirRole, b"fhir_client", emit);
        }
        for (value, field) in [
            (Some(version), Field::FhirVersion),
            (self.text(SOFTWARE_NAME), Field::FhirSoftwareName),
            (self.text(SOFTWARE_VERSION), Field::FhirSoftwareVersion),
        ] {
            if let Some(value) = value {
                fact(Subject::Sender, field, value, emit);
            }
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::texts(&self.values)
    }
}

/// Where a version or a name is kept once its kind is known.
const SOFTWARE_CODE_PLACE: At = 101;
const FIRMWARE_CODE_PLACE: At = 102;
const HARDWARE_CODE_PLACE: At = 103;

/// A version without a kind is the software's; one of an unknown kind is none.
fn version_place(code: &[u8]) -> Option<At> {
    match code {
        b"" | SOFTWARE_CODE | b"software-version" => Some(SOFTWARE_CODE_PLACE),
        FIRMWARE_CODE | b"firmware-version" => Some(FIRMWARE_CODE_PLACE),
        HARDWARE_CODE | b"hardware-version" => Some(HARDWARE_CODE_PLACE),
        _ => None,
    }
}

/// A name that people gave may be a person's; the maker's are not.
fn name_place(kind: &[u8]) -> Option<At> {
    match kind {
        b"manufacturer-name" => Some(MAKER),
        b"model-name" => Some(MODEL),
        _ => None,
    }
}
