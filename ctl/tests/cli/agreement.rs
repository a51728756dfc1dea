//! The same input gives the same output: at any number of workers, however it is read, and from
//! a saved table as from the run that saved it.

use std::io::Write;

use super::program::{Folder, capture, hospital, medtap, medtap_with_input};

#[test]
fn workers_do_not_change_a_byte() {
    let folder = Folder::new();
    let runs = ["1", "2", "7"].map(|workers| {
        let flows = folder.path(workers);
        let run = medtap(&[
            "analyze",
            &hospital(),
            "--output",
            "json",
            "--workers",
            workers,
            "--flows",
            &flows,
        ]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let limits = &run.json()["source"]["limits_hit"];
        assert_eq!(limits, 0, "the promise holds while no limit is hit");
        (run.stdout, std::fs::read_to_string(flows).unwrap())
    });
    let [(one, flows), rest @ ..] = runs;
    assert!(one.len() > 10_000 && flows.lines().count() > 50);
    for (other, other_flows) in rest {
        assert!(other == one, "another document");
        assert!(other_flows == flows, "other flows");
    }
}

#[test]
fn a_saved_table_reads_like_its_run() {
    let folder = Folder::new();
    let table = folder.path("hospital.table");
    for output in ["table", "wide", "json", "jsonl", "csv"] {
        let run = medtap(&["analyze", &hospital(), "-o", output, "--save-table", &table]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let read = medtap(&["devices", "--table", &table, "-o", output]);
        assert_eq!((read.code, read.stderr.as_str()), (0, ""));
        assert!(
            read.stdout == run.stdout,
            "{output}:\n{}\n{}",
            run.stdout,
            read.stdout
        );
    }
    assert_eq!(folder.names(), ["hospital.table"]);
}

#[test]
fn one_device_of_a_saved_table() {
    let folder = Folder::new();
    let table = folder.path("t");
    let all = medtap(&["analyze", &hospital(), "-o", "json", "--save-table", &table]).json();
    for device in all["devices"].as_array().unwrap() {
        let id = device["id"].as_str().unwrap();
        let run = medtap(&["device", id, "--table", &table, "--output", "json"]);
        assert_eq!((run.code, &run.json()), (0, device));
        let page = medtap(&["device", id, "--table", &table]);
        assert_eq!(page.code, 0);
        assert!(page.stdout.contains(id) && page.stdout.contains("What is known"));
    }
    let first = &all["devices"][0];
    let mac = first["macs"].as_array().unwrap().first();
    if let Some(mac) = mac.and_then(|mac| mac.as_str()) {
        let run = medtap(&[
            "device",
            &mac.to_uppercase(),
            "--table",
            &table,
            "-o",
            "json",
        ]);
        assert_eq!(run.json(), *first);
    }
}

#[test]
fn streams_and_compressed_files_read_like_files() {
    let folder = Folder::new();
    let bytes = std::fs::read(hospital()).unwrap();
    let file = medtap(&["analyze", &hospital(), "-o", "json"]);
    let stream = medtap_with_input(&["analyze", "-", "-o", "json"], &bytes);
    assert_eq!(stream.code, 0, "{}", stream.stderr);
    assert!(stream.stdout == file.stdout);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let compressed = folder.file("not-named-gz", &encoder.finish().unwrap());
    let run = medtap(&["analyze", &compressed, "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout == file.stdout);
}

#[test]
fn the_order_of_files_does_not_change_the_devices() {
    let (a, b) = (capture("dicom/store_ct.pcap"), capture("hl7/oru_ack.pcap"));
    let devices = |files: [&str; 2]| {
        let run = medtap(&["analyze", files[0], files[1], "-o", "jsonl"]);
        assert_eq!(run.code, 0);
        run.stdout
    };
    assert_eq!(devices([&a, &b]), devices([&b, &a]));
    let both = medtap(&["analyze", &a, &b, "-o", "json"]).json();
    assert_eq!(both["source"]["files"], 2);
}

#[test]
fn as_of_is_the_last_packet_unless_asked_otherwise() {
    let folder = Folder::new();
    let (table, file) = (folder.path("t"), capture("dicom/store_ct.pcap"));
    let own = medtap(&["analyze", &file, "-o", "json"]).json();
    assert_eq!(own["as_of"], own["source"]["last_seen"]);
    let asked = medtap(&[
        "analyze",
        &file,
        "-o",
        "json",
        "--as-of",
        "2030-01-02",
        "--save-table",
        &table,
    ]);
    assert_eq!(asked.json()["as_of"], "2030-01-02T00:00:00Z");
    let read = medtap(&["devices", "--table", &table, "-o", "json"]);
    assert_eq!(read.stdout, asked.stdout);
}
