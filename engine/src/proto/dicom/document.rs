//! Documents of codes that tell of an examination which was not good at once: rejection notes and
//! X-ray dose reports. It reads codes and their schemes, never what they are called, nor any text,
//! number or reference of a document.
//!
//! ```text
//! document | name (0040,A043) | content (0040,A730)
//! item     | name (0040,A043) | answer (0040,A168) | content (0040,A730)
//! code     | value (0008,0100) | scheme (0008,0102)
//! ```
//!
//! A rejection note is a key object selection whose title says so: PS3.16 CID 7011 and IHE RAD
//! 4.66. A dose report says of each acquisition whether it repeats another and whether it was
//! rejected: PS3.16 annex D, 128551 and 130503.

use medtap_table::vocabulary::Event;

use super::equipment::{Scope, Slot, Want};
use crate::proto::kept;

/// Which document an object is, by its SOP class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// None of these: no code of it is read.
    Other,
    /// Key object selection.
    Selection,
    /// X-ray radiation dose, also the enhanced one.
    Dose,
}

/// Which part of an item's two codes a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The code of its name.
    Name,
    /// The scheme that the name's code is of.
    NameScheme,
    /// The code of its answer.
    Answer,
    /// The scheme that the answer's code is of.
    AnswerScheme,
}

/// Key object selection document.
const SELECTION: &[u8] = b"1.2.840.10008.5.1.4.1.1.88.59";
/// X-ray radiation dose, and enhanced X-ray radiation dose.
const DOSE: [&[u8]; 2] = [
    b"1.2.840.10008.5.1.4.1.1.88.67",
    b"1.2.840.10008.5.1.4.1.1.88.76",
];
/// Concept Name Code Sequence.
const NAME: u32 = 0x0040_a043;
/// Concept Code Sequence.
const ANSWER: u32 = 0x0040_a168;
/// Content Sequence.
const CONTENT: u32 = 0x0040_a730;
/// Code Value.
const CODE: u32 = 0x0008_0100;
/// Coding Scheme Designator.
const SCHEME: u32 = 0x0008_0102;
/// Characters of a code and of a scheme, PS3.3 8.1 and 8.2.
const CODE_BYTES_MAX: usize = 16;

impl Document {
    /// The document of a SOP class.
    pub fn of(sop_class: &[u8]) -> Self {
        match sop_class {
            SELECTION => Self::Selection,
            class if DOSE.contains(&class) => Self::Dose,
            _ => Self::Other,
        }
    }

    /// The allow-list of a document, at its root after the equipment and in its content.
    pub const fn want(self, scope: Scope, tag: u32) -> Want {
        match (self, scope, tag) {
            (Self::Other, ..) => Want::Stop,
            (_, Scope::Root | Scope::Content, NAME) => Want::Enter(Scope::Name),
            (Self::Dose, Scope::Root | Scope::Content, CONTENT) => Want::Enter(Scope::Content),
            (Self::Dose, Scope::Content, ANSWER) => Want::Enter(Scope::Answer),
            (Self::Selection, Scope::Root, NAME..) | (Self::Dose, Scope::Root, CONTENT..) => {
                Want::Stop
            }
            (_, Scope::Name, CODE) => Want::Keep(Slot::Code(Part::Name)),
            (_, Scope::Name, SCHEME) => Want::Keep(Slot::Code(Part::NameScheme)),
            (_, Scope::Answer, CODE) => Want::Keep(Slot::Code(Part::Answer)),
            (_, Scope::Answer, SCHEME) => Want::Keep(Slot::Code(Part::AnswerScheme)),
            _ => Want::Skip,
        }
    }

    /// What a name, and the answer to it, tells.
    fn says(self, name: (&[u8], &[u8]), answer: (&[u8], &[u8])) -> Option<Event> {
        // SNOMED CT, and SNOMED RT as older documents wrote it: yes.
        let yes = matches!(
            answer,
            (b"373066001", b"SCT") | (b"R-0038D", b"SRT" | b"SNM3" | b"99SDM")
        );
        match (self, name) {
            (Self::Selection, (b"113001", b"DCM")) => Some(Event::DicomQualityReject),
            (Self::Selection, (b"113037", b"DCM")) => Some(Event::DicomSafetyReject),
            (Self::Selection, (b"113038", b"DCM")) => Some(Event::DicomWorklistReject),
            (Self::Dose, (b"128551", b"DCM")) if yes => Some(Event::DicomAcquisitionRepeated),
            (Self::Dose, (b"130503", b"DCM")) if yes => Some(Event::DicomAcquisitionRejected),
            _ => None,
        }
    }
}

/// The two codes of the item at hand, and what those before it told.
#[derive(Debug)]
pub struct Codes {
    /// By [`Part`].
    parts: [Vec<u8>; 4],
    /// Each once, however many items told it.
    told: Vec<Event>,
}

impl Codes {
    /// None yet.
    pub const fn new() -> Self {
        Self {
            parts: [const { Vec::new() }; 4],
            told: Vec::new(),
        }
    }

    fn part(&mut self, part: Part) -> &mut Vec<u8> {
        let [name, name_scheme, answer, answer_scheme] = &mut self.parts;
        match part {
            Part::Name => name,
            Part::NameScheme => name_scheme,
            Part::Answer => answer,
            Part::AnswerScheme => answer_scheme,
        }
    }

    /// A value begins.
    pub fn begin(&mut self, part: Part) {
        self.part(part).clear();
    }

    /// The next bytes of a value. One more than a code may have is kept, so that a longer one is
    /// none that is known.
    pub fn push(&mut self, part: Part, bytes: &[u8]) {
        let value = self.part(part);
        let room = (CODE_BYTES_MAX + 1).saturating_sub(value.len());
        value.extend(bytes.iter().take(room));
    }

    /// The item at hand is over: what it tells is noted, and its codes are no other's.
    pub fn end_item(&mut self, document: Document) {
        let [name, name_scheme, answer, answer_scheme] = &self.parts;
        let trim = |value| super::super::reported::trim(value);
        let says = document.says(
            (trim(name), trim(name_scheme)),
            (trim(answer), trim(answer_scheme)),
        );
        if let Some(event) = says
            && !self.told.contains(&event)
        {
            self.told.push(event);
        }
        self.parts.iter_mut().for_each(Vec::clear);
    }

    /// What the items told.
    pub fn told(&self) -> &[Event] {
        &self.told
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        self.parts.iter().map(kept::list).sum::<usize>() + kept::list(&self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(document: Document, items: &[[&[u8]; 4]]) -> Vec<Event> {
        const PARTS: [Part; 4] = [
            Part::Name,
            Part::NameScheme,
            Part::Answer,
            Part::AnswerScheme,
        ];
        let mut codes = Codes::new();
        for item in items {
            for (part, value) in PARTS.into_iter().zip(item) {
                codes.begin(part);
                codes.push(part, value);
            }
            codes.end_item(document);
        }
        codes.told().to_vec()
    }

    #[test]
    fn only_these_titles_reject_for_what_users_did() {
        let title = |code| told(Document::Selection, &[[code, b"DCM ", b"", b""]]);
        assert_eq!(title(b"113001"), [Event::DicomQualityReject]);
        assert_eq!(title(b"113037"), [Event::DicomSafetyReject]);
        assert_eq!(title(b"113038"), [Event::DicomWorklistReject]);
        for other in [&b"113000"[..], b"113039", b"113010", b"1130010", b""] {
            assert_eq!(title(other), [], "{}", other.escape_ascii());
        }
        let elsewhere = [&b"113001"[..], b"99ACME", b"", b""];
        assert_eq!(told(Document::Selection, &[elsewhere]), []);
        assert_eq!(told(Document::Dose, &[[b"113001", b"DCM", b"", b""]]), []);
    }

    #[test]
    fn a_repeat_is_one_that_is_answered_with_yes() {
        let yes = [&b"128551"[..], b"DCM", b"373066001", b"SCT"];
        let no = [&b"128551"[..], b"DCM", b"373067005", b"SCT"];
        let old = [&b"130503"[..], b"DCM", b"R-0038D", b"SRT"];
        let bare = [&b""[..], b"DCM", b"373066001", b"SCT"];
        assert_eq!(
            told(Document::Dose, &[no, yes, yes, old]),
            [
                Event::DicomAcquisitionRepeated,
                Event::DicomAcquisitionRejected
            ]
        );
        assert_eq!(told(Document::Dose, &[no, bare]), []);
        assert_eq!(told(Document::Selection, &[yes]), []);
        assert_eq!(told(Document::Other, &[yes]), []);
    }

    #[test]
    fn a_code_is_bounded() {
        let mut codes = Codes::new();
        for _ in 0..100 {
            codes.push(Part::Name, &[b'1'; 100]);
        }
        assert_eq!(codes.part(Part::Name).len(), CODE_BYTES_MAX + 1);
    }
}
