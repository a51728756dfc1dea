//! What is good for a sensor and what is not, judged by what was read. It reads nothing itself.

use medtap_engine::nic::inspect::{Nic, Rss, symmetric_key};
use medtap_engine::nic::numa::spell;
use medtap_table::vocabulary::Delivery;

use super::machine::Machine;
use super::{Finding, Heard, Verdict};

/// The oldest kernel that the engine starts on.
const KERNEL_MIN: (u32, u32) = (6, 1);
/// The oldest whose AF_XDP takes frames in several pieces.
const KERNEL_PIECES: (u32, u32) = (6, 6);
/// Clocks that are read without leaving the program, the best first.
const CLOCKS_NEAR: [&str; 4] = [
    "tsc",
    "arch_sys_counter",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
];
/// Clocks that are read by a system call.
const CLOCKS_FAR: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];

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
        Some((all, 0)) => judge.unknown(
            "huge pages",
            format!("all {all} are in use, by an engine or by something else"),
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
            "keep other work off the workers' processors, those of --cpus; this is Debian's and \
             Ubuntu's way to say it to the kernel, and holds from the next boot on",
            all_but_first(&machine.online).map(|cpus| {
                format!(
                    "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus={cpus} /' /etc/default/grub && \
                     update-grub"
                )
            }),
        ),
        Some(cpus) => judge.good("isolated processors", cpus),
    }
}

/// Of processors that are there in one row, all but the first, which is left for other work.
fn all_but_first(online: &str) -> Option<String> {
    let (first, last) = online.split_once('-')?;
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    let second = first.checked_add(1).filter(|second| *second <= last)?;
    Some(match second == last {
        true => last.to_string(),
        false => format!("{second}-{last}"),
    })
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
    if !CLOCKS_FAR.contains(&found.as_str()) {
        return judge.unknown("clock", found);
    }
    let better = CLOCKS_NEAR
        .iter()
        .find(|near| machine.clocks.iter().any(|it| it == *near));
    let command = better.map(|clock| {
        let file = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        format!("echo {clock} > {file}")
    });
    let advice = "every burst reads the clock, and this one takes a system call";
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
pub fn interface(nic: &Nic, machine: &Machine, heard: &Heard) -> Vec<Finding> {
    let judge = Judge(Some(&nic.name));
    let mut findings = vec![driver(&judge, nic), state(&judge, nic)];
    findings.extend(address(&judge, nic));
    findings.push(ring(&judge, nic));
    findings.push(symmetry(&judge, nic, heard));
    findings.push(offloads(&judge, nic));
    findings.extend(interrupts(&judge, nic, machine));
    findings.push(received(&judge, heard));
    findings
}

/// What holds for an interface of the engine that can't be looked at from here.
pub fn absent(name: &str, heard: &Heard) -> Vec<Finding> {
    let judge = Judge(Some(name));
    let found = "not here: the engine runs in another network namespace, or it is gone";
    vec![judge.unknown("driver", found), received(&judge, heard)]
}

fn driver(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if !nic.is_ethernet {
        let advice = "name the mirror port: the engine reads Ethernet frames alone";
        let found = "no Ethernet interface".to_owned();
        return judge.finding("driver", Verdict::Bad, found, advice, None);
    }
    if nic.is_loopback {
        let advice = "name the mirror port: here passes only what this machine sends to itself";
        return judge.finding("driver", Verdict::Bad, "loopback".to_owned(), advice, None);
    }
    let name = match nic.driver.as_str() {
        "" => "no name",
        name => name,
    };
    let node = nic.node.as_ref().map_or_else(String::new, |node| {
        let cpus = spell(&node.cpus);
        format!(", memory node {} of processors {cpus}", node.number)
    });
    let queues = match nic.queues {
        1 => "1 receive queue".to_owned(),
        more => format!("{more} receive queues"),
    };
    let found = format!("{name}, {queues}, MTU {}{node}", nic.mtu);
    judge.good("driver", found)
}

fn state(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if nic.is_up {
        return judge.good("state", "up");
    }
    let command = Some(format!("ip link set {} up", nic.name));
    let advice = "it receives nothing";
    judge.finding("state", Verdict::Bad, "down".to_owned(), advice, command)
}

/// Whether the kernel may send there. Loopback has an address by right.
fn address(judge: &Judge<'_>, nic: &Nic) -> Option<Finding> {
    if nic.is_loopback {
        return None;
    }
    if !nic.has_address {
        return Some(judge.good("address", "none"));
    }
    Some(judge.finding(
        "address",
        Verdict::Improvable,
        "the kernel has one there, and may send".to_owned(),
        "a mirror port has none, unless a tunnel ends there; if you reach this machine by it, \
         listen on another interface and leave it as it is",
        Some(format!("ip address flush dev {}", nic.name)),
    ))
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

/// By what the engine sees where one runs, else by what the card says of itself.
fn symmetry(judge: &Judge<'_>, nic: &Nic, heard: &Heard) -> Finding {
    const SUBJECT: &str = "symmetry of queues";
    if matches!(heard, Heard::By(mode) if mode.is_asymmetric) {
        return judge.finding(
            SUBJECT,
            Verdict::Bad,
            "the engine sees the directions of conversations come to different workers".to_owned(),
            "start it with --steering hash, or with a key that makes the card's hash symmetric",
            nic.rss.as_ref().and_then(|rss| symmetric(nic, rss)),
        );
    }
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
            "the key is hidden, or decides nothing; steering by hash is right anyway",
        ),
        Some(true) => judge.good(SUBJECT, "both directions of a conversation share a queue"),
        Some(false) => judge.finding(
            SUBJECT,
            Verdict::Improvable,
            "the directions of a conversation come to different queues".to_owned(),
            "steering by hash is right all the same; with a symmetric key --steering queues \
             spares the way from worker to worker",
            symmetric(nic, rss),
        ),
    }
}

/// The command that makes a card's hash symmetric, where a key can.
fn symmetric(nic: &Nic, rss: &Rss) -> Option<String> {
    // As `ethtool -X` takes it.
    let bytes = symmetric_key(rss.key.len());
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}"));
    let key = bytes.collect::<Vec<_>>().join(":");
    let can = rss.is_toeplitz && !key.is_empty() && rss.is_symmetric() != Some(true);
    can.then(|| format!("ethtool -X {} hkey {key}", nic.name))
}

fn offloads(judge: &Judge<'_>, nic: &Nic) -> Finding {
    if nic.offloads.is_empty() {
        return judge.good("offloads", "none that changes frames");
    }
    let mut names = Vec::new();
    let mut off = String::new();
    for offload in &nic.offloads {
        if offload.is_fixed {
            names.push(format!("{} (fixed)", offload.name));
        } else {
            names.push(offload.name.to_owned());
            off.push_str(&format!(" {} off", offload.name));
        }
    }
    let (advice, command) = if off.is_empty() {
        let advice = "merged frames and tags that are taken off are not what was sent, and the \
                      driver does not let this be switched off: compare with another card";
        (advice, None)
    } else {
        let advice = "merged frames and tags that are taken off are not what was sent; medtapd \
                      switches off what is not fixed while it runs";
        (advice, Some(format!("ethtool -K {}{off}", nic.name)))
    };
    let found = names.join(", ");
    judge.finding("offloads", Verdict::Improvable, found, advice, command)
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
    let advice = "pin each beside its worker, which irq_cpus in the configuration does, too; \
                  irqbalance would undo it";
    let irqs: Vec<String> = nic.irqs.iter().map(u32::to_string).collect();
    let command = format!(
        "cpu=0; for irq in {}; do echo $cpu > /proc/irq/$irq/smp_affinity_list; \
         cpu=$(((cpu + 1) % $(nproc))); done",
        irqs.join(" ")
    );
    Some(judge.finding(
        "interrupts",
        Verdict::Improvable,
        found,
        advice,
        Some(command),
    ))
}

/// By which mode the engine receives.
fn received(judge: &Judge<'_>, heard: &Heard) -> Finding {
    let mode = match heard {
        Heard::Not(why) => return judge.unknown("received", why),
        Heard::By(mode) => mode,
    };
    let found = format!(
        "attach {}, delivery {}",
        mode.attach.name(),
        mode.delivery.name()
    );
    if mode.delivery == Delivery::ZeroCopy {
        return judge.good("received", found);
    }
    let advice = match mode.note.as_str() {
        "" => "the settings chose it; --mode auto takes the best that works",
        note => note,
    };
    judge.finding("received", Verdict::Improvable, found, advice, None)
}
