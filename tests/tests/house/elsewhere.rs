use std::collections::BTreeSet;
use std::path::Path;

use medtap_table::vocabulary::Field;
use medtap_table::{SubjectId, TableReader};
use medtap_tests::{Capture, captures, relative, replay};

/// The captures of clinical protocols: all of them are shown in every way.
const FOLDERS: &[&str] = &[
    "pcaps/dicom/",
    "pcaps/dicomweb/",
    "pcaps/fhir/",
    "pcaps/atna/",
    "pcaps/syslog/",
    "pcaps/hl7/",
    "pcaps/astm/",
    "pcaps/poct1/",
    "pcaps/http/sdc.",
    "pcaps/wsd/",
    "pcaps/ieee11073/",
    "pcaps/intellivue/",
    "pcaps/alaris/",
    "pcaps/medibus/",
    "pcaps/dri/",
    "pcaps/unity/",
    "pcaps/masimo/",
    "pcaps/wacp/",
    "pcaps/tap/",
    "pcaps/alaris_disc/",
    "pcaps/ascomalarm/",
];

const PORTS: &str = "on other ports";
const ALL: &str = "all at once";

/// What can't be shown in a way: the captures, the ways, and why not.
const SKIPPED: &[(&str, &[&str], &str)] = &[
    (
        "pcaps/dri/",
        &[PORTS, ALL],
        "the port of a terminal server is the line that the monitor is on: a part of its name",
    ),
    ("pcaps/medibus/", &[PORTS, ALL], "as of dri"),
    (
        "pcaps/unity/",
        &[PORTS, ALL],
        "datagrams without a mark of their own: known by their registered port alone",
    ),
    (
        "pcaps/alaris_disc/",
        &[PORTS, ALL],
        "known by its registered port alone",
    ),
    ("pcaps/ascomalarm/", &[PORTS, ALL], "as of alaris_disc"),
];

/// What is said of whom: a device by its address, a reported one by its identifier.
fn said(table: &TableReader) -> BTreeSet<String> {
    let names: Vec<(SubjectId, String)> = table
        .subjects()
        .map(|(id, subject, _)| {
            let name = match (subject.address, subject.identifier.as_str()) {
                (Some(address), "") => address.to_string(),
                (_, identifier) => identifier.to_owned(),
            };
            (id, name)
        })
        .collect();
    let name = |id: SubjectId| {
        let found = names.iter().find(|(known, _)| *known == id);
        found.map_or("nobody", |(_, name)| name.as_str()).to_owned()
    };
    let facts = table.facts().map(|(_, fact)| {
        let (field, rule) = (fact.field.name(), fact.rule);
        let value = format!("{} {}", fact.attribute.name(), fact.value);
        let (confidence, count) = (fact.confidence, fact.count);
        format!(
            "{} {field} {value} {rule} {confidence} x{count}",
            name(fact.subject)
        )
    });
    let events = table.activity().map(|(_, activity)| {
        let event = activity.event.name();
        format!("{} {event} {}", name(activity.subject), activity.total)
    });
    facts.chain(events).collect()
}

fn of(path: &Path) -> BTreeSet<String> {
    said(&replay(path, 1).expect("a capture opens").reader())
}

/// On any port, in a VLAN, in ERSPAN, with segments out of order, in a file of the other byte
/// order: the same is said of the same devices, with the same confidence, as often.
#[test]
fn what_is_said_does_not_depend_on_what_carries_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let changed = folder.path().join("changed.pcap");
    let mut errors = Vec::new();
    let mut seen = 0;
    for path in captures() {
        let name = relative(&path);
        if !FOLDERS.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let Some(capture) = Capture::read(&path) else {
            continue;
        };
        seen += 1;
        let expected = of(&path);
        for (how, variant) in [
            (PORTS, capture.clone().on_other_ports()),
            ("in a VLAN", capture.clone().in_vlan(210)),
            ("in ERSPAN", capture.clone().in_erspan()),
            ("out of order", capture.clone().out_of_order()),
            (
                "in the other byte order",
                capture.clone().in_other_byte_order(),
            ),
            (
                ALL,
                capture
                    .out_of_order()
                    .on_other_ports()
                    .in_vlan(7)
                    .in_other_byte_order()
                    .in_erspan(),
            ),
        ] {
            let is_skipped = |(folder, ways, _): &&(&str, &[&str], &str)| {
                name.starts_with(folder) && ways.contains(&how)
            };
            if SKIPPED.iter().any(|row| is_skipped(&row)) {
                continue;
            }
            variant.write(&changed);
            let found = of(&changed);
            let differ: Vec<_> = expected
                .symmetric_difference(&found)
                // A port is what this field reads.
                .filter(|line| !line.contains(Field::DicomTlsPort.name()))
                .collect();
            if !differ.is_empty() {
                errors.push(format!("{name} {how}: {differ:#?}"));
            }
        }
    }
    assert!(seen >= 25, "{seen} captures were tried");
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}
