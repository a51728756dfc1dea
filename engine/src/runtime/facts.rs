//! The ring on which facts travel from a worker to the aggregator: what all of them have, of one
//! size, and beside it their texts, each in as many bytes as it has. It weighs no fact.

use medtap_table::vocabulary::{Attribute, Field};
use rtrb::{Consumer, Producer, RingBuffer};

use super::ring;
use crate::config::{
    FACT_RING_SIGHTINGS, FACT_RING_TEXT_BYTES, FACTS_PER_VALUE_MAX, VALUE_BYTES_MAX,
};
use crate::device::SubjectKey;
use crate::device::sighting::{FactSighting, Times};
use crate::device::text::ValueRef;

/// Bytes of a fact's two texts at most.
const TEXTS_BYTES_MAX: usize = 2 * VALUE_BYTES_MAX;

/// Bytes that a ring takes.
pub const BYTES: usize =
    FACT_RING_SIGHTINGS * size_of::<Head>() + FACT_RING_TEXT_BYTES + TEXTS_BYTES_MAX;

// All that one value means finds room in an empty ring.
const _: () = assert!(FACTS_PER_VALUE_MAX <= FACT_RING_SIGHTINGS);
const _: () = assert!(FACTS_PER_VALUE_MAX * TEXTS_BYTES_MAX <= FACT_RING_TEXT_BYTES);

/// A text beside the ring.
#[derive(Clone, Copy)]
struct Extent {
    bytes: u16,
    is_cut: bool,
}

impl Extent {
    #[inline]
    fn of(text: ValueRef<'_>) -> Self {
        Self {
            // At most `VALUE_BYTES_MAX`.
            bytes: text.as_bytes().len() as u16,
            is_cut: text.is_cut(),
        }
    }

    /// Takes the text off the front of these.
    #[inline]
    fn take<'a>(self, texts: &mut &'a [u8]) -> ValueRef<'a> {
        let (text, rest) = texts.split_at(usize::from(self.bytes).min(texts.len()));
        *texts = rest;
        ValueRef::of(text, self.is_cut)
    }
}

/// A sighting without its texts.
#[derive(Clone, Copy)]
struct Head {
    key: SubjectKey,
    field: Field,
    attribute: Attribute,
    rule: u32,
    confidence: u8,
    times: Times,
    count: u64,
    raw: Extent,
    /// `None` where it is said as it is meant.
    value: Option<Extent>,
}

impl Head {
    #[inline]
    fn texts_len(&self) -> usize {
        usize::from(self.raw.bytes) + self.value.map_or(0, |value| usize::from(value.bytes))
    }

    #[inline]
    fn with<'a>(&'a self, mut texts: &'a [u8]) -> FactSighting<'a> {
        let raw = self.raw.take(&mut texts);
        let value = self.value.map_or(raw, |value| value.take(&mut texts));
        FactSighting {
            key: &self.key,
            field: self.field,
            attribute: self.attribute,
            rule: self.rule,
            confidence: self.confidence,
            times: self.times,
            count: self.count,
            raw,
            value,
        }
    }
}

/// The worker's end.
pub struct FactSender {
    heads: Producer<Head>,
    texts: Producer<u8>,
}

/// The aggregator's end.
pub struct FactReceiver {
    heads: Consumer<Head>,
    texts: Consumer<u8>,
    /// For texts that lie over the end of their ring.
    seam: Box<[u8; TEXTS_BYTES_MAX]>,
}

/// A ring's two ends.
pub fn ring() -> (FactSender, FactReceiver) {
    let (heads, head_end) = RingBuffer::new(FACT_RING_SIGHTINGS);
    let (texts, text_end) = RingBuffer::new(FACT_RING_TEXT_BYTES);
    let receiver = FactReceiver {
        heads: head_end,
        texts: text_end,
        seam: Box::new([0; TEXTS_BYTES_MAX]),
    };
    (FactSender { heads, texts }, receiver)
}

impl FactSender {
    /// Sends a fact; false where there is no room for it.
    pub fn push(&mut self, fact: &FactSighting<'_>) -> bool {
        if self.heads.is_full() {
            return false;
        }
        let value = (fact.value != fact.raw).then_some(fact.value);
        let head = Head {
            key: *fact.key,
            field: fact.field,
            attribute: fact.attribute,
            rule: fact.rule,
            confidence: fact.confidence,
            times: fact.times,
            count: fact.count,
            raw: Extent::of(fact.raw),
            value: value.map(Extent::of),
        };
        if self.texts.slots() < head.texts_len() {
            return false;
        }
        // There is room for all. Texts go first: whoever sees a head finds them.
        let mut push = |text: ValueRef<'_>| self.texts.push_entire_slice(text.as_bytes()).is_ok();
        push(fact.raw) && value.is_none_or(push) && self.heads.push(head).is_ok()
    }

    /// True where so many facts find room, whatever their texts.
    #[cfg(feature = "live")]
    pub fn has_room(&self, facts: usize) -> bool {
        self.heads.slots() >= facts && self.texts.slots() >= facts.saturating_mul(TEXTS_BYTES_MAX)
    }

    /// True where nobody takes facts any more.
    pub fn is_abandoned(&self) -> bool {
        self.heads.is_abandoned()
    }
}

impl FactReceiver {
    /// Reads a ring until it is empty; false where it was.
    pub fn drain(&mut self, mut take: impl FnMut(&FactSighting<'_>)) -> bool {
        let (texts, seam) = (&mut self.texts, &mut self.seam);
        ring::drain(&mut self.heads, |head| {
            let Ok(chunk) = texts.read_chunk(head.texts_len()) else {
                debug_assert!(false, "texts are sent before their head");
                return;
            };
            let said = match chunk.as_slices() {
                (whole, []) => whole,
                (begin, end) => {
                    let (to, rest) = seam.split_at_mut(begin.len());
                    to.copy_from_slice(begin);
                    rest[..end.len()].copy_from_slice(end);
                    &seam[..begin.len() + end.len()]
                }
            };
            take(&head.with(said));
            chunk.commit_all();
        })
    }

    /// True where nobody sends facts any more.
    pub fn is_abandoned(&self) -> bool {
        self.heads.is_abandoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{BindingKey, Value};

    const KEY: SubjectKey = SubjectKey::Binding(BindingKey {
        scope: 0,
        vlan: 3,
        mac: [2; 6],
        version: 0,
        address: [0; 16],
    });

    fn fact<'a>(number: u64, raw: &'a Value, value: &'a Value) -> FactSighting<'a> {
        FactSighting {
            key: &KEY,
            field: Field::HttpServer,
            attribute: Attribute::Observed,
            rule: 7,
            confidence: 90,
            times: Times::at(number),
            count: number,
            raw: raw.view(),
            value: value.view(),
        }
    }

    /// In order, over the ends of both rings, each with its own texts.
    #[test]
    fn a_fact_comes_as_it_was_sent() {
        let (mut sender, mut receiver) = ring();
        let texts = ["a".to_owned(), "Dräger".repeat(9), "x".repeat(300)];
        let texts = texts.map(|text| Value::from_wire(text.as_bytes()));
        let one = |number: usize| {
            let (raw, value) = (&texts[number % 3], &texts[number / 3 % 3]);
            fact(number as u64, raw, value)
        };
        let (mut sent, mut read) = (0, 0);
        for _ in 0..40 {
            while sender.push(&one(sent)) {
                sent += 1;
            }
            let drained = receiver.drain(|fact| {
                assert_eq!(*fact, one(read));
                read += 1;
            });
            assert!(drained && read == sent);
        }
        assert!(!receiver.drain(|_| ()));
        assert!(sent > 3 * FACT_RING_SIGHTINGS, "{sent}");
    }

    /// What finds no room leaves nothing behind, whichever ring is full.
    #[test]
    fn a_full_ring_refuses_a_fact_whole() {
        let (short, long) = (Value::from_wire(b"x"), Value::from_wire(&[b'y'; 256]));
        for text in [short, long] {
            let (mut sender, mut receiver) = ring();
            let mut sent = 0;
            while sender.push(&fact(sent, &text, &text)) {
                sent += 1;
            }
            let most = FACT_RING_SIGHTINGS.min(FACT_RING_TEXT_BYTES / text.as_bytes().len());
            assert_eq!(sent, most as u64);
            let mut read = 0;
            receiver.drain(|fact| {
                assert_eq!((fact.count, fact.raw), (read, text.view()));
                read += 1;
            });
            assert_eq!(read, sent);
            assert!(sender.push(&fact(0, &text, &text)));
        }
    }

    /// Where there is room for some, none of them is refused; an empty ring has room for all that
    /// one value means.
    #[cfg(feature = "live")]
    #[test]
    fn what_there_is_room_for_is_taken() {
        for len in [1, VALUE_BYTES_MAX] {
            let (raw, value) = (vec![b'x'; len], vec![b'y'; len]);
            let (raw, value) = (Value::from_wire(&raw), Value::from_wire(&value));
            let (mut sender, _receiver) = ring();
            let mut sent = 0;
            while sender.has_room(FACTS_PER_VALUE_MAX) {
                for _ in 0..FACTS_PER_VALUE_MAX {
                    assert!(sender.push(&fact(sent, &raw, &value)));
                    sent += 1;
                }
            }
            assert!(sent > 0);
        }
    }
}
