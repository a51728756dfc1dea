//! Keeps the run near the cards that it listens to: on machines with several nodes of memory the
//! way to another one costs every packet. It moves nothing that the settings have placed.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::nic::numa::{Node, spell};
use crate::settings::Settings;

/// An interface and the node that it is next to.
type Beside = (String, Node);

/// Puts the calling thread, and those that it starts, onto the processors near all interfaces:
/// memory that is taken from here on is near them too. Tells of workers that are placed far away.
pub fn come_near(settings: &Settings, say: &mut dyn FnMut(&str)) {
    let names = settings.interfaces.iter().map(|interface| &interface.name);
    let beside = names.filter_map(|name| Some((name.clone(), Node::of(name)?)));
    let beside: Vec<Beside> = beside.collect();
    for line in far(&settings.cpus, &beside) {
        say(&line);
    }
    let Some(node) = common(&beside) else { return };
    let own = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(own) else {
        return;
    };
    let mut set = CpuSet::new();
    for cpu in node.cpus.iter().map(|cpu| usize::from(*cpu)) {
        if allowed.is_set(cpu) == Ok(true) {
            let _ = set.set(cpu);
        }
    }
    // Where this process may use none of them, this is refused, and all stays as it was.
    let _ = sched_setaffinity(own, &set);
}

/// What is to be said of workers that are far from an interface.
fn far(cpus: &[u16], beside: &[Beside]) -> Vec<String> {
    let line = |(name, node): &Beside| {
        let far = cpus.iter().filter(|cpu| !node.cpus.contains(cpu));
        let far: Vec<u16> = far.copied().collect();
        (!far.is_empty() && !node.cpus.is_empty()).then(|| {
            format!(
                "workers on cpus {} are far from the memory of {name}, node {}: better are cpus {}",
                spell(&far),
                node.number,
                spell(&node.cpus)
            )
        })
    };
    beside.iter().filter_map(line).collect()
}

/// The node that all interfaces are next to, as far as they tell.
fn common(beside: &[Beside]) -> Option<&Node> {
    let (_, first) = beside.first()?;
    beside
        .iter()
        .all(|(_, node)| node == first)
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(name: &str, number: u32, cpus: &[u16]) -> Beside {
        let cpus = cpus.to_vec();
        (name.to_owned(), Node { number, cpus })
    }

    #[test]
    fn workers_far_away_are_told() {
        let two = [beside("eth1", 0, &[0, 1, 2]), beside("eth2", 1, &[3, 4, 5])];
        assert_eq!(
            far(&[1, 2, 3], &two),
            [
                "workers on cpus 3 are far from the memory of eth1, node 0: better are cpus 0-2",
                "workers on cpus 1-2 are far from the memory of eth2, node 1: better are cpus 3-5",
            ]
        );
        assert!(far(&[], &two).is_empty());
        assert!(far(&[7], &[beside("eth1", 2, &[])]).is_empty());
    }

    #[test]
    fn one_node_is_common_to_all_or_none_is() {
        let near = beside("eth1", 0, &[0, 1]);
        assert_eq!(common(&[near.clone(), near.clone()]), Some(&near.1));
        assert_eq!(common(&[near, beside("eth2", 1, &[2])]), None);
        assert_eq!(common(&[]), None);
    }
}
