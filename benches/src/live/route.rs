//! Which interfaces the machine reaches the world by: a load sent there would hurt. It reads the
//! kernel's routes and changes none.

use std::fs;

use anyhow::{Result, ensure};

/// Refuses an interface that a default route leads out of.
///
/// # Errors
///
/// The refusal, with `instead`: what else to do.
pub fn refuse_default(interface: &str, instead: &str) -> Result<()> {
    ensure!(
        !is_default(interface),
        "{interface} carries this machine's default route: a load there floods whoever is behind, \
         and an engine takes its frames from the kernel; {instead}"
    );
    Ok(())
}

/// True when a default route of the calling thread's network namespace leads out of the interface.
/// Where the kernel does not tell, there is none.
fn is_default(interface: &str) -> bool {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let (v4, v6) = (
        read("/proc/thread-self/net/route"),
        read("/proc/thread-self/net/ipv6_route"),
    );
    by_ipv4(&v4, interface) || by_ipv6(&v6, interface)
}

/// Columns: interface, destination, gateway, flags, three counts, mask, more.
fn by_ipv4(routes: &str, interface: &str) -> bool {
    routes.lines().skip(1).any(|line| {
        let columns = line.split_ascii_whitespace().collect::<Vec<_>>();
        let all = |at: usize| columns.get(at) == Some(&"00000000");
        columns.first() == Some(&interface) && all(1) && all(7)
    })
}

/// Columns: destination, its length, source, its length, next hop, metric, two counts, flags,
/// interface. Those that reject (RTF_REJECT) lead nowhere.
fn by_ipv6(routes: &str, interface: &str) -> bool {
    const REJECT: u32 = 0x200;
    routes.lines().any(|line| {
        let columns = line.split_ascii_whitespace().collect::<Vec<_>>();
        let flags = columns
            .get(8)
            .and_then(|flags| u32::from_str_radix(flags, 16).ok());
        columns.get(1) == Some(&"00")
            && columns.get(9) == Some(&interface)
            && flags.is_some_and(|flags| flags & REJECT == 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_seen() {
        let v4 = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
            eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\n\
            eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n";
        assert!(by_ipv4(v4, "eth0") && !by_ipv4(v4, "eth1") && !by_ipv4("", "eth0"));
        let zero = "0".repeat(32);
        let line = |flags: &str, name: &str| {
            format!("{zero} 00 {zero} 00 {zero} 00000400 00000001 00000000 {flags} {name}\n")
        };
        let v6 = line("00000003", "eth2") + &line("00200200", "lo");
        assert!(by_ipv6(&v6, "eth2") && !by_ipv6(&v6, "lo") && !by_ipv6(&v6, "eth0"));
        assert!(!is_default("nosuch0"));
    }
}
