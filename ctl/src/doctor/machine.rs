//! What `/proc` and `/sys` tell of the machine. It reads under a folder, so that a recorded
//! machine is read as a real one, and judges nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Files of `/proc` and `/sys` are far shorter; a longer one is cut.
const READ_BYTES_MAX: usize = 1 << 20;

/// A machine. What it does not tell is empty or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's release, such as `6.12.4-amd64`.
    pub kernel: String,
    /// Huge pages of the default size: there are, and free.
    pub huge_pages: Option<(u64, u64)>,
    /// Processors that nothing is scheduled on by itself, as `2-5`; empty for none.
    pub isolated: Option<String>,
    /// Processors that are there, as `0-7`.
    pub online: String,
    /// The clock that the kernel reads.
    pub clock: String,
    /// Clocks that it could read.
    pub clocks: Vec<String>,
    /// How the first processor's speed is chosen, where the machine lets it be.
    pub governor: Option<String>,
    /// Interfaces, without loopback.
    pub interfaces: Vec<String>,
    /// By interrupt: the processors that serve it, as `0-7`.
    pub irq_cpus: BTreeMap<u32, String>,
}

impl Machine {
    /// Reads the machine whose root folder this is.
    pub fn read(root: &Path) -> Self {
        let cpu = Path::new("sys/devices/system/cpu");
        let clock = Path::new("sys/devices/system/clocksource/clocksource0");
        let text = |path: &Path| text(&root.join(path));
        let meminfo = text(Path::new("proc/meminfo")).unwrap_or_default();
        let pages = |name| number(&meminfo, name);
        let available = text(&clock.join("available_clocksource")).unwrap_or_default();
        Self {
            kernel: text(Path::new("proc/sys/kernel/osrelease")).unwrap_or_default(),
            huge_pages: pages("HugePages_Total:").zip(pages("HugePages_Free:")),
            isolated: text(&cpu.join("isolated")),
            online: text(&cpu.join("online")).unwrap_or_default(),
            clock: text(&clock.join("current_clocksource")).unwrap_or_default(),
            clocks: available.split_whitespace().map(str::to_owned).collect(),
            governor: text(&cpu.join("cpu0/cpufreq/scaling_governor")),
            interfaces: interfaces(&root.join("sys/class/net")),
            irq_cpus: irq_cpus(&root.join("proc/irq")),
        }
    }
}

/// A file's text without the white space around it.
fn text(path: &Path) -> Option<String> {
    let mut bytes = fs::read(path).ok()?;
    bytes.truncate(READ_BYTES_MAX);
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn number(list: &str, name: &str) -> Option<u64> {
    let line = list.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn interfaces(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    // Loopback, and files such as `bonding_masters`.
    names.retain(|name| name != "lo" && folder.join(name).join("ifindex").is_file());
    names
}

fn irq_cpus(folder: &Path) -> BTreeMap<u32, String> {
    let cpus = |name: String| {
        let cpus = text(&folder.join(&name).join("smp_affinity_list"))?;
        Some((name.parse().ok()?, cpus))
    };
    names(folder).into_iter().filter_map(cpus).collect()
}
