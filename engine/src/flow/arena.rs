//! The memory of a flow table: zeroed, of fixed size, in huge pages where there are any. It costs
//! nothing until it is touched, unless it is asked to be there at once.

use std::io;
use std::marker::PhantomData;

use bytemuck::Pod;

use super::hugepages::{ask_for_huge_pages, populate};
use crate::config::CACHE_LINE_BYTES;
use crate::prefetch::prefetch;

/// Items of `WORDS` words each, from a multiple of a cache line on.
pub struct Arena<T, const WORDS: usize> {
    words: Vec<u64>,
    first: usize,
    len: usize,
    kind: PhantomData<T>,
}

/// Words of a cache line: so many more are asked for than items need.
const LINE_WORDS: usize = CACHE_LINE_BYTES / 8;

impl<T: Pod, const WORDS: usize> Arena<T, WORDS> {
    /// Room for so many items.
    pub fn new(len: usize) -> io::Result<Self> {
        // Zeroes of an integer come from the system as untouched pages, at any place.
        let words = len
            .checked_mul(WORDS)
            .and_then(|words| words.checked_add(LINE_WORDS));
        let words: Vec<u64> = words
            .and_then(|words| bytemuck::allocation::try_zeroed_vec(words).ok())
            .ok_or(io::ErrorKind::OutOfMemory)?;
        let place = words.as_ptr().addr();
        let first = (place.next_multiple_of(CACHE_LINE_BYTES) - place) / 8;
        ask_for_huge_pages(&words);
        Ok(Self {
            words,
            first,
            len,
            kind: PhantomData,
        })
    }

    /// Bytes that room for so many items takes.
    pub const fn bytes(len: u64) -> u64 {
        (len * WORDS as u64 + LINE_WORDS as u64) * 8
    }

    /// Takes all pages from the system now, those of the processor that asks.
    pub fn populate(&mut self) {
        populate(&mut self.words);
    }

    /// Items there is room for.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// One item.
    #[inline]
    pub fn get(&self, index: usize) -> &T {
        let (items, _) = self.words[self.first..].as_chunks::<WORDS>();
        bytemuck::must_cast_ref(&items[index])
    }

    /// One item, if there is one of this number.
    #[inline]
    pub fn checked(&self, index: usize) -> Option<&T> {
        let (items, _) = self.words.get(self.first..)?.as_chunks::<WORDS>();
        items.get(index).map(bytemuck::must_cast_ref)
    }

    /// One item, to change.
    #[inline]
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        let (items, _) = self.words[self.first..].as_chunks_mut::<WORDS>();
        bytemuck::must_cast_mut(&mut items[index])
    }

    /// As [`Self::checked`], to change.
    #[inline]
    pub fn checked_mut(&mut self, index: usize) -> Option<&mut T> {
        let (items, _) = self.words.get_mut(self.first..)?.as_chunks_mut::<WORDS>();
        items.get_mut(index).map(bytemuck::must_cast_mut)
    }

    /// Brings the first line of an item near.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        prefetch(&self.words, self.first + index * WORDS);
    }
}
