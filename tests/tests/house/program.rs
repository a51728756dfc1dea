use std::fs;
use std::io::Write;
use std::path::Path;

use medtap_tests::{captures, expect_part, medtap, medtap_reading, relative, root};

const HOSPITAL: &str = "pcaps/hospital.pcapng";
/// Every form of output.
const FORMS: [&str; 5] = ["json", "jsonl", "csv", "wide", "table"];

fn name(path: &Path) -> String {
    path.to_str().expect("a name in UTF-8").to_owned()
}

/// JSON and flows, byte for byte. (The tables of all captures are compared in `workers`.)
#[test]
fn output_is_the_same_at_any_number_of_workers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for capture in [HOSPITAL, "pcaps/dicom/store_ct.pcap"] {
        let run = |workers: &str| {
            let flows = name(&folder.path().join(workers));
            let ran = medtap(&[
                "analyze",
                capture,
                "--output",
                "json",
                "--workers",
                workers,
                "--flows",
                &flows,
            ]);
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{capture}");
            (ran.text(), fs::read_to_string(flows).expect("flows"))
        };
        let one = run("1");
        for workers in ["2", "7"] {
            assert!(run(workers) == one, "{} at {workers}", capture);
        }
    }
}

/// A saved table gives what the run gave, in every form of output.
#[test]
fn a_saved_table_gives_what_the_run_gave() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table = name(&folder.path().join("saved.table"));
    for output in FORMS {
        let of_run = medtap(&[
            "analyze",
            HOSPITAL,
            "--output",
            output,
            "--save-table",
            &table,
        ]);
        let of_table = medtap(&["devices", "--table", &table, "--output", output]);
        assert_eq!((of_run.code, of_table.code), (Some(0), Some(0)));
        assert_eq!(of_table.text(), of_run.text(), "{output}");
    }
    let json = medtap(&["devices", "--table", &table, "--output", "json"]).json();
    for device in json["devices"].as_array().expect("devices") {
        let id = device["id"].as_str().expect("an id");
        let one = medtap(&["device", id, "--table", &table, "--output", "json"]);
        assert_eq!(&one.json(), device);
        assert!(
            medtap(&["device", id, "--table", &table])
                .text()
                .contains(id)
        );
    }
}

/// Compressed, streamed, in two files: the same devices.
#[test]
fn the_way_in_does_not_show() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bytes = fs::read(root().join(HOSPITAL)).expect("a committed capture");
    let plain = medtap(&["analyze", HOSPITAL, "--output", "json"]).text();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).expect("compression in memory");
    let gzip = gzip.finish().expect("compression in memory");
    let zstd = zstd::encode_all(&bytes[..], 1).expect("compression in memory");
    for (form, bytes) in [("plain", &bytes), ("gzip", &gzip), ("zstd", &zstd)] {
        let streamed = medtap_reading(&["analyze", "-", "--output", "json"], bytes);
        assert_eq!(streamed.text(), plain, "{form} on standard input");
        let file = folder.path().join(form);
        fs::write(&file, bytes).expect("a temporary file");
        let read = medtap(&["analyze", &name(&file), "--output", "json"]);
        assert_eq!(read.text(), plain, "{form}");
    }
}

/// A capture that was split by packets is one input again, in whatever order it is named.
#[test]
fn two_files_are_one_input() {
    let whole = fs::read(root().join("pcaps/dicom/store_ct.pcap")).expect("a committed capture");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut odd, mut even) = (whole[..24].to_vec(), whole[..24].to_vec());
    let (mut at, mut number) = (24, 0);
    while let Some(len) = whole.get(at + 8..at + 12) {
        let len = u32::from_le_bytes(len.try_into().expect("four bytes")) as usize;
        let part = if number % 2 == 0 { &mut even } else { &mut odd };
        part.extend(&whole[at..at + 16 + len]);
        (at, number) = (at + 16 + len, number + 1);
    }
    let (one, two) = (folder.path().join("even"), folder.path().join("odd"));
    fs::write(&one, even).expect("a temporary file");
    fs::write(&two, odd).expect("a temporary file");
    let devices = |files: &[&str]| {
        let mut arguments = vec!["analyze", "--output", "json"];
        arguments.extend(files);
        medtap(&arguments).json()["devices"].clone()
    };
    let expected = devices(&["pcaps/dicom/store_ct.pcap"]);
    let (one, two) = (name(&one), name(&two));
    assert_eq!(devices(&[&one, &two]), expected);
    assert_eq!(devices(&[&two, &one]), expected);
}

/// No output of any form names a person, nor does what is said on the way.
#[test]
fn no_form_of_output_names_a_person() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (flows, table) = (folder.path().join("flows"), folder.path().join("table"));
    let (flows_name, table_name) = (name(&flows), name(&table));
    for capture in captures() {
        let capture = relative(&capture);
        // Every capture is a part of the hospital's, which is shown in every form.
        let forms = if capture == HOSPITAL {
            &FORMS[..]
        } else {
            &FORMS[..1]
        };
        for output in forms {
            let ran = medtap(&[
                "analyze",
                &capture,
                "--output",
                output,
                "--flows",
                &flows_name,
                "--save-table",
                &table_name,
            ]);
            let written = [&flows, &table].map(|path| fs::read(path).expect("a written file"));
            let said = ran.stderr.as_bytes();
            for bytes in [&ran.stdout[..], said, &written[0], &written[1]] {
                let text = String::from_utf8_lossy(bytes).to_lowercase();
                assert!(!text.contains("canary"), "{capture} as {output}");
            }
        }
    }
}

/// The document of the contract: every name, in its order, whatever is known.
#[test]
fn the_document_has_its_form() {
    let text = medtap(&["analyze", HOSPITAL, "--output", "json"]).text();
    let top = [
        "schema_version",
        "as_of",
        "partial",
        "source",
        "coverage",
        "devices",
    ];
    let source = [
        "files",
        "packets",
        "bytes",
        "first_seen",
        "last_seen",
        "malformed",
        "truncated",
        "duplicates",
        "limits_hit",
    ];
    let device = [
        "id",
        "macs",
        "addresses",
        "vlans",
        "class",
        "category",
        "category_confidence",
        "reported_by",
        "first_seen",
        "last_seen",
        "packets_sent",
        "packets_received",
        "bytes_sent",
        "bytes_received",
        "attributes",
        "protocols",
        "peers",
        "activity",
        "findings",
        "vulnerabilities",
        "risk",
    ];
    let attributes = [
        "manufacturer",
        "model",
        "serial_number",
        "hardware_version",
        "firmware_version",
        "software_version",
        "os",
        "os_version",
        "hostname",
        "ae_title",
        "station_name",
        "institution",
        "department",
        "location",
        "udi",
        "user_agent",
    ];
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let keys = |value: &serde_json::Value| {
        let object = value.as_object().expect("an object");
        object
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(keys(&json), set(&top));
    assert_eq!(keys(&json["source"]), set(&source));
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["source"]["packets"], 1807);
    let devices = json["devices"].as_array().expect("devices");
    let mut ids = devices
        .iter()
        .map(|device| device["id"].as_str().expect("an id"));
    assert!(ids.clone().is_sorted(), "devices by id");
    assert!(ids.all(|id| !id.is_empty()));
    for found in devices {
        assert_eq!(keys(found), set(&device));
        assert_eq!(keys(&found["attributes"]), set(&attributes));
        assert_eq!(found["risk"]["assessed"], false);
    }
    let places = top.map(|name| text.find(&format!("\"{name}\"")).expect("a name"));
    assert!(places.is_sorted(), "names in the order of the contract");
}

/// The README shows what its first command prints.
#[test]
fn the_readme_shows_what_comes_out() {
    let shown = format!("```text\n{}```\n", medtap(&["analyze", HOSPITAL]).text());
    let readme = root().join("README.md");
    if let Err(difference) = expect_part(&readme, "hospital", &shown) {
        panic!("{difference}");
    }
}
