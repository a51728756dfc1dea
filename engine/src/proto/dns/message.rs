//! The message that DNS, mDNS and NetBIOS names share, RFC 1035 section 4.1: names, questions,
//! records. It checks the form alone; which message means what is the protocols' own business.
//!
//! ```text
//!  0    2       4         6         8           10
//! +----+-------+---------+---------+-----------+------------+
//! | id | flags | qdcount | ancount | nscount   | arcount    |, questions, records
//! +----+-------+---------+---------+-----------+------------+
//! record: name, type:2, class:2, ttl:4, length:2, data
//! ```

use crate::config::{DNS_RECORDS_MAX, DNS_STEPS_MAX};

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 12;

/// The longest name, in bytes on the wire without compression, RFC 1035 section 2.3.4.
pub const NAME_LEN_MAX: usize = 255;

/// An IPv4 address, RFC 1035.
pub const TYPE_A: u16 = 1;
/// Another name: which instances a service has, RFC 6763.
pub const TYPE_PTR: u16 = 12;
/// Text, RFC 1035.
pub const TYPE_TXT: u16 = 16;
/// An IPv6 address, RFC 3596.
pub const TYPE_AAAA: u16 = 28;
/// Where a service is, RFC 2782.
pub const TYPE_SRV: u16 = 33;
/// The Internet class.
pub const CLASS_IN: u16 = 1;

/// Why bytes are not what they were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsError {
    /// The bytes end inside it.
    Short,
    /// No more bytes could mend it.
    Malformed,
}

/// One step through a name.
enum Step<'a> {
    Label(&'a [u8]),
    /// The name goes on elsewhere; its own bytes end here.
    Pointer(usize),
    /// The name ends; if no pointer was followed, its own bytes end here.
    End(usize),
}

/// A walk along a name.
#[derive(Clone)]
struct Walk<'a> {
    message: &'a [u8],
    at: usize,
    /// Where the labels that are being read begin. A pointer must lead to before them, so each
    /// jump goes nearer to the start of the message and no chain of jumps is a circle.
    labels_at: usize,
}

impl<'a> Walk<'a> {
    fn new(message: &'a [u8], at: usize) -> Self {
        Self {
            message,
            at,
            labels_at: at,
        }
    }

    fn step(&mut self) -> Result<Step<'a>, DnsError> {
        let byte = *self.message.get(self.at).ok_or(DnsError::Short)?;
        let next = self.at + 1;
        match byte {
            0 => Ok(Step::End(next)),
            1..64 => {
                let end = next + usize::from(byte);
                let label = self.message.get(next..end).ok_or(DnsError::Short)?;
                self.at = end;
                Ok(Step::Label(label))
            }
            0xc0.. => {
                let low = *self.message.get(next).ok_or(DnsError::Short)?;
                let to = usize::from(u16::from_be_bytes([byte & 0x3f, low]));
                if !(HEADER_LEN..self.labels_at).contains(&to) {
                    return Err(DnsError::Malformed);
                }
                (self.at, self.labels_at) = (to, to);
                Ok(Step::Pointer(next + 1))
            }
            _ => Err(DnsError::Malformed),
        }
    }
}

/// A name, checked: every label and pointer of it lies inside the message, and it ends.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Name<'a> {
    /// Reads the name at `at`. Says where its own bytes end, and adds its labels and pointers
    /// to `steps`, of which there may be [`DNS_STEPS_MAX`].
    fn read(message: &'a [u8], at: usize, steps: &mut usize) -> Result<(Self, usize), DnsError> {
        let mut walk = Walk::new(message, at);
        let (mut len, mut own_end) = (1, None);
        loop {
            match walk.step()? {
                Step::Label(label) => len += label.len() + 1,
                Step::Pointer(end) => own_end = own_end.or(Some(end)),
                Step::End(end) => {
                    return Ok((Self { message, at }, own_end.unwrap_or(end)));
                }
            }
            *steps += 1;
            if len > NAME_LEN_MAX || *steps > DNS_STEPS_MAX {
                return Err(DnsError::Malformed);
            }
        }
    }

    /// The labels, from the left; none for the root.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut walk = Walk::new(self.message, self.at);
        std::iter::from_fn(move || {
            loop {
                match walk.step() {
                    Ok(Step::Label(label)) => return Some(label),
                    Ok(Step::Pointer(_)) => {}
                    Ok(Step::End(_)) | Err(_) => return None,
                }
            }
        })
    }

    /// The labels of a name that has exactly `N`.
    pub fn parts<const N: usize>(&self) -> Option<[&'a [u8]; N]> {
        let mut parts = [&[][..]; N];
        let mut labels = self.labels();
        for part in &mut parts {
            *part = labels.next()?;
        }
        labels.next().is_none().then_some(parts)
    }

    /// The same for two names that differ in the case of ASCII letters alone. It compares what
    /// two messages say; whoever forges an equal one could as well send the name itself.
    pub fn hash(&self) -> u64 {
        self.labels().fold(FNV_START, |hash, label| {
            fnv(fnv(hash, &[label.len() as u8]), label)
        })
    }
}

/// Where a hash of [`fnv`] begins.
pub const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes on with a hash (FNV-1a, Fowler, Noll and Vo), blind to the case of ASCII letters.
pub fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A question: a name, and what is asked of it.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Of whom.
    pub name: Name<'a>,
    /// The record type asked for.
    pub kind: u16,
    /// The class; in mDNS the top bit asks for a unicast answer.
    pub class: u16,
}

/// Where in the message a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Who would know (in an mDNS probe: what the sender is about to claim).
    Authority,
    /// What may help.
    Additional,
}

/// A record: what a name has.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it stands.
    pub section: Section,
    /// The name that has it.
    pub name: Name<'a>,
    /// Its type.
    pub kind: u16,
    /// Its class; in mDNS the top bit says "this is all there is".
    pub class: u16,
    /// How long it holds, in seconds.
    pub ttl: u32,
    /// Its data.
    pub data: &'a [u8],
    /// The name that its data is (PTR) or ends with (SRV).
    pub target: Option<Name<'a>>,
}

/// A question or a record.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// See [`Question`].
    Question(Question<'a>),
    /// See [`Record`].
    Record(Record<'a>),
}

/// How much of a message there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that its header counts, up to this byte.
    Whole(usize),
    /// Less; so many questions and records are complete.
    Short(usize),
}

/// A message whose header is there.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// id, flags, and the four counts.
    words: [u16; 6],
}

impl<'a> Message<'a> {
    /// Reads the header.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER_LEN>()?;
        let (pairs, _) = header.as_chunks::<2>();
        let mut words = [0; 6];
        for (word, pair) in words.iter_mut().zip(pairs) {
            *word = u16::from_be_bytes(*pair);
        }
        Some(Self { bytes, words })
    }

    /// Pairs an answer with its question.
    pub const fn id(&self) -> u16 {
        self.words[0]
    }

    /// QR, opcode, AA, TC, RD, RA, Z, AD, CD, RCODE, from the top bit.
    pub const fn flags(&self) -> u16 {
        self.words[1]
    }

    /// An answer, not a question.
    pub const fn is_response(&self) -> bool {
        self.flags() & 0x8000 != 0
    }

    /// What kind of question: 0 is the ordinary one.
    pub const fn opcode(&self) -> u8 {
        (self.flags() >> 11) as u8 & 15
    }

    /// How it went: 0 is well.
    pub const fn rcode(&self) -> u8 {
        self.flags() as u8 & 15
    }

    /// Questions, answers, authorities, additional records: how many the header counts.
    pub const fn counts(&self) -> [u16; 4] {
        let [_, _, counts @ ..] = self.words;
        counts
    }

    /// Questions and records in order, up to the first that is not whole.
    pub fn items(&self) -> Items<'a> {
        Items {
            bytes: self.bytes,
            at: HEADER_LEN,
            left: self.counts(),
            steps: 0,
        }
    }

    /// The records alone, in order.
    pub fn records(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.items().filter_map(|item| match item {
            Ok(Item::Record(record)) => Some(record),
            _ => None,
        })
    }

    /// The first question.
    pub fn question(&self) -> Option<Question<'a>> {
        match self.items().next() {
            Some(Ok(Item::Question(question))) => Some(question),
            _ => None,
        }
    }

    /// Walks over the whole message.
    pub fn check(&self) -> Result<Extent, DnsError> {
        let [questions, records @ ..] = self.counts().map(usize::from);
        if questions.max(records.iter().sum()) > DNS_RECORDS_MAX {
            return Err(DnsError::Malformed);
        }
        let (mut items, mut whole) = (self.items(), 0);
        loop {
            match items.next() {
                None => return Ok(Extent::Whole(items.at)),
                Some(Ok(_)) => whole += 1,
                Some(Err(DnsError::Short)) => return Ok(Extent::Short(whole)),
                Some(Err(error)) => return Err(error),
            }
        }
    }
}

/// See [`Message::items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
    left: [u16; 4],
    steps: usize,
}

impl<'a> Items<'a> {
    /// Where the bytes after the items so far begin.
    pub const fn at(&self) -> usize {
        self.at
    }

    fn word(&mut self) -> Result<u16, DnsError> {
        let rest = self.bytes.get(self.at..).ok_or(DnsError::Short)?;
        let word = rest.first_chunk().ok_or(DnsError::Short)?;
        self.at += 2;
        Ok(u16::from_be_bytes(*word))
    }

    fn question(&mut self) -> Result<Question<'a>, DnsError> {
        let (name, end) = Name::read(self.bytes, self.at, &mut self.steps)?;
        self.at = end;
        let (kind, class) = (self.word()?, self.word()?);
        Ok(Question { name, kind, class })
    }

    fn record(&mut self, section: Section) -> Result<Record<'a>, DnsError> {
        let Question { name, kind, class } = self.question()?;
        let ttl = u32::from(self.word()?) << 16 | u32::from(self.word()?);
        let len = usize::from(self.word()?);
        let data_at = self.at;
        let data = self.bytes.get(data_at..data_at + len);
        let data = data.ok_or(DnsError::Short)?;
        self.at += len;
        let target = match kind {
            TYPE_PTR => self.name_up_to(data_at, self.at),
            // Priority, weight and port come first, RFC 2782.
            TYPE_SRV => self.name_up_to(data_at + 6, self.at),
            _ => None,
        };
        Ok(Record {
            section,
            name,
            kind,
            class,
            ttl,
            data,
            target,
        })
    }

    /// The name at `at`, if its own bytes end exactly at `end`.
    fn name_up_to(&mut self, at: usize, end: usize) -> Option<Name<'a>> {
        let (name, name_end) = Name::read(self.bytes, at, &mut self.steps).ok()?;
        (name_end == end).then_some(name)
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, DnsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let section = self.left.iter().position(|left| *left > 0)?;
        let left = self.left.get_mut(section)?;
        *left -= 1;
        let item = match section {
            0 => self.question().map(Item::Question),
            1 => self.record(Section::Answer).map(Item::Record),
            2 => self.record(Section::Authority).map(Item::Record),
            _ => self.record(Section::Additional).map(Item::Record),
        };
        if item.is_err() {
            self.left = [0; 4];
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response: one question `a.local`, one A record whose name points at it.
    const ANSWER: &[u8] = b"\x12\x34\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00\
        \x01a\x05local\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04\
        \x0a\x00\x00\x01";

    #[test]
    fn reads_a_compressed_answer() {
        let message = Message::parse(ANSWER).unwrap();
        assert_eq!(
            (message.id(), message.opcode(), message.rcode()),
            (0x1234, 0, 0)
        );
        assert!(message.is_response());
        assert_eq!(message.check(), Ok(Extent::Whole(ANSWER.len())));
        let question = message.question().unwrap();
        let record = message.records().next().unwrap();
        assert_eq!(record.name.parts(), Some([&b"a"[..], b"local"]));
        assert_eq!(record.name.parts::<1>(), None);
        assert_eq!(record.name.parts::<3>(), None);
        assert_eq!(record.name.hash(), question.name.hash());
        assert_eq!((record.ttl, record.data), (120, &[10, 0, 0, 1][..]));
        assert_eq!(record.section, Section::Answer);
    }

    #[test]
    fn every_prefix_is_short() {
        for len in HEADER_LEN..ANSWER.len() {
            let message = Message::parse(&ANSWER[..len]).unwrap();
            let whole = usize::from(len >= 25);
            assert_eq!(message.check(), Ok(Extent::Short(whole)), "{len}");
        }
    }

    #[test]
    fn pointers_lead_back_and_end() {
        let head = [0u8; HEADER_LEN];
        let read = |tail: &[u8], at: usize| {
            let bytes = [&head[..], tail].concat();
            Name::read(&bytes, at, &mut 0).map(|(_, end)| end)
        };
        assert_eq!(read(&[0xc0, 12], 12), Err(DnsError::Malformed), "itself");
        assert_eq!(read(&[0xc0, 14, 0xc0, 12], 12), Err(DnsError::Malformed));
        assert_eq!(read(&[1, b'a', 0xc0, 12], 12), Err(DnsError::Malformed));
        assert_eq!(read(&[0xc0, 3], 12), Err(DnsError::Malformed), "header");
        assert_eq!(read(&[0x40, 0], 12), Err(DnsError::Malformed));
        assert_eq!(read(&[1, b'a', 0, 1, b'b', 0xc0, 12], 15), Ok(19));
        assert_eq!(read(&[3, b'a'], 12), Err(DnsError::Short));
    }

    #[test]
    fn long_names_and_long_chains_are_refused() {
        let mut bytes = vec![0; HEADER_LEN];
        for _ in 0..5 {
            bytes.push(63);
            bytes.extend_from_slice(&[b'x'; 63]);
        }
        bytes.push(0);
        assert!(Name::read(&bytes, HEADER_LEN, &mut 0).is_err());

        let mut steps = 0;
        let whole = b"\0\0\0\0\0\0\0\0\0\0\0\0\x01a\x01b\0\xc0\x0c";
        for _ in 0..DNS_STEPS_MAX / 3 {
            assert!(Name::read(whole, 17, &mut steps).is_ok());
        }
        assert!(Name::read(whole, 17, &mut steps).is_err());
    }

    /// Hundreds of records that point at one long name: refused by their work, not their size.
    #[test]
    fn work_is_bounded() {
        let mut bytes = b"\0\0\x84\0\0\0\x02\0\0\0\0\0".to_vec();
        bytes.extend_from_slice(&[1, b'x'].repeat(120));
        bytes.extend_from_slice(b"\0\0\x01\0\x01\0\0\0\0\0\0");
        for _ in 1..512 {
            bytes.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\0");
        }
        let check = |bytes: &[u8]| Message::parse(bytes).map(|message| message.check());
        assert_eq!(check(&bytes), Some(Err(DnsError::Malformed)));
        bytes[6..8].copy_from_slice(&40u16.to_be_bytes());
        assert!(matches!(check(&bytes), Some(Ok(Extent::Whole(_)))));
    }

    #[test]
    fn any_bytes() {
        bolero::check!()
            .with_iterations(4_000)
            .with_max_len(512)
            .for_each(|bytes: &[u8]| {
                let Some(message) = Message::parse(bytes) else {
                    return;
                };
                let _ = message.check();
                for record in message.records() {
                    record.name.hash();
                    if let Some(name) = record.target {
                        assert!(name.labels().count() <= 128);
                    }
                }
            });
    }
}
