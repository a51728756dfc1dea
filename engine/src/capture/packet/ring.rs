//! The memory of a TPACKET_V3 ring: blocks that the kernel and we own in turn. It lends the block
//! that is ours and never looks into it.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{TP_STATUS_KERNEL, TP_STATUS_USER};
use memmap2::{MmapOptions, MmapRaw};

use super::sys::Geometry;

/// Where a block says whose it is.
const STATUS_OFFSET: usize = 8;

/// The bytes of a block up to the end of its status, which are not lent.
pub(super) const HEAD_BYTES: usize = STATUS_OFFSET + size_of::<u32>();

/// The smallest block that is possible: a page.
const BLOCK_BYTES_MIN: usize = 4096;

/// All blocks of one socket.
#[derive(Debug)]
pub(super) struct Ring {
    map: MmapRaw,
    block_bytes: usize,
    blocks: usize,
    /// The block that is next.
    at: usize,
}

impl Ring {
    /// Maps the ring that a socket was given. The mapping keeps the memory alive, whatever
    /// becomes of the socket.
    pub(super) fn map(socket: BorrowedFd<'_>, geometry: Geometry) -> io::Result<Self> {
        let (block_bytes, blocks) = (geometry.block_bytes as usize, geometry.blocks as usize);
        let bytes = block_bytes
            .checked_mul(blocks)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let map = MmapOptions::new().len(bytes).map_raw(socket.as_raw_fd())?;
        Self::over(map, block_bytes).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    /// A ring over memory that nobody else has. None when it is not made of whole blocks.
    fn over(map: MmapRaw, block_bytes: usize) -> Option<Self> {
        let aligned = block_bytes >= BLOCK_BYTES_MIN && block_bytes.is_multiple_of(BLOCK_BYTES_MIN);
        let blocks = map
            .len()
            .checked_div(block_bytes)
            .filter(|blocks| aligned && *blocks > 0)?;
        let whole = blocks * block_bytes == map.len();
        whole.then_some(Self {
            map,
            block_bytes,
            blocks,
            at: 0,
        })
    }

    /// Memory like a socket's, for tests of what is done with blocks.
    #[cfg(test)]
    pub(super) fn of(blocks: &[&[u8]], block_bytes: usize) -> Self {
        let mut map = memmap2::MmapMut::map_anon(blocks.len() * block_bytes).unwrap();
        for (place, block) in map.chunks_exact_mut(block_bytes).zip(blocks) {
            place[..block.len()].copy_from_slice(block);
        }
        Self::over(map.into(), block_bytes).unwrap()
    }

    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// Whose a block is; blocks are numbered round and round.
    fn status(&self, block: usize) -> &AtomicU32 {
        let offset = (block % self.blocks) * self.block_bytes + STATUS_OFFSET;
        // SAFETY: the mapping is `blocks` blocks long (`over`), each longer than its head, so the
        // word lies in it.
        let word = unsafe { self.map.as_mut_ptr().add(offset) };
        // SAFETY: mapping and blocks begin at pages and the offset is a multiple of 4, so the word
        // is aligned. It is mapped as long as `self` lives. It is never lent (`HEAD_BYTES`):
        // everybody, the kernel too, reads and writes it as one word.
        unsafe { AtomicU32::from_ptr(word.cast()) }
    }

    fn is_ours(&self, block: usize) -> bool {
        self.status(block).load(Ordering::Acquire) & TP_STATUS_USER != 0
    }

    /// How many blocks wait, the lent one included.
    pub(super) fn waiting(&self) -> usize {
        (self.at..self.at + self.blocks)
            .take_while(|block| self.is_ours(*block))
            .count()
    }

    /// The next block from [`HEAD_BYTES`] on, if it is ours. It stays ours, and is lent again by
    /// the next call, until [`Self::give_back`].
    pub(super) fn block(&mut self) -> Option<&mut [u8]> {
        if !self.is_ours(self.at) {
            return None;
        }
        let offset = self.at * self.block_bytes + HEAD_BYTES;
        // SAFETY: `at` is below `blocks`, so the block lies in the mapping.
        let first = unsafe { self.map.as_mut_ptr().add(offset) };
        // SAFETY: the bytes up to the block's end lie in the mapping, which lives as long as the
        // borrow of `self`. They are initialised: pages come zeroed. Nobody else touches them:
        // the kernel handed the block over by setting TP_STATUS_USER after its last write, which
        // the Acquire load saw, and writes to it again only after `give_back`, for which the
        // borrow must have ended. The mapping is not shared with another process: sockets
        // are closed on exec, and nothing here forks without it.
        Some(unsafe { std::slice::from_raw_parts_mut(first, self.block_bytes - HEAD_BYTES) })
    }

    /// Gives the lent block back to the kernel and goes on to the next.
    pub(super) fn give_back(&mut self) {
        if self.is_ours(self.at) {
            // Release: all that we read of the block we have read before the kernel writes there.
            self.status(self.at)
                .store(TP_STATUS_KERNEL, Ordering::Release);
            self.at = (self.at + 1) % self.blocks;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(status: u32, text: &[u8]) -> Vec<u8> {
        [&[0; STATUS_OFFSET], &status.to_ne_bytes()[..], text].concat()
    }

    #[test]
    fn blocks_are_lent_in_turn_and_once() {
        let ours = TP_STATUS_USER | libc::TP_STATUS_BLK_TMO;
        let (first, second) = (block(ours, b"first"), block(ours, b"second"));
        let third = block(TP_STATUS_KERNEL, b"third");
        let mut ring = Ring::of(&[&first, &second, &third], BLOCK_BYTES_MIN);
        assert_eq!(ring.waiting(), 2);
        assert!(ring.block().unwrap().starts_with(b"first"));
        assert!(ring.block().unwrap().starts_with(b"first"));
        ring.give_back();
        assert_eq!((ring.waiting(), ring.is_ours(0)), (1, false));
        assert!(ring.block().unwrap().starts_with(b"second"));
        assert_eq!(ring.block().unwrap().len(), BLOCK_BYTES_MIN - HEAD_BYTES);
        ring.give_back();
        assert!(ring.block().is_none());
        // What is not ours can't be given back.
        ring.give_back();
        assert_eq!(ring.at, 2);
        ring.status(2).store(TP_STATUS_USER, Ordering::Release);
        ring.give_back();
        assert_eq!((ring.at, ring.waiting()), (0, 0));
    }

    #[test]
    fn memory_is_whole_blocks() {
        let map = |bytes| MmapRaw::from(memmap2::MmapMut::map_anon(bytes).unwrap());
        assert!(Ring::over(map(3 * BLOCK_BYTES_MIN), BLOCK_BYTES_MIN).is_some());
        assert!(Ring::over(map(3 * BLOCK_BYTES_MIN), 2 * BLOCK_BYTES_MIN).is_none());
        assert!(Ring::over(map(BLOCK_BYTES_MIN), 2 * BLOCK_BYTES_MIN).is_none());
        assert!(Ring::over(map(BLOCK_BYTES_MIN), 64).is_none());
    }
}
