use std::collections::BTreeMap;
use std::fs;

use medtap_tests::{captures, root};
use sha2::{Digest, Sha256};

use super::{none, read};

/// Every capture has a row that gives its origin and its hash, and every row has its capture.
#[test]
fn captures_say_where_they_come_from() {
    let mut errors = Vec::new();
    let table = read("pcaps/README.md");
    let mut rows = BTreeMap::new();
    for line in table.lines() {
        let cells = line.split('|').map(str::trim).collect::<Vec<_>>();
        if let ["", file, packets, hash, origin, shows, ""] = cells[..]
            && file.contains(".pcap")
        {
            if origin.is_empty() || shows.is_empty() {
                errors.push(format!("pcaps/README.md: {file} says nothing of itself"));
            }
            let packets = packets.parse::<u64>().expect("a number of packets");
            rows.insert(file.trim_matches('`'), (packets, hash.trim_matches('`')));
        }
    }
    for capture in captures() {
        let name = capture
            .strip_prefix(root().join("pcaps"))
            .expect("below pcaps");
        let name = name.to_string_lossy().replace('\\', "/");
        let Some((packets, hash)) = rows.remove(name.as_str()) else {
            errors.push(format!("pcaps/README.md has no row for {name}"));
            continue;
        };
        let bytes = fs::read(&capture).expect("a committed capture");
        let digest = Sha256::digest(&bytes);
        let digest = digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        if digest != hash {
            errors.push(format!(
                "{name}: its hash is {digest}, pcaps/README.md says {hash}"
            ));
        }
        let run = medtap_tests::replay(&capture, 1).expect("a committed capture opens");
        if run.packets() != packets {
            let there = run.packets();
            errors.push(format!(
                "{name}: {there} packets, pcaps/README.md says {packets}"
            ));
        }
        if !capture.with_extension("expect").exists() {
            errors.push(format!("{name}: has no .expect beside it"));
        }
    }
    errors.extend(
        rows.keys()
            .map(|name| format!("pcaps/README.md: there is no {name}")),
    );
    none(&errors);
}

/// An approved text whose capture is gone proves nothing any more.
#[test]
fn expected_texts_have_their_captures() {
    let captures = captures();
    let files = medtap_tests::files_below(&root().join("pcaps"));
    for expected in files {
        if expected
            .extension()
            .is_some_and(|extension| extension == "expect")
        {
            let stem = expected.with_extension("");
            let found = captures
                .iter()
                .any(|capture| capture.with_extension("") == stem);
            assert!(found, "{} has no capture", expected.display());
        }
    }
}
