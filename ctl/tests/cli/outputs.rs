//! The shapes of what programs read, on real devices.

use std::fs;

use serde_json::Value;

use super::program::{Folder, hospital, medtap, medtap_with_input};

/// The keys of the contract, in its order.
const DEVICE: &[&str] = &[
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

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn json_has_every_key_and_devices_are_sorted() {
    let run = medtap(&["analyze", &hospital(), "--output", "json"]);
    let document = run.json();
    let mut expected = [
        "schema_version",
        "as_of",
        "partial",
        "source",
        "coverage",
        "devices",
    ];
    let mut found = keys(&document);
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    let devices = document["devices"].as_array().unwrap();
    let ids: Vec<&str> = devices
        .iter()
        .map(|device| device["id"].as_str().unwrap())
        .collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    for device in devices {
        let mut expected = DEVICE.to_vec();
        let mut found = keys(device);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
        let risk = &device["risk"];
        assert_eq!(risk["score"].is_null(), risk["assessed"] == false, "{risk}");
        assert_eq!(keys(&device["attributes"]).len(), 16);
    }
    // Two spaces, and the order of the contract.
    assert!(
        run.stdout
            .starts_with("{\n  \"schema_version\": 1,\n  \"as_of\": \"")
    );
    let places: Vec<_> = DEVICE
        .iter()
        .map(|key| run.stdout.find(&format!("\n      \"{key}\": ")))
        .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?}"
    );
}

#[test]
fn jsonl_holds_the_devices_of_json() {
    let document = medtap(&["analyze", &hospital(), "--output", "json"]).json();
    let run = medtap(&["analyze", &hospital(), "--output", "jsonl"]);
    let lines = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(
        lines.collect::<Vec<_>>(),
        *document["devices"].as_array().unwrap()
    );
}

#[test]
fn csv_has_a_row_for_each_device() {
    let document = medtap(&["analyze", &hospital(), "--output", "json"]).json();
    let run = medtap(&["analyze", &hospital(), "--output", "csv"]);
    let mut reader = csv::Reader::from_reader(run.stdout.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    let devices = document["devices"].as_array().unwrap();
    assert_eq!(rows.len(), devices.len());
    for (row, device) in rows.iter().zip(devices) {
        assert_eq!(row.get(0), device["id"].as_str());
        assert_eq!(row.get(2), device["category"].as_str());
    }
}

#[test]
fn a_table_fits_a_hundred_columns() {
    let run = medtap(&["analyze", &hospital()]);
    let rows = run.stdout.lines().take_while(|line| !line.is_empty());
    let widths: Vec<usize> = rows.map(|line| line.chars().count()).collect();
    assert!(widths.len() > 10 && widths.iter().all(|&width| width <= 100));
    assert!(!run.stdout.contains('\x1b'));
}

#[test]
fn flows_are_sorted_and_complete() {
    let folder = Folder::new();
    let path = folder.path("flows.jsonl");
    let run = medtap(&["analyze", &hospital(), "--flows", &path]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = fs::read_to_string(&path).unwrap();
    let flows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let order = |flow: &Value| flow["community_id"].as_str().map(str::to_owned);
    assert!(flows.is_sorted_by_key(order));
    let mut protocols: Vec<&str> = Vec::new();
    for flow in &flows {
        let expected = "{\"community_id\":";
        assert!(flow["packets"].as_u64().unwrap() > 0, "{expected}");
        assert!(flow["first_seen"].as_str() <= flow["last_seen"].as_str());
        protocols.extend(flow["protocol"].as_str());
    }
    for protocol in ["dicom", "hl7", "tls", "ssh", "http", "dns", "dhcp", "mdns"] {
        assert!(protocols.contains(&protocol), "{protocol}");
    }
    assert_eq!(folder.names(), ["flows.jsonl"]);
}

/// A capture without packets is a whole input, of which there is nothing to say.
#[test]
fn no_packets_no_devices() {
    let mut header = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    header.extend([0; 8]);
    header.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    let run = medtap_with_input(&["analyze", "-", "-o", "json"], &header);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let document = run.json();
    assert_eq!(document["as_of"], Value::Null);
    assert_eq!(document["source"]["packets"], 0);
    assert_eq!(document["source"]["first_seen"], Value::Null);
    let run = medtap_with_input(&["analyze", "-"], &header);
    assert!(
        run.stdout
            .starts_with("0 devices\n0 packets, 0 B, of 1 file\n"),
        "{}",
        run.stdout
    );
}

/// The word stands in the capture wherever a real stack can name a person.
#[test]
fn no_output_names_a_person() {
    let folder = Folder::new();
    let (table, flows) = (folder.path("table"), folder.path("flows"));
    let mut all = Vec::new();
    for output in ["table", "wide", "json", "jsonl", "csv"] {
        let run = medtap(&["analyze", &hospital(), "-o", output, "--save-table", &table]);
        all.push(run.stdout + &run.stderr);
    }
    medtap(&["analyze", &hospital(), "--flows", &flows]);
    all.push(fs::read_to_string(&flows).unwrap());
    all.push(String::from_utf8_lossy(&fs::read(&table).unwrap()).into_owned());
    let devices = medtap(&["devices", "--table", &table, "-o", "json"]).json();
    for device in devices["devices"].as_array().unwrap() {
        let id = device["id"].as_str().unwrap();
        all.push(medtap(&["device", id, "--table", &table]).stdout);
    }
    assert!(all.len() > 20);
    for text in all {
        assert!(!text.to_ascii_lowercase().contains("canary"));
    }
}
