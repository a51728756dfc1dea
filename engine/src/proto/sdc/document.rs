//! One SOAP document as it is read: what it says is kept until its end, since only then is it
//! known to be whole and how many devices it describes.

use std::borrow::Cow;

use medtap_table::vocabulary::{Event, Field};

use super::names::{INSTANCE, Key};
use crate::config::{REPORTED_PART_BYTES_MAX, SDC_MDS_MAX, SDC_VALUES_MAX};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::kept;
use crate::proto::reported::{self, Identifier};
use crate::proto::wsd::is_code;
use crate::proto::xml::{Place, Visitor};

/// The nomenclature of IEEE 11073-10101, which holds where a code names none.
const NOMENCLATURE: &[u8] = b"urn:oid:1.2.840.10004.1.1.1.0.0.1";

/// The last part of the action of each message that is read.
const ACTIONS: [&[u8]; 7] = [
    b"GetDeviceInformationResponse",
    b"GetResponse",
    b"GetMdibResponse",
    b"GetMdDescriptionResponse",
    b"GetContextStatesResponse",
    b"EpisodicContextReport",
    b"EpisodicAlertReport",
];

/// Attributes of a location, from the large to the small; the facility apart.
const PLACES: [&str; 5] = ["Building", "Floor", "PoC", "Room", "Bed"];

/// Operating modes of an MDS, IEEE 11073-10207.
const MODES: [(&[u8], &[u8]); 4] = [
    (b"Nml", b"normal"),
    (b"Dmo", b"demonstration"),
    (b"Srv", b"service"),
    (b"Mtn", b"maintenance"),
];

/// Values of one device.
#[derive(Default)]
struct Values(Vec<(Field, Vec<u8>)>);

impl Values {
    /// Keeps a text, if it is fit and the first of its field.
    fn set(&mut self, field: Field, value: &[u8]) {
        let Some(value) = reported::text(value) else {
            return;
        };
        let fits = value.len() <= crate::config::VALUE_BYTES_MAX && !reported::names_person(value);
        if fits && self.0.len() < SDC_VALUES_MAX && self.get(field).is_empty() {
            self.0.push((field, value.to_vec()));
        }
    }

    fn get(&self, field: Field) -> &[u8] {
        let found = self.0.iter().find(|(known, _)| *known == field);
        found.map_or(&[], |(_, value)| value)
    }

    fn tell(&self, subject: Subject<'_>, emit: Emit<'_>) {
        for (field, value) in &self.0 {
            emit(Observation::Fact {
                subject,
                field: *field,
                value,
            });
        }
    }
}

/// What a document says.
#[derive(Default)]
pub struct Document {
    /// Its action says that nothing in it is read.
    pub is_dull: bool,
    /// It describes or reports: its sender provides a device.
    provides: bool,
    /// Of the device that sends it.
    own: Values,
    systems: Vec<Values>,
    /// There are more systems than are kept.
    overflows: bool,
    /// The state that is open.
    state: Option<Key>,
    /// The kind of the specification that is open.
    production: Option<Field>,
    place: Values,
    alert: bool,
}

impl Visitor<Key> for Document {
    fn open(&mut self, place: &Place<'_, Key>) -> bool {
        use Key as K;
        let [Some(K::Envelope), inside @ ..] = place.path() else {
            return false;
        };
        match inside {
            [Some(K::Header), Some(K::Action)] => return true,
            [Some(K::Body), content @ ..] => {
                if let Some(inside) = in_system(content) {
                    return self.open_in_system(inside, place);
                }
                if let Some(inside) = in_state(content) {
                    self.open_in_state(inside, place);
                    return false;
                }
                self.provides |= matches!(
                    content,
                    [Some(
                        K::MdibResponse | K::DescriptionResponse | K::AlertReport
                    )]
                );
                self.open_alert(content, place);
                return metadata(content).is_some();
            }
            _ => {}
        }
        false
    }

    fn text(&mut self, place: &Place<'_, Key>, text: &[u8]) {
        use Key as K;
        let [Some(K::Envelope), part, content @ ..] = place.path() else {
            return;
        };
        if *part == Some(K::Header) {
            let text = text.trim_ascii();
            let last = text.rsplit(|byte| *byte == b'/').next();
            self.is_dull = !last.is_some_and(|last| ACTIONS.contains(&last));
            return;
        }
        if let Some(field) = metadata(content) {
            match field {
                // The name, a slash and the work group or domain.
                Field::DpwsComputer => {
                    let mut parts = text.split(|byte| matches!(byte, b'/' | b'\\'));
                    self.own.set(field, parts.next().unwrap_or_default());
                }
                field => self.own.set(field, text),
            }
            return;
        }
        let Some(system) = self.systems.last_mut().filter(|_| !self.overflows) else {
            return;
        };
        match in_system(content) {
            Some([Some(K::Production), Some(K::ProductionText)]) => {
                if let Some(field) = self.production.take() {
                    system.set(field, text);
                }
            }
            Some(inside) => {
                if let Some(field) = of_system(inside) {
                    system.set(field, text);
                }
            }
            None => {}
        }
    }
}

impl Document {
    fn open_in_system(&mut self, inside: &[Option<Key>], place: &Place<'_, Key>) -> bool {
        use Key as K;
        match inside {
            [] => {
                self.overflows |= self.systems.len() >= SDC_MDS_MAX;
                if !self.overflows {
                    self.systems.push(Values::default());
                }
                false
            }
            [Some(K::Type)] => {
                if let (Some(code), Some(system)) = (code(place), self.systems.last_mut()) {
                    system.set(Field::SdcType, &code);
                }
                false
            }
            [Some(K::Production)] => {
                self.production = None;
                false
            }
            [Some(K::Production), Some(K::ProductionType)] => {
                self.production = code(place).and_then(|code| production(&code));
                false
            }
            [Some(K::Production), Some(K::ProductionText)] => self.production.is_some(),
            inside => of_system(inside).is_some(),
        }
    }

    fn open_in_state(&mut self, inside: &[Option<Key>], place: &Place<'_, Key>) {
        let value = |name| place.attribute("", name);
        match inside {
            [] => {
                let kind = place.attribute(INSTANCE, "type");
                self.state = kind.and_then(|kind| place.resolve(&kind));
                let is_here = value("ContextAssociation").as_deref() == Some(b"Assoc");
                if self.state == Some(Key::LocationContext) && !is_here {
                    self.state = None;
                }
                if self.state == Some(Key::MdsState)
                    && let Some(mode) = value("OperatingMode")
                    && let Some((_, mode)) = MODES.iter().find(|(known, _)| *known == &*mode)
                {
                    self.place.set(Field::SdcMode, mode);
                }
            }
            [Some(Key::LocationDetail)] if self.state == Some(Key::LocationContext) => {
                if let Some(facility) = value("Facility").and_then(label) {
                    self.place.set(Field::SdcFacility, &facility);
                }
                let parts = PLACES.iter().filter_map(|name| label(value(name)?));
                let parts = parts.collect::<Vec<_>>().join(&b'/');
                self.place.set(Field::SdcLocation, &parts);
            }
            _ => {}
        }
    }

    fn open_alert(&mut self, content: &[Option<Key>], place: &Place<'_, Key>) {
        use Key as K;
        let [
            Some(K::AlertReport),
            Some(K::ReportPart),
            Some(K::AlertState),
        ] = content
        else {
            return;
        };
        let kind = place.attribute(INSTANCE, "type");
        let is_condition = kind.and_then(|kind| place.resolve(&kind)) == Some(K::Condition);
        let present = place.attribute("", "Presence");
        self.alert |= is_condition && present.as_deref() == Some(b"true");
    }

    /// Says what the metadata told. Where a computer publishes itself, maker and model are those
    /// of the service that does it (Windows, Samba), and only the name is the computer's.
    fn tell_own(&self, emit: Emit<'_>) {
        let publishes = !self.own.get(Field::DpwsComputer).is_empty();
        for (field, value) in &self.own.0 {
            let is_serial = matches!(field, Field::DpwsSerial | Field::OnvifSerial);
            let is_filler = is_serial && reported::is_placeholder(value);
            if !is_filler && (!publishes || *field == Field::DpwsComputer) {
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field: *field,
                    value,
                });
            }
        }
    }

    /// Says what the whole document told.
    pub fn tell(&self, emit: Emit<'_>) {
        self.tell_own(emit);
        if self.provides {
            for (subject, value) in [
                (Subject::Sender, &b"provider"[..]),
                (Subject::Receiver, b"consumer"),
            ] {
                emit(Observation::Fact {
                    subject,
                    field: Field::SdcRole,
                    value,
                });
            }
        }
        match self.systems.as_slice() {
            [] => self.place.tell(Subject::Sender, emit),
            [system] if !self.overflows => {
                system.tell(Subject::Sender, emit);
                self.place.tell(Subject::Sender, emit);
            }
            systems => {
                for system in systems {
                    report(system, emit);
                }
            }
        }
        if self.alert {
            emit(Observation::Event {
                subject: Subject::Sender,
                event: Event::SdcAlert,
            });
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        let texts = |values: &Values| kept::texts(&values.0);
        texts(&self.own)
            + texts(&self.place)
            + kept::list(&self.systems)
            + self.systems.iter().map(texts).sum::<usize>()
    }
}

/// One of several systems: a device that the sender reports, if its serial number tells it from
/// others.
fn report(system: &Values, emit: Emit<'_>) {
    let serial = system.get(Field::SdcSerial);
    if reported::is_placeholder(serial) {
        return;
    }
    let identifier = Identifier::new(b"sdc")
        .part(system.get(Field::SdcManufacturer))
        .part(system.get(Field::SdcModel))
        .part(serial)
        .finish();
    if let Some(identifier) = identifier {
        system.tell(Subject::Reported(&identifier), emit);
    }
}

/// The path inside an MDS's description.
fn in_system(content: &[Option<Key>]) -> Option<&[Option<Key>]> {
    use Key as K;
    match content {
        [
            Some(K::MdibResponse),
            Some(K::Mdib),
            Some(K::Description),
            Some(K::Mds),
            inside @ ..,
        ]
        | [
            Some(K::DescriptionResponse),
            Some(K::Description),
            Some(K::Mds),
            inside @ ..,
        ] => Some(inside),
        _ => None,
    }
}

/// The path inside a state that may be the MDS's or its location's.
fn in_state(content: &[Option<Key>]) -> Option<&[Option<Key>]> {
    use Key as K;
    match content {
        [
            Some(K::MdibResponse),
            Some(K::Mdib),
            Some(K::States),
            Some(K::State),
            inside @ ..,
        ]
        | [
            Some(K::ContextReport),
            Some(K::ReportPart),
            Some(K::ContextState),
            inside @ ..,
        ]
        | [Some(K::ContextResponse), Some(K::ContextState), inside @ ..] => Some(inside),
        _ => None,
    }
}

/// The field of a text inside an MDS.
fn of_system(inside: &[Option<Key>]) -> Option<Field> {
    use Key as K;
    Some(match inside {
        [Some(K::MetaData), Some(K::Manufacturer)] => Field::SdcManufacturer,
        [Some(K::MetaData), Some(K::ModelName)] => Field::SdcModel,
        [Some(K::MetaData), Some(K::ModelNumber)] => Field::SdcModelNumber,
        [Some(K::MetaData), Some(K::SerialNumber)] => Field::SdcSerial,
        [Some(K::MetaData), Some(K::Udi), Some(K::UdiText)] => Field::SdcUdi,
        [Some(K::MetaData), Some(K::Udi), Some(K::UdiDevice)] => Field::SdcUdiDevice,
        _ => return None,
    })
}

/// The field of a text of DPWS metadata or of ONVIF's device information.
fn metadata(content: &[Option<Key>]) -> Option<Field> {
    use Key as K;
    let inside = match content {
        [Some(K::DeviceInformation), Some(part)] => return information(*part),
        [Some(K::Metadata), Some(K::Section), inside @ ..] => inside,
        _ => return None,
    };
    Some(match inside {
        [Some(K::ThisModel), Some(K::Manufacturer)] => Field::DpwsManufacturer,
        [Some(K::ThisModel), Some(K::ModelName)] => Field::DpwsModel,
        [Some(K::ThisModel), Some(K::ModelNumber)] => Field::DpwsModelNumber,
        [Some(K::ThisDevice), Some(K::SerialNumber)] => Field::DpwsSerial,
        [Some(K::ThisDevice), Some(K::FirmwareVersion)] => Field::DpwsFirmware,
        [Some(K::Relationship), Some(K::Host), Some(K::Computer)] => Field::DpwsComputer,
        _ => return None,
    })
}

/// The field of a part of ONVIF's device information (Core Specification, Device Management).
const fn information(part: Key) -> Option<Field> {
    Some(match part {
        Key::Manufacturer => Field::OnvifManufacturer,
        Key::Model => Field::OnvifModel,
        Key::FirmwareVersion => Field::OnvifFirmware,
        Key::SerialNumber => Field::OnvifSerial,
        Key::HardwareId => Field::OnvifHardware,
        _ => return None,
    })
}

/// The code of an element, if it is one of the nomenclature of IEEE 11073-10101.
fn code(place: &Place<'_, Key>) -> Option<Vec<u8>> {
    let system = place.attribute("", "CodingSystem");
    if system.is_some_and(|system| &*system != NOMENCLATURE) {
        return None;
    }
    let code = place.attribute("", "Code")?;
    is_code(&code).then(|| code.into_owned())
}

/// What a specification's text is, by the code of its kind (MDC_ID_PROD_SPEC_…).
fn production(code: &[u8]) -> Option<Field> {
    Some(match code {
        b"531972" => Field::SdcSerial,
        b"531973" => Field::SdcPart,
        b"531974" => Field::SdcHardware,
        b"531975" => Field::SdcSoftware,
        b"531976" => Field::SdcFirmware,
        _ => return None,
    })
}

/// A short plain text that has not the form of a person's name.
fn label(text: Cow<'_, [u8]>) -> Option<Vec<u8>> {
    let text = reported::text(&text)?;
    let fits = text.len() <= REPORTED_PART_BYTES_MAX && !reported::names_person(text);
    (fits && !text.contains(&b',')).then(|| text.to_vec())
}
