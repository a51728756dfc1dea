use std::fs;
use std::path::PathBuf;

use medtap_tests::{Ran, medtap, medtap_reading, root};

/// Done; could not; partial.
const DONE: Option<i32> = Some(0);
const COULD_NOT: Option<i32> = Some(2);
const PARTIAL: Option<i32> = Some(4);

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).expect("a temporary file");
        self.named(name)
    }

    fn named(&self, name: &str) -> String {
        self.path(name)
            .to_str()
            .expect("a name in UTF-8")
            .to_owned()
    }
}

fn lease() -> Vec<u8> {
    fs::read(root().join("pcaps/dhcp/lease.pcap")).expect("a committed capture")
}

/// One sentence on standard error: one line, that names what it is about.
fn is_one_sentence(ran: &Ran, about: &str) {
    let lines = ran.stderr.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "{}", ran.stderr);
    assert!(lines[0].contains(about), "{about}: {}", lines[0]);
    assert!(!lines[0].contains("panicked"), "{}", lines[0]);
}

/// What can't be read at all.
#[test]
fn no_capture_is_code_2_and_a_sentence() {
    let folder = Folder::new();
    fs::create_dir(folder.path("directory")).expect("a temporary folder");
    let inputs = [
        folder.named("missing"),
        folder.named("directory"),
        folder.write("empty", b""),
        folder.write("text", b"this is no capture at all, whoever says so\n"),
        folder.write("header", &lease()[..17]),
        folder.write("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03not gzip"),
    ];
    for input in inputs {
        let ran = medtap(&["analyze", &input]);
        assert_eq!(ran.code, COULD_NOT, "{input}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{input}: {}", ran.text());
        is_one_sentence(&ran, &input);
    }
    let ran = medtap_reading(&["analyze", "-"], b"");
    assert_eq!(ran.code, COULD_NOT);
    is_one_sentence(&ran, "standard input");
}

/// What was read before a fault is reported, and marked.
#[test]
fn a_fault_is_code_4_and_keeps_what_was_read() {
    let folder = Folder::new();
    let whole = lease();
    let mut long = whole.clone();
    let at = long.len();
    long.extend([0; 8]);
    long.extend(u32::MAX.to_le_bytes());
    long.extend(u32::MAX.to_le_bytes());
    long.extend([0; 64]);
    let inputs = [
        (folder.write("cut", &whole[..whole.len() - 1]), 15),
        (
            folder.write("cut-header", &[&whole[..], &[0; 7]].concat()),
            16,
        ),
        (folder.write("long-record", &long), 16),
    ];
    assert!(at < long.len());
    for (input, packets) in inputs {
        let ran = medtap(&["analyze", &input, "--output", "json"]);
        assert_eq!(ran.code, PARTIAL, "{input}: {}", ran.stderr);
        is_one_sentence(&ran, &input);
        let json = ran.json();
        assert_eq!(json["partial"], true);
        assert_eq!(json["source"]["packets"], packets);
        assert!(!json["devices"].as_array().expect("devices").is_empty());
        // A table that was saved of it says so too.
        let table = folder.named("partial.table");
        medtap(&["analyze", &input, "--save-table", &table]);
        let again = medtap(&["devices", "--table", &table, "--output", "json"]);
        assert_eq!(again.json(), json);
        assert_eq!(again.code, PARTIAL);
    }
}

/// Packets of another link type are counted, nothing is made up of them, and the result says that
/// it is partial.
#[test]
fn an_unknown_link_type_gives_no_devices() {
    let folder = Folder::new();
    let mut other = lease();
    other[20..24].copy_from_slice(&189u32.to_le_bytes());
    let ran = medtap(&["analyze", &folder.write("usb", &other), "--output", "json"]);
    assert_eq!(ran.code, PARTIAL, "{}", ran.stderr);
    let json = ran.json();
    assert_eq!(json["partial"], true);
    assert_eq!(json["source"]["packets"], 16);
    assert_eq!(json["source"]["malformed"], 16);
    assert_eq!(json["devices"].as_array().map(Vec::len), Some(0));
}

/// Tables of another version, cut, or none at all.
#[test]
fn no_table_is_code_2_and_a_sentence() {
    let folder = Folder::new();
    let table = folder.named("saved");
    medtap(&["analyze", "pcaps/dhcp/lease.pcap", "--save-table", &table]);
    let bytes = fs::read(&table).expect("a saved table");
    let mut newer = bytes.clone();
    newer[8] = 99;
    let inputs = [
        (folder.named("missing"), "missing"),
        (folder.write("empty", b""), "empty"),
        (folder.write("newer", &newer), "99"),
        (folder.write("cut", &bytes[..bytes.len() / 2]), "cut"),
        (
            root()
                .join("README.md")
                .to_str()
                .expect("a name")
                .to_owned(),
            "README.md",
        ),
    ];
    for (input, about) in inputs {
        for command in [&["devices"][..], &["device", "0"]] {
            let ran = medtap(&[command, &["--table", &input]].concat());
            assert_eq!(ran.code, COULD_NOT, "{input}: {}", ran.stderr);
            is_one_sentence(&ran, about);
        }
    }
    let ran = medtap(&["device", "no-such-device", "--table", &table]);
    assert_eq!(ran.code, COULD_NOT);
    is_one_sentence(&ran, "no-such-device");
}

/// A broken rule is named, before an hour of reading.
#[test]
fn a_broken_rule_is_code_2_and_a_sentence() {
    let folder = Folder::new();
    folder.write(
        "mine.toml",
        b"field = \"http.server\"\n[[rule]]\nid = \"seven\"\n",
    );
    let rules = folder.named("");
    let ran = medtap(&["analyze", "pcaps/http/get.pcap", "--rules", &rules]);
    assert_eq!(ran.code, COULD_NOT, "{}", ran.stderr);
    assert!(ran.stderr.contains("mine.toml"), "{}", ran.stderr);
}

/// Usage, a match of `--fail-on`, and which code counts where several hold.
#[test]
fn codes_say_what_happened() {
    let lease = "pcaps/dhcp/lease.pcap";
    assert_eq!(medtap(&["analyse"]).code, COULD_NOT);
    assert_eq!(medtap(&["analyze"]).code, COULD_NOT);
    assert_eq!(
        medtap(&["analyze", lease, "--workers", "0"]).code,
        COULD_NOT
    );
    assert_eq!(
        medtap(&["analyze", lease, "--where", "class ="]).code,
        COULD_NOT
    );
    assert_eq!(medtap(&["--help"]).code, DONE);
    let matched = ["analyze", lease, "--fail-on", "packets_sent >= 0"];
    assert_eq!(medtap(&matched).code, Some(1));
    let unmatched = ["analyze", lease, "--fail-on", "category = ct"];
    assert_eq!(medtap(&unmatched).code, DONE);
    let folder = Folder::new();
    let bytes = fs::read(root().join(lease)).expect("a committed capture");
    let cut = folder.write("cut", &bytes[..bytes.len() - 1]);
    let both = ["analyze", &cut, "--fail-on", "packets_sent >= 0"];
    assert_eq!(medtap(&both).code, PARTIAL, "4 before 1");
}
