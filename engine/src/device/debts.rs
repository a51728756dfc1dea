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

    /// Bytes that it takes besides to sort so many numbers of what is owed: pairs before and after,
    /// and where groups begin.
    pub const fn sort_bytes(owed: u64) -> u64 {
        let pair = size_of::<(u32, u32)>() as u64;
        owed * (2 * pair + GROUPS_PER_NUMBER as u64 * size_of::<u32>() as u64)
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
    /// numbers, so what is dear to compare is compared within a group alone; it is made once for
    /// each.
    pub fn sort_owed<'a, O: Ord>(
        &'a mut self,
        group: impl Fn(&'a K, &'a V) -> u32,
        order: impl Fn(&'a K, &'a V) -> O,
    ) {
        let entries = &self.entries;
        let grouped = self.owed.iter().map(|&id| {
            let debt = &entries[id as usize];
            (group(&debt.key, &debt.value), id)
        });
        let grouped = by_group(grouped.collect());
        self.owed.clear();
        let mut ordered = Vec::new();
        for group in grouped.chunk_by(|(a, _), (b, _)| a == b) {
            if let [(_, id)] = group {
                self.owed.push(*id);
                continue;
            }
            ordered.extend(group.iter().map(|&(_, id)| {
                let debt = &entries[id as usize];
                (order(&debt.key, &debt.value), id)
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

/// Groups that there may be for each number, for them to be counted.
const GROUPS_PER_NUMBER: usize = 4;

/// Numbers in the order of their groups. Where there are not many more groups than numbers, as
/// where each is a slot, each number is put where its group begins; else they are sorted.
fn by_group(mut numbers: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    let last = numbers.iter().map(|(group, _)| *group as usize).max();
    let last = last.unwrap_or_default();
    if last >= numbers.len().saturating_mul(GROUPS_PER_NUMBER) {
        numbers.sort_unstable();
        return numbers;
    }
    let mut places = vec![0_u32; last + 1];
    for (group, _) in &numbers {
        places[*group as usize] += 1;
    }
    let mut next = 0;
    for place in &mut places {
        next += std::mem::replace(place, next);
    }
    let mut sorted = vec![(0, 0); numbers.len()];
    for number in numbers {
        let place = &mut places[number.0 as usize];
        sorted[*place as usize] = number;
        *place += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted or sorted, groups come in their order and hold what they held.
    #[test]
    fn groups_come_in_their_order() {
        // Counted: each of its own group, three in each, all in one. Sorted: the others.
        let counted = [(1, 1), (3, 1), (3, 3), (7, 1000)];
        for (factor, few) in counted
            .into_iter()
            .chain([(1 << 20, 1), (u32::MAX / 64, 3)])
        {
            let numbers: Vec<_> = (0..60)
                .map(|id| (id * 37 % 60 / few * factor, id))
                .collect();
            let mut expected = numbers.clone();
            expected.sort_unstable();
            let mut sorted = by_group(numbers);
            assert!(sorted.is_sorted_by_key(|(group, _)| *group));
            sorted.sort_unstable();
            assert_eq!(sorted, expected);
        }
        assert_eq!(by_group(Vec::new()), []);
    }

    #[test]
    fn what_is_owed_is_sorted_by_group_and_then_by_order() {
        let mut debts = Debts::new(100);
        for n in 0..100_u32 {
            let id = debts.id(&(n * 37 % 100), || n % 3).unwrap();
            debts.owe(id);
        }
        debts.sort_owed(|_, group| *group, |key, _| *key);
        let mut keys = Vec::new();
        assert!(debts.settle(|key, group| {
            keys.push((*group, *key));
            true
        }));
        let mut expected: Vec<_> = (0..100).map(|n| (n % 3, n * 37 % 100)).collect();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }
}
