//! A flat table of flows: open addressing, at most half full, in huge pages. Nothing is ever
//! removed, and nothing is kept but counts.

use std::io;
use std::marker::PhantomData;

use bytemuck::{Pod, Zeroable};
use memmap2::{Advice, MmapMut, MmapOptions};

use super::key::{Key4, Key6};
use super::prefetch;

/// What an entry is found by.
pub trait Key: Copy {
    /// Its entry in the table.
    type Entry: Entry<Self>;
    /// Spreads the key over 64 bits; the high bits are the good ones.
    fn hash(&self) -> u64;
}

/// A place in the table; zeroed when it is free.
pub trait Entry<K>: Pod {
    /// Whether this is the key's.
    fn is(&self, key: &K) -> bool;
    /// Whether it is nobody's.
    fn is_free(&self) -> bool;
    /// An entry that has counted nothing.
    fn new(key: &K) -> Self;
    /// Counts a frame.
    fn count(&mut self, bytes: u32);
    /// Frames and bytes so far.
    fn counts(&self) -> (u64, u64);
}

/// An IPv4 flow: two to a cache line.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(32))]
pub struct Entry4 {
    key: Key4,
    packets: u64,
    bytes: u64,
}

/// An IPv6 flow: one to a cache line.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Entry6 {
    key: Key6,
    packets: u64,
    bytes: u64,
    unused: u64,
}

const _: () = assert!(size_of::<Entry4>() == 32 && size_of::<Entry6>() == 64);

macro_rules! entry {
    ($entry:ident, $key:ident) => {
        impl Entry<$key> for $entry {
            #[inline(always)]
            fn is(&self, key: &$key) -> bool {
                self.key == *key
            }

            #[inline(always)]
            fn is_free(&self) -> bool {
                self.packets == 0
            }

            #[inline]
            fn new(key: &$key) -> Self {
                Self {
                    key: *key,
                    ..Self::zeroed()
                }
            }

            #[inline(always)]
            fn count(&mut self, bytes: u32) {
                self.packets += 1;
                self.bytes += u64::from(bytes);
            }

            #[inline]
            fn counts(&self) -> (u64, u64) {
                (self.packets, self.bytes)
            }
        }
    };
}

entry!(Entry4, Key4);
entry!(Entry6, Key6);

/// The flows of one family.
pub struct Table<K: Key> {
    map: MmapMut,
    used: usize,
    flows_max: usize,
    shift: u32,
    kind: PhantomData<K>,
}

impl<K: Key> Table<K> {
    /// A table for so many flows.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory.
    pub fn new(flows_max: usize) -> io::Result<Self> {
        let flows_max = flows_max.max(1);
        let places = (flows_max * 2).next_power_of_two();
        let map = MmapOptions::new()
            .len(places * size_of::<K::Entry>())
            .map_anon()?;
        // Without huge pages the table works the same, with more misses of the TLB.
        let _ = map.advise(Advice::HugePage);
        let shift = u64::BITS - places.trailing_zeros();
        Ok(Self {
            map,
            used: 0,
            flows_max,
            shift,
            kind: PhantomData,
        })
    }

    /// Brings the place of a hash near.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        let entries: &[K::Entry] = bytemuck::cast_slice(&self.map);
        prefetch::near(entries, (hash >> self.shift) as usize);
    }

    /// Counts one frame; false when it belongs to a flow that there is no room for.
    #[inline(always)]
    pub fn count(&mut self, key: &K, hash: u64, bytes: u32) -> bool {
        let entries: &mut [K::Entry] = bytemuck::cast_slice_mut(&mut self.map);
        let mask = entries.len() - 1;
        let mut place = (hash >> self.shift) as usize;
        loop {
            // The place is below the length, a power of two, whatever the hash.
            let entry = &mut entries[place & mask];
            if entry.is(key) {
                entry.count(bytes);
                return true;
            }
            if entry.is_free() {
                if self.used == self.flows_max {
                    return false;
                }
                self.used += 1;
                *entry = K::Entry::new(key);
                entry.count(bytes);
                return true;
            }
            place += 1;
        }
    }

    /// Flows in the table.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Frames and bytes of every flow, in no order.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let entries: &[K::Entry] = bytemuck::cast_slice(&self.map);
        entries
            .iter()
            .filter(|entry| !entry.is_free())
            .map(Entry::counts)
    }
}
