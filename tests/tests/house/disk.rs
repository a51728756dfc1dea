use std::path::Path;
use std::process::{Command, Output};

use medtap_tests::{medtap, medtap_path, root};

/// A small disk of its own, in a mount namespace: what happens on it is told line by line.
/// Each command is followed by its exit code.
const SCRIPT: &str = r#"
set -u
disk=$1 medtap=$2 captures=$3
mount -t tmpfs -o size=1200k none "$disk" || exit 77
run() { "$medtap" "$@" --history "$disk/history.db"; echo "code $?"; }
run history add "$captures/dhcp/lease.pcap"
run history devices --output jsonl > "$disk/before"
head -c 2000000 /dev/zero > "$disk/other" 2>/dev/null
echo full
run history add "$captures/hospital.pcapng"
run history check
run history devices --output jsonl | cmp "$disk/before" - && echo same
rm -f "$disk/other"
echo room
run history add "$captures/dhcp/lease.pcap"
run history check
"#;

fn in_namespace(script: &str, arguments: &[&Path]) -> Option<Output> {
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .args(arguments)
        .output()
        .ok()?;
    let refused = output.status.code() == Some(77)
        || String::from_utf8_lossy(&output.stderr).contains("unshare");
    (!refused).then_some(output)
}

/// A disk that is full in truth: said in one sentence, nothing is lost, and it goes on when there
/// is room.
#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let captures = root().join("pcaps");
    let arguments = [folder.path(), medtap_path(), &captures];
    let Some(output) = in_namespace(SCRIPT, &arguments) else {
        eprintln!("skipped: no mount namespace can be made here");
        return;
    };
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let both = format!("{told}{errors}");
    let (before, rest) = told.split_once("full\n").expect(&both);
    let (full, room) = rest.split_once("room\n").expect(&both);
    assert!(before.contains("code 0"), "{both}");
    assert!(full.starts_with("code 2"), "{both}");
    assert!(full.contains("code 0") && full.contains("same"), "{both}");
    assert_eq!(room.matches("code 0").count(), 2, "{both}");
    let said: Vec<&str> = errors
        .lines()
        .filter(|line| line.contains("room"))
        .collect();
    let [said] = said[..] else { panic!("{both}") };
    assert!(said.contains("no room left on the disk"), "{both}");
}

/// What is printed for nftables is what nft takes.
#[test]
fn rules_of_a_policy_are_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let history = folder.path().join("history.db");
    let history = history.to_str().expect("a name");
    let added = medtap(&[
        "history",
        "add",
        "pcaps/hospital.pcapng",
        "--history",
        history,
    ]);
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let ask = |of: &str, format: &str| {
        let ran = medtap(&["policy", of, "--history", history, "--format", format]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.text()
    };
    for of in ["10.20.2.10", "10.20.1.21", "TOMOGRAPH 64"] {
        let rules = ask(of, "nftables");
        let cisco = ask(of, "cisco");
        assert!(
            rules.contains("accept") && rules.contains("drop"),
            "{rules}"
        );
        access_list_is_sound(&cisco);
        let file = folder.path().join("rules.nft");
        std::fs::write(&file, &rules).expect("room");
        let script = "command -v nft >/dev/null || exit 77; nft -c -f \"$1\"";
        let checked = Command::new("unshare")
            .args(["--net", "--map-root-user", "sh", "-c", script, "sh"])
            .arg(&file)
            .output();
        let Ok(checked) = checked else {
            eprintln!("skipped: no network namespace can be made here");
            return;
        };
        let errors = String::from_utf8_lossy(&checked.stderr);
        if checked.status.code() == Some(77) || errors.contains("unshare") {
            eprintln!("skipped: nft is not installed, or no namespace can be made here");
            return;
        }
        assert!(checked.status.success(), "{errors}\n{rules}");
    }
}

/// The form of an extended access list: one head, then lines of a few words each.
fn access_list_is_sound(text: &str) {
    let mut lines = text.lines().filter(|line| !line.starts_with('!'));
    let head = lines.next().expect("a head");
    assert!(
        head.starts_with("ip access-list extended MEDTAP_"),
        "{text}"
    );
    let host = |words: &[&str]| match words {
        ["any", rest @ ..] => rest.len(),
        ["host", ip, rest @ ..] if ip.parse::<std::net::Ipv4Addr>().is_ok() => rest.len(),
        _ => panic!("{words:?} in\n{text}"),
    };
    let port = |words: &[&str]| match words {
        ["eq", port, ..] if port.parse::<u16>().is_ok() => 2,
        _ => 0,
    };
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(["permit", "deny"].contains(&words[0]), "{line}");
        assert!(["ip", "tcp", "udp", "icmp"].contains(&words[1]), "{line}");
        let mut rest = &words[2..];
        for _ in 0..2 {
            rest = &rest[rest.len() - host(rest)..];
            rest = &rest[port(rest)..];
        }
        let ends = [&[][..], &["established"], &["log"]];
        assert!(ends.contains(&rest), "{line}");
    }
}
