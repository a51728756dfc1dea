//! The two rings that we share with the kernel: the fill ring, where we are the producer, and the
//! RX ring, where we are the consumer (kernel documentation, networking/af_xdp). Each side keeps
//! a copy of the other's cursor and looks at the shared one only when the copy says that there is
//! nothing to do. It does not know what the words mean.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A cursor, or flags: what both sides see.
pub(super) trait Cursor {
    /// Reads it; nothing else is seen by that.
    fn get(&self) -> u32;
    /// Reads it; what the other side did before it wrote this is seen afterwards.
    fn acquire(&self) -> u32;
    /// Writes it; the other side that acquires it sees what we did before.
    fn release(&self, value: u32);
}

impl Cursor for AtomicU32 {
    #[inline]
    fn get(&self) -> u32 {
        self.load(Ordering::Relaxed)
    }

    #[inline]
    fn acquire(&self) -> u32 {
        self.load(Ordering::Acquire)
    }

    #[inline]
    fn release(&self, value: u32) {
        self.store(value, Ordering::Release);
    }
}

/// A word of an entry. The cursors say which side may touch it.
pub(super) trait Word: Default {
    /// Reads it.
    fn get(&self) -> u64;
    /// Writes it.
    fn set(&self, value: u64);
}

impl Word for AtomicU64 {
    #[inline]
    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    #[inline]
    fn set(&self, value: u64) {
        self.store(value, Ordering::Relaxed);
    }
}

/// Memory of a ring: cursors that count entries for ever (and wrap), flags, and the entries'
/// words, a power of two of them. Its atomics are loom's in a test.
pub(super) trait Memory {
    /// The cursors and flags.
    type Cursor: Cursor;
    /// The entries' words.
    type Word: Word;
    /// Entries that were produced.
    fn producer(&self) -> &Self::Cursor;
    /// Entries that were consumed.
    fn consumer(&self) -> &Self::Cursor;
    /// What the other side asks for.
    fn flags(&self) -> &Self::Cursor;
    /// The entries.
    fn words(&self) -> &[Self::Word];
}

/// The flag that asks for a system call.
const NEED_WAKEUP: u32 = libc::XDP_RING_NEED_WAKEUP;

/// The fill ring: addresses of chunks that the kernel may write to.
pub(super) struct FillRing<M> {
    memory: M,
    /// Entries that are produced; those beyond the shared cursor are not published yet.
    produced: u32,
    /// The kernel's cursor, when it was last looked at.
    consumed: u32,
}

impl<M: Memory> FillRing<M> {
    /// The ring, from where it stands.
    pub(super) fn new(memory: M) -> Self {
        let produced = memory.producer().get();
        let consumed = memory.consumer().acquire();
        Self {
            memory,
            produced,
            consumed,
        }
    }

    /// Entries that can be added now.
    #[inline]
    fn room(&mut self, wanted: u32) -> u32 {
        let capacity = self.memory.words().len() as u32;
        let room = |ring: &Self| capacity.wrapping_sub(ring.produced.wrapping_sub(ring.consumed));
        if room(self) < wanted {
            // Entries that the kernel consumed may be written again: Acquire pairs with its
            // release of the cursor.
            self.consumed = self.memory.consumer().acquire();
        }
        room(self).min(capacity)
    }

    /// Adds addresses, as many as there is room for, and says how many. The kernel sees them after
    /// [`Self::publish`].
    #[inline]
    pub(super) fn extend(&mut self, addresses: impl ExactSizeIterator<Item = u64>) -> usize {
        let room = self.room(addresses.len() as u32) as usize;
        let words = self.memory.words();
        let at = self.produced as usize & words.len().wrapping_sub(1);
        let (beginning, end) = words.split_at_checked(at).unwrap_or_default();
        let mut addresses = addresses.take(room);
        let added = addresses.len();
        // The end of the ring goes on at its beginning.
        for row in [end, beginning] {
            for (word, address) in row.iter().zip(&mut addresses) {
                word.set(address);
            }
            if addresses.len() == 0 {
                break;
            }
        }
        self.produced = self.produced.wrapping_add(added as u32);
        added
    }

    /// The places of the next entries, up to so many, as far as there is room for them in a row.
    /// What is written there is added by [`Self::add`].
    #[inline]
    pub(super) fn row(&mut self, most: usize) -> &[M::Word] {
        let room = self.room(most as u32) as usize;
        let words = self.memory.words();
        let at = self.produced as usize & words.len().wrapping_sub(1);
        let row = words.get(at..).unwrap_or_default();
        row.get(..most.min(room)).unwrap_or(row)
    }

    /// Adds so many entries, the first of which [`Self::row`] gave the places. The kernel sees
    /// them after [`Self::publish`].
    #[inline]
    pub(super) fn add(&mut self, count: usize) {
        self.produced = self.produced.wrapping_add(count as u32);
    }

    /// Shows the kernel what was added.
    #[inline]
    pub(super) fn publish(&mut self) {
        // Release: the entries are written before the cursor says so.
        self.memory.producer().release(self.produced);
    }

    /// True when the kernel waits for a system call before it looks at the ring.
    #[inline]
    pub(super) fn needs_wakeup(&self) -> bool {
        self.memory.flags().get() & NEED_WAKEUP != 0
    }
}

/// One entry of the RX ring, as it lies there: `struct xdp_desc`, u64 addr, u32 len, u32 options.
pub(super) type Entry<M> = [<M as Memory>::Word; 2];

/// What an entry of the RX ring says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descriptor {
    /// Where the bytes begin, in the UMEM.
    pub(super) address: u64,
    /// How many.
    pub(super) len: u32,
    /// `XDP_PKT_CONTD` and others.
    pub(super) options: u32,
}

impl Descriptor {
    /// Reads an entry.
    #[inline]
    pub(super) fn of([address, rest]: &[impl Word; 2]) -> Self {
        let [a, b, c, d, e, f, g, h] = rest.get().to_ne_bytes();
        Self {
            address: address.get(),
            len: u32::from_ne_bytes([a, b, c, d]),
            options: u32::from_ne_bytes([e, f, g, h]),
        }
    }

    /// True when the next entry goes on with the same frame.
    #[inline]
    pub(super) const fn goes_on(self) -> bool {
        self.options & libc::XDP_PKT_CONTD != 0
    }
}

/// The RX ring: frames that the kernel hands to us.
pub(super) struct RxRing<M> {
    memory: M,
    /// The kernel's cursor, when it was last looked at.
    produced: u32,
    /// Entries that were given back.
    consumed: u32,
}

impl<M: Memory> RxRing<M> {
    /// The ring, from where it stands.
    pub(super) fn new(memory: M) -> Self {
        let consumed = memory.consumer().get();
        let produced = memory.producer().acquire();
        Self {
            memory,
            produced,
            consumed,
        }
    }

    /// The next entries, up to so many, as far as they lie in a row. They stay lent until
    /// [`Self::release`].
    #[inline]
    pub(super) fn lent(&mut self, most: usize) -> &[Entry<M>] {
        let ready = |ring: &Self| ring.produced.wrapping_sub(ring.consumed) as usize;
        if ready(self) < most {
            // Acquire: the entries are read after the cursor that announces them.
            self.produced = self.memory.producer().acquire();
        }
        let (entries, _) = self.memory.words().as_chunks::<2>();
        let at = self.consumed as usize & entries.len().wrapping_sub(1);
        let row = entries.get(at..).unwrap_or_default();
        row.get(..most.min(ready(self))).unwrap_or(row)
    }

    /// Gives so many of the entries that are lent back to the kernel. Their chunks are still ours.
    #[inline]
    pub(super) fn release(&mut self, count: usize) {
        self.consumed = self.consumed.wrapping_add(count as u32);
        // Release: the entries are read before the cursor lets the kernel write them again.
        self.memory.consumer().release(self.consumed);
    }

    /// Entries that wait.
    pub(super) fn waiting(&self) -> u32 {
        let produced = self.memory.producer().get();
        produced.wrapping_sub(self.consumed)
    }

    /// Entries that fit.
    pub(super) fn capacity(&self) -> u32 {
        (self.memory.words().len() / 2) as u32
    }
}

#[cfg(test)]
mod orders;

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{HashSet, VecDeque};
    use std::sync::Arc;

    use super::*;

    /// A ring without a kernel.
    pub(in super::super) struct Bench {
        cursors: [AtomicU32; 3],
        words: Vec<AtomicU64>,
    }

    impl Bench {
        pub(in super::super) fn new(words: usize, start: u32) -> Arc<Self> {
            let cursors = [start, start, 0].map(AtomicU32::new);
            let words = (0..words).map(|_| AtomicU64::new(u64::MAX)).collect();
            Arc::new(Self { cursors, words })
        }
    }

    impl Memory for Arc<Bench> {
        type Cursor = AtomicU32;
        type Word = AtomicU64;
        fn producer(&self) -> &AtomicU32 {
            &self.cursors[0]
        }
        fn consumer(&self) -> &AtomicU32 {
            &self.cursors[1]
        }
        fn flags(&self) -> &AtomicU32 {
            &self.cursors[2]
        }
        fn words(&self) -> &[AtomicU64] {
            &self.words
        }
    }

    /// The kernel's side of both rings, by the same rules and without any cached cursor.
    pub(in super::super) struct Kernel(pub(in super::super) Arc<Bench>);

    impl Kernel {
        /// Takes an address from a fill ring.
        pub(in super::super) fn take(&self) -> Option<u64> {
            let at = self.0.cursors[1].load(Ordering::Relaxed);
            if at == self.0.cursors[0].load(Ordering::Acquire) {
                return None;
            }
            let word = &self.0.words[at as usize & (self.0.words.len() - 1)];
            let address = word.load(Ordering::Relaxed);
            self.0.cursors[1].store(at.wrapping_add(1), Ordering::Release);
            Some(address)
        }

        /// Puts a descriptor onto an RX ring. False when it is full.
        pub(in super::super) fn put(&self, address: u64, len: u32, options: u32) -> bool {
            let at = self.0.cursors[0].load(Ordering::Relaxed);
            let room = self.0.words.len() as u32 / 2;
            if at.wrapping_sub(self.0.cursors[1].load(Ordering::Acquire)) == room {
                return false;
            }
            let place = (at as usize * 2) & (self.0.words.len() - 1);
            let [a, b, c, d] = len.to_ne_bytes();
            let [e, f, g, h] = options.to_ne_bytes();
            self.0.words[place].store(address, Ordering::Relaxed);
            let rest = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
            self.0.words[place + 1].store(rest, Ordering::Relaxed);
            self.0.cursors[0].store(at.wrapping_add(1), Ordering::Release);
            true
        }
    }

    /// Every sequence of up to 12 steps of both sides (extend, write in a row, publish, take), on a
    /// ring of 2, with cursors about to wrap: in order, once each, and none that was not published.
    #[test]
    fn fill_ring_in_every_interleaving() {
        let mut seen = HashSet::new();
        let mut paths = VecDeque::from([Vec::new()]);
        while let Some(path) = paths.pop_front() {
            let bench = Bench::new(2, u32::MAX);
            let mut ring = FillRing::new(Arc::clone(&bench));
            let kernel = Kernel(bench);
            let (mut pushed, mut published, mut taken) = (0u64, 0, 0);
            for step in &path {
                match step {
                    0 => {
                        // Two at once: both fit, one, or none.
                        let room = 2 - (pushed - taken);
                        let added = ring.extend([pushed, pushed + 1].into_iter());
                        assert_eq!(added as u64, room, "{path:?}");
                        pushed += room;
                    }
                    1 => {
                        // As far as they lie in a row; what was written and not added is nothing.
                        let across = if pushed % 2 == 1 { 2 } else { 1 };
                        let row = ring.row(2);
                        let addresses = pushed..;
                        row.iter()
                            .zip(addresses)
                            .for_each(|(word, it)| word.set(it));
                        let written = row.len();
                        assert_eq!(written as u64, across.min(2 - (pushed - taken)), "{path:?}");
                        let added = written.min(1);
                        ring.add(added);
                        pushed += added as u64;
                    }
                    2 => {
                        pushed += ring.extend([pushed].into_iter()) as u64;
                        ring.publish();
                        published = pushed;
                    }
                    _ => {
                        let expected = (taken < published).then_some(taken);
                        assert_eq!(kernel.take(), expected, "{path:?}");
                        taken += u64::from(expected.is_some());
                    }
                }
            }
            let state = (ring.produced, ring.consumed, published, taken);
            if seen.insert(state) && path.len() < 12 {
                paths.extend((0..4).map(|step| [path.as_slice(), &[step]].concat()));
            }
        }
        assert!(seen.len() > 30, "{}", seen.len());
    }

    /// The same for the RX ring: put, look, release.
    #[test]
    fn rx_ring_in_every_interleaving() {
        let mut seen = HashSet::new();
        let mut paths = VecDeque::from([Vec::new()]);
        while let Some(path) = paths.pop_front() {
            let bench = Bench::new(4, u32::MAX - 1);
            let mut ring = RxRing::new(Arc::clone(&bench));
            let kernel = Kernel(bench);
            let (mut put, mut released, mut seen_ready) = (0u32, 0, 0);
            for step in &path {
                match step {
                    0 => {
                        let room = put - released < 2;
                        assert_eq!(kernel.put(put.into(), put + 7, put & 1), room, "{path:?}");
                        put += u32::from(room);
                    }
                    1 => {
                        // In a row: two at once where they do not lie across the ring's end.
                        let across = 1 + usize::from(released.wrapping_sub(2) % 2 == 0);
                        let ready = ((put - released) as usize).min(across);
                        let lent = ring.lent(2).iter().map(Descriptor::of);
                        let expected = (released..).map(|number| Descriptor {
                            address: number.into(),
                            len: number + 7,
                            options: number & 1,
                        });
                        assert!(lent.eq(expected.take(ready)), "{path:?}");
                        assert_eq!(ring.waiting(), put - released);
                        seen_ready = ready;
                    }
                    _ => {
                        ring.release(seen_ready);
                        released += seen_ready as u32;
                        seen_ready = 0;
                    }
                }
            }
            let state = (ring.produced, ring.consumed, put, seen_ready);
            if seen.insert(state) && path.len() < 12 {
                paths.extend((0..3).map(|step| [path.as_slice(), &[step]].concat()));
            }
        }
        assert!(seen.len() > 30, "{}", seen.len());
    }

    /// Two threads, a small ring, many entries.
    #[test]
    fn fill_ring_between_threads() {
        let bench = Bench::new(8, u32::MAX - 100);
        let mut ring = FillRing::new(Arc::clone(&bench));
        let kernel = Kernel(bench);
        const ENTRIES: u64 = 100_000;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for address in 0..ENTRIES {
                    while ring.extend([address].into_iter()) == 0 {
                        ring.publish();
                        std::thread::yield_now();
                    }
                }
                ring.publish();
            });
            for expected in 0..ENTRIES {
                let mut taken = kernel.take();
                while taken.is_none() {
                    std::thread::yield_now();
                    taken = kernel.take();
                }
                assert_eq!(taken, Some(expected));
            }
        });
    }
}
