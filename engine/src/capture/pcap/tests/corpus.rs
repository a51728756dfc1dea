//! Every capture of the data folder, against the packet counts of another reader.

use std::path::{Path, PathBuf};

use super::*;

/// Where this reader and the list disagree, and why that is right.
const DIFFERENCES: &[(&str, u64, &str)] = &[
    // The list's own count is of dissected packets; both files hold as many as are given here,
    // by capinfos.
    (
        "suricata-verify/rfb-protocol-3.3/06-vnc-Password-3.3.pcap",
        4763,
        "",
    ),
    ("suricata-verify/rfb-rules/00-vnc-openwall-3.7.pcap", 21, ""),
    // Link types that the list's reader refuses; here they are frames of an unknown link type.
    ("tcpdump/brcm-tag.pcap", 23, ""),
    ("tcpdump/dsa-high-vid.pcap", 4, ""),
    ("tcpdump/dsa.pcap", 8, ""),
    ("tcpdump/frf16_magic_ie-oobr.pcap", 1, ""),
    ("tcpdump/juniper_es_oobr.pcap", 1, ""),
    ("tcpdump/juniper_monitor_invalid_cookie_length.pcap", 1, ""),
    ("tcpdump/kday6.pcap", 1, ""),
    ("tcpdump/vtp_asan-2.pcap", 1, ""),
    ("tcpdump/vtp_asan-3.pcap", 1, ""),
    // Damaged: all whole packets are read, then the fault is told.
    (
        "iti-ics/MELSEC/melsoft_129_clean.pcap",
        2041,
        "is cut: the next record needs 173",
    ),
    (
        "scapy/bad_rsn_parsing_overrides_ssid.pcap",
        1,
        "is cut: the next record needs 16",
    ),
    (
        "suricata-verify/bug-1450-04/tls_DER-incomplete-header.pcap",
        6,
        "claims 4325376 captured",
    ),
    (
        "suricata-verify/bug-1450-05/tls_DER-incomplete-content.pcap",
        6,
        "claims 4325376 captured",
    ),
    (
        "suricata-verify/http-mime-truncated/input.pcap",
        2696,
        "is cut: the next record needs 16",
    ),
    (
        "suricata-verify/pgsql/pgsql-5000-query-results/input.pcap",
        785,
        "is cut: the next record needs 16",
    ),
    (
        "suricata-verify/smtp-to-comma/10.7.29.101_49898-178.63.41.150_25.pcap",
        18,
        "claims 3925868813 captured",
    ),
    // Another format, which is not read here.
    (SNOOP, 0, "is not a capture: it begins with 73 6e 6f 6f 70"),
    (
        SNOOP_AGAIN,
        0,
        "is not a capture: it begins with 73 6e 6f 6f 70",
    ),
];

const SNOOP: &str = "pcapplusplus/ExamplesTest/pcap_examples/solaris.snoop";
const SNOOP_AGAIN: &str = "pcapplusplus/Pcap++Test/PcapExamples/solaris.snoop";

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

/// Frames that are read, and what is wrong, if anything is.
fn count(path: PathBuf) -> (u64, String) {
    let mut pcap = match Pcap::open(&[Input::Path(path)]) {
        Ok(pcap) => pcap,
        Err(error) => return (0, error.to_string()),
    };
    let mut batch = Batch::default();
    while pcap.read(&mut batch) {}
    let fault = pcap.faults().first().map(ToString::to_string);
    (pcap.frames(), fault.unwrap_or_default())
}

#[test]
fn counts_are_those_of_the_list() {
    let Some(data) = data() else {
        eprintln!("skipped: no data folder (MEDTAP_DATA)");
        return;
    };
    let list = std::fs::read_to_string(data.join("answers/captures.tsv")).unwrap();
    for line in list.lines().skip(1) {
        let columns = line.split('\t').collect::<Vec<_>>();
        let (path, listed) = (columns[0], columns[2].parse().unwrap());
        let (frames, wrong) = count(data.join("captures").join(path));
        let known = DIFFERENCES.iter().find(|(other, ..)| *other == path);
        let (_, expected, because) = known.copied().unwrap_or((path, listed, ""));
        assert_eq!(frames, expected, "{path}: {wrong}");
        assert_eq!(wrong.is_empty(), because.is_empty(), "{path}: {wrong}");
        assert!(wrong.contains(because), "{path}: {wrong}");
    }
}
