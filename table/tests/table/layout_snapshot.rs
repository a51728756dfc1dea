//! The printed layout: a change of any offset must be seen, approved and given a new version.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use medtap_table::layout::{
    ActivityRecord, ActivitySlot, EdgeRecord, EdgeSlot, FactRecord, FactSlot, GaugesRecord,
    HEADER_COUNTERS_OFFSET, HEADER_SIZE, Header, HeaderCounters, InterfaceRecord, InterfaceSlot,
    MEMORY_OFFSET, MemoryWords, RegionHeader, SOURCE_OFFSET, SourceRecord, SourceSlot,
    SubjectRecord, SubjectSlot, WorkerSlot,
};
use medtap_table::{LAYOUT_VERSION, MAGIC, Region};

type Fields = &'static [(&'static str, usize, usize, &'static str)];

const RECORDS: &[(&str, Fields)] = &[
    ("Header", Header::FIELDS),
    ("RegionHeader", RegionHeader::FIELDS),
    ("HeaderCounters", HeaderCounters::FIELDS),
    ("SourceSlot", SourceSlot::FIELDS),
    ("SourceRecord", SourceRecord::FIELDS),
    ("MemoryWords", MemoryWords::FIELDS),
    ("SubjectSlot", SubjectSlot::FIELDS),
    ("SubjectRecord", SubjectRecord::FIELDS),
    ("FactSlot", FactSlot::FIELDS),
    ("FactRecord", FactRecord::FIELDS),
    ("EdgeSlot", EdgeSlot::FIELDS),
    ("EdgeRecord", EdgeRecord::FIELDS),
    ("ActivitySlot", ActivitySlot::FIELDS),
    ("ActivityRecord", ActivityRecord::FIELDS),
    ("WorkerSlot", WorkerSlot::FIELDS),
    ("GaugesRecord", GaugesRecord::FIELDS),
    ("InterfaceSlot", InterfaceSlot::FIELDS),
    ("InterfaceRecord", InterfaceRecord::FIELDS),
];

fn printed() -> String {
    let mut text = String::new();
    let magic = MAGIC.escape_ascii();
    writeln!(
        text,
        "magic \"{magic}\", layout version {LAYOUT_VERSION}, little-endian"
    )
    .unwrap();
    writeln!(text, "\nplaces in the file: offset name").unwrap();
    for (offset, name) in [
        (0, "Header"),
        (HEADER_COUNTERS_OFFSET, "HeaderCounters"),
        (SOURCE_OFFSET, "SourceSlot"),
        (MEMORY_OFFSET, "MemoryWords"),
        (HEADER_SIZE, "end of the header"),
    ] {
        writeln!(text, "{offset:>6} {name}").unwrap();
    }
    writeln!(text, "\nregions: number slot-size name").unwrap();
    for (number, region) in Region::ALL.into_iter().enumerate() {
        writeln!(
            text,
            "{number:>6} {:>6} {}",
            region.slot_size(),
            region.name()
        )
        .unwrap();
    }
    for (name, fields) in RECORDS {
        writeln!(text, "\n{name}: offset size field type").unwrap();
        for (field, offset, size, kind) in *fields {
            writeln!(text, "{offset:>6} {size:>6} {field} {kind}").unwrap();
        }
    }
    text
}

/// `BLESS=1` rewrites the file; whoever does so raises `LAYOUT_VERSION` first.
#[test]
fn the_layout_is_the_one_that_was_approved() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("layout.txt");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, printed()).unwrap();
    }
    let approved = fs::read_to_string(&path).unwrap();
    assert!(
        approved == printed(),
        "layout.txt differs from the code: raise LAYOUT_VERSION and run with BLESS=1\n{}",
        printed()
    );
}
