//! What an interface is and how it is set, for whoever advises on it. It changes nothing; what a
//! driver does not tell is left out.

use std::io;

use super::numa::Node;
use super::request::Requests;
pub use super::rss::{Rss, symmetric_key};
use super::{OFFLOADS, irqs, is_ethernet};

/// Something on that changes frames on their way to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offload {
    /// Its name, as ethtool has it.
    pub name: &'static str,
    /// The driver does not let it be switched.
    pub is_fixed: bool,
}

/// An interface as its driver and the kernel tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// Its driver's name, empty where it has none.
    pub driver: String,
    /// Its frames begin with an Ethernet header.
    pub is_ethernet: bool,
    /// It carries what this machine sends to itself, and nothing else.
    pub is_loopback: bool,
    /// It is administratively up.
    pub is_up: bool,
    /// The kernel has an address there, and may send.
    pub has_address: bool,
    /// The largest payload of its frames, in bytes.
    pub mtu: u32,
    /// Receive queues.
    pub queues: u32,
    /// Places of a receive ring of the card: the most, and the present.
    pub ring: Option<[u32; 2]>,
    /// How the card shares frames out to its queues.
    pub rss: Option<Rss>,
    /// What changes frames on their way to us and is on.
    pub offloads: Vec<Offload>,
    /// Its interrupts.
    pub irqs: Vec<u32>,
    /// Where its memory is best taken, on machines with more than one such place.
    pub node: Option<Node>,
}

/// Looks at an interface.
///
/// # Errors
///
/// ENODEV when there is none of this name.
pub fn inspect(interface: &str) -> io::Result<Nic> {
    let requests = Requests::new(interface)?;
    requests.index()?;
    let addresses = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let mut ips = addresses.filter(|it| {
        let is_ip = |it: &nix::sys::socket::SockaddrStorage| {
            it.as_sockaddr_in().is_some() || it.as_sockaddr_in6().is_some()
        };
        it.interface_name == interface && it.address.as_ref().is_some_and(is_ip)
    });
    Ok(Nic {
        name: interface.to_owned(),
        driver: requests
            .driver()
            .map_or_else(|_| String::new(), |it| driver(&it)),
        is_ethernet: is_ethernet(interface)?,
        is_loopback: requests.hardware()? == libc::ARPHRD_LOOPBACK,
        is_up: requests.is_up()?,
        has_address: ips.next().is_some(),
        mtu: requests.mtu()?,
        queues: super::rx_queues(interface)?,
        // A driver without rings of its own says that there may be none.
        ring: requests
            .rings()
            .ok()
            .map(|it| [it[0], it[4]])
            .filter(|it| it[0] > 0),
        rss: requests.rss().ok().and_then(|words| Rss::of(&words)),
        offloads: offloads(&requests).unwrap_or_default(),
        irqs: irqs(interface),
        node: Node::of(interface),
    })
}

/// Those that are on.
fn offloads(requests: &Requests) -> io::Result<Vec<Offload>> {
    let names = requests.feature_names()?;
    let words = requests.features(names.len())?;
    let on = |name: &&'static str| {
        let bit = names.iter().position(|known| known == *name)?;
        let word = words.get(bit / 32)?;
        let is = |mask: u32| mask & (1 << (bit % 32)) != 0;
        let is_fixed = !is(word.available);
        is(word.active).then_some(Offload { name, is_fixed })
    };
    Ok(OFFLOADS.iter().filter_map(on).collect())
}

/// The name in `struct ethtool_drvinfo`: 32 bytes after the command.
fn driver(words: &[u32]) -> String {
    let bytes: Vec<u8> = words
        .iter()
        .skip(1)
        .take(8)
        .flat_map(|it| it.to_ne_bytes())
        .collect();
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drivers_name_ends_at_its_zero() {
        let mut words = [0; 49];
        words[0] = 3;
        words[1] = u32::from_ne_bytes(*b"virt");
        words[2] = u32::from_ne_bytes(*b"io\0x");
        assert_eq!(driver(&words), "virtio");
        assert_eq!(driver(&[]), "");
    }

    #[test]
    fn loopback_can_be_inspected() {
        let lo = inspect("lo").unwrap();
        assert!(lo.is_ethernet && lo.is_loopback && lo.mtu > 0 && lo.queues == 1);
        assert!(!lo.driver.contains('\0'));
        assert_eq!((lo.ring, lo.rss), (None, None));
        assert!(inspect("nosuch0").is_err());
    }
}
