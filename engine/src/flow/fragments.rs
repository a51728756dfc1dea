//! IP datagrams that came in pieces (RFC 791, RFC 8200), put together. The first copy of a byte
//! wins; a datagram that overlaps itself with other bytes is dropped, and nothing waits for ever.

use std::collections::HashMap;

use medtap_table::vocabulary::Counter;

use crate::config::{
    DATAGRAM_BYTES_MAX, FRAGMENT_WAIT_NS, FRAGMENTED_BYTES_MAX, FRAGMENTED_DATAGRAMS_MAX,
};
use crate::counters::Counters;
use crate::wire::{Fragment, Headers};

/// What identifies the datagram of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct DatagramKey {
    src: [u8; 16],
    dst: [u8; 16],
    id: u32,
    protocol: u8,
    scope: u16,
}

/// A datagram on its way to be whole.
#[derive(Debug)]
struct Datagram {
    /// Headers of the first piece that came, whichever that was.
    headers: Headers,
    bytes: Vec<u8>,
    /// Ranges of `bytes` that are there: start and end, in order, apart.
    there: Vec<(u32, u32)>,
    length: Option<u32>,
    first_ns: u64,
    packets: u32,
    wire_bytes: u64,
}

/// A datagram that is whole.
#[derive(Debug)]
pub struct Whole {
    /// Headers of one of its pieces: addresses, link, TTL.
    pub headers: Headers,
    /// The payload of IP.
    pub payload: Vec<u8>,
    /// Pieces it came in.
    pub packets: u32,
    /// Bytes of their frames on the wire.
    pub wire_bytes: u64,
}

/// The incomplete datagrams of one shard.
#[derive(Debug, Default)]
pub struct Fragments {
    datagrams: HashMap<DatagramKey, Datagram, foldhash::fast::RandomState>,
    /// Bytes that they hold.
    bytes: usize,
}

/// Pieces of one datagram; more is an attack.
const PIECES_MAX: u32 = 1024;

impl Fragments {
    /// Bytes that the datagrams of one shard take at most: one piece more than the limit is looked
    /// at before it is refused.
    pub const BYTES_MAX: u64 = (FRAGMENTED_BYTES_MAX
        + 2 * DATAGRAM_BYTES_MAX
        + 2 * FRAGMENTED_DATAGRAMS_MAX * (size_of::<DatagramKey>() + size_of::<Datagram>()))
        as u64;

    /// True while nothing waits.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Takes a piece; gives the datagram that it completes.
    pub fn push(
        &mut self,
        headers: &Headers,
        fragment: Fragment,
        frame: &[u8],
        packet: (u64, u32, u16),
        counters: &mut Counters,
    ) -> Option<Whole> {
        let (time_ns, wire_len, scope) = packet;
        counters.count(Counter::Fragments);
        let key = DatagramKey {
            src: headers.src,
            dst: headers.dst,
            id: fragment.id,
            protocol: headers.ip_protocol,
            scope,
        };
        if !self.datagrams.contains_key(&key) && self.datagrams.len() >= FRAGMENTED_DATAGRAMS_MAX {
            self.expire(time_ns, counters);
            if self.datagrams.len() >= FRAGMENTED_DATAGRAMS_MAX {
                counters.count(Counter::FragmentsRefused);
                return None;
            }
        }
        let datagram = self
            .datagrams
            .entry(key)
            .or_insert_with(|| Datagram::new(headers, time_ns));
        if time_ns.saturating_sub(datagram.first_ns) > FRAGMENT_WAIT_NS {
            counters.count(Counter::FragmentsExpired);
            self.bytes -= datagram.held_bytes();
            *datagram = Datagram::new(headers, time_ns);
        }
        datagram.packets += 1;
        datagram.wire_bytes += u64::from(wire_len);
        let before = datagram.held_bytes();
        let taken = datagram.take(fragment, headers.payload.of(frame));
        let held = datagram.held_bytes();
        let refused = !taken || datagram.packets > PIECES_MAX;
        let whole = datagram.is_whole();
        self.bytes = self.bytes + held - before;
        if refused || self.bytes > FRAGMENTED_BYTES_MAX {
            counters.count(Counter::FragmentsRefused);
            self.remove(&key);
            return None;
        }
        if !whole {
            return None;
        }
        let whole = self.remove(&key)?;
        Some(Whole {
            headers: whole.headers,
            payload: whole.bytes,
            packets: whole.packets,
            wire_bytes: whole.wire_bytes,
        })
    }

    fn remove(&mut self, key: &DatagramKey) -> Option<Datagram> {
        let datagram = self.datagrams.remove(key)?;
        self.bytes -= datagram.held_bytes();
        Some(datagram)
    }

    /// Drops what waited too long.
    fn expire(&mut self, time_ns: u64, counters: &mut Counters) {
        let before = self.datagrams.len();
        self.datagrams
            .retain(|_, d| time_ns.saturating_sub(d.first_ns) <= FRAGMENT_WAIT_NS);
        self.bytes = self.datagrams.values().map(Datagram::held_bytes).sum();
        counters.add(
            Counter::FragmentsExpired,
            (before - self.datagrams.len()) as u64,
        );
    }

    /// Drops everything: the input is over.
    pub fn finish(&mut self, counters: &mut Counters) {
        counters.add(Counter::FragmentsExpired, self.datagrams.len() as u64);
        self.datagrams.clear();
        self.bytes = 0;
    }
}

impl Datagram {
    fn new(headers: &Headers, first_ns: u64) -> Self {
        Self {
            headers: *headers,
            bytes: Vec::new(),
            there: Vec::new(),
            length: None,
            first_ns,
            packets: 0,
            wire_bytes: 0,
        }
    }

    fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.there.capacity() * size_of::<(u32, u32)>()
    }

    fn is_whole(&self) -> bool {
        matches!((self.length, self.there.as_slice()), (Some(n), [(0, end)]) if n == *end)
    }

    /// False when the piece contradicts the others or is too large.
    fn take(&mut self, fragment: Fragment, piece: &[u8]) -> bool {
        let start = fragment.offset;
        let Some(end) = u32::try_from(piece.len())
            .ok()
            .and_then(|n| start.checked_add(n))
        else {
            return false;
        };
        if end as usize > DATAGRAM_BYTES_MAX || piece.is_empty() {
            return false;
        }
        if !fragment.more {
            if self.length.is_some_and(|known| known != end) {
                return false;
            }
            self.length = Some(end);
        }
        if self.length.is_some_and(|length| end > length)
            || (self.length.is_some() && self.bytes.len() > self.length.unwrap_or(0) as usize)
        {
            return false;
        }
        if self.bytes.len() < end as usize {
            self.bytes.resize(end as usize, 0);
        }
        let exact = self.there.iter().any(|&(s, e)| s <= start && end <= e);
        let overlaps = self.there.iter().any(|&(s, e)| start < e && s < end);
        let target = &mut self.bytes[start as usize..end as usize];
        if overlaps {
            // A copy of what is there is harmless; anything else is an evasion or a fault.
            return exact && target == piece;
        }
        target.copy_from_slice(piece);
        self.add(start, end);
        true
    }

    fn add(&mut self, start: u32, end: u32) {
        let at = self.there.partition_point(|&(s, _)| s < start);
        self.there.insert(at, (start, end));
        self.there.dedup_by(|next, previous| {
            let joins = previous.1 == next.0;
            if joins {
                previous.1 = next.1;
            }
            joins
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Span;

    fn push(fragments: &mut Fragments, offset: u32, bytes: &[u8], more: bool) -> Option<Vec<u8>> {
        let headers = Headers {
            payload: Span {
                start: 0,
                len: bytes.len() as u32,
            },
            ip_protocol: 17,
            ..Headers::default()
        };
        let fragment = Fragment {
            id: 7,
            offset,
            more,
        };
        let counters = &mut Counters::default();
        fragments
            .push(&headers, fragment, bytes, (0, 60, 0), counters)
            .map(|w| w.payload)
    }

    #[test]
    fn pieces_in_any_order_make_the_whole() {
        let mut fragments = Fragments::default();
        assert_eq!(push(&mut fragments, 16, b"end", false), None);
        assert_eq!(push(&mut fragments, 0, b"01234567", true), None);
        assert_eq!(push(&mut fragments, 0, b"01234567", true), None, "a copy");
        assert_eq!(
            push(&mut fragments, 8, b"89abcdef", true).as_deref(),
            Some(&b"0123456789abcdefend"[..])
        );
        assert!(fragments.is_empty());
    }

    /// Pieces of many datagrams that never become whole take no more than they may.
    #[test]
    fn a_flood_of_pieces_is_refused() {
        let mut fragments = Fragments::default();
        let mut counters = Counters::default();
        for id in 0..FRAGMENTED_DATAGRAMS_MAX as u32 {
            let headers = Headers {
                payload: Span { start: 0, len: 8 },
                ..Headers::default()
            };
            let fragment = Fragment {
                id,
                offset: 60_000,
                more: true,
            };
            let piece = (0, 60, 0);
            let whole = fragments.push(&headers, fragment, &[7; 8], piece, &mut counters);
            assert!(whole.is_none());
            assert!(fragments.bytes <= FRAGMENTED_BYTES_MAX);
        }
        let refused = counters.get(Counter::FragmentsRefused);
        assert!((1..64).contains(&refused), "{refused}");
        fragments.finish(&mut counters);
        assert_eq!(fragments.bytes, 0);
    }

    #[test]
    fn an_overlap_drops_the_datagram() {
        let mut fragments = Fragments::default();
        push(&mut fragments, 0, b"0123456789abcdef", true);
        assert_eq!(push(&mut fragments, 8, b"XXXXXXXX", false), None);
        assert!(fragments.is_empty());
    }

    #[test]
    fn fuzz_push() {
        bolero::check!()
            .with_iterations(1000)
            .with_max_len(128)
            .for_each(|input: &[u8]| {
                let mut fragments = Fragments::default();
                for step in input.chunks_exact(3) {
                    let bytes = vec![step[0]; usize::from(step[1])];
                    push(
                        &mut fragments,
                        u32::from(step[0]) * 8,
                        &bytes,
                        step[2] % 2 == 0,
                    );
                }
            });
    }
}
