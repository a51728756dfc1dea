//! What can't be done is said in one sentence, and the exit code tells of what kind it is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::program::{Folder, capture, command, hospital, medtap, medtap_with_input};

#[test]
fn inputs_that_are_no_captures() {
    let folder = Folder::new();
    let (empty, text) = (
        folder.file("empty", b""),
        folder.file("text", b"ward;bed;pump\n1;2;3\n"),
    );
    let cases = [
        (folder.path("none"), "there is no such file"),
        (folder.path("."), "is a directory"),
        (empty.clone(), "is empty"),
        (text.clone(), "is not a capture"),
        (
            folder.file("cut", &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]),
            "is cut inside its file header",
        ),
    ];
    for (path, expected) in &cases {
        // A good file beside it does not help.
        for arguments in [vec!["analyze", path], vec!["analyze", &hospital(), path]] {
            let run = medtap(&arguments);
            let sentence = run.sentence(2);
            assert!(sentence.starts_with(path.as_str()), "{sentence}");
            assert!(sentence.contains(expected), "{sentence}");
            assert_eq!(run.stdout, "");
        }
    }
    let run = medtap_with_input(&["analyze", "-"], b"");
    assert!(run.sentence(2).starts_with("standard input: is empty"));
    assert!(
        medtap(&["analyze", "-", "-"])
            .sentence(2)
            .contains("named twice")
    );
}

#[test]
fn what_is_not_permitted() {
    let folder = Folder::new();
    let file = folder.file("secret", &fs::read(capture("arp/subnet.pcap")).unwrap());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    assert!(
        medtap(&["analyze", &file])
            .sentence(5)
            .contains("can't be read")
    );
    medtap(&["devices", "--table", &file]).sentence(5);
    fs::set_permissions(folder.path("."), fs::Permissions::from_mode(0o500)).unwrap();
    let flows = folder.path("flows");
    let run = medtap(&["analyze", &hospital(), "--flows", &flows]);
    assert!(run.sentence(5).starts_with("--flows"));
    fs::set_permissions(folder.path("."), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_cut_capture_gives_what_was_read() {
    let folder = Folder::new();
    let whole = fs::read(capture("dicom/store_ct.pcap")).unwrap();
    let cut = folder.file("cut.pcap", &whole[..whole.len() - 7]);
    let table = folder.path("t");
    let run = medtap(&["analyze", &cut, "-o", "json", "--save-table", &table]);
    let sentence = run.sentence(4);
    assert!(
        sentence.contains("is cut") && sentence.contains("was not read"),
        "{sentence}"
    );
    let document = run.json();
    assert_eq!(document["partial"], true);
    assert_eq!(document["source"]["packets"], 21);
    assert!(!document["devices"].as_array().unwrap().is_empty());
    // A table of it says the same.
    let read = medtap(&["devices", "--table", &table, "-o", "json"]);
    assert!(read.sentence(4).contains("a part could not be read"));
    assert_eq!(read.stdout, run.stdout);
    // A fault hides a match, but both are said.
    let run = medtap(&["analyze", &cut, "--fail-on", "packets_sent > 0"]);
    assert_eq!((run.code, run.stderr.lines().count()), (4, 2));
    assert!(run.stdout.contains("partial"));
}

#[test]
fn unknown_link_types_are_said() {
    let folder = Folder::new();
    let mut bytes = fs::read(capture("arp/subnet.pcap")).unwrap();
    bytes[20..24].copy_from_slice(&147u32.to_le_bytes());
    let file = folder.file("odd.pcap", &bytes);
    let run = medtap(&["analyze", &file, "-o", "json"]);
    assert!(run.sentence(4).contains("unknown link type (147)"));
    assert_eq!(run.json()["devices"].as_array().unwrap().len(), 0);
}

#[test]
fn rules_that_are_none() {
    let folder = Folder::new();
    let none = folder.path("none");
    let run = medtap(&["analyze", &hospital(), "--rules", &none]);
    assert!(run.sentence(2).contains(&none));
    folder.file(
        "broken.toml",
        b"field = \"http.server\"\n[[rule]]\nid = 1000001\n",
    );
    let run = medtap(&["analyze", &hospital(), "--rules", &folder.path(".")]);
    assert!(run.sentence(2).contains("broken.toml"));
}

#[test]
fn tables_that_are_none() {
    let folder = Folder::new();
    let table = folder.path("table");
    medtap(&[
        "analyze",
        &capture("arp/subnet.pcap"),
        "--save-table",
        &table,
    ]);
    let good = fs::read(&table).unwrap();
    let mut newer = good.clone();
    newer[8] = newer[8].wrapping_add(1);
    let cases = [
        (folder.path("none"), "cannot be read"),
        (folder.path("."), "not a regular file"),
        (folder.file("empty", b""), "is empty"),
        (capture("arp/subnet.pcap"), "not a device table"),
        (folder.file("cut", &good[..good.len() / 2]), "cut short"),
        (folder.file("newer", &newer), "layout"),
    ];
    for (path, expected) in &cases {
        for arguments in [
            vec!["devices", "--table", path],
            vec!["device", "x", "--table", path],
        ] {
            let run = medtap(&arguments);
            assert!(run.sentence(2).contains(expected), "{}", run.stderr);
        }
    }
    let run = medtap(&["device", "zz", "--table", &table]);
    assert!(run.sentence(2).starts_with("no device is zz"));
}

#[test]
fn wrong_usage() {
    for arguments in [
        vec![],
        vec!["analyze"],
        vec!["analyse", "x"],
        vec!["analyze", "x", "--frobnicate"],
        vec!["analyze", "x", "--feeds", "y"],
        vec!["analyze", "x", "--output", "xml"],
        vec!["analyze", "x", "--workers", "0"],
        vec!["analyze", "x", "--workers", "65"],
        vec!["analyze", "x", "--as-of", "yesterday"],
        vec!["device", "--table", "x"],
    ] {
        let run = medtap(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
        assert!(!run.stderr.is_empty());
    }
    for arguments in [
        vec!["--help"],
        vec!["--version"],
        vec!["help", "analyze"],
        vec!["devices", "--help"],
    ] {
        let run = medtap(&arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains("medtap"));
    }
}

#[test]
fn outputs_never_replace_inputs() {
    let folder = Folder::new();
    let bytes = fs::read(capture("arp/subnet.pcap")).unwrap();
    let file = folder.file("a.pcap", &bytes);
    let out = folder.path("out");
    for option in ["--flows", "--save-table"] {
        let run = medtap(&["analyze", &file, option, &file]);
        assert!(run.sentence(2).contains("is one of the inputs"));
        let run = medtap(&["analyze", &file, option, "-"]);
        assert!(
            run.sentence(2)
                .contains("standard output is for the devices")
        );
        let run = medtap(&["analyze", &file, option, &folder.path("no/such/folder")]);
        let sentence = run.sentence(2);
        assert!(
            sentence.contains("can't be written: its folder does not exist"),
            "{sentence}"
        );
        assert!(!sentence.contains(".medtap-"), "{sentence}");
        let run = medtap(&["analyze", &file, option, &folder.path(".")]);
        assert_eq!(run.code, 2);
    }
    let run = medtap(&["analyze", &file, "--flows", &out, "--save-table", &out]);
    assert!(run.sentence(2).contains("the same file"));
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert_eq!(folder.names(), ["a.pcap"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut command = command(&["analyze", &hospital(), "-o", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("skipped: there is no /dev/full");
        return;
    };
    let mut command = command(&["analyze", &hospital(), "-o", "json"]);
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.starts_with("medtap: standard output can't be written"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1);
}
