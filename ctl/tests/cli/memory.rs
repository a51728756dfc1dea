//! The history as its users meet it: captures in, questions answered, the running engine served.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::live::{device, engine, now_ns};
use crate::program::{Folder, capture, command, hospital, medtap};

/// Runs a command over this history; it must be done.
fn on(history: &str, arguments: &[&str]) -> crate::program::Run {
    let mut all = arguments.to_vec();
    all.extend(["--history", history]);
    let run = medtap(&all);
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    run
}

fn rows(history: &str, arguments: &[&str]) -> Vec<Value> {
    let mut all = arguments.to_vec();
    all.extend(["--output", "json"]);
    match on(history, &all).json() {
        Value::Array(rows) => rows,
        other => panic!("{other}"),
    }
}

#[test]
fn captures_are_added_once() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    let run = on(
        &history,
        &[
            "history",
            "add",
            &hospital(),
            &capture("dicom/store_ct.pcap"),
        ],
    );
    assert_eq!(run.stderr, "medtap: added 2 captures\n");
    let devices = rows(&history, &["history", "devices"]);
    assert!(devices.len() > 10, "{}", devices.len());
    let copy = folder.file(
        "copy.pcapng",
        &std::fs::read(hospital()).expect("a capture"),
    );
    let run = on(&history, &["history", "add", &copy]);
    assert_eq!(
        run.stderr,
        "medtap: added 0 captures; 1 capture known already\n"
    );
    assert_eq!(rows(&history, &["history", "devices"]), devices);
    // At any number of workers the same history.
    let other = folder.path("other.db");
    let (first, second) = (hospital(), capture("dicom/store_ct.pcap"));
    on(
        &other,
        &["history", "add", &first, &second, "--workers", "1"],
    );
    assert_eq!(rows(&other, &["history", "devices"]), devices);
    let sources = rows(&history, &["history", "sources"]);
    assert_eq!(sources.len(), 2);
    let missing = medtap(&["history", "add", "missing.pcap", "--history", &history]);
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("missing.pcap"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_device_is_told_in_every_form() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    on(&history, &["history", "add", &hospital()]);
    let devices = rows(&history, &["history", "devices"]);
    let ct = devices
        .iter()
        .find(|device| device["category"] == "ct")
        .expect("a CT in the hospital");
    let id = ct["id"].as_str().expect("an id");
    let text = on(&history, &["history", "device", id, "--facts"]).stdout;
    for part in [
        "Values:",
        "Addresses:",
        "Speaks with:",
        "Statements:",
        "new_device",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let table = on(&history, &["history", "devices", "--kind", "ct"]).stdout;
    assert!(table.starts_with("ID"), "{table}");
    assert!(table.contains(id));
    let csv = on(&history, &["history", "devices", "--output", "csv"]).stdout;
    assert_eq!(csv.lines().count(), devices.len() + 1);
    let identity = on(&history, &["explain", id, "--identity"]).stdout;
    assert!(
        identity.contains("Keys, the strongest kind first:"),
        "{identity}"
    );
    let changes = rows(&history, &["history", "changes", "--kind", "new_device"]);
    assert_eq!(changes.len(), devices.len());
    let none = medtap(&["history", "device", "nobody", "--history", &history]);
    assert!(
        none.sentence(2)
            .starts_with("no device in the history is nobody")
    );
}

#[test]
fn people_join_and_split_and_the_audit_tells_it() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    on(&history, &["history", "add", &hospital()]);
    let devices = rows(&history, &["history", "devices"]);
    let with_mac: Vec<&Value> = devices
        .iter()
        .filter(|device| {
            device["macs"]
                .as_array()
                .is_some_and(|macs| macs.len() == 1)
        })
        .take(2)
        .collect();
    let id = |at: usize| with_mac[at]["id"].as_str().expect("an id").to_owned();
    let by = ["--who", "biomed", "--why", "same cart"];
    let (one, two) = (id(0), id(1));
    let join = [&["history", "join", &one, &two][..], &by].concat();
    on(&history, &join);
    assert_eq!(
        rows(&history, &["history", "devices"]).len(),
        devices.len() - 1
    );
    let identity = on(&history, &["explain", &id(1), "--identity"]).stdout;
    assert!(
        identity.contains("by hand (same cart), said biomed"),
        "{identity}"
    );
    let mac = with_mac[1]["macs"][0].as_str().expect("a MAC address");
    let key = format!("mac:{mac}");
    on(
        &history,
        &[&["history", "split", &id(0), &key][..], &by].concat(),
    );
    assert_eq!(rows(&history, &["history", "devices"]).len(), devices.len());
    let check = on(&history, &["history", "check"]).stdout;
    assert!(
        check.starts_with("the history is whole; audit: 2 entries, "),
        "{check}"
    );
    let nobody = medtap(&[
        "history",
        "join",
        "a",
        "b",
        "--why",
        " ",
        "--history",
        &history,
    ]);
    assert_eq!(nobody.code, 2);
}

#[test]
fn backups_merges_and_files_that_are_none() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    let missing = medtap(&["history", "devices", "--history", &history]);
    assert!(missing.sentence(2).contains("there is no history"));
    on(&history, &["history", "add", &hospital()]);
    let before = rows(&history, &["history", "devices"]);
    let backup = folder.path("backup.db");
    on(&history, &["history", "backup", &backup]);
    let restored = folder.path("restored.db");
    on(&restored, &["history", "restore", &backup]);
    assert_eq!(rows(&restored, &["history", "devices"]), before);
    let over = medtap(&["history", "restore", &backup, "--history", &history]);
    assert!(over.sentence(2).contains("move it away first"));
    let other = folder.path("other.db");
    on(
        &other,
        &[
            "history",
            "add",
            &capture("dicom/store_ct.pcap"),
            "--site",
            "north",
        ],
    );
    let merged = on(&history, &["history", "merge", &other]);
    assert!(merged.stderr.contains("of 1 source"), "{}", merged.stderr);
    let after = rows(&history, &["history", "devices"]);
    on(&history, &["history", "merge", &other]);
    assert_eq!(rows(&history, &["history", "devices"]), after);
    on(&history, &["history", "vacuum", "--as-of", "2040-01-01"]);
    let text = folder.file("text.db", &b"no history at all ".repeat(300));
    let foreign = medtap(&["history", "devices", "--history", &text]);
    assert!(foreign.sentence(2).contains("is no history of medtap"));
    let policy = folder.file("keep.toml", b"hours_days = 3\nhourz = 4\n");
    let run = medtap(&[
        "history",
        "vacuum",
        "--retention",
        &policy,
        "--history",
        &history,
    ]);
    assert!(run.sentence(2).contains("hourz"));
}

#[test]
fn serve_follows_an_engine_over_its_restart() {
    let folder = Folder::new();
    let (history, table) = (folder.path("history.db"), folder.path("live.table"));
    let arguments = [
        "serve",
        "--table",
        &table,
        "--history",
        &history,
        "--interval",
        "30ms",
    ];
    let mut child = command(&arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = said.next().expect("a line").expect("text");
    assert!(first.contains("no engine is running yet"), "{first}");
    // A second one would look twice.
    let second = medtap(&arguments);
    assert!(second.sentence(2).contains("another medtap serve"));
    let wait = |what: &str, wanted: usize| {
        for _ in 0..400 {
            let run = medtap(&["history", "devices", "-o", "jsonl", "--history", &history]);
            if run.stdout.lines().count() == wanted {
                return run.stdout;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("{what}: never {wanted} devices");
    };
    let writer = engine(&table);
    wait("the first engine", 2);
    drop(writer);
    let mut writer = engine(&table);
    writer.heartbeat(now_ns());
    device(&mut writer, 3, "pump-3");
    let devices = wait("the next engine", 3);
    assert!(devices.contains("pump-3"), "{devices}");
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(killed.expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    let new = rows(&history, &["history", "changes", "--kind", "new_device"]);
    assert_eq!(new.len(), 3, "a restart makes nothing new");
    on(&history, &["history", "check"]);
}

const SHEET: &[u8] = b"asset_tag;serial_number;manufacturer;location;next_maintenance\n\
    CT-1;S1;Acme;=cmd;2020-01-01\n;S2;;;\nMR-1;S3;Acme;;soon\nUS-1;S4;Acme;R\xe4ume;\n";

#[test]
fn spreadsheets_come_in_row_by_row() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    on(&history, &["history", "add", &hospital()]);
    let sheet = folder.file("assets.csv", SHEET);
    let arguments = [
        "context",
        "import",
        &sheet,
        "--history",
        &history,
        "--who",
        "biomed",
    ];
    let dry = medtap(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, 4, "two rows were left out");
    assert!(
        dry.stderr.contains("assets.csv:3: asset_tag: is empty"),
        "{}",
        dry.stderr
    );
    assert!(
        dry.stderr
            .contains("assets.csv:4: next_maintenance: expected a day")
    );
    assert!(
        dry.stderr
            .contains("would take over 2 assets (Windows-1252): 2 new")
    );
    let none = rows(&history, &["context", "reconcile"]);
    assert!(none.iter().all(|row| row["difference"] == "unlisted"));
    let done = medtap(&arguments);
    assert!(
        done.stderr.contains("took over 2 assets"),
        "{}",
        done.stderr
    );
    let differences = rows(&history, &["context", "reconcile"]);
    let unseen = differences
        .iter()
        .filter(|row| row["difference"] == "never_seen");
    assert_eq!(unseen.count(), 2);
    // No cell of what is written becomes a formula again.
    let csv = on(&history, &["context", "reconcile", "--output", "csv"]).stdout;
    assert!(
        !csv.lines()
            .flat_map(|line| line.split(','))
            .any(|cell| cell.starts_with('=')),
        "{csv}"
    );
    let findings = rows(&history, &["findings"]);
    assert!(
        findings
            .iter()
            .any(|row| row["finding"] == "maintenance_overdue")
    );
    let map = medtap(&["context", "map"]);
    let path = folder.file("map.toml", map.stdout.as_bytes());
    let mapped = medtap(&[&arguments[..], &["--map", &path]].concat());
    assert!(
        mapped.stderr.contains("no columns named"),
        "{}",
        mapped.stderr
    );
    let wrong = folder.file("wrong.toml", b"[columns]\nserial = \"SN\"\n");
    let run = medtap(&[&arguments[..], &["--map", &wrong]].concat());
    assert!(run.sentence(2).contains("the nearest is serial_number"));
}

#[test]
fn analyze_takes_a_spreadsheet_along() {
    let folder = Folder::new();
    let plain = medtap(&["analyze", &hospital(), "-o", "json"]).json();
    let devices = plain["devices"].as_array().expect("devices");
    let with_mac = |device: &&Value| {
        device["macs"][0].is_string() && device["attributes"]["location"].is_null()
    };
    let device = devices
        .iter()
        .find(with_mac)
        .expect("a device without a place");
    let mac = device["macs"][0].as_str().expect("a MAC address");
    let text = format!("asset_tag,mac,location,next_maintenance\nA1,{mac},ICU,2001-01-01\n");
    let sheet = folder.file("assets.csv", text.as_bytes());
    let run = medtap(&["analyze", &hospital(), "-o", "json", "--context", &sheet]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("1 of 1 asset are a device"),
        "{}",
        run.stderr
    );
    let devices = run.json();
    let devices = devices["devices"].as_array().expect("devices").clone();
    let found = devices
        .iter()
        .find(|d| d["id"] == device["id"])
        .expect("the device");
    assert_eq!(found["attributes"]["location"]["value"], "ICU");
    let source = &found["attributes"]["location"]["sources"][0]["field"];
    assert_eq!(source, "context.location");
    let findings = found["findings"].as_array().expect("findings");
    assert!(
        findings
            .iter()
            .any(|finding| finding["id"] == "maintenance_overdue"),
        "{found}"
    );
}

#[test]
fn people_decide_and_lists_follow() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    on(&history, &["history", "add", &hospital()]);
    let by = ["--who", "biomed", "--why", "=cmd|' /C calc'!A0"];
    let check = medtap(&[
        "approval",
        "list",
        "--fail-on-unapproved",
        "--history",
        &history,
    ]);
    assert_eq!(check.code, 1);
    let empty = on(&history, &["approval", "export", "--format", "macs"]).stdout;
    assert_eq!(empty, "");
    on(&history, &[&["approval", "baseline"][..], &by].concat());
    on(&history, &["approval", "list", "--fail-on-unapproved"]);
    let macs = on(&history, &["approval", "export", "--format", "macs"]).stdout;
    assert!(
        macs.lines().count() > 5 && macs.lines().all(|line| line.len() == 17),
        "{macs}"
    );
    for format in ["pxgrid", "servicenow"] {
        let csv = on(&history, &["approval", "export", "--format", format]).stdout;
        let formula = |cell: &str| cell.trim_matches('"').starts_with(['=', '+', '-', '@']);
        assert!(
            !csv.lines().flat_map(|line| line.split(',')).any(formula),
            "{csv}"
        );
    }
    let audit = on(&history, &["approval", "audit", "--output", "csv"]).stdout;
    assert!(audit.contains("'=cmd"), "{audit}");
    let devices = rows(&history, &["history", "devices"]);
    let id = devices[0]["id"].as_str().expect("an id");
    let again = medtap(&[&["approval", "pending", id, "--history", &history][..], &by].concat());
    assert_eq!(again.code, 0, "{}", again.stderr);
    let wrong = medtap(&[&["approval", "retire", id, "--history", &history][..], &by].concat());
    assert!(
        wrong
            .sentence(2)
            .contains("is pending; it can become approved or rejected")
    );
    on(
        &history,
        &[&["lifecycle", "set", id, "spare"][..], &by].concat(),
    );
    let lives = on(&history, &["lifecycle", "list"]).stdout;
    assert!(lives.contains("spare"), "{lives}");
    on(
        &history,
        &[&["location", "set", id, "Main > A > 3"][..], &by].concat(),
    );
    let export = format!(
        "mac,place\n{},Main > B\n?,x\n",
        devices[1]["macs"][0].as_str().unwrap_or("?")
    );
    let export = folder.file("rtls.csv", export.as_bytes());
    let run = medtap(&[
        "location",
        "import",
        &export,
        "--origin",
        "rtls",
        "--history",
        &history,
    ]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(
        on(&history, &["location", "list"])
            .stdout
            .contains("Main > A > 3")
    );
}

#[test]
fn use_and_needs_are_told_with_what_they_rest_on() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    on(&history, &["history", "add", &hospital()]);
    let devices = rows(&history, &["history", "devices"]);
    let ct = devices
        .iter()
        .find(|d| d["category"] == "ct")
        .expect("a CT");
    let id = ct["id"].as_str().expect("an id");
    let used = on(
        &history,
        &["utilisation", "device", id, "--as-of", "2027-01-01"],
    );
    assert!(used.stderr.contains("rests on"), "{}", used.stderr);
    assert!(used.stdout.contains("Mon  "), "{}", used.stdout);
    on(&history, &["utilisation", "fleet"]);
    on(&history, &["utilisation", "friction"]);
    let declared = folder.file("site.toml", b"subnets = [\"172.16.0.0/12\"]\n");
    let coverage = on(&history, &["coverage", "--declared", &declared]).stdout;
    assert!(
        coverage.contains("1 of 1 declared subnet never seen"),
        "{coverage}"
    );
    for (format, mark) in [
        ("text", "# REVIEW BEFORE USE"),
        ("nftables", "# REVIEW BEFORE USE"),
        ("cisco", "! REVIEW BEFORE USE"),
        ("json", "\"review\": true"),
    ] {
        let policy = on(&history, &["policy", id, "--format", format]).stdout;
        assert!(policy.contains(mark), "{format}: {policy}");
    }
}

/// What a switch prints is taken over as it is, the map says where its ports are; and no cell of
/// a list begins a formula, whoever named the place.
#[test]
fn places_come_from_switches_and_no_cell_is_a_formula() {
    let folder = Folder::new();
    let history = folder.path("history.db");
    on(&history, &["history", "add", &hospital()]);
    let devices = rows(&history, &["history", "devices"]);
    let mac = |device: &Value| device["macs"][0].as_str().map(str::to_owned);
    let macs: Vec<String> = devices.iter().filter_map(mac).collect();
    let table = folder.file(
        "table.txt",
        format!(
            "Vlan    Mac Address       Type        Ports\n  10    {}    DYNAMIC     Gi1/0/7\n",
            macs[0]
        )
        .as_bytes(),
    );
    let from = [
        "location", "import", &table, "--origin", "switch", "--switch", "sw-3",
    ];
    let run = on(&history, &from);
    assert!(
        run.stderr.contains("took over 1 place, 1 of"),
        "{}",
        run.stderr
    );
    let map = folder.file(
        "map.toml",
        b"[[places]]\nport = \"sw-3\"\nplace = \"Main > ICU\"\n",
    );
    let placed = rows(&history, &["location", "list", "--map", &map]);
    let is_there = |place: &&Value| place["place"] == "Main > ICU" && place["origin"] == "switch";
    assert_eq!(placed.iter().filter(is_there).count(), 1);
    let export = folder.file(
        "export.csv",
        format!("Client;Where\n{};=1+1\n", macs[1]).as_bytes(),
    );
    let from = [
        "location",
        "import",
        &export,
        "--origin",
        "wireless",
        "--mac-column",
        "Client",
        "--place-column",
        "Where",
    ];
    on(&history, &from);
    let listed = on(&history, &["location", "list", "--output", "csv"]).stdout;
    assert!(
        listed.contains("'=1+1") && !listed.contains(",=1+1"),
        "{listed}"
    );
    for lists in ["pxgrid", "servicenow"] {
        on(
            &history,
            &["approval", "baseline", "--why", "=cmd", "--who", "x"],
        );
        let listed = on(&history, &["approval", "export", "--format", lists]).stdout;
        assert!(
            !listed.contains(",=") && !listed.contains("\n="),
            "{listed}"
        );
    }
    let looked = on(&history, &["maintenance", &macs[0]]).stdout;
    assert!(looked.contains("next maintenance: not known"), "{looked}");
}
