//! Which processors are near an interface's card: those of its node of memory. It pins nothing, and
//! says nothing where the machine does not tell.

use std::fs;
use std::path::{Path, PathBuf};

/// More than Linux counts on any machine of today; bounds what a list may grow to.
const CPUS_MAX: u16 = 8192;

/// A node of memory, with the processors beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub number: u32,
    /// Its processors, in order.
    pub cpus: Vec<u16>,
}

impl Node {
    /// The node that an interface is next to; nothing where memory is equally near to all.
    pub fn of(interface: &str) -> Option<Self> {
        Self::read(
            Path::new("/sys/devices/system/node"),
            &super::sysfs(interface)?,
        )
    }

    /// As [`Self::of`], of recorded folders: that of all nodes, and the interface's.
    fn read(nodes: &Path, interface: &Path) -> Option<Self> {
        // -1 on machines with one node.
        let number = text(interface.join("device/numa_node"))?.parse().ok()?;
        let is_node = |name: &str| {
            let digits = name.strip_prefix("node");
            digits.is_some_and(|digits| digits.parse::<u32>().is_ok())
        };
        let entries = fs::read_dir(nodes).ok()?.flatten();
        let several = entries.filter(|it| it.file_name().to_str().is_some_and(is_node));
        if several.count() < 2 {
            return None;
        }
        let cpus = cpus(&text(nodes.join(format!("node{number}/cpulist")))?)?;
        Some(Self { number, cpus })
    }
}

fn text(path: PathBuf) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Reads `0-3,8`, as the kernel writes it; empty for a node of memory alone.
fn cpus(list: &str) -> Option<Vec<u16>> {
    let mut cpus = Vec::new();
    for part in list.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
        if last >= CPUS_MAX {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus)
}

/// The list as one would type it.
pub fn spell(cpus: &[u16]) -> String {
    let runs = cpus.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let words = runs.filter_map(|run| match run {
        [] => None,
        [cpu] => Some(cpu.to_string()),
        [first, .., last] => Some(format!("{first}-{last}")),
    });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a machine as its files show it.
    fn record(root: &Path, files: &[(&str, &str)]) -> Option<Node> {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Node::read(&root.join("node"), &root.join("eth1"))
    }

    const TWO: [(&str, &str); 4] = [
        ("node/node0/cpulist", "0-3,8-11\n"),
        ("node/node1/cpulist", "4-7,12-15\n"),
        ("node/has_cpu", "0-1\n"),
        ("node/possible", "0-1\n"),
    ];

    #[test]
    fn a_card_is_near_the_processors_of_its_node() {
        let root = tempfile::tempdir().unwrap();
        let mut files = TWO.to_vec();
        files.push(("eth1/device/numa_node", "1\n"));
        let cpus = vec![4, 5, 6, 7, 12, 13, 14, 15];
        let node = Node { number: 1, cpus };
        assert_eq!(record(root.path(), &files), Some(node));
    }

    /// A virtual interface has no device; a card of a machine with one node says -1, or 0.
    #[test]
    fn where_nothing_is_far_nothing_is_said() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(record(root.path(), &TWO), None);
        let one = [
            ("node/node0/cpulist", "0-1\n"),
            ("eth1/device/numa_node", "-1\n"),
        ];
        let root = tempfile::tempdir().unwrap();
        assert_eq!(record(root.path(), &one), None);
        assert_eq!(
            record(root.path(), &[("eth1/device/numa_node", "0\n")]),
            None
        );
    }

    #[test]
    fn lists_of_the_kernel() {
        assert_eq!(cpus(""), Some(vec![]));
        assert_eq!(cpus("0"), Some(vec![0]));
        assert_eq!(cpus("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(cpus("0-65535"), None);
        assert_eq!(cpus("x"), None);
    }
}
