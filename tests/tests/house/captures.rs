use medtap_table::TableReader;
use medtap_table::vocabulary::Counter;
use medtap_tests::{captures, devices_text, expect, replay, table_text};

/// Flows that have no edge: answers to everybody, which nobody in particular asked for.
const TO_ALL: [(&str, u64); 2] = [("dhcp/rogue.pcap", 2), ("intellivue/monitor.pcap", 1)];

/// Every capture, through the whole engine, leaves exactly its expected devices, and the table
/// that they were concluded from.
#[test]
fn captures_leave_the_expected_table() {
    let mut errors = Vec::new();
    for capture in captures() {
        let run = replay(&capture, 1).expect("a committed capture opens");
        assert_eq!(run.faults, [""; 0], "{}", capture.display());
        let reader = run.reader();
        let answers = TO_ALL.iter().find(|(name, _)| capture.ends_with(name));
        assert_eq!(
            conversations(&reader) + answers.map_or(0, |(_, flows)| *flows),
            reader.counter(Counter::FlowsOpened),
            "{}: every flow is one conversation of an edge, however often it was told of",
            capture.display()
        );
        let text = format!("{}\n{}", devices_text(&reader), table_text(&reader));
        errors.extend(expect(&capture.with_extension("expect"), &text).err());
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

fn conversations(table: &TableReader) -> u64 {
    let counted = table.edges().map(|(_, _, volume)| volume.conversations);
    counted.sum()
}
