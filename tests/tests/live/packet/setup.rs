//! Tests of setting an interface up and putting it back, whatever ends the one who did.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use medtap_engine::nic::{self, Wish, keeper};

use super::lab::{Lab, SENSOR, ip, run};
use super::{HOLD, KEEP};

/// Sets the sensor's interface up, starts the keeper, tells so, and waits to be killed.
pub fn hold() -> ExitCode {
    let prepared = nic::prepare(SENSOR, &wish(), &mut |text| eprintln!("{text}")).unwrap();
    let keeper = keeper::start_as(own_program().arg(KEEP), &prepared.changes)
        .unwrap()
        .unwrap();
    println!("{}", keeper.pid());
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

fn own_program() -> Command {
    Command::new("/proc/self/exe")
}

fn wish() -> Wish {
    Wish {
        promiscuous: true,
        bare_frames: true,
        mtu: Some(4000),
        ..Wish::default()
    }
}

pub fn set_up_and_restore() -> Result<(), Failed> {
    let lab = Lab::new();
    lab.ethtool(&["-K", SENSOR, "gro", "on"]);
    ip(&[
        "-n",
        &lab.sensor,
        "address",
        "add",
        "10.9.9.9/24",
        "dev",
        SENSOR,
    ]);
    ip(&["-n", &lab.sensor, "link", "set", SENSOR, "down"]);
    let tagged = lab.feature("rx-vlan-offload");
    let mut reports = Vec::new();
    let wish = Wish {
        up: true,
        irq_cpus: vec![0],
        ..wish()
    };
    let prepared = lab.sensor(|| {
        // Whatever is reported twice is found by the count below.
        nic::prepare(SENSOR, &wish, &mut |text| reports.push(text.to_owned()))
    })?;
    assert!(!lab.feature("generic-receive-offload") && !lab.feature("rx-vlan-offload"));
    assert!(lab.mtu() == 4000 && lab.sensor(|| nic::is_up(SENSOR).unwrap()));
    assert!(
        reports
            .iter()
            .any(|it| it.contains("mirror0 has an IP address")),
        "{reports:?}"
    );
    assert!(
        reports
            .iter()
            .any(|it| it.contains("has no interrupts of its own")),
        "{reports:?}"
    );
    let again = lab.sensor(|| nic::prepare(SENSOR, &wish, &mut |_| ()))?;
    assert_eq!(again.changes, []);
    drop(again);
    assert!(lab.sensor(|| nic::restore(&prepared.changes, &mut |text| panic!("{text}"))));
    assert!(lab.feature("generic-receive-offload") && lab.feature("rx-vlan-offload") == tagged);
    assert!(lab.mtu() == 9000 && !lab.sensor(|| nic::is_up(SENSOR).unwrap()));
    let down = lab.sensor(|| {
        let mut reports = String::new();
        nic::prepare(SENSOR, &Wish::default(), &mut |text| reports.push_str(text))
            .map(|it| (it.changes, reports))
    })?;
    assert!(
        down.0.is_empty() && down.1.contains("mirror0 is down"),
        "{down:?}"
    );
    // A driver that refuses is no error.
    let refused = Wish {
        mtu: Some(70_000),
        channels: Some(60_000),
        ..Wish::default()
    };
    let mut reports = Vec::new();
    let refused =
        lab.sensor(|| nic::prepare(SENSOR, &refused, &mut |it| reports.push(it.to_owned())))?;
    assert_eq!(refused.changes, []);
    assert!(
        reports
            .iter()
            .any(|it| it.starts_with("mirror0 keeps mtu at 9000 where 70000 was asked for")),
        "{reports:?}"
    );
    Ok(())
}

/// A helper process in the sensor's namespace, and its keeper's process id.
fn holder(lab: &Lab) -> (Child, String) {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &lab.sensor])
        .arg(program)
        .args([HOLD, SENSOR]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().to_owned())
}

/// Waits for a process of ours that is not our child.
fn gone(pid: &str) {
    let begin = Instant::now();
    while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|it| !it.contains(") Z "))
    {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "the keeper {pid} stays"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

pub fn kill_the_holder() -> Result<(), Failed> {
    let lab = Lab::new();
    lab.ethtool(&["-K", SENSOR, "gro", "on"]);
    let (mut child, keeper) = holder(&lab);
    assert!(!lab.feature("generic-receive-offload") && lab.mtu() == 4000);
    let status = std::fs::read_to_string(format!("/proc/{keeper}/status"))?;
    for set in ["CapPrm", "CapEff"] {
        // CAP_NET_ADMIN is number 12.
        assert!(
            status.contains(&format!("{set}:\t0000000000001000\n")),
            "{status}"
        );
    }
    // It obeys no signal that can be ignored.
    for signal in ["-TERM", "-INT", "-HUP"] {
        run(Command::new("kill").args([signal, &keeper]));
    }
    thread::sleep(Duration::from_millis(50));
    assert!(!lab.feature("generic-receive-offload") && lab.mtu() == 4000);
    child.kill()?;
    child.wait()?;
    gone(&keeper);
    assert!(lab.feature("generic-receive-offload") && lab.mtu() == 9000);
    Ok(())
}

pub fn what_others_changed_stays() -> Result<(), Failed> {
    let lab = Lab::new();
    let (mut child, keeper) = holder(&lab);
    ip(&["-n", &lab.sensor, "link", "set", SENSOR, "mtu", "3000"]);
    child.kill()?;
    child.wait()?;
    gone(&keeper);
    assert_eq!(lab.mtu(), 3000);
    Ok(())
}

pub fn promiscuous_while_held() -> Result<(), Failed> {
    let lab = Lab::new();
    let is_promiscuous =
        || ip(&["-n", &lab.sensor, "-d", "link", "show", SENSOR]).contains("promiscuity 1");
    assert!(!is_promiscuous());
    let (mut child, keeper) = holder(&lab);
    assert!(is_promiscuous());
    child.kill()?;
    child.wait()?;
    gone(&keeper);
    assert!(!is_promiscuous());
    Ok(())
}
