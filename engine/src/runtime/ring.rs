//! The aggregator's end of a ring from a worker: what lies in it is read where it lies, and its
//! places are given back a few at a time. It knows no sighting.

use rtrb::Consumer;

/// Places that are given back at once: few beside a ring, so that no worker waits for them.
const PLACES_AT_ONCE: usize = 32;

/// Reads a ring until it is empty; false where it was.
pub fn drain<T>(ring: &mut Consumer<T>, mut take: impl FnMut(&T)) -> bool {
    let mut any = false;
    while let Ok(chunk) = ring.read_chunk(ring.slots().min(PLACES_AT_ONCE))
        && !chunk.is_empty()
    {
        let (head, tail) = chunk.as_slices();
        head.iter().chain(tail).for_each(&mut take);
        chunk.commit_all();
        any = true;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In order, over the ring's end, and with room for as many again.
    #[test]
    fn all_is_read_once_and_in_order() {
        let places = PLACES_AT_ONCE * 2 + 3;
        let (mut items, mut ring) = rtrb::RingBuffer::new(places);
        let mut next = 0;
        for number in [0, 1, PLACES_AT_ONCE, places, places - 1] {
            let first = next;
            for _ in 0..number {
                items.push(next).unwrap();
                next += 1;
            }
            let mut read = Vec::new();
            assert_eq!(drain(&mut ring, |item| read.push(*item)), number > 0);
            assert_eq!(read, (first..next).collect::<Vec<_>>());
            assert_eq!(items.slots(), places);
        }
    }
}
