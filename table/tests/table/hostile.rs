//! A table file may say anything: no panic, no hang, nothing read from outside it.

use std::fs;
use std::io::Write;
use std::mem::offset_of;
use std::time::Duration;

use medtap_table::layout::{
    FactRecord, FactSlot, HEADER_COUNTERS_OFFSET, HEADER_SIZE, Header, HeaderCounters,
    InterfaceRecord, InterfaceSlot, REGION_COUNT, SubjectRecord, SubjectSlot,
};
use medtap_table::{FactId, LayoutError, OpenError, TableReader};

use crate::sample::{self, contents};

fn saved() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    sample::writer().save(&path).unwrap();
    fs::read(&path).unwrap()
}

/// Opens the bytes and reads all that they give.
fn read(bytes: &[u8]) -> Result<TableReader, OpenError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let reader = TableReader::open(file.path())?;
    let read = contents(&reader);
    for (_, fact) in &read.facts {
        assert!(fact.raw.len() <= 3 * 256 && fact.value.len() <= 3 * 256);
        assert!(fact.confidence <= 100);
        assert!(u64::from(fact.subject.0) < reader.used(medtap_table::Region::Subjects));
    }
    // One fact, or what it is about, is there exactly where all of them say so.
    for id in (0..8).map(FactId) {
        let known = read.facts.iter().find(|(fact, _)| *fact == id.0);
        assert_eq!(reader.fact(id).as_ref(), known.map(|known| &known.1));
        let head = reader.fact_head(id);
        assert_eq!(
            head.map(|head| head.subject),
            known.map(|known| known.1.subject)
        );
        assert_eq!(
            head.map(|head| head.field),
            known.map(|known| known.1.field)
        );
    }
    let slots: Vec<u32> = (0..8).collect();
    let stored = reader.stored_facts(&slots);
    let told = stored.iter().filter_map(|stored| reader.told(stored));
    let known = read.facts.iter().filter(|(fact, _)| *fact < 8);
    assert!(told.eq(known.map(|(_, fact)| fact.clone())));
    for (id, subject, _) in &read.subjects {
        assert!(subject.reporter.is_none_or(|reporter| reporter.0 < *id));
    }
    Ok(reader)
}

fn put(bytes: &mut [u8], offset: usize, with: &[u8]) {
    bytes[offset..offset + with.len()].copy_from_slice(with);
}

fn word(bytes: &[u8], offset: usize) -> usize {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap()) as usize
}

/// Where a region of a saved table begins.
fn region(bytes: &[u8], number: usize) -> usize {
    word(bytes, offset_of!(Header, regions) + 24 * number)
}

#[test]
fn numbers_of_the_header_are_checked_before_use() {
    let whole = saved();
    let numbers: [u64; 8] = [0, 1, 7, 511, 1 << 32, u64::MAX / 2, u64::MAX - 7, u64::MAX];
    for offset in (16..size_of::<Header>()).step_by(8) {
        for number in numbers {
            let mut bytes = whole.clone();
            put(&mut bytes, offset, &number.to_le_bytes());
            let _ = read(&bytes);
        }
    }
    let mut bytes = whole.clone();
    put(
        &mut bytes,
        offset_of!(Header, regions) + 16,
        &u64::MAX.to_le_bytes(),
    );
    let error = read(&bytes).unwrap_err();
    let OpenError::Layout { error, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        error,
        LayoutError::Damaged("a region ends outside the file")
    );
}

/// A number of used slots beyond the capacity gives the capacity.
#[test]
fn counts_are_bounded_by_the_region() {
    let mut bytes = saved();
    for number in 0..REGION_COUNT {
        let offset = HEADER_COUNTERS_OFFSET + offset_of!(HeaderCounters, used) + 8 * number;
        put(&mut bytes, offset, &u64::MAX.to_le_bytes());
    }
    assert_eq!(read(&bytes).unwrap().subjects().count(), 5);
}

#[test]
fn references_outside_the_table_are_skipped() {
    let whole = saved();
    let fact = region(&whole, 1) + offset_of!(FactSlot, record);
    let long = fact + size_of::<FactSlot>();
    let subject = region(&whole, 0) + offset_of!(SubjectSlot, record);
    let reported = subject + 3 * size_of::<SubjectSlot>();
    let interface = region(&whole, 5) + offset_of!(InterfaceSlot, record);
    let u32_max = u32::MAX.to_le_bytes();
    for (offset, with) in [
        (fact + offset_of!(FactRecord, subject), &u32_max[..]),
        (fact + offset_of!(FactRecord, subject), &[5, 0, 0, 0]),
        (fact + offset_of!(FactRecord, field), &[0xff, 0xff]),
        (fact + offset_of!(FactRecord, attribute), &[0xff]),
        (fact + offset_of!(FactRecord, raw_len), &[0xff, 0xff]),
        (long + offset_of!(FactRecord, raw_heap), &u32_max),
        (long + offset_of!(FactRecord, value_heap), &[127, 0, 0, 0]),
        (long + offset_of!(FactRecord, raw_len), &[1, 1]),
        (region(&whole, 2) + 8 + 16, &u32_max),
        (region(&whole, 3) + 8 + 24, &u32_max),
        (
            reported + offset_of!(SubjectRecord, reporter),
            &[3, 0, 0, 0],
        ),
        (interface + offset_of!(InterfaceRecord, attach), &[99]),
        (interface + offset_of!(InterfaceRecord, name_len), &[17]),
        (
            interface + offset_of!(InterfaceRecord, note_len),
            &[0xff, 0xff],
        ),
        (subject + offset_of!(SubjectRecord, kind), &[3]),
        (subject + offset_of!(SubjectRecord, network), &[5]),
        (reported + offset_of!(SubjectRecord, identifier_len), &[65]),
    ] {
        let mut bytes = whole.clone();
        put(&mut bytes, offset, with);
        let reader = read(&bytes).unwrap();
        assert_eq!(
            (reader.skipped(), reader.torn()),
            (1, 0),
            "offset {offset}, {with:?}"
        );
    }
}

/// Text that is no UTF-8 is read as far as it goes.
#[test]
fn broken_text_is_replaced() {
    let mut bytes = saved();
    let fact = region(&bytes, 1) + offset_of!(FactSlot, record);
    put(&mut bytes, fact + offset_of!(FactRecord, raw), &[0xff]);
    let reader = read(&bytes).unwrap();
    assert_eq!(reader.facts().next().unwrap().1.raw, "\u{fffd}OMATOM Go");
}

/// A writer that died mid-store leaves an odd number: the record is missing, and that is said.
#[test]
fn torn_records_are_counted_and_do_not_hang() {
    let mut bytes = saved();
    let subjects = region(&bytes, 0);
    put(&mut bytes, subjects, &[3]);
    let reader = read(&bytes).unwrap();
    assert_eq!((reader.torn(), reader.skipped()), (1, 0));
    assert_eq!(reader.subjects().count(), 4);
    assert_eq!(reader.torn(), 2);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    reader.save(&path).unwrap();
    let copy = TableReader::open(&path).unwrap();
    assert_eq!(
        copy.subjects().next().unwrap().0.0,
        1,
        "slots keep their numbers"
    );
    assert_eq!(copy.torn(), 0);
}

/// Any few changes to a sound table: no panic, and whatever is read keeps its promises.
#[test]
fn fuzz_changes() {
    let whole = saved();
    bolero::check!()
        .with_type::<Vec<(u16, bool, u8)>>()
        .with_test_time(Duration::from_millis(400))
        .for_each(|changes| {
            let mut bytes = whole.clone();
            for &(place, in_header, byte) in changes {
                let range = if in_header { HEADER_SIZE } else { bytes.len() };
                bytes[usize::from(place) % range] = byte;
            }
            let _ = read(&bytes);
        });
}

/// Any bytes behind the magic: no panic.
#[test]
fn fuzz_bytes() {
    bolero::check!()
        .with_test_time(Duration::from_millis(200))
        .for_each(|bytes: &[u8]| {
            let mut table = medtap_table::MAGIC.to_vec();
            table.extend(medtap_table::LAYOUT_VERSION.to_le_bytes());
            table.extend(bytes);
            let _ = read(&table);
        });
}
