//! Sums that are owed to the aggregator, by key. What could not be handed over stays owed; what
//! was handed over stays known until room is needed.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// An entry: key with its hash, sum, and whether it changed since it was last handed over.
#[derive(Debug)]
struct Debt<K, V> {
    key: K,
    hash: u64,
    value: V,
    owed: bool,
}

/// Sums by key.
#[derive(Debug)]
pub struct Debts<K, V> {
    index: HashTable<u32>,
    entries: Vec<Debt<K, V>>,
    owed: Vec<u32>,
    hasher: RandomState,
    max: usize,
}

impl<K, V> Debts<K, V> {
    /// Sums of at most `max` keys.
    pub fn new(max: usize) -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            owed: Vec::new(),
            // Keyed per run, so that no capture can aim at one bucket; the order of keys is never
            // that of their hashes.
            hasher: RandomState::default(),
            max,
        }
    }

    /// Sums of at most `max` keys that never move: their room is asked for at once, though no page
    /// of it is taken before it is used.
    pub fn reserved(max: usize) -> Self {
        Self {
            entries: Vec::with_capacity(max),
            ..Self::new(max)
        }
    }

    /// Bytes that `max` keys take: an entry, its place among the owed, and its place in the index,
    /// which is at most seven eighths full.
    pub const fn bytes(max: u64) -> u64 {
        let place = size_of::<u32>() as u64;
        let index = (max * 8 / 7 + 1).next_power_of_two() * (place + 1);
        max * (size_of::<Debt<K, V>>() as u64 + place) + index
    }

    /// True when few more keys would be taken.
    pub fn is_nearly_full(&self) -> bool {
        self.entries.len() + self.max / 16 >= self.max
    }

    /// True when a new key would not be taken.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.max
    }

    /// True when nothing is owed.
    pub fn is_settled(&self) -> bool {
        self.owed.is_empty()
    }

    /// What stands for a key.
    pub fn hash(&self, key: &impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The number of the key that has this hash and is the one.
    pub fn find(&self, hash: u64, is: impl Fn(&K) -> bool) -> Option<u32> {
        let entries = &self.entries;
        let id = self.index.find(hash, |&id| is(&entries[id as usize].key));
        id.copied()
    }

    /// Adds a key that is new, where there is room; the hash of keys is the caller's, and the same
    /// for each of them.
    pub fn add(&mut self, hash: u64, key: K, value: V) -> u32 {
        debug_assert!(!self.is_full(), "there is room");
        let id = self.entries.len() as u32;
        self.entries.push(Debt {
            key,
            hash,
            value,
            owed: false,
        });
        let entries = &self.entries;
        self.index
            .insert_unique(hash, id, |&id| entries[id as usize].hash);
        id
    }

    /// Keys that are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The key of a number.
    #[inline]
    pub fn key(&self, id: u32) -> &K {
        &self.entries[id as usize].key
    }

    /// The sum of a number.
    #[inline]
    pub fn value(&self, id: u32) -> &V {
        &self.entries[id as usize].value
    }

    /// The sum of a number, to change without owing it.
    pub fn value_mut(&mut self, id: u32) -> &mut V {
        &mut self.entries[id as usize].value
    }

    /// The numbers of what is owed.
    pub fn owed(&self) -> &[u32] {
        &self.owed
    }

    /// Puts what is owed into the order of `group`, and within a group into this order. Groups are
    /// sorted as numbers, so what is dear to compare is compared within a group alone; it is made
    /// once for each.
    pub fn sort_owed<'a, O: Ord>(
        &'a mut self,
        group: impl Fn(&'a K, &'a V) -> u32,
        order: impl Fn(&'a K, &'a V) -> O,
    ) {
        const ID_BITS: u32 = u32::BITS;
        let entries = &self.entries;
        let grouped = self.owed.iter().map(|&id| {
            let debt = &entries[id as usize];
            u64::from(group(&debt.key, &debt.value)) << ID_BITS | u64::from(id)
        });
        let mut grouped = grouped.collect::<Vec<u64>>();
        grouped.sort_unstable();
        self.owed.clear();
        let mut ordered = Vec::new();
        for group in grouped.chunk_by(|a, b| a >> ID_BITS == b >> ID_BITS) {
            ordered.extend(group.iter().map(|&place| {
                let debt = &entries[place as u32 as usize];
                (order(&debt.key, &debt.value), place as u32)
            }));
            ordered.sort_unstable();
            self.owed.extend(ordered.drain(..).map(|(_, id)| id));
        }
    }

    /// A sum, to add to: it is owed from now on.
    #[inline]
    pub fn owe(&mut self, id: u32) -> &mut V {
        let debt = &mut self.entries[id as usize];
        if !debt.owed {
            debt.owed = true;
            self.owed.push(id);
        }
        &mut debt.value
    }

    /// Hands over what is owed, in the order in which it became so, until `take` refuses.
    pub fn settle(&mut self, mut take: impl FnMut(&K, &mut V) -> bool) -> bool {
        let mut done = 0;
        for &id in &self.owed {
            let debt = &mut self.entries[id as usize];
            if !take(&debt.key, &mut debt.value) {
                break;
            }
            debt.owed = false;
            done += 1;
        }
        self.owed.drain(..done);
        self.owed.is_empty()
    }

    /// Forgets every key. Only for settled debts: all numbers become invalid.
    pub fn clear(&mut self) {
        debug_assert!(self.is_settled(), "nothing owed is forgotten");
        self.index.clear();
        self.entries.clear();
        self.owed.clear();
    }
}

impl<K: Eq + Copy, V> Debts<K, V> {
    /// The number of a key, which is added if it is new; `None` when there is no room for it.
    pub fn id(&mut self, key: &K, new: impl FnOnce() -> V) -> Option<u32>
    where
        K: Hash,
    {
        let hash = self.hash(key);
        match self.find(hash, |known| known == key) {
            None if self.is_full() => None,
            None => Some(self.add(hash, *key, new())),
            known => known,
        }
    }

    /// The number of a key that is known.
    pub fn get(&self, key: &K) -> Option<u32>
    where
        K: Hash,
    {
        self.find(self.hash(key), |known| known == key)
    }
}
