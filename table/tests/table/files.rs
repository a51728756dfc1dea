//! Tables in files: what is made, what is refused, and in which words.

use std::fs;
use std::path::Path;

use medtap_table::{
    Capacity, CreateError, LayoutError, OpenError, Region, TableReader, TableWriter,
};

use crate::sample::{self, CAPACITY, binding, contents};

fn saved() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    sample::writer().save(&path).unwrap();
    fs::read(&path).unwrap()
}

fn open(bytes: &[u8]) -> Result<TableReader, LayoutError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    fs::write(&path, bytes).unwrap();
    match TableReader::open(&path) {
        Ok(reader) => Ok(reader),
        Err(OpenError::Layout { error, .. }) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// What lies in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The folder is made where it is missing, one level deep; neither it nor the table are for
/// everyone's eyes.
#[test]
fn tables_are_for_their_group() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("medtap");
    let path = folder.join("live.table");
    let writer = TableWriter::create(&path, CAPACITY).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&folder), mode(&path)), (0o750, 0o640));
    drop(writer);
    let deeper = folder.join("a").join("b").join("live.table");
    let error = TableWriter::create(&deeper, CAPACITY).unwrap_err();
    assert!(matches!(error, CreateError::Io { .. }), "{error}");
}

#[test]
fn live_tables_are_followed_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.table");
    let mut writer = TableWriter::create(&path, CAPACITY).unwrap();
    let reader = TableReader::open(&path).unwrap();
    assert!(!reader.is_saved());
    assert_eq!(reader.header().pid, std::process::id());
    assert_eq!(reader.subjects().count(), 0);
    assert_eq!(reader.source(), None);
    writer.add_subject(&binding(1)).unwrap();
    writer.heartbeat(5);
    assert_eq!(reader.subjects().next().unwrap().1, binding(1));
    assert_eq!(reader.heartbeat_ns(), 5);

    // One engine at a time, which ends by saying so.
    let refused = TableWriter::create(&path, CAPACITY).unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        refused.to_string(),
        format!(
            "{}: another engine (process {pid}) writes this table; stop that one, \
             or name another table",
            path.display()
        )
    );
    assert_eq!((reader.stopped_ns(), reader.pid()), (0, pid));
    assert!(reader.started_ns() > 0);
    writer.stop(9);
    assert_eq!(reader.stopped_ns(), 9);
    drop(writer);

    // A new engine makes a new table; who reads the old one keeps it.
    let next = TableWriter::create(&path, CAPACITY).unwrap();
    assert_eq!(reader.subjects().count(), 1);
    let after = TableReader::open(&path).unwrap();
    assert_eq!(after.subjects().count(), 0);
    assert_ne!(after.run_id(), reader.run_id());
    assert_eq!(names(folder.path()), ["live.table", "live.table.lock"]);
    drop(next);

    // A reader can save the live table; the copy reads like it.
    let copy = folder.path().join("copy.table");
    reader.save(&copy).unwrap();
    let copy = TableReader::open(&copy).unwrap();
    assert_eq!(contents(&copy), contents(&reader));
    assert_eq!(copy.run_id(), reader.run_id());
}

#[test]
fn an_empty_table_can_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    TableWriter::anonymous(Capacity::default())
        .unwrap()
        .save(&path)
        .unwrap();
    let reader = TableReader::open(&path).unwrap();
    assert_eq!(reader.subjects().count() + reader.facts().count(), 0);
    assert!(fs::metadata(&path).unwrap().len() <= 1024);
}

#[test]
fn other_versions_are_refused_in_these_words() {
    let mut bytes = saved();
    bytes[8] = 9;
    let error = open(&bytes).unwrap_err();
    assert_eq!(error, LayoutError::Version { found: 9 });
    assert_eq!(
        error.to_string(),
        "the table has layout 9, this program reads layout 3; \
         use the medtap that came with the engine that wrote it"
    );
    // Even where that version's header is another size.
    assert_eq!(
        open(&bytes[..400]).err(),
        Some(LayoutError::Version { found: 9 })
    );
}

#[test]
fn what_is_no_table_is_refused_in_these_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.table");
    let words = |path: &Path| TableReader::open(path).unwrap_err().to_string();
    let name = path.display();
    assert_eq!(
        words(&path),
        format!("{name}: the table cannot be read: No such file or directory (os error 2)")
    );
    fs::write(&path, "").unwrap();
    assert_eq!(
        words(&path),
        format!("{name}: not a device table: the file is empty")
    );
    let no_magic = "not a device table: the file does not begin with the table's magic bytes";
    fs::write(&path, "pcap").unwrap();
    assert_eq!(words(&path), format!("{name}: {no_magic}"));
    fs::write(&path, [b'x'; 5000]).unwrap();
    assert_eq!(words(&path), format!("{name}: {no_magic}"));
    let folder = folder.path();
    assert_eq!(
        words(folder),
        format!(
            "{}: not a device table: not a regular file",
            folder.display()
        )
    );
}

#[test]
fn every_cut_is_refused() {
    let bytes = saved();
    let cuts = (0..600).chain((600..bytes.len()).step_by(211));
    for len in cuts {
        match open(&bytes[..len]).err() {
            Some(LayoutError::Empty) => assert_eq!(len, 0),
            Some(LayoutError::NotATable) => assert!(len < 8),
            Some(LayoutError::CutShort { announced, actual }) => {
                assert!(announced > actual && actual == len as u64);
            }
            other => panic!("cut at {len}: {other:?}"),
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(open(&longer).err(), Some(LayoutError::Damaged(_))));
    assert!(open(&bytes).is_ok());
}

/// A table that cannot be had leaves nothing behind and nothing replaced.
#[test]
fn a_failed_save_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder").join("a.table");
    let error = sample::writer().save(&path).unwrap_err();
    assert!(matches!(error, CreateError::Io { .. }));
    assert!(
        error
            .to_string()
            .contains("the table cannot be written: No such file")
    );

    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    assert!(TableWriter::create(&taken, CAPACITY).is_err());
    assert!(sample::writer().save(&taken).is_err());
    assert_eq!(names(folder.path()), ["taken", "taken.lock"]);
}

/// More than the file system has is an error at the start, with its remedy, and no crash later.
#[test]
fn a_file_system_too_small_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.table");
    // 30 TiB of records.
    let huge = Capacity {
        subjects: u32::MAX - 1,
        activities: u32::MAX - 1,
        ..CAPACITY
    };
    let huge = Capacity {
        workers: u32::MAX / 2,
        ..huge
    };
    let error = TableWriter::create(&path, huge).unwrap_err();
    assert!(matches!(error, CreateError::Room { .. }), "{error}");
    assert!(
        error.to_string().contains("enlarge the file system"),
        "{error}"
    );
    assert_eq!(names(folder.path()), ["huge.table.lock"]);
}

#[test]
fn regions_are_as_large_as_asked() {
    let reader = TableWriter::anonymous(CAPACITY).unwrap().reader();
    assert_eq!(reader.capacity(Region::Subjects), 8);
    assert_eq!(reader.capacity(Region::Heap), 1024);
}
