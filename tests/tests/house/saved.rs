use std::fs;

use medtap_table::TableReader;
use medtap_tests::{captures, replay, table_text};

/// A saved table reads like the run that made it, and the same run saves the same bytes.
#[test]
fn saved_tables_read_like_the_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for capture in captures() {
        let run = replay(&capture, 1).expect("a committed capture opens");
        run.table.save(&first).expect("a saved table");
        let saved = TableReader::open(&first).expect("a saved table opens");
        assert!(saved.is_saved());
        assert_eq!(table_text(&saved), table_text(&run.reader()));
        // Saving what was saved changes nothing.
        saved.save(&second).expect("a saved table");
        let again = TableReader::open(&second).expect("a saved table opens");
        assert_eq!(table_text(&again), table_text(&saved));
        let other = replay(&capture, 1).expect("a committed capture opens");
        other.table.save(&second).expect("a saved table");
        let bytes = |path| fs::read(path).expect("a saved table");
        assert!(bytes(&first) == bytes(&second), "{}", capture.display());
    }
}
