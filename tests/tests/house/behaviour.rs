//! What is found on captures of real stacks: what takes several devices to see where it belongs,
//! and what one conversation shows on the captures that hold it; neither on any other.

use std::collections::BTreeSet;
use std::path::Path;

use medtap_inventory::model::Time;
use medtap_inventory::resolve;
use medtap_tests::{captures, medtap, replay, root};

/// The findings of behaviour.
const BEHAVIOUR: [&str; 4] = [
    "address_conflict",
    "gateway_anomaly",
    "rogue_dhcp",
    "scanning",
];

/// Where each is shown, and the first MAC addresses of those who show it.
const SHOWN: [(&str, &str, &[&str]); 4] = [
    ("dhcp/rogue.pcap", "rogue_dhcp", &["00:1d:7e:40:00:66"]),
    (
        "arp/gateway.pcap",
        "gateway_anomaly",
        &["00:1d:7e:40:00:66"],
    ),
    (
        "arp/conflict.pcap",
        "address_conflict",
        &["18:66:da:40:00:20", "3c:d9:2b:40:00:30"],
    ),
    ("tcp/scan.pcap", "scanning", &["18:66:da:40:00:20"]),
];

/// On which captures each finding of one conversation is made.
const ALONE: [(&str, &[&str]); 17] = [
    (
        "anonymous_bind",
        &[
            "ftp/anonymous.pcap",
            "ldap/binds.pcap",
            "ldap/directory.pcap",
            "rmcp/controller.pcap",
            "vnc/open.pcap",
            "vnc/segments.pcap",
        ],
    ),
    ("certificate_expired", &["tls/expired_certificate.pcap"]),
    (
        "certificate_self_signed",
        &[
            "dicom/tls.pcap",
            "hospital.pcapng",
            "imap/starttls.pcap",
            "smtp/starttls.pcap",
            "tls/tls12_certificate.pcap",
            "xmpp/starttls.pcap",
        ],
    ),
    ("certificate_weak", &["tls/weak_certificate.pcap"]),
    (
        "cleartext_credential",
        &[
            "amqp/broker.pcap",
            "hospital.pcapng",
            "http/get.pcap",
            "http/realm.pcap",
            "http2/page.pcap",
            "imap/clear.pcap",
            "ldap/binds.pcap",
            "mqtt/log_on.pcap",
            "pgsql/clear.pcap",
            "pop/clear.pcap",
            "resp/password.pcap",
            "rtsp/basic.pcap",
            "smtp/log_in.pcap",
            "winrm/shell.pcap",
        ],
    ),
    ("encrypted_dns", &["dns/names.pcap", "tls/names.pcap"]),
    // No stack was past its end when it was recorded; the Windows that one says it is was.
    ("end_of_support", &["ldap/domain.pcap"]),
    ("ftp_login", &["ftp/account.pcap", "ftp/log_in.pcap"]),
    ("opcua_unprotected", &["opcua/build.pcap"]),
    ("privileged_logon", &["smb/administration.pcap"]),
    ("remote_access_tool", &["dns/names.pcap", "tls/names.pcap"]),
    ("rsh_login", &["rlogin/login.pcap", "rsh/command.pcap"]),
    ("smbv1", &["smb/version1.pcap"]),
    (
        "snmp_default_community",
        &["snmp/agent.pcap", "snmp/entities.pcap"],
    ),
    ("telnet_login", &["telnet/login.pcap", "telnet/serial.pcap"]),
    ("weak_ssh", &["ssh/old_algorithms.pcap"]),
    ("weak_tls", &["tls/old_version.pcap"]),
];

/// Who shows which finding on a capture, looked at when it was recorded or later.
fn found(capture: &Path, as_of: Option<Time>) -> BTreeSet<(String, String)> {
    let run = replay(capture, 1).expect("a committed capture opens");
    let inventory = resolve(&run.reader(), &medtap_inventory::Options { as_of });
    let mut found = BTreeSet::new();
    for device in &inventory.devices {
        for finding in &device.findings {
            let mac = device.macs.first().cloned().unwrap_or_default();
            found.insert((finding.id.clone(), mac));
        }
    }
    found
}

#[test]
fn each_is_found_where_it_is_and_nowhere_else() {
    for capture in captures() {
        let name = capture
            .strip_prefix(root().join("pcaps"))
            .expect("below pcaps");
        let name = name.to_string_lossy().replace('\\', "/");
        let found = found(&capture, None);
        for (id, captures) in ALONE {
            let is_found = found.iter().any(|(told, _)| told == id);
            assert_eq!(is_found, captures.contains(&&*name), "{id} on {name}");
        }
        let shown = SHOWN.iter().filter(|(of, ..)| *of == name);
        let expected: BTreeSet<(String, String)> = shown
            .flat_map(|(_, id, macs)| macs.iter().map(|mac| ((*id).to_owned(), (*mac).to_owned())))
            .collect();
        let behaviour = |(id, _): &(String, String)| BEHAVIOUR.contains(&&**id);
        let found: BTreeSet<_> = found.into_iter().filter(behaviour).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// A system is past its end once the day has come: the same packets, looked at later.
#[test]
fn a_system_is_past_its_end_from_its_day_on() {
    const SECOND_NS: u64 = 1_000_000_000;
    let capture = root().join("pcaps/hospital.pcapng");
    let past = |as_of| -> BTreeSet<String> {
        let found = found(&capture, as_of).into_iter();
        let past = found.filter(|(id, _)| id == "end_of_support");
        past.map(|(_, mac)| mac).collect()
    };
    // Debian 12, at both ends; 2026-11-29 and 2045-01-01.
    assert_eq!(past(Some(Time(1_795_910_400 * SECOND_NS))), BTreeSet::new());
    let ends = ["00:50:56:20:02:30", "18:66:da:20:01:50"].map(str::to_owned);
    assert_eq!(past(Some(Time(2_366_841_600 * SECOND_NS))), ends.into());
}

/// The networks of the laboratory, as a site declares them.
const DECLARED: &str = r#"
[[segment]]
name = "office"
subnets = ["10.43.10.0/24"]

[[segment]]
name = "ward"
subnets = ["10.43.20.0/24"]

[[segment]]
name = "laboratory"
subnets = ["10.30.0.0/24"]
"#;

/// Remote control from one network into another burdens the machine that is controlled: an office
/// controls a ward's computer.
#[test]
fn remote_control_across_networks_is_found_of_who_serves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let declared = folder.path().join("declared.toml");
    std::fs::write(&declared, DECLARED).expect("a file");
    let declared = declared.to_str().expect("a name in UTF-8");
    for (capture, finding) in [
        ("vnc/segments.pcap", "vnc_across_segments"),
        ("rdp/segments.pcap", "rdp_across_segments"),
        ("vnc/open.pcap", ""),
        ("rdp/tls.pcap", ""),
    ] {
        let path = format!("pcaps/{capture}");
        let json = medtap(&["analyze", &path, "--output", "json", "--controls", declared]).json();
        let devices = json["devices"].as_array().expect("devices");
        let found: Vec<(&str, &str)> = devices
            .iter()
            .flat_map(|device| {
                let address = device["addresses"][0].as_str().unwrap_or_default();
                let findings = device["findings"].as_array().into_iter().flatten();
                let ids = findings.filter_map(|one| one["id"].as_str());
                ids.filter(|id| id.ends_with("_across_segments"))
                    .map(move |id| (address, id))
            })
            .collect();
        let expected = [("10.43.20.10", finding)];
        let expected = expected.iter().filter(|(_, id)| !id.is_empty());
        assert!(found.iter().eq(expected), "{capture}: {found:?}");
    }
}
