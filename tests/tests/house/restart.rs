use medtap_engine::device::Aggregator;
use medtap_table::{Capacity, SubjectId, TableReader, TableWriter};
use medtap_tests::{replay, root};

/// Everything that a table says, without the order in which it says it.
fn said(table: &TableReader) -> Vec<String> {
    let mut subjects = Vec::new();
    let mut lines = Vec::new();
    for (id, subject, traffic) in table.subjects() {
        let name = format!("{subject:?}").replace(&format!("{:?}", subject.reporter), "");
        subjects.resize(id.0 as usize + 1, String::new());
        let reporter = subject.reporter.map(|id| subjects[id.0 as usize].clone());
        lines.push(format!("{name} {traffic:?} {reporter:?}"));
        subjects[id.0 as usize] = name;
    }
    let name = |id: SubjectId| subjects[id.0 as usize].as_str();
    for (_, mut fact) in table.facts() {
        let subject = std::mem::replace(&mut fact.subject, SubjectId(0));
        lines.push(format!("{} {fact:?}", name(subject)));
    }
    for (_, mut edge, volume) in table.edges() {
        let orig = std::mem::replace(&mut edge.orig, SubjectId(0));
        let resp = edge.resp.take().map(name);
        lines.push(format!("{} {resp:?} {edge:?} {volume:?}", name(orig)));
    }
    for (_, mut activity) in table.activity() {
        let subject = std::mem::replace(&mut activity.subject, SubjectId(0));
        lines.push(format!("{} {activity:?}", name(subject)));
    }
    lines.sort();
    lines
}

/// A restart forgets nothing, and a second one neither.
#[test]
fn what_is_taken_over_is_what_was_known() {
    let run = replay(&root().join("pcaps/hospital.pcapng"), 1).unwrap();
    let before = run.reader();
    let known = said(&before);
    assert!(known.len() > 500, "{}", known.len());
    let mut table = before;
    for _ in 0..2 {
        let writer = TableWriter::anonymous(Capacity::default()).unwrap();
        let mut aggregator = Aggregator::new(writer);
        aggregator.seed(&table);
        aggregator.publish();
        table = aggregator.into_writer().reader();
        assert_eq!(said(&table), known);
    }
}
