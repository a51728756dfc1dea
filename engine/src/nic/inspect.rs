//! What an interface is and how it is set, for whoever advises on it. It changes nothing; what a
//! driver does not tell is left out.

use std::io;

use super::request::{RSS_HEAD_WORDS, Requests};
use super::{OFFLOADS, irqs, is_ethernet, numa_node};

/// The offloads that change frames on their way to us, of those that are on.
pub type Offload = &'static str;

/// An interface as its driver and the kernel tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// Its driver's name, empty where it has none.
    pub driver: String,
    /// Its frames begin with an Ethernet header.
    pub is_ethernet: bool,
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
    pub numa_node: Option<u32>,
}

/// How a card shares frames out to its queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rss {
    /// The key of its hash.
    pub key: Vec<u8>,
    /// The queues that are in its table.
    pub queues: Vec<u32>,
    /// The card makes both directions of a conversation alike before it hashes.
    pub is_symmetric_by_xor: bool,
}

impl Rss {
    /// From the words of `struct ethtool_rxfh`.
    fn of(words: &[u32]) -> Option<Self> {
        const SYMMETRIC_XOR: u8 = 1;
        let (head, behind) = words.split_first_chunk::<RSS_HEAD_WORDS>()?;
        let [_, _, places, key_bytes, functions, _] = *head;
        let [_, transform, ..] = functions.to_ne_bytes();
        let (table, key) = behind.split_at_checked(places as usize)?;
        let key = key.iter().flat_map(|word| word.to_ne_bytes());
        let mut queues = table.to_vec();
        queues.sort_unstable();
        queues.dedup();
        Some(Self {
            key: key.take(key_bytes as usize).collect(),
            queues,
            is_symmetric_by_xor: transform & SYMMETRIC_XOR != 0,
        })
    }

    /// Both directions of a conversation come to one queue. A key does that whose every two bytes
    /// are the same; a key that is hidden says nothing.
    pub fn is_symmetric(&self) -> Option<bool> {
        if self.is_symmetric_by_xor || self.queues.len() == 1 {
            return Some(true);
        }
        let (pairs, _) = self.key.as_chunks::<2>();
        let first = pairs.first()?;
        if self.key.iter().all(|byte| *byte == 0) {
            return None;
        }
        Some(pairs.iter().all(|pair| pair == first))
    }
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
    let is_on = |name: &&Offload| {
        let setting = super::Setting::Feature((**name).to_owned());
        setting.read(interface).is_ok_and(|value| value == "on")
    };
    Ok(Nic {
        name: interface.to_owned(),
        driver: requests
            .driver()
            .map_or_else(|_| String::new(), |it| driver(&it)),
        is_ethernet: is_ethernet(interface)?,
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
        offloads: OFFLOADS.iter().filter(is_on).copied().collect(),
        irqs: irqs(interface),
        numa_node: numa_node(interface),
    })
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

    /// An answer as a card gives it: four places, a key of so many bytes.
    fn answer(key: &[u8], table: [u32; 4], transform: u8) -> Vec<u32> {
        let functions = u32::from_ne_bytes([1, transform, 0, 0]);
        let mut words = vec![0x46, 0, 4, key.len() as u32, functions, 0];
        words.extend(table);
        for word in key.chunks(4) {
            let mut bytes = [0; 4];
            bytes[..word.len()].copy_from_slice(word);
            words.push(u32::from_ne_bytes(bytes));
        }
        words
    }

    #[test]
    fn symmetry_is_told_by_the_key() {
        let microsoft = [0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2];
        let cases = [
            (&microsoft[..], [0, 1, 2, 3], 0, Some(false)),
            (&microsoft[..], [0, 1, 2, 3], 1, Some(true)),
            (&microsoft[..], [0; 4], 0, Some(true)),
            (
                &[0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a][..],
                [0, 1, 0, 1],
                0,
                Some(true),
            ),
            (&[0; 8][..], [0, 1, 0, 1], 0, None),
            (&[][..], [0, 1, 0, 1], 0, None),
        ];
        for (key, table, transform, expected) in cases {
            let rss = Rss::of(&answer(key, table, transform)).unwrap();
            assert_eq!(rss.key, key);
            assert_eq!(rss.is_symmetric(), expected, "{key:?} {table:?}");
        }
        assert_eq!(Rss::of(&[0x46, 0, 9, 0, 0, 0]), None);
        assert_eq!(Rss::of(&[0x46, 0, 9]), None);
    }

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
        assert!(lo.is_ethernet && lo.mtu > 0 && lo.queues == 1);
        assert_eq!((lo.ring, lo.rss), (None, None));
        assert!(inspect("nosuch0").is_err());
    }

    /// Any answer: no panic.
    #[test]
    fn fuzz_rss() {
        bolero::check!().with_type::<Vec<u32>>().for_each(|words| {
            if let Some(rss) = Rss::of(words) {
                rss.is_symmetric();
            }
        });
    }
}
