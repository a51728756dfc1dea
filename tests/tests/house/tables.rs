use medtap_table::{LAYOUT_VERSION, TableReader};
use medtap_tests::{devices_text, expect, files_below, root, table_text};

/// One saved table of each layout, named by its number, made of `pcaps/dicom/store_ct.pcap`: the
/// current one reads as it did when it was written, older ones are refused in words.
#[test]
fn saved_tables_read_for_as_long_as_they_are_current() {
    let mut errors = Vec::new();
    let mut current = false;
    for path in files_below(&root().join("tests/tables")) {
        if path
            .extension()
            .is_none_or(|extension| extension != "table")
        {
            continue;
        }
        let version = path.file_stem().and_then(|stem| stem.to_str());
        let version = version.and_then(|stem| stem.parse::<u32>().ok());
        let version = version.expect("a table named by its layout version");
        if version == LAYOUT_VERSION {
            let table = TableReader::open(&path).expect("a table of this layout");
            let text = format!("{}\n{}", devices_text(&table), table_text(&table));
            errors.extend(expect(&path.with_extension("expect"), &text).err());
            current = true;
        } else {
            let error = TableReader::open(&path).expect_err("a table of another layout");
            let (theirs, ours) = (version.to_string(), LAYOUT_VERSION.to_string());
            let error = error.to_string();
            assert!(error.contains(&theirs) && error.contains(&ours), "{error}");
        }
    }
    assert!(
        current,
        "tests/tables/ holds no table of layout {LAYOUT_VERSION}"
    );
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
