use medtap_tests::{captures, devices_text, expect, replay, table_text};

/// Every capture, through the whole engine, leaves exactly its expected devices, and the table
/// that they were concluded from.
#[test]
fn captures_leave_the_expected_table() {
    let mut errors = Vec::new();
    for capture in captures() {
        let run = replay(&capture, 1).expect("a committed capture opens");
        assert_eq!(run.faults, [""; 0], "{}", capture.display());
        let reader = run.reader();
        let text = format!("{}\n{}", devices_text(&reader), table_text(&reader));
        errors.extend(expect(&capture.with_extension("expect"), &text).err());
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
