//! How a card shares frames out to its queues: the key of its hash and its table, read from the
//! kernel's answer and written into its request. It asks for nothing itself.

use super::request::RSS_HEAD_WORDS;

/// The two bytes that, repeated, make a key of Toeplitz's hash symmetric, and spread well.
const SYMMETRIC_PAIR: [u8; 2] = [0x6d, 0x5a];

/// ETH_RXFH_INDIR_NO_CHANGE: the table stays.
const TABLE_STAYS: u32 = u32::MAX;

/// How a card shares frames out to its queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rss {
    /// The hash is Toeplitz's, whose symmetry its key decides.
    pub is_toeplitz: bool,
    /// The key of its hash.
    pub key: Vec<u8>,
    /// The queues that are in its table.
    pub queues: Vec<u32>,
    /// Its table: the queue of each place.
    pub table: Vec<u32>,
    /// The card makes both directions of a conversation alike before it hashes.
    pub is_made_symmetric: bool,
}

impl Rss {
    /// From the words of `struct ethtool_rxfh`.
    pub(super) fn of(words: &[u32]) -> Option<Self> {
        const TOEPLITZ: u8 = 1;
        /// RXH_XFRM_SYM_XOR and RXH_XFRM_SYM_OR_XOR; all ones where the driver does not tell.
        const SYMMETRIC: [u8; 2] = [1, 2];
        let (head, behind) = words.split_first_chunk::<RSS_HEAD_WORDS>()?;
        let [_, _, places, key_bytes, functions, _] = *head;
        let [function, transform, ..] = functions.to_ne_bytes();
        let (table, key) = behind.split_at_checked(places as usize)?;
        let key = key.iter().flat_map(|word| word.to_ne_bytes());
        let table = table.to_vec();
        let mut queues = table.clone();
        queues.sort_unstable();
        queues.dedup();
        Some(Self {
            key: key.take(key_bytes as usize).collect(),
            queues,
            table,
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

/// A key of so many bytes under which both directions of a conversation come to one queue.
pub fn symmetric_key(bytes: usize) -> Vec<u8> {
    SYMMETRIC_PAIR.into_iter().cycle().take(bytes).collect()
}

/// A table of so many places that shares evenly over the first queues.
pub(super) fn even_table(places: usize, queues: u32) -> Vec<u32> {
    (0..queues.max(1)).cycle().take(places).collect()
}

/// True for the table that the kernel makes by itself for so many queues.
pub(super) fn is_default(table: &[u32], queues: u32) -> bool {
    table == even_table(table.len(), queues)
}

/// The request that sets the key and nothing else, after the answer to what is set.
pub(super) fn key_request(answer: &[u32], key: &[u8]) -> Vec<u32> {
    let mut words = request(answer, TABLE_STAYS, key.len() as u32);
    words.extend(key.chunks(4).map(|part| {
        let mut bytes = [0; 4];
        for (place, byte) in bytes.iter_mut().zip(part) {
            *place = *byte;
        }
        u32::from_ne_bytes(bytes)
    }));
    words
}

/// The request that sets the table and nothing else, after the answer to what is set; an empty one
/// asks for the kernel's own.
pub(super) fn table_request(answer: &[u32], table: &[u32]) -> Vec<u32> {
    let mut words = request(answer, table.len() as u32, 0);
    words.extend(table);
    words
}

/// The head of `struct ethtool_rxfh`; the command is the caller's. The hash stays as it is (0), and
/// so does what is done to its input: what the kernel said of that is said again.
fn request(answer: &[u32], places: u32, key_bytes: u32) -> Vec<u32> {
    let functions = answer.get(4).copied().unwrap_or_default();
    let [_, transform, ..] = functions.to_ne_bytes();
    let functions = u32::from_ne_bytes([0, transform, 0, 0]);
    vec![0, 0, places, key_bytes, functions, 0]
}

/// A key as text: two hexadecimal digits a byte.
pub(super) fn key_text(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key from its text.
pub(super) fn key_of(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    let is_whole = rest.is_empty() && !pairs.is_empty();
    is_whole.then(|| pairs.iter().map(byte).collect())?
}

/// A table as text: the queue of each place, with commas between.
pub(super) fn table_text(table: &[u32]) -> String {
    let queues = table.iter().map(u32::to_string);
    queues.collect::<Vec<_>>().join(",")
}

/// A table from its text.
pub(super) fn table_of(text: &str) -> Option<Vec<u32>> {
    let queue = |text: &str| {
        let queue = text.parse::<u16>().ok()?;
        (queue.to_string() == text).then_some(u32::from(queue))
    };
    text.split(',').map(queue).collect()
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

    /// What is asked for is what the answer then shows, with hash and transform as they were.
    #[test]
    fn requests_have_the_kernels_form() {
        let before = answer(&[0; 10], [0, 1, 2, 3], [1, 0xff]);
        let key = symmetric_key(10);
        assert_eq!(key_text(&key), "6d5a6d5a6d5a6d5a6d5a");
        let request = key_request(&before, &key);
        let [command, context, places, key_bytes, functions, reserved] = request[..6] else {
            panic!("a head")
        };
        assert_eq!((command, context, places), (0, 0, u32::MAX));
        assert_eq!(
            (key_bytes, functions.to_ne_bytes(), reserved),
            (10, [0, 0xff, 0, 0], 0)
        );
        assert_eq!(request.len(), 6 + 3);
        assert_eq!(request[6].to_ne_bytes(), [0x6d, 0x5a, 0x6d, 0x5a]);
        assert_eq!(request[8].to_ne_bytes(), [0x6d, 0x5a, 0, 0]);
        let request = table_request(&before, &even_table(4, 3));
        assert_eq!(request[2..4], [4, 0]);
        assert_eq!(request[6..], [0, 1, 2, 0]);
        assert_eq!(table_request(&before, &[])[2..], [0, 0, request[4], 0]);
        assert!(is_default(&[0, 1, 0, 1], 2) && is_default(&[0, 0, 0, 0], 1));
        assert!(!is_default(&[0, 1, 0, 1], 3) && !is_default(&[0, 0, 1, 1], 2));
        let set = Rss::of(&answer(&key, [0, 1, 2, 0], [1, 0xff])).unwrap();
        assert_eq!(
            (set.is_symmetric(), set.queues),
            (Some(true), vec![0, 1, 2])
        );
    }

    #[test]
    fn texts_are_read_as_they_are_written() {
        let (key, table) = (vec![0, 0x6d, 0xff], vec![3, 0, 12]);
        assert_eq!(key_of(&key_text(&key)), Some(key));
        assert_eq!(table_of(&table_text(&table)), Some(table));
        for wrong in ["", "6", "6D", "6d5", "zz"] {
            assert_eq!(key_of(wrong), None, "{wrong}");
        }
        for wrong in ["", "1,", "+1", "01", "70000", "a"] {
            assert_eq!(table_of(wrong), None, "{wrong}");
        }
    }

    /// Any answer: no panic.
    #[test]
    fn fuzz_rss() {
        bolero::check!().with_type::<Vec<u32>>().for_each(|words| {
            if let Some(rss) = Rss::of(words) {
                rss.is_symmetric();
                assert_eq!(table_of(&table_text(&rss.table)).is_some(), {
                    let fits = |queue: &u32| u16::try_from(*queue).is_ok();
                    !rss.table.is_empty() && rss.table.iter().all(fits)
                });
            }
        });
    }
}
