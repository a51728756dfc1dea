//! Resources in XML: FHIR R4, 2.6.1, where an element's value is its attribute `value`. It enters
//! the places of `resource` and no other.

use super::super::http::application::{BodyReader, Wants};
use super::super::json::At;
use super::super::xml::{Name, Place, Reader, Schema, Visitor};
use super::resource::{Draft, ENTRY, RESOURCE, Reading, place};
use crate::observe::{Emit, Fault, Observation};

/// The namespace of FHIR.
const FHIR: &str = "http://hl7.org/fhir";

const fn name(local: &'static str) -> Name<&'static str> {
    Name::new(FHIR, local, local)
}

/// The elements that count: the resources, and what `resource` knows in them.
const SCHEMA: Schema<&str> = Schema {
    spaces: &[FHIR],
    names: &[
        name("Bundle"),
        name("entry"),
        name("resource"),
        name("Device"),
        name("DeviceMetric"),
        name("CapabilityStatement"),
        name("Conformance"),
        name("manufacturer"),
        name("modelNumber"),
        name("model"),
        name("serialNumber"),
        name("version"),
        name("value"),
        name("deviceName"),
        name("name"),
        name("udiCarrier"),
        name("carrierHRF"),
        name("type"),
        name("category"),
        name("coding"),
        name("code"),
        name("software"),
        name("fhirVersion"),
        name("kind"),
        name("patient"),
    ],
};

/// The names above that are resources' types and hold what is read.
const TYPES: &[&str] = &[
    "Device",
    "DeviceMetric",
    "CapabilityStatement",
    "Conformance",
];

/// Reads a body of one resource, or of a Bundle of them.
pub struct Resources {
    reader: Reader<&'static str>,
    drafts: Drafts,
    reading: Reading,
}

/// The resource that is read, and those that ended.
#[derive(Default)]
struct Drafts {
    open: Draft,
    whole: Vec<Draft>,
}

impl Resources {
    /// At the beginning of a body.
    pub fn new(reading: Reading) -> Self {
        Self {
            reader: Reader::new(&SCHEMA),
            drafts: Drafts::default(),
            reading,
        }
    }
}

impl BodyReader for Resources {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        for piece in bytes.chunks(1024) {
            let pushed = self.reader.push(piece, &mut self.drafts);
            for draft in self.drafts.whole.drain(..) {
                draft.emit(self.reading, emit);
            }
            match pushed {
                Ok(pushed) if pushed.ended => return Wants::Nothing,
                Ok(_) => {}
                Err(fault) => {
                    emit(fault.told());
                    return Wants::Nothing;
                }
            }
        }
        Wants::More
    }

    fn end(&mut self, emit: Emit<'_>) {
        if !self.reader.is_between() {
            emit(Observation::Faulty(Fault::Truncated));
        }
    }

    fn kept_bytes(&self) -> usize {
        self.reader.kept_bytes() + self.drafts.open.kept_bytes()
    }
}

/// The place that a path leads to, from the innermost resource on; `None` where it leads out of
/// what is known.
fn place_of(path: &[Option<&'static str>]) -> Option<At> {
    let mut at = None;
    let mut is_held = true;
    for step in path {
        let step = (*step)?;
        at = match at {
            // The root, or what an entry holds.
            None if is_held && TYPES.contains(&step) => Some(RESOURCE),
            None if is_held && step == "Bundle" => {
                is_held = false;
                Some(RESOURCE)
            }
            Some(ENTRY) if step == "resource" => {
                is_held = true;
                None
            }
            Some(at) => Some(place(at, step.as_bytes())?),
            None => return None,
        };
    }
    at
}

impl Visitor<&'static str> for Drafts {
    fn open(&mut self, place: &Place<'_, &'static str>) -> bool {
        let path = place.path();
        let Some(at) = place_of(path) else {
            return false;
        };
        match (at, path.last()) {
            (RESOURCE, Some(Some(kind))) if TYPES.contains(kind) => {
                self.open = Draft::of_type(kind);
            }
            _ => {
                self.open.enter(at);
                if let Some(value) = place.attribute("", "value") {
                    self.open.value(at, &value);
                }
            }
        }
        false
    }

    fn text(&mut self, _place: &Place<'_, &'static str>, _text: &[u8]) {}

    fn close(&mut self, path: &[Option<&'static str>]) {
        if let Some(at) = place_of(path)
            && self.open.leave(at)
        {
            self.whole.push(std::mem::take(&mut self.open));
        }
    }
}
