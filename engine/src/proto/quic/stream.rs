//! The handshake bytes of one end, put in order: QUIC sends them in frames that may come in any
//! order, again, and with holes. It keeps a bounded number of bytes and of holes.

use crate::config::{QUIC_CRYPTO_BYTES_MAX, QUIC_PIECES_MAX};
use crate::proto::kept;

/// Bytes from the start of a stream, with holes.
#[derive(Default)]
pub struct CryptoStream {
    bytes: Vec<u8>,
    /// What is there, as start and end: in order, apart from each other.
    there: Vec<(usize, usize)>,
}

impl CryptoStream {
    /// Takes a piece; false where it would pass a limit.
    pub fn push(&mut self, at: u64, piece: &[u8]) -> bool {
        let Ok(start) = usize::try_from(at) else {
            return false;
        };
        let Some(end) = start
            .checked_add(piece.len())
            .filter(|end| *end <= QUIC_CRYPTO_BYTES_MAX)
        else {
            return false;
        };
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(start..end) {
            place.copy_from_slice(piece);
        }
        let (mut low, mut high) = (start, end);
        self.there.retain(|&(from, to)| {
            let apart = to < low || from > high;
            if !apart {
                low = low.min(from);
                high = high.max(to);
            }
            apart
        });
        let place = self.there.partition_point(|(from, _)| *from < low);
        self.there.insert(place, (low, high));
        self.there.len() <= QUIC_PIECES_MAX
    }

    /// What is there without a hole, from the start.
    pub fn whole(&self) -> &[u8] {
        match self.there.first() {
            Some((0, end)) => self.bytes.get(..*end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.bytes) + kept::list(&self.there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order() {
        let mut stream = CryptoStream::default();
        assert!(stream.push(6, b"gh"));
        assert_eq!(stream.whole(), b"");
        assert!(stream.push(0, b"abc"));
        assert_eq!(stream.whole(), b"abc");
        assert!(stream.push(2, b"cdef"));
        assert_eq!(stream.whole(), b"abcdefgh");
        assert!(!stream.push(u64::MAX, b"x"));
        assert!(!stream.push(QUIC_CRYPTO_BYTES_MAX as u64, b"x"));
    }

    #[test]
    fn holes_are_counted() {
        let mut stream = CryptoStream::default();
        let mut kept = 0;
        while stream.push(kept * 2 + 1, b"x") {
            kept += 1;
        }
        assert_eq!(kept as usize, QUIC_PIECES_MAX);
    }

    #[test]
    fn fuzz_any_pieces() {
        bolero::check!()
            .with_type::<Vec<(u16, Vec<u8>)>>()
            .for_each(|pieces| {
                let mut stream = CryptoStream::default();
                for (at, piece) in pieces {
                    stream.push(u64::from(*at), piece);
                    assert!(stream.whole().len() <= QUIC_CRYPTO_BYTES_MAX);
                }
            });
    }
}
