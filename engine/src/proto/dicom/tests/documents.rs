//! Rejection notes and dose reports, whole, cut at every byte and broken; beside each code stands
//! what it is called, and a person.

use super::*;

const SELECTION: &[u8] = b"1.2.840.10008.5.1.4.1.1.88.59";
const DOSE: &[u8] = b"1.2.840.10008.5.1.4.1.1.88.67";
const NAME: u32 = 0x0040_a043;
const ANSWER: u32 = 0x0040_a168;
const YES: (&[u8], &[u8]) = (b"373066001", b"SCT");
const NO: (&[u8], &[u8]) = (b"373067005", b"SCT");
const REPEATED: (&[u8], &[u8]) = (b"128551", b"DCM");
const REJECTED: (&[u8], &[u8]) = (b"130503", b"DCM");

/// A sequence of one item.
fn sequence(tag: u32, item: &[u8]) -> Vec<u8> {
    implicit(tag, &implicit(0xfffe_e000, item))
}

/// A sequence of one item, both ended by delimiters.
fn open_sequence(tag: u32, item: &[u8]) -> Vec<u8> {
    let open = |tag| {
        let mut head = implicit(tag, b"");
        head[4..].fill(0xff);
        head
    };
    let ends = [implicit(0xfffe_e00d, b""), implicit(0xfffe_e0dd, b"")];
    [open(tag), open(0xfffe_e000), item.to_vec(), ends.concat()].concat()
}

fn code((value, scheme): (&[u8], &[u8])) -> Vec<u8> {
    [
        implicit(0x0008_0100, &even(value, b' ')),
        implicit(0x0008_0102, &even(scheme, b' ')),
        implicit(0x0008_0104, &even(CANARY, b' ')),
    ]
    .concat()
}

/// The equipment that made a document, or what tells nothing of it, and a person.
fn head(is_told: bool) -> Vec<u8> {
    let equipment = [
        implicit(0x0008_0070, b"TESTVENDOR"),
        implicit(0x0008_1090, b"MODEL X "),
        implicit(0x0010_0010, &even(CANARY, b' ')),
        implicit(0x0018_1000, b"SN0001"),
    ];
    match is_told {
        true => equipment.concat(),
        false => equipment[2].clone(),
    }
}

/// A key object selection with this title; what it selects, and a text.
fn selection(title: (&[u8], &[u8]), is_told: bool) -> Vec<u8> {
    let text = [
        implicit(0x0040_a040, b"TEXT"),
        sequence(NAME, &code((b"113012", b"DCM"))),
        implicit(0x0040_a160, &even(CANARY, b' ')),
    ];
    [
        head(is_told),
        implicit(0x0040_a040, b"CONTAINER "),
        sequence(NAME, &code(title)),
        sequence(0x0040_a375, &implicit(0x0020_000d, b"1.2.3.4 ")),
        sequence(0x0040_a730, &text.concat()),
    ]
    .concat()
}

/// A dose report: an irradiation event with these answers, each one of its items.
fn dose(answers: &[[(&[u8], &[u8]); 2]], end: fn(u32, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let items: Vec<u8> = answers
        .iter()
        .flat_map(|[name, answer]| {
            let item = [
                implicit(0x0040_a040, b"CODE"),
                end(NAME, &code(*name)),
                end(ANSWER, &code(*answer)),
            ];
            implicit(0xfffe_e000, &item.concat())
        })
        .collect();
    let event = [
        implicit(0x0040_a040, b"CONTAINER "),
        end(NAME, &code((b"113706", b"DCM"))),
        implicit(0x0040_a730, &items),
    ];
    [
        head(true),
        end(NAME, &code((b"113701", b"DCM"))),
        end(0x0040_a730, &event.concat()),
    ]
    .concat()
}

/// The events that a stored document gives beside those of its storing.
fn events_of(class: &[u8], set: &[u8], more: &[Vec<u8>]) -> Vec<String> {
    let request = request(&[(3, class, IMPLICIT)]);
    let accept = accept(&[(3, 0, IMPLICIT)]);
    let store = message(3, &command(1, class, 7, true, more), set, 100);
    let seen = however_cut_some(&[(Client, &request), (Server, &accept), (Client, &store)]);
    assert!(!seen.concat().contains("Malformed"), "{seen:#?}");
    let others = ["event client dicom_association", "event client dicom_store"];
    seen.into_iter()
        .filter(|line| line.starts_with("event ") && !others.contains(&line.as_str()))
        .collect()
}

const MACHINE: &str = "event client>[dicom:serial|testvendor|model x|sn0001]";

#[test]
fn a_rejection_note_is_of_the_machine_that_made_it() {
    for (title, event) in [
        (&b"113001"[..], "dicom_quality_reject"),
        (b"113037", "dicom_safety_reject"),
        (b"113038", "dicom_worklist_reject"),
    ] {
        let told = events_of(SELECTION, &selection((title, b"DCM"), true), &[]);
        assert_eq!(told, [format!("{MACHINE} {event}")]);
        let told = events_of(SELECTION, &selection((title, b"DCM"), false), &[]);
        assert_eq!(told, [format!("event client {event}")]);
    }
}

#[test]
fn what_rejects_nothing_says_nothing() {
    for title in [
        (&b"113039"[..], &b"DCM"[..]),
        (b"113000", b"DCM"),
        (b"113001", b"99ACME"),
        (b"", b""),
    ] {
        let none: [String; 0] = [];
        assert_eq!(events_of(SELECTION, &selection(title, true), &[]), none);
    }
    // The same title in another class of object is none of a rejection note.
    let note = selection((b"113001", b"DCM"), true);
    assert_eq!(events_of(CT, &note, &[]), [] as [String; 0]);
    assert_eq!(events_of(DOSE, &note, &[]), [] as [String; 0]);
}

#[test]
fn a_note_that_is_handed_on_is_not_counted_again() {
    let note = selection((b"113001", b"DCM"), true);
    let moved = [implicit(0x0000_1030, b"WORKST")];
    assert_eq!(events_of(SELECTION, &note, &moved), [] as [String; 0]);
}

#[test]
fn a_dose_report_tells_each_once() {
    for end in [sequence, open_sequence] {
        let told = |answers: &[_]| events_of(DOSE, &dose(answers, end), &[]);
        let both = [[REPEATED, NO], [REPEATED, YES], [REJECTED, YES]];
        assert_eq!(
            told(&both),
            [
                format!("{MACHINE} dicom_acquisition_repeated"),
                format!("{MACHINE} dicom_acquisition_rejected"),
            ]
        );
        assert_eq!(told(&[[REPEATED, YES]; 9]).len(), 1);
        assert_eq!(told(&[[REPEATED, NO]]), [] as [String; 0]);
        // A name without a code does not inherit the one before it.
        assert_eq!(
            told(&[[REPEATED, NO], [(b"", b"DCM"), YES]]),
            [] as [String; 0]
        );
    }
}

#[test]
fn a_document_in_any_form_and_broken() {
    let mut set = Explicit {
        big: true,
        bytes: Vec::new(),
    };
    set.short(0x0010_0010, b"PN", CANARY);
    set.begin(NAME, b"SQ", u32::MAX);
    set.item(0xfffe_e000, u32::MAX);
    set.short(0x0008_0100, b"SH", b"113001");
    set.short(0x0008_0102, b"SH", b"DCM");
    set.short(0x0008_0104, b"LO", CANARY);
    set.item(0xfffe_e00d, 0);
    set.item(0xfffe_e0dd, 0);
    set.short(0x0040_a050, b"CS", b"SEPARATE");
    let request = request(&[(3, SELECTION, BIG)]);
    let accept = accept(&[(3, 0, BIG)]);
    let told = |set: &[u8]| {
        let store = message(3, &command(1, SELECTION, 7, true, &[]), set, 100);
        however_cut_some(&[(Client, &request), (Server, &accept), (Client, &store)])
    };
    let event = "event client dicom_quality_reject".to_owned();
    assert!(told(&set.bytes).contains(&event));
    // Cut in its title it is not believed.
    let cut = told(&set.bytes[..set.bytes.len() - 30]);
    assert!(!cut.contains(&event), "{cut:#?}");
}

#[test]
fn any_documents_are_the_same_however_cut() {
    let note = selection((b"113001", b"DCM"), true);
    let dose = dose(&[[REPEATED, YES], [REJECTED, YES]], open_sequence);
    let script = [
        message(3, &command(1, SELECTION, 7, true, &[]), &note, 300),
        message(3, &command(1, DOSE, 8, true, &[]), &dose, 300),
    ]
    .concat();
    changed_however_cut(CLASSIFIER.session, &script);
}

/// A command that shows what it is only behind more bytes than are waited for is not found, cut or
/// whole.
#[test]
fn a_lost_place_is_found_alike_however_cut() {
    let lost = b"\0";
    let note = selection((b"113001", b"DCM"), true);
    let mut store = message(3, &command(1, SELECTION, 7, true, &[]), &note, 300);
    // PDU, PDV, the group's length, the SOP class and a tag: then how long the command field is.
    let field_len = 6 + 6 + 12 + (8 + SELECTION.len().next_multiple_of(2)) + 4;
    assert_eq!(store[field_len..][..4], [2, 0, 0, 0]);
    store[field_len] = 211;
    let said = [&lost[..], &store].concat();
    however_cut(CLASSIFIER.session, &[(Client, &said)]);
}
