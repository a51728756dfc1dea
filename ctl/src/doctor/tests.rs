//! Recorded machines and cards, and what is said of them.

use std::fs;
use std::path::Path;

use medtap_engine::nic::inspect::{Nic, Offload, Rss};
use medtap_table::vocabulary::{Attach, Delivery};

use super::machine::Machine;
use super::{Finding, Heard, Mode, Verdict, checks};

/// Writes a machine as its files show it.
fn record(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn of<'a>(findings: &'a [Finding], subject: &str) -> &'a Finding {
    findings.iter().find(|it| it.subject == subject).unwrap()
}

const CLOCK: &str = "sys/devices/system/clocksource/clocksource0";

#[test]
fn a_machine_as_it_comes() {
    let root = tempfile::tempdir().unwrap();
    record(
        root.path(),
        &[
            ("proc/sys/kernel/osrelease", "6.1.0-25-amd64\n"),
            (
                "proc/meminfo",
                "MemTotal: 9 kB\nHugePages_Total:       0\nHugePages_Free: 0\n",
            ),
            ("proc/irq/24/smp_affinity_list", "0-7\n"),
            ("proc/irq/default_smp_affinity", "ff\n"),
            ("sys/devices/system/cpu/isolated", "\n"),
            ("sys/devices/system/cpu/online", "0-7\n"),
            (
                "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
                "powersave\n",
            ),
            (&format!("{CLOCK}/current_clocksource"), "hpet\n"),
            (
                &format!("{CLOCK}/available_clocksource"),
                "tsc hpet acpi_pm \n",
            ),
            ("sys/class/net/eth1/ifindex", "3\n"),
            ("sys/class/net/lo/ifindex", "1\n"),
            ("sys/class/net/bonding_masters", "\n"),
        ],
    );
    let machine = Machine::read(root.path());
    assert_eq!(machine.interfaces, ["eth1"]);
    assert_eq!(machine.irq_cpus.get(&24).map(String::as_str), Some("0-7"));
    let findings = checks::machine(&machine);
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Improvable),
        "{findings:?}"
    );
    let command = |subject| of(&findings, subject).command.as_deref();
    assert_eq!(command("huge pages"), Some("sysctl -w vm.nr_hugepages=512"));
    let clock = "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource";
    assert_eq!(command("clock"), Some(clock));
    assert_eq!(of(&findings, "isolated processors").found, "none of 0-7");
    let isolates = |online: &str| {
        let machine = Machine {
            isolated: Some(String::new()),
            online: online.to_owned(),
            ..Machine::default()
        };
        let findings = checks::machine(&machine);
        of(&findings, "isolated processors").command.clone()
    };
    let line = |cpus: &str| {
        let line = "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=CPUS /' /etc/default/grub && \
                    update-grub";
        Some(line.replace("CPUS", cpus))
    };
    assert_eq!(isolates("0-7"), line("1-7"));
    assert_eq!(isolates("0-1"), line("1"));
    for online in ["0", "", "0,2-3", "0-3,8", "7-0"] {
        assert_eq!(isolates(online), None, "{online}");
    }
}

#[test]
fn a_machine_that_is_ready() {
    let machine = Machine {
        kernel: "6.12.4".to_owned(),
        huge_pages: Some((512, 400)),
        isolated: Some("2-5".to_owned()),
        clock: "tsc".to_owned(),
        governor: Some("performance".to_owned()),
        ..Machine::default()
    };
    let findings = checks::machine(&machine);
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Good),
        "{findings:?}"
    );
    assert!(
        findings
            .iter()
            .all(|it| it.advice.is_empty() && it.command.is_none())
    );
}

/// A machine that tells nothing is not said to be wrong.
#[test]
fn what_is_not_told_is_unknown() {
    let root = tempfile::tempdir().unwrap();
    let findings = checks::machine(&Machine::read(root.path()));
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Unknown),
        "{findings:?}"
    );
}

#[test]
fn kernels_by_their_release() {
    for (release, verdict) in [
        ("5.15.0-91-generic", Verdict::Bad),
        ("6.0.19", Verdict::Bad),
        ("6.1.0", Verdict::Improvable),
        ("6.6.0", Verdict::Good),
        ("7.0-rc1", Verdict::Good),
        ("unknown", Verdict::Unknown),
    ] {
        let machine = Machine {
            kernel: release.to_owned(),
            ..Machine::default()
        };
        assert_eq!(
            of(&checks::machine(&machine), "kernel").verdict,
            verdict,
            "{release}"
        );
    }
}

fn offload(name: &'static str) -> Offload {
    Offload {
        name,
        is_fixed: false,
    }
}

fn silence() -> Heard {
    Heard::Not("no engine runs".to_owned())
}

/// A card with eight queues, as its driver sets it up.
fn card() -> Nic {
    Nic {
        name: "eth1".to_owned(),
        driver: "ice".to_owned(),
        is_ethernet: true,
        is_up: true,
        mtu: 1500,
        queues: 8,
        ring: Some([8160, 2048]),
        rss: Some(Rss {
            key: vec![0x6d, 0x5a, 0x56, 0xda],
            queues: (0..8).collect(),
            table: (0..8).collect(),
            is_made_symmetric: false,
            is_toeplitz: true,
        }),
        offloads: vec![offload("rx-gro"), offload("rx-vlan-hw-parse")],
        irqs: vec![24, 25],
        ..Nic::default()
    }
}

#[test]
fn a_card_as_it_comes() {
    let irq_cpus = [(24, "0-7".to_owned()), (25, "0-7".to_owned())];
    let machine = Machine {
        irq_cpus: irq_cpus.into(),
        ..Machine::default()
    };
    let findings = checks::interface(&card(), &machine, &silence());
    let command = |subject| {
        of(&findings, subject)
            .command
            .as_deref()
            .unwrap_or_default()
    };
    assert_eq!(command("receive ring"), "ethtool -G eth1 rx 8160");
    assert_eq!(
        command("offloads"),
        "ethtool -K eth1 rx-gro off rx-vlan-hw-parse off"
    );
    assert_eq!(
        command("symmetry of queues"),
        "ethtool -X eth1 hkey 6d:5a:6d:5a"
    );
    assert_eq!(of(&findings, "interrupts").verdict, Verdict::Improvable);
    assert_eq!(
        command("interrupts"),
        "cpu=0; for irq in 24 25; do echo $cpu > /proc/irq/$irq/smp_affinity_list; \
         cpu=$(((cpu + 1) % $(nproc))); done"
    );
    assert_eq!(
        of(&findings, "driver").found,
        "ice, 8 receive queues, MTU 1500"
    );
    assert_eq!(of(&findings, "received").verdict, Verdict::Unknown);
}

#[test]
fn a_card_that_is_ready() {
    let nic = Nic {
        ring: Some([4096, 4096]),
        rss: Some(Rss {
            key: vec![0x6d, 0x5a, 0x6d, 0x5a],
            queues: vec![0, 1],
            table: vec![0, 1],
            is_made_symmetric: false,
            is_toeplitz: true,
        }),
        offloads: Vec::new(),
        irqs: Vec::new(),
        ..card()
    };
    let mode = Mode {
        attach: Attach::Native,
        delivery: Delivery::ZeroCopy,
        note: String::new(),
        is_asymmetric: false,
    };
    let findings = checks::interface(&nic, &Machine::default(), &Heard::By(mode.clone()));
    assert!(
        findings.iter().all(|it| it.verdict == Verdict::Good),
        "{findings:?}"
    );
}

/// What the engine sees goes before what a card says of itself.
#[test]
fn conversations_that_are_split_are_told() {
    let mode = Mode {
        attach: Attach::Native,
        delivery: Delivery::ZeroCopy,
        note: String::new(),
        is_asymmetric: true,
    };
    let says = |rss| {
        let nic = Nic { rss, ..card() };
        let findings = checks::interface(&nic, &Machine::default(), &Heard::By(mode.clone()));
        let finding = of(&findings, "symmetry of queues").clone();
        assert_eq!(finding.verdict, Verdict::Bad);
        assert!(finding.advice.contains("--steering hash"), "{finding:?}");
        finding.command
    };
    let key = "ethtool -X eth1 hkey 6d:5a:6d:5a";
    assert_eq!(says(card().rss).as_deref(), Some(key));
    // No card but one whose key decides is helped by a key.
    assert_eq!(says(None), None);
    let crc = card().rss.map(|rss| Rss {
        is_toeplitz: false,
        ..rss
    });
    assert_eq!(says(crc), None);
}

#[test]
fn what_hurts_most() {
    let nic = Nic {
        is_ethernet: false,
        is_up: false,
        has_address: true,
        ..card()
    };
    let findings = checks::interface(&nic, &Machine::default(), &silence());
    assert_eq!(of(&findings, "driver").verdict, Verdict::Bad);
    let state = of(&findings, "state");
    assert_eq!(state.verdict, Verdict::Bad);
    assert_eq!(state.command.as_deref(), Some("ip link set eth1 up"));
    assert_eq!(of(&findings, "address").verdict, Verdict::Improvable);
}

/// In a worse mode the reason is the engine's.
#[test]
fn a_mode_that_is_not_the_best_says_why() {
    let mode = Mode {
        attach: Attach::Native,
        delivery: Delivery::Copy,
        note: "native program, zero-copy: the driver has no zero-copy".to_owned(),
        is_asymmetric: false,
    };
    let findings = checks::interface(&card(), &Machine::default(), &Heard::By(mode.clone()));
    let received = of(&findings, "received");
    assert_eq!(received.found, "attach native, delivery copy");
    assert_eq!(received.advice, mode.note);
}

/// What a driver holds on to is not advised away.
#[test]
fn a_fixed_offload_has_no_command() {
    let fixed = Offload {
        name: "rx-gro-hw",
        is_fixed: true,
    };
    let mut nic = card();
    nic.offloads = vec![fixed, offload("rx-gro")];
    let some = checks::interface(&nic, &Machine::default(), &silence());
    let some = of(&some, "offloads");
    assert_eq!(some.found, "rx-gro-hw (fixed), rx-gro");
    assert_eq!(some.command.as_deref(), Some("ethtool -K eth1 rx-gro off"));
    nic.offloads = vec![fixed];
    let all = checks::interface(&nic, &Machine::default(), &silence());
    assert_eq!(of(&all, "offloads").command, None);
}

/// Nobody is told to take the address off loopback.
#[test]
fn loopback_is_no_mirror_port() {
    let nic = Nic {
        is_loopback: true,
        has_address: true,
        ..card()
    };
    let findings = checks::interface(&nic, &Machine::default(), &silence());
    assert_eq!(of(&findings, "driver").verdict, Verdict::Bad);
    assert!(findings.iter().all(|it| it.subject != "address"));
}

#[test]
fn clocks_by_how_they_are_read() {
    for (clock, verdict) in [
        ("tsc", Verdict::Good),
        ("kvm-clock", Verdict::Good),
        ("acpi_pm", Verdict::Improvable),
        ("xen", Verdict::Unknown),
    ] {
        let machine = Machine {
            clock: clock.to_owned(),
            ..Machine::default()
        };
        let findings = checks::machine(&machine);
        assert_eq!(of(&findings, "clock").verdict, verdict, "{clock}");
        assert_eq!(of(&findings, "clock").command, None, "no other clock");
    }
}
