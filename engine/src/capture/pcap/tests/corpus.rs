//! Every capture of the data folder, against the packet counts that tshark gave.

use std::path::{Path, PathBuf};

use super::*;

fn data() -> Option<PathBuf> {
    let folder = match std::env::var_os("MEDTAP_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
    };
    folder
        .join("answers/captures.tsv")
        .exists()
        .then_some(folder)
}

#[test]
fn counts_are_those_of_tshark() {
    let Some(data) = data() else {
        eprintln!("skipped: no data folder (MEDTAP_DATA)");
        return;
    };
    let list = std::fs::read_to_string(data.join("answers/captures.tsv")).unwrap();
    let (mut captures, mut frames) = (0, 0);
    let mut differences = Vec::new();
    for line in list.lines().skip(1) {
        let mut columns = line.split('\t');
        let path = columns.next().unwrap();
        let packets: u64 = columns.nth(1).unwrap().parse().unwrap();
        let mut pcap = match Pcap::open(&[Input::Path(data.join("captures").join(path))]) {
            Ok(pcap) => pcap,
            Err(error) => {
                differences.push(format!("{packets} {error}"));
                continue;
            }
        };
        let mut batch = Batch::default();
        while pcap.read(&mut batch) {
            for frame in batch.frames() {
                assert!(frame.wire_len as usize >= frame.bytes.len());
            }
        }
        captures += 1;
        frames += pcap.frames();
        let faults = pcap
            .faults()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        if pcap.frames() != packets || !faults.is_empty() {
            differences.push(format!(
                "{path}: {} for {packets} {faults:?}",
                pcap.frames()
            ));
        }
    }
    for d in &differences {
        eprintln!("{d}");
    }
    eprintln!("{captures} captures, {frames} frames");
}
