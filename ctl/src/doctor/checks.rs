//! What is good for a sensor and what is not, judged by what was read. It reads nothing itself.

use medtap_engine::nic::inspect::Nic;

use super::machine::Machine;
use super::{Finding, Mode, Verdict};

/// The oldest kernel that the engine starts on, and the oldest whose AF_XDP takes frames in
/// several pieces.
const KERNEL_MIN: (u32, u32) = (6, 1);
const KERNEL_PIECES: (u32, u32) = (6, 6);
/// Clocks that are read without leaving the program.
const CLOCKS_NEAR: [&str; 3] = ["tsc", "kvm-clock", "arch_sys_counter"];
/// A key that makes both directions of a conversation alike, as `ethtool -X` takes it.
const SYMMETRIC_PAIR: &str = "6d:5a";
/// Bytes of a key where the card does not tell.
const KEY_BYTES: usize = 40;

/// One finding in the making.
struct Judge<'a>(Option<&'a str>);

impl Judge<'_> {
    fn good(&self, subject: &'static str, found: impl Into<String>) -> Finding {
        self.finding(subject, Verdict::Good, found.into(), "", None)
    }

    fn unknown(&self, subject: &'static str, found: impl Into<String>) -> Finding {
        self.finding(subject, Verdict::Unknown, found.into(), "", None)
    }

    fn finding(
        &self,
        subject: &'static str,
        verdict: Verdict,
        found: String,
        advice: &str,
        command: Option<String>,
    ) -> Finding {
        Finding {
            interface: self.0.map(str::to_owned),
            subject,
            verdict,
            found,
            advice: advice.to_owned(),
            command,
        }
    }
}

/// What holds for all interfaces.
pub fn machine(machine: &Machine) -> Vec<Finding> {
    vec![
        kernel(machine),
        huge_pages(machine),
        isolation(machine),
        clock(machine),
        governor(machine),
    ]
}

fn kernel(machine: &Machine) -> Finding {
    let judge = Judge(None);
    let mut numbers = machine
        .kernel
        .split(|c: char| !c.is_ascii_digit())
        .map(|number| number.parse::<u32>().ok());
    let version = numbers.next().flatten().zip(numbers.next().flatten());
    let found = machine.kernel.clone();
    let old = |verdict, advice| judge.finding("kernel", verdict, found.clone(), advice, None);
    match version {
        None => judge.unknown("kernel", "the system does not tell"),
        Some(version) if version < KERNEL_MIN => old(
            Verdict::Bad,
            "boot 6.1 or newer: the engine does not start on this one",
        ),
        Some(version) if version < KERNEL_PIECES => old(
            Verdict::Improvable,
            "boot 6.6 or newer: AF_XDP takes no frames longer than a chunk before",
        ),
        Some(_) => judge.good("kernel", found.clone()),
    }
}

fn huge_pages(machine: &Machine) -> Finding {
    let judge = Judge(None);
    match machine.huge_pages {
        None => judge.unknown("huge pages", "the system does not tell"),
        Some((0, _)) => judge.finding(
            "huge pages",
            Verdict::Improvable,
            "none".to_owned(),
            "reserve some: frames and flows then cost fewer look-ups of pages",
            Some("sysctl -w vm.nr_hugepages=512".to_owned()),
        ),
        Some((all, free)) => judge.good("huge pages", format!("{free} of {all} are free")),
    }
}

fn isolation(machine: &Machine) -> Finding {
    let judge = Judge(None);
    match machine.isolated.as_deref() {
        None => judge.unknown("isolated processors", "the system does not tell"),
        Some("") => judge.finding(
            "isolated processors",
            Verdict::Improvable,
            format!("none of {}", machine.online),
            "keep other work off the workers' processors: add isolcpus= with the list of --cpus \
             to the kernel's command line and boot",
            None,
        ),
        Some(cpus) => judge.good("isolated processors", cpus),
    }
}

fn clock(machine: &Machine) -> Finding {
    let judge = Judge(None);
    let found = machine.clock.clone();
    if found.is_empty() {
        return judge.unknown("clock", "the system does not tell");
    }
    if CLOCKS_NEAR.contains(&found.as_str()) {
        return judge.good("clock", found);
    }
    let better = CLOCKS_NEAR
        .iter()
        .find(|near| machine.clocks.iter().any(|it| it == *near));
    let command = better.map(|clock| {
        let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        format!("echo {clock} > {file}")
    });
    let advice = "every burst reads the clock, and this one takes a system call or worse";
    judge.finding("clock", Verdict::Improvable, found, advice, command)
}

fn governor(machine: &Machine) -> Finding {
    let judge = Judge(None);
    match machine.governor.as_deref() {
        None => judge.unknown("processor speed", "the machine does not let it be chosen"),
        Some("performance") => judge.good("processor speed", "performance"),
        Some(other) => judge.finding(
            "processor speed",
            Verdict::Improvable,
            other.to_owned(),
            "a processor that has to wake up first loses the beginning of a burst",
            Some("cpupower frequency-set -g performance".to_owned()),
        ),
    }
}

/// What holds for one interface, and what the engine that runs makes of it.
pub fn interface(nic: &Nic, machine: &Machine, mode: Option<&Mode>) -> Vec<Finding> {
    let judge = Judge(Some(&nic.name));
    let mut findings = vec![driver(&judge, nic), link(&judge, nic), address(&judge, nic)];
    findings.push(ring(&judge, nic));
    findings.push(symmetry(&judge, nic));
    findings.push(offloads(&judge, nic));
    findings.extend(interrupts(&judge, nic, machine));
    findings.push(received(&judge, mode));
    findings
}

fn driver(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if !nic.is_ethernet {
        let advice = "name the mirror port: the engine reads Ethernet frames alone";
        let found = "no Ethernet interface".to_owned();
        return judge.finding("driver", Verdict::Bad, found, advice, None);
    }
    let name = match nic.driver.as_str() {
        "" => "no name",
        name => name,
    };
    let node = nic
        .numa_node
        .map_or_else(String::new, |node| format!(", memory node {node}"));
    let found = format!(
        "{name}, {} receive queues, MTU {}{node}",
        nic.queues, nic.mtu
    );
    judge.good("driver", found)
}

fn link(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if nic.is_up {
        return judge.good("state", "up");
    }
    let command = Some(format!("ip link set {} up", nic.name));
    let advice = "it receives nothing";
    judge.finding("state", Verdict::Bad, "down".to_owned(), advice, command)
}

fn address(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if !nic.has_address {
        return judge.good("address", "none");
    }
    judge.finding(
        "address",
        Verdict::Improvable,
        "the kernel has one there".to_owned(),
        "it may send; a sensor's interface has none, unless a tunnel ends there",
        Some(format!("ip address flush dev {}", nic.name)),
    )
}

fn ring(judge: &Judge<'_>, nic: &Nic) -> Finding {
    match nic.ring {
        None => judge.unknown("receive ring", "the driver has none of its own"),
        Some([most, now]) if now < most => judge.finding(
            "receive ring",
            Verdict::Improvable,
            format!("{now} of {most} places"),
            "a longer ring outlasts longer bursts",
            Some(format!("ethtool -G {} rx {most}", nic.name)),
        ),
        Some([_, now]) => judge.good("receive ring", format!("{now} places, the most it can")),
    }
}

fn symmetry(judge: &Judge<'_>, nic: &Nic) -> Finding {
    const SUBJECT: &str = "symmetry of queues";
    if nic.queues == 1 {
        return judge.good(SUBJECT, "one queue");
    }
    let Some(rss) = &nic.rss else {
        return judge.unknown(
            SUBJECT,
            "the driver does not tell; steering by hash is right anyway",
        );
    };
    match rss.is_symmetric() {
        None => judge.unknown(
            SUBJECT,
            "the key is hidden; steering by hash is right anyway",
        ),
        Some(true) => judge.good(SUBJECT, "both directions of a conversation share a queue"),
        Some(false) => {
            let pairs = rss.key.len().max(KEY_BYTES) / 2;
            let key = vec![SYMMETRIC_PAIR; pairs].join(":");
            judge.finding(
                SUBJECT,
                Verdict::Improvable,
                "the directions of a conversation come to different queues".to_owned(),
                "steering by hash is right all the same; with a symmetric key --steering queues \
                 spares the way from worker to worker",
                Some(format!("ethtool -X {} hkey {key}", nic.name)),
            )
        }
    }
}

fn offloads(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if nic.offloads.is_empty() {
        return judge.good("offloads", "none that changes frames");
    }
    let off: Vec<String> = nic
        .offloads
        .iter()
        .map(|name| format!("{name} off"))
        .collect();
    judge.finding(
        "offloads",
        Verdict::Improvable,
        nic.offloads.join(", "),
        "merged frames and tags that are taken off are not what was sent; medtapd switches them \
         off while it runs",
        Some(format!("ethtool -K {} {}", nic.name, off.join(" "))),
    )
}

/// Where the card's interrupts are served, if it has any.
fn interrupts(judge: &Judge<'_>, nic: &Nic, machine: &Machine) -> Option<Finding> {
    let served = nic.irqs.iter().filter_map(|irq| machine.irq_cpus.get(irq));
    let mut cpus: Vec<&str> = served.map(String::as_str).collect();
    cpus.sort_unstable();
    cpus.dedup();
    if cpus.is_empty() {
        return None;
    }
    let found = format!(
        "{} interrupts, on processors {}",
        nic.irqs.len(),
        cpus.join(", ")
    );
    let wide = cpus.iter().any(|cpus| cpus.contains(['-', ',']));
    if nic.queues == 1 || !wide {
        return Some(judge.good("interrupts", found));
    }
    let advice = "pin each beside its worker: irq_cpus in the configuration, once irqbalance is \
                  off";
    Some(judge.finding("interrupts", Verdict::Improvable, found, advice, None))
}

fn received(judge: &Judge<'_>, mode: Option<&Mode>) -> Finding {
    let Some(mode) = mode else {
        return judge.unknown("received", "no engine listens here");
    };
    let found = format!("attach {}, delivery {}", mode.attach, mode.delivery);
    match mode.delivery.as_str() {
        "zero-copy" => judge.good("received", found),
        _ => judge.finding("received", Verdict::Improvable, found, &mode.note, None),
    }
}
