//! What lists and readers of a conversation take of memory beside themselves. It counts what was
//! reserved, used or not, and asks no system for it.

use std::collections::VecDeque;

/// What a stream that is inflated takes: its window of 32 KiB, and its tables.
pub const INFLATE_BYTES: usize = 48 * 1024;

/// Of a list, without what its entries point to.
pub fn list<T>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

/// Of a queue, without what its entries point to.
pub fn queue<T>(queue: &VecDeque<T>) -> usize {
    queue.capacity() * size_of::<T>()
}

/// Of a list of texts.
pub fn texts<K>(texts: &Vec<(K, Vec<u8>)>) -> usize {
    list(texts) + texts.iter().map(|(_, text)| list(text)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_counts() {
        assert_eq!(list(&Vec::<u64>::with_capacity(3)), 24);
        let text = Vec::with_capacity(10);
        assert_eq!(texts(&vec![(1u8, text)]), 10 + size_of::<(u8, Vec<u8>)>());
        assert_eq!(queue(&VecDeque::<u32>::new()), 0);
    }
}
