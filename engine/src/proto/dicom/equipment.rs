//! What a data set says about equipment: the exact elements that are kept, held until they have
//! all passed, and the identifier that they make. Every other element is stepped over.
//!
//! # The identifier
//!
//! A machine gets the same one for all of its objects. The first of these forms that can be made:
//!
//! * `dicom:serial|<manufacturer>|<model>|<serial>` where the serial number is no placeholder;
//! * `dicom:station|<manufacturer>|<model>|<station name>` where station and model are told;
//! * `dicom:ae|<AE title>` for a worklist or procedure step, which tell no maker.
//!
//! Parts are lower case with single spaces. With none of them nothing is said.

use medtap_table::vocabulary::{Event, Field};

use super::document::{Codes, Document, Part};
use crate::config::{DICOM_VALUES_MAX, VALUE_BYTES_MAX};
use crate::observe::{Emit, Observation, Subject};
use crate::proto::clock::{self, Clock, Told};
use crate::proto::kept;
use crate::proto::reported::{self, Identifier};

/// Which elements are kept: it depends on what the data set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An object that is stored: the equipment modules of PS3.3 C.7.5 and the detector, and the
    /// codes of this document.
    Object(Document),
    /// A worklist answer: the scheduled station, PS3.4 table K.6-1.
    Worklist,
    /// A performed procedure step, created or set: PS3.4 table F.7.2-1.
    ProcedureStep,
    /// What a printer or a display answers about itself: PS3.4 tables H.4-17 and EE.2-1.
    Own,
}

/// Where in the data set an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Not in any sequence.
    Root,
    /// In the UDI Sequence (0018,100A).
    Udi,
    /// In the Scheduled Procedure Step Sequence (0040,0100).
    ScheduledStep,
    /// In the name of a document or of an item of it.
    Name,
    /// In the answer of an item of a document.
    Answer,
    /// In the content of a document.
    Content,
    /// In a sequence of which nothing is kept.
    Nothing,
}

/// What to do with an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Keep its value.
    Keep(Slot),
    /// Read the items of this sequence.
    Enter(Scope),
    /// Step over it.
    Skip,
    /// Neither it nor anything after it is kept.
    Stop,
}

/// What a kept value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A fact.
    Fact(Field),
    /// The status of a performed procedure step (0040,0252): an event, not a fact.
    StepStatus,
    /// The day of its start (0040,0244): compared with the time of the capture, never told.
    StepDate,
    /// The time of its start (0040,0245): the same.
    StepTime,
    /// A part of a document's codes: what they tell is an event.
    Code(Part),
}

/// The allow-list. `tag` is group and element.
pub const fn want(kind: Kind, scope: Scope, tag: u32) -> Want {
    use Slot::Fact;
    use Want::{Enter, Keep, Skip, Stop};
    match (kind, scope, tag) {
        (Kind::Object(_) | Kind::ProcedureStep, Scope::Root, 0x0008_0060)
        | (Kind::Worklist, Scope::ScheduledStep, 0x0008_0060) => Keep(Fact(Field::DicomModality)),
        (Kind::Own, Scope::Root, _) => match tag {
            0x0008_0070 => Keep(Fact(Field::DicomManufacturer)),
            0x0008_0080 => Keep(Fact(Field::DicomInstitution)),
            0x0008_1010 => Keep(Fact(Field::DicomStationName)),
            0x0008_1040 => Keep(Fact(Field::DicomDepartment)),
            0x0008_1090 => Keep(Fact(Field::DicomModel)),
            0x0018_1000 => Keep(Fact(Field::DicomSerialNumber)),
            0x0018_1002 => Keep(Fact(Field::DicomDeviceUid)),
            0x0018_1020 => Keep(Fact(Field::DicomSoftwareVersions)),
            0x0018_1200 => Keep(Fact(Field::DicomCalibrationDate)),
            0x0018_1204 => Keep(Fact(Field::DicomManufactureDate)),
            0x0018_1205 => Keep(Fact(Field::DicomInstallationDate)),
            0..0x0018_1205 => Skip,
            _ => Stop,
        },
        (Kind::Object(document), Scope::Root, _) => match tag {
            0x0008_0055 => Keep(Fact(Field::DicomStationAeTitle)),
            0x0008_0070 => Keep(Fact(Field::DicomManufacturer)),
            0x0008_0080 => Keep(Fact(Field::DicomInstitution)),
            0x0008_1010 => Keep(Fact(Field::DicomStationName)),
            0x0008_1040 => Keep(Fact(Field::DicomDepartment)),
            0x0008_1090 => Keep(Fact(Field::DicomModel)),
            0x0018_1000 => Keep(Fact(Field::DicomSerialNumber)),
            0x0018_1002 => Keep(Fact(Field::DicomDeviceUid)),
            0x0018_1008 => Keep(Fact(Field::DicomGantryId)),
            0x0018_100a => Enter(Scope::Udi),
            0x0018_100b => Keep(Fact(Field::DicomDeviceClassUid)),
            0x0018_1020 => Keep(Fact(Field::DicomSoftwareVersions)),
            0x0018_1200 => Keep(Fact(Field::DicomCalibrationDate)),
            0x0018_1204 => Keep(Fact(Field::DicomManufactureDate)),
            0x0018_1205 => Keep(Fact(Field::DicomInstallationDate)),
            0x0018_700a => Keep(Fact(Field::DicomDetectorId)),
            0x0018_702a => Keep(Fact(Field::DicomDetectorManufacturer)),
            0x0018_702b => Keep(Fact(Field::DicomDetectorModel)),
            0..0x0018_702b => Skip,
            _ => document.want(scope, tag),
        },
        (Kind::Object(document), Scope::Name | Scope::Answer | Scope::Content, _) => {
            document.want(scope, tag)
        }
        (Kind::Object(_), Scope::Udi, 0x0018_1009) => Keep(Fact(Field::DicomUdi)),
        (Kind::Worklist, Scope::Root, _) => match tag {
            0x0040_0100 => Enter(Scope::ScheduledStep),
            0..0x0040_0100 => Skip,
            _ => Stop,
        },
        (Kind::Worklist, Scope::ScheduledStep, 0x0040_0001) => {
            Keep(Fact(Field::DicomStationAeTitle))
        }
        (Kind::Worklist, Scope::ScheduledStep, 0x0040_0010) => Keep(Fact(Field::DicomStationName)),
        (Kind::Worklist, Scope::ScheduledStep, 0x0040_0011) => Keep(Fact(Field::DicomLocation)),
        (Kind::ProcedureStep, Scope::Root, _) => match tag {
            0x0040_0241 => Keep(Fact(Field::DicomStationAeTitle)),
            0x0040_0242 => Keep(Fact(Field::DicomStationName)),
            0x0040_0243 => Keep(Fact(Field::DicomLocation)),
            0x0040_0244 => Keep(Slot::StepDate),
            0x0040_0245 => Keep(Slot::StepTime),
            0x0040_0252 => Keep(Slot::StepStatus),
            0..0x0040_0252 => Skip,
            _ => Stop,
        },
        _ => Skip,
    }
}

/// The values kept of one data set.
#[derive(Debug)]
pub struct Equipment {
    kind: Kind,
    text: Vec<u8>,
    values: Vec<(Slot, std::ops::Range<usize>)>,
    codes: Codes,
    /// The part of the codes whose value is read.
    code: Option<Part>,
}

impl Equipment {
    /// Nothing kept yet.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            text: Vec::new(),
            values: Vec::new(),
            codes: Codes::new(),
            code: None,
        }
    }

    /// True where a value was kept.
    pub const fn holds_any(&self) -> bool {
        !self.values.is_empty()
    }

    /// The next value begins. False if no more are kept.
    pub fn begin(&mut self, slot: Slot) -> bool {
        self.code = None;
        if let Slot::Code(part) = slot {
            self.codes.begin(part);
            self.code = Some(part);
            return true;
        }
        let room = self.values.len() < DICOM_VALUES_MAX;
        if room {
            let start = self.text.len();
            self.values.push((slot, start..start));
        }
        room
    }

    /// The next bytes of the value. One byte more than a value may have is kept, so that who
    /// receives it sees that it was longer.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(part) = self.code {
            return self.codes.push(part, bytes);
        }
        let Some((_, range)) = self.values.last_mut() else {
            return;
        };
        let room = (VALUE_BYTES_MAX + 1).saturating_sub(range.len());
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.text.extend_from_slice(kept);
        range.end = self.text.len();
    }

    /// A sequence whose items are read begins. With a name, what was named before is over.
    pub fn enter(&mut self, scope: Scope) {
        if scope == Scope::Name {
            self.end_item();
        }
    }

    fn end_item(&mut self) {
        if let Kind::Object(document) = self.kind {
            self.codes.end_item(document);
        }
    }

    /// The values that are fit to be emitted.
    fn facts(&self) -> impl Iterator<Item = (Field, &[u8])> {
        self.values.iter().filter_map(|(slot, range)| match slot {
            Slot::Fact(field) => {
                let value = reported::text(self.text.get(range.clone())?)?;
                is_fit(*field, value).then_some((*field, value))
            }
            Slot::StepStatus | Slot::StepDate | Slot::StepTime | Slot::Code(_) => None,
        })
    }

    /// The text of what is no fact.
    fn slot(&self, wanted: Slot) -> Option<&[u8]> {
        let mut values = self.values.iter();
        let (_, range) = values.find(|(slot, _)| *slot == wanted)?;
        reported::text(self.text.get(range.clone())?)
    }

    /// When the procedure step began by the clock of who tells it.
    fn began(&self) -> Option<Told> {
        let (day, time) = (self.slot(Slot::StepDate)?, self.slot(Slot::StepTime)?);
        clock::digits(&[day, time].concat())
    }

    /// The value of a field, without padding.
    fn value(&self, field: Field) -> Option<&[u8]> {
        self.facts().find(|fact| fact.0 == field).map(|fact| fact.1)
    }

    /// What became of the procedure step, by PS3.4 F.7.2.2: `created` tells the two messages apart.
    fn step(&self, created: bool) -> Option<Event> {
        match (created, self.slot(Slot::StepStatus)?) {
            (true, b"IN PROGRESS") => Some(Event::DicomProcedureStarted),
            (false, b"COMPLETED") => Some(Event::DicomProcedureCompleted),
            (false, b"DISCONTINUED") => Some(Event::DicomProcedureDiscontinued),
            _ => None,
        }
    }

    /// The identifier of the device, see the module's head.
    fn identifier(&self) -> Option<Vec<u8>> {
        let maker = self.value(Field::DicomManufacturer).unwrap_or_default();
        let model = self.value(Field::DicomModel);
        let real = |field| {
            self.value(field)
                .filter(|value| !reported::is_placeholder(value))
        };
        let serial = real(Field::DicomSerialNumber);
        let station = real(Field::DicomStationName);
        match (self.kind, serial, station, model) {
            (Kind::Object(_), Some(serial), _, _) => Identifier::new(b"dicom:serial")
                .part(maker)
                .part(model.unwrap_or_default())
                .part(serial)
                .finish(),
            (Kind::Object(_), None, Some(station), Some(model)) => {
                Identifier::new(b"dicom:station")
                    .part(maker)
                    .part(model)
                    .part(station)
                    .finish()
            }
            (Kind::Object(_), ..) => None,
            (Kind::Own, ..) => None,
            (Kind::Worklist | Kind::ProcedureStep, ..) => Identifier::new(b"dicom:ae")
                .part(real(Field::DicomStationAeTitle)?)
                .finish(),
        }
    }

    /// Says it all. `created`: when an N-CREATE came, which tells a beginning by the sender's
    /// clock; none for any other message.
    pub fn emit(&mut self, created: Option<u64>, emit: Emit<'_>) {
        self.end_item();
        if let (Some(told), Some(time_ns)) = (self.began(), created) {
            Clock::default().read(Field::DicomOffset, told, time_ns, emit);
        }
        if let Some(event) = self.step(created.is_some()) {
            emit(Observation::Event {
                subject: Subject::Sender,
                event,
            });
        }
        if self.kind == Kind::Own {
            self.emit_own(emit);
            return;
        }
        let identifier = self.identifier();
        // A document is of the machine that made it, whoever sends it.
        let subject = identifier
            .as_deref()
            .map_or(Subject::Sender, Subject::Reported);
        for event in self.codes.told() {
            emit(Observation::Event {
                subject,
                event: *event,
            });
        }
        let Some(identifier) = identifier else {
            return;
        };
        for (field, value) in self.facts() {
            emit(Observation::Fact {
                subject: Subject::Reported(&identifier),
                field,
                value,
            });
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.text) + kept::list(&self.values) + self.codes.kept_bytes()
    }
}

impl Equipment {
    /// Says what the sender says of itself. A serial number that many machines share is none.
    fn emit_own(&self, emit: Emit<'_>) {
        for (field, value) in self.facts() {
            if field != Field::DicomSerialNumber || !reported::is_placeholder(value) {
                emit(Observation::Fact {
                    subject: Subject::Sender,
                    field,
                    value,
                });
            }
        }
    }
}

/// False for a value that may name a person, or that names several stations at once.
fn is_fit(field: Field, value: &[u8]) -> bool {
    match field {
        Field::DicomInstitution => !reported::names_person(value),
        Field::DicomStationName
        | Field::DicomDepartment
        | Field::DicomLocation
        | Field::DicomStationAeTitle => {
            !value.iter().any(|byte| matches!(byte, b'^' | b'@' | b'\\'))
        }
        _ => !value.contains(&b'^'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05 08:00:00 UTC, five minutes before the step says that it began.
    #[test]
    fn a_step_that_begins_shows_the_clock_and_no_time() {
        let mut equipment = Equipment::new(Kind::ProcedureStep);
        let values: [(Slot, &[u8]); 2] = [
            (Slot::StepDate, b"20260105"),
            (Slot::StepTime, b"080500.12 "),
        ];
        for (slot, value) in values {
            assert!(equipment.begin(slot));
            equipment.push(value);
        }
        let mut said = |created| {
            let mut said = Vec::new();
            equipment.emit(created, &mut |seen| said.push(format!("{seen:?}")));
            said.concat()
        };
        let told = said(Some(1_767_600_000_000_000_000));
        assert!(
            told.contains("DicomOffset") && !told.contains("0805"),
            "{told}"
        );
        assert!(told.contains(&format!("{:?}", b"300")), "{told}");
        assert_eq!(said(None), "", "no other message is of its beginning");
    }

    fn equipment(kind: Kind, values: &[(Field, &[u8])]) -> Equipment {
        let mut equipment = Equipment::new(kind);
        for (field, value) in values {
            assert!(equipment.begin(Slot::Fact(*field)));
            equipment.push(value);
        }
        equipment
    }

    fn identifier(kind: Kind, values: &[(Field, &[u8])]) -> Option<String> {
        let bytes = equipment(kind, values).identifier()?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_first_identifier_that_can_be_made() {
        use Field::{DicomManufacturer, DicomModel, DicomSerialNumber, DicomStationName};
        let maker = (DicomManufacturer, &b"ACME "[..]);
        let model = (DicomModel, &b"Model X"[..]);
        let station = (DicomStationName, &b"CT1"[..]);
        let serial = (DicomSerialNumber, &b"SN1"[..]);
        let zero = (DicomSerialNumber, &b"000"[..]);
        assert_eq!(
            identifier(
                Kind::Object(Document::Other),
                &[maker, model, station, serial]
            )
            .as_deref(),
            Some("dicom:serial|acme|model x|sn1")
        );
        assert_eq!(
            identifier(
                Kind::Object(Document::Other),
                &[maker, model, station, zero]
            )
            .as_deref(),
            Some("dicom:station|acme|model x|ct1")
        );
        assert_eq!(
            identifier(Kind::Object(Document::Other), &[maker, model, zero]),
            None
        );
        assert_eq!(
            identifier(Kind::Object(Document::Other), &[maker, station]),
            None
        );
        assert_eq!(identifier(Kind::Worklist, &[station]), None);
    }

    #[test]
    fn values_are_bounded() {
        let mut equipment = Equipment::new(Kind::Object(Document::Other));
        for _ in 0..100 {
            equipment.begin(Slot::Fact(Field::DicomModel));
            equipment.push(&[b'a'; 1000]);
        }
        assert_eq!(equipment.values.len(), DICOM_VALUES_MAX);
        assert!(equipment.text.len() <= DICOM_VALUES_MAX.div_ceil(1) * 1000);
        assert!(
            equipment
                .facts()
                .all(|fact| fact.1.len() == VALUE_BYTES_MAX + 1)
        );
    }
}
