//! What an interface is and how it is set, for whoever advises on it. It changes nothing; what a
//! driver does not tell is left out.

use std::io;

use super::request::{RSS_HEAD_WORDS, Requests};
use super::{OFFLOADS, irqs, is_ethernet, numa_node};

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
    pub numa_node: Option<u32>,
}

/// How a card shares frames out to its queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rss {
    /// The hash is Toeplitz's, whose symmetry its key decides.
    pub is_toeplitz: bool,
    /// The key of its hash.
    pub key: Vec<u8>,
    /// The queues that are in its table.
    pub queues: Vec<u32>,
    /// The card makes both directions of a conversation alike before it hashes.
    pub is_made_symmetric: bool,
}

impl Rss {
    /// From the words of `struct ethtool_rxfh`.
    fn of(words: &[u32]) -> Option<Self> {
        const TOEPLITZ: u8 = 1;
        /// RXH_XFRM_SYM_XOR and RXH_XFRM_SYM_OR_XOR; all ones where the driver does not tell.
        const SYMMETRIC: [u8; 2] = [1, 2];
        let (head, behind) = words.split_first_chunk::<RSS_HEAD_WORDS>()?;
        let [_, _, places, key_bytes, functions, _] = *head;
        let [function, transform, ..] = functions.to_ne_bytes();
        let (table, key) = behind.split_at_checked(places as usize)?;
        let key = key.iter().flat_map(|word| word.to_ne_bytes());
        let mut queues = table.to_vec();
        queues.sort_unstable();
        queues.dedup();
        Some(Self {
            key: key.take(key_bytes as usize).collect(),
            queues,
            is_made_symmetric: SYMMETRIC.contains(&transform),
            is_toeplitz: function == TOEPLITZ,
        })
    }

    /// Both directions of a conversation come to one queue. With Toeplitz's hash a key does that
    /// whose every two bytes are the same; a key that is hidden says nothing, nor does one of
    /// another hash.
    pub fn is_symmetric(&self) -> Option<bool> {
        if self.is_made_symmetric || self.queues.len() == 1 {
            return Some(true);
        }
        let is_hidden = self.key.iter().all(|byte| *byte == 0);
        if is_hidden || !self.is_toeplitz {
            return None;
        }
        let behind = self.key.iter().skip(2);
        Some(self.key.iter().zip(behind).all(|(one, other)| one == other))
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
        numa_node: numa_node(interface),
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

    /// An answer as a card gives it: four places, a key of so many bytes.
    fn answer(key: &[u8], table: [u32; 4], [function, transform]: [u8; 2]) -> Vec<u32> {
        let functions = u32::from_ne_bytes([function, transform, 0, 0]);
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
            (&microsoft[..], [0, 1, 2, 3], [1, 0], Some(false)),
            // The driver's own symmetry: none told, by XOR, by OR and XOR.
            (&microsoft[..], [0, 1, 2, 3], [1, 0xff], Some(false)),
            (&microsoft[..], [0, 1, 2, 3], [1, 1], Some(true)),
            (&microsoft[..], [0, 1, 2, 3], [1, 2], Some(true)),
            (&microsoft[..], [0; 4], [1, 0], Some(true)),
            (
                &[0x6d, 0x5a, 0x6d, 0x5a, 0x6d][..],
                [0, 1, 0, 1],
                [1, 0],
                Some(true),
            ),
            (
                &[0x6d, 0x5a, 0x6d, 0x5a, 0x5a][..],
                [0, 1, 0, 1],
                [1, 0],
                Some(false),
            ),
            // CRC32: its key says nothing.
            (&[0x6d, 0x5a, 0x6d, 0x5a][..], [0, 1, 0, 1], [4, 0], None),
            (&[0; 8][..], [0, 1, 0, 1], [1, 0], None),
            (&[][..], [0, 1, 0, 1], [1, 0], None),
        ];
        for (key, table, functions, expected) in cases {
            let rss = Rss::of(&answer(key, table, functions)).unwrap();
            assert_eq!(rss.key, key);
            assert_eq!(
                rss.is_symmetric(),
                expected,
                "{key:?} {table:?} {functions:?}"
            );
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
        assert!(lo.is_ethernet && lo.is_loopback && lo.mtu > 0 && lo.queues == 1);
        assert!(!lo.driver.contains('\0'));
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
